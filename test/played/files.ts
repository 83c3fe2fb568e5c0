// What the init reads from /proc and the cgroup files, played on the core itself against plain models.

import assert from "node:assert/strict";
import fc from "fast-check";
import { ERRORS } from "../../texts/linux.ts";
import { MESSAGES } from "../../texts/messages.ts";
import { PROGRAM, play, type Seen } from "../lib/plain.ts";
import { into, type Played } from "./promises.ts";

export const FILES: Played[] = [];
const promise = into(FILES);

const [EPERM, EAGAIN, ENOMEM] = [1, 11, 12];
const CAP_SYS_ADMIN = 1n << 21n;
const CAP_SYS_RESOURCE = 1n << 24n;

const line = (text: string, name = "steady"): string => `[FATAL ${name} (1)] ${text}\n`;

/** A group, the limit and the number of processes in each part of its path, the root's first. */
interface Group {
  readonly v1: boolean;
  readonly parts: readonly string[];
  readonly limits: readonly (readonly [max: string, current: string] | null)[];
}

function filesOf({ v1, parts, limits }: Group): Record<string, string> {
  const path = parts.map((part) => `/${part}`).join("") || "/";
  const files: Record<string, string> = {
    "/proc/self/cgroup": v1 ? `12:cpu,cpuacct:/x\n7:pids:${path}\n1:name=systemd:/y\n` : `0::${path}\n`,
  };
  for (const [depth, limit] of limits.entries()) {
    const folder = `/sys/fs/cgroup${v1 ? "/pids" : ""}${parts
      .slice(0, depth)
      .map((part) => `/${part}`)
      .join("")}`;
    if (limit === null) continue;
    files[`${folder}/pids.max`] = `${limit[0]}\n`;
    files[`${folder}/pids.current`] = `${limit[1]}\n`;
  }
  return files;
}

/** The nearest limit that is met, from the group itself upwards. */
function expectedLimit({ limits }: Group): string | undefined {
  return limits
    .toReversed()
    .find((limit) => limit !== null && /^\d+$/.test(limit[0]) && Number(limit[1]) >= Number(limit[0]))?.[0];
}

const amount = fc.integer({ min: 0, max: 120 }).map(String);
const group: fc.Arbitrary<Group> = fc
  .record({
    v1: fc.boolean(),
    parts: fc.array(fc.constantFrom("a", "docker", "b.slice", "0"), { maxLength: 4 }),
  })
  .chain(({ v1, parts }) =>
    fc
      .array(fc.oneof(fc.constant(null), fc.tuple(fc.oneof(amount, fc.constant("max")), amount)), {
        minLength: parts.length + 1,
        maxLength: parts.length + 1,
      })
      .map((limits) => ({ v1, parts, limits })),
  );

const eagain = ERRORS[EAGAIN] ?? "";

promise(
  "where no process can be had, the line names the nearest pids cgroup whose limit is met",
  (core, effort) => {
    const property = fc.property(group, (the) => {
      const limit = expectedLimit(the);
      const seen = play(core, {
        args: ["steady", "/x"],
        files: filesOf(the),
        kernel: { clone: () => -EAGAIN, getrlimit_nproc: () => -1n },
      });
      const text =
        limit === undefined
          ? MESSAGES.LimitKernel.replace("%e", eagain)
          : MESSAGES.LimitCgroup.replace("%e", eagain).replace("%d", limit);
      assert.deepEqual([seen.status, seen.errors], [125, line(text)], JSON.stringify(the));
      const files = (call: string): number =>
        seen.calls.filter(([name, fd = 0]) => name === call && fd >= 100).length;
      assert.equal(files("close"), files("read"), "every file is closed");
      assert.ok(files("read") > 0);
    });
    fc.assert(property, { numRuns: 500 * effort });
  },
);

promise(
  "a path of a cgroup that is too long, a line without end and a file without lines are no trap",
  (core) => {
    for (const content of [
      `0::/${"x".repeat(1100)}\n`,
      "0::/a",
      "",
      "0::\n",
      "::\n",
      "\n",
      `0::/${"y/".repeat(990)}\n`,
    ]) {
      const files = { "/proc/self/cgroup": content };
      const kernel = { clone: () => -EAGAIN, getrlimit_nproc: () => -1n };
      const seen = play(core, { args: ["steady", "/x"], files, kernel });
      assert.deepEqual(
        [seen.status, seen.errors],
        [125, line(MESSAGES.LimitKernel.replace("%e", eagain))],
        content,
      );
    }
  },
);

