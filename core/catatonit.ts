// What catatonit has besides an init's work: its two variables, sockets that were passed on, and a life without a program.

import {
  Action,
  add_variable,
  Errno,
  ppoll,
  remove_variable,
  rt_sigaction,
  rt_sigtimedwait,
  Source,
  WNOHANG,
  wait4,
} from "./kernel.ts";
import { Level, say } from "./log.ts";
import { appendNumber } from "./processes.ts";
import { settlePause } from "./settle.ts";
import { only, Signal } from "./signals.ts";
import { fds, info, listenPid, state, word } from "./state.ts";
import { Personality } from "./status.ts";
import { Text } from "./texts.ts";
import { byteAt, firstVariable, putTextAt } from "./words.ts";

/** LISTEN_PID= and a pid. */
const LISTEN_PID_MAX = 24;
const BLIND_MS = 100;

/** Whether it ends for a variable that it keeps for later, which it does before it looks at any option. */
export function isReserved(): bool {
  if (state.personality !== Personality.Catatonit || state.ignoresVariables) return false;
  if (firstVariable(Text.VariableCatatonitLog) < 0) return false;
  say(Level.Fatal, Text.CatatonitReserved);
  return true;
}

/** What holds once every option is read. */
export function settleCatatonit(): void {
  // It adopts orphans wherever it is, or does not start.
  state.subreaper = state.pid !== 1;
  if (!state.ignoresVariables && firstVariable(Text.VariableCatatonitDebug) >= 0) state.level = Level.Trace;
}

/**
 * Sockets that were passed on are for the process whose pid LISTEN_PID has (sd_listen_fds(3)): where that is the init, they
 * are the program's, which calls this before its exec.
 */
export function passSockets(init: i32): void {
  const index = firstVariable(Text.VariableListenPid);
  if (index < 0) return;
  writeListenPid(init);
  let i = 0;
  let char = 0;
  do {
    char = load<u8>(listenPid + usize(i));
    if (byteAt(Source.Variable, index, i++) !== char) return;
  } while (char !== 0);
  remove_variable(index);
  writeListenPid(state.pid);
  add_variable(listenPid);
}

function writeListenPid(pid: i32): void {
  const length = putTextAt(Text.VariableListenPid, listenPid, LISTEN_PID_MAX);
  store<u8>(appendNumber(listenPid + usize(length), pid), 0);
}

/** -P: holds a namespace and reaps, until it is asked to end. Every other signal stays blocked. */
export function pause(): i32 {
  settlePause();
  rt_sigaction(Signal.SIGCHLD, Action.Ignore);
  const stops = only(Signal.SIGTERM) | only(Signal.SIGINT);
  while (true) {
    const answer = rt_sigtimedwait(stops, changetype<usize>(info), reapOld() ? -1 : BLIND_MS);
    if (answer > 0) return 0;
    // Where a profile refuses it, it is tried now and then.
    if (answer !== -Errno.EINTR && answer !== -Errno.EAGAIN) ppoll(fds, 0, BLIND_MS);
  }
}

/** What has died before stays a zombie until somebody waits for it; answers whether none is left. */
function reapOld(): bool {
  let pid = 0;
  do pid = wait4(-1, word, WNOHANG);
  while (pid > 0 || pid === -Errno.EINTR);
  return pid === 0 || pid === -Errno.ECHILD;
}
