// What becomes of a signal that was taken, before it is forwarded: whose it is (--trust), and what it is to the program
// (--map).

import { clock_gettime } from "./kernel.ts";
import { Level, say } from "./log.ts";
import { contains, DROP, isCodeOfKill, isFromOutside, only, SIGNAL_MAX, STOP_SIGNALS } from "./signals.ts";
import { info, mapped, refusals, state } from "./state.ts";
import { Text } from "./texts.ts";

const SECOND_MS = 1000;
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
  if (!contains(STOP_SIGNALS, info.signo)) return false;
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
  const now = clock_gettime();
  if (now < state.secondEnds) return;
  state.secondEnds = now + SECOND_MS;
  for (let signal = 1; signal <= SIGNAL_MAX; signal++) store<u8>(refusals + usize(signal), 0);
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
