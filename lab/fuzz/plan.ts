// What a round will do to a container, from one number: how it is started, the deeds, and the end. Deciding is all that
// happens here; the same seed gives the same plan on every machine.

import { readPlan } from "../schema/fuzz.ts";
import { UsageError } from "../settings.ts";
import type { Contract } from "./contract.ts";
import { Random } from "./random.ts";

export interface Circumstances {
  readonly place: "pid1" | "subreaper";
  readonly mode: "kernel" | "wait";
  readonly group: boolean;
  /** How many -v. */
  readonly verbosity: number;
  readonly stream: "pipe" | "fifo" | "socket" | "terminal";
  /** The program changes its user, and the init has no CAP_KILL. */
  readonly otherUser: boolean;
  /** What the program ends with. */
  readonly status: number;
}

/** One thing that somebody does. Values are unlike each other in the whole round. */
export type Deed =
  | { readonly do: "kill"; readonly signals: readonly number[] }
  | {
      readonly do: "queue";
      readonly from: "inside" | "outside";
      readonly signal: number;
      readonly first: number;
      readonly count: number;
    }
  | { readonly do: "orphans" | "zombies"; readonly count: number }
  | { readonly do: "litter" | "daemon" | "stall" | "resume" | "leave" | "resize" | "rest" }
  | { readonly do: "stop" | "continue"; readonly whom: "program" | "init" }
  | { readonly do: "type"; readonly text: string };

export type Ending = "term" | "kill" | "hang-up";

export interface Plan {
  readonly circumstances: Circumstances;
  readonly deeds: readonly Deed[];
  readonly ending: Ending;
}

/** At which the program leaves an orphan, and at which it ends: nothing else sends these. */
export const LITTER = 10;
export const TERM = 15;
const KILL = 9;
const STOP = 19;
const SIGNAL_MAX = 64;
const RTMIN = 32;

/** Ctrl-C, Ctrl-backslash, Ctrl-Z: the kernel's signals to the foreground. */
export const TYPED: Readonly<Record<string, number>> = { "\x03": 2, "\x1c": 3, "\x1a": 20 };

const SENDABLE = Array.from({ length: SIGNAL_MAX }, (_, index) => index + 1).filter(
  (signal) => ![KILL, STOP, TERM].includes(signal),
);
const BURST_MAX = 60;
const QUEUE_MAX = 40;
const ORPHANS_MAX = 60;
const ZOMBIES_MAX = 400;

export function planOf(seed: number): Plan {
  const random = new Random(seed);
  const circumstances = drawCircumstances(random);
  const count = 20 + random.below(60);
  let value = 1;
  const deeds = Array.from({ length: count }, () => {
    value += QUEUE_MAX;
    return drawDeed(random, circumstances, value);
  });
  const endings: Ending[] =
    circumstances.stream === "terminal" ? ["term", "kill", "hang-up"] : ["term", "kill"];
  return { circumstances, deeds: [...deeds, { do: "rest" }], ending: random.pick(endings) };
}

function drawCircumstances(random: Random): Circumstances {
  return {
    place: random.once(4) ? "subreaper" : "pid1",
    mode: random.pick(["kernel", "wait"]),
    group: random.once(3),
    verbosity: random.pick([0, 1, 2, 3]),
    stream: random.pick(["pipe", "fifo", "socket", "terminal"]),
    otherUser: random.once(4),
    status: 1 + random.below(100),
  };
}

function drawDeed(random: Random, { stream }: Circumstances, value: number): Deed {
  const draw = random.below(100);
  if (draw < 25) return { do: "kill", signals: drawSignals(random) };
  if (draw < 45) {
    const signal = random.once(2) ? random.pick(SENDABLE) : RTMIN + random.below(SIGNAL_MAX - RTMIN + 1);
    const from = random.pick(["inside", "outside"] as const);
    return { do: "queue", from, signal, first: value, count: 1 + random.below(QUEUE_MAX) };
  }
  if (draw < 55) return { do: "orphans", count: 1 + random.below(ORPHANS_MAX) };
  if (draw < 63) return { do: "zombies", count: 1 + random.below(ZOMBIES_MAX) };
  if (draw < 68) return { do: "litter" };
  if (draw < 71) return { do: "daemon" };
  if (draw < 79) return { do: random.pick(["stop", "continue"]), whom: random.pick(["program", "init"]) };
  if (draw < 93) return drawForStream(random, stream);
  return { do: "rest" };
}

