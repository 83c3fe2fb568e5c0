// How a line of the log reaches its stream without waiting, played on the core itself: which calls for which kind of
// file on which kernel, and what becomes of lines that find no room.

import assert from "node:assert/strict";
import { MESSAGES } from "../../texts/messages.ts";
import type { Core, Host, Kernel } from "../lib/host.ts";
import { type Life, play, type Seen } from "../lib/plain.ts";
import { PROGRAM, restart } from "../lib/scene.ts";
import { into, type Played } from "./promises.ts";

export const LOGS: Played[] = [];
const promise = into(LOGS);

const [EPERM, EINTR, EAGAIN, EINVAL, EMFILE, EPIPE, ENOSYS, EOPNOTSUPP] = [1, 4, 11, 22, 24, 32, 38, 95];
const UNSUPPORTED = [EPERM, EINVAL, ENOSYS, EOPNOTSUPP];
const [PIPE, SOCKET, FILE] = [0x1000, 0xc000, 0x8000];
const [POLLIN, POLLOUT, POLLERR] = [1, 4, 8];
const [OWN_READ, OWN_WRITE] = [20, 21];

const LIFE: Life = { args: ["steady", "-vvv", "-w", "/x"], records: false };

/** What is said where everything can simply be written. */
const said = (core: Core): string => {
  const { output, errors } = play(core, LIFE);
  assert.ok(output.includes("Behaving as") && errors.includes("Child was dead"), output);
  return output + errors;
};
/** The program is a zombie still, which takes no signal but 0. */
const zombie: Kernel = { kill: (_, _pid, signal) => (signal === 0 ? 0 : -3) };
const heard = ({ output, errors }: Seen): string => output + errors;
const ways = ["pwritev2", "splice", "sendto", "write"];
/** The calls that wrote to the log, by name and stream, and what they were told besides. */
const writes = ({ calls }: Seen): string[] =>
  calls
    .filter(([name, fd]) => ways.includes(name) && (name === "splice" || fd === 1 || fd === 2))
    .map(([name, fd, to, , quiet]) =>
      name === "splice"
        ? `splice ${fd} to ${to}`
        : name === "pwritev2"
          ? `pwritev2 ${fd} ${quiet}`
          : `${name} ${fd}`,
    );

promise("to a pipe a line goes by pwritev2, without a signal where the kernel has that", (core) => {
  const kernel: Kernel = {
    statx: () => PIPE,
    pwritev2: (host, fd = 0, at = 0, length = 0) => host.capture(fd, at, length),
  };
  const seen = play(core, { ...LIFE, kernel });
  assert.equal(heard(seen), said(core));
  assert.deepEqual([...new Set(writes(seen))].sort(), ["pwritev2 1 1", "pwritev2 2 1"]);
  assert.equal(seen.calls.filter(([name]) => name === "statx").length, 2, "each stream is looked at once");
});

promise("where the kernel cannot do without a signal, it is asked so once for each stream", (core) => {
  for (const errno of UNSUPPORTED) {
    const kernel: Kernel = {
      statx: () => PIPE,
      pwritev2: (host, fd = 0, at = 0, length = 0, quiet = 0) =>
        quiet === 1 ? -errno : host.capture(fd, at, length),
    };
    const seen = play(core, { ...LIFE, kernel });
    assert.equal(heard(seen), said(core));
    for (const fd of [1, 2]) {
      const to = writes(seen).filter((write) => write.startsWith(`pwritev2 ${fd}`));
      assert.deepEqual(
        [to[0], to[1], new Set(to.slice(1)).size],
        [`pwritev2 ${fd} 1`, `pwritev2 ${fd} 0`, 1],
      );
    }
  }
});

