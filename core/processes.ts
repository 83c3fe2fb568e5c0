// What /proc and the cgroup files tell; every answer may be missing, since they may be.

import { close, Open, openat, read, Source } from "./kernel.ts";
import { scratch } from "./state.ts";
import { Text } from "./texts.ts";
import { byteAt, putTextAt } from "./words.ts";

// Three parts of the scratch memory. Behind a path of the full length there is room for one more text.
const PATH_BYTES = 1024;
const CONTENT_BYTES = 2048;
const DIGITS_BYTES = 32;
const TEXT_BYTES = 64;
const content = scratch;
const digits = scratch + CONTENT_BYTES;
const path = scratch + CONTENT_BYTES + DIGITS_BYTES;

const NEWLINE = 10;
const COLON = 58;

/** Whether process `pid` is an init that reaps: then a second one below it needs no warning. */
export function isInit(pid: i32): bool {
  const length = readFile(pathOf(pid, Text.CommPath), content, CONTENT_BYTES);
  for (let text = Text.NameSteady; text <= Text.NamePodmanInit; text++) {
    const end = matched(0, length, text);
    if (end > 0 && contentAt(end, length) === NEWLINE) return true;
  }
  return false;
}

/** The real uid of process `pid`, asked for now since su-exec and gosu change it after exec; -1 unknown. */
export function realUid(pid: i32): i64 {
  return statusNumber(pid, Text.UidLine);
}

/** The parent of process `pid`; 0 where it is outside of the namespace, -1 unknown. */
export function parentOf(pid: i32): i32 {
  return i32(statusNumber(pid, Text.ParentLine));
}

/** How many signals are queued for the user of process `pid`, or less than 0. */
export function queuedSignals(pid: i32): i32 {
  return i32(statusNumber(pid, Text.QueueLine));
}

/** The number that follows `line` in /proc/PID/status, or -1. */
function statusNumber(pid: i32, line: i32): i64 {
  const length = readFile(pathOf(pid, Text.StatusPath), content, CONTENT_BYTES);
  for (let i = 0; i < length; i++) {
    const end = matched(i, length, line);
    if (end > 0) return numberIn(content, end, length);
  }
  return -1;
}

/** The command name of process `pid` (/proc/PID/comm), NUL-terminated; it stays until something else is read. */
export function commandName(pid: i32): usize {
  const length = max(readFile(pathOf(pid, Text.CommPath), content, CONTENT_BYTES - 1), 0);
  // It ends with a newline.
  store<u8>(content + usize(max(length - 1, 0)), 0);
  return content;
}

/** Writes the path of a file of process `pid`; answers its length. */
function pathOf(pid: i32, file: i32): i32 {
  const end = appendNumber(path + usize(appendText(0, Text.ProcPath)), pid);
  return appendText(i32(end - path), file);
}

/** The number that a NUL-terminated name is; -1 for any other. */
export function numberOfName(name: usize): i32 {
  let value = 0;
  let at = name;
  for (let char = i32(load<u8>(at)); char !== 0; char = load<u8>(++at)) {
    if (char < 48 || char > 57) return -1;
    value = value * 10 + char - 48;
  }
  return value;
}

/**
 * The pids limit of our own cgroup, or of one above it that can be seen, where it is met; else -1. The line of
 * /proc/self/cgroup is "0::/path" in cgroup v2 and "N:pids:/path" in v1 (cgroups(7)).
 */
export function metPidsLimit(): i64 {
  const length = readFile(appendText(0, Text.CgroupPath), content, CONTENT_BYTES);
  let start = 0;
  for (let i = 0; i < length; i++) {
    if (contentAt(i, length) !== NEWLINE) continue;
    const limit = metLimitOfLine(start, i);
    if (limit >= 0) return limit;
    start = i + 1;
  }
  return -1;
}

function metLimitOfLine(start: i32, end: i32): i64 {
  let colon = start;
  while (colon < end && contentAt(colon, end) !== COLON) colon++;
  let group = matched(colon, end, Text.CgroupPids);
  const root = appendText(0, group > 0 ? Text.CgroupRootPids : Text.CgroupRoot);
  if (group < 0) group = matched(colon, end, Text.CgroupUnified);
  if (group < 0) return -1;
  let length = root;
  for (let i = group; i < end && length < PATH_BYTES; i++)
    store<u8>(path + usize(length++), u8(contentAt(i, end)));
  while (length >= root) {
    const limit = metLimit(length);
    if (limit >= 0) return limit;
    // The path begins with a slash at the latest.
    do length--;
    while (load<u8>(path + usize(length)) !== 47 /* / */);
  }
  return -1;
}

/** The limit of the group whose path has `length` bytes, where as many processes exist. */
function metLimit(length: i32): i64 {
  const limit = numberIn(digits, 0, readFile(appendText(length, Text.PidsMax), digits, DIGITS_BYTES));
  const current = numberIn(digits, 0, readFile(appendText(length, Text.PidsCurrent), digits, DIGITS_BYTES));
  // Where there is no limit, that is -1.
  return current >= limit ? limit : -1;
}

/** Reads the file whose path has `length` bytes; answers how many bytes it got, 0 or less for none. */
function readFile(length: i32, to: usize, max: i32): i32 {
  if (length >= PATH_BYTES) return -1;
  store<u8>(path + usize(length), 0);
  const fd = openat(path, Open.File);
  if (fd < 0) return fd;
  const got = read(fd, to, max);
  close(fd);
  return got;
}

/** Writes a text into the path at `length`; answers the new length. */
function appendText(length: i32, text: i32): i32 {
  return length + putTextAt(text, path + usize(length), TEXT_BYTES);
}

/** Writes a number to `at`; answers where it ends. */
export function appendNumber(at: usize, value: i32): usize {
  assert(value >= 0);
  if (value >= 10) at = appendNumber(at, value / 10);
  store<u8>(at, u8(48 + (value % 10)));
  return at + 1;
}

function contentAt(i: i32, length: i32): i32 {
  return i < length ? load<u8>(content + usize(i)) : 0;
}

/** The offset behind `text` where the content has it at `start`, or -1. */
function matched(start: i32, length: i32, text: i32): i32 {
  let i = 0;
  while (true) {
    const char = byteAt(Source.Text, text, i);
    if (char === 0) return start + i;
    if (char !== contentAt(start + i, length)) return -1;
    i++;
  }
}

/** The decimal number at `start`, or -1 where there is none. */
function numberIn(at: usize, start: i32, length: i32): i64 {
  let value: i64 = 0;
  let i = start;
  while (i < length) {
    const digit = i32(load<u8>(at + usize(i))) - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + i64(digit);
    i++;
  }
  return i === start ? -1 : value;
}
