// In which circumstances a player is started: as whom, in which session, with which terminal and limits. What a script
// cannot arrange by the calls of core/kernel.ts, programs of util-linux arrange before the player or between two lives
// of one of its children; the simulated Linux arranges the same by hand (simulated.ts).

export type SettingName = "plain" | "leader" | "terminal" | "front" | "user";

export interface Setting {
  /** Process 1 leads a session of its own; otherwise its session and group are outside of its namespace. */
  readonly leads: boolean;
  /** Its standard input is the controlling terminal of its session. */
  readonly terminal: boolean;
  /** It is an ordinary user without capabilities, who may have few processes and few pending signals. */
  readonly user: boolean;
}

export const SETTINGS: Readonly<Record<SettingName, Setting>> = {
  plain: { leads: false, terminal: false, user: false },
  leader: { leads: true, terminal: false, user: false },
  terminal: { leads: false, terminal: true, user: false },
  front: { leads: true, terminal: true, user: false },
  user: { leads: true, terminal: false, user: true },
};
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** What a user of the setting "user" may have: processes, the player included, and pending signals with values. */
export const PROCESSES_MAX = 5;
export const PENDING_MAX = 3;
/** RLIMIT_NOFILE of every player, and RLIMIT_NPROC of those who are not limited by their setting. */
export const DESCRIPTORS_MAX = 64;
export const MANY_PROCESSES = 500;
/** The capabilities of root in a script, by number and by setpriv's names: all others are dropped before. */
export const CAPABILITIES: Readonly<Record<string, number>> = {
  kill: 5,
  setgid: 6,
  setuid: 7,
  setpcap: 8,
  sys_admin: 21,
};

/** Who runs a script: the paths of the programs, a folder of files to open and execute, and a user nobody else is. */
export interface Machine {
  readonly player: string;
  readonly tools: Readonly<Record<"setpriv" | "setsid" | "prlimit" | "unshare", string>>;
  readonly places: string;
  readonly uid: number;
}

/** The command line of process 1 in its namespace, without what follows the player's name. */
export function prefix(setting: Setting, { tools, uid }: Machine): string[] {
  const limits = [`--nproc=${PROCESSES_MAX}`, `--sigpending=${PENDING_MAX}`];
  return [
    ...(setting.leads ? [tools.setsid, ...(setting.terminal ? ["--ctty"] : [])] : []),
    ...(setting.user ? [tools.prlimit, ...limits, ...becomeUser(tools.setpriv, limited(uid))] : []),
  ];
}

/** The user whom limits count is nobody else, not even the user that a child of another script has become. */
export const limited = (uid: number): number => uid + 10_000_000;

const becomeUser = (setpriv: string, uid: number): string[] => [setpriv, `--reuid=${uid}`, "--clear-groups"];

/**
 * Ways in which a child of a script becomes a new player, by the path that a script names: by these programs, which put
 * the player into their own place. In this order they stand behind the script: an exec of one leaves those behind it.
 */
const VARIANTS: Readonly<Record<string, (machine: Machine) => string[]>> = {
  "/with-terminal": ({ tools }) => [tools.setsid, "--ctty"],
  "/in-session": ({ tools }) => [tools.setsid],
  "/without-kill": ({ tools }) => [tools.setpriv, "--bounding-set=-kill"],
  "/as-user": ({ tools, uid }) => becomeUser(tools.setpriv, uid),
  "/again": () => [],
};
export const VARIANT_NAMES = Object.keys(VARIANTS);

/** What is written in the place of a slot until the exec. */
const SLOT_TO_COME = "-";

function variantWords(machine: Machine, name: string): string[] {
  return [...(VARIANTS[name]?.(machine) ?? []), machine.player, "actor", SLOT_TO_COME];
}

/** The arguments behind the script. */
export function tail(machine: Machine): string[] {
  return VARIANT_NAMES.flatMap((name) => variantWords(machine, name));
}

/** The path and the numbers for the player's execve: arguments from the end on, and how far behind is the slot. */
export function execution(machine: Machine, name: string): { path: string; args: bigint[] } {
  const index = VARIANT_NAMES.indexOf(name);
  const words = variantWords(machine, name);
  if (index < 0) return { path: place(machine, name), args: [BigInt(words.length), 0n] };
  const fromEnd = VARIANT_NAMES.slice(index).flatMap((each) => variantWords(machine, each)).length;
  return { path: words[0] ?? "", args: [fromEnd, words.length - 1].map(BigInt) };
}

/** Paths of a script lie in the folder of places, but for those of /proc and / itself. */
export function place(machine: Machine, path: string): string {
  return path === "/" || path.startsWith("/proc/") ? path : `${machine.places}${path}`;
}
