// docs/laws.md holds together: each row of docs/behaviour.md has the laws that watch it, or the test where no life can
// tell; each law that is named exists, and each that exists is named.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ACTION_NAMES } from "../simulator/actors.ts";
import { LAWS } from "../simulator/laws.ts";

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

/** How many words of a row name it. */
const WORDS = 4;

/** The rows of the contract: numbered and bulleted items, paragraphs that begin in bold, lines of tables; else a section. */
function rowsOf(text: string): string[] {
  const sections = text.split(/^##+ /m).slice(1);
  return sections.flatMap((section) => {
    const [title = "", ...lines] = section.split("\n");
    if (title === "System calls") return [];
    const rows = lines.flatMap((line, index) => rowOf(line, lines[index - 1] ?? "") ?? []);
    return (rows.length > 0 ? rows : ["all of it"]).map((row) => `${title.replaceAll("`", "")}: ${row}`);
  });
}

function rowOf(line: string, before: string): string | undefined {
  const item = /^(?:\d+\. |- |\*\*)(.*)/.exec(line)?.[1];
  if (item !== undefined) return firstWords(item);
  const isRow = line.startsWith("| ") && before.startsWith("|");
  return isRow ? firstWords(line.replaceAll("|", " ")) : undefined;
}

function firstWords(text: string): string {
  const words = text
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[`*|]/g, "")
    .trim()
    .split(/\s+/);
  return words.slice(0, WORDS).join(" ");
}

/** The rows of docs/laws.md: what each is about, and what watches it. */
function watched(): { row: string; by: string }[] {
  const lines = read("docs/laws.md")
    .split("\n")
    .filter((line) => /^\| [A-Z]/.test(line));
  return lines.map((line) => {
    const [, row = "", by = ""] = line
      .split(" | ")
      .join("|")
      .split("|")
      .map((cell) => cell.trim());
    return { row, by };
  });
}

const namesIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);

test("each row of behaviour.md has a row in laws.md", () => {
  const rows = rowsOf(read("docs/behaviour.md"));
  assert.ok(rows.length > 80);
  assert.deepEqual(
    watched().map(({ row }) => row),
    rows,
  );
});

test("each law is named in laws.md, and each name is a law or a test", () => {
  const names = new Set(watched().flatMap(({ by }) => namesIn(by)));
  const laws = new Set(LAWS.map(({ name }) => name));
  const unknown = [...names].filter((name) => !laws.has(name) && !existsSync(new URL(name, import.meta.url)));
  assert.deepEqual(unknown, []);
  assert.deepEqual(
    [...laws].filter((law) => !names.has(law)),
    [],
  );
  assert.ok(watched().every(({ by }) => namesIn(by).length > 0));
});

test("all that actors can do stands in laws.md, and nothing else", () => {
  const section = read("docs/laws.md").split("## Who acts\n")[1]?.split("\n## ")[0] ?? "";
  const told = namesIn(section).filter((name) => /^\w+\.\w+$/.test(name));
  assert.deepEqual(told.sort(), [...ACTION_NAMES].sort());
});

test("the promise of each law stands in laws.md as it is in the sources", () => {
  const text = read("docs/laws.md");
  const missing = LAWS.filter(({ name, promise }) => !text.includes(`| \`${name}\` | ${promise} |`));
  assert.deepEqual(
    missing.map(({ name }) => name),
    [],
  );
});
