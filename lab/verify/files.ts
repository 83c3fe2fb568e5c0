// Files and folders as they are verified. The rule: no link is followed inside of a release, nothing larger than an init
// is held in memory, and whatever cannot be read is told by its path.

import { createHash } from "node:crypto";
import { createReadStream, lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { PlaceError } from "../place.ts";
import { INIT_BYTES_MAX } from "./identify.ts";

export interface FileFacts {
  readonly bytes: number;
  readonly sha256: string;
  readonly sha512: string;
  /** The content of what is small enough to be an init. */
  readonly content?: Buffer;
}

const FILES_MAX = 100_000;
/** A signature needs all of what it signs at once. */
const SIGNED_BYTES_MAX = 512 << 20;

export async function readFacts(path: string): Promise<FileFacts> {
  const hashes = [createHash("sha256"), createHash("sha512")] as const;
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    if (!statSync(path).isFile()) throw new Error("it is neither a file nor a folder");
    for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) {
      for (const hash of hashes) hash.update(part as Buffer);
      bytes += (part as Buffer).length;
      if (bytes <= INIT_BYTES_MAX) parts.push(part as Buffer);
    }
  } catch (error) {
    throw new PlaceError(`${path} cannot be read: ${(error as Error).message}`);
  }
  const [sha256 = "", sha512 = ""] = hashes.map((hash) => hash.digest("hex"));
  return { bytes, sha256, sha512, ...(bytes <= INIT_BYTES_MAX ? { content: Buffer.concat(parts) } : {}) };
}

/** What is beside a file, such as its signature, or the file that a signature is of; undefined where there is nothing. */
export function readBeside(path: string): Buffer | undefined {
  try {
    const { size } = statSync(path);
    if (size > SIGNED_BYTES_MAX) throw new Error(`it has more than ${SIGNED_BYTES_MAX >> 20} MiB`);
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new PlaceError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw new PlaceError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

/** The paths of all that is in a folder and is no folder, from it, in one order; and which of them are no files. */
export function filesIn(folder: string): { readonly files: string[]; readonly others: string[] } {
  const [files, others, waiting]: [string[], string[], string[]] = [[], [], [""]];
  try {
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for (const name of readdirSync(join(folder, at))) {
        const path = at === "" ? name : `${at}/${name}`;
        const kind = lstatSync(join(folder, path));
        (kind.isDirectory() ? waiting : kind.isFile() ? files : others).push(path);
      }
      if (files.length + waiting.length > FILES_MAX) throw new Error(`it has more than ${FILES_MAX} files`);
    }
  } catch (error) {
    throw new PlaceError(`${folder} cannot be read: ${(error as Error).message}`);
  }
  return { files: files.sort(), others: others.sort() };
}
