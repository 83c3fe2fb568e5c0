// Where containers come from: namespaces of this machine, or an engine. The rule: a runtime runs a command that may start
// containers, and when that has ended, in whatever way, nothing of it is left.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { remove } from "../docker.ts";
import { type Engine, EngineError, findEngine, readFrames, tarOf } from "../engine.ts";
import { PlaceError } from "../place.ts";
import { UsageError } from "../settings.ts";
import { CONTAINER, seen, UNSHARE } from "./contain.ts";

export const RUNTIMES = ["namespaces", "docker", "runc", "crun"] as const;
export type RuntimeName = (typeof RUNTIMES)[number];

/** Where the lab is killed its namespaces go with it. */
const WITH_THE_LAB = ["setpriv", "--pdeathsig", "KILL", "--"];
const GONE_MS_MAX = 10_000;
const POLL_MS = 50;
/** So long after its client a request may still make a container. */
const LATE_MS = 300;

/** A command to be run where it can start containers. */
export interface Job {
  readonly command: readonly string[];
  /** Its directory, which its containers see as it is; what it leaves there is the caller's. */
  readonly folder: string;
  /** Other files that it and its containers need. */
  readonly files: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly msMax: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

export interface Runtime {
  readonly name: RuntimeName;
  /** As a report tells it; none for namespaces, which are the kernel's. */
  readonly engine?: string;
  /** Runs it to its end, or until \`signal\`, whose reason is thrown when all is gone. */
  run(job: Job): Promise<Output>;
  /** Gives back what the runtime itself needed. */
  close(): Promise<void>;
}

/** What a user may choose, and whom a choice is told that nobody made. */
export interface RuntimeOptions {
  /** namespaces, docker, runc or crun; namespaces, or else a Docker engine, where nothing is said. */
  readonly runtime?: string;
  readonly onNote?: (note: string) => void;
}

export function runtimeNamed(asked: string): RuntimeName {
  const found = RUNTIMES.find((each) => each === asked);
  if (found === undefined) throw new UsageError(`runtime: ${asked} is none of ${RUNTIMES.join(", ")}`);
  return found;
}

/** Opens the one that was asked for, else the first that is to be had; a PlaceError says what is missing. */
export async function openRuntime(
  command: string,
  { runtime, onNote }: RuntimeOptions,
  lacksNamespaces: () => Promise<string | undefined> | string | undefined = namespacesLack,
): Promise<Runtime> {
  const asked = runtime === undefined ? undefined : runtimeNamed(runtime);
  if (asked === "docker") return openDocker();
  const lacks = await lacksNamespaces();
  if (asked === "runc" || asked === "crun") return openBundles(command, asked);
  if (lacks === undefined) return new Namespaces();
  const needs = `${command} needs PID namespaces${lacks}: run it as root, outside of a container`;
  if (asked === "namespaces") throw new PlaceError(needs);
  try {
    const docker = await openDocker();
    onNote?.(`there are no namespaces to be had here: ${command} goes to ${docker.engine}`);
    return docker;
  } catch (error) {
    if (!(error instanceof PlaceError)) throw error;
    throw new PlaceError(`${needs}, or start a Docker engine: ${error.message}`);
  }
}

function namespacesLack(): string | undefined {
  const [file = "", ...args] = [...UNSHARE, "true"];
  return spawnSync(file, args, { stdio: "ignore" }).status === 0 ? undefined : "";
}

class Namespaces implements Runtime {
  readonly name: RuntimeName = "namespaces";

