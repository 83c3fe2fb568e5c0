// What is tried of a server: a stop while clients are at it. As in probes.ts, what happened is recorded and not judged.

import { createInterface } from "node:readline";
import type { Life } from "./life.ts";
import { loadOf } from "./load.ts";
import { askToStop, endOf, live, notAsked, type Stage, type Stop } from "./probes.ts";
import { VISITOR, waitReady } from "./ready.ts";
import type { Load } from "./report.ts";
import type { Signal } from "./settings.ts";
import type { Told, Visit } from "./visitor.ts";

const HELD_MS = 300;
const LOAD_CONNECTIONS = 8;
const LOAD_BEFORE_MS = 300;
const SLOW_REST_MS = 200;
const VISITOR_MS_MAX = 10_000;

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
