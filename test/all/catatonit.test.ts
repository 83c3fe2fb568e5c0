// Side by side with Debian's catatonit: the same command lines, the same lines and the same status. Where the two differ on
// purpose the difference stands in docs/behaviour.md, and here.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import {
  asPid1,
  becomes,
  descendantNamed,
  needsPidNamespace,
  needsProgram,
  type Run,
  start,
  statOf,
} from "../lib/process.ts";
import { buildPuppet } from "../lib/puppet.ts";

const CATATONIT = "/usr/bin/catatonit";
let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "steady-catatonit-"));
  for (const name of ["catatonit", "podman-init"])
    copyFileSync(join(import.meta.dirname, "../../dist/steady"), join(folder, name));
});
after(() => rmSync(folder, { recursive: true }));

const needsCatatonit = (context: TestContext): boolean =>
  needsProgram(context, CATATONIT, "apt-get install catatonit");

interface Ends {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

/** What an init that is called by this name says and ends with; pids are not compared. */
function ends(file: string, name: string, args: readonly string[], env: NodeJS.ProcessEnv): Ends {
  const done = spawnSync(file, args, {
    argv0: name,
    encoding: "latin1",
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 20_000,
  });
  const stderr = done.stderr.replaceAll(/\(catatonit:\d+\)/g, "(catatonit:PID)");
  return { stdout: done.stdout, stderr, status: done.status };
}

/** The same from both, under both names. */
function same(name: string, cases: readonly (readonly string[])[], env: NodeJS.ProcessEnv = {}): void {
  test(name, (context) => {
    if (!needsCatatonit(context)) return;
    for (const args of cases) {
      for (const called of ["catatonit", "podman-init"]) {
        const mine = ends(join(folder, called), called, args, env);
        assert.deepEqual(mine, ends(CATATONIT, called, args, env), `${called} ${args.join(" ")}`);
      }
    }
  });
}

same("wrong usage is told word for word, with the line of usage, and ends with 1", [
  [],
  ["--"],
  ["-g"],
  ["-x"],
  ["-gx"],
  ["-v", "--", "true"],
  ["--foo"],
  ["--versions"],
  ["--version=3"],
]);

same("what cannot be executed is told word for word, and ends with 1", [
  ["--", "/nothing"],
  ["--", "nothing"],
  ["/etc/passwd"],
  ["-g", "/"],
]);

same("a program's status is the container's, 128 and the number where a signal ended it", [
  ["true"],
  ["--", "sh", "-c", "exit 3"],
  ["-g", "--", "sh", "-c", "exit 255"],
  ["-gg", "--", "sh", "-c", "kill -KILL $$"],
  ["--", "sh", "-c", "echo out; echo err >&2; kill -TERM $$"],
]);

same("CATATONIT_LOG is refused", [["true"], ["--", "sh", "-c", "exit 3"]], { CATATONIT_LOG: "x" });
same("sockets that were passed on to somebody else stay his", [["--", "sh", "-c", "echo $LISTEN_PID"]], {
  LISTEN_PID: "4194303",
});

test("the version has the form that engines read, and help goes to stderr", (context) => {
  if (!needsCatatonit(context)) return;
  const form = /^tini version \d+\.\d+\.\d+_catatonit\S*\n$/;
  for (const args of [["-V"], ["--version"], ["--ver"], ["-gV", "--", "true"]]) {
    for (const file of [CATATONIT, join(folder, "catatonit")]) {
      const { stdout, stderr, status } = ends(file, "catatonit", args, {});
      assert.match(stdout, form);
      assert.deepEqual([stderr, status], ["", 0]);
    }
  }
  for (const file of [CATATONIT, join(folder, "catatonit")]) {
    const { stdout, stderr, status } = ends(file, "catatonit", ["-h"], {});
    assert.ok(stderr.startsWith("usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n\n"), stderr);
    for (const letter of "ghLPV") assert.match(stderr, new RegExp(`^ +-${letter}[, ]`, "m"));
    assert.deepEqual([stdout, status], ["", 0]);
  }
});

describe("while it lives", () => {
  const both = (): readonly string[] => [CATATONIT, join(folder, "catatonit")];

  function withBoth(name: string, body: (context: TestContext, init: string) => Promise<void>): void {
    test(name, async (context) => {
      if (!needsCatatonit(context) || !needsPidNamespace(context)) return;
      for (const init of both()) await body(context, init);
    });
  }

  const initOf = (run: Run): Promise<number> => descendantNamed(run.pid, "catatonit");

  withBoth("LISTEN_PID becomes the program's pid where it was the init's", async (context, init) => {
    const inside = ["env", "LISTEN_PID=1", "LISTEN_FDS=1", init, "--", "sh", "-c", "echo $LISTEN_PID is $$"];
    const run = start(context, asPid1(inside));
    await run.ends();
    assert.match(run.stdout, /^(\d+) is \1\n$/);
  });

  withBoth("every signal that both forward arrives", async (context, init) => {
    const run = start(context, asPid1([init, "--", buildPuppet(), "signals"]));
    await run.says("ready");
    const pid = await initOf(run);
    for (const signal of [1, 2, 3, 10, 12, 14, 16, 18, 23, 28, 30, 34, 50, 64]) {
      process.kill(pid, signal);
      await run.says(`signal ${signal} `);
    }
    process.kill(pid, "SIGTERM");
    await run.says("signal 15 ");
    await run.ends();
  });

  for (const stop of ["SIGTERM", "SIGINT"] as const) {
    withBoth(
      `-P starts nothing, reaps, and ends with 0 at ${stop}; other signals are nothing to it`,
      async (context, init) => {
        const inside = ["sh", "-c", '(sleep 0.1 &) & exec "$0" -P', init];
        const run = start(context, asPid1(inside));
        const pid = await initOf(run);
        await becomes(pid, "S");
        for (const signal of ["SIGUSR1", "SIGHUP", "SIGQUIT"] as const) process.kill(pid, signal);
        await becomes(pid, "S");
        assert.equal(statOf(pid)?.state, "S");
        process.kill(pid, stop);
        assert.deepEqual(await run.ends(), { status: 0, signal: null });
      },
    );
  }
});

test("options behind the program are the program's, which catatonit takes for its own", (context) => {
  if (!needsCatatonit(context)) return;
  const args = ["sh", "-c", "exit 3"];
  assert.equal(ends(join(folder, "catatonit"), "catatonit", args, {}).status, 3);
  assert.equal(ends(CATATONIT, "catatonit", args, {}).status, 1);
});
