// `--install PATH` on this kernel: what it leaves at PATH, for whom, and that a place which cannot have it stays as it was.
// Every way in which a call can fail is played in test/played/install.ts, and made to fail in test/all/faults.test.ts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { folder } from "./lib/folder.ts";
import { IS_ROOT, needsPidNamespace, STEADY, start } from "./lib/process.ts";

const OWN = readFileSync(STEADY);

interface Installed {
  readonly status: number | null;
  readonly said: string;
}

/** In a folder, with a umask that takes everything from others. */
function install(cwd: string, ...words: string[]): Installed {
  const command = ["-c", 'umask 077; exec "$@"', "sh", STEADY, ...words];
  const { status, stdout, stderr } = spawnSync("sh", command, { cwd, encoding: "utf8" });
  return { status, said: stdout + stderr };
}

function isCopy(path: string): void {
  assert.ok(lstatSync(path).isFile(), path);
  assert.equal(statSync(path).mode & 0o7777, 0o755, path);
  assert.deepEqual(readFileSync(path), OWN, path);
}

test("the copy is the file itself, for everybody to run whatever the umask says", (context) => {
  const here = folder(context);
  mkdirSync(join(here, "shared"));
  for (const [path, at] of [
    ["init", "init"],
    [join(here, "absolute"), "absolute"],
    [".", "steady"],
    ["shared", "shared/steady"],
    ["shared/", "shared/steady"],
    ["shared/tini", "shared/tini"],
  ] as const) {
    assert.deepEqual(install(here, "--install", path), { status: 0, said: "" }, path);
    isCopy(join(here, at));
  }
  assert.deepEqual(readdirSync(here).sort(), ["absolute", "init", "shared", "steady"]);
  assert.deepEqual(readdirSync(join(here, "shared")).sort(), ["steady", "tini"]);
});

test("the copy copies itself", (context) => {
  const here = folder(context);
  install(here, "--install=first");
  const { status } = spawnSync(join(here, "first"), ["--install", "second"], { cwd: here });
  assert.equal(status, 0);
  isCopy(join(here, "second"));
});

test("a file that was there is replaced, and whoever runs it keeps the old one", async (context) => {
  const here = folder(context);
  install(here, "--install", "init");
  const running = start(context, [join(here, "init"), "--", "sh", "-c", "echo ready; read line; exit 7"]);
  await running.says("ready");
  const before = statSync(join(here, "init")).ino;
  assert.equal(install(here, "--install", "init").status, 0);
  assert.notEqual(statSync(join(here, "init")).ino, before);
  running.write("\n");
  assert.deepEqual(await running.ends(), { status: 7, signal: null });
});

test("a link at PATH is replaced and not followed; one to a folder leads into it", (context) => {
  const here = folder(context);
  writeFileSync(join(here, "precious"), "before");
  mkdirSync(join(here, "folder"));
  for (const [link, to] of [
    ["link", "precious"],
    ["dangling", "nowhere"],
    ["into", "folder"],
  ] as const)
    symlinkSync(to, join(here, link));
  for (const path of ["link", "dangling", "into"])
    assert.deepEqual(install(here, "--install", path), { status: 0, said: "" });
  for (const path of ["link", "dangling", "folder/steady"]) isCopy(join(here, path));
  assert.ok(lstatSync(join(here, "into")).isSymbolicLink());
  assert.equal(readFileSync(join(here, "precious"), "utf8"), "before");
});

/** Fails in a folder with a file `init` in it, which stays as it was; nothing is left beside it. */
function fails(here: string, path: string, what: string): void {
  const before = readdirSync(here).sort();
  const { status, said } = install(here, "--install", path);
  assert.equal(said.replace(/^\[FATAL steady \(\d+\)\] /, ""), `--install ${path}: cannot ${what}\n`);
  assert.equal(status, 1);
  assert.deepEqual(readdirSync(here).sort(), before);
}

test("a place that cannot be is told with what the kernel says of it", (context) => {
  const here = folder(context);
  writeFileSync(join(here, "file"), "before");
  mkdirSync(join(here, "taken/steady"), { recursive: true });
  symlinkSync("loop", join(here, "loop"));
  fails(here, "missing/init", "create a file there: No such file or directory");
  fails(here, "missing/", "create a file there: No such file or directory");
  fails(here, "file/init", "create a file there: Not a directory");
  fails(here, "file/", "create a file there: Not a directory");
  fails(here, "loop/init", "create a file there: Too many levels of symbolic links");
  fails(here, "x".repeat(300), "create a file there: File name too long");
  fails(here, "taken", "put it in its place: Is a directory");
  assert.deepEqual(readdirSync(join(here, "taken")), ["steady"]);
  assert.equal(readFileSync(join(here, "file"), "utf8"), "before");
});

