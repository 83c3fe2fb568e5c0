// --events: what is told of a life, by whom nothing can be forged, and where it may be written.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  constants,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { type Event, eventsIn } from "./lib/events.ts";
import { folder } from "./lib/folder.ts";
import {
  asPid1,
  becomes,
  IS_ROOT,
  inBothModes,
  needsPidNamespace,
  needsRoot,
  run,
  STEADY,
  start,
  statusOf,
  until,
} from "./lib/process.ts";

const namesOf = (events: readonly Event[]): unknown[] => events.map(({ event }) => event);
const json = (path: string, ...options: string[]): string[] => [
  STEADY, "--events", "json", "--events-to", path, ...options, "--",
]; // biome-ignore format: one command

inBothModes("a life is told from its first event to its last", async (context, mode) => {
  const path = join(folder(context), "events");
  const one = start(context, [...json(path, "--reap", mode, "--map", "USR2=drop,HUP=TERM"), "sleep", "100"]);
  await until("the sandbox", () => readOr(path).includes("sandboxed"));
  for (const signal of ["SIGUSR2", "SIGHUP"] as const) {
    process.kill(one.pid, signal);
    const number = signal === "SIGHUP" ? 1 : 12;
    await until(signal, () =>
      new RegExp(`"signal_received".*"steady.signal.number":${number},`).test(readOr(path)),
    );
  }
  assert.deepEqual(await one.ends(), { status: 143, signal: null });
  const events = eventsIn(readFileSync(path, "utf8"));
  const expected = [
    "started",
    "spawned",
    "settled",
    "sandboxed",
    "signal_received",
    "signal_dropped",
    "signal_received",
    "signal_mapped",
    "signal_forwarded",
    ...(mode === "wait" ? ["signal_received", "reaped"] : []),
    "ended",
    "exiting",
  ];
  assert.deepEqual(namesOf(events), expected);
  const received = events.find((event) => event.event === "signal_received");
  assert.equal(received?.["steady.sender.pid"], process.pid);
  assert.equal(received?.["steady.signal.name"], "SIGUSR2");
  const ended = events.find((event) => event.event === "ended");
  assert.equal(ended?.["steady.signal.name"], "SIGTERM");
  assert.equal(typeof ended?.["steady.memory.max_kb"], mode === "wait" ? "number" : "undefined");
  assert.equal(events.at(-1)?.["process.exit.code"], 143);
  const settled = events.find((event) => event.event === "settled");
  assert.equal(settled?.["steady.reaping"], mode);
  for (const { time } of events)
    assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 600_000, String(time));
});

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

