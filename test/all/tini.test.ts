// Side by side with Debian's tini: the same command lines, byte for byte the same output and status. Where the two differ
// on purpose the difference stands below with its reason, and must be exactly that.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { needs } from "../lib/needs.ts";
import { needsProgram, STEADY } from "../lib/process.ts";
import { twice } from "../lib/twice.ts";

const TINI = "/usr/bin/tini";

/** What is not the same, and why. `ours` makes of tini's lines the lines that are expected of steady. */
interface Difference {
  readonly reason: string;
  readonly ours: (lines: readonly string[]) => string[];
  /** Lines that only steady has, taken out before the comparison. */
  readonly only?: RegExp;
}

const DIFFERENCES = {
  version: {
    reason: "the version tells the truth in a form that Docker's parser accepts",
    ours: (lines) =>
      lines.map((line) => line.replace(/tini version 0\.19\.0/, "tini version 0.19.0_steady-1.0.0")),
  },
  personality: {
    reason: "from -v on, steady says which init it behaves as, and why",
    ours: (lines) => [...lines],
    only: /^\[INFO {2}tini \(INIT\)\] Behaving as tini: by the name it was called by$/,
  },
  terminal: {
    reason:
      "steady looks for the terminal before the clone, so the line has the init's pid and is always written; tini's " +
      "is in the child's buffer, which exec throws away where stdout is no terminal",
    ours: (lines) => lines.filter((line) => !/tcsetpgrp failed: no tty/.test(line)),
    only: /^\[DEBUG tini \(INIT\)\] tcsetpgrp failed: no tty \(ok to proceed\)$/,
  },
  sweep: {
    reason:
      "tini looks for the dead after every signal and every second (W15), steady after SIGCHLD and once at the start",
    ours: (lines) => lines.filter((line) => !/No child to reap$/.test(line)),
    only: /^\[TRACE tini \(INIT\)\] No child to reap$/,
  },
  twice: {
    reason: "a failed exec makes tini's child write the inherited buffer a second time (W19)",
    ours: (lines) => lines.filter((line, i) => line === "" || lines.indexOf(line) === i),
  },
} as const satisfies Record<string, Difference>;

type DifferenceName = keyof typeof DIFFERENCES;

interface Ends {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

interface Case {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly differences?: readonly DifferenceName[];
}

let folder = "";
let ours = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "steady-tini-"));
  ours = join(folder, "tini");
  copyFileSync(STEADY, ours);
  writeFileSync(join(folder, "text"), "exit 4\n", { mode: 0o755 });
  writeFileSync(join(folder, "plain"), "", { mode: 0o644 });
});

after(() => rmSync(folder, { recursive: true }));

function needsTini(context: TestContext): boolean {
  const version = spawnSync(TINI, ["--version"], { encoding: "utf8" }).stdout ?? "";
  return needs(
    context,
    version.startsWith("tini version 0.19.0"),
    "Debian's tini 0.19.0",
    "apt-get install tini",
  );
}

function ends(file: string, { args, env = {} }: Case): Ends {
  const result = spawnSync(file, args, {
    argv0: "tini",
    cwd: folder,
    encoding: "latin1",
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 20_000,
  });
  const pid = result.pid;
  return { stdout: named(result.stdout, pid), stderr: named(result.stderr, pid), status: result.status };
}

/** Pids as names: the init's, and the others in the order in which they appear. */
function named(text: string, init: number): string {
  const names = new Map([[`${init}`, "INIT"]]);
  return text.replaceAll(/(?<=\(|pid '|pid: '|pid=)\d+(?=\)\]|'|$)/gm, (pid) => {
    if (!names.has(pid)) names.set(pid, `P${names.size}`);
    return names.get(pid) as string;
  });
}

/** The differences that were met; one that never is stands for nothing. */
const met = new Set<string>();

/** tini's answer as steady's is expected, and steady's without what only it says. */
function compare(one: Case): void {
  const [theirs, mine] = [ends(TINI, one), ends(ours, one)];
  for (const stream of ["stdout", "stderr"] as const) {
    let expected = theirs[stream].split("\n");
    let actual = mine[stream].split("\n");
    for (const name of one.differences ?? []) {
      const { ours: change, only }: Difference = DIFFERENCES[name];
      const [before, said] = [expected, actual];
      expected = change(expected);
      if (only !== undefined) actual = actual.filter((line) => !only.test(line));
      if (before.join() !== expected.join() || said.length !== actual.length) met.add(name);
    }
    assert.deepEqual(actual, expected, `${stream} of tini ${one.args.join(" ")}`);
  }
  assert.equal(mine.status, theirs.status);
}

