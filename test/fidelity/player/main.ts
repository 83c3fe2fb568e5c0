// The player: plays a script of system calls with its children, through the core's own list of system calls, and tells
// after each of them what every process has become. `player play SCRIPT ARGUMENTS...` is process 1 of a PID namespace;
// `player actor SLOT ARGUMENTS...` is one of its children, again after an exec; `player foreground` gives the terminal
// back to its group, before the next script. The simulator calls `step` instead.

import { getpgid, inherited_mask, rt_sigprocmask, tcsetpgrp } from "../../../core/kernel.ts";
import { actAgain } from "./actor.ts";
import { play } from "./play.ts";
import { answer, command, perform } from "./step.ts";
import { byteOfArgument } from "./text.ts";

const WRONG_USAGE = 2;

export function main(): i32 {
  const mode = byteOfArgument(1, 0);
  if (mode === 112 /* p */) return play(2);
  if (mode === 102 /* f */) return tcsetpgrp(0, getpgid(0));
  if (mode !== 97 /* a */) return WRONG_USAGE;
  rt_sigprocmask(inherited_mask());
  actAgain(byteOfArgument(2, 0) - 48);
  return WRONG_USAGE;
}

/** A player has no life after a trap: native ends it with 120. */
export function resume(_trap: i32): i32 {
  return WRONG_USAGE;
}

export function step(): void {
  perform();
}

export function commandAt(): usize {
  return changetype<usize>(command);
}

export function answerAt(): usize {
  return changetype<usize>(answer);
}
