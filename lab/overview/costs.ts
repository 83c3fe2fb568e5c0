// The charts of the bench in the page, one for each figure. The rule: a figure in which another is better stands where every
// other figure stands, and what could not be measured is a line of its own.

import type { BenchReport, Figure, Measurement, Result, Samples } from "../bench/report.ts";
import { about, told } from "../bench/terminal.ts";
import { again } from "../called.ts";
import { entry } from "../output/document.ts";
import { type Markup, markup } from "../output/markup.ts";
import { axis, dots, markOf, type Scale, scaleOf } from "./chart.ts";
import { button, type Cell, lines, panels } from "./evidence.ts";
import type { Overview } from "./report.ts";

const STANDINGS: Readonly<Record<Result["standing"], string>> = {
  best: "the best median",
  level: "not the best, but its runs and those of the best overlap: no difference was shown",
  behind: "behind the best",
  limit: "without an init: what the machine itself needs, so that an init's ratio below 1 is chance",
};

export function costsSection({ bench }: Overview): Markup {
  return markup`<section aria-labelledby="costs">
<h2 id="costs">Costs</h2>
<p>A point is a run, the large mark their median, the line their spread. Who is level cannot be told from the best. Hold the inits of one report against each other, never figures of two machines.</p>
${LEGEND}
${bench.measurements.map((measurement, i) => section(bench, measurement, i))}
</section>`;
}

const sign = (drawing: Markup): Markup =>
  markup`<svg width="18" height="18" aria-hidden="true" focusable="false"><svg x="9" y="9" overflow="visible">${drawing}</svg></svg>`;

const LEGEND = markup`<ul class="legend" aria-hidden="true">
<li>${sign(markOf("best"))} the best median</li>
<li>${sign(markOf("behind"))} another median</li>
<li>${sign(markup`<circle class="one" r="2.5"/>`)} a run</li>
<li>${sign(markOf("limit"))} the limit: no init</li>
</ul>`;

/** Made of numbers alone. */
export function figureId(measurement: number, figure: number): string {
  return `figure-${measurement}-${figure}`;
}

function section({ targets, machine }: BenchReport, measurement: Measurement, number: number): Markup {
  const id = `cost-${number}`;
  const { engine } = machine;
  const { name, title, method, sizes, figures, notMeasured } = measurement;
  const names = targets.filter((target) => target.path !== undefined).map((target) => target.name);
  const charts = figures.map((figure, i) => ({
    figure,
    id: figureId(number, i),
    cells: rowsOf(figure, names).map((row, j) => ({
      row,
      cell: cellOf({ measurement, figure, engine }, row, `${id}-${i}-${j}`),
    })),
  }));
  const missing = notMeasured.map(
    ({ target, why }) =>
      markup`<li>${target === undefined ? "" : markup`<bdi>${target}</bdi>: `}<bdi>${why}</bdi></li>`,
  );
  return markup`<section class="run" aria-labelledby="${id}">
<h3 id="${id}">${title}</h3>
<p>${method} ${about(sizes, name)}</p>
<div class="charts">
${charts.map(({ figure, id, cells }) => chart(id, figure, cells))}
</div>
${missing.length === 0 ? undefined : markup`<p>Not measured:</p><ul class="seen">${missing}</ul>`}
${panels(charts.flatMap(({ cells }) => cells.map(({ cell }) => cell)))}
</section>`;
}

/** A result, or the name of an init that has none. */
type Row = Result | string;

function rowsOf({ results }: Figure, names: readonly string[]): readonly Row[] {
  const without = names.filter((name) => !results.some(({ target }) => target === name));
  return [...results, ...without];
}

function chart(
  id: string,
  figure: Figure,
  rows: readonly { readonly row: Row; readonly cell: Cell }[],
): Markup {
  const scale = scaleOf(figure);
  const { title, unit, better } = figure;
  return markup`<table class="figure" id="${id}"><caption>${title}<span class="unit">, ${unit}; ${better} is better${scale.isLog ? ", on a logarithmic scale" : ""}</span></caption>
<colgroup><col class="who"><col><col class="value"></colgroup>
<thead class="unseen"><tr><th scope="col">Init</th><th scope="col">Chart</th><th scope="col">Median</th></tr></thead>
<tbody>
${rows.map(({ row, cell }) => rowOf(row, cell, figure, scale))}</tbody>
<tfoot aria-hidden="true"><tr><td></td><td>${axis(scale)}</td><td></td></tr></tfoot>
</table>
`;
}

function rowOf(row: Row, cell: Cell, figure: Figure, scale: Scale): Markup {
  const drawing = typeof row === "string" ? undefined : dots(row, figure, scale);
  return markup`<tr><th scope="row"><bdi>${nameOf(row, figure)}</bdi></th><td>${drawing}</td><td class="value">${button(cell)}</td></tr>
`;
}

function nameOf(row: Row, { limit }: Figure): string {
  if (typeof row === "string") return row;
  return row.standing === "limit" ? (limit ?? row.target) : row.target;
}

/** What a cell is of. */
interface Measured {
  readonly measurement: Measurement;
  readonly figure: Figure;
  readonly engine: string | undefined;
}

function cellOf(measured: Measured, row: Row, id: string): Cell {
  const { measurement, figure, engine } = measured;
  const about = `${figure.title}, ${nameOf(row, figure)}`;
  if (typeof row === "string") return unmeasured(measured, row, about, id);
  const { target, median, min, max, runs, ratio, standing } = row;
  const { unit, limit, reference } = figure;
  return {
    id,
    about,
    word: standing === "behind" || standing === "limit" ? told(median) : `${told(median)} ${standing}`,
    style: standing,
    evidence: [
      entry("Median", `${told(median)} ${unit}`),
      entry("Spread", `${told(min)} to ${told(max)} ${unit}`),
      entry("Runs", runs.map(told).join(", ")),
      entry("Standing", STANDINGS[standing]),
      entry("Ratio", ratio === undefined ? undefined : `${told(ratio)} × ${limit ?? reference}`),
      entry("Made of", samplesText(measurement.samples.filter((each) => each.target === target))),
      entry("How", measurement.method),
      entry("Again", markup`<code>${again("bench", target, measurement.name, engine)}</code>`),
    ],
    brief: `${told(min)} to ${told(max)} ${unit}`,
  };
}

function unmeasured(
  { measurement: { notMeasured, name }, engine }: Measured,
  target: string,
  about: string,
  id: string,
): Cell {
  const why = notMeasured.filter((each) => each.target === undefined || each.target === target);
  return {
    id,
    about,
    word: "not measured",
    mark: "?",
    style: "untested",
    evidence: [
      entry("Why", lines(why.map((each) => each.why)) ?? "the report does not say"),
      entry("Again", markup`<code>${again("bench", target, name, engine)}</code>`),
    ],
  };
}

/** How many there were of each kind, in all runs. */
function samplesText(samples: readonly Samples[]): string {
  const counts = new Map<string, number>();
  for (const { raw } of samples)
    for (const [name, values] of Object.entries(raw))
      counts.set(name, (counts.get(name) ?? 0) + values.length);
  return [...counts].map(([name, count]) => `${count.toLocaleString("en")} ${name}`).join(", ");
}
