// Signals: who may send which, what becomes of one at the sender's side, in which order they are taken, and what a
// process does with one that it did not block. After kernel/signal.c, whose names the comments give.

import { E } from "./errnos.ts";
import { exit, type Process, tellParent } from "./processes.ts";
import { isOrphaned } from "./terminal.ts";

export const SIGHUP = 1;
export const SIGKILL = 9;
export const SIGPIPE = 13;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
const SIGNAL_MAX = 64;
const REAL_TIME_FIRST = 32;

const SI_USER = 0;
const SI_KERNEL = 0x80;
const SI_TKILL = -6;
const CLD_CONTINUED = 6;
const CLD_STOPPED = 5;

/** What a signal carries: siginfo_t of sigaction(2). */
export interface SignalInfo {
  readonly signo: number;
  readonly code: number;
  /** As the receiver's namespace sees the sender. */
  readonly pid: number;
  readonly uid: number;
  readonly value: bigint;
  /** Of SIGCHLD: an exit code or a signal. */
  readonly status: number;
  /** Where a process sent it: whether from the receiver's namespace. Nothing that the receiver is told. */
  readonly isInside?: boolean;
}

/** A set of signals in two halves, since 64 bits of a number cannot be told apart. */
export class SignalSet {
  lo: number;
  hi: number;

  constructor(lo = 0, hi = 0) {
    this.lo = lo >>> 0;
    this.hi = hi >>> 0;
  }

  static from(bits: bigint): SignalSet {
    return new SignalSet(Number(bits & 0xffffffffn), Number((bits >> 32n) & 0xffffffffn));
  }

  static of(...signals: number[]): SignalSet {
    const set = new SignalSet();
    for (const signo of signals) set.add(signo);
    return set;
  }

  get bits(): bigint {
    return (BigInt(this.hi) << 32n) | BigInt(this.lo);
  }

  has(signo: number): boolean {
    return signo <= 32 ? ((this.lo >>> (signo - 1)) & 1) !== 0 : ((this.hi >>> (signo - 33)) & 1) !== 0;
  }

  add(signo: number): void {
    if (signo <= 32) this.lo = (this.lo | (1 << (signo - 1))) >>> 0;
    else this.hi = (this.hi | (1 << (signo - 33))) >>> 0;
  }

  delete(signo: number): void {
    if (signo <= 32) this.lo = (this.lo & ~(1 << (signo - 1))) >>> 0;
    else this.hi = (this.hi & ~(1 << (signo - 33))) >>> 0;
  }

  /** All others, but for those that nobody can block. */
  get others(): SignalSet {
    return new SignalSet(~this.lo, ~this.hi);
  }

  get blockable(): SignalSet {
    return new SignalSet(this.lo & ~UNBLOCKABLE, this.hi);
  }
}

const bit = (signo: number): number => 1 << (signo - 1);
const isIn = (set: number, signo: number): boolean => signo <= 32 && (set & bit(signo)) !== 0;
const UNBLOCKABLE = bit(SIGKILL) | bit(SIGSTOP);
/** SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU. */
const STOPS = bit(19) | bit(20) | bit(21) | bit(22);
/** Default action: nothing. SIGCHLD, SIGCONT, SIGURG, SIGWINCH. */
const IGNORED = bit(17) | bit(18) | bit(23) | bit(28);
/** Default action: a core dump. QUIT, ILL, TRAP, ABRT, BUS, FPE, SEGV, XCPU, XFSZ, SYS. */
const DUMPS = bit(3) | bit(4) | bit(5) | bit(6) | bit(7) | bit(8) | bit(11) | bit(24) | bit(25) | bit(31);
/** Taken before all others: ILL, TRAP, BUS, FPE, SEGV, SYS. */
const SYNCHRONOUS = bit(4) | bit(5) | bit(7) | bit(8) | bit(11) | bit(31);

interface Queued {
  readonly info: SignalInfo;
  /** Whose RLIMIT_SIGPENDING it counts for. */
  readonly uid: number;
}

