// The mutants themselves: that all of them are made, that each is a module, and that being caught means what it says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import wabt from "wabt";
import { type Code, readCode } from "../mutants/code.ts";
import { Hunt } from "../mutants/hunt.ts";
import { emit, type Mutant, mutantsOf } from "../mutants/mutate.ts";
import { Natives } from "../mutants/natives.ts";
import { Pool } from "../mutants/pool.ts";
import { MARKS, marking, Reach } from "../mutants/reach.ts";
import { summary } from "../mutants/report.ts";
import { ROOT } from "../tools/build.ts";
import { needsPidNamespace, needsRoot } from "./lib/process.ts";

const core = readCode(new Uint8Array(readFileSync(join(ROOT, "dist/core.wasm"))));
const mutants = mutantsOf(core);
const SCENARIO = "Every signal that a process sends reaches the program, and none ends the init";
const PATIENCE = { ms: 200, effort: 0.02 };

async function assemble(text: string): Promise<Code> {
  const module = (await wabt()).parseWat("test.wat", text);
  return readCode(module.toBinary({ write_debug_names: true }).buffer);
}

/** What became of the instructions of a function with this body, as "instruction change". */
async function changesOf(body: string): Promise<string[]> {
  const code = await assemble(`(module
    (import "kernel" "kill" (func $kill (param i32 i32) (result i32)))
    (import "kernel" "keep" (func $keep (param i32)))
    (memory 1)
    (func $f (export "f") (param $x i32) (param $y i32) (result i32) ${body}))`);
  const made = mutantsOf(code);
  for (const mutant of made) assert.ok(WebAssembly.validate(emit(code, mutant)), mutant.name);
  return made.map(({ name }) => name.replace("f: ", ""));
}

test("each instruction that can go wrong is changed in each way", async () => {
  assert.deepEqual(await changesOf("local.get $x i32.const 7 i32.lt_s"), [
    "i32.const 7 #1 becomes 8",
    "i32.const 7 #1 becomes 6",
    "i32.lt_s #1 becomes i32.ge_s",
    "i32.lt_s #1 becomes i32.le_s",
  ]);
  assert.deepEqual(await changesOf("local.get $x local.get $y call $kill"), ["call kill #1 dropped"]);
  assert.deepEqual(await changesOf("local.get $x call $keep local.get $x i32.eqz"), [
    "call keep #1 dropped",
    "i32.eqz #1 turned",
  ]);
  assert.deepEqual(await changesOf("block local.get $x br_if 0 end local.get $x"), [
    "br_if 0 #1 never",
    "br_if 0 #1 always",
  ]);
  assert.deepEqual(await changesOf("local.get $x local.get $y local.get $x select"), [
    "select #1 always the second",
    "select #1 always the first",
  ]);
  assert.deepEqual(await changesOf("local.get $x local.get $y i32.store offset=4 local.get $x"), [
    "i32.store +4 #1 dropped",
  ]);
  assert.deepEqual(await changesOf("local.get $x local.get $y i32.and"), ["i32.and #1 becomes i32.or"]);
  assert.deepEqual(
    await changesOf("block block block local.get $x br_table 0 1 2 end end end local.get $x"),
    ["br_table #1 case 0 as any other", "br_table #1 case 1 as any other"],
  );
});

test("a constant at the end of its range has one neighbour", async () => {
  assert.deepEqual(await changesOf("i32.const 2147483647"), ["i32.const 2147483647 #1 becomes 2147483646"]);
  assert.deepEqual(await changesOf("i64.const 64 i32.wrap_i64"), [
    "i64.const 64 #1 becomes 65",
    "i64.const 64 #1 becomes 63",
  ]);
});

