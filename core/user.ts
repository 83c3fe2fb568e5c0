// --user: what its value says, what /etc/passwd and /etc/group say of it, and becoming it. The files are read byte by byte,
// by passwd(5) and group(5): of a line nothing is kept but a field of limited length, and a line that is about somebody
// else may be as wrong as it likes, as for getpwnam(3).

import { close, copy, Errno, Open, openat, read, setgid, setgroups, setuid } from "./kernel.ts";
import { giveUp } from "./log.ts";
import { PROCEED } from "./options.ts";
import { putVariable } from "./spawn.ts";
import {
  FIELD_MAX,
  field,
  GROUPS_MAX,
  groups,
  home,
  lookup,
  made,
  scratch,
  state,
  userName,
} from "./state.ts";
import { Text } from "./texts.ts";
import { byteAt, putTextAt } from "./words.ts";

/** No byte: the file has ended. */
const END = -1;
const NEWLINE = 10;
const PLUS = 43;
const COMMA = 44;
const COLON = 58;

/** Read in pieces of this many bytes, and at most so many of them: 16 MiB. */
const PIECE = 4096;
const PIECES_MAX = 4096;
/** The highest uid; the one above says "unchanged" (setresuid(2)). */
const ID_MAX: i64 = 0xfffffffe;
/** No number. */
const NONE: i64 = -1;
/** GROUP and each of GROUPS has a bit in `lookup.found`. */
const PARTS_MAX = 63;

// The value

/** USER[:GROUP][:+GROUPS]; answers whether it is written well. */
export function readUser(): bool {
  const offset = state.valueOffset;
  state.changesUser = true;
  lookup.source = state.valueSource;
  lookup.index = state.valueIndex;
  lookup.user = offset;
  lookup.group = 0;
  lookup.extra = 0;
  let end = partEnd(offset);
  if (!isPart(offset) || charAt(offset) === PLUS) return false;
  if (charAt(end) === COLON && charAt(end + 1) !== PLUS) {
    lookup.group = end + 1;
    end = partEnd(lookup.group);
    if (!isPart(lookup.group)) return false;
  }
  if (charAt(end) === 0) return true;
  if (charAt(end) !== COLON || charAt(end + 1) !== PLUS) return false;
  end++;
  lookup.extra = end + 1;
  for (let count = 1; count < PARTS_MAX; count++) {
    if (!isPart(end + 1)) return false;
    end = partEnd(end + 1);
    if (charAt(end) === 0) return true;
    if (charAt(end) !== COMMA) return false;
  }
  return false;
}

function charAt(offset: i32): i32 {
  return byteAt(lookup.source, lookup.index, offset);
}

function isDelimiter(char: i32): bool {
  return char === 0 || char === COLON || char === COMMA;
}

function partEnd(offset: i32): i32 {
  while (!isDelimiter(charAt(offset))) offset++;
  return offset;
}

/** A part is a name that a field can hold, or a number that an id can be. */
function isPart(offset: i32): bool {
  const length = partEnd(offset) - offset;
  return length > 0 && length < FIELD_MAX && (!isDigits(offset) || idOf(offset) >= 0);
}

/** What has only digits is a number, whatever the files say. */
function isDigits(offset: i32): bool {
  let char = charAt(offset);
  while (char >= 48 && char <= 57) char = charAt(++offset);
  return isDelimiter(char);
}

function idOf(offset: i32): i64 {
  if (!isDigits(offset)) return NONE;
  let id: i64 = 0;
  for (let char = charAt(offset); !isDelimiter(char); char = charAt(++offset)) id = withDigit(id, char);
  return id;
}

/** NONE, and for ever, once it is too large. */
function withDigit(id: i64, char: i32): i64 {
  const next = id * 10 + char - 48;
  return id < 0 || next > ID_MAX ? NONE : next;
}

/** Where GROUP (0) or one of GROUPS (from 1 on) stands; 0 where there is none. */
function placeOf(part: i32): i32 {
  if (part === 0) return lookup.group;
  let offset = lookup.extra;
  for (let i = 1; i < part && offset !== 0; i++) {
    const end = partEnd(offset);
    offset = charAt(end) === COMMA ? end + 1 : 0;
  }
  return offset;
}

/** Whether the text at `at` is the name at `offset`. */
function isNamed(at: usize, offset: i32): bool {
  while (true) {
    const char = load<u8>(at++);
    const other = charAt(offset++);
    if (isDelimiter(other)) return char === 0;
    if (char !== other) return false;
  }
}

// Looking it up

