// Images of the tests' own: tar archives entry by entry, layouts as the OCI image specification has them, archives as
// docker save writes them.

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";

export interface TarEntry {
  readonly path: string;
  readonly content?: Buffer | string;
  /** As tar(5) has them: "0" a file, "1" a hard link, "2" a symbolic link, "5" a folder. */
  readonly type?: string;
  readonly link?: string;
  readonly mode?: number;
  /** What the header claims, where it lies. */
  readonly size?: number;
}

export const file = (path: string, content: Buffer | string, mode = 0o755): TarEntry => ({
  path,
  content,
  mode,
});
export const symlink = (path: string, link: string): TarEntry => ({ path, type: "2", link });
export const hardLink = (path: string, link: string): TarEntry => ({ path, type: "1", link });
export const folder = (path: string): TarEntry => ({ path, type: "5" });

/** In the ustar format, with pax headers for what does not fit. */
export function tar(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(partsOf), Buffer.alloc(1024)]);
}

function partsOf(entry: TarEntry): Buffer[] {
  const long = [
    ...(Buffer.byteLength(entry.path) > 99 ? [paxLine("path", entry.path)] : []),
    ...(Buffer.byteLength(entry.link ?? "") > 99 ? [paxLine("linkpath", entry.link ?? "")] : []),
  ].join("");
  const own = [header(entry), padded(Buffer.from(entry.content ?? ""))];
  return long === ""
    ? own
    : [header({ path: "pax", type: "x", content: long }), padded(Buffer.from(long)), ...own];
}

function paxLine(name: string, value: string): string {
  const rest = ` ${name}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  const digits = String(bytes + String(bytes).length).length;
  return `${bytes + digits}${rest}`;
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

function header({ path, content = "", type = "0", link = "", mode = 0o644, size }: TarEntry): Buffer {
  const bytes = Buffer.alloc(512);
  const put = (at: number, text: string): void => {
    bytes.write(text, at, "utf8");
  };
  put(0, path.slice(0, 99));
  put(100, `${mode.toString(8).padStart(7, "0")}\0`);
  put(108, "0000000\0");
  put(116, "0000000\0");
  const length = size ?? Buffer.byteLength(content);
  if (length < 8 ** 11) put(124, `${length.toString(8).padStart(11, "0")}\0`);
  else {
    // The base-256 form of GNU tar.
    bytes.writeUInt8(0x80, 124);
    bytes.writeBigUInt64BE(BigInt(length), 128);
  }
  put(136, "00000000000\0");
  put(148, "        ");
  put(156, type);
  put(157, link.slice(0, 99));
  put(257, "ustar\x0000");
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return bytes;
}

export interface ImageSpec {
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly user?: string;
  readonly stopSignal?: string;
  readonly architecture?: string;
  readonly history?: readonly string[];
  readonly layers: readonly (readonly TarEntry[])[];
}

export type Compression = "none" | "gzip" | "zstd";

const COMPRESS: Readonly<Record<Compression, (bytes: Buffer) => Buffer>> = {
  none: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
};

const hex = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");

function configText({
  entrypoint,
  cmd,
  user,
  stopSignal,
  architecture = "amd64",
  history = [],
}: ImageSpec): string {
  return JSON.stringify({
    architecture,
    os: "linux",
    config: { Entrypoint: entrypoint, Cmd: cmd, User: user, StopSignal: stopSignal },
    history: history.map((text) => ({ created_by: text })),
    rootfs: { type: "layers", diff_ids: [] },
  });
}

/** The files of an OCI layout by their paths. */
export function layoutFiles(spec: ImageSpec, compression: Compression = "gzip"): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const blob = (content: Buffer): object => {
    files.set(`blobs/sha256/${hex(content)}`, content);
    return { digest: `sha256:${hex(content)}`, size: content.length };
  };
  const layers = spec.layers.map((entries) => blob(COMPRESS[compression](tar(entries))));
  const config = blob(Buffer.from(configText(spec)));
  const manifest = blob(Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers })));
  // Statements about an image are kept beside it, as an image for no platform.
  const statement = { ...manifest, platform: { os: "unknown", architecture: "unknown" } };
  files.set("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  files.set(
    "index.json",
    Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [manifest, statement] })),
  );
  return files;
}

export function writeLayout(at: string, spec: ImageSpec, compression?: Compression): string {
  for (const [path, content] of layoutFiles(spec, compression)) {
    mkdirSync(dirname(join(at, path)), { recursive: true });
    writeFileSync(join(at, path), content);
  }
  return at;
}

/** As docker save wrote it until 2024: the manifest last, a layer that is there twice as a link. */
export function savedArchive(spec: ImageSpec, name = "test:latest"): Buffer {
  const config = configText(spec);
  const layers = spec.layers.map((entries, i) => ({
    path: `${hex(`${i}`)}/layer.tar`,
    content: tar(entries),
  }));
  const seen = new Map<string, string>();
  const entries = layers.map(({ path, content }) => {
    const first = seen.get(hex(content));
    seen.set(hex(content), first ?? path);
    return first === undefined ? file(path, content, 0o644) : symlink(path, `../${first}`);
  });
  const manifest = [
    { Config: `${hex(config)}.json`, RepoTags: [name], Layers: layers.map(({ path }) => path) },
  ];
  return tar([
    ...entries,
    file(`${hex(config)}.json`, config, 0o644),
    file("manifest.json", JSON.stringify(manifest), 0o644),
  ]);
}
