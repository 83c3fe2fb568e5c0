// The audit tells where each instruction of the core came from, and finds what came from elsewhere.

import assert from "node:assert/strict";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { audit } from "../tools/audit.ts";
import { ROOT } from "../tools/build.ts";
import { asc, copyCore, freshFolder } from "./lib/build.ts";

const SHIPPED = readFileSync(join(ROOT, "dist/core.wasm"));

test("every function and instruction of the core that ships came from a line of core/, and nothing else is in it", () => {
  const { functions, fromNowhere } = audit(join(ROOT, "core"), SHIPPED, freshFolder("audit-test"));
  assert.deepEqual(fromNowhere, []);
  assert.ok(functions.length >= 100);
  const all = functions.flatMap(({ instructions }) => instructions);
  assert.ok(all.length > 5000);
  assert.ok(all.filter(({ isPart }) => isPart).length < all.length / 3);
  const [numberAt] = functions.filter(({ name }) => name === "words/numberAt");
  assert.ok(numberAt?.instructions.every(({ origin }) => origin?.file === "words.ts"));
});

test("a module with one byte changed is not what the sources give", () => {
  const changed = Buffer.from(SHIPPED);
  const at = changed.length >> 1;
  changed[at] = (changed[at] ?? 0) ^ 1;
  assert.throws(
    () => audit(join(ROOT, "core"), changed, freshFolder("audit-test")),
    /not what the sources give/,
  );
});

/** What a compiler with other intentions could put in, made with the means of an honest one. */
test("functions of another origin, a global that changes and data are told by name", () => {
  const core = copyCore("audited");
  const code = `
let hidden = 0;
export function backDoor(): f64 {
  hidden++;
  return NativeMath.sin(hidden) + load<u8>(memory.data<u8>([1, 2, 3]));
}
`;
  appendFileSync(join(core, "main.ts"), code);
  const out = freshFolder("audit-test");
  asc(core, ["--target", "release", "--outFile", join(out, "evil.wasm")]);
  const { fromNowhere } = audit(core, readFileSync(join(out, "evil.wasm")), out);
  const told = fromNowhere.join("\n");
  assert.match(told, /function .*: no file of the core declares it/);
  assert.match(told, /instructions from ~lib\/math\.ts/);
  assert.match(told, /\(global .*mut/);
  assert.match(told, /\(data /);
});
