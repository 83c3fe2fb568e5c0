// A whole release, made from a commit of the tests' own: what is in it is what stands in its lists, others than we read
// it, and one byte that differs from build to build ends it.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import { readTrust } from "../../lab/verify/keys.ts";
import { ARCHITECTURES } from "../../tools/architectures.ts";
import { ROOT } from "../../tools/build.ts";
import { freshKey, minisignKey } from "../../tools/release/sign.ts";
import { canHaveEngine, Engine, makeRoot, needsEngine } from "../lab/engine.ts";
import { flipAll } from "../lab/flips.ts";
import { freshFolder } from "../lib/build.ts";
import { commitAll, freshClone, git } from "../lib/clone.ts";
import { needsProgram, needsRoot } from "../lib/process.ts";
import { debianPackageTests, installTests, npmPackageTests } from "../lib/published.ts";

const VERSION = (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string }).version;
const PROGRAMS = ARCHITECTURES.map(({ name }) => `steady-${name}`);
const SIGNATURES = [
  "SHA256SUMS.minisig",
  "provenance.intoto.json.minisig",
  "provenance.intoto.json.sigstore.json",
  "steady.cdx.json.minisig",
];
const REPOSITORY = "example/steady";

const canCompile = ARCHITECTURES.every(
  ({ compiler }) => spawnSync(compiler, ["--version"], { stdio: "ignore" }).error === undefined,
);

const clone = freshClone();
const folder = join(clone, "release");
const keys = freshFolder("release-keys");
const key = freshKey();
writeFileSync(join(keys, "key.pem"), key.export({ format: "pem", type: "pkcs8" }));
writeFileSync(join(keys, "steady.pub"), minisignKey(key));

function release(where: string): { status: number | null; stdout: string; stderr: string } {
  const args = ["--dry-run", "--repository", REPOSITORY, "--key", join(keys, "key.pem")];
  return spawnSync(process.execPath, ["tools/release.ts", ...args], { cwd: where, encoding: "utf8" });
}

const made = canCompile ? release(clone) : undefined;

function needsRelease(context: TestContext): boolean {
  if (!needsProgram(context, "aarch64-linux-gnu-gcc", "npm run test:all, which installs the compilers"))
    return false;
  assert.equal(made?.status, 0, made?.stderr);
  return true;
}

const read = (name: string): Buffer => readFileSync(join(folder, name));
const json = (name: string) => JSON.parse(read(name).toString());
const sha256 = (content: Buffer | string): string => createHash("sha256").update(content).digest("hex");
const unsigned = (): string[] => readdirSync(folder).filter((name) => !SIGNATURES.includes(name));

test("everything is there, made twice with the same bytes, and every file but the signatures is listed", (context) => {
  if (!needsRelease(context)) return;
  assert.match(made?.stdout ?? "", /^made twice: \d+ files, the same bytes both times$/m);
  const expected = [
    ...PROGRAMS,
    ...SIGNATURES,
    ...[
      "core.wasm",
      "core.c",
      "core.h",
      "texts.h",
      "SHA256SUMS",
      "SHA512SUMS",
      "digests.json",
      "Dockerfile.add",
    ],
    ...["steady.cdx.json", "provenance.intoto.json"],
    ...[".tar.gz", "-source.tar.gz", "-oci.tar"].map((end) => `steady-${VERSION}${end}`),
    `steady-lab-${VERSION}.tgz`,
    ...["amd64", "arm64", "armhf", "i386", "riscv64", "ppc64el"].flatMap((architecture) => [
      `steady_${VERSION}_${architecture}.deb`,
      `steady-tini_${VERSION}_${architecture}.deb`,
    ]),
  ];
  const present = readdirSync(folder);
  assert.deepEqual(
    expected.filter((name) => !present.includes(name)),
    [],
  );
  const lists = { SHA256SUMS: ["SHA256SUMS"], SHA512SUMS: ["SHA256SUMS", "SHA512SUMS"] };
  for (const [list, without] of Object.entries(lists)) {
    const names = read(list)
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => line.split("  ")[1]);
    assert.deepEqual(
      names,
      unsigned()
        .filter((name) => !without.includes(name))
        .sort(),
    );
    const program = list.toLowerCase().replace("sums", "sum");
    execFileSync(program, ["--check", "--strict", "--quiet", list], { cwd: folder });
  }
});

