// What the signatures beside a file say of it, as reasons: NAME.minisig, NAME.sigstore.json, NAME.asc. The rule: a signature
// that is no signature is damage, one that nobody here can check is a doubt.

import type { FileFacts } from "./files.ts";
import { fieldsOf, jsonOf, listOf, textOf } from "./json.ts";
import type { Trust } from "./keys.ts";
import { verifyMinisign } from "./minisign.ts";
import { verifyOpenpgp } from "./openpgp.ts";
import { verifySigstore } from "./sigstore.ts";
import { type Reason, reason } from "./verification.ts";

export const MINISIG = ".minisig";
export const BUNDLE = ".sigstore.json";
export const OPENPGP = ".asc";

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

export async function openpgpReasons(
  name: string,
  content: Buffer,
  asc: Buffer,
  trust: Trust,
): Promise<Reason[]> {
  const answer = await verifyOpenpgp(content, asc, await trust.openpgp(), trust.known.keys);
  switch (answer.kind) {
    case "good": {
      const { fingerprint, primary, madeAt, weakHash, init } = answer;
      const whose = init === undefined ? "a key that was given" : `the key of ${init}'s releases`;
      const via = fingerprint === primary ? fingerprint : `${primary} via its subkey ${fingerprint}`;
      const when = madeAt.toISOString().slice(0, 10);
      return [
        reason("openpgp-signature", `${name} was signed on ${when} by ${whose}, ${via}.`),
        ...(weakHash ? [reason("weak-hash", `${name}.asc signs a SHA-1 hash, as was usual once.`)] : []),
      ];
    }
    case "bad":
      return [reason("bad-signature", `${name}.asc: ${answer.why}.`)];
    case "malformed":
      return [reason("malformed-signature", `${name}.asc is no OpenPGP signature: ${answer.why}.`)];
    case "other-key":
      return [reason("untrusted-signer", `${name}.asc: ${answer.why}.`)];
  }
}

/** The reasons of a bundle beside a file; where it signs a statement, that must be the file's own bytes. */
export async function statementReasons(
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
