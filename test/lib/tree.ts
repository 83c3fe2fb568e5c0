// A /proc in which nobody comes and goes by himself: what the init reads there, whom it signals, and in which order.

import assert from "node:assert/strict";
import type { Host, Kernel } from "./host.ts";

export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** As ps(1) shows it; undefined: /proc/PID/comm cannot be read. */
  readonly name?: string;
  readonly group?: number;
  /** /proc does not list it, or what is listed is gone when it is looked at. */
  readonly isHidden?: true;
  readonly isGone?: true;
  /** The errno that a pidfd of it is refused with, or a signal to it. */
  readonly noPidfd?: number;
  readonly refuses?: number;
  /** /proc/PID/status, where it is to be another. */
  readonly status?: string;
}

/** A signal that was sent, by what, to whom; with the value that came with it. */
export type Sent = readonly [way: "kill" | "pidfd", pid: number, signal: number, value?: bigint];

const [ENOENT, ESRCH, ECHILD] = [2, 3, 10];
const [FILE, DIRECTORY] = [1, 2];
const HEAD = 19;

/** What getdents64 gives: entries with their names. */
export function entriesOf(names: readonly string[]): Buffer {
  return Buffer.concat(
    names.map((name) => {
      const entry = Buffer.alloc(Math.ceil((HEAD + name.length + 1) / 8) * 8);
      entry.writeUInt16LE(entry.length, 16);
      entry.write(name, HEAD, "latin1");
      return entry;
    }),
  );
}

export class Tree {
  readonly sent: Sent[] = [];
  /** Pidfds and files of /proc that were asked for, in their order. */
  readonly asked: string[] = [];
  /** Descriptors that are open now, and what each is of. */
  readonly open = new Map<number, string>();
  /** Whether wait4 finds anybody. */
  hasChildren = true;
  readonly #processes: ReadonlyMap<number, Process>;
  readonly #others: readonly string[];
  /** The lowest descriptor that is free. */
  readonly #lowest: number;
  readonly #listed = new Map<number, string[][]>();

  /** `others`: what /proc lists besides processes. */
  constructor(processes: readonly Process[], others: readonly string[] = [], lowest = 100) {
    this.#processes = new Map(processes.map((process) => [process.pid, process]));
    this.#others = others;
    this.#lowest = lowest;
  }

  /** The calls about processes; all else is as in `plain`. */
  kernel(plain: Kernel): Kernel {
    return {
      ...plain,
      openat: (host, path = 0, how = 0) => this.#openat(host.text(path), how),
      getdents64: (host, fd = 0, at = 0, max = 0) => this.#list(host, fd, at, max),
      read: (host, fd = 0, at = 0, max = 0) =>
        this.#read(host, fd, at, max) ?? plain.read?.(host, fd, at, max),
      close: (_, fd = 0) => {
        assert.ok(this.open.delete(fd), `${fd} is open`);
        return 0;
      },
      pidfd_open: (_, pid = 0) => {
        this.asked.push(`pidfd ${pid}`);
        const process = this.#processes.get(pid);
        const refusal = process === undefined ? ESRCH : (process.noPidfd ?? 0);
        return refusal > 0 ? -refusal : this.#free(`pidfd ${pid}`);
      },
      pidfd_send_signal: (host, fd = 0, signal = 0, info = 0, group = 0) => {
        const [, pid] = /^pidfd (\d+)$/.exec(this.open.get(fd) ?? "") ?? [];
        if (pid === undefined) return plain.pidfd_send_signal?.(host, fd, signal, info, group);
        assert.equal(group, 0, "to that process alone");
        return this.#send(["pidfd", Number(pid), signal, ...valueAt(host, info, signal)]);
      },
      kill: (_, pid = 0, signal = 0) => this.#send(["kill", pid, signal]),
      close_range: () => 0,
      getpgid: (_, pid = 0) => this.#processes.get(pid)?.group ?? -ESRCH,
      wait4: (host, ...args) => {
        const answer = plain.wait4?.(host, ...args);
        return answer === -ECHILD && this.hasChildren ? 0 : answer;
      },
    };
  }

  #send(sent: Sent): number {
    const [, pid, signal] = sent;
    if (signal !== 0) this.sent.push(sent);
    return -(this.#processes.get(pid)?.refuses ?? 0);
  }

  #openat(path: string, how: number): number {
    this.asked.push(path);
    if (path === "/proc/") {
      assert.equal(how, DIRECTORY);
      const fd = this.#free(path);
      const listed = [...this.#processes.values()].filter(({ isHidden }) => isHidden !== true);
      const names = [...this.#others, ...listed.map(({ pid }) => `${pid}`)];
      // Two pieces, and one that is the end.
      const half = Math.ceil(names.length / 2);
      this.#listed.set(fd, [names.slice(0, half), names.slice(half)]);
      return fd;
    }
    assert.equal(how, FILE);
    return this.#contentOf(path) === undefined ? -ENOENT : this.#free(path);
  }

  #list(host: Host, fd: number, at: number, max: number): number {
    assert.equal(this.open.get(fd), "/proc/");
    const [names = [], ...rest] = this.#listed.get(fd) ?? [];
    this.#listed.set(fd, rest);
    const entries = entriesOf(names);
    assert.ok(entries.length <= max, "there is room");
    return entries.copy(host.bytes(at, max));
  }

  #read(host: Host, fd: number, at: number, max: number): number | undefined {
    const content = this.#contentOf(this.open.get(fd) ?? "");
    return content === undefined ? undefined : Buffer.from(content, "latin1").copy(host.bytes(at, max));
  }

  #contentOf(path: string): string | undefined {
    const [, pid, file] = /^\/proc\/(\d+)\/(status|comm)$/.exec(path) ?? [];
    const process = this.#processes.get(Number(pid));
    if (process === undefined || process.isGone === true) return undefined;
    if (file === "comm") return process.name === undefined ? undefined : `${process.name}\n`;
    return process.status ?? statusOf(process);
  }

  #free(what: string): number {
    let fd = this.#lowest;
    while (this.open.has(fd)) fd++;
    this.open.set(fd, what);
    return fd;
  }
}

function statusOf({ pid, parent, name = "" }: Process): string {
  return `Name:\t${name}\nTgid:\t${pid}\nPid:\t${pid}\nPPid:\t${parent}\nUid:\t0\t0\t0\t0\n`;
}

function valueAt(host: Host, info: number, signal: number): [] | [bigint] {
  if (info === 0) return [];
  assert.equal(host.readI32(info), signal);
  return [host.bytes(info + 48, 8).readBigUInt64LE()];
}
