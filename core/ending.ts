// The end: how long the program may take to stop (--grace, --stop-within), what delays the first stop (--pre-stop), and
// what becomes of the processes that are left when it has ended (--drain).

import { forward, takeAll } from "./forward.ts";
import { Action, Clock, clock_gettime, keep, kill, rt_sigaction, SI_USER } from "./kernel.ts";
import { Level, say } from "./log.ts";
import { reapBatch } from "./reap.ts";
import { Reaping } from "./reaping.ts";
import { contains, Signal } from "./signals.ts";
import { info, Step, state, survivors } from "./state.ts";
import { Personality, RUNNING } from "./status.ts";
import { nameDescendants, signalDescendants } from "./sweep.ts";
import { Text } from "./texts.ts";
import { stopWatch, watchDueMs } from "./watch.ts";

/** What is left by default: a worker's time to end after its program. */
const DRAIN_MS = 2000;
/** Before the engine's SIGKILL, so that the log is written. */
const RESERVE_MS = 500;
/** For what cannot die at once: in a system call that nothing interrupts, or in a frozen cgroup. */
const KILL_WAIT_MS = 1000;
/** What was forked while /proc was read is found by the next sweep. */
const SWEEPS = 3;

/** --drain, or what holds where nobody said anything: only where nothing else could be left, and no other init is meant. */
function drainMs(): i32 {
  if (state.drainMs >= 0) return state.drainMs;
  return state.pid === 1 && state.personality === Personality.Steady ? DRAIN_MS : 0;
}

/** Whether the init may have to end more than its program. */
export function mayEndRest(): bool {
  return drainMs() > 0 || state.graceMs + state.stopWithinMs > 0;
}

/**
 * The first stop signal starts the clock, if anything asks for it; the signal in `info` was believed. Answers whether it is
 * to wait.
 */
export function noteStop(): bool {
  if (!contains(state.stopSignals, info.signo)) return false;
  stopWatch();
  if (state.graceMs + state.stopWithinMs + state.preStopMs === 0) return false;
  // The others are not taken meanwhile: it is the same one again, after a failure of the core.
  if (survivors.stopMs !== 0) return survivors.delayedSignal !== 0;
  // 0 would be none.
  survivors.stopMs = max<i64>(clock_gettime(Clock.Monotonic), 1);
  const delays = state.preStopMs > 0 && survivors.status === RUNNING;
  if (delays) {
    survivors.delayedSignal = info.signo;
    survivors.delayedCode = info.code;
    survivors.delayedPid = info.pid;
    survivors.delayedUid = info.uid;
    survivors.delayedValue = info.value;
  }
  if (survivors.step !== Step.None) survivors.endMs = atMost(survivors.endMs, 0);
  keep(changetype<usize>(survivors));
  if (delays) {
    say(Level.Info, Text.StopDelayed, info.signo, state.preStopMs);
    takeAll();
  }
  return delays;
}

/** Puts the delayed stop into `info` where its time has come; answers whether it has. It stays until it is released. */
export function isDelayOver(): bool {
  if (survivors.delayedSignal === 0 || clock_gettime(Clock.Monotonic) < survivors.stopMs + state.preStopMs)
    return false;
  info.signo = survivors.delayedSignal;
  info.code = survivors.delayedCode;
  info.pid = survivors.delayedPid;
  info.uid = survivors.delayedUid;
  info.value = survivors.delayedValue;
  return true;
}

/** The delayed stop is in hand now, and those that waited behind it are taken again. */
export function releaseDelayed(): void {
  survivors.delayedSignal = 0;
  keep(changetype<usize>(survivors));
  takeAll();
}

/** When the program is to be killed, or then given up, on the kernel's clock; 0 for never. */
function killAtMs(): i64 {
  if (survivors.step !== Step.None) return survivors.endMs;
  if (survivors.stopMs === 0) return 0;
  const grace = state.graceMs > 0 ? survivors.stopMs + state.graceMs : 0;
  return state.stopWithinMs > 0 ? atMost(grace > 0 ? grace : i64.MAX_VALUE, 0) : grace;
}

