// One call of core/kernel.ts, with the arguments of the command in memory; what it answered and what it stored is left
// beside it. Keeps nothing from one step to the next, so that a step can be played by any copy of the memory.

import {
  bind,
  capget,
  capset,
  chdir,
  clock_gettime,
  clone,
  close,
  close_range,
  connect,
  control_terminal,
  execve,
  exit,
  fchmod,
  fcntl_dupfd,
  fsync,
  get_child_subreaper,
  get_dumpable,
  getdents64,
  geteuid,
  getpgid,
  getpid,
  getppid,
  getrandom,
  getrlimit_nproc,
  getsid,
  kill,
  number_of,
  openat,
  PidfdInfo,
  PollFd,
  pass_credentials,
  pidfd_get_info,
  pidfd_open,
  pidfd_send_signal,
  pipe2,
  ppoll,
  prctl,
  pwritev2,
  read,
  recvmsg,
  release,
  renameat2,
  replace_argument,
  rt_sigaction,
  rt_sigprocmask,
  rt_sigqueueinfo,
  rt_sigtimedwait,
  SI_QUEUE,
  SignalInfo,
  seccomp,
  sendto,
  set_child_subreaper,
  set_dumpable,
  set_pdeathsig,
  seteuid,
  setfsgid,
  setgid,
  setgroups,
  setpgid,
  setrlimit_nproc,
  setsid,
  setuid,
  signalfd4,
  socket,
  splice,
  statx,
  statx_at,
  tcgetpgrp,
  tcsetpgrp,
  unlinkat,
  wait4,
  write,
} from "../../../core/kernel.ts";
import { Numbered } from "../../../core/texts.ts";
import { Call } from "./calls.ts";
import { copyArgument, lengthOfLine, lineOf } from "./text.ts";

/** A command: the call, the slot of a child that it makes, six arguments, and a path with its NUL. */
@unmanaged
export class Command {
  call: i32;
  slot: i32;
  a: i64;
  b: i64;
  c: i64;
  d: i64;
  e: i64;
  f: i64;
}
const PATH_AT: usize = 56;
export const COMMAND_SIZE: i32 = 512;

/** An answer: whose, to which call, the value, and what was stored. */
@unmanaged
export class Answer {
  slot: i32;
  call: i32;
  value: i64;
}
export const STORED_AT: usize = 16;
export const STORED_MAX: i32 = 160;
export const ANSWER_SIZE: i32 = 176;

export const command = changetype<Command>(memory.data(COMMAND_SIZE, 8));
export const path: usize = changetype<usize>(command) + PATH_AT;
export const PATH_MAX = COMMAND_SIZE - i32(PATH_AT);
export const answer = changetype<Answer>(memory.data(ANSWER_SIZE, 8));
const stored: usize = changetype<usize>(answer) + STORED_AT;

const BUFFER_MAX = 16384;
const buffer = memory.data(BUFFER_MAX, 8);
const slotText = memory.data(4, 4);
/** What a call that stores nothing leaves. */
const UNTOUCHED = 0x5a5a5a5a;

if (offsetof<Answer>() !== STORED_AT) ERROR("what was stored lies behind the answer");

export function perform(): void {
  memory.fill(stored, 0, usize(STORED_MAX));
  answer.call = command.call;
  answer.value = performCall(command.call);
}

function performCall(call: i32): i64 {
  if (call === Call.setfsgid) return setfsgid(i32(command.a));
  if (call >= Call.socket && call !== Call.ping) return performSocket(call);
  if (call < Call.rt_sigprocmask) return performProcess(call);
  if (call < Call.openat) return performSignal(call);
  if (call < Call.geteuid) return performFile(call);
  if (call >= Call.getsid && call < Call.setgroups) return performSession(call);
  return call < Call.fchmod ? performPrivilege(call) : performChange(call);
}

function performChange(call: i32): i64 {
  switch (call) {
    case Call.fchmod:
      return fchmod(i32(command.a));
    case Call.fsync:
      return fsync(i32(command.a));
    case Call.renameat2:
      return rename(u8(command.a));
    case Call.unlinkat:
      return unlinkat(path);
    case Call.statx_at:
      return askFile(i32(command.a));
    case Call.ping:
      return 0;
    default:
      assert(false);
      return 0;
  }
}

