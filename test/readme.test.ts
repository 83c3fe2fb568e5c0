// The commands of README.md do what README.md says (test/lib/blocks.ts has the rule), on a copy of the repository, one
// block after the other. It has no node_modules and no dist when the first begins, so the first `npm start` also prints
// what it installs and builds, on standard error: write "..." there.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkBlock, commandsOf, matches, shellBlocks } from "./lib/blocks.ts";
import { freshCopy, needsRegistry } from "./lib/fresh.ts";

const README = fileURLToPath(new URL("../README.md", import.meta.url));

test("README: every command does what is printed below it, in a fresh copy", (t) => {
  const blocks = shellBlocks(readFileSync(README, "utf8"));
  assert.ok(blocks.length > 0, "README.md has no block fenced as sh");
  if (!needsRegistry(t)) return;
  const folder = freshCopy();
  for (const block of blocks) checkBlock("README.md", folder, commandsOf(block));
});

test("README: the npm scripts it names exist", () => {
  const { scripts } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const readme = readFileSync(README, "utf8");
  for (const [, name] of readme.matchAll(/\bnpm run ([\w:-]+)/g)) assert.ok(name && name in scripts, name);
});

test("the rule for blocks tells right from wrong", () => {
  assert.deepEqual(commandsOf("$ echo a\na\n$ b \\\n  c\n...\n"), [
    { command: "echo a", expected: ["a"] },
    { command: "b \\\n  c", expected: ["..."] },
  ]);
  assert.ok(matches(["a", "...", "z"], ["a", "m", "n", "z"]));
  assert.ok(matches(["pid ... is 1"], ["pid 17 is 1"]));
  assert.ok(matches(["...", "7"], ["7"]));
  assert.ok(!matches(["a"], ["a", "b"]));
  assert.ok(!matches(["a.b"], ["axb"]));
  assert.throws(() => commandsOf("echo a\n"), /begins with "\$ "/);
});
