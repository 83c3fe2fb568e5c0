// What the init leaves at its end: --report, and Kubernetes' /dev/termination-log.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { folder } from "./lib/folder.ts";
import {
  asPid1,
  inBothModes,
  needsPidNamespace,
  needsRoot,
  run,
  STEADY,
  start,
  until,
} from "./lib/process.ts";

interface Report {
  readonly version: string;
  readonly time: string;
  readonly status: number;
  readonly reason: string;
  readonly sentence: string;
  readonly signal: {
    readonly name: string;
    readonly number: number;
    readonly sender: {
      readonly pid: number;
      readonly uid: number;
      readonly claimed: boolean;
      readonly name: string;
    };
  } | null;
  readonly main_program: {
    readonly pid: number;
    readonly command: string;
    readonly status: number;
    readonly signal: number;
  };
  readonly ran_ms: number;
  readonly core_restarts: number;
  readonly killed: number;
  readonly left: readonly { readonly pid: number; readonly name: string }[];
}

function reportIn(path: string): Report {
  const text = readFileSync(path, "latin1");
  assert.ok(text.length <= 4096 && text.endsWith("\n"), text);
  return JSON.parse(text) as Report;
}

inBothModes("a report tells the stop, its sender, the status and how long it ran", async (context, mode) => {
  const path = join(folder(context), "report");
  const before = Date.now();
  const program = ["sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"];
  const one = start(context, [STEADY, "--reap", mode, "--report", path, "--", ...program]);
  await until("the program", () => one.stdout.includes("ready"));
  assert.ok(!existsSync(path), "nothing is there before the end");
  process.kill(one.pid, "SIGWINCH");
  process.kill(one.pid, "SIGTERM");
  assert.equal((await one.ends()).status, 7);
  const report = reportIn(path);
  assert.deepEqual(
    { ...report, time: "", ran_ms: 0, main_program: { ...report.main_program, pid: 0 } },
    {
      version: "1.0.0",
      time: "",
      status: 7,
      reason: "exited",
      sentence: "Main child exited normally (with status '7')",
      signal: {
        name: "SIGTERM",
        number: 15,
        sender: {
          pid: process.pid,
          uid: process.getuid?.(),
          claimed: false,
          name: readFileSync("/proc/self/comm", "latin1").trimEnd(),
        },
      },
      main_program: { pid: 0, command: "sh", status: 7, signal: 0 },
      ran_ms: 0,
      core_restarts: 0,
      killed: 0,
      left: [],
    },
  );
  assert.ok(Math.abs(Date.parse(report.time) - Date.now()) < 600_000, report.time);
  assert.ok(report.ran_ms > 0 && report.ran_ms <= Date.now() - before, String(report.ran_ms));
  assert.deepEqual(readdirSync(join(path, "..")), ["report"], "nothing is left beside it");
  assert.equal(statSync(path).mode & 0o777, 0o640);
});

test("each end has its reason, and the sentence that the log has", async (context) => {
  const here = folder(context);
  const cases = [
    [["sh", "-c", "exit 3"], "exited", "Main child exited normally (with status '3')", 3, 0],
    [["sh", "-c", "kill -9 $$"], "signaled", "Main child exited with signal (with signal 'Killed')", 137, 9],
    [["/nothing/here"], "not_started", "exec /nothing/here failed: No such file or directory", 127, 0],
    [["/etc/passwd"], "not_started", "exec /etc/passwd failed: Permission denied", 126, 0],
  ] as const;
  for (const [index, [command, reason, sentence, status, signal]] of cases.entries()) {
    const path = join(here, `${index}`);
    const ended = await run(context, [STEADY, "--report", path, "--", ...command]);
    const report = reportIn(path);
    assert.deepEqual(
      [ended.status, report.status, report.reason, report.sentence, report.main_program.signal],
      [status, status, reason, sentence, signal],
    );
    assert.equal(report.main_program.status, status);
    assert.equal(report.signal, null);
    if (reason === "not_started") assert.ok(ended.stderr.includes(sentence), ended.stderr);
  }
  const remapped = join(here, "remapped");
  await run(context, [STEADY, "-e", "3", "--report", remapped, "--", "sh", "-c", "exit 3"]);
  assert.deepEqual([reportIn(remapped).status, reportIn(remapped).main_program.status], [0, 3]);
});

test("a report names who was left, and counts what was killed", async (context) => {
  if (!needsPidNamespace(context)) return;
  const path = join(folder(context), "report");
  const script =
    "(trap '' TERM; echo ready; while :; do sleep 0.01; done) & until [ -e \"$0\" ]; do sleep 0.01; done; exit 0";
  const options = ["--drain", "300ms", "--report", path];
  const gate = `${path}.gate`;
  const one = start(context, asPid1([STEADY, ...options, "--", "sh", "-c", script, gate]));
  await until("what is left", () => one.stdout.includes("ready"));
  writeFileSync(gate, "");
  await one.ends();
  const report = reportIn(path);
  assert.equal(report.left[0]?.name, "sh");
  assert.ok(report.killed >= 1, JSON.stringify(report));
});

