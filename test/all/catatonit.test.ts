// Side by side with Debian's catatonit: the same command lines, the same lines and the same status. Where the two differ on
// purpose the difference stands in the table of docs/behaviour.md, and each row of it is seen here on both.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { VERSION } from "../../texts/messages.ts";
import { needs } from "../lib/needs.ts";
import {
  asPid1,
  becomes,
  descendantNamed,
  descendants,
  needsPidNamespace,
  needsProgram,
  needsRoot,
  type Run,
  run,
  start,
  statOf,
  statusOf,
  until,
} from "../lib/process.ts";
import { buildPuppet } from "../lib/puppet.ts";
import { twice } from "../lib/twice.ts";

const CATATONIT = "/usr/bin/catatonit";
const NAMES = ["catatonit", "podman-init"] as const;
const USAGE = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n";
const RTMAX = 64;
const SIGNALS = Array.from({ length: RTMAX }, (_, index) => index + 1);
/** KILL and STOP, which nobody can take, and CHLD, which neither forwards. */
const NEVER_FORWARDED = [9, 17, 19];
/** What catatonit leaves to the kernel, what it takes and drops, and what libc keeps to itself. */
const SWALLOWED = [4, 5, 6, 7, 8, 11, 20, 21, 22, 31, 32, 33];
let folder = "";
let ours = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "steady-catatonit-"));
  chmodSync(folder, 0o755);
  for (const name of NAMES) copyFileSync(join(import.meta.dirname, "../../dist/steady"), join(folder, name));
  ours = join(folder, "catatonit");
  makeFiles();
});
after(() => rmSync(folder, { recursive: true }));

/** What can be executed, and what cannot, each in its own way. */
function makeFiles(): void {
  const file = (name: string, text: string, mode: number): void =>
    writeFileSync(join(folder, name), text, { mode });
  file("text", "exit 4\n", 0o755);
  file("empty", "", 0o755);
  file("plain", "exit 4\n", 0o644);
  file("script", '#!/bin/sh\necho "$0 $1"\n', 0o755);
  file("no-interpreter", "#!/no/interpreter\n", 0o755);
  file("a-folder-interprets", "#!/tmp\n", 0o755);
  symlinkSync("loop", join(folder, "loop"));
  mkdirSync(join(folder, "sub"));
  file("sub/plain", "", 0o644);
  file("sub/text", "exit 6\n", 0o755);
}

function needsCatatonit(context: TestContext): boolean {
  const version = spawnSync(CATATONIT, ["-V"], { encoding: "utf8" }).stdout ?? "";
  const is = version.startsWith("tini version 0.1.7_catatonit");
  return needs(context, is, "Debian's catatonit 0.1.7", "apt-get install catatonit");
}

