// What becomes of a signal before it is forwarded, played on the core itself: --trust and --map.

import assert from "node:assert/strict";
import type { Kernel } from "../lib/host.ts";
import { DIES, type Event, PROGRAM, type Restarted, restart } from "../lib/scene.ts";
import { check, plainCase } from "./commandline.ts";
import { into, type Played } from "./promises.ts";

export const POLICIES: Played[] = [];
const promise = into(POLICIES);

const EAGAIN = 11;
const QUEUED = -1;
const [SIGCHLD, SIGTERM] = [17, 15];
const EVERY = Array.from({ length: 64 }, (_, index) => index + 1).filter(
  (signal) => signal !== 9 && signal !== 19,
);

function live(
  core: Parameters<Played["play"]>[0],
  args: readonly string[],
  events: readonly Event[],
): Restarted {
  return restart(core, {
    survivors: {},
    args: ["steady", ...args, "/x"],
    events: [...events, DIES(0), { signal: SIGCHLD }],
  });
}

/** The numbers that were sent to the program. */
const sent = (seen: Restarted): (number | undefined)[] => seen.sent.map(([, , signal]) => signal);

promise("each signal becomes what --map says, or goes nowhere, and no other does", (core, effort) => {
  for (const from of EVERY.filter((_, index) => index % Math.ceil(1 / effort) === 0)) {
    if (from === SIGCHLD) continue;
    const others = EVERY.filter((signal) => signal !== SIGCHLD && signal !== from);
    for (const [to, becomes] of [
      ["drop", []],
      [`${(from % 64) + 1}`, [(from % 64) + 1]],
      [`${from}`, [from]],
      ["RTMAX", [64]],
    ] as const) {
      const seen = live(
        core,
        [`--map=${from}=${to}`],
        [from, ...others].map((signal) => ({ signal })),
      );
      assert.deepEqual(sent(seen), [...becomes, ...others], `${from}=${to}`);
    }
  }
});

promise("what a signal becomes is not mapped again, and of two that name one the last counts", (core) => {
  for (const [args, events, expected] of [
    [
      ["--map", "USR1=HUP,HUP=USR1"],
      [10, 1],
      [1, 10],
    ],
    [["--map=HUP=INT,INT=drop"], [1, 2], [2]],
    [["--map=HUP=INT", "--map", "hup=drop,term=HUP"], [1, 15], [1]],
    [["--map=TERM=drop,15=TERM"], [15], [15]],
    [["--map=TERM=drop,15=sigRTMIN+2"], [15], [36]],
  ] as const) {
    const seen = live(
      core,
      args,
      events.map((signal) => ({ signal })),
    );
    assert.deepEqual(sent(seen), expected, args.join(" "));
  }
});

promise("a signal that was mapped keeps its value and its sender", (core) => {
  const infos: [number, number, bigint][] = [];
  const kernel: Kernel = {
    rt_sigqueueinfo: (host, pid = 0, at = 0) => {
      assert.equal(pid, PROGRAM);
      infos.push([host.readI32(at), host.readI32(at + 16), host.bytes(at + 48, 8).readBigUInt64LE()]);
      return 0;
    },
  };
  restart(core, {
    survivors: {},
    args: ["steady", "--map=USR1=40,40=USR2", "/x"],
    events: [
      { signal: 10, code: QUEUED, value: 7n, uid: 3 },
      { signal: 40, code: QUEUED, value: 8n, uid: 4 },
      DIES(0),
      { signal: SIGCHLD },
    ],
    kernel,
  });
  assert.deepEqual(infos, [
    [40, 3, 7n],
    [12, 4, 8n],
  ]);
});

promise("what a signal that waits for room has become is sent again, and mapped once", (core) => {
  const tries: number[] = [];
  const seen = restart(core, {
    survivors: {},
    args: ["steady", "--map=40=41,41=42", "/x"],
    events: [{ signal: 40, code: QUEUED }, "nothing", "nothing", DIES(0), { signal: SIGCHLD }],
    kernel: {
      rt_sigqueueinfo: (host, _pid, at = 0) => {
        tries.push(host.readI32(at));
        return tries.length < 3 ? -EAGAIN : 0;
      },
    },
  });
  assert.deepEqual(tries, [41, 41, 41]);
  assert.deepEqual(seen.sent, []);
});

promise(
  "a standard signal that became a real-time one waits for no room, and loses its value instead",
  (core) => {
    for (const held of [0, 1]) {
      const tries: number[] = [];
      const seen = restart(core, {
        survivors: {},
        args: ["steady", "--map=USR1=41", "/x"],
        events: [
          ...Array<Event>(held).fill({ signal: 40, code: QUEUED }),
          { signal: 10, code: QUEUED, value: 5n },
          DIES(0),
          { signal: SIGCHLD },
        ],
        kernel: {
          rt_sigqueueinfo: (host, _pid, at = 0) => {
            tries.push(host.readI32(at));
            return -EAGAIN;
          },
        },
      });
      assert.equal(tries.at(-1), 41);
      assert.deepEqual(seen.sent, [["kill", PROGRAM, 41]]);
    }
  },
);

promise("-p and a restart of the core know the map, and a CHLD that it makes is sent on", (core) => {
  assert.deepEqual(sent(live(core, ["--map=HUP=CHLD"], [{ signal: 1 }])), [SIGCHLD]);
  const seen = restart(core, {
    survivors: { handSignal: SIGTERM },
    args: ["steady", "--map=TERM=QUIT", "/x"],
    events: [DIES(0), { signal: SIGCHLD }],
  });
  assert.deepEqual(sent(seen), [3]);
});

