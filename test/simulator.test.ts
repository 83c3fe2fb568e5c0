// The core that ships, played under the simulated Linux: no life breaks a law.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ACTION_NAMES, PLANNERS } from "../simulator/actors.ts";
import { Campaign, livesOf, merge, type Plan, type Result } from "../simulator/campaign.ts";
import { Judge, readLife, story } from "../simulator/judge.ts";
import { decodeScript, drawScript, encodeScript } from "../simulator/script.ts";

const LIVES = 14_000;
const LIVES_WITH_FAULTS = 6000;
const SHORTEST = 10;

const PLAN: Plan = {
  lives: LIVES,
  seed: 0,
  faults: 0,
  only: "",
  exhaustive: false,
  traps: false,
  shard: 1,
  shards: 1,
  branches: false,
};

/** Fails with the story of the first life that broke a law. */
function refuse({ broken }: Result): void {
  const [first] = broken;
  if (first === undefined) return;
  const judge = new Judge();
  assert.fail(`${broken.length} lives broke a law\n${story(judge, judge.play(readLife(first.life)))}`);
}

test(`${LIVES} lives in which nothing fails break no law`, async () => {
  refuse(await new Campaign(PLAN).run());
});

test(`${LIVES_WITH_FAULTS} lives in which calls fail and the core traps break no law`, async () => {
  refuse(await new Campaign({ ...PLAN, lives: LIVES_WITH_FAULTS, seed: 1_000_000, faults: 30 }).run());
});

test(`every call of the ${SHORTEST} shortest lives fails once in each way, and traps once, and no law breaks`, async () => {
  refuse(await new Campaign({ ...PLAN, lives: SHORTEST, exhaustive: true }).run());
});

test("lives that once broke a law break none", () => {
  const judge = new Judge();
  const lines = readFileSync(new URL("seeds.txt", import.meta.url), "utf8").split("\n");
  const lives = lines.filter((line) => line !== "" && !line.startsWith("#"));
  assert.ok(lives.length > 0);
  assert.deepEqual(
    lives.filter((life) => !life.startsWith("{")),
    [],
    "a seed stands for another life as soon as lives are drawn in another way: write out what --replay is given",
  );
  for (const life of lives) {
    const outcome = judge.play(readLife(life));
    if (outcome.broken !== null) assert.fail(story(judge, outcome));
  }
});

test("the same seed is the same life, told in the same words", () => {
  const judge = new Judge();
  const script = drawScript(7, PLANNERS, 20);
  assert.deepEqual(judge.play(script, true), judge.play(script, true));
});

test("a life written in a line is the same life", () => {
  for (let seed = 0; seed < 200; seed++) {
    const script = drawScript(seed, PLANNERS, seed % 3);
    assert.deepEqual(decodeScript(encodeScript(script), ACTION_NAMES), script);
  }
});

test("a line that is no life is refused with a reason", () => {
  const refused = (line: string, reason: RegExp) => assert.throws(() => readLife(line), reason);
  refused("{", /one line of JSON/);
  refused('{"seed":1,"colour":2}', /no circumstance is called colour/);
  refused('{"seed":1,"verbose":"2"}', /verbose is a number/);
  refused('{"seed":-1}', /seed is a number from 0/);
  refused('{"seed":1,"events":["5 nobody.acts"]}', /nobody does "nobody.acts"/);
  refused('{"seed":1,"faults":["5:QUICK"]}', /a fault is/);
});

test("shards cover every life exactly once", () => {
  for (const [lives, shards] of [
    [100, 7],
    [7, 100],
    [1, 1],
  ] as const) {
    const all = Array.from({ length: shards }, (_, i) => [
      ...livesOf({ lives, shard: i + 1, shards }),
    ]).flat();
    assert.deepEqual(
      all.sort((a, b) => a - b),
      Array.from({ length: lives }, (_, life) => life),
    );
  }
});

test("results of shards add up to the result of the whole, and none is counted twice", async () => {
  const plan = { ...PLAN, lives: 60, faults: 10 };
  const whole = await new Campaign(plan).run(1);
  const parts = await Promise.all(
    [1, 2, 3].map((shard) => new Campaign({ ...plan, shard, shards: 3 }).run(1)),
  );
  const sum = merge(parts, (message) => new Error(message));
  assert.deepEqual([sum.lives, sum.calls, sum.events], [whole.lives, whole.calls, whole.events]);
  assert.throws(
    () => merge([parts[0] as Result, parts[0] as Result], (message) => new Error(message)),
    /same lives/,
  );
});

test("the Kubernetes Job plays every life of its campaign exactly once", () => {
  const job = JSON.parse(readFileSync(new URL("../docs/campaign.json", import.meta.url), "utf8"));
  assert.deepEqual([job.apiVersion, job.kind, job.spec.completionMode], ["batch/v1", "Job", "Indexed"]);
  const { completions } = job.spec;
  const [, , line] = job.spec.template.spec.containers[0].command;
  const lines = Array.from({ length: completions }, (_, index) => {
    const shell = spawnSync("sh", ["-c", `npm() { echo "$*"; }; ${line}`], {
      env: { ...process.env, JOB_COMPLETION_INDEX: String(index) },
      encoding: "utf8",
    });
    return shell.stdout.trim();
  });
  const shards = lines.map((text) =>
    /^run simulate -- .*--shard (\d+)\/(\d+) /.exec(text)?.slice(1).map(Number),
  );
  assert.ok(shards.every((shard) => shard?.[1] === completions));
  assert.deepEqual(
    shards.map((shard) => shard?.[0]),
    Array.from({ length: completions }, (_, index) => index + 1),
  );
  assert.equal(new Set(lines.map((text) => /--json (\S+)/.exec(text)?.[1])).size, completions);
});

test("npm run simulate refuses what it does not know with a sentence and status 1", () => {
  const refused = (args: readonly string[], sentence: RegExp): void => {
    const { status, stderr } = spawnSync(process.execPath, ["tools/simulate.ts", ...args], {
      encoding: "utf8",
    });
    assert.equal(status, 1);
    assert.match(stderr, sentence);
  };
  refused(["--lives", "many"], /--lives: expected a number from 0, not "many"/);
  refused(["--shard", "3/2"], /--shard: expected I\/N with I from 1 to N/);
  refused(["--only", "nobody"], /--only: expected an actor/);
  refused(["--quick"], /Unknown option '--quick'/);
  refused(["--replay", "{"], /--replay: a life is one line of JSON/);
  refused(["--merge", "/nowhere"], /\/nowhere is no result/);
});
