// The shape of what scan answers (../scan/report.ts) once more, as a schema that JSON Schema can be made from:
// scan.schema.json. The rule: the compiler holds both to be the same shape.

import { z } from "zod";
import type { ScanReport } from "../scan/report.ts";
import type { Frozen, Same } from "./same.ts";
import { identity, reasons, verdict } from "./verification.ts";

const text = z.string();
const count = z.number().min(0);
const severity = z.enum(["error", "warning", "note"]);

const foundInit = z.object({
  path: text,
  links: z.array(text).describe("Other paths of the same file."),
  identity,
  bytes: count,
  sha256: text.regex(/^[0-9a-f]{64}$/),
  executable: z.boolean(),
  verdict,
  reasons,
  isEntry: z.boolean().describe("Whether it is what ENTRYPOINT and CMD start."),
  weaknesses: z.array(text).describe("Ids of the list of weaknesses below."),
  latest: text.optional().describe("The last version, where this is an older one."),
});

const finding = z.object({
  rule: text.regex(/^SI\d{3}$/),
  title: text,
  severity,
  what: text,
  why: text,
  change: text,
  evidence: z.array(text),
  path: text.optional().describe("In the image."),
  line: z.number().min(1).optional().describe("Of the Dockerfile."),
});

const image = z.object({
  name: text,
  digest: text.optional(),
  architecture: text.optional(),
  entrypoint: z.array(text),
  cmd: z.array(text),
  user: text,
  stopSignal: text.optional(),
  chain: z.array(text).describe("The programs that start one another, PID 1 first."),
  inits: z.array(foundInit),
  findings: z.array(finding),
});

const scanSchema = z
  .object({
    reportVersion: z
      .literal(1)
      .describe("Grows when a name goes or changes its meaning; new names may come."),
    tool: z.object({ name: z.literal("steady-lab"), version: text }),
    knownAsOf: text,
    weaknessesAsOf: text.describe("The day that the list of weaknesses tells the state of."),
    source: text,
    bytesRead: count,
    durationMs: count,
    memoryPeakBytes: count,
    images: z.array(image),
    weaknesses: z.array(z.object({ id: text, init: text, title: text, severity, source: text })),
    exitStatus: z.union([z.literal(0), z.literal(1)]),
  })
  .describe("What `steady-lab scan --json` prints.");

type Schema = Frozen<z.infer<typeof scanSchema>>;
type Held = Same<Omit<ScanReport, "vex">, Schema> extends true ? typeof scanSchema : never;

/** The text of scan.schema.json. */
export function scanSchemaText(): string {
  const schema = z.toJSONSchema(held(scanSchema), { io: "input" });
  return `${JSON.stringify({ title: "A report of steady-lab scan", ...schema }, undefined, 2)}\n`;
}

function held(schema: Held): Held {
  return schema;
}