test("a program that is killed for its --grace is told of so", async (context) => {
  const path = join(folder(context), "report");
  const program = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"];
  const one = start(context, [STEADY, "--grace", "200ms", "--report", path, "--", ...program]);
  await until("the program", () => one.stdout.includes("ready"));
  process.kill(one.pid, "SIGTERM");
  await one.ends();
  const { reason, status, sentence, signal } = reportIn(path);
  assert.deepEqual([reason, status, signal?.name], ["overdue", 124, "SIGTERM"]);
  assert.match(sentence, /^Process \d+ did not end within 200 ms of its stop signal/);
});

test("whoever falls with a program that is killed for its --grace is left too", async (context) => {
  const path = join(folder(context), "report");
  const program = ["sh", "-c", "trap '' TERM; sleep 60 & echo ready; wait"];
  const one = start(context, [STEADY, "--grace", "200ms", "--report", path, "--", ...program]);
  await until("the program", () => one.stdout.includes("ready"));
  process.kill(one.pid, "SIGTERM");
  await one.ends();
  assert.deepEqual(
    reportIn(path).left.map(({ name }) => name),
    ["sh", "sleep"],
  );
  assert.match(
    one.stderr,
    /\(sh\) did not end in time: it is killed\n.*\(sleep\) did not end in time: it is killed\n/,
  );
});

test("a program that was not well, and one that a fork bomb took along, are told of so", async (context) => {
  const path = join(folder(context), "report");
  const silent = await run(context, [
    STEADY,
    "--ready-within",
    "10ms",
    "--report",
    path,
    "--",
    "sleep",
    "60",
  ]);
  assert.equal(silent.status, 122);
  const { reason, sentence, status } = reportIn(path);
  assert.deepEqual(
    [reason, sentence, status],
    ["unwell", "The program is not well (not ready): it gets SIGABRT", 122],
  );
});

test("no name that others chose ends a string or the object, whatever bytes it has", async (context) => {
  const here = folder(context);
  const path = join(here, "report");
  const byte = fc.oneof(fc.integer({ min: 1, max: 255 }), fc.constantFrom(10, 34, 92, 125));
  const name = fc
    .array(byte, { minLength: 1, maxLength: 15 })
    .map((bytes) => Buffer.from(bytes.map((each) => (each === 47 ? 46 : each))))
    .filter((bytes) => !/^\.{1,2}$/.test(bytes.toString("latin1")));
  await fc.assert(
    fc.asyncProperty(name, async (bytes) => {
      const weird = Buffer.concat([Buffer.from(`${here}/`), bytes]);
      symlinkSync("/bin/sh", weird);
      // The shell of that name sends the signal, and so is the sender; sh reads the path from a file, as it is no text.
      writeFileSync(join(here, "path"), weird);
      const wait = 'trap "exit 0" USR1; kill -USR1 $PPID; while :; do sleep 0.01; done';
      const script = `IFS=; p=$(cat "${here}/path"; echo x); exec ${STEADY} --report "${path}" -- "\${p%x}" -c '${wait}'`;
      await run(context, ["sh", "-c", script], { env: { PATH: "/usr/bin:/bin", LC_ALL: "C" } });
      rmSync(weird);
      const report = reportIn(path);
      assert.deepEqual(Buffer.from(report.main_program.command, "latin1"), weird);
      assert.deepEqual(Buffer.from(report.signal?.sender.name ?? "", "latin1"), bytes);
      assert.match(readFileSync(path, "latin1"), /^[ -~]+\n$/);
    }),
    { numRuns: 25 },
  );
});

test("a report stays whole and within 4,096 bytes, however long what others chose is", async (context) => {
  const path = join(folder(context), "report");
  for (const letter of ["x", '"', "\u0001"]) {
    await run(context, [STEADY, "--report", path, "--", `/${letter.repeat(3000)}`]);
    assert.equal(reportIn(path).reason, "not_started");
  }
});

const UNFIT: Readonly<Record<string, (path: string, elsewhere: string) => void>> = {
  "a symbolic link": (path, elsewhere) => symlinkSync(elsewhere, path),
  "a hard link": (path, elsewhere) => linkSync(elsewhere, path),
  "a directory": (path) => mkdirSync(path),
  "a FIFO": (path) => execFileSync("mkfifo", [path]),
};

for (const [what, plant] of Object.entries(UNFIT))
  test(`${what} is no place for a report, and no program starts`, async (context) => {
    const here = folder(context);
    const elsewhere = join(here, "elsewhere");
    writeFileSync(elsewhere, "as it was");
    const path = join(here, "report");
    plant(path, elsewhere);
    const { status, stderr, stdout } = await run(context, [
      STEADY,
      "--report",
      path,
      "--",
      "echo",
      "started",
    ]);
    assert.equal(status, 125);
    assert.match(stderr, /--report: (?:this is no regular file|cannot write there)/);
    assert.equal(stdout, "");
    assert.equal(readFileSync(elsewhere, "latin1"), "as it was");
    assert.ok(!existsSync(`${path}.tmp`));
  });