interface Ends {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

const withoutPids = (text: string): string => text.replaceAll(/\(catatonit:\d+\)/g, "(catatonit:PID)");

/** What an init that is called by this name says and ends with; pids are not compared. */
function ends(file: string, name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Ends {
  const done = spawnSync(file, args, {
    argv0: name,
    cwd: folder,
    encoding: "latin1",
    env: { PATH: "/usr/bin:/bin", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 20_000,
  });
  return { stdout: done.stdout, stderr: withoutPids(done.stderr), status: done.status };
}

/** Of what is in each one's own words only which it is. */
function asKind({ stdout, stderr, status }: Ends): Ends {
  const kind = /^tini version \d+\.\d+\.\d+_catatonit\S*\n$/.test(stdout)
    ? "version"
    : stdout.length > 500
      ? "licence"
      : stdout;
  return { stdout: kind, stderr: stderr.startsWith(`${USAGE}\n`) ? "help" : stderr, status };
}

function compare(args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
  for (const name of NAMES) {
    const [mine, theirs] = [join(folder, name), CATATONIT].map((file) => asKind(ends(file, name, args, env)));
    assert.deepEqual(mine, theirs, `${JSON.stringify(env)} ${name} ${args.join(" ")}`);
  }
}

/** The same from both, under both names. */
function same(name: string, cases: readonly (readonly string[])[], env: NodeJS.ProcessEnv = {}): void {
  test(name, (context) => {
    if (!needsCatatonit(context)) return;
    for (const args of cases) compare(args, env);
  });
}

/** Every way to write one to `most` of these, one behind the other. */
function sequences(of: readonly string[], most: number): string[][] {
  const shorter = most > 1 ? sequences(of, most - 1) : [[]];
  const longer = shorter.filter(({ length }) => length === most - 1);
  return [
    ...shorter.filter(({ length }) => length > 0),
    ...longer.flatMap((one) => of.map((each) => [...one, each])),
  ];
}

// The command line

same(
  "options act in their order, whether they stand alone or in a cluster",
  sequences(["g", "h", "L", "P", "V"], 3).flatMap((letters) => {
    // What only pauses would never end.
    const end = /[hLV]/.test(letters.join("")) ? ["--", "true"] : letters.includes("P") ? ["-x"] : ["true"];
    return [
      [...letters.map((letter) => `-${letter}`), ...end],
      [`-${letters.join("")}`, ...end],
    ];
  }),
);

same(
  "a letter that is none is refused, alone, in front of others and behind them",
  Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index))
    .filter((letter) => !"-ghLPV".includes(letter))
    .flatMap((letter) => [
      [`-${letter}`],
      [`-g${letter}`, "true"],
      [`-${letter}V`],
      [`-P${letter}`, "--", "true"],
    ]),
);

same("bytes that are no ASCII are refused byte by byte", [["-\u00e9"], ["-g\u20ac", "true"], ["--\u00e9"]]);

same("--version may be cut short, and may not be wrong", [
  ..."version".split("").map((_, index) => [`--${"version".slice(0, index + 1)}`]),
  ["--version", "-x"],
  ["-x", "--version"],
  ["-g", "--ver", "--", "true"],
  ["--version="],
  ["--version=3"],
  ["--v=1"],
  ["--="],
  ["--=version"],
  ["--versions"],
  ["--Version"],
  ["--version "],
  ["--g"],
  ["--pause"],
  ["--foo"],
  ["--foo=1", "true"],
  ["-version"],
]);

same("without a program usage is told, with 1", [[], ["--"], ["-g"], ["-gg"], ["-g", "--"], ["-g", "-g"]]);

same("-- ends the options, and a single minus is a program", [
  ["--", "--"],
  ["--", "-V"],
  ["-g", "--", "-g"],
  ["-"],
  ["-g", "-"],
  ["--", "sh", "-c", "exit 3"],
  ["--", "sh", "--", "-c", "exit 3"],
  ["-g", "--", "printf", "<%s>", "a", "", "b c", "--", "-V", "\u00e9"],
]);

for (const value of ["", "0", "1", "info", "x=y"]) {
  same(
    `CATATONIT_LOG=${value} is refused before any option is looked at`,
    [
      ...[
        "-h",
        "-V",
        "-L",
        "-P",
        "-g",
        "-x",
        "--version",
        "--ver",
        "--foo",
        "--version=1",
        "--",
        "",
        "true",
      ].map((word) => [word]),
      [],
      ["-gPhLVx"],
      ["-P", "-V", "--", "true"],
      ["--", "sh", "-c", "exit 3"],
      ["/nothing"],
    ],
    { CATATONIT_LOG: value },
  );
}
same("CATATONIT_LOG is refused whatever else is set", [["-V"], ["true"]], {
  CATATONIT_DEBUG: "1",
  CATATONIT_LOG: "debug",
  CATATONIT_LOG_LEVEL: "debug",
});
same("a variable whose name only begins so means nothing", [["-V"], ["true"], ["--", "sh", "-c", "exit 3"]], {
  CATATONIT_LOGS: "1",
  CATATONIT: "1",
  CATATONIT_DEBUGS: "1",
});

// The program

const UNSTARTED = [
  "./plain",
  "./no-interpreter",
  "./a-folder-interprets",
  "./loop",
  "./sub",
  "./plain/x",
  "./nothing",
  "/nothing",
  "nothing",
  "/etc/passwd",
  "/",
  ".",
  "",
  "sub/plain",
  `./${"x".repeat(256)}`,
  "x".repeat(256),
  "./\u00e9",
];
same(
  "what cannot be executed is told word for word, and ends with 1",
  UNSTARTED.flatMap((path) => [[path], ["--", path, "-V"], ["-g", path]]),
);
same("what the kernel takes for no program is left to the shell", [
  ["./text"],
  ["./empty"],
  ["./script", "one"],
  ["-g", "--", "sub/text"],
]);
for (const path of [
  "",
  ":",
  "/nothing",
  "sub",
  "plain:sub",
  "/nothing:sub",
  "sub:/usr/bin:/bin",
  "sub/plain:sub",
  "loop",
]) {
  same(
    `programs are looked for in PATH=${path}`,
    [["true"], ["plain"], ["text"], ["nothing"], ["sub"], ["script", "one"]],
    { PATH: path },
  );
}
test("programs are looked for where there is no PATH", (context) => {
  if (!needsCatatonit(context)) return;
  for (const program of ["true", "text", "nothing"]) {
    const [mine, theirs] = [ours, CATATONIT].map((file) => {
      const command = ["env", "-u", "PATH", file, "--", program];
      const done = spawnSync(command[0] as string, command.slice(1), { cwd: folder, encoding: "latin1" });
      return [withoutPids(done.stderr), done.status];
    });
    assert.deepEqual(mine, theirs, program);
  }
});

same("a program's status is the container's", [
  ...Array.from({ length: 256 }, (_, status) => ["--", "sh", "-c", `exit ${status}`]),
  ["-g", "--", "sh", "-c", "exit 255"],
]);

test("where a signal ended the program it is 128 and the number, with a core too", (context) => {
  if (!needsCatatonit(context)) return;
  // CHLD, CONT, URG and WINCH do nothing, and those behind CONT stop it.
  const deadly = SIGNALS.filter((signal) => ![17, 18, 19, 20, 21, 22, 23, 28].includes(signal));
  for (const core of ["unlimited", "0"]) {
    for (const signal of deadly) {
      for (const option of ["--", "-g"]) {
        const status = (file: string): number | null =>
          spawnSync("prlimit", [`--core=${core}`, file, option, buildPuppet(), "die", `${signal}`], {
            cwd: folder,
          }).status;
        assert.deepEqual(
          [status(ours), status(CATATONIT)],
          [128 + signal, 128 + signal],
          `${signal} ${core}`,
        );
      }
    }
  }
});

same(
  "the program has the environment, the folder and the streams that the init had",
  [["env"], ["pwd"], ["--", "sh", "-c", "echo out; echo err >&2; kill -TERM $$"]],
  { A: "b", EMPTY: "", CATATONIT_: "1", LISTEN_FDS: "1", TINI_SUBREAPER: "1", DUMB_INIT_SETSID: "0" },
);

/** A shell whose $0 is the init: the same output and status from both. */
function sameShell(name: string, script: string): void {
  test(name, (context) => {
    if (!needsCatatonit(context)) return;
    const [mine, theirs] = [ours, CATATONIT].map((file) => {
      const done = spawnSync("sh", ["-c", script, file], {
        cwd: folder,
        encoding: "latin1",
        timeout: 20_000,
      });
      const stderr = withoutPids(done.stderr).replaceAll(file, "catatonit");
      return { stdout: done.stdout, stderr, status: done.status };
    });
    assert.deepEqual(mine, theirs);
  });
}

sameShell(
  "the program leads a process group of its own",
  `exec "$0" -- sh -c 'set -- $(cat /proc/$$/stat); test $5 -eq $1 && echo leads'`,
);
sameShell(
  "descriptors above the streams are the program's",
  `exec 7</dev/null; exec "$0" -- test -e /proc/self/fd/7`,
);
sameShell(
  "ignored signals stay ignored",
  `exec env --ignore-signal=HUP,PIPE,USR1,TERM "$0" -- grep SigIgn /proc/self/status`,
);
sameShell(
  "outside PID 1 orphans are adopted",
  `exec "$0" -- sh -c 'orphan=$(sh -c "sleep 100 >/dev/null & echo \\$!"); set -- $(cat /proc/$orphan/stat); kill $orphan; test $4 -eq $PPID && echo adopted'`,
);
for (const closed of ["<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"]) {
  const list = "for fd in 0 1 2; do test -e /proc/$$/fd/$fd && echo $fd >>$1; done; exit 5";
  sameShell(
    `what is closed stays closed for the program: ${closed}`,
    `: >open; (exec "$0" -- sh -c '${list}' sh open ${closed}); status=$?; cat open; exit $status`,
  );
  sameShell(`statuses are the same where streams are closed: ${closed}`, `exec "$0" -- /nothing ${closed}`);
  sameShell(`wrong usage ends with 1 where streams are closed: ${closed}`, `exec "$0" -x ${closed}`);
}
for (const value of ["4194303", "0", "x", "", "99999999999999999999"])
  same(`LISTEN_PID=${value} is somebody else's`, [["--", "sh", "-c", "echo $LISTEN_PID"]], {
    LISTEN_PID: value,
  });

// While it lives

/** A body for each of the two. */
function withBoth(name: string, body: (context: TestContext, init: string) => Promise<void>): void {
  test(name, async (context) => {
    if (!needsCatatonit(context) || !needsPidNamespace(context)) return;
    for (const init of [CATATONIT, ours]) await body(context, init);
  });
}

const initOf = (one: Run): Promise<number> => descendantNamed(one.pid, "catatonit");

const hasNothingPending = (pid: number): boolean => /^0+$/.test(statusOf(pid, "ShdPnd") ?? "");

/** It has taken every signal that it was sent, and waits for more. */
async function isIdle(pid: number): Promise<void> {
  await until(`process ${pid} idle`, () => hasNothingPending(pid) && statOf(pid)?.state === "S");
}

/** Which signals a puppet has told of. */
const told = (text: string): number[] =>
  [...text.matchAll(/^signal (\d+) /gm)].map(([, number]) => Number(number));

describe("while it lives", () => {
  withBoth("LISTEN_PID becomes the program's pid where it was the init's", async (context, init) => {
    const inside = ["env", "LISTEN_PID=1", "LISTEN_FDS=1", init, "--", "sh", "-c", "echo $LISTEN_PID is $$"];
    const { stdout } = await run(context, asPid1(inside));
    assert.match(stdout, /^(\d+) is \1\n$/);
  });

  for (const options of [[], ["-g"]]) {
    withBoth(`as PID 1 every signal that both forward arrives ${options.join("")}`, async (context, init) => {
      const one = start(
        context,
        asPid1([init, ...options, "--", buildPuppet(), "signals", `until=${RTMAX}`]),
      );
      await one.says("ready");
      const pid = await initOf(one);
      for (const signal of SIGNALS.filter((each) => ![...NEVER_FORWARDED, ...SWALLOWED].includes(each))) {
        process.kill(pid, signal);
        await one.says(`signal ${signal} user `);
      }
      assert.deepEqual(await one.ends(), { status: 0, signal: null });
    });
  }

  withBoth("a SIGCHLD is not forwarded", async (context, init) => {
    const one = start(context, [
      init,
      "--",
      "env",
      "sh",
      "-c",
      "trap 'echo told' CHLD; echo ready; read x; exit 3",
    ]);
    await one.says("ready");
    process.kill(one.pid, "SIGCHLD");
    await isIdle(one.pid);
    one.write("go on\n");
    assert.deepEqual(await one.ends(), { status: 3, signal: null });
    assert.doesNotMatch(one.stdout, /told/);
  });

  for (const options of [[], ["-g"]]) {
    const whom = options.length > 0 ? "the program's group" : "the program alone";
    withBoth(`a signal is sent to ${whom}`, async (context, init) => {
      const script = `"$0" signals until=${RTMAX} & trap 'echo main' USR1; echo begun; while :; do wait; done`;
      const one = start(context, [init, ...options, "--", "sh", "-c", script, buildPuppet()]);
      await one.says("begun");
      await one.says("ready");
      const member = await descendantNamed(one.pid, "puppet");
      process.kill(one.pid, "SIGUSR1");
      await one.says("main");
      // Behind every other in the queue.
      process.kill(member, RTMAX);
      await one.says(`signal ${RTMAX} `);
      assert.deepEqual(told(one.stdout), options.length > 0 ? [10, RTMAX] : [RTMAX]);
    });
  }

  for (const stop of ["SIGTERM", "SIGINT"] as const) {
    for (const args of [["-P"], ["-gP", "--", "/nothing"]]) {
      withBoth(
        `${args.join(" ")} as PID 1 starts nothing, reaps, and ends with 0 at ${stop} alone`,
        async (context, init) => {
          const inside = ["sh", "-c", '(sleep 0.1 &) & exec "$0" "$@"', init, ...args];
          const one = start(context, asPid1(inside));
          const pid = await initOf(one);
          await until("the orphans are reaped", () => descendants(pid).length === 0);
          for (const signal of SIGNALS.filter((each) => ![2, 15, ...NEVER_FORWARDED].includes(each)))
            process.kill(pid, signal);
          await becomes(pid, "S");
          process.kill(pid, stop);
          assert.deepEqual(await one.ends(), { status: 0, signal: null });
          assert.deepEqual([one.stdout, one.stderr], ["", ""]);
        },
      );
    }
  }

  withBoth("-P outside PID 1 ends with 0, too", async (context, init) => {
    for (const stop of ["SIGTERM", "SIGINT"] as const) {
      const one = start(context, [init, "-P"]);
      await until("it sleeps", () => statOf(one.pid)?.name === "catatonit" && statOf(one.pid)?.state === "S");
      process.kill(one.pid, "SIGHUP");
      process.kill(one.pid, stop);
      assert.deepEqual(await one.ends(), { status: 0, signal: null });
    }
  });

  withBoth("what is left when the program ends does not keep the init", async (context, init) => {
    const one = start(context, asPid1([init, "--", "sh", "-c", "sleep 1000 & exit 6"]));
    assert.deepEqual(await one.ends(), { status: 6, signal: null });
  });

  withBoth("it keeps no descriptor of others", async (context, init) => {
    const shell = 'exec 7</dev/null 8<.; exec "$0" -- sh -c "echo ready; read x"';
    const one = start(context, ["sh", "-c", shell, init], { cwd: folder });
    await one.says("ready");
    await until("both are gone", () => {
      const open = readdirSync(`/proc/${one.pid}/fd`).map((fd) => linkOf(`/proc/${one.pid}/fd/${fd}`));
      return !open.includes("/dev/null") && !open.includes(folder);
    });
    one.write("go on\n");
    await one.ends();
  });
});

/** Undefined where it is gone meanwhile. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

// On purpose

interface Difference {
  /** The first cell of its row in docs/behaviour.md. */
  readonly row: string;
  readonly theirs: unknown;
  readonly ours: unknown;
  /** What is seen of one of them; undefined where it cannot be. */
  readonly seen: (init: string, context: TestContext) => unknown;
}

