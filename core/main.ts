// The core's three doors: `main` for the life of a container, `child` for the program's life before exec, and `resume`
// where native starts the core again after a trap.

import { pause } from "./catatonit.ts";
import { recallCounters } from "./counters.ts";
import { giveAccount } from "./epilogue.ts";
import { Clock, clock_gettime, getpid, keep, recall, release, rt_sigprocmask } from "./kernel.ts";
import { lastResort } from "./last.ts";
import { Level, say } from "./log.ts";
import { handleAgain, live } from "./loop.ts";
import { PROCEED, readOptions } from "./options.ts";
import { Place, plant } from "./plant.ts";
import { prepare } from "./prepare.ts";
import { settle, settleState } from "./settle.ts";
import { EVERY_SIGNAL } from "./signals.ts";
import { child, spawn } from "./spawn.ts";
import { errors, events, line, output, Phase, state, survivors } from "./state.ts";
import { exitStatus, RUNNING, UNKNOWN } from "./status.ts";
import { Text } from "./texts.ts";

export { child };

/** Restarts within a second after which only the last resort is left. */
const TRAPS_MAX = 4;
const WINDOW_MS: i64 = 1000;

/** Runs the container; answers the status to end with. */
export function main(): i32 {
  begin();
  plant(Place.Before);
  const asked = readOptions();
  return asked === PROCEED ? giveAccount(start()) : asked;
}

function start(): i32 {
  let answer = prepare();
  if (answer === PROCEED) answer = state.pauses ? pause() : spawn();
  if (answer !== PROCEED) return answer;
  settle();
  settleState();
  release(line);
  return live();
}

/**
 * Goes on after trap `trap` (wasm_rt_trap_t) with what survived, in memory that is as at the start. Options are read
 * again, the kernel knows the rest. The signal in hand is delivered, unless the core trapped over it twice.
 */
export function resume(trap: i32): i32 {
  recall(changetype<usize>(survivors));
  countTrap();
  // The core may have failed in the moment in which it let a stop through.
  rt_sigprocmask(EVERY_SIGNAL);
  if (survivors.windowTraps >= TRAPS_MAX) {
    const status = lastResort();
    return status === UNKNOWN ? 1 : exitStatus(status);
  }
  begin();
  readOptions();
  recallCounters();
  say(Level.Warn, Text.CoreRestarted, Text.TrapMemory + trap, survivors.traps);
  if (survivors.status === RUNNING) {
    if (survivors.phase !== Phase.Running) settle();
    settleState();
    if (survivors.handSignal !== 0) takeHandAgain();
  } else {
    settleState();
  }
  return giveAccount(live());
}

function begin(): void {
  state.pid = getpid();
  errors.fd = 2;
  output.fd = 1;
  events.fd = survivors.eventsFd;
}

function countTrap(): void {
  survivors.traps++;
  survivors.windowTraps++;
  keep(changetype<usize>(survivors));
  const now = clock_gettime(Clock.Monotonic);
  if (now - survivors.windowMs <= WINDOW_MS) return;
  survivors.windowMs = now;
  survivors.windowTraps = 1;
  keep(changetype<usize>(survivors));
}

function takeHandAgain(): void {
  survivors.handTraps++;
  keep(changetype<usize>(survivors));
  if (survivors.handTraps < 2) {
    handleAgain();
    return;
  }
  say(Level.Warn, Text.CoreSignalDropped, survivors.handSignal);
  survivors.handSignal = 0;
  keep(changetype<usize>(survivors));
}
