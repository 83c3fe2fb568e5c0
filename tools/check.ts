// `npm run check`: everything that can be said about the sources without running them. Steps run side by side, each with
// its time; whatever they find is printed, and any finding fails. With CI set, a step that cannot run fails too.
// `npm run check -- --install` puts the missing Debian packages on the machine first, as root.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { FOR_CHECK, install } from "../test/all/packages.ts";
import { architectureOf } from "./architectures.ts";
import { buildIfStale, compilerFlags, ROOT } from "./build.ts";
import { findCompiler, isThere, reportErrors } from "./run.ts";

interface Step {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Where it runs, from the root. */
  readonly folder?: string;
  /** What brings the program where it may be missing. */
  readonly how?: string;
}

type Outcome = "ok" | "failed" | "not run";

const INSTALL = "npm run check -- --install, as root on Debian";
const C_FILES = readdirSync(join(ROOT, "native"))
  .filter((name) => /\.[ch]$/.test(name))
  .map((name) => `native/${name}`);
/** The lab's own program, which is made where it is used, with the C library of the machine. */
const GAUGE = "lab/bench/gauge.c";
const INCLUDES = ["-Inative", `-Inative/${architectureOf(findCompiler()).name}`, "-Ibuild"];

async function check(args: readonly string[]): Promise<number> {
  if (args.includes("--install")) install(FOR_CHECK);
  if (buildIfStale()) process.stderr.write("steady: built dist/steady\n");
  const waiting = steps();
  const outcomes: Outcome[] = [];
  const work = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift())
      outcomes.push(await take(step));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  const failed = outcomes.filter(
    (outcome) => outcome === "failed" || (outcome === "not run" && process.env.CI),
  );
  print(
    failed.length === 0 ? "nothing to complain about" : `${failed.length} of ${outcomes.length} steps failed`,
  );
  return failed.length === 0 ? 0 : 1;
}

/** The slow ones first. */
function steps(): Step[] {
  return [...analyses(), ...typeScript()];
}

function typeScript(): Step[] {
  const tsc = (name: string, project: string): Step =>
    ours(name, "typescript/bin/tsc", ["-p", project, "--noEmit"]);
  return [
    ours("core: nothing allocates", "assemblyscript/bin/asc.js", ["--target", "check"], "core"),
    ours("unused code", "knip/bin/knip.js", ["--no-progress", "--no-config-hints"]),
    tsc("types: tools, texts, tests, tour", "."),
    ...assemblyScript().map((folder) => tsc(`types: ${folder}`, folder)),
    ours("lint and format", "@biomejs/biome/bin/biome", ["ci", "--error-on-warnings"]),
  ];
}

/** The folders that are in AssemblyScript, which have a tsconfig.json of their own. */
function assemblyScript(): string[] {
  const files = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" });
  const inTest = files
    .filter((file) => basename(file) === "tsconfig.json")
    .map((file) => join("test", dirname(file)));
  return [
    "core",
    ...inTest.filter((folder) => readdirSync(join(ROOT, folder)).some((name) => name.endsWith(".ts"))),
  ];
}

