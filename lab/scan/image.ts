// Images as the OCI image specification and docker save describe them: which layers in which order, and the configuration.
// The rule: documents are read field by field, whatever else is in them; what is missing is said.

import { type Fields, fieldsOf, listOf, textOf } from "../verify/json.ts";
import { ImageError } from "./tree.ts";

export interface ImageConfig {
  readonly architecture?: string;
  readonly os?: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: readonly string[];
  readonly user: string;
  readonly stopSignal?: string;
  /** The Dockerfile's instructions as the image remembers them. */
  readonly history: readonly string[];
}

export interface ImageParts {
  readonly name: string;
  readonly digest?: string;
  readonly config: ImageConfig;
  /** The names of its layers' blobs, the lowest first. */
  readonly layers: readonly string[];
}

/** JSON of the archive or folder by its path in it. */
export type Documents = (path: string) => unknown;

const MANIFESTS_MAX = 256;
const LAYERS_MAX = 1024;
const DEPTH_MAX = 4;

function configOf(document: unknown): ImageConfig {
  const { architecture, os, config, history } = fieldsOf(document);
  const { Entrypoint, Cmd, Env, User, StopSignal } = fieldsOf(config);
  const texts = (list: unknown): string[] => listOf(list).flatMap((each) => textOf(each) ?? []);
  const name = architectureName(textOf(architecture));
  const stop = textOf(StopSignal);
  return {
    ...(name === undefined ? {} : { architecture: name }),
    ...(textOf(os) === undefined ? {} : { os: textOf(os) as string }),
    entrypoint: texts(Entrypoint),
    cmd: texts(Cmd),
    env: texts(Env),
    user: textOf(User) ?? "",
    ...(stop === undefined || stop === "" ? {} : { stopSignal: stop }),
    history: listOf(history).flatMap((each) => textOf(fieldsOf(each).created_by) ?? []),
  };
}

/** Go's names, as steady has them. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  amd64: "x86-64",
  "386": "i386",
  mips64le: "mips",
  loong64: "loongarch64",
};

function architectureName(go: string | undefined): string | undefined {
  return go === undefined || go === "" ? undefined : (ARCHITECTURES[go] ?? go);
}

/** The images of `docker save`: manifest.json. */
export function savedImages(documents: Documents): ImageParts[] {
  return listOf(documents("manifest.json"))
    .slice(0, MANIFESTS_MAX)
    .map((each) => {
      const { Config, RepoTags, Layers } = fieldsOf(each);
      const config = textOf(Config) ?? missing("manifest.json names no configuration");
      const layers = listOf(Layers).map(
        (layer) => textOf(layer) ?? missing("manifest.json has a layer without a name"),
      );
      const digest = /([0-9a-f]{64})/.exec(config)?.[1];
      return {
        name: textOf(listOf(RepoTags)[0]) ?? digest ?? "an image without a name",
        ...(digest === undefined ? {} : { digest: `sha256:${digest}` }),
        config: configOf(documents(config)),
        layers: limited(layers),
      };
    });
}

/**
 * The images of an OCI layout: index.json, and whatever indexes it leads to. An index may name images for other
 * architectures that were left out; `has` tells which blobs there are.
 */
export function layoutImages(documents: Documents, has: (path: string) => boolean): ImageParts[] {
  const images: ImageParts[] = [];
  const visit = (document: unknown, name: string, depth: number): void => {
    const { manifests, config, layers } = fieldsOf(document);
    if (depth > DEPTH_MAX || images.length > MANIFESTS_MAX)
      throw new ImageError("its indexes lead to indexes without an end");
    for (const entry of listOf(manifests).map(fieldsOf)) {
      const digest = digestOf(entry);
      if (isAttestation(entry) || (listOf(manifests).length > 1 && !has(blobPath(digest)))) continue;
      visit(documents(blobPath(digest)), nameOf(entry) ?? (name === "" ? digest : name), depth + 1);
    }
    if (config === undefined) return;
    const digest = digestOf(fieldsOf(config));
    images.push({
      name: name === "" ? digest : name,
      digest,
      config: configOf(documents(blobPath(digest))),
      layers: limited(listOf(layers).map((each) => blobPath(digestOf(fieldsOf(each))))),
    });
  };
  visit(documents("index.json"), "", 0);
  return images;
}

/** Statements about an image, stored as if they were images. */
function isAttestation({ annotations, platform, artifactType }: Fields): boolean {
  const { os } = fieldsOf(platform);
  return (
    fieldsOf(annotations)["vnd.docker.reference.type"] !== undefined ||
    os === "unknown" ||
    artifactType !== undefined
  );
}

function nameOf({ annotations }: Fields): string | undefined {
  const names = fieldsOf(annotations);
  return textOf(names["io.containerd.image.name"]) ?? textOf(names["org.opencontainers.image.ref.name"]);
}

function digestOf({ digest }: Fields): string {
  const text = textOf(digest) ?? "";
  if (!/^sha256:[0-9a-f]{64}$/.test(text)) return missing(`a digest is none: ${text.slice(0, 80)}`);
  return text;
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

function limited(layers: readonly string[]): readonly string[] {
  if (layers.length <= LAYERS_MAX) return layers;
  throw new ImageError(`it has more than ${LAYERS_MAX} layers`);
}

function missing(what: string): never {
  throw new ImageError(what);
}
