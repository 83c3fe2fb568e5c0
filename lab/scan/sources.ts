// Where images come from: an archive of docker save or of an OCI layout, a layout's folder, an unpacked root, a Docker
// engine. The rule: an archive is read once, from its beginning to its end, since a pipe cannot be read twice.

import {
  closeSync,
  createReadStream,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
} from "node:fs";
import { join } from "node:path";
import type { ReadEntry } from "tar";
import { jsonOf } from "../verify/json.ts";
import { Look } from "./facts.ts";
import { type Documents, type ImageConfig, type ImageParts, layoutImages, savedImages } from "./image.ts";
import { type Bytes, changeOf, checked, look, type Meter, readLayer, readTar, unpack } from "./streams.ts";
import { type Change, cleanPath, ImageError, Tree } from "./tree.ts";

/** An image with its files put together; of an unpacked root there is no configuration. */
export interface OpenImage {
  readonly name: string;
  readonly digest?: string;
  readonly config?: ImageConfig;
  readonly tree: Tree;
}

const DOCUMENT_BYTES_MAX = 4 << 20;
const DOCUMENTS_BYTES_MAX = 64 << 20;
const PART_BYTES = 1 << 20;
const BLOB = /^blobs\/sha256\/([0-9a-f]{64})$/;
/** Of docker save before and after 2024, of podman and skopeo. */
const LAYER = /(^|\/)layer\.tar$|^[0-9a-f]{64}\.tar(\.gz)?$/;

export async function openFile(path: string, meter: Meter): Promise<OpenImage[]> {
  return openArchive(createReadStream(path, { highWaterMark: PART_BYTES }) as Bytes, path, meter);
}

/** What an archive is shows when all of it was seen: its manifest may come last, and without one it is a root. */
export async function openArchive(bytes: Bytes, name: string, meter: Meter): Promise<OpenImage[]> {
  const archive = new Archive(meter);
  await readTar(unpack(checked(bytes, undefined, meter)), meter, (entry) => archive.take(entry));
  return archive.images(name);
}

class Archive {
  readonly #meter: Meter;
  readonly #documents = new Map<string, unknown>();
  readonly #layers = new Map<string, Change[]>();
  /** docker save links layers that are the same. */
  readonly #links = new Map<string, string>();
  readonly #root: Change[] = [];
  #held = 0;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  take(entry: ReadEntry): Promise<void> | undefined {
    const path = cleanPath(entry.path);
    const change = changeOf(entry);
    if (change !== undefined) {
      this.#root.push(change);
      if (entry.linkpath !== undefined && /layer\.tar$/.test(entry.linkpath))
        this.#links.set(path, cleanLink(path, entry.linkpath, entry.type === "Link"));
      return undefined;
    }
    if (
      BLOB.test(path) ||
      LAYER.test(path) ||
      (/^[^/]*\.json$/.test(path) && entry.size <= DOCUMENT_BYTES_MAX)
    )
      return this.#takeBlob(path, entry);
    look(entry, (made) => this.#root.push(made));
    return undefined;
  }

