// core/kernel.ts once more: what native performs, pretended. Only marshalling between a wasm memory and the calls of
// the simulated Linux, and the place where a call is noted, made to fail, refused, or made to wait.

import { entries } from "../texts/generate.ts";
import { direntSize } from "./files.ts";
import { BLOCKED, E, type Linux, type Polled, type Process } from "./linux.ts";
import { deliver, type SignalInfo, SignalSet } from "./signals.ts";

/** One call of a program, as the trace keeps it. */
export interface Call {
  readonly process: Process;
  readonly name: string;
  readonly args: readonly (number | bigint)[];
  readonly answer: number | bigint;
  /** Of a call that took a signal. */
  readonly taken: SignalInfo | undefined;
  /** What it was to write, the path that it named. */
  readonly bytes: Uint8Array | null;
  /** Of a ppoll of one descriptor: that one; else -1. */
  readonly polled: number;
  /** The signal that it sends, with what it carries besides. */
  readonly sent: { readonly signo: number; readonly info: SignalInfo | null } | null;
}

/** What a life lends to the calls: arguments, a script, faults. */
export interface Stage {
  readonly world: Linux;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly license: string;
  /** The world moves on before each call. */
  before(process: Process, name: string): void;
  /** Answers an errno for a call that shall fail, or 0; may throw a Trap, or change the arguments. */
  fault(process: Process, name: string, args: (number | bigint)[]): number;
  after(call: Call): void;
  /** The core has failed, and is about to be started again, or the process ends. */
  trapped(process: Process, error: unknown): void;
  /** A call has to wait: for ever, or until its process' `deadline`. */
  waits(process: Process, name: string): void;
  /** Nothing can happen any more, and the process waits for ever. */
  starved(process: Process): never;
}

/** The program asked to end. */
export class Exit {
  readonly status: number;
  constructor(status: number) {
    this.status = status;
  }
}

/** The process was killed, or has become another program: nothing of this one runs any more. */
export class Gone {}
/** Thrown in place of a call: what a failed assertion is to native. */
export class Trap {}
/** A process that is played in turns has had its turn. */
export class Suspended {}

const SURVIVORS_BYTES = 128;
/** The first value of `kept` in native/linux.c: the core failed before it said otherwise. */
const TRAP_STATUS = 120;

export function freshSurvivors(): Uint8Array {
  const kept = new Uint8Array(SURVIVORS_BYTES);
  kept[0] = TRAP_STATUS;
  return kept;
}

/** What a call answered, so that a process can be played again up to where it was. */
interface Answer {
  readonly answer: number | bigint;
  readonly writes: readonly { readonly at: number; readonly bytes: Uint8Array }[];
}

/** One run of a program in wasm: whose it is, and what native keeps for it outside of its memory. */
export interface Run {
  readonly stage: Stage;
  readonly process: Process;
  readonly inheritedMask: bigint;
  readonly arguments: string[];
  kept: Uint8Array;
  /** Of a process that is played in turns: what its calls have answered so far. */
  readonly answers: Answer[] | null;
  /** It sleeps in the call that it has made last. */
  sleeping: boolean;
}

const WRITES = new Set(["write", "pwritev2", "sendto"]);
const NAMES = new Set(["chdir", "execve", "openat"]);
const withInfo = (info: SignalInfo): Call["sent"] => ({ signo: info.signo, info });

type Imports = Record<string, (...args: never[]) => unknown>;
type Forks = (parent: Run, child: Process, memory: Uint8Array) => void;

/** The imports of one wasm instance, which serves one run after the other. */
export class Kernel {
  readonly #forks: Forks;
  #run: Run | null = null;
  #bytes = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));
  /** Of a run in turns: the calls made by now, and whether this turn's call is done. */
  #made = 0;
  #done = false;
  #writes: { at: number; bytes: Uint8Array }[] | null = null;
  #taken: SignalInfo | undefined;
  #bytesOf: Uint8Array | null = null;
  #sent: Call["sent"] = null;
  #polled = -1;
  readonly imports: Imports;

