// The check is held against small applications, good and bad, whose findings were written down beforehand
// (lab/applications/expected.json). Here each is asked about what it was made for; test/all/applications.test.ts asks
// about everything. The lessons are ways in which other tools passed without testing anything.

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isDead, parseStat } from "../../lab/processes.ts";
import { needsPidNamespace } from "../lib/process.ts";
import { checkOf, eachApplication, findingOf, only, pathOf } from "./lib.ts";

/** What is asked of each application here; of the others, nothing but test/all asks. */
const ASKED: Readonly<Record<string, readonly string[]>> = {
  "sh polite.sh": ["SL001", "SL002", "SL004"],
  "sleep 1000": ["SL002", "SL013"],
  "sh wrapper.sh": ["SL002", "SL009"],
  "python3 threads.py": ["SL002"],
  "env NOBODY_LISTENS=1 python3 threads.py": ["SL002"],
  "sh zombies.sh": ["SL012"],
  "sh tini/run.sh": ["SL002"],
  "sh supervisor.sh": ["SL002", "SL009", "SL010", "SL012"],
  true: ["SL001", "SL002", "SL005", "SL008", "SL014"],
  "sh failing.sh": ["SL001", "SL002"],
  "sh leaving.sh": ["SL010"],
  "sh daemon.sh": ["SL001", "SL011"],
  "sh crashing.sh": ["SL004"],
  "node dropping.mjs": ["SL020"],
};

describe("applications", { concurrency: 3 }, () => {
  eachApplication((application, expect) => {
    const rules = ASKED[application.command.join(" ")];
    if (rules !== undefined) expect(rules, { grace: "2s", ...application.settings });
  });

  test("lesson 5: an orphan that could not be put in is no orphan that was reaped", async (context) => {
    if (!needsPidNamespace(context)) return;
    const folder = mkdtempSync(join(tmpdir(), "steady-lab-"));
    context.after(() => rmSync(folder, { recursive: true }));
    for (const name of ["sh", "unshare", "setpriv", "nsenter", "ip"])
      symlinkSync(pathOf(name), join(folder, name));
    // There is no sleep in this PATH, and the shell that is put in still answers a pid.
    const report = await checkOf(
      { command: [process.execPath, "server.mjs"], ignore: only("SL002", "SL013") },
      { PATH: folder },
    );
    assert.equal(findingOf(report, "SL013").because, "hindered", findingOf(report, "SL013").what);
    assert.equal(report.exitStatus, 2);
  });

  test("lesson 6: every probe is a life of its own, in which nothing is left of another", async (context) => {
    if (!needsPidNamespace(context)) return;
    const count =
      'n=0; for s in TERM INT HUP USR1 WINCH PIPE; do trap "n=\\$((n + 1)); echo got $s \\$n" $s; done';
    const command = ["sh", "-c", `${count}; while :; do sleep 0.1 & wait $!; done`];
    const report = await checkOf({
      command,
      grace: "1s",
      ignore: only("SL002", "SL005", "SL006", "SL018", "SL019"),
    });
    const alike = report.runs.filter(({ id }) => /^(stop|surprise)-SIG/.test(id));
    const said = alike.map(({ id, timeline }) => [
      id,
      timeline.flatMap((event) => (event.kind === "log" ? [event.line] : [])),
    ]);
    // Lesson 10, too: that the signal that was meant is the one that arrived, the program itself tells.
    assert.deepEqual(Object.fromEntries(said), {
      "stop-SIGTERM": ["got TERM 1"],
      "stop-SIGINT": ["got INT 1"],
      "stop-SIGHUP": ["got HUP 1"],
      "surprise-SIGWINCH": ["got WINCH 1"],
      "surprise-SIGUSR1": ["got USR1 1"],
    });
  });

  test("lesson 11: a name that looks like a zombie's line in /proc makes no zombie of a process", async (context) => {
    assert.deepEqual([parseStat("7 (x) Z (y) S 3 0").state, parseStat("7 (x) Z (y) S 3 0").parent], ["S", 3]);
    assert.equal(parseStat("7 (a) Z 3 0").name, "a");
    assert.deepEqual(["Z", "X", "S", "R", "T"].map(isDead), [true, true, false, false, false]);
    if (!needsPidNamespace(context)) return;
    const folder = mkdtempSync(join(tmpdir(), "steady-lab-"));
    context.after(() => rmSync(folder, { recursive: true }));
    copyFileSync(pathOf("sleep"), join(folder, "x) Z (y"));
    writeFileSync(join(folder, "run.sh"), `trap '' TERM\nexec "$(dirname "$0")/x) Z (y" 1000\n`);
    const report = await checkOf({
      command: ["sh", join(folder, "run.sh")],
      grace: "1s",
      ignore: only("SL002", "SL012"),
    });
    assert.equal(findingOf(report, "SL002").verdict, "failed", findingOf(report, "SL002").what);
    assert.match(findingOf(report, "SL002").what, /ignores/);
    assert.equal(findingOf(report, "SL012").verdict, "passed");
  });
});
