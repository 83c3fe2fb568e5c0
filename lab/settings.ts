// What can be asked of a check: one schema for the library's options, the configuration file and the command line. The
// rule: whatever is wrong is told in one sentence that names the setting, what it is, and what it may be.

import { z } from "zod";

/** With SIG, as Linux writes it: "SIGTERM", "SIGRTMIN+3". */
export type Signal = `SIG${string}`;

/** A setting that cannot be meant: the command line ends with 64. */
export class UsageError extends Error {}

const UNITS = { ms: 1, s: 1_000, m: 60_000 } as const;
const GRACE_MS_MAX = 3_600_000;
const PARALLEL_MAX = 32;
const RULE_ID = /^SL\d{3}$/;

const duration = z
  .string()
  .regex(/^\d+(\.\d+)?(ms|s|m)$/, "a duration is a number with its unit: 500ms, 10s, 1m");

const schema = z
  .strictObject({
    $schema: z.string().optional().describe("Where this schema is, for editors."),
    command: z
      .array(z.string())
      .min(1)
      .optional()
      .describe("PROGRAM and its arguments. With an image: its command, in place of CMD."),
    image: z.string().min(1).optional().describe("A Docker image, checked in a Docker engine."),
    init: z
      .string()
      .min(1)
      .default("bare")
      .describe("What is PID 1: 'bare' (the program itself), 'steady', or the path of another init."),
    grace: duration
      .default("10s")
      .describe("How long the engine waits after the stop signal before it kills: docker's 10s."),
    ready: z
      .string()
      .regex(
        /^(auto|TCP:\d{1,5}|HTTP:https?:\/\/\S+|LOG:.+|AFTER:\d+(\.\d+)?(ms|s|m))$/,
        "readiness is TCP:PORT, HTTP:URL, LOG:REGEX or AFTER:2s",
      )
      .default("auto")
      .describe("When the program is ready; 'auto' waits until it listens, or has come to rest."),
    stopSignal: z
      .string()
      .min(1)
      .optional()
      .describe("The signal that asks for a stop: the image's STOPSIGNAL, or else TERM."),
    signals: z
      .array(z.string().min(1))
      .min(1)
      .default(["TERM", "INT", "HUP"])
      .describe("The signals that are tried besides the stop signal."),
    request: z
      .string()
      .regex(/^(none|https?:\/\/\S+)$/, "request is a URL on 127.0.0.1, or none")
      .optional()
      .describe("The URL that is asked for through a stop. By default / on the port that speaks HTTP."),
    network: z
      .enum(["auto", "own", "host"])
      .default("auto")
      .describe("A network namespace for each run ('own'), the machine's, or what the program starts in."),
    place: z
      .enum(["auto", "namespaces", "docker"])
      .default("auto")
      .describe("Namespaces of this machine, or a Docker engine; by itself the first that there is."),
    parallel: z
      .int()
      .min(1)
      .max(PARALLEL_MAX)
      .optional()
      .describe("How many runs go side by side; 1 for a program that cannot run twice on one machine."),
    ignore: z
      .array(z.string().regex(RULE_ID, "a rule is SL and three digits"))
      .default([])
      .describe("Rules that are not asked about."),
    failOn: z
      .enum(["error", "warning", "note", "never"])
      .default("warning")
      .describe("The least severity of a finding that makes the exit status 1."),
    cwd: z.string().min(1).optional().describe("The directory of the program."),
  })
  .describe("What `steady-lab check` asks of a program. The command line wins over this file.");

/** The options of `check` in the library, and what steady-lab.json may say. */
export type CheckOptions = z.input<typeof schema>;

/** The same with every default filled in and every text understood. */
export interface Asked {
  readonly command: readonly string[];
  readonly image?: string;
  readonly init: string;
  readonly graceMs: number;
  readonly ready: Ready;
  readonly stopSignal?: Signal;
  readonly signals: readonly Signal[];
  readonly request?: string;
  readonly network: "auto" | "own" | "host";
  readonly place: "auto" | "namespaces" | "docker";
  readonly parallel?: number;
  readonly ignore: readonly string[];
  readonly failOn: "error" | "warning" | "note" | "never";
  readonly cwd: string;
}

export type Ready = { readonly text: string } & (
  | { readonly kind: "auto" }
  | { readonly kind: "tcp"; readonly port: number }
  | { readonly kind: "http"; readonly url: string }
  | { readonly kind: "log"; readonly pattern: RegExp }
  | { readonly kind: "after"; readonly ms: number }
);

