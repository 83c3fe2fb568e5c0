// The binary that ships, on this kernel, with one system call after the other failing or late: the container always ends
// with a documented status and a sentence, never hangs, never abandons the program.

import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { ROOT } from "../../tools/build.ts";
import { buildPlanted } from "../lib/build.ts";
import type { Scene } from "../lib/faults.ts";
import { FaultLife, type Injection, injectionsInto, judge, type Programs } from "../lib/faults.ts";
import { needsKernelReaping, needsPidNamespace, needsProgram, needsRoot, STEADY } from "../lib/process.ts";
import { buildPuppet } from "../lib/puppet.ts";
import { scenesFor } from "../lib/scenes.ts";
import { functionOf, type Trace, type TracedCall } from "../lib/strace.ts";

/** Which call comes how manieth, or whether at all, may depend on who is faster: then it is tried again. */
const TRIES_MAX = 5;
const LIVES_TRACED = 4;
/** Functions of core/kernel.ts that ask the kernel for nothing. */
const HANDED_OVER = [
  "copy",
  "code_of",
  "replace_argument",
  "remove_variable",
  "add_variable",
  "inherited_mask",
  "number_of",
  "keep",
  "recall",
];

const folder = mkdtempSync(join(tmpdir(), "steady-faults-"));
const programs: Programs = {
  steady: join(folder, "steady"),
  planted: join(folder, "planted"),
  puppet: join(folder, "puppet"),
  folder,
};

before(() => {
  chmodSync(folder, 0o777);
  copyFileSync(STEADY, programs.steady);
  copyFileSync(buildPlanted(), programs.planted);
  copyFileSync(buildPuppet(), programs.puppet);
  writeFileSync(join(folder, "script"), "exit 3\n", { mode: 0o755 });
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** By function of core/kernel.ts: how often it failed, and how often it came late. */
const failed = new Map<string, number>();
const late = new Map<string, number>();
const done = new Set<string>();
/** Calls that lives went well without, one after the other: a look more or less, where somebody was faster. */
const goneWithout: string[] = [];

function isPossible(context: TestContext, { mode }: Scene): boolean {
  if (!needsProgram(context, "strace", "apt-get install strace") || !needsRoot(context)) return false;
  return needsPidNamespace(context) && (mode === "wait" || needsKernelReaping(context));
}

for (const scene of scenesFor(programs)) {
  test(`whichever call fails or is late, the container ends well: ${scene.name}`, async (context) => {
    if (!isPossible(context, scene)) return;
    const injections = injectionsInto(scene, await traceOf(scene), done);
    const wrong: string[] = [];
    const work = async () => {
      for (let next = injections.shift(); next !== undefined; next = injections.shift())
        wrong.push(...(await inject(scene, next)));
    };
    await Promise.all(Array.from({ length: 2 * availableParallelism() }, work));
    assert.deepEqual(wrong, []);
  });
}

/** What the init calls where nothing fails, alone; and its child, where both are followed. */
async function traceOf(scene: Scene): Promise<Trace> {
  return { init: await leastCalls(scene, "init"), child: await leastCalls(scene, "child") };
}

/** How often the init looks may depend on who is faster: what the shortest of some lives calls, each of them does. */
async function leastCalls(scene: Scene, whose: Injection["whose"]): Promise<readonly TracedCall[]> {
  const traces: (readonly TracedCall[])[] = [];
  while (traces.length < LIVES_TRACED) {
    const { trace, wrong, said } = await play(scene, undefined, whose === "init" ? "init" : "family");
    assert.equal(wrong, undefined, said);
    traces.push(trace[whose]);
  }
  return traces.reduce((least, trace) => (trace.length < least.length ? trace : least));
}

async function play(scene: Scene, injection: Injection | undefined, followed: "init" | "family") {
  const life = new FaultLife(programs, scene, injection, followed);
  const { trace, end } = await life.play();
  rmSync(life.log, { force: true });
  return { trace, said: life.run.all(), wrong: judge(life, injection, trace, end) };
}

/** Plays the scene once more with the injection in it; answers what was wrong. */
async function inject(scene: Scene, injection: Injection): Promise<string[]> {
  const { whose, call } = injection;
  const label = `${functionOf(call)} of the ${whose}, ${injection.what}, number ${call.ordinal}`;
  const counts = injection.what.startsWith("error") ? failed : late;
  let isOptional = false;
  try {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const { trace, wrong, said } = await play(scene, injection, whose === "init" ? "init" : "family");
      if (wrong !== undefined) return [`${label}: ${wrong}\n${said}`];
      const same = ({ name, ordinal }: TracedCall) => name === call.name && ordinal === call.ordinal;
      const made = trace[whose].find(same);
      const isIt = made !== undefined && functionOf(made) === functionOf(call);
      isOptional ||= !isIt;
      if (!isIt || !made.tampered) continue;
      counts.set(functionOf(call), (counts.get(functionOf(call)) ?? 0) + 1);
      return [];
    }
    if (!isOptional) return [`${label}: it was made, and nothing was done to it`];
    goneWithout.push(label);
    return [];
  } catch (error) {
    return [`${label}: ${(error as Error).message}`];
  }
}

test("every function that asks the kernel has failed, where it can, and been late", (context) => {
  if (!needsProgram(context, "strace", "apt-get install strace") || !needsRoot(context)) return;
  if (!needsKernelReaping(context)) return;
  const kernel = readFileSync(join(ROOT, "core/kernel.ts"), "utf8");
  const functions = [...kernel.matchAll(/^export declare function (\w+)/gm)].map(([, name = ""]) => name);
  for (const name of functions.filter((one) => !HANDED_OVER.includes(one))) {
    context.diagnostic(`${name}: failed ${failed.get(name) ?? 0} times, late ${late.get(name) ?? 0} times`);
    assert.ok((late.get(name) ?? 0) > 0, `${name} was never met in a life`);
  }
  const all = [...failed.values(), ...late.values()].reduce((sum, count) => sum + count, 0);
  context.diagnostic(`${all} injections in all; not always made: ${goneWithout.join("; ") || "none"}`);
  assert.ok(goneWithout.length * 100 < all, "too many calls were never met");
});
