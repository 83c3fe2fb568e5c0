// A kernel of fixed answers, in which one short life takes its course: the program starts, the init gets a SIGTERM, an
// orphan dies, the program ends. What the core asked for is what a test looks at.

import assert from "node:assert/strict";
import { type Call, type Core, Exited, Host, type Kernel } from "./host.ts";

export interface Life {
  readonly args: readonly (string | Uint8Array)[];
  readonly variables?: readonly (string | Uint8Array)[];
  readonly pid?: number;
  /** The init has the foreground of a terminal. */
  readonly terminal?: boolean;
  /** The wait status that the program ends with. */
  readonly end?: number;
  /** Whether the kernel keeps exit statuses for a pidfd (Linux 6.16). */
  readonly records?: boolean;
  /** What execve answers; undefined: the program is executed. */
  readonly execErrno?: number;
  /** The files of /proc and /sys that the init may read. */
  readonly files?: Readonly<Record<string, string>>;
  /** Calls of the init, and of its child, that are answered in another way; those of the init may ask the plain ones. */
  readonly kernel?: Kernel | ((plain: Kernel) => Kernel);
  readonly childKernel?: Kernel;
}

/** What a life came to. */
export interface Seen {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
  readonly childErrors: string;
  /** What the child ended with; 0 where it became the program. */
  readonly childStatus: number;
  /** Every system call of the init, by name, with its arguments. */
  readonly calls: readonly (readonly [name: string, ...args: number[]])[];
  /** The same of the child. */
  readonly childCalls: Seen["calls"];
  /** The paths that the child tried, and from which argument on. */
  readonly executed: readonly { path: string; argument: number }[];
}

export const PROGRAM = 42;
export const ORPHAN = 99;
const [PIPE_READ, PIPE_WRITE] = [3, 4];
const PIDFD = 10;
const SIGNALFD = 11;
const [SIGTERM, SIGCHLD] = [15, 17];
const [ENOENT, ESRCH, ECHILD, EAGAIN, EINVAL, ENOTTY] = [2, 3, 10, 11, 22, 25];
const FIRST_FILE = 100;
/** A whole file of /proc, and a number. */
const FILE_BYTES = [2048, 32];
/** A piece of a file that is read to its end. */
const PIECE = 4096;
const [POLLIN, POLLOUT, POLLHUP] = [1, 4, 16];
const REGULAR_FILE = 0x8000;
const ALL_CAPABILITIES = (1n << 41n) - 1n;

export function play(core: Core, life: Life): Seen {
  const world = new World(life);
  const host = new Host(core, { args: life.args, variables: life.variables ?? [], kernel: world.kernel() });
  const status = host.run("main");
  return {
    status,
    output: host.written(1),
    errors: host.written(2),
    childErrors: world.childErrors,
    childStatus: world.childStatus,
    calls: world.calls,
    childCalls: world.childCalls,
    executed: world.executed,
  };
}

class World {
  readonly calls: [string, ...number[]][] = [];
  readonly childCalls: [string, ...number[]][] = [];
  readonly executed: { path: string; argument: number }[] = [];
  childErrors = "";
  childStatus = 0;
  readonly #life: Life;
  readonly #positions = new Map<number, number>();
  /** Signals that wait in the signalfd. */
  readonly #signals: number[] = [];
  /** Processes that died and wait to be reaped. */
  readonly #dead: number[] = [];
  #programEnded = false;
  /** What the child wrote into the pipe that tells why it could not be executed. */
  #told: number | undefined;

  constructor(life: Life) {
    this.#life = life;
  }

  kernel(): Kernel {
    const plain = this.#plainKernel();
    const { kernel = {} } = this.#life;
    return record(this.calls, { ...plain, ...(typeof kernel === "function" ? kernel(plain) : kernel) });
  }

  #plainKernel(): Kernel {
    return {
      ...this.#identity(),
      clone: (host, pidfd = 0) => this.#clone(host, pidfd),
      wait4: (host, _pid, at = 0) => this.#wait(host, at),
      ppoll: (host, at = 0, count = 0) => this.#poll(host, at, count),
      read: (host, fd = 0, at = 0, max = 0) => this.#read(host, fd, at, max),
      kill: () => -ESRCH,
      pidfd_send_signal: (_, _fd, signal = 0) => (signal > 64 ? -EINVAL : -ESRCH),
      pidfd_open: () => PIDFD + 2,
      pidfd_get_info: (host, _fd, at = 0) => this.#info(host, at),
      signalfd4: () => SIGNALFD,
      pipe2: (host, at = 0) => {
        host.writeI32(at, PIPE_READ);
        host.writeI32(at + 4, PIPE_WRITE);
        return 0;
      },
      openat: (host, path = 0, how = 0) => {
        const index = Object.keys(this.#files).indexOf(host.text(path));
        return index < 0 || how === 2 ? -ENOENT : FIRST_FILE + index;
      },
    };
  }

