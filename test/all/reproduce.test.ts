// `npm run reproduce`: the same bytes under all the circumstances that it knows; and a source that lets the clock in is
// found, with diffoscope's answer.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../../tools/build.ts";
import { freshFolder } from "../lib/build.ts";
import { needsProgram, needsRoot } from "../lib/process.ts";

function reproduce(
  folder: string,
  ...args: string[]
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(folder, "tools/reproduce.ts"), ...args], { encoding: "utf8" });
}

test("another path, user, umask, time zone, locale, clock, order of files and number of processors change no byte", (context) => {
  if (!needsRoot(context)) return;
  for (const program of ["faketime", "disorderfs"])
    if (!needsProgram(context, program, `apt-get install ${program}`)) return;
  const { status, stdout, stderr } = reproduce(ROOT, "--arch", "armv7,ppc64le");
  assert.equal(status, 0, stdout + stderr);
  // A container may have no /dev/fuse, by which the order of files is changed.
  const same = [...stdout.matchAll(/^(\w[\w ]*?) +the same both times/gm)].map(([, name]) => name);
  assert.deepEqual(same, existsSync("/dev/fuse") ? [] : ["file order"]);
  assert.equal(stdout.match(/^[0-9a-f]{64} {2}/gm)?.length, 7);
  assert.match(stdout, /the same bytes both times$/m);
});

test("a file that says when it was made is found, and diffoscope tells where", (context) => {
  if (!needsProgram(context, "diffoscope", "apt-get install diffoscope-minimal")) return;
  const folder = freshFolder("with-a-clock");
  for (const name of [
    "core",
    "native",
    "texts",
    "tools",
    "test",
    "package.json",
    "package-lock.json",
    "LICENSE",
  ])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const source = join(folder, "native/linux.c");
  writeFileSync(source, readFileSync(source, "utf8").replace("the core failed", '" __DATE__ " " __TIME__ "'));
  const { status, stdout } = reproduce(folder);
  assert.equal(status, 1, stdout);
  assert.match(stdout, /^differs +dist\/steady$/m);
  assert.match(stdout, /^[0-9a-f]{64} {2}dist\/core\.wasm$/m);
  assert.match(stdout, /dist\/steady, by diffoscope:\n/);
  assert.match(stdout, /\d\d:\d\d:\d\d/);
  assert.match(stdout, /1 of 5 files differ/);
});
