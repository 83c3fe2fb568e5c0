// The core that ships, played under the simulated Linux: no life breaks a law.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Judge, story, type Verdict } from "../simulator/judge.ts";
import type { Fault } from "../simulator/life.ts";

const LIVES = 3000;
const SHORTEST = 10;

function refuse(verdict: Verdict | undefined, faultRate: number): void {
  if (verdict !== undefined) assert.fail(story(verdict, faultRate));
}

test(`${LIVES} lives in which nothing fails break no law`, () => {
  const judge = new Judge();
  for (let seed = 0; seed < LIVES; seed++) refuse(judge.judge(seed, 0), 0);
});

test(`${LIVES} lives in which every 20th call fails break no law`, () => {
  const judge = new Judge();
  for (let seed = 0; seed < LIVES; seed++) refuse(judge.judge(seed, 20), 20);
});

test(`every call of the ${SHORTEST} shortest lives may fail once with each errno, or trap, and no law is broken`, () => {
  const judge = new Judge();
  for (const seed of judge.shortest(SHORTEST)) for (const verdict of judge.exhaust(seed)) refuse(verdict, 0);
});

test("lives that once broke a law break none", () => {
  const judge = new Judge();
  const lines = readFileSync(new URL("seeds.txt", import.meta.url), "utf8").split("\n");
  const seeds = lines.filter((line) => /^\d/.test(line));
  assert.ok(seeds.length > 0);
  for (const line of seeds) {
    const [seed = "", how = ""] = line.split(/\s+/);
    const rate = Number(/^faults=(\d+)$/.exec(how)?.[1] ?? 0);
    const [call, errno] = rate > 0 ? [] : how.split(":");
    const fault: Fault | undefined =
      call === undefined
        ? undefined
        : { call: Number(call), errno: errno === "trap" ? errno : Number(errno) };
    refuse(judge.judge(Number(seed), rate, fault), rate);
  }
});

test("the same seed is the same life", () => {
  const judge = new Judge();
  assert.deepEqual(judge.play(7, 20).calls, judge.play(7, 20).calls);
});

test("a core that is not this one breaks laws: the simulator does judge", () => {
  const wasm = readFileSync(new URL("../dist/core.wasm", import.meta.url));
  const found = turnForwardingOff(wasm).some((mutant) => {
    const judge = new Judge(mutant);
    for (let seed = 0; seed < 40; seed++) if (judge.judge(seed, 0) !== undefined) return true;
    return false;
  });
  assert.ok(found);
});

/** Cores in which one `i32.const 17; i32.eq` (is it SIGCHLD?) asks for another signal. */
function turnForwardingOff(wasm: Buffer): Buffer[] {
  const mutants: Buffer[] = [];
  const pattern = Buffer.from([0x41, 17, 0x46]);
  for (let at = wasm.indexOf(pattern); at >= 0; at = wasm.indexOf(pattern, at + 1)) {
    const mutant = Buffer.from(wasm);
    mutant[at + 1] = 15;
    mutants.push(mutant);
  }
  assert.ok(mutants.length > 0);
  return mutants;
}
