// A release as a whole: its list of files (SHA256SUMS), the signatures of that list and of the provenance, and every file
// held against both. The rule: each file is covered by a signature that is good, or it is not verified; one bad signature
// is enough to call the release tampered with.

import { basename, join } from "node:path";
import { PlaceError } from "../place.ts";
import { type FileFacts, filesIn, readBeside, readFacts } from "./files.ts";
import { identify, sha256 } from "./identify.ts";
import { fieldsOf, jsonOf, listOf, textOf } from "./json.ts";
import type { Trust } from "./keys.ts";
import { isOutsideManifest, MANIFEST, parseSums } from "./manifest.ts";
import { verifyMinisign } from "./minisign.ts";
import { type Named, parseSbom, parseStatement, type Statement } from "./provenance.ts";
import { verifySigstore } from "./sigstore.ts";
import {
  CODES,
  type FileVerdict,
  type Identity,
  type Reason,
  type ReleaseVerdict,
  reason,
  type Sbom,
  verdictOf,
  worst,
} from "./verification.ts";

const SUMS_512 = "SHA512SUMS";
export const PROVENANCE = "provenance.intoto.json";
const SBOM = /\.cdx\.json$/;
const MINISIG = ".minisig";
const BUNDLE = ".sigstore.json";

/** What the signatures of a release say, before any file is looked at. */
export interface Signed {
  /** The release's reasons, of which damage is the release's. */
  readonly reasons: readonly Reason[];
  /** Every path of the list with its digest. */
  readonly sums: ReadonlyMap<string, string>;
  /** Whether the list itself is signed. */
  readonly listSigned: boolean;
  /** The statement, where its signature is good. */
  readonly statement?: Statement;
  readonly statementSigned: boolean;
}

export function isRelease(folder: string): boolean {
  return readBeside(join(folder, MANIFEST)) !== undefined;
}

export async function verifyRelease(folder: string, trust: Trust): Promise<ReleaseVerdict> {
  const signed = await readSigned(folder, trust);
  const { files: present, others } = filesIn(folder);
  const listed = present.filter((path) => signed.sums.has(path));
  const files: FileVerdict[] = [];
  const facts = new Map<string, FileFacts>();
  for (const path of listed) {
    const { content, ...digests } = await readFacts(join(folder, path));
    facts.set(path, digests);
    const identity = content === undefined ? undefined : identify(content, trust.known, digests.sha256);
    files.push(fileVerdict(path, digests, identity, fileReasons(path, digests.sha256, signed)));
  }
  const missing = [...signed.sums.keys()].filter((path) => !present.includes(path));
  const unlisted = present.filter((path) => !signed.sums.has(path) && !isOutsideManifest(path));
  const { sbom, reasons: ofSbom } = checkSboms(folder, listed, facts);
  const reasons = [
    ...signed.reasons,
    ...missing.map((path) => reason("missing-file", `${path} stands in ${MANIFEST} and is not there.`)),
    ...[...unlisted, ...others].map((path) =>
      reason("unlisted-file", `${path} is there, and no list has it.`),
    ),
    ...checkLongSums(folder, facts),
    ...ofSbom,
  ];
  const own = verdictOf(reasons);
  return {
    kind: "release",
    path: folder,
    verdict: worst([own, ...files.map(({ verdict }) => verdict)]),
    reasons,
    ...(signed.statement === undefined ? {} : { provenance: signed.statement.provenance }),
    ...(sbom === undefined ? {} : { sbom }),
    files,
  };
}

/** The list, the statement and their signatures. */
export async function readSigned(folder: string, trust: Trust): Promise<Signed> {
  const list = readBeside(join(folder, MANIFEST));
  if (list === undefined) throw new PlaceError(`${folder} is no release: there is no ${MANIFEST} in it`);
  const sums = parseSums(list, 64);
  const ofList = await checkList(folder, list, trust);
  const { statement, reasons: ofStatement } = await checkStatement(folder, trust);
  const signatures = settled([...ofList, ...ofStatement]);
  const reasons = [
    ...signatures,
    ...(typeof sums === "string" ? [reason("malformed-manifest", `${MANIFEST}: ${sums}.`)] : []),
    ...(signatures.length > 0 ? [] : [reason("no-signature", `Nobody signed ${MANIFEST}.`)]),
    ...(statement === undefined || typeof sums === "string" ? [] : checkSubjects(statement, sums)),
  ];
  return {
    reasons,
    sums: typeof sums === "string" ? new Map() : sums,
    listSigned: ofList.some(isProof),
    statementSigned: ofStatement.some(isProof),
    ...(statement === undefined ? {} : { statement }),
  };
}

