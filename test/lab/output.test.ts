// What a person and a CI runner read: the report in a terminal, the annotations, and where each form goes.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { annotations } from "../../lab/output/annotations.ts";
import { terminalReport } from "../../lab/output/terminal.ts";
import { visible } from "../../lab/output/visible.ts";
import { duration, headline, tried } from "../../lab/output/words.ts";
import type { Report } from "../../lab/report.ts";
import { needsPidNamespace } from "../lib/process.ts";
import { APPLICATIONS, only } from "./lib.ts";
import { FAILING, HOSTILE, HOSTILE_REPORT, PASSING, UNTESTED } from "./reports.ts";

const OUTPUT = join(import.meta.dirname, "../../lab/output.ts");
const BIN = join(import.meta.dirname, "../../lab/bin.ts");
const plain = (report: Report, width = 80): string => terminalReport(report, { width, colour: false });

test("the terminal report tells the worst finding first, then what passed, then what was tried", () => {
  const text = plain(FAILING);
  const order = [
    "✗ node was still there",
    "! worker-4 (pid 24)",
    "i SIGUSR1 opened",
    "✓ 4 passed",
    "– 1 not asked",
  ];
  const places = [...order, "Tried: 2 runs", "3 findings: 1 error, 1 warning, 1 note"].map((each) =>
    text.indexOf(each),
  );
  assert.ok(!places.includes(-1), text);
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
});

test("each finding says what happened, why it matters and what to change", () => {
  for (const { what, why, change, rule } of FAILING.findings.filter(({ verdict }) => verdict === "failed")) {
    const text = plain(FAILING).replace(/\s+/g, " ");
    for (const part of [what, `Why ${why}`, `Change ${change}`, `docs/rules/${rule}.md`])
      assert.ok(text.includes(part), part);
  }
});

test("what could not be tested is told as a finding is, and never as a pass", () => {
  const text = plain(UNTESTED);
  assert.match(text, /^\? The program ended after 12 ms with status 127/m);
  assert.match(text, /could not test: starts/);
  assert.match(text, /^1 rule could not be tested$/m);
  assert.doesNotMatch(text, /✓|passed/);
});

test("rules that could not be tested for the same reason are told once, with all their names", () => {
  const [first] = UNTESTED.findings;
  assert.ok(first !== undefined);
  const more = ["SL002", "SL003"].map((rule) => ({ ...first, rule, title: `title of ${rule}` }));
  const report: Report = { ...UNTESTED, findings: [first, ...more] };
  assert.equal(plain(report).match(/^\? /gm)?.length, 1);
  assert.match(plain(report), /Rules {3}could not test: starts · title of SL002 · title of SL003/);
  assert.match(plain(report), /^3 rules could not be tested$/m);
  assert.equal(annotations(report, undefined).match(/^::/gm)?.length, 1);
});

test("no line is wider than the terminal, and none ends in a space", () => {
  for (const width of [32, 40, 60, 80, 96, 200]) {
    for (const report of [FAILING, PASSING, UNTESTED, HOSTILE_REPORT]) {
      for (const line of plain(report, width).split("\n")) {
        assert.ok(line.length <= Math.min(width, 96), `${width}: ${line}`);
        assert.doesNotMatch(line, / $/);
      }
    }
  }
});

test("colour adds nothing to the words", () => {
  for (const report of [FAILING, PASSING, UNTESTED, HOSTILE_REPORT]) {
    const coloured = terminalReport(report, { width: 80, colour: true });
    assert.notEqual(coloured, plain(report));
    assert.equal(stripVTControlCharacters(coloured), plain(report));
  }
});

test("only the colours red, magenta and green and bold are used: yellow fails on white, blue on black", () => {
  const coloured = terminalReport(FAILING, { width: 80, colour: true });
  const [, ...styles] = coloured.split("\u001b[");
  const codes = new Set(styles.map((style) => style.slice(0, style.indexOf("m"))));
  assert.deepEqual([...codes].toSorted(), ["1", "22", "31", "32", "35", "39"]);
});

