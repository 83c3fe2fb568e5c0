// `npm run health-cost`: what one `steady --health` costs, next to its budgets; 1 where one is exceeded. In a PID namespace
// whose init is steady, with 100 processes and with 1,100, a shell runs it many times: the time is that of fork, exec and
// the whole look, on a processor. Its memory is looked at while its sentence waits for room in a full pipe.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { buildIfStale, ROOT } from "./build.ts";
import { bestWay, contained, startContainer } from "./container.ts";
import { memory, pids, status } from "./process.ts";
import { reportErrors, ToolError } from "./run.ts";

const BUDGET = { millisecondsWith100: 2, microsecondsForEach: 15, residentKb: 64 } as const;
const [FEW, MANY] = [100, 1100];
const RUNS = 200;
const WAIT_MS_MAX = 60_000;
const POLL_MS = 20;
const PIPE_BYTES = 65_536;

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

async function residentKb(steady: string): Promise<number> {
  const script = `i=0; while [ $i -lt ${FEW} ]; do sleep 1000 & i=$((i+1)); done
    (head -c ${PIPE_BYTES} /dev/zero; exec "$1" --health) | sleep 1000`;
  const { child, pid } = startContainer(bestWay(), [steady, "--", "sh", "-c", script, "sh", steady], {
    stdio: "ignore",
  });
  try {
    const init = await pid;
    const deadline = Date.now() + WAIT_MS_MAX;
    while (Date.now() < deadline) {
      const found = pids().find((each) => each !== init && isLooking(each, init));
      const figures = found === undefined ? undefined : memory(found);
      if (figures !== undefined) return figures.residentKb;
      await sleep(POLL_MS);
    }
    throw new ToolError("it was never seen");
  } finally {
    child.kill("SIGKILL");
  }
}

/** Whether it is steady in the namespace of this init, and waits. */
function isLooking(pid: number, init: number): boolean {
  const [one, first] = [status(pid), status(init)];
  const isSleeping = one?.get("State")?.startsWith("S") === true;
  const depth = (one?.get("NSpid") ?? "").split(/\s+/).length;
  return (
    isSleeping &&
    one?.get("Name") === "steady" &&
    depth === (first?.get("NSpid") ?? "").split(/\s+/).length &&
    depth > 1
  );
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
    row("resident", await residentKb(steady), "kB", BUDGET.residentKb),
  ];
  return within.every(Boolean) ? 0 : 1;
}

reportErrors();
process.exitCode = await main();
