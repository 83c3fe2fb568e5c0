// Signatures by an ed25519 key (RFC 8032): in minisign's format (https://jedisct1.github.io/minisign/#signature-format) and
// as a sigstore bundle with a DSSE envelope. Both are deterministic: the same key and the same bytes give the same file.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundleToJSON, toDSSEBundle } from "@sigstore/bundle";
import { ToolError } from "../run.ts";
import { filesOf, PROVENANCE, SBOM, SUMS, sha256, sumsOf } from "./sums.ts";

const IN_TOTO = "application/vnd.in-toto+json";

/** A private key in PEM, as `openssl genpkey -algorithm ed25519` writes it. */
export function readKey(path: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(path));
  } catch (error) {
    throw new ToolError(
      `${path} is no private key in PEM (${(error as Error).message}): make one with openssl genpkey -algorithm ed25519`,
    );
  }
  if (key.asymmetricKeyType === "ed25519") return key;
  throw new ToolError(`${path} is a key of ${key.asymmetricKeyType}: minisign knows ed25519 alone`);
}

export const freshKey = (): KeyObject => generateKeyPairSync("ed25519").privateKey;

/** The key's 32 bytes. */
function rawOf(key: KeyObject): Buffer {
  return createPublicKey(key as never)
    .export({ format: "der", type: "spki" })
    .subarray(-32);
}

/** Eight bytes that minisign finds a key by. It draws them; here they follow from the key, which then is all there is to keep. */
function idOf(key: KeyObject): Buffer {
  return createHash("sha256").update(rawOf(key)).digest().subarray(0, 8);
}

/** The public half as `minisign -p` reads it. */
export function minisignKey(key: KeyObject): string {
  const name = Buffer.from(idOf(key)).reverse().toString("hex").toUpperCase();
  const line = Buffer.concat([Buffer.from("Ed"), idOf(key), rawOf(key)]).toString("base64");
  return `untrusted comment: minisign public key ${name}\n${line}\n`;
}

/** `comment` is signed, too. */
export function minisign(content: Buffer, key: KeyObject, comment: string): string {
  const signature = sign(null, createHash("blake2b512").update(content).digest(), key);
  const whole = sign(null, Buffer.concat([signature, Buffer.from(comment)]), key);
  const line = Buffer.concat([Buffer.from("ED"), idOf(key), signature]).toString("base64");
  return `untrusted comment: signature of steady's release\n${line}\ntrusted comment: ${comment}\n${whole.toString("base64")}\n`;
}

/** A statement in an envelope: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md */
export function bundle(statement: Buffer, key: KeyObject): string {
  const head = Buffer.from(`DSSEv1 ${IN_TOTO.length} ${IN_TOTO} ${statement.length} `);
  const spki = createPublicKey(key as never).export({ format: "der", type: "spki" });
  const made = toDSSEBundle({
    artifact: statement,
    artifactType: IN_TOTO,
    signature: sign(null, Buffer.concat([head, statement]), key),
    keyHint: createHash("sha256").update(spki).digest("base64"),
  });
  return `${JSON.stringify(bundleToJSON(made), undefined, 2)}\n`;
}

/** Signs a release that is whole: its list must be that of its files. Answers the names of the signatures. */
export function signRelease(folder: string, key: KeyObject): string[] {
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(folder, name));
    } catch {
      throw new ToolError(`${folder} is no release: there is no ${name} in it`);
    }
  };
  const list = read(SUMS);
  if (sumsOf(folder, sha256, [SUMS]) !== list.toString())
    throw new ToolError(
      `${SUMS} is not the list of what is in ${folder} (${filesOf(folder).length} files): nothing is signed`,
    );
  const { version, commit } = JSON.parse(read("digests.json").toString()) as Record<string, string>;
  const names = [SUMS, SBOM, PROVENANCE].map((name) => {
    writeFileSync(
      join(folder, `${name}.minisig`),
      minisign(read(name), key, `steady ${version} ${name} ${commit}`),
    );
    return `${name}.minisig`;
  });
  writeFileSync(join(folder, `${PROVENANCE}.sigstore.json`), bundle(read(PROVENANCE), key));
  return [...names, `${PROVENANCE}.sigstore.json`];
}
