// The memory of a program in wasm, as the calls see it: every address is checked, as native does it, and what a call
// writes can be noted, so that it can be written again.

export interface Written {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export class Memory {
  #bytes = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));
  /** What is written from now on, in order; null where nobody wants to know. */
  written: Written[] | null = null;

  use(buffer: ArrayBuffer): void {
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.written = null;
  }

  get size(): number {
    return this.#bytes.length;
  }

  copy(): Uint8Array {
    return this.#bytes.slice();
  }

  /** Answers the address. Outside of the memory the program fails, as where it reads by itself. */
  check(address: number, length: number): number {
    const from = address >>> 0;
    if (from + (length >>> 0) <= this.#bytes.length) return from;
    throw new WebAssembly.RuntimeError("memory access out of bounds");
  }

  /** The bytes in the memory itself. */
  at(address: number, length: number): Uint8Array {
    const from = this.check(address, length);
    return this.#bytes.subarray(from, from + (length >>> 0));
  }

  /** The text up to its NUL. */
  text(address: number): string {
    const end = this.#bytes.indexOf(0, address >>> 0);
    return Buffer.from(this.at(address, end < 0 ? this.#bytes.length : end - address)).toString("latin1");
  }

  i16(address: number): number {
    return this.#view.getInt16(this.check(address, 2), true);
  }

  i32(address: number): number {
    return this.#view.getInt32(this.check(address, 4), true);
  }

  u64(address: number): bigint {
    return this.#view.getBigUint64(this.check(address, 8), true);
  }

  put(address: number, bytes: Uint8Array): void {
    this.at(address, bytes.length).set(bytes);
    this.#note(address, bytes.length);
  }

  put32(address: number, value: number): void {
    this.#view.setInt32(this.check(address, 4), value, true);
    this.#note(address, 4);
  }

  put64(address: number, value: bigint): void {
    this.#view.setBigUint64(this.check(address, 8), value, true);
    this.#note(address, 8);
  }

  /** Up to `max` bytes of a text from `offset` on, which nobody has to write again: answers how many there were. */
  putText(address: number, text: string, offset: number, max: number): number {
    const from = this.check(address, max);
    const length = Math.min(max, Math.max(0, text.length - offset));
    for (let i = 0; i < length; i++) this.#bytes[from + i] = text.charCodeAt(offset + i);
    return length;
  }

  #note(at: number, length: number): void {
    this.written?.push({ at, bytes: this.#bytes.slice(at, at + length) });
  }
}
