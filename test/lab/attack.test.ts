// The attacks: that they are told, that they find what was put there to be found, and that nothing of them is left.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { ATTACKS } from "../../lab/arena/all.ts";
import WEAKNESSES from "../../lab/data/weaknesses.json" with { type: "json" };
import { attack, type Verdict } from "../../lab/index.ts";
import { attackSchemaText } from "../../lab/schema/attack.ts";
import { needs } from "../lib/needs.ts";
import { needsPidNamespace, needsProgram, needsRoot, processesOf, STEADY, until } from "../lib/process.ts";
import { needsUnpacked } from "../lib/unpacked.ts";
import { BIN } from "./engine.ts";

const folder = mkdtempSync(join(tmpdir(), "steady-attack-"));
after(() => rmSync(folder, { recursive: true }));

const DOCUMENT = readFileSync(fileURLToPath(new URL("../../docs/attack.md", import.meta.url)), "utf8");
const WEAKNESSES_HEAD = "\n## Every weakness, and its attack\n";

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
  const rows = [...(DOCUMENT.split(WEAKNESSES_HEAD)[0] ?? "").matchAll(/^\| ([A-Z]\d+) \| (.+?) \|/gm)].map(
    ([, id, title]) => `${id} ${title}`,
  );
  assert.deepEqual(
    rows,
    ATTACKS.map(({ id, title }) => `${id} ${title}`),
  );
  assert.equal(new Set(ATTACKS.map(({ id }) => id)).size, ATTACKS.length);
});

test("every weakness of the list has a row in docs/attack.md, with its title and an attack that there is, or why there is none", () => {
  const rows = [
    ...(DOCUMENT.split(WEAKNESSES_HEAD)[1] ?? "").matchAll(/^\| ([A-Z]\d+) \| ([a-z-]+: .+?) \| (.+) \|$/gm),
  ];
  assert.deepEqual(
    rows.map(([, id, title]) => `${id} ${title}`),
    WEAKNESSES.weaknesses.map(({ id, init, title }) => `${id} ${init}: ${title}`),
  );
  for (const [, id, , shown = ""] of rows) {
    const [attacked = ""] = shown.split(";");
    assert.ok(ATTACKS.some((each) => each.id === attacked) || /^none: .{20,}/.test(shown), `${id}: ${shown}`);
  }
});

test("the schema of the report in lab/schema is the one that npm run lab:build writes", () => {
  const written = readFileSync(new URL("../../lab/schema/attack.schema.json", import.meta.url), "utf8");
  assert.ok(written === attackSchemaText(), "run it again");
});

test("the report follows its schema, and says what was sent, what arrived, the status and the log", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const words = "größe — ✓";
  const loud = standIn("loud", `echo '${words}' >&2; shift; exec "$@"`);
  const report = await attack({ inits: [loud, loud], only: ["O2"] });
  const validate = new Ajv2020().compile(JSON.parse(attackSchemaText()));
  assert.ok(validate(report), JSON.stringify(validate.errors));
  assert.ok(!validate({ ...report, reportVersion: undefined }));
  // Named twice, it is attacked once.
  assert.equal(report.results.length, 1);
  const [{ seen, verdict } = assert.fail()] = report.results;
  assert.equal(verdict, "survived");
  assert.deepEqual(seen, {
    sent: ["SIGSTOP", "SIGUSR1", "SIGUSR2", "SIGCONT", "SIGTERM"],
    got: ["TERM", "USR1", "USR2"],
    status: 7,
    out: [],
    err: [words],
    log: [],
  });
});

test("evidence of several lines is told whole", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const { results } = await attack({
    inits: [standIn("two", "echo one >&2; echo two >&2; exit 3")],
    only: ["O2"],
  });
  assert.match(results[0]?.evidence ?? "", /the program did not start: 3; one; two$/);
});

test("what is no init neither falls nor survives", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const only = ["W12", "W18", "D5", "C1", "O1", "O4", "O5"];
  for (const path of ["/bin/false", "/bin/sleep"]) {
    const { results } = await attack({ inits: [path], only });
    for (const { verdict, evidence } of results) {
      assert.equal(verdict, "could not test");
      assert.match(evidence, /^its control it starts no program: /);
    }
  }
});

