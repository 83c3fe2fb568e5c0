// Side by side with Debian's dumb-init: the same command lines, the same lines of output and the same status. Init and child
// write to one stream without waiting for each other, so the lines are compared sorted. Where the two differ on purpose the
// difference stands below with its reason, and must be exactly that.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { needs } from "../lib/needs.ts";
import {
  asPid1,
  becomes,
  descendantNamed,
  needsPidNamespace,
  needsProgram,
  start,
  statOf,
  until,
} from "../lib/process.ts";
import { twice } from "../lib/twice.ts";

const DUMB_INIT = "/usr/bin/dumb-init";

/** What is not the same, and why: what becomes of whose lines. */
interface Difference {
  readonly reason: string;
  readonly theirs?: (lines: readonly string[]) => readonly string[];
  readonly ours?: (lines: readonly string[]) => readonly string[];
}

const DIFFERENCES = {
  version: {
    reason: "the version tells the truth",
    theirs: (lines) => lines.map((line) => line.replace("dumb-init v1.2.5", "dumb-init v1.2.5_steady-1.0.0")),
  },
  personality: {
    reason: "with -v steady says which init it behaves as, and why",
    ours: (lines) =>
      lines.filter((line) => line !== "[dumb-init] Behaving as dumb-init: by the name it was called by"),
  },
  reused: {
    reason:
      "with -c dumb-init signals the number of the program after it was reaped, when it may be anybody's",
    theirs: (lines) => {
      const reaped = lines.findIndex((line) => line.startsWith("[dumb-init] A child with PID P0 "));
      const end = lines.findIndex((line) => line.startsWith("[dumb-init] Child exited with status "));
      return reaped < 0 ? lines : [...lines.slice(0, reaped + 1), ...lines.slice(end)];
    },
  },
} as const satisfies Record<string, Difference>;

type DifferenceName = keyof typeof DIFFERENCES;

interface Case {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly differences?: readonly DifferenceName[];
}

interface Ends {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

let folder = "";
let ours = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "steady-dumb-init-"));
  ours = join(folder, "dumb-init");
  copyFileSync(join(import.meta.dirname, "../../dist/steady"), ours);
  writeFileSync(join(folder, "text"), "exit 4\n", { mode: 0o755 });
  writeFileSync(join(folder, "plain"), "", { mode: 0o644 });
});

after(() => rmSync(folder, { recursive: true }));

function needsDumbInit(context: TestContext): boolean {
  const version = spawnSync(DUMB_INIT, ["--version"], { encoding: "utf8" }).stderr ?? "";
  const is = version.startsWith("dumb-init v1.2.5");
  return needs(context, is, "Debian's dumb-init 1.2.5", "apt-get install dumb-init");
}

function ends(file: string, { args, env = {} }: Case): Ends {
  const { stdout, stderr, status } = spawnSync(file, args, {
    argv0: "dumb-init",
    cwd: folder,
    encoding: "latin1",
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 20_000,
  });
  return { stdout, stderr: named(stderr), status };
}

/** Pids as names, in the order in which they appear. */
function named(text: string): string {
  const names = new Map<string, string>();
  return text.replaceAll(/(?<=PID )\d+/g, (pid) => {
    if (!names.has(pid)) names.set(pid, `P${names.size}`);
    return names.get(pid) as string;
  });
}

/** The differences that were met; one that never is stands for nothing. */
const met = new Set<DifferenceName>();

/** The lines as they are compared, after those changes that are expected. */
function lines(text: string, names: readonly DifferenceName[], side: "theirs" | "ours"): string[] {
  let all: readonly string[] = text.split("\n");
  for (const name of names) {
    const difference: Difference = DIFFERENCES[name];
    const changed = difference[side]?.(all) ?? all;
    if (changed.join("\n") !== all.join("\n")) met.add(name);
    all = changed;
  }
  return [...all].sort();
}

function compare(one: Case): void {
  const [theirs, mine] = [ends(DUMB_INIT, one), ends(ours, one)];
  const names = one.differences ?? [];
  const what = `dumb-init ${one.args.join(" ")}`;
  assert.equal(mine.stdout, theirs.stdout, `stdout of ${what}`);
  assert.deepEqual(lines(mine.stderr, names, "ours"), lines(theirs.stderr, names, "theirs"), what);
  assert.equal(mine.status, theirs.status, `status of ${what}`);
}

