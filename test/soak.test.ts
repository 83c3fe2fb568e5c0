// Some rounds of the soak, which `npm run soak` plays for as long as one likes: random events on real containers, and
// what must hold is looked at from outside.

import assert from "node:assert/strict";
import { test } from "node:test";
import { noFigures } from "../lab/fuzz/round.ts";
import { needsPidNamespace, needsProgram } from "./lib/process.ts";
import { roundOf } from "./soak/round.ts";

/** Of all streams and both ways of reaping; a few seconds. */
const SEEDS = [1, 2, 5];
const SEEDS_OF_ALL = Array.from({ length: 25 }, (_, seed) => 1000 + seed);

for (const seed of process.env.STEADY_TEST_ALL === undefined ? SEEDS : [...SEEDS, ...SEEDS_OF_ALL]) {
  test(`round ${seed} of the soak breaks no promise`, async (context) => {
    if (!needsPidNamespace(context) || !needsProgram(context, "script", "apt-get install bsdutils")) return;
    const figures = noFigures();
    const round = roundOf(seed);
    await round.play(figures).catch((error: Error) => {
      throw new Error(
        `${error.message}\n${round.story.join("\n")}\nagain: npm run soak -- --seed ${seed} --rounds 1`,
      );
    });
    assert.ok(figures.sent > 0 && figures.arrived > 0, JSON.stringify(figures));
  });
}
