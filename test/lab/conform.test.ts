// The matrix of how inits behave: that its rows are told, that a value is what an init does, and that none is claimed where
// the probe does not see.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { PROBES } from "../../lab/conform/all.ts";
import { matrixText, ranges } from "../../lab/conform/matrix.ts";
import { type ConformCell, type ConformReport, conform } from "../../lab/index.ts";
import { conformSchemaText } from "../../lab/schema/conform.ts";
import { needsPidNamespace, needsProgram, needsRoot, STEADY, until } from "../lib/process.ts";
import { BIN } from "./engine.ts";

const folder = mkdtempSync(join(tmpdir(), "steady-conform-"));
after(() => rmSync(folder, { recursive: true }));

const lab = (...args: string[]) =>
  spawnSync(process.execPath, [BIN, "conform", ...args], { encoding: "utf8" });
const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");
const PLAIN = { width: 80, colour: false };

/** What the rows are for this init, in the order that they are asked for in. */
async function values(init: string, only: readonly string[]): Promise<Record<string, string>> {
  const { cells } = await conform({ inits: [init], only });
  const word = ({ state, value, evidence }: ConformCell): string =>
    state === "probed" ? value : state === "not applicable" ? "–" : `? ${evidence}`;
  return Object.fromEntries(
    only.map((id) => [
      id,
      cells
        .filter(({ row }) => row === id)
        .map(word)
        .join(),
    ]),
  );
}

/** An init of the test's own. In perl, so that it can be any init: what it does to a signal is in `body`. */
function standIn(name: string, body: string): string {
  const path = join(folder, name);
  const start = "shift @ARGV; my $pid = fork // exit 9; if ($pid == 0) { exec { $ARGV[0] } @ARGV; exit 127 }";
  writeFileSync(path, `#!/usr/bin/perl\n${body.replace("START", start)}\n`, { mode: 0o755 });
  return path;
}
const WAITS =
  "while ((my $gone = wait) != $pid) { last if $gone < 0 && !$!{EINTR} } exit(($? & 127) ? 128 + ($? & 127) : $? >> 8);";

const needsAll = (context: Parameters<typeof needsRoot>[0]): boolean =>
  needsRoot(context) &&
  needsPidNamespace(context) &&
  needsProgram(context, "perl", "apt-get install perl-base");

test("every row has an id of its own, and a line with its title in docs/conform.md", () => {
  const rows = [...read("../../docs/conform.md").matchAll(/^\| `([\w-]+)` \| (.+?) \|/gm)];
  assert.deepEqual(
    rows.map(([, id, title]) => `${id} ${title}`),
    PROBES.map(({ id, title }) => `${id} ${title}`),
  );
  assert.equal(new Set(PROBES.map(({ id }) => id)).size, PROBES.length);
});

test("steady does what its contract says, in the rows that are quick to be probed", async (context) => {
  if (!needsAll(context)) return;
  const expected = {
    "pid1.9": "ends it",
    "pid1.10": "arrives",
    "pid1.11": "arrives",
    "pid1.17": "nothing",
    "pid1.19": "stops it",
    "pid1.32": "arrives",
    "inside.6": "arrives",
    value: "kept",
    handler: "143",
    reach: "program",
    "reach-single": "–",
    missing: "127",
    "no-permission": "126",
    "blocked-given": "kept",
    "ignored-given": "kept",
    descriptors: "kept",
    "descriptors-init": "closed",
    group: "own",
    session: "the init's",
    "given-back": "yes",
    left: "saves",
    "no-new-privs-init": "yes",
    "no-new-privs": "no",
  };
  assert.deepEqual(await values(STEADY, Object.keys(expected)), expected);
});

test("without an init the rows are what the kernel does alone, and what is an init's does not apply", async (context) => {
  if (!needsAll(context)) return;
  const expected = {
    "pid1.10": "arrives",
    handler: "runs on",
    killed: "no signal ends it",
    left: "killed",
    group: "–",
  };
  assert.deepEqual(await values("bare", Object.keys(expected)), expected);
});

