// What is tried: each probe is a life of its own, since what one leaves behind must not fail the next. The rule: a probe
// records what happened and judges nothing; that is for rules/.

import { Life, type Seen } from "./life.ts";
import type { Place, Started } from "./place.ts";
import { hasSignal, isDead, type Listener } from "./processes.ts";
import { waitReady } from "./ready.ts";
import type { Run } from "./report.ts";
import { numberOf, type Ready, type Signal } from "./settings.ts";

/** How much longer than the grace period a stop is waited for where the program heard it: late, or never? */
const LATE_MS_MAX = 5_000;
/** How long after a signal that should do nothing it is looked at. */
const SURPRISE_MS = 1_500;
/** How long a zombie may be one before somebody should have noticed. */
const ZOMBIE_MS_MIN = 500;
const SECOND_SIGNAL_MS = 100;
/** On a busy machine the first may be over before it was looked at. */
const ORPHAN_SECONDS = [0.4, 3];
const ORPHAN_MS_MAX = 1_500;
const ORPHANS_LEFT_MS = 100;
/** How long those that are left get to show that they heard of the stop. */
const UNHEARD_MS = 2_000;

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
export async function live<T>(
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

export async function askToStop(
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

export function notAsked(signal: Signal): Omit<Stop, "run"> {
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

export function endOf(life: Life, askedMs: number, listeners: readonly Listener[]): Ended {
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
    // When it was sent indeed: on a busy machine that is later than it was meant.
    return {
      atMs: Math.round(askedMs),
      ...(tookMs === undefined || status === undefined ? {} : { tookMs, status }),
    };
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

const NEEDS_SLEEP = "command -v sleep >/dev/null || { echo there is no sleep; exit; }";

/** An orphan as a health check or `docker exec` leaves it: does PID 1 reap it? */
export function adoption(stage: Stage): Promise<Adoption> {
  return live(stage, "orphan", "An orphan is handed over to PID 1, as by a health check", async (life) => {
    const failed = (why: string) => ({ adopted: false, reaped: false, why });
    if (!(await waitReady(life, stage.ready, stage.ports))) return failed("the program was not ready");
    for (const seconds of ORPHAN_SECONDS) {
      // The shell would answer a number for what it cannot start, too.
      const said = await life.box.inject(`${NEEDS_SLEEP}; sleep ${seconds} >/dev/null 2>&1 & echo $!`);
      if (!/^\d+\n?$/.test(said)) return failed(`the orphan could not be put in: ${said}`);
      const reaped = await isReaped(life, Number(said), seconds * 1_000 + ORPHAN_MS_MAX);
      if (reaped !== undefined) return { adopted: true, reaped };
    }
    return failed("the orphan was not seen as a child of PID 1");
  });
}

/** undefined where it was never seen alive as a child of PID 1: then nothing was tested. */
async function isReaped(life: Life, pid: number, msMax: number): Promise<boolean | undefined> {
  const orphan = () => [...life.seen.values()].find(({ span }) => span.pid === pid);
  const isHandedOver = () => {
    const last = orphan()?.last;
    return last !== undefined && !isDead(last.state) && life.seen.get(last.parent)?.span.pid === 1;
  };
  if (!(await life.until(isHandedOver, msMax))) return undefined;
  const isGone = () => orphan()?.span.endMs !== undefined;
  await life.until(() => isGone() || isDead(orphan()?.last.state ?? ""), msMax);
  return (await life.until(isGone, ZOMBIE_MS_MIN)) && life.end === undefined;
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
