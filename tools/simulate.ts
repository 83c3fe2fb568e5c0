// npm run simulate: plays lives of dist/core.wasm under the simulated Linux and tells of the first laws that broke.

import { parseArgs } from "node:util";
import { Judge, story, type Verdict } from "../simulator/judge.ts";
import type { Fault } from "../simulator/life.ts";
import { buildIfStale } from "./build.ts";
import { reportErrors, ToolError } from "./run.ts";

const STORIES_MAX = 5;

interface Plan {
  readonly lives: number;
  readonly seed: number;
  readonly faults: number;
  readonly fault: Fault | undefined;
  readonly exhaustive: boolean;
  readonly shard: number;
  readonly shards: number;
}

/** `--lives 20000 --seed 0 --faults 20 --exhaustive --shard 1/2`; faults: every nth call fails. */
function readPlan(args: string[]): Plan {
  const { values } = parseArgs({
    args,
    options: {
      lives: { type: "string", default: "10000" },
      seed: { type: "string", default: "0" },
      faults: { type: "string", default: "0" },
      fault: { type: "string" },
      exhaustive: { type: "boolean", default: false },
      shard: { type: "string", default: "1/1" },
    },
  });
  const [shard = 1, shards = 1] = values.shard.split("/").map((part) => number("--shard", part));
  const [call, errno] = values.fault?.split(":") ?? [];
  return {
    lives: number("--lives", values.lives),
    seed: number("--seed", values.seed),
    faults: number("--faults", values.faults),
    fault:
      call === undefined || errno === undefined
        ? undefined
        : { call: number("--fault", call), errno: errno === "trap" ? "trap" : number("--fault", errno) },
    exhaustive: values.exhaustive,
    shard,
    shards,
  };
}

function number(option: string, text: string): number {
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ToolError(`${option}: expected a number from 0, not "${text}"`);
}

function* verdicts(judge: Judge, plan: Plan): Generator<Verdict> {
  if (plan.exhaustive) {
    for (const [index, seed] of judge.shortest(plan.lives).entries()) {
      if (index % plan.shards === plan.shard - 1) yield* judge.exhaust(seed);
    }
    return;
  }
  for (let i = plan.shard - 1; i < plan.lives; i += plan.shards) {
    const verdict = judge.judge(plan.seed + i, plan.faults, plan.fault);
    if (verdict !== undefined) yield verdict;
  }
}

function main(): void {
  const plan = readPlan(process.argv.slice(2));
  buildIfStale();
  const judge = new Judge();
  const start = performance.now();
  let broken = 0;
  for (const verdict of verdicts(judge, plan)) {
    if (++broken <= STORIES_MAX) console.log(`${story(verdict, plan.faults)}\n`);
  }
  const seconds = (performance.now() - start) / 1000;
  const rate = Math.round(judge.lives / seconds);
  console.log(`${judge.lives} lives, ${judge.calls} calls, ${rate} lives a second, ${broken} broken`);
  process.exitCode = broken > 0 ? 1 : 0;
}

reportErrors();
main();
