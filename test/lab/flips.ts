// One byte of a release as another one, again and again: which of these changes the lab does not see.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Trust } from "../../lab/verify/keys.ts";
import { fileReasons, readSigned } from "../../lab/verify/release.ts";
import { verdictOf } from "../../lab/verify/verification.ts";
import { pathsIn, sha256 } from "./release.ts";

const SMALL_BYTES_MAX = 8192;
const RANDOM_FLIPS = 10_000;
const SPACE = 0x20;
const TAB = 0x09;

interface Flips {
  /** What was not seen and should have been, one sentence each. */
  readonly unseen: readonly string[];
  /** What was not seen because no scheme covers it; docs/verify.md lists it. */
  readonly uncovered: readonly string[];
}

/**
 * Every byte of the small files of a release, and of each large one as many as stand above. The release is written to,
 * and afterwards as it was.
 */
export async function flipAll(release: string, trust: Trust): Promise<Flips> {
  const unseen: string[] = [];
  const uncovered = new Set<string>();
  const whole = await readSigned(release, trust);
  for (const path of pathsIn(release)) {
    const content = readFileSync(join(release, path));
    for (const { at, mask } of placesIn(content)) {
      const bytes = flipped(content, at, mask);
      const isFound = whole.sums.has(path)
        ? verdictOf(fileReasons(path, sha256(bytes), whole)) !== "verified"
        : await isFoundInSigned(release, path, bytes, trust);
      if (isFound) continue;
      if (isUncovered(path, content.toString("latin1"), at))
        uncovered.add(path.endsWith(".minisig") ? "minisign's untrusted comment" : "white space in JSON");
      else unseen.push(`${path}: byte ${at} by ${mask}`);
    }
    writeFileSync(join(release, path), content);
  }
  return { unseen, uncovered: [...uncovered].sort() };
}

/** The list itself, and the signatures. */
async function isFoundInSigned(release: string, path: string, bytes: Buffer, trust: Trust): Promise<boolean> {
  writeFileSync(join(release, path), bytes);
  const { reasons } = await readSigned(release, trust);
  return verdictOf(reasons) !== "verified";
}

/** What no scheme covers, as docs/verify.md says: the text of minisign's untrusted comment, and white space in JSON. */
function isUncovered(path: string, text: string, at: number): boolean {
  if (path.endsWith(".minisig")) return at >= "untrusted comment: ".length && at < text.indexOf("\n");
  return path.endsWith(".sigstore.json") && /\s/.test(text[at] ?? "");
}

/** Byte `at` of a file as another one. */
export function flipped(content: Buffer, at: number, mask: number): Buffer {
  const copy = Buffer.from(content);
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
}

/** One bit each; and white space as other white space, which is more than one bit away. */
function placesIn(content: Buffer): { at: number; mask: number }[] {
  const random = (n: number): number => Math.floor(Math.random() * n);
  if (content.length > SMALL_BYTES_MAX)
    return Array.from({ length: RANDOM_FLIPS }, () => ({ at: random(content.length), mask: 1 << random(8) }));
  return [...content.entries()].flatMap(([at, byte]) => [
    { at, mask: 1 << (at % 8) },
    ...(byte === SPACE ? [{ at, mask: SPACE ^ TAB }] : []),
  ]);
}
