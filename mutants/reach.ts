// Which promises and lives come to which instruction of the core: each is played once on a core that marks where it has
// been. Up to the instruction that is changed a mutant is the core, so what does not come there cannot tell it from the
// core, and need not be played on it.

import { Judge } from "../simulator/judge.ts";
import { readWasm } from "../test/lib/wasm.ts";
import { PLAYED } from "../test/played/all.ts";
import { type Code, OP, type Patch, patched, signed } from "./code.ts";
import { FAULT_RATE, IN_LINES, PROMISES, SHORTEST, type Work } from "./hunt.ts";
import type { Mutant } from "./mutate.ts";

export interface Extent {
  /** What is played of the promises that are about many things of a kind. */
  readonly effort: number;
  /** How many seeds, each with and without faults. */
  readonly seeds: number;
}

/** Far behind all that the core uses of its page. */
export const MARKS = 32_768;
const STORE8 = 0x3a;
/** Behind these, what comes next may be reached or not. */
const PARTING: ReadonlySet<number> = new Set([OP.if, OP.else, OP.end, OP.br_if, OP.call]);
/** Nobody has the patience for more. */
const EACH_MAX = 1000;

/** The core that marks its way, and the number of the mark that goes with the instruction at each place. */
export function marking(code: Code): { wasm: Uint8Array<ArrayBuffer>; marks: ReadonlyMap<number, number> } {
  const marks = new Map<number, number>();
  const patches: Patch[] = [];
  for (const { instructions } of code.functions) {
    for (const [index, { at }] of instructions.entries()) {
      if (index === 0 || PARTING.has(instructions[index - 1]?.code ?? 0)) {
        const address = signed(BigInt(MARKS + patches.length));
        patches.push({ at, end: at, bytes: [OP.i32_const, ...address, OP.i32_const, 1, STORE8, 0, 0] });
      }
      marks.set(at, patches.length - 1);
    }
  }
  return { wasm: patched(code, ...patches), marks };
}

/** By mark, what came there. */
class Visits<Item> {
  readonly #items: Item[][];
  readonly #seen: Uint8Array;

  constructor(marks: number) {
    this.#items = Array.from({ length: marks }, () => []);
    this.#seen = new Uint8Array(marks);
  }

  /** What is played now has left this memory behind; it may leave several. */
  left(memory: Uint8Array): void {
    for (let mark = 0; mark < this.#seen.length; mark++) if (memory[MARKS + mark] !== 0) this.#seen[mark] = 1;
  }

  /** It is over. */
  note(item: Item): void {
    for (const [mark, items] of this.#items.entries())
      if (this.#seen[mark] !== 0 && items.length < EACH_MAX) items.push(item);
    this.#seen.fill(0);
  }

  at(mark: number | undefined): readonly Item[] {
    return this.#items[mark ?? -1] ?? [];
  }
}

export class Reach {
  readonly #marks: ReadonlyMap<number, number>;
  readonly #promises: Visits<number>;
  readonly #lives: Visits<string>;
  readonly #faults: Visits<string>;

  constructor(code: Code, { effort, seeds }: Extent) {
    const { wasm, marks } = marking(code);
    const count = new Set(marks.values()).size;
    this.#marks = marks;
    this.#promises = new Visits(count);
    this.#lives = new Visits(count);
    this.#faults = new Visits(count);
    this.#playPromises(wasm, effort);
    this.#playLives(wasm, seeds);
    this.#playFaults(wasm);
  }

  /** All that comes to where a mutant differs from the core. */
  of({ patch, function: name }: Mutant): Work {
    const mark = this.#marks.get(patch.at);
    const promises = this.#promises.at(mark);
    return {
      promises: IN_LINES.test(name) ? promises : promises.filter((index) => index < PLAYED.length),
      lives: this.#lives.at(mark),
      faults: this.#faults.at(mark),
    };
  }

  #playPromises(wasm: Uint8Array<ArrayBuffer>, effort: number): void {
    const left = (memory: Uint8Array): void => this.#promises.left(memory);
    const core = { module: new WebAssembly.Module(wasm), wasm: readWasm(wasm), left };
    for (const [index, { play }] of PROMISES.entries()) {
      play(core, effort);
      this.#promises.note(index);
    }
  }

  #playLives(wasm: Uint8Array<ArrayBuffer>, seeds: number): void {
    const judge = new Judge(wasm, [], undefined, (memory) => this.#lives.left(memory));
    for (let seed = 0; seed < seeds; seed++) {
      for (const rate of [0, FAULT_RATE]) {
        judge.judge(seed, rate);
        this.#lives.note(rate === 0 ? `${seed}` : `${seed} faults=${rate}`);
      }
    }
  }

  #playFaults(wasm: Uint8Array<ArrayBuffer>): void {
    const judge = new Judge(wasm, [], undefined, (memory) => this.#faults.left(memory));
    for (const script of new Judge(wasm).shortest(SHORTEST)) {
      for (const { script: played } of judge.exhaustAll(script)) {
        const faults = played.faults.map(({ call, how }) => `${call}:${how}`);
        this.#faults.note(`${played.seed} ${faults.join()}`);
      }
    }
  }
}
