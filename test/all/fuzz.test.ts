// The fuzzer on real inits: steady holds, and the others fall by what they are known for, and hold without it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { lineOf, planOf } from "../../lab/fuzz/plan.ts";
import { fuzz } from "../../lab/index.ts";
import { needsPidNamespace, needsProgram, needsRoot, STEADY } from "../lib/process.ts";

test("steady holds for a while", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const { failure, figures } = await fuzz({ init: STEADY, rounds: 12, seed: 100 });
  assert.equal(failure, undefined);
  assert.ok(figures.rounds === 12, JSON.stringify(figures));
});

test("dumb-init loses a stop that it may not send, and steady does not", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  if (!needsProgram(context, "dumb-init", "apt-get install dumb-init")) return;
  const line = lineOf({
    ...planOf(0),
    circumstances: {
      place: "pid1",
      mode: "wait",
      group: false,
      verbosity: 0,
      stream: "pipe",
      otherUser: true,
      status: 3,
    },
    deeds: [{ do: "rest" }],
    ending: "term",
  });
  assert.equal((await fuzz({ init: "dumb-init", play: line })).failure?.law, "everySignal");
  assert.equal((await fuzz({ init: STEADY, play: line })).failure, undefined);
});

for (const init of ["tini", "dumb-init", "catatonit"])
  test(`${init} keeps its own promises`, async (context) => {
    if (!needsRoot(context) || !needsPidNamespace(context)) return;
    if (!needsProgram(context, init, `apt-get install ${init}`)) return;
    const without = ["verbose", "other-user", "stall", "leave"];
    const { failure } = await fuzz({ init, rounds: 2, without });
    assert.equal(failure, undefined, JSON.stringify(failure));
  });
