// Going through /proc: who descends from the init, whom it adopted, and reaching each of them. No list is kept: of what is
// read here one entry is looked at after the other.

import { noteLeft } from "./epilogue.ts";
import { visit } from "./guard.ts";
import {
  close,
  Errno,
  getdents64,
  getpgid,
  kill,
  Open,
  openat,
  pidfd_open,
  pidfd_send_signal,
} from "./kernel.ts";
import { Level, say } from "./log.ts";
import { lookAt } from "./observe.ts";
import { commandName, numberOfName, parentOf } from "./processes.ts";
import { Reaping } from "./reaping.ts";
import { LISTING_BYTES, listing, state, survivors } from "./state.ts";
import { Text } from "./texts.ts";
import { putTextAt } from "./words.ts";

/** Deeper trees are cut: who is no child yet becomes one when its parents have died. */
const GENERATIONS = 64;
/** More than these are not named. */
const NAMED_MAX = 16;

const enum Task {
  /** Every descendant gets a signal. */
  Signal,
  /** Every descendant is named. */
  Name,
  /** Every orphan that was adopted gets the signal that the program got. */
  Orphans,
  /** Every process there is, but ourselves, is looked at; or is looked at by the guard. */
  Look,
  Guard,
}

/** Sends `signal` to every process that descends from the init. */
export function signalDescendants(signal: i32): void {
  sweep(Task.Signal, signal, 0);
}

/** Says who is left; who may not be signalled is told apart. */
export function nameDescendants(): void {
  sweep(Task.Name, 0, 0);
}

/** --kill-orphans: the signal, with what is at `queued` unless that is 0, goes to those too that were adopted. */
export function signalOrphans(signal: i32, queued: usize): void {
  sweep(Task.Orphans, signal, queued);
}

/** --status and --health: looks at every process; answers 0, or why it cannot, as a negative errno. */
export function lookAtProcesses(): i32 {
  return sweep(Task.Look, 0, 0);
}

/** --guard: one pass over every process; answers 0, or why there is none, as a negative errno. */
export function visitProcesses(): i32 {
  return sweep(Task.Guard, 0, 0);
}

function sweep(task: Task, signal: i32, queued: usize): i32 {
  putTextAt(Text.ProcPath, listing, LISTING_BYTES);
  const folder = openat(listing, Open.Directory);
  if (folder < 0) {
    if (task < Task.Look) say(Level.Warn, Text.NoProc, -folder);
    return folder;
  }
  let named = 0;
  while (true) {
    const length = getdents64(folder, listing, LISTING_BYTES);
    if (length <= 0) break;
    for (let at = 0; at < length; at += load<u16>(listing + usize(at) + 16)) {
      const pid = numberOfName(listing + usize(at) + 19);
      if (pid <= 0 || pid === state.pid) continue;
      if (task === Task.Look) {
        lookAt(pid);
      } else if (task === Task.Guard) {
        visit(pid);
      } else if (task === Task.Name) {
        if (isDescendant(pid) && named++ < NAMED_MAX) name(pid);
      } else {
        reach(pid, task, signal, queued);
      }
    }
  }
  close(folder);
  if (named > NAMED_MAX) say(Level.Warn, Text.StragglersMore, named - NAMED_MAX);
  return 0;
}

/** By a pidfd that is older than the look at who it is: where the number is another's by then, the signal goes to nobody. */
function reach(pid: i32, task: Task, signal: i32, queued: usize): void {
  const pidfd = pidfd_open(pid);
  const isMeant = task === Task.Orphans ? isOrphan(pid) : isDescendant(pid);
  if (isMeant && pidfd >= 0) pidfd_send_signal(pidfd, signal, queued, false);
  // A child that nobody else waits for keeps its number.
  else if (isMeant && survivors.reaping === Reaping.Wait && parentOf(pid) === state.pid) kill(pid, signal);
  if (pidfd >= 0) close(pidfd);
}

/** With -g who is in the program's group has had the signal. */
function isOrphan(pid: i32): bool {
  if (pid === survivors.pid || parentOf(pid) !== state.pid) return false;
  return !state.group || getpgid(pid) !== survivors.pid;
}

function isDescendant(pid: i32): bool {
  let above = pid;
  for (let i = 0; i < GENERATIONS; i++) {
    above = parentOf(above);
    if (above === state.pid) return true;
    if (above <= 1) return false;
  }
  return false;
}

function name(pid: i32): void {
  const refused = kill(pid, 0) === -Errno.EPERM;
  noteLeft(pid);
  say(Level.Warn, refused ? Text.StragglerRefused : Text.Straggler, pid, i32(commandName(pid)));
}
