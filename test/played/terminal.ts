// Stops, continuations and the foreground of a terminal, played on the core itself.

import assert from "node:assert/strict";
import { ERRORS } from "../../texts/linux.ts";
import { MESSAGES } from "../../texts/messages.ts";
import type { Kernel } from "../lib/host.ts";
import { DIES, PIDFD, PROGRAM, type Restarted, restart } from "../lib/scene.ts";
import { into, type Played } from "./promises.ts";

export const TERMINALS: Played[] = [];
const promise = into(TERMINALS);

const [EPERM, ESRCH] = [1, 3];
const [SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU] = [17, 18, 19, 20, 21, 22];
const [WAIT, KERNEL] = [0, 1];
const [INIT, OURS, THEIRS] = [5, 4, 77];
const LENT = 36;
const bit = (signal: number): number => 2 ** (signal - 1);
const stoppedBy = (signal: number): number => signal * 256 + 127;

type Wanted = readonly string[];
const only = ({ calls }: Restarted, ...names: Wanted) => calls.filter(([name]) => names.includes(name));

interface Job {
  readonly pid?: number;
  readonly foreground?: number;
  /** Who has the terminal. */
  readonly now?: number;
  readonly reaping?: number;
  /** Who changes to which wait status. */
  readonly changes?: readonly (readonly [pid: number, status: number])[];
  readonly kernel?: Kernel;
  readonly watch?: (name: string, args: readonly number[], kept: Buffer) => void;
}

/** A job of a shell, until its program ends. */
function job(core: Parameters<Played["play"]>[0], the: Job): Restarted {
  const { pid = INIT, foreground = OURS, now = OURS, reaping = WAIT, changes = [] } = the;
  const left = [...changes];
  const kernel = (plain: Kernel): Kernel => ({
    getpid: () => pid,
    tcgetpgrp: () => now,
    tcsetpgrp: () => 0,
    rt_sigprocmask: () => 0,
    rt_sigtimedwait: () => 0,
    wait4: (host, who = 0, at = 0, options = 0) => {
      const change = left.shift();
      if (change === undefined) return plain.wait4?.(host, who, at, options);
      host.writeI32(at, change[1]);
      return change[0];
    },
    ...the.kernel,
  });
  const { watch } = the;
  return restart(core, {
    survivors: { foreground, reaping },
    events: ["nothing", "nothing", DIES(0), { signal: SIGCHLD }],
    kernel,
    ...(watch && { watch }),
  });
}

/** What the init did to stop itself: its group, its mask, and the SIGCONT that it takes off. */
const STOPS_ITSELF = [
  ["kill", 0, SIGTSTP],
  ["rt_sigprocmask", -1 - bit(SIGTSTP)],
  ["rt_sigprocmask", -1],
];

function ofItself(seen: Restarted): (readonly [string, ...number[]])[] {
  // A restart sets the mask again by itself.
  return only(seen, "kill", "rt_sigprocmask")
    .filter(([name, to]) => name !== "kill" || to === 0)
    .slice(1);
}

promise(
  "where the program of a job is stopped, the init stops its group, until the shell continues it",
  (core) => {
    for (const [signal, now, isStopped] of [
      [SIGSTOP, OURS, true],
      [SIGTSTP, OURS, true],
      [SIGTTIN, OURS, false],
      [SIGTTIN, THEIRS, true],
      [SIGTTOU, OURS, false],
      [SIGTTOU, THEIRS, true],
      [SIGTTOU + 1, OURS, true],
      [SIGTSTP, THEIRS, true],
    ] as const) {
      const seen = job(core, { now, changes: [[PROGRAM, stoppedBy(signal)]] });
      assert.deepEqual(ofItself(seen), isStopped ? STOPS_ITSELF : [], `${signal} ${now}`);
      const waited = only(seen, "rt_sigtimedwait").map(([, mask, , ms]) => [mask, ms]);
      assert.deepEqual(waited, isStopped ? [[bit(SIGCONT), 0]] : []);
      const continued = seen.sent.filter(([, , sent]) => sent === SIGCONT);
      // Once after the restart, since it may be stopped, and once for the stop.
      assert.deepEqual(continued, Array(2).fill(["kill", -PROGRAM, SIGCONT]));
      assert.deepEqual(only(seen, "tcsetpgrp").length, now === OURS ? 2 : 0);
      assert.ok(only(seen, "tcgetpgrp").every(([, fd]) => fd === 0));
    }
  },
);

