// The scan of images for inits: `scan` of the library. The rule: an init is found by its content, in every place that it
// lies at, and an image is read and never run.

import { existsSync, lstatSync, readFileSync } from "node:fs";
import { z } from "zod";
import { EngineError, findEngine } from "../engine.ts";
import { PlaceError } from "../place.ts";
import { UsageError } from "../settings.ts";
import { JsonError, jsonOf } from "../verify/json.ts";
import { readTrust, type Trust } from "../verify/keys.ts";
import { fileReasons, readSigned, type Signed } from "../verify/release.ts";
import { type Identity, type Reason, reason, verdictOf } from "../verify/verification.ts";
import { versionOfLab } from "../version.ts";
import { configOfDockerfile } from "./dockerfile.ts";
import { type Entry, entryOf } from "./entry.ts";
import type { InitFacts } from "./facts.ts";
import { type Promised, packagesOf } from "./packages.ts";
import { downloadsIn, instructionsOf } from "./pins.ts";
import type { FoundInit, ScannedImage, ScanReport, Severity } from "./report.ts";
import { findingsOf } from "./rules.ts";
import { type OpenImage, openArchive, openFile, openFolder } from "./sources.ts";
import { Meter } from "./streams.ts";
import { type FileNode, ImageError, type Tree } from "./tree.ts";
import { vexOf } from "./vex.ts";
import { isOutdated, type WeaknessData, weaknessData, weaknessesOf } from "./weaknesses.ts";

const schema = z.strictObject({
  /** The path of an archive or a folder, or an image of a Docker engine; undefined for all images of the engine. */
  image: z.string().min(1).optional(),
  /** Asks the Docker engine although there is a file of that name. */
  docker: z.boolean().default(false),
  /** The Dockerfile: its downloads and digests; of an unpacked root its ENTRYPOINT, too. */
  dockerfile: z.string().min(1).optional(),
  /** What is known against versions of inits, in place of the lab's own list. */
  data: z.string().min(1).optional(),
  /** Digests and keys that are known, in place of the lab's own list. */
  known: z.string().min(1).optional(),
  /** The folder of a release of steady that its files are held against, and the keys to it. */
  release: z.string().min(1).optional(),
  keys: z.array(z.string().min(1)).default([]),
  failOn: z.enum(["error", "warning", "note", "never"]).default("warning"),
});

export type ScanOptions = z.input<typeof schema>;
type Asked = z.output<typeof schema>;

/** What everything is held against. */
interface Knowledge {
  readonly trust: Trust;
  readonly weaknesses: WeaknessData;
  readonly signed?: Signed;
  readonly dockerfile?: string;
}

const SEVERITIES: readonly Severity[] = ["note", "warning", "error"];

/** Throws a UsageError for what cannot be meant, a PlaceError for an image that cannot be read. */
export async function scan(options: ScanOptions): Promise<ScanReport> {
  const asked = understand(options);
  const since = performance.now();
  const knowledge = await learn(asked);
  const meter = new Meter();
  const opened = await open(asked, meter);
  const images = opened.map((image) => scanned(image, knowledge));
  const { weaknesses, trust } = knowledge;
  const met = new Set(images.flatMap(({ inits }) => inits.flatMap((each) => each.weaknesses)));
  const tool = { name: "steady-lab", version: versionOfLab() } as const;
  const bare = images.flatMap(({ inits }, i) => inits.filter((each) => isWithoutLibc(each, opened[i]?.tree)));
  const vex = vexOf(tool, bare, weaknesses, new Date());
  return {
    reportVersion: 1,
    tool,
    knownAsOf: trust.known.asOf,
    weaknessesAsOf: weaknesses.asOf,
    source: asked.image ?? "the Docker engine",
    bytesRead: meter.bytes,
    durationMs: Math.round(performance.now() - since),
    memoryPeakBytes: process.resourceUsage().maxRSS * 1024,
    images,
    weaknesses: weaknesses.weaknesses
      .filter(({ id }) => met.has(id))
      .map(({ id, init, title, severity, source }) => ({ id, init, title, severity, source })),
    exitStatus: isBad(images, asked.failOn) ? 1 : 0,
    ...(vex === undefined ? {} : { vex }),
  };
}

