// A Linux small enough to read, and one place to call it at: every system call is a method with Linux's name that takes
// the calling process and plain values, and answers Linux's negative errno, or BLOCKED where the caller has to sleep and
// then make the same call again. What a call hands out beside its number is in `out`.
//
//   const world = new Linux(new Random(1));
//   world.clone(world.host, { pidMax: 400 });           // the first process of a PID namespace, pid 1 to itself
//   const init = world.out.child as Process;
//   world.clone(init, { program: (self) => world.exit(self, 3) });
//   world.settle();                                     // everybody does what there is to do
//   world.wait4(init, -1, 0);                           // 2, and world.out.status is 3 << 8
//
// Nothing happens by itself (schedule.ts). The same methods serve programs in TypeScript and, through kernel.ts, programs
// in WebAssembly.

import {
  capset,
  commit,
  prctl,
  setfsgid,
  setgid,
  setgroups,
  setresuid,
  setrlimit_nproc,
  setuid,
} from "./credentials.ts";
import { DatagramFile } from "./datagrams.ts";
import { BLOCKED, E } from "./errnos.ts";
import {
  type About,
  Directory,
  DiskFile,
  type File,
  PlacedFile,
  POLLERR,
  POLLHUP,
  POLLNVAL,
  SignalFile,
  TerminalFile,
  type WriteFlags,
} from "./files.ts";
import {
  aboutPath,
  createPath,
  lookUp,
  openPath,
  openToAppend,
  openToWrite,
  removePath,
  renamePath,
} from "./paths.ts";
import { pidfdInfo, pidfdOpen, pidfdSendSignal } from "./pidfds.ts";
import { Pipe, SocketFile, splice } from "./pipes.ts";
import { becomeProgram, type CloneOptions, clone, exit, Process, startThread, wait4 } from "./processes.ts";
import { type Filter, isValid } from "./seccomp.ts";
import {
  dequeue,
  flushIgnored,
  fromCaller,
  pretends,
  SIGKILL,
  SIGSTOP,
  type SignalInfo,
  type SignalSet,
  sendFromUser,
  sendParentDeath,
  sendToAll,
  sendToGroup,
  sendToThread,
} from "./signals.ts";
import { control, setpgid, setsid, tcgetpgrp, tcsetpgrp, uncontrol } from "./terminal.ts";
import { World } from "./world.ts";

/** The time of day when a life begins: 31 December 2027, 23:59:59.500. */
const EPOCH_MS = 1_830_297_599_500;

/** An entry of poll(2). */
export interface Polled {
  readonly fd: number;
  readonly events: number;
  revents: number;
}

export interface ActionFlags {
  readonly noChildStop?: boolean;
  readonly noChildWait?: boolean;
}

const PLAIN_WRITE: WriteFlags = { nowait: false, nosignal: false };

function openInWay(self: Process, path: string, how: number): File | number {
  if (how === 6) return openToWrite(self, path);
  return how >= 4 ? openToAppend(self, path, how === 4) : openPath(self, path, how === 2);
}

export class Linux extends World {
  // Processes

  getpid(self: Process): number {
    return self.pid;
  }

  /** 0 for a parent outside the namespace. */
  getppid(self: Process): number {
    return self.parent === self ? 0 : self.parent.id.in(self.namespace);
  }

  /** 0 means oneself. */
  getpgid(self: Process, pid = 0): number {
    const of = pid === 0 ? self : this.find(self, pid);
    return of === undefined ? -E.ESRCH : of.group.in(self.namespace);
  }

  setpgid(self: Process, pid: number, group: number): number {
    return setpgid(self, pid, group);
  }

  /** 0 for a session outside the namespace. */
  getsid(self: Process): number {
    return self.session.in(self.namespace);
  }

  setsid(self: Process): number {
    return setsid(self);
  }

  clone(self: Process, options: CloneOptions = {}): number {
    const { pidfd = false, ...others } = options;
    return clone(self, pidfd && this.age.clonePidfd ? options : others);
  }

  startThread(self: Process): number {
    return startThread(self);
  }