  constructor(forks: Forks) {
    this.#forks = forks;
    this.imports = { ...this.#handedOver() };
    const calls = {
      ...this.#processCalls(),
      ...this.#signalCalls(),
      ...this.#fileCalls(),
      ...this.#privilegeCalls(),
    };
    for (const [name, call] of Object.entries(calls))
      this.imports[name] = ((...args: (number | bigint)[]) =>
        this.#perform(name, args, call)) as Imports[string];
  }

  /** The calls are those of this run from now on, over this memory. */
  begin(run: Run, memory: ArrayBuffer): void {
    this.#run = run;
    this.#bytes = new Uint8Array(memory);
    this.#view = new DataView(memory);
    this.#made = 0;
    this.#done = false;
  }

  get #now(): Run {
    if (this.#run === null) throw new Error("no run has begun");
    return this.#run;
  }

  get #self(): Process {
    return this.#now.process;
  }

  get #world(): Linux {
    return this.#now.stage.world;
  }

  #perform(name: string, args: (number | bigint)[], call: (...args: never[]) => unknown): number | bigint {
    const { answers } = this.#now;
    const known = answers?.[this.#made++];
    if (known !== undefined) {
      for (const { at, bytes } of known.writes) this.#bytes.set(bytes, at);
      return known.answer;
    }
    if (this.#done) throw new Suspended();
    this.#writes = answers === null ? null : [];
    const writes = this.#writes ?? [];
    const answer = this.#make(name, args, call);
    answers?.push({ answer, writes });
    this.#done = answers !== null;
    // What is played in turns has its signals delivered between them.
    if (answers === null) this.#returnToUser();
    return answer;
  }

  /** A call that is made now: the world moves, it may be made to fail, it is done, and signals are delivered. */
  #make(name: string, args: (number | bigint)[], call: (...args: never[]) => unknown): number | bigint {
    const { stage, process } = this.#now;
    stage.before(process, name);
    this.#returnToUser();
    this.#taken = undefined;
    this.#describe(name, args as number[]);
    const errno = stage.fault(process, name, args);
    const refusal = stage.world.refusals[name];
    const failed = errno !== 0 ? errno : refusal === undefined ? 0 : E[refusal];
    const answer = failed !== 0 ? this.#failed(name, failed, Number(args[0])) : this.#wait(name, args, call);
    stage.after({
      process,
      name,
      args,
      answer,
      taken: this.#taken,
      bytes: this.#bytesOf,
      sent: this.#sent,
      polled: this.#polled,
    });
    stage.world.stir();
    return answer;
  }

