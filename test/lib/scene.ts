// A life that goes on from what an earlier one left behind: the core is entered where native starts it again, with the
// survivors that a test wants, and then one thing happens each time that it waits.

import assert from "node:assert/strict";
import { type Call, type Core, Host, type Kernel } from "./host.ts";

export const PROGRAM = 42;
export const PIDFD = 10;
export const SIGNALFD = 11;
const RUNNING = -1;
export const UNKNOWN = -2;
const [ECHILD, EAGAIN] = [10, 11];
const STRANGER = 7;
const [POLLIN, POLLOUT, POLLHUP] = [1, 4, 16];
const WAITS_MAX = 1000;
export const NOW = 1_000_000;
const MONOTONIC = 1;
/** Time of day is nothing to count by. */
const REAL_NOW = 1_800_000_000_000;

/** The fields of core/state.ts, Survivors, in their order; the three wide ones lie at multiples of eight. */
export interface Survivors {
  readonly phase?: number;
  readonly signalfd?: number;
  readonly status?: number;
  readonly reaping?: number;
  readonly handSignal?: number;
  readonly handTraps?: number;
  readonly handCode?: number;
  readonly handValue?: bigint;
  readonly heldSignal?: number;
  readonly traps?: number;
  readonly windowMs?: number;
  /** CAP_KILL was left to it. */
  readonly mayKill?: boolean;
  readonly windowTraps?: number;
  readonly foreground?: number;
  readonly lent?: number;
  readonly pidfd?: number;
  readonly execPipe?: number;
  /** When the first stop came, how far the end is, and until when that step takes. */
  readonly stopMs?: number;
  readonly step?: number;
  readonly endMs?: number;
  /** The stop that --pre-stop keeps back. */
  readonly delayedSignal?: number;
  readonly delayedValue?: bigint;
  /** Whether the sandbox is there. */
  readonly isConfined?: boolean;
  /** --status-file is open there. */
  readonly statusFd?: number;
  /** The guard has stopped all, and looks from so many processes on. */
  readonly frozen?: boolean;
  readonly guardFrom?: number;
  /** The program's time was over when it was killed. */
  readonly isOverdue?: boolean;
}

function bytesOf(the: Survivors): Buffer {
  const bytes = Buffer.alloc(256);
  const words = [
    0,
    the.phase ?? 2,
    PROGRAM,
    the.pidfd ?? PIDFD,
    the.signalfd ?? SIGNALFD,
    the.execPipe ?? -1,
    the.status ?? RUNNING,
  ];
  words.push(
    the.reaping ?? 0,
    the.foreground ?? 0,
    the.lent ?? 0,
    the.handSignal ?? 0,
    the.handTraps ?? 0,
    the.handCode ?? 0,
    5,
    6,
  );
  for (const [index, word] of words.entries()) bytes.writeInt32LE(word, 4 * index);
  bytes.writeInt32LE(the.statusFd ?? 0, 60);
  bytes.writeBigUInt64LE(the.handValue ?? 0n, 64);
  bytes.writeInt32LE(the.heldSignal ?? 0, 72);
  bytes.writeInt32LE(the.traps ?? 0, 84);
  bytes.writeBigInt64LE(BigInt(the.windowMs ?? 0), 96);
  bytes.writeInt32LE(the.windowTraps ?? 0, 104);
  bytes.writeBigInt64LE(BigInt(the.stopMs ?? 0), 112);
  bytes.writeBigInt64LE(BigInt(the.endMs ?? 0), 120);
  bytes.writeInt32LE(the.step ?? 0, 128);
  bytes.writeInt32LE(the.delayedSignal ?? 0, 132);
  bytes.writeBigUInt64LE(the.delayedValue ?? 0n, 152);
  bytes.writeInt32LE(the.isConfined === false ? 0 : 1, 160);
  bytes.writeInt32LE(the.mayKill === true ? 1 : 0, 164);
  bytes.writeInt8(the.frozen === true ? 1 : 0, 167);
  bytes.writeInt8(the.isOverdue === true ? 1 : 0, 169);
  bytes.writeInt32LE(the.guardFrom ?? 0, 172);
  return bytes;
}

