// Files that are open: the table of descriptors of a process, and what each kind of file does when it is read, written
// and polled. Pipes and sockets have a file of their own.

import { BLOCKED, E } from "./errnos.ts";
import type { Pid } from "./pids.ts";
import type { Process } from "./processes.ts";
import { dequeue, isPending, SIGTTIN, type SignalInfo, type SignalSet } from "./signals.ts";
import { mayChange, type Terminal } from "./terminal.ts";
import type { World } from "./world.ts";

export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 16;
export const POLLNVAL = 32;

/** S_IFMT of inode(7); files without an inode of their own have none. */
export const FileType = {
  None: 0,
  Pipe: 0x1000,
  Character: 0x2000,
  Directory: 0x4000,
  Regular: 0x8000,
  Socket: 0xc000,
} as const;

/** In which way a write must not behave as write(2) does: RWF_NOWAIT, RWF_NOSIGNAL. */
export interface WriteFlags {
  readonly nowait: boolean;
  readonly nosignal: boolean;
}

/** What statx(2) tells of a file. */
export interface About {
  readonly type: number;
  readonly names: number;
  readonly owner: number;
  readonly inode: number;
  readonly size: number;
}

/** An open file description, which descriptors of several processes may share. */
export abstract class File {
  /** Descriptors that lead here. */
  users = 0;
  nonblock = false;
  readable = true;
  writable = true;
  /** Files of the kernel's own making have no write at all. */
  readonly takesWrites: boolean = true;
  abstract readonly type: number;
  names = 1;
  /** Its uid. */
  owner = 0;
  /** Files that nobody compares have none of their own. */
  inode = 0;

  get size(): number {
    return 0;
  }

  /** What poll(2) finds; ready for everything unless somebody says otherwise, as most files are. */
  poll(_self: Process): number {
    return POLLIN | POLLOUT;
  }

  /** read(2): bytes in `world.out.bytes`, or signals in `world.out.signals`. */
  read(_self: Process, _max: number): number {
    return -E.EINVAL;
  }

  write(_self: Process, _bytes: Uint8Array, _flags: WriteFlags): number {
    return -E.EINVAL;
  }

  /** Whether pwritev2 takes RWF_NOWAIT (FMODE_NOWAIT). */
  knowsNowait(_world: World): boolean {
    return false;
  }

  /** The last descriptor is closed. */
  release(): void {}
}

/** Hands out up to `max` bytes from `at` on. */
export function handOut(world: World, bytes: Uint8Array, at: number, max: number): number {
  world.out.bytes = bytes.subarray(at, at + max);
  return world.out.bytes.length;
}

/** A file on a disk. What is written is kept in pieces. */
export class DiskFile extends File {
  readonly type = FileType.Regular;
  readonly #content: Uint8Array;
  #at = 0;
  readonly written: Uint8Array[] = [];
  /** The uid of whoever has made it. */
  /** Others than who has it open may read it. */
  isPublic = true;
  /** The disk has room for so many bytes. */
  room = Number.POSITIVE_INFINITY;
  /** Not every file system knows RWF_NOWAIT. */
  nowait = true;

  constructor(content = "", owner = 0) {
    super();
    this.#content = Buffer.from(content, "latin1");
    this.owner = owner;
  }

