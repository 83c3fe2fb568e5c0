// The same wish in many spellings: options as letters, clustered, in long form, or as variables of the environment; and
// the command lines that end at once.

import { OPTIONS } from "../texts/options.ts";
import { notifyOptions, OUTER } from "./notices.ts";
import type { Circumstances } from "./script.ts";

interface Spelled {
  readonly argv: readonly string[];
  readonly environment: readonly string[];
}

/** What PROGRAM is called with. */
export const PROGRAM_ARGUMENTS = ["one", "-v", "two words"] as const;

/** Which refused stop counts as one is not told by its sender: with --trust the clock is played in tests alone. */
const NONE = "none" as const;

/** What of the circumstances there is under dumb-init's name, which has fewer letters, and two levels of verbosity. */
export function asCalled(asDrawn: Circumstances): Circumstances {
  // For another user no file is made.
  const isMissing = asDrawn.user !== "none" && asDrawn.toldTo === "new";
  const withEvents = isMissing ? { ...asDrawn, toldTo: "there" as const } : asDrawn;
  const isNew = asDrawn.user !== "none" && asDrawn.report === "new";
  const withReport = isNew ? { ...withEvents, report: "there" as const } : withEvents;
  const isNewStatus = asDrawn.user !== "none" && asDrawn.statusFile === "new";
  const drawn = isNewStatus ? { ...withReport, statusFile: "there" as const } : withReport;
  // Quiet is what only a variable can ask for.
  const timed = drawn.trust === "any" ? drawn : { ...drawn, grace: NONE, stopWithin: NONE, preStop: NONE };
  const circumstances = timed.noEnv ? { ...timed, verbose: Math.max(0, timed.verbose) } : timed;
  const { dumbInit, verbose } = circumstances;
  if (dumbInit === "no") return isCatatonit(circumstances) ? asCatatonit(circumstances) : circumstances;
  return {
    ...circumstances,
    name: "dumb-init" as Circumstances["name"],
    as: "none",
    ending: circumstances.dumbInitEnding,
    group: dumbInit === "session",
    subreaper: false,
    verbose: verbose > 0 ? 3 : 0,
  };
}

/** Of the letters it has -g alone, and it adopts orphans wherever it is. */
function asCatatonit(circumstances: Circumstances): Circumstances {
  const { spelling, verbose, subreaperOutside } = circumstances;
  return {
    ...circumstances,
    name: circumstances.catatonit ? ("catatonit" as Circumstances["name"]) : "podman-init",
    as: "none",
    ending: circumstances.catatonitEnding,
    spelling: spelling === "environment" && !circumstances.noEnv ? spelling : "long",
    subreaper: subreaperOutside,
    verbose: Math.max(0, verbose),
  };
}

/** Unless --as says otherwise. */
export const isCatatonit = ({ dumbInit, catatonit, name, as, ending }: Circumstances): boolean =>
  dumbInit === "no" && (catatonit || (name === "podman-init" && (as === "none" || ending !== "none")));

const MISLEADING = ["STEADY_REAP=never", "STEADY_WARN_REAPED=1", "STEADY_AS=tini", "TINI_SUBREAPER=1"];

/** What the six options of the end are called, and whether a value goes with them. */
const ENDS = [
  ["drain", "drain"],
  ["grace", "grace"],
  ["stopWithin", "stop-within"],
  ["preStop", "pre-stop"],
  ["stopSignals", "stop-signals"],
] as const;

function spellEnd(circumstances: Circumstances, isVariable: boolean): string[] {
  const said = ENDS.filter(([key]) => circumstances[key] !== "none");
  const orphans = circumstances.killOrphans;
  if (isVariable)
    return [
      ...said.map(([key, long]) => `STEADY_${long.toUpperCase().replace("-", "_")}=${circumstances[key]}`),
      ...(orphans ? ["STEADY_KILL_ORPHANS=yes"] : []),
    ];
  return [
    ...said.map(([key, long]) => `--${long}=${circumstances[key]}`),
    ...(orphans ? ["--kill-orphans"] : []),
  ];
}

