// Sending with the program's uid, and what that costs the init itself, played on the core itself.

import assert from "node:assert/strict";
import { ERRORS } from "../../texts/linux.ts";
import { MESSAGES } from "../../texts/messages.ts";
import type { Kernel } from "../lib/host.ts";
import { DIES, type Event, PROGRAM, type Restarted, restart } from "../lib/scene.ts";
import { into, type Played } from "./promises.ts";

export const PRIVILEGES: Played[] = [];
const promise = into(PRIVILEGES);

const [EPERM, ESRCH, EAGAIN] = [1, 3, 11];
const [SIGHUP, SIGCHLD] = [1, 17];
const QUEUED = -1;
const [OWN, THEIRS] = [7, 1000];
const END: Event[] = [DIES(0), { signal: SIGCHLD }];
const said = (text: string): string => `[WARN  steady (1)] ${text}\n`;

interface Refused {
  readonly args?: readonly string[];
  readonly events?: readonly Event[];
  readonly survivors?: Parameters<typeof restart>[1]["survivors"];
  /** What /proc tells of the program. */
  readonly status?: string | undefined;
  readonly kernel?: Kernel;
}

/** A life in which only the program's uid may signal it. */
function refused(core: Parameters<Played["play"]>[0], the: Refused): Restarted & { uids: number[] } {
  const {
    args = [],
    events = [{ signal: 15 }],
    status = `Name:\tx\nUid:\t${THEIRS}\t1\n`,
    survivors = {},
  } = the;
  const uids: number[] = [];
  let uid = OWN;
  const send = (): number => (uid === THEIRS ? 0 : -EPERM);
  const kernel = (plain: Kernel): Kernel => ({
    geteuid: () => OWN,
    getppid: () => 9,
    get_dumpable: () => 1,
    set_dumpable: () => 0,
    set_pdeathsig: () => 0,
    openat: (host, path = 0) =>
      host.text(path) === `/proc/${PROGRAM}/status` && status !== undefined ? 50 : -2,
    read: (host, fd = 0, at = 0, max = 0) => {
      if (fd !== 50) return plain.read?.(host, fd, at, max);
      assert.equal(max, 2048);
      return Buffer.from(status ?? "").copy(host.bytes(at, max));
    },
    seteuid: (_, to = 0) => {
      uids.push(to);
      uid = to;
      return 0;
    },
    kill: send,
    rt_sigqueueinfo: send,
    ...the.kernel,
  });
  const seen = restart(core, {
    survivors,
    events: [...events, ...END],
    args: ["steady", ...args, "/x"],
    kernel,
  });
  return { ...seen, uids };
}

/** si_code SI_KERNEL, SI_TKILL. */
const [BY_KERNEL, BY_TKILL] = [0x80, -6];
const called = ({ calls }: Restarted, ...names: string[]) => calls.filter(([name]) => names.includes(name));

promise("where the init's own uid cannot be taken back, it is told, and life goes on", (core) => {
  for (const errno of [EPERM, EAGAIN]) {
    const uids: number[] = [];
    const seen = refused(core, {
      kernel: {
        kill: () => (uids.at(-1) === THEIRS ? 0 : -EPERM),
        seteuid: (_, to = 0) => {
          uids.push(to);
          return to === OWN ? -errno : 0;
        },
      },
    });
    const text = MESSAGES.EffectiveUserLost.replace("%e", ERRORS[errno] ?? "");
    assert.ok(seen.errors.endsWith(said(text)), seen.errors);
    assert.deepEqual([uids, seen.status], [[THEIRS, OWN], 0]);
  }
  assert.equal(refused(core, {}).errors.split("\n").length, 2, "only the restart is told");
});

promise(
  "a parent's death that the kernel had forgotten comes from outside, whoever sent the signal before",
  (core) => {
    for (const [code, pid, errno] of [
      [BY_KERNEL, 1234, EAGAIN],
      [BY_TKILL, 0, EAGAIN],
      [BY_KERNEL, 1234, EPERM],
    ] as const) {
      let parent = 9;
      let uid = OWN;
      const sent: number[] = [];
      refused(core, {
        args: ["-p", "HUP", "--trust=outside"],
        events: [{ signal: 15, code, pid }],
        kernel: {
          getppid: () => parent,
          rt_sigtimedwait: () => -errno,
          seteuid: (_, to = 0) => {
            if (to === OWN) parent = 1;
            uid = to;
            return 0;
          },
          kill: (_, _pid, signal = 0) => {
            if (uid === THEIRS) sent.push(signal);
            return uid === THEIRS ? 0 : -EPERM;
          },
        },
      });
      assert.deepEqual(sent, [15, SIGHUP]);
    }
  },
);

