// What the core does when it is started again, and the last resort, played on the core itself with the survivors that a
// life left behind.

import assert from "node:assert/strict";
import { MESSAGES } from "../../texts/messages.ts";
import type { Kernel } from "../lib/host.ts";
import {
  DIES,
  type Event,
  NOW,
  PIDFD,
  PROGRAM,
  restart,
  SIGNALFD,
  type Survivors,
  UNKNOWN,
} from "../lib/scene.ts";
import { into, type Played } from "./promises.ts";

export const RESTARTS: Played[] = [];
const promise = into(RESTARTS);

const [ECHILD, EAGAIN] = [10, 11];
const RESTS = 4;
const LAST: Survivors = { windowMs: NOW, windowTraps: RESTS - 1, traps: RESTS - 1 };
const KILL = (signal: number) => ["kill", PROGRAM, signal];
const THROUGH_PIDFD = (signal: number) => ["pidfd_send_signal", PIDFD, signal, 0, 0];

promise(
  "after four restarts within a second the last resort forwards, reaps and ends with the program's status",
  (core) => {
    for (const [reaping, send] of [
      [0, KILL],
      [1, THROUGH_PIDFD],
      [2, THROUGH_PIDFD],
    ] as const) {
      for (const status of [0, 7 * 256, 255 * 256, 9, 15, 64, 139]) {
        const events: Event[] = [
          { signal: 15 },
          { dies: 50, status: 0 },
          { signal: 17 },
          { signal: 20, own: true },

          { signal: 10 },
          DIES(status),
        ];
        const seen = restart(core, {
          survivors: { ...LAST, reaping },
          events,
          args: ["steady", "-g", "-e7", "/x"],
        });
        const signal = status & 127;
        assert.equal(seen.status, signal === 0 ? status >> 8 : 128 + signal);
        assert.deepEqual(seen.sent, [send(15), send(10)]);
        assert.equal(seen.errors, "");
        assert.ok(
          seen.waits.every((ms) => ms === -1),
          "it waits without a tick",
        );
        assert.ok(seen.waits.length <= 8);
      }
    }
  },
);

promise(
  "what the guard has stopped when the core fails goes on as soon as it is back, and only that",
  (core) => {
    const SIGCONT = 18;
    const sentBy = (survivors: Survivors, ...options: string[]): unknown[] =>
      restart(core, {
        survivors: { traps: 1, ...survivors },
        args: ["steady", ...options, "/x"],
        events: [DIES(0)],
      }).sent.filter(([name, pid]) => name === "kill" && pid === -1);
    const guarded = ["--guard", "400", "--on-fork-bomb", "kill", "--drain", "0"];
    const goesOn = ["kill", -1, SIGCONT];
    assert.deepEqual(sentBy({ frozen: true, guardFrom: 400 }, ...guarded), [goesOn]);
    assert.deepEqual(sentBy({ guardFrom: 400 }, ...guarded), []);
    assert.deepEqual(sentBy({ frozen: true }, "--drain", "0"), []);
    // It did go on, and a core that fails once more has nothing to do.
    const { kept } = restart(core, {
      survivors: { traps: 1, frozen: true, guardFrom: 400 },
      args: ["steady", ...guarded, "/x"],
      events: [DIES(0)],
    });
    assert.equal(kept[167], 0);
  },
);

promise("the last resort without a signalfd waits for signals and forwards them", (core) => {
  for (const [reaping, send] of [[0, KILL]] as const) {
    const events: Event[] = [{ signal: 15 }, { signal: 17 }, { signal: 1 }, DIES(7 * 256), { signal: 17 }];
    const seen = restart(core, { survivors: { ...LAST, reaping, signalfd: -1 }, events });
    assert.deepEqual([seen.status, seen.sent], [7, [send(15), send(1)]]);
  }
});

