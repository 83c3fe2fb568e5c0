// The attacks: that they are told, that they find what was put there to be found, and that nothing of them is left.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ATTACKS } from "../../lab/arena/all.ts";
import { attack, type Verdict } from "../../lab/index.ts";
import { needsPidNamespace, needsRoot, processesOf, STEADY, until } from "../lib/process.ts";
import { BIN } from "./engine.ts";

const folder = mkdtempSync(join(tmpdir(), "steady-attack-"));
after(() => rmSync(folder, { recursive: true }));

/** An init of the test's own, in a shell. */
function standIn(name: string, body: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
}

async function verdicts(init: string, ...only: string[]): Promise<readonly Verdict[]> {
  const { results } = await attack({ inits: [init], only });
  return results.map(({ verdict }) => verdict);
}

const lab = (...args: string[]) =>
  spawnSync(process.execPath, [BIN, "attack", ...args], { encoding: "utf8" });

test("every attack has an id of its own, and a row with its title in docs/attack.md", () => {
  const text = readFileSync(fileURLToPath(new URL("../../docs/attack.md", import.meta.url)), "utf8");
  const rows = [...text.matchAll(/^\| ([A-Z]\d+) \| (.+?) \|/gm)].map(([, id, title]) => `${id} ${title}`);
  assert.deepEqual(
    rows,
    ATTACKS.map(({ id, title }) => `${id} ${title}`),
  );
  assert.equal(new Set(ATTACKS.map(({ id }) => id)).size, ATTACKS.length);
});

test("steady survives what is quick to be played, and PID 1 without an init falls where it must", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const quick = ["W2", "W5", "W9", "W12", "W16", "W17", "W19", "W22", "C1", "O1", "O2", "O5", "O8"];
  assert.deepEqual(
    await verdicts(STEADY, ...quick),
    quick.map(() => "survived"),
  );
  assert.deepEqual(await verdicts("bare", "W5", "W12", "W16", "O1"), [
    "survived",
    "fell",
    "not applicable",
    "fell",
  ]);
});

test("an init that keeps a signal, a worker or a status to itself falls by that", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  // It waits for its program and does nothing else; the shell is rid of its own signals by traps.
  const waits =
    'trap : TERM INT HUP QUIT USR1 USR2; shift; "$@" & p=$!; while kill -0 $p 2>/dev/null; do wait $p; s=$?; done; exit';
  assert.deepEqual(await verdicts(standIn("deaf", `${waits} $s`), "O1", "W12"), ["fell", "fell"]);
  assert.deepEqual(await verdicts(standIn("vague", `${waits} 9`), "O5"), ["fell"]);
});

test("where the control does not survive nobody has fallen, and the status is 2", (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const { status, stdout } = lab(standIn("broken", "exit 1"), "--only", "W5", "--json");
  const [played] = (JSON.parse(stdout) as { results: { verdict: string; evidence: string }[] }).results;
  assert.deepEqual([status, played?.verdict], [2, "could not test"]);
  assert.match(played?.evidence ?? "", /^its control it ended with 1/);
});

test("the script that is printed plays the attack by hand, and comes to the same", (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  for (const [init, words] of [
    ["bare", "fell: it runs on"],
    [STEADY, "survived: it ended with 143"],
  ] as const) {
    const { stdout, status } = lab(init, "--script", "O1");
    assert.equal(status, 0);
    const script = join(folder, "script");
    writeFileSync(script, stdout);
    const played = spawnSync(
      "unshare",
      ["--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", script],
      { encoding: "utf8" },
    );
    assert.ok(played.stdout.trimEnd().split("\n").at(-1)?.startsWith(words), played.stdout + played.stderr);
  }
});

test("wrong usage is told, with 64", () => {
  for (const [args, words] of [
    [[], /name an init/],
    [["--only", "X9", "bare"], /there is no attack X9/],
    [["/nothing/init"], /cannot be executed/],
    [["bare", STEADY, "--script", "O1"], /one init at a time/],
    [["bare", "--runtime", "podman"], /runtime: podman is none of namespaces, docker, runc, crun/],
  ] as const) {
    const { status, stderr } = lab(...args);
    assert.equal(status, 64, stderr);
    assert.match(stderr, words);
  }
});

test("Ctrl-C leaves no process, and no file", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const init = join(folder, "steady");
  copyFileSync(STEADY, init);
  const temporary = mkdtempSync(join(folder, "tmp-"));
  const env = { ...process.env, TMPDIR: temporary };
  const child = spawn(process.execPath, [BIN, "attack", init, "--only", "O1,O2,O3,W12"], {
    env,
    stdio: "ignore",
  });
  const status = new Promise((ended) => child.once("exit", (code) => ended(code)));
  await until("an init that is attacked", () => processesOf(init).length > 0);
  child.kill("SIGINT");
  assert.equal(await status, 130);
  await until("its end", () => processesOf(init).length === 0);
  assert.deepEqual(readdirSync(temporary), []);
});
