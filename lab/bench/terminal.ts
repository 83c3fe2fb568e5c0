// What a bench came to, for a person: a table for each measure, the best marked, and whoever cannot be told from it. The rule:
// a figure in which another is better stands where every other figure stands.

import { Page, type Paper, type Style } from "../output/sheet.ts";
import { visible } from "../output/visible.ts";
import type { BenchReport, Change, Comparison, Figure, Measurement, Result, Spread } from "./report.ts";

const NAME_MIN = 14;
const NUMBER_WIDTH = 11;
const RATIO_WIDTH = 9;

const MARKS: Readonly<Record<Result["standing"], { readonly word: string; readonly style: Style }>> = {
  best: { word: "best", style: ["bold", "green"] },
  level: { word: "level", style: ["green"] },
  behind: { word: "", style: [] },
  limit: { word: "limit", style: ["cyan"] },
};

export function benchText(report: BenchReport, paper: Paper): string {
  const page = new Page(paper);
  for (const measurement of report.measurements) table(page, report, measurement);
  if (report.comparison !== undefined) comparison(page, report.comparison);
  page.paragraph(summary(report), "");
  return page.text();
}

function table(page: Page, report: BenchReport, measurement: Measurement): void {
  const { name, title, method, sizes, figures, notMeasured } = measurement;
  page.heading(`${name}:`, title);
  page.paragraph(`${method} ${about(sizes, name)}`.trim(), "  ");
  const limits = figures.flatMap(({ limit }) => (limit === undefined ? [] : limit.length + 2));
  const width = Math.max(
    NAME_MIN,
    ...limits,
    ...report.targets.map((target) => visible(target.name).length + 2),
  );
  for (const figure of figures) rows(page, figure, width);
  if (figures.length === 0) page.paragraph("Nothing was measured.", "  ");
  for (const { target, why } of notMeasured)
    page.labelled("Not", `${target === undefined ? "" : `${visible(target)}: `}${visible(why)}`);
  page.blank();
}

export function about(sizes: readonly number[], name: string): string {
  if (name === "idle") return `Over ${sizes.join()} s.`;
  return sizes.length === 1 ? `${(sizes[0] ?? 0).toLocaleString("en")} in each run.` : "";
}

function rows(page: Page, figure: Figure, width: number): void {
  const { title, unit, limit, reference, results } = figure;
  const [from, to, ratio] = ["least", "most", `× ${limit === undefined ? visible(reference) : "limit"}`];
  if (results.every(({ min, max }) => min === 0 && max === 0)) {
    page.line(`  ${title}: 0 ${unit} for all`);
    return;
  }
  page.line(`  ${page.styled("bold", `${title}, ${unit}`)}`);
  page.line(
    `  ${" ".repeat(width)}${["median", from, to].map((word) => word.padStart(NUMBER_WIDTH)).join("")}  ${ratio}`,
  );
  for (const result of results) {
    const { word, style } = MARKS[result.standing];
    const name = result.standing === "limit" ? (limit ?? "") : visible(result.target);
    const numbers = [result.median, result.min, result.max].map((each) => told(each).padStart(NUMBER_WIDTH));
    const share = (result.ratio === undefined ? "–" : told(result.ratio)).padStart(RATIO_WIDTH);
    page.line(`  ${name.padEnd(width)}${numbers.join("")}${share}  ${page.styled(style, word)}`);
  }
}

/** Three digits of what is small, all of what is whole. */
export function told(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return value.toPrecision(3).replace(/e.*/, "");
}

function comparison(page: Page, { startedAt, differs, changes }: Comparison): void {
  page.heading("compared:", `with the run of ${visible(startedAt)}`);
  for (const each of differs) page.labelled("Differs", visible(each));
  const beyond = changes.filter(({ verdict }) => verdict !== "within");
  for (const change of beyond) tellChange(page, change);
  page.paragraph(
    `${beyond.length} of ${changes.length} figures changed by more than their spread; the others are within it, or have fewer than three runs.`,
    "  ",
  );
  page.blank();
}

function tellChange(
  page: Page,
  { measurement, title, unit, target, before, now, ratio, verdict }: Change,
): void {
  const style: Style = verdict === "better" ? ["green"] : ["bold", "red"];
  const share = ratio === undefined ? "" : `, × ${told(ratio)}`;
  page.line(
    `  ${page.styled(style, verdict.padEnd(8))}${visible(target)}, ${measurement}, ${title}: ${between(before)} before, ${between(now)} ${unit} now${share}`,
  );
}

function between({ median, min, max }: Spread): string {
  return `${told(median)} (${told(min)} to ${told(max)})`;
}

function summary({ machine, runs, durationMs }: BenchReport): string {
  const { kernel, processor, processors, load, gauge, engine } = machine;
  const memory = Math.round(machine.memoryBytes / 2 ** 30);
  const loaded =
    load > processors / 2 ? ` The machine was busy (load ${load.toFixed(1)}): times are worth less.` : "";
  return `Linux ${visible(kernel)}, ${processors} × ${visible(processor)}, ${memory} GiB${engine === undefined ? "" : `, in ${visible(engine)}`}; ${runs} run${runs === 1 ? "" : "s"} in ${Math.round(durationMs / 1_000)} s, a ${gauge} gauge. best: the best median; level: its runs and those of the best overlap; limit: without an init, so that a ratio below 1 is chance.${loaded}`;
}
