// Process numbers. One Pid is what the kernel calls a struct pid: a number for every namespace that can see it, and
// whoever uses it as process, group or session; the number is free again when nobody does (kernel/pid.c).

import type { Process } from "./processes.ts";

export class Namespace {
  readonly parent: Namespace | null;
  readonly level: number;
  readonly pids = new Map<number, Pid>();
  /** The first process, to which orphans go. */
  init: Process | null = null;
  /** Every number is below. A real kernel's is 301 at least. */
  pidMax: number;
  #last = 0;

  constructor(parent: Namespace | null, pidMax: number) {
    this.parent = parent;
    this.level = parent === null ? 0 : parent.level + 1;
    this.pidMax = pidMax;
  }

  /** Upwards and round, so that a free number is used again as late as can be; 0 where there is none. */
  take(pid: Pid): number {
    // RESERVED_PIDS: after the first round numbers up to 300 are not used again.
    const lowest = this.pidMax > 300 ? 300 : 2;
    for (let i = 0; i < this.pidMax; i++) {
      this.#last = this.#last + 1 >= this.pidMax ? lowest : this.#last + 1;
      if (this.#last >= this.pidMax || this.pids.has(this.#last)) continue;
      this.pids.set(this.#last, pid);
      return this.#last;
    }
    return 0;
  }

  /** Whose numbers belong to a process, not only to a group or a session: what /proc lists. */
  get numbers(): readonly number[] {
    return [...this.pids]
      .filter(([, pid]) => pid.process !== null)
      .map(([number]) => number)
      .sort((a, b) => a - b);
  }

  /** The number that was given last (/proc/loadavg). */
  get last(): number {
    return this.#last;
  }

  /** The next number will be the first free one from this on (/proc/sys/kernel/ns_last_pid). */
  goOnAfter(number: number): void {
    this.#last = number;
  }
}

export class Pid {
  readonly namespace: Namespace;
  /** One for each namespace, from the outermost. */
  readonly numbers: number[] = [];
  process: Process | null = null;
  readonly group = new Set<Process>();
  readonly session = new Set<Process>();
  /** The wait status that a pidfd tells after the release; -1 before. */
  exitStatus = -1;

  private constructor(namespace: Namespace) {
    this.namespace = namespace;
  }

  /** A pid with a number in the namespace and all above it; null where one of them has no free number. */
  static take(namespace: Namespace): Pid | null {
    const pid = new Pid(namespace);
    for (let within: Namespace | null = namespace; within !== null; within = within.parent) {
      const number = within.take(pid);
      if (number === 0) {
        pid.#giveBack();
        return null;
      }
      pid.numbers.unshift(number);
    }
    return pid;
  }

  /** The number that a process of `namespace` sees: 0 where it sees none. */
  in(namespace: Namespace): number {
    for (let own: Namespace | null = this.namespace; own !== null; own = own.parent) {
      if (own === namespace) return this.numbers[own.level] ?? 0;
    }
    return 0;
  }

  freeIfUnused(): void {
    if (this.process === null && this.group.size === 0 && this.session.size === 0) this.#giveBack();
  }

  #giveBack(): void {
    let level = this.namespace.level;
    const from = level - this.numbers.length + 1;
    for (
      let within: Namespace | null = this.namespace;
      within !== null && level >= from;
      within = within.parent
    )
      within.pids.delete(this.numbers[level-- - from] ?? 0);
  }
}
