// The check of files and releases: `verify` of the library. The rule: a verdict is made of reasons alone, and what is not
// known is said to be unknown.

import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { z } from "zod";
import { UsageError } from "../settings.ts";
import { versionOfLab } from "../version.ts";
import { type FileFacts, isFolder, readBeside, readFacts } from "./files.ts";
import { identify } from "./identify.ts";
import { readTrust, type Trust } from "./keys.ts";
import type { Known } from "./known.ts";
import { isOutsideManifest } from "./manifest.ts";
import { rebuild } from "./rebuild.ts";
import { fileReasons, fileVerdict, isRelease, readSigned, type Signed, verifyRelease } from "./release.ts";
import { bundleReasons, minisignReason, openpgpReasons } from "./signatures.ts";
import {
  CODES,
  type FileVerdict,
  type Identity,
  type Reason,
  type ReleaseVerdict,
  reason,
  type Verification,
  verdictOf,
  worst,
} from "./verification.ts";

const schema = z.strictObject({
  files: z.array(z.string().min(1)).min(1, "name a file, or the folder of a release"),
  /** Files with public keys: minisign's, PEM, OpenPGP's armour. */
  keys: z.array(z.string().min(1)).default([]),
  /** A trusted_root.json of sigstore, for certificates and transparency logs. */
  trustRoot: z.string().min(1).optional(),
  /** Who signed where a certificate says who did. */
  identity: z.string().min(1).optional(),
  issuer: z.string().min(1).optional(),
  /** The SHA-256 that somebody pinned. */
  digest: z
    .string()
    .regex(/^(sha256:)?[0-9a-f]{64}$/, "a digest is sha256: and 64 digits of hexadecimal")
    .optional(),
  /** A list of known digests and keys in place of the lab's own. */
  known: z.string().min(1).optional(),
  /** Builds steady again from its commit, in the repository of the folder. */
  rebuild: z.boolean().default(false),
  /** Where the sources are, for a rebuild. */
  repository: z.string().min(1).default("."),
});

export type VerifyOptions = z.input<typeof schema>;
type Asked = z.output<typeof schema>;

/** Throws a UsageError for what cannot be meant, a PlaceError for what cannot be read. */
export async function verify(options: VerifyOptions): Promise<Verification> {
  const asked = understand(options);
  const { identity, issuer, keys, trustRoot, known } = asked;
  const trust = readTrust({
    keys,
    ...(trustRoot === undefined ? {} : { trustRoot }),
    ...(known === undefined ? {} : { known }),
    ...(identity === undefined || issuer === undefined ? {} : { signer: { identity, issuer } }),
  });
  const subjects: (FileVerdict | ReleaseVerdict)[] = [];
  for (const path of asked.files) subjects.push(await verifyPath(path, asked, trust));
  const verdict = worst(subjects.map((each) => each.verdict));
  return {
    reportVersion: 1,
    tool: { name: "steady-lab", version: versionOfLab() },
    knownAsOf: trust.known.asOf,
    subjects,
    verdict,
    exitStatus: verdict === "verified" ? 0 : verdict === "tampered" ? 1 : 3,
  };
}

function understand(options: VerifyOptions): Asked {
  const parsed = schema.safeParse(options);
  if (!parsed.success)
    throw new UsageError(
      parsed.error.issues.map(({ path, message }) => `${String(path[0] ?? "verify")}: ${message}`).join("; "),
    );
  const { identity, issuer, digest, files } = parsed.data;
  if ((identity === undefined) !== (issuer === undefined))
    throw new UsageError("--identity and --issuer belong together: who signed, and who says so");
  if (digest !== undefined && files.length !== 1)
    throw new UsageError("--digest is the digest of one file: name one");
  return parsed.data;
}

async function verifyPath(path: string, asked: Asked, trust: Trust): Promise<FileVerdict | ReleaseVerdict> {
  if (!isFolder(path)) return verifyFile(path, asked, trust);
  if (asked.digest !== undefined) throw new UsageError("--digest is the digest of a file, not of a folder");
  const release = await verifyRelease(path, trust);
  if (!asked.rebuild) return release;
  const reasons = [...release.reasons, ...(await rebuild({ folder: path, repository: asked.repository }))];
  const files = release.files.map(({ verdict }) => verdict);
  return { ...release, reasons, verdict: worst([verdictOf(reasons), ...files]) };
}

