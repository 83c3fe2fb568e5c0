// The notify socket: what the program tells of itself (sd_notify(3)), from whom it is believed, and what it is passed on to.
// What comes of it is in watch.ts. A datagram is read as a whole or not at all.

import { ownerOfProgram, tell } from "./events.ts";
import {
  bind,
  close,
  connect,
  copy,
  Errno,
  getrandom,
  pass_credentials,
  recvmsg,
  Source,
  sendto,
  socket,
} from "./kernel.ts";
import { divide, giveUp, hexadecimal, Level, say } from "./log.ts";
import { PROCEED } from "./options.ts";
import { appendNumber, realUid } from "./processes.ts";
import { SIGNAL_MAX } from "./signals.ts";
import { aboveStdio, putVariable } from "./spawn.ts";
import {
  ASKERS_MAX,
  askers,
  NOTICE_MAX,
  notice,
  said,
  socketName,
  state,
  survivors,
  watchdogVariables,
  word,
} from "./state.ts";
import { RUNNING } from "./status.ts";
import { Text } from "./texts.ts";
import { abandon, answered, extend, Fell, fall, question, ready, resetTo, stopWatch } from "./watch.ts";
import { behind, DURATION_MAX, firstVariable, isDigit, putTextAt } from "./words.ts";

/** What of a sockaddr_un (unix(7)) is no name. */
const FAMILY_BYTES = 2;
const AF_UNIX = 1;
/** One more than fits, so that the kernel refuses what was cut. */
export const NAME_MAX = 109;
const AT = 64; /* @ */
const RANDOM_BYTES = 16;
/** Of them so many in one turn of the loop: signals are looked at in between. */
const AT_ONCE = 16;
/** Failures in a row after which nothing more is expected of the socket. */
const FAILURES_MAX = 8;
/** recvmsg leaves pid and uid of the sender here, and where an answer goes to: the whole address of whoever chose none (autobind). */
export const sender = word + 16;
const replyTo = word + 32;
export const ADDRESS_BYTES = 8;

// The socket

/** Answers PROCEED, or the status to end with where the socket is asked for and cannot be had. */
export function openNotify(): i32 {
  if (!state.notifies) return PROCEED;
  survivors.eventsOwner = ownerOfProgram();
  joinOuter();
  const fd = aboveStdio(socket());
  let answer = fd < 0 ? fd : pass_credentials(fd);
  if (answer >= 0) answer = getrandom(word, RANDOM_BYTES);
  if (answer >= 0) answer = bind(fd, notice, makeName());
  if (answer < 0) return giveUp(Text.NotifyFailed, -answer);
  survivors.notifyFd = fd;
  return PROCEED;
}

/** The variable with the name of the socket, and its address; answers the length of that. */
function makeName(): i32 {
  const name = socketName + usize(putTextAt(Text.VariableNotify, socketName, NAME_MAX));
  let end = name + usize(putTextAt(Text.SocketName, name, NAME_MAX));
  for (let i = 0; i < RANDOM_BYTES << 1; i++) {
    const digit = (load<u8>(word + usize(i >> 1)) >> u8((i & 1) << 2)) & 15;
    store<u8>(end++, u8(hexadecimal(digit)));
  }
  const length = i32(end - name);
  move(notice + FAMILY_BYTES, name, length);
  return address(length);
}

/** From the first on, so that they may lie over each other. */
function move(to: usize, from: usize, length: i32): void {
  for (let i: usize = 0; i < usize(length); i++) store<u8>(to + i, load<u8>(from + i));
}

/** Makes the address of the `/path` or `@name` of so many bytes that stands behind the family; answers its length. */
export function address(length: i32): i32 {
  store<u16>(notice, AF_UNIX);
  if (load<u8>(notice + FAMILY_BYTES) === AT) store<u8>(notice + FAMILY_BYTES, 0);
  return FAMILY_BYTES + length;
}

