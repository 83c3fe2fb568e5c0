// A container whose init is held at a gate until strace is there, which then lets chosen system calls fail or come late;
// and what strace wrote, as calls. strace stands outside: nothing inside is different but for what is injected.

import { existsSync, readFileSync } from "node:fs";
import type { Run } from "./process.ts";
import { descendants, startFamily, statOf, until } from "./process.ts";

/** More than any process makes of one call before it is the program: see test/puppet/gate.ts. */
const PADDING = 32;
const STRING_MAX = 1200;
/** How late a call comes that is made to come late. */
export const DELAY_US = 20_000;

/** One system call of one process. */
export interface TracedCall {
  readonly name: string;
  /** The how manieth of that name since strace came, which is how strace counts. */
  readonly ordinal: number;
  /** As strace wrote it, with its answer. */
  readonly text: string;
  /** When it began, in seconds. */
  readonly time: number;
  readonly tampered: boolean;
}

export interface Trace {
  /** The init's, from its first instruction. */
  readonly init: readonly TracedCall[];
  /** Of its first child, up to its exec; empty where only the init was followed. */
  readonly child: readonly TracedCall[];
}

/** Whom strace follows: the init alone, so that the program is what it always is, or its children too. */
export type Followed = "init" | "family";

/** The command, which strace finds in front of its first instruction. */
export function atGate(puppet: string, followed: Followed, command: readonly string[]): string[] {
  return [puppet, "gate", `${followed === "init" ? 0 : PADDING}`, ...command];
}

/** The pid of the process that waits at the gate, below whatever the container was started by. */
export async function waitsAtGate(run: Run): Promise<number> {
  return until("a process at the gate", () =>
    [run.pid, ...descendants(run.pid)].find((pid) => {
      const stat = statOf(pid);
      return stat?.name === "puppet" && stat.state === "S";
    }),
  );
}

export interface Tracer {
  /** When strace has written everything. */
  readonly ended: Promise<unknown>;
  readonly endFamily: () => void;
}

/** Attaches strace with its `inject` expressions, and opens the gate. */
export async function openGate(
  gate: number,
  followed: Followed,
  log: string,
  injections: readonly string[],
): Promise<Tracer> {
  const options = ["-ttt", "-o", log, "-s", `${STRING_MAX}`, ...(followed === "family" ? ["-f"] : [])];
  const inject = injections.flatMap((expression) => ["-e", `inject=${expression}`]);
  const { run, endFamily } = startFamily(["strace", ...options, ...inject, "-p", `${gate}`]);
  // Only what strace has seen to begin does it count.
  await until("strace at the gate", () => existsSync(log) && readFileSync(log, "latin1").includes("ppoll("));
  process.kill(gate, "SIGUSR2");
  return { ended: run.ended, endFamily };
}

/** The trace of the process `gate` from its exec of `init` on, and of its first child. */
export function readTrace(log: string, gate: number, init: string): Trace {
  const processes = processesIn(existsSync(log) ? readFileSync(log, "latin1") : "", gate);
  const calls = processes.get(gate) ?? [];
  const begin = calls.findIndex(({ text }) => text.startsWith(`execve("${init}"`)) + 1;
  const [child = []] = [...processes].filter(([pid]) => pid !== gate).map(([, its]) => its);
  const exec = child.findIndex(({ name, text }) => name === "execve" && text.endsWith("= 0"));
  return {
    init: begin === 0 ? [] : calls.slice(begin),
    child: exec < 0 ? child : child.slice(0, exec + 1),
  };
}

/**
 * A line is "PID TIME name(...) = answer", without the pid where only one process is followed. One that another process
 * interrupts ends in "<unfinished ...>", and goes on as "PID TIME <... name resumed>...".
 */
function processesIn(text: string, gate: number): Map<number, TracedCall[]> {
  const processes = new Map<number, TracedCall[]>();
  for (const line of text.split("\n")) {
    const [, who = `${gate}`, time = "0", what = ""] = /^(?:(\d+) +)?(\d+\.\d+) (.*)$/.exec(line) ?? [];
    const pid = Number(who);
    const calls = processes.get(pid) ?? [];
    processes.set(pid, calls);
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(what)?.[1];
    const last = calls.at(-1);
    if (resumed !== undefined && last !== undefined) calls[calls.length - 1] = tampered(last, resumed);
    // exit_group does not come back, so that strace marks nothing: its process ends as late as it was told to.
    const isLate = last !== undefined && Number(time) - last.time >= DELAY_US / 1e6;
    if (what.startsWith("+++ exited") && last?.name === "exit_group" && isLate)
      calls[calls.length - 1] = { ...last, tampered: true };
    const name = /^(\w+)\(/.exec(what)?.[1];
    if (name === undefined) continue;
    const ordinal = calls.filter((call) => call.name === name).length + 1;
    calls.push(tampered({ name, ordinal, text: "", time: Number(time), tampered: false }, what));
  }
  return processes;
}

function tampered(call: TracedCall, more: string): TracedCall {
  const text = call.text.replace(" <unfinished ...>", "") + more;
  return { ...call, text, tampered: / \((INJECTED|DELAYED)/.test(text) };
}

/** Calls that core/kernel.ts has under several names: by what is asked. */
const ASKED: readonly (readonly [RegExp, string])[] = [
  [/^ioctl\(\S+ TIOCGPGRP/, "tcgetpgrp"],
  [/^ioctl\(\S+ TIOCSPGRP/, "tcsetpgrp"],
  [/^ioctl\(\S+ TIOC(?:SCTTY|NOTTY)/, "control_terminal"],
  [/^ioctl\(\S+ _IOC\(.*0xff, 0xb, 0x50\)/, "pidfd_get_info"],
  [/^ioctl\(\S+ PIDFD_GET_INFO/, "pidfd_get_info"],
  [/^prctl\(PR_SET_CHILD_SUBREAPER/, "set_child_subreaper"],
  [/^prctl\(PR_GET_CHILD_SUBREAPER/, "get_child_subreaper"],
  [/^prctl\(PR_SET_PDEATHSIG/, "set_pdeathsig"],
  [/^prctl\(PR_GET_DUMPABLE/, "get_dumpable"],
  [/^prctl\(PR_SET_DUMPABLE/, "set_dumpable"],
  [/^fcntl\(\S+ F_DUPFD_CLOEXEC/, "fcntl_dupfd"],
  [/^setsockopt\(\S+ SOL_SOCKET, SO_PASSCRED/, "pass_credentials"],
  [/^setresuid\(/, "seteuid"],
  [/^statx\([^{]*, STATX_BASIC_STATS,/, "statx_at"],
  [/^madvise\(/, "release"],
  [/^getpgid\(/, "getpgid"],
  [/^prlimit64\(\S+ RLIMIT_NPROC, \{/, "setrlimit_nproc"],
  [/^prlimit64\(/, "getrlimit_nproc"],
  [/^exit_group\(/, "exit"],
];

/** What core/kernel.ts calls it. */
export function functionOf({ name, text }: TracedCall): string {
  return ASKED.find(([pattern]) => pattern.test(text))?.[1] ?? name;
}

/** Waits until the process is asleep by itself, and not held by strace; a process that is gone will not be. */
export async function isAsleep(pid: number): Promise<void> {
  await until(`process ${pid} asleep`, () => ["S", undefined, "Z"].includes(statOf(pid)?.state));
}
