// What the command line and the environment come to, played on the core itself: thousands of generated ones are compared
// with a plain model.

import assert from "node:assert/strict";
import fc from "fast-check";
import { SIGNALS } from "../../texts/linux.ts";
import { MESSAGES } from "../../texts/messages.ts";
import { OPTIONS } from "../../texts/options.ts";
import { GUARDED, predict, type Settings, type Start, Stop } from "../lib/commandline.ts";
import type { Core, Kernel } from "../lib/host.ts";
import { ORPHAN, PROGRAM, play, type Seen } from "../lib/plain.ts";
import { SIGNAL_NAMES, signalNumber, signalSentence } from "../lib/signals.ts";
import { into, type Played, some } from "./promises.ts";

const upTo = (last: number): number[] => Array.from({ length: last + 1 }, (_, index) => index);
const SIGTERM = 15;
const SIGCHLD = 17;
const SIGKILL = 9;

export const COMMAND_LINES: Played[] = [];
const promise = into(COMMAND_LINES);
/** A start, and what the world is like that the options are about. */
interface Case extends Start {
  readonly terminal: boolean;
  readonly records: boolean;
  readonly end: number;
}

export function expected(start: Start): Settings | Stop {
  try {
    return predict(start);
  } catch (stop) {
    if (stop instanceof Stop) return stop;
    throw stop;
  }
}

/** Plays a case and compares everything that can be seen with what the model says. */
export function check(core: Core, the: Case, kernel: Kernel = {}): void {
  const should = expected(the);
  const seen = withoutEvents(withoutWarnings(play(core, { ...the, kernel }), the, should), should);
  if (should instanceof Stop) checkStop(seen, should);
  else if (should.refusal !== undefined) checkRefusal(seen, should);
  else if (should.pauses) checkPause(seen);
  else {
    checkStart(seen, should, the);
    if (should.personality === "dumb-init") checkDumbInitLog(seen, should, the);
    else checkLog(seen, should, the);
    checkLife(seen, should, the);
  }
}

/** Whoever may set a variable neither weakens the sandbox nor says what is written where the program is another user. */
function withoutWarnings(seen: Seen, the: Case, should: Settings | Stop): Seen {
  if (should instanceof Stop) return seen;
  let { errors } = seen;
  for (const option of GUARDED) {
    const name = option.replace(/\B[A-Z]/g, "_$&").toUpperCase();
    const line = warning(should, the, MESSAGES.VariableIgnored.replace("%u", name));
    assert.equal(errors.includes(line), should.ignored.has(option) && should.level >= 1, errors);
    errors = errors.replace(line, "");
  }
  if (should.refusal === undefined && should.guard !== "") {
    const line = warning(should, the, MESSAGES.GuardUnlimited);
    assert.equal(errors.includes(line), should.level >= 1, errors);
    errors = errors.replace(line, "");
  }
  return { ...seen, errors };
}

function warning({ personality }: Settings, { pid }: Case, text: string): string {
  if (personality === "dumb-init") return `[dumb-init] ${text}\n`;
  if (personality === "catatonit") return `WARN (catatonit:${pid}): ${text}\n`;
  return `[WARN  ${personality} (${pid})] ${text}\n`;
}

