// What is no release and is refused before anything is built; signatures; archives; and the workflow, held against GitHub's
// own parser. A whole release: test/all/release.test.ts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { afterEach, describe, type TestContext, test } from "node:test";
import { readMinisignKey, verifyMinisign } from "../lab/verify/minisign.ts";
import { verifySigstore } from "../lab/verify/sigstore.ts";
import { ARCHITECTURES } from "../tools/architectures.ts";
import { ROOT } from "../tools/build.ts";
import { gzip, tar } from "../tools/release/archives.ts";
import { requireChangelog } from "../tools/release/facts.ts";
import { platformText } from "../tools/release/image.ts";
import { bundle, freshKey, minisign, minisignKey, signRelease } from "../tools/release/sign.ts";
import { sha256, sumsOf } from "../tools/release/sums.ts";
import { requireToolchain } from "../tools/release/toolchain.ts";
import { DEBIAN } from "../tools/trusted.ts";
import { freshFolder } from "./lib/build.ts";
import { commitAll, freshClone, git } from "./lib/clone.ts";
import { freshCopy } from "./lib/fresh.ts";
import { needsProgram } from "./lib/process.ts";

const HEADING = /^## (\d+\.\d+\.\d+) \(.*\)$/m;

describe("what is no release is refused, and the refusal says why", () => {
  const clone = spawnSync("git", ["--version"]).error === undefined ? freshClone() : undefined;

  afterEach(() => {
    if (clone === undefined) return;
    const first = git(clone, "rev-list", "--max-parents=0", "HEAD").trim();
    git(clone, "reset", "--quiet", "--hard", first);
    git(clone, "clean", "--quiet", "-d", "--force");
  });

  /** What the command says in the clone, after the change. */
  function refusal(context: TestContext, args: readonly string[], change: (folder: string) => void): string {
    if (!needsProgram(context, "git", "apt-get install git")) return "";
    assert.ok(clone !== undefined);
    change(clone);
    const { GITHUB_REPOSITORY: _, ...env } = process.env;
    const command = ["tools/release.ts", ...args];
    const { status, stderr } = spawnSync(process.execPath, command, { cwd: clone, env, encoding: "utf8" });
    assert.equal(status, 1, stderr);
    return stderr;
  }

  function edit(folder: string, path: string, from: RegExp, to: string): void {
    const text = readFileSync(join(folder, path), "utf8");
    assert.match(text, from);
    writeFileSync(join(folder, path), text.replace(from, to));
  }

  const table: readonly [string, readonly string[], (folder: string) => void, RegExp][] = [
    [
      "a file that was changed",
      ["--dry-run"],
      (folder) => appendFileSync(join(folder, "core/main.ts"), "// more\n"),
      /^the tree is not what its commit says; .*\n M core\/main\.ts$/m,
    ],
    [
      "a file that git does not know",
      ["--dry-run"],
      (folder) => writeFileSync(join(folder, "core/more.ts"), ""),
      /^the tree is not what its commit says; .*\n\?\? core\/more\.ts$/m,
    ],
    [
      "a version without an entry in the changelog",
      ["--dry-run"],
      (folder) => {
        edit(folder, "CHANGELOG.md", HEADING, "## 0.0.1 (2026-01-01)");
        commitAll(folder);
      },
      /^CHANGELOG\.md has no entry for \d/,
    ],
    [
      "versions that differ",
      ["--dry-run"],
      (folder) => {
        edit(folder, "lab/package.json", /"version": "[^"]+"/, '"version": "9.9.9"');
        commitAll(folder);
      },
      /^the versions differ.*\n.*package\.json\n {2}9\.9\.9 {2}lab\/package\.json$/m,
    ],
    [
      "an entry without a date, where it is no dry run",
      ["--unsigned"],
      (folder) => {
        edit(folder, "CHANGELOG.md", HEADING, "## $1 (soon)");
        commitAll(folder);
      },
      /does not say when (\S+) is released: make its heading "## \1 \(YYYY-MM-DD\)"/,
    ],
    [
      "a commit without the tag of its version",
      ["--unsigned"],
      (folder) => {
        edit(folder, "CHANGELOG.md", HEADING, "## $1 (2026-01-02)");
        commitAll(folder);
        git(folder, "tag", "v0.0.1");
      },
      /^the commit has no tag v(\d+\.\d+\.\d+): tag it \(git tag -s v\1\)/,
    ],
    ["nobody's signature", [], () => {}, /^a release is signed: --key FILE, or --unsigned.*\nusage: /],
    ["a word that is no option", ["--dry"], () => {}, /'--dry'.*\nusage: npm run release/s],
    [
      "a repository that GitHub has not",
      ["--dry-run", "--repository", "https://example.org/x"],
      () => {},
      /^--repository takes OWNER\/NAME as on GitHub, not "https:/,
    ],
    ["a key that is none", ["--key", "package.json"], () => {}, /^package\.json is no private key in PEM/],
    ["a release to be signed by no key", ["--sign", "x"], () => {}, /^--sign needs --key FILE/],
  ];
  for (const [name, args, change, expected] of table) {
    test(name, (context) => {
      const said = refusal(context, args, change);
      if (clone !== undefined) assert.match(said, expected);
    });
  }

  test("a folder that is no clone", () => {
    const folder = freshCopy();
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const command = ["tools/release.ts", "--dry-run"];
    const { status, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: "utf8" });
    assert.match(stderr, /^this is no clone: /);
    assert.equal(status, 1);
  });

  test("a key of another kind", (context) => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const path = join(freshFolder("release-key"), "ec.pem");
    writeFileSync(path, privateKey.export({ format: "pem", type: "pkcs8" }));
    const said = refusal(context, ["--key", path], () => {});
    if (clone !== undefined) assert.match(said, /is a key of ec: minisign knows ed25519 alone/);
  });
});

