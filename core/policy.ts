// What becomes of a signal that was taken, before it is forwarded: whose it is (--trust), how many a second (--limit), and
// what it is to the program (--map).

import { Level, say } from "./log.ts";
import { DROP, SIGNAL_MAX } from "./signals.ts";
import { info, mapped } from "./state.ts";
import { Text } from "./texts.ts";

/** Judges the signal in `info`, and makes it what it is to be. Answers whether it goes on. */
export function admit(): bool {
  return rewrite();
}

/** --map: one step, so that USR1=HUP,HUP=USR1 changes the two over. */
function rewrite(): bool {
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
