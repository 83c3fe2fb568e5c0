// What is measured, and how figures come from what the gauge saw. The rule: a measure has a limit where the machine sets one,
// measured in the same run without an init; no figure is of one sample where many are cheap.

import { mean, median, quantile } from "./statistics.ts";

/** What one run on one init came to: samples by their names. */
export type Raw = Readonly<Record<string, readonly number[]>>;

/** One start of the gauge. */
export interface Call {
  /** As gauge.c calls it. */
  readonly measure: string;
  readonly number: number;
  readonly times: number;
  /** Behind the names of its samples, where a measure has several sizes. */
  readonly suffix?: string;
}

export interface FigurePlan {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly better: "less" | "more";
  readonly limit?: string;
  readonly of: (raw: Raw) => number;
}

export interface Measure {
  readonly name: string;
  readonly title: string;
  readonly method: string;
  /** All inits at the same time: where nothing is timed nobody is in the other's way. */
  readonly together?: boolean;
  /** How many processes there are at most. */
  readonly processes: (size: number) => number;
  readonly sizes: readonly number[];
  /** The sizes are numbers of processes, and --most is about them. */
  readonly crowded?: boolean;
  readonly calls: (sizes: readonly number[]) => readonly Call[];
  readonly figures: (sizes: readonly number[]) => readonly FigurePlan[];
}

const US = 1_000;
const MS = 1_000_000;
const SECOND = 1_000_000_000;

const samples = (raw: Raw, name: string): readonly number[] => raw[name] ?? [];
const first = (sizes: readonly number[]): number => sizes[0] ?? 0;
const few = (): number => 1;

const DIRECT = "a direct kill";

function latency(share: number, limit: string, suffix = ""): FigurePlan {
  return {
    name: `p${share * 100}`,
    title: `p${share * 100}`,
    unit: "µs",
    better: "less",
    limit,
    of: (raw) => quantile(samples(raw, `latency_ns${suffix}`), share) / US,
  };
}

const LOST: FigurePlan = {
  name: "lost",
  title: "lost",
  unit: "%",
  better: "less",
  limit: DIRECT,
  of: (raw) => mean(samples(raw, "lost")) * 100,
};

function plain(name: string, title: string, unit: string, sample = name): FigurePlan {
  return { name, title, unit, better: "less", of: (raw) => median(samples(raw, sample)) };
}

const once = (measure: string) => (sizes: readonly number[]) => [{ measure, number: first(sizes), times: 1 }];

