// --guard and --on-fork-bomb on this kernel: bombs of many shapes that a server's child starts, in a container with a pids limit,
// and programs that take most of the limit and are none.

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { asked, bombsIn, canHoldBombs, type Held, hold } from "./lib/bombs.ts";
import { eventsAmong } from "./lib/events.ts";
import { becomes, needsPidNamespace, run, STEADY, sleepsOf, statOf, until } from "./lib/process.ts";

interface Server {
  readonly held: Held;
  ask(what?: string): string | undefined;
  /** Why it ended, as --report has it. */
  reason(): unknown;
}

/** A server that starts a process for every answer, under steady with these options. */
async function server(
  context: TestContext,
  max: number,
  options: readonly string[],
  kind = "forks",
): Promise<Server> {
  const { folder, bombs } = bombsIn(context);
  const path = join(folder, "socket");
  const told = ["--events", "json", "--report", join(folder, "report")];
  const held = await hold(context, max, [STEADY, ...told, ...options, "--", bombs, kind, path]);
  await until("it answers", () => existsSync(path) && asked(bombs, path));
  const reason = (): unknown => JSON.parse(readFileSync(join(folder, "report"), "utf8")).reason;
  return { held, ask: (what) => asked(bombs, path, what), reason };
}

/** What is told of it, each line held against the schema. */
const toldBy = ({ run }: Held): unknown[] => eventsAmong(run.stderr).map(({ event }) => event);

/** Waits until it has looked: what runs now is known to have run before. */
async function looks({ first }: Held): Promise<void> {
  const before = sleepsOf(first);
  await until("it has looked", () => sleepsOf(first) >= before + 2);
}

const KILL = ["--guard", "90%", "--on-fork-bomb", "kill"];

/** The shapes, and how large the container is. */
const BOMBS: readonly (readonly [string, string, number])[] = [
  ["of forks", "bomb forks", 512],
  ["of sessions", "bomb sessions", 200],
  ["of orphans that call themselves something else each", "bomb orphans", 200],
  ["of execs", "bomb execs", 200],
  ["of threads", "bomb threads", 200],
  ["whose root does all the forks", "bomb leaves", 200],
  ["of zombies", "bomb zombies", 200],
  ["that grows slowly", "bomb slow", 200],
  ["of a shell", "sh :(){ :|:& };:", 200],
];

for (const [name, what, max] of BOMBS) {
  test(`a server answers again after a fork bomb ${name} that its child started`, async (context) => {
    if (!canHoldBombs(context)) return;
    const { held, ask } = await server(context, max, KILL);
    const before = await until("what runs before", () => held.named("before"));
    const main = ask();
    assert.ok(main !== undefined);
    await looks(held);
    await until("it has taken the bomb", () => ask(what));
    await until("it is braked", () => / processes of a fork bomb are killed, /.test(held.run.stderr));
    // A bomb may come back before all of it is gone.
    await until("nothing of it is left", () => held.current <= 8 && ask() === main);
    assert.equal(held.named("before"), before);
    assert.equal(held.run.end, undefined);
    process.kill(held.first, "SIGTERM");
    assert.equal((await held.run.ends()).status, 143, held.run.all());
    const told = toldBy(held);
    assert.ok(told.includes("pids_pressure") && told.includes("fork_bomb_killed"), told.join());
  });
}

test("with log a bomb is told of, and nobody is touched", async (context) => {
  if (!canHoldBombs(context)) return;
  const { held, ask } = await server(context, 100, ["--guard", "80"]);
  await until("it has taken the bomb", () => ask("bomb leaves"));
  await held.run.says(/--guard: \d+ processes and threads, \d+ more in a second\n/);
  await held.run.says(/Most of what began lately are children of process \d+ \(exe\)\n/);
  await held.run.says(/Most of what began lately is called exe\n/);
  assert.doesNotMatch(held.run.stderr, /killed|stopped/);
  assert.ok(held.current > 80);
  const told = toldBy(held);
  for (const event of ["pids_pressure", "pids_parent", "pids_command"])
    assert.ok(told.includes(event), event);
});

