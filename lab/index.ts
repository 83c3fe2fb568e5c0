// What `import { bench, check, install, verify } from "steady-lab"` gives: the checks, their options and their reports, typed.

export type { Attack } from "./arena/attack.ts";
export {
  type ArenaOptions,
  type ArenaReport,
  attack,
  type Played,
  type Seen,
  type Verdict,
} from "./arena/run.ts";
export type { Target } from "./arena/target.ts";
export type {
  BenchReport,
  Change,
  Comparison,
  Figure,
  Machine,
  Measurement,
  Result,
  Samples,
  Spread,
  Subject as BenchSubject,
} from "./bench/report.ts";
export { type BenchOptions, bench } from "./bench/run.ts";
export { type CheckExtras, check } from "./check.ts";
export type { CellState, ConformCell, ConformReport, ConformRow } from "./conform/report.ts";
export { type ConformOptions, conform } from "./conform/run.ts";
export type { Law } from "./fuzz/contract.ts";
export type { Circumstances, Deed, Ending, Plan } from "./fuzz/plan.ts";
export type { FuzzFailure, FuzzReport } from "./fuzz/report.ts";
export type { Figures } from "./fuzz/round.ts";
export { type FuzzOptions, type FuzzProgress, fuzz } from "./fuzz/run.ts";
export { type InstallOptions, install } from "./install.ts";
export type { Compared, Overview } from "./overview/report.ts";
export { type ReportOptions, report } from "./overview/run.ts";
export { PlaceError } from "./place.ts";
export { ARCHITECTURES, type Architecture, type Program, program } from "./programs.ts";
export type * from "./report.ts";
export { RULES } from "./rules/all.ts";
export type { FoundInit, ScanFinding, ScannedImage, ScanReport } from "./scan/report.ts";
export { type ScanOptions, scan } from "./scan/scan.ts";
export type { Progress } from "./schedule.ts";
export { type CheckOptions, UsageError } from "./settings.ts";
export {
  CODES,
  type Code,
  type FileVerdict,
  type Identity,
  type Reason,
  type ReleaseVerdict,
  type Verification,
} from "./verify/verification.ts";
export { type VerifyOptions, verify } from "./verify/verify.ts";