promise("a parent that died while the kernel had forgotten -p is told of as -p would, once", (core) => {
  for (const isTold of [false, true]) {
    for (const survivors of [{}, { heldSignal: 34 }]) {
      let parent = 9;
      let uid = OWN;
      const infos: (readonly number[])[] = [];
      const isHeld = "heldSignal" in survivors;
      const nothing = Array<Event>(4).fill("nothing");
      const events: Event[] = isHeld ? nothing : [{ signal: 15, own: true, code: QUEUED, value: 5n }];
      let full = isHeld ? 1 : 0;
      const sent: (readonly (number | string)[])[] = [];
      const note =
        (name: string): Kernel[string] =>
        (host, pid = 0, at = 0) => {
          if (full-- > 0) return -EAGAIN;
          if (uid !== THEIRS) return -EPERM;
          const signal = name === "kill" ? at : host.readI32(at);
          sent.push([name, pid, signal]);
          return 0;
        };
      const seen = refused(core, {
        survivors,
        events,
        args: ["-p", "HUP"],
        kernel: {
          getppid: () => parent,
          kill: note("kill"),
          rt_sigqueueinfo: note("rt_sigqueueinfo"),
          seteuid: (_, to = 0) => {
            if (to === OWN) parent = 1;
            uid = to;
            return 0;
          },
          rt_sigtimedwait: (host, mask = 0, at = 0, ms = 0) => {
            infos.push([mask, ms]);
            if (!isTold) return -EAGAIN;
            host.bytes(at, 256).fill(0);
            host.writeI32(at, SIGHUP);
            host.writeI32(at + 8, QUEUED);
            host.writeI32(at + 12, 1234);
            return SIGHUP;
          },
        },
      });
      const first = isHeld ? 34 : 15;
      if (isHeld) assert.deepEqual(seen.waits.slice(0, 4), [0, 20, 0, -1]);
      assert.deepEqual(sent, [
        ["rt_sigqueueinfo", PROGRAM, first],
        [isTold ? "rt_sigqueueinfo" : "kill", PROGRAM, SIGHUP],
      ]);
      assert.deepEqual(infos, [[1, 0]]);
      assert.deepEqual(called(seen, "set_pdeathsig"), Array(2).fill(["set_pdeathsig", SIGHUP]));
      assert.equal(seen.status, 0);
    }
  }
});

promise(
  "without any right a group is signalled as far as it goes, and the program's own refusal is told",
  (core) => {
    const refusal = said(
      MESSAGES.ForwardRefused.replace("%g", "Terminated").replace("%e", ERRORS[EPERM] ?? ""),
    );
    for (const [group, own, told] of [
      [0, -EPERM, refusal],
      [0, 0, ""],
      [0, -ESRCH, ""],
      [-EPERM, -EPERM, refusal],
      [-EPERM, 0, refusal],
      [-ESRCH, 0, said(MESSAGES.ChildWasDead)],
    ] as const) {
      for (const way of ["no uid", "no right"] as const) {
        const kernel: Kernel = {
          kill: (_, pid = 0, signal = 0) => (signal === 0 ? own : pid < 0 ? group : -EPERM),
          seteuid: () => -EPERM,
        };
        const status = way === "no uid" ? "Name:\tx\n" : undefined;
        const the = { args: ["-g"], kernel, ...(status === undefined ? {} : { status }) };
        const seen = refused(core, the);
        const errors = seen.errors.split("\n").slice(1).join("\n");
        if (!(group === -ESRCH && own !== 0)) assert.equal(errors, told, `${group} ${own} ${way}`);
        const kills = called(seen, "kill").map(([, ...args]) => args);
        assert.deepEqual(kills.slice(0, 2), [
          [-PROGRAM, 15],
          [PROGRAM, 0],
        ]);
      }
    }
  },
);

promise("a group of one's own uid is signalled as it is, also without CAP_KILL", (core) => {
  for (const mayKill of [true, false]) {
    const seen = refused(core, {
      survivors: { mayKill },
      args: ["-g"],
      status: `Name:\tx\nUid:\t${OWN}\t1\n`,
      kernel: { kill: () => 0 },
    });
    assert.deepEqual(called(seen, "kill"), [["kill", -PROGRAM, 15]]);
    assert.deepEqual(called(seen, "geteuid").length, mayKill ? 0 : 1);
    assert.deepEqual(seen.uids, []);
  }
});