test("no character that a terminal acts on gets through, whoever chose it", () => {
  assert.doesNotMatch(plain(HOSTILE_REPORT), /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
});

test("characters that cannot be seen are spelled out, all others stay", () => {
  assert.equal(
    visible("\u001b[31m\u009b\u202e\n\t\u0000\u2028"),
    "\\x1b[31m\\x9b\\u{202e}\\n\\t\\x00\\u{2028}",
  );
  assert.equal(visible("naïve 日本語 👍 ✗ café"), "naïve 日本語 👍 ✗ café");
  assert.equal(visible("\ud800 \uffff \u{1fffe}"), "\\u{d800} \\u{ffff} \\u{1fffe}");
});

test("an annotation is one line for each finding, which nobody's text can leave", () => {
  const lines = annotations(HOSTILE_REPORT, "server.js").trimEnd().split("\n");
  assert.equal(lines.length, HOSTILE.length + 1);
  for (const line of lines) assert.match(line, /^::(error|warning|notice) (\w+=[^:,]*,?)*::[^\r\n]*$/);
});

test("annotations name the finding's file and line, else the program's file, and carry the finding's severity", () => {
  const lines = annotations(FAILING, "index.js").trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => line.slice(0, line.indexOf("::", 2))),
    [
      "::error file=index.js,line=1,title=SL002 failed%3A stops on its stop signal",
      "::warning file=index.js,line=1,title=SL004 failed%3A reaps its own children",
      "::notice file=server.js,line=3,title=SL005 failed%3A leaves SIGUSR1 alone",
    ],
  );
  assert.match(
    annotations(UNTESTED, undefined),
    /^::warning title=SL001 could not test%3A starts::The program/,
  );
});

test("durations are told as people say them", () => {
  const told = [0, 7.4, 999, 999.6, 1_000, 1_234, 10_000, 59_940, 60_000, 76_000].map(duration);
  assert.deepEqual(told, [
    "0 ms",
    "7 ms",
    "999 ms",
    "1.0 s",
    "1 s",
    "1.2 s",
    "10 s",
    "59.9 s",
    "1 min",
    "1 min 16 s",
  ]);
});

test("the last lines count what there was", () => {
  assert.equal(headline(PASSING), "Nothing found: 4 rules passed");
  assert.equal(headline({ ...PASSING, findings: [] }), "Nothing was tested");
  assert.match(
    tried(FAILING),
    /^Tried: 2 runs with 34 signals and 1,204 requests in 12\.3 s, at most 8 side by side\./,
  );
  assert.match(tried(PASSING), /^Tried: 1 run with 34 signals in 12\.3 s\. Grace period: 10 s\.$/);
});

test("NO_COLOR, FORCE_COLOR and a pipe decide about colour", (context) => {
  const coloured = (env: NodeJS.ProcessEnv): boolean =>
    write(context, FAILING, {}, env).stdout.includes("\u001b[");
  assert.equal(coloured({}), false);
  assert.equal(coloured({ FORCE_COLOR: "1" }), true);
  assert.equal(coloured({ NO_COLOR: "1" }), false);
  assert.equal(coloured({ FORCE_COLOR: "0" }), false);
});

test("--json is all there is on stdout, in GitHub Actions, too", (context) => {
  const { stdout, stderr } = write(context, FAILING, { json: true }, { GITHUB_ACTIONS: "true" });
  assert.deepEqual(JSON.parse(stdout), FAILING);
  assert.match(stderr, /^::error /m);
});

test("in GitHub Actions a log line in the report is no command: commands are off until a word nobody knows", (context) => {
  const { stdout } = write(context, HOSTILE_REPORT, {}, { GITHUB_ACTIONS: "true" });
  const [, word = "", rest = ""] = /^::stop-commands::(\S{36})\n([\s\S]*)$/.exec(stdout) ?? [];
  const [told, after = ""] = rest.split(`\n::${word}::\n`);
  assert.ok(told?.includes("##[error]owned"));
  assert.equal(after, annotations(HOSTILE_REPORT, undefined));
});

test("without GITHUB_ACTIONS there are no annotations", (context) => {
  const { stdout, stderr } = write(context, FAILING, {}, {});
  assert.doesNotMatch(stdout + stderr, /^::/m);
});

