// What the init asks of the kernel to start the program, and the child before its exec, played on the core itself: what
// is arranged, in which order, and what becomes of each refusal.

import assert from "node:assert/strict";
import { CALLS, ERRORS } from "../../texts/linux.ts";
import { MESSAGES } from "../../texts/messages.ts";
import { Exited, type Kernel } from "../lib/host.ts";
import { type Life, PROGRAM, play, type Seen } from "../lib/plain.ts";
import { PLACES } from "../lib/scene.ts";
import { entriesOf } from "../lib/tree.ts";
import { into, type Played } from "./promises.ts";

export const STARTS: Played[] = [];
const promise = into(STARTS);

type Calls = readonly (readonly [string, ...number[]])[];
const [EPERM, ENOENT, ENXIO, ECHILD, EAGAIN, ENOMEM, EACCES, EINVAL, EMFILE, ENOTTY, ENOSYS] = [
  1, 2, 6, 10, 11, 12, 13, 22, 24, 25, 38,
];
const ENAMETOOLONG = 36;
const [SIGKILL, SIGCHLD] = [9, 17];
const SIGNALFD = 11;
const EXEC_READ = 3;
const EXEC_WRITE = 4;

const only = (calls: Calls, ...names: string[]): Calls => calls.filter(([name]) => names.includes(name));
const said = (name: "steady" | "tini", level: string, text: string, pid = 1): string =>
  `[${level.padEnd(5)} ${name} (${pid})] ${text}\n`;
const error = (text: string, errno: number): string => text.replace("%e", ERRORS[errno] ?? "");

promise("the child leads its own group, gets its mask back last, and executes", (core) => {
  const seen = play(core, { args: ["steady", "/x"], kernel: { rt_sigaction: () => 0 } });
  const calls = only(
    seen.childCalls,
    "setpgid",
    "tcsetpgrp",
    "set_pdeathsig",
    "rt_sigaction",
    "rt_sigprocmask",
    "execve",
    "exit",
  );
  assert.deepEqual(
    calls.map(([name]) => name),
    ["setpgid", "rt_sigprocmask", "execve"],
  );
  assert.deepEqual(
    [calls[0], calls[1]],
    [
      ["setpgid", 0, 0],
      ["rt_sigprocmask", 0],
    ],
  );
  assert.deepEqual(only(seen.calls, "setpgid"), [["setpgid", PROGRAM, PROGRAM]]);
});

promise("a child that cannot lead a group says so and ends, and its status is the container's", (core) => {
  for (const [name, status] of [
    ["steady", 125],
    ["tini", 1],
  ] as const) {
    for (const errno of [EPERM, EACCES]) {
      const seen = play(core, {
        args: [name, "-e125", "-e1", "/x"],
        end: status * 256,
        childKernel: { setpgid: () => -errno },
      });
      assert.deepEqual([seen.status, seen.childStatus], [status, status]);
      assert.deepEqual(seen.executed, []);
      const text = error(MESSAGES.SetpgidFailed, errno);
      assert.equal(seen.childErrors, said(name, "FATAL", text, PROGRAM));
      const told = only(seen.childCalls, "write").filter(([, fd]) => fd === EXEC_WRITE);
      assert.equal(told.length, 1);
      assert.deepEqual(only(seen.childCalls, "setpgid"), [["setpgid", 0, 0]]);
    }
  }
});

promise(
  "the foreground goes to the program where it is ours, and a refusal is no reason not to start",
  (core) => {
    const taken = play(core, { args: ["steady", "/x"], terminal: true });
    assert.deepEqual(only(taken.childCalls, "tcsetpgrp"), [["tcsetpgrp", 0, PROGRAM]]);
    const none = play(core, { args: ["steady", "/x"] });
    assert.deepEqual(only(none.childCalls, "tcsetpgrp"), []);
    const theirs = play(core, { args: ["steady", "/x"], terminal: true, kernel: { tcgetpgrp: () => 6 } });
    assert.deepEqual(only(theirs.childCalls, "tcsetpgrp"), []);
    const refused = play(core, {
      args: ["steady", "/x"],
      terminal: true,
      childKernel: { tcsetpgrp: () => -EPERM },
    });
    assert.equal(refused.executed.length, 1);
    const warning = said("steady", "WARN", error(MESSAGES.TcsetpgrpFailed, EPERM), PROGRAM);
    assert.deepEqual([refused.childErrors, taken.childErrors], [warning, ""]);
  },
);

