// `steady-lab verify`: each code has a test that brings it about, any byte of a release that is changed is found, and
// whatever is thrown at the readers ends in a sentence.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import * as openpgp from "openpgp";
import known from "../../lab/data/known-inits.json" with { type: "json" };
import { CODES, type Code, type FileVerdict, type ReleaseVerdict, verify } from "../../lab/index.ts";
import { verificationSchemaText } from "../../lab/schema/verification.ts";
import { readElf } from "../../lab/verify/elf.ts";
import { identify } from "../../lab/verify/identify.ts";
import { jsonOf } from "../../lab/verify/json.ts";
import { readTrust } from "../../lab/verify/keys.ts";
import { Known } from "../../lab/verify/known.ts";
import { parseSums } from "../../lab/verify/manifest.ts";
import { readMinisignKey, verifyMinisign } from "../../lab/verify/minisign.ts";
import { readOpenpgpKeys, verifyOpenpgp } from "../../lab/verify/openpgp.ts";
import { hintOf, verifySigstore } from "../../lab/verify/sigstore.ts";
import { STEADY } from "../lib/process.ts";
import { flipAll, flipped } from "./flips.ts";
import { copyRelease, makeRelease, pathsIn, Signer, sha256, signRelease } from "./release.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const KEYLESS = join(ROOT, "test/lab/keyless");
const WORKFLOW = {
  identity: "https://github.com/example/steady/.github/workflows/release.yml@refs/tags/v1.0.0",
  issuer: "https://token.actions.githubusercontent.com",
};

