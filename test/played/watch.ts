// What becomes of a program that is waited for, to the millisecond: --watchdog, --ready-within, --probe-every, and whoever has it
// asked. Datagrams come at times that are written down, the clock goes on where the init waits, and nowhere else.

import assert from "node:assert/strict";
import type { Core, Host } from "../lib/host.ts";
import { PROGRAM, play } from "../lib/plain.ts";
import { into, type Played } from "./promises.ts";

export const WATCHES: Played[] = [];
const promise = into(WATCHES);

const [OWN, ASKER] = [12, 40];
const [EAGAIN, EBADF, ESRCH] = [11, 9, 3];
const POLLIN = 1;
/** Where the loop polls for the notify socket, and how many it polls for. */
const [PLACE, PLACES] = [5, 6];
const [SIGABRT, SIGKILL, SIGUSR2, SIGTERM] = [6, 9, 12, 15];
const BEGIN = 5000;

interface Notice {
  readonly at: number;
  readonly text: string;
  /** Who sent it: a number that stands in its address, 0 for one without. */
  readonly from?: number;
}

interface Scene {
  readonly notices?: readonly Notice[];
  /** How long somebody looks. */
  readonly ms?: number;
  /** The signals that the program catches. */
  readonly caught?: readonly number[];
  /** What a signal to the program is answered with. */
  readonly answer?: (signal: number) => number;
  readonly recvmsg?: number;
}

interface Told {
  /** What was sent to the program: when, in milliseconds from the start on, which signal, and to whom. */
  readonly sent: readonly (readonly [at: number, signal: number, to: "program" | "group"])[];
  /** Who was answered: when, who, what. */
  readonly answers: readonly (readonly [at: number, who: number, text: string])[];
  /** How long each wait was to be. */
  readonly waits: readonly number[];
  readonly errors: string;
  readonly closed: boolean;
  readonly status: number;
  /** The signal that ended the life, as it was passed on. */
  readonly last: readonly [signal: number, to: "program" | "group"] | undefined;
}

const statusOf = (caught: readonly number[]): string => {
  const set = caught.reduce((all, signal) => all | (1n << BigInt(signal - 1)), 0n);
  return `Name:\tx\nSigIgn:\t${"0".repeat(16)}\nSigCgt:\t${set.toString(16).padStart(16, "0")}\n`;
};

function live(core: Core, args: readonly string[], scene: Scene = {}): Told {
  const { notices = [], ms = 30_000, caught = [], answer = () => 0 } = scene;
  const waiting = [...notices];
  const sent: [number, number, "program" | "group"][] = [];
  const answers: [number, number, string][] = [];
  const waits: number[] = [];
  let now = 0;
  let closed = false;
  let last: Told["last"];
  const note = (signal: number, isGroup: boolean): number => {
    const to = isGroup ? "group" : "program";
    // The SIGTERM that ends the life.
    if (now < ms) sent.push([now, signal, to]);
    else last = [signal, to];
    return answer(signal);
  };
  const { errors, status } = play(core, {
    args: ["steady", ...args, "/x"],
    files: { [`/proc/${PROGRAM}/status`]: statusOf(caught) },
    kernel: (plain) => ({
      clock_gettime: () => BigInt(BEGIN + now),
      socket: () => OWN,
      recvmsg: (host: Host, fd = 0, at = 0, max = 0, sender = 0) => {
        assert.equal(fd, OWN);
        const next = waiting[0];
        if (next === undefined || next.at > now) return scene.recvmsg ?? -EAGAIN;
        waiting.shift();
        host.bytes(at, Math.min(max, next.text.length)).write(next.text, "latin1");
        host.writeI32(sender + 16, 7);
        host.writeI32(sender + 20, 0);
        if (next.from !== undefined) host.bytes(sender + 32, 8).writeBigUInt64LE(BigInt(next.from));
        return next.text.length;
      },
      sendto: (host: Host, fd = 0, at = 0, lengths = 0, to = 0) => {
        assert.deepEqual([fd, lengths >>> 16], [OWN, 8]);
        const text = Buffer.from(host.bytes(at, lengths & 0xffff)).toString("latin1");
        answers.push([now, Number(host.bytes(to, 8).readBigUInt64LE()), text]);
        return lengths & 0xffff;
      },
      kill: (_, pid = 0, signal = 0) => note(signal, pid === -PROGRAM),
      pidfd_send_signal: (_, _fd, signal = 0, _info, isGroup = 0) =>
        signal > 64 ? -22 : note(signal, isGroup !== 0),
      close: (_, fd = 0) => {
        closed ||= fd === OWN;
        return fd === OWN || fd > 0 ? 0 : -EBADF;
      },
      ppoll: (host: Host, at = 0, count = 0, wait = 0) => {
        if (count !== PLACES || now >= ms) return plain.ppoll?.(host, at, count, wait);
        waits.push(wait);
        const next = Math.min(waiting[0]?.at ?? ms, ms);
        const isBroken = scene.recvmsg !== undefined && host.readI32(at + 8 * PLACE) === OWN;
        if (isBroken) now++;
        else now = wait < 0 ? next : Math.min(now + wait, next);
        if (!isBroken && waiting[0]?.at !== now) return 0;
        host.bytes(at + 8 * PLACE + 6, 2).writeInt16LE(POLLIN);
        return 1;
      },
    }),
  });
  return { sent, answers, waits, errors, closed, status, last };
}

