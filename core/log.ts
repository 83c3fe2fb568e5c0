// What the init says. A line is made in a fixed buffer and handed to the kernel in one call that neither blocks nor
// changes anything on a description which the program shares; what finds no room is counted and told of later.

import { countLost } from "./counters.ts";
import { blame, endsProgram } from "./epilogue.ts";
import { tellSentence } from "./events.ts";
import {
  close,
  Errno,
  FileType,
  POLLOUT,
  pipe2,
  ppoll,
  pwritev2,
  Source,
  sendto,
  splice,
  statx,
  write,
} from "./kernel.ts";
import { RTMIN, SIGNAL_MAX } from "./signals.ts";
import { account, ends, errors, events, LINE_MAX, line, output, room, Stream, state } from "./state.ts";
import { Personality, startStatus } from "./status.ts";
import { catatonitWords, dumbInitWords, ERROR_COUNT, SIGNAL_NAME_COUNT, Text, tiniWords } from "./texts.ts";
import { basename, byteAt, exists } from "./words.ts";

/** tini's levels: what is printed from which verbosity on. */
export const enum Level {
  Fatal = 0,
  Warn = 1,
  Info = 2,
  Debug = 3,
  Trace = 4,
}

/** What an event needs behind what others chose: the sentence of an errno is the longest. */
const REST_OF_EVENT = 160;

/**
 * Says `text` with its values at `level`: up to a warning on stderr, the rest on stdout, as tini does; under the
 * names of dumb-init and catatonit all of it on stderr. What the init in whose name it is said has no words for is not said.
 */
export function say(level: Level, text: i32, a: i32 = 0, b: i32 = 0): void {
  tellSentence(text, a, b);
  if (level === Level.Fatal || endsProgram(text)) blame(text, a, b);
  if (level > state.level) return;
  const words = inWords(text, level <= Level.Warn);
  if (byteAt(Source.Text, words, 0) === 0) return;
  const stream = streamOf(level);
  sayLost(stream);
  compose(level, words, a, b);
  emit(stream);
}

function streamOf(level: Level): Stream {
  return level <= Level.Warn || state.personality >= Personality.DumbInit ? errors : output;
}

/** Begins a line of information that is said in parts, with no other in between. */
export function beginLine(level: Level, text: i32): void {
  sayLost(streamOf(level));
  start(level);
  format(text, 0, 0);
}

export function addToLine(text: i32, a: i32, b: i32 = 0): void {
  format(text, a, b);
}

export function endLine(): void {
  finish();
  emit(streamOf(Level.Info));
}

/** Says why there will be no program; answers the status to end with. */
export function giveUp(text: i32, a: i32 = 0, b: i32 = 0): i32 {
  say(Level.Fatal, text, a, b);
  return startStatus(state.personality);
}

/** The words of the init in whose name `text` is said. */
function inWords(text: i32, urgent: bool): i32 {
  if (state.personality === Personality.DumbInit) return dumbInitWords(text, urgent);
  if (state.personality === Personality.Catatonit) return catatonitWords(text);
  return state.personality === Personality.Tini ? tiniWords(text) : text;
}

/** Writes the count of lost lines where there is room for it. */
export function sayLost(stream: Stream): void {
  const lost = stream.lost;
  if (lost === 0) return;
  compose(Level.Warn, Text.LostLines, lost, 0);
  emit(stream);
  // emit counted this line too where it was lost.
  stream.lost = stream.lost > lost ? lost : 0;
}

/** Writes `text` as it stands, without prefix, waiting for room: for help, and before anything runs. */
export function print(fd: i32, text: i32, a: i32 = 0, b: i32 = 0): void {
  state.lineLength = 0;
  state.overflow = fd;
  format(inWords(text, true), a, b);
  flush();
}

function compose(level: Level, text: i32, a: i32, b: i32): void {
  start(level);
  format(text, a, b);
  finish();
}

function start(level: Level): void {
  state.lineLength = 0;
  state.overflow = 0;
  if (state.personality === Personality.DumbInit) putText(Text.DumbInitPrefix);
  else if (state.personality === Personality.Catatonit) putCatatonitPrefix(level);
  else putPrefix(level);
}

function finish(): void {
  // The line always ends, also where it was cut.
  if (state.lineLength === LINE_MAX) state.lineLength = LINE_MAX - 1;
  put(10);
}

function putPrefix(level: Level): void {
  format(Text.Prefix, Text.LevelFatal + i32(level), Text.NameSteady + state.personality);
  putNumber(state.pid);
  putText(Text.PrefixEnd);
}

function putCatatonitPrefix(level: Level): void {
  format(Text.CatatonitPrefix, Text.CatatonitLevelFatal + i32(level), 0);
  putNumber(state.pid);
  putText(Text.CatatonitPrefixEnd);
}

