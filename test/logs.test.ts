// The log on streams that nobody reads, that are full, closed or shared: whatever becomes of its lines, the init goes on
// forwarding and reaping, and the program notices nothing.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { folder } from "./lib/folder.ts";
import {
  becomes,
  descendants,
  inBothModes,
  PLAIN_PATH,
  type ReapMode,
  type Run,
  run,
  STEADY,
  start,
  statOf,
  until,
} from "./lib/process.ts";

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** A pipe (a fifo, since Node's own are sockets), as two descriptors: reading without waiting, and writing. */
function pipe(context: TestContext, path: string, flags = 0): { reader: number; writer: number } {
  const name = join(path, "pipe");
  if (!existsSync(name)) execFileSync("mkfifo", [name]);
  const reader = openSync(name, O_RDONLY | O_NONBLOCK);
  const writer = openSync(name, O_WRONLY | flags);
  context.after(() => closeQuietly(writer));
  return { reader, writer };
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // The test closed it.
  }
}

/** Writes until there is no room, through a description of our own. */
function fill(path: string): void {
  const fd = openSync(join(path, "pipe"), O_WRONLY | O_NONBLOCK);
  const block = Buffer.alloc(4096, ".");
  try {
    while (true) writeSync(fd, block);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
  }
  closeSync(fd);
}

/** Everything that can be read now. */
function drain(reader: number): string {
  const buffer = Buffer.alloc(65_536);
  let text = "";
  try {
    while (true) {
      const length = readSync(reader, buffer);
      if (length === 0) return text;
      text += buffer.toString("latin1", 0, length);
    }
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
    return text;
  }
}

/** Notes each SIGUSR1 and any SIGPIPE in a file; `begin` runs first; ends with 7 on SIGTERM. */
function program(begin: string): string[] {
  const traps = `trap 'echo usr1 >>usr1' USR1; trap 'echo pipe >>pipes' PIPE; trap 'exit 7' TERM`;
  return ["sh", "-c", `${traps}; ${begin} : >ready; while :; do sleep 0.01; done`];
}

async function isReady(path: string): Promise<void> {
  await until("the program is ready", () => existsSync(join(path, "ready")));
}

/** Sends SIGUSR1 one by one, each after the last one has arrived. */
async function forwards(init: number, path: string, times: number): Promise<void> {
  const file = join(path, "usr1");
  const count = () => (existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0);
  const before = count();
  for (let i = 1; i <= times; i++) {
    process.kill(init, "SIGUSR1");
    await until(`signal ${i} of ${times} arrives`, () => count() === before + i);
  }
}

async function endsAsAsked(one: Run, path: string): Promise<void> {
  process.kill(one.pid, "SIGTERM");
  assert.deepEqual(await one.ends(), { status: 7, signal: null });
  assert.equal(existsSync(join(path, "pipes")), false, "no SIGPIPE came to the program");
}

async function leavesNoZombies(init: number): Promise<void> {
  await until("all orphans are reaped", () => descendants(init).every((pid) => statOf(pid)?.state !== "Z"));
}

function loud(mode: ReapMode): string[] {
  return [STEADY, "--reap", mode, "-vvv", ...(mode === "wait" ? ["-w"] : []), "--"];
}

/** The program takes 10 ms for each signal: a loop that spins would use 50 ticks of 10 ms meanwhile. */
const SIGNALS = 50;
const TICKS_MAX = 10;
const ORPHANS = 200;
const STORM = `i=0; while [ $i -lt ${ORPHANS} ]; do (sleep 0 &); i=$((i+1)); done`;

inBothModes("W3: the reader of a pipe goes away, and the program notices nothing", async (context, mode) => {
  const cwd = folder(context);
  const { reader, writer } = pipe(context, cwd);
  const one = start(context, [...loud(mode), ...program("")], { cwd, stdio: ["pipe", writer, writer] });
  closeSync(writer);
  await isReady(cwd);
  closeSync(reader);
  const before = statOf(one.pid)?.ticks ?? 0;
  await forwards(one.pid, cwd, SIGNALS);
  await becomes(one.pid, "S");
  assert.ok((statOf(one.pid)?.ticks ?? 0) - before <= TICKS_MAX, "no busy loop");
  await endsAsAsked(one, cwd);
});

inBothModes(
  "W3: the reader of a socket goes away, and the program notices nothing",
  async (context, mode) => {
    const cwd = folder(context);
    const one = start(context, [...loud(mode), ...program("")], { cwd });
    await isReady(cwd);
    one.child.stdout?.destroy();
    one.child.stderr?.destroy();
    const before = statOf(one.pid)?.ticks ?? 0;
    await forwards(one.pid, cwd, SIGNALS);
    await becomes(one.pid, "S");
    assert.ok((statOf(one.pid)?.ticks ?? 0) - before <= TICKS_MAX, "no busy loop");
    await endsAsAsked(one, cwd);
  },
);

