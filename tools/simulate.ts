// npm run simulate: plays lives of dist/core.wasm under the simulated Linux on every processor, and tells of the first
// that broke a law, as a story that was shrunk. Results are JSON that can be merged, so that many machines can share.

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { ACTION_NAMES } from "../simulator/actors.ts";
import { Campaign, merge, type Plan, type Result } from "../simulator/campaign.ts";
import { Judge, readLife, story } from "../simulator/judge.ts";
import { buildIfStale } from "./build.ts";
import { reportErrors, ToolError } from "./run.ts";

const STORIES_MAX = 5;
const BRANCHES_MAX = 40;
const USAGE = `\
npm run simulate -- [OPTIONS]
  --lives N        how many lives (10000); with --exhaustive, of how many short ones every call fails in turn
  --seed S         the first seed (0)
  --faults K       every Kth call fails on average (0: none)
  --only ACTOR     nobody else acts: ${[...new Set([...ACTION_NAMES].map((name) => name.split(".")[0]))].join(", ")}
  --exhaustive     every call fails once, in turn, in each way that it can, and the core traps once in its place
  --traps          with --exhaustive: each of these once more with a trap in place of each later call
  --shard I/N      the Ith of N parts (1/1)
  --threads T      how many at a time (one for each processor)
  --branches       also tell which branches of the core no life has taken
  --json FILE      leave the result there
  --merge FILE...  add up such results
  --replay LIFE    play one life: a line of JSON, as test/seeds.txt keeps them, or a seed
  --help           this
Ends with 1 where a law broke, or a word above was wrong.`;

interface Options {
  readonly plan: Plan;
  readonly threads: number | undefined;
  readonly json: string | undefined;
  readonly merge: readonly string[] | null;
  readonly replay: string | undefined;
  readonly help: boolean;
}

function readOptions(args: string[]): Options {
  const { values, positionals } = parse(args);
  const [, shard = "1", shards = "1"] =
    /^(\d+)\/(\d+)$/.exec(values.shard) ?? wrong("--shard", "I/N", values.shard);
  const plan: Plan = {
    lives: number("--lives", values.lives),
    seed: number("--seed", values.seed),
    faults: number("--faults", values.faults),
    only: actor(values.only),
    exhaustive: values.exhaustive,
    traps: values.traps,
    shard: number("--shard", shard),
    shards: number("--shard", shards),
    branches: values.branches,
  };
  if (plan.shard < 1 || plan.shard > plan.shards) wrong("--shard", "I/N with I from 1 to N", values.shard);
  if (!values.merge && positionals.length > 0)
    throw new ToolError(`nothing is called "${positionals[0]}" here\n${USAGE}`);
  return {
    plan,
    threads: values.threads === undefined ? undefined : number("--threads", values.threads),
    json: values.json,
    merge: values.merge ? positionals : null,
    replay: values.replay,
    help: values.help,
  };
}

function parse(args: string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        lives: { ...text, default: "10000" },
        seed: { ...text, default: "0" },
        faults: { ...text, default: "0" },
        only: { ...text, default: "" },
        exhaustive: flag,
        traps: flag,
        shard: { ...text, default: "1/1" },
        threads: text,
        branches: flag,
        json: text,
        merge: flag,
        replay: text,
        help: flag,
      },
    });
  } catch (error) {
    throw new ToolError(`${(error as Error).message}\n${USAGE}`);
  }
}

function wrong(option: string, expected: string, text: string): never {
  throw new ToolError(`${option}: expected ${expected}, not "${text}"`);
}

function number(option: string, text: string): number {
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  return wrong(option, "a number from 0", text);
}

function actor(name: string): string {
  const known = [...ACTION_NAMES].some((action) => action.startsWith(`${name}.`));
  return name === "" || known ? name : wrong("--only", "an actor (see --help)", name);
}

function readResult(file: string): Result {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Result;
  } catch (error) {
    throw new ToolError(`${file} is no result of npm run simulate -- --json: ${(error as Error).message}`);
  }
}

/** Plays one life and tells its story; answers whether it broke a law. */
function replay(line: string): boolean {
  const judge = new Judge();
  let outcome: ReturnType<Judge["play"]>;
  try {
    outcome = judge.play(readLife(line), true);
  } catch (error) {
    throw new ToolError(`--replay: ${(error as Error).message}`);
  }
  if (outcome.broken !== null) console.log(story(judge, outcome));
  else console.log([...outcome.story, "no law broke"].join("\n"));
  return outcome.broken !== null;
}

/** A line that is written again and again while somebody looks. */
function progress(lives: number, done: number, calls: number, events: number, seconds: number): void {
  if (!process.stderr.isTTY) return;
  const width = 30;
  const filled = Math.min(width, Math.floor((lives / Math.max(1, done)) * width));
  const rates = `${Math.round(lives / seconds)} lives, ${Math.round((calls + events) / seconds)} calls and events a second`;
  process.stderr.write(
    `\r[${"#".repeat(filled)}${" ".repeat(width - filled)}] ${lives} of ${done}, ${rates} `,
  );
}

function report(result: Result): void {
  const { lives, calls, events, seconds, broken, branches } = result;
  for (const { life, laws } of broken.slice(0, STORIES_MAX)) {
    const judge = new Judge();
    const outcome = judge.play(readLife(life));
    console.log(outcome.broken === null ? `${laws[0]} broke: ${life}\n` : `${story(judge, outcome)}\n`);
  }
  if (broken.length > 0)
    console.log("Put the line of JSON after --replay into test/seeds.txt: it is played on every test run.\n");
  if (branches !== null) {
    console.log(`${branches.never.length} of ${branches.all} branches of the core were never taken:`);
    for (const branch of branches.never.slice(0, BRANCHES_MAX)) console.log(`  ${branch}`);
    if (branches.never.length > BRANCHES_MAX)
      console.log(`  and ${branches.never.length - BRANCHES_MAX} more (--json)`);
  }
  const rate = seconds === 0 ? 0 : Math.round(lives / seconds);
  console.log(
    `${lives} lives, ${calls} calls, ${events} events, ${rate} lives a second, ${broken.length} broken`,
  );
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    console.log(USAGE);
    return;
  }
  if (options.merge !== null) {
    const result = merge(options.merge.map(readResult), (message) => new ToolError(message));
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result)}\n`);
    report(result);
    process.exitCode = result.broken.length > 0 ? 1 : 0;
    return;
  }
  buildIfStale();
  if (options.replay !== undefined) {
    process.exitCode = replay(options.replay) ? 1 : 0;
    return;
  }
  const result = await new Campaign(options.plan).run(options.threads, progress);
  if (process.stderr.isTTY) process.stderr.write("\n");
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result)}\n`);
  report(result);
  process.exitCode = result.broken.length > 0 ? 1 : 0;
}

reportErrors();
await main();