const folder = mkdtempSync(join(tmpdir(), "steady-verify-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let folders = 0;

function freshFolder(): string {
  const path = join(folder, `${folders++}`);
  mkdirSync(path);
  return path;
}

function put(path: string, content: string | Buffer): string {
  writeFileSync(path, content);
  return path;
}

const signer = new Signer();
const keyFile = put(join(folder, "steady.pub"), signer.minisignKey());
const pemFile = put(join(folder, "steady.pem"), signer.pem());
const otherKeyFile = put(join(folder, "other.pub"), new Signer().minisignKey());
const ELF = readFileSync(STEADY);
const CORE = readFileSync(join(ROOT, "dist/core.wasm"));

/** The release that most tests spoil a copy of. */
const pristine = freshFolder();
makeRelease(pristine, signer, {
  files: { "steady-x86-64": ELF, "core.wasm": CORE, "oci/index.json": Buffer.from('{"schemaVersion":2}\n') },
  toolchain: ["pkg:deb/debian/gcc-12@12.2.0-14+deb12u1"],
});

function spoiled(spoil: (release: string) => void): string {
  const release = freshFolder();
  copyRelease(pristine, release);
  spoil(release);
  return release;
}

/** The codes that were brought about, of which the last test wants all. */
const met = new Set<string>();

async function ask(options: Parameters<typeof verify>[0]) {
  const verification = await verify(options);
  const [subject] = verification.subjects;
  assert.ok(subject !== undefined);
  const reasons = [
    ...subject.reasons,
    ...(subject.kind === "release" ? subject.files.flatMap((file) => file.reasons) : []),
  ];
  const codes = [...new Set(reasons.map(({ code }) => code))];
  for (const code of codes) met.add(code);
  return { verification, subject, codes, verdict: verification.verdict };
}

test("a release is verified with minisign's key, and with the same key in PEM", async () => {
  for (const key of [keyFile, pemFile]) {
    const { verification, subject, verdict } = await ask({ files: [pristine], keys: [keyFile, key] });
    assert.equal(verdict, "verified", JSON.stringify(subject.reasons));
    assert.equal(verification.exitStatus, 0);
    const { files, provenance, sbom } = subject as ReleaseVerdict;
    assert.equal(
      files.length,
      pathsIn(pristine).filter((path) => !/\.(minisig|sigstore\.json)$/.test(path)).length - 1,
    );
    assert.deepEqual(provenance?.toolchain, ["pkg:deb/debian/gcc-12@12.2.0-14+deb12u1"]);
    assert.deepEqual([provenance?.commit, sbom?.name, sbom?.specVersion], ["0".repeat(40), "steady", "1.6"]);
  }
});

test("the absence of a transparency log is told", async () => {
  const { codes } = await ask({ files: [pristine], keys: [keyFile] });
  assert.ok(codes.includes("no-transparency-log"));
});

test("a release without minisign's signature is covered by the signed statement, but for its own lists", async () => {
  const release = spoiled((path) => rmSync(join(path, "SHA256SUMS.minisig")));
  const { subject, verdict } = await ask({ files: [release], keys: [pemFile] });
  assert.equal(verdict, "unknown");
  const files = (subject as ReleaseVerdict).files.filter((file) => file.verdict !== "verified");
  assert.deepEqual(
    files.map(({ path }) => path),
    ["SHA512SUMS"],
  );
});

test("a second signature of the list is no doubt where no key was given to it, and counts where one was", async () => {
  const other = new Signer();
  const release = spoiled((path) => {
    const list = readFileSync(join(path, "SHA256SUMS"));
    put(join(path, "SHA256SUMS.sigstore.json"), other.bundleAbout("SHA256SUMS", list));
    rmSync(join(path, "provenance.intoto.json.sigstore.json"));
  });
  const pem = put(join(freshFolder(), "other.pem"), other.pem());
  const alone = await ask({ files: [release], keys: [pem] });
  assert.deepEqual([alone.verdict, alone.codes.includes("unchecked-signature")], ["verified", true]);
  const both = await ask({ files: [release], keys: [keyFile, pem] });
  assert.deepEqual([both.verdict, both.codes.includes("unchecked-signature")], ["verified", false]);
  put(join(release, "SHA256SUMS.sigstore.json"), other.bundleAbout("SHA256SUMS", Buffer.from("another")));
  const wrong = await ask({ files: [release], keys: [keyFile, pem] });
  assert.deepEqual([wrong.verdict, wrong.codes.includes("provenance-mismatch")], ["tampered", true]);
});

test("who gives a trust root alone is told which signatures need a key", async () => {
  const { verdict, codes } = await ask({ files: [pristine], trustRoot: ROOT_FILE, ...WORKFLOW });
  assert.equal(verdict, "unknown");
  assert.ok(codes.includes("no-key") && !codes.includes("untrusted-signer"));
});

test("a file of a release is verified by the release's list", async () => {
  const { subject, verdict } = await ask({ files: [join(pristine, "steady-x86-64")], keys: [keyFile] });
  assert.equal(verdict, "verified");
  assert.equal((subject as FileVerdict).identity?.init, "steady");
});

interface Spoiling {
  readonly name: string;
  readonly codes: readonly Code[];
  readonly verdict: "unknown" | "tampered";
  readonly keys?: readonly string[];
  readonly spoil: (release: string) => void;
}

const edit = (path: string, change: (text: string) => string): void =>
  writeFileSync(path, change(readFileSync(path, "utf8")));

const SPOILT: readonly Spoiling[] = [
  { name: "no key is given", codes: ["no-key"], verdict: "unknown", keys: [], spoil: () => undefined },
  {
    name: "the key is another",
    codes: ["untrusted-signer"],
    verdict: "unknown",
    keys: [otherKeyFile],
    spoil: () => undefined,
  },
  {
    name: "somebody else signed it all anew",
    codes: ["untrusted-signer"],
    verdict: "unknown",
    spoil: (release) => signRelease(release, new Signer()),
  },
  {
    name: "nobody signed it",
    codes: ["no-signature"],
    verdict: "unknown",
    spoil: (release) => {
      for (const path of pathsIn(release).filter((each) => /\.(minisig|sigstore\.json)$/.test(each)))
        rmSync(join(release, path));
    },
  },
  {
    name: "a file is gone",
    codes: ["missing-file"],
    verdict: "tampered",
    spoil: (release) => rmSync(join(release, "core.wasm")),
  },
  {
    name: "a file was put in",
    codes: ["unlisted-file"],
    verdict: "unknown",
    spoil: (release) => put(join(release, "steady-arm64"), ELF),
  },
  {
    name: "a signature of one file does not fit it",
    codes: ["bad-signature"],
    verdict: "tampered",
    spoil: (release) =>
      put(join(release, "steady.cdx.json.minisig"), signer.minisign(Buffer.from("another document"))),
  },
  {
    name: "a signature signs what is not there",
    codes: ["missing-file"],
    verdict: "tampered",
    spoil: (release) => put(join(release, "steady-arm64.minisig"), signer.minisign(ELF)),
  },
  {
    name: "a link was put in",
    codes: ["unlisted-file"],
    verdict: "unknown",
    spoil: (release) => symlinkSync("/etc/passwd", join(release, "passwd")),
  },
  {
    name: "a file was changed",
    codes: ["digest-mismatch"],
    verdict: "tampered",
    spoil: (release) => put(join(release, "core.wasm"), "another"),
  },
  {
    name: "the list is changed and not signed anew",
    codes: ["bad-signature"],
    verdict: "tampered",
    spoil: (release) =>
      edit(join(release, "SHA256SUMS"), (text) => text.replace(/^./, (digit) => (digit === "f" ? "0" : "f"))),
  },
  {
    name: "the list leads out of the release",
    codes: ["malformed-manifest"],
    verdict: "tampered",
    spoil: (release) => {
      const list = `${readFileSync(join(release, "SHA256SUMS"), "utf8")}${"0".repeat(64)}  ../passwd\n`;
      put(join(release, "SHA256SUMS"), list);
      put(join(release, "SHA256SUMS.minisig"), signer.minisign(Buffer.from(list)));
    },
  },
  {
    name: "the signature is cut short",
    codes: ["malformed-signature"],
    verdict: "tampered",
    spoil: (release) => edit(join(release, "SHA256SUMS.minisig"), (text) => text.slice(0, -10)),
  },
  {
    name: "the bundle signs another statement",
    codes: ["provenance-mismatch"],
    verdict: "tampered",
    spoil: (release) =>
      put(join(release, "provenance.intoto.json.sigstore.json"), signer.bundle(Buffer.from("{}"))),
  },
  {
    name: "the statement has another digest than the list",
    codes: ["provenance-mismatch"],
    verdict: "tampered",
    spoil: (release) => {
      edit(join(release, "provenance.intoto.json"), (text) => text.replace(sha256(CORE), "0".repeat(64)));
      signRelease(release, signer);
    },
  },
  {
    name: "the statement is none",
    codes: ["malformed-provenance"],
    verdict: "tampered",
    spoil: (release) => {
      edit(join(release, "provenance.intoto.json"), () => '{"_type": "https://in-toto.io/Statement/v0.1"}\n');
      signRelease(release, signer);
    },
  },
  {
    name: "the SBOM has another digest than the file",
    codes: ["sbom-mismatch"],
    verdict: "tampered",
    spoil: (release) => {
      edit(join(release, "steady.cdx.json"), (text) => text.replace(sha256(ELF), "0".repeat(64)));
      relist(release);
    },
  },
  {
    name: "the SBOM is none",
    codes: ["malformed-sbom"],
    verdict: "tampered",
    spoil: (release) => {
      put(join(release, "steady.cdx.json"), "[".repeat(1000));
      relist(release);
    },
  },
];

/** The list alone anew, without provenance and signatures of single files. */
function relist(release: string): void {
  const others = /^SHA512SUMS$|^provenance\.|^steady\.cdx\.json\.minisig$/;
  for (const path of pathsIn(release).filter((each) => others.test(each))) rmSync(join(release, path));
  const paths = pathsIn(release).filter((path) => !path.startsWith("SHA256SUMS"));
  const list = paths.map((path) => `${sha256(readFileSync(join(release, path)))}  ${path}\n`).join("");
  put(join(release, "SHA256SUMS"), list);
  put(join(release, "SHA256SUMS.minisig"), signer.minisign(Buffer.from(list)));
}

for (const { name, codes, verdict, keys = [keyFile], spoil } of SPOILT) {
  test(`a release where ${name} is ${verdict}: ${codes.join(", ")}`, async () => {
    const answer = await ask({ files: [spoiled(spoil)], keys: [...keys] });
    assert.equal(answer.verdict, verdict, JSON.stringify(answer.subject.reasons));
    for (const code of codes) assert.ok(answer.codes.includes(code), answer.codes.join());
  });
}

const trust = readTrust({ keys: [keyFile] });

test("one flipped byte in any file of a release is found: every byte of small files, 10,000 of large ones", async () => {
  const { unseen, uncovered } = await flipAll(
    spoiled(() => undefined),
    trust,
  );
  assert.deepEqual(unseen, []);
  assert.deepEqual(uncovered, ["minisign's untrusted comment", "white space in JSON"]);
});

test("what the test of flipped bytes asks is what a whole verification asks", async () => {
  for (const path of pathsIn(pristine)) {
    const content = readFileSync(join(pristine, path));
    const release = spoiled((copy) => put(join(copy, path), flipped(content, content.length - 3, 1)));
    const { verdict } = await verify({ files: [release], keys: [keyFile] });
    assert.equal(verdict, "tampered", path);
  }
});

test("a file that is named as a release of its project and has another digest is tampered with", async () => {
  const path = put(join(freshFolder(), "dumb-init_1.2.5_x86_64"), ELF);
  const { codes, verdict } = await ask({ files: [path] });
  assert.equal(verdict, "tampered");
  assert.ok(codes.includes("digest-mismatch"));
});

test("a file that is larger than any init has its signatures checked, too", async () => {
  const large = Buffer.alloc(5 << 20, "x");
  const path = put(join(freshFolder(), "steady.tar.gz"), large);
  put(`${path}.minisig`, signer.minisign(large));
  assert.equal((await ask({ files: [path], keys: [keyFile] })).verdict, "verified");
  put(path, large.fill("y", 1000, 1001));
  assert.equal((await ask({ files: [path], keys: [keyFile] })).verdict, "tampered");
});

test("a program that is no init, and an init that nobody is known to have released, are unknown", async () => {
  const [node, init] = [join(ROOT, "package.json"), STEADY];
  for (const [path, code] of [
    [node, "not-an-init"],
    [init, "unknown-digest"],
  ] as const) {
    const { verification, codes, verdict } = await ask({ files: [path] });
    assert.deepEqual([verdict, verification.exitStatus], ["unknown", 3]);
    assert.ok(codes.includes(code));
  }
});

test("a pinned digest is held against the file, and a pin that is of another file says of which", async () => {
  const good = await ask({ files: [STEADY], digest: `sha256:${sha256(ELF)}` });
  assert.ok(good.codes.includes("pinned-digest"));
  assert.equal(good.verdict, "unknown");
  const chisel = "21078849baca8c8fc0b90040d3769bf6fa2ffc7b0eb6b9e42343ed96e1cd734e";
  const bad = await ask({ files: [STEADY], digest: chisel });
  assert.equal(bad.verdict, "tampered");
  assert.match(bad.subject.reasons.find(({ code }) => code === "pin-mismatch")?.text ?? "", /chisel/);
});

test("every known digest names where it was seen, and one that nobody independent confirms is marked", () => {
  const digests = known.releases.map((each) => each.sha256);
  assert.equal(new Set(digests).size, digests.length);
  for (const { sha256: digest, names, sources, ...rest } of known.releases) {
    assert.match(digest, /^[0-9a-f]{64}$/);
    assert.ok(names.length > 0 && sources.length > 0);
    const isConfirmed = sources.length > 1 || /Debian's signed|^([2-9]|\d\d)|many/.test(sources[0] ?? "");
    assert.ok(isConfirmed || "weak" in rest, `${names[0]} has one source and is not marked`);
  }
});

/** A list in which these bytes are released files. */
function knownFileOf(
  entries: readonly { readonly content: Buffer | string; readonly weak?: string }[],
): string {
  const releases = entries.map(({ content, weak }) => ({
    init: "tini",
    version: "0.19.0",
    names: ["tini-amd64"],
    sha256: sha256(content),
    kind: "program",
    publisher: "upstream",
    sources: ["this test"],
    ...(weak === undefined ? {} : { weak }),
  }));
  return put(join(freshFolder(), "known.json"), JSON.stringify({ ...known, releases }));
}

test("a digest that is known is verified; one that nobody independent confirms is told", async () => {
  const path = put(join(freshFolder(), "init"), ELF);
  const good = await ask({ files: [path], known: knownFileOf([{ content: ELF }]) });
  assert.deepEqual([good.verdict, good.codes], ["verified", ["known-digest"]]);
  const weak = await ask({ files: [path], known: knownFileOf([{ content: ELF, weak: "one source only" }]) });
  assert.deepEqual([weak.verdict, weak.codes], ["verified", ["known-digest", "single-source"]]);
});

test("a list of known digests that is none is wrong usage", async () => {
  const path = put(join(freshFolder(), "known.json"), '{"asOf": "2026-11-26"}');
  await assert.rejects(
    verify({ files: [STEADY], known: path }),
    /known.json is no list of known inits: releases/,
  );
});

test("steady is told by its content, whatever it is called, and for which processor it is", () => {
  const identity = identify(ELF, new Known());
  assert.deepEqual([identity?.init, identity?.by, identity?.linkage], ["steady", "content", "static"]);
  assert.match(identity?.version ?? "", /^\d+\.\d+\.\d+$/);
  assert.equal(identify(ELF.subarray(4), new Known()), undefined);
});

test("minisign's old signatures are read, and a changed trusted comment is found", () => {
  const content = Buffer.from("content");
  const key = readMinisignKey(signer.minisignKey());
  assert.ok(key !== undefined);
  for (const legacy of [false, true]) {
    const signature = signer.minisign(content, "told", legacy);
    const answer = verifyMinisign(content, Buffer.from(signature), [key]);
    assert.deepEqual([answer.kind, "trustedComment" in answer && answer.trustedComment], ["good", "told"]);
    const changed = Buffer.from(signature.replace("comment: told", "comment: sold"));
    assert.equal(verifyMinisign(content, changed, [key]).kind, "bad");
  }
  assert.equal(
    verifyMinisign(Buffer.from("other"), Buffer.from(signer.minisign(content)), [key]).kind,
    "bad",
  );
});

/** Keys that look after files as tini's do: a primary key that signs by a subkey. */
async function openpgpSigner(date: Date) {
  return openpgp.generateKey({
    type: "rsa",
    rsaBits: 2048,
    userIDs: [{ name: "Test" }],
    subkeys: [{ sign: true }],
    date,
    format: "object",
  });
}

/** Signed by the subkey, over whatever hash: the library's own sign() refuses old ones. */
async function armored(
  content: Buffer,
  key: openpgp.PrivateKey,
  date: Date,
  hash: openpgp.enums.hash = openpgp.enums.hash.sha512,
): Promise<string> {
  const [{ keyPacket } = key] = key.subkeys;
  const { packets } = await openpgp.createMessage({ binary: new Uint8Array(content) });
  const packet = new openpgp.SignaturePacket();
  packet.signatureType = openpgp.enums.signature.binary;
  packet.publicKeyAlgorithm = keyPacket.algorithm;
  packet.hashAlgorithm = hash;
  // The library's types are behind: a literal packet is signed, with a configuration.
  const config = { ...openpgp.config, nonDeterministicSignaturesViaNotation: false };
  const sign = packet.sign.bind(packet) as (...args: readonly unknown[]) => Promise<void>;
  await sign(keyPacket, packets[0], date, true, config);
  const list = new openpgp.PacketList<openpgp.SignaturePacket>();
  list.push(packet);
  return new openpgp.Signature(list).armor();
}

test("a detached OpenPGP signature by a subkey is good where the key was given; a changed file is not", async () => {
  const date = new Date("2020-04-19T00:00:00Z");
  const { privateKey, publicKey } = await openpgpSigner(date);
  const path = put(join(freshFolder(), "tini"), ELF);
  put(`${path}.asc`, await armored(ELF, privateKey, new Date("2020-05-01T00:00:00Z")));
  const key = put(join(freshFolder(), "key.asc"), publicKey.armor());
  const good = await ask({ files: [path], keys: [key] });
  assert.equal(good.verdict, "verified", JSON.stringify(good.subject.reasons));
  assert.match(
    good.subject.reasons[0]?.text ?? "",
    /signed on 2020-05-01 by a key that was given, .* via its subkey/,
  );
  const stranger = await ask({ files: [path] });
  assert.deepEqual([stranger.verdict, stranger.codes], ["unknown", ["untrusted-signer", "unknown-digest"]]);
  put(path, flipped(ELF, 1000, 8));
  const bad = await ask({ files: [path], keys: [key] });
  assert.deepEqual([bad.verdict, bad.codes[0]], ["tampered", "bad-signature"]);
  put(`${path}.asc`, "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n");
  assert.equal((await ask({ files: [path], keys: [key] })).codes[0], "malformed-signature");
});

test("a signature over a SHA-1 hash is good, and told", async () => {
  const date = new Date("2015-01-01T00:00:00Z");
  const { privateKey, publicKey } = await openpgpSigner(date);
  const path = put(join(freshFolder(), "tini"), ELF);
  put(`${path}.asc`, await armored(ELF, privateKey, date, openpgp.enums.hash.sha1));
  const key = put(join(freshFolder(), "key.asc"), publicKey.armor());
  const { verdict, codes } = await ask({ files: [path], keys: [key] });
  assert.deepEqual([verdict, codes], ["verified", ["openpgp-signature", "weak-hash"]]);
});

test("the key of tini's releases is the one with the fingerprints that are listed, and vouches for its subkey", async () => {
  const [entry] = known.keys;
  assert.ok(entry !== undefined);
  const [key] = await readOpenpgpKeys([entry.armored]);
  assert.equal(key?.getFingerprint().toUpperCase(), entry.primary);
  const good: string[] = [];
  for (const subkey of key?.subkeys ?? [])
    await subkey.verify(new Date("2020-04-19T00:00:00Z")).then(
      () => good.push(subkey.getFingerprint().toUpperCase()),
      () => undefined,
    );
  for (const fingerprint of entry.signing) assert.ok(good.includes(fingerprint));
  for (const fingerprint of entry.expired) assert.ok(!good.includes(fingerprint));
});

/** The file that test/lab/keyless is about, with one of its bundles. */
function keyless(bundle: string, change: (text: string) => string = (text) => text): string {
  const path = put(join(freshFolder(), "artifact.txt"), readFileSync(join(KEYLESS, "artifact.txt")));
  put(`${path}.sigstore.json`, change(readFileSync(join(KEYLESS, bundle), "utf8")));
  return path;
}

const ROOT_FILE = join(KEYLESS, "trusted_root.json");

for (const bundle of ["statement.sigstore.json", "message.sigstore.json"]) {
  test(`a keyless bundle is verified offline with its trust root and signer: ${bundle}`, async () => {
    const { verdict, codes } = await ask({ files: [keyless(bundle)], trustRoot: ROOT_FILE, ...WORKFLOW });
    assert.deepEqual([verdict, codes], ["verified", ["sigstore-signature"]]);
  });

  test(`an empty list of times may be written or left out: ${bundle}`, async () => {
    const path = keyless(bundle, (text) =>
      text.replace(/("timestampVerificationData": \{)\}/, '$1"rfc3161Timestamps": []}'),
    );
    assert.match(readFileSync(`${path}.sigstore.json`, "utf8"), /"rfc3161Timestamps": \[\]/);
    const { verdict, codes } = await ask({ files: [path], trustRoot: ROOT_FILE, ...WORKFLOW });
    assert.deepEqual([verdict, codes], ["verified", ["sigstore-signature"]]);
  });

  test(`a keyless bundle is nothing without a trust root, without a signer, or by another: ${bundle}`, async () => {
    const alone = await ask({ files: [keyless(bundle)], keys: [keyFile] });
    assert.ok(alone.codes.includes("no-trust-root"));
    for (const signed of [{}, { ...WORKFLOW, identity: WORKFLOW.identity.replace("v1", "v2") }]) {
      const { verdict, codes } = await ask({ files: [keyless(bundle)], trustRoot: ROOT_FILE, ...signed });
      assert.deepEqual([verdict, codes[0]], ["unknown", "untrusted-signer"]);
    }
  });

  test(`no byte of a keyless bundle changes unseen but white space: ${bundle}`, async () => {
    const text = readFileSync(join(KEYLESS, bundle));
    const content = readFileSync(join(KEYLESS, "artifact.txt"));
    const sigstore = { keys: [], root: JSON.parse(readFileSync(ROOT_FILE, "utf8")), signer: WORKFLOW };
    assert.equal((await verifySigstore(content, text, sigstore)).kind, "good");
    const unseen: number[] = [];
    // All of the kind that a release has, and some of the other: each takes milliseconds.
    const step = bundle.startsWith("statement") ? 1 : 5;
    for (let at = 0; at < text.length; at += step) {
      const { kind } = await verifySigstore(content, flipped(text, at, 1 << (at % 7)), sigstore);
      if (kind === "good" && !/\s/.test(String.fromCharCode(text[at] ?? 0))) unseen.push(at);
    }
    const shown = unseen.map((at) => text.toString("latin1").slice(at - 40, at + 10));
    assert.deepEqual(shown, []);
  });
}

test("a bundle with something in it that no bundle has, or about another file, is refused", async () => {
  const extra = keyless("statement.sigstore.json", (text) => text.replace("{", '{ "more": 1,'));
  const other = keyless("statement.sigstore.json");
  put(other, "another content");
  const asked = { trustRoot: ROOT_FILE, ...WORKFLOW };
  assert.equal((await ask({ files: [extra], ...asked })).codes[0], "malformed-signature");
  assert.equal((await ask({ files: [other], ...asked })).codes[0], "provenance-mismatch");
});

test("a bundle by a key names it by the digest of its SubjectPublicKeyInfo", async () => {
  const statement = Buffer.from("{}");
  const bundle = Buffer.from(signer.bundle(statement));
  const answer = await verifySigstore(statement, bundle, { keys: [signer.publicKey] });
  assert.deepEqual([answer.kind, "by" in answer && answer.by], ["good", hintOf(signer.publicKey)]);
  const { publicKey: other } = generateKeyPairSync("ed25519");
  assert.equal((await verifySigstore(statement, bundle, { keys: [other] })).kind, "other-key");
  const typed = Buffer.from(signer.bundle(statement, "text/plain"));
  assert.equal((await verifySigstore(statement, typed, { keys: [signer.publicKey] })).kind, "malformed");
});

test("a rebuild without provenance, of a commit that nobody has, and of none, says what is missing", async () => {
  const bare = put(join(freshFolder(), "steady"), ELF);
  const without = await ask({ files: [bare], rebuild: true, repository: ROOT });
  assert.ok(without.codes.includes("no-provenance"));
  const nowhere = await ask({ files: [pristine], keys: [keyFile], rebuild: true, repository: ROOT });
  assert.deepEqual([nowhere.verdict, nowhere.codes.includes("cannot-rebuild")], ["unknown", true]);
  const told = nowhere.subject.reasons.find(({ code }) => code === "cannot-rebuild")?.text ?? "";
  assert.match(told, /has no commit 0{40}: fetch it, or name another with --repository/);
});

const anything = fc.oneof(
  fc.uint8Array({ maxLength: 2048 }).map((bytes) => Buffer.from(bytes)),
  fc.json({ maxDepth: 8 }).map((text) => Buffer.from(text)),
);

test("whatever is read as a list, a signature, a key, a bundle or a program ends in an answer", async () => {
  const key = readMinisignKey(signer.minisignKey());
  assert.ok(key !== undefined);
  await fc.assert(
    fc.asyncProperty(anything, async (bytes) => {
      const sums = parseSums(bytes, 64);
      assert.ok(typeof sums === "string" || sums.size > 0);
      assert.equal(verifyMinisign(ELF, bytes, [key]).kind, "malformed");
      readMinisignKey(bytes.toString("latin1"));
      assert.notEqual((await verifySigstore(ELF, bytes, { keys: [signer.publicKey] })).kind, "good");
      assert.notEqual((await verifyOpenpgp(ELF, bytes, [], [])).kind, "good");
      readElf(Buffer.concat([ELF.subarray(0, 20), bytes]));
      identify(Buffer.concat([ELF.subarray(0, 64), bytes]), new Known());
    }),
  );
});

test("an OpenPGP signature that has a header and nothing behind it is malformed", async () => {
  const answer = await verifyOpenpgp(ELF, Buffer.from([0x88, 0]), [], []);
  assert.deepEqual(answer, { kind: "malformed", why: "it is a signature without a body" });
});

test("JSON that is deeper or larger than anything that is meant is refused before it costs anything", () => {
  assert.throws(() => jsonOf(Buffer.from("[".repeat(100_000))), /nested deeper/);
  assert.throws(() => jsonOf(Buffer.alloc((16 << 20) + 1, 32)), /larger than 16 MiB/);
  assert.throws(() => jsonOf(Buffer.from([0xff, 0x22])), /encoded data was not valid|invalid/i);
  assert.deepEqual(jsonOf(Buffer.from('{"a[[[": "\\"[{", "b": [1]}')), { "a[[[": '"[{', b: [1] });
});

/** What the command prints, and its status. */
function command(args: string[]) {
  return spawnSync(process.execPath, [join(ROOT, "lab/bin.ts"), ...args], { encoding: "utf8" });
}

const STATUSES: readonly (readonly [string[], number, RegExp])[] = [
  [["verify", pristine, "--key", keyFile], 0, /: verified\n/],
  [["verify", pristine], 3, /: unknown\n.*\[no-key\]/s],
  [["verify", STEADY, "--digest", "0".repeat(64)], 1, /: tampered\n.*\[pin-mismatch\]/s],
  [["verify", "/nonexistent"], 2, /\/nonexistent cannot be read: ENOENT/],
  [["verify"], 64, /missing required argument 'file'/],
  [["verify", STEADY, "--digest", "12"], 64, /digest: a digest is sha256: and 64 digits/],
  [["verify", STEADY, "--identity", "x"], 64, /--identity and --issuer belong together/],
  [["verify", STEADY, STEADY, "--digest", "0".repeat(64)], 64, /--digest is the digest of one file/],
  [
    ["verify", STEADY, "--key", STEADY],
    64,
    /is no public key: minisign's, PEM and OpenPGP's armour are read/,
  ],
  [["verify", STEADY, "--key", "/nonexistent"], 64, /\/nonexistent cannot be read/],
  [["verify", STEADY, "--trust-root", keyFile], 64, /is no trust root/],
];

for (const [args, expected, words] of STATUSES) {
  test(`the status is ${expected} for: ${args.map((arg) => arg.slice(0, 16)).join(" ")}`, () => {
    const { status, stdout, stderr } = command(args);
    assert.match(stdout + stderr, words);
    assert.equal(status, expected);
  });
}

test("--json follows its schema, which is the one that npm run lab:build writes", () => {
  const text = readFileSync(join(ROOT, "lab/schema/verification.schema.json"), "utf8");
  assert.ok(text === verificationSchemaText(), "run it again");
  const validate = new Ajv2020().compile(JSON.parse(text));
  const { stdout } = command(["verify", "--json", pristine, STEADY]);
  assert.ok(validate(JSON.parse(stdout)), JSON.stringify(validate.errors));
  assert.ok(!validate({ ...JSON.parse(stdout), verdict: "fine" }));
});

test("a path that would act on a terminal is spelled out", () => {
  const path = put(join(freshFolder(), "\u001b[31mred"), "x");
  const { stdout } = command(["verify", path]);
  assert.match(stdout, /\\x1b\[31mred: unknown/);
  assert.ok(!stdout.includes("\u001b[31mred"));
});

test("docs/verify.md has a row for each code, in the order of the list, with what it does to the verdict", () => {
  const text = readFileSync(join(ROOT, "docs/verify.md"), "utf8");
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \| (proof|downgrade|doubt|damage) \|/gm)];
  assert.deepEqual(Object.fromEntries(rows.map(([, code, weight]) => [code, weight])), CODES);
});

/** Those that need another build, which test/all/verify.test.ts makes. */
const ELSEWHERE: readonly Code[] = ["rebuilt", "same-core-other-compiler", "core-differs", "rebuild-differs"];

test("each code was brought about by a test", () => {
  const codes = Object.keys(CODES) as Code[];
  const unmet = codes.filter((code) => !met.has(code));
  assert.deepEqual(unmet.sort(), [...ELSEWHERE].sort());
  const others = readFileSync(join(ROOT, "test/all/verify.test.ts"), "utf8");
  for (const code of ELSEWHERE) assert.ok(others.includes(`"${code}"`), `${code} has no test`);
});