  /** Where it answers 0 the process has become the program. */
  execve(self: Process, path: string, args: readonly string[]): number {
    const node = lookUp(self, path);
    if (typeof node === "number") return node;
    if (node.kind === "script") return -E.ENOEXEC;
    if (node.kind !== "program") return -E.EACCES;
    const { credentials } = self;
    self.dumpable = credentials.uid === credentials.euid ? 1 : 0;
    commit(self, credentials.afterExec());
    becomeProgram(self, path, null);
    this.become(self, node.start(self, args));
    return 0;
  }

  /** exit_group(2). */
  exit(self: Process, status: number): void {
    exit(self, (status & 0xff) << 8);
  }

  /** exit(2) of a thread that is not the last: those that it had made are told as of a parent's death. */
  exitThread(self: Process, made: Iterable<Process>): void {
    for (const child of made) sendParentDeath(self, child);
  }

  /** A fault of the processor, or whatever ends a process by a signal that it cannot refuse. */
  crash(self: Process, signo: number): void {
    exit(self, self.dumps ? signo | 0x80 : signo);
  }

  wait4(self: Process, pid: number, options: number): number {
    return wait4(self, pid, options);
  }

  pidfd_open(self: Process, number: number): number {
    return pidfdOpen(self, number);
  }

  /** ioctl PIDFD_GET_INFO; `mask` says what is wanted, and `out.info.mask` what was given. */
  pidfd_get_info(self: Process, fd: number, mask: number): number {
    return pidfdInfo(self, fd, mask);
  }

  // Signals

  rt_sigprocmask(self: Process, mask: SignalSet): number {
    self.blocked = mask.blockable;
    return 0;
  }

  /** Answers 1 where the signal was ignored before. */
  rt_sigaction(
    self: Process,
    signo: number,
    handler: "default" | "ignore" | "handler",
    flags: ActionFlags = {},
  ): number {
    if (signo < 1 || signo > 64 || signo === SIGKILL || signo === SIGSTOP) return -E.EINVAL;
    const before = self.action(signo).handler;
    const { noChildStop = false, noChildWait = false } = flags;
    self.actions.set(signo, { handler, noChildStop, noChildWait });
    flushIgnored(self, signo);
    return before === "ignore" ? 1 : 0;
  }

  /** Non-blocking and close-on-exec. */
  signalfd4(self: Process, fd: number, mask: SignalSet): number {
    if (fd === -1) return self.files.open(new SignalFile(mask), true, self.limits.nofile);
    const file = self.files.get(fd);
    if (file === undefined) return -E.EBADF;
    if (!(file instanceof SignalFile)) return -E.EINVAL;
    file.blocked = mask.blockable.others;
    return fd;
  }

  /** The signal is in `out.signals`; `milliseconds` -1 waits for ever. */
  rt_sigtimedwait(self: Process, mask: SignalSet, milliseconds: number): number {
    const info = dequeue(self, mask.blockable.others);
    if (info === null) return this.#waitOr(self, milliseconds, -E.EAGAIN);
    self.deadline = Number.NaN;
    this.out.signals = [info];
    return info.signo;
  }

  kill(self: Process, pid: number, signo: number): number {
    const info = fromCaller(self, signo);
    if (pid > 0) return this.#sendTo(self, pid, info);
    if (pid === -(2 ** 31)) return -E.ESRCH;
    if (pid === -1) return sendToAll(self, info);
    const group = pid === 0 ? self.group : self.namespace.pids.get(-pid);
    return sendToGroup(self, group?.group ?? [], info);
  }

