// What fuzz answers.

import type { Target } from "../arena/target.ts";
import type { Law } from "./contract.ts";
import type { Plan } from "./plan.ts";
import type { Figures } from "./round.ts";

export interface FuzzFailure {
  /** The one that the events of `plan` broke. */
  readonly law: Law;
  /** The law, in a sentence. */
  readonly promise: string;
  readonly seen: string;
  /** None where a line was played. */
  readonly seed?: number;
  /** How often the very events of the seed broke a law again, and of how many times. */
  readonly again: number;
  readonly of: number;
  /** The fewest events that were found to break it; those of the seed where it did not break again. */
  readonly plan: Plan;
  /** How many deeds the seed's plan had. */
  readonly deeds: number;
  /** The plan, as `--play` takes it. */
  readonly line: string;
}

export interface FuzzReport {
  readonly reportVersion: 1;
  readonly tool: { readonly name: "steady-lab"; readonly version: string };
  readonly kernel: string;
  readonly init: Target;
  /** The laws that were counted. */
  readonly laws: readonly Law[];
  readonly seed: number;
  readonly seconds: number;
  readonly figures: Figures;
  readonly failure?: FuzzFailure;
  readonly exitStatus: 0 | 1;
}
