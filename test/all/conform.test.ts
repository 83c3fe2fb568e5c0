// The whole matrix: every row of steady, of Debian's tini, dumb-init and catatonit, and of no init, as docs/conform.md shows
// it. So a change of steady, of a peer's package or of a probe is seen.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { matrixText } from "../../lab/conform/matrix.ts";
import { type ConformReport, conform } from "../../lab/index.ts";
import { needsPidNamespace, needsProgram, needsRoot } from "../lib/process.ts";
import { needsSystemd, needsUnpacked } from "../lib/unpacked.ts";

const PEERS = ["tini", "dumb-init", "catatonit"];
const DOCUMENT = new URL("../../docs/conform.md", import.meta.url);

test("the matrix in docs/conform.md is what comes out", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  if (!PEERS.every((peer) => needsProgram(context, peer, `apt-get install ${peer}`))) return;
  await assertShows(() => conform({ inits: ["steady", ...PEERS, "bare"] }), / +steady +tini [^`]*/);
});

test("and so is the one of s6, runit-init and systemd", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const inits = [needsUnpacked(context, "s6"), needsUnpacked(context, "runit-init"), needsSystemd(context)];
  const found = inits.filter((each) => each !== undefined);
  if (found.length < inits.length) return;
  const names = new Map(found.map((path, i) => [path, ["s6", "runit-init", "systemd"][i] ?? ""]));
  const nameOf = (path: string): string => names.get(path) ?? path;
  const named = async () => {
    const report = await conform({ inits: found });
    return {
      ...report,
      inits: report.inits.map((init) => ({ ...init, name: nameOf(init.name) })),
      cells: report.cells.map((cell) => ({ ...cell, init: nameOf(cell.init) })),
    };
  };
  await assertShows(named, / +s6 +runit-init [^`]*/);
});

/** What a busy machine has spoiled is probed once more: what is wrong twice is no accident. */
async function assertShows(probed: () => Promise<ConformReport>, block: RegExp): Promise<void> {
  try {
    assertShown(await probed(), block);
  } catch (error) {
    process.stderr.write(`probed once more: ${(error as Error).message.slice(0, 300)}\n`);
    assertShown(await probed(), block);
  }
}

/** That docs/conform.md has what came out: the block there that begins so. */
function assertShown(report: ConformReport, block: RegExp): void {
  const printed = matrixText(report, { width: 80, colour: false }, false);
  const untested = report.cells.filter(({ state }) => state === "could not test");
  assert.deepEqual(untested, []);
  const seen = withoutSummary(printed);
  const evidence = report.cells.map(({ row, init, evidence: told }) => `${row} of ${init}: ${told}`);
  const told = shown(readFileSync(DOCUMENT, "utf8"), block);
  for (const [i, line] of seen.entries())
    assert.equal(line, told[i], `printed, and not shown there:\n${line}\n${about(line, evidence)}`);
  assert.equal(told.length, seen.length);
}

/** All but the line about this kernel. */
function withoutSummary(text: string): readonly string[] {
  return text.slice(0, text.lastIndexOf("\n\nOn Linux ")).split("\n");
}

/** The block that begins with the names of the inits. */
function shown(document: string, block: RegExp): readonly string[] {
  return new RegExp(`\`\`\`text\\n(${block.source})\\n\`\`\``).exec(document)?.[1]?.split("\n") ?? [];
}

/** What was seen behind the values of a line. */
function about(line: string, evidence: readonly string[]): string {
  const [probe = ""] = line.split(" ");
  return evidence.filter((each) => each.startsWith(`${probe} `) || each.startsWith(`${probe}.`)).join("\n");
}