test("what an init rewrites, keeps, dies of, changes or leaves is what its rows say", async (context) => {
  if (!needsAll(context)) return;
  const odd = standIn(
    "odd",
    `$SIG{USR1} = sub { kill 12, $::pid }; $SIG{USR2} = sub { kill 19, $::pid }; $SIG{HUP} = sub {}; $SIG{INT} = sub { exit 4 };
$SIG{PIPE} = "IGNORE"; $ENV{ODD} = 1; delete $ENV{NOTIFY_SOCKET}; $ENV{HOME} = "/elsewhere";
START
$::pid = $pid; ${WAITS}`,
  );
  const expected = {
    "pid1.10": "as 12",
    "pid1.12": "as 19",
    "pid1.1": "nothing",
    "pid1.2": "ends it",
    "inside.15": "ends it",
    ignored: "13",
    environment: "~HOME -NOTIFY_SOCKET +ODD",
    group: "the init's",
    "descriptors-init": "kept",
    left: "killed",
  };
  assert.deepEqual(await values(odd, Object.keys(expected)), expected);
  const vague = standIn("vague", "START\nwait; exit(($? >> 8) == 7 ? 8 : $? >> 8);");
  const { cells } = await conform({ inits: [vague], only: ["exit", "killed"] });
  assert.deepEqual(
    cells.map(({ value }) => value),
    ["differs", "differs"],
  );
  assert.match(cells[0]?.evidence ?? "", /: 7:8$/);
});

test("where the control does not hold nothing is claimed, and the status is 2", (context) => {
  if (!needsAll(context)) return;
  const { status, stdout } = lab(standIn("broken", "exit 1"), "--only", "missing,pid1.10,group", "--json");
  const { cells } = JSON.parse(stdout) as ConformReport;
  assert.equal(status, 2);
  assert.deepEqual(
    cells.map(({ state, value }) => `${state}${value}`),
    ["could not test", "could not test", "could not test"],
  );
  assert.match(cells.find(({ row }) => row === "missing")?.evidence ?? "", /does not even run true/);
});

test("the script that is printed probes the row by hand, and comes to the same", (context) => {
  if (!needsAll(context)) return;
  for (const [init, row, words] of [
    [STEADY, "pid1.15", /^cell: pid1\.15\tarrives\tsent 15/m],
    ["bare", "handler", /^cell: handler\truns on\t/m],
  ] as const) {
    const { stdout, status } = lab(init, "--script", row);
    assert.equal(status, 0);
    const script = join(folder, "script");
    writeFileSync(script, stdout);
    const namespace = ["--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", script];
    const played = spawnSync("unshare", namespace, { encoding: "utf8" });
    assert.match(played.stdout, words, played.stderr);
    assert.match(played.stdout, /^control: /m);
  }
});

test("--list has every probe, and wrong usage is told, with 64", () => {
  const { stdout } = lab("--list");
  assert.equal(stdout.trimEnd().split("\n").length, PROBES.length);
  for (const [args, words] of [
    [[], /name an init/],
    [["--only", "pid1.65", "bare"], /there is no row pid1\.65/],
    [["/nothing/init"], /cannot be executed/],
    [["bare", STEADY, "--script", "exit"], /one init at a time/],
    [["bare", "--script", "statuses"], /one row at a time/],
  ] as const) {
    const { status, stderr } = lab(...args);
    assert.equal(status, 64, stderr);
    assert.match(stderr, words);
  }
});

test("--json follows its schema, which is the one that npm run lab:build writes", (context) => {
  const text = read("../../lab/schema/conform.schema.json");
  assert.ok(text === conformSchemaText(), "run it again");
  const validate = new Ajv2020().compile(JSON.parse(text));
  if (!needsAll(context)) return;
  const { stdout, status } = lab("bare", STEADY, "--only", "handler,pid1.3,group", "--json");
  assert.equal(status, 0);
  assert.ok(validate(JSON.parse(stdout)), JSON.stringify(validate.errors));
  assert.ok(!validate({ ...JSON.parse(stdout), cells: [{}] }));
});

