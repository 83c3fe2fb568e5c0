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

export function fallsOf(attacks: readonly string[]): string {
  return attacks.length === 0 ? "falls by none" : `falls by ${attacks.length}: ${attacks.join(", ")}`;
}

export function aloneIn(lines: readonly string[]): string {
  return lines.length === 0 ? "alone in none" : `alone in ${lines.length}: ${lines.join(", ")}`;
}

export function standingOf({ best, level }: Summary["standings"][number]): string {
  const told = (word: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [`${word} ${names.length}: ${names.join(", ")}`];
  return [...told("best in", best), ...told("level with the best in", level)].join("; ") || "best in none";
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
