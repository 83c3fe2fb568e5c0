// The boundary of the core: what it can ask for, what it can hold, how big it may get, and that the three places which
// describe it (core/kernel.ts, native/linux.c, the wasm itself) say the same.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Kernel } from "../simulator/kernel.ts";
import { coreSource, entries, nativeSource, packed } from "../texts/generate.ts";
import { OPTIONS } from "../texts/options.ts";
import { FIRST_PAIR } from "../texts/pack.ts";
import { ROOT } from "../tools/build.ts";
import { BUDGET, codeLines, fileBytesMax } from "../tools/size.ts";
import { asc, copyCore } from "./lib/build.ts";
import { Host, loadCore } from "./lib/host.ts";
import { readWasm } from "./lib/wasm.ts";

const C_COLUMNS_MAX = 100;

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const wasm = readWasm(readFileSync(join(ROOT, "dist/core.wasm")));
const sourcesOfCore = readdirSync(join(ROOT, "core")).filter((name) => name.endsWith(".ts"));

/** A function as "name(i32, i64) -> i32", so that three languages can be compared. */
type Lines = string[];
const line = (name: string, params: readonly string[], result: string): string =>
  `${name}(${params.join(", ")}) -> ${result}`;

const CORE_TYPES: Record<string, string> = { i32: "i32", usize: "i32", bool: "i32", u64: "i64", i64: "i64" };
const C_TYPES: Record<string, string> = { u32: "i32", u64: "i64" };
const coreType = (type: string): string => CORE_TYPES[type] ?? type;

function declared(): Lines {
  const found = [...read("core/kernel.ts").matchAll(/^export declare function (\w+)\((.*)\): (\w+);$/gm)];
  return found.map(([, name = "", params = "", result = ""]) => {
    const types = params.split(",").filter((param) => param.trim() !== "");
    return line(
      name,
      types.map((param) => coreType(param.split(":")[1]?.trim() ?? "?")),
      coreType(result),
    );
  });
}

