// What the loop does where a call of its own fails, and how a signal is sent in each way of reaping, played on the core
// itself.

import assert from "node:assert/strict";
import { ERRORS } from "../../texts/linux.ts";
import { MESSAGES } from "../../texts/messages.ts";
import type { Kernel } from "../lib/host.ts";
import { DIES, PIDFD, PLACES, PROGRAM, restart, SIGNALFD } from "../lib/scene.ts";
import { into, type Played } from "./promises.ts";

export const LOOPS: Played[] = [];
const promise = into(LOOPS);
/** What is left at the end is nobody's business. */
const UNDRAINED = ["steady", "--drain=0", "/x"];

const [EPERM, ESRCH, EINTR, EBADF, ECHILD, EAGAIN, ENOMEM, EINVAL] = [1, 3, 4, 9, 10, 11, 12, 22];
const [WAIT, KERNEL] = [0, 1];
const QUEUED = -1;
const BATCH = 64;
const said = (text: string): string => `[WARN  steady (1)] ${text}\n`;
const warned = (text: string, errno: number): string => said(text.replace("%e", ERRORS[errno] ?? ""));

/** The same answer so many times, and then what the other says. */
function first(count: number, answer: number, then: Kernel[string]): Kernel[string] {
  let left = count;
  return (host, ...args) => (left-- > 0 ? answer : then(host, ...args));
}

promise(
  "where wait4 fails, it is said once and tried again ten times a second, for as long as it takes",
  (core) => {
    for (const errno of [EPERM, EINVAL]) {
      for (const count of [1, 8, 50]) {
        let asked = 0;
        const kernel = (plain: Kernel): Kernel => {
          const wait4 = first(count, -errno, plain.wait4 ?? (() => 0));
          return {
            wait4: (host, ...args) => {
              asked++;
              return wait4(host, ...args);
            },
          };
        };
        const seen = restart(core, {
          survivors: {},
          events: [...Array<"nothing">(count + 1).fill("nothing"), DIES(0), { signal: 17 }],
          kernel,
        });
        assert.equal(seen.status, 0);
        assert.equal(seen.errors.split(warned(MESSAGES.WaitFailed, errno)).length - 1, 1);
        assert.ok(asked >= count && asked <= count + 4, `${asked} calls`);
        assert.deepEqual(seen.waits, [0, ...Array<number>(count).fill(100), -1]);
      }
    }
  },
);

promise("an interrupted wait4 is tried again without a word", (core) => {
  const kernel = (plain: Kernel): Kernel => ({ wait4: first(5, -EINTR, plain.wait4 ?? (() => 0)) });
  const seen = restart(core, { survivors: {}, events: [DIES(3 * 256)], kernel });
  assert.equal(seen.status, 3);
  assert.equal(seen.errors.split("\n").length, 2, "only the restart is said");
});

promise("the exit status is asked for until the kernel has it, and then not again", (core) => {
  for (const [failures, isKnown] of [
    [0, true],
    [1, true],
    [50, true],
    [99, true],
    [100, false],
    [1000, false],
  ] as const) {
    for (const fails of ["errno", "bit"]) {
      let asked = 0;
      const kernel: Kernel = {
        pidfd_get_info: (host, fd = 0, at = 0) => {
          assert.equal(fd, PIDFD);
          assert.equal(host.bytes(at, 8).readBigUInt64LE(), 8n, "the exit status is asked for");
          const fine = asked++ >= failures;
          host.bytes(at, 8).writeBigUInt64LE(fine || fails === "errno" ? 8n : 7n);
          host.writeI32(at + 60, fine ? 7 * 256 : 9 * 256);
          return fine || fails === "bit" ? 0 : -ESRCH;
        },
      };
      const seen = restart(core, { survivors: { reaping: KERNEL }, events: [DIES(0)], kernel });
      assert.equal(seen.status, isKnown ? 7 : 1, `${failures} ${fails}`);
      assert.equal(asked, Math.min(failures + 1, 100));
      assert.equal(seen.errors.includes(MESSAGES.MainUnknown), !isKnown);
    }
  }
});

