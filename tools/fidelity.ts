// npm run fidelity: compares the simulated Linux with the kernel of this machine, script by script.

import { release } from "node:os";
import { parseArgs } from "node:util";
import { campaign, compareOne, HERE, withPlayers } from "../test/fidelity/campaign.ts";
import { parse } from "../test/fidelity/script.ts";
import { tellDifference, tellGaps, tellTally } from "../test/fidelity/told.ts";
import { buildIfStale } from "./build.ts";
import { reportErrors, ToolError } from "./run.ts";

const DIFFERENCES_MAX = 5;

/** `--scripts 10000 --seed 1`, or `--play 'plain: 0 clone 1 1'`; answers the exit status. */
async function main(): Promise<number> {
  const options = {
    scripts: { type: "string" },
    seed: { type: "string" },
    play: { type: "string" },
  } as const;
  const { values } = parseArgs({ options });
  if (process.getuid?.() !== 0)
    throw new ToolError("only root may give players other users and namespaces: sudo npm run fidelity");
  buildIfStale();
  if (values.play !== undefined) return again(values.play);
  const scripts = number("--scripts", values.scripts ?? "500");
  const seed = number("--seed", values.seed ?? String(Math.trunc(Math.random() * 2 ** 31)));
  return all(scripts, seed);
}

async function all(scripts: number, seed: number): Promise<number> {
  console.log(`seed ${seed}`);
  const start = performance.now();
  const { differences, tally, steps, ...result } = await campaign(scripts, seed, showProgress);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(`\n${tellTally(tally)}\n`);
  for (const difference of differences.slice(0, DIFFERENCES_MAX))
    console.log(`${tellDifference(difference, release())}\n`);
  const gaps = tellGaps(tally);
  if (gaps !== "") console.log(gaps);
  console.log(
    `${result.scripts} scripts, ${steps} steps, ${seconds} s: ${differences.length} differ, ${tally.drawn} in another order (seed ${seed})`,
  );
  return differences.length === 0 && gaps === "" ? 0 : 1;
}

async function again(text: string): Promise<number> {
  const difference = await withPlayers(1, async ([player]) => {
    return player === undefined ? undefined : compareOne(parse(text), player, HERE);
  });
  console.log(difference === undefined ? "no difference" : tellDifference(difference, release()));
  return difference === undefined ? 0 : 1;
}

function showProgress(done: number, of: number): void {
  if (process.stderr.isTTY)
    process.stderr.write(`\r${done} of ${of} scripts\x1b[K${done === of ? "\n" : ""}`);
}

function number(option: string, text: string): number {
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ToolError(`${option}: expected a number from 0, not "${text}"`);
}

reportErrors();
process.exitCode = await main();
