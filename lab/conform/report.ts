// What conform answers. The rule: new names may come; what a name means stays.

import type { Kind } from "../arena/target.ts";
import type { Group } from "./probe.ts";

/** A row of the matrix: one question. */
export interface ConformRow {
  /** As docs/conform.md has it; `pid1.15` is signal 15 of the probe `pid1`. */
  readonly id: string;
  /** What `--script` prints the script of. */
  readonly probe: string;
  readonly group: Group;
  readonly title: string;
  /** The signal that it is about. */
  readonly signal?: number;
}

export type CellState = "probed" | "not applicable" | "could not test";

/** What one init did. */
export interface ConformCell {
  readonly row: string;
  readonly init: string;
  readonly state: CellState;
  /** In a word or two, as docs/conform.md explains them; empty where it was not probed. */
  readonly value: string;
  /** What was sent, what arrived, which status came, what was said; or why there is no value. */
  readonly evidence: string;
  /** What the same came to without the init, or whatever else shows that the probe sees what it looks for. */
  readonly control: string;
}

export interface ConformReport {
  readonly reportVersion: 1;
  readonly tool: { readonly name: "steady-lab"; readonly version: string };
  readonly kernel: string;
  readonly machine: string;
  /** What the containers were of; namespaces where nothing is said. */
  readonly engine?: string;
  readonly inits: readonly { readonly name: string; readonly kind: Kind; readonly path?: string }[];
  readonly rows: readonly ConformRow[];
  /** For each row one of each init. */
  readonly cells: readonly ConformCell[];
  /** 2 where something could not be tested. */
  readonly exitStatus: 0 | 2;
}