test("a zombie flood is told of with the parent that does not wait", async (context) => {
  if (!canHoldBombs(context)) return;
  const { held, ask } = await server(context, 100, ["--guard", "80%"]);
  await until("it has taken the bomb", () => ask("bomb zombies"));
  await held.run.says(/Most zombies are children of process \d+ \(exe\)\n/);
  assert.ok(toldBy(held).includes("pids_zombies"));
});

test("with stop all is stopped but the init, and goes on when it is continued", async (context) => {
  if (!canHoldBombs(context)) return;
  const { held, ask } = await server(context, 100, ["--guard", "80%", "--on-fork-bomb", "stop"]);
  await until("it has taken the bomb", () => ask("bomb forks"));
  await held.run.says("Every process is stopped (--on-fork-bomb stop)\n");
  const states = () => new Set(held.members.map((pid) => statOf(pid)?.state));
  await until("nobody runs", () => [...states()].every((state) => state === "T" || state === "Z"));
  assert.ok(held.members.length > 50);
  await becomes(held.first, "S");
  const [main = 0] = held.members;
  process.kill(main, "SIGCONT");
  await until("it goes on", () => statOf(main)?.state !== "T");
  assert.ok(toldBy(held).includes("fork_bomb_stopped"));
});

test("with end the container ends with status 123", async (context) => {
  if (!canHoldBombs(context)) return;
  const { held, ask, reason } = await server(context, 100, ["--guard", "80%", "--on-fork-bomb", "end"]);
  await until("it has taken the bomb", () => ask("bomb forks"));
  assert.deepEqual(await held.run.ends(), { status: 123, signal: null });
  assert.match(held.run.stderr, /Every process is killed \(--on-fork-bomb end\)\n/);
  assert.ok(toldBy(held).includes("fork_bomb_ends"));
  assert.equal(reason(), "fork_bomb");
});

test("what was stopped before a brake is stopped after it", async (context) => {
  if (!canHoldBombs(context)) return;
  const { held, ask } = await server(context, 200, KILL);
  const before = await until("what runs before", () => held.named("before"));
  process.kill(before, "SIGSTOP");
  await becomes(before, "T");
  await looks(held);
  await until("it has taken the bomb", () => ask("bomb forks"));
  await until("it is braked", () => / processes of a fork bomb are killed, /.test(held.run.stderr));
  await until("it answers again", () => held.current <= 8 && ask());
  assert.equal(statOf(before)?.state, "T");
  process.kill(before, "SIGCONT");
  await becomes(before, "S");
});

test("the smallest limit counts: that of the user too", async (context) => {
  if (!canHoldBombs(context)) return;
  const { bombs } = bombsIn(context);
  const options = ["--user", "4242:4242", "--limit-nproc", "60", ...KILL];
  const held = await hold(context, 300, [STEADY, ...options, "--", bombs, "bomb", "leaves"]);
  await held.run.says(/--guard: \d+ processes and threads/);
  const [, count = ""] = /--guard: (\d+) processes and threads/.exec(held.run.stderr) ?? [];
  assert.ok(Number(count) >= 54 && Number(count) < 70, count);
});

test("RLIMIT_NPROC does not hold for root, and is no limit then", async (context) => {
  if (!canHoldBombs(context)) return;
  // Forty is more than nine tenths of the one, and less than that of the other.
  const many = "for (1 .. 40) { fork or do { sleep 1 while 1 } } print qq(many\n); sleep 1 while 1";
  const around = ["prlimit", "--nproc=30:30", "--"];
  const held = await hold(context, 300, [...around, STEADY, ...KILL, "--", "perl", "-e", `$| = 1; ${many}`]);
  await held.run.says("many\n");
  await looks(held);
  assert.ok(held.current > 40, `${held.current}`);
  assert.equal(held.run.stderr, "");
});

test("without a pids limit that is said, and there is nothing to take a part of", async (context) => {
  if (!needsPidNamespace(context)) return;
  const unlimited = /--guard: without a pids limit a fork bomb can take the host along /;
  const part = await run(context, [STEADY, "--guard", "90%", "true"]);
  assert.equal(part.status, 125, part.stderr);
  assert.match(part.stderr, unlimited);
  const number = await run(context, [STEADY, "--guard", "400", "true"]);
  assert.equal(number.status, 0, number.stderr);
  assert.match(number.stderr, unlimited);
});

