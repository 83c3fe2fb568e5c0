// What --openmetrics says, as those read it who are to: Prometheus' own checker, the strict parser of the specification,
// node_exporter; and the rules of docs/alerts.yml, each in a case in which it fires and one in which it does not.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { MESSAGES } from "../../texts/messages.ts";
import { ROOT } from "../../tools/build.ts";
import { needs } from "../lib/needs.ts";
import { asPid1, needsPidNamespace, needsProgram, STEADY, start, until } from "../lib/process.ts";

const ALERTS = join(ROOT, "docs/alerts.yml");
const CASES = join(ROOT, "docs/alerts.test.yml");
const NAMES = ["plain", "hostile"] as const;

/** A container that asks about itself; its main program is a shell, called so that it might break what is said of it. */
function asking(name: (typeof NAMES)[number]): string[] {
  const rename = `printf '"}\\n# EOF\\n{\\\\' >/proc/$$/comm;`;
  return asPid1([STEADY, "--", "sh", "-c", `${name === "hostile" ? rename : ""} "$@"; :`, "sh", STEADY]);
}

function metrics(name: (typeof NAMES)[number]): string {
  const [program = "", ...args] = [...asking(name), "--openmetrics"];
  const { stdout, status, stderr } = spawnSync(program, args, { encoding: "latin1" });
  assert.deepEqual([status, stderr], [0, ""]);
  assert.ok(stdout.endsWith("\n# EOF\n"), stdout);
  return stdout;
}

test("promtool check metrics finds nothing to say of the metrics", (context) => {
  if (!needsPidNamespace(context) || !needsProgram(context, "promtool", "apt-get install prometheus")) return;
  const check = (input: string) => spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
  for (const name of NAMES) {
    const { status, stdout, stderr } = check(metrics(name));
    assert.deepEqual([status, stdout, stderr], [0, "", ""], name);
  }
  const wrong = metrics("plain").replaceAll("steady_zombies ", "steady_zombies_total ");
  assert.notEqual(check(wrong).status, 0, "it does look");
});

const PARSER = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as families
print(json.dumps([[f.name, f.type, [s.labels for s in f.samples]] for f in families(sys.stdin.read())]))
`;

function needsParser(context: TestContext): boolean {
  const { status } = spawnSync("/usr/bin/python3", ["-c", "import prometheus_client.openmetrics.parser"]);
  return needs(
    context,
    status === 0,
    "Python's prometheus_client",
    "apt-get install python3-prometheus-client",
  );
}

test("the strict parser of OpenMetrics reads the metrics, and a hostile name as it is", (context) => {
  if (!needsPidNamespace(context) || !needsParser(context)) return;
  for (const name of NAMES) {
    const { stdout, stderr } = spawnSync("/usr/bin/python3", ["-c", PARSER], {
      input: metrics(name),
      encoding: "utf8",
    });
    assert.equal(stderr, "");
    const families = JSON.parse(stdout) as [string, string, Record<string, string>[]][];
    assert.ok(families.length > 8);
    const main = families.find(([family]) => family === "steady_main_program_info")?.[2][0];
    assert.equal(main?.name, name === "plain" ? "sh" : '"}\\x0a# EOF\\x0a{\\');
    for (const [family, type] of families)
      assert.equal(type, family.endsWith("_total") ? "unknown" : "gauge", family);
  }
});

test("the rules are right, and each has a case in which it fires and one in which it does not", (context) => {
  if (!needsProgram(context, "promtool", "apt-get install prometheus")) return;
  for (const args of [
    ["check", "rules", ALERTS],
    ["test", "rules", CASES],
  ]) {
    const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8" });
    assert.equal(status, 0, stdout + stderr);
  }
  const [rules, cases] = [readFileSync(ALERTS, "utf8"), readFileSync(CASES, "utf8")];
  const names = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  assert.ok(names.length >= 9);
  for (const name of names) {
    const asked = [...cases.matchAll(new RegExp(`alertname: ${name}(\\}|\\n +exp_alerts:)`, "g"))];
    assert.deepEqual(asked.map(([, end]) => end === "}").sort(), [false, true], name);
  }
});

test("every metric that a rule asks for is one that is said", () => {
  const asked = new Set(readFileSync(ALERTS, "utf8").match(/\bsteady_[a-z_]+/g));
  assert.ok(asked.size > 8);
  const families = [...MESSAGES.StatusMetrics.matchAll(/%m.[a-zA-Z]([a-z_]+) /g)];
  const said = families.map(([, name]) => `steady_${name}`);
  assert.deepEqual(
    [...asked].filter((name) => !said.includes(name)),
    [],
  );
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Runs docs/textfile.sh; answers its status. */
function writeTextfile(folder: string, name: string, ...command: string[]): number | null {
  return spawnSync(join(ROOT, "docs/textfile.sh"), [folder, name, ...command]).status;
}

function temporary(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "steady-textfile-"));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("two containers come through node_exporter's textfile collector, each with its label", async (context) => {
  const exporter = "prometheus-node-exporter";
  if (!needsPidNamespace(context) || !needsProgram(context, exporter, `apt-get install ${exporter}`)) return;
  const folder = temporary(context);
  for (const name of NAMES) assert.equal(writeTextfile(folder, name, ...asking(name)), 0);
  assert.deepEqual(readdirSync(folder).sort(), ["steady-hostile.prom", "steady-plain.prom"]);
  const address = `127.0.0.1:${await freePort()}`;
  start(context, [
    exporter,
    "--collector.disable-defaults",
    "--collector.textfile",
    `--collector.textfile.directory=${folder}`,
    `--web.listen-address=${address}`,
  ]);
  const text = await until("its answer", () => {
    const { stdout, status } = spawnSync("curl", ["-sf", `http://${address}/metrics`], { encoding: "utf8" });
    return status === 0 && stdout;
  });
  assert.match(text, /^node_textfile_scrape_error 0$/m);
  for (const name of NAMES) {
    assert.match(text, new RegExp(`^steady_processes\\{container="${name}"\\} \\d+$`, "m"));
    assert.match(
      text,
      new RegExp(`^steady_init_info\\{by="file",container="${name}",kind="steady"\\} 1$`, "m"),
    );
  }
});

test("what is not whole, or has no name, does not take the place of what was there", (context) => {
  const folder = temporary(context);
  const file = join(folder, "steady-web.prom");
  writeFileSync(file, "before\n");
  for (const [name, command] of [
    ["web", ["false"]],
    ["web", ["echo", "steady_processes 1"]],
    ["web", ["no-such-program"]],
    ["../web", ["true"]],
    ['a"b', ["true"]],
    ["", ["true"]],
  ] as const) {
    assert.notEqual(writeTextfile(folder, name, ...command), 0, name);
    assert.deepEqual([readdirSync(folder), readFileSync(file, "utf8")], [["steady-web.prom"], "before\n"]);
  }
});