promise(
  "as PID 1 of a namespace that hides the groups, a read of nothing tells whose the terminal is",
  (core) => {
    for (const [foreground, group, answer, isOurs] of [
      [0, 0, 0, true],
      [0, 0, -5, false],
      [0, 5, 0, false],
      [7, 0, 0, false],
      [7, 7, -5, true],
      [1, 1, -5, true],
    ] as const) {
      const reads: number[][] = [];
      const kernel = (plain: Kernel): Kernel => ({
        tcgetpgrp: () => foreground,
        getpgid: () => group,
        read: (host, fd = 0, at = 0, max = 0) => {
          if (fd !== 0) return plain.read?.(host, fd, at, max);
          reads.push([fd, max]);
          return answer;
        },
      });
      const seen = play(core, { args: ["steady", "/x"], kernel });
      assert.equal(
        only(seen.childCalls, "tcsetpgrp").length,
        isOurs ? 1 : 0,
        `${foreground} ${group} ${answer}`,
      );
      assert.deepEqual(reads, foreground === 0 && group === 0 ? [[0, 0]] : []);
    }
  },
);

promise("where there is no terminal this is said to who wants to know", (core) => {
  for (const [errno, text] of [
    [ENOTTY, MESSAGES.NoTerminal],
    [ENXIO, MESSAGES.NoTerminalDevice],
    [EPERM, undefined],
  ] as const) {
    const { output } = play(core, {
      args: ["tini", "-s", "-vvv", "/x"],
      kernel: { tcgetpgrp: () => -errno },
    });
    for (const each of [MESSAGES.NoTerminal, MESSAGES.NoTerminalDevice])
      assert.equal(output.includes(said("tini", "DEBUG", each)), each === text);
  }
});

promise("-p KILL is the program's too, and a child whose init is gone already ends by it", (core) => {
  const alive = play(core, { args: ["steady", "-p", "KILL", "/x"], pid: 5 });
  assert.deepEqual(only(alive.childCalls, "set_pdeathsig"), [["set_pdeathsig", SIGKILL]]);
  assert.equal(alive.executed.length, 1);
  const orphaned = play(core, {
    args: ["steady", "-p", "KILL", "/x"],
    pid: 5,
    childKernel: { getppid: () => 1 },
  });
  assert.deepEqual([orphaned.executed, orphaned.childStatus], [[], 128 + SIGKILL]);
  const other = play(core, { args: ["steady", "-p", "TERM", "/x"], pid: 5 });
  assert.deepEqual(only(other.childCalls, "set_pdeathsig"), []);
});

promise(
  "the parent-death signal is asked for, its refusal ends the init, and a parent that is gone is told of",
  (core) => {
    for (const errno of [EPERM, EINVAL]) {
      const kernel: Kernel = { set_pdeathsig: () => -errno };
      const refused = play(core, { args: ["steady", "-p", "TERM", "/x"], kernel });
      assert.deepEqual(
        [refused.status, refused.errors],
        [1, said("steady", "FATAL", MESSAGES.ParentDeathFailed)],
      );
      assert.deepEqual(only(refused.calls, "clone"), []);
    }
    let asked = 0;
    const kernel: Kernel = { getppid: () => (asked++ === 0 ? 9 : 1) };
    const gone = play(core, { args: ["steady", "-p", "HUP", "/x"], records: false, kernel });
    const sent = (seen: Seen): number[] => only(seen.calls, "kill").map(([, , signal = 0]) => signal);
    assert.ok(sent(gone).includes(1));
    const there = play(core, {
      args: ["steady", "-p", "HUP", "/x"],
      records: false,
      kernel: { getppid: () => 9 },
    });
    assert.ok(!sent(there).includes(1));
  },
);

promise("who becomes a subreaper, whose refusal ends the init, and who is warned", (core) => {
  const answers = [
    [0, undefined],
    [-EINVAL, MESSAGES.SubreaperUnavailable],
    [-EPERM, error(MESSAGES.SubreaperFailed, EPERM)],
  ] as const;
  for (const [answer, text] of answers) {
    for (const [name, warning] of [
      ["steady", MESSAGES.NotPid1Steady],
      ["tini", MESSAGES.NotPid1Tini],
    ] as const) {
      for (const pid of [1, 5]) {
        const kernel: Kernel = { set_child_subreaper: () => answer };
        const asked = play(core, { args: [name, "-s", "/x"], pid, kernel });
        assert.equal(asked.status, text === undefined ? 0 : 1);
        assert.equal(asked.errors.includes("FATAL"), text !== undefined);
        if (text !== undefined) assert.equal(asked.errors, said(name, "FATAL", text, pid));
        const itself = play(core, { args: [name, "/x"], pid, kernel });
        const tries = pid !== 1 && name === "steady";
        assert.equal(only(itself.calls, "set_child_subreaper").length, tries ? 1 : 0);
        const isWarned = pid !== 1 && !(tries && answer === 0);
        assert.equal(
          itself.errors.includes(said(name, "WARN", warning, pid)),
          isWarned,
          `${name} ${pid} ${answer}`,
        );
        const already = play(core, {
          args: [name, "/x"],
          pid,
          kernel: { ...kernel, get_child_subreaper: () => 1 },
        });
        assert.equal(already.errors.includes(said(name, "WARN", warning, pid)), false);
        assert.equal(itself.status, 0);
      }
    }
  }
});

