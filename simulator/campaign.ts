// Many lives on many processors: a plan is cut into parts that threads of this file play, and results are numbers that
// can be added up, in one process or from many machines.

import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { PLANNERS } from "./actors.ts";
import { shippedCore } from "./cores.ts";
import { type Branch, tellingBranches } from "./coverage.ts";
import { Judge } from "./judge.ts";
import type { Outcome } from "./life.ts";
import { drawScript, encodeScript, type Planner, type Script } from "./script.ts";

export interface Plan {
  readonly lives: number;
  readonly seed: number;
  /** Every nth call fails; 0 for none. */
  readonly faults: number;
  /** The one actor that acts; empty for all. */
  readonly only: string;
  readonly exhaustive: boolean;
  /** Each exhaustive life is played again with a trap in place of each call behind its fault. */
  readonly traps: boolean;
  /** From 1. */
  readonly shard: number;
  readonly shards: number;
  readonly branches: boolean;
}

/** A life that broke a law, shrunk, as a line for --replay. */
interface BrokenLife {
  readonly seed: number;
  readonly laws: readonly string[];
  readonly life: string;
}

export interface Result {
  /** Of the core that was played. */
  readonly core: string;
  /** What was played, so that nothing is counted twice. */
  readonly parts: readonly string[];
  readonly lives: number;
  readonly calls: number;
  readonly events: number;
  /** Summed over threads and machines that ran one after the other; the longest of those that ran side by side. */
  readonly seconds: number;
  readonly broken: readonly BrokenLife[];
  readonly branches: { readonly all: number; readonly never: readonly string[] } | null;
}

/** The numbers of the lives that a shard plays: every one of 0 to `lives` - 1 belongs to exactly one. */
export function* livesOf({
  lives,
  shard,
  shards,
}: Pick<Plan, "lives" | "shard" | "shards">): Generator<number> {
  for (let life = shard - 1; life < lives; life += shards) yield life;
}

/** What a thread tells now and then, and at its end. */
interface Told {
  readonly lives: number;
  readonly calls: number;
  readonly events: number;
  readonly broken: readonly BrokenLife[];
  readonly taken: readonly number[];
  readonly done: boolean;
}

type Progress = (lives: number, expected: number, calls: number, events: number, seconds: number) => void;

const BROKEN_MAX = 40;
const TELL_EVERY = 50;

export class Campaign {
  readonly #plan: Plan;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  async run(threads = availableParallelism(), progress: Progress = () => {}): Promise<Result> {
    const start = performance.now();
    const told: Told[] = [];
    const expected = Math.ceil(this.#plan.lives / this.#plan.shards);
    const telling = this.#plan.branches ? await tellingBranches() : null;
    const tell = (thread: number, what: Told): void => {
      told[thread] = what;
      const sum = add(told);
      progress(sum.lives, expected, sum.calls, sum.events, (performance.now() - start) / 1000);
    };
    const count = Math.max(1, Math.min(threads, expected));
    await Promise.all(Array.from({ length: count }, (_, thread) => this.#thread(thread, count, tell)));
    const sum = add(told);
    return {
      core: digestOf(shippedCore()),
      parts: [partOf(this.#plan)],
      ...sum,
      seconds: (performance.now() - start) / 1000,
      branches:
        telling === null ? null : neverTaken(telling.branches, new Set(told.flatMap(({ taken }) => taken))),
    };
  }

  /** Threads share a shard as machines share a plan. */
  #thread(thread: number, count: number, tell: (thread: number, told: Told) => void): Promise<void> {
    const { shard, shards } = this.#plan;
    const plan: Plan = { ...this.#plan, shard: shard + shards * thread, shards: shards * count };
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: plan });
      worker.on("message", (told: Told) => tell(thread, told));
      worker.on("error", reject);
      worker.on("exit", (status) =>
        status === 0 ? resolve() : reject(new Error(`a thread ended with ${status}`)),
      );
    });
  }
}

