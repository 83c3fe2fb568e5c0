// The matrix of the attacks in the page. The rule: a verdict is a word, and what it was judged by is behind it, with the control.

import type { ArenaReport, Seen, Verdict } from "../arena/run.ts";
import { entry } from "../output/document.ts";
import { type Markup, markup } from "../output/markup.ts";
import { button, type Cell, commands, heads, lines, panels, rowHead, rowId, scrolling } from "./evidence.ts";
import type { Overview } from "./report.ts";

const LOOKS: Readonly<Record<Verdict, Pick<Cell, "word" | "mark" | "style">>> = {
  survived: { word: "survived", mark: "✓", style: "survived" },
  fell: { word: "fell", mark: "✗", style: "fell" },
  "not applicable": { word: "not applicable", mark: "–", style: "absent" },
  "could not test": { word: "could not test", mark: "?", style: "untested" },
};

export function attackSection({ attack, inits }: Overview): Markup {
  const names = inits.map(({ name }) => name);
  const rows = attack.attacks.map((about, i) => ({
    about,
    cells: names.map((init, j) => cellOf(attack, about, init, `attack-${i}-${j}`)),
  }));
  const body = rows.map(
    (
      { about, cells },
      i,
    ) => markup`<tr>${rowHead(rowId("attack", i), about.id, about.title)}${cells.map((cell) => markup`<td>${button(cell)}</td>`)}</tr>
`,
  );
  return markup`<section aria-labelledby="attacks">
<h2 id="attacks">Attacks</h2>
<p>Each attack is a script. A verdict counts only where its control was seen to survive: the same without what hurts, or an init that is known to hold.</p>
${scrolling(
  "Attacks, and who survived them",
  markup`${heads("Attack", names)}
<tbody>
${body}</tbody>`,
)}
${panels(rows.flatMap(({ cells }) => cells))}
</section>`;
}

function cellOf(
  { results, engine }: ArenaReport,
  { id: attack, title, harm }: ArenaReport["attacks"][number],
  init: string,
  id: string,
): Cell {
  const found = results.find((each) => each.attack === attack && each.target === init);
  const verdict = found?.verdict ?? "could not test";
  return {
    id,
    about: `${attack}, ${init}`,
    ...LOOKS[verdict],
    evidence: [
      entry("Attack", title),
      entry("Seen", found?.evidence ?? "the report has nothing about it"),
      ...seenEntries(found?.seen),
      entry("Control", found?.control),
      entry("Harm", verdict === "fell" ? harm : undefined),
      ...(verdict === "not applicable" ? [] : commands("attack", init, attack, engine)),
    ],
    ...(verdict === "survived" || verdict === "not applicable" ? { brief: found?.evidence ?? "" } : {}),
  };
}

/** What the verdict comes from. */
function seenEntries(seen: Seen | undefined): readonly (Markup | undefined)[] {
  if (seen === undefined) return [];
  return [
    entry("Sent", lines(seen.sent)),
    entry("Arrived", lines(seen.got)),
    entry("Exit status", seen.status === undefined ? undefined : `${seen.status}`),
    entry("Output", lines(seen.out)),
    entry("Errors", lines(seen.err)),
    entry("Log", lines(seen.log)),
  ];
}
