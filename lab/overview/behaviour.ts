// The matrix of conform in the page. The rule: signals of which every init makes the same share a line, as they do at a terminal,
// and what was seen of each of them is behind it.

import { type Line, linesOf } from "../conform/matrix.ts";
import { HEADINGS } from "../conform/probe.ts";
import type { ConformCell, ConformReport } from "../conform/report.ts";
import { entry } from "../output/document.ts";
import { type Markup, markup } from "../output/markup.ts";
import { button, type Cell, commands, heads, lines, panels, rowHead, rowId, scrolling } from "./evidence.ts";
import type { Overview } from "./report.ts";
import { doDiffer, nameOfLine, type Summary } from "./summary.ts";

interface Row {
  /** Where links lead to it. */
  readonly id: string;
  readonly line: Line;
  readonly cells: readonly Cell[];
}

export function behaviourSection({ conform, inits }: Overview, { differing }: Summary): Markup {
  const names = inits.map(({ name }) => name);
  const real = inits.filter(({ kind }) => kind !== "bare").map(({ name }) => name);
  const rows = linesOf(conform).map((line, i) => ({
    id: rowId("behaviour", i),
    line,
    cells: names.map((init, j) => cellOf(conform, line, init, `behaviour-${i}-${j}`)),
  }));
  const groups = Map.groupBy(rows, ({ line }) => line.row.group);
  const bodies = [...groups].map(
    ([group, own]) => markup`<tbody>
<tr><th scope="rowgroup" colspan="${names.length + 1}"><span>${HEADINGS[group]}</span></th></tr>
${own.map((row) => rowOf(row, real))}</tbody>
`,
  );
  return markup`<section aria-labelledby="behaviour">
<h2 id="behaviour">Behaviour</h2>
<p>What each init was seen to do. ≠ marks the ${differing.length} lines in which the inits differ; that is no verdict.</p>
${scrolling(
  "Behaviour of the inits",
  markup`${heads("Question", names)}
${bodies}`,
)}
${panels(rows.flatMap(({ cells }) => cells))}
</section>`;
}

function rowOf({ id, line, cells }: Row, real: readonly string[]): Markup {
  const differs = doDiffer(line, real)
    ? markup` <span class="differs" aria-hidden="true">≠</span><span class="unseen">, the inits differ</span>`
    : undefined;
  return markup`<tr>${rowHead(id, nameOfLine(line), line.row.title, differs)}${cells.map((cell) => markup`<td>${button(cell)}</td>`)}</tr>
`;
}

function cellOf({ rows: all, cells, engine }: ConformReport, line: Line, init: string, id: string): Cell {
  const { row, signals } = line;
  const rows = all
    .filter(({ probe, signal }) => probe === row.probe && signal !== undefined && signals.includes(signal))
    .map((each) => each.id);
  const ids = signals.length === 0 ? [row.id] : rows;
  const found = cells.filter((cell) => cell.init === init && ids.includes(cell.row));
  const controls = [...new Set(found.map(({ control }) => control))].filter((each) => each !== "");
  const isAbout = found.some(({ state }) => state !== "not applicable");
  return {
    id,
    about: `${nameOfLine(line)}, ${init}`,
    ...looksOf(found),
    evidence: [
      entry("Question", row.title),
      entry("Seen", seen(found, signals.length > 0) ?? "the report has nothing about it"),
      entry("Control", lines(controls)),
      ...(isAbout ? commands("conform", init, ids[0] ?? "", engine) : []),
    ],
    ...(found[0] === undefined || found[0].state === "could not test"
      ? {}
      : { brief: [...new Set(found.map(({ evidence }) => evidence))].join("; ") }),
  };
}

function looksOf([cell]: readonly ConformCell[]): Pick<Cell, "word" | "style" | "mark"> {
  if (cell === undefined || cell.state === "could not test")
    return { word: "could not test", mark: "?", style: "untested" };
  if (cell.state === "not applicable") return { word: "not applicable", mark: "–", style: "absent" };
  return { word: cell.value, style: "probed" };
}

/** Of signals each with its number. */
function seen(cells: readonly ConformCell[], isOfSignals: boolean): Markup | undefined {
  return lines(cells.map(({ row, evidence }) => (isOfSignals ? `${row}: ${evidence}` : evidence)));
}
