// sigstore bundles (https://docs.sigstore.dev/about/bundle/), offline: with a public key that was given, or with a
// certificate and a trust root that was given. The rule: what the library reads over (unknown names, other spellings of
// the same bytes) is refused, so that of a bundle only the white space can change unseen.

import { createHash, type KeyObject, X509Certificate } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Bundle, TransparencyLogEntry } from "@sigstore/bundle";
import type { KeyFinderFunc, TrustMaterial } from "@sigstore/verify";
import { type Fields, fieldsOf, jsonOf, listOf } from "./json.ts";

export const IN_TOTO = "application/vnd.in-toto+json";

/** Who may have signed where a certificate says who did: both are compared as they are. */
export interface Signer {
  /** "https://github.com/OWNER/REPOSITORY/.github/workflows/release.yml@refs/tags/v1.0.0" */
  readonly identity: string;
  /** "https://token.actions.githubusercontent.com" */
  readonly issuer: string;
}

export interface SigstoreTrust {
  readonly keys: readonly KeyObject[];
  /** The JSON of a trusted_root.json. */
  readonly root?: unknown;
  readonly signer?: Signer;
}

export type SigstoreAnswer =
  | {
      readonly kind: "good";
      /** The key's hint, or the identity in the certificate. */
      readonly by: string;
      readonly logged: boolean;
      /** The statement that was signed; undefined where the file itself was. */
      readonly payload?: Buffer;
    }
  | { readonly kind: "bad" | "malformed" | "no-root"; readonly why: string }
  | { readonly kind: "other-key"; readonly by: "key" | "certificate"; readonly why: string };

const MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** The name of a key in a bundle: the base64 of the SHA-256 of its SubjectPublicKeyInfo. */
export function hintOf(key: KeyObject): string {
  return createHash("sha256")
    .update(key.export({ format: "der", type: "spki" }))
    .digest("base64");
}

/** `content` is what was signed where the bundle has no statement of its own. */
export async function verifySigstore(
  content: Buffer,
  bundleFile: Buffer,
  trust: SigstoreTrust,
): Promise<SigstoreAnswer> {
  const bundle = await readBundle(bundleFile);
  if (typeof bundle === "string") return { kind: "malformed", why: bundle };
  const { content: material } = bundle.verificationMaterial;
  return material.$case === "publicKey"
    ? byKey(content, bundle, material.publicKey.hint, trust)
    : byCertificate(content, bundle, trust);
}

async function readBundle(file: Buffer): Promise<Bundle | string> {
  const { bundleFromJSON, bundleToJSON } = await import("@sigstore/bundle");
  try {
    const json = jsonOf(file);
    const bundle = bundleFromJSON(json);
    if (bundle.mediaType !== MEDIA_TYPE) return `it is no bundle of version 0.3, but ${bundle.mediaType}`;
    // A name that the library does not know, or base64 that it would spell otherwise.
    if (!isDeepStrictEqual(withEmpty(JSON.parse(JSON.stringify(bundleToJSON(bundle))), json), json))
      return "it has something in it that no bundle has";
    if (!bundle.verificationMaterial.tlogEntries.every(isWhole))
      return "its proof of inclusion is not about its checkpoint";
    if (bundle.content.$case === "dsseEnvelope" && bundle.content.dsseEnvelope.payloadType !== IN_TOTO)
      return `what it signs is no in-toto statement, but ${bundle.content.dsseEnvelope.payloadType}`;
    return bundle;
  } catch (error) {
    return (error as Error).message;
  }
}

/** What a bundle may say although it is empty, and the library leaves out: no log entries, no times, no key's name. */
function withEmpty(written: Fields, read: unknown): Fields {
  const { verificationMaterial, dsseEnvelope, ...rest } = written;
  const material = fieldsOf(verificationMaterial);
  const envelope = fieldsOf(dsseEnvelope);
  const { tlogEntries, timestampVerificationData } = fieldsOf(fieldsOf(read).verificationMaterial);
  const signatures = listOf(fieldsOf(fieldsOf(read).dsseEnvelope).signatures).map(fieldsOf);
  const isNone = isEmpty(tlogEntries);
  const isTimeless = isEmpty(fieldsOf(timestampVerificationData).rfc3161Timestamps);
  const named = listOf(envelope.signatures).map((each, i) =>
    signatures[i]?.keyid === "" ? { ...fieldsOf(each), keyid: "" } : each,
  );
  return {
    ...rest,
    verificationMaterial: {
      ...material,
      ...(isNone ? { tlogEntries } : {}),
      ...(isTimeless ? { timestampVerificationData: { rfc3161Timestamps: [] } } : {}),
    },
    ...(dsseEnvelope === undefined ? {} : { dsseEnvelope: { ...envelope, signatures: named } }),
  };
}

function isEmpty(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0;
}

