// What the page and the terminal say in the same words about a report. The rule: what others chose is shown by whoever prints
// it, which makes it visible.

import type { Overview } from "./report.ts";
import type { Summary } from "./summary.ts";

export function headline({ inits }: Overview): string {
  const names = inits.map(({ name }) => (name === "bare" ? "no init" : name));
  return `${listed(names)}${names.length > 1 ? ", compared" : ""}`;
}

/** "a, b and c". */
function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** Something that is said, and the names of what it is said of, each of which the page has somewhere. */
export interface Told {
  readonly said: string;
  readonly names: readonly string[];
}

export function textOf(told: readonly Told[]): string {
  return told
    .map(({ said, names }) => (names.length === 0 ? said : `${said}: ${names.join(", ")}`))
    .join("; ");
}

export function fallsOf({ attacks, of }: Pick<Summary["falls"][number], "attacks" | "of">): readonly Told[] {
  return [{ said: `falls by ${attacks.length === 0 ? "none" : attacks.length} of ${of}`, names: attacks }];
}

export function untestedOf(attacks: readonly string[]): readonly Told[] {
  return [{ said: `could not be tested with ${attacks.length}`, names: attacks }];
}

export function aloneIn(lines: readonly string[]): readonly Told[] {
  return [{ said: `alone in ${lines.length === 0 ? "none" : lines.length}`, names: lines }];
}

export function standingOf({ best, level }: Summary["standings"][number]): readonly Told[] {
  const told = (said: string, names: readonly string[]): Told[] =>
    names.length === 0 ? [] : [{ said: `${said} ${names.length}`, names }];
  const all = [...told("best in", best), ...told("level with the best in", level)];
  return all.length === 0 ? [{ said: "best in none", names: [] }] : all;
}

export function differingOf({ lines, differing }: Summary): string {
  return `The inits differ in ${differing.length} of ${lines} lines. Who is alone in one does otherwise than all the others, which agree.`;
}

export function machineText({ bench: { machine } }: Overview): string {
  const { kernel, architecture, processor, processors, memoryBytes, engine } = machine;
  const place = engine === undefined ? "" : `, in ${engine}`;
  return `Linux ${kernel} on ${architecture}, ${processors} × ${processor}, ${Math.round(memoryBytes / 2 ** 30)} GiB${place}`;
}

/** How much a time is worth; undefined where nothing speaks against it. */
export function busyText({ bench: { machine } }: Overview): string | undefined {
  const { load, processors } = machine;
  if (load <= processors / 2) return undefined;
  return `The machine was busy with other work (load ${load.toFixed(1)}): times are worth less.`;
}

export function repeated({ bench: { runs }, quick, durationMs }: Overview): string {
  const few = quick ? ", quick: with fewer repetitions and smaller crowds" : "";
  return `${runs} run${runs === 1 ? "" : "s"} of the bench, ${Math.round(durationMs / 1_000)} s in all${few}`;
}

export function absentText({ absent }: Overview): string | undefined {
  return absent.length === 0 ? undefined : `Not here, and left out: ${listed(absent)}.`;
}
