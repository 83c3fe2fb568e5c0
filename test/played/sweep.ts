// Going through /proc: whom --drain ends outside of PID 1, who is named, and whom --kill-orphans reaches, played on the core
// itself.

import assert from "node:assert/strict";
import { ERRORS } from "../../texts/linux.ts";
import { MESSAGES } from "../../texts/messages.ts";
import type { Kernel } from "../lib/host.ts";
import { DIES, type Event, PROGRAM, type Restarted, restart, type Survivors } from "../lib/scene.ts";
import { type Process, type Sent, Tree } from "../lib/tree.ts";
import { into, type Played } from "./promises.ts";

export const SWEEPS: Played[] = [];
const promise = into(SWEEPS);

type Core = Parameters<Played["play"]>[0];

/** Not the sender of the signals of a scene. */
const INIT = 8;
const [SIGKILL, SIGTERM, SIGCHLD, SIGCONT] = [9, 15, 17, 18];
const [EPERM, ENOENT, ESRCH, EMFILE, EACCES, ENOSYS] = [1, 2, 3, 24, 13, 38];
const [WAIT, KERNEL, KERNEL_WITH_STOPS] = [0, 1, 2];
const QUEUED = -1;
/** What /proc lists besides processes, and what only looks like one. */
const OTHERS = [".", "..", "0", "self", "4:", "5x", "x5", "cpuinfo"];
const END: Event[] = [DIES(0), { signal: SIGCHLD }];

const said = (text: string): string => `[WARN  steady (${INIT})] ${text}\n`;
const left = (text: string, pid: number, name: string): string =>
  said(text.replace("%d", `${pid}`).replace("%s", name));

interface Scene {
  readonly args: readonly string[];
  readonly events: readonly Event[];
  readonly survivors?: Survivors;
  readonly kernel?: (plain: Kernel) => Kernel;
}

function live(
  core: Core,
  tree: Tree,
  { args, events, survivors = {}, kernel = (all) => all }: Scene,
): Restarted {
  const seen = restart(core, {
    survivors,
    args: ["steady", ...args, "/x"],
    events,
    kernel: (plain) => kernel({ ...tree.kernel(plain), getpid: () => INIT }),
  });
  assert.deepEqual([...tree.open.values()], [], "whatever was opened is closed");
  return seen;
}

/** A drain to its end: nobody dies of what is sent. */
const drain = (core: Core, tree: Tree, more: Partial<Scene> = {}): Restarted =>
  live(core, tree, { args: ["--drain=1s"], events: [...END, "nothing", "nothing"], ...more });

const each = (signals: readonly number[], pids: readonly number[], way: Sent[0] = "pidfd"): Sent[] =>
  signals.flatMap((signal) => pids.map((pid): Sent => [way, pid, signal]));

const ROUNDS = [SIGTERM, SIGCONT, SIGKILL, SIGKILL, SIGKILL];

promise(
  "outside PID 1 all that descends from the init is asked to end, continued, and killed three times, and nobody else",
  (core) => {
    for (const reaping of [WAIT, KERNEL]) {
      const tree = new Tree(
        [
          { pid: 1, parent: 0 },
          { pid: INIT, parent: 1 },
          { pid: 3, parent: 1 },
          { pid: 4, parent: 3 },
          { pid: 5, parent: 0 },
          { pid: 50, parent: INIT },
          { pid: 51, parent: 50 },
          { pid: 40, parent: 51 },
          { pid: 70, parent: 77 },
          { pid: 77, parent: 1 },
          { pid: 90, parent: 2 },
          { pid: 2, parent: INIT },
          { pid: 701, parent: INIT, isGone: true },
          { pid: 4194304, parent: INIT },
        ],
        OTHERS,
      );
      const seen = drain(core, tree, { survivors: { reaping } });
      assert.equal(seen.status, 0);
      assert.deepEqual(tree.sent, each(ROUNDS, [50, 51, 40, 90, 2, 4194304]));
      assert.deepEqual(seen.sent, []);
      const pidfds = new Set(tree.asked.filter((what) => what.startsWith("pidfd")));
      assert.deepEqual(
        [...pidfds],
        [1, 3, 4, 5, 50, 51, 40, 70, 77, 90, 2, 701, 4194304].map((pid) => `pidfd ${pid}`),
        "itself, and what is no process, is not asked about",
      );
    }
  },
);

promise("who is 64 generations below the init is reached, and who is further down is not", (core) => {
  const chain = Array.from({ length: 66 }, (_, index): Process => {
    const process = { pid: 101 + index, parent: index === 0 ? INIT : 100 + index };
    return index < 62 ? { ...process, isHidden: true } : process;
  });
  const tree = new Tree(chain);
  live(core, tree, {
    args: ["--drain=1s"],
    events: [...END, "nothing"],
    kernel: (all) => ({
      ...all,
      pidfd_send_signal: (...args) => {
        tree.hasChildren = false;
        return all.pidfd_send_signal?.(...args);
      },
    }),
  });
  assert.deepEqual(tree.sent, each([SIGTERM, SIGCONT], [163, 164]));
});

