// The shape of what verify answers (../verify/verification.ts) once more, as a schema that JSON Schema can be made from:
// verification.schema.json. The rule: the compiler holds both to be the same shape.

import { z } from "zod";
import { CODES, type Code, type Verification } from "../verify/verification.ts";
import type { Frozen, Same } from "./same.ts";

const text = z.string();
const sha256 = text.regex(/^[0-9a-f]{64}$/);
export const verdict = z.enum(["verified", "unknown", "tampered"]);
const codes = Object.keys(CODES) as [Code, ...Code[]];

export const reasons = z.array(
  z.object({ code: z.enum(codes).describe("docs/verify.md tells what each means."), text }),
);

export const identity = z.object({
  init: z.enum(["steady", "tini", "dumb-init", "catatonit"]),
  version: text.optional(),
  commit: text.optional(),
  build: text.optional(),
  architecture: text.optional(),
  linkage: z.enum(["static", "dynamic"]).optional(),
  by: z.enum(["digest", "content"]),
  as: text.optional(),
});

const file = z.object({
  kind: z.literal("file"),
  path: text,
  bytes: z.int().min(0),
  sha256,
  identity: identity.optional(),
  verdict,
  reasons,
});

const release = z.object({
  kind: z.literal("release"),
  path: text,
  verdict,
  reasons,
  provenance: z
    .object({
      builder: text,
      buildType: text,
      repository: text.optional(),
      commit: text.optional(),
      toolchain: z.array(text),
    })
    .optional(),
  sbom: z.object({ specVersion: text, name: text, version: text, components: z.array(text) }).optional(),
  files: z.array(file),
});

const verificationSchema = z
  .object({
    reportVersion: z
      .literal(1)
      .describe("Grows when a name goes or changes its meaning; new names may come."),
    tool: z.object({ name: z.literal("steady-lab"), version: text }),
    knownAsOf: text.describe("The day that the known digests tell the state of."),
    subjects: z.array(z.discriminatedUnion("kind", [file, release])),
    verdict,
    exitStatus: z.union([z.literal(0), z.literal(1), z.literal(3)]),
  })
  .describe("What `steady-lab verify --json` prints.");

type Schema = Frozen<z.infer<typeof verificationSchema>>;
type Held = Same<Verification, Schema> extends true ? typeof verificationSchema : never;

/** The text of verification.schema.json. */
export function verificationSchemaText(): string {
  const schema = z.toJSONSchema(held(verificationSchema), { io: "input" });
  return `${JSON.stringify({ title: "A report of steady-lab verify", ...schema }, undefined, 2)}\n`;
}

function held(schema: Held): Held {
  return schema;
}
