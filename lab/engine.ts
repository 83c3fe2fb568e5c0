// A Docker engine, by the ten calls of its API that the lab makes: plain HTTP over a socket. The rule: an answer that is
// no success becomes an error with the engine's own words.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { type IncomingMessage, type RequestOptions, request } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";
import { PlaceError } from "./place.ts";

/** 404 and 409 are answers that somebody may expect. */
export class EngineError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface ImageConfig {
  readonly Id: string;
  readonly Config: {
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly User?: string;
    readonly StopSignal?: string;
  };
}

export interface ContainerState {
  readonly State: {
    readonly Pid: number;
    readonly Running: boolean;
    readonly ExitCode: number;
    readonly Error: string;
  };
  readonly Config: { readonly StopSignal?: string };
  readonly NetworkSettings: {
    readonly Ports?: Readonly<Record<string, readonly { readonly HostPort: string }[] | null>>;
  };
}

export class Engine {
  readonly #where: RequestOptions;
  readonly name: string;
  /** Its path, where it is reached by a socket. */
  readonly socket: string | undefined;

  /** `host` as DOCKER_HOST has it: unix:///var/run/docker.sock, npipe:////./pipe/docker_engine, tcp://127.0.0.1:2375. */
  constructor(host: string) {
    this.name = host;
    const socket = /^(?:unix|npipe):\/\/(.*)$/.exec(host)?.[1];
    this.socket = socket;
    if (socket !== undefined) this.#where = { socketPath: socket };
    else {
      const url = new URL(host.replace(/^tcp:/, "http:"));
      if (url.protocol !== "http:")
        throw new PlaceError(`the lab speaks to an engine by unix, npipe or tcp, not by ${host}`);
      this.#where = { host: url.hostname, port: url.port };
    }
  }

  async version(): Promise<{
    readonly Version: string;
    readonly Arch: string;
    readonly KernelVersion: string;
  }> {
    try {
      return await this.json("GET", "/version");
    } catch (error) {
      throw new PlaceError(`no Docker engine answers at ${this.name}: ${(error as Error).message}`);
    }
  }

  async json<T>(method: string, path: string, body?: object): Promise<T> {
    const text = await this.text(method, path, body);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  async text(method: string, path: string, body?: object | Buffer): Promise<string> {
    return textOf(await this.send(method, path, body));
  }

  /** The answer as it comes, for what takes its time. */
  async send(method: string, path: string, body?: object | Buffer): Promise<IncomingMessage> {
    const response = await this.#request(method, path, body);
    const status = response.statusCode ?? 0;
    if (status < 400) return response;
    const text = await textOf(response);
    throw new EngineError(status, messageIn(text) ?? `${method} ${path}: status ${status}`);
  }

  #request(method: string, path: string, body?: object | Buffer): Promise<IncomingMessage> {
    const bytes =
      body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const type = Buffer.isBuffer(body) ? "application/x-tar" : "application/json";
    const headers = bytes === undefined ? {} : { "Content-Type": type, "Content-Length": bytes.length };
    return new Promise((resolve, reject) => {
      const sent = request({ ...this.#where, method, path, headers, agent: false }, resolve);
      sent.on("error", reject);
      sent.end(bytes);
    });
  }

  /** Pulls an image that is not there. The engine says what went wrong in the last line of a long answer. */
  async pull(image: string): Promise<void> {
    const named = /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
    const text = await textOf(
      await this.send("POST", `/images/create?fromImage=${encodeURIComponent(named)}`),
    );
    const last = text.trim().split("\n").at(-1) ?? "";
    const failure = messageIn(last);
    if (failure !== undefined) throw new EngineError(500, failure);
  }
}

/** DOCKER_HOST, else the context that the docker command uses, else the usual socket. */
export function findEngine(): Engine {
  const { DOCKER_HOST: host, DOCKER_CONTEXT: context = currentContext() } = process.env;
  if (host !== undefined && host !== "") return new Engine(host);
  if (context !== undefined && context !== "default") return new Engine(hostOfContext(context));
  return new Engine(
    process.platform === "win32" ? "npipe:////./pipe/docker_engine" : "unix:///var/run/docker.sock",
  );
}

function dockerFolder(): string {
  return process.env.DOCKER_CONFIG ?? join(homedir(), ".docker");
}

function currentContext(): string | undefined {
  const path = join(dockerFolder(), "config.json");
  if (!existsSync(path)) return undefined;
  return (JSON.parse(readFileSync(path, "utf8")) as { currentContext?: string }).currentContext;
}

/** docker keeps a context in a folder that is called by the hash of its name. */
function hostOfContext(name: string): string {
  const hash = createHash("sha256").update(name).digest("hex");
  const path = join(dockerFolder(), "contexts/meta", hash, "meta.json");
  if (!existsSync(path)) throw new PlaceError(`there is no Docker context ${name}: set DOCKER_HOST`);
  const meta = JSON.parse(readFileSync(path, "utf8")) as { Endpoints?: { docker?: { Host?: string } } };
  const host = meta.Endpoints?.docker?.Host;
  if (host === undefined) throw new PlaceError(`the Docker context ${name} names no engine: set DOCKER_HOST`);
  return host;
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of response.setEncoding("utf8")) text += part as string;
  return text;
}

function messageIn(text: string): string | undefined {
  try {
    const { message, error } = JSON.parse(text) as { message?: string; error?: string };
    return message ?? error;
  } catch {
    return undefined;
  }
}

/** Takes the engine's frames apart: a byte for the stream, three of nothing, the length, the text. */
export function readFrames(
  response: IncomingMessage,
  each: (stream: "stdout" | "stderr", text: string) => void,
): void {
  let rest: Buffer = Buffer.alloc(0);
  response
    .on("error", () => undefined)
    .on("data", (part: Buffer) => {
      rest = Buffer.concat([rest, part]);
      while (rest.length >= 8 && rest.length >= 8 + rest.readUInt32BE(4)) {
        const end = 8 + rest.readUInt32BE(4);
        each(rest[0] === 2 ? "stderr" : "stdout", rest.subarray(8, end).toString("utf8"));
        rest = rest.subarray(end);
      }
    });
}

/** A tar archive with one executable file in it, in the ustar format. */
export function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  const put = (at: number, text: string) => header.write(text, at, "latin1");
  put(0, name);
  put(100, "0000755\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  put(124, `${content.length.toString(8).padStart(11, "0")}\0`);
  put(136, "00000000000\0");
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\x0000");
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}
