// `--attest`: the file says what it is, and of its own bytes the SHA-256 (FIPS 180-4), to be compared with a list of
// digests. A file that was tampered with can say anything: it is asked where one has to be told from another, and checked
// from outside (steady-lab verify) where it is not trusted.

import { close, Errno, Open, openat, read, Source } from "./kernel.ts";
import { Level, print, say } from "./log.ts";
import { scratch } from "./state.ts";
import { Exit } from "./status.ts";
import { Text } from "./texts.ts";
import { byteAt, putTextAt } from "./words.ts";

const STDOUT = 1;
const BLOCK_BYTES = 64;
const ROUNDS = 64;
/** Of one of the given words, to this base. */
const DIGITS = 5;
const BASE = 85;
const ZERO = 40;
/** Of the eight words of the hash, and behind them the constant of each round. */
const GIVEN_WORDS = 8 + ROUNDS;
/** Two megabytes: far more than the file has. */
const READS_MAX = 32768;

// Four parts of the scratch memory.
const block = scratch;
const schedule = block + BLOCK_BYTES;
const hash = schedule + ROUNDS * 4;
const constants = hash + 32;

/** Prints it; answers the status to end with. */
export function attest(): i32 {
  putTextAt(Text.ExePath, block, BLOCK_BYTES);
  const fd = openat(block, Open.Read);
  let answer = fd;
  if (fd >= 0) {
    answer = hashFile(fd);
    close(fd);
  }
  if (answer < 0) {
    say(Level.Fatal, Text.CannotReadItself, -answer);
    return Exit.Usage;
  }
  print(STDOUT, Text.Attestation, machineName(answer), i32(hash));
  return 0;
}

/** By e_machine of elf(5), which linux/elf-em.h has. */
function machineName(machine: i32): i32 {
  switch (machine) {
    case 3:
      return Text.MachineI386;
    case 21:
      return Text.MachinePpc64le;
    case 40:
      return Text.MachineArmv7;
    case 62:
      return Text.MachineX86;
    case 183:
      return Text.MachineArm64;
    case 243:
      return Text.MachineRiscv64;
    default:
      return Text.MachineUnknown;
  }
}

/** Leaves the digest in `hash`. Answers the file's e_machine, or a negative errno. */
function hashFile(fd: i32): i32 {
  readConstants();
  let machine = 0;
  let length = 0;
  let filled = 0;
  for (let i = 0; i < READS_MAX; i++) {
    const got = read(fd, block + usize(filled), BLOCK_BYTES - filled);
    if (got === -Errno.EINTR) continue;
    if (got < 0) return got;
    if (got === 0) break;
    length += got;
    filled += got;
    if (filled < BLOCK_BYTES) continue;
    if (length === BLOCK_BYTES) machine = i32(load<u16>(block + 18));
    hashBlock();
    filled = 0;
  }
  pad(filled, length);
  return machine;
}

/** The fractional parts of roots of primes, each of five digits in one text (texts/sha256.ts). */
function readConstants(): void {
  for (let i = 0; i < GIVEN_WORDS; i++) {
    let word = 0;
    for (let digit = 0; digit < DIGITS; digit++)
      word = word * BASE + byteAt(Source.Text, Text.Sha256Constants, i * DIGITS + digit) - ZERO;
    store<u32>(hash + usize(i << 2), word);
  }
}

/** What is left, a 1 bit, zeros, and the length in bits: one block more, or two. */
function pad(filled: i32, length: i32): void {
  store<u8>(block + usize(filled++), 0x80);
  if (filled > BLOCK_BYTES - 8) {
    clear(filled);
    hashBlock();
    filled = 0;
  }
  clear(filled);
  // Its upper half is 0: READS_MAX keeps it far below.
  store<u32>(block + BLOCK_BYTES - 4, bigEndian(length << 3));
  hashBlock();
}

function clear(from: i32): void {
  for (let i = from; i < BLOCK_BYTES; i++) store<u8>(block + usize(i), 0);
}

/** One block, section 6.2.2. */
function hashBlock(): void {
  for (let t = 0; t < 16; t++) setWord(t, bigEndian(load<u32>(block + usize(t << 2))));
  for (let t = 16; t < ROUNDS; t++) {
    const early = wordAt(t - 15);
    const late = wordAt(t - 2);
    const mixedEarly = rotr(early, 7) ^ rotr(early, 18) ^ (early >> 3);
    const mixedLate = rotr(late, 17) ^ rotr(late, 19) ^ (late >> 10);
    setWord(t, wordAt(t - 16) + mixedEarly + wordAt(t - 7) + mixedLate);
  }
  let a = hashAt(0);
  let b = hashAt(1);
  let c = hashAt(2);
  let d = hashAt(3);
  let e = hashAt(4);
  let f = hashAt(5);
  let g = hashAt(6);
  let h = hashAt(7);
  for (let t = 0; t < ROUNDS; t++) {
    const chosen = (e & f) ^ (~e & g);
    const given = load<u32>(constants + usize(t << 2)) + wordAt(t);
    const first = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + chosen + given;
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const second = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + majority;
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  add(0, a);
  add(1, b);
  add(2, c);
  add(3, d);
  add(4, e);
  add(5, f);
  add(6, g);
  add(7, h);
}

function bigEndian(word: u32): u32 {
  return (rotl(word, 8) & 0x00ff00ff) | (rotr(word, 8) & 0xff00ff00);
}

function wordAt(t: i32): u32 {
  return load<u32>(schedule + usize(t << 2));
}

function setWord(t: i32, word: u32): void {
  store<u32>(schedule + usize(t << 2), word);
}

function hashAt(i: i32): u32 {
  return load<u32>(hash + usize(i << 2));
}

function add(i: i32, word: u32): void {
  store<u32>(hash + usize(i << 2), hashAt(i) + word);
}
