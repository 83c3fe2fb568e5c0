// What there is: every process, user and path, the kernel's age, and what the last call handed out beside its answer.

import { type Age, NEWEST, type Refusals } from "./ages.ts";
import { Cgroup, credentialsOf, EVERY_CAPABILITY, LIMITS, type User } from "./credentials.ts";
import type { DatagramFile } from "./datagrams.ts";
import { FileTable } from "./files.ts";
import type { Node } from "./paths.ts";
import { NO_INFO } from "./pidfds.ts";
import { Namespace, Pid } from "./pids.ts";
import { Process } from "./processes.ts";
import type { Random } from "./random.ts";
import { Schedule } from "./schedule.ts";
import type { SignalInfo } from "./signals.ts";

/** Who wants to know at once. */
export interface Observer {
  died?(process: Process): void;
  adopted?(child: Process, reaper: Process): void;
}

/** How a program begins a world: which kernel, and what its sandbox refuses. */
export interface Circumstances {
  readonly age?: Age;
  readonly refusals?: Refusals;
}

export class World extends Schedule {
  readonly age: Age;
  readonly refusals: Refusals;
  /** The first process of all, outside of every container. */
  readonly host: Process;
  /** All that were not released, in the order in which they came. */
  readonly processes = new Set<Process>();
  readonly paths = new Map<string, Node>([["/", { kind: "directory" }]]);
  hasProc = true;
  /** Sockets by their abstract names, of all containers: they share a network namespace. */
  readonly sockets = new Map<string, DatagramFile>();
  /** What /proc/PID/exe leads to, for every process. */
  exe = "";
  /** The version of the control groups, as /proc/PID/cgroup tells them. */
  cgroups: 1 | 2 = 2;
  observer: Observer = {};
  readonly #users = new Map<number, User>();

  /** What the last call handed out beside its answer. */
  readonly out = {
    /** wait4 */
    status: 0,
    /** clone */
    child: null as Process | null,
    pidfd: -1,
    /** read */
    bytes: new Uint8Array(0) as Uint8Array,
    /** read of a signalfd; rt_sigtimedwait */
    signals: [] as readonly SignalInfo[],
    /** pipe2 */
    reading: -1,
    writing: -1,
    /** pidfd_get_info */
    info: NO_INFO,
    /** recvmsg */
    sender: null as { pid: number; uid: number } | null,
    address: new Uint8Array(0) as Uint8Array,
    /** getdents64 */
    names: [] as readonly string[],
  };

  constructor(random: Random, { age = NEWEST, refusals = {} }: Circumstances = {}) {
    super(random);
    this.age = age;
    this.refusals = refusals;
    const origin = { credentials: credentialsOf(0, EVERY_CAPABILITY), limits: LIMITS, name: "host" };
    const id = Pid.take(new Namespace(null, 1 << 22)) as Pid;
    this.host = new Process(this, id, null, {
      ...origin,
      cgroup: new Cgroup("/", null),
      files: new FileTable(),
    });
    id.namespace.init = this.host;
    this.host.unkillable = true;
    this.host.leader = true;
    this.add(this.host);
  }

  add(process: Process): void {
    this.processes.add(process);
    this.out.child = process;
    if (process.program !== null) this.wake(process);
  }

  remove(process: Process): void {
    this.processes.delete(process);
    this.forget(process);
  }

  user(uid: number): User {
    let user = this.#users.get(uid);
    if (user === undefined) {
      user = { processes: 0, pending: 0 };
      this.#users.set(uid, user);
    }
    return user;
  }

  /** cgroup.freeze, as an engine's pause writes it: nothing in the group runs but to be killed. */
  freeze(group: Cgroup): void {
    group.frozenSince = this.now;
    for (const process of this.#living(group)) {
      process.interrupted ??= "stop";
      this.rest(process);
    }
  }

  /** Everybody has a turn; whoever sleeps in ppoll has as much of its time left as when it was frozen. */
  thaw(group: Cgroup): void {
    const passed = this.now - group.frozenSince;
    group.frozenSince = Number.NaN;
    for (const process of this.#living(group)) {
      process.deadline += passed;
      this.wake(process);
    }
  }

  #living(group: Cgroup): Process[] {
    return [...this.processes].filter(({ cgroup, lives }) => cgroup === group && lives);
  }

  /** Who has this pid in the caller's namespace. */
  find(self: Process, pid: number): Process | undefined {
    return self.namespace.pids.get(pid)?.process ?? undefined;
  }
}
