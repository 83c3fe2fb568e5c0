// Promises that are played on a core: a sentence about behaviour, and a function that throws where the core breaks it.
// The test files play them on the core that ships, and `npm run mutants` on changed ones.

import type { Core } from "../lib/host.ts";

export interface Played {
  readonly sentence: string;
  /** With less `effort` than 1 it plays as much less of what is one of many. */
  readonly play: (core: Core, effort: number) => void;
}

/** Adds promises to a list. */
export function into(list: Played[]): (sentence: string, play: Played["play"]) => void {
  return (sentence, play) => {
    list.push({ sentence, play });
  };
}

/** As many of a list as the effort allows, evenly. */
export function some<Item>(all: readonly Item[], effort: number): Item[] {
  return all.filter((_, index) => Math.floor(index * effort) < Math.floor((index + 1) * effort));
}
