// Who a process is and what it may: uids, capabilities, limits, and the users and control groups that limits count for.
// After kernel/cred.c, kernel/sys.c and security/commoncap.c.

import { E } from "./errnos.ts";
import type { Process } from "./processes.ts";

/** Those that something here asks for, by number (capabilities(7)). */
const CAPABILITIES = {
  CAP_DAC_OVERRIDE: 1, CAP_DAC_READ_SEARCH: 2, CAP_KILL: 5, CAP_SETGID: 6, CAP_SETUID: 7, CAP_SETPCAP: 8, CAP_SYS_ADMIN: 21, CAP_SYS_RESOURCE: 24,
} as const; // biome-ignore format: a table
export type Capability = keyof typeof CAPABILITIES;

/** A set of capabilities as bits, of which the lower 32 suffice here. */
export function capabilities(...names: Capability[]): number {
  return names.reduce((set, name) => set | (1 << CAPABILITIES[name]), 0) >>> 0;
}

export const EVERY_CAPABILITY = 0xffffffff;
/** CAP_CHECKPOINT_RESTORE is the last that Linux knows. */
const CAPABILITY_LAST = 40;
const bitOf = (capability: number): number => (capability < 32 ? (1 << capability) >>> 0 : 0);
const isWithin = (set: number, ...others: number[]): boolean =>
  (set & ~others.reduce((all, other) => all | other, 0)) === 0;

interface Fields {
  readonly uid: number;
  readonly euid: number;
  /** The saved uid. */
  readonly suid: number;
  /** The real, effective and saved one: nothing here has several. */
  readonly gid: number;
  /** The one that counts for files. */
  readonly fsgid: number;
  /** Supplementary ones. */
  readonly groups: readonly number[];
  readonly permitted: number;
  readonly effective: number;
  readonly inheritable: number;
  readonly ambient: number;
  /** What an exec by root can give at most. */
  readonly bounding: number;
  /** PR_SET_KEEPCAPS, until the next exec. */
  readonly keepsCapabilities: boolean;
  readonly noNewPrivs: boolean;
}

const NOTHING = {
  gid: 0, fsgid: 0, groups: [], inheritable: 0, ambient: 0, keepsCapabilities: false, noNewPrivs: false,
} as const; // biome-ignore format: a record

/** The constructor assigns every field. */
export interface Credentials extends Fields {}
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the constructor assigns every field
export class Credentials {
  constructor(
    fields: Pick<Fields, "uid" | "euid" | "suid" | "permitted" | "effective" | "bounding"> & Partial<Fields>,
  ) {
    Object.assign(this, NOTHING, fields);
  }

  with(changes: Partial<Fields>): Credentials {
    return new Credentials({ ...this, ...changes });
  }

  can(capability: Capability): boolean {
    return ((this.effective >>> CAPABILITIES[capability]) & 1) !== 0;
  }

  /** cap_emulate_setxuid: leaving uid 0 gives capabilities up, coming back to it brings the permitted ones back. */
  withUids(uid: number, euid: number, suid: number): Credentials {
    const wasRoot = this.uid === 0 || this.euid === 0 || this.suid === 0;
    const leaves = wasRoot && uid !== 0 && euid !== 0 && suid !== 0;
    const permitted = leaves && !this.keepsCapabilities ? 0 : this.permitted;
    let effective = this.effective & permitted;
    if (this.euid === 0 && euid !== 0) effective = 0;
    if (this.euid !== 0 && euid === 0) effective = permitted;
    return this.with({ uid, euid, suid, permitted, effective, ambient: leaves ? 0 : this.ambient });
  }

  /** What execve makes of them (cap_bprm_creds_from_file): root gets what is within bounds, others what is ambient. */
  afterExec(): Credentials {
    const isRoot = this.uid === 0 || this.euid === 0;
    const given = isRoot ? this.inheritable | this.bounding : 0;
    const isSetid = this.euid !== this.uid;
    const gains = isSetid || !isWithin(given, this.permitted);
    // no_new_privs: no more than before.
    const euid = this.noNewPrivs && gains ? this.uid : this.euid;
    const ambient = isSetid ? 0 : this.ambient;
    const permitted = ((this.noNewPrivs && gains ? given & this.permitted : given) | ambient) >>> 0;
    const effective = this.euid === 0 ? permitted : ambient;
    return this.with({
      euid,
      suid: euid,
      fsgid: this.gid,
      permitted,
      effective,
      ambient,
      keepsCapabilities: false,
    });
  }

  /** capset(2) of all three sets at once; null where it is refused. */
  withCapabilities(set: number): Credentials | null {
    const isAllowed = isWithin(set, this.permitted) && isWithin(set, this.inheritable, this.bounding);
    const ambient = (this.ambient & set) >>> 0;
    return isAllowed ? this.with({ permitted: set, effective: set, inheritable: set, ambient }) : null;
  }
}

