// The same sources give the same bytes, wherever they lie, and a build without a change does nothing.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { ROOT } from "../tools/build.ts";
import { run } from "../tools/run.ts";
import { freshFolder } from "./lib/build.ts";

const SOURCES = ["core", "native", "texts", "tools", "package.json", "package-lock.json", "LICENSE"];
const RESULTS = ["dist/core.wasm", "build/core.c", "build/texts.h", "dist/steady"];

/** A copy of what the build reads, in a folder of this name under build/. */
function copySources(name: string): string {
  const folder = freshFolder(name);
  for (const each of SOURCES) cpSync(join(ROOT, each), join(folder, each), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}

function build(folder: string): void {
  run(process.execPath, [join(folder, "tools/build.ts")], { cwd: folder });
}

const contents = (folder: string): Map<string, string> =>
  new Map(RESULTS.map((path) => [path, readFileSync(join(folder, path)).toString("hex")]));
const times = (folder: string): number[] => RESULTS.map((path) => statSync(join(folder, path)).mtimeMs);

let near: string;
let far: string;

before(async () => {
  near = copySources("r1");
  far = copySources("reproducible/a folder/with a longer name and deeper");
  const both = [near, far].map((folder) =>
    promisify(execFile)(process.execPath, [join(folder, "tools/build.ts")], { cwd: folder }),
  );
  await Promise.all(both);
});

test("two builds in folders of different name and depth give the same wasm, C and ELF", () => {
  assert.deepEqual(contents(near), contents(far));
});

test("what is in dist is what its sources give", () => {
  for (const path of ["dist/core.wasm", "dist/steady"]) {
    assert.ok(readFileSync(join(near, path)).equals(readFileSync(join(ROOT, path))), path);
  }
});

test("no result names the folder that it was built in", () => {
  for (const path of RESULTS)
    assert.equal(readFileSync(join(far, path)).includes("a longer name"), false, path);
});

test("building again without a change leaves every file as it is", () => {
  const [bytes, stamps] = [contents(near), times(near)];
  build(near);
  assert.deepEqual(times(near), stamps);
  assert.deepEqual(contents(near), bytes);
});

test("a change of a source is built", () => {
  const messages = join(far, "texts/messages.ts");
  // A text that is not packed.
  writeFileSync(
    messages,
    readFileSync(messages, "utf8").replace(
      "VersionSteady: `steady version",
      "VersionSteady: `steady revision",
    ),
  );
  build(far);
  assert.ok(readFileSync(join(far, "dist/steady")).includes("steady revision"));
});
