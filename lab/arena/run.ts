// Plays attacks. The rule: a verdict counts only where the control of the same attack was seen to survive.

import { machine, release } from "node:os";
import { resolve } from "node:path";
import { findSteady } from "../inits.ts";
import { UsageError } from "../settings.ts";
import { versionOfLab } from "../version.ts";
import { notAbout } from "./adapter.ts";
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
  /** What the verdict comes from; none where nothing was played. */
  readonly seen?: Seen;
}

/** The last of what was there when the verdict was given. */
export interface Seen {
  /** In this order, as the script tells it. */
  readonly sent: readonly string[];
  /** What the program says that it had, each once with how often. */
  readonly got: readonly string[];
  /** What the container ended with; none where it had not. */
  readonly status?: number;
  /** The last lines of its output, of its errors, and of a log of the init's own. */
  readonly out: readonly string[];
  readonly err: readonly string[];
  readonly log: readonly string[];
}

export interface ArenaReport {
  readonly reportVersion: 1;
  readonly tool: { readonly name: "steady-lab"; readonly version: string };
  readonly targets: readonly Target[];
  readonly attacks: readonly Pick<Attack, "id" | "title" | "harm">[];
  readonly results: readonly Played[];
  readonly kernel: string;
  readonly machine: string;
  /** What the containers were of; namespaces where nothing is said. */
  readonly engine?: string;
  readonly exitStatus: 0 | 1 | 2;
}

export interface ArenaOptions extends Watching, RuntimeOptions {
  readonly inits: readonly string[];
  /** Ids; all where nothing is said. */
  readonly only?: readonly string[];
  /** A build of steady whose core can be made to fail (test/lib/build.ts), for the attack that needs one. */
  readonly planted?: string;
}

export function attacksOf(only: readonly string[] | undefined): readonly Attack[] {
  const unknown = only?.find((id) => !ATTACKS.some((attack) => attack.id === id));
  if (unknown !== undefined) throw new UsageError(`there is no attack ${unknown}: --list shows them`);
  if (only?.length === 0) throw new UsageError("only: name an attack, such as W1: --list shows them");
  return only === undefined ? ATTACKS : ATTACKS.filter(({ id }) => only.includes(id));
}

/** Plays every attack on every init. */
export async function attack(options: ArenaOptions): Promise<ArenaReport> {
  const targets = [...new Set(options.inits)].map(targetOf);
  const planted = options.planted === undefined ? undefined : targetOf(resolve(options.planted)).path;
  const attacks = attacksOf(options.only);
  const runtime = await openRuntime("attack", options);
  try {
    const pairs = attacks.flatMap((one) => targets.map((target) => ({ one, target })));
    const begun = new Map<Target, Promise<Said>>();
    const results = await inTurn(
      pairs,
      options,
      ({ one, target }) => `${one.id} on ${target.name}`,
      ({ one, target }) => play({ one, runtime, planted, begun, signal: options.signal }, target),
    );
    return {
      reportVersion: 1,
      tool: { name: "steady-lab", version: versionOfLab() },
      targets,
      attacks: attacks.map(({ id, title, harm }) => ({ id, title, harm })),
      results,
      kernel: release(),
      machine: machine(),
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
  readonly planted: string | undefined;
  /** Whether an init starts a program at all, of those that were asked. */
  readonly begun: Map<Target, Promise<Said>>;
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
  const why = notAbout(target.kind, one.id);
  if (why !== undefined) return { ...about, verdict: "not applicable", evidence: why, control: "" };
  const control = await playControl(stage, target);
  if (control.verdict === "not applicable")
    return { ...about, verdict: "not applicable", evidence: control.said, control: "" };
  if (control.verdict !== "survived")
    return {
      ...about,
      verdict: "could not test",
      evidence: control.cannot === true ? control.said : `its control ${control.said}`,
      control: control.said,
      ...(control.seen === undefined ? {} : { seen: control.seen }),
    };
  const { verdict, said, seen } = await runAttack(stage, target, false);
  return {
    ...about,
    verdict,
    evidence: said,
    control: control.said,
    ...(seen === undefined ? {} : { seen }),
  };
}

async function playControl(stage: Stage, target: Target): Promise<Said> {
  if (stage.one.control === "harmless") return runAttack(stage, target, true);
  const starts = await begins(stage, target);
  if (starts.verdict !== "survived") return starts;
  const steady = findSteady()?.path;
  if (steady === undefined) return { verdict: "could not test", said: "needs steady, which is not here" };
  return runAttack(stage, { name: "steady", kind: "steady", path: steady }, false);
}

/** What starts nothing would fall by most attacks, and survive the others. */
const BEGINS: Attack = {
  id: "start",
  title: "a program that does nothing",
  harm: "it does not run",
  control: "harmless",
  script: `
box sh -c 'echo ran >ran; exit 3'
await 10 '[ -s ran ] || ended'
[ -s ran ] || fell "it starts no program: it ended with $(cat status err 2>/dev/null)"
survived "it starts a program"
`,
};

/** Asked once of each init. */
function begins(stage: Stage, target: Target): Promise<Said> {
  const asked = stage.begun.get(target) ?? runAttack({ ...stage, one: BEGINS }, target, true);
  stage.begun.set(target, asked);
  return asked;
}

interface Said {
  readonly verdict: Verdict;
  readonly said: string;
  /** Whether such an init cannot be started here at all. */
  readonly cannot?: boolean;
  readonly seen?: Seen;
}

const VERDICTS = ["survived", "fell", "not applicable"] as const;

async function runAttack(stage: Stage, target: Target, isControl: boolean): Promise<Said> {
  const { one, runtime, signal } = stage;
  const planted = one.planted === true ? stage.planted : undefined;
  const script = scriptOf(one, target, { isControl, runtime: runtime.name, planted });
  const files = [target.path, planted].filter((file) => file !== undefined);
  return readVerdict(await runScript(runtime, script, files, signal));
}

/** The last line that is a verdict; a script that ends without one could not test. */
function readVerdict(output: string): Said {
  const all = output.trimEnd().split("\n");
  const lines = all.filter((line) => !line.startsWith(SAW));
  const seen = seenIn(all);
  const cannot = lines.at(-1)?.match(CANNOT)?.[1];
  if (cannot !== undefined) return { verdict: "could not test", said: cannot, cannot: true };
  for (const line of lines.toReversed()) {
    const verdict = VERDICTS.find((each) => line.startsWith(`${each}: `));
    if (verdict !== undefined) return { verdict, said: line.slice(verdict.length + 2), seen };
  }
  return { verdict: "could not test", said: lines.slice(-3).join("; ") || "said nothing", seen };
}

const SAW = "saw ";
const CANNOT = /^cannot: (.+)$/;

/** Of the lines "saw WHAT: ...". */
function seenIn(lines: readonly string[]): Seen {
  const of = (what: string): string[] => {
    const start = `${SAW}${what}: `;
    return lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
  };
  const status = of("status").map(Number).find(Number.isInteger);
  return {
    sent: of("sent"),
    got: of("got"),
    ...(status === undefined ? {} : { status }),
    out: of("out"),
    err: of("err"),
    log: of("log"),
  };
}
