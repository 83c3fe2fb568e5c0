// The check: which lives of the program are tried, in which order, and the report that is made of them. The rule: first
// one life alone, which tells what there is to test; then the rest side by side; then whatever explains a failure.

import { readFileSync } from "node:fs";
import { findSteady, initOf } from "./inits.ts";
import { librariesIn } from "./libraries.ts";
import type { Place, Started } from "./place.ts";
import { type Chosen, choosePlace } from "./places.ts";
import {
  adoption,
  direct,
  type EarlyStop,
  type Loaded,
  remains,
  type Silent,
  type Stage,
  type Stop,
  type Surprise,
  stop,
  stopEarly,
  stopTwice,
  surprise,
  underLoad,
  withSilentClient,
} from "./probes.ts";
import { type Finding, REPORT_VERSION, type Report, type Run, type Severity } from "./report.ts";
import { judge } from "./rules/all.ts";
import { inTime, type Results } from "./rules/rule.ts";
import { type Asked, type CheckOptions, type Signal, understand } from "./settings.ts";

const PARALLEL_DEFAULT = 4;
const REST_MS = 500;
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

export interface Progress {
  /** Runs that are over, and how many are known to be needed so far. */
  readonly done: number;
  readonly planned: number;
  /** The headlines of those that go on now. */
  readonly running: readonly string[];
}

export interface CheckExtras {
  /** Breaks the check off: everything it started is ended, and the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** The environment of the program, where it is not the lab's own. Containers have that of their image. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs the program many times, and tells how it behaves. Rejects with a UsageError or a PlaceError. */
export async function check(options: CheckOptions, extras: CheckExtras = {}): Promise<Report> {
  const asked = understand(options);
  const session = new Session(asked, await choosePlace(asked, extras.env ?? process.env), extras);
  return session.run();
}

/** A probe that is to be run; `came` tells whether the program came up for it. */
interface Task<T> {
  readonly id: string;
  readonly title: string;
  readonly run: (stage: Stage) => Promise<T>;
  readonly came: (result: T) => boolean;
}

class Session {
  readonly #asked: Asked;
  readonly #extras: CheckExtras;
  readonly #beganMs = performance.now();
  readonly #startedAt = new Date().toISOString();
  readonly #lives: Stage["lives"] = new Set();
  readonly #runs: Run[] = [];
  readonly #troubles = new Map<string, Error>();
  readonly #running = new Set<string>();
  readonly #init: Started;
  #chosen: Chosen;
  #parallel: number;
  #planned = 1;
  #ports: readonly number[] = [];

  constructor(asked: Asked, chosen: Chosen, extras: CheckExtras) {
    this.#asked = asked;
    this.#chosen = chosen;
    this.#extras = extras;
    this.#init = initOf(asked.init);
    this.#parallel = asked.parallel ?? PARALLEL_DEFAULT;
  }

  async run(): Promise<Report> {
    const { signal } = this.#extras;
    const breakOff = () => Promise.all([...this.#lives].map((life) => life.close()));
    signal?.throwIfAborted();
    signal?.addEventListener("abort", breakOff);
    try {
      const results = await this.#probe();
      signal?.throwIfAborted();
      return this.#report(results);
    } catch (error) {
      // What fails because its process was ended is no news.
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", breakOff);
      // Also those that were just being opened when the signal came.
      await breakOff();
    }
  }

  get #place(): Place {
    return this.#chosen.place;
  }

  get #stopSignal(): Signal {
    return this.#chosen.stopSignal;
  }

  #stage(change: Partial<Stage> = {}): Stage {
    return {
      place: this.#place,
      command: this.#chosen.command,
      init: this.#init,
      ready: this.#asked.ready,
      graceMs: this.#asked.graceMs,
      stopSignal: this.#stopSignal,
      beganMs: this.#beganMs,
      ports: this.#ports,
      lives: this.#lives,
      goOn: () => this.#extras.signal?.throwIfAborted(),
      ...change,
    };
  }

