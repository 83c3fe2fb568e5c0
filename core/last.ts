// The last resort: what runs when the core has failed four times within a second. It forwards and reaps, and says,
// chooses and remembers nothing (no -g, no -e); it calls nothing of the core but the kernel, since something there
// fails.

import {
  Errno,
  keep,
  kill,
  PIDFD_INFO_EXIT,
  POLLIN,
  PollFd,
  pidfd_get_info,
  pidfd_send_signal,
  ppoll,
  read,
  rt_sigtimedwait,
  SIGNAL_INFO_SIZE,
  WNOHANG,
  wait4,
} from "./kernel.ts";
import { fds, info, pidfdInfo, survivors, word } from "./state.ts";
import { RUNNING, UNKNOWN } from "./status.ts";

const BATCH = 64;
const SIGCHLD = 17;
const SIGTSTP = 20;

/**
 * Lives until the program has ended; answers its wait status, or UNKNOWN. It looks before it waits: the SIGCHLD of what
 * is dead may have been taken before the failure, and where the kernel reaps there is none for zombies of the time before.
 */
export function lastResort(): i32 {
  sendHand();
  while (survivors.status === RUNNING) {
    const patience = reapSome() ? 0 : -1;
    if (survivors.reaping !== 0) askPidfd();
    if (survivors.status === RUNNING) await_(patience);
  }
  return survivors.status;
}

/** The signal that the core failed over, unless it failed over it twice. */
function sendHand(): void {
  const signal = survivors.handSignal;
  survivors.handSignal = 0;
  keep(changetype<usize>(survivors));
  if (signal > 0 && survivors.handTraps === 0) send(signal);
}

function await_(patience: i32): void {
  const address = changetype<usize>(info);
  if (survivors.signalfd < 0) {
    if (rt_sigtimedwait(u64.MAX_VALUE, address, patience) > 0) pass();
    return;
  }
  const signals = changetype<PollFd>(fds);
  const program = changetype<PollFd>(fds + 8);
  signals.fd = survivors.signalfd;
  signals.events = POLLIN;
  program.fd = survivors.reaping === 0 ? -1 : survivors.pidfd;
  program.events = 0;
  if (ppoll(fds, 2, patience) > 0 && read(survivors.signalfd, address, SIGNAL_INFO_SIZE) === SIGNAL_INFO_SIZE)
    pass();
}

function pass(): void {
  send(info.signo);
}

function send(signal: i32): void {
  if (signal === SIGCHLD || signal === SIGTSTP) return;
  if (survivors.reaping === 0) kill(survivors.pid, signal);
  else pidfd_send_signal(survivors.pidfd, signal, 0, false);
}

/** One batch; answers whether there may be more. */
function reapSome(): bool {
  for (let i = 0; i < BATCH; i++) {
    const pid = wait4(-1, word, WNOHANG);
    if (pid === -Errno.ECHILD && survivors.reaping === 0 && survivors.status === RUNNING)
      survivors.status = UNKNOWN;
    if (pid <= 0) return false;
    if (pid === survivors.pid) survivors.status = load<i32>(word);
  }
  return true;
}

function askPidfd(): void {
  pidfdInfo.mask = PIDFD_INFO_EXIT;
  if (pidfd_get_info(survivors.pidfd, changetype<usize>(pidfdInfo)) !== 0) return;
  if ((pidfdInfo.mask & PIDFD_INFO_EXIT) !== 0) survivors.status = pidfdInfo.exitCode;
}