/** A kernel that splices what was written to the core's own pipe. */
function splicing(answer: (length: number) => number): Kernel {
  let held = Buffer.alloc(0);
  return {
    statx: () => PIPE,
    pwritev2: () => -EINVAL,
    pipe2: (host, at = 0) => {
      host.writeI32(at, OWN_READ);
      host.writeI32(at + 4, OWN_WRITE);
      return 0;
    },
    write: (host, fd = 0, at = 0, length = 0) => {
      assert.equal(fd, OWN_WRITE);
      held = Buffer.from(host.bytes(at, length));
      return length;
    },
    splice: (host, from = 0, to = 0, length = 0) => {
      assert.deepEqual([from, held.length], [OWN_READ, length]);
      const moved = answer(length);
      if (moved > 0) captureBytes(host, to, held);
      return moved;
    },
  };
}

const SCRATCH = 60_000;

function captureBytes(host: Host, fd: number, bytes: Buffer): void {
  host.all().set(bytes, SCRATCH);
  host.capture(fd, SCRATCH, bytes.length);
}

promise(
  "on an old kernel a line takes the way through a pipe of the init's own, which is closed each time",
  (core) => {
    for (const answer of [(length: number) => length, () => -EAGAIN, () => -EPIPE]) {
      const seen = play(core, { ...LIFE, kernel: splicing(answer) });
      if (answer(1) > 0) assert.equal(heard(seen), said(core));
      const moves = seen.calls.filter(([name]) => name === "splice").length;
      assert.ok(moves > 5);
      const tries = seen.calls
        .filter(([name]) => name === "pwritev2")
        .map(([, fd, , , quiet]) => [fd, quiet].join());
      assert.deepEqual(tries.sort(), ["1,0", "1,1", "2,0", "2,1"], "each way is tried once for each stream");
      for (const fd of [OWN_READ, OWN_WRITE])
        assert.equal(
          seen.calls.filter((call) => call[0] === "close" && call[1] === fd).length,
          moves + (fd === OWN_READ ? 0 : 0),
        );
    }
  },
);

promise("where no pipe can be had, a line is lost and nothing is closed", (core) => {
  for (const errno of [EPERM, EMFILE]) {
    const kernel: Kernel = { ...splicing(() => 1), pipe2: () => -errno };
    const seen = play(core, { ...LIFE, kernel });
    assert.equal(heard(seen), "");
    assert.equal(seen.calls.filter(([name]) => name === "splice" || name === "write").length, 0);
    assert.equal(seen.status, 0);
  }
});

promise("where a terminal or a socket has no room now, the loop waits until it has, and tells", (core) => {
  for (const [type, taken] of [
    [FILE, -EAGAIN],
    [SOCKET, 0],
    [SOCKET, 1],
  ] as const) {
    let isFull = true;
    const kernel = (plain: Kernel): Kernel => ({
      ...zombie,
      statx: () => type,
      sendto: (host, fd = 0, at = 0, length = 0) => (isFull ? taken : host.capture(fd, at, length)),
      ppoll: (host, at = 0, count = 0, ms = 0) => {
        if (count === 1 && isFull) return 0;
        if (host.readI32(at + 24) !== 1) return plain.ppoll?.(host, at, count, ms);
        isFull = false;
        host.bytes(at + 30, 2).writeInt16LE(POLLOUT);
        return 1;
      },
    });
    const { output } = play(core, { args: ["steady", "-v", "/x"], records: false, kernel });
    assert.ok(output.startsWith(`[WARN  steady (1)] ${lost(4)}\n`), output);
  }
});

promise("to a socket a line is sent", (core) => {
  const kernel: Kernel = {
    statx: () => SOCKET,
    sendto: (host, fd = 0, at = 0, length = 0) => host.capture(fd, at, length),
  };
  const seen = play(core, { ...LIFE, kernel });
  assert.equal(heard(seen), said(core));
  assert.deepEqual([...new Set(writes(seen))].sort(), ["sendto 1", "sendto 2"]);
});

