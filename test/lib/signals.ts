// Names and numbers of signals, as one list to look up.

import { SIGNALS } from "../../texts/linux.ts";

const RTMIN = 34;
const RTMAX = 64;

/** Every name that an option understands, in capitals and without SIG. */
export const SIGNAL_NAMES: ReadonlyMap<string, number> = new Map([
  ...SIGNALS.map(([name], index) => [name, index + 1] as const),
  ["RTMIN", RTMIN],
  ["RTMAX", RTMAX],
  ...Array.from({ length: RTMAX - RTMIN + 1 }, (_, n) => [`RTMIN+${n}`, RTMIN + n] as const),
  ...Array.from({ length: RTMAX - RTMIN + 1 }, (_, n) => [`RTMAX-${n}`, RTMAX - n] as const),
]);

/** The signal that a text means, or 0. */
export function signalNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) <= RTMAX ? Number(text) : 0;
  const name = text.replace(/[a-z]/g, (letter) => letter.toUpperCase()).replace(/^SIG/, "");
  // Leading zeros and signs are strtol's business: RTMIN+03 and RTMAX+0 say nothing that RTMIN+3 does not.
  const canonical = name.replace(/^(RTM(?:IN|AX)[+-])0+(?=\d)/, "$1").replace(/^(RTM(?:IN|AX))[+-]0$/, "$1");
  return SIGNAL_NAMES.get(canonical) ?? 0;
}

/** How the log names it. */
export function signalSentence(signal: number): string {
  return (
    SIGNALS[signal - 1]?.[1] ??
    (signal < RTMIN ? `Unknown signal ${signal}` : `Real-time signal ${signal - RTMIN}`)
  );
}
