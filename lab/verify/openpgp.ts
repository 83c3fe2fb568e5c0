// Detached OpenPGP signatures (RFC 9580), as tini's releases have them. The rule: a signature counts where the primary key
// or one of its subkeys made it while it was valid; a key that expired since then takes nothing from it.

import type { Key, Subkey } from "openpgp";
import type { KnownInits } from "./known.ts";

export type OpenpgpAnswer =
  | {
      readonly kind: "good";
      readonly fingerprint: string;
      readonly primary: string;
      readonly madeAt: Date;
      readonly weakHash: boolean;
      /** Of the init whose key is among those that are known. */
      readonly init?: string;
    }
  | { readonly kind: "bad" | "malformed" | "other-key"; readonly why: string };

const SHA1 = 2;

/** Armoured keys, those that are known and those that were given. */
export async function readOpenpgpKeys(armored: readonly string[]): Promise<readonly Key[]> {
  const { readKeys } = await import("openpgp");
  const read = await Promise.all(armored.map((armoredKeys) => readKeys({ armoredKeys })));
  return read.flat();
}

export function isOpenpgpKey(text: string): boolean {
  return text.startsWith("-----BEGIN PGP PUBLIC KEY BLOCK-----");
}

export async function verifyOpenpgp(
  content: Buffer,
  signatureFile: Buffer,
  keys: readonly Key[],
  known: KnownInits["keys"],
): Promise<OpenpgpAnswer> {
  const openpgp = await import("openpgp");
  let signature: Awaited<ReturnType<typeof openpgp.readSignature>>;
  try {
    const text = signatureFile.toString("latin1");
    signature = text.startsWith("-----BEGIN")
      ? await openpgp.readSignature({ armoredSignature: text })
      : await openpgp.readSignature({ binarySignature: new Uint8Array(signatureFile) });
  } catch (error) {
    return { kind: "malformed", why: (error as Error).message };
  }
  const [packet] = signature.packets;
  if (packet === undefined || signature.packets.length !== 1)
    return { kind: "malformed", why: `it has ${signature.packets.length} signatures in place of one` };
  // The library takes a packet without a body for a signature, and leaves out all that its types promise.
  const id = (packet.issuerKeyID as { toHex(): string } | undefined)?.toHex();
  if (id === undefined) return { kind: "malformed", why: "it is a signature without a body" };
  const owner = keys.find((key) => key.getKeys().some((each) => each.getKeyID().toHex() === id));
  const maker = owner?.getKeys().find((each) => each.getKeyID().toHex() === id);
  if (owner === undefined || maker === undefined)
    return { kind: "other-key", why: `it is by the key ${id.toUpperCase()}, which is not known here` };
  const madeAt = packet.created ?? new Date(0);
  try {
    const message = await openpgp.createMessage({ binary: new Uint8Array(content) });
    const { signatures } = await openpgp.verify({
      message,
      signature,
      verificationKeys: owner,
      date: madeAt,
      format: "binary",
      // SHA-1 signs old releases. To forge one, a second file with the same hash is needed, which nobody can make; it is
      // told as a downgrade all the same.
      config: { rejectMessageHashAlgorithms: new Set() },
    });
    await signatures[0]?.verified;
  } catch (error) {
    return { kind: "bad", why: (error as Error).message };
  }
  const primary = owner.getFingerprint().toUpperCase();
  const init = known.find((each) => each.primary === primary)?.init;
  return {
    kind: "good",
    fingerprint: fingerprintOf(maker),
    primary,
    madeAt,
    weakHash: packet.hashAlgorithm === SHA1,
    ...(init === undefined ? {} : { init }),
  };
}

function fingerprintOf(key: Key | Subkey): string {
  return key.getFingerprint().toUpperCase();
}