function isProof({ code }: Reason): boolean {
  return CODES[code] === "proof";
}

/** Beside a signature that is good, one that nobody gave a key to is no doubt any more; it is told. */
function settled(reasons: readonly Reason[]): Reason[] {
  if (!reasons.some(isProof)) return [...reasons];
  return reasons.map((each) =>
    each.code === "no-key" || each.code === "no-trust-root" ? reason("unchecked-signature", each.text) : each,
  );
}

/** Its signature of minisign, and a bundle about it: a release may have both. */
async function checkList(folder: string, list: Buffer, trust: Trust): Promise<Reason[]> {
  const [minisig, bundle] = [MINISIG, BUNDLE].map((end) => readBeside(join(folder, MANIFEST + end)));
  const digests = { sha256: sha256(list), sha512: "" };
  return [
    ...(minisig === undefined ? [] : [minisignReason(MANIFEST, list, minisig, trust)]),
    ...(bundle === undefined ? [] : await bundleReasons(MANIFEST, digests, list, bundle, trust)),
  ];
}

export function minisignReason(name: string, content: Buffer, signature: Buffer, trust: Trust): Reason {
  if (trust.minisign.length === 0)
    return reason("no-key", `${name} has a signature of minisign, and no key was given to check it: --key.`);
  const answer = verifyMinisign(content, signature, trust.minisign);
  switch (answer.kind) {
    case "good":
      return reason(
        "minisign-signature",
        `${name} is signed by minisign's key ${answer.keyId}: "${answer.trustedComment}".`,
      );
    case "bad":
      return reason("bad-signature", `${name}${MINISIG}: ${answer.why}.`);
    case "malformed":
      return reason("malformed-signature", `${name}${MINISIG} is no signature of minisign: ${answer.why}.`);
    case "other-key":
      return reason("untrusted-signer", `${name}${MINISIG}: ${answer.why}.`);
  }
}

async function checkStatement(
  folder: string,
  trust: Trust,
): Promise<{ readonly statement?: Statement; readonly reasons: Reason[] }> {
  const [file, bundle] = [PROVENANCE, PROVENANCE + BUNDLE].map((name) => readBeside(join(folder, name)));
  if (file === undefined) return { reasons: [] };
  let statement: Statement;
  try {
    statement = parseStatement(file);
  } catch (error) {
    return { reasons: [reason("malformed-provenance", `${PROVENANCE}: ${(error as Error).message}.`)] };
  }
  return {
    statement,
    reasons: bundle === undefined ? [] : await sigstoreReasons(PROVENANCE, file, bundle, trust),
  };
}

/** The reasons of a bundle beside a file; where it signs a statement, that must be the file's own bytes. */
async function sigstoreReasons(
  name: string,
  content: Buffer,
  bundle: Buffer,
  trust: Trust,
): Promise<Reason[]> {
  const answer = await sigstoreAnswer(name, content, bundle, trust);
  if (!("payload" in answer) || answer.payload === undefined || answer.payload.equals(content))
    return answer.reasons;
  return [reason("provenance-mismatch", `${name}${BUNDLE} signs another statement than ${name}.`)];
}

/** The reasons of a bundle that signs the file, or a statement that has the file's digest. */
export async function bundleReasons(
  name: string,
  { sha256: short, sha512: long }: Pick<FileFacts, "sha256" | "sha512">,
  content: Buffer,
  bundle: Buffer,
  trust: Trust,
): Promise<Reason[]> {
  const { payload, reasons } = await sigstoreAnswer(name, content, bundle, trust);
  if (payload === undefined) return reasons;
  const digests = listOf(fieldsOf(jsonOf(payload)).subject).map((each) => fieldsOf(fieldsOf(each).digest));
  const isAbout = digests.some((each) => textOf(each.sha256) === short || textOf(each.sha512) === long);
  return isAbout
    ? reasons
    : [reason("provenance-mismatch", `${name}${BUNDLE} signs a statement about other files.`)];
}

