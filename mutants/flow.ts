// Where the values of a function go: which instructions only decide whether an assertion fails, which constants only
// choose what is said, and which only decide between two ways, so that any number but zero means the same.

import { type Code, type Func, type Instruction, OP } from "./code.ts";

export interface Uses {
  /** Instructions that compute the condition of `if unreachable end`, and that `if`. */
  readonly asserting: ReadonlySet<Instruction>;
  /** Constants that end up, as they are, as the text that is said or as a value in it. */
  readonly choosing: ReadonlySet<Instruction>;
}

/** The parameters that are said, counted from 0: a text, and the values that stand in it. */
const SAID: Readonly<Record<string, readonly number[]>> = {
  "call log/say": [1, 2, 3],
  "call log/print": [1, 2, 3],
  "call log/compose": [1, 2, 3],
  "call log/format": [0, 1, 2],
  "call log/putText": [0],
  "call options/wrong": [0],
  "call options/wrongLong": [0],
  "call options/takeName": [3],
};

/** A value on the stack: the instruction that its computation begins with, and those that may have given it as it is. */
interface Value {
  readonly from: number;
  readonly sources: readonly Instruction[];
}

interface Frame {
  readonly from: number;
  readonly height: number;
  readonly result: boolean;
  /** What leaves the block as its value. */
  readonly left: Instruction[];
}

const NO_RESULT = 0x40n;

export function usesIn(self: Func): Uses {
  const asserting = new Set<Instruction>();
  const choosing = new Set<Instruction>();
  walk(self, (instruction, index, values) => {
    for (const parameter of SAID[instruction.text] ?? [])
      for (const source of values[parameter]?.sources ?? []) if (isConstant(source)) choosing.add(source);
    if (isAssertion(self.instructions, index))
      for (const each of self.instructions.slice(values[0]?.from ?? index, index + 1)) asserting.add(each);
  });
  return { asserting, choosing };
}

/**
 * The constants of a module that, wherever they get to, only decide between two ways: conditions, also by way of a local
 * or as the answer or an argument of a function. What is stored, computed with, compared or handed to the kernel is not.
 */
export function decidingIn(code: Code): ReadonlySet<Instruction> {
  const uses = new Map<Place, Set<Use>>();
  const constants: Instruction[] = [];
  const use = (source: Instruction, self: Func, by: Use): void => {
    const place = placeOf(source, self, code);
    if (place !== undefined) uses.set(place, (uses.get(place) ?? new Set()).add(by));
  };
  for (const self of code.functions) {
    constants.push(...self.instructions.filter(isConstant));
    const answers = walk(self, (instruction, _index, values) => {
      for (const [parameter, { sources }] of values.entries())
        for (const source of sources) use(source, self, useOf(instruction, parameter, self, code));
    });
    for (const source of answers) use(source, self, self.exported ? NUMBER : `${self.name} answers`);
  }
  const numbers = whatReaches(NUMBER, uses);
  return new Set(constants.filter((constant) => !numbers.has(constant)));
}

/** Where a value may be: a constant, a local variable, or what a function answers. */
type Place = Instruction | string;
type Use = Place | typeof CONDITION | typeof NUMBER;
const CONDITION = "a condition";
const NUMBER = "a number";

function placeOf(source: Instruction, self: Func, code: Code): Place | undefined {
  if (isConstant(source)) return source;
  if (source.code === OP.local_get || source.code === OP.local_tee) return local(self.name, source.value);
  if (source.code === OP.call) return `${code.signatures[Number(source.value)]?.name} answers`;
  return undefined;
}

function local(name: string, number: bigint | number): string {
  return `${name} ${number}`;
}

