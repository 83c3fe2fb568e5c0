// What every form of the report says in the same words: durations, counts, what was tried, what an event was. The rule:
// figures of a report become words here and nowhere else.

import type { Event, Finding, Report, Run, Severity } from "../report.ts";

/** The findings as a reader wants them: what to change first, what is well last. */
export interface Sorted {
  /** Failed, the worst first. */
  readonly failed: readonly Finding[];
  /** What something kept the lab from testing. */
  readonly hindered: readonly Finding[];
  readonly passed: readonly Finding[];
  /** What the program has nothing of. */
  readonly absent: readonly Finding[];
}

const SEVERITIES: readonly Severity[] = ["error", "warning", "note"];

export function sorted(findings: readonly Finding[]): Sorted {
  const untested = findings.filter(({ verdict }) => verdict === "could-not-test");
  return {
    failed: SEVERITIES.flatMap((severity) =>
      findings.filter((each) => each.verdict === "failed" && each.severity === severity),
    ),
    hindered: untested.filter(({ because }) => because !== "absent"),
    passed: findings.filter(({ verdict }) => verdict === "passed"),
    absent: untested.filter(({ because }) => because === "absent"),
  };
}

/** Those that say the same, together: what kept the lab from testing one rule often keeps it from many. */
export function alike(findings: readonly Finding[]): readonly (readonly [Finding, ...Finding[]])[] {
  const said = ({ what, why, change, evidence }: Finding): string =>
    JSON.stringify([what, why, change, evidence]);
  return [...Map.groupBy(findings, said).values()].map((group) => group as [Finding, ...Finding[]]);
}

/** "3 findings: 2 errors, 1 warning", and never a good word about what could not be tested. */
export function headline(report: Report): string {
  const { failed, hindered, passed } = sorted(report.findings);
  const untested = hindered.length > 0 ? `${count(hindered.length, "rule")} could not be tested` : "";
  if (failed.length > 0) {
    const kinds = SEVERITIES.map((severity) => ({
      severity,
      found: failed.filter((each) => each.severity === severity).length,
    })).filter(({ found }) => found > 0);
    const list = kinds.map(({ severity, found }) => count(found, severity)).join(", ");
    return `${count(failed.length, "finding")}: ${list}${untested === "" ? "" : `; ${untested}`}`;
  }
  if (untested !== "") return passed.length > 0 ? `Nothing found, but ${untested}` : untested;
  return passed.length > 0 ? `Nothing found: ${count(passed.length, "rule")} passed` : "Nothing was tested";
}

/** "16 runs with 34 signals and 1,204 requests in 12.3 s, at most 8 side by side. Grace period: 10 s." */
export function tried({ counts, durationMs, settings }: Report): string {
  const requests = counts.requests > 0 ? ` and ${count(counts.requests, "request")}` : "";
  const beside =
    counts.runs > 1 && settings.parallel > 1 ? `, at most ${settings.parallel} side by side` : "";
  return (
    `Tried: ${count(counts.runs, "run")} with ${count(counts.signalsSent, "signal")}${requests} ` +
    `in ${duration(durationMs)}${beside}. Grace period: ${duration(settings.graceMs)}.`
  );
}

/** "PID 1 was the program itself, in namespaces of its own (pid, mount)." */
export function place({ environment }: Report): string {
  const { init, engine, namespaces } = environment;
  const first = init.kind === "bare" ? "the program itself" : init.name;
  const where =
    environment.place === "docker"
      ? `in a container of ${engine ?? "Docker"}`
      : `in namespaces of its own (${namespaces.join(", ")})`;
  return `PID 1 was ${first}, ${where}.`;
}

/** The page that tells about a rule, in the repository and in the package. */
export function rulePage(rule: string): string {
  return `docs/rules/${rule}.md`;
}

export function commandLine(command: readonly string[]): string {
  return command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : shellQuoted(word))).join(" ");
}

function shellQuoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** What was checked, by the name its owner knows. */
export function subjectName({ subject }: Report): string {
  return subject.image === undefined ? commandLine(subject.command) : subject.image.name;
}

export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(ms % 1_000 === 0 ? 0 : 1)} s`;
  const seconds = Math.round(ms / 1_000);
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Of a table of moments: all with the same digits. */
export function moment(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`;
}

export function count(n: number, noun: string): string {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}

/** What became of a run's main program: "It ended after 1.2 s with status 0." */
export function outcome({ end }: Run): string {
  if (end === undefined) return "It was still there when the lab ended the run.";
  return `It ended after ${duration(end.atMs)}${ending(end)}.`;
}

/** An event as a line of a table. */
export function eventText(event: Event): string {
  switch (event.kind) {
    case "signal-sent":
      return `${event.signal} sent to ${who(event)}`;
    case "grace-over":
    case "note":
    case "requests":
    case "request-failed":
      return sentenceCase(event.text);
    case "ready":
      return `Ready: ${event.how}`;
    case "process-started":
      return `${who(event)} started by pid ${event.parent}`;
    case "process-renamed":
      return `${event.before} (pid ${event.pid}) became ${event.name}`;
    case "process-adopted":
      return `${who(event)} lost its parent, pid ${event.before}, and was handed to pid ${event.parent}`;
    case "process-zombie":
      return `${who(event)} became a zombie: pid ${event.parent} has not waited for it`;
    case "process-ended":
      return `${who(event)} ended${ending(event)}`;
    case "listening":
      return `Listening on ${event.address}, port ${event.port}`;
    case "listening-ended":
      return `No longer listening on ${event.address}, port ${event.port}`;
    case "log":
      return event.line;
  }
}

export function sentenceCase(text: string): string {
  const [first = "", ...rest] = text;
  return `${first.toUpperCase()}${rest.join("")}`;
}

function who({ name, pid }: { readonly name: string; readonly pid: number }): string {
  return `${name} (pid ${pid})`;
}

function ending({ status, signal }: { readonly status?: number; readonly signal?: string }): string {
  if (signal !== undefined) return ` by ${signal}`;
  return status === undefined || status < 0 ? "" : ` with status ${status}`;
}
