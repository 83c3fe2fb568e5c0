// What a life is made of: circumstances, planned events and faults. All follow from a seed, each can be changed by
// itself, and what differs from the plainest life is one line of JSON that plays it again.

import {
  CAPS_NAMES,
  CATATONIT_ENDING_NAMES,
  DUMB_INIT_ENDING_NAMES,
  ENDING_NAMES,
  MAP_NAMES,
  USER_NAMES,
} from "./commandline.ts";
import { Random } from "./random.ts";

/** One circumstance: how it is in the plainest life, and how it is drawn. */
interface Field<Value> {
  readonly plain: Value;
  readonly draw: (random: Random) => Value;
}

const field = <Value>(plain: Value, draw: (random: Random) => Value): Field<Value> => ({ plain, draw });
const flag = (times: number): Field<boolean> => field<boolean>(false, (random) => random.once(times));
const one = <Value extends string>(...choices: Value[]): Field<Value> =>
  field<Value>(choices[0] as Value, (random) => random.pick(choices));
const seldom = (times: number, plain: number, ...others: number[]): Field<number> =>
  field<number>(plain, (random) => (random.once(times) ? random.pick(others) : plain));

const PROGRAMS = ["obeys", "obeys", "obeys", "ignores", "default", "ends", "missing", "denied", "script"];

