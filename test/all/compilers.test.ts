// The other compiler: what clang makes of the same sources is hardened alike, and plays every scenario as PID 1. All other
// tests on it: npm run test:clang.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { architectureOf } from "../../tools/architectures.ts";
import { build, ROOT } from "../../tools/build.ts";
import { readElf } from "../lib/elf.ts";
import { assertHardened } from "../lib/hardened.ts";
import { needsKernelReaping, needsPidNamespace, needsProgram, needsRoot } from "../lib/process.ts";
import { matches, readScenarios, Stage } from "../lib/scenarios.ts";

const COMPILER = "clang";
const MS_MAX = 120_000;
let init: string;
let stage: Stage | undefined;

before(() => {
  init = build({
    core: join(ROOT, "core"),
    out: join(ROOT, "build/clang"),
    name: "steady",
    compiler: COMPILER,
  });
  stage = new Stage(init);
});
after(() => stage?.remove());

test("clang makes another file of the same wasm and the same C, hardened alike", (context) => {
  if (!needsProgram(context, COMPILER, `apt-get install ${COMPILER}`)) return;
  const beside = (name: string): Buffer => readFileSync(join(ROOT, "build/clang", name));
  assert.ok(beside("core.wasm").equals(readFileSync(join(ROOT, "dist/core.wasm"))));
  assert.ok(beside("core.c").equals(readFileSync(join(ROOT, "build/core.c"))));
  assert.ok(!beside("steady").equals(readFileSync(join(ROOT, "dist/steady"))));
  assertHardened(readElf(init), architectureOf(COMPILER));
});

describe("what clang made", { concurrency: 2 }, () => {
  for (const scenario of [...readScenarios().values()].flat()) {
    for (const variant of scenario.variants.filter(({ place }) => place === "pid1")) {
      test(`${scenario.name} (--reap ${variant.mode})`, async (t) => {
        if (!needsPidNamespace(t) || (scenario.root && !needsRoot(t)) || stage === undefined) return;
        if (variant.mode === "kernel" && !needsKernelReaping(t)) return;
        const { output, ended } = await stage.play(scenario.script, variant, MS_MAX);
        if (!matches(output, scenario.output)) assert.equal(output, scenario.output);
        assert.equal(ended, "status 0");
      });
    }
  }
});
