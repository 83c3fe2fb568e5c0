// The init's life: wait for news, take one signal, forward it, reap one batch, and again. Nothing wakes it but news.

import { keepCounters, untilWritten, writeCounters } from "./counters.ts";
import { isDelayOver, isDrained, keepGrace, noteStop, releaseDelayed, untilNextStep } from "./ending.ts";
import { noteSender } from "./epilogue.ts";
import { tell, tellLost } from "./events.ts";
import { farewell, forward, giveWay, retryHeld } from "./forward.ts";
import { keepGuard, untilLook } from "./guard.ts";
import {
  Errno,
  keep,
  POLLHUP,
  POLLIN,
  POLLOUT,
  PollFd,
  ppoll,
  read,
  release,
  rt_sigtimedwait,
  SI_USER,
  SIGNAL_INFO_SIZE,
} from "./kernel.ts";
import { Level, say, sayLost } from "./log.ts";
import { takeNotices } from "./notify.ts";
import { Place, plant } from "./plant.ts";
import { countSent, isBelieved, releaseLimited, rewrite, untilSecondEnds } from "./policy.ts";
import { readExit, reapBatch, reapRest } from "./reap.ts";
import { Reaping } from "./reaping.ts";
import { Act, decide, only, Signal } from "./signals.ts";
import {
  account,
  errors,
  events,
  fds,
  info,
  line,
  output,
  remapped,
  Step,
  Stream,
  state,
  survivors,
  word,
} from "./state.ts";
import { Exit, exitStatus, Personality, RUNNING, UNKNOWN } from "./status.ts";
import { continueProgram, giveBack, suspendWith, watchesStops } from "./terminal.ts";
import { Text } from "./texts.ts";
import { Fall, keepWatch } from "./watch.ts";

const POLL_FD_SIZE = 8;
/** How often the world is looked at where waiting for news fails, or for the dead, in milliseconds. */
const BLIND_MS = 100;
const ERRORS_MAX = 8;
/** si_code of a SIGCHLD (sigaction(2)). */
const CLD_STOPPED = 5;
const ROUND_MAX = 64;

/** Lives until the main program has ended; answers the status of the container. */
export function live(): i32 {
  plant(Place.Start);
  while (survivors.status === RUNNING) {
    if (isDelayOver()) handDelayed();
    keepGrace();
    keepWatch();
    if (state.guard !== 0) keepGuard();
    turn();
  }
  plant(Place.End);
  if (survivors.step < Step.Asked) farewell();
  while (!isDrained()) turn();
  if (survivors.reaping === Reaping.Wait) reapRest();
  giveBack();
  sayLost(errors);
  const status = finalStatus();
  say(Level.Trace, Text.Exiting, status);
  writeCounters();
  return status;
}

/** One look for news, and what it asks for. */
function turn(): void {
  releaseLimited();
  keepCounters();
  if (state.parentGone) takeParentDeath();
  if (awaitNews()) handle();
  else if (state.continueDue && survivors.status === RUNNING) continueProgram();
  if (state.reapDue) reapBatch();
}

/** Where the parent died in a moment in which -p could not tell, its signal comes from here, if the kernel has not told. */
function takeParentDeath(): void {
  state.parentGone = false;
  if (rt_sigtimedwait(only(state.parentSignal), changetype<usize>(info), 0) < 0) {
    info.signo = state.parentSignal;
    info.code = SI_USER;
    info.pid = 0;
  }
  handle();
}

