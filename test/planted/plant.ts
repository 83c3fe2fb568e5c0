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

const NAME_LENGTH = 13;
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
    while (i < NAME_LENGTH && byteAt(index, i) === letterAt(i)) i++;
    if (i === NAME_LENGTH) return index;
  }
  return -1;
}

/**
 * Of "STEADY_PLANT=", by numbers in the code: while the core waits it forgets what lies in memory behind its own state, and a
 * text of a test build would lie there.
 */
function letterAt(i: i32): i32 {
  const four: u32 = i < 4 ? 0x41455453 : i < 8 ? 0x505f5944 : i < 12 ? 0x544e414c : 0x3d;
  return i32((four >> u32(8 * (i & 3))) & 0xff);
}

function valueAt(index: i32, offset: i32): i32 {
  return byteAt(index, NAME_LENGTH + offset);
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
