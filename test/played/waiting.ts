// What the loop waits for, how long, and with which signals, played on the core itself.

import assert from "node:assert/strict";
import { ERRORS } from "../../texts/linux.ts";
import { MESSAGES } from "../../texts/messages.ts";
import type { Kernel } from "../lib/host.ts";
import { DIES, type Event, PIDFD, PLACES, PROGRAM, type Restarted, restart, SIGNALFD } from "../lib/scene.ts";
import { into, type Played } from "./promises.ts";
import { sentence } from "./sentences.ts";

export const WAITINGS: Played[] = [];
const promise = into(WAITINGS);

const [EPERM, ESRCH, EBADF, EAGAIN, EINVAL] = [1, 3, 9, 11, 22];
const [WAIT, KERNEL] = [0, 1];
const SIGCHLD = 17;
const QUEUED = -1;
const ALL = (1n << 64n) - 1n;
const STANDARD = 0x7fffffffn;
const [HAND, HELD] = [40, 72];
const END: Event[] = [DIES(0), { signal: SIGCHLD }];
const said = (level: string, text: string): string => `[${level.padEnd(5)} steady (1)] ${text}\n`;
const without = (...signals: number[]): bigint =>
  signals.reduce((mask, signal) => mask & ~(1n << BigInt(signal - 1)), ALL);
const many = (count: number, signal: number): Event[] => Array.from({ length: count }, () => ({ signal }));
const queued = (signal: number, value = 1n): Event => ({ signal, code: QUEUED, value, uid: 1234 });

