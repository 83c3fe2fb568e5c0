// Builds the init: texts, core (AssemblyScript to WebAssembly), C (wasm2c), and a static ELF (the system's compiler).
// `npm run build` leaves dist/steady and dist/core.wasm, and does nothing where nothing has changed.

import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { coreSource, entries, nativeSource } from "../texts/generate.ts";
import { findCompiler, reportErrors, run, ToolError } from "./run.ts";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NODE_MODULES = join(ROOT, "node_modules");

/** What one build is made from and where its results go. */
export interface Target {
  /** The folder that asc runs in; its asconfig.json names the entry, and names in the binary are relative to it. */
  readonly core: string;
  /** Where core.wasm, core.c and the ELF are left. */
  readonly out: string;
  /** The ELF's file name. */
  readonly name: string;
  readonly compiler?: string;
  readonly extraFlags?: readonly string[];
}

const words = (text: string): string[] => text.trim().split(/\s+/);

/**
 * No libc, no floating point, no unwinding tables; one section a function for native/steady.ld. native/linux.c includes
 * core.c: one translation unit, whose instance and memory the compiler knows to be the only ones.
 */
const C_FLAGS = words(`
  -std=gnu11 -Os -DNDEBUG -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -fno-pic
  -fno-strict-aliasing -fno-jump-tables -ffunction-sections -fdata-sections -fomit-frame-pointer
  -mgeneral-regs-only -Wall -Wextra -Wno-unused -Wno-unused-parameter -Wno-missing-field-initializers`);

/**
 * Functions that are called once are not inlined, so that what runs once stays out of the pages of what runs for ever;
 * loops are not turned into calls of memcpy and memset, which are a libc's.
 */
const GCC_FLAGS = words(`
  -fwhole-program -fno-inline-functions-called-once -fno-inline-small-functions -fno-tree-loop-distribute-patterns`);
const CLANG_FLAGS = words("-Oz -fno-builtin");

const LINK_FLAGS = words(`
  -nostdlib -static -no-pie -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,noexecstack
  -Wl,-z,max-page-size=4096 -s`);

/** The flags for a compiler, which says by --version whether it is clang. */
export function compilerFlags(compiler: string): string[] {
  return [...C_FLAGS, ...(isClang(compiler) ? CLANG_FLAGS : GCC_FLAGS)];
}

export function isClang(compiler: string): boolean {
  return run(compiler, ["--version"]).stdout.includes("clang");
}

/** Builds a target from nothing; answers the path of its ELF. Two builds may run at once where their `out` differ. */
export function build(target: Target): string {
  mkdirSync(target.out, { recursive: true });
  writeTexts(target.out);
  compileCore(target);
  translate(target);
  return link(target);
}

/** The numbers of the texts for the core, and their bytes for the ELF, from one table. */
function writeTexts(out: string): void {
  const all = entries(readFileSync(join(ROOT, "LICENSE"), "utf8"));
  const core = join(ROOT, "core/texts.ts");
  if (!existsSync(core) || readFileSync(core, "utf8") !== coreSource(all)) put(core, coreSource(all));
  put(join(out, "texts.h"), nativeSource(all));
}

/** Writes a file whole or not at all: nobody who reads meanwhile sees a part. */
function put(path: string, content: string | Uint8Array, mode = 0o644): void {
  const fresh = join(dirname(path), `.${basename(path)}.${process.pid}`);
  writeFileSync(fresh, content);
  chmodSync(fresh, mode);
  renameSync(fresh, path);
}

function compileCore(target: Target): void {
  const asc = join(NODE_MODULES, "assemblyscript/bin/asc.js");
  run(process.execPath, [asc, "--target", "release", "--outFile", join(target.out, "core.wasm")], {
    cwd: target.core,
  });
}

function translate(target: Target): void {
  const wasm2c = join(NODE_MODULES, "wabt/bin/wasm2c");
  run(process.execPath, [wasm2c, "core.wasm", "-n", "core", "-o", "core.c"], { cwd: target.out });
  const source = join(target.out, "core.c");
  writeFileSync(source, nameMemory(readFileSync(source, "utf8")));
}

/**
 * Every access of the generated C checks its address against a size that it reads from memory. Here there is one memory
 * and its size is known, so both become constants: the checks stay, and two thirds of their bytes go.
 */
function nameMemory(source: string): string {
  const accesses = [
    ["> mem->size)", "> MEMORY_SIZE)"],
    ["&((mem)->data[addr])", "&(memory[addr])"],
  ] as const;
  return accesses.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`wasm2c's output has changed: expected one ${from}`);
    return text.replace(from, to);
  }, source);
}

function link(target: Target): string {
  const compiler = target.compiler ?? findCompiler();
  const native = join(ROOT, "native");
  // Relative paths: the compiler must not learn where the repository lies.
  const sources = ["-I.", `-I${native}`, "-T", join(native, "steady.ld"), join(native, "linux.c")];
  const flags = [...compilerFlags(compiler), ...(target.extraFlags ?? []), ...LINK_FLAGS];
  compile(compiler, [...flags, ...sources, "-o", target.name], target.out);
  return join(target.out, target.name);
}

/** A compiler without the kernel's headers is a common half of an installation. */
function compile(compiler: string, args: readonly string[], cwd: string): void {
  try {
    run(compiler, args, { cwd });
  } catch (error) {
    const lacksHeader = error instanceof ToolError && /fatal error: \S+\.h\b/.test(error.message);
    if (!lacksHeader) throw error;
    throw new ToolError(
      `${compiler} lacks a header: install Linux's and libc's (on Debian: apt-get install libc6-dev)\n${error.message}`,
    );
  }
}

/** Everything that the results depend on, as one digest. */
function inputsDigest(): string {
  const hash = createHash("sha256");
  const files = ["core", "native", "texts", "tools"].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .sort()
      .map((name) => join(folder, name)),
  );
  for (const file of [...files, "package-lock.json", "LICENSE"]) {
    hash.update(`${file}\0`).update(readFileSync(join(ROOT, file)));
  }
  const compiler = findCompiler();
  return hash.update(run(compiler, ["--version"]).stdout).digest("hex");
}

/**
 * Leaves dist/steady and dist/core.wasm, and the generated C in build/, each whole or not at all; answers whether anything
 * had to be done. The work is done in a folder of this process, so that two may build at once.
 */
export function buildIfStale(): boolean {
  const [dist, shared] = [join(ROOT, "dist"), join(ROOT, "build")];
  const stamp = join(shared, "inputs.sha256");
  const digest = inputsDigest();
  const complete = existsSync(join(dist, "steady")) && existsSync(join(dist, "core.wasm"));
  if (complete && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return false;
  const out = join(shared, `${process.pid}`);
  build({ core: join(ROOT, "core"), out, name: "steady" });
  mkdirSync(dist, { recursive: true });
  for (const name of ["core.c", "core.h", "texts.h"]) put(join(shared, name), readFileSync(join(out, name)));
  put(join(dist, "core.wasm"), readFileSync(join(out, "core.wasm")));
  put(join(dist, "steady"), readFileSync(join(out, "steady")), 0o755);
  put(stamp, digest);
  rmSync(out, { recursive: true });
  return true;
}

if (import.meta.main) {
  reportErrors();
  const done = buildIfStale();
  process.stderr.write(done ? "built dist/steady and dist/core.wasm\n" : "dist/steady is up to date\n");
}