test("an init that changes what the program starts with falls by that alone", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const starts = (how: string) => standIn(how.replaceAll(/\W/g, ""), `shift; exec env ${how} "$@"`);
  assert.deepEqual(await verdicts(starts("--block-signal=TSTP"), "C1", "D5"), ["survived", "fell"]);
  assert.deepEqual(await verdicts(starts("--default-signal=HUP"), "C1", "D5"), ["fell", "survived"]);
});

/** The script of an attack with something else in it, played by hand: its last line. */
function played(id: string, init: string, from: string | RegExp, to: string): string {
  const text = lab(init, "--script", id).stdout;
  const changed = text.replace(from, to);
  assert.notEqual(changed, text);
  const script = join(folder, `script-${id}`);
  writeFileSync(script, changed);
  const { stdout } = spawnSync(
    "unshare",
    ["--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", script],
    { encoding: "utf8" },
  );
  return stdout.trimEnd().split("\n").at(-1) ?? "";
}

test("in a flood it is the engine's stop that is looked for: where none is sent the init falls", (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  assert.match(played("T2", STEADY, "\nsend INT\n", "\n:\n"), /^fell: after 5 s the engine's SIGINT had not/);
  // Five seconds of a flood are too much for some a shell, which ends by it: it had no SIGTERM either.
  assert.match(
    played("O3", "bare", "\nengine_kill TERM\n", "\n:\n"),
    /^fell: (?:after 5 s|the container ended with \d+, and) the program had no SIGTERM/,
  );
});

test("of dumb-init that logs nothing the program has no SIGPIPE, and nobody waits for a reader", (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  if (!needsProgram(context, "dumb-init", "apt-get install dumb-init")) return;
  for (const id of ["W3", "W4"])
    assert.match(played(id, "dumb-init", "TALKATIVE='-v'", "TALKATIVE=''"), /^survived: /);
});

test("an init is known by its name, also by that of its release", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const kinds = {
    "tini-amd64": "tini",
    "tini-static-muslc-amd64": "tini",
    "dumb-init_1.2.5_x86_64": "dumb-init",
    "catatonit.x86_64": "catatonit",
    "steady-x86_64": "steady",
    "runit-init": "runit",
    "s6-svscan": "s6",
    systemd: "systemd",
    "systemd-nspawn": "other",
    tinier: "other",
  };
  const inits = Object.keys(kinds).map((name) => standIn(name, 'exec "$@"'));
  const { targets } = await attack({ inits, only: ["T6"] });
  assert.deepEqual(
    targets.map(({ kind }) => kind),
    Object.values(kinds),
  );
});

test("s6 is started behind an adapter, and what is not about it says why", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const s6 = needsUnpacked(context, "s6");
  if (s6 === undefined) return;
  const { results } = await attack({ inits: [s6], only: ["W2", "W16", "W18", "O1", "O2"] });
  assert.deepEqual(
    results.map(({ attack: id, verdict }) => `${id} ${verdict}`),
    ["W2 survived", "W16 not applicable", "W18 fell", "O1 survived", "O2 survived"],
  );
  assert.match(results[1]?.evidence ?? "", /^its program stands in a file/);
});

test("an init that cannot run here has not fallen: one sentence says why, and the status is 2", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  if (!needs(context, !existsSync("/sbin/runit"), "a machine without runit", "apt-get remove runit")) return;
  const { results, exitStatus } = await attack({
    inits: [standIn("runit-init", "exit")],
    only: ["C1", "W15"],
  });
  assert.equal(exitStatus, 2);
  for (const { verdict, evidence } of results)
    assert.deepEqual(
      [verdict, evidence],
      ["could not test", "there is no /sbin/runit: it is in the package runit"],
    );
});