  override read(self: Process, max: number): number {
    const count = handOut(self.world, this.#content, this.#at, max);
    this.#at += count;
    return count;
  }

  override get size(): number {
    return this.#content.length + this.written.reduce((sum, { length }) => sum + length, 0);
  }

  override write(_self: Process, bytes: Uint8Array): number {
    if (bytes.length > 0 && this.room === 0) return -E.ENOSPC;
    const taken = bytes.slice(0, this.room);
    this.room -= taken.length;
    this.written.push(taken);
    return taken.length;
  }

  /** The same content for whoever reads it from the beginning. */
  copy(): DiskFile {
    const all = [this.#content, ...this.written];
    const copy = new DiskFile(Buffer.concat(all).toString("latin1"), this.owner);
    copy.inode = this.inode;
    return copy;
  }

  /** Writes over what is there, from a place on that lies in it or at its end. */
  put(at: number, bytes: Uint8Array): number {
    const all = Buffer.concat(this.written);
    const taken = bytes.subarray(0, all.length - at + this.room);
    if (bytes.length > 0 && taken.length === 0) return -E.ENOSPC;
    this.room -= Math.max(0, at + taken.length - all.length);
    const rest = all.subarray(at + taken.length);
    this.written.splice(0, this.written.length, Buffer.concat([all.subarray(0, at), taken, rest]));
    return taken.length;
  }

  override knowsNowait(): boolean {
    return this.nowait;
  }
}

/** A file on a disk as whoever writes to it from its beginning has it open. */
export class PlacedFile extends File {
  readonly type = FileType.Regular;
  override readable = false;
  readonly #disk: DiskFile;
  #at = 0;

  constructor(disk: DiskFile) {
    super();
    this.#disk = disk;
    this.names = disk.names;
    this.owner = disk.owner;
    this.inode = disk.inode;
  }

  override get size(): number {
    return this.#disk.size;
  }

  /** Wherever it has come to. */
  put(at: number, bytes: Uint8Array): number {
    return this.#disk.put(at, bytes);
  }

  override write(_self: Process, bytes: Uint8Array): number {
    const taken = this.#disk.put(this.#at, bytes);
    this.#at += Math.max(0, taken);
    return taken;
  }

  override knowsNowait(): boolean {
    return this.#disk.nowait;
  }
}

/** /dev/null. */
export class NullFile extends File {
  readonly type = FileType.Character;

  override read(self: Process): number {
    return handOut(self.world, new Uint8Array(0), 0, 0);
  }

  override write(_self: Process, bytes: Uint8Array): number {
    return bytes.length;
  }

  override knowsNowait(): boolean {
    return true;
  }
}

/** What is to be read and stays as it is: a file of /proc as it was when it was read first. */
export class TextFile extends File {
  readonly type = FileType.Regular;
  override writable = false;
  readonly #make: () => string | null;
  #bytes: Uint8Array | null = null;
  #at = 0;

  /** `make` answers null where the process that it is about is gone. */
  constructor(make: () => string | null) {
    super();
    this.#make = make;
  }

  override read(self: Process, max: number): number {
    if (this.#bytes === null) {
      const text = this.#make();
      if (text === null) return -E.ESRCH;
      this.#bytes = Buffer.from(text, "latin1");
    }
    const count = handOut(self.world, this.#bytes, this.#at, max);
    this.#at += count;
    return count;
  }
}

/** A folder. It is listed in parts, and each part tells what is there at that moment, behind what was told. */
export class Directory extends File {
  readonly type = FileType.Directory;
  override writable = false;
  readonly #numbers: () => readonly number[] | null;
  #told = 0;

  /** `numbers`: its names, of which all are numbers; null where it is gone. */
  constructor(numbers: () => readonly number[] | null) {
    super();
    this.#numbers = numbers;
  }

  override read(): number {
    return -E.EISDIR;
  }

  /** The names that fit into so many bytes, and how many they take; -EINVAL where not even one fits. */
  list(max: number): { names: string[]; length: number } {
    const names: string[] = [];
    const numbers = this.#numbers();
    if (numbers === null) return { names, length: -E.ENOENT };
    const rest = numbers.filter((number) => number + 2 >= this.#told).map(String);
    const left = [...[".", ".."].slice(this.#told), ...rest];
    let length = 0;
    for (const name of left) {
      if (length + direntSize(name) > max) break;
      names.push(name);
      length += direntSize(name);
      this.#told = name === "." ? 1 : name === ".." ? 2 : Number(name) + 3;
    }
    // Who has come to the end is behind the whole table: a descriptor that is opened later is not told.
    if (names.length === left.length) this.#told = Number.POSITIVE_INFINITY;
    return { names, length: length === 0 && left.length > 0 ? -E.EINVAL : length };
  }
}

/** The size of a struct linux_dirent64: 19 bytes, the name and a NUL, rounded up to 8. */
export function direntSize(name: string): number {
  return (19 + name.length + 1 + 7) & ~7;
}

export class SignalFile extends File {
  readonly type = FileType.None;
  override readonly takesWrites = false;
  override nonblock = true;
  /** The others, which it leaves alone. */
  blocked: SignalSet;

  constructor(mask: SignalSet) {
    super();
    this.blocked = mask.blockable.others;
  }

  override poll(self: Process): number {
    return isPending(self, this.blocked) ? POLLIN : 0;
  }

  /** signalfd_read_iter: as many as there are and fit, of 128 bytes each. */
  override read(self: Process, max: number): number {
    const room = Math.floor(max / SIGNAL_BYTES);
    if (room === 0) return -E.EINVAL;
    const signals: SignalInfo[] = [];
    while (signals.length < room) {
      const info = dequeue(self, this.blocked);
      if (info === null) break;
      signals.push(info);
    }
    self.world.out.signals = signals;
    if (signals.length > 0) return signals.length * SIGNAL_BYTES;
    return this.nonblock ? -E.EAGAIN : BLOCKED;
  }
}

const SIGNAL_BYTES = 128;

export class PidFile extends File {
  readonly type = FileType.None;
  override readonly takesWrites = false;
  readonly pid: Pid;

  constructor(pid: Pid) {
    super();
    this.pid = pid;
  }

  /** pidfd_poll: readable when it has ended; hung up, since Linux 6.9, when it is gone. */
  override poll(self: Process): number {
    const { process } = this.pid;
    if (process === null) return POLLIN | (self.world.age.pidfdHangUp ? POLLHUP : 0);
    return process.ended ? POLLIN : 0;
  }
}

export class TerminalFile extends File {
  readonly type = FileType.Character;
  readonly terminal: Terminal;

  constructor(terminal: Terminal) {
    super();
    this.terminal = terminal;
  }

  override poll(): number {
    const { hungUp, stalled, typed } = this.terminal;
    if (hungUp) return POLLIN | POLLOUT | POLLERR | POLLHUP;
    return (typed.length > 0 ? POLLIN : 0) | (stalled ? 0 : POLLOUT);
  }

  /** n_tty_read: who is in the background is stopped, also where nothing is asked for. */
  override read(self: Process, max: number): number {
    const { terminal } = this;
    if (terminal.hungUp) return handOut(self.world, terminal.typed, 0, 0);
    const refusal = mayChange(self, terminal, SIGTTIN);
    if (refusal !== 0) return refusal;
    if (max > 0 && terminal.typed.length === 0) return this.nonblock ? -E.EAGAIN : BLOCKED;
    const count = handOut(self.world, terminal.typed, 0, max);
    terminal.typed = terminal.typed.subarray(count);
    return count;
  }

  /** The background may write, since TOSTOP is not set. */
  override write(_self: Process, bytes: Uint8Array): number {
    if (this.terminal.hungUp) return -E.EIO;
    if (this.terminal.stalled) return this.nonblock ? -E.EAGAIN : BLOCKED;
    this.terminal.written.push(bytes.slice());
    return bytes.length;
  }
}

export interface Descriptor {
  readonly file: File;
  readonly closeOnExec: boolean;
}

/** The descriptors of a process. */
export class FileTable {
  readonly #descriptors: (Descriptor | undefined)[] = [];

  get(fd: number): File | undefined {
    return this.#descriptors[fd]?.file;
  }

  /** The numbers that are in use, in order. */
  get numbers(): number[] {
    return this.#descriptors.flatMap((descriptor, fd) => (descriptor === undefined ? [] : [fd]));
  }

  /** The lowest free descriptor from `lowest` on, or -EMFILE. */
  open(file: File, closeOnExec: boolean, limit: number, lowest = 0): number {
    let fd = lowest;
    while (this.#descriptors[fd] !== undefined) fd++;
    if (fd >= limit) return -E.EMFILE;
    this.place(fd, file, closeOnExec);
    return fd;
  }

  /** Puts a file at a number that is free. */
  place(fd: number, file: File, closeOnExec = false): void {
    file.users++;
    while (this.#descriptors.length < fd) this.#descriptors.push(undefined);
    this.#descriptors[fd] = { file, closeOnExec };
  }

  /** Whether `count` more fit. */
  hasRoom(limit: number, count = 1): boolean {
    let free = 0;
    for (let fd = 0; fd < limit; fd++)
      if (this.#descriptors[fd] === undefined && ++free === count) return true;
    return false;
  }

  close(fd: number): number {
    const descriptor = this.#descriptors[fd];
    if (descriptor === undefined) return -E.EBADF;
    this.#descriptors[fd] = undefined;
    if (--descriptor.file.users === 0) descriptor.file.release();
    return 0;
  }

  closeRange(first: number, last: number): void {
    for (let fd = first; fd <= last && fd < this.#descriptors.length; fd++) this.close(fd);
  }

  closeAll(_self: Process): void {
    this.closeRange(0, Number.POSITIVE_INFINITY);
  }

  closeOnExec(_self: Process): void {
    for (const [fd, descriptor] of this.#descriptors.entries()) if (descriptor?.closeOnExec) this.close(fd);
  }

  copy(): FileTable {
    const table = new FileTable();
    for (const descriptor of this.#descriptors) {
      table.#descriptors.push(descriptor);
      if (descriptor !== undefined) descriptor.file.users++;
    }
    return table;
  }
}
