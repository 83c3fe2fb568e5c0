// A gate before an init: it holds the container still until a tracer is there.

import {
  Action,
  close,
  execve,
  get_dumpable,
  getpgid,
  getpid,
  getppid,
  Open,
  openat,
  POLLIN,
  PollFd,
  pipe2,
  ppoll,
  pwritev2,
  read,
  rt_sigaction,
  rt_sigprocmask,
  SIGNAL_INFO_SIZE,
  sendto,
  setpgid,
  signalfd4,
  splice,
  statx,
  tcgetpgrp,
  WriteWay,
  write,
} from "../../core/kernel.ts";
import { executeFrom } from "./execute.ts";
import { number, word } from "./words.ts";

const SIGKILL = 9;
const SIGUSR2 = 12;
const EVERY_SIGNAL: u64 = u64.MAX_VALUE;
const NO_FILE = -1;

const poll = changetype<PollFd>(memory.data(8, 4));
const taken = memory.data(SIGNAL_INFO_SIZE, 8);
const ends = memory.data(8, 8);

/**
 * `gate N PROGRAM ARGS...`: waits for SIGUSR2 in a ppoll, which the arrival of a tracer does not end (signal(7)); makes
 * each call N times that the child of an init makes before its exec; becomes PROGRAM. strace numbers the calls of every
 * process by themselves, so that the init's now have higher numbers than the child's, and one number means one process.
 */
export function waitAtGate(): i32 {
  const fd = signalfd4(-1, u64(1) << u64(SIGUSR2 - 1));
  if (fd < 0) return fd;
  poll.fd = fd;
  poll.events = POLLIN;
  while (poll.revents === 0) ppoll(changetype<usize>(poll), 1, -1);
  read(fd, taken, SIGNAL_INFO_SIZE);
  close(fd);
  for (let i = number(2, 0); i > 0; i--) makeEachCall();
  return executeFrom(3);
}

/** Each in a way that changes nothing. */
function makeEachCall(): void {
  getpid();
  getppid();
  getpgid(0);
  setpgid(0, -1);
  get_dumpable();
  tcgetpgrp(NO_FILE);
  rt_sigaction(SIGKILL, Action.Default);
  rt_sigprocmask(EVERY_SIGNAL);
  store<u8>(word, 0);
  execve(word, 3);
  openat(word, Open.Read);
  makeEachCallOfTheLog();
}

function makeEachCallOfTheLog(): void {
  statx(NO_FILE);
  ppoll(0, 0, 0);
  write(NO_FILE, word, 1);
  pwritev2(NO_FILE, word, 1, WriteWay.NoWait);
  sendto(NO_FILE, word, 1, 0);
  splice(NO_FILE, NO_FILE, 1);
  if (pipe2(ends) !== 0) return;
  close(load<i32>(ends));
  close(load<i32>(ends + 4));
}
