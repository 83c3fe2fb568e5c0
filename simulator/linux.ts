// A Linux small enough to read: processes, signals, reaping, pidfds, a terminal and a log, in memory and in virtual time.
// It knows nothing of the init: simulator/kernel.ts puts the core's calls on top of it.

import type { Random } from "./random.ts";

const SIGKILL = 9;
const SIGCHLD = 17;
const SIGCONT = 18;
const SIGSTOP = 19;
const STOPS = [19, 20, 21, 22];
/** Default action "ignore", signal(7). */
const IGNORED = [17, 18, 23, 28];
const REAL_TIME_FIRST = 32;

export const SI_USER = 0;
export const SI_QUEUE = -1;

/** What a signal carries; siginfo_t of sigaction(2). */
export interface Signal {
  readonly signo: number;
  readonly code: number;
  readonly pid: number;
  readonly uid: number;
  readonly value: bigint;
}

export type Disposition = "default" | "ignore" | "handler";
export type ChildAction = "default" | "ignore" | "no zombies";

/** What a program does at one of its turns; it may call the world. Answers whether it wants further turns by itself. */
export type Behaviour = (self: Process, world: Linux) => void;

/** An open file description: only what an init can tell apart. */
export type File =
  | { kind: "signalfd"; mask: bigint }
  | { kind: "pidfd"; of: Process }
  | { kind: "read"; pipe: Pipe }
  | { kind: "write"; pipe: Pipe }
  | { kind: "tty" }
  | { kind: "file" }
  | { kind: "text"; content: string; at: number }
  | { kind: "null" };

/** A pipe that holds so many bytes until somebody reads. */
export class Pipe {
  readonly capacity: number;
  chunks: Buffer[] = [];
  readers = 1;
  constructor(capacity: number) {
    this.capacity = capacity;
  }
  get size(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }
}

export class Process {
  readonly pid: number;
  parent: Process | null;
  readonly children = new Set<Process>();
  group: number;
  uid = 0;
  euid = 0;
  name: string;
  state: "running" | "stopped" | "zombie" | "released" = "running";
  /** A stop that the parent has not been told of yet. */
  stopUntold = false;
  waitStatus = 0;
  mask = 0n;
  readonly dispositions = new Map<number, Disposition>();
  childAction: ChildAction = "default";
  readonly pending = new Map<number, Signal>();
  readonly queued: Signal[] = [];
  queueLimit = 1000;
  subreaper = false;
  /** SIGNAL_UNKILLABLE: the first process of a namespace. */
  protected = false;
  readonly caught: Signal[] = [];
  readonly files = new Map<number, File>();
  behaviour: Behaviour = () => {};
  parentSignal = 0;
  dumpable = 1;
  executed = false;

  constructor(pid: number, parent: Process | null, name: string) {
    this.pid = pid;
    this.parent = parent;
    this.group = parent?.group ?? pid;
    this.name = name;
    parent?.children.add(this);
  }

  get lives(): boolean {
    return this.state === "running" || this.state === "stopped";
  }
}

const bit = (signal: number): bigint => 1n << BigInt(signal - 1);

export class Linux {
  readonly random: Random;
  readonly processes = new Map<number, Process>();
  /** Virtual milliseconds. */
  now = 0;
  readonly init: Process;
  /** The terminal's foreground group; 0 where there is no terminal. */
  foreground = 0;
  readonly pidMax: number;
  #lastPid: number;
  /** Autoreaped, and released a little later: in between a pidfd knows no status. */
  readonly releasing = new Set<Process>();

  constructor(random: Random, initPid: number, pidMax: number) {
    this.random = random;
    this.pidMax = pidMax;
    this.#lastPid = initPid;
    const outside = initPid === 1 ? null : this.#add(new Process(1, null, "outer init"));
    if (outside !== null) outside.childAction = "ignore";
    this.init = this.#add(new Process(initPid, outside, "init"));
    this.init.protected = initPid === 1;
  }

