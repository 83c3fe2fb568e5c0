// What dumb-init's command line and environment ask for, in steady's terms: a session, a map of signals, verbosity.

import { Source } from "./kernel.ts";
import { Level, say } from "./log.ts";
import { byteInHand } from "./options.ts";
import { DROP, Signal } from "./signals.ts";
import { Grouping, mapped, state } from "./state.ts";
import { Text } from "./texts.ts";
import { byteAt, firstVariable, numberAt, numberEnd, skip } from "./words.ts";

/** dumb-init knows the standard signals. */
const REWRITABLE_MAX = 31;
const COLON = 58;
const ZERO = 48;
const ONE = 49;

/** `15:3` as sscanf(3) reads "%d:%d": blanks and a sign before each number, and what follows is not looked at. */
export function readRewrite(): bool {
  const from = rewritten(state.valueOffset);
  const colon = state.unitOffset;
  if (from < 1 || byteInHand(colon) !== COLON) return false;
  const to = rewritten(colon + 1);
  if (to < 0) return false;
  store<u8>(mapped + usize(from), to === 0 ? DROP : u8(to));
  return true;
}

/** The number at `offset`, which ends at `unitOffset`; -1 for none that can be rewritten. */
function rewritten(offset: i32): i32 {
  state.unitOffset = numberEnd(state.valueSource, state.valueIndex, offset);
  if (state.unitOffset < 0) return -1;
  const number = numberAt(state.valueSource, state.valueIndex, offset, false);
  return number <= REWRITABLE_MAX ? number : -1;
}

/** What holds once every option is read. The variables can only switch on what they name, whatever the options say. */
export function settleDumbInit(): void {
  if (state.level > Level.Warn) state.level = Level.Trace;
  if (isVariable(Text.VariableDumbInitDebug, ONE)) {
    state.level = Level.Trace;
    say(Level.Debug, Text.DumbInitDebugging);
  }
  if (isVariable(Text.VariableDumbInitSetsid, ZERO)) {
    state.grouping = Grouping.Shared;
    say(Level.Debug, Text.DumbInitNoSession);
  }
  state.group = state.grouping !== Grouping.Shared;
  if (state.group) useSession();
}

/** With a terminal of their own the keys that stop a job would stop nobody whom the shell sees: all of it is stopped. */
function useSession(): void {
  state.grouping = Grouping.Session;
  stopFor(Signal.SIGTSTP);
  stopFor(Signal.SIGTTIN);
  stopFor(Signal.SIGTTOU);
}

/** Unless --rewrite has said what becomes of the signal. */
function stopFor(signal: i32): void {
  const at = mapped + usize(signal);
  if (load<u8>(at) === 0) store<u8>(at, u8(Signal.SIGSTOP));
}

/** Whether the variable that getenv(3) finds is this one character. */
function isVariable(name: i32, char: i32): bool {
  if (state.ignoresVariables) return false;
  // Of a variable that is not there each byte is 0.
  const index = firstVariable(name);
  const value = skip(Source.Variable, index, 0, name);
  return byteAt(Source.Variable, index, value) === char && byteAt(Source.Variable, index, value + 1) === 0;
}
