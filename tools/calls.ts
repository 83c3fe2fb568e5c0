// `npm run calls`: the system calls of a life, as strace sees them, with steady as PID 1: from its exec to the program's,
// from there until it waits, for each forwarded signal, and at the end. 1 where a budget is exceeded. Two lives are told,
// since there are two ways of reaping; options for steady may follow (`npm run calls -- -g`), and then it is one.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { buildIfStale, ROOT } from "./build.ts";
import { bestWay, contained, reapOptions } from "./container.ts";
import { children } from "./process.ts";
import { isThere, reportErrors, ToolError } from "./run.ts";

/** The most that a default life may take. */
export const CALLS_MAX = { start: 24, signal: 3 } as const;

/** A signal that sleep(1) takes no notice of. */
const SIGNAL = "SIGWINCH";
const SIGNALS = 3;
const PROGRAM = ["/bin/sleep", "1000"] as const;
const WAIT_MS_MAX = 60_000;
const POLL_MS = 20;

interface Call {
  readonly pid: number;
  readonly name: string;
  /** The line of strace without the pid. */
  readonly text: string;
}

/** The calls of one life, in the order in which they were made. */
export interface Life {
  /** Of both processes, from behind the init's exec to the program's exec, which counts; without `settling`. */
  readonly start: readonly string[];
  /** Of the init, from behind the clone until it waits. */
  readonly settling: readonly string[];
  /** Of the init for each signal that it forwarded, the wait for the next included. */
  readonly signals: readonly (readonly string[])[];
  /** Of the init for the signal that ends the program, and for its own end. */
  readonly end: readonly string[];
}

/** Runs steady under strace with the given options, sends it signals, and answers what it asked of the kernel. */
export async function traceLife(steady: string, options: readonly string[] = []): Promise<Life> {
  if (!isThere("strace"))
    throw new ToolError("there is no strace: install it (on Debian: apt-get install strace)");
  const folder = mkdtempSync(join(tmpdir(), "steady-calls-"));
  const log = join(folder, "log");
  const command = contained(bestWay(), [steady, ...options, "--", ...PROGRAM]);
  const child = spawn("strace", ["-f", "-o", log, ...command], { stdio: "ignore" });
  try {
    return await live(child, log, steady);
  } finally {
    // What it traces would outlive it.
    for (const pid of children(child.pid ?? 0)) kill(pid);
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself in between.
  }
}

/** Marks in the list of the init's calls separate what was done for what. */
async function live(child: ChildProcess, log: string, steady: string): Promise<Life> {
  const calls = () => callsIn(log);
  const initCalls = () => callsOf(calls(), `execve("${steady}"`);
  await until("the init waits for news", child, () => isWaiting(initCalls()) && hasProgram(calls()));
  const init = pidOf(initCalls());
  const marks = [initCalls().length];
  for (let i = 0; i < SIGNALS; i++) {
    const before = marks.at(-1) ?? 0;
    process.kill(init, SIGNAL);
    await until(
      "the signal is forwarded",
      child,
      () => initCalls().length > before && isWaiting(initCalls()),
    );
    marks.push(initCalls().length);
  }
  process.kill(init, "SIGTERM");
  await until("the end", child, () => initCalls().some(({ name }) => name === "exit_group"));
  return divide(calls(), initCalls(), marks);
}

function divide(all: readonly Call[], init: readonly Call[], marks: readonly number[]): Life {
  const cloned = init.findIndex(({ name }) => /^(clone3?|fork|vfork)$/.test(name)) + 1;
  const program = callsOf(all, `execve("${PROGRAM[0]}"`, true);
  const text = (calls: readonly Call[]) => calls.map((call) => call.text);
  return {
    start: [...text(init.slice(0, cloned)), ...text(program).map((line) => `  ${line}`)],
    settling: text(init.slice(cloned, marks[0])),
    signals: marks.slice(1).map((mark, i) => text(init.slice(marks[i], mark))),
    end: text(init.slice(marks.at(-1))),
  };
}

/** Of the process that made the call `exec`: what it did after it, or up to it. */
function callsOf(all: readonly Call[], exec: string, upTo = false): Call[] {
  const at = all.findIndex(({ text }) => text.startsWith(exec));
  const pid = all[at]?.pid;
  const part = upTo ? all.slice(0, at + 1) : all.slice(at + 1);
  return at < 0 ? [] : part.filter((call) => call.pid === pid);
}

/** strace stands outside the container, as we do: it tells pids as we know them. */
function pidOf([first]: readonly Call[]): number {
  if (first === undefined) throw new ToolError("strace saw no init");
  return first.pid;
}

function hasProgram(all: readonly Call[]): boolean {
  return callsOf(all, `execve("${PROGRAM[0]}"`, true).length > 0;
}

/** Whether the last call has not come back, and is not one that only looks. */
function isWaiting(init: readonly Call[]): boolean {
  const last = init.at(-1);
  if (last === undefined || !/^(ppoll|rt_sigtimedwait)$/.test(last.name)) return false;
  return !/ = |tv_sec=0, tv_nsec=0/.test(last.text) && last.text.includes("NULL, 8");
}

/** "123 read(4, ..." begins a call; what ends one that was interrupted, signals and exits are no calls. */
function callsIn(log: string): Call[] {
  const text = existsSync(log) ? readFileSync(log, "utf8") : "";
  const lines = [...text.matchAll(/^(\d+) +((\w+)\(.*)$/gm)];
  return lines.map(([, pid, line = "", name = ""]) => ({ pid: Number(pid), name, text: line }));
}

async function until(what: string, child: ChildProcess, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + WAIT_MS_MAX;
  while (!condition()) {
    if (Date.now() > deadline) throw new ToolError(`waited in vain: ${what}`);
    if (child.exitCode !== null && !condition()) throw new ToolError(`strace has ended before: ${what}`);
    await sleep(POLL_MS);
  }
}

function print(title: string, calls: readonly string[], max?: number): boolean {
  const within = max === undefined || calls.length <= max;
  const budget = max === undefined ? "" : ` (of ${max} at most)${within ? "" : "   <- over the budget"}`;
  process.stdout.write(`${title}: ${calls.length}${budget}\n`);
  for (const call of calls) process.stdout.write(`    ${call}\n`);
  return within;
}

async function tell(steady: string, options: readonly string[]): Promise<boolean> {
  process.stdout.write(`\nsteady ${options.join(" ")}\n\n`);
  const life = await traceLife(steady, options);
  const within = [
    print("From the init's exec to the program's exec (indented: the child)", life.start, CALLS_MAX.start),
    print("The init from there until it waits", life.settling),
    ...life.signals.map((calls) => print(`A forwarded ${SIGNAL}`, calls, CALLS_MAX.signal)),
    print("SIGTERM, and the end", life.end),
  ];
  return within.every(Boolean);
}

async function main(options: readonly string[]): Promise<number> {
  if (buildIfStale()) process.stderr.write("steady: built dist/steady\n");
  const steady = join(ROOT, "dist/steady");
  const lives = options.length > 0 ? [options] : reapOptions(steady).map((reap) => ["--reap", reap]);
  let within = true;
  for (const one of lives) within = (await tell(steady, one)) && within;
  return within ? 0 : 1;
}

if (import.meta.main) {
  reportErrors();
  process.exitCode = await main(process.argv.slice(2));
}