/**
 * Whether a proof of inclusion has the size and the root of its checkpoint, which the library takes from the checkpoint
 * alone, and the log signs that under its own name, which the library takes from nowhere. A checkpoint is a signed note:
 * the log's name, its size, its root, an empty line, and a line for each signature.
 */
function isWhole({ inclusionProof }: TransparencyLogEntry): boolean {
  if (inclusionProof === undefined) return true;
  const [origin = "", size, root, ...rest] = inclusionProof.checkpoint?.envelope.split("\n") ?? [];
  const signatures = rest.map((line) => /^\u2014 (\S+) (\S+)$/.exec(line)).filter((each) => each !== null);
  const isSigned = signatures.some(([, name, text = ""]) => name === origin.split(" ")[0] && isStrict(text));
  return isSigned && size === inclusionProof.treeSize && root === inclusionProof.rootHash.toString("base64");
}

function isStrict(base64: string): boolean {
  return Buffer.from(base64, "base64").toString("base64") === base64;
}

/**
 * Whether OpenSSL, too, takes a certificate for one that an authority of the trust root issued: the library reads over
 * what stands around the signed part of it.
 */
function isIssued(
  { content }: Bundle["verificationMaterial"],
  { certificateAuthorities }: TrustMaterial,
): boolean {
  if (content.$case !== "certificate") return false;
  try {
    const certificate = new X509Certificate(content.certificate.rawBytes);
    const issuers = certificateAuthorities.flatMap(({ certChain }) => certChain);
    return (
      certificate.raw.equals(content.certificate.rawBytes) &&
      issuers.some((each) => certificate.verify(new X509Certificate(each.root.toDER()).publicKey))
    );
  } catch {
    return false;
  }
}

async function byKey(
  content: Buffer,
  bundle: Bundle,
  hint: string,
  { keys, root }: SigstoreTrust,
): Promise<SigstoreAnswer> {
  const key = keys.find((each) => hintOf(each) === hint);
  const named = bundle.content.$case === "dsseEnvelope" ? bundle.content.dsseEnvelope.signatures : [];
  if (key === undefined || named.some(({ keyid }) => keyid !== "" && keyid !== hint))
    return { kind: "other-key", by: "key", why: `it is by the key ${hint}, which was not given` };
  const logged = bundle.verificationMaterial.tlogEntries.length > 0;
  if (logged && root === undefined)
    return { kind: "no-root", why: "it names a transparency log, and no trust root was given to check it" };
  const { Verifier, toSignedEntity } = await import("@sigstore/verify");
  const material = await materialOf(root, () => ({ publicKey: key, validFor: () => true }));
  // How many log entries and times it must have; those that it has are checked.
  const none = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
  return attempt(bundle, hint, logged, () =>
    new Verifier(material, none).verify(toSignedEntity(bundle, content)),
  );
}

async function byCertificate(
  content: Buffer,
  bundle: Bundle,
  { root, signer }: SigstoreTrust,
): Promise<SigstoreAnswer> {
  if (root === undefined)
    return { kind: "no-root", why: "it has a certificate, and no trust root was given to check it" };
  const { Verifier, toSignedEntity } = await import("@sigstore/verify");
  const material = await materialOf(root, () => {
    throw new Error("there is no key in this bundle");
  });
  if (!isIssued(bundle.verificationMaterial, material))
    return { kind: "bad", why: "its certificate is none that an authority of the trust root issued" };
  let by = "";
  const answer = attempt(bundle, "", true, () => {
    const { identity } = new Verifier(material).verify(toSignedEntity(bundle, content));
    by = `${identity?.subjectAlternativeName} (${identity?.extensions?.issuer})`;
  });
  if (answer.kind !== "good") return answer;
  if (signer === undefined || by !== `${signer.identity} (${signer.issuer})`)
    return {
      kind: "other-key",
      by: "certificate",
      why: `it is by ${by}, who was not named with --identity and --issuer`,
    };
  return { ...answer, by };
}

function attempt(bundle: Bundle, by: string, logged: boolean, verify: () => void): SigstoreAnswer {
  try {
    verify();
  } catch (error) {
    return { kind: "bad", why: (error as Error).message };
  }
  const { content } = bundle;
  return {
    kind: "good",
    by,
    logged,
    ...(content.$case === "dsseEnvelope" ? { payload: content.dsseEnvelope.payload } : {}),
  };
}

async function materialOf(root: unknown, keys: KeyFinderFunc): Promise<TrustMaterial> {
  const { TrustedRoot } = await import("@sigstore/protobuf-specs");
  const { toTrustMaterial } = await import("@sigstore/verify");
  const empty = {
    mediaType: "",
    tlogs: [],
    certificateAuthorities: [],
    ctlogs: [],
    timestampAuthorities: [],
  };
  return toTrustMaterial(TrustedRoot.fromJSON(root ?? empty), keys);
}
