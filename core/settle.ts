// What the init arranges once the program exists. Every step may be done twice: a restart of the core begins here.

import { tell } from "./events.ts";
import { takeAll } from "./forward.ts";
import { armAgain } from "./guard.ts";
import {
  Action,
  Capability,
  capget,
  capset,
  chdir,
  close,
  close_range,
  getdents64,
  keep,
  Open,
  openat,
  Prctl,
  prctl,
  rt_sigaction,
  setpgid,
  signalfd4,
} from "./kernel.ts";
import { Level, say } from "./log.ts";
import { whyKernelCannotReap } from "./prepare.ts";
import { numberOfName } from "./processes.ts";
import { chooseReaping, Reaping } from "./reaping.ts";
import { confine } from "./sandbox.ts";
import { EVERY_SIGNAL, nextHoldMs, Signal } from "./signals.ts";
import { aboveStdio } from "./spawn.ts";
import { Grouping, Phase, scratch, state, survivors, word } from "./state.ts";
import { Personality } from "./status.ts";
import { watchesStops } from "./terminal.ts";
import { Text } from "./texts.ts";
import { beginWatch } from "./watch.ts";
import { putTextAt } from "./words.ts";

if (i32(Reaping.Kernel) !== i32(Action.Ignore)) ERROR("a way of reaping is the setting of SIGCHLD for it");
if (i32(Reaping.KernelWithStops) !== i32(Action.NoZombies)) ERROR("the same");

const LISTING_BYTES = 1024;
const listing = scratch;
/** Where neither close_range nor /proc can be had. */
const DESCRIPTORS_MAX = 1024;

export function settle(): void {
  // The child does the same; whoever comes first, -g finds the group (W8). A session only it can make (setsid(2)).
  if (state.grouping === Grouping.Own) setpgid(survivors.pid, survivors.pid);
  survivors.pidfd = aboveStdio(survivors.pidfd);
  keep(changetype<usize>(survivors));
  closeInherited();
  goToRoot();
  if (survivors.signalfd < 0) survivors.signalfd = signalfd4(-1, EVERY_SIGNAL);
  keep(changetype<usize>(survivors));
  survivors.signalfd = aboveStdio(survivors.signalfd);
  keep(changetype<usize>(survivors));
  settleReaping();
  giveUp();
  beginWatch();
  survivors.phase = Phase.Running;
  keep(changetype<usize>(survivors));
}

/** The same for an init that starts no program, and has nothing of all this to keep. */
export function settlePause(): void {
  survivors.pidfd = -1;
  survivors.signalfd = -1;
  survivors.execPipe = -1;
  closeInherited();
  goToRoot();
  giveUp();
}

function goToRoot(): void {
  store<u16>(word, 47 /* "/" */);
  chdir(word);
}

/** What the init needs no more cannot be turned against the container: it signals, with the program's uid if need be (W1). */
function giveUp(): void {
  const had = capget();
  const kill = u64(1) << u64(Capability.CAP_KILL);
  survivors.mayKill = (had & kill) !== 0;
  const capped = capset(survivors.mayKill ? kill : had & (u64(1) << u64(Capability.CAP_SETUID)));
  const answer = min(prctl(Prctl.SetNoNewPrivs, 1, 0), capped);
  if (answer < 0) say(Level.Warn, Text.KeepsPrivileges, -answer);
}

/** What is known again at a restart without asking for it twice. */
export function settleState(): void {
  state.holdMs = nextHoldMs(0);
  if (survivors.traps === 0) state.taken = EVERY_SIGNAL;
  else {
    takeAll();
    // The core may have failed with a pipe for a line of the log in hand.
    closeInherited();
    armAgain();
  }
  // Whether the program is stopped is not known any more; to continue one that runs does no harm.
  state.continueDue = survivors.traps > 0 && watchesStops();
  // What died before now has its SIGCHLD behind it, and zombies may have been inherited over an exec.
  state.reapDue = true;
  confine();
}

/** Only then may SIGCHLD be ignored: ignoring alone would leave what is a zombie already; settleState sees to it. */
function settleReaping(): void {
  const sees = state.warnReaped || state.level >= Level.Debug;
  const can =
    survivors.signalfd >= 0 &&
    whyKernelCannotReap(survivors.pidfd, state.group && state.grouping === Grouping.Own) === 0;
  const reaping = chooseReaping(state.reapOption, sees, can, watchesStops());
  survivors.reaping = reaping;
  keep(changetype<usize>(survivors));
  // A core that failed in here may have let the kernel reap already, and chooses anew.
  if (reaping !== Reaping.Wait || survivors.traps > 0) rt_sigaction(Signal.SIGCHLD, reaping);
  const name = reaping === Reaping.Wait ? Text.WordWait : Text.WordKernel;
  tell(Text.EventSettled, name, i32(survivors.signalfd >= 0));
  if (state.personality === Personality.Tini) return;
  say(Level.Info, reaping === Reaping.Wait ? Text.ReapingWait : Text.ReapingKernel);
}

/** Inherited descriptors pin pipes, sockets and mounts for as long as the container lives. */
function closeInherited(): void {
  let first = 3;
  while (true) {
    const kept = lowestKept(first);
    if (kept !== first && close_range(first, kept - 1) < 0) {
      closeListed();
      return;
    }
    if (kept === i32.MAX_VALUE) return;
    first = kept + 1;
  }
}

/** The lowest descriptor of ours from `first` on; i32.MAX_VALUE for none. */
function lowestKept(first: i32): i32 {
  let lowest = i32.MAX_VALUE;
  if (survivors.pidfd >= first) lowest = min(lowest, survivors.pidfd);
  if (survivors.execPipe >= first) lowest = min(lowest, survivors.execPipe);
  if (survivors.signalfd >= first) lowest = min(lowest, survivors.signalfd);
  if (survivors.eventsFd >= first) lowest = min(lowest, survivors.eventsFd);
  if (survivors.notifyFd >= first) lowest = min(lowest, survivors.notifyFd);
  if (survivors.outerFd >= first) lowest = min(lowest, survivors.outerFd);
  if (survivors.statusFd >= first) lowest = min(lowest, survivors.statusFd);
  if (survivors.reportFd >= first) lowest = min(lowest, survivors.reportFd);
  if (survivors.terminationFd >= first) lowest = min(lowest, survivors.terminationFd);
  return lowest;
}

/** close_range is of Linux 5.9, and old seccomp profiles refuse it. */
function closeListed(): void {
  putTextAt(Text.SelfPath, listing, LISTING_BYTES);
  const folder = openat(listing, Open.Directory);
  if (folder < 0) {
    for (let fd = 3; fd < DESCRIPTORS_MAX; fd++) closeUnlessKept(fd);
    return;
  }
  while (true) {
    const length = getdents64(folder, listing, LISTING_BYTES);
    if (length <= 0) break;
    for (let at = 0; at < length; at += load<u16>(listing + usize(at) + 16)) {
      const fd = numberOfName(listing + usize(at) + 19);
      if (fd !== folder) closeUnlessKept(fd);
    }
  }
  close(folder);
}

function closeUnlessKept(fd: i32): void {
  if (fd > 2 && lowestKept(fd) !== fd) close(fd);
}
