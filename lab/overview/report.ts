// What `report` answers: attack, conform and bench of the same inits on the same machine. The rule: new names may come; what a
// name means stays.

import type { ArenaReport } from "../arena/run.ts";
import type { Kind } from "../arena/target.ts";
import type { BenchReport } from "../bench/report.ts";
import type { ConformReport } from "../conform/report.ts";

/** An init that was compared. */
export interface Compared {
  readonly name: string;
  readonly kind: Kind;
  /** None where the program itself is PID 1. */
  readonly path?: string;
  /** What `--version` says; none where that is not known to be harmless. */
  readonly version?: string;
  /** Of its file. */
  readonly sha256?: string;
}

export interface Overview {
  readonly reportVersion: 1;
  readonly tool: { readonly name: "steady-lab"; readonly version: string };
  /** In ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  /** With fewer repetitions, and smaller crowds, than a bench has by itself. */
  readonly quick: boolean;
  readonly inits: readonly Compared[];
  /** Those of the default that this machine does not have. */
  readonly absent: readonly string[];
  readonly attack: ArenaReport;
  readonly conform: ConformReport;
  /** The machine is told here. */
  readonly bench: BenchReport;
  /** 2 where something could not be tested or measured; that an init falls is no failure. */
  readonly exitStatus: 0 | 2;
}
