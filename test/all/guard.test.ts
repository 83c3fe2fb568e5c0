// The same servers and the same bombs as in test/guard.test.ts, under Debian's tini: what a container is without a brake.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { asked, bombsIn, canHoldBombs, hold } from "../lib/bombs.ts";
import { needs } from "../lib/needs.ts";
import { until } from "../lib/process.ts";

const TINI = "/usr/bin/tini";
/** Longer than the guard takes. */
const TRIES = 10;

for (const [kind, answers] of [
  ["forks", "does not answer while a bomb of its child lives"],
  ["loops", "answers from its event loop while a bomb of its child lives"],
] as const) {
  test(`under tini a server that ${kind} ${answers}`, async (context) => {
    if (!canHoldBombs(context) || !needs(context, existsSync(TINI), "tini", "apt-get install tini")) return;
    const { folder, bombs } = bombsIn(context);
    const path = join(folder, "socket");
    const held = await hold(context, 200, [TINI, bombs, kind, path]);
    await until("it answers", () => existsSync(path) && asked(bombs, path));
    await until("it has taken the bomb", () => asked(bombs, path, "bomb leaves"));
    await until("the limit is met", () => held.current >= 200);
    const seen: boolean[] = [];
    for (let i = 0; i < TRIES; i++) {
      seen.push(asked(bombs, path) !== undefined);
      await sleep(500);
    }
    assert.deepEqual(new Set(seen), new Set([kind === "loops"]));
  });
}
