// Markup that is well-formed by construction, for HTML and XML: markup`<b>${text}</b>`. The rule: a value is text, made
// visible and escaped, unless it came out of markup itself; there is no way around it.

import { visible } from "./visible.ts";

export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Part = string | number | Markup | undefined | readonly Part[];

export function markup(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const texts = parts.map((part, i) => `${rendered(part)}${literals[i + 1]}`);
  return new Markup(`${literals[0]}${texts.join("")}`);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function rendered(part: Part): string {
  if (part === undefined) return "";
  if (part instanceof Markup) return part.text;
  if (typeof part === "object") return part.map(rendered).join("");
  return visible(String(part)).replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
}
