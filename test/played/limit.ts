// --limit: which signals are taken, and when; and what becomes of real-time signals that queue up meanwhile, played on the
// core itself.

import assert from "node:assert/strict";
import { MESSAGES } from "../../texts/messages.ts";
import type { Kernel } from "../lib/host.ts";
import { DIES, type Event, type Restarted, restart, SIGNALFD, type Survivors } from "../lib/scene.ts";
import { Tree } from "../lib/tree.ts";
import { into, type Played } from "./promises.ts";
import { sentence } from "./sentences.ts";

export const LIMITS: Played[] = [];
const promise = into(LIMITS);

type Core = Parameters<Played["play"]>[0];

const [EAGAIN, EBADF, EINVAL] = [11, 9, 22];
const [SIGTERM, SIGCHLD] = [15, 17];
const END: Event[] = [DIES(0), { signal: SIGCHLD }];
const ALL = (1n << 64n) - 1n;
const SIGNAL_INFO = 128;
/** In one read. */
const AT_ONCE = 32;

const said = (level: string, text: string): string => `[${level.padEnd(5)} steady (1)] ${text}\n`;
const only = (...signals: number[]): bigint =>
  signals.reduce((mask, signal) => mask | (1n << BigInt(signal - 1)), 0n);
const without = (...signals: number[]): bigint => ALL & ~only(...signals);
const many = (count: number, signal: number): Event[] => Array.from({ length: count }, () => ({ signal }));

interface Limited {
  readonly seen: Restarted;
  readonly sent: readonly (number | undefined)[];
  /** Which signals are taken, as it changes. */
  readonly masks: readonly bigint[];
  /** How many signals each read took that was for nobody. */
  readonly dropped: readonly number[];
  /** How often it was looked how many are queued. */
  readonly looks: number;
}

interface Scene {
  readonly args: readonly string[];
  readonly events: readonly Event[];
  readonly survivors?: Survivors;
  /** /proc/1/status, how many of them can be read, and what a read answers then. */
  readonly status?: string;
  readonly queued?: number;
  readonly empty?: number;
}

function live(
  core: Core,
  { args, events, survivors = {}, status = "", queued = 0, empty = -EAGAIN }: Scene,
): Limited {
  const tree = new Tree([{ pid: 1, parent: 0, status }]);
  const [masks, dropped]: [bigint[], number[]] = [[], []];
  let waiting = queued;
  const note = (mask: number): void => {
    const exact = BigInt.asUintN(64, BigInt(mask));
    if (exact !== masks.at(-1)) masks.push(exact);
  };
  const kernel = (plain: Kernel): Kernel => ({
    ...plain,
    openat: tree.kernel(plain).openat ?? (() => 0),
    read: (host, fd = 0, at = 0, max = 0) => {
      if (fd !== SIGNALFD || max === SIGNAL_INFO) return tree.kernel(plain).read?.(host, fd, at, max);
      assert.equal(max, AT_ONCE * SIGNAL_INFO);
      if (waiting === 0) return empty;
      const taken = Math.min(waiting, AT_ONCE);
      waiting -= taken;
      dropped.push(taken);
      host.bytes(at, taken * SIGNAL_INFO).fill(7);
      return taken * SIGNAL_INFO;
    },
    close: tree.kernel(plain).close ?? (() => 0),
    close_range: () => 0,
    signalfd4: (_, fd = 0, mask = 0) => {
      assert.equal(fd, SIGNALFD);
      note(mask);
      return fd;
    },
    rt_sigtimedwait: (host, mask = 0, at = 0, ms = 0) => {
      note(mask);
      return plain.rt_sigtimedwait?.(host, mask, at, ms);
    },
  });
  const seen = restart(core, {
    survivors,
    args: ["steady", ...args, "/x"],
    events: [...events, ...END],
    kernel,
  });
  const looks = tree.asked.filter((path) => path === "/proc/1/status").length;
  return { seen, sent: seen.sent.map(([, , signal]) => signal), masks, dropped, looks };
}