promise(
  "an interrupted poll counts for nothing; where polls fail again and again, signals are waited for instead",
  (core) => {
    for (const [errno, count, isBlind] of [
      [EINTR, 50, false],
      [EINVAL, 8, false],
      [EINVAL, 9, true],
      [ENOMEM, 9, true],
      [EPERM, 60, true],
    ] as const) {
      for (const reaping of [WAIT, KERNEL]) {
        const waited: number[] = [];
        const kernel = (plain: Kernel): Kernel => {
          const ppoll = first(count, -errno, plain.ppoll ?? (() => 0));
          return {
            ppoll: (host, at = 0, number = 0, ms = 0) =>
              number === PLACES ? ppoll(host, at, number, ms) : plain.ppoll?.(host, at, number, ms),
            rt_sigtimedwait: (host, mask = 0, at = 0, ms = 0) => {
              waited.push(ms);
              return plain.rt_sigtimedwait?.(host, mask, at, ms);
            },
          };
        };
        const seen = restart(core, {
          survivors: { reaping },
          events: [{ signal: 15 }, "nothing", DIES(5 * 256), "nothing"],
          kernel,
        });
        assert.equal(seen.status, 5);
        assert.equal(seen.sent.length, 1);
        assert.equal(waited.length > 0, isBlind, `errno ${errno} ${count} times`);
        if (isBlind)
          assert.ok(
            waited.slice(1).every((ms) => ms === 100 || ms === 0),
            waited.join(),
          );
      }
    }
  },
);

promise(
  "a signalfd from which nothing can be read is given up after nine failures, and not for an interruption",
  (core) => {
    for (const [errno, count, isBlind] of [
      [EINTR, 30, false],
      [EAGAIN, 30, false],
      [EBADF, 8, false],
      [EBADF, 9, true],
      [EINVAL, 9, true],
    ] as const) {
      let waited = 0;
      const kernel = (plain: Kernel): Kernel => {
        let left: number = count;
        return {
          ppoll: (host, at = 0, number = 0, ms = 0) => {
            if (number !== PLACES || left <= 0) return plain.ppoll?.(host, at, number, ms);
            host.bytes(at + 6, 2).writeInt16LE(1);
            return 1;
          },
          read: (host, fd = 0, at = 0, max = 0) =>
            fd === SIGNALFD && left-- > 0 ? -errno : plain.read?.(host, fd, at, max),
          rt_sigtimedwait: (host, mask = 0, at = 0, ms = 0) => {
            waited++;
            return plain.rt_sigtimedwait?.(host, mask, at, ms);
          },
        };
      };
      const seen = restart(core, {
        survivors: {},
        events: [{ signal: 15 }, "nothing", DIES(5 * 256), { signal: 17 }, "nothing"],
        kernel,
      });
      assert.deepEqual([seen.status, seen.sent.length], [5, 1], `errno ${errno} ${count} times`);
      assert.equal(waited > 0, isBlind, `errno ${errno} ${count} times`);
    }
  },
);

const VALUE = 0x1122334455667788n;

promise(
  "a plain signal is a plain kill, to the program or with -g to its group, and through the pidfd where the kernel reaps",
  (core) => {
    for (const signal of [1, 15, 34, 64]) {
      for (const [args, group] of [
        [["steady", "/x"], false],
        [["steady", "-g", "/x"], true],
      ] as const) {
        for (const [reaping, expected] of [
          [WAIT, ["kill", group ? -PROGRAM : PROGRAM, signal]],
          [KERNEL, ["pidfd_send_signal", PIDFD, signal, 0, group ? 1 : 0]],
        ] as const) {
          const seen = restart(core, {
            survivors: { reaping, mayKill: true },
            events: [{ signal }, DIES(0), { signal: 17 }],
            args,
          });
          assert.deepEqual(seen.sent, [expected]);
        }
      }
    }
  },
);

