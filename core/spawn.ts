// The clone, and the child's life up to exec. Signals stay blocked from the init's first instruction to the last step
// before exec, and what the kernel keeps pending meanwhile is delivered then: none is lost on the way.

import { passSockets } from "./catatonit.ts";
import { metPidsLimit } from "./cgroup.ts";
import { execute } from "./exec.ts";
import {
  Action,
  add_variable,
  Capability,
  capget,
  clone,
  close,
  Errno,
  exit,
  fcntl_dupfd,
  getpid,
  getppid,
  getrlimit_nproc,
  keep,
  pipe2,
  remove_variable,
  rt_sigaction,
  rt_sigprocmask,
  set_pdeathsig,
  setpgid,
  setsid,
  tcsetpgrp,
  write,
} from "./kernel.ts";
import { giveUp, Level, say } from "./log.ts";
import { passNotify } from "./notify.ts";
import { forgetVariables, PROCEED } from "./options.ts";
import { Place, plant } from "./plant.ts";
import { limitPrivilege } from "./privilege.ts";
import { EVERY_SIGNAL, Signal } from "./signals.ts";
import { Grouping, Phase, state, survivors, word } from "./state.ts";
import { Exit, execStatus, Personality, RUNNING } from "./status.ts";
import { takeTerminal } from "./terminal.ts";
import { Text } from "./texts.ts";
import { firstVariable } from "./words.ts";

/** Starts the program. Answers PROCEED, or the status to end with; in the child it does not answer. */
export function spawn(): i32 {
  openExecPipe();
  store<i32>(word, -1);
  let pid = clone(word);
  // Old kernels ignore CLONE_PIDFD, qemu-user refuses it, and the table may be full: go on without.
  if (pid < 0 && pid !== -Errno.EAGAIN && pid !== -Errno.ENOMEM) pid = clone(0);
  if (pid === 0) child();
  if (pid < 0) return cannotFork(-pid);
  survivors.phase = Phase.Spawned;
  survivors.pid = pid;
  survivors.pidfd = load<i32>(word);
  survivors.signalfd = -1;
  survivors.status = RUNNING;
  survivors.lent = i32(state.takesForeground);
  keep(changetype<usize>(survivors));
  say(Level.Info, Text.Spawned, state.program, pid);
  return PROCEED;
}

/** The child's life between clone and exec. Exported so that a simulator can play it on a copy of the memory. */
export function child(): void {
  survivors.trapStatus = Exit.CannotStart;
  keep(changetype<usize>(survivors));
  plant(Place.Child);
  const init = state.pid;
  state.pid = getpid();
  makeGroup();
  if (state.takesForeground) {
    const answer = tcsetpgrp(0, state.pid);
    if (answer < 0) say(Level.Warn, Text.TcsetpgrpFailed, -answer);
  }
  if (state.childrenIgnored) rt_sigaction(Signal.SIGCHLD, Action.Ignore);
  forgetVariables();
  if (state.personality === Personality.Steady || state.personality === Personality.Catatonit)
    passSockets(init);
  passNotify();
  limitPrivilege();
  // Who becomes another user is not asked any more what its parent's death is to be (prctl(2)).
  if (state.parentSignal === Signal.SIGKILL) dieWith(init);
  const errno = execute();
  rt_sigprocmask(EVERY_SIGNAL);
  const status = execStatus(errno, state.personality);
  say(Level.Fatal, Text.ExecFailed, state.program, errno);
  tell(status, Text.ExecFailed, errno);
}

function makeGroup(): void {
  if (state.grouping === Grouping.Shared) return;
  const session = state.grouping === Grouping.Session;
  const answer = session ? setsid() : setpgid(0, 0);
  const text = session ? Text.DumbInitSetsidFailed : Text.SetpgidFailed;
  need(answer, text);
  if (session) takeTerminal();
}

/** An init that is killed by -p KILL can forward nothing: the program asks for the same (W21). */
function dieWith(init: i32): void {
  set_pdeathsig(Signal.SIGKILL);
  if (getppid() !== init) exit(128 + Signal.SIGKILL);
}

/** Gives the program the NUL-terminated "NAME=value" at `at`, in the place of every variable of that name. */
export function putVariable(name: i32, at: usize): void {
  for (let index = firstVariable(name); index >= 0; index = firstVariable(name)) remove_variable(index);
  add_variable(at);
}

/** Of the child's calls one without which there is no program: where it failed, says so and ends. */
export function need(answer: i32, text: i32): void {
  if (answer < 0) tell(giveUp(text, -answer, -answer), text, -answer);
}

/** Ends the child, and tells the init by the pipe why; its status is no program's, and is not remapped (W22). */
function tell(status: i32, text: i32, errno: i32): void {
  store<i32>(word, status | (errno << 8) | (text << 20));
  if (state.execPipe >= 0) write(state.execPipe, word, 4);
  exit(status);
  unreachable();
}

/** Without room for the pipe a failed exec cannot be told from a program that ends so: no reason not to start it. */
function openExecPipe(): void {
  survivors.execPipe = -1;
  state.execPipe = -1;
  if (pipe2(word) < 0) return;
  const writing = load<i32>(word + 4);
  survivors.execPipe = aboveStdio(load<i32>(word));
  state.execPipe = aboveStdio(writing);
}

/**
 * Descriptors 0 to 2 are the program's, also where they are closed: what the kernel gives us there moves up (W5).
 * Answers below 0 where there is none, or no room.
 */
export function aboveStdio(fd: i32): i32 {
  if (fd < 0 || fd > 2) return fd;
  const moved = fcntl_dupfd(fd, 3);
  close(fd);
  return moved;
}

/** Whether RLIMIT_NPROC does not hold for us (fork(2)). */
function isAboveUserLimit(): bool {
  const above = (u64(1) << u64(Capability.CAP_SYS_ADMIN)) | (u64(1) << u64(Capability.CAP_SYS_RESOURCE));
  return (capget() & above) !== 0;
}

/** Names the limit that was met: the cgroup's first, since that is the one a container has. */
function cannotFork(errno: i32): i32 {
  const cgroup = errno === Errno.EAGAIN ? metPidsLimit() : -1;
  const user = errno === Errno.EAGAIN && !isAboveUserLimit() ? getrlimit_nproc() : -1;
  if (cgroup >= 0) return giveUp(Text.LimitCgroup, errno, i32(cgroup));
  if (user >= 0) return giveUp(Text.LimitUser, errno, i32(min<i64>(user, i32.MAX_VALUE)));
  return giveUp(errno === Errno.EAGAIN ? Text.LimitKernel : Text.ForkFailed, errno);
}
