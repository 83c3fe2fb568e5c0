// A release as a whole: its list of files (SHA256SUMS), the signatures of that list and of the provenance, and every file
// held against both. The rule: each file is covered by a signature that is good, or it is not verified; one bad signature
// is enough to call the release tampered with.

import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { PlaceError } from "../place.ts";
import { type FileFacts, filesIn, readBeside, readFacts } from "./files.ts";
import { identify, sha256 } from "./identify.ts";
import type { Trust } from "./keys.ts";
import { isOutsideManifest, MANIFEST, parseSums } from "./manifest.ts";
import { type Named, parseSbom, parseStatement, type Statement } from "./provenance.ts";
import {
  BUNDLE,
  bundleReasons,
  MINISIG,
  minisignReason,
  OPENPGP,
  openpgpReasons,
  statementReasons,
} from "./signatures.ts";
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
  const signatures = settled([...ofList, ...ofStatement, ...(await checkOthers(folder, trust))]);
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

/** Signatures of other files of the release: they cover nothing that the list does not, and must hold all the same. */
async function checkOthers(folder: string, trust: Trust): Promise<Reason[]> {
  const known = [MANIFEST + MINISIG, MANIFEST + BUNDLE, PROVENANCE + BUNDLE];
  const reasons: Reason[] = [];
  for (const path of filesIn(folder).files) {
    const end = [MINISIG, BUNDLE, OPENPGP].find((each) => path.endsWith(each));
    if (end === undefined || known.includes(path)) continue;
    const name = path.slice(0, -end.length);
    const [content, signature] = [name, path].map((each) => readBeside(join(folder, each)));
    if (content === undefined)
      reasons.push(reason("missing-file", `${path} signs a file that is not there.`));
    else reasons.push(...(await reasonsBeside(name, end, content, signature ?? Buffer.alloc(0), trust)));
  }
  return reasons;
}

async function reasonsBeside(
  name: string,
  end: string,
  content: Buffer,
  signature: Buffer,
  trust: Trust,
): Promise<Reason[]> {
  if (end === MINISIG) return [minisignReason(name, content, signature, trust)];
  if (end === OPENPGP) return openpgpReasons(name, content, signature, trust);
  const digests = { sha256: sha256(content), sha512: createHash("sha512").update(content).digest("hex") };
  return bundleReasons(name, digests, content, signature, trust);
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
    reasons: bundle === undefined ? [] : await statementReasons(PROVENANCE, file, bundle, trust),
  };
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
