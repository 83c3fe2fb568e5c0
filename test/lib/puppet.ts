// Builds the puppet, the program that tests run under an init: made by the init's own toolchain over the init's own
// system calls. Every state of its sources has a folder of its own, so that test files may build it at the same time.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build, ROOT } from "../../tools/build.ts";

const CORE = join(ROOT, "test/puppet");
const NAME = "puppet";

/** Answers the path of the ELF. */
export function buildPuppet(): string {
  const out = join(ROOT, "build/puppet", sourcesDigest());
  if (existsSync(out)) return join(out, NAME);
  const fresh = `${out}.${process.pid}`;
  // Its own core.c comes before the init's in build/, which the compiler is told to look into, too.
  build({ core: CORE, out: fresh, name: NAME });
  try {
    renameSync(fresh, out);
  } catch (error) {
    rmSync(fresh, { recursive: true });
    if (!existsSync(out)) throw error;
  }
  return join(out, NAME);
}

function sourcesDigest(): string {
  const hash = createHash("sha256");
  for (const folder of ["test/puppet", "native", "tools"]) {
    for (const name of readdirSync(join(ROOT, folder)).sort())
      hash.update(readFileSync(join(ROOT, folder, name)));
  }
  for (const file of ["core/kernel.ts", "package-lock.json"]) hash.update(readFileSync(join(ROOT, file)));
  return hash.digest("hex").slice(0, 16);
}
