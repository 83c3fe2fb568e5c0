// Pipes, which fill up and lose their readers, and sockets. After fs/pipe.c and fs/splice.c.

import { BLOCKED, E } from "./errnos.ts";
import { File, FileType, handOut, POLLERR, POLLHUP, POLLIN, POLLOUT, type WriteFlags } from "./files.ts";
import type { Process } from "./processes.ts";
import { SIGPIPE, sendInTheNameOf } from "./signals.ts";
import type { World } from "./world.ts";

const PAGE = 4096;
/** PIPE_DEF_BUFFERS. */
const SLOTS = 16;

/** What one slot of a pipe holds. */
interface Piece {
  bytes: Uint8Array;
  /** Where the bytes end in their page, behind which more may be put. */
  end: number;
  readonly mayGrow: boolean;
}

/** So many slots of a page each; a small write takes a slot of its own unless the last one has room for all of it. */
export class Pipe {
  readonly pieces: Piece[] = [];
  readonly slots: number;
  readonly reading: PipeEnd;
  readonly writing: PipeEnd;
  /** A FIFO of a file system, which knows no RWF_NOWAIT. */
  readonly named: boolean;
  readers = 1;
  writers = 1;

  constructor(slots = SLOTS, named = false) {
    this.slots = slots;
    this.named = named;
    this.reading = new PipeEnd(this, "read");
    this.writing = new PipeEnd(this, "write");
  }

  get isFull(): boolean {
    return this.pieces.length >= this.slots;
  }

  /** Everything that it holds, taken out. */
  drain(): Uint8Array[] {
    return this.pieces.splice(0).map(({ bytes }) => bytes);
  }

  /** Takes as much as there is room for: a remainder joins the last page, the rest gets pages of its own. */
  put(bytes: Uint8Array): number {
    let at = this.#join(bytes.subarray(0, bytes.length % PAGE));
    while (at < bytes.length && !this.isFull) {
      const part = bytes.slice(at, at + PAGE);
      this.pieces.push({ bytes: part, end: part.length, mayGrow: true });
      at += part.length;
    }
    return at;
  }

  #join(part: Uint8Array): number {
    const last = this.pieces.at(-1);
    if (last === undefined || !last.mayGrow || last.end + part.length > PAGE) return 0;
    last.bytes = Buffer.concat([last.bytes, part]);
    last.end += part.length;
    return part.length;
  }

  take(max: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let left = max; left > 0 && this.pieces.length > 0; ) {
      const first = this.pieces[0] as Piece;
      const part = first.bytes.subarray(0, left);
      first.bytes = first.bytes.subarray(part.length);
      if (first.bytes.length === 0) this.pieces.shift();
      parts.push(part);
      left -= part.length;
    }
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  }
}

class PipeEnd extends File {
  readonly type = FileType.Pipe;
  readonly pipe: Pipe;
  override readable: boolean;
  /** A splice takes RWF_NOWAIT away from both files for good, also one that fails (pipe_clear_nowait). */
  spliced = false;

  constructor(pipe: Pipe, end: "read" | "write") {
    super();
    this.pipe = pipe;
    this.readable = end === "read";
    this.writable = end === "write";
  }

  override poll(): number {
    const { pieces, readers, writers, isFull } = this.pipe;
    if (this.readable) return (pieces.length > 0 ? POLLIN : 0) | (writers === 0 ? POLLHUP : 0);
    return (isFull ? 0 : POLLOUT) | (readers === 0 ? POLLERR : 0);
  }

  override read(self: Process, max: number): number {
    if (max === 0) return handOut(self.world, new Uint8Array(0), 0, 0);
    if (this.pipe.pieces.length > 0) return handOut(self.world, this.pipe.take(max), 0, max);
    if (this.pipe.writers === 0) return handOut(self.world, new Uint8Array(0), 0, 0);
    return this.nonblock ? -E.EAGAIN : BLOCKED;
  }

