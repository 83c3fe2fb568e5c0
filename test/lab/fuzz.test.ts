// The fuzzer: that it finds what was put there to be found, makes it small, plays it again, and leaves nothing.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { CONTRACTS, LAWS } from "../../lab/fuzz/contract.ts";
import { fairPlan, lineOf, PARTS, planIn, planOf } from "../../lab/fuzz/plan.ts";
import { shrink } from "../../lab/fuzz/shrink.ts";
import { type FuzzReport, fuzz, type Plan, UsageError } from "../../lab/index.ts";
import { fuzzSchemaText } from "../../lab/schema/fuzz.ts";
import { needsPidNamespace, needsRoot, STEADY, until } from "../lib/process.ts";
import { BIN } from "./engine.ts";

const folder = mkdtempSync(join(tmpdir(), "steady-fuzz-test-"));
after(() => rmSync(folder, { recursive: true }));
const SEEDS = Array.from({ length: 50 }, (_, seed) => seed);

/** An init that reaps, waits for its program, ends as that does, and passes on SIGTERM alone. */
function deafInit(): string {
  const path = join(folder, "deaf");
  const text = `#!/usr/bin/perl
use Config;
shift;
my $program = fork;
exec @ARGV if !$program;
for (split ' ', $Config{sig_name}) { $SIG{$_} = 'IGNORE' if !/^(ZERO|KILL|STOP|CHLD|CLD)$/ }
$SIG{TERM} = sub { kill 15, $program };
while (1) { exit($? & 127 ? 128 + ($? & 127) : $? >> 8) if waitpid(-1, 0) == $program }
`;
  writeFileSync(path, text, { mode: 0o755 });
  return path;
}

const SCHEMA = readFileSync(new URL("../../lab/schema/fuzz.schema.json", import.meta.url), "utf8");
const followsSchema = new Ajv2020().compile(JSON.parse(SCHEMA));

test("the schema of --json is the one that npm run lab:build writes", () => {
  assert.ok(SCHEMA === fuzzSchemaText(), "run it again");
});

const lab = (...args: string[]) => spawnSync(process.execPath, [BIN, "fuzz", ...args], { encoding: "utf8" });

test("a seed is always the same plan, and a line plays the plan that it is printed of", () => {
  for (const seed of SEEDS) {
    assert.deepEqual(planOf(seed), planOf(seed));
    assert.deepEqual(planIn(lineOf(planOf(seed))), planOf(seed));
  }
  assert.notDeepEqual(planOf(1), planOf(2));
});

test("an init gets no option that it does not have, and no signal that means something else to it", () => {
  const plans = (kind: keyof typeof CONTRACTS): Plan[] =>
    SEEDS.map((seed) => fairPlan(planOf(seed), CONTRACTS[kind], []));
  assert.ok(plans("steady").some(({ circumstances }) => circumstances.place === "subreaper"));
  for (const { circumstances } of plans("dumb-init")) {
    assert.deepEqual([circumstances.place, circumstances.group], ["pid1", false]);
  }
  const sent = (plan: Plan): number[] =>
    plan.deeds.flatMap((deed) =>
      deed.do === "kill" ? deed.signals : deed.do === "queue" ? [deed.signal] : [],
    );
  assert.ok(plans("dumb-init").every((plan) => !sent(plan).some((signal) => [20, 21, 22].includes(signal))));
  const inside = plans("tini").filter(({ circumstances }) => circumstances.place === "subreaper");
  assert.ok(inside.length > 0 && inside.every((plan) => !sent(plan).includes(6)));
  assert.ok(plans("catatonit").every(({ circumstances }) => !circumstances.otherUser));
});

test("what is left out does not happen", () => {
  for (const seed of SEEDS) {
    const { circumstances, deeds, ending } = fairPlan(planOf(seed), CONTRACTS.steady, PARTS);
    assert.deepEqual(
      deeds.map((deed) => deed.do).filter((name) => name !== "rest"),
      [],
    );
    const { place, group, verbosity, stream, otherUser } = circumstances;
    assert.deepEqual([place, group, verbosity, otherUser], ["pid1", false, 0, false]);
    assert.ok(stream !== "terminal" && ending !== "hang-up");
  }
});

test("a plan is shrunk to the one signal that breaks it, in plain circumstances", async () => {
  const guilty = (plan: Plan): boolean =>
    plan.deeds.some((deed) => deed.do === "kill" && deed.signals.includes(10));
  for (const plan of SEEDS.map(planOf).filter(guilty)) {
    const smallest = await shrink(
      plan,
      async (candidate) => guilty(candidate),
      () => false,
    );
    const { status } = plan.circumstances;
    assert.deepEqual(smallest, {
      circumstances: {
        place: "pid1",
        mode: "wait",
        group: false,
        verbosity: 0,
        stream: "pipe",
        otherUser: false,
        status,
      },
      deeds: [{ do: "kill", signals: [10] }, { do: "rest" }],
      ending: "term",
    });
  }
});