promise("what of /proc tells who is whose is asked only when the pidfd is there", (core) => {
  const tree = new Tree([
    { pid: 50, parent: INIT },
    { pid: 51, parent: INIT },
  ]);
  live(core, tree, { args: ["--kill-orphans"], events: [{ signal: SIGTERM }, ...END] });
  const expected = [50, 51].flatMap((pid) => [`pidfd ${pid}`, `/proc/${pid}/status`]);
  assert.deepEqual(tree.asked, ["/proc/", ...expected]);
});

promise(
  "without a pidfd a child is signalled by its number, where nobody but the init can reap it",
  (core) => {
    for (const errno of [EPERM, EMFILE, ENOSYS]) {
      const processes: Process[] = [
        { pid: 40, parent: INIT },
        { pid: 50, parent: INIT, noPidfd: errno },
        { pid: 51, parent: 50, noPidfd: errno },
        { pid: 52, parent: 50 },
        { pid: 60, parent: 1, noPidfd: errno },
      ];
      const tree = new Tree(processes);
      drain(core, tree);
      const round = (signal: number): Sent[] => [
        ["pidfd", 40, signal],
        ["kill", 50, signal],
        ["pidfd", 52, signal],
      ];
      assert.deepEqual(tree.sent, ROUNDS.flatMap(round));
      for (const reaping of [WAIT, KERNEL, KERNEL_WITH_STOPS]) {
        const orphaned = new Tree(processes);
        live(core, orphaned, {
          survivors: { reaping },
          args: ["--kill-orphans", "--drain=0"],
          events: [{ signal: 10 }, ...END],
        });
        const others = orphaned.sent.filter(([, pid]) => pid !== PROGRAM);
        assert.deepEqual(others, [["pidfd", 40, 10], ...each(reaping === WAIT ? [10] : [], [50], "kill")]);
      }
    }
  },
);

promise("the folder of /proc may have any number, 0 too", (core) => {
  const tree = new Tree([{ pid: 51, parent: INIT }], [], 0);
  live(core, tree, { args: ["--kill-orphans"], events: [{ signal: SIGTERM }, ...END] });
  assert.deepEqual(tree.sent, [
    ["kill", PROGRAM, SIGTERM],
    ["pidfd", 51, SIGTERM],
  ]);
});

promise("a pidfd may have any number, 0 too", (core) => {
  const tree = new Tree([{ pid: 51, parent: INIT }], [], 0);
  const descriptors: number[] = [];
  live(core, tree, {
    args: ["--kill-orphans"],
    events: [{ signal: SIGTERM }, ...END],
    kernel: (all) => ({
      ...all,
      // Nothing but the pidfd stands below 3.
      openat: (host, path = 0, how = 0) => (how === 2 ? 90 : all.openat?.(host, path, how)),
      getdents64: (() => {
        const pieces = [1, 0];
        return (host, _, at = 0, max = 0) => {
          if (pieces.shift() !== 1) return 0;
          const entry = Buffer.alloc(24);
          entry.writeUInt16LE(24, 16);
          entry.write("51", 19);
          return entry.copy(host.bytes(at, max));
        };
      })(),
      close: (host, fd = 0) => (fd === 90 ? 0 : all.close?.(host, fd)),
      pidfd_send_signal: (host, fd = 0, ...args) => {
        descriptors.push(fd);
        return all.pidfd_send_signal?.(host, fd, ...args);
      },
    }),
  });
  assert.deepEqual(
    [descriptors, tree.sent],
    [
      [0],
      [
        ["kill", PROGRAM, SIGTERM],
        ["pidfd", 51, SIGTERM],
      ],
    ],
  );
});

promise(
  "who did not end in time is named before it is killed, and who may not be signalled is told apart",
  (core) => {
    const tree = new Tree(
      [
        { pid: 1, parent: 0, name: "sh" },
        { pid: INIT, parent: 1, name: "steady" },
        { pid: 50, parent: INIT, name: "sleep" },
        { pid: 51, parent: 50, name: "a) b\t(c", refuses: EPERM },
        { pid: 52, parent: 50, name: "" },
        { pid: 55, parent: 50, name: "a" },
        { pid: 53, parent: 50 },
        { pid: 54, parent: INIT, name: "fifteen letters", refuses: ESRCH },
        { pid: 60, parent: 1, name: "nobody" },
      ],
      OTHERS,
    );
    const checks: number[] = [];
    const seen = drain(core, tree, {
      kernel: (all) => ({
        ...all,
        kill: (host, pid = 0, signal = 0) => {
          assert.equal(signal, 0);
          assert.ok(tree.sent.every(([, , sent]) => sent !== SIGKILL));
          checks.push(pid);
          return all.kill?.(host, pid, signal);
        },
      }),
    });
    assert.deepEqual(checks, [50, 51, 52, 55, 53, 54]);
    const [first, ...lines] = seen.errors.split(/(?<=\n)/);
    assert.ok(first?.includes("was started again"), first);
    assert.deepEqual(lines, [
      left(MESSAGES.Straggler, 50, "sleep"),
      left(MESSAGES.StragglerRefused, 51, "a) b?(c"),
      left(MESSAGES.Straggler, 52, ""),
      left(MESSAGES.Straggler, 55, "a"),
      left(MESSAGES.Straggler, 53, ""),
      left(MESSAGES.Straggler, 54, "fifteen letters"),
      said(MESSAGES.Unkillable),
    ]);
  },
);

