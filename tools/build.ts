// Builds the init: texts, core (AssemblyScript to WebAssembly), C (wasm2c), and a static ELF (the system's compiler).
// `npm run build` leaves dist/steady and dist/core.wasm, and does nothing where nothing has changed. With `--arch all`, or
// a list of names, it leaves dist/NAME/steady for each of these architectures, too.

import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { coreSource, entries, nativeSource, packed } from "../texts/generate.ts";
import { architectureOf, architecturesIn, architecturesNamed, compilersFor } from "./architectures.ts";
import { findCompiler, reportErrors, run, ToolError } from "./run.ts";

/** The folders that the build reads. */
export const SOURCES = ["core", "native", "texts", "tools"];
/** What a compiler reads beside native/. */
const GENERATED = ["core.c", "core.h", "texts.h"] as const;
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
}

const words = (text: string): string[] => text.trim().split(/\s+/);

/**
 * No libc, no floating point, no unwinding tables; one section a function for native/steady.ld. native/linux.c includes
 * core.c: one translation unit, whose instance and memory the compiler knows to be the only ones.
 */
const C_FLAGS = words(`
  -std=gnu11 -Os -DNDEBUG -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -fno-pic
  -fno-strict-aliasing -fno-jump-tables -ffunction-sections -fdata-sections -fomit-frame-pointer
  -Wall -Wextra -Wno-unused -Wno-unused-parameter -Wno-missing-field-initializers`);

/**
 * Functions that are called once are not inlined, so that what runs once stays out of the pages of what runs for ever;
 * loops are not turned into calls of memcpy and memset, which are a libc's. What gcc counts as expensive costs bytes here.
 */
const GCC_FLAGS = words(`
  -fwhole-program -fno-inline-functions-called-once -fno-inline-small-functions -fno-tree-loop-distribute-patterns
  -fno-expensive-optimizations -fno-caller-saves`);
/** Smaller than -Os by 1.6 kB; older ones do not know it. */
const FIRST_GCC_WITH_OZ = 12;
const CLANG_FLAGS = words("-Oz -fno-builtin");

const LINK_FLAGS = words(`
  -nostdlib -static -no-pie -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,noexecstack -s`);

/** The flags for a compiler, which says by --version whether it is clang. */
export function compilerFlags(compiler: string): string[] {
  const { flags, gccFlags = [] } = architectureOf(compiler);
  if (isClang(compiler)) return [...C_FLAGS, ...CLANG_FLAGS, ...flags];
  const major = Number.parseInt(run(compiler, ["-dumpversion"]).stdout, 10);
  return [...C_FLAGS, ...GCC_FLAGS, ...(major >= FIRST_GCC_WITH_OZ ? ["-Oz"] : []), ...gccFlags, ...flags];
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

/** Builds the ELF of a core that is there already; answers its path. */
export function buildOfCore(wasm: Uint8Array, target: Omit<Target, "core">): string {
  mkdirSync(target.out, { recursive: true });
  writeTexts(target.out);
  writeFileSync(join(target.out, "core.wasm"), wasm);
  translate(target);
  return link(target);
}

/** The numbers of the texts for the core, and their bytes for the ELF, from one table. */
function writeTexts(out: string): void {
  const license = readFileSync(join(ROOT, "LICENSE"), "utf8");
  const all = entries(license);
  const core = join(ROOT, "core/texts.ts");
  if (!existsSync(core) || readFileSync(core, "utf8") !== coreSource(all)) put(core, coreSource(all));
  put(join(out, "texts.h"), nativeSource(packed(license)));
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

function translate(target: Omit<Target, "core">): void {
  const wasm2c = join(NODE_MODULES, "wabt/bin/wasm2c");
  run(process.execPath, [wasm2c, "core.wasm", "-n", "core", "-o", "core.c"], { cwd: target.out });
  const source = join(target.out, "core.c");
  writeFileSync(source, nameMemory(readFileSync(source, "utf8")));
}

/**
 * Every access of the generated C checks its address against a size that it reads from memory. Here there is one memory
 * and its size is known, so both become constants: the checks stay, and two thirds of their bytes go. And every number is
 * made to be read, so that a page that cannot be would fault: here it is the checks that trap, and they stand before it.
 */
function nameMemory(source: string): string {
  const accesses = [
    ["> mem->size)", "> MEMORY_SIZE)"],
    ["&((mem)->data[addr])", "&(memory[addr])"],
    ['#define FORCE_READ_INT(var) __asm__("" ::"r"(var));', "#define FORCE_READ_INT(var)"],
  ] as const;
  return accesses.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`wasm2c's output has changed: expected one ${from}`);
    return text.replace(from, to);
  }, source);
}

