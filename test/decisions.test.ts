// The functions that decide, over their whole domain, against models that say the same in other words. They are compiled
// on their own, so that they can be called, and so that it shows that they need neither the kernel nor memory.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { asc, buildProbe, freshFolder } from "./lib/build.ts";
import { readWasm } from "./lib/wasm.ts";

type Value = number | bigint;
let path: string;
let probe: Record<string, (...args: Value[]) => Value>;
/** The constants of the core by name; an enum's member as "Act.Drop". */
let constants: Record<string, WebAssembly.Global>;

before(() => {
  path = buildProbe();
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path)));
  probe = exports as typeof probe;
  constants = exports as typeof constants;
});

function ask(name: string, ...args: Value[]): number {
  return Number(probe[name]?.(...args) ?? assert.fail(`there is no function ${name}`));
}

function constant(name: string): number {
  return Number(constants[name]?.value ?? assert.fail(`there is no constant ${name}`));
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);
const SIGNALS = upTo(64);
const setOf = (signals: readonly number[]): bigint =>
  signals.reduce((set, n) => set + 2n ** BigInt(n - 1), 0n);
const isTrap = (error: unknown): boolean => error instanceof WebAssembly.RuntimeError;

test("the deciding files ask the kernel for nothing", () => {
  assert.deepEqual(readWasm(readFileSync(path)).imports, []);
});

test("a file that asks the kernel, or touches memory, would not pass for one that decides", () => {
  const folder = freshFolder("probe-control");
  const source = join(folder, "impure.ts");
  const options =
    "impure.ts --config none --runtime stub --use abort= --noUnsafe --outFile impure.wasm".split(" ");
  writeFileSync(
    source,
    'import { getpid } from "../../core/kernel.ts";\nexport function f(): i32 { return getpid(); }\n',
  );
  asc(folder, options);
  assert.deepEqual(
    readWasm(readFileSync(join(folder, "impure.wasm"))).imports.map(({ name }) => name),
    ["getpid"],
  );
  writeFileSync(source, "export function f(): i32 { return load<i32>(8); }\n");
  assert.throws(() => asc(folder, options), /unsafe/i);
});

test("each of the 65,536 wait statuses comes to what wait(2) says", () => {
  for (let high = 0; high < 256; high++) {
    for (let low = 0; low < 256; low++) {
      const waitStatus = high * 256 + low;
      // 128 in the low byte says that a core was dumped.
      const signal = low % 128;
      assert.equal(ask("signalOf", waitStatus), signal);
      assert.equal(ask("exitStatus", waitStatus), signal === 0 ? high : 128 + signal);
      assert.equal(ask("isStop", waitStatus), low === 127 ? 1 : 0);
    }
  }
});

test("the marks for no status and for an unknown one are no wait statuses", () => {
  assert.deepEqual([constant("RUNNING"), constant("UNKNOWN")], [-1, -2]);
});

const SI = { USER: 0, KERNEL: 128, QUEUE: -1, TIMER: -2, MESGQ: -3, ASYNCIO: -4, SIGIO: -5, TKILL: -6 };
const CODES = [...Object.values(SI), 1, 2, 3, 4, 5, 6, 0x7fffffff, -0x80000000];
const SELF = 7;

test("every signal, whatever its code and its sender, is forwarded, but for SIGCHLD and what the init caused", () => {
  const [drop, reap, forward] = ["Act.Drop", "Act.Reap", "Act.Forward"].map(constant);
  assert.equal(new Set([drop, reap, forward]).size, 3);
  for (const signal of SIGNALS) {
    for (const code of CODES) {
      for (const sender of [0, 1, SELF, 8, 0x7fffffff]) {
        const own = code === SI.USER && sender === SELF;
        const expected = signal === 17 ? reap : own ? drop : forward;
        assert.equal(ask("decide", signal, code, sender, SELF), expected, `${signal} ${code} ${sender}`);
      }
    }
  }
});

test("W3: the SIGPIPE of the init's own log is dropped, and anybody else's is forwarded", () => {
  assert.equal(ask("decide", 13, SI.USER, SELF, SELF), constant("Act.Drop"));
  assert.equal(ask("decide", 13, SI.USER, 8, SELF), constant("Act.Forward"));
  assert.equal(ask("decide", 13, SI.QUEUE, SELF, SELF), constant("Act.Forward"));
});

test("a number that is no signal is a trap", () => {
  for (const number of [0, -1, 65, 128, 0x7fffffff, -0x80000000]) {
    assert.throws(() => ask("decide", number, 0, 0, SELF), isTrap);
    assert.throws(() => ask("only", number), isTrap);
    assert.throws(() => ask("contains", 0n, number), isTrap);
    assert.throws(() => ask("isRealTime", number), isTrap);
  }
});

