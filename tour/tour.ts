// `npm start` without a program: a few seconds in the life of a container, told while they happen. Every number that
// is printed was measured in this run, from outside, as a container engine would see it.

import { constants } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { bestWay, type Container, startContainer, type Way } from "../tools/container.ts";
import { children, cpuMicroseconds, innerPid, isZombie, memory, status, wakeUps } from "../tools/process.ts";
import { ToolError } from "../tools/run.ts";
import { heading, line, type Row, table } from "./paper.ts";

const REQUESTS = 24;
const IDLE_MS = 2000;
/** Node answers in milliseconds; this is for a machine that has other things to do. */
const ANSWER_MS_MAX = 5000;
const POLL_MS = 20;
const SIGNALS = ["SIGHUP", "SIGUSR2", "SIGWINCH", "SIGCONT"] as const;

const PLACES: Record<Way, string> = {
  pid: "steady is PID 1 of a PID namespace of its own, as in a container.",
  user: "Without root: steady is PID 1 of a PID namespace of its own, inside a user namespace.",
  none: "Namespaces are denied here: steady is no PID 1 and adopts orphans as a subreaper instead.",
};

/** Plays the tour; answers the status to exit with: 0 where all that was seen is as it must be. */
export async function playTour(steady: string): Promise<number> {
  // The application ends when our end of its standard input is closed, so leaving is enough.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
  const way = askedWay() ?? bestWay();
  heading("A sample web application and its background worker, started by steady");
  line("tour", PLACES[way]);
  const life = new Life(way, steady);
  const port = await life.start();
  const requests = await sendRequests(life, port);
  await sendSignals(life);
  const idle = await stayIdle(life);
  const end = await stop(life);
  const rows = [...requests, signalsReceived(life), ...idle, ...end];
  heading("What was seen");
  table(rows);
  return rows.every(({ good }) => good) ? 0 : 1;
}

/** STEADY_TOUR=pid, user or none, to see another way than the best one. */
function askedWay(): Way | undefined {
  const asked = process.env.STEADY_TOUR;
  if (asked === undefined) return undefined;
  if (asked in PLACES) return asked as Way;
  throw new ToolError(`STEADY_TOUR is one of ${Object.keys(PLACES).join(", ")}, not ${asked}`);
}

/** One container from its start to its end, and all the lines that came out of it. */
class Life {
  readonly container: Container;
  readonly ended: Promise<string>;
  readonly lines: string[] = [];

