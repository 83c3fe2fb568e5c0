// Reads the headers of a little-endian ELF file (elf(5)): what the kernel is asked to map, and how.

import { readFileSync } from "node:fs";

export interface Segment {
  readonly type: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly align: number;
}

export interface Elf {
  readonly bytes: Buffer;
  readonly bits: 32 | 64;
  readonly machine: number;
  /** ET_EXEC is 2, ET_DYN 3. */
  readonly type: number;
  readonly entry: number;
  /** e_flags: for arm the version of its calling convention. */
  readonly flags: number;
  readonly segments: readonly Segment[];
}

export const SegmentType = {
  LOAD: 1,
  DYNAMIC: 2,
  INTERPRETER: 3,
  STACK: 0x6474e551,
  RELRO: 0x6474e552,
  PROPERTY: 0x6474e553,
} as const;

/** Where the two classes keep what, and how wide: header fields, then those of a program header. */
const LAYOUTS = {
  32: { entry: 24, table: 28, flags: 36, each: 42, count: 44, segment: [24, 4, 8, 16, 20, 28] },
  64: { entry: 24, table: 32, flags: 48, each: 54, count: 56, segment: [4, 8, 16, 32, 40, 48] },
} as const;

export function readElf(path: string): Elf {
  return parseElf(readFileSync(path), path);
}

export function parseElf(bytes: Buffer, path = "the file"): Elf {
  if (bytes.readUInt32BE(0) !== 0x7f454c46) throw new Error(`${path} is no ELF file`);
  if (bytes[5] !== 1) throw new Error(`${path} is not little-endian`);
  const bits = bytes[4] === 1 ? 32 : 64;
  const { entry, table, flags, each, count, segment } = LAYOUTS[bits];
  const word = wordsOf(bits);
  const size = bytes.readUInt16LE(each);
  return {
    bytes,
    bits,
    type: bytes.readUInt16LE(16),
    machine: bytes.readUInt16LE(18),
    entry: word(bytes, entry),
    flags: bytes.readUInt32LE(flags),
    segments: Array.from({ length: bytes.readUInt16LE(count) }, (_, index) =>
      readSegment(bytes.subarray(word(bytes, table) + index * size), segment, word),
    ),
  };
}

type Word = (bytes: Buffer, at: number) => number;

function wordsOf(bits: 32 | 64): Word {
  return bits === 32
    ? (bytes, at) => bytes.readUInt32LE(at)
    : (bytes, at) => Number(bytes.readBigUInt64LE(at));
}

function readSegment(header: Buffer, at: readonly number[], word: Word): Segment {
  const [flagsAt = 0, ...rest] = at;
  const [offset = 0, address = 0, fileSize = 0, memorySize = 0, align = 0] = rest.map((each) =>
    word(header, each),
  );
  const flags = header.readUInt32LE(flagsAt);
  return {
    type: header.readUInt32LE(0),
    readable: (flags & 4) !== 0,
    writable: (flags & 2) !== 0,
    executable: (flags & 1) !== 0,
    offset,
    address,
    fileSize,
    memorySize,
    align,
  };
}
