// Probes inits. The rule: a value counts only where the control of its probe was seen to hold.

import { machine, release } from "node:os";
import { notAbout } from "../arena/adapter.ts";
import { openRuntime, type Runtime, type RuntimeName, type RuntimeOptions } from "../arena/runtime.ts";
import { inTurn, runScript, type Watching } from "../arena/script.ts";
import { type Target, targetOf } from "../arena/target.ts";
import { UsageError } from "../settings.ts";
import { versionOfLab } from "../version.ts";
import { PROBES } from "./all.ts";
import { type Probe, rowsOf, scriptOf } from "./probe.ts";
import type { ConformCell, ConformReport, ConformRow } from "./report.ts";

export interface ConformOptions extends Watching, RuntimeOptions {
  /** bare, steady, or the name or path of an init: the columns of the matrix. */
  readonly inits: readonly string[];
  /** Rows (`pid1.15`), probes (`pid1`) and groups (`signals`); all where nothing is said. */
  readonly only?: readonly string[];
}

/** A probe, and those of its rows that are asked for. */
export interface Chosen {
  readonly probe: Probe;
  readonly rows: readonly ConformRow[];
}

/** Probes how each init behaves, row by row. */
export async function conform(options: ConformOptions): Promise<ConformReport> {
  const inits = [...new Set(options.inits)].map(targetOf);
  const chosen = chosenOf(options.only);
  const runtime = await openRuntime("conform", options);
  const all = await probeAll(runtime, chosen, inits, options).finally(() => runtime.close());
  return {
    reportVersion: 1,
    tool: { name: "steady-lab", version: versionOfLab() },
    kernel: release(),
    machine: machine(),
    ...(runtime.engine === undefined ? {} : { engine: runtime.engine }),
    inits,
    rows: chosen.flatMap(({ rows }) => rows),
    cells: all,
    exitStatus: all.some(({ state }) => state === "could not test") ? 2 : 0,
  };
}

async function probeAll(
  runtime: Runtime,
  chosen: readonly Chosen[],
  inits: readonly Target[],
  options: ConformOptions,
): Promise<readonly ConformCell[]> {
  const pairs = chosen.flatMap((one) => inits.map((target) => ({ ...one, target })));
  const cells = await inTurn(
    pairs,
    options,
    ({ probe, target }) => `${probe.id} of ${target.name}`,
    (pair) => play(runtime, pair, pair.target, options.signal),
  );
  return cells.flat();
}

/** What `only` asks for, in the order of the matrix. */
export function chosenOf(only: readonly string[] | undefined): readonly Chosen[] {
  const all = PROBES.map((probe) => ({ probe, rows: rowsOf(probe).map((id, i) => rowOf(probe, id, i + 1)) }));
  if (only === undefined) return all;
  const isMeant = (asked: string, row: ConformRow): boolean => [row.id, row.probe, row.group].includes(asked);
  const unknown = only.find((asked) => !all.some(({ rows }) => rows.some((row) => isMeant(asked, row))));
  if (unknown !== undefined) throw new UsageError(`there is no row ${unknown}: --list shows them`);
  return all
    .map(({ probe, rows }) => ({
      probe,
      rows: rows.filter((row) => only.some((asked) => isMeant(asked, row))),
    }))
    .filter(({ rows }) => rows.length > 0);
}

function rowOf({ id: probe, group, title, eachSignal }: Probe, id: string, signal: number): ConformRow {
  return { id, probe, group, title, ...(eachSignal === true ? { signal } : {}) };
}

/** The script of what was chosen of a probe. */
export function chosenScript({ probe, rows }: Chosen, target: Target, runtime: RuntimeName): string {
  return scriptOf(
    probe,
    target,
    rows.flatMap(({ signal }) => (signal === undefined ? [] : [signal])),
    runtime,
  );
}

async function play(
  runtime: Runtime,
  chosen: Chosen,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<readonly ConformCell[]> {
  const { probe, rows } = chosen;
  const all = (state: ConformCell["state"], evidence: string): readonly ConformCell[] =>
    rows.map(({ id }) => ({ row: id, init: target.name, state, value: "", evidence, control: "" }));
  if (probe.kinds !== undefined && !probe.kinds.includes(target.kind))
    return all("not applicable", `it is about ${probe.kinds.join(", ")}`);
  const why = notAbout(target.kind, probe.id);
  if (why !== undefined) return all("not applicable", why);
  const script = chosenScript(chosen, target, runtime.name);
  const output = await runScript(runtime, script, target.path === undefined ? [] : [target.path], signal);
  return cellsOf(output, rows, target.name) ?? all("not applicable", after(output, "not applicable: ") ?? "");
}

/** What a script said; undefined where it said that it is not about this init. */
function cellsOf(
  output: string,
  rows: readonly ConformRow[],
  init: string,
): readonly ConformCell[] | undefined {
  if (after(output, "not applicable: ") !== undefined) return undefined;
  const control = after(output, "control: ");
  const found = new Map(cellLines(output).map((cell) => [cell.row, cell]));
  const why =
    after(output, "cannot: ") ??
    (output.trimEnd().split("\n").slice(-3).join("; ") || "the script said nothing");
  return rows.map(({ id }) => {
    const cell = found.get(id);
    if (control === undefined || cell === undefined)
      return { row: id, init, state: "could not test", value: "", evidence: why, control: control ?? "" };
    return { ...cell, init, state: "probed", control };
  });
}

function cellLines(output: string): readonly Pick<ConformCell, "row" | "value" | "evidence">[] {
  return [...output.matchAll(/^cell: ([^\t\n]+)\t([^\t\n]+)\t(.*)$/gm)].map(
    ([, row = "", value = "", evidence = ""]) => ({ row, value, evidence: evidence.trim() }),
  );
}

function after(output: string, words: string): string | undefined {
  const line = output.split("\n").find((each) => each.startsWith(words));
  return line?.slice(words.length).trim();
}
