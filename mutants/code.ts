// The functions of a module, instruction by instruction, each with its place in the bytes; and a module with some places
// changed. Only what asc writes for the core is known here: anything else is an error, never skipped.

import { Cursor, readWasm } from "../test/lib/wasm.ts";

export interface Instruction {
  /** The bytes from `at` to `end` of the module. */
  readonly at: number;
  readonly end: number;
  readonly code: number;
  /** Its name, with its immediate where it has one: "i32.const 7", "call log/say". */
  readonly text: string;
  /** How many values it takes from the stack, and puts there. Structure (block, end, ...) is the reader's to follow. */
  readonly takes: number;
  readonly gives: number;
  /** A constant's value, a label's depth, a function's number, a local's number. */
  readonly value: bigint;
  /** The labels of a br_table, the last one for all other values. */
  readonly labels: readonly number[];
}

export interface Func {
  readonly name: string;
  /** Where its body begins, behind its size. */
  readonly at: number;
  readonly params: number;
  readonly results: readonly string[];
  /** Whether native calls it. */
  readonly exported: boolean;
  readonly instructions: readonly Instruction[];
}

export interface Code {
  readonly bytes: Uint8Array;
  /** Imports first, as wasm counts; only those with a body are in `functions`. */
  readonly signatures: readonly Signature[];
  readonly functions: readonly Func[];
}

interface Signature {
  readonly name: string;
  readonly params: readonly string[];
  readonly results: readonly string[];
}

/** Bytes that take the place of others; where `end` is `at`, they come in between. */
export interface Patch {
  readonly at: number;
  readonly end: number;
  readonly bytes: readonly number[];
}

const SECTION = { custom: 0, type: 1, func: 3, code: 10 } as const;
const FUNCTION_NAMES = 1;
const TYPES: Readonly<Record<number, string>> = { 127: "i32", 126: "i64" };

export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  br_if: 0x0d,
  br_table: 0x0e,
  return: 0x0f,
  call: 0x10,
  drop: 0x1a,
  select: 0x1b,
  local_get: 0x20,
  local_set: 0x21,
  local_tee: 0x22,
  i32_const: 0x41,
  i64_const: 0x42,
  i32_eqz: 0x45,
  i64_eqz: 0x50,
} as const;

/** Number, name, values taken, values given, immediate: (l)abel or local, (b)lock type, (f)unction, (m)emory, (c)onstant. */
const TABLE = `
00 unreachable 0 0     | 02 block 0 0 b        | 03 loop 0 0 b         | 04 if 1 0 b           | 05 else 0 0
0b end 0 0             | 0c br 0 0 l           | 0d br_if 1 0 l        | 0e br_table 1 0 t     | 0f return 0 0
10 call 0 0 f          | 1a drop 1 0           | 1b select 3 1         | 20 local.get 0 1 l    | 21 local.set 1 0 l
22 local.tee 1 1 l     | 28 i32.load 1 1 m     | 29 i64.load 1 1 m     | 2c i32.load8_s 1 1 m  | 2d i32.load8_u 1 1 m
2e i32.load16_s 1 1 m  | 2f i32.load16_u 1 1 m | 30 i64.load8_s 1 1 m  | 31 i64.load8_u 1 1 m  | 32 i64.load16_s 1 1 m
33 i64.load16_u 1 1 m  | 34 i64.load32_s 1 1 m | 35 i64.load32_u 1 1 m | 36 i32.store 2 0 m    | 37 i64.store 2 0 m
3a i32.store8 2 0 m    | 3b i32.store16 2 0 m  | 3c i64.store8 2 0 m   | 3d i64.store16 2 0 m  | 3e i64.store32 2 0 m
41 i32.const 0 1 c    | 42 i64.const 0 1 c    | 45 i32.eqz 1 1        | 46 i32.eq 2 1
47 i32.ne 2 1          | 48 i32.lt_s 2 1       | 49 i32.lt_u 2 1       | 4a i32.gt_s 2 1       | 4b i32.gt_u 2 1
4c i32.le_s 2 1        | 4d i32.le_u 2 1       | 4e i32.ge_s 2 1       | 4f i32.ge_u 2 1       | 50 i64.eqz 1 1
51 i64.eq 2 1          | 52 i64.ne 2 1         | 53 i64.lt_s 2 1       | 54 i64.lt_u 2 1       | 55 i64.gt_s 2 1
56 i64.gt_u 2 1        | 57 i64.le_s 2 1       | 58 i64.le_u 2 1       | 59 i64.ge_s 2 1       | 5a i64.ge_u 2 1
6a i32.add 2 1         | 6b i32.sub 2 1        | 6c i32.mul 2 1        | 6d i32.div_s 2 1      | 6e i32.div_u 2 1
6f i32.rem_s 2 1       | 70 i32.rem_u 2 1      | 71 i32.and 2 1        | 72 i32.or 2 1         | 73 i32.xor 2 1
74 i32.shl 2 1         | 75 i32.shr_s 2 1      | 76 i32.shr_u 2 1      | 77 i32.rotl 2 1       | 78 i32.rotr 2 1
7c i64.add 2 1        | 7d i64.sub 2 1
7e i64.mul 2 1         | 83 i64.and 2 1        | 84 i64.or 2 1         | 85 i64.xor 2 1        | 86 i64.shl 2 1
87 i64.shr_s 2 1       | 88 i64.shr_u 2 1      | a7 i32.wrap_i64 1 1   | ac i64.extend_i32_s 1 1
ad i64.extend_i32_u 1 1 | c0 i32.extend8_s 1 1 | c1 i32.extend16_s 1 1`;