function performSocket(call: i32): i64 {
  const a = i32(command.a);
  const b = i32(command.b);
  switch (call) {
    case Call.socket:
      return socket();
    case Call.bind:
      return bind(a, buffer, makeAddress(b));
    case Call.connect:
      return connect(a, buffer, makeAddress(b));
    case Call.pass_credentials:
      return pass_credentials(a);
    case Call.recvmsg:
      return receive(a, b, i32(command.c));
    case Call.getrandom:
      return getrandom(buffer, a);
    default:
      assert(false);
      return 0;
  }
}

/** The FIFO of the answers is of this script alone, so that its inode makes names that are too. */
const ANSWERS = 3;

/** An abstract name for each number up to 7, no name at all for 8, and a path where nothing is for any above. */
function makeAddress(number: i32): i32 {
  statx_at(ANSWERS, 0, buffer + 256);
  store<u16>(buffer, 1);
  if (number === 8) return 2;
  if (number > 8) {
    for (let i = 0; i < 9; i++) store<u8>(buffer + 2 + usize(i), i === 0 ? 47 : 97);
    return 11;
  }
  store<u8>(buffer + 2, 0);
  store<u64>(buffer + 3, load<u64>(buffer + 256 + 32));
  store<u8>(buffer + 11, u8(number));
  return 12;
}

/** What fits of a datagram, who has sent it, and from where; an answer of so many bytes goes there, what became of it is told. */
function receive(fd: i32, most: i32, answer: i32): i64 {
  const sender = memory.data(40, 8);
  memory.fill(sender, 0x5a, 40);
  const max = min(most, BUFFER_MAX);
  const value = recvmsg(fd, buffer, max, sender);
  if (value < 0) return value;
  memory.copy(stored, buffer, usize(min(min(value, max), 96)));
  memory.copy(stored + 96, sender + 16, 8);
  store<i32>(stored + 104, kindOfAddress(sender + 32));
  if (answer > 0) store<i32>(stored + 108, sendto(fd, fill(answer), answer | (8 << 16), sender + 32));
  return value;
}

/** 1 for one that the kernel gave, which is another in each run; 2 for any other, 3 for none. */
function kindOfAddress(at: usize): i32 {
  if (load<u8>(at) === 0x5a) return 3;
  for (let i: usize = 3; i < 8; i++) {
    const char = load<u8>(at + i);
    if (!(char >= 48 && char <= 57) && !(char >= 97 && char <= 102)) return 2;
  }
  return load<u16>(at) === 1 && load<u8>(at + 2) === 0 ? 1 : 2;
}

/** To the peer, or to the address of a number. */
function send(fd: i32, length: i32, to: i32): i32 {
  if (to === 0) return sendto(fd, fill(length), length, 0);
  const address = memory.data(16, 8);
  const bytes = makeAddress(to - 1);
  memory.copy(address, buffer, 16);
  return sendto(fd, fill(length), length | (bytes << 16), address);
}

/** A command has one path: the new name is the same but for its last byte. */
function rename(last: u8): i64 {
  let length: usize = 0;
  while (load<u8>(path + length) !== 0) length++;
  memory.copy(buffer, path, length + 1);
  store<u8>(buffer + length - 1, last);
  return renameat2(path, buffer);
}

/** Of a path where there is one, else of the descriptor: its type. */
function askFile(fd: i32): i64 {
  const failed = statx_at(fd, load<u8>(path) === 0 ? 0 : path, buffer);
  return failed < 0 ? failed : load<u16>(buffer + 28) & 0xf000;
}

function performSession(call: i32): i64 {
  switch (call) {
    case Call.getsid:
      return getsid();
    case Call.setsid:
      return setsid();
    case Call.control_terminal:
      return control_terminal(i32(command.a), command.b !== 0);
    default:
      assert(false);
      return 0;
  }
}

/** What the process has used is never the same twice. */
function waitFor(pid: i32, options: i32): i64 {
  store<i32>(buffer, UNTOUCHED);
  const value = wait4(pid, buffer, options);
  store<i32>(stored, load<i32>(buffer));
  return value;
}

function performProcess(call: i32): i64 {
  const a = i32(command.a);
  const b = i32(command.b);
  switch (call) {
    case Call.getpid:
      return getpid();
    case Call.getppid:
      return getppid();
    case Call.getpgid:
      return getpgid(0);
    case Call.setpgid:
      return setpgid(a, b);
    case Call.clone:
      store<i32>(stored, UNTOUCHED);
      return clone(a !== 0 ? stored : 0);
    case Call.execve:
      return execute(a, b);
    case Call.exit:
      exit(a);
      return 0;
    case Call.wait4:
      return waitFor(a, b);
    case Call.pidfd_open:
      return pidfd_open(a);
    case Call.pidfd_get_info:
      return askPidfd(a, u64(command.b));
    default:
      assert(false);
      return 0;
  }
}