/** A time as it is written in a life, in milliseconds; 0 for none. */
export function milliseconds(time: string): number {
  const [, number = "0", unit] = /^(\d+)(ms|s)?$/.exec(time) ?? [];
  return Number(number) * (unit === "s" ? 1000 : 1);
}

/** What is a stop. */
export function stopSignals({ stopSignals: said }: Circumstances): readonly number[] {
  return (
    ({ "HUP,15": [1, 15], "rtmin+6,USR1,PIPE": [40, 10, 13] } as Record<string, number[]>)[said] ?? [2, 3, 15]
  );
}

/** --drain, or its default: only as PID 1 under the name steady. */
export function drainTime(circumstances: Circumstances): number {
  if (circumstances.drain !== "none") return milliseconds(circumstances.drain);
  const isSteady = circumstances.dumbInit === "no" && !isTini(circumstances) && !isCatatonit(circumstances);
  return circumstances.subreaperOutside || !isSteady ? 0 : 2000;
}

/** A variable would open the sandbox, and does not: --user is on the command line. */
function weakens({ sandboxVariable, user, spelling, dumbInit, noEnv }: Circumstances): boolean {
  const isArgument = dumbInit !== "no" || noEnv || spelling !== "environment";
  return sandboxVariable && user !== "none" && isArgument;
}

export function commandLine(circumstances: Circumstances): Spelled {
  const { name, ending, spelling } = circumstances;
  const argv = [`/sbin/${name}`];
  const environment = [
    "HOME=/",
    ...pathOf(circumstances),
    "STEADY_PORT=tcp://10.0.0.1:80",
    // tini's own variable says what -v says, whatever else does.
    ...(circumstances.verbose < 0 ? ["TINI_VERBOSITY=0"] : []),
    // What nobody is to read.
    ...(circumstances.noEnv && ending === "none" ? MISLEADING : []),
    ...(circumstances.listenPid ? ["LISTEN_PID=1"] : []),
    ...(circumstances.outer === "none" ? [] : [`NOTIFY_SOCKET=${OUTER}`]),
    ...(weakens(circumstances) ? ["STEADY_SANDBOX=off"] : []),
  ];
  if (ending !== "none") return spellEnding(ending, argv, environment);
  const program = [programOf(circumstances), ...PROGRAM_ARGUMENTS];
  if (circumstances.dumbInit !== "no") return spellDumbInit(circumstances, argv, environment, program);
  if (spelling === "environment" && !circumstances.noEnv)
    return inEnvironment(circumstances, argv, environment, program);
  const isLong = spelling === "long" || spelling === "separate";
  return { argv: [...argv, ...spell(circumstances), ...(isLong ? [] : ["--"]), ...program], environment };
}

/** What of an environment reaches the program: all but what sets an option. */
export function withoutOptions(environment: readonly string[]): readonly string[] {
  const names = OPTIONS.filter((option) => option.environment).map(
    ({ long }) => `STEADY_${long.toUpperCase().replaceAll("-", "_")}`,
  );
  return environment.filter((each) => !names.includes(each.slice(0, each.indexOf("="))));
}

/** Under which name it is: `--as` wins over the file's own. */
export function isTini({ name, as, ending }: Circumstances): boolean {
  const isAsked = as !== "none" && ending === "none";
  return ["tini", "tini-static", "docker-init"].includes(isAsked ? as : name);
}

// Endings

