// A cell that opens what is behind it: a button, and a panel that the browser itself shows over the page and closes at Escape
// (the attribute "popover"), without a script. The rule: every panel is in the page, so that paper and a browser that knows no
// popover show it too.

import { again, byHand } from "../called.ts";
import { entry } from "../output/document.ts";
import { type Markup, markup } from "../output/markup.ts";

export interface Cell {
  /** Of the panel; made of numbers alone, never of what others chose. */
  readonly id: string;
  /** Whose cell of which row: the heading of the panel, and what a screen reader hears before the word. */
  readonly about: string;
  /** What the cell shows. */
  readonly word: string;
  /** For the eye only; a copy of what the word says. */
  readonly mark?: string;
  readonly style: string;
  /** Terms and descriptions. */
  readonly evidence: readonly (Markup | undefined)[];
  /** What stands for all of it on paper, in one line; there it is whole where this is not given. */
  readonly brief?: string;
}

const LINE_LENGTH_MAX = 240;

export function button({ id, about, word, mark, style }: Cell): Markup {
  const sign = mark === undefined ? undefined : markup`<span aria-hidden="true">${mark} </span>`;
  return markup`<button type="button" class="cell ${style}" popovertarget="${id}" aria-label="${about}: ${word}">${sign}<bdi>${word}</bdi></button>`;
}

function panel({ id, about, word, evidence, brief }: Cell): Markup {
  const style = brief === undefined ? "panel" : "panel screen";
  return markup`<div class="${style}" id="${id}" popover role="dialog" aria-labelledby="${id}-title" tabindex="-1" autofocus>
<h3 id="${id}-title"><bdi>${about}</bdi>: <bdi>${word}</bdi></h3>
<dl class="facts">
${evidence}
</dl>
<button type="button" class="close" popovertarget="${id}" popovertargetaction="hide">Close</button>
</div>
${
  brief === undefined
    ? undefined
    : markup`<p class="paper brief"><b><bdi>${about}</bdi>:</b> <bdi>${word}</bdi>${brief === "" ? undefined : markup`; <bdi>${cut(brief)}</bdi>`}</p>
`
}`;
}

/** More does not fit in a line of paper, which hides the rest. */
function cut(text: string): string {
  return text.length > LINE_LENGTH_MAX ? `${text.slice(0, LINE_LENGTH_MAX)}…` : text;
}

/** On the screen each is where it was opened; on paper they stand below their matrix. */
export function panels(cells: readonly Cell[]): Markup {
  return markup`<div class="evidence">
<h3 class="paper">What was seen</h3>
${cells.map(panel)}</div>`;
}

export function lines(each: readonly (string | Markup)[]): Markup | undefined {
  if (each.length === 0) return undefined;
  return markup`<ul class="seen">${each.map((line) => markup`<li><bdi>${line}</bdi></li>`)}</ul>`;
}

/** How to do it again, and how to see what is done. Scripts for an engine need its socket and an image, and are the lab's business. */
export function commands(
  command: string,
  init: string,
  part: string,
  engine: string | undefined,
): readonly (Markup | undefined)[] {
  const code = (text: string): Markup => markup`<code>${text}</code>`;
  return [
    entry("Again", code(again(command, init, part, engine))),
    engine === undefined
      ? entry("By hand", markup`${code(byHand(command, init, part))}, as root`)
      : undefined,
  ];
}

/** Made of numbers alone. */
export function rowId(kind: "attack" | "behaviour", row: number): string {
  return `${kind}-row-${row}`;
}

export function heads(first: string, names: readonly string[]): Markup {
  const others = names.map((name) => markup`<th scope="col"><bdi>${name}</bdi></th>`);
  return markup`<thead><tr><th scope="col">${first}</th>${others}</tr></thead>`;
}

/** A narrow screen shows the name alone; what it is about is heard there, and stands in the panels. */
export function rowHead(id: string, name: string, title: string, sign?: Markup): Markup {
  return markup`<th scope="row" id="${id}"><span class="id">${name}</span>${sign} <span class="about">${title}</span></th>`;
}

/** A matrix scrolls within itself, so that its heads stay in sight; a keyboard can do that too. */
export function scrolling(caption: string, rows: Markup): Markup {
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table class="matrix"><caption><span>${caption}</span></caption>${rows}</table></div>`;
}
