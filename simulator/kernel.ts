// core/kernel.ts once more: what native performs, pretended over the small Linux. One object for one running core; the
// child of a clone gets another, over a copy of the memory.

import { entries } from "../texts/generate.ts";
import { type File, type Linux, Pipe, type Process, SI_QUEUE, SI_USER, type Signal } from "./linux.ts";

const E = {
  EPERM: 1, ENOENT: 2, ESRCH: 3, EINTR: 4, EBADF: 9, ECHILD: 10, EAGAIN: 11, ENOMEM: 12, EACCES: 13, ENODEV: 19,
  EINVAL: 22, EMFILE: 24, ENOTTY: 25, ESPIPE: 29, EPIPE: 32, ENOSYS: 38, EOPNOTSUPP: 95,
} as const; // biome-ignore format: a table
export const ERRNO: Readonly<Record<keyof typeof E, number>> = E;

/** What this kernel can do; older ones can less. */
export interface Age {
  readonly pidfd: boolean;
  /** 6.16: exit records for pidfds. */
  readonly exitRecords: boolean;
  /** 6.9: signals to a group through a pidfd. */
  readonly groupFlag: boolean;
  readonly closeRange: boolean;
  /** 6.4: RWF_NOWAIT on pipes. 6.18: RWF_NOSIGNAL. */
  readonly nowait: boolean;
  readonly nosignal: boolean;
}

/** One call of the core, as the trace keeps it. */
export interface Call {
  readonly pid: number;
  readonly name: string;
  readonly args: readonly (number | bigint)[];
  readonly answer: number | bigint;
  /** Of a call that took a signal: which, and from whom. */
  readonly signo?: number;
  readonly sender?: number;
}

/** What a life lends to the calls: its options, its script, its faults. */
export interface Stage {
  readonly world: Linux;
  readonly age: Age;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly license: string;
  readonly capKill: boolean;
  readonly capSetuid: boolean;
  /** The world moves on before each call. */
  before(process: Process, name: string): void;
  /** Answers an errno for a call that shall fail, or 0. */
  fault(process: Process, name: string): number;
  after(call: Call): void;
  /** Nothing can happen any more, and the init waits for ever. */
  starved(): never;
  /** The init is about to wait for ever. */
  idle(): void;
  /** A call that would have blocked the loop. */
  blocked(name: string): void;
  spawn(child: Process, memory: Uint8Array): void;
  exec(process: Process, path: string): number;
}

/** The core asked to end. */
export class Exit {
  readonly status: number;
  constructor(status: number) {
    this.status = status;
  }
}

/** No core runs in the child any more: it was killed, and whoever did it has set its wait status, or became the program. */
const GONE = -1;

const SURVIVORS_BYTES = 128;
type Imports = Record<string, (...args: never[]) => unknown>;

export class Kernel {
  readonly #stage: Stage;
  readonly #process: Process;
  readonly #texts: readonly string[];
  readonly #inherited: bigint;
  readonly #arguments: string[];
  /** What `keep` wrote; trapStatus is 120 before it did. */
  kept: Uint8Array;
  memory = new Uint8Array(0);
  /** The signal that the call in hand took. */
  #taken: Signal | null = null;

  constructor(stage: Stage, process: Process, inherited: bigint, kept?: Uint8Array) {
    this.#stage = stage;
    this.#process = process;
    this.#inherited = inherited;
    this.#arguments = [...stage.argv];
    this.#texts = texts(stage.license);
    this.kept = kept?.slice() ?? Uint8Array.of(120, ...new Array<number>(SURVIVORS_BYTES - 1).fill(0));
  }

