// Becoming another program in a state that a shell cannot bring about. PROGRAM is a path.

import { Action, execve, inherited_mask, rt_sigaction, rt_sigprocmask } from "../../core/kernel.ts";
import { read, word } from "./words.ts";

const SIGUSR1 = 10;
const SIGUSR2 = 12;
const SIGCHLD = 17;
const RTMIN = 34;

/** `ignore-children PROGRAM ARGS...`: SIGCHLD is ignored, which exec does not change. */
export function ignoreChildrenAndExecute(): i32 {
  rt_sigaction(SIGCHLD, Action.Ignore);
  return executeFrom(2);
}

/** `block PROGRAM ARGS...`: USR1, USR2 and the first real-time signal are blocked. */
export function blockAndExecute(): i32 {
  rt_sigprocmask((1 << (SIGUSR1 - 1)) | (1 << (SIGUSR2 - 1)) | (u64(1) << (RTMIN - 1)));
  read(2);
  return execve(word, 2);
}

/** Becomes the program that argument `index` names, with the mask that we were started with. */
export function executeFrom(index: i32): i32 {
  rt_sigprocmask(inherited_mask());
  read(index);
  return execve(word, index);
}
