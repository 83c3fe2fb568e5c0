// What `import { check } from "steady-lab"` gives: the check, its options and its report, typed.

export { type CheckExtras, check } from "./check.ts";
export { PlaceError } from "./place.ts";
export type * from "./report.ts";
export { RULES } from "./rules/all.ts";
export type { Progress } from "./schedule.ts";
export { type CheckOptions, UsageError } from "./settings.ts";
