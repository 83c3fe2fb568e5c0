// --status and --health, played on the core itself in containers that are made up: /proc and the cgroup files are planted,
// and what is said is compared with what was planted.

import assert from "node:assert/strict";
import fc from "fast-check";
import { SIGNALS } from "../../texts/linux.ts";
import type { Core, Host, Kernel } from "../lib/host.ts";
import { play, type Seen } from "../lib/plain.ts";
import { into, type Played } from "./promises.ts";

export const STATUSES: Played[] = [];
const promise = into(STATUSES);

const [ENOENT, EACCES, EINTR] = [2, 13, 4];
export const US = 900;
const WINDOW_MS = 500;
const FIRST_FD = 100;

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  /** Its first argument; a zombie has none. */
  readonly command?: string;
  readonly state?: string;
  readonly threads?: number;
  /** In hundredths of a second since the machine was started. */
  readonly begin?: number;
  /** Lines of /proc/PID/status. */
  readonly signals?: readonly [ignored: bigint, caught: bigint, blocked: bigint];
}

export interface Container {
  readonly processes: readonly Process[];
  /** Further files. */
  readonly files?: Readonly<Record<string, string>>;
  /** The file of PID 1; none: it may not be read. */
  readonly file?: string;
  /** The last pid that was given, at each look. */
  readonly lastPids?: readonly number[];
}

export const INIT: Process = { pid: 1, parent: 0, name: "steady", command: "/sbin/steady", begin: 1234 };
export const MAIN: Process = { pid: 7, parent: 1, name: "server", command: "/srv/server", begin: 1240 };
export const PLAIN: Container = { processes: [INIT, MAIN], file: "x steady version 1.0.0 STEADY_" };

function filesOf({ processes, files = {}, file }: Container): Record<string, string> {
  const all: Record<string, string> = { ...files };
  if (file !== undefined) all["/proc/1/exe"] = file;
  for (const {
    pid,
    parent,
    name,
    command = "",
    state = "S",
    threads = 1,
    begin = 5000,
    signals,
  } of processes) {
    const rest = Array.from({ length: 15 }, (_, i) => i).join(" ");
    all[`/proc/${pid}/stat`] =
      `${pid} (${name}) ${state} ${parent} ${rest} ${threads} 0 ${begin} 4096 17 18446744073709551615\n`;
    all[`/proc/${pid}/comm`] = `${name}\n`;
    all[`/proc/${pid}/cmdline`] = command === "" ? "" : `${command}\0--port\0`;
    const [ignored = 0n, caught = 0n, blocked = 0n] = signals ?? [];
    const hex = (set: bigint): string => set.toString(16).padStart(16, "0");
    all[`/proc/${pid}/status`] =
      `Name:\t${name}\nSigQ:\t0/9\nSigPnd:\t${hex(0n)}\nShdPnd:\t${hex(0n)}\nSigBlk:\t${hex(blocked)}\n` +
      `SigIgn:\t${hex(ignored)}\nSigCgt:\t${hex(caught)}\nCapInh:\t${hex(0n)}\n`;
  }
  return all;
}

/** Entries as getdents64 gives them. */
function entriesOf(names: readonly string[], max: number): { bytes: Buffer; count: number } {
  const entries: Buffer[] = [];
  let length = 0;
  for (const name of names) {
    const entry = Buffer.alloc(Math.ceil((19 + name.length + 1) / 8) * 8);
    entry.writeUInt16LE(entry.length, 16);
    entry.write(name, 19, "latin1");
    if (length + entry.length > max) break;
    entries.push(entry);
    length += entry.length;
  }
  return { bytes: Buffer.concat(entries), count: entries.length };
}

/** Files and folders by path, each open one with its place; a clock that waiting moves on. */
export class World {
  readonly #files: Record<string, string>;
  readonly #names: string[];
  readonly #lastPids: number[];
  readonly #open = new Map<number, { content: Buffer; at: number }>();
  #next = FIRST_FD;
  #now = 5_000n;

  constructor(container: Container) {
    this.#files = filesOf(container);
    this.#names = [".", "..", "self", "loadavg", ...container.processes.map(({ pid }) => `${pid}`), `${US}`];
    this.#lastPids = [...(container.lastPids ?? [])];
  }

  kernel(): Kernel {
    return {
      openat: (host, path = 0, how = 0) => this.#openat(host.text(path), how),
      read: (host, fd = 0, at = 0, max = 0) => this.#read(host, fd, at, max),
      close: (_, fd = 0) => (this.#open.delete(fd) ? 0 : -9),
      getdents64: (host, fd = 0, at = 0, max = 0) => this.#list(host, fd, at, max),
      clock_gettime: () => this.#now,
      ppoll: (_, _at, count = 0, milliseconds = 0) => {
        assert.ok(count === 0 && milliseconds > 0 && milliseconds <= WINDOW_MS, `${milliseconds} ms`);
        this.#now += BigInt(milliseconds);
        return 0;
      },
    };
  }

  get leftOpen(): number {
    return this.#open.size;
  }

  #openat(path: string, how: number): number {
    if (path === "/proc/") return how === 2 ? this.#add(Buffer.alloc(0)) : -ENOENT;
    if (path === "/proc/loadavg") {
      const last = this.#lastPids.shift();
      return last === undefined ? -ENOENT : this.#add(Buffer.from(`0.10 0.20 0.30 1/99 ${last}\n`));
    }
    const content = this.#files[path];
    if (content === undefined) return path === "/proc/1/exe" ? -EACCES : -ENOENT;
    return this.#add(Buffer.from(content, "latin1"));
  }

