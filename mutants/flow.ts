// What the values of a function are for, as far as mutants are counted apart by it: which instructions only decide
// whether an assertion fails, and which constants only choose what is said.

import { type Func, type Instruction, OP } from "./code.ts";

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

/** A value on the stack: the instruction that its computation begins with, and the constants it may be. */
interface Value {
  readonly from: number;
  readonly constants: readonly Instruction[];
}

interface Frame {
  readonly from: number;
  readonly height: number;
  readonly result: boolean;
  /** What leaves the block as its value. */
  readonly left: Instruction[];
}

const NO_RESULT = 0x40n;

export function usesIn({ instructions, results }: Func): Uses {
  const asserting = new Set<Instruction>();
  const choosing = new Set<Instruction>();
  const stack: Value[] = [];
  const frames: Frame[] = [{ from: 0, height: 0, result: results.length > 0, left: [] }];
  for (const [index, instruction] of instructions.entries()) {
    const values = pop(stack, instruction.takes, frames);
    const from = values[0]?.from ?? index;
    for (const parameter of SAID[instruction.text] ?? [])
      for (const constant of values[parameter]?.constants ?? []) choosing.add(constant);
    if (isAssertion(instructions, index))
      for (const each of instructions.slice(from, index + 1)) asserting.add(each);
    if (instruction.gives > 0) stack.push({ from, constants: constantsOf(instruction, values) });
    follow(instruction, from, stack, frames);
  }
  return { asserting, choosing };
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

function constantsOf(instruction: Instruction, values: readonly Value[]): readonly Instruction[] {
  if (instruction.code === OP.i32_const) return [instruction];
  if (instruction.code !== OP.select) return [];
  return [...(values[0]?.constants ?? []), ...(values[1]?.constants ?? [])];
}

/** Blocks, and the values that leave them. */
function follow(of: Instruction, from: number, stack: Value[], frames: Frame[]): void {
  const frame = frames.at(-1);
  if (frame === undefined) throw new Error("instructions behind the end of a function");
  const leave = (target: Frame | undefined): void => {
    if (target?.result) target.left.push(...(stack.at(-1)?.constants ?? []));
  };
  if (of.code === OP.block || of.code === OP.loop || of.code === OP.if) {
    frames.push({ from, height: stack.length, result: of.value !== NO_RESULT, left: [] });
  } else if (of.code === OP.br || of.code === OP.br_if) {
    leave(frames[frames.length - 1 - Number(of.value)]);
    if (of.code === OP.br) stack.length = frame.height;
  } else if (of.code === OP.else) {
    leave(frame);
    stack.length = frame.height;
  } else if (of.code === OP.end) {
    leave(frame);
    stack.length = frame.height;
    frames.pop();
    if (frame.result) stack.push({ from: frame.from, constants: frame.left });
  } else if (of.code === OP.return || of.code === OP.unreachable || of.code === OP.br_table) {
    stack.length = frame.height;
  }
}