test("the programs are those that the commit's build makes, and say its version", (context) => {
  if (!needsRelease(context)) return;
  for (const { name } of ARCHITECTURES)
    assert.equal(
      read(`steady-${name}`).readUInt16LE(18),
      ARCHITECTURES.find((each) => each.name === name)?.elfMachine,
    );
  const commit = git(clone, "rev-parse", "HEAD").trim();
  const env = { ...process.env, SOURCE_COMMIT: commit };
  execFileSync(process.execPath, ["tools/build.ts"], { cwd: clone, env, stdio: "ignore" });
  const own = readFileSync(join(clone, "dist/steady"));
  assert.ok(read("steady-x86-64").equals(own), "steady-x86-64 is not dist/steady");
  const attested = execFileSync(join(folder, "steady-x86-64"), ["--attest"], { encoding: "utf8" });
  assert.match(attested, new RegExp(`^commit: ${commit}$`, "m"));
  assert.match(attested, new RegExp(`^sha256: ${sha256(own)}$`, "m"));
  assert.match(
    execFileSync(join(folder, "steady-x86-64"), ["--version"], { encoding: "utf8" }),
    new RegExp(VERSION),
  );
});

test("Debian's minisign takes the signatures of the list, the SBOM and the provenance", (context) => {
  if (!needsRelease(context) || !needsProgram(context, "minisign", "apt-get install minisign")) return;
  for (const name of SIGNATURES.filter((each) => each.endsWith(".minisig"))) {
    const signed = name.replace(/\.minisig$/, "");
    const said = execFileSync("minisign", ["-VHm", signed, "-p", join(keys, "steady.pub")], {
      cwd: folder,
      encoding: "utf8",
    });
    assert.match(
      said,
      new RegExp(`^Trusted comment: steady ${VERSION} ${signed.replaceAll(".", "\\.")} [0-9a-f]{40}$`, "m"),
    );
  }
});

test("the lab verifies it by the key, and finds a byte that was changed", (context) => {
  if (!needsRelease(context)) return;
  const verify = () =>
    spawnSync(
      process.execPath,
      [join(ROOT, "lab/bin.ts"), "verify", folder, "--key", join(keys, "steady.pub")],
      { encoding: "utf8" },
    );
  const { status, stdout, stderr } = verify();
  assert.equal(status, 0, stdout + stderr);
  const program = read("steady-arm64");
  const changed = Buffer.from(program);
  changed.writeUInt8(changed.readUInt8(1000) ^ 1, 1000);
  writeFileSync(join(folder, "steady-arm64"), changed);
  assert.equal(verify().status, 1);
  writeFileSync(join(folder, "steady-arm64"), program);
});

test("one flipped byte in any of its files is found: every byte of small files, 10,000 of large ones", async (context) => {
  if (!needsRelease(context)) return;
  const { unseen, uncovered } = await flipAll(folder, readTrust({ keys: [join(keys, "steady.pub")] }));
  assert.deepEqual(unseen, []);
  assert.ok(
    uncovered.every((each) => ["minisign's untrusted comment", "white space in JSON"].includes(each)),
  );
});

test("the SBOM is CycloneDX 1.6 by its published schema, and has in it what the programs contain and no libc", (context) => {
  if (!needsRelease(context)) return;
  const bom: Record<string, unknown> = json("steady.cdx.json");
  assert.deepEqual([bom.bomFormat, bom.specVersion], ["CycloneDX", "1.6"]);
  const validate = cyclonedx();
  assert.ok(validate(bom), JSON.stringify(validate.errors));
  assert.ok(!validate({ ...bom, components: [{ name: "without a type" }] }));
  const components = bom.components as {
    name: string;
    scope?: string;
    "bom-ref": string;
    hashes?: object[];
  }[];
  const inside = components.filter(({ scope }) => scope !== "excluded").map(({ name }) => name);
  for (const name of ["wasm2c-runtime", "libgcc", ...PROGRAMS, "core.wasm"])
    assert.ok(inside.includes(name), name);
  assert.deepEqual(
    inside.filter((name) => /libc6|musl|glibc/.test(name)),
    [],
  );
  const tools = components.filter(({ scope }) => scope === "excluded").map(({ name }) => name);
  for (const name of [
    "assemblyscript",
    "binaryen",
    "wabt",
    "gcc-12",
    "linux-libc-dev",
    "gcc-12-riscv64-linux-gnu",
  ])
    assert.ok(tools.includes(name), name);
  for (const { name, hashes } of components.filter((each) => each.hashes !== undefined))
    assert.deepEqual(hashes?.[0], { alg: "SHA-256", content: sha256(read(name)) });
  const references = new Set(components.map((each) => each["bom-ref"]));
  for (const { ref, dependsOn = [] } of bom.dependencies as { ref: string; dependsOn?: string[] }[])
    for (const each of [ref, ...dependsOn]) assert.ok(each === "steady" || references.has(each), each);
});