/** setgroups(2). */
export function setgroups(self: Process, groups: readonly number[]): number {
  if (!self.credentials.can("CAP_SETGID")) return -E.EPERM;
  self.credentials = self.credentials.with({ groups: [...groups].sort((a, b) => a - b) });
  return 0;
}

/** setgid(2). */
export function setgid(self: Process, gid: number): number {
  if (gid === 0xffffffff) return -E.EINVAL;
  if (gid !== self.credentials.gid && !self.credentials.can("CAP_SETGID")) return -E.EPERM;
  commit(self, self.credentials.with({ gid, fsgid: gid }));
  return 0;
}

/** setfsgid(2): answers the one before, and not whether it was allowed. */
export function setfsgid(self: Process, gid: number): number {
  const { credentials: old } = self;
  const may = gid === old.gid || gid === old.fsgid || old.can("CAP_SETGID");
  if (gid !== 0xffffffff && may) commit(self, old.with({ fsgid: gid }));
  return old.fsgid;
}

/** setuid(2): all three uids with CAP_SETUID, else the effective one alone. */
export function setuid(self: Process, uid: number): number {
  if (uid === 0xffffffff) return -E.EINVAL;
  const old = self.credentials;
  if (old.can("CAP_SETUID")) commit(self, old.withUids(uid, uid, uid));
  else if (uid === old.uid || uid === old.suid) commit(self, old.withUids(old.uid, uid, old.suid));
  else return -E.EPERM;
  return 0;
}

/** capset(2) of the effective, permitted and inheritable set at once. */
export function capset(self: Process, set: number): number {
  const now = self.credentials.withCapabilities(set);
  if (now === null) return -E.EPERM;
  commit(self, now);
  return 0;
}

/** prctl(2), as far as it is about credentials: cap_task_prctl, and PR_SET_NO_NEW_PRIVS. */
export function prctl(self: Process, request: number, first: number, second: number): number {
  const old = self.credentials;
  const isCapability = (one: number): boolean => one >= 0 && one <= CAPABILITY_LAST;
  const change = (changes: Partial<Fields>): number => {
    self.credentials = old.with(changes);
    return 0;
  };
  switch (request) {
    case PR_SET_KEEPCAPS:
      return first === 0 || first === 1 ? change({ keepsCapabilities: first === 1 }) : -E.EINVAL;
    case PR_CAPBSET_READ:
      return isCapability(first) ? ((old.bounding & bitOf(first)) !== 0 ? 1 : 0) : -E.EINVAL;
    case PR_CAPBSET_DROP:
      if (!old.can("CAP_SETPCAP")) return -E.EPERM;
      return isCapability(first) ? change({ bounding: (old.bounding & ~bitOf(first)) >>> 0 }) : -E.EINVAL;
    case PR_SET_NO_NEW_PRIVS:
      return first === 1 && second === 0 ? change({ noNewPrivs: true }) : -E.EINVAL;
    case PR_CAP_AMBIENT:
      if (first !== PR_CAP_AMBIENT_RAISE || !isCapability(second)) return -E.EINVAL;
      if ((old.permitted & old.inheritable & bitOf(second)) === 0) return -E.EPERM;
      return change({ ambient: (old.ambient | bitOf(second)) >>> 0 });
    default:
      return -E.EINVAL;
  }
}

const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;

/** setrlimit(2), RLIMIT_NPROC, soft and hard; here the two are always the same. */
export function setrlimit_nproc(self: Process, limit: number): number {
  if (limit > self.limits.nproc && !self.credentials.can("CAP_SYS_RESOURCE")) return -E.EPERM;
  self.limits = { ...self.limits, nproc: limit };
  return 0;
}

/** Root as an engine makes it, with only the capabilities given; everybody else has none. */
export function credentialsOf(uid: number, bounding = EVERY_CAPABILITY): Credentials {
  const permitted = uid === 0 ? bounding : 0;
  return new Credentials({ uid, euid: uid, suid: uid, permitted, effective: permitted, bounding });
}

/** Soft limits of getrlimit(2). */
export interface Limits {
  readonly nofile: number;
  readonly nproc: number;
  readonly sigpending: number;
}

export const LIMITS: Limits = { nofile: 1024, nproc: Number.POSITIVE_INFINITY, sigpending: 3000 };

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
  if (
    now.euid !== old.euid ||
    now.gid !== old.gid ||
    now.fsgid !== old.fsgid ||
    (now.permitted & ~old.permitted) !== 0
  ) {
    self.dumpable = 0;
    self.parentDeathSignal = 0;
  }
  if (now.uid !== old.uid) {
    self.world.user(old.uid).processes -= self.threads;
    self.world.user(now.uid).processes += self.threads;
  }
  self.credentials = now;
}
