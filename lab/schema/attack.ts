// The shape of what attack answers (../arena/run.ts) once more, as a schema that JSON Schema can be made from:
// attack.schema.json. The rule: the compiler holds both to be the same shape.

import { z } from "zod";
import type { ArenaReport } from "../arena/run.ts";
import { KINDS } from "../arena/target.ts";
import type { Frozen, Same } from "./same.ts";

const text = z.string();
const lines = z.array(text);

const seen = z
  .object({
    sent: lines.describe("What was sent, in this order."),
    got: lines.describe("What the program says that it had, each once with how often."),
    status: z.int().optional().describe("What the container ended with; none where it had not ended."),
    out: lines.describe("The last lines of its output."),
    err: lines.describe("The last lines of its errors, where inits have their log."),
    log: lines.describe("The last lines of a log of the init's own, where an attack gives it one."),
  })
  .describe("What the verdict comes from: the last of what was there when it was given.");

export const attackSchema = z
  .object({
    reportVersion: z
      .literal(1)
      .describe("Grows when a name goes or changes its meaning; new names may come."),
    tool: z.object({ name: z.literal("steady-lab"), version: text }),
    targets: z.array(
      z.object({
        name: text,
        kind: z.enum(KINDS).describe("By the name of its file: which options it has."),
        path: text.optional().describe("None where the program itself is PID 1."),
      }),
    ),
    attacks: z.array(z.object({ id: text, title: text, harm: text.describe("Where it falls.") })),
    results: z
      .array(
        z.object({
          attack: text,
          target: text,
          verdict: z.enum(["survived", "fell", "not applicable", "could not test"]),
          evidence: text.describe("What was seen, in a sentence, and the options that the init was given."),
          control: text.describe("What the control said."),
          seen: seen.optional(),
        }),
      )
      .describe("For each attack one of each init."),
    kernel: text,
    machine: text,
    engine: text.optional().describe("What the containers were of; namespaces where nothing is said."),
    exitStatus: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  })
  .describe("What `steady-lab attack --json` prints.");

type Schema = Frozen<z.infer<typeof attackSchema>>;
type Held = Same<ArenaReport, Schema> extends true ? typeof attackSchema : never;

/** The text of attack.schema.json. */
export function attackSchemaText(): string {
  const schema = z.toJSONSchema(held(attackSchema), { io: "input" });
  return `${JSON.stringify({ title: "A report of steady-lab attack", ...schema }, undefined, 2)}\n`;
}

function held(schema: Held): Held {
  return schema;
}