  async run({ command, folder, env, msMax, signal }: Job): Promise<Output> {
    const [file = "", ...args] = [...WITH_THE_LAB, ...UNSHARE, ...this.entered(command)];
    // The name of a cgroup, should a script need one.
    const key = env?.KEY ?? keyOf();
    const child = spawn(file, args, {
      cwd: folder,
      env: { ...process.env, HERE: folder, KEY: key, ...env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = collect(child);
    // Its namespace ends with it.
    const end = (): void => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, "SIGKILL");
    };
    const limit = setTimeout(end, msMax);
    signal?.addEventListener("abort", end);
    if (signal?.aborted === true) end();
    try {
      const found = await output;
      signal?.throwIfAborted();
      return found;
    } finally {
      clearTimeout(limit);
      signal?.removeEventListener("abort", end);
      await removeCgroups(key);
    }
  }

  protected entered(command: readonly string[]): readonly string[] {
    return command;
  }

  async close(): Promise<void> {}
}

function openBundles(command: string, name: "runc" | "crun"): Runtime {
  if (process.getuid?.() !== 0 || namespacesLack() !== undefined)
    throw new PlaceError(`${command} needs to be root outside of a container to use ${name}`);
  const { stdout, error } = spawnSync(name, ["--version"], { encoding: "utf8" });
  if (error !== undefined) throw new PlaceError(`there is no ${name} here: apt-get install ${name}`);
  return new Bundles(name, (stdout.split("\n")[0] ?? name).replace(" version", ""));
}

/** Containers of runc or crun, started within a PID namespace: so they die with it, and nothing but cgroups is left. */
class Bundles extends Namespaces {
  override readonly name: RuntimeName;
  readonly engine: string;

  constructor(name: RuntimeName, engine: string) {
    super();
    this.name = name;
    this.engine = engine;
  }

  override async run(job: Job): Promise<Output> {
    return super.run(withEnvironment(job, keyOf()));
  }

  /** crun refuses a machine with both versions of cgroups; where the second is not there it sees the first alone. */
  protected override entered(command: readonly string[]): readonly string[] {
    if (this.name !== "crun" || !existsSync("/sys/fs/cgroup/unified")) return command;
    return ["sh", "-c", 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', "sh", ...command];
  }
}

function keyOf(): string {
  return `steady-lab-${process.pid}-${randomBytes(4).toString("hex")}`;
}

function withEnvironment(job: Job, key: string): Job {
  mkdirSync(join(job.folder, ".engine"), { recursive: true });
  writeFileSync(join(job.folder, ".engine/contain"), CONTAINER);
  return { ...job, env: { ...job.env, KEY: key, SEEN: seen(...job.files).join(" ") } };
}

/** Of version 2, or of every controller of version 1. */
async function removeCgroups(key: string): Promise<void> {
  const root = "/sys/fs/cgroup";
  const folders = [root, ...subfolders(root)]
    .map((folder) => join(folder, key))
    .filter((path) => existsSync(path));
  const deadline = performance.now() + GONE_MS_MAX;
  for (const folder of folders) {
    // Until the last process in it is gone for good.
    while (!removeTree(folder)) {
      if (performance.now() > deadline) throw new PlaceError(`the cgroup ${folder} cannot be removed`);
      await sleep(POLL_MS);
    }
  }
}

function removeTree(folder: string): boolean {
  try {
    for (const each of subfolders(folder)) removeTree(each);
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((each) => each.isDirectory())
      .map(({ name }) => join(folder, name));
  } catch {
    return [];
  }
}

/** Imports an image that has nothing in it: all that a container sees is this machine's. */
async function openDocker(): Promise<Runtime> {
  if (process.platform !== "linux")
    throw new PlaceError(
      "the engine has to be on this machine, and that a Linux: run the lab where the engine is",
    );
  const engine = findEngine();
  const { Version: version } = await engine.version();
  if (engine.socket === undefined)
    throw new PlaceError(
      `the engine has to be on this machine, and to have a socket: ${engine.name} is none`,
    );
  const image = `${keyOf()}:latest`;
  const path = `/images/create?fromSrc=-&repo=${encodeURIComponent(image.replace(":latest", ""))}&tag=latest`;
  await engine.text("POST", path, tarOf(".steady-lab", Buffer.alloc(0)));
  return new Docker(engine, engine.socket, image, version);
}

/** To look at containers, and to go into them, as the engine's own exec does. */
const RIGHTS = ["SYS_ADMIN", "SYS_PTRACE"];

/**
 * Containers of a Docker engine. What starts, signals and watches them is one more, with more rights and in the engine's PID
 * namespace: so nobody has to be root here, and the engine ends all of it.
 */
class Docker implements Runtime {
  readonly name = "docker";
  readonly engine: string;
  readonly #engine: Engine;
  readonly #socket: string;
  readonly #image: string;

