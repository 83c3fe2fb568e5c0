// What each init promises, and so what may be held against it. The rule: nobody is held to a law that he never gave himself;
// the signals are those that conform saw arrive (docs/conform.md).

import type { Kind } from "../arena/target.ts";
import type { Part } from "./plan.ts";

/** By the names of the laws of steady, as far as they can be seen from outside. */
export const LAWS = {
  outlives: "the init never ends while the program lives",
  endsWithProgram: "when the program has ended, the init ends",
  status: "the init ends with the program's status, 128+n where a signal ended it",
  everySignal: "every signal that is sent to the init arrives, with its value",
  nothingUnasked: "nothing is sent that nobody sent to the init, and values keep their order",
  nobodyElse: "nobody but the living program and its group is ever signalled",
  reapsAll: "no zombie that was handed over is left when the init waits for news",
  asleep: "idle means no calls",
  holdsNothing: "the init holds 0, 1 and 2 as they came and three descriptors of its own",
  givesBack: "at the end the foreground is with the init's group again",
  wellFormed: "a line of the log is whole, and nothing is complained of",
} as const;
export type Law = keyof typeof LAWS;
export const LAW_NAMES = Object.keys(LAWS) as Law[];

export interface Contract {
  readonly laws: readonly Law[];
  /** Signals that arrive; whether others do is not looked at. */
  readonly signals: readonly number[];
  /** Signals that are not sent, since they have another meaning for this init. */
  readonly withheld: readonly number[];
  /** The same where it is not PID 1. */
  readonly withheldInside: readonly number[];
  /** What it refuses to start with, and says so. */
  readonly lacks: readonly Part[];
  /** Whether the value of a queued signal arrives. */
  readonly keepsValues: boolean;
  /** The option of each: what it writes to its log, whom it signals, who it adopts; nothing where it has none. */
  readonly verbose?: string;
  readonly group?: string;
  readonly subreaper?: string;
}

const KILL = 9;
const TERM = 15;
const CHLD = 17;
const STOP = 19;
const SIGNALS = Array.from({ length: 64 }, (_, i) => i + 1).filter(
  (signal) => ![KILL, TERM, CHLD, STOP].includes(signal),
);
const TSTP = 20;
const STOPS = [TSTP, 21, 22];
/** What the kernel sends for a program's own faults, and the two that the C library keeps to itself. */
const FAULTS = [4, 5, 6, 7, 8, 11, 31];
const LIBRARY = [32, 33];
const without = (...signals: number[]): readonly number[] => SIGNALS.filter((one) => !signals.includes(one));

/** Of every init. The others are about what steady alone claims: its descriptors, the terminal given back, its log. */
const COMMON: readonly Law[] = [
  "outlives",
  "endsWithProgram",
  "status",
  "everySignal",
  "nothingUnasked",
  "nobodyElse",
  "reapsAll",
  "asleep",
];

const PLAIN: Contract = {
  laws: COMMON,
  signals: without(...FAULTS, ...STOPS, ...LIBRARY),
  withheld: [],
  withheldInside: [],
  lacks: [],
  keepsValues: false,
};

export const CONTRACTS: Readonly<Record<Kind, Contract>> = {
  // The program is PID 1 itself: what arrives is the kernel's doing, and orphans are left.
  bare: { ...PLAIN, signals: SIGNALS, keepsValues: true },
  tini: {
    ...PLAIN,
    signals: without(...FAULTS, 21, 22, ...LIBRARY),
    withheldInside: [...FAULTS, ...LIBRARY],
    verbose: "-v",
    group: "-g",
    subreaper: "-s",
  },
  // SIGTSTP and its like come as SIGSTOP; it signals the group by default.
  "dumb-init": { ...PLAIN, signals: without(...STOPS, ...LIBRARY), withheld: STOPS, verbose: "-v" },
  // It asks at its start whether it may signal the program.
  catatonit: { ...PLAIN, group: "-g", lacks: ["other-user"] },
  steady: {
    ...PLAIN,
    laws: LAW_NAMES,
    signals: SIGNALS,
    keepsValues: true,
    verbose: "-v",
    group: "-g",
    // It finds out by itself.
    subreaper: "",
  },
  // What tini, dumb-init and catatonit all pass on.
  other: PLAIN,
  // No fuzz is about these: none takes a program on its command line.
  runit: PLAIN,
  s6: PLAIN,
  systemd: PLAIN,
};
