// The page of a report, as text: it asks for nothing, allows nothing but its own style sheet, and what others chose
// stays text. In a browser: test/all/page.test.ts.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Markup, markup } from "../../lab/output/markup.ts";
import { htmlReport } from "../../lab/output/page.ts";
import type { Report, Run } from "../../lab/report.ts";
import { FAILING, HOSTILE, HOSTILE_REPORT, PASSING, UNTESTED } from "./reports.ts";

const DOCUMENTS = "https://example.org/steady/";
const page = (report: Report): string => htmlReport(report, { documents: DOCUMENTS });
const REPORTS = [FAILING, PASSING, UNTESTED, HOSTILE_REPORT];

test("the policy of the page forbids everything but the style sheet that is in it", () => {
  for (const report of REPORTS) {
    const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page(report)) ?? [];
    const [, style = ""] = /<style>([\s\S]*?)<\/style>/.exec(page(report)) ?? [];
    const hash = createHash("sha256").update(style).digest("base64");
    assert.equal(
      policy?.replaceAll("&#39;", "'"),
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
    );
  }
});

test("the page has no script, no style attribute and no address but those of the rules' pages", () => {
  for (const report of REPORTS) {
    const tags = page(report).match(/<[a-z][^>]*>/g) ?? [];
    for (const tag of tags) {
      assert.doesNotMatch(
        tag.replace(/"[^"]*"/g, '""'),
        /^<(script|img|iframe|object|embed|base|link|form)\b|\s(style|src|on\w+)=/,
      );
      const [, address] = /\shref="([^"]*)"/.exec(tag) ?? [];
      if (address !== undefined)
        assert.match(address, /^(#[\w-]+|https:\/\/example\.org\/steady\/docs\/rules\/SL\d+\.md)$/);
    }
  }
});

test("no character that cannot be seen, and no tag or attribute that others chose, gets into the page", () => {
  const text = page(HOSTILE_REPORT);
  assert.doesNotMatch(text, /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Noncharacter_Code_Point}]/u);
  assert.equal(text.match(/<\/style>/g)?.length, 1);
  const known = new Set(page(FAILING).match(/<\/?[a-zA-Z][\w-]*/g));
  const others = text.match(/<\/?[a-zA-Z][\w-]*/g)?.filter((tag) => !known.has(tag)) ?? [];
  assert.deepEqual([...new Set(others)], []);
});

test("markup escapes a value wherever it stands, and only markup is taken as it is", () => {
  for (const text of HOSTILE)
    assert.doesNotMatch(markup`<a b="${text}">${[text]}</a>`.text.slice(6, -4), /[<"'](?!>)/);
  assert.equal(markup`${markup`<b>`}${undefined}${1}${["<", new Markup("<i>")]}`.text, "<b>1&lt;<i>");
});

test("each run has a time line, and the same in tables: every event and every process", () => {
  const text = page(FAILING);
  for (const [i, run] of FAILING.runs.entries()) {
    const section = text.slice(text.indexOf(`id="run-${i}"`)).split("</section>")[0] ?? "";
    assert.match(section, /<div class="timeline" aria-hidden="true">/);
    const [events = "", processes = ""] = section
      .split("<tbody>")
      .slice(1)
      .map((rows) => rows.split("</tbody>")[0] ?? "");
    assert.equal(events.match(/<tr>/g)?.length, run.timeline.length);
    assert.equal(processes.match(/<tr>/g)?.length, run.processes.length);
  }
});

test("a run of a thousand processes shows the main program, zombies and the longest lives, and says how many more", () => {
  const [first] = FAILING.runs;
  assert.ok(first !== undefined);
  const short = Array.from({ length: 1_000 }, (_, i) => ({
    pid: 100 + i,
    parent: 1,
    name: "short",
    command: "short",
    role: "descendant" as const,
    startMs: 50,
    endMs: 60,
  }));
  const crowded: Run = { ...first, processes: [...short, ...first.processes] };
  const text = page({ ...FAILING, runs: [crowded] });
  const shown = text.match(/<div class="name"><b>[^<]*<\/b> <span/g) ?? [];
  assert.equal(shown.length, 24);
  for (const name of ["node", "worker-0", "worker-4"])
    assert.ok(shown.some((each) => each.includes(`<b>${name}</b>`)));
  assert.match(text, /982 more processes are in the table/);
});

test("a run that lasted no time, without events and processes, has a time line, too", () => {
  const [first] = FAILING.runs;
  assert.ok(first !== undefined);
  const empty: Run = { ...first, durationMs: 0, timeline: [], processes: [] };
  assert.doesNotMatch(page({ ...FAILING, runs: [empty] }), /NaN|Infinity|undefined/);
  assert.doesNotMatch(page(FAILING), /NaN|Infinity|undefined/);
});
