// The shape of a report (../report.ts) once more, as a schema that JSON Schema can be made from: report.schema.json.
// The rule: the compiler holds both to be the same shape; this one is never part of what is published.

import { z } from "zod";
import type { Report } from "../report.ts";
import type { Frozen, Same } from "./same.ts";

const ms = z.number().min(0).describe("Milliseconds.");
const text = z.string();
const count = z.int().min(0);
const severity = z.enum(["error", "warning", "note"]);

const init = z.object({ kind: z.enum(["bare", "steady", "other"]), name: text });

const subject = z.object({
  kind: z.enum(["command", "image"]),
  command: z.array(text),
  directory: text,
  stopSignal: text,
  image: z
    .object({
      name: text,
      id: text,
      entrypoint: z.array(text),
      cmd: z.array(text),
      user: text,
      stopSignal: text.optional(),
    })
    .optional(),
});

const environment = z.object({
  place: z.enum(["namespaces", "docker"]),
  namespaces: z.array(text),
  init,
  platform: text,
  kernel: text,
  node: text,
  engine: text.optional(),
  notes: z.array(text),
});

const settings = z.object({
  graceMs: ms,
  ready: text,
  signals: z.array(text),
  failOn: z.enum(["error", "warning", "note", "never"]),
  parallel: z.int().min(1),
});

const process = { atMs: ms, pid: z.int(), name: text };
const port = { atMs: ms, port: count, address: text };

const event = z.discriminatedUnion("kind", [
  z.object({ ...process, kind: z.literal("signal-sent"), signal: text }),
  z.object({ atMs: ms, kind: z.literal("grace-over"), text }),
  z.object({ atMs: ms, kind: z.literal("ready"), how: text }),
  z.object({ ...process, kind: z.literal("process-started"), parent: z.int() }),
  z.object({ ...process, kind: z.literal("process-renamed"), before: text }),
  z.object({ ...process, kind: z.literal("process-adopted"), parent: z.int(), before: z.int() }),
  z.object({ ...process, kind: z.literal("process-zombie"), parent: z.int() }),
  z.object({
    ...process,
    kind: z.literal("process-ended"),
    status: z.int().optional(),
    signal: text.optional(),
  }),
  z.object({ ...port, kind: z.literal("listening") }),
  z.object({ ...port, kind: z.literal("listening-ended") }),
  z.object({ atMs: ms, kind: z.literal("log"), stream: z.enum(["stdout", "stderr"]), line: text }),
  z.object({ atMs: ms, kind: z.literal("requests"), ok: count, failed: count, text }),
  z.object({ atMs: ms, kind: z.literal("request-failed"), url: text, error: text, text }),
  z.object({ atMs: ms, kind: z.literal("note"), text }),
]);

const processSpan = z.object({
  pid: z.int(),
  parent: z.int(),
  name: text,
  command: text,
  role: z.enum(["main", "init", "descendant", "probe"]),
  startMs: ms,
  endMs: ms.optional(),
  zombieMs: ms.optional(),
});

const run = z.object({
  id: text,
  title: text,
  init,
  startedMs: ms,
  durationMs: ms,
  timeline: z.array(event),
  processes: z.array(processSpan),
  ready: z.object({ atMs: ms, how: text }).optional(),
  end: z.object({ atMs: ms, status: z.int(), signal: text.optional() }).optional(),
  load: z
    .object({
      url: text,
      connections: count,
      before: count,
      inFlight: count,
      inFlightFailed: count,
      after: count,
      afterFailed: count,
      refused: count,
    })
    .optional(),
});

const finding = z.object({
  rule: text.regex(/^SL\d{3}$/),
  title: text,
  verdict: z.enum(["passed", "failed", "could-not-test"]),
  severity,
  what: text.describe("What happened; of a rule that could not be tested, why."),
  why: text.describe("Why it matters; empty where the rule passed."),
  change: text.describe("What to change; empty where the rule passed."),
  evidence: z.array(text),
  runs: z.array(text).describe("The ids of the runs that the verdict is made from."),
  because: z
    .enum(["absent", "hindered"])
    .optional()
    .describe(
      "Only of could-not-test: the program has nothing that the rule is about, or it was kept from it.",
    ),
  location: z.object({ file: text, line: z.int().min(1).optional() }).optional(),
});

const reportSchema = z
  .object({
    reportVersion: z
      .literal(1)
      .describe("Grows when a name goes or changes its meaning; new names may come."),
    tool: z.object({ name: z.literal("steady-lab"), version: text }),
    subject,
    environment,
    settings,
    startedAt: z.iso.datetime(),
    durationMs: ms,
    runs: z.array(run),
    findings: z.array(finding).describe("One for each rule, in the order of their ids."),
    counts: z.object({
      passed: count,
      failed: count,
      couldNotTest: count,
      runs: count,
      signalsSent: count,
      requests: count,
    }),
    exitStatus: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  })
  .describe("What `steady-lab check --json` prints.");

/** The same with what may not be changed in place: arrays and fields of a Report. */
type Schema = Frozen<z.infer<typeof reportSchema>>;

/** Where one of them has what the other has not, nothing can be passed to `held`. */
type Held = Same<Report, Schema> extends true ? typeof reportSchema : never;

/** The text of report.schema.json. */
export function reportSchemaText(): string {
  const schema = z.toJSONSchema(held(reportSchema), { io: "input" });
  return `${JSON.stringify({ title: "A report of steady-lab check", ...schema }, undefined, 2)}\n`;
}

function held(schema: Held): Held {
  return schema;
}