test("whoever is not PID 1 only tells", async (context) => {
  for (const what of ["stop", "kill", "end"]) {
    const { status, stderr } = await run(context, [STEADY, "--guard", "400", "--on-fork-bomb", what, "true"]);
    assert.equal(status, 1);
    assert.match(stderr, /--on-fork-bomb needs --guard, and an init that is PID 1\n$/);
  }
});

test("far below the threshold it looks once in two seconds at most, above half of it ten times a second", async (context) => {
  if (!canHoldBombs(context)) return;
  const calm = await hold(context, 100, [STEADY, "--guard", "90%", "--", "sleep", "1000"]);
  const busy = await hold(context, 100, [STEADY, "--guard", "4", "--", "sleep", "1000"]);
  await until("they sleep", () => calm.named("sleep") !== undefined && busy.named("sleep") !== undefined);
  const sleeps = () => [calm, busy].map(({ first }) => sleepsOf(first));
  const [calmBefore = 0, busyBefore = 0] = sleeps();
  const begin = Date.now();
  await until("it has looked", () => (sleeps()[0] ?? 0) >= calmBefore + 2);
  const [calmAfter = 0, busyAfter = 0] = sleeps();
  const seconds = (Date.now() - begin) / 1000;
  assert.ok(calmAfter - calmBefore <= seconds / 2 + 1, `${calmAfter - calmBefore} in ${seconds} s`);
  assert.ok(busyAfter - busyBefore > seconds, `${busyAfter - busyBefore} in ${seconds} s`);
  assert.ok(busyAfter - busyBefore <= seconds * 10 + 1, `${busyAfter - busyBefore} in ${seconds} s`);
});

// Who is no bomb: 90 of 100, and the guard from 95 on. GUARD_TIMES=50 plays it so often.

const LIMIT = 100;
const TIMES = Number(process.env.GUARD_TIMES ?? 2);

/** Each takes so many processes, which wait until the gate is there, and prints "whole" when all of them were. What xargs is to replace is in no path. */
const INNOCENTS: Readonly<Record<string, (bombs: string, gate: string) => string>> = {
  "a parallel build": (bombs, gate) =>
    `seq 86 | xargs -P 86 -I {} sh -c 'exec ${bombs} wait ${gate}' && echo whole`,
  "a test runner": (bombs, gate) =>
    `all=; for i in $(seq 87); do ${bombs} wait ${gate} & all="$all $!"; done; for i in $all; do wait $i || exit 1; done; echo whole`,
  "a shell pipeline": (bombs, gate) =>
    `line="echo who"; for i in $(seq 85); do line="$line | cat"; done; eval "(${bombs} wait ${gate}; $line) | sed s/who/whole/"`,
  "a pre-forking server": (bombs, gate) =>
    `${bombs} loops ${gate}.socket 85 & ${bombs} wait ${gate}; ${bombs} ask ${gate}.socket ping && kill $! && echo whole`,
};

for (const [name, script] of Object.entries(INNOCENTS)) {
  test(`${name} that takes 90 of 100 processes runs to its end`, async (context) => {
    if (!canHoldBombs(context)) return;
    const { folder, bombs } = bombsIn(context);
    for (let time = 0; time < TIMES; time++) {
      const gate = join(folder, `gate${time}`);
      const options = ["--guard", "95%", "--on-fork-bomb", "kill"];
      const held = await hold(context, LIMIT, [STEADY, ...options, "sh", "-c", script(bombs, gate)]);
      if (name === "a shell pipeline") writeFileSync(gate, "");
      else {
        await until(
          () => `90 processes, not ${held.current}`,
          () => held.current >= 90,
        );
        // The guard looks ten times a second.
        await looks(held);
        writeFileSync(gate, "");
      }
      assert.deepEqual(await held.run.ends(), { status: 0, signal: null }, held.run.all());
      assert.match(held.run.stdout, /whole\n$/);
      assert.doesNotMatch(held.run.stderr, /--guard:/);
    }
  });
}
