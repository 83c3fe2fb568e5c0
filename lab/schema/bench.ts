// The shape of what bench answers (../bench/report.ts) once more, as a schema that JSON Schema can be made from, and that an
// earlier report is read by: bench.schema.json. The rule: the compiler holds both to be the same shape.

import { z } from "zod";
import type { BenchReport } from "../bench/report.ts";
import type { Frozen, Same } from "./same.ts";

const text = z.string();
const number = z.number();
const count = z.int().min(0);

const machine = z.object({
  kernel: text,
  architecture: text,
  processor: text,
  processors: count,
  memoryBytes: count,
  pidMax: count,
  load: number.min(0).describe("Of the last minute, before the first measurement."),
  gauge: z.enum(["static", "dynamic"]).describe("How the measuring program was linked."),
  engine: text.optional().describe("What the containers were of; namespaces where nothing is said."),
});

const subject = z.object({
  name: text,
  path: text.optional(),
  sha256: text.regex(/^[0-9a-f]{64}$/).optional(),
});

const spread = { median: number, min: number, max: number };

const result = z.object({
  ...spread,
  target: text,
  runs: z.array(number).describe("One for each run."),
  ratio: number.optional().describe("To the median of the reference; not there where that is 0."),
  standing: z
    .enum(["best", "level", "behind", "limit"])
    .describe("level: not the best, but its spread and the best one's overlap."),
});

const figure = z.object({
  name: text,
  title: text,
  unit: text,
  better: z.enum(["less", "more"]),
  limit: text.optional().describe("What the machine itself needs, measured without an init."),
  reference: text.describe("The target whose median the ratios are of."),
  results: z.array(result),
});

const measurement = z.object({
  name: text,
  title: text,
  method: text,
  sizes: z.array(count).describe("How many signals, orphans, zombies or processes; of idle: seconds."),
  figures: z.array(figure),
  notMeasured: z.array(z.object({ target: text.optional(), why: text })),
  samples: z
    .array(z.object({ target: text, run: count, raw: z.record(text, z.array(number)) }))
    .describe("Times in nanoseconds, memory in kB, sizes in bytes, 1 for what was lost."),
});

const change = z.object({
  measurement: text,
  figure: text,
  title: text,
  unit: text,
  target: text,
  before: z.object(spread),
  now: z.object(spread),
  ratio: number.optional(),
  verdict: z.enum(["better", "worse", "within"]),
});

export const benchSchema = z
  .object({
    reportVersion: z
      .literal(1)
      .describe("Grows when a name goes or changes its meaning; new names may come."),
    tool: z.object({ name: z.literal("steady-lab"), version: text }),
    startedAt: text,
    durationMs: count,
    machine,
    runs: count,
    targets: z.array(subject),
    measurements: z.array(measurement),
    comparison: z.object({ startedAt: text, differs: z.array(text), changes: z.array(change) }).optional(),
    exitStatus: z.union([z.literal(0), z.literal(2)]),
  })
  .describe("What `steady-lab bench --json` prints.");

type Schema = Frozen<z.infer<typeof benchSchema>>;
type Held = Same<BenchReport, Schema> extends true ? typeof benchSchema : never;

/** The text of bench.schema.json. */
export function benchSchemaText(): string {
  const schema = z.toJSONSchema(held(benchSchema), { io: "input" });
  return `${JSON.stringify({ title: "A report of steady-lab bench", ...schema }, undefined, 2)}\n`;
}

/** What was printed before; throws where it is something else. */
export function readBenchReport(value: unknown): BenchReport {
  return held(benchSchema).parse(value);
}

function held(schema: Held): Held {
  return schema;
}
