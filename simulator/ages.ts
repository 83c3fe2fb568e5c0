// Kernels of different ages, and sandboxes that refuse: what a call of core/kernel.ts can count on, as data.

import type { ErrnoName } from "./errnos.ts";

/** What a kernel has, with the release of Linux that brought it. */
export interface Age {
  readonly name: string;
  /** 5.2: CLONE_PIDFD. Older kernels ignore the flag. */
  readonly clonePidfd: boolean;
  /** 5.3 */
  readonly pidfdOpen: boolean;
  /** 5.9 */
  readonly closeRange: boolean;
  /** 6.4: RWF_NOWAIT on pipes. */
  readonly pipeNowait: boolean;
  /** 6.9: a pidfd hangs up when its process is gone. */
  readonly pidfdHangUp: boolean;
  /** 6.9: signals to a group through a pidfd. */
  readonly groupFlag: boolean;
  /** 6.13: PIDFD_GET_INFO. */
  readonly pidfdInfo: boolean;
  /** 6.15: which answers the wait status of a process that is gone. */
  readonly exitInfo: boolean;
  /** 6.16: and whether there was a core dump. */
  readonly dumpInfo: boolean;
  /** 6.18: RWF_NOSIGNAL. */
  readonly nosignal: boolean;
}

const FEATURES = [
  ["5.1", {}],
  ["5.2", { clonePidfd: true }],
  ["5.3", { pidfdOpen: true }],
  ["5.9", { closeRange: true }],
  ["6.4", { pipeNowait: true }],
  ["6.9", { pidfdHangUp: true, groupFlag: true }],
  ["6.13", { pidfdInfo: true }],
  ["6.15", { exitInfo: true }],
  ["6.16", { dumpInfo: true }],
  ["6.18", { nosignal: true }],
] as const satisfies readonly (readonly [string, Partial<Age>])[];

const NOTHING: Age = {
  name: "", clonePidfd: false, pidfdOpen: false, closeRange: false, pipeNowait: false, pidfdHangUp: false,
  groupFlag: false, pidfdInfo: false, exitInfo: false, dumpInfo: false, nosignal: false,
}; // biome-ignore format: a table

/** Every release that brought something, the oldest first; each has what those before it had. */
const AGES: readonly Age[] = FEATURES.map(([name], index) =>
  Object.assign({}, NOTHING, ...FEATURES.slice(0, index + 1).map(([, features]) => features), { name }),
);

export const NEWEST: Age = AGES.at(-1) as Age;

/** The newest that a Linux of this version is at least as new as. */
export function ageOf(version: string): Age {
  const number = (text: string): number => {
    const [major = 0, minor = 0] = text.split(".").map((part) => Number.parseInt(part, 10));
    return major * 1000 + minor;
  };
  return AGES.findLast(({ name }) => number(name) <= number(version)) ?? (AGES[0] as Age);
}

/** Calls that a seccomp profile or a sandbox refuses, with the errno that it answers. */
export type Refusals = Readonly<{ [call: string]: ErrnoName }>;

/** Engines of some years ago knew no newer calls and answered EPERM; newer ones answer ENOSYS; gVisor lacks some. */
export const PROFILES: Readonly<{ [name: string]: Refusals }> = {
  none: {},
  "old engine": { close_range: "EPERM", pidfd_open: "EPERM", pidfd_send_signal: "EPERM", pwritev2: "EPERM" },
  "no pidfd calls": { pidfd_open: "ENOSYS", pidfd_send_signal: "ENOSYS", pidfd_get_info: "ENOTTY" },
  "no signalfd": { signalfd4: "ENOSYS" },
  gVisor: {
    pidfd_open: "ENOSYS", pidfd_send_signal: "ENOSYS", pidfd_get_info: "ENOTTY", close_range: "ENOSYS",
    pwritev2: "EOPNOTSUPP", splice: "EINVAL", setfsgid: "ENOSYS",
  }, // biome-ignore format: a table
  strict: {
    close_range: "EPERM", pidfd_open: "EPERM", pidfd_send_signal: "EPERM", pidfd_get_info: "EPERM",
    pwritev2: "EPERM", splice: "EPERM", statx: "EPERM", statx_at: "EPERM", rt_sigqueueinfo: "EPERM", seteuid: "EPERM",
    set_child_subreaper: "EPERM", get_child_subreaper: "EPERM",
  }, // biome-ignore format: a table
};