  constructor(way: Way, steady: string) {
    const server = new URL("server.ts", import.meta.url).pathname;
    const command = [steady, "-v", "--", process.execPath, decodeURIComponent(server)];
    this.container = startContainer(way, command, { stdio: ["pipe", "pipe", "pipe"], detached: true });
    const { child } = this.container;
    this.ended = new Promise((resolve) => {
      child.on("close", (code, signal) => resolve(signal ?? String(code)));
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface(stream).on("line", (text) => this.hear(text));
    }
  }

  hear(text: string): void {
    this.lines.push(text);
    line(/^\[[A-Z]+ +steady /.test(text) ? "steady" : "app", text);
  }

  /** Waits for the application; answers its port. */
  async start(): Promise<number> {
    const found = await this.hears(/listening on port (\d+)/);
    if (found === undefined) throw new ToolError("the application did not start");
    return Number(found[1]);
  }

  /** Waits until a line matches; undefined where none came in time, or all is over. */
  async hears(pattern: RegExp): Promise<RegExpExecArray | undefined> {
    let found: RegExpExecArray | undefined;
    const { child } = this.container;
    await until(() => {
      for (const text of this.lines) found ??= pattern.exec(text) ?? undefined;
      return found !== undefined || child.exitCode !== null || child.signalCode !== null;
    });
    return found;
  }
}

/** Sends requests; each of them leaves an orphan, whose pid is in the answer. */
async function sendRequests(life: Life, port: number): Promise<Row[]> {
  heading("Requests, each of which leaves an orphan behind");
  const init = await life.container.pid;
  const adopted = new Set<number>();
  let answers = 0;
  for (let i = 0; i < REQUESTS; i++) {
    const response = await fetch(`http://127.0.0.1:${port}/job/${i}`);
    const { orphan } = (await response.json()) as { orphan: number };
    if (response.ok) answers++;
    const parentIsInit = children(init).find((pid) => innerPid(status(pid) ?? new Map()) === orphan);
    if (parentIsInit !== undefined) adopted.add(parentIsInit);
  }
  line(
    "tour",
    `${answers} of ${REQUESTS} requests answered; steady is the parent of ${adopted.size} orphans now`,
  );
  for (const pid of adopted) process.kill(pid, "SIGTERM");
  const left = () => [...adopted].filter((pid) => status(pid) !== undefined).length;
  await until(() => left() === 0);
  const zombies = children(init).filter((pid) => isZombie(status(pid) ?? new Map())).length;
  const gone = adopted.size - left();
  line("tour", `told to end, ${gone} of them are gone; zombies: ${zombies}`);
  return [
    row("requests answered", answers, REQUESTS),
    row("orphans adopted", adopted.size, REQUESTS),
    row("orphans gone", gone, adopted.size, `; zombies left: ${zombies}`, zombies === 0),
  ];
}

async function sendSignals(life: Life): Promise<void> {
  heading("Signals, sent to steady and meant for the application");
  const init = await life.container.pid;
  for (const signal of SIGNALS) {
    line("tour", `kill -${signal.slice(3)} ${init}`);
    process.kill(init, signal);
    await life.hears(new RegExp(`^received ${signal}`));
  }
}

/** All that were sent to the init, the one that stops included, and what the application said about them. */
function signalsReceived(life: Life): Row {
  const sent = [...SIGNALS, "SIGTERM"];
  const received = sent.filter((signal) => life.lines.some((text) => text.startsWith(`received ${signal}`)));
  return row("signals forwarded", received.length, sent.length, `: ${received.join(" ")}`);
}

async function stayIdle(life: Life): Promise<Row[]> {
  heading(`Nothing to do for ${IDLE_MS / 1000} seconds`);
  const init = await life.container.pid;
  const [before, since] = [wakeUps(init), performance.now()];
  await sleep(IDLE_MS);
  const woken = wakeUps(init) - before;
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  const size = memory(init);
  const spent = cpuMicroseconds(init);
  line("tour", `steady was woken up ${woken} times`);
  const rows = [{ name: "wake-ups while idle", value: `${woken} in ${seconds} s`, good: woken === 0 }];
  if (size !== undefined) {
    const value = `${size.residentKb} kB, of which ${size.privateKb} kB its own`;
    rows.push({ name: "resident memory of steady", value, good: true });
  }
  if (spent !== undefined) {
    rows.push({
      name: "processor time of steady",
      value: `${(spent / 1000).toFixed(1)} ms since its start`,
      good: true,
    });
  }
  return rows;
}

async function stop(life: Life): Promise<Row[]> {
  heading("A stop, as docker stop does it");
  const init = await life.container.pid;
  line("tour", `kill -TERM ${init}`);
  const since = performance.now();
  process.kill(init, "SIGTERM");
  const status = await Promise.race([life.ended, sleep(ANSWER_MS_MAX, "none", { ref: false })]);
  const milliseconds = Math.round(performance.now() - since);
  life.container.child.stdin?.end();
  return [
    {
      name: "time to stop",
      value: `${milliseconds} ms, the application's own included`,
      good: status !== "none",
    },
    { name: "exit status", value: `${status}, as the application ended`, good: status === "0" },
  ];
}

function row(name: string, count: number, of: number, more = "", good = true): Row {
  return { name, value: `${count} of ${of}${more}`, good: good && count === of };
}

/** Waits for a condition; gives up after a while, and what was awaited shows in the table. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + ANSWER_MS_MAX;
  while (!condition() && Date.now() < deadline) await sleep(POLL_MS);
}
