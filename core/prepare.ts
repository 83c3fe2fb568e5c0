// What the init arranges before the program exists: orphans, the parent's death, SIGCHLD, the terminal.

import { openStatusFile } from "./counters.ts";
import { openReport, openTerminationLog } from "./epilogue.ts";
import { openEvents } from "./events.ts";
import { arm } from "./guard.ts";
import {
  Action,
  close,
  Errno,
  get_child_subreaper,
  getppid,
  PIDFD_INFO_EXIT,
  PIDFD_INFO_NEW,
  pidfd_get_info,
  pidfd_open,
  pidfd_send_signal,
  rt_sigaction,
  set_child_subreaper,
  set_pdeathsig,
} from "./kernel.ts";
import { Level, say } from "./log.ts";
import { openNotify } from "./notify.ts";
import { PROCEED, tellIgnored, tellOptions } from "./options.ts";
import { initNamed } from "./processes.ts";
import { ReapOption } from "./reaping.ts";
import { SIGNAL_MAX, Signal } from "./signals.ts";
import { Grouping, pidfdInfo, state, survivors } from "./state.ts";
import { Exit, Personality } from "./status.ts";
import { leaveTerminal, lookAtTerminal } from "./terminal.ts";
import { Text } from "./texts.ts";
import { findUser } from "./user.ts";

/** Answers PROCEED, or the status to end with. */
export function prepare(): i32 {
  say(Level.Info, Text.Personality, Text.NameSteady + state.personality, state.because);
  if (state.level >= Level.Info) tellOptions();
  tellIgnored();
  openTerminationLog();
  let answer = watchParent();
  if (answer === PROCEED) answer = adoptOrphans();
  if (answer === PROCEED) answer = checkReapOption();
  if (answer === PROCEED) answer = findUser();
  if (answer === PROCEED) answer = openEvents();
  if (answer === PROCEED) answer = openNotify();
  if (answer === PROCEED) answer = openReport();
  if (answer === PROCEED) answer = openStatusFile();
  if (answer === PROCEED) answer = arm();
  if (answer !== PROCEED) return answer;
  // Ignored SIGCHLD may be inherited; then the kernel would reap the program before anybody saw its status (W2).
  state.childrenIgnored = rt_sigaction(Signal.SIGCHLD, Action.Default) === 1;
  if (state.grouping === Grouping.Own) lookAtTerminal();
  else if (state.grouping === Grouping.Session) leaveTerminal();
  return PROCEED;
}

/** The parent may have died before prctl could tell, so it is looked at before and after (W21). */
function watchParent(): i32 {
  if (state.parentSignal === 0) return PROCEED;
  survivors.parent = getppid();
  if (set_pdeathsig(state.parentSignal) < 0) {
    say(Level.Fatal, Text.ParentDeathFailed);
    return Exit.Usage;
  }
  state.parentGone = getppid() !== survivors.parent;
  return PROCEED;
}

/** A failure to become a subreaper ends tini. Under the names steady and dumb-init nobody asked, unless with -s. */
function adoptOrphans(): i32 {
  const byItself = state.pid !== 1 && state.personality !== Personality.Tini;
  if (!state.subreaper && !byItself) return warnUnlessAdopting();
  const answer = set_child_subreaper();
  if (answer === 0) {
    say(Level.Trace, Text.SubreaperRegistered);
    return PROCEED;
  }
  if (!state.subreaper) return warnUnlessAdopting();
  if (answer === -Errno.EINVAL) say(Level.Fatal, Text.SubreaperUnavailable);
  else say(Level.Fatal, Text.SubreaperFailed, -answer);
  return Exit.Usage;
}

/** `docker run --init` on top of an image that has an init is common, and nothing to warn of. */
function warnUnlessAdopting(): i32 {
  if (state.pid === 1 || get_child_subreaper() === 1 || initNamed(getppid()) !== 0) return PROCEED;
  say(Level.Warn, Text.NotPid1Steady);
  return PROCEED;
}

/** `--reap kernel` is refused before the program exists, so it is tried on ourselves. */
function checkReapOption(): i32 {
  if (state.reapOption !== ReapOption.Kernel) return PROCEED;
  const pidfd = pidfd_open(state.pid);
  const reason = whyKernelCannotReap(pidfd, false);
  if (pidfd >= 0) close(pidfd);
  if (reason === 0) return PROCEED;
  say(Level.Fatal, Text.KernelCannotReap, reason);
  return Exit.CannotStart;
}

/**
 * 0 where the kernel can reap for us: it keeps the exit status for the pidfd (told by the bits that Linux 6.16 added)
 * and a signal can go through the pidfd; else a Text that says what is missing. That is asked with a signal that does not
 * exist: a program that has changed its user already refuses those that do, and that is another matter (W1).
 */
export function whyKernelCannotReap(pidfd: i32, group: bool): i32 {
  if (pidfd < 0) return Text.NoPidfdSignals;
  pidfdInfo.mask = PIDFD_INFO_EXIT | PIDFD_INFO_NEW;
  if (pidfd_get_info(pidfd, changetype<usize>(pidfdInfo)) !== 0) return Text.NoExitRecords;
  if ((pidfdInfo.mask & PIDFD_INFO_NEW) === 0) return Text.NoExitRecords;
  const answer = pidfd_send_signal(pidfd, SIGNAL_MAX + 1, 0, group);
  // Of a program that has ended meanwhile and is reaped: after a restart its status is nowhere but with the pidfd.
  return answer === -Errno.EINVAL || answer === -Errno.ESRCH ? 0 : Text.NoPidfdSignals;
}