promise("what came so often in a second is not taken until the second is over, and all else is", (core) => {
  for (const signalfd of [SIGNALFD, -1]) {
    for (const limit of [1, 2, 5]) {
      const { seen, sent, masks } = live(core, {
        survivors: { signalfd },
        args: ["-v", `--limit=${limit}/s`, "--reap=wait"],
        events: [
          ...many(limit - 1, 10),
          ...(limit > 1 ? [{ signal: SIGTERM }] : []),
          { signal: 10 },
          ...(limit > 1 ? many(limit, 12) : []),
          "nothing",
          ...many(limit - 1, 10),
          "nothing",
          ...many(limit, 10),
          "nothing",
          { signal: SIGTERM },
        ],
      });
      assert.equal(seen.status, 0);
      const first = [10, 10, 10, 10].slice(0, limit - 1);
      const other = limit > 1 ? Array<number>(limit).fill(12) : [];
      assert.deepEqual(sent, [
        ...[...first, ...(limit > 1 ? [SIGTERM] : []), 10, ...other],
        ...[...first, ...first, 10, SIGTERM],
      ]);
      const both = limit > 1 ? [without(10), without(10, 12)] : [without(10)];
      const last = limit > 1 ? [] : [without(SIGTERM)];
      assert.deepEqual(masks, [ALL, ...both, ALL, without(10), ALL, ...last]);
      const lines = seen.output.match(/.*--limit.*\n/g);
      const told = limit > 1 ? [10, 12] : [10, SIGTERM];
      assert.deepEqual(
        lines,
        told.map((signal) =>
          said("INFO", MESSAGES.LimitMet.replace("%g", sentence(signal)).replace("%d", `${limit}`)),
        ),
        "it is told once of each",
      );
    }
  }
});

promise("it is waited for the end of that second, which begins with the first signal", (core) => {
  const { seen, masks } = live(core, {
    args: ["--limit=2/s"],
    events: [{ signal: 10 }, { signal: 10 }, { signal: 12 }, "nothing", { signal: 10 }],
  });
  // The init looks for what is dead; the clock stands still but for "nothing".
  assert.deepEqual(seen.waits, [0, -1, 1000, 1000, -1, -1]);
  assert.deepEqual(masks, [ALL, without(10), ALL]);
});

promise("a second that was not used up is over too: what comes later is counted anew", (core) => {
  for (const [ms, isMet] of [
    [0, true],
    [999, true],
    [1000, false],
    [1001, false],
    [90_000, false],
  ] as const) {
    let now = 5000;
    const masks: number[] = [];
    restart(core, {
      survivors: {},
      args: ["steady", "--limit=2/s", "/x"],
      events: [{ signal: 10 }, { signal: 10 }, ...END],
      kernel: (plain) => ({
        clock_gettime: () => now,
        kill: (host, ...args) => {
          if (now === 5000) now += ms;
          return plain.kill?.(host, ...args);
        },
        signalfd4: (_, fd = 0, mask = 0) => {
          masks.push(mask);
          return fd;
        },
      }),
    });
    assert.equal(masks.length, isMet ? 2 : 1, `${ms}`);
  }
});

promise("each signal has a count of its own, and a second ends them all", (core) => {
  const every = Array.from({ length: 64 }, (_, index) => index + 1);
  const sendable = every.filter((signal) => ![9, SIGCHLD, 19].includes(signal));
  for (const [limit, round] of [
    [2, sendable],
    [300, Array<number>(299).fill(64)],
  ] as const) {
    let now = 5000;
    let left = round.length;
    const events = round.map((signal): Event => ({ signal }));
    const seen = restart(core, {
      survivors: {},
      args: ["steady", "-v", `--limit=${limit}/s`, "/x"],
      events: [...events, ...events, ...END],
      kernel: (plain) => ({
        clock_gettime: () => now,
        kill: (host, ...args) => {
          if (--left === 0) now += 1000;
          return plain.kill?.(host, ...args);
        },
        signalfd4: (_, fd = 0) => fd,
      }),
    });
    assert.equal(seen.sent.length, 2 * round.length);
    assert.ok(!seen.output.includes("--limit"), seen.output);
  }
});

const QUEUE = (count: number, before = ""): string =>
  `Name:\tsteady\nPid:\t1\n${before}SigQ:\t${count}/7823\nSigPnd:\t0000000000000000\n`;

promise(
  "of real-time signals that met the limit no more than a thousand are left waiting for the next second",
  (core) => {
    for (const [queued, expected] of [
      [0, []],
      [999, []],
      [1000, []],
      [1001, [32]],
      [1032, [32]],
      [1033, [32, 32]],
      [1100, [32, 32, 32, 32]],
      [7823, Array<number>(214).fill(32)],
    ] as const) {
      const { seen, masks, dropped } = live(core, {
        args: ["--limit=2/s"],
        events: [...many(2, 40), ...many(2, 10), "nothing"],
        status: QUEUE(queued),
        queued,
      });
      assert.deepEqual(dropped, expected, `${queued}`);
      const between = queued > 1000 ? [only(40)] : [];
      assert.deepEqual(masks, [ALL, without(40), without(10, 40), ...between, ALL]);
      const line = said("WARN", MESSAGES.LimitDropped.replace("%d", `${expected.length * AT_ONCE}`));
      assert.ok(seen.errors.endsWith(queued > 1000 ? `\n${line}` : "program goes on\n"), seen.errors);
    }
  },
);

