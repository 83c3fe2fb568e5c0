// What a core that was started again makes of the file of its counters.

import assert from "node:assert/strict";
import type { Core, Kernel } from "../lib/host.ts";
import { DIES, restart } from "../lib/scene.ts";
import { into, type Played } from "./promises.ts";

export const COUNTERS: Played[] = [];
const promise = into(COUNTERS);

const [FILE, STAT, HELD] = [50, 51, 52];
const BYTES = 1056;
const START = 4711n;
const HUP = 1;

/** A record in which HUP was taken so often, and lines and orphans were counted. */
function record(start = START, taken = 7): Buffer {
  const bytes = Buffer.alloc(BYTES);
  bytes.write("sdy\u0001", "latin1");
  bytes.writeUInt32LE(9, 4);
  bytes.writeUInt32LE(9, 28);
  bytes.writeBigInt64LE(start, 8);
  bytes.writeUInt32LE(3, 16);
  bytes.writeUInt32LE(2, 20);
  bytes.writeUInt32LE(taken, 32);
  return bytes;
}

/** Lives on from a file with these bytes, or one that may not be read: what is written at the end. */
function written(core: Core, content: Buffer | null): Buffer {
  let last = Buffer.alloc(0);
  const stat = `1 (steady) S 0 1 1${" 0".repeat(13)} 1 0 ${START} 0\n`;
  const kernel = (plain: Kernel): Kernel => ({
    openat: (host, path = 0) => {
      const name = host.text(path);
      if (name === "/status") return content === null ? -13 : FILE;
      return name === "/proc/1/stat" ? STAT : -2;
    },
    read: (host, fd = 0, at = 0, max = 0) => {
      if (fd !== FILE && fd !== STAT) return plain.read?.(host, fd, at, max);
      const bytes = (fd === STAT ? Buffer.from(stat) : (content ?? Buffer.alloc(0))).subarray(0, max);
      host.bytes(at, bytes.length).set(bytes);
      return bytes.length;
    },
    pwritev2: (host, fd = 0, at = 0, length = 0, way = 0) => {
      if (fd !== HELD) return -95;
      assert.deepEqual([length, way], [BYTES, 2]);
      last = Buffer.from(host.bytes(at, length));
      return length;
    },
  });
  restart(core, {
    survivors: { statusFd: HELD, traps: 1 },
    args: ["steady", "--status-file", "/status", "/x"],
    events: [{ signal: HUP }, DIES(0)],
    kernel,
  });
  return last;
}

const numbers = (bytes: Buffer): number[] => [16, 20, 24, 32, 32 + 256].map((at) => bytes.readUInt32LE(at));

promise("a core that was started again counts on from its own file", (core) => {
  const bytes = written(core, record());
  assert.deepEqual(numbers(bytes), [3, 2, 2, 8, 1]);
  assert.deepEqual(
    [bytes.readUInt32LE(4), bytes.readUInt32LE(28)].map((each) => each > 9),
    [true, true],
  );
  assert.equal(bytes.readBigInt64LE(8), START);
});

promise(
  "it counts from 0 where the file is of another life, torn, of another kind, or may not be read",
  (core) => {
    const torn = record();
    torn.writeUInt32LE(8, 28);
    const newer = record();
    newer[3] = 2;
    for (const content of [
      record(START + 1n),
      torn,
      newer,
      record().subarray(0, 1000),
      Buffer.from("x"),
      null,
    ]) {
      const bytes = written(core, content);
      assert.deepEqual(numbers(bytes), [0, 0, 2, 1, 1]);
      assert.equal(bytes.toString("latin1", 0, 4), "sdy\u0001");
      assert.equal(bytes.readBigInt64LE(8), START);
    }
  },
);
