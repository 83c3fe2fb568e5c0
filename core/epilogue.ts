// What the init leaves behind at its end: one JSON object (--report), and in Kubernetes' /dev/termination-log the sentence
// that says why it ended. Both files are opened at the start, by all that the init may still do then, and held: so the sandbox
// lets no file be made or opened for them. See decision 23.

import { fields, openOwn, refuseFile } from "./events.ts";
import {
  Clock,
  clock_gettime,
  close,
  Errno,
  fsync,
  keep,
  Open,
  openat,
  renameat2,
  statx_at,
  unlinkat,
} from "./kernel.ts";
import { addToLine, flush, Level, put, putLong, putText, say } from "./log.ts";
import { takeWord } from "./observe.ts";
import { PROCEED } from "./options.ts";
import { contains, isCodeOfKill } from "./signals.ts";
import { aboveStdio } from "./spawn.ts";
import {
  about,
  account,
  FILE_PATH_MAX,
  info,
  LEFT_BYTES,
  LEFT_MAX,
  leftList,
  Phase,
  reportPath,
  scratch,
  senderName,
  state,
  survivors,
  temporaryPath,
  WORD_BYTES,
} from "./state.ts";
import { exitStatus, Personality, signalOf, UNKNOWN } from "./status.ts";
import { Text } from "./texts.ts";
import { putTextAt } from "./words.ts";

/** As much as Kubernetes takes (terminationMessagePath); what is longer is somebody else's, and is left as it is. */
const REPORT_MAX: u64 = 4096;
/** STATX_ATTR_MOUNT_ROOT, Linux 5.8. */
const MOUNT_ROOT = 0x2000;
const SPACE = 32;

// At the start

/** Under the name steady, where it is there: whoever is not in Kubernetes is asked for nothing but this one call. */
export function openTerminationLog(): void {
  if (state.personality !== Personality.Steady) return;
  putTextAt(Text.TerminationPath, scratch, FILE_PATH_MAX);
  survivors.terminationFd = openOwn(scratch, Open.AppendOnly);
}

/** Answers PROCEED, or the status to end with where a report is asked for and cannot be written. */
export function openReport(): i32 {
  if (!isAsked() || state.pauses) return PROCEED;
  survivors.beginMs = clock_gettime(Clock.Monotonic);
  survivors.reportFd = openFile();
  return survivors.reportFd < 0 ? refuseFile(Text.OptionReport, survivors.reportFd) : PROCEED;
}

function isAsked(): bool {
  return load<u8>(reportPath) !== 0;
}

/**
 * The file that is there, where no other can take its place: it is a mount, or --user forbids to make one. Else a new one
 * beside it, whose name is the init's own: a life that was killed has left it.
 */
function openFile(): i32 {
  const fd = openOwn(reportPath, Open.Write);
  survivors.isInPlace = state.changesUser || (fd >= 0 && isMount());
  if (survivors.isInPlace || (fd < 0 && fd !== -Errno.ENOENT)) return fd;
  if (fd >= 0) close(fd);
  unlinkat(temporaryPath);
  return aboveStdio(openat(temporaryPath, Open.New));
}

/** Of what statx has just told of; a kernel that cannot say so may have one. */
function isMount(): bool {
  return (load<u32>(about + 56) & MOUNT_ROOT) === 0 || (load<u32>(about + 8) & MOUNT_ROOT) !== 0;
}

// Meanwhile

/** What the init ends the program for: three sentences, with a reason for each. */
export function endsProgram(text: i32): bool {
  return u32(text - Text.GraceOver) < 3;
}

/** Why it ended is the last of what is said so. */
export function blame(text: i32, a: i32, b: i32): void {
  account.why = text;
  account.whyFirst = a;
  account.whySecond = b;
}

/** The signal in `info` was believed: the first stop is told of, or what came last where there is none. */
export function noteSender(): void {
  if (!isAsked() || (account.signal !== 0 && contains(state.stopSignals, account.signal))) return;
  account.signal = info.signo;
  account.senderPid = info.pid;
  account.senderUid = info.uid;
  account.senderClaims = info.code < 0 && !isCodeOfKill(info.code);
  takeWord(max(info.pid, 0), Text.CommPath, senderName);
}

/** Who has not ended in time. */
export function noteLeft(pid: i32): void {
  if (!isAsked() || account.left === LEFT_MAX) return;
  const at = leftList + usize(account.left++ * LEFT_BYTES);
  takeWord(pid, Text.CommPath, at);
  store<i32>(at + WORD_BYTES, pid);
}

