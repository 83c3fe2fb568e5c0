// Runs programs in containers of a Docker engine, as the engine would: with the image's entry point, command, user and
// stop signal. The rule: where the engine is on this machine its processes are watched through /proc, as everywhere;
// where it is not (a virtual machine on macOS and Windows) the engine is asked for them, which tells less.

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type ContainerState, type Engine, EngineError, readFrames, tarOf } from "./engine.ts";
import { type Box, MissingError, type Place, PlaceError, type Spec, type Status } from "./place.ts";
import {
  commandOf,
  innerPid,
  type Listener,
  listenersOf,
  type Masks,
  masksOf,
  type Stat,
  statOf,
  treeOf,
} from "./processes.ts";

const INIT = ".steady-lab-init";
const ENGINES_INIT = "/sbin/docker-init";
const KEPT = "steady-lab: the program ended with";
/** As in namespaces.ts, but a container has no descriptor to tell the status on: its last line of output does. */
const KEEP = `"$@"; echo "${KEPT} $?"; while :; do sleep 3600; done`;
const TOP_MS = 100;
const GONE_MS_MAX = 10_000;
const POLL_MS = 20;

/** What a container is made of, besides the program. */
export interface Recipe {
  readonly image: string;
  /** ENTRYPOINT and CMD apart, as the engine puts them together. */
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** Where the program is the user's own, and its folder is mounted. */
  readonly folder?: string;
  readonly network: "own" | "host";
}

export class Docker implements Place {
  readonly kind = "docker";
  readonly namespaces = ["pid", "mount", "network"];
  readonly ownPorts: boolean;
  readonly kernel: string;
  readonly engine: string;
  readonly #engine: Engine;
  readonly #recipe: Recipe;

  constructor(
    engine: Engine,
    recipe: Recipe,
    about: { readonly Version: string; readonly KernelVersion: string },
  ) {
    this.#engine = engine;
    this.#recipe = recipe;
    this.kernel = about.KernelVersion;
    this.engine = `Docker ${about.Version}`;
    this.ownPorts = recipe.network === "own";
  }

  async open(spec: Spec): Promise<Box> {
    const { Id: id } = await this.#engine.json<{ Id: string }>(
      "POST",
      "/containers/create",
      this.#container(spec),
    );
    try {
      if (spec.init.path !== undefined) {
        const archive = tarOf(INIT, readFileSync(spec.init.path));
        (await this.#engine.send("PUT", `/containers/${id}/archive?path=/`, archive)).resume();
      }
      return await DockerBox.start(this.#engine, id, spec);
    } catch (error) {
      await remove(this.#engine, id);
      throw spec.kept ? new MissingError("there is no shell in the image to outlive the program") : error;
    }
  }

  #container({ init, kept }: Spec): object {
    const { image, entrypoint, cmd, folder, network } = this.#recipe;
    const program = [...entrypoint, ...cmd];
    const before = init.path === undefined ? [] : [`/${INIT}`, "--"];
    const first = kept ? { Entrypoint: ["/bin/sh", "-c", KEEP, "sh", ...program], Cmd: [] } : undefined;
    const wrapped = before.length > 0 ? { Entrypoint: [...before, ...program], Cmd: [] } : undefined;
    return {
      Image: image,
      // Without a change of ours the engine puts the two together by itself.
      ...(first ?? wrapped ?? { ...(entrypoint.length > 0 ? { Entrypoint: entrypoint } : {}), Cmd: cmd }),
      ...(folder === undefined ? {} : { WorkingDir: folder }),
      Labels: { "steady-lab": String(process.pid) },
      HostConfig: {
        // The lines of the log must come back, whatever the engine does with those of others.
        LogConfig: { Type: "json-file" },
        PublishAllPorts: network === "own",
        ...(network === "host" ? { NetworkMode: "host" } : {}),
        ...(folder === undefined ? {} : { Binds: [`${folder}:${folder}`] }),
      },
    };
  }
}

class DockerBox implements Box {
  readonly hasInit: boolean;
  readonly ended: Promise<Status>;
  readonly #engine: Engine;
  readonly #id: string;
  readonly #first: Stat | undefined;
  readonly #state: ContainerState;
  #top: { readonly atMs: number; readonly stats: readonly Stat[] } = { atMs: 0, stats: [] };

  private constructor(engine: Engine, id: string, spec: Spec, state: ContainerState, kept: Promise<Status>) {
    this.#engine = engine;
    this.#id = id;
    this.#state = state;
    const stat = statOf(state.State.Pid);
    // A pid of another machine's engine may be somebody's here: it is ours where it is in that container.
    this.#first = stat !== undefined && isIn(stat.pid, id) ? stat : undefined;
    this.hasInit = this.#first !== undefined && commandOf(this.#first).startsWith(`${ENGINES_INIT} `);
    const waited = engine
      .json<{ StatusCode: number }>("POST", `/containers/${id}/wait`)
      .then(({ StatusCode }) => ({ status: StatusCode }))
      .catch(() => ({ status: -1 }));
    this.ended = spec.kept ? Promise.race([kept, waited]) : waited;
  }

