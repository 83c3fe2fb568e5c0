// What the header of an ELF file tells: for which processor it is, and whether it needs libraries. The rule: a file is
// data; nothing of it is run, and no offset in it is believed before it is held against the file's length. See elf(5).

export interface Elf {
  /** As steady names architectures; "machine N" where it has no name here. */
  readonly architecture: string;
  readonly linkage: "static" | "dynamic";
}

const MAGIC = Buffer.from("\x7fELF", "latin1");
const PT_INTERP = 3;
const MACHINES: Readonly<Record<number, string>> = {
  3: "i386",
  8: "mips",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x86-64",
  183: "arm64",
  243: "riscv64",
  258: "loongarch64",
};
const PROGRAM_HEADERS_MAX = 64;

export function isElf(bytes: Buffer): boolean {
  return bytes.length >= 20 && bytes.subarray(0, 4).equals(MAGIC);
}

/** undefined for what is no ELF file, or one that ends within its header. */
export function readElf(bytes: Buffer): Elf | undefined {
  if (!isElf(bytes)) return undefined;
  const machine = architectureOf(bytes);
  const all = segments(bytes);
  if (machine === undefined || all === undefined) return undefined;
  // A static PIE has a dynamic section and no interpreter.
  const dynamic = all.some(({ kind }) => kind === PT_INTERP);
  return { architecture: machine, linkage: dynamic ? "dynamic" : "static" };
}

/** From the first 20 bytes alone. */
export function architectureOf(bytes: Buffer): string | undefined {
  if (!isElf(bytes)) return undefined;
  const [bits, order] = [bytes[4], bytes[5]];
  if ((bits !== 1 && bits !== 2) || (order !== 1 && order !== 2)) return undefined;
  const machine = order === 1 ? bytes.readUInt16LE(18) : bytes.readUInt16BE(18);
  const name = MACHINES[machine] ?? `machine ${machine}`;
  return name === "ppc64" && order === 1 ? "ppc64le" : name;
}

/** The loader that a dynamic program names; undefined of a static one. */
export function interpreterOf(bytes: Buffer): string | undefined {
  const found = segments(bytes)?.find(({ kind }) => kind === PT_INTERP);
  if (found === undefined || found.offset + found.size > bytes.length) return undefined;
  return bytes.toString("latin1", found.offset, found.offset + found.size).split("\0")[0];
}

interface Segment {
  readonly kind: number;
  readonly offset: number;
  readonly size: number;
}

function segments(bytes: Buffer): Segment[] | undefined {
  const wide = bytes[4] === 2;
  if (bytes.length < (wide ? 64 : 52)) return undefined;
  const little = bytes[5] === 1;
  const u16 = (at: number): number => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const u32 = (at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const word = (at: number): number =>
    wide ? Number(little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at)) : u32(at);
  const [table, size, count] = [word(wide ? 32 : 28), u16(wide ? 54 : 42), u16(wide ? 56 : 44)];
  if (size < (wide ? 56 : 32) || count > PROGRAM_HEADERS_MAX || table + size * count > bytes.length)
    return undefined;
  return Array.from({ length: count }, (_, i) => {
    const at = table + i * size;
    return { kind: u32(at), offset: word(at + (wide ? 8 : 4)), size: word(at + (wide ? 32 : 16)) };
  });
}
