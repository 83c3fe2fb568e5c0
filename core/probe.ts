// --probe: has PID 1 ask its program, over the notify socket, whether it is well. Run beside the two.

import {
  Clock,
  clock_gettime,
  Open,
  openat,
  POLLIN,
  pass_credentials,
  ppoll,
  read,
  recvmsg,
  sendto,
  socket,
} from "./kernel.ts";
import { Level, say } from "./log.ts";
import { address, NAME_MAX, sender } from "./notify.ts";
import { INIT, lookAtMain, missing } from "./observe.ts";
import { wrongProbeSignal } from "./options.ts";
import { appendNumber } from "./processes.ts";
import { write } from "./report.ts";
import { contains } from "./signals.ts";
import { facts, NOTICE_MAX, notice, room, scratch, socketName, state, word } from "./state.ts";
import { Text } from "./texts.ts";
import { PROBE_WITHIN_MS } from "./watch.ts";
import { behind, putTextAt } from "./words.ts";

const LATE = 1;
export const NOT_ASKED = 2;
const NAME_BEGINS = notice + 2;
const PIECE = 4096;
const question = socketName;

/** Answers 0 where the program answered in time, LATE, or NOT_ASKED; a sentence says it. */
export function probe(): i32 {
  const wrong = wrongProbeSignal();
  if (wrong !== 0) {
    say(Level.Fatal, wrong);
    return NOT_ASKED;
  }
  const text = outcome();
  write(text);
  if (text === Text.ProbeAnswered) return 0;
  return text === Text.ProbeLate ? LATE : NOT_ASKED;
}

function outcome(): i32 {
  const gone = missing();
  if (gone !== 0) return gone;
  const main = i32(facts.mainPid);
  lookAtMain(main);
  facts.signal = state.probeSignal;
  if (!contains(facts.mainCaught, state.probeSignal)) return Text.ProbeUncaught;
  const fd = socket();
  // Whoever passes credentials has a name to answer to (unix(7), autobind).
  if (pass_credentials(fd) < 0 || !askAll(fd)) return Text.ProbeUnheard;
  return isAnswered(fd) ? Text.ProbeAnswered : Text.ProbeLate;
}

/**
 * Every init that listens in this network namespace: one of another PID namespace does not believe it, and only PID 1 of our
 * own is believed. Answers whether there was any.
 */
function askAll(fd: i32): bool {
  const end = appendNumber(
    question + usize(putTextAt(Text.SaysProbe, question, NAME_MAX)),
    state.probeSignal,
  );
  const length = i32(end - question);
  putTextAt(Text.SocketsPath, scratch, PIECE);
  const list = openat(scratch, Open.Read);
  let isAsked = false;
  // Each word of it, of which one in a line is a name.
  let nameEnd = NAME_BEGINS;
  for (let got = read(list, scratch, PIECE); got > 0; got = read(list, scratch, PIECE)) {
    for (let at = scratch; at < scratch + usize(got); at++) {
      const char = load<u8>(at);
      if (char > 32) {
        if (nameEnd < NAME_BEGINS + NAME_MAX) store<u8>(nameEnd++, char);
        continue;
      }
      if (behind(Text.SocketName, NAME_BEGINS, nameEnd) !== 0) {
        const to = address(i32(nameEnd - NAME_BEGINS));
        if (sendto(fd, question, length | (to << 16), notice) >= 0) isAsked = true;
      }
      nameEnd = NAME_BEGINS;
    }
  }
  return isAsked;
}

function isAnswered(fd: i32): bool {
  const within = state.probeWithinMs > 0 ? state.probeWithinMs : PROBE_WITHIN_MS;
  const until = clock_gettime(Clock.Monotonic) + within;
  room.fd = fd;
  room.events = POLLIN;
  for (let left: i64 = within; left > 0; left = until - clock_gettime(Clock.Monotonic)) {
    ppoll(changetype<usize>(room), 1, i32(left));
    store<i32>(sender, 0);
    if (recvmsg(fd, notice, NOTICE_MAX, word) >= 0 && load<i32>(sender) === INIT) return true;
  }
  return false;
}
