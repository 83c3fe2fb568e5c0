// What a hunt came to: how many mutants there are and who caught them, by catcher, by kind and by function; and whether
// each that was not caught has its reason in docs/mutants.md.

import type { Catch } from "./hunt.ts";
import { KINDS, type Mutant } from "./mutate.ts";

export interface Result extends Omit<Mutant, "patch"> {
  readonly caught: Catch | null;
}

interface Terms {
  /** All mutants of the core were hunted. */
  readonly isWhole: boolean;
  readonly shareMin: number;
}

/** The mutants that docs/mutants.md names: list items that begin with a name in backquotes. */
export function readReasons(document: string): Set<string> {
  return new Set([...document.matchAll(/^- `([^`]+: [^`]+)`/gm)].map(([, name = ""]) => name));
}

export function summary(
  results: readonly Result[],
  reasons: ReadonlySet<string>,
  { isWhole, shareMin }: Terms,
): { text: string; complaints: string[] } {
  const counted = results.filter(({ apart }) => apart === undefined);
  const share = counted.filter(isCaught).length / Math.max(counted.length, 1);
  const complaints: string[] = [];
  if (isWhole && share < shareMin)
    complaints.push(`only ${percent(share)} are caught, not ${percent(shareMin)}`);
  const left = counted.filter((result) => !isCaught(result));
  for (const { name } of left)
    if (!reasons.has(name)) complaints.push(`not caught, and no reason given: ${name}`);
  const names = new Set((isWhole ? left : []).map(({ name }) => name));
  for (const reason of isWhole ? reasons : [])
    if (!names.has(reason))
      complaints.push(`docs/mutants.md gives a reason for what is caught or is no mutant: ${reason}`);
  return { text: tables(results, counted), complaints };
}

const isCaught = ({ caught }: Result): boolean => caught !== null;

function percent(share: number): string {
  // Rounded down: 94.99 is not 95.
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}

function tables(results: readonly Result[], counted: readonly Result[]): string {
  const apart = (why: Mutant["apart"]) => results.filter((result) => result.apart === why);
  return [
    line("all", counted),
    line("only an assertion (counted apart)", apart("assertion")),
    line("only a text (counted apart)", apart("text")),
    "",
    "by kind",
    ...KINDS.map((kind) =>
      line(
        kind,
        counted.filter((each) => each.kind === kind),
      ),
    ),
    "",
    "by function",
    ...[...Map.groupBy(counted, (each) => each.function)]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, all]) => line(name, all)),
    "",
    "caught by",
    ...Object.entries(CATCHERS).map(([by, title]) => {
      const count = counted.filter(({ caught }) => (caught?.by ?? "nobody") === by).length;
      return `${String(count).padStart(6)}  ${title}`;
    }),
    "",
    "in particular",
    ...catchers(counted),
    "",
  ].join("\n");
}

const CATCHERS: Readonly<Record<Catch["by"] | "nobody", string>> = {
  law: "a law of the simulator",
  fault: "a law in a life in which one call fails",
  test: "a test",
  scenario: "a scenario on the real kernel alone",
  hang: "a hang",
  trap: "a trap alone",
  nobody: "only the comparison with the shipped bytes (not counted)",
};

function line(title: string, results: readonly Result[]): string {
  const caught = results.filter(isCaught).length;
  const share = results.length === 0 ? "" : percent(caught / results.length).padStart(8);
  return `${title.padEnd(36)}${String(results.length).padStart(6)} mutants, ${String(caught).padStart(5)} caught${share}`;
}

function catchers(counted: readonly Result[]): string[] {
  const caught = counted.flatMap((result) => result.caught ?? []);
  const title = ({ by, who }: Catch): string => (by === "trap" ? "a trap alone" : `${by}: ${who}`);
  return [...Map.groupBy(caught, title)]
    .map(([name, all]) => [name, all.length] as const)
    .sort(([, one], [, other]) => other - one)
    .map(([name, count]) => `${String(count).padStart(6)}  ${name}`);
}
