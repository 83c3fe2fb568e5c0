// Text as the player meets it: its own arguments, lines of /proc, and the lines that it writes to its standard output.

import { copy, Source, write } from "../../../core/kernel.ts";

const STDOUT = 1;
const LINE_MAX = 8192;
const out = memory.data(LINE_MAX, 8);
const outLength = memory.data(4, 4);
const byte = memory.data(4, 4);

/** Answers 0 where there is such an argument, -1 where there is none. */
export function copyArgument(index: i32): i32 {
  return copy(Source.Argument, index, 0, byte, 0);
}

/** A byte of an argument; 0 behind its end. */
export function byteOfArgument(index: i32, offset: i32): i32 {
  return copy(Source.Argument, index, offset, byte, 1) === 1 ? i32(load<u8>(byte)) : 0;
}

/** Where the rest of the line that begins with `name` lies in the NUL-terminated text; 0 where there is none. */
export function lineOf(text: usize, name: string): usize {
  let at = text;
  while (load<u8>(at) !== 0) {
    if (beginsWith(at, name)) return at + usize(name.length);
    while (load<u8>(at) !== 0 && load<u8>(at) !== 10) at++;
    if (load<u8>(at) === 10) at++;
  }
  return 0;
}

function beginsWith(at: usize, name: string): bool {
  for (let i = 0; i < name.length; i++) {
    if (load<u8>(at + usize(i)) !== u8(name.charCodeAt(i))) return false;
  }
  return true;
}

/** Up to a newline or NUL. */
export function lengthOfLine(at: usize): i32 {
  let length = 0;
  while (load<u8>(at + usize(length)) !== 0 && load<u8>(at + usize(length)) !== 10) length++;
  return length;
}

export function sayText(text: string): void {
  for (let i = 0; i < text.length; i++) put(text.charCodeAt(i));
}

export function sayNumber(value: i64): void {
  if (value < 0) {
    put(45 /* - */);
    // The digits are taken from the negative side: the lowest i64 has no positive.
    sayDigits(value);
  } else sayDigits(-value);
}

function sayDigits(negative: i64): void {
  if (negative <= -10) sayDigits(negative / 10);
  put(48 - i32(negative % 10));
}

/** Bytes in hexadecimal without the zeros at their end. */
export function sayBytes(at: usize, length: i32): void {
  let last = length;
  while (last > 0 && load<u8>(at + usize(last - 1)) === 0) last--;
  for (let i = 0; i < last; i++) {
    const value = i32(load<u8>(at + usize(i)));
    sayDigit(value >> 4);
    sayDigit(value & 15);
  }
}

function sayDigit(value: i32): void {
  put(value < 10 ? 48 + value : 87 + value);
}

/** A value of /proc up to the end of its line, without zeros in front, each tab as a comma. */
export function sayLine(at: usize): void {
  const length = lengthOfLine(at);
  let first = 0;
  while (first < length - 1 && load<u8>(at + usize(first)) === 48 && load<u8>(at + usize(first + 1)) !== 9)
    first++;
  for (let i = first; i < length; i++) {
    const char = i32(load<u8>(at + usize(i)));
    put(char === 9 ? 44 : char);
  }
}

/** Hands over all that was said. */
export function flush(): void {
  write(STDOUT, out, load<i32>(outLength));
  store<i32>(outLength, 0);
}

function put(char: i32): void {
  if (load<i32>(outLength) === LINE_MAX) flush();
  const length = load<i32>(outLength);
  store<u8>(out + usize(length), u8(char));
  store<i32>(outLength, length + 1);
}
