// The limits of a process' cgroups and what is used of them, in cgroup v2 and v1 (cgroups(7)). A group above may have a limit
// too: of those that are set the one counts that leaves least; where none is, the group that the process is in.

import { divide } from "./log.ts";
import {
  appendText,
  contentAt,
  fieldAt,
  matched,
  numberBehind,
  numberIn,
  PATH_BYTES,
  path,
  readAt,
  readFile,
  readOf,
} from "./processes.ts";
import { facts, GUARD_PATH_MAX, guardPath, state } from "./state.ts";
import { Facts, Text } from "./texts.ts";

const NEWLINE = 10;
const COMMA = 44;
const DOT = 46;
const SLASH = 47;
const COLON = 58;

const enum Controller {
  Pids,
  Memory,
  Cpu,
  Count,
}

/** What the facts have of each controller, one behind the other. */
@unmanaged
class Group {
  /** Of processors: the periods of the quota. */
  use: i64;
  limit: i64;
  hits: i64;
}

const firstGroup = changetype<usize>(facts) + offsetof<Facts>("pidsCurrent");
if (offsetof<Facts>("cpuPeriods") - offsetof<Facts>("pidsCurrent") !== 2 * offsetof<Group>())
  ERROR("the facts of the controllers must lie one behind the other");

/** From here on a number of v1 says that there is no limit: it is the highest that there are pages for. */
const NO_LIMIT: i64 = 1 << 62;
const MILLION: i64 = 1000000;

/** The pids limit of our own cgroup, or of the next one above it that can be seen, where it is met; else -1. */
export function metPidsLimit(): i64 {
  const limit = pidsLimit();
  return facts.pidsCurrent >= limit ? limit : -1;
}

/** The same, met or not. */
export function pidsLimit(): i64 {
  facts.pidsMax = -1;
  lookAtGroup(readAt(Text.CgroupPath), Controller.Pids);
  return facts.pidsMax;
}

/** Makes the facts of the groups of process `pid`. */
export function lookAtGroups(pid: i32): void {
  let unset = 0;
  for (let controller = 0; controller < Controller.Count; controller++) {
    lookAtGroup(readOf(pid, Text.GroupsPath), controller);
    const group = groupOf(controller);
    if (group.use >= 0 && group.limit < 0) unset |= 1 << controller;
  }
  if (unset !== 0) facts.unset = unset;
}

function groupOf(controller: i32): Group {
  return changetype<Group>(firstGroup + usize(controller) * offsetof<Group>());
}

/** The content, of `length` bytes, says which groups. */
function lookAtGroup(length: i32, controller: i32): void {
  const group = groupIn(length, controller);
  if (group < 0) return;
  let end = appendText(0, Text.CgroupRoot);
  // In v2 there is no list of controllers.
  const old = contentAt(group - 2, length) === COLON ? 0 : i32(Controller.Count);
  if (old !== 0) {
    store<u8>(path + usize(end++), SLASH);
    end = appendText(end, Text.ControllerPids + controller);
  }
  const root = end;
  for (let i = group; i < length && end < PATH_BYTES && contentAt(i, length) !== NEWLINE; i++)
    store<u8>(path + usize(end++), u8(contentAt(i, length)));
  lookUpwards(controller, old + controller, root, end);
}

/**
 * Where the path of the group stands, behind the colon; -1 for none. A line is "0::/path" in v2 and "N:cpu,cpuacct:/path" in
 * v1, which wins where there are both. A group outside of our cgroup namespace begins with /.. and is not to be seen.
 */
function groupIn(length: i32, controller: i32): i32 {
  let group = -1;
  let colons = 0;
  let isIn = false;
  for (let i = 0; i < length; i++) {
    const char = contentAt(i, length);
    if (char === NEWLINE) {
      colons = 0;
      isIn = false;
    } else if (char === COLON && ++colons === 2) {
      if (isIn || (group < 0 && contentAt(i - 1, length) === COLON)) group = i + 1;
    }
    if (colons !== 1 || (char !== COLON && char !== COMMA)) continue;
    const end = matched(i + 1, length, Text.ControllerPids + controller);
    const next = contentAt(end, length);
    if (end > 0 && (next === COLON || next === COMMA)) isIn = true;
  }
  const isOutside = contentAt(group + 1, length) === DOT && contentAt(group + 2, length) === DOT;
  return isOutside ? -1 : group;
}

/** From the group itself, whose path has `length` bytes, up to `root`. */
function lookUpwards(controller: i32, files: i32, root: i32, length: i32): void {
  let least: i64 = -1;
  while (length >= root) {
    const got = readIn(length, Text.LimitOfPids + files);
    const limit = got > 0 ? limitIn(got, length, files, controller) : 0;
    const use = numberIn(0, readIn(length, Text.UseOfPids + files));
    // Where no limit is set, there is more room than anywhere else.
    const room = limit < 0 ? i64.MAX_VALUE : max<i64>(limit - use, 0);
    if (got > 0 && (least < 0 || room < least)) {
      least = room;
      take(length, files, controller, use, limit);
    }
    // The path begins with a slash at the latest.
    do length--;
    while (load<u8>(path + usize(length)) !== SLASH);
  }
}

/** A file of the group whose path has `length` bytes. */
function readIn(length: i32, file: i32): i32 {
  return readFile(appendText(length, file));
}

/** In pids, bytes, or millionths of a processor; -1 for no limit. */
function limitIn(got: i32, length: i32, files: i32, controller: i32): i64 {
  const limit = numberIn(0, got);
  if (limit < 0 || limit >= NO_LIMIT) return -1;
  if (controller !== i32(Controller.Cpu)) return limit;
  const period = files !== controller ? numberIn(0, readIn(length, Text.OldPeriod)) : fieldAt(0, got, 1);
  return period > 0 ? i64(divide(limit * MILLION, period)) : -1;
}

/** Makes the facts of this group. */
function take(length: i32, files: i32, controller: i32, use: i64, limit: i64): void {
  const group = groupOf(controller);
  const events = readIn(length, Text.EventsOfPids + files);
  group.use = use;
  group.limit = limit;
  group.hits = numberBehind(Text.KeyOfPids + controller, events);
  if (state.guard !== 0) watchUse(length, files);
  if (controller !== i32(Controller.Cpu)) return;
  group.use = numberBehind(Text.KeyOfPeriods, events);
  // In v1 it is counted in nanoseconds.
  facts.cpuThrottledTime = max(
    numberBehind(Text.KeyOfTime, events),
    inThousands(numberBehind(Text.OldKeyOfTime, events)),
  );
}

/** What --guard looks at. */
function watchUse(length: i32, files: i32): void {
  const end = appendText(length, Text.UseOfPids + files);
  for (let i = 0; end < GUARD_PATH_MAX && i <= end; i++)
    store<u8>(guardPath + usize(i), load<u8>(path + usize(i)));
}

function inThousands(value: i64): i64 {
  return value < 0 ? value : divide(value, 1000);
}
