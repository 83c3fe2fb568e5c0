// --status-file: what the init has counted, and what of it --status believes.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { folder } from "./lib/folder.ts";
import {
  asPid1,
  becomes,
  descendants,
  IS_ROOT,
  needsPidNamespace,
  needsProgram,
  run,
  STEADY,
  sleepsOf,
  start,
  statOf,
  statusOf,
  until,
} from "./lib/process.ts";

interface Counters {
  readonly record: string | null;
  readonly taken: number | null;
  readonly forwarded: number | null;
  readonly refused: number | null;
  readonly failed: number | null;
  readonly orphans_reaped: number | null;
  readonly lines_lost: number | null;
  readonly core_restarts: number | null;
  readonly signals: readonly {
    readonly signal: string;
    readonly taken: number;
    readonly forwarded: number;
  }[];
}

const file = (context: TestContext): string => join(folder(context), "status");

/** A container whose init counts into `path`, and its PID 1 as it is called out here. */
async function container(context: TestContext, path: string, ...command: string[]): Promise<number> {
  const one = start(context, asPid1([STEADY, "--status-file", path, ...command]));
  const first = await until("the first process", () =>
    descendants(one.pid).find((pid) => statusOf(pid, "NSpid")?.split(/\s+/)[1] === "1"),
  );
  await until("its program", () => statOf(first)?.name !== "unshare" && descendants(first).length > 0);
  return first;
}

function inside(first: number, ...args: string[]): string {
  const user = IS_ROOT ? [] : ["--user", "--preserve-credentials"];
  const command = ["--target", `${first}`, ...user, "--pid", "--mount", "--wd=/", STEADY, ...args];
  return spawnSync("nsenter", command, { encoding: "latin1" }).stdout;
}

const countersIn = (first: number, path: string): Counters =>
  (JSON.parse(inside(first, "--json", "--status-file", path)) as { counters: Counters }).counters;

test("signals are counted by what became of them, orphans and all else too, in each form", async (context) => {
  if (!needsPidNamespace(context)) return;
  const path = file(context);
  const program = "trap : HUP; sh -c 'true & true & exec true'; echo; while :; do sleep 0.05; done";
  const options = ["--reap", "wait", "--map", "USR1=drop", "--trust", "outside"];
  const first = await container(context, path, ...options, "--", "sh", "-c", program);
  process.kill(first, "SIGHUP");
  process.kill(first, "SIGUSR1");
  await until(
    "the signals",
    () => (countersIn(first, path).signals.find(({ signal }) => signal === "SIGUSR1")?.taken ?? 0) > 0,
  );
  await until("both orphans", () => countersIn(first, path).orphans_reaped === 2);
  const { record, refused, failed, signals, core_restarts, lines_lost } = countersIn(first, path);
  assert.deepEqual([record, refused, failed, core_restarts, lines_lost], ["believed", 0, 0, 0, 0]);
  const hup = signals.find(({ signal }) => signal === "SIGHUP");
  assert.deepEqual([hup?.taken, hup?.forwarded], [1, 1]);
  assert.equal(signals.find(({ signal }) => signal === "SIGUSR1")?.forwarded, 0);
  const text = inside(first, "--status", "--status-file", path);
  assert.match(
    text,
    /^counters {7}believed\nsignals {8}\d+ taken, 1 forwarded, 0 refused, 0 failed\n {15}SIGHUP 1 taken, 1/m,
  );
  assert.match(text, /^init {11}2 orphans reaped, 0 lines lost, started again 0 times$/m);
  const metrics = inside(first, "--openmetrics", "--status-file", path);
  assert.match(metrics, /^steady_signals_total\{signal="SIGHUP",fate="forwarded"\} 1$/m);
  assert.match(metrics, /^steady_orphans_reaped_total 2$/m);
  if (!needsProgram(context, "promtool", "apt-get install prometheus")) return;
  const checked = spawnSync("promtool", ["check", "metrics"], { input: metrics, encoding: "utf8" });
  assert.deepEqual([checked.status, checked.stdout + checked.stderr], [0, ""]);
});

