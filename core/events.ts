// What the init does, as lines for machines (--events): texts/events.ts has them all. A line goes the way of a line of the log,
// so that nobody is waited for, and what finds no room is counted and told of later.

import { countFate } from "./counters.ts";
import { asUser } from "./forward.ts";
import {
  Clock,
  clock_gettime,
  close,
  copy,
  Errno,
  FileType,
  fcntl_dupfd,
  geteuid,
  keep,
  number_of,
  Open,
  openat,
  SI_QUEUE,
  Source,
  statx_at,
} from "./kernel.ts";
import { divide, emit, giveUp, put, putNumber, putSignalName, putText, putValue } from "./log.ts";
import { isInHand, PROCEED, putOptions, someNumber } from "./options.ts";
import { commandName } from "./processes.ts";
import { Reaping } from "./reaping.ts";
import { aboveStdio } from "./spawn.ts";
import {
  about,
  events,
  eventsPath,
  FILE_PATH_MAX,
  info,
  lookup,
  Phase,
  state,
  survivors,
  usage,
  word,
} from "./state.ts";
import { EVENT_COUNT, Numbered, Text } from "./texts.ts";
import { byteAt, skip } from "./words.ts";

/** `--events`: the words of it from 1 on. */
const enum EventForm {
  None,
  Text,
  Json,
}

const STDERR = 2;
const AT_FDCWD = -100;

// Where they go

/** `stderr`, `fd:3` or a path from the root on, since the init leaves its folder. Answers whether it is one. */
export function readTarget(): bool {
  store<u8>(eventsPath, 0);
  state.eventsTo = STDERR;
  if (isInHand(state.valueOffset, Text.WordStderr)) return true;
  const number = skip(state.valueSource, state.valueIndex, state.valueOffset, Text.WordFd);
  if (number < 0) return readPath(eventsPath) > 0;
  state.eventsTo = someNumber(number);
  return state.eventsTo >= 0;
}

/** Copies the value in hand to `at`, a path from the root on; answers its length, or -1 where it is none, or has no room there. */
export function readPath(at: usize): i32 {
  const length = copy(state.valueSource, state.valueIndex, state.valueOffset, at, FILE_PATH_MAX);
  if (length === FILE_PATH_MAX || load<u8>(at) !== 47 /* / */) return -1;
  store<u8>(at + usize(length), 0);
  return length;
}

/** Answers PROCEED, or the status to end with where events are asked for and cannot be written. */
export function openEvents(): i32 {
  // Whoever says where wants them.
  if (state.events === EventForm.None) state.events = i32(state.eventsTo >= 0);
  if (state.events === EventForm.None) return PROCEED;
  let fd: i32 = STDERR;
  if (goesToFile()) fd = openOwn(eventsPath, howToOpen());
  else if (state.eventsTo >= 0 && state.eventsTo !== STDERR) fd = fcntl_dupfd(state.eventsTo, STDERR + 1);
  // The program is to write none.
  if (state.eventsTo > STDERR) close(state.eventsTo);
  if (fd < 0) return refuseFile(Text.OptionEventsTo, fd);
  if (goesToFile()) noteFile();
  // Kept with all else when there is a program.
  survivors.eventsFd = fd;
  events.fd = fd;
  tell(Text.EventStarted, state.pid, Text.NameSteady + state.personality);
  return PROCEED;
}

/** Says why a file cannot be written to; answers the status to end with. */
export function refuseFile(option: i32, answer: i32): i32 {
  return giveUp(answer === -Errno.EINVAL ? Text.FileNotOurs : Text.FileFailed, option, -answer);
}

export function goesToFile(): bool {
  return state.events !== EventForm.None && load<u8>(eventsPath) !== 0;
}

/** With --user only what is there already: whoever may say where the events go must not make files as root. */
export function howToOpen(): Open {
  return state.changesUser ? Open.AppendOnly : Open.Append;
}

/** The uid that the program is started with. */
export function ownerOfProgram(): i32 {
  return state.changesUser ? i32(lookup.uid) : geteuid();
}

/**
 * Opens a regular file that has one name and an owner who may write to it anyway; EINVAL for any other. As the user of --user,
 * once that is looked up: what hides behind a folder which the program may not enter is not for whoever names it.
 */
