// `npm run reproduce`: builds twice, each time from a copy of the sources in a folder of its own, the second time under
// other circumstances, and compares every byte of what came out. 0: the same; 1: not, and diffoscope tells how.
// `-- --arch all`, or names with commas between, compares these architectures, too.

import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { architectureOf, architecturesIn, architecturesNamed } from "./architectures.ts";
import { filesUnder, ROOT, SOURCES } from "./build.ts";
import { findCompiler, isThere, reportErrors, ToolError } from "./run.ts";
import { PACKAGES } from "./trusted.ts";

const FILES = ["package.json", "package-lock.json", "LICENSE"];
const RESULTS = ["dist/core.wasm", "build/core.c", "build/core.h", "build/texts.h", "dist/steady"];
const NODE = "node_modules/node/bin/node";
const NOBODY = 65534;

/** What is otherwise the second time. Each is a command that runs the rest, variables, or neither. */
interface Circumstance {
  readonly name: string;
  readonly first: string;
  readonly second: string;
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Why it cannot be varied here. */
  readonly lacks?: string;
}

const isRoot = process.getuid?.() === 0;
const lacking = (program: string, how: string) => (isThere(program) ? {} : { lacks: `install ${how}` });

/** Lists files the other way round in a folder of the name with "seen" behind, and goes there. */
const DISORDER =
  'mkdir "$PWD seen" && disorderfs --quiet --multi-user=yes --reverse-dirents=yes . "$PWD seen" && cd "$PWD seen" && exec "$0" "$@"';

