// What is tried: each probe is a life of its own, since what one leaves behind must not fail the next. The rule: a probe
// records what happened and judges nothing; that is for rules/.

import { createInterface } from "node:readline";
import { Life, type Seen } from "./life.ts";
import { loadOf } from "./load.ts";
import type { Place, Started } from "./place.ts";
import { hasSignal, isDead, type Listener } from "./processes.ts";
import { VISITOR, waitReady } from "./ready.ts";
import type { Load, Run } from "./report.ts";
import { numberOf, type Ready, type Signal } from "./settings.ts";
import type { Told, Visit } from "./visitor.ts";

/** How much longer than the grace period a stop is waited for where the program heard it: late, or never? */
const LATE_MS_MAX = 5_000;
/** How long after a signal that should do nothing it is looked at. */
const SURPRISE_MS = 1_500;
/** How long a zombie may be one before somebody should have noticed. */
const ZOMBIE_MS_MIN = 500;
const SECOND_SIGNAL_MS = 100;
const ORPHAN_SECONDS = "0.4";
const ORPHAN_MS_MAX = 4_000;
const ORPHANS_LEFT_MS = 100;
/** How long those that are left get to show that they heard of the stop. */
const UNHEARD_MS = 2_000;
const HELD_MS = 300;
const LOAD_CONNECTIONS = 8;
const LOAD_BEFORE_MS = 300;
const SLOW_REST_MS = 200;
const VISITOR_MS_MAX = 10_000;

/** What every probe needs to know. */
export interface Stage {
  readonly place: Place;
  readonly command: readonly string[];
  readonly init: Started;
  readonly ready: Ready;
  readonly graceMs: number;
  readonly stopSignal: Signal;
  /** When the check began, by performance.now(). */
  readonly beganMs: number;
  /** The ports that the program listened on in its first life. */
  readonly ports: readonly number[];
  /** Lives that run now: they are closed when the check is broken off. */
  readonly lives: Set<Life>;
  /** Throws where the check was broken off: while a life is being opened, it is not yet among those. */
  readonly goOn: () => void;
}

/** How a process took a signal, as far as its masks tell it. */
export type Stance = "catches" | "ignores" | "blocks" | "default" | "unknown";

export interface Stop {
  readonly run: Run;
  readonly signal: Signal;
  /** Whether the program was ready, and was asked. */
  readonly asked: boolean;
  readonly askedMs: number;
  /** From the signal to the end of the main program. */
  readonly tookMs?: number;
  readonly status?: number;
  /** It ended, but after the grace period. */
  readonly late: boolean;
  /** Before the signal. */
  readonly stance: Stance;
  /** Living processes besides the main program before the signal, and those of them when the grace period was over. */
  readonly others: readonly string[];
  readonly left: readonly string[];
  readonly zombies: readonly Zombie[];
  readonly listeners: readonly Listener[];
  /** When each port was last seen listening: before the end, or until the end. */
  readonly closedFirst?: boolean;
}

export interface Zombie {
  readonly name: string;
  readonly pid: number;
  readonly parent: string;
  /** Whether the parent had it handed over, and did not start it. */
  readonly adopted: boolean;
}

function nameOf(seen: Seen): string {
  const { command, name, pid } = seen.span;
  const shown = command === "" || command.startsWith("[") ? name : command;
  return `${shown.length > 60 ? `${shown.slice(0, 59)}…` : shown} (pid ${pid})`;
}

/** Begins a life, lets the probe have it, and closes it whatever comes. */
async function live<T>(
  stage: Stage,
  id: string,
  title: string,
  body: (life: Life) => Promise<T>,
  other: Partial<Pick<Stage, "init">> & { readonly kept?: boolean } = {},
): Promise<T & { readonly run: Run }> {
  const { place, command } = stage;
  const { kept = false, init = stage.init } = other;
  const startedMs = Math.round(performance.now() - stage.beganMs);
  const life = await Life.begin(place, { id, title, command, init, kept }, startedMs);
  stage.lives.add(life);
  let run: Run | undefined;
  let result: T;
  try {
    stage.goOn();
    result = await body(life);
  } finally {
    run = await life.close();
    stage.lives.delete(life);
  }
  return { ...result, run };
}

