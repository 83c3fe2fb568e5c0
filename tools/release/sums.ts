// Lists of digests: SHA256SUMS and SHA512SUMS as sha256sum(1) writes and checks them, digests.json for machines, and the
// line of a Dockerfile for each architecture. What stands in which list: docs/verify.md.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ARCHITECTURES } from "../architectures.ts";
import { ToolError } from "../run.ts";
import { type Facts, tagOf } from "./facts.ts";
import { platformText, sourceOf } from "./image.ts";

export const SUMS = "SHA256SUMS";
export const LONG_SUMS = "SHA512SUMS";
export const PROVENANCE = "provenance.intoto.json";
export const SBOM = "steady.cdx.json";
export const DIGESTS = "digests.json";
export const ADD_LINES = "Dockerfile.add";

const isSignature = (name: string): boolean => /\.(minisig|sigstore\.json)$/.test(name);

export const sha256 = (content: Buffer | string): string =>
  createHash("sha256").update(content).digest("hex");
export const sha512 = (content: Buffer | string): string =>
  createHash("sha512").update(content).digest("hex");

export const programName = (architecture: string): string => `steady-${architecture}`;

/** The files of a release, which lie flat, sorted, without signatures and these. */
export function filesOf(folder: string, without: readonly string[] = []): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  const odd = entries.filter((entry) => !entry.isFile()).map(({ name }) => name);
  if (odd.length > 0)
    throw new ToolError(`${folder} has something in it that no release has: ${odd.join(" ")}`);
  const names = entries.map(({ name }) => name);
  return names.filter((name) => !isSignature(name) && !without.includes(name)).sort();
}

/** The list of a folder's files. */
export function sumsOf(
  folder: string,
  digest: (content: Buffer) => string,
  without: readonly string[],
): string {
  return filesOf(folder, without)
    .map((name) => `${digest(readFileSync(join(folder, name)))}  ${name}\n`)
    .join("");
}

/** Where a file of the release is to be had; OWNER/REPOSITORY where nobody said. */
function urlOf(facts: Facts, name: string): string {
  const { repository = "OWNER/REPOSITORY" } = facts;
  return `${sourceOf(repository)}/releases/download/${tagOf(facts)}/${name}`;
}

/** For bots that bring pins up to date: every file with its digests, and of programs the platform. */
export function digestsJson(folder: string, facts: Facts, imageDigest: string): string {
  const platforms = new Map(ARCHITECTURES.map(({ name }) => [programName(name), platformText(name)]));
  const files = filesOf(folder).map((name) => {
    const content = readFileSync(join(folder, name));
    const platform = platforms.get(name);
    return {
      name,
      ...(platform === undefined ? {} : { platform }),
      ...(facts.repository === undefined ? {} : { url: urlOf(facts, name) }),
      size: content.length,
      sha256: sha256(content),
      sha512: sha512(content),
    };
  });
  const { version, commit } = facts;
  const whole = {
    schemaVersion: 1,
    name: "steady",
    version,
    tag: tagOf(facts),
    commit,
    image: imageDigest,
    files,
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}

/** `ADD --checksum` for each architecture: BuildKit compares the digest before the file is in the image. */
export function addLines(folder: string, facts: Facts): string {
  const lines = ARCHITECTURES.map(({ name }) => {
    const program = programName(name);
    const digest = sha256(readFileSync(join(folder, program)));
    const to = "/usr/local/bin/steady";
    return `# ${platformText(name)}\nADD --checksum=sha256:${digest} --chmod=0755 ${urlOf(facts, program)} ${to}\n`;
  });
  return lines.join("");
}