promise("anything else is written to where it has room, and left alone where it has not", (core) => {
  for (const type of [FILE, 0x2000, 0x6000]) {
    for (const [ready, events, isWritten] of [
      [1, POLLOUT, true],
      [1, POLLOUT + POLLERR, true],
      [1, POLLERR, false],
      [1, POLLIN, false],
      [0, 0, false],
      [-EINTR, 0, false],
      [-EPERM, POLLOUT, false],
      [-ENOSYS, POLLOUT, false],
    ] as const) {
      const asked: number[][] = [];
      const kernel = (plain: Kernel): Kernel => ({
        statx: () => type,
        ppoll: (host, at = 0, count = 0, ms = 0) => {
          if (count !== 1) return plain.ppoll?.(host, at, count, ms);
          asked.push([
            host.readI32(at),
            host.bytes(at + 4, 2).readInt16LE(),
            host.bytes(at + 6, 2).readInt16LE(),
            ms,
          ]);
          host.bytes(at + 6, 2).writeInt16LE(events);
          return ready;
        },
      });
      const seen = play(core, { ...LIFE, kernel });
      assert.equal(heard(seen), isWritten ? said(core) : "");
      for (const each of asked)
        assert.ok([1, 2].includes(each[0] ?? 0) && each.slice(1).join() === "4,0,0", each.join());
      assert.equal(seen.status, 0);
    }
  }
});

promise(
  "where a profile refuses to tell what a stream is, it is looked for room, and each way is tried until one fits",
  (core) => {
    const ENOTSOCK = 88;
    const capture: Kernel["write"] = (host, fd = 0, at = 0, length = 0) => host.capture(fd, at, length);
    const refused =
      (ways: Kernel) =>
      (plain: Kernel): Kernel => ({
        statx: () => -EPERM,
        sendto: () => -ENOTSOCK,
        ppoll: (host, at = 0, count = 0, ms = 0) => {
          if (count !== 1) return plain.ppoll?.(host, at, count, ms);
          host.bytes(at + 6, 2).writeInt16LE(POLLOUT);
          return 1;
        },
        ...ways,
      });
    const cases: [ways: Kernel, way: string][] = [
      [{ sendto: capture }, "sendto"],
      [{ pwritev2: capture }, "pwritev2"],
      [{ pwritev2: () => -EINVAL, splice: () => -EINVAL }, "splice"],
    ];
    for (const [ways, way] of cases) {
      const seen = play(core, { ...LIFE, kernel: refused(ways) });
      if (way !== "splice") assert.equal(heard(seen), said(core), way);
      assert.ok(writes(seen).at(-1)?.startsWith(way), writes(seen).join());
    }
    for (const errno of [EAGAIN, EPIPE]) {
      const full = play(core, { ...LIFE, kernel: refused({ sendto: () => -errno }) });
      assert.deepEqual([heard(full), full.status], ["", 0]);
      assert.deepEqual(new Set(writes(full)), new Set(["sendto 1", "sendto 2"]));
    }
  },
);

promise("a line of which only a part was taken counts as lost", (core) => {
  let left = 1;
  const kernel: Kernel = {
    ...zombie,
    statx: () => SOCKET,
    sendto: (host, fd = 0, at = 0, length = 0) =>
      host.capture(fd, at, fd === 2 && left-- > 0 ? length - 1 : length),
  };
  const { errors } = play(core, { args: ["steady", "/x"], records: false, kernel });
  assert.ok(errors.endsWith(`signal[WARN  steady (1)] ${lost(1)}\n`), errors);
});

const lost = (count: number): string => MESSAGES.LostLines.replace("%d", `${count}`);

promise("lines that found no room are counted, and told of before the next line that finds some", (core) => {
  for (const errno of [EAGAIN, EPIPE, 5]) {
    for (const count of [1, 2, 5]) {
      let left = count;
      const kernel: Kernel = {
        statx: () => PIPE,
        pwritev2: (host, fd = 0, at = 0, length = 0) =>
          fd === 1 && left-- > 0 ? -errno : host.capture(fd, at, length),
      };
      const { output } = play(core, { ...LIFE, kernel });
      const told = [...output.matchAll(/^\[WARN {2}steady \(1\)\] (\d+) log lines could not be written\n/gm)];
      const others = told.reduce((text, [line]) => text.replace(line, ""), output);
      const whole = play(core, LIFE).output;
      const missing = whole.split("\n").length - others.split("\n").length;
      // To tell of the loss is tried before each line, and does not count itself.
      assert.deepEqual([told.length, told[0]?.[1], missing], [1, `${missing}`, Math.ceil(count / 2)]);
      assert.ok(whole.endsWith(others));
    }
  }
});