promise("the last resort sends the signal in hand once, unless the core trapped over it twice", (core) => {
  for (const [reaping, send] of [
    [0, KILL],
    [1, THROUGH_PIDFD],
  ] as const) {
    for (const [handTraps, isSent] of [
      [0, true],
      [1, false],
      [2, false],
    ] as const) {
      for (const handSignal of [1, 15, 64]) {
        const seen = restart(core, {
          survivors: { ...LAST, reaping, handSignal, handTraps },
          events: [DIES(0)],
        });
        assert.deepEqual(seen.sent, isSent ? [send(handSignal)] : []);
        assert.equal(seen.kept.readInt32LE(40), 0, "no later restart sends it again");
      }
    }
    assert.deepEqual(restart(core, { survivors: { ...LAST, reaping }, events: [DIES(0)] }).sent, []);
  }
});

promise("the last resort reaps many at once, and nobody's end is taken for the program's", (core) => {
  for (const reaping of [0, 1]) {
    for (const count of [1, 63, 64, 65, 200]) {
      const dead = Array.from({ length: count }, (_, index) => 1000 + index);
      const seen = restart(core, { survivors: { ...LAST, reaping }, dead, events: [DIES(3 * 256)] });
      assert.equal(seen.status, 3);
      // The program dies at the first wait; where more are dead than a batch takes, that is no wait.
      const batches = reaping === 0 ? Math.floor(count / 64) : 1;
      assert.deepEqual(seen.waits, count < 64 ? [-1] : new Array<number>(batches).fill(0));
    }
  }
});

promise("where nobody is left to wait for, the last resort ends with 1", (core) => {
  const seen = restart(core, { survivors: LAST, kernel: { wait4: () => -ECHILD } });
  assert.equal(seen.status, 1);
  const ended = restart(core, { survivors: { ...LAST, status: UNKNOWN } });
  assert.deepEqual([ended.status, ended.waits], [1, []]);
  const known = restart(core, { survivors: { ...LAST, status: 5 * 256 } });
  assert.deepEqual([known.status, known.waits], [5, []]);
});

promise("the last resort comes with the fourth trap within a second, and not later", (core) => {
  for (const [windowMs, windowTraps, isLast] of [
    [NOW, 0, false],
    [NOW, 2, false],
    [NOW, 3, true],
    [NOW - 999, 3, true],
    [NOW - 1000, 3, true],
    [NOW - 1001, 3, false],
    [NOW - 1001, 9, false],
    [NOW - 500, 7, true],
  ] as const) {
    const survivors = { windowMs, windowTraps, traps: 11 };
    const seen = restart(core, { survivors, events: [DIES(0)] });
    assert.equal(seen.errors === "", isLast, `${NOW - windowMs} ms, ${windowTraps} traps`);
    const fresh = NOW - windowMs > 1000;
    assert.equal(seen.kept.readInt32LE(84), 12, "traps are counted");
    assert.equal(seen.kept.readInt32LE(104), fresh ? 1 : windowTraps + 1);
    assert.equal(Number(seen.kept.readBigInt64LE(96)), fresh ? NOW : windowMs);
  }
});

promise("a restart is said with its reason and its number", (core) => {
  const reasons = [
    "TrapMemory",
    "TrapAssertion",
    "TrapIndirect",
    "TrapDivision",
    "TrapOverflow",
    "TrapConversion",
  ] as const;
  for (const [trap] of reasons.entries()) {
    const seen = restart(core, { survivors: { traps: 4 }, events: [DIES(0)], trap });
    const reason = MESSAGES[reasons[trap] ?? "TrapMemory"];
    const text = MESSAGES.CoreRestarted.replace("%t", reason).replace("%d", "5");
    assert.equal(seen.errors, `[WARN  steady (1)] ${text}\n`);
  }
});

promise(
  "the signal in hand is delivered after the first trap over it, as it was, and dropped after the second",
  (core) => {
    const base = { handSignal: 34, handCode: 0 };
    assert.deepEqual(restart(core, { survivors: base, events: [DIES(0)] }).sent, [KILL(34)]);
    const valued = restart(core, { survivors: { ...base, handCode: -1, handValue: 77n }, events: [DIES(0)] });
    assert.deepEqual(
      valued.sent.map(([name, pid]) => [name, pid]),
      [["rt_sigqueueinfo", PROGRAM]],
    );
    for (const handTraps of [1, 2]) {
      const dropped = restart(core, { survivors: { ...base, handTraps }, events: [DIES(0)] });
      assert.deepEqual(dropped.sent, []);
      const text = MESSAGES.CoreSignalDropped.replace("%d", "34");
      assert.ok(dropped.errors.endsWith(`[WARN  steady (1)] ${text}\n`), dropped.errors);
      assert.equal(dropped.kept.readInt32LE(40), 0);
    }
    assert.equal(restart(core, { survivors: {}, events: [DIES(0)] }).errors.includes("dropped"), false);
  },
);

