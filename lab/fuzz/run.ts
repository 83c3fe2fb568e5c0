// Fuzzes an init: rounds of random events until the time is over or a law is broken. The rule: nothing is called broken by
// events that were played once: they are played again, and how often they broke it is told.

import { spawnSync } from "node:child_process";
import { release } from "node:os";
import { demandProgram } from "../arena/adapter.ts";
import { type Target, targetOf } from "../arena/target.ts";
import { PlaceError } from "../place.ts";
import { UsageError } from "../settings.ts";
import { versionOfLab } from "../version.ts";
import { type Cast, NAMESPACE } from "./container.ts";
import { CONTRACTS, type Contract, LAW_NAMES, LAWS, type Law } from "./contract.ts";
import { fairPlan, lineOf, PARTS, type Part, type Plan, planIn, planOf } from "./plan.ts";
import { writePlayer } from "./player.ts";
import type { FuzzFailure, FuzzReport } from "./report.ts";
import { Broken, type Figures, noFigures, Round } from "./round.ts";
import { shrink } from "./shrink.ts";

const PATIENCE_MS = 20_000;
/** While it is shrunk: what is shrunk is played once more with all patience. */
const SHORT_PATIENCE_MS = 4_000;
const REPEATS = 3;
const SHRINK_PLAYS = 120;

export interface FuzzOptions {
  /** bare, steady, or the name or path of an init. */
  readonly init: string;
  /** How long: 1 where nothing is said. */
  readonly minutes?: number;
  /** In place of the minutes. */
  readonly rounds?: number;
  /** Of the first round; 0 where nothing is said. */
  readonly seed?: number;
  /** A line that a report has printed, in place of a seed. */
  readonly play?: string;
  /** How many plays the search for the fewest events may take (120). */
  readonly shrink?: number;
  /** These alone are counted, in place of those that the init's contract has. */
  readonly laws?: readonly string[];
  /** Deeds and circumstances that are left out. */
  readonly without?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (told: FuzzProgress) => void;
}

export interface FuzzProgress {
  /** From 0 to 1; of a shrinking, of the plays that it may take. */
  readonly share: number;
  readonly now: string;
}

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const init = targetOf(options.init);
  demandProgram("fuzz", [init]);
  const laws = chosen("law", options.laws, LAW_NAMES);
  const without = chosen("part", options.without, PARTS) ?? [];
  const plan = options.play === undefined ? undefined : planIn(options.play);
  const seed = options.seed ?? 0;
  demandPlace();
  const fuzzer = new Fuzzer(init, contractOf(init, laws), options);
  const began = performance.now();
  const failure = plan === undefined ? await fuzzer.rounds(seed, without) : await fuzzer.play(plan);
  return {
    reportVersion: 1,
    tool: { name: "steady-lab", version: versionOfLab() },
    kernel: release(),
    init,
    laws: fuzzer.cast.contract.laws,
    seed,
    seconds: Math.round((performance.now() - began) / 1000),
    figures: fuzzer.figures,
    ...(failure === undefined ? {} : { failure }),
    exitStatus: failure === undefined ? 0 : 1,
  };
}

function contractOf({ kind }: Target, laws: readonly Law[] | undefined): Contract {
  const contract = CONTRACTS[kind];
  return laws === undefined ? contract : { ...contract, laws };
}

function chosen<Name extends string>(
  what: string,
  asked: readonly string[] | undefined,
  names: readonly Name[],
): readonly Name[] | undefined {
  const unknown = asked?.find((name) => !names.some((each) => each === name));
  if (unknown !== undefined) throw new UsageError(`there is no ${what} ${unknown}: ${names.join(", ")}`);
  return asked && names.filter((name) => asked.includes(name));
}

function demandPlace(): void {
  const [file = "", ...args] = [...NAMESPACE, "true"];
  if (spawnSync(file, args, { stdio: "ignore" }).status !== 0)
    throw new PlaceError("fuzz needs PID namespaces: run it as root, or where user namespaces are allowed");
  for (const [program, debian] of [
    ["perl", "perl-base"],
    ["script", "bsdutils"],
    ["nsenter", "util-linux"],
  ])
    if (spawnSync("sh", ["-c", 'command -v "$1"', "sh", program as string]).status !== 0)
      throw new PlaceError(`fuzz needs ${program} (Debian: apt-get install ${debian})`);
}