/** Words that start no program, and the status that they end with; a variable goes into the environment. */
const ENDINGS: Readonly<Record<string, number>> = {
  "-h": 0,
  "--help": 0,
  "--version": 0,
  "--version program": 0,
  "-l program": 0,
  "--license program": 0,
  "--attest": 0,
  "--install /usr/bin/init": 0,
  "--install=/usr": 0,
  "--install=": 1,
  "--install /none/folder/init": 1,
  // A question wins over what is wrong behind it, and what is wrong over a question.
  "-vhq": 0,
  "-qh": 1,
  "": 1,
  "-v": 1,
  "-q program": 1,
  "--quick program": 1,
  "--group=1 program": 1,
  "-e": 1,
  "--remap-exit": 1,
  "-e 256 program": 1,
  "-e -1 program": 1,
  "-e 7x program": 1,
  "-p 0 program": 1,
  "-p 65 program": 1,
  "-pTERMINATE program": 1,
  "--parent-death=RTMIN+31 program": 1,
  "-p RTMIN+ program": 1,
  "-p RTMAX-31 program": 1,
  "-p RTMIN3 program": 1,
  "--reap never program": 1,
  "--as init program": 1,
  "--map USR1 program": 1,
  "--map KILL=TERM program": 1,
  "--map TERM=HUP, program": 1,
  "--map TERM=HUP=INT program": 1,
  "--map=stop=drop program": 1,
  "STEADY_MAP=CHLD=HUP program": 1,
  "--as runit program": 1,
  "--trust inside program": 1,
  "--drain 5 program": 1,
  "--drain= program": 1,
  "--grace 25h program": 1,
  "--pre-stop 86400001ms program": 1,
  "STEADY_STOP_WITHIN=500ms program": 1,
  "--stop-signals TERM,KILL program": 1,
  "--stop-signals TERM=INT program": 1,
  "--user= program": 1,
  "--user :5 program": 1,
  "--user +5 program": 1,
  "--user app: program": 1,
  "--user app:5:6 program": 1,
  "--user app:+ program": 1,
  "--user app:+5:6 program": 1,
  "--user 4294967295:5 program": 1,
  "--user app:5:x program": 1,
  "--drop-caps none program": 1,
  "--drop-caps=kill, program": 1,
  "--keep-caps=kill=1 program": 1,
  "--keep-caps all program": 1,
  [`--user app:+${Array.from({ length: 63 }, (_, gid) => gid).join()} program`]: 1,
  "CATATONIT_LOG=1 --as catatonit program": 1,
  "--events csv program": 1,
  "--events-to=events program": 1,
  [`--events-to /${"e".repeat(600)} program`]: 1,
  "--events json --events-to stderr -h": 0,
  "--report report program": 1,
  "--status-file status program": 1,
  "--guard 101% program": 1,
  "--guard=5x program": 1,
  "--guard 50% --on-fork-bomb stop -h": 0,
  "--guard 9 --on-fork-bomb none program": 1,
  "--on-fork-bomb kill program": 1,
  "--limit-nproc 0 program": 1,
  "--limit-nproc=1000000 program": 1,
  "--watchdog soon program": 1,
  "--ready-within=5 program": 1,
  "--probe-every 5s program": 1,
  "--probe-signal KILL program": 1,
  "--probe-failures 0 program": 1,
  "--probe-failures=101 program": 1,
  "STEADY_USER=app:+5,,6 program": 1,
  "STEADY_REMAP_EXIT=high program": 1,
  "STEADY_AS=systemd program": 1,
  // These are steady's alone.
  "--status": 0,
  "--status program": 0,
  "--json": 0,
  "--openmetrics": 0,
  "--status=1 program": 1,
  "--max-zombies many program": 1,
  "--max-zombies=1000000": 1,
  "--max-pids 0 program": 1,
  "--max-pids=101": 1,
  "--within soon program": 1,
};

/** Endings that look at every process. */
export const LOOKS: readonly string[] = ["--status", "--status program", "--json", "--openmetrics"];

export const ENDING_NAMES = Object.keys(ENDINGS);