  /** What a call is about, as far as it stands in memory: told also where it is made to fail. */
  #describe(name: string, args: readonly number[]): void {
    const [first = 0, second = 0, third = 0] = args;
    this.#sent = null;
    this.#bytesOf = null;
    this.#polled = name === "ppoll" && second === 1 ? this.#view.getInt32(first, true) : -1;
    if (name === "kill") this.#sent = { signo: second, info: null };
    else if (name === "rt_sigqueueinfo") this.#sent = withInfo(this.#signalAt(second));
    else if (name === "pidfd_send_signal")
      this.#sent = { signo: second, info: third === 0 ? null : this.#signalAt(third) };
    else if (WRITES.has(name)) this.#bytesOf = this.#slice(second, third);
    else if (NAMES.has(name)) this.#bytesOf = Buffer.from(this.#text(first), "latin1");
  }

  /** What is pending happens now; a stopped process goes on when it is continued. */
  #returnToUser(): void {
    const { process } = this.#now;
    deliver(process);
    while (process.state === "stopped") this.#pass();
    if (!process.lives) throw new Gone();
  }

  #wait(name: string, args: (number | bigint)[], call: (...args: never[]) => unknown): number | bigint {
    const { stage, process } = this.#now;
    if (!this.#now.sleeping) process.interrupted = null;
    while (true) {
      if (this.#now.sleeping && isInterrupted(process, name)) return this.#awake(-E.EINTR);
      const answer = call(...(args as never[])) as number | bigint;
      if (answer !== BLOCKED) return this.#awake(answer);
      if (!this.#now.sleeping) stage.waits(process, name);
      this.#now.sleeping = true;
      this.#pass();
      this.#returnToUser();
    }
  }

  #awake(answer: number | bigint): number | bigint {
    this.#now.sleeping = false;
    if (answer === -E.EINTR) this.#self.deadline = Number.NaN;
    return answer;
  }

  /** The world moves while the process sleeps. One that is played in turns gives its turn away. */
  #pass(): void {
    const { stage, process, answers } = this.#now;
    if (answers !== null) {
      stage.world.block(process);
      throw new Suspended();
    }
    const { deadline, state } = process;
    const until = state === "stopped" || Number.isNaN(deadline) ? Number.POSITIVE_INFINITY : deadline;
    if (!stage.world.step(until)) stage.starved(process);
  }

  /** capget answers a set and getrlimit a limit: there a failure looks like none. What fails to close is closed. */
  #failed(name: string, errno: number, fd: number): number | bigint {
    if (name === "close") this.#world.close(this.#self, fd);
    if (name === "capget" || name === "clock_gettime") return 0n;
    return name === "getrlimit_nproc" ? -1n : -errno;
  }

  // Memory

  #text(at: number): string {
    const end = this.#bytes.indexOf(0, at);
    if (end < 0) throw new WebAssembly.RuntimeError("memory access out of bounds");
    return Buffer.from(this.#slice(at, end - at)).toString("latin1");
  }

  #slice(at: number, length: number): Uint8Array {
    const from = at >>> 0;
    if (from + (length >>> 0) > this.#bytes.length)
      throw new WebAssembly.RuntimeError("memory access out of bounds");
    return this.#bytes.subarray(from, from + (length >>> 0));
  }

  #put(at: number, bytes: Uint8Array): void {
    this.#slice(at, bytes.length).set(bytes);
    this.#writes?.push({ at, bytes: bytes.slice() });
  }

  #put32(at: number, value: number): void {
    this.#view.setInt32(at, value, true);
    this.#writes?.push({ at, bytes: this.#bytes.slice(at, at + 4) });
  }

  #put64(at: number, value: bigint): void {
    this.#view.setBigUint64(at, value, true);
    this.#writes?.push({ at, bytes: this.#bytes.slice(at, at + 8) });
  }

  // What was handed over at the start

  #handedOver(): Imports {
    return {
      copy: (source: number, index: number, offset: number, at: number, max: number) => {
        const { stage, arguments: own } = this.#now;
        const text = [own, stage.environment, texts(stage.license)][source]?.[index];
        if (text === undefined) return -1;
        const length = Math.min(max, Math.max(0, text.length - offset));
        const to = this.#slice(at, max);
        for (let i = 0; i < length; i++) to[i] = text.charCodeAt(offset + i);
        return length;
      },
      replace_argument: (index: number, at: number) => {
        this.#now.arguments[index] = this.#text(at);
      },
      inherited_mask: () => BigInt.asIntN(64, this.#now.inheritedMask),
      keep: (from: number) => {
        this.#now.kept = this.#slice(from, SURVIVORS_BYTES).slice();
      },
      recall: (to: number) => {
        this.#slice(to, SURVIVORS_BYTES).set(this.#now.kept);
      },
      release: () => {},
    };
  }

  // Processes

  #processCalls(): Imports {
    return {
      getpid: () => this.#world.getpid(this.#self),
      getppid: () => this.#world.getppid(this.#self),
      getpgrp: () => this.#world.getpgrp(this.#self),
      setpgid: (pid: number, group: number) => this.#world.setpgid(this.#self, pid, group),
      clone: (pidfd: number) => this.#clone(pidfd),
      execve: (path: number, first: number) => {
        const { process, arguments: own } = this.#now;
        const answer = this.#world.execve(process, this.#text(path), own.slice(first));
        if (answer === 0) throw new Gone();
        return answer;
      },
      exit: (status: number) => {
        throw new Exit(status);
      },
      wait4: (pid: number, status: number, options: number) => {
        const answer = this.#world.wait4(this.#self, pid, options);
        if (answer > 0) this.#put32(status, this.#world.out.status);
        return answer;
      },
      pidfd_open: (pid: number) => this.#world.pidfd_open(this.#self, pid),
      pidfd_get_info: (fd: number, at: number) => this.#pidfdInfo(fd, at),
    };
  }

  /** The child gets the memory as it is at this moment, without the descriptor that its parent is given. */
  #clone(pidfd: number): number {
    const run = this.#now;
    const { out } = this.#world;
    const answer = this.#world.clone(run.process, { pidfd: pidfd !== 0 });
    if (answer < 0) return answer;
    this.#forks(run, out.child as Process, this.#bytes.slice());
    if (pidfd !== 0 && this.#world.age.clonePidfd) this.#put32(pidfd, out.pidfd);
    return answer;
  }

  #pidfdInfo(fd: number, at: number): number {
    const mask = Number(this.#view.getBigUint64(at, true) & 0xffffffffn);
    const answer = this.#world.pidfd_get_info(this.#self, fd, mask);
    if (answer !== 0) return answer;
    const { mask: given, pid, ppid, uid, euid, suid, exitCode, dumpMask } = this.#world.out.info;
    this.#put(at, new Uint8Array(80));
    this.#put64(at, BigInt(given));
    // Between the uids are the gids, which nobody has here.
    const fields = [pid, pid, ppid, uid, 0, euid, 0, suid, 0, euid, 0, exitCode, dumpMask];
    for (const [index, value] of fields.entries()) this.#put32(at + 16 + 4 * index, value);
    return 0;
  }

  // Signals

  #signalCalls(): Imports {
    return {
      rt_sigprocmask: (mask: bigint) => this.#world.rt_sigprocmask(this.#self, SignalSet.from(mask)),
      rt_sigaction: (signo: number, action: number) =>
        this.#world.rt_sigaction(this.#self, signo, action === 1 ? "ignore" : "default", {
          noChildWait: action === 2,
        }),
      signalfd4: (fd: number, mask: bigint) => this.#world.signalfd4(this.#self, fd, SignalSet.from(mask)),
      rt_sigtimedwait: (mask: bigint, at: number, milliseconds: number) => {
        const answer = this.#world.rt_sigtimedwait(this.#self, SignalSet.from(mask), milliseconds);
        const info = this.#world.out.signals[0];
        if (answer > 0 && info !== undefined) this.#putTimedSignal(at, info);
        return answer;
      },
      kill: (pid: number, signo: number) => this.#world.kill(this.#self, pid, signo),
      rt_sigqueueinfo: (pid: number, at: number) =>
        this.#world.rt_sigqueueinfo(this.#self, pid, this.#signalAt(at)),
      pidfd_send_signal: (fd: number, signo: number, at: number, group: number) => {
        const info = at === 0 ? null : this.#signalAt(at);
        return this.#world.pidfd_send_signal(this.#self, fd, signo, info, group !== 0);
      },
      ppoll: (at: number, count: number, milliseconds: number) => this.#ppoll(at, count, milliseconds),
      clock_gettime: () => BigInt(this.#world.clock_gettime()),
    };
  }

  #ppoll(at: number, count: number, milliseconds: number): number {
    const list: Polled[] = [];
    for (let entry = at; entry < at + count * 8; entry += 8)
      list.push({
        fd: this.#view.getInt32(entry, true),
        events: this.#view.getInt16(entry + 4, true),
        revents: 0,
      });
    const answer = this.#world.ppoll(this.#self, list, milliseconds);
    if (answer === BLOCKED || answer < 0) return answer;
    for (const [index, { events, revents }] of list.entries())
      this.#put32(at + 8 * index + 4, (events & 0xffff) | (revents << 16));
    return answer;
  }

  #signalAt(at: number): SignalInfo {
    const [signo = 0, , code = 0, pid = 0, uid = 0] = [0, 4, 8, 12, 16].map((field) =>
      this.#view.getInt32(at + field, true),
    );
    return { signo, code, pid, uid, value: this.#view.getBigUint64(at + 48, true), status: 0 };
  }

  /** struct signalfd_siginfo. */
  #putSignal(at: number, info: SignalInfo): void {
    this.#taken = info;
    const bytes = new Uint8Array(128);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, info.signo, true);
    view.setInt32(8, info.code, true);
    view.setInt32(12, info.pid, true);
    view.setInt32(16, info.uid, true);
    view.setInt32(40, info.status, true);
    view.setInt32(44, info.code < 0 ? Number(info.value & 0xffffffffn) : 0, true);
    view.setBigUint64(48, info.code < 0 ? info.value : 0n, true);
    this.#put(at, bytes);
  }

  /** What native takes out of a siginfo_t, in which a value and the status of a child have the same place. */
  #putTimedSignal(at: number, info: SignalInfo): void {
    this.#taken = info;
    this.#put32(at, info.signo);
    for (const [index, value] of [info.code, info.pid, info.uid].entries())
      this.#put32(at + 8 + 4 * index, value);
    this.#put64(at + 48, info.code > 0 ? BigInt(info.status) : info.value);
  }

  // Files

  #fileCalls(): Imports {
    return {
      openat: (path: number, how: number) => this.#world.openat(this.#self, this.#text(path), how === 1),
      read: (fd: number, at: number, max: number) => this.#read(fd, at, max),
      write: (fd: number, at: number, length: number) =>
        this.#world.write(this.#self, fd, this.#slice(at, length)),
      pwritev2: (fd: number, at: number, length: number, quiet: number) =>
        this.#world.pwritev2(this.#self, fd, this.#slice(at, length), quiet !== 0),
      sendto: (fd: number, at: number, length: number) =>
        this.#world.sendto(this.#self, fd, this.#slice(at, length)),
      splice: (from: number, to: number, length: number) => this.#world.splice(this.#self, from, to, length),
      close: (fd: number) => this.#world.close(this.#self, fd),
      close_range: (first: number, last: number) =>
        this.#world.close_range(this.#self, first >>> 0, last >>> 0),
      fcntl_dupfd: (fd: number, lowest: number) => this.#world.fcntl_dupfd(this.#self, fd, lowest),
      pipe2: (at: number) => {
        const answer = this.#world.pipe2(this.#self);
        if (answer !== 0) return answer;
        this.#put32(at, this.#world.out.reading);
        this.#put32(at + 4, this.#world.out.writing);
        return 0;
      },
      statx: (fd: number) => this.#world.statx(this.#self, fd),
      getdents64: (fd: number, at: number, max: number) => this.#list(fd, at, max),
      chdir: (path: number) => this.#world.chdir(this.#self, this.#text(path)),
      tcgetpgrp: (fd: number) => this.#world.tcgetpgrp(this.#self, fd),
      tcsetpgrp: (fd: number, group: number) => this.#world.tcsetpgrp(this.#self, fd, group),
    };
  }

  #read(fd: number, at: number, max: number): number {
    this.#slice(at, max);
    const answer = this.#world.read(this.#self, fd, max);
    if (answer <= 0) return answer;
    const { signals, bytes } = this.#world.out;
    if (signals.length === 0) this.#put(at, bytes);
    for (const [index, info] of signals.entries()) this.#putSignal(at + 128 * index, info);
    return answer;
  }

  #list(fd: number, at: number, max: number): number {
    const answer = this.#world.getdents64(this.#self, fd, max);
    if (answer <= 0) return answer;
    const bytes = new Uint8Array(answer);
    let entry = 0;
    for (const name of this.#world.out.names) {
      new DataView(bytes.buffer).setUint16(entry + 16, direntSize(name), true);
      for (let i = 0; i < name.length; i++) bytes[entry + 19 + i] = name.charCodeAt(i);
      entry += direntSize(name);
    }
    this.#put(at, bytes);
    return answer;
  }

  // Privilege and limits

  #privilegeCalls(): Imports {
    return {
      geteuid: () => this.#world.geteuid(this.#self),
      seteuid: (uid: number) => this.#world.setresuid(this.#self, -1, uid, -1),
      capget: () => BigInt(this.#world.capget(this.#self)),
      set_child_subreaper: () => this.#world.set_child_subreaper(this.#self),
      get_child_subreaper: () => this.#world.get_child_subreaper(this.#self),
      set_pdeathsig: (signo: number) => this.#world.set_pdeathsig(this.#self, signo),
      get_dumpable: () => this.#world.get_dumpable(this.#self),
      set_dumpable: (dumpable: number) => this.#world.set_dumpable(this.#self, dumpable),
      getrlimit_nproc: () => {
        const limit = this.#world.getrlimit_nproc(this.#self);
        return Number.isFinite(limit) ? BigInt(limit) : -1n;
      },
    };
  }
}

/** A stop interrupts rt_sigtimedwait even without a handler (signal(7)). */
function isInterrupted({ interrupted }: Process, name: string): boolean {
  return interrupted === "handler" || (interrupted === "stop" && name === "rt_sigtimedwait");
}

let known: { license: string; list: readonly string[] } | undefined;

/** Every text by its number, made once. */
function texts(license: string): readonly string[] {
  if (known?.license !== license) known = { license, list: entries(license).map(({ text }) => text) };
  return known.list;
}
