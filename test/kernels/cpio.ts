// Packs files into the archive from which Linux fills its first root file system: cpio, in the format called
// "newc". The order and every number are functions of the input, so that the same files give the same bytes.
// https://www.kernel.org/doc/html/latest/driver-api/early-userspace/buffer-format.html

export interface GuestFile {
  readonly bytes: Uint8Array;
  /** Permission bits, for example 0o755. */
  readonly mode: number;
}

const MAGIC = "070701";
const DIRECTORY = 0o040755;
const REGULAR = 0o100000;
const PERMISSIONS_MASK = 0o7777;

export function packArchive(files: ReadonlyMap<string, GuestFile>): Buffer {
  const chunks: Buffer[] = [];
  let inode = 1; // Equal inode numbers would make the kernel look for hard links.
  for (const path of directoriesOf(files.keys()))
    chunks.push(packEntry(path, inode++, DIRECTORY, Buffer.alloc(0)));
  for (const [path, { bytes, mode }] of files) {
    chunks.push(packEntry(path, inode++, REGULAR | (mode & PERMISSIONS_MASK), bytes));
  }
  chunks.push(packEntry("/TRAILER!!!", 0, 0, Buffer.alloc(0)));
  return Buffer.concat(chunks);
}

/** The kernel creates no parents: each directory has to come before what is in it. */
function directoriesOf(paths: Iterable<string>): string[] {
  const directories = new Set<string>();
  for (const path of paths) {
    if (!/^(\/[^/\0]+)+$/.test(path)) throw new RangeError(`not an absolute path of a file: ${path}`);
    for (let end = path.indexOf("/", 1); end !== -1; end = path.indexOf("/", end + 1)) {
      directories.add(path.slice(0, end));
    }
  }
  return [...directories];
}

function packEntry(path: string, inode: number, mode: number, bytes: Uint8Array): Buffer {
  const name = Buffer.from(`${path.slice(1)}\0`);
  const links = 1;
  const owner = [0, 0];
  const modified = 0;
  const devices = [0, 0, 0, 0];
  const checksum = 0; // Not used by this variant of the format.
  const fields = [inode, mode, ...owner, links, modified, bytes.length, ...devices, name.length, checksum];
  const header = Buffer.from(MAGIC + fields.map((field) => field.toString(16).padStart(8, "0")).join(""));
  return Buffer.concat([padToFour(Buffer.concat([header, name])), padToFour(bytes)]);
}

function padToFour(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
