// The inits that attack and conform are about. The rule: the name of the file decides which options there are, and nothing
// else.

import { spawnSync } from "node:child_process";
import { basename, resolve } from "node:path";
import { findSteady } from "../inits.ts";
import { PlaceError } from "../place.ts";
import { UsageError } from "../settings.ts";

export const KINDS = [
  "bare",
  "tini",
  "dumb-init",
  "catatonit",
  "steady",
  "runit",
  "s6",
  "systemd",
  "other",
] as const;
export type Kind = (typeof KINDS)[number];

/** Whoever is an init at all. */
export const INITS: readonly Kind[] = KINDS.filter((kind) => kind !== "bare");

/** An init that is attacked or probed. */
export interface Target {
  readonly name: string;
  readonly kind: Kind;
  /** Nothing where the program itself is PID 1. */
  readonly path?: string;
}

/** bare, steady, or an init by its name or path. */
export function targetOf(asked: string): Target {
  if (asked === "bare") return { name: asked, kind: "bare" };
  const steady = findSteady()?.path;
  if (asked === "steady") {
    if (steady === undefined)
      throw new PlaceError("there is no steady here: build it, or name it by its path");
    return { name: asked, kind: "steady", path: steady };
  }
  const path = asked.includes("/") ? resolve(asked) : pathOf(asked);
  if (spawnSync("test", ["-f", path, "-a", "-x", path]).status !== 0)
    throw new UsageError(
      `init: ${asked} cannot be executed: write bare, steady, or the name or path of an init`,
    );
  return { name: asked, kind: kindOf(path), path };
}

/** Where Debian has those that are on nobody's PATH, or have another name than their package. */
const PLACES: Readonly<Record<string, string>> = {
  "runit-init": "/lib/runit/runit-init",
  s6: "s6-svscan",
  systemd: "/lib/systemd/systemd",
};

function pathOf(name: string): string {
  const find = 'command -v "$1" || command -v "$2"';
  const asked = ["sh", "-c", find, "sh", name, PLACES[name] ?? name];
  return spawnSync(asked[0] ?? "", asked.slice(1), { encoding: "utf8" }).stdout.trim();
}

/** Of files, also as their releases have them: tini-static-amd64, dumb-init_1.2.5_x86_64, catatonit.x86_64. */
const NAMES: Partial<Readonly<Record<Kind, RegExp>>> = {
  tini: /^(tini([-_].+)?|docker-init)$/,
  "dumb-init": /^dumb-init([-_].+)?$/,
  catatonit: /^(catatonit([-_.].+)?|podman-init)$/,
  steady: /^steady([-_].+)?$/,
  runit: /^runit-init$/,
  s6: /^s6-svscan$/,
  systemd: /^systemd$/,
};

function kindOf(path: string): Kind {
  const found = Object.entries(NAMES).find(([, name]) => name.test(basename(path)));
  return found === undefined ? "other" : (found[0] as Kind);
}
