// A small container: a program as PID 1 of a PID namespace of its own, by util-linux alone. Without root in a user
// namespace, and where that is denied too, without any namespace.

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { children, status } from "./process.ts";
import { ToolError } from "./run.ts";

/** How the first process is set apart: as root, by a user namespace, or not at all. */
export type Way = "pid" | "user" | "none";

const NAMESPACE = ["--pid", "--fork", "--kill-child", "--mount-proc"];
const UNSHARE: Record<Exclude<Way, "none">, readonly string[]> = {
  pid: NAMESPACE,
  user: ["--user", "--map-root-user", ...NAMESPACE],
};
const START_MS_MAX = 60_000;
const POLL_MS = 5;

export interface Container {
  readonly way: Way;
  /** Ends with the status of the first process. */
  readonly child: ChildProcess;
  /** The pid of the first process, as we see it. */
  readonly pid: Promise<number>;
}

/** The best way that this machine allows. */
export function bestWay(): Way {
  return (["pid", "user"] as const).find(isAllowed) ?? "none";
}

function isAllowed(way: "pid" | "user"): boolean {
  return spawnSync("unshare", [...UNSHARE[way], "true"], { stdio: "ignore" }).status === 0;
}

export type ReapOption = "wait" | "auto";

/** What `--reap` comes to here: waiting, which every kernel can, and auto where that is another way. */
export function reapOptions(steady: string): readonly ReapOption[] {
  const kernelReaps = spawnSync(steady, ["--reap", "kernel", "/bin/true"], { stdio: "ignore" }).status === 0;
  return kernelReaps ? ["wait", "auto"] : ["wait"];
}

/** The whole command line that makes `command` the first process. */
export function contained(way: Way, command: readonly string[]): readonly string[] {
  return way === "none" ? command : ["unshare", ...UNSHARE[way], "--", ...command];
}

export function startContainer(way: Way, command: readonly string[], options: SpawnOptions): Container {
  const full = contained(way, command);
  const [file = "", ...args] = full;
  const child = spawn(file, args, options);
  const pid = way === "none" ? Promise.resolve(pidOf(child)) : firstInside(child);
  // Whoever waits for it hears of the failure; nobody has to.
  pid.catch(() => undefined);
  return { way, child, pid };
}

/** unshare's only child is the first process; it is asked for as soon as it has become a program of its own. */
async function firstInside(child: ChildProcess): Promise<number> {
  const deadline = Date.now() + START_MS_MAX;
  const unshare = pidOf(child);
  while (Date.now() < deadline && child.exitCode === null) {
    const [first] = children(unshare);
    if (first !== undefined && status(first)?.get("Name") !== "unshare") return first;
    await sleep(POLL_MS);
  }
  throw new ToolError("the container did not start");
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new ToolError(`cannot start ${child.spawnfile}: install util-linux`);
  return child.pid;
}