/** The C as it is compiled: native/linux.c, which includes the generated core.c. */
function analyses(): Step[] {
  const language = ["-std=gnu11", "-DNDEBUG", "-ffreestanding", ...INCLUDES];
  const tidy = (name: string, checks: readonly string[], options: readonly string[]): Step =>
    theirs(name, "clang-tidy", [
      "native/linux.c",
      "--quiet",
      "--warnings-as-errors=*",
      `--checks=-*,${checks.join(",")}`,
      ...options,
      "--",
      ...language,
    ]);
  return [
    {
      name: "C: gcc -fanalyzer",
      program: "gcc",
      how: "apt-get install gcc",
      args: [
        ...flagsOfGcc(),
        "-fanalyzer",
        "-Werror",
        ...INCLUDES,
        "-c",
        "native/linux.c",
        "-o",
        "/dev/null",
      ],
    },
    {
      name: "C: gcc -fanalyzer, the gauge",
      program: "gcc",
      how: "apt-get install gcc",
      args: [..."-std=gnu11 -O2 -Wall -Wextra -fanalyzer -Werror -c".split(" "), GAUGE, "-o", "/dev/null"],
    },
    tidy("C: clang-tidy, ours", ["clang-analyzer-*", "bugprone-*", "cert-*", ...NOT_IN_OURS], []),
    tidy("C: clang-tidy, generated", ["clang-analyzer-*", ...NOT_IN_GENERATED], ["--header-filter=.*"]),
    theirs("C: cppcheck", "cppcheck", [...CPPCHECK, ...INCLUDES, "native/linux.c"]),
    theirs("C: format", "clang-format", [
      "--style=file:native/.clang-format",
      "--dry-run",
      "-Werror",
      ...C_FILES,
      GAUGE,
      "test/lib/bombs.c",
    ]),
  ];
}

/** What clang-tidy is not asked about our C. */
const NOT_IN_OURS = [
  // System calls have many parameters of one type.
  "-bugprone-easily-swappable-parameters",
  // One translation unit, by design: linux.c includes core.c.
  "-bugprone-suspicious-include",
  // wasm hands every number over as unsigned; what the kernel wants signed is the same bits.
  "-bugprone-narrowing-conversions",
  // milliseconds % 1000 * 1000000 fits.
  "-bugprone-implicit-widening-of-multiplication-result",
];

/** What clang-tidy is not asked about wasm2c's C. */
const NOT_IN_GENERATED = [
  // A stack machine's stores; the compiler removes them.
  "-clang-analyzer-deadcode.DeadStores",
  // Wants memcpy_s, which no C library on Linux has.
  "-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling",
];

const CPPCHECK = [
  ..."--quiet --error-exitcode=1 --enable=warning,portability,performance --inline-suppr".split(" "),
  ..."--std=c11 --platform=unix64 -DNDEBUG -D__x86_64__ -D__GNUC__=12 -D__has_builtin(x)=1".split(" "),
  // Symbols of the linker script: they do belong to one object.
  "--suppress=comparePointers",
  // It does not see that wasm_rt_trap never returns.
  "--suppress=arrayIndexOutOfBoundsCond",
];

/**
 * The analyser looks at what the optimiser leaves, so it gets everything: with -Os a planted null pointer was a trap
 * before it came to see it. Unoptimised, wasm2c's unused helpers return floats, which need their registers.
 */
function flagsOfGcc(): string[] {
  return isThere("gcc") ? compilerFlags("gcc").filter((flag) => flag !== "-mgeneral-regs-only") : [];
}

/** A tool from node_modules, on the pinned Node. */
function ours(name: string, script: string, args: readonly string[], folder = "."): Step {
  return { name, program: process.execPath, args: [join(ROOT, "node_modules", script), ...args], folder };
}

/** A tool from Debian. */
function theirs(name: string, program: string, args: readonly string[]): Step {
  return { name, program, args, how: INSTALL };
}

async function take(step: Step): Promise<Outcome> {
  if (step.how !== undefined && !isThere(step.program)) {
    print(`not run  ${step.name}: there is no ${step.program} (${step.how})`);
    return "not run";
  }
  const since = performance.now();
  const { status, output } = await finish(step);
  const seconds = `${((performance.now() - since) / 1000).toFixed(1)} s`;
  const outcome = status === 0 ? "ok" : "failed";
  print(`${outcome.padEnd(8)} ${step.name.padEnd(34)} ${seconds.padStart(7)}`);
  if (status !== 0) print(output.trimEnd());
  return outcome;
}

function finish({ program, args, folder = "." }: Step): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    let output = "";
    const child = spawn(program, args, {
      cwd: join(ROOT, folder),
      env: { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, output }));
  });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

reportErrors();
process.exitCode = await check(process.argv.slice(2));
