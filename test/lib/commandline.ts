// The command line and the environment once more, as plain TypeScript over strings: what the core has to make of them.
// The rules are tini's (getopt without permutation) and those of texts/options.ts.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ERRORS } from "../../texts/linux.ts";
import { MESSAGES, VERSION } from "../../texts/messages.ts";
import { EXPECTED, OPTIONS, type OptionEntry } from "../../texts/options.ts";
import { ROOT } from "../../tools/build.ts";
import { signalNumber } from "./signals.ts";

type Personality = "steady" | "tini" | "dumb-init" | "catatonit";

/** What a line and an environment that are right come to. */
export interface Settings {
  personality: Personality;
  because: string;
  level: number;
  subreaper: boolean;
  group: boolean;
  warnReaped: boolean;
  reap: string;
  /** 0 where there is none. */
  parentSignal: number;
  remapped: Set<number>;
  /** dumb-init -c: the program stays in the process group of the init. */
  single: boolean;
  /** catatonit -P: there is no program. */
  pauses: boolean;
  /** What signals become; 0 for nothing. */
  mapped: Map<number, number>;
  trust: string;
  sandbox: string;
  limit: number;
  /** --user stands among the arguments, as far as they can be understood without a variable. */
  userIsArgument: boolean;
  /** Options whose variable was there, and counted for nothing. */
  ignored: Set<string>;
  /** --events: nothing, text or json; and where they go, where somebody said. */
  events: string;
  eventsTo: string;
  /** --report and --status-file, or nothing. */
  report: string;
  statusFile: string;
  /** --user: undefined where nothing was said, else numbers where they are, and names. */
  user: UserValue | undefined;
  noNewPrivs: boolean;
  /** Bits by capability. */
  dropped: bigint;
  kept: bigint;
  limitNproc: number;
  probes: boolean;
  probeSignal: number;
  /** --guard as it was said, and --on-fork-bomb. */
  guard: string;
  onForkBomb: string;
  /** Why no program is started, although the line is right: there are no files about users. */
  refusal: string | undefined;
  noEnv: boolean;
  /** Nothing but --no-env and --as counts yet, and no value is wrong. */
  looks: boolean;
  /** --status, --health and what stands for them: told in place of a program. */
  reports: boolean;
  /** --probe is the last of them. */
  asks: boolean;
  /** The index of PROGRAM. */
  program: number;
}

export interface UserValue {
  readonly text: string;
  readonly user: string;
  readonly group: string | undefined;
  readonly extra: readonly string[];
}

/** The init ends at once. Of several wrong variables it may name any, so there may be several right answers. */
export class Stop {
  readonly status: number;
  readonly output: string;
  readonly errors: readonly string[];
  constructor(status: number, output: string, errors: readonly string[] = [""]) {
    this.status = status;
    this.output = output;
    this.errors = errors;
  }
}

export interface Start {
  readonly args: readonly string[];
  readonly variables: readonly string[];
  readonly pid: number;
}