test("what --trust refuses is counted as refused", async (context) => {
  if (!needsPidNamespace(context)) return;
  const path = file(context);
  const program = "kill -HUP 1; kill -USR2 1; while :; do sleep 0.05; done";
  const first = await container(context, path, "--trust", "outside", "--", "sh", "-c", program);
  await until("both", () => countersIn(first, path).refused === 2);
  assert.equal(countersIn(first, path).forwarded, 0);
});

test("without the file, or where nobody names it, nothing is told of counters", async (context) => {
  if (!needsPidNamespace(context)) return;
  const path = file(context);
  const first = await container(context, path, "--", "sleep", "1000");
  assert.doesNotMatch(inside(first, "--status"), /^counters/m);
  assert.equal((JSON.parse(inside(first, "--json")) as { counters: Counters | null }).counters, null);
  assert.doesNotMatch(inside(first, "--openmetrics"), /signals_total/);
});

test("a record that is malformed, in part, of another version or of another life is not believed", async (context) => {
  if (!needsPidNamespace(context)) return;
  const path = file(context);
  const other = `${path}.other`;
  const first = await container(context, path, "--", "sleep", "1000");
  await until("the record", () => countersIn(first, path).record === "believed");
  const whole = readFileSync(path);
  assert.equal(whole.length, 1056);
  const changed = (at: number, value: number): Buffer => {
    const copy = Buffer.from(whole);
    copy[at] = value;
    return copy;
  };
  for (const [bytes, word] of [
    [Buffer.alloc(0), "cannot be read"],
    [Buffer.from("nothing of the kind"), "malformed"],
    [changed(0, 83), "malformed"],
    [changed(3, 2), "of another version"],
    [whole.subarray(0, 1000), "malformed"],
    [changed(28, (whole[28] ?? 0) ^ 255), "malformed"],
    [changed(9, (whole[9] ?? 0) ^ 1), "of another life"],
    [whole, "believed"],
  ] as const) {
    writeFileSync(other, bytes);
    const counters = countersIn(first, other);
    assert.equal(counters.record, word);
    if (word === "believed") continue;
    assert.deepEqual([counters.taken, counters.core_restarts, counters.signals], [null, null, []]);
    assert.match(inside(first, "--status", "--status-file", other), new RegExp(`^counters {7}${word}$`, "m"));
    assert.doesNotMatch(
      inside(first, "--openmetrics", "--status-file", other),
      /signals_total|core_restarts/,
    );
  }
  rmSync(other);
  assert.equal(countersIn(first, other).record, "cannot be read");
  // Nobody writes into it: whoever opened it to read would wait for ever.
  execFileSync("mkfifo", [other]);
  assert.equal(countersIn(first, other).record, "cannot be read");
});

test("it is written over in place, and an init to which nothing happens is not woken by it", async (context) => {
  if (!needsPidNamespace(context)) return;
  const path = file(context);
  writeFileSync(path, "older\n".repeat(300));
  const { ino } = statSync(path);
  const first = await container(context, path, "--reap", "kernel", "--", "sleep", "1000");
  process.kill(first, "SIGCONT");
  await until("the signal", () => countersIn(first, path).taken === 1);
  assert.equal(statSync(path).ino, ino);
  const asleep = async (): Promise<number> => {
    await becomes(first, "S");
    return sleepsOf(first);
  };
  // What looks is no signal; each look takes half a second.
  const before = await asleep();
  for (let look = 0; look < 4; look++) countersIn(first, path);
  assert.equal(await asleep(), before);
});

test("what is no file of the init's is no place for counters, and no program starts", async (context) => {
  const path = file(context);
  symlinkSync("/dev/null", path);
  const { status, stderr, stdout } = await run(context, [
    STEADY,
    "--status-file",
    path,
    "--",
    "echo",
    "started",
  ]);
  assert.deepEqual([status, stdout], [125, ""]);
  assert.match(stderr, /--status-file: cannot write there: Too many levels of symbolic links/);
});
