// What /proc and the cgroup files tell; every answer may be missing, since they may be.

import { close, Open, openat, read } from "./kernel.ts";
import { scratch } from "./state.ts";
import { Text } from "./texts.ts";
import { behind, putTextAt } from "./words.ts";

// Two parts of the scratch memory, which are read into. Behind a path of the full length there is room for one more text.
export const PATH_BYTES = 1024;
const CONTENT_BYTES = 2048;
const TEXT_BYTES = 64;
const content = scratch;
export const path = scratch + CONTENT_BYTES;

const NEWLINE = 10;

/** The name by which process `pid` is an init that reaps, 0 for none: then a second one below it needs no warning. */
export function initNamed(pid: i32): i32 {
  const length = readOf(pid, Text.CommPath);
  for (let text = Text.NameSteady; text <= Text.NamePodmanInit; text++) {
    const end = matched(0, length, text);
    if (end > 0 && contentAt(end, length) === NEWLINE) return text;
  }
  return 0;
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
  return numberBehind(line, readOf(pid, Text.StatusPath));
}

/** The number in the content behind `text`, or -1. */
export function numberBehind(text: i32, length: i32): i64 {
  return numberIn(find(text, length), length);
}

/** The set of signals that follows `line` in /proc/PID/status, in hexadecimal; none where it cannot be read. */
export function statusSignals(pid: i32, line: i32): u64 {
  const length = readOf(pid, Text.StatusPath);
  let set: u64 = 0;
  let i = find(line, length);
  while (contentAt(i, length) > 32) {
    const char = contentAt(i++, length);
    set = (set << 4) | u64(char < 97 ? char - 48 : char - 87);
  }
  return set;
}

/** Where the content goes on behind `text`: at its end, where it has none. */
function find(text: i32, length: i32): i32 {
  for (let i = 0; i < length; i++) {
    const end = matched(i, length, text);
    if (end > 0) return end;
  }
  return length;
}

/** Where the name ends in the content of /proc/PID/stat: it may have any bytes in it. 0 or less where there is no such process. */
export function nameEnd(length: i32): i32 {
  let at = length - 1;
  while (at > 0 && contentAt(at, length) !== 41 /* ) */) at--;
  return at;
}

/** Reads a file of process `pid` into the content; answers how many bytes it has, 0 or less for none. */
export function readOf(pid: i32, file: i32): i32 {
  return readFile(pathOf(pid, file));
}

/** The same for a file whose path is a text. */
export function readAt(text: i32): i32 {
  return readFile(appendText(0, text));
}

/** The command name of process `pid` (/proc/PID/comm), NUL-terminated; it stays until something else is read. */
export function commandName(pid: i32): usize {
  const length = readOf(pid, Text.CommPath);
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

/** Reads the file whose path has `length` bytes into the content; answers how many it got, 0 or less for none. */
export function readFile(length: i32): i32 {
  if (length >= PATH_BYTES) return -1;
  store<u8>(path + usize(length), 0);
  const fd = openat(path, Open.File);
  if (fd < 0) return fd;
  const got = read(fd, content, CONTENT_BYTES);
  close(fd);
  return got;
}

/** Writes a text into the path at `length`; answers the new length. */
export function appendText(length: i32, text: i32): i32 {
  return length + putTextAt(text, path + usize(length), TEXT_BYTES);
}

/** Writes a number to `at`; answers where it ends. */
export function appendNumber(at: usize, value: i32): usize {
  assert(value >= 0);
  if (value >= 10) at = appendNumber(at, value / 10);
  store<u8>(at, u8(48 + (value % 10)));
  return at + 1;
}

export function contentAt(i: i32, length: i32): i32 {
  return i < length ? load<u8>(content + usize(i)) : 0;
}

/** The offset behind `text` where the content has it at `start`, or -1. */
export function matched(start: i32, length: i32, text: i32): i32 {
  const end = behind(text, content + usize(start), content + usize(max(length, 0)));
  return end === 0 ? -1 : i32(end - content);
}

/** The decimal number in the content behind so many spaces from `start` on, or -1 where there is none. */
export function fieldAt(start: i32, length: i32, spaces: i32): i64 {
  let at = start;
  for (let left = spaces; left > 0 && at < length; at++) if (contentAt(at, length) === 32) left--;
  return numberIn(at, length);
}

/** The decimal number at `start` in the content, or -1 where there is none. */
export function numberIn(start: i32, length: i32): i64 {
  let value: i64 = 0;
  let i = start;
  while (i < length) {
    const digit = contentAt(i, length) - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + i64(digit);
    i++;
  }
  return i === start ? -1 : value;
}