function compareAll(name: string, cases: readonly Case[]): void {
  test(name, async (context) => {
    if (!needsDumbInit(context)) return;
    // A child that dies before anybody looks sends no SIGCHLD that is told of.
    for (const one of cases) await twice(() => compare(one));
  });
}

// The command line

compareAll(
  "help, version, usage and the sentences of getopt_long are dumb-init's",
  [
    [],
    ["-h"],
    ["--help"],
    ["--h"],
    ["-hx"],
    ["-xh"],
    ["-vh"],
    ["-V"],
    ["--version"],
    ["--vers"],
    ["-cV", "true"],
    ["--version", "true"],
    ["--ve"],
    ["--v"],
    ["--=x"],
    ["-x"],
    ["-cx", "true"],
    ["-s", "true"],
    ["-g", "true"],
    ["-r"],
    ["-cr"],
    ["--rewrite"],
    ["--rewrite="],
    ["--rew"],
    ["--unknown", "true"],
    ["--unknown=3"],
    ["--helpx"],
    ["--help=1"],
    ["--single-child=yes", "true"],
    ["--ver=1"],
    ["--"],
    ["-c", "--"],
    ["-v"],
  ].map((args) => ({ args, differences: ["version"] })),
);

test("the usage shows the path that it was called by", (context) => {
  if (!needsDumbInit(context)) return;
  for (const args of [[], ["-h"], ["--x"]]) {
    const [theirs, mine] = [DUMB_INIT, ours].map((file) => {
      const result = spawnSync(file, args, { argv0: "/a/b/dumb-init", encoding: "utf8" });
      return result.stderr.replace("1.2.5_steady-1.0.0", "1.2.5");
    });
    // Only the last part of the name decides who it is.
    assert.equal(mine, theirs);
  }
});

const REFUSED = [
  "0:1",
  "32:1",
  "1:32",
  "1:-1",
  "-1:1",
  "a",
  "a:b",
  "15",
  "15:",
  ":15",
  "15 :3",
  "15;3",
  "",
  " ",
  "99999:1",
];
const TAKEN = [
  "15:3",
  "15:3x",
  " 15:3",
  "15: 3",
  "+15:+3",
  "015:03",
  "15:3:4",
  "15:-0",
  "1:0",
  "31:31",
  "\t15:\n3",
];

compareAll(
  "-r takes what sscanf takes, and refuses the rest in its words",
  [...REFUSED, ...TAKEN].flatMap((value): Case[] => [
    { args: ["-r", value, "true"] },
    { args: [`-r${value}`, "true"] },
    { args: [`--rewrite=${value}`, "true"] },
  ]),
);

compareAll("options end at the first operand, and -- is the last", [
  { args: ["echo", "-v", "--", "-h"] },
  { args: ["-c", "echo", "-c"] },
  { args: ["--", "echo", "-v"] },
  { args: ["--", "--", "true"] },
  { args: ["sh", "-c", "exit 3"] },
  { args: ["--single", "sh", "-c", "exit 3"] },
  { args: ["-", "true"] },
]);

// Lives

const PROGRAMS: readonly (readonly string[])[] = [
  ["true"],
  ...[1, 2, 3, 255].map((status) => ["sh", "-c", `exit ${status}`]),
  ...[9, 15, 1, 11, 6].map((signal) => ["sh", "-c", `ulimit -c 0; kill -${signal} $$`]),
];
const FAILURES: readonly (readonly string[])[] = [
  ["/nope"],
  ["nope"],
  [""],
  ["/tmp"],
  ["./plain"],
  ["/etc/passwd/x"],
  ["./text", "a", "b"],
];

for (const options of [[], ["-c"]]) {
  const said = options.length === 0 ? "in a session" : "with -c";
  compareAll(
    `${said} a life ends with its status and says nothing`,
    [...PROGRAMS, ...FAILURES].map((program) => ({ args: [...options, ...program] })),
  );
  compareAll(
    `${said} and with -v a life is told in dumb-init's words`,
    [...PROGRAMS, ...FAILURES].map((program) => ({
      args: [...options, "-v", ...program],
      differences: ["personality", ...(options.length === 0 ? [] : (["reused"] as const))],
    })),
  );
}

