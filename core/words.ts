// Reading what others hold (arguments, variables, texts of the read-only segment), byte by byte and without a copy of
// the whole: nothing here has a length limit but its own loops.

import { code_of, copy, Source } from "./kernel.ts";
import { byte, state } from "./state.ts";
import { CODE_BITS, FIRST_PAIR, Text } from "./texts.ts";

const enum Char {
  Tab = 9,
  Newline = 10,
  Return = 13,
  Space = 32,
  Plus = 43,
  Comma = 44,
  Minus = 45,
  Zero = 48,
  Nine = 57,
  Equals = 61,
  UpperA = 65,
  UpperZ = 90,
}

/** Whether there is such an argument or variable. */
export function exists(source: i32, index: i32): bool {
  return copy(source, index, 0, byte, 0) === 0;
}

/** The byte at `offset`, or 0 at the end. */
export function byteAt(source: i32, index: i32, offset: i32): i32 {
  return source === Source.Text ? unpack(index, offset) : storedByte(source, index, offset);
}

function storedByte(source: i32, index: i32, offset: i32): i32 {
  return copy(source, index, offset, byte, 1) === 1 ? load<u8>(byte) : 0;
}

/** In a packed text (texts/pack.ts). Whoever reads on goes on where the reading was, and else it begins anew. */
function unpack(text: i32, offset: i32): i32 {
  if (state.unpacked !== text || state.unpackedOffset > offset) {
    state.unpacked = text;
    state.unpackedOffset = 0;
    state.packedOffset = 0;
    state.unpackedFirst = 0;
  }
  let char = 0;
  do char = unpackNext();
  while (char !== 0 && state.unpackedOffset <= offset);
  return char;
}

/** What waits lies in `unpackedFirst`, the next in the lowest bits: a pair leaves its second code there. */
function unpackNext(): i32 {
  let code = i32(state.unpackedFirst & ((1 << CODE_BITS) - 1));
  if (code !== 0) state.unpackedFirst >>= CODE_BITS;
  else code = code_of(state.unpacked, state.packedOffset++);
  while (code >= FIRST_PAIR) {
    const pair = (code - FIRST_PAIR) << 1;
    state.unpackedFirst = (state.unpackedFirst << CODE_BITS) | u64(code_of(Text.Pairs, pair + 1));
    code = code_of(Text.Pairs, pair);
  }
  state.unpackedOffset++;
  return code;
}

/** Writes a text to `at`, at most `max` bytes with its NUL; answers its length. */
export function putTextAt(text: i32, at: usize, max: i32): i32 {
  let length = 0;
  for (; length < max - 1; length++) {
    const char = byteAt(Source.Text, text, length);
    if (char === 0) break;
    store<u8>(at + usize(length), u8(char));
  }
  store<u8>(at + usize(length), 0);
  return length;
}

/** Where the last part of a path begins. */
export function basename(source: i32, index: i32): i32 {
  let start = 0;
  let i = 0;
  while (true) {
    const char = byteAt(source, index, i);
    if (char === 0) return start;
    if (char === 47 /* / */) start = i + 1;
    i++;
  }
}

/** The address behind `text` where the memory from `at` to `end` begins with it, or 0. */
export function behind(text: i32, at: usize, end: usize): usize {
  let i = 0;
  while (true) {
    const char = byteAt(Source.Text, text, i++);
    if (char === 0) return at;
    if (at >= end || char !== i32(load<u8>(at++))) return 0;
  }
}

/** The offset behind `text` where the string goes on with it from `offset` on, or -1. */
export function skip(source: i32, index: i32, offset: i32, text: i32): i32 {
  let i = 0;
  while (true) {
    const char = byteAt(Source.Text, text, i);
    if (char === 0) return offset + i;
    if (char !== byteAt(source, index, offset + i)) return -1;
    i++;
  }
}