// At the end

/** Writes what is asked for; answers the status. A core that failed in here is not let in again. */
export function giveAccount(status: i32): i32 {
  if (survivors.isAccounted) return status;
  survivors.isAccounted = true;
  if (survivors.phase !== Phase.Start) keep(changetype<usize>(survivors));
  const reason = findReason();
  if (survivors.reportFd > 0) {
    const answer = report(status, reason);
    if (answer < 0) say(Level.Warn, Text.FileFailed, Text.OptionReport, -answer);
  }
  if (status !== 0 && survivors.terminationFd > 0 && sizeOf(survivors.terminationFd) === 0) {
    begin(survivors.terminationFd);
    addToLine(account.why, account.whyFirst, account.whySecond);
    flush();
  }
  return status;
}

/** As one word; `account` has the sentence. */
function findReason(): i32 {
  const failure = account.startFailure;
  if (failure !== 0) {
    const text = failure >>> 20;
    const errno = (failure >> 8) & 0xfff;
    blame(text, text === i32(Text.ExecFailed) ? state.program : errno, errno);
  }
  if (failure !== 0 || survivors.phase === Phase.Start) return Text.ReasonNotStarted;
  if (endsProgram(account.why)) return Text.ReasonOverdue + account.why - i32(Text.GraceOver);
  const waitStatus = survivors.status;
  const signal = signalOf(waitStatus);
  if (waitStatus === UNKNOWN) {
    blame(Text.MainUnknown, 0, 0);
    return Text.ReasonUnknown;
  }
  blame(
    signal === 0 ? Text.MainExited : Text.MainSignaled,
    signal === 0 ? exitStatus(waitStatus) : signal,
    0,
  );
  return signal === 0 ? Text.ReasonExited : Text.ReasonSignaled;
}

/** Of an open file, in bytes; where that cannot be told, too many. */
function sizeOf(fd: i32): u64 {
  return statx_at(fd, 0, about) === 0 ? load<u64>(about + 40) : u64.MAX_VALUE;
}

function begin(fd: i32): void {
  state.lineLength = 0;
  state.overflow = fd;
}

/** Answers 0, or what went wrong as a negative errno. */
function report(status: i32, reason: i32): i32 {
  const fd = survivors.reportFd;
  const size = survivors.isInPlace ? sizeOf(fd) : 0;
  if (size > REPORT_MAX) return -Errno.EFBIG;
  account.failed = 0;
  account.flushed = 0;
  begin(fd);
  fields(Text.ReportHead, 0, status);
  fields(Text.ReportReason, reason, 0);
  state.escapes = true;
  addToLine(account.why, account.whyFirst, account.whySecond);
  state.escapes = false;
  flush();
  putSignal();
  fields(Text.ReportProgram, survivors.pid, state.program);
  const waitStatus = survivors.phase === Phase.Start ? i32(UNKNOWN) : survivors.status;
  const isKnown = waitStatus !== UNKNOWN;
  fields(Text.ReportEnded, isKnown ? exitStatus(waitStatus) : -1, isKnown ? signalOf(waitStatus) : 0);
  putLong(clock_gettime(Clock.Monotonic) - survivors.beginMs);
  fields(Text.ReportCounts, survivors.traps, account.killed);
  flush();
  putLeft();
  // What was there before is written over to its end: JSON has room for blanks.
  while (u64(account.flushed + state.lineLength) + 1 < size) put(SPACE);
  put(10);
  flush();
  let answer = account.failed < 0 ? account.failed : fsync(fd);
  if (answer === 0 && !survivors.isInPlace) {
    answer = renameat2(temporaryPath, reportPath);
  }
  return answer;
}

function putSignal(): void {
  putText(Text.ReportSignal);
  if (account.signal === 0) {
    putText(Text.UnknownJson);
    return;
  }
  fields(Text.ReportReceived, account.signal, account.signal);
  fields(Text.ReportSender, account.senderPid, account.senderUid);
  fields(Text.ReportSenderName, i32(account.senderClaims), i32(senderName));
}

function putLeft(): void {
  for (let i = 0; i < account.left; i++) {
    const at = leftList + usize(i * LEFT_BYTES);
    if (i > 0) put(44 /* , */);
    fields(Text.ReportLeft, load<i32>(at + WORD_BYTES), i32(at));
    flush();
  }
  put(93 /* ] */);
  put(125 /* } */);
}