const ON_OFF = ["", "0", "1", "2", "00", "01", "true", " 0", " 1"];

compareAll(
  "DUMB_INIT_DEBUG and DUMB_INIT_SETSID mean something with one value each",
  ON_OFF.flatMap((value): Case[] => [
    { args: ["true"], env: { DUMB_INIT_DEBUG: value }, differences: ["personality"] },
    { args: ["true"], env: { DUMB_INIT_SETSID: value } },
    {
      args: ["-v", "true"],
      env: { DUMB_INIT_SETSID: value },
      differences: value === "0" ? ["personality", "reused"] : ["personality"],
    },
    {
      args: ["-c", "true"],
      env: { DUMB_INIT_DEBUG: "1", DUMB_INIT_SETSID: value },
      differences: ["personality", "reused"],
    },
  ]),
);

compareAll("the environment reaches the program unchanged", [
  { args: ["env"], env: { DUMB_INIT_DEBUG: "0", DUMB_INIT_SETSID: "1", A: "b" } },
]);

// Signals

const EVERY = Array.from({ length: 31 }, (_, index) => index + 1).filter(
  (signal) => ![9, 17, 19].includes(signal),
);
/** A shell cannot trap SIGKILL and SIGSTOP, and the three of a terminal are rewritten. */
const PLAIN = EVERY.filter((signal) => ![20, 21, 22].includes(signal));

/** The program hears of the signal, and ends with 5. */
const heard = (sent: number, signal: number): string =>
  `trap 'exit 5' ${signal}; kill -${sent} $PPID; while :; do read x </dev/null; done`;

compareAll(
  "a signal is forwarded, and told in dumb-init's words",
  [...PLAIN, 34, 35, 50, 64].flatMap((signal): Case[] => [
    { args: ["sh", "-c", heard(signal, signal)] },
    { args: ["-v", "sh", "-c", heard(signal, signal)], differences: ["personality"] },
    { args: ["-vc", "sh", "-c", heard(signal, signal)], differences: ["personality", "reused"] },
  ]),
);

compareAll("a signal is rewritten, in one step, and the last rule for it counts", [
  { args: ["-v", "-r", "10:12", "sh", "-c", heard(10, 12)], differences: ["personality"] },
  { args: ["-v", "-r", "10:12", "-r12:10", "sh", "-c", heard(10, 12)], differences: ["personality"] },
  { args: ["-v", "-r", "10:3", "-r10:12", "sh", "-c", heard(10, 12)], differences: ["personality"] },
  { args: ["-v", "-r", "10:10", "sh", "-c", heard(10, 10)], differences: ["personality"] },
  { args: ["-v", "-r", "10:9", "sh", "-c", heard(10, 12)], differences: ["personality"] },
]);

/** What is dropped does not arrive: the next one that does tells so. */
const afterDropped = (dropped: number): string =>
  `trap 'exit 4' ${dropped}; trap 'exit 5' 12; kill -${dropped} $PPID; kill -12 $PPID; while :; do read x </dev/null; done`;

compareAll("a signal that is rewritten to 0 goes nowhere", [
  { args: ["-v", "-r", "10:0", "sh", "-c", afterDropped(10)], differences: ["personality"] },
  { args: ["-vc", "-r", "15:0", "sh", "-c", afterDropped(15)], differences: ["personality", "reused"] },
]);

compareAll("the SIGTERM of the end is rewritten as every other", [
  { args: ["-v", "-r", "15:0", "true"], differences: ["personality"] },
  { args: ["-v", "-r", "15:3", "true"], differences: ["personality"] },
]);

// Sessions. Both files play the same test.

function onBoth(name: string, body: (file: string, context: TestContext) => Promise<void>): void {
  for (const whose of ["dumb-init", "steady"]) {
    test(`${name}: ${whose}`, async (context) => {
      if (needsDumbInit(context)) await body(whose === "steady" ? ours : DUMB_INIT, context);
    });
  }
}

const sessionOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[3]);