function compareAll(name: string, cases: readonly Case[]): void {
  test(name, async (context) => {
    if (!needsTini(context)) return;
    // A child may be dead before either of them looks, and then nobody says that SIGCHLD came.
    for (const one of cases) await twice(() => compare(one));
  });
}

compareAll(
  "the usage and getopt's sentences are tini's",
  [
    [],
    ["-h"],
    ["-hz"],
    ["-zh"],
    ["-x"],
    ["-sx"],
    ["-p"],
    ["-e"],
    ["-sp"],
    ["--"],
    ["-s", "--"],
    ["-v", "-h"],
    ["-s", "-h", "true"],
    ["--version", "true"],
    ["-v", "--version"],
    ["--unknown"],
    ["--unknown=3"],
  ].map((args) => ({ args, differences: ["version"] })),
);

compareAll(
  "the values of -p and -e are refused as tini does",
  [
    ...["FOO", "SIGFOO", "", "0", "65", "-1", "SIGRTMIN+99"].map((value) => ["-p", value, "true"]),
    ...["7x", "0x1", "-1", "256", "99999999999", "x", " ", "+", "-"].map((value) => ["-e", value, "true"]),
    ["-pFOO", "true"],
    ["-e999", "true"],
    ["-p", "FOO", "-h"],
    ["-s", "-e", "256", "-p", "FOO"],
  ].map((args) => ({ args })),
);

const EVERY_NAME =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ " +
  "VTALRM PROF WINCH SYS";

compareAll(
  "every name that tini takes for -p is taken",
  EVERY_NAME.split(" ").map((name) => ({ args: ["-s", "-p", `SIG${name}`, "true"] })),
);

compareAll(
  "every number that tini takes for -e is taken, and does the same",
  ["0", "3", " 3", "\t3", "+3", "003", "", "255", "143"].flatMap((value) =>
    [0, 3, 255].map((status) => ({ args: ["-s", "-e", value, "--", "sh", "-c", `exit ${status}`] })),
  ),
);

compareAll("clusters, attached values and repetitions", [
  { args: ["-gs", "-e143", "-pSIGTERM", "--", "sh", "-c", "kill $$"] },
  { args: ["-sgsg", "-e3", "-e4", "-e", "5", "--", "sh", "-c", "exit 4"] },
  { args: ["-se3", "--", "sh", "-c", "exit 3"] },
  { args: ["-s", "-pSIGTERM", "-pSIGHUP", "true"] },
  { args: ["-s", "--", "--", "true"], differences: ["version"] },
  { args: ["-s", "", "x"] },
]);

const TRACE: readonly DifferenceName[] = ["personality", "terminal", "sweep"];
const PROGRAMS: readonly (readonly string[])[] = [
  ["true"],
  ...[1, 3, 255].map((status) => ["sh", "-c", `exit ${status}`]),
  ...[9, 15, 1, 11, 6].map((signal) => ["sh", "-c", `ulimit -c 0; kill -${signal} $$`]),
];
const FAILURES: readonly (readonly string[])[] = [
  ["/nope"],
  ["nope"],
  ["/tmp"],
  ["./plain"],
  ["/etc/passwd/x"],
  ["./text", "a", "b"],
];

for (const verbose of ["-s", "-sv", "-svv", "-svvv", "-svvvvv"]) {
  compareAll(
    `with ${verbose} a life is told as tini tells it`,
    PROGRAMS.map((program) => ({ args: [verbose, "--", ...program], differences: TRACE })),
  );
  compareAll(
    `with ${verbose} a failed exec is told as tini tells it`,
    FAILURES.map((program) => ({ args: [verbose, "--", ...program], differences: ["twice", ...TRACE] })),
  );
}

compareAll("the warning where it is neither PID 1 nor a subreaper is tini's", [
  { args: ["true"] },
  { args: ["-vvv", "true"], differences: TRACE },
  { args: ["/nope"] },
]);

