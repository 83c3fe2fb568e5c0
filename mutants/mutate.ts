// Every small wrong change of a module: one instruction each, of every function. A mutant is named by its function, the
// instruction, the how-manieth of its like in the function, and what became of it, so that a change elsewhere in the
// core does not rename it. Addresses move with every text and every field, so that their numbers are in no name.

import { type Code, type Func, type Instruction, OP, type Patch, patched, signed } from "./code.ts";
import { decidingIn, usesIn } from "./flow.ts";

export const KINDS = ["comparison", "constant", "call", "branch", "store", "operator"] as const;
export type Kind = (typeof KINDS)[number];

export interface Mutant {
  readonly name: string;
  readonly function: string;
  readonly kind: Kind;
  /** What alone it changes: whether an assertion fails, or which text is said. */
  readonly apart: "assertion" | "text" | undefined;
  /** Where in its function's body. */
  readonly offset: number;
  readonly patch: Patch;
}

interface Change {
  readonly kind: Kind;
  readonly what: string;
  readonly bytes: readonly number[];
}

/** i32.eq and so on by number; what each is turned into: its opposite, and where there is one, the other boundary. */
const TURNED: Readonly<Record<string, readonly string[]>> = {
  eq: ["ne"],
  ne: ["eq"],
  lt_s: ["ge_s", "le_s"],
  lt_u: ["ge_u", "le_u"],
  gt_s: ["le_s", "ge_s"],
  gt_u: ["le_u", "ge_u"],
  le_s: ["gt_s", "lt_s"],
  le_u: ["gt_u", "lt_u"],
  ge_s: ["lt_s", "gt_s"],
  ge_u: ["lt_u", "gt_u"],
};
const COMPARISONS = ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"];
const I32_EQ = 0x46;
const I64_EQ = 0x51;

const OPERATORS: Readonly<Record<number, readonly [string, number]>> = {
  106: ["i32.sub", 0x6b],
  107: ["i32.add", 0x6a],
  113: ["i32.or", 0x72],
  114: ["i32.and", 0x71],
  119: ["i32.rotr", 0x78],
  120: ["i32.rotl", 0x77],
  124: ["i64.sub", 0x7d],
  125: ["i64.add", 0x7c],
  131: ["i64.or", 0x84],
  132: ["i64.and", 0x83],
};

const EQZ = [0x45, 0x50] as const;
const CONSTANT: Readonly<Record<string, readonly number[]>> = {
  i32: [OP.i32_const, 0],
  i64: [OP.i64_const, 0],
};
const ADDRESS_MIN = 1024n;
const ADDRESS_MAX = 16384n;
const FIRST_STORE = 0x36;
const LAST_STORE = 0x3e;

/** Every mutant of a module, function by function, in the order of the bytes. */
export function mutantsOf(code: Code): Mutant[] {
  const deciding = decidingIn(code);
  return code.functions.flatMap((each) => mutantsIn(code, each, deciding));
}

export function emit(code: Code, mutant: Mutant): Uint8Array {
  return patched(code, mutant.patch);
}

function mutantsIn(code: Code, self: Func, deciding: ReadonlySet<Instruction>): Mutant[] {
  const uses = usesIn(self);
  const counts = new Map<string, number>();
  return self.instructions.flatMap((instruction) => {
    const { at, end } = instruction;
    const text = isAddress(instruction) ? "i32.const address" : instruction.text;
    const count = (counts.get(text) ?? 0) + 1;
    counts.set(text, count);
    const apart = uses.asserting.has(instruction)
      ? "assertion"
      : uses.choosing.has(instruction)
        ? "text"
        : undefined;
    return changes(code, instruction, deciding.has(instruction)).map(({ kind, what, bytes }) => ({
      name: `${self.name}: ${text} #${count} ${what}`,
      function: self.name,
      kind,
      apart,
      offset: at - self.at,
      patch: { at, end, bytes },
    }));
  });
}

