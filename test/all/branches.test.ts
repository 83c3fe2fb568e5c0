// Lives come everywhere: each branch of the core is taken by one of them, but for those of which docs/laws.md says why
// none can. What no life takes, no law watches.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ENDING_NAMES } from "../../simulator/commandline.ts";
import { tellingBranches } from "../../simulator/coverage.ts";
import { Judge, readLife } from "../../simulator/judge.ts";

const LIVES = 6000;
const FAULTS = 12;
const FIRST_WITH_FAULTS = 1_000_000;
/** Within these the core arranges itself and takes its first signal. */
const FIRST_CALL = 10;
const CALLS = 40;

const failing = (call: number, times: number, how: string): string =>
  JSON.stringify(Array.from({ length: times }, (_, index) => `${call + index}:${how}`));

/** In which call of the life it has to happen follows from how many there are before it. */
const anywhere = (life: (call: number) => string): string[] =>
  Array.from({ length: CALLS }, (_, index) => life(FIRST_CALL + index));

const copying = (faults: readonly string[], path = "/usr/bin/init"): string =>
  JSON.stringify({ seed: 1, ending: `--install ${path}`, faults, calm: true });

/** Where chance seldom comes. */
const NAMED = [
  // A trap just after a signal that was refused has been kept.
  ...anywhere(
    (call) =>
      `{"seed":1,"sigpending":0,"events":["30 runtime.queue 34 5"],"faults":["${call}:trap"],"calm":true}`,
  ),
  // The status is refused as often as it is asked for.
  ...anywhere(
    (call) => `{"seed":1,"events":["20 program.exit 3"],"calm":true,"faults":${failing(call, 100, "ESRCH")}}`,
  ),
  // The program does not stop in time and is killed, and what it leaves is not.
  ...anywhere(
    (call) =>
      `{"seed":1,"program":"ignores","grace":"200ms","events":["20 program.daemon","30 runtime.signal 15"],"faults":["${call}:EPERM"],"calm":true}`,
  ),
  // The file that --attest reads is for each machine, and for none; and it cannot be read to its end.
  ...Array.from({ length: 7 }, (_, seed) => JSON.stringify({ seed, ending: "--attest", calm: true })),
  '{"seed":1,"ending":"--attest","calm":true,"faults":["3:EIO"]}',
  // Every call of a copy fails, alone and with the one that takes the copy away; no name is free; it has no end; no path is longer.
  ...Array.from({ length: 30 }, (_, call) => copying([`${call}:EIO`])),
  ...Array.from({ length: 30 }, (_, call) => copying([`${call}:EIO`, `${call + 1}:EIO`, `${call + 2}:EIO`])),
  ...Array.from({ length: 6 }, (_, call) => copying(JSON.parse(failing(call, 60, "EEXIST")) as string[])),
  ...Array.from({ length: 8 }, (_, call) => copying(JSON.parse(failing(call, 1100, "EINTR")) as string[])),
  copying([], `/${"x".repeat(4096)}`),
  // More real-time signals wait than are to be left.
  JSON.stringify({
    seed: 1,
    limit: 1,
    sigpending: 3000,
    program: "ignores",
    events: Array(1100).fill("20 inside.queue 40 1"),
    calm: true,
  }),
  ...["--version", "--version program"].map((ending) => JSON.stringify({ seed: 1, name: "tini", ending })),
  // The last resort comes with a signal in hand that was taken during the drain.
  ...[0, 40].flatMap((more) =>
    anywhere(
      (call) =>
        `{"seed":1,"kernel":"6.1","telling":"json","toldTo":"new","events":["20 program.daemon","25 program.exit 3","30 runtime.signal 10"],"calm":true,"faults":${failing(call + more, 4, "trap")}}`,
    ),
  ),
  // More stops from inside were refused than one from outside can be told from.
  JSON.stringify({
    seed: 1,
    trust: "outside",
    events: Array.from({ length: 14 }, (_, index) => `${30 + 5 * index} inside.signal 15`),
    calm: true,
  }),
  // Words that start no program.
  ...ENDING_NAMES.map((ending) => JSON.stringify({ seed: 1, ending, calm: true })),
  // A user with a colon too many.
  '{"seed":1,"ending":"--user app:5:6 program","calm":true}',
  // dumb-init's last signal is none.
  '{"seed":1,"dumbInit":"session","map":"TERM=drop","calm":true}',
  // More are dead than the last resort reaps at once.
  ...anywhere(
    (call) =>
      `{"seed":1,"kernel":"6.1","inheritedZombies":70,"calm":true,"faults":${failing(call, 4, "trap")}}`,
  ),
  // A flood of stops from inside may hide one from outside.
  '{"seed":1,"trust":"outside","program":"ignores","events":["20 inside.flood 15 200"]}',
  // The last resort comes with a signal in hand, and the program has ended.
  '{"seed":1002523,"log":"file","inheritedFiles":5,"inheritedZombies":5,"dumbInit":"single","drain":"300ms","grace":"200ms","limit":20,"telling":"json","events":["5 inside.queue 35 514","32 program.job","37 inside.signal 28","47 inside.signal 20","51 inside.queue 1 353","54 inside.pidfd 23","90 inside.signal 20","109 inside.queue 32 107"],"faults":["90:trap","225:trap","234:trap","243:trap"],"calm":true}',
  ...[40, 80].flatMap((more) =>
    anywhere(
      (call) =>
        `{"seed":1,"kernel":"6.1","dumbInit":"single","events":["20 program.daemon","25 program.exit 3","30 runtime.signal 10"],"calm":true,"faults":${failing(call + more, 4, "trap")}}`,
    ),
  ),
  // The program asks twice to be ended, and in another life says what it has to when it was told to stop.
  '{"seed":1,"notify":"watchdog","events":["60 program.notify 19","60 program.notify 19"],"calm":true}',
  '{"seed":1,"notify":"watchdog","program":"ignores","events":["60 program.notify 18","66 program.notify 6","67 program.notify 11"],"calm":true}',
  // The notify socket fails for good.
  `{"seed":1,"notify":"watchdog","calm":true,"faults":${failing(36, 100, "ENOBUFS")}}`,
];

/** What is asked beside a life, and played in test/played/status.ts and probe.ts; and the guard, whose tests are on the real kernel. */
const BESIDE = ["observe.ts", "probe.ts", "report.ts", "cgroup.ts", "guard.ts"];

/** The rows of docs/laws.md: file, function, and the text of the line. */
function toldInDocs(): string[] {
  const text = readFileSync(new URL("../../docs/laws.md", import.meta.url), "utf8");
  const section = text.split("## Branches that no life takes\n")[1]?.split("\n## ")[0] ?? "";
  const rows = [...section.matchAll(/^\| `(\S+)` \| `(\w+)` \| `(.+?)` \| .+ \|$/gm)];
  return rows.map(([, file, within, line]) => `${file} ${within}: ${line}`);
}

test("every branch of the core is taken by a life, or docs/laws.md says why none can take it", async () => {
  const { wasm, branches } = await tellingBranches();
  const taken = new Set<number>();
  const judge = new Judge(wasm, [], (branch) => taken.add(branch));
  for (const life of NAMED) judge.play(readLife(life));
  for (let life = 0; life < LIVES; life++) {
    judge.judge(life);
    judge.judge(FIRST_WITH_FAULTS + life, FAULTS);
  }
  const never = branches.filter(({ id, file }) => !taken.has(id) && !BESIDE.includes(file));
  const told = new Set(never.map(({ file, within, text }) => `${file} ${within}: ${text}`));
  assert.deepEqual([...told].sort(), toldInDocs().sort());
});
