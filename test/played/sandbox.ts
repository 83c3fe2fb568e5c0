// The filter that the core makes, run as the kernel runs it: which calls it lets through and with which arguments, for what
// was asked for. Nothing of it is compared as text.

import assert from "node:assert/strict";
import { allows, type Filter, numberOf, readFilter } from "../../simulator/seccomp.ts";
import { CALLS, ERRORS, NUMBERS } from "../../texts/linux.ts";
import { type Core, Exited, type Kernel } from "../lib/host.ts";
import { play } from "../lib/plain.ts";
import { PIDFD, PROGRAM, SIGNALFD } from "../lib/scene.ts";
import { into, type Played } from "./promises.ts";

export const SANDBOXES: Played[] = [];
const promise = into(SANDBOXES);

const [EPERM, ENOSYS, EINVAL, EACCES] = [1, 38, 22, 13];
const [ALLOW, REFUSE] = [0x7fff0000, 0x00050000 | EPERM];
const [LOAD, EQUAL, RETURN] = [0x20, 0x15, 0x06];
const SECCOMP_DATA_SIZE = 64;
const SIGCHLD = 17;
/** Requests of ioctl and prctl that are let through by themselves. */
const DOORS = [...NUMBERS.keys()].map((index) => numberOf(index + 1)).concat(1, 3, 4);
const ALWAYS = CALLS.slice(0, CALLS.findIndex(([name]) => name === "exit_group") + 1).map(([name]) => name);
const EVERYTHING = (1n << 41n) - 1n;

interface How {
  readonly kernel?: Kernel;
  readonly args?: readonly string[];
  readonly pid?: number;
  readonly records?: boolean;
  readonly capabilities?: bigint;
  readonly terminal?: boolean;
}

/** The filter of an init that was called so. */
function filterOf(core: Core, { args = [], capabilities = EVERYTHING, kernel: own, ...life }: How): Filter {
  const filters: Filter[] = [];
  const kernel: Kernel = {
    number_of: (_, what = 0) => numberOf(what),
    capget: () => capabilities,
    seccomp: (host, at = 0, count = 0) => {
      filters.push(readFilter(Uint8Array.from(host.bytes(at, 8 * count))));
      return 0;
    },
    ...own,
  };
  play(core, { args: ["steady", ...args, "/x"], kernel, ...life });
  assert.equal(filters.length, 1);
  return filters[0] as Filter;
}

/** Which of these calls come through. */
const through = (filter: Filter, calls: readonly (readonly [string, ...number[]])[]): string[] =>
  calls.filter(([name, ...args]) => allows(filter, name, args)).map((call) => call.join(" "));

promise("what it returns is leave or EPERM, and nothing else", (core) => {
  for (const how of [
    {},
    { args: ["--kill-orphans"] },
    { pid: 7 },
    { capabilities: 0n },
    { terminal: true, pid: 7 },
  ]) {
    const filter = filterOf(core, how);
    const values = new Set(filter.filter(({ code }) => code === RETURN).map(({ value }) => value));
    assert.deepEqual([...values].sort(), [REFUSE, ALLOW].sort());
    assert.ok(filter.every(({ code, ifTrue, ifFalse }) => code === 0x15 || (ifTrue === 0 && ifFalse === 0)));
  }
});

promise("what it loads are whole words of struct seccomp_data, as the kernel demands", (core) => {
  for (const how of [
    { args: ["--kill-orphans"], pid: 7 },
    { capabilities: 0n, terminal: true },
  ]) {
    const loads = filterOf(core, how).filter(({ code }) => code === LOAD);
    assert.deepEqual([...new Set(loads.map(({ value }) => value % 4))], [0]);
    assert.ok(loads.every(({ value }) => value >= 0 && value < SECCOMP_DATA_SIZE));
  }
});

promise("an argument that a rule refuses is refused, also where it is the number of a call", (core) => {
  for (const how of [{}, { args: ["--reap=wait"], terminal: true, pid: 7 }, { capabilities: 0n }]) {
    const filter = filterOf(core, how);
    const numbers = filter.filter(({ code }) => code === EQUAL).map(({ value }) => value);
    const own = [PROGRAM, -PROGRAM, 0, -1, 1, PIDFD, SIGNALFD, SIGCHLD, ...DOORS];
    for (const number of numbers.filter((each) => !own.includes(each)))
      for (const [name, ...args] of [
        ["kill", number, 15],
        ["signalfd4", number, 0],
        ["pidfd_send_signal", number, 15],
        ["rt_sigqueueinfo", number, 8],
        ["rt_sigaction", number, 0],
        ["ioctl", 0, number],
        ["prctl", number],
        ["setresuid", number, 0, -1],
        ["setresuid", -1, 0, number],
      ] as const)
        assert.ok(!allows(filter, name, args), `${name} ${args}`);
  }
});