promise("sixteen are named, of more it is said how many, and killed are all", (core) => {
  for (const count of [16, 17, 18]) {
    const pids = Array.from({ length: count }, (_, index) => 100 + index);
    const tree = new Tree([
      { pid: 50, parent: 1, name: "other" },
      ...pids.map((pid) => ({ pid, parent: INIT, name: "worker" })),
    ]);
    const seen = drain(core, tree);
    const named = pids.slice(0, 16).map((pid) => left(MESSAGES.Straggler, pid, "worker"));
    const more = count > 16 ? said(MESSAGES.StragglersMore.replace("%d", `${count - 16}`)) : "";
    assert.ok(seen.errors.endsWith(`\n${named.join("")}${more}${said(MESSAGES.Unkillable)}`), seen.errors);
    assert.deepEqual(tree.sent, each(ROUNDS, pids));
  }
});

promise("where /proc cannot be read, it is said why, and the rest of the end takes its course", (core) => {
  for (const errno of [EPERM, ENOENT, EACCES, EMFILE]) {
    const tree = new Tree([{ pid: 50, parent: INIT }]);
    const seen = drain(core, tree, {
      kernel: (all) => ({ ...all, openat: () => -errno, getdents64: () => assert.fail("of nothing") }),
    });
    // For each of two signals, for the names, and for three kills.
    const line = said(MESSAGES.NoProc.replace("%e", ERRORS[errno] ?? ""));
    assert.ok(seen.errors.endsWith(`\n${line.repeat(6)}${said(MESSAGES.Unkillable)}`), seen.errors);
    assert.deepEqual([seen.status, tree.sent], [0, []]);
  }
});

promise("a listing that fails half-way is where it ends, and is closed", (core) => {
  for (const errno of [ENOENT, EPERM]) {
    const tree = new Tree([
      { pid: 50, parent: INIT },
      { pid: 51, parent: INIT },
    ]);
    let pieces = 0;
    drain(core, tree, {
      kernel: (all) => ({
        ...all,
        getdents64: (host, ...args) => (pieces++ % 2 === 0 ? all.getdents64?.(host, ...args) : -errno),
      }),
    });
    assert.deepEqual(tree.sent, each(ROUNDS, [50]));
  }
});

const FAMILY: Process[] = [
  { pid: 1, parent: 0, group: 1 },
  { pid: INIT, parent: 1, group: INIT },
  { pid: PROGRAM, parent: INIT, group: PROGRAM },
  { pid: 43, parent: PROGRAM, group: PROGRAM },
  { pid: 50, parent: INIT, group: PROGRAM },
  { pid: 51, parent: INIT, group: 51 },
  { pid: 52, parent: 51, group: 51 },
  { pid: 53, parent: INIT, group: INIT },
];

promise(
  "--kill-orphans sends each signal to those too whom the init adopted; with -g not to those whom the group had",
  (core) => {
    for (const [more, program, orphans] of [
      [[], PROGRAM, [50, 51, 53]],
      [["-g"], -PROGRAM, [51, 53]],
    ] as const) {
      const tree = new Tree(FAMILY, OTHERS);
      const events = [{ signal: SIGTERM }, { signal: 1 }, ...END];
      live(core, tree, { args: ["--kill-orphans", ...more], events, survivors: { mayKill: true } });
      assert.deepEqual(
        tree.sent,
        [SIGTERM, 1].flatMap((signal): Sent[] => [["kill", program, signal], ...each([signal], orphans)]),
      );
      const alone = new Tree(FAMILY, OTHERS);
      live(core, alone, { args: more, events, survivors: { mayKill: true } });
      assert.deepEqual(alone.sent, [
        ["kill", program, SIGTERM],
        ["kill", program, 1],
      ]);
      assert.deepEqual(alone.asked, []);
    }
  },
);

promise("what a signal carries goes to the orphans with it, and nothing else does", (core) => {
  for (const [event, value] of [
    [{ signal: 40, code: QUEUED, value: 77n }, [77n]],
    [{ signal: 40, code: 0, value: 77n }, []],
    [{ signal: SIGTERM, code: -6, value: 77n }, []],
  ] as const) {
    const tree = new Tree(FAMILY);
    live(core, tree, { args: ["--kill-orphans"], events: [event, ...END] });
    const orphans = tree.sent.filter(([, pid]) => pid !== PROGRAM);
    assert.deepEqual(
      orphans,
      [50, 51, 53].map((pid): Sent => ["pidfd", pid, event.signal, ...value]),
    );
  }
});