const CIRCUMSTANCES: readonly Circumstance[] = [
  { name: "path", first: "a short one", second: "a long one with spaces" },
  // Before the user: only root mounts for others. In a mount namespace, whose end unmounts it.
  {
    name: "file order",
    first: "as it comes",
    second: "reversed",
    prefix: ["unshare", "--mount", "sh", "-c", DISORDER],
    ...(isRoot && existsSync("/dev/fuse")
      ? lacking("disorderfs", "disorderfs")
      : { lacks: "be root, with /dev/fuse" }),
  },
  {
    name: "user",
    first: `${process.getuid?.()}`,
    second: `${NOBODY}`,
    prefix: ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"],
    ...(isRoot ? lacking("setpriv", "util-linux") : { lacks: "be root" }),
  },
  { name: "umask", first: "022", second: "077", prefix: ["sh", "-c", 'umask 077; exec "$@"', "sh"] },
  {
    name: "processors",
    first: "all",
    second: "one",
    prefix: ["taskset", "--cpu-list", "0"],
    env: { UV_THREADPOOL_SIZE: "1" },
    ...lacking("taskset", "util-linux"),
  },
  { name: "time zone", first: "UTC", second: "UTC+14", env: { TZ: "LINT-14" } },
  {
    name: "locale",
    first: "C",
    second: "tr_TR.UTF-8",
    env: { LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8", LANGUAGE: "tr" },
  },
  {
    name: "clock",
    first: "now",
    second: "400 days later",
    prefix: ["faketime", "-f", "+400d"],
    // Node and make wait by the monotonic clock, which stays.
    env: { DONT_FAKE_MONOTONIC: "1" },
    ...lacking("faketime", "faketime"),
  },
];

function reproduce(args: readonly string[]): number {
  const list = architecturesIn(args, "reproduce");
  // A name that is none is told before anything is built.
  const files = results(list);
  const base = mkdtempSync(join(tmpdir(), "steady-reproduce-"));
  // The second user may search it.
  chmodSync(base, 0o755);
  try {
    const first = copySources(join(base, "a"));
    const second = copySources(join(base, "another folder, with a longer name/and a deeper one"));
    const varied = CIRCUMSTANCES.filter(({ lacks }) => lacks === undefined);
    for (const each of CIRCUMSTANCES) tell(each);
    build(first, [], { TZ: "UTC", LC_ALL: "C" }, list);
    if (isRoot) spawnSync("chown", ["-R", `${NOBODY}:${NOBODY}`, second]);
    build(
      second,
      varied.flatMap(({ prefix = [] }) => prefix),
      Object.assign({}, ...varied.map(({ env = {} }) => env)),
      list,
    );
    return compare(first, second, files);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

function results(list: string | undefined): string[] {
  const more = list === undefined ? [] : architecturesNamed(list).map(({ name }) => `dist/${name}/steady`);
  return [...RESULTS, ...more];
}

/** The sources, and of the packages only the files that are said to touch the bytes: nothing else can. */
function copySources(folder: string): string {
  for (const file of [...SOURCES.flatMap(filesUnder), ...FILES]) copy(file, join(folder, file));
  const ofPackages = PACKAGES.flatMap(({ name, files }) =>
    files.map((file) => join("node_modules", name, file)),
  );
  for (const file of ofPackages) copy(file, join(folder, file));
  return folder;
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(join(ROOT, from), to, { recursive: true, dereference: true });
}

function build(
  folder: string,
  prefix: readonly string[],
  varied: Readonly<Record<string, string>>,
  list: string | undefined,
): void {
  const tool = ["tools/build.ts", ...(list === undefined ? [] : ["--arch", list])];
  const [file = "", ...args] = [...prefix, `./${NODE}`, ...tool];
  const { PATH = "", CC = "" } = process.env;
  const env = { PATH, HOME: folder, ...(CC === "" ? {} : { CC }), ...varied };
  const { status, error } = spawnSync(file, args, { cwd: folder, env, stdio: ["ignore", 2, 2] });
  if (error !== undefined) throw new ToolError(`cannot run ${file}: ${error.message}`);
  if (status !== 0)
    throw new ToolError(`the build in ${folder} failed (status ${status}): see its lines above`);
}

function tell({ name, first, second, lacks }: Circumstance): void {
  const how = lacks === undefined ? `${first}, then ${second}` : `the same both times (to vary it: ${lacks})`;
  print(`${name.padEnd(12)}${how}`);
}

function compare(first: string, second: string, files: readonly string[]): number {
  const compiler = findCompiler();
  print(`compiler    ${versionOf(compiler)}, for ${architectureOf(compiler).name}\n`);
  const different = files.filter((file) => {
    const [one, other] = [first, second].map((folder) => digestOf(join(folder, file)));
    print(`${one === other ? one : `${"differs".padEnd(64)}`}  ${file}`);
    return one !== other;
  });
  for (const file of different) explain(file, join(first, file), join(second, file));
  print(
    different.length === 0
      ? "\nthe same bytes both times"
      : `\n${different.length} of ${files.length} files differ`,
  );
  return different.length === 0 ? 0 : 1;
}

function versionOf(compiler: string): string {
  return spawnSync(compiler, ["--version"], { encoding: "utf8" }).stdout.split("\n")[0] ?? "";
}

function digestOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

const DIFFOSCOPE_LINES_MAX = 200;

/** diffoscope's answer, as far as a person reads. */
function explain(name: string, first: string, second: string): void {
  const told: SpawnSyncReturns<string> = spawnSync("diffoscope", ["--text", "-", first, second], {
    encoding: "utf8",
  });
  if (told.error !== undefined) {
    const kept = [first, second].map((path, index) => keep(name, path, index + 1));
    print(
      `\n${name}: install diffoscope (apt-get install diffoscope) to be told how; kept as ${kept.join(" and ")}`,
    );
    return;
  }
  const lines = told.stdout.trimEnd().split("\n");
  print(`\n${name}, by diffoscope:\n${lines.slice(0, DIFFOSCOPE_LINES_MAX).join("\n")}`);
  if (lines.length > DIFFOSCOPE_LINES_MAX) print(`... and ${lines.length - DIFFOSCOPE_LINES_MAX} lines more`);
}

function keep(name: string, path: string, index: number): string {
  const to = join(ROOT, "build/reproduce", `${index}`, name);
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, readFileSync(path));
  return to;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

if (import.meta.main) {
  reportErrors();
  process.exitCode = reproduce(process.argv.slice(2));
}
