// What is known against versions of inits: lab/data/weaknesses.json, or a file in its place. The rule: each has its source,
// the list has its day, and a report repeats both.

import { z } from "zod";
import builtIn from "../data/weaknesses.json" with { type: "json" };

const text = z.string().min(1);
const init = z.enum(["steady", "tini", "dumb-init", "catatonit"]);

const schema = z.strictObject({
  asOf: z.iso.date().describe("The day that the list tells the state of."),
  latest: z.partialRecord(init, text).describe("The last version of each init."),
  weaknesses: z.array(
    z.strictObject({
      id: text,
      init,
      title: text,
      versions: text.regex(/^(all|(<=?)\d+(\.\d+)*)$/, 'versions are "all", "<1.2.3" or "<=1.2.3"'),
      severity: z.enum(["error", "warning", "note"]),
      source: text,
    }),
  ),
  libcVulnerabilities: z
    .array(z.strictObject({ name: text, component: text }))
    .describe("What scanners report of programs with a C library."),
});

export type WeaknessData = z.output<typeof schema>;
export type Weakness = WeaknessData["weaknesses"][number];

/** Throws an Error that says what is wrong with it. */
export function weaknessData(data: unknown = builtIn): WeaknessData {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${issue?.path.join(".")}: ${issue?.message}`);
}

/** Those of a version; of one that is not told, all that could be. */
export function weaknessesOf(data: WeaknessData, name: string, version: string | undefined): Weakness[] {
  return data.weaknesses.filter((each) => each.init === name && holds(each.versions, version));
}

export function isOutdated(
  { latest }: WeaknessData,
  name: string,
  version: string | undefined,
): string | undefined {
  const last = latest[name as keyof typeof latest];
  if (last === undefined || version === undefined) return undefined;
  return compareVersions(version, last) < 0 ? last : undefined;
}

function holds(versions: string, version: string | undefined): boolean {
  const [, relation, bound = ""] = /^(<=?)(.*)$/.exec(versions) ?? [];
  if (relation === undefined || version === undefined) return true;
  const order = compareVersions(version, bound);
  return relation === "<" ? order < 0 : order <= 0;
}

/** By their numbers; what stands behind these does not count. */
export function compareVersions(one: string, other: string): number {
  const [left = [], right = []] = [one, other].map((each) =>
    /^\d+(\.\d+)*/.exec(each)?.[0].split(".").map(Number),
  );
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
