// The whole matrix: every row of steady, of Debian's tini, dumb-init and catatonit, and of no init, as docs/conform.md shows
// it. So a change of steady, of a peer's package or of a probe is seen.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { matrixText } from "../../lab/conform/matrix.ts";
import { conform } from "../../lab/index.ts";
import { needsPidNamespace, needsProgram, needsRoot } from "../lib/process.ts";

const PEERS = ["tini", "dumb-init", "catatonit"];
const DOCUMENT = new URL("../../docs/conform.md", import.meta.url);

test("the matrix in docs/conform.md is what comes out", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  if (!PEERS.every((peer) => needsProgram(context, peer, `apt-get install ${peer}`))) return;
  const report = await conform({ inits: ["steady", ...PEERS, "bare"] });
  const printed = matrixText(report, { width: 80, colour: false }, false);
  const untested = report.cells.filter(({ state }) => state === "could not test");
  assert.deepEqual(untested, []);
  const seen = withoutSummary(printed);
  const evidence = report.cells.map(({ row, init, evidence: told }) => `${row} of ${init}: ${told}`);
  const told = shown(readFileSync(DOCUMENT, "utf8"));
  for (const [i, line] of seen.entries())
    assert.equal(line, told[i], `printed, and not shown there:\n${line}\n${about(line, evidence)}`);
  assert.equal(told.length, seen.length);
});

/** All but the line about this kernel. */
function withoutSummary(text: string): readonly string[] {
  return text.slice(0, text.lastIndexOf("\n\nOn Linux ")).split("\n");
}

/** The block that begins with the names of the inits. */
function shown(document: string): readonly string[] {
  return /```text\n( +steady +tini [^`]*)\n```/.exec(document)?.[1]?.split("\n") ?? [];
}

/** What was seen behind the values of a line. */
function about(line: string, evidence: readonly string[]): string {
  const [probe = ""] = line.split(" ");
  return evidence.filter((each) => each.startsWith(`${probe} `) || each.startsWith(`${probe}.`)).join("\n");
}