const EVENT = /^(?:\{"time":[^\n]*\}|time="[^\n]*)\n/gm;

/** Events are told where they are asked for, from the first to the last, and nowhere else. */
function withoutEvents(seen: Seen, should: Settings | Stop): Seen {
  const told = seen.errors.match(EVENT) ?? [];
  const tells =
    !(should instanceof Stop) &&
    should.events !== "" &&
    ["", "stderr"].includes(should.eventsTo) &&
    should.refusal === undefined;
  assert.equal(told.length > 0, tells, seen.errors);
  if (tells && !should.pauses) {
    assert.match(told[0] ?? "", /"?event"?[:=]"started"/);
    assert.match(told.at(-1) ?? "", /"?event"?[:=]"exiting"/);
  }
  return { ...seen, errors: seen.errors.replace(EVENT, "") };
}

function checkStop(seen: Seen, stop: Stop): void {
  assert.ok(stop.errors.includes(seen.errors), `${seen.errors}\nis not one of\n${stop.errors.join("\n")}`);
  assert.equal(seen.output, stop.output);
  assert.equal(seen.status, stop.status);
  assert.deepEqual(called(seen, "clone"), []);
}

/** catatonit -P starts nothing, and a SIGTERM ends it. */
function checkPause(seen: Seen): void {
  assert.deepEqual([seen.status, called(seen, "clone")], [0, []]);
}

/** Nobody has made files about users. */
function checkRefusal(seen: Seen, { refusal = "", personality }: Settings): void {
  // A line is cut where it is too long.
  assert.ok(seen.errors.includes(refusal.slice(0, 900)), `${seen.errors} has no ${refusal}`);
  assert.equal(seen.status, personality === "steady" ? 125 : 1);
  assert.deepEqual(called(seen, "clone"), []);
}

/** What the child does to itself. */
function checkPrivilege(
  { childCalls }: Seen,
  { user, noNewPrivs, dropped, kept, limitNproc }: Settings,
): void {
  const [SET_NO_NEW_PRIVS, BOUNDING_READ] = [38, 23];
  const made = (name: string, ...first: number[]): readonly (number | undefined)[] =>
    childCalls
      .filter((call) => call[0] === name && first.every((one, at) => call[at + 1] === one))
      .map((call) => call[1]);
  assert.deepEqual(made("setuid"), user === undefined ? [] : [Number(user.user) | 0], "uid");
  assert.deepEqual(made("setgid"), user === undefined ? [] : [Number(user.group) | 0], "gid");
  const groups = new Set([user?.group, ...(user?.extra ?? [])].map(Number)).size;
  assert.deepEqual(made("setgroups"), user === undefined ? [] : [groups], "groups");
  assert.deepEqual(made("setrlimit_nproc"), limitNproc > 0 ? [limitNproc] : []);
  assert.equal(made("prctl", SET_NO_NEW_PRIVS).length, noNewPrivs ? 1 : 0);
  const left = kept !== 0n ? kept : 2n ** 64n - 1n - dropped;
  const asked = Array.from({ length: 64 }, (_, bit) => bit).filter(
    (bit) => ((left >> BigInt(bit)) & 1n) === 0n,
  );
  assert.equal(made("prctl", BOUNDING_READ).length, asked.length, "the bounding set");
}

function called(seen: Seen, name: string): readonly (readonly [string, ...number[]])[] {
  return seen.calls.filter((call) => call[0] === name);
}

/** What the init asked of the kernel before and at the start of the program. */
function checkStart(seen: Seen, settings: Settings, the: Case): void {
  const byItself = the.pid !== 1 && settings.personality !== "tini";
  assert.equal(called(seen, "set_child_subreaper").length > 0, settings.subreaper || byItself, "subreaper");
  const parentSignal = called(seen, "set_pdeathsig")[0]?.[1] ?? 0;
  assert.equal(parentSignal, settings.parentSignal, "parent-death signal");
  const ofChild = seen.childCalls.filter(([name]) => name === "set_pdeathsig").map((call) => call[1]);
  assert.deepEqual(ofChild, settings.parentSignal === SIGKILL ? [SIGKILL] : [], "the child's own");
  assert.equal(called(seen, "clone").length, 1);
  checkGrouping(seen, settings);
  checkPrivilege(seen, settings);
  // An empty program is not looked for at all.
  const program = the.args[settings.program] ?? "";
  assert.equal(seen.executed[0]?.argument, program === "" ? undefined : settings.program, "program");
}

/** The program's process group, and who has the terminal. */
function checkGrouping(seen: Seen, { personality, single }: Settings): void {
  const dumb = personality === "dumb-init";
  const made = seen.childCalls.filter(([name]) => name === "setpgid" || name === "setsid");
  const expected = dumb ? (single ? [] : [["setsid"]]) : [["setpgid", 0, 0]];
  assert.deepEqual(made, expected, "the child's group");
  assert.deepEqual(called(seen, "setpgid"), dumb ? [] : [["setpgid", PROGRAM, PROGRAM]], "by the init");
  const session = dumb && !single;
  assert.deepEqual(called(seen, "control_terminal"), session ? [["control_terminal", 0, 0]] : []);
  const taken = seen.childCalls.filter(([name]) => name === "control_terminal");
  assert.deepEqual(taken, session ? [["control_terminal", 0, 1]] : []);
  assert.equal(called(seen, "tcgetpgrp").length > 0, !dumb, "whose the foreground is");
}

/** The whole log under dumb-init's name: what its program says besides is the child's. */
function checkDumbInitLog(seen: Seen, settings: Settings, the: Case): void {
  const { level, single, mapped, warnReaped, noEnv } = settings;
  assert.equal(seen.output, "", "everything goes to stderr");
  const says = (text: string): boolean => `\n${seen.errors}`.includes(`\n[dumb-init] ${text}`);
  const verbose = level > 1;
  const becomes = mapped.get(SIGTERM) ?? SIGTERM;
  const translated = mapped.has(SIGTERM);
  const on = (name: string, value: string): boolean => {
    const first = the.variables.find((each) => each.startsWith(`${name}=`));
    return !noEnv && first === `${name}=${value}`;
  };
  const code = the.end % 128 === 0 ? Math.floor(the.end / 256) : -1;
  const status = the.args[settings.program] === "" ? 2 : code < 0 ? 128 + (the.end % 128) : code;
  const final = settings.remapped.has(status) && status === seen.status + status ? 0 : seen.status;
  const sayings: readonly (readonly [string, boolean])[] = [
    ["Running in debug mode.\n", on("DUMB_INIT_DEBUG", "1")],
    ["Not running in setsid mode.\n", verbose && on("DUMB_INIT_SETSID", "0")],
    [`Behaving as dumb-init: ${settings.because}`, verbose],
    [
      "Unable to detach from controlling tty (errno=25 Inappropriate ioctl for device).\n",
      verbose && !single && !the.terminal,
    ],
    [
      "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive.\n",
      verbose && !single && the.terminal,
    ],
    [`Child spawned with PID ${PROGRAM}.\n`, verbose],
    [`Received signal ${SIGTERM}.\n`, verbose],
    [`Translating signal ${SIGTERM} to ${becomes}.\n`, verbose && translated],
    ["Not forwarding signal 0 to children (ignored).\n", verbose && becomes === 0],
    [`Forwarded signal ${becomes}`, verbose && !single && becomes > 0],
    ["Child was dead when forwarding signal\n", level >= 1 && becomes > 0],
    [`Reaped zombie process with pid=${ORPHAN}\n`, level >= 1 && warnReaped],
    [`Child exited with status ${final}. Goodbye.\n`, verbose],
    ["Passing signal", false],
    ["Main child exited normally", false],
    ["Reaping", false],
  ];
  for (const [text, expected] of sayings) assert.equal(says(text), expected, text);
  assert.ok(
    seen.errors.split("\n").every((line) => line === "" || line.startsWith("[dumb-init] ")),
    seen.errors,
  );
}

/** How verbose it is, and under which name. */
function checkLog(seen: Seen, settings: Settings, the: Case): void {
  const { level, personality: name } = settings;
  const both = seen.output + seen.errors;
  // Lines are cut at their limit, so only what stands at their beginning is looked for.
  const catatonit = name === "catatonit";
  const says = (text: string): boolean =>
    both.includes(catatonit ? `(catatonit:${the.pid}): ${text}` : `${name} (${the.pid})] ${text}`);
  const becomes = settings.mapped.get(SIGTERM) ?? SIGTERM;
  assert.equal(says("Child was dead when forwarding signal"), level >= 1 && becomes > 0, "warnings");
  assert.equal(says(`Behaving as ${name}: ${settings.because}`), level >= 2, "information");
  const isSaid = says(`Passing signal: '${signalSentence(becomes)}'`);
  assert.equal(isSaid, level >= 3 && becomes > 0, "debugging");
  assert.equal(says("Signal 'Terminated' becomes"), level >= 3 && becomes > 0 && becomes !== SIGTERM);
  assert.equal(says("Signal 'Terminated' goes nowhere"), level >= 3 && becomes === 0);
  assert.equal(says("Exiting: child has exited"), level >= 4, "tracing");
  const warned = level >= 1 && the.pid !== 1 && name === "tini" && !settings.subreaper;
  assert.equal(says("Tini is not running as PID 1"), warned, "the warning about orphans");
  assert.equal(/^\[(INFO |DEBUG|TRACE)/m.test(seen.errors), false, "stderr has what is urgent only");
  assert.equal(/^\[(FATAL|WARN )/m.test(seen.output), false, "stdout has what is not");
  if (catatonit) assert.equal(seen.output, "", "catatonit says all on stderr");
}

/** Reaping, forwarding and the end. */
function checkLife(seen: Seen, settings: Settings, the: Case): void {
  const sees = settings.warnReaped || settings.level >= 3;
  // Without exit records the kernel cannot reap; where it was asked to, the init says so and ends.
  if (settings.reap === "kernel" && !the.records) assert.fail("such a case has to be filtered out");
  const kernelReaps = the.records && settings.reap !== "wait" && (settings.reap === "kernel" || !sees);
  const actions = called(seen, "rt_sigaction").filter((call) => call[1] === SIGCHLD);
  const dumb = settings.personality === "dumb-init";
  const told = the.terminal && the.pid !== 1 && !dumb;
  assert.deepEqual(
    actions.map((call) => call[2]),
    kernelReaps ? [0, told ? 2 : 1] : [0],
    "SIGCHLD",
  );
  const [pidfd, signals] = [called(seen, "pidfd_send_signal"), called(seen, "kill")];
  const target = settings.group ? -PROGRAM : PROGRAM;
  const becomes = settings.mapped.get(SIGTERM) ?? SIGTERM;
  const passed = kernelReaps ? pidfd.filter((call) => (call[2] ?? 0) <= 64) : signals;
  if (becomes === 0) assert.deepEqual(passed, [], "it is to be dropped");
  else if (kernelReaps) assert.deepEqual(passed.at(-1)?.slice(2), [becomes, 0, settings.group ? 1 : 0]);
  else assert.deepEqual(passed[0], ["kill", target, becomes]);
  const reaped = `Reaped zombie process with pid=${ORPHAN}\n`;
  assert.equal(seen.errors.includes(reaped), settings.warnReaped && settings.level >= 1, "-w");
  const plain = the.end % 128 === 0 ? Math.floor(the.end / 256) : 128 + (the.end % 128);
  const missing = dumb ? 2 : settings.personality === "catatonit" ? 1 : 127;
  const status = the.args[settings.program] === "" ? missing : plain;
  assert.equal(seen.status, settings.remapped.has(status) && status === plain ? 0 : status, "status");
}

// What lines are made of: more of what is right than chance would give, and some of everything.

const latin1 = fc
  .array(fc.integer({ min: 1, max: 255 }), { maxLength: 12 })
  .map((codes) => String.fromCharCode(...codes));
const signal = fc.oneof(
  fc.constantFrom(...SIGNAL_NAMES.keys()),
  fc.constantFrom(...SIGNAL_NAMES.keys()).map((name) => `SIG${name}`),
  fc.integer({ min: -2, max: 70 }).map(String),
  fc.constantFrom(
    "",
    "SIG",
    "sigterm",
    "Term",
    "TERM ",
    "RTMIN+31",
    "RTMAX-31",
    "RTMIN+",
    "RTMIN-1",
    "rtmin+03",
  ),
);
const number = fc.oneof(
  fc.integer({ min: -3, max: 260 }).map(String),
  fc.constantFrom("", " 7", "+7", "-0", "7x", "0x1", " ", "+", "99999999999999999999", "-99999999999", "007"),
);
const pair = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: signal }, fc.constantFrom("TERM", "15")),
    fc.oneof(signal, fc.constantFrom("drop", "Drop", "HUP")),
  )
  .map(([from, to]) => `${from}=${to}`);