promise(
  "a signal with a value keeps it: by rt_sigqueueinfo, through a pidfd, and to a group where the kernel can",
  (core) => {
    const cases: [
      survivors: { reaping?: number; pidfd?: number },
      args: string[],
      answer: number,
      names: string[],
    ][] = [
      [{ reaping: WAIT }, [], 0, ["rt_sigqueueinfo"]],
      [{ reaping: KERNEL }, [], 0, ["pidfd_send_signal"]],
      [{ reaping: KERNEL }, ["-g"], 0, ["pidfd_send_signal"]],
      [{ reaping: WAIT }, ["-g"], 0, ["pidfd_send_signal"]],
      [{ reaping: WAIT }, ["-g"], -EINVAL, ["pidfd_send_signal", "kill"]],
      [{ reaping: WAIT }, ["-g"], -EPERM, ["pidfd_send_signal", "kill"]],
      [{ reaping: WAIT }, ["-g"], -ESRCH, ["pidfd_send_signal"]],
      [{ reaping: WAIT, pidfd: -1 }, ["-g"], 0, ["kill"]],
    ];
    for (const [survivors, args, answer, names] of cases) {
      const infos: (number | bigint)[][] = [];
      const sent: [string, ...number[]][] = [];
      const note = (name: string, at: number, host: Parameters<Kernel[string]>[0]): void => {
        if (at === 0) return;
        const value = host.bytes(at + 48, 8).readBigUInt64LE();
        infos.push([host.readI32(at), host.readI32(at + 8), host.readI32(at + 12), value]);
        sent.push([name]);
      };
      const kernel = (plain: Kernel): Kernel => ({
        capget: () => 32n,
        rt_sigqueueinfo: (host, pid = 0, at = 0) => {
          note("rt_sigqueueinfo", at, host);
          return plain.rt_sigqueueinfo?.(host, pid, at);
        },
        pidfd_send_signal: (host, fd = 0, signal = 0, at = 0, group = 0) => {
          note("pidfd_send_signal", at, host);
          plain.pidfd_send_signal?.(host, fd, signal, at, group);
          return answer;
        },
      });
      const events = [{ signal: 34, code: QUEUED, value: VALUE }, DIES(0), { signal: 17 }];
      const seen = restart(core, { survivors, events, args: ["steady", ...args, "/x"], kernel });
      const tries = seen.sent
        .filter(([name, , signal]) => !(name === "kill" && signal === 0))
        .map(([name]) => name);
      assert.deepEqual(tries, names, JSON.stringify([survivors, args, answer]));
      for (const info of infos) assert.deepEqual(info, [34, QUEUED, 7, VALUE]);
      assert.equal(infos.length, names.filter((name) => name !== "kill").length);
      const isGroup = args.length > 0;
      for (const [name, ...told] of seen.sent) {
        if (name === "kill" && told[1] !== 0) assert.deepEqual(told, [-PROGRAM, 34]);
        if (name === "pidfd_send_signal")
          assert.deepEqual([told[0], told[1], told[3]], [PIDFD, 34, isGroup ? 1 : 0]);
        if (name === "rt_sigqueueinfo") assert.equal(told[0], PROGRAM);
      }
    }
  },
);

promise("where the init has no CAP_KILL, a group is signalled with the program's uid at once", (core) => {
  for (const mayKill of [true, false]) {
    const uids: number[] = [];
    const kernel: Kernel = {
      geteuid: () => 0,
      openat: (host, path = 0) => (host.text(path) === `/proc/${PROGRAM}/status` ? 50 : -2),
      seteuid: (_, uid = 0) => {
        uids.push(uid);
        return 0;
      },
    };
    const files = (plain: Kernel): Kernel => ({
      ...kernel,
      read: (host, fd = 0, at = 0, max = 0) =>
        fd === 50
          ? Buffer.from("Name:\tx\nUid:\t1000\t1\n").copy(host.bytes(at, max))
          : plain.read?.(host, fd, at, max),
    });
    const seen = restart(core, {
      survivors: { mayKill },
      events: [{ signal: 15 }, DIES(0), { signal: 17 }],
      args: ["steady", "-g", "/x"],
      kernel: files,
    });
    assert.deepEqual(uids, mayKill ? [] : [1000, 0]);
    assert.deepEqual(
      seen.sent.filter(([, , signal]) => signal === 15),
      [["kill", -PROGRAM, 15]],
    );
  }
});

