// Children: orphans, zombies and daemons, made to order.

import {
  clone,
  close,
  exit,
  getpid,
  getppid,
  POLLIN,
  PollFd,
  ppoll,
  setpgid,
  wait4,
} from "../../core/kernel.ts";
import { executeFrom } from "./execute.ts";
import { number, read, say, sayNumber, sayText } from "./words.ts";

const status = memory.data(4, 4);
const pidfd = memory.data(4, 4);
const poll = changetype<PollFd>(memory.data(8, 4));

/** `orphans N`: N times a grandchild that outlives its parent and then exits. */
export function makeOrphans(): i32 {
  const count = number(2, 1);
  for (let i = 0; i < count; i++) {
    const answer = makeOrphan();
    if (answer < 0) return answer;
  }
  return 0;
}

export function makeOrphan(): i32 {
  const child = clone(0);
  if (child !== 0) return child < 0 ? child : min(wait4(child, status, 0), 0);
  const parent = getpid();
  if (clone(0) === 0) awaitAdoption(parent);
  exit(0);
  return 0;
}

/** Returns once somebody else is our parent. Looked for every millisecond: the kernel tells nobody but with a signal. */
function awaitAdoption(parent: i32): void {
  while (getppid() === parent) ppoll(0, 0, 1);
}

/** `zombies N [PROGRAM ARGS...]`: N children that are dead and not reaped; then ends, or becomes PROGRAM. */
export function makeZombies(): i32 {
  const count = number(2, 1);
  for (let i = 0; i < count; i++) {
    const answer = makeZombie();
    if (answer < 0) return answer;
  }
  return read(3) < 0 ? 0 : executeFrom(3);
}

/** A pidfd becomes readable when its process is a zombie (pidfd_open(2)). */
function makeZombie(): i32 {
  const child = clone(pidfd);
  if (child === 0) exit(0);
  if (child < 0) return child;
  poll.fd = load<i32>(pidfd);
  poll.events = POLLIN;
  const answer = ppoll(changetype<usize>(poll), 1, -1);
  close(poll.fd);
  return answer;
}

/** `daemon`: forks twice into a group of its own, and says who has adopted it. */
export function makeDaemon(): i32 {
  const child = clone(0);
  if (child !== 0) return child < 0 ? child : min(wait4(child, status, 0), 0);
  const parent = getpid();
  setpgid(0, 0);
  if (clone(0) !== 0) exit(0);
  awaitAdoption(parent);
  sayText("daemon adopted by ");
  sayNumber(getppid());
  say();
  return 0;
}
