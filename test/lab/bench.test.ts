// The bench: that what is slower, deaf or restless is seen to be so, that its report is what it claims to be, and that nothing
// of it is left. No test asserts how long anything takes but where the init itself was told to sleep.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { compare } from "../../lab/bench/compare.ts";
import { MEASURES } from "../../lab/bench/measures.ts";
import { lacksRoom } from "../../lab/bench/room.ts";
import { median, quantile } from "../../lab/bench/statistics.ts";
import { type BenchReport, bench, type Figure, type Result } from "../../lab/index.ts";
import { benchSchemaText } from "../../lab/schema/bench.ts";
import { needsPidNamespace, needsProgram, STEADY, until } from "../lib/process.ts";
import { BIN } from "./engine.ts";

const folder = mkdtempSync(join(tmpdir(), "steady-bench-test-"));
after(() => rmSync(folder, { recursive: true }));

const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");

const lab = (...args: string[]) => spawnSync(process.execPath, [BIN, "bench", ...args], { encoding: "utf8" });

function canBench(context: TestContext): boolean {
  return needsPidNamespace(context) && needsProgram(context, "cc", "apt-get install gcc libc6-dev");
}

/** An init of the test's own, in a shell; "$@" is the program. */
function standIn(name: string, body: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\nshift\n${body}\n`, { mode: 0o755 });
  return path;
}

function figureOf(report: BenchReport, measure: string, figure: string): Figure {
  const measurement = report.measurements.find(({ name }) => name === measure);
  const found = measurement?.figures.find(({ name }) => name === figure);
  assert.ok(found, `${measure} has no ${figure}: ${JSON.stringify(measurement?.notMeasured)}`);
  return found;
}

function resultOf(report: BenchReport, measure: string, figure: string, target: string): Result {
  const { results } = figureOf(report, measure, figure);
  const found = results.find((each) => each.target === target);
  assert.ok(found, `${measure} ${figure} has no ${target}`);
  return found;
}

test("every measure has a row with its title in docs/bench.md", () => {
  const rows = [...read("../../docs/bench.md").matchAll(/^\| `(\w+)` \| (.+?) \|/gm)];
  assert.deepEqual(
    rows.map(([, name, title]) => `${name} ${title}`),
    MEASURES.map(({ name, title }) => `${name} ${title}`),
  );
});

test("quantiles and medians are those of the textbook, and there are none of nothing", () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.deepEqual(
    [0.5, 0.9, 0.99, 1].map((share) => quantile(hundred, share)),
    [50, 90, 99, 100],
  );
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])], [2, 2.5, 7]);
  assert.ok(Number.isNaN(median([])) && Number.isNaN(quantile([], 0.5)));
});

test("there is room for one process, and none for more than there are numbers", () => {
  assert.equal(lacksRoom(1), undefined);
  assert.match(lacksRoom(1e9) ?? "", /^1,000,000,000 processes /);
});

test("an init that sleeps before it starts its program is seen as slower, and as losing stops", async (context) => {
  if (!canBench(context)) return;
  const sleeper = standIn("sleeper", `sleep 0.05; exec ${STEADY} -- "$@"`);
  const report = await bench({ inits: [STEADY, sleeper], only: ["start", "early"], runs: 1 });
  assert.equal(report.exitStatus, 0, JSON.stringify(report.measurements.map((each) => each.notMeasured)));
  const slept = resultOf(report, "start", "p50", sleeper);
  assert.ok(slept.min >= 50_000, `it slept 50,000 µs, and ${slept.min} were seen`);
  assert.notEqual(slept.standing, "best");
  assert.equal(resultOf(report, "start", "p50", STEADY).standing, "best");
  const { standing, ratio } = resultOf(report, "start", "p50", "bare");
  assert.deepEqual([standing, ratio], ["limit", 1]);
  // A shell that is PID 1 and has no handler hears nothing of it.
  assert.ok(resultOf(report, "early", "lost", sleeper).median > 50);
});

test("an init that passes nothing on is seen as losing signals, and one that wakes up as restless", async (context) => {
  if (!canBench(context)) return;
  const deaf = standIn("deaf", 'trap : USR1; "$@" & while :; do wait; done');
  const ticking = standIn("ticking", '"$@" & while :; do sleep 0.05; done');
  const signals = await bench({ inits: [STEADY, deaf], only: ["signal"], runs: 1 });
  assert.equal(resultOf(signals, "signal", "lost", deaf).median, 100);
  assert.equal(resultOf(signals, "signal", "lost", STEADY).median, 0);
  const { samples } = signals.measurements[0] ?? { samples: [] };
  const steady = samples.find(({ target }) => target === STEADY)?.raw.latency_ns ?? [];
  assert.equal(steady.length, 1_000);
  assert.ok(steady.every((each) => each > 0));

  const idle = await bench({ inits: [STEADY, ticking], only: ["idle"], runs: 1 });
  const wakeUps = (target: string): number => resultOf(idle, "idle", "wakeups", target).median;
  assert.ok(wakeUps(ticking) > wakeUps(STEADY), `${wakeUps(ticking)} and ${wakeUps(STEADY)}`);
  for (const target of [STEADY, ticking]) {
    const [resident, own] = ["resident", "private"].map(
      (each) => resultOf(idle, "idle", each, target).median,
    );
    assert.ok(resident !== undefined && own !== undefined && own > 0 && resident >= own && own % 4 === 0);
    assert.equal(resultOf(idle, "idle", "file", target).median, statSync(target).size);
  }
  assert.equal(resultOf(idle, "idle", "libraries", STEADY).median, 0);
  assert.ok(resultOf(idle, "idle", "libraries", ticking).median > 0, "a shell and its libraries");
});

test("orphans, zombies, processes and floods are measured, as many as --most says, and with no init as the limit", async (context) => {
  if (!canBench(context)) return;
  const only = ["orphans", "zombies", "crowd", "flood", "storm"];
  const report = await bench({ inits: [STEADY, "bare"], only, runs: 2, most: 60 });
  assert.deepEqual(
    report.measurements.map(({ name, sizes, notMeasured }) => ({ name, sizes, notMeasured })),
    [
      { name: "orphans", sizes: [60], notMeasured: [] },
      { name: "zombies", sizes: [10], notMeasured: [] },
      { name: "crowd", sizes: [60], notMeasured: [] },
      { name: "flood", sizes: [200], notMeasured: [] },
      { name: "storm", sizes: [200], notMeasured: [] },
    ],
  );
  for (const { figures } of report.measurements) {
    assert.ok(figures.length > 0);
    for (const { limit, results, reference } of figures) {
      // What is about the init itself has nothing to say of none.
      const targets = results.map(({ target }) => target);
      assert.deepEqual(targets, limit === undefined ? [STEADY] : ["bare", STEADY]);
      assert.equal(reference, targets[0]);
      assert.ok(results.every(({ runs }) => runs.length === 2));
    }
  }
  assert.ok(resultOf(report, "orphans", "throughput", STEADY).min > 0);
  assert.equal(resultOf(report, "flood", "lost", STEADY).max, 0);
});

test("an init that does not start its program was not measured, which is told, and the status is 2", (context) => {
  if (!canBench(context)) return;
  const broken = standIn("broken", "exit 1");
  const { status, stdout } = lab(broken, STEADY, "--only", "signal", "--runs", "1", "--no-progress");
  assert.equal(status, 2, stdout);
  assert.match(stdout, /Not +\S*broken:\s+run\s+1:\s+the\s+container\s+has\s+ended\s+before\s+its\s+time/);
  assert.match(stdout, /\d +best$/m);
});

test("--json follows its schema, which is the one that npm run lab:build writes; --compare holds a run against it", (context) => {
  if (!canBench(context)) return;
  const text = read("../../lab/schema/bench.schema.json");
  assert.ok(text === benchSchemaText(), "run npm run lab:build again");
  const first = lab("steady", "--only", "signal", "--runs", "3", "--json");
  assert.equal(first.status, 0, first.stderr);
  const validate = new Ajv2020({ allErrors: true }).compile(JSON.parse(text));
  const report = JSON.parse(first.stdout) as BenchReport;
  assert.ok(validate(report), JSON.stringify(validate.errors));
  const file = join(folder, "earlier.json");
  writeFileSync(file, first.stdout);
  const second = lab("steady", "--only", "signal", "--runs", "3", "--compare", file);
  assert.equal(second.status, 0, second.stderr);
  assert.match(second.stdout, /compared: with the run of 2/);
  assert.match(second.stdout, /\d of 8 figures changed by more than their spread/);
  assert.ok(second.stdout.includes("a direct kill"));
  // As if it had been a hundred times as fast, and on another kernel.
  const scale = (result: Result): Result => {
    const [m, least, most] = [result.median, result.min, result.max].map((each) => each / 100);
    return { ...result, median: m ?? 0, min: least ?? 0, max: most ?? 0 };
  };
  const faster: BenchReport = {
    ...report,
    machine: { ...report.machine, kernel: "1.0" },
    measurements: report.measurements.map((each) => ({
      ...each,
      figures: each.figures.map((figure) => ({ ...figure, results: figure.results.map(scale) })),
    })),
  };
  const { differs, changes } = compare(faster, report);
  assert.equal(differs.length, 1);
  const verdicts = new Set(changes.filter(({ figure }) => figure !== "lost").map(({ verdict }) => verdict));
  assert.deepEqual([...verdicts], ["worse"]);
});

test("a change counts where the spreads are apart, and there are three runs to have one", () => {
  const verdicts = (before: number[], now: number[], better: "less" | "more") =>
    compare(reportOf(before, better), reportOf(now, better)).changes.map(({ verdict }) => verdict);
  assert.deepEqual(verdicts([1, 2, 3], [4, 5, 6], "less"), ["worse"]);
  assert.deepEqual(verdicts([1, 2, 3], [4, 5, 6], "more"), ["better"]);
  assert.deepEqual(verdicts([4, 5, 6], [1, 2, 3], "less"), ["better"]);
  assert.deepEqual(verdicts([1, 2, 4], [4, 5, 6], "less"), ["within"]);
  assert.deepEqual(verdicts([1, 2], [4, 5, 6], "less"), ["within"]);
});

/** One figure of one init. */
function reportOf(runs: number[], better: "less" | "more"): BenchReport {
  const spread = { median: median(runs), min: Math.min(...runs), max: Math.max(...runs) };
  const results = [{ target: "a", runs, ...spread, standing: "best" as const }];
  const figures = [{ name: "f", title: "f", unit: "µs", better, reference: "a", results }];
  const measurement = { name: "m", title: "", method: "", sizes: [1], figures, notMeasured: [], samples: [] };
  return {
    reportVersion: 1,
    tool: { name: "steady-lab", version: "1" },
    startedAt: "",
    durationMs: 0,
    machine: {
      kernel: "",
      architecture: "",
      processor: "",
      processors: 1,
      memoryBytes: 1,
      pidMax: 1,
      load: 0,
      gauge: "static",
    },
    runs: runs.length,
    targets: [{ name: "a" }],
    measurements: [measurement],
    exitStatus: 0,
  };
}

test("wrong usage is told, with 64", () => {
  const other = join(folder, "other.json");
  writeFileSync(other, "{}");
  for (const [args, words] of [
    [[], /name an init/],
    [["bare", "--only", "speed"], /there is no measure speed/],
    [["bare", "--runs", "0"], /runs: 0 is not/],
    [["bare", "--runs", "many"], /runs: NaN is not/],
    [["bare", "--most", "0"], /most: 0 is not/],
    [["/nothing/init"], /cannot be executed/],
    [["bare", "--compare", other], /other\.json is no report of bench/],
    [["bare", "--compare", "/nothing"], /\/nothing is no report of bench/],
  ] as const) {
    const { status, stderr } = lab(...args);
    assert.equal(status, 64, stderr);
    assert.match(stderr, words);
  }
});

test("where there is no C compiler it says what to install, with 2, and leaves nothing", () => {
  for (const [env, words] of [
    [{ PATH: "/nothing" }, /needs a C compiler .* install gcc or clang/],
    [{ PATH: process.env.PATH, CC: "/nothing/cc" }, /cannot make the program that measures: \/nothing\/cc/],
  ] as const) {
    const temporary = mkdtempSync(join(folder, "tmp-"));
    const { status, stderr } = spawnSync(process.execPath, [BIN, "bench", "bare", "--only", "start"], {
      encoding: "utf8",
      env: { ...env, TMPDIR: temporary },
    });
    assert.equal(status, 2, stderr);
    assert.match(stderr, words);
    assert.deepEqual(readdirSync(temporary), []);
  }
});

for (const [how, signal] of [
  ["Ctrl-C leaves no process, and no file", "SIGINT"],
  ["SIGKILL leaves no process", "SIGKILL"],
] as const) {
  test(how, async (context) => {
    if (!canBench(context)) return;
    const init = join(folder, `steady-${signal}`);
    copyFileSync(STEADY, init);
    const temporary = mkdtempSync(join(folder, "tmp-"));
    const child = spawn(
      process.execPath,
      [BIN, "bench", init, "--only", "idle,crowd,storm", "--most", "500"],
      {
        env: { ...process.env, TMPDIR: temporary },
        stdio: "ignore",
      },
    );
    const status = new Promise((ended) => child.once("exit", (code) => ended(code)));
    await until("an init that is measured", () => alive(init, temporary).includes(init));
    child.kill(signal);
    assert.equal(await status, signal === "SIGINT" ? 130 : null);
    await until("the end of all", () => alive(init, temporary).length === 0);
    if (signal === "SIGINT") assert.deepEqual(readdirSync(temporary), []);
  });
}

/** The programs that run of this init and of what is below this folder. */
function alive(init: string, below: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const path = /^\d+$/.test(pid) ? readlinkSync(`/proc/${pid}/exe`) : "";
      return path === init || path.startsWith(`${below}/`) ? [path] : [];
    } catch {
      return [];
    }
  });
}