promise("of the cgroup files only those of our own groups are asked", (core) => {
  const folder = "/sys/fs/cgroup";
  const met = (path: string): Record<string, string> => ({
    [`${folder}${path}/pids.max`]: "3\n",
    [`${folder}${path}/pids.current`]: "4\n",
  });
  for (const [cgroup, files] of [
    ["12:cpu,cpuacct:/x\n1:name=systemd:/y\n", met("")],
    ["0::/ab/cd\n", { ...met("/a"), ...met("/ab/c"), ...met("/ab/cd/e"), ...met("/abcd") }],
    ["7:pids:/ab\n", { ...met(""), ...met("/ab"), ...met("/pids/a") }],
  ] as const) {
    const kernel = { clone: () => -EAGAIN, getrlimit_nproc: () => -1n };
    const the = { ...files, "/proc/self/cgroup": cgroup };
    const { errors } = play(core, { args: ["steady", "/x"], files: the, kernel });
    assert.equal(errors, line(MESSAGES.LimitKernel.replace("%e", eagain)), cgroup);
  }
});

promise("for a line of another cgroup no file is opened", (core) => {
  const kernel = { clone: () => -EAGAIN, getrlimit_nproc: () => -1n };
  const files = { "/proc/self/cgroup": "12:cpu,cpuacct:/x\n1:name=systemd:/y\n4:pid:/z\n" };
  const { calls } = play(core, { args: ["steady", "/x"], files, kernel });
  // The one before it is that of /dev/termination-log.
  assert.equal(calls.filter(([name]) => name === "openat").length, 2);
});

promise("a number ends with its file, whatever a longer one has left behind", (core) => {
  const folder = "/sys/fs/cgroup/a";
  for (const [current, isMet] of [
    ["3", false],
    ["35", true],
  ] as const) {
    const files = {
      "/proc/self/cgroup": "0::/a\n",
      [`${folder}/pids.max`]: "35\n",
      [`${folder}/pids.current`]: current,
    };
    const kernel = { clone: () => -EAGAIN, getrlimit_nproc: () => -1n };
    const { errors } = play(core, { args: ["steady", "/x"], files, kernel });
    assert.equal(errors.includes("the pids cgroup allows 35 processes"), isMet, errors);
  }
});

promise("the path of a limit may have 1,023 bytes", (core) => {
  const [before, after] = ["/sys/fs/cgroup/", "/pids.current"];
  for (const [length, isSeen] of [
    [1022, true],
    [1023, true],
    [1024, false],
    [1030, false],
  ] as const) {
    const name = "g".repeat(length - before.length - after.length);
    const files = filesOf({ v1: false, parts: [name], limits: [null, ["3", "3"]] });
    const kernel = { clone: () => -EAGAIN, getrlimit_nproc: () => -1n };
    const { errors } = play(core, { args: ["steady", "/x"], files, kernel });
    const seen = MESSAGES.LimitCgroup.replace("%e", eagain).replace("%d", "3");
    assert.equal(errors, line(isSeen ? seen : MESSAGES.LimitKernel.replace("%e", eagain)), `${length}`);
  }
});

promise(
  "the user's limit is named where it holds for us, and any other failure is named as it is",
  (core) => {
    const start = (errno: number, nproc: bigint, capabilities: bigint, name = "steady"): Seen =>
      play(core, {
        args: [name, "/x"],
        kernel: { clone: () => -errno, getrlimit_nproc: () => nproc, capget: () => capabilities },
      });
    const user = MESSAGES.LimitUser.replace("%e", eagain);
    for (const nproc of [0n, 1n, 77n, 2147483646n, 2147483647n, 2147483648n, 1n << 60n]) {
      const shown = nproc > 2147483647n ? 2147483647n : nproc;
      for (const none of [0n, ~(CAP_SYS_ADMIN | CAP_SYS_RESOURCE) & 0xffffffffn]) {
        const { status, errors } = start(EAGAIN, nproc, none);
        assert.deepEqual([status, errors], [125, line(user.replace("%d", `${shown}`))]);
      }
      for (const above of [CAP_SYS_ADMIN, CAP_SYS_RESOURCE])
        assert.equal(start(EAGAIN, nproc, above).errors, line(MESSAGES.LimitKernel.replace("%e", eagain)));
    }
    assert.equal(start(EAGAIN, -1n, 0n).errors, line(MESSAGES.LimitKernel.replace("%e", eagain)));
    for (const [number, text] of [
      [ENOMEM, "Cannot allocate memory"],
      [EPERM, "Operation not permitted"],
    ] as const) {
      assert.equal(start(number, 5n, 0n).errors, line(MESSAGES.ForkFailed.replace("%e", text)));
      const files = filesOf({ v1: false, parts: ["a"], limits: [null, ["3", "3"]] });
      const met = play(core, { args: ["steady", "/x"], files, kernel: { clone: () => -number } });
      assert.equal(met.errors, line(MESSAGES.ForkFailed.replace("%e", text)));
      const tini = start(number, 5n, 0n, "tini");
      assert.deepEqual(
        [tini.status, tini.errors],
        [1, line(MESSAGES.ForkFailed.replace("%e", text), "tini")],
      );
    }
  },
);