test("an init that keeps signals to itself falls, by few events, and by their line again", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const deaf = deafInit();
  const { status, stdout, stderr } = lab(deaf, "--rounds", "1", "--shrink", "8", "--json");
  assert.equal(status, 1, stderr);
  assert.ok(followsSchema(JSON.parse(stdout)), JSON.stringify(followsSchema.errors));
  assert.ok(!followsSchema({ ...JSON.parse(stdout), laws: ["nonesuch"] }));
  const { failure } = JSON.parse(stdout) as FuzzReport;
  assert.ok(failure !== undefined);
  assert.deepEqual([failure.law, failure.again, failure.seed], ["everySignal", 3, 0]);
  assert.ok(failure.plan.deeds.length < failure.deeds / 2, failure.line);
  const told: string[] = [];
  const onProgress = ({ now }: { now: string }) => told.push(now);
  const again = await fuzz({ init: deaf, play: failure.line, onProgress });
  assert.match(told[0] ?? "", /^the line that was given, \d+ deeds$/);
  assert.deepEqual([again.exitStatus, again.failure?.law], [1, "everySignal"]);
  // The same events are nothing to an init that passes them on, and nothing where nobody counts.
  assert.equal((await fuzz({ init: STEADY, play: failure.line })).exitStatus, 0);
  // Nothing that takes its time is silent, the last look at the fewest events neither.
  await fuzz({ init: deaf, rounds: 1, shrink: 1, onProgress });
  assert.match(told.at(-1) ?? "", /the fewest events once more/);
  const uncounted = await fuzz({ init: deaf, play: failure.line, laws: ["outlives", "reapsAll"] });
  assert.equal(uncounted.exitStatus, 0);
});

test("steady holds, and PID 1 without an init falls by its zombies", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const held = await fuzz({ init: STEADY, rounds: 2, seed: 3 });
  assert.equal(held.exitStatus, 0, JSON.stringify(held.failure));
  assert.ok(held.figures.rounds === 2 && held.figures.arrived > 100, JSON.stringify(held.figures));
  const plan: Plan = { ...planOf(0), deeds: [{ do: "orphans", count: 3 }, { do: "rest" }], ending: "term" };
  const bare = await fuzz({ init: "bare", play: lineOf(fairPlan(plan, CONTRACTS.bare, [])) });
  assert.equal(bare.failure?.law, "reapsAll");
  assert.match(bare.failure.seen, /^3 zombies are left/);
});

test("where the program does not start nothing is broken, and the status is 2", (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const path = join(folder, "broken");
  writeFileSync(path, "#!/bin/sh\necho no >&2\nexit 1\n", { mode: 0o755 });
  const { status, stderr } = lab(path, "--rounds", "1");
  assert.equal(status, 2, stderr);
  assert.match(stderr, /the program did not start under .*broken: no/);
});

test("wrong usage is told, with 64", async () => {
  const { status, stderr } = lab();
  assert.equal(status, 64, stderr);
  assert.match(stderr, /name an init/);
  for (const [options, words] of [
    [{ init: "/nothing/init" }, /cannot be executed/],
    [{ init: "bare", laws: ["goodness"] }, /there is no law goodness/],
    [{ init: "bare", without: ["rain"] }, /there is no part rain/],
    [{ init: "bare", play: "{}" }, /no line that fuzz has printed/],
  ] as const)
    await assert.rejects(
      fuzz(options),
      (error: Error) => error instanceof UsageError && words.test(error.message),
    );
  assert.match(lab("bare", "--minutes", "x").stderr, /--minutes: expected a number/);
});

test("docs/fuzz.md names every law and every part that can be left out", () => {
  const text = readFileSync(fileURLToPath(new URL("../../docs/fuzz.md", import.meta.url)), "utf8");
  const rows = [...text.matchAll(/^\| `(\w+)` \| (.+?) \|/gm)].map(([, law, promise]) => [law, promise]);
  assert.deepEqual(rows, Object.entries(LAWS));
  for (const part of PARTS) assert.ok(text.includes(`\`${part}\``), part);
});

for (const signal of ["SIGINT", "SIGKILL"] as const)
  test(`${signal} to the lab leaves no process, and Ctrl-C no file and no group either`, async (context) => {
    if (!needsRoot(context) || !needsPidNamespace(context)) return;
    const init = join(folder, `steady-${signal}`);
    copyFileSync(STEADY, init);
    const temporary = mkdtempSync(join(folder, "tmp-"));
    const child = spawn(process.execPath, [BIN, "fuzz", init], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: "ignore",
    });
    const status = new Promise((ended) => child.once("exit", (code) => ended(code)));
    await until("an init and its program", () => alive(init).length > 0);
    child.kill(signal);
    await status;
    await until("its end", () => alive(init).length === 0);
    const groups = ["/sys/fs/cgroup", "/sys/fs/cgroup/pids"].flatMap((root) =>
      existsSync(root)
        ? readdirSync(root)
            .filter((name) => name.startsWith(`steady-fuzz-${child.pid}-`))
            .map((name) => join(root, name))
        : [],
    );
    if (signal === "SIGINT") {
      assert.equal(await status, 130);
      assert.deepEqual([readdirSync(temporary), groups], [[], []]);
      return;
    }
    for (const group of groups) {
      await until("nobody in the group", () => readFileSync(join(group, "cgroup.procs"), "latin1") === "");
      await until("the group's end", () => spawnSync("rmdir", [group]).status === 0);
    }
  });

/** The processes of this program. */
function alive(path: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/exe`) === path;
    } catch {
      return false;
    }
  });
}
