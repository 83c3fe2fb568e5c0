// The end: --drain, --grace, --stop-within and --pre-stop, in which order and after which times, played on the core itself.

import assert from "node:assert/strict";
import { MESSAGES } from "../../texts/messages.ts";
import type { Kernel } from "../lib/host.ts";
import {
  DIES,
  type Event,
  NOW,
  PLACES,
  PROGRAM,
  type Restarted,
  restart,
  type Survivors,
  UNKNOWN,
} from "../lib/scene.ts";
import { Tree } from "../lib/tree.ts";
import { into, type Played } from "./promises.ts";
import { sentence } from "./sentences.ts";

export const ENDINGS: Played[] = [];
const promise = into(ENDINGS);

type Core = Parameters<Played["play"]>[0];

const [SIGHUP, SIGKILL, SIGTERM, SIGCHLD, SIGCONT] = [1, 9, 15, 17, 18];
const [EPERM, ECHILD, EAGAIN] = [1, 10, 11];
const [WAIT, KERNEL, KERNEL_WITH_STOPS] = [0, 1, 2];
const QUEUED = -1;
const [NONE, OVERDUE, ASKED, KILLED] = [0, 1, 2, 3];
/** Where in what is kept. */
const [STATUS, REAPING, STOP_MS, END_MS, STEP, DELAYED, DELAYED_VALUE] = [24, 28, 112, 120, 128, 132, 152];
const END: Event[] = [DIES(0), { signal: SIGCHLD }];
const ALL = (1n << 64n) - 1n;
const WITHOUT_STOPS = ALL & ~0x4006n;

const said = (level: string, text: string): string => `[${level.padEnd(5)} steady (1)] ${text}\n`;
const numbered = (text: string, ...numbers: number[]): string =>
  numbers.reduce((all, number) => all.replace("%d", `${number}`), text);

interface Scene {
  readonly args: readonly string[];
  readonly events: readonly Event[];
  readonly survivors?: Survivors;
  readonly name?: string;
  /** Whom the init has for children when its program has ended. */
  readonly children?: readonly number[];
  readonly kernel?: (plain: Kernel) => Kernel;
  readonly watch?: (name: string, args: readonly number[], kept: Buffer) => void;
}

interface Ended {
  readonly seen: Restarted;
  /** To whom which signals went. */
  readonly sent: readonly (readonly (number | undefined)[])[];
  /** Which signals are taken, as it changes. */
  readonly masks: readonly bigint[];
}

function live(
  core: Core,
  { args, events, children = [], survivors = {}, name = "steady", ...more }: Scene,
): Ended {
  const left = new Set(children);
  const masks: bigint[] = [];
  const tree = new Tree([...left].map((pid) => ({ pid, parent: 1, name: "worker" })));
  const seen = restart(core, {
    survivors,
    args: [name, ...args, "/x"],
    events,
    watch: more.watch ?? (() => {}),
    kernel: (plain) => {
      const { openat, getdents64, read, close } = tree.kernel(plain);
      const all: Kernel = {
        ...plain,
        ...({ openat, getdents64, read, close, close_range: () => 0, rt_sigaction: () => 0 } as Kernel),
        wait4: (host, ...rest) => {
          const answer = Number(plain.wait4?.(host, ...rest));
          left.delete(answer);
          return answer === -ECHILD && left.size > 0 ? 0 : answer;
        },
        signalfd4: (_, fd = 0, mask = 0) => {
          const exact = BigInt.asUintN(64, BigInt(mask));
          if (exact !== masks.at(-1)) masks.push(exact);
          return fd;
        },
      };
      return { ...all, ...more.kernel?.(all) };
    },
  });
  return { seen, sent: seen.sent.filter(([, , signal]) => signal !== 0).map(([, ...to]) => to), masks };
}

const named = (...pids: number[]): string =>
  pids.map((pid) => said("WARN", numbered(MESSAGES.Straggler, pid).replace("%s", "worker"))).join("");
const killed = (): number[][] => [1, 2, 3].map(() => [-1, SIGKILL]);
const UNKILLABLE = said("WARN", MESSAGES.Unkillable);
const asked = (ms: number): string => said("INFO", numbered(MESSAGES.Draining, ms));
/** And whoever is found in /proc is named. */
const overdue = (ms: number): string => said("WARN", numbered(MESSAGES.GraceOver, PROGRAM, ms)) + named(50);
const errorsOf = ({ seen }: Ended): string => seen.errors.replace(/^.*was started again.*\n/, "");

