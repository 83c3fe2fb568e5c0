// `--install PATH`, played on the core itself: where the copy goes, that it is whole, and that nothing is left of it where
// any of its calls fails.

import assert from "node:assert/strict";
import { errnoOf } from "../../simulator/faults.ts";
import { ERRORS } from "../../texts/linux.ts";
import type { Core, Host, Kernel } from "../lib/host.ts";
import { play, type Seen } from "../lib/plain.ts";
import { into, type Played } from "./promises.ts";

export const INSTALLATIONS: Played[] = [];
const promise = into(INSTALLATIONS);

const [ENOENT, EINTR, EEXIST, ENOTDIR, ENAMETOOLONG] = [2, 4, 17, 20, 36];
const [EXE, COPY] = [20, 21];
const NEW = 3;
const PIECE = 4096;
const PATH_MAX = 4096;

/** What a call answers in place of the plain answer, by how manieth of its name it is. */
type Otherwise = (call: number, plain: () => number) => number;

/** A disk with folders and files. A path in a folder that is not there does not exist, one behind a file is no folder. */
class Disk {
  readonly exe: Buffer;
  readonly files = new Map<string, Buffer | "other">();
  readonly folders: readonly string[];
  readonly modes = new Map<string, number>();
  readonly synced = new Set<string>();
  /** The path of the copy while it is open, and what is open. */
  #copy = "";
  readonly #open = new Set<number>();
  #at = 0;

  constructor(exe: Buffer, folders: readonly string[], others: readonly string[] = []) {
    this.exe = exe;
    this.folders = folders;
    for (const path of others) this.files.set(path, "other");
  }

  get isShut(): boolean {
    return this.#open.size === 0;
  }

