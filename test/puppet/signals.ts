// Signals: told of one by one, or sent in the ways that a shell's kill cannot.

import {
  close,
  geteuid,
  getpid,
  inherited_mask,
  kill,
  Open,
  openat,
  read,
  rt_sigprocmask,
  rt_sigqueueinfo,
  rt_sigtimedwait,
  SI_QUEUE,
  SI_USER,
  SIGNAL_INFO_SIZE,
  SignalInfo,
} from "../../core/kernel.ts";
import { makeOrphan } from "./family.ts";
import { contains, number, option, say, sayNothing, sayNumber, sayText } from "./words.ts";

const SIGKILL = 9;
const SIGTERM = 15;
const SIGCHLD = 17;
const SIGCONT = 18;
const SIGSTOP = 19;
const SIGNAL_MAX = 64;
const STATUS_MAX = 4096;
const status = memory.data(STATUS_MAX, 8);
const info = changetype<SignalInfo>(memory.data(SIGNAL_INFO_SIZE, 8));

/**
 * `signals [until=15] [exit=0] [from=N] [litter=N] [stop=N]`: says "ready", then a line for each signal. `from`: takes
 * nothing before signal N has come, so that the kernel's queue fills. At each signal `litter` it leaves an orphan that
 * ends, at each signal `stop` it stops itself, and says when it "went on". Ends with status `exit` when signal `until`
 * has been taken. SIGCHLD is not taken: a program may have inherited children from whatever executed it.
 */
export function reportSignals(): i32 {
  const from = option("from=", 0);
  const until = option("until=", SIGTERM);
  const end = option("exit=", 0);
  const litter = option("litter=", 0);
  const stop = option("stop=", 0);
  sayText("ready");
  say();
  if (from > 0) take(only(from));
  let signal = 0;
  while (signal !== until) {
    signal = take(~only(SIGCHLD));
    if (litter > 0 && signal === litter) makeOrphan();
    if (stop > 0 && signal === stop) stopHere();
  }
  return end;
}

/** Answers when somebody has continued us. */
function stopHere(): void {
  kill(getpid(), SIGSTOP);
  sayText("went on");
  say();
}

/** Waits for one signal of the set, and says which it was and who sent it. */
function take(set: u64): i32 {
  const signal = rt_sigtimedwait(set, changetype<usize>(info), -1);
  if (signal < 0) return 0;
  sayText("signal ");
  sayNumber(signal);
  if (info.code === SI_USER) sayText(" user");
  else if (info.code === SI_QUEUE) sayText(" queue");
  else {
    sayText(" code ");
    sayNumber(info.code);
  }
  sayText(" pid ");
  sayNumber(info.pid);
  sayText(" uid ");
  sayNumber(info.uid);
  if (info.code === SI_QUEUE) {
    sayText(" value ");
    sayNumber(i32(info.value));
  }
  say();
  return signal;
}

/** `kill PID SIGNAL` */
export function send(): i32 {
  return kill(number(2, 0), number(3, SIGTERM));
}

/** `queue PID SIGNAL VALUE [COUNT]`: COUNT signals with the values from VALUE on, as sigqueue(3) sends them. */
export function queue(): i32 {
  const pid = number(2, 0);
  info.signo = number(3, SIGTERM);
  info.code = SI_QUEUE;
  info.pid = getpid();
  info.uid = geteuid();
  const first = number(4, 0);
  const count = number(5, 1);
  for (let i = 0; i < count; i++) {
    info.value = u64(first + i);
    const answer = rt_sigqueueinfo(pid, changetype<usize>(info));
    if (answer < 0) return refused(i, answer);
  }
  return 0;
}

/** Says how many were sent before one was not. */
function refused(sent: i32, answer: i32): i32 {
  sayText("sent ");
  sayNumber(sent);
  say();
  return answer;
}

/**
 * `burst PID`: every signal once, except KILL and STOP, which nobody can take, CHLD, and CONT: the kernel throws a
 * pending CONT away when a stop signal comes, and the other way round (signal(7)).
 */
export function burst(): i32 {
  const pid = number(2, 0);
  for (let signal = 1; signal <= SIGNAL_MAX; signal++) {
    if (signal === SIGKILL || signal === SIGSTOP || signal === SIGCHLD || signal === SIGCONT) continue;
    const answer = kill(pid, signal);
    if (answer < 0) return answer;
  }
  return 0;
}

/**
 * `catch PID SIGNAL`: sends the signal as soon as process PID has become the init and has executed its first
 * instructions, which block everything. Earlier, the kernel would throw it away, or end a subreaper.
 */
export function catchInit(): i32 {
  const pid = number(2, 0);
  sayText("/proc/");
  sayNumber(pid);
  sayText("/status");
  const path = sayNothing();
  while (true) {
    const fd = openat(path, Open.Read);
    if (fd < 0) return fd;
    const length = read(fd, status, STATUS_MAX);
    close(fd);
    if (contains(status, length, "Name:\tsteady") && contains(status, length, "SigBlk:\tf")) {
      return kill(pid, number(3, SIGTERM));
    }
  }
}

/** `die SIGNAL`: ends by that signal, unless it was inherited as ignored. */
export function die(): i32 {
  rt_sigprocmask(inherited_mask());
  const answer = kill(getpid(), number(2, SIGTERM));
  return answer < 0 ? answer : 1;
}

/** `sleep MILLISECONDS` */
export function sleep(): i32 {
  rt_sigtimedwait(0, changetype<usize>(info), number(2, 0));
  return 0;
}

function only(signal: i32): u64 {
  return u64(1) << u64(signal - 1);
}
