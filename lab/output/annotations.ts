// Findings as annotations of GitHub Actions: lines that its runner takes for commands. The rule: only lines made here
// are commands; a report that is printed there goes between two lines that switch commands off.

import { randomUUID } from "node:crypto";
import type { Finding, Report, Severity } from "../report.ts";
import { visible } from "./visible.ts";
import { alike, rulePage, sorted } from "./words.ts";

const COMMANDS: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", note: "notice" };

export function annotations(report: Report, file: string | undefined): string {
  const { failed, hindered } = sorted(report.findings);
  const commands = [
    ...failed.map((finding) => annotation(COMMANDS[finding.severity], finding, file)),
    ...alike(hindered).map(([finding]) => annotation("warning", finding, file)),
  ];
  return commands.map((command) => `${command}\n`).join("");
}

/** A log line "::error::" in a report is text: the runner obeys nothing until it reads a word nobody could know. */
export function withoutCommands(text: string): string {
  const word = randomUUID();
  return `::stop-commands::${word}\n${text}::${word}::\n`;
}

function annotation(command: string, finding: Finding, file: string | undefined): string {
  const { rule, title, verdict, what, why, change, location } = finding;
  const at = location?.file ?? file;
  const properties = [
    ...(at === undefined ? [] : [`file=${property(at)}`, `line=${location?.line ?? 1}`]),
    `title=${property(`${rule} ${verdict.replaceAll("-", " ")}: ${title}`)}`,
  ];
  const lines = [what, why, change, rulePage(rule)].filter((line) => line !== "").map(data);
  return `::${command} ${properties.join(",")}::${lines.join("%0A")}`;
}

function data(text: string): string {
  return visible(text).replaceAll("%", "%25");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
