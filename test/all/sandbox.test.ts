// The init's own seccomp filter on the kernel: what a debugger can make the file that ships call, a container that is
// frozen and thawed, and what of /proc/1 stays open in a real engine.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { canHaveEngine, Engine, makeRoot, needsEngine } from "../lab/engine.ts";
import { needs } from "../lib/needs.ts";
import {
  asPid1,
  becomes,
  descendantNamed,
  needsPidNamespace,
  needsProgram,
  needsRoot,
  STEADY,
  start,
  statusOf,
  until,
} from "../lib/process.ts";

// A debugger takes the init over

/** Numbers of x86-64 (asm/unistd_64.h), of i386 behind int 0x80, and the bit of x32. */
const NUMBERS = {
  getpid: 39,
  socket: 41,
  sendto: 44,
  clone: 56,
  execve: 59,
  kill: 62,
  ptrace: 101,
  prctl: 157,
  openat: 257,
};
const [I386_SOCKETCALL, X32] = [102, 0x4000_0000];
const [AT_FDCWD, CREATE_TO_WRITE] = [-100, 0o1101];
const EPERM = -1;
/** Ignored by default, so that nobody ends of it. */
const SIGURG = 23;

interface Attempt {
  readonly what: string;
  readonly number: number;
  readonly args?: readonly (number | string)[];
  readonly instruction?: "int80";
}

/** What is tried with the file `path`, which is not there, and the pid of somebody else in the container. */
const attempts = (other: number): Attempt[] => [
  { what: "start a program", number: NUMBERS.execve, args: ["$path", 0, 0] },
  // CLONE_SIGHAND alone, which no kernel takes: where the call goes through, it fails in another way.
  { what: "make a process", number: NUMBERS.clone, args: [0x800, 0, 0] },
  { what: "open a socket", number: NUMBERS.socket, args: [1, 1, 0] },
  // The address is too long for one that the kernel has chosen.
  { what: "send to an address", number: NUMBERS.sendto, args: [2, "$path", 1, 0, "$path", 12] },
  { what: "write a file", number: NUMBERS.openat, args: [AT_FDCWD, "$path", CREATE_TO_WRITE, 0o600] },
  { what: "trace a process", number: NUMBERS.ptrace, args: [0x4206, other, 0, 0] },
  { what: "signal another process", number: NUMBERS.kill, args: [other, SIGURG] },
  { what: "rename itself", number: NUMBERS.prctl, args: [15, "$path"] },
  { what: "call by the door of i386", number: I386_SOCKETCALL, args: [], instruction: "int80" },
  { what: "call by the numbers of x32", number: X32 + NUMBERS.socket, args: [1, 1, 0] },
];

