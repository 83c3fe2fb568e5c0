// Sockets for datagrams on one machine (unix(7)), with abstract names: who is bound to which, what waits to be received, and
// from whom it came. After net/unix/af_unix.c.

import { BLOCKED, E } from "./errnos.ts";
import { File, FileType, handOut, POLLIN, POLLOUT } from "./files.ts";
import type { Pid } from "./pids.ts";
import type { Process } from "./processes.ts";

/** net.unix.max_dgram_qlen: one more than so many wait, and whoever sends another waits too. */
const QUEUE_MAX = 10;
/** overflowuid: whose sender the kernel has not noted. */
const NOBODY = 65_534;
/** A sockaddr_un with a name of so many bytes. */
const ADDRESS_MAX = 110;
const FAMILY_BYTES = 2;

interface Datagram {
  readonly bytes: Uint8Array;
  readonly sender: DatagramFile;
  /** SCM_CREDENTIALS, where one of the two sockets had asked for them when it was sent. */
  readonly from: { readonly id: Pid; readonly uid: number } | null;
  readonly sentAt: number;
}

export interface Received {
  readonly bytes: Uint8Array;
  /** Where an answer goes to. */
  readonly address: Uint8Array;
  readonly sender: { readonly pid: number; readonly uid: number } | null;
}

export class DatagramFile extends File {
  readonly type = FileType.Socket;
  override nonblock = true;
  readonly #names: Map<string, DatagramFile>;
  #name: string | null = null;
  #isGone = false;
  peer: DatagramFile | null = null;
  readonly waiting: Datagram[] = [];
  /** SO_PASSCRED */
  passesCredentials = false;

  constructor(names: Map<string, DatagramFile>) {
    super();
    this.#names = names;
  }

  /** As NOTIFY_SOCKET has it. */
  get boundTo(): string {
    return (this.#name ?? "").replace("\0", "@");
  }

  get isBound(): boolean {
    return this.#name !== null;
  }

  bind(address: Uint8Array): number {
    // Without a name it gets one.
    if (address.length === FAMILY_BYTES) {
      if (!this.isBound) this.#bindItself();
      return 0;
    }
    const name = nameIn(address);
    if (typeof name === "number") return name;
    if (this.isBound) return -E.EINVAL;
    if (this.#names.has(name)) return -E.EADDRINUSE;
    this.#take(name);
    return 0;
  }

  #take(name: string): void {
    this.#name = name;
    this.#names.set(name, this);
  }

  /** unix_autobind: whoever passes credentials has a name to answer to. */
  #bindWhereNeeded(): void {
    if (this.passesCredentials && !this.isBound) this.#bindItself();
  }

  #bindItself(): void {
    let number = this.#names.size;
    const name = (): string => `\0${number.toString(16).padStart(5, "0")}`;
    while (this.#names.has(name())) number++;
    this.#take(name());
  }

  connect(address: Uint8Array): number {
    const other = this.#findOther(address);
    if (typeof other === "number") return other;
    if (!other.#hears(this)) return -E.EPERM;
    // What came from others is thrown away.
    if (this.peer !== null && this.peer !== other) this.waiting.length = 0;
    this.peer = other;
    return 0;
  }

  /** unix_may_send: one that is connected hears nobody else. */
  #hears(sender: DatagramFile): boolean {
    return this.peer === null || this.peer === sender;
  }

  /** To its peer, or to whoever is bound to `address`. */
  send(self: Process, bytes: Uint8Array, address: Uint8Array | null = null): number {
    const to = address === null ? this.#livingPeer() : this.#findOther(address);
    return typeof to === "number" ? to : this.#sendTo(self, bytes, to);
  }

  /** Who is bound to it. What is no address at all is refused before anything is done. */
  #findOther(address: Uint8Array): DatagramFile | number {
    const name = nameIn(address);
    if (name !== -E.EINVAL) this.#bindWhereNeeded();
    return typeof name === "number" ? name : (this.#names.get(name) ?? -E.ECONNREFUSED);
  }

  #livingPeer(): DatagramFile | number {
    this.#bindWhereNeeded();
    const { peer } = this;
    if (peer === null) return -E.ENOTCONN;
    if (!peer.#isGone) return peer;
    this.peer = null;
    this.waiting.length = 0;
    return -E.ECONNREFUSED;
  }

  #sendTo(self: Process, bytes: Uint8Array, to: DatagramFile): number {
    if (!to.#hears(this)) return -E.EPERM;
    if (to !== this && to.peer !== this && to.waiting.length > QUEUE_MAX) return -E.EAGAIN;
    const isNoted = this.passesCredentials || to.passesCredentials;
    const from = isNoted ? { id: self.id, uid: self.credentials.uid } : null;
    to.waiting.push({ bytes: bytes.slice(), sender: this, from, sentAt: self.world.now });
    self.world.stir();
    return bytes.length;
  }

  /** The bytes, which may be more than there is room for, and the sender where this socket asks for it. */
  receive(self: Process): Received | number {
    const datagram = this.waiting.shift();
    if (datagram === undefined) return -E.EAGAIN;
    const { bytes, from } = datagram;
    const received = { bytes, address: datagram.sender.#address };
    if (!this.passesCredentials) return { ...received, sender: null };
    const sender =
      from === null ? { pid: 0, uid: NOBODY } : { pid: from.id.in(self.namespace), uid: from.uid };
    return { ...received, sender };
  }

  /** A sockaddr_un; nothing where it has no name. */
  get #address(): Uint8Array {
    return this.#name === null ? new Uint8Array(0) : Buffer.from(`\u0001\0${this.#name}`, "latin1");
  }

  override poll(): number {
    const isFull = this.peer !== null && this.peer.peer !== this && this.peer.waiting.length > QUEUE_MAX;
    return (this.waiting.length > 0 ? POLLIN : 0) | (isFull ? 0 : POLLOUT);
  }

  override read(self: Process, max: number): number {
    const bytes = this.waiting.shift()?.bytes;
    if (bytes === undefined) return this.nonblock ? -E.EAGAIN : BLOCKED;
    return handOut(self.world, bytes, 0, max);
  }

  override write(self: Process, bytes: Uint8Array): number {
    return this.send(self, bytes);
  }

  override knowsNowait(): boolean {
    return true;
  }

  override release(): void {
    this.#isGone = true;
    if (this.#name !== null) this.#names.delete(this.#name);
  }
}

/** The abstract name in a sockaddr_un. A path leads nowhere here: nobody binds to one. */
function nameIn(address: Uint8Array): string | number {
  if (address.length <= FAMILY_BYTES || address.length > ADDRESS_MAX || address[0] !== 1 || address[1] !== 0)
    return -E.EINVAL;
  const name = Buffer.from(address.subarray(FAMILY_BYTES)).toString("latin1");
  return name.startsWith("\0") ? name : -E.ENOENT;
}