test("a constant that only decides between two ways is changed to what decides otherwise", async () => {
  const code = await assemble(`(module
    (import "kernel" "kill" (func $kill (param i32 i32) (result i32)))
    (memory 1)
    (func $decides (param i32) (result i32) (if (result i32) (local.get 0) (then (i32.const 1)) (else (i32.const 0))))
    (func $counts (result i32) (i32.const 3))
    (func $hands (param i32) (result i32) (call $kill (local.get 0) (i32.const 1)))
    (func $f (export "f") (param i32) (result i32) (local i32 i32)
      (local.set 1 (i32.const 5))
      (local.set 2 (i32.const 7))
      (if (call $decides (select (i32.const 9) (local.get 1) (local.get 0))) (then (return (i32.const 11))))
      (if (local.get 2) (then (drop (call $hands (local.get 2)))))
      (if (i32.eq (call $counts) (i32.const -1)) (then (i32.store (i32.const 64) (i32.const 13))))
      (i32.eqz (i32.const 15))))`);
  const changed = mutantsOf(code).filter(({ kind }) => kind === "constant");
  assert.deepEqual(
    changed.map(({ name }) => name.replace("i32.const ", "").replace("#1 becomes ", "")),
    [
      ...["decides: 1 0", "decides: 0 1", "decides: 0 -1"],
      ...["counts: 3 4", "counts: 3 2", "hands: 1 2", "hands: 1 0"],
      // 5 and 9 reach only the condition in $decides; 7 is also sent, 11 leaves the module, 15 is only asked for.
      ...["f: 7 8", "f: 7 6", "f: 11 12", "f: 11 10", "f: -1 0", "f: -1 -2"],
      ...["f: 64 65", "f: 64 63", "f: 13 14", "f: 13 12"],
    ],
  );
});

test("the changed instruction does what its name says, and nothing else changes", async () => {
  const code = await assemble(`(module
    (func $f (export "f") (param i32) (result i32)
      (if (result i32) (i32.gt_s (local.get 0) (i32.const 130)) (then (i32.const 1)) (else (i32.const 2))))
    (func $g (export "g") (result i32) (i32.const 5)))`);
  const play = (name: string, argument: number): number[] => {
    const mutant = mutantsOf(code).find((each) => each.name === name) ?? assert.fail(`no mutant ${name}`);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(emit(code, mutant)));
    const { f, g } = exports as Record<"f" | "g", (x?: number) => number>;
    return [f(argument), g()];
  };
  assert.deepEqual(play("f: i32.gt_s #1 becomes i32.ge_s", 130), [1, 5]);
  assert.deepEqual(play("f: i32.const 130 #1 becomes 129", 130), [1, 5]);
  assert.deepEqual(play("f: if #1 always", 0), [1, 5]);
  assert.deepEqual(play("f: if #1 never", 200), [2, 5]);
  assert.deepEqual(play("g: i32.const 5 #1 becomes 6", 0), [2, 6]);
});

