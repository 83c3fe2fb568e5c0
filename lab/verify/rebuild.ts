// steady built again from the commit that the provenance names, in a copy of the user's own repository, and compared. The
// rule: what no compiler has a say in (core.wasm, the generated C) must be the same bytes; an ELF file may differ only where
// the compiler is another than the provenance names, and that is told, never called tampering.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { filesIn, readBeside } from "./files.ts";
import { identifyByContent, sha256 } from "./identify.ts";
import { JsonError } from "./json.ts";
import { decoded, parseStatement, type Statement } from "./provenance.ts";
import { PROVENANCE } from "./release.ts";
import { type Reason, reason } from "./verification.ts";

export interface RebuildRequest {
  /** A release, or one file in it. */
  readonly folder?: string;
  readonly file?: string;
  /** A git repository that has the commit. */
  readonly repository: string;
}

/** Something that keeps it from being built: a sentence. */
class CannotRebuild extends Error {}

/** An ELF file as steady-lab names architectures, which for arm is the build's armv7. */
const BUILD_NAMES: Readonly<Record<string, string>> = { arm: "armv7" };

export async function rebuild({ folder, file, repository }: RebuildRequest): Promise<Reason[]> {
  const release = folder ?? dirname(file ?? "");
  const provenance = readBeside(join(release, PROVENANCE));
  if (provenance === undefined)
    return [reason("no-provenance", `There is no ${PROVENANCE} that names the commit to build.`)];
  const work = mkdtempSync(join(tmpdir(), "steady-rebuild-"));
  try {
    const statement = parseStatement(provenance);
    const copy = checkOut(repository, statement.provenance.commit, work);
    runBuild(copy, statement, []);
    const core = compareCore(copy, release, statement);
    if (core.some(({ code }) => code === "core-differs")) return core;
    const programs = file === undefined ? programsIn(release) : [basename(file)];
    return [...core, ...programs.map((name) => compareProgram(copy, release, name, statement))];
  } catch (error) {
    if (!(error instanceof CannotRebuild) && !(error instanceof JsonError)) throw error;
    return [reason("cannot-rebuild", error.message)];
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The sources of a commit in a folder of their own, with the packages that are there already where they are the same. */
function checkOut(repository: string, commit: string | undefined, work: string): string {
  if (commit === undefined) throw new CannotRebuild(`${PROVENANCE} names no commit.`);
  const copy = join(work, "steady");
  mkdirSync(copy);
  const archive = spawnSync("git", ["-C", repository, "archive", "--format=tar", commit], {
    maxBuffer: 1 << 28,
  });
  if (archive.status !== 0)
    throw new CannotRebuild(
      `The repository ${repository} has no commit ${commit}: fetch it, or name another with --repository.`,
    );
  const unpacked = spawnSync("tar", ["-x", "-C", copy], { input: archive.stdout });
  if (unpacked.status !== 0) throw new CannotRebuild(`tar cannot unpack ${commit}: ${unpacked.stderr}`);
  lendPackages(repository, copy);
  return copy;
}

/** tools/bootstrap.mjs installs what is missing; what it would find unchanged is lent, and never written to. */
function lendPackages(repository: string, copy: string): void {
  const stamp = join(repository, "node_modules/.lock-sha256");
  const lock = sha256(readFileSync(join(copy, "package-lock.json")));
  if (!existsSync(stamp) || readFileSync(stamp, "utf8").trim() !== lock) return;
  symlinkSync(resolve(repository, "node_modules"), join(copy, "node_modules"));
}

/** The commit is in the program, for --attest. */
function runBuild(copy: string, { provenance: { commit } }: Statement, args: readonly string[]): void {
  const env = { ...process.env, SOURCE_COMMIT: commit };
  const built = spawnSync("npm", ["run", "build", "--silent", ...args], { cwd: copy, env, encoding: "utf8" });
  if (built.status === 0) return;
  const said = `${built.error?.message ?? ""}${built.stderr ?? ""}`.trim().split("\n").slice(-3).join(" ");
  throw new CannotRebuild(`It cannot be built here: ${said}`);
}

/** core.wasm of the release, and the generated C by the digests of the statement. */
function compareCore(copy: string, release: string, { byproducts }: Statement): Reason[] {
  const expected = byproducts.map(({ name, sha256: digest }) => ({ name, digest, at: join("build", name) }));
  const released = readBeside(join(release, "core.wasm"));
  if (released !== undefined)
    expected.push({ name: "core.wasm", digest: sha256(released), at: "dist/core.wasm" });
  const known = expected.filter(({ at }) => existsSync(join(copy, at)));
  const wrong = known.filter(({ digest, at }) => sha256(readFileSync(join(copy, at))) !== digest);
  if (wrong.length > 0)
    return wrong.map(({ name }) =>
      reason("core-differs", `${name}, in which no C compiler has a say, is not what the commit makes.`),
    );
  if (known.length === 0)
    return [reason("cannot-rebuild", "The release has neither core.wasm nor digests of the generated C.")];
  return [];
}

function programsIn(release: string): string[] {
  const { files } = filesIn(release);
  return files.filter((path) => programOf(join(release, path)) !== undefined);
}

function programOf(path: string): string | undefined {
  const content = readBeside(path);
  const identity = content === undefined ? undefined : identifyByContent(content);
  if (identity?.init !== "steady" || identity.architecture === undefined) return undefined;
  return BUILD_NAMES[identity.architecture] ?? identity.architecture;
}

function compareProgram(copy: string, release: string, name: string, statement: Statement): Reason {
  const { provenance } = statement;
  const architecture = programOf(join(release, name));
  if (architecture === undefined) return reason("cannot-rebuild", `${name} is not steady.`);
  try {
    runBuild(copy, statement, ["--", "--arch", architecture]);
  } catch (error) {
    return reason("cannot-rebuild", `${name}: ${(error as Error).message}`);
  }
  const built = readFileSync(join(copy, "dist", architecture, "steady"));
  if (built.equals(readFileSync(join(release, name))))
    return reason("rebuilt", `${name} is what ${provenance.commit} makes here, byte for byte.`);
  const missing = otherTools(provenance.toolchain);
  return missing === ""
    ? reason(
        "rebuild-differs",
        `${name} is not what ${provenance.commit} makes with the compiler that is named.`,
      )
    : reason("same-core-other-compiler", `${name}: same core, other compiler (${missing}).`);
}

/** What of the toolchain is not here as it is named; empty where all of it is. */
function otherTools(toolchain: readonly string[]): string {
  const { CC = "" } = process.env;
  if (CC !== "") return `CC is ${CC}`;
  const debian = toolchain
    .map((url) => /^pkg:deb\/debian\/([^@?]+)@([^?]+)/.exec(url))
    .filter((each) => each !== null);
  if (debian.length === 0) return "the provenance names none";
  const other = debian.flatMap(([, name = "", wanted = ""]) => {
    const here = debianVersion(decoded(name));
    return here === decoded(wanted) ? [] : [`${name} ${here === "" ? "is not here" : `is ${here}`}`];
  });
  return other.join(", ");
}

/** Of an installed package; empty where it is not installed. */
function debianVersion(name: string): string {
  const { stdout } = spawnSync("dpkg-query", ["-W", name], { encoding: "utf8" });
  return /\t(.*)/.exec(stdout ?? "")?.[1] ?? "";
}
