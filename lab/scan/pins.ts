// What a Dockerfile, or the history of an image, says of where an init came from: downloads, digests, and whether anything
// checks them. The rule: a line that is a comment does nothing, and a digest that is of another file than the one that is
// fetched is worse than none.

import type { Known } from "../verify/known.ts";

export interface Instruction {
  readonly text: string;
  /** Of the Dockerfile. */
  readonly line?: number;
}

export interface Download {
  readonly url: string;
  readonly init: string;
  /** SHA-256 digests that stand in the same instruction, or in a variable that it uses. */
  readonly pins: readonly string[];
  /** What checks it: "sha256sum", "ADD --checksum", "gpg", or nothing. */
  readonly check?: string;
  /** Whether the check's list comes from where the file came from. */
  readonly sameOrigin: boolean;
  readonly line?: number;
}

const TEXT_MAX = 1 << 20;
const URL_OF_INIT =
  /https?:\/\/[^\s"'\\]*?(krallin\/tini|Yelp\/dumb-init|openSUSE\/catatonit|steady\/releases)[^\s"'\\]*/gi;
const INIT_OF_URL: readonly (readonly [RegExp, string])[] = [
  [/krallin\/tini/i, "tini"],
  [/Yelp\/dumb-init/i, "dumb-init"],
  [/openSUSE\/catatonit/i, "catatonit"],
  [/steady/i, "steady"],
];
const DIGEST = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g;
/** What is beside a release and is no program. */
const BESIDE = /\.(asc|sha1|sha1sum|sha256|sha256sum|sha256sums|sig|pub)$|sha256sums?$/i;

/** The instructions of a Dockerfile, continued lines joined, without comments. */
export function instructionsOf(dockerfile: string): Instruction[] {
  const instructions: Instruction[] = [];
  let [text, start] = ["", 0];
  dockerfile
    .slice(0, TEXT_MAX)
    .split("\n")
    .forEach((line, i) => {
      if (/^\s*#/.test(line)) return;
      if (text === "") start = i + 1;
      const continues = /\\\s*$/.test(line);
      text += `${line.replace(/\\\s*$/, "")}\n`;
      if (continues) return;
      if (text.trim() !== "") instructions.push({ text: text.trim(), line: start });
      text = "";
    });
  if (text.trim() !== "") instructions.push({ text: text.trim(), line: start });
  return instructions;
}

export function downloadsIn(instructions: readonly Instruction[]): Download[] {
  const variables = variablesIn(instructions);
  return instructions.flatMap(({ text, line }) => {
    const active = withoutComments(text);
    const filled = fill(active, variables);
    const urls = [...filled.matchAll(URL_OF_INIT)].map(([url]) => url.replace(/[);,]+$/, ""));
    const used = pinsUsed(active, variables);
    const check = checkIn(active);
    const lists = urls.filter((url) => BESIDE.test(url) && !/\.asc$|\.sig$/.test(url));
    return urls
      .filter((url) => !BESIDE.test(url))
      .map((url) => ({
        url,
        init: INIT_OF_URL.find(([pattern]) => pattern.test(url))?.[1] ?? "an init",
        pins: used,
        ...(check === undefined ? {} : { check }),
        sameOrigin: check === "sha256sum" && used.length === 0 && lists.length > 0,
        ...(line === undefined ? {} : { line }),
      }));
  });
}

/** A pinned digest that another file is known to have than the one that is fetched. */
export function wrongPins({ url, init, pins }: Download, known: Known): { pin: string; owner: string }[] {
  const name = url.slice(url.lastIndexOf("/") + 1);
  return pins.flatMap((pin) => {
    const owner = known.ownerOf(pin);
    if (owner === undefined) return [];
    const file = known.file(pin);
    // One instruction may pin several files of one init: for each architecture one.
    const isOfInit = file?.init === init;
    const isNamed = file?.names.includes(name) ?? false;
    return isOfInit && (isNamed || pins.length > 1 || /[$]/.test(name)) ? [] : [{ pin, owner }];
  });
}

/** Of ENV, ARG and assignments of a shell, the last value of each name. */
function variablesIn(instructions: readonly Instruction[]): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const { text } of instructions) {
    const [, old = "", value = ""] = /\bENV\s+([A-Z_][A-Z0-9_]*)\s+(\S+)$/.exec(text) ?? [];
    if (old !== "") variables.set(old, value);
    for (const [, name = "", quoted, plain = ""] of text.matchAll(ASSIGNMENT))
      variables.set(name, quoted ?? plain);
  }
  return variables;
}

const ASSIGNMENT = /\b([A-Z_][A-Z0-9_]*)=(?:"([^"]*)"|([^\s"';|&]+))/g;

function fill(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$\{?([A-Z][A-Z0-9_]*)\}?/g, (whole, name: string) => variables.get(name) ?? whole);
}

function pinsUsed(text: string, variables: ReadonlyMap<string, string>): string[] {
  return [...new Set(fill(text, variables).match(DIGEST) ?? [])];
}

/** Of a RUN over several lines: a line that begins with # does nothing. */
function withoutComments(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/^\s*#/.test(line))
    .join("\n");
}

function checkIn(text: string): string | undefined {
  if (/--checksum=sha256:/.test(text)) return "ADD --checksum";
  if (/(sha256sum|shasum|sha512sum)\b[^\n;]*?\s(-\w*c\w*|--check|--strict)\b/.test(text)) return "sha256sum";
  if (/gpgv?\b[^\n;]*--(batch\s+)?verify|gpg\b[^\n]*--verify|\bgpgv\b/.test(text)) return "gpg";
  return /\bminisign\b[^\n;]*-V|cosign\s+verify/.test(text) ? "a signature" : undefined;
}