/** Makes each call in the process, which waits in a system call, and leaves it as it was. Answers what came back. */
function makeCalls(pid: number, path: string, all: readonly Attempt[]): number[] {
  const registers = [
    "rax",
    "orig_rax",
    "rip",
    "rdi",
    "rsi",
    "rdx",
    "r10",
    "r8",
    "r9",
    "rcx",
    "r11",
    "rbx",
    "eflags",
  ];
  const places = ["rdi", "rsi", "rdx", "r10", "r8", "r9"];
  const script = [
    "set pagination off",
    "set confirm off",
    // The call that it waits in is there twice: to be made again, and to be used.
    "set $call = $rip - 2",
    "set $room = $sp - 4096",
    ...registers.map((name) => `set $old_${name} = $${name}`),
    ...[...Buffer.from(`${path}\0`)].map((byte, i) => `set {char}($room + ${i}) = ${byte}`),
    "set $path = $room",
    ...all.flatMap(({ number, args = [], instruction }) => [
      ...(instruction === "int80" ? ["set {short}$call = (short)0x80cd"] : []),
      "set $orig_rax = -1",
      "set $rip = $call",
      `set $rax = ${number}`,
      ...args.map((value, place) => `set $${places[place]} = ${value}`),
      "stepi",
      'printf "answer %d\\n", (int)$rax',
      ...(instruction === "int80" ? ["set {short}$call = (short)0x050f"] : []),
    ]),
    ...registers.map((name) => `set $${name} = $old_${name}`),
    "detach",
  ];
  const folder = mkdtempSync(join(tmpdir(), "steady-hijack-"));
  try {
    const file = join(folder, "script");
    writeFileSync(file, `${script.join("\n")}\n`);
    const told = execFileSync("gdb", ["-nx", "-batch", "-p", `${pid}`, "-x", file], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    return [...told.matchAll(/^answer (-?\d+)$/gm)].map(([, answer]) => Number(answer));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function needsDebugger(context: TestContext): boolean {
  return (
    needsRoot(context) &&
    needsPidNamespace(context) &&
    needs(context, process.arch === "x64", "a processor of x86-64", "run it there") &&
    needsProgram(context, "gdb", "apt-get install gdb")
  );
}

/** Takes an init over and lets it try everything; answers what came back, and what became of the file. */
async function takeOver(context: TestContext, ...options: string[]): Promise<readonly [number[], boolean]> {
  const folder = mkdtempSync(join(tmpdir(), "steady-taken-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "file");
  const program = "trap 'exit 7' TERM; echo ready; sleep 1000 & wait";
  const run = start(context, asPid1([STEADY, ...options, "--", "sh", "-c", program]));
  await run.says("ready");
  const init = await descendantNamed(run.pid, "steady");
  const confined = options.includes("off") ? "0" : "2";
  await until("the filter", () => statusOf(init, "Seccomp") === confined);
  await becomes(init, "S");
  const answers = makeCalls(init, path, attempts(3));
  // It has noticed nothing.
  process.kill(init, "SIGTERM");
  assert.deepEqual(await run.ends(), { status: 7, signal: null });
  return [answers, existsSync(path)];
}

test("W18: whoever has taken the init over can start no program, open no socket, write no file and signal nobody else", async (context) => {
  if (!needsDebugger(context)) return;
  const [answers, isThere] = await takeOver(context);
  const told = attempts(3).map(({ what }, i) => `${what}: ${answers[i]}`);
  assert.deepEqual(
    told,
    attempts(3).map(({ what }) => `${what}: ${EPERM}`),
  );
  assert.equal(isThere, false);
});

test("without its filter the same attempts come through, but for what the kernel has no room for", async (context) => {
  if (!needsDebugger(context)) return;
  const [answers, isThere] = await takeOver(context, "--sandbox", "off");
  assert.equal(answers.length, attempts(3).length);
  const open = attempts(3).filter((_, i) => answers[i] !== EPERM);
  for (const what of [
    "start a program",
    "make a process",
    "open a socket",
    "send to an address",
    "write a file",
    "signal another process",
    "rename itself",
  ])
    assert.ok(
      open.some((each) => each.what === what),
      what,
    );
  assert.ok(isThere);
});

// In an engine

const PROGRAM = [
  "/bin/sh",
  "-c",
  "trap 'echo usr1' USR1; trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done",
];
const USER = 1000;
/** Root that may change its uid and not signal others: W1. */
const WITHOUT_KILL = ["--cap-drop", "ALL", "--cap-add", "SETUID", "--cap-add", "SETGID"];

describe("in a container of Docker", () => {
  let engine: Engine;
  before(async () => {
    if (!canHaveEngine()) return;
    engine = new Engine();
    await engine.started();
    const root = await makeRoot(engine, "sandboxed");
    copyFileSync(STEADY, join(root, "bin/steady"));
    engine.import("sandboxed", root);
  });
  after(async () => {
    await engine?.stop();
  });

  function inContainer(name: string, body: (context: TestContext) => Promise<void>): void {
    test(name, async (context) => {
      if (needsEngine(context)) await body(context);
    });
  }

  /** Starts it; answers its name once the program runs and the init has its filter. */
  async function run(
    context: TestContext,
    options: readonly string[],
    init: readonly string[],
  ): Promise<string> {
    const command = ["run", "--detach", "--network", "none", ...options, "sandboxed", "/bin/steady", ...init];
    const id = engine.docker([...command, "--", ...PROGRAM]).trim();
    context.after(() => engine.docker(["rm", "--force", id]));
    await until("the program", () => logs(id).includes("ready\n"));
    const pid = Number(engine.docker(["inspect", "--format", "{{.State.Pid}}", id]));
    await until("the filter", () => Number(statusOf(pid, "Seccomp_filters") ?? "0") >= 1);
    await becomes(pid, "S");
    return id;
  }

  const logs = (id: string): string => engine.docker(["logs", id]);

  async function takesUsr1(id: string, times: number): Promise<void> {
    engine.docker(["kill", "--signal", "USR1", id]);
    await until("the signal", () => logs(id).split("usr1\n").length > times);
  }

  function stops(id: string): void {
    engine.docker(["stop", id]);
    assert.equal(engine.docker(["inspect", "--format", "{{.State.ExitCode}}", id]).trim(), "7");
  }

  /** What an exec into the container can do with PID 1: write to its stdout, read its environment. */
  function open(id: string, user: number): string[] {
    const attempt = (script: string): boolean =>
      spawnSync("docker", ["exec", "--user", `${user}`, id, "sh", "-c", script], {
        env: engine.env,
        stdio: "ignore",
      }).status === 0;
    return [
      ...(attempt("echo written >/proc/1/fd/1") ? ["fd/1"] : []),
      ...(attempt("cat /proc/1/environ >/dev/null") ? ["environ"] : []),
    ];
  }

  inContainer("a container that was frozen takes signals and stops as before", async (context) => {
    const id = await run(context, [], []);
    for (let times = 1; times <= 3; times++) {
      engine.docker(["pause", id]);
      engine.docker(["unpause", id]);
      await takesUsr1(id, times);
    }
    stops(id);
  });

  inContainer(
    "root reads and writes what PID 1 has in /proc, also after a signal with the program's uid",
    async (context) => {
      const id = await run(context, WITHOUT_KILL, ["--user", `${USER}:${USER}`]);
      const before = [open(id, 0), open(id, USER)];
      await takesUsr1(id, 1);
      assert.deepEqual([open(id, 0), open(id, USER)], before);
      // The program is another user, to whom PID 1 is closed under every init.
      assert.deepEqual(before, [["fd/1", "environ"], []]);
      assert.ok(logs(id).includes("written\n"));
      stops(id);
    },
  );

  inContainer(
    "a user whose PID 1 is its own reads and writes it too, before a signal and after",
    async (context) => {
      const id = await run(context, ["--user", `${USER}`, "--cap-drop", "ALL"], []);
      assert.deepEqual(open(id, USER), ["fd/1", "environ"]);
      await takesUsr1(id, 1);
      assert.deepEqual(open(id, USER), ["fd/1", "environ"]);
      stops(id);
    },
  );

  inContainer("with --sandbox strict both are closed to whoever has no CAP_SYS_PTRACE", async (context) => {
    const id = await run(context, ["--user", `${USER}`, "--cap-drop", "ALL"], ["--sandbox", "strict"]);
    assert.deepEqual(open(id, USER), []);
    await takesUsr1(id, 1);
    stops(id);
  });
});