  #add(content: Buffer): number {
    this.#open.set(this.#next, { content, at: 0 });
    return this.#next++;
  }

  #read(host: Host, fd: number, at: number, max: number): number {
    const file = this.#open.get(fd) ?? assert.fail(`${fd} is not open`);
    const length = file.content.copy(host.bytes(at, max), 0, file.at, file.at + max);
    file.at += length;
    return length;
  }

  #list(host: Host, fd: number, at: number, max: number): number {
    const folder = this.#open.get(fd) ?? assert.fail(`${fd} is not open`);
    const { bytes, count } = entriesOf(this.#names.slice(folder.at), max);
    folder.at += count;
    return bytes.copy(host.bytes(at, max));
  }
}

/** What it says of a container, where it leaves nothing open and starts nothing. */
function tell(core: Core, container: Container, ...args: string[]): Seen {
  const world = new World(container);
  const seen = play(core, { args: ["steady", ...args], pid: US, kernel: world.kernel() });
  assert.equal(world.leftOpen, 0, "it leaves files open");
  assert.ok(!seen.calls.some(([name]) => name === "clone" || name === "kill"));
  return seen;
}

/** The status as an object. */
function status(core: Core, container: Container): Told {
  const { output, errors, status } = tell(core, container, "--status", "--json");
  assert.deepEqual([status, errors], [0, ""]);
  assert.match(output, /^\{.*\}\n$/);
  return JSON.parse(output) as Told;
}

interface Told {
  readonly init: Readonly<Record<string, string | number>>;
  readonly main_program: null | {
    readonly pid: number;
    readonly name: string;
    readonly command: string;
    readonly state: string;
    readonly stop: Readonly<Record<string, string>>;
    readonly ignored: readonly string[];
    readonly caught: readonly string[];
  };
  readonly processes: Readonly<Record<string, unknown>>;
  readonly pids: Readonly<Record<string, number | null>>;
  readonly memory: Readonly<Record<string, number | null>>;
  readonly cpu: Readonly<Record<string, number | null>>;
  readonly not_set: readonly string[];
  readonly counters: unknown;
}

const NOTHING_SEEN = {
  pids: { current: null, max: null, limit_hits: null },
  memory: { current_bytes: null, max_bytes: null, oom_kills: null },
  cpu: { max: null, periods: null, throttled_periods: null, throttled_seconds: null },
  not_set: [],
};

promise("--status --json tells the whole of a small container", (core) => {
  const zombie: Process = { pid: 9, parent: 7, name: "job", state: "Z" };
  const told = status(core, {
    ...PLAIN,
    processes: [INIT, { ...MAIN, threads: 4, signals: [1n << 12n, 1n << 14n, 0n] }, zombie],
    lastPids: [100, 160],
  });
  assert.deepEqual(told, {
    init: { kind: "steady", by: "file", name: "steady", start_since_boot_seconds: 12.34 },
    main_program: {
      pid: 7,
      name: "server",
      command: "/srv/server",
      state: "sleeping",
      stop: { SIGTERM: "caught", SIGINT: "ends", SIGQUIT: "ends" },
      ignored: ["SIGPIPE"],
      caught: ["SIGTERM"],
    },
    processes: {
      count: 3,
      threads: 6,
      started_per_second: 120,
      zombies: 1,
      zombie_parents: [{ pid: 7, name: "server", command: "/srv/server", zombies: 1 }],
    },
    ...NOTHING_SEEN,
    counters: null,
  });
});

promise("--status for people, line by line", (core) => {
  const zombie: Process = { pid: 9, parent: 7, name: "job", state: "Z" };
  const { output } = tell(core, { ...PLAIN, processes: [INIT, MAIN, zombie], lastPids: [5, 5] }, "--status");
  assert.equal(
    output,
    `\
init           steady, by its file: PID 1 is "steady"
main program   "server" (pid 7, "/srv/server"), sleeping
               SIGTERM ends it at once: it has no handler
               SIGINT ends it at once: it has no handler
               SIGQUIT ends it at once: it has no handler
               ignores:
               catches:
processes      3 with 3 threads, 0 started in a second, 1 zombies
               1 of them children of "server" (pid 7, "/srv/server"), which does not wait for them
pids           not to be seen here
memory         not to be seen here
cpu            not to be seen here
`,
  );
});

// Which init

