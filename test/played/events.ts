// --events: where the lines may go, and that what others chose stays between its quotes.

import assert from "node:assert/strict";
import { SIGNALS } from "../../texts/linux.ts";
import { MESSAGES } from "../../texts/messages.ts";
import { EXPECTED } from "../../texts/options.ts";
import { type Core, Exited, type Host, type Kernel } from "../lib/host.ts";
import { type Life, play, type Seen } from "../lib/plain.ts";
import { into, type Played } from "./promises.ts";

export const EVENTS: Played[] = [];
const promise = into(EVENTS);

const [ENOENT, EBADF, EACCES, EXDEV, EINVAL, ENOSPC] = [2, 9, 13, 18, 22, 28];
const SIGNAL_INFO_BYTES = 128;
const [REGULAR, FOLDER, LINK] = [0x8000, 0x4000, 0xa000];
const [APPEND, APPEND_ONLY] = [4, 5];
const [COPY, FILE, NEXT] = [20, 21, 22];
const AT_FDCWD = -100;
const LINE_MAX = 1024;
/** What stands behind the longest that others chose. */
const REST = 160;

const NOT_OURS = MESSAGES.FileNotOurs.replace("%t", "events-to");

const FORMS = ["json", "text"] as const;
/** The line of the spawned program, whose name stands last but one in it. */
function spawned(core: Core, form: string, program: string, kernel: Kernel = {}): string {
  const { errors } = play(core, { args: ["steady", `--events=${form}`, program], kernel });
  const line = errors.split("\n").find((each) => each.includes("spawned"));
  return line ?? assert.fail(errors);
}

const escaped = (text: string): string =>
  [...Buffer.from(text, "latin1")]
    .map((byte) => {
      if (byte < 32 || byte > 126) return `\\u00${byte.toString(16).padStart(2, "0")}`;
      return byte === 34 || byte === 92 ? `\\${String.fromCharCode(byte)}` : String.fromCharCode(byte);
    })
    .join("");

const around = (form: string): { head: string; end: string } =>
  form === "json"
    ? {
        head: '{"time":"1970-01-01T00:00:05.000Z","event":"spawned","process.command":"',
        end: '","process.pid":42}',
      }
    : { head: 'time="1970-01-01T00:00:05.000Z" event="spawned" process.command="', end: '" process.pid=42' };

promise("of what others chose each byte that is no printable ASCII, or could end it, is escaped", (core) => {
  for (const form of FORMS) {
    const { head, end } = around(form);
    for (let byte = 1; byte < 256; byte += 15) {
      const program = `/${String.fromCharCode(...Array.from({ length: 15 }, (_, more) => byte + more))}x`;
      assert.equal(spawned(core, form, program), `${head}${escaped(program)}${end}`);
    }
  }
});

promise(
  "what is too long is cut where the rest of the line finds room, and never within an escape",
  (core) => {
    for (const form of FORMS) {
      const { head, end } = around(form);
      const room = LINE_MAX - REST + 1 - head.length;
      for (const more of [-1, 0, 1, 2, 200]) {
        const program = `/${"x".repeat(room - 1 + more)}`;
        assert.equal(spawned(core, form, program), `${head}${program.slice(0, room)}${end}`);
      }
      for (const [before, after] of [
        [room - 1, "\\u0001"],
        [room, ""],
      ] as const) {
        const program = `/${"x".repeat(before - 1)}\x01yz`;
        assert.equal(spawned(core, form, program), `${head}${program.slice(0, before)}${after}${end}`);
      }
    }
  },
);

promise("the time is that of RFC 3339 in UTC, with milliseconds, in every year that may come", (core) => {
  const days = [
    "1970-01-01",
    "1970-12-31",
    "1972-02-29",
    "1999-12-31",
    "2000-02-29",
    "2000-03-01",
    "2026-11-27",
    "2099-02-28",
    "2100-02-28",
    "2100-03-01",
    "2400-02-29",
  ];
  const months = Array.from({ length: 24 }, (_, month) => new Date(Date.UTC(2027, month + 1, 0)));
  const firsts = Array.from({ length: 24 }, (_, month) => new Date(Date.UTC(2027, month, 1)));
  const times = ["00:00:00.000", "23:59:59.999", "01:02:03.004", "10:20:30.456", "09:59:59.099"];
  const dates = [
    ...days.flatMap((day) => times.map((time) => new Date(`${day}T${time}Z`))),
    ...months,
    ...firsts,
  ];
  for (const date of dates) {
    const kernel: Kernel = { clock_gettime: () => BigInt(date.getTime()) };
    assert.ok(
      spawned(core, "text", "/x", kernel).startsWith(`time="${date.toISOString()}" `),
      date.toISOString(),
    );
  }
  const before: Kernel = { clock_gettime: () => -1n };
  assert.ok(spawned(core, "text", "/x", before).startsWith('time="1970-01-01T00:00:00.000Z"'));
});