  /** A longer write than there is room for is cut where it must not wait, and waits with nothing written elsewhere. */
  override write(self: Process, bytes: Uint8Array, { nowait, nosignal }: WriteFlags): number {
    if (bytes.length === 0) return 0;
    if (this.pipe.readers === 0) return broken(self, nosignal);
    const must = !this.nonblock && !nowait;
    if (must && !this.#fits(bytes.length)) return BLOCKED;
    const count = this.pipe.put(bytes);
    return count > 0 ? count : -E.EAGAIN;
  }

  #fits(length: number): boolean {
    const { pieces, slots } = this.pipe;
    const last = pieces.at(-1);
    const joins = last?.mayGrow === true && last.end + (length % PAGE) <= PAGE ? length % PAGE : 0;
    return pieces.length + Math.ceil((length - joins) / PAGE) <= slots;
  }

  override knowsNowait(world: World): boolean {
    return world.age.pipeNowait && !this.pipe.named && !this.spliced;
  }

  override release(): void {
    if (this.readable) this.pipe.readers--;
    else this.pipe.writers--;
  }
}

function broken(self: Process, nosignal: boolean): number {
  if (!nosignal) sendInTheNameOf(self, self, SIGPIPE, true);
  return -E.EPIPE;
}

/** splice(2) with SPLICE_F_NONBLOCK, from pipe to pipe: whole slots change hands. */
export function splice(self: Process, from: File, to: File, length: number): number {
  for (const file of [from, to]) if (file instanceof PipeEnd) file.spliced = true;
  if (!from.readable || !to.writable) return -E.EBADF;
  if (!(from instanceof PipeEnd)) return -E.EINVAL;
  if (!(to instanceof PipeEnd)) return spliceToFile(self, from, to, length);
  const [source, target] = [from.pipe, to.pipe];
  if (source === target) return -E.EINVAL;
  const ended = source.pieces.length === 0 && source.writers === 0;
  if (source.pieces.length === 0 && !ended) return -E.EAGAIN;
  let moved = 0;
  while (moved < length) {
    if (target.readers === 0) {
      const answer = broken(self, false);
      return moved > 0 ? moved : answer;
    }
    const piece = source.pieces[0];
    if (piece === undefined || target.isFull) break;
    moved += movePiece(source, target, piece, length - moved);
  }
  return moved > 0 || ended ? moved : -E.EAGAIN;
}

/** A slot that is moved in part can no longer grow, since two pipes share its page. */
function movePiece(source: Pipe, target: Pipe, piece: Piece, max: number): number {
  if (piece.bytes.length <= max) {
    source.pieces.shift();
    target.pieces.push(piece);
    return piece.bytes.length;
  }
  target.pieces.push({ bytes: piece.bytes.subarray(0, max), end: PAGE, mayGrow: false });
  piece.bytes = piece.bytes.subarray(max);
  return max;
}

function spliceToFile(self: Process, from: PipeEnd, to: File, length: number): number {
  if (!to.takesWrites) return -E.EINVAL;
  if (from.pipe.pieces.length === 0) return from.pipe.writers === 0 ? 0 : -E.EAGAIN;
  const bytes = from.pipe.take(length);
  return to.write(self, bytes, { nowait: true, nosignal: true });
}

/** One end of a connected stream socket; the other is outside, holds so many bytes and may leave. */
export class SocketFile extends File {
  readonly type = FileType.Socket;
  readonly received: Uint8Array[] = [];
  room: number;
  peerIsGone = false;

  constructor(room: number) {
    super();
    this.room = room;
  }

  override poll(): number {
    if (this.peerIsGone) return POLLIN | POLLOUT | POLLHUP;
    return this.room > 0 ? POLLOUT : 0;
  }

  override read(self: Process): number {
    if (this.peerIsGone) return handOut(self.world, new Uint8Array(0), 0, 0);
    return this.nonblock ? -E.EAGAIN : BLOCKED;
  }

  override write(self: Process, bytes: Uint8Array, { nowait, nosignal }: WriteFlags): number {
    if (this.peerIsGone) return broken(self, nosignal);
    const must = !this.nonblock && !nowait;
    if (this.room === 0 || (must && this.room < bytes.length)) return must ? BLOCKED : -E.EAGAIN;
    const taken = bytes.slice(0, this.room);
    this.room -= taken.length;
    this.received.push(taken);
    return taken.length;
  }

  override knowsNowait(): boolean {
    return true;
  }
}
