// What --attest says of the file, played on the core itself: digests are compared with those of Node's own SHA-256.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ERRORS } from "../../texts/linux.ts";
import { MESSAGES } from "../../texts/messages.ts";
import type { Core, Host, Kernel } from "../lib/host.ts";
import { play, type Seen } from "../lib/plain.ts";
import { into, type Played, some } from "./promises.ts";

export const ATTESTATIONS: Played[] = [];
const promise = into(ATTESTATIONS);

const [EPERM, ENOENT, EINTR, EIO] = [1, 2, 4, 5];
const FD = 20;
const MACHINES = { "x86-64": 62, arm64: 183, armv7: 40, i386: 3, riscv64: 243, ppc64le: 21, unknown: 22 };
const ATTEST = ["/sbin/steady", "--attest"];

/** Bytes that differ, with an e_machine where elf(5) has it. */
function fileOf(length: number, machine = MACHINES["x86-64"]): Buffer {
  const file = Buffer.from(
    Array.from({ length }, (_, index) => (index * index * 31 + index * 7 + length) & 255),
  );
  if (length >= 20) file.writeUInt16LE(machine, 18);
  return file;
}

/** It is opened as the lowest descriptor there is, which may be 0. */
function descriptorOf(file: Buffer): number {
  return file.length % 2 === 0 ? FD : 0;
}

/** /proc/self/exe has these bytes; each read gives at most as many as `piece` says, or an errno. */
function reading(file: Buffer, piece = (_call: number): number => Number.POSITIVE_INFINITY): Kernel {
  let [at, calls, open] = [0, 0, 0];
  const descriptor = descriptorOf(file);
  return {
    openat: (host: Host, path = 0, how = 0) => {
      assert.deepEqual([host.text(path), how], ["/proc/self/exe", 0]);
      open++;
      return descriptor;
    },
    read: (host: Host, fd = 0, to = 0, max = 0) => {
      assert.deepEqual([fd, open], [descriptor, 1]);
      const most = piece(calls++);
      if (most < 0) return most;
      const part = file.subarray(at, at + Math.min(max, most));
      part.copy(host.bytes(to, part.length));
      at += part.length;
      return part.length;
    },
    close: (_: Host, fd = 0) => {
      assert.deepEqual([fd, open--], [descriptor, 1]);
      return 0;
    },
  };
}

/** What it came to, where it asked for nothing in vain and left nothing open. */
function attest(core: Core, file: Buffer, piece?: (call: number) => number): Seen {
  const seen = play(core, { args: ATTEST, kernel: reading(file, piece) });
  const asked = (name: string): number => seen.calls.filter(([each]) => each === name).length;
  assert.deepEqual([asked("openat"), asked("close")], [1, 1]);
  if (piece === undefined) assert.equal(asked("read"), Math.ceil(file.length / 64) + 1);
  return seen;
}

function attested(file: Buffer, machine: string): string {
  const digest = createHash("sha256").update(file).digest("hex");
  return MESSAGES.Attestation.replace("%t", machine).replace("%x", digest);
}

promise("--attest prints the SHA-256 of the file, whatever its length", (core, effort) => {
  const lengths = [64, 65, 118, 119, 120, 121, 127, 128, 129, 183, 184, 1000, 4096, 33000];
  for (const length of [
    ...lengths,
    ...some(
      Array.from({ length: 64 }, (_, index) => 192 + index),
      effort,
    ),
  ]) {
    const file = fileOf(length);
    const { status, output, errors } = attest(core, file);
    assert.deepEqual([status, output, errors], [0, attested(file, "x86-64"), ""], `${length} bytes`);
  }
});

promise("a read that is interrupted, or gives less, changes nothing of the digest", (core) => {
  const file = fileOf(777);
  for (const piece of [() => 1, () => 63, (call: number) => (call % 3 === 0 ? -EINTR : 50)]) {
    const { output } = attest(core, file, piece);
    assert.equal(output, attested(file, "x86-64"));
  }
});

promise("--attest names the machine that the file is for", (core) => {
  for (const [name, number] of Object.entries(MACHINES)) {
    const file = fileOf(200, number);
    assert.equal(attest(core, file).output, attested(file, name));
  }
});

promise(
  "where the file cannot be read --attest says why, and prints nothing that could be taken for an answer",
  (core) => {
    const refused = (errno: number): string =>
      `[FATAL steady (1)] Cannot read /proc/self/exe: ${ERRORS[errno]}\n`;
    for (const errno of [EPERM, ENOENT]) {
      const missing = play(core, { args: ATTEST, kernel: { openat: () => -errno } });
      assert.deepEqual([missing.status, missing.output, missing.errors], [1, "", refused(errno)]);
    }
    for (const [call, errno] of [
      [0, EIO],
      [3, EPERM],
    ] as const) {
      const { status, output, errors } = attest(core, fileOf(500), (each) => (each === call ? -errno : 64));
      assert.deepEqual([status, output, errors], [1, "", refused(errno)]);
    }
  },
);

promise("a file without an end is not read for ever", (core) => {
  const endless = play(core, {
    args: ATTEST,
    kernel: { openat: () => FD, read: (_, _fd, _at, max = 0) => max },
  });
  assert.equal(endless.status, 0);
  assert.ok(endless.calls.length < 40_000);
});