interface Found {
  readonly plan: Plan;
  readonly broken: Broken;
}

const lined = (plan: Plan): Pick<FuzzFailure, "plan" | "line"> => ({ plan, line: lineOf(plan) });

class Fuzzer {
  readonly cast: Cast;
  readonly figures: Figures = noFigures();
  readonly #options: FuzzOptions;

  constructor(init: Target, contract: Contract, options: FuzzOptions) {
    this.cast = { init, contract, player: writePlayer, signal: options.signal };
    this.#options = options;
  }

  async rounds(first: number, without: readonly Part[]): Promise<FuzzFailure | undefined> {
    const { rounds = Number.POSITIVE_INFINITY, minutes = this.#options.rounds === undefined ? 1 : Infinity } =
      this.#options;
    const began = performance.now();
    for (let done = 0; done < rounds; done++) {
      const share = Math.max(done / rounds, (performance.now() - began) / (minutes * 60_000));
      if (share >= 1) break;
      const seed = first + done;
      this.#tell(share, `round ${done + 1}, seed ${seed}, ${this.figures.sent} signals sent`);
      const plan = fairPlan(planOf(seed), this.cast.contract, without);
      const broken = await this.#broken(plan, PATIENCE_MS);
      if (broken !== undefined) return this.#failure(plan, broken, seed);
    }
    return undefined;
  }

  /** A line is played as it is, and judged. */
  async play(plan: Plan): Promise<FuzzFailure | undefined> {
    this.#tell(0, `the line that was given, ${plan.deeds.length} deeds`);
    const broken = await this.#broken(plan, PATIENCE_MS);
    if (broken === undefined) return undefined;
    const again = await this.#again(plan, broken);
    return { ...this.#told(broken, again), deeds: plan.deeds.length, ...lined(plan) };
  }

  /** The law that a plan breaks. */
  async #broken(plan: Plan, patienceMs: number): Promise<Broken | undefined> {
    this.#options.signal?.throwIfAborted();
    try {
      await new Round(plan, this.cast, patienceMs).play(this.figures);
      return undefined;
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      if (error instanceof Broken) return error;
      throw error;
    }
  }

  async #failure(plan: Plan, broken: Broken, seed: number): Promise<FuzzFailure> {
    const again = await this.#again(plan, broken);
    const found = { plan, broken };
    const smallest = again === 0 ? found : ((await this.#shrunk(found)) ?? found);
    return {
      ...this.#told(smallest.broken, again),
      ...{ seed, deeds: plan.deeds.length },
      ...lined(smallest.plan),
    };
  }

  #told(
    { law, seen }: Broken,
    again: number,
  ): Pick<FuzzFailure, "law" | "promise" | "seen" | "again" | "of"> {
    return { law, promise: LAWS[law], seen, again, of: REPEATS };
  }

  /** How often the same events break a law once more, which one may be a matter of moments. */
  async #again(plan: Plan, { law }: Broken): Promise<number> {
    let again = 0;
    for (let i = 0; i < REPEATS; i++) {
      this.#tell(i / REPEATS, `${law} is broken; once more`);
      if ((await this.#broken(plan, PATIENCE_MS)) !== undefined) again++;
    }
    return again;
  }

  /** What a short patience has found is believed where all patience finds it too. */
  async #shrunk({ plan, broken: { law } }: Found): Promise<Found | undefined> {
    let plays = 0;
    const { shrink: most = SHRINK_PLAYS } = this.#options;
    const fails = async (candidate: Plan): Promise<boolean> => {
      this.#tell(plays++ / most, `${law} is broken; ${candidate.deeds.length} deeds`);
      return (await this.#broken(candidate, SHORT_PATIENCE_MS)) !== undefined;
    };
    const smallest = await shrink(plan, fails, () => plays >= most);
    for (let i = 0; i < REPEATS; i++) {
      this.#tell(i / REPEATS, `${law} is broken; the fewest events once more, with all patience`);
      const broken = await this.#broken(smallest, PATIENCE_MS);
      if (broken !== undefined) return { plan: smallest, broken };
    }
    return undefined;
  }

  #tell(share: number, now: string): void {
    this.#options.onProgress?.({ share, now });
  }
}
