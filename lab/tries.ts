// What is tried after the first life: of every program, of one that listens, and of one that failed. The rule: a probe
// whose rules are all ignored is not run, and one that could only fail again is not, either.

import { type Loaded, type Silent, underLoad, withSilentClient } from "./clients.ts";
import type { Started } from "./place.ts";
import {
  adoption,
  direct,
  type EarlyStop,
  remains,
  type Stage,
  type Stop,
  type Surprise,
  stop,
  stopEarly,
  stopTwice,
  surprise,
} from "./probes.ts";
import { inTime, type Results } from "./rules/rule.ts";
import type { Came, Found, Task } from "./schedule.ts";
import type { Asked, Signal } from "./settings.ts";

/** A hang-up asks for no stop: it is not waited for as long as the grace period. */
const HANGUP_MS_MAX = 2_000;
const EARLY_MOMENTS = [0, 1 / 3, 2 / 3];
const EARLY_MS_MIN = 30;
const MARGIN_MS = 2_000;
/** How long another signal gets to show that it is the graceful one. */
const OTHER_MS = 5_000;
const SURPRISES: readonly Signal[] = ["SIGPIPE", "SIGWINCH", "SIGUSR1"];
/** What programs take for a graceful stop, where it is not the signal that they are sent. */
const GRACEFUL: readonly Signal[] = ["SIGQUIT", "SIGUSR1", "SIGWINCH", "SIGINT", "SIGTERM"];
/** What may wait for nobody and still be a proper stop; the last is where some leave without tidying up. */
const IMPATIENT: readonly Signal[] = ["SIGINT", "SIGTERM", "SIGUSR1", "SIGWINCH", "SIGQUIT"];

/** Which rules a probe is for. */
const NEEDED_BY: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^stop-SIGHUP$/, ["SL006"]],
  [/^stop-SIG/, ["SL005"]],
  [/^start-up-/, ["SL008"]],
  [/^stop-twice$/, ["SL007"]],
  [/^remains$/, ["SL009", "SL010", "SL011"]],
  [/^orphan$/, ["SL013"]],
  [/^surprise-SIGPIPE$/, ["SL017"]],
  [/^surprise-SIGWINCH$/, ["SL018"]],
  [/^surprise-SIGUSR1$/, ["SL019", "SL020"]],
  [/^silent/, ["SL016"]],
  [/^load/, ["SL014", "SL015"]],
];

function wanted(tasks: readonly Task[], { ignore }: Asked): Task[] {
  const isIgnored = (id: string) => {
    const rules = NEEDED_BY.find(([probes]) => probes.test(id))?.[1];
    return rules?.every((rule) => ignore.includes(rule)) === true;
  };
  return tasks.filter(({ id }) => !isIgnored(id));
}

const wasAsked = ({ asked }: Came) => asked === true;
const wasReady = ({ run }: Came) => run.ready !== undefined;

export function ofEvery(asked: Asked, first: Stop): Task[] {
  const others = asked.signals.filter((signal) => signal !== first.signal).map(otherStop);
  const surprises = SURPRISES.filter((signal) => signal !== first.signal).map(bySurprise);
  const again = inTime(first, asked.graceMs) ? [...early(asked, first), twice(first.signal)] : [];
  return wanted([...others, ...again, leavesBehind(), orphan(), ...surprises], asked);
}

/** Of a program that ended by itself: is it a daemon? */
export function ofEnded(asked: Asked): Task[] {
  return wanted([{ ...leavesBehind(), came: () => true }], asked);
}

export function ofListening(asked: Asked, { signal }: Stop): Task[] {
  const silent = silentTask("silent", signal);
  const load = loadTask("load", signal, asked.request);
  return wanted([silent, ...(asked.request === "none" ? [] : [load])], asked);
}

function otherStop(signal: Signal): Task {
  const patience = (stage: Stage) =>
    signal === "SIGHUP" ? Math.min(stage.graceMs, HANGUP_MS_MAX) : stage.graceMs;
  const run = (stage: Stage) => stop({ ...stage, graceMs: patience(stage) }, signal);
  return { id: `stop-${signal}`, title: `${signal} once it is ready`, run, came: wasAsked };
}

function early({ graceMs }: Asked, first: Stop): Task[] {
  return momentsOf(first).map((atMs, i) => {
    // A stop that ends it at once when it is up: where it was lost, the grace period is not waited for in full.
    const usual = (first.run.ready?.atMs ?? 0) - atMs + 2 * (first.tookMs ?? graceMs) + MARGIN_MS;
    const patience = Math.min(graceMs, Math.max(usual, MARGIN_MS));
    const run = (stage: Stage) => stopEarly({ ...stage, graceMs: patience }, atMs, i);
    return { id: `start-up-${i}`, title: "a stop during start-up", run, came: () => true };
  });
}

