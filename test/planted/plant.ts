// Takes the place of core/plant.ts in a test build: fails where the variable STEADY_PLANT says.
//
// STEADY_PLANT=KLLLLL: the kind of the failure, and for each place a digit. The core fails there as long as it has failed
// less often than that in all; 9 is for ever.

import { copy, read, Source } from "../../core/kernel.ts";
import { byte, survivors, word } from "../../core/state.ts";

export const enum Place {
  Child,
  Start,
  Signal,
  End,
  /** Before the program exists. */
  Before,
}

const NAME = "STEADY_PLANT=";
const ZERO = 48;
const FOR_EVER = 9;

export function plant(place: Place): void {
  const index = findVariable();
  if (index < 0) return;
  const limit = valueAt(index, 1 + i32(place)) - ZERO;
  if (limit === FOR_EVER || survivors.traps < limit) fail(valueAt(index, 0));
}

function findVariable(): i32 {
  for (let index = 0; copy(Source.Variable, index, 0, byte, 0) === 0; index++) {
    let i = 0;
    while (i < NAME.length && byteAt(index, i) === NAME.charCodeAt(i)) i++;
    if (i === NAME.length) return index;
  }
  return -1;
}

function valueAt(index: i32, offset: i32): i32 {
  return byteAt(index, NAME.length + offset);
}

function byteAt(index: i32, offset: i32): i32 {
  return copy(Source.Variable, index, offset, byte, 1) === 1 ? load<u8>(byte) : ZERO;
}

function fail(kind: i32): void {
  if (kind === 97 /* a */) assert(false);
  // The first byte behind the memory, and one far beyond.
  if (kind === 119 /* w */) store<u8>(0x10000, 1);
  if (kind === 102 /* f */) store<u8>(0xfffffff0, 1);
  // Native has to find this one.
  if (kind === 99 /* c */) read(0, 0xfff8, 9);
  if (kind !== 100 /* d */) return;
  store<i32>(word, 0);
  store<i32>(word, 1 / load<i32>(word));
}