/** What a shell says and ends with whose $0 is the init. */
function shell(script: string, init: string, env: NodeJS.ProcessEnv = {}): [string, number | null] {
  const done = spawnSync("sh", ["-c", `exec 2>&1; ${script}`, init], {
    cwd: folder,
    encoding: "latin1",
    env: { PATH: "/usr/bin:/bin", ...env },
    timeout: 20_000,
  });
  return [withoutPids(done.stdout), done.status];
}

/** The shell in a terminal of its own. */
function inTerminal(script: string, init: string): string {
  const path = join(folder, "in-terminal");
  writeFileSync(path, script.replaceAll("INIT", init));
  const env = { PATH: "/usr/bin:/bin", SHELL: "/bin/sh" };
  const command = ["-qefc", `exec sh ${path}`, "/dev/null"];
  const { stdout } = spawnSync("script", command, { encoding: "latin1", env, timeout: 20_000 });
  return stdout.replaceAll("\r", "");
}

/** What a puppet has taken when the last signal has come to it directly. */
async function takenAtLast(one: Run): Promise<string> {
  process.kill(await descendantNamed(one.pid, "puppet"), RTMAX);
  await one.ends();
  return one.stdout;
}

/** A program that is begun only when the init has looked whether it lives, which catatonit does once. */
const LATER = ["sh", "-c", 'echo begun; read x; exec "$@"', "sh"];

