// What core/kernel.ts declares and native performs, over the simulated Linux: nothing but marshalling between the memory
// of a program in wasm and plain values.

import { packed } from "../texts/generate.ts";
import { type About, direntSize } from "./files.ts";
import { Exit, Gone, type Run, SURVIVORS_BYTES } from "./kernel.ts";
import { BLOCKED, type Linux, type Polled, type Process } from "./linux.ts";
import { Memory } from "./memory.ts";
import { numberOf, readFilter } from "./seccomp.ts";
import { type SignalInfo, SignalSet } from "./signals.ts";

export type Import = (...args: never[]) => unknown;
type Imports = Record<string, Import>;
/** Called where a clone has made a child, with the memory that it begins with. */
export type Forks = (parent: Run, child: Process, memory: Uint8Array) => void;

export class ImportedCalls {
  readonly memory = new Memory();
  /** The signal that was handed out last. */
  taken: SignalInfo | undefined;
  readonly #forks: Forks;
  #run: Run | null = null;

  constructor(forks: Forks) {
    this.#forks = forks;
  }

  /** Whose calls they are. */
  get run(): Run {
    if (this.#run === null) throw new Error("no run has begun");
    return this.#run;
  }

  set run(run: Run) {
    this.#run = run;
  }

  get #self(): Process {
    return this.run.process;
  }