/** Waits until something is to be done; answers whether a signal was taken into `info`. */
function awaitNews(): bool {
  retryHeld();
  if (survivors.signalfd < 0 || state.newsErrors > ERRORS_MAX) return awaitBlind();
  // The signalfd, the pidfd, the two streams of the log, the events, and the notify socket.
  watch(0, survivors.signalfd, POLLIN);
  // Only a hang-up tells that the exit status can be read: POLLIN comes already for a zombie (pidfd_open(2)). While we
  // reap, it comes only where somebody else did, against all that was arranged.
  watch(1, survivors.status === RUNNING ? survivors.pidfd : -1, 0);
  watch(2, errors.awaited ? errors.fd : -1, POLLOUT);
  watch(3, output.awaited ? output.fd : -1, POLLOUT);
  watch(4, events.awaited ? events.fd : -1, POLLOUT);
  watch(5, survivors.notifyFd > 0 ? survivors.notifyFd : -1, POLLIN);
  const ms = patience();
  // What runs now and then makes no room for itself in between.
  if (ms !== 0 && (ms > 0 || survivors.notifyFd + survivors.statusFd > 0)) release(line);
  const ready = ppoll(fds, 6, ms);
  if (ready < 0) {
    if (ready !== -Errno.EINTR) state.newsErrors++;
    return false;
  }
  if (state.passed !== 0 && found(0) === 0) giveWay(0);
  if (hasRoom(2, errors)) sayLost(errors);
  if (hasRoom(3, output)) sayLost(output);
  if (hasRoom(4, events)) tellLost();
  if (found(5) !== 0) takeNotices();
  if ((found(1) & POLLHUP) !== 0) readExit();
  // A signal that comes after the end has nobody left to go to; but during the drain each SIGCHLD counts.
  return (survivors.status === RUNNING || survivors.step >= Step.Asked) && found(0) !== 0 && takeSignal();
}

/** How long there is nothing to do, in milliseconds; -1 for ever. */
function patience(): i32 {
  if (state.parentGone || state.continueDue || state.passed !== 0) return 0;
  if (state.reapDue) return state.waitFails ? BLIND_MS : 0;
  const holds = survivors.heldSignal !== 0 && survivors.status === RUNNING;
  const steps = sooner(sooner(untilNextStep(), untilSecondEnds()), untilWritten());
  const next = sooner(steps, holds ? state.holdMs : -1);
  return state.guard === 0 || survivors.status !== RUNNING ? next : sooner(next, untilLook());
}

/** The lesser of two times, -1 for never. */
function sooner(one: i32, other: i32): i32 {
  return one < 0 || (other >= 0 && other < one) ? other : one;
}

/** Without signalfd (no descriptors, seccomp) signals are waited for; everything else is looked at in between. */
function awaitBlind(): bool {
  const kernelReaps = survivors.reaping !== Reaping.Wait;
  const hears = survivors.notifyFd > 0;
  const waits = kernelReaps || hears || state.newsErrors > 0;
  const hearsMore = hears && takeNotices();
  const signals = state.taken & ~state.passed;
  const signal = rt_sigtimedwait(
    signals,
    changetype<usize>(info),
    hearsMore ? 0 : sooner(patience(), waits ? BLIND_MS : -1),
  );
  if (signal > 0) return true;
  if (state.passed !== 0) giveWay(0);
  if (kernelReaps) {
    watch(0, survivors.pidfd, 0);
    ppoll(fds, 1, 0);
    if ((found(0) & POLLHUP) !== 0) readExit();
  } else if (state.newsErrors > 0) {
    state.reapDue = true;
  }
  return false;
}

function watch(place: i32, fd: i32, events: i16): void {
  const entry = changetype<PollFd>(fds + usize(place * POLL_FD_SIZE));
  entry.fd = fd;
  entry.events = events;
  entry.revents = 0;
}

function found(place: i32): i16 {
  return changetype<PollFd>(fds + usize(place * POLL_FD_SIZE)).revents;
}

function takeSignal(): bool {
  const length = read(survivors.signalfd, changetype<usize>(info), SIGNAL_INFO_SIZE);
  if (length === SIGNAL_INFO_SIZE) {
    state.newsErrors = 0;
    return true;
  }
  if (length !== -Errno.EINTR && length !== -Errno.EAGAIN) state.newsErrors++;
  return false;
}

/**
 * The kernel hands out the lowest number first. Whoever floods the init with one would keep all above it waiting, a stop
 * and the end of the program too: after so many, those that had their turn wait until the others have had theirs.
 */
function countInRound(): void {
  state.round |= only(info.signo);
  if (++state.roundLength >= ROUND_MAX) giveWay(state.round);
}

