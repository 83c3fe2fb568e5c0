// Who catches a mutant, of all that comes to where it differs from the core, in the order of what it costs: a few lives,
// the promises that are played on the core, and for a second lives and exhaustive faults. A trap tells too, but is named
// only where nothing else does.

import fc from "fast-check";
import { Judge, readLife } from "../simulator/judge.ts";
import { LAWS } from "../simulator/laws.ts";
import type { Outcome } from "../simulator/life.ts";
import type { Script } from "../simulator/script.ts";
import type { Core } from "../test/lib/host.ts";
import { readWasm } from "../test/lib/wasm.ts";
import { PLAYED } from "../test/played/all.ts";
import { COMMAND_LINES } from "../test/played/commandline.ts";
import type { Played } from "../test/played/promises.ts";

export interface Catch {
  readonly by: "law" | "fault" | "test" | "scenario" | "trap" | "hang";
  /** The promise that was broken. */
  readonly who: string;
  /** After how many milliseconds of processor time. */
  readonly ms: number;
}

/** What is to be played on a mutant: promises by their numbers, and lives as test/seeds.txt writes them. */
export interface Work {
  readonly promises: readonly number[];
  readonly lives: readonly string[];
  readonly faults: readonly string[];
}

/** How long to look, half of it for lives and half for exhaustive faults; what a promise plays of what is one of many. */
export interface Patience {
  readonly ms: number;
  readonly effort: number;
}

const FIRST_LIVES = 24;
/** The lives of which each call fails. */
export const SHORTEST = 10;
/** What takes longer does not come back. */
const LIFE_MS_MAX = 500;
/** Every how manieth call fails in every second life. */
export const FAULT_RATE = 20;
/** What starts the init and reads words; on all else the many promises about command lines are not played. */
export const IN_LINES = /^(exec|log|main|options|signals|texts|words)\//;
/** The cheaper ones first. */
export const PROMISES: readonly Played[] = [...PLAYED, ...COMMAND_LINES];

// The same command lines for every mutant, and no search for a shorter one that fails.
fc.configureGlobal({ seed: 1, endOnFailure: true });

/** Milliseconds that this thread has had a processor for. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Which promise caught the last mutant of a function: it is played first on the next, since it often catches that too. */
export type Habits = Map<string, number>;

/** Thrown where the time for a stage is over. */
class Over {}

/** A judge that says before each life that the one before came back. */
class BeatingJudge extends Judge {
  readonly #beat: () => void;

  constructor(wasm: Uint8Array, beat: () => void) {
    super(wasm, PROMISED);
    this.#beat = beat;
  }

  /** Whether the core trapped in the last life although nothing made it. */
  trapped = false;

  override play(script: Script): Outcome {
    this.#beat();
    const outcome = super.play(script);
    this.trapped = outcome.ownTraps > 0;
    return outcome;
  }
}

/** That nothing traps is told apart: a trap is named only where no promise is broken by it. */
const PROMISED = LAWS.filter(({ name }) => name !== "neverTraps");

export class Hunt {
  readonly #wasm: Uint8Array;
  readonly #beat: (busyMs: number) => void;
  readonly #start = processorMs();
  readonly #judge: BeatingJudge;
  readonly #patience: Patience;
  #trapped: string | undefined;
  #until = Number.POSITIVE_INFINITY;

  /** `beat` is told before each life how long that may take. */
  constructor(wasm: Uint8Array, patience: Patience, beat: (busyMs: number) => void) {
    this.#wasm = wasm;
    this.#patience = patience;
    this.#beat = beat;
    this.#judge = new BeatingJudge(wasm, () => {
      if (this.#ms() > this.#until) throw new Over();
      beat(LIFE_MS_MAX);
    });
  }

  run({ promises, lives, faults }: Work, habits: Habits = new Map(), of = ""): Catch | undefined {
    const habit = habits.get(of);
    const first = habit !== undefined && promises.includes(habit) ? [habit] : [];
    const { ms } = this.#patience;
    const found =
      this.#promises(first, habits, of) ??
      this.#within(Number.POSITIVE_INFINITY, () => this.#lives(lives.slice(0, FIRST_LIVES))) ??
      this.#promises(promises, habits, of) ??
      this.#within(ms / 2, () => this.#lives(lives.slice(FIRST_LIVES))) ??
      this.#within(ms / 2, () => this.#lives(faults, "fault"));
    if (found !== undefined || this.#trapped === undefined) return found;
    return this.#caught("trap", this.#trapped);
  }

  #ms(): number {
    return processorMs() - this.#start;
  }

  #caught(by: Catch["by"], who: string): Catch {
    return { by, who, ms: Math.round(this.#ms()) };
  }

  #within(ms: number, hunt: () => Catch | undefined): Catch | undefined {
    this.#until = this.#ms() + ms;
    try {
      return hunt();
    } catch (error) {
      if (isTrap(error)) this.#trapped ??= error.message;
      else if (!(error instanceof Over)) throw error;
      return undefined;
    }
  }

  #lives(lives: readonly string[], by: "law" | "fault" = "law"): Catch | undefined {
    for (const life of lives) {
      const { broken } = this.#judge.play(readLife(life));
      if (broken) return this.#caught(by, `${broken.law}: ${broken.promise}`);
      // One that is made to trap has no trap of its own.
      if (this.#judge.trapped) this.#trapped ??= `life ${life}`;
    }
    return undefined;
  }

  #promises(promises: readonly number[], habits: Habits, of: string): Catch | undefined {
    const core: Core = {
      module: new WebAssembly.Module(this.#wasm),
      wasm: readWasm(this.#wasm),
      begin: () => this.#beat(LIFE_MS_MAX),
    };
    for (const index of promises) {
      const { sentence, play } = PROMISES[index] as Played;
      try {
        play(core, this.#patience.effort);
      } catch (error) {
        if (isTrap(error)) this.#trapped ??= sentence;
        else {
          habits.set(of, index);
          return this.#caught("test", sentence);
        }
      }
    }
    return undefined;
  }
}

/** A RangeError is a stack that is not enough, or an address beyond the memory in a call: native traps there too. */
function isTrap(error: unknown): error is Error {
  return error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
}
