// What one check tells: the typed result that the command line prints, files are written from and the library
// answers. The rule: nothing here is computed from anything else here but the counts, and every sentence a reader
// sees about a finding is in the finding.

/** Numbers of this shape's versions: a reader of `--json` may rely on the names while it stays. */
export const REPORT_VERSION = 1;

export interface Report {
  readonly reportVersion: typeof REPORT_VERSION;
  readonly tool: { readonly name: "steady-lab"; readonly version: string };
  readonly subject: Subject;
  readonly environment: Environment;
  readonly settings: Settings;
  /** When the check began, in ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly runs: readonly Run[];
  /** One for each rule, whatever its verdict, in the order of the rules' ids. */
  readonly findings: readonly Finding[];
  readonly counts: Counts;
  readonly exitStatus: ExitStatus;
}

/** What was checked. */
export interface Subject {
  readonly kind: "command" | "image";
  /** PROGRAM ARGS as the kernel got them: of an image, its entry point and command. */
  readonly command: readonly string[];
  /** The directory it was started in. */
  readonly directory: string;
  /** The signal that asks it to stop: SIGTERM, or what the image's STOPSIGNAL says. */
  readonly stopSignal: string;
  readonly image?: ImageSubject;
}

export interface ImageSubject {
  readonly name: string;
  /** "sha256:..." */
  readonly id: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly user: string;
  /** STOPSIGNAL as the image says it; absent where it says nothing. */
  readonly stopSignal?: string;
}

/** Where it was checked. */
export interface Environment {
  readonly place: "namespaces" | "docker";
  /** Which namespaces each run had of its own: "pid", "mount", "user", "network". */
  readonly namespaces: readonly string[];
  readonly init: Init;
  readonly platform: string;
  readonly kernel: string;
  readonly node: string;
  /** The engine and its version, where the place is Docker. */
  readonly engine?: string;
  /** What the reader should know about the place, a sentence each: "There are no namespaces to be had here: ...". */
  readonly notes: readonly string[];
}

/** What was PID 1: the program itself (bare), or an init that started it. */
export interface Init {
  readonly kind: "bare" | "steady" | "other";
  /** As the reader knows it: "bare", "steady 1.0.0", "/usr/bin/tini". */
  readonly name: string;
}

export interface Settings {
  readonly graceMs: number;
  /** As `--ready` takes it, or "auto". */
  readonly ready: string;
  /** The stop signals that were tried, with SIG. */
  readonly signals: readonly string[];
  readonly failOn: FailOn;
  /** How many runs may go side by side. */
  readonly parallel: number;
}

export type ExitStatus = 0 | 1 | 2;
export type Severity = "error" | "warning" | "note";
/** The least severity of a failed rule that makes the exit status 1. */
export type FailOn = Severity | "never";
export type Verdict = "passed" | "failed" | "could-not-test";

export interface Finding {
  /** "SL002": docs/rules/SL002.md tells about it. */
  readonly rule: string;
  /** The rule in a few words: "stops on its stop signal". */
  readonly title: string;
  readonly verdict: Verdict;
  readonly severity: Severity;
  /** What happened, a sentence or two; of a rule that could not be tested, why. */
  readonly what: string;
  /** Why it matters, a sentence; empty where the rule passed. */
  readonly why: string;
  /** What to change, a sentence or two; empty where the rule passed. */
  readonly change: string;
  /** What was seen, line by line: measured numbers, names of processes, lines of the log. */
  readonly evidence: readonly string[];
  /** The ids of the runs that the verdict is made from. */
  readonly runs: readonly string[];
  /**
   * Only of could-not-test. "absent": the program has nothing that the rule is about (it listens on no port).
   * "hindered": something kept the lab from testing it, and the exit status is 2.
   */
  readonly because?: "absent" | "hindered";
  /** Only of findings about the program's files: where, relative to the directory. */
  readonly location?: { readonly file: string; readonly line?: number };
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly couldNotTest: number;
  readonly runs: number;
  readonly signalsSent: number;
  /** HTTP requests that were sent in all runs. */
  readonly requests: number;
}