/** What waits for a process: a bit for each signal, and as much about it as there was room for. */
export class Pending {
  readonly set = new SignalSet();
  readonly queue: Queued[] = [];

  /** Whether there is one that is not in `blocked`. */
  has(blocked: SignalSet): boolean {
    return (this.set.lo & ~blocked.lo) !== 0 || (this.set.hi & ~blocked.hi) !== 0;
  }

  /** next_signal: the lowest that is not in `blocked`, faults of the processor first; 0 for none. */
  next(blocked: SignalSet): number {
    const lo = this.set.lo & ~blocked.lo;
    const first = (lo & SYNCHRONOUS) !== 0 ? lo & SYNCHRONOUS : lo;
    if (first !== 0) return 32 - Math.clz32(first & -first);
    const hi = this.set.hi & ~blocked.hi;
    return hi === 0 ? 0 : 64 - Math.clz32(hi & -hi);
  }

  /** flush_sigqueue_mask, of signals up to 32. */
  flush(process: Process, signals: number): void {
    if ((this.set.lo & signals) === 0) return;
    this.set.lo = (this.set.lo & ~signals) >>> 0;
    for (let i = this.queue.length - 1; i >= 0; i--) {
      const queued = this.queue[i] as Queued;
      if (!isIn(signals, queued.info.signo)) continue;
      this.queue.splice(i, 1);
      process.world.user(queued.uid).pending--;
    }
  }

  /** collect_signal: the oldest of its number; without anything about it where it found no room. */
  collect(process: Process, signo: number): SignalInfo {
    const index = this.queue.findIndex(({ info }) => info.signo === signo);
    const queued = index < 0 ? undefined : this.queue[index];
    if (queued === undefined) {
      this.set.delete(signo);
      return plain(signo, 0, 0);
    }
    this.queue.splice(index, 1);
    process.world.user(queued.uid).pending--;
    if (!this.queue.some(({ info }) => info.signo === signo)) this.set.delete(signo);
    return queued.info;
  }

  clear(process: Process): void {
    for (const { uid } of this.queue.splice(0)) process.world.user(uid).pending--;
    this.set.lo = 0;
    this.set.hi = 0;
  }
}

/** The info of a signal that carries nothing but its sender. */
export function plain(signo: number, pid: number, uid: number, code = SI_USER): SignalInfo {
  return { signo, code, pid, uid, value: 0n, status: 0 };
}

/** prepare_kill_siginfo: what kill(2) says of its caller. */
export function fromCaller(self: Process, signo: number): SignalInfo {
  return plain(signo, self.pid, self.credentials.uid);
}

/** check_kill_permission. */
function mayKill(self: Process, to: Process, signo: number): boolean {
  const own = self.credentials;
  const theirs = to.credentials;
  if (self === to || own.euid === theirs.suid || own.euid === theirs.uid) return true;
  if (own.uid === theirs.suid || own.uid === theirs.uid || own.can("CAP_KILL")) return true;
  return signo === SIGCONT && self.session === to.session;
}

/** do_tkill: it waits for the thread, which takes it before what waits for the process. */
export function sendToThread(self: Process, to: Process, signo: number): number {
  return sendFromUser(self, to, plain(signo, self.pid, self.credentials.uid, SI_TKILL), true);
}

/** group_send_sig_info of a signal that a process sends by a system call. */
export function sendFromUser(self: Process, to: Process, info: SignalInfo, own = false): number {
  if (info.signo < 0 || info.signo > SIGNAL_MAX) return -E.EINVAL;
  if (!mayKill(self, to, info.signo)) return -E.EPERM;
  if (info.signo === 0) return 0;
  if (to.state === "released") return -E.ESRCH;
  return send(self, to, info, own);
}

/** __kill_pgrp_info: 0 where one was reached, else the last error. */
export function sendToGroup(self: Process, members: Iterable<Process>, info: SignalInfo): number {
  let answer = -E.ESRCH;
  for (const member of [...members]) {
    const one = sendFromUser(self, member, info);
    if (answer !== 0) answer = one;
  }
  return answer;
}

