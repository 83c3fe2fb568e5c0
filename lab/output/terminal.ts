// The report in a terminal, for a person: what to change, then what is well, then what was tried. The rule: colour is
// on marks and headings only and never says what words do not; everything else is in the terminal's own colours, so
// that it can be read on dark and on light.

import type { Finding, Report, Severity } from "../report.ts";
import { Page, type Paper, type Style } from "./sheet.ts";
import { visible } from "./visible.ts";
import { alike, count, headline, place, rulePage, sorted, subjectName, tried } from "./words.ts";

/** Of one line of what was seen: the rest is in --json and in the page. */
const SEEN_MAX = 400;
const SEEN_LINES_MAX = 12;

/** Yellow cannot be read on white, nor blue on black. */
const MARKS: Readonly<Record<Severity, { readonly mark: string; readonly style: Style }>> = {
  error: { mark: "✗", style: ["bold", "red"] },
  warning: { mark: "!", style: ["bold", "magenta"] },
  note: { mark: "i", style: ["bold"] },
};

export function terminalReport(report: Report, paper: Paper): string {
  const page = new Page(paper);
  const { failed, hindered, passed, absent } = sorted(report.findings);
  begin(page, report);
  for (const finding of failed) tellFailed(page, finding);
  for (const group of alike(hindered)) tellHindered(page, group);
  if (passed.length > 0) list(page, "✓", ["bold", "green"], `${passed.length} passed`, passed);
  if (absent.length > 0)
    list(page, "–", [], `${absent.length} not asked: ignored, or they do not apply here`, absent);
  page.blank();
  page.paragraph(visible(tried(report)), "");
  page.paragraph(page.styled("bold", headline(report)), "");
  return page.text();
}

function begin(page: Page, report: Report): void {
  const { subject, environment } = report;
  page.paragraph(page.styled("bold", visible(subjectName(report))), "");
  page.paragraph(visible(`${place(report)} Its stop signal is ${subject.stopSignal}.`), "");
  for (const note of environment.notes) page.paragraph(visible(note), "");
}

function tellFailed(page: Page, finding: Finding): void {
  const { mark, style } = MARKS[finding.severity];
  page.blank();
  page.heading(page.styled(style, mark), finding.what);
  page.labelled("Why", visible(finding.why));
  page.labelled("Change", visible(finding.change));
  tellSeen(page, finding.evidence);
  page.labelled("Rule", ruleLine(page.styled(style, finding.severity), finding));
}

function tellHindered(page: Page, group: readonly [Finding, ...Finding[]]): void {
  const [finding, ...others] = group;
  const style: Style = ["bold", "magenta"];
  const verdict = page.styled(style, "could not test");
  page.blank();
  page.heading(page.styled(style, "?"), finding.what);
  if (finding.why !== "") page.labelled("Why", visible(finding.why));
  if (finding.change !== "") page.labelled("Change", visible(finding.change));
  tellSeen(page, finding.evidence);
  if (others.length === 0) page.labelled("Rule", ruleLine(verdict, finding));
  else page.labelled("Rules", `${verdict}: ${group.map(({ title }) => visible(title)).join(" · ")}`);
}

function ruleLine(verdict: string, { rule, title }: Finding): string {
  return `${verdict}: ${visible(title)} (${rulePage(rule)})`;
}

function tellSeen(page: Page, evidence: readonly string[]): void {
  evidence.slice(0, SEEN_LINES_MAX).forEach((line, i) => {
    page.labelled(i === 0 ? "Seen" : "", shortened(visible(line)));
  });
  const left = evidence.length - SEEN_LINES_MAX;
  if (left > 0) page.labelled("", `and ${count(left, "line")} more, in --json and --html`);
}

function shortened(text: string): string {
  return text.length > SEEN_MAX ? `${text.slice(0, SEEN_MAX - 1)}…` : text;
}

function list(page: Page, mark: string, style: Style, title: string, findings: readonly Finding[]): void {
  page.blank();
  page.paragraph(`${page.styled(style, mark)} ${page.styled("bold", title)}`, "");
  page.paragraph(findings.map((each) => visible(each.title)).join(" · "), "  ");
}