  get #world(): Linux {
    return this.run.stage.world;
  }

  /** What native does without the kernel. */
  get handedOver(): Imports {
    return {
      code_of: (text: number, offset: number) => {
        const codes = packed(this.run.stage.license)[text];
        if (codes === undefined || offset > codes.length) throw new WebAssembly.RuntimeError("no such text");
        return codes[offset] ?? 0;
      },
      copy: (source: number, index: number, offset: number, at: number, max: number) => {
        const text = (source === 0 ? this.run.arguments : this.run.environment)[index];
        return text === undefined ? -1 : this.memory.putText(at, text, offset, max);
      },
      replace_argument: (index: number, at: number) => {
        this.run.arguments[index] = this.memory.text(at);
      },
      remove_variable: (index: number) => {
        if (index >= this.run.environment.length) throw new WebAssembly.RuntimeError("no such variable");
        this.run.environment.splice(index, 1);
      },
      add_variable: (at: number) => {
        this.run.environment.push(this.memory.text(at));
      },
      inherited_mask: () => BigInt.asIntN(64, this.run.inheritedMask),
      keep: (from: number) => {
        this.run.kept = this.memory.at(from, SURVIVORS_BYTES).slice();
      },
      recall: (to: number) => {
        this.memory.at(to, SURVIVORS_BYTES).set(this.run.kept);
      },
      // Whole pages in truth: which those are depends on where the linker puts them.
      release: (from: number) => {
        this.memory.at(from, this.memory.size - from).fill(0);
      },
      number_of: (what: number) => numberOf(what),
    };
  }

  /** What it asks the kernel for. */
  get asked(): Imports {
    return {
      ...this.#processCalls(),
      ...this.#signalCalls(),
      ...this.#fileCalls(),
      ...this.#privilegeCalls(),
    };
  }

  // Processes

  #processCalls(): Imports {
    return {
      getpid: () => this.#world.getpid(this.#self),
      getppid: () => this.#world.getppid(this.#self),
      getpgid: (pid: number) => this.#world.getpgid(this.#self, pid),
      setpgid: (pid: number, group: number) => this.#world.setpgid(this.#self, pid, group),
      getsid: () => this.#world.getsid(this.#self),
      setsid: () => this.#world.setsid(this.#self),
      clone: (pidfd: number) => this.#clone(pidfd),
      execve: (path: number, first: number) => {
        const { process, arguments: own, environment } = this.run;
        process.environment = [...environment];
        const answer = this.#world.execve(process, this.memory.text(path), own.slice(first));
        if (answer === 0) throw new Gone();
        return answer;
      },
      exit: (status: number) => {
        throw new Exit(status);
      },
      wait4: (pid: number, status: number, options: number) => {
        this.memory.check(status, 152);
        const answer = this.#world.wait4(this.#self, pid, options);
        if (answer > 0) this.memory.put32(status, this.#world.out.status);
        return answer;
      },
      pidfd_open: (pid: number) => this.#world.pidfd_open(this.#self, pid),
      pidfd_get_info: (fd: number, at: number) => this.#pidfdInfo(fd, at),
    };
  }

  /** The child gets the memory as it is at this moment, without the descriptor that its parent is given. */
  #clone(pidfd: number): number {
    this.memory.check(pidfd, 4);
    const run = this.run;
    const { out } = this.#world;
    const answer = this.#world.clone(run.process, { pidfd: pidfd !== 0 });
    if (answer < 0) return answer;
    this.#forks(run, out.child as Process, this.memory.copy());
    if (pidfd !== 0 && this.#world.age.clonePidfd) this.memory.put32(pidfd, out.pidfd);
    return answer;
  }

  #pidfdInfo(fd: number, at: number): number {
    this.memory.check(at, 80);
    const mask = Number(this.memory.u64(at) & 0xffffffffn);
    const answer = this.#world.pidfd_get_info(this.#self, fd, mask);
    if (answer !== 0) return answer;
    const { mask: given, pid, ppid, uid, euid, suid, exitCode, dumpMask } = this.#world.out.info;
    this.memory.put(at, new Uint8Array(80));
    this.memory.put64(at, BigInt(given));
    // Between the uids are the gids, which nobody has here.
    const fields = [pid, pid, ppid, uid, 0, euid, 0, suid, 0, euid, 0, exitCode, dumpMask];
    for (const [index, value] of fields.entries()) this.memory.put32(at + 16 + 4 * index, value);
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
        this.memory.check(at, 128);
        const answer = this.#world.rt_sigtimedwait(this.#self, SignalSet.from(mask), milliseconds);
        const info = this.#world.out.signals[0];
        if (answer > 0 && info !== undefined) this.#putTimedSignal(at, info);
        return answer;
      },
      kill: (pid: number, signo: number) => this.#world.kill(this.#self, pid, signo),
      rt_sigqueueinfo: (pid: number, at: number) =>
        this.#world.rt_sigqueueinfo(this.#self, pid, this.signalAt(at)),
      pidfd_send_signal: (fd: number, signo: number, at: number, group: number) => {
        const info = at === 0 ? null : this.signalAt(at);
        return this.#world.pidfd_send_signal(this.#self, fd, signo, info, group !== 0);
      },
      ppoll: (at: number, count: number, milliseconds: number) => this.#ppoll(at, count, milliseconds),
      clock_gettime: (clock: number) => BigInt(this.#world.clock_gettime(clock)),
    };
  }

  #ppoll(at: number, count: number, milliseconds: number): number {
    this.memory.check(at, count * 8);
    const list: Polled[] = [];
    for (let entry = at; entry < at + count * 8; entry += 8)
      list.push({
        fd: this.memory.i32(entry),
        events: this.memory.i16(entry + 4),
        revents: 0,
      });
    const answer = this.#world.ppoll(this.#self, list, milliseconds);
    if (answer === BLOCKED || answer < 0) return answer;
    for (const [index, { events, revents }] of list.entries())
      this.memory.put32(at + 8 * index + 4, (events & 0xffff) | (revents << 16));
    return answer;
  }

  /** struct signalfd_siginfo, as the program fills it in. */
  signalAt(at: number): SignalInfo {
    this.memory.check(at, 128);
    const [signo = 0, , code = 0, pid = 0, uid = 0] = [0, 4, 8, 12, 16].map((field) =>
      this.memory.i32(at + field),
    );
    return { signo, code, pid, uid, value: this.memory.u64(at + 48), status: 0 };
  }

  /** struct signalfd_siginfo. */
  #putSignal(at: number, info: SignalInfo): void {
    this.taken = info;
    const bytes = new Uint8Array(128);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, info.signo, true);
    view.setInt32(8, info.code, true);
    view.setInt32(12, info.pid, true);
    view.setInt32(16, info.uid, true);
    view.setInt32(40, info.status, true);
    view.setInt32(44, info.code < 0 ? Number(info.value & 0xffffffffn) : 0, true);
    view.setBigUint64(48, info.code < 0 ? info.value : 0n, true);
    this.memory.put(at, bytes);
  }

  /** What native takes out of a siginfo_t, in which a value and the status of a child have the same place. */
  #putTimedSignal(at: number, info: SignalInfo): void {
    this.taken = info;
    this.memory.put32(at, info.signo);
    for (const [index, value] of [info.code, info.pid, info.uid].entries())
      this.memory.put32(at + 8 + 4 * index, value);
    this.memory.put64(at + 48, info.code > 0 ? BigInt(info.status) : info.value);
  }

  // Files

  #fileCalls(): Imports {
    return {
      openat: (path: number, how: number) =>
        how === 3
          ? this.#world.create(this.#self, this.memory.text(path))
          : this.#world.openat(this.#self, this.memory.text(path), how),
      read: (fd: number, at: number, max: number) => this.#read(fd, at, max),
      write: (fd: number, at: number, length: number) =>
        this.#world.write(this.#self, fd, this.memory.at(at, length)),
      pwritev2: (fd: number, at: number, length: number, way: number) =>
        this.#world.pwritev2(this.#self, fd, this.memory.at(at, length), way),
      sendto: (fd: number, at: number, lengths: number, to: number) => {
        const bytes = this.memory.at(at, lengths & 0xffff);
        return this.#world.sendto(
          this.#self,
          fd,
          bytes,
          to === 0 ? null : this.memory.at(to, lengths >>> 16),
        );
      },
      socket: () => this.#world.socket(this.#self),
      bind: (fd: number, at: number, length: number) =>
        this.#world.bind(this.#self, fd, this.memory.at(at, length)),
      connect: (fd: number, at: number, length: number) =>
        this.#world.connect(this.#self, fd, this.memory.at(at, length)),
      pass_credentials: (fd: number) => this.#world.pass_credentials(this.#self, fd),
      recvmsg: (fd: number, at: number, max: number, sender: number) => this.#receive(fd, at, max, sender),
      getrandom: (at: number, length: number) => {
        const bytes = Uint8Array.from({ length }, () => this.#world.random.below(256));
        this.memory.put(at, bytes);
        return length;
      },
      splice: (from: number, to: number, length: number) => this.#world.splice(this.#self, from, to, length),
      close: (fd: number) => this.#world.close(this.#self, fd),
      close_range: (first: number, last: number) =>
        this.#world.close_range(this.#self, first >>> 0, last >>> 0),
      fcntl_dupfd: (fd: number, lowest: number) => this.#world.fcntl_dupfd(this.#self, fd, lowest),
      pipe2: (at: number) => {
        this.memory.check(at, 8);
        const answer = this.#world.pipe2(this.#self);
        if (answer !== 0) return answer;
        this.memory.put32(at, this.#world.out.reading);
        this.memory.put32(at + 4, this.#world.out.writing);
        return 0;
      },
      statx: (fd: number) => this.#world.statx(this.#self, fd),
      statx_at: (fd: number, path: number, at: number) => {
        this.memory.check(at, 256);
        const about = this.#world.statxAt(this.#self, fd, path === 0 ? null : this.memory.text(path));
        if (typeof about === "number") return about;
        this.#putAbout(at, about);
        return 0;
      },
      getdents64: (fd: number, at: number, max: number) => this.#listFolder(fd, at, max),
      fchmod: (fd: number) => this.#world.fchmod(this.#self, fd),
      fsync: (fd: number) => this.#world.fsync(this.#self, fd),
      renameat2: (from: number, to: number) =>
        this.#world.renameat2(this.#self, this.memory.text(from), this.memory.text(to)),
      unlinkat: (path: number) => this.#world.unlinkat(this.#self, this.memory.text(path)),
      chdir: (path: number) => this.#world.chdir(this.#self, this.memory.text(path)),
      tcgetpgrp: (fd: number) => this.#world.tcgetpgrp(this.#self, fd),
      tcsetpgrp: (fd: number, group: number) => this.#world.tcsetpgrp(this.#self, fd, group),
      control_terminal: (fd: number, take: number) =>
        take !== 0 ? this.#world.control(this.#self, fd) : this.#world.uncontrol(this.#self, fd),
    };
  }

  /** What of struct statx somebody looks at. */
  #putAbout(at: number, { type, names, owner, inode, size }: About): void {
    const bytes = new Uint8Array(256);
    const view = new DataView(bytes.buffer);
    view.setUint32(16, names, true);
    view.setUint32(20, owner, true);
    view.setUint16(28, type, true);
    view.setBigUint64(32, BigInt(inode), true);
    view.setBigUint64(40, BigInt(size), true);
    view.setUint32(136, 8, true);
    view.setUint32(140, 1, true);
    this.memory.put(at, bytes);
  }

  #read(fd: number, at: number, max: number): number {
    this.memory.check(at, max);
    const answer = this.#world.read(this.#self, fd, max);
    if (answer <= 0) return answer;
    const { signals, bytes } = this.#world.out;
    if (signals.length === 0) this.memory.put(at, bytes);
    for (const [index, info] of signals.entries()) this.#putSignal(at + 128 * index, info);
    return answer;
  }

  /** Behind a header, which nobody looks at, pid and uid and gid; and behind these what fits of an address. */
  #receive(fd: number, at: number, max: number, sender: number): number {
    this.memory.check(at, max);
    this.memory.check(sender, 40);
    const answer = this.#world.recvmsg(this.#self, fd);
    if (answer < 0) return answer;
    const { bytes, address, sender: from } = this.#world.out;
    this.memory.put(at, bytes.subarray(0, max));
    this.memory.put(sender + 32, address.subarray(0, 8));
    if (from === null) return answer;
    this.memory.put32(sender + 16, from.pid);
    this.memory.put32(sender + 20, from.uid);
    return answer;
  }

  #listFolder(fd: number, at: number, max: number): number {
    this.memory.check(at, max);
    const answer = this.#world.getdents64(this.#self, fd, max);
    if (answer <= 0) return answer;
    const bytes = new Uint8Array(answer);
    let entry = 0;
    for (const name of this.#world.out.names) {
      new DataView(bytes.buffer).setUint16(entry + 16, direntSize(name), true);
      for (let i = 0; i < name.length; i++) bytes[entry + 19 + i] = name.charCodeAt(i);
      entry += direntSize(name);
    }
    this.memory.put(at, bytes);
    return answer;
  }

  // Privilege and limits

  #privilegeCalls(): Imports {
    return {
      geteuid: () => this.#world.geteuid(this.#self),
      seteuid: (uid: number) => this.#world.setresuid(this.#self, -1, uid, -1),
      capget: () => BigInt(this.#world.capget(this.#self)),
      setgroups: (count: number, at: number) => {
        this.memory.check(at, 4 * count);
        const groups = Array.from({ length: count }, (_, index) => this.memory.i32(at + 4 * index) >>> 0);
        return this.#world.setgroups(this.#self, groups);
      },
      setfsgid: (gid: number) => this.#world.setfsgid(this.#self, gid >>> 0) | 0,
      setgid: (gid: number) => this.#world.setgid(this.#self, gid >>> 0),
      setuid: (uid: number) => this.#world.setuid(this.#self, uid >>> 0),
      capset: (set: bigint) => this.#world.capset(this.#self, Number(BigInt.asUintN(32, set))),
      prctl: (request: number, first: number, second: number) =>
        this.#world.prctl(this.#self, request, first, second),
      setrlimit_nproc: (limit: number) => this.#world.setrlimit_nproc(this.#self, limit),
      seccomp: (at: number, count: number) =>
        this.#world.seccomp(this.#self, readFilter(this.memory.at(at, 8 * count))),
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