  /** The imports of the wasm. Every system call lets the world move, may be made to fail, and is noted. */
  imports(): Imports {
    const calls = this.#calls();
    const wrapped: Imports = { ...this.#handedOver() };
    for (const [name, call] of Object.entries(calls)) {
      wrapped[name] = ((...args: (number | bigint)[]) => this.#perform(name, args, call)) as Imports[string];
    }
    return wrapped;
  }

  #perform(name: string, args: (number | bigint)[], call: (...args: never[]) => unknown): number | bigint {
    const { world } = this.#stage;
    this.#stage.before(this.#process, name);
    if (!this.#process.lives) throw new Exit(this.#process === world.init ? 128 + 9 : GONE);
    const errno = this.#stage.fault(this.#process, name);
    const answer = errno !== 0 ? this.#failed(name, errno) : (call(...(args as never[])) as number | bigint);
    const taken = this.#taken;
    this.#taken = null;
    const about = taken === null ? {} : { signo: taken.signo, sender: taken.pid };
    this.#stage.after({ pid: this.#process.pid, name, args, answer, ...about });
    return answer;
  }

  /** capget answers a set and getrlimit a limit: there a failure looks like none. */
  #failed(name: string, errno: number): number | bigint {
    if (name === "capget") return 0n;
    return name === "getrlimit_nproc" || name === "clock_gettime" ? BigInt(this.#stage.world.now) : -errno;
  }

  #view(): DataView {
    return new DataView(this.memory.buffer);
  }

  #text(at: number): string {
    return Buffer.from(this.memory.subarray(at, this.memory.indexOf(0, at))).toString("latin1");
  }