/** Finds out who the program is to be. Answers PROCEED, or the status to end with. */
export function findUser(): i32 {
  if (!state.changesUser) return PROCEED;
  state.valueSource = lookup.source;
  state.valueIndex = lookup.index;
  state.valueOffset = lookup.user;
  let answer = readPasswd(idOf(lookup.user));
  if (answer !== PROCEED) return answer;
  addGroup(lookup.group === 0 ? lookup.gid : NONE);
  if (takeNumbers()) answer = readGroups();
  if (answer !== PROCEED) return answer;
  for (let part = 0; part < PARTS_MAX; part++) {
    const offset = placeOf(part);
    if (offset === 0 || isFound(part)) continue;
    state.valueOffset = offset;
    return refuse(Text.GroupUnknown, Text.GroupPath);
  }
  return lookup.groupCount > GROUPS_MAX ? refuse(Text.TooManyGroups, 0) : PROCEED;
}

function refuse(text: i32, file: i32): i32 {
  return giveUp(text, file, lookup.errno);
}

/** A uid without a line is a user whose home is /, and who is called by that number. */
function readPasswd(uid: i64): i32 {
  open(Text.PasswdPath);
  while (beginLine()) {
    const length = readField(COLON, userName);
    const isIt = uid < 0 && length < FIELD_MAX && isNamed(userName, lookup.user);
    readField(COLON, field);
    lookup.uid = readId();
    lookup.gid = readId();
    readField(COLON, field);
    const hasHome = lookup.delimiter === COLON;
    const homeLength = readField(COLON, home);
    if (!isIt && (uid < 0 || lookup.uid !== uid || length === 0)) continue;
    finish();
    const isWhole = hasHome && max(length, homeLength) < FIELD_MAX && lookup.uid >= 0 && lookup.gid >= 0;
    if (!isWhole) return refuse(Text.UserMalformed, Text.PasswdPath);
    if (homeLength === 0) store<u16>(home, 47 /* "/" */);
    return PROCEED;
  }
  if (finish() && !(uid >= 0 && lookup.errno === Errno.ENOENT))
    return refuse(Text.UserUnreadable, Text.PasswdPath);
  if (uid < 0) return refuse(Text.UserUnknown, Text.PasswdPath);
  if (lookup.group === 0) return refuse(Text.UserNeedsGroup, Text.PasswdPath);
  lookup.uid = uid;
  const length = copy(lookup.source, lookup.index, lookup.user, userName, partEnd(lookup.user) - lookup.user);
  store<u8>(userName + usize(length), 0);
  store<u16>(home, 47 /* "/" */);
  return PROCEED;
}

/** Numbers need no file. Answers whether something else does: a name, or the groups that the user is in. */
function takeNumbers(): bool {
  let needsFile = lookup.group === 0;
  for (let part = 0; part < PARTS_MAX; part++) {
    const offset = placeOf(part);
    if (offset === 0) continue;
    const id = idOf(offset);
    if (id < 0) needsFile = true;
    else takeGroup(part, id);
  }
  return needsFile;
}

function takeGroup(part: i32, gid: i64): void {
  if (part === 0) lookup.gid = gid;
  lookup.found |= u64(1) << u64(part);
  addGroup(gid);
}

function isFound(part: i32): bool {
  return ((lookup.found >> u64(part)) & 1) !== 0;
}

/** Each once; one too many is counted and not kept. */
function addGroup(gid: i64): void {
  if (gid < 0 || lookup.groupCount > GROUPS_MAX) return;
  for (let i = 0; i < lookup.groupCount; i++) if (load<u32>(groups + usize(4 * i)) === u32(gid)) return;
  if (lookup.groupCount < GROUPS_MAX) store<u32>(groups + usize(4 * lookup.groupCount), u32(gid));
  lookup.groupCount++;
}

function readGroups(): i32 {
  open(Text.GroupPath);
  // The gids of all lines that count, one over the other: negative where one of them is none.
  let gids: i64 = 0;
  while (beginLine()) {
    const length = readField(COLON, field);
    const parts = length < FIELD_MAX ? partsNamed() : 0;
    readField(COLON, field);
    const gid = readId();
    if (parts !== 0) gids |= gid;
    for (let part = 0; part < PARTS_MAX; part++) if (((parts >> u64(part)) & 1) !== 0) takeGroup(part, gid);
    while (lookup.delimiter === COLON || lookup.delimiter === COMMA) {
      if (readField(COMMA, field) >= FIELD_MAX || lookup.group !== 0 || !isUserName()) continue;
      addGroup(gid);
      gids |= gid;
    }
  }
  const isUnread = finish();
  // Without the file there is no group but those that were said by number.
  const needsNames = !(lookup.errno === Errno.ENOENT && lookup.group === 0 && lookup.extra === 0);
  if (isUnread && needsNames) return refuse(Text.UserUnreadable, Text.GroupPath);
  return gids < 0 ? refuse(Text.UserMalformed, Text.GroupPath) : PROCEED;
}

