// The report as JUnit XML, as CI servers read it: a rule is a test case. The rule: failed is a failure, what something
// kept the lab from testing is an error, what the program has nothing of is skipped; none of them passes.

import type { Finding, Report } from "../report.ts";
import { type Markup, markup } from "./markup.ts";
import { place, rulePage, subjectName, tried } from "./words.ts";

export function junitReport(report: Report): string {
  const { findings } = report;
  const name = `steady-lab check ${subjectName(report)}`;
  const failures = findings.filter(({ verdict }) => verdict === "failed").length;
  const errors = findings.filter((each) => each.verdict === "could-not-test" && !isSkipped(each)).length;
  const suite = markup`<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="${name}" tests="${findings.length}" failures="${failures}" errors="${errors}" skipped="${findings.filter(isSkipped).length}" time="${seconds(report.durationMs)}" timestamp="${report.startedAt.slice(0, 19)}">
    <properties>
      <property name="steady-lab" value="${report.tool.version}"/>
      <property name="stop signal" value="${report.subject.stopSignal}"/>
      <property name="place" value="${place(report)}"/>
      <property name="tried" value="${tried(report)}"/>
    </properties>
${findings.map((finding) => testCase(report, finding))}  </testsuite>
</testsuites>
`;
  return suite.text;
}

function testCase(report: Report, finding: Finding): Markup {
  const runs = report.runs.filter(({ id }) => finding.runs.includes(id));
  const time = seconds(runs.reduce((sum, { durationMs }) => sum + durationMs, 0));
  const { rule, title } = finding;
  return markup`    <testcase classname="steady-lab.${rule}" name="${rule} ${title}" time="${time}">${verdict(finding)}</testcase>
`;
}

function verdict(finding: Finding): Markup | undefined {
  if (finding.verdict === "passed") return undefined;
  if (isSkipped(finding)) return markup`<skipped>${finding.what}</skipped>`;
  return finding.verdict === "failed"
    ? markup`<failure type="${finding.severity}" message="${finding.what}">${lines(finding)}</failure>`
    : markup`<error type="could-not-test" message="${finding.what}">${lines(finding)}</error>`;
}

/** One line each, so that a value cannot pretend to be another line: its line ends are made visible. */
function lines({ what, why, change, evidence, rule }: Finding): Markup[] {
  const labelled = [
    what,
    why && `Why: ${why}`,
    change && `Change: ${change}`,
    ...evidence.map((line) => `Seen: ${line}`),
    `More: ${rulePage(rule)}`,
  ];
  return labelled
    .filter((line) => line !== "")
    .map(
      (line) => markup`${line}
`,
    );
}

function isSkipped({ verdict, because }: Finding): boolean {
  return verdict === "could-not-test" && because === "absent";
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}
