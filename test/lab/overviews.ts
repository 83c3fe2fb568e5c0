// Reports of `report` for the tests of its forms: one that was made (with --quick, of eight attacks, eleven rows and three
// measures), and the same with every text chosen to do harm.

import { readFileSync } from "node:fs";
import type { Overview } from "../../lab/index.ts";
import { readOverview } from "../../lab/schema/overview.ts";
import { HOSTILE } from "./reports.ts";

export const MADE: Overview = readOverview(
  JSON.parse(readFileSync(new URL("./overview.json", import.meta.url), "utf8")),
);

/** Texts that the page compares with words of its own, or with one another. */
const KEPT = ["verdict", "state", "kind", "group", "standing", "better", "gauge", "tool", "sha256"];
const NAMES = ["name", "target", "init", "attack", "row", "id", "probe", "reference", "value"];
const CHOSEN = [...HOSTILE, "</script><b>forged</b>", "</div></button><dialog open>"];

export const HOSTILE_OVERVIEW = hostile(MADE) as Overview;

/** Each text with one of the hostile ones behind it; a name with the same wherever it stands. */
function hostile(value: unknown, key = "", at = { text: 0 }): unknown {
  if (KEPT.includes(key)) return value;
  if (typeof value === "string") return value + (NAMES.includes(key) ? CHOSEN[0] : next(at));
  if (Array.isArray(value)) return value.map((each) => hostile(each, key, at));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, hostile(each, name, at)]));
}

function next(at: { text: number }): string {
  at.text++;
  return CHOSEN[at.text % CHOSEN.length] ?? "";
}