  static async start(engine: Engine, id: string, spec: Spec): Promise<DockerBox> {
    try {
      (await engine.send("POST", `/containers/${id}/start`)).resume();
    } catch (error) {
      // A program that is not there or cannot be executed: the container has ended with 127 or 126, and this is its word.
      if (spec.kept || !(error instanceof EngineError)) throw error;
      spec.log("stderr", error.message);
    }
    const logs = await engine.send("GET", `/containers/${id}/logs?follow=1&stdout=1&stderr=1`);
    const kept = new Promise<Status>((resolve) => {
      const rest = { stdout: "", stderr: "" };
      readFrames(logs, (stream, text) => {
        const lines = `${rest[stream]}${text}`.split("\n");
        rest[stream] = lines.pop() ?? "";
        for (const line of lines) {
          if (line.startsWith(KEPT)) resolve({ status: Number(line.slice(KEPT.length)) });
          else spec.log(stream, line.replace(/\r$/, ""));
        }
      });
    });
    const state = await engine.json<ContainerState>("GET", `/containers/${id}/json`);
    return new DockerBox(engine, id, spec, state, kept);
  }

  async processes(): Promise<readonly Stat[]> {
    if (this.#first !== undefined)
      return statOf(this.#first.pid)?.started === this.#first.started ? treeOf(this.#first.pid) : [];
    if (performance.now() - this.#top.atMs > TOP_MS)
      this.#top = { atMs: performance.now(), stats: await this.#ask().catch(() => []) };
    return this.#top.stats;
  }

  /** The engine runs its ps where the container is; pids are those of that machine. */
  async #ask(): Promise<Stat[]> {
    const columns = encodeURIComponent("-eo pid,ppid,stat,cputimes,comm");
    const { Processes: rows } = await this.#engine.json<{ Processes: string[][] }>(
      "GET",
      `/containers/${this.#id}/top?ps_args=${columns}`,
    );
    return rows.map(([pid, parent, state = "", cpu, name = ""]) => ({
      pid: Number(pid),
      parent: Number(parent),
      name,
      state: state.slice(0, 1),
      ticks: Number(cpu) * 100,
      started: "",
    }));
  }

  innerPid(pid: number): number {
    if (this.#first !== undefined) return innerPid(pid);
    return pid === this.#state.State.Pid ? 1 : pid;
  }

  commandOf(stat: Stat): string {
    return this.#first === undefined ? stat.name : commandOf(stat);
  }

  masksOf(pid: number): readonly Masks[] {
    return this.#first === undefined ? [] : masksOf(pid);
  }

  listeners(): readonly Listener[] {
    if (this.#first !== undefined) return listenersOf(this.#first.pid);
    // Those of the image's EXPOSE, as far as the engine published them.
    return Object.keys(this.#state.NetworkSettings.Ports ?? {}).map((key) => ({
      address: "0.0.0.0",
      port: Number.parseInt(key, 10),
    }));
  }

  /** PID 1 gets it from the engine, as with docker stop; others from here or from inside. */
  async signal(pid: number, signal: number): Promise<void> {
    if (pid === this.#state.State.Pid) {
      (await this.#engine.send("POST", `/containers/${this.#id}/kill?signal=${signal}`)).resume();
      return;
    }
    if (this.#first === undefined)
      throw new MissingError("only PID 1 can be reached in an engine on another machine");
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
      await this.inject(`kill -${signal} ${innerPid(pid)}`);
    }
  }

  async inject(script: string): Promise<string> {
    const { Id: exec } = await this.#engine.json<{ Id: string }>("POST", `/containers/${this.#id}/exec`, {
      AttachStdout: true,
      AttachStderr: true,
      User: "0",
      Cmd: ["/bin/sh", "-c", script],
    });
    const response = await this.#engine.send("POST", `/exec/${exec}/start`, { Detach: false, Tty: false });
    let text = "";
    readFrames(response, (_, part) => {
      text += part;
    });
    await new Promise((resolve) => response.on("close", resolve));
    const { ExitCode: status } = await this.#engine.json<{ ExitCode: number }>("GET", `/exec/${exec}/json`);
    if (status === 126 || status === 127) throw new MissingError("there is no shell in the image");
    return text;
  }

  visit(script: string, args: readonly string[]): ChildProcess {
    const command = [process.execPath, script, ...args.map((arg) => this.#reach(arg))];
    const [file = "", ...rest] = this.#canEnter()
      ? ["nsenter", "--target", String(this.#first?.pid), "--net", "--", ...command]
      : command;
    return spawn(file, rest, { stdio: ["pipe", "pipe", "inherit"] });
  }

  /** Root on the engine's machine goes into the container's network; anybody else comes by the published port. */
  #canEnter(): boolean {
    return this.#first !== undefined && process.getuid?.() === 0;
  }

  #reach(text: string): string {
    if (this.#canEnter()) return text;
    const published = (port: string) =>
      this.#state.NetworkSettings.Ports?.[`${port}/tcp`]?.[0]?.HostPort ?? port;
    return text.replace(
      /(127\.0\.0\.1|localhost):(\d+)/,
      (_, host: string, port: string) => `${host}:${published(port)}`,
    );
  }

  async close(): Promise<void> {
    await remove(this.#engine, this.#id);
  }
}

function isIn(pid: number, container: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(container);
  } catch {
    return false;
  }
}

/** Kills what is left, and waits until the engine knows the container no more. */
export async function remove(engine: Engine, id: string): Promise<void> {
  const deadline = performance.now() + GONE_MS_MAX;
  while (performance.now() < deadline) {
    try {
      (await engine.send("DELETE", `/containers/${id}?force=1&v=1`)).resume();
    } catch (error) {
      // 404: gone. 409: somebody removes it already, the engine itself after a crash.
      if (error instanceof EngineError && error.status === 404) return;
      if (!(error instanceof EngineError && error.status === 409)) throw error;
    }
    await sleep(POLL_MS);
  }
  throw new PlaceError(`the engine does not remove the container ${id.slice(0, 12)}`);
}