promise(
  "as PID 1 what is left gets SIGTERM, SIGCONT and two seconds, is named and killed, and left behind after one more",
  (core) => {
    for (const reaping of [WAIT, KERNEL, KERNEL_WITH_STOPS]) {
      const actions: number[][] = [];
      const ended = live(core, {
        survivors: { reaping },
        args: ["-v"],
        events: [DIES(7 * 256), "nothing", "nothing", "nothing"],
        children: [50, 51],
        kernel: () => ({
          rt_sigaction: (_, ...args) => {
            actions.push(args);
            return 0;
          },
        }),
      });
      assert.equal(ended.seen.status, 7);
      assert.deepEqual(ended.sent, [[-1, SIGTERM], [-1, SIGCONT], ...killed()]);
      assert.deepEqual(ended.seen.waits.slice(-2), [2000, 1000]);
      assert.ok(ended.seen.output.endsWith(asked(2000)), ended.seen.output);
      assert.equal(errorsOf(ended), named(50, 51) + UNKILLABLE);
      // From now on each death is told.
      assert.deepEqual(actions, reaping === WAIT ? [] : [[SIGCHLD, 0]]);
      assert.equal(ended.seen.kept.readInt32LE(REAPING), WAIT);
    }
  },
);

promise("only as PID 1 under the name steady there is a drain that nobody asked for", (core) => {
  for (const [name, pid, args, ms] of [
    ["steady", 1, [], 2000],
    ["steady", 8, [], 0],
    ["tini", 1, [], 0],
    ["dumb-init", 1, ["--single-child"], 0],
    ["steady", 1, ["--drain=0"], 0],
    ["steady", 1, ["--drain=700ms"], 700],
    ["steady", 1, ["--drain=1ms"], 1],
    ["tini", 1, ["--drain=3s"], 3000],
  ] as const) {
    const { seen, sent } = live(core, {
      name,
      args,
      events: [...END, "nothing", "nothing"],
      children: [50],
      kernel: () => ({ getpid: () => pid }),
    });
    const drained = ms === 0 ? [] : [[-1, SIGTERM], [-1, SIGCONT], ...killed()];
    assert.deepEqual(sent, drained, `${name} ${args.join()}`);
    assert.deepEqual(
      seen.waits.filter((wait) => wait > 0),
      ms === 0 ? [] : [ms, 1000],
    );
  }
});

promise("where no child is left nobody is signalled", (core) => {
  for (const dead of [0, 1, 64, 200]) {
    for (const reaping of [WAIT, KERNEL]) {
      const seen = restart(core, {
        survivors: { reaping },
        args: ["steady", "/x"],
        events: [DIES(0)],
        dead: Array.from({ length: dead }, (_, index) => 1000 + index),
        kernel: { rt_sigaction: () => 0 },
      });
      assert.deepEqual([seen.status, seen.sent], [0, []]);
      assert.equal(seen.calls.filter(([name]) => name === "wait4").length >= dead, true);
    }
  }
});

promise("the drain ends with the last child, when it dies of the first signal or of the last", (core) => {
  for (const [dies, sent, waits] of [
    [[{ dies: 50, status: 15, after: 300 }], 2, [2000]],
    [
      [
        { dies: 50, status: 15 },
        { dies: 51, status: 15 },
      ],
      2,
      [2000, 2000],
    ],
    [[{ dies: 50, status: 15, after: 300 }, "nothing", { dies: 51, status: 9 }], 5, [2000, 1700, 1000]],
    [["nothing", { dies: 50, status: 9, after: 400 }, { dies: 51, status: 9 }], 5, [2000, 1000, 600]],
  ] as const) {
    const children = waits.length === 1 ? [50] : [50, 51];
    const ended = live(core, { args: [], events: [...END, ...dies], children });
    assert.equal(ended.sent.length, sent);
    assert.deepEqual(ended.seen.waits.slice(-waits.length), waits);
    assert.ok(!ended.seen.errors.includes(MESSAGES.Unkillable));
  }
});

promise("each step of the drain is kept before its first signal, with its end", (core) => {
  const found: number[][] = [];
  const reapings: number[] = [];
  live(core, {
    survivors: { reaping: KERNEL },
    args: [],
    events: [DIES(7 * 256), "nothing", "nothing", "nothing"],
    children: [50],
    watch: (name, [pid = 0, signal = 0], kept) => {
      if (name === "rt_sigaction") reapings.push(kept.readInt32LE(STATUS), kept.readInt32LE(REAPING));
      if (name === "kill" && pid === -1)
        found.push([signal, kept.readInt32LE(STEP), Number(kept.readBigInt64LE(END_MS)) - NOW]);
    },
  });
  assert.deepEqual(found, [
    [SIGTERM, ASKED, 2000],
    [SIGCONT, ASKED, 2000],
    ...[1, 2, 3].map(() => [SIGKILL, KILLED, 3000]),
  ]);
  assert.deepEqual(reapings, [7 * 256, WAIT]);
});