function useOf({ code: op, value }: Instruction, parameter: number, self: Func, code: Code): Use {
  if (op === OP.if || op === OP.br_if || op === OP.i32_eqz || op === OP.i64_eqz || op === OP.drop)
    return CONDITION;
  // The two values of a select go on as they are.
  if (op === OP.select) return CONDITION;
  if (op === OP.local_set || op === OP.local_tee) return local(self.name, value);
  const callee = code.functions[Number(value) - (code.signatures.length - code.functions.length)];
  return op === OP.call && callee !== undefined ? local(callee.name, parameter) : NUMBER;
}

/** All that gets, on whatever way, to `end`. */
function whatReaches(end: Use, uses: ReadonlyMap<Place, ReadonlySet<Use>>): ReadonlySet<Use> {
  const reaching = new Set<Use>([end]);
  for (let before = 0; before < reaching.size; ) {
    before = reaching.size;
    for (const [place, to] of uses) if ([...to].some((each) => reaching.has(each))) reaching.add(place);
  }
  return reaching;
}

/** Hands over each instruction with the values that it takes; answers what may have given the function's own answer. */
function walk(
  { instructions, results }: Func,
  visit: (instruction: Instruction, index: number, values: readonly Value[]) => void,
): readonly Instruction[] {
  const stack: Value[] = [];
  const whole: Frame = { from: 0, height: 0, result: results.length > 0, left: [] };
  const frames: Frame[] = [whole];
  for (const [index, instruction] of instructions.entries()) {
    const values = pop(stack, instruction.takes, frames);
    visit(instruction, index, values);
    const from = values[0]?.from ?? index;
    if (instruction.gives > 0) stack.push({ from, sources: sourcesOf(instruction, values) });
    follow(instruction, from, stack, frames);
  }
  return whole.left;
}

function pop(stack: Value[], count: number, frames: readonly Frame[]): Value[] {
  const height = frames.at(-1)?.height ?? 0;
  // Behind a jump there is whatever is asked for.
  return count === 0 ? [] : stack.splice(Math.max(height, stack.length - count));
}

function isAssertion(instructions: readonly Instruction[], index: number): boolean {
  const codes = instructions.slice(index, index + 3).map(({ code }) => code);
  return codes[0] === OP.if && codes[1] === OP.unreachable && codes[2] === OP.end;
}

function isConstant({ code }: Instruction): boolean {
  return code === OP.i32_const || code === OP.i64_const;
}

function sourcesOf(instruction: Instruction, values: readonly Value[]): readonly Instruction[] {
  if (instruction.code !== OP.select) return [instruction];
  return [...(values[0]?.sources ?? []), ...(values[1]?.sources ?? [])];
}

/** Blocks, and the values that leave them. */
function follow(of: Instruction, from: number, stack: Value[], frames: Frame[]): void {
  const frame = frames.at(-1);
  if (frame === undefined) throw new Error("instructions behind the end of a function");
  const leave = (target: Frame | undefined): void => {
    if (target?.result && stack.length > frame.height) target.left.push(...(stack.at(-1)?.sources ?? []));
  };
  const labelled = (depth: number | bigint): Frame | undefined => frames[frames.length - 1 - Number(depth)];
  if (of.code === OP.block || of.code === OP.loop || of.code === OP.if) {
    frames.push({ from, height: stack.length, result: of.value !== NO_RESULT, left: [] });
  } else if (of.code === OP.br_if) {
    leave(labelled(of.value));
  } else if (JUMPS.has(of.code)) {
    if (of.code === OP.br) leave(labelled(of.value));
    if (of.code === OP.return) leave(frames[0]);
    for (const label of of.labels) leave(labelled(label));
    stack.length = frame.height;
  } else if (of.code === OP.else) {
    leave(frame);
    stack.length = frame.height;
  } else if (of.code === OP.end) {
    leave(frame);
    stack.length = frame.height;
    frames.pop();
    if (frame.result) stack.push({ from: frame.from, sources: frame.left });
  }
}

const JUMPS: ReadonlySet<number> = new Set([OP.br, OP.return, OP.unreachable, OP.br_table]);
