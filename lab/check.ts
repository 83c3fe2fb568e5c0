// The check: the order in which lives of the program are tried, and the report that is made of them. The rule: first one
// life alone, which tells what there is to test; then the rest side by side; then whatever explains a failure.

import { findSteady, initOf } from "./inits.ts";
import { librariesIn } from "./libraries.ts";
import type { Started } from "./place.ts";
import { type Chosen, choosePlace } from "./places.ts";
import { type Stage, type Stop, stop } from "./probes.ts";
import { type Finding, REPORT_VERSION, type Report, type Run, type Severity } from "./report.ts";
import { judge } from "./rules/all.ts";
import type { Results } from "./rules/rule.ts";
import { type Progress, Schedule } from "./schedule.ts";
import { type Asked, type CheckOptions, understand } from "./settings.ts";
import { collect, collectOthers, ofEnded, ofEvery, ofFailed, ofListening } from "./tries.ts";
import { versionOfLab } from "./version.ts";

const PARALLEL_DEFAULT = 4;
/** A load takes a processor for itself. */
const PARALLEL_LOADS = 2;
/** How long the first life is looked at before its stop: a zombie has to be one for a while. */
const REST_MS = 500;

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

class Session {
  readonly #asked: Asked;
  readonly #extras: CheckExtras;
  readonly #beganMs = performance.now();
  readonly #startedAt = new Date().toISOString();
  readonly #lives: Stage["lives"] = new Set();
  readonly #schedule: Schedule;
  readonly #init: Started;
  #chosen: Chosen;
  #parallel: number;
  #ports: readonly number[] = [];

  constructor(asked: Asked, chosen: Chosen, extras: CheckExtras) {
    this.#asked = asked;
    this.#chosen = chosen;
    this.#extras = extras;
    this.#init = initOf(asked.init);
    this.#parallel = asked.parallel ?? PARALLEL_DEFAULT;
    this.#schedule = new Schedule(
      () => this.#stage(),
      (progress) => extras.onProgress?.(progress),
    );
  }

  async run(): Promise<Report> {
    const { signal } = this.#extras;
    const breakOff = () => Promise.all([...this.#lives].map((life) => life.close()));
    signal?.addEventListener("abort", breakOff);
    try {
      return this.#report(await this.#probe());
    } catch (error) {
      // What fails because its process was ended is no news.
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", breakOff);
      await breakOff();
    }
  }

  #stage(): Stage {
    const { ready, graceMs } = this.#asked;
    const { place, command, stopSignal } = this.#chosen;
    return {
      place,
      command,
      stopSignal,
      ready,
      graceMs,
      init: this.#init,
      beganMs: this.#beganMs,
      ports: this.#ports,
      lives: this.#lives,
      goOn: () => this.#extras.signal?.throwIfAborted(),
    };
  }

  async #probe(): Promise<Results> {
    const first = await this.#first();
    if (!first.asked) {
      const ended = await this.#schedule.all(ofEnded(this.#asked), 1);
      return { ...this.#results(first), ...collect(ended) };
    }
    this.#ports = [...new Set(first.listeners.map(({ port }) => port))];
    // Servers on the machine's own ports cannot be up twice.
    if (this.#ports.length > 0 && !this.#chosen.place.ownPorts) this.#parallel = 1;
    const every = await this.#schedule.all(ofEvery(this.#asked, first), this.#parallel);
    const clients = this.#ports.length > 0 ? ofListening(this.#asked, first) : [];
    const few = Math.min(this.#parallel, PARALLEL_LOADS);
    const found = new Map([...every, ...(await this.#schedule.all(clients, few))]);
    const results = { ...this.#results(first), ...collect(found) };
    const failed = ofFailed(this.#asked, results, findSteady());
    const others = await this.#schedule.all(failed, few);
    return { ...results, ...collectOthers(others) };
  }

  /** A program that needs the machine's network (a database on it, a name server) does not come up in one of its own. */
  async #first(): Promise<Stop> {
    const { stopSignal } = this.#chosen;
    const once = () =>
      this.#schedule.one(`${stopSignal} once it is ready`, (stage) =>
        stop(stage, stopSignal, { restMs: REST_MS }),
      );
    const first = await once();
    const failedToStart = first.run.end !== undefined && first.run.end.status !== 0;
    const shared = failedToStart ? this.#chosen.inHostNetwork?.() : undefined;
    if (shared === undefined) return first;
    const own = this.#chosen;
    this.#chosen = shared;
    const again = await once();
    const kept = again.asked ? again : first;
    if (kept === first) this.#chosen = own;
    this.#schedule.runs.splice(0, Number.POSITIVE_INFINITY, kept.run);
    return kept;
  }

  #results(first: Stop): Results {
    const { stopSignal, image } = this.#chosen;
    return {
      first,
      stopSignal,
      graceMs: this.#asked.graceMs,
      bare: this.#init.kind === "bare",
      image: image !== undefined,
      signals: [],
      early: [],
      surprises: [],
      otherLoads: [],
      otherSilents: [],
      libraries: image === undefined ? librariesIn(this.#asked.cwd) : [],
      troubles: this.#schedule.troubles,
    };
  }

  #report(results: Results): Report {
    const findings = judge(results, this.#asked.ignore);
    const { graceMs, ready, signals, failOn, cwd } = this.#asked;
    const { place, command, image, stopSignal, notes } = this.#chosen;
    const runs = [...this.#schedule.runs].sort((one, other) => one.startedMs - other.startedMs);
    return {
      reportVersion: REPORT_VERSION,
      tool: { name: "steady-lab", version: versionOfLab() },
      subject: {
        kind: image === undefined ? "command" : "image",
        command,
        directory: cwd,
        stopSignal,
        ...(image === undefined ? {} : { image }),
      },
      environment: {
        place: place.kind,
        namespaces: place.namespaces,
        init: { kind: this.#init.kind, name: this.#init.name },
        platform: `${process.platform} ${process.arch}`,
        kernel: place.kernel,
        node: process.version,
        ...(place.engine === undefined ? {} : { engine: place.engine }),
        notes,
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