test("a set of signals has one bit for each", () => {
  for (const signal of SIGNALS) {
    assert.equal(BigInt.asUintN(64, BigInt(probe.only?.(signal) ?? 0)), setOf([signal]));
    for (const other of SIGNALS)
      assert.equal(ask("contains", setOf([signal]), other), signal === other ? 1 : 0);
  }
  assert.equal(BigInt.asUintN(64, BigInt(constants.EVERY_SIGNAL?.value ?? 0)), setOf(SIGNALS));
});

test("while a queued signal waits, standard signals are taken and no real-time signal is", () => {
  assert.equal(BigInt.asUintN(64, BigInt(constants.TAKEN_WHILE_HELD?.value ?? 0)), setOf(upTo(31)));
  for (const signal of SIGNALS) assert.equal(ask("isRealTime", signal), signal > 31 ? 1 : 0);
});

test("a held signal is tried again after 10 ms and then ever later, up to 640 ms", () => {
  const waits = [0];
  for (let i = 0; i < 10; i++) waits.push(ask("nextHoldMs", waits.at(-1) ?? 0));
  assert.deepEqual(waits, [0, 10, 20, 40, 80, 160, 320, 640, 640, 640, 640]);
  for (let ms = 1; ms <= 2000; ms++) assert.ok(ask("nextHoldMs", ms) > 0 && ask("nextHoldMs", ms) <= 1278);
});

// Of asm-generic/errno.h.
const [EAGAIN, ENOENT, ENOMEM, EACCES, ENODEV, ENOTDIR, ETIMEDOUT, ESTALE] = [
  11, 2, 12, 13, 19, 20, 110, 116,
];

test("an errno of exec comes to 127, 126 or 125, and under the name tini to 127, 126 or 1 as there", () => {
  const [steady, tini] = [constant("Personality.Steady"), constant("Personality.Tini")];
  const statuses = new Map([
    [ENOENT, [127, 127]],
    [EACCES, [126, 126]],
    [ENOTDIR, [127, 1]],
    [ENOMEM, [125, 1]],
    [EAGAIN, [125, 1]],
  ]);
  for (const errno of upTo(133)) {
    const both = [ask("execStatus", errno, steady), ask("execStatus", errno, tini)];
    assert.deepEqual(both, statuses.get(errno) ?? [126, 1], `errno ${errno}`);
  }
  assert.deepEqual([ask("startStatus", steady), ask("startStatus", tini)], [125, 1]);
  for (const none of [0, -1, -ENOENT]) assert.throws(() => ask("execStatus", none, steady), isTrap);
});

test("the search through PATH goes on after the errnos after which glibc's execvp goes on", () => {
  const expected = [ENOENT, EACCES, ENODEV, ENOTDIR, ETIMEDOUT, ESTALE];
  assert.deepEqual(
    upTo(133).filter((errno) => ask("searchGoesOn", errno) !== 0),
    expected,
  );
});

/** What --reap, -w or -vvv, the kernel and a terminal come to, written out: option, sees each, can, stops. */
const CHOICES = `
auto   no  no  no  Wait      kernel no  no  no  Wait      wait   no  no  no  Wait
auto   no  no  yes Wait      kernel no  no  yes Wait      wait   no  no  yes Wait
auto   no  yes no  Kernel    kernel no  yes no  Kernel    wait   no  yes no  Wait
auto   no  yes yes Stops     kernel no  yes yes Stops     wait   no  yes yes Wait
auto   yes no  no  Wait      kernel yes no  no  Wait      wait   yes no  no  Wait
auto   yes no  yes Wait      kernel yes no  yes Wait      wait   yes no  yes Wait
auto   yes yes no  Wait      kernel yes yes no  Kernel    wait   yes yes no  Wait
auto   yes yes yes Wait      kernel yes yes yes Stops     wait   yes yes yes Wait`;

test("how to reap is chosen from the option, the log, the kernel and the terminal, in all 24 ways", () => {
  const words = CHOICES.trim().split(/\s+/);
  const bit = (word: string | undefined): number => (word === "yes" ? 1 : 0);
  const seen = new Set<string>();
  for (let i = 0; i < words.length; i += 5) {
    const [option = "", sees, can, stops, expected = ""] = words.slice(i, i + 5);
    const asked = constant(`ReapOption.${option.charAt(0).toUpperCase()}${option.slice(1)}`);
    const answer = ask("chooseReaping", asked, bit(sees), bit(can), bit(stops));
    const name = expected === "Stops" ? "KernelWithStops" : expected;
    assert.equal(answer, constant(`Reaping.${name}`), words.slice(i, i + 5).join(" "));
    seen.add(`${option} ${sees} ${can} ${stops}`);
  }
  assert.equal(seen.size, 24);
});
