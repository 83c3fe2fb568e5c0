// What every page of the lab is in: its head, its policy, its style sheet, and a way past the head for a keyboard. The rule: it asks
// for nothing (no script, no font, no picture, no style attribute), so that its policy can forbid everything but its own
// style sheet, and it opens from a file.

import { createHash } from "node:crypto";
import { Markup, markup } from "./markup.ts";

export interface Document {
  readonly title: string;
  readonly generator: string;
  readonly style: string;
  /** What leads past the head, to the element "main". */
  readonly skip: string;
  readonly body: Markup;
}

export function htmlDocument({ title, generator, style, skip, body }: Document): string {
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policyOf(style)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="${generator}">
<title>${title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<a class="skip" href="#main">${skip}</a>
${body}
</body>
</html>
`;
  return page.text;
}

function policyOf(style: string): string {
  const hash = createHash("sha256").update(style).digest("base64");
  return `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
}

/** Of a time in ISO 8601. */
export function dateOf(iso: string): string {
  return `${iso.slice(0, 10)} at ${iso.slice(11, 16)} UTC`;
}

export function entry(
  term: string,
  text: string | Markup | readonly Markup[] | undefined,
): Markup | undefined {
  return text === "" || text === undefined ? undefined : markup`<dt>${term}</dt><dd>${text}</dd>`;
}