test("a dry run takes an entry that is unreleased, and none that is empty or has another word", () => {
  const text = "# Changelog\n\n## 1.1.0 (unreleased)\n\n- New.\n\n## 1.0.0 (2026-01-02)\n\n- All.\n";
  requireChangelog(text, "1.1.0", true);
  requireChangelog(text, "1.0.0", false);
  assert.throws(() => requireChangelog(text, "1.1.0", false), /does not say when 1\.1\.0 is released/);
  assert.throws(
    () => requireChangelog(text.replace("unreleased", "soon"), "1.1.0", true),
    /does not say when/,
  );
  assert.throws(() => requireChangelog(text.replace("- New.", ""), "1.1.0", true), /no entry for 1\.1\.0/);
});

test("another compiler than the one that is named makes no release", () => {
  const named = DEBIAN.map(({ name, version }) => ({
    name,
    version,
    architecture: "amd64",
    for: ["x86-64"],
  }));
  requireToolchain(named);
  const other = named.map((each) => (each.name === "gcc-12" ? { ...each, version: "12.3.0-1" } : each));
  assert.throws(
    () => requireToolchain(other),
    /docs\/trusted-base\.md.*\n {2}gcc-12: 12\.3\.0-1, not 12\.2\.0/,
  );
  assert.throws(() => requireToolchain([]), /gcc-12 of Debian 12 is not what compiles here/);
});

test("an archive is the same bytes whatever the order, the times, the owners' bits and the umask", () => {
  const archive = (name: string, files: readonly string[], mode: number, seconds: number): Buffer => {
    const folder = freshFolder(`archive-${name}`);
    mkdirSync(join(folder, "in"));
    for (const file of files) {
      writeFileSync(join(folder, "in", file), file);
      chmodSync(join(folder, "in", file), mode);
      utimesSync(join(folder, "in", file), seconds, seconds);
    }
    linkSync(join(folder, "in/a"), join(folder, "in/z"));
    tar(folder, ["in"], 1_700_000_000, join(folder, "out.tar"));
    return readFileSync(gzip(join(folder, "out.tar")));
  };
  const first = archive("1", ["a", "b", "c"], 0o600, 1);
  assert.ok(first.equals(archive("another", ["c", "b", "a"], 0o644, 1_800_000_000)));
  assert.ok(!first.equals(archive("2", ["a", "b", "d"], 0o600, 1)));
});

describe("signatures", () => {
  const content = Buffer.from("what is signed\n");

  test("minisign's are good by the key, and by no other, nor for other bytes", () => {
    const key = freshKey();
    const [own, other] = [key, freshKey()].map((each) => readMinisignKey(minisignKey(each)));
    assert.ok(own !== undefined && other !== undefined);
    const signature = Buffer.from(minisign(content, key, "steady 1.0.0"));
    const answer = verifyMinisign(content, signature, [own]);
    assert.equal(answer.kind === "good" && answer.trustedComment, "steady 1.0.0");
    assert.equal(verifyMinisign(content, signature, [other]).kind, "other-key");
    assert.equal(verifyMinisign(Buffer.from("other bytes\n"), signature, [own]).kind, "bad");
  });

  test("Debian's minisign takes them, and refuses other bytes", (context) => {
    if (!needsProgram(context, "minisign", "apt-get install minisign")) return;
    const folder = freshFolder("minisign");
    const key = freshKey();
    writeFileSync(join(folder, "file"), content);
    writeFileSync(join(folder, "file.minisig"), minisign(content, key, "steady 1.0.0"));
    writeFileSync(join(folder, "key.pub"), minisignKey(key));
    const verify = (): string => {
      const { status, stdout, stderr } = spawnSync("minisign", ["-V", "-H", "-p", "key.pub", "-m", "file"], {
        cwd: folder,
        encoding: "utf8",
      });
      return `${status} ${stdout}${stderr}`;
    };
    assert.match(verify(), /^0 Signature and comment signature verified\nTrusted comment: steady 1\.0\.0\n$/);
    appendFileSync(join(folder, "file"), "more");
    assert.match(verify(), /^1 .*Signature verification failed/s);
  });

  test("a bundle is good by the key, and no log vouches for it", async () => {
    const key = freshKey();
    const made = Buffer.from(bundle(content, key));
    const trust = (of: typeof key) => ({ keys: [createPublicKey(of as never)] });
    const answer = await verifySigstore(content, made, trust(key));
    assert.equal(answer.kind, "good");
    assert.ok(answer.kind === "good" && !answer.logged && answer.payload?.equals(content));
    assert.equal((await verifySigstore(content, made, trust(freshKey()))).kind, "other-key");
  });

  test("the same key and bytes give the same signatures", () => {
    const key = freshKey();
    assert.equal(minisign(content, key, "c"), minisign(content, key, "c"));
    assert.equal(bundle(content, key), bundle(content, key));
  });

  test("a folder whose list is not that of its files is not signed", () => {
    const folder = freshFolder("to-sign");
    for (const name of ["steady.cdx.json", "provenance.intoto.json", "file"])
      writeFileSync(join(folder, name), name);
    writeFileSync(join(folder, "digests.json"), JSON.stringify({ version: "1.0.0", commit: "c" }));
    assert.throws(() => signRelease(folder, freshKey()), /is no release: there is no SHA256SUMS in it/);
    writeFileSync(join(folder, "SHA256SUMS"), sumsOf(folder, sha256, ["SHA256SUMS"]));
    assert.equal(signRelease(folder, freshKey()).length, 4);
    writeFileSync(join(folder, "one more"), "");
    assert.throws(
      () => signRelease(folder, freshKey()),
      /is not the list of what is in .*: nothing is signed/,
    );
  });
});

