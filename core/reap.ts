// Collecting what died, in batches, so that no flood of orphans delays a signal; and the end of the main program.

import { countReaped } from "./counters.ts";
import { Errno, keep, PIDFD_INFO_EXIT, pidfd_get_info, WNOHANG, WUNTRACED, wait4 } from "./kernel.ts";
import { Level, say } from "./log.ts";
import { Reaping } from "./reaping.ts";
import { account, pidfdInfo, state, survivors, word } from "./state.ts";
import { exitStatus, isStop, RUNNING, signalOf, UNKNOWN } from "./status.ts";
import { stopped, watchesStops } from "./terminal.ts";
import { Text } from "./texts.ts";

/** Between two batches the loop looks at the signals: at about 3 µs each, a signal waits 0.2 ms at most. */
const BATCH = 64;
/** What is left when the main program has ended: it dies with the namespace, or goes to the next reaper. */
const LAST_BATCHES = 16;

export function reapBatch(): void {
  const options = watchesStops() ? WNOHANG | WUNTRACED : WNOHANG;
  for (let i = 0; i < BATCH; i++) {
    const pid = wait4(-1, word, options);
    if (pid === -Errno.EINTR) continue;
    if (pid <= 0) {
      endBatches(pid);
      return;
    }
    state.waitFails = false;
    collect(pid, load<i32>(word));
  }
}

/** tini reaps everything that is dead before it ends; here this has a bound (W6). */
export function reapRest(): void {
  for (let i = 0; i < LAST_BATCHES && state.reapDue; i++) reapBatch();
}

function collect(pid: i32, waitStatus: i32): void {
  // Once the program has been reaped its number may be an orphan's; but a status is better than none.
  const main = pid === survivors.pid && survivors.status < 0;
  if (isStop(waitStatus)) {
    if (main) stopped((waitStatus >> 8) & 0xff);
    return;
  }
  // Kept before anything is said: nobody can be asked for this status again.
  if (main) noteEnd(waitStatus);
  const signal = signalOf(waitStatus);
  if (signal === 0) say(Level.Debug, Text.ReapedChild, pid, exitStatus(waitStatus));
  else say(Level.Debug, Text.ReapedKilled, pid, signal);
  if (pid !== survivors.pid) countReaped();
  if (!main) account.killed += survivors.step & 1;
  if (main) sayEnd();
  else if (state.warnReaped) say(Level.Warn, Text.ReapedZombie, pid);
}

/** wait4 has no more to tell now. Without any child, the program is none of ours any more, whoever took it. */
function endBatches(answer: i32): void {
  if (answer === 0) say(Level.Trace, Text.NoChildToReap);
  else if (answer === -Errno.ECHILD) say(Level.Trace, Text.NoChildToWait);
  else {
    // The program may be among the dead, so it is tried for ever, and told once.
    if (!state.waitFails) say(Level.Warn, Text.WaitFailed, -answer);
    state.waitFails = true;
    return;
  }
  state.waitFails = false;
  state.reapDue = false;
  state.childless = answer === -Errno.ECHILD;
  if (answer === -Errno.ECHILD && survivors.reaping === Reaping.Wait && survivors.status === RUNNING)
    end(UNKNOWN);
}

/** Asks the pidfd, which hung up, for the wait status. The record stays as long as the pidfd is open. */
export function readExit(): void {
  for (let i = 0; i < 100; i++) {
    pidfdInfo.mask = PIDFD_INFO_EXIT;
    const answer = pidfd_get_info(survivors.pidfd, changetype<usize>(pidfdInfo));
    // Without the bit the program is still a zombie, and exitCode says nothing.
    if (answer === 0 && (pidfdInfo.mask & PIDFD_INFO_EXIT) !== 0) {
      end(pidfdInfo.exitCode);
      return;
    }
  }
  end(UNKNOWN);
}

/** The main program has ended: with a wait status, or UNKNOWN. */
export function end(waitStatus: i32): void {
  noteEnd(waitStatus);
  sayEnd();
}

function noteEnd(waitStatus: i32): void {
  survivors.status = waitStatus;
  keep(changetype<usize>(survivors));
}

function sayEnd(): void {
  const waitStatus = survivors.status;
  const signal = signalOf(waitStatus);
  if (waitStatus === UNKNOWN) say(Level.Fatal, Text.MainUnknown);
  else if (signal === 0) say(Level.Info, Text.MainExited, exitStatus(waitStatus));
  else say(Level.Info, Text.MainSignaled, signal, (waitStatus >> 7) & 1);
}