promise("an init that registers as subreaper tells who wants to know", (core) => {
  const { output } = play(core, { args: ["tini", "-svvv", "/x"] });
  assert.ok(output.includes(said("tini", "TRACE", MESSAGES.SubreaperRegistered)));
});

promise(
  "--reap kernel is refused with the reason where the kernel cannot, before anything is started",
  (core) => {
    const mask =
      (bits: bigint, answer: number): Kernel["pidfd_get_info"] =>
      (host, _fd, at = 0) => {
        host.bytes(at, 8).writeBigUInt64LE(bits);
        return answer;
      };
    const cases: [kernel: Kernel, reason: string | undefined][] = [
      [{}, undefined],
      [{ pidfd_open: () => -ENOSYS }, MESSAGES.NoPidfdSignals],
      [{ pidfd_open: () => -EPERM }, MESSAGES.NoPidfdSignals],
      [{ pidfd_get_info: () => -ENOTTY }, MESSAGES.NoExitRecords],
      [{ pidfd_get_info: mask(7n, 0) }, MESSAGES.NoExitRecords],
      [{ pidfd_get_info: mask(16n, 0) }, undefined],
      [{ pidfd_get_info: mask(32n, 0) }, undefined],
      [{ pidfd_get_info: mask(48n, -ENOTTY) }, MESSAGES.NoExitRecords],
      [{ pidfd_send_signal: () => -EPERM }, MESSAGES.NoPidfdSignals],
      [{ pidfd_send_signal: () => -ENOSYS }, MESSAGES.NoPidfdSignals],
    ];
    for (const [kernel, reason] of cases) {
      const refused = (plain: Kernel): Kernel => ({ ...plain, ...kernel, clone: () => -ENOMEM });
      const seen = play(core, { args: ["steady", "--reap", "kernel", "/x"], kernel: refused });
      const text =
        reason === undefined
          ? error(MESSAGES.ForkFailed, ENOMEM)
          : MESSAGES.KernelCannotReap.replace("%t", reason);
      assert.deepEqual([seen.status, seen.errors], [125, said("steady", "FATAL", text)]);
      assert.deepEqual(only(seen.calls, "clone").length > 0, reason === undefined);
      const ofItself = only(seen.calls, "pidfd_open").map(([, pid]) => pid);
      assert.deepEqual(ofItself, kernel.pidfd_open === undefined ? [1] : ofItself);
      for (const [, , , , group] of only(seen.calls, "pidfd_send_signal")) assert.equal(group, 0);
      assert.equal(
        only(seen.calls, "close").some(([, fd = 0]) => fd < 0),
        false,
      );
      const opened = kernel.pidfd_open === undefined;
      assert.deepEqual(
        only(seen.calls, "close").filter(([, fd]) => fd === 12),
        opened ? [["close", 12]] : [],
      );
    }
  },
);

promise("SIGCHLD that was inherited as ignored is the program's again", (core) => {
  for (const [before, isIgnored] of [
    [0, false],
    [1, true],
    [2, false],
    [-EINVAL, false],
  ] as const) {
    const seen = play(core, { args: ["steady", "/x"], kernel: { rt_sigaction: () => before } });
    assert.deepEqual(only(seen.childCalls, "rt_sigaction"), isIgnored ? [["rt_sigaction", SIGCHLD, 1]] : []);
    assert.deepEqual(only(seen.calls, "rt_sigaction")[0], ["rt_sigaction", SIGCHLD, 0]);
  }
});

promise(
  "where the kernel gives no pidfd with the clone, it is cloned without; where there is no room, not again",
  (core) => {
    for (const errno of [EPERM, EINVAL, EMFILE, ENOSYS]) {
      const kernel = (plain: Kernel): Kernel => ({
        clone: (host, pidfd = 0) => (pidfd !== 0 ? -errno : plain.clone?.(host, 0)),
      });
      const seen = play(core, { args: ["steady", "/x"], kernel });
      const tries = only(seen.calls, "clone");
      assert.equal(tries.length, 2);
      assert.deepEqual([tries[0]?.[1] !== 0, tries[1]?.[1]], [true, 0]);
      assert.equal(only(seen.calls, "kill").length > 0, true, "it is signalled by its pid");
    }
    for (const errno of [EAGAIN, ENOMEM]) {
      const seen = play(core, { args: ["steady", "/x"], kernel: { clone: () => -errno } });
      assert.equal(only(seen.calls, "clone").length, 1);
    }
  },
);

