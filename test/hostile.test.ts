// A hostile start is normal: any bytes for arguments and environment, any inherited limits, masks and descriptors, any
// PATH. What can work works, and the rest gets a sentence and a documented status.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { folder } from "./lib/folder.ts";
import { needs } from "./lib/needs.ts";
import {
  asPid1,
  becomes,
  descendantNamed,
  IS_ROOT,
  inBothModes,
  needsPidNamespace,
  needsRoot,
  PLAIN_PATH,
  type ReapMode,
  type Run,
  run,
  STEADY,
  sleepsOf,
  start,
  statOf,
  statusOf,
  until,
} from "./lib/process.ts";

/** Also by programs of other users. */
const WRITABLE = 0o777;

/** An executable file that holds `content`. */
function executable(path: string, name: string, content: string | Buffer, mode = 0o755): string {
  const file = join(path, name);
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

function steady(mode: ReapMode, ...rest: readonly string[]): string[] {
  return [STEADY, "--reap", mode, ...rest];
}

/** A program that answers SIGTERM with status 7, and says when it is ready to. */
const ANSWERS = ["sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done"];

async function answers(one: Run, init = one.pid): Promise<void> {
  await one.says("ready");
  process.kill(init, "SIGTERM");
  assert.deepEqual(await one.ends(), { status: 7, signal: null }, one.all());
}

// Arguments and environment

test("arguments and variables of any bytes reach the program as they are", async (context) => {
  const show = `printf %s "$1" "$ODD" | od -An -v -tx1`;
  const bytes = "x\\377\\200\\001\\033\\302";
  const script = `a=$(printf '${bytes}'); ODD=$a; export ODD; exec ${STEADY} sh -c '${show}' sh "$a"`;
  const { stdout, status } = await run(context, ["sh", "-c", script]);
  assert.equal(status, 0);
  assert.equal(stdout.replaceAll(/\s/g, ""), "78ff80011bc2".repeat(2));
});

test("a program whose name is no text is looked for under that name", async (context) => {
  const script = `exec ${STEADY} "$(printf 'n\\377o')"`;
  const { stderr, status } = await run(context, ["sh", "-c", script], { env: PLAIN_PATH });
  assert.equal(status, 127);
  assert.match(stderr, /exec n\xffo failed: No such file or directory\n$/);
});

inBothModes("100,000 arguments reach the program", async (context, mode) => {
  const many = Array.from({ length: 100_000 }, (_, i) => `${i}`);
  const { stdout } = await run(
    context,
    steady(mode, "sh", "-c", 'echo "$#"; shift 99999; echo "$1"', "sh", ...many),
  );
  assert.equal(stdout, "100000\n99999\n");
});

inBothModes("an argument as long as Linux allows reaches the program", async (context, mode) => {
  const long = "y".repeat(131_071);
  const { stdout } = await run(context, steady(mode, "sh", "-c", 'printf %s "$1" | wc -c', "sh", long));
  assert.equal(stdout, "131071\n");
});

inBothModes("an environment of 1 MiB reaches the program", async (context, mode) => {
  const env: Record<string, string> = { PATH: process.env.PATH ?? "" };
  for (let i = 0; i < 10; i++) env[`BIG_${i}`] = "z".repeat(104_858);
  const { stdout } = await run(
    context,
    steady(mode, "sh", "-c", 'printf "%s\\n" "$BIG_9" | wc -c; env | wc -c'),
    { env },
  );
  const [last, all] = stdout.trim().split("\n").map(Number);
  assert.equal(last, 104_859);
  assert.ok(Number(all) > 10 * 104_858, stdout);
});

test("an empty environment is enough", async (context) => {
  const { status } = await run(context, ["env", "-i", STEADY, "sh", "-c", "exit 3"]);
  assert.equal(status, 3);
});

for (const argv0 of ["", "/", "x/", "no/such/steady", "\n", "-", "--", "y".repeat(5000)]) {
  test(`the name ${JSON.stringify(argv0.slice(0, 20))} for the init itself changes nothing`, () => {
    const ends = spawnSync(STEADY, ["sh", "-c", "exit 3"], { argv0 });
    assert.equal(ends.status, 3, ends.stderr.toString());
    const usage = spawnSync(STEADY, [], { argv0 });
    assert.equal(usage.status, 1);
    assert.match(usage.stderr.toString(), /\nUsage: /);
  });
}

test("empty arguments stay arguments", async (context) => {
  const { stdout } = await run(context, [STEADY, "sh", "-c", 'echo "$#:$1:$2:$3"', "sh", "", "", "-x"]);
  assert.equal(stdout, "3:::-x\n");
});

test("W20: -- ends the options, once", async (context) => {
  assert.equal((await run(context, [STEADY, "--", "sh", "-c", "exit 3"])).status, 3);
  assert.equal((await run(context, [STEADY, "-v", "--", "sh", "-c", "exit 3"])).status, 3);
  const twice = await run(context, [STEADY, "--", "--", "true"], { env: PLAIN_PATH });
  assert.equal(twice.status, 127);
  assert.match(twice.stderr, /exec -- failed: No such file or directory\n$/);
});

test("W16: what stands behind the program is the program's", async (context) => {
  const { stdout, status } = await run(context, [
    STEADY,
    "sh",
    "-c",
    'echo "$@"; exit 3',
    "sh",
    "-l",
    "-h",
    "--",
    "-p",
  ]);
  assert.equal(stdout, "-l -h -- -p\n");
  assert.equal(status, 3);
});

// Descriptors

/** Runs after the shell took the limit, which needs no descriptor: a static program can start where libc cannot. */
function withDescriptors(count: number, command: readonly string[]): string[] {
  return ["sh", "-c", `ulimit -n ${count}; exec "$@"`, "sh", ...command];
}

for (const limit of [3, 4, 5, 6, 7]) {
  for (const mode of ["auto", "wait"] as const) {
    test(`${limit} descriptors are enough to run a static program (--reap ${mode})`, async (context) => {
      const command = withDescriptors(limit, [STEADY, "--reap", mode, STEADY, "--version"]);
      const { stdout, status } = await run(context, command);
      assert.match(stdout, /^steady version /);
      assert.equal(status, 0);
    });
  }
}

test("kernel reaping that was asked for and finds no descriptor is refused with a sentence", async (context) => {
  const { stderr, status } = await run(context, withDescriptors(3, steady("kernel", STEADY, "--version")));
  assert.equal(status, 125);
  assert.match(stderr, /^\[FATAL steady \(\d+\)\] --reap kernel is not possible here: .+\n$/);
});

for (const limit of [4, 5, 6, 7]) {
  inBothModes(`signals and statuses arrive with ${limit} descriptors`, async (context, mode) => {
    await answers(start(context, withDescriptors(limit, steady(mode, "-e", "9", ...ANSWERS))));
  });
}

for (const mode of ["auto", "wait"] as const) {
  test(`a full table of descriptors is enough (--reap ${mode})`, async (context) => {
    const fd = openSync("/dev/null", "r");
    context.after(() => closeSync(fd));
    const stdio = ["pipe", "pipe", "pipe", ...Array<number>(61).fill(fd)] as const;
    const command = withDescriptors(64, [STEADY, "--reap", mode, STEADY, "--version"]);
    const { stdout, status } = await run(context, command, { stdio: [...stdio] });
    assert.match(stdout, /^steady version /);
    assert.equal(status, 0);
  });
}

for (let closed = 1; closed < 8; closed++) {
  const which = [0, 1, 2].filter((fd) => (closed >> fd) & 1);
  inBothModes(`W5: closed descriptors ${which} stay closed for the program`, async (context, mode) => {
    const redirections = which.map((fd) => (fd === 0 ? "<&-" : `${fd}>&-`)).join(" ");
    const look = [0, 1, 2].map((fd) => `[ -e /proc/$$/fd/${fd} ] || s=$((s+${1 << fd}))`).join("; ");
    const command = ["sh", "-c", `exec "$@" ${redirections}`, "sh", ...steady(mode, "-vvv")];
    const { status } = await run(context, [...command, "sh", "-c", `s=16; ${look}; exit $s`]);
    assert.equal(status, 16 + closed);
  });
}

inBothModes("after the start the init holds 0, 1, 2 and its own", async (context, mode) => {
  const fd = openSync("/dev/null", "r");
  context.after(() => closeSync(fd));
  const stdio = ["pipe", "pipe", "pipe", fd, fd, "ignore", "ignore", fd] as const;
  const one = start(context, steady(mode, ...ANSWERS), { stdio: [...stdio] });
  await one.says("ready");
  const list = () => execFileSync("ls", ["-l", `/proc/${one.pid}/fd`], { encoding: "utf8" });
  await until("inherited descriptors are closed", () => !list().includes("/dev/null"));
  await answers(one);
});

// Limits on processes

inBothModes("a user without processes left is told of the limit", async (context, mode) => {
  if (!needsRoot(context)) return;
  const cwd = folder(context, WRITABLE);
  const copy = join(cwd, "steady");
  copyFileSync(STEADY, copy);
  const user = ["setpriv", "--reuid=61234", "--regid=61234", "--clear-groups", "prlimit", "--nproc=1"];
  const { status, stderr } = await run(context, [...user, copy, "--reap", mode, "true"], { cwd });
  assert.equal(status, 125);
  assert.match(
    stderr,
    /^\[FATAL steady \(\d+\)\] fork failed: Resource temporarily unavailable: the user may have 1 .*RLIMIT_NPROC.*\n$/,
  );
});

/** A cgroup with a limit on its processes, in whichever version is mounted. */
function pidsGroup(context: TestContext, limit: number): string | undefined {
  const root = existsSync("/sys/fs/cgroup/pids") ? "/sys/fs/cgroup/pids" : "/sys/fs/cgroup";
  const path = join(root, `steady-test-${process.pid}-${limit}-${Math.trunc(performance.now())}`);
  try {
    mkdirSync(path);
  } catch {
    return void needs(context, false, "a writable pids cgroup", "run as root on the host");
  }
  context.after(() => until("the cgroup can be removed", () => removed(path)));
  const present = existsSync(join(path, "pids.max"));
  if (!needs(context, present, "the pids controller", "echo +pids >/sys/fs/cgroup/cgroup.subtree_control"))
    return undefined;
  writeFileSync(join(path, "pids.max"), `${limit}`);
  return path;
}

function removed(path: string): boolean {
  try {
    if (existsSync(join(path, "inner"))) rmdirSync(join(path, "inner"));
    rmdirSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function inGroup(path: string, command: readonly string[]): string[] {
  return ["sh", "-c", 'echo $$ >"$0/cgroup.procs"; exec "$@"', path, ...command];
}

const PIDS_SENTENCE =
  /^\[FATAL steady \(\d+\)\] fork failed: Resource temporarily unavailable: the pids cgroup allows 1 processes.*\n$/;

inBothModes("a container without processes left is told of its pids limit", async (context, mode) => {
  const group = pidsGroup(context, 1);
  if (group === undefined) return;
  const { status, stderr } = await run(context, inGroup(group, steady(mode, "true")));
  assert.equal(status, 125);
  assert.match(stderr, PIDS_SENTENCE);
});

test("the pids limit of a group above is found too", async (context) => {
  const group = pidsGroup(context, 1);
  if (group === undefined) return;
  const inner = join(group, "inner");
  mkdirSync(inner);
  const { status, stderr } = await run(context, inGroup(inner, [STEADY, "true"]));
  assert.equal(status, 125);
  assert.match(stderr, PIDS_SENTENCE);
});

inBothModes("where the program can be started but cannot fork, nothing is wrong", async (context, mode) => {
  const group = pidsGroup(context, 2);
  if (group === undefined) return;
  const { status } = await run(
    context,
    inGroup(group, steady(mode, "sh", "-c", "trap 'exit 9' EXIT; true & exit 3")),
  );
  assert.ok(status === 9 || status === 2, `the shell's own answer to a refused fork: ${status}`);
});

// Inherited signals

const MASKS = [
  ["--block-signal"],
  ["--block-signal=TERM,USR1,CHLD,CONT"],
  ["--ignore-signal"],
  ["--ignore-signal=CHLD"],
  ["--ignore-signal=PIPE,HUP,TTIN,TTOU,TSTP"],
  ["--block-signal", "--ignore-signal"],
];

for (const mask of MASKS) {
  inBothModes(`W2: the program inherits env ${mask.join(" ")} as it came`, async (context, mode) => {
    const show = ["grep", "-E", "^Sig(Blk|Ign|Cgt|Pnd)|^ShdPnd", "/proc/self/status"];
    const direct = await run(context, ["env", ...mask, ...show]);
    const under = await run(context, ["env", ...mask, ...steady(mode, ...show)]);
    assert.equal(under.stdout, direct.stdout);
    assert.equal(under.status, 0);
  });

  inBothModes(`W2: statuses and signals arrive after env ${mask.join(" ")}`, async (context, mode) => {
    const again = ["env", "--default-signal", "sh", "-c", "echo ready; exec sleep 1000"];
    assert.equal((await run(context, ["env", ...mask, ...steady(mode, "sh", "-c", "exit 3")])).status, 3);
    // No tool unblocks a signal for a program, so a program with every signal blocked cannot answer.
    if (mask.includes("--block-signal")) return;
    const one = start(context, ["env", ...mask, ...steady(mode, ...again)]);
    await one.says("ready");
    process.kill(one.pid, "SIGUSR2");
    assert.deepEqual(await one.ends(), { status: 128 + 12, signal: null });
  });
}

// PATH and the file

test("PATH is searched as execvp does", async (context) => {
  const cwd = folder(context, WRITABLE);
  for (const name of ["a", "b", "denied"]) mkdirSync(join(cwd, name));
  executable(join(cwd, "b"), "prog", "#!/bin/sh\nexit 5\n");
  executable(cwd, "here", "#!/bin/sh\nexit 6\n");
  executable(join(cwd, "denied"), "prog", "#!/bin/sh\nexit 7\n", 0o644);
  writeFileSync(join(cwd, "file"), "");
  symlinkSync("loop", join(cwd, "loop"));
  const at = (name: string) => join(cwd, name);
  const cases: readonly [path: string | undefined, program: string, status: number][] = [
    [at("b"), "prog", 5],
    [`${at("a")}:${at("b")}`, "prog", 5],
    [`${at("none")}:${at("file")}:${at("loop")}:${at("b")}`, "prog", 126],
    [`${at("none")}:${at("file")}:${at("b")}`, "prog", 5],
    [`${at("denied")}:${at("b")}`, "prog", 5],
    [`${at("denied")}:${at("a")}`, "prog", 126],
    [`${at("a")}:${at("none")}`, "prog", 127],
    [`/${"x".repeat(5000)}:${at("b")}`, "prog", 5],
    [`/${"x".repeat(100_000)}:${at("b")}`, "prog", 5],
    ["", "here", 6],
    [":", "here", 6],
    [`::${at("a")}`, "here", 6],
    [`${at("a")}:`, "here", 6],
    [at("a"), "here", 127],
    ["b", "prog", 5],
    [at("b"), "./here", 6],
    [at("b"), "x".repeat(255), 127],
    [at("b"), "x".repeat(256), 126],
    [at("b"), "", 127],
    [undefined, "true", 0],
    [undefined, "prog", 127],
  ];
  for (const [path, program, status] of cases) {
    const env = path === undefined ? {} : { PATH: path };
    const ends = spawnSync(STEADY, ["-e", "0", program], { cwd, env });
    assert.equal(ends.status, status, `PATH=${path?.slice(0, 80)} ${program.slice(0, 20)}: ${ends.stderr}`);
    assert.equal(ends.stderr.length > 0, status > 100, "a failure is told");
  }
});

interface Refused {
  readonly name: string;
  readonly content: string | Buffer;
  readonly mode?: number;
  readonly status: number;
  readonly reason: string;
}

const ELF = readFileSync(STEADY).subarray(0, 4096);
const REFUSED: readonly Refused[] = [
  { name: "not-executable", content: "#!/bin/sh\n", mode: 0o644, status: 126, reason: "Permission denied" },
  { name: "no-interpreter", content: "#!/no/such/shell\n", status: 127, reason: "No such file or directory" },
  { name: "crlf", content: "#!/bin/sh\r\nexit 3\r\n", status: 127, reason: "No such file or directory" },
  { name: "interpreter-is-folder", content: "#!/tmp\n", status: 126, reason: "Permission denied" },
];

for (const { name, content, mode, status, reason } of REFUSED) {
  inBothModes(
    `a file that cannot be executed gets a sentence and ${status}: ${name}`,
    async (context, reap) => {
      const file = executable(folder(context, WRITABLE), name, content, mode);
      // The status is the init's own, so it is not remapped (W22).
      const ends = await run(context, steady(reap, "-e", `${status}`, file));
      assert.equal(ends.status, status);
      assert.match(
        ends.stderr,
        new RegExp(`^\\[FATAL steady \\(\\d+\\)\\] exec ${file} failed: ${reason}\\n$`),
      );
    },
  );
}

test("folders, loops and busy files get a sentence too", async (context) => {
  const cwd = folder(context, WRITABLE);
  symlinkSync("loop", join(cwd, "loop"));
  const busy = executable(cwd, "busy", readFileSync(STEADY));
  const fd = openSync(busy, "r+");
  const cases: readonly [program: string, status: number, reason: string][] = [
    ["/tmp", 126, "Permission denied"],
    ["./loop", 126, "Too many levels of symbolic links"],
    [busy, 126, "Text file busy"],
    ["/etc/passwd/x", 127, "Not a directory"],
    [`/${"x/".repeat(2100)}`, 126, "File name too long"],
  ];
  for (const [program, status, reason] of cases) {
    const ends = spawnSync(STEADY, [program], { cwd, encoding: "utf8" });
    assert.equal(ends.status, status, program.slice(0, 30));
    if (program.length < 900)
      assert.ok(ends.stderr.endsWith(`exec ${program} failed: ${reason}\n`), ends.stderr);
  }
  closeSync(fd);
});

test("what the kernel takes for no program is left to the shell, as execvp does", async (context) => {
  const cwd = folder(context, WRITABLE);
  const foreign = Buffer.from(ELF);
  foreign.writeUInt16LE(foreign.readUInt16LE(18) === 0x16 ? 0x3e : 0x16, 18);
  const cases: readonly [name: string, content: string | Buffer][] = [
    ["text", "exit 4\n"],
    ["with-arguments", 'exit "$(($1 + $2))"\n'],
    ["empty", ""],
    ["truncated", ELF.subarray(0, 20)],
    ["foreign", foreign],
  ];
  for (const [name, content] of cases) {
    const file = executable(cwd, name, content);
    // To a shell a > among the bytes makes a file.
    const shell = spawnSync("/bin/sh", [file, "1", "2"], { cwd });
    const under = spawnSync(STEADY, [file, "1", "2"], { cwd });
    assert.equal(under.status, shell.status, `${name}: ${under.stderr}`);
    assert.equal(under.stderr.length > 0, shell.stderr.length > 0);
    const found = spawnSync(STEADY, [name, "1", "2"], { cwd, env: { PATH: cwd } });
    assert.equal(found.status, shell.status, `${name} in PATH: ${found.stderr}`);
  }
});

test("a program that may be executed and not read runs, and a script so gets the shell's answer", async (context) => {
  if (!needsRoot(context)) return;
  const cwd = folder(context, WRITABLE);
  const user = ["setpriv", "--reuid=61234", "--regid=61234", "--clear-groups"];
  copyFileSync(STEADY, join(cwd, "steady"));
  executable(cwd, "binary", readFileSync(STEADY), 0o711);
  executable(cwd, "script", "#!/bin/sh\nexit 3\n", 0o711);
  const binary = await run(context, [...user, "./steady", "./binary", "--version"], { cwd });
  assert.equal(binary.status, 0);
  const script = await run(context, [...user, "./steady", "./script"], { cwd });
  const direct = await run(context, [...user, "sh", "-c", "exec ./script"], { cwd });
  assert.equal(script.status, direct.status);
});

test("arguments that fit for the init and not for the program are too long with a sentence", async (context) => {
  const cwd = folder(context, WRITABLE);
  copyFileSync(STEADY, join(cwd, "s"));
  // The kernel adds the interpreter, its argument and the path of the script to what the init was given.
  executable(cwd, "script", `#!/bin/sh -${"e".repeat(150)}\nexit 3\n`);
  const ends = (length: number) => {
    const rest = ["y".repeat(100_000), "y".repeat(100_000), "y".repeat(length)];
    const command = ["-c", 'ulimit -s 1024; exec ./s ./script "$@"', "sh", ...rest];
    return spawnSync("sh", command, { cwd, encoding: "utf8", env: {} });
  };
  let [fits, exceeds] = [0, 131_071];
  while (exceeds - fits > 1) {
    const middle = (fits + exceeds) >> 1;
    if (ends(middle).status === 3) fits = middle;
    else exceeds = middle;
  }
  const { status, stderr } = ends(exceeds);
  assert.equal(status, 126);
  assert.match(stderr, /^\[FATAL steady \(\d+\)\] exec \.\/script failed: Argument list too long\n$/);
});

inBothModes("W22: a program's own 126 and 127 are remapped, a failed exec is not", async (context, mode) => {
  for (const status of [1, 126, 127]) {
    const own = await run(context, steady(mode, "-e", `${status}`, "sh", "-c", `exit ${status}`));
    assert.equal(own.status, 0);
  }
  assert.equal((await run(context, steady(mode, "-e", "127", "/no/such/file"))).status, 127);
  assert.equal((await run(context, steady(mode, "-e", "126", "/tmp"))).status, 126);
});

// A world in which things are missing

/** A shell command in a mount namespace of its own, after empty folders were mounted over some others. */
function without(folders: readonly string[], command: readonly string[]): string[] {
  const mounts = folders.map((one) => `mount -t tmpfs none ${one}`).join(" && ");
  const user = IS_ROOT ? [] : ["--user", "--map-root-user"];
  return ["unshare", ...user, "--mount", "sh", "-c", `${mounts} && exec "$@"`, "sh", ...command];
}

for (const missing of [["/proc"], ["/dev"], ["/proc", "/dev", "/sys"]]) {
  inBothModes(`without ${missing.join(", ")} signals and statuses arrive`, async (context, mode) => {
    if (!needsPidNamespace(context)) return;
    await answers(start(context, without(missing, steady(mode, "-g", ...ANSWERS))));
  });
}

inBothModes("without /proc a refused fork still gets a sentence", async (context, mode) => {
  const group = pidsGroup(context, 1);
  if (group === undefined || !needsPidNamespace(context)) return;
  const { status, stderr } = await run(context, without(["/proc"], inGroup(group, steady(mode, "true"))));
  assert.equal(status, 125);
  assert.match(stderr, /fork failed: Resource temporarily unavailable/);
});

inBothModes("in a root that holds nothing but the init a program runs", async (context, mode) => {
  if (!needsPidNamespace(context)) return;
  const root = folder(context, WRITABLE);
  copyFileSync(STEADY, join(root, "steady"));
  const command = ["chroot", root, "/steady", "--reap", mode, "/steady", "--version"];
  const { stdout, status } = await run(context, asPid1(command));
  assert.match(stdout, /^steady version /);
  assert.equal(status, 0);
});

// Signals that do not fit

/** Whether kill(1) can send a signal with a value. */
function needsQueue(context: TestContext): boolean {
  const present = spawnSync("env", ["kill", "-q", "1", "-s", "0", `${process.pid}`]).status === 0;
  return needs(context, present, "kill -q", "apt-get install procps");
}

function queue(pid: number, signal: number): void {
  execFileSync("env", ["kill", "-q", "5", "-s", `${signal}`, `${pid}`]);
}

/** After this many pauses that double from 10 ms on, at least so many ms have passed. */
const PAUSES = 5;
const PAUSES_MS = 10 + 20 + 40 + 80;

inBothModes(
  "a queued signal that finds no room waits for it, and a stop passes by",
  async (context, mode) => {
    if (!needsQueue(context)) return;
    const traps = [40, 41, 42].map((signal) => `trap 'echo got ${signal}' ${signal}`).join("; ");
    const program = `${traps}; trap 'echo got term' TERM; echo ready; while :; do sleep 0.01; done`;
    const one = start(context, steady(mode, "-vvv", "sh", "-c", program));
    await one.says("ready");
    const pid = await descendantNamed(one.pid, "sh");
    execFileSync("prlimit", ["--pid", `${pid}`, "--sigpending=0:"]);
    queue(one.pid, 41);
    await one.says("signal 41 waits");
    const [begun, sleeps] = [performance.now(), sleepsOf(one.pid)];
    await until("it was tried again and again", () => sleepsOf(one.pid) >= sleeps + PAUSES);
    assert.ok(performance.now() - begun >= PAUSES_MS, "the pauses grow");
    queue(one.pid, 40);
    queue(one.pid, 42);
    process.kill(one.pid, "SIGTERM");
    await one.says("got term");
    assert.doesNotMatch(one.stdout, /got 4/);
    execFileSync("prlimit", ["--pid", `${pid}`, "--sigpending=1000:"]);
    for (const signal of [40, 41, 42]) await one.says(`got ${signal}`);
    await becomes(one.pid, "S");
    assert.match(statusOf(one.pid, "ShdPnd") ?? "", /^0+$/);
  },
);

// Statuses

const RUNS = 500;

inBothModes("the status is right 2,000 times of 2,000 under load", async (context, mode) => {
  const once = `${STEADY} --reap ${mode} sh -c "true & exit $((i % 256))"; [ $? = $((i % 256)) ] || echo wrong $i`;
  const loop = ["sh", "-c", `i=0; while [ $i -lt ${RUNS} ]; do ${once}; i=$((i+1)); done; echo done`];
  const all = await Promise.all([1, 2, 3, 4].map(() => run(context, loop)));
  for (const { stdout, stderr } of all) assert.equal(stdout + stderr, "done\n");
});

// The log of a failed start

inBothModes(
  "W19: with stdout piped no line of a failed exec is told twice, or late",
  async (context, mode) => {
    const env = { ...process.env, TINI_VERBOSITY: "4" };
    const command = ["sh", "-c", '"$@" 2>&1 | cat', "sh", ...steady(mode, "/no/such/file")];
    const { stdout } = await run(context, command, { env });
    const lines = stdout.trimEnd().split("\n");
    assert.deepEqual(lines, [...new Set(lines)]);
    const at = (text: string) => lines.findIndex((line) => line.includes(text));
    assert.ok(at("Behaving as") === 0);
    assert.ok(at("exec /no/such/file failed") > 0);
    assert.ok(at("Main child exited") > at("exec /no/such/file failed"), "in the order in which it happened");
  },
);

// The parent

inBothModes("W21: with -p KILL the program does not outlive the init", async (context, mode) => {
  const command = ["sh", "-c", '"$@" & wait', "sh", ...steady(mode, "-p", "KILL", "sleep", "1000")];
  const one = start(context, command);
  const program = await descendantNamed(one.pid, "sleep");
  const init = statOf(program)?.parent ?? 0;
  one.child.kill("SIGKILL");
  const gone = (pid: number) => (statOf(pid)?.state ?? "Z") === "Z";
  await until("init and program are gone", () => gone(init) && gone(program));
});

inBothModes("W21: with -p TERM the program is told of the parent's end", async (context, mode) => {
  const cwd = folder(context, WRITABLE);
  const program = "trap 'echo told >told; exit' TERM; echo ready; while :; do sleep 0.01; done";
  const init = steady(mode, "-p", "TERM", "sh", "-c", program);
  const one = start(context, ["sh", "-c", '"$@" & wait', "sh", ...init], { cwd });
  await one.says("ready");
  one.child.kill("SIGKILL");
  await until("the program was told", () => existsSync(join(cwd, "told")));
});