promise("the calls that every life needs come through with whatever arguments", (core) => {
  const filter = filterOf(core, {});
  for (const name of ALWAYS)
    for (const args of [[], [0, 0, 0], [-1, -1, -1], [2 ** 31 - 1, 99, 7]]) {
      const asked = name === "exit_group" ? "exit" : name;
      assert.ok(allows(filter, asked, args), `${name} ${args}`);
    }
});

promise(
  "signals reach the program, its group and its pidfd, everybody where the rest may have to be ended, and nobody else",
  (core) => {
    const calls = [
      ...[PROGRAM, -PROGRAM, PROGRAM + 1, -PROGRAM - 1, 1, 0, -1, 7].map((pid) => ["kill", pid, 15] as const),
      ["kill", 99, 0] as const,
      ["rt_sigqueueinfo", PROGRAM, 8] as const,
      ["rt_sigqueueinfo", PROGRAM + 1, 8] as const,
      ...[PIDFD, PIDFD + 1, -1].map((fd) => ["pidfd_send_signal", fd, 15, 0, 0] as const),
      ["pidfd_open", PROGRAM] as const,
      ["getpgid", PROGRAM] as const,
    ];
    const waits = [`kill ${PROGRAM} 15`, `kill ${-PROGRAM} 15`];
    const pidfd = `pidfd_send_signal ${PIDFD} 15 0 0`;
    const queue = `rt_sigqueueinfo ${PROGRAM} 8`;
    const anybody = "kill 99 0";
    const everybody = "kill -1 15";
    for (const [how, expected] of [
      [{ args: ["--reap=wait"] }, [...waits, everybody, anybody, queue, pidfd]],
      [{ args: ["--reap=wait", "--drain=0"] }, [...waits, anybody, queue, pidfd]],
      [{ args: ["--reap=wait", "--drain=0", "--grace=1s"] }, [...waits, everybody, anybody, queue, pidfd]],
      [
        { args: ["--reap=wait", "--drain=0", "--stop-within=1s"] },
        [...waits, everybody, anybody, queue, pidfd],
      ],
      ...["--grace=1ms", "--grace=180m", "--stop-within=180m", "--drain=1ms", "--stop-within=501ms"].map(
        (time) =>
          [
            { args: ["--reap=wait", "--drain=0", time] },
            [...waits, everybody, anybody, queue, pidfd],
          ] as const,
      ),
      [{ args: ["--reap=wait", "--drain=0", "--pre-stop=1ms"] }, [...waits, anybody, queue, pidfd]],
      [{ args: [], records: true }, [everybody, anybody, pidfd]],
      [{ args: ["--drain=0"], records: true }, [anybody, pidfd]],
      [{ args: ["--reap=wait"], pid: 7 }, [...waits, anybody, queue, pidfd]],
      [{ args: ["--as=tini", "--reap=wait"] }, [...waits, anybody, queue, pidfd]],
      [{ args: ["--as=dumb-init", "--reap=wait"] }, [...waits, "kill 1 15", anybody, queue, pidfd]],
      [{ args: ["--reap=wait"], pid: 7, terminal: true }, [...waits, "kill 0 15", anybody, queue, pidfd]],
    ] as const) {
      const seen = through(filterOf(core, how), calls);
      assert.deepEqual(seen.sort(), [...expected].sort(), JSON.stringify(how));
    }
    const swept = ["kill", "pidfd_send_signal", "pidfd_open", "getpgid"];
    for (const how of [
      { args: ["--reap=wait", "--kill-orphans"] },
      { args: ["--reap=wait", "--drain=1s"], pid: 7 },
      { args: ["--reap=wait", "--grace=1s"], pid: 7 },
    ]) {
      const seen = through(filterOf(core, how), calls);
      const expected = calls.filter(
        ([name, pid]) => swept.includes(name) || (name === "rt_sigqueueinfo" && pid === PROGRAM),
      );
      assert.deepEqual(
        seen,
        expected.map((call) => call.join(" ")),
        JSON.stringify(how),
      );
    }
  },
);

