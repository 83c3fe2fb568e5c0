// The npm package steady-lab: the lab as JavaScript with declarations, since Node runs no TypeScript under node_modules,
// and the programs of all architectures. The rule: nothing runs when it is installed, and nothing in it stands between
// whoever calls steady and the program.

import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ARCHITECTURES } from "../architectures.ts";
import { run } from "../run.ts";
import { gzip, take, tar } from "./archives.ts";
import type { Facts } from "./facts.ts";
import { sha256 } from "./sums.ts";

/** Besides the files that its package.json names; npm takes the first three along by itself. */
const DOCUMENTS = {
  "package.json": "lab/package.json",
  "README.md": "lab/README.md",
  LICENSE: "LICENSE",
} as const;

/** Fills lab/dist in a tree in which every architecture was built. */
export function compileLab(tree: string): void {
  const dist = join(tree, "lab/dist");
  rmSync(dist, { recursive: true, force: true });
  run(process.execPath, [join(tree, "node_modules/typescript/bin/tsc"), "-p", join(tree, "lab")]);
  chmodSync(join(dist, "bin.js"), 0o755);
  // The program that bench measures with is made where it is used.
  take(join(tree, "lab/bench/gauge.c"), join(dist, "bench/gauge.c"), 0o644);
  const sums = ARCHITECTURES.map(({ name }) => {
    const from = join(tree, "dist", name, "steady");
    take(from, join(dist, "programs", name, "steady"), 0o755);
    return `${sha256(readFileSync(from))}  ${name}/steady\n`;
  });
  writeFileSync(join(dist, "programs/SHA256SUMS"), sums.join(""));
}

/** The tarball as `npm publish FILE` takes it, made of lab/dist: what lies in it is below package/, as npm has it. */
export function packLab(tree: string, facts: Facts, work: string, out: string): void {
  const { private: _, ...manifest } = JSON.parse(readFileSync(join(tree, "lab/package.json"), "utf8")) as {
    private: boolean;
    files: string[];
  };
  const root = join(work, "package");
  for (const [to, from] of Object.entries(DOCUMENTS)) take(join(tree, from), join(root, to), 0o644);
  writeFileSync(join(root, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  for (const path of manifest.files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    run("cp", ["-R", join(tree, "lab", path), join(root, path)]);
  }
  const archive = join(out, `steady-lab-${facts.version}.tar`);
  tar(work, ["package"], facts.epochSeconds, archive);
  run("mv", [gzip(archive), join(out, `steady-lab-${facts.version}.tgz`)]);
}