test("a limit on the size of files leaves what was there and nothing else", (context) => {
  const here = folder(context);
  writeFileSync(join(here, "init"), "before");
  const limited = spawnSync("sh", ["-c", 'ulimit -f 16; exec "$@"', "sh", STEADY, "--install", "init"], {
    cwd: here,
    encoding: "utf8",
  });
  assert.match(limited.stderr, /--install init: cannot write it: File too large\n$/);
  assert.equal(limited.status, 1);
  assert.deepEqual([readdirSync(here), readFileSync(join(here, "init"), "utf8")], [["init"], "before"]);
});

/** In a mount namespace, on a tmpfs of its own; answers what was said, and what is there afterwards. */
function onMount(context: TestContext, options: string, setUp: string, path = "here/init"): string[] {
  const script = `set -e; mount -t tmpfs -o ${options} tmpfs here; echo before >here/init; ${setUp}
    "$1" --install ${path} 2>&1 && s=0 || s=$?; echo "status $s"; ls -A here; cat here/init`;
  const user = IS_ROOT ? [] : ["--user", "--map-root-user"];
  const here = folder(context);
  mkdirSync(join(here, "here"));
  const command = [...user, "--mount", "sh", "-c", script, "sh", STEADY];
  const { stdout, stderr } = spawnSync("unshare", command, { cwd: here, encoding: "utf8" });
  assert.equal(stderr, "");
  return stdout.trimEnd().split("\n");
}

test("on a full disk, a read-only one and a mounted file PATH stays whole, and nothing is left", (context) => {
  if (!needsPidNamespace(context)) return;
  const told = (lines: string[]): string[] => lines.map((line) => line.replace(/^.*: cannot /, ""));
  assert.deepEqual(told(onMount(context, "size=16k", ":")), [
    "write it: No space left on device",
    "status 1",
    "init",
    "before",
  ]);
  // Not even a name fits.
  assert.deepEqual(told(onMount(context, "nr_inodes=2", ":")), [
    "create a file there: No space left on device",
    "status 1",
    "init",
    "before",
  ]);
  assert.deepEqual(told(onMount(context, "size=1m", "mount -o remount,ro here")), [
    "create a file there: Read-only file system",
    "status 1",
    "init",
    "before",
  ]);
  assert.deepEqual(told(onMount(context, "size=1m", "mount --bind here/init here/init")), [
    "put it in its place: Device or resource busy",
    "status 1",
    "init",
    "before",
  ]);
  assert.deepEqual(told(onMount(context, "size=1m", "mount -t tmpfs none /proc")), [
    "read /proc/self/exe: No such file or directory",
    "status 1",
    "init",
    "before",
  ]);
});

test("what a killed copy has left does not stop the next one, and is left alone", (context) => {
  const here = folder(context);
  for (const letter of "abc") writeFileSync(join(here, `.steady-${letter}`), letter);
  assert.deepEqual(install(here, "--install", "init"), { status: 0, said: "" });
  isCopy(join(here, "init"));
  assert.deepEqual(readdirSync(here).sort(), [".steady-a", ".steady-b", ".steady-c", "init"]);
});

test("many at a time leave one whole file", async (context) => {
  const here = folder(context);
  const runs = Array.from({ length: 12 }, () => start(context, [STEADY, "--install", join(here, "init")]));
  const ends = await Promise.all(runs.map((run) => run.ends()));
  assert.deepEqual(ends, Array(12).fill({ status: 0, signal: null }));
  isCopy(join(here, "init"));
  assert.deepEqual(readdirSync(here), ["init"]);
});

test("under the names of other inits it is no option, whatever --as says before it", (context) => {
  const here = folder(context);
  for (const name of ["tini", "tini-static", "docker-init", "dumb-init", "catatonit", "podman-init"]) {
    const { status, stderr } = spawnSync(STEADY, ["--install", "init"], { cwd: here, argv0: name });
    assert.equal(status, 1, name);
    assert.match(String(stderr), /option/, name);
  }
  assert.deepEqual(readdirSync(here), []);
  assert.equal(
    spawnSync(STEADY, ["--as", "steady", "--install", "init"], { cwd: here, argv0: "tini" }).status,
    0,
  );
  isCopy(join(here, "init"));
});