promise("a restart goes on with the step that the end was at", (core) => {
  for (const [survivors, args, waits, sent] of [
    [{ step: ASKED, endMs: NOW + 300 }, [], [0, 300, 1000], killed()],
    [{ step: ASKED, endMs: NOW }, [], [0, 1000], killed()],
    [{ step: ASKED, endMs: NOW - 5 }, ["--drain=0"], [0, 1000], killed()],
    [{ step: KILLED, endMs: NOW + 250 }, [], [0, 250], []],
    [{ step: KILLED, endMs: NOW }, [], [], []],
    [{ step: OVERDUE, stopMs: NOW - 10 }, ["--grace=5s"], [0, 0, 1000], killed()],
    [{ step: NONE }, [], [0, 0, 2000, 1000], [[-1, SIGTERM], [-1, SIGCONT], ...killed()]],
  ] as const) {
    const ended = live(core, {
      survivors: { status: 3 * 256, ...survivors },
      args,
      events: Array<Event>(waits.length).fill("nothing"),
      children: [50],
    });
    assert.deepEqual([ended.seen.status, ended.sent], [3, sent], JSON.stringify(survivors));
    assert.deepEqual(ended.seen.waits, waits);
    const isNamed = survivors.step === ASKED || survivors.step === NONE;
    assert.equal(errorsOf(ended), (isNamed ? named(50) : "") + UNKILLABLE);
  }
});

promise("a drain begins where wait4 is refused too", (core) => {
  const ended = live(core, {
    args: ["--drain=250ms"],
    events: [DIES(0), ...Array<Event>(20).fill("nothing")],
    survivors: { reaping: KERNEL },
    kernel: () => ({ wait4: () => -EPERM }),
  });
  assert.deepEqual(ended.sent, [[-1, SIGTERM], [-1, SIGCONT], ...killed()]);
  assert.deepEqual(ended.seen.waits.slice(-13), Array<number>(13).fill(100));
});

promise(
  "with --grace the program and all else is killed when its time after the first stop is over",
  (core) => {
    for (const [events, waits] of [
      [[{ signal: SIGTERM }, "nothing"], [5000]],
      [
        [{ signal: SIGTERM }, { signal: SIGTERM, after: 2000 }, "nothing"],
        [5000, 3000],
      ],
      [
        [{ signal: 2 }, { signal: 10, after: 4999 }, "nothing"],
        [5000, 1],
      ],
      [[{ signal: 3 }, { signal: 10, after: 5000 }], [5000]],
      [[{ signal: 3 }, { signal: SIGTERM, after: 7000 }], [5000]],
      [
        [{ signal: SIGHUP }, { signal: SIGTERM, after: 7000 }, "nothing"],
        [-1, 5000],
      ],
    ] as const) {
      const ended = live(core, {
        args: ["--grace=5s", "--drain=0"],
        events: [...events, DIES(SIGKILL), { signal: SIGCHLD }, "nothing"],
        children: [50],
      });
      const signals = events.flatMap((event) => (typeof event === "string" ? [] : [[PROGRAM, event.signal]]));
      const before: number[][] = signals;
      assert.deepEqual(ended.sent, [...before, [PROGRAM, SIGKILL], [-1, SIGKILL], ...killed()]);
      // What was killed has a second, the program too.
      assert.deepEqual(ended.seen.waits.slice(1, waits.length + 2), [...waits, 1000]);
      assert.equal(ended.seen.waits.at(-1), 1000, "and who cannot die is left behind");
      assert.equal(errorsOf(ended), overdue(5000) + UNKILLABLE);
      assert.equal(ended.seen.status, 124);
    }
  },
);

promise(
  "only under the name steady, and only where it fell to that, has an expired grace a status of its own",
  (core) => {
    for (const [args, end, status] of [
      [[], DIES(SIGKILL), 124],
      [["--remap-exit=137"], DIES(SIGKILL), 124],
      [["--as=tini"], DIES(SIGKILL), 137],
      [["--as=tini", "--remap-exit=137"], DIES(SIGKILL), 0],
      [["--as=dumb-init"], DIES(SIGKILL), 137],
      [["--as=catatonit"], DIES(SIGKILL), 137],
      // It was ending already.
      [[], DIES(7 << 8), 7],
      [[], DIES(11), 139],
    ] as const) {
      const events = [{ signal: SIGTERM }, "nothing", end, { signal: SIGCHLD }, "nothing"] as const;
      assert.equal(
        live(core, { args: [...args, "--grace=5s", "--drain=0"], events }).seen.status,
        status,
        args.join(" "),
      );
    }
    const args = ["--grace=5s", "--drain=0"];
    for (const isOverdue of [true, false]) {
      const { seen } = live(core, { args, events: [], survivors: { status: SIGKILL, isOverdue } });
      assert.equal(seen.status, isOverdue ? 124 : 137, "what a core that failed knew, the next one knows");
    }
  },
);