test("an adapter mounts nothing outside of a mount namespace that is the script's own", () => {
  for (const name of ["runit-init", "systemd"]) {
    const script = lab(standIn(name, "exit"), "--script", "C1").stdout;
    const { stdout, status } = spawnSync("sh", ["-c", script], { encoding: "utf8" });
    assert.equal(status, 2);
    assert.match(stdout, /^cannot: .* needs .*, and so a mount namespace of the script's own\n$/);
  }
});

test("bench and fuzz refuse an init that takes no program on its command line", () => {
  const init = standIn("s6-svscan", "exit");
  for (const command of ["bench", "fuzz"]) {
    const { status, stderr } = spawnSync(process.execPath, [BIN, command, init], { encoding: "utf8" });
    assert.equal(status, 64);
    assert.match(stderr, /take a program on their command line, and .* does not: attack and conform take it/);
  }
});

test("steady survives what is quick to be played, and PID 1 without an init falls where it must", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const quick = [
    "W2",
    "W5",
    "W9",
    "W12",
    "W16",
    "W17",
    "W19",
    "W20",
    "W22",
    "D3",
    "D5",
    "D6",
    "D7",
    "C1",
    "O1",
    "O2",
    "O5",
    "O6",
    "O8",
    "O9",
    "O12",
    "O14",
    "O15",
    "O16",
    "O17",
  ];
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

test("an init that executes -- falls by that, as a minimal build of tini does", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const minimal = standIn("minimal", 'exec env -- ./"$@"');
  const [{ verdict, evidence } = assert.fail()] = (await attack({ inits: [minimal], only: ["W20"] })).results;
  assert.equal(verdict, "fell");
  assert.match(evidence, /^the program did not run, and the container ended with 127/);
});

test("an init that minds a full table of files, or a signal that finds no room, falls by that", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const opens = standIn("opens", 'shift; exec 5</dev/null || exit; exec "$@"');
  assert.deepEqual(await verdicts(opens, "O14"), ["fell"]);
  const fragile = standIn(
    "fragile",
    `trap 'env kill -q 1 -s 40 $p || exit 1' 40; trap 'kill $p' TERM; shift
"$@" & p=$!; while kill -0 $p 2>/dev/null; do wait $p; s=$?; done; exit $s`,
  );
  assert.deepEqual(await verdicts(fragile, "O17"), ["fell"]);
});

test("W6: where the init reaps, a signal waits for one batch of the zombies; where it looks at none in between, for all", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  if (!needsProgram(context, "strace", "apt-get install strace")) return;
  const told = played("W6", STEADY, "OPTIONS=''", "OPTIONS='--reap wait'");
  const [, before, left] =
    /^survived: the signal arrived when of (\d+) zombies (\d+) were left/.exec(told) ?? [];
  assert.ok(Number(before) - Number(left) <= 70, told);
  if (!needsProgram(context, "tini", "apt-get install tini")) return;
  assert.deepEqual(await verdicts("tini", "W6"), ["fell"]);
});

test("W21 and D4: moments of microseconds come every time, and where one was missed nobody has fallen", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  if (!needsProgram(context, "strace", "apt-get install strace")) return;
  assert.deepEqual(await verdicts(STEADY, "W21", "D4"), ["survived", "survived"]);
  if (!needsProgram(context, "tini", "apt-get install tini")) return;
  assert.deepEqual(await verdicts("tini", "W21", "D4"), ["fell", "survived"]);
  if (!needsProgram(context, "dumb-init", "apt-get install dumb-init")) return;
  assert.deepEqual(await verdicts("dumb-init", "W21", "D4"), ["not applicable", "fell"]);
  assert.match(played("W21", "tini", "prctl 1000000", "prctl 1"), /^the moment was over/);
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
    [["/usr"], /\/usr cannot be executed/],
    [["--planted", "/nothing/here", "bare"], /\/nothing\/here cannot be executed/],
    [["--only", "", "bare"], /only: name an attack/],
    [["--only", ",", "--list"], /only: name an attack/],
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

test("the cgroup of a bomb goes with it, also where somebody breaks off", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const root = existsSync("/sys/fs/cgroup/pids") ? "/sys/fs/cgroup/pids" : "/sys/fs/cgroup";
  if (!needs(context, canMake(join(root, `steady-lab-probe-${process.pid}`)), "a pids cgroup", "run as root"))
    return;
  const child = spawn(process.execPath, [BIN, "attack", STEADY, "--only", "O7"], { stdio: "ignore" });
  const status = new Promise((ended) => child.once("exit", (code) => ended(code)));
  const groups = () => readdirSync(root).filter((name) => name.startsWith(`steady-lab-${child.pid}-`));
  await until("a cgroup", () => groups().length > 0);
  child.kill("SIGINT");
  assert.equal(await status, 130);
  assert.deepEqual(groups(), []);
});

function canMake(path: string): boolean {
  try {
    mkdirSync(path);
    const has = existsSync(join(path, "pids.max"));
    rmdirSync(path);
    return has;
  } catch {
    return false;
  }
}