const map = fc.array(pair, { minLength: 1, maxLength: 3 }).map((pairs) => pairs.join(","));
const value = fc.oneof(
  signal,
  number,
  map,
  fc.constantFrom("auto", "kernel", "wait", "Wait"),
  names(),
  latin1,
);
const part = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("0", "1000", "65534", "4294967294") },
  fc.constantFrom("app", "", "+1", "4294967295", "07", "x".repeat(256)),
);
const user = fc
  .tuple(part, fc.option(part), fc.array(part, { maxLength: 3 }))
  .map(([one, group, extra]) =>
    [one, ...(group === null ? [] : [group]), ...(extra.length > 0 ? [`+${extra.join()}`] : [])].join(":"),
  );
const caps = fc.oneof(
  fc.constantFrom("all", "All", "", "cap_", "kill,", ",kill", "kill=net_raw"),
  fc
    .array(
      fc.constantFrom(
        "kill",
        "CAP_KILL",
        "chown",
        "cap_checkpoint_restore",
        "Net_Raw",
        "cap_bpf",
        "cap_none",
      ),
      {
        minLength: 1,
        maxLength: 3,
      },
    )
    .map((all) => all.join()),
);
const flagLetters = fc
  .array(fc.constantFrom(..."svwgsvwgsvwgsvwghl?-"), { minLength: 1, maxLength: 5 })
  .map((all) => all.join(""));
