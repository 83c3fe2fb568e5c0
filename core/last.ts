// The last resort: what runs when the core has failed four times within a second. It forwards and reaps, and says,
// chooses and remembers nothing (no -g, no -e); it calls nothing of the core but the kernel, since something there
// fails.

import {
  Errno,
  getpid,
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
  SI_USER,
  SIGNAL_INFO_SIZE,
  signalfd4,
  WNOHANG,
  wait4,
} from "./kernel.ts";
import { fds, info, pidfdInfo, survivors, word } from "./state.ts";
import { RUNNING, UNKNOWN } from "./status.ts";

const BATCH = 64;
/** Until wait4 is tried again where it was refused. */
const PATIENCE_MS = 100;
const SIGCHLD = 17;
const SIGCONT = 18;

/**
 * Lives until the program has ended; answers its wait status, or UNKNOWN. It looks before it waits: the SIGCHLD of what
 * is dead may have been taken before the failure, and where the kernel reaps there is none for zombies of the time before.
 */
export function lastResort(): i32 {
  // Whatever was left out for a while is taken again.
  if (survivors.signalfd >= 0) signalfd4(survivors.signalfd, u64.MAX_VALUE);
  // The guard may have failed with everything stopped.
  if (survivors.frozen) kill(-1, SIGCONT);
  sendHand();
  while (survivors.status === RUNNING) {
    const patience = reapSome();
    if (survivors.reaping !== 0) askPidfd();
    if (survivors.status === RUNNING) await_(patience);
  }
  return survivors.status;
}

/** The signal that the core failed over, unless it failed over it twice. */
function sendHand(): void {
  const again = survivors.handTraps === 0;
  survivors.handTraps = 1;
  keep(changetype<usize>(survivors));
  if (survivors.handSignal > 0 && again) sendInHand();
  survivors.handSignal = 0;
  keep(changetype<usize>(survivors));
}

function await_(patience: i32): void {
  const address = changetype<usize>(info);
  if (survivors.signalfd < 0) {
    if (rt_sigtimedwait(u64.MAX_VALUE, address, patience) > 0) pass();
    return;
  }
  const signals = changetype<PollFd>(fds);
  // Nothing but a hang-up, and the memory of a core that was started again is all 0.
  const program = changetype<PollFd>(fds + 8);
  signals.fd = survivors.signalfd;
  signals.events = POLLIN;
  program.fd = survivors.reaping === 0 ? -1 : survivors.pidfd;
  ppoll(fds, 2, patience);
  if (read(survivors.signalfd, address, SIGNAL_INFO_SIZE) === SIGNAL_INFO_SIZE) pass();
}

function pass(): void {
  survivors.handSignal = info.signo;
  survivors.handTraps = 0;
  survivors.handCode = info.code;
  survivors.handPid = info.pid;
  // A core that is whole again sends it with its value.
  survivors.handUid = info.uid;
  survivors.handValue = info.value;
  keep(changetype<usize>(survivors));
  sendInHand();
  survivors.handSignal = 0;
  keep(changetype<usize>(survivors));
}

/** What the init caused itself is nobody's: SIGPIPE of the log that was, SIGTSTP to its own group. */
function sendInHand(): void {
  const signal = survivors.handSignal;
  // After the end its number may be anybody's.
  if (survivors.status !== RUNNING) return;
  if (signal === SIGCHLD || (survivors.handCode === SI_USER && survivors.handPid === getpid())) return;
  if (survivors.reaping === 0) kill(survivors.pid, signal);
  else pidfd_send_signal(survivors.pidfd, signal, 0, false);
}

/** One batch; answers for how long there is nothing more to do, -1 for ever. */
function reapSome(): i32 {
  for (let i = 0; i < BATCH; i++) {
    const pid = wait4(-1, word, WNOHANG);
    if (pid === -Errno.ECHILD && survivors.reaping === 0) survivors.status = UNKNOWN;
    if (pid === 0 || pid === -Errno.ECHILD) return -1;
    if (pid < 0) return PATIENCE_MS;
    if (pid !== survivors.pid) continue;
    // Whoever has the number from now on is another.
    survivors.status = load<i32>(word);
    keep(changetype<usize>(survivors));
    return 0;
  }
  return 0;
}

function askPidfd(): void {
  pidfdInfo.mask = PIDFD_INFO_EXIT;
  if (pidfd_get_info(survivors.pidfd, changetype<usize>(pidfdInfo)) !== 0) return;
  if ((pidfdInfo.mask & PIDFD_INFO_EXIT) !== 0) survivors.status = pidfdInfo.exitCode;
}