/** The first life tells what there is to test: whether it starts, where it listens, and what its signal does. */
export function stop(
  stage: Stage,
  signal: Signal,
  other: { readonly init?: Started; readonly id?: string; readonly restMs?: number } = {},
): Promise<Stop> {
  const { id = `stop-${signal}` } = other;
  const under = other.init === undefined ? "" : ` under ${other.init.name}`;
  return live(
    stage,
    id,
    `${signal} once it is ready${under}`,
    (life) => askToStop(stage, life, signal),
    other,
  );
}

interface How {
  /** Who gets the signal, where it is not PID 1. */
  readonly to?: () => readonly Seen[];
  /** How long it is looked at before: a zombie has to be one for a while. */
  readonly restMs?: number;
}

async function askToStop(
  stage: Stage,
  life: Life,
  signal: Signal,
  how: How = {},
): Promise<Omit<Stop, "run">> {
  if (life.ready === undefined && !(await waitReady(life, stage.ready, stage.ports))) return notAsked(signal);
  await life.until(() => life.end !== undefined, how.restMs ?? 0);
  const { main, listeners } = life;
  if (main === undefined || life.end !== undefined) return notAsked(signal);
  const rest = () =>
    life
      .alive()
      .filter((seen) => seen !== main)
      .map(nameOf);
  const before = {
    zombies: zombiesOf(life),
    others: rest(),
    stance: stanceOf(life, main, signal),
    listeners,
  };
  let askedMs = life.now;
  for (const one of how.to?.() ?? [undefined]) askedMs = await life.signal(signal, one);
  const inTime = await life.endsWithin(stage.graceMs);
  const left = inTime ? [] : rest();
  if (!inTime) await beLate(stage, life, before.stance);
  const late = !inTime && life.end !== undefined;
  return { ...before, signal, asked: true, askedMs, left, late, ...endOf(life, askedMs, listeners) };
}

function notAsked(signal: Signal): Omit<Stop, "run"> {
  const nobody = { others: [], left: [], zombies: [], listeners: [] };
  return { ...nobody, signal, asked: false, askedMs: 0, late: false, stance: "unknown" };
}

/** An engine kills now. A program that heard the signal is given a little longer, to tell how much it lacks. */
async function beLate(stage: Stage, life: Life, stance: Stance): Promise<void> {
  const text = `the grace period of ${stage.graceMs / 1000} s is over: an engine would send SIGKILL now`;
  life.add({ atMs: life.now, kind: "grace-over", text });
  if (stance === "catches") await life.endsWithin(Math.min(stage.graceMs, LATE_MS_MAX));
}

interface Ended {
  readonly tookMs?: number;
  readonly status?: number;
  readonly closedFirst?: boolean;
}

function endOf(life: Life, askedMs: number, listeners: readonly Listener[]): Ended {
  if (life.end === undefined) return {};
  const { atMs, status } = life.end;
  const endings = life.timeline.filter((event) => event.kind === "listening-ended" && event.atMs < atMs);
  const closedFirst = listeners.length === 0 ? undefined : endings.length >= listeners.length;
  return {
    tookMs: Math.max(0, Math.round(atMs - askedMs)),
    status,
    ...(closedFirst === undefined ? {} : { closedFirst }),
  };
}

/** A signal is blocked only where every thread blocks it: any other one takes it. */
function stanceOf(life: Life, seen: Seen, signal: Signal): Stance {
  const masks = life.masksOf(seen);
  const number = numberOf(signal) ?? 0;
  const [first] = masks;
  if (first === undefined) return "unknown";
  if (hasSignal(first.ignored, number)) return "ignores";
  // Blocked by all, it may still be taken by sigwait or a signalfd: what happens will tell.
  if (masks.every(({ blocked }) => hasSignal(blocked, number))) return "blocks";
  return hasSignal(first.caught, number) ? "catches" : "default";
}

function zombiesOf(life: Life): Zombie[] {
  const old = life
    .zombies()
    .filter(({ span }) => life.now - (span.zombieMs ?? life.now) >= ZOMBIE_MS_MIN / 2);
  return old.map((seen) => {
    const parent = life.seen.get(seen.last.parent);
    return {
      name: seen.span.name,
      pid: seen.span.pid,
      parent: parent === undefined ? "a process that is gone" : nameOf(parent),
      adopted: seen.last.parent !== seen.stat.parent,
    };
  });
}

