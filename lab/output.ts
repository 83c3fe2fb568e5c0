// Where a report goes: to the terminal, as JSON, and into files.

import type { Report } from "./report.ts";

export interface OutputOptions {
  readonly json: boolean;
  readonly junit?: string;
  readonly sarif?: string;
  readonly html?: string;
}

export async function writeReport(report: Report, options: OutputOptions): Promise<void> {
  process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : plain(report));
}

function plain(report: Report): string {
  const lines = report.findings.map(({ rule, verdict, what, change }) =>
    [`${rule} ${verdict}: ${what}`, ...(change === "" ? [] : [`      ${change}`])].join("\n"),
  );
  return `${lines.join("\n")}\n`;
}