interface Operation {
  readonly name: string;
  readonly takes: number;
  readonly gives: number;
  readonly immediate: string;
}

const OPERATIONS = new Map<number, Operation>(
  TABLE.split(/[|\n]/)
    .filter((cell) => cell.trim() !== "")
    .map((cell) => {
      const [code = "", name = "", takes, gives, immediate = ""] = cell.trim().split(/\s+/);
      return [Number.parseInt(code, 16), { name, takes: Number(takes), gives: Number(gives), immediate }];
    }),
);

export function readCode(bytes: Uint8Array): Code {
  const sections = readSections(bytes);
  const at = (id: number): Cursor => new Cursor(bytes, sections.get(id) ?? missing(`section ${id}`));
  const types = at(SECTION.type).list(readType);
  const own = at(SECTION.func).list((cursor) => types[cursor.number()] ?? missing("a type"));
  const names = readNames(bytes);
  const { imports, exports } = readWasm(bytes);
  const doors = new Set(exports.filter(({ kind }) => kind === "function").map(({ index }) => index));
  const signatures = [
    ...imports.map(({ name, signature }) => ({ name, ...signature })),
    ...own.map((type, index) => ({ ...type, name: names.get(imports.length + index) ?? missing("a name") })),
  ];
  let index = imports.length;
  const functions = at(SECTION.code).list((cursor) => {
    const self = signatures[index] ?? missing("a signature");
    return { ...readFunction(cursor, self, signatures), exported: doors.has(index++) };
  });
  return { bytes, signatures, functions };
}

function missing(what: string): never {
  throw new Error(`the module lacks ${what}`);
}

/** Where the contents of each section begin. */
function readSections(bytes: Uint8Array): Map<number, number> {
  const sections = new Map<number, number>();
  for (const { id, at } of eachSection(bytes)) if (id !== SECTION.custom) sections.set(id, at);
  return sections;
}

function* eachSection(bytes: Uint8Array): Generator<{ id: number; at: number; end: number }> {
  const cursor = new Cursor(bytes, 8);
  while (!cursor.atEnd()) {
    const id = cursor.byte();
    const length = cursor.number();
    const { at } = cursor;
    cursor.take(length);
    yield { id, at, end: cursor.at };
  }
}

/** The names of functions by their numbers; asc calls them file/function. */
function readNames(bytes: Uint8Array): Map<number, string> {
  for (const { id, at, end } of eachSection(bytes)) {
    if (id !== SECTION.custom) continue;
    const cursor = new Cursor(bytes, at);
    if (cursor.text() !== "name") continue;
    while (cursor.at < end) {
      const kind = cursor.byte();
      const part = cursor.take(cursor.number());
      if (kind !== FUNCTION_NAMES) continue;
      return new Map(new Cursor(part, 0).list((each) => [each.number(), each.text()] as const));
    }
  }
  return new Map();
}

