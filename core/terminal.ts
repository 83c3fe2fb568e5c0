// The terminal: whose is the foreground, and stopping together with the program so that the shell notices.

import { tell } from "./events.ts";
import {
  control_terminal,
  Errno,
  getpgid,
  getsid,
  keep,
  kill,
  pidfd_send_signal,
  read,
  rt_sigprocmask,
  rt_sigtimedwait,
  tcgetpgrp,
  tcsetpgrp,
} from "./kernel.ts";
import { Level, say } from "./log.ts";
import { Reaping } from "./reaping.ts";
import { EVERY_SIGNAL, only, Signal } from "./signals.ts";
import { info, state, survivors, word } from "./state.ts";
import { Personality } from "./status.ts";
import { Text } from "./texts.ts";

const STDIN = 0;

/**
 * Looks whether stdin is our terminal, and whether the program gets it: only where our own group has the foreground, so
 * that an init in the background (`steady ... &`) leaves it to the shell (W9). The first process of a PID namespace may
 * have come without a group of its own (`unshare --pid`); its group, and the foreground, are then outside and read as 0.
 * There a read of nothing tells: with SIGTTIN blocked it is refused in the background (EIO, tty_ioctl(4)).
 */
export function lookAtTerminal(): void {
  const foreground = tcgetpgrp(STDIN);
  if (foreground === -Errno.ENOTTY) say(Level.Debug, Text.NoTerminal);
  if (foreground === -Errno.ENXIO) say(Level.Debug, Text.NoTerminalDevice);
  if (foreground < 0) return;
  survivors.foreground = getpgid(0);
  state.takesForeground =
    foreground === survivors.foreground && (foreground > 0 || read(STDIN, word, 0) === 0);
}

/**
 * Gives the terminal up, so that the program's session can have it. To the group that had the foreground, so mostly to
 * ourselves, the kernel sends SIGHUP and SIGCONT in our own name: they are dropped as whatever else we caused, and those
 * that somebody else sends are not, be they the first.
 */
export function leaveTerminal(): void {
  const answer = control_terminal(STDIN, false);
  if (answer < 0) say(Level.Debug, Text.DumbInitNotDetached, -answer, -answer);
  else if (getsid() === state.pid) say(Level.Debug, Text.DumbInitDetached);
  else say(Level.Debug, Text.DumbInitDetachedMember);
}

/** In the child, which leads a session now: takes the terminal that the init gave up. */
export function takeTerminal(): void {
  const answer = control_terminal(STDIN, true);
  if (answer < 0) say(Level.Debug, Text.DumbInitNotAttached, -answer, -answer);
  say(Level.Debug, Text.DumbInitSessionMade);
}

/** dumb-init stops with its session at the keys of a terminal. As PID 1 the kernel ignores it (pid_namespaces(7)). */
export function suspendWith(signal: i32): void {
  if (state.personality !== Personality.DumbInit) return;
  if (signal !== Signal.SIGTSTP && signal !== Signal.SIGTTIN && signal !== Signal.SIGTTOU) return;
  say(Level.Debug, Text.DumbInitSuspending);
  kill(state.pid, Signal.SIGSTOP);
}

/** Gives the foreground back unless somebody who lives has it (W9). */
export function giveBack(): void {
  if (survivors.lent === 0 || survivors.foreground === 0) return;
  const now = tcgetpgrp(STDIN);
  if (now <= 0 || now === survivors.foreground) return;
  if (now === survivors.pid || kill(-now, 0) === -Errno.ESRCH) tcsetpgrp(STDIN, survivors.foreground);
}

/** Whether stops of the program concern the init: a job of a shell outside. As PID 1 nobody could continue it. */
export function watchesStops(): bool {
  return state.pid !== 1 && survivors.foreground !== 0;
}

/** The program was stopped by `signal`. */
export function stopped(signal: i32): void {
  tell(Text.EventStopped, signal);
  // It wanted the terminal, and the shell had brought our job to the front (fg), of which a running job is not told.
  const wantsTerminal = signal === Signal.SIGTTIN || signal === Signal.SIGTTOU;
  if (!wantsTerminal || tcgetpgrp(STDIN) !== survivors.foreground) stopOurselves();
  // What was sent to the job while it was stopped is forwarded first, as the kernel would deliver it before anything is
  // read: a program in the background stops again as soon as it reads.
  state.continueDue = true;
}

/** Continues the program, with the terminal where our group has it. */
export function continueProgram(): void {
  state.continueDue = false;
  if (tcgetpgrp(STDIN) === survivors.foreground && tcsetpgrp(STDIN, survivors.pid) === 0) lend();
  // Where the kernel reaps, the number may be another group's by now (Linux 6.16 has the flag).
  const answer =
    survivors.reaping === Reaping.Wait
      ? kill(-survivors.pid, Signal.SIGCONT)
      : pidfd_send_signal(survivors.pidfd, Signal.SIGCONT, 0, true);
  // Within a session SIGCONT is always allowed (kill(2)); where it is refused all the same, the program stays stopped.
  if (answer >= 0) tell(Text.EventContinued);
  else if (answer !== -Errno.ESRCH) say(Level.Warn, Text.ForwardFailed, -answer);
}

/** Remembers that the program has had the terminal, which is to be given back. */
function lend(): void {
  survivors.lent = 1;
  keep(changetype<usize>(survivors));
}

/**
 * Stops our whole group, so that the shell sees a stopped job (W10); answers when the shell has continued it (fg, bg).
 * The kernel ignores the SIGTSTP where no shell could continue us (an orphaned process group, setpgid(2)); then nobody
 * sends SIGCONT, and the program simply goes on.
 */
function stopOurselves(): void {
  kill(0, Signal.SIGTSTP);
  rt_sigprocmask(EVERY_SIGNAL & ~only(Signal.SIGTSTP));
  rt_sigprocmask(EVERY_SIGNAL);
  rt_sigtimedwait(only(Signal.SIGCONT), changetype<usize>(info), 0);
}
