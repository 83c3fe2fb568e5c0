// The lab's command line: what is wrong is told in a sentence with status 64, settings come from the command line, the
// file and the defaults in this order, and whoever breaks a check off finds nothing left of it.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Report } from "../../lab/index.ts";
import { main } from "../../lab/main.ts";
import { jsonSchema, numberOf, parseSignal, understand } from "../../lab/settings.ts";
import {
  needsPidNamespace,
  needsProgram,
  needsRoot,
  processesOf,
  STEADY,
  start,
  until,
} from "../lib/process.ts";
import { APPLICATIONS, only } from "./lib.ts";

const BIN = fileURLToPath(new URL("../../lab/bin.ts", import.meta.url));
const SCHEMA = fileURLToPath(new URL("../../lab/steady-lab.schema.json", import.meta.url));

function lab(args: readonly string[], cwd = APPLICATIONS, before: readonly string[] = []) {
  return spawnSync(process.execPath, [...before, BIN, ...args], { cwd, encoding: "utf8" });
}

test("help that nobody reads to its end is no failure", () => {
  const closed = 'pipe my $from, my $to; close $from; open STDOUT, ">&", $to; exec @ARGV';
  for (const command of [["--help"], ["attack", "--help"], ["attack", "--list"]]) {
    const words = ["-e", closed, process.execPath, BIN, ...command];
    const { status, stderr } = spawnSync("perl", words, { encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""], command.join(" "));
  }
});

const WRONG: readonly (readonly [string[], RegExp])[] = [
  [["check"], /nothing to check: write -- PROGRAM ARGS, or --image IMAGE/],
  [["check", "--grace", "10", "--", "true"], /grace: a duration is a number with its unit/],
  [["check", "--grace", "0s", "--", "true"], /grace: 0s is not between/],
  [
    ["check", "--ready", "SOON", "--", "true"],
    /ready: readiness is TCP:PORT, HTTP:URL, LOG:REGEX or AFTER:2s/,
  ],
  [["check", "--ready", "TCP:70000", "--", "true"], /70000 is no TCP port/],
  [["check", "--ready", "LOG:(", "--", "true"], /ready: Invalid regular expression/],
  [["check", "--signals", "TERM,NOSUCH", "--", "true"], /there is no signal NOSUCH/],
  [["check", "--signals", "KILL", "--", "true"], /no program can handle SIGKILL/],
  [["check", "--init", "/nonexistent", "--", "true"], /init: \/nonexistent cannot be executed/],
  [["check", "--ignore", "X1", "--", "true"], /a rule is SL and three digits/],
  [["check", "--fail-on", "all", "--", "true"], /failOn: Invalid option/],
  [["check", "--nosuch", "--", "true"], /unknown option '--nosuch'/],
  [["nosuch"], /unknown command 'nosuch'/],
];

for (const [args, sentence] of WRONG) {
  test(`wrong usage is a sentence and status 64: ${args.join(" ")}`, async (context) => {
    const written = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const)
      context.mock.method(process[stream], "write", (text: string) => {
        written[stream] += text;
        return true;
      });
    const status = await main(args);
    context.mock.restoreAll();
    assert.match(written.stderr, sentence);
    assert.deepEqual([status, written.stdout], [64, ""]);
  });
}

test("wrong usage ends the command with 64", () => {
  const { status, stderr } = lab(["check"]);
  assert.deepEqual(
    [status, stderr],
    [64, "steady-lab: nothing to check: write -- PROGRAM ARGS, or --image IMAGE\n"],
  );
});

test("an old Node gets a sentence before anything is loaded", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "steady-lab-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const old = join(folder, "old.mjs");
  writeFileSync(old, 'Object.defineProperty(process, "versions", { value: { node: "20.11.1" } });\n');
  const { status, stderr } = lab(["check", "--", "true"], APPLICATIONS, ["--import", old]);
  assert.equal(stderr, "steady-lab: Node 20.11.1 is too old: install Node 22.18 or newer\n");
  assert.equal(status, 64);
});