function understand(options: ScanOptions): Asked {
  const parsed = schema.safeParse(options);
  if (!parsed.success)
    throw new UsageError(
      parsed.error.issues.map(({ path, message }) => `${String(path[0] ?? "scan")}: ${message}`).join("; "),
    );
  const { image, docker, release, keys } = parsed.data;
  if (image === undefined && !docker)
    throw new UsageError("nothing to scan: name an image, an archive or a folder, or write --docker");
  if (release !== undefined && keys.length === 0)
    throw new UsageError("--release needs --key: a release says nothing without the key that signed it");
  return parsed.data;
}

async function learn({ data, known, keys, release, dockerfile }: Asked): Promise<Knowledge> {
  const trust = readTrust({ keys, ...(known === undefined ? {} : { known }) });
  return {
    trust,
    weaknesses: data === undefined ? weaknessData() : dataIn(data),
    ...(release === undefined ? {} : { signed: await readSigned(release, trust) }),
    ...(dockerfile === undefined ? {} : { dockerfile: textOf(dockerfile).toString("utf8") }),
  };
}

function dataIn(path: string): WeaknessData {
  const bytes = textOf(path);
  try {
    return weaknessData(jsonOf(bytes));
  } catch (error) {
    throw new UsageError(`${path} is no list of weaknesses: ${(error as Error).message}`);
  }
}

function textOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

async function open(asked: Asked, meter: Meter): Promise<OpenImage[]> {
  const { image, docker } = asked;
  try {
    if (image === undefined || docker || !existsSync(image)) return await openDocker(image, meter);
    return lstatSync(image).isDirectory() ? await openFolder(image, meter) : await openFile(image, meter);
  } catch (error) {
    if (!isExpected(error)) throw error;
    throw new PlaceError(
      `${image ?? "an image of the engine"} cannot be scanned: ${(error as Error).message}`,
    );
  }
}

/** What an image, a file or an engine can do wrong. */
function isExpected(error: unknown): boolean {
  if (error instanceof ImageError || error instanceof JsonError || error instanceof EngineError) return true;
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === "string";
}

/** An image of the engine comes as docker save writes it. */
async function openDocker(image: string | undefined, meter: Meter): Promise<OpenImage[]> {
  const engine = findEngine();
  await engine.version();
  const names = image === undefined ? await allImages() : [image];
  const images: OpenImage[] = [];
  for (const name of names) {
    const archive = await engine.send("GET", `/images/${encodeURIComponent(name)}/get`);
    images.push(...(await openArchive(archive, name, meter)).map((each) => ({ ...each, name })));
  }
  return images;

  async function allImages(): Promise<string[]> {
    const list = await engine.json<{ Id: string; RepoTags?: string[] | null }[]>("GET", "/images/json");
    return list.map(({ Id: id, RepoTags: tags }) => tags?.find((tag) => !tag.includes("<none>")) ?? id);
  }
}

function scanned(image: OpenImage, knowledge: Knowledge): ScannedImage {
  const { name, digest, tree } = image;
  const { dockerfile, trust, weaknesses } = knowledge;
  const config = image.config ?? (dockerfile === undefined ? undefined : configOfDockerfile(dockerfile));
  const entry = config === undefined ? undefined : entryOf(config, tree);
  const inits = initsIn(tree, entry, knowledge);
  const instructions =
    dockerfile === undefined ? (config?.history ?? []).map((text) => ({ text })) : instructionsOf(dockerfile);
  const findings = findingsOf({
    ...(config === undefined ? {} : { config }),
    ...(entry === undefined ? {} : { entry }),
    tree,
    inits,
    downloads: downloadsIn(instructions),
    setuid: setuidIn(tree),
    known: trust.known,
    weaknesses,
  });
  const { entrypoint = [], cmd = [], user = "", architecture, stopSignal } = config ?? {};
  return {
    name,
    ...(digest === undefined ? {} : { digest }),
    ...(architecture === undefined ? {} : { architecture }),
    entrypoint,
    cmd,
    user,
    ...(stopSignal === undefined ? {} : { stopSignal }),
    chain: (entry?.steps ?? []).map(({ word, path, role }) => `${path ?? word} (${role})`),
    inits,
    findings,
  };
}