/** The same for dumb-init, which has no option of the same letters. */
const DUMB_INIT_ENDINGS: Readonly<Record<string, number>> = {
  "-h": 0,
  "--he": 0,
  "-V": 0,
  "-cvV program": 0,
  "": 1,
  "-c": 1,
  "-g program": 1,
  "-r": 1,
  "-r 32:1 program": 1,
  "-r 1: program": 1,
  "-r 1;2 program": 1,
  "-r -1:3 program": 1,
  "--rewrite=x:1 program": 1,
  "--rewrite": 1,
  "--ver program": 1,
  "--single=1 program": 1,
  "--quick program": 1,
};

export const DUMB_INIT_ENDING_NAMES = Object.keys(DUMB_INIT_ENDINGS);

/** The same for catatonit; a pause ends with the stop that comes. */
const CATATONIT_ENDINGS: Readonly<Record<string, number>> = {
  "-h program": 0,
  "-gL program": 0,
  "-V": 0,
  "--ver": 0,
  "-P": 0,
  "-gP program": 0,
  "": 1,
  "-g": 1,
  "-v program": 1,
  "--versions program": 1,
  "--version=1 program": 1,
  "--grace": 1,
  "CATATONIT_LOG=1 program": 1,
  "CATATONIT_LOG=1 -V": 1,
};

export const CATATONIT_ENDING_NAMES = Object.keys(CATATONIT_ENDINGS);

/** tini knows --version only where it stands alone. */
const TWICE = "--version program";

export function endingStatus(circumstances: Circumstances): number {
  if (circumstances.dumbInit !== "no") return DUMB_INIT_ENDINGS[circumstances.ending] ?? 1;
  if (isCatatonit(circumstances)) return CATATONIT_ENDINGS[circumstances.ending] ?? 1;
  if (circumstances.ending === TWICE) return isTini(circumstances) ? 1 : 0;
  if (circumstances.ending.startsWith("--install") && isTini(circumstances)) return 1;
  if (LOOKS.includes(circumstances.ending) && isTini(circumstances)) return 1;
  return ENDINGS[circumstances.ending] ?? 1;
}

function spellEnding(ending: string, argv: readonly string[], environment: readonly string[]): Spelled {
  const words = ending.split(" ").filter((word) => word !== "");
  const isVariable = (word: string): boolean => /^(?:STEADY|CATATONIT)_/.test(word);
  return {
    argv: [...argv, ...words.filter((word) => !isVariable(word))],
    environment: [...environment, ...words.filter(isVariable)],
  };
}

// What signals become

/** What dumb-init's own option can say as well. */
const REWRITABLE = "USR1=HUP,INT=TERM,HUP=drop";
const REWRITES = ["-r10:1", "--rewrite= 2:+15 and more", "--rewr", "1:0"];

/** What is written, and what it says of which signal: 0 for nothing. */
const MAPS: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  none: {},
  [REWRITABLE]: { 10: 1, 2: 15, 1: 0 },
  "34=40,RTMAX=sigterm,Usr1=rtmin,40=64": { 34: 40, 64: 15, 10: 34, 40: 64 },
  "TERM=drop,15=SIGQUIT,rtmin+6=DROP,hup=chld": { 15: 3, 40: 0, 1: 17 },
  "CONT=TSTP,TERM=KILL,PIPE=32": { 18: 20, 15: 9, 13: 32 },
  "TERM=drop": { 15: 0 },
};

export const MAP_NAMES = Object.keys(MAPS);

/** What --map makes of a signal; 0 for nothing. In dumb-init's session the stops of a terminal are SIGSTOP. */
export function mapped(circumstances: Circumstances, signo: number): number {
  const isStop = circumstances.dumbInit === "session" && [20, 21, 22].includes(signo);
  return MAPS[circumstances.map]?.[signo] ?? (isStop ? 19 : signo);
}

// What the program may