export interface Twice extends Stop {
  /** Whether the program was still there for the second signal. */
  readonly second: boolean;
}

export async function stopTwice(stage: Stage): Promise<Twice> {
  const signal = stage.stopSignal;
  return live(stage, "stop-twice", `${signal}, and once more while it is stopping`, async (life) => {
    let second = false;
    const again = life.until(
      () => life.timeline.some(({ kind }) => kind === "signal-sent"),
      Number.POSITIVE_INFINITY,
    );
    const later = again.then(async () => {
      await life.until(() => life.end !== undefined, SECOND_SIGNAL_MS);
      if (life.end !== undefined) return;
      second = true;
      await life.signal(signal).catch(() => (second = false));
    });
    const stopped = await askToStop(stage, life, signal);
    if (stopped.asked) await later;
    return { ...stopped, second };
  });
}

export interface EarlyStop {
  readonly run: Run;
  readonly atMs: number;
  readonly tookMs?: number;
  readonly status?: number;
}

/** The stop signal a moment after the program was started, as where a deploy is taken back at once. */
export function stopEarly(stage: Stage, atMs: number, index: number): Promise<EarlyStop> {
  const title = `${stage.stopSignal} ${atMs} ms after the start`;
  return live(stage, `start-up-${index}`, title, async (life) => {
    await life.until(() => life.now >= atMs || life.end !== undefined, atMs);
    if (life.end !== undefined) return { atMs, status: life.end.status, tookMs: 0 };
    const askedMs = await life.signal(stage.stopSignal);
    await life.endsWithin(stage.graceMs);
    const { tookMs, status } = endOf(life, askedMs, []);
    return { atMs, ...(tookMs === undefined || status === undefined ? {} : { tookMs, status }) };
  });
}

export interface Remains {
  readonly run: Run;
  readonly ended: boolean;
  /** Whether the program ended by itself, before it was asked. */
  readonly byItself: boolean;
  readonly status?: number;
  readonly left: readonly string[];
  /** Those of them that handle the stop signal: had they got it, they would have stopped. */
  readonly unheard: readonly string[];
}

/** What the main program leaves behind, seen from a PID 1 that outlives it. */
export function remains(stage: Stage): Promise<Remains> {
  const title = `${stage.stopSignal} to the program, under a shell that stays: what is left?`;
  const body = async (life: Life) => {
    const byItself = !(await waitReady(life, stage.ready, stage.ports));
    if (!byItself) await life.signal(stage.stopSignal);
    const ended = await life.endsWithin(stage.graceMs);
    if (ended) await life.until(() => false, ORPHANS_LEFT_MS);
    const keepers = new Set([...life.seen.values()].filter(({ span }) => span.role === "init"));
    const rest = () => (ended ? life.alive().filter((seen) => !isKeepers(life, seen, keepers)) : []);
    const left = rest().map(nameOf);
    // Who was told to stop by the main program is about to.
    await life.until(() => rest().length === 0, Math.min(stage.graceMs, UNHEARD_MS));
    const unheard = rest().filter((seen) => stanceOf(life, seen, stage.stopSignal) === "catches");
    return {
      byItself,
      ended,
      left,
      unheard: byItself ? [] : unheard.map(nameOf),
      ...(life.end === undefined ? {} : { status: life.end.status }),
    };
  };
  return live(stage, "remains", title, body, { kept: true, init: BARE });
}

export const BARE: Started = { kind: "bare", name: "bare" };

/** The sleep that keeps the shell busy was started by it after the end. */
function isKeepers(life: Life, seen: Seen, keepers: ReadonlySet<Seen>): boolean {
  const parent = life.seen.get(seen.stat.parent);
  return parent !== undefined && keepers.has(parent) && seen.span.startMs >= (life.end?.atMs ?? 0);
}

export interface Adoption {
  readonly run: Run;
  /** Whether the orphan was seen alive as a child of PID 1: without that nothing was tested. */
  readonly adopted: boolean;
  readonly reaped: boolean;
  readonly why?: string;
}

