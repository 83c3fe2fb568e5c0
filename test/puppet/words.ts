// The puppet's arguments and its lines. A line is written in one piece, so that lines of several puppets do not mix.

import { copy, Source, write } from "../../core/kernel.ts";

const STDOUT = 1;
const WORD_MAX = 1024;
/** The argument read last, with its NUL. */
export const word = memory.data(WORD_MAX, 8);
const LINE_MAX = 256;
const line = memory.data(LINE_MAX, 8);
const lineLength = memory.data(4, 4);

/** Reads argument `index` into `word`; answers its length, -1 where there is none. */
export function read(index: i32): i32 {
  const length = copy(Source.Argument, index, 0, word, WORD_MAX - 1);
  store<u8>(word + usize(max(length, 0)), 0);
  return length;
}

/** Whether argument `index` is `text`. */
export function is(index: i32, text: string): bool {
  return read(index) === text.length && startsWith(text);
}

function startsWith(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    if (load<u8>(word + usize(i)) !== u8(text.charCodeAt(i))) return false;
  }
  return true;
}

/** The number that argument `index` is, or `otherwise` where there is no such argument. */
export function number(index: i32, otherwise: i32): i32 {
  return read(index) < 0 ? otherwise : numberFrom(0);
}

/** The number behind `name` in whichever argument begins with it, or `otherwise`: `until=15`. */
export function option(name: string, otherwise: i32): i32 {
  for (let index = 2; read(index) >= 0; index++) {
    if (startsWith(name)) return numberFrom(name.length);
  }
  return otherwise;
}

function numberFrom(start: i32): i32 {
  const negative = load<u8>(word + usize(start)) === 45; /* - */
  let value = 0;
  let i = negative ? start + 1 : start;
  while (true) {
    const digit = i32(load<u8>(word + usize(i++))) - 48;
    if (digit < 0 || digit > 9) return negative ? -value : value;
    value = value * 10 + digit;
  }
}

export function sayText(text: string): void {
  for (let i = 0; i < text.length; i++) put(text.charCodeAt(i));
}

export function sayNumber(value: i32): void {
  if (value < 0) put(45 /* - */);
  const digits = abs(value);
  if (digits >= 10) sayNumber(digits / 10);
  put(48 + (digits % 10));
}

/** Ends the line and writes it. */
export function say(): void {
  put(10);
  write(STDOUT, line, load<i32>(lineLength));
  store<i32>(lineLength, 0);
}

/** Takes the line back: answers where its text lies, with a NUL, until the next one is begun. */
export function sayNothing(): usize {
  put(0);
  store<i32>(lineLength, 0);
  return line;
}

/** Whether `text` stands somewhere in the bytes at `at`. */
export function contains(at: usize, length: i32, text: string): bool {
  for (let start = 0; start + text.length <= length; start++) {
    let i = 0;
    while (i < text.length && load<u8>(at + usize(start + i)) === u8(text.charCodeAt(i))) i++;
    if (i === text.length) return true;
  }
  return false;
}

function put(char: i32): void {
  const length = load<i32>(lineLength);
  assert(length < LINE_MAX);
  store<u8>(line + usize(length), u8(char));
  store<i32>(lineLength, length + 1);
}
