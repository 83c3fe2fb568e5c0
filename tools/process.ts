// What /proc tells about other processes, as numbers. A process that is gone has nothing to tell: undefined.

import { readdirSync, readFileSync } from "node:fs";

/** The lines "Name: value" of /proc/PID/status or smaps_rollup. */
export type Fields = ReadonlyMap<string, string>;

export interface Memory {
  /** Pages in memory, those of the file included, which every container on the machine shares. */
  readonly residentKb: number;
  /** Pages that belong to this process alone: data, stack, and what was written to. */
  readonly privateKb: number;
}

/** /proc/PID/status. */
export function status(pid: number): Fields | undefined {
  return fields(pid, "status");
}

/** smaps_rollup is exact, and only for who may trace the process; the counters in status are for everybody. */
export function memory(pid: number): Memory | undefined {
  const exact = fields(pid, "smaps_rollup");
  if (exact !== undefined && exact.size > 0) {
    return { residentKb: number(exact, "Rss"), privateKb: number(exact, "Anonymous") };
  }
  const rough = status(pid);
  return rough && { residentKb: number(rough, "VmRSS"), privateKb: number(rough, "RssAnon") };
}

/** How often the process went to sleep, which is how often it was woken up. */
export function wakeUps(pid: number): number {
  const now = status(pid);
  return now === undefined ? 0 : number(now, "voluntary_ctxt_switches");
}

/** Time on a processor in microseconds. */
export function cpuMicroseconds(pid: number): number | undefined {
  const [nanoseconds] = read(pid, "schedstat")?.split(" ") ?? [];
  return nanoseconds === undefined ? undefined : Number(nanoseconds) / 1000;
}

/** Every process that this /proc shows. */
export function pids(): number[] {
  return readdirSync("/proc").filter(isNumber).map(Number);
}

/** The living or dead children of a process. */
export function children(pid: number): number[] {
  return pids().filter((child) => status(child)?.get("PPid") === String(pid));
}

/** The process's pid in the innermost PID namespace that it is in. */
export function innerPid(about: Fields): number {
  return Number((about.get("NSpid") ?? about.get("Pid") ?? "").split("\t").at(-1));
}

export function isZombie(about: Fields): boolean {
  return about.get("State")?.startsWith("Z") === true;
}

function fields(pid: number, file: string): Fields | undefined {
  const text = read(pid, file);
  if (text === undefined) return undefined;
  const pairs = [...text.matchAll(/^(\w+):\s*(.*)$/gm)];
  return new Map(pairs.map(([, name = "", value = ""]) => [name, value]));
}

function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    // EACCES: not ours to trace. The others: it has ended meanwhile.
    if (["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

function number(from: Fields, name: string): number {
  return Number.parseInt(from.get(name) ?? "0", 10);
}

function isNumber(name: string): boolean {
  return /^\d+$/.test(name);
}