test("files are written, into folders that are made, and one that cannot be is an error that names it", (context) => {
  const folder = temporary(context);
  const paths = {
    junit: join(folder, "a/b/junit.xml"),
    sarif: join(folder, "x.sarif"),
    html: join(folder, "x.html"),
  };
  const { status, stderr } = write(context, FAILING, paths, {});
  assert.equal(status, 0, stderr);
  assert.match(readFileSync(paths.junit, "utf8"), /^<\?xml/);
  assert.equal(JSON.parse(readFileSync(paths.sarif, "utf8")).version, "2.1.0");
  assert.match(readFileSync(paths.html, "utf8"), /^<!doctype html>/);
  const impossible = write(context, FAILING, { html: join(folder, "x.sarif/page.html") }, {});
  assert.match(impossible.stderr, /OutputError: cannot write \S+page\.html: /);
});

test("a reader that has read enough is no error", (context) => {
  const many: Report = { ...FAILING, runs: FAILING.runs.flatMap((run) => Array(400).fill(run)) };
  const script = scriptOf(context, many, { json: true });
  const command = ["-c", '"$1" "$2" | head -n 1', "sh", process.execPath, script];
  const { stdout, stderr } = spawnSync("sh", command, { encoding: "utf8" });
  assert.deepEqual([stdout, stderr], ["{\n", ""]);
});

test("one check tells the same in all forms at once", (context) => {
  if (!needsPidNamespace(context)) return;
  const folder = temporary(context);
  const files = ["junit.xml", "x.sarif", "x.html"].map((name) => join(folder, name));
  const [junit = "", sarif = "", html = ""] = files;
  const forms = ["--json", "--junit", junit, "--sarif", sarif, "--html", html];
  const rules = ["--ignore", only("SL001", "SL002", "SL013").join(","), "--grace", "1s"];
  const args = [BIN, "check", ...forms, ...rules, "--cwd", APPLICATIONS, "--", "sh", "ignoring.sh"];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  const report = JSON.parse(stdout) as Report;
  const failed = report.findings.filter(({ verdict }) => verdict === "failed");
  assert.deepEqual([status, failed.map(({ rule }) => rule)], [1, ["SL002"]]);
  const [what = ""] = failed.map((finding) => finding.what);
  assert.equal(readFileSync(junit, "utf8").match(/<failure /g)?.length, 1);
  assert.ok(readFileSync(junit, "utf8").includes(`message="${what}"`));
  const [result, ...others] = JSON.parse(readFileSync(sarif, "utf8")).runs[0].results;
  assert.deepEqual([result.ruleId, result.properties.what, others], ["SL002", what, []]);
  const [location] = result.locations;
  assert.equal(location.physicalLocation.artifactLocation.uri, "ignoring.sh");
  assert.equal(readFileSync(html, "utf8").match(/<article /g)?.length, 1);
  assert.equal(readFileSync(html, "utf8").match(/<section class="run"/g)?.length, report.runs.length);
});

/** Another process writes the report: its variables and its streams are what is tested. */
function write(context: TestContext, report: Report, options: object, env: NodeJS.ProcessEnv) {
  const { NO_COLOR: _, FORCE_COLOR: __, GITHUB_ACTIONS: ___, NODE_TEST_CONTEXT: ____, ...rest } = process.env;
  return spawnSync(process.execPath, [scriptOf(context, report, options)], {
    encoding: "utf8",
    env: { ...rest, ...env },
    maxBuffer: 1 << 26,
  });
}

function scriptOf(context: TestContext, report: Report, options: object): string {
  const folder = temporary(context);
  writeFileSync(join(folder, "report.json"), JSON.stringify(report));
  const lines = [
    `import { readFileSync } from "node:fs";`,
    `import { writeReport } from ${JSON.stringify(OUTPUT)};`,
    `const report = JSON.parse(readFileSync(${JSON.stringify(join(folder, "report.json"))}, "utf8"));`,
    `await writeReport(report, ${JSON.stringify(options)});`,
  ];
  const script = join(folder, "write.mjs");
  writeFileSync(script, lines.join("\n"));
  return script;
}

function temporary(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "steady-lab-output-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
