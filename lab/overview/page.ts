// The report as one page: what it comes to, the matrix of the attacks, that of the behaviour, the charts of the bench, and how it
// was made. The rule: each cell is a button that opens what it was judged by, and how to do it again.

import { linesOf } from "../conform/matrix.ts";
import { dateOf, entry, htmlDocument } from "../output/document.ts";
import { type Markup, markup } from "../output/markup.ts";
import { attackSection } from "./attacks.ts";
import { behaviourSection } from "./behaviour.ts";
import { costsSection, figureId } from "./costs.ts";
import { rowId } from "./evidence.ts";
import type { Overview } from "./report.ts";
import { OVERVIEW_STYLE } from "./style.ts";
import { nameOfFigure, nameOfLine, type Summary, summaryOf } from "./summary.ts";
import {
  absentText,
  aloneIn,
  busyText,
  differingOf,
  fallsOf,
  headline,
  machineText,
  repeated,
  standingOf,
  type Told,
  untestedOf,
} from "./words.ts";

export function overviewPage(report: Overview): string {
  const { name, version } = report.tool;
  const summary = summaryOf(report);
  return htmlDocument({
    title: headline(report),
    generator: `${name} ${version}`,
    style: OVERVIEW_STYLE,
    skip: "To what it comes to",
    body: markup`${header(report)}
<main id="main" tabindex="-1">
${summarySection(report, summary)}
${attackSection(report)}
${behaviourSection(report, summary)}
${costsSection(report)}
${facts(report)}
</main>
<footer><p>Made by ${name} ${version} on ${dateOf(report.startedAt)}.</p></footer>`,
  });
}

const ON_PAPER =
  "On paper what was seen stands below each part: in full where an init fell, or where something could not be tested or measured; of the rest a line, which may be cut. All of it is in the page on a screen.";

function header(report: Overview): Markup {
  return markup`<header>
<p class="tool">steady-lab report</p>
<h1><bdi>${headline(report)}</bdi></h1>
<p>${machineText(report)}, on ${dateOf(report.startedAt)}.</p>
${[absentText(report), busyText(report)].map((text) => (text === undefined ? undefined : markup`<p>${text}</p>`))}
<p class="muted">${repeated(report)}. Each cell opens what it was judged by.</p>
<p class="paper">${ON_PAPER}</p>
</header>
<nav aria-label="On this page"><ul>
<li><a href="#summary">What it comes to</a></li>
<li><a href="#attacks">Attacks</a></li>
<li><a href="#behaviour">Behaviour</a></li>
<li><a href="#costs">Costs</a></li>
<li><a href="#how">How it was made</a></li>
</ul></nav>`;
}

function summarySection(report: Overview, summary: Summary): Markup {
  const place = placesOf(report);
  const list = (
    told: readonly (readonly [string, readonly Told[]])[],
  ): Markup => markup`<dl class="facts summary">
${told.map(([init, all]) =>
  entry(
    init,
    all.map((each, i) => markup`${i === 0 ? "" : "; "}${linked(each, place)}`),
  ),
)}
</dl>`;
  return markup`<section aria-labelledby="summary">
<h2 id="summary">What it comes to</h2>
<h3>Attacks: ${report.attack.attacks.length}, on each those that are about it</h3>
${list([
  ...summary.falls.map((fall) => [fall.init, fallsOf(fall)] as const),
  ...summary.untested.map(({ init, attacks }) => [init, untestedOf(attacks)] as const),
])}
<h3>Behaviour: ${summary.lines} lines of the matrix</h3>
<p>${differingOf(summary)}</p>
${list(summary.alone.map(({ init, lines }) => [init, aloneIn(lines)] as const))}
<h3>Costs: ${summary.figures} figures in which they differ</h3>
${list(summary.standings.map((each) => [each.init, standingOf(each)] as const))}
</section>`;
}

/** Where what a summary names stands in the page, and what it is. */
type Places = ReadonlyMap<string, { readonly id: string; readonly title: string }>;

function placesOf({ attack, conform, bench }: Overview): Places {
  return new Map([
    ...attack.attacks.map(({ id, title }, i) => [id, { id: rowId("attack", i), title }] as const),
    ...linesOf(conform).map(
      (line, i) => [nameOfLine(line), { id: rowId("behaviour", i), title: line.row.title }] as const,
    ),
    ...bench.measurements.flatMap((measurement, i) =>
      measurement.figures.map(
        ({ title }, j) =>
          [nameOfFigure(measurement, title), { id: figureId(i, j), title: measurement.title }] as const,
      ),
    ),
  ]);
}

function linked({ said, names }: Told, places: Places): Markup {
  const links = names.map((name, i) => {
    const place = places.get(name);
    const link =
      place === undefined
        ? markup`<bdi>${name}</bdi>`
        : markup`<a href="#${place.id}" title="${place.title}"><bdi>${name}</bdi></a>`;
    return markup`${i === 0 ? ": " : ", "}${link}`;
  });
  return markup`${said}${links}`;
}

function facts(report: Overview): Markup {
  const { bench, inits, tool } = report;
  const { kernel, architecture, processor, processors, memoryBytes, pidMax, load, gauge, engine } =
    bench.machine;
  return markup`<section aria-labelledby="how">
<h2 id="how">How it was made</h2>
<dl class="facts">
${entry("Date", dateOf(report.startedAt))}
${entry("Kernel", kernel)}
${entry("Containers", engine ?? "namespaces of this machine")}
${entry("Architecture", architecture)}
${entry("Processors", `${processors} × ${processor}`)}
${entry("Memory", `${Math.round(memoryBytes / 2 ** 20).toLocaleString("en")} MiB`)}
${entry("kernel.pid_max", pidMax.toLocaleString("en"))}
${entry("Load before", load.toFixed(1))}
${entry("Gauge of the bench", gauge)}
${entry("Repeated", repeated(report))}
${entry("Lab", `${tool.name} ${tool.version}`)}
</dl>
<h3 class="absent">The inits</h3>
<dl class="facts">
${inits.map(({ name, version, path, sha256 }) => entry(name, markup`<bdi>${version ?? (path === undefined ? "the program itself is PID 1" : "its version was not asked for")}</bdi>${path === undefined ? undefined : markup`<br><code>${path}</code>`}${sha256 === undefined ? undefined : markup`<br><code>SHA-256 ${sha256}</code>`}`))}
</dl>
</section>`;
}
