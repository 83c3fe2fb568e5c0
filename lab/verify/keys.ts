// The keys that somebody trusts: files with a public key each, of minisign, in PEM, or of OpenPGP. The rule: a key comes
// from whoever asks, never from the release that it is to judge.

import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Key as OpenpgpKey } from "openpgp";
import { UsageError } from "../settings.ts";
import { jsonOf } from "./json.ts";
import { Known } from "./known.ts";
import { isMinisignKey, type MinisignKey, readMinisignKey } from "./minisign.ts";
import { isOpenpgpKey, readOpenpgpKeys } from "./openpgp.ts";
import type { Signer, SigstoreTrust } from "./sigstore.ts";

export interface Trust {
  readonly known: Known;
  readonly minisign: readonly MinisignKey[];
  readonly sigstore: SigstoreTrust;
  /** Those that were given, and those that come with the lab. */
  openpgp(): Promise<readonly OpenpgpKey[]>;
}

export interface TrustFiles {
  readonly keys: readonly string[];
  readonly trustRoot?: string;
  readonly signer?: Signer;
  /** In place of lab/data/known-inits.json. */
  readonly known?: string;
}

const KEY_BYTES_MAX = 1 << 20;

export function readTrust({ keys, trustRoot, signer, known: knownFile }: TrustFiles): Trust {
  const known =
    knownFile === undefined
      ? new Known()
      : readJson(knownFile, "list of known inits", (json) => new Known(json));
  const texts = keys.map((path) => ({ path, text: read(path).toString("utf8") }));
  const armored = texts.filter(({ text }) => isOpenpgpKey(text)).map(({ text }) => text);
  const minisign = texts.filter(({ text }) => isMinisignKey(text)).map(minisignKey);
  const pem = texts.filter(({ text }) => !isOpenpgpKey(text) && !isMinisignKey(text)).map(pemKey);
  let openpgp: Promise<readonly OpenpgpKey[]> | undefined;
  return {
    known,
    minisign,
    sigstore: {
      keys: [...minisign.map(({ key }) => key), ...pem],
      ...(trustRoot === undefined ? {} : { root: readJson(trustRoot, "trust root", (json) => json) }),
      ...(signer === undefined ? {} : { signer }),
    },
    openpgp: () => {
      openpgp ??= readOpenpgpKeys([...known.keys.map((each) => each.armored), ...armored]).catch(
        (error: Error) => {
          throw new UsageError(`a key in OpenPGP's armour cannot be read: ${error.message}`);
        },
      );
      return openpgp;
    },
  };
}

function minisignKey({ path, text }: { readonly path: string; readonly text: string }): MinisignKey {
  const key = readMinisignKey(text);
  if (key === undefined) throw new UsageError(`${path} is no public key of minisign: two lines are expected`);
  return key;
}

function pemKey({ path, text }: { readonly path: string; readonly text: string }): KeyObject {
  if (text.includes("PRIVATE KEY"))
    throw new UsageError(`${path} is a private key: give the public one, and keep this to yourself`);
  try {
    return createPublicKey(text);
  } catch {
    throw new UsageError(`${path} is no public key: minisign's, PEM and OpenPGP's armour are read`);
  }
}

function readJson<T>(path: string, what: string, understand: (json: unknown) => T): T {
  const bytes = read(path);
  try {
    return understand(jsonOf(bytes));
  } catch (error) {
    throw new UsageError(`${path} is no ${what}: ${(error as Error).message}`);
  }
}

function read(path: string): Buffer {
  try {
    const bytes = readFileSync(path);
    if (bytes.length <= KEY_BYTES_MAX) return bytes;
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
  throw new UsageError(`${path} is larger than any key`);
}
