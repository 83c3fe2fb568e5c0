// Plays attacks. The rule: a verdict counts only where the control of the same attack was seen to survive.

import { release } from "node:os";
import { findSteady } from "../inits.ts";
import { UsageError } from "../settings.ts";
import { ATTACKS } from "./all.ts";
import { type Attack, scriptOf } from "./attack.ts";
import { openRuntime, type Runtime, type RuntimeOptions } from "./runtime.ts";
import { inTurn, runScript, type Watching } from "./script.ts";
import { type Target, targetOf } from "./target.ts";

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
  /** What the containers were of; namespaces where nothing is said. */
  readonly engine?: string;
  readonly exitStatus: 0 | 1 | 2;
}

export interface ArenaOptions extends Watching, RuntimeOptions {
  readonly inits: readonly string[];
  /** Ids; all where nothing is said. */
  readonly only?: readonly string[];
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
  const runtime = await openRuntime("attack", options);
  try {
    const pairs = attacks.flatMap((one) => targets.map((target) => ({ one, target })));
    const results = await inTurn(
      pairs,
      options,
      ({ one, target }) => `${one.id} on ${target.name}`,
      ({ one, target }) => play({ one, runtime, signal: options.signal }, target),
    );
    return {
      targets,
      attacks: attacks.map(({ id, title, harm }) => ({ id, title, harm })),
      results,
      kernel: release(),
      ...(runtime.engine === undefined ? {} : { engine: runtime.engine }),
      exitStatus: exitStatusOf(results),
    };
  } finally {
    await runtime.close();
  }
}

function exitStatusOf(results: readonly Played[]): 0 | 1 | 2 {
  if (results.some(({ verdict }) => verdict === "could not test")) return 2;
  return results.some(({ verdict }) => verdict === "fell") ? 1 : 0;
}

/** An attack, and where it is played. */
interface Stage {
  readonly one: Attack;
  readonly runtime: Runtime;
  readonly signal: AbortSignal | undefined;
}

async function play(stage: Stage, target: Target): Promise<Played> {
  const { one } = stage;
  const about = { attack: one.id, target: target.name };
  if (one.kinds !== undefined && !one.kinds.includes(target.kind))
    return {
      ...about,
      verdict: "not applicable",
      evidence: `it is about ${one.kinds.join(", ")}`,
      control: "",
    };
  const control = await playControl(stage, target);
  if (control.verdict !== "survived")
    return {
      ...about,
      verdict: "could not test",
      evidence: `its control ${control.said}`,
      control: control.said,
    };
  const { verdict, said } = await runAttack(stage, target, false);
  return { ...about, verdict, evidence: said, control: control.said };
}

async function playControl(stage: Stage, target: Target): Promise<Said> {
  if (stage.one.control === "harmless") return runAttack(stage, target, true);
  const steady = findSteady()?.path;
  if (steady === undefined) return { verdict: "could not test", said: "needs steady, which is not here" };
  return runAttack(stage, { name: "steady", kind: "steady", path: steady }, false);
}

interface Said {
  readonly verdict: Verdict;
  readonly said: string;
}

const VERDICTS = ["survived", "fell", "not applicable"] as const;

async function runAttack({ one, runtime, signal }: Stage, target: Target, isControl: boolean): Promise<Said> {
  const script = scriptOf(one, target, isControl, runtime.name);
  return readVerdict(await runScript(runtime, script, target, signal));
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
