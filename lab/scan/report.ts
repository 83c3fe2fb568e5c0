// What `scan` answers: the report of its library function and of `--json`. The rule: whatever is said of an init names the
// day of what is known of it.

import type { Identity, Reason, Verdict } from "../verify/verification.ts";

export type Severity = "error" | "warning" | "note";

export interface FoundInit {
  /** Where it lies; of several hard links the first by name. */
  readonly path: string;
  /** Other paths of the same file: hard links, and symbolic links that lead to it. */
  readonly links: readonly string[];
  readonly identity: Identity;
  readonly bytes: number;
  readonly sha256: string;
  readonly executable: boolean;
  readonly verdict: Verdict;
  readonly reasons: readonly Reason[];
  /** Whether it is what ENTRYPOINT and CMD start. */
  readonly isEntry: boolean;
  /** What is known of its version: ids of the list below. */
  readonly weaknesses: readonly string[];
  /** The last version, where this is an older one. */
  readonly latest?: string;
}

export interface ScanFinding {
  /** "SI005": docs/scan.md tells about each. */
  readonly rule: string;
  readonly title: string;
  readonly severity: Severity;
  readonly what: string;
  readonly why: string;
  readonly change: string;
  readonly evidence: readonly string[];
  /** In the image. */
  readonly path?: string;
  /** Of the Dockerfile. */
  readonly line?: number;
}

export interface ScannedImage {
  readonly name: string;
  readonly digest?: string;
  readonly architecture?: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly user: string;
  readonly stopSignal?: string;
  /** The programs that start one another, as far as words tell; PID 1 first. */
  readonly chain: readonly string[];
  readonly inits: readonly FoundInit[];
  readonly findings: readonly ScanFinding[];
}

/** Of a weakness that an init of the images has. */
export interface KnownWeakness {
  readonly id: string;
  readonly init: string;
  readonly title: string;
  readonly severity: Severity;
  readonly source: string;
}

export interface ScanReport {
  /** Grows when a name goes or changes its meaning; new names may come. */
  readonly reportVersion: 1;
  readonly tool: { readonly name: "steady-lab"; readonly version: string };
  /** The days that the lists tell the state of. */
  readonly knownAsOf: string;
  readonly weaknessesAsOf: string;
  readonly source: string;
  /** What was read, and what it cost. */
  readonly bytesRead: number;
  readonly durationMs: number;
  readonly memoryPeakBytes: number;
  readonly images: readonly ScannedImage[];
  readonly weaknesses: readonly KnownWeakness[];
  readonly exitStatus: 0 | 1;
  /** An OpenVEX document about the steady that is in the images; of --json it is no part. */
  readonly vex?: object;
}