/** `fromEnd` counts arguments from the last one: each exec leaves fewer in front. Behind the path is the slot. */
function execute(fromEnd: i32, slotBehind: i32): i64 {
  const argument = argumentCount() - fromEnd;
  if (slotBehind > 0) {
    store<u8>(slotText, u8(48 + command.slot));
    replace_argument(argument + slotBehind, slotText);
  }
  return execve(path, argument);
}

function argumentCount(): i32 {
  let count = 0;
  while (copyArgument(count) >= 0) count++;
  return count;
}

/** The fields that follow from the script; the cgroup and the times do not. */
function askPidfd(pidfd: i32, mask: u64): i64 {
  const info = changetype<PidfdInfo>(buffer);
  memory.fill(buffer, 0, offsetof<PidfdInfo>());
  info.mask = mask;
  const value = pidfd_get_info(pidfd, buffer);
  info.cgroup = 0;
  memory.copy(stored, buffer, offsetof<PidfdInfo>());
  return value;
}

function performSignal(call: i32): i64 {
  const a = i32(command.a);
  const b = i32(command.b);
  switch (call) {
    case Call.rt_sigprocmask:
      return rt_sigprocmask(command.a);
    case Call.rt_sigaction:
      return rt_sigaction(a, b);
    case Call.signalfd4:
      return signalfd4(a, command.b);
    case Call.rt_sigtimedwait:
      return rt_sigtimedwait(command.a, stored, b);
    case Call.kill:
      return kill(a, b);
    case Call.rt_sigqueueinfo:
      return rt_sigqueueinfo(a, makeInfo(b, i32(command.c), i32(command.d), command.e));
    case Call.pidfd_send_signal:
      return pidfd_send_signal(a, b, infoOrNone(), command.c !== 0);
    case Call.ppoll:
      return poll(a, b);
    default:
      assert(false);
      return 0;
  }
}

/** In argument f the sender's pid, and in its upper half the uid. */
function infoOrNone(): usize {
  if (command.d === 0) return 0;
  return makeInfo(i32(command.d), i32(command.f), i32(command.f >> 32), command.e);
}

function makeInfo(signo: i32, pid: i32, uid: i32, value: u64): usize {
  memory.fill(buffer, 0, 128);
  const info = changetype<SignalInfo>(buffer);
  info.signo = signo;
  info.code = SI_QUEUE;
  info.pid = pid;
  info.uid = uid;
  info.value = value;
  return buffer;
}

/** Of the descriptors the first four, each with its events in the upper half. */
function poll(count: i32, milliseconds: i32): i64 {
  const given = min(count, 4);
  for (let i = 0; i < given; i++) {
    const wanted = load<i64>(changetype<usize>(command) + offsetof<Command>("c") + usize(i) * 8);
    const each = changetype<PollFd>(buffer + usize(i) * 8);
    each.fd = i32(wanted);
    each.events = i16(wanted >> 32);
    each.revents = 0;
  }
  const value = ppoll(buffer, count, milliseconds);
  for (let i = 0; i < given; i++) {
    store<i16>(stored + usize(i) * 2, changetype<PollFd>(buffer + usize(i) * 8).revents);
  }
  return value;
}

function performFile(call: i32): i64 {
  const a = i32(command.a);
  const b = i32(command.b);
  switch (call) {
    case Call.openat:
      return openat(path, a);
    case Call.read:
      return command.c === 0 ? readSome(a, b) : readUid(a);
    case Call.write:
      return write(a, fill(b), b);
    case Call.pwritev2:
      return pwritev2(a, fill(b), b, i32(command.d));
    case Call.sendto:
      return send(a, b, i32(command.d));
    case Call.splice:
      return splice(a, b, i32(command.c));
    case Call.close:
      return close(a);
    case Call.close_range:
      return close_range(a, b);
    case Call.fcntl_dupfd:
      return fcntl_dupfd(a, b);
    case Call.pipe2:
      return pipe2(stored);
    case Call.statx:
      return statx(a);
    case Call.getdents64:
      return listSome(a, b);
    case Call.chdir:
      return chdir(path);
    case Call.tcgetpgrp:
      return tcgetpgrp(a);
    case Call.tcsetpgrp:
      return tcsetpgrp(a, b);
    default:
      assert(false);
      return 0;
  }
}

