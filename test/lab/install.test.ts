// What `install` does to the file that it is asked to be, and which words mean which architecture.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { architectureNamed, ARCHITECTURES as KNOWN, program } from "../../lab/programs.ts";
import { ARCHITECTURES, architectureOf } from "../../tools/architectures.ts";
import { ROOT } from "../../tools/build.ts";
import { platformText } from "../../tools/release/image.ts";
import { findCompiler } from "../../tools/run.ts";
import { freshFolder } from "../lib/build.ts";

const folder = freshFolder("install");

function install(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const command = [process.execPath, join(ROOT, "lab/bin.ts"), "install", ...args];
  return spawnSync("sh", ["-c", 'umask 077; exec "$@"', "sh", ...command], { encoding: "utf8" });
}

test("the file is the program of this machine, for everybody to run, and its digest is printed", () => {
  const out = join(folder, "steady");
  const { status, stdout, stderr } = install("--out", out);
  assert.equal(status, 0, stderr);
  const { sha256, architecture } = program();
  assert.equal(architecture, architectureOf(findCompiler()).name);
  assert.equal(stdout, `${sha256}  ${out}\n`);
  assert.deepEqual(readFileSync(out), readFileSync(join(ROOT, "dist/steady")));
  assert.equal(statSync(out).mode & 0o7777, 0o755);
});

test("a file that was there is replaced as a whole, and whoever runs it keeps the old one", () => {
  const out = join(folder, "replaced");
  writeFileSync(out, "before");
  const before = statSync(out).ino;
  assert.equal(install("--out", out).status, 0);
  assert.notEqual(statSync(out).ino, before);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("replaced.")),
    [],
  );
});

test("what cannot be written, and what cannot be meant, is said, and nothing is left behind", () => {
  const missing = install("--out", join(folder, "nowhere/steady"));
  assert.equal(missing.status, 2);
  assert.match(
    missing.stderr,
    /^steady-lab: cannot write .*: there is no directory .*nowhere: make it first\n$/,
  );
  const occupied = join(folder, "occupied");
  mkdirSync(occupied);
  const directory = install("--out", occupied);
  assert.equal(directory.status, 64);
  assert.match(directory.stderr, /is a directory: name the file, as .*occupied\/steady\n$/);
  const unknown = install("--arch", "s390x", "--out", join(folder, "unknown"));
  assert.equal(unknown.status, 64);
  assert.equal(
    unknown.stderr,
    'steady-lab: there is no steady for "s390x": it is one of x86-64, arm64, armv7, i386, riscv64, ppc64le\n',
  );
  assert.equal(install("--arch", "arm64").status, 64);
  assert.deepEqual(
    readdirSync(folder).filter((name) => /nowhere|unknown|\.[0-9a-f]{12}$/.test(name)),
    [],
  );
});

test("the architectures are those that are built, by our names, Docker's, Debian's and the kernel's", () => {
  assert.deepEqual(
    KNOWN,
    ARCHITECTURES.map(({ name }) => name),
  );
  for (const { name } of ARCHITECTURES) {
    assert.equal(architectureNamed(platformText(name)), name);
    assert.equal(architectureNamed(platformText(name).split("/")[1] ?? ""), name);
  }
  const others = ["armhf", "ppc64el", "x86_64", "aarch64", "ARM64", "linux/arm64/v8"];
  assert.deepEqual(others.map(architectureNamed), ["armv7", "ppc64le", "x86-64", "arm64", "arm64", "arm64"]);
});
