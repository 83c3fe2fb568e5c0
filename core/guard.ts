// --guard: how many processes and threads there are is looked at now and then. From the threshold on it is told who makes them,
// and --on-fork-bomb says what becomes of it. No list of processes is kept: /proc is gone through in several passes, of which
// each adds to a few numbers and three small tables; for a brake the world stands still meanwhile.

import { pidsLimit } from "./cgroup.ts";
import { ownerOfProgram } from "./events.ts";
import {
  Clock,
  clock_gettime,
  close,
  getrlimit_nproc,
  keep,
  kill,
  Open,
  openat,
  ppoll,
  read,
} from "./kernel.ts";
import { divide, giveUp, Level, say } from "./log.ts";
import { countZombie, takeParent } from "./observe.ts";
import { PROCEED } from "./options.ts";
import {
  commandName,
  contentAt,
  fieldAt,
  nameEnd,
  numberIn,
  readAt,
  readOf,
  statusSignals,
} from "./processes.ts";
import { contains, Signal } from "./signals.ts";
import {
  ENTRY_BYTES,
  facts,
  guard,
  guardPath,
  PARENTS_MAX,
  parents,
  scratch,
  state,
  survivors,
  TABLE_BYTES,
  piece as tables,
} from "./state.ts";
import { visitProcesses } from "./sweep.ts";
import { Text } from "./texts.ts";

/** `--on-fork-bomb` */
export const enum OnBomb {
  Log,
  Stop,
  Kill,
  End,
}

const enum Pass {
  /** Nothing but how many there are. */
  Number,
  Count,
  Kill,
  /** Whoever was not stopped before goes on. */
  Continue,
}

const INIT = 1;
/** Between two looks, below half of the threshold and above. */
const CALM_MS = 2000;
const BUSY_MS = 100;
/** So long nothing is told again; and a bomb that comes back within it is the same one. */
const WINDOW_MS: i64 = 10000;
/** How far before the last look below the threshold what is young may have begun, where too little has begun since. */
const BACK_FIRST_MS: i64 = 1000;
const BACK_LAST_MS: i64 = 16000;
/** A bomb is an eighth of the threshold. */
const LEAST_PART = 8;
/** How often what is to die is looked for, until it is gone. */
const ROUNDS_MAX = 8;
const ROUND_MS = 10;
const TICK_MS: i64 = 10;

const PARENTS = tables;
const COMMANDS = tables + TABLE_BYTES;
const SESSIONS = tables + 2 * TABLE_BYTES;

/** Finds the limit, before the program exists. Answers PROCEED, or the status to end with where there is none to take a part of. */
export function arm(): i32 {
  if (state.guard === 0) return PROCEED;
  const group = pidsLimit();
  if (group < 0 && state.guard < 0) return giveUp(Text.GuardUnlimited);
  if (group < 0) say(Level.Warn, Text.GuardUnlimited);
  const limit = leastLimit(group);
  const from = state.guard > 0 ? min<i64>(state.guard, limit) : divide(limit * i64(-state.guard), 100);
  // Nobody is looked for below the first process. Kept with all else when there is a program.
  survivors.guardFrom = i32(max<i64>(from, 1));
  guard.belowMs = clock_gettime(Clock.Boottime);
  return PROCEED;
}

/** After a restart of the core, which may have come while everything was stopped. */
export function armAgain(): void {
  if (state.guard === 0) return;
  pidsLimit();
  guard.belowMs = clock_gettime(Clock.Boottime);
  if (survivors.frozen) thaw();
}

function leastLimit(group: i64): i64 {
  let least: i64 = i32.MAX_VALUE;
  const user = state.limitNproc > 0 ? i64(state.limitNproc) : getrlimit_nproc();
  const all = numberIn(0, readAt(Text.PidMaxPath));
  if (group >= 0) least = min(least, group);
  // Root's processes are not refused for it (setrlimit(2)).
  if (user >= 0 && ownerOfProgram() !== 0) least = min(least, user);
  return all > 0 ? min(least, all) : least;
}

/** How long until the next look, in milliseconds; -1 for ever. */
export function untilLook(): i32 {
  if (survivors.guardFrom === 0) return -1;
  return i32(max<i64>(guard.nextMs - clock_gettime(Clock.Boottime), 0));
}

/** Looks where it is time. */
export function keepGuard(): void {
  const now = clock_gettime(Clock.Boottime);
  if (survivors.guardFrom === 0 || now < guard.nextMs) return;
  const count = inUse();
  guard.nextMs = now + (count * 2 < survivors.guardFrom ? CALM_MS : BUSY_MS);
  if (count >= survivors.guardFrom) {
    meet(now, count);
    return;
  }
  guard.count = count;
  guard.belowMs = now;
  if (now - guard.brakeMs > WINDOW_MS) guard.brakes = 0;
}

