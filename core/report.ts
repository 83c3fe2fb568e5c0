// Writes a template of texts/status.ts: facts are filled in, what is not known is left out or said to be unknown, and what
// others chose looks like nothing but what it is.

import { Source } from "./kernel.ts";
import { divide, flush, put, putDigit, putLong, putSignalName, putText } from "./log.ts";
import { takeFates, takeParent } from "./observe.ts";
import { RTMIN, SIGNAL_MAX } from "./signals.ts";
import { Form, facts, state } from "./state.ts";
import { Facts, FIRST_FACT, SIGNAL_NAME_COUNT, Text } from "./texts.ts";
import { byteAt } from "./words.ts";

const STDOUT = 1;
const QUOTE = 34;
const PERCENT = 37;
const BACKSLASH = 92;
/** More parents than these are not told of. */
const PARENTS_TOLD = 5;
const MILLION: u64 = 1000000;

/** Writes it to standard output, waiting for room. */
export function write(text: i32): void {
  state.lineLength = 0;
  state.overflow = STDOUT;
  fill(text);
  flush();
}

function factAt(which: i32): i64 {
  return load<i64>(changetype<usize>(facts) + usize(which << 3));
}

function fill(text: i32): void {
  // Blocks around this place that are left out, from the outermost of these inwards.
  let left = 0;
  for (let i = 0; ; i++) {
    const char = byteAt(Source.Text, text, i);
    if (char === 0) return;
    if (char !== PERCENT) {
      if (left === 0) put(char);
      continue;
    }
    const letter = byteAt(Source.Text, text, ++i);
    if (letter === 59 /* ; */) {
      if (left > 0) left--;
      continue;
    }
    const which = byteAt(Source.Text, text, ++i) - FIRST_FACT;
    if (letter === 63 /* ? */ || letter === 33 /* ! */) {
      if (left > 0 || factAt(which) < 0 === (letter === 63)) left++;
    } else if (letter === 109 /* m */) {
      i = putFamily(text, i + 1, factAt(which));
    } else if (left === 0) {
      putFact(letter, factAt(which));
    }
  }
}

/**
 * What begins at `start` is a letter, the name, a blank, the help and the end of the line; answers where that is. What counts
 * has a capital letter, and no type.
 */
function putFamily(text: i32, start: i32, value: i64): i32 {
  const letter = byteAt(Source.Text, text, start);
  const name = start + 1;
  const isCounter = letter < 97;
  if (value >= 0 && !isCounter) {
    putText(Text.MetricType);
    putUpTo(text, name, 32);
    putText(Text.MetricGauge);
  }
  if (value >= 0) putText(Text.MetricHelp);
  const end = putUpTo(text, name, 10, value >= 0);
  if (value < 0) return end;
  put(10);
  if ((letter | 32) === 115 /* s */) return end;
  putText(Text.MetricSample);
  putUpTo(text, name, 32);
  put(32);
  putFact(letter | 32, value);
  put(10);
  return end;
}

/** Writes a text from `start` to before the next `last`, and answers where that is. */
function putUpTo(text: i32, start: i32, last: i32, isWritten: bool = true): i32 {
  let i = start;
  for (let char = byteAt(Source.Text, text, i); char !== last; char = byteAt(Source.Text, text, ++i))
    if (isWritten) put(char);
  return i;
}

function putFact(letter: i32, value: i64): void {
  switch (letter) {
    case 108: // l
      putList(u64(value), Text.SignalName1);
      return;
    case 111: // o
      putList(u64(value), Text.OptionForPids);
      return;
    case 107: // k
      putSignals();
      return;
    case 110: // n
      putSignalName(i32(value));
      return;
    case 114: // r
      putParents();
      return;
    case 115: // s
      if (value >= 0) putName(usize(value));
      return;
  }
  if (value < 0) putText(state.form === Form.Json ? Text.UnknownJson : Text.UnknownText);
  else if (letter === 100 /* d */) putLong(value);
  else if (letter === 116 /* t */) putMillionths(value);
  else putText(i32(value) + (letter === 101 /* e */ ? Text.SentenceCaught - Text.EffectCaught : 0));
}

function putMillionths(value: i64): void {
  const whole = divide(value, MILLION);
  putLong(whole);
  let rest = i32(value - whole * MILLION);
  if (rest > 0) put(46 /* . */);
  for (let place = i32(MILLION) / 10; rest > 0; place /= 10) {
    put(48 + rest / place);
    rest %= place;
  }
}

/** Within quotation marks, in each form: no byte ends them or the line, and each can be told from what is written of it. */
function putName(at: usize): void {
  for (let char = i32(load<u8>(at)); char !== 0; char = load<u8>(++at)) {
    if (char < 32 || char > 126) {
      putByte(char);
      continue;
    }
    if (char === QUOTE || char === BACKSLASH) put(BACKSLASH);
    put(char);
  }
}

/** What is no printable ASCII: \u001b in JSON, else \x1b, where OpenMetrics wants two backslashes for one. */
function putByte(char: i32): void {
  putText(Text.ByteText + state.form);
  putDigit(char >> 4);
  putDigit(char & 15);
}

/** A text for each bit, from `first` on, or the name of a signal. */
function putList(set: u64, first: i32): void {
  let told = 0;
  for (let bit = 0; bit < SIGNAL_MAX; bit++) {
    if (((set >> u64(bit)) & 1) === 0) continue;
    if (state.form !== Form.Json) put(32);
    else putText(told++ > 0 ? Text.NextItem : Text.FirstItem);
    if (first === i32(Text.SignalName1)) putText(Text.WordSig);
    if (bit < SIGNAL_NAME_COUNT) {
      putText(first + bit);
    } else {
      putText(Text.RealTime);
      putLong(bit + 1 - RTMIN);
    }
    if (state.form === Form.Json) put(QUOTE);
  }
}

/** Those with most zombies first. */
function putParents(): void {
  for (let told = 0; told < PARENTS_TOLD; told++) {
    if (!takeParent()) return;
    facts.parentFollows = told > 0 ? 1 : -1;
    fill(Text.ParentText + state.form);
  }
}

/** Those that were counted. */
function putSignals(): void {
  facts.parentFollows = -1;
  for (let signal = 1; signal <= SIGNAL_MAX; signal++) {
    takeFates(signal, offsetof<Facts>("itsTaken"));
    if (facts.itsTaken + facts.itsForwarded + facts.itsRefused + facts.itsFailed === 0) continue;
    facts.signal = signal;
    fill(Text.SignalText + state.form);
    facts.parentFollows = 1;
  }
}