promise("only a signal of --stop-signals starts a clock, and only one that is believed", (core) => {
  for (const [args, event, isStop] of [
    [["--grace=5s"], { signal: SIGHUP }, false],
    [["--grace=5s"], { signal: 10 }, false],
    [["--grace=5s"], { signal: 64 }, false],
    [["--grace=5s", "--stop-signals=HUP,RTMAX"], { signal: SIGHUP }, true],
    [["--grace=5s", "--stop-signals=HUP,RTMAX"], { signal: 64 }, true],
    [["--grace=5s", "--stop-signals=HUP,RTMAX"], { signal: SIGTERM }, false],
    [["--grace=5s", "--trust=outside"], { signal: SIGTERM }, false],
    [["--grace=5s", "--trust=outside"], { signal: SIGTERM, pid: 0 }, true],
    [["--grace=5s"], { signal: SIGTERM, own: true }, false],
    [["--drain=1s"], { signal: SIGTERM }, false],
    [["--grace=5s", "--map=TERM=HUP"], { signal: SIGTERM }, true],
    [["--grace=5s", "--map=HUP=TERM"], { signal: SIGHUP }, false],
    [["--stop-within=5s"], { signal: SIGHUP }, false],
    [["--pre-stop=5s"], { signal: SIGHUP }, false],
    // 0 is off.
    [["--grace=0"], { signal: SIGTERM }, false],
    [["--stop-within=0s"], { signal: SIGTERM }, false],
    [["--pre-stop=0ms"], { signal: SIGTERM }, false],
  ] as const) {
    const ended = live(core, { args, events: [event, { signal: 12 }, ...END] });
    assert.deepEqual(ended.seen.waits.slice(1, 3), isStop ? [5000, 5000] : [-1, -1], args.join(" "));
    assert.equal(Number(ended.seen.kept.readBigInt64LE(STOP_MS)), isStop ? NOW : 0);
  }
});

promise("the first milliseconds of a machine count as any others, but that 0 is no time", (core) => {
  for (const [now, wait] of [
    [0, 5001],
    [1, 5000],
    [2, 5000],
    [3, 5000],
  ] as const) {
    const ended = live(core, {
      args: ["--grace=5s"],
      events: [{ signal: SIGTERM }, { signal: 12 }, ...END],
      kernel: () => ({ clock_gettime: () => now }),
    });
    assert.deepEqual(ended.seen.waits.slice(1, 3), [wait, wait]);
  }
});

promise(
  "a drain after an end that nobody could tell ends with 1, and SIGCHLD is set where it is not",
  (core) => {
    for (const reaping of [WAIT, KERNEL]) {
      const ended = live(core, {
        survivors: { status: UNKNOWN, reaping },
        args: [],
        events: ["nothing", "nothing", "nothing", "nothing"],
        children: [50],
      });
      assert.deepEqual([ended.seen.status, ended.sent.length], [1, 5]);
      const isSet = ended.seen.calls.some(([name]) => name === "rt_sigaction");
      assert.equal(isSet, reaping !== WAIT);
    }
  },
);

promise("that the program is overdue is kept when all has been killed, and not before", (core) => {
  const found: (string | number)[][] = [];
  live(core, {
    args: ["--grace=1s"],
    events: [{ signal: SIGTERM }, "nothing", ...END],
    watch: (name, [, signal = 0], kept) => {
      if (name === "kill" || name === "ppoll")
        found.push([name, name === "kill" ? signal : 0, kept.readInt32LE(STEP)]);
    },
  });
  const from = found.findIndex(([, signal]) => signal === SIGKILL);
  assert.deepEqual(found.slice(from, from + 3), [
    ["kill", SIGKILL, NONE],
    ["kill", SIGKILL, NONE],
    ["ppoll", 0, OVERDUE],
  ]);
  const again = live(core, {
    survivors: { step: OVERDUE, stopMs: NOW - 9000 },
    args: ["--grace=1s"],
    events: [{ signal: 12 }, ...END],
  });
  assert.deepEqual([again.sent, again.seen.waits], [[[PROGRAM, 12]], [0, -1]], "it is killed once");
});

promise("when the first stop came is kept before it is sent on, and a restart counts from there", (core) => {
  const found: number[] = [];
  live(core, {
    args: ["--grace=1s"],
    events: [{ signal: SIGTERM, after: 70 }, ...END],
    watch: (name, [, signal], kept) => {
      if (name === "kill" && signal === SIGTERM) found.push(Number(kept.readBigInt64LE(STOP_MS)) - NOW);
    },
  });
  assert.deepEqual(found, [70]);
  const ended = live(core, {
    survivors: { stopMs: NOW - 400 },
    args: ["--grace=1s"],
    events: [{ signal: 12 }, { signal: SIGTERM }, "nothing", DIES(SIGKILL), { signal: SIGCHLD }],
  });
  assert.deepEqual(ended.seen.waits.slice(0, 4), [0, 600, 600, 1000]);
});

