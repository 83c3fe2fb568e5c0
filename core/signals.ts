// Signals by number, and sets of them as the kernel keeps them: bit n-1 of a u64 stands for signal n. Pure.

import { SI_KERNEL, SI_TKILL, SI_USER } from "./kernel.ts";

export const enum Signal {
  SIGHUP = 1,
  SIGINT = 2,
  SIGQUIT = 3,
  SIGKILL = 9,
  SIGUSR1 = 10,
  SIGPIPE = 13,
  SIGTERM = 15,
  SIGCHLD = 17,
  SIGCONT = 18,
  SIGSTOP = 19,
  SIGTSTP = 20,
  SIGTTIN = 21,
  SIGTTOU = 22,
  SIGURG = 23,
  SIGXFSZ = 25,
  SIGIO = 29,
}

export const SIGNAL_MAX = 64;
/** The first real-time signal as libc and kill(1) count; for the kernel it is 32, but 32 and 33 belong to libc. */
export const RTMIN = 34;

export const EVERY_SIGNAL = u64.MAX_VALUE;
/** The kernel's real-time signals, 32 to 64. */
export const REAL_TIME = ~u64(0x7fffffff);

/** The set that holds one signal. */
export function only(signal: i32): u64 {
  assert(signal > 0);
  assert(signal <= SIGNAL_MAX);
  return u64(1) << u64(signal - 1);
}

export function contains(set: u64, signal: i32): bool {
  return (set & only(signal)) !== 0;
}

/** What --map says of a signal that goes nowhere. One that it says nothing of has 0. */
export const DROP: u8 = 255;

/** KILL and STOP are never taken, and CHLD is the init's own: to say what they become would promise what cannot be. */
export function isMappable(signal: i32): bool {
  return signal !== Signal.SIGKILL && signal !== Signal.SIGSTOP && signal !== Signal.SIGCHLD;
}

/** What an engine stops a container with: SIGINT, SIGQUIT and SIGTERM. */
export const STOP_SIGNALS: u64 = 0x4006;

/**
 * Whether `signal` with si_code `code` from `sender` comes from outside the PID namespace of an init that is PID 1: from
 * the kernel, or from a process that has no pid here. Only these three codes are the kernel's own word: rt_sigqueueinfo(2)
 * lets anybody write any other that is negative, and whatever sender goes with it; and a process chooses by F_SETOWN
 * whom the kernel sends SIGIO and SIGURG, by F_SETSIG with which other code.
 */
export function isFromOutside(signal: i32, code: i32, sender: i32): bool {
  if (code === SI_KERNEL) return signal !== Signal.SIGIO && signal !== Signal.SIGURG;
  return isCodeOfKill(code) && sender === 0;
}

/** Whether the sender is the one that the kernel saw, not one that somebody wrote. */
export function isCodeOfKill(code: i32): bool {
  return code === SI_USER || code === SI_TKILL;
}

/** What to do with a signal that was taken. */
export const enum Act {
  /** Nothing: the init caused it itself (SIGPIPE of its own log, SIGTSTP to its own group). */
  Drop,
  /** A child changed its state, or somebody says so: look, and forward nothing. */
  Reap,
  Forward,
}

/** Decides about `signal` with si_code `code` from process `sender`, taken by the init, process `self`. */
export function decide(signal: i32, code: i32, sender: i32, self: i32): Act {
  assert(signal > 0);
  assert(signal <= SIGNAL_MAX);
  if (signal === Signal.SIGCHLD) return Act.Reap;
  // kill(2) writes the sender itself; SI_USER is 0. A forged sender needs another code.
  if (code === 0 && sender === self) return Act.Drop;
  return Act.Forward;
}

/**
 * What may still be taken while one real-time signal waits for room in the program's queue: no other real-time signal,
 * so that none overtakes it. Standard signals go on: the kernel delivers them first anyway (signal(7)), and a stop must
 * not wait behind a queue that somebody filled.
 */
export const TAKEN_WHILE_HELD = ~REAL_TIME;

/** Whether the kernel queues it; it refuses only those (EAGAIN), since of a standard signal it keeps one. */
export function isRealTime(signal: i32): bool {
  return contains(REAL_TIME, signal);
}

/** The next wait, in milliseconds, before a held signal is sent again: doubled up to 640. */
export function nextHoldMs(ms: i32): i32 {
  return ms === 0 ? 10 : ms >= 640 ? 640 : ms * 2;
}