/** A kernel whose pipe for the exec's failure has these two ends. */
const pipes = (read: number, write: number, moved: (fd: number) => number): Kernel => ({
  pipe2: (host, at = 0) => {
    host.writeI32(at, read);
    host.writeI32(at + 4, write);
    return 0;
  },
  fcntl_dupfd: (_, fd = 0) => moved(fd),
});

promise("no descriptor of the init's own takes the place of a closed 0, 1 or 2", (core) => {
  for (const [read, write] of [
    [0, 1],
    [1, 2],
    [2, 3],
    [0, 7],
    [3, 4],
  ] as const) {
    const seen = play(core, { args: ["steady", "/x"], kernel: pipes(read, write, (fd) => fd + 50), end: 0 });
    const low = [read, write].filter((fd) => fd < 3);
    assert.deepEqual(
      only(seen.calls, "fcntl_dupfd"),
      low.map((fd) => ["fcntl_dupfd", fd, 3]),
    );
    for (const fd of low) assert.ok(only(seen.calls, "close").some((call) => call[1] === fd));
    const kept = low.length > 0 && read < 3 ? read + 50 : read;
    assert.ok(
      only(seen.calls, "read").some((call) => call[1] === kept),
      "it reads what the child told",
    );
  }
  const none = play(core, { args: ["steady", "/x"], kernel: pipes(0, 1, () => -EMFILE) });
  assert.deepEqual([none.status, none.executed.length], [0, 1]);
  for (const fd of [0, 1, 2]) {
    const end = (): never => {
      throw new Exited(0);
    };
    const kernel: Kernel = { signalfd4: () => fd, fcntl_dupfd: () => -EMFILE, rt_sigtimedwait: end };
    const signalfd = play(core, { args: ["steady", "/x"], kernel });
    assert.ok(only(signalfd.calls, "close").some((call) => call[1] === fd));
  }
});

promise("nothing is asked about a descriptor that is not there", (core) => {
  const nothing: NonNullable<Life["kernel"]>[] = [
    { pipe2: () => -EMFILE },
    { signalfd4: () => SIGNALFD, pidfd_open: () => -ENOSYS, pidfd_get_info: () => -ENOTTY },
    (plain) => ({ clone: (host) => plain.clone?.(host, 0) }),
    { clone: () => -EAGAIN, openat: () => -EPERM },
    { clone: () => -EAGAIN, openat: () => -ENOENT },
  ];
  for (const kernel of nothing) {
    const seen = play(core, { args: ["steady", "/x"], kernel, records: false, execErrno: ENOENT });
    const about = only(
      [...seen.calls, ...seen.childCalls],
      "close",
      "fcntl_dupfd",
      "read",
      "write",
      "signalfd4",
    );
    assert.deepEqual(
      about.filter(([name, fd = 0]) => fd < 0 && name !== "signalfd4"),
      [],
    );
  }
});

promise("without a pipe the program starts all the same", (core) => {
  for (const errno of [EPERM, EMFILE]) {
    const life = { args: ["steady", "/x"], kernel: { pipe2: () => -errno }, end: 5 * 256 };
    const seen = play(core, life);
    assert.deepEqual(
      [seen.status, seen.executed.length, only(seen.calls, "read").every(([, fd]) => fd === SIGNALFD)],
      [5, 1, true],
    );
    assert.equal(
      only(seen.calls, "close").some(([, fd = 0]) => fd < 3),
      false,
      "nobody's is closed",
    );
    const failed = play(core, { ...life, execErrno: ENOENT });
    const written = only(failed.childCalls, "write").map(([, fd]) => fd);
    assert.deepEqual(written, [2], "the sentence, and no word to anybody");
  }
});

promise(
  "a failed exec is said by the child, told to the init, and with the signals blocked again",
  (core) => {
    for (const [errno, status] of [
      [ENOENT, 127],
      [EACCES, 126],
      [ENOMEM, 125],
    ] as const) {
      const seen: Seen = play(core, { args: ["steady", "/x"], execErrno: errno, end: status * 256 });
      const calls = only(seen.childCalls, "rt_sigprocmask", "execve", "write", "exit").map(([name]) => name);
      assert.deepEqual(
        calls.filter((name) => name !== "write"),
        ["rt_sigprocmask", "execve", "rt_sigprocmask"],
      );
      const masks = only(seen.childCalls, "rt_sigprocmask").map(([, mask]) => mask);
      assert.deepEqual(masks, [0, -1], "all of them");
      assert.equal(seen.childStatus, status);
      assert.equal(calls.at(-1), "write");
      assert.equal(seen.status, status);
    }
  },
);

const FOLDER = 100;

/** What was closed before the signalfd was made, which is after the inherited descriptors are closed. */
function closedAtStart({ calls }: Seen): number[] {
  const from = calls.findIndex(([name]) => name === "close_range");
  const until = calls.findIndex(([name]) => name === "signalfd4");
  return only(calls.slice(from, until), "close").map(([, fd = -1]) => fd);
}

