// The other compiler: what clang makes of the same sources is an init, too.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { build, ROOT } from "../../tools/build.ts";
import { needsProgram, run, start } from "../lib/process.ts";

const COMPILER = "clang";

test("clang builds an init that forwards, reaps and ends with the program's status", async (context) => {
  if (!needsProgram(context, COMPILER, `apt-get install ${COMPILER}`)) return;
  const out = join(ROOT, "build/clang");
  const init = build({ core: join(ROOT, "core"), out, name: "steady", compiler: COMPILER });
  for (const reap of ["wait", "auto"]) {
    const missing = await run(context, [init, "--reap", reap, "-e", "127", "/missing"]);
    assert.equal(missing.status, 127, missing.stderr);
    const orphan = "orphan=$( (sh -c 'echo $$' &) ); while kill -0 $orphan 2>&-; do sleep 0.02; done";
    const program = `trap 'exit 7' TERM; ${orphan}; echo ready; while :; do sleep 0.02; done`;
    const one = start(context, [init, "--reap", reap, "-vvv", "sh", "-c", program]);
    await one.says("ready");
    process.kill(one.pid, "SIGTERM");
    assert.deepEqual(await one.ends(), { status: 7, signal: null }, one.all());
  }
});
