// The report for programs: `--json`, as lab/schema/report.schema.json describes it. The rule: a reader gets every
// character back, and whoever prints the file to a terminal or into a log of GitHub Actions is safe all the same.

import type { Report } from "../report.ts";
import { visibleJson } from "./visible.ts";

export function jsonReport(report: Report): string {
  // "##[" is a command to an Actions runner wherever it stands in a line.
  return `${visibleJson(JSON.stringify(report, undefined, 2)).replaceAll("##[", "\\u0023#[")}\n`;
}