/** A kernel that notes which signals are taken, by the signalfd or by waiting for them. */
function masked(masks: bigint[]): (plain: Kernel) => Kernel {
  const note = (mask: number): void => {
    const exact = BigInt.asUintN(64, BigInt(mask));
    if (exact !== masks.at(-1)) masks.push(exact);
  };
  return (plain) => ({
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
}

promise(
  "after 64 signals in a row those that were among them wait until all others have been taken, and then count anew",
  (core) => {
    for (const [signalfd, reaping] of [
      [SIGNALFD, WAIT],
      [-1, WAIT],
      [-1, KERNEL],
    ] as const) {
      const masks: bigint[] = [];
      const events = [...many(64, 10), { signal: 12 }, { signal: 31 }, "nothing" as const];
      events.push(...many(63, 2), "nothing" as const, ...many(1, 3), "nothing" as const, ...END);
      const seen = restart(core, { survivors: { signalfd, reaping }, events, kernel: masked(masks) });
      assert.equal(seen.sent.length, 64 + 2 + 63 + 1);
      const rounds = [without(10), without(10, 12), without(10, 12, 31), ALL];
      assert.deepEqual(masks, [ALL, ...rounds, without(2, 3), ALL], `${signalfd}`);
      // With something that waits its turn nobody sleeps.
      const waits = seen.waits.slice(0, 70);
      assert.ok(
        waits.slice(64, 67).every((ms) => ms === 0),
        waits.join(),
      );
    }
  },
);

promise(
  "without a signalfd the program's end is looked for ten times a second where the kernel reaps",
  (core) => {
    const looks: string[] = [];
    const seen = restart(core, {
      survivors: { signalfd: -1, reaping: KERNEL },
      events: ["nothing", { signal: 10 }, "nothing", "nothing", DIES(3 * 256)],
      watch: (name) => {
        if (["rt_sigtimedwait", "ppoll", "pidfd_get_info", "wait4"].includes(name)) looks.push(name);
      },
    });
    assert.equal(seen.status, 3);
    // What may be dead already is looked for at once.
    assert.deepEqual(seen.waits, [0, 100, 100, 100, 100]);
    const polls = looks.filter((name) => name === "ppoll").length;
    assert.deepEqual([polls, looks.filter((name) => name === "pidfd_get_info").length], [5, 1]);
  },
);

promise("without a signalfd an init that reaps waits for signals alone, as long as it takes", (core) => {
  const seen = restart(core, {
    survivors: { signalfd: -1 },
    events: ["nothing", "nothing", "nothing", ...END],
  });
  assert.deepEqual(seen.waits, [0, -1, -1, -1, -1]);
  const count = (wanted: string): number => seen.calls.filter(([name]) => name === wanted).length;
  // At its start, and for the program's SIGCHLD.
  assert.deepEqual([count("wait4"), count("pidfd_get_info")], [3, 0]);
  assert.equal(
    seen.calls.filter(([name, , places]) => name === "ppoll" && places !== PLACES).length,
    1,
    "for the log",
  );
});

promise("a program that is a zombie for somebody else has not ended yet", (core) => {
  for (const signalfd of [SIGNALFD, -1]) {
    let polled = 0;
    const kernel = (plain: Kernel): Kernel => ({
      ppoll: (host, at = 0, count = 0, ms = 0) => {
        const place = count === PLACES ? at + 8 : at;
        if (host.readI32(place) !== PIDFD || polled > 5) return plain.ppoll?.(host, at, count, ms);
        polled++;
        host.bytes(place + 6, 2).writeInt16LE(1);
        return 1;
      },
    });
    const seen = restart(core, {
      survivors: { signalfd, reaping: KERNEL },
      events: [...Array(6).fill("nothing"), DIES(4 * 256)],
      kernel,
    });
    assert.equal(seen.status, 4);
    assert.equal(seen.calls.filter(([name]) => name === "pidfd_get_info").length, 1);
  }
});

promise("failures to read the signalfd count in a row: a signal in between begins anew", (core) => {
  for (const [count, isBlind] of [
    [8, false],
    [9, true],
  ] as const) {
    const answers = [...Array<number>(8).fill(-EBADF), 0, ...Array<number>(count).fill(-EBADF)];
    if (!isBlind) answers.push(0);
    const kernel = (plain: Kernel): Kernel => ({
      ppoll: (host, at = 0, count = 0, ms = 0) => {
        if (count !== PLACES || answers.length === 0) return plain.ppoll?.(host, at, count, ms);
        host.bytes(at + 6, 2).writeInt16LE(1);
        return 1;
      },
      read: (host, fd = 0, at = 0, max = 0) => {
        if (fd !== SIGNALFD || answers.length === 0) return plain.read?.(host, fd, at, max);
        const answer = answers.shift() ?? 0;
        if (answer < 0) return answer;
        host.bytes(at, 128).fill(0);
        host.writeI32(at, 10);
        return 128;
      },
    });
    const seen = restart(core, { survivors: {}, events: END, kernel });
    assert.equal(seen.sent.length, isBlind ? 1 : 2);
    assert.equal(
      seen.calls.some(([name]) => name === "rt_sigtimedwait"),
      isBlind,
    );
  }
});

promise(
  "a held signal keeps the real-time signals waiting and nothing else, with a signalfd or without",
  (core) => {
    for (const signalfd of [SIGNALFD, -1]) {
      const masks: bigint[] = [];
      let tries = 0;
      const kernel = (plain: Kernel): Kernel => ({
        ...masked(masks)(plain),
        rt_sigqueueinfo: () => (++tries < 3 ? -EAGAIN : 0),
      });
      const events = [queued(34), "nothing" as const, { signal: 15 }, "nothing" as const, "nothing" as const];
      events.push("nothing", ...END);
      const args = ["steady", "-v", "/x"];
      const seen = restart(core, { survivors: { signalfd }, events, kernel, args });
      assert.deepEqual(masks, [ALL, STANDARD, ALL]);
      assert.deepEqual([tries, seen.sent], [3, [["kill", PROGRAM, 15]]]);
      assert.ok(seen.output.startsWith(said("INFO", MESSAGES.SignalHeld.replace("%d", "34"))), seen.output);
    }
  },
);

promise(
  "what is held is kept for a restart before anything else is asked, and struck when it is sent",
  (core) => {
    let tries = 0;
    const held: number[] = [];
    const words: (number | bigint)[] = [];
    restart(core, {
      survivors: {},
      events: [queued(35, 77n), "nothing", "nothing", ...END],
      kernel: {
        rt_sigqueueinfo: () => (++tries < 2 ? -EAGAIN : 0),
        signalfd4: (_, fd = 0) => fd,
      },
      watch: (name, _, kept) => {
        if (name !== "signalfd4") return;
        held.push(kept.readInt32LE(HELD));
        if (held.length === 2)
          words.push(
            ...[HELD, HELD + 4, HELD + 8].map((at) => kept.readInt32LE(at)),
            kept.readBigUInt64LE(88),
          );
      },
    });
    assert.deepEqual(
      [held, words],
      [
        [0, 35, 0],
        [35, 7, 1234, 77n],
      ],
    );
  },
);

promise("each held signal has a hundred tries of its own", (core) => {
  const tries = new Map<number, number>();
  const kernel: Kernel = {
    rt_sigqueueinfo: (host, _, at = 0) => {
      const signal = host.readI32(at);
      const count = (tries.get(signal) ?? 0) + 1;
      tries.set(signal, count);
      return signal === 34 && count === 60 ? 0 : -EAGAIN;
    },
  };
  const nothing = Array<"nothing">(170).fill("nothing");
  const seen = restart(core, {
    survivors: {},
    events: [queued(34), ...nothing.slice(0, 60), queued(35), ...nothing.slice(0, 105), ...END],
    kernel,
  });
  assert.deepEqual(
    [...tries],
    [
      [34, 60],
      [35, 101],
    ],
  );
  assert.deepEqual(seen.sent, [["kill", PROGRAM, 35]]);
});

promise("what becomes of a held signal, or of one that lost its value, is said as of any other", (core) => {
  for (const [signal, answers, expected] of [
    [34, [-EAGAIN, -EINVAL], MESSAGES.ForwardFailed.replace("%e", ERRORS[EINVAL] ?? "")],
    [34, [-EAGAIN, -ESRCH], MESSAGES.ChildWasDead],
    [
      34,
      [-EAGAIN, -EPERM],
      MESSAGES.ForwardRefused.replace("%g", "Real-time signal 0").replace("%e", ERRORS[EPERM] ?? ""),
    ],
  ] as const) {
    const left: number[] = [...answers];
    const kernel: Kernel = { rt_sigqueueinfo: () => left.shift() ?? 0 };
    const seen = restart(core, { survivors: {}, events: [queued(signal), "nothing", ...END], kernel });
    assert.ok(seen.errors.endsWith(said("WARN", expected)), seen.errors);
  }
  const kernel: Kernel = { rt_sigqueueinfo: () => -EAGAIN, kill: () => -EINVAL };
  const seen = restart(core, { survivors: {}, events: [queued(10), ...END], kernel });
  const lost = MESSAGES.SignalValueLost.replace("%d", "10");
  const failed = MESSAGES.ForwardFailed.replace("%e", ERRORS[EINVAL] ?? "");
  assert.ok(seen.errors.endsWith(said("WARN", lost) + said("WARN", failed)), seen.errors);
});

promise("a refusal is said once for each signal", (core) => {
  for (const signals of [
    [15, 15, 10, 10, 15, 64],
    [15, 64],
    [1, 64, 57, 1, 34, 8, 9, 64, 57],
  ]) {
    const events = [...signals.flatMap((signal) => many(1, signal)), ...END];
    const { errors } = restart(core, { survivors: {}, events, kernel: { kill: () => -EPERM } });
    const told = [...new Set(signals)].map((signal) =>
      MESSAGES.ForwardRefused.replace("%g", sentence(signal)),
    );
    const lines = errors.split("\n").slice(1, -1);
    assert.deepEqual(
      lines,
      told.map((text) => said("WARN", text.replace("%e", ERRORS[EPERM] ?? "")).trimEnd()),
    );
    const failed = restart(core, { survivors: {}, events, kernel: { kill: () => -EINVAL } });
    assert.equal(failed.errors.match(/Unexpected error/g)?.length, told.length);
  }
});

promise("a program that nobody knows any more has ended, where the init would have reaped it", (core) => {
  for (const [reaping, name, isAsked] of [
    [WAIT, "kill", true],
    [KERNEL, "pidfd_send_signal", false],
  ] as const) {
    const isGone = (seen: Restarted): boolean => seen.errors.includes(MESSAGES.MainUnknown);
    const play = (exists: number): Restarted =>
      restart(core, {
        survivors: { reaping },
        args: ["steady", "--drain=0", "/x"],
        events: [{ signal: 15 }, ...END],
        kernel: { [name]: (_: unknown, _target: number, signal: number) => (signal === 0 ? exists : -ESRCH) },
      });
    const gone = play(-ESRCH);
    assert.deepEqual([gone.status, isGone(gone)], isAsked ? [1, true] : [0, false]);
    const asked = gone.calls.filter(([call, , signal]) => call === "kill" && signal === 0);
    assert.deepEqual(asked, isAsked ? [["kill", PROGRAM, 0]] : []);
    for (const answer of [0, -EPERM])
      assert.deepEqual([play(answer).status, isGone(play(answer))], [0, false]);
  }
});

promise("what is dead when the program turns out to be gone is reaped all the same", (core) => {
  const seen = restart(core, {
    survivors: {},
    args: ["steady", "--drain=0", "/x"],
    events: [{ signal: 15 }],
    dead: Array.from({ length: 100 }, (_, index) => 1000 + index),
    kernel: { kill: () => -ESRCH },
  });
  assert.equal(seen.status, 1);
  assert.equal(seen.calls.filter(([name]) => name === "wait4").length, 101);
});

promise("a signal that is held already is not held once more after a restart", (core) => {
  const survivors = { handSignal: 34, handCode: QUEUED, heldSignal: 34 };
  const kernel: Kernel = { rt_sigqueueinfo: () => -EAGAIN };
  const args = ["steady", "-v", "/x"];
  const { output } = restart(core, { survivors, events: ["nothing", ...END], kernel, args });
  assert.equal(output.includes(MESSAGES.SignalHeld.replace("%d", "34")), false, output);
});

promise("a signal in hand is that one's alone: what was before it is forgotten", (core) => {
  const found: number[][] = [];
  restart(core, {
    survivors: { handTraps: 1, handCode: 5 },
    events: [{ signal: 15, uid: 1234 }, ...END],
    watch: (name, _, kept) => {
      if (name === "kill")
        found.push([HAND, HAND + 4, HAND + 8, HAND + 12, HAND + 16].map((at) => kept.readInt32LE(at)));
    },
  });
  assert.deepEqual(found, [[15, 0, 0, 7, 1234]]);
  const after: number[] = [];
  restart(core, {
    survivors: {},
    events: [{ signal: 15 }, { signal: 16 }, ...END],
    watch: (name, _, kept) => {
      if (name === "ppoll") after.push(kept.readInt32LE(HAND));
    },
  });
  assert.deepEqual(new Set(after), new Set([0]), "and nothing is in hand while the loop waits");
});

promise("a value as wide as a pointer is nobody else's", (core) => {
  const value = 0xff00000000000000n;
  const masks: bigint[] = [];
  const seen = restart(core, {
    survivors: {},
    events: [queued(34, value), "nothing", ...END],
    kernel: masked(masks),
  });
  assert.deepEqual([seen.waits.slice(0, 3), masks], [[0, -1, -1], [ALL]]);
  masks.length = 0;
  restart(core, {
    survivors: { handSignal: 34, handCode: QUEUED, handValue: value },
    events: END,
    kernel: masked(masks),
  });
  assert.deepEqual(masks, [ALL]);
});

promise("a signal that comes with the program's end is left where it is", (core) => {
  const kernel = (plain: Kernel): Kernel => ({
    ppoll: (host, at = 0, count = 0, ms = 0) => {
      if (count !== PLACES) return plain.ppoll?.(host, at, count, ms);
      host.bytes(at + 6, 2).writeInt16LE(1);
      host.bytes(at + 14, 2).writeInt16LE(16);
      return 2;
    },
    pidfd_get_info: (host, _, at = 0) => {
      host.bytes(at, 8).writeBigUInt64LE(8n);
      host.writeI32(at + 60, 3 * 256);
      return 0;
    },
  });
  const seen = restart(core, {
    survivors: { reaping: KERNEL },
    args: ["steady", "--drain=0", "/x"],
    kernel,
  });
  assert.deepEqual([seen.status, seen.calls.some(([name]) => name === "read")], [3, false]);
});
