// Plays core.wasm in Node: memory, the texts, arguments and variables, captured output. What the kernel answers is given
// as functions; this file pretends no Linux.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packed } from "../../texts/generate.ts";
import { ROOT } from "../../tools/build.ts";
import { readWasm, type Wasm } from "./wasm.ts";

const ENOSYS = 38;

/** One import: it gets the host and the call's arguments as numbers (a u64 as the number nearest to it). */
export type Call = (host: Host, ...args: number[]) => number | bigint | undefined;
export type Kernel = Readonly<Record<string, Call>>;

export interface Machine {
  /** Arguments and variables; a string stands for its latin1 bytes. */
  readonly args: readonly (string | Uint8Array)[];
  readonly variables?: readonly (string | Uint8Array)[];
  readonly kernel?: Kernel;
  /** What a call that `kernel` does not list does: answer -ENOSYS (the default), or fail the test. */
  readonly unlisted?: "ENOSYS" | "throw";
}

/** How the core left, where it did not return. */
export class Exited extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`exit(${status})`);
    this.status = status;
  }
}

export interface Core {
  readonly module: WebAssembly.Module;
  readonly wasm: Wasm;
  /** Called before each life of the core. */
  readonly begin?: () => void;
  /** Called with the memory that a life leaves behind. */
  readonly left?: (memory: Uint8Array) => void;
}

export function loadCore(path: string = join(ROOT, "dist/core.wasm")): Core {
  const bytes = readFileSync(path);
  return { module: new WebAssembly.Module(bytes), wasm: readWasm(bytes) };
}

const latin1 = (text: string | Uint8Array): Uint8Array =>
  typeof text === "string" ? Buffer.from(text, "latin1") : text;

/** Each with the 0 behind it. */
const TEXTS = packed(readFileSync(join(ROOT, "LICENSE"), "utf8")).map((codes) => [...codes, 0]);
const SURVIVORS_SIZE = 256;
/** A core that calls as often goes on for ever under fixed answers. */
const CALLS_MAX = 100_000;

/** One instance of the core, as one process: `fork` makes another with a copy of its memory. */
export class Host {
  readonly machine: Machine;
  readonly #core: Core;
  readonly #memory: WebAssembly.Memory;
  readonly #exports: Record<string, (...args: number[]) => number>;
  /** An address where the core made one: native keeps no copy either, so that what is written there later shows. */
  readonly #args: (Uint8Array | number)[];
  readonly #variables: (Uint8Array | number)[];
  readonly #written: { fd: number; bytes: Buffer }[] = [];
  #calls = 0;
  #kept: Uint8Array = new Uint8Array(SURVIVORS_SIZE);

