// The programs that come with the lab: steady for every architecture, since images are built on other machines than they
// run on. As published they lie beside the lab's JavaScript with a list of their digests; in the repository they are
// where `npm run build` leaves them. The rule: nothing is handed out that is not what the list says.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PlaceError } from "./place.ts";
import { UsageError } from "./settings.ts";

/** As steady calls them; the other words for each are Docker's, Debian's, Node's and the kernel's. */
const NAMES = {
  "x86-64": ["amd64", "x64", "x86_64"],
  arm64: ["aarch64", "arm64/v8"],
  armv7: ["arm", "arm/v7", "armhf", "armv7l"],
  i386: ["386", "ia32", "i686"],
  riscv64: [],
  ppc64le: ["ppc64", "ppc64el"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Architecture = keyof typeof NAMES;

export const ARCHITECTURES = Object.keys(NAMES) as readonly Architecture[];

export interface Program {
  readonly architecture: Architecture;
  readonly path: string;
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string;
}

const PUBLISHED = fileURLToPath(new URL("./programs", import.meta.url));
const BUILT = fileURLToPath(new URL("../dist", import.meta.url));
export const SUMS = "SHA256SUMS";

/**
 * The architecture that a word means: steady's own, or Docker's (TARGETARCH, linux/arm/v7), Debian's, Node's. A UsageError
 * where it means none.
 */
export function architectureNamed(word: string): Architecture {
  const plain = word.toLowerCase().replace(/^linux\//, "");
  const found = ARCHITECTURES.find(
    (name) => name === plain || (NAMES[name] as readonly string[]).includes(plain),
  );
  if (found !== undefined) return found;
  throw new UsageError(
    `there is no steady for ${JSON.stringify(word)}: it is one of ${ARCHITECTURES.join(", ")}`,
  );
}

/**
 * Where the file of an architecture is, by default of the one that Node runs on. It is a static program: copy it into
 * an image as it is. A PlaceError where it is not there, or not what it was when the package was made.
 */
export function program(architecture: string = process.arch): Program {
  const name = architectureNamed(architecture);
  const published = join(PUBLISHED, name, "steady");
  const own = name === architectureNamed(process.arch) ? [join(BUILT, "steady")] : [];
  const path = [published, ...own, join(BUILT, name, "steady")].find((each) => existsSync(each));
  if (path === undefined)
    throw new PlaceError(`steady for ${name} is not here: npm run build -- --arch ${name} makes it`);
  const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
  if (path === published && listed(name) !== sha256)
    throw new PlaceError(`${path} is not the file that was published: install steady-lab again`);
  return { architecture: name, path, sha256 };
}

function listed(name: Architecture): string | undefined {
  const lines = readFileSync(join(PUBLISHED, SUMS), "utf8").split("\n");
  return lines.find((line) => line.endsWith(`  ${name}/steady`))?.slice(0, 64);
}