promise("a line that found no room is told of in its place, where the next one finds some", (core) => {
  const lines = play(core, LIFE).output.split(/(?<=\n)/);
  for (const at of lines.keys()) {
    if (at === lines.length - 1) continue;
    let turn = 0;
    const kernel: Kernel = {
      statx: () => PIPE,
      pwritev2: (host, fd = 0, from = 0, length = 0) =>
        fd === 1 && turn++ === at ? -EPIPE : host.capture(fd, from, length),
    };
    const expected = lines.with(at, `[WARN  steady (1)] ${lost(1)}\n`);
    assert.equal(play(core, { ...LIFE, kernel }).output, expected.join(""));
  }
});

promise(
  "the loop waits for room only where room may come, and tells of the loss as soon as there is some",
  (core) => {
    for (const [errno, isAwaited] of [
      [EAGAIN, true],
      [EPIPE, false],
      [EINTR, false],
    ] as const) {
      for (const events of [POLLOUT, POLLERR, POLLIN]) {
        const watched: string[] = [];
        let isFull = true;
        const kernel = (plain: Kernel): Kernel => ({
          ...zombie,
          statx: () => PIPE,
          pwritev2: (host, to = 0, at = 0, length = 0) => (isFull ? -errno : host.capture(to, at, length)),
          ppoll: (host, at = 0, count = 0, ms = 0) => {
            const entry = at + 24;
            watched.push(
              [host.readI32(at + 16), host.readI32(entry), host.bytes(entry + 4, 2).readInt16LE()].join(),
            );
            if (host.readI32(entry) !== 1) return plain.ppoll?.(host, at, count, ms);
            isFull = events !== POLLOUT;
            host.bytes(entry + 6, 2).writeInt16LE(events);
            return 1;
          },
        });
        const seen = play(core, { args: ["steady", "-v", "/x"], records: false, kernel });
        assert.equal(watched[0], isAwaited ? "-1,1,4" : "-1,-1,4");
        if (isAwaited) assert.equal(watched[1], "-1,-1,4", "it looks once");
        const told = `[WARN  steady (1)] ${lost(4)}\n[INFO  steady (1)] Main child exited normally (with status '0')\n`;
        assert.equal(seen.output, isAwaited && events === POLLOUT ? told : "");
        assert.equal(seen.status, 0);
      }
    }
  },
);

promise("the loop waits for room on stderr too", (core) => {
  const watched: string[] = [];
  let isFull = true;
  const kernel = (plain: Kernel): Kernel => ({
    ...zombie,
    statx: () => PIPE,
    pwritev2: (host, to = 0, at = 0, length = 0) => (isFull ? -EAGAIN : host.capture(to, at, length)),
    ppoll: (host, at = 0, count = 0, ms = 0) => {
      const entry = at + 16;
      watched.push(
        [host.readI32(entry), host.bytes(entry + 4, 2).readInt16LE(), host.readI32(at + 24)].join(),
      );
      if (host.readI32(entry) !== 2) return plain.ppoll?.(host, at, count, ms);
      isFull = false;
      host.bytes(entry + 6, 2).writeInt16LE(POLLOUT);
      return 1;
    },
  });
  const seen = play(core, { args: ["tini", "/x"], pid: 5, records: false, kernel });
  assert.deepEqual(watched.slice(0, 2), ["2,4,-1", "-1,4,-1"]);
  const [told = "", then = ""] = seen.errors.split("\n");
  assert.equal(told, `[WARN  tini (5)] ${lost(1)}`);
  assert.match(then, /Child was dead/);
});