const option = fc.constantFrom(...OPTIONS.map(({ long }) => long));
const flag = fc.constantFrom("subreaper", "verbose", "warn-reaped", "group", "no-new-privs");

function names(): fc.Arbitrary<string> {
  return fc.constantFrom(
    "steady",
    "tini",
    "tini-static",
    "docker-init",
    "dumb-init",
    "catatonit",
    "podman-init",
    "init",
  );
}

const rewrite = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 33 }), fc.integer({ min: -1, max: 33 }))
    .map(([from, to]) => `${from}:${to}`),
  fc.constantFrom(
    "15:0",
    "15:15",
    "15:3x",
    " 15: +3",
    "+15:-0",
    "15 :3",
    "15:",
    ":3",
    "a:b",
    "15",
    "20:20",
    "20:0",
  ),
);

const token = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.constantFrom(["-c"], ["-V"], ["-cv"], ["-vc"], ["-r"], ["--single-child"], ["--sing"]),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom("-r", "-cr", "--rewrite", "--re", "--r"), rewrite) },
  { weight: 1, arbitrary: rewrite.map((text) => [`--rewrite=${text}`]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ["--ve"],
      ["--vers"],
      ["--h"],
      ["--=x"],
      ["--help=1"],
      ["--rew"],
      ["--single-child="],
    ),
  },
  { weight: 6, arbitrary: flagLetters.map((letters) => [`-${letters}`]) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom("-p", "-gp", "--parent-death"), signal) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom("-e", "-ve", "--remap-exit"), number) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("--reap"), fc.constantFrom("auto", "kernel", "wait", "")) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("--as"), names()) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("--map"), map) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("--trust"), fc.constantFrom("any", "outside", "inside")) },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constant("--limit"),
      fc.constantFrom("1/s", "9999/s", "10000/s", "0/s", "5", "/s", "5/sec"),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant("--sandbox"), fc.constantFrom("on", "off", "strict", "none")),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constantFrom("--events", "--events-to"),
      fc.constantFrom("text", "json", "stderr", "fd:3", "/e", "fd:", "e", ""),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constant("--guard"),
      fc.constantFrom("1", "400", "90%", "100%", "101%", "0", "0%", "%", "4x", "5%%", ""),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constant("--on-fork-bomb"),
      fc.constantFrom("log", "stop", "kill", "end", "none", "logs", ""),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant("--user"), user) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("--drop-caps", "--keep-caps"), caps) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("--limit-nproc"), number) },
  { weight: 3, arbitrary: flag.map((name) => [`--${name}`]) },
  { weight: 2, arbitrary: fc.tuple(option, value).map(([name, text]) => [`--${name}=${text}`]) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom("-p", "-e"), value).map(([letter, text]) => [letter + text]),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      option.map((name) => `--${name}`),
      value,
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(["--"], ["-"], [""], ["--unknown"], ["--group=1"], ["--version"], ["--verb"]),
  },
  { weight: 1, arbitrary: latin1.map((text) => [text]) },
);

