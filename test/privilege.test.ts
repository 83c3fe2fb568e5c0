// An init that may not signal its program (W1): root without CAP_KILL, whose program changed its uid, as gosu and
// setpriv do in hardened images. A stop must reach the program, and a refusal must end nothing.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { folder } from "./lib/folder.ts";
import { needs } from "./lib/needs.ts";
import {
  asPid1,
  descendantNamed,
  inBothModes,
  needsPidNamespace,
  needsRoot,
  type Run,
  STEADY,
  start,
  statOf,
  statusOf,
  until,
} from "./lib/process.ts";

/** Also by programs of other users. */
const WRITABLE = 0o777;

const NOBODY = 65534;
/** cap_drop: ALL, cap_add: SETUID, SETGID. */
const WITHOUT_KILL = ["setpriv", "--bounding-set=-all,+setuid,+setgid"];

function asUser(uid: number): string[] {
  return ["setpriv", `--reuid=${uid}`, "--regid=65534", "--clear-groups"];
}

/** A program that saves on SIGTERM and ends with 7, notes a SIGHUP, and says when it is ready. */
const SAVES = [
  "sh",
  "-c",
  "trap 'echo saved >saved; exit 7' TERM; trap 'echo hup >hup' HUP; echo ready; while :; do sleep 0.01; done",
];

/** The pid of the init below `run`, once its program is ready. */
async function initOf(run: Run): Promise<number> {
  await run.says("ready");
  return statOf(run.pid)?.name === "steady" ? run.pid : descendantNamed(run.pid, "steady");
}

