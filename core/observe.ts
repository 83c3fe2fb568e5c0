// --status and --health: how the container is, looked at from beside the program, in /proc and in the files of its cgroups.
// Nobody is asked and nothing is changed: PID 1 has no door for it. Processes are looked at one after the other, and what
// they come to has a fixed size, however many there are.

import { lookAtGroups } from "./cgroup.ts";
import { Counters, Fate, placeOf, readCounters } from "./counters.ts";
import {
  Clock,
  clock_gettime,
  close,
  Errno,
  inherited_mask,
  Open,
  openat,
  ppoll,
  read,
  rt_sigprocmask,
  Source,
} from "./kernel.ts";
import { divide, Level, say } from "./log.ts";
import { personalityOf } from "./options.ts";
import { NOT_ASKED, probe } from "./probe.ts";
import { contentAt, fieldAt, initNamed, nameEnd, readAt, readOf, statusSignals } from "./processes.ts";
import { write } from "./report.ts";
import { contains, only, RTMIN, SIGNAL_MAX, Signal } from "./signals.ts";
import {
  account,
  counters,
  Form,
  facts,
  names,
  PARENTS_MAX,
  parents,
  scratch,
  state,
  statusPath,
  WORD_BYTES,
} from "./state.ts";
import { Exit } from "./status.ts";
import { lookAtProcesses } from "./sweep.ts";
import { Facts, Option, Text } from "./texts.ts";
import { behind, byteAt, putTextAt } from "./words.ts";

export const INIT = 1;
/** For so long started processes are counted. */
const WINDOW_MS: i64 = 500;
/** proc(5): the clock of /proc counts hundredths of a second on every architecture that Linux has here. */
const TICK_MICROSECONDS: i64 = 10000;
/** What --health allows where nobody says so. */
const ZOMBIES_ALLOWED = 100;
const PERCENT_ALLOWED = 90;

const initName = names;
const mainName = names + WORD_BYTES;
const mainCommand = names + 2 * WORD_BYTES;
const parentName = names + 3 * WORD_BYTES;
const parentCommand = names + 4 * WORD_BYTES;
/** A pid, and how many zombies. */
const PARENT_BYTES = 8;
const PARENTS_END = parents + PARENT_BYTES * PARENTS_MAX;

/** Tells what was asked for; answers the status to end with. */
export function observe(): i32 {
  for (let at: usize = 0; at < offsetof<Facts>(); at += 8) store<i64>(changetype<usize>(facts) + at, -1);
  // Somebody waits for it, and may not want to any more.
  rt_sigprocmask(inherited_mask());
  const begin = clock_gettime(Clock.Monotonic);
  const isStatus = state.report === i32(Option.Status);
  const isProbe = state.report === i32(Option.Probe);
  const lastPid = isStatus ? lastPidGiven() : -1;
  takeInit(isStatus);
  // What is about to start has started when it is looked at.
  countStarted(lastPid, begin);
  facts.processes = 0;
  facts.threads = 0;
  facts.zombies = 0;
  const found = lookAtProcesses();
  // Another folder lies there.
  const answer = found === 0 && facts.processes === 0 && state.pid !== INIT ? -Errno.ENOENT : found;
  if (answer < 0) {
    say(Level.Fatal, Text.NoStatus, -answer);
    return isProbe ? NOT_ASKED : i32(Exit.Usage);
  }
  const main = i32(facts.mainPid);
  lookAtGroups(main > 0 ? main : INIT);
  if (!isStatus) {
    state.form = Form.Text;
    return isProbe ? probe() : health();
  }
  if (main > 0) lookAtMain(main);
  takeCounters();
  write(Text.StatusText + state.form);
  return account.failed < 0 ? i32(Exit.Usage) : 0;
}

/** The first thing that is wrong is said. */
function health(): i32 {
  facts.maxZombies = state.zombiesAllowed > 0 ? state.zombiesAllowed - 1 : ZOMBIES_ALLOWED;
  facts.maxPids = state.percentAllowed > 0 ? state.percentAllowed : PERCENT_ALLOWED;
  takeParent();
  const text = wrong();
  write(text);
  return text === Text.Healthy ? 0 : 1;
}

function wrong(): i32 {
  const gone = missing();
  if (gone !== 0) return gone;
  if (facts.zombies > facts.maxZombies) return Text.UnhealthyZombies;
  const isNear = facts.pidsCurrent * 100 > facts.pidsMax * facts.maxPids;
  return facts.pidsMax > 0 && isNear ? Text.UnhealthyPids : Text.Healthy;
}

/** What to say where the main program is not there, or does not run; 0 where it does. */
export function missing(): i32 {
  if (facts.mainPid < 0) return Text.UnhealthyMissing;
  if (facts.mainRunning !== 0) return 0;
  facts.mainName = takeWord(i32(facts.mainPid), Text.CommPath, mainName);
  return Text.UnhealthyMain;
}

// Which init

/**
 * By what its file has in it, since a name is whatever somebody has called it; by the name where the file may not be read
 * (another user's, or not dumpable), and for --health, which is not to read files.
 */
