// How a comparison is told: a difference with both traces side by side and the line that plays it again, and tables of
// what was compared how often.

import { TABLES, type Table, type Tally } from "./cells.ts";
import { type Difference, linesOf } from "./compare.ts";
import { write } from "./script.ts";

const WIDTH = 70;

export function tellDifference({ script, at, native, simulated }: Difference, kernel: string): string {
  const steps = script.steps.slice(0, at + 1);
  const done = steps
    .slice(0, -1)
    .map((_, i) => `  ${write({ ...script, steps: steps.slice(i, i + 1) }).replace(/^.*?: /, "")}`);
  const last = write({ ...script, steps: steps.slice(-1) }).replace(/^.*?: /, "");
  return [
    `The two kernels differ (setting: ${script.setting}).`,
    ...done,
    `> ${last}`,
    `  ${`Linux ${kernel}`.padEnd(WIDTH)}  simulated`,
    ...sideBySide(linesOf(native[at]), linesOf(simulated[at])),
    `again: npm run fidelity -- --play '${write({ ...script, steps })}'`,
  ].join("\n");
}

function sideBySide(left: readonly string[], right: readonly string[]): string[] {
  const names = [...new Set([...left, ...right].map(keyOf))];
  return names.map((name) => {
    const [a, b] = [left, right].map((lines) => lines.find((line) => keyOf(line) === name) ?? "-") as [
      string,
      string,
    ];
    return `${a === b ? " " : "!"} ${a.padEnd(WIDTH)}  ${b}`;
  });
}

/** Lines about the same process, or answers of the same slot to the same call, stand beside each other. */
const keyOf = (line: string): string =>
  line
    .split(" ")
    .slice(0, 2)
    .join(" ")
    .replace(/ [RTZ]$/, "");

export function tellTally(tally: Tally): string {
  return Object.values(TABLES)
    .map((table) => `${table.title}\n${tellTable(table, tally).join("\n")}`)
    .join("\n\n");
}

/** Cells with the same first words share a line. */
function tellTable({ cells, unreachable }: Table, tally: Tally): string[] {
  const rows = Map.groupBy([...cells], headOf);
  return [...rows].map(([head, members]) => {
    const counts = members.map((cell) => {
      const count = tally.count(cell);
      const rest = cell.slice(head.length).replace(/^,? /, "") || "times";
      return `${rest} ${count === 0 && unreachable.has(cell) ? "-" : count}`;
    });
    return `  ${head}: ${counts.join("; ")}`;
  });
}

const headOf = (cell: string): string =>
  cell.includes(", ")
    ? (cell.split(",")[0] ?? cell)
    : /^\w+ [\w]+$/.test(cell)
      ? (cell.split(" ")[0] ?? cell)
      : cell;

export function tellGaps(tally: Tally): string {
  const { missing, surprising } = tally;
  return [
    ...(missing.length > 0 ? [`never compared: ${missing.join("; ")}`] : []),
    ...(surprising.length > 0 ? [`met, and no table says that it can be: ${surprising.join("; ")}`] : []),
  ].join("\n");
}
