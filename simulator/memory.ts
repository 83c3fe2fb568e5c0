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

  copy(): Uint8Array {
    return this.#bytes.slice();
  }

  /** The bytes in the memory itself. Outside of it the program fails, as where it reads by itself. */
  at(address: number, length: number): Uint8Array {
    const from = address >>> 0;
    const end = from + (length >>> 0);
    if (end > this.#bytes.length) throw new WebAssembly.RuntimeError("memory access out of bounds");
    return this.#bytes.subarray(from, end);
  }

  /** The text up to its NUL. */
  text(address: number): string {
    const end = this.#bytes.indexOf(0, address >>> 0);
    return Buffer.from(this.at(address, end < 0 ? this.#bytes.length : end - address)).toString("latin1");
  }

  i16(address: number): number {
    this.at(address, 2);
    return this.#view.getInt16(address, true);
  }

  i32(address: number): number {
    this.at(address, 4);
    return this.#view.getInt32(address, true);
  }

  u64(address: number): bigint {
    this.at(address, 8);
    return this.#view.getBigUint64(address, true);
  }

  put(address: number, bytes: Uint8Array): void {
    this.at(address, bytes.length).set(bytes);
    this.#note(address, bytes.length);
  }

  put32(address: number, value: number): void {
    this.at(address, 4);
    this.#view.setInt32(address, value, true);
    this.#note(address, 4);
  }

  put64(address: number, value: bigint): void {
    this.at(address, 8);
    this.#view.setBigUint64(address, value, true);
    this.#note(address, 8);
  }

  #note(at: number, length: number): void {
    this.written?.push({ at, bytes: this.#bytes.slice(at, at + length) });
  }
}