/** By the kernel's count of the group; where there is none to be seen, processes are counted, and not their threads. */
function inUse(): i32 {
  const fd = load<u8>(guardPath) !== 0 ? openat(guardPath, Open.File) : -1;
  if (fd >= 0) {
    const count = numberIn(0, read(fd, scratch, 32));
    close(fd);
    if (count >= 0) return i32(count);
  }
  guard.seen = 1;
  return pass(Pass.Number) < 0 ? 0 : guard.seen;
}

function meet(now: i64, count: i32): void {
  if (now < guard.quietMs) return;
  const elapsed = max<i64>(now - guard.belowMs, 1);
  say(Level.Warn, Text.GuardMet, count, i32(divide(i64(max(count - guard.count, 0)) * 1000, elapsed)));
  if (state.onForkBomb === OnBomb.Kill) {
    brake(now);
    return;
  }
  guard.quietMs = now + WINDOW_MS;
  lookBack(0);
  tellWho();
  if (state.onForkBomb === OnBomb.Log) return;
  // Nothing is looked for in a world that stands still, or is gone.
  survivors.guardFrom = 0;
  const stops = state.onForkBomb === OnBomb.Stop;
  say(Level.Warn, stops ? Text.GuardStopped : Text.GuardEnds);
  survivors.guardEnds = !stops;
  keep(changetype<usize>(survivors));
  kill(-1, stops ? Signal.SIGSTOP : Signal.SIGKILL);
}

/**
 * Counts what began since there were fewer, or `back` milliseconds earlier, or earlier still; answers whether that is enough for
 * a bomb.
 */
function lookBack(back: i64): bool {
  while (true) {
    guard.sinceTick = divide(max<i64>(guard.belowMs - back, 0), TICK_MS);
    pass(Pass.Count);
    if (guard.young * LEAST_PART >= survivors.guardFrom) return true;
    if (back >= BACK_LAST_MS) return false;
    back = min(max(back * 4, BACK_FIRST_MS), BACK_LAST_MS);
  }
}

function tellWho(): void {
  const parent = heaviest(PARENTS);
  const command = heaviest(COMMANDS);
  if (weightOf(parent) > 0) tellOf(Text.GuardParent, load<i32>(parent));
  if (weightOf(command) > 0) say(Level.Warn, Text.GuardCommand, i32(commandName(load<i32>(command + 8))));
  if (guard.zombies * LEAST_PART >= survivors.guardFrom && takeParent())
    tellOf(Text.GuardZombies, i32(facts.parentPid));
}

function tellOf(text: i32, pid: i32): void {
  say(Level.Warn, text, pid, i32(commandName(pid)));
}

// What becomes of it

function brake(now: i64): void {
  survivors.frozen = true;
  keep(changetype<usize>(survivors));
  kill(-1, Signal.SIGSTOP);
  guard.pass = Pass.Continue;
  visit(survivors.pid);
  // What comes back began earlier than it seemed.
  const grows = lookBack(min(guard.brakes * BACK_FIRST_MS * guard.brakes, BACK_LAST_MS));
  tellWho();
  if (grows) killYoung();
  else guard.quietMs = now + WINDOW_MS;
  thaw();
  state.reapDue = true;
  guard.brakeMs = clock_gettime(Clock.Boottime);
  if (grows) say(Level.Warn, Text.GuardKilled, guard.killed, i32(guard.brakeMs - now));
  else say(Level.Warn, Text.GuardSpares);
}

/** And once more, until nobody of them is left. */
function killYoung(): void {
  guard.brakes++;
  choose();
  let first = 0;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    guard.killed = 0;
    pass(Pass.Kill);
    if (round === 0) first = guard.killed;
    if (guard.killed === 0) break;
    ppoll(scratch, 0, ROUND_MS);
  }
  guard.killed = first;
}

/** Where /proc does not tell who was stopped before, all of it goes on. */
function thaw(): void {
  if (pass(Pass.Continue) < 0) kill(-1, Signal.SIGCONT);
  survivors.frozen = false;
  keep(changetype<usize>(survivors));
}

/**
 * What is young is killed where it has in common what at least a third of it has: its parent, its command, or a session that is
 * not the main program's. Where so many have nothing in common, all of it is. From the second brake on also whoever had most young
 * children, however old: it goes on with what it does.
 */
function choose(): void {
  guard.parent = common(PARENTS);
  guard.command = common(COMMANDS);
  guard.session = common(SESSIONS);
  // Of those the main program may have had many before.
  if (guard.parent === survivors.pid) guard.parent = 0;
  if (guard.session === guard.mainSession) guard.session = 0;
  const root = heaviest(PARENTS);
  guard.root = guard.brakes > 1 && weightOf(root) > 1 ? load<i32>(root) : 0;
  if (guard.root === survivors.pid) guard.root = 0;
  const session = guard.root > 0 ? sessionOf(guard.root) : 0;
  guard.rootSession = session !== guard.mainSession ? session : 0;
}

function sessionOf(pid: i32): i32 {
  const length = readOf(pid, Text.StatPath);
  return max(i32(fieldAt(nameEnd(length), length, 4)), 0);
}

