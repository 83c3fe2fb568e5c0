// `npm test`: builds, runs the tests that need nothing but this folder, and says what was not run and how it would be.
// `npm run test:all` adds test/all, installs what that needs, and skips nothing. `npm run test:clang` runs the tests on a
// file that clang made. Arguments choose files by their names: `npm test -- terminal`.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FOR_TESTS, install } from "../test/all/packages.ts";
import { buildIfStale, ROOT } from "./build.ts";
import { isThere, reportErrors, runInFront, ToolError } from "./run.ts";

/** A file that takes longer hangs; older kernels boot in emulation. */
const FILE_MS_MAX = 300_000;
const FILE_OF_ALL_MS_MAX = 1_200_000;

/** What test/all adds, for those who do not run it. */
const ADDED_BY_ALL =
  "comparisons with tini, counts of system calls, a real engine, older kernels, the lab's page in a browser";

const CLANG = "clang";

interface NotRun {
  readonly test: string;
  readonly what: string;
  readonly how: string;
}

async function test(args: readonly string[]): Promise<number> {
  const all = args.includes("--all");
  const words = args.filter((arg) => !arg.startsWith("--"));
  const files = chosenFiles(all, words);
  if (all) install(FOR_TESTS);
  if (buildIfStale()) process.stderr.write("steady: built dist/steady\n");
  const notes = mkdtempSync(join(tmpdir(), "steady-test-"));
  try {
    const status = await runFiles(files, all, notes);
    printNotRun(notes, all);
    printSummary(notes);
    return status;
  } finally {
    rmSync(notes, { recursive: true, force: true });
  }
}

/** The same with another compiler; afterwards dist/steady is what it was before. */
async function testClang(args: readonly string[]): Promise<number> {
  const { CC } = process.env;
  if (!isThere(CLANG))
    throw new ToolError(`there is no ${CLANG}: install it (on Debian: apt-get install ${CLANG})`);
  process.env.CC = CLANG;
  try {
    return await test(args);
  } finally {
    if (CC === undefined) delete process.env.CC;
    else process.env.CC = CC;
    buildIfStale();
  }
}

function chosenFiles(all: boolean, words: readonly string[]): string[] {
  const folders = all ? ["test", "test/lab", "test/all"] : ["test", "test/lab"];
  const files = folders
    .filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => join(folder, name)))
    .filter((file) => file.endsWith(".test.ts"))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
  if (files.length === 0) throw new ToolError(`no test file has a name with ${words.join(" or ")} in it`);
  return files;
}

/** Node's own runner, and once more as TAP for the summary; answers its exit status. */
function runFiles(files: readonly string[], all: boolean, notes: string): Promise<number> {
  const options = [
    "--test",
    "--test-concurrency=2",
    `--test-timeout=${all ? FILE_OF_ALL_MS_MAX : FILE_MS_MAX}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=tap",
    `--test-reporter-destination=${join(notes, "tap")}`,
  ];
  const { NODE_TEST_CONTEXT: _, STEADY_TEST_ALL: __, ...env } = process.env;
  return runInFront(process.execPath, [...options, ...files], {
    cwd: ROOT,
    env: { ...env, STEADY_NOT_RUN: join(notes, "not-run"), ...(all ? { STEADY_TEST_ALL: "1" } : {}) },
  });
}

/** Tests by what they lack, each with the line that would make it run. */
function printNotRun(notes: string, all: boolean): void {
  const list = join(notes, "not-run");
  const lines = existsSync(list) ? readFileSync(list, "utf8").trim().split("\n") : [];
  const notRun = lines.map((line) => JSON.parse(line) as NotRun);
  if (notRun.length > 0 || !all) print("\nNot run:");
  for (const [reason, tests] of Map.groupBy(notRun, ({ what, how }) => `needs ${what}: ${how}`)) {
    for (const { test } of tests) print(`  ${test}`);
    print(`    ${reason}`);
  }
  if (!all) print(`  ${ADDED_BY_ALL}\n    needs root on Debian: npm run test:all`);
}

/** Node's summary, once more as the last lines. */
function printSummary(notes: string): void {
  const tap = existsSync(join(notes, "tap")) ? readFileSync(join(notes, "tap"), "utf8") : "";
  const summary = tap.match(/^# (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) .*$/gm) ?? [];
  print(`\n${summary.join("\n")}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

reportErrors();
const words = process.argv.slice(2);
process.exitCode = await (words.includes("--clang") ? testClang(words) : test(words));
