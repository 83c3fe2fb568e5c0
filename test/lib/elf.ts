// Reads the headers of a 64-bit little-endian ELF file (elf(5)): what the kernel is asked to map, and how.

import { readFileSync } from "node:fs";

interface Segment {
  readonly type: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
  readonly address: bigint;
  readonly fileSize: bigint;
  readonly memorySize: bigint;
}

export interface Elf {
  readonly size: number;
  readonly machine: number;
  /** ET_EXEC is 2, ET_DYN 3. */
  readonly type: number;
  readonly entry: bigint;
  readonly segments: readonly Segment[];
}

export const SegmentType = { LOAD: 1, DYNAMIC: 2, INTERPRETER: 3, STACK: 0x6474e551 } as const;
export const X86_64 = 62;

export function readElf(path: string): Elf {
  const bytes = readFileSync(path);
  if (bytes.readUInt32BE(0) !== 0x7f454c46) throw new Error(`${path} is no ELF file`);
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new Error(`${path} is not 64-bit little-endian`);
  const table = Number(bytes.readBigUInt64LE(32));
  const each = bytes.readUInt16LE(54);
  return {
    size: bytes.length,
    type: bytes.readUInt16LE(16),
    machine: bytes.readUInt16LE(18),
    entry: bytes.readBigUInt64LE(24),
    segments: Array.from({ length: bytes.readUInt16LE(56) }, (_, index) =>
      readSegment(bytes.subarray(table + index * each)),
    ),
  };
}

function readSegment(header: Buffer): Segment {
  const flags = header.readUInt32LE(4);
  return {
    type: header.readUInt32LE(0),
    readable: (flags & 4) !== 0,
    writable: (flags & 2) !== 0,
    executable: (flags & 1) !== 0,
    address: header.readBigUInt64LE(16),
    fileSize: header.readBigUInt64LE(32),
    memorySize: header.readBigUInt64LE(40),
  };
}
