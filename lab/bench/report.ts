// What one bench tells: the typed result that the command line prints and the library answers. The rule: every figure stands
// beside its spread and what it is held against, and what could not be measured is in it, with the reason.

/** Grows when a name goes or changes its meaning. */
export const BENCH_VERSION = 1;

export interface BenchReport {
  readonly reportVersion: typeof BENCH_VERSION;
  readonly tool: { readonly name: "steady-lab"; readonly version: string };
  /** In ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly machine: Machine;
  /** How often each was measured, in turns with the others. */
  readonly runs: number;
  readonly targets: readonly Subject[];
  readonly measurements: readonly Measurement[];
  /** With an earlier report to compare with. */
  readonly comparison?: Comparison;
  /** 0 everything was measured, 2 something could not be. */
  readonly exitStatus: 0 | 2;
}

export interface Machine {
  readonly kernel: string;
  readonly architecture: string;
  readonly processor: string;
  readonly processors: number;
  readonly memoryBytes: number;
  readonly pidMax: number;
  /** Of the last minute, before the first measurement. */
  readonly load: number;
  /** How the measuring program was made: a static one starts faster. */
  readonly gauge: "static" | "dynamic";
  /** What the containers were of; namespaces where nothing is said. */
  readonly engine?: string;
}

/** An init that was measured; bare is none. */
export interface Subject {
  readonly name: string;
  readonly path?: string;
  readonly sha256?: string;
}

export interface Measurement {
  readonly name: string;
  readonly title: string;
  /** What was done, in a sentence. */
  readonly method: string;
  /** How many signals, orphans, zombies or processes it was about. */
  readonly sizes: readonly number[];
  readonly figures: readonly Figure[];
  /** Of single inits, or of all where none is named. */
  readonly notMeasured: readonly { readonly target?: string; readonly why: string }[];
  /** What the figures are made of: times in nanoseconds, memory in kB, sizes in bytes, 1 for what was lost. */
  readonly samples: readonly Samples[];
}

export interface Samples {
  readonly target: string;
  /** From 1 on. */
  readonly run: number;
  readonly raw: Readonly<Record<string, readonly number[]>>;
}

export interface Figure {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly better: "less" | "more";
  /** What the machine itself needs, measured without an init: no init can be better. */
  readonly limit?: string;
  /** The target whose median the ratios are of. */
  readonly reference: string;
  readonly results: readonly Result[];
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Result extends Spread {
  readonly target: string;
  /** One for each run. */
  readonly runs: readonly number[];
  /** To the median of the reference; not there where that is 0. */
  readonly ratio?: number;
  /** level: not the best, but its spread and the best one's overlap. */
  readonly standing: "best" | "level" | "behind" | "limit";
}

export interface Comparison {
  readonly startedAt: string;
  /** Why the two cannot be held against each other as they are: another kernel, another machine. */
  readonly differs: readonly string[];
  readonly changes: readonly Change[];
}

export interface Change {
  readonly measurement: string;
  readonly figure: string;
  readonly title: string;
  readonly unit: string;
  readonly target: string;
  readonly before: Spread;
  readonly now: Spread;
  /** now to before; not there where that was 0. */
  readonly ratio?: number;
  /** within: the spreads overlap, or there are too few runs to have one. */
  readonly verdict: "better" | "worse" | "within";
}