inBothModes("W3: a reader that was never there does not matter", async (context, mode) => {
  const cwd = folder(context);
  const { reader, writer } = pipe(context, cwd);
  closeSync(reader);
  const one = start(context, [...loud(mode), ...program(`${STORM};`)], {
    cwd,
    stdio: ["pipe", writer, writer],
  });
  await isReady(cwd);
  await leavesNoZombies(one.pid);
  await forwards(one.pid, cwd, 3);
  await endsAsAsked(one, cwd);
});

inBothModes("W4: a full pipe that nobody reads stops nothing", async (context, mode) => {
  const cwd = folder(context);
  const { reader, writer } = pipe(context, cwd);
  fill(cwd);
  const one = start(context, [...loud(mode), ...program(`${STORM};`)], {
    cwd,
    stdio: ["pipe", writer, writer],
  });
  closeSync(writer);
  await isReady(cwd);
  await leavesNoZombies(one.pid);
  const before = statOf(one.pid)?.ticks ?? 0;
  await forwards(one.pid, cwd, SIGNALS);
  assert.ok((statOf(one.pid)?.ticks ?? 0) - before <= TICKS_MAX, "no busy loop");
  const lost = await seesLost(reader);
  assert.ok(
    lost.every((count) => count > 0),
    `${lost}`,
  );
  // Of each orphan two lines on stdout and stderr where the init reaps; of each signal one on stdout.
  assert.ok(Math.max(...lost) >= (mode === "wait" ? ORPHANS + SIGNALS : SIGNALS), `${lost}`);
  await endsAsAsked(one, cwd);
  closeSync(reader);
});

/** Reads until the init has told how many lines it could not write; answers the counts. */
async function seesLost(reader: number): Promise<number[]> {
  let text = "";
  await until("the count of lost lines", () => {
    text += drain(reader);
    return / log lines could not be written\n/.test(text);
  });
  return [...text.matchAll(/(\d+) log lines could not be written\n/g)].map((match) => Number(match[1]));
}