promise("what a signal carries survives a restart: value, sender and uid", (core) => {
  let seen: number[] = [];
  restart(core, {
    survivors: { handSignal: 35, handCode: -1, handValue: 0x1122334455667788n },
    events: [DIES(0)],
    kernel: {
      rt_sigqueueinfo: (host, pid = 0, at = 0) => {
        seen = [pid, host.readI32(at), host.readI32(at + 8), host.readI32(at + 12), host.readI32(at + 16)];
        seen.push(host.readI32(at + 48), host.readI32(at + 52));
        return 0;
      },
    },
  });
  assert.deepEqual(seen, [PROGRAM, 35, -1, 5, 6, 0x55667788, 0x11223344]);
});

promise("after the program's end a restart ends with its status and sends nothing", (core) => {
  for (const [status, end] of [
    [0, 0],
    [7 * 256, 7],
    [9, 137],
    [UNKNOWN, 1],
  ] as const) {
    const seen = restart(core, {
      survivors: { status, handSignal: 15 },
      args: ["steady", "--drain=0", "/x"],
    });
    assert.deepEqual([seen.status, seen.sent, seen.waits], [end, [], []]);
  }
});

promise(
  "a held signal is tried again after a restart, ever later, and no real-time signal is taken meanwhile",
  (core) => {
    for (const signalfd of [SIGNALFD, -1]) {
      const [masks, waits]: [bigint[], number[]] = [[], []];
      let tries = 0;
      const seen = restart(core, {
        survivors: { heldSignal: 34, signalfd },
        events: [{ signal: 15 }, "nothing", "nothing", DIES(0), { signal: 17 }],
        kernel: {
          rt_sigqueueinfo: () => (++tries < 3 ? -EAGAIN : 0),
          signalfd4: (_, fd = 0, low = 0) => {
            masks.push(BigInt(low));
            return fd;
          },
        },
      });
      waits.push(...seen.waits);
      assert.deepEqual([seen.status, seen.sent, tries], [0, [KILL(15)], 3]);
      assert.deepEqual(waits.slice(0, 4), [0, 20, 40, -1]);
      // Standard signals meanwhile, and then every one.
      assert.deepEqual(masks, signalfd < 0 ? [] : [0x7fffffffn, -1n]);
    }
  },
);

promise(
  "the last resort takes whatever was left out for a while, by the signalfd where there is one",
  (core) => {
    for (const [signalfd, expected] of [
      [SIGNALFD, [["signalfd4", SIGNALFD, -1]]],
      [-1, []],
    ] as const) {
      const seen = restart(core, {
        survivors: { ...LAST, signalfd, execPipe: 33 },
        events: [DIES(0), { signal: 17 }],
        kernel: { signalfd4: (_, fd = 0) => fd },
      });
      assert.deepEqual(
        seen.calls.filter(([name]) => name === "signalfd4"),
        expected,
      );
      for (const [name, mask] of seen.calls) if (name === "rt_sigtimedwait") assert.equal(mask, -1);
    }
  },
);

promise("where the kernel reaps, the last resort takes the program's status from its pidfd alone", (core) => {
  const kernel = (plain: Kernel): Kernel => ({
    wait4: () => -ECHILD,
    pidfd_get_info: (host, fd = 0, at = 0) => {
      assert.deepEqual([fd, host.bytes(at, 8).readBigUInt64LE()], [PIDFD, 8n]);
      return plain.pidfd_get_info?.(host, fd, at);
    },
  });
  for (const reaping of [1, 2]) {
    const events: Event[] = [{ signal: 10 }, "nothing", DIES(6 * 256)];
    const seen = restart(core, { survivors: { ...LAST, reaping }, events, kernel });
    assert.deepEqual([seen.status, seen.sent, seen.waits], [6, [THROUGH_PIDFD(10)], [-1, -1, -1]]);
  }
});

