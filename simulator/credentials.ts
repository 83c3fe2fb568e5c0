// Who a process is and what it may: uids, capabilities, limits, and the users and control groups that limits count for.
// After kernel/cred.c, kernel/sys.c and security/commoncap.c.

import { E } from "./errnos.ts";
import type { Process } from "./processes.ts";

/** Those that something here asks for, by number (capabilities(7)). */
const CAPABILITIES = {
  CAP_DAC_OVERRIDE: 1, CAP_DAC_READ_SEARCH: 2, CAP_KILL: 5, CAP_SETUID: 7, CAP_SYS_ADMIN: 21, CAP_SYS_RESOURCE: 24,
} as const; // biome-ignore format: a table
export type Capability = keyof typeof CAPABILITIES;

/** A set of capabilities as bits, of which the lower 32 suffice here. */
export function capabilities(...names: Capability[]): number {
  return names.reduce((set, name) => set | (1 << CAPABILITIES[name]), 0) >>> 0;
}

export const EVERY_CAPABILITY = 0xffffffff;

export class Credentials {
  readonly uid: number;
  readonly euid: number;
  /** The saved uid. */
  readonly suid: number;
  readonly permitted: number;
  readonly effective: number;
  /** What an exec by root can give at most. */
  readonly bounding: number;

  constructor(
    uid: number,
    euid: number,
    suid: number,
    permitted: number,
    effective: number,
    bounding: number,
  ) {
    this.uid = uid;
    this.euid = euid;
    this.suid = suid;
    this.permitted = permitted;
    this.effective = effective;
    this.bounding = bounding;
  }

  can(capability: Capability): boolean {
    return ((this.effective >>> CAPABILITIES[capability]) & 1) !== 0;
  }

  /** cap_emulate_setxuid: leaving uid 0 gives capabilities up, coming back to it brings the permitted ones back. */
  withUids(uid: number, euid: number, suid: number): Credentials {
    const wasRoot = this.uid === 0 || this.euid === 0 || this.suid === 0;
    const permitted = wasRoot && uid !== 0 && euid !== 0 && suid !== 0 ? 0 : this.permitted;
    let effective = this.effective & permitted;
    if (this.euid === 0 && euid !== 0) effective = 0;
    if (this.euid !== 0 && euid === 0) effective = permitted;
    return new Credentials(uid, euid, suid, permitted, effective, this.bounding);
  }

  /** What execve makes of them (cap_bprm_creds_from_file): root gets what is within bounds, others nothing. */
  afterExec(): Credentials {
    const permitted = this.uid === 0 || this.euid === 0 ? this.bounding : 0;
    return new Credentials(
      this.uid,
      this.euid,
      this.euid,
      permitted,
      this.euid === 0 ? permitted : 0,
      this.bounding,
    );
  }
}

/** Root as an engine makes it, with only the capabilities given; everybody else has none. */
export function credentialsOf(uid: number, bounding = EVERY_CAPABILITY): Credentials {
  const permitted = uid === 0 ? bounding : 0;
  return new Credentials(uid, uid, uid, permitted, permitted, bounding);
}

/** Soft limits of getrlimit(2). */
export interface Limits {
  readonly nofile: number;
  readonly nproc: number;
  readonly sigpending: number;
}

export const LIMITS: Limits = { nofile: 1024, nproc: Number.POSITIVE_INFINITY, sigpending: 1000 };

/** What limits count for one uid: processes, zombies too, and queued signals. */
export interface User {
  processes: number;
  pending: number;
}

/** A control group: its pids controller, and its freezer. */
export class Cgroup {
  readonly path: string;
  readonly parent: Cgroup | null;
  max = Number.POSITIVE_INFINITY;
  current = 0;
  /** Since when nothing in it runs; NaN where it does. */
  frozenSince = Number.NaN;

  constructor(path: string, parent: Cgroup | null) {
    this.path = path;
    this.parent = parent;
  }

  /** pids_can_fork: one more process here and in all groups above; false, and nothing counted, where one is full. */
  charge(): boolean {
    for (let group: Cgroup | null = this; group !== null; group = group.parent)
      if (group.current + 1 > group.max) return false;
    this.add(1);
    return true;
  }

  get isFrozen(): boolean {
    return !Number.isNaN(this.frozenSince);
  }

  add(processes: number): void {
    for (let group: Cgroup | null = this; group !== null; group = group.parent) group.current += processes;
  }
}

/** setresuid(2); -1 leaves an uid as it is. */
export function setresuid(self: Process, uid: number, euid: number, suid: number): number {
  const old = self.credentials;
  const wanted = [
    uid === -1 ? old.uid : uid,
    euid === -1 ? old.euid : euid,
    suid === -1 ? old.suid : suid,
  ] as const;
  const own = [old.uid, old.euid, old.suid];
  if (wanted.every((one, index) => one === own[index])) return 0;
  if (wanted.some((one) => !own.includes(one)) && !old.can("CAP_SETUID")) return -E.EPERM;
  commit(self, old.withUids(...wanted));
  return 0;
}

/** commit_creds: who becomes somebody else is no longer dumpable and no longer dies with its parent. */
export function commit(self: Process, now: Credentials): void {
  const old = self.credentials;
  if (now.euid !== old.euid || (now.permitted & ~old.permitted) !== 0) {
    self.dumpable = 0;
    self.parentDeathSignal = 0;
  }
  if (now.uid !== old.uid) {
    self.world.user(old.uid).processes--;
    self.world.user(now.uid).processes++;
  }
  self.credentials = now;
}
