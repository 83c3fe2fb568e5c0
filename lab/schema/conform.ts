// The shape of what conform answers (../conform/report.ts) once more, as a schema that JSON Schema can be made from:
// conform.schema.json. The rule: the compiler holds both to be the same shape.

import { z } from "zod";
import { KINDS } from "../arena/target.ts";
import { GROUPS } from "../conform/probe.ts";
import type { ConformReport } from "../conform/report.ts";
import type { Frozen, Same } from "./same.ts";

const text = z.string();

const init = z.object({
  name: text.describe("As it was asked for; the column of the matrix."),
  kind: z.enum(KINDS).describe("By the name of its file: which options it has."),
  path: text.optional().describe("None where the program itself is PID 1."),
});

const row = z.object({
  id: text.describe("Of a probe of all signals: PROBE.NUMBER."),
  probe: text.describe("What --script prints the script of."),
  group: z.enum(GROUPS),
  title: text,
  signal: z.number().min(1).max(64).optional(),
});

const cell = z.object({
  row: text,
  init: text,
  state: z.enum(["probed", "not applicable", "could not test"]),
  value: text.describe("In a word or two; empty where it was not probed."),
  evidence: text.describe("What was sent, what arrived, which status came; or why there is no value."),
  control: text.describe("What shows that the probe sees what it looks for."),
});

export const conformSchema = z
  .object({
    reportVersion: z
      .literal(1)
      .describe("Grows when a name goes or changes its meaning; new names may come."),
    tool: z.object({ name: z.literal("steady-lab"), version: text }),
    kernel: text,
    machine: text,
    engine: text.optional().describe("What the containers were of; namespaces where nothing is said."),
    inits: z.array(init),
    rows: z.array(row),
    cells: z.array(cell).describe("For each row one of each init."),
    exitStatus: z.union([z.literal(0), z.literal(2)]),
  })
  .describe("What `steady-lab conform --json` prints.");

type Schema = Frozen<z.infer<typeof conformSchema>>;
type Held = Same<ConformReport, Schema> extends true ? typeof conformSchema : never;

/** The text of conform.schema.json. */
export function conformSchemaText(): string {
  const schema = z.toJSONSchema(held(conformSchema), { io: "input" });
  return `${JSON.stringify({ title: "A report of steady-lab conform", ...schema }, undefined, 2)}\n`;
}

function held(schema: Held): Held {
  return schema;
}