for (const parent of [["tini", "-s"], ["dumb-init"], ["catatonit"]]) {
  test(`under ${parent[0]} nobody is warned: it is an init`, (context) => {
    const [program = "", ...options] = parent;
    if (!needsProgram(context, program, `apt-get install ${program}`)) return;
    const result = spawnSync(program, [...options, ours, "true"], { encoding: "utf8", timeout: 20_000 });
    assert.deepEqual([result.status, result.stdout, result.stderr], [0, "", ""]);
  });
}

const FORWARDED = [
  1, 2, 3, 10, 12, 13, 14, 15, 16, 18, 20, 23, 24, 25, 26, 27, 28, 29, 30, 34, 35, 50, 63, 64,
];

compareAll(
  "a signal is passed with tini's words",
  FORWARDED.map((signal) => {
    const program = `trap 'exit 5' ${signal}; kill -${signal} $PPID; while :; do sleep 0.01; done`;
    return { args: ["-svvv", "--", "sh", "-c", program], differences: TRACE };
  }),
);

/** Leaves one orphan, and waits until it is reaped. */
const ORPHAN =
  "pid=$(sh -c 'sleep 0 >/dev/null & echo $!'); while kill -0 $pid 2>/dev/null; do sleep 0.01; done; exit 3";

compareAll("with -w each orphan is told of in tini's words", [
  { args: ["-sw", "--", "sh", "-c", ORPHAN] },
  { args: ["-swvv", "--", "sh", "-c", ORPHAN], differences: ["personality", "terminal"] },
]);

const VERBOSITIES = ["", "0", "1", "2", "3", "4", "99", "x", "3x", " 2", "+2", "-1", "-0"];

compareAll("TINI_VERBOSITY means what tini makes of it, and beats -v", [
  ...VERBOSITIES.map((value) => ({
    args: ["-s", "true"],
    env: { TINI_VERBOSITY: value },
    differences: TRACE,
  })),
  { args: ["-svvv", "true"], env: { TINI_VERBOSITY: "1" } },
  { args: ["-svvv", "/nope"], env: { TINI_VERBOSITY: "0" } },
]);

/** Ends with 9 where a member of the group besides the main program got the signal too. */
const BOTH =
  "exec 2>/dev/null; trap : TERM; sh -c 'trap \"exit 9\" TERM; kill $1; i=0; while [ $i -lt 50 ]; do i=$((i+1)); sleep 0.01; done' sh $PPID; exit $?";

compareAll(
  "W17: any value switches tini's flags on, 0 and the empty one too",
  ["", "0", "1", "false", "x"].flatMap((value): Case[] => [
    { args: ["true"], env: { TINI_SUBREAPER: value } },
    { args: ["-vvv", "true"], env: { TINI_SUBREAPER: value }, differences: TRACE },
    {
      args: ["-s", "--", "sh", "-c", BOTH],
      env: { TINI_KILL_PROCESS_GROUP: value },
    },
  ]),
);

compareAll(
  "with POSIXLY_CORRECT tini stops at the program as steady always does",
  [
    ["-s", "sh", "-c", "exit 3"],
    ["-s", "echo", "-s", "-g", "hi"],
    ["-s", "sh", "-c", 'echo "$@"', "sh", "--", "-l", "-h"],
  ].map((args) => ({ args, env: { POSIXLY_CORRECT: "" } })),
);

/** Says hi after the init has forwarded a signal, so after it has said that it spawned. */
const HI_WHEN_SIGNALLED = "trap 'echo hi; exit' USR1; kill -USR1 $PPID; while :; do sleep 0.01; done";