export function openOwn(path: usize, how: Open): i32 {
  const fd = aboveStdio(
    lookup.groupCount === 0 ? openat(path, how) : asUser(geteuid(), lookup.uid, path, how),
  );
  if (fd < 0) return fd;
  survivors.eventsOwner = ownerOfProgram();
  const answer = ask(fd);
  if (answer === 0) return fd;
  close(fd);
  return answer;
}

/** Has statx tell of a file; answers why nothing may be written to it, or 0. */
function ask(fd: i32): i32 {
  const answer = statx_at(fd, 0, about);
  return answer === 0 && !isOurs() ? -Errno.EINVAL : answer;
}

/** The same, and remembers which file it is. */
function look(fd: i32): i32 {
  const answer = ask(fd);
  if (answer === 0) noteFile();
  return answer;
}

function noteFile(): void {
  state.eventsInode = inode();
  state.eventsDevice = device();
}

/**
 * struct statx of statx(2) lies at `about`: the same on every architecture. What root lets everybody write to, as Kubernetes
 * makes /dev/termination-log, is the program's as well.
 */
function isOurs(): bool {
  const mode = load<u16>(about + 28);
  const owner = load<i32>(about + 20);
  const isRegular = (mode & 0xf000) === FileType.Regular && load<u32>(about + 16) === 1;
  return isRegular && (owner === survivors.eventsOwner || (owner === 0 && (mode & 2) !== 0));
}

function inode(): u64 {
  return load<u64>(about + 32);
}

/** Major and minor number. */
function device(): u64 {
  return load<u64>(about + 136);
}

/**
 * Where the file was rotated away, the next line goes to a new one; where there can be none, on into the old. The sandbox leaves
 * no call that moves a descriptor, so one of the program's numbers is none.
 */
function follow(): void {
  if (!goesToFile() || survivors.phase === Phase.Start) return;
  // After a restart of the core.
  if (state.eventsInode === 0) look(survivors.eventsFd);
  const found = statx_at(AT_FDCWD, eventsPath, about) === 0;
  if (found && inode() === state.eventsInode && device() === state.eventsDevice) return;
  const fd = openat(eventsPath, howToOpen());
  if (fd < 0) return;
  if (fd <= STDERR || look(fd) < 0) {
    close(fd);
    return;
  }
  const before = survivors.eventsFd;
  survivors.eventsFd = fd;
  keep(changetype<usize>(survivors));
  close(before);
  events.fd = fd;
}

// What they say

/** Tells an event with its values, where events are asked for. */
export function tell(event: i32, a: i32 = 0, b: i32 = 0): void {
  if (state.events === EventForm.None || survivors.eventsFd === 0) return;
  follow();
  tellLost();
  compose(event, a, b);
  emit(events);
}

/** A sentence of the log is an event too, or is none. */
export function tellSentence(text: i32, a: i32, b: i32): void {
  countFate(text, a);
  if (text < EVENT_COUNT) tell(Text.Event0 + text, a, b);
}

/** How many could not be written so far. */
export function tellLost(): void {
  const lost = events.lost;
  if (lost === 0) return;
  compose(Text.EventsLost, lost, 0);
  emit(events);
  events.lost = events.lost > lost ? lost : 0;
}

function compose(event: i32, a: i32, b: i32): void {
  const isJson = state.events === EventForm.Json;
  state.lineLength = 0;
  state.overflow = 0;
  if (events.torn) put(10);
  if (isJson) {
    put(123 /* { */);
    put(34 /* " */);
  }
  fields(Text.EventHead, 0, 0);
  fields(event, a, b);
  if (isJson) put(125 /* } */);
  put(10);
}

/** The letters are explained in texts/events.ts. */
export function fields(text: i32, a: i32, b: i32): void {
  let value = a;
  for (let i = 0; ; i++) {
    const char = byteAt(Source.Text, text, i);
    if (char === 0) return;
    if (char !== 37 /* % */) {
      separate(char);
      continue;
    }
    field(byteAt(Source.Text, text, ++i), value);
    // The sender is none of the two.
    if (byteAt(Source.Text, text, i) !== 85 /* U */) value = b;
  }
}