function takeInit(readsFile: bool): void {
  facts.initName = takeWord(INIT, Text.CommPath, initName);
  let init = readsFile ? initOfFile() : -1;
  facts.initBy = init < 0 ? Text.WordName : Text.WordFile;
  if (init < 0) {
    const name = initNamed(INIT);
    init = name > 0 ? Text.NameSteady + i32(personalityOf(name)) : Text.WordNone;
  }
  facts.init = init;
}

/** A sentence that only this init has in its file, for each of them. */
const INITS = 4;
const SENTENCE_BYTES = 40;
const PIECE = 4096;
/** What has more than 4 MiB is no init. */
const PIECES_MAX = 1024;
const sentences = scratch + PIECE;

/** -1 where the file cannot be read. */
function initOfFile(): i32 {
  putTextAt(Text.FirstExePath, scratch, PIECE);
  const fd = openat(scratch, Open.Read);
  if (fd < 0) return -1;
  // Before each sentence, how many bytes of it the file has just had.
  for (let i = 0; i < INITS; i++) {
    const at = sentences + usize(i * SENTENCE_BYTES);
    putTextAt(Text.FileSteady + i, at + 1, SENTENCE_BYTES - 1);
    store<u8>(at, 0);
  }
  let init = i32(Text.WordNone);
  let length = 0;
  for (let piece = 0; piece < PIECES_MAX && init === i32(Text.WordNone); piece++) {
    length = read(fd, scratch, PIECE);
    if (length === -Errno.EINTR) continue;
    if (length <= 0) break;
    for (let i = 0; i < length * INITS; i++)
      if (endsSentence(i & (INITS - 1), load<u8>(scratch + usize(i / INITS))))
        init = Text.NameSteady + (i & (INITS - 1));
  }
  close(fd);
  return length < 0 ? -1 : init;
}

/** Whether this byte is the last of the sentence; none of them begins anew within itself by more than its first byte. */
function endsSentence(place: i32, char: u8): bool {
  const at = sentences + usize(place * SENTENCE_BYTES);
  let had = usize(load<u8>(at));
  if (load<u8>(at + 1 + had) !== char) had = 0;
  if (load<u8>(at + 1 + had) === char) had++;
  store<u8>(at, u8(had));
  return load<u8>(at + 1 + had) === 0;
}

// Processes

/** One of them, by /proc/PID/stat. */
export function lookAt(pid: i32): void {
  const length = readOf(pid, Text.StatPath);
  const at = nameEnd(length);
  // It has ended meanwhile.
  if (at <= 0) return;
  const condition = contentAt(at + 2, length);
  const parent = i32(fieldAt(at, length, 2));
  const threads = fieldAt(at, length, 18);
  const begin = fieldAt(at, length, 20);
  // A first thread may end before the others do: then it looks like a zombie, and the process lives.
  const isZombie = condition === 90 /* Z */ && threads <= 1;
  facts.processes++;
  facts.threads += threads;
  if (isZombie) {
    facts.zombies++;
    countZombie(parent);
  }
  if (pid === INIT) facts.initStart = begin * TICK_MICROSECONDS;
  if (isMain(pid, parent, begin)) takeMain(pid, begin, condition, isZombie);
}

/**
 * Of an init's children the one that was started first: orphans come to it later, and what enters a container has a parent
 * outside. Where PID 1 is no init it is the program.
 */
function isMain(pid: i32, parent: i32, begin: i64): bool {
  if (facts.init === i64(Text.WordNone)) return pid === INIT;
  if (parent !== INIT) return false;
  return (
    facts.mainPid < 0 || begin < state.mainStart || (begin === state.mainStart && pid < i32(facts.mainPid))
  );
}

function takeMain(pid: i32, begin: i64, condition: i32, isZombie: bool): void {
  state.mainStart = begin;
  facts.mainPid = pid;
  const word = condition === 90 && !isZombie ? i32(Text.StateRunning) : wordOfState(condition);
  facts.mainState = word;
  const isThere =
    word !== i32(Text.StateStopped) && word !== i32(Text.StateZombie) && word !== i32(Text.StateDead);
  facts.mainRunning = isThere ? 1 : 0;
}

function wordOfState(letter: i32): i32 {
  let i = 0;
  while (true) {
    const char = byteAt(Source.Text, Text.StateLetters, i);
    if (char === letter || char === 0) return Text.StateRunning + i;
    i++;
  }
}

/**
 * With more parents than there is room for, each new one takes one from every other: who has left more than a seventeenth
 * of all zombies is always among them, and no count is too high.
 */
export function countZombie(parent: i32): void {
  let free: usize = 0;
  for (let at = parents; at < PARENTS_END; at += PARENT_BYTES) {
    if (zombiesOf(at) === 0) {
      free = at;
    } else if (load<i32>(at) === parent) {
      leaves(at, 1);
      return;
    }
  }
  if (free !== 0) {
    store<i32>(free, parent);
    leaves(free, 1);
    return;
  }
  for (let at = parents; at < PARENTS_END; at += PARENT_BYTES) leaves(at, -1);
}

function zombiesOf(at: usize): i32 {
  return load<i32>(at + 4);
}