/** Command lines that tini understands otherwise: its answer, and ours. */
const OTHERWISE: readonly {
  readonly args: readonly string[];
  readonly reason: string;
  readonly tini: Partial<Ends>;
  readonly steady: Partial<Ends>;
}[] = [
  {
    args: ["-s", "sh", "-c", "exit 3"],
    reason: "W16: glibc's getopt takes what stands behind the program for tini's",
    tini: { status: 1 },
    steady: { status: 3, stdout: "", stderr: "" },
  },
  {
    args: ["-s", "echo", "-s", "-g", "hi"],
    reason: "W16: the same, and the program never sees it",
    tini: { status: 0, stdout: "hi\n" },
    steady: { status: 0, stdout: "-s -g hi\n" },
  },
  {
    args: ["-s", "-e", "127", "/nope"],
    reason: "W22: a program that does not exist has not succeeded",
    tini: { status: 0 },
    steady: { status: 127 },
  },
  {
    args: ["-s", "-e", "126", "/tmp"],
    reason: "W22: nor has one that cannot be executed",
    tini: { status: 0 },
    steady: { status: 126 },
  },
  ...["TERM", "15", "sigterm", "SIGIO", "SIGPWR", "RTMIN+3"].map((signal) => ({
    args: ["-s", "-p", signal, "true"],
    reason: "names without SIG, numbers, and every signal there is",
    tini: { status: 1, stderr: `[FATAL tini (INIT)] Not a valid option for -p: ${signal}\n` },
    steady: { status: 0, stderr: "" },
  })),
  {
    args: ["-sv", "--", "sh", "-c", HI_WHEN_SIGNALLED],
    reason: "a line is written when it happens, not with the last one (tini issue 166)",
    tini: {
      status: 0,
      stdout:
        "hi\n[INFO  tini (INIT)] Spawned child process 'sh' with pid 'P1'\n" +
        "[INFO  tini (INIT)] Main child exited normally (with status '0')\n",
    },
    steady: {
      status: 0,
      stdout:
        "[INFO  tini (INIT)] Behaving as tini: by the name it was called by\n" +
        "[INFO  tini (INIT)] Spawned child process 'sh' with pid 'P1'\nhi\n" +
        "[INFO  tini (INIT)] Main child exited normally (with status '0')\n",
    },
  },
  {
    args: ["--subreaper", "--remap-exit=3", "--", "sh", "-c", "exit 3"],
    reason: "long spellings",
    tini: { status: 1 },
    steady: { status: 0, stdout: "", stderr: "" },
  },
  {
    args: ["-s", "--help"],
    reason: "long spellings",
    tini: { status: 1, stdout: "" },
    steady: { status: 0, stderr: "" },
  },
];

for (const { args, reason, tini, steady } of OTHERWISE) {
  test(`on purpose, tini ${args.join(" ")}: ${reason}`, (context) => {
    if (!needsTini(context)) return;
    const [theirs, mine] = [ends(TINI, { args }), ends(ours, { args })];
    assert.deepEqual({ ...theirs, ...tini }, theirs);
    assert.deepEqual({ ...mine, ...steady }, mine);
  });
}

/** As moby's daemon/info_unix.go, parseInitVersion: version and commit, or nothing where it does not understand. */
function parsedByDocker(output: string): { version: string; commit: string } | undefined {
  const parts = output.split(" - ");
  const git = parts[1]?.split(".") ?? [];
  const commit = git.length === 2 && git[0] === "git" ? (git[1] as string) : "";
  const first = (parts[0] as string).trim();
  const version = first.startsWith("tini version ") ? first.slice("tini version ".length) : "";
  return version === "" && commit === "" ? undefined : { version, commit };
}

test("Docker understands the version, and it is not tini's", (context) => {
  if (!needsTini(context)) return;
  const [theirs, mine] = [ends(TINI, { args: ["--version"] }), ends(ours, { args: ["--version"] })];
  assert.equal(mine.status, theirs.status);
  assert.equal(mine.stdout, "tini version 0.19.0_steady-1.0.0\n");
  assert.deepEqual(parsedByDocker(mine.stdout), { version: "0.19.0_steady-1.0.0", commit: "" });
  assert.equal(parsedByDocker(theirs.stdout)?.version, "0.19.0");
});

test("the licence is printed, as tini prints its own", (context) => {
  if (!needsTini(context)) return;
  const [theirs, mine] = [ends(TINI, { args: ["-l"] }), ends(ours, { args: ["-l"] })];
  assert.equal(mine.status, theirs.status);
  assert.match(mine.stdout, /MIT License/);
  assert.equal(mine.stderr, theirs.stderr);
});

test("every difference that is listed was met", (context) => {
  if (!needsTini(context)) return;
  assert.deepEqual([...met].sort(), Object.keys(DIFFERENCES).sort());
});
