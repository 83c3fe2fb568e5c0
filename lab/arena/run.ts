// Plays attacks: each script in a PID namespace of its own, so that whatever it starts is gone with it, also where the lab is
// killed. The rule: a verdict counts only where the control of the same attack was seen to survive.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { findSteady } from "../inits.ts";
import { PlaceError } from "../place.ts";
import { UsageError } from "../settings.ts";
import { ATTACKS } from "./all.ts";
import { type Attack, type Kind, scriptOf, type Target } from "./attack.ts";

export type Verdict = "survived" | "fell" | "not applicable" | "could not test";

export interface Played {
  readonly attack: string;
  readonly target: string;
  readonly verdict: Verdict;
  /** What was seen, in a sentence. */
  readonly evidence: string;
  /** What the control said. */
  readonly control: string;
}

export interface ArenaReport {
  readonly targets: readonly Target[];
  readonly attacks: readonly Pick<Attack, "id" | "title" | "harm">[];
  readonly results: readonly Played[];
  readonly kernel: string;
  readonly exitStatus: 0 | 1 | 2;
}

export interface ArenaOptions {
  readonly inits: readonly string[];
  /** Ids; all where nothing is said. */
  readonly only?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, planned: number, now: string) => void;
}

const SCRIPT_MS_MAX = 90_000;
const AT_ONCE = 2;
const NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];
/** Where the lab is killed its namespaces go with it. */
const WITH_THE_LAB = ["setpriv", "--pdeathsig", "KILL", "--"];

/** bare, steady, or an init by its name or path. */
export function targetOf(asked: string): Target {
  if (asked === "bare") return { name: asked, kind: "bare" };
  const steady = findSteady()?.path;
  if (asked === "steady") {
    if (steady === undefined)
      throw new PlaceError("there is no steady here: build it, or name it by its path");
    return { name: asked, kind: "steady", path: steady };
  }
  const path = asked.includes("/")
    ? resolve(asked)
    : spawnSync("sh", ["-c", 'command -v "$1"', "sh", asked], { encoding: "utf8" }).stdout.trim();
  if (spawnSync("test", ["-x", path]).status !== 0)
    throw new UsageError(
      `init: ${asked} cannot be executed: write bare, steady, or the name or path of an init`,
    );
  return { name: asked, kind: kindOf(path), path };
}

/** By the name of the file, since that decides the options of an attack, and nothing else. */
function kindOf(path: string): Kind {
  const name = basename(path);
  if (["tini", "tini-static", "docker-init"].includes(name)) return "tini";
  if (["catatonit", "podman-init"].includes(name)) return "catatonit";
  return name === "dumb-init" || name === "steady" ? name : "other";
}

export function attacksOf(only: readonly string[] | undefined): readonly Attack[] {
  const unknown = only?.find((id) => !ATTACKS.some((attack) => attack.id === id));
  if (unknown !== undefined) throw new UsageError(`there is no attack ${unknown}: --list shows them`);
  return only === undefined ? ATTACKS : ATTACKS.filter(({ id }) => only.includes(id));
}

/** Plays every attack on every init. */
export async function attack(options: ArenaOptions): Promise<ArenaReport> {
  const targets = options.inits.map(targetOf);
  const attacks = attacksOf(options.only);
  if (!hasNamespaces())
    throw new PlaceError("attack needs PID namespaces: run it as root, outside of a container");
  const pairs = attacks.flatMap((one) => targets.map((target) => ({ one, target })));
  const results: Played[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let pair = pairs[next++]; pair !== undefined; pair = pairs[next++]) {
      options.signal?.throwIfAborted();
      options.onProgress?.(results.length, pairs.length, `${pair.one.id} on ${pair.target.name}`);
      results.push(await play(pair.one, pair.target, options.signal));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const place = (each: Played): number =>
    pairs.findIndex(({ one, target }) => one.id === each.attack && target.name === each.target);
  results.sort((one, other) => place(one) - place(other));
  return {
    targets,
    attacks: attacks.map(({ id, title, harm }) => ({ id, title, harm })),
    results,
    kernel: spawnSync("uname", ["-r"], { encoding: "utf8" }).stdout.trim(),
    exitStatus: exitStatusOf(results),
  };
}

function exitStatusOf(results: readonly Played[]): 0 | 1 | 2 {
  if (results.some(({ verdict }) => verdict === "could not test")) return 2;
  return results.some(({ verdict }) => verdict === "fell") ? 1 : 0;
}

function hasNamespaces(): boolean {
  const [file = "", ...args] = [...NAMESPACE, "true"];
  return spawnSync(file, args, { stdio: "ignore" }).status === 0;
}

async function play(one: Attack, target: Target, signal: AbortSignal | undefined): Promise<Played> {
  const about = { attack: one.id, target: target.name };
  if (one.kinds !== undefined && !one.kinds.includes(target.kind))
    return {
      ...about,
      verdict: "not applicable",
      evidence: `it is about ${one.kinds.join(", ")}`,
      control: "",
    };
  const control = await playControl(one, target, signal);
  if (control.verdict !== "survived")
    return {
      ...about,
      verdict: "could not test",
      evidence: `its control ${control.said}`,
      control: control.said,
    };
  const { verdict, said } = await runScript(scriptOf(one, target, false), signal);
  return { ...about, verdict, evidence: said, control: control.said };
}

async function playControl(one: Attack, target: Target, signal: AbortSignal | undefined): Promise<Said> {
  if (one.control === "harmless") return runScript(scriptOf(one, target, true), signal);
  const steady = findSteady()?.path;
  if (steady === undefined) return { verdict: "could not test", said: "needs steady, which is not here" };
  return runScript(scriptOf(one, { name: "steady", kind: "steady", path: steady }, false), signal);
}

interface Said {
  readonly verdict: Verdict;
  readonly said: string;
}

const VERDICTS = ["survived", "fell", "not applicable"] as const;

async function runScript(script: string, signal: AbortSignal | undefined): Promise<Said> {
  const [file = "", ...args] = [...WITH_THE_LAB, ...NAMESPACE, "sh", "-c", script];
  const folder = mkdtempSync(join(tmpdir(), "steady-attack-"));
  const env = { ...process.env, HERE: folder };
  const child = spawn(file, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const output = collect(child);
  const end = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  const limit = setTimeout(end, SCRIPT_MS_MAX);
  signal?.addEventListener("abort", end);
  try {
    await new Promise((ended) => child.once("close", ended));
    signal?.throwIfAborted();
    return readVerdict(await output);
  } finally {
    clearTimeout(limit);
    signal?.removeEventListener("abort", end);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function collect(child: ChildProcess): Promise<string> {
  const parts: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (part: Buffer) => parts.push(part));
  await new Promise((ended) => child.once("close", ended));
  return Buffer.concat(parts).toString("latin1");
}

/** The last line that is a verdict; a script that ends without one could not test. */
function readVerdict(output: string): Said {
  const lines = output.trimEnd().split("\n");
  for (const line of lines.toReversed()) {
    const verdict = VERDICTS.find((each) => line.startsWith(`${each}: `));
    if (verdict !== undefined) return { verdict, said: line.slice(verdict.length + 2) };
  }
  return { verdict: "could not test", said: lines.slice(-3).join("; ") || "said nothing" };
}
