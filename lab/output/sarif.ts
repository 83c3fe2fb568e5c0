// The report as SARIF 2.1.0, as code scanning reads it. The rule: only what failed is a result; what could not be
// tested is a notification of the tool, so that nobody takes silence for a pass. A result's fingerprint stays the same
// from check to check, whatever was measured.

import { createHash } from "node:crypto";
import type { Finding, Report } from "../report.ts";
import { visible } from "./visible.ts";
import { rulePage, sorted, subjectName } from "./words.ts";

export interface Sources {
  /** The file that a finding about the whole program is shown at, relative to its directory. */
  readonly file?: string;
  /** Where docs/rules is: an absolute address that ends with a slash. */
  readonly documents: string;
}

export const SARIF_SCHEMA =
  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

export function sarifReport(report: Report, sources: Sources): string {
  const { failed } = sorted(report.findings);
  const log = {
    $schema: SARIF_SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: { driver: driver(report, sources) },
        automationDetails: { id: `steady-lab/check/${report.environment.init.kind}/` },
        columnKind: "utf16CodeUnits",
        invocations: [invocation(report)],
        results: failed.map((finding) => result(report, finding, sources)),
      },
    ],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function driver({ tool, findings }: Report, { documents }: Sources): object {
  return {
    name: tool.name,
    version: tool.version,
    semanticVersion: tool.version,
    informationUri: new URL("docs/check.md", documents).href,
    rules: findings.map(({ rule, title, severity }) => ({
      id: rule,
      name: ruleName(title),
      shortDescription: message(title),
      fullDescription: message(`${title}.`),
      help: message(`${rulePage(rule)} tells what is tried, why it matters and what to change.`),
      helpUri: new URL(rulePage(rule), documents).href,
      defaultConfiguration: { level: severity },
      properties: { tags: ["containers", "signals"] },
    })),
  };
}

/** "StopsOnItsStopSignal": SARIF wants a name that could be an identifier. */
export function ruleName(title: string): string {
  const words = title.match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`).join("");
}

function result(report: Report, finding: Finding, sources: Sources): object {
  const { rule, severity, what, why, change, evidence, runs } = finding;
  return {
    ruleId: rule,
    ruleIndex: report.findings.findIndex((each) => each.rule === rule),
    level: severity,
    kind: "fail",
    message: message([what, why, change].filter((text) => text !== "").join(" ")),
    locations: [location(report, finding, sources)],
    partialFingerprints: { "steadyLabCheck/v1": fingerprint(report, finding) },
    properties: { what, why, change, evidence: evidence.map(visible), runs },
  };
}

function location(report: Report, finding: Finding, { file }: Sources): object {
  const at = finding.location ?? (file === undefined ? undefined : { file });
  const physicalLocation = at && {
    artifactLocation: { uri: fileUri(at.file), uriBaseId: "%SRCROOT%" },
    region: { startLine: at.line ?? 1 },
  };
  const name = visible(subjectName(report));
  return {
    ...(physicalLocation && { physicalLocation }),
    logicalLocations: [{ name, fullyQualifiedName: name, kind: report.subject.image ? "image" : "process" }],
  };
}

/** The same for the same rule about the same program under the same kind of init. */
function fingerprint({ subject, environment }: Report, { rule, location }: Finding): string {
  const parts = [
    rule,
    subject.image?.name ?? "",
    ...subject.command,
    environment.init.kind,
    location?.file ?? "",
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function invocation(report: Report): object {
  const { hindered } = sorted(report.findings);
  const ended = new Date(Date.parse(report.startedAt) + report.durationMs);
  return {
    executionSuccessful: hindered.length === 0,
    exitCode: report.exitStatus,
    startTimeUtc: report.startedAt,
    endTimeUtc: ended.toISOString(),
    toolExecutionNotifications: hindered.map((finding) => ({
      level: "warning",
      associatedRule: {
        id: finding.rule,
        index: report.findings.findIndex(({ rule }) => rule === finding.rule),
      },
      descriptor: { id: "could-not-test" },
      message: message(`${finding.rule} could not be tested: ${finding.what}`),
    })),
  };
}

/**
 * In a message "[text](address)" is a link and "{0}" a placeholder, also where a log line chose it: a space takes them
 * their meaning and leaves them legible.
 */
export function message(text: string): { readonly text: string } {
  return {
    text: visible(text)
      .replaceAll("](", "] (")
      .replace(/\{(\d)/g, "{ $1"),
  };
}

export function fileUri(path: string): string {
  return path.toWellFormed().replaceAll("\\", "/").split("/").map(encodeURIComponent).join("/");
}