/** How many descriptors the loop waits for. */
export const PLACES = 6;

/** What happens to the init, one thing each time that it waits. */
export type Event =
  | "nothing"
  | {
      readonly signal: number;
      readonly own?: true;
      readonly code?: number;
      readonly value?: bigint;
      readonly uid?: number;
      /** Its sender; STRANGER where nothing is said. */
      readonly pid?: number;
      /** So many milliseconds later; at once where nothing is said. */
      readonly after?: number;
    }
  | { readonly dies: number; readonly status: number; readonly after?: number };

export interface Restarted {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
  readonly sent: readonly (readonly [string, ...number[]])[];
  readonly waits: readonly number[];
  readonly kept: Buffer;
  /** Every call that the scene or the test answers, with its arguments. */
  readonly calls: readonly (readonly [string, ...number[]])[];
}

/** What the loop polls for: the signalfd, the pidfd, and room on the two streams of the log. */
const POLLED = [POLLIN, 0, POLLOUT, POLLOUT, POLLOUT, POLLIN];

class Scene {
  readonly sent: [string, ...number[]][] = [];
  readonly waits: number[] = [];
  kept: Buffer;
  readonly #events: Event[];
  readonly #dead: { pid: number; status: number }[] = [];
  #signal: number | undefined;
  #isOwn = false;
  #code = 0;
  #value = 0n;
  #uid = 0;
  #pid = STRANGER;
  #now = NOW;
  #ended: number | undefined;

  constructor(the: Survivors, events: readonly Event[], dead: readonly number[]) {
    this.kept = bytesOf(the);
    this.#events = [...events];
    this.#dead.push(...dead.map((pid) => ({ pid, status: 0 })));
  }

  kernel(): Kernel {
    const note =
      (name: string, answer: number) =>
      (_: Host, ...args: number[]): number => {
        this.sent.push([name, ...args]);
        return answer;
      };
    return {
      getpid: () => 1,
      getpgid: () => 1,
      clock_gettime: (_, clock) => (clock === MONOTONIC ? this.#now : REAL_NOW),
      statx: () => 0x8000,
      recall: (host, at = 0) => {
        host.all().set(this.kept, at);
        return undefined;
      },
      keep: (host, at = 0) => {
        this.kept = Buffer.from(host.bytes(at, 256));
        return undefined;
      },
      kill: note("kill", 0),
      rt_sigqueueinfo: note("rt_sigqueueinfo", 0),
      pidfd_send_signal: note("pidfd_send_signal", 0),
      wait4: (host, _pid, at = 0) => this.#wait(host, at),
      ppoll: (host, at = 0, count = 0, ms = 0) => this.#poll(host, at, count, ms),
      read: (host, fd = 0, at = 0, max = 0) => this.#read(host, fd, at, max),
      rt_sigtimedwait: (host, _mask, at = 0, ms = 0) => {
        this.#happen(ms);
        return this.#take(host, at) ?? -EAGAIN;
      },
      pidfd_get_info: (host, _fd, at = 0) => {
        const mask = this.#ended === undefined ? 0n : 8n;
        host.bytes(at, 8).writeBigUInt64LE(mask);
        host.writeI32(at + 60, this.#ended ?? 99);
        return 0;
      },
    };
  }

  #happen(ms: number): void {
    this.waits.push(ms);
    if (this.waits.length > WAITS_MAX) throw new Error("it does not end");
    const event = this.#events.shift();
    this.#now += event === "nothing" ? ms : (event?.after ?? 0);
    if (event === undefined) {
      if (ms < 0) throw new Error("it waits for ever");
    } else if (event === "nothing") return;
    else if ("signal" in event) {
      this.#signal = event.signal;
      this.#isOwn = event.own === true;
      this.#code = event.code ?? 0;
      this.#value = event.value ?? 0n;
      this.#uid = event.uid ?? 0;
      this.#pid = event.pid ?? STRANGER;
    } else {
      const isReaped = event.dies === PROGRAM && this.kept.readInt32LE(28) !== 0;
      if (!isReaped) this.#dead.push({ pid: event.dies, status: event.status });
      if (event.dies === PROGRAM) this.#ended = event.status;
      else this.#signal = 17;
    }
  }

  #wait(host: Host, at: number): number {
    const next = this.#dead.shift();
    if (next === undefined) return this.#ended === undefined ? 0 : -ECHILD;
    host.writeI32(at, next.status);
    return next.pid;
  }