/** The letters are explained in texts/messages.ts. */
function format(text: i32, a: i32, b: i32): void {
  let value = a;
  for (let i = 0; ; i++) {
    let char = byteAt(Source.Text, text, i);
    if (char === 0) return;
    if (char !== 37 /* % */) {
      put(char);
      continue;
    }
    char = byteAt(Source.Text, text, ++i);
    if (char === 110 /* n */) {
      putName();
    } else if (char === 97 /* a */) {
      putString(Source.Argument, 0, 0);
    } else if (char === 95 /* _ */) {
      value = b;
    } else if (char === 118 /* v */) {
      putString(state.valueSource, state.valueIndex, state.valueOffset);
    } else {
      putValue(char, value);
      value = b;
    }
  }
}

/** The letters that take a value. */
export function putValue(letter: i32, value: i32): void {
  switch (letter) {
    case 100: // d
      putNumber(value);
      return;
    case 101: // e
      putError(value);
      return;
    case 103: // g
      putSignal(value);
      return;
    case 112: // p
      putString(Source.Argument, value, 0);
      return;
    case 115: // s
      putBytes(usize(value));
      return;
    case 116: // t
      putText(value);
      return;
    case 117: // u
      putVariableName(value);
      return;
    case 120: // x
      putDigest(value);
      return;
    default: // c
      put(value);
  }
}

/** One byte of the line; between the quotes of an event (core/events.ts) with everything escaped that could end them. */
export function put(char: i32): void {
  if (state.escapes) {
    if (state.lineLength > LINE_MAX - REST_OF_EVENT) return;
    if (char < 32 || char > 126) {
      putEscaped(char);
      return;
    }
    if (char === 34 /* " */ || char === 92 /* \\ */) putRaw(92);
  }
  putRaw(char);
}

/** As JSON has it (RFC 8259): a byte that is no printable ASCII as the character of this number. */
function putEscaped(char: i32): void {
  putRaw(92 /* \\ */);
  putRaw(117 /* u */);
  putRaw(48);
  putRaw(48);
  putRaw(hexadecimal(char >> 4));
  putRaw(hexadecimal(char & 15));
}

function putRaw(char: i32): void {
  if (state.lineLength === LINE_MAX) {
    if (state.overflow === 0) return;
    flush();
  }
  store<u8>(line + usize(state.lineLength), u8(char));
  state.lineLength++;
}

export function putText(text: i32): void {
  format(text, 0, 0);
}

/** A string that others chose: its control characters must not look like lines or colours of ours. */
function putString(source: i32, index: i32, offset: i32): void {
  for (let i = offset; ; i++) {
    const char = byteAt(source, index, i);
    if (char === 0) return;
    putForeign(char);
  }
}

function putForeign(char: i32): void {
  put(!state.escapes && (char < 32 || char === 127) ? 63 /* ? */ : char);
}

/** A NUL-terminated name in memory, with the same care. */
function putBytes(at: usize): void {
  for (let char = i32(load<u8>(at)); char !== 0; char = load<u8>(++at)) putForeign(char);
}

/** The name that the init was called by, without its folders. */
function putName(): void {
  if (exists(Source.Argument, 0)) putString(Source.Argument, 0, basename(Source.Argument, 0));
  else putText(Text.NameSteady);
}

/** A long option as the rest of the name of its variable: remap-exit becomes REMAP_EXIT. */
function putVariableName(text: i32): void {
  for (let i = 0; ; i++) {
    const char = byteAt(Source.Text, text, i);
    if (char === 0) return;
    put(char === 45 /* - */ ? 95 /* _ */ : char - 32);
  }
}

export function putNumber(value: i32): void {
  // Nothing that is counted here is negative: a uid may have all 32 bits.
  putLong(u32(value));
}

export function putLong(value: u64): void {
  const tenth = divide(value, 10);
  if (tenth > 0) putLong(tenth);
  put(48 + i32(value - tenth * 10));
}

/** Bit by bit where it is too large for the processor: 32-bit ones have a libc's help for that, which is not here. */
export function divide(value: u64, by: u64): u64 {
  if ((value | by) <= u64(u32.MAX_VALUE)) return u64(u32(value) / u32(by));
  let rest: u64 = 0;
  let quotient: u64 = 0;
  for (let i = 0; i < 64; i++) {
    rest = (rest << 1) | (value >> 63);
    value <<= 1;
    quotient <<= 1;
    if (rest < by) continue;
    rest -= by;
    quotient++;
  }
  return quotient;
}

export function putDigit(digit: i32): void {
  put(hexadecimal(digit));
}

export function hexadecimal(digit: i32): i32 {
  return digit < 10 ? 48 + digit : 87 + digit;
}

/** Eight words of 32 bits at an address, in hexadecimal. */
function putDigest(at: i32): void {
  for (let i = 0; i < 64; i++) {
    const word = load<u32>(usize(at + ((i >> 3) << 2)));
    putDigit(i32((word >> u32((7 - (i & 7)) << 2)) & 15));
  }
}

