// Streams of bytes as images have them: tar archives, plain or compressed. The rule: a part is taken when the one before
// was dealt with, so that memory stays what it is however large an image is; and a stream that is broken ends with a
// sentence.

import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { Parser, type ReadEntry } from "tar";
import { Look } from "./facts.ts";
import { type Change, cleanPath, ImageError, whiteoutOf } from "./tree.ts";

export type Bytes = AsyncIterable<Buffer>;

/** Entries of all layers together: a tree of them fits into memory. */
const ENTRIES_MAX = 2_000_000;
/** What a layer may unpack to: it costs time, not memory. */
const UNPACKED_MAX = 64 * 1024 ** 3;

/** What has been read, of everything that is scanned; shared by all streams of it. */
export class Meter {
  /** As it came: of compressed layers the compressed bytes. */
  bytes = 0;
  #entries = 0;
  #unpacked = 0;

  entry(): void {
    if (++this.#entries > ENTRIES_MAX)
      throw new ImageError(`there are more than ${ENTRIES_MAX.toLocaleString("en")} entries in its layers`);
  }

  unpacked(bytes: number): void {
    this.#unpacked += bytes;
    if (this.#unpacked > UNPACKED_MAX)
      throw new ImageError(`its layers unpack to more than ${UNPACKED_MAX / 1024 ** 3} GiB`);
  }
}

/** What a layer changes. */
export async function readLayer(bytes: Bytes, meter: Meter): Promise<Change[]> {
  const changes: Change[] = [];
  await readTar(unpack(bytes), meter, (entry) => {
    const change = changeOf(entry);
    if (change !== undefined && "path" in change) changes.push(change);
    if (entry.type !== "File" && entry.type !== "OldFile" && entry.type !== "ContiguousFile") return;
    if (change !== undefined) return;
    look(entry, (made) => changes.push(made));
  });
  return changes;
}

/** Follows the content of a file entry, and tells what it came to. */
export function look(entry: ReadEntry, done: (change: Change) => void): void {
  const path = cleanPath(entry.path);
  const file = new Look(path, entry.mode ?? 0, entry.size);
  entry.on("data", (part: Buffer) => {
    file.add(part);
  });
  entry.on("end", () => done({ path, node: { kind: "file", facts: file.end() } }));
}

/** Of an entry without content; undefined of a file that is to be looked at. */
export function changeOf(entry: ReadEntry): Change | undefined {
  const path = cleanPath(entry.path);
  const whiteout = whiteoutOf(path);
  if (whiteout !== undefined) return whiteout;
  switch (entry.type) {
    case "Directory":
    case "GNUDumpDir":
      return { path, folder: true };
    case "SymbolicLink":
      return { path, node: { kind: "link", target: entry.linkpath ?? "" } };
    case "Link":
      return { path, hardLink: cleanPath(entry.linkpath ?? "") };
    case "CharacterDevice":
    case "BlockDevice":
    case "FIFO":
      return { path, node: { kind: "other" } };
    default:
      return undefined;
  }
}

/**
 * Calls `each` for every entry. It may listen to the entry's data there and then; an entry that it gives to somebody who
 * iterates over it holds up the archive until that is done, and whatever it answers is waited for.
 */
export async function readTar(
  bytes: Bytes,
  meter: Meter,
  each: (entry: ReadEntry) => Promise<void> | void,
): Promise<void> {
  const failed = Promise.withResolvers<never>();
  const ended = Promise.withResolvers<void>();
  // Whoever is told of a failure first tells it; the other promises are then of no interest.
  failed.promise.catch(() => undefined);
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    failed.reject(error);
  };
  const tasks: Promise<void>[] = [];
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      try {
        meter.entry();
        const task = failure === undefined ? each(entry) : undefined;
        if (task === undefined) entry.resume();
        else tasks.push(task.catch(fail));
      } catch (error) {
        fail(error);
        entry.resume();
      }
    },
  });
  parser.on("error", (error: Error) => fail(new ImageError(`a tar archive is damaged: ${error.message}`)));
  parser.on("end", () => ended.resolve());
  for await (const part of bytes) {
    meter.unpacked(part.length);
    if (failure !== undefined) throw failure;
    if (!parser.write(part)) await Promise.race([drained(parser), failed.promise]);
  }
  if (failure !== undefined) throw failure;
  parser.end();
  await Promise.race([ended.promise, failed.promise]);
  await Promise.race([Promise.all(tasks), failed.promise]);
  if (failure !== undefined) throw failure;
}

function drained(parser: Parser): Promise<void> {
  return new Promise((resolve) => parser.once("drain", () => resolve()));
}

/** The same bytes without their compression, which the first of them tell. */
export async function* unpack(bytes: Bytes): Bytes {
  const parts = bytes[Symbol.asyncIterator]();
  const head = await firstOf(parts);
  const all = again(head, parts);
  const decompressor = decompressorFor(head);
  if (decompressor === undefined) {
    yield* all;
    return;
  }
  // What fails before it, such as a digest, is told by its own words; what fails in it, by the decompressor's.
  let before: unknown;
  const piped = pipeline(Readable.from(all, { objectMode: false }), decompressor).catch((error: unknown) => {
    before = error;
  });
  try {
    for await (const part of decompressor) yield part as Buffer;
    await piped;
    if (before !== undefined) throw before;
  } catch (error) {
    await piped;
    if (error instanceof ImageError || before instanceof ImageError)
      throw error instanceof ImageError ? error : before;
    throw new ImageError(`a layer cannot be unpacked: ${(error as Error).message}`);
  }
}

function decompressorFor(head: Buffer) {
  if (head.toString("latin1", 0, 2) === "\x1f\x8b") return createGunzip({ chunkSize: 1 << 18 });
  if (head.toString("hex", 0, 4) === "28b52ffd") return createZstdDecompress({ chunkSize: 1 << 18 });
  if (head.toString("latin1", 0, 6) === "\xfd7zXZ\0" || head.toString("latin1", 0, 3) === "BZh")
    throw new ImageError(
      "a layer is compressed with xz or bzip2, which no engine writes: gzip, zstd and none are read",
    );
  return undefined;
}

/** Enough for a magic number; less where there is no more. */
async function firstOf(parts: AsyncIterator<Buffer>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 6) {
    const { done, value } = await parts.next();
    if (done) break;
    head = head.length === 0 ? value : Buffer.concat([head, value]);
  }
  return head;
}

async function* again(head: Buffer, parts: AsyncIterator<Buffer>): Bytes {
  if (head.length > 0) yield head;
  for (let next = await parts.next(); !next.done; next = await parts.next()) yield next.value;
}

/** The same bytes, counted, whose digest must be this in the end. */
export async function* checked(bytes: Bytes, digest: string | undefined, meter: Meter): Bytes {
  const hash = createHash("sha256");
  for await (const part of bytes) {
    meter.bytes += part.length;
    if (digest !== undefined) hash.update(part);
    yield part;
  }
  if (digest !== undefined && hash.digest("hex") !== digest)
    throw new ImageError(`the blob sha256:${digest} has another content than its name says`);
}