/** Every init with all paths that lead to it. */
function initsIn(tree: Tree, entry: Entry | undefined, knowledge: Knowledge): FoundInit[] {
  const places = new Map<FileNode, string[]>();
  const links: string[] = [];
  for (const { path, node } of tree.walk()) {
    if (node.kind === "link") links.push(path);
    else if (node.kind === "file" && node.facts.init !== undefined)
      places.set(node, [...(places.get(node) ?? []), path]);
  }
  if (places.size === 0) return [];
  for (const path of links) {
    const node = tree.find(path)?.node;
    if (node?.kind === "file") places.get(node)?.push(path);
  }
  const promised = packagesOf(tree);
  return [...places]
    .map(([node, paths]) => foundInit(node, paths, entry, promised, knowledge))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function foundInit(
  node: FileNode,
  paths: readonly string[],
  entry: Entry | undefined,
  promised: ReadonlyMap<string, Promised>,
  knowledge: Knowledge,
): FoundInit {
  const { identity: byContent, bytes, sha256, ...rest } = node.facts.init as InitFacts;
  const [path = "", ...links] = paths;
  const identity = identityOf(byContent, sha256, paths, knowledge);
  const reasons = reasonsOf({ ...rest, identity, bytes, sha256 }, paths, promised, knowledge);
  const latest = isOutdated(knowledge.weaknesses, identity.init, identity.version);
  return {
    path,
    links,
    identity,
    bytes,
    sha256,
    executable: node.facts.executable,
    verdict: verdictOf(reasons),
    reasons,
    isEntry: entry?.steps.some(({ file }) => file === node) ?? false,
    weaknesses: weaknessesOf(knowledge.weaknesses, identity.init, identity.version).map(({ id }) => id),
    ...(latest === undefined ? {} : { latest }),
  };
}

function identityOf(
  byContent: Identity,
  sha256: string,
  paths: readonly string[],
  { trust }: Knowledge,
): Identity {
  const file = trust.known.file(sha256);
  const as =
    byContent.init === "tini" && paths.some((path) => path.endsWith("/docker-init"))
      ? { as: "docker-init" }
      : {};
  if (file === undefined) return { ...byContent, ...as };
  const build =
    file.package === undefined ? `upstream's ${file.names[0]}` : `${file.publisher}'s ${file.package}`;
  return { ...byContent, init: file.init, version: file.version, build, by: "digest", ...as };
}

/** What the list of digests, a release, and the lists of the image's package manager say of it. */
function reasonsOf(
  { sha256, md5, sha1 }: InitFacts,
  paths: readonly string[],
  promised: ReadonlyMap<string, Promised>,
  { trust, signed }: Knowledge,
): Reason[] {
  const reasons: Reason[] = [];
  const file = trust.known.file(sha256);
  if (file !== undefined) {
    reasons.push(reason("known-digest", `Its digest is known: ${file.sources.join("; ")}.`));
    if (file.weak !== undefined)
      reasons.push(reason("single-source", `Nobody independent confirms it: ${file.weak}.`));
  }
  for (const path of paths) {
    const list = promised.get(path);
    if (list === undefined || list.digest === (list.algorithm === "md5" ? md5 : sha1)) continue;
    reasons.push(
      reason("digest-mismatch", `${list.manager} installed another ${path} with ${list.package}.`),
    );
  }
  if (signed !== undefined) {
    const name = [...signed.sums].find(([, digest]) => digest === sha256)?.[0];
    if (name !== undefined) reasons.push(...fileReasons(name, sha256, signed));
  }
  const isProven = reasons.some(({ code }) => code === "known-digest" || code === "in-signed-manifest");
  if (!isProven) reasons.push(reason("unknown-digest", "Nobody is known to have released it."));
  return reasons;
}

/** A steady that is static, and in which no C library left its name. */
function isWithoutLibc({ path, identity, verdict }: FoundInit, tree: Tree | undefined): boolean {
  const node = tree?.find(path)?.node;
  const isBare = node?.kind === "file" && node.facts.init?.libc === false;
  return isBare && identity.init === "steady" && identity.linkage === "static" && verdict !== "tampered";
}

function setuidIn(tree: Tree): string[] {
  const found: string[] = [];
  for (const { path, node } of tree.walk()) if (node.kind === "file" && node.facts.setuid) found.push(path);
  return found.sort();
}

function isBad(images: readonly ScannedImage[], failOn: Asked["failOn"]): boolean {
  if (failOn === "never") return false;
  const least = SEVERITIES.indexOf(failOn);
  return images.some(({ findings }) =>
    findings.some(({ severity }) => SEVERITIES.indexOf(severity) >= least),
  );
}
