// Digests and keys that are known of released inits: lab/data/known-inits.json, or a file in its place. The rule: every
// entry tells where it was seen, and what is not in the list is unknown, never bad.

import { z } from "zod";
import builtIn from "../data/known-inits.json" with { type: "json" };

const text = z.string().min(1);
const digest = z.string().regex(/^[0-9a-f]{64}$/, "a digest is 64 digits of hexadecimal");
const sources = z.array(text).min(1);

const schema = z.strictObject({
  asOf: z.iso.date().describe("The day that the list tells the state of."),
  releases: z.array(
    z.strictObject({
      init: z.enum(["steady", "tini", "dumb-init", "catatonit"]),
      version: text,
      names: z.array(text).min(1).describe("What its project calls the file."),
      sha256: digest,
      kind: z.enum(["program", "package", "source"]),
      architecture: text.optional(),
      linkage: z.enum(["static", "dynamic"]).optional(),
      publisher: text.describe("upstream, or a distribution."),
      package: text.optional().describe("The distribution's package and its version."),
      sources,
      weak: text.optional().describe("Why the sources are not two that are independent of each other."),
    }),
  ),
  keys: z.array(
    z.strictObject({
      init: text,
      primary: text,
      signing: z.array(text),
      expired: z.array(text),
      armored: text,
      sources,
    }),
  ),
  otherFiles: z.array(z.strictObject({ sha256: digest, what: text, sources })),
});

export type KnownInits = z.output<typeof schema>;
export type KnownFile = KnownInits["releases"][number];

/** What is known, by digest and by name. */
export class Known {
  /** The day that the list tells the state of. */
  readonly asOf: string;
  readonly keys: KnownInits["keys"];
  readonly #data: KnownInits;
  readonly #byDigest: ReadonlyMap<string, KnownFile>;

  /** `data` is what a file says; throws an Error that says what is wrong with it. */
  constructor(data: unknown = builtIn) {
    const parsed = schema.safeParse(data);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new Error(`${issue?.path.join(".")}: ${issue?.message}`);
    }
    this.#data = parsed.data;
    this.asOf = parsed.data.asOf;
    this.keys = parsed.data.keys;
    this.#byDigest = new Map(parsed.data.releases.map((file) => [file.sha256, file]));
  }

  file(sha256: string): KnownFile | undefined {
    return this.#byDigest.get(sha256);
  }

  /** What a digest belongs to that somebody may have pinned by mistake: "an archive of chisel". */
  ownerOf(sha256: string): string | undefined {
    const file = this.file(sha256);
    if (file !== undefined) return `${file.names[0]} of ${file.init} ${file.version} (${file.publisher})`;
    return this.#data.otherFiles.find((each) => each.sha256 === sha256)?.what;
  }

  /** What a file claims to be by a name that only one release has: "dumb-init_1.2.5_x86_64", not "tini". */
  claimedBy(name: string): KnownFile | undefined {
    const claimed = this.#data.releases.filter(
      ({ names, version }) => names.includes(name) && name.includes(version),
    );
    return claimed.length === 1 ? claimed[0] : undefined;
  }
}