function link(target: Omit<Target, "core">): string {
  const compiler = target.compiler ?? findCompiler();
  const { name, pageBytesMax, libraries = [] } = architectureOf(compiler);
  const native = join(ROOT, "native");
  writeLayout(compiler, name, target.out);
  const flags = [...compilerFlags(compiler), ...LINK_FLAGS, `-Wl,-z,max-page-size=${pageBytesMax}`];
  // Relative paths: the compiler must not learn where the repository lies.
  const includes = ["-I.", `-I${native}`, `-I${join(native, name)}`];
  const sources = ["-T", LAYOUT, join(native, "linux.c"), ...libraries];
  compile(compiler, [...flags, ...includes, ...sources, "-o", target.name], target.out);
  return join(target.out, target.name);
}

const LAYOUT = "steady.ld";

/** The linker script as this architecture needs it: the linker knows no conditions, and the compiler has a preprocessor. */
function writeLayout(compiler: string, architecture: string, out: string): void {
  const condition = `-D${architecture.replace("-", "_").toUpperCase()}`;
  const script = join(ROOT, "native", LAYOUT);
  run(compiler, ["-E", "-P", "-undef", "-x", "c", condition, script, "-o", LAYOUT], { cwd: out });
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

/** The paths of all files of a folder, from the root, in one order everywhere. */
export function filesUnder(folder: string): string[] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => relative(ROOT, join(entry.parentPath, entry.name))).sort();
}

/** Everything that the results depend on, as one digest. */
function inputsDigest(): string {
  const hash = createHash("sha256");
  const files = SOURCES.flatMap(filesUnder);
  for (const file of [...files, "package-lock.json", "LICENSE"]) {
    hash.update(`${file}\0`).update(readFileSync(join(ROOT, file)));
  }
  // What --attest says of the commit.
  hash.update(`${process.env.SOURCE_COMMIT ?? ""}\0`);
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
  for (const name of GENERATED) put(join(shared, name), readFileSync(join(out, name)));
  put(join(dist, "core.wasm"), readFileSync(join(out, "core.wasm")));
  put(join(dist, "steady"), readFileSync(join(out, "steady")), 0o755);
  put(stamp, digest);
  rmSync(out, { recursive: true });
  return true;
}

/** Leaves dist/NAME/steady for each architecture, of the C that is in build/; answers the paths. */
export function buildArchitectures(list: string): string[] {
  const pairs = compilersFor(architecturesNamed(list), findCompiler());
  buildIfStale();
  return pairs.map(({ architecture, compiler }) => {
    const out = join(ROOT, "build", `${architecture.name}.${process.pid}`);
    mkdirSync(out, { recursive: true });
    for (const name of GENERATED) copyFileSync(join(ROOT, "build", name), join(out, name));
    const elf = readFileSync(link({ out, name: "steady", compiler }));
    const path = join(ROOT, "dist", architecture.name, "steady");
    mkdirSync(dirname(path), { recursive: true });
    put(path, elf, 0o755);
    put(join(dirname(path), "system-calls"), systemCalls(compiler, architecture.bits, out));
    rmSync(out, { recursive: true });
    return path;
  });
}

/**
 * The calls that the file can make and their numbers, a line each ("63 read"): those that native/linux.c names, with the
 * numbers that the compiler finds in the kernel's headers.
 */
function systemCalls(compiler: string, bits: 32 | 64, out: string): string {
  const named = readFileSync(join(ROOT, "native/linux.c"), "utf8").matchAll(
    /__NR_(\w+)|\bNR\((\w+), (\w+)\)/g,
  );
  const names = [...named].map(([, plain, usual, wide]) => plain ?? (bits === 32 ? wide : usual) ?? "");
  const asked = join(out, "numbers");
  writeFileSync(asked, [...new Set(names)].map((name) => `${name} __NR_${name}\n`).join(""));
  const { stdout } = run(compiler, ["-E", "-P", "-x", "c", "-include", "asm/unistd.h", asked]);
  const answered = stdout.matchAll(/^(\w+) ([\d()+ ]+)$/gm);
  // Arm's are sums of a base, which is 0, and a number.
  const sum = (terms: string): number =>
    (terms.match(/\d+/g) ?? []).reduce((total, term) => total + Number(term), 0);
  const lines = [...answered].map(([, name, terms = ""]) => ({ name, number: sum(terms) }));
  return lines
    .sort((a, b) => a.number - b.number)
    .map(({ name, number }) => `${number} ${name}\n`)
    .join("");
}

function main(args: readonly string[]): void {
  const list = architecturesIn(args, "build");
  if (list === undefined) {
    const done = buildIfStale();
    process.stderr.write(done ? "built dist/steady and dist/core.wasm\n" : "dist/steady is up to date\n");
    return;
  }
  for (const path of buildArchitectures(list)) process.stderr.write(`built ${relative(ROOT, path)}\n`);
}

if (import.meta.main) {
  reportErrors();
  main(process.argv.slice(2));
}