const TINI = ["TINI_SUBREAPER", "TINI_KILL_PROCESS_GROUP", "TINI_VERBOSITY"];
const FLAGS = ["STEADY_SUBREAPER", "STEADY_VERBOSE", "STEADY_WARN_REAPED", "STEADY_GROUP"];
const assignment = fc
  .tuple(
    fc.constantFrom(...TINI, ...FLAGS, "DUMB_INIT_DEBUG", "DUMB_INIT_SETSID"),
    fc.oneof(number, fc.constantFrom("false", "FALSE", "true", "1", "0", "yes")),
  )
  .map(([name, text]) => `${name}=${text}`);
/** At most one of each name, since doubles are a matter of their own. */
const valued = fc.uniqueArray(
  fc.oneof(
    fc.tuple(fc.constant("STEADY_PARENT_DEATH"), signal),
    fc.tuple(fc.constant("STEADY_REMAP_EXIT"), number),
    fc.tuple(fc.constant("STEADY_REAP"), fc.constantFrom("auto", "wait", "kernel", "none")),
    fc.tuple(fc.constant("STEADY_AS"), names()),
    fc.tuple(fc.constant("STEADY_MAP"), map),
    fc.tuple(fc.constant("STEADY_USER"), user),
    fc.tuple(fc.constantFrom("STEADY_DROP_CAPS", "STEADY_KEEP_CAPS"), caps),
    fc.tuple(fc.constant("STEADY_TRUST"), fc.constantFrom("any", "outside", "outsider")),
  ),
  { maxLength: 2, selector: ([name]) => name },
);
const noise = fc.oneof(
  latin1,
  fc.constantFrom(
    "STEADY_",
    "STEADY_PORT=tcp://10.0.0.1:80",
    "STEADY_HELP=1",
    "STEADY_VERSION=1",
    "TINI_VERBOSITY",
    "=",
    "STEADY_AS",
  ),
  latin1.map((text) => `STEADY_${text}`),
);
const variables = fc
  .tuple(fc.array(assignment, { maxLength: 4 }), valued, fc.array(noise, { maxLength: 3 }))
  .map(([some, once, rest]) => [...rest, ...some, ...once.map(([name, text]) => `${name}=${text}`)])
  .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }));

