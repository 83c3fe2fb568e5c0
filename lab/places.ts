// Chooses where a check takes place: in namespaces where the machine has them, else in a Docker engine. The rule: a
// choice that was not asked for is told in a note.

import { basename, resolve } from "node:path";
import { Docker } from "./docker.ts";
import { type Engine, EngineError, findEngine, type ImageConfig } from "./engine.ts";
import { Namespaces, namespaceWays, type Ways } from "./namespaces.ts";
import { type Place, PlaceError } from "./place.ts";
import type { ImageSubject } from "./report.ts";
import { type Asked, parseSignal, type Signal } from "./settings.ts";

export interface Chosen {
  readonly place: Place;
  /** As the kernel gets it: of an image, its entry point and command. */
  readonly command: readonly string[];
  readonly stopSignal: Signal;
  readonly image?: ImageSubject;
  readonly notes: readonly string[];
  /** The same in the machine's network, where this is not. */
  readonly inHostNetwork?: () => Chosen;
}

export async function choosePlace(asked: Asked, env: NodeJS.ProcessEnv): Promise<Chosen> {
  if (asked.image !== undefined) return inImage(asked, asked.image);
  const ways = process.platform === "linux" && asked.place !== "docker" ? namespaceWays() : undefined;
  if (ways !== undefined) return inNamespaces(asked, ways, env);
  if (asked.place === "namespaces")
    throw new PlaceError("there are no namespaces to be had here: run it as root, or allow user namespaces");
  return inBorrowedImage(asked);
}

function inNamespaces(asked: Asked, { user, network }: Ways, env: NodeJS.ProcessEnv): Chosen {
  const own = network && asked.network !== "host";
  const shared =
    "There is no network namespace to be had here: it ran in the machine's network, one life at a time.";
  const retried =
    "It does not start in a network of its own, so it ran in the machine's, one life at a time.";
  const chosen = (ways: Ways, notes: readonly string[]): Chosen => ({
    place: new Namespaces(ways, resolve(asked.cwd), env),
    command: asked.command,
    stopSignal: asked.stopSignal ?? "SIGTERM",
    notes,
  });
  const best = chosen({ user, network: own }, own || asked.network === "host" ? [] : [shared]);
  if (!own || asked.network === "own") return best;
  return { ...best, inHostNetwork: () => chosen({ user, network: false }, [retried]) };
}

async function inImage(asked: Asked, name: string): Promise<Chosen> {
  const engine = findEngine();
  const about = await engine.version();
  const { Id: id, Config: config } = await inspect(engine, name);
  const entrypoint = config.Entrypoint ?? [];
  const cmd = asked.command.length > 0 ? asked.command : (config.Cmd ?? []);
  if (entrypoint.length + cmd.length === 0)
    throw new PlaceError(`the image ${name} has neither ENTRYPOINT nor CMD: write -- PROGRAM ARGS`);
  const { StopSignal: stop = "", User: user = "" } = config;
  const network = asked.network === "host" ? "host" : "own";
  return {
    place: new Docker(engine, { image: name, entrypoint, cmd, network }, about),
    command: [...entrypoint, ...cmd],
    stopSignal: asked.stopSignal ?? (stop === "" ? "SIGTERM" : parseSignal(stop)),
    image: {
      name,
      id,
      entrypoint,
      cmd: config.Cmd ?? [],
      user,
      ...(stop === "" ? {} : { stopSignal: stop }),
    },
    notes: [],
  };
}

/** The image as the engine has it; one that it does not have is pulled, as docker run would. */
async function inspect(engine: Engine, name: string): Promise<ImageConfig> {
  const path = `/images/${encodeURIComponent(name)}/json`;
  try {
    return await engine.json<ImageConfig>("GET", path);
  } catch (error) {
    if (!(error instanceof EngineError) || error.status !== 404) throw error;
  }
  try {
    await engine.pull(name);
    return await engine.json<ImageConfig>("GET", path);
  } catch (error) {
    throw new PlaceError(
      `the engine has no image ${name}, and could not pull it: ${(error as Error).message}`,
    );
  }
}

/** Without namespaces the program runs in an image that has what programs of its kind need, with its folder mounted. */
async function inBorrowedImage(asked: Asked): Promise<Chosen> {
  const engine = findEngine();
  const about = await engine.version();
  const image = imageFor(asked.command[0] ?? "");
  await inspect(engine, image);
  const folder = resolve(asked.cwd);
  const why = asked.place === "docker" ? "As was asked for" : "There are no namespaces to be had here";
  const network = asked.network === "host" ? "host" : "own";
  return {
    place: new Docker(engine, { image, entrypoint: [], cmd: asked.command, folder, network }, about),
    command: asked.command,
    stopSignal: asked.stopSignal ?? "SIGTERM",
    notes: [`${why}, it ran in ${image} in the Docker engine ${engine.name}, with ${folder} mounted.`],
  };
}

const NODES = ["node", "npm", "npx", "yarn", "pnpm", "corepack"];

function imageFor(program: string): string {
  const name = basename(program);
  if (NODES.includes(name)) return `node:${process.versions.node.split(".")[0]}-slim`;
  return /^python3?$/.test(name) ? "python:3-slim" : "debian:stable-slim";
}