async function isReady(one: Run): Promise<void> {
  await one.says("begun");
  await isIdle(one.pid);
  one.write("go on\n");
  await one.says("ready");
}

/** An init that may signal nobody but its own user, and a program of another. */
const WITHOUT_KILL = ["setpriv", "--bounding-set=-all,+setuid,+setgid"];
const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

const DIFFERENCES: readonly Difference[] = [
  {
    row: "the version",
    theirs: "tini version 0.1.7_catatonit\n",
    ours: `tini version 0.2.1_catatonit_steady-${VERSION}\n`,
    seen: (init) => shell('exec "$0" -V', init)[0],
  },
  {
    row: "the words of `-h`, and the licence of `-L`",
    theirs: ["options:", "catatonit: a container init so simple it's effectively brain-dead"],
    ours: ["Options:", "MIT License"],
    seen: (init) => [
      shell('exec "$0" -h', init)[0].split("\n")[2],
      shell('exec "$0" -L', init)[0].split("\n")[0],
    ],
  },
  {
    row: "steady's long options and STEADY_ variables",
    theirs: [1, 1, 3],
    ours: [0, 0, 0],
    seen: (init) => [
      shell('exec "$0" --help', init)[1],
      shell('exec "$0" --remap-exit=3 -- sh -c "exit 3"', init)[1],
      shell('exec "$0" -- sh -c "exit 3"', init, { STEADY_REMAP_EXIT: "3" })[1],
    ],
  },
  {
    row: "options behind the program",
    theirs: [1, "tini version 0.1.7_catatonit\n"],
    ours: [3, "-V\n"],
    seen: (init) => [shell('exec "$0" sh -c "exit 3"', init)[1], shell('exec "$0" echo -V', init)[0]],
  },
  {
    row: "warnings",
    theirs: ["hidden", "said"],
    ours: ["said", "said"],
    seen: async (init, context) => {
      if (!needsRoot(context)) return undefined;
      const warned = [];
      for (const env of [{}, { CATATONIT_DEBUG: "1" }]) {
        const one = await refused(init, context, env);
        warned.push(/^WARN \(catatonit:\d+\): .*(signal|program)/m.test(one.stderr) ? "said" : "hidden");
      }
      return warned;
    },
  },
  {
    row: "the lines of CATATONIT_DEBUG",
    theirs: [true, false],
    ours: [false, true],
    seen: (init) => {
      const [said] = shell('exec "$0" -- true', init, { CATATONIT_DEBUG: "" });
      return [/^DEBUG .*pid1 \(\d+\) spawned: true$/m, /^INFO .*Spawned child process 'true' with pid/m].map(
        (line) => line.test(said),
      );
    },
  },
  {
    row: "a log that nobody reads any more",
    theirs: [13, RTMAX],
    ours: [20, RTMAX],
    seen: async (init, context) => {
      const env = { ...process.env, CATATONIT_DEBUG: "1" };
      const one = start(context, [init, "--", buildPuppet(), "signals", `until=${RTMAX}`], { env });
      await one.says("ready");
      one.child.stderr?.destroy();
      // Both tell of it in the log, which is broken; what comes of that stands before the last signal in the queue.
      process.kill(one.pid, "SIGTSTP");
      process.kill(one.pid, RTMAX);
      await one.ended;
      return told(one.stdout);
    },
  },
  {
    row: "no process to be had",
    theirs: [
      "ERROR (catatonit:PID): failed to fork child: Resource temporarily unavailable",
      "ERROR (catatonit:PID): failed to spawn pid1: Resource temporarily unavailable",
    ],
    ours: ["ERROR (catatonit:PID): fork failed: Resource temporarily unavailable: the user may have 1"],
    seen: (init, context) => {
      if (!needsRoot(context)) return undefined;
      const user = "setpriv --reuid=61234 --regid=61234 --clear-groups prlimit --nproc=1";
      const [said, status] = shell(`exec ${user} "$0" true`, init);
      assert.equal(status, 1);
      return said
        .split("\n")
        .filter(Boolean)
        .map((line) => line.replace(/(the user may have 1).*/, "$1"));
    },
  },
  {
    row: "orphans that may not be adopted",
    theirs: "ERROR (catatonit:PID): failed to set child-reaper as non-pid1: Operation not permitted\n",
    ours: "ERROR (catatonit:PID): Failed to register as child subreaper: Operation not permitted\n",
    seen: (init, context) => {
      if (!needsProgram(context, "strace", "apt-get install strace")) return undefined;
      const [said, status] = shell(
        'exec strace -o /dev/null -e trace=prctl -e inject=prctl:error=EPERM "$0" true',
        init,
      );
      assert.equal(status, 1);
      return said;
    },
  },
  {
    row: "a program that is in no folder of PATH, the last of which is a file",
    theirs: "ERROR (catatonit:PID): failed to exec pid1: Not a directory\n",
    ours: "ERROR (catatonit:PID): failed to exec pid1: No such file or directory\n",
    seen: (init) => shell('exec "$0" nothing', init, { PATH: "/usr/bin:plain" })[0],
  },
  {
    row: "FPE, ILL, SEGV, BUS, ABRT, TRAP, SYS, TTIN, TTOU, TSTP, 32 and 33",
    theirs: [[RTMAX], { status: null, signal: "SIGFPE" }],
    ours: [[...SWALLOWED, RTMAX], { status: 0, signal: null }],
    seen: async (init, context) => {
      if (!needsPidNamespace(context)) return undefined;
      const one = start(context, asPid1([init, "--", buildPuppet(), "signals", `until=${RTMAX}`]));
      await one.says("ready");
      const pid = await initOf(one);
      for (const signal of [...SWALLOWED, RTMAX]) process.kill(pid, signal);
      await one.ends();
      const outside = start(context, [
        "prlimit",
        "--core=0",
        init,
        "--",
        buildPuppet(),
        "signals",
        "until=8",
      ]);
      await outside.says("ready");
      const program = await descendantNamed(outside.pid, "puppet");
      process.kill(outside.pid, "SIGFPE");
      await until("the end", () => "Z" === (statOf(outside.pid)?.state ?? "Z"));
      // It has outlived its init, whose output it holds.
      if (statOf(program)?.name === "puppet") process.kill(program, "SIGKILL");
      return [told(one.stdout).sort((a, b) => a - b), await outside.ends()];
    },
  },
  {
    row: "the value of a queued signal",
    theirs: "user",
    ours: "queue",
    seen: async (init, context) => {
      const one = start(context, [init, "--", buildPuppet(), "signals", "until=40"]);
      await one.says("ready");
      await run(context, [buildPuppet(), "queue", `${one.pid}`, "40", "77"]);
      await one.ends();
      return one.stdout.match(/^signal 40 (\w+) /m)?.[1];
    },
  },
  {
    row: "a SIGCHLD that was inherited as ignored",
    theirs: "hangs",
    ours: 3,
    seen: async (init, context) => {
      const inside = ["ignore-children", init, "--", ...LATER, "sh", "-c", "echo ready; exit 3"];
      const one = start(context, [buildPuppet(), ...inside]);
      await isReady(one);
      // It has no child that could wake it.
      const hangs = () =>
        descendants(one.pid).length === 0 && hasNothingPending(one.pid) && statOf(one.pid)?.state === "S";
      await until("its end, or none", () => one.end !== undefined || hangs());
      if (one.end === undefined && hangs() && statOf(one.pid)?.name === "catatonit") {
        process.kill(one.pid, "SIGKILL");
        await one.ends();
        return "hangs";
      }
      return (await one.ends()).status;
    },
  },
  {
    row: "the program's signal mask",
    theirs: [10, 12, 20, 21, 22, 34],
    ours: [10, 12, 34],
    seen: async (init, context) => {
      const show = ["/bin/grep", "SigBlk", "/proc/self/status"];
      const { stdout } = await run(context, [buildPuppet(), "block", init, "--", ...show]);
      const mask = BigInt(`0x${stdout.split("\t")[1]?.trim()}`);
      return SIGNALS.filter((signal) => (mask >> BigInt(signal - 1)) & 1n);
    },
  },
  {
    row: "the terminal",
    theirs: ["in front", "not given back"],
    ours: ["behind", "given back"],
    seen: (init, context) => {
      if (!needsProgram(context, "script", "apt-get install bsdutils")) return undefined;
      // Of /proc/PID/stat the fifth field is the group, and the eighth the one that has the foreground.
      const isInFront = (says: string, isNot: string) =>
        `set -- $(cat /proc/$$/stat); test $5 -eq $8 && echo ${says} || echo ${isNot}`;
      const program = `sh -c '${isInFront("in front", "behind")}'`;
      const background = inTerminal(`set -m; INIT -- ${program} & wait`, init);
      const after = inTerminal(`INIT -- true; ${isInFront("given back", "not given back")}`, init);
      return [background.match(/in front|behind/)?.[0], after.match(/(not )?given back/)?.[0]];
    },
  },
  {
    row: "LISTEN_PID that is the init's in another spelling, as `01`",
    theirs: [false, false],
    ours: [true, true],
    seen: async (init, context) => {
      if (!needsPidNamespace(context)) return undefined;
      const kept = [];
      for (const value of ["01", "1x"]) {
        const inside = ["env", `LISTEN_PID=${value}`, init, "--", "sh", "-c", "echo $LISTEN_PID"];
        kept.push((await run(context, asPid1(inside))).stdout === `${value}\n`);
      }
      return kept;
    },
  },
  {
    row: "the working directory of the init",
    theirs: "kept",
    ours: "/",
    seen: async (init, context) => {
      const one = start(context, [init, "--", "sh", "-c", "echo ready; read x"], { cwd: folder });
      await one.says("ready");
      await isIdle(one.pid);
      const now = linkOf(`/proc/${one.pid}/cwd`);
      one.write("go on\n");
      await one.ends();
      return now === folder ? "kept" : now;
    },
  },
  {
    row: "a signal that may not be sent",
    theirs: [RTMAX],
    ours: [10, RTMAX],
    seen: async (init, context) => {
      if (!needsRoot(context)) return undefined;
      const program = [...LATER, ...AS_NOBODY, buildPuppet(), "signals", `until=${RTMAX}`];
      const one = start(context, [...WITHOUT_KILL, init, "--", ...program]);
      await isReady(one);
      process.kill(one.pid, "SIGUSR1");
      await isIdle(one.pid);
      return told(await takenAtLast(one));
    },
  },
  {
    row: "a program that is another user's before the init has looked whether it lives",
    theirs: 1,
    ours: 0,
    seen: async (init, context) => {
      if (!needsRoot(context) || !needsProgram(context, "strace", "apt-get install strace")) return undefined;
      const late = ["-e", "trace=kill", "-e", "inject=kill:delay_enter=3000000:when=1"];
      const command = [...WITHOUT_KILL, init, "--", ...AS_NOBODY, "true"];
      return (await run(context, ["strace", "-o", "/dev/null", ...late, ...command])).status;
    },
  },
  {
    row: "a signal that comes with `-g` before the group is made",
    theirs: [RTMAX],
    ours: [10, RTMAX],
    seen: async (init, context) => {
      if (!needsProgram(context, "strace", "apt-get install strace")) return undefined;
      const late = ["-e", "trace=setpgid", "-e", "inject=setpgid:delay_enter=3000000"];
      // Blocked, it waits for the program through its exec.
      const blocked = [buildPuppet(), "block", init, "-g", "--"];
      const command = [...blocked, buildPuppet(), "signals", `until=${RTMAX}`];
      const one = start(context, ["strace", "-f", "-o", "/dev/null", ...late, ...command]);
      const pid = await descendantNamed(one.pid, "catatonit");
      await until("the child", () => descendants(pid).length > 0);
      process.kill(pid, "SIGUSR1");
      await until("it is taken", () => hasNothingPending(pid));
      await one.says("ready");
      return told(await takenAtLast(one));
    },
  },
];

