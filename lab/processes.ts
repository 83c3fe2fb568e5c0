// What /proc tells about processes, read from outside of their PID namespace. The rule: a process that is gone has
// nothing to tell (undefined), and what a process is, is read from its own files, never guessed from its name.

import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** /proc/PID/stat, as far as the lab needs it. */
export interface Stat {
  /** The pid as the reader sees it. */
  readonly pid: number;
  readonly name: string;
  /** One letter: R, S, D, T, t, Z, X. */
  readonly state: string;
  readonly parent: number;
  /** User and system time, in clock ticks. */
  readonly ticks: number;
  /** With the pid it names one process: a pid alone may belong to another one by now. */
  readonly started: string;
}

/** How a process, or one of its threads, treats signals: one bit for each signal, the lowest for signal 1. */
export interface Masks {
  readonly blocked: bigint;
  readonly ignored: bigint;
  readonly caught: bigint;
  /** Sent to the process and not yet taken by any thread. */
  readonly pending: bigint;
}

/** undefined where there is no such process. The name may contain anything, `) Z (` as well: it ends at the last `)`. */
export function statOf(pid: number): Stat | undefined {
  const text = contentOf(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

export function parseStat(text: string): Stat {
  const end = text.lastIndexOf(")");
  // The fields behind the name begin with the third of proc_pid_stat(5).
  const fields = text.slice(end + 2).split(" ");
  const at = (field: number) => fields[field - 3] ?? "";
  return {
    pid: Number.parseInt(text, 10),
    name: text.slice(text.indexOf("(") + 1, end),
    state: at(3),
    parent: Number(at(4)),
    ticks: Number(at(14)) + Number(at(15)),
    started: at(22),
  };
}

/** A zombie answers to kill(pid, 0) and has a line in /proc: dead is what is gone or one of these. */
export function isDead(state: string): boolean {
  return state === "Z" || state === "X" || state === "x";
}

/** The command line; the name in brackets where it has none (a zombie, a kernel thread). */
export function commandOf(stat: Stat): string {
  const text = contentOf(`/proc/${stat.pid}/cmdline`)?.replace(/\0+$/, "") ?? "";
  return text === "" ? `[${stat.name}]` : text.replaceAll("\0", " ");
}

/** The pid in the innermost PID namespace that the process is in. */
export function innerPid(pid: number): number {
  return pidsOf(pid).at(-1) ?? pid;
}

/** Its pids, from the namespace of this /proc to its own. */
export function pidsOf(pid: number): number[] {
  const line = lineOf(contentOf(`/proc/${pid}/status`), "NSpid");
  return line?.split("\t").map(Number) ?? [];
}

/** How often it went to sleep: once for each wake-up. */
export function sleepsOf(pid: number): number {
  return Number(lineOf(contentOf(`/proc/${pid}/status`), "voluntary_ctxt_switches"));
}

/** The masks of a process, one for each of its threads: a signal is taken by any thread that does not block it. */
export function masksOf(pid: number): Masks[] {
  return threads(pid).flatMap((thread) => {
    const status = contentOf(`/proc/${pid}/task/${thread}/status`);
    if (status === undefined) return [];
    const mask = (name: string) => BigInt(`0x${lineOf(status, name) ?? "0"}`);
    return [
      {
        blocked: mask("SigBlk"),
        ignored: mask("SigIgn"),
        caught: mask("SigCgt"),
        pending: mask("ShdPnd") | mask("SigPnd"),
      },
    ];
  });
}

export function hasSignal(mask: bigint, signal: number): boolean {
  return ((mask >> BigInt(signal - 1)) & 1n) === 1n;
}

/** The process and everything below it: those of a namespace are all below the one that made it. */
export function treeOf(root: number): Stat[] {
  const stat = statOf(root);
  if (stat === undefined) return [];
  return [stat, ...childrenOf(root).flatMap(treeOf)];
}

/**
 * Asks for the children that the kernel lists for each thread. Where it was built without those lists, everybody is
 * asked for their parent. Not by cgroup: a zombie has left the one that it was in (cgroups v1).
 */
export function childrenOf(pid: number): number[] {
  if (!hasChildLists()) return pids().filter((each) => statOf(each)?.parent === pid);
  return threads(pid).flatMap((thread) =>
    (contentOf(`/proc/${pid}/task/${thread}/children`) ?? "").split(" ").filter(Boolean).map(Number),
  );
}

let childLists: boolean | undefined;

function hasChildLists(): boolean {
  childLists ??= existsSync(`/proc/${process.pid}/task/${process.pid}/children`);
  return childLists;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
}

/** The TCP sockets that listen in the network namespace of a process; those of `owners` alone where it is shared. */
export function listenersOf(pid: number, owners?: readonly Stat[]): Listener[] {
  const own = owners && new Set(owners.flatMap((owner) => socketsOf(owner.pid)));
  return ["tcp", "tcp6"].flatMap((table) => {
    const lines = (contentOf(`/proc/${pid}/net/${table}`) ?? "").split("\n").slice(1);
    return lines.flatMap((line) => {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      return state === LISTEN && (own === undefined || own.has(inode)) ? [parseAddress(local)] : [];
    });
  });
}

/** The inodes of the sockets that a process holds. */
function socketsOf(pid: number): string[] {
  return numbersIn(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
}

const LISTEN = "0A";

/** "0100007F:1F90": the address as 32-bit words in the machine's order, which is little-endian wherever Node runs. */
function parseAddress(text: string): Listener {
  const [hex = "", port = ""] = text.split(":");
  const bytes = Buffer.from(hex, "hex");
  for (let i = 0; i < bytes.length; i += 4) bytes.subarray(i, i + 4).reverse();
  const address = bytes.length === 4 ? bytes.join(".") : addressOfV6(bytes);
  return { address, port: Number.parseInt(port, 16) };
}

function addressOfV6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** Every process that this /proc shows. */
function pids(): number[] {
  return numbersIn("/proc");
}

function threads(pid: number): number[] {
  return numbersIn(`/proc/${pid}/task`);
}

function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function lineOf(text: string | undefined, name: string): string | undefined {
  return text?.match(new RegExp(`^${name}:\\s*(.*)$`, "m"))?.[1];
}

/** Latin-1, since names may be any bytes. ENOENT, ESRCH: it is gone. EACCES: it is not ours to look at. */
function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}