function readType(cursor: Cursor): Omit<Signature, "name"> {
  if (cursor.byte() !== 0x60) throw new Error("expected a function type");
  const type = (): string => TYPES[cursor.byte()] ?? missing("a number type");
  return { params: cursor.list(type), results: cursor.list(type) };
}

function readFunction(
  cursor: Cursor,
  self: Signature,
  signatures: readonly Signature[],
): Omit<Func, "exported"> {
  const length = cursor.number();
  const { at } = cursor;
  cursor.list(() => [cursor.number(), cursor.byte()]);
  const instructions: Instruction[] = [];
  while (cursor.at < at + length) instructions.push(readInstruction(cursor, signatures));
  return { name: self.name, at, params: self.params.length, results: self.results, instructions };
}

function readInstruction(cursor: Cursor, signatures: readonly Signature[]): Instruction {
  const { at } = cursor;
  const code = cursor.byte();
  const operation = OPERATIONS.get(code);
  if (operation === undefined) throw new Error(`opcode ${code.toString(16)} at ${at} is not known`);
  const { name, immediate } = operation;
  let { takes, gives } = operation;
  let value = 0n;
  let labels: number[] = [];
  let text = name;
  if (immediate === "c") value = cursor.signed();
  else if (immediate === "b") value = BigInt(cursor.byte());
  else if (immediate === "t") labels = [...cursor.list((each) => each.number()), cursor.number()];
  else if (immediate === "m") text += ` ${memoryOffset(cursor)}`;
  else if (immediate !== "") value = BigInt(cursor.number());
  if (immediate === "f") {
    const callee = signatures[Number(value)] ?? missing("a function");
    [takes, gives, text] = [callee.params.length, callee.results.length, `call ${callee.name}`];
  } else if (immediate === "c" || immediate === "l") text += ` ${value}`;
  return { at, end: cursor.at, code, text: text.trim(), takes, gives, value, labels };
}

/** "+8"; the alignment is a hint and says nothing. */
function memoryOffset(cursor: Cursor): string {
  cursor.number();
  const offset = cursor.number();
  return offset === 0 ? "" : `+${offset}`;
}

/** The module with patches in its functions, in the order of their places; the sizes around them follow. */
export function patched({ bytes }: Code, ...patches: readonly Patch[]): Uint8Array<ArrayBuffer> {
  const section = [...eachSection(bytes)].find((each) => each.id === SECTION.code) ?? missing("code");
  const cursor = new Cursor(bytes, section.at);
  const count = cursor.number();
  const parts: Uint8Array[] = [Uint8Array.from(unsigned(count))];
  for (let i = 0; i < count; i++) {
    const length = cursor.number();
    const start = cursor.at;
    cursor.take(length);
    const own = patches.filter(({ at }) => at >= start && at < cursor.at);
    const size = own.reduce((sum, { at, end, bytes: fresh }) => sum - (end - at) + fresh.length, length);
    parts.push(Uint8Array.from(unsigned(size)), ...changed(bytes, start, cursor.at, own));
  }
  const body = Buffer.concat(parts);
  const head = bytes.subarray(0, sectionStart(bytes, section.at));
  const opening = Uint8Array.from([SECTION.code, ...unsigned(body.length)]);
  return Buffer.concat([head, opening, body, bytes.subarray(section.end)]);
}

function* changed(
  bytes: Uint8Array,
  start: number,
  end: number,
  patches: readonly Patch[],
): Generator<Uint8Array> {
  let from = start;
  for (const patch of patches) {
    yield bytes.subarray(from, patch.at);
    yield Uint8Array.from(patch.bytes);
    from = patch.end;
  }
  yield bytes.subarray(from, end);
}

/** Where a section's id stands whose contents begin at `at`. */
function sectionStart(bytes: Uint8Array, at: number): number {
  let start = 8;
  for (const each of eachSection(bytes)) {
    if (each.at === at) return start;
    start = each.end;
  }
  return missing("that section");
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...unsigned(Math.floor(value / 128))];
}

export function signed(value: bigint): number[] {
  const low = Number(value & 127n);
  const rest = value >> 7n;
  const done = (rest === 0n && low < 64) || (rest === -1n && low >= 64);
  return done ? [low] : [low + 128, ...signed(rest)];
}
