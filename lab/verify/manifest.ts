// The list of a release's files: SHA256SUMS, as sha256sum(1) writes it. The rule: one spelling is accepted, and no path
// leads out of the release.

export const MANIFEST = "SHA256SUMS";

/** What is signed by itself, or is a signature, and does not stand in the list. */
export function isOutsideManifest(path: string): boolean {
  return path === MANIFEST || /\.(minisig|sigstore\.json|asc)$/.test(path);
}

const LINE = /^([0-9a-f]{64}|[0-9a-f]{128}) {2}(.+)$/;

/** Paths with their digests; a sentence where it is no such list. */
export function parseSums(file: Buffer, digits: 64 | 128): ReadonlyMap<string, string> | string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(file);
  } catch {
    return "it is not UTF-8";
  }
  if (!text.endsWith("\n")) return "its last line does not end";
  const sums = new Map<string, string>();
  for (const line of text.slice(0, -1).split("\n")) {
    const [, digest = "", path = ""] = LINE.exec(line) ?? [];
    if (digest.length !== digits || !isInside(path)) return `a line is no digest with a path: ${line}`;
    if (sums.has(path)) return `${path} stands in it twice`;
    sums.set(path, digest);
  }
  return sums;
}

/** No way up, no way round, nothing that a terminal would act on. */
function isInside(path: string): boolean {
  const parts = path.split("/");
  return parts.every((part) => part !== "" && part !== "." && part !== "..") && !/[\p{Cc}\\]/u.test(path);
}