function separate(char: i32): void {
  if (state.events === EventForm.Json && char === 32) {
    put(44 /* , */);
    put(34 /* " */);
  } else if (state.events === EventForm.Json && char === 61 /* = */) {
    put(34 /* " */);
    put(58 /* : */);
  } else {
    put(char);
  }
}

function field(letter: i32, value: i32): void {
  switch (letter) {
    case 71: // G
      fields(Text.FieldsSignal, value, value);
      return;
    case 69: // E
      fields(Text.FieldsErrno, value, value);
      return;
    case 83: // S
      sender();
      return;
    case 85: // U
      fields(Text.FieldsNotifier, load<i32>(word + 16), load<i32>(word + 20));
      return;
    case 82: // R
      used();
      return;
    case 78: // N
      putSignalName(value);
      return;
    case 98: // b
      putText(value !== 0 ? Text.WordTrue : Text.WordFalse);
      return;
    case 100: // d
      putNumber(value);
      return;
    case 105: // i
      putSigned(value);
      return;
    case 122: // z
      putTime();
      return;
    default:
      state.escapes = true;
      if (letter === 111 /* o */) putOptions();
      else putValue(letter, value);
      state.escapes = false;
  }
}

/** As the kernel told it, or as the sender wrote it where the code is negative. */
function sender(): void {
  fields(Text.FieldsSender, info.code, info.pid);
  if (info.code === SI_QUEUE) fields(Text.FieldsValue, i32(info.value), 0);
  fields(Text.FieldsSenderName, info.uid, i32(commandName(max(info.pid, 0))));
}

/** What the main program and all that it has waited for have used: known where wait4 has just told of its end. */
function used(): void {
  if (survivors.reaping !== Reaping.Wait) return;
  fields(Text.FieldsUsage, millisecondsAt(0), millisecondsAt(2));
  fields(Text.FieldsMemory, usageAt(4), 0);
}

/** A struct timeval, the two words from `place` on. */
function millisecondsAt(place: i32): i32 {
  return usageAt(place) * 1000 + usageAt(place + 1) / 1000;
}

/** The low half of a word of struct rusage: a word is a long, and AUDIT_ARCH_* has its highest bit where that has 64. */
function usageAt(place: i32): i32 {
  const shift = number_of(Numbered.Architecture) < 0 ? 3 : 2;
  return load<i32>(usage + usize(place << shift));
}

function putSigned(value: i32): void {
  if (value < 0) put(45 /* - */);
  putNumber(value < 0 ? -value : value);
}

const DAY_MS: i64 = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const SECOND_MS = 1000;

/** RFC 3339, in UTC with milliseconds. */
function putTime(): void {
  const now = max<i64>(clock_gettime(Clock.Realtime), 0);
  const day = i32(divide(now, DAY_MS));
  putDate(day);
  let ms = i32(now - i64(day) * DAY_MS);
  put(84 /* T */);
  putDigits(ms / HOUR_MS, 10);
  put(58 /* : */);
  ms %= HOUR_MS;
  putDigits(ms / MINUTE_MS, 10);
  put(58);
  ms %= MINUTE_MS;
  putDigits(ms / SECOND_MS, 10);
  put(46 /* . */);
  putDigits(ms % SECOND_MS, 100);
  put(90 /* Z */);
}

/** The day after so many from 1 January 1970 on, in the Gregorian calendar. */
function putDate(day: i32): void {
  let year = 1970;
  for (; day >= daysIn(year); year++) day -= daysIn(year);
  let month = 1;
  for (; day >= daysOf(month, year); month++) day -= daysOf(month, year);
  putDigits(year, 1000);
  put(45 /* - */);
  putDigits(month, 10);
  put(45);
  putDigits(day + 1, 10);
}

function daysIn(year: i32): i32 {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 366 : 365;
}

function daysOf(month: i32, year: i32): i32 {
  if (month === 2) return daysIn(year) - 337;
  // 31, 30 by turns, and again from August on.
  return 30 + ((month + (month >> 3)) & 1);
}

/** With as many digits as `divisor` has. */
function putDigits(value: i32, divisor: i32): void {
  for (; divisor > 0; divisor /= 10) put(48 + ((value / divisor) % 10));
}