promise("inherited descriptors are closed in ranges, all but the init's own", (core) => {
  for (const pidfd of [4, 5, 10, 1000]) {
    const kernel = (plain: Kernel): Kernel => ({
      clone: (host, at = 0) => {
        const pid = plain.clone?.(host, at);
        host.writeI32(at, pidfd);
        return pid;
      },
    });
    const seen = play(core, { args: ["steady", "/x"], kernel });
    const kept = new Set([pidfd, EXEC_READ]);
    const ranges = only(seen.calls, "close_range").map(([, first = 0, last = 0]) => [first, last]);
    const isClosed = (fd: number): boolean =>
      ranges.some(([first = 0, last = 0]) => fd >= first && fd <= last);
    for (let fd = 0; fd < 1100; fd++) assert.equal(isClosed(fd), fd > 2 && !kept.has(fd), `${fd}`);
    assert.ok(
      ranges.some(([, last]) => last === 0x7fffffff - 1 || last === 0x7fffffff),
      "to the end",
    );
    for (const [first = 0, last = 0] of ranges) assert.ok(first <= last);
  }
});

promise(
  "where close_range is refused, what /proc lists is closed, and where there is no /proc, all up to 1023",
  (core) => {
    const names = [
      ".",
      "..",
      "0",
      "1",
      "2",
      "3",
      "4",
      "10",
      "11",
      "12",
      "99",
      "100",
      "255",
      "1024",
      "65535",
      "x1",
      "1x",
    ];
    for (const errno of [ENOSYS, EPERM]) {
      const parts = [entriesOf(names.slice(0, 6)), entriesOf(names.slice(6))];
      const listed: Kernel = {
        close_range: () => -errno,
        openat: (host, path = 0, how = 0) =>
          host.text(path) === "/proc/self/fd" && how === 2 ? FOLDER : -ENOENT,
        getdents64: (host, fd = 0, at = 0, max = 0) => {
          assert.deepEqual([fd, max], [FOLDER, 1024]);
          return parts.shift()?.copy(host.bytes(at, max)) ?? 0;
        },
      };
      const seen = play(core, { args: ["steady", "/x"], kernel: listed });
      assert.deepEqual(closedAtStart(seen), [4, 11, 12, 99, 255, 1024, 65535, FOLDER]);
      const elsewhere = pipes(5, 6, (fd) => fd);
      const blind = play(core, {
        args: ["steady", "/x"],
        kernel: { ...elsewhere, close_range: () => -errno, openat: () => -ENOENT },
      });
      const all = Array.from({ length: 1021 }, (_, index) => index + 3).filter((fd) => ![10, 5].includes(fd));
      assert.deepEqual(closedAtStart(blind), all);
    }
  },
);

promise("a path of 4,095 bytes is executed, and a longer one is too long", (core) => {
  for (const [length, isTried] of [
    [4094, true],
    [4095, true],
    [4096, false],
    [4097, false],
    [9000, false],
  ] as const) {
    const path = `/${"a".repeat(length - 1)}`;
    const seen = play(core, { args: ["steady", path], execErrno: ENOENT, end: 256 });
    assert.deepEqual(
      seen.executed.map((each) => each.path === path),
      isTried ? [true] : [],
    );
    assert.equal(seen.status, isTried ? 127 : 126);
    const sentence = `failed: ${ERRORS[isTried ? ENOENT : ENAMETOOLONG]}`;
    // The line is too long for the reason, too.
    assert.equal(seen.childErrors.length, 1024);
    const short = play(core, { args: ["steady", "a".repeat(length < 4096 ? 255 : 256)], execErrno: ENOENT });
    assert.ok(short.childErrors.endsWith(`${sentence}\n`), short.childErrors);
  }
});

promise("the init's folder is the root", (core) => {
  let folder = "";
  play(core, {
    args: ["steady", "/x"],
    kernel: {
      chdir: (host, path = 0) => {
        folder = host.text(path);
        return 0;
      },
    },
  });
  assert.equal(folder, "/");
});

/** The wait statuses of a program that is a zombie and nobody's. */
const life: Life = { args: ["steady", "/x"], records: false };

promise("where the program cannot be waited for, the end is said to be unknown, and is 1", (core) => {
  const kernel: Kernel = { wait4: () => -ECHILD };
  const seen = play(core, { ...life, kernel });
  assert.equal(seen.status, 1);
  assert.ok(seen.errors.endsWith(said("steady", "FATAL", MESSAGES.MainUnknown)), seen.errors);
});

