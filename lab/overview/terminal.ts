// What a report came to, for a person at a terminal: who falls by what, who differs, who is best at what. The rule: the evidence
// is in the page and in the JSON, and here is only what leads there.

import { Page, type Paper } from "../output/sheet.ts";
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
  standingOf,
  textOf,
  untestedOf,
} from "./words.ts";

export function overviewText(report: Overview, paper: Paper): string {
  const page = new Page(paper);
  const summary = summaryOf(report);
  attacks(page, report, summary);
  behaviour(page, summary);
  costs(page, summary);
  about(page, report);
  return page.text();
}

function attacks(page: Page, { attack }: Overview, { falls, untested }: Summary): void {
  page.heading("Attacks:", `${attack.attacks.length}, on each those that are about it`);
  for (const fall of falls) tell(page, fall.init, textOf(fallsOf(fall)));
  for (const { init, attacks: ids } of untested) tell(page, init, textOf(untestedOf(ids)));
}

function behaviour(page: Page, summary: Summary): void {
  page.blank();
  page.heading("Behaviour:", `${summary.lines} lines of the matrix`);
  page.paragraph(differingOf(summary), "  ");
  for (const { init, lines } of summary.alone) tell(page, init, textOf(aloneIn(lines)));
}

function costs(page: Page, { figures, standings }: Summary): void {
  page.blank();
  page.heading("Costs:", `${figures} figures in which they differ`);
  for (const each of standings) tell(page, each.init, textOf(standingOf(each)));
}

function tell(page: Page, init: string, text: string): void {
  page.paragraph(`${page.styled("bold", visible(init))} ${visible(text)}`, "  ");
}

function about(page: Page, report: Overview): void {
  page.blank();
  for (const { name, version } of report.inits) if (version !== undefined) tell(page, name, `is ${version}`);
  const said = [absentText(report), `${machineText(report)}; ${repeated(report)}.`, busyText(report)];
  for (const text of said) if (text !== undefined) page.paragraph(visible(text), "");
}
