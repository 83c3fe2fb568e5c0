// The report in a terminal, for a person: what to change, then what is well, then what was tried. The rule: colour is
// on marks and headings only and never says what words do not; everything else is in the terminal's own colours, so
// that it can be read on dark and on light.

import { styleText } from "node:util";
import wrapAnsi from "wrap-ansi";
import type { Finding, Report, Severity } from "../report.ts";
import { visible } from "./visible.ts";
import { alike, count, headline, place, rulePage, sorted, subjectName, tried } from "./words.ts";

export interface Paper {
  /** Columns, as the terminal has them. */
  readonly width: number;
  readonly colour: boolean;
}

type Style = Parameters<typeof styleText>[0];

/** Longer lines are hard to follow; narrower ones cannot hold a label and a word. */
const WIDTH_MAX = 96;
const WIDTH_MIN = 32;
/** Of one line of what was seen: the rest is in --json and in the page. */
const SEEN_MAX = 400;
const SEEN_LINES_MAX = 12;
const LABEL_WIDTH = 10;

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

/** Lines that fit. What comes in was made visible before; the only escapes are those of `styled`. */
class Page {
  readonly #lines: string[] = [];
  readonly #width: number;
  readonly #colour: boolean;

  constructor({ width, colour }: Paper) {
    this.#width = Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, width));
    this.#colour = colour;
  }

  styled(style: Style, text: string): string {
    return this.#colour ? styleText(style, text, { validateStream: false }) : text;
  }

  blank(): void {
    this.#lines.push("");
  }

  paragraph(text: string, indent: string): void {
    this.#lines.push(...this.#hung(text, indent, indent));
  }

  heading(mark: string, text: string): void {
    this.#lines.push(...this.#hung(this.styled("bold", visible(text)), `${mark} `, "  "));
  }

  labelled(label: string, text: string): void {
    const first = `  ${this.styled("bold", label)}${" ".repeat(LABEL_WIDTH - 2 - label.length)}`;
    this.#lines.push(...this.#hung(text, first, " ".repeat(LABEL_WIDTH)));
  }

  text(): string {
    return `${this.#lines.map((line) => line.trimEnd()).join("\n")}\n`;
  }

  #hung(text: string, first: string, rest: string): string[] {
    const lines = wrapAnsi(bound(text), this.#width - rest.length, { hard: true }).split("\n");
    return lines.map((line, i) => `${i === 0 ? first : rest}${line.replaceAll("\u00a0", " ")}`);
  }
}

/** A number and its unit stay on one line. */
function bound(text: string): string {
  return text.replace(/(\d) (?=(ms|s|min)\b)/g, "$1\u00a0");
}
