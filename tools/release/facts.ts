// What a release is made of, and what keeps it from being one. The rule: a release is a commit, never a folder that
// somebody is working in, and whatever is wrong with it is said before anything is built.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../build.ts";
import { run, ToolError } from "../run.ts";

export interface Facts {
  readonly version: string;
  readonly commit: string;
  /** When the commit was made, in seconds since 1970: every time in a release is this one (SOURCE_DATE_EPOCH). */
  readonly epochSeconds: number;
  /** OWNER/NAME on GitHub, where it is known. */
  readonly repository?: string;
}

export const tagOf = ({ version }: Pick<Facts, "version">): string => `v${version}`;

/** The commit that is checked out, and its version; a ToolError where it cannot be released. */
export function factsOf(dryRun: boolean, repository: string | undefined): Facts {
  requireRepository(repository);
  requireCleanTree();
  const version = versionOf();
  requireChangelog(readFileSync(join(ROOT, "CHANGELOG.md"), "utf8"), version, dryRun);
  const [commit = "", seconds = ""] = git("log", "-1", "--format=%H %ct").trim().split(" ");
  if (!dryRun) requireTag(version);
  return {
    version,
    commit,
    epochSeconds: Number(seconds),
    ...(repository === undefined ? {} : { repository }),
  };
}

function git(...args: string[]): string {
  return run("git", ["-C", ROOT, ...args]).stdout;
}

function requireRepository(repository: string | undefined): void {
  if (repository === undefined || /^[\w.-]+\/[\w.-]+$/.test(repository)) return;
  throw new ToolError(`--repository takes OWNER/NAME as on GitHub, not ${JSON.stringify(repository)}`);
}

const SHOWN_MAX = 10;

/** A clone's own tree: one that only lies in a folder of another would be described by the other's commit. */
function requireCleanTree(): void {
  if (!existsSync(join(ROOT, ".git")))
    throw new ToolError("this is no clone: a release is made of a commit, so clone the repository with git");
  const changed = git("status", "--porcelain").trimEnd().split("\n").filter(Boolean);
  if (changed.length === 0) return;
  const more = changed.length > SHOWN_MAX ? [`and ${changed.length - SHOWN_MAX} more`] : [];
  throw new ToolError(
    `the tree is not what its commit says; commit these, or take them away:\n${[...changed.slice(0, SHOWN_MAX), ...more].join("\n")}`,
  );
}

/** The one version that package.json, the lab's and the program's own texts agree on. */
function versionOf(): string {
  const manifest = (path: string): string =>
    (JSON.parse(readFileSync(join(ROOT, path), "utf8")) as { version: string }).version;
  const texts = /VERSION = "([^"]+)"/.exec(readFileSync(join(ROOT, "texts/messages.ts"), "utf8"))?.[1] ?? "";
  const versions = {
    "package.json": manifest("package.json"),
    "lab/package.json": manifest("lab/package.json"),
    "texts/messages.ts": texts,
  };
  const [version = "", ...others] = new Set(Object.values(versions));
  if (others.length === 0 && /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) return version;
  const told = Object.entries(versions).map(([path, each]) => `  ${each}  ${path}`);
  throw new ToolError(`the versions differ, or are none; make them one:\n${told.join("\n")}`);
}

/** A heading "## VERSION (YYYY-MM-DD)" and something under it; a dry run is content with "(unreleased)". */
export function requireChangelog(text: string, version: string, dryRun: boolean): void {
  const sections = text.split(/^## /m).slice(1);
  const section = sections.find((each) => each.startsWith(`${version} `));
  const [heading = "", ...lines] = section?.split("\n") ?? [];
  if (section === undefined || !lines.some((line) => line.startsWith("- ")))
    throw new ToolError(
      `CHANGELOG.md has no entry for ${version}: write what changed under "## ${version} (…)"`,
    );
  const when = heading.slice(version.length + 1);
  if (/^\(\d{4}-\d\d-\d\d\)$/.test(when) || (dryRun && when === "(unreleased)")) return;
  throw new ToolError(
    `CHANGELOG.md does not say when ${version} is released: make its heading "## ${version} (YYYY-MM-DD)"`,
  );
}

function requireTag(version: string): void {
  const tag = tagOf({ version });
  if (git("tag", "--points-at", "HEAD").split("\n").includes(tag)) return;
  throw new ToolError(`the commit has no tag ${tag}: tag it (git tag -s ${tag}), or try with --dry-run`);
}

/** The tree of a commit in an empty folder, with this one's packages, which are those of its lock file. */
export function checkOut(commit: string, folder: string): void {
  const archive = spawnSync("git", ["-C", ROOT, "archive", "--format=tar", commit], { maxBuffer: 1 << 28 });
  if (archive.status !== 0) throw new ToolError(`git archive ${commit} failed:\n${archive.stderr}`);
  run("tar", ["-x", "-C", folder], { input: archive.stdout, stdio: ["pipe", "pipe", "pipe"] });
  run("ln", ["-s", join(ROOT, "node_modules"), join(folder, "node_modules")]);
}

/** The sources of a commit as git writes them, under a folder of this name. */
export function sourceArchive(commit: string, name: string, to: string): void {
  git("archive", "--format=tar", `--prefix=${name}/`, "-o", to, commit);
}