export function understand(options: unknown): Asked {
  const parsed = schema.safeParse(options);
  if (!parsed.success) throw new UsageError(sentences(parsed.error));
  const { image, stopSignal, request, parallel, ...rest } = parsed.data;
  const command = rest.command ?? [];
  if (command.length === 0 && image === undefined)
    throw new UsageError("nothing to check: write -- PROGRAM ARGS, or --image IMAGE");
  return {
    ...(image === undefined ? {} : { image }),
    ...(stopSignal === undefined ? {} : { stopSignal: parseSignal(stopSignal) }),
    ...(request === undefined ? {} : { request }),
    ...(parallel === undefined ? {} : { parallel }),
    command,
    init: rest.init,
    graceMs: parseGrace(rest.grace),
    ready: parseReady(rest.ready),
    signals: rest.signals.map(parseSignal),
    network: rest.network,
    place: rest.place,
    ignore: rest.ignore,
    failOn: rest.failOn,
    cwd: rest.cwd ?? process.cwd(),
  };
}

/** The schema as JSON Schema: lab/steady-lab.schema.json. */
export function jsonSchema(): object {
  return z.toJSONSchema(schema, { io: "input" });
}

function sentences(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": "))
    .join("; ");
}

function parseGrace(text: string): number {
  const ms = parseDuration(text);
  if (ms > 0 && ms <= GRACE_MS_MAX) return ms;
  throw new UsageError(`grace: ${text} is not between 1ms and ${GRACE_MS_MAX / 60_000}m`);
}

function parseDuration(text: string): number {
  const [, number = "", unit = "ms"] = /^([\d.]+)(ms|s|m)$/.exec(text) ?? [];
  return Number(number) * UNITS[unit as keyof typeof UNITS];
}

function parseReady(text: string): Ready {
  const [kind, rest] = [text.split(":", 1)[0], text.slice(text.indexOf(":") + 1)];
  if (kind === "TCP") return { text, kind: "tcp", port: parsePort(rest) };
  if (kind === "HTTP") return { text, kind: "http", url: rest };
  if (kind === "LOG") return { text, kind: "log", pattern: parsePattern(rest) };
  if (kind === "AFTER") return { text, kind: "after", ms: parseDuration(rest) };
  return { text, kind: "auto" };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (port >= 1 && port <= 65_535) return port;
  throw new UsageError(`ready: ${text} is no TCP port: 1 to 65535`);
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new UsageError(`ready: ${(error as Error).message}`);
  }
}

/** "TERM", "SIGTERM", "sigterm", "15" or "RTMIN+3". KILL and STOP cannot be handled by anybody: nothing to test. */
export function parseSignal(text: string): Signal {
  const upper = text.toUpperCase();
  const name: Signal = `SIG${upper.replace(/^SIG/, "")}`;
  const found = /^\d+$/.test(upper) ? nameOf(Number(upper)) : name;
  if (found === undefined || numberOf(found) === undefined)
    throw new UsageError(`there is no signal ${text}`);
  if (found === "SIGKILL" || found === "SIGSTOP")
    throw new UsageError(`no program can handle ${found}: choose another signal`);
  return found;
}

/** The name as Linux has it on x86-64 and arm64; real-time signals are counted from RTMIN, as libc does. */
function nameOf(number: number): Signal | undefined {
  if (number >= RTMIN && number <= RTMAX) return `SIGRTMIN+${number - RTMIN}`;
  const found = Object.entries(LINUX).find(([, each]) => each === number)?.[0];
  return found as Signal | undefined;
}

export function numberOf(signal: string): number | undefined {
  const offset = /^SIGRTMIN\+(\d+)$/.exec(signal)?.[1] ?? (signal === "SIGRTMIN" ? "0" : undefined);
  if (offset !== undefined) return RTMIN + Number(offset) <= RTMAX ? RTMIN + Number(offset) : undefined;
  return LINUX[signal];
}

const RTMIN = 34;
const RTMAX = 64;

/** Linux's own numbers: the lab may run on a machine that has others, and sends them to a Linux. */
const LINUX: Readonly<Record<string, number>> = Object.fromEntries(
  (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU " +
    "URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
  )
    .split(" ")
    .map((name, i) => [`SIG${name}`, i + 1]),
);
