// One worker, a process of its own: hunts the mutants that it is sent, one after the other, and answers who caught
// each. Between lives it says that it comes back.

import { readFileSync } from "node:fs";
import { readCode } from "./code.ts";
import { type Catch, type Habits, Hunt, type Work } from "./hunt.ts";
import { emit, mutantsOf } from "./mutate.ts";

/** The number of a mutant, and what is to be played on it. */
export interface Order {
  readonly index: number;
  readonly work: Work;
}

/** What a worker says: how long it will be busy with the next thing, or the answer for the mutant in hand. */
export type Message = { readonly busyMs: number } | { readonly answer: Catch | null };

const BEAT_MS = 100;

const [wasm = "", ms, effort] = process.argv.slice(2);
const patience = { ms: Number(ms), effort: Number(effort) };
const code = readCode(new Uint8Array(readFileSync(wasm)));
const mutants = mutantsOf(code);
const habits: Habits = new Map();
let last = 0;
let longest = 0;

function say(message: Message): void {
  // Nobody listens any more where the hunt was given up; `disconnect` ends us then.
  process.send?.(message, () => {});
}

/** Lives are short and many, and not each is worth a message. */
function beat(busyMs: number): void {
  const now = performance.now();
  if (busyMs === longest && now - last < BEAT_MS) return;
  last = now;
  longest = busyMs;
  say({ busyMs });
}

process.on("message", ({ index, work }: Order) => {
  const mutant = mutants[index];
  if (mutant === undefined) throw new Error(`there is no mutant ${index}`);
  // Whoever sent it has heard nothing about this one yet.
  longest = 0;
  say({
    answer: new Hunt(emit(code, mutant), patience, beat).run(work, habits, mutant.function) ?? null,
  });
});
process.on("disconnect", () => process.exit());
