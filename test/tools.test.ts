// The commands of package.json keep what they promise to somebody who has just cloned the repository. Those that need
// no set-up are run here; those that do, on a fresh copy.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { build, ROOT } from "../tools/build.ts";
import { bestWay, type Way } from "../tools/container.ts";
import { findCompiler } from "../tools/run.ts";
import { freshCopy, freshEnvironment, needsRegistry } from "./lib/fresh.ts";
import { needsPidNamespace } from "./lib/process.ts";

const BOOTSTRAP = join(ROOT, "tools/bootstrap.mjs");

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], variables: NodeJS.ProcessEnv = {}, cwd = ROOT): Result {
  const [program = "", ...rest] = args;
  const env = { ...freshEnvironment(), ...variables };
  return spawnSync(program, rest, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

const tool = (...args: string[]): string[] => [process.execPath, BOOTSTRAP, ...args];

test("npm start ends with the status of the program, also of one that a signal ended", () => {
  assert.equal(run(tool("start", "sh", "-c", "exit 7")).status, 7);
  assert.equal(run(tool("start", "sh", "-c", "kill -KILL $$")).status, 137);
  assert.equal(run(tool("start", "/nonexistent")).status, 127);
});

test("npm start hands arguments over as they are, and options to steady", () => {
  const odd = [
    "",
    " a  b ",
    "$HOME",
    "`id`",
    "it's",
    '"',
    "\\",
    "*",
    "?",
    ";",
    "&",
    "é",
    "two\nlines",
    "--",
    "-v",
    "%s",
  ];
  const { stdout } = run(["npm", "start", "--silent", "--", "printf", "<%s>\n", ...odd]);
  assert.equal(stdout, odd.map((arg) => `<${arg}>\n`).join(""));
  assert.match(run(["npm", "start", "--silent", "--", "--version"]).stdout, /^steady version \d/);
});

test("npm start keeps standard output for the program, and runs it where the user stands", () => {
  const folder = realpathSync(tmpdir());
  const { stdout } = run(["npm", "--prefix", ROOT, "start", "--silent", "--", "pwd"], {}, folder);
  assert.equal(stdout, `${folder}\n`);
});

test("npm start passes signals on to the program, and waits for it", async () => {
  const script = "trap 'echo stopping; exit 3' TERM; echo ready; while :; do sleep 0.1; done";
  const [program = "", ...args] = tool("start", "sh", "-c", script);
  const child = spawn(program, args, { env: freshEnvironment(), stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (said === "") child.kill("SIGTERM");
    said += text;
  });
  const [status] = await once(child, "close");
  assert.equal(said, "ready\nstopping\n");
  assert.equal(status, 3);
});

test("building again without changes does nothing", () => {
  const { status, stderr } = run(tool("build"));
  assert.equal(status, 0);
  assert.match(stderr, /up to date/);
});

test("a missing C compiler gets a sentence that says what to install", () => {
  const none = run(tool("build"), { PATH: "/nonexistent" });
  assert.equal(none.status, 1);
  assert.equal(
    none.stderr,
    "no C compiler found: install one (on Debian: apt-get install gcc libc6-dev), or set CC\n",
  );
  const wrong = run(tool("start", "true"), { CC: "/nonexistent" });
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /^CC names \/nonexistent, which cannot be run: .*\n$/);
});

test("a compiler without headers gets a sentence that says what to install", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "steady-tools-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const compiler = join(folder, "cc");
  writeFileSync(compiler, `#!/bin/sh\nexec ${findCompiler()} -nostdinc "$@"\n`, { mode: 0o755 });
  const out = join(folder, "out");
  assert.throws(() => build({ core: join(ROOT, "core"), out, name: "steady", compiler }), {
    message: new RegExp(
      `^${compiler} lacks a header: install .*\\(on Debian: apt-get install libc6-dev\\)\n`,
    ),
  });
});

test("a tool that does not exist gets a sentence", () => {
  const { status, stderr } = run(tool("nonsense"));
  assert.equal(status, 1);
  assert.match(stderr, /there is no tools\/nonsense\.ts/);
});

test("a word that a tool does not know gets a sentence, and no stack", () => {
  for (const name of ["mutants", "fidelity", "simulate", "soak"]) {
    const { status, stdout, stderr } = run(tool(name, "--nonesuch"));
    assert.deepEqual([status, stdout], [1, ""], name);
    assert.match(stderr, /^Unknown option '--nonesuch'/, name);
    assert.doesNotMatch(stderr, /^ +at /m, name);
  }
});

test("npm run size finds the file, the memory and the lines of C within their budgets", (t) => {
  if (!needsPidNamespace(t)) return;
  const { status, stdout, stderr } = run(tool("size"));
  assert.equal(status, 0, stdout + stderr);
  for (const name of ["file", ".warm", "core.wasm", "hand-written C", "resident", "private"]) {
    assert.match(stdout, new RegExp(`^ *${name.replace(".", "\\.")} +[1-9]\\d* `, "m"));
  }
});

test("the tour: as PID 1", (t) => {
  if (!needsPidNamespace(t)) return;
  playTour(bestWay(), "auto");
  playTour(bestWay(), "wait");
});

test("the tour: as a subreaper, where namespaces are denied", () => playTour("none", "auto"));

function playTour(way: Way, reap: string): void {
  const { status, stdout, stderr } = run(tool("start"), { STEADY_TOUR: way, STEADY_REAP: reap });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, way === "none" ? /as a subreaper/ : /steady is PID 1/);
  assert.match(stdout, /^ {2}orphans gone +24 of 24; zombies left: 0$/m);
  assert.match(stdout, /^ {2}signals forwarded +5 of 5: /m);
  assert.match(stdout, /^ {2}wake-ups while idle +0 in /m);
  assert.match(stdout, /^ {2}resident memory of steady +[1-9]\d* kB/m);
  assert.match(stdout, /^ {2}exit status +0,/m);
  assert.ok(!stdout.includes("\x1b"), "colours without a terminal");
}

const FIXTURE = `
import { test } from "node:test";
import assert from "node:assert/strict";
import { needs } from "./lib/needs.ts";
test("rides", (t) => { if (needs(t, false, "a unicorn", "apt-get install unicorn")) assert.fail(); });
test("walks", () => assert.ok(!process.env.STUMBLE));
`;

test("a fresh copy: npm start installs and builds, npm test says what was not run and how it would be", (t) => {
  if (!needsRegistry(t)) return;
  const folder = freshCopy();
  // As in somebody's .npmrc; most tools would not run on the Node that many have.
  const strict = { npm_config_engine_strict: "true", NODE_ENV: "production" };
  const start = run(["npm", "start", "--silent", "--", "sh", "-c", "echo out; exit 7"], strict, folder);
  assert.equal(start.status, 7, start.stderr);
  assert.equal(start.stdout, "out\n");

  writeFileSync(join(folder, "test/fixture.test.ts"), FIXTURE);
  const tested = run(["npm", "test", "--", "fixture"], {}, folder);
  assert.equal(tested.status, 0, tested.stdout + tested.stderr);
  assert.match(tested.stdout, /^Not run:\n {2}rides\n {4}needs a unicorn: apt-get install unicorn\n/m);
  assert.match(tested.stdout, /: npm run test:all\n\n# tests 2\n(# .*\n)+$/);

  const stumbled = run(["npm", "test", "--", "fixture"], { STUMBLE: "1" }, folder);
  assert.equal(stumbled.status, 1);
  assert.match(stumbled.stdout, /^# fail 1$/m);
});