// The passes

function pass(what: Pass): i32 {
  guard.pass = what;
  if (what === Pass.Count) {
    guard.young = 0;
    guard.zombies = 0;
    for (let at = tables; at < tables + 3 * TABLE_BYTES; at += ENTRY_BYTES) store<i32>(at + 4, 0);
    for (let at = parents; at < parents + 8 * PARENTS_MAX; at += 8) store<i64>(at, 0);
  }
  return visitProcesses();
}

/** One process, in the pass that is made. */
export function visit(pid: i32): void {
  guard.seen++;
  if (guard.pass === Pass.Number) return;
  const length = readOf(pid, Text.StatPath);
  const end = nameEnd(length);
  // It has ended meanwhile.
  if (end <= 0) return;
  const condition = contentAt(end + 2, length);
  if (guard.pass === Pass.Continue) {
    goOn(pid, condition);
    return;
  }
  const parent = i32(fieldAt(end, length, 2));
  const session = i32(fieldAt(end, length, 4));
  const threads = i32(fieldAt(end, length, 18));
  const begun = fieldAt(end, length, 20);
  const isYoung = begun > guard.sinceTick;
  const command = hashOfName(end, length);
  // A first thread may end before the others do.
  const isZombie = condition === 90 /* Z */ && threads <= 1;
  if (pid === survivors.pid) {
    guard.mainSession = session;
  } else if (guard.pass === Pass.Kill) {
    if (isZombie || !((isYoung && isMeant(pid, parent, command, session, begun)) || isRoot(pid, session)))
      return;
    kill(pid, Signal.SIGKILL);
    guard.killed++;
  } else {
    if (isZombie) {
      guard.zombies++;
      countZombie(parent);
    }
    if (!isYoung) return;
    guard.young += threads;
    // Whoever was left by its parent has none in common with others.
    if (parent > INIT) count(PARENTS, parent, threads, pid);
    count(COMMANDS, command, threads, pid);
    count(SESSIONS, session, threads, pid);
  }
}

/** A SIGSTOP that came when it was stopped already is pending. */
function goOn(pid: i32, condition: i32): void {
  const wasStopped =
    condition === 84 /* T */ && contains(statusSignals(pid, Text.PendingLine), Signal.SIGSTOP);
  if (!wasStopped) kill(pid, Signal.SIGCONT);
}

function isMeant(pid: i32, parent: i32, command: i32, session: i32, begun: i64): bool {
  // What has nothing in common has to have begun since there were fewer, however far back was looked.
  if ((guard.parent | guard.command | guard.session) === 0) return begun * TICK_MS > guard.belowMs;
  const isOfParent = guard.parent !== 0 && (parent === guard.parent || pid === guard.parent);
  return isOfParent || command === guard.command || (guard.session !== 0 && session === guard.session);
}

function isRoot(pid: i32, session: i32): bool {
  return (
    guard.root !== 0 && (pid === guard.root || (guard.rootSession !== 0 && session === guard.rootSession))
  );
}

/** FNV-1a of the name from its end on; never 0. */
function hashOfName(end: i32, length: i32): i32 {
  let hash: u32 = 0x811c9dc5;
  for (let at = end; contentAt(at, length) !== 40 /* ( */ && at > 0; at--)
    hash = (hash ^ u32(contentAt(at, length))) * 0x01000193;
  return i32(hash | 1);
}

// The tables

/**
 * With more keys than there is room for, each new one takes some from every other (Misra and Gries): what more than a
 * sixty-fifth of all has is always among them, and no count is too high.
 */
function count(table: usize, key: i32, weight: i32, pid: i32): void {
  let free: usize = 0;
  let least = weight;
  for (let at = table; at < table + TABLE_BYTES; at += ENTRY_BYTES) {
    if (weightOf(at) === 0) {
      free = at;
    } else if (load<i32>(at) === key) {
      gain(at, weight, pid);
      return;
    } else {
      least = min(least, weightOf(at));
    }
  }
  if (free !== 0) {
    store<i32>(free, key);
    gain(free, weight, pid);
    return;
  }
  for (let at = table; at < table + TABLE_BYTES; at += ENTRY_BYTES) store<i32>(at + 4, weightOf(at) - least);
}

function gain(at: usize, weight: i32, pid: i32): void {
  store<i32>(at + 4, weightOf(at) + weight);
  store<i32>(at + 8, pid);
}

function weightOf(at: usize): i32 {
  return load<i32>(at + 4);
}

function heaviest(table: usize): usize {
  let greatest = table;
  for (let at = table; at < table + TABLE_BYTES; at += ENTRY_BYTES)
    if (weightOf(at) > weightOf(greatest)) greatest = at;
  return greatest;
}

/** The key that at least a third of the young have; 0 for none. */
function common(table: usize): i32 {
  const at = heaviest(table);
  return weightOf(at) > 0 && weightOf(at) * 3 >= guard.young ? load<i32>(at) : 0;
}