promise("--stop-within ends all of it half a second early, whatever the times were to be", (core) => {
  for (const [args, after, waits, ms] of [
    [["--stop-within=10s"], 0, [9500], 9500],
    [["--stop-within=10s", "--grace=20s"], 0, [9500], 9500],
    [["--stop-within=10s", "--grace=9500ms"], 0, [9500], 9500],
    [["--stop-within=10s", "--grace=9501ms"], 0, [9500], 9500],
    [["--stop-within=10s", "--grace=3s"], 0, [3000], 3000],
    [["--stop-within=10s", "--grace=1ms"], 0, [1], 1],
    [["--stop-within=501ms"], 0, [1], 1],
    [["--stop-within=10s", "--drain=7s"], 100, [9500, 9400], 9500],
  ] as const) {
    const between = after > 0 ? [{ signal: 12, after }] : [];
    const ended = live(core, {
      args,
      events: [
        ...[{ signal: SIGTERM }, ...between, "nothing" as const],
        ...[DIES(SIGKILL), { signal: SIGCHLD }, "nothing" as const],
      ],
      children: [50],
    });
    assert.deepEqual(
      ended.seen.waits.slice(1, -2).filter((wait) => wait > 0),
      [...waits, args.length > 1 && ms < 9000 ? 1000 : 400],
      args.join(" "),
    );
    assert.equal(errorsOf(ended), overdue(ms) + UNKILLABLE);
    // What cannot die is given what is left of the reserve but for a tenth of a second.
    const rest = args.length > 1 && ms < 9000 ? 1000 : 400;
    assert.equal(ended.seen.waits.at(-1), Math.min(1000, rest));
    assert.equal(ended.sent.filter(([to]) => to === -1).length, 4);
  }
});

promise("--stop-within shortens the drain, and the wait for what was killed", (core) => {
  for (const [args, dies, drain, rest] of [
    [["--stop-within=10s", "--drain=20s"], 1000, 8500, 400],
    [["--stop-within=10s", "--drain=8s"], 1000, 8000, 900],
    [["--stop-within=10s", "--drain=8500ms"], 1000, 8500, 400],
    [["--stop-within=10s", "--drain=2s"], 1000, 2000, 1000],
    [["--stop-within=10s", "--drain=1s", "--grace=9s"], 8500, 1000, 400],
    [["--stop-within=1m", "--drain=20s"], 1000, 20_000, 1000],
  ] as const) {
    const ended = live(core, {
      args: ["-v", ...args],
      events: [
        { signal: SIGTERM },
        { dies: PROGRAM, status: 0, after: dies },
        { signal: SIGCHLD },
        "nothing",
        "nothing",
      ],
      children: [50],
    });
    assert.deepEqual(ended.seen.waits.slice(-2), [drain, rest], args.join(" "));
    assert.deepEqual(ended.sent, [[PROGRAM, SIGTERM], [-1, SIGTERM], [-1, SIGCONT], ...killed()]);
  }
  const unstopped = live(core, {
    args: ["--stop-within=1s", "--drain=20s"],
    events: [...END, "nothing", "nothing"],
    children: [50],
  });
  assert.deepEqual(unstopped.seen.waits.slice(-2), [20_000, 1000], "nobody stopped it");
});

promise(
  "a stop that comes during the drain is sent to nobody, and shortens it where --stop-within asks for that",
  (core) => {
    for (const [args, waits] of [
      [
        ["--stop-within=5s", "--drain=20s"],
        [20_000, 4500, 400],
      ],
      [
        ["--stop-within=5s", "--drain=4s"],
        [4000, 3000, 1000],
      ],
      [
        ["--grace=5s", "--drain=20s"],
        [20_000, 19_000, 1000],
      ],
      [["--drain=20s"], [20_000, 19_000, 1000]],
      [
        ["--pre-stop=5s", "--drain=20s"],
        [20_000, 19_000, 1000],
      ],
      [
        ["--stop-within=501ms", "--drain=20s"],
        [20_000, 1, 400],
      ],
    ] as const) {
      const shortened: number[] = [];
      const ended = live(core, {
        args,
        events: [...END, { signal: SIGTERM, after: 1000 }, "nothing", "nothing"],
        children: [50],
        watch: (name, [, count], kept) => {
          if (name === "ppoll" && count === PLACES) shortened.push(Number(kept.readBigInt64LE(END_MS)) - NOW);
        },
      });
      assert.deepEqual(ended.seen.waits.slice(-waits.length), waits, args.join(" "));
      assert.equal(shortened.at(-2), 1000 + waits[1], "which is kept");
      assert.deepEqual(ended.masks, [ALL], "and none is kept back");
      assert.deepEqual(ended.sent, [[-1, SIGTERM], [-1, SIGCONT], ...killed()]);
    }
  },
);

