// `npm run health-cost`: what one `steady --health` costs, next to its budgets; 1 where one is exceeded. In a PID namespace
// whose init is steady, with 100 processes and with 1,100, a shell runs it many times: the time is that of fork, exec and
// the whole look, on a processor. Its memory is the most of several looks (tools/health-memory.ts).

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { buildIfStale, ROOT } from "./build.ts";
import { bestWay, contained } from "./container.ts";
import { memoryOfLook } from "./health-memory.ts";
import { reportErrors, ToolError } from "./run.ts";

const BUDGET = { millisecondsWith100: 2, microsecondsForEach: 15, residentKb: 64 } as const;
const [FEW, MANY] = [100, 1100];
const RUNS = 200;
/** The kernel begins a stack at a random place in a page: it takes one page to three. */
const LOOKS = 12;

/** Starts so many processes that sleep, and tells the processor time of the looks and their forks (times of sh(1)). */
const TIMED = `
  i=0; while [ $i -lt $1 ]; do sleep 1000 & i=$((i+1)); done
  i=0; while [ $i -lt ${RUNS} ]; do "$2" --health >/dev/null || exit 1; i=$((i+1)); done
  times`;

/** In milliseconds on a processor, which other work on the machine does not add to; the least of a few all the same. */
function timeOfOne(steady: string, processes: number): number {
  const command = contained(bestWay(), [steady, "--", "sh", "-c", TIMED, "sh", `${processes}`, steady]);
  const [program = "", ...args] = command;
  const times = Array.from({ length: 3 }, () => {
    const { stdout, status: ended, stderr } = spawnSync(program, args, { encoding: "utf8" });
    if (ended !== 0) throw new ToolError(`it was not healthy: ${stderr}`);
    const ofChildren = stdout.trim().split("\n").at(-1) ?? "";
    const parts = [...ofChildren.matchAll(/(\d+)m([\d.]+)s/g)];
    return (
      parts.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0) / RUNS
    );
  });
  return Math.min(...times) * 1000;
}

async function mostResidentKb(steady: string): Promise<number> {
  const looks = await Promise.all(Array.from({ length: LOOKS }, () => memoryOfLook(steady, FEW)));
  return Math.max(...looks.map(({ residentKb }) => residentKb));
}

function row(name: string, figure: number, unit: string, budget: number): boolean {
  const verdict = figure > budget ? "   <- over the budget" : "";
  process.stdout.write(`${name.padEnd(34)}${figure.toFixed(3).padStart(8)} ${unit} of ${budget}${verdict}\n`);
  return figure <= budget;
}

async function main(): Promise<number> {
  if (buildIfStale()) process.stderr.write("steady: built dist/steady\n");
  if (bestWay() === "none") throw new ToolError("PID namespaces are denied here: run this as root");
  const steady = join(ROOT, "dist/steady");
  const [few, many] = [timeOfOne(steady, FEW), timeOfOne(steady, MANY)];
  const each = ((many - few) / (MANY - FEW)) * 1000;
  const within = [
    row(`with ${FEW} processes`, few, "ms", BUDGET.millisecondsWith100),
    row("each further process", each, "us", BUDGET.microsecondsForEach),
    row(`resident, the most of ${LOOKS} looks`, await mostResidentKb(steady), "kB", BUDGET.residentKb),
  ];
  return within.every(Boolean) ? 0 : 1;
}

reportErrors();
process.exitCode = await main();
