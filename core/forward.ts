// Delivering the signal in hand to the main program or its group, whatever stands in the way.

import { countFate } from "./counters.ts";
import { tell } from "./events.ts";
import {
  Clock,
  clock_gettime,
  Errno,
  get_dumpable,
  geteuid,
  getppid,
  keep,
  kill,
  Open,
  openat,
  pidfd_send_signal,
  rt_sigqueueinfo,
  SI_QUEUE,
  SI_USER,
  set_dumpable,
  set_pdeathsig,
  seteuid,
  setfsgid,
  setgroups,
  signalfd4,
} from "./kernel.ts";
import { Level, say } from "./log.ts";
import { rewrite } from "./policy.ts";
import { realUid } from "./processes.ts";
import { end } from "./reap.ts";
import { Reaping } from "./reaping.ts";
import { contains, EVERY_SIGNAL, isRealTime, nextHoldMs, only, Signal, TAKEN_WHILE_HELD } from "./signals.ts";
import { Grouping, groups, info, lookup, state, survivors } from "./state.ts";
import { RUNNING, UNKNOWN } from "./status.ts";
import { signalOrphans } from "./sweep.ts";
import { Text } from "./texts.ts";

/**
 * About a minute. The queue is one for all processes of a uid (RLIMIT_SIGPENDING), ours included: where a flood of queued
 * signals to the init has filled it, no time brings room, and behind the held signal waits every real-time signal.
 */
const HOLD_TRIES_MAX = 100;

/**
 * Sends the signal in `info` on. Never fails: what cannot be delivered is said, or kept for later. That goes by the number
 * it came with: while one is held no other real-time signal is taken, but a standard one may be mapped to such a number.
 */
export function forward(): void {
  assert(info.signo > 0);
  say(Level.Debug, Text.PassingSignal, info.signo);
  const answer = deliver();
  if (state.killsOrphans) signalOrphans(info.signo, info.code === SI_QUEUE ? changetype<usize>(info) : 0);
  if (answer !== -Errno.EAGAIN || info.code !== SI_QUEUE) sayOutcome(answer);
  else if (isRealTime(survivors.handSignal)) hold();
  else sayOutcome(deliverWithoutValue());
}

/**
 * Sends what nobody sent to the init: to the program alone, whatever -g and --kill-orphans say of others. Answers whether
 * it was still there.
 */
export function ask(signal: i32): bool {
  const group = state.group;
  info.signo = signal;
  info.code = SI_USER;
  state.group = false;
  const answer = deliver();
  state.group = group;
  sayOutcome(answer);
  return answer !== -Errno.ESRCH;
}

/** Tries the held signal again when it is time, however much else there is to do; there may be room now. */
export function retryHeld(): void {
  // After the end its number may be anybody's.
  if (
    survivors.heldSignal === 0 ||
    survivors.status !== RUNNING ||
    clock_gettime(Clock.Monotonic) < state.holdUntil
  )
    return;
  info.signo = survivors.heldSignal;
  info.code = SI_QUEUE;
  info.pid = survivors.heldPid;
  info.uid = survivors.heldUid;
  info.value = survivors.heldValue;
  let answer = deliver();
  if (answer === -Errno.EAGAIN) {
    wait(nextHoldMs(state.holdMs));
    if (++state.holdTries < HOLD_TRIES_MAX) return;
    answer = deliverWithoutValue();
  }
  sayOutcome(answer);
  state.holdTries = 0;
  survivors.heldSignal = 0;
  keep(changetype<usize>(survivors));
  takeAll();
}

/**
 * dumb-init's last act: what is left of the program's session gets a SIGTERM, as --rewrite has it, and is not waited for. The
 * pidfd can mean nobody else's group; before Linux 6.9 the number has to do, in the moment after the program was reaped.
 */
export function farewell(): void {
  if (state.grouping !== Grouping.Session) return;
  info.signo = Signal.SIGTERM;
  if (!rewrite()) return;
  const answer = pidfd_send_signal(survivors.pidfd, info.signo, 0, true);
  if (answer < 0 && answer !== -Errno.ESRCH && survivors.reaping === Reaping.Wait)
    kill(-survivors.pid, info.signo);
  say(Level.Debug, Text.SignalForwarded, info.signo);
}

/** A signal without a value needs no room in the queue. */
function deliverWithoutValue(): i32 {
  say(Level.Warn, Text.SignalValueLost, info.signo);
  info.code = SI_USER;
  return deliver();
}

/** kill(-group) answers 0 also where it reached only some: without CAP_KILL the program's uid is used at once (W1). */
function deliver(): i32 {
  assert(survivors.pid > 0);
  const answer = state.group && !survivors.mayKill ? -Errno.EPERM : reach();
  return answer === -Errno.EPERM ? transmitAsProgram() : answer;
}

/** To the group; but a child that has not made its session yet has none, and is all there is. */
function reach(): i32 {
  const answer = transmit(state.group);
  return answer === -Errno.ESRCH && state.grouping === Grouping.Session ? transmit(false) : answer;
}

