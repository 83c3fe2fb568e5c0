// The terminal: whose is the foreground, and stopping together with the program so that the shell notices.

import { Errno, getpgrp, kill, rt_sigprocmask, rt_sigtimedwait, tcgetpgrp, tcsetpgrp } from "./kernel.ts";
import { Level, say } from "./log.ts";
import { EVERY_SIGNAL, only, Signal } from "./signals.ts";
import { info, state, survivors } from "./state.ts";
import { Text } from "./texts.ts";

const STDIN = 0;

/**
 * Our own group where it has the foreground of the terminal, and may give it to the program; else 0. An init in the
 * background (`steady ... &`) leaves the terminal to the shell (W9).
 */
export function ownedForeground(): i32 {
  const foreground = tcgetpgrp(STDIN);
  if (foreground === -Errno.ENOTTY) say(Level.Debug, Text.NoTerminal);
  if (foreground === -Errno.ENXIO) say(Level.Debug, Text.NoTerminalDevice);
  return foreground > 0 && foreground === getpgrp() ? foreground : 0;
}

/** Gives the foreground back unless somebody who lives has it (W9). */
export function giveBack(): void {
  if (survivors.foreground === 0) return;
  const now = tcgetpgrp(STDIN);
  if (now <= 0 || now === survivors.foreground) return;
  if (now === survivors.pid || kill(-now, 0) === -Errno.ESRCH) tcsetpgrp(STDIN, survivors.foreground);
}

/** Whether stops of the program concern the init: a job of a shell outside. The shell of PID 1 is nobody. */
export function watchesStops(): bool {
  return state.pid !== 1 && survivors.foreground !== 0;
}

/**
 * The program was stopped (Ctrl-Z): stop our whole group too, so that the shell sees a stopped job, and when the shell
 * continues it (fg, bg), continue the program (W10). The kernel ignores the SIGTSTP where no shell could continue us
 * (an orphaned process group, setpgid(2)); then nobody took SIGCONT, and the program simply goes on.
 */
export function stopTogether(): void {
  kill(0, Signal.SIGTSTP);
  rt_sigprocmask(EVERY_SIGNAL & ~only(Signal.SIGTSTP));
  rt_sigprocmask(EVERY_SIGNAL);
  rt_sigtimedwait(only(Signal.SIGCONT), changetype<usize>(info), 0);
  if (tcgetpgrp(STDIN) === survivors.foreground) tcsetpgrp(STDIN, survivors.pid);
  kill(-survivors.pid, Signal.SIGCONT);
}