/** The schema as its authors publish it in their library, with the two it refers to. */
function cyclonedx() {
  const at = join(ROOT, "node_modules/@cyclonedx/cyclonedx-library/res/schema");
  const schema = (name: string) => JSON.parse(readFileSync(join(at, `${name}.SNAPSHOT.schema.json`), "utf8"));
  const ajv = new Ajv.default({ strict: false });
  addFormats.default(ajv);
  // Formats of a later draft, which are wider than those that are known.
  ajv.addFormat("iri-reference", true);
  ajv.addFormat("idn-email", true);
  for (const name of ["spdx", "jsf-0.82", "cryptography-defs"])
    ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  return ajv.compile(schema("bom-1.6"));
}

test("the provenance names the commit, the toolchain and every file", (context) => {
  if (!needsRelease(context)) return;
  const { _type, predicateType, subject, predicate } = json("provenance.intoto.json");
  assert.equal(_type, "https://in-toto.io/Statement/v1");
  assert.equal(predicateType, "https://slsa.dev/provenance/v1");
  const outside = ["provenance.intoto.json", "SHA256SUMS", "SHA512SUMS"];
  assert.deepEqual(
    subject,
    unsigned()
      .filter((name) => !outside.includes(name))
      .sort()
      .map((name) => ({ name, digest: { sha256: sha256(read(name)) } })),
  );
  const {
    resolvedDependencies: [source, ...others],
    buildType,
  } = predicate.buildDefinition;
  assert.equal(source.uri, `git+https://github.com/${REPOSITORY}@refs/tags/v${VERSION}`);
  assert.equal(source.digest.gitCommit, git(clone, "rev-parse", "HEAD").trim());
  assert.match(buildType, /^https:/);
  const here = execFileSync("dpkg-query", ["-W", "-f", `\${Version}`, "gcc-12-aarch64-linux-gnu"], {
    encoding: "utf8",
  });
  const uris = others.map(({ uri }: { uri?: string }) => uri);
  assert.ok(uris.includes(`pkg:deb/debian/gcc-12-aarch64-linux-gnu@${encodeURIComponent(here)}?arch=amd64`));
  assert.deepEqual(
    predicate.runDetails.byproducts,
    ["core.c", "core.h", "texts.h"].map((name) => ({ name, digest: { sha256: sha256(read(name)) } })),
  );
});