const calledAs = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("steady", "tini", "dumb-init") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("/sbin/docker-init", "./tini-static", "", "/", "tini/", "dumb-init"),
  },
  { weight: 1, arbitrary: latin1 },
);
const program = fc.array(fc.oneof(fc.constantFrom("/bin/true", "-v", "--", "-l", ""), latin1), {
  maxLength: 3,
});

export const generated: fc.Arbitrary<Case> = fc.record({
  args: fc
    .tuple(calledAs, fc.array(token, { maxLength: 4 }), program)
    .map(([name, tokens, rest]) => [name, ...tokens.flat(), ...rest]),
  variables,
  pid: fc.constantFrom(1, 1, 77, 4194304),
  terminal: fc.boolean(),
  records: fc.boolean(),
  end: fc.oneof(
    fc.integer({ min: 0, max: 255 }).map((code) => code * 256),
    fc.integer({ min: 1, max: 64 }),
  ),
});

/** Where the kernel is to reap and cannot, the end is the kernel's matter, not the line's. */
function isPossible(the: Case): boolean {
  const should = expected(the);
  if (should instanceof Stop) return true;
  // A warning or -w may stand in a line that nobody sees the end of.
  if (should.refusal !== undefined && should.level < 0) return false;
  return should.reap !== "kernel" || the.records;
}

promise("thousands of command lines and environments come to what a plain model says", (core, effort) => {
  fc.assert(
    fc.property(generated.filter(isPossible), (the) => check(core, the)),
    { numRuns: 2500 * effort },
  );
});

export const plainCase = { variables: [], pid: 1, terminal: false, records: true, end: 0 };
const byOption = (text: string, name = "steady"): Case => ({ ...plainCase, args: [name, "-p", text, "/x"] });

promise(
  "a signal can be given by each name, with and without SIG, in any case, by its number, and from RTMIN or RTMAX",
  (core, effort) => {
    const forms = (name: string): string[] => [
      name,
      `SIG${name}`,
      name.toLowerCase(),
      `sig${name.toLowerCase()}`,
      `Sig${name}`,
    ];
    const isTaken = (args: string[], variables: string[], number: number): void => {
      const seen = play(core, { ...plainCase, args: ["steady", ...args, "/x"], variables });
      assert.deepEqual(
        called(seen, "set_pdeathsig")[0],
        ["set_pdeathsig", number],
        [...args, ...variables].join(" "),
      );
    };
    for (const [name, number] of SIGNAL_NAMES) {
      for (const form of some(forms(name), effort)) isTaken(["-p", form], [], number);
      for (const args of [[`-p${name}`], ["--parent-death", name], [`--parent-death=${name}`]])
        isTaken(args, [], number);
      isTaken([], [`STEADY_PARENT_DEATH=${name}`], number);
    }
    for (const number of some(upTo(64).slice(1), effort)) {
      for (const form of [`${number}`, `0${number}`]) isTaken(["-p", form], [], number);
    }
  },
);