/** The macros that are told their parameters. */
const WITH_PARAMETERS = /^(?:PASS|ASK)\((?:(u\d+), )?(\w+),\s+\(struct w2c_kernel \* k((?:, \w+ \w+)*)\)/gm;

function performed(): Lines {
  const source = read("native/linux.c");
  const functions = [
    ...source.matchAll(/^(\w+) w2c_kernel_(\w+)\(struct w2c_kernel \*k((?:, \w+ \w+)*)\) \{$/gm),
    ...source.matchAll(WITH_PARAMETERS),
  ];
  const macros = [...source.matchAll(/^PASS(\d)\((\w+),/gm)];
  return [
    ...functions.map(([, result = "", name = "", params = ""]) => {
      const types = [...params.matchAll(/, (\w+) \w+/g)].map(([, type = ""]) => C_TYPES[type] ?? type);
      return line(name, types, C_TYPES[result || "u32"] ?? result);
    }),
    ...macros.map(([, count, name = ""]) => line(name, Array(Number(count)).fill("i32"), "i32")),
  ];
}

function imported(): Lines {
  return wasm.imports.map(({ name, signature }) =>
    line(name, signature.params, signature.results[0] ?? "void"),
  );
}

test("kernel.ts declares, linux.c performs and the wasm imports one and the same list", () => {
  const list = declared().sort();
  assert.ok(list.length > 40);
  assert.deepEqual(performed().sort(), list);
  assert.deepEqual(imported().sort(), list);
  assert.deepEqual([...new Set(wasm.imports.map(({ module }) => module))], ["kernel"]);
});

test("the simulator pretends the same list", () => {
  const pretended = Object.keys(new Kernel(() => {}).imports).sort();
  assert.deepEqual(pretended, wasm.imports.map(({ name }) => name).sort());
});

test("each definition in linux.c was seen: there are as many as names", () => {
  const names = new Set(read("native/linux.c").match(/\bw2c_kernel_\w+/g));
  const macros = read("native/linux.c").match(/^(?:PASS\d?|ASK)\(/gm) ?? [];
  names.delete("w2c_kernel_");
  assert.equal(performed().length, names.size + macros.length);
});

test("the core has three doors and its memory, and nothing begins by itself", () => {
  const kinds = wasm.exports.map(({ name, kind }) => `${kind} ${name}`).sort();
  assert.deepEqual(kinds, ["function child", "function main", "function resume", "memory memory"]);
  assert.equal(wasm.hasStart, false);
});

test("the core has one page of memory that cannot grow, no table, no global that changes and no data", () => {
  assert.deepEqual(wasm.memories, [{ min: 1, max: 1 }]);
  assert.equal(wasm.tables, 0);
  assert.deepEqual(
    wasm.globals.filter(({ mutable }) => mutable),
    [],
  );
  assert.equal(wasm.dataBytes, 0);
});

test("no file of the core keeps state beside its memory", () => {
  for (const name of sourcesOfCore) {
    assert.equal(
      /^(export )?(let|var) /m.exec(read(`core/${name}`)),
      null,
      `core/${name} has a module-level let`,
    );
  }
});

test("nothing in the core allocates: it compiles with a runtime that refuses to", () => {
  asc(join(ROOT, "core"), ["--target", "check"]);
});

test("a core that allocates does not compile so", () => {
  const core = copyCore("allocating");
  appendFileSync(
    join(core, "main.ts"),
    "\nexport function list(): Array<i32> {\n  return new Array<i32>(1);\n}\n",
  );
  assert.throws(() => asc(core, ["--target", "check"]), /the core has no heap/);
});

test("assertions stay in what ships: a signal with the number 0 is a trap", () => {
  const SIGNALFD = 5;
  const answers: Record<string, number> = { getpid: 1, clone: 2, signalfd4: SIGNALFD, clock_gettime: 0 };
  const kernel = Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, () => answer]));
  const host = new Host(loadCore(), {
    args: ["steady", "/x"],
    kernel: {
      ...kernel,
      // POLLIN for the signalfd; the 128 bytes that are read from it stay zeros.
      ppoll: (self, at = 0) => {
        self.bytes(at + 6, 2).writeInt16LE(1);
        return 1;
      },
      read: (_, fd = 0) => (fd === SIGNALFD ? 128 : -9),
    },
  });
  assert.throws(() => host.run("main"), /unreachable/);
});

test("core/texts.ts is what texts/generate.ts makes", () => {
  assert.equal(read("core/texts.ts"), coreSource(entries(read("LICENSE"))));
});

test("packed texts unpack to what they were, and what names the init stays legible", () => {
  const all = entries(read("LICENSE"));
  const texts = packed(read("LICENSE"));
  const pairs = texts.at(-1) ?? assert.fail("there are no pairs");
  const unpack = (code: number): number[] =>
    code < FIRST_PAIR
      ? [code]
      : pairs.slice(2 * (code - FIRST_PAIR), 2 * (code - FIRST_PAIR) + 2).flatMap(unpack);
  const unpacked = texts.slice(0, all.length).map((codes) => Buffer.from(codes.flatMap(unpack)).toString());
  assert.deepEqual(
    unpacked,
    all.map(({ text }) => text),
  );
  const file = readFileSync(join(ROOT, "dist/steady"), "latin1");
  for (const word of ["steady version ", "tini version ", "STEADY_"]) assert.ok(file.includes(word), word);
});

test("each option, its letter and its value are in --help, under tini's name the letters", () => {
  const help = (argv0: string): string =>
    spawnSync(join(ROOT, "dist/steady"), ["-h"], { argv0, encoding: "utf8" }).stdout;
  for (const { long, letter, value, help: text } of OPTIONS) {
    const head = `${letter === undefined ? "" : `-${letter}, `}--${long}${value === undefined ? "" : ` ${value}`}`;
    assert.ok(help("steady").includes(`${head} `), head);
    assert.ok(help("steady").includes(text), text);
    if (letter !== undefined) assert.match(help("tini"), new RegExp(`^  -${letter}[ :]`, "m"));
  }
  const variables = ["TINI_SUBREAPER", "TINI_VERBOSITY", "TINI_KILL_PROCESS_GROUP"];
  for (const name of ["steady", "tini"])
    for (const each of variables) assert.ok(help(name).includes(each), each);
});

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    // What `npm run release` made is at the top; tools/release is a source.
    const isMade = path === "release" || ["node_modules", "build", "dist", ".git"].includes(entry.name);
    if (entry.isDirectory() && !isMade) yield* filesIn(path);
    else if (entry.isFile()) yield path;
  }
}

test("hand-written C is at most 400 lines of code and 100 columns wide, also where TypeScript writes it", () => {
  const files = [...filesIn(".")].filter((path) => /\.[ch]$/.test(path));
  // The lab's gauge measures inits from outside, and bombs go off below one: no part of them is in one (docs/bench.md).
  const others = ["lab/bench/gauge.c", "test/lib/bombs.c"];
  const ours = files.filter((path) => !others.includes(path));
  assert.ok(ours.includes("native/linux.c"));
  // What stays of the generated header when there are no texts is the template.
  const sources = [...ours.map(read), nativeSource([])];
  const lines = sources.reduce((sum, source) => sum + codeLines(source), 0);
  assert.ok(lines <= BUDGET.linesOfC, `${lines} lines of C`);
  for (const path of files) {
    for (const each of read(path).split("\n")) assert.ok(each.length <= C_COLUMNS_MAX, `${path}: ${each}`);
  }
});

test("no other TypeScript writes C that nobody counts", () => {
  const looksLikeC =
    /^\s*(#include\b|#define\b|static (const|inline|void|int)\b|(u?int\d+_t|void|int|char) \**\w+\(.*\) ?\{)/m;
  const writers = [...filesIn(".")].filter((path) => path.endsWith(".ts") && looksLikeC.test(read(path)));
  assert.deepEqual(writers, ["texts/generate.ts"]);
});

test("the file keeps its size", () => {
  const { size } = statSync(join(ROOT, "dist/steady"));
  assert.ok(size <= fileBytesMax(), `${size} bytes`);
});
