// Verification of what others make: Debian's inits, minisign's signatures; and steady built again from a commit, with the
// same compiler and with another.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Code, type FileVerdict, verify } from "../../lab/index.ts";
import { readMinisignKey, verifyMinisign } from "../../lab/verify/minisign.ts";
import { filesUnder, ROOT, SOURCES } from "../../tools/build.ts";
import { makeRelease, Signer, signRelease } from "../lab/release.ts";
import { needsProgram } from "../lib/process.ts";

const folder = mkdtempSync(join(tmpdir(), "steady-verify-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const DEBIAN = [
  ["/usr/bin/tini", "tini", "dynamic"],
  ["/usr/bin/tini-static", "tini", "static"],
  ["/usr/bin/dumb-init", "dumb-init", "dynamic"],
  ["/usr/bin/catatonit", "catatonit", "static"],
] as const;

for (const [path, init, linkage] of DEBIAN) {
  test(`Debian's ${path} is verified by its digest, and one changed byte makes it unknown`, async (context) => {
    if (!needsProgram(context, path, `apt-get install ${init}`)) return;
    const [subject] = (await verify({ files: [path] })).subjects as FileVerdict[];
    assert.deepEqual([subject?.verdict, subject?.identity?.init], ["verified", init]);
    assert.deepEqual([subject?.identity?.by, subject?.identity?.linkage], ["digest", linkage]);
    const content = readFileSync(path);
    content[content.length - 1] = (content.at(-1) ?? 0) ^ 1;
    const copy = join(folder, "docker-init");
    writeFileSync(copy, content);
    const [changed] = (await verify({ files: [copy] })).subjects as FileVerdict[];
    assert.deepEqual([changed?.verdict, changed?.identity?.init], ["unknown", init]);
    assert.deepEqual(
      [changed?.identity?.by, changed?.identity?.version],
      ["content", subject?.identity?.version],
    );
    assert.equal(changed?.identity?.as, init === "tini" ? "docker-init" : undefined);
  });
}

test("what Debian's minisign signs is good here, and what is signed here is good there", (context) => {
  if (!needsProgram(context, "minisign", "apt-get install minisign")) return;
  const at = join(folder, "minisign");
  mkdirSync(at);
  const file = join(at, "file");
  writeFileSync(file, "content\n");
  const run = (...args: string[]) =>
    execFileSync("minisign", args, { cwd: at, stdio: ["ignore", "pipe", "pipe"] });
  run("-G", "-W", "-p", "theirs.pub", "-s", "theirs.key");
  const key = readMinisignKey(readFileSync(join(at, "theirs.pub"), "utf8"));
  assert.ok(key !== undefined);
  for (const legacy of [[], ["-l"]]) {
    run("-S", ...legacy, "-s", "theirs.key", "-m", "file", "-t", "told");
    const answer = verifyMinisign(readFileSync(file), readFileSync(`${file}.minisig`), [key]);
    assert.deepEqual([answer.kind, "trustedComment" in answer && answer.trustedComment], ["good", "told"]);
  }
  const ours = new Signer();
  writeFileSync(join(at, "ours.pub"), ours.minisignKey());
  writeFileSync(`${file}.minisig`, ours.minisign(readFileSync(file)));
  assert.match(run("-V", "-p", "ours.pub", "-m", "file").toString(), /verified/);
});

/** The version of a Debian package that is there. */
function installed(name: string): string {
  return spawnSync("dpkg-query", ["-W", name], { encoding: "utf8" }).stdout.trim().split("\t")[1] ?? "";
}

describe("a release that is built again", () => {
  const sources = join(folder, "sources");
  const signer = new Signer();
  const key = join(folder, "steady.pub");
  let commit = "";

  before(() => {
    writeFileSync(key, signer.minisignKey());
    for (const path of [...SOURCES.flatMap(filesUnder), "package.json", "package-lock.json", "LICENSE"]) {
      mkdirSync(dirname(join(sources, path)), { recursive: true });
      cpSync(join(ROOT, path), join(sources, path));
    }
    // tools/ reads two tables of the tests.
    for (const path of ["test/all/packages.ts", "lab/package.json"]) {
      mkdirSync(dirname(join(sources, path)), { recursive: true });
      cpSync(join(ROOT, path), join(sources, path));
    }
    symlinkSync(join(ROOT, "node_modules"), join(sources, "node_modules"));
    writeFileSync(join(sources, ".gitignore"), "node_modules\nbuild\ndist\n");
    const git = (...args: string[]): string =>
      execFileSync("git", ["-c", "user.name=test", "-c", "user.email=test@example.org", ...args], {
        cwd: sources,
        encoding: "utf8",
      });
    git("init", "--quiet");
    git("add", "--all");
    git("commit", "--quiet", "--message", "the sources");
    commit = git("rev-parse", "HEAD").trim();
    const env = { ...process.env, SOURCE_COMMIT: commit };
    execFileSync("npm", ["run", "build", "--silent"], { cwd: sources, env, stdio: "pipe" });
  });

  /** A release of what was built, with changes. */
  function release(name: string, changes: Readonly<Record<string, Buffer>> = {}): string {
    const at = join(folder, name);
    const read = (path: string): Buffer => readFileSync(join(sources, path));
    const toolchain = ["gcc-12", "libc6-dev"].map((each) => `pkg:deb/debian/${each}@${installed(each)}`);
    makeRelease(at, signer, {
      commit,
      toolchain,
      files: { "steady-x86-64": read("dist/steady"), "core.wasm": read("dist/core.wasm"), ...changes },
      byproducts: Object.fromEntries(
        ["core.c", "core.h", "texts.h"].map((each) => [each, read(`build/${each}`)]),
      ),
    });
    signRelease(at, signer);
    return at;
  }

  async function codesOf(path: string): Promise<readonly [string, readonly Code[]]> {
    const { verdict, subjects } = await verify({
      files: [path],
      keys: [key],
      rebuild: true,
      repository: sources,
    });
    return [verdict, subjects[0]?.reasons.map(({ code }) => code) ?? []];
  }

  test("gives the same bytes", async () => {
    const [verdict, codes] = await codesOf(release("same"));
    assert.deepEqual([verdict, codes.includes("rebuilt")], ["verified", true]);
  });

  test("gives the same core with another compiler, which is no sign of tampering", async (context) => {
    if (!needsProgram(context, "clang", "apt-get install clang")) return;
    const at = release("clang");
    process.env.CC = "clang";
    try {
      const [verdict, codes] = await codesOf(at);
      assert.deepEqual([verdict, codes.includes("same-core-other-compiler")], ["verified", true]);
    } finally {
      delete process.env.CC;
    }
  });

  test("is tampered with where the signed core or the signed program is not what the commit makes", async () => {
    const core = Buffer.from(readFileSync(join(sources, "dist/core.wasm")));
    core[core.length - 1] = (core.at(-1) ?? 0) ^ 1;
    const [ofCore, coreCodes] = await codesOf(release("core", { "core.wasm": core }));
    assert.deepEqual([ofCore, coreCodes.includes("core-differs")], ["tampered", true]);
    const program = Buffer.from(readFileSync(join(sources, "dist/steady")));
    program[program.length - 1] = (program.at(-1) ?? 0) ^ 1;
    const [ofProgram, programCodes] = await codesOf(release("program", { "steady-x86-64": program }));
    assert.deepEqual([ofProgram, programCodes.includes("rebuild-differs")], ["tampered", true]);
  });

  test("one file of it can be asked about alone", async () => {
    const at = join(release("alone"), "steady-x86-64");
    const { verdict } = await verify({ files: [at], keys: [key], rebuild: true, repository: sources });
    assert.equal(verdict, "verified");
  });
});
