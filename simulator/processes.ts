// Processes: how they come to be, end, and are waited for, and who gets the children of those that have ended.
// After kernel/fork.c and kernel/exit.c, whose names the comments give.

import type { Cgroup, Credentials, Limits } from "./credentials.ts";
import { BLOCKED, E } from "./errnos.ts";
import { type FileTable, PidFile } from "./files.ts";
import { Namespace, Pid } from "./pids.ts";
import type { Filter } from "./seccomp.ts";
import {
  Pending,
  plain,
  queue,
  SIGCHLD,
  SIGKILL,
  type SignalInfo,
  SignalSet,
  sendFromKernel,
  sendParentDeath,
} from "./signals.ts";
import { leaveTerminal, type Terminal, tellOrphanedGroup } from "./terminal.ts";
import type { World } from "./world.ts";

export interface Action {
  readonly handler: "default" | "ignore" | "handler";
  readonly noChildStop: boolean;
  readonly noChildWait: boolean;
}

const DEFAULT: Action = { handler: "default", noChildStop: false, noChildWait: false };

/** What a process does at one of its turns, best one system call. It may call the world, and ask to sleep. */
export type Program = (self: Process) => void;

export class Process {
  readonly world: World;
  readonly id: Pid;
  readonly namespace: Namespace;
  /** When it began, in virtual milliseconds. */
  readonly begun: number;
  parent: Process;
  /** In the order in which they came, which is the order of wait4. */
  readonly children = new Set<Process>();
  group: Pid;
  session: Pid;
  /** A session leader. */
  leader = false;
  terminal: Terminal | null = null;
  /** Of a session leader: the group that had the foreground of a terminal that hung up. */
  lostForeground: Pid | null = null;
  /** exiting: on the way; dead: ended, and nobody is to wait for it; released: gone. */
  state: "running" | "stopped" | "exiting" | "zombie" | "dead" | "released" = "running";
  /** The signal that is going to end it (SIGNAL_GROUP_EXIT); 0 for none. */
  dying = 0;
  exitStatus = 0;
  exitSignal = SIGCHLD;
  /** The stop that the parent may still ask for, and whether it may ask for the continuation. */
  stopSignal = 0;
  continued = false;
  /** It has been continued, and is going to tell its parent. */
  continueDue = false;
  blocked = new SignalSet();
  actions = new Map<number, Action>();
  readonly own = new Pending();
  readonly shared = new Pending();
  /** What its handlers were called with. */
  readonly caught: SignalInfo[] = [];
  /** SIGNAL_UNKILLABLE: the first process of a namespace. */
  unkillable = false;
  subreaper = false;
  parentDeathSignal = 0;
  dumpable = 1;
  /** Whether RLIMIT_CORE lets it leave a core dump. */
  dumps = false;
  /** What it was executed with. */
  environment: readonly string[] = [];
  credentials: Credentials;
  /** Of seccomp(2): a call has to pass them all. */
  filters: readonly Filter[] = [];
  limits: Limits;
  cgroup: Cgroup;
  files: FileTable;
  name: string;
  /** Not since its fork: then its parent can still change its group. */
  executed = false;
  /** It and those that only count: nothing but their number is known of the others. */
  threads = 1;
  /** The child that it has made by vfork(2), and waits for. */
  lentTo: Process | null = null;
  program: Program | null = null;
  /** Its program waits for news: a caught signal, a child, its deadline, or `wake`. */
  asleep = false;
  /** When the call that it sleeps in is over, in virtual milliseconds. */
  deadline = Number.NaN;
  /** What came while it slept in a call, or since. */
  interrupted: "stop" | "handler" | null = null;
  /** It sleeps in a call that is made again as soon as anything has changed. */
  blockedInCall = false;
  /** Where it stands in the list of those that have something to do; -1 nowhere. */
  place = -1;

  constructor(world: World, id: Pid, parent: Process | null, from: Origin) {
    this.world = world;
    this.id = id;
    this.namespace = id.namespace;
    this.begun = world.now;
    this.parent = parent ?? this;
    this.group = parent?.group ?? id;
    this.session = parent?.session ?? id;
    this.credentials = from.credentials;
    this.limits = from.limits;
    this.cgroup = from.cgroup;
    this.files = from.files;
    this.name = from.name;
    id.process = this;
    this.group.group.add(this);
    this.session.session.add(this);
    parent?.children.add(this);
    this.filters = parent?.filters ?? [];
  }

