// What attack, conform and bench share on the command line: where they run, the line of progress, and how they are broken off.

import type { Command } from "commander";
import { breakingOff } from "../broken-off.ts";
import { Display } from "../progress.ts";
import type { Progress } from "../schedule.ts";
import { type RuntimeName, type RuntimeOptions, runtimeNamed } from "./runtime.ts";

export interface WatchedFlags {
  readonly runtime?: string;
  readonly progress: boolean;
}

/** What an action is given, besides what it is about. */
interface Watched extends RuntimeOptions {
  readonly signal: AbortSignal;
  readonly show: (progress: Progress) => void;
}

export function addWatched(command: Command): Command {
  return command
    .option("--runtime <name>", "containers of namespaces, docker, runc or crun (namespaces, else docker)")
    .option("--no-progress", "show no progress");
}

/** What the script of a try is for. */
export function scriptRuntime({ runtime = "namespaces" }: WatchedFlags): RuntimeName {
  return runtimeNamed(runtime);
}

/** Does it with progress on a terminal, and leaves nothing where it is broken off. */
export async function watched<Result>(
  { runtime, progress }: WatchedFlags,
  body: (watched: Watched) => Promise<Result>,
): Promise<Result> {
  const display = new Display(progress && process.stderr.isTTY === true);
  const onNote = (note: string): void => {
    process.stderr.write(`steady-lab: ${note}\n`);
  };
  return breakingOff(async (signal) => {
    try {
      const show = display.show.bind(display);
      return await body({ ...(runtime === undefined ? {} : { runtime }), onNote, signal, show });
    } finally {
      display.clear();
    }
  });
}