  constructor(engine: Engine, socket: string, image: string, version: string) {
    this.#engine = engine;
    this.#socket = socket;
    this.#image = image;
    this.engine = `Docker ${version} at ${engine.name}`;
  }

  async run(job: Job): Promise<Output> {
    const key = keyOf();
    const { signal, msMax } = job;
    const id = await this.#create(withEnvironment(job, key), key).catch(refused);
    const end = (): void => {
      this.#engine.text("POST", `/containers/${id}/kill`).catch(() => undefined);
    };
    const limit = setTimeout(end, msMax);
    signal?.addEventListener("abort", end);
    try {
      signal?.throwIfAborted();
      await this.#engine.text("POST", `/containers/${id}/start`).catch(refused);
      if (signal?.aborted === true) end();
      return await this.#read(id);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(limit);
      signal?.removeEventListener("abort", end);
      // First who makes the others.
      await remove(this.#engine, id);
      await this.#sweep(key, signal?.aborted === true);
      signal?.throwIfAborted();
    }
  }

  async #create({ command, folder, files, env }: Job, key: string): Promise<string> {
    const mount = (path: string, isReadOnly: boolean) => ({
      Type: "bind",
      Source: path,
      Target: path,
      ReadOnly: isReadOnly,
    });
    const own = { HERE: folder, IMAGE: this.#image, ENGINE_SOCKET: this.#socket, ...env };
    const { Id: id } = await this.#engine.json<{ Id: string }>("POST", "/containers/create", {
      Image: this.#image,
      Entrypoint: command,
      WorkingDir: folder,
      Env: Object.entries(own).map(([name, value]) => `${name}=${value}`),
      User: "0",
      Labels: { "steady-lab": key },
      HostConfig: {
        Init: false,
        CapAdd: RIGHTS,
        SecurityOpt: ["seccomp=unconfined", "apparmor=unconfined", "label=disable"],
        MaskedPaths: [],
        ReadonlyPaths: [],
        PidMode: "host",
        NetworkMode: "none",
        LogConfig: { Type: "json-file" },
        Mounts: [
          ...seen(...files).map((path) => mount(path, true)),
          mount(folder, false),
          mount(this.#socket, false),
        ],
      },
    });
    return id;
  }

  async #read(id: string): Promise<Output> {
    const logs = await this.#engine.send("GET", `/containers/${id}/logs?follow=1&stdout=1&stderr=1`);
    const told = { stdout: "", stderr: "" };
    readFrames(logs, (stream, text) => {
      told[stream] += text;
    });
    await new Promise((over) => logs.once("close", over));
    return told;
  }

  /** Containers that are left of it; once more where a request may have been under way. */
  async #sweep(key: string, wasAborted: boolean): Promise<void> {
    const filters = encodeURIComponent(JSON.stringify({ label: [`steady-lab=${key}`] }));
    for (let looks = wasAborted ? 2 : 1; looks > 0; looks--) {
      if (looks === 1 && wasAborted) await sleep(LATE_MS);
      const left = await this.#engine.json<{ Id: string }[]>(
        "GET",
        `/containers/json?all=1&filters=${filters}`,
      );
      await Promise.all(left.map(({ Id: id }) => remove(this.#engine, id)));
    }
  }

  async close(): Promise<void> {
    await this.#engine.text("DELETE", `/images/${encodeURIComponent(this.#image)}?force=1`);
  }
}

/** As an engine does that is on another machine. */
function refused(error: unknown): never {
  if (!(error instanceof EngineError)) throw error;
  throw new PlaceError(
    `the engine does not see this machine's files, or does not allow what is needed: ${error.message}`,
  );
}

async function collect(child: ChildProcess): Promise<Output> {
  const told: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
  for (const name of ["stdout", "stderr"] as const)
    child[name]?.on("data", (part: Buffer) => told[name].push(part));
  const failed = await new Promise<Error | undefined>((ended) => {
    child.once("error", ended);
    child.once("close", () => ended(undefined));
  });
  if (failed !== undefined) throw new PlaceError(failed.message);
  const text = (parts: readonly Buffer[]): string => Buffer.concat(parts).toString("utf8");
  return { stdout: text(told.stdout), stderr: text(told.stderr) };
}
