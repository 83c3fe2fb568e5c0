// Reports as a check makes them, for the tests of its forms: one with findings, one that has nothing to say, one that
// could not test, one whose program chose every name, line and path to do harm.

import type { Event, Finding, ProcessSpan, Report, Run } from "../../lab/report.ts";

/** Ends a script, a CDATA section, a JSON string; commands a runner and a terminal; turns the reading direction. */
export const HOSTILE: readonly string[] = [
  "</script><script>alert(1)</script>",
  "</style><img src=x onerror=alert(1)>",
  '"}\n{"a": "',
  "]]><failure/>",
  "::error::owned",
  "##[error]owned",
  "\u001b[31mred\u001b[0m\u001b]0;title\u0007",
  "\u009b31m",
  "user\u202Eexe.txt",
  "two\u2028lines\u2029and\u0000more\u007f",
  "[click](https://example.invalid) {0} %25%0A",
  "' onfocus='alert(1)",
  "&amp; &#60;b&#62;",
  "lone \ud800 surrogate",
  "\ufffe\uffff",
];

const INIT = { kind: "bare", name: "bare" } as const;

const MAIN: ProcessSpan = {
  pid: 1,
  parent: 0,
  name: "node",
  command: "node server.js",
  role: "main",
  startMs: 4,
  endMs: 10_345,
};

function run(id: string, title: string, timeline: readonly Event[], rest: Partial<Run> = {}): Run {
  return {
    id,
    title,
    init: INIT,
    startedMs: 0,
    durationMs: 10_400,
    timeline,
    processes: [MAIN],
    ready: { atMs: 312, how: "it listens on port 8080" },
    end: { atMs: 10_345, status: 137, signal: "SIGKILL" },
    ...rest,
  };
}

const WORKERS: readonly ProcessSpan[] = Array.from({ length: 5 }, (_, i) => ({
  pid: 20 + i,
  parent: 1,
  name: `worker-${i}`,
  command: `node worker.js --number ${i} --and-a-long-option=/srv/app/configuration/production.json`,
  role: "descendant",
  startMs: 200 + 20 * i,
  ...(i === 3 ? {} : { endMs: 3_000 + 900 * i }),
  ...(i === 4 ? { zombieMs: 4_200, endMs: 10_345 } : {}),
}));

const STUBBORN: Run = run(
  "stop-SIGTERM",
  "SIGTERM once it is ready",
  [
    { atMs: 4, kind: "process-started", pid: 1, parent: 0, name: "node" },
    { atMs: 290, kind: "log", stream: "stdout", line: "listening on http://127.0.0.1:8080" },
    { atMs: 305, kind: "listening", port: 8080, address: "127.0.0.1" },
    { atMs: 312, kind: "ready", how: "it listens on port 8080" },
    { atMs: 340, kind: "signal-sent", signal: "SIGTERM", pid: 1, name: "node" },
    { atMs: 4_200, kind: "process-zombie", pid: 24, parent: 1, name: "worker-4" },
    {
      atMs: 5_000,
      kind: "request-failed",
      url: "http://127.0.0.1:8080/",
      error: "ECONNRESET",
      text: "GET / failed: ECONNRESET",
    },
    { atMs: 6_000, kind: "requests", ok: 318, failed: 1, text: "318 requests were answered, 1 failed" },
    { atMs: 10_340, kind: "grace-over", text: "The grace period of 10 s was over: SIGKILL" },
    { atMs: 10_340, kind: "signal-sent", signal: "SIGKILL", pid: 1, name: "node" },
    { atMs: 10_345, kind: "listening-ended", port: 8080, address: "127.0.0.1" },
    { atMs: 10_345, kind: "process-ended", pid: 1, name: "node", signal: "SIGKILL", status: 137 },
  ],
  { processes: [MAIN, ...WORKERS] },
);

const QUICK: Run = run(
  "stop-SIGINT",
  "SIGINT once it is ready",
  [
    { atMs: 4, kind: "process-started", pid: 1, parent: 0, name: "node" },
    { atMs: 301, kind: "ready", how: "it listens on port 8080" },
    { atMs: 330, kind: "signal-sent", signal: "SIGINT", pid: 1, name: "node" },
    { atMs: 352, kind: "process-ended", pid: 1, name: "node", status: 0 },
  ],
  { durationMs: 356, end: { atMs: 352, status: 0 }, processes: [{ ...MAIN, endMs: 352 }] },
);

const IGNORED: Finding = {
  rule: "SL002",
  title: "stops on its stop signal",
  verdict: "failed",
  severity: "error",
  what: "node was still there 10 s after SIGTERM and had to be killed. As PID 1 it gets no default action from the kernel, and it has no handler of its own.",
  why: "Every deploy, restart and scale-down waits for the whole grace period and then loses what the program was doing.",
  change: 'Handle SIGTERM: process.on("SIGTERM", () => server.close()), or put an init before the program.',
  evidence: ["SIGTERM sent after 340 ms", "SIGKILL sent after 10.3 s", "SigCgt of pid 1 has no SIGTERM"],
  runs: ["stop-SIGTERM"],
};