export const MEASURES: readonly Measure[] = [
  {
    name: "idle",
    title: "What an idle init costs",
    method:
      "The init is PID 1 of a PID namespace and its program waits for signals; read from /proc/PID/smaps_rollup, maps and status.",
    together: true,
    processes: few,
    sizes: [4],
    calls: once("idle"),
    figures: () => [
      plain("resident", "resident memory", "kB", "resident_kb"),
      plain("private", "private memory", "kB", "private_kb"),
      plain("file", "size of the file", "bytes", "file_bytes"),
      plain("libraries", "shared libraries that it maps", "bytes", "library_bytes"),
      plain("wakeups", "wake-ups", "per s", "wakeups_per_s"),
    ],
  },
  {
    name: "start",
    title: "From the exec of the init to the program's first instruction",
    method:
      "Both note the time of one clock, the one just before exec, the other as the first thing it does.",
    processes: few,
    sizes: [50],
    calls: once("start"),
    figures: () =>
      [0.5, 0.9].map((share) => ({
        ...latency(share, "a bare exec"),
        of: (raw: Raw) => quantile(samples(raw, "start_ns"), share) / US,
      })),
  },
  {
    name: "signal",
    title: "From kill to the program's handler",
    method: "SIGUSR1 from outside, one after the other, with pauses of 0.2 to 0.6 ms.",
    processes: few,
    sizes: [1000],
    calls: once("signal"),
    figures: () => [...[0.5, 0.9, 0.99].map((share) => latency(share, DIRECT)), LOST],
  },
  {
    name: "orphans",
    title: "Orphans, as fast as they can be made",
    method:
      "The program forks children that fork and end; from the first fork until PID 1 has as many children as before.",
    processes: (size) => size,
    sizes: [5000],
    crowded: true,
    calls: once("orphans"),
    figures: (sizes) => [
      {
        name: "cpu",
        title: "CPU time of the init, each",
        unit: "µs",
        better: "less",
        of: (raw) => median(samples(raw, "cpu_ns")) / first(sizes) / US,
      },
      {
        name: "throughput",
        title: "made and reaped",
        unit: "per s",
        better: "more",
        limit: "the kernel reaps",
        of: (raw) => (first(sizes) * SECOND) / median(samples(raw, "elapsed_ns")),
      },
    ],
  },
  {
    name: "zombies",
    title: "A signal right after many zombies were handed over",
    method:
      "A process holds zombies and ends, and as soon as its parent knows, SIGUSR1 is sent to the init: from kill to the program's handler.",
    processes: (size) => size + 1,
    sizes: [10, 100, 1_000, 10_000, 30_000],
    crowded: true,
    calls: (sizes) =>
      sizes.map((number) => ({
        measure: "zombies",
        number,
        times: number < 1_000 ? 9 : number < 10_000 ? 3 : 1,
        suffix: `@${number}`,
      })),
    figures: (sizes) => [
      ...sizes.map((size) => ({
        ...latency(0.5, DIRECT, `@${size}`),
        name: `after-${size}`,
        title: `after ${size.toLocaleString("en")}`,
        of: (raw: Raw) => median(samples(raw, `latency_ns@${size}`)) / US,
      })),
      ...(sizes.length > 1 ? [growth(first(sizes), sizes.at(-1) ?? 0)] : []),
    ],
  },
  {
    name: "crowd",
    title: "Many processes that live",
    method:
      "The program leaves so many orphans that do nothing; then 100 signals, then SIGTERM, at which the program ends.",
    processes: (size) => size + 1,
    sizes: [10_000],
    crowded: true,
    calls: once("crowd"),
    figures: () => [
      plain("resident", "resident memory of the init", "kB", "resident_kb"),
      plain("private", "private memory of the init", "kB", "private_kb"),
      ...[0.5, 0.99].map((share) => ({
        ...latency(share, DIRECT),
        title: `signal to the program, p${share * 100}`,
      })),
      {
        name: "end",
        title: "from SIGTERM to the end of the container",
        unit: "ms",
        better: "less",
        limit: "no init",
        of: (raw) => median(samples(raw, "end_ns")) / MS,
      },
    ],
  },
  {
    name: "early",
    title: "Stops that are lost in the first milliseconds",
    method:
      "SIGTERM at 0 to 5 ms after the exec of the init: lost where the program runs and hears of a later signal, never of it.",
    processes: few,
    sizes: [100],
    calls: once("early"),
    figures: () => [{ ...LOST, limit: "no init" }],
  },
  {
    name: "flood",
    title: "A stop through a flood of signals",
    method: "A process outside sends SIGUSR1 to the init without a pause; SIGTERM, from kill to the handler.",
    processes: few,
    sizes: [200],
    calls: once("flood"),
    figures: () => [...[0.5, 0.9, 0.99].map((share) => latency(share, DIRECT)), LOST],
  },
  {
    name: "storm",
    title: "A stop through a storm of orphans",
    method:
      "The program makes orphans without a pause, at most 2,000 at a time; SIGTERM, from kill to the handler.",
    processes: () => 2_000,
    sizes: [200],
    calls: once("storm"),
    figures: () => [...[0.5, 0.9, 0.99].map((share) => latency(share, DIRECT)), LOST],
  },
];

function growth(from: number, to: number): FigurePlan {
  return {
    name: "growth",
    title: `grows from ${from.toLocaleString("en")} to ${to.toLocaleString("en")}`,
    unit: "times",
    better: "less",
    limit: DIRECT,
    of: (raw) => median(samples(raw, `latency_ns@${to}`)) / median(samples(raw, `latency_ns@${from}`)),
  };
}
