// A program for tests that does exactly what a command word asks, through the core's own list of system calls. It says
// what happened to it in one line for each event, and is as small as an init, so that a guest can hold it.

import { Errno } from "../../core/kernel.ts";
import { blockAndExecute, ignoreChildrenAndExecute } from "./execute.ts";
import { makeDaemon, makeOrphans, makeZombies } from "./family.ts";
import { waitAtGate } from "./gate.ts";
import { burst, catchInit, die, queue, reportSignals, send, sleep } from "./signals.ts";
import { is, say, sayNumber, sayText } from "./words.ts";

const WRONG_USAGE = 2;

/** What native starts. A puppet has no life after a trap: native ends it with 120. */
export function main(): i32 {
  const answer = obey();
  if (answer >= 0) return answer;
  sayText("puppet: errno ");
  sayNumber(-answer);
  say();
  return -answer === Errno.ENOENT ? 127 : 1;
}

export function resume(_trap: i32): i32 {
  return WRONG_USAGE;
}

/** Answers the status to end with, or a negative errno. */
function obey(): i32 {
  if (is(1, "signals")) return reportSignals();
  if (is(1, "kill")) return send();
  if (is(1, "queue")) return queue();
  if (is(1, "burst")) return burst();
  if (is(1, "catch")) return catchInit();
  if (is(1, "die")) return die();
  if (is(1, "sleep")) return sleep();
  if (is(1, "orphans")) return makeOrphans();
  if (is(1, "zombies")) return makeZombies();
  if (is(1, "daemon")) return makeDaemon();
  if (is(1, "ignore-children")) return ignoreChildrenAndExecute();
  if (is(1, "block")) return blockAndExecute();
  if (is(1, "gate")) return waitAtGate();
  sayText("puppet: no such command");
  say();
  return WRONG_USAGE;
}
