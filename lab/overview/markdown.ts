// A report as a document of Markdown, for a repository or an issue: what it came to, and every figure of the bench. The rule:
// whatever others chose, as the name of an init, is no markup.

import type { Figure, Measurement, Result } from "../bench/report.ts";
import { about, told } from "../bench/terminal.ts";
import { visible } from "../output/visible.ts";
import type { Overview } from "./report.ts";
import { type Summary, summaryOf } from "./summary.ts";
import {
  absentText,
  aloneIn,
  busyText,
  differingOf,
  fallsOf,
  machineText,
  repeated,
  textOf,
  untestedOf,
} from "./words.ts";

/** GitHub Flavored Markdown; every line ends. */
export function overviewMarkdown(report: Overview): string {
  const summary = summaryOf(report);
  const lines = [
    "# Inits, compared",
    ...aboutLines(report),
    ...attackLines(report, summary),
    ...behaviourLines(summary),
    ...costLines(report),
  ];
  return `${lines.join("\n\n")}\n`;
}

/** What Markdown would take for markup stands for itself. */
function plain(text: string): string {
  return visible(text).replace(/[\\`*_[\]<>|~&]/g, "\\$&");
}

function aboutLines(report: Overview): string[] {
  const inits = report.inits.map(({ name, version }) =>
    version === undefined ? name : `${name} (${version})`,
  );
  const said = [absentText(report), busyText(report)].filter((text) => text !== undefined);
  return [
    `${report.startedAt.slice(0, 10)}, ${plain(machineText(report))}; ${repeated(report)}. ${plain(inits.join(", "))}.`,
    ...said.map(plain),
  ];
}

function attackLines({ attack }: Overview, { falls, untested }: Summary): string[] {
  return [
    "## Attacks",
    `${attack.attacks.length} attacks, on each init those that are about it.`,
    table(
      ["init", ""],
      [
        ...falls.map((fall) => [plain(fall.init), plain(textOf(fallsOf(fall)))]),
        ...untested.map(({ init, attacks }) => [plain(init), plain(textOf(untestedOf(attacks)))]),
      ],
    ),
  ];
}

function behaviourLines(summary: Summary): string[] {
  const alone = summary.alone.map(({ init, lines }) => [plain(init), plain(textOf(aloneIn(lines)))]);
  return ["## Behaviour", differingOf(summary), table(["init", ""], alone)];
}

function costLines({ bench, inits }: Overview): string[] {
  const names = inits.filter(({ kind }) => kind !== "bare").map(({ name }) => name);
  return [
    "## Costs",
    "Medians of the runs. Bold is the best, and \\* is whoever cannot be told from it: the spreads of their runs overlap. The limit is what the machine itself needs, without an init.",
    ...bench.measurements.flatMap((measurement) => measureLines(measurement, names)),
  ];
}

function measureLines(measurement: Measurement, names: readonly string[]): string[] {
  const { title, method, sizes, name, figures } = measurement;
  const rows = figures.map((figure) => [
    plain(`${figure.title}, ${figure.unit}`),
    limitOf(figure),
    ...names.map((each) => cell(figure.results.find(({ target }) => target === each))),
  ]);
  return [
    `### ${plain(title)}`,
    plain([method, about(sizes, name)].filter((text) => text !== "").join(" ")),
    table(["", "limit", ...names.map(plain)], rows),
    ...notMeasured(measurement),
  ];
}

function limitOf({ results }: Figure): string {
  const limit = results.find(({ standing }) => standing === "limit");
  return limit === undefined ? "" : told(limit.median);
}

function cell(result: Result | undefined): string {
  if (result === undefined) return "–";
  const { standing, median } = result;
  if (standing === "best") return `**${told(median)}**`;
  return standing === "level" ? `${told(median)} \\*` : told(median);
}

function notMeasured({ notMeasured: missing }: Measurement): string[] {
  if (missing.length === 0) return [];
  const lines = missing.map(
    ({ target, why }) => `- ${plain(target === undefined ? why : `${target}: ${why}`)}`,
  );
  return ["Not measured:", lines.join("\n")];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}