/** The first bytes of what was read, and a sum over all of them. */
function readSome(fd: i32, most: i32): i64 {
  const value = read(fd, buffer, min(most, BUFFER_MAX));
  const length = max(value, 0);
  memory.copy(stored, buffer, min(usize(length), 128));
  let sum: u64 = 0;
  for (let i = 0; i < length; i++) sum = sum * 31 + u64(load<u8>(buffer + usize(i)));
  store<u64>(stored + 128, sum);
  return value;
}

/** Of a text of /proc its line "Uid", or all of it where it has no such line; the answer is its length. */
function readUid(fd: i32): i64 {
  const value = read(fd, buffer, BUFFER_MAX - 1);
  if (value < 0) return value;
  store<u8>(buffer + usize(value), 0);
  const line = lineOf(buffer, "Uid:\t");
  const from = line === 0 ? buffer : line;
  const length = min(lengthOfLine(from), 64);
  memory.copy(stored, from, usize(length));
  return length;
}

/** What is written: bytes that count up from argument c, so that their order can be seen where they are read. */
function fill(length: i32): usize {
  const wanted = min(length, BUFFER_MAX);
  for (let i = 0; i < wanted; i++) store<u8>(buffer + usize(i), u8(i32(command.c) + i));
  return buffer;
}

/** Which numbers below 64 are names in a directory, as a set: those of /proc/self/fd. */
function listSome(fd: i32, most: i32): i64 {
  const value = getdents64(fd, buffer, min(most, BUFFER_MAX));
  let set: u64 = 0;
  for (let at = 0; at < i32(value); at += i32(load<u16>(buffer + usize(at) + 16))) {
    const number = numberAt(buffer + usize(at) + 19);
    if (number >= 0 && number < 64) set |= u64(1) << u64(number);
  }
  store<u64>(stored, set);
  return value;
}

function numberAt(at: usize): i32 {
  let number = 0;
  for (let i: usize = 0; load<u8>(at + i) !== 0; i++) {
    const digit = i32(load<u8>(at + i)) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** A filter that refuses the call with this number in core/texts.ts where its first argument has the value; -1: no filter. */
function refuse(number: i32, argument: i32): i32 {
  const filter = memory.data(48, 8);
  instruct(filter, 0x20, 0, 0, 0);
  instruct(filter + 8, 0x15, number_of(i32(Numbered.FirstCall) + number), 0, 3);
  instruct(filter + 16, 0x20, 16, 0, 0);
  instruct(filter + 24, 0x15, argument, 0, 1);
  instruct(filter + 32, 0x06, 0x00050001, 0, 0);
  instruct(filter + 40, 0x06, 0x7fff0000, 0, 0);
  return seccomp(filter, argument === -1 ? 4 : 6);
}

/** struct sock_filter. */
function instruct(at: usize, code: u16, value: i32, ifTrue: u8, ifFalse: u8): void {
  store<u16>(at, code);
  store<u8>(at + 2, ifTrue);
  store<u8>(at + 3, ifFalse);
  store<i32>(at + 4, value);
}

function performPrivilege(call: i32): i64 {
  const a = i32(command.a);
  switch (call) {
    case Call.geteuid:
      return geteuid();
    case Call.seteuid:
      return seteuid(a);
    case Call.capget:
      return capget();
    case Call.setgroups: {
      const list = memory.data(12, 4);
      store<u32>(list, u32(command.b));
      store<u32>(list + 4, u32(command.c));
      store<u32>(list + 8, u32(command.d));
      return setgroups(min(max(a, 0), 3), list);
    }
    case Call.setgid:
      return setgid(a);
    case Call.setuid:
      return setuid(a);
    case Call.capset:
      return capset(command.a);
    case Call.prctl:
      return prctl(a, i32(command.b), i32(command.c));
    case Call.setrlimit_nproc:
      return setrlimit_nproc(a);
    case Call.seccomp:
      return refuse(a, i32(command.b));
    case Call.set_child_subreaper:
      return set_child_subreaper();
    case Call.get_child_subreaper:
      return get_child_subreaper();
    case Call.set_pdeathsig:
      return set_pdeathsig(a);
    case Call.get_dumpable:
      return get_dumpable();
    case Call.set_dumpable:
      return set_dumpable(a);
    case Call.getrlimit_nproc:
      return getrlimit_nproc();
    case Call.clock_gettime:
      return clock_gettime(i32(command.a)) < 0 ? 1 : 0;
    case Call.release:
      release(65536 - 4096);
      return 0;
    default:
      assert(false);
      return 0;
  }
}