/** An orphan as a health check or `docker exec` leaves it: does PID 1 reap it? */
export function adoption(stage: Stage): Promise<Adoption> {
  return live(stage, "orphan", "An orphan is handed over to PID 1, as by a health check", async (life) => {
    const failed = (why: string) => ({ adopted: false, reaped: false, why });
    if (!(await waitReady(life, stage.ready, stage.ports))) return failed("the program was not ready");
    const said = await life.box.inject(`sleep ${ORPHAN_SECONDS} >/dev/null 2>&1 & echo $!`).catch(String);
    const pid = Number(said);
    if (!(pid > 0)) return failed(`the orphan could not be put in: ${said}`);
    const orphan = () => [...life.seen.values()].find(({ span }) => span.pid === pid);
    const isHandedOver = () => {
      const [one] = [orphan()];
      return one !== undefined && !isDead(one.last.state) && life.seen.get(one.last.parent)?.span.pid === 1;
    };
    const adopted = await life.until(isHandedOver, ORPHAN_MS_MAX);
    if (!adopted) return failed("the orphan was not seen as a child of PID 1");
    await life.until(
      () => orphan()?.span.endMs !== undefined || isDead(orphan()?.last.state ?? ""),
      ORPHAN_MS_MAX,
    );
    const reaped = await life.until(() => orphan()?.span.endMs !== undefined, ZOMBIE_MS_MIN);
    return { adopted, reaped: reaped && life.end === undefined };
  });
}

export interface Surprise {
  readonly run: Run;
  readonly signal: Signal;
  readonly asked: boolean;
  /** Whether the main program ended within a moment. */
  readonly ended: boolean;
  readonly status?: number;
  readonly stance: Stance;
  /** Ports that were opened after the signal. */
  readonly opened: readonly Listener[];
  /** What it said after the signal. */
  readonly said: readonly string[];
}

export function surprise(stage: Stage, signal: Signal): Promise<Surprise> {
  return live(stage, `surprise-${signal}`, `${signal}, which asks for no stop`, async (life) => {
    const ready = await waitReady(life, stage.ready, stage.ports);
    if (!ready || life.main === undefined)
      return { signal, asked: false, ended: false, stance: "unknown" as const, opened: [], said: [] };
    const [before, lines] = [life.listeners, life.lines.length];
    const stance = stanceOf(life, life.main, signal);
    await life.signal(signal);
    const ended = await life.endsWithin(SURPRISE_MS);
    const isNew = ({ port }: Listener) => !before.some((one) => one.port === port);
    const status = life.end === undefined ? {} : { status: life.end.status };
    return {
      signal,
      asked: true,
      ended,
      stance,
      opened: life.listeners.filter(isNew),
      said: life.lines.slice(lines),
      ...status,
    };
  });
}

export interface Loaded extends Omit<Stop, "zombies" | "others" | "left"> {
  /** Whether there is something that speaks HTTP. */
  readonly http: boolean;
  readonly load?: Load;
  readonly slowAnswered?: boolean;
  readonly failures: readonly string[];
}

/** Requests through a stop: who began one before the signal should get an answer. */
export function underLoad(
  stage: Stage,
  signal: Signal,
  url: string | undefined,
  id: string,
): Promise<Loaded> {
  return live(stage, id, `${signal} under a load of HTTP requests`, async (life) => {
    const nothing = {
      signal,
      asked: false,
      askedMs: 0,
      late: false,
      stance: "unknown" as const,
      listeners: [],
      http: false,
      failures: [],
    };
    if (!(await waitReady(life, stage.ready, stage.ports))) return nothing;
    const target = url ?? (await findHttp(life));
    if (target === undefined) return nothing;
    const visitor = life.box.visit(VISITOR, ["load", target, String(LOAD_CONNECTIONS)]);
    const told = listen(visitor.stdout);
    const heard = (kind: Told["kind"]) => told.some((one) => one.kind === kind);
    await life.until(() => life.end !== undefined || (heard("visit") && heard("begun")), VISITOR_MS_MAX);
    await life.until(() => life.end !== undefined, LOAD_BEFORE_MS);
    const listeners = life.listeners;
    const clock = clockMs();
    const askedMs = await life.signal(signal);
    await life.endsWithin(SLOW_REST_MS);
    visitor.stdin?.on("error", () => undefined).write("rest");
    const inTime = await life.endsWithin(stage.graceMs - SLOW_REST_MS);
    visitor.stdin?.end();
    await new Promise((resolve) =>
      visitor.exitCode === null ? visitor.on("close", resolve) : resolve(null),
    );
    const visits = told.filter((one): one is Visit => one.kind === "visit");
    const { load, failures, slowAnswered } = loadOf(visits, clock, target, LOAD_CONNECTIONS);
    tellLoad(life, visits, clock, askedMs, load);
    return {
      ...nothing,
      asked: true,
      askedMs,
      http: true,
      load,
      failures,
      listeners,
      late: !inTime && life.end !== undefined,
      ...(slowAnswered === undefined ? {} : { slowAnswered }),
      ...endOf(life, askedMs, listeners),
    };
  });
}

function clockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function listen(stream: NodeJS.ReadableStream | null): Told[] {
  const told: Told[] = [];
  if (stream !== null)
    createInterface({ input: stream }).on("line", (line) => told.push(JSON.parse(line) as Told));
  return told;
}

async function findHttp(life: Life): Promise<string | undefined> {
  for (const { port } of life.listeners) {
    const url = `http://127.0.0.1:${port}/`;
    const visitor = life.box.visit(VISITOR, ["speaks", url]);
    const status = await new Promise((resolve) => visitor.on("error", () => resolve(1)).on("close", resolve));
    if (status === 0) return url;
  }
  return undefined;
}

const FAILURES_TOLD_MAX = 20;

function tellLoad(life: Life, visits: readonly Visit[], clock: number, askedMs: number, load: Load): void {
  life.load = load;
  const at = (ms: number) => Math.max(0, Math.round((askedMs + ms - clock) * 10) / 10);
  const answered = visits.filter(({ error }) => error === undefined).length;
  const text = `${load.before} requests were answered before the signal; ${load.inFlight} were in flight, ${load.inFlightFailed} of them failed`;
  life.add({
    atMs: askedMs,
    kind: "requests",
    ok: answered,
    failed: load.inFlightFailed + load.afterFailed,
    text,
  });
  const failed = visits
    .filter(({ error, connected }) => error !== undefined && connected)
    .slice(0, FAILURES_TOLD_MAX);
  for (const { doneMs, sentMs, error = "" } of failed) {
    const when = sentMs <= clock ? "was on its way at the signal" : "was sent after the signal";
    life.add({
      atMs: at(doneMs),
      kind: "request-failed",
      url: load.url,
      error,
      text: `a request that ${when} failed: ${error}`,
    });
  }
}

export interface Silent extends Stop {
  readonly held: number;
}

/** A client that stays connected and says nothing, as a pool of connections or a browser does. */
export function withSilentClient(stage: Stage, signal: Signal, id: string): Promise<Silent> {
  return live(stage, id, `${signal} while a client is connected that says nothing`, async (life) => {
    let held = 0;
    const nothing = notAsked(signal);
    if (!(await waitReady(life, stage.ready, stage.ports)) || life.listeners.length === 0)
      return { ...nothing, held };
    const ports = [...new Set(life.listeners.map(({ port }) => `127.0.0.1:${port}`))];
    const visitor = life.box.visit(VISITOR, ["hold", ...ports]);
    const told = listen(visitor.stdout);
    const answer = () => told.find((one) => one.kind === "held");
    await life.until(() => answer() !== undefined || life.end !== undefined, VISITOR_MS_MAX);
    held = answer()?.count ?? 0;
    // The kernel has accepted the connection; the program is given time to do so, too.
    await life.until(() => life.end !== undefined, HELD_MS);
    const stopped = held > 0 ? await askToStop(stage, life, signal) : nothing;
    visitor.stdin?.on("error", () => undefined).end();
    return { ...stopped, held };
  });
}

export interface Direct extends Stop {
  readonly to: readonly string[];
}

/** The signal not to PID 1 but to everybody behind it: does the program behind a wrapper hear it? */
export function direct(stage: Stage): Promise<Direct> {
  const signal = stage.stopSignal;
  return live(stage, "direct", `${signal} straight to the processes behind PID 1`, async (life) => {
    let to: string[] = [];
    const behind = () => {
      const others = life.alive().filter((seen) => seen !== life.main);
      // First those that handle the signal: the program is among them. What else there is may be its helpers.
      const handles = (seen: Seen) => (stanceOf(life, seen, signal) === "catches" ? 0 : 1);
      others.sort((one, other) => handles(one) - handles(other));
      to = others.map(nameOf);
      return others;
    };
    const stopped = await askToStop(stage, life, signal, { to: behind });
    return { ...stopped, to };
  });
}
