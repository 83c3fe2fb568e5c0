// Holds a bench against an earlier one. The rule: a change counts only where no run of the one came into the spread of the
// other, and where there were runs enough to have a spread.

import type { BenchReport, Change, Comparison, Figure, Measurement, Result } from "./report.ts";
import { overlap } from "./statistics.ts";

const RUNS_MIN = 3;

export function compare(before: BenchReport, now: BenchReport): Comparison {
  return {
    startedAt: before.startedAt,
    differs: differences(before, now),
    changes: now.measurements.flatMap((measurement) => {
      const earlier = before.measurements.find((each) => isSame(each, measurement));
      return earlier === undefined ? [] : changesOf(earlier, measurement);
    }),
  };
}

/** A signal after 100 zombies is not one after 10,000. */
function isSame(one: Measurement, other: Measurement): boolean {
  return one.name === other.name && (one.name === "zombies" || one.sizes.join() === other.sizes.join());
}

function differences(before: BenchReport, now: BenchReport): string[] {
  const parts = [
    "kernel",
    "architecture",
    "processor",
    "processors",
    "memoryBytes",
    "gauge",
    "engine",
  ] as const;
  return parts
    .filter((part) => before.machine[part] !== now.machine[part])
    .map((part) => `${part}: ${before.machine[part] ?? "none"} then, ${now.machine[part] ?? "none"} now`);
}

function changesOf(before: Measurement, now: Measurement): Change[] {
  return now.figures.flatMap((figure) => {
    const earlier = before.figures.find(({ name, title }) => name === figure.name && title === figure.title);
    return figure.results.flatMap((result) => {
      const one = earlier?.results.find(({ target }) => target === result.target);
      return one === undefined ? [] : [changeOf(now.name, figure, one, result)];
    });
  });
}

function changeOf(measurement: string, figure: Figure, before: Result, now: Result): Change {
  const { name, title, unit, better } = figure;
  const isApart = Math.min(before.runs.length, now.runs.length) >= RUNS_MIN && !overlap(before, now);
  const isLess = now.median < before.median;
  return {
    measurement,
    figure: name,
    title,
    unit,
    target: now.target,
    before: { median: before.median, min: before.min, max: before.max },
    now: { median: now.median, min: now.min, max: now.max },
    ...(before.median === 0 ? {} : { ratio: now.median / before.median }),
    verdict: !isApart ? "within" : isLess === (better === "less") ? "better" : "worse",
  };
}
