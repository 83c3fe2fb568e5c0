// The laws are needed and work: for each there is a planted bug that breaks it first. Some are played here, all of them
// in test/all/bugs.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LAWS } from "../simulator/laws.ts";
import { firstBroken } from "./bugs/find.ts";
import { BUGS } from "./bugs/table.ts";

/** Every how manieth is played on every run. */
const STEP = 6;

test("every law has a name of its own and a planted bug, and every bug is for a law", () => {
  const names = LAWS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(BUGS.map(({ law }) => law).sort(), [...names].sort());
});

for (const bug of BUGS.filter((_, index) => index % STEP === 0)) {
  test(`a planted bug breaks ${bug.law} first`, async () => {
    assert.equal(await firstBroken(bug), bug.law);
  });
}