/** Where in what is kept. */
const STATUS = 24;
const [HAND, HAND_TRAPS, TRAPS, WINDOW_MS, WINDOW_TRAPS] = [40, 44, 84, 96, 104];

promise("the last resort keeps the status that it reaped before it asks for anything else", (core) => {
  const found: number[] = [];
  restart(core, {
    survivors: { ...LAST, reaping: 1 },
    kernel: {
      wait4: (host, _, at = 0) => {
        host.writeI32(at, 6 * 256);
        return PROGRAM;
      },
      pidfd_get_info: () => -ECHILD,
    },
    watch: (name, _, kept) => {
      if (name === "pidfd_get_info") found.push(kept.readInt32LE(STATUS));
    },
  });
  assert.equal(found.at(-1), 6 * 256);
});

promise("each trap is counted where the next will find it, before anything else is asked", (core) => {
  const found: number[] = [];
  restart(core, {
    survivors: { traps: 4, windowTraps: 2, windowMs: NOW - 5 },
    events: [DIES(0)],
    watch: (name, _, kept) => {
      if (name === "clock_gettime") found.push(kept.readInt32LE(TRAPS), kept.readInt32LE(WINDOW_TRAPS));
    },
  });
  assert.deepEqual(found, [5, 3]);
  const fresh: (number | bigint)[] = [];
  restart(core, {
    survivors: { traps: 4, windowTraps: 2, windowMs: NOW - 5000 },
    events: [DIES(0)],
    watch: (name, _, kept) => {
      if (name === "getpid") fresh.push(kept.readBigInt64LE(WINDOW_MS), kept.readInt32LE(WINDOW_TRAPS));
    },
  });
  assert.deepEqual(fresh, [BigInt(NOW), 1]);
});

promise(
  "that the signal in hand is taken again is kept before it is sent, and that it is dropped before anything",
  (core) => {
    const found: number[] = [];
    const watch = (name: string, _: readonly number[], kept: Buffer): void => {
      if (name === "kill" || name === "ppoll")
        found.push(kept.readInt32LE(HAND), kept.readInt32LE(HAND_TRAPS));
    };
    restart(core, {
      survivors: { handSignal: 34 },
      events: [DIES(0)],
      watch: (name, ...rest) => name === "kill" && watch(name, ...rest),
    });
    assert.deepEqual(found, [34, 1]);
    found.length = 0;
    const kernel: Kernel = {
      statx: () => 0xc000,
      sendto: (host, fd = 0, at = 0, length = 0) => host.capture(fd, at, length),
    };
    restart(core, { survivors: { handSignal: 34, handTraps: 1 }, events: [DIES(0)], kernel, watch });
    assert.deepEqual(found.slice(0, 2), [0, 2]);
  },
);

promise("after a restart the init's own descriptors stay open, whatever their order", (core) => {
  for (const own of [
    { pidfd: 5, signalfd: 9, execPipe: 7 },
    { pidfd: 9, signalfd: 5, execPipe: 7 },
    { pidfd: 7, signalfd: 9, execPipe: 5 },
    { pidfd: 5, signalfd: 6, execPipe: -1 },
    { pidfd: -1, signalfd: 6, execPipe: 3 },
  ]) {
    const closed = new Set<number>();
    restart(core, {
      survivors: { ...own, traps: 1 },
      events: [DIES(0), { signal: 17 }],
      kernel: {
        close_range: (_, first = 0, last = 0) => {
          for (let fd = first; fd <= Math.min(last, 99); fd++) closed.add(fd);
          return 0;
        },
      },
    });
    const kept = Object.values(own).filter((fd) => fd >= 0);
    for (let fd = 0; fd < 100; fd++) assert.equal(closed.has(fd), fd > 2 && !kept.includes(fd), `${fd}`);
  }
});

