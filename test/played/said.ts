// A whole life in its own words: each sentence at its level, and what the files of others tell.

import assert from "node:assert/strict";
import { MESSAGES } from "../../texts/messages.ts";
import { play } from "../lib/plain.ts";
import { DIES, restart } from "../lib/scene.ts";
import { into, type Played } from "./promises.ts";

export const SAID: Played[] = [];
const promise = into(SAID);

const [SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD, SIGXFSZ] = [1, 3, 10, 12, 13, 17, 25];
/** Killed by SIGSEGV, with a core dump and without. */
const [DUMPED, NOT_DUMPED] = [0x8b, 0x0b];
const lines = (output: string): string[] =>
  output
    .split("\n")
    .filter(Boolean)
    .map((line) => line.replace(/^\[(\w+) +\w+ \(\d+\)\] /, "$1 "));

promise("each sentence of the start and the end is said at its level", (core) => {
  const { output, errors } = play(core, { args: ["steady", "-vvv", "--no-env", "/x"], records: false });
  assert.deepEqual(lines(errors), [
    "WARN Child was dead when forwarding signal",
    "FATAL Main child exited for unknown reason",
  ]);
  const said = lines(output).filter((line) => !/Options:|Sandbox:/.test(line));
  assert.deepEqual(said, [
    "INFO Behaving as steady: by the name it was called by",
    "DEBUG tcsetpgrp failed: no tty (ok to proceed)",
    "INFO Spawned child process '/x' with pid '42'",
    "INFO Reaping: wait4 in batches",
    "DEBUG Passing signal: 'Terminated'",
    "DEBUG Reaped child with pid: '99'",
    "DEBUG Reaped child with pid: '42'",
    "INFO Main child exited normally (with status '0')",
    "TRACE No child to wait",
    "TRACE Exiting: child has exited",
  ]);
});

promise(
  "each sentence about a signal is said at its level, and about none that is the init's own",
  (core) => {
    const { output, errors } = restart(core, {
      survivors: {},
      args: ["steady", "-vvv", "--map=HUP=INT,QUIT=drop", "/x"],
      events: [
        ...[SIGUSR1, SIGHUP, SIGQUIT, SIGCHLD].map((signal) => ({ signal })),
        { signal: SIGPIPE, own: true },
        { signal: SIGXFSZ, own: true },
        { signal: SIGUSR2, own: true },
        { dies: 99, status: 0 },
        { dies: 98, status: 9 },
        DIES(DUMPED),
        { signal: SIGCHLD },
      ],
    });
    assert.deepEqual(lines(errors), [
      "WARN The core was started again: a bad indirect call (1 times so far); the program goes on",
    ]);
    assert.deepEqual(lines(output), [
      "DEBUG Passing signal: 'User defined signal 1'",
      "TRACE No child to reap",
      "DEBUG Signal 'Hangup' becomes 'Interrupt'",
      "DEBUG Passing signal: 'Interrupt'",
      "DEBUG Signal 'Quit' goes nowhere (--map)",
      "DEBUG Received SIGCHLD",
      "TRACE No child to reap",
      "DEBUG Received SIGCHLD",
      "DEBUG Reaped child with pid: '99'",
      "TRACE No child to reap",
      "DEBUG Received SIGCHLD",
      "DEBUG Reaped child with pid: '98'",
      "TRACE No child to reap",
      "INFO Main child exited with signal (with signal 'Segmentation fault')",
      "DEBUG Reaped child with pid: '42'",
      "TRACE No child to wait",
      "TRACE Exiting: child has exited",
    ]);
  },
);

promise("the event of the end tells of a core dump, where the kernel told of one", (core) => {
  for (const [end, isDumped] of [
    [DUMPED, true],
    [NOT_DUMPED, false],
  ] as const) {
    const { errors } = play(core, { args: ["steady", "--events=text", "/x"], end });
    const told = `event="ended" steady.signal.name="SIGSEGV" steady.signal.number=11 steady.core_dumped=${isDumped}\n`;
    assert.ok(errors.includes(told), errors);
  }
});

promise("below an init that reaps nobody is warned, whatever of them it is called", (core) => {
  const isWarned = (comm: string | undefined, parent = 9): boolean => {
    const files: Record<string, string> = comm === undefined ? {} : { "/proc/9/comm": comm };
    const kernel = { getppid: () => parent, get_child_subreaper: () => 0, set_child_subreaper: () => 0 };
    const { errors } = play(core, { args: ["tini", "/x"], pid: 5, files, kernel });
    return errors.includes(MESSAGES.NotPid1Tini);
  };
  for (const name of [
    "steady",
    "tini",
    "dumb-init",
    "catatonit",
    "tini-static",
    "docker-init",
    "podman-init",
  ]) {
    assert.ok(!isWarned(`${name}\n`), name);
    for (const other of [`${name}x\n`, `${name.slice(0, -1)}\n`, `x${name}\n`, `${name}`, `${name} \n`])
      assert.ok(isWarned(other), other);
  }
  for (const comm of ["sh\n", "", "\n", undefined]) assert.ok(isWarned(comm));
  assert.ok(isWarned("steady\n", 8), "that is not its parent");
});

promise("the sender of a signal is named as its /proc/PID/comm has it", (core) => {
  for (const [comm, told] of [
    ["sh\n", "sh"],
    ["x\n", "x"],
    ["\n", ""],
    ["", ""],
    ["a b\n", "a b"],
  ] as const) {
    const files = { "/proc/0/comm": comm };
    const { errors } = play(core, { args: ["steady", "--events=text", "/x"], files });
    const line = errors.split("\n").find((each) => each.includes("signal_received"));
    assert.ok(line?.endsWith(` steady.sender.user.id=0 steady.sender.command="${told}"`), line);
  }
});