/** One system call. Where the kernel reaps, the pid may be anybody's by now, so only the pidfd is used. */
function transmit(group: bool): i32 {
  const queued = info.code === SI_QUEUE ? changetype<usize>(info) : 0;
  if (survivors.reaping !== Reaping.Wait)
    return pidfd_send_signal(survivors.pidfd, info.signo, queued, group);
  if (queued === 0) return kill(group ? -survivors.pid : survivors.pid, info.signo);
  if (!group) return rt_sigqueueinfo(survivors.pid, queued);
  // A value for a whole group: Linux 6.9. Before, the group gets the signal without it.
  const answer =
    survivors.pidfd < 0 ? -Errno.EINVAL : pidfd_send_signal(survivors.pidfd, info.signo, queued, true);
  return answer === 0 || answer === -Errno.EAGAIN || answer === -Errno.ESRCH
    ? answer
    : kill(-survivors.pid, info.signo);
}

/** The same call with the program's real uid, which CAP_SETUID allows (kill(2)). */
function transmitAsProgram(): i32 {
  const own = geteuid();
  const uid = realUid(survivors.pid);
  if (uid === i64(u32(own))) return state.group ? reach() : -Errno.EPERM;
  return asUser(own, uid, 0, Open.Read);
}

/**
 * Makes that call, or opens `path`, with `uid` as effective uid in the place of `own`. To open, the init takes the groups of
 * --user as well, and keeps them, since they count for files alone; where it may not, the program cannot become the user either.
 * A change of the uid clears the parent-death signal and the dumpable flag (prctl(2)), so both are put back.
 */
export function asUser(own: i32, uid: i64, path: usize, how: Open): i32 {
  const dumpable = get_dumpable();
  const parent = getppid();
  if (path !== 0) {
    setgroups(lookup.groupCount, groups);
    setfsgid(i32(lookup.gid));
  }
  if (uid < 0 || seteuid(i32(uid)) < 0) return path !== 0 ? -Errno.EPERM : transmitToSome();
  const answer = path !== 0 ? openat(path, how) : reach();
  const back = seteuid(own);
  if (back < 0) say(Level.Warn, Text.EffectiveUserLost, -back);
  if (dumpable === 1) set_dumpable(1);
  if (state.parentSignal > 0) {
    set_pdeathsig(state.parentSignal);
    // One that died before has had its signal.
    if (getppid() !== parent) state.parentGone = true;
  }
  return answer;
}

/** Without any right to reach the program itself: a group may have members that can be reached. */
function transmitToSome(): i32 {
  if (!state.group) return -Errno.EPERM;
  const answer = reach();
  return kill(survivors.pid, 0) === -Errno.EPERM ? -Errno.EPERM : answer;
}

/** Keeps the signal in hand, and takes nothing from the kernel meanwhile that could overtake it. */
function hold(): void {
  // Held already: the core failed in here, and takes the signal in hand again. No other could be held meanwhile.
  if (survivors.heldSignal !== 0) return;
  survivors.heldSignal = info.signo;
  survivors.heldPid = info.pid;
  survivors.heldUid = info.uid;
  survivors.heldValue = info.value;
  keep(changetype<usize>(survivors));
  wait(nextHoldMs(0));
  say(Level.Info, Text.SignalHeld, info.signo);
  takeAll();
}

function wait(milliseconds: i32): void {
  state.holdMs = milliseconds;
  state.holdUntil = clock_gettime(Clock.Monotonic) + milliseconds;
}

/** Takes whatever does not have to wait; the kernel keeps the others. */
export function takeAll(): void {
  state.taken = survivors.heldSignal !== 0 ? TAKEN_WHILE_HELD : EVERY_SIGNAL;
  if (survivors.delayedSignal !== 0) state.taken &= ~state.stopSignals;
  state.taken &= ~state.limited;
  if (survivors.signalfd >= 0) signalfd4(survivors.signalfd, state.taken & ~state.passed);
}

/** Lets the signals in `passed` wait until nothing else does. */
export function giveWay(passed: u64): void {
  state.passed = passed;
  state.round = passed;
  if (passed === 0) state.roundLength = 0;
  takeAll();
}

/** A failure once for each signal: whoever may not be signalled now, or by this security module, will not be a moment later. */
function sayOutcome(answer: i32): void {
  if (answer >= 0) {
    say(Level.Debug, Text.SignalForwarded, info.signo);
    return;
  }
  countFate(Text.EventFailed, info.signo);
  tell(Text.EventFailed, info.signo, -answer);
  if (answer === -Errno.ESRCH) {
    say(Level.Warn, Text.ChildWasDead);
    // Not even a zombie, and not reaped by us: whoever took it, it is gone.
    if (survivors.reaping === Reaping.Wait && kill(survivors.pid, 0) === -Errno.ESRCH) end(UNKNOWN);
    return;
  }
  if (contains(state.refused, info.signo)) return;
  state.refused |= only(info.signo);
  if (answer === -Errno.EPERM) say(Level.Warn, Text.ForwardRefused, info.signo, Errno.EPERM);
  else say(Level.Warn, Text.ForwardFailed, -answer);
}