promise("what was not arranged before a trap is arranged after it, and SIGCHLD set anew", (core) => {
  for (const [args, before, signalfd] of [
    [["steady", "--reap", "wait", "/x"], 0, -1],
    [["steady", "--reap", "wait", "/x"], 1, SIGNALFD],
  ] as const) {
    const seen = restart(core, {
      survivors: { phase: 1, signalfd, reaping: before },
      args,
      events: [DIES(0), { signal: 17 }],
      kernel: {
        rt_sigaction: () => 0,
        signalfd4: () => SIGNALFD,
        setpgid: () => 0,
        chdir: () => 0,
        close_range: () => 0,
      },
    });
    const arranged = seen.calls.filter(([name]) => ["setpgid", "chdir", "rt_sigaction"].includes(name));
    assert.deepEqual(
      arranged.map(([name, ...told]) => (name === "chdir" ? [name] : [name, ...told])),
      [["setpgid", PROGRAM, PROGRAM], ["chdir"], ["rt_sigaction", 17, 0]],
    );
    assert.equal(seen.kept.readInt32LE(28), 0);
    const made = seen.calls.filter(([name]) => name === "signalfd4").map(([, fd]) => fd);
    assert.deepEqual(made, signalfd < 0 ? [-1, SIGNALFD] : [SIGNALFD], "one is enough");
  }
  const arranged = restart(core, {
    survivors: {},
    events: [DIES(0)],
    kernel: { setpgid: () => 0, rt_sigaction: () => 0 },
  });
  assert.equal(
    arranged.calls.some(([name]) => name === "setpgid" || name === "rt_sigaction"),
    false,
  );
});

promise(
  "while the last resort sends a signal it lies where a restart finds it, and not afterwards",
  (core) => {
    for (const [event, isSent] of [
      [{ signal: 10 }, true],
      [{ signal: 10, own: true, code: 5 }, true],
      [{ signal: 10, own: true, code: -1 }, true],
      [{ signal: 10, own: true }, false],
    ] as const) {
      const found: (number | string)[] = [];
      const watch = (name: string, _: readonly number[], kept: Buffer): void => {
        if (name === "kill" || name === "ppoll")
          found.push(name, kept.readInt32LE(HAND), kept.readInt32LE(HAND_TRAPS));
      };
      const seen = restart(core, {
        survivors: LAST,
        events: [event, "nothing", DIES(0), { signal: 17 }],
        watch,
      });
      assert.deepEqual(seen.sent, isSent ? [KILL(10)] : []);
      const first = isSent ? ["ppoll", 0, 1, "kill", 10, 0] : ["ppoll", 0, 1];
      assert.deepEqual(found.slice(0, first.length + 3), [...first, "ppoll", 0, 0], JSON.stringify(event));
    }
  },
);

promise("where wait4 is refused, the last resort tries it again ten times a second", (core) => {
  for (const errno of [1, 22]) {
    let left = 3;
    const kernel = (plain: Kernel): Kernel => ({
      wait4: (host, ...args) => (left-- > 0 ? -errno : plain.wait4?.(host, ...args)),
    });
    const events: Event[] = ["nothing", "nothing", "nothing", DIES(2 * 256), { signal: 17 }];
    const seen = restart(core, { survivors: LAST, events, kernel });
    assert.deepEqual([seen.status, seen.waits], [2, [100, 100, 100, -1]]);
  }
});

promise("that the last resort sends the signal in hand is kept before it is sent", (core) => {
  const found: number[] = [];
  restart(core, {
    survivors: { ...LAST, handSignal: 15 },
    events: [DIES(0), { signal: 17 }],
    watch: (name, _, kept) => {
      if (name === "kill") found.push(kept.readInt32LE(HAND), kept.readInt32LE(HAND_TRAPS));
    },
  });
  assert.deepEqual(found, [15, 1]);
});

promise("a restart is confined where the init was not yet, and not twice", (core) => {
  for (const isConfined of [true, false]) {
    const seen = restart(core, {
      survivors: { isConfined, delayedValue: 0xff00000000000000n },
      events: [DIES(0)],
      kernel: { seccomp: () => 0 },
    });
    assert.equal(seen.calls.filter(([name]) => name === "seccomp").length, isConfined ? 0 : 1);
  }
});