  #sendTo(self: Process, pid: number, info: SignalInfo): number {
    const to = this.find(self, pid);
    return to === undefined ? -E.ESRCH : sendFromUser(self, to, info);
  }

  /** tgkill(2) to the only thread that a process has here. */
  tgkill(self: Process, pid: number, signo: number): number {
    const to = pid > 0 ? this.find(self, pid) : undefined;
    return to === undefined ? -E.ESRCH : sendToThread(self, to, signo);
  }

  rt_sigqueueinfo(self: Process, pid: number, info: SignalInfo): number {
    if (pretends(info) && pid !== self.pid) return -E.EPERM;
    return pid > 0 ? this.#sendTo(self, pid, info) : -E.ESRCH;
  }

  /** `info` null: as kill(2) does it. */
  pidfd_send_signal(
    self: Process,
    fd: number,
    signo: number,
    info: SignalInfo | null,
    group: boolean,
  ): number {
    return pidfdSendSignal(self, fd, signo, info, group);
  }

  // Waiting and the clock

  ppoll(self: Process, list: readonly Polled[], milliseconds: number): number {
    if (list.length > self.limits.nofile) return -E.EINVAL;
    let ready = 0;
    for (const entry of list) {
      entry.revents = entry.fd < 0 ? 0 : this.#found(self, entry);
      if (entry.revents !== 0) ready++;
    }
    if (ready === 0) return this.#waitOr(self, milliseconds, 0);
    self.deadline = Number.NaN;
    return ready;
  }

  #found(self: Process, { fd, events }: Polled): number {
    const file = self.files.get(fd);
    return file === undefined ? POLLNVAL : file.poll(self) & (events | POLLERR | POLLHUP);
  }

  /** BLOCKED until the time is over, which began with the first of the calls. */
  #waitOr(self: Process, milliseconds: number, over: number): number {
    if (Number.isNaN(self.deadline))
      self.deadline = milliseconds < 0 ? Number.POSITIVE_INFINITY : this.now + milliseconds;
    if (this.now < self.deadline) return BLOCKED;
    self.deadline = Number.NaN;
    return over;
  }

  /** Monotonic (1), or the time of day (0). */
  clock_gettime(clock = 1): number {
    return clock === 0 ? EPOCH_MS + this.now : this.now;
  }

  // Files

  /** In one of the ways of core/kernel.ts: for reading, or from 4 on for writing. */
  openat(self: Process, path: string, how = 0): number {
    const file = openInWay(self, path, how);
    if (typeof file === "number") return file;
    if (how < 4) file.writable = false;
    return self.files.open(file, true, self.limits.nofile);
  }

  /** To write into a file that is made by this. */
  create(self: Process, path: string): number {
    if (!self.files.hasRoom(self.limits.nofile)) return -E.EMFILE;
    const file = createPath(self, path);
    if (typeof file === "number") return file;
    file.readable = false;
    return self.files.open(file, true, self.limits.nofile);
  }

  /** To a mode with which everybody may read, by whoever has made the file. */
  fchmod(self: Process, fd: number): number {
    const file = self.files.get(fd);
    if (file === undefined) return -E.EBADF;
    if (!(file instanceof DiskFile)) return 0;
    if (file.owner !== self.credentials.euid) return -E.EPERM;
    file.isPublic = true;
    return 0;
  }

  fsync(self: Process, fd: number): number {
    const file = self.files.get(fd);
    if (file === undefined) return -E.EBADF;
    return file instanceof DiskFile || file instanceof Directory ? 0 : -E.EINVAL;
  }

  renameat2(self: Process, from: string, to: string): number {
    return renamePath(self, from, to);
  }

  unlinkat(self: Process, path: string): number {
    return removePath(self, path);
  }

  /** Bytes are in `out.bytes`, signals of a signalfd in `out.signals`. */
  read(self: Process, fd: number, max: number): number {
    this.out.signals = [];
    const file = self.files.get(fd);
    return file?.readable === true ? file.read(self, max) : -E.EBADF;
  }

  write(self: Process, fd: number, bytes: Uint8Array): number {
    const file = self.files.get(fd);
    return file?.writable === true ? file.write(self, bytes, PLAIN_WRITE) : -E.EBADF;
  }

  /** pwritev2(2) in one of the ways of core/kernel.ts: with RWF_NOWAIT, RWF_NOSIGNAL too (1), or at the beginning (2). */
  pwritev2(self: Process, fd: number, bytes: Uint8Array, way: number): number {
    const file = self.files.get(fd);
    if (file?.writable !== true) return -E.EBADF;
    if (way === 2)
      return file instanceof PlacedFile || file instanceof DiskFile ? file.put(0, bytes) : -E.ESPIPE;
    if (!file.takesWrites) return -E.EINVAL;
    if (bytes.length === 0) return 0;
    const quiet = way === 1;
    if ((quiet && !this.age.nosignal) || !file.knowsNowait(this)) return -E.EOPNOTSUPP;
    return file.write(self, bytes, { nowait: true, nosignal: quiet });
  }

  /** sendto(2) with MSG_DONTWAIT and MSG_NOSIGNAL, to the sockaddr_un `address` or to the peer. */
  sendto(self: Process, fd: number, bytes: Uint8Array, address: Uint8Array | null = null): number {
    const file = self.files.get(fd);
    if (file === undefined) return -E.EBADF;
    if (file instanceof DatagramFile) return file.send(self, bytes, address);
    return file instanceof SocketFile
      ? file.write(self, bytes, { nowait: true, nosignal: true })
      : -E.ENOTSOCK;
  }

  /** AF_UNIX, SOCK_DGRAM; non-blocking and close-on-exec. */
  socket(self: Process): number {
    return self.files.open(new DatagramFile(this.sockets), true, self.limits.nofile);
  }

  bind(self: Process, fd: number, address: Uint8Array): number {
    return this.#onSocket(self, fd, (file) => file.bind(address));
  }

  connect(self: Process, fd: number, address: Uint8Array): number {
    return this.#onSocket(self, fd, (file) => file.connect(address));
  }

  /** setsockopt(2), SO_PASSCRED. */
  pass_credentials(self: Process, fd: number): number {
    return this.#onSocket(self, fd, (file) => {
      file.passesCredentials = true;
      return 0;
    });
  }

  /** With MSG_TRUNC: answers the whole length; the bytes are in `out.bytes`, who has sent them in `out.sender`. */
  recvmsg(self: Process, fd: number): number {
    return this.#onSocket(self, fd, (file) => {
      const received = file.receive(self);
      if (typeof received === "number") return received;
      this.out.bytes = received.bytes;
      this.out.address = received.address;
      this.out.sender = received.sender;
      return received.bytes.length;
    });
  }

  #onSocket(self: Process, fd: number, call: (file: DatagramFile) => number): number {
    const file = self.files.get(fd);
    if (file === undefined) return -E.EBADF;
    return file instanceof DatagramFile ? call(file) : -E.ENOTSOCK;
  }

  splice(self: Process, from: number, to: number, length: number): number {
    if (length === 0) return 0;
    const [source, target] = [self.files.get(from), self.files.get(to)];
    return source === undefined || target === undefined ? -E.EBADF : splice(self, source, target, length);
  }

  close(self: Process, fd: number): number {
    return self.files.close(fd);
  }

  close_range(self: Process, first: number, last: number): number {
    if (!this.age.closeRange) return -E.ENOSYS;
    if (first > last) return -E.EINVAL;
    self.files.closeRange(first, last);
    return 0;
  }

  fcntl_dupfd(self: Process, fd: number, lowest: number): number {
    const file = self.files.get(fd);
    if (file === undefined) return -E.EBADF;
    if (lowest < 0 || lowest >= self.limits.nofile) return -E.EINVAL;
    return self.files.open(file, true, self.limits.nofile, lowest);
  }

  /** Close-on-exec and non-blocking; the ends are in `out`. */
  pipe2(self: Process): number {
    if (!self.files.hasRoom(self.limits.nofile, 2)) return -E.EMFILE;
    const { reading, writing } = new Pipe();
    reading.nonblock = true;
    writing.nonblock = true;
    this.out.reading = self.files.open(reading, true, self.limits.nofile);
    this.out.writing = self.files.open(writing, true, self.limits.nofile);
    return 0;
  }

  statx(self: Process, fd: number): number {
    return self.files.get(fd)?.type ?? -E.EBADF;
  }

  /** Of a path, or of the descriptor where there is none. */
  statxAt(self: Process, fd: number, path: string | null): About | number {
    return path === null ? (self.files.get(fd) ?? -E.EBADF) : aboutPath(self, path);
  }

  /** The names that fit are in `out.names`. */
  getdents64(self: Process, fd: number, max: number): number {
    const file = self.files.get(fd);
    if (file === undefined) return -E.EBADF;
    if (!(file instanceof Directory)) return -E.ENOTDIR;
    const { names, length } = file.list(max);
    this.out.names = names;
    return length;
  }

  chdir(self: Process, path: string): number {
    const node = lookUp(self, path);
    if (typeof node === "number") return node;
    return node.kind === "directory" ? 0 : node.kind === "denied" ? -E.EACCES : -E.ENOTDIR;
  }

  tcgetpgrp(self: Process, fd: number): number {
    return this.#onTerminal(self, fd, (terminal) => tcgetpgrp(self, terminal));
  }

  tcsetpgrp(self: Process, fd: number, group: number): number {
    return this.#onTerminal(self, fd, (terminal) => tcsetpgrp(self, terminal, group));
  }

  /** ioctl TIOCSCTTY. */
  control(self: Process, fd: number): number {
    return this.#onTerminal(self, fd, (terminal) => control(self, terminal));
  }

  /** ioctl TIOCNOTTY. */
  uncontrol(self: Process, fd: number): number {
    return this.#onTerminal(self, fd, (terminal) => uncontrol(self, terminal));
  }

  #onTerminal(self: Process, fd: number, call: (terminal: TerminalFile["terminal"]) => number): number {
    const file = self.files.get(fd);
    if (file === undefined) return -E.EBADF;
    return file instanceof TerminalFile ? call(file.terminal) : -E.ENOTTY;
  }

  // Privilege and limits

  geteuid(self: Process): number {
    return self.credentials.euid;
  }

  setresuid(self: Process, uid: number, euid: number, suid: number): number {
    return setresuid(self, uid, euid, suid);
  }

  /** The effective capabilities. */
  capget(self: Process): number {
    return self.credentials.effective;
  }

  setgroups(self: Process, groups: readonly number[]): number {
    return setgroups(self, groups);
  }

  setfsgid(self: Process, gid: number): number {
    return setfsgid(self, gid);
  }

  setgid(self: Process, gid: number): number {
    return setgid(self, gid);
  }

  setuid(self: Process, uid: number): number {
    return setuid(self, uid);
  }

  /** The effective, permitted and inheritable ones at once. */
  capset(self: Process, set: number): number {
    return capset(self, set);
  }

  prctl(self: Process, request: number, first: number, second: number): number {
    return prctl(self, request, first, second);
  }

  setrlimit_nproc(self: Process, limit: number): number {
    return setrlimit_nproc(self, limit);
  }

  /** seccomp(2), SECCOMP_SET_MODE_FILTER. */
  seccomp(self: Process, filter: Filter): number {
    const { credentials } = self;
    if (!credentials.noNewPrivs && !credentials.can("CAP_SYS_ADMIN")) return -E.EACCES;
    if (!isValid(filter)) return -E.EINVAL;
    self.filters = [...self.filters, filter];
    return 0;
  }

  set_child_subreaper(self: Process): number {
    self.subreaper = true;
    return 0;
  }

  get_child_subreaper(self: Process): number {
    return self.subreaper ? 1 : 0;
  }

  set_pdeathsig(self: Process, signo: number): number {
    if (signo < 0 || signo > 64) return -E.EINVAL;
    self.parentDeathSignal = signo;
    return 0;
  }

  get_dumpable(self: Process): number {
    return self.dumpable;
  }

  set_dumpable(self: Process, dumpable: number): number {
    if (dumpable !== 0 && dumpable !== 1) return -E.EINVAL;
    self.dumpable = dumpable;
    return 0;
  }

  /** Soft; Infinity for no limit. */
  getrlimit_nproc(self: Process): number {
    return self.limits.nproc;
  }

  prlimit(self: Process, limits: Partial<Process["limits"]>): void {
    self.limits = { ...self.limits, ...limits };
  }
}

export { BLOCKED, E, Process };
