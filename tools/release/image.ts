// The image: nothing but the init, for each architecture one layer, under one index. The file is an OCI image layout
// (https://github.com/opencontainers/image-spec/blob/main/image-layout.md) with the manifest.json beside it that
// `docker load` of engines before 25 asks for.

import { chmodSync, copyFileSync, linkSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ARCHITECTURES } from "../architectures.ts";
import { tar } from "./archives.ts";
import type { Facts } from "./facts.ts";
import { sha256 } from "./sums.ts";

interface Platform {
  readonly os: "linux";
  readonly architecture: string;
  readonly variant?: string;
}

/** As Go, and so every engine, calls them. */
const PLATFORMS: Readonly<Record<string, Omit<Platform, "os">>> = {
  "x86-64": { architecture: "amd64" },
  arm64: { architecture: "arm64", variant: "v8" },
  armv7: { architecture: "arm", variant: "v7" },
  i386: { architecture: "386" },
  riscv64: { architecture: "riscv64" },
  ppc64le: { architecture: "ppc64le" },
};

function platformOf(name: string): Platform {
  const found = PLATFORMS[name];
  if (found === undefined) throw new Error(`no platform is known for ${name}`);
  return { os: "linux", ...found };
}

/** "linux/arm/v7"; arm64's only variant is left out, as in Dockerfiles. */
export function platformText(name: string): string {
  const { os, architecture, variant } = platformOf(name);
  return [os, architecture, ...(variant === undefined || name === "arm64" ? [] : [variant])].join("/");
}

/** The other names lead to the same file, not by a symbolic link: what copies one out of the image gets a program. */
const NAMES = ["steady", "tini", "docker-init"] as const;
/** For an image that no registry has: its name says so. */
const IMAGE = "localhost/steady";

const OCI = "application/vnd.oci.image";

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Writes the layout as a tar; `programOf` answers the path of an architecture's ELF. */
export function writeImage(
  facts: Facts,
  programOf: (architecture: string) => string,
  work: string,
  to: string,
): string {
  const layout = join(work, "layout");
  const blobs = join(layout, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const put = (mediaType: string, content: Buffer): Descriptor => {
    writeFileSync(join(blobs, sha256(content)), content, { mode: 0o644 });
    return { mediaType, digest: `sha256:${sha256(content)}`, size: content.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const images = ARCHITECTURES.map(({ name }) => {
    const layer = put(`${OCI}.layer.v1.tar`, layerOf(programOf(name), join(work, name), facts));
    const config = put(`${OCI}.config.v1+json`, json(configOf(facts, name, layer.digest)));
    const manifest = { schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json`, config, layers: [layer] };
    return {
      name,
      config,
      layer,
      descriptor: put(manifest.mediaType, json({ ...manifest, annotations: annotations(facts) })),
    };
  });
  const manifests = images.map(({ name, descriptor }) => ({ ...descriptor, platform: platformOf(name) }));
  const index = { schemaVersion: 2, mediaType: `${OCI}.index.v1+json` };
  const whole = put(index.mediaType, json({ ...index, manifests, annotations: annotations(facts) }));
  const named = {
    "io.containerd.image.name": `${IMAGE}:${facts.version}`,
    "org.opencontainers.image.ref.name": facts.version,
  };
  writeFileSync(join(layout, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(
    join(layout, "index.json"),
    json({ ...index, manifests: [{ ...whole, annotations: named }] }),
  );
  writeFileSync(
    join(layout, "manifest.json"),
    json(
      images.map(({ name, config, layer }) => ({
        Config: pathOf(config),
        RepoTags: [`${IMAGE}:${facts.version}-${name}`],
        Layers: [pathOf(layer)],
      })),
    ),
  );
  tar(layout, ["blobs", "index.json", "manifest.json", "oci-layout"], facts.epochSeconds, to);
  return whole.digest;
}

const pathOf = ({ digest }: Descriptor): string => join("blobs", digest.replace(":", "/"));

/** Not compressed: two kB more, and the layer's digest is that of its content, for ever. */
function layerOf(program: string, work: string, { epochSeconds }: Facts): Buffer {
  const root = join(work, "root");
  mkdirSync(root, { recursive: true });
  const [first, ...others] = NAMES;
  copyFileSync(program, join(root, first));
  chmodSync(join(root, first), 0o755);
  for (const name of others) linkSync(join(root, first), join(root, name));
  // The file first, so that each link comes after what it leads to.
  tar(root, NAMES, epochSeconds, join(work, "layer.tar"));
  return readFileSync(join(work, "layer.tar"));
}

function configOf(facts: Facts, name: string, diffId: string): object {
  const created = isoTime(facts);
  return {
    created,
    ...platformOf(name),
    config: { Entrypoint: ["/steady"], Labels: annotations(facts) },
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [{ created, created_by: "npm run release", comment: "steady, also as tini and docker-init" }],
  };
}

const isoTime = ({ epochSeconds }: Facts): string =>
  new Date(epochSeconds * 1000).toISOString().replace(/\.\d+/, "");

function annotations(facts: Facts): Readonly<Record<string, string>> {
  const source: Record<string, string> =
    facts.repository === undefined ? {} : { "org.opencontainers.image.source": sourceOf(facts.repository) };
  return {
    "org.opencontainers.image.created": isoTime(facts),
    "org.opencontainers.image.licenses": "MIT",
    "org.opencontainers.image.revision": facts.commit,
    ...source,
    "org.opencontainers.image.title": "steady",
    "org.opencontainers.image.version": facts.version,
  };
}

export const sourceOf = (repository: string): string => `https://github.com/${repository}`;