promise("--pre-stop keeps the first stop back, and takes no other meanwhile", (core) => {
  const ended = live(core, {
    args: ["-v", "--pre-stop=2s"],
    events: [
      { signal: SIGHUP },
      { signal: SIGTERM, code: QUEUED, value: 77n, uid: 1234, pid: 99 },
      { signal: 10, after: 1999 },
      "nothing",
      { signal: 2 },
      ...END,
    ],
    kernel: (plain) => ({
      rt_sigqueueinfo: (host, pid = 0, at = 0) => {
        const [signal, code, sender, uid] = [0, 8, 12, 16].map((offset) => host.readI32(at + offset));
        assert.deepEqual([signal, code, sender, uid], [SIGTERM, QUEUED, 99, 1234]);
        assert.equal(host.bytes(at + 48, 8).readBigUInt64LE(), 77n);
        return plain.rt_sigqueueinfo?.(host, pid, signal ?? 0);
      },
    }),
  });
  assert.deepEqual(
    ended.sent,
    [SIGHUP, 10, SIGTERM, 2].map((signal) => [PROGRAM, signal]),
  );
  assert.deepEqual(ended.seen.waits.slice(0, 6), [0, -1, 2000, 1, -1, -1]);
  assert.deepEqual(ended.masks, [ALL, WITHOUT_STOPS, ALL]);
  const line = said("INFO", numbered(MESSAGES.StopDelayed.replace("%g", sentence(SIGTERM)), 2000));
  assert.equal(ended.seen.output.split(line).length, 2, ended.seen.output);
});

promise("what --pre-stop keeps back is kept for a restart, and struck when it is in hand", (core) => {
  const found: (number | bigint)[][] = [];
  live(core, {
    args: ["--pre-stop=2s"],
    events: [{ signal: SIGTERM, code: QUEUED, value: 77n, uid: 1234, pid: 99 }, "nothing", ...END],
    watch: (name, _, kept) => {
      if (name === "signalfd4" || name === "rt_sigqueueinfo")
        found.push([
          ...[0, 4, 8, 12].map((offset) => kept.readInt32LE(DELAYED + offset)),
          kept.readBigUInt64LE(DELAYED_VALUE),
          kept.readInt32LE(40),
        ]);
    },
  });
  const struck = live(core, { args: ["--pre-stop=2s"], events: [{ signal: SIGTERM }, "nothing", DIES(0)] });
  assert.equal(struck.seen.kept.readInt32LE(40), 0, "nothing is in hand when it was sent");
  const rest = [QUEUED, 99, 1234, 77n];
  assert.deepEqual(found, [
    [0, 0, 0, 0, 0n, 0],
    [SIGTERM, ...rest, SIGTERM],
    [0, ...rest, SIGTERM],
    [0, ...rest, SIGTERM],
  ]);
  for (const [stopMs, waits] of [
    [NOW, [0, 2000, -1]],
    [NOW - 1999, [0, 1, -1]],
    [NOW - 2000, [0]],
    [NOW - 9000, [0]],
  ] as const) {
    const ended = live(core, {
      survivors: { stopMs, delayedSignal: SIGTERM },
      args: ["--pre-stop=2s"],
      events: [...(waits.length > 2 ? [{ signal: 12 }, "nothing" as const] : []), ...END],
    });
    const signals = waits.length > 2 ? [12, SIGTERM] : [SIGTERM];
    assert.deepEqual(
      ended.sent,
      signals.map((signal) => [PROGRAM, signal]),
      `${NOW - stopMs}`,
    );
    assert.deepEqual(ended.seen.waits.slice(0, waits.length), waits);
    assert.deepEqual(ended.masks, [WITHOUT_STOPS, ALL]);
    assert.equal(ended.seen.kept.readInt32LE(DELAYED), 0);
  }
});

promise("a stop in hand that is kept back already is not sent by a restart", (core) => {
  const ended = live(core, {
    survivors: { handSignal: SIGTERM, stopMs: NOW - 500, delayedSignal: SIGTERM },
    args: ["--pre-stop=2s"],
    events: ["nothing", "nothing", ...END],
  });
  assert.deepEqual([ended.sent, ended.seen.waits.slice(0, 2)], [[[PROGRAM, SIGTERM]], [0, 1500]]);
  const sent = live(core, {
    survivors: { handSignal: SIGTERM, stopMs: NOW - 500 },
    args: ["--pre-stop=2s"],
    events: END,
  });
  assert.deepEqual(sent.sent, [[PROGRAM, SIGTERM]]);
});

