// What the init says of numbers that come from the kernel, played on the core itself: each error, each signal, each
// status.

import assert from "node:assert/strict";
import { ERRORS, SIGNALS } from "../../texts/linux.ts";
import { MESSAGES } from "../../texts/messages.ts";
import { play } from "../lib/plain.ts";
import { DIES, restart } from "../lib/scene.ts";
import { into, type Played } from "./promises.ts";

export const SENTENCES: Played[] = [];
const promise = into(SENTENCES);

const EAGAIN = 11;
const [RTMIN, SIGNAL_MAX] = [34, 64];
const [SIGKILL, SIGCHLD, SIGSTOP] = [9, 17, 19];
const every = Array.from({ length: SIGNAL_MAX }, (_, index) => index + 1);

/** strsignal(3). */
export function sentence(signal: number): string {
  if (signal > SIGNAL_MAX) return `Unknown signal ${signal}`;
  if (signal >= RTMIN) return `Real-time signal ${signal - RTMIN}`;
  return SIGNALS[signal - 1]?.[1] ?? `Unknown signal ${signal}`;
}

promise("each error is said as strerror does, and one without a name by its number", (core) => {
  const errnos = [...ERRORS.keys(), ERRORS.length, 200, 4095].filter(
    (errno) => errno > 0 && errno !== EAGAIN,
  );
  for (const errno of errnos) {
    const { errors } = play(core, { args: ["steady", "/x"], kernel: { clone: () => -errno } });
    const text = MESSAGES.ForkFailed.replace("%e", ERRORS[errno] || `Unknown error ${errno}`);
    assert.equal(errors, `[FATAL steady (1)] ${text}\n`);
  }
});

promise("each signal that is passed on is said as strsignal does", (core) => {
  for (const signal of every) {
    if ([SIGKILL, SIGCHLD, SIGSTOP].includes(signal)) continue;
    const { output } = restart(core, {
      survivors: {},
      events: [{ signal }, DIES(0), { signal: SIGCHLD }],
      args: ["steady", "-vv", "/x"],
    });
    const line = `[DEBUG steady (1)] ${MESSAGES.PassingSignal.replace("%g", sentence(signal))}\n`;
    assert.equal(output.split(line).length, 2, `${line} in ${output}`);
  }
});

promise("how the program ended is said with its status, or with the signal as strsignal does", (core) => {
  const said = (status: number): string =>
    restart(core, {
      survivors: {},
      events: [DIES(status), { signal: SIGCHLD }],
      args: ["steady", "-v", "/x"],
    }).output;
  for (const signal of [...every, SIGNAL_MAX + 1, 100, 126])
    for (const dump of [0, 128]) {
      const text = MESSAGES.MainSignaled.replace("%g", sentence(signal));
      assert.equal(said(signal + dump), `[INFO  steady (1)] ${text}\n`);
    }
  for (const code of [0, 1, 9, 10, 99, 100, 101, 199, 200, 255])
    assert.equal(said(code * 256), `[INFO  steady (1)] ${MESSAGES.MainExited.replace("%d", `${code}`)}\n`);
});

promise("a pid of any length is said as it is", (core) => {
  for (const pid of [1, 9, 10, 11, 99, 100, 109, 110, 999, 1000, 4194304, 2147483647]) {
    const kernel = { clone: () => -EAGAIN, getrlimit_nproc: () => -1n };
    const { errors } = play(core, { args: ["steady", "/x"], pid, kernel });
    assert.ok(errors.startsWith(`[FATAL steady (${pid})] fork`), errors);
  }
});

promise("that a child has changed, and that none is left to reap, is said to who wants to know", (core) => {
  const said = (options: string): string =>
    restart(core, {
      survivors: {},
      events: ["nothing", { signal: SIGCHLD }, DIES(0)],
      args: ["steady", options, "/x"],
    }).output;
  const [received, none] = [
    `[DEBUG steady (1)] ${MESSAGES.ReceivedSigchld}\n`,
    `[TRACE steady (1)] ${MESSAGES.NoChildToReap}\n`,
  ];
  const count = (text: string, line: string): number => text.split(line).length - 1;
  for (const [options, signals, reaps] of [
    ["-v", 0, 0],
    ["-vv", 1, 0],
    ["-vvv", 1, 2],
  ] as const)
    assert.deepEqual([count(said(options), received), count(said(options), none)], [signals, reaps], options);
});

promise("of what others chose each control character is a question mark, and nothing else is", (core) => {
  const bytes = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1));
  const { output } = play(core, { args: ["steady", "-v", `/${bytes.join("")}`] });
  const shown = bytes.map((char) => (char < " " || char === "\x7f" ? "?" : char)).join("");
  assert.ok(output.includes(MESSAGES.Spawned.replace("%p", () => `/${shown}`).replace("%d", "42")), output);
});