promise("each signal that is taken is told by its number and its name", (core) => {
  for (let signal = 1; signal <= 64; signal++) {
    if (["KILL", "CHLD", "STOP"].includes(SIGNALS[signal - 1]?.[0] ?? "")) continue;
    let isGiven = false;
    const { errors } = play(core, {
      args: ["steady", "--events", "json", "/x"],
      kernel: (plain) => ({
        pidfd_send_signal: (_, _fd, signo = 0) => (signo > 64 ? -EINVAL : 0),
        kill: () => 0,
        read: (host: Host, fd = 0, at = 0, max = 0) => {
          if (max !== SIGNAL_INFO_BYTES || isGiven) return plain.read?.(host, fd, at, max);
          isGiven = true;
          host.bytes(at, SIGNAL_INFO_BYTES).fill(0);
          host.writeI32(at, signal);
          return SIGNAL_INFO_BYTES;
        },
      }),
    });
    const name = SIGNALS[signal - 1]?.[0] ?? (signal < 34 ? `${signal}` : `RTMIN+${signal - 34}`);
    for (const event of ["signal_received", "signal_forwarded"]) {
      const told = `"event":"${event}","steady.signal.name":"SIG${name}","steady.signal.number":${signal}`;
      assert.match(errors, new RegExp(`${told.replace("+", "[+]")}[,}]`));
    }
  }
});

function refusal(option: string, value: string, expected: string): string {
  const told = MESSAGES.InvalidLongValue.replace("%t", option).replace("%v", () => value);
  return `[FATAL steady (1)] ${told.replace("%t", expected)}\n`;
}

promise("events are text or json, and go to stderr, fd:N, or a path from the root on", (core) => {
  const wrong = (option: string, value: string, expected: string): void => {
    const { status, errors } = play(core, { args: ["steady", `--${option}=${value}`, "/x"] });
    assert.deepEqual([status, errors], [1, refusal(option, value, expected)]);
  };
  for (const value of ["", "none", "jso", "jsonx", "textx", "JSON"]) wrong("events", value, EXPECTED.Events);
  const long = `/${"p".repeat(511)}`;
  for (const value of [
    "",
    "stderrx",
    "stdout",
    "fd:",
    "fd:x",
    "fd:3x",
    "fd:-1",
    "fd:3,4",
    "file",
    "./x",
    long,
  ])
    wrong("events-to", value, EXPECTED.Target);
  for (const value of ["stderr", "fd:0", "fd:3", "fd:999999", "/", long.slice(0, -1)]) {
    // What cannot be opened is no wrong value.
    const { status } = play(core, { args: ["steady", `--events-to=${value}`, "/x"] });
    assert.notEqual(status, 1, value);
  }
});

/** A life that tells events, and what was written to a descriptor. */
function tells(core: Core, life: Life): Seen & { readonly lines: (fd: number) => string[] } {
  const written: [fd: number, text: string][] = [];
  const capture = (host: Host, fd = 0, at = 0, length = 0): number => {
    written.push([fd, host.bytes(at, length).toString("latin1")]);
    return host.capture(fd, at, length);
  };
  const { kernel = {} } = life;
  const seen = play(core, {
    ...life,
    kernel: (plain) => ({
      ...plain,
      write: capture,
      ...(typeof kernel === "function" ? kernel(plain) : kernel),
    }),
  });
  return { ...seen, lines: (fd) => written.filter(([to]) => to === fd).map(([, text]) => text) };
}