for (const { row, theirs, ours: mine, seen } of DIFFERENCES) {
  test(`differs: ${row}`, async (context) => {
    if (!needsCatatonit(context)) return;
    await twice(async () => {
      const both = [await seen(CATATONIT, context), await seen(ours, context)];
      if (!both.includes(undefined)) assert.deepEqual(both, [theirs, mine]);
    });
  });
}

test("each row of the table in docs/behaviour.md is seen here, and none besides", () => {
  const text = readFileSync(new URL("../../docs/behaviour.md", import.meta.url), "utf8");
  const table = text.slice(text.indexOf("\n| | catatonit "));
  const [, , ...rows] = table.trim().split("\n\n")[0]?.split("\n") ?? [];
  assert.deepEqual(
    rows.map((line) => line.split(" | ")[0]?.replace(/^\| /, "")),
    DIFFERENCES.map(({ row }) => row),
  );
});

/** A program of another user, to which the init may not send the signal that it got. */
async function refused(init: string, context: TestContext, env: NodeJS.ProcessEnv): Promise<Run> {
  // Set-user-ID, so that the init needs no right at all to start it.
  const setpriv = join(folder, "setpriv");
  copyFileSync("/usr/bin/setpriv", setpriv);
  chmodSync(setpriv, 0o4755);
  const user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
  const program = [...LATER, setpriv, ...AS_NOBODY.slice(1), buildPuppet(), "signals", `until=${RTMAX}`];
  const one = start(context, [...user, init, "--", ...program], { env: { ...process.env, ...env } });
  await isReady(one);
  process.kill(one.pid, "SIGUSR1");
  await isIdle(one.pid);
  await takenAtLast(one);
  return one;
}
