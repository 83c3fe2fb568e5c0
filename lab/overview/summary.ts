// What a report comes to: who falls by what, who behaves unlike the others, who is best at what. The rule: no init is held
// against steady, but each against all others; who is PID 1 without an init is told of, and compared with nobody.

import { type Line, linesOf, ranges, wordOf } from "../conform/matrix.ts";
import type { Overview } from "./report.ts";

export interface Summary {
  readonly falls: readonly {
    readonly init: string;
    readonly attacks: readonly string[];
    /** Of so many that came to a verdict on it. */
    readonly of: number;
  }[];
  readonly untested: readonly { readonly init: string; readonly attacks: readonly string[] }[];
  /** Lines of the matrix, signals that are alike being one, and those in which the inits are not alike. */
  readonly lines: number;
  readonly differing: readonly string[];
  /** Lines in which all others agree, and this one does otherwise. */
  readonly alone: readonly { readonly init: string; readonly lines: readonly string[] }[];
  /** Figures, but those in which nobody differs. */
  readonly figures: number;
  readonly standings: readonly {
    readonly init: string;
    readonly best: readonly string[];
    /** Not the best, but not to be told from it. */
    readonly level: readonly string[];
  }[];
}

/** Of them one may be unlike the others: with fewer there are only two that differ. */
const OTHERS_MIN = 2;

export function summaryOf(report: Overview): Summary {
  const names = report.inits.map(({ name }) => name);
  const real = report.inits.filter(({ kind }) => kind !== "bare").map(({ name }) => name);
  const lines = linesOf(report.conform);
  const figures = figuresOf(report);
  const withVerdict = (wanted: string) =>
    names.map((init) => ({
      init,
      attacks: report.attack.results
        .filter(({ target, verdict }) => target === init && verdict === wanted)
        .map(({ attack }) => attack),
    }));
  return {
    falls: withVerdict("fell").map(({ init, attacks }) => ({ init, attacks, of: judged(report, init) })),
    untested: withVerdict("could not test").filter(({ attacks }) => attacks.length > 0),
    lines: lines.length,
    differing: lines.filter((line) => doDiffer(line, real)).map(nameOfLine),
    alone: real.map((init) => ({
      init,
      lines: lines.filter((line) => isAlone(line, init, real)).map(nameOfLine),
    })),
    figures: figures.length,
    standings: real.map((init) => ({
      init,
      best: figures.filter(({ standings }) => standings.get(init) === "best").map(({ name }) => name),
      level: figures.filter(({ standings }) => standings.get(init) === "level").map(({ name }) => name),
    })),
  };
}

function judged({ attack }: Overview, init: string): number {
  return attack.results.filter(
    ({ target, verdict }) => target === init && (verdict === "fell" || verdict === "survived"),
  ).length;
}

/** "pid1 1-3 10" of signals, "exit" of any other. */
export function nameOfLine({ row, signals }: Line): string {
  return signals.length === 0 ? row.id : `${row.probe} ${ranges(signals)}`;
}

export function doDiffer(line: Line, inits: readonly string[]): boolean {
  return new Set(words(line, inits)).size > 1;
}

function isAlone(line: Line, init: string, inits: readonly string[]): boolean {
  const [own] = words(line, [init]);
  const others = words(
    line,
    inits.filter((each) => each !== init),
  );
  return own !== undefined && others.length >= OTHERS_MIN && new Set(others).size === 1 && others[0] !== own;
}

/** What was probed; what does not apply or could not be tested is unlike nothing. */
function words({ cells }: Line, inits: readonly string[]): string[] {
  return cells.filter(({ init, state }) => inits.includes(init) && state === "probed").map(wordOf);
}

/** Titles are of one measure alone. */
export function nameOfFigure({ name }: { readonly name: string }, title: string): string {
  return `${name}: ${title}`;
}

interface Standings {
  readonly name: string;
  readonly standings: ReadonlyMap<string, string>;
}

function figuresOf({ bench }: Overview): Standings[] {
  return bench.measurements.flatMap((measurement) =>
    measurement.figures.flatMap(({ title, results }) => {
      const inits = results.filter(({ standing }) => standing !== "limit");
      if (new Set(inits.map(({ median }) => median)).size < 2) return [];
      const standings = new Map(inits.map(({ target, standing }) => [target, standing]));
      return [{ name: nameOfFigure(measurement, title), standings }];
    }),
  );
}