  kernel(otherwise: Readonly<Record<string, Otherwise>>): Kernel {
    const plain: Kernel = {
      openat: (host, path = 0, how = 0) =>
        how === NEW ? this.#create(host.text(path)) : this.#read(host.text(path)),
      read: (host, fd = 0, at = 0, max = 0) => {
        assert.deepEqual([fd, max, this.#open.has(EXE)], [EXE, PIECE, true]);
        const part = this.exe.subarray(this.#at, this.#at + max);
        part.copy(host.bytes(at, part.length));
        this.#at += part.length;
        return part.length;
      },
      write: (host, fd = 0, at = 0, length = 0) =>
        fd === COPY ? this.#write(host.bytes(at, length)) : host.capture(fd, at, length),
      fchmod: (_, fd = 0) => {
        assert.deepEqual([fd, this.#open.has(COPY)], [COPY, true]);
        this.modes.set(this.#copy, 0o755);
        return 0;
      },
      fsync: (_, fd = 0) => {
        assert.deepEqual([fd, this.#open.has(COPY)], [COPY, true]);
        this.synced.add(this.#copy);
        return 0;
      },
      close: (_, fd = 0) => {
        assert.ok(this.#open.delete(fd), `${fd} is not open`);
        return 0;
      },
      renameat2: (host, from = 0, to = 0) => this.#rename(host.text(from), host.text(to)),
      unlinkat: (host, path = 0) => (this.files.delete(host.text(path)) ? 0 : -ENOENT),
    };
    return Object.fromEntries(
      Object.entries(plain).map(([name, call]) => {
        let calls = 0;
        const instead = otherwise[name];
        if (instead === undefined) return [name, call];
        return [
          name,
          (host: Host, ...args: number[]) => {
            // The log's own writes always succeed.
            if (name === "write" && args[0] !== COPY) return call(host, ...args);
            const answer = instead(calls++, () => Number(call(host, ...args)));
            if (name === "close" && answer < 0) this.#open.delete(args[0] ?? 0);
            return answer;
          },
        ];
      }),
    );
  }

  #read(path: string): number {
    assert.equal(path, "/proc/self/exe");
    this.#open.add(EXE);
    return EXE;
  }

  #create(path: string): number {
    if (path.length >= PATH_MAX) return -ENAMETOOLONG;
    const folder = path.replace(/\/*[^/]*$/, "") || (path.startsWith("/") ? "/" : ".");
    if (this.files.has(folder)) return -ENOTDIR;
    if (!this.folders.includes(folder)) return -ENOENT;
    if (this.files.has(path)) return -EEXIST;
    this.#copy = path;
    this.#open.add(COPY);
    this.files.set(path, Buffer.alloc(0));
    return COPY;
  }

  #write(bytes: Buffer): number {
    const before = this.files.get(this.#copy);
    assert.ok(before instanceof Buffer);
    this.files.set(this.#copy, Buffer.concat([before, bytes]));
    return bytes.length;
  }

  /** Only what is on the disk as a whole may take a place. */
  #rename(from: string, to: string): number {
    assert.deepEqual(
      [this.modes.get(from), this.synced.has(from), this.#open.has(COPY)],
      [0o755, true, false],
    );
    const file = this.files.get(from);
    if (file === undefined) return -ENOENT;
    this.files.delete(from);
    this.files.set(to, file);
    return 0;
  }
}

const EXE_BYTES = Buffer.from(Array.from({ length: 10_000 }, (_, index) => (index * 7 + (index >> 8)) & 255));

function install(
  core: Core,
  disk: Disk,
  path: string,
  otherwise: Readonly<Record<string, Otherwise>> = {},
): Seen {
  const seen = play(core, { args: ["/sbin/steady", "--install", path], kernel: disk.kernel(otherwise) });
  assert.ok(disk.isShut, "a descriptor is left open");
  return seen;
}

function installed(
  core: Core,
  disk: Disk,
  path: string,
  at: string,
  otherwise?: Record<string, Otherwise>,
): void {
  const before = [...disk.files.keys()];
  const { status, output, errors } = install(core, disk, path, otherwise);
  assert.deepEqual([status, output, errors], [0, "", ""]);
  assert.deepEqual(disk.files.get(at), disk.exe, at);
  assert.deepEqual(new Set(disk.files.keys()), new Set([...before, at]));
}

const sentence = (path: string, what: string, errno: number): string =>
  `[FATAL steady (1)] --install ${path}: cannot ${what}: ${ERRORS[errno]}\n`;

promise("--install copies the whole file to PATH, or into PATH as steady where that is a folder", (core) => {
  const disk = (): Disk => new Disk(EXE_BYTES, ["/", ".", "/shared", "sub"], ["/shared/file"]);
  installed(core, disk(), "/shared/init", "/shared/init");
  installed(core, disk(), "/shared/file", "/shared/file");
  installed(core, disk(), "/shared", "/shared/steady");
  installed(core, disk(), "/shared/", "/shared//steady");
  installed(core, disk(), "init", "init");
  installed(core, disk(), ".", "./steady");
  installed(core, disk(), "sub/init", "sub/init");
  installed(core, disk(), "/init", "/init");
});

promise(
  "a file of any length is copied whole, also where reads and writes do less or are interrupted",
  (core) => {
    for (const length of [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
      installed(core, new Disk(EXE_BYTES.subarray(0, length), ["/"]), "/init", "/init");
    const interrupted: Otherwise = (call, plain) => (call % 2 === 0 ? -EINTR : plain());
    installed(core, new Disk(EXE_BYTES, ["/"]), "/init", "/init", { read: interrupted, write: interrupted });
  },
);

promise("a name that is taken is left alone and another is tried, until none is left", (core) => {
  const names = Array.from({ length: 26 }, (_, index) => `/.steady-${String.fromCharCode(97 + index)}`);
  installed(core, new Disk(EXE_BYTES, ["/"], names.slice(0, 25)), "/init", "/init");
  const full = new Disk(EXE_BYTES, ["/"], names);
  const { status, errors } = install(core, full, "/init");
  assert.deepEqual([status, errors], [1, sentence("/init", "create a file there", EEXIST)]);
  assert.deepEqual([...full.files.keys()], names);
});

/** Each call of a copy, by what is said where it fails; the close that is meant is that of the copy, the first. */
const FAILING: readonly (readonly [
  name: string,
  what: string,
  errnos: readonly string[],
  calls: readonly number[],
])[] = [
  ["openat", "read /proc/self/exe", ["ENOENT", "EACCES"], [0]],
  // Neither in the path as a folder nor beside it.
  ["openat", "create a file there", ["EACCES", "EROFS", "ENOSPC", "EINTR", "ELOOP"], [1, 2]],
  ["read", "read /proc/self/exe", ["EIO"], [0, 1, 3]],
  ["write", "write it", ["ENOSPC", "EDQUOT", "EIO", "EFBIG"], [0, 2]],
  ["fchmod", "set its mode", ["EPERM", "EROFS"], [0]],
  ["fsync", "have it on the disk", ["EIO", "ENOSPC"], [0]],
  ["close", "have it on the disk", ["EIO", "EDQUOT", "EINTR"], [0]],
  ["renameat2", "put it in its place", ["EISDIR", "EBUSY", "EROFS"], [0]],
];

promise(
  "whichever call fails, the line says which and why, PATH stays as it was, and nothing is left",
  (core) => {
    for (const [name, what, errnos, calls] of FAILING)
      for (const errno of errnos.map(errnoOf))
        for (const failing of calls) {
          const disk = new Disk(EXE_BYTES, ["/"], ["/init"]);
          const { status, output, errors } = install(core, disk, "/init", {
            [name]: (call, plain) => (call === failing ? -errno : plain()),
          });
          assert.deepEqual(
            [status, output, errors],
            [1, "", sentence("/init", what, errno)],
            `${name} ${failing}`,
          );
          assert.deepEqual([...disk.files], [["/init", "other"]], `${name} ${failing}`);
        }
  },
);

promise("what could not be taken away again is named; what is not there any more is not", (core) => {
  const fails =
    (errno: number): Otherwise =>
    () =>
      -errno;
  const disk = new Disk(EXE_BYTES, ["/"]);
  const { errors, status } = install(core, disk, "/init", {
    fsync: fails(errnoOf("EIO")),
    unlinkat: fails(30),
  });
  const left = `[FATAL steady (1)] --install: /.steady-a is left there: ${ERRORS[30]}\n`;
  assert.deepEqual([status, errors], [1, sentence("/init", "have it on the disk", errnoOf("EIO")) + left]);
  const done = new Disk(EXE_BYTES, ["/"]);
  const renamed = install(core, done, "/init", {
    renameat2: (_, plain) => {
      assert.equal(plain(), 0);
      return -errnoOf("EIO");
    },
  });
  assert.equal(renamed.errors, sentence("/init", "put it in its place", errnoOf("EIO")));
  assert.deepEqual([...done.files.keys()], ["/init"]);
});

promise("a path longer than the kernel takes is an error, and is not cut", (core) => {
  const path = (length: number): string => `/${"x".repeat(length - 1)}`;
  for (const length of [PATH_MAX - 1, PATH_MAX, PATH_MAX + 1, 3 * PATH_MAX]) {
    const { status, errors, calls } = install(core, new Disk(EXE_BYTES, ["/"]), path(length));
    assert.equal(status, 1);
    assert.match(errors, /^\[FATAL steady \(1\)\] --install \/x+/);
    assert.ok(!calls.some(([name]) => name === "renameat2"));
  }
  installed(core, new Disk(EXE_BYTES, ["/", path(4000)]), path(4000), `${path(4000)}/steady`);
});

promise("a file without an end is not copied for ever", (core) => {
  const disk = new Disk(EXE_BYTES, ["/"]);
  const { status, errors } = install(core, disk, "/init", { read: () => PIECE, write: () => PIECE });
  assert.deepEqual([status, errors], [1, sentence("/init", "write it", errnoOf("EFBIG"))]);
  assert.deepEqual([...disk.files.keys()], []);
});

promise("nothing is copied without a path, or under a name other than steady", (core) => {
  const untouched = (args: readonly string[]): string => {
    const disk = new Disk(EXE_BYTES, ["/"]);
    const { status, errors, calls } = play(core, { args, kernel: disk.kernel({}) });
    assert.equal(status, 1, args.join(" "));
    assert.ok(!calls.some(([name]) => name === "openat"), args.join(" "));
    return errors;
  };
  assert.match(untouched(["steady", "--install"]), /option '--install' needs a value/);
  assert.match(
    untouched(["steady", "--install="]),
    /Not a valid value for --install: {2}\(expected a path\)/,
  );
  for (const name of ["tini", "tini-static", "docker-init", "dumb-init", "catatonit", "podman-init"])
    untouched([name, "--install", "/init"]);
  untouched(["steady", "--as", "tini", "--install", "/init"]);
  installed(core, new Disk(EXE_BYTES, ["/"]), "/init", "/init");
});
