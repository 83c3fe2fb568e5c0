// The blocks of docs/recipes.md by their names: each is fenced, with its name in a comment on the line before.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/build.ts";

export const RECIPES = "docs/recipes.md";

/** Throws where a block has no name, or two have the same. */
export function blocksOf(markdown: string): ReadonlyMap<string, string> {
  const fenced = [...markdown.matchAll(/^(.*)\n```\w+\n([\s\S]*?)^```$/gm)];
  const blocks = new Map<string, string>();
  for (const [, before = "", text = ""] of fenced) {
    const [, name] = /^<!-- ([\w.-]+) -->$/.exec(before) ?? [];
    if (name === undefined) throw new Error(`a block has no name: ${text}`);
    if (blocks.has(name)) throw new Error(`two blocks are called ${name}`);
    blocks.set(name, text);
  }
  return blocks;
}

export const document = (): string => readFileSync(join(ROOT, RECIPES), "utf8");

/** The text of a block. */
export function recipe(name: string): string {
  const text = blocksOf(document()).get(name);
  if (text === undefined) throw new Error(`${RECIPES} has no block called ${name}`);
  return text;
}