const CIRCUMSTANCES = {
  // Where the init is, and on which kernel.
  subreaperOutside: flag(4),
  kernel: one("6.18", "6.18", "6.16", "6.15", "6.12", "6.8", "6.1", "5.10", "5.4", "5.1"),
  /** What a sandbox refuses, by the name in simulator/ages.ts. */
  profile: one(
    "none",
    "none",
    "none",
    "none",
    "old engine",
    "no pidfd calls",
    "no signalfd",
    "gVisor",
    "strict",
  ),
  /** Milliseconds that a call takes: on a slow machine more happens between two of them. */
  callMs: seldom(2, 0, 1, 3),
  // How it is called.
  name: one("steady", "steady", "steady", "tini", "docker-init", "tini-static", "podman-init", "sh"),
  spelling: one("short", "long", "separate", "joined", "environment"),
  group: flag(3),
  /** -1: fatal errors alone. */
  verbose: seldom(2, 0, 1, 1, 2, 2, 3, 3, -1),
  warnReaped: flag(6),
  subreaper: flag(6),
  parentDeath: seldom(5, 0, 9, 15, 15, 1, 34, 40, 60, 64),
  remap: seldom(4, -1, 143, 7, 0, 127, 137),
  reap: one("auto", "auto", "wait", "wait", "kernel"),
  /** Wrong usage, or a question that ends at once. */
  ending: field("none", (random: Random) => (random.once(20) ? random.pick(ENDING_NAMES) : "none")),
  // What it finds.
  input: one("null", "null", "tty", "tty", "tty", "closed"),
  log: one("pipe", "pipe", "file", "full", "fifo", "socket", "gone", "closed", "tty"),
  /** Who has the terminal's foreground at the start; `outside`: as PID 1 without a session of its own (unshare --pid). */
  foreground: one("ours", "ours", "another", "outside"),
  inheritedFiles: seldom(3, 1, 0, 5),
  inheritedZombies: seldom(5, 0, 1, 5, 70),
  childrenIgnored: flag(5),
  inheritedMask: seldom(3, 0, 1, 14, 15, 17, 34),
  ignored: seldom(3, 0, 1, 2, 13, 15),
  uid: seldom(4, 0, 1000),
  capKill: field<boolean>(true, (random) => !random.once(3)),
  capSetuid: field<boolean>(true, (random) => !random.once(3)),
  sigpending: seldom(3, 1000, 0, 1, 2, 5),
  pidsLimit: seldom(10, 10_000, 1, 2, 4, 40, 300),
  pidMax: seldom(3, 4000, 12, 30),
  /** How long the engine waits between its TERM and its KILL. */
  graceMs: seldom(25, 2000, 90_000),
  // The program.
  search: flag(4),
  program: field("obeys", (random: Random) =>
    random.once(30) ? random.pick(["empty", "long", "folder"]) : random.pick(PROGRAMS),
  ),
  // What came later, so that the lives of before are drawn as they were.
  /** The name by which it is asked to go. */
  as: field("none", (random: Random) =>
    random.once(6) ? random.pick(["steady", "tini", "tini-static", "docker-init"]) : "none",
  ),
  /** Values are written in the longest way that there is: names of signals, signs, what is the default anyway. */
  named: flag(3),
  /** What PATH is, where the program is looked for. */
  searchPath: one("usual", "unset", "denied", "long"),
  /** Nobody has mounted /proc. */
  noProc: flag(15),
  cgroup: one("v2", "v2", "v1", "deep"),
  /** The parent is an init itself, by its name. */
  parentIsInit: flag(6),
  map: field("none", (random: Random) => (random.once(4) ? random.pick(MAP_NAMES) : "none")),
  /** It is called as dumb-init, whose program has a session of its own, or with -c none. */
  dumbInit: field("no", (random: Random) => (random.once(6) ? random.pick(["session", "single"]) : "no")),
  /** The same as `ending` under that name. */
  dumbInitEnding: field("none", (random: Random) =>
    random.once(8) ? random.pick(DUMB_INIT_ENDING_NAMES) : "none",
  ),
  /** --no-env, among variables that mean something else. */
  noEnv: flag(8),
  /** How the end is to be: times as they are written, `none` where nothing is said. */
  drain: one("none", "none", "none", "0", "300ms", "5s"),
  grace: one("none", "none", "none", "none", "200ms", "3s"),
  stopWithin: one("none", "none", "none", "none", "600ms", "2s"),
  preStop: one("none", "none", "none", "none", "100ms", "1s"),
  stopSignals: one("none", "none", "none", "HUP,15", "rtmin+6,USR1,PIPE"),
  killOrphans: flag(6),
  trust: one("any", "any", "any", "any", "outside"),
  /** --user, by its value. */
  user: field("none", (random: Random) => (random.once(5) ? random.pick(USER_NAMES) : "none")),
  noNewPrivs: flag(8),
  /** What is said about capabilities. */
  caps: field("none", (random: Random) => (random.once(6) ? random.pick(CAPS_NAMES) : "none")),
  limitNproc: seldom(10, 0, 1, 100, 999_999),
  sandbox: one("on", "on", "on", "off", "strict"),
  /** A variable that turns it off, and counts for nothing where --user is on the command line. */
  sandboxVariable: flag(6),
  /** --limit: signals a second. */
  limit: seldom(6, 0, 1, 3, 20),
  /** It is called as catatonit. */
  catatonit: flag(8),
  /** The same as `ending` under that name. */
  catatonitEnding: field("none", (random: Random) =>
    random.once(8) ? random.pick(CATATONIT_ENDING_NAMES) : "none",
  ),
  /** Sockets were passed on to process 1. */
  listenPid: flag(8),
  /** --events */
  telling: one("none", "none", "json", "text"),
  /** A file that is there or not yet, one that was open already, or one that belongs to somebody else. */
  toldTo: one("there", "there", "new", "new", "fd", "fd", "theirs"),
  /** --notify, or what is expected of the program (simulator/notices.ts). */
  notify: one("none", "none", "none", "none", "notify", "watchdog", "watchdog", "ready", "probe"),
  /** What the program says of itself. */
  speaks: one("well", "well", "silent", "fades"),
  /** Whoever started the init has a socket, or has left one that is gone. */
  outer: one("none", "none", "there", "gone"),
  /** --report: a file that is there or not yet, or one that belongs to somebody else. */
  report: one("none", "none", "none", "new", "there", "theirs"),
  /** /dev/termination-log: as Kubernetes makes it, or one that the program has written into. */
  termination: one("none", "none", "empty", "full"),
  /** --guard with a few processes, by what --on-fork-bomb says. */
  guard: field("none", (random: Random) =>
    random.once(16) ? random.pick(["log", "stop", "kill", "kill", "kill", "end"]) : "none",
  ),
  /** --status-file, as with --report; or one that is of another version, of another kind, or cut. */
  statusFile: one("none", "none", "none", "none", "new", "there", "theirs", "version", "odd", "cut"),
} as const;

type Plain<Entry> = Entry extends Field<infer Value> ? Value : never;
export type Circumstances = {
  readonly [Key in keyof typeof CIRCUMSTANCES]: Plain<(typeof CIRCUMSTANCES)[Key]>;
};

/** What somebody does at a time, `12 inside.queue 34 5`: milliseconds, who, what, and numbers that say more. */
export interface Planned {
  readonly at: number;
  readonly what: string;
  readonly numbers: readonly number[];
}

/** The call with this number fails with an errno; or the core traps in its place; or it is done in part. */
export interface Fault {
  readonly call: number;
  readonly how: string;
}

export interface Script {
  /** What the schedule follows from: who moves between two calls. */
  readonly seed: number;
  readonly circumstances: Circumstances;
  readonly events: readonly Planned[];
  readonly faults: readonly Fault[];
  /** Besides those, every nth call fails on average; 0 for none. */
  readonly faultRate: number;
  /** Nobody moves but where the init waits. */
  readonly calm: boolean;
}

