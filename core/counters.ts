// What the init has counted, in a file of fixed size (--status-file) that --status reads: PID 1 has no door to be asked by. It is
// written after what happened, at most once a second, through a descriptor that is held from the start.

import { openOwn, refuseFile } from "./events.ts";
import { Clock, clock_gettime, close, Errno, Open, openat, pwritev2, read, WriteWay } from "./kernel.ts";
import { Level, say } from "./log.ts";
import { PROCEED } from "./options.ts";
import { fieldAt, nameEnd, readOf } from "./processes.ts";
import { SIGNAL_MAX } from "./signals.ts";
import { aboveStdio } from "./spawn.ts";
import { counters, state, statusPath, survivors } from "./state.ts";
import { Text } from "./texts.ts";

/** "sdy" and the version of what follows. */
const MAGIC = 0x01796473;
const VERSION_SHIFT = 24;
/** After a write the next one waits. */
const PAUSE_MS: i64 = 1000;

/** What becomes of signals: for each the counts of all numbers, one behind the other. */
export const enum Fate {
  Taken,
  Forwarded,
  Refused,
  Failed,
  Count,
}

/** The file, as it lies in memory; little-endian. */
@unmanaged
export class Counters {
  magic: i32;
  /** How often it was written, at both ends: where they differ, only a part was. */
  begin: u32;
  /** When the init was started, in ticks of /proc, by which a file of another life is known. */
  start: i64;
  reaped: u32;
  lost: u32;
  restarts: u32;
  end: u32;
  // Behind it: u32 for each number of each fate.
}

const record = changetype<Counters>(counters);
const signals = counters + offsetof<Counters>();
const FATE_BYTES = 4 * SIGNAL_MAX;
const RECORD_BYTES: i32 = i32(offsetof<Counters>()) + Fate.Count * FATE_BYTES;

/** Answers PROCEED, or the status to end with where the file is asked for and cannot be written. */
export function openStatusFile(): i32 {
  if (load<u8>(statusPath) === 0 || state.pauses) return PROCEED;
  let fd = openOwn(statusPath, Open.Write);
  if (fd === -Errno.ENOENT && !state.changesUser) fd = aboveStdio(openat(statusPath, Open.New));
  survivors.statusFd = fd;
  if (fd < 0) return refuseFile(Text.OptionStatusFile, fd);
  beginCounters();
  return PROCEED;
}

function beginCounters(): void {
  record.magic = MAGIC;
  record.start = startOf(state.pid);
  state.countersDue = true;
}

/** After a restart of the core: as the file has them, or from 0 on. */
export function recallCounters(): void {
  if (survivors.statusFd <= 0) return;
  if (readCounters(startOf(state.pid)) !== Text.RecordBelieved)
    for (let i = 0; i < RECORD_BYTES; i += 4) store<i32>(counters + usize(i), 0);
  beginCounters();
}

/** When a process was started, in ticks of /proc; -1 where that cannot be told. */
function startOf(pid: i32): i64 {
  const length = readOf(pid, Text.StatPath);
  return fieldAt(nameEnd(length), length, 20);
}

/** Reads the file; answers in a word whether it is to be believed, of an init that was started then. */
export function readCounters(start: i64): i32 {
  const fd = openat(statusPath, Open.File);
  const length = fd < 0 ? 0 : read(fd, counters, RECORD_BYTES);
  if (fd >= 0) close(fd);
  if (length <= 0) return Text.RecordMissing;
  if (((record.magic ^ MAGIC) & ~(-1 << VERSION_SHIFT)) !== 0) return Text.RecordMalformed;
  if (record.magic !== MAGIC) return Text.RecordVersion;
  if (length !== RECORD_BYTES || record.begin !== record.end) return Text.RecordMalformed;
  return record.start === start && start >= 0 ? Text.RecordBelieved : Text.RecordForeign;
}

/** A signal whose fate a sentence or an event tells. */
export function countFate(text: i32, signal: i32): void {
  let fate = -1;
  if (text === Text.SignalReceived) fate = Fate.Taken;
  else if (text === Text.SignalForwarded) fate = Fate.Forwarded;
  else if (text === Text.SignalFromInside || text === Text.SignalClaimed) fate = Fate.Refused;
  else if (text === Text.EventFailed) fate = Fate.Failed;
  if (fate >= 0) count(placeOf(fate, signal));
}

export function placeOf(fate: i32, signal: i32): usize {
  return signals + usize(fate * FATE_BYTES + ((signal - 1) << 2));
}

export function countReaped(): void {
  count(counters + offsetof<Counters>("reaped"));
}

export function countLost(): void {
  count(counters + offsetof<Counters>("lost"));
}

function count(at: usize): void {
  if (survivors.statusFd <= 0) return;
  store<u32>(at, load<u32>(at) + 1);
  state.countersDue = true;
}

/** How long until something is to be written, in milliseconds; -1 for never. */
export function untilWritten(): i32 {
  if (!state.countersDue) return -1;
  return i32(max<i64>(state.countersMs - clock_gettime(Clock.Monotonic), 0));
}

/** Writes what has changed, if it is time; that it cannot be is said once. */
export function keepCounters(): void {
  if (untilWritten() === 0) writeCounters();
}

/** The same at once. */
export function writeCounters(): void {
  if (!state.countersDue) return;
  state.countersMs = clock_gettime(Clock.Monotonic) + PAUSE_MS;
  state.countersDue = false;
  record.restarts = survivors.traps;
  record.end = ++record.begin;
  const written = pwritev2(survivors.statusFd, counters, RECORD_BYTES, WriteWay.FromBeginning);
  if (written === RECORD_BYTES || state.countersFailed) return;
  state.countersFailed = true;
  say(Level.Warn, Text.FileFailed, Text.OptionStatusFile, written < 0 ? -written : Errno.EFBIG);
}
