// What conform came to, for a person: a matrix with inits as columns, its rows in groups. The rule: signals of which every init
// makes the same share a row, so that the matrix fits a page; colour is on marks alone.

import { Page, type Paper } from "../output/sheet.ts";
import { visible } from "../output/visible.ts";
import { HEADINGS } from "./probe.ts";
import type { ConformCell, ConformReport, ConformRow } from "./report.ts";

const NOT_APPLICABLE = "–";
const COULD_NOT_TEST = "?";
const GAP = 2;

/** A line of the matrix: a row, or the signals that share one. */
export interface Line {
  readonly row: ConformRow;
  readonly cells: readonly ConformCell[];
  readonly signals: readonly number[];
}

export function matrixText(report: ConformReport, paper: Paper, withEvidence: boolean): string {
  const page = new Page(paper);
  const lines = linesOf(report);
  const first = Math.max(...lines.map(({ row }) => row.probe.length)) + GAP;
  const widths = report.inits.map(
    ({ name }, i) => Math.max(name.length, ...lines.map(({ cells }) => wordOf(cells[i]).length)) + GAP,
  );
  page.line(" ".repeat(first) + report.inits.map(({ name }, i) => pad(visible(name), widths[i])).join(""));
  let group = "";
  for (const line of lines) {
    if (line.row.group !== group) {
      page.blank();
      page.line(page.styled("bold", HEADINGS[line.row.group]));
      group = line.row.group;
    }
    const cells = line.cells.map((cell, i) => styled(page, cell) + padding(wordOf(cell), widths[i]));
    page.line(`${line.row.probe.padEnd(first)}${cells.join("")}${titleOf(line)}`);
  }
  for (const told of Map.groupBy(
    report.cells.filter(({ state }) => withEvidence || state === "could not test"),
    ({ row, init, evidence }) => `${withEvidence ? row : probeOf(report, row)?.probe} ${init} ${evidence}`,
  ).values())
    tell(page, report, told);
  page.blank();
  page.paragraph(summary(report), "");
  return page.text();
}

/** Rows as they are, but for signals: those with the same cells are together, where the first of them is. */
export function linesOf({ rows, inits, cells }: ConformReport): readonly Line[] {
  const byRow = Map.groupBy(cells, ({ row }) => row);
  const lines = new Map<string, Line>();
  for (const row of rows) {
    const found = byRow.get(row.id) ?? [];
    const own = inits.flatMap(({ name }) => found.filter(({ init }) => init === name).slice(0, 1));
    const key = row.signal === undefined ? row.id : `${row.probe} ${own.map(wordOf).join("\t")}`;
    const signals = row.signal === undefined ? [] : [row.signal];
    const line = lines.get(key);
    lines.set(
      key,
      line === undefined ? { row, cells: own, signals } : { ...line, signals: [...line.signals, ...signals] },
    );
  }
  return [...lines.values()];
}

function titleOf({ row, signals }: Line): string {
  return signals.length === 0 ? row.title : `${ranges(signals)} ${row.title}`;
}

/** "1-3 10 12". */
export function ranges(numbers: readonly number[]): string {
  const found: [number, number][] = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(" ");
}

export function wordOf(cell: ConformCell | undefined): string {
  if (cell === undefined || cell.state === "could not test") return COULD_NOT_TEST;
  return cell.state === "not applicable" ? NOT_APPLICABLE : visible(cell.value);
}

function styled(page: Page, cell: ConformCell): string {
  const word = wordOf(cell);
  return cell.state === "could not test" ? page.styled(["bold", "magenta"], word) : word;
}

function pad(text: string, width: number | undefined): string {
  return text + padding(text, width);
}

function padding(text: string, width: number | undefined): string {
  return " ".repeat(Math.max(0, (width ?? 0) - text.length));
}

/** Cells that have the same to say. */
function tell(page: Page, report: ConformReport, cells: readonly ConformCell[]): void {
  const [cell] = cells;
  if (cell === undefined) return;
  const rows = cells.flatMap(({ row }) => probeOf(report, row) ?? []);
  const signals = ranges(rows.flatMap(({ signal }) => signal ?? []));
  const id = rows.length === 1 ? cell.row : `${rows[0]?.probe} ${signals}`;
  page.blank();
  page.heading(styled(page, cell), `${id}, ${visible(cell.init)}: ${rows[0]?.title ?? ""}`);
  page.labelled("Seen", visible(cell.evidence));
  if (cell.control !== "") page.labelled("Control", visible(cell.control));
}

function probeOf({ rows }: ConformReport, row: string): ConformRow | undefined {
  return rows.find(({ id }) => id === row);
}

function summary({ cells, kernel, machine, engine }: ConformReport): string {
  const count = (state: ConformCell["state"]): number => cells.filter((cell) => cell.state === state).length;
  const untested = count("could not test");
  const rest = untested > 0 ? `, ${untested} could not be tested` : "";
  return `On Linux ${visible(kernel)}, ${visible(machine)}${engine === undefined ? "" : `, in ${visible(engine)}`}: ${count("probed")} probed, ${count("not applicable")} do not apply${rest}.`;
}