test("each architecture has the platform that the document gives it", () => {
  const document = readFileSync(join(ROOT, "docs/architectures.md"), "utf8");
  const rows = [...document.matchAll(/^\| (\S+) \| \S+gcc \| \S+ \| (linux\/\S+) \|$/gm)];
  assert.deepEqual(
    rows.map(([, name, platform]) => [name, platform]),
    ARCHITECTURES.map(({ name }) => [name, platformText(name)]),
  );
});

describe("the workflow", () => {
  const content = readFileSync(join(ROOT, ".github/workflows/release.yml"), "utf8");

  /** What GitHub's parser has against a workflow. */
  async function errorsOf(text: string): Promise<string[]> {
    // Its JSON is imported without the attribute that Node asks for.
    const hooks = registerHooks({
      load: (url, context, next) =>
        next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context),
    });
    const parser = await import("@actions/workflow-parser");
    hooks.deregister();
    const { context, value } = parser.parseWorkflow(
      { name: "release.yml", content: text },
      new parser.NoOperationTraceWriter(),
    );
    if (value !== undefined) await parser.convertWorkflowTemplate(context, value);
    return context.errors.getErrors().map(({ message }) => message);
  }

  test("is one to GitHub's own parser, which finds a wrong word, permission, expression and need", async () => {
    assert.deepEqual(await errorsOf(content), []);
    for (const [from, to] of [
      ["runs-on:", "run-on:"],
      ["contents: read", "contents: reed"],
      ["id-token: write", "id-tokens: write"],
      ["matrix.runner }}", "matrx.runner }}"],
      ["needs: make", "needs: mak"],
    ] as const) {
      assert.notEqual((await errorsOf(content.replace(from, to))).length, 0, to);
    }
  });

  test("uses nothing that can change: actions by commit, images by digest, with the version beside", () => {
    const uses = content.match(/^.*\buses: .*$/gm) ?? [];
    assert.ok(uses.length >= 8);
    for (const line of uses) assert.match(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    for (const line of content.match(/^ *(container|image): .*$/gm) ?? [])
      assert.match(line, /@sha256:[0-9a-f]{64}$/);
  });

  test("gives no job more than it needs", () => {
    const [head = "", ...jobs] = content.split(/^ {2}(?=\w+:\n {4}name:)/m);
    assert.match(head, /^permissions: \{\}$/m);
    const granted = jobs.map((job) => [
      /^\w+/.exec(job)?.[0],
      [...job.matchAll(/^ {6}([\w-]+): (read|write)$/gm)].map(([, what, how]) => `${what} ${how}`),
    ]);
    assert.deepEqual(granted, [
      ["make", ["contents read"]],
      ["sign", ["contents read", "id-token write", "attestations write"]],
      ["publish", ["contents write"]],
    ]);
    assert.equal(
      content.match(/persist-credentials: false/g)?.length,
      content.match(/actions\/checkout@/g)?.length,
    );
  });

  test("puts nothing that others can write into a script's text", () => {
    const scripts = [...content.matchAll(/^ +run: [>|]?\n?((?: {10,}.*\n)*|.*\n)/gm)].map(([whole]) => whole);
    assert.ok(scripts.length >= 6);
    for (const script of scripts) assert.ok(!script.includes("${{"), script);
  });

  test("installs the compiler of every architecture", () => {
    for (const name of ARCHITECTURES.slice(1).flatMap(({ packages }) => packages))
      assert.ok(content.includes(` ${name}`), name);
  });
});