test("what only asserts and what only chooses a text is told apart", async () => {
  const code = await assemble(`(module
    (import "kernel" "write" (func $write (param i32 i32 i32 i32)))
    (func $log/say (param i32 i32 i32 i32)
      (call $write (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
    (func $f (param i32)
      (if (i32.gt_s (local.get 0) (i32.const 64)) (then unreachable))
      (call $log/say (i32.const 1) (select (i32.const 50) (i32.const 51) (local.get 0)) (i32.const 0) (i32.const 0))))`);
  const apart = (why: Mutant["apart"]): string[] =>
    mutantsOf(code)
      .filter((each) => each.apart === why)
      .map(({ name }) => name.replace("f: ", "").replace(/ #\d.*/, ""));
  assert.deepEqual([...new Set(apart("assertion"))], ["i32.const 64", "i32.gt_s", "if"]);
  assert.deepEqual([...new Set(apart("text"))], ["i32.const 50", "i32.const 51", "i32.const 0"]);
  assert.equal(apart(undefined).filter((name) => name === "select").length, 2);
});

test("every mutant of the core is a module that validates, has a name of its own, and is not the core", () => {
  for (const mutant of mutants) {
    const bytes = emit(core, mutant);
    assert.ok(WebAssembly.validate(bytes), mutant.name);
    assert.notDeepEqual(bytes.length === core.bytes.length ? bytes : undefined, core.bytes);
  }
  assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length);
  assert.deepEqual(mutantsOf(core), mutants);
  const functions = new Set(mutants.map((mutant) => mutant.function));
  for (const door of ["main/main", "main/resume", "spawn/child"]) assert.ok(functions.has(door), door);
});

/** The mutant that has this name but for its number. */
function mutantLike(pattern: RegExp): Mutant {
  return mutants.find(({ name }) => pattern.test(name)) ?? assert.fail(`no mutant is like ${pattern}`);
}

test("a mutant is caught by the law or the test that it breaks, and the core itself by none", () => {
  const reach = new Reach(core, { effort: PATIENCE.effort, seeds: 50 });
  const hunt = (wasm: Uint8Array, mutant: Mutant) => new Hunt(wasm, PATIENCE, () => {}).run(reach.of(mutant));
  assert.equal(hunt(core.bytes, mutantLike(/^main\/main: /)), undefined);
  const silent = mutantLike(/^forward\/forward: call forward\/deliver #1 dropped/);
  const caught = hunt(emit(core, silent), silent);
  assert.deepEqual([caught?.by, caught?.who.split(":")[0]], ["law", "everySignal"]);
  const short = mutantLike(/^spawn\/child: i32.const 4096 #2 becomes 4095/);
  assert.equal(hunt(emit(core, short), short)?.by, "test");
});

test("a core that marks its way tells which instructions were reached", async () => {
  const code = await assemble(`(module
    (memory (export "memory") 1)
    (func $f (export "f") (param i32)
      (if (local.get 0) (then (drop (i32.const 7))) (else (drop (i32.const 8))))
      (br_if 0 (local.get 0))
      (drop (i32.const 9))))`);
  const { wasm, marks } = marking(code);
  const reached = (argument: number): number[] => {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm));
    const { f, memory } = exports as { f: (x: number) => void; memory: WebAssembly.Memory };
    f(argument);
    const bytes = new Uint8Array(memory.buffer, MARKS);
    const constants = code.functions.flatMap(({ instructions }) =>
      instructions.filter(({ text }) => text.startsWith("i32.const")),
    );
    return constants.filter(({ at }) => bytes[marks.get(at) ?? -1] === 1).map(({ value }) => Number(value));
  };
  assert.deepEqual([reached(0), reached(1)], [[8, 9], [7]]);
});

test("an endless mutant is noticed also right behind one that was caught at once", async () => {
  const reach = new Reach(core, { effort: PATIENCE.effort, seeds: 50 });
  const queue = [/^log\/say: i32.gt_s #1 becomes/, /^words\/skip: i32.const 1 #1 becomes 0/].map((name) =>
    mutants.indexOf(mutantLike(name)),
  );
  const by: (string | undefined)[] = [];
  const workOf = (index: number) => reach.of(mutants[index] as Mutant);
  const pool = new Pool(join(ROOT, "dist/core.wasm"), PATIENCE, queue, workOf, (_, caught) =>
    by.push(caught?.by),
  );
  await pool.run(1);
  assert.deepEqual([by.length, by[1]], [2, "hang"]);
});

test("the summary fails below the share, for a survivor without a reason, and for a reason without a survivor", () => {
  const result = (name: string, isCaught: boolean) => ({
    name,
    function: "f",
    kind: "call" as const,
    apart: undefined,
    offset: 0,
    caught: isCaught ? { by: "law" as const, who: "it holds", ms: 1 } : null,
  });
  const results = [
    ...Array.from({ length: 19 }, (_, index) => result(`f: a${index}`, true)),
    result("f: b", false),
  ];
  const terms = { isWhole: true, shareMin: 0.95 };
  assert.deepEqual(summary(results, new Set(["f: b"]), terms).complaints, []);
  assert.match(summary(results, new Set(["f: b"]), terms).text, /^ +19 {2}law: it holds$/m);
  assert.match(summary(results, new Set(["f: b"]), terms).text, /^ +19 {2}a law of the simulator$/m);
  assert.match(summary(results, new Set(["f: b"]), terms).text, /^ +1 {2}only the comparison with/m);
  assert.match(summary(results, new Set(), terms).complaints.join(), /no reason given: f: b/);
  assert.match(summary(results, new Set(["f: b", "f: a1"]), terms).complaints.join(), /is caught.*f: a1/);
  assert.match(summary(results.slice(1), new Set(["f: b"]), terms).complaints.join(), /only 94\.7 %/);
});

test("a mutant that plays on the real kernel is caught by a scenario, and the core itself by none", async (t) => {
  if (!needsPidNamespace(t) || !needsRoot(t)) return;
  const natives = new Natives(core.bytes, (name) => name === SCENARIO);
  t.after(() => natives.remove());
  assert.equal(await natives.hunt(core.bytes), null);
  const silent = mutantLike(/^forward\/forward: call forward\/deliver #1 dropped/);
  const caught = await natives.hunt(emit(core, silent));
  assert.deepEqual([caught?.by, caught?.who.split(" (")[0]], ["scenario", SCENARIO]);
});