/** A bit for each part that the field in hand is the name of; of two groups with one name the first counts. */
function partsNamed(): u64 {
  let parts: u64 = 0;
  for (let part = 0; part < PARTS_MAX; part++) {
    const offset = placeOf(part);
    if (offset !== 0 && !isFound(part) && isNamed(field, offset)) parts |= u64(1) << u64(part);
  }
  return parts;
}

function isUserName(): bool {
  let i: usize = 0;
  while (true) {
    const char = load<u8>(field + i);
    if (char !== load<u8>(userName + i)) return false;
    if (char === 0) return true;
    i++;
  }
}

// A file of lines with fields

function open(path: i32): void {
  putTextAt(path, scratch, 32);
  lookup.fd = openat(scratch, Open.Read);
  lookup.errno = lookup.fd < 0 ? -lookup.fd : 0;
  lookup.at = 0;
  lookup.end = 0;
  lookup.pieces = 0;
  lookup.delimiter = NEWLINE;
}

/** Answers whether it could not be read to where it was left. */
function finish(): bool {
  if (lookup.fd >= 0) close(lookup.fd);
  return lookup.errno !== 0;
}

/** Goes to the next line, and answers whether there is one. */
function beginLine(): bool {
  while (lookup.delimiter !== NEWLINE && lookup.delimiter !== END) readField(COLON, field);
  if (lookup.delimiter === END) return false;
  if (lookup.at === lookup.end) refill();
  lookup.delimiter = COLON;
  return lookup.errno === 0 && lookup.at < lookup.end;
}

/**
 * Reads the next field of the line, up to a colon, `other`, or the end, to where there is room for FIELD_MAX bytes. Answers its
 * length: FIELD_MAX where it is too long or has a NUL in it, 0 where the line has ended before.
 */
function readField(other: i32, to: usize): i32 {
  let length = 0;
  const isOver = lookup.delimiter === NEWLINE || lookup.delimiter === END;
  while (!isOver) {
    const char = next();
    if (char === END || char === NEWLINE || char === COLON || char === other) {
      lookup.delimiter = char;
      break;
    }
    if (char === 0) length = FIELD_MAX;
    if (length >= FIELD_MAX) continue;
    store<u8>(to + usize(length++), u8(char));
  }
  store<u8>(to + usize(min(length, FIELD_MAX - 1)), 0);
  return length;
}

function readId(): i64 {
  const length = readField(COLON, field);
  let id: i64 = length > 0 && length < FIELD_MAX ? 0 : NONE;
  for (let i = 0; i < length && id >= 0; i++) {
    const char = i32(load<u8>(field + usize(i)));
    id = char >= 48 && char <= 57 ? withDigit(id, char) : NONE;
  }
  return id;
}

function next(): i32 {
  if (lookup.at === lookup.end) refill();
  return lookup.at < lookup.end ? i32(load<u8>(scratch + usize(lookup.at++))) : END;
}

function refill(): void {
  lookup.at = 0;
  lookup.end = 0;
  if (lookup.errno !== 0) return;
  let length = -Errno.EFBIG;
  while (lookup.pieces < PIECES_MAX) {
    lookup.pieces++;
    length = read(lookup.fd, scratch, PIECE);
    if (length !== -Errno.EINTR) break;
  }
  if (length < 0) lookup.errno = -length;
  else lookup.end = length;
}

// Becoming it

/** Answers 0, or the errno of what was refused, negative. Only ever called in the child. */
export function becomeUser(): i32 {
  let answer = setgroups(lookup.groupCount, groups);
  if (answer >= 0) answer = setgid(i32(lookup.gid));
  if (answer >= 0) answer = setuid(i32(lookup.uid));
  if (answer < 0) return answer;
  let at = setVariable(Text.VariableHome, home, made);
  at = setVariable(Text.VariableUser, userName, at);
  setVariable(Text.VariableLogname, userName, at);
  return 0;
}

/** Makes "NAME=value" at `at`, in place of every variable of that name. Answers where it ends. */
function setVariable(name: i32, value: usize, at: usize): usize {
  let end = at + usize(putTextAt(name, at, 16));
  for (let char = load<u8>(value); char !== 0; char = load<u8>(++value)) store<u8>(end++, char);
  store<u8>(end++, 0);
  putVariable(name, at);
  return end;
}