test("a report takes the place of an older one, and of what a killed life has left", async (context) => {
  const path = join(folder(context), "report");
  writeFileSync(path, "older\n".repeat(2000));
  writeFileSync(`${path}.tmp`, "left");
  const old = statSync(path).ino;
  await run(context, [STEADY, "--report", path, "--", "true"]);
  assert.equal(reportIn(path).status, 0);
  assert.notEqual(statSync(path).ino, old, "it is another file");
  assert.ok(!existsSync(`${path}.tmp`));
});

test("with --user a report goes into a file of that user, and into no other", async (context) => {
  if (!needsRoot(context)) return;
  const path = join(folder(context), "report");
  const life = ["--user", "65534:65534", "--", "true"];
  const missing = await run(context, [STEADY, "--report", path, ...life]);
  assert.equal(missing.status, 125);
  writeFileSync(path, " ".repeat(1000), { mode: 0o600 });
  const theirs = await run(context, [STEADY, "--report", path, ...life]);
  assert.equal(theirs.status, 125, theirs.stderr);
  chownSync(path, 65534, 65534);
  const ours = await run(context, [STEADY, "--report", path, ...life]);
  assert.equal(ours.status, 0, ours.stderr);
  assert.equal(reportIn(path).status, 0);
  assert.equal(statSync(path).size, 1000, "what was there is written over to its end");
  const variable = await run(context, [STEADY, ...life], {
    env: { ...process.env, STEADY_REPORT: "/etc/steady-report" },
  });
  assert.match(variable.stderr, /STEADY_REPORT is ignored/);
  assert.ok(!existsSync("/etc/steady-report"));
});

/** In a mount namespace in which `file` is mounted as Kubernetes does it. */
const inKubernetes = (file: string, ...command: string[]): string[] => [
  "unshare",
  "--mount",
  "sh",
  "-c",
  'mount -t tmpfs none /dev && : > /dev/termination-log && mount --bind "$0" /dev/termination-log && exec "$@"',
  file,
  ...command,
];

function terminationLog(context: TestContext, content = ""): string {
  const file = join(folder(context), "log");
  writeFileSync(file, content);
  chmodSync(file, 0o666);
  return file;
}

test("/dev/termination-log gets the sentence of an end that was not clean", async (context) => {
  if (!needsRoot(context)) return;
  const file = terminationLog(context);
  const told = async (...command: string[]): Promise<string> => {
    writeFileSync(file, "");
    await run(context, inKubernetes(file, ...command));
    return readFileSync(file, "latin1");
  };
  assert.equal(await told(STEADY, "sh", "-c", "exit 4"), "Main child exited normally (with status '4')");
  assert.equal(
    await told(STEADY, "/nothing"),
    "exec /nothing failed: No such file or directory",
    "also where it never began",
  );
  assert.equal(
    await told(STEADY, "--user", "nobody-here", "true"),
    "--user nobody-here: there is no such user in /etc/passwd",
  );
  const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  assert.match(await told(...asNobody, STEADY, "sh", "-c", "kill -9 $$"), /Killed/, "whoever the init is");
  assert.match(await told(STEADY, "--user", "65534:65534", "sh", "-c", "exit 4"), /'4'/);
  assert.equal(await told(STEADY, "true"), "", "a clean end has none");
  assert.equal(await told(STEADY, "-e", "4", "sh", "-c", "exit 4"), "", "nor one that was made so");
  for (const name of ["tini", "dumb-init", "catatonit"])
    assert.equal(await told(STEADY, "--as", name, "--", "sh", "-c", "exit 4"), "", name);
  assert.equal(await told(STEADY, "--health", "--max-zombies", "0"), "", "nor is a look an end");
});

test("the program's own word in /dev/termination-log stays", async (context) => {
  if (!needsRoot(context)) return;
  const file = terminationLog(context);
  const script = "echo out of luck > /dev/termination-log; exit 4";
  await run(context, inKubernetes(file, STEADY, "sh", "-c", script));
  assert.equal(readFileSync(file, "latin1"), "out of luck\n");
  const large = terminationLog(context, "x".repeat(5000));
  const { stderr } = await run(
    context,
    inKubernetes(large, STEADY, "--report", "/dev/termination-log", "false"),
  );
  assert.equal(readFileSync(large, "latin1"), "x".repeat(5000));
  assert.match(stderr, /--report: cannot write there: File too large/);
});

test("a report on a mount is written in place, and no sentence behind it", async (context) => {
  if (!needsRoot(context)) return;
  const file = terminationLog(context, "an older message ".repeat(40));
  const { status, stderr } = await run(
    context,
    inKubernetes(file, STEADY, "--report", "/dev/termination-log", "sh", "-c", "exit 4"),
  );
  assert.equal(status, 4, stderr);
  assert.equal(reportIn(file).status, 4);
});
