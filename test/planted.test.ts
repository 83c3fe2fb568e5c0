// A build of the core that fails where it is told to, and the programs that live through it: on a trap the core is
// started again, and whatever happens the container ends with the program's own status.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { before, type TestContext, test } from "node:test";
import { buildPlanted } from "./lib/build.ts";
import { asPid1, needsKernelReaping, needsPidNamespace } from "./lib/process.ts";
import { buildPuppet } from "./lib/puppet.ts";

const KINDS = {
  "a failed assertion": { letter: "a", said: "a failed assertion" },
  "a wild write": { letter: "w", said: "memory access out of bounds" },
  "a write far away": { letter: "f", said: "memory access out of bounds" },
  "a wild address in a system call": { letter: "c", said: "memory access out of bounds" },
  "a division by zero": { letter: "d", said: "a division by zero" },
} as const;
type Kind = keyof typeof KINDS;
const ALL_KINDS = Object.keys(KINDS) as Kind[];

/** How often the core fails at a place, in all: at `start: 1, signal: 2` once at the start and once over a signal. */
type Plan = Partial<Record<(typeof PLACES)[number], number>>;
const PLACES = ["child", "start", "signal", "end", "before"] as const;
const FOR_EVER = 9;

interface World {
  readonly init: "PID 1" | "subreaper";
  readonly reap: "wait" | "kernel";
}
const WORLDS: readonly World[] = [
  { init: "PID 1", reap: "wait" },
  { init: "PID 1", reap: "kernel" },
  { init: "subreaper", reap: "wait" },
  { init: "subreaper", reap: "kernel" },
];