const FILES: Readonly<Record<string, string>> = {
  steady: "\x7fELF steady version 1.0.0\n tini version 0.19.0",
  tini: "tini version 0.19.0 Spawned child process '%s' with pid '%i'",
  "dumb-init": "[dumb-init] Forwarded",
  catatonit: "tini version CATATONIT_DEBUG",
  none: "tini version [dumb-ini CATATONI SpawnedSpawned child process '%s' with pid 'steady versiondumb",
};

promise(
  "which init PID 1 is, its file tells, wherever the sentence stands in it and whatever it is called",
  (core) => {
    for (const [kind, file] of Object.entries(FILES)) {
      for (const before of [0, 1, 4060, 4080, 4095, 8185, 50_000]) {
        const name = before % 2 === 0 ? "app" : "tini";
        const { init } = status(core, {
          processes: [{ ...INIT, name }, MAIN],
          file: `${"s[TC".repeat(before).slice(0, before)}${file}`,
        });
        assert.deepEqual(
          [init.kind, init.by, init.name],
          [kind, "file", name],
          `${kind} behind ${before} bytes`,
        );
      }
    }
  },
);

promise("where the file may not be read the name tells, and a name that no init has is none", (core) => {
  for (const [name, kind] of Object.entries({
    steady: "steady",
    tini: "tini",
    "tini-static": "tini",
    "docker-init": "tini",
    "dumb-init": "dumb-init",
    catatonit: "catatonit",
    "podman-init": "catatonit",
    "steady ": "none",
    node: "none",
    "": "none",
  })) {
    const { init, main_program } = status(core, { processes: [{ ...INIT, name }, MAIN] });
    assert.deepEqual([init.kind, init.by, init.name], [kind, "name", name]);
    assert.equal(main_program?.pid, kind === "none" ? 1 : 7, "where PID 1 is no init it is the program");
  }
});

promise(
  "of a file without an end no more than 4 MiB are read, and a read that is interrupted is made again",
  (core) => {
    for (const [answer, reads] of [
      [4096, 1024],
      [-EINTR, 1024],
      [-5, 1],
    ] as const) {
      let asked = 0;
      const world = new World(PLAIN).kernel();
      const kernel: Kernel = {
        ...world,
        read: (host, fd = 0, at = 0, max = 0) => {
          if (max !== 4096) return world.read?.(host, fd, at, max) ?? 0;
          asked++;
          return answer;
        },
      };
      const { output } = play(core, { args: ["steady", "--status", "--json"], pid: US, kernel });
      const { init } = JSON.parse(output) as Told;
      assert.deepEqual([asked, init.by], [reads, answer === 4096 ? "file" : "name"]);
    }
  },
);

// The main program

promise(
  "the main program is the child of the init that was started first, of several the one with the lowest pid",
  (core) => {
    for (const [children, main] of [
      [
        [
          { pid: 30, begin: 2000 },
          { pid: 7, begin: 2001 },
        ],
        30,
      ],
      [
        [
          { pid: 30, begin: 2000 },
          { pid: 12, begin: 2000 },
          { pid: 40, begin: 2000 },
        ],
        12,
      ],
      [[{ pid: 12, begin: 99_999 }], 12],
      [[], undefined],
    ] as const) {
      const others = [
        { ...MAIN, pid: 50, parent: 30, begin: 1 },
        { ...MAIN, pid: 51, parent: 0, begin: 1 },
      ];
      const processes = [INIT, ...others, ...children.map((child) => ({ ...MAIN, ...child }))];
      assert.equal(status(core, { ...PLAIN, processes }).main_program?.pid, main);
    }
  },
);

promise(
  "what state the main program is in is told by a word, and a first thread that ended is no zombie",
  (core) => {
    for (const [state, threads, word, isRunning] of [
      ["R", 1, "running", true],
      ["S", 9, "sleeping", true],
      ["D", 1, "waiting", true],
      ["I", 1, "idle", true],
      ["T", 1, "stopped", false],
      ["t", 1, "traced", true],
      ["Z", 1, "zombie", false],
      ["Z", 2, "running", true],
      ["X", 1, "dead", false],
      ["?", 1, "unknown", true],
    ] as const) {
      const container = { ...PLAIN, processes: [INIT, { ...MAIN, state, threads }] };
      const told = status(core, container);
      assert.equal(told.main_program?.state, word);
      assert.equal(told.processes.zombies, word === "zombie" ? 1 : 0);
      const health = tell(core, container, "--health");
      assert.equal(health.status, isRunning ? 0 : 1, word);
      if (!isRunning)
        assert.equal(health.output, `unhealthy: the main program "server" (pid 7) is ${word}\n`);
      const metrics = tell(core, container, "--openmetrics").output;
      assert.ok(metrics.includes(`\nsteady_main_program_running ${isRunning ? 1 : 0}\n`));
    }
  },
);