promise(
  "files are opened to be read and never through a link; the signalfd, SIGCHLD and the terminal are its own",
  (core) => {
    for (const records of [true, false]) {
      for (const terminal of [true, false]) {
        const filter = filterOf(core, { records, terminal });
        const seen = through(filter, [
          ["openat", 8, 0],
          ["openat", 8, 1],
          ["openat", 8, 2],
          ["signalfd4", SIGNALFD, 0],
          ["signalfd4", -1, 0],
          ["signalfd4", SIGNALFD + 1, 0],
          ["rt_sigaction", 17, 0],
          ["rt_sigaction", 15, 0],
          ["pidfd_get_info", PIDFD, 8],
          ["tcgetpgrp", 0],
          ["tcsetpgrp", 0, 5],
          ["control_terminal", 0, 1],
        ]);
        assert.deepEqual(seen, [
          "openat 8 1",
          "openat 8 2",
          `signalfd4 ${SIGNALFD} 0`,
          ...(records ? ["rt_sigaction 17 0"] : []),
          `pidfd_get_info ${PIDFD} 8`,
          ...(terminal ? ["tcgetpgrp 0", "tcsetpgrp 0 5"] : []),
        ]);
      }
    }
  },
);

promise("an init without a signalfd cannot make one later", (core) => {
  const ends = (): never => {
    throw new Exited(0);
  };
  const filter = filterOf(core, { kernel: { signalfd4: () => -EPERM, rt_sigtimedwait: ends } });
  assert.deepEqual(
    through(
      filter,
      [-1, 0, SIGNALFD].map((fd) => ["signalfd4", fd, 0]),
    ),
    [],
  );
});

promise("another uid is only for an init without CAP_KILL, and only as its effective one", (core) => {
  const calls = [
    ["geteuid"],
    ["getppid"],
    ["seteuid", 1000],
    ["setresuid", -1, 1000, 0],
    ["setresuid", 0, 1000, -1],
    ["setresuid", 1000, 1000, 1000],
    ["get_dumpable"],
    ["set_dumpable", 1],
    ["set_pdeathsig", 9],
    ["prctl", 38, 1, 0],
    ["prctl", 2, 0, 0],
    ["capset", 0],
    ["setuid", 0],
  ] as const;
  const seen = through(filterOf(core, { capabilities: 1n << 7n }), calls);
  assert.deepEqual(seen, [
    "geteuid",
    "getppid",
    "seteuid 1000",
    "get_dumpable",
    "set_dumpable 1",
    "set_pdeathsig 9",
  ]);
  assert.deepEqual(through(filterOf(core, {}), calls), []);
});

promise(
  "programs, processes and whatever else an init does not do are refused, and so is every other architecture",
  (core) => {
    const filter = filterOf(core, { capabilities: 0n, args: ["--kill-orphans"], pid: 7, terminal: true });
    const others = [
      "execve",
      "clone",
      "chdir",
      "setpgid",
      "setsid",
      "setgroups",
      "setgid",
      "fcntl_dupfd",
      "seccomp",
      "nothing",
    ];
    // An argument that lets another call through does nothing for these.
    for (const name of others)
      for (const first of [0, 1, 3, 4, -1, SIGCHLD, SIGNALFD, PIDFD, PROGRAM])
        assert.ok(!allows(filter, name, [first, 0, 0]), `${name} ${first}`);
    // The architecture is asked first; where it is another the next instruction refuses.
    const [load, equal, refuse] = filter;
    assert.deepEqual([load?.code, load?.value], [0x20, 4]);
    assert.deepEqual([equal?.value, equal?.ifTrue, equal?.ifFalse], [numberOf(0), 1, 0]);
    assert.deepEqual([refuse?.code, refuse?.value], [RETURN, REFUSE]);
  },
);

promise(
  "off asks for nothing, strict is not dumpable, and a kernel that has no filters is told of where it matters",
  (core) => {
    const plain = { args: ["steady", "/x"] };
    const calls = (args: readonly string[], kernel: Kernel = {}) =>
      play(core, { args, kernel }).calls.map((call) => call.join(" "));
    assert.ok(!calls(["steady", "--sandbox=off", "/x"]).some((call) => call.startsWith("seccomp")));
    assert.ok(calls(["steady", "--sandbox=strict", "/x"]).includes("set_dumpable 0"));
    assert.ok(!calls(plain.args).some((call) => call.startsWith("set_dumpable")));
    for (const [errno, isWarned] of [
      [EPERM, true],
      [EACCES, true],
      [ENOSYS, false],
      [EINVAL, false],
    ] as const) {
      for (const [args, isTold] of [
        [[], isWarned],
        [["-v"], true],
      ] as const) {
        const seen = play(core, { args: ["steady", ...args, "/x"], kernel: { seccomp: () => -errno } });
        const told = isWarned ? seen.errors : seen.output;
        const level = isWarned ? "WARN " : "INFO ";
        const line = `[${level} steady (1)] No sandbox for the init: ${ERRORS[errno]}\n`;
        assert.equal(told.includes(line), isTold, `${errno} ${args}`);
      }
    }
  },
);
