// Which init a file is, told from its content and not from its name. The rule: a digest that is known says it for sure;
// else sentences that only this init has, with the version that stands beside them, and then it is "by its content".

import { createHash } from "node:crypto";
import { isElf, readElf } from "./elf.ts";
import type { Known, KnownFile } from "./known.ts";
import type { Identity } from "./verification.ts";

/** The largest init that is known has 0.8 MB; what is larger is no init, and is not searched. */
export const INIT_BYTES_MAX = 4 << 20;

const VERSION = String.raw`\d+\.\d+\.\d+`;

interface Fingerprint {
  readonly init: Identity["init"];
  /** All of these are in the file. */
  readonly sentences: readonly string[];
  /** Its first group is the version; the first that is found counts. */
  readonly versions: readonly RegExp[];
}

/** In this order: steady knows tini's sentences too, and catatonit says tini's name. */
const FINGERPRINTS: readonly Fingerprint[] = [
  {
    init: "steady",
    sentences: ["steady version ", "STEADY_"],
    versions: [new RegExp(`steady version (${VERSION}[\\w.+-]*)`)],
  },
  {
    init: "catatonit",
    sentences: ["catatonit", "CATATONIT_"],
    versions: [
      new RegExp(`(${VERSION}[\\w.+~-]*)\\0+tini version %s`),
      new RegExp(`tini version (${VERSION})_catatonit`),
      new RegExp(`CATATONIT_[^]{0,4096}?\\0(${VERSION}[\\w.+~-]*)\\0`),
    ],
  },
  {
    init: "dumb-init",
    sentences: ["[dumb-init] ", "dumb-init v"],
    versions: [new RegExp(`dumb-init v(${VERSION})`), new RegExp(`(?<![\\d.])(${VERSION})\\n`)],
  },
  {
    init: "tini",
    sentences: ["tini version ", "Spawned child process '%s' with pid '%"],
    versions: [new RegExp(`tini version (${VERSION}[\\w.+-]*)`)],
  },
];

/** "tini version 0.19.0 - git.de40ad0": upstream's own builds tell their commit. */
const TINI_COMMIT = /tini version \S+ - git\.([0-9a-f]{7,40})/;

/** undefined for what is no init that is known here. `digest` is the file's SHA-256, where it was made already. */
export function identify(bytes: Buffer, known: Known, digest = sha256(bytes)): Identity | undefined {
  const file = known.file(digest);
  if (file?.kind === "program") return { ...fromKnown(file), ...elfOf(bytes) };
  return identifyByContent(bytes);
}

/** The same without any digest that is known. */
export function identifyByContent(bytes: Buffer): Identity | undefined {
  if (bytes.length > INIT_BYTES_MAX || !isElf(bytes)) return undefined;
  const found = FINGERPRINTS.find(({ sentences }) => sentences.every((each) => bytes.includes(each)));
  return found === undefined ? undefined : { ...fromContent(found, bytes), ...elfOf(bytes) };
}

export function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function fromKnown({ init, version, publisher, package: from, names }: KnownFile): Identity {
  const what = from === undefined ? `${publisher}'s ${names[0]}` : `${names[0]} of ${publisher}'s ${from}`;
  return { init, version, build: what, by: "digest" };
}

function fromContent({ init, versions }: Fingerprint, bytes: Buffer): Identity {
  const text = bytes.toString("latin1");
  const version = versions.map((each) => each.exec(text)?.[1]).find((each) => each !== undefined);
  const commit = init === "tini" ? TINI_COMMIT.exec(text)?.[1] : undefined;
  return {
    init,
    ...(version === undefined ? {} : { version }),
    ...(commit === undefined ? {} : { commit }),
    by: "content",
  };
}

function elfOf(bytes: Buffer): Partial<Identity> {
  return readElf(bytes) ?? {};
}
