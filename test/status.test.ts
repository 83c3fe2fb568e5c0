// --status and --health on this kernel: containers with zombies, hostile names, programs without handlers and a pids limit,
// and what is said of them beside what happens to them.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { memoryOfLook } from "../tools/health-memory.ts";
import { BUDGET, fileBytesMax } from "../tools/size.ts";
import { needs } from "./lib/needs.ts";
import {
  asPid1,
  becomes,
  descendants,
  IS_ROOT,
  needsPidNamespace,
  needsRoot,
  type Run,
  run,
  STEADY,
  start,
  startFamily,
  statOf,
  statusOf,
  until,
} from "./lib/process.ts";

interface Status {
  readonly init: { readonly kind: string; readonly by: string; readonly name: string };
  readonly main_program: null | {
    readonly pid: number;
    readonly name: string;
    readonly command: string;
    readonly state: string;
    readonly stop: Readonly<Record<string, string>>;
    readonly ignored: readonly string[];
    readonly caught: readonly string[];
  };
  readonly processes: {
    readonly count: number;
    readonly started_per_second: number | null;
    readonly zombies: number;
    readonly zombie_parents: readonly {
      readonly name: string;
      readonly command: string;
      readonly zombies: number;
    }[];
  };
  readonly pids: {
    readonly current: number | null;
    readonly max: number | null;
    readonly limit_hits: number | null;
  };
  readonly not_set: readonly string[];
}

/** A container, and its PID 1 as it is called out here. */
async function container(context: TestContext, ...command: string[]): Promise<{ run: Run; first: number }> {
  const run = start(context, asPid1(command));
  const first = await until("the first process", () =>
    descendants(run.pid).find((pid) => statusOf(pid, "NSpid")?.split(/\s+/)[1] === "1"),
  );
  await until("its program", () => statOf(first)?.name !== "unshare");
  return { run, first };
}

/** Runs steady in the container, as docker exec does. */
function inside(first: number, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const user = IS_ROOT ? [] : ["--user", "--preserve-credentials"];
  const command = ["--target", `${first}`, ...user, "--pid", "--mount", "--wd=/", STEADY, ...args];
  return spawnSync("nsenter", command, { encoding: "latin1" });
}

const statusIn = (first: number): Status => JSON.parse(inside(first, "--json").stdout) as Status;

test("zombies are counted and the parent that does not wait for them is named", async (context) => {
  if (!needsPidNamespace(context)) return;
  const script = "sh -c 'for i in 1 2 3; do true & done; exec sleep 1000' & wait";
  const { first } = await container(context, STEADY, "--", "sh", "-c", script);
  await until("the zombies", () => statusIn(first).processes.zombies === 3);
  const { processes, main_program, init } = statusIn(first);
  assert.deepEqual([init.kind, init.by, init.name], ["steady", "file", "steady"]);
  assert.equal(main_program?.name, "sh");
  assert.equal(processes.count, 6);
  const [parent, ...others] = processes.zombie_parents;
  assert.deepEqual([parent?.name, parent?.command, parent?.zombies, others], ["sleep", "sleep", 3, []]);
  const health = inside(first, "--health", "--max-zombies", "2");
  assert.equal(health.status, 1);
  assert.match(health.stdout, /^unhealthy: 3 zombies .*, 3 of them children of "sleep" \(pid \d+\), .*\n$/);
  assert.deepEqual([inside(first, "--health").status, inside(first, "--max-zombies=3").status], [0, 0]);
});

