// What is kept of a file of an image: little, and for most files the same few objects. The rule: a file is looked at once,
// as it streams by, and no more of it is in memory than an init could be large.

import { createHash } from "node:crypto";
import { architectureOf, interpreterOf, isElf } from "../verify/elf.ts";
import { INIT_BYTES_MAX, identifyByContent, sha256 } from "../verify/identify.ts";
import type { Identity } from "../verify/verification.ts";

export interface FileFacts {
  readonly executable: boolean;
  readonly setuid: boolean;
  /** "elf x86-64", "script", "Debian package", "empty" or "other". */
  readonly format: string;
  readonly init?: InitFacts;
  /** Of a script: the inits that it names. */
  readonly names?: readonly string[];
  /** Of the lists of a package manager. */
  readonly text?: string;
}

export interface InitFacts {
  readonly identity: Identity;
  readonly bytes: number;
  readonly sha256: string;
  readonly md5: string;
  readonly sha1: string;
  /** The loader that a dynamic program asks for. */
  readonly interpreter?: string;
  /** Whether a C library left its name in it. */
  readonly libc: boolean;
}

const SCRIPT_BYTES_MAX = 64 << 10;
const LIST_BYTES_MAX = 16 << 20;
const LISTS = [
  /^var\/lib\/dpkg\/info\/(tini|dumb-init|catatonit|steady|steady-tini|docker\.io|podman)(:\w+)?\.md5sums$/,
  /^var\/lib\/dpkg\/status\.d\/[\w.+-]+\.md5sums$/,
  /^(usr\/)?lib\/apk\/db\/installed$/,
];
/** As a word of a command. */
const INITS =
  /(?<![\w.-])(?:[\w./-]*\/)?(tini|tini-static|dumb-init|catatonit|docker-init|steady)(?=[\s"';|&)]|$)/g;
const LIBC = ["GNU C Library", "glibc", "musl", "libc.so"];

/** Takes a file's content part by part. */
export class Look {
  readonly #path: string;
  readonly #mode: number;
  readonly #bytes: number;
  #parts: Buffer[] = [];
  #held = 0;
  #limit: number | undefined;

  constructor(path: string, mode: number, bytes: number) {
    this.#path = path;
    this.#mode = mode;
    this.#bytes = bytes;
  }

  /** Whether more of the content is wanted. */
  add(part: Buffer): boolean {
    for (let rest = part; rest.length > 0; ) {
      const room = this.#wanted() - this.#held;
      if (room <= 0) return false;
      // A copy: what is a part of a larger buffer would keep all of it.
      const kept = Buffer.from(rest.subarray(0, room));
      this.#parts.push(kept);
      this.#held += kept.length;
      rest = rest.subarray(kept.length);
    }
    return this.#held < this.#wanted();
  }

  end(): FileFacts {
    const content = Buffer.concat(this.#parts);
    this.#parts = [];
    const executable = (this.#mode & 0o111) !== 0;
    const setuid = (this.#mode & 0o4000) !== 0 && executable;
    const plain = shared(executable, setuid, formatOf(content));
    if (this.#isList()) return { ...plain, text: content.toString("utf8") };
    if (plain.format === "script") {
      const names = [
        ...new Set([...content.toString("latin1").matchAll(INITS)].map(([, name = ""]) => name)),
      ];
      return names.length === 0 ? plain : { ...plain, names };
    }
    const init = isElf(content) && content.length === this.#bytes ? initOf(content) : undefined;
    return init === undefined ? plain : { ...plain, init };
  }

  /** How many bytes are looked at: the head, and then what the head tells. */
  #wanted(): number {
    const head = Math.min(this.#bytes, HEAD_BYTES);
    if (this.#held < head) return head;
    this.#limit ??= this.#limitFor(Buffer.concat(this.#parts));
    return this.#limit;
  }

  #limitFor(head: Buffer): number {
    if (this.#isList()) return Math.min(this.#bytes, LIST_BYTES_MAX);
    if (isElf(head) && this.#bytes <= INIT_BYTES_MAX) return this.#bytes;
    if (head.toString("latin1", 0, 2) === "#!" && this.#bytes <= SCRIPT_BYTES_MAX) return this.#bytes;
    return head.length;
  }

  #isList(): boolean {
    return LISTS.some((each) => each.test(this.#path));
  }
}

const HEAD_BYTES = 64;

function formatOf(content: Buffer): string {
  if (content.length === 0) return "empty";
  if (isElf(content)) return `elf ${architectureOf(content) ?? "damaged"}`;
  const head = content.toString("latin1", 0, 8);
  if (head.startsWith("#!")) return "script";
  if (head === "!<arch>\n") return "Debian package";
  if (head.startsWith("\x1f\x8b")) return "gzip archive";
  if (/^\s*<(!doctype|html)/i.test(content.toString("latin1", 0, HEAD_BYTES))) return "HTML page";
  return "other";
}

const plainFacts = new Map<string, FileFacts>();

/** One object for all files that are alike. */
function shared(executable: boolean, setuid: boolean, format: string): FileFacts {
  const key = `${executable} ${setuid} ${format}`;
  const facts = plainFacts.get(key) ?? { executable, setuid, format };
  plainFacts.set(key, facts);
  return facts;
}

function initOf(content: Buffer): InitFacts | undefined {
  const identity = identifyByContent(content);
  if (identity === undefined) return undefined;
  const interpreter = interpreterOf(content);
  const hash = (name: string): string => createHash(name).update(content).digest("hex");
  return {
    identity,
    bytes: content.length,
    sha256: sha256(content),
    md5: hash("md5"),
    sha1: hash("sha1"),
    ...(interpreter === undefined ? {} : { interpreter }),
    libc: LIBC.some((each) => content.includes(each)),
  };
}
