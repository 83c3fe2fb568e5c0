// A repository of the tests' own: this one's files in a folder of their own, as a commit that is always the same.

import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/build.ts";
import { run } from "../../tools/run.ts";
import { freshCopy } from "./fresh.ts";

/** Answers its path; it is gone when the test file has ended. The packages are those of this folder. */
export function freshClone(): string {
  const folder = freshCopy();
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  git(folder, "init", "--quiet", "--initial-branch=main");
  commitAll(folder);
  return folder;
}

/** Whatever lies there, as the newest commit. */
export function commitAll(folder: string): void {
  git(folder, "add", "--all");
  git(folder, "commit", "--quiet", "--message", "All of it");
}

const DATE = "2026-01-02T03:04:05Z";

export function git(folder: string, ...args: string[]): string {
  const author = ["-c", "user.name=Tests", "-c", "user.email=tests@example.org"];
  const env = {
    ...process.env,
    GIT_AUTHOR_DATE: DATE,
    GIT_COMMITTER_DATE: DATE,
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_SYSTEM: "/dev/null",
  };
  return run("git", ["-C", folder, ...author, ...args], { env }).stdout;
}