promise("a failure to forward is said, and a dead program too", (core) => {
  for (const [errno, text] of [
    [EINVAL, warned(MESSAGES.ForwardFailed, EINVAL)],
    [ENOMEM, warned(MESSAGES.ForwardFailed, ENOMEM)],
    [ESRCH, said(MESSAGES.ChildWasDead)],
  ] as const) {
    const kernel: Kernel = { kill: (_, _pid, signal) => (signal === 0 ? 0 : -errno) };
    const seen = restart(core, { survivors: {}, events: [{ signal: 15 }, DIES(0), { signal: 17 }], kernel });
    assert.ok(seen.errors.endsWith(text), seen.errors);
    assert.equal(seen.status, 0);
  }
});

promise("what the init caused itself goes to nobody, and what others send in its name does", (core) => {
  for (const [event, isSent] of [
    [{ signal: 13, own: true }, false],
    [{ signal: 20, own: true }, false],
    [{ signal: 13, own: true, code: QUEUED }, true],
    [{ signal: 13 }, true],
    [{ signal: 17 }, false],
    [{ signal: 17, code: QUEUED }, false],
  ] as const) {
    const seen = restart(core, { survivors: {}, events: [event, DIES(0), { signal: 17 }] });
    assert.equal(seen.sent.length, isSent ? 1 : 0, JSON.stringify(event));
  }
});

promise(
  "a restart continues a program that may be stopped, where the job is a shell's, and nobody else's",
  (core) => {
    for (const [pid, foreground, reaping, expected] of [
      [5, 4, WAIT, ["kill", -PROGRAM, 18]],
      [5, 4, KERNEL, ["pidfd_send_signal", PIDFD, 18, 0, 1]],
      [5, 0, WAIT, undefined],
      [1, 4, WAIT, undefined],
    ] as const) {
      const kernel: Kernel = { getpid: () => pid, tcgetpgrp: () => 99 };
      const seen = restart(core, {
        survivors: { foreground, reaping },
        events: ["nothing", DIES(0), { signal: 17 }],
        kernel,
      });
      const continued = seen.sent.filter(([, , signal]) => signal === 18);
      assert.deepEqual(continued, expected === undefined ? [] : [expected]);
    }
  },
);

promise("a flood of one signal is interrupted after 64, and what waits behind it has its turn", (core) => {
  const masks: bigint[] = [];
  const kernel: Kernel = {
    signalfd4: (_, fd = 0, mask = 0) => {
      masks.push(BigInt.asUintN(64, BigInt(mask)));
      return fd;
    },
  };
  for (const count of [63, 64]) {
    masks.length = 0;
    const events = [
      ...Array.from({ length: count }, () => ({ signal: 10 })),
      "nothing" as const,
      "nothing" as const,
      DIES(0),
      { signal: 17 },
    ];
    const seen = restart(core, { survivors: {}, events, kernel });
    assert.equal(seen.sent.length, count);
    const withoutIt = masks.filter((mask) => (mask & (1n << 9n)) === 0n);
    assert.equal(withoutIt.length, count < 64 ? 0 : 1, `${count}`);
    assert.equal((masks.at(-1) ?? 0n) & (1n << 9n), 1n << 9n, "in the end it is taken again");
  }
});

promise(
  "the child's word in the pipe is the status, and only a whole one, after interruptions too",
  (core) => {
    for (const [failures, length, isTold] of [
      [0, 4, true],
      [7, 4, true],
      [8, 4, false],
      [0, 0, false],
      [0, 2, false],
    ] as const) {
      let left: number = failures;
      const kernel = (plain: Kernel): Kernel => ({
        recall: (host, at = 0) => {
          plain.recall?.(host, at);
          host.writeI32(at + 20, 33);
          return undefined;
        },
        read: (host, fd = 0, at = 0, max = 0) => {
          if (fd !== 33) return plain.read?.(host, fd, at, max);
          assert.equal(max, 4);
          if (left-- > 0) return left % 2 === 0 ? -EINTR : -EPERM;
          host.writeI32(at, 126);
          return length;
        },
      });
      const seen = restart(core, {
        survivors: { status: 5 * 256 },
        kernel,
        args: ["steady", "-e126", "--drain=0", "/x"],
      });
      assert.equal(seen.status, isTold ? 126 : 5);
    }
  },
);