function leaves(at: usize, more: i32): void {
  store<i32>(at + 4, zombiesOf(at) + more);
}

/** Makes the facts of the parent with most zombies, and strikes it from the list; answers whether there is one. */
export function takeParent(): bool {
  let greatest = parents;
  for (let at = parents; at < PARENTS_END; at += PARENT_BYTES)
    if (zombiesOf(at) > zombiesOf(greatest)) greatest = at;
  const pid = load<i32>(greatest);
  facts.parentPid = pid;
  facts.parentZombies = zombiesOf(greatest);
  facts.parentName = takeWord(pid, Text.CommPath, parentName);
  facts.parentCommand = takeWord(pid, Text.CommandPath, parentCommand);
  store<i32>(greatest + 4, 0);
  return facts.parentZombies > 0;
}

/** What process `pid` is called, or was called by: the first word of a file, up to a NUL or a last newline. */
export function takeWord(pid: i32, file: i32, at: usize): i64 {
  const length = readOf(pid, file) - (file === Text.CommPath ? 1 : 0);
  let end = at;
  for (let i = 0; i < min(length, WORD_BYTES - 1) && contentAt(i, length) !== 0; i++)
    store<u8>(end++, u8(contentAt(i, length)));
  store<u8>(end, 0);
  return end > at ? i64(at) : -1;
}

function isWord(at: usize, text: i32): bool {
  const end = behind(text, at, at + WORD_BYTES);
  return end !== 0 && load<u8>(end) === 0;
}

// The main program

export function lookAtMain(pid: i32): void {
  facts.mainName = takeWord(pid, Text.CommPath, mainName);
  facts.mainCommand = takeWord(pid, Text.CommandPath, mainCommand);
  facts.mainIgnored = statusSignals(pid, Text.IgnoredLine);
  // What lies between the standard ones and the first real-time one is libc's own.
  facts.mainCaught = statusSignals(pid, Text.CaughtLine) & ~(only(RTMIN - 1) | only(RTMIN - 2));
  facts.mainBlocked = statusSignals(pid, Text.BlockedLine);
  facts.stopTerminate = effectOf(Signal.SIGTERM);
  facts.stopInterrupt = effectOf(Signal.SIGINT);
  facts.stopQuit = effectOf(Signal.SIGQUIT);
  if (isNode()) facts.mainIsNode = 0;
}

function effectOf(signal: i32): i32 {
  if (contains(facts.mainIgnored, signal)) return Text.EffectIgnored;
  if (contains(facts.mainBlocked, signal)) return Text.EffectBlocked;
  if (contains(facts.mainCaught, signal)) return Text.EffectCaught;
  return facts.mainPid === INIT ? Text.EffectNothing : Text.EffectEnds;
}

/** Its own handlers look like those of the program. */
function isNode(): bool {
  let start = mainCommand;
  for (let at = mainCommand; load<u8>(at) !== 0; at++) if (load<u8>(at) === 47 /* / */) start = at + 1;
  return isWord(start, Text.NodeName);
}

// What the init has counted

function takeCounters(): void {
  if (load<u8>(statusPath) === 0) return;
  facts.record = readCounters(divide(facts.initStart, TICK_MICROSECONDS));
  if (facts.record !== i64(Text.RecordBelieved)) return;
  takeFates(0, offsetof<Facts>("taken"));
  for (let place = 0; place < 3; place++)
    store<i64>(changetype<usize>(facts) + offsetof<Facts>("reaped") + usize(place << 3), otherCount(place));
}

/** Of a signal, or of all where it is 0, into four facts that lie one behind the other. */
export function takeFates(signal: i32, at: usize): void {
  for (let fate = 0; fate < Fate.Count; fate++)
    store<i64>(changetype<usize>(facts) + at + usize(fate << 3), countOf(fate, signal));
}

/** Of three counts that lie side by side: orphans reaped, lines lost, restarts of the core. */
function otherCount(place: i32): i64 {
  return load<u32>(counters + offsetof<Counters>("reaped") + usize(place << 2));
}

/** How many signals of this number had that fate; of all where it is 0. */
function countOf(fate: i32, signal: i32): i64 {
  if (signal > 0) return load<u32>(placeOf(fate, signal));
  let sum: i64 = 0;
  for (let each = 1; each <= SIGNAL_MAX; each++) sum += load<u32>(placeOf(fate, each));
  return sum;
}

// How many were started

/** The pid that this namespace gave last, which each process and thread takes one of; 0 or less: nobody tells. */
function lastPidGiven(): i64 {
  const length = readAt(Text.LoadPath);
  return fieldAt(0, length, 4);
}

function countStarted(before: i64, begin: i64): void {
  if (before <= 0) return;
  const wait = begin + WINDOW_MS - clock_gettime(Clock.Monotonic);
  if (wait > 0) ppoll(scratch, 0, i32(wait));
  const last = lastPidGiven();
  const elapsed = clock_gettime(Clock.Monotonic) - begin;
  if (last <= 0 || elapsed <= 0) return;
  // After the highest pid comes a low one: then it cannot be told.
  if (last >= before) facts.started = divide((last - before) * 1000, elapsed);
}