test("a process may call itself what it likes, and every form says that and nothing else", async (context) => {
  if (!needsPidNamespace(context)) return;
  const script = `printf '"}\\n{"e":"\\033end' >/proc/$$/comm; true & exec 3</dev/null; while :; do read -r x <&3; sleep 1; done`;
  const { first } = await container(context, STEADY, "--", "sh", "-c", script);
  const name = '"}\n{"e":"\x1bend';
  await until("its name", () => statusIn(first).main_program?.name === name);
  const text = inside(first, "--status").stdout;
  assert.ok(text.includes('\nmain program   "\\"}\\x0a{\\"e\\":\\"\\x1bend" (pid 2, "sh"), '), text);
  const metrics = inside(first, "--openmetrics").stdout;
  assert.ok(
    metrics.includes('\nsteady_main_program_info{name="\\"}\\\\x0a{\\"e\\":\\"\\\\x1bend",command="sh"} 1\n'),
  );
  assert.equal(inside(first, "--health").stdout.split("\n").length, 2);
});

const HANDLERS = [
  ["", "ends", 143],
  ["trap 'exit 3' TERM;", "caught", 3],
  ["trap '' TERM;", "ignored", null],
] as const;

test("what is said of a stop is what a stop does", async (context) => {
  if (!needsPidNamespace(context)) return;
  for (const [trap, effect, status] of HANDLERS) {
    const script = `${trap} while :; do sleep 0.1; done`;
    const { run, first } = await container(context, STEADY, "--", "sh", "-c", script);
    await until(`what it does: ${effect}`, () => statusIn(first).main_program?.stop.SIGTERM === effect);
    process.kill(first, "SIGTERM");
    if (status !== null) {
      assert.equal((await run.ends()).status, status);
      continue;
    }
    // It was taken: a second signal, which comes after it, is.
    assert.deepEqual(statusIn(first).main_program?.ignored, ["SIGTERM"]);
    assert.equal(run.end, undefined);
  }
});

test("a program without a handler that is PID 1 itself does not hear of a stop", async (context) => {
  if (!needsPidNamespace(context)) return;
  // A shell blocks its signals while it forks.
  const { run, first } = await container(context, "sleep", "1000");
  const { init, main_program } = statusIn(first);
  assert.deepEqual([init.kind, main_program?.pid, main_program?.stop.SIGTERM], ["none", 1, "nothing"]);
  assert.match(inside(first, "--status").stdout, /^ +SIGTERM is lost: PID 1 has no handler/m);
  // As a process inside would: what comes from outside is taken as well, but for KILL and STOP (pid_namespaces(7)).
  const user = IS_ROOT ? [] : ["--user", "--preserve-credentials"];
  execFileSync("nsenter", [
    "--target",
    `${first}`,
    ...user,
    "--pid",
    "--mount",
    "--wd=/",
    "sh",
    "-c",
    "kill -TERM 1",
  ]);
  process.kill(first, "SIGTERM");
  assert.equal(statusIn(first).main_program?.pid, 1);
  assert.equal(run.end, undefined);
});

test("Node.js catches stops without a handler of the program, and that is said", async (context) => {
  if (!needsPidNamespace(context)) return;
  const { run, first } = await container(
    context,
    STEADY,
    "--",
    process.execPath,
    "-e",
    "setInterval(() => {}, 1000)",
  );
  await until("Node's own handlers", () => statusIn(first).main_program?.stop.SIGTERM === "caught");
  const text = inside(first, "--status").stdout;
  assert.match(text, /^ +Node\.js catches SIGINT and SIGTERM itself, with or without a handler of yours$/m);
  process.kill(first, "SIGTERM");
  assert.equal((await run.ends()).status, 143);
});

test("a look at the health of a container maps at most 64 kB, the pages of the file among them", async (context) => {
  if (!needsPidNamespace(context)) return;
  const { residentKb } = await memoryOfLook(STEADY, 3);
  // What native/steady.ld puts side by side goes by gcc's names on x86-64; of other files it may be all.
  const isLaidOut = fileBytesMax() === BUDGET.fileBytes;
  const most = isLaidOut ? 64 : statSync(STEADY).size / 1024 + 48;
  assert.ok(residentKb <= most, `${residentKb} kB`);
});

