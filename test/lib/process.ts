// Processes as tests see them: starting one, waiting for what it says or becomes, looking at it through /proc, and
// ending all of it afterwards. Nothing here sleeps and hopes: a wait has a condition, and fails with its name.

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { needs } from "./needs.ts";

export const STEADY = fileURLToPath(new URL("../../dist/steady", import.meta.url));
/** Folders that everybody may search: an errno of a search through PATH depends on each of them. */
export const PLAIN_PATH = { PATH: "/usr/bin:/bin" };
export const IS_ROOT = process.getuid?.() === 0;
const DEADLINE_MS = 60_000;

export type ReapMode = "wait" | "kernel";

export interface End {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One test for each way of reaping. */
export function inBothModes(name: string, body: (test: TestContext, mode: ReapMode) => Promise<void>): void {
  for (const mode of ["wait", "kernel"] as const) {
    test(`${name} (--reap ${mode})`, async (context) => {
      if (mode === "kernel" && !needsKernelReaping(context)) return;
      await body(context, mode);
    });
  }
}

let kernelReaps: boolean | undefined;

export function needsKernelReaping(context: TestContext): boolean {
  kernelReaps ??= spawnSync(STEADY, ["--reap", "kernel", "true"]).status === 0;
  return needs(context, kernelReaps, "exit records on pidfds", "run on Linux 6.16 or newer");
}

export function needsRoot(context: TestContext): boolean {
  return needs(context, IS_ROOT, "root", "sudo npm test");
}

export function needsProgram(context: TestContext, program: string, how: string): boolean {
  return needs(context, spawnSync("sh", ["-c", `command -v ${program}`]).status === 0, program, how);
}

/** The command as PID 1 of a PID namespace of its own, which dies with unshare(1). */
export function asPid1(command: readonly string[]): string[] {
  const user = IS_ROOT ? [] : ["--user", "--map-root-user"];
  return ["unshare", ...user, "--pid", "--fork", "--mount-proc", "--kill-child", ...command];
}

let canUnshare: boolean | undefined;

export function needsPidNamespace(context: TestContext): boolean {
  const [program, ...args] = asPid1(["true"]) as [string, ...string[]];
  canUnshare ??= spawnSync(program, args).status === 0;
  return needs(context, canUnshare, "PID namespaces", "run as root, or where user namespaces are allowed");
}

/** Waits until `probe` answers something; fails with `what` after the deadline. */
export async function until<T>(
  what: string | (() => string),
  probe: () => T | undefined | false,
): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  while (true) {
    const answer = probe();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${typeof what === "string" ? what : what()}`);
    await sleep(5);
  }
}

/** A program that runs, and what it has said so far. */
export class Run {
  readonly child: ChildProcess;
  readonly ended: Promise<End>;
  stdout = "";
  stderr = "";
  end: End | undefined;

  constructor(command: readonly string[], options: SpawnOptions) {
    const [program, ...args] = command as [string, ...string[]];
    this.child = spawn(program, args, options);
    this.child.stdout?.setEncoding("latin1").on("data", (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding("latin1").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (status, signal) => {
        this.end = { status, signal };
        resolve(this.end);
      });
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error("it was not started");
    return this.child.pid;
  }

  write(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Waits for a text on stdout or stderr; fails at once where the program ends without it. */
  async says(text: string | RegExp): Promise<void> {
    const found = () => (typeof text === "string" ? this.all().includes(text) : text.test(this.all()));
    const shown = () => `${text}; it said:\n${this.all()}`;
    await until(shown, () => {
      if (found()) return true;
      if (this.end !== undefined) throw new Error(`ended without ${shown()}`);
      return false;
    });
  }

  /** The end, which must come before the deadline. */
  async ends(): Promise<End> {
    return until("the end", () => this.end).catch(() => {
      throw new Error(`it does not end; said:\n${this.all()}`);
    });
  }

  all(): string {
    return this.stdout + this.stderr;
  }
}

/** Names the processes of one test in their environment, by which those are found that have left their parents. */
const FAMILY = "TEST_FAMILY";
let families = 0;

/** Starts a command whose whole family is ended with the test. */
export function start(context: TestContext, command: readonly string[], options: SpawnOptions = {}): Run {
  const { run, endFamily } = startFamily(command, options);
  context.after(endFamily);
  return run;
}

/** Starts a command, and answers how to end its whole family: for tests that start thousands. */
export function startFamily(
  command: readonly string[],
  options: SpawnOptions = {},
): { run: Run; endFamily: () => void } {
  const family = `${process.pid}.${++families}`;
  const env = { ...(options.env ?? process.env), [FAMILY]: family };
  const run = new Run(command, { stdio: "pipe", ...options, env });
  run.child.stdin?.on("error", () => {});
  const { pid } = run;
  const endFamily = () => {
    const left = [...descendants(pid), ...(run.end === undefined ? [pid] : []), ...membersOf(family)];
    for (const one of new Set(left)) endOne(one);
  };
  return { run, endFamily };
}

function membersOf(family: string): number[] {
  return pids().filter((pid) =>
    contentOf(`/proc/${pid}/environ`)?.split("\0").includes(`${FAMILY}=${family}`),
  );
}

function endOne(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Runs a command to its end. */
export async function run(context: TestContext, command: readonly string[], options: SpawnOptions = {}) {
  const one = start(context, command, options);
  one.child.stdin?.end();
  const end = await one.ends();
  return { ...end, stdout: one.stdout, stderr: one.stderr };
}

/** What /proc/PID/stat tells. */
export interface Stat {
  readonly pid: number;
  readonly name: string;
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly foreground: number;
  /** User and system time, in clock ticks. */
  readonly ticks: number;
}

/** undefined where there is no such process. */
export function statOf(pid: number): Stat | undefined {
  const text = contentOf(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const name = text.slice(text.indexOf("(") + 1, text.lastIndexOf(")"));
  const rest = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const at = (field: number) => Number(rest[field - 3]);
  return {
    pid,
    name,
    state: rest[0] ?? "",
    parent: at(4),
    group: at(5),
    foreground: at(8),
    ticks: at(14) + at(15),
  };
}

/** A line of /proc/PID/status, such as "SigBlk"; undefined where there is none. */
export function statusOf(pid: number, line: string): string | undefined {
  return contentOf(`/proc/${pid}/status`)?.match(new RegExp(`^${line}:\\s*(.*)$`, "m"))?.[1];
}

/** How often the process went to sleep: once for each wake-up. */
export function sleepsOf(pid: number): number {
  return Number(statusOf(pid, "voluntary_ctxt_switches"));
}

/** The children of a process, and theirs. */
export function descendants(pid: number): number[] {
  const all = pids()
    .map(statOf)
    .filter((stat) => stat !== undefined);
  const below = (parent: number): number[] =>
    all.filter((stat) => stat.parent === parent).flatMap((stat) => [stat.pid, ...below(stat.pid)]);
  return below(pid);
}

/** Waits for a process called `name` among the descendants of `pid`; answers its pid. */
export async function descendantNamed(pid: number, name: string): Promise<number> {
  return until(`a process ${name} below ${pid}`, () =>
    descendants(pid).find((one) => statOf(one)?.name === name),
  );
}

/** Waits until the process is in one of the states, "T" for stopped and "S" for asleep. */
export async function becomes(pid: number, states: string): Promise<void> {
  await until(`process ${pid} in state ${states}`, () => states.includes(statOf(pid)?.state ?? "gone"));
}

function pids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

/** The pids of whoever runs this program, in whatever container that shows it at the same path. */
export function processesOf(path: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/exe`) === path;
      } catch {
        return false;
      }
    });
}