onBoth(
  "the program leads a session of its own, with -c it stays in the init's group",
  async (file, context) => {
    for (const single of [false, true]) {
      const run = start(context, [file, ...(single ? ["-c"] : []), "sleep", "1000"]);
      const program = await descendantNamed(run.pid, "sleep");
      const [init, of] = [statOf(run.pid), statOf(program)];
      assert.equal(of?.group, single ? init?.group : program);
      assert.equal(sessionOf(program), single ? sessionOf(run.pid) : program);
      run.child.kill("SIGTERM");
      assert.deepEqual(await run.ends(), { status: 143, signal: null });
    }
  },
);

/** A program with a child that says which of its signals came. */
const FAMILY =
  "sh -c 'trap \"echo child; exit\" TERM; echo ready; while :; do read x </dev/null; done' & trap : TERM; wait; wait; exit 6";

onBoth("a signal reaches the whole session, with -c the program alone", async (file, context) => {
  const all = start(context, [file, "sh", "-c", FAMILY]);
  await until("the family", () => all.stdout.includes("ready"));
  all.child.kill("SIGTERM");
  assert.deepEqual(await all.ends(), { status: 6, signal: null });
  assert.match(all.stdout, /child/);
});

onBoth(
  "at the end what is left of the session gets a SIGTERM, and is not waited for",
  async (file, context) => {
    const told = join(folder, `left-${file === ours ? "ours" : "theirs"}`);
    const left = `trap 'echo TERM >${told}; exit' TERM; echo ready; while :; do read x </dev/null; done`;
    const script = `sh -c "$0" & read x; exit 3`;
    const run = start(context, [file, "sh", "-c", script, left]);
    await until("who is left", () => run.stdout.includes("ready"));
    run.write("\n");
    assert.deepEqual(await run.ends(), { status: 3, signal: null });
    await until("its SIGTERM", () => {
      try {
        return readFileSync(told, "utf8") === "TERM\n";
      } catch {
        return false;
      }
    });
  },
);

for (const signal of ["SIGTSTP", "SIGTTIN", "SIGTTOU"] as const) {
  onBoth(`${signal} stops the session and the init, and SIGCONT continues both`, async (file, context) => {
    const run = start(context, [file, "sleep", "1000"]);
    const program = await descendantNamed(run.pid, "sleep");
    run.child.kill(signal);
    await becomes(program, "T");
    await becomes(run.pid, "T");
    run.child.kill("SIGCONT");
    await becomes(program, "S");
    await becomes(run.pid, "S");
    run.child.kill("SIGTERM");
    assert.deepEqual(await run.ends(), { status: 143, signal: null });
  });
}

onBoth(
  "a stop that is rewritten does not stop the session, and the init all the same",
  async (file, context) => {
    const run = start(context, [
      file,
      "-r",
      "20:10",
      "sh",
      "-c",
      "trap 'echo USR1' USR1; echo ready; while :; do read x </dev/null; done",
    ]);
    await until("the program", () => run.stdout.includes("ready"));
    run.child.kill("SIGTSTP");
    await until("the signal", () => run.stdout.includes("USR1"));
    await becomes(run.pid, "T");
    run.child.kill("SIGCONT");
    run.child.kill("SIGTERM");
    assert.deepEqual(await run.ends(), { status: 143, signal: null });
  },
);

onBoth("with -c a stop reaches the program as it is", async (file, context) => {
  const run = start(context, [
    file,
    "-c",
    "sh",
    "-c",
    "trap 'echo TSTP' TSTP; echo ready; while :; do read x </dev/null; done",
  ]);
  await until("the program", () => run.stdout.includes("ready"));
  run.child.kill("SIGTSTP");
  await until("the signal", () => run.stdout.includes("TSTP"));
  await becomes(run.pid, "T");
  run.child.kill("SIGCONT");
  run.child.kill("SIGTERM");
  assert.deepEqual(await run.ends(), { status: 143, signal: null });
});

onBoth("as PID 1 it cannot stop itself, and goes on", async (file, context) => {
  if (!needsPidNamespace(context)) return;
  const heardTwice = "trap 'echo USR1' USR1; kill -TSTP 1; kill -USR1 1; while :; do read x </dev/null; done";
  const run = start(context, asPid1([file, "-r", "20:0", "sh", "-c", heardTwice]));
  await until("the second signal", () => run.stdout.includes("USR1"));
});

// The terminal

interface Shown {
  /** What the terminal shows, and what init and child say besides, sorted. */
  readonly shown: string;
  readonly said: readonly string[];
  readonly status: number | null;
}

