// Chooses where a check takes place: in namespaces where the machine has them, else in a Docker engine. The rule: a
// choice that was not asked for is told in a note.

import { resolve } from "node:path";
import { Namespaces, namespaceWays, type Ways } from "./namespaces.ts";
import { type Place, PlaceError } from "./place.ts";
import type { ImageSubject } from "./report.ts";
import type { Asked, Signal } from "./settings.ts";

export interface Chosen {
  readonly place: Place;
  readonly command: readonly string[];
  readonly stopSignal: Signal;
  readonly image?: ImageSubject;
  readonly notes: readonly string[];
  /** Where the place is namespaces: which. */
  readonly ways?: Ways;
  readonly cwd: string;
}

export async function choosePlace(asked: Asked): Promise<Chosen> {
  const ways = process.platform === "linux" ? namespaceWays() : undefined;
  if (ways === undefined) throw new PlaceError("there are no namespaces to be had here");
  const wanted = { ...ways, network: ways.network && asked.network !== "host" };
  const notes =
    wanted.network || asked.network === "host"
      ? []
      : [
          "There is no network namespace to be had here: the program runs in the machine's network, one life at a time.",
        ];
  return chosen(asked.command, asked.stopSignal ?? "SIGTERM", wanted, resolve(asked.cwd), notes);
}

function chosen(
  command: readonly string[],
  stopSignal: Signal,
  ways: Ways,
  cwd: string,
  notes: readonly string[],
): Chosen {
  return { place: new Namespaces(ways, cwd, process.env), command, stopSignal, notes, ways, cwd };
}

/** The same in the machine's network; undefined where that is what it was already. */
export function withHostNetwork(own: Chosen): Chosen | undefined {
  if (own.ways?.network !== true) return undefined;
  const note =
    "It does not start in a network of its own, so it ran in the machine's network, one life at a time.";
  return chosen(own.command, own.stopSignal, { ...own.ways, network: false }, own.cwd, [...own.notes, note]);
}
