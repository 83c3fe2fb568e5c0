// Where programs are run: the two places (namespaces.ts, docker.ts) as the probes see them. The rule: a box is one life
// of the program in a PID namespace of its own, and whoever opens one closes it.

import type { ChildProcess } from "node:child_process";
import type { Listener, Masks, Stat } from "./processes.ts";
import type { Init } from "./report.ts";

export interface Place {
  readonly kind: "namespaces" | "docker";
  /** Which namespaces each box has of its own. */
  readonly namespaces: readonly string[];
  readonly kernel: string;
  readonly engine?: string;
  /** Whether boxes have ports of their own, so that a server can be started twice at once. */
  readonly ownPorts: boolean;
  open(spec: Spec): Promise<Box>;
}

/** An init as it can be put before a program. */
export interface Started extends Init {
  readonly path?: string;
}

export interface Spec {
  readonly command: readonly string[];
  readonly init: Started;
  /**
   * Whether a shell that outlives everything is PID 1, so that what the main program leaves behind can be seen: where
   * PID 1 ends, the kernel kills the rest at that moment.
   */
  readonly kept: boolean;
  readonly log: (stream: "stdout" | "stderr", line: string) => void;
}

/** How PID 1 or, where it is kept, the main program ended, as a shell tells it. */
export interface Status {
  readonly status: number;
  readonly signal?: string;
}

export interface Box {
  /** Whether the place put an init before the program by itself, as an engine does that is set up so. */
  readonly hasInit: boolean;
  /** The end of the main program where it is kept or bare, else of the init. */
  readonly ended: Promise<Status>;
  /** PID 1 and everything below it, as the lab sees them. */
  processes(): Promise<readonly Stat[]>;
  /** The pid inside. */
  innerPid(pid: number): number;
  commandOf(stat: Stat): string;
  masksOf(pid: number): readonly Masks[];
  listeners(): readonly Listener[];
  signal(pid: number, signal: number): Promise<void>;
  /** Runs a shell script inside, as an engine's exec does, and answers what it says. */
  inject(script: string): Promise<string>;
  /** Starts a script of the lab, on Node, where the box's ports can be reached. */
  visit(script: string, args: readonly string[]): ChildProcess;
  /** Ends what is left, and waits until it is gone. */
  close(): Promise<void>;
}

/** Something that keeps the lab from testing at all: the command line ends with 2. */
export class PlaceError extends Error {}

/** Something that a probe needs is not in the image or not to be had from the engine: nothing the user did wrong. */
export class MissingError extends Error {}
