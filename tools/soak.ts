// npm run soak: plays rounds of random events on real containers until the time is over, and tells of the first promise
// that was broken. `--minutes 10 --seed 0`, or `--rounds 20` in place of the minutes.

import { parseArgs } from "node:util";
import { type Figures, noFigures, type Round } from "../lab/fuzz/round.ts";
import { roundOf } from "../test/soak/round.ts";
import { buildIfStale } from "./build.ts";
import { reportErrors, ToolError } from "./run.ts";

const STORY_MAX = 40;
const REPORT_MS = 10_000;

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly rounds: number;
}

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: "string" },
      seed: { type: "string", default: "0" },
      rounds: { type: "string" },
    },
  });
  const rounds = values.rounds === undefined ? Number.POSITIVE_INFINITY : number("--rounds", values.rounds);
  const minutes = values.minutes ?? (values.rounds === undefined ? "1" : "1000000");
  return { minutes: number("--minutes", minutes), seed: number("--seed", values.seed), rounds };
}

function number(option: string, text: string): number {
  const value = Number(text);
  if (text !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new ToolError(`${option}: expected a number from 0, not "${text}"`);
}

/** What happened in a round that broke a promise, and the line that plays it again. */
function story(seed: number, round: Round, error: Error): string {
  const { plan, story } = round;
  return [
    `broken: ${error.message}`,
    `  ${JSON.stringify(plan.circumstances)}`,
    ...story.slice(-STORY_MAX).map((line) => `  ${line}`),
    `again: npm run soak -- --seed ${seed} --rounds 1`,
  ].join("\n");
}

function summary({ rounds, deeds, sent, arrived }: Figures, since: number): string {
  const seconds = Math.round((performance.now() - since) / 1000);
  return `${rounds} rounds in ${seconds} s: ${deeds} deeds, ${sent} signals sent to the init, ${arrived} taken by the program`;
}

async function soak({ minutes, seed, rounds }: Options): Promise<number> {
  buildIfStale();
  const figures = noFigures();
  const begin = performance.now();
  let reported = begin;
  while (figures.rounds < rounds && performance.now() - begin < minutes * 60_000) {
    const current = seed + figures.rounds;
    const round = roundOf(current);
    try {
      await round.play(figures);
    } catch (error) {
      console.log(story(current, round, error as Error));
      console.log(summary(figures, begin));
      return 1;
    }
    if (performance.now() - reported < REPORT_MS) continue;
    reported = performance.now();
    process.stderr.write(`${summary(figures, begin)}\n`);
  }
  console.log(`${summary(figures, begin)}; nothing was broken`);
  return 0;
}

reportErrors();
process.exitCode = await soak(readOptions(process.argv.slice(2)));