/** `ms`, or what --stop-within leaves, `later` milliseconds after its own time. */
function atMost(ms: i64, later: i64): i64 {
  if (state.stopWithinMs === 0 || survivors.stopMs === 0) return ms;
  return min<i64>(ms, survivors.stopMs + state.stopWithinMs - RESERVE_MS + later);
}

/** Kills the program, and all else, where its time is over; then waits no longer for it than for all else. */
export function keepGrace(): void {
  const killMs = killAtMs();
  if (killMs === 0 || clock_gettime(Clock.Monotonic) < killMs) return;
  if (survivors.step !== Step.None) {
    giveUp(killMs);
    return;
  }
  say(Level.Warn, Text.GraceOver, survivors.pid, i32(killMs - survivors.stopMs));
  nameDescendants();
  info.signo = Signal.SIGKILL;
  info.code = SI_USER;
  forward();
  signalRest(Signal.SIGKILL);
  // Not before: a core that failed in between does it again.
  survivors.isOverdue = true;
  moveTo(Step.Overdue, killWaitMs());
}

/** It may be dead, and its SIGCHLD wait behind others. */
function giveUp(ms: i64): void {
  reapBatch();
  if (survivors.status !== RUNNING) return;
  survivors.status = Signal.SIGKILL;
  moveTo(Step.Killed, ms);
}

/** Until when what was killed is waited for. */
function killWaitMs(): i64 {
  return atMost(clock_gettime(Clock.Monotonic) + KILL_WAIT_MS, RESERVE_MS - RESERVE_MS / 5);
}

/** How long nothing has to be done by itself, in milliseconds; -1 for ever. */
export function untilNextStep(): i32 {
  let next = killAtMs();
  if (survivors.step === Step.None) {
    next = sooner(next, watchDueMs());
    if (survivors.delayedSignal !== 0) next = sooner(next, survivors.stopMs + state.preStopMs);
  }
  return next === 0 ? -1 : i32(max<i64>(next - clock_gettime(Clock.Monotonic), 0));
}

function sooner(one: i64, other: i64): i64 {
  return one === 0 ? other : other === 0 ? one : min<i64>(one, other);
}

/** After the program's end: whether nothing is left that is to be waited for; takes the next step where it is time. */
export function isDrained(): bool {
  const wait = drainMs();
  if (wait === 0 && survivors.step === Step.None) return true;
  if (survivors.step < Step.Asked) {
    // The batch was full: signals are looked at before the next.
    if (state.reapDue && !state.waitFails) return false;
    if (!state.childless) reapBatch();
    if (!state.childless) begin(wait);
    return state.childless;
  }
  if (state.childless) return true;
  if (clock_gettime(Clock.Monotonic) < survivors.endMs) return false;
  if (survivors.step === Step.Killed) {
    say(Level.Warn, Text.Unkillable);
    return true;
  }
  killRest();
  return false;
}

/** The dead are told of from now on: nothing else says when the last of them is gone. */
function begin(wait: i32): void {
  state.reapDue = true;
  if (survivors.reaping !== Reaping.Wait) {
    survivors.reaping = Reaping.Wait;
    keep(changetype<usize>(survivors));
    rt_sigaction(Signal.SIGCHLD, Action.Default);
  }
  if (survivors.step === Step.Overdue) {
    killRest();
    return;
  }
  moveTo(Step.Asked, atMost(clock_gettime(Clock.Monotonic) + wait, 0));
  say(Level.Info, Text.Draining, wait);
  signalRest(Signal.SIGTERM);
  signalRest(Signal.SIGCONT);
}

function killRest(): void {
  if (survivors.step === Step.Asked) nameDescendants();
  moveTo(Step.Killed, killWaitMs());
  for (let i = 0; i < SWEEPS; i++) signalRest(Signal.SIGKILL);
}

function moveTo(step: i32, endMs: i64): void {
  survivors.step = step;
  survivors.endMs = endMs;
  keep(changetype<usize>(survivors));
}

/** As PID 1 the namespace is the container; outside, nobody but our own descendants is ours. */
function signalRest(signal: i32): void {
  if (state.pid === 1) kill(-1, signal);
  else signalDescendants(signal);
}