function drawSignals(random: Random): number[] {
  return Array.from({ length: 1 + random.below(BURST_MAX) }, () => random.pick(SENDABLE));
}

/** A terminal is typed at; the others have a reader who stalls, goes on, or leaves. */
function drawForStream(random: Random, stream: Circumstances["stream"]): Deed {
  if (stream !== "terminal")
    return { do: random.once(10) ? "leave" : random.pick(["stall", "stall", "resume"]) };
  if (random.once(4)) return { do: "resize" };
  return { do: "type", text: random.pick([...Object.keys(TYPED), "text\n"]) };
}

/** What can be left out: a deed, or a circumstance. */
export const PARTS = [
  "kill",
  "queue",
  "orphans",
  "zombies",
  "litter",
  "daemon",
  "stop",
  "continue",
  "type",
  "stall",
  "resume",
  "leave",
  "resize",
  "subreaper",
  "group",
  "verbose",
  "terminal",
  "other-user",
] as const;
export type Part = (typeof PARTS)[number];

/** The plan as far as it is fair to an init: with the options that it has, and without signals that mean something else to it. */
export function fairPlan(
  { circumstances, deeds, ending }: Plan,
  contract: Contract,
  left: readonly Part[],
): Plan {
  const has = (part: Part): boolean => !left.includes(part) && !contract.lacks.includes(part);
  const { subreaper, group, verbose } = contract;
  const isInside = circumstances.place === "subreaper" && subreaper !== undefined && has("subreaper");
  const isTerminal = circumstances.stream === "terminal" && has("terminal");
  const fair: Circumstances = {
    ...circumstances,
    place: isInside ? "subreaper" : "pid1",
    group: circumstances.group && group !== undefined && has("group"),
    verbosity: verbose !== undefined && has("verbose") ? circumstances.verbosity : 0,
    stream: circumstances.stream === "terminal" && !isTerminal ? "pipe" : circumstances.stream,
    otherUser: circumstances.otherUser && has("other-user"),
  };
  const withheld = isInside ? contract.withheldInside : contract.withheld;
  const terminalOnly = ["type", "resize"];
  return {
    circumstances: fair,
    deeds: deeds
      .filter((deed) => deed.do === "rest" || has(deed.do))
      .filter((deed) => isTerminal || !terminalOnly.includes(deed.do))
      .map((deed) => withholding(deed, withheld))
      .filter((deed) => deed !== undefined),
    ending: ending === "hang-up" && !isTerminal ? "term" : ending,
  };
}

function withholding(deed: Deed, withheld: readonly number[]): Deed | undefined {
  if (deed.do === "queue") return withheld.includes(deed.signal) ? undefined : deed;
  if (deed.do !== "kill") return deed;
  const signals = deed.signals.filter((signal) => !withheld.includes(signal));
  return signals.length > 0 ? { ...deed, signals } : undefined;
}

/** The plan as one line, as `--play` takes it. */
export function lineOf(plan: Plan): string {
  return JSON.stringify(plan);
}

/** A plan from its line, which somebody may have changed. */
export function planIn(line: string): Plan {
  try {
    return readPlan(JSON.parse(line));
  } catch (error) {
    throw new UsageError(`play: this is no line that fuzz has printed: ${(error as Error).message}`);
  }
}

/** A deed as a line of a story. */
export function tell(deed: Deed): string {
  const { do: what, ...rest } = deed;
  return `${what} ${JSON.stringify(rest)}`;
}
