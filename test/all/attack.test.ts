// The whole matrix: every attack on steady, on Debian's tini, dumb-init and catatonit, and on no init. Who falls is written
// down, so that a change of an attack or of steady is seen.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { attack, type Played } from "../../lab/index.ts";
import { buildPlanted } from "../lib/build.ts";
import { needsPidNamespace, needsProgram, needsRoot, STEADY } from "../lib/process.ts";
import { needsSystemd, needsUnpacked } from "../lib/unpacked.ts";

/** Everything else survives, or is not about it. */
const FALLS: Readonly<Record<string, readonly string[]>> = {
  [STEADY]: ["T3", "T5"],
  tini: "W1 W2 W3 W4 W5 W6 W7 W8 W9 W10 W11 W12 W13 W14 W15 W16 W17 W18 W19 W21 W22 O12 O15 O16".split(" "),
  "dumb-init": "W1 W3 W4 W6 W7 W8 W11 W12 W13 W14 W18 D3 D4 D5 D6 D7 O5 O12 O15 O16".split(" "),
  catatonit: "W1 W2 W3 W4 W6 W7 W8 W9 W10 W11 W12 W13 W14 W16 W18 C1 C5 O5 O12 O15 O16".split(" "),
  bare: ["W12", "O1", "O4"],
};

for (const [init, falls] of Object.entries(FALLS)) {
  test(`${init === STEADY ? "steady" : init} falls where it is known to, and nowhere else`, async (context) => {
    if (!needsRoot(context) || !needsPidNamespace(context)) return;
    if (init !== "bare" && !needsProgram(context, init, `apt-get install ${init}`)) return;
    if (!needsProgram(context, "strace", "apt-get install strace")) return;
    const planted = init === STEADY ? { planted: buildPlanted() } : {};
    const { results } = await attack({ inits: [init], ...planted });
    const missed = results.find(({ attack: id, verdict }) => id === "T6" && verdict === "not applicable");
    assert.equal(missed === undefined, init === STEADY);
    assertFalls(results, falls);
  });
}

/** Of inits that are started behind an adapter; what is not about them is not listed. */
const ADAPTED = [
  {
    name: "s6",
    find: (context: TestContext) => needsUnpacked(context, "s6"),
    falls: "W1 W11 W14 W18 D1 D6",
    // Who forks first, its finish script or the bomb: of a bomb that a busy machine keeps slow it may win all five.
    mayFall: "O7",
    survives: "W2 W5 W9 W10 W15 D5 C1 O1 O2 O3 O4 O9 O13",
  },
  {
    name: "runit-init",
    find: (context: TestContext) => needsUnpacked(context, "runit-init"),
    falls: "W18 C1 O1",
    mayFall: "",
    survives: "W15 D5 O4",
  },
  {
    name: "systemd",
    find: needsSystemd,
    falls: "W18 D5 O1",
    mayFall: "",
    survives: "W2 W5 W12 W15 C1 O4",
  },
];

for (const { name, find, falls, mayFall, survives } of ADAPTED) {
  test(`${name}, which takes no program on its command line, falls where it is known to`, async (context) => {
    if (!needsRoot(context) || !needsPidNamespace(context)) return;
    const init = find(context);
    if (init === undefined) return;
    const before = limits();
    const { results: all } = await attack({ inits: [init] });
    const results = all.filter(({ attack: id, verdict }) => id !== mayFall || verdict === "could not test");
    assertFalls(results, falls.split(" "));
    assert.deepEqual(limits(), before, "it has raised limits of the machine");
    const survived = results.filter(({ verdict }) => verdict === "survived");
    assert.equal(survived.map(({ attack: id }) => id).join(" "), survives);
    for (const { verdict, evidence } of results)
      if (verdict === "not applicable") assert.match(evidence, /.{10,}/);
  });
}

/** What systemd raises where it may. */
function limits(): string[] {
  return ["net/unix/max_dgram_qlen", "fs/file-max", "fs/nr_open"].map((name) =>
    readFileSync(`/proc/sys/${name}`, "utf8"),
  );
}

function assertFalls(results: readonly Played[], falls: readonly string[]): void {
  assert.deepEqual(
    results.filter(({ verdict }) => verdict === "could not test"),
    [],
  );
  const fell = results.filter(({ verdict }) => verdict === "fell");
  const told = results.map(({ attack: id, verdict, evidence }) => `${id} ${verdict}: ${evidence}`).join("\n");
  assert.deepEqual(
    fell.map(({ attack: id }) => id),
    falls,
    told,
  );
}