inBothModes("W4: a full socket stops nothing, and the lost lines are counted", async (context, mode) => {
  const cwd = folder(context);
  // Node takes the first part, and then no more: what comes after that stays in the socket.
  const fillers =
    "head -c 300000 /dev/zero & until [ -e more ]; do sleep 0.01; done; head -c 300000 /dev/zero &";
  const one = start(context, [...loud(mode), ...program(fillers)], { cwd });
  const { stdout } = one.child;
  stdout?.pause();
  await until("Node has enough", () => (stdout?.readableLength ?? 0) >= 65_536);
  writeFileSync(join(cwd, "more"), "");
  await isReady(cwd);
  const fillersAsleep = () =>
    descendants(one.pid)
      .map(statOf)
      .filter((stat) => stat?.name === "head" && stat.state === "S");
  await until("both fillers are blocked", () => fillersAsleep().length === 2);
  await forwards(one.pid, cwd, SIGNALS);
  // A little room, too little for poll(2) to speak of, but a line finds it.
  stdout?.read();
  await until("Node has enough again", () => (stdout?.readableLength ?? 0) >= 65_536);
  await forwards(one.pid, cwd, 3);
  stdout?.resume();
  await one.says(/\d+ log lines could not be written\n/);
  await endsAsAsked(one, cwd);
  const lost = [...one.stdout.matchAll(/(\d+) log lines could not be written\n/g)].map((match) =>
    Number(match[1]),
  );
  assert.ok(
    lost.every((count) => count > 0),
    `there is no line to tell of none: ${lost}`,
  );
  const written = one.stdout.match(/Passing signal: 'User/g)?.length ?? 0;
  assert.equal(lost.reduce((sum, count) => sum + count, written) >= SIGNALS, true);
});

/** The flags of a process' stderr, as the description has them. */
function flagsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/fdinfo/2`, "utf8");
  return Number.parseInt(text.match(/^flags:\s*(\d+)$/m)?.[1] ?? "", 8);
}

inBothModes("W4: the flags of a shared description stay as they are", async (context, mode) => {
  const cwd = folder(context);
  const { reader, writer } = pipe(context, cwd);
  fill(cwd);
  const one = start(context, [...loud(mode), ...program(`${STORM};`)], {
    cwd,
    stdio: ["pipe", writer, writer],
  });
  const before = flagsOf(one.pid);
  assert.equal(before & O_NONBLOCK, 0);
  await isReady(cwd);
  await forwards(one.pid, cwd, 3);
  assert.equal(flagsOf(one.pid), before);
  drain(reader);
  await forwards(one.pid, cwd, 3);
  assert.equal(flagsOf(one.pid), before);
  closeSync(reader);
  await endsAsAsked(one, cwd);
});

for (const flag of ["w", "a"]) {
  inBothModes(
    `init and program share a file opened with "${flag}", and nobody overwrites`,
    async (context, mode) => {
      const cwd = folder(context);
      const path = join(cwd, "log");
      const fd = openSync(path, flag);
      const noisy = `trap 'echo program; echo usr1 >>usr1' USR1; trap 'exit 7' TERM; : >ready; while :; do sleep 0.01; done`;
      const one = start(context, [...loud(mode), "sh", "-c", noisy], { cwd, stdio: ["pipe", fd, fd] });
      closeSync(fd);
      await isReady(cwd);
      await forwards(one.pid, cwd, 10);
      process.kill(one.pid, "SIGTERM");
      assert.equal((await one.ends()).status, 7);
      const lines = readFileSync(path, "latin1").trimEnd().split("\n");
      const told = lines.filter((line) => line === "program" || line.includes("Passing signal: 'User"));
      assert.deepEqual(
        told.map((line) => (line === "program" ? "program" : "init")),
        Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? "init" : "program")),
      );
      for (const line of lines) assert.match(line, /^(program|\[[A-Z]+ +steady \(\d+\)\] .+)$/);
    },
  );
}

inBothModes("W3: a full device takes no line, and that is all", async (context, mode) => {
  const cwd = folder(context);
  const fd = openSync("/dev/full", "w");
  const one = start(context, [...loud(mode), ...program(`${STORM};`)], { cwd, stdio: ["pipe", fd, fd] });
  closeSync(fd);
  await isReady(cwd);
  await forwards(one.pid, cwd, 3);
  await leavesNoZombies(one.pid);
  await endsAsAsked(one, cwd);
});

inBothModes("W5: without stdout and stderr the init is only silent", async (context, mode) => {
  const cwd = folder(context);
  const closed = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh"];
  const one = start(context, [...closed, ...loud(mode), ...program("")], { cwd });
  await isReady(cwd);
  await forwards(one.pid, cwd, 3);
  await endsAsAsked(one, cwd);
  assert.equal(one.all(), "");
});

test("a program's name cannot forge lines or colours", async (context) => {
  const name = "no\nsuch\r\x1b[31m\x7f[FATAL steady (1)] forged";
  const { stderr, status } = await run(context, [STEADY, name], { env: PLAIN_PATH });
  assert.equal(status, 127);
  assert.match(
    stderr,
    /^\[FATAL steady \(\d+\)\] exec no\?such\?\?\[31m\?\[FATAL.*: No such file or directory\n$/,
  );
});

test("a line that is too long is cut, and ends", async (context) => {
  const { stderr, status } = await run(context, [STEADY, `/${"x".repeat(3000)}`]);
  assert.equal(status, 126);
  assert.match(stderr, /^\[FATAL steady \(\d+\)\] exec \/x+\n$/);
  assert.equal(stderr.length, 1024);
});

inBothModes("the log and the program's lines do not mix in a pipe", async (context, mode) => {
  const cwd = folder(context);
  const { reader, writer } = pipe(context, cwd);
  const chatter = "i=0; while [ $i -lt 300 ]; do echo program-$i; i=$((i+1)); done & wait $!; exit 0";
  const one = start(context, [...loud(mode), "sh", "-c", `${STORM} & ${chatter}`], {
    cwd,
    stdio: ["pipe", writer, writer],
  });
  closeSync(writer);
  let text = "";
  await until("the end", () => {
    text += drain(reader);
    return one.end !== undefined;
  });
  text += drain(reader);
  closeSync(reader);
  for (const line of text.trimEnd().split("\n"))
    assert.match(line, /^(program-\d+|\[[A-Z]+ +steady \(\d+\)\] .+)$/);
  assert.equal(text.match(/^program-\d+$/gm)?.length, 300);
});

test("the reason of a failed exec is seen although it is the last that happens", async (context) => {
  const cwd = folder(context);
  writeFileSync(join(cwd, "data"), "no program");
  const { stderr, status } = await run(context, [STEADY, "./data"], { cwd });
  assert.equal(status, 126);
  assert.match(stderr, /exec \.\/data failed: Permission denied\n$/);
});