promise("no number is no count of zombies and no share of pids", (core) => {
  for (const [option, expected] of [
    ["max-zombies", EXPECTED.Zombies],
    ["max-pids", EXPECTED.Percent],
  ] as const) {
    for (const value of ["", "x", "5x", "-1", "1,2", "1000000"]) {
      const { status, errors } = play(core, { args: ["steady", "--health", `--${option}=${value}`] });
      assert.deepEqual([status, errors], [1, refusal(option, value, expected)]);
    }
  }
});

promise(
  "events for fd:N go to a copy of it that the program does not get, and never to a lower number",
  (core) => {
    const seen = tells(core, {
      args: ["steady", "--events-to=fd:7", "/x"],
      kernel: { fcntl_dupfd: () => COPY },
    });
    assert.deepEqual(
      seen.calls.filter(([name]) => name === "fcntl_dupfd"),
      [["fcntl_dupfd", 7, 3]],
    );
    assert.match(seen.lines(COPY).join(""), /"started".*\n.*"spawned"[\s\S]*"exiting"/);
    assert.ok(!seen.errors.includes("event="));
    const closed = play(core, {
      args: ["steady", "--events=text", "--events-to=fd:7", "/x"],
      kernel: { fcntl_dupfd: () => -EBADF },
    });
    const told = MESSAGES.FileFailed.replace("%t", "events-to").replace("%e", "Bad file descriptor");
    assert.deepEqual([closed.status, closed.errors], [125, `[FATAL steady (1)] ${told}\n`]);
  },
);

interface About {
  readonly mode?: number;
  readonly links?: number;
  readonly uid?: number;
  readonly inode?: bigint;
  readonly device?: bigint;
}

/** Fills in a struct statx (statx(2)). */
function fill(
  host: Host,
  at: number,
  { mode = REGULAR, links = 1, uid = 0, inode = 5n, device = 6n }: About,
): number {
  const bytes = host.bytes(at, 256).fill(0);
  bytes.writeUInt32LE(links, 16);
  bytes.writeUInt32LE(uid, 20);
  bytes.writeUInt16LE(mode | 0o640, 28);
  bytes.writeBigUInt64LE(inode, 32);
  bytes.writeBigUInt64LE(device, 136);
  return 0;
}

/** A disk with one file at each name; what is opened has the next number. */
const disk = (file: About, more: Kernel = {}): Kernel => ({
  openat: (host, path = 0) => (host.text(path) === "/log/events" ? FILE : -ENOENT),
  statx_at: (host, _fd, _path, at = 0) => fill(host, at, file),
  geteuid: () => 0,
  ...more,
});
/** Answers for the file alone: there is no other. */
const ofFile =
  (open: () => number): NonNullable<Kernel["openat"]> =>
  (host, path = 0) =>
    host.text(path) === "/log/events" ? open() : -ENOENT;
const TO_FILE = ["steady", "--events=text", "--events-to=/log/events"];

promise(
  "events are appended to a regular file with one name that the init's user owns, and to no other",
  (core) => {
    const good = tells(core, { args: [...TO_FILE, "/x"], kernel: disk({}) });
    assert.match(good.lines(FILE).join(""), /"started".*\n.*"spawned"[\s\S]*"exiting"/);
    assert.ok(good.calls.some(([name, , how]) => name === "openat" && how === APPEND));
    for (const file of [
      { mode: FOLDER },
      { mode: LINK },
      { mode: 0x1000 },
      { links: 2 },
      { links: 0 },
      { uid: 1 },
    ]) {
      const { status, errors, calls } = tells(core, { args: [...TO_FILE, "/x"], kernel: disk(file) });
      assert.deepEqual([status, errors], [125, `[FATAL steady (1)] ${NOT_OURS}\n`]);
      assert.ok(calls.some(([name, fd]) => name === "close" && fd === FILE));
      assert.ok(!calls.some(([name]) => name === "clone"));
    }
    for (const [more, error] of [
      [{ openat: () => -EACCES }, "Permission denied"],
      [{ statx_at: () => -EXDEV }, "Invalid cross-device link"],
    ] as const) {
      const { status, errors } = tells(core, { args: [...TO_FILE, "/x"], kernel: disk({}, more) });
      const told = MESSAGES.FileFailed.replace("%t", "events-to").replace("%e", error);
      assert.deepEqual([status, errors], [125, `[FATAL steady (1)] ${told}\n`]);
    }
  },
);

