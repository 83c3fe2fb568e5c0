// The fuzzer on real inits: steady holds for a minute, and the others fall by what they are known for, and hold without it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { lineOf, planOf } from "../../lab/fuzz/plan.ts";
import { type Deed, fuzz } from "../../lab/index.ts";
import { needsPidNamespace, needsProgram, needsRoot, STEADY } from "../lib/process.ts";

const PLAIN = {
  place: "pid1",
  mode: "wait",
  group: false,
  verbosity: 0,
  stream: "pipe",
  otherUser: false,
  status: 3,
} as const;
const lineWith = (circumstances: object, ...deeds: Deed[]): string =>
  lineOf({
    ...planOf(0),
    circumstances: { ...PLAIN, ...circumstances },
    deeds: [...deeds, { do: "rest" }],
    ending: "term",
  });

test("steady holds for a minute", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const { failure, figures } = await fuzz({ init: STEADY, minutes: 1, seed: 100 });
  assert.equal(failure, undefined);
  assert.ok(figures.rounds > 5, JSON.stringify(figures));
});

test("tini loses a stop where nobody reads its log, and dumb-init one that it may not send", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  for (const [init, line] of [
    ["tini", lineWith({ verbosity: 3 }, { do: "stall" }, { do: "kill", signals: [10, 12] })],
    ["dumb-init", lineWith({ otherUser: true })],
  ] as const) {
    if (!needsProgram(context, init, `apt-get install ${init}`)) return;
    assert.equal((await fuzz({ init, play: line })).failure?.law, "everySignal");
    assert.equal((await fuzz({ init: STEADY, play: line })).failure, undefined);
  }
});

for (const init of ["tini", "dumb-init", "catatonit"])
  test(`${init} keeps its own promises`, async (context) => {
    if (!needsRoot(context) || !needsPidNamespace(context)) return;
    if (!needsProgram(context, init, `apt-get install ${init}`)) return;
    const without = ["verbose", "other-user", "stall", "leave"];
    const { failure } = await fuzz({ init, rounds: 5, without });
    assert.equal(failure, undefined, JSON.stringify(failure));
  });