const LINE_MAX = 1024;
const LICENSE = readFileSync(join(ROOT, "LICENSE"), "utf8");
const basename = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
const isOff = (value: string): boolean => /^(0|false)?$/i.test(value);
/** Strings that others chose appear without control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it is about
const shown = (text: string): string => text.replace(/[\x00-\x1f\x7f]/g, "?");

/** Answers the settings, or throws how the init stops. */
export function predict(start: Start): Settings {
  const settings = defaults(start.args[0] ?? "");
  const looked = look(start);
  settings.userIsArgument = looked.userIsArgument;
  const readsVariables = !looked.noEnv;
  const variables = readsVariables ? start.variables : [];
  const isAsked = looked.because === MESSAGES.BecauseOption;
  if (isAsked) refuseReserved(start, variables, looked);
  const wrong = readsVariables ? takeVariables(start, settings) : [];
  if (wrong.length > 0) throw new Stop(1, "", wrong);
  if (!isAsked) refuseReserved(start, variables, settings);
  takeArguments(start, settings);
  if (settings.events === "" && settings.eventsTo !== "") settings.events = "text";
  const { personality } = settings;
  // The kernel that it is played on has no /proc.
  if (settings.reports)
    throw new Stop(settings.asks ? 2 : 1, "", [
      fatal(start, settings, MESSAGES.NoStatus.replace("%e", ERRORS[2] ?? "")),
    ]);
  if (readsVariables && (personality === "steady" || personality === "tini"))
    takeTiniVariables(start.variables, settings);
  if (settings.warnReaped && settings.reap === "kernel") {
    throw new Stop(1, "", [fatal(start, settings, MESSAGES.WarnReapedNeedsWait)]);
  }
  if (settings.probes && settings.probeSignal === 0) {
    throw new Stop(1, "", [fatal(start, settings, MESSAGES.ProbeNeedsSignal)]);
  }
  if (settings.trust === "outside" && start.pid !== 1) {
    throw new Stop(1, "", [fatal(start, settings, MESSAGES.TrustNeedsPid1)]);
  }
  if (settings.onForkBomb !== "log" && (settings.guard === "" || start.pid !== 1)) {
    throw new Stop(1, "", [fatal(start, settings, MESSAGES.OnForkBombNeeds)]);
  }
  if (personality === "catatonit") settleCatatonit(start, variables, settings);
  else settings.pauses = false;
  if (settings.program >= start.args.length && !settings.pauses)
    throw new Stop(1, "", [noProgram(start, settings)]);
  settings.refusal =
    (settings.user === undefined ? undefined : refusalOf(settings.user)) ??
    refusalOfFiles(settings) ??
    // No cgroup has a limit where it is played.
    (settings.guard.endsWith("%") ? MESSAGES.GuardUnlimited : undefined);
  if (settings.personality === "dumb-init") settleDumbInit(variables, settings);
  return settings;
}

/** What has to be known of the options before a variable is read, as far as they can be understood without one. */
function look(start: Start): Settings {
  const settings = { ...defaults(start.args[0] ?? ""), looks: true };
  try {
    takeArguments(start, settings);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
  }
  return settings;
}

const TINIS = ["tini", "tini-static", "docker-init"];

function defaults(path: string): Settings {
  const name = basename(path);
  const known = personalityOf(name);
  return {
    personality: known ?? "steady",
    because: known !== undefined ? MESSAGES.BecauseName : MESSAGES.BecauseDefault,
    level: 1,
    subreaper: false,
    group: false,
    single: false,
    pauses: false,
    warnReaped: false,
    reap: "auto",
    parentSignal: 0,
    remapped: new Set(),
    mapped: new Map(),
    trust: "any",
    sandbox: "on",
    limit: 0,
    userIsArgument: false,
    ignored: new Set(),
    events: "",
    eventsTo: "",
    report: "",
    statusFile: "",
    user: undefined,
    noNewPrivs: false,
    dropped: 0n,
    kept: 0n,
    limitNproc: 0,
    probes: false,
    probeSignal: 0,
    guard: "",
    onForkBomb: "log",
    refusal: undefined,
    noEnv: false,
    reports: false,
    asks: false,
    looks: false,
    program: 1,
  };
}

function personalityOf(name: string): Personality | undefined {
  if (name === "steady" || name === "dumb-init" || name === "catatonit") return name;
  if (name === "podman-init") return "catatonit";
  return TINIS.includes(name) ? "tini" : undefined;
}

