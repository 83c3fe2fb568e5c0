// What strace sees and does: how few system calls a life takes, statuses that stay right while a tracer holds the program
// or the machine is busy, and moments that only a tracer can stretch.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "../../tools/build.ts";
import { CALLS_MAX, traceLife } from "../../tools/calls.ts";
import {
  becomes,
  descendantNamed,
  inBothModes,
  needsKernelReaping,
  needsProgram,
  needsRoot,
  type ReapMode,
  run,
  STEADY,
  start,
  statusOf,
  until,
} from "../lib/process.ts";

function needsStrace(context: TestContext): boolean {
  return needsProgram(context, "strace", "apt-get install strace");
}

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "steady-calls-"));
  context.after(() => rmSync(path, { recursive: true }));
  return path;
}

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const nameOf = (call: string): string => /^ *(\w+)/.exec(call)?.[1] ?? call;

for (const reap of ["wait", "auto"] as const) {
  test(`a start takes at most 24 system calls, a signal 3, and the documents list them (--reap ${reap})`, async (context) => {
    if (!needsStrace(context) || (reap === "auto" && !needsKernelReaping(context))) return;
    const life = await traceLife(STEADY, ["--reap", reap]);
    assert.ok(life.start.length <= CALLS_MAX.start, life.start.join("\n"));
    assert.match(life.start.at(-1) ?? "", /^ *execve\("\/bin\/sleep"/);
    assert.equal(life.signals.length, 3);
    for (const calls of life.signals) assert.equal(calls.length, CALLS_MAX.signal, calls.join("\n"));
    const parts = [life.start, life.settling, life.signals[0] ?? [], life.end];
    const column = reap === "wait" ? 0 : 1;
    assert.deepEqual(
      parts.map((calls) => calls.map(nameOf)),
      listedCalls(read("docs/behaviour.md"), column),
    );
    assert.deepEqual(
      parts.map((calls) => calls.length),
      countedCalls(read("README.md"), column),
    );
  });
}

const RIGHT_COLUMN = 62;

/** The lists in behaviour.md: what stands in the right column takes the place of what stands in the left one. */
function listedCalls(document: string, column: 0 | 1): string[][] {
  const [, block = ""] = /\n## System calls\n.*?\n```text\n(.*?)```/s.exec(document) ?? [];
  return block.split("\n\n").map((part) => {
    const [heading = "", ...lines] = part.trimEnd().split("\n");
    const names = lines.flatMap((line) => {
      const [left, right] = [line.slice(0, RIGHT_COLUMN).trim(), line.slice(RIGHT_COLUMN)];
      return column === 1 && right !== ""
        ? [nameOf(right)]
        : (/^\w+(, \w+)*/.exec(left)?.[0] ?? "").split(", ");
    });
    const listed = names.filter((name) => name !== "");
    assert.equal(listed.length, Number(heading.match(/\d+/g)?.[column]), heading);
    return listed;
  });
}

/** The column of README's table, from those rows that `npm run calls` prints. */
function countedCalls(document: string, column: 0 | 1): number[] {
  const rows = [...document.matchAll(/^\|[^|]+\| (\d+) \| (\d+) \| `npm run calls` \|$/gm)];
  return rows.map((row) => Number(row[column + 1]));
}

/** Longer than the tick of an init that looks around every second (W15). */
const IDLE_MS = 2500;

inBothModes("W15: an idle init is never woken", async (context, mode) => {
  const one = start(context, [STEADY, "--reap", mode, "sh", "-c", "echo ready; read x"]);
  await one.says("ready");
  await becomes(one.pid, "S");
  const switches = () =>
    ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"].map((line) => statusOf(one.pid, line));
  // It may still be on its way to its first sleep.
  await sleep(200);
  const before = switches();
  await sleep(IDLE_MS);
  assert.deepEqual(switches(), before);
});

const LOOPS = 4;

/** Runs a shell line with $i from 0 on, `times` in each of four loops at once; the line prints what is wrong. */
async function inLoops(context: TestContext, times: number, line: string): Promise<void> {
  const loop = ["sh", "-c", `i=0; while [ $i -lt ${times} ]; do ${line}; i=$((i+1)); done; echo done`];
  const all = Array.from({ length: LOOPS }, () => start(context, loop));
  // However long it takes: the runner's time limit is the only one.
  await Promise.all(all.map(({ ended }) => ended));
  for (const one of all) assert.equal(one.all(), "done\n");
}

/** Says so where the status is not the one that the program ended with. */
function checked(command: string): string {
  return `${command}; s=$?; [ $s = $((i % 256)) ] || echo wrong: $s, not $((i % 256))`;
}

function withStrace(name: string, body: (context: TestContext, mode: ReapMode) => Promise<void>): void {
  inBothModes(name, async (context, mode) => {
    if (needsStrace(context)) await body(context, mode);
  });
}

inBothModes("the status is right 10,000 times of 10,000 under load", async (context, mode) => {
  await inLoops(context, 2500, checked(`${STEADY} --reap ${mode} sh -c "true & exit $((i % 256))"`));
});

withStrace("statuses are right while strace is attached to the program", async (context, mode) => {
  const attach = "strace -qq -o /dev/null -p $$ 2>/dev/null &";
  const traced = `${attach} until grep -q "TracerPid:.[1-9]" /proc/$$/status; do :; done; exit $1`;
  await inLoops(context, 50, checked(`${STEADY} --reap ${mode} sh -c '${traced}' sh $((i % 256))`));
});

/**
 * The program that the init starts is the one that is traced (-D). It sets an alarm, and dies of it where strace does not
 * come within 3 s on a busy machine: whoever uses this ignores the alarm.
 */
const TRACED = "strace -D -qq -o /dev/null -e trace=exit_group";

withStrace(
  "the status is right 10,000 times of 10,000 with strace attached to the program",
  async (context, mode) => {
    const program = ["--reap", mode, ...TRACED.split(" "), "grep", "TracerPid", "/proc/self/status"];
    const { stdout } = await run(context, [STEADY, ...program]);
    assert.match(stdout, /^TracerPid:\t[1-9]/, "it is the program that is traced");
    await inLoops(
      context,
      2500,
      `trap '' ALRM; ${checked(`${STEADY} --reap ${mode} ${TRACED} sh -c "exit $((i % 256))"`)}`,
    );
  },
);

withStrace("statuses are right while strace follows the init and the program", async (context, mode) => {
  const traced = `strace -f -qq -o /dev/null ${STEADY} --reap ${mode} sh -c "true & exit $((i % 256))"`;
  await inLoops(context, 50, checked(traced));
});

withStrace("a signal that ends a traced program is its status", async (context, mode) => {
  const log = join(folder(context), "log");
  const one = start(context, [STEADY, "--reap", mode, "sh", "-c", "echo ready; read x"]);
  await one.says("ready");
  const program = await descendantNamed(one.pid, "sh");
  start(context, ["strace", "-o", log, "-p", `${program}`]);
  await until("strace is attached", () => statusOf(program, "TracerPid") !== "0");
  process.kill(one.pid, "SIGUSR1");
  assert.deepEqual(await one.ends(), { status: 128 + 10, signal: null });
});

function queue(pid: number, value: number): void {
  execFileSync("env", ["kill", "-q", `${value}`, "-s", "40", `${pid}`]);
}

withStrace(
  "queued signals that waited for room arrive in order, with value and sender",
  async (context, mode) => {
    const log = join(folder(context), "log");
    const program = "trap : 40; echo ready; while :; do sleep 0.01; done";
    const one = start(context, [STEADY, "--reap", mode, "-v", "sh", "-c", program]);
    await one.says("ready");
    const pid = await descendantNamed(one.pid, "sh");
    start(context, ["strace", "-e", "trace=none", "-o", log, "-p", `${pid}`]);
    await until("strace is attached", () => statusOf(pid, "TracerPid") !== "0");
    execFileSync("prlimit", ["--pid", `${pid}`, "--sigpending=0:"]);
    for (const value of [1, 2, 3, 4]) queue(one.pid, value);
    await one.says("signal 40 waits");
    execFileSync("prlimit", ["--pid", `${pid}`, "--sigpending=1000:"]);
    const seen = () => [
      ...readFileSync(log, "latin1").matchAll(
        /--- SIGRT_8 \{.*si_code=SI_QUEUE, si_pid=(\d+), si_uid=(\d+), si_int=(\d+)/g,
      ),
    ];
    await until("all four", () => seen().length === 4);
    assert.deepEqual(
      seen().map((match) => Number(match[3])),
      [1, 2, 3, 4],
    );
    for (const match of seen()) {
      assert.notEqual(Number(match[1]), one.pid, "the sender is kill(1), not the init");
      assert.equal(Number(match[2]), process.getuid?.());
    }
  },
);

withStrace("W21: a parent that dies before prctl is not missed", async (context, mode) => {
  const cwd = folder(context);
  const log = join(cwd, "log");
  // The first prctl of the init asks for the signal; strace holds it at its door while the shell ends.
  const inject = ["-e", "trace=getppid,prctl", "-e", "inject=prctl:delay_enter=1000000:when=1"];
  const init = [STEADY, "--reap", mode, "-v", "-p", "TERM", "sleep", "1000"];
  const shell = ["sh", "-c", '"$@" & read x', "sh", ...init];
  const one = start(context, ["strace", "-f", "-o", log, ...inject, ...shell], { cwd });
  const pid = await descendantNamed(one.pid, "steady");
  const asked = new RegExp(`^${pid} +getppid\\(\\) += \\d`, "m");
  await until("the init knows its parent", () => existsSync(log) && asked.test(readFileSync(log, "latin1")));
  one.child.stdin?.end();
  await one.says("Main child exited with signal (with signal 'Terminated')");
});

withStrace(
  "W1: a signal that a security module refuses is told once, and the init goes on",
  async (context, mode) => {
    // Where the kernel reaps, the first call asks whether there are pidfd signals at all.
    const inject = mode === "wait" ? "kill:error=EACCES" : "pidfd_send_signal:error=EACCES:when=2+";
    const traced = ["strace", "-qq", "-o", "/dev/null", "-e", `inject=${inject}`];
    const one = start(context, [
      ...traced,
      STEADY,
      "--reap",
      mode === "wait" ? "wait" : "auto",
      "sleep",
      "1000",
    ]);
    const [init, program] = [
      await descendantNamed(one.pid, "steady"),
      await descendantNamed(one.pid, "sleep"),
    ];
    await becomes(init, "S");
    for (const signal of ["SIGTERM", "SIGTERM", "SIGHUP", "SIGTERM", "SIGHUP"] as const) {
      process.kill(init, signal);
      await until("the signal is taken", () => /^0+$/.test(statusOf(init, "ShdPnd") ?? ""));
    }
    process.kill(program, "SIGKILL");
    assert.equal((await one.ends()).status, 137);
    const line =
      /^\[WARN {2}steady \(\d+\)\] Unexpected error when forwarding signal: 'Permission denied'$/gm;
    assert.equal(one.stderr.match(line)?.length, 2, one.stderr);
  },
);

test("a fork that is refused to root is not blamed on the user's limit, which does not hold for root", async (context) => {
  if (!needsStrace(context) || !needsRoot(context)) return;
  const refuse = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=clone:error=EAGAIN"];
  const { status, stderr } = await run(context, [...refuse, STEADY, "true"]);
  assert.equal(status, 125);
  assert.match(stderr, /fork failed: Resource temporarily unavailable: no cgroup or user limit was met/);
});

test("the kernel reaps also where the program has changed its user before the init asks", async (context) => {
  if (!needsStrace(context) || !needsRoot(context) || !needsKernelReaping(context)) return;
  const log = join(folder(context), "log");
  // strace holds the init at its chdir, before it asks, until the program is somebody whom it may not signal.
  const inject = ["-e", "trace=chdir", "-e", "inject=chdir:delay_enter=1000000:when=1"];
  const init = ["setpriv", "--bounding-set=-all,+setuid,+setgid", STEADY, "-v", "--reap", "kernel", "--"];
  const program = ["setpriv", "--reuid=65534", "--clear-groups", "sh", "-c", "echo ready; read x; exit 7"];
  const one = start(context, ["strace", "-f", "-o", log, ...inject, ...init, ...program]);
  await one.says("ready");
  await one.says(/Reaping: .*/);
  one.child.stdin?.end();
  assert.equal((await one.ends()).status, 7);
  assert.match(one.stdout, /Reaping: the kernel reaps/);
});
