// Text that others chose (process names, log lines, paths) as it may be shown. The rule: nothing that a reader cannot
// see, and nothing that a terminal or a page acts on, gets through; it is spelled out as JavaScript spells it.

/** Controls, format characters (bidirectional overrides, zero width), line and paragraph separators, lone surrogates, what
 * no XML may hold. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Noncharacter_Code_Point}]/gu;
const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** "\x1b[31m" becomes the nine characters that a program's source would have. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => NAMED[character] ?? spelled(character));
}

/** The same in JSON, where a reader gets the very characters back: only what is inside of strings can be unseen. */
export function visibleJson(json: string): string {
  return json.replace(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/gu, (character) =>
    Array.from({ length: character.length }, (_, i) => `\\u${hex(character.charCodeAt(i), 4)}`).join(""),
  );
}

function spelled(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u{${hex(code, 4)}}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