/** getenv(3): of two with one name the first counts. */
function variable(variables: readonly string[], name: string): string | undefined {
  return variables.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** The variable that says the same. */
export const variableOf = ({ long }: OptionEntry): string =>
  `STEADY_${long.toUpperCase().replaceAll("-", "_")}`;

/** Nobody may set these by a variable where --user stands on the command line. */
export const GUARDED = [
  "Sandbox",
  "EventsTo",
  "Report",
  "StatusFile",
  "KeepCaps",
  "KillOrphans",
  "OnForkBomb",
];

/** Answers what may be said about those that are wrong. */
function takeVariables(start: Start, settings: Settings): string[] {
  const wrong: string[] = [];
  for (const option of OPTIONS.filter(({ environment }) => environment)) {
    const name = variableOf(option);
    const value = variable(start.variables, name);
    // An empty variable is none.
    if (value === undefined || value === "") continue;
    if (settings.userIsArgument && GUARDED.includes(option.name)) {
      settings.ignored.add(option.name);
      continue;
    }
    if (option.value === undefined) takeFlagVariable(option, value, settings);
    else {
      const expected = takeValue(option, value, settings, MESSAGES.BecauseVariable);
      if (expected === undefined) continue;
      const sentence = expected.startsWith("expected")
        ? `Not a valid value for ${name}: ${shown(value)} (${expected})`
        : expected;
      // Whether STEADY_AS was read before is not promised.
      for (const name of ["steady", "tini", "dumb-init", "catatonit"])
        wrong.push(fatal(start, settings, sentence, name));
    }
  }
  return wrong;
}

function takeFlagVariable(option: OptionEntry, value: string, settings: Settings): void {
  if (isOff(value)) return;
  takeFlag(option, settings);
  if (option.name === "Verbose") settings.level = 1 + Math.max(1, atoi(value));
}

/** Nothing is started, and it is the last of them that counts. */
function lookInstead(settings: Settings, { name }: OptionEntry): void {
  settings.reports = true;
  settings.asks = name === "Probe" || name === "Within";
}

function takeFlag(option: OptionEntry, settings: Settings): void {
  if (["Status", "Json", "OpenMetrics", "Health", "Probe"].includes(option.name))
    lookInstead(settings, option);
  if (option.name === "Subreaper") settings.subreaper = true;
  if (option.name === "Group") settings.group = true;
  if (option.name === "SingleChild") settings.single = true;
  if (option.name === "Pause") settings.pauses = true;
  if (option.name === "NoEnv") settings.noEnv = true;
  if (option.name === "NoNewPrivs") settings.noNewPrivs = true;
  if (option.name === "WarnReaped") settings.warnReaped = true;
  if (option.name === "Verbose") settings.level++;
}

/** Answers nothing, or the sentence that says what would be right. */
function takeValue(option: OptionEntry, value: string, to: Settings, because: string): string | undefined {
  if (option.name === "ParentDeath") {
    to.parentSignal = signalNumber(value);
    return to.parentSignal > 0 ? undefined : EXPECTED.Signal;
  }
  if (option.name === "RemapExit") {
    // strtol(3) to the end of the string; the empty string is 0, as in tini.
    const number = /^([ \t\n\v\f\r]*[+-]?\d+)?$/.test(value) ? Number(value.trim()) : -1;
    if (!(number >= 0 && number <= 255)) return EXPECTED.Status;
    to.remapped.add(Math.abs(number));
    return undefined;
  }
  if (option.name === "Reap") {
    if (!["auto", "kernel", "wait"].includes(value)) return EXPECTED.Reap;
    to.reap = value;
    return undefined;
  }
  if (["Drain", "Grace", "PreStop", "StopWithin"].includes(option.name)) {
    const ms = milliseconds(value);
    if (option.name === "StopWithin") return ms === 0 || ms > 500 ? undefined : EXPECTED.StopWithin;
    return ms >= 0 ? undefined : EXPECTED.Time;
  }
  if (["Watchdog", "ReadyWithin", "ProbeEvery", "ProbeWithin", "Within"].includes(option.name)) {
    const ms = milliseconds(value);
    if (option.name === "Within") lookInstead(to, option);
    if (option.name === "ProbeEvery") to.probes = ms > 0;
    return ms >= 0 ? undefined : EXPECTED.Time;
  }
  if (option.name === "ProbeSignal") {
    const signal = signalNumber(value);
    to.probeSignal = UNMAPPABLE.includes(signal) ? 0 : signal;
    return to.probeSignal > 0 ? undefined : EXPECTED.Probe;
  }
  if (option.name === "ProbeFailures") {
    const number = /^[ \t\n\v\f\r]*\+?\d+$/.test(value) ? Number(value.trim()) : 0;
    return number > 0 && number <= 100 ? undefined : EXPECTED.Failures;
  }
  if (option.name === "StopSignals") {
    const signals = value.split(",").map((word) => (word.includes("=") ? 0 : signalNumber(word)));
    return signals.every((signal) => signal > 0 && !UNMAPPABLE.includes(signal))
      ? undefined
      : EXPECTED.Signals;
  }
  if (option.name === "Limit") {
    const [, rate = "0"] = /^(\d+)\/s$/.exec(value) ?? [];
    to.limit = Number(rate) > 9999 ? 0 : Number(rate);
    return to.limit > 0 ? undefined : EXPECTED.Rate;
  }
  if (option.name === "Sandbox") {
    if (!["on", "off", "strict"].includes(value)) return EXPECTED.Sandbox;
    to.sandbox = value;
    return undefined;
  }
  if (option.name === "Events") {
    if (!["text", "json"].includes(value)) return EXPECTED.Events;
    to.events = value;
    return undefined;
  }
  if (option.name === "EventsTo") {
    const isDescriptor = /^fd:[ \t\n\v\f\r]*\+?\d+$/.test(value);
    if (value !== "stderr" && !isDescriptor && !/^\/.{0,510}$/s.test(value)) return EXPECTED.Target;
    to.eventsTo = value;
    return undefined;
  }
  if (option.name === "Report") {
    to.report = value;
    return /^\/.{0,510}$/s.test(value) ? undefined : EXPECTED.File;
  }
  if (option.name === "Guard") {
    const [, number, percent] = /^(\d+)(%?)$/.exec(value) ?? [];
    to.guard = value;
    const isRight = Number(number) > 0 && (percent === "" || Number(number) <= 100);
    return isRight ? undefined : EXPECTED.Guard;
  }
  if (option.name === "OnForkBomb") {
    if (!["log", "stop", "kill", "end"].includes(value)) return EXPECTED.OnForkBomb;
    to.onForkBomb = value;
    return undefined;
  }
  if (option.name === "StatusFile") {
    to.statusFile = value;
    return /^\/.{0,510}$/s.test(value) ? undefined : EXPECTED.File;
  }
  if (option.name === "Trust") {
    if (!["any", "outside"].includes(value)) return EXPECTED.Trust;
    to.trust = value;
    return undefined;
  }
  if (option.name === "User") {
    to.user = readUser(value);
    return to.user === undefined ? EXPECTED.User : undefined;
  }
  if (option.name === "DropCaps") {
    to.dropped = value === "all" ? 2n ** 64n - 1n : capabilitiesOf(value);
    return to.dropped === 0n ? EXPECTED.Caps : undefined;
  }
  if (option.name === "KeepCaps") {
    to.kept = capabilitiesOf(value);
    return to.kept === 0n ? EXPECTED.Caps : undefined;
  }
  if (option.name === "LimitNproc") {
    to.limitNproc = /^[ \t\n\v\f\r]*\+?\d+$/.test(value) ? Number(value.trim()) : 0;
    return to.limitNproc > 0 && to.limitNproc < 1_000_000 ? undefined : EXPECTED.Nproc;
  }
  if (option.name === "MaxZombies" || option.name === "MaxPids") {
    const isZombies = option.name === "MaxZombies";
    const number = /^[ \t\n\v\f\r]*[+-]?\d+$/.test(value) ? Number(value.trim()) : -1;
    lookInstead(to, option);
    const isRight = isZombies ? number >= 0 && number < 1_000_000 : number > 0 && number <= 100;
    return isRight ? undefined : isZombies ? EXPECTED.Zombies : EXPECTED.Percent;
  }
  if (option.name === "Map") return takeMap(value, to.mapped) ? undefined : EXPECTED.Map;
  if (option.name === "Install") return EXPECTED.Path;
  const personality = personalityOf(value);
  if (personality === undefined) return EXPECTED.Name;
  to.personality = personality;
  to.because = because;
  return undefined;
}

/** `500ms`, `5s`, `2m` or `0`, up to a day; -1 for what is none. */
function milliseconds(value: string): number {
  const [, digits, unit = ""] = /^(\d+)(ms|s|m)?$/.exec(value) ?? [];
  const ms = Number(digits) * (unit === "m" ? 60_000 : unit === "s" ? 1000 : 1);
  return digits === undefined || ms > 86_400_000 || (unit === "" && ms !== 0) ? -1 : ms;
}

/** No name is longer than a field of /etc/passwd may be, no number larger than an id. */
const isPart = (part: string): boolean =>
  /^[^:,]{1,255}$/s.test(part) && (!/^\d+$/.test(part) || Number(part) <= 0xfffffffe);

/** USER[:GROUP][:+GROUPS]. */
function readUser(text: string): UserValue | undefined {
  const [user = "", second, third, ...rest] = text.split(":");
  const group = second?.startsWith("+") ? undefined : second;
  const last = group === undefined ? second : third;
  const tooMany = rest.length > 0 || (group === undefined && third !== undefined);
  const extra = last === undefined ? [] : last.slice(1).split(",");
  const parts = [user, ...(group === undefined ? [] : [group]), ...extra];
  if (tooMany || user.startsWith("+") || (last !== undefined && !last.startsWith("+"))) return undefined;
  return parts.every(isPart) && extra.length <= 62 ? { text, user, group, extra } : undefined;
}

function refusalOf({ text, user, group, extra }: UserValue): string | undefined {
  const isNumber = (part: string): boolean => /^\d+$/.test(part);
  const fill = (message: string, file: string): string =>
    message
      .replace("%v", () => shown(text))
      .replace("%t", file)
      .replace("%e", ERRORS[2] ?? "");
  if (!isNumber(user)) return fill(MESSAGES.UserUnreadable, "/etc/passwd");
  if (group === undefined) return fill(MESSAGES.UserNeedsGroup, "/etc/passwd");
  return [group, ...extra].every(isNumber) ? undefined : fill(MESSAGES.UserUnreadable, "/etc/group");
}

const [ENOENT, ENOSYS] = [2, 38];

/** Where it is played files cannot be made, and descriptors not be copied. */
function refusalOfFiles({ events, eventsTo, report, statusFile, pauses }: Settings): string | undefined {
  const refused = (option: string, errno: number): string =>
    MESSAGES.FileFailed.replace("%t", option).replace("%e", ERRORS[errno] ?? "");
  if (events !== "" && eventsTo.startsWith("/")) return refused("events-to", ENOENT);
  if (events !== "" && eventsTo.startsWith("fd:")) return refused("events-to", ENOSYS);
  const files = { report: pauses ? "" : report, "status-file": pauses ? "" : statusFile };
  const [option] = Object.entries(files).flatMap(([long, path]) => (path ? [long] : []));
  return option && refused(option, ENOENT);
}

const CAPABILITIES = MESSAGES.CapabilityNames.split(",");

/** 0 where one of them is none. */
function capabilitiesOf(value: string): bigint {
  const numbers = value
    .split(",")
    .map((name) => CAPABILITIES.indexOf(name.toLowerCase().replace(/^cap_/, "")));
  return numbers.includes(-1) ? 0n : numbers.reduce((set, number) => set | (1n << BigInt(number)), 0n);
}

/** KILL, STOP and CHLD cannot be mapped. */
const UNMAPPABLE = [9, 17, 19];

function takeMap(value: string, mapped: Map<number, number>): boolean {
  return value.split(",").every((pair) => {
    const [from = "", to = "", ...rest] = pair.split("=");
    const [one, other] = [signalNumber(from), /^drop$/i.test(to) ? 0 : signalNumber(to) || -1];
    if (one === other) mapped.delete(one);
    else mapped.set(one, other);
    return rest.length === 0 && one > 0 && other >= 0 && !UNMAPPABLE.includes(one);
  });
}

function takeArguments(start: Start, settings: Settings): void {
  const rest = start.args.slice(1);
  while (rest.length > 0) {
    const arg = rest[0] ?? "";
    if (!arg.startsWith("-") || arg === "-") break;
    rest.shift();
    if (arg === "--") break;
    if (arg.startsWith("--")) takeLong(arg, rest, start, settings);
    else takeCluster(arg, rest, start, settings);
  }
  settings.program = start.args.length === 0 ? 1 : start.args.length - rest.length;
}

function takeCluster(arg: string, rest: string[], start: Start, settings: Settings): void {
  for (let i = 1; i < arg.length; i++) {
    const letter = arg.charAt(i);
    const option = optionOfLetter(letter, settings);
    if (option === undefined) throw wrongLetter(start, settings, MESSAGES.InvalidOption, letter);
    if (option.value === undefined) {
      stopIfAsked(option, start, settings);
      takeFlag(option, settings);
      continue;
    }
    const value = i + 1 < arg.length ? arg.slice(i + 1) : rest.shift();
    if (value === undefined) throw wrongLetter(start, settings, MESSAGES.OptionNeedsArgument, letter);
    takeArgument(option, value, start, settings);
    return;
  }
}

function takeLong(arg: string, rest: string[], start: Start, settings: Settings): void {
  const equals = arg.indexOf("=");
  const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
  const begun = (OWN_LONG[settings.personality] ?? []).filter(({ long }) => long.startsWith(name));
  if (begun.length > 1) {
    const all = begun.map(({ long }) => ` '--${long}'`).join("");
    const called = shown(start.args[0] ?? "");
    throw new Stop(1, "", [`${called}: option '${shown(arg)}' is ambiguous; possibilities:${all}\n`]);
  }
  const own = begun[0] ?? OPTIONS.find(({ long }) => long === name);
  const option = own?.steadys === true && settings.personality !== "steady" ? undefined : own;
  const tini = settings.personality === "tini";
  const complain = (text: string): Stop =>
    new Stop(1, "", [
      settings.personality === "dumb-init" || settings.personality === "catatonit"
        ? complaint(text, start, arg, option?.long ?? "") + usageAfter(settings)
        : fill(text, start, arg),
    ]);
  // tini knows --version where it stands alone, and no other.
  const hidden = tini && option?.name === "Version" && equals < 0 && start.args.length > 2;
  if (tini && (option === undefined || hidden)) {
    throw wrongLetter(start, settings, MESSAGES.InvalidOption, "-");
  }
  if (option === undefined) throw complain(MESSAGES.UnknownLongOption);
  if (option.value === undefined) {
    if (equals >= 0) throw complain(MESSAGES.LongOptionTakesNone);
    stopIfAsked(option, start, settings);
    takeFlag(option, settings);
    return;
  }
  const value = equals >= 0 ? arg.slice(equals + 1) : rest.shift();
  if (value === undefined) throw complain(MESSAGES.LongOptionNeedsArgument);
  takeArgument(option, value, start, settings);
}

/** dumb-init's letters. */
const LETTERS: Readonly<Record<string, string>> = {
  h: "help",
  c: "single-child",
  r: "rewrite",
  v: "verbose",
  V: "version",
};
const ONLY_DUMB_INIT: readonly OptionEntry[] = [
  { name: "SingleChild", long: "single-child", environment: false, help: "" },
  { name: "Rewrite", long: "rewrite", value: "s:r", environment: false, help: "" },
];
/** Its long options, in the order in which they are listed. */
const LONG = ["help", "single-child", "rewrite", "verbose", "version"].map(
  (name) => [...OPTIONS, ...ONLY_DUMB_INIT].find(({ long }) => long === name) as OptionEntry,
);

/** catatonit's. */
const CATATONIT: Readonly<Record<string, string>> = { g: "group", h: "help", L: "license", V: "version" };
const OWN_LONG: Readonly<{ [personality: string]: readonly OptionEntry[] }> = {
  "dumb-init": LONG,
  catatonit: OPTIONS.filter(({ long }) => long === "version"),
};

function optionOfLetter(letter: string, { personality }: Settings): OptionEntry | undefined {
  if (personality === "catatonit" && letter === "P")
    return { name: "Pause", long: "pause", environment: false, help: "" };
  if (personality === "catatonit") return OPTIONS.find(({ long }) => long === CATATONIT[letter]);
  if (personality !== "dumb-init") return OPTIONS.find((each) => each.letter === letter);
  return LONG.find(({ long }) => long === LETTERS[letter]);
}

/** What getopt_long(3) of glibc says. */
function complaint(text: string, start: Start, arg: string, long: string): string {
  const called = shown(start.args[0] ?? "");
  if (text === MESSAGES.UnknownLongOption) return `${called}: unrecognized option '${shown(arg)}'\n`;
  const what = text === MESSAGES.LongOptionTakesNone ? "doesn't allow" : "requires";
  return `${called}: option '--${long}' ${what} an argument\n`;
}

/** `15:3` as scanf(3) reads "%d:%d"; 0 is nothing. */
function takeRewrite(value: string, to: Settings): void {
  const [, from = "0", into = "0"] = /^[ \t\n\v\f\r]*([+-]?\d+):[ \t\n\v\f\r]*([+-]?\d+)/.exec(value) ?? [];
  const [one, other] = [Number(from), Number(into)];
  if (one < 1 || one > 31 || other < 0 || other > 31) throw new Stop(1, "", [MESSAGES.DumbInitRewriteHelp]);
  // It may be minus zero.
  to.mapped.set(one, Math.abs(other));
}

/** What holds under its name when everything is read. */
function settleDumbInit(variables: readonly string[], settings: Settings): void {
  if (settings.level > 1 || variable(variables, "DUMB_INIT_DEBUG") === "1") settings.level = 4;
  if (variable(variables, "DUMB_INIT_SETSID") === "0") settings.single = true;
  settings.group = !settings.single;
  if (settings.group)
    for (const stop of [20, 21, 22]) settings.mapped.set(stop, settings.mapped.get(stop) ?? 19);
}

function takeArgument(option: OptionEntry, value: string, start: Start, settings: Settings): void {
  if (settings.looks) {
    if (option.name === "As") takeValue(option, value, settings, MESSAGES.BecauseOption);
    if (option.name === "User") settings.userIsArgument = true;
    return;
  }
  if (option.name === "Rewrite") {
    takeRewrite(value, settings);
    return;
  }
  if (option.name === "Install" && value !== "") throw notInstalled(start, settings, value);
  const expected = takeValue(option, value, settings, MESSAGES.BecauseOption);
  if (expected === undefined) return;
  const sentence = !expected.startsWith("expected")
    ? expected
    : option.letter !== undefined && settings.personality === "tini"
      ? `Not a valid option for -${option.letter}: ${shown(value)}`
      : `Not a valid value for --${option.long}: ${shown(value)} (${expected})`;
  throw new Stop(1, "", [fatal(start, settings, sentence)]);
}

/** The kernel that it is played on has no /proc/self/exe. A path that is too long is not opened. */
function notInstalled(start: Start, settings: Settings, value: string): Stop {
  const [what, errno] = value.length < 4096 ? [MESSAGES.InstallRead, 2] : [MESSAGES.InstallCreate, 36];
  const sentence = MESSAGES.InstallFailed.replace("%t", what).replace("%e", ERRORS[errno] ?? "");
  return new Stop(1, "", [
    fatal(
      start,
      settings,
      sentence.replace("%v", () => shown(value)),
    ),
  ]);
}

function stopIfAsked(option: OptionEntry, start: Start, settings: Settings): void {
  if (settings.looks) return;
  const tini = settings.personality === "tini";
  const dumb = settings.personality === "dumb-init";
  const catatonit = settings.personality === "catatonit";
  if (option.name === "Help" && catatonit) throw new Stop(0, "", [MESSAGES.CatatonitHelp]);
  if (option.name === "Version" && catatonit)
    throw new Stop(0, `tini version 0.2.1_catatonit_steady-${VERSION}\n`);
  if (option.name === "Help" && dumb) throw new Stop(0, "", [usage(start, settings)]);
  if (option.name === "Version" && dumb) throw new Stop(0, "", [`dumb-init v1.2.5_steady-${VERSION}\n`]);
  if (option.name === "Help") throw new Stop(0, usage(start, settings));
  if (option.name === "License") throw new Stop(0, LICENSE);
  // The kernel that it is played on has no /proc/self/exe.
  if (option.name === "Attest")
    throw new Stop(1, "", [fatal(start, settings, MESSAGES.CannotReadItself.replace("%e", ERRORS[2] ?? ""))]);
  if (option.name !== "Version") return;
  throw new Stop(0, tini ? `tini version 0.19.0_steady-${VERSION}\n` : `steady version ${VERSION}\n`);
}

/** Any value means on under tini's names; under steady's, "off" is off (W17). */
function takeTiniVariables(variables: readonly string[], settings: Settings): void {
  const on = (name: string): boolean => {
    const value = variable(variables, name);
    return value !== undefined && (settings.personality === "tini" || !isOff(value));
  };
  if (on("TINI_SUBREAPER")) settings.subreaper = true;
  if (on("TINI_KILL_PROCESS_GROUP")) settings.group = true;
  const verbosity = variable(variables, "TINI_VERBOSITY");
  if (verbosity === undefined) return;
  // tini keeps it unsigned.
  settings.level = atoi(verbosity) < 0 ? 4 : atoi(verbosity);
}

function atoi(text: string): number {
  return Number(/^[ \t\n\v\f\r]*([+-]?\d+)/.exec(text)?.[1] ?? 0);
}

function wrongLetter(start: Start, settings: Settings, text: string, letter: string): Stop {
  const line = text.replace("%p", () => shown(start.args[0] ?? "")).replace("%c", () => letter);
  const after = settings.personality === "catatonit" ? usageAfter(settings) : usage(start, settings);
  return new Stop(1, "", [settings.personality === "dumb-init" ? line : line + after]);
}

function usage(start: Start, { personality }: Settings): string {
  if (personality === "dumb-init") return fill(MESSAGES.DumbInitHelp, start, "");
  return fill(personality === "tini" ? MESSAGES.UsageTini : MESSAGES.UsageSteady, start, "");
}

/** What follows a complaint about a long option. */
function usageAfter({ personality }: Settings): string {
  return personality === "catatonit" ? MESSAGES.CatatonitUsage : "";
}

/** What holds under catatonit's name when everything is read. */
function settleCatatonit(start: Start, variables: readonly string[], settings: Settings): void {
  settings.subreaper = start.pid !== 1;
  if (variable(variables, "CATATONIT_DEBUG") !== undefined) settings.level = 4;
}

/** catatonit looks at no option before it has refused that one. */
function refuseReserved(start: Start, variables: readonly string[], settings: Settings): void {
  if (settings.personality !== "catatonit" || variable(variables, "CATATONIT_LOG") === undefined) return;
  throw new Stop(1, "", [fatal(start, settings, "CATATONIT_LOG is reserved for future use")]);
}

function noProgram(start: Start, settings: Settings): string {
  if (settings.personality === "catatonit")
    return fatal(start, settings, "missing program name") + usageAfter(settings);
  return settings.personality === "dumb-init"
    ? fill(MESSAGES.DumbInitUsage, start, "")
    : usage(start, settings);
}

function fill(text: string, start: Start, arg: string): string {
  const name = start.args[0] === undefined ? "steady" : shown(basename(start.args[0]));
  const all = shown(start.args[0] ?? "");
  return text.replaceAll(/%[anp]/g, (what) => (what === "%n" ? name : what === "%a" ? all : shown(arg)));
}

/** One line of the log, which has an end. */
function fatal(
  start: Start,
  settings: Settings,
  sentence: string,
  name: string = settings.personality,
): string {
  const prefix =
    name === "dumb-init"
      ? "[dumb-init]"
      : name === "catatonit"
        ? `ERROR (catatonit:${start.pid}):`
        : `[FATAL ${name} (${start.pid})]`;
  return `${`${prefix} ${sentence}`.slice(0, LINE_MAX - 1)}\n`;
}