promise("the other clocks run from the arrival of a stop that is kept back", (core) => {
  for (const [args, waits] of [
    [
      ["--pre-stop=2s", "--grace=5s"],
      [2000, 3000],
    ],
    [
      ["--pre-stop=2s", "--stop-within=6s"],
      [2000, 3500],
    ],
    [
      ["--pre-stop=5s", "--grace=2s"],
      [2000, 1000],
    ],
  ] as const) {
    const ended = live(core, {
      args,
      events: [{ signal: SIGTERM }, "nothing", "nothing", DIES(SIGKILL), { signal: SIGCHLD }],
    });
    assert.deepEqual(ended.seen.waits.slice(1, 3), waits);
    const isLate = args[1] === "--grace=2s";
    const killing = [
      [PROGRAM, SIGKILL],
      [-1, SIGKILL],
    ];
    const stop = [[PROGRAM, SIGTERM]];
    // What was killed gets no stop after it.
    assert.deepEqual(ended.sent, isLate ? killing : [...stop, ...killing]);
  }
});

promise("a program that cannot be killed is given up after a second, as all else is", (core) => {
  for (const [args, waits] of [
    [["--grace=2s"], [2000, 1000]],
    [["--stop-within=5s"], [4500, 400]],
  ] as const) {
    const ended = live(core, {
      args: [...args, "--drain=0"],
      events: [{ signal: SIGTERM }, "nothing", "nothing", "nothing"],
      children: [50],
      name: "steady",
    });
    assert.deepEqual(
      ended.seen.waits.filter((ms) => ms > 0),
      waits,
    );
    assert.equal(ended.seen.status, 124);
    assert.equal(ended.seen.kept.readInt32LE(STEP), KILLED);
    assert.ok(errorsOf(ended).endsWith(UNKILLABLE), errorsOf(ended));
  }
});

promise("a program that has died meanwhile is not given up: its status is the container's", (core) => {
  const ended = live(core, {
    survivors: { reaping: WAIT },
    args: ["--grace=2s", "--drain=0"],
    // Its SIGCHLD waits behind another signal.
    events: [{ signal: SIGTERM }, "nothing", { dies: PROGRAM, status: 7 * 256, after: 1000 }],
  });
  assert.equal(ended.seen.status, 7);
});

promise("a program that ends before its stop is let through gets none", (core) => {
  const ended = live(core, {
    args: ["--pre-stop=2s", "--drain=0"],
    events: [{ signal: SIGTERM }, ...END],
  });
  assert.deepEqual([ended.seen.status, ended.sent], [0, []]);
});

promise("with -g the group gets the kill of --grace, as any signal", (core) => {
  const ended = live(core, {
    args: ["-g", "--grace=1s"],
    survivors: { mayKill: true },
    events: [{ signal: SIGTERM }, "nothing", DIES(SIGKILL), { signal: SIGCHLD }],
  });
  assert.deepEqual(ended.sent, [
    [-PROGRAM, SIGTERM],
    [-PROGRAM, SIGKILL],
    [-1, SIGKILL],
  ]);
});

promise("each of the times may be as long as a day, and concerns no other", (core) => {
  const DAY = 86_400_000;
  for (const [args, waits] of [
    [
      ["--grace=1440m", "--drain=2s"],
      [DAY, 2000, 1000],
    ],
    [
      ["--grace=1440m", "--drain=1440m"],
      [DAY, DAY, 1000],
    ],
    [
      ["--stop-within=1440m", "--drain=2s"],
      [DAY - 500, 2000, 1000],
    ],
    [
      ["--pre-stop=1440m", "--drain=2s"],
      [DAY, 2000, 1000],
    ],
    [
      ["--pre-stop=1440m", "--drain=2s", "--grace=300m"],
      [300 * 60_000, 2000, 1000],
    ],
  ] as const) {
    const ended = live(core, {
      args: ["-v", ...args],
      events: [
        { signal: SIGTERM },
        { dies: PROGRAM, status: 0, after: 1000 },
        { signal: SIGCHLD },
        "nothing",
        "nothing",
      ],
      children: [50],
    });
    const times = ended.seen.waits.filter((ms) => ms > 0);
    assert.deepEqual(times, waits, args.join(" "));
    assert.equal(
      ended.seen.output.includes("is sent on in"),
      args[0].startsWith("--pre-stop"),
      ended.seen.output,
    );
  }
});