/** Whether there is room again on a stream whose lines were lost; where there never will be, it is not waited for. */
function hasRoom(place: i32, stream: Stream): bool {
  const news = found(place);
  if (news === 0) return false;
  stream.awaited = false;
  return stream.lost > 0 && (news & POLLOUT) !== 0;
}

/** Does what is to be done about the signal in `info`; a restart of the core finds it in the survivors. */
function handle(): void {
  noteHand();
  countInRound();
  act();
}

function noteHand(): void {
  survivors.handSignal = info.signo;
  survivors.handTraps = 0;
  survivors.handCode = info.code;
  survivors.handPid = info.pid;
  survivors.handUid = info.uid;
  survivors.handValue = info.value;
  keep(changetype<usize>(survivors));
}

function strikeHand(): void {
  survivors.handSignal = 0;
  keep(changetype<usize>(survivors));
}

/** The stop that --pre-stop kept back; it was believed when it came. */
function handDelayed(): void {
  noteHand();
  releaseDelayed();
  send(info.signo);
  strikeHand();
}

/** The same for the signal that the core trapped over. */
export function handleAgain(): void {
  info.signo = survivors.handSignal;
  info.code = survivors.handCode;
  info.pid = survivors.handPid;
  info.uid = survivors.handUid;
  info.value = survivors.handValue;
  act();
}

function act(): void {
  plant(Place.Signal);
  const signal = info.signo;
  const what = decide(signal, info.code, info.pid, state.pid);
  if (what === Act.Drop) {
    sayOwn(signal);
  } else {
    say(Level.Debug, Text.SignalReceived, signal);
    if (what === Act.Reap) noteChild();
    else passOn(signal);
  }
  strikeHand();
}

/** To speak of the signal that a line itself brought, a SIGPIPE or SIGXFSZ (write(2)), would bring the next, for ever. */
function sayOwn(signal: i32): void {
  if (signal === Signal.SIGPIPE || signal === Signal.SIGXFSZ) return;
  say(Level.Debug, Text.SignalReceived, signal);
  say(Level.Debug, Text.SignalOwn, signal);
}

function noteChild(): void {
  say(Level.Debug, Text.ReceivedSigchld);
  state.reapDue = true;
  // The last of the codes is CLD_CONTINUED; a job of a shell is waited for (terminal.ts).
  if (info.pid === survivors.pid && info.code >= CLD_STOPPED && !watchesStops())
    tell(Text.EventStopped + info.code - CLD_STOPPED, info.status);
}

function passOn(signal: i32): void {
  if (!isBelieved()) return;
  noteSender();
  if (!noteStop() && survivors.status === RUNNING) send(signal);
}

/** What it becomes (--map) does not change what it means to the init itself. */
function send(signal: i32): void {
  if (rewrite()) {
    countSent(signal);
    forward();
  }
  suspendWith(signal);
}

/** Whether the child told by the exec pipe why there is no program; its status is then in `word` (W22). */
function readStartFailure(): bool {
  if (survivors.execPipe < 0) return false;
  for (let i = 0; i < ERRORS_MAX; i++) {
    const length = read(survivors.execPipe, word, 4);
    if (length >= 0) return length === 4;
  }
  return false;
}

/** A failed start is told apart from a program that ended with the same status, and is not remapped (W22). */
function finalStatus(): i32 {
  if (readStartFailure()) {
    account.startFailure = load<i32>(word);
    return account.startFailure & 0xff;
  }
  if (survivors.fall >= Fall.Aborted) return Exit.Unwell;
  if (survivors.guardEnds) return Exit.Guard;
  if (survivors.status === UNKNOWN) return 1;
  const isKilled = survivors.isOverdue && survivors.status === Signal.SIGKILL;
  if (isKilled && state.personality === Personality.Steady) return Exit.Overdue;
  const status = exitStatus(survivors.status);
  const isRemapped = (load<u8>(remapped + usize(status >> 3)) >> u8(status & 7)) & 1;
  return isRemapped !== 0 ? 0 : status;
}