  /** Its pid as it sees it itself. */
  get pid(): number {
    return this.id.in(this.namespace);
  }

  get lives(): boolean {
    return this.state === "running" || this.state === "stopped";
  }

  /** Its control group is frozen, and it is not about to be killed: then it does not run. */
  get isFrozen(): boolean {
    return this.cgroup.isFrozen && this.dying === 0 && this.lives;
  }

  /** Ended, whether anybody has waited for it or not. */
  get ended(): boolean {
    return this.state === "zombie" || this.state === "dead" || this.state === "released";
  }

  /** In vfork(2): until its child has executed something or ended nothing reaches it but what kills it. */
  get isLent(): boolean {
    const { lentTo } = this;
    return lentTo !== null && this.dying === 0 && lentTo.lives && !lentTo.executed;
  }

  action(signo: number): Action {
    return this.actions.get(signo) ?? DEFAULT;
  }

  /** Takes pending signals up to 32 off both queues. */
  flush(signals: number): void {
    this.own.flush(this, signals);
    this.shared.flush(this, signals);
  }

  /** Takes every pending signal of this number off both queues. */
  flushOne(signo: number): void {
    for (const pending of [this.own, this.shared])
      while (pending.set.has(signo)) pending.collect(this, signo);
  }
}

/** What the first process of all has from nobody. */
export interface Origin {
  readonly credentials: Credentials;
  readonly limits: Limits;
  readonly cgroup: Cgroup;
  readonly files: FileTable;
  readonly name: string;
}

export interface CloneOptions {
  readonly program?: Program;
  readonly name?: string;
  /** CLONE_PIDFD: a descriptor in `world.out.pidfd`. */
  readonly pidfd?: boolean;
  /** CLONE_NEWPID: the child is the first process of a namespace in which every number is below this. */
  readonly pidMax?: number;
  /** The namespace of the child, where its parent has entered another one (setns(2), `docker exec`). */
  readonly into?: Namespace;
  readonly exitSignal?: number;
  /** CLONE_VFORK */
  readonly vfork?: boolean;
}

/** clone(2). Answers the child's pid, or a negative errno; the child itself in `world.out.child`. */
export function clone(self: Process, options: CloneOptions): number {
  const { world } = self;
  const user = world.user(self.credentials.uid);
  if (hasMetLimit(self)) return -E.EAGAIN;
  const within = options.into ?? self.namespace;
  if (within.init !== null && !within.init.lives) return -E.ENOMEM;
  const namespace = options.pidMax === undefined ? within : new Namespace(within, options.pidMax);
  const id = Pid.take(namespace);
  if (id === null) return -E.EAGAIN;
  const withoutRoom = options.pidfd === true && !self.files.hasRoom(self.limits.nofile);
  if (withoutRoom || !self.cgroup.charge()) {
    id.freeIfUnused();
    return withoutRoom ? -E.EMFILE : -E.EAGAIN;
  }
  const child = new Process(world, id, self, {
    ...self,
    files: self.files.copy(),
    name: options.name ?? self.name,
  });
  inherit(self, child, options);
  if (options.pidfd === true) world.out.pidfd = self.files.open(new PidFile(id), true, self.limits.nofile);
  user.processes++;
  world.add(child);
  if (options.vfork === true) self.lentTo = child;
  return id.in(self.namespace);
}

/** clone(2) with CLONE_THREAD, of a thread that does nothing; it takes no number here. Answers 0, or a negative errno. */
export function startThread(self: Process): number {
  if (hasMetLimit(self) || !self.cgroup.charge()) return -E.EAGAIN;
  self.world.user(self.credentials.uid).processes++;
  self.threads++;
  return 0;
}

/** zap_other_threads, in an exit and in an exec. */
function endThreads(process: Process): void {
  const others = process.threads - 1;
  process.world.user(process.credentials.uid).processes -= others;
  process.cgroup.add(-others);
  process.threads = 1;
}