/** Signals with the times that they are due at. */
const sentBy = (core: Core, args: readonly string[], scene: Scene = {}): unknown =>
  live(core, args, scene).sent.map(([at, signal]) => [at, signal]);
const says = (...times: readonly number[]): Notice[] => times.map((at) => ({ at, text: "WATCHDOG=1" }));

promise(
  "a program that is silent has as long again, at most a second, then SIGABRT, then SIGKILL",
  (core) => {
    assert.deepEqual(sentBy(core, ["--watchdog", "100ms"]), [
      [200, SIGABRT],
      [5200, SIGKILL],
    ]);
    assert.deepEqual(sentBy(core, ["--watchdog", "3s"]), [
      [4000, SIGABRT],
      [9000, SIGKILL],
    ]);
    assert.deepEqual(sentBy(core, ["--watchdog", "1s", "--grace", "300ms"]), [
      [2000, SIGABRT],
      [2300, SIGKILL],
    ]);
    assert.deepEqual(sentBy(core, ["--ready-within", "100ms"]), [
      [200, SIGABRT],
      [5200, SIGKILL],
    ]);
    assert.deepEqual(sentBy(core, ["--notify"]), []);
  },
);

promise("each sign begins the time anew, also in its last moment, and after SIGABRT none does", (core) => {
  const args = ["--watchdog", "100ms", "--grace", "1s"];
  assert.deepEqual(sentBy(core, args, { notices: says(50) }), [
    [250, SIGABRT],
    [1250, SIGKILL],
  ]);
  assert.deepEqual(sentBy(core, args, { notices: says(50, 140, 199, 250) }), [
    [450, SIGABRT],
    [1450, SIGKILL],
  ]);
  assert.deepEqual(sentBy(core, args, { notices: says(199) }), [
    [399, SIGABRT],
    [1399, SIGKILL],
  ]);
  assert.deepEqual(sentBy(core, args, { notices: says(201, 900) }), [
    [200, SIGABRT],
    [1200, SIGKILL],
  ]);
});

promise("its time can be made another, and what it says of the start counts at the start alone", (core) => {
  const args = ["--watchdog", "100ms", "--ready-within", "300ms", "--grace", "1s"];
  const told = (...notices: readonly Notice[]): unknown => sentBy(core, args, { notices });
  assert.deepEqual(told(), [
    [600, SIGABRT],
    [1600, SIGKILL],
  ]);
  assert.deepEqual(told(...says(10)), [
    [600, SIGABRT],
    [1600, SIGKILL],
  ]);
  assert.deepEqual(told({ at: 30, text: "READY=1" }), [
    [230, SIGABRT],
    [1230, SIGKILL],
  ]);
  assert.deepEqual(told({ at: 350, text: "READY=1" }), [
    [550, SIGABRT],
    [1550, SIGKILL],
  ]);
  assert.deepEqual(told({ at: 30, text: "READY=1" }, { at: 40, text: "READY=1" }), [
    [230, SIGABRT],
    [1230, SIGKILL],
  ]);
  assert.deepEqual(told({ at: 30, text: "WATCHDOG_USEC=20000" }, { at: 40, text: "READY=1" }), [
    [80, SIGABRT],
    [1080, SIGKILL],
  ]);
  assert.deepEqual(told({ at: 30, text: "READY=1" }, { at: 40, text: "WATCHDOG_USEC=20001" }), [
    [82, SIGABRT],
    [1082, SIGKILL],
  ]);
  assert.deepEqual(told({ at: 30, text: "EXTEND_TIMEOUT_USEC=400000" }), [
    [730, SIGABRT],
    [1730, SIGKILL],
  ]);
  // It is never less than there was.
  assert.deepEqual(told({ at: 30, text: "EXTEND_TIMEOUT_USEC=1000" }), [
    [600, SIGABRT],
    [1600, SIGKILL],
  ]);
  assert.deepEqual(told({ at: 30, text: "READY=1" }, { at: 40, text: "EXTEND_TIMEOUT_USEC=9000000" }), [
    [230, SIGABRT],
    [1230, SIGKILL],
  ]);
});