  #add(process: Process): Process {
    this.processes.set(process.pid, process);
    return process;
  }

  /** The next free pid, as the kernel counts: upwards and round, so that pids are soon used again. */
  #freePid(): number | null {
    for (let i = 0; i < this.pidMax; i++) {
      this.#lastPid = this.#lastPid >= this.pidMax ? 2 : this.#lastPid + 1;
      if (!this.processes.has(this.#lastPid) && !this.#isGroup(this.#lastPid)) return this.#lastPid;
    }
    return null;
  }

  #isGroup(id: number): boolean {
    return [...this.processes.values()].some((process) => process.group === id);
  }

  fork(parent: Process, name: string): Process | null {
    const pid = this.#freePid();
    if (pid === null) return null;
    const child = this.#add(new Process(pid, parent, name));
    child.uid = parent.uid;
    child.euid = parent.euid;
    child.mask = parent.mask;
    child.childAction = parent.childAction;
    for (const [signal, what] of parent.dispositions) child.dispositions.set(signal, what);
    for (const [fd, file] of parent.files) child.files.set(fd, file);
    return child;
  }

  /** kill(2): whether `sender` may signal `target`. A process outside the namespace may do anything. */
  mayKill(sender: Process | null, target: Process, capable: boolean): boolean {
    if (sender === null || capable) return true;
    return [sender.uid, sender.euid].some((uid) => uid === target.uid);
  }

  /** Delivers a signal; answers a negative errno, or 0. */
  signal(target: Process, signal: Signal): number {
    if (!target.lives) return 0;
    if (signal.signo === 0) return 0;
    const inside = signal.pid !== 0;
    if (target.protected && inside && (signal.signo === SIGKILL || signal.signo === SIGSTOP)) return 0;
    if (signal.signo === SIGCONT) this.#continue(target);
    if (STOPS.includes(signal.signo)) target.pending.delete(SIGCONT);
    if (this.#isIgnored(target, signal.signo)) return 0;
    if (signal.signo >= REAL_TIME_FIRST) {
      if (target.queued.length >= target.queueLimit) {
        if (signal.code !== SI_USER) return -11;
        if (target.queued.some((queued) => queued.signo === signal.signo)) return 0;
      }
      target.queued.push(signal);
    } else if (!target.pending.has(signal.signo)) {
      target.pending.set(signal.signo, signal);
    }
    return 0;
  }

  /** A blocked signal is never ignored at the sender's side (kernel/signal.c, sig_ignored). */
  #isIgnored(target: Process, signo: number): boolean {
    if ((target.mask & bit(signo)) !== 0n && signo !== SIGKILL && signo !== SIGSTOP) return false;
    if (signo === SIGCHLD && target.childAction !== "default") return target.childAction === "ignore";
    const what = target.dispositions.get(signo) ?? "default";
    if (what === "ignore") return true;
    if (what === "handler") return false;
    return IGNORED.includes(signo) || (target.protected && signo !== SIGKILL && signo !== SIGSTOP);
  }

  /** Takes the next pending signal of a set: standard ones by number first, as the kernel does. */
  dequeue(process: Process, mask: bigint): Signal | null {
    for (let signo = 1; signo < REAL_TIME_FIRST; signo++) {
      const signal = process.pending.get(signo);
      if (signal === undefined || (mask & bit(signo)) === 0n) continue;
      process.pending.delete(signo);
      return signal;
    }
    const inSet = process.queued.filter(({ signo }) => (mask & bit(signo)) !== 0n);
    if (inSet.length === 0) return null;
    const lowest = Math.min(...inSet.map(({ signo }) => signo));
    const index = process.queued.findIndex(({ signo }) => signo === lowest);
    return process.queued.splice(index, 1)[0] ?? null;
  }

  /** What happens to a process when it is about to run: handlers are noted, default actions are done. */
  deliver(process: Process): void {
    for (;;) {
      const kill = process.pending.get(SIGKILL);
      const next = kill ?? this.dequeue(process, ~process.mask | bit(SIGSTOP));
      if (next === null || !process.lives) return;
      if (kill !== undefined) process.pending.delete(SIGKILL);
      this.#act(process, next);
    }
  }

  #act(process: Process, signal: Signal): void {
    const { signo } = signal;
    const what = process.dispositions.get(signo) ?? "default";
    if (signo !== SIGKILL && signo !== SIGSTOP && what === "handler") {
      process.caught.push(signal);
    } else if (signo !== SIGKILL && signo !== SIGSTOP && (what === "ignore" || IGNORED.includes(signo))) {
      return;
    } else if (STOPS.includes(signo)) {
      this.#stop(process);
    } else {
      this.exit(process, signo);
    }
  }

  #stop(process: Process): void {
    if (process.state !== "running") return;
    process.state = "stopped";
    process.stopUntold = true;
    this.#tellParent(process);
  }

  #continue(process: Process): void {
    for (const stop of STOPS) process.pending.delete(stop);
    if (process.state !== "stopped") return;
    process.state = "running";
    process.stopUntold = false;
  }

  #tellParent(process: Process): void {
    const { parent } = process;
    if (parent === null || parent.childAction === "ignore") return;
    this.signal(parent, { signo: SIGCHLD, code: 1, pid: process.pid, uid: process.uid, value: 0n });
  }

  /** Ends a process with a wait status; its children go to the nearest subreaper above, or to the init. */
  exit(process: Process, waitStatus: number): void {
    if (!process.lives) return;
    process.state = "zombie";
    process.waitStatus = waitStatus;
    process.files.clear();
    for (const child of [...process.children]) this.#adopt(child, this.#reaperOf(process));
    this.#notifyDeath(process);
  }

  #reaperOf(process: Process): Process | null {
    for (let above = process.parent; above !== null; above = above.parent) {
      if (above.lives && (above.subreaper || above.protected || above.parent === null)) return above;
    }
    return null;
  }

  #adopt(child: Process, reaper: Process | null): void {
    const old = child.parent;
    old?.children.delete(child);
    child.parent = reaper;
    reaper?.children.add(child);
    if (child.parentSignal > 0 && child.lives) {
      this.signal(child, { signo: child.parentSignal, code: SI_USER, pid: old?.pid ?? 0, uid: 0, value: 0n });
    }
    if (child.state === "zombie" && !this.releasing.has(child)) this.#notifyDeath(child);
  }

  #notifyDeath(process: Process): void {
    const action = process.parent?.childAction ?? "ignore";
    this.#tellParent(process);
    if (action !== "default") this.releasing.add(process);
  }

  /** The kernel's part of autoreaping, which happens a little later than the death. */
  release(process: Process): void {
    this.releasing.delete(process);
    process.state = "released";
    process.parent?.children.delete(process);
    this.processes.delete(process.pid);
  }

  /** wait4(2) for any child. */
  wait(parent: Process, untraced: boolean): { pid: number; status: number } | null | undefined {
    if (parent.children.size === 0) return undefined;
    const zombies = [...parent.children].filter(
      (child) => child.state === "zombie" && !this.releasing.has(child),
    );
    const zombie = zombies[0];
    if (zombie !== undefined) {
      this.release(zombie);
      return { pid: zombie.pid, status: zombie.waitStatus };
    }
    const stopped = [...parent.children].find(
      (child) => untraced && child.state === "stopped" && child.stopUntold,
    );
    if (stopped === undefined) return null;
    stopped.stopUntold = false;
    return { pid: stopped.pid, status: (SIGSTOP << 8) | 0x7f };
  }

  group(id: number): Process[] {
    return [...this.processes.values()].filter(
      (process) => process.group === id && process.state !== "released",
    );
  }

  /** One turn of the world besides the init: a random process runs, or a death is completed. */
  turn(): boolean {
    const running = [...this.processes.values()].filter(
      (process) => process !== this.init && process.lives && process.executed,
    );
    const choices = running.length + this.releasing.size;
    if (choices === 0) return false;
    const choice = this.random.below(choices);
    if (choice >= running.length) {
      this.release([...this.releasing][choice - running.length] as Process);
      return true;
    }
    const process = running[choice] as Process;
    this.deliver(process);
    if (process.state === "running") process.behaviour(process, this);
    return true;
  }
}