/** kill(-1): everybody in the namespace but its first process and oneself; that one may not is no answer. */
export function sendToAll(self: Process, info: SignalInfo): number {
  let answer = 0;
  let count = 0;
  for (const to of [...self.world.processes]) {
    if (to === self || to.id.in(self.namespace) <= 1) continue;
    count++;
    const one = sendFromUser(self, to, info);
    if (one !== -E.EPERM) answer = one;
  }
  return count > 0 ? answer : -E.ESRCH;
}

/** SEND_SIG_PRIV: the kernel itself sends, and nobody asks whether it may. */
export function sendFromKernel(to: Process, signo: number): void {
  queue(to, plain(signo, 0, 0, SI_KERNEL), { special: true, force: true });
}

/** SEND_SIG_NOINFO: the kernel sends in the name of `self`. SIGPIPE goes to the thread, else to the process. */
export function sendInTheNameOf(self: Process, to: Process, signo: number, own = false): void {
  const pid = self.id.in(to.namespace);
  const info = plain(signo, pid, self.credentials.uid);
  queue(to, info, { special: true, force: pid === 0, own });
}

/** PR_SET_PDEATHSIG, which asks for permission as a kill(2) of the dying parent would. */
export function sendParentDeath(parent: Process, child: Process): void {
  const signo = child.parentDeathSignal;
  if (signo === 0 || !mayKill(parent, child, signo) || child.state === "released") return;
  sendInTheNameOf(parent, child, signo);
}

/** send_signal_locked: a sender from outside the receiver's namespace is 0 to it, and may kill and stop its init. */
function send(self: Process, to: Process, info: SignalInfo, own: boolean): number {
  const outside = self.id.in(to.namespace) === 0;
  const known = { ...info, isInside: !outside };
  if (!hasSender(info.code)) return queue(to, known, { own });
  const seen = outside ? { ...known, pid: 0 } : known;
  return queue(to, seen, { force: outside || info.code === SI_KERNEL, own });
}

/** has_si_pid_and_uid: timers and I/O have no sender. */
const hasSender = (code: number): boolean => code !== -2 && code !== -5;

interface How {
  /** Sent by the kernel: needs no room in the queue. */
  readonly special?: boolean;
  /** SIGKILL and SIGSTOP work on the init of a namespace. */
  readonly force?: boolean;
  /** To the thread rather than the process. */
  readonly own?: boolean;
}

/** __send_signal_locked. */
export function queue(
  to: Process,
  info: SignalInfo,
  { special = false, force = false, own = false }: How,
): number {
  const { signo } = info;
  if (!prepare(to, signo, force)) return 0;
  const pending = own ? to.own : to.shared;
  if (signo < REAL_TIME_FIRST && pending.set.has(signo)) return 0;
  if (signo !== SIGKILL && !enqueue(to, pending, info, special) && signo >= REAL_TIME_FIRST)
    if (!special && info.code !== SI_USER) return -E.EAGAIN;
  pending.set.add(signo);
  complete(to, signo);
  to.world.stir();
  return 0;
}

/** sigqueue_alloc: whether there was room for what the signal carries. */
function enqueue(to: Process, pending: Pending, info: SignalInfo, special: boolean): boolean {
  const { uid } = to.credentials;
  const user = to.world.user(uid);
  const always = info.signo < REAL_TIME_FIRST && (special || info.code >= 0);
  if (!always && user.pending + 1 > to.limits.sigpending) return false;
  user.pending++;
  pending.queue.push({ info, uid });
  return true;
}

/** prepare_signal: a stop and a continue take each other away; answers whether the signal is to be kept at all. */
function prepare(to: Process, signo: number, force: boolean): boolean {
  if (to.dying !== 0 || !to.lives) return false;
  if (isIn(STOPS, signo)) to.flush(bit(SIGCONT));
  if (signo === SIGCONT) resume(to);
  return !isIgnored(to, signo, force);
}