const FINDINGS: readonly Finding[] = [
  passed("SL001", "starts"),
  IGNORED,
  passed("SL003", "stops on SIGINT"),
  {
    ...IGNORED,
    rule: "SL004",
    title: "reaps its own children",
    severity: "warning",
    what: "worker-4 (pid 24) stayed a zombie for 6.1 s: its parent, node (pid 1), did not wait for it.",
    why: "Each zombie keeps a process number until its parent ends; under a pids limit the program can start nothing any more.",
    change: "Wait for every child, or put an init before the program.",
    evidence: ["worker-4 (pid 24) parent node (pid 1)"],
  },
  {
    ...IGNORED,
    rule: "SL005",
    title: "leaves SIGUSR1 alone",
    severity: "note",
    what: "SIGUSR1 opened the debugger of node on port 9229.",
    why: "Whoever may send the signal can run code in the program.",
    change: "Start node with --disable-sigusr1.",
    evidence: [],
    location: { file: "server.js", line: 3 },
  },
  passed("SL006", "survives a second signal while it stops"),
  {
    ...passed("SL007", "speaks of its shutdown library's timeouts"),
    verdict: "could-not-test",
    because: "absent",
    what: "package.json names no shutdown library.",
  },
  passed("SL008", "survives SIGWINCH"),
];

function passed(rule: string, title: string): Finding {
  return {
    rule,
    title,
    verdict: "passed",
    severity: "error",
    what: "",
    why: "",
    change: "",
    evidence: [],
    runs: ["stop-SIGINT"],
  };
}

/** A Node server that ignores SIGTERM. */
export const FAILING: Report = report(FINDINGS, [STUBBORN, QUICK]);

export const PASSING: Report = report(
  FINDINGS.filter(({ verdict }) => verdict !== "failed"),
  [QUICK],
);

export const UNTESTED: Report = report(
  [
    {
      ...IGNORED,
      title: "starts",
      rule: "SL001",
      verdict: "could-not-test",
      because: "hindered",
      what: "The program ended after 12 ms with status 127, before it was ready: sh: 1: srever: not found.",
      why: "",
      change: "Give the command that starts the program in its container.",
      runs: [],
    },
  ],
  [],
);

/** Each text that a program, its files or its owner can choose is one that does harm where it gets through. */
export const HOSTILE_REPORT: Report = hostile();

function report(findings: readonly Finding[], runs: readonly Run[]): Report {
  const failed = findings.filter(({ verdict }) => verdict === "failed").length;
  const couldNotTest = findings.filter(({ verdict }) => verdict === "could-not-test").length;
  return {
    reportVersion: 1,
    tool: { name: "steady-lab", version: "1.0.0" },
    subject: {
      kind: "command",
      command: ["node", "server.js"],
      directory: "/srv/app",
      stopSignal: "SIGTERM",
    },
    environment: {
      place: "namespaces",
      namespaces: ["pid", "mount", "network"],
      init: INIT,
      platform: "linux x64",
      kernel: "6.18.0",
      node: "24.21.0",
      notes: [],
    },
    settings: {
      graceMs: 10_000,
      ready: "auto",
      signals: ["SIGTERM", "SIGINT", "SIGHUP"],
      failOn: "warning",
      parallel: 8,
    },
    startedAt: "2026-11-25T10:20:30.456Z",
    durationMs: 12_345,
    runs,
    findings,
    counts: {
      passed: findings.length - failed - couldNotTest,
      failed,
      couldNotTest,
      runs: runs.length,
      signalsSent: 34,
      requests: runs.length > 1 ? 1_204 : 0,
    },
    exitStatus: failed > 0 ? 1 : findings.some(({ because }) => because === "hindered") ? 2 : 0,
  };
}

function hostile(): Report {
  const all = HOSTILE.join(" ");
  const processes = HOSTILE.map((name, i): ProcessSpan => ({ ...MAIN, pid: i + 1, name, command: name }));
  const timeline = HOSTILE.flatMap((text, i): Event[] => [
    { atMs: i, kind: "log", stream: "stderr", line: text },
    { atMs: i, kind: "process-started", pid: i, parent: 1, name: text },
    { atMs: i, kind: "signal-sent", signal: text, pid: 1, name: text },
    { atMs: i, kind: "request-failed", url: text, error: text, text },
    { atMs: i, kind: "ready", how: text },
  ]);
  const findings = HOSTILE.map(
    (text, i): Finding => ({
      ...IGNORED,
      rule: `SL${100 + i}`,
      title: `title ${text}`,
      what: text,
      why: text,
      change: text,
      evidence: [text, all],
      runs: ["hostile"],
      location: { file: text, line: 1 },
    }),
  );
  const untested: Finding = { ...IGNORED, rule: "SL099", verdict: "could-not-test", what: all };
  const base = report([...findings, untested], [run("hostile", all, timeline, { processes })]);
  return {
    ...base,
    subject: {
      kind: "image",
      command: HOSTILE,
      directory: all,
      stopSignal: "SIGTERM",
      image: { name: all, id: all, entrypoint: [all], cmd: [all], user: all },
    },
    environment: {
      ...base.environment,
      notes: [all],
      engine: all,
      kernel: all,
      init: { kind: "other", name: all },
    },
    settings: { ...base.settings, ready: all },
  };
}
