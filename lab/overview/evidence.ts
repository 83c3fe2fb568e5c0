// A cell that opens what is behind it: a button, and a panel that the browser itself shows over the page and closes at Escape
// (the attribute "popover"), without a script. The rule: every panel is in the page, so that paper and a browser that knows no
// popover show it too.

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
}

export function button({ id, about, word, mark, style }: Cell): Markup {
  const sign = mark === undefined ? undefined : markup`<span aria-hidden="true">${mark} </span>`;
  return markup`<button type="button" class="cell ${style}" popovertarget="${id}" aria-label="${about}: ${word}">${sign}<bdi>${word}</bdi></button>`;
}

function panel({ id, about, word, evidence }: Cell): Markup {
  return markup`<div class="panel" id="${id}" popover role="dialog" aria-labelledby="${id}-title" tabindex="-1" autofocus>
<h3 id="${id}-title"><bdi>${about}</bdi>: <bdi>${word}</bdi></h3>
<dl class="facts">
${evidence}
</dl>
<button type="button" class="close" popovertarget="${id}" popovertargetaction="hide">Close</button>
</div>
`;
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

/** A matrix that is wider than a phone scrolls, and a keyboard can do that too. */
export function scrolling(caption: string, rows: Markup): Markup {
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table class="matrix"><caption>${caption}</caption>${rows}</table></div>`;
}
