// Measures inits against one another: every run goes through all measures, and each measure through all inits before the next.
// The rule: what drifts on the machine meets them all, so figures of one report can be held against each other.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { demandProgram } from "../arena/adapter.ts";
import { openRuntime, type Runtime, type RuntimeOptions } from "../arena/runtime.ts";
import { all } from "../arena/script.ts";
import type { Target } from "../arena/target.ts";
import { targetOf } from "../arena/target.ts";
import type { Progress } from "../schedule.ts";
import { UsageError } from "../settings.ts";
import { versionOfLab } from "../version.ts";
import { compare } from "./compare.ts";
import { Gauge, GaugeError } from "./gauge.ts";
import { type FigurePlan, MEASURES, type Measure, type Raw } from "./measures.ts";
import type { BenchReport, Figure, Machine, Measurement, Result, Samples, Subject } from "./report.ts";
import { BENCH_VERSION } from "./report.ts";
import { lacksRoom, pidMax } from "./room.ts";
import { overlap, spreadOf } from "./statistics.ts";

export interface BenchOptions extends RuntimeOptions {
  /** Each is steady, bare (no init), or the name or path of an init. */
  readonly inits: readonly string[];
  /** Names of measures; all where nothing is said. */
  readonly only?: readonly string[];
  /** How often each is measured, in turns: 5 where nothing is said. */
  readonly runs?: number;
  /** The most orphans, zombies or processes of one measure. */
  readonly most?: number;
  /** An earlier report to compare with. */
  readonly earlier?: BenchReport;
  /** Breaks it off; nothing is left running. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const RUNS = 5;
const RUNS_MAX = 1_000;
const BARE: Target = { name: "bare", kind: "bare" };

/** A measure with what it will be about here. */
interface Plan {
  readonly measure: Measure;
  readonly sizes: readonly number[];
  readonly figures: readonly FigurePlan[];
  readonly targets: readonly Target[];
  readonly skipped: readonly string[];
}

/** What was seen so far. */
interface Seen {
  readonly samples: Samples[];
  readonly notMeasured: { readonly target?: string; readonly why: string }[];
}

/**
 * Measures inits: memory, start, signals, orphans. It needs Linux, PID namespaces and a C compiler; a PlaceError says what is
 * missing. The figures are this machine's, and no two machines' can be compared: what can is how the inits of one report
 * stand to each other and to the limits in it.
 */
export async function bench(options: BenchOptions): Promise<BenchReport> {
  const begun = Date.now();
  const runs = options.runs ?? RUNS;
  if (!Number.isInteger(runs) || runs < 1 || runs > RUNS_MAX)
    throw new UsageError(`runs: ${runs} is not a number from 1 to ${RUNS_MAX}`);
  const named = [...new Set(options.inits)].map(targetOf);
  demandProgram("bench", named);
  const plans = measuresOf(options.only).map((measure) => planOf(measure, named, options.most));
  const gauge = new Gauge();
  try {
    const load = loadavg()[0] ?? 0;
    const runtime = await openRuntime("bench", options, () => gauge.lacks(options.signal));
    const machine = machineOf(gauge, runtime, load);
    const seen = await measureAll(gauge, runtime, plans, runs, options).finally(() => runtime.close());
    return reportOf({ begun, machine, runs, named, plans, seen, earlier: options.earlier });
  } finally {
    gauge.remove();
  }
}

export function measuresOf(only: readonly string[] | undefined): readonly Measure[] {
  const unknown = only?.find((name) => !MEASURES.some((measure) => measure.name === name));
  if (unknown !== undefined) throw new UsageError(`there is no measure ${unknown}: --list shows them`);
  return only === undefined ? MEASURES : MEASURES.filter(({ name }) => only.includes(name));
}

function planOf(measure: Measure, named: readonly Target[], most: number | undefined): Plan {
  if (most !== undefined && (!Number.isInteger(most) || most < 1))
    throw new UsageError(`most: ${most} is not a number from 1 on`);
  const wanted = measure.crowded && most !== undefined ? upTo(measure.sizes, most) : measure.sizes;
  const found = wanted.map((size) => ({ size, lacks: lacksRoom(measure.processes(size)) }));
  const sizes = found.flatMap(({ size, lacks }) => (lacks === undefined ? [size] : []));
  const figures = sizes.length > 0 ? measure.figures(sizes) : [];
  const inits = named.filter(({ kind }) => kind !== "bare");
  const hasLimit = figures.some(({ limit }) => limit !== undefined);
  return {
    measure,
    sizes,
    figures,
    targets: figures.length === 0 ? [] : hasLimit ? [BARE, ...inits] : inits,
    skipped: found.flatMap(({ lacks }) => lacks ?? []),
  };
}

function upTo(sizes: readonly number[], most: number): readonly number[] {
  const small = sizes.filter((size) => size <= most);
  return small.length > 0 ? small : [most];
}

async function measureAll(
  gauge: Gauge,
  runtime: Runtime,
  plans: readonly Plan[],
  runs: number,
  { signal, onProgress }: BenchOptions,
): Promise<ReadonlyMap<Plan, Seen>> {
  const seen = new Map(
    plans.map((plan): [Plan, Seen] => [
      plan,
      { samples: [], notMeasured: plan.skipped.map((why) => ({ why })) },
    ]),
  );
  const planned = runs * plans.reduce((sum, { targets }) => sum + targets.length, 0);
  let done = 0;
  for (let run = 1; run <= runs; run++) {
    for (const plan of plans) {
      const one = async (target: Target): Promise<void> => {
        await measureOne(gauge, runtime, plan, target, run, seen.get(plan) as Seen, signal);
        done++;
      };
      const show = (names: readonly string[]): void =>
        onProgress?.({ done, planned, running: names.map((name) => `${plan.measure.name} of ${name}`) });
      if (plan.measure.together === true) {
        show(plan.targets.map(({ name }) => name));
        await all(plan.targets.map(one));
        continue;
      }
      for (const target of turned(plan.targets, run)) {
        show([target.name]);
        await one(target);
      }
    }
  }
  return seen;
}

/** Every run begins with another one, so that nobody always comes after the same. */
function turned<T>(all: readonly T[], by: number): readonly T[] {
  const first = by % Math.max(1, all.length);
  return [...all.slice(first), ...all.slice(0, first)];
}

async function measureOne(
  gauge: Gauge,
  runtime: Runtime,
  { measure, sizes }: Plan,
  target: Target,
  run: number,
  { samples, notMeasured }: Seen,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted();
  const raw: Record<string, number[]> = {};
  try {
    for (const { suffix = "", times, ...call } of measure.calls(sizes)) {
      for (let time = 0; time < times; time++) {
        const found = await gauge.run(runtime, { ...call, times }, target, signal);
        for (const [name, figures] of Object.entries(found))
          if (name !== "done") raw[`${name}${suffix}`] = [...(raw[`${name}${suffix}`] ?? []), ...figures];
      }
    }
    samples.push({ target: target.name, run, raw });
  } catch (error) {
    if (!(error instanceof GaugeError)) throw error;
    notMeasured.push({ target: target.name, why: `run ${run}: ${error.message}` });
  }
}

interface Found {
  readonly begun: number;
  readonly machine: Machine;
  readonly runs: number;
  readonly named: readonly Target[];
  readonly plans: readonly Plan[];
  readonly seen: ReadonlyMap<Plan, Seen>;
  readonly earlier: BenchReport | undefined;
}

function reportOf({ begun, machine, runs, named, plans, seen, earlier }: Found): BenchReport {
  const measurements = plans.map((plan) => measurementOf(plan, seen.get(plan) as Seen));
  const hasFailed = measurements.some(({ notMeasured }) =>
    notMeasured.some(({ target }) => target !== undefined),
  );
  const report: BenchReport = {
    reportVersion: BENCH_VERSION,
    tool: { name: "steady-lab", version: versionOfLab() },
    startedAt: new Date(begun).toISOString(),
    durationMs: Date.now() - begun,
    machine,
    runs,
    targets: named.map(subjectOf),
    measurements,
    exitStatus: hasFailed ? 2 : 0,
  };
  return earlier === undefined ? report : { ...report, comparison: compare(earlier, report) };
}

function measurementOf(
  { measure, sizes, figures, targets }: Plan,
  { samples, notMeasured }: Seen,
): Measurement {
  const { name, title, method } = measure;
  const sorted = targets.flatMap((target) => samples.filter((each) => each.target === target.name));
  return {
    name,
    title,
    method,
    sizes,
    figures: figures.flatMap((plan) => figureOf(plan, targets, sorted) ?? []),
    notMeasured,
    samples: sorted,
  };
}

/** undefined where nobody could be measured. */
function figureOf(
  plan: FigurePlan,
  targets: readonly Target[],
  samples: readonly Samples[],
): Figure | undefined {
  const measured = targets
    .filter(({ kind }) => plan.limit !== undefined || kind !== "bare")
    .flatMap(({ name }) => {
      const runs = samples.filter(({ target }) => target === name).map(({ raw }) => plan.of(raw as Raw));
      const real = runs.filter(Number.isFinite);
      return real.length === 0 ? [] : [{ target: name, runs: real, ...spreadOf(real) }];
    });
  const [reference] = measured;
  if (reference === undefined) return undefined;
  const { of: _, ...about } = plan;
  return { ...about, reference: reference.target, results: ranked(plan, measured, reference.median) };
}

function ranked(
  { better, limit }: FigurePlan,
  measured: readonly Omit<Result, "standing" | "ratio">[],
  reference: number,
): Result[] {
  const inits = measured.filter(({ target }) => limit === undefined || target !== BARE.name);
  const sign = better === "less" ? 1 : -1;
  const [best] = inits.toSorted((one, other) => sign * (one.median - other.median));
  return measured.map((each) => {
    const standing = !inits.includes(each)
      ? "limit"
      : each.median === best?.median
        ? "best"
        : best !== undefined && overlap(each, best)
          ? "level"
          : "behind";
    return { ...each, standing, ...(reference === 0 ? {} : { ratio: each.median / reference }) };
  });
}

function subjectOf({ name, path }: Target): Subject {
  if (path === undefined) return { name };
  return { name, path, sha256: createHash("sha256").update(readFileSync(path)).digest("hex") };
}

function machineOf(gauge: Gauge, { engine }: Runtime, load: number): Machine {
  return {
    kernel: release(),
    architecture: process.arch,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    processors: cpus().length,
    memoryBytes: totalmem(),
    pidMax: pidMax(),
    load,
    gauge: gauge.linkage,
    ...(engine === undefined ? {} : { engine }),
  };
}
