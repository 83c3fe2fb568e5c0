// minisign's public keys and signatures, as its own documentation describes the formats
// (https://jedisct1.github.io/minisign/#signature-format). The rule: one spelling is accepted, minisign's own, so that the
// only byte of a signature file that can change unseen is one of the untrusted comment's text.

import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";

export interface MinisignKey {
  /** Eight bytes that a signature names its key by. */
  readonly id: string;
  readonly key: KeyObject;
}

interface Signature {
  readonly algorithm: "Ed" | "ED";
  readonly keyId: string;
  readonly signature: Buffer;
  readonly trustedComment: string;
  readonly globalSignature: Buffer;
}

export type MinisignAnswer =
  | { readonly kind: "good"; readonly keyId: string; readonly trustedComment: string }
  | { readonly kind: "bad" | "malformed" | "other-key"; readonly why: string };

const UNTRUSTED = "untrusted comment: ";
const TRUSTED = "trusted comment: ";
/** SubjectPublicKeyInfo of an Ed25519 key, up to the key: RFC 8410. */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

export function isMinisignKey(text: string): boolean {
  return text.startsWith(UNTRUSTED);
}

/** undefined for what is no public key of minisign. */
export function readMinisignKey(text: string): MinisignKey | undefined {
  const [, line = ""] = text.split("\n");
  const bytes = strictBase64(line.trim(), 42);
  if (bytes === undefined || bytes.toString("latin1", 0, 2) !== "Ed") return undefined;
  const key = createPublicKey({
    key: Buffer.concat([SPKI, bytes.subarray(10)]),
    format: "der",
    type: "spki",
  });
  return { id: idOf(bytes), key };
}

/** `keys` of which the signature must be by one; content is the file that was signed. */
export function verifyMinisign(
  content: Buffer,
  signatureFile: Buffer,
  keys: readonly MinisignKey[],
): MinisignAnswer {
  const parsed = parse(signatureFile);
  if (typeof parsed === "string") return { kind: "malformed", why: parsed };
  const found = keys.find(({ id }) => id === parsed.keyId);
  if (found === undefined)
    return { kind: "other-key", why: `it is by the key ${parsed.keyId}, which was not given` };
  const signed = parsed.algorithm === "ED" ? createHash("blake2b512").update(content).digest() : content;
  if (!verify(null, signed, found.key, parsed.signature))
    return { kind: "bad", why: "the signature does not fit the file" };
  const globally = Buffer.concat([parsed.signature, Buffer.from(parsed.trustedComment, "latin1")]);
  if (!verify(null, globally, found.key, parsed.globalSignature))
    return { kind: "bad", why: "the trusted comment is not what was signed" };
  const trustedComment = Buffer.from(parsed.trustedComment, "latin1").toString("utf8");
  return { kind: "good", keyId: parsed.keyId, trustedComment };
}

/** As bytes, since a comment may be anything; a sentence where it is no signature. */
function parse(file: Buffer): Signature | string {
  const lines = file.toString("latin1").split("\n");
  if (lines.length !== 5 || lines[4] !== "") return "it has not four lines";
  const [untrusted = "", first = "", trusted = "", second = ""] = lines;
  if (!untrusted.startsWith(UNTRUSTED)) return `its first line does not begin with "${UNTRUSTED}"`;
  if (!trusted.startsWith(TRUSTED)) return `its third line does not begin with "${TRUSTED}"`;
  const bytes = strictBase64(first, 74);
  const globalSignature = strictBase64(second, 64);
  if (bytes === undefined || globalSignature === undefined) return "a line is no base64 of the right length";
  const algorithm = bytes.toString("latin1", 0, 2);
  if (algorithm !== "Ed" && algorithm !== "ED") return "its algorithm is neither Ed nor ED";
  return {
    algorithm,
    keyId: idOf(bytes),
    signature: bytes.subarray(10),
    trustedComment: trusted.slice(TRUSTED.length),
    globalSignature,
  };
}

/** minisign shows it as a number, which is stored with its lowest byte first. */
function idOf(bytes: Buffer): string {
  return bytes.readBigUInt64LE(2).toString(16).toUpperCase().padStart(16, "0");
}

/** Node reads many spellings of the same bytes; only the one that it would write is taken. */
function strictBase64(text: string, length: number): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.length === length && bytes.toString("base64") === text ? bytes : undefined;
}