/** mm_release: whoever lent its memory by vfork(2) goes on. */
function giveBack(process: Process): void {
  const { parent } = process;
  if (parent.lentTo !== process) return;
  parent.lentTo = null;
  parent.world.wake(parent);
}

function hasMetLimit({ world, credentials, limits }: Process): boolean {
  return world.user(credentials.uid).processes + 1 > limits.nproc && !isAboveLimits(credentials);
}

/** RLIMIT_NPROC holds neither for the kernel's own root nor for the privileged (fork(2)). */
function isAboveLimits(credentials: Credentials): boolean {
  return credentials.uid === 0 || credentials.can("CAP_SYS_RESOURCE") || credentials.can("CAP_SYS_ADMIN");
}

function inherit(self: Process, child: Process, options: CloneOptions): void {
  child.terminal = self.terminal;
  child.blocked = self.blocked;
  child.actions = new Map(self.actions);
  child.dumpable = self.dumpable;
  child.dumps = self.dumps;
  child.exitSignal = options.exitSignal ?? SIGCHLD;
  child.program = options.program ?? null;
  if (child.namespace.init !== null) return;
  child.namespace.init = child;
  child.unkillable = true;
}

/** do_exit with a wait status. */
export function exit(process: Process, status: number): void {
  if (!process.lives) return;
  process.state = "exiting";
  process.exitStatus = status;
  endThreads(process);
  giveBack(process);
  process.files.closeAll(process);
  if (process.leader) leaveTerminal(process, true);
  if (process.namespace.init === process) endNamespace(process);
  const reaper = reaperOf(process);
  for (const child of [...process.children]) adopt(child, process, reaper);
  tellOrphanedGroup(process, null);
  process.state = "zombie";
  process.world.observer.died?.(process);
  tellDeath(process);
}

/** zap_pid_ns_processes: nobody of a namespace lives longer than its first process. */
function endNamespace(init: Process): void {
  init.actions.set(SIGCHLD, { ...DEFAULT, handler: "ignore" });
  for (const pid of [...init.namespace.pids.values()]) {
    const process = pid.process;
    if (process === null || process === init) continue;
    sendFromKernel(process, SIGKILL);
    exit(process, SIGKILL);
  }
  for (const pid of [...init.namespace.pids.values()]) {
    const process = pid.process;
    if (process !== null && process.parent === init && process.ended) release(process);
  }
}

/** find_new_reaper: the nearest subreaper above within the namespace, or the namespace's first process. */
function reaperOf(father: Process): Process {
  const { level } = father.namespace;
  for (let above = father.parent; above.namespace.level === level; above = above.parent) {
    if (above.subreaper && above.lives) return above;
    if (above.parent === above) break;
  }
  const init = father.namespace.init as Process;
  return init === father ? init.parent : init;
}

/** reparent_leader. */
function adopt(child: Process, father: Process, reaper: Process): void {
  child.parent = reaper;
  father.children.delete(child);
  reaper.children.add(child);
  child.world.observer.adopted?.(child, reaper);
  sendParentDeath(father, child);
  if (child.state === "dead") return;
  child.exitSignal = SIGCHLD;
  if (child.state === "zombie") tellDeath(child);
  tellOrphanedGroup(child, father);
}

/** do_notify_parent: a parent that ignores its children, or does not want zombies, lets the kernel take them away. */
function tellDeath(process: Process): void {
  const { parent, exitStatus } = process;
  const { handler, noChildWait } = parent.action(SIGCHLD);
  const isChild = process.exitSignal === SIGCHLD;
  const silent = isChild && handler === "ignore";
  if (process.exitSignal !== 0 && !silent) queue(parent, infoOf(process, deathCode(exitStatus)), {});
  parent.world.wakeParent(parent);
  if (!isChild || !(silent || noChildWait)) return;
  process.state = "dead";
  process.world.releasing.push(process);
}

/** CLD_EXITED, CLD_KILLED or CLD_DUMPED. */
const deathCode = (status: number): number => ((status & 0x80) !== 0 ? 3 : (status & 0x7f) !== 0 ? 2 : 1);

