// Plays every scenario of test/scenarios on this kernel: as PID 1 and as a subreaper, with the kernel reaping and with
// the init reaping.

import assert from "node:assert/strict";
import { after, describe, type TestContext, test } from "node:test";
import { needs } from "./lib/needs.ts";
import { needsKernelReaping, needsPidNamespace, needsRoot } from "./lib/process.ts";
import {
  isKernelAtLeast,
  matches,
  readScenarios,
  type Scenario,
  Stage,
  type Variant,
  variantName,
} from "./lib/scenarios.ts";

const stage = new Stage();
after(() => stage.remove());

for (const [title, scenarios] of readScenarios()) {
  describe(title, { concurrency: 2 }, () => {
    for (const scenario of scenarios) {
      for (const variant of scenario.variants) {
        test(`${scenario.name} (${variantName(variant)})`, (t) => check(t, scenario, variant));
      }
    }
  });
}

async function check(t: TestContext, scenario: Scenario, variant: Variant): Promise<void> {
  if (!needsPidNamespace(t) || (scenario.root && !needsRoot(t))) return;
  if (variant.mode === "kernel" && !needsKernelReaping(t)) return;
  const { kernel } = scenario;
  if (!needs(t, isKernelAtLeast(kernel), `Linux ${kernel}`, "run the tests on a newer kernel")) return;
  const { output, ended } = await stage.play(scenario.script, variant);
  if (!matches(output, scenario.output)) assert.equal(output, scenario.output);
  assert.equal(ended, "status 0");
}