promise("what was read before the start leaves nothing behind in the path of the program", (core) => {
  const files = { "/proc/9/comm": "a-long-name\n" };
  const seen = play(core, { args: ["tini", "/x"], pid: 77, files, kernel: { getppid: () => 9 } });
  assert.deepEqual(seen.executed, [{ path: "/x", argument: 1 }]);
  const variables = ["PATH=/b"];
  const found = play(core, { args: ["tini", "y"], variables, pid: 77, files, kernel: { getppid: () => 9 } });
  assert.deepEqual(found.executed, [{ path: "/b/y", argument: 1 }]);
});

/** The words of the survivors that native keeps. */
const kept = {
  trapStatus: 0,
  phase: 4,
  pid: 8,
  pidfd: 12,
  signalfd: 16,
  execPipe: 20,
  status: 24,
  reaping: 28,
  lent: 36,
};

promise(
  "before the child asks for anything, its failure is 125; the init's is 120 until it has a program",
  (core) => {
    const ofChild: [string, number][] = [];
    let bytes = Buffer.alloc(256);
    const look =
      (name: string, answer: number): Kernel[string] =>
      () => {
        ofChild.push([name, bytes.readInt32LE(kept.trapStatus)]);
        return answer;
      };
    const childKernel: Kernel = {
      keep: (host, at = 0) => {
        bytes = Buffer.from(host.bytes(at, 256));
        return undefined;
      },
      getpid: look("getpid", PROGRAM),
      setpgid: look("setpgid", 0),
      execve: look("execve", -ENOENT),
    };
    play(core, { args: ["steady", "/x"], childKernel });
    assert.deepEqual(ofChild, [
      ["getpid", 125],
      ["setpgid", 125],
      ["execve", 125],
    ]);
  },
);

promise("each thing that the init has got is kept before it asks for the next", (core) => {
  let bytes = Buffer.alloc(256);
  const found: Record<string, number[]> = {};
  const look = (name: string, ...fields: (keyof typeof kept)[]): void => {
    found[name] ??= fields.map((field) => bytes.readInt32LE(kept[field]));
  };
  const [LOW, PIDFD] = [2, 60];
  const kernel = (plain: Kernel): Kernel => ({
    keep: (host, at = 0) => {
      bytes = Buffer.from(host.bytes(at, 256));
      return undefined;
    },
    clone: (host, at = 0) => {
      const pid = plain.clone?.(host, at);
      host.writeI32(at, LOW);
      return pid;
    },
    setpgid: () => {
      look("setpgid", "trapStatus", "phase", "pid", "pidfd", "signalfd", "execPipe", "status", "lent");
      return 0;
    },
    fcntl_dupfd: (_, fd = 0) => {
      look(`fcntl_dupfd ${fd}`, "signalfd");
      return fd === LOW ? PIDFD : fd + 70;
    },
    close_range: () => {
      look("close_range", "pidfd");
      return 0;
    },
    signalfd4: () => {
      look("signalfd4", "signalfd");
      return 1;
    },
    read: (host, fd = 0, at = 0, max = 0) => plain.read?.(host, fd === 71 ? SIGNALFD : fd, at, max),
    pidfd_get_info: (host, fd = 0, at = 0) => {
      look("pidfd_get_info", "signalfd", "phase");
      return plain.pidfd_get_info?.(host, fd, at);
    },
    rt_sigaction: (_, _signal, action = 0) => {
      if (action !== 0) look("rt_sigaction", "reaping", "phase");
      return 0;
    },
    release: () => {
      look("release", "phase");
      return undefined;
    },
    ppoll: (host, at = 0, count = 0, ms = 0) => {
      look("ppoll", "phase", "pidfd", "signalfd", "reaping");
      return plain.ppoll?.(host, at, count, ms);
    },
  });
  play(core, { args: ["steady", "/x"], kernel });
  assert.deepEqual(found, {
    setpgid: [0, 1, PROGRAM, LOW, -1, EXEC_READ, -1, 0],
    "fcntl_dupfd 2": [-1],
    "fcntl_dupfd 1": [1],
    close_range: [PIDFD],
    signalfd4: [-1],
    pidfd_get_info: [71, 1],
    rt_sigaction: [1, 1],
    release: [2],
    ppoll: [2, PIDFD, 71, 1],
  });
});