/** How an actor plans: which events, given what the life is like. */
export type Planner = (random: Random, circumstances: Circumstances) => readonly Planned[];

/** Draws a life. Each part has a generator of its own, so that a new actor leaves the others as they were. */
export function drawScript(seed: number, planners: Readonly<Record<string, Planner>>, faultRate = 0): Script {
  const circumstances = drawCircumstances(new Random(seed));
  const events = Object.values(planners).flatMap((plan, index) =>
    plan(new Random(seed * 64 + index + 1), circumstances),
  );
  return {
    seed,
    circumstances,
    events: events.sort((a, b) => a.at - b.at),
    faults: [],
    faultRate,
    calm: false,
  };
}

function drawCircumstances(random: Random): Circumstances {
  const drawn = Object.entries(CIRCUMSTANCES).map(([key, { draw }]) => [key, draw(random)]);
  return Object.fromEntries(drawn) as Circumstances;
}

export function plainCircumstances(): Circumstances {
  const plain = Object.entries(CIRCUMSTANCES).map(([key, field]) => [key, field.plain]);
  return Object.fromEntries(plain) as Circumstances;
}

export const CIRCUMSTANCE_NAMES = Object.keys(CIRCUMSTANCES) as (keyof Circumstances)[];

/** The life in one line: what differs from the plainest. */
export function encodeScript(script: Script): string {
  const plain = plainCircumstances();
  const changed = CIRCUMSTANCE_NAMES.filter((name) => script.circumstances[name] !== plain[name]);
  return JSON.stringify({
    seed: script.seed,
    ...Object.fromEntries(changed.map((name) => [name, script.circumstances[name]])),
    ...(script.events.length > 0 ? { events: script.events.map(encodeEvent) } : {}),
    ...(script.faults.length > 0 ? { faults: script.faults.map(({ call, how }) => `${call}:${how}`) } : {}),
    ...(script.faultRate > 0 ? { faultRate: script.faultRate } : {}),
    ...(script.calm ? { calm: true } : {}),
  });
}

export function encodeEvent({ at, what, numbers }: Planned): string {
  return [at, what, ...numbers].join(" ");
}

/** A line that is no life. */
class ScriptError extends Error {}

/** Reads such a line; a ScriptError that says what is wrong with it. */
export function decodeScript(text: string, actions: ReadonlySet<string>): Script {
  const { seed, events, faults, faultRate, calm, ...circumstances } = parse(text);
  for (const [name, value] of Object.entries(circumstances)) checkCircumstance(name, value);
  return {
    seed: number("seed", seed),
    circumstances: { ...plainCircumstances(), ...circumstances } as Circumstances,
    events: strings("events", events).map((event) => decodeEvent(event, actions)),
    faults: strings("faults", faults).map(decodeFault),
    faultRate: number("faultRate", faultRate ?? 0),
    calm: calm === true,
  };
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ScriptError(`a life is one line of JSON, and this is none: ${(error as Error).message}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new ScriptError("a life is a JSON object");
}

function checkCircumstance(name: string, value: unknown): void {
  const known = CIRCUMSTANCES[name as keyof Circumstances];
  if (known === undefined) throw new ScriptError(`no circumstance is called ${name}`);
  if (typeof value !== typeof known.plain)
    throw new ScriptError(`${name} is a ${typeof known.plain}, not ${JSON.stringify(value)}`);
}

function number(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ScriptError(`${name} is a number from 0, not ${JSON.stringify(value)}`);
}

function strings(name: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new ScriptError(`${name} is a list of strings, not ${JSON.stringify(value)}`);
}

function decodeEvent(text: string, actions: ReadonlySet<string>): Planned {
  const [at = "", what = "", ...numbers] = text.split(" ");
  if (!/^\d+$/.test(at) || !numbers.every((word) => /^-?\d+$/.test(word)))
    throw new ScriptError(`an event is "milliseconds who.what numbers", not "${text}"`);
  if (!actions.has(what)) throw new ScriptError(`nobody does "${what}"`);
  return { at: Number(at), what, numbers: numbers.map(Number) };
}

export function decodeFault(text: string): Fault {
  const [, call, how] = /^(\d+):(trap|short|E[A-Z0-9]+)$/.exec(text) ?? [];
  if (call !== undefined && how !== undefined) return { call: Number(call), how };
  throw new ScriptError(`a fault is "call:errno", "call:trap" or "call:short", not "${text}"`);
}