  #put(at: number, bytes: Buffer, max: number): number {
    this.memory.set(bytes.subarray(0, max), at);
    return Math.min(bytes.length, max);
  }

  #handedOver(): Imports {
    const { argv: _, environment } = this.#stage;
    return {
      copy: (source: number, index: number, offset: number, at: number, max: number) => {
        const list = [this.#arguments, environment, this.#texts][source] ?? [];
        const text = list[index];
        if (text === undefined) return -1;
        return this.#put(at, Buffer.from(text, "latin1").subarray(offset), max);
      },
      replace_argument: (index: number, at: number) => {
        this.#arguments[index] = this.#text(at);
      },
      inherited_mask: () => BigInt.asIntN(64, this.#inherited),
      keep: (from: number) => {
        this.kept = this.memory.slice(from, from + SURVIVORS_BYTES);
      },
      recall: (to: number) => {
        this.memory.set(this.kept, to);
      },
      release: () => {},
    };
  }

  #calls(): Imports {
    return {
      ...this.#processCalls(),
      ...this.#signalCalls(),
      ...this.#fileCalls(),
      ...this.#privilegeCalls(),
    };
  }

  #processCalls(): Imports {
    const { world, age } = this.#stage;
    const self = this.#process;
    return {
      getpid: () => self.pid,
      getppid: () => (self.protected ? 0 : (self.parent?.pid ?? 0)),
      getpgrp: () => self.group,
      setpgid: (pid: number, group: number) => {
        const target = pid === 0 ? self : world.processes.get(pid);
        if (target === undefined) return -E.ESRCH;
        if (target !== self && target.executed) return -E.EACCES;
        target.group = group === 0 ? target.pid : group;
        return 0;
      },
      clone: (pidfd: number) => {
        const child = world.fork(self, "program");
        if (child === null) return -E.EAGAIN;
        if (pidfd !== 0 && age.pidfd)
          this.#view().setInt32(pidfd, this.#open({ kind: "pidfd", of: child }), true);
        this.#stage.spawn(child, this.memory);
        return child.pid;
      },
      execve: (path: number) => {
        const errno = this.#stage.exec(self, this.#text(path));
        if (errno === 0) throw new Exit(GONE);
        return -errno;
      },
      exit: (status: number) => {
        throw new Exit(status);
      },
      wait4: (_pid: number, status: number, options: number) => {
        const got = world.wait(self, (options & 2) !== 0);
        if (got === undefined) return -E.ECHILD;
        if (got === null) return 0;
        this.#view().setInt32(status, got.status, true);
        return got.pid;
      },
      pidfd_open: (pid: number) => {
        const of = world.processes.get(pid);
        if (!age.pidfd) return -E.ENOSYS;
        return of === undefined ? -E.ESRCH : this.#open({ kind: "pidfd", of });
      },
      pidfd_get_info: (fd: number, at: number) => {
        const file = self.files.get(fd);
        if (file?.kind !== "pidfd") return -E.EBADF;
        if (!age.exitRecords) return -E.ENOTTY;
        const released = file.of.state === "released";
        const asked = this.#view().getBigUint64(at, true);
        this.#view().setBigUint64(at, 7n | (asked & 48n) | (released ? asked & 8n : 0n), true);
        this.#view().setInt32(at + 60, released ? file.of.waitStatus : 0, true);
        return 0;
      },
    };
  }

  #signalCalls(): Imports {
    const { world } = this.#stage;
    const self = this.#process;
    const plain = (signo: number): Signal => ({
      signo,
      code: SI_USER,
      pid: self.pid,
      uid: self.euid,
      value: 0n,
    });
    return {
      rt_sigprocmask: (mask: bigint) => {
        self.mask = BigInt.asUintN(64, mask) & ~(1n << 8n) & ~(1n << 18n);
        world.deliver(self);
        return 0;
      },
      rt_sigaction: (_signal: number, action: number) => {
        const before = self.childAction;
        self.childAction = (["default", "ignore", "no zombies"] as const)[action] ?? "default";
        if (action === 1) self.pending.delete(17);
        return before === "ignore" ? 1 : 0;
      },
      signalfd4: (fd: number, mask: bigint) => {
        const set = BigInt.asUintN(64, mask);
        if (fd === -1) return this.#open({ kind: "signalfd", mask: set });
        const file = self.files.get(fd);
        if (file?.kind !== "signalfd") return -E.EINVAL;
        file.mask = set;
        return fd;
      },
      rt_sigtimedwait: (mask: bigint, at: number, milliseconds: number) => {
        const set = BigInt.asUintN(64, mask);
        const take = (): Signal | null => world.dequeue(self, set);
        const signal = this.#await(take, milliseconds);
        if (signal === null) return -E.EAGAIN;
        this.#writeSignal(at, signal);
        return signal.signo;
      },
      kill: (pid: number, signo: number) => {
        const targets = pid > 0 ? [world.processes.get(pid)] : world.group(pid === 0 ? self.group : -pid);
        return this.#send(targets, plain(signo));
      },
      rt_sigqueueinfo: (pid: number, at: number) =>
        this.#send([world.processes.get(pid)], this.#readSignal(at)),
      pidfd_send_signal: (fd: number, signo: number, at: number, group: number) => {
        const file = self.files.get(fd);
        if (file?.kind !== "pidfd") return -E.EBADF;
        if (group !== 0 && !this.#stage.age.groupFlag) return -E.EINVAL;
        const target = file.of.state === "released" ? undefined : file.of;
        const targets = group !== 0 ? world.group(file.of.pid) : [target];
        return this.#send(targets, at === 0 ? plain(signo) : this.#readSignal(at));
      },
      ppoll: (at: number, count: number, milliseconds: number) => {
        if (milliseconds < 0) this.#stage.idle();
        const ready = this.#await(() => this.#poll(at, count) || null, milliseconds);
        return ready ?? 0;
      },
      clock_gettime: () => BigInt(world.now),
    };
  }

  #send(targets: readonly (Process | undefined)[], signal: Signal): number {
    const there = targets.filter(
      (target) => target !== undefined && target.state !== "released",
    ) as Process[];
    if (there.length === 0) return -E.ESRCH;
    const reached = there.filter((target) =>
      this.#stage.world.mayKill(this.#process, target, this.#stage.capKill),
    );
    if (reached.length === 0) return -E.EPERM;
    const answers = reached.map((target) => this.#stage.world.signal(target, signal));
    return answers.includes(0) ? 0 : (answers[0] ?? 0);
  }

  /** Lets the world turn, and the clock run, until there is an answer or the time is over. */
  #await<T>(look: () => T | null, milliseconds: number): T | null {
    const { world } = this.#stage;
    const until = milliseconds < 0 ? Number.POSITIVE_INFINITY : world.now + milliseconds;
    for (;;) {
      const found = look();
      if (found !== null) return found;
      if (!this.#process.lives) throw new Exit(128 + 9);
      if (world.now >= until) return null;
      if (!this.#passTime(until)) this.#stage.starved();
    }
  }

  #passTime(until: number): boolean {
    const { world } = this.#stage;
    const moved = world.turn();
    if (!moved && until === Number.POSITIVE_INFINITY) return this.#outside();
    if (!moved || world.random.once(4)) world.now++;
    this.#stage.before(this.#process, "time");
    return true;
  }

  /** Nobody inside has anything to do: only time and the world outside can change that. */
  #outside(): boolean {
    const before = this.#stage.world.now;
    this.#stage.world.now++;
    this.#stage.before(this.#process, "time");
    return this.#stage.world.now - before < 10_000;
  }

  #poll(at: number, count: number): number {
    const view = this.#view();
    let ready = 0;
    for (let i = 0; i < count; i++) {
      const fd = view.getInt32(at + i * 8, true);
      const events = view.getInt16(at + i * 8 + 4, true);
      const found = fd < 0 ? 0 : this.#readiness(fd, events);
      view.setInt16(at + i * 8 + 6, found, true);
      if (found !== 0) ready++;
    }
    return ready;
  }

  #readiness(fd: number, events: number): number {
    const file = this.#process.files.get(fd);
    if (file === undefined) return 32;
    if (file.kind === "signalfd") return this.#peek(file.mask) ? events & 1 : 0;
    if (file.kind === "pidfd")
      return (
        (file.of.lives ? 0 : events & 1) |
        (file.of.state === "released" && this.#stage.age.groupFlag ? 16 : 0)
      );
    if (file.kind === "write") {
      if (file.pipe.readers === 0) return (events & 4) | 8;
      return file.pipe.size + 4096 <= file.pipe.capacity ? events & 4 : 0;
    }
    return events & 5;
  }

  #peek(mask: bigint): boolean {
    const has = (signo: number): boolean => (mask & (1n << BigInt(signo - 1))) !== 0n;
    return (
      [...this.#process.pending.keys()].some(has) || this.#process.queued.some(({ signo }) => has(signo))
    );
  }

  #writeSignal(at: number, signal: Signal): void {
    this.#taken = signal;
    const view = this.#view();
    view.setInt32(at, signal.signo, true);
    view.setInt32(at + 8, signal.code, true);
    view.setInt32(at + 12, signal.pid, true);
    view.setInt32(at + 16, signal.uid, true);
    view.setBigUint64(at + 48, signal.value, true);
  }

  #readSignal(at: number): Signal {
    const view = this.#view();
    return {
      signo: view.getInt32(at, true),
      code: SI_QUEUE,
      pid: view.getInt32(at + 12, true),
      uid: view.getInt32(at + 16, true),
      value: view.getBigUint64(at + 48, true),
    };
  }

  #open(file: File): number {
    let fd = 0;
    while (this.#process.files.has(fd)) fd++;
    this.#process.files.set(fd, file);
    return fd;
  }

  #fileCalls(): Imports {
    const { world, age } = this.#stage;
    const self = this.#process;
    return {
      openat: (path: number) => this.#openPath(this.#text(path)),
      read: (fd: number, at: number, max: number) => this.#read(fd, at, max),
      write: (fd: number, at: number, length: number) => this.#write("write", fd, at, length),
      pwritev2: (fd: number, at: number, length: number, quiet: number) => {
        if (!age.nowait || (quiet !== 0 && !age.nosignal)) return -E.EOPNOTSUPP;
        return this.#write(quiet !== 0 ? "quiet" : "nowait", fd, at, length);
      },
      sendto: (fd: number) => (self.files.has(fd) ? -88 : -E.EBADF),
      splice: (from: number, to: number, length: number) => this.#splice(from, to, length),
      close: (fd: number) => (self.files.delete(fd) ? 0 : -E.EBADF),
      close_range: (first: number, last: number) => {
        if (!age.closeRange) return -E.ENOSYS;
        for (const fd of [...self.files.keys()]) if (fd >= first && fd <= last) self.files.delete(fd);
        return 0;
      },
      fcntl_dupfd: (fd: number, lowest: number) => {
        const file = self.files.get(fd);
        if (file === undefined) return -E.EBADF;
        let free = lowest;
        while (self.files.has(free)) free++;
        self.files.set(free, file);
        return free;
      },
      pipe2: (at: number) => {
        const pipe = new Pipe(65536);
        this.#view().setInt32(at, this.#open({ kind: "read", pipe }), true);
        this.#view().setInt32(at + 4, this.#open({ kind: "write", pipe }), true);
        return 0;
      },
      statx: (fd: number) => {
        const kind = self.files.get(fd)?.kind;
        if (kind === undefined) return -E.EBADF;
        return kind === "write" || kind === "read" ? 0x1000 : kind === "file" ? 0x8000 : 0x2000;
      },
      getdents64: () => 0,
      chdir: () => 0,
      tcgetpgrp: (fd: number) => (self.files.get(fd)?.kind === "tty" ? world.foreground : -E.ENOTTY),
      tcsetpgrp: (fd: number, group: number) => {
        if (self.files.get(fd)?.kind !== "tty") return -E.ENOTTY;
        if (world.group(group).length === 0) return -E.EPERM;
        world.foreground = group;
        return 0;
      },
    };
  }

  #openPath(path: string): number {
    const match = /^\/proc\/(\d+)\/(comm|status)$/.exec(path);
    const process = match === null ? undefined : this.#stage.world.processes.get(Number(match[1]));
    if (process === undefined) return -E.ENOENT;
    const status = `Name:\t${process.name}\nUid:\t${process.uid}\t${process.euid}\t0\t0\n`;
    return this.#open({ kind: "text", content: match?.[2] === "comm" ? `${process.name}\n` : status, at: 0 });
  }

  #read(fd: number, at: number, max: number): number {
    const file = this.#process.files.get(fd);
    if (file === undefined) return -E.EBADF;
    if (file.kind === "signalfd") {
      const signal = this.#stage.world.dequeue(this.#process, file.mask);
      if (signal === null) return -E.EAGAIN;
      this.memory.fill(0, at, at + 128);
      this.#writeSignal(at, signal);
      return 128;
    }
    if (file.kind === "text") {
      const count = this.#put(at, Buffer.from(file.content.slice(file.at)), max);
      file.at += count;
      return count;
    }
    if (file.kind === "read") {
      const chunk = file.pipe.chunks.shift();
      return chunk === undefined ? 0 : this.#put(at, chunk, max);
    }
    return -E.EBADF;
  }

  #write(how: "write" | "nowait" | "quiet", fd: number, at: number, length: number): number {
    const file = this.#process.files.get(fd);
    if (file === undefined) return -E.EBADF;
    if (file.kind !== "write") return length;
    if (file.pipe.readers === 0) {
      const signal = { signo: 13, code: SI_USER, pid: this.#process.pid, uid: 0, value: 0n };
      if (how !== "quiet") this.#stage.world.signal(this.#process, signal);
      return -E.EPIPE;
    }
    if (file.pipe.size + length > file.pipe.capacity) {
      if (how === "write" && file.pipe.capacity < 65536 && fd <= 2) this.#stage.blocked("write");
      return -E.EAGAIN;
    }
    file.pipe.chunks.push(Buffer.from(this.memory.slice(at, at + length)));
    return length;
  }

  #splice(from: number, to: number, length: number): number {
    const [source, target] = [this.#process.files.get(from), this.#process.files.get(to)];
    if (source?.kind !== "read" || target?.kind !== "write") return -E.EINVAL;
    if (target.pipe.readers === 0) {
      const signal = { signo: 13, code: SI_USER, pid: this.#process.pid, uid: 0, value: 0n };
      this.#stage.world.signal(this.#process, signal);
      return -E.EPIPE;
    }
    if (target.pipe.size + length > target.pipe.capacity) return -E.EAGAIN;
    target.pipe.chunks.push(...source.pipe.chunks.splice(0));
    return length;
  }

  #privilegeCalls(): Imports {
    const self = this.#process;
    const { capKill, capSetuid } = this.#stage;
    return {
      geteuid: () => self.euid,
      seteuid: (uid: number) => {
        if (uid === self.euid) return 0;
        if (!capSetuid && uid !== self.uid) return -E.EPERM;
        self.euid = uid;
        self.dumpable = 0;
        self.parentSignal = 0;
        return 0;
      },
      capget: () => (capKill ? 1n << 5n : 0n) | (capSetuid ? 1n << 7n : 0n),
      set_child_subreaper: () => {
        self.subreaper = true;
        return 0;
      },
      get_child_subreaper: () => (self.subreaper ? 1 : 0),
      set_pdeathsig: (signal: number) => {
        self.parentSignal = signal;
        return 0;
      },
      get_dumpable: () => self.dumpable,
      set_dumpable: (dumpable: number) => {
        self.dumpable = dumpable;
        return 0;
      },
      getrlimit_nproc: () => -1n,
    };
  }
}

let known: { license: string; list: readonly string[] } | undefined;

/** Every text by its number, made once. */
function texts(license: string): readonly string[] {
  if (known?.license !== license) known = { license, list: entries(license).map(({ text }) => text) };
  return known.list;
}