/** Moments of its start-up: until it listened, or else until its first word. */
function momentsOf(first: Stop): number[] {
  const starting = first.run.timeline.filter(({ atMs }) => atMs < (first.run.ready?.atMs ?? 0));
  const listening = starting.find(({ kind }) => kind === "listening");
  const word = starting.find(({ kind }) => kind === "log");
  const wholeMs = Math.max(EARLY_MS_MIN, (listening ?? word)?.atMs ?? 0);
  return EARLY_MOMENTS.map((share) => Math.round(wholeMs * share));
}

function twice(signal: Signal): Task {
  return { id: "stop-twice", title: `${signal} twice`, run: stopTwice, came: wasAsked };
}

function leavesBehind(): Task {
  const came = ({ byItself }: Came) => byItself === false;
  return { id: "remains", title: "what it leaves behind", run: remains, came };
}

function orphan(): Task {
  return {
    id: "orphan",
    title: "an orphan for PID 1",
    run: adoption,
    came: ({ adopted }) => adopted === true,
  };
}

function bySurprise(signal: Signal): Task {
  const run = (stage: Stage) => surprise(stage, signal);
  return { id: `surprise-${signal}`, title: `${signal} by surprise`, run, came: wasAsked };
}

function silentTask(id: string, signal: Signal, graceMs?: number): Task {
  const run = (stage: Stage) => withSilentClient({ ...stage, graceMs: graceMs ?? stage.graceMs }, signal, id);
  return { id, title: `${signal} with a client that says nothing`, run, came: wasReady };
}

function loadTask(id: string, signal: Signal, url: string | undefined, graceMs?: number): Task {
  const run = (stage: Stage) => underLoad({ ...stage, graceMs: graceMs ?? stage.graceMs }, signal, url, id);
  return { id, title: `${signal} under a load`, run, came: wasReady };
}

/** More lives where the first ones failed: what would help is tried, and then told. */
export function ofFailed(asked: Asked, results: Results, steady: Started | undefined): Task[] {
  const stops = inTime(results.first, results.graceMs) ? [] : otherWays(results, steady);
  return wanted([...stops, ...otherSignals(asked, results)], asked);
}

function otherWays({ first, bare }: Results, steady: Started | undefined): Task[] {
  const straight = { id: "direct", title: "the signal straight to the program", run: direct, came: wasAsked };
  const id = "stop-under-init";
  const under = steady && {
    id,
    title: `under ${steady.name}`,
    run: (stage: Stage) => stop(stage, first.signal, { init: steady, id }),
    came: wasAsked,
  };
  return [...(first.others.length > 0 ? [straight] : []), ...(bare && under !== undefined ? [under] : [])];
}

function otherSignals({ request }: Asked, { first, load, silent, graceMs }: Results): Task[] {
  const patience = Math.min(graceMs, 2 * (first.tookMs ?? 0) + OTHER_MS);
  const other = (signals: readonly Signal[]) => signals.filter((signal) => signal !== first.signal);
  if (load?.load !== undefined && (load.load.inFlightFailed > 0 || load.slowAnswered === false))
    return other(GRACEFUL).map((signal) => loadTask(`load-${signal}`, signal, request, patience));
  // Of a server that speaks HTTP the graceful signal is the right one, whoever it waits for.
  const waits = silent?.asked === true && inTime(first, graceMs) && !inTime(silent, graceMs);
  if (!waits || load?.http === true) return [];
  return other(IMPATIENT).map((signal) => silentTask(`silent-${signal}`, signal, patience));
}

/** The results by the probes' ids, as the rules want them. */
export function collect(found: Found): Partial<Results> {
  return {
    signals: all<Stop>(found, /^stop-SIG/),
    early: all<EarlyStop>(found, /^start-up-/),
    surprises: all<Surprise>(found, /^surprise-/),
    ...one(found, "twice", "stop-twice"),
    ...one(found, "remains", "remains"),
    ...one(found, "adoption", "orphan"),
    ...one(found, "load", "load"),
    ...one(found, "silent", "silent"),
  };
}

export function collectOthers(found: Found): Partial<Results> {
  return {
    otherLoads: all<Loaded>(found, /^load-/),
    otherSilents: all<Silent>(found, /^silent-/),
    ...one(found, "direct", "direct"),
    ...one(found, "underInit", "stop-under-init"),
  };
}

function all<T>(found: Found, ids: RegExp): T[] {
  return [...found].flatMap(([id, result]) => (ids.test(id) ? [result as T] : []));
}

function one<Key extends keyof Results>(found: Found, key: Key, id: string): Partial<Results> {
  return found.has(id) ? { [key]: found.get(id) } : {};
}
