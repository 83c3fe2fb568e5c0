// Builds the puppet, the program that tests run under an init: made by the init's own toolchain over the init's own
// system calls. Every state of its sources has a folder of its own, so that test files may build it at the same time.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build, filesUnder, ROOT } from "../../tools/build.ts";

/** Answers the path of the puppet's ELF. */
export function buildPuppet(): string {
  return join(buildProgram("puppet", "test/puppet"), "puppet");
}

/** The player as an ELF, and as the module that the simulator plays. */
export function buildPlayer(): { elf: string; wasm: string } {
  const out = buildProgram("player", "test/fidelity/player");
  return { elf: join(out, "player"), wasm: join(out, "core.wasm") };
}

/** Answers the folder of the program made from the sources in `core`. */
function buildProgram(name: string, core: string): string {
  const out = join(ROOT, "build", name, sourcesDigest(core));
  if (existsSync(out)) return out;
  const fresh = `${out}.${process.pid}`;
  // Its own core.c comes before the init's in build/, which the compiler is told to look into, too.
  build({ core: join(ROOT, core), out: fresh, name });
  try {
    renameSync(fresh, out);
  } catch (error) {
    rmSync(fresh, { recursive: true });
    if (!existsSync(out)) throw error;
  }
  return out;
}

function sourcesDigest(core: string): string {
  const hash = createHash("sha256");
  for (const file of [core, "native", "texts", "tools"].flatMap(filesUnder))
    hash.update(readFileSync(join(ROOT, file)));
  for (const file of ["core/kernel.ts", "package-lock.json"]) hash.update(readFileSync(join(ROOT, file)));
  return hash.digest("hex").slice(0, 16);
}
