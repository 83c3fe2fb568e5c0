// Reads what a WebAssembly module says about itself, as far as a boundary has to be checked: types, imports, exports,
// memory, tables, globals and data. The JavaScript API tells names but no types and no limits.

interface Signature {
  readonly params: readonly string[];
  readonly results: readonly string[];
}

export interface Wasm {
  readonly imports: readonly { module: string; name: string; signature: Signature }[];
  readonly exports: readonly { name: string; kind: string; index: number }[];
  /** Pages; `max` is undefined where the memory may grow without limit. */
  readonly memories: readonly { min: number; max: number | undefined }[];
  readonly globals: readonly { mutable: boolean }[];
  readonly tables: number;
  /** The bytes in data segments. */
  readonly dataBytes: number;
  readonly hasStart: boolean;
}

const KINDS = ["function", "table", "memory", "global"];
const TYPES: Readonly<Record<number, string>> = { 127: "i32", 126: "i64", 125: "f32", 124: "f64" };
const I32_CONST = 0x41;

export function readWasm(bytes: Uint8Array): Wasm {
  const sections = new Map<number, Cursor>();
  const all = new Cursor(bytes, 8);
  while (!all.atEnd()) {
    const id = all.byte();
    const body = all.take(all.number());
    if (id !== 0) sections.set(id, new Cursor(body, 0));
  }
  const list = <Item>(id: number, read: (cursor: Cursor) => Item): Item[] =>
    sections.get(id)?.list(read) ?? [];
  const types = list(1, readSignature);
  return {
    imports: list(2, (cursor) => readImport(cursor, types)),
    tables: list(4, (cursor) => [cursor.byte(), readLimits(cursor)]).length,
    memories: list(5, readLimits),
    globals: list(6, readGlobal),
    exports: list(7, (cursor) => {
      const name = cursor.text();
      const kind = KINDS[cursor.byte()] ?? "?";
      return { name, kind, index: cursor.number() };
    }),
    hasStart: sections.has(8),
    dataBytes: list(11, readSegment).reduce((sum, length) => sum + length, 0),
  };
}

export class Cursor {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new Error("the module ends too early");
    return value;
  }

  /** Unsigned LEB128; it steps over a signed one too, and `signed` reads that. */
  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  }

  /** Signed LEB128. */
  signed(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte % 128) << shift;
      if (byte < 128) return BigInt.asIntN(Number(shift) + 7, value);
    }
  }

  take(length: number): Uint8Array {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return new TextDecoder().decode(this.take(this.number()));
  }

  list<Item>(read: (cursor: Cursor) => Item): Item[] {
    return Array.from({ length: this.number() }, () => read(this));
  }
}

function readSignature(cursor: Cursor): Signature {
  if (cursor.byte() !== 0x60) throw new Error("expected a function type");
  const type = (): string => TYPES[cursor.byte()] ?? "?";
  return { params: cursor.list(type), results: cursor.list(type) };
}

function readImport(cursor: Cursor, types: readonly Signature[]): Wasm["imports"][number] {
  const module = cursor.text();
  const name = cursor.text();
  const kind = cursor.byte();
  const signature = types[cursor.number()];
  if (kind !== 0 || signature === undefined) throw new Error(`${module}.${name} is no function`);
  return { module, name, signature };
}

function readLimits(cursor: Cursor): { min: number; max: number | undefined } {
  const flags = cursor.byte();
  const min = cursor.number();
  return { min, max: flags === 1 ? cursor.number() : undefined };
}

function readGlobal(cursor: Cursor): { mutable: boolean } {
  cursor.byte();
  const mutable = cursor.byte() === 1;
  skipConstant(cursor);
  return { mutable };
}

function readSegment(cursor: Cursor): number {
  if (cursor.byte() === 0) skipConstant(cursor);
  return cursor.take(cursor.number()).length;
}

/** `i32.const N end` (i64 alike), the only initialisers that asc writes here. */
function skipConstant(cursor: Cursor): void {
  const opcode = cursor.byte();
  if (opcode !== I32_CONST && opcode !== I32_CONST + 1) throw new Error("expected a constant");
  cursor.number();
  if (cursor.byte() !== 0x0b) throw new Error("expected the end of a constant");
}
