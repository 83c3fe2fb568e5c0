// Archives whose bytes depend on nothing but what is in them, by GNU tar and gzip, and the copies that go into them. The
// rule: sorted names, one time for all, no owner, no name of whoever made it.

import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { run, ToolError } from "../run.ts";

/** What is in a folder as a tar of POSIX's ustar format; times are seconds since 1970. Hard links stay such. */
export function tar(folder: string, names: readonly string[], epochSeconds: number, to: string): void {
  const same = ["--format=ustar", "--sort=name", `--mtime=@${epochSeconds}`];
  const nobody = ["--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"];
  run("tar", [...same, ...nobody, "-C", folder, "-cf", to, ...names], {
    env: { ...process.env, LC_ALL: "C" },
  });
}

/**
 * gzip of a file, in its place with ".gz" behind. By gzip(1), whose compression is the same on every processor; zlib in
 * Node's is not: it takes whatever instructions there are.
 */
export function gzip(path: string): string {
  const done = spawnSync("gzip", ["-n9c", path], { maxBuffer: 1 << 28 });
  if (done.status !== 0) throw new ToolError(`gzip failed: ${done.error?.message ?? done.stderr}`);
  writeFileSync(`${path}.gz`, done.stdout);
  rmSync(path);
  return `${path}.gz`;
}

/** A copy with this mode, whatever the umask and the folders that are missing. */
export function take(from: string, to: string, mode: number): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, mode);
}
