// The shape of what report answers (../overview/report.ts) once more, as a schema that JSON Schema can be made from, and that a
// saved report is read by: overview.schema.json. The rule: the compiler holds both to be the same shape.

import { z } from "zod";
import { KINDS } from "../arena/target.ts";
import type { Overview } from "../overview/report.ts";
import { attackSchema } from "./attack.ts";
import { benchSchema } from "./bench.ts";
import { conformSchema } from "./conform.ts";
import type { Frozen, Same } from "./same.ts";

const text = z.string();
const target = { name: text, kind: z.enum(KINDS), path: text.optional() };

const overviewSchema = z
  .object({
    reportVersion: z
      .literal(1)
      .describe("Grows when a name goes or changes its meaning; new names may come."),
    tool: z.object({ name: z.literal("steady-lab"), version: text }),
    startedAt: text,
    durationMs: z.int().min(0),
    quick: z.boolean().describe("With fewer repetitions, and smaller crowds."),
    inits: z.array(
      z.object({
        ...target,
        version: text
          .optional()
          .describe("What --version says; none where that is not known to be harmless."),
        sha256: text.regex(/^[0-9a-f]{64}$/).optional(),
      }),
    ),
    absent: z.array(text).describe("Those of the default that the machine does not have."),
    attack: attackSchema,
    conform: conformSchema,
    bench: benchSchema,
    exitStatus: z.union([z.literal(0), z.literal(2)]),
  })
  .describe("What `steady-lab report --json FILE` writes.");

type Schema = Frozen<z.infer<typeof overviewSchema>>;
type Held = Same<Overview, Schema> extends true ? typeof overviewSchema : never;

/** The text of overview.schema.json. */
export function overviewSchemaText(): string {
  const schema = z.toJSONSchema(held(overviewSchema), { io: "input" });
  return `${JSON.stringify({ title: "A report of steady-lab report", ...schema }, undefined, 2)}\n`;
}

/** What was written before; throws where it is something else. */
export function readOverview(value: unknown): Overview {
  return held(overviewSchema).parse(value);
}

function held(schema: Held): Held {
  return schema;
}
