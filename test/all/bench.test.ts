// A whole bench of steady beside Debian's inits: every measure comes to its end on all of them, and says what follows from how
// they are built, whatever machine this is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MEASURES } from "../../lab/bench/measures.ts";
import { lacksRoom } from "../../lab/bench/room.ts";
import { bench } from "../../lab/index.ts";
import { needsPidNamespace, needsProgram, STEADY } from "../lib/process.ts";

const PEERS = ["tini", "dumb-init", "catatonit"];

test("every measure is taken of steady, tini, dumb-init and catatonit, and static ones map no library", async (context) => {
  if (!needsPidNamespace(context) || !needsProgram(context, "cc", "apt-get install gcc libc6-dev")) return;
  for (const peer of PEERS) if (!needsProgram(context, peer, `apt-get install ${peer}`)) return;
  const { measurements, exitStatus } = await bench({ inits: [STEADY, ...PEERS], runs: 1 });
  const failed = measurements.flatMap(({ notMeasured }) =>
    notMeasured.filter(({ target }) => target !== undefined),
  );
  assert.deepEqual([failed, exitStatus], [[], 0]);
  assert.deepEqual(
    measurements.map(({ name }) => name),
    MEASURES.map(({ name }) => name),
  );
  for (const { name, figures, notMeasured } of measurements) {
    // A small machine has no room for the largest, and says so.
    if (figures.length === 0) assert.ok(notMeasured.length > 0 && lacksRoom(10_001) !== undefined, name);
    for (const { limit, results } of figures)
      assert.deepEqual(
        results.map(({ target }) => target),
        [...(limit === undefined ? [] : ["bare"]), STEADY, ...PEERS],
      );
  }
  const idle = (figure: string): Record<string, number> => {
    const found = measurements[0]?.figures.find(({ name }) => name === figure);
    return Object.fromEntries(found?.results.map(({ target, median }) => [target, median]) ?? []);
  };
  const libraries = idle("libraries");
  assert.deepEqual([libraries[STEADY], libraries.catatonit], [0, 0]);
  assert.ok(Number(libraries.tini) > 0 && Number(libraries["dumb-init"]) > 0);
  const own = idle("private");
  for (const peer of PEERS) assert.ok(Number(own[STEADY]) < Number(own[peer]), JSON.stringify(own));
  // tini looks around once a second.
  const wakeUps = idle("wakeups");
  assert.ok(Number(wakeUps.tini) > Number(wakeUps[STEADY]), JSON.stringify(wakeUps));
});