promise("what is no map is refused, each with the sentence that says what is one", (core) => {
  for (const text of [
    ...[
      "KILL=TERM",
      "STOP=TERM",
      "CHLD=TERM",
      "9=1",
      "17=1",
      "19=1",
      "HUP=INT,CHLD=drop",
      "0=1",
      "65=1",
      "1=0",
      "1=65",
    ],
    ...[
      "HUP",
      "HUP=",
      "=HUP",
      "HUP=INT,",
      ",HUP=INT",
      "HUP=INT=TERM",
      "HUP=INT=TERM=INT",
      "HUP=INT,TERM",
      "HUP=drops",
      "HUP=dro",
      "drop=HUP",
    ],
    ...["HUP<INT", "HUP>INT", "HUP:INT", "HUP,INT", "HUP=INT,,TERM=INT", "HUP==INT", "HUP=INT;TERM=INT"],
  ])
    for (const the of [
      { args: ["steady", "--map", text, "/x"] },
      { args: ["steady", "/x"], variables: [`STEADY_MAP=${text}`] },
    ])
      check(core, { ...plainCase, ...the });
  for (const from of [8, 10, 16, 18, 20, 1, 64])
    check(core, { ...plainCase, args: ["steady", `--map=${from}=1`, "/x"] });
});

promise("what became of a signal is said from -vv on, and nothing where it stays what it is", (core) => {
  const said = (verbose: string, map: string, signal: number): string =>
    live(core, [verbose, `--map=${map}`], [{ signal }]).output;
  const becomes = "[DEBUG steady (1)] Signal 'Hangup' becomes 'Interrupt'\n";
  const dropped = "[DEBUG steady (1)] Signal 'Hangup' goes nowhere (--map)\n";
  for (const [map, line] of [
    ["HUP=INT", becomes],
    ["HUP=drop", dropped],
  ] as const) {
    assert.ok(said("-vv", map, 1).includes(line), map);
    assert.ok(!said("-v", map, 1).includes(line), map);
  }
  for (const map of ["HUP=HUP", "TERM=INT"]) assert.doesNotMatch(said("-vv", map, 1), /becomes|goes nowhere/);
});

const [USER, TKILL, KERNEL_CODE] = [0, -6, 0x80];
const OUTSIDE = ["--trust=outside"];

promise(
  "--trust outside believes three codes with the sender 0, and of the kernel all but SIGIO and SIGURG",
  (core) => {
    const codes = [...Array.from({ length: 20 }, (_, index) => index - 12), 0x7f, KERNEL_CODE, 0x81, -60];
    for (const code of codes) {
      for (const pid of [0, 2, 7]) {
        for (const signal of [1, 10, 15, 22, 23, 24, 28, 29, 30, 40]) {
          const [byKill, byKernel] = [code === USER || code === TKILL, code === KERNEL_CODE];
          const isBelieved = (byKill && pid === 0) || (byKernel && signal !== 23 && signal !== 29);
          const seen = live(core, OUTSIDE, [{ signal, code, pid }]);
          const calls = seen.calls.filter(([name]) => /^(kill|rt_sigqueueinfo)$/.test(name)).length;
          assert.equal(calls, isBelieved ? 1 : 0, `${signal} ${code} ${pid}`);
          assert.equal(seen.errors.includes("is not passed on"), !isBelieved);
          assert.equal(seen.errors.includes(`(pid ${pid} claimed)`), !isBelieved && !byKill);
          assert.equal(seen.errors.includes(`from inside (pid ${pid})`), !isBelieved && byKill);
        }
      }
    }
    assert.deepEqual(
      sent(live(core, ["--trust=any"], [{ signal: 1 }, { signal: 29, code: KERNEL_CODE }])),
      [1, 29],
    );
  },
);

promise(
  "--trust outside passes on every eleventh INT, QUIT or TERM from inside, and none of the others",
  (core) => {
    for (const signal of [1, 2, 3, 4, 14, 15, 16, 40]) {
      const isStop = [2, 3, 15].includes(signal);
      for (const [count, expected] of [
        [10, 0],
        [11, 1],
        [21, 1],
        [22, 2],
        [33, 3],
      ] as const) {
        const events = Array<Event>(count).fill({ signal });
        const seen = live(core, OUTSIDE, events);
        assert.equal(sent(seen).length, isStop ? expected : 0, `${count} of ${signal}`);
        assert.equal(seen.errors.split("is not passed on").length - 1, 1, "it is warned of once");
        assert.equal(seen.errors.split("may hide one").length - 1, isStop ? expected : 0);
        // Only stops are counted, so only they ask the clock.
        const clock = seen.calls.filter(([name]) => name === "clock_gettime").length;
        assert.equal(clock, isStop ? count + 1 : 1);
      }
    }
    const mixed = Array.from({ length: 20 }, (_, index): Event => ({ signal: [2, 15][index % 2] as number }));
    assert.deepEqual(sent(live(core, OUTSIDE, mixed)), [], "each number has a count of its own");
  },
);

promise("the count of refused stops begins anew with each second", (core) => {
  for (const [ms, expected] of [
    [999, [15]],
    [1000, []],
    [5000, []],
  ] as const) {
    let asked = 0;
    const seen = restart(core, {
      survivors: {},
      args: ["steady", ...OUTSIDE, "/x"],
      events: [...Array<Event>(11).fill({ signal: 15 }), DIES(0), { signal: SIGCHLD }],
      // The first is asked for the restart; the second begins a second.
      kernel: { clock_gettime: () => 1_000_000 + (asked++ > 1 ? ms : 0) },
    });
    assert.deepEqual(sent(seen), expected, `${ms}`);
  }
});