/** What there is in the container, with lines that are none. */
export const PASSWD = [
  "root:x:0:0:root:/root:/bin/sh", "no line", "app:x:1000:1000:App,,:/home/app:/bin/sh", "half:x:1001",
  `long:x:1002:1002::/${"h".repeat(300)}:`, "homeless:x:1003:50::",
].join("\n"); // biome-ignore format: a table
export const GROUP = [
  "root:x:0:", "staff:x:50:nobody,app", "video:x:44:app,", "nobody:x:99:", "wrong:x:4294967295:", "app2:x:7:apple",
].join("\n"); // biome-ignore format: a table

interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly name: string;
  readonly home: string;
}

/** Who that is; null where nobody is. */
const USERS: Readonly<Record<string, Identity | null>> = {
  app: { uid: 1000, gid: 1000, groups: [44, 50, 1000], name: "app", home: "/home/app" },
  "1000:0:+staff,99,staff": { uid: 1000, gid: 0, groups: [0, 50, 99], name: "app", home: "/home/app" },
  "2000:3000": { uid: 2000, gid: 3000, groups: [3000], name: "2000", home: "/" },
  "homeless:+video": { uid: 1003, gid: 50, groups: [44, 50], name: "homeless", home: "/" },
  "root:root": { uid: 0, gid: 0, groups: [0], name: "root", home: "/root" },
  ghost: null,
  half: null,
  "1002": null,
  "2001": null,
  "app:wrong": null,
  "app:+nobody,ghost": null,
  "app:+1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,45,46,47,48,49,51,52,53,54,55,56,57,58,59,60,61,62,63,64":
    null,
};

export const USER_NAMES = Object.keys(USERS);

/** Who the program is to be; undefined where nothing is said, null where there is no such user. */
export const identityOf = ({ user }: Circumstances): Identity | null | undefined => USERS[user];

/** The environment that goes with it. */
export function asUser(environment: readonly string[], { name, home }: Identity): readonly string[] {
  const others = environment.filter((each) => !/^(HOME|USER|LOGNAME)=/.test(each));
  return [...others, `HOME=${home}`, `USER=${name}`, `LOGNAME=${name}`];
}

/** What is written, which capabilities it leaves, and which of them the program has whoever it is. */
const CAPS: Readonly<Record<string, readonly [left: number, kept: number]>> = {
  none: [0xffffffff, 0],
  "drop-caps=all": [0, 0],
  "drop-caps=net_raw,CAP_Kill": [~((1 << 13) | (1 << 5)), 0],
  "keep-caps=kill": [1 << 5, 1 << 5],
};

export const CAPS_NAMES = Object.keys(CAPS);
export const capsOf = ({ caps }: Circumstances): readonly [number, number] => CAPS[caps] ?? [0xffffffff, 0];

export const EVENTS_FILE = "/events";
export const EVENTS_FD = 40;
export const REPORT_FILE = "/report";
export const STATUS_FILE = "/status";
export const TERMINATION_FILE = "/dev/termination-log";

/** Where the events go; nobody may say so by a variable where --user is on the command line. */
function telling({ telling: form, toldTo }: Circumstances): string[] {
  if (form === "none") return [];
  return [`events=${form}`, `events-to=${toldTo === "fd" ? `fd:${EVENTS_FD}` : EVENTS_FILE}`];
}

/** From so many processes on a fork bomb is looked for. */
export const GUARD_FROM = 24;

/** Where it is not PID 1 it only tells. */
const onForkBomb = ({ guard, subreaperOutside }: Circumstances): string =>
  guard !== "none" && subreaperOutside ? "log" : guard;

function guarding(circumstances: Circumstances): string[] {
  const what = onForkBomb(circumstances);
  return what === "none" ? [] : [`guard=${GUARD_FROM}`, `on-fork-bomb=${what}`];
}

