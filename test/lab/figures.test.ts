// The report as Markdown, and docs/figures.md, which is one: what README says of inits comes from there.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ATTACKS } from "../../lab/arena/all.ts";
import { overviewMarkdown } from "../../lab/overview/markdown.ts";
import { ROOT } from "../../tools/build.ts";
import { HOSTILE_OVERVIEW, MADE } from "./overviews.ts";

const FIGURES = readFileSync(join(ROOT, "docs/figures.md"), "utf8");
const README = readFileSync(join(ROOT, "README.md"), "utf8").replaceAll("\n", " ");

/** Everything that is no escape. */
const bare = (text: string): string => text.replace(/\\./g, "");

test("a report as Markdown has every figure of the bench, with who is best", () => {
  const text = overviewMarkdown(MADE);
  for (const { title, figures } of MADE.bench.measurements) {
    const [, part = ""] = text.split(`### ${title}\n`);
    const rows = (part.split(/^#/m)[0] ?? "").split("\n").filter((line) => line.startsWith("| "));
    assert.equal(rows.length - 1, figures.length, title);
    for (const [i, { results }] of figures.entries())
      assert.equal(
        rows[i + 1]?.includes("**"),
        results.some(({ standing }) => standing === "best"),
        rows[i + 1],
      );
  }
});

test("nothing that others chose is markup in it, and every row of a table has the cells of its head", () => {
  const text = overviewMarkdown(HOSTILE_OVERVIEW);
  assert.doesNotMatch(text, /[^\P{Cc}\n]/u);
  assert.doesNotMatch(bare(text), /[<>`[\]]/);
  for (const block of text
    .trimEnd()
    .split("\n\n")
    .filter((each) => each.startsWith("| "))) {
    const cells = block.split("\n").map((line) => bare(line).split("|").length);
    assert.equal(new Set(cells).size, 1, block);
  }
});

test("docs/figures.md is of all the lab's attacks, and README counts as it does", () => {
  assert.match(FIGURES, new RegExp(`^${ATTACKS.length} attacks, `, "m"));
  const [, ...falls] =
    /tini falls by (\S+) of them, dumb-init by (\S+), catatonit by (\S+), steady by (\S+)/.exec(README) ?? [];
  const counted = ["tini", "dumb-init", "catatonit", "steady"].map(
    (init) => new RegExp(`^\\| ${init} \\| falls by (\\d+) of`, "m").exec(FIGURES)?.[1],
  );
  assert.deepEqual(falls, counted);
  assert.ok(README.includes(`plays ${ATTACKS.length} attacks`));
});
