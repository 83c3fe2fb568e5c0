// Attacks, probes and measures the same inits, one after the other. The rule: the bench comes first, while nothing of ours is at
// work beside it, and every part is what its own command would have told.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { demandProgram, isAdapted } from "../arena/adapter.ts";
import { attack, attacksOf } from "../arena/run.ts";
import { openRuntime, type RuntimeOptions } from "../arena/runtime.ts";
import { type Kind, type Target, targetOf } from "../arena/target.ts";
import { bench } from "../bench/run.ts";
import { chosenOf, conform } from "../conform/run.ts";
import { PlaceError } from "../place.ts";
import type { Progress } from "../schedule.ts";
import { UsageError } from "../settings.ts";
import { versionOfLab } from "../version.ts";
import type { Compared, Overview } from "./report.ts";

export interface ReportOptions extends RuntimeOptions {
  /** Each is steady, bare (no init), or the name or path of an init. The five of the documents, as far as they are here, where nothing is said. */
  readonly inits?: readonly string[];
  /** Fewer repetitions, and crowds of at most 1,000. */
  readonly quick?: boolean;
  /** Ids of attacks; all where nothing is said. */
  readonly attacks?: readonly string[];
  /** Rows of conform, or groups of them; all where nothing is said. */
  readonly rows?: readonly string[];
  /** Names of measures; all where nothing is said. */
  readonly measures?: readonly string[];
  /** Breaks it off; nothing is left running. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const INITS = ["steady", "tini", "dumb-init", "catatonit", "bare"];
const QUICK = { runs: 2, most: 1_000 };
/** Those whose `--version` is known to print and end; another init may take the word for its program. */
const TELLS_VERSION: readonly Kind[] = ["tini", "dumb-init", "catatonit", "steady"];
const VERSION_MS_MAX = 5_000;
const VERSION_LENGTH_MAX = 100;

/**
 * Compares inits: who falls by which attack, who behaves how, who costs what. What `attack`, `conform` and `bench` answer, in one
 * report with the machine and the versions. It needs Linux, root or an engine, and a C compiler; a PlaceError says what is missing.
 */
export async function report(options: ReportOptions = {}): Promise<Overview> {
  const begun = Date.now();
  const { found, absent } = targets(options.inits);
  const inits = found.map(({ name }) => name);
  // Told now, and not after the minutes of a bench.
  attacksOf(options.attacks);
  chosenOf(options.rows);
  const { signal, quick = false, onProgress } = options;
  // Chosen once, so that all three are about the same.
  const opened = await openRuntime("report", options);
  await opened.close();
  const runtime = opened.name;
  const watching = {
    runtime,
    ...(signal === undefined ? {} : { signal }),
    onProgress: (done: number, planned: number, now: string) =>
      onProgress?.({ done, planned, running: [now] }),
  };
  // One that takes no program on its command line is no subject of bench.
  const measured = found.filter(({ kind }) => !isAdapted(kind));
  if (measured.length === 0) demandProgram("the bench of a report", found);
  const benched = await bench({
    inits: measured.map(({ name }) => name),
    runtime,
    ...(quick ? QUICK : {}),
    ...(options.measures === undefined ? {} : { only: options.measures }),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const attacked = await attack({ inits, ...only(options.attacks), ...watching });
  const conformed = await conform({ inits, ...only(options.rows), ...watching });
  const isUntested = [benched, attacked, conformed].some(({ exitStatus }) => exitStatus === 2);
  return {
    reportVersion: 1,
    tool: { name: "steady-lab", version: versionOfLab() },
    startedAt: new Date(begun).toISOString(),
    durationMs: Date.now() - begun,
    quick,
    inits: found.map(comparedOf),
    absent,
    attack: attacked,
    conform: conformed,
    bench: benched,
    exitStatus: isUntested ? 2 : 0,
  };
}

function only(ids: readonly string[] | undefined): { readonly only?: readonly string[] } {
  return ids === undefined ? {} : { only: ids };
}

interface Targets {
  readonly found: readonly Target[];
  readonly absent: readonly string[];
}

/** Who is asked for must be here; of the default whoever is. */
function targets(asked: readonly string[] | undefined): Targets {
  if (asked !== undefined && asked.length > 0)
    return { found: [...new Set(asked)].map(targetOf), absent: [] };
  const tried = INITS.map((name) => ({ name, target: targetIfHere(name) }));
  return {
    found: tried.flatMap(({ target }) => target ?? []),
    absent: tried.flatMap(({ name, target }) => (target === undefined ? [name] : [])),
  };
}

function targetIfHere(name: string): Target | undefined {
  try {
    return targetOf(name);
  } catch (error) {
    if (error instanceof UsageError || error instanceof PlaceError) return undefined;
    throw error;
  }
}

function comparedOf({ name, kind, path }: Target): Compared {
  if (path === undefined) return { name, kind };
  const version = TELLS_VERSION.includes(kind) ? versionOf(path) : undefined;
  const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
  return { name, kind, path, ...(version === undefined ? {} : { version }), sha256 };
}

/** dumb-init writes it to stderr. */
function versionOf(path: string): string | undefined {
  const { stdout, stderr } = spawnSync(path, ["--version"], { encoding: "utf8", timeout: VERSION_MS_MAX });
  const [line] = `${stdout ?? ""}${stderr ?? ""}`.split("\n").filter((each) => each.trim() !== "");
  return line?.trim().slice(0, VERSION_LENGTH_MAX);
}