interface Ended {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

const TIMEOUT_MS = 30_000;
let elf: string;

before(() => {
  elf = buildPlanted();
});

/** Runs a shell script as the program of an init that fails as planned. */
function run(world: World, kind: Kind, plan: Plan, script: string, options: readonly string[] = []): Ended {
  return runCommand(world, kind, plan, initOf(world, script, options));
}

function initOf(world: World, script: string, options: readonly string[] = []): string[] {
  return [elf, "--reap", world.reap, ...options, "--", "sh", "-c", script];
}

function runCommand(world: World, kind: Kind, plan: Plan, command: readonly string[]): Ended {
  const digits = PLACES.map((place) => plan[place] ?? 0).join("");
  const [file = "", ...args] = world.init === "PID 1" ? asPid1(command) : command;
  const { status, stdout, stderr } = spawnSync(file, args, {
    env: { ...process.env, STEADY_PLANT: KINDS[kind].letter + digits },
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  return { status, output: stdout, errors: stderr };
}

/** One test in each world that this machine has; `check` gets every kind of failure. */
function everywhere(name: string, kinds: readonly Kind[], check: (world: World, kind: Kind) => void): void {
  for (const world of WORLDS) {
    test(`${name} (${world.init}, --reap ${world.reap})`, (context) => {
      if (!isPossible(context, world)) return;
      for (const kind of kinds) check(world, kind);
    });
  }
}

function isPossible(context: TestContext, { init, reap }: World): boolean {
  if (init === "PID 1" && !needsPidNamespace(context)) return false;
  return reap === "wait" || needsKernelReaping(context);
}

const restarts = ({ errors }: Ended, kind: Kind): number =>
  errors.split(`The core was started again: ${KINDS[kind].said} (`).length - 1;

/** The program waits for its signal; if none comes, the time limit of the test ends it. */
const LATER = "while :; do sleep 0.02; done";
/** The program gets its signal from the init, which gets it from the program; then it ends with 7. */
const ASKS_FOR_SIGNAL = `trap 'exit 7' USR1; kill -USR1 $PPID; ${LATER}`;
/** It makes an orphan and ends with 9 once that was reaped: a zombie still takes the signal 0. */
const LEAVES_ORPHAN =
  "orphan=$( (sh -c 'echo $$' &) ); while kill -0 $orphan 2>&-; do sleep 0.02; done; exit 9";
/** It ends with 9 once the init has no zombie left. */
const AWAITS_NO_ZOMBIE =
  'while cat /proc/[0-9]*/stat 2>&- | grep -q ") Z $PPID "; do sleep 0.02; done; exit 9';

everywhere(
  "a trap in the child before exec ends the child with 125, and the init tells",
  ALL_KINDS,
  (world, kind) => {
    const ended = run(world, kind, { child: 1 }, "echo never", ["-v"]);
    assert.equal(ended.status, 125);
    assert.match(ended.output, /Main child exited normally \(with status '125'\)/);
    assert.doesNotMatch(ended.output, /^never$/m);
    assert.equal(restarts(ended, kind), 0);
  },
);

everywhere(
  "a trap before the program exists ends with 120, and nothing was started",
  ALL_KINDS,
  (world, kind) => {
    const ended = run(world, kind, { before: 1 }, "echo never");
    assert.equal(ended.status, 120);
    assert.equal(ended.output, "");
  },
);

everywhere(
  "a trap during start starts the core again, and the program gets its signal",
  ALL_KINDS,
  (world, kind) => {
    const ended = run(world, kind, { start: 1 }, ASKS_FOR_SIGNAL);
    assert.deepEqual([ended.status, restarts(ended, kind)], [7, 1], ended.errors);
  },
);

everywhere("a signal that the core trapped over once still reaches the program", ALL_KINDS, (world, kind) => {
  const ended = run(world, kind, { signal: 1 }, ASKS_FOR_SIGNAL);
  assert.deepEqual([ended.status, restarts(ended, kind)], [7, 1], ended.errors);
  assert.doesNotMatch(ended.errors, /dropped/);
});

everywhere("a trap at the end leaves the program's own status", ALL_KINDS, (world, kind) => {
  for (const [script, status] of [
    ["exit 7", 7],
    ["exit 0", 0],
    ["exit 255", 255],
    ["kill -KILL $$", 137],
  ] as const) {
    const ended = run(world, kind, { end: 1 }, script);
    assert.deepEqual([ended.status, restarts(ended, kind)], [status, 1], ended.errors);
  }
});

const ONE: readonly Kind[] = ["a failed assertion"];

everywhere(
  "a signal that the core trapped over twice is dropped, said, and later ones arrive",
  ONE,
  (world, kind) => {
    // Of two signals that wait the kernel hands out the lower number first: 10 is dropped, 12 arrives.
    const script = `trap 'echo wrong' USR1; trap 'exit 7' USR2; kill -USR1 $PPID; kill -USR2 $PPID; ${LATER}`;
    const ended = run(world, kind, { signal: 2 }, script);
    assert.deepEqual([ended.status, restarts(ended, kind)], [7, 2], ended.errors);
    assert.match(ended.errors, /Signal 10 was dropped: the core failed twice over it/);
    assert.doesNotMatch(ended.output, /wrong/);
  },
);

everywhere(
  "four traps within a second leave the last resort, which forwards and ends with the status",
  ONE,
  (world, kind) => {
    for (const start of [4, FOR_EVER]) {
      const ended = run(world, kind, { start }, ASKS_FOR_SIGNAL);
      // It says nothing itself: three restarts were told.
      assert.deepEqual([ended.status, restarts(ended, kind)], [7, 3], ended.errors);
    }
  },
);

everywhere("the last resort reaps orphans", ONE, (world, kind) => {
  const ended = run(world, kind, { start: FOR_EVER }, LEAVES_ORPHAN);
  assert.deepEqual([ended.status, restarts(ended, kind)], [9, 3], ended.errors);
});

everywhere("the last resort reaps what was a zombie before the init began", ONE, (world, kind) => {
  const command = [buildPuppet(), "zombies", "5", ...initOf(world, AWAITS_NO_ZOMBIE)];
  const ended = runCommand(world, kind, { start: FOR_EVER }, command);
  assert.deepEqual([ended.status, restarts(ended, kind)], [9, 3], ended.errors);
});

everywhere("the last resort knows a status that was known before it", ONE, (world, kind) => {
  for (const [script, status] of [
    ["exit 7", 7],
    ["kill -TERM $$", 143],
  ] as const) {
    const ended = run(world, kind, { end: FOR_EVER }, script);
    assert.deepEqual([ended.status, restarts(ended, kind)], [status, 3], ended.errors);
  }
});

everywhere(
  "a core that traps over every signal ends with the program's status all the same",
  ONE,
  (world, kind) => {
    const script = "trap '' USR1 USR2; kill -USR1 $PPID; kill -USR2 $PPID; sleep 0.1; exit 7";
    assert.equal(run(world, kind, { signal: FOR_EVER }, script).status, 7);
  },
);

everywhere(
  "a signal that the fourth trap is the first over still reaches the program",
  ONE,
  (world, kind) => {
    const ended = run(world, kind, { start: 3, signal: 4 }, ASKS_FOR_SIGNAL);
    assert.equal(ended.status, 7, ended.errors);
  },
);

everywhere("orphans are reaped after a restart as before", ONE, (world, kind) => {
  const ended = run(world, kind, { start: 1 }, LEAVES_ORPHAN);
  assert.deepEqual([ended.status, restarts(ended, kind)], [9, 1], ended.errors);
});

everywhere(
  "the options hold after a restart: the group, the status that is turned into 0, the log",
  ONE,
  (world, kind) => {
    const inGroup = `trap : USR1; sh -c 'trap "exit 7" USR1; kill -USR1 $1; ${LATER}' sh $PPID; exit $?`;
    const ended = run(world, kind, { start: 1, signal: 2 }, inGroup, ["-g", "-e", "7", "-v"]);
    assert.deepEqual([ended.status, restarts(ended, kind)], [0, 2], ended.errors);
    assert.match(ended.output, /Main child exited normally \(with status '7'\)/);
  },
);

everywhere("W22: the status of a failed exec is told apart after a restart too", ONE, (world, kind) => {
  const ended = run(world, kind, { start: 1 }, "exit 127", ["-e", "127"]);
  assert.equal(ended.status, 0);
  const missing = run(world, kind, { start: 1, end: 2 }, "", ["-e", "127", "--", "/nonexistent"]);
  assert.deepEqual([missing.status, restarts(missing, kind)], [127, 2], missing.errors);
});
