// What a script may do next. A move is six numbers from fast-check; here they become a step that makes sense now: whoever
// lives acts, targets mostly exist, nothing blocks for ever and nobody outside the namespace is hit. The simulated Linux
// is the model: it is asked who lives and what is open.

import { DatagramFile } from "../../simulator/datagrams.ts";
import { Directory, PidFile, SignalFile, TerminalFile, TextFile } from "../../simulator/files.ts";
import type { Process } from "../../simulator/linux.ts";
import { SLOTS, type Step } from "./script.ts";
import { DESCRIPTORS_MAX, VARIANT_NAMES } from "./settings.ts";
import { type Actor, isAble, type Simulation } from "./simulated.ts";

/** What to do, who, and four numbers to choose by. */
export type Move = readonly [kind: number, who: number, a: number, b: number, c: number, d: number];

type Args = readonly (number | bigint)[];
/** Answers the arguments, or undefined where the call makes no sense now. */
type Kind = (of: Situation) => { call: string; args: Args; path?: string } | undefined;

/** What a whole script is about: then its steps meet each other more often than chance would have them. */
export interface Theme {
  readonly name: ThemeName;
  /** Three signals that are sent, blocked and ignored more often than the others. */
  readonly signals: readonly [number, number, number];
}

const SIGNALS = [
  15, 9, 19, 18, 17, 20, 10, 34, 35, 64, 21, 22, 13, 28, 11, 1, 3, 33, 2, 23, 0, 65, -1,
] as const;
const MASKS = [0n, -1n, only(17), only(18, 19, 20, 21, 22), ~only(17)] as const;
const FIRST_FREE = 10;
const MISSING_PID = 999;
const WNOHANG = 1;

function only(...signals: number[]): bigint {
  return signals.reduce((set, signo) => set | (1n << BigInt(signo - 1)), 0n);
}

/** Who acts, and how a choice is made. */
class Situation {
  readonly simulation: Simulation;
  readonly actor: Actor;
  readonly #signals: readonly number[];
  readonly #choices: readonly number[];
  #next = 0;

  constructor(simulation: Simulation, actor: Actor, theme: Theme, choices: readonly number[]) {
    this.simulation = simulation;
    this.actor = actor;
    this.#signals = theme.signals.map((index) => SIGNALS[index % SIGNALS.length] ?? 15);
    this.#choices = choices;
  }

  get self(): Process {
    return this.actor.process;
  }

  /** Small numbers choose what stands first, so that shrinking leads to the simplest. */
  pick<T>(list: readonly T[]): T {
    return list[this.number(list.length)] as T;
  }

