// Who catches a mutant, in the order of what it costs: a few lives, the promises that are played on the core, lives for a
// second, exhaustive faults for a second. A trap tells too, but is named only where nothing else does.

import fc from "fast-check";
import { Judge } from "../simulator/judge.ts";
import { LAWS } from "../simulator/laws.ts";
import type { Outcome } from "../simulator/life.ts";
import type { Script } from "../simulator/script.ts";
import type { Core } from "../test/lib/host.ts";
import { readWasm } from "../test/lib/wasm.ts";
import { COMMAND_LINES } from "../test/played/commandline.ts";
import { FILES } from "../test/played/files.ts";
import { LOGS } from "../test/played/logs.ts";
import { LOOPS } from "../test/played/loop.ts";
import type { Played } from "../test/played/promises.ts";
import { RESTARTS } from "../test/played/restart.ts";
import { STARTS } from "../test/played/start.ts";

export interface Catch {
  readonly by: "law" | "test" | "trap" | "hang";
  /** The promise that was broken. */
  readonly who: string;
  /** After how many milliseconds of processor time. */
  readonly ms: number;
}

/** How long to look: for lives and again for exhaustive faults, and what a promise plays of what is one of many. */
export interface Patience {
  readonly ms: number;
  readonly effort: number;
}

const FIRST_LIVES = 12;
const SHORTEST = 10;
/** What takes longer does not come back. */
const LIFE_MS_MAX = 1000;
/** Every how manieth call fails in every second life. */
const FAULT_RATE = 20;
/** The cheaper files first. */
const PROMISES = [...FILES, ...LOGS, ...LOOPS, ...RESTARTS, ...STARTS, ...COMMAND_LINES];

// The same command lines for every mutant, and no search for a shorter one that fails.
fc.configureGlobal({ seed: 1, endOnFailure: true });

/** Milliseconds that this thread has had a processor for. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Which promise caught the last mutant of a function: it is played first on the next, since it often catches that too. */
export type Habits = Map<string, Played>;

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
  #seed = 0;
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

  run(shortest: readonly Script[], habits: Habits = new Map(), of = ""): Catch | undefined {
    const first = habits.get(of);
    const found =
      this.#promises(first === undefined ? [] : [first], habits, of) ??
      this.#within(Number.POSITIVE_INFINITY, () => this.#lives(FIRST_LIVES)) ??
      this.#promises(PROMISES, habits, of) ??
      this.#within(this.#patience.ms, () => this.#lives(Number.POSITIVE_INFINITY)) ??
      this.#within(this.#patience.ms, () => this.#exhaust(shortest));
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

  #lives(count: number): Catch | undefined {
    for (; this.#seed < count; this.#seed++) {
      for (const rate of [0, FAULT_RATE]) {
        const broken = this.#judge.judge(this.#seed, rate)?.broken;
        if (broken) return this.#caught("law", `${broken.law}: ${broken.promise}`);
        if (this.#judge.trapped) this.#trapped ??= `life ${this.#seed}`;
      }
    }
    return undefined;
  }

  #promises(promises: readonly Played[], habits: Habits, of: string): Catch | undefined {
    const core: Core = {
      module: new WebAssembly.Module(this.#wasm),
      wasm: readWasm(this.#wasm),
      begin: () => this.#beat(LIFE_MS_MAX),
    };
    for (const promise of promises) {
      const { sentence, play } = promise;
      try {
        play(core, this.#patience.effort);
      } catch (error) {
        if (isTrap(error)) this.#trapped ??= sentence;
        else {
          habits.set(of, promise);
          return this.#caught("test", sentence);
        }
      }
    }
    return undefined;
  }

  #exhaust(shortest: readonly Script[]): Catch | undefined {
    for (const script of shortest) {
      for (const { broken } of this.#judge.exhaust(script))
        if (broken !== null) return this.#caught("law", `${broken.law}: ${broken.promise}`);
    }
    return undefined;
  }
}

/** A RangeError is a stack that is not enough, or an address beyond the memory in a call: native traps there too. */
function isTrap(error: unknown): error is Error {
  return error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
}

/** Found on the core as it is. */
export function shortestLives(wasm: Uint8Array): Script[] {
  return new Judge(wasm).shortest(SHORTEST);
}
