// npm run mutants: makes every small wrong change of dist/core.wasm, one at a time, and tells who catches it. Fails where
// fewer than 95 of 100 are caught, or where one that is not caught has no reason in docs/mutants.md.

import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Code, readCode } from "../mutants/code.ts";
import type { Work } from "../mutants/hunt.ts";
import { emit, type Mutant, mutantsOf } from "../mutants/mutate.ts";
import { Natives } from "../mutants/natives.ts";
import { Pool } from "../mutants/pool.ts";
import { Reach } from "../mutants/reach.ts";
import { type Result, readReasons, summary } from "../mutants/report.ts";
import { buildIfStale, ROOT } from "./build.ts";
import { reportErrors, ToolError } from "./run.ts";

const WASM = join(ROOT, "dist/core.wasm");
const DOCUMENT = join(ROOT, "docs/mutants.md");
const SHARE_MIN = 0.95;
const PROGRESS_MS = 10_000;
/** Of the command lines and the like that `npm test` plays, each mutant gets a part. */
const EFFORT = 0.1;
/** What a mutant meets of lives are those of these that come to it. */
const SEEDS = 2000;

interface Plan {
  /** Functions ("loop/live") and files ("loop/"), or none for all. */
  readonly only: readonly string[];
  readonly json: string | undefined;
  /** What an earlier run did not catch is hunted again; what it caught is taken over. */
  readonly again: string | undefined;
  /** For each mutant's lives and exhaustive faults. */
  readonly seconds: number;
  readonly shard: number;
  readonly shards: number;
  readonly list: boolean;
}

function readPlan(args: string[]): Plan {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", multiple: true, default: [] },
      json: { type: "string" },
      again: { type: "string" },
      seconds: { type: "string", default: "1" },
      shard: { type: "string", default: "1/1" },
      list: { type: "boolean", default: false },
    },
  });
  const [, shard, shards] = /^(\d+)\/(\d+)$/.exec(values.shard) ?? [];
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new ToolError(`--seconds: expected a number above 0, not "${values.seconds}"`);
  const plan = { seconds, only: values.only, json: values.json, again: values.again, list: values.list };
  if (Number(shard) < 1 || !(Number(shard) <= Number(shards)))
    throw new ToolError(`--shard: expected I/N with I from 1 to N, not "${values.shard}"`);
  return { ...plan, shard: Number(shard), shards: Number(shards) };
}

/** The numbers of the mutants that are asked for. */
function chosen(mutants: readonly Mutant[], { only, shard, shards }: Plan): number[] {
  const fits = ({ function: name }: Mutant): boolean =>
    only.length === 0 || only.some((each) => name === each || (each.endsWith("/") && name.startsWith(each)));
  const numbers = [...mutants.keys()].filter((index) => fits(mutants[index] as Mutant));
  if (numbers.length === 0) throw new ToolError(`--only: the core has no function ${only.join(" or ")}`);
  return numbers.filter((_, index) => index % shards === shard - 1);
}

/** By name, the results of an earlier run; a mutant that it does not know is new. */
function readEarlier(file: string | undefined): Map<string, Result> {
  if (file === undefined) return new Map();
  const results = JSON.parse(readFileSync(file, "utf8")) as Result[];
  return new Map(results.filter(({ caught }) => caught !== null).map((result) => [result.name, result]));
}

async function hunt(code: Code, mutants: readonly Mutant[], plan: Plan): Promise<Result[]> {
  const earlier = readEarlier(plan.again);
  const numbers = chosen(mutants, plan);
  const results: Result[] = [];
  const queue: number[] = [];
  for (const index of numbers) {
    const known = earlier.get(mutants[index]?.name ?? "");
    if (known === undefined) queue.push(index);
    else results.push(known);
  }
  const progress = new Progress(queue.length);
  const reach = new Reach(code, { effort: EFFORT, seeds: SEEDS });
  const patience = { ms: plan.seconds * 1000, effort: EFFORT };
  const workOf = (index: number): Work => reach.of(mutants[index] as Mutant);
  const pool = new Pool(WASM, patience, queue, workOf, (index, caught) => {
    const { patch: _, ...mutant } = mutants[index] as Mutant;
    results.push({ ...mutant, caught });
    if (progress.step(caught === null)) save(plan, results);
    if (caught === null && plan.list && mutant.apart === undefined)
      process.stdout.write(`not caught: ${mutant.name}\n`);
  });
  await pool.run(availableParallelism());
  progress.end();
  save(plan, results);
  return results;
}

/** Also while it goes on, so that a run that is broken off can go on with `--again`. */
function save({ json }: Plan, results: readonly Result[]): void {
  if (json !== undefined) writeFileSync(json, JSON.stringify(results, null, 1));
}

/** What nothing told apart and has no reason is built, and plays on the real kernel. */
async function huntNatively(
  code: Code,
  mutants: readonly Mutant[],
  results: readonly Result[],
  reasons: ReadonlySet<string>,
): Promise<Result[]> {
  const isOpen = ({ caught, apart, name }: Result): boolean =>
    caught === null && apart === undefined && !reasons.has(name);
  const progress = new Progress(results.filter(isOpen).length, "natives");
  const byName = new Map(mutants.map((mutant) => [mutant.name, mutant]));
  const natives = new Natives(code.bytes);
  try {
    return await inTurns(results, async (result) => {
      const mutant = byName.get(result.name);
      if (mutant === undefined || !isOpen(result)) return result;
      const caught = await natives.hunt(emit(code, mutant));
      progress.step(caught === null);
      return { ...result, caught };
    });
  } finally {
    progress.end();
    natives.remove();
  }
}

/** As many at once as there are processors; the answers in the order of the items. */
async function inTurns<Item, Answer>(
  items: readonly Item[],
  answer: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  const queue = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of queue) answers[index] = await answer(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return answers;
}

class Progress {
  readonly #total: number;
  readonly #what: string;
  readonly #start = performance.now();
  #last = 0;
  #done = 0;
  #left = 0;

  constructor(total: number, what = "mutants") {
    this.#total = total;
    this.#what = what;
  }

  /** Whether it was time to say how far it is. */
  step(isLeft: boolean): boolean {
    this.#done++;
    if (isLeft) this.#left++;
    const now = performance.now();
    if (now - this.#last < PROGRESS_MS) return false;
    this.#last = now;
    this.end();
    return true;
  }

  end(): void {
    const seconds = Math.round((performance.now() - this.#start) / 1000);
    process.stderr.write(
      `${this.#done} of ${this.#total} ${this.#what}, ${this.#left} not caught, ${seconds} s\n`,
    );
  }
}

async function main(): Promise<void> {
  const plan = readPlan(process.argv.slice(2));
  buildIfStale();
  const code = readCode(new Uint8Array(readFileSync(WASM)));
  const mutants = mutantsOf(code);
  const reasons = readReasons(readFileSync(DOCUMENT, "utf8"));
  const results = await huntNatively(code, mutants, await hunt(code, mutants, plan), reasons);
  save(plan, results);
  const isWhole = results.length === mutants.length;
  const { text, complaints } = summary(results, reasons, {
    isWhole,
    shareMin: SHARE_MIN,
  });
  process.stdout.write(text);
  for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
  process.exitCode = complaints.length > 0 ? 1 : 0;
}

reportErrors();
await main();