  #poll(host: Host, at: number, count: number, ms: number): number {
    if (count === 1 && host.readI32(at) === PIDFD) {
      assert.deepEqual([host.readI32(at + 4), ms], [0, 0]);
      host.bytes(at + 6, 2).writeInt16LE(this.#ended === undefined ? 0 : POLLHUP);
      return this.#ended === undefined ? 0 : 1;
    }
    if (count === 1) {
      host.bytes(at + 6, 2).writeInt16LE(POLLOUT);
      return 1;
    }
    // The last resort has no log, and leaves it to the kernel to clear what was found before.
    const wide = count === PLACES ? -1 : 0xffff;
    const events = POLLED.map((_, place) => host.readI32(at + 8 * place + 4) & wide);
    assert.deepEqual(
      events.slice(0, count),
      POLLED.slice(0, count),
      "nothing else, and nothing left of before",
    );
    this.#happen(ms);
    if (count === 2) assert.equal(host.readI32(at + 8), this.kept.readInt32LE(28) === 0 ? -1 : PIDFD);
    const fds = [host.readI32(at), host.readI32(at + 8)];
    const found = [
      this.#signal === undefined || fds[0] !== SIGNALFD ? 0 : POLLIN,
      this.#ended === undefined || fds[1] !== PIDFD ? 0 : POLLHUP,
    ];
    for (const [place, events] of found.entries()) host.bytes(at + 8 * place + 6, 2).writeInt16LE(events);
    return found.filter((events) => events !== 0).length;
  }

  #read(host: Host, fd: number, at: number, max: number): number {
    if (fd !== SIGNALFD) return -EAGAIN;
    assert.equal(max, 128);
    return this.#take(host, at) === undefined ? -EAGAIN : 128;
  }

  #take(host: Host, at: number): number | undefined {
    const signal = this.#signal;
    if (signal === undefined) return undefined;
    this.#signal = undefined;
    host.bytes(at, 256).fill(0);
    host.writeI32(at, signal);
    host.writeI32(at + 8, this.#code);
    host.writeI32(at + 16, this.#uid);
    host.bytes(at + 48, 8).writeBigUInt64LE(this.#value);
    host.writeI32(at + 12, this.#isOwn ? 1 : this.#pid);
    return signal;
  }
}

export interface Restart {
  readonly survivors: Survivors;
  readonly events?: readonly Event[];
  /** What is dead already. */
  readonly dead?: readonly number[];
  readonly args?: readonly string[];
  readonly trap?: number;
  readonly kernel?: Kernel | ((plain: Kernel) => Kernel);
  /** Told of each call before it is answered, with what a restart would find. */
  readonly watch?: (name: string, args: readonly number[], kept: Buffer) => void;
}

export function restart(
  core: Core,
  {
    survivors,
    events = [],
    dead = [],
    args = ["steady", "/x"],
    trap = 2,
    kernel = {},
    watch = () => {},
  }: Restart,
): Restarted {
  const scene = new Scene(survivors, events, dead);
  const plain = scene.kernel();
  const more = typeof kernel === "function" ? kernel(plain) : kernel;
  const calls: [string, ...number[]][] = [];
  const told = Object.entries({ ...plain, ...more }).map(([name, call]): [string, Call] => [
    name,
    (host, ...args) => {
      calls.push([name, ...args]);
      watch(name, args, scene.kept);
      return call(host, ...args);
    },
  ]);
  const host = new Host(core, { args, kernel: Object.fromEntries(told) });
  const status = host.run("resume", trap);
  return {
    status,
    output: host.written(1),
    errors: host.written(2),
    sent: scene.sent,
    waits: scene.waits,
    kept: scene.kept,
    calls,
  };
}

export const DIES = (status: number): Event => ({ dies: PROGRAM, status });