test("each architecture has its ADD line with its digest, and machines read the same", (context) => {
  if (!needsRelease(context)) return;
  const lines = read("Dockerfile.add")
    .toString()
    .matchAll(/^# (\S+)\nADD --checksum=sha256:(\w{64}) --chmod=0755 (\S+) \S+$/gm);
  const { files, tag, commit } = json("digests.json");
  const programs = (files as { name: string; platform?: string; url: string; sha256: string }[]).filter(
    ({ platform }) => platform !== undefined,
  );
  assert.deepEqual(
    [...lines]
      .map(([, platform, digest, url]) => ({ platform, digest, url }))
      .sort((a, b) => (String(a.url) < String(b.url) ? -1 : 1)),
    programs.map(({ platform, sha256: digest, url }) => ({ platform, digest, url })),
  );
  assert.deepEqual(
    programs.map(({ name, sha256: digest, url }) => [name, digest, url]),
    [...PROGRAMS]
      .sort()
      .map((name) => [
        name,
        sha256(read(name)),
        `https://github.com/${REPOSITORY}/releases/download/v${VERSION}/${name}`,
      ]),
  );
  assert.deepEqual([tag, commit], [`v${VERSION}`, git(clone, "rev-parse", "HEAD").trim()]);
});

test("the archives have the programs with their bits, and the commit's tree", (context) => {
  if (!needsRelease(context)) return;
  const list = (name: string): string =>
    execFileSync("tar", ["-tvzf", join(folder, name)], {
      encoding: "utf8",
      env: { ...process.env, TZ: "UTC" },
    });
  const programs = list(`steady-${VERSION}.tar.gz`);
  for (const { name } of ARCHITECTURES)
    assert.match(
      programs,
      new RegExp(`^-rwxr-xr-x 0/0 .* 2026-01-02 03:04 steady-${VERSION}/${name}/steady$`, "m"),
    );
  const sources = list(`steady-${VERSION}-source.tar.gz`);
  const files = git(clone, "ls-files").trimEnd().split("\n");
  assert.equal(sources.match(/^-/gm)?.length, files.length);
});

test("skopeo reads the image: every platform is there, with one layer", (context) => {
  if (!needsRelease(context) || !needsProgram(context, "skopeo", "apt-get install skopeo")) return;
  const from = `oci-archive:${join(folder, `steady-${VERSION}-oci.tar`)}:${VERSION}`;
  const skopeo = (...args: string[]) =>
    JSON.parse(execFileSync("skopeo", ["inspect", ...args, from], { encoding: "utf8" }));
  const { manifests } = skopeo("--raw");
  const platforms = manifests.map(
    ({ platform }: { platform: Record<string, string> }) => platform.architecture,
  );
  assert.deepEqual(platforms, ["amd64", "arm64", "arm", "386", "riscv64", "ppc64le"]);
  for (const architecture of platforms) {
    const { Layers, Architecture } = skopeo("--override-arch", architecture);
    assert.deepEqual([Architecture, Layers.length], [architecture, 1]);
  }
});

const published = { folder, version: VERSION, ready: needsRelease };
npmPackageTests(published);
debianPackageTests(published);
installTests(published, join(keys, "steady.pub"));

describe("in a Docker engine", () => {
  test("the image is loaded and runs, and what is copied out of it is a program", async (context) => {
    if (!needsRelease(context) || !needsEngine(context)) return;
    assert.ok(canHaveEngine());
    const engine = new Engine();
    try {
      await engine.started();
      const loaded = engine.docker(["load", "--input", join(folder, `steady-${VERSION}-oci.tar`)]);
      for (const { name } of ARCHITECTURES)
        assert.match(loaded, new RegExp(`^Loaded image: localhost/steady:${VERSION}-${name}$`, "m"));
      const image = `localhost/steady:${VERSION}-x86-64`;
      const run = (...args: string[]): string => engine.docker(["run", "--rm", "--network=none", ...args]);
      assert.match(run(image, "--version"), new RegExp(`^steady version ${VERSION}|^steady ${VERSION}`));
      // steady as PID 1 that starts steady, for there is nothing else in the image.
      assert.match(run(image, "--", "/tini", "--version"), /^tini version/);
      const root = await makeRoot(engine, "release-root");
      engine.import("base", root);
      engine.build(
        "copied",
        "FROM base",
        `COPY --from=${image} /tini /bin/tini`,
        'ENTRYPOINT ["/bin/tini", "--"]',
        'CMD ["sh", "-c", "exit 7"]',
      );
      const ended = spawnSync("docker", ["run", "--rm", "--network=none", "copied"], { env: engine.env });
      assert.equal(ended.status, 7);
    } finally {
      await engine.stop();
    }
  });
});

test("a source that lets the folder's name into the program is no release", (context) => {
  if (!needsRelease(context) || !needsRoot(context)) return;
  const spoiled = freshClone();
  const source = join(spoiled, "native/linux.c");
  const text = readFileSync(source, "utf8");
  assert.ok(text.includes('"steady: the core failed'));
  writeFileSync(source, text.replace('{"steady: the core failed\\n", 24}', "{__FILE__, sizeof __FILE__}"));
  commitAll(spoiled);
  const { status, stderr } = release(spoiled);
  assert.equal(status, 1, stderr);
  assert.match(
    stderr,
    /^made twice, and not the same bytes: .*steady-arm64.* steady-x86-64.*\n.*Nothing is released\.$/m,
  );
  assert.ok(!stderr.match(/bytes:.* core\.wasm/));
  assert.ok(!existsSync(join(spoiled, "release")));
  const kept = [1, 2].map((n) => readFileSync(join(spoiled, `release.differs/${n}/steady-x86-64`)));
  assert.ok(kept[1]?.includes("second time, in a longer name"));
});