function infoOf(process: Process, code: number): SignalInfo {
  const status = code === 1 ? process.exitStatus >> 8 : process.exitStatus & 0x7f;
  const pid = process.id.in(process.parent.namespace);
  return { ...plain(process.exitSignal, pid, process.credentials.uid, code), status };
}

/** do_notify_parent_cldstop. */
export function tellParent(process: Process, code: number, status: number): void {
  const { parent } = process;
  const { handler, noChildStop } = parent.action(SIGCHLD);
  const pid = process.id.in(parent.namespace);
  const info = { ...plain(SIGCHLD, pid, process.credentials.uid, code), status };
  if (handler !== "ignore" && !noChildStop) queue(parent, info, {});
  parent.world.wakeParent(parent);
}

/** release_task: only now is the number free, and only now does a pidfd tell the status. */
export function release(process: Process): void {
  const { world, id, group, session } = process;
  process.state = "released";
  process.parent.children.delete(process);
  process.own.clear(process);
  process.shared.clear(process);
  id.exitStatus = process.exitStatus;
  id.process = null;
  group.group.delete(process);
  session.session.delete(process);
  for (const pid of new Set([id, group, session])) pid.freeIfUnused();
  world.user(process.credentials.uid).processes--;
  process.cgroup.add(-1);
  world.remove(process);
}

const WNOHANG = 1;
const WUNTRACED = 2;
const WCONTINUED = 8;
const WCLONE = 0x80000000;
const WALL = 0x40000000;
const WNOTHREAD = 0x20000000;
const WAIT_OPTIONS = WNOHANG | WUNTRACED | WCONTINUED | WCLONE | WALL | WNOTHREAD;
const INT_MIN = -(2 ** 31);

/** wait4(2): the first child in order that has something to tell. Its wait status is in `world.out.status`. */
export function wait4(self: Process, pid: number, options: number): number {
  if ((options & ~WAIT_OPTIONS) !== 0) return -E.EINVAL;
  if (pid === INT_MIN) return -E.ESRCH;
  let any = false;
  for (const child of candidates(self, pid)) {
    if (child.state === "dead" || !isEligible(child, self, pid, options)) continue;
    any = true;
    const answer = ask(child, self, options);
    if (answer !== 0) return answer;
  }
  if (!any) return -E.ECHILD;
  return (options & WNOHANG) !== 0 ? 0 : BLOCKED;
}

function candidates(self: Process, pid: number): Iterable<Process> {
  if (pid <= 0) return self.children;
  const child = self.namespace.pids.get(pid)?.process ?? null;
  return child !== null && child.parent === self ? [child] : [];
}

function isEligible(child: Process, self: Process, pid: number, options: number): boolean {
  if ((options & WALL) === 0 && (child.exitSignal !== SIGCHLD) !== ((options & WCLONE) !== 0)) return false;
  if (pid >= -1 && pid !== 0) return true;
  return child.group === (pid === 0 ? self.group : self.namespace.pids.get(-pid));
}

/** wait_task_zombie, wait_task_stopped, wait_task_continued; 0 where there is nothing to tell. */
function ask(child: Process, self: Process, options: number): number {
  const { out } = self.world;
  const pid = child.id.in(self.namespace);
  if (child.state === "zombie") {
    out.status = child.exitStatus;
    release(child);
    return pid;
  }
  if ((options & WUNTRACED) !== 0 && child.state === "stopped" && child.stopSignal !== 0) {
    out.status = (child.stopSignal << 8) | 0x7f;
    child.stopSignal = 0;
    return pid;
  }
  if ((options & WCONTINUED) === 0 || !child.continued) return 0;
  out.status = 0xffff;
  child.continued = false;
  return pid;
}

/** begin_new_exec: what of a process outlives the program that it ran. */
export function becomeProgram(self: Process, name: string, program: Program | null): void {
  for (const [signo, { handler }] of self.actions)
    if (handler === "ignore") self.actions.set(signo, { ...DEFAULT, handler });
    else self.actions.delete(signo);
  self.caught.length = 0;
  self.files.closeOnExec(self);
  self.executed = true;
  endThreads(self);
  giveBack(self);
  self.exitSignal = SIGCHLD;
  self.name = name.slice(name.lastIndexOf("/") + 1).slice(0, 15);
  self.program = program;
  self.asleep = false;
}