promise("who says that it stops is not waited for any more, and who asks to be ended is, once", (core) => {
  const args = ["--watchdog", "100ms", "--grace", "1s"];
  assert.deepEqual(sentBy(core, args, { notices: [{ at: 150, text: "STOPPING=1" }] }), []);
  assert.deepEqual(sentBy(core, args, { notices: [{ at: 150, text: "STOPPING=1" }, ...says(160)] }), []);
  // It is too late for that.
  const late = { notices: [{ at: 250, text: "STOPPING=1" }] };
  assert.deepEqual(sentBy(core, args, late), [
    [200, SIGABRT],
    [1200, SIGKILL],
  ]);
  const asks = { at: 10, text: "WATCHDOG=trigger" };
  assert.deepEqual(sentBy(core, args, { notices: [asks, { ...asks, at: 20 }] }), [
    [10, SIGABRT],
    [1010, SIGKILL],
  ]);
  assert.deepEqual(sentBy(core, ["--notify"], { notices: [asks] }), [
    [10, SIGABRT],
    [5010, SIGKILL],
  ]);
});

promise(
  "-g or not, what the watchdog and a probe send goes to the program alone, and signals go to the group as before",
  (core) => {
    const signals = ["--probe-every", "50ms", "--probe-signal", "USR2", "--probe-failures", "1", "-g"];
    const { sent } = live(core, signals, { caught: [SIGUSR2] });
    assert.deepEqual(
      sent.map(([, signal]) => signal),
      [SIGUSR2, SIGABRT, SIGKILL],
    );
    assert.ok(sent.every(([, , to]) => to === "program"));
    const { sent: asked, last } = live(core, signals, { caught: [SIGUSR2], ms: 60 });
    assert.deepEqual(asked, [[50, SIGUSR2, "program"]]);
    assert.deepEqual(last, [SIGTERM, "group"]);
  },
);

const PROBING = [
  "--probe-every",
  "50ms",
  "--probe-within",
  "20ms",
  "--probe-failures",
  "2",
  "--probe-signal",
  "USR2",
];

promise("it is asked every so often, and after so many without an answer in a row it is not well", (core) => {
  const catches: Scene = { caught: [SIGUSR2], ms: 1000 };
  const abort = [[140, SIGABRT]];
  assert.deepEqual(sentBy(core, PROBING, catches), [[50, SIGUSR2], [100, SIGUSR2], ...abort]);
  // The moment of doubt is as long as the time for the answer, at most a second.
  const long = [
    "--probe-every",
    "5s",
    "--probe-within",
    "2s",
    "--probe-failures",
    "1",
    "--probe-signal",
    "USR2",
  ];
  assert.deepEqual(sentBy(core, long, { ...catches, ms: 9000 }), [
    [5000, SIGUSR2],
    [8000, SIGABRT],
  ]);
  // By default it has a second, three times.
  const plain = ["--probe-every", "10s", "--probe-signal", "USR2"];
  assert.deepEqual(sentBy(core, plain, { ...catches, ms: 33_000 }), [
    [10_000, SIGUSR2],
    [20_000, SIGUSR2],
    [30_000, SIGUSR2],
    [32_000, SIGABRT],
  ]);
  // One that is late is asked again as soon as that is told.
  const dense = [
    "--probe-every",
    "10ms",
    "--probe-within",
    "20ms",
    "--probe-failures",
    "2",
    "--probe-signal",
    "USR2",
  ];
  assert.deepEqual(sentBy(core, dense, catches), [
    [10, SIGUSR2],
    [50, SIGUSR2],
    [90, SIGABRT],
  ]);
  assert.deepEqual(sentBy(core, PROBING, { ms: 1000 }), abort, "what it does not catch is not sent");
  // An answer counts until it is said to be missing, and what was missed before is forgotten.
  assert.deepEqual(sentBy(core, PROBING, { ...catches, notices: says(89) }), [
    [50, SIGUSR2],
    [100, SIGUSR2],
    [150, SIGUSR2],
    [190, SIGABRT],
  ]);
  assert.deepEqual(sentBy(core, PROBING, { ...catches, notices: says(130) }), [
    [50, SIGUSR2],
    [100, SIGUSR2],
    [150, SIGUSR2],
    [200, SIGUSR2],
    [240, SIGABRT],
  ]);
  // Nobody was asked yet.
  assert.deepEqual(sentBy(core, PROBING, { ...catches, notices: says(30) }), [
    [50, SIGUSR2],
    [100, SIGUSR2],
    ...abort,
  ]);
  assert.deepEqual(sentBy(core, PROBING, { ...catches, notices: [{ at: 60, text: "STOPPING=1" }] }), [
    [50, SIGUSR2],
  ]);
});