test("text has the same events and fields as JSON", async (context) => {
  const fields = (line: string): Record<string, string> =>
    Object.fromEntries(
      [...line.matchAll(/([\w.]+)=("(?:[^"\\]|\\.)*"|\S+)/g)].map(([, name, value]) => [name, value]),
    );
  const life = (form: string) =>
    run(context, [
      STEADY,
      "--events",
      form,
      "--reap",
      "wait",
      "--map",
      "USR1=drop",
      "--",
      "sh",
      "-c",
      "kill -USR1 $PPID; exit 3",
    ]);
  const [text, events] = [await life("text"), await life("json")];
  const told = text.stderr.split("\n").filter(Boolean).map(fields);
  const other = eventsIn(events.stderr);
  const shape = (each: Readonly<Record<string, unknown>>): string =>
    `${String(each.event).replaceAll('"', "")}: ${Object.keys(each).join()}`;
  assert.deepEqual([...new Set(told.map(shape))].sort(), [...new Set(other.map(shape))].sort());
});

test("a process whose name looks like an event writes none", async (context) => {
  const here = folder(context);
  const name = '"}\n{"event":"\\';
  symlinkSync("/bin/sh", join(here, name));
  for (const form of ["json", "text"]) {
    const path = join(here, form);
    // It is there until its event is.
    const wait = 'kill -USR1 $1; until grep -q SIGUSR1 "$2"; do :; done; exit 0';
    const script = `"${"$0"}" -c '${wait}' sh $PPID "${path}"; exit 0`;
    const command = [
      STEADY,
      "--events",
      form,
      "--events-to",
      path,
      "--map",
      "USR1=drop",
      "--",
      "sh",
      "-c",
      script,
    ];
    await run(context, [...command, join(here, name)]);
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    const received = lines.filter((line) => line.includes("signal_received") && line.includes("SIGUSR1"));
    assert.equal(received.length, 1, lines.join("\n"));
    const escaped = '"\\"}\\u000a{\\"event\\":\\"\\\\"';
    assert.ok(
      received[0]?.includes(
        form === "json" ? `"steady.sender.command":${escaped}` : `steady.sender.command=${escaped}`,
      ),
    );
    if (form === "json") eventsIn(lines.join("\n"));
    else
      for (const line of lines)
        assert.match(
          line,
          /^time="[^"]*" event="\w+"(?: [\w.]+=(?:"(?:[ !#-[\]-~]|\\["\\]|\\u00[0-9a-f]{2})*"|-?\d+|true|false))*$/,
        );
  }
});

test("a line stays whole where what others chose is too long for it", async (context) => {
  const path = join(folder(context), "events");
  const long = `/${"x".repeat(3000)}`;
  const { status } = await run(context, [...json(path), long]);
  assert.equal(status, 126);
  const events = eventsIn(readFileSync(path, "utf8"));
  assert.deepEqual(
    namesOf(events).filter((name) => name === "exec_failed"),
    ["exec_failed"],
  );
  for (const line of readFileSync(path, "latin1").split("\n")) assert.ok(line.length < 1024);
});

const UNFIT: Readonly<Record<string, (path: string, elsewhere: string) => void>> = {
  "a symbolic link": (path, elsewhere) => symlinkSync(elsewhere, path),
  "a hard link": (path, elsewhere) => linkSync(elsewhere, path),
  "a FIFO": (path) => execFileSync("mkfifo", [path]),
  "a FIFO with a reader": (path) => {
    execFileSync("mkfifo", [path]);
    openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  },
  "a directory": (path) => mkdirSync(path),
};

test("whoever says where events go and not how has them as text", async (context) => {
  const path = join(folder(context), "events");
  await run(context, [STEADY, "--events-to", path, "--", "true"]);
  assert.match(readFileSync(path, "utf8"), /^time="\S+" event="started" .*\ntime="\S+" event="spawned" /);
  const { stderr } = await run(context, [STEADY, "--events-to", "stderr", "--", "true"]);
  assert.match(stderr, /^time="\S+" event="started" /);
});

for (const [what, make] of Object.entries(UNFIT)) {
  test(`${what} is no place for events: a sentence, 125, and no program`, async (context) => {
    const here = folder(context);
    const [path, elsewhere] = [join(here, "events"), join(here, "other")];
    writeFileSync(elsewhere, "others'\n");
    make(path, elsewhere);
    const { status, stderr, stdout } = await run(context, [...json(path), "echo", "it ran"]);
    assert.equal(status, 125);
    assert.match(stderr, /--events-to: /);
    assert.equal(stdout, "");
    assert.equal(readFileSync(elsewhere, "utf8"), "others'\n");
  });
}

test("a file of somebody else is none for an init", async (context) => {
  if (!needsRoot(context)) return;
  const path = join(folder(context), "events");
  writeFileSync(path, "");
  chownSync(path, 1234, 1234);
  const { status, stderr } = await run(context, [...json(path), "true"]);
  assert.equal(status, 125);
  assert.match(stderr, /no regular file with one name that belongs to/);
});

test("where the file was moved away the next event goes to a new one, in the sandbox too", async (context) => {
  const path = join(folder(context), "events");
  const one = start(context, [...json(path, "--map", "USR1=drop"), "sleep", "100"]);
  await until("the sandbox", () => readOr(path).includes("sandboxed"));
  await becomes(one.pid, "S");
  renameSync(path, `${path}.1`);
  process.kill(one.pid, "SIGUSR1");
  await until("the new file", () => readOr(path).includes("signal_dropped"));
  // What nobody may write to is left where it is, and the init writes on.
  rmSync(path);
  mkdirSync(path);
  process.kill(one.pid, "SIGTERM");
  await one.ends();
  rmSync(path, { recursive: true });
  assert.deepEqual(namesOf(eventsIn(readFileSync(`${path}.1`, "utf8"))), [
    "started",
    "spawned",
    "settled",
    "sandboxed",
  ]);
});

test("a line of which a full disk took a part stands alone: the next begins on a line of its own", async (context) => {
  if (!needsRoot(context)) return;
  const here = mkdtempSync(join(tmpdir(), "steady-test-"));
  context.after(() => {
    execFileSync("umount", ["-l", join(here, "disk")]);
    rmSync(here, { recursive: true });
  });
  const path = join(here, "disk", "events");
  mkdirSync(join(here, "disk"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=8k", "steady-test", join(here, "disk")]);
  writeFileSync(join(here, "disk", "ballast"), "x".repeat(4096));
  const one = start(context, [...json(path), "sleep", "100"]);
  await until("the sandbox", () => readOr(path).includes("sandboxed"));
  await until("the disk is full", () => {
    process.kill(one.pid, "SIGURG");
    return statSync(path).size === 4096;
  });
  const lines = readOr(path).split("\n");
  assert.notEqual(lines.at(-1), "", "the last line is torn");
  rmSync(join(here, "disk", "ballast"));
  process.kill(one.pid, "SIGTERM");
  await one.ends();
  const after = readFileSync(path, "utf8").split("\n").slice(lines.length);
  const [lost, ...rest] = eventsIn(after.join("\n"));
  assert.equal(lost?.event, "events_lost");
  assert.equal(rest.at(-1)?.event, "exiting");
});

test("a descriptor that events go to is not the program's, which could forge them", async (context) => {
  const path = join(folder(context), "events");
  const script = `exec 3>${path}; exec ${STEADY} --events json --events-to fd:3 -- sh -c '[ ! -e /proc/$$/fd/3 ] && echo none; echo {} >&3'`;
  const { stdout } = await run(context, ["sh", "-c", script]);
  assert.equal(stdout, "none\n");
  assert.equal(eventsIn(readFileSync(path, "utf8")).at(-1)?.event, "exiting");
});

test("that the program was stopped and continued is told where the init reaps", async (context) => {
  const path = join(folder(context), "events");
  const script = "(sleep 0.1; kill -CONT $$) & kill -STOP $$; exit 4";
  const { status } = await run(context, asPid1([...json(path, "--reap", "wait"), "sh", "-c", script]));
  assert.equal(status, 4);
  const told = eventsIn(readFileSync(path, "utf8")).filter(({ event }) =>
    /^(?:stopped|continued)$/.test(String(event)),
  );
  assert.deepEqual(
    told.map(({ event, "steady.signal.name": name }) => [event, name]),
    [
      ["stopped", "SIGSTOP"],
      ["continued", undefined],
    ],
  );
});

test("what is there already is kept, and events are appended", async (context) => {
  const path = join(folder(context), "events");
  writeFileSync(path, "before\n");
  await run(context, [...json(path), "true"]);
  await run(context, [...json(path), "true"]);
  const [first, ...lines] = readFileSync(path, "utf8").trimEnd().split("\n");
  assert.equal(first, "before");
  assert.equal(namesOf(eventsIn(lines.join("\n"))).filter((name) => name === "exiting").length, 2);
});

inBothModes(
  "a pipe that nobody reads costs events and nothing else, and their number is told",
  async (context, mode) => {
    const one = start(
      context,
      [
        STEADY,
        "--events",
        "json",
        "--events-to",
        "fd:3",
        "--reap",
        mode,
        "--map",
        "USR1=drop",
        "--",
        "sleep",
        "100",
      ],
      { stdio: ["pipe", "pipe", "pipe", "pipe"] },
    );
    const pipe = one.child.stdio[3] as NodeJS.ReadableStream;
    let told = "";
    pipe.pause();
    await becomes(one.pid, "S");
    // Two lines each, of some 300 bytes: far more than a pipe and its reader's buffer hold.
    for (let i = 0; i < 2000; i++) process.kill(one.pid, "SIGUSR1");
    for (let i = 0; i < 1500; i++) {
      process.kill(one.pid, "SIGUSR1");
      await becomes(one.pid, "S");
    }
    pipe.on("data", (part: Buffer) => {
      told += part.toString("latin1");
    });
    pipe.resume();
    await until("the count", () => told.includes('"events_lost"'));
    process.kill(one.pid, "SIGTERM");
    assert.deepEqual(await one.ends(), { status: 143, signal: null });
    await until("the last event", () => told.includes('"exiting"'));
    const lost = eventsIn(told).filter(({ event }) => event === "events_lost");
    assert.ok(Number(lost[0]?.["steady.count"]) > 0);
  },
);

test("with --user events go to a file of that user that is there, and to no other", async (context) => {
  if (!needsRoot(context)) return;
  const here = folder(context);
  const [theirs, ours, none] = [join(here, "theirs"), join(here, "ours"), join(here, "none")];
  writeFileSync(theirs, "");
  chownSync(theirs, 1234, 1234);
  writeFileSync(ours, "");
  const user = ["--user", "1234:1234"];
  assert.equal((await run(context, [...json(theirs, ...user), "true"])).status, 0);
  assert.equal(namesOf(eventsIn(readFileSync(theirs, "utf8"))).at(-1), "exiting");
  assert.equal((await run(context, [...json(ours, ...user), "true"])).status, 125);
  assert.equal((await run(context, [...json(none, ...user), "true"])).status, 125);
  assert.equal(readOr(ours) + readOr(none), "");
  const env = { ...process.env, STEADY_EVENTS: "text", STEADY_EVENTS_TO: ours };
  const ignored = await run(context, [STEADY, ...user, "--", "true"], { env });
  assert.match(ignored.stderr, /STEADY_EVENTS_TO is ignored: --user is on the command line/);
  assert.match(ignored.stderr, /event="exiting"/);
  assert.equal(readOr(ours), "");
});

/** A folder and a file of user 1234 in it, which root could open; answers the path of the file. */
function hidden(here: string, mode: number, group: number): string {
  const path = join(mkdtempSync(join(here, "hidden-")), "file");
  writeFileSync(path, "");
  chownSync(path, 1234, 1234);
  chownSync(dirname(path), 0, group);
  chmodSync(dirname(path), mode);
  return path;
}

test("with --user files are opened as that user: what is in a folder that it may not enter is refused", async (context) => {
  if (!needsRoot(context)) return;
  const here = folder(context);
  for (const option of ["events-to", "report", "status-file"])
    for (const [mode, group, user, status] of [
      [0o700, 0, "1234:1234", 125],
      [0o750, 0, "1234:1234", 125],
      [0o750, 77, "1234:1234", 125],
      [0o750, 77, "1234:1234:+77", 0],
      [0o750, 77, "1234:77", 0],
      [0o711, 0, "1234:1234", 0],
    ] as const) {
      const path = hidden(here, mode, group);
      const ended = await run(context, [STEADY, "--user", user, `--${option}`, path, "--", "true"]);
      const what = `${option} in a folder of mode ${mode.toString(8)} and group ${group} for ${user}`;
      assert.equal(ended.status, status, what);
      assert.equal(readFileSync(path).length > 0, status === 0, what);
      const said = ended.stderr.replace(/^\[FATAL steady \(\d+\)\] /, "");
      assert.equal(said, status === 0 ? "" : `--${option}: cannot write there: Permission denied\n`, what);
    }
});

for (const [what, make] of Object.entries(UNFIT)) {
  test(`with --user ${what} of that user's is no place for events either`, async (context) => {
    if (!needsRoot(context)) return;
    const here = folder(context, 0o777);
    const [path, elsewhere] = [join(here, "events"), join(here, "other")];
    writeFileSync(elsewhere, "theirs\n");
    chownSync(elsewhere, 1234, 1234);
    make(path, elsewhere);
    lchownSync(path, 1234, 1234);
    const { status, stderr } = await run(context, [...json(path, "--user", "1234:1234"), "true"]);
    assert.equal(status, 125);
    assert.match(stderr, /--events-to: /);
    assert.equal(readFileSync(elsewhere, "utf8"), "theirs\n");
  });
}

test("an init that has opened a file as the program's user is itself again, and dumpable", async (context) => {
  if (!needsRoot(context)) return;
  const path = hidden(folder(context), 0o755, 0);
  // The files in /proc of a process that is not dumpable are root's.
  const caps = "-all,+setuid,+setgid";
  const some = ["setpriv", "--reuid=1000", "--regid=1000", "--groups=1000,55", `--inh-caps=${caps}`];
  const command = [...some, `--ambient-caps=${caps}`, ...json(path, "--user", "1234:77"), "sleep", "100"];
  const one = start(context, command);
  await until("the sandbox", () => readOr(path).includes("sandboxed"));
  assert.equal(statusOf(one.pid, "Uid"), "1000\t1000\t1000\t1000");
  // The last is the one for files, which stays, as the groups do.
  assert.equal(statusOf(one.pid, "Gid"), "1000\t1000\t1000\t77");
  assert.equal(statusOf(one.pid, "Groups")?.trim(), "77");
  assert.equal(statSync(`/proc/${one.pid}/environ`).uid, 1000);
  process.kill(one.pid, "SIGTERM");
  assert.deepEqual(await one.ends(), { status: 143, signal: null });
});

const UNWRITTEN = /^\[WARN {2}steady \(\d+\)\] --events-to: cannot write there: (.*)$/gm;

test("why events cannot be written is said once, whatever they go to", async (context) => {
  const full = openSync("/dev/full", "w");
  const pipe = join(folder(context), "pipe");
  execFileSync("mkfifo", [pipe]);
  const stuck = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  assert.throws(() => {
    for (;;) writeSync(stuck, "x".repeat(4096));
  }, /EAGAIN/);
  const cases: [to: string, fd: number | "ignore", why: string][] = [
    ["fd:3", full, "No space left on device"],
    ["fd:3", stuck, "Resource temporarily unavailable"],
  ];
  // A file that root may open to write, and that refuses each write.
  if (IS_ROOT) cases.push(["/proc/version", "ignore", "Input/output error"]);
  for (const [to, fd, why] of cases) {
    const command = [STEADY, "--events", "json", "--events-to", to, "--", "sh", "-c", "exit 3"];
    const { status, stderr } = await run(context, command, { stdio: ["ignore", "pipe", "pipe", fd] });
    assert.equal(status, 3);
    assert.deepEqual(
      [...stderr.matchAll(UNWRITTEN)].map(([, said]) => said),
      [why],
      to,
    );
  }
  const { status } = await run(context, [STEADY, "--events", "json", "--", "sh", "-c", "exit 3"], {
    stdio: ["ignore", "pipe", full],
  });
  assert.equal(status, 3, "where that is stderr itself nothing can be said");
});

test("the SIGXFSZ of a file that may not grow brings no event, which would bring the next", async (context) => {
  const path = join(folder(context), "events");
  const command = [...json(path, "--map", "USR1=drop"), "sleep", "100"];
  const one = start(context, ["bash", "-c", 'ulimit -f 1; exec "$@"', "bash", ...command]);
  await until("the sandbox", () => readOr(path).includes("sandboxed"));
  await until("the file is full", () => {
    process.kill(one.pid, "SIGUSR1");
    return statSync(path).size === 1024;
  });
  process.kill(one.pid, "SIGUSR1");
  await until("the warning", () => one.stderr.includes("cannot write there: File too large"));
  await becomes(one.pid, "S");
  process.kill(one.pid, "SIGTERM");
  assert.deepEqual(await one.ends(), { status: 143, signal: null });
  assert.equal([...one.stderr.matchAll(UNWRITTEN)].length, 1);
});

test("stragglers are told by name, and the drain before them", async (context) => {
  if (!needsPidNamespace(context)) return;
  const path = join(folder(context), "events");
  const script = "trap '' TERM; (while :; do sleep 0.05; done) >/dev/null 2>&1 & exit 4";
  const { status } = await run(context, asPid1([...json(path, "--drain", "100ms"), "sh", "-c", script]));
  assert.equal(status, 4);
  const events = eventsIn(readFileSync(path, "utf8"));
  const names = namesOf(events);
  assert.ok(names.indexOf("ended") < names.indexOf("draining"));
  const straggler = events.find(({ event }) => event === "straggler");
  assert.equal(straggler?.["process.command"], "sh");
  assert.equal(straggler?.["steady.refused"], false);
});

test("what cannot be started is told with its errno", async (context) => {
  const { status, stderr } = await run(context, [STEADY, "--events", "json", "--", "/nonexistent"]);
  assert.equal(status, 127);
  const events = eventsIn(
    stderr
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .join("\n"),
  );
  const failed = events.find(({ event }) => event === "exec_failed");
  assert.deepEqual([failed?.["steady.errno"], failed?.["error.message"]], [2, "No such file or directory"]);
});

test("the log of a program whose stderr is the place of events has both, line by line", async (context) => {
  const { stderr } = await run(context, [STEADY, "-vvv", "--reap", "wait", "--events", "json", "--", "true"]);
  eventsIn(stderr);
});
