// JSON that somebody else wrote. The rule: what is larger or deeper than anything that is meant is refused with a sentence
// before it costs anything.

const BYTES_MAX = 16 << 20;
const DEPTH_MAX = 64;

/** What is no JSON that anybody means: a sentence. */
export class JsonError extends Error {}

/** Throws a JsonError that says what is wrong with it. */
export function jsonOf(file: Buffer): unknown {
  if (file.length > BYTES_MAX) throw new JsonError(`it is larger than ${BYTES_MAX >> 20} MiB`);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(file);
    if (depthOf(text) > DEPTH_MAX) throw new JsonError(`it is nested deeper than ${DEPTH_MAX}`);
    return JSON.parse(text);
  } catch (error) {
    throw error instanceof JsonError ? error : new JsonError((error as Error).message);
  }
}

/** How deep brackets are nested outside of strings; JSON.parse goes as deep as anybody likes. */
function depthOf(text: string): number {
  let [depth, deepest] = [0, 0];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === "[" || token === "{") deepest = Math.max(deepest, ++depth);
    else if (token === "]" || token === "}") depth--;
  }
  return deepest;
}

/** An object of JSON whose fields may be anything. */
export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
