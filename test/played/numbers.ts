// Values that are numbers: times to the millisecond, rates, limits. What is meant shows in what the init says or does.

import assert from "node:assert/strict";
import { MESSAGES } from "../../texts/messages.ts";
import type { Core } from "../lib/host.ts";
import { play } from "../lib/plain.ts";
import { DIES, restart } from "../lib/scene.ts";
import { into, type Played } from "./promises.ts";

export const NUMBERS: Played[] = [];
const promise = into(NUMBERS);

const DAY = 86_400_000;
const [SIGUSR1, SIGTERM, SIGCHLD] = [10, 15, 17];

/** What a time comes to in milliseconds, as the log tells it; nothing where it is refused. */
function readTime(core: Core, option: string, text: string): number | undefined {
  const { output, errors, status } = play(core, { args: ["steady", "-v", `--${option}=${text}`, "/x"] });
  const told = /is sent on in (\d+) ms/.exec(output)?.[1];
  const refused = errors.includes(`--${option}: ${text} (`);
  assert.equal(refused, status === 1 && told === undefined, errors);
  return refused ? undefined : Number(told ?? 0);
}

promise("a time is what it says, to the millisecond and up to a day, and nothing else is one", (core) => {
  for (const [text, ms] of [
    ["1ms", 1],
    ["9ms", 9],
    ["10ms", 10],
    ["1234567ms", 1_234_567],
    ["007ms", 7],
    ["1s", 1000],
    ["86400s", DAY],
    ["1m", 60_000],
    ["1440m", DAY],
    [`${DAY}ms`, DAY],
    ["0", 0],
    ["0ms", 0],
    ["0s", 0],
    ["00", 0],
  ] as const)
    assert.equal(readTime(core, "pre-stop", text), ms, text);
  const wrong = [
    "",
    "1",
    "ms",
    "s",
    "m",
    "1 s",
    " 1s",
    "1s ",
    "-1s",
    "+1s",
    "1.5s",
    "1S",
    "1sm",
    "1mss",
    "1h",
    "/s",
    ":s",
    "0x",
    "0 ",
  ];
  // Of the last but one the lowest 64 bits are 5.
  const tooLong = [
    `${DAY + 1}ms`,
    "86401s",
    "1441m",
    "99999999999999999999ms",
    "18446744073709551621s",
    "4294967296m",
  ];
  for (const text of [...wrong, ...tooLong]) assert.equal(readTime(core, "pre-stop", text), undefined, text);
});

promise("each option that is a time takes hours", (core) => {
  for (const option of ["drain", "grace", "pre-stop", "stop-within"])
    for (const minutes of [139, 140, 279, 280])
      assert.notEqual(readTime(core, option, `${minutes}m`), undefined, `--${option}=${minutes}m`);
});

promise("--stop-within is more than what it keeps back, or 0; a day is a time for it too", (core) => {
  for (const text of ["501ms", "1s", "1440m", "0"])
    assert.equal(readTime(core, "stop-within", text), 0, text);
  for (const text of ["1ms", "499ms", "500ms", "86401s"])
    assert.equal(readTime(core, "stop-within", text), undefined, text);
});

promise("--limit lets as many through as it says before the next ones wait", (core) => {
  for (const limit of [1, 2, 9, 10, 11]) {
    for (const times of [limit - 1, limit]) {
      const events = Array.from({ length: times }, () => ({ signal: SIGUSR1 }));
      const { sent, output } = restart(core, {
        survivors: {},
        args: ["steady", "-v", `--limit=${limit}/s`, "/x"],
        events: [...events, { signal: SIGTERM }, DIES(0), { signal: SIGCHLD }],
      });
      assert.equal(sent.length, times + 1);
      const met = MESSAGES.LimitMet.replace("%g", "User defined signal 1").replace("%d", `${limit}`);
      assert.equal(output.includes(met), times === limit, output);
    }
  }
});

promise("a rate is a number from 1 to 9999 and /s", (core) => {
  const ends = (text: string): number =>
    play(core, { args: ["steady", `--limit=${text}`, "/x"], end: 0 }).status;
  for (const text of ["1/s", "9/s", "0009/s", "9999/s"]) assert.equal(ends(text), 0, text);
  for (const text of [
    "",
    "0/s",
    "/s",
    "1",
    "1/",
    "1s",
    "1/ss",
    "1/S",
    " 1/s",
    "-1/s",
    "10000/s",
    "99999999999/s",
    "//s",
    ":/s",
  ])
    assert.equal(ends(text), 1, text);
});