function putError(errno: i32): void {
  const text = Text.Error0 + errno;
  if (errno < ERROR_COUNT && byteAt(Source.Text, text, 0) !== 0) putText(text);
  else format(Text.UnknownError, errno, 0);
}

/** SIGTERM, SIGRTMIN+3; 32 and 33, which are libc's, by their number. */
export function putSignalName(signal: i32): void {
  putText(Text.WordSig);
  if (signal >= 1 && signal <= SIGNAL_NAME_COUNT) {
    putText(Text.SignalName1 + signal - 1);
    return;
  }
  if (signal >= RTMIN) {
    putText(Text.WordRtMin);
    put(43 /* + */);
  }
  putNumber(signal >= RTMIN ? signal - RTMIN : signal);
}

function putSignal(signal: i32): void {
  if (signal >= 1 && signal <= SIGNAL_NAME_COUNT) putText(Text.SignalSentence1 + signal - 1);
  else if (signal >= RTMIN && signal <= SIGNAL_MAX) format(Text.RealTimeSignal, signal - RTMIN, 0);
  else format(Text.UnknownSignal, signal, 0);
}

/** Writes the buffer and waits for room; gives up where that fails. */
export function flush(): void {
  let from = 0;
  while (from < state.lineLength) {
    const written = write(state.overflow, line + usize(from), state.lineLength - from);
    if (written === -Errno.EINTR) continue;
    if (written <= 0) {
      account.failed = written;
      break;
    }
    from += written;
    account.flushed += written;
  }
  state.lineLength = 0;
}

/** Hands the line to the kernel, or counts it as lost; why an event could not be written is said. */
export function emit(stream: Stream): void {
  if (stream.type === 0) stream.type = statx(stream.fd);
  const written = attempt(stream);
  if (written > 0) stream.torn = written < state.lineLength;
  if (written === state.lineLength) return;
  // A socket or a disk may take a part; the rest of the line is lost.
  stream.lost++;
  countLost();
  // Only a full pipe, socket or terminal gets room again by itself; a reader that left does not come back.
  stream.awaited = written >= 0 || written === -Errno.EAGAIN;
  // Once; where the events go to stderr this line finds no room either, and there is no other place to say so.
  if (written >= 0 || changetype<usize>(stream) !== changetype<usize>(events) || events.failed) return;
  events.failed = true;
  say(Level.Warn, Text.FileFailed, Text.OptionEventsTo, -written);
}

/**
 * One write that cannot block, by whichever way this kernel has for this kind of file. To look whether there is room
 * and then to write is no such way for a pipe: the program writes to the same one, and may come first. Where a profile
 * refuses statx, each way is tried until one fits.
 */
function attempt(stream: Stream): i32 {
  const fd = stream.fd;
  if (stream.type === FileType.Socket) return sendto(fd, line, state.lineLength, 0);
  if (stream.type === FileType.Pipe) return attemptPipe(stream);
  room.fd = fd;
  room.events = POLLOUT;
  room.revents = 0;
  const ready = ppoll(changetype<usize>(room), 1, 0);
  if (ready < 0) return ready;
  if ((room.revents & POLLOUT) === 0) return -Errno.EAGAIN;
  if (stream.type < 0) {
    const sent = sendto(fd, line, state.lineLength, 0);
    return sent === -Errno.ENOTSOCK ? attemptPipe(stream) : sent;
  }
  return write(fd, line, state.lineLength);
}

/** How a pipe is written to without waiting, best first. */
const enum Way {
  /** RWF_NOSIGNAL, Linux 6.18: not even a SIGPIPE. */
  Quiet,
  /** RWF_NOWAIT on pipes, Linux 6.4; never on a FIFO. */
  NoWait,
  Splice,
}

function attemptPipe(stream: Stream): i32 {
  while (stream.way !== Way.Splice) {
    const written = pwritev2(stream.fd, line, state.lineLength, i32(stream.way === Way.Quiet));
    if (!isUnsupported(written)) return written;
    stream.way++;
  }
  return attemptSplice(stream.fd);
}

function isUnsupported(written: i32): bool {
  return (
    written === -Errno.EOPNOTSUPP ||
    written === -Errno.EINVAL ||
    written === -Errno.ENOSYS ||
    written === -Errno.EPERM
  );
}

/**
 * By way of a pipe of our own, from which a splice does not wait. To open /proc/self/fd/2 anew would be simpler, but
 * needs /proc and a pipe that belongs to our user, which under `docker run --user` it does not.
 */
function attemptSplice(fd: i32): i32 {
  const made = pipe2(ends);
  if (made < 0) return made;
  const reading = load<i32>(ends);
  const writing = load<i32>(ends + 4);
  write(writing, line, state.lineLength);
  const moved = splice(reading, fd, state.lineLength);
  close(reading);
  close(writing);
  return moved;
}