promise("that the machine has been up for months makes no difference", (core) => {
  for (const up of [0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 40]) {
    for (const [args, expected] of [
      [["--pre-stop=2s"], [0, 2000, -1]],
      [["--grace=2s"], [0, 2000, 1000]],
      [
        ["--grace=3s", "--pre-stop=2s"],
        [0, 2000, 1000],
      ],
      [["--stop-within=2s"], [0, 1500, 400]],
    ] as const) {
      const { seen } = live(core, {
        args: [...args, "--drain=0"],
        events: [{ signal: SIGTERM }, "nothing", { signal: 12 }, ...END],
        kernel: (plain) => ({
          clock_gettime: (host, clock = 0) => Number(plain.clock_gettime?.(host, clock)) + up,
        }),
      });
      assert.deepEqual(seen.waits.slice(0, 3), expected, `${up} ${args}`);
    }
  }
});

promise("how the program ended is kept before it is said, and before anything is asked", (core) => {
  for (const reaping of [WAIT, KERNEL]) {
    const found: number[] = [];
    live(core, {
      survivors: { reaping },
      args: ["-v", "--drain=0"],
      events: [{ signal: 12 }, DIES(7 * 256)],
      kernel: () => ({ write: (host, fd = 0, at = 0, length = 0) => host.capture(fd, at, length) }),
      watch: (name, _, kept) => {
        if (name === "write") found.push(kept.readInt32LE(STATUS));
      },
    });
    assert.deepEqual(found.slice(-1), [7 * 256]);
  }
});

promise(
  "a stop that was kept back is what it was, and counts for --limit, whatever came meanwhile",
  (core) => {
    const ended = live(core, {
      args: ["--pre-stop=2s", "--limit=1/s"],
      events: [{ signal: SIGTERM, code: QUEUED, value: 77n }, { signal: 12 }, "nothing", "nothing", DIES(0)],
    });
    assert.deepEqual(
      ended.seen.sent.map(([name]) => name),
      ["kill", "rt_sigqueueinfo"],
    );
    assert.ok(ended.masks.includes(ALL & ~0x4000n), ended.masks.join());
  },
);

promise("the kill of --grace is a plain one, whatever came before", (core) => {
  const ended = live(core, {
    args: ["--grace=1s", "--drain=0"],
    events: [{ signal: SIGTERM, code: QUEUED, value: 77n }, "nothing", DIES(SIGKILL)],
  });
  assert.deepEqual(ended.seen.sent.slice(1), [
    ["kill", PROGRAM, SIGKILL],
    ["kill", -1, SIGKILL],
  ]);
});

promise("a time that passes while the init looks at the clock is over, and not for ever", (core) => {
  for (const [args, step] of [
    [["--grace=1s"], 600],
    [["--limit=1/s"], 600],
    [["--pre-stop=1s"], 600],
    [["--grace=9s", "--limit=1/s"], 400],
  ] as const) {
    let now = 5000;
    let isStopped = false;
    const ended = live(core, {
      args: [...args, "--drain=0"],
      events: [{ signal: SIGTERM }, { signal: 12 }, DIES(0)],
      kernel: (plain) => ({
        clock_gettime: () => {
          now += isStopped ? step : 0;
          return now;
        },
        read: (...all) => {
          isStopped = true;
          return plain.read?.(...all);
        },
      }),
    });
    assert.deepEqual(ended.seen.waits[1], 0, args.join());
  }
});

promise(
  "of several times the soonest is waited for, and after the end nobody waits for what is held",
  (core) => {
    for (const [args, waits] of [
      [["--grace=5ms"], [5, 5]],
      [["--grace=10ms"], [10, 10]],
      [["--grace=9s"], [9000, 10]],
      [
        ["--grace=9s", "--limit=1/s"],
        [1000, 10],
      ],
      [
        ["--grace=700ms", "--limit=1/s"],
        [700, 10],
      ],
      [["--limit=1/s"], [1000, 10]],
      [["--drain=0"], [-1, 10]],
    ] as const) {
      const ended = live(core, {
        survivors: { execPipe: 33 },
        args,
        events: [{ signal: SIGTERM }, { signal: 40, code: QUEUED }, DIES(0), { signal: SIGCHLD }],
        kernel: () => ({ rt_sigqueueinfo: () => -EAGAIN }),
      });
      assert.deepEqual(ended.seen.waits.slice(1, 3), waits, args.join(" "));
    }
    const ended = live(core, {
      args: ["--drain=3s"],
      events: [{ signal: 40, code: QUEUED }, DIES(0), { signal: SIGCHLD }, "nothing", "nothing"],
      children: [50],
      kernel: () => ({ rt_sigqueueinfo: () => -EAGAIN }),
    });
    assert.deepEqual(ended.seen.waits.slice(-2), [3000, 1000]);
  },
);

promise("dumb-init's last act is not done again when a restart finds the drain begun", (core) => {
  const ended = live(core, {
    name: "dumb-init",
    survivors: { status: 0, step: ASKED, endMs: NOW + 300 },
    args: [],
    events: ["nothing", "nothing", "nothing"],
    children: [50],
  });
  assert.deepEqual(ended.sent, killed());
});
