// Every planted bug breaks its law, and that before any other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { firstBroken } from "../bugs/find.ts";
import { BUGS } from "../bugs/table.ts";

for (const bug of BUGS) {
  test(`a planted bug breaks ${bug.law} first`, async () => {
    assert.equal(await firstBroken(bug), bug.law);
  });
}
