// Whether the program is well: by when it has to be ready, how long it may say nothing, whether it answers when it is asked,
// and what becomes of it where it does not.

import { ask } from "./forward.ts";
import { Clock, clock_gettime, keep } from "./kernel.ts";
import { Level, say } from "./log.ts";
import { statusSignals } from "./processes.ts";
import { contains, Signal } from "./signals.ts";
import { state, survivors } from "./state.ts";
import { RUNNING } from "./status.ts";
import { Text } from "./texts.ts";

/** What is waited for. */
const enum Watch {
  Nothing,
  Ready,
  /** The next WATCHDOG=1. */
  Sign,
}

/** How far the end of a program that is not well has come. */
export const enum Fall {
  None,
  /**
   * Its time is over, and it has a moment more: the whole container may have been frozen, and then the init is as late as the
   * program.
   */
  Doubted,
  /** It got SIGABRT. */
  Aborted,
  Killed,
}

/** Why, in the order of the sentences. */
export const enum Fell {
  Silent,
  Unready,
  Asked,
  Unanswered,
}

/** The question that a signal is. */
const enum Probe {
  Due,
  Asked,
  Doubted,
}

const DOUBT_MS = 1000;
/** After SIGABRT, for a core dump, where --grace says nothing. */
const ABORT_MS = 5000;
export const PROBE_WITHIN_MS = 1000;
const PROBE_FAILURES = 3;

/** Once there is a program. */
export function beginWatch(): void {
  if (!state.notifies || survivors.watch !== Watch.Nothing) return;
  survivors.watchdogMs = state.watchdogMs;
  if (state.readyMs > 0) expect(Watch.Ready, state.readyMs);
  else beginSigns();
}

/** Both begin when the program is ready, where it has to say so. */
function beginSigns(): void {
  survivors.watch = Watch.Nothing;
  survivors.dueMs = 0;
  // WATCHDOG_USEC= alone asks for nothing.
  if (state.watchdogMs > 0) expect(Watch.Sign, survivors.watchdogMs);
  if (state.probeEveryMs > 0) survivors.probeMs = now() + state.probeEveryMs;
}

function now(): i64 {
  return clock_gettime(Clock.Monotonic);
}

function expect(what: Watch, ms: i32): void {
  survivors.watch = what;
  survivors.fall = Fall.None;
  survivors.dueMs = now() + ms;
}

/** READY=1 */
export function ready(): void {
  if (survivors.watch === Watch.Ready && survivors.fall < Fall.Aborted) beginSigns();
  save();
}

/** WATCHDOG=1 */
export function answered(): void {
  resetTo(survivors.watchdogMs);
  // It may have been asked before it was told to stop.
  if (survivors.probe === Probe.Due || survivors.probeMs === 0 || survivors.fall >= Fall.Aborted) return;
  survivors.probe = Probe.Due;
  survivors.missed = 0;
  survivors.probeMs = survivors.askedMs + state.probeEveryMs;
  save();
}

/** WATCHDOG_USEC= */
export function resetTo(ms: i32): void {
  survivors.watchdogMs = ms;
  if (survivors.watch === Watch.Sign && survivors.fall < Fall.Aborted) expect(Watch.Sign, ms);
  save();
}

/** EXTEND_TIMEOUT_USEC= */
export function extend(ms: i32): void {
  if (survivors.watch === Watch.Ready && survivors.fall < Fall.Aborted)
    expect(Watch.Ready, max(ms, i32(survivors.dueMs - now())));
  save();
}

/** It was asked to stop, or says that it does: how long that may take is another matter (--grace). */
export function stopWatch(): void {
  if (survivors.fall < Fall.Aborted) abandon();
}

export function abandon(): void {
  survivors.watch = Watch.Nothing;
  survivors.dueMs = 0;
  survivors.probeMs = 0;
  save();
}

function save(): void {
  keep(changetype<usize>(survivors));
}

/** When something of this is due, on the kernel's clock; 0 for never. */
export function watchDueMs(): i64 {
  if (survivors.status !== RUNNING) return 0;
  const due = survivors.dueMs;
  const probe = survivors.fall < Fall.Aborted ? survivors.probeMs : 0;
  return due === 0 || (probe !== 0 && probe < due) ? probe : due;
}

/** Does what is due. */
export function keepWatch(): void {
  const due = watchDueMs();
  if (due === 0 || now() < due) return;
  if (due !== survivors.dueMs) {
    keepProbe();
    return;
  }
  const ms = survivors.watch === Watch.Ready ? state.readyMs : survivors.watchdogMs;
  if (survivors.fall === Fall.None) {
    survivors.fall = Fall.Doubted;
    survivors.dueMs = now() + min(ms, DOUBT_MS);
    save();
  } else if (survivors.fall === Fall.Doubted) {
    fall(survivors.watch === Watch.Ready ? Fell.Unready : Fell.Silent, ms);
  } else {
    say(Level.Warn, Text.AbortOver);
    ask(Signal.SIGKILL);
    survivors.fall = Fall.Killed;
    survivors.dueMs = 0;
    save();
  }
}

/** Not saved before it is done: a core that fails in between does it again. */
export function fall(why: Fell, ms: i32): void {
  if (survivors.fall >= Fall.Aborted || survivors.status !== RUNNING) return;
  say(Level.Warn, Text.Unwell, Text.WordSilent + i32(why), ms);
  // One that has ended already has a status of its own.
  if (ask(SIGABRT)) survivors.fall = Fall.Aborted;
  survivors.dueMs = now() + (state.graceMs > 0 ? state.graceMs : ABORT_MS);
  save();
}

const SIGABRT = 6;

/** A signal that the program does not catch would end it: that is no answer either. Answers whether it was sent. */
export function question(signal: i32): bool {
  return contains(statusSignals(survivors.pid, Text.CaughtLine), signal) && ask(signal);
}

function keepProbe(): void {
  const within = state.probeWithinMs > 0 ? state.probeWithinMs : PROBE_WITHIN_MS;
  if (survivors.probe === Probe.Due) {
    question(state.probeSignal);
    survivors.probe = Probe.Asked;
    survivors.askedMs = now();
    survivors.probeMs = survivors.askedMs + within;
  } else if (survivors.probe === Probe.Asked) {
    survivors.probe = Probe.Doubted;
    survivors.probeMs = now() + min(within, DOUBT_MS);
  } else {
    survivors.probe = Probe.Due;
    survivors.missed++;
    survivors.probeMs = max<i64>(survivors.askedMs + state.probeEveryMs, now());
    const failures = state.probeFailures > 0 ? state.probeFailures : PROBE_FAILURES;
    say(Level.Info, Text.ProbeMissed, survivors.missed);
    if (survivors.missed >= failures) fall(Fell.Unanswered, within);
  }
  save();
}