/**
 * The command in a terminal; with `leads` in the place of the session's leader. What it says goes into a file: two who write
 * to a terminal at once are in each other's way, and steady waits for nobody.
 */
function inTerminal(file: string, command: string, leads: boolean): Shown {
  const errors = join(folder, "said");
  const line = `${leads ? "exec " : ""}${file} ${command} 2>${errors}${leads ? "" : "; exit $?"}`;
  const result = spawnSync("script", ["-qefc", line, "/dev/null"], {
    encoding: "latin1",
    env: { PATH: `${process.env.PATH}`, SHELL: "/bin/sh" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 20_000,
  });
  const said = named(readFileSync(errors, "latin1")).split("\n");
  return {
    shown: result.stdout.replaceAll("\r", ""),
    said: said.filter((line) => !line.includes("] Behaving as dumb-init")).sort(),
    status: result.status,
  };
}

/** Behind this signal in the queue nothing is left of the hand-over: real-time ones come last. */
const HEARD_LAST = "sh -c 'trap \"exit 5\" 34; kill -34 $PPID; while :; do read x </dev/null; done'";

for (const leads of [true, false]) {
  test(`a terminal is handed over where the init ${leads ? "leads its session" : "is a member"}, as dumb-init does`, (context) => {
    if (!needsDumbInit(context) || !needsProgram(context, "script", "apt-get install bsdutils")) return;
    for (const command of [
      `-v ${HEARD_LAST}`,
      `-c ${HEARD_LAST}`,
      "sh -c 'echo mine >/dev/tty; exit 3'",
      "-c sh -c 'echo mine >/dev/tty'",
      "sh -c 'ps -o tpgid= $$ | grep -qw $$ && echo in front'",
    ]) {
      const [theirs, mine] = [DUMB_INIT, ours].map((file) => inTerminal(file, command, leads));
      assert.deepEqual(mine, theirs, command);
    }
  });
}

test("the SIGHUP and SIGCONT of the hand-over go nowhere, and the first that somebody sends arrives", (context) => {
  if (!needsDumbInit(context) || !needsProgram(context, "script", "apt-get install bsdutils")) return;
  // The first signal comes back when the hand-over is done.
  const program =
    'sh -c \'trap "exit 7" HUP; trap "kill -HUP $PPID" 34; kill -34 $PPID; while :; do read x </dev/null; done\'';
  const { status, said } = inTerminal(ours, `-v ${program}`, true);
  assert.equal(status, 7);
  assert.equal(said.filter((line) => line === "[dumb-init] Ignoring tty hand-off signal 1.").length, 1);
  assert.equal(said.filter((line) => line === "[dumb-init] Forwarded signal 1 to children.").length, 1);
});

// On purpose

/** Each ends with another status, and why ours does. */
const OTHERWISE: readonly {
  readonly reason: string;
  readonly shell: string;
  readonly theirs: number;
  readonly ours: number;
}[] = [
  {
    reason: "an ignored signal stays ignored, as nohup needs it",
    shell: "trap '' USR1; exec \"$0\" sh -c 'kill -USR1 $$; exit 5'",
    theirs: 138,
    ours: 5,
  },
  {
    reason: "where the init is not PID 1 orphans would go past it: it is a subreaper",
    shell:
      '"$0" sh -c \'orphan=$(sh -c "sleep 100 >/dev/null & echo \\$!"); parent=$(ps -o ppid= $orphan); kill $orphan; test $parent -eq $PPID\'',
    theirs: 1,
    ours: 0,
  },
  {
    reason: "steady's long options are understood, too",
    shell: '"$0" --remap-exit=3 sh -c "exit 3"',
    theirs: 1,
    ours: 0,
  },
];

for (const { reason, shell, theirs, ours: mine } of OTHERWISE) {
  test(`on purpose: ${reason}`, (context) => {
    if (!needsDumbInit(context)) return;
    const status = (file: string) =>
      spawnSync("sh", ["-c", shell, file], { cwd: folder, timeout: 20_000 }).status;
    assert.deepEqual([status(DUMB_INIT), status(ours)], [theirs, mine]);
  });
}

test("every difference that is listed was met", (context) => {
  if (!needsDumbInit(context)) return;
  assert.deepEqual([...met].sort(), Object.keys(DIFFERENCES).sort());
});
