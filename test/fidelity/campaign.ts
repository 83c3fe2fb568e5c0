// A whole comparison with the kernel of this machine: scripts by hand for the rare corners, then generated ones; the
// shortest script for a difference, and what was never compared.

import { availableParallelism, release } from "node:os";
import fc from "fast-check";
import { ageOf } from "../../simulator/ages.ts";
import { Tally } from "./cells.ts";
import { compare, type Difference, differ, follow, type Played, type Player, plans } from "./compare.ts";
import { CORNERS } from "./corners.ts";
import { Stand, UID } from "./native.ts";
import { parse, type Script } from "./script.ts";
import { type Kind, playAble, playSimulated } from "./simulated.ts";

const WORKERS_MAX = 4;
/** Each try is a run of a namespace: what is shortest by then is told. */
const SHORTEN_MS_MAX = 20_000;

export interface Result {
  readonly scripts: number;
  readonly steps: number;
  readonly differences: readonly Difference[];
  readonly tally: Tally;
}

/** The kernel that this machine has. */
export const HERE: Kind = { age: ageOf(release()), refusals: {}, uid: UID };

/** Runs something with players on this machine, which are removed afterwards. */
export async function withPlayers<T>(count: number, body: (players: Stand[]) => Promise<T>): Promise<T> {
  const players: Stand[] = [];
  try {
    for (let worker = 0; worker < count; worker++) players.push(new Stand(worker));
    return await body(players);
  } finally {
    for (const player of players) player.remove();
  }
}

/** The corners, and as many generated scripts as are missing to `count`. */
export function makeScripts(count: number, seed: number, kind: Kind): Played[] {
  const corners = CORNERS.map((text) => playAble(parse(text), kind));
  const generated = fc.sample(plans(), { numRuns: Math.max(1, count - corners.length), seed });
  return [...corners, ...generated.map((plan) => follow(plan, kind))];
}

const playKnown = (script: Script, kind: Kind): Played => ({
  script,
  simulated: playSimulated(script, kind, 0),
});

export async function campaign(
  count: number,
  seed: number,
  progress: (done: number, of: number) => void = () => {},
): Promise<Result> {
  const played = makeScripts(count, seed, HERE);
  const tally = new Tally();
  let done = 0;
  return withPlayers(Math.min(WORKERS_MAX, availableParallelism()), async (players) => {
    const differences = await compare(players, played, HERE, tally, (more) => {
      done += more;
      progress(done, played.length);
    });
    const steps = played.reduce((sum, { script }) => sum + script.steps.length, 0);
    const [first, ...others] = differences;
    const told = first === undefined ? [] : [await shorten(first, players[0] as Stand, HERE), ...others];
    return { scripts: played.length, steps, differences: told, tally };
  });
}

/**
 * The shortest script that still differs: fast-check takes steps away. What is left of a script may make no sense (a slot
 * that nobody is in): then it does not differ.
 */
export async function shorten(difference: Difference, player: Player, kind: Kind): Promise<Difference> {
  const { setting } = difference.script;
  const steps = difference.script.steps.slice(0, difference.at + 1);
  let shortest = difference;
  const agrees = fc.asyncProperty(fc.subarray([...steps.keys()], { minLength: 1 }), async (kept) => {
    const script = { setting, steps: steps.filter((_, index) => kept.includes(index)) };
    const one = await compareOne(script, player, kind);
    if (one === undefined) return true;
    if (one.script.steps.length < shortest.script.steps.length) shortest = one;
    return false;
  });
  const whole: [number[]] = [[...steps.keys()]];
  await fc.check(agrees, { numRuns: 1, examples: [whole], interruptAfterTimeLimit: SHORTEN_MS_MAX });
  return shortest;
}

/** Undefined where the two agree, and where the script makes no sense. */
export async function compareOne(
  script: Script,
  player: Player,
  kind: Kind,
): Promise<Difference | undefined> {
  let played: Played;
  try {
    played = playKnown(script, kind);
  } catch {
    return undefined;
  }
  const [native = []] = await player.play(script.setting, [script]);
  const outcome = differ(played, native, kind);
  return typeof outcome === "number" ? undefined : outcome;
}