/** By its size: the memory that is in use lies there, and few numbers do. Powers of two are sizes. */
function isAddress({ code, value }: Instruction): boolean {
  if (code !== OP.i32_const || value <= ADDRESS_MIN || value > ADDRESS_MAX) return false;
  return (BigInt(value) & (BigInt(value) - 1n)) !== 0n;
}

function changes(code: Code, instruction: Instruction, decides: boolean): Change[] {
  const { code: op } = instruction;
  if (op === OP.i32_const || op === OP.i64_const) return constants(instruction, decides);
  if (op === OP.if || op === OP.br_if) return decided(code, instruction, ["never", "always"]);
  if (op === OP.select) return decided(code, instruction, ["always the second", "always the first"]);
  if (op === OP.br_table) return cases(instruction);
  if (op === OP.call) return [dropped("call", instruction, results(code, instruction))];
  if (op >= FIRST_STORE && op <= LAST_STORE) return [dropped("store", instruction, [])];
  const operator = OPERATORS[op];
  if (operator !== undefined)
    return [{ kind: "operator", what: `becomes ${operator[0]}`, bytes: [operator[1]] }];
  return comparisons(op);
}

/** Where a constant only decides between two ways, another number that decides the same is no change. */
function constants(instruction: Instruction, decides: boolean): Change[] {
  const { code, value } = instruction;
  const became = (other: bigint): string =>
    isAddress(instruction) ? `becomes one ${other > value ? "more" : "less"}` : `becomes ${other}`;
  return [value + 1n, value - 1n]
    .filter((other) => !decides || (other === 0n) !== (value === 0n))
    .filter((other) => BigInt.asIntN(code === OP.i32_const ? 32 : 64, other) === other)
    .map((other) => ({ kind: "constant", what: became(other), bytes: [code, ...signed(other)] }));
}

/** The condition is computed and thrown away. */
function decided({ bytes }: Code, { at, end }: Instruction, [no, yes]: readonly [string, string]): Change[] {
  const rest = [...bytes.subarray(at, end)];
  return [no, yes].map((what, index) => ({
    kind: "branch",
    what,
    bytes: [OP.drop, OP.i32_const, index, ...rest],
  }));
}

/** Each label of a table but the last, which all other values take, becomes the last one. */
function cases({ labels }: Instruction): Change[] {
  const other = labels.at(-1) ?? 0;
  return labels.slice(0, -1).flatMap((label, index) => {
    if (label === other) return [];
    const list = labels.with(index, other);
    return [
      {
        kind: "branch",
        what: `case ${index} as any other`,
        bytes: [OP.br_table, list.length - 1, ...list],
      } as const,
    ];
  });
}

function results(code: Code, call: Instruction): readonly string[] {
  return code.signatures[Number(call.value)]?.results ?? [];
}

/** What it takes from the stack is thrown away; what it would have given is 0. */
function dropped(kind: Kind, { takes }: Instruction, given: readonly string[]): Change {
  const bytes = [...new Array<number>(takes).fill(OP.drop), ...given.flatMap((type) => CONSTANT[type] ?? [])];
  return { kind, what: "dropped", bytes };
}

function comparisons(op: number): Change[] {
  if (op === EQZ[0]) return [{ kind: "comparison", what: "turned", bytes: [OP.i32_const, 0, I32_EQ + 1] }];
  if (op === EQZ[1]) return [{ kind: "comparison", what: "turned", bytes: [OP.i64_const, 0, I64_EQ + 1] }];
  const first = op >= I64_EQ ? I64_EQ : I32_EQ;
  const type = op >= I64_EQ ? "i64" : "i32";
  return (TURNED[COMPARISONS[op - first] ?? ""] ?? []).map((name) => ({
    kind: "comparison",
    what: `becomes ${type}.${name}`,
    bytes: [first + COMPARISONS.indexOf(name)],
  }));
}
