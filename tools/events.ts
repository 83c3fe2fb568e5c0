// What docs/events.md and docs/events.schema.json say of each event: made from texts/events.ts, where the core has them from,
// with a sentence for each event and each field. A field without one is an error here.

import { eventMessages, TOLD } from "../texts/events.ts";
import { VERSION } from "../texts/messages.ts";

/** When each is told. */
const MEANING: Readonly<Record<string, string>> = {
  started: "The command line and the environment were read. The first event of a life.",
  spawned: "The program exists.",
  exec_failed: "The program could not be executed.",
  fork_failed: "There is no process for the program; the limit that was met, where it is known.",
  settled: "The init has arranged itself.",
  sandboxed: "The init has given up every call that it does not need.",
  pids_pressure: "As many processes and threads as --guard allows, or more.",
  pids_parent: "Of what began lately most are children of this process.",
  pids_command: "Of what began lately most is called so.",
  pids_zombies: "Most zombies are children of this process, which does not wait for them.",
  fork_bomb_spared: "Nobody was killed: too little of what is there began lately.",
  fork_bomb_killed: "What belongs to a fork bomb was killed, and all else goes on.",
  fork_bomb_stopped: "Every process is stopped, to be looked at.",
  fork_bomb_ends: "Every process is killed, and the container ends.",
  sandbox_refused: "The kernel refused the sandbox.",
  privileges_kept: "The init could not give up what it does not need.",
  signal_received: "The init took a signal, SIGCHLD too.",
  signal_own: "It was of its own making, and goes nowhere.",
  signal_refused: "--trust outside: it came from inside.",
  signal_hides:
    "--trust outside: so many came from inside that one from outside may be hidden; this one counts.",
  signal_mapped: "--map makes another of it.",
  signal_dropped: "--map makes nothing of it.",
  signal_limited: "--limit: it has come as often as it may in this second. Told once for each signal.",
  signals_dropped: "--limit: real-time signals were dropped, since more than 1,000 were waiting.",
  signal_forwarded: "It was sent to the program, or its group.",
  signal_failed: "It could not be sent.",
  signal_held: "The program's queue is full: it is sent again.",
  signal_value_lost: "It is sent without its value, since the queue stays full.",
  stop_delayed: "--pre-stop: it is sent on later.",
  grace_over: "The program did not end in time: it is killed, and all else.",
  draining: "The program has ended; what is left gets SIGTERM.",
  straggler: "A process that did not end in time. It is killed where that is allowed.",
  left_behind: "What was killed is still there; the init does not wait for it.",
  reaped:
    "A child of the init was reaped, the program too. Where the kernel reaps the init does not see the others.",
  wait_failed: "wait4 was refused. Told again when it is refused after it has worked.",
  stopped: "The program was stopped, where the init sees it: it reaps (--reap wait), or is a job of a shell.",
  continued: "And was continued.",
  ended: "The program has ended; how, where anybody could tell.",
  exiting: "The last event: the status of the container.",
  log_lines_lost: "Lines of the log found no room.",
  events_lost: "Events found no room.",
  core_restarted: "The core failed and was started again; the program goes on.",
  core_signal_dropped: "The core failed twice over this signal.",
  user_lost: "The init could not take back its effective uid.",
  no_proc: "/proc cannot be read, so that orphans are not found.",
  notified:
    "The program says something of itself by the notify socket; docs/watchdog.md has what each means.",
  notice_refused:
    "A datagram that changed nothing: from another user or from outside (foreign), too long (oversized), or no lines of assignments (malformed).",
  notify_failed: "There is no notify socket, or no way to the one of whoever started the init.",
  probe_missed: "--probe-every: the program has not answered in time.",
  unwell:
    "The program gets SIGABRT, and the container ends with 122: it is silent (--watchdog), not ready (--ready-within), asked to end (WATCHDOG=trigger), or gives no answer (--probe-every).",
  abort_over: "It has not ended by SIGABRT, and is killed.",
  terminal_failed: "The terminal could not be given to the program.",
};

/** What each field is. */
const FIELDS: Readonly<Record<string, string>> = {
  time: "RFC 3339, UTC, with milliseconds.",
  event: "Its name.",
  "process.pid": "The process that it is about (started: the init itself), as its namespace numbers it.",
  "process.command": "What it calls itself (/proc/PID/comm); of the program, as the command line has it.",
  "process.exit.code": "The status it ended with (exiting: that of the container).",
  "error.message": "The errno in words.",
  "steady.errno": "The errno.",
  "steady.version": "The release.",
  "steady.personality": "Whom the init stands for: steady, tini, dumb-init or catatonit.",
  "steady.options": "What holds, in the words of whoever said it: variables, options, what holds by default.",
  "steady.reaping": "Who collects orphans: the kernel, or wait4.",
  "steady.signalfd": "Whether signals are read from a descriptor; else they are waited for.",
  "steady.limit": "What was met: processes, or signals a second.",
  "steady.signal.name": "SIGTERM, SIGRTMIN+3; SIG32 and SIG33, which are libc's, by number.",
  "steady.signal.number": "Its number.",
  "steady.signal.to.name": "What it becomes.",
  "steady.signal.code": "si_code of sigaction(2): 0 kill, -1 sigqueue, 128 the kernel.",
  "steady.signal.value": "What sigqueue(3) sent with it: the lower 32 bits.",
  "steady.sender.pid":
    "Who sent it; 0 for nobody of this namespace. Believed only where the code is not negative.",
  "steady.sender.user.id": "The sender's real uid.",
  "steady.sender.command": "What the sender calls itself; empty where it is gone or outside.",
  "steady.sender.claimed": "Whether the sender wrote its pid itself.",
  "steady.delay_ms": "In so many milliseconds.",
  "steady.after_ms": "So many milliseconds after the first stop signal.",
  "steady.duration_ms": "So long all else stood still.",
  "steady.drain_ms": "How long they may take.",
  "steady.refused": "Whether the init may not signal it.",
  "steady.reason": "Why.",
  "steady.said": "What was assigned: READY=1, or a name whose value follows.",
  "steady.status": "What the program says.",
  "steady.within_ms": "Within so many milliseconds.",
  "steady.count": "How many.",
  "steady.pids.count": "Processes and threads in use.",
  "steady.pids.per_second":
    "How many more there were in a second, since there were fewer than --guard allows.",
  "steady.trap": "Why the core failed.",
  "steady.core_dumped": "Whether the kernel wrote a core dump.",
  "steady.cpu.user_ms":
    "CPU time of the program and all that it has waited for; only where wait4 told of its end.",
  "steady.cpu.system_ms": "The same in the kernel.",
  "steady.memory.max_kb": "The most memory that it ever had in RAM (ru_maxrss).",
};

