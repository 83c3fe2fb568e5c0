// A scan for a person at a terminal: of each image a table of its inits and what was found, then what it cost.

import { Page, type Paper, type Style } from "../output/sheet.ts";
import { visible } from "../output/visible.ts";
import { commandLine, count, duration } from "../output/words.ts";
import type { ScanFinding, ScannedImage, ScanReport, Severity } from "./report.ts";

const MARKS: Readonly<Record<Severity, { readonly mark: string; readonly style: Style }>> = {
  error: { mark: "✗", style: ["bold", "red"] },
  warning: { mark: "!", style: ["bold", "magenta"] },
  note: { mark: "i", style: ["bold"] },
};
const ORDER: readonly Severity[] = ["error", "warning", "note"];
const EVIDENCE_MAX = 30;

export function scanText(report: ScanReport, paper: Paper): string {
  const page = new Page(paper);
  for (const image of report.images) tellImage(page, image);
  const { images, bytesRead, durationMs, memoryPeakBytes, knownAsOf, weaknessesAsOf } = report;
  const found = images.flatMap(({ findings }) => findings);
  const kinds = ORDER.map((severity) =>
    count(found.filter((each) => each.severity === severity).length, severity),
  );
  page.paragraph(page.styled("bold", `${count(images.length, "image")}: ${kinds.join(", ")}`), "");
  page.paragraph(
    `Read ${megabytes(bytesRead)} in ${duration(durationMs)}, with at most ${megabytes(memoryPeakBytes)} of memory. ` +
      `Known digests are those of ${knownAsOf}, known weaknesses those of ${weaknessesAsOf}.`,
    "",
  );
  return page.text();
}

function tellImage(page: Page, image: ScannedImage): void {
  const { name, architecture, entrypoint, cmd, chain, inits, findings } = image;
  page.paragraph(
    page.styled("bold", visible(architecture === undefined ? name : `${name} (${architecture})`)),
    "",
  );
  if (entrypoint.length + cmd.length > 0)
    page.labelled("Starts", visible(commandLine([...entrypoint, ...cmd])));
  if (chain.length > 0) page.labelled("As", visible(chain.join(" → ")));
  for (const line of table(image)) page.paragraph(visible(line), "  ");
  if (inits.length === 0) page.paragraph("No init that is known is in it.", "  ");
  for (const severity of ORDER)
    for (const finding of findings.filter((each) => each.severity === severity)) tellFinding(page, finding);
  page.blank();
}

/** A row for each init: where, which, since when known, links. */
function table({ inits }: ScannedImage): string[] {
  return inits.map(({ path, links, identity, verdict, isEntry, weaknesses }) => {
    const version = identity.version ?? "?";
    const role = isEntry ? ", is started" : "";
    const known = weaknesses.length === 0 ? "" : `, weaknesses ${ranges(weaknesses)}`;
    const others =
      links.length === 0 ? "" : `, also ${links.slice(0, 5).join(", ")}${links.length > 5 ? ", ..." : ""}`;
    return `${path}: ${identity.init} ${version}, ${verdict}${role}${known}${others}`;
  });
}

/** W1, W2, W3 and D5 as "W1-W3, D5": the names of the list of weaknesses, in its order. */
function ranges(names: readonly string[]): string {
  const runs: string[][] = [];
  for (const name of names) {
    const run = runs.at(-1);
    if (run !== undefined && after(run.at(-1) ?? "") === name) run.push(name);
    else runs.push([name]);
  }
  return runs.map((run) => (run.length > 1 ? `${run[0]}-${run.at(-1)}` : `${run[0]}`)).join(", ");
}

/** The name that follows "W1": "W2". */
function after(name: string): string {
  return name.replace(/[0-9]+$/, (number) => `${Number(number) + 1}`);
}

function tellFinding(
  page: Page,
  { rule, severity, title, what, why, change, evidence, line }: ScanFinding,
): void {
  const { mark, style } = MARKS[severity];
  page.blank();
  page.heading(page.styled(style, mark), what);
  page.labelled("Why", visible(why));
  page.labelled("Change", visible(change));
  evidence.slice(0, EVIDENCE_MAX).forEach((each, i) => {
    page.labelled(i === 0 ? "Seen" : "", visible(each));
  });
  if (line !== undefined) page.labelled("Line", `${line} of the Dockerfile`);
  page.labelled("Rule", `${page.styled(style, severity)}: ${title} (docs/scan.md, ${rule})`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: bytes < 1e7 ? 1 : 0 })} MB`;
}
