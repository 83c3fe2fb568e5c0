// Generates scripts, plays each natively and simulated, and compares the traces. Where the real kernel may do one thing
// before or after another, the simulated one draws: a native trace is right if one of the orders that it can draw is it.

import fc from "fast-check";
import { cellsOf, type Tally } from "./cells.ts";
import { type Move, stepOf, THEME_NAMES, type Theme } from "./moves.ts";
import type { Moment, Script, Step } from "./script.ts";
import { SETTING_NAMES, type SettingName } from "./settings.ts";
import { type Kind, playSimulated, Simulation } from "./simulated.ts";

/** So many draws are compared before a trace counts as different. */
const ORDERS_MAX = 60;
const MOVES_MAX = 30;
/** So many scripts go to a player at once. */
const BATCH = 40;

/** What fast-check generates: from the setting and the moves a script follows. */
export interface Plan {
  readonly setting: SettingName;
  readonly theme: Theme;
  readonly moves: readonly Move[];
}

const choice = fc.nat(0xffff);
const some = fc.nat(99);
const move: fc.Arbitrary<Move> = fc.tuple(choice, fc.nat(5), choice, choice, choice, choice);

export function plans(settings: readonly SettingName[] = SETTING_NAMES): fc.Arbitrary<Plan> {
  return fc.record({
    setting: fc.constantFrom(...settings),
    theme: fc.record({ name: fc.constantFrom(...THEME_NAMES), signals: fc.tuple(some, some, some) }),
    moves: fc.array(move, { minLength: 1, maxLength: MOVES_MAX, size: "max" }),
  });
}

/** A script, and what the simulated kernel did. */
export interface Played {
  readonly script: Script;
  readonly simulated: readonly Moment[];
}

/** Makes a script of a plan, by playing it. */
export function follow({ setting, theme, moves }: Plan, kind: Kind): Played {
  const simulation = new Simulation(setting, kind, 0);
  const steps: Step[] = [];
  const simulated: Moment[] = [];
  for (const next of moves) {
    const step = stepOf(simulation, theme, next);
    if (step === undefined) continue;
    steps.push(step);
    simulated.push(simulation.perform(step));
  }
  return { script: { setting, steps }, simulated };
}

export interface Difference {
  readonly script: Script;
  /** The step at which the traces part. */
  readonly at: number;
  readonly native: readonly Moment[];
  readonly simulated: readonly Moment[];
}

/** The seed with which the simulated kernel does what the native one did; else how the two differ at least. */
export function differ(
  { script, simulated }: Played,
  native: readonly Moment[],
  kind: Kind,
): number | Difference {
  let nearest = { at: partsAt(native, simulated), simulated };
  if (nearest.at < 0) return 0;
  for (let seed = 1; seed <= ORDERS_MAX; seed++) {
    const other = playSimulated(script, kind, seed);
    const at = partsAt(native, other);
    if (at < 0) return seed;
    if (at > nearest.at) nearest = { at, simulated: other };
  }
  return { script, native, ...nearest };
}

function partsAt(native: readonly Moment[], simulated: readonly Moment[]): number {
  const count = Math.max(native.length, simulated.length);
  for (let i = 0; i < count; i++) if (linesOf(native[i]).join() !== linesOf(simulated[i]).join()) return i;
  return -1;
}

/** A moment as lines. Which of two processes that go on at one moment comes to its answer first is open. */
export const linesOf = (moment: Moment | undefined): string[] => [
  ...(moment?.answers ?? []).toSorted((a, b) => slotOf(a) - slotOf(b)),
  ...(moment?.processes ?? []),
];

const slotOf = (answer: string): number => Number.parseInt(answer, 10);

/** A real kernel that plays scripts: this machine's, a guest's, one behind a profile. */
export interface Player {
  play(setting: SettingName, scripts: readonly Script[]): Promise<Moment[][]>;
}

/**
 * Has the scripts played, each by one of the players, and counts what was met where both kernels agree. The setting
 * "user" is the first player's alone: its limits count for the user on the whole machine.
 */
export async function compare(
  players: readonly Player[],
  all: readonly Played[],
  kind: Kind,
  tally: Tally,
  progress: (done: number) => void = () => {},
): Promise<Difference[]> {
  const differences: Difference[] = [];
  const batches = inBatches(all);
  const work = async (player: Player, index: number): Promise<void> => {
    for (let batch = nextFor(batches, index); batch !== undefined; batch = nextFor(batches, index)) {
      const [setting, played] = batch;
      const natives = await player.play(
        setting,
        played.map(({ script }) => script),
      );
      for (const [i, one] of played.entries()) differences.push(...judge(one, natives[i] ?? [], kind, tally));
      progress(played.length);
    }
  };
  await Promise.all(players.map(work));
  return differences;
}

type Batch = readonly [SettingName, readonly Played[]];

/** Scripts of one setting, so many that one run plays them; those of the first player come first. */
export function inBatches(all: readonly Played[]): Batch[] {
  const bySetting = [...Map.groupBy(all, ({ script }) => script.setting)];
  bySetting.sort(([a], [b]) => Number(b === "user") - Number(a === "user"));
  return bySetting.flatMap(([setting, played]) =>
    Array.from(
      { length: Math.ceil(played.length / BATCH) },
      (_, i): Batch => [setting, played.slice(i * BATCH, (i + 1) * BATCH)],
    ),
  );
}

function nextFor(batches: Batch[], player: number): Batch | undefined {
  const index = player === 0 ? 0 : batches.findIndex(([setting]) => setting !== "user");
  return index < 0 ? undefined : batches.splice(index, 1)[0];
}

/** Empty where the two agree: then everything that was met is counted. */
export function judge(played: Played, native: readonly Moment[], kind: Kind, tally: Tally): Difference[] {
  const outcome = differ(played, native, kind);
  if (typeof outcome !== "number") return [outcome];
  const simulation = new Simulation(played.script.setting, kind, outcome);
  for (const [i, step] of played.script.steps.entries()) {
    tally.add(cellsOf(simulation, step, native[i] as Moment));
    simulation.perform(step);
  }
  if (outcome > 0) tally.addDrawn();
  return [];
}