promise("it is dropped in whole reads, and as long as there are any", (core) => {
  for (const [queued, empty, expected] of [
    [5000, -EAGAIN, [32, 32, 32, 32]],
    [70, -EAGAIN, [32, 32, 6]],
    [32, -EBADF, [32]],
    [1, 0, [1]],
    [0, -EAGAIN, []],
    [0, -EINVAL, []],
    [0, 0, []],
  ] as const) {
    const { seen, dropped, masks } = live(core, {
      args: ["--limit=1/s"],
      events: [{ signal: 50 }, "nothing"],
      status: QUEUE(1100),
      queued,
      empty,
    });
    assert.deepEqual(dropped, expected);
    assert.deepEqual(masks, [ALL, without(50), only(50), ALL], "and then all are taken again");
    const count = expected.reduce((sum: number, each) => sum + each, 0);
    const line = said("WARN", MESSAGES.LimitDropped.replace("%d", `${count}`));
    assert.ok(seen.errors.endsWith(count > 0 ? `\n${line}` : "program goes on\n"), seen.errors);
  }
});

promise("each of the real-time signals may be dropped, and none of the others", (core, effort) => {
  const every = Array.from({ length: 64 }, (_, index) => index + 1);
  for (const signal of effort < 1 ? [1, 8, 31, 32, 33, 40, 57, 64] : every) {
    if ([9, SIGCHLD, 19].includes(signal)) continue;
    const { seen, dropped, masks, looks } = live(core, {
      args: ["--limit=1/s"],
      events: [{ signal }, "nothing"],
      status: QUEUE(1001),
      queued: 1,
    });
    const queues = signal >= 32;
    assert.deepEqual([dropped, looks], queues ? [[1], 1] : [[], 0], `${signal}`);
    assert.equal(seen.waits.at(-1), -1, "and then there is nothing to wait for");
    // The sets come as the numbers nearest to them.
    assert.equal(masks.at(-1), ALL);
    if (signal <= 52) assert.deepEqual(masks, [ALL, without(signal), ...(queues ? [only(signal)] : []), ALL]);
  }
});

promise("nothing is dropped where nobody can tell how many are queued, or without a signalfd", (core) => {
  for (const status of ["", "Name:\tsteady\n", "Name:\tsteady\nSigQ:\t\n", "SigQ:\t5000/7823\n"]) {
    const { dropped, looks, masks } = live(core, {
      args: ["--limit=1/s"],
      events: [{ signal: 40 }, "nothing"],
      status,
      queued: 5,
    });
    assert.deepEqual([dropped, looks, masks], [[], 1, [ALL, without(40), ALL]]);
  }
  const blind = live(core, {
    survivors: { signalfd: -1 },
    args: ["--limit=1/s", "--reap=wait"],
    events: [{ signal: 40 }, "nothing", { signal: 41 }, "nothing"],
    status: QUEUE(5000),
    queued: 5,
  });
  assert.deepEqual([blind.dropped, blind.looks], [[], 0]);
  assert.deepEqual(blind.masks, [ALL, without(40), ALL, without(41), ALL]);
});

promise("without --limit nothing is counted, and no clock is looked at", (core) => {
  const { seen, masks, sent } = live(core, { args: [], events: many(50, 40) });
  assert.deepEqual([sent.length, masks], [50, [ALL]]);
  assert.equal(seen.calls.filter(([name]) => name === "clock_gettime").length, 1, "at the restart");
});

promise("what is mapped is counted as what it was, and what is dropped is not counted", (core) => {
  const { masks, sent } = live(core, {
    args: ["--limit=2/s", "--map=USR1=USR2,HUP=drop"],
    events: [...many(5, 1), { signal: 10 }, { signal: 12 }, { signal: 10 }, "nothing"],
  });
  assert.deepEqual(
    [sent, masks],
    [
      [12, 12, 12],
      [ALL, without(10), ALL],
    ],
  );
});

promise("--trust and --limit count apart, and a second ends both", (core) => {
  const stops = many(10, SIGTERM);
  const { masks, sent } = live(core, {
    args: ["--trust=outside", "--limit=1/s"],
    events: [...stops, { signal: SIGTERM }, "nothing", ...stops, { signal: SIGTERM }],
  });
  assert.deepEqual(
    [sent, masks],
    [
      [SIGTERM, SIGTERM],
      [ALL, without(SIGTERM), ALL, without(SIGTERM)],
    ],
  );
});