  get #files(): Readonly<Record<string, string>> {
    return this.#life.files ?? {};
  }

  #identity(): Kernel {
    const answers: Record<string, number | bigint> = {
      getpid: this.#life.pid ?? 1,
      getppid: 0,
      getpgid: 5,
      tcgetpgrp: this.#life.terminal === true ? 5 : -ENOTTY,
      tcsetpgrp: 0,
      control_terminal: this.#life.terminal === true ? 0 : -ENOTTY,
      getsid: this.#life.pid ?? 1,
      setsid: PROGRAM,
      setpgid: 0,
      rt_sigaction: 0,
      rt_sigprocmask: 0,
      set_child_subreaper: 0,
      get_child_subreaper: 0,
      set_pdeathsig: 0,
      close: 0,
      close_range: 0,
      chdir: 0,
      release: 0,
      statx: REGULAR_FILE,
      socket: 12,
      bind: 0,
      connect: 0,
      pass_credentials: 0,
      getrandom: 16,
      recvmsg: -EAGAIN,
      setgroups: 0,
      setfsgid: 0,
      setgid: 0,
      setuid: 0,
      capset: 0,
      prctl: 0,
      setrlimit_nproc: 0,
      seccomp: 0,
      set_dumpable: 0,
      capget: ALL_CAPABILITIES,
      clock_gettime: 5000n,
    };
    return Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, () => answer]));
  }

  /** The child is played at once; then the init's life begins with a SIGTERM. */
  #clone(host: Host, pidfd: number): number {
    const child = host.fork(this.#childKernel());
    this.childStatus = child.run("child");
    this.childErrors = child.written(2);
    if (pidfd !== 0) host.writeI32(pidfd, PIDFD);
    this.#signals.push(SIGTERM);
    return PROGRAM;
  }

  #childKernel(): Kernel {
    return record(this.childCalls, {
      ...this.#identity(),
      getpid: () => PROGRAM,
      getppid: () => this.#life.pid ?? 1,
      ppoll: (host, at = 0) => ready(host, at, POLLOUT),
      execve: (host, path = 0, argument = 0) => {
        this.executed.push({ path: host.text(path), argument });
        if (this.#life.execErrno === undefined) throw new Exited(0);
        return -this.#life.execErrno;
      },
      write: (host, fd = 0, at = 0, length = 0) => {
        if (fd === PIPE_WRITE && length === 4) this.#told = host.readI32(at);
        return host.capture(fd, at, length);
      },
      ...this.#life.childKernel,
    });
  }

  /** After the SIGTERM an orphan and the program die. */
  #read(host: Host, fd: number, at: number, max: number): number {
    if (fd >= FIRST_FILE && max === PIECE) return this.#readPiece(host, fd, at);
    if (fd >= FIRST_FILE) {
      assert.ok(FILE_BYTES.includes(max), `${max} bytes are asked for`);
      const content = Object.values(this.#files)[fd - FIRST_FILE] ?? "";
      return Buffer.from(content, "latin1").copy(host.bytes(at, max));
    }
    if (fd === PIPE_READ) return this.#readPipe(host, at);
    const signal = fd === SIGNALFD ? this.#signals.shift() : undefined;
    if (signal === undefined) return -11;
    host.bytes(at, 128).fill(0);
    host.writeI32(at, signal);
    if (signal === SIGTERM) {
      this.#dead.push(ORPHAN, PROGRAM);
      this.#signals.push(SIGCHLD);
      this.#programEnded = true;
    }
    return 128;
  }

  #readPiece(host: Host, fd: number, at: number): number {
    const content = Object.values(this.#files)[fd - FIRST_FILE] ?? "";
    const from = this.#positions.get(fd) ?? 0;
    const length = Buffer.from(content.slice(from), "latin1").copy(host.bytes(at, PIECE));
    this.#positions.set(fd, from + length);
    return length;
  }

  #readPipe(host: Host, at: number): number {
    if (this.#told === undefined) return 0;
    host.writeI32(at, this.#told);
    return 4;
  }

  #wait(host: Host, at: number): number {
    const pid = this.#dead.shift();
    if (pid === undefined) return this.#programEnded ? -ECHILD : 0;
    host.writeI32(at, pid === PROGRAM ? (this.#life.end ?? 0) : 0);
    return pid;
  }

  /** Of the loop's four the first is the signalfd and the second the pidfd; a single one is a stream of the log. */
  #poll(host: Host, at: number, count: number): number {
    if (count === 1) return ready(host, at, POLLOUT);
    if (this.#signals.length > 0) return ready(host, at, POLLIN);
    if (this.#programEnded && host.readI32(at + 8) >= 0) return ready(host, at + 8, POLLHUP);
    return 0;
  }

  #info(host: Host, at: number): number {
    if (this.#life.records === false) return -ENOTTY;
    host.bytes(at, 8).writeBigUInt64LE(this.#programEnded ? 56n : 48n);
    host.writeI32(at + 60, this.#programEnded ? (this.#life.end ?? 0) : 0);
    return 0;
  }
}

/** Of those that are polled, the one at this address has something to tell. */
function ready(host: Host, at: number, events: number): number {
  host.bytes(at + 6, 2).writeInt16LE(events);
  return 1;
}

function record(calls: [string, ...number[]][], kernel: Kernel): Kernel {
  return Object.fromEntries(
    Object.entries(kernel).map(([name, call]) => {
      const recorded: Call = (host, ...args) => {
        calls.push([name, ...args]);
        return call(host, ...args);
      };
      return [name, recorded];
    }),
  );
}
