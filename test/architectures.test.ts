// What `npm run build -- --arch` says where it cannot build. What it builds: test/all/architectures.test.ts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../tools/build.ts";
import { findCompiler } from "../tools/run.ts";
import { freshFolder } from "./lib/build.ts";

/** Builds on a machine that has a compiler of its own and no cross compiler. */
function build(...args: string[]): { status: number | null; stderr: string } {
  const bin = freshFolder("no-cross-compilers");
  const script = `#!/bin/sh\nPATH='${process.env.PATH}' exec '${findCompiler()}' "$@"\n`;
  writeFileSync(join(bin, "cc"), script, { mode: 0o755 });
  const command = [join(ROOT, "tools/build.ts"), ...args];
  return spawnSync(process.execPath, command, { env: { PATH: bin }, encoding: "utf8" });
}

test("cross compilers that are missing are named all at once, with the packages that have them", () => {
  const { status, stderr } = build("--arch", "armv7,riscv64");
  assert.equal(status, 1);
  assert.match(stderr, /armv7: arm-linux-gnueabihf-gcc, which Debian has in gcc-arm-linux-gnueabihf$/m);
  assert.match(stderr, /riscv64: riscv64-linux-gnu-gcc, which Debian has in gcc-riscv64-linux-gnu$/m);
  assert.match(
    stderr,
    /apt-get install gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-riscv64-linux-gnu /,
  );
});

test("an architecture that steady is not for is said, with those that it is for", () => {
  const { status, stderr } = build("--arch", "vax");
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^steady is not built for vax, but for x86-64, arm64, armv7, i386, riscv64, ppc64le$/m,
  );
});

test("a wrong word gets the usage, and nothing is built", () => {
  for (const args of [["--arch"], ["arm64"], ["--arch", "arm64", "armv7"]]) {
    const { status, stderr } = build(...args);
    assert.equal(status, 1);
    assert.match(stderr, /^usage: npm run build/);
  }
});
