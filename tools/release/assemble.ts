// Puts together what is released from what was built: everything but the signatures. The rule: the result depends on the
// commit and the toolchain alone.

import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ARCHITECTURES } from "../architectures.ts";
import { gzip, take, tar } from "./archives.ts";
import { writeDebianPackages } from "./debian.ts";
import { type Facts, sourceArchive } from "./facts.ts";
import { writeImage } from "./image.ts";
import { compileLab, packLab } from "./package.ts";
import { provenanceOf } from "./provenance.ts";
import { sbomOf } from "./sbom.ts";
import {
  ADD_LINES,
  addLines,
  DIGESTS,
  digestsJson,
  LONG_SUMS,
  PROVENANCE,
  programName,
  SBOM,
  SUMS,
  sha256,
  sha512,
  sumsOf,
} from "./sums.ts";
import type { DebianPackage } from "./toolchain.ts";

/** What the C compiler reads, which no C compiler has a say in. */
const GENERATED = ["core.c", "core.h", "texts.h"] as const;
/** What goes with the programs into the archive. */
const DOCUMENTS = ["LICENSE", "NOTICE", "README.md", "CHANGELOG.md", "SECURITY.md"] as const;

/** Fills an empty folder from a tree in which every architecture was built. */
export function assemble(tree: string, facts: Facts, debian: readonly DebianPackage[], out: string): void {
  const work = mkdtempSync(join(tmpdir(), "steady-assemble-"));
  try {
    const put = (name: string, content: string): void => {
      writeFileSync(join(out, name), content, { mode: 0o644 });
    };
    for (const { name } of ARCHITECTURES)
      take(join(tree, "dist", name, "steady"), join(out, programName(name)), 0o755);
    take(join(tree, "dist/core.wasm"), join(out, "core.wasm"), 0o644);
    for (const name of GENERATED) take(join(tree, "build", name), join(out, name), 0o644);
    archivePrograms(tree, facts, work, out);
    archiveSources(facts, out);
    const program = (name: string): string => join(tree, "dist", name, "steady");
    const image = writeImage(facts, program, work, join(out, `steady-${facts.version}-oci.tar`));
    compileLab(tree);
    packLab(tree, facts, work, out);
    writeDebianPackages(tree, facts, work, out);
    put(SBOM, sbomOf(out, facts, debian));
    put(ADD_LINES, addLines(out, facts));
    put(DIGESTS, digestsJson(out, facts, image));
    put(PROVENANCE, provenanceOf(out, facts, debian, GENERATED));
    put(LONG_SUMS, sumsOf(out, sha512, [LONG_SUMS, SUMS]));
    put(SUMS, sumsOf(out, sha256, [SUMS]));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Every program with the list of its system calls, and what a reader needs. */
function archivePrograms(tree: string, facts: Facts, work: string, out: string): void {
  const name = `steady-${facts.version}`;
  for (const { name: architecture } of ARCHITECTURES) {
    const [from, to] = [join(tree, "dist", architecture), join(work, name, architecture)];
    take(join(from, "steady"), join(to, "steady"), 0o755);
    take(join(from, "system-calls"), join(to, "system-calls"), 0o644);
  }
  take(join(tree, "dist/core.wasm"), join(work, name, "core.wasm"), 0o644);
  for (const document of DOCUMENTS) take(join(tree, document), join(work, name, document), 0o644);
  cpSync(join(tree, "docs"), join(work, name, "docs"), { recursive: true });
  tar(work, [name], facts.epochSeconds, join(out, `${name}.tar`));
  gzip(join(out, `${name}.tar`));
}

function archiveSources({ version, commit }: Facts, out: string): void {
  const path = join(out, `steady-${version}-source.tar`);
  sourceArchive(commit, `steady-${version}`, path);
  gzip(path);
}
