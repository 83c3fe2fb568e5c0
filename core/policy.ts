// What becomes of a signal that was taken, before it is forwarded: whose it is (--trust), what it is to the program
// (--map), and how many of its kind there may be (--limit).

import { takeAll } from "./forward.ts";
import { Clock, clock_gettime, read, SIGNAL_INFO_SIZE, signalfd4 } from "./kernel.ts";
import { Level, say } from "./log.ts";
import { queuedSignals } from "./processes.ts";
import { contains, DROP, isCodeOfKill, isFromOutside, only, REAL_TIME, SIGNAL_MAX } from "./signals.ts";
import { info, mapped, refusals, scratch, sent, state, survivors } from "./state.ts";
import { Text } from "./texts.ts";

const SECOND_MS = 1000;
/** Signals that are left in the kernel, and how many are read in one call. */
const LEFT_MAX = 1000;
const AT_ONCE = 32;
/** Stops of one number that are refused within a second: one more is passed on. */
const REFUSALS_MAX: u8 = 10;

/** --trust: whether the signal in `info` counts. */
export function isBelieved(): bool {
  if (!state.trustsOutside || isFromOutside(info.signo, info.code, info.pid) || mayHideStop()) return true;
  sayRefused();
  return false;
}

/**
 * Of a standard signal the kernel keeps one: while a stop from inside is pending, the engine's own is thrown away. So a
 * flood of them may end the program, and never keep a stop from it.
 */
function mayHideStop(): bool {
  if (!contains(state.stopSignals, info.signo)) return false;
  turnSecond();
  const count = refusals + usize(info.signo);
  if (load<u8>(count) < REFUSALS_MAX) {
    store<u8>(count, load<u8>(count) + 1);
    return false;
  }
  store<u8>(count, 0);
  say(Level.Warn, Text.StopMayHide, info.signo);
  return true;
}

/** A second begins with the first signal that is counted after the one before. */
function turnSecond(): void {
  const now = clock_gettime(Clock.Monotonic);
  if (now < state.secondEnds) return;
  state.secondEnds = now + SECOND_MS;
  for (let signal = 1; signal <= SIGNAL_MAX; signal++) {
    store<u8>(refusals + usize(signal), 0);
    store<u16>(sent + usize(signal << 1), 0);
  }
  if (state.limited === 0) return;
  const queued = state.limited & REAL_TIME;
  state.limited = 0;
  if (queued !== 0 && survivors.signalfd >= 0) dropExcess(queued);
  takeAll();
}

/** --limit: what has met it stays in the kernel until the second is over, and nothing is called meanwhile. */
export function countSent(signal: i32): void {
  if (state.limit === 0) return;
  turnSecond();
  const at = sent + usize(signal << 1);
  const count = load<u16>(at) + 1;
  store<u16>(at, count);
  if (i32(count) < state.limit) return;
  state.limited |= only(signal);
  takeAll();
  if (contains(state.limitTold, signal)) return;
  state.limitTold |= only(signal);
  say(Level.Info, Text.LimitMet, signal, state.limit);
}

/** When the second is over in which a signal has met --limit, in milliseconds; -1 for never. */
export function untilSecondEnds(): i32 {
  return state.limited === 0 ? -1 : i32(max<i64>(state.secondEnds - clock_gettime(Clock.Monotonic), 0));
}

/** Takes again what waited, where the second is over. */
export function releaseLimited(): void {
  if (state.limited !== 0) turnSecond();
}

/**
 * Real-time signals queue up: of those that met the limit no more than so many are left waiting. The kernel tells how many
 * are queued for the whole uid (SigQ of proc_pid_status(5)), ours among them: what others have queued counts too.
 */
function dropExcess(signals: u64): void {
  let excess = queuedSignals(state.pid) - LEFT_MAX;
  if (excess <= 0) return;
  signalfd4(survivors.signalfd, signals);
  let dropped = 0;
  while (excess > 0) {
    const length = read(survivors.signalfd, scratch, AT_ONCE * SIGNAL_INFO_SIZE);
    if (length <= 0) break;
    const taken = length / SIGNAL_INFO_SIZE;
    dropped += taken;
    excess -= taken;
  }
  if (dropped > 0) say(Level.Warn, Text.LimitDropped, dropped);
}

/** Loud once for each signal: a flood of them must not be one of lines. */
function sayRefused(): void {
  const level = contains(state.distrusted, info.signo) ? Level.Debug : Level.Warn;
  state.distrusted |= only(info.signo);
  say(level, isCodeOfKill(info.code) ? Text.SignalFromInside : Text.SignalClaimed, info.signo, info.pid);
}

/** --map: one step, so that USR1=HUP,HUP=USR1 changes the two over. */
export function rewrite(): bool {
  const to = i32(load<u8>(mapped + usize(info.signo)));
  if (to === 0) return true;
  if (to === i32(DROP)) {
    say(Level.Debug, Text.SignalDropped, info.signo);
    return false;
  }
  assert(to <= SIGNAL_MAX);
  say(Level.Debug, Text.SignalMapped, info.signo, to);
  info.signo = to;
  return true;
}