/** Options and variables for it. */
function privileges(circumstances: Circumstances): string[] {
  const { limit, user, noNewPrivs, caps, limitNproc, sandbox, named } = circumstances;
  return [
    ...telling(circumstances),
    ...notifyOptions(circumstances),
    ...(circumstances.statusFile === "none" ? [] : [`status-file=${STATUS_FILE}`]),
    ...(circumstances.report === "none" ? [] : [`report=${REPORT_FILE}`]),
    ...guarding(circumstances),
    ...(user === "none" ? [] : [`user=${user}`]),
    ...(noNewPrivs ? ["no-new-privs"] : []),
    ...(caps === "none" ? [] : [caps]),
    ...(limit > 0 ? [`limit=${limit}/s`] : []),
    ...(limitNproc > 0 ? [`limit-nproc=${limitNproc}`] : []),
    ...(sandbox === "on" && !named ? [] : [`sandbox=${sandbox}`]),
  ];
}

const asVariable = (option: string): string => {
  const [name = "", value = "1"] = option.split("=");
  return `STEADY_${name.toUpperCase().replaceAll("-", "_")}=${value}`;
};

// The program

const PATHS: Readonly<Record<string, string>> = {
  usual: "/none:/other::/usr/bin",
  denied: "/denied:/usr/bin",
  long: `/${"x".repeat(5000)}:/usr/bin`,
};

/** Of two variables with one name the first counts. */
function pathOf({ search, searchPath }: Circumstances): string[] {
  if (search && searchPath === "unset") return [];
  return [search ? `PATH=${PATHS[searchPath] ?? ""}` : "PATH=/bin", "PATH=/wrong"];
}

function programOf({ program, search }: Circumstances): string {
  if (program === "empty") return "";
  if (program === "long") return `${search ? "" : "/"}${"p".repeat(5000)}`;
  if (program === "folder") return "/other/program";
  return search ? "program" : "/usr/bin/program";
}

// Options

const SIGNAL_NAMES: Readonly<Record<number, string>> = {
  1: "HUP", 9: "sigkill", 15: "SIGTerm", 34: "RTMIN", 40: "SIGRTMIN+6", 60: "rtmax-4", 64: "RTMAX",
}; // biome-ignore format: a table

const signalOf = ({ parentDeath, named }: Circumstances): string =>
  (named ? SIGNAL_NAMES[parentDeath] : undefined) ?? String(parentDeath);
/** As strtol(3) reads a number, with blanks and a sign before it. */
const statusOf = ({ remap, named }: Circumstances): string =>
  named && remap > 0 ? ` +${remap}` : String(remap);

function spell(circumstances: Circumstances): string[] {
  const { spelling, group, verbose, warnReaped, subreaper, parentDeath, remap, reap, as, map, trust } =
    circumstances;
  const long = spelling === "long" || spelling === "separate";
  const flags = [
    ...(group ? [long ? "--group" : "g"] : []),
    ...new Array<string>(Math.max(0, verbose)).fill(long ? "--verbose" : "v"),
    ...(warnReaped ? [long ? "--warn-reaped" : "w"] : []),
    ...(subreaper ? [long ? "--subreaper" : "s"] : []),
  ];
  const letters =
    spelling === "joined" && flags.length > 0 ? [`-${flags.join("")}`] : flags.map((flag) => `-${flag}`);
  const longValue = (name: string, text: string): string[] =>
    spelling === "separate" || spelling === "short" ? [`--${name}`, text] : [`--${name}=${text}`];
  const value = (letter: string, name: string, text: string): string[] => {
    if (spelling === "joined") return [`-${letter}${text}`];
    return long ? longValue(name, text) : [`-${letter}`, text];
  };
  return [
    ...(as === "none" ? [] : longValue("as", as)),
    ...(long ? flags : letters),
    ...(parentDeath > 0 ? value("p", "parent-death", signalOf(circumstances)) : []),
    ...(remap >= 0 ? value("e", "remap-exit", statusOf(circumstances)) : []),
    ...(reap === "auto" && !circumstances.named ? [] : longValue("reap", reap)),
    ...(map === "none" ? [] : longValue("map", map)),
    ...(circumstances.noEnv ? ["--no-env"] : []),
    ...spellEnd(circumstances, false),
    ...(trust === "any" && !circumstances.named ? [] : longValue("trust", trust)),
    ...privileges(circumstances).map((option) => `--${option}`),
  ];
}

