// A round of the soak: the lab's fuzzer (lab/fuzz) on the init that ships, with the puppet as its program, which is made by the
// init's own toolchain over its own system calls.

import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import type { Cast } from "../../lab/fuzz/container.ts";
import { CONTRACTS } from "../../lab/fuzz/contract.ts";
import { planOf } from "../../lab/fuzz/plan.ts";
import { Round } from "../../lab/fuzz/round.ts";
import { STEADY } from "../lib/process.ts";
import { buildPuppet } from "../lib/puppet.ts";

const PATIENCE_MS = 60_000;
const CAST: Cast = {
  init: { name: "steady", kind: "steady", path: STEADY },
  contract: CONTRACTS.steady,
  player: (folder) => {
    const path = join(folder, "puppet");
    copyFileSync(buildPuppet(), path);
    chmodSync(path, 0o755);
    return [path];
  },
};

export function roundOf(seed: number): Round {
  return new Round(planOf(seed), CAST, PATIENCE_MS);
}
