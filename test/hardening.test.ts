// The file that ships, by its headers: what the kernel maps, and how. That the check can fail is shown on spoiled copies.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { architectureOf } from "../tools/architectures.ts";
import { ROOT } from "../tools/build.ts";
import { findCompiler } from "../tools/run.ts";
import { parseElf, readElf, SegmentType } from "./lib/elf.ts";
import { assertHardened } from "./lib/hardened.ts";
import { needsProgram } from "./lib/process.ts";

const FILE = join(ROOT, "dist/steady");
const architecture = architectureOf(findCompiler());

test("the ELF is static, at fixed addresses, with code, texts and data apart, and nothing written and executed", () => {
  assertHardened(readElf(FILE), architecture);
});

/** Where the headers say so, in a 64-bit file: e_type, and in the nth program header its type, its flags, its address. */
const E_TYPE = 16;
const programHeader = (n: number): number => 64 + 56 * n;
const P_FLAGS = 4;
const P_VADDR = 16;
const SPOILED: Record<string, (bytes: Buffer) => void> = {
  "fixed addresses": (bytes) => bytes.writeUInt16LE(3, E_TYPE),
  "a segment of type 3": (bytes) => bytes.writeUInt32LE(SegmentType.INTERPRETER, programHeader(5)),
  "rw-": (bytes) => bytes.writeUInt32LE(7, programHeader(0) + P_FLAGS),
  "the stack": (bytes) => bytes.writeUInt32LE(7, programHeader(5) + P_FLAGS),
  "the place in the page": (bytes) =>
    bytes.writeUInt32LE(bytes.readUInt32LE(programHeader(2) + P_VADDR) + 16, programHeader(2) + P_VADDR),
  // The third segment moves onto the page of the second; where in the page it lies is as in the file.
  "a page of two segments": (bytes) => {
    const at = (n: number): number => bytes.readUInt32LE(programHeader(n) + P_VADDR);
    bytes.writeUInt32LE((at(1) & ~4095) | (at(2) & 4095), programHeader(2) + P_VADDR);
  },
};

for (const [complaint, spoil] of Object.entries(SPOILED)) {
  test(`a file whose headers were spoiled is told: ${complaint}`, (context) => {
    if (architecture.name !== "x86-64") return context.skip("spoils the headers of x86-64");
    const bytes = readFileSync(FILE);
    spoil(bytes);
    assert.throws(
      () => assertHardened(parseElf(bytes), architecture),
      (error: Error) => error.message.includes(complaint),
    );
  });
}

test("one jump in the whole file goes where a register says, and no call: the return to the start after a trap", (context) => {
  if (architecture.name !== "x86-64") return context.skip("reads the code of x86-64");
  if (!needsProgram(context, "objdump", "apt-get install binutils")) return;
  const code = execFileSync("objdump", ["-d", "--no-show-raw-insn", FILE], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  assert.ok(code.split("\n").length > 4000, "objdump shows no code");
  assert.equal(code.match(/\b(jmp|call) +\*/g)?.length, 1);
});
