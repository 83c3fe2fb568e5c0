// The whole matrix: every attack on steady, on Debian's tini, dumb-init and catatonit, and on no init. Who falls is written
// down, so that a change of an attack or of steady is seen.

import assert from "node:assert/strict";
import { test } from "node:test";
import { attack } from "../../lab/index.ts";
import { buildPlanted } from "../lib/build.ts";
import { needsPidNamespace, needsProgram, needsRoot, STEADY } from "../lib/process.ts";

/** Everything else survives, or is not about it. */
const FALLS: Readonly<Record<string, readonly string[]>> = {
  [STEADY]: ["T3", "T5"],
  tini: "W1 W2 W3 W4 W5 W7 W8 W9 W10 W11 W12 W13 W14 W15 W16 W17 W18 W19 W22 O12".split(" "),
  "dumb-init": "W1 W3 W4 W7 W8 W11 W12 W13 W14 W18 D3 D5 D6 D7 O5 O12".split(" "),
  catatonit: "W1 W2 W3 W4 W7 W8 W9 W10 W11 W12 W13 W14 W16 W18 C1 O5 O12".split(" "),
  bare: ["W12", "O1", "O4"],
};

for (const [init, falls] of Object.entries(FALLS)) {
  test(`${init === STEADY ? "steady" : init} falls where it is known to, and nowhere else`, async (context) => {
    if (!needsRoot(context) || !needsPidNamespace(context)) return;
    if (init !== "bare" && !needsProgram(context, init, `apt-get install ${init}`)) return;
    if (!needsProgram(context, "strace", "apt-get install strace")) return;
    const planted = init === STEADY ? { planted: buildPlanted() } : {};
    const { results } = await attack({ inits: [init], ...planted });
    const untested = results.filter(({ verdict }) => verdict === "could not test");
    assert.deepEqual(untested, []);
    const missed = results.find(({ attack: id, verdict }) => id === "T6" && verdict === "not applicable");
    assert.equal(missed === undefined, init === STEADY);
    const fell = results.filter(({ verdict }) => verdict === "fell");
    const told = results
      .map(({ attack: id, verdict, evidence }) => `${id} ${verdict}: ${evidence}`)
      .join("\n");
    assert.deepEqual(
      fell.map(({ attack: id }) => id),
      falls,
      told,
    );
  });
}