  async #probe(): Promise<Results> {
    const first = await this.#first();
    if (!first.asked) return this.#onlyRemains(first);
    this.#ports = [...new Set(first.listeners.map(({ port }) => port))];
    // Servers on the machine's own ports cannot be up twice.
    if (this.#ports.length > 0 && !this.#place.ownPorts) this.#parallel = 1;
    const tasks = this.#tasks(first);
    const rest = await this.#all(tasks);
    const clients = this.#ports.length > 0 ? await this.#all(this.#clientTasks(), 1) : {};
    const seen = { ...this.#results(first), ...collect({ ...rest, ...clients }) };
    return { ...seen, ...(await this.#explain(seen)), troubles: this.#troubles };
  }

  #results(first: Stop): Results {
    return {
      first,
      stopSignal: this.#stopSignal,
      graceMs: this.#asked.graceMs,
      bare: this.#init.kind === "bare",
      image: this.#chosen.image !== undefined,
      signals: [],
      early: [],
      surprises: [],
      otherLoads: [],
      otherSilents: [],
      libraries: this.#chosen.image === undefined ? librariesIn(this.#asked.cwd) : [],
      troubles: this.#troubles,
    };
  }

  /** A program that needs the machine's network (a database on it, a name server) does not come up in one of its own. */
  async #first(): Promise<Stop> {
    const task: Task<Stop> = {
      id: `stop-${this.#stopSignal}`,
      title: `${this.#stopSignal} once it is ready`,
      run: (stage) => stop(stage, this.#stopSignal, { restMs: REST_MS }),
      came: ({ asked }) => asked === true,
    };
    const first = await this.#one(task);
    const failedToStart = first.run.end !== undefined && first.run.end.status !== 0;
    const shared = failedToStart ? this.#chosen.inHostNetwork?.() : undefined;
    if (shared === undefined) return first;
    const own = this.#chosen;
    this.#chosen = shared;
    const again = await this.#one(task);
    if (again.asked) this.#runs.splice(this.#runs.indexOf(first.run), 1);
    else {
      this.#chosen = own;
      this.#runs.splice(this.#runs.indexOf(again.run), 1);
    }
    return again.asked ? again : first;
  }

  async #onlyRemains(first: Stop): Promise<Results> {
    const tasks = { remains: probe("remains", "What is left when it has ended?", remains, () => true) };
    return { ...this.#results(first), ...collect(await this.#all(tasks)) };
  }

  #tasks(first: Stop): Record<string, Task<unknown>> {
    const came = ({ asked }: Came) => asked === true;
    const tasks: Record<string, Task<unknown>> = {};
    for (const signal of this.#asked.signals.filter((each) => each !== this.#stopSignal))
      tasks[`stop-${signal}`] = probe(
        `stop-${signal}`,
        `${signal} once it is ready`,
        (stage) => this.#other(stage, signal),
        came,
      );
    const moments = inTime(first, this.#asked.graceMs) ? momentsOf(first) : [];
    for (const [index, atMs] of moments.entries())
      tasks[`start-up-${index}`] = probe(
        `start-up-${index}`,
        "a stop during start-up",
        (stage) => stopEarly({ ...stage, graceMs: this.#patience(first, atMs) }, atMs, index),
        () => true,
      );
    if (inTime(first, this.#asked.graceMs))
      tasks["stop-twice"] = probe("stop-twice", `${this.#stopSignal} twice`, stopTwice, came);
    tasks.remains = probe("remains", "what it leaves behind", remains, ({ byItself }) => byItself === false);
    tasks.orphan = probe("orphan", "an orphan for PID 1", adoption, ({ adopted }) => adopted === true);
    for (const signal of SURPRISES.filter((each) => each !== this.#stopSignal))
      tasks[`surprise-${signal}`] = probe(
        `surprise-${signal}`,
        `${signal} by surprise`,
        (stage) => surprise(stage, signal),
        came,
      );
    return tasks;
  }

  #other(stage: Stage, signal: Signal): Promise<Stop> {
    const graceMs = signal === "SIGHUP" ? Math.min(stage.graceMs, HANGUP_MS_MAX) : stage.graceMs;
    return stop({ ...stage, graceMs }, signal);
  }

  /** How long a stop may take that is seen to end at once when the program is up: a lost one is not waited for in full. */
  #patience(first: Stop, atMs: number): number {
    const usual = (first.run.ready?.atMs ?? 0) - atMs + 2 * (first.tookMs ?? this.#asked.graceMs) + MARGIN_MS;
    return Math.min(this.#asked.graceMs, Math.max(usual, MARGIN_MS));
  }

  #clientTasks(): Record<string, Task<unknown>> {
    const { request } = this.#asked;
    const came = ({ run }: Came) => run.ready !== undefined;
    const silent = (stage: Stage) => withSilentClient(stage, this.#stopSignal, "silent");
    const load = (stage: Stage) => underLoad(stage, this.#stopSignal, request, "load");
    return {
      silent: probe("silent", "a client that says nothing", silent, came),
      ...(request === "none" ? {} : { load: probe("load", "requests through a stop", load, came) }),
    };
  }

  /** More lives where the first ones failed: what would help is tried, and then told. */
  async #explain(results: Results): Promise<Partial<Results>> {
    const { first, load, silent, graceMs } = results;
    const tasks: Record<string, Task<unknown>> = {};
    const came = ({ asked }: Came) => asked === true;
    const steady = findSteady();
    if (!inTime(first, graceMs)) {
      if (first.others.length > 0)
        tasks.direct = probe("direct", "the signal straight to the program", direct, came);
      if (results.bare && steady !== undefined)
        tasks["stop-under-init"] = probe(
          "stop-under-init",
          `under ${steady.name}`,
          (stage) => stop(stage, this.#stopSignal, { init: steady, id: "stop-under-init" }),
          came,
        );
    }
    const lost = load?.load !== undefined && (load.load.inFlightFailed > 0 || load.slowAnswered === false);
    // Of a server that speaks HTTP the graceful signal is the right one, whoever it waits for.
    const waits = silent?.asked === true && inTime(first, graceMs) && !inTime(silent, graceMs);
    const held = waits && load?.http !== true;
    for (const signal of (lost ? GRACEFUL : IMPATIENT).filter((each) => each !== this.#stopSignal)) {
      const patience = Math.min(graceMs, 2 * (first.tookMs ?? 0) + OTHER_MS);
      if (lost)
        tasks[`load-${signal}`] = probe(
          `load-${signal}`,
          `${signal} under a load`,
          (stage) =>
            underLoad({ ...stage, graceMs: patience }, signal, this.#asked.request, `load-${signal}`),
          came,
        );
      if (held)
        tasks[`silent-${signal}`] = probe(
          `silent-${signal}`,
          `${signal} with a silent client`,
          (stage) => withSilentClient({ ...stage, graceMs: patience }, signal, `silent-${signal}`),
          came,
        );
    }
    // Two at most: a load takes a processor for itself.
    return collectOthers(await this.#all(tasks, Math.min(this.#parallel, 2)));
  }

  /** Side by side as far as allowed. A program that does not come up beside others is tried once more alone. */
  async #all(
    tasks: Record<string, Task<unknown>>,
    parallel = this.#parallel,
  ): Promise<Record<string, unknown>> {
    const entries = Object.entries(tasks).filter(([id]) => this.#isWanted(id));
    this.#planned += entries.length;
    const results: Record<string, unknown> = {};
    const again: [string, Task<unknown>][] = [];
    const waiting = [...entries];
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [id, task] = next;
        const result = await this.#attempt(task);
        if (parallel > 1 && (result === undefined || !task.came(result))) again.push([id, task]);
        else if (result !== undefined) results[id] = result;
      }
    };
    await Promise.all(Array.from({ length: parallel }, work));
    for (const [id, task] of again) {
      this.#drop(id);
      const result = await this.#attempt(task);
      if (result !== undefined) results[id] = result;
    }
    // In the order in which they were asked for, whichever was over first.
    return Object.fromEntries(entries.flatMap(([id]) => (id in results ? [[id, results[id]]] : [])));
  }

  #isWanted(id: string): boolean {
    const rules = NEEDED_BY.find(([probes]) => probes.test(id))?.[1];
    return rules?.every((rule) => this.#asked.ignore.includes(rule)) !== true;
  }

  /** The report tells of the second try alone. */
  #drop(id: string): void {
    const index = this.#runs.findIndex((run) => run.id === id);
    if (index >= 0) this.#runs.splice(index, 1);
    this.#planned++;
  }

  async #attempt<T>(task: Task<T>): Promise<T | undefined> {
    try {
      const result = await this.#one(task);
      this.#troubles.delete(task.id);
      return result;
    } catch (error) {
      this.#extras.signal?.throwIfAborted();
      this.#troubles.set(task.id, error as Error);
      return undefined;
    }
  }

  async #one<T>(task: Task<T>): Promise<T> {
    this.#extras.signal?.throwIfAborted();
    this.#running.add(task.title);
    this.#tell();
    try {
      const result = await task.run(this.#stage());
      this.#runs.push((result as { readonly run: Run }).run);
      return result;
    } finally {
      this.#running.delete(task.title);
      this.#done++;
      this.#tell();
    }
  }

  #done = 0;

  #tell(): void {
    this.#extras.onProgress?.({ done: this.#done, planned: this.#planned, running: [...this.#running] });
  }

  #report(results: Results): Report {
    const findings = judge(results, this.#asked.ignore);
    const { graceMs, ready, signals, failOn, cwd } = this.#asked;
    const runs = this.#runs.sort((one, other) => one.startedMs - other.startedMs);
    return {
      reportVersion: REPORT_VERSION,
      tool: { name: "steady-lab", version: versionOfLab() },
      subject: {
        kind: this.#chosen.image === undefined ? "command" : "image",
        command: this.#chosen.command,
        directory: cwd,
        stopSignal: this.#stopSignal,
        ...(this.#chosen.image === undefined ? {} : { image: this.#chosen.image }),
      },
      environment: {
        place: this.#place.kind,
        namespaces: this.#place.namespaces,
        init: { kind: this.#init.kind, name: this.#init.name },
        platform: `${process.platform} ${process.arch}`,
        kernel: this.#place.kernel,
        node: process.version,
        ...(this.#place.engine === undefined ? {} : { engine: this.#place.engine }),
        notes: this.#chosen.notes,
      },
      settings: { graceMs, ready: ready.text, signals, failOn, parallel: this.#parallel },
      startedAt: this.#startedAt,
      durationMs: Math.round(performance.now() - this.#beganMs),
      runs,
      findings,
      counts: countsOf(findings, runs),
      exitStatus: exitStatusOf(findings, failOn),
    };
  }
}

/** Which rules a probe is for: one whose rules are all ignored is not run. */
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

/** What tells whether the program came up for a probe. */
interface Came {
  readonly run: Run;
  readonly asked?: boolean;
  readonly byItself?: boolean;
  readonly adopted?: boolean;
}

function probe<T extends Came>(
  id: string,
  title: string,
  run: (stage: Stage) => Promise<T>,
  came: (result: Came) => boolean,
): Task<unknown> {
  return { id, title, run, came: (result) => came(result as T) };
}

/** The results by the probes' ids, as the rules want them. */
function collect(found: Record<string, unknown>): Partial<Results> {
  const all = <T>(prefix: string) =>
    Object.keys(found)
      .filter((id) => id.startsWith(prefix))
      .map((id) => found[id] as T);
  const one = <Key extends keyof Results>(key: Key, id: string) =>
    id in found ? { [key]: found[id] as Results[Key] } : {};
  return {
    signals: all<Stop>("stop-SIG"),
    early: all<EarlyStop>("start-up-").sort((a, b) => a.atMs - b.atMs),
    surprises: all<Surprise>("surprise-"),
    ...one("twice", "stop-twice"),
    ...one("remains", "remains"),
    ...one("adoption", "orphan"),
    ...one("load", "load"),
    ...one("silent", "silent"),
  };
}

function collectOthers(found: Record<string, unknown>): Partial<Results> {
  const all = <T>(prefix: string) =>
    Object.keys(found)
      .filter((id) => id.startsWith(prefix))
      .map((id) => found[id] as T);
  return {
    otherLoads: all<Loaded>("load-"),
    otherSilents: all<Silent>("silent-"),
    ...("direct" in found ? { direct: found.direct as NonNullable<Results["direct"]> } : {}),
    ...("stop-under-init" in found ? { underInit: found["stop-under-init"] as Stop } : {}),
  };
}

/** Moments of its start-up: until it listened, or else until its first word. */
function momentsOf(first: Stop): number[] {
  const starting = first.run.timeline.filter(({ atMs }) => atMs < (first.run.ready?.atMs ?? 0));
  const listening = starting.find(({ kind }) => kind === "listening");
  const word = starting.find(({ kind }) => kind === "log");
  const wholeMs = Math.max(EARLY_MS_MIN, (listening ?? word)?.atMs ?? 0);
  return EARLY_MOMENTS.map((share) => Math.round(wholeMs * share));
}

function countsOf(findings: readonly Finding[], runs: readonly Run[]): Report["counts"] {
  const count = (verdict: Finding["verdict"]) => findings.filter((each) => each.verdict === verdict).length;
  const requests = runs.map(({ load }) =>
    load === undefined ? 0 : load.before + load.inFlight + load.after + load.refused,
  );
  return {
    passed: count("passed"),
    failed: count("failed"),
    couldNotTest: count("could-not-test"),
    runs: runs.length,
    signalsSent: runs.flatMap(({ timeline }) => timeline).filter(({ kind }) => kind === "signal-sent").length,
    requests: requests.reduce((sum, each) => sum + each, 0),
  };
}

const SEVERITIES: readonly Severity[] = ["note", "warning", "error"];

function exitStatusOf(findings: readonly Finding[], failOn: Asked["failOn"]): Report["exitStatus"] {
  const least = failOn === "never" ? Number.POSITIVE_INFINITY : SEVERITIES.indexOf(failOn);
  const counts = findings.some(
    ({ verdict, severity }) => verdict === "failed" && SEVERITIES.indexOf(severity) >= least,
  );
  if (counts) return 1;
  return findings.some(({ because }) => because === "hindered") ? 2 : 0;
}

function versionOfLab(): string {
  // Beside the sources in the repository, one folder above the JavaScript as it is published.
  for (const path of ["./package.json", "../package.json"]) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as {
        name: string;
        version: string;
      };
      if (manifest.name === "steady-lab") return manifest.version;
    } catch {
      // Not there.
    }
  }
  return "unknown";
}