/** Of three signals and a row. */
const REPORT: ConformReport = {
  reportVersion: 1,
  tool: { name: "steady-lab", version: "1" },
  kernel: "6.1",
  machine: "x86_64",
  inits: [
    { name: "one", kind: "other", path: "/one" },
    { name: "two\n\u001b[31m", kind: "other", path: "/two" },
  ],
  rows: [
    ...[1, 2, 4].map((signal) => ({
      id: `pid1.${signal}`,
      probe: "pid1",
      group: "signals" as const,
      title: "to PID 1",
      signal,
    })),
    { id: "exit", probe: "exit", group: "statuses", title: "its status" },
  ],
  cells: [1, 2, 4].flatMap((signal): ConformCell[] => [
    cell(`pid1.${signal}`, "one", signal === 2 ? "nothing" : "arrives"),
    cell(`pid1.${signal}`, "two\n\u001b[31m", "arrives"),
  ]),
  exitStatus: 2,
};

function cell(row: string, init: string, value: string): ConformCell {
  return { row, init, state: "probed", value, evidence: `${row} of ${init}`, control: "seen" };
}

test("signals of which every init makes the same share a row, and what could not be tested says why", () => {
  const { cells } = REPORT;
  const failed = {
    ...cell("exit", "one", ""),
    state: "could not test" as const,
    evidence: "no\u001b[2J perl",
  };
  const text = matrixText(
    { ...REPORT, cells: [...cells, failed, { ...failed, init: "two\n\u001b[31m", state: "not applicable" }] },
    PLAIN,
    false,
  );
  const lines = text.split("\n").map((line) => line.replace(/ +/g, " "));
  assert.ok(lines.includes("pid1 arrives arrives 1 4 to PID 1"), text);
  assert.ok(lines.includes("pid1 nothing arrives 2 to PID 1"), text);
  assert.ok(lines.includes("exit ? – its status"), text);
  assert.match(text, /\? exit, one: its status\n {2}Seen {4}no\\x1b\[2J perl/);
  assert.match(text, /6 probed, 1 do not apply, 1 could not be\s+tested/);
  assert.ok(!text.includes("\u001b"));
  assert.match(matrixText(REPORT, PLAIN, true), /arrives pid1\.4, one: to PID 1\n {2}Seen {4}pid1\.4 of one/);
  assert.equal(ranges([1, 2, 3, 5, 7, 8]), "1-3 5 7-8");
});

test("Ctrl-C leaves no process, and no file", async (context) => {
  if (!needsAll(context)) return;
  const init = join(folder, "steady");
  copyFileSync(STEADY, init);
  const temporary = mkdtempSync(join(folder, "tmp-"));
  const child = spawn(process.execPath, [BIN, "conform", init, "--only", "terminal,inside"], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: "ignore",
  });
  const status = new Promise((ended) => child.once("exit", (code) => ended(code)));
  await until("an init that is probed", () => alive(init).length > 0);
  child.kill("SIGINT");
  assert.equal(await status, 130);
  await until("its end", () => alive(init).length === 0 && inFolder(temporary).length === 0);
  assert.deepEqual(readdirSync(temporary), []);
});

const pids = (): string[] => readdirSync("/proc").filter((pid) => /^\d+$/.test(pid));
const leadsTo = (pid: string, link: string): string => {
  try {
    return readlinkSync(`/proc/${pid}/${link}`);
  } catch {
    return "";
  }
};
/** The processes of this program, and those that are at work below this folder. */
const alive = (path: string): string[] => pids().filter((pid) => leadsTo(pid, "exe") === path);
const inFolder = (path: string): string[] => pids().filter((pid) => leadsTo(pid, "cwd").startsWith(path));