promise("the foreground is given back where the program has it, or nobody who lives", (core) => {
  for (const [lent, foreground, now, isAlive, isGiven] of [
    [1, 4, PROGRAM, true, true],
    [1, 4, 77, false, true],
    [1, 4, 77, true, false],
    [1, 4, 4, true, false],
    [1, 4, 0, false, false],
    [1, 4, -EPERM, false, false],
    [0, 4, PROGRAM, true, false],
    [1, 0, PROGRAM, true, false],
  ] as const) {
    const given: number[][] = [];
    const asked: number[][] = [];
    const kernel: Kernel = {
      tcgetpgrp: () => now,
      tcsetpgrp: (_, ...args) => {
        given.push(args);
        return 0;
      },
      kill: (_, ...args) => {
        asked.push(args);
        return isAlive ? 0 : -ESRCH;
      },
    };
    restart(core, { survivors: { status: 0, lent, foreground }, args: UNDRAINED, kernel });
    assert.deepEqual(given, isGiven ? [[0, foreground]] : [], `${lent} ${foreground} ${now} ${isAlive}`);
    for (const each of asked) assert.deepEqual(each, [-77, 0]);
  }
});

promise(
  "what is dead when the program has ended is reaped, 1,024 at most, and not where the kernel reaps",
  (core) => {
    for (const [reaping, expected] of [
      [WAIT, 1024],
      [KERNEL, 64],
    ] as const) {
      let asked = 0;
      const kernel = (plain: Kernel): Kernel => ({
        ...plain,
        wait4: (host, pid = 0, at = 0, options = 0) => {
          assert.deepEqual([pid, options], [-1, 1]);
          host.writeI32(at, asked === 70 && reaping === WAIT ? 5 * 256 : 0);
          return asked++ === 70 && reaping === WAIT ? PROGRAM : 1000 + asked;
        },
      });
      const seen = restart(core, {
        survivors: { reaping },
        events: [DIES(5 * 256)],
        args: UNDRAINED,
        kernel,
      });
      assert.equal(seen.status, 5);
      if (reaping === WAIT) assert.equal(asked, BATCH + expected);
      else assert.ok(asked <= 2 * expected);
    }
  },
);

promise("a batch has 64 at most, and in between the signals are looked at", (core) => {
  const order: string[] = [];
  let left = 3 * BATCH;
  const kernel = (plain: Kernel): Kernel => ({
    wait4: (host, ...args) => {
      order.push("w");
      return left-- > 0 ? 2000 : plain.wait4?.(host, ...args);
    },
    ppoll: (host, ...args) => {
      order.push("p");
      return plain.ppoll?.(host, ...args);
    },
  });
  restart(core, {
    survivors: {},
    events: ["nothing", "nothing", "nothing", DIES(0), { signal: 17 }],
    kernel,
  });
  const batches = order
    .join("")
    .split("p")
    .filter((part) => part.length > 1)
    .map((part) => part.length);
  assert.deepEqual(batches.slice(0, 3), [BATCH, BATCH, BATCH]);
});

promise("that nobody is left to wait for is the program's unknown end only where the init reaps", (core) => {
  const kernel: Kernel = { wait4: () => -ECHILD };
  for (const execPipe of [-1, 33])
    assert.equal(restart(core, { survivors: { reaping: WAIT, execPipe }, kernel }).status, 1);
  assert.equal(restart(core, { survivors: { reaping: KERNEL }, events: [DIES(6 * 256)], kernel }).status, 6);
});

promise(
  "failures of wait4 are said once in a row: a child that was reaped in between begins anew",
  (core) => {
    const answers = [...Array<number>(7).fill(-EPERM), 2000, ...Array<number>(7).fill(-EPERM), 2001];
    const kernel = (plain: Kernel): Kernel => ({
      wait4: (host, ...args) => answers.shift() ?? plain.wait4?.(host, ...args),
    });
    const nothing = Array<"nothing">(16).fill("nothing");
    const seen = restart(core, { survivors: {}, events: [...nothing, DIES(0), { signal: 17 }], kernel });
    assert.equal(seen.errors.split(warned(MESSAGES.WaitFailed, EPERM)).length - 1, 2);
    assert.equal(answers.length, 0, "it goes on");
  },
);