/** One life of the program, in a PID namespace or container of its own. */
export interface Run {
  /** "stop-SIGTERM"; the same every time, so that two reports can be compared. */
  readonly id: string;
  /** What was tried, as a headline: "SIGTERM once it is ready". */
  readonly title: string;
  readonly init: Init;
  /** Milliseconds since the check began. */
  readonly startedMs: number;
  /** The times of `timeline` and `processes` are milliseconds since this run began. */
  readonly durationMs: number;
  readonly timeline: readonly Event[];
  /** Every process that was seen, the main program first. */
  readonly processes: readonly ProcessSpan[];
  /** When the program was ready, and by what it was told; absent where it never was. */
  readonly ready?: { readonly atMs: number; readonly how: string };
  /** How the main program ended; absent where the lab had to end it. */
  readonly end?: End;
  /** Where HTTP requests were sent. */
  readonly load?: Load;
}

export interface End {
  readonly atMs: number;
  /** The exit status as a shell tells it: 128 + n where signal n ended it. -1 where nobody could tell. */
  readonly status: number;
  /** "SIGKILL", where a signal ended it. */
  readonly signal?: string;
}

export interface ProcessSpan {
  /** The pid inside of the namespace. */
  readonly pid: number;
  /** The pid of the parent inside, when it was first seen; 0 where the parent is outside. */
  readonly parent: number;
  /** The name that the kernel shows (15 characters). */
  readonly name: string;
  /** The command line as far as it could be read. */
  readonly command: string;
  readonly role: ProcessRole;
  readonly startMs: number;
  /** Absent where it was there until the lab ended the run. */
  readonly endMs?: number;
  /** When it was first seen as a zombie. */
  readonly zombieMs?: number;
}

/** "main" is the program itself, "init" what was put before it, "probe" what the lab put in on purpose. */
export type ProcessRole = "main" | "init" | "descendant" | "probe";

/** What happened, in the order of time. `pid` is the pid inside of the namespace. */
export type Event = { readonly atMs: number } & (
  | { readonly kind: "signal-sent"; readonly signal: string; readonly pid: number; readonly name: string }
  | { readonly kind: "grace-over"; readonly text: string }
  | { readonly kind: "ready"; readonly how: string }
  | { readonly kind: "process-started"; readonly pid: number; readonly parent: number; readonly name: string }
  | { readonly kind: "process-renamed"; readonly pid: number; readonly name: string; readonly before: string }
  | {
      readonly kind: "process-adopted";
      readonly pid: number;
      readonly name: string;
      readonly parent: number;
      readonly before: number;
    }
  | { readonly kind: "process-zombie"; readonly pid: number; readonly name: string; readonly parent: number }
  | {
      readonly kind: "process-ended";
      readonly pid: number;
      readonly name: string;
      /** Known of the main program alone. */
      readonly status?: number;
      readonly signal?: string;
    }
  | { readonly kind: "listening"; readonly port: number; readonly address: string }
  | { readonly kind: "listening-ended"; readonly port: number; readonly address: string }
  | { readonly kind: "log"; readonly stream: "stdout" | "stderr"; readonly line: string }
  | { readonly kind: "requests"; readonly ok: number; readonly failed: number; readonly text: string }
  | { readonly kind: "request-failed"; readonly url: string; readonly error: string; readonly text: string }
  | { readonly kind: "note"; readonly text: string }
);

/** A load of HTTP requests through a stop. "In flight" are those sent in time to be read, and not yet answered when the signal went out. */
export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly before: number;
  readonly inFlight: number;
  readonly inFlightFailed: number;
  /** Sent at the moment of the signal or after it, on connections that were accepted. */
  readonly after: number;
  readonly afterFailed: number;
  /** Connections that were refused after the signal, as they should be. */
  readonly refused: number;
}