/** The index of the variable that getenv(3) finds: the first that begins with `name`, which ends with "="; or -1. */
export function firstVariable(name: i32): i32 {
  for (let index = 0; exists(Source.Variable, index); index++) {
    if (skip(Source.Variable, index, 0, name) >= 0) return index;
  }
  return -1;
}

/** Whether the string from `offset` to its end is `text`. */
export function equals(source: i32, index: i32, offset: i32, text: i32): bool {
  const end = skip(source, index, offset, text);
  return end >= 0 && byteAt(source, index, end) === 0;
}

/** Whether `char` ends a word of a list: a comma, an equals sign, the end of the string. */
export function isWordEnd(char: i32): bool {
  return char === 0 || char === Char.Comma || char === Char.Equals;
}

/** Whether the word at `offset` is `text`, without regard to the case of ASCII letters. */
export function equalsIgnoringCase(source: i32, index: i32, offset: i32, text: i32): bool {
  const end = skipOptional(source, index, offset, text);
  return end > offset && isWordEnd(byteAt(source, index, end));
}

/** The offset behind `text`, without regard to case, or `offset` where it does not stand there. */
export function skipOptional(source: i32, index: i32, offset: i32, text: i32): i32 {
  let i = 0;
  while (true) {
    const char = byteAt(Source.Text, text, i);
    if (char === 0) return offset + i;
    if (lower(char) !== lower(byteAt(source, index, offset + i))) return offset;
    i++;
  }
}

/** Whether the string from `offset` on means "off": empty, 0 or false. */
export function isOff(source: i32, index: i32, offset: i32): bool {
  const isZero = byteAt(source, index, offset) === Char.Zero && byteAt(source, index, offset + 1) === 0;
  return isZero || byteAt(source, index, skipOptional(source, index, offset, Text.WordFalse)) === 0;
}

/** Below whatever is asked for, also where something is added to it. */
const NOT_A_NUMBER = i32.MIN_VALUE;
export const NUMBER_MAX = 1000000;

/**
 * A number as strtol(3) reads it in base 10: blanks, a sign, digits; no digits are 0. Clamped to ±1,000,000.
 * `whole`: NOT_A_NUMBER where it does not go to the end of its word, except that a lone sign or blank is refused too.
 */
export function numberAt(source: i32, index: i32, offset: i32, whole: bool): i32 {
  let i = offset;
  let char = byteAt(source, index, i);
  while (char === Char.Space || (char >= Char.Tab && char <= Char.Return)) char = byteAt(source, index, ++i);
  const negative = char === Char.Minus;
  if (negative || char === Char.Plus) char = byteAt(source, index, ++i);
  let value = 0;
  const first = i;
  while (char >= Char.Zero && char <= Char.Nine) {
    value = min(value * 10 + char - Char.Zero, NUMBER_MAX);
    char = byteAt(source, index, ++i);
  }
  if (whole && (!isWordEnd(char) || (i === first && i !== offset))) return NOT_A_NUMBER;
  return negative ? -value : value;
}

/** A day, in milliseconds. */
export const DURATION_MAX: i64 = 86400000;

/** The offset behind the number that scanf(3) would read at `offset`, or -1 where there is none. */
export function numberEnd(source: i32, index: i32, offset: i32): i32 {
  let i = offset;
  while (isBlank(byteAt(source, index, i))) i++;
  const sign = byteAt(source, index, i);
  if (sign === Char.Minus || sign === Char.Plus) i++;
  const first = i;
  while (isDigit(byteAt(source, index, i))) i++;
  return i === first ? -1 : i;
}

function isBlank(char: i32): bool {
  return char === Char.Space || (char >= Char.Tab && char <= Char.Return);
}

export function isDigit(char: i32): bool {
  return char >= Char.Zero && char <= Char.Nine;
}

export function lower(char: i32): i32 {
  return char >= Char.UpperA && char <= Char.UpperZ ? char + 32 : char;
}
