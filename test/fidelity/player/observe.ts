// What /proc tells about a process of the script, and what the settling of a step needs to know of it.

import { close, Errno, Open, openat, read } from "../../../core/kernel.ts";
import { lineOf, sayLine, sayNumber, sayText } from "./text.ts";

const TEXT_MAX = 4096;
const text = memory.data(TEXT_MAX, 8);
const path = memory.data(32, 8);

/** No letter: there is no such process. */
export const GONE = 0;
/** The kernel is about to release it. */
export const ENDING = 88; /* X */
export const STOPPED = 84; /* T */
export const ZOMBIE = 90; /* Z */

/** The letter in /proc/PID/stat; GONE where there is no such process. */
export function stateOf(pid: i32): i32 {
  if (readProc(pid, "stat") < 0) return GONE;
  return i32(load<u8>(behindName()));
}

/** Says the process's line; nothing of one that is gone. What still sleeps in a read runs as soon as it is asked to. */
export function sayProcess(pid: i32): void {
  if (readProc(pid, "stat") < 0) return;
  const state = load<u8>(behindName());
  sayText("P ");
  sayNumber(pid);
  sayText(" ");
  sayText(state === STOPPED ? "T" : state === ZOMBIE ? "Z" : "R");
  sayStat(state === ZOMBIE ? 6 : 8);
  if (state !== ZOMBIE && readProc(pid, "status") >= 0) sayStatus();
  sayText("\n");
}

/** Fields of /proc/PID/stat up to `last`: parent, group, session, and the terminal's foreground (7 is the terminal). */
function sayStat(last: i32): void {
  let field = 3;
  for (let at = behindName(); load<u8>(at) !== 0 && field < last; at++) {
    if (load<u8>(at) !== 32 || ++field === 7) continue;
    sayText(" ");
    sayNumber(numberAt(at + 1));
  }
}

function sayStatus(): void {
  sayField("Uid:\t");
  sayField("CapEff:\t");
  sayField("SigPnd:\t");
  sayField("ShdPnd:\t");
  sayField("SigBlk:\t");
  sayField("SigIgn:\t");
}

function numberAt(at: usize): i64 {
  const negative = load<u8>(at) === 45;
  let value: i64 = 0;
  for (let i = at + usize(negative); load<u8>(i) >= 48; i++) value = value * 10 + i64(load<u8>(i) - 48);
  return negative ? -value : value;
}

function sayField(name: string): void {
  sayText(" ");
  const line = lineOf(text, name);
  assert(line !== 0);
  sayLine(line);
}

/** A name may contain anything, also a parenthesis: the last one ends it. */
function behindName(): usize {
  let last = text;
  for (let at = text; load<u8>(at) !== 0; at++) if (load<u8>(at) === 41) last = at;
  return last + 2;
}

/** Reads /proc/PID/NAME; answers its length, or a negative errno where the process is gone. */
function readProc(pid: i32, name: string): i32 {
  makePath(pid, name);
  const fd = openat(path, Open.Read);
  if (fd < 0) {
    assert(fd === -Errno.ENOENT);
    return fd;
  }
  const length = read(fd, text, TEXT_MAX - 1);
  close(fd);
  store<u8>(text + usize(max(length, 0)), 0);
  return length === 0 ? -Errno.ESRCH : length;
}

function makePath(pid: i32, name: string): void {
  let at = putText(path, "/proc/");
  at = putNumber(at, pid);
  at = putText(at, "/");
  store<u8>(putText(at, name), 0);
}

function putText(at: usize, chars: string): usize {
  for (let i = 0; i < chars.length; i++) store<u8>(at + usize(i), u8(chars.charCodeAt(i)));
  return at + usize(chars.length);
}

function putNumber(at: usize, value: i32): usize {
  const behind = value >= 10 ? putNumber(at, value / 10) : at;
  store<u8>(behind, u8(48 + (value % 10)));
  return behind + 1;
}