promise(
  "what a stop signal does follows from what the program ignores, blocks and catches, and from who it is",
  (core) => {
    const bit = (signal: number): bigint => 1n << BigInt(signal - 1);
    const STOPS = { SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
    for (const [name, signal] of Object.entries(STOPS)) {
      for (let which = 0; which < 8; which++) {
        const signals = [0, 1, 2].map((i) => (((which >> i) & 1) !== 0 ? bit(signal) : 0n)) as [
          bigint,
          bigint,
          bigint,
        ];
        for (const isInit of [false, true]) {
          const main = { ...(isInit ? { ...INIT, name: "app" } : MAIN), signals };
          const processes = isInit ? [main] : [INIT, main];
          const stop = status(core, { processes }).main_program?.stop ?? {};
          const [ignored, caught, blocked] = signals;
          const none = isInit ? "nothing" : "ends";
          const effect = ignored ? "ignored" : blocked ? "blocked" : caught ? "caught" : none;
          const expected = Object.fromEntries(
            Object.keys(STOPS).map((each) => [each, each === name ? effect : none]),
          );
          assert.deepEqual(stop, expected, `${which} ${isInit}`);
        }
      }
    }
  },
);

promise("every signal that is ignored or caught is named, but for those of libc itself", (core) => {
  const nameOf = (signal: number): string[] => {
    const standard = SIGNALS[signal - 1];
    if (standard !== undefined) return [`SIG${standard[0]}`];
    return signal < 34 ? [] : [`SIGRTMIN+${signal - 34}`];
  };
  for (let signal = 1; signal <= 64; signal++) {
    const only = 1n << BigInt(signal - 1);
    const processes = [INIT, { ...MAIN, signals: [only & ~(3n << 31n), only | 1n, 0n] as const }];
    const main = status(core, { ...PLAIN, processes }).main_program;
    assert.deepEqual(main?.ignored, nameOf(signal));
    assert.deepEqual(main?.caught, [...(signal > 1 ? ["SIGHUP"] : []), ...nameOf(signal)]);
  }
});

promise("a set of signals is read whatever its digits are", (core) => {
  const numbers = [...Array.from({ length: 31 }, (_, index) => index + 1), 34, 35, 37, 48, 63];
  for (let digit = 1; digit < 16; digit++) {
    const set = BigInt(`0x${digit.toString(16).repeat(16)}`) & ~(3n << 31n);
    const processes = [INIT, { ...MAIN, signals: [set, 0n, 0n] as const }];
    const { ignored = [] } = status(core, { ...PLAIN, processes }).main_program ?? {};
    for (const number of numbers) {
      const standard = SIGNALS[number - 1];
      const name = standard === undefined ? `SIGRTMIN+${number - 34}` : `SIG${standard[0]}`;
      assert.equal(ignored.includes(name), ((set >> BigInt(number - 1)) & 1n) === 1n, `${digit} ${name}`);
    }
  }
});

promise("of Node.js it is said that it catches two signals itself", (core) => {
  for (const [command, isNode] of [
    ["node", true],
    ["/usr/local/bin/node", true],
    ["nodejs", false],
    ["/node/x", false],
    ["", false],
  ] as const) {
    const { output } = tell(core, { ...PLAIN, processes: [INIT, { ...MAIN, command }] }, "--status");
    assert.equal(output.includes("Node.js catches SIGINT and SIGTERM itself"), isNode, command);
  }
});

// Processes

const counted = fc.record({
  parent: fc.constantFrom(1, 7, 7, 20, 21, 22),
  isZombie: fc.boolean(),
  threads: fc.integer({ min: 1, max: 300 }),
});

promise(
  "processes, threads and zombies are counted, and those who leave zombies are named, the worst first",
  (core, effort) => {
    const property = fc.property(fc.array(counted, { maxLength: 120 }), (all) => {
      const processes = all.map(({ parent, isZombie, threads }, index) => ({
        pid: 1000 + index,
        parent,
        name: `p${index}`,
        state: isZombie ? "Z" : "S",
        threads: isZombie ? 1 : threads,
      }));
      const told = status(core, { ...PLAIN, processes: [INIT, MAIN, ...processes] }).processes;
      assert.equal(told.count, all.length + 2);
      assert.equal(
        told.threads,
        processes.reduce((sum, { threads }) => sum + threads, 2),
      );
      const zombies = processes.filter(({ state }) => state === "Z");
      assert.equal(told.zombies, zombies.length);
      const parents = told.zombie_parents as readonly { pid: number; zombies: number }[];
      const expected = [...Map.groupBy(zombies, ({ parent }) => parent)].map(([pid, those]) => [
        pid,
        those.length,
      ]);
      assert.deepEqual(parents.map(({ pid, zombies: many }) => [pid, many]).sort(), expected.sort());
      assert.ok(parents.every(({ zombies: many }, i) => many <= (parents[i - 1]?.zombies ?? many)));
    });
    fc.assert(property, { numRuns: Math.ceil(60 * effort) });
  },
);

promise(
  "with more parents than are kept the one with most zombies is named, and none is accused of too many",
  (core) => {
    const mob = Array.from({ length: 60 }, (_, i) => ({
      pid: 2000 + i,
      parent: 3000 + i,
      name: "z",
      state: "Z",
    }));
    const heap = Array.from({ length: 40 }, (_, i) => ({ pid: 5000 + i, parent: 7, name: "z", state: "Z" }));
    for (const zombies of [
      [...mob, ...heap],
      [...heap, ...mob],
      mob.flatMap((one, i) => [one, ...heap.slice(i, i + 1)]),
    ]) {
      const told = status(core, { ...PLAIN, processes: [INIT, MAIN, ...zombies] }).processes;
      const parents = told.zombie_parents as readonly { pid: number; zombies: number }[];
      assert.equal(parents[0]?.pid, 7);
      assert.ok(parents.length <= 5);
      for (const { pid, zombies: many } of parents)
        assert.ok(many <= (pid === 7 ? 40 : 1), `${pid}: ${many}`);
      assert.equal(told.zombies, zombies.length);
    }
  },
);

promise("20,000 processes are looked at one after the other", (core) => {
  const crowd = Array.from({ length: 20_000 }, (_, i) => ({ pid: 1000 + i, parent: 7, name: "x" }));
  const { output, status: ended } = tell(core, { ...PLAIN, processes: [INIT, MAIN, ...crowd] }, "--health");
  assert.deepEqual([ended, output], [0, "healthy: 20002 processes, 0 zombies\n"]);
});

promise("a process that ends while it is looked at is none", (core) => {
  const files = { "/proc/33/stat": "", "/proc/34/stat": "34 (x" };
  const container = new World({ ...PLAIN, files, processes: [INIT, MAIN] });
  const kernel = container.kernel();
  const names = ["1", "7", "33", "34", "35"];
  const getdents64 = (host: Host, _fd = 0, at = 0, max = 0): number => {
    const { bytes } = entriesOf(names.splice(0), max);
    return bytes.copy(host.bytes(at, max));
  };
  const { output } = play(core, { args: ["steady", "--health"], pid: US, kernel: { ...kernel, getdents64 } });
  assert.equal(output, "healthy: 2 processes, 0 zombies\n");
});

promise("how many were started is the distance of two pids, and unknown where nobody can tell", (core) => {
  for (const [lastPids, started] of [
    [[100, 100], 0],
    [[100, 101], 2],
    [[100, 1100], 2000],
    [[32_767, 400], null],
    [[0, 0], null],
    [[5], null],
    [[], null],
  ] as const)
    assert.equal(status(core, { ...PLAIN, lastPids }).processes.started_per_second, started, `${lastPids}`);
});

// Groups

const V2 = "/sys/fs/cgroup";
const group = (limits: Readonly<Record<string, string>>, path = ""): Record<string, string> =>
  Object.fromEntries(Object.entries(limits).map(([name, value]) => [`${V2}${path}/${name}`, `${value}\n`]));
const withGroups = (cgroup: string, files: Record<string, string>): Container => ({
  ...PLAIN,
  files: {
    ...files,
    "/proc/7/cgroup": cgroup,
    "/proc/1/cgroup": "0::/wrong\n",
    "/proc/self/cgroup": "0::/wrong\n",
  },
});
const ALL_V2 = {
  "pids.max": "200",
  "pids.current": "31",
  "pids.events": "max 4",
  "memory.max": "104857600",
  "memory.current": "5000000",
  "memory.events": "low 0\nhigh 1\nmax 2\noom 3\noom_kill 5\noom_group_kill 6",
  "cpu.max": "50000 100000",
  "cpu.stat": "usage_usec 9\nnr_periods 70\nnr_throttled 8\nthrottled_usec 1234567\nnr_bursts 3",
};
const TOLD = {
  pids: { current: 31, max: 200, limit_hits: 4 },
  memory: { current_bytes: 5_000_000, max_bytes: 104_857_600, oom_kills: 5 },
  cpu: { max: 0.5, periods: 70, throttled_periods: 8, throttled_seconds: 1.234567 },
};
const limitsOf = ({ pids, memory, cpu, not_set }: Told): unknown => ({ pids, memory, cpu, not_set });

promise("limits and use are those of the main program's groups, in cgroup v2", (core) => {
  for (const [path, folder] of [
    ["/", ""],
    ["/a/b", "/a/b"],
    ["/docker/0123", ""],
  ] as const) {
    const told = status(core, withGroups(`0::${path}\n`, group(ALL_V2, folder)));
    assert.deepEqual(limitsOf(told), { ...TOLD, not_set: [] }, path);
  }
});

promise("and in v1, whatever stands beside a controller in the list", (core) => {
  const old = {
    "/pids/x/pids.max": "200",
    "/pids/x/pids.current": "31",
    "/pids/x/pids.events": "max 4",
    "/memory/memory.limit_in_bytes": "104857600",
    "/memory/memory.usage_in_bytes": "5000000",
    "/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 5",
    "/cpu/y/cpu.cfs_quota_us": "50000",
    "/cpu/y/cpu.cfs_period_us": "100000",
    "/cpu/y/cpu.stat": "nr_periods 70\nnr_throttled 8\nthrottled_time 1234567890",
  };
  const files = Object.fromEntries(
    Object.entries(old).map(([name, value]) => [`${V2}${name}`, `${value}\n`]),
  );
  for (const cpu of ["cpu,cpuacct", "cpuacct,cpu", "cpu"]) {
    for (const last of ["", "0::/\n", "0::/elsewhere\n"]) {
      const lines = `12:cpuset:/z\n9:name=systemd:/pids:/\n8:pids:/x\n5:memory:/gone/below\n4:${cpu}:/y\n${last}`;
      const told = status(
        core,
        withGroups(lines, { ...files, ...group({ "pids.max": "1", "cpu.max": "1 1" }) }),
      );
      assert.deepEqual(limitsOf(told), { ...TOLD, not_set: [] }, lines);
    }
  }
});

promise("a limit that is not set is named with the option that sets it", (core) => {
  const none = { "pids.max": "max", "memory.max": "max", "cpu.max": "max 100000" };
  const options = { "pids.max": "--pids-limit", "memory.max": "--memory", "cpu.max": "--cpus" };
  for (let which = 0; which < 8; which++) {
    const unset = Object.entries(none).filter((_, i) => ((which >> i) & 1) !== 0);
    const container = withGroups("0::/\n", group({ ...ALL_V2, ...Object.fromEntries(unset) }));
    const names = unset.map(([name]) => options[name as keyof typeof options]);
    const told = status(core, container);
    assert.deepEqual(told.not_set, names);
    assert.deepEqual(
      [told.pids.max === null, told.memory.max_bytes === null, told.cpu.max === null],
      [0, 1, 2].map((i) => ((which >> i) & 1) !== 0),
    );
    const text = tell(core, container, "--status").output;
    assert.equal(text.includes("limits missing"), which !== 0);
    if (which !== 0) assert.ok(text.endsWith(`limits missing ${names.join(" ")}\n`), text);
    const metrics = tell(core, container, "--openmetrics").output;
    for (const [i, limit] of ["pids", "memory", "cpus"].entries())
      assert.ok(
        metrics.includes(`\nsteady_limit_set{limit="${limit}"} ${((which >> i) & 1) !== 0 ? 0 : 1}\n`),
        metrics,
      );
  }
});

promise("v1's way to say that there is no limit is none", (core) => {
  const files = {
    [`${V2}/memory/memory.limit_in_bytes`]: "9223372036854771712\n",
    [`${V2}/memory/memory.usage_in_bytes`]: "77\n",
    [`${V2}/cpu/cpu.cfs_quota_us`]: "-1\n",
    [`${V2}/cpu/cpu.cfs_period_us`]: "100000\n",
    [`${V2}/cpu/cpu.stat`]: "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
    [`${V2}/pids/pids.max`]: "max\n",
    [`${V2}/pids/pids.current`]: "4\n",
  };
  const told = status(core, withGroups("3:memory:/\n2:cpu:/\n1:pids:/\n", files));
  assert.deepEqual(told.not_set, ["--pids-limit", "--memory", "--cpus"]);
  assert.deepEqual(told.memory, { current_bytes: 77, max_bytes: null, oom_kills: null });
});

promise(
  "of several groups with a limit the one counts that leaves least, and one without a limit leaves most",
  (core) => {
    for (const [own, above, expected] of [
      [
        ["50", "10"],
        ["100", "95"],
        [100, 95],
      ],
      [
        ["50", "46"],
        ["100", "95"],
        [50, 46],
      ],
      [
        ["50", "45"],
        ["100", "95"],
        [50, 45],
      ],
      [
        ["max", "10"],
        ["100", "95"],
        [100, 95],
      ],
      [
        ["50", "10"],
        ["max", "95"],
        [50, 10],
      ],
      [
        ["max", "10"],
        ["max", "95"],
        [null, 10],
      ],
      [
        ["5", "9"],
        ["3", "9"],
        [5, 9],
      ],
    ] as const) {
      const files = {
        ...group({ "pids.max": own[0], "pids.current": own[1] }, "/a/b"),
        ...group({ "pids.max": above[0], "pids.current": above[1] }, "/a"),
      };
      const { pids } = status(core, withGroups("0::/a/b\n", files));
      assert.deepEqual([pids.max, pids.current], expected);
    }
  },
);

promise(
  "a group outside of our cgroup namespace is not to be seen, and its place is not taken by our own",
  (core) => {
    const told = status(core, withGroups("0::/../other\n", group(ALL_V2)));
    assert.deepEqual(limitsOf(told), NOTHING_SEEN);
  },
);

promise("a long path, a line without end and an empty one are no trap", (core) => {
  for (const line of [
    `0::/${"x".repeat(1100)}\n`,
    `0::/${"y/".repeat(1020)}`,
    "0::/a",
    "",
    "\n",
    "::\n",
    "0::\n",
    ":::",
    "1:pids",
  ])
    assert.equal(tell(core, withGroups(line, group(ALL_V2)), "--status").status, 0, line);
});

// Health

promise("--health says the first thing that is wrong, and ends with 1", (core) => {
  const zombies = Array.from({ length: 3 }, (_, i) => ({ pid: 50 + i, parent: 7, name: "z", state: "Z" }));
  const limited = (current: string, max = "200"): Container =>
    withGroups("0::/\n", group({ "pids.max": max, "pids.current": current }));
  const of = (max: string, many: number): string =>
    `unhealthy: 3 zombies (--max-zombies ${max}), ${many} of them children of "server" (pid 7), which does not wait for them\n`;
  for (const [container, args, expected] of [
    [PLAIN, [], "healthy: 2 processes, 0 zombies\n"],
    [{ ...PLAIN, processes: [INIT] }, [], "unhealthy: there is no main program\n"],
    [{ ...PLAIN, processes: [INIT, MAIN, ...zombies] }, [], "healthy: 5 processes, 3 zombies\n"],
    [
      { ...PLAIN, processes: [INIT, MAIN, ...zombies] },
      ["--max-zombies", "3"],
      "healthy: 5 processes, 3 zombies\n",
    ],
    [{ ...PLAIN, processes: [INIT, MAIN, ...zombies] }, ["--max-zombies=2"], of("2", 3)],
    [{ ...PLAIN, processes: [INIT, MAIN, ...zombies] }, ["--max-zombies=0"], of("0", 3)],
    [limited("180"), [], "healthy: 2 processes, 0 zombies, 180 of 200 pids\n"],
    [limited("181"), [], "unhealthy: 181 of 200 pids are in use (--max-pids 90)\n"],
    [limited("181"), ["--max-pids", "91"], "healthy: 2 processes, 0 zombies, 181 of 200 pids\n"],
    [limited("3"), ["--max-pids=1"], "unhealthy: 3 of 200 pids are in use (--max-pids 1)\n"],
    [limited("200"), ["--max-pids=100"], "healthy: 2 processes, 0 zombies, 200 of 200 pids\n"],
    [limited("9999", "max"), [], "healthy: 2 processes, 0 zombies\n"],
  ] as const) {
    const { output, status: ended, errors } = tell(core, container, "--health", ...args);
    assert.deepEqual([output, errors, ended], [expected, "", expected.startsWith("healthy") ? 0 : 1]);
  }
  const many = Array.from({ length: 101 }, (_, i) => ({ pid: 50 + i, parent: 7, name: "z", state: "Z" }));
  assert.equal(tell(core, { ...PLAIN, processes: [INIT, MAIN, ...many] }, "--health").status, 1);
  assert.equal(tell(core, { ...PLAIN, processes: [INIT, MAIN, ...many.slice(1)] }, "--health").status, 0);
});

promise("--health waits for nothing and reads no program", (core) => {
  const { calls } = tell(core, { ...PLAIN, lastPids: [1, 2] }, "--health");
  assert.ok(!calls.some(([name]) => name === "ppoll"));
  assert.ok(!calls.some(([name, , , max]) => name === "read" && max === 4096));
});

promise("where /proc cannot be read, both say so and end with 1", (core) => {
  for (const option of [
    "--status",
    "--health",
    "--json",
    "--openmetrics",
    "--max-zombies=1",
    "--max-pids=1",
  ]) {
    const seen = play(core, { args: ["steady", option], pid: US, kernel: { openat: () => -EACCES } });
    const said = `[FATAL steady (${US})] Cannot read /proc: Permission denied\n`;
    assert.deepEqual([seen.status, seen.output, seen.errors], [1, "", said]);
  }
});

// What others chose

const bytes = fc
  .array(fc.oneof(fc.integer({ min: 1, max: 255 }), fc.constantFrom(34, 92, 10, 41, 125, 32)), {
    minLength: 1,
    maxLength: 15,
  })
  .map((all) => Buffer.from(all).toString("latin1"));
const FORGERIES = [
  '"}\n{"event":"end',
  "x\\",
  '\\"',
  ") Z 1 1 1 1 1 1",
  "\n# EOF\n",
  'a"} 1\nsteady_x ',
  "\x1b[2J",
  "\\x0a",
  "é\xff",
];

/** The name as it stands between quotation marks, read back. */
const unescaped = (text: string, doubled: boolean): string => {
  const once = doubled ? text.replaceAll(/\\(["\\])/g, "$1") : text;
  return once.replaceAll(/\\(?:x([0-9a-f]{2})|(["\\]))/g, (_, hex?: string, char?: string) =>
    hex === undefined ? (char ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
  );
};

const named = (name: string): Container => ({
  ...PLAIN,
  processes: [INIT, { ...MAIN, name, command: name }, { pid: 9, parent: 7, name, state: "Z" }],
});

/** No form has more lines or fields for a name than for another, and each can be read back. */
function checkName(core: Core, name: string): void {
  const main = status(core, named(name)).main_program;
  assert.deepEqual([main?.name, main?.command], [name, name]);
  const plain = tell(core, named("plain"), "--status").output.split("\n");
  const lines = tell(core, named(name), "--status").output.split("\n");
  assert.equal(lines.length, plain.length);
  const quoted = /^main program {3}"(.*)" \(pid 7, "\1"\), sleeping$/.exec(lines[1] ?? "")?.[1];
  assert.equal(unescaped(quoted ?? "", false), name, lines[1]);
  assert.match(lines.join(""), /^[ -~]*$/);
  const metrics = tell(core, named(name), "--openmetrics").output;
  const sample = /^steady_main_program_info\{name="((?:[^"\\\n]|\\[\\"n])*)",command="\1"\} 1$/m.exec(
    metrics,
  )?.[1];
  assert.ok(sample !== undefined, metrics);
  checkMetrics(metrics);
  const health = tell(core, named(name), "--health", "--max-zombies=0");
  assert.equal(health.output.split("\n").length, 2);
}

promise(
  "a process may be called as it likes: it forges no line and no field, in any form",
  (core, effort) => {
    for (const name of FORGERIES) checkName(core, name);
    const property = fc.property(bytes, (name) => checkName(core, name));
    fc.assert(property, { numRuns: Math.ceil(150 * effort) });
    assert.equal(unescaped('\\"\\\\\\x0a\\\\x0a', false), '"\\\n\\x0a');
  },
);

/** The grammar of OpenMetrics, as far as it is used: no unknown line, no sample without help, no family twice, # EOF last. */
function checkMetrics(text: string): void {
  const lines = text.split("\n");
  assert.deepEqual(lines.splice(-2), ["# EOF", ""]);
  const seen = new Set<string>();
  let family = "";
  let type = "";
  for (const line of lines) {
    const head = /^# (TYPE|HELP) (steady_[a-z_]+) (.+)$/.exec(line);
    if (head !== null) {
      const [, what, name = "", value = ""] = head;
      if (name !== family) {
        assert.ok(!seen.has(name), `${name} twice`);
        type = "";
      }
      seen.add(name);
      family = name;
      if (what === "TYPE") type = value;
      continue;
    }
    const sample = /^(steady_[a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? (\d+(?:\.\d+)?)$/.exec(
      line,
    );
    assert.ok(sample !== null, line);
    assert.equal(sample[1], family, "a sample stands under its own head");
    assert.equal(type, family.endsWith("_total") ? "" : "gauge", family);
  }
}

promise(
  "metrics are OpenMetrics: what counts ends in _total, units stand in names, what is unknown is left out",
  (core) => {
    const container = { ...withGroups("0::/\n", group(ALL_V2)), lastPids: [1, 21] };
    const { output } = tell(core, container, "--status", "--openmetrics");
    checkMetrics(output);
    for (const sample of [
      'steady_init_info{kind="steady",by="file"} 1',
      "steady_init_start_since_boot_seconds 12.34",
      'steady_main_program_info{name="server",command="/srv/server"} 1',
      'steady_stop_signal_info{signal="SIGTERM",effect="ends"} 1',
      "steady_processes 2",
      "steady_threads 2",
      "steady_zombies 0",
      "steady_tasks_started_per_second 40",
      "steady_pids_current 31",
      "steady_pids_max 200",
      "steady_pids_limit_hits_total 4",
      "steady_memory_current_bytes 5000000",
      "steady_memory_max_bytes 104857600",
      "steady_memory_oom_kills_total 5",
      "steady_cpus_max 0.5",
      "steady_cpu_periods_total 70",
      "steady_cpu_throttled_periods_total 8",
      "steady_cpu_throttled_seconds_total 1.234567",
    ])
      assert.ok(output.includes(`\n${sample}\n`), `${sample} is not in\n${output}`);
    const bare = tell(core, PLAIN, "--openmetrics").output;
    checkMetrics(bare);
    assert.doesNotMatch(bare, /_started_|_pids_|_memory_|cpu|null|\?/);
  },
);

promise("of a program there are no metrics where there is none", (core) => {
  const { output } = tell(core, { ...PLAIN, processes: [INIT] }, "--openmetrics");
  checkMetrics(output);
  assert.doesNotMatch(output, /main_program|stop_signal/);
});

promise(
  "the last of --status, --health and what stands for them counts, and no program is started",
  (core) => {
    for (const [args, begin] of [
      [["--health", "--status"], "init "],
      [["--status", "--health", "/x"], "healthy"],
      [["--json"], "{"],
      [["--health", "--json", "--", "/x"], "{"],
      [["--json", "--openmetrics"], "# TYPE"],
      [["--status", "--max-pids", "5"], "healthy"],
      [["--json", "--health"], "healthy"],
    ] as const) {
      const { output } = tell(core, PLAIN, ...args);
      assert.ok(output.startsWith(begin), output);
    }
  },
);
