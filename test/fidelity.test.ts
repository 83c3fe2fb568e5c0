// The simulated Linux agrees with the real one: the same scripts of system calls, played natively in PID namespaces and
// simulated, leave the same traces. `npm run fidelity` plays more of them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { type TestContext, test } from "node:test";
import { ANSWERS } from "../simulator/answers.ts";
import { campaign, compareOne, HERE, makeScripts, shorten, withPlayers } from "./fidelity/campaign.ts";
import { differ } from "./fidelity/compare.ts";
import { AT_ONCE } from "./fidelity/corners.ts";
import { CALLS, parse, write } from "./fidelity/script.ts";
import { playSimulated } from "./fidelity/simulated.ts";
import { tellDifference, tellGaps } from "./fidelity/told.ts";
import { needsPidNamespace, needsProgram, needsRoot } from "./lib/process.ts";

const SCRIPTS = 500;
const SEED = 1;

/** What util-linux and its bsdutils bring. */
function canPlay(context: TestContext): boolean {
  if (!needsRoot(context) || !needsPidNamespace(context)) return false;
  return ["script", "setpriv", "taskset"].every((tool) =>
    needsProgram(context, tool, "apt-get install util-linux bsdutils"),
  );
}

test("500 scripts do the same on this kernel and on the simulated one", async (context) => {
  if (!canPlay(context)) return;
  const { differences, tally } = await campaign(SCRIPTS, SEED);
  assert.deepEqual(
    differences.map((difference) => tellDifference(difference, release())),
    [],
  );
  assert.equal(tellGaps(tally), "");
});

test("a simulated kernel that is older than this one is found out, and the difference is told", async (context) => {
  if (!canPlay(context)) return;
  const older = { ...HERE, age: { ...HERE.age, pidfdOpen: false } };
  const script = parse("plain: 0 getpid 0; 0 pidfd_open 0 1");
  const difference = await withPlayers(1, ([player]) => compareOne(script, player as never, older));
  assert.ok(difference !== undefined);
  assert.match(
    tellDifference(difference, "6"),
    /0 pidfd_open 10 +0 pidfd_open -38[\s\S]*again: npm run fidelity -- --play 'plain: 0 getpid 0; 0 pidfd_open 0 1'/,
  );
});

/** What native has from outside and hands over asks no kernel. */
const HANDED_OVER = [
  "copy",
  "code_of",
  "replace_argument",
  "remove_variable",
  "add_variable",
  "inherited_mask",
  "number_of",
  "keep",
  "recall",
];

test("the player makes every call that the core can make, and each has its errnos", () => {
  const source = readFileSync(new URL("../core/kernel.ts", import.meta.url), "utf8");
  const declared = [...source.matchAll(/^export declare function (\w+)/gm)].map(([, name = ""]) => name);
  const calls = declared.filter((name) => !HANDED_OVER.includes(name)).sort();
  assert.deepEqual([...CALLS].sort(), calls);
  assert.deepEqual(Object.keys(ANSWERS).sort(), calls);
});

test("where the kernel leaves an order open, each that the simulated one draws is right, and no other is", () => {
  const script = parse(AT_ONCE);
  const orders = Array.from({ length: 40 }, (_, seed) => playSimulated(script, HERE, seed));
  const first = { script, simulated: orders[0] ?? [] };
  const other = orders.find((order) => JSON.stringify(order) !== JSON.stringify(first.simulated));
  assert.ok(other !== undefined);
  assert.equal(differ(first, first.simulated, HERE), 0);
  assert.ok(Number(differ(first, other, HERE)) > 0);
  const backwards = other.map((moment) => ({ ...moment, processes: moment.processes.toReversed() }));
  assert.equal(typeof differ(first, backwards, HERE), "object");
});

test("a script as text is the same script", () => {
  for (const { script } of makeScripts(50, SEED, HERE)) assert.deepEqual(parse(write(script)), script);
});

test("a difference is shortened to the steps that matter", async (context) => {
  if (!canPlay(context)) return;
  const older = { ...HERE, age: { ...HERE.age, exitInfo: false } };
  const long =
    "plain: 0 getpid 0; 0 clone 1 1; 1 setpgid 1 0 0; 0 pipe2 0; 0 kill 0 2 9; 0 getppid 0; 0 wait4 0 -1 1; 0 pidfd_get_info 0 10 8; 0 getpid 0";
  await withPlayers(1, async ([player]) => {
    assert.ok(player !== undefined);
    const difference = await compareOne(parse(long), player, older);
    assert.ok(difference !== undefined);
    const { script } = await shorten(difference, player, older);
    assert.equal(write(script), "plain: 0 clone 1 1; 0 kill 0 2 9; 0 wait4 0 -1 1; 0 pidfd_get_info 0 10 8");
  });
});