const MESSAGES = eventMessages(VERSION);
/** What a letter of an event stands for, where that is more than a value. */
const PARTS: Readonly<Record<string, string>> = {
  G: MESSAGES.FieldsSignal,
  E: MESSAGES.FieldsErrno,
  S: `${MESSAGES.FieldsSender}${MESSAGES.FieldsValue}${MESSAGES.FieldsSenderName}`,
  U: MESSAGES.FieldsNotifier,
  R: `${MESSAGES.FieldsUsage}${MESSAGES.FieldsMemory}`,
};
/** They are there only sometimes. */
const OPTIONAL = new Set([...namesIn(MESSAGES.FieldsValue), ...namesIn(PARTS.R ?? "")]);

type Type = "string" | "integer" | "boolean";

interface Field {
  readonly name: string;
  readonly type: Type;
  readonly meaning: string;
  readonly required: boolean;
}

interface Event {
  readonly name: string;
  readonly meaning: string;
  readonly fields: readonly Field[];
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/([\w.]+)=/g)].map(([, name = ""]) => name);
}

function typeOf(value: string): Type {
  if (value.startsWith('"')) return "string";
  return /^%[di]/.test(value) ? "integer" : "boolean";
}

function fieldsOf(text: string): Map<string, Type> {
  const whole = text.replaceAll(/%([GESRU])/g, (_, letter: string) => PARTS[letter] ?? "");
  return new Map(
    [...whole.matchAll(/([\w.]+)=("[^"]*"|%\w|true|false)/g)].map(([, name = "", value = ""]) => [
      name,
      typeOf(value),
    ]),
  );
}

function told(texts: Readonly<Record<string, string>>, name: string): string {
  const text = texts[name];
  if (text === undefined) throw new Error(`tools/events.ts: there is no sentence about ${name}`);
  return text;
}

/** All of them, each once: a name that several sentences have, with the fields of each. */
function allEvents(): Event[] {
  const own = Object.entries(MESSAGES).filter(([name]) => /^Event(?!Head)/.test(name));
  const byName = new Map<string, Map<string, Type>[]>();
  for (const text of [...Object.values(TOLD), ...own.map(([, each]) => each)]) {
    const name = /^"(\w+)"/.exec(text)?.[1] ?? "";
    byName.set(name, [...(byName.get(name) ?? []), fieldsOf(text)]);
  }
  return Object.keys(MEANING).map((name) => {
    const forms = byName.get(name) ?? [];
    if (forms.length === 0) throw new Error(`tools/events.ts: no event is called ${name}`);
    byName.delete(name);
    if (Object.keys(MEANING).at(-1) === name && byName.size > 0) told(MEANING, [...byName.keys()].join());
    return { name, meaning: told(MEANING, name), fields: merged(forms) };
  });
}

function merged(forms: readonly Map<string, Type>[]): Field[] {
  const all = new Map(forms.flatMap((form) => [...form]));
  return [...all].map(([name, type]) => ({
    name,
    type,
    meaning: told(FIELDS, name),
    required: forms.every((form) => form.has(name)) && !OPTIONAL.has(name),
  }));
}

/** JSON Schema (draft 2020-12) of one line of --events json. */
export function eventSchema(): string {
  const common = {
    time: {
      type: "string",
      pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$",
      description: FIELDS.time,
    },
  };
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "An event of steady",
    description: "One line of --events json.",
    oneOf: allEvents().map(({ name, meaning, fields }) => ({
      title: name,
      description: meaning,
      type: "object",
      properties: {
        ...common,
        event: { const: name },
        ...Object.fromEntries(
          fields.map((field) => [field.name, { type: field.type, description: field.meaning }]),
        ),
      },
      required: ["time", "event", ...fields.filter(({ required }) => required).map((field) => field.name)],
      additionalProperties: false,
    })),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

const list = (fields: readonly Field[]): string =>
  fields.map(({ name, required }) => `\`${name}\`${required ? "" : "?"}`).join(", ");

/** The two tables of docs/events.md. */
export function eventTables(): string {
  const events = allEvents();
  const types = new Map(
    events.flatMap(({ fields }) => fields.map(({ name, type }) => [name, type] as const)),
  );
  return `| event | when | fields (? only sometimes) |
|---|---|---|
${events.map(({ name, meaning, fields }) => `| \`${name}\` | ${meaning} | ${list(fields)} |\n`).join("")}
| field | type | what |
|---|---|---|
${Object.entries(FIELDS)
  .map(([name, meaning]) => `| \`${name}\` | ${types.get(name) ?? "string"} | ${meaning} |\n`)
  .join("")}`;
}
