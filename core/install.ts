// `--install PATH`: the file copies itself to where another container finds it, without a shell or cp, which an image may
// not have. Whoever looks at PATH finds what was there before or the whole copy, never a part: it is written beside PATH
// under another name and takes its place at once. See decision 21.

import {
  close,
  copy,
  Errno,
  fchmod,
  fsync,
  Open,
  openat,
  PATH_MAX,
  read,
  renameat2,
  unlinkat,
  write,
} from "./kernel.ts";
import { Level, say } from "./log.ts";
import { PIECE_BYTES, piece, scratch, state, target } from "./state.ts";
import { Exit } from "./status.ts";
import { Text } from "./texts.ts";
import { putTextAt } from "./words.ts";

const SLASH = 47;
const LETTER_A = 97;
/** Names that are tried for the copy: one may be left from a copy that was killed, or be that of another at work. */
const LETTERS = 26;
/** More than any name that is put behind a folder, with its NUL. */
const NAME_BYTES = 16;
/** Reads and writes of one copy: of two megabytes at the least, and the file has far less. */
const CALLS_MAX = 1024;

const temporary = scratch;

/** Copies this file to the path in the value in hand, which is not empty; answers the status to end with. */
export function install(): i32 {
  const length = copy(state.valueSource, state.valueIndex, state.valueOffset, target, PATH_MAX);
  if (length >= PATH_MAX) return failed(Text.InstallCreate, Errno.ENAMETOOLONG);
  putTextAt(Text.ExePath, piece, PIECE_BYTES);
  const from = openat(piece, Open.Read);
  if (from < 0) return failed(Text.InstallRead, -from);
  const to = create(length);
  const status = to < 0 ? failed(Text.InstallCreate, -to) : finish(from, to);
  close(from);
  return status;
}

/** The status where something did not work; says what, and why. */
function failed(what: i32, errno: i32): i32 {
  say(Level.Fatal, Text.InstallFailed, what, errno);
  return Exit.Usage;
}

function check(answer: i32, what: i32): i32 {
  return answer < 0 ? failed(what, -answer) : 0;
}

/**
 * A new file in the folder of the target, which is the path itself where that is one: then the copy is called steady. A
 * folder is known by taking the file, since who may write into one need not be allowed to look at it.
 */
function create(length: i32): i32 {
  store<u8>(target + usize(length), SLASH);
  const inside = createBehind(length + 1);
  if (inside !== -Errno.ENOENT && inside !== -Errno.ENOTDIR) {
    putTextAt(Text.NameSteady, target + usize(length) + 1, NAME_BYTES);
    return inside;
  }
  store<u8>(target + usize(length), 0);
  while (length > 0 && load<u8>(target + usize(length) - 1) !== SLASH) length--;
  return createBehind(length);
}

/** The same in the folder that the first bytes of the target name. What has the name already is left alone. */
function createBehind(length: i32): i32 {
  for (let i = 0; i < length; i++) store<u8>(temporary + usize(i), load<u8>(target + usize(i)));
  const name = temporary + usize(length);
  const letter = name + usize(putTextAt(Text.InstallName, name, NAME_BYTES));
  store<u8>(letter + 1, 0);
  let answer = -Errno.EEXIST;
  for (let i = 0; i < LETTERS && answer === -Errno.EEXIST; i++) {
    store<u8>(letter, u8(LETTER_A + i));
    answer = openat(temporary, Open.New);
  }
  return answer;
}

/** Makes the new file a copy and puts it in its place, or takes it away again. */
function finish(from: i32, to: i32): i32 {
  let status = copyAll(from, to);
  // The umask, or a default ACL of the folder, may have taken from the mode with which it was made.
  if (status === 0) status = check(fchmod(to), Text.InstallMode);
  if (status === 0) status = check(fsync(to), Text.InstallSync);
  // A file server may tell only here that there was no room.
  const closed = close(to);
  if (status === 0) status = check(closed, Text.InstallSync);
  if (status === 0) status = check(renameat2(temporary, target), Text.InstallRename);
  if (status !== 0) remove();
  return status;
}

function copyAll(from: i32, to: i32): i32 {
  let begin = 0;
  let end = 0;
  for (let i = 0; i < CALLS_MAX; i++) {
    const reads = begin === end;
    const answer = reads ? read(from, piece, PIECE_BYTES) : write(to, piece + usize(begin), end - begin);
    if (answer === -Errno.EINTR) continue;
    if (answer < 0) return failed(reads ? Text.InstallRead : Text.InstallWrite, -answer);
    if (!reads) {
      begin += answer;
    } else {
      if (answer === 0) return 0;
      begin = 0;
      end = answer;
    }
  }
  return failed(Text.InstallWrite, Errno.EFBIG);
}

function remove(): void {
  const answer = unlinkat(temporary);
  // Of a rename that was told to have failed and was done.
  if (answer < 0 && answer !== -Errno.ENOENT) say(Level.Fatal, Text.InstallLeft, i32(temporary), -answer);
}
