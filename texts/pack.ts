// Makes the texts small: the pair of codes that is met most often becomes one code more, until there are as many as ten
// bits can tell. core/words.ts reads them so. See docs/decisions/0019-packed-texts.md.

/** A code takes so many bits. */
export const BITS = 10;
/** From here on a code stands for two others; below it is a byte of a text, and 0 is the end. */
export const FIRST_PAIR = 128;
const PAIRS_MAX = (1 << BITS) - FIRST_PAIR;
/** core/words.ts keeps what waits to be read in an u64. */
const DEPTH_MAX = Math.floor(64 / BITS);
/** A pair costs two codes in the table and one wherever it is met. */
const TIMES_MIN = 4;

/** Texts in codes, and behind them the two codes that each of the pairs stands for. */
export function pack(texts: readonly string[]): number[][] {
  const words = texts.map((text) => [...Buffer.from(text)]);
  const pairs: Pair[] = [];
  const depths = new Map<number, number>();
  if (!words.flat().every((byte) => byte > 0 && byte < FIRST_PAIR))
    throw new Error("a text has a byte that is no ASCII");
  const times = new Times(words);
  while (pairs.length < PAIRS_MAX) {
    const pair = mostFrequent(times, depths);
    if (pair === undefined) break;
    const made = FIRST_PAIR + pairs.length;
    depths.set(made, depthOf(pair, depths));
    pairs.push(pair);
    for (const word of words) replace(word, pair, made, times);
  }
  return [...words, pairs.flat()];
}

/** The codes one behind the other, the lowest bits first, with a byte more so that each can be read in two. */
export function inBits(codes: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((codes.length * BITS) / 8) + 1);
  codes.forEach((code, index) => {
    const bit = index * BITS;
    const shifted = code << (bit & 7);
    bytes[bit >> 3] = (bytes[bit >> 3] as number) | (shifted & 255);
    bytes[(bit >> 3) + 1] = shifted >> 8;
  });
  return bytes;
}

type Pair = readonly [number, number];

/** How often each pair is met, kept up to date: every test that plays the core packs the texts. */
class Times extends Map<number, number> {
  constructor(words: readonly (readonly number[])[]) {
    super();
    for (const word of words) for (let i = 0; i + 1 < word.length; i++) this.count(word[i], word[i + 1], 1);
  }

  /** There is no pair at the end of a text. */
  count(first: number | undefined, second: number | undefined, more: number): void {
    if (first === undefined || second === undefined) return;
    const key = (first << BITS) | second;
    const times = (this.get(key) ?? 0) + more;
    if (times === 0) this.delete(key);
    else this.set(key, times);
  }
}

/** How many codes wait at most while the pair is read. */
function depthOf(pair: Pair, depths: ReadonlyMap<number, number>): number {
  return 1 + Math.max(...pair.map((code) => depths.get(code) ?? 0));
}

/** Of those that are met as often, the lowest: the same texts are always packed the same. */
function mostFrequent(times: Times, depths: ReadonlyMap<number, number>): Pair | undefined {
  let [best, most] = [0, TIMES_MIN - 1];
  for (const [key, many] of times) {
    if (many < most || (many === most && key > best)) continue;
    if (depthOf(pairOf(key), depths) <= DEPTH_MAX) [best, most] = [key, many];
  }
  return most < TIMES_MIN ? undefined : pairOf(best);
}

const pairOf = (key: number): Pair => [key >> BITS, key & ((1 << BITS) - 1)];

function replace(word: number[], [first, second]: Pair, made: number, times: Times): void {
  let to = 0;
  for (let i = 0; i < word.length; i++) {
    if (word[i] !== first || word[i + 1] !== second) {
      word[to++] = word[i] as number;
      continue;
    }
    const [before, behind] = [to > 0 ? word[to - 1] : undefined, word[i + 2]];
    times.count(first, second, -1);
    times.count(before, first, -1);
    times.count(before, made, 1);
    times.count(second, behind, -1);
    times.count(made, behind, 1);
    word[to++] = made;
    i++;
  }
  word.length = to;
}