function add(told: readonly Told[]): Omit<Told, "taken" | "done"> {
  const all = told.filter((one) => one !== undefined);
  const sum = (key: "lives" | "calls" | "events"): number => all.reduce((total, one) => total + one[key], 0);
  const broken = all.flatMap((one) => one.broken).sort((a, b) => a.seed - b.seed);
  return { lives: sum("lives"), calls: sum("calls"), events: sum("events"), broken };
}

function neverTaken(
  branches: readonly Branch[],
  taken: ReadonlySet<number>,
): NonNullable<Result["branches"]> {
  const never = branches.filter(({ id }) => !taken.has(id));
  return {
    all: branches.length,
    never: never.map(({ file, line, within, text }) => `${file}:${line} ${within}: ${text}`),
  };
}

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const partOf = ({ lives, seed, faults, only, exhaustive, traps, shard, shards }: Plan): string =>
  [lives, seed, faults, only, exhaustive, traps, `${shard}/${shards}`].join(" ");

/** Adds up results of one core; the same part twice, or of two cores, is refused. */
export function merge(results: readonly Result[], refuse: (message: string) => Error): Result {
  const [first] = results;
  if (first === undefined) throw refuse("--merge needs the files that --json has left");
  const parts = results.flatMap((result) => result.parts);
  const twice = parts.find((part, index) => parts.indexOf(part) !== index);
  if (twice !== undefined) throw refuse(`two of the results are of the same lives: ${twice}`);
  if (results.some(({ core }) => core !== first.core)) throw refuse("the results are of different cores");
  const sum = (key: "lives" | "calls" | "events"): number =>
    results.reduce((total, one) => total + one[key], 0);
  return {
    core: first.core,
    parts,
    lives: sum("lives"),
    calls: sum("calls"),
    events: sum("events"),
    seconds: Math.max(...results.map(({ seconds }) => seconds)),
    broken: results.flatMap(({ broken }) => broken),
    branches: mergeBranches(results),
  };
}

function mergeBranches(results: readonly Result[]): Result["branches"] {
  const all = results.map(({ branches }) => branches).filter((branches) => branches !== null);
  const [first] = all;
  if (first === undefined) return null;
  return {
    all: first.all,
    never: first.never.filter((branch) => all.every(({ never }) => never.includes(branch))),
  };
}

/** A thread: plays its part and tells. */
async function play(plan: Plan, tell: (told: Told) => void): Promise<void> {
  const judge = new Judge();
  const taken = new Set<number>();
  const telling = plan.branches ? await tellingBranches() : null;
  const watching = telling === null ? null : new Judge(telling.wasm, [], (branch) => taken.add(branch));
  const broken: BrokenLife[] = [];
  const now = (done: boolean): Told => {
    const { lives, calls, events } = judge;
    return { lives, calls, events, broken, taken: done ? [...taken] : [], done };
  };
  let count = 0;
  for (const outcome of outcomes(judge, plan)) {
    if (outcome.broken !== null && broken.length < BROKEN_MAX) broken.push(describe(judge, outcome));
    watching?.play(outcome.script);
    if (++count % TELL_EVERY === 0) tell(now(false));
  }
  tell(now(true));
}

function* outcomes(judge: Judge, plan: Plan): Generator<Outcome> {
  if (plan.exhaustive) {
    const scripts = judge.shortest(plan.lives);
    for (const life of livesOf(plan)) yield* judge.exhaustAll(scripts[life] as Script, plan.traps);
    return;
  }
  const planners = plan.only === "" ? PLANNERS : { [plan.only]: PLANNERS[plan.only] as Planner };
  for (const life of livesOf(plan)) yield judge.play(drawScript(plan.seed + life, planners, plan.faults));
}

function describe(judge: Judge, outcome: Outcome): BrokenLife {
  const laws = [outcome.broken?.law ?? "", ...(outcome.broken?.others ?? [])];
  return { seed: outcome.script.seed, laws, life: encodeScript(judge.shrink(outcome).script) };
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  await play(workerData as Plan, (told) => port.postMessage(told));
}