  constructor(core: Core, machine: Machine) {
    core.begin?.();
    this.#core = core;
    this.machine = machine;
    this.#args = machine.args.map(latin1);
    this.#variables = (machine.variables ?? []).map(latin1);
    const instance = new WebAssembly.Instance(core.module, { kernel: this.#imports() });
    this.#memory = instance.exports.memory as WebAssembly.Memory;
    this.#exports = instance.exports as Record<string, (...args: number[]) => number>;
  }

  /** Runs one of the core's doors; answers the status it ended with. */
  run(door: "main" | "child" | "resume", ...args: number[]): number {
    try {
      const status = this.#exports[door]?.(...args);
      if (status === undefined) throw new Error(`${door} came back without a status`);
      return status;
    } catch (error) {
      if (error instanceof Exited) return error.status;
      throw error;
    } finally {
      this.#core.left?.(this.all());
    }
  }

  /** A process with a copy of this one's memory and kept bytes, and a kernel of its own. */
  fork(kernel: Kernel): Host {
    const copy = new Host(this.#core, { ...this.machine, kernel });
    copy.all().set(this.all());
    copy.#variables.splice(0, copy.#variables.length, ...this.#variables);
    copy.#kept = this.#kept.slice();
    return copy;
  }

  /** What was written to a descriptor, as latin1. */
  written(fd: number): string {
    return Buffer.concat(this.#written.filter((each) => each.fd === fd).map(({ bytes }) => bytes)).toString(
      "latin1",
    );
  }

  /** The arguments as they are now, from one on. */
  argumentsFrom(index: number): string[] {
    return this.#args.slice(index).map((each) => Buffer.from(this.#string(each)).toString("latin1"));
  }

  /** The environment as it is now. */
  environment(): string[] {
    return this.#variables.map((each) => Buffer.from(this.#string(each)).toString("latin1"));
  }

  all(): Uint8Array {
    return new Uint8Array(this.#memory.buffer);
  }

  bytes(at: number, length: number): Buffer {
    return Buffer.from(this.#memory.buffer, at, length);
  }

  /** The NUL-terminated text at `at`, as latin1. */
  text(at: number): string {
    return Buffer.from(this.all().subarray(at, this.all().indexOf(0, at))).toString("latin1");
  }

  readI32(at: number): number {
    return this.bytes(at, 4).readInt32LE();
  }

  writeI32(at: number, value: number): void {
    this.bytes(at, 4).writeInt32LE(value);
  }

  /** Keeps what the core wrote; a kernel that answers `write` itself calls this too. */
  capture(fd: number, at: number, length: number): number {
    this.#written.push({ fd, bytes: Buffer.from(this.bytes(at, length)) });
    return length;
  }

  #imports(): WebAssembly.ModuleImports {
    const own = this.#own();
    const imports: WebAssembly.ModuleImports = {};
    for (const { name, signature } of this.#core.wasm.imports) {
      const call = this.machine.kernel?.[name] ?? own[name] ?? this.#unlisted(name);
      const wide = signature.results[0] === "i64";
      imports[name] = (...args: (number | bigint)[]) => {
        if (name !== "copy" && name !== "code_of" && ++this.#calls > CALLS_MAX)
          throw new Error("it does not end");
        const answer = call(this, ...args.map(Number)) ?? 0;
        return wide ? BigInt(answer) : Number(answer);
      };
    }
    return imports;
  }

  /** The imports that are no system calls, and the two whose effect is plain. */
  #own(): Kernel {
    return {
      code_of: (_, text = 0, offset = 0) => {
        const code = TEXTS[text]?.[offset];
        if (code === undefined) throw new Error(`text ${text} has nothing at ${offset}`);
        return code;
      },
      copy: (_, source = 0, index = 0, offset = 0, at = 0, max = 0) =>
        this.#copy(source, index, offset, at, max),
      remove_variable: (_, index = 0) => {
        if (index >= this.#variables.length) throw new WebAssembly.RuntimeError("no such variable");
        this.#variables.splice(index, 1);
        return undefined;
      },
      add_variable: (_, at = 0) => {
        this.#variables.push(at);
        return undefined;
      },
      replace_argument: (_, index = 0, at = 0) => {
        this.#args[index] = at;
      },
      inherited_mask: () => 0n,
      number_of: (_, what = 0) => 1000 + what,
      keep: (_, at = 0) => {
        this.#kept = new Uint8Array(this.bytes(at, SURVIVORS_SIZE));
      },
      recall: (_, at = 0) => {
        this.all().set(this.#kept, at);
      },
      exit: (_, status = 0) => {
        throw new Exited(status);
      },
      write: (_, fd = 0, at = 0, length = 0) => this.capture(fd, at, length),
    };
  }

  #string(held: Uint8Array | number): Uint8Array {
    return typeof held === "number" ? Buffer.from(this.text(held), "latin1") : held;
  }

  /** As native does it, but stricter: nothing may look behind the NUL. */
  #copy(source: number, index: number, offset: number, at: number, max: number): number {
    const held = [this.#args, this.#variables][source]?.[index];
    if (held === undefined) return -1;
    const from = this.#string(held);
    if (offset < 0 || offset > from.length) throw new Error(`offset ${offset} lies behind the end of a text`);
    const length = Math.min(max, from.length - offset);
    this.bytes(at, max).set(from.subarray(offset, offset + length));
    return length;
  }

  #unlisted(name: string): Call {
    if (this.machine.unlisted !== "throw") return () => -ENOSYS;
    return () => {
      throw new Error(`the core asked for ${name}, which this kernel does not list`);
    };
  }
}