test("where something else lies on /proc nothing is told, and that is a failure", async (context) => {
  if (!needsRoot(context)) return;
  for (const option of ["--status", "--health"]) {
    const script = `mount -t tmpfs none /proc && exec ${STEADY} ${option}`;
    const { status, stdout, stderr } = spawnSync("unshare", ["--mount", "sh", "-c", script], {
      encoding: "utf8",
    });
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /Cannot read \/proc: No such file or directory/);
  }
});

test("what could not be written to the end is a failure", async (context) => {
  if (!needsPidNamespace(context)) return;
  for (const form of ["--status", "--json", "--openmetrics"]) {
    const script = `${STEADY} ${form} >/dev/full; echo $?; ${STEADY} ${form} >/dev/null; echo $?`;
    const { stdout } = await run(context, asPid1([STEADY, "--", "sh", "-c", script]));
    assert.equal(stdout, "1\n0\n");
  }
});

test("a main program that is stopped is not healthy", async (context) => {
  if (!needsPidNamespace(context)) return;
  const { first } = await container(context, STEADY, "--", "sleep", "1000");
  const program = await until("the program", () =>
    descendants(first).find((pid) => statOf(pid)?.name === "sleep"),
  );
  assert.equal(inside(first, "--health").status, 0);
  process.kill(program, "SIGSTOP");
  await becomes(program, "T");
  const { status, stdout } = inside(first, "--health");
  assert.deepEqual([status, stdout], [1, 'unhealthy: the main program "sleep" (pid 2) is stopped\n']);
});

test("processes that start and end at once are counted, though none of them is there", async (context) => {
  if (!needsPidNamespace(context)) return;
  const { first } = await container(context, STEADY, "--", "sh", "-c", "while :; do env true; done");
  await until("starts", () => (statusIn(first).processes.started_per_second ?? 0) > 10);
  const idle = await container(context, STEADY, "--", "sleep", "1000");
  assert.equal(statusIn(idle.first).processes.started_per_second, 0);
});

/** A cgroup with a pids limit of its own, v2 or v1. */
function pidsGroup(max: number): string | undefined {
  const root = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].find((each) =>
    existsSync(join(each, "cgroup.procs")),
  );
  if (root === undefined) return undefined;
  const folder = join(root, `steady-status-${process.pid}`);
  mkdirSync(folder);
  if (existsSync(join(folder, "pids.max"))) {
    writeFileSync(join(folder, "pids.max"), `${max}`);
    return folder;
  }
  rmdirSync(folder);
  return undefined;
}

function isRemoved(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

test("a pids limit, its use and what it refused are told, and near it nobody is healthy", async (context) => {
  if (!needsPidNamespace(context) || !needsRoot(context)) return;
  const group = pidsGroup(20);
  if (!needs(context, group !== undefined, "a pids cgroup", "run where /sys/fs/cgroup may be written to"))
    return;
  // The inner shell gives up where a process is refused, and what it has started stays.
  const bomb = "sh -c 'while :; do sleep 1000 & done'; exec sleep 1000";
  const enter = `echo $$ >${group}/cgroup.procs && exec "$@"`;
  const { run, endFamily } = startFamily([
    "sh",
    "-c",
    enter,
    "sh",
    ...asPid1([STEADY, "--", "sh", "-c", bomb]),
  ]);
  context.after(async () => {
    endFamily();
    await until("the group is empty", () => isRemoved(group as string));
  });
  const first = await until("the first process", () =>
    descendants(run.pid).find((pid) => statusOf(pid, "NSpid")?.split(/\s+/)[1] === "1"),
  );
  // We enter the namespace and not the group.
  await until("it is refused", () => (statusIn(first).pids.limit_hits ?? 0) > 0);
  const { pids, not_set } = statusIn(first);
  assert.equal(pids.max, 20);
  assert.ok((pids.current ?? 0) > 15, `${pids.current}`);
  assert.ok(!not_set.includes("--pids-limit"));
  const health = inside(first, "--health", "--max-pids", "50");
  assert.equal(health.status, 1);
  assert.match(health.stdout, /^unhealthy: \d+ of 20 pids are in use \(--max-pids 50\)\n$/);
});
