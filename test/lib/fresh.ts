// A copy of the repository as somebody who has just cloned it finds it: without node_modules, build or dist, and
// without the environment that npm gives to its scripts.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { needs } from "./needs.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const LEFT_OUT = new Set(["node_modules", "build", "dist", ".git", ".npm-ci.lock"]);

/** Copies the repository; the copy is gone when the test file has ended. */
export function freshCopy(): string {
  const folder = mkdtempSync(join(tmpdir(), "steady-fresh-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(ROOT, folder, { recursive: true, filter: (source) => !LEFT_OUT.has(relative(ROOT, source)) });
  return folder;
}

/** The environment as it was before npm, node's test runner and this repository's tools added to it. */
export function freshEnvironment(): NodeJS.ProcessEnv {
  const ours = /^(npm_(?!config_)|npm_config_local_prefix$|INIT_CWD$|NODE$|NODE_TEST_CONTEXT$|STEADY_|CC$)/;
  const kept = Object.entries(process.env).filter(([name]) => !ours.test(name));
  const path = (process.env.PATH ?? "").split(":").filter((folder) => !folder.includes("node_modules"));
  return { ...Object.fromEntries(kept), PATH: path.join(":") };
}

/** Whether packages can be had; asked for once, since it takes a second. */
export function needsRegistry(test: TestContext): boolean {
  registryAnswers ??= askRegistry();
  return needs(test, registryAnswers, "the npm registry", "npm test, with access to the npm registry");
}

let registryAnswers: boolean | undefined;

function askRegistry(): boolean {
  const asked = spawnSync("npm", ["view", "typescript", "name"], {
    env: freshEnvironment(),
    stdio: "ignore",
    timeout: 30_000,
  });
  return asked.status === 0;
}