  images(name: string): OpenImage[] {
    const documents: Documents = (path) => {
      if (this.#documents.has(path)) return this.#documents.get(path);
      throw new ImageError(`the archive has no ${path}`);
    };
    const has = (path: string): boolean => this.#documents.has(path);
    if (!has("index.json") && !has("manifest.json")) return [this.#unpackedRoot(name)];
    // An archive of docker save has both today; the index tells of all architectures.
    const ofLayout = has("index.json") ? layoutImages(documents, has) : [];
    const parts = ofLayout.length > 0 || !has("manifest.json") ? ofLayout : savedImages(documents);
    if (parts.length === 0) throw new ImageError(`there is no image in ${name}`);
    return parts.map((each) => put(each, (layer) => this.#layerAt(layer)));
  }

  /** A layer, or a document that begins with a bracket. */
  async #takeBlob(path: string, entry: ReadEntry): Promise<void> {
    const digest = BLOB.exec(path)?.[1];
    // The meter counts the archive's own bytes already.
    const own: Bytes = entry as unknown as Bytes;
    const parts = checkedDigest(own, digest)[Symbol.asyncIterator]();
    const first = await parts.next();
    const head = first.done ? Buffer.alloc(0) : first.value;
    const all = joined(first, parts);
    if (/^\s*[[{]/.test(head.toString("latin1", 0, 64))) {
      this.#documents.set(path, jsonOf(await whole(all, entry.size, path)));
      this.#held += entry.size;
      if (this.#held > DOCUMENTS_BYTES_MAX) throw new ImageError("its documents are larger than any image's");
    } else if (/\.json$/.test(path)) {
      throw new ImageError(`${path} is no JSON`);
    } else {
      this.#layers.set(path, await readLayer(all, this.#meter));
    }
  }

  #layerAt(path: string): Change[] {
    const layer = this.#layers.get(path) ?? this.#layers.get(this.#links.get(path) ?? "");
    if (layer === undefined) throw new ImageError(`the archive has no layer ${path}`);
    return layer;
  }

  #unpackedRoot(name: string): OpenImage {
    if (this.#root.length === 0) throw new ImageError(`there is nothing in ${name}`);
    const tree = new Tree();
    tree.apply(this.#root);
    return { name, tree };
  }
}

function put({ layers, ...image }: ImageParts, layerAt: (path: string) => readonly Change[]): OpenImage {
  const tree = new Tree();
  for (const layer of layers) tree.apply(layerAt(layer));
  return { ...image, tree };
}

/** A link in an archive, from the folder that it is in. */
function cleanLink(path: string, target: string, isHard: boolean): string {
  if (isHard) return cleanPath(target);
  const folder = path.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "..") folder.pop();
    else if (part !== "" && part !== ".") folder.push(part);
  }
  return folder.join("/");
}

async function* joined(first: IteratorResult<Buffer>, parts: AsyncIterator<Buffer>): Bytes {
  for (let next = first; !next.done; next = await parts.next()) yield next.value;
}

async function* checkedDigest(bytes: Bytes, digest: string | undefined): Bytes {
  yield* checked(bytes, digest, { bytes: 0 } as Meter);
}

async function whole(bytes: Bytes, size: number, path: string): Promise<Buffer> {
  if (size > DOCUMENT_BYTES_MAX) throw new ImageError(`${path} is larger than any document of an image`);
  const parts: Buffer[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts);
}

/** The folder of an OCI layout, or an unpacked root. */
export async function openFolder(folder: string, meter: Meter): Promise<OpenImage[]> {
  if (!existsSync(join(folder, "oci-layout"))) return [openRoot(folder, meter)];
  const documents: Documents = (path) => jsonOf(readDocument(join(folder, path), path));
  const images: OpenImage[] = [];
  for (const { layers, ...image } of layoutImages(documents, (path) => existsSync(join(folder, path)))) {
    const tree = new Tree();
    for (const layer of layers) {
      const bytes = createReadStream(join(folder, layer), { highWaterMark: PART_BYTES }) as Bytes;
      tree.apply(await readLayer(checked(bytes, BLOB.exec(layer)?.[1], meter), meter));
    }
    images.push({ ...image, tree });
  }
  if (images.length === 0) throw new ImageError(`there is no image in ${folder}`);
  return images;
}

function readDocument(path: string, name: string): Buffer {
  const size = existsSync(path) ? lstatSync(path).size : -1;
  if (size < 0) throw new ImageError(`the layout has no ${name}`);
  if (size > DOCUMENT_BYTES_MAX) throw new ImageError(`${name} is larger than any document of an image`);
  return readFileSync(path);
}

/** Without following a link, and without leaving the file system that the folder is on: no /proc, no /sys. */
function openRoot(folder: string, meter: Meter): OpenImage {
  const device = lstatSync(folder).dev;
  const changes: Change[] = [];
  const waiting = [""];
  const seen = new Map<string, string>();
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const name of entriesOf(join(folder, at))) {
      meter.entry();
      const path = at === "" ? name : `${at}/${name}`;
      const own = join(folder, path);
      const stat = lstatSync(own);
      if (stat.isDirectory()) {
        changes.push({ path, folder: true });
        if (stat.dev === device) waiting.push(path);
      } else if (stat.isSymbolicLink()) {
        changes.push({ path, node: { kind: "link", target: readlinkSync(own) } });
      } else if (stat.isFile()) {
        const key = `${stat.dev}:${stat.ino}`;
        const first = stat.nlink > 1 ? seen.get(key) : undefined;
        if (stat.nlink > 1) seen.set(key, first ?? path);
        changes.push(
          first === undefined ? fileAt(own, path, stat.mode, stat.size, meter) : { path, hardLink: first },
        );
      } else changes.push({ path, node: { kind: "other" } });
    }
  }
  const tree = new Tree();
  tree.apply(changes);
  return { name: folder, tree };
}

/** What may not be read is told by its path. */
function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new ImageError(`${folder} cannot be read: ${(error as Error).message}`);
  }
}

function fileAt(own: string, path: string, mode: number, size: number, meter: Meter): Change {
  const file = new Look(path, mode, size);
  try {
    const descriptor = openSync(own, "r");
    try {
      // The head first: most files need no more.
      for (let wants = true, length = 4096; wants; length = PART_BYTES) {
        const part = Buffer.alloc(length);
        const read = readSync(descriptor, part);
        meter.bytes += read;
        wants = read > 0 && file.add(part.subarray(0, read));
      }
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new ImageError(`${own} cannot be read: ${(error as Error).message}`);
  }
  return { path, node: { kind: "file", facts: file.end() } };
}