test("steady-lab.json gives what the command line does not, and nothing that the schema does not know", (context) => {
  if (!needsPidNamespace(context)) return;
  const folder = mkdtempSync(join(tmpdir(), "steady-lab-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const write = (settings: object) =>
    writeFileSync(join(folder, "steady-lab.json"), JSON.stringify(settings));
  write({
    $schema: "./s.json",
    command: ["sh", "-c", "exit 3"],
    grace: "4s",
    stopSignal: "INT",
    failOn: "never",
  });
  const { stdout, stderr, status } = lab(["check", "--json", "--grace", "3s"], folder);
  const report = JSON.parse(stdout) as Report;
  assert.deepEqual(report.subject.command, ["sh", "-c", "exit 3"], stderr);
  assert.deepEqual([report.settings.graceMs, report.subject.stopSignal], [3_000, "SIGINT"]);
  // A finding that does not count, and what could not be tested after it.
  assert.equal(status, 2);
  write({ grace: "4s", gracious: true });
  const wrong = lab(["check", "--", "true"], folder);
  assert.deepEqual(
    [wrong.status, /Unrecognized key: "gracious"/.test(wrong.stderr)],
    [64, true],
    wrong.stderr,
  );
  writeFileSync(join(folder, "steady-lab.json"), "{");
  assert.match(lab(["check", "--", "true"], folder).stderr, /steady-lab.json cannot be read: /);
});

test("the schema in the repository is the one that settings are held against", () => {
  assert.deepEqual(JSON.parse(readFileSync(SCHEMA, "utf8")), jsonSchema());
});

test("signals are known by name, with and without SIG, and by number, real-time ones included", () => {
  assert.deepEqual(["term", "SIGTERM", "15", "RTMIN+3", "37"].map(parseSignal), [
    "SIGTERM",
    "SIGTERM",
    "SIGTERM",
    "SIGRTMIN+3",
    "SIGRTMIN+3",
  ]);
  assert.deepEqual(
    ["SIGHUP", "SIGTERM", "SIGWINCH", "SIGSYS", "SIGRTMIN+30"].map(numberOf),
    [1, 15, 28, 31, 64],
  );
  assert.equal(numberOf("SIGRTMIN+31"), undefined);
  assert.throws(() => parseSignal("65"), /there is no signal 65/);
});

test("a readiness is understood as it is written", () => {
  const kind = (ready: string) => understand({ command: ["true"], ready }).ready;
  assert.deepEqual(kind("TCP:8080"), { text: "TCP:8080", kind: "tcp", port: 8080 });
  assert.deepEqual(kind("AFTER:1.5s"), { text: "AFTER:1.5s", kind: "after", ms: 1_500 });
  assert.deepEqual(kind("LOG:up: .*"), { text: "LOG:up: .*", kind: "log", pattern: /up: .*/ });
  assert.deepEqual(kind("HTTP:http://localhost:1/a"), {
    text: "HTTP:http://localhost:1/a",
    kind: "http",
    url: "http://localhost:1/a",
  });
});

/** A check that would go on for long, broken off while programs run; whose family is found by their environment. */
async function breakOff(context: TestContext, signal: NodeJS.Signals) {
  const args = [
    "check",
    "--grace",
    "60s",
    "--ignore",
    only("SL002", "SL005").join(","),
    "--",
    "sh",
    "ignoring.sh",
  ];
  const run = start(context, [process.execPath, BIN, ...args], { cwd: APPLICATIONS });
  const inside = () => family(run.pid).filter((command) => command === "sh ignoring.sh ");
  await until("the program to run", () => inside().length > 0);
  run.child.kill(signal);
  const end = await run.ends();
  await until(
    () => `nothing to be left, but there is ${family(run.pid).join("; ")}`,
    () => family(run.pid).length === 0,
  );
  return { ...end, said: run.stderr };
}

/** The command lines of everything that carries the mark which `start` gave to process `pid`, itself not included. */
function family(pid: number): string[] {
  const read = (one: string, file: string) => {
    try {
      return readFileSync(`/proc/${one}/${file}`, "latin1");
    } catch {
      return "";
    }
  };
  marks.set(pid, marks.get(pid) ?? markIn(read(String(pid), "environ")));
  const mark = marks.get(pid) ?? "";
  return readdirSync("/proc")
    .filter((one) => /^\d+$/.test(one) && one !== String(pid))
    .filter((one) => mark !== "" && read(one, "environ").split("\0").includes(mark))
    .map((one) => read(one, "cmdline").replaceAll("\0", " "));
}

const marks = new Map<number, string>();

function markIn(environment: string): string {
  return environment.split("\0").find((each) => each.startsWith("TEST_FAMILY=")) ?? "";
}

test("Ctrl-C ends the check and everything that it started", async (context) => {
  if (!needsPidNamespace(context)) return;
  const { status, said } = await breakOff(context, "SIGINT");
  assert.deepEqual([status, said], [130, "steady-lab: broken off by SIGINT; nothing is left running\n"]);
});

test("a lab that is killed leaves nothing behind, either", async (context) => {
  if (!needsPidNamespace(context)) return;
  assert.equal((await breakOff(context, "SIGKILL")).signal, "SIGKILL");
});

for (const command of ["attack", "conform", "fuzz", "bench", "report"])
  test(`${command} tells on a terminal how far it is, and Ctrl-C there leaves no process, file or group`, async (context) => {
    if (!needsRoot(context) || !needsPidNamespace(context)) return;
    if (!needsProgram(context, "script", "apt-get install bsdutils")) return;
    if (!needsProgram(context, "cc", "apt-get install gcc libc6-dev")) return;
    const folder = mkdtempSync(join(tmpdir(), "steady-broken-off-"));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const init = join(folder, "steady");
    copyFileSync(STEADY, init);
    const temporary = mkdtempSync(join(folder, "tmp-"));
    // The shell is the lab by then.
    const line = `echo $$ >${folder}/pid; exec ${process.execPath} ${BIN} ${command} ${init}`;
    const child = spawn("script", ["-qefc", line, "/dev/null"], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const status = new Promise((ended) => child.once("exit", (code) => ended(code)));
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    await until("an init that is at work", () => said.includes("; now: ") && processesOf(init).length > 0);
    child.stdin.write("\u0003");
    assert.equal(await status, 130);
    assert.match(said, /broken off by SIGINT; nothing is left running\r\n$/);
    await until("its end", () => processesOf(init).length === 0);
    const pid = readFileSync(join(folder, "pid"), "latin1").trim();
    const groups = ["/sys/fs/cgroup", "/sys/fs/cgroup/pids"].flatMap((root) => namesIn(root));
    assert.deepEqual([readdirSync(temporary), groups.filter((name) => name.includes(`-${pid}-`))], [[], []]);
  });

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