promise("with --user the file is one that is there, and that user's", (core) => {
  const life = (file: About): Seen =>
    tells(core, { args: [...TO_FILE, "--user=5:6", "/x"], kernel: disk(file, { seteuid: () => 0 }) });
  const theirs = life({ uid: 5 });
  assert.equal(theirs.errors, "[WARN  steady (1)] Child was dead when forwarding signal\n");
  assert.ok(theirs.calls.some(([name, , how]) => name === "openat" && how === APPEND_ONLY));
  assert.equal(life({ uid: 0 }).errors, `[FATAL steady (1)] ${NOT_OURS}\n`);
});

/** What is called to open the file of user 5, from the first that changes the init on, and the status. */
function opens(
  core: Core,
  dumpable: number,
  answer: number,
  ...options: string[]
): [string[], number | null] {
  const files = disk(
    { uid: 5 },
    { seteuid: (_, uid = 0) => (uid === 5 ? answer : 0), get_dumpable: () => dumpable },
  );
  const life = tells(core, { args: [...TO_FILE, "--user=5:6:+7", ...options, "/x"], kernel: files });
  const from = life.calls.findIndex(([name]) => name === "setgroups");
  const end = life.calls.findIndex(([name], at) => at > from && /^(?:statx_at|statx)$/.test(name));
  const made = life.calls.slice(from, end).filter(([name]) => /^set|^openat/.test(name));
  return [made.map(([name, a, b]) => `${name} ${name === "openat" ? b : a}`), life.status];
}

promise(
  "the file is opened as that user with its groups, and the init is itself again after that one call",
  (core) => {
    const open = ["setgroups 2", "setfsgid 6", "seteuid 5", `openat ${APPEND_ONLY}`, "seteuid 0"];
    assert.deepEqual(opens(core, 1, 0)[0], [...open, "set_dumpable 1"]);
    assert.deepEqual(opens(core, 0, 0)[0], open);
    assert.deepEqual(opens(core, 1, 0, "-pTERM")[0], [...open, "set_dumpable 1", "set_pdeathsig 15"]);
    assert.deepEqual(opens(core, 1, -EACCES), [open.slice(0, 3), 125]);
  },
);

/** What the log has of a life in which some writes to the file fail. */
function refusing(core: Core, refused: (nth: number) => boolean): string {
  let nth = 0;
  const write = (host: Host, fd = 0, at = 0, length = 0): number =>
    fd === FILE && refused(nth++) ? -ENOSPC : host.capture(fd, at, length);
  return play(core, { args: [...TO_FILE, "/x"], kernel: (plain) => ({ ...plain, ...disk({}), write }) })
    .errors;
}

promise("why an event could not be written is said at the first one, and not again", (core) => {
  const told = MESSAGES.FileFailed.replace("%t", "events-to").replace("%e", "No space left on device");
  const others = refusing(core, () => false);
  assert.ok(!others.includes("events-to"));
  for (const refused of [() => true, (nth: number) => nth > 2, (nth: number) => nth % 2 === 1]) {
    const errors = refusing(core, refused);
    assert.deepEqual(
      errors.split("\n").filter((line) => line.includes("events-to")),
      [`[WARN  steady (1)] ${told}`],
    );
    assert.equal(errors.replace(`[WARN  steady (1)] ${told}\n`, ""), others, "and nothing else is said");
  }
});

/** A life in which, from where the program has its way, `next` stands at the file's name: another file, or none. */
function follows(
  core: Core,
  next: About | null,
  more: Kernel = {},
): { old: string; new: string; calls: Seen["calls"] } {
  let isMoved = false;
  let opened = 0;
  const kernel = disk(
    {},
    {
      openat: (_host, _path, how) => (how === APPEND ? ([FILE, NEXT][opened++] ?? -ENOENT) : -ENOENT),
      statx_at: (host, fd = 0, _path, at = 0) => {
        const file = fd === NEXT || (fd === AT_FDCWD && isMoved) ? next : {};
        return file === null ? -ENOENT : fill(host, at, file);
      },
      release: () => {
        isMoved = true;
        return 0;
      },
      ...more,
    },
  );
  const seen = tells(core, { args: [...TO_FILE, "/x"], kernel });
  return { old: seen.lines(FILE).join(""), new: seen.lines(NEXT).join(""), calls: seen.calls };
}