promise("a start asks for what the contract lists, once and in that order", (core) => {
  const isAsked = (name: string): boolean =>
    !["copy", "code_of", "keep", "recall", "inherited_mask", "number_of"].includes(name);
  const names = (calls: Calls): string[] => calls.map(([name]) => name).filter(isAsked);
  // /dev/termination-log is not there.
  const untilClone = ["getpid", "openat", "rt_sigaction", "tcgetpgrp", "pipe2", "clone"];
  const arranged = ["setpgid", "close_range", "close_range", "chdir", "signalfd4"];
  const asked = ["pidfd_get_info", "pidfd_send_signal"];
  const givenUp = ["capget", "capset", "prctl", "seccomp"];
  for (const [args, records, reaping] of [
    [["steady", "/x"], true, [...asked, "rt_sigaction"]],
    [["steady", "/x"], false, ["pidfd_get_info"]],
    [["steady", "--reap", "wait", "/x"], true, asked],
  ] as const) {
    const { calls, childCalls } = play(core, { args, records });
    const until = names(calls).indexOf("ppoll");
    assert.deepEqual(names(calls).slice(0, until), [
      ...untilClone,
      ...arranged,
      ...reaping,
      ...givenUp,
      "release",
    ]);
    assert.deepEqual(names(childCalls), ["getpid", "setpgid", "rt_sigprocmask", "execve"]);
    assert.deepEqual(only(calls, "signalfd4"), [["signalfd4", -1, -1]], "every signal");
    assert.equal(only(calls, "read").filter(([, fd]) => fd === EXEC_READ).length, 1, "the pipe is read once");
  }
});

promise(
  "the kernel is asked for an exit status and for what Linux 6.16 brought, without a signal",
  (core) => {
    const masks: bigint[] = [];
    const kernel = (plain: Kernel): Kernel => ({
      pidfd_get_info: (host, fd = 0, at = 0) => {
        masks.push(host.bytes(at, 8).readBigUInt64LE());
        return plain.pidfd_get_info?.(host, fd, at);
      },
    });
    const seen = play(core, { args: ["steady", "/x"], kernel });
    assert.equal(masks[0], 56n);
    assert.ok(
      only(seen.calls, "pidfd_send_signal").every(([, , signal = 0], index) => index > 0 || signal > 64),
    );
  },
);

promise("without a signalfd the init reaps, since nothing would tell it of anything else", (core) => {
  const kernel: Kernel = {
    signalfd4: () => -EMFILE,
    rt_sigtimedwait: () => {
      throw new Exited(0);
    },
  };
  const { calls } = play(core, { args: ["steady", "/x"], kernel });
  assert.deepEqual(only(calls, "pidfd_get_info", "pidfd_send_signal"), []);
  assert.deepEqual(only(calls, "rt_sigaction"), [["rt_sigaction", SIGCHLD, 0]]);
  assert.deepEqual(
    only(calls, "rt_sigtimedwait").map(([, mask]) => mask),
    [-1],
    "and it waits for every signal",
  );
});

promise("whether a group can be signalled is asked with -g, and only then", (core) => {
  for (const [option, group] of [
    ["-g", 1],
    ["-s", 0],
    ["-v", 0],
  ] as const) {
    const { calls } = play(core, { args: ["steady", option, "/x"] });
    assert.deepEqual(only(calls, "pidfd_send_signal")[0]?.slice(3), [0, group], option);
  }
});

promise("a job's program that was never stopped is not continued", (core) => {
  for (const records of [true, false]) {
    let isFirst = true;
    const kernel = (plain: Kernel): Kernel => ({
      ppoll: (host, at = 0, count = 0, ms = 0) => {
        if (count !== PLACES || !isFirst) return plain.ppoll?.(host, at, count, ms);
        isFirst = false;
        return 0;
      },
    });
    const { calls } = play(core, { args: ["steady", "/x"], pid: 7, terminal: true, records, kernel });
    const sent = [...only(calls, "kill"), ...only(calls, "pidfd_send_signal")].map(([, , signal]) => signal);
    assert.equal(sent.includes(18), false);
  }
});

promise(
  "an old profile that refuses close_range gets the right path to /proc, and -EPERM is an answer too",
  (core) => {
    let path = "";
    const files = { "/proc/4194303/comm": "a name that is rather long\n" };
    const kernel = (plain: Kernel): Kernel => ({
      getppid: () => 4194303,
      close_range: () => -ENOSYS,
      openat: (host, at = 0, how = 0) => {
        if (how !== 2) return plain.openat?.(host, at, how);
        path = host.text(at);
        return -EPERM;
      },
    });
    const seen = play(core, { args: ["tini", "/x"], pid: 4194304, files, kernel });
    assert.equal(path, "/proc/self/fd");
    assert.equal(closedAtStart(seen).length, 1021 - 2);
  },
);

/** What it says of options under its own name alone. */
const MORE =
  " TINI_KILL_PROCESS_GROUP=0 --verbose --reap wait; by default --trust any --sandbox on --drain 2s (as PID 1, else 0) --stop-signals TERM,INT,QUIT";

/** Every call that is always left, and what an init needs besides that is PID 1 and waits for its orphans. */
const LEFT = CALLS.map(([name]) => name)
  .filter(
    (name, index) =>
      index <= 18 || ["signalfd4", "kill", "pidfd_send_signal", "rt_sigqueueinfo", "ioctl"].includes(name),
  )
  .sort((one, other) => Number(one === "rt_sigqueueinfo") - Number(other === "rt_sigqueueinfo"))
  .sort((one, other) => Number(one === "ioctl") - Number(other === "ioctl"))
  .join(" ");