promise("what names no signal from 1 to 64 is refused, and said with what would be right", (core) => {
  const others = ["", "SIG", "0", "65", "-1", "+1", " 1", "1 ", "15x", "4294967311", "99999999999999999999"];
  others.push("TER", "TERMX", "SIGSIGTERM", "SIG15", "RTMIN+31", "RTMIN-1", "RTMAX-31", "RTMAX+1", "RTMIN+");
  others.push("RTMIN+x", "RTMIN3", "RTMIN++1", "RTMIN+-1", "RTMIN+ 1", "EXIT", "\xff", "TERM\x01");
  for (const text of others) {
    assert.equal(signalNumber(text), 0, `the model takes ${text}`);
    check(core, byOption(text));
    check(core, byOption(text, "tini"));
    assert.equal(play(core, byOption(text)).status, 1, text);
  }
});

promise("each of the 28 names that tini's -p knows works under its name", (core) => {
  const known = SIGNALS.map(([name]) => name).filter((name) => !["STKFLT", "IO", "PWR"].includes(name));
  assert.equal(known.length, 28);
  for (const name of known) {
    const seen = play(core, byOption(`SIG${name}`, "tini"));
    assert.deepEqual(called(seen, "set_pdeathsig")[0], ["set_pdeathsig", SIGNAL_NAMES.get(name)]);
  }
});

promise(
  "each status can be turned into 0, by each way of saying so, and no other becomes 0 by it",
  (core, effort) => {
    for (const status of some(upTo(255), effort)) {
      for (const args of [
        ["-e", `${status}`],
        [`-e${status}`],
        [`--remap-exit=${status}`],
        ["--remap-exit", `+${status}`],
      ]) {
        const end = (code: number): number =>
          play(core, { args: ["steady", ...args, "/x"], end: code * 256 }).status;
        assert.equal(end(status), 0);
        assert.equal(end((status + 1) % 256), (status + 1) % 256);
      }
    }
    const all = Array.from({ length: 256 }, (_, status) => `-e${status}`);
    for (const end of [0, 256, 65280, SIGKILL, SIGTERM]) {
      assert.equal(play(core, { args: ["steady", ...all, "/x"], end }).status, 0);
    }
  },
);

promise("what is no status from 0 to 255 is refused, and said with what would be right", (core) => {
  for (const text of [
    "-1",
    "-2",
    "256",
    "257",
    "-256",
    "1000000",
    "7x",
    "x",
    " ",
    "+",
    "-",
    "--1",
    "1 ",
    "0x1",
  ]) {
    for (const name of ["steady", "tini"]) {
      const the = { ...plainCase, args: [name, "-e", text, "/x"] };
      check(core, the);
      assert.equal(play(core, the).status, 1, text);
    }
  }
});

promise("W22: the status of a failed exec is not remapped", (core) => {
  for (const [execErrno, status] of [
    [2, 127],
    [13, 126],
  ] as const) {
    const seen = play(core, { args: ["tini", `-e${status}`, "/x"], execErrno, end: status * 256 });
    assert.equal(seen.status, status);
    assert.equal(play(core, { args: ["tini", `-e${status}`, "/x"], end: status * 256 }).status, 0);
  }
});

promise("of two variables with one name the first counts, as with getenv", (core) => {
  const both = (name: string, first: string, second: string): string[] => [
    `${name}=${first}`,
    `${name}=${second}`,
  ];
  const doubles = [
    both("TINI_VERBOSITY", "0", "3"),
    both("STEADY_GROUP", "0", "1"),
    both("STEADY_GROUP", "1", "0"),
    both("STEADY_VERBOSE", "3", "1"),
    both("STEADY_AS", "tini", "steady"),
    both("STEADY_REAP", "wait", "auto"),
    both("STEADY_PARENT_DEATH", "TERM", "HUP"),
  ];
  for (const variables of doubles) check(core, { ...plainCase, args: ["x", "/x"], variables });
});

