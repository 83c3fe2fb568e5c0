// The files that a check writes are what they claim to be: JSON, JUnit and SARIF are held against their schemas, for
// reports of real checks and for one whose program chose every name to do harm.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import schema from "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json" with { type: "json" };
import { Ajv2020 } from "ajv/dist/2020.js";
import AjvDraft04 from "ajv-draft-04";
import type { Log, Result } from "sarif";
import { validateXML } from "xmllint-wasm";
import { jsonReport } from "../../lab/output/json.ts";
import { junitReport } from "../../lab/output/junit.ts";
import { sarifReport } from "../../lab/output/sarif.ts";
import type { Report } from "../../lab/report.ts";
import { reportSchemaText } from "../../lab/schema/report.ts";
import { FAILING, HOSTILE, HOSTILE_REPORT, PASSING, UNTESTED } from "./reports.ts";

const SOURCES = { documents: "https://example.org/steady/", file: "server.js" };
const read = (path: string): string => readFileSync(join(import.meta.dirname, path), "utf8");

/** Those that were made here, and those of checks that were run. */
const REPORTS: ReadonlyMap<string, Report> = new Map([
  ["FAILING", FAILING],
  ["PASSING", PASSING],
  ["UNTESTED", UNTESTED],
  ["HOSTILE_REPORT", HOSTILE_REPORT],
  ...readdirSync(join(import.meta.dirname, "reports"))
    .filter((name) => name.endsWith(".json"))
    .map((name): [string, Report] => [name, JSON.parse(read(`reports/${name}`)) as Report]),
]);

test("the schema of the report in lab/schema is the one that npm run lab:build writes", () => {
  assert.ok(read("../../lab/schema/report.schema.json") === reportSchemaText(), "run it again");
});

test("--json follows its schema and gives every character back", () => {
  const validate = new Ajv2020({ formats: { "date-time": isTime } }).compile(JSON.parse(reportSchemaText()));
  for (const [name, report] of REPORTS) {
    const text = jsonReport(report);
    assert.ok(validate(JSON.parse(text)), `${name}: ${JSON.stringify(validate.errors)}`);
    assert.deepEqual(JSON.parse(text), report);
    assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    assert.doesNotMatch(text, /##\[|^\s*::/m);
  }
  const { exitStatus: _, ...rest } = FAILING;
  assert.ok(!validate(rest));
  assert.ok(!validate({ ...FAILING, findings: [{ ...FAILING.findings[0], verdict: "silence" }] }));
});

test("--junit is XML that the schema of Jenkins accepts, and says failure, error and skipped for what is no pass", async () => {
  for (const [name, report] of REPORTS) {
    const { valid, errors } = await xmllint(junitReport(report));
    assert.ok(valid, `${name}: ${errors.map(({ rawMessage }) => rawMessage).join("\n")}`);
  }
  const { valid } = await xmllint("<testsuites><testsuite/></testsuites>");
  assert.ok(!valid);
  const text = junitReport(FAILING);
  assert.match(text, /<testsuite [^>]*tests="8" failures="3" errors="0" skipped="1"/);
  assert.equal(text.match(/<failure /g)?.length, 3);
  assert.match(junitReport(UNTESTED), /tests="1" failures="0" errors="1" skipped="0"/);
  assert.match(junitReport(UNTESTED), /<error type="could-not-test" message="The program ended after 12 ms/);
});

test("a text in JUnit XML stays the text of its element", () => {
  const text = junitReport(HOSTILE_REPORT);
  assert.equal(text.match(/<failure /g)?.length, HOSTILE.length);
  assert.doesNotMatch(text, /<script|<failure\/>|<img|onfocus='/);
});

test("--sarif follows the schema of SARIF 2.1.0", () => {
  const ajv = new AjvDraft04.default({
    strict: false,
    unicodeRegExp: false,
    formats: { uri: URL.canParse, "uri-reference": isReference, "date-time": isTime },
  });
  const validate = ajv.compile(schema);
  for (const [name, report] of REPORTS) {
    assert.ok(validate(log(report)), `${name}: ${JSON.stringify(validate.errors)}`);
  }
  assert.ok(!validate({ ...log(FAILING), version: "1.0.0" }));
  const { runs } = log(FAILING);
  assert.ok(!validate({ version: "2.1.0", runs: [{ ...runs[0], results: [{ level: "bad" }] }] }));
});

test("SARIF has a result for what failed, a rule for all, a page for each rule, a notification for what was not tested", () => {
  const [run] = log(FAILING).runs;
  assert.deepEqual(
    run?.results?.map(({ ruleId, level }) => `${ruleId} ${level}`),
    ["SL002 error", "SL004 warning", "SL005 note"],
  );
  const rules = run?.tool.driver.rules ?? [];
  assert.equal(rules.length, FAILING.findings.length);
  for (const { id, helpUri } of rules)
    assert.equal(helpUri, `https://example.org/steady/docs/rules/${id}.md`);
  for (const result of run?.results ?? []) assert.equal(rules[result.ruleIndex ?? -1]?.id, result.ruleId);
  const [untested] = log(UNTESTED).runs;
  assert.deepEqual(untested?.results, []);
  const [invocation] = untested?.invocations ?? [];
  assert.equal(invocation?.executionSuccessful, false);
  assert.match(
    invocation?.toolExecutionNotifications?.[0]?.message.text ?? "",
    /^SL001 could not be tested: /,
  );
});

test("a fingerprint is the same whatever was measured, and another for another rule, program or init", () => {
  const [failed] = results(FAILING);
  const later: Report = {
    ...FAILING,
    startedAt: "2027-01-01T00:00:00.000Z",
    durationMs: 1,
    findings: FAILING.findings.map((each) => ({ ...each, what: "something else", evidence: ["5 ms"] })),
  };
  assert.deepEqual(results(later)[0]?.partialFingerprints, failed?.partialFingerprints);
  const others: Report[] = [
    { ...FAILING, subject: { ...FAILING.subject, command: ["node", "other.js"] } },
    { ...FAILING, environment: { ...FAILING.environment, init: { kind: "steady", name: "steady" } } },
  ];
  const all = [...results(FAILING), ...others.flatMap((report) => results(report).slice(0, 1))];
  const prints = all.map(({ partialFingerprints }) => JSON.stringify(partialFingerprints));
  assert.equal(new Set(prints).size, 5);
});

test("a log line is no link and no placeholder in a message of SARIF", () => {
  const texts = results(HOSTILE_REPORT).map(({ message }) => message.text ?? "");
  assert.ok(texts.some((text) => text.includes("[click] (https://example.invalid) { 0}")));
  assert.doesNotMatch(texts.join("\n"), /\]\(|\{\d|[^\P{Cc}\n]|\p{Cf}/u);
});

function log(report: Report): Log {
  return JSON.parse(sarifReport(report, SOURCES)) as Log;
}

function results(report: Report): Result[] {
  return log(report).runs[0]?.results ?? [];
}

function isReference(text: string): boolean {
  return URL.canParse(text, "https://example.org/");
}

function isTime(text: string): boolean {
  return !Number.isNaN(Date.parse(text));
}

function xmllint(xml: string) {
  return validateXML({
    xml: { fileName: "report.xml", contents: xml },
    schema: { fileName: "junit.xsd", contents: read("junit.xsd") },
  });
}
