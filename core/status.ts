// Exit statuses: what a wait status, an errno or a trap comes to at the end of the container. Pure.

import { Errno } from "./kernel.ts";

/** No status yet. */
export const RUNNING = -1;
/** It ended, and nobody could tell how. */
export const UNKNOWN = -2;

/** The statuses that are steady's own (docs/behaviour.md lists them all). */
export const enum Exit {
  Usage = 1,
  /** The core failed before the program was started. Also the first value of `kept` in native/linux.c. */
  CoreFailed = 120,
  /** The program was not ready, fell silent or did not answer, and was ended. */
  Unwell = 122,
  /** The guard has ended the container. */
  Guard = 123,
  /** The program did not end in the time that it had after its stop, and was killed; timeout(1) has the same number. */
  Overdue = 124,
  CannotStart = 125,
  CannotExecute = 126,
  NotFound = 127,
}

/** The init whose command line, messages and statuses are reproduced. */
export const enum Personality {
  Steady,
  Tini,
  DumbInit,
  Catatonit,
}

/** The exit code or 128 plus the signal, as shells and container runtimes report it; wait(2). */
export function exitStatus(waitStatus: i32): i32 {
  const signal = signalOf(waitStatus);
  return signal === 0 ? (waitStatus >> 8) & 0xff : 128 + signal;
}

/** The signal that ended the program, or 0 where it exited. */
export function signalOf(waitStatus: i32): i32 {
  return waitStatus & 0x7f;
}

/** Whether a wait status tells of a stop (WIFSTOPPED). */
export function isStop(waitStatus: i32): bool {
  return (waitStatus & 0xff) === 0x7f;
}

/** The end of a program that could not be executed; tini knows 127 and 126, and 1 for all else, dumb-init 2 alone, catatonit 1. */
export function execStatus(errno: i32, personality: Personality): i32 {
  assert(errno > 0);
  if (personality === Personality.DumbInit) return 2;
  if (personality === Personality.Catatonit) return 1;
  if (errno === Errno.ENOENT) return Exit.NotFound;
  if (errno === Errno.EACCES) return Exit.CannotExecute;
  if (personality === Personality.Tini) return 1;
  if (errno === Errno.ENOTDIR) return Exit.NotFound;
  if (errno === Errno.ENOMEM || errno === Errno.EAGAIN) return Exit.CannotStart;
  return Exit.CannotExecute;
}

/** The end where the program could not be started for another reason. */
export function startStatus(personality: Personality): i32 {
  return personality === Personality.Steady ? Exit.CannotStart : 1;
}

/** Whether the search through PATH goes on after this errno, as glibc's execvp does. */
export function searchGoesOn(errno: i32): bool {
  return (
    errno === Errno.ENOENT ||
    errno === Errno.ENOTDIR ||
    errno === Errno.EACCES ||
    errno === Errno.ESTALE ||
    errno === Errno.ENODEV ||
    errno === Errno.ETIMEDOUT
  );
}