function resume(to: Process): void {
  to.flush(STOPS);
  if (to.state !== "stopped") return;
  to.state = "running";
  to.stopSignal = 0;
  to.continued = true;
  to.continueDue = true;
  to.world.wake(to);
}

/** sig_ignored: what is blocked is never ignored, since the handler may have changed when it is unblocked. */
function isIgnored(to: Process, signo: number, force: boolean): boolean {
  if (to.blocked.has(signo)) return false;
  const kills = isIn(UNBLOCKABLE, signo);
  const { handler } = to.action(signo);
  if (to.world.host === to && kills) return true;
  if (to.unkillable && handler === "default" && !(force && kills)) return true;
  return handler === "ignore" || (handler === "default" && isIn(IGNORED, signo));
}

/** complete_signal: one that will end the process for certain does so before any that comes later. */
function complete(to: Process, signo: number): void {
  const kill = signo === SIGKILL;
  if (to.blocked.has(signo) || (to.state === "stopped" && !kill)) return;
  const fatal = to.action(signo).handler === "default" && !isIn(IGNORED | STOPS, signo);
  if (fatal && !isIn(DUMPS, signo)) {
    to.dying = signo;
    to.state = "running";
    to.stopSignal = 0;
    to.continued = false;
  }
  to.world.wake(to);
}

/** dequeue_signal: the thread's own before the process's. */
export function dequeue(process: Process, blocked: SignalSet): SignalInfo | null {
  for (const pending of [process.own, process.shared]) {
    const signo = pending.next(blocked);
    if (signo !== 0) return pending.collect(process, signo);
  }
  return null;
}

/** Whether a signal waits that `blocked` does not hold back. */
export function isPending(process: Process, blocked: SignalSet): boolean {
  return process.own.has(blocked) || process.shared.has(blocked);
}

/** get_signal: what happens on the way back from the kernel into the program. Answers whether a handler ran. */
export function deliver(process: Process): boolean {
  let caught = false;
  while (process.state === "running") {
    if (process.continueDue) {
      process.continueDue = false;
      tellParent(process, CLD_CONTINUED, SIGCONT);
    } else if (process.dying !== 0) {
      exit(process, process.dying);
    } else {
      if (!isPending(process, process.blocked)) return caught;
      const info = dequeue(process, process.blocked);
      if (info !== null && act(process, info)) caught = true;
    }
  }
  return caught;
}

/** Does what was arranged for the signal; answers whether that was a handler. */
function act(process: Process, info: SignalInfo): boolean {
  const { signo } = info;
  const { handler } = process.action(signo);
  if (handler === "handler") {
    process.caught.push(info);
    process.deadline = Number.NaN;
    process.interrupted = "handler";
    return true;
  }
  if (handler === "ignore" || isIn(IGNORED, signo)) return false;
  if (process.unkillable && !isIn(UNBLOCKABLE, signo)) return false;
  if (!isIn(STOPS, signo)) exit(process, isIn(DUMPS, signo) && process.dumps ? signo | 0x80 : signo);
  else if (signo === SIGSTOP || !isOrphaned(process.group, null)) stop(process, signo);
  return false;
}

/** do_signal_stop. */
function stop(process: Process, signo: number): void {
  process.state = "stopped";
  process.stopSignal = signo;
  process.continued = false;
  if (process.interrupted === null) process.interrupted = "stop";
  tellParent(process, CLD_STOPPED, signo);
}

/** rt_sigqueueinfo(2) and pidfd_send_signal(2): nobody can pretend to be the kernel or a kill(2) to another. */
export function pretends(info: SignalInfo): boolean {
  return info.code >= 0 || info.code === SI_TKILL;
}

/** do_sigaction: what is ignored from now on is also taken off the queues, blocked or not. */
export function flushIgnored(process: Process, signo: number): void {
  const { handler } = process.action(signo);
  if (handler === "ignore" || (handler === "default" && isIn(IGNORED, signo))) process.flushOne(signo);
}