async function isSaved(run: Run, path: string): Promise<void> {
  assert.deepEqual(await run.ends(), { status: 7, signal: null }, run.stderr);
  assert.equal(readFileSync(join(path, "saved"), "utf8"), "saved\n");
  // The shell may tell of its own sleep, which -g ended; the init has nothing to complain about.
  assert.doesNotMatch(run.stderr, /steady \(/);
}

async function isFile(path: string, name: string): Promise<void> {
  await until(`the file ${name}`, () => existsSync(join(path, name)));
}

const CASES: readonly { readonly what: string; readonly options: readonly string[]; readonly uid: number }[] =
  [
    { what: "a uid of its own", options: [], uid: NOBODY },
    { what: "-g", options: ["-g"], uid: NOBODY },
    { what: "-p TERM", options: ["-p", "TERM"], uid: NOBODY },
    { what: "uid 70000", options: [], uid: 70_000 },
    { what: "uid 3000000000, beyond 31 bits", options: [], uid: 3_000_000_000 },
    { what: "-g and uid 3000000000", options: ["-g"], uid: 3_000_000_000 },
  ];

for (const { what, options, uid } of CASES) {
  const title = `W1: without CAP_KILL the program gets SIGTERM and saves: ${what}`;
  inBothModes(title, async (context, mode) => {
    if (!needsRoot(context)) return;
    const cwd = folder(context, WRITABLE);
    const command = [...WITHOUT_KILL, STEADY, "--reap", mode, ...options, "--", ...asUser(uid), ...SAVES];
    const run = start(context, command, { cwd });
    process.kill(await initOf(run), "SIGTERM");
    await isSaved(run, cwd);
  });

  inBothModes(`${title}, as PID 1`, async (context, mode) => {
    if (!needsRoot(context) || !needsPidNamespace(context)) return;
    const cwd = folder(context, WRITABLE);
    const init = [...WITHOUT_KILL, STEADY, "--reap", mode, ...options, "--"];
    const run = start(context, asPid1([...init, ...asUser(uid), ...SAVES]), { cwd });
    process.kill(await initOf(run), "SIGTERM");
    await isSaved(run, cwd);
  });
}

inBothModes("W1: a second and a third signal arrive like the first", async (context, mode) => {
  if (!needsRoot(context)) return;
  const cwd = folder(context, WRITABLE);
  const run = start(context, [...WITHOUT_KILL, STEADY, "--reap", mode, ...asUser(NOBODY), ...SAVES], { cwd });
  const init = await initOf(run);
  for (let i = 0; i < 3; i++) {
    process.kill(init, "SIGHUP");
    await isFile(cwd, "hup");
    rmSync(join(cwd, "hup"));
  }
  process.kill(init, "SIGTERM");
  await isSaved(run, cwd);
});

inBothModes(
  "W1: the parent-death signal survives a delivery as the program's user",
  async (context, mode) => {
    if (!needsRoot(context)) return;
    const cwd = folder(context, WRITABLE);
    const init = [...WITHOUT_KILL, STEADY, "--reap", mode, "-p", "TERM", ...asUser(NOBODY), ...SAVES];
    // The shell is the parent that dies; it waits, so it is not replaced by the init.
    const run = start(context, ["sh", "-c", '"$@" & wait', "sh", ...init], { cwd });
    const pid = await initOf(run);
    context.after(() => existsSync(`/proc/${pid}`) && process.kill(pid, "SIGKILL"));
    process.kill(pid, "SIGHUP");
    await isFile(cwd, "hup");
    run.child.kill("SIGKILL");
    await isFile(cwd, "saved");
    await until("the init has ended", () => (statOf(pid)?.state ?? "Z") === "Z");
  },
);

inBothModes("W1: the init keeps its user and stays dumpable", async (context, mode) => {
  if (!needsRoot(context)) return;
  const cwd = folder(context, WRITABLE);
  // An init with a uid and one capability: the files in /proc of a process that is not dumpable are root's.
  const caps = "-all,+setuid,+setgid";
  const some = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", `--inh-caps=${caps}`];
  const command = [...some, `--ambient-caps=${caps}`, STEADY, "--reap", mode, ...asUser(NOBODY), ...SAVES];
  const run = start(context, command, { cwd });
  const pid = await initOf(run);
  assert.equal(statSync(`/proc/${pid}/environ`).uid, 1000);
  process.kill(pid, "SIGHUP");
  await isFile(cwd, "hup");
  await until("dumpable again", () => statSync(`/proc/${pid}/environ`).uid === 1000);
  assert.equal(statusOf(pid, "Uid"), "1000\t1000\t1000\t1000");
  process.kill(pid, "SIGTERM");
  await isSaved(run, cwd);
});

inBothModes("W1: with -g a member that kept the init's user gets the signal too", async (context, mode) => {
  if (!needsRoot(context)) return;
  const cwd = folder(context, WRITABLE);
  const member = `sh -c 'trap "echo root >member; exit" TERM; echo set >set; while :; do sleep 0.01; done' &`;
  const program = ["sh", "-c", `${member} until [ -e set ]; do sleep 0.01; done; exec "$@"`, "sh"];
  const command = [...program, ...asUser(NOBODY), ...SAVES];
  const run = start(context, [...WITHOUT_KILL, STEADY, "--reap", mode, "-g", ...command], { cwd });
  process.kill(await initOf(run), "SIGTERM");
  await isFile(cwd, "member");
  await isSaved(run, cwd);
});

/** setpriv as root's set-user-ID program: the program changes its uid although the init has no right to. */
function setuidCopy(context: TestContext, path: string): string | undefined {
  const copy = join(path, "setpriv");
  copyFileSync(execFileSync("sh", ["-c", "command -v setpriv"], { encoding: "utf8" }).trim(), copy);
  chownSync(copy, 0, 0);
  chmodSync(copy, 0o4755);
  const works = execFileSync("setpriv", ["--reuid=1000", "--regid=1000", "--clear-groups", copy, "-d"]);
  const how = "mount the temporary folder without nosuid";
  return needs(context, /^euid: 0$/m.test(String(works)), "set-user-ID programs", how) ? copy : undefined;
}

for (const options of [[], ["-g"]]) {
  const title = `W1: without any right to signal the program the init says so once for each signal${options.length > 0 ? ", -g" : ""}`;
  inBothModes(title, async (context, mode) => {
    if (!needsRoot(context)) return;
    const cwd = folder(context, WRITABLE);
    const setpriv = setuidCopy(context, cwd);
    if (setpriv === undefined) return;
    const program = ["sh", "-c", "echo ready; until [ -e go ]; do sleep 0.01; done; exit 5"];
    const user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
    const init = [...user, STEADY, "--reap", mode, ...options, "--"];
    const run = start(context, [...init, setpriv, ...asUser(NOBODY).slice(1), ...program], { cwd });
    const pid = await initOf(run);
    for (const signal of ["SIGTERM", "SIGTERM", "SIGHUP", "SIGTERM", "SIGHUP"] as const) {
      process.kill(pid, signal);
      await until("the signal is taken", () => /^0+$/.test(statusOf(pid, "ShdPnd") ?? ""));
    }
    await run.says("(Hangup)");
    execFileSync("touch", [join(cwd, "go")]);
    assert.deepEqual(await run.ends(), { status: 5, signal: null });
    const said = run.stderr.split("\n").filter((line) => line.includes("May not signal the program"));
    assert.deepEqual(
      said.map((line) => line.match(/\((\w+)\): Operation not permitted;/)?.[1]),
      ["Terminated", "Hangup"],
    );
  });
}

// --user and what goes with it

const PASSWD = "root:x:0:0::/root:/bin/sh\napp:x:4321:4322:The App,,:/home/app:/bin/sh\n";
const GROUP = "root:x:0:\napp:x:4322:\nlogs:x:4400:other,app\nvideo:x:4401:app\nother:x:4402:apps\n";

/** The command where /etc/passwd and /etc/group are these. */
function withUsers(path: string, command: readonly string[]): string[] {
  writeFileSync(join(path, "passwd"), PASSWD);
  writeFileSync(join(path, "group"), GROUP);
  const mounts = `mount --bind ${path}/passwd /etc/passwd && mount --bind ${path}/group /etc/group && exec "$@"`;
  return ["unshare", "--mount", "sh", "-c", mounts, "sh", ...command];
}

const TELLS = [
  "sh",
  "-c",
  'id -u; id -g; id -G | tr " " "\\n" | sort | tr "\\n" " "; echo; echo "$HOME $USER $LOGNAME"',
];

for (const [user, ...told] of [
  ["app", "4321", "4322", "4322 4400 4401 ", "/home/app app app"],
  ["4321", "4321", "4322", "4322 4400 4401 ", "/home/app app app"],
  ["app:logs", "4321", "4400", "4400 ", "/home/app app app"],
  ["app:logs:+other,77", "4321", "4400", "4400 4402 77 ", "/home/app app app"],
  ["app:+5", "4321", "4322", "4322 4400 4401 5 ", "/home/app app app"],
  ["4000000000:4000000001", "4000000000", "4000000001", "4000000001 ", "/ 4000000000 4000000000"],
] as const) {
  test(`--user ${user}: the program has these ids, groups and variables`, async (context) => {
    if (!needsRoot(context)) return;
    const command = [STEADY, "--user", user, "--", ...TELLS];
    const run = start(context, withUsers(folder(context, WRITABLE), command), {
      env: { ...process.env, USER: "x" },
    });
    assert.deepEqual(await run.ends(), { status: 0, signal: null }, run.stderr);
    assert.deepEqual(run.stdout.split("\n").slice(0, -1), told);
  });
}

test("--user: nobody inside can signal the init, which is still root and passes signals on", async (context) => {
  if (!needsRoot(context)) return;
  const cwd = folder(context, WRITABLE);
  const program = ["sh", "-c", `kill -0 $PPID 2>/dev/null || echo refused >refused; ${SAVES[2] ?? ""}`];
  const run = start(context, withUsers(cwd, [STEADY, "--user", "app", ...program]), { cwd });
  const init = await initOf(run);
  assert.equal(statusOf(init, "Uid"), "0\t0\t0\t0");
  process.kill(init, "SIGTERM");
  await isSaved(run, cwd);
  assert.equal(readFileSync(join(cwd, "refused"), "utf8"), "refused\n");
});

inBothModes("--user: without CAP_KILL too a signal reaches the program", async (context, mode) => {
  if (!needsRoot(context)) return;
  const cwd = folder(context, WRITABLE);
  const init = [...WITHOUT_KILL, STEADY, "--reap", mode, "--user=4000000000:7"];
  const run = start(context, [...init, ...SAVES], { cwd });
  process.kill(await initOf(run), "SIGTERM");
  await isSaved(run, cwd);
});

test("--user: -p KILL is asked for as the user whom the program becomes", async (context) => {
  if (!needsRoot(context)) return;
  const cwd = folder(context, WRITABLE);
  const run = start(context, [STEADY, "-p", "KILL", "--user=4321:7", ...SAVES], { cwd });
  const init = await initOf(run);
  const program = await descendantNamed(init, "sh");
  process.kill(init, "SIGKILL");
  await until("the program has ended with the init", () => (statOf(program)?.state ?? "Z") === "Z");
});

const CAPS = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
for (const [options, expected] of [
  [["--drop-caps=all"], "0 0 0 0 0"],
  [["--keep-caps=kill,CAP_NET_RAW"], "2020 2020 2020 2020 2020"],
  [["--drop-caps=all", "--keep-caps=kill", "--user=4321:7"], "20 20 20 20 20"],
  [["--drop-caps=all", "--user=4321:7"], "0 0 0 0 0"],
] as const) {
  test(`${options.join(" ")}: the program has these capabilities`, async (context) => {
    if (!needsRoot(context)) return;
    const run = start(context, [STEADY, ...options, "cat", "/proc/self/status"]);
    assert.deepEqual(await run.ends(), { status: 0, signal: null }, run.stderr);
    const sets = CAPS.map((name) => new RegExp(`^${name}:\\s+0*(\\w+)$`, "m").exec(run.stdout)?.[1]);
    assert.equal(sets.join(" "), expected);
  });
}

test("--no-new-privs: a set-user-ID file gives nothing", async (context) => {
  if (!needsRoot(context)) return;
  const cwd = folder(context, WRITABLE);
  const copy = setuidCopy(context, cwd);
  if (copy === undefined) return;
  for (const [options, euid] of [
    [["--no-new-privs"], "4321"],
    [[], "0"],
  ] as const) {
    const run = start(context, [STEADY, "--user=4321:7", ...options, copy, "-d"]);
    assert.deepEqual(await run.ends(), { status: 0, signal: null }, run.stderr);
    assert.match(run.stdout, new RegExp(`^euid: ${euid}$`, "m"));
  }
});

test("--limit-nproc is the program's RLIMIT_NPROC, soft and hard", async (context) => {
  if (!needsRoot(context)) return;
  const run = start(context, [STEADY, "--limit-nproc=7", "sh", "-c", "cat /proc/self/limits"]);
  assert.deepEqual(await run.ends(), { status: 0, signal: null }, run.stderr);
  assert.match(run.stdout, /^Max processes +7 +7 +processes/m);
});

test("what is refused to the child ends with 125 and a sentence", async (context) => {
  if (!needsRoot(context)) return;
  for (const [without, options, text] of [
    ["-all,+kill", ["--user=4321:7"], "could not become the user of --user"],
    ["-all,+setgid", ["--user=4321:7"], "could not become the user of --user"],
    ["-setpcap", ["--drop-caps=net_raw"], "could not set capabilities"],
    ["-kill", ["--keep-caps=kill"], "could not set capabilities"],
  ] as const) {
    const run = start(context, ["setpriv", `--bounding-set=${without}`, STEADY, ...options, "true"]);
    assert.equal((await run.ends()).status, 125, `${without} ${options.join()}: ${run.stderr}`);
    assert.match(run.stderr, new RegExp(`${text}: Operation not permitted`));
  }
});

// What the init itself gives up

for (const [bounding, left] of [
  ["", "20"],
  ["-kill", "80"],
  ["-kill,-setuid", "0"],
] as const) {
  inBothModes(
    `the init keeps only what it signals with, and no_new_privs, ${bounding === "" ? "as root" : `without ${bounding}`}`,
    async (context, mode) => {
      if (!needsRoot(context)) return;
      const around = bounding === "" ? [] : ["setpriv", `--bounding-set=${bounding}`];
      const program = ["sh", "-c", 'trap "exit 7" TERM; echo ready; while :; do sleep 0.01; done'];
      const run = start(context, [...around, STEADY, "--reap", mode, "--", ...program]);
      const init = await initOf(run);
      await until("its privileges are given up", () => statusOf(init, "NoNewPrivs") === "1");
      const caps = CAPS.slice(0, 3).map((name) => statusOf(init, name)?.replace(/^0+(?=.)/, ""));
      assert.deepEqual(caps, [left, left, left]);
      // Whoever is not dumpable has its files in /proc taken away from its own user.
      assert.equal(readFileSync(`/proc/${init}/environ`).length > 0, true);
      process.kill(init, "SIGTERM");
      assert.deepEqual(await run.ends(), { status: 7, signal: null });
      assert.equal(run.stderr, "");
    },
  );
}