const SAID_STEADY = [
  ["INFO", MESSAGES.Personality.replace("%t", "steady").replace("%t", MESSAGES.BecauseName)],
  ["INFO", "Options: STEADY_MAP=USR1=HUP"],
  ["DEBUG", MESSAGES.NoTerminal],
  ["INFO", MESSAGES.Spawned.replace("%p", "/x").replace("%d", `${PROGRAM}`)],
  ["INFO", MESSAGES.ReapingWait],
  ["TRACE", `${MESSAGES.Sandbox} ${LEFT}`],
  ["DEBUG", MESSAGES.PassingSignal.replace("%g", "Terminated")],
  ["DEBUG", MESSAGES.ReapedChild.replace("%d", "99")],
  ["DEBUG", MESSAGES.ReapedChild.replace("%d", `${PROGRAM}`)],
  ["INFO", MESSAGES.MainExited.replace("%d", "3")],
  ["TRACE", MESSAGES.NoChildToWait],
  ["TRACE", MESSAGES.Exiting],
] as const;

promise("the whole log of a life is, line by line and level by level, what the contract says", (core) => {
  const levels = ["INFO", "DEBUG", "TRACE"];
  for (const name of ["steady", "tini"] as const) {
    for (const [index, options] of [["-v"], ["-vv"], ["-vvv"]].entries()) {
      const { output } = play(core, {
        args: [name, ...options, "--reap", "wait", "/x"],
        variables: [
          "STEADY_MAP=USR1=HUP",
          "STEADY_MAP=INT=HUP",
          "STEADY_MAPS=1",
          "TINI_KILL_PROCESS_GROUP=0",
        ],
        end: 3 * 256,
      });
      const expected = SAID_STEADY.filter(([level]) => levels.indexOf(level) <= index)
        .filter(
          ([, text]) =>
            name === "steady" || (text !== MESSAGES.ReapingWait && !text.startsWith(MESSAGES.Sandbox)),
        )
        .map(
          ([level, text]) =>
            [level, text.startsWith("Options") && name === "steady" ? text + MORE : text] as const,
        )
        .map(([level, text]) => said(name, level, text.replace("as steady", `as ${name}`)));
      assert.equal(output, expected.join(""));
    }
  }
  const { output } = play(core, { args: ["steady", "-v", "/x"] });
  assert.ok(output.includes(said("steady", "INFO", MESSAGES.ReapingKernel)), output);
});

promise("that the program has the terminal is kept with the program", (core) => {
  for (const [terminal, lent] of [
    [true, 1],
    [false, 0],
  ] as const) {
    const found: number[] = [];
    let bytes = Buffer.alloc(256);
    const kernel: Kernel = {
      keep: (host, at = 0) => {
        bytes = Buffer.from(host.bytes(at, 256));
        return undefined;
      },
      setpgid: () => {
        found.push(bytes.readInt32LE(kept.lent), bytes.readInt32LE(kept.lent - 4));
        return 0;
      },
    };
    play(core, { args: ["steady", "/x"], terminal, kernel });
    assert.deepEqual(found, [lent, terminal ? 5 : 0]);
    play(core, { args: ["steady", "/x"], kernel: { ...kernel, tcgetpgrp: () => -EPERM } });
    assert.deepEqual(found.slice(2), [0, 0], "a terminal that is not told of is none");
  }
});

promise("where the kernel reaps for a job of a shell, it still tells of stops", (core) => {
  for (const [pid, terminal, action] of [
    [7, true, 2],
    [7, false, 1],
    [1, true, 1],
  ] as const) {
    const { calls } = play(core, { args: ["steady", "/x"], pid, terminal });
    assert.deepEqual(
      only(calls, "rt_sigaction").at(-1),
      ["rt_sigaction", SIGCHLD, action],
      `${pid} ${terminal}`,
    );
  }
});

promise(
  "what was arranged once is not arranged again by a restart: that it is done is kept before the first wait",
  (core) => {
    const phases: number[] = [];
    let bytes = Buffer.alloc(256);
    const kernel = (plain: Kernel): Kernel => ({
      keep: (host, at = 0) => {
        bytes = Buffer.from(host.bytes(at, 256));
        return undefined;
      },
      ppoll: (host, at = 0, count = 0, ms = 0) => {
        if (count === PLACES) phases.push(bytes.readInt32LE(4));
        return plain.ppoll?.(host, at, count, ms);
      },
      seccomp: () => -EPERM,
    });
    play(core, { args: ["steady", "/x"], kernel });
    assert.equal(phases[0], 2);
  },
);