/** Whoever started the init may want to be told (podman --sdnotify): while it may still do everything. */
function joinOuter(): void {
  const index = firstVariable(Text.VariableNotify);
  if (index < 0) return;
  const from = putTextAt(Text.VariableNotify, notice, NAME_MAX);
  const length = copy(Source.Variable, index, from, notice + FAMILY_BYTES, NAME_MAX);
  const fd = aboveStdio(socket());
  const answer = fd < 0 ? fd : connect(fd, notice, address(length));
  if (answer >= 0) {
    survivors.outerFd = fd;
    return;
  }
  say(Level.Warn, Text.OuterFailed, -answer);
  if (fd >= 0) close(fd);
}

/** What the program finds in its environment: it is the child that calls this, before its exec. */
export function passNotify(): void {
  if (!state.notifies) return;
  putVariable(Text.VariableNotify, socketName);
  const pid = watchdogVariables + 32;
  if (state.watchdogMs > 0) {
    const end = begin(Text.VariableWatchdog, watchdogVariables);
    store<u32>(appendNumber(end, state.watchdogMs), 0x303030 /* microseconds */);
    putVariable(Text.VariableWatchdog, watchdogVariables);
  }
  // Where it came from outside it named this init.
  if (firstVariable(Text.VariableWatchdog) < 0) return;
  store<u8>(appendNumber(begin(Text.VariableWatchdogPid, pid), state.pid), 0);
  putVariable(Text.VariableWatchdogPid, pid);
}

function begin(name: i32, at: usize): usize {
  return at + usize(putTextAt(name, at, 32));
}

// Datagrams

/** Takes what waits, some at a time; answers whether there may be more. */
export function takeNotices(): bool {
  for (let i = 0; i < AT_ONCE; i++) {
    // Nobody, where the kernel tells nothing.
    store<u64>(sender, 0xffffffff00000000);
    store<u64>(replyTo, 0);
    const length = recvmsg(survivors.notifyFd, notice, NOTICE_MAX, word);
    if (length < 0) {
      if (length !== -Errno.EAGAIN && length !== -Errno.EINTR) noteFailure(-length);
      return false;
    }
    state.noticeErrors = 0;
    take(length);
  }
  return true;
}

/** Without the socket nobody can be expected to answer. */
function noteFailure(errno: i32): void {
  if (++state.noticeErrors <= FAILURES_MAX) return;
  say(Level.Warn, Text.NotifyFailed, errno);
  close(survivors.notifyFd);
  survivors.notifyFd = -1;
  abandon();
}

function take(length: i32): void {
  if (!isBelieved()) refuse(Text.WordForeign);
  else if (length > NOTICE_MAX) refuse(Text.WordOversized);
  else if (!readNotice(length)) refuse(Text.WordMalformed);
  else act();
}

/**
 * From root, or from the user of the program, as the kernel tells it. The pid is what the sender was, and is 0 outside of our
 * PID namespace, where an abstract socket may be reached from too (a shared network namespace).
 */
function isBelieved(): bool {
  const uid = load<u32>(sender + 4);
  if (load<i32>(sender) <= 0) return false;
  if (uid === 0) return true;
  const real = realUid(survivors.pid);
  return uid === (real < 0 ? u32(survivors.eventsOwner) : u32(real));
}

/** Loud once: a flood of them must not be one of lines. */
function refuse(why: i32): void {
  const level = state.noticesRefused === 0 ? Level.Warn : Level.Debug;
  state.noticesRefused++;
  tell(Text.EventNoticeRefused, why, state.noticesRefused);
  say(level, Text.NoticeRefused, why, load<i32>(sender));
}

/** The assignments that mean something here, in the order of their texts. */
const enum Said {
  Ready,
  Stopping,
  Alive,
  Trigger,
  Barrier,
  /** From here on a value follows. */
  Status,
  Watchdog,
  Extend,
  MainPid,
  Probe,
  Count,
}

/**
 * What the `length` bytes at `notice` say, into `said`, and nothing else: answers whether they are lines of assignments. What
 * may be passed on is moved together at `notice`.
 */
function readNotice(length: i32): bool {
  said.what = 0;
  said.kept = 0;
  // C programs like to send the NUL along.
  if (length > 0 && load<u8>(notice + usize(length - 1)) === 0) length--;
  if (length === 0) return false;
  let equals = -1;
  let from = 0;
  for (let i = 0; i <= length; i++) {
    const char = i === length ? 10 : i32(load<u8>(notice + usize(i)));
    if (char === 0) return false;
    if (char === 61 /* = */ && equals < 0) equals = i;
    if (char !== 10) continue;
    if (i > from && (equals <= from || !readLine(from, i))) return false;
    from = i + 1;
    equals = -1;
  }
  return true;
}