promise(
  "where the file was rotated away the next line goes to the new one, and the old is let go",
  (core) => {
    for (const next of [{ inode: 7n }, { device: 7n }]) {
      const seen = follows(core, next);
      assert.match(seen.old, /"spawned"[\s\S]*"sandboxed"\n$/);
      assert.match(seen.new, /^[^\n]*"signal_received"[\s\S]*"exiting"/);
      assert.ok(seen.calls.some(([name, fd]) => name === "close" && fd === FILE));
    }
    const made = follows(core, null, { statx_at: aFirstTime() });
    assert.match(made.new, /^[^\n]*"sandboxed"[\s\S]*"exiting"/);
  },
);

/** Nothing has the name any more, until it is opened anew. */
function aFirstTime(): NonNullable<Kernel["statx_at"]> {
  let looks = 0;
  return (host, fd = 0, _path, at = 0) => {
    if (fd === FILE) return fill(host, at, {});
    if (fd === NEXT) return fill(host, at, { inode: 9n });
    // Told before the program is released: what spawned, settled and sandboxed look at.
    if (looks++ < 2) return fill(host, at, {});
    return looks === 3 ? -ENOENT : fill(host, at, { inode: 9n });
  };
}

promise("what stands in the file's place and is none of ours, or cannot be opened, is left alone", (core) => {
  for (const next of [
    { inode: 7n, links: 2 },
    { inode: 7n, uid: 1 },
    { inode: 7n, mode: FOLDER },
  ]) {
    const seen = follows(core, next);
    assert.match(seen.old, /"spawned"[\s\S]*"exiting"/);
    assert.equal(seen.new, "");
    assert.ok(seen.calls.some(([name, fd]) => name === "close" && fd === NEXT));
  }
  let opened = 0;
  const refused = follows(core, { inode: 7n }, { openat: ofFile(() => (opened++ === 0 ? FILE : -EACCES)) });
  assert.match(refused.old, /"spawned"[\s\S]*"exiting"/);
  for (const low of [0, 1, 2]) {
    let count = 0;
    const seen = follows(core, { inode: 7n }, { openat: ofFile(() => (count++ === 0 ? FILE : low)) });
    assert.match(seen.old, /"spawned"[\s\S]*"exiting"/);
    assert.ok(seen.calls.some(([name, fd]) => name === "close" && fd === low));
  }
});

promise("the last of the sentences that are events is told as one too", (core) => {
  const { childErrors } = play(core, {
    args: ["steady", "--events=text", "/x"],
    terminal: true,
    childKernel: { tcsetpgrp: () => -EXDEV },
  });
  assert.ok(childErrors.includes('event="terminal_failed" steady.errno=18 '), childErrors);
});

promise("how the init reaps and takes signals is told once it is settled", (core) => {
  for (const [records, signalfd, told] of [
    [true, 11, 'steady.reaping="kernel" steady.signalfd=true'],
    [false, 11, 'steady.reaping="wait" steady.signalfd=true'],
    [true, -EXDEV, 'steady.reaping="wait" steady.signalfd=false'],
    [true, 0, 'steady.reaping="kernel" steady.signalfd=true'],
  ] as const) {
    const { errors } = play(core, {
      args: ["steady", "--events=text", "/x"],
      records,
      kernel: {
        signalfd4: () => signalfd,
        fcntl_dupfd: () => 11,
        release: () => {
          throw new Exited(0);
        },
      },
    });
    assert.ok(errors.includes(`event="settled" ${told}\n`), `${told}\n${errors}`);
  }
});

promise("a signal that cannot be sent on is told with its number and why", (core) => {
  for (const errno of [1, 3, 11, 22]) {
    const { errors } = play(core, {
      args: ["steady", "--events=text", "/x"],
      kernel: (plain) => ({
        ...plain,
        pidfd_send_signal: (host, fd = 0, signal = 0) =>
          signal === 15 ? -errno : (plain.pidfd_send_signal?.(host, fd, signal) ?? 0),
      }),
    });
    const told = `event="signal_failed" steady.signal.name="SIGTERM" steady.signal.number=15 steady.errno=${errno} `;
    assert.equal(errors.split(told).length, 2, errors);
  }
});
