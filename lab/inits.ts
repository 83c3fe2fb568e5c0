// What can be put before a program: nothing, steady, or the init at a path. The rule: an init is used as it is, and what
// it does is judged, not what it is called.

import { accessSync, constants } from "node:fs";
import { resolve } from "node:path";
import { PlaceError, type Started } from "./place.ts";
import { BARE } from "./probes.ts";
import { program } from "./programs.ts";
import { UsageError } from "./settings.ts";

export function initOf(asked: string): Started {
  if (asked === "bare") return BARE;
  if (asked !== "steady") return at(asked);
  const steady = findSteady();
  if (steady === undefined)
    throw new PlaceError("there is no steady here: build it, or name an init by its path");
  return steady;
}

/** undefined where it was not built: then nothing is compared with it. */
export function findSteady(): Started | undefined {
  try {
    return { kind: "steady", name: "steady", path: program().path };
  } catch {
    return undefined;
  }
}

function at(path: string): Started {
  const full = resolve(path);
  if (!isExecutable(full))
    throw new UsageError(`init: ${path} cannot be executed: write bare, steady or the path of an init`);
  return { kind: "other", name: path, path: full };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