promise("a refusal of wait4 is said again where it had told meanwhile that nobody is dead", (core) => {
  const answers = [-EPERM, 0, -EPERM];
  const kernel = (plain: Kernel): Kernel => ({
    wait4: (host, ...args) => answers.shift() ?? plain.wait4?.(host, ...args),
  });
  const events = ["nothing" as const, "nothing" as const, { signal: 17 }, "nothing" as const, DIES(0)];
  const seen = restart(core, { survivors: {}, events, kernel });
  assert.equal(seen.errors.split(warned(MESSAGES.WaitFailed, EPERM)).length - 1, 2);
});

promise("while a signal is sent on, everything about it lies where a restart finds it", (core) => {
  for (const [code, value] of [
    [0, 0n],
    [QUEUED, VALUE],
  ] as const) {
    let kept = Buffer.alloc(0);
    let found: (number | bigint)[] = [];
    const look = (): number => {
      const words = [40, 44, 48, 52].map((at) => kept.readInt32LE(at));
      found = [...words, kept.readBigUInt64LE(64)];
      return 0;
    };
    const kernel = (plain: Kernel): Kernel => ({
      keep: (host, at = 0) => {
        kept = Buffer.from(host.bytes(at, 256));
        return plain.keep?.(host, at);
      },
      kill: look,
      rt_sigqueueinfo: look,
    });
    restart(core, { survivors: {}, events: [{ signal: 34, code, value }, DIES(0), { signal: 17 }], kernel });
    assert.deepEqual(found, [34, 0, code, 7, value]);
    assert.equal(kept.readInt32LE(40), 0, "and nothing afterwards");
  }
});

promise("a held signal is sent again as it was, whatever came meanwhile", (core) => {
  const infos: (number | bigint)[][] = [];
  let tries = 0;
  const kernel: Kernel = {
    rt_sigqueueinfo: (host, pid = 0, at = 0) => {
      const value = host.bytes(at + 48, 8).readBigUInt64LE();
      infos.push([
        pid,
        host.readI32(at),
        host.readI32(at + 8),
        host.readI32(at + 12),
        host.readI32(at + 16),
        value,
      ]);
      return ++tries < 4 ? -EAGAIN : 0;
    },
  };
  const held = { signal: 35, code: QUEUED, value: VALUE, uid: 1234 };
  const events = [
    held,
    { signal: 15, own: true as const, code: 5 },
    "nothing" as const,
    "nothing" as const,
    "nothing" as const,
    DIES(0),
    { signal: 17 },
  ];
  const seen = restart(core, { survivors: {}, events, kernel });
  assert.deepEqual(infos, Array(4).fill([PROGRAM, 35, QUEUED, 7, 1234, VALUE]));
  assert.deepEqual(seen.sent, [["kill", PROGRAM, 15]]);
});

promise(
  "a held signal goes without its value after 100 tries, with a warning, and then the next can be held",
  (core) => {
    let tries = 0;
    const kernel: Kernel = {
      rt_sigqueueinfo: () => {
        tries++;
        return -EAGAIN;
      },
    };
    const nothing = Array<"nothing">(100).fill("nothing");
    const events = [{ signal: 35, code: QUEUED, value: 1n }, ...nothing, DIES(0), { signal: 17 }];
    const seen = restart(core, { survivors: {}, events, kernel });
    assert.deepEqual(seen.sent, [["kill", PROGRAM, 35]]);
    assert.equal(tries, 101);
    assert.ok(seen.errors.endsWith(said(MESSAGES.SignalValueLost.replace("%d", "35"))), seen.errors);
    const held = seen.waits.filter((ms) => ms > 0);
    assert.deepEqual(held.slice(0, 9), [10, 20, 40, 80, 160, 320, 640, 640, 640]);
  },
);

promise("a standard signal with a value that finds no room goes without it at once", (core) => {
  for (const signal of [1, 15, 31]) {
    const kernel: Kernel = { rt_sigqueueinfo: () => -EAGAIN };
    const seen = restart(core, {
      survivors: {},
      events: [{ signal, code: QUEUED, value: 1n }, DIES(0), { signal: 17 }],
      kernel,
    });
    assert.deepEqual(seen.sent, [["kill", PROGRAM, signal]]);
    assert.ok(seen.waits.every((ms) => ms <= 0));
  }
});
