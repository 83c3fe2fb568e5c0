// What the package manager of an image installed, by the lists that it keeps: dpkg's md5sums, apk's database. The rule: the
// lists are in the image themselves, so they tell of accidents and of clumsy changes, and prove nothing good.

import type { Tree } from "./tree.ts";

export interface Promised {
  readonly manager: "dpkg" | "apk";
  readonly package: string;
  readonly algorithm: "md5" | "sha1";
  readonly digest: string;
}

const DPKG = ["/var/lib/dpkg/info", "/var/lib/dpkg/status.d"];
const APK = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];
const MD5SUMS = ".md5sums";

/** Absolute paths with what was installed there, of the packages that bring inits. */
export function packagesOf(tree: Tree): ReadonlyMap<string, Promised> {
  const promised = new Map<string, Promised>();
  const put = (path: string, each: Promised): void => {
    // The same file by the name that it has behind links: /bin is a link to /usr/bin.
    promised.set(tree.find(path)?.path ?? path, each);
  };
  for (const folder of DPKG) {
    const found = tree.find(folder)?.node;
    if (found?.kind !== "folder") continue;
    for (const [name, node] of found.children) {
      if (!name.endsWith(MD5SUMS) || node.kind !== "file" || node.facts.text === undefined) continue;
      const owner = name.slice(0, -MD5SUMS.length).replace(/:.*/, "");
      for (const [, digest = "", path = ""] of node.facts.text.matchAll(/^([0-9a-f]{32}) {2}(.+)$/gm))
        put(`/${path}`, { manager: "dpkg", package: owner, algorithm: "md5", digest });
    }
  }
  for (const path of APK) {
    const node = tree.find(path)?.node;
    if (node?.kind === "file") readApk(node.facts.text ?? "", put);
  }
  return promised;
}

/** Lines of a letter and a value: P a package, F a folder, R a file, Z its SHA-1 in base64. See apk-installed(5). */
function readApk(text: string, put: (path: string, each: Promised) => void): void {
  let [owner, folder, file] = ["", "", ""];
  for (const line of text.split("\n")) {
    const value = line.slice(2);
    if (line.startsWith("P:")) owner = value;
    else if (line.startsWith("F:")) folder = value;
    else if (line.startsWith("R:")) file = value;
    else if (line.startsWith("Z:Q1") && INITS.includes(file))
      put(`/${folder}/${file}`, {
        manager: "apk",
        package: owner,
        algorithm: "sha1",
        digest: Buffer.from(value.slice(2), "base64").toString("hex"),
      });
  }
}

const INITS = ["tini", "tini-static", "dumb-init", "catatonit", "docker-init"];