promise(
  "the stop of an orphan is nobody's concern, whatever its number is after the program's end",
  (core) => {
    const orphan = job(core, { changes: [[99, stoppedBy(SIGTSTP)]] });
    assert.deepEqual(ofItself(orphan), []);
    const changes = [
      [PROGRAM, 3 * 256],
      [PROGRAM, stoppedBy(SIGTSTP)],
      [PROGRAM, 4 * 256],
    ] as const;
    const seen = job(core, { changes });
    assert.deepEqual([seen.status, ofItself(seen)], [3, []]);
  },
);

promise("stops are asked for where the job is a shell's, and only there", (core) => {
  for (const [pid, foreground, options] of [
    [INIT, OURS, 3],
    [INIT, 256, 3],
    [INIT, 0, 1],
    [1, OURS, 1],
  ] as const) {
    const seen = job(core, { pid, foreground, now: 9 });
    assert.ok(
      only(seen, "wait4").every((call) => call[1] === -1 && call[3] === options),
      `${pid} ${foreground}`,
    );
  }
});

promise("a continued program gets the terminal where our group has it, and this is kept", (core) => {
  for (const [now, answer, isGiven, isLent] of [
    [OURS, 0, true, 1],
    [OURS, -EPERM, true, 0],
    [THEIRS, 0, false, 0],
  ] as const) {
    const lent: number[] = [];
    const seen = job(core, {
      now,
      kernel: { tcsetpgrp: () => answer },
      watch: (name, [, signal], kept) => {
        if (name === "kill" && signal === SIGCONT) lent.push(kept.readInt32LE(LENT));
      },
    });
    const given = only(seen, "tcsetpgrp").map(([, ...args]) => args);
    assert.deepEqual(given, isGiven ? [[0, PROGRAM]] : []);
    assert.deepEqual(lent, [isLent]);
    assert.ok(only(seen, "tcgetpgrp").every(([, fd]) => fd === 0));
  }
});

promise("a program that may not be continued is told of, and one that is gone is not", (core) => {
  for (const [reaping, name] of [
    [WAIT, "kill"],
    [KERNEL, "pidfd_send_signal"],
  ] as const) {
    for (const answer of [0, -ESRCH, -EPERM]) {
      const seen = job(core, { reaping, kernel: { [name]: () => answer } });
      const text = MESSAGES.ForwardFailed.replace("%e", ERRORS[EPERM] ?? "");
      const told = seen.errors.split("\n").slice(1).join("\n");
      assert.equal(told, answer === -EPERM ? `[WARN  steady (${INIT})] ${text}\n` : "");
      const [, ...args] = only(seen, name).find((call) => call[2] === SIGCONT) ?? [];
      assert.deepEqual(args, reaping === WAIT ? [-PROGRAM, SIGCONT] : [PIDFD, SIGCONT, 0, 1]);
    }
  }
});

promise("what was sent to a stopped job is forwarded before the program is continued", (core) => {
  const left = [[PROGRAM, stoppedBy(SIGTSTP)]] as const;
  const changes = [...left] as [number, number][];
  const seen = restart(core, {
    survivors: { foreground: OURS },
    events: ["nothing", { signal: 15 }, "nothing", DIES(0), { signal: SIGCHLD }],
    kernel: (plain) => ({
      getpid: () => INIT,
      tcgetpgrp: () => OURS,
      tcsetpgrp: () => 0,
      rt_sigtimedwait: () => 0,
      wait4: (host, who = 0, at = 0, options = 0) => {
        const change = changes.shift();
        if (change === undefined) return plain.wait4?.(host, who, at, options);
        host.writeI32(at, change[1]);
        return change[0];
      },
    }),
  });
  const sent = seen.sent.map(([, , signal]) => signal).filter((signal) => signal !== SIGTSTP && signal !== 0);
  assert.deepEqual(sent, [SIGCONT, 15, SIGCONT]);
});

promise("a job that the shell continued goes on at once, and not with the next news", (core) => {
  const { waits, sent } = job(core, { changes: [[PROGRAM, (SIGTSTP << 8) | 0x7f]] });
  // The restart continues it too.
  assert.deepEqual(waits.slice(0, 3), [0, 0, -1]);
  assert.equal(sent.filter(([, , signal]) => signal === SIGCONT).length, 2);
});