promise("of two variables with one name the second is not even read", (core) => {
  const doubles = [
    ["STEADY_REAP=wait", "STEADY_REAP=wrong"],
    ["STEADY_PARENT_DEATH=TERM", "STEADY_PARENT_DEATH=wrong"],
    ["STEADY_REMAP_EXIT=1", "STEADY_REMAP_EXIT=7"],
  ];
  for (const variables of doubles) check(core, { ...plainCase, args: ["x", "/x"], variables, end: 7 * 256 });
});

promise("no arguments at all, no environment, and arguments of any size are no trap", (core, effort) => {
  check(core, { ...plainCase, args: [] });
  check(core, { ...plainCase, args: ["steady"] });
  check(core, { ...plainCase, args: [""] });
  const huge = "x".repeat(200_000 * effort);
  for (const args of [
    [huge, "-q"],
    ["tini", "-e", huge],
    ["steady", `-p${huge}`],
    ["steady", `--${huge}`],
  ]) {
    check(core, { ...plainCase, args });
  }
  const tooLong = play(core, { args: ["steady", huge], end: 126 * 256 });
  assert.deepEqual([tooLong.status, tooLong.executed], [126, []]);
  check(core, { ...plainCase, args: ["steady", `-${"v".repeat(100_000 * effort)}`, "/x"] });
  check(core, { ...plainCase, args: ["steady", ...Array.from({ length: 5000 * effort }, () => "-g"), "/x"] });
  const variables = Array.from({ length: 500 }, (_, n) => `V${n}=${"y".repeat(100)}`);
  check(core, {
    ...plainCase,
    args: ["steady", "/x"],
    variables: [...variables, `STEADY_REAP=${huge}`, `TINI_VERBOSITY=${huge}`],
  });
});

promise("every byte from 1 to 255 can stand in a name, a value and a variable", (core, effort) => {
  for (const code of some(upTo(255).slice(1), effort)) {
    const byte = String.fromCharCode(code);
    for (const args of [
      [byte, "-q"],
      ["tini", "-p", byte],
      ["steady", `--${byte}`],
      ["steady", `-${byte}`],
      ["x", "-e", byte],
    ]) {
      check(core, {
        ...plainCase,
        args,
        variables: [`STEADY_${byte}=1`, `${byte}=${byte}`, `TINI_VERBOSITY=${byte}`],
      });
    }
  }
});

/** The folders that a PATH leads to for a name: an empty part is the working directory. */
function candidates(path: string | undefined, name: string): string[] {
  if (name.includes("/")) return [name];
  if (name === "" || name.length > 255) return [];
  const parts = (path ?? "/bin:/usr/bin").split(":").filter((part) => part.length < 4096);
  return parts.map((part) => (part === "" ? name : `${part}/${name}`));
}

promise(
  "a program is looked for in each part of PATH, be it unset, empty, odd or overlong",
  (core, effort) => {
    const part = fc.oneof(
      fc.constantFrom("", "/a", "b", "/"),
      latin1.map((text) => text.replaceAll(":", "")),
    );
    const long = fc.constantFrom(4000, 4095, 4096, 9000).map((length) => "z".repeat(length));
    const path = fc.option(
      fc.array(fc.oneof({ weight: 5, arbitrary: part }, long), { maxLength: 5 }).map((all) => all.join(":")),
    );
    const name = fc.oneof(fc.constantFrom("ls", "./ls", "/x", "", "a".repeat(255), "a".repeat(256)), latin1);
    const property = fc.property(path, name, (path, name) => {
      const variables = path === null ? [] : [`PATH=${path}`, "PATH=/never"];
      const seen = play(core, { args: ["steady", "--", name], variables, execErrno: 2, end: 127 * 256 });
      assert.deepEqual(
        seen.executed.map(({ path }) => path),
        candidates(path ?? undefined, name),
      );
    });
    fc.assert(property, { numRuns: 500 * effort });
  },
);
