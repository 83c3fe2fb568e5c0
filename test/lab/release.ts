// A small release and a signer of the tests' own, in the form that docs/verify.md describes; and the ways to spoil it.

import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hintOf, IN_TOTO } from "../../lab/verify/sigstore.ts";

export const sha256 = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");
const sha512 = (bytes: Buffer): string => createHash("sha512").update(bytes).digest("hex");

/** An ed25519 key with its two names. */
export class Signer {
  readonly publicKey: KeyObject;
  readonly #privateKey: KeyObject;
  readonly #id = randomBytes(8);

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    this.publicKey = publicKey;
    this.#privateKey = privateKey;
  }

  minisignKey(): string {
    const raw = this.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
    const line = Buffer.concat([Buffer.from("Ed"), this.#id, raw]).toString("base64");
    return `untrusted comment: minisign public key\n${line}\n`;
  }

  pem(): string {
    return this.publicKey.export({ format: "pem", type: "spki" }) as string;
  }

  /** As minisign -S makes it, prehashed, or with `legacy` as its old versions did. */
  minisign(content: Buffer, comment = "steady 1.0.0", legacy = false): string {
    const message = legacy ? content : createHash("blake2b512").update(content).digest();
    const signature = sign(null, message, this.#privateKey);
    const global = sign(null, Buffer.concat([signature, Buffer.from(comment)]), this.#privateKey);
    const line = Buffer.concat([Buffer.from(legacy ? "Ed" : "ED"), this.#id, signature]).toString("base64");
    return `untrusted comment: signature\n${line}\ntrusted comment: ${comment}\n${global.toString("base64")}\n`;
  }

  /** A bundle about a file: what a release workflow signs. */
  bundleAbout(name: string, content: Buffer): string {
    const subject = [{ name, digest: { sha256: sha256(content) } }];
    return this.bundle(Buffer.from(JSON.stringify({ _type: "https://in-toto.io/Statement/v1", subject })));
  }

  /** A bundle with a DSSE envelope: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md */
  bundle(payload: Buffer, payloadType = IN_TOTO): string {
    const head = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `;
    const signature = sign(null, Buffer.concat([Buffer.from(head), payload]), this.#privateKey);
    const bundle = {
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      verificationMaterial: { publicKey: { hint: hintOf(this.publicKey) }, tlogEntries: [] },
      dsseEnvelope: {
        payload: payload.toString("base64"),
        payloadType,
        signatures: [{ sig: signature.toString("base64"), keyid: "" }],
      },
    };
    return `${JSON.stringify(bundle, undefined, 2)}\n`;
  }
}

export interface Parts {
  readonly commit?: string;
  readonly toolchain?: readonly string[];
  /** Files besides those that every release has: paths with contents. */
  readonly files: Readonly<Record<string, Buffer>>;
  readonly byproducts?: Readonly<Record<string, Buffer>>;
}

/** Writes a whole release into a folder. */
export function makeRelease(folder: string, signer: Signer, parts: Parts): void {
  const { files } = parts;
  const put = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  for (const [path, content] of Object.entries(files)) put(path, content);
  put("steady.cdx.json", sbomOf(files));
  put("provenance.intoto.json", statementOf(folder, parts));
  signRelease(folder, signer);
}

/** Lists and signatures anew, of whatever lies there: what somebody with a key of their own can do, too. */
export function signRelease(folder: string, signer: Signer): void {
  const read = (path: string): Buffer => readFileSync(join(folder, path));
  const listed = (digest: (bytes: Buffer) => string, out: readonly string[]): string =>
    pathsIn(folder)
      .filter((path) => !out.includes(path) && !/\.(minisig|sigstore\.json)$/.test(path))
      .map((path) => `${digest(read(path))}  ${path}\n`)
      .join("");
  writeFileSync(join(folder, "SHA512SUMS"), listed(sha512, ["SHA256SUMS", "SHA512SUMS"]));
  writeFileSync(join(folder, "SHA256SUMS"), listed(sha256, ["SHA256SUMS"]));
  writeFileSync(join(folder, "SHA256SUMS.minisig"), signer.minisign(read("SHA256SUMS")));
  for (const name of ["steady.cdx.json", "provenance.intoto.json"].filter((path) =>
    pathsIn(folder).includes(path),
  ))
    writeFileSync(join(folder, `${name}.minisig`), signer.minisign(read(name)));
  writeFileSync(
    join(folder, "provenance.intoto.json.sigstore.json"),
    signer.bundle(read("provenance.intoto.json")),
  );
}

export function pathsIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1)).sort();
}

function statementOf(
  folder: string,
  { commit = "0".repeat(40), toolchain = [], byproducts = {} }: Parts,
): string {
  const subject = pathsIn(folder).map((name) => ({
    name,
    digest: { sha256: sha256(readFileSync(join(folder, name))) },
  }));
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject,
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "https://example.org/steady/release/v1",
        externalParameters: {},
        resolvedDependencies: [
          { uri: "git+https://example.org/steady", digest: { gitCommit: commit } },
          ...toolchain.map((uri) => ({ uri })),
        ],
      },
      runDetails: {
        builder: { id: "https://example.org/builder" },
        byproducts: Object.entries(byproducts).map(([name, content]) => ({
          name,
          digest: { sha256: sha256(content) },
        })),
      },
    },
  };
  return `${JSON.stringify(statement, undefined, 2)}\n`;
}

function sbomOf(files: Parts["files"]): string {
  const components = Object.entries(files).map(([name, content]) => ({
    type: "file",
    name,
    hashes: [{ alg: "SHA-256", content: sha256(content) }],
  }));
  const component = { type: "application", name: "steady", version: "1.0.0" };
  const bom = { bomFormat: "CycloneDX", specVersion: "1.6", version: 1, metadata: { component }, components };
  return `${JSON.stringify(bom, undefined, 2)}\n`;
}

/** A copy of a folder of files, flat or not. */
export function copyRelease(from: string, to: string): void {
  for (const path of pathsIn(from)) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    copyFileSync(join(from, path), join(to, path));
  }
}