promise("a program that has ended already is not said to be ended", (core) => {
  const gone = live(core, ["--watchdog", "100ms", "--events", "json"], { answer: () => -ESRCH, ms: 9000 });
  assert.deepEqual(
    gone.sent.map(([at, signal]) => [at, signal]),
    [
      [200, SIGABRT],
      [5200, SIGABRT],
    ],
  );
  assert.doesNotMatch(gone.errors, /abort_over/);
  assert.equal(gone.status, 0);
  const killed = live(core, ["--watchdog", "100ms", "--events", "json"], { ms: 9000 });
  assert.match(killed.errors, /abort_over/);
  assert.equal(killed.status, 122);
});

const ask = (at: number, from: number, signal = SIGUSR2): Notice => ({
  at,
  from,
  text: `STEADY_PROBE=${signal}`,
});

promise("whoever has it asked gets its next sign, once, and up to four may wait", (core) => {
  const caught = [1, SIGUSR2, 64];
  const told = (...notices: readonly Notice[]): Told =>
    live(core, ["--notify"], { notices, caught, ms: 1000 });
  const one = told(ask(10, ASKER), { at: 30, text: "WATCHDOG=1\nX=y" }, ...says(40));
  assert.deepEqual(one.sent, [[10, SIGUSR2, "program"]]);
  assert.deepEqual(one.answers, [[30, ASKER, "WATCHDOG=1\nX=y\n"]]);
  const many = told(...[1, 2, 3, 4, 5].map((who) => ask(who, who)), ...says(50), ask(60, 9), ...says(70));
  assert.deepEqual(many.answers.map(([at, who]) => [at, who]).sort(), [
    [50, 2],
    [50, 3],
    [50, 4],
    [50, 5],
    [70, 9],
  ]);
  // Without an address there is nobody to answer, and nobody loses a place.
  assert.deepEqual(
    told(ask(1, ASKER), ...[2, 3, 4, 5].map((at) => ask(at, 0)), ...says(50)).answers.length,
    1,
  );
  for (const [signal, isSent] of [
    [0, false],
    [1, true],
    [64, true],
    [65, false],
    [4096, false],
    // It would end the program, whoever is thought to be that outside.
    [10, false],
  ] as const) {
    const { sent, answers } = told(ask(10, ASKER, signal), ...says(20));
    assert.deepEqual([sent.length, answers.length], isSent ? [1, 1] : [0, 0], `${signal}`);
  }
  const gone = live(core, ["--notify"], {
    notices: [ask(10, ASKER), ...says(20)],
    caught,
    answer: () => -ESRCH,
    ms: 1000,
  });
  assert.deepEqual(gone.answers, []);
});

promise("after eight failures in a row the socket is given up, and nothing is waited for", (core) => {
  const { sent, errors, closed } = live(core, ["--watchdog", "100ms"], { recvmsg: -EBADF, ms: 1000 });
  assert.deepEqual([sent, closed], [[], true]);
  assert.match(errors, /Bad file descriptor/);
  const few = live(core, ["--watchdog", "10ms"], { recvmsg: -EAGAIN, ms: 100 });
  assert.equal(few.closed, false);
});

promise("the init sleeps until the next thing is due, and without one for ever", (core) => {
  assert.deepEqual(live(core, ["--notify"], { ms: 500 }).waits, [0, -1]);
  assert.deepEqual(
    live(core, ["--watchdog", "100ms", "--grace", "1s"], { ms: 2000 }).waits,
    [0, 100, 100, 1000, -1],
  );
  assert.deepEqual(
    live(core, PROBING, { caught: [SIGUSR2], ms: 145 }).waits,
    [0, 50, 20, 20, 10, 20, 20, 5000],
  );
});