promise("what was lost of the urgent lines is told at the end at the latest", (core) => {
  let left = 1;
  const kernel: Kernel = {
    ...zombie,
    statx: () => PIPE,
    pwritev2: (host, fd = 0, at = 0, length = 0) =>
      fd === 2 && left-- > 0 ? -EPIPE : host.capture(fd, at, length),
  };
  const { errors, output } = play(core, { args: ["steady", "/x"], records: false, kernel });
  assert.deepEqual([errors, output], [`[WARN  steady (1)] ${lost(1)}\n`, ""]);
});

promise(
  "help waits for room, goes on after an interruption and a part, and gives up where that fails",
  (core) => {
    const whole = play(core, { args: ["steady", "--help"] }).output;
    assert.ok(whole.length > 1024);
    let turn = 0;
    const parts: Kernel = {
      write: (host, fd = 0, at = 0, length = 0) => {
        turn++;
        assert.ok(length > 0 && length <= 1024, `${length} bytes at once`);
        if (turn % 3 === 0) return -EINTR;
        const part = turn % 3 === 1 ? Math.min(turn % 2 === 1 ? 1 : 100, length) : length;
        return host.capture(fd, at, part);
      },
    };
    assert.equal(play(core, { args: ["steady", "--help"], kernel: parts }).output, whole);
    for (const answer of [-EPIPE, 0, -EAGAIN]) {
      const seen = play(core, { args: ["steady", "--help"], kernel: { write: () => answer } });
      assert.equal(seen.status, 0);
      const tries = seen.calls.filter(([name]) => name === "write").length;
      assert.ok(tries >= 1 && tries <= Math.ceil(whole.length / 1024), `${tries} tries`);
    }
  },
);

promise("a line has at most 1,024 bytes and always ends", (core) => {
  for (const length of [
    900, 955, 960, 961, 962, 963, 964, 965, 966, 967, 968, 969, 970, 980, 1000, 1023, 1024, 5000,
  ]) {
    const seen = play(core, { args: ["steady", "-v", "x".repeat(length)] });
    for (const each of seen.output.split(/(?<=\n)/)) {
      assert.ok(each.length <= 1024 && each.endsWith("\n"), `${each.length}`);
      if (each.includes("Spawned")) {
        const full = `[INFO  steady (1)] Spawned child process '${"x".repeat(length)}' with pid '42'`;
        assert.equal(each, `${full.slice(0, 1023)}\n`);
      }
    }
  }
});

promise("the loop goes on waiting for room while other things happen, and tells of a loss once", (core) => {
  for (const fullUntil of [2, 4]) {
    const awaited: number[] = [];
    const kernel = (plain: Kernel): Kernel => ({
      statx: () => PIPE,
      pwritev2: (host, to = 0, at = 0, length = 0) =>
        awaited.length < fullUntil && to === 1 ? -EAGAIN : host.capture(to, at, length),
      ppoll: (host, at = 0, count = 0, ms = 0) => {
        awaited.push(host.readI32(at + 24));
        const ready = plain.ppoll?.(host, at, count, ms) ?? 0;
        if (awaited.length !== 4 || awaited.at(-1) !== 1) return ready;
        host.bytes(at + 30, 2).writeInt16LE(POLLOUT);
        return 2;
      },
    });
    const events = [
      { signal: 10 },
      { signal: 12 },
      { signal: 10 },
      "nothing",
      { dies: PROGRAM, status: 0 },
    ] as const;
    const { output } = restart(core, { survivors: {}, events, args: ["steady", "-vv", "/x"], kernel });
    assert.deepEqual(awaited.slice(0, 5), [-1, 1, 1, 1, -1], `${fullUntil}`);
    assert.equal(output.match(/log lines could not be written/g)?.length, 1, output);
    assert.ok(!output.includes(lost(0)), output);
  }
});