function inEnvironment(
  circumstances: Circumstances,
  argv: readonly string[],
  environment: readonly string[],
  program: readonly string[],
): Spelled {
  const { group, verbose, warnReaped, subreaper, parentDeath, remap, reap, as, map, trust, named } =
    circumstances;
  const variables = [
    // The second is not read.
    ...(group ? ["STEADY_GROUP=1", "STEADY_GROUP=0"] : [named ? "STEADY_GROUP=" : "STEADY_GROUP=0"]),
    named && verbose === 1 ? "STEADY_VERBOSE=yes" : `STEADY_VERBOSE=${Math.max(0, verbose)}`,
    ...(warnReaped ? ["STEADY_WARN_REAPED=yes"] : []),
    subreaper && isCatatonit(circumstances)
      ? "STEADY_SUBREAPER=1"
      : subreaper
        ? "TINI_SUBREAPER=1"
        : named && !isTini(circumstances)
          ? "TINI_SUBREAPER="
          : "STEADY_SUBREAPER=false",
    ...(parentDeath > 0 ? [`STEADY_PARENT_DEATH=${signalOf(circumstances)}`] : []),
    ...(remap >= 0 ? [`STEADY_REMAP_EXIT=${statusOf(circumstances)}`] : []),
    ...(reap === "auto" ? [] : [`STEADY_REAP=${reap}`]),
    ...(as === "none" ? [] : [`STEADY_AS=${as}`]),
    ...(map === "none" ? [] : [`STEADY_MAP=${map}`]),
    ...(trust === "any" ? [] : [`STEADY_TRUST=${trust}`]),
    ...spellEnd(circumstances, true),
    ...privileges(circumstances).map(asVariable),
  ];
  return { argv: [...argv, ...program], environment: [...environment, ...variables] };
}

/** dumb-init's own options in each way, and steady's long ones, which it takes besides. */
function spellDumbInit(
  circumstances: Circumstances,
  argv: readonly string[],
  environment: readonly string[],
  program: readonly string[],
): Spelled {
  const { spelling, dumbInit, verbose, warnReaped, parentDeath, remap, reap, map, trust } = circumstances;
  const single = dumbInit === "single";
  const options = [
    ...(warnReaped ? ["--warn-reaped"] : []),
    ...(parentDeath > 0 ? [`--parent-death=${signalOf(circumstances)}`] : []),
    ...(remap >= 0 ? [`--remap-exit=${statusOf(circumstances)}`] : []),
    ...(reap === "auto" ? [] : ["--reap", reap]),
    ...(trust === "any" ? [] : ["--trust", trust]),
    ...spellEnd(circumstances, false),
    ...privileges(circumstances).map((option) => `--${option}`),
    ...(circumstances.noEnv ? ["--no-env"] : []),
    ...(map === "none" ? [] : map === REWRITABLE ? REWRITES : [`--map=${map}`]),
  ];
  const variables = [
    ...(single ? ["DUMB_INIT_SETSID=0", "DUMB_INIT_SETSID=1"] : []),
    ...(verbose > 0 ? ["DUMB_INIT_DEBUG=1"] : []),
  ];
  const words =
    spelling === "joined"
      ? [`-${single ? "c" : ""}${verbose > 0 ? "v" : ""}`].filter((word) => word !== "-")
      : spelling === "long"
        ? [...(single ? ["--single-child"] : []), ...(verbose > 0 ? ["--verb"] : [])]
        : [...(single ? ["-c"] : []), ...(verbose > 0 ? ["-v"] : [])];
  return spelling === "environment" && !circumstances.noEnv
    ? { argv: [...argv, ...options, ...program], environment: [...environment, ...variables] }
    : { argv: [...argv, ...words, ...options, ...program], environment };
}
