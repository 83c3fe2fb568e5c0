// Plays lives of the core that ships and holds them against the laws.

import { readFileSync } from "node:fs";
import { ERRNOS, errnoOf } from "./faults.ts";
import { LAWS } from "./laws.ts";
import { type Fault, Life, type Moment, type Record } from "./life.ts";
import { Machine } from "./machine.ts";

/** A life that broke a law. */
export interface Verdict {
  readonly life: Record;
  readonly promise: string;
  readonly what: string;
  readonly fault: Fault | undefined;
}

const read = (path: string): Buffer => readFileSync(new URL(`../${path}`, import.meta.url));

export class Judge {
  readonly #machine: Machine;
  readonly #license = read("LICENSE").toString();
  /** Lives and calls so far. */
  lives = 0;
  calls = 0;

  constructor(wasm: Uint8Array = read("dist/core.wasm")) {
    this.#machine = new Machine(new WebAssembly.Module(new Uint8Array(wasm)));
  }

  /** Plays one life; `faultRate` n lets every nth call fail on average, `fault` one call. */
  play(seed: number, faultRate: number, fault?: Fault): Record {
    const life = new Life(this.#machine, this.#license, seed, fault, faultRate).play();
    this.lives++;
    this.calls += life.calls.length;
    return life;
  }

  judge(seed: number, faultRate: number, fault?: Fault): Verdict | undefined {
    const life = this.play(seed, faultRate, fault);
    for (const { promise, judge } of LAWS) {
      const what = judge(life);
      if (what !== undefined) return { life, promise, what, fault };
    }
    return undefined;
  }

  /** Every call of a life fails once, in turn, with each errno that it can have, and the core traps once in its place. */
  *exhaust(seed: number): Generator<Verdict> {
    const { calls } = this.play(seed, 0);
    for (const [index, { name }] of calls.entries()) {
      const errnos = (ERRNOS[name] ?? []).map(errnoOf);
      for (const errno of [...errnos, "trap" as const]) {
        const verdict = this.judge(seed, 0, { call: index, errno });
        if (verdict !== undefined) yield verdict;
      }
    }
  }

  /** The first seeds whose lives are short: the scenarios of the exhaustive mode. */
  shortest(count: number): number[] {
    const seeds: number[] = [];
    for (let seed = 0; seeds.length < count; seed++)
      if (this.play(seed, 0).calls.length <= 120) seeds.push(seed);
    return seeds;
  }
}

function tell({ at, what }: Moment, { init }: Record): string {
  const time = `${String(at).padStart(5)} ms  `;
  if (typeof what === "string") return time + what;
  const who = what.pid === init.pid ? "init" : "child";
  return `${time}${who}: ${what.name}(${what.args.join(", ")}) = ${what.answer}`;
}

/** The story of a broken law, and the line that plays it again. */
export function story({ life, promise, what, fault }: Verdict, faultRate: number): string {
  const again = [`--seed ${life.seed}`, "--lives 1", ...(faultRate > 0 ? [`--faults ${faultRate}`] : [])];
  if (fault !== undefined) again.push(`--fault ${fault.call}:${fault.errno}`);
  const conditions = JSON.stringify(life.circumstances, (_, value) =>
    typeof value === "bigint" ? `${value}` : value,
  );
  return [
    `broken: ${promise}`,
    `  ${what.split("\n")[0]}`,
    `  ${conditions}`,
    ...life.story.slice(-40).map((moment) => tell(moment, life)),
    `again: npm run simulate -- ${again.join(" ")}`,
  ].join("\n");
}
