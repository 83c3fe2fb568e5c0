// Long options as getopt_long(3) of glibc reads them for the inits that use it: a name may be cut short where no other of
// the same init begins so.

import { Source } from "./kernel.ts";
import { print } from "./log.ts";
import { state } from "./state.ts";
import { Personality } from "./status.ts";
import {
  CATATONIT_OPTION_COUNT,
  catatonitOption,
  DUMB_INIT_OPTION_COUNT,
  dumbInitOption,
  Text,
} from "./texts.ts";
import { byteAt } from "./words.ts";

/** Several names begin so. */
export const AMBIGUOUS = -2;

const STDERR = 2;
const FIRST = 2;
const EQUALS = 61;

/** Where the name of the long option in argument `index` ends: at an equals sign, or with the string. */
export function nameEnd(index: i32): i32 {
  let end = FIRST;
  while (true) {
    const char = byteAt(Source.Argument, index, end);
    if (char === 0 || char === EQUALS) return end;
    end++;
  }
}

/** A long option of the init that is stood in for, by its place; -1 behind the last. */
function listed(place: i32): i32 {
  if (state.personality === Personality.Catatonit)
    return place < CATATONIT_OPTION_COUNT ? catatonitOption(place) : -1;
  return place < DUMB_INIT_OPTION_COUNT ? dumbInitOption(place) : -1;
}

/** The option of dumb-init or catatonit whose name begins with what stands up to `end`; -1 for none, AMBIGUOUS for several. */
export function abbreviated(index: i32, end: i32): i32 {
  let found = -1;
  for (let place = 0, option = listed(0); option >= 0; option = listed(++place)) {
    if (!begins(index, end, option)) continue;
    if (found >= 0) return AMBIGUOUS;
    found = option;
  }
  return found;
}

/** Says which they are. */
export function sayAmbiguous(index: i32, end: i32): void {
  print(STDERR, Text.GetoptAmbiguous, index);
  for (let place = 0, option = listed(0); option >= 0; option = listed(++place)) {
    if (begins(index, end, option)) print(STDERR, Text.GetoptPossibility, Text.OptionHelp + option);
  }
  print(STDERR, Text.EndOfLine);
}

/** Whether the option's name begins with what stands between the two minus signs and `end`. */
function begins(index: i32, end: i32, option: i32): bool {
  for (let i = FIRST; i < end; i++) {
    const char = byteAt(Source.Text, Text.OptionHelp + option, i - FIRST);
    if (char !== byteAt(Source.Argument, index, i)) return false;
  }
  return true;
}
