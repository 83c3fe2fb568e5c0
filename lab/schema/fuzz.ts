// The shape of what fuzz answers (../fuzz/report.ts), and of a plan as a line has it, once more, as a schema that JSON Schema can
// be made from: fuzz.schema.json. The rule: the compiler holds both to be the same shape.

import { z } from "zod";
import { KINDS } from "../arena/target.ts";
import { LAW_NAMES, type Law } from "../fuzz/contract.ts";
import type { Plan } from "../fuzz/plan.ts";
import type { FuzzReport } from "../fuzz/report.ts";
import type { Frozen, Same } from "./same.ts";

const text = z.string();
const count = z.int().min(0);
const signal = z
  .int()
  .min(1)
  .max(64)
  .refine((number) => ![9, 15, 19].includes(number), "KILL, TERM and STOP have deeds of their own");

const circumstances = z.object({
  place: z.enum(["pid1", "subreaper"]),
  mode: z.enum(["kernel", "wait"]).describe("Who is to reap, where the init has a say in it."),
  group: z.boolean().describe("Signals go to the program's group."),
  verbosity: count.describe("How many -v."),
  stream: z.enum(["pipe", "fifo", "socket", "terminal"]),
  otherUser: z.boolean().describe("The program changes its user, and the init has no CAP_KILL."),
  status: count.describe("What the program ends with."),
});

const deed = z.discriminatedUnion("do", [
  z.object({ do: z.literal("kill"), signals: z.array(signal) }),
  z.object({
    do: z.literal("queue"),
    from: z.enum(["inside", "outside"]),
    signal,
    first: count.describe("The value of the first; each has one more."),
    count,
  }),
  z.object({ do: z.enum(["orphans", "zombies"]), count }),
  z.object({ do: z.enum(["litter", "daemon", "stall", "resume", "leave", "resize", "rest"]) }),
  z.object({ do: z.enum(["stop", "continue"]), whom: z.enum(["program", "init"]) }),
  z.object({ do: z.literal("type"), text }),
]);

/** As `--play` takes it. */
const planSchema = z.object({
  circumstances,
  deeds: z.array(deed),
  ending: z.enum(["term", "kill", "hang-up"]),
});

const law = z.enum(LAW_NAMES as [Law, ...Law[]]);

const failure = z.object({
  law: law.describe("The one that the events of the plan broke."),
  promise: text,
  seen: text,
  seed: count.optional().describe("None where a line was played."),
  again: count.describe("How often the very events of the seed broke a law again."),
  of: count,
  plan: planSchema.describe("The fewest events that were found to break it."),
  deeds: count.describe("How many the seed's plan had."),
  line: text.describe("The plan, as --play takes it."),
});

const fuzzSchema = z
  .object({
    reportVersion: z
      .literal(1)
      .describe("Grows when a name goes or changes its meaning; new names may come."),
    tool: z.object({ name: z.literal("steady-lab"), version: text }),
    kernel: text,
    init: z.object({ name: text, kind: z.enum(KINDS), path: text.optional() }),
    laws: z.array(law).describe("Those that were counted."),
    seed: count,
    seconds: z.number().min(0),
    figures: z.object({ rounds: count, deeds: count, sent: count, arrived: count }),
    failure: failure.optional(),
    exitStatus: z.union([z.literal(0), z.literal(1)]),
  })
  .describe("What `steady-lab fuzz --json` prints.");

type Schema = Frozen<z.infer<typeof fuzzSchema>>;
type Held = Same<Frozen<FuzzReport>, Schema> extends true ? typeof fuzzSchema : never;
type HeldPlan =
  Same<Frozen<Plan>, Frozen<z.infer<typeof planSchema>>> extends true ? typeof planSchema : never;

/** The text of fuzz.schema.json. */
export function fuzzSchemaText(): string {
  const schema = z.toJSONSchema(held(fuzzSchema), { io: "input" });
  return `${JSON.stringify({ title: "A report of steady-lab fuzz", ...schema }, undefined, 2)}\n`;
}

function held(schema: Held): Held {
  return schema;
}

/** A plan that somebody wrote; throws with the first thing that is wrong in it. */
export function readPlan(value: unknown): Plan {
  const schema: HeldPlan = planSchema;
  const { data, error } = schema.safeParse(value);
  const [wrong] = error?.issues ?? [];
  if (wrong !== undefined) throw new Error(`${wrong.path.join(".")}: ${wrong.message}`);
  return data as Plan;
}
