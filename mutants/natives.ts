// The last stage of the hunt: a mutant that nothing else told apart becomes a binary, by the steps that make the one that
// ships, and plays every scenario on the kernel of this machine, as PID 1 and as a subreaper.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  isKernelAtLeast,
  matches,
  readScenarios,
  type Scenario,
  Stage,
  type Variant,
  variantName,
} from "../test/lib/scenarios.ts";
import { buildOfCore } from "../tools/build.ts";
import type { Catch } from "./hunt.ts";

interface Scene {
  readonly scenario: Scenario;
  readonly variant: Variant;
}

/** What takes longer hangs; nothing that a scenario waits for takes a second. */
const PLAY_MS_MAX = 10_000;

/** Every scenario in each of its variants that this machine can play, by root. */
function scenesHere(): Scene[] {
  return [...readScenarios().values()]
    .flat()
    .filter(({ kernel }) => isKernelAtLeast(kernel))
    .flatMap((scenario) => scenario.variants.map((variant) => ({ scenario, variant })));
}

export class Natives {
  readonly #folder = mkdtempSync(join(tmpdir(), "steady-natives-"));
  readonly #core: Uint8Array;
  readonly #scenes: readonly Scene[];
  #original: Stage | undefined;
  #built = 0;

  /** `core` is the module that the mutants are of; `scenes` may be some of them, by the scenario's name. */
  constructor(core: Uint8Array, only: (name: string) => boolean = () => true) {
    this.#core = core;
    this.#scenes = scenesHere().filter(({ scenario }) => only(scenario.name));
  }

  /** The first scenario that a mutant fails, or null. */
  async hunt(mutant: Uint8Array): Promise<Catch | null> {
    const started = performance.now();
    const stage = this.#stage(mutant);
    try {
      for (const scene of this.#scenes) {
        if (!(await this.#tells(stage, scene))) continue;
        const who = `${scene.scenario.name} (${variantName(scene.variant)})`;
        return { by: "scenario", who, ms: Math.round(performance.now() - started) };
      }
      return null;
    } finally {
      stage.remove();
    }
  }

  remove(): void {
    this.#original?.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A busy machine lets a scenario fail, too: only what fails on the mutant twice, and not on the core, tells. */
  async #tells(stage: Stage, scene: Scene): Promise<boolean> {
    for (let times = 0; times < 2; times++) if (await passes(stage, scene)) return false;
    this.#original ??= this.#stage(this.#core);
    return await passes(this.#original, scene);
  }

  #stage(core: Uint8Array): Stage {
    const out = join(this.#folder, `${++this.#built}`);
    const stage = new Stage(buildOfCore(core, { out, name: "steady" }));
    rmSync(out, { recursive: true });
    return stage;
  }
}

async function passes(stage: Stage, { scenario, variant }: Scene): Promise<boolean> {
  const { output, ended } = await stage.play(scenario.script, variant, PLAY_MS_MAX);
  return ended === "status 0" && matches(output, scenario.output);
}