/** What a bundle beside a file says, with the statement that it signs: the caller looks at that. */
async function sigstoreAnswer(
  name: string,
  content: Buffer,
  bundle: Buffer,
  trust: Trust,
): Promise<{ readonly reasons: Reason[]; readonly payload?: Buffer }> {
  const { keys, root } = trust.sigstore;
  if (keys.length === 0 && root === undefined)
    return {
      reasons: [
        reason("no-key", `${name} has a sigstore bundle, and neither --key nor --trust-root was given.`),
      ],
    };
  const answer = await verifySigstore(content, bundle, trust.sigstore);
  const file = `${name}${BUNDLE}`;
  switch (answer.kind) {
    case "good": {
      const good = reason("sigstore-signature", `${name} is signed in a sigstore bundle by ${answer.by}.`);
      const unlogged = reason(
        "no-transparency-log",
        `${file} names no entry of a transparency log: whoever has the key can sign unseen, at any time.`,
      );
      return {
        reasons: answer.logged ? [good] : [good, unlogged],
        ...(answer.payload === undefined ? {} : { payload: answer.payload }),
      };
    }
    case "bad":
      return { reasons: [reason("bad-signature", `${file}: ${answer.why}.`)] };
    case "malformed":
      return { reasons: [reason("malformed-signature", `${file} is no sigstore bundle: ${answer.why}.`)] };
    case "other-key": {
      // Who gave a trust root alone has named nobody's key.
      const code = answer.by === "key" && keys.length === 0 ? "no-key" : "untrusted-signer";
      return { reasons: [reason(code, `${file}: ${answer.why}.`)] };
    }
    case "no-root":
      return { reasons: [reason("no-trust-root", `${file}: ${answer.why}: --trust-root.`)] };
  }
}

/** What the statement is about must be files of the list, with the same digests. */
function checkSubjects({ subjects }: Statement, sums: ReadonlyMap<string, string>): Reason[] {
  const wrong = subjects.filter(({ name, sha256 }) => sums.get(name) !== sha256);
  return wrong.map(({ name }) =>
    reason("provenance-mismatch", `${PROVENANCE} has another digest of ${name} than ${MANIFEST}.`),
  );
}

/** What the list and the statement say of one file. */
export function fileReasons(path: string, sha256: string, signed: Signed): Reason[] {
  const { sums, listSigned, statementSigned, statement } = signed;
  if (sums.get(path) !== sha256)
    return [reason("digest-mismatch", `${path} is not the file whose digest stands in ${MANIFEST}.`)];
  const isStated =
    statementSigned &&
    (path === PROVENANCE || (statement?.subjects ?? []).some((each) => each.name === path));
  if (listSigned || isStated)
    return [reason("in-signed-manifest", `${path} is the file that was signed, by its digest.`)];
  return [reason("no-signature", `${path} stands in ${MANIFEST}, and no good signature covers it.`)];
}

export function fileVerdict(
  path: string,
  { bytes, sha256 }: Pick<FileFacts, "bytes" | "sha256">,
  identity: Identity | undefined,
  reasons: readonly Reason[],
): FileVerdict {
  const as = basename(path) === "docker-init" && identity?.init === "tini" ? { as: "docker-init" } : {};
  return {
    kind: "file",
    path,
    bytes,
    sha256,
    ...(identity === undefined ? {} : { identity: { ...identity, ...as } }),
    verdict: verdictOf(reasons),
    reasons,
  };
}

/** SHA512SUMS says the same of the same files, or it was not made from them. */
function checkLongSums(folder: string, facts: ReadonlyMap<string, FileFacts>): Reason[] {
  const file = readBeside(join(folder, SUMS_512));
  if (file === undefined) return [];
  const sums = parseSums(file, 128);
  if (typeof sums === "string") return [reason("malformed-manifest", `${SUMS_512}: ${sums}.`)];
  const wrong = [...sums].filter(([path, digest]) => facts.get(path)?.sha512 !== digest);
  return wrong.map(([path]) => reason("digest-mismatch", `${path} is not the file of ${SUMS_512}.`));
}

/** A digest in the SBOM is one of a file of the release where it has the file's name. */
function checkSboms(
  folder: string,
  paths: readonly string[],
  facts: ReadonlyMap<string, FileFacts>,
): { readonly sbom?: Sbom; readonly reasons: Reason[] } {
  const path = paths.find((each) => SBOM.test(each));
  if (path === undefined) return { reasons: [] };
  try {
    const { sbom, hashes } = parseSbom(readBeside(join(folder, path)) ?? Buffer.alloc(0));
    const isWrong = ({ name, sha256 }: Named): boolean =>
      facts.has(name) && facts.get(name)?.sha256 !== sha256;
    return {
      sbom,
      reasons: hashes
        .filter(isWrong)
        .map(({ name }) => reason("sbom-mismatch", `${path} has another digest of ${name} than the file.`)),
    };
  } catch (error) {
    return { reasons: [reason("malformed-sbom", `${path}: ${(error as Error).message}.`)] };
  }
}