/** An assignment that nobody knows is no mistake. */
function readLine(from: i32, end: i32): bool {
  let status = -1;
  for (let what = 0; what < Said.Count; what++) {
    const at = behind(Text.SaysReady + what, notice + usize(from), notice + usize(end));
    const value = i32(at - notice);
    if (at === 0 || (what < Said.Status && value !== end)) continue;
    said.what |= 1 << what;
    if (what === Said.Watchdog || what === Said.Extend) {
      const ms = i32(divide(u64(numberIn(value, end) + 999), 1000));
      if (ms === 0) return false;
      if (what === Said.Watchdog) said.watchdogMs = ms;
      else said.extendMs = ms;
    }
    if (what === Said.Status) status = end - value;
    if (what === Said.Probe) {
      const signal = numberIn(value, end);
      if (signal === 0 || signal > SIGNAL_MAX) return false;
      said.probeSignal = i32(signal);
    }
    // A descriptor goes with the first, the second is not for the program to say, and the third is for nobody else.
    if (what === Said.Barrier || what >= Said.MainPid) return true;
  }
  move(notice + usize(said.kept), notice + usize(from), end - from);
  said.kept += end - from;
  if (status >= 0) {
    said.statusLength = status;
    said.statusEnd = said.kept;
  }
  store<u8>(notice + usize(said.kept++), 10);
  return true;
}

/** A number, or the microseconds of a day where that is less; 0 for what is none. */
function numberIn(from: i32, end: i32): i64 {
  let number: i64 = 0;
  for (let i = from; i < end; i++) {
    const char = i32(load<u8>(notice + usize(i)));
    if (!isDigit(char)) return 0;
    number = min<i64>(number * 10 + char - 48, DURATION_MAX * 1000);
  }
  return number;
}

function act(): void {
  // A line more than was read fits behind what was read.
  if (survivors.outerFd > 0 && said.kept > 0) sendto(survivors.outerFd, notice, said.kept, 0);
  for (let what = 0; what < Said.Count; what++) {
    if (((said.what >> what) & 1) === 0) continue;
    tellSaid(what);
    obey(what);
  }
}

function tellSaid(what: i32): void {
  let event: i32 = Text.EventSaid;
  let value = 0;
  if (what === Said.Status) {
    event = Text.EventStatus;
    store<u8>(notice + usize(said.statusEnd), 0);
    value = i32(notice) + said.statusEnd - said.statusLength;
  } else if (what === Said.Watchdog || what === Said.Extend) {
    event = Text.EventTime;
    value = what === Said.Watchdog ? said.watchdogMs : said.extendMs;
  }
  tell(event, Text.SaysReady + what, value);
}

function obey(what: i32): void {
  switch (what) {
    case Said.Ready:
      ready();
      return;
    case Said.Stopping:
      stopWatch();
      return;
    case Said.Alive:
      answered();
      pass();
      return;
    case Said.Trigger:
      fall(Fell.Asked, 0);
      return;
    case Said.Watchdog:
      resetTo(said.watchdogMs);
      return;
    case Said.Extend:
      extend(said.extendMs);
      return;
    case Said.Probe:
      probe();
      return;
    case Said.MainPid:
      refuse(Text.SaysReady + what);
      return;
    default:
  }
}

/** `steady --probe`, which can only guess who the program is: a signal that it does not catch would end it. */
function probe(): void {
  const to = load<u64>(replyTo);
  if (survivors.status !== RUNNING || !question(said.probeSignal) || to === 0) return;
  store<u64>(askers + usize((state.asked++ & (ASKERS_MAX - 1)) << 3), to);
}

/** Whoever had it asked gets the answer. */
function pass(): void {
  for (let at = askers; at < askers + 8 * ASKERS_MAX; at += 8) {
    if (load<u64>(at) !== 0) sendto(survivors.notifyFd, notice, said.kept | (ADDRESS_BYTES << 16), at);
    store<u64>(at, 0);
  }
}