  number(below: number): number {
    const index = this.#next++;
    const choice = this.#choices[index % this.#choices.length] ?? 0;
    // A number that is used again is used in another way.
    return Math.floor(choice / 7 ** Math.floor(index / this.#choices.length)) % below;
  }

  /** The pid of somebody: alive, dead, gone, or nobody. */
  pid(): number {
    const { init, actors } = this.simulation;
    const known = actors.flatMap((actor) =>
      actor === undefined ? [] : [actor.process.id.in(init.namespace)],
    );
    const others = known.filter((pid) => pid > 1);
    return this.pick([...others, ...others, 1, this.self.pid, MISSING_PID].filter((pid) => pid > 0));
  }

  signal(): number {
    return this.pick(this.number(4) === 3 ? SIGNALS : this.#signals);
  }

  mask(): bigint {
    const [a = 15, b = 15] = this.#signals.filter((signo) => signo > 0 && signo <= 64);
    return this.pick([only(a), only(a, b), only(b, 17), ...MASKS]);
  }

  /** A descriptor of the kind, mostly; the player's own are left alone. */
  fd(is?: (file: object) => boolean): number {
    const { files } = this.self;
    const all = files.numbers.filter((fd) => fd === 0 || fd >= FIRST_FREE);
    // What streams do with datagrams is nobody's question.
    const own = is === isPipe ? all.filter((fd) => !isDatagram(files.get(fd) as object)) : all;
    const fitting = own.filter((fd) => is === undefined || is(files.get(fd) as object));
    const rest = this.number(8) === 0 || fitting.length === 0 ? [...own, DESCRIPTORS_MAX - 1, -1] : fitting;
    return this.pick(rest);
  }

  /** Whether a signal to the actor's group would leave the namespace. */
  get groupIsOutside(): boolean {
    return this.self.group.in(this.simulation.init.namespace) === 0;
  }
}

const isPidfd = (file: object): boolean => file instanceof PidFile;
const isSignalfd = (file: object): boolean => file instanceof SignalFile;
const isTerminal = (file: object): boolean => file instanceof TerminalFile;
const isFolder = (file: object): boolean => file instanceof Directory;
const isDatagram = (file: object): boolean => file instanceof DatagramFile;
const isPipe = (file: object): boolean => "pipe" in file;

/** A plain question without arguments. */
const ask =
  (call: string): Kind =>
  () => ({ call, args: [] });

const killOne: Kind = (of) => ({ call: "kill", args: [of.pid(), of.signal()] });

const killMany: Kind = (of) => {
  const signal = of.signal();
  const target = of.pick([-of.pid(), -1, 0, -(2 ** 31)]);
  if (target === 0 && of.groupIsOutside && signal !== 0) return undefined;
  if (target === -1 && of.self !== of.simulation.init && signal === 9 && of.number(2) === 0) return undefined;
  return { call: "kill", args: [target, signal] };
};

const queueSignal: Kind = (of) => {
  const value = BigInt(of.number(1000)) << BigInt(of.pick([0, 32]));
  return { call: "rt_sigqueueinfo", args: [of.pid(), of.signal(), of.self.pid, of.pick([0, 1234]), value] };
};

const sendByPidfd: Kind = (of) => {
  const [fd, signal, group] = [of.fd(isPidfd), of.signal(), of.pick([0, 0, 1])];
  const info = of.pick([0, 0, signal, 15]);
  return { call: "pidfd_send_signal", args: [fd, signal, group, info, of.number(1000), of.self.pid] };
};

const makeChild: Kind = (of) => ({ call: "clone", args: [of.pick([0, 1, 1])] });
const end: Kind = (of) =>
  of.self === of.simulation.init ? undefined : { call: "exit", args: [of.pick([0, 7, 255, 256])] };

const WAIT_OPTIONS = [WNOHANG, WNOHANG | 2, WNOHANG | 8, WNOHANG | 2 | 8, WNOHANG | 0x1000] as const;
const waitForChild: Kind = (of) => {
  const pid = of.pick([-1, of.pid(), 0, -of.pid(), -1, -(2 ** 31)]);
  return { call: "wait4", args: [pid, of.pick(WAIT_OPTIONS)] };
};

const mask: Kind = (of) => ({ call: "rt_sigprocmask", args: [of.mask()] });
const action: Kind = (of) => ({
  call: "rt_sigaction",
  args: [of.pick([17, of.signal()]), of.pick([1, 2, 0])],
});
const signalfd: Kind = (of) => ({
  call: "signalfd4",
  args: [of.pick([-1, -1, of.fd(isSignalfd)]), of.mask()],
});
const takeSignal: Kind = (of) => ({ call: "rt_sigtimedwait", args: [of.mask(), 0] });
const readSignals: Kind = (of) => readFrom(of, isSignalfd, [128, 128, 256, 100]);
const readPipe: Kind = (of) => readFrom(of, isPipe, [16384, 1, 100, 4096, 0]);

/** Reading at a terminal in the foreground would wait for somebody who types. */
function readFrom(
  of: Situation,
  is: (file: object) => boolean,
  lengths: readonly number[],
): ReturnType<Kind> {
  const fd = of.fd(is);
  const file = of.self.files.get(fd);
  if (file instanceof TerminalFile) return undefined;
  // Which error a folder answers is the file system's matter.
  if (file instanceof Directory) return undefined;
  // Of a text of /proc only what follows from the script.
  if (file instanceof TextFile) return { call: "read", args: [fd, 16384, 1] };
  return { call: "read", args: [fd, of.pick(lengths), 0] };
}

/**
 * In the background the whole group is told to stop. Process 1 does not, and would make the same call for ever; and a
 * group that reaches out of the namespace would stop the shell that plays the scripts.
 */
function wouldStopTooMuch(of: Situation, signo: number): boolean {
  const { self, simulation } = of;
  const cares = !self.blocked.has(signo) && self.action(signo).handler === "default";
  const inFront = simulation.terminal === null || simulation.terminal.group === self.group;
  return cares && !inFront && (self === simulation.init || of.groupIsOutside);
}

const readTerminal: Kind = (of) => {
  const { terminal } = of.simulation;
  const inFront = terminal === null || of.self.terminal !== terminal || terminal.group === of.self.group;
  if (inFront || terminal.group === null || !(of.self.files.get(0) instanceof TerminalFile)) return undefined;
  if (wouldStopTooMuch(of, 21)) return undefined;
  return { call: "read", args: [0, 16, 0] };
};

const poll: Kind = (of) => {
  const count = of.number(4) + 1;
  const wanted = Array.from({ length: count }, () => {
    const fd = of.fd();
    return BigInt.asUintN(32, BigInt(fd)) | (BigInt(of.pick([1, 5, 4, 0])) << 32n);
  });
  return { call: "ppoll", args: [count, 0, ...wanted] };
};

const openPidfd: Kind = (of) => ({ call: "pidfd_open", args: [of.pick([of.pid(), of.pid(), 0, -1])] });
const askPidfd: Kind = (of) => ({
  call: "pidfd_get_info",
  args: [of.fd(isPidfd), of.pick([8, 0, 7, 56, 24, 16, 32])],
});
/** A process 1 in the group of a child never ends: Linux waits until only one number of the namespace is in use. */
const setGroup: Kind = (of) => {
  const pid = of.pick([0, of.pid()]);
  const isFirst = of.self === of.simulation.init && pid <= 1;
  return { call: "setpgid", args: [pid, of.pick(isFirst ? [0, 1, MISSING_PID, -1] : [0, of.pid(), -1])] };
};

const PATHS = ["/folder", "/denied", "/text", "/data", "/missing", "/data/below", "/proc/self/fd"] as const;
const anyPath = (of: Situation): string =>
  of.pick([...PATHS, `/proc/${of.pid()}/status`, `/proc/${of.pid()}/comm`, `/proc/${of.pid()}/fd`]);
const open: Kind = (of) => ({ call: "openat", args: [of.pick([0, 1, 2])], path: anyPath(of) });
const changeFolder: Kind = (of) => ({ call: "chdir", args: [], path: of.pick([...PATHS, "/"]) });
const list: Kind = (of) => {
  const fd = of.fd(isFolder);
  const file = of.self.files.get(fd);
  return file instanceof Directory || of.number(3) === 0
    ? { call: "getdents64", args: [fd, of.pick([4096, 100, 20])] }
    : { call: "openat", args: [2], path: "/proc/self/fd" };
};

const LENGTHS = [1, 100, 4096, 16384, 5000, 0] as const;
const write: Kind = (of) => ({
  call: of.pick(["write", "sendto"]),
  args: [of.fd(isPipe), of.pick(LENGTHS), of.number(256)],
});
const writeAtOnce: Kind = (of) => ({
  call: "pwritev2",
  args: [of.fd(isPipe), of.pick(LENGTHS), of.number(256), of.number(2)],
});
/** Out of a pipe, which is all that core/kernel.ts promises. */
const splice: Kind = (of) => {
  const from = of.fd(isPipe);
  const file = of.self.files.get(from);
  if (file !== undefined && !isPipe(file)) return undefined;
  return { call: "splice", args: [from, of.fd(isPipe), of.pick([16384, 100, 4096, 0])] };
};
const NAME_COUNT = 3;
const bind: Kind = (of) => ({ call: "bind", args: [of.fd(isDatagram), of.pick([0, 1, 2, 8])] });
/** Who is connected stays so: whom a change of mind concerns depends on what nobody looks at. */
const connect: Kind = (of) => {
  const fd = of.fd(isDatagram);
  const file = of.self.files.get(fd);
  if (file instanceof DatagramFile && file.peer !== null) return undefined;
  return { call: "connect", args: [fd, of.pick([...Array(NAME_COUNT).keys(), 8, 9])] };
};
const passCredentials: Kind = (of) => ({ call: "pass_credentials", args: [of.fd(isDatagram)] });
const sendDatagram: Kind = (of) => ({
  call: "sendto",
  args: [of.fd(isDatagram), of.pick([100, 1, 4097, 0]), of.number(256), of.pick([0, 0, 1, 2, 3, 9, 10])],
});
const receive: Kind = (of) => ({
  call: "recvmsg",
  args: [of.fd(isDatagram), of.pick([96, 4096, 10, 0]), of.pick([0, 0, 1, 5])],
});
const close: Kind = (of) => ({ call: "close", args: [of.fd()] });
const closeMany: Kind = (of) => {
  const first = FIRST_FREE + of.number(4);
  return { call: "close_range", args: [first, of.pick([first + 1, DESCRIPTORS_MAX, first - 1])] };
};
const duplicate: Kind = (of) => ({
  call: "fcntl_dupfd",
  args: [of.fd(), of.pick([FIRST_FREE, 0, 40, 64, -1])],
});
const askType: Kind = (of) => ({ call: "statx", args: [of.fd()] });
const askFile: Kind = (of) =>
  of.number(2) === 0
    ? { call: "statx_at", args: [of.fd()] }
    : {
        call: "statx_at",
        args: [-100],
        path: of.pick(["/folder", "/text", "/data", "/missing", "/data/below"]),
      };
const append: Kind = (of) => ({
  call: "openat",
  args: [of.pick([4, 5])],
  path: of.pick(["/folder", "/data", "/data/below"]),
});
const askForeground: Kind = (of) => ({ call: "tcgetpgrp", args: [of.fd(isTerminal)] });
/** Its number is given back a moment after it is gone, and only here the difference shows: EPERM before, ESRCH after. */
function isGone({ simulation: { init, world } }: Situation, pid: number): boolean {
  return pid > 0 && pid !== MISSING_PID && world.find(init, pid) === undefined;
}

const setForeground: Kind = (of) => {
  if (wouldStopTooMuch(of, 22)) return undefined;
  const fd = of.fd(isTerminal);
  const group = of.pick([of.self.group.in(of.simulation.init.namespace), of.pid(), 0, -1]);
  if (isGone(of, group)) return undefined;
  return { call: "tcsetpgrp", args: [fd, group] };
};
/** The first process keeps its session, which the setting is about. */
const leaveSession: Kind = (of) =>
  of.self === of.simulation.init ? undefined : { call: "setsid", args: [] };
const controlTerminal: Kind = (of) => ({
  call: "control_terminal",
  args: [of.fd(isTerminal), of.number(2)],
});
const becomeUser: Kind = (of) => ({ call: "seteuid", args: [of.pick([1234, 0, -1])] });
const parentDeath: Kind = (of) => ({ call: "set_pdeathsig", args: [of.pick([15, 9, 34, 18, 0, 65])] });
const dumpable: Kind = (of) => ({ call: "set_dumpable", args: [of.pick([0, 1, 2])] });

/** Programs that refuse to do their part would leave a child that is no player. */
const execute: Kind = (of) => {
  const { self, simulation } = of;
  if (self === simulation.init) return undefined;
  const path = of.pick([
    "/again",
    "/as-user",
    "/without-kill",
    "/in-session",
    "/with-terminal",
    "/text",
    "/data",
    "/missing",
    "/folder",
    "/data/below",
  ]);
  if (VARIANT_NAMES.includes(path) && VARIANT_NAMES.indexOf(path) < of.actor.variantFirst) return undefined;
  // A libc on the way unblocks the two signals that it keeps to itself.
  if (VARIANT_NAMES.includes(path) && path !== "/again" && (self.blocked.has(32) || self.blocked.has(33)))
    return undefined;
  const { uid, euid, effective } = self.credentials;
  const able = uid === 0 && euid === 0 && effective !== 0;
  if (["/as-user", "/without-kill"].includes(path) && !able) return undefined;
  if (
    ["/in-session", "/with-terminal"].includes(path) &&
    (self.id.group.size > 0 || self.id.session.size > 0)
  )
    return undefined;
  if (path === "/with-terminal" && !(able && mayTakeTerminal(of))) return undefined;
  return { call: "execve", args: [], path };
};

/** From a session outside of the namespace it is not taken: the next script would have none. */
function mayTakeTerminal({ self, simulation }: Situation): boolean {
  return simulation.init.leader && self.files.get(0) instanceof TerminalFile;
}

type Weighted = readonly (readonly [weight: number, kind: Kind])[];

const SENDING: Weighted = [
  [10, killOne],
  [4, killMany],
  [5, queueSignal],
  [6, sendByPidfd],
];
const TAKING: Weighted = [
  [8, mask],
  [7, action],
  [4, signalfd],
  [5, takeSignal],
  [6, readSignals],
];
const FAMILY: Weighted = [
  [14, makeChild],
  [5, end],
  [10, waitForChild],
  [3, openPidfd],
  [6, askPidfd],
  [4, poll],
  [3, parentDeath],
  [2, ask("set_child_subreaper")],
];
const JOBS: Weighted = [
  [10, setGroup],
  [3, askForeground],
  [9, setForeground],
  [5, readTerminal],
  [3, leaveSession],
  [3, controlTerminal],
  [1, ask("getsid")],
];
const FILES: Weighted = [
  [6, ask("pipe2")],
  [5, write],
  [5, writeAtOnce],
  [5, readPipe],
  [5, splice],
  [3, open],
  [4, list],
  [1, changeFolder],
  [4, close],
  [1, closeMany],
  [4, duplicate],
  [2, askType],
  [2, askFile],
  [1, append],
  [4, poll],
];
const SOCKETS: Weighted = [
  [8, ask("socket")],
  [8, bind],
  [8, connect],
  [5, passCredentials],
  [8, sendDatagram],
  [8, receive],
  [4, poll],
  [3, close],
  [3, duplicate],
  [1, () => ({ call: "getrandom", args: [16] })],
];
const PRIVILEGE: Weighted = [
  [7, execute],
  [5, becomeUser],
  [1, dumpable],
  ...["get_child_subreaper", "get_dumpable", "getppid", "getpgid", "getpid", "geteuid", "capget"].map(
    (call): [number, Kind] => [1, ask(call)],
  ),
  ...["getrlimit_nproc", "clock_gettime", "release"].map((call): [number, Kind] => [1, ask(call)]),
];

/** In each theme a child can be made, a signal be sent and a program be executed. */
const THEMES = {
  everything: [...SENDING, ...TAKING, ...FAMILY, ...JOBS, ...FILES, ...PRIVILEGE],
  signals: [...SENDING, ...SENDING, ...TAKING, ...TAKING, [10, makeChild], [6, waitForChild], [4, execute]],
  families: [...FAMILY, ...FAMILY, ...SENDING, [10, action], [6, mask], [4, execute], [4, setGroup]],
  jobs: [
    ...JOBS,
    ...JOBS,
    ...SENDING,
    [12, makeChild],
    [8, waitForChild],
    [6, mask],
    [6, action],
    [6, execute],
    [4, end],
  ],
  files: [...FILES, [6, makeChild], [3, execute], [2, mask], [2, end]],
  sockets: [...SOCKETS, [6, makeChild], [2, execute], [2, becomeUser], [2, end], [2, waitForChild]],
  privilege: [
    ...PRIVILEGE,
    ...PRIVILEGE,
    ...SENDING,
    [10, makeChild],
    [4, waitForChild],
    [4, parentDeath],
    [3, setGroup],
  ],
} as const satisfies Readonly<Record<string, Weighted>>;
export type ThemeName = keyof typeof THEMES;
export const THEME_NAMES = Object.keys(THEMES) as ThemeName[];

const BY_WEIGHT: ReadonlyMap<string, readonly Kind[]> = new Map(
  Object.entries<Weighted>(THEMES).map(([name, kinds]) => [
    name,
    kinds.flatMap(([weight, kind]) => Array<Kind>(weight).fill(kind)),
  ]),
);

/** The next step; undefined where the move makes no sense now. */
export function stepOf(
  simulation: Simulation,
  theme: Theme,
  [kind, who, ...choices]: Move,
): Step | undefined {
  const able = simulation.actors.filter((actor) => actor !== undefined && isAble(actor)) as Actor[];
  const actor = able[who % able.length];
  const kinds = BY_WEIGHT.get(theme.name) ?? [];
  const make = kinds[kind % kinds.length];
  if (actor === undefined || make === undefined) return undefined;
  const made = make(new Situation(simulation, actor, theme, choices));
  if (made === undefined) return undefined;
  const child = made.call === "clone" ? freeSlot(simulation) : actor.slot;
  if (child === undefined) return undefined;
  const step = { slot: actor.slot, call: made.call, child, args: made.args.map(BigInt) };
  return made.path === undefined ? step : { ...step, path: made.path };
}

function freeSlot({ actors }: Simulation): number | undefined {
  for (let slot = 1; slot <= SLOTS; slot++) {
    const actor = actors[slot];
    if (actor === undefined || actor.process.ended) return slot;
  }
  return undefined;
}
