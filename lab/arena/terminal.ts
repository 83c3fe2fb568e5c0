// What the attacks came to, for a person: a matrix of attacks and inits, then what was seen where one fell or could not be
// tested. The rule: colour is on marks alone, and says nothing that a word does not.

import { Page, type Paper, type Style } from "../output/sheet.ts";
import { visible } from "../output/visible.ts";
import type { ArenaReport, Played, Verdict } from "./run.ts";

const WORDS: Readonly<Record<Verdict, { readonly word: string; readonly style: Style }>> = {
  survived: { word: "survived", style: ["green"] },
  fell: { word: "FELL", style: ["bold", "red"] },
  "not applicable": { word: "–", style: [] },
  "could not test": { word: "?", style: ["bold", "magenta"] },
};
const GAP = 2;
/** Of the log; the report as JSON has more. */
const LINES_MAX = 2;

export function arenaText(report: ArenaReport, paper: Paper): string {
  const page = new Page(paper);
  matrix(page, report);
  for (const each of report.results.filter(
    ({ verdict }) => verdict === "fell" || verdict === "could not test",
  ))
    tell(page, report, each);
  page.blank();
  page.paragraph(summary(report), "");
  return page.text();
}

function matrix(page: Page, { targets, attacks, results }: ArenaReport): void {
  const first = Math.max(...attacks.map(({ id }) => id.length)) + GAP;
  const widths = targets.map(({ name }) => Math.max(name.length, WORDS.survived.word.length) + GAP);
  page.line(
    `${" ".repeat(first)}${targets.map(({ name }, i) => visible(name).padEnd(widths[i] ?? 0)).join("")}`,
  );
  for (const { id, title } of attacks) {
    const cells = targets.map(({ name }, i) => {
      const found = results.find((each) => each.attack === id && each.target === name);
      const { word, style } = WORDS[found?.verdict ?? "could not test"];
      return page.styled(style, word) + " ".repeat((widths[i] ?? 0) - word.length);
    });
    page.line(`${id.padEnd(first)}${cells.join("")}${title}`);
  }
}

function tell(
  page: Page,
  { attacks }: ArenaReport,
  { attack, target, verdict, evidence, control, seen }: Played,
): void {
  const about = attacks.find(({ id }) => id === attack);
  const { word, style } = WORDS[verdict];
  page.blank();
  page.heading(
    page.styled(style, word === "?" ? verdict : word),
    `${attack}, ${visible(target)}: ${about?.title ?? ""}`,
  );
  page.labelled("Seen", visible(evidence));
  const told = (label: string, lines: readonly string[] = []): void => {
    if (lines.length > 0) page.labelled(label, visible(lines.join("; ")));
  };
  told("Sent", seen?.sent);
  told("Arrived", seen?.got);
  if (seen?.status !== undefined) told("Status", [`${seen.status}`]);
  told("Log", seen?.err.slice(-LINES_MAX));
  if (verdict === "fell") page.labelled("Harm", about?.harm ?? "");
  if (verdict === "fell") page.labelled("Control", visible(control));
}

function summary({ results, kernel, engine }: ArenaReport): string {
  const count = (verdict: Verdict): number => results.filter((each) => each.verdict === verdict).length;
  const untested = count("could not test");
  return `On Linux ${visible(kernel)}${engine === undefined ? "" : `, in ${visible(engine)}`}: ${count("survived")} survived, ${count("fell")} fell, ${count("not applicable")} do not apply${untested > 0 ? `, ${untested} could not be tested` : ""}.`;
}