promise("an init above that reaps is known by its name, and then nothing is warned of", (core) => {
  const warned = (comm: string | undefined, parent: number): boolean => {
    const files = comm === undefined ? {} : { [`/proc/${parent}/comm`]: comm };
    const { errors } = play(core, {
      args: ["tini", "/x"],
      pid: 77,
      files,
      kernel: { getppid: () => parent },
    });
    return errors.includes("Tini is not running as PID 1");
  };
  for (const parent of [1, 9, 10, 99, 100, 4194304]) {
    for (const name of [
      "steady",
      "tini",
      "tini-static",
      "docker-init",
      "dumb-init",
      "catatonit",
      "podman-init",
    ])
      assert.equal(warned(`${name}\n`, parent), false, `${name} ${parent}`);
    for (const other of [
      "TRACE\n",
      `${MESSAGES.VersionSteady}\n`,
      "sh\n",
      "tinix\n",
      "tin\n",
      "xtini\n",
      "tini",
      "",
      "\n",
      "steady2\n",
      undefined,
    ])
      assert.equal(warned(other, parent), true, `${other} ${parent}`);
  }
});

/** The calls about a signal that the program's user alone may send. */
function sending(seen: Seen): (readonly [string, ...number[]])[] {
  const names = [
    "kill",
    "seteuid",
    "get_dumpable",
    "set_dumpable",
    "set_pdeathsig",
    "pidfd_send_signal",
    "geteuid",
  ];
  return seen.calls.filter(
    ([name, , signal]) => names.includes(name) && !(name === "pidfd_send_signal" && signal === 0),
  );
}

promise(
  "a refused signal is sent with the program's real uid, and everything that this changes is put back",
  (core) => {
    for (const real of [0, 1, 1000, 65534, 2147483647]) {
      for (const dumpable of [0, 1, 2]) {
        for (const parentDeath of [[], ["-p", "HUP"]]) {
          let uid = 7;
          const seen = play(core, {
            args: ["steady", ...parentDeath, "/x"],
            records: false,
            files: {
              [`/proc/${PROGRAM}/status`]: `Name:\tx\nUmask:\t0022\nPid:\t42\nUid:\t${real}\t5\t6\t7\nGid:\t9\n`,
            },
            kernel: {
              geteuid: () => 7,
              kill: () => (uid === real ? 0 : -EPERM),
              seteuid: (_, to = 0) => {
                uid = to;
                return 0;
              },
              get_dumpable: () => dumpable,
              set_dumpable: () => 0,
            },
          });
          const expected: [string, ...number[]][] = [
            ...(parentDeath.length > 0 ? [["set_pdeathsig", 1] as [string, number]] : []),
            ["kill", PROGRAM, 15],
            ["geteuid"],
            ["get_dumpable"],
            ["seteuid", real],
            ["kill", PROGRAM, 15],
            ["seteuid", 7],
            ...(dumpable === 1 ? [["set_dumpable", 1] as [string, number]] : []),
            ...(parentDeath.length > 0 ? [["set_pdeathsig", 1] as [string, number]] : []),
          ];
          assert.deepEqual(sending(seen), expected, `${real} ${dumpable} ${parentDeath}`);
          assert.equal(seen.errors, "");
        }
      }
    }
  },
);

promise("where the program's uid is ours, unknown or cannot be taken, the refusal is said once", (core) => {
  const status = (uid: string) => ({ [`/proc/${PROGRAM}/status`]: `Name:\tx\nUid:\t${uid}` });
  const cases: [files: Record<string, string>, seteuid: number, tries: string[]][] = [
    [status("7\t7\n"), 0, ["kill", "geteuid"]],
    [{}, 0, ["kill", "geteuid", "get_dumpable"]],
    [status("x"), 0, ["kill", "geteuid", "get_dumpable"]],
    [status(":5\n"), 0, ["kill", "geteuid", "get_dumpable"]],
    [status("/5\n"), 0, ["kill", "geteuid", "get_dumpable"]],
    [{ [`/proc/${PROGRAM}/status`]: "Uid:\t1000\n" }, 0, ["kill", "geteuid", "get_dumpable"]],
    [status("1000\t0\n"), -EPERM, ["kill", "geteuid", "get_dumpable", "seteuid"]],
  ];
  for (const [files, seteuid, tries] of cases) {
    const kernel = { geteuid: () => 7, kill: () => -EPERM, seteuid: () => seteuid, get_dumpable: () => 1 };
    const seen = play(core, { args: ["steady", "/x"], records: false, files, kernel });
    assert.deepEqual(
      sending(seen).map(([name]) => name),
      tries,
    );
    assert.match(seen.errors, /^\[WARN {2}steady \(1\)\] .*'?Terminated'?.*\n$/);
  }
});
