// What a rule is: a question about the program, and a judgement made from what happened. The rule of the rules: passed,
// failed or could not test, each with a reason, and never from a name or from a signal that was merely sent.

import type { Loaded, Silent } from "../clients.ts";
import type { Library } from "../libraries.ts";
import { MissingError } from "../place.ts";
import type { Adoption, Direct, EarlyStop, Remains, Stop, Surprise, Twice } from "../probes.ts";
import type { Finding, Severity } from "../report.ts";
import type { Signal } from "../settings.ts";

/** All that the probes brought home. What is missing was not run, because the program did not get that far. */
export interface Results {
  readonly first: Stop;
  readonly stopSignal: Signal;
  readonly graceMs: number;
  readonly bare: boolean;
  /** Whether the stop signal comes from an image, which is where it is changed. */
  readonly image: boolean;
  readonly signals: readonly Stop[];
  readonly twice?: Twice;
  readonly early: readonly EarlyStop[];
  readonly remains?: Remains;
  readonly adoption?: Adoption;
  readonly surprises: readonly Surprise[];
  readonly load?: Loaded;
  readonly silent?: Silent;
  /** Run only where the stop signal did not end the program: what would? */
  readonly direct?: Direct;
  readonly underInit?: Stop;
  /** Run only where requests or clients were lost: which signal loses none? */
  readonly otherLoads: readonly Loaded[];
  readonly otherSilents: readonly Silent[];
  readonly libraries: readonly Library[];
  /** Why what should have been run was not, by the probe's id. */
  readonly troubles: ReadonlyMap<string, Error>;
}

export interface Judgement {
  readonly verdict: Finding["verdict"];
  readonly what: string;
  readonly change?: string;
  readonly severity?: Severity;
  readonly evidence?: readonly string[];
  readonly runs?: readonly string[];
  readonly because?: "absent" | "hindered";
  readonly location?: Finding["location"];
}

export interface Rule {
  /** Stable: "SL" and three digits, never given to another rule. */
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** Why it matters, where it fails. */
  readonly why: string;
  readonly judge: (results: Results) => Judgement;
}

export function passed(what: string, rest: Partial<Judgement> = {}): Judgement {
  return { verdict: "passed", what, ...rest };
}

export function failed(what: string, change: string, rest: Partial<Judgement> = {}): Judgement {
  return { verdict: "failed", what, change, ...rest };
}

/** The program has nothing that the rule is about. */
export function absent(what: string, rest: Partial<Judgement> = {}): Judgement {
  return { verdict: "could-not-test", because: "absent", what, ...rest };
}

/** Something kept the lab from testing it. */
export function hindered(what: string, rest: Partial<Judgement> = {}): Judgement {
  return { verdict: "could-not-test", because: "hindered", what, ...rest };
}

/** The judgement of a rule about a program that has to be up first. */
export function notUp({ first }: Results): Judgement | undefined {
  return first.asked ? undefined : hindered("The program did not stay up, so it could not be asked.");
}

/** A probe without a result: the image or the engine lacks something for it, or it failed. */
export function missing(results: Results, probe: string): Judgement {
  const error = results.troubles.get(probe);
  if (error instanceof MissingError) return absent(`It could not be tried: ${error.message}.`);
  return hindered(`The probe "${probe}" brought no result: ${error?.message ?? "it was not run"}.`);
}

export function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** "SIGTERM ended it after 40 ms with status 143". */
export function tellEnd(stop: { readonly tookMs?: number; readonly status?: number }): string {
  return stop.tookMs === undefined
    ? "it did not end"
    : `it ended after ${seconds(stop.tookMs)} with status ${stop.status}`;
}

export function inTime(stop: Stop, graceMs: number): boolean {
  return stop.asked && stop.tookMs !== undefined && !stop.late && stop.tookMs <= graceMs;
}