async function verifyFile(path: string, asked: Asked, trust: Trust): Promise<FileVerdict> {
  const facts = await readFacts(path);
  const identity =
    facts.content === undefined ? undefined : identify(facts.content, trust.known, facts.sha256);
  const proofs = [
    ...byDigest(path, facts, trust.known),
    ...byPin(facts, asked.digest, trust.known),
    ...(await bySignatures(path, facts, trust)),
    ...(await byRelease(path, facts, trust)),
    ...(asked.rebuild ? await rebuild({ file: path, repository: asked.repository }) : []),
  ];
  return fileVerdict(path, facts, identity, [...proofs, ...doubtsOf(identity, facts, proofs, trust.known)]);
}

/** What the list of known digests says, and what the name claims. */
function byDigest(path: string, { sha256 }: FileFacts, known: Known): Reason[] {
  const file = known.file(sha256);
  if (file !== undefined) {
    const { names, init, version: of, publisher, package: from, weak, sources } = file;
    const whose = from === undefined ? `${init} ${of} as its project released it` : `${publisher}'s ${from}`;
    const text = `Its digest is that of ${names[0]}, ${whose}: ${sources.join("; ")}.`;
    const single = reason("single-source", `Nobody independent confirms that digest: ${weak}.`);
    return [reason("known-digest", text), ...(weak === undefined ? [] : [single])];
  }
  const claimed = known.claimedBy(basename(path));
  if (claimed === undefined) return [];
  const text = `It is called ${basename(path)}, and is not the ${claimed.init} ${claimed.version} of that name.`;
  return [reason("digest-mismatch", text)];
}

function byPin({ sha256 }: FileFacts, digest: string | undefined, known: Known): Reason[] {
  if (digest === undefined) return [];
  const pinned = digest.replace("sha256:", "");
  if (pinned === sha256) return [reason("pinned-digest", "Its digest is the one that was pinned.")];
  const owner = known.ownerOf(pinned);
  const whose = owner === undefined ? "" : `, which is that of ${owner}`;
  return [reason("pin-mismatch", `Its digest is not the one that was pinned${whose}.`)];
}

/** The signatures that lie beside a file: FILE.asc, FILE.minisig, FILE.sigstore.json. */
async function bySignatures(path: string, facts: FileFacts, trust: Trust): Promise<Reason[]> {
  const name = basename(path);
  const [asc, minisig, bundle] = [".asc", ".minisig", ".sigstore.json"].map((end) => readBeside(path + end));
  if ((asc ?? minisig ?? bundle) === undefined) return [];
  const content = facts.content ?? readBeside(path) ?? Buffer.alloc(0);
  return [
    ...(asc === undefined ? [] : await openpgpReasons(name, content, asc, trust)),
    ...(minisig === undefined ? [] : [minisignReason(name, content, minisig, trust)]),
    ...(bundle === undefined ? [] : await bundleReasons(name, facts, content, bundle, trust)),
  ];
}

/** A file that lies in a release is held against its list. */
async function byRelease(path: string, { sha256 }: FileFacts, trust: Trust): Promise<Reason[]> {
  const folder = dirname(path);
  const name = basename(path);
  if (isOutsideManifest(name) || !existsSync(folder) || !isRelease(folder)) return [];
  const signed: Signed = await readSigned(folder, trust);
  if (!signed.sums.has(name)) return [];
  return [...signed.reasons, ...fileReasons(name, sha256, signed)];
}

/** Why it is not verified, where nothing proves it. */
function doubtsOf(
  identity: Identity | undefined,
  { sha256 }: FileFacts,
  reasons: readonly Reason[],
  known: Known,
): Reason[] {
  const isProven = reasons.some(({ code }) => CODES[code] === "proof" && code !== "pinned-digest");
  if (isProven) return [];
  if (identity === undefined && known.file(sha256) === undefined)
    return [reason("not-an-init", "It is none of the inits that are known here.")];
  const name = identity?.init ?? "init";
  const signs = known.keys.some(({ init }) => init === name);
  const hint = signs ? ` Put its signature (.asc) beside it: ${name}'s releases are signed.` : "";
  return [
    reason(
      "unknown-digest",
      `It is ${name} by what is in it, and nobody is known to have released it.${hint}`,
    ),
  ];
}
