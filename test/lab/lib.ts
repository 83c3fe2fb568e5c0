// Checks of the bundled applications, and the answers that the tests look for.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, dirname } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type CheckOptions, check, type Finding, type Report, RULES } from "../../lab/index.ts";
import { needsPidNamespace, needsProgram } from "../lib/process.ts";
import { twice } from "../lib/twice.ts";

export const APPLICATIONS = fileURLToPath(new URL("../../lab/applications", import.meta.url));

export interface Application {
  readonly name: string;
  readonly command: string[];
  readonly settings?: CheckOptions;
  readonly failed: readonly string[];
  readonly hindered: readonly string[];
  /** Words that the advice of a rule must contain. */
  readonly changes?: Readonly<Record<string, string>>;
}

type Expect = (rules: readonly string[], settings: CheckOptions) => void;

/** Calls `body` for each application with a function that makes the test of it. */
export function eachApplication(body: (application: Application, expect: Expect) => void): void {
  const text = readFileSync(`${APPLICATIONS}/expected.json`, "utf8");
  for (const application of JSON.parse(text) as Application[])
    body(application, (rules, settings) => testOf(application, rules, settings));
}

function testOf(application: Application, rules: readonly string[], settings: CheckOptions): void {
  test(application.name, async (context) => {
    if (!needsPidNamespace(context)) return;
    if (
      application.command.includes("python3") &&
      !needsProgram(context, "python3", "apt-get install python3")
    )
      return;
    await twice(() => judge(application, rules, settings));
  });
}

async function judge(
  application: Application,
  rules: readonly string[],
  settings: CheckOptions,
): Promise<void> {
  const report = await checkOf({ command: application.command, ignore: only(...rules), ...settings });
  const shown = report.findings.map(({ rule, verdict, what }) => `${rule} ${verdict}: ${what}`).join("\n");
  const told = (is: (finding: Finding) => boolean) => report.findings.filter(is).map(({ rule }) => rule);
  const expected = (list: readonly string[]) => list.filter((rule) => rules.includes(rule));
  assert.deepEqual(
    told(({ verdict }) => verdict === "failed"),
    expected(application.failed),
    shown,
  );
  assert.deepEqual(
    told(({ because }) => because === "hindered"),
    expected(application.hindered),
    shown,
  );
  for (const [rule, words] of Object.entries(application.changes ?? {}))
    if (rules.includes(rule)) assert.ok(findingOf(report, rule).change.includes(words), shown);
}

/** A check in the folder of the applications, where `node` is the Node of this test. */
export function checkOf(options: CheckOptions, env: NodeJS.ProcessEnv = {}): Promise<Report> {
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}`;
  return check({ cwd: APPLICATIONS, ...options }, { env: { ...process.env, PATH, ...env } });
}

export function findingOf(report: Report, rule: string): Finding {
  const found = report.findings.find((finding) => finding.rule === rule);
  assert.ok(found, `the report says nothing of ${rule}`);
  return found;
}

/** What to ignore so that these rules alone are asked about. */
export function only(...rules: string[]): string[] {
  return RULES.map(({ id }) => id).filter((id) => !rules.includes(id));
}

export function pathOf(program: string): string {
  return spawnSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).stdout.trim();
}
