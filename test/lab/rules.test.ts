// Each rule has its page in docs/rules, which every form of the report leads to.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { rulePage } from "../../lab/output/words.ts";
import { RULES } from "../../lab/rules/all.ts";

const ROOT = join(import.meta.dirname, "../..");
const SECTIONS = ["What is tried", "Why it matters", "What to change", "When it is not tested"];

test("every rule has a page under its id, and no page is left over", () => {
  const pages = readdirSync(join(ROOT, "docs/rules")).map((name) => `docs/rules/${name}`);
  assert.deepEqual(
    pages.toSorted(),
    RULES.map(({ id }) => rulePage(id)),
  );
});

test("a rule's page has its title, its severity and all sections, none of them empty", () => {
  for (const { id, title, severity } of RULES) {
    const [heading, level, ...rest] = readFileSync(join(ROOT, rulePage(id)), "utf8")
      .trim()
      .split("\n\n");
    assert.equal(heading, `# ${id}: ${title}`);
    assert.equal(level, `Severity: ${severity}.`);
    const sections = rest.join("\n\n").split(/^## /m).slice(1);
    assert.deepEqual(
      sections.map((section) => section.split("\n")[0]),
      SECTIONS,
    );
    for (const section of sections) assert.ok(section.split("\n\n")[1]?.trim());
  }
});
