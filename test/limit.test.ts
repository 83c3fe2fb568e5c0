// --limit: how many signals of a number go on in a second, what becomes of the rest, and what a flood costs.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  becomes,
  inBothModes,
  needsProgram,
  type ReapMode,
  type Run,
  STEADY,
  start,
  startFamily,
  statusOf,
  until,
} from "./lib/process.ts";
import { buildPuppet } from "./lib/puppet.ts";

const [USR1, RT] = [10, 40];
const SECOND_MS = 1000;

/** Starts an init whose program says each signal that it takes. */
async function limited(context: TestContext, mode: ReapMode, ...options: string[]): Promise<Run> {
  const one = start(context, [STEADY, "--reap", mode, ...options, "--", buildPuppet(), "signals"]);
  await one.says("ready");
  await becomes(one.pid, "S");
  return one;
}

const taken = (one: Run, signal: number): number => one.stdout.split(`signal ${signal} `).length - 1;

inBothModes(
  "at its limit a signal waits until the second is over, and no other waits with it",
  async (context, mode) => {
    const one = await limited(context, mode, "--limit", "2/s");
    const begun = performance.now();
    for (let times = 1; times <= 2; times++) {
      process.kill(one.pid, USR1);
      await until("the signal", () => taken(one, USR1) === times);
    }
    process.kill(one.pid, USR1);
    process.kill(one.pid, "SIGUSR2");
    await until("another signal", () => taken(one, 12) === 1);
    const waited = taken(one, USR1) === 2;
    await until("the one that waited", () => taken(one, USR1) === 3);
    const passed = performance.now() - begun;
    // On a machine that stood still for a second there was nothing to wait for.
    assert.ok(passed >= SECOND_MS - 20, `it came after ${passed} ms`);
    assert.ok(waited || passed > SECOND_MS);
    process.kill(one.pid, "SIGTERM");
    assert.equal((await one.ends()).signal, null);
  },
);

const FLOOD = 100_000;
/** Of the loop for one signal: read, send, ppoll; the set of the signalfd before and after, and the clock. */
const CALLS_A_SIGNAL = 8;
const PER_SECOND = 10;

inBothModes(
  "a flood of 100,000 signals costs as many calls as its seconds allow, and a stop passes by",
  async (context, mode) => {
    if (!needsProgram(context, "strace", "apt-get install strace")) return;
    const folder = mkdtempSync(join(tmpdir(), "steady-limit-"));
    context.after(() => rmSync(folder, { recursive: true }));
    const one = await limited(context, mode, "--limit", `${PER_SECOND}/s`);
    const log = join(folder, "calls");
    const strace = startFamily(["strace", "-o", log, "-p", `${one.pid}`]);
    context.after(() => strace.endFamily());
    await until("strace", () => existsSync(log) && readFileSync(log, "latin1") !== "");
    const begun = performance.now();
    for (let i = 0; i < FLOOD; i++) process.kill(one.pid, USR1);
    process.kill(one.pid, "SIGTERM");
    await until("the stop", () => taken(one, 15) === 1);
    const seconds = 2 + Math.ceil((performance.now() - begun) / SECOND_MS);
    const calls = readFileSync(log, "latin1").split("\n").length;
    context.diagnostic(
      `${FLOOD} signals in less than ${seconds} s: ${taken(one, USR1)} sent on, ${calls} calls`,
    );
    assert.ok(calls <= seconds * PER_SECOND * CALLS_A_SIGNAL, `${calls} calls in ${seconds} s`);
    assert.ok(taken(one, USR1) <= seconds * PER_SECOND);
  },
);

test("of queued signals no more than 1,000 are left when a second is over, and the rest is counted", async (context) => {
  const one = await limited(context, "wait", "--limit", "1/s", "-v");
  const queued = 5000;
  execFileSync(buildPuppet(), ["queue", `${one.pid}`, `${RT}`, "0", `${queued}`]);
  await one.says("real-time signals were dropped");
  const dropped = Number(/(\d+) real-time signals were dropped/.exec(one.all())?.[1]);
  const left = Number(/^\d+/.exec(statusOf(one.pid, "SigQ") ?? "")?.[0]);
  assert.ok(left <= 1000 + 1, `${left} are left`);
  // What others of this user have queued counts too, and is not dropped.
  assert.ok(dropped >= queued - 1000 - 2 && dropped <= queued, `${dropped} of ${queued} were dropped`);
  process.kill(one.pid, "SIGTERM");
  await one.ends();
});
