// Plays lives of a core and holds them against the laws; makes every call of a life fail in turn; and shrinks a life that
// broke a law to what it takes.

import { readFileSync } from "node:fs";
import { ACTION_NAMES, PLANNERS } from "./actors.ts";
import { shippedCore } from "./cores.ts";
import { LAWS, type Law } from "./laws.ts";
import { Life, type Outcome } from "./life.ts";
import { Machine } from "./machine.ts";
import {
  CIRCUMSTANCE_NAMES,
  decodeFault,
  decodeScript,
  drawScript,
  encodeScript,
  plainCircumstances,
  type Script,
} from "./script.ts";

const LICENSE = readFileSync(new URL("../LICENSE", import.meta.url), "utf8");

/** How long the scenarios of the exhaustive mode are, in calls. */
const SHORT = 60;
const STEPS_MAX = 60;

export class Judge {
  readonly #machine: Machine;
  readonly #laws: readonly Law[];
  /** So far. */
  lives = 0;
  calls = 0;
  events = 0;

  constructor(
    wasm: Uint8Array = shippedCore(),
    laws = LAWS,
    tell?: (branch: number) => void,
    left?: (memory: Uint8Array) => void,
  ) {
    this.#machine = new Machine(new WebAssembly.Module(wasm), tell, left);
    this.#laws = laws;
  }

  play(script: Script, tells = false): Outcome {
    const outcome = new Life(this.#machine, LICENSE, script, this.#laws, tells).play();
    this.lives++;
    this.calls += outcome.calls;
    this.events += outcome.events;
    return outcome;
  }

  /** The life of a seed; `faultRate` n lets every nth call fail on average. Answers how it broke a law, if it did. */
  judge(seed: number, faultRate = 0): Outcome | undefined {
    const outcome = this.play(drawScript(seed, PLANNERS, faultRate));
    return outcome.broken === null ? undefined : outcome;
  }

  /** Every call of a life fails once, in turn, in each way that it can, and the core traps once in its place. */
  *exhaustAll(script: Script, traps = false): Generator<Outcome> {
    for (const [call, ways = []] of this.play(script).ways.entries()) {
      for (const how of ways) {
        const outcome = this.play({ ...script, faults: [{ call, how }] });
        yield outcome;
        if (traps) yield* this.#trapAfter(outcome);
      }
    }
  }

  /** The same life once more for each call behind its fault, with a trap in the place of that call. */
  *#trapAfter({ script, ways }: Outcome): Generator<Outcome> {
    const after = script.faults[0]?.call ?? 0;
    for (let call = after + 1; call < ways.length; call++)
      yield this.play({ ...script, faults: [...script.faults, { call, how: "trap" }] });
  }

  /** Those that broke a law. */
  *exhaust(script: Script): Generator<Outcome> {
    for (const outcome of this.exhaustAll(script)) if (outcome.broken !== null) yield outcome;
  }

  /** The first lives that are short: the scenarios of the exhaustive mode. */
  shortest(count: number): Script[] {
    const found: Script[] = [];
    for (let seed = 0; found.length < count; seed++) {
      const script = drawScript(seed, PLANNERS);
      const { calls, broken } = this.play(script);
      if (calls > 12 && calls <= SHORT && broken === null) found.push(script);
    }
    return found;
  }

  /** The simplest life that breaks the same law: fewer events, plainer circumstances, fewer faults, nobody in between. */
  shrink(outcome: Outcome): Outcome {
    let best = this.#explicit(outcome);
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      const next = this.#simpler(best);
      if (next === null) return best;
      best = next;
    }
    return best;
  }

  #simpler(outcome: Outcome): Outcome | null {
    for (const script of simplerScripts(outcome.script)) {
      const again = this.play(script);
      if (again.broken?.law === outcome.broken?.law) return again;
    }
    return null;
  }

  /** Random faults become those that they were, where that breaks the law as well. */
  #explicit(outcome: Outcome): Outcome {
    if (outcome.script.faultRate === 0) return outcome;
    const again = this.play({ ...outcome.script, faultRate: 0, faults: outcome.faults });
    return again.broken?.law === outcome.broken?.law ? again : outcome;
  }
}

/** Lives that are a little simpler, the boldest first. */
function simplerScripts(script: Script): Script[] {
  const plain = plainCircumstances();
  const changed = CIRCUMSTANCE_NAMES.filter((name) => script.circumstances[name] !== plain[name]);
  const without = <Item>(list: readonly Item[], from: number, count: number): Item[] =>
    list.filter((_, index) => index < from || index >= from + count);
  const halves = (length: number): [number, number][] =>
    length < 2 ? [] : [[0, length >> 1], [length >> 1, length - (length >> 1)]]; // biome-ignore format: a pair
  return [
    ...halves(script.events.length).map(([from, count]) => ({
      ...script,
      events: without(script.events, from, count),
    })),
    ...halves(script.faults.length).map(([from, count]) => ({
      ...script,
      faults: without(script.faults, from, count),
    })),
    ...(script.calm ? [] : [{ ...script, calm: true }]),
    ...script.events.map((_, index) => ({ ...script, events: without(script.events, index, 1) })),
    ...script.faults.map((_, index) => ({ ...script, faults: without(script.faults, index, 1) })),
    ...changed.map((name) => ({
      ...script,
      circumstances: { ...script.circumstances, [name]: plain[name] },
    })),
  ];
}

/** What --replay is given: a life in JSON, as test/seeds.txt keeps them, or a seed and its rate of faults. */
export function readLife(line: string): Script {
  const text = line.trim();
  if (text.startsWith("{")) return decodeScript(text, ACTION_NAMES);
  const [, seed, rate, fault] = /^(\d+)(?: +faults=(\d+)| +(\d+:\w+))?$/.exec(text) ?? [];
  if (seed === undefined) throw new Error(`expected a life, a line of JSON or a seed: ${text}`);
  const script = drawScript(Number(seed), PLANNERS, Number(rate ?? 0));
  return fault === undefined ? script : { ...script, faults: [decodeFault(fault)] };
}

const STORY_MAX = 60;

/** Who did what, what was called, which law broke, and the line that plays it again. */
export function story(judge: Judge, outcome: Outcome): string {
  const { story: moments, broken } = judge.play(outcome.script, true);
  const cut = moments.length > STORY_MAX ? [`   (${moments.length - STORY_MAX} more before)`] : [];
  const others =
    broken === null || broken.others.length === 0 ? [] : [`  so did: ${broken.others.join(", ")}`];
  return [
    `broken: ${broken?.law}: ${broken?.promise}`,
    `  ${broken?.what.split("\n")[0]}`,
    ...others,
    ...cut,
    ...moments.slice(-STORY_MAX),
    `again: npm run simulate -- --replay '${encodeScript(outcome.script)}'`,
  ].join("\n");
}
