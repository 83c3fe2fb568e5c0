// `npm run release -- --dry-run`: makes release/, everything that a release has: programs, archives, an image, lists of
// digests, a bill of materials, provenance, signatures. It is made twice, from two checkouts of the commit, and refused
// where one byte differs. Without --dry-run the commit must be tagged, dated in the changelog and built by the toolchain of
// docs/trusted-base.md. Nothing is published from here. docs/release.md tells more.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "./build.ts";
import { assemble } from "./release/assemble.ts";
import { checkOut, type Facts, factsOf } from "./release/facts.ts";
import { freshKey, minisignKey, readKey, signRelease } from "./release/sign.ts";
import { ADD_LINES, filesOf } from "./release/sums.ts";
import { type DebianPackage, requireToolchain, toolchain } from "./release/toolchain.ts";
import { reportErrors, run, ToolError } from "./run.ts";

const USAGE = `usage: npm run release -- [--dry-run] [--repository OWNER/NAME] [--out FOLDER] [--key FILE | --unsigned]
       npm run release -- --sign FOLDER --key FILE`;

function main(args: readonly string[]): void {
  const { sign, key, out, unsigned, repository, "dry-run": dryRun = false } = optionsOf(args);
  if (sign !== undefined) {
    if (key === undefined) throw new ToolError(`--sign needs --key FILE, the private key\n${USAGE}`);
    tellSigned(resolve(sign), signRelease(resolve(sign), readKey(key)));
    return;
  }
  if (!dryRun && key === undefined && unsigned !== true)
    throw new ToolError(
      `a release is signed: --key FILE, or --unsigned to have it signed elsewhere\n${USAGE}`,
    );
  const secret = key === undefined ? undefined : readKey(key);
  const facts = factsOf(dryRun, repository ?? process.env.GITHUB_REPOSITORY);
  const debian = toolchain();
  if (!dryRun) requireToolchain(debian);
  const folder = resolve(ROOT, out ?? "release");
  makeTwice(facts, debian, folder);
  if (unsigned !== true) tellSigned(folder, signRelease(folder, secret ?? keyOfDryRun(folder)));
  print(`${relative(process.cwd(), folder) || "."}: ${filesOf(folder).join(" ")}\n`);
  print(readFileSync(join(folder, ADD_LINES), "utf8").trimEnd());
}

function optionsOf(args: readonly string[]) {
  const options = {
    "dry-run": { type: "boolean" },
    repository: { type: "string" },
    out: { type: "string" },
    key: { type: "string" },
    unsigned: { type: "boolean" },
    sign: { type: "string" },
  } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (error) {
    throw new ToolError(`${(error as Error).message}\n${USAGE}`);
  }
}

/** A dry run's own key: its public half is left beside the release, the other half nowhere. */
function keyOfDryRun(folder: string) {
  const key = freshKey();
  const path = `${folder}.pub`;
  writeFileSync(path, minisignKey(key));
  print(`signed by a key of this run alone: ${relative(process.cwd(), path)}`);
  return key;
}

function tellSigned(folder: string, names: readonly string[]): void {
  print(`signed: ${names.map((name) => relative(process.cwd(), join(folder, name))).join(" ")}`);
}

/** What is otherwise the second time, besides the folder. */
const SECOND = { TZ: "LINT-14", LC_ALL: "tr_TR.UTF-8", UV_THREADPOOL_SIZE: "1" };

/** Leaves the release in the folder where both are the same bytes. */
function makeTwice(facts: Facts, debian: readonly DebianPackage[], folder: string): void {
  const work = mkdtempSync(join(tmpdir(), "steady-release-"));
  try {
    const first = make(facts, debian, join(work, "1"), {}, "022");
    const second = make(facts, debian, join(work, "second time, in a longer name"), SECOND, "077");
    requireSame(first, second, `${folder}.differs`);
    rmSync(folder, { recursive: true, force: true });
    cpSync(first, folder, { recursive: true, preserveTimestamps: false });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Builds a checkout under a umask, and answers the folder with what is made of it. */
function make(
  facts: Facts,
  debian: readonly DebianPackage[],
  folder: string,
  varied: Readonly<Record<string, string>>,
  umask: string,
): string {
  const [tree, out] = [join(folder, "tree"), join(folder, "release")];
  for (const each of [tree, out]) mkdirSync(each, { recursive: true });
  checkOut(facts.commit, tree);
  const sources = { SOURCE_DATE_EPOCH: `${facts.epochSeconds}`, SOURCE_COMMIT: facts.commit };
  const env = { ...process.env, ...sources, ...varied };
  const build = [process.execPath, "tools/build.ts", "--arch", "all"];
  run("sh", ["-c", `umask ${umask}; exec "$@"`, "sh", ...build], { cwd: tree, env });
  assemble(tree, facts, debian, out);
  return out;
}

function requireSame(first: string, second: string, kept: string): void {
  const names = [...new Set([...filesOf(first), ...filesOf(second)])];
  const bytes = (folder: string, name: string): string => {
    try {
      return readFileSync(join(folder, name), "latin1");
    } catch {
      return "missing";
    }
  };
  const different = names.filter((name) => bytes(first, name) !== bytes(second, name));
  if (different.length === 0) {
    print(`made twice: ${names.length} files, the same bytes both times`);
    return;
  }
  rmSync(kept, { recursive: true, force: true });
  for (const [index, from] of [first, second].entries())
    cpSync(from, join(kept, `${index + 1}`), { recursive: true });
  throw new ToolError(
    `made twice, and not the same bytes: ${different.join(" ")}\nBoth are in ${relative(process.cwd(), kept)}; npm run reproduce tells more. Nothing is released.`,
  );
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

reportErrors();
main(process.argv.slice(2));
