// Makes the texts small: the pair of bytes that is met most often becomes one byte that no text has, 128 and up and then
// control characters, until none is left. core/words.ts reads them so. See docs/decisions/0019-packed-texts.md.

/** In the order of their pairs in the table, which has a place for each byte up to the last. */
const CODES = Array.from({ length: 128 + 32 }, (_, place) => (place + 128) & 255);
/** Bytes that a text may have. */
const isText = (code: number): boolean =>
  code < 128 && (code >= 32 || code === 0 || code === 9 || code === 10);
/** core/words.ts keeps what waits to be read in the bytes of one u64. */
const DEPTH_MAX = 8;
/** A pair costs its two bytes in the table and one wherever it is met. */
const TIMES_MIN = 4;

/** Texts in bytes, and behind them the two bytes that each of the others stands for. */
export function pack(texts: readonly { readonly text: string; readonly plain?: boolean }[]): Uint8Array[] {
  const words = texts.map(({ text }) => [...Buffer.from(text)]);
  const open = words.filter((_, index) => texts[index]?.plain !== true);
  const pairs: number[] = [];
  const depths = new Map<number, number>();
  if (!words.flat().every(isText)) throw new Error("a text has a byte that stands for a pair");
  for (const made of CODES) {
    const pair = isText(made) ? undefined : mostFrequent(open);
    // The places of bytes that are no code stay empty.
    if (pair === undefined) pairs.push(0, 0);
    if (pair === undefined) continue;
    const depth = 1 + Math.max(...pair.map((byte) => depths.get(byte) ?? 0));
    if (depth > DEPTH_MAX) throw new Error("the packed texts nest too deep");
    depths.set(made, depth);
    pairs.push(...pair);
    for (const word of open) replace(word, pair, made);
  }
  return [...words, pairs].map((bytes) => Uint8Array.from(bytes));
}

type Pair = readonly [number, number];

/** Of those that are met as often, the lowest: the same texts are always packed the same. */
function mostFrequent(words: readonly (readonly number[])[]): Pair | undefined {
  const times = new Map<number, number>();
  for (const word of words) {
    for (let i = 0; i + 1 < word.length; i++) {
      const key = ((word[i] ?? 0) << 8) | (word[i + 1] ?? 0);
      times.set(key, (times.get(key) ?? 0) + 1);
    }
  }
  const [best] = [...times].sort(([a, many], [b, more]) => more - many || a - b);
  if (best === undefined || best[1] < TIMES_MIN) return undefined;
  return [best[0] >> 8, best[0] & 255];
}

function replace(word: number[], [first, second]: Pair, made: number): void {
  let to = 0;
  for (let i = 0; i < word.length; i++) {
    const isPair = word[i] === first && word[i + 1] === second;
    word[to++] = isPair ? made : (word[i] as number);
    if (isPair) i++;
  }
  word.length = to;
}
