// --probe, played on the core itself: whom it asks, whom it believes, how long it waits, and when it does not ask at all.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Core, Host } from "../lib/host.ts";
import { play } from "../lib/plain.ts";
import { into, type Played } from "./promises.ts";
import { type Container, INIT, MAIN, PLAIN, US, World } from "./status.ts";

export const PROBES: Played[] = [];
const promise = into(PROBES);

const SOCKETS = "/proc/net/unix";
const FD = 12;
const [POLLIN, POLLOUT] = [1, 4];
const [EPERM, EBADF, EAGAIN, ECONNREFUSED, EMFILE] = [1, 9, 11, 111, 24];
const [SIGUSR1, SIGUSR2] = [10, 12];
const USR1_AND_2 = (1n << BigInt(SIGUSR1 - 1)) | (1n << BigInt(SIGUSR2 - 1));
const CATCHING: Container = { ...PLAIN, processes: [INIT, { ...MAIN, signals: [0n, USR1_AND_2, 0n] }] };
const OWN = `@steady-${"0123456789abcdef".repeat(2)}`;

const listOf = (...names: readonly string[]): string =>
  [
    "Num       RefCount Protocol Flags    Type St Inode Path",
    ...names.map((name) => `0: 2 0 0 2 1 7 ${name}`),
  ]
    .map((line) => `${line}\n`)
    .join("");

/** Who answers, and when, in milliseconds from the first question on. */
interface Answer {
  readonly pid: number;
  readonly at: number;
}

interface Told {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
  readonly asked: { readonly name: string; readonly question: string }[];
  readonly waited: number;
}

function probe(
  core: Core,
  container: Container,
  args: readonly string[],
  { list = listOf(OWN), answers = [], refusals = {} }: Partial<Scene> = {},
): Told {
  const asked: Told["asked"] = [];
  const waiting = [...answers];
  let waited = 0;
  const world = new World({
    ...container,
    files: { ...container.files, ...(list === "" ? {} : { [SOCKETS]: list }) },
  });
  const files = world.kernel();
  const { status, output, errors, calls } = play(core, {
    args: ["steady", "--probe", ...args],
    pid: US,
    kernel: {
      ...files,
      clock_gettime: () => 5000n + BigInt(waited),
      socket: () => refusals.socket ?? FD,
      pass_credentials: () => refusals.pass_credentials ?? 0,
      read: (host, fd = 0, at = 0, max = 0) => (fd < 0 ? -EBADF : (files.read?.(host, fd, at, max) ?? 0)),
      sendto: (host, fd = 0, at = 0, lengths = 0, to = 0) => {
        assert.equal(fd, FD);
        const address = Buffer.from(host.bytes(to, lengths >>> 16));
        assert.deepEqual([address.readUInt16LE(0), address[2]], [1, 0]);
        const name = `@${address.toString("latin1", 3)}`;
        asked.push({ name, question: Buffer.from(host.bytes(at, lengths & 0xffff)).toString("latin1") });
        return refusals[name] ?? lengths & 0xffff;
      },
      ppoll: (host: Host, at = 0, count = 0, ms = 0) => {
        // The log waits for room.
        if (host.readI32(at) !== FD) return host.bytes(at + 6, 2).writeInt16LE(POLLOUT) > 0 ? 1 : 0;
        assert.deepEqual([count, host.bytes(at + 4, 2).readInt16LE()], [1, POLLIN]);
        const next = waiting[0]?.at ?? Number.POSITIVE_INFINITY;
        waited = Math.min(Math.max(next, waited), waited + ms);
        return waited >= next ? 1 : 0;
      },
      recvmsg: (host, fd = 0, _at = 0, _max = 0, sender = 0) => {
        assert.equal(fd, FD);
        if ((waiting[0]?.at ?? Number.POSITIVE_INFINITY) > waited) return -EAGAIN;
        host.writeI32(sender + 16, waiting.shift()?.pid ?? 0);
        return 10;
      },
    },
  });
  assert.ok(!calls.some(([name]) => name === "clone" || name === "kill"));
  return { status, output, errors, asked, waited };
}

interface Scene {
  readonly list: string;
  readonly answers: readonly Answer[];
  /** By call or by name of a socket. */
  readonly refusals: Readonly<Record<string, number>>;
}

const ANSWERED: Partial<Scene> = { answers: [{ pid: 1, at: 3 }] };

promise("a program that answers in time is well, and one that does not is late after --within", (core) => {
  const asks = ["--probe-signal", "USR2"];
  const well = probe(core, CATCHING, asks, ANSWERED);
  assert.deepEqual(
    [well.status, well.output, well.errors],
    [0, 'healthy: "server" (pid 7) has answered SIGUSR2\n', ""],
  );
  assert.deepEqual(well.asked, [{ name: OWN, question: "STEADY_PROBE=12" }]);
  for (const [args, ms] of [
    [[], 1000],
    [["--within", "1500ms"], 1500],
    [["--within=250ms"], 250],
    [["--probe-within", "40ms"], 40],
  ] as const) {
    const late = probe(core, CATCHING, [...asks, ...args]);
    assert.deepEqual(
      [late.status, late.output, late.waited],
      [1, 'unhealthy: "server" (pid 7) has not answered SIGUSR2 in time\n', ms],
    );
    for (const at of [ms - 1, ms])
      assert.equal(probe(core, CATCHING, [...asks, ...args], { answers: [{ pid: 1, at }] }).status, 0);
    assert.equal(probe(core, CATCHING, [...asks, ...args], { answers: [{ pid: 1, at: ms + 1 }] }).status, 1);
  }
});

promise("--within alone asks too, and the last of --status, --health and --probe counts", (core) => {
  assert.equal(probe(core, CATCHING, ["--within", "1s", "--probe-signal", "12"], ANSWERED).status, 0);
  assert.match(
    probe(core, CATCHING, ["--health", "--probe", "--probe-signal", "12"], ANSWERED).output,
    /answered/,
  );
  assert.match(
    probe(core, CATCHING, ["--probe-signal", "12", "--json", "--probe"], ANSWERED).output,
    /^healthy: "/,
  );
});

promise("only the answer of PID 1 is one", (core) => {
  const answers = [7, 0, 2, -1].map((pid, at) => ({ pid, at }));
  assert.equal(probe(core, CATCHING, ["--probe-signal", "USR2"], { answers }).status, 1);
  assert.equal(
    probe(core, CATCHING, ["--probe-signal", "USR2"], { answers: [...answers, { pid: 1, at: 9 }] }).status,
    0,
  );
});

const name = fc.oneof(
  fc.constantFrom(
    OWN,
    "@steady-1",
    "@steady",
    "@steady-",
    "/run/@steady-1",
    "@other",
    "x@steady-2",
    "",
    "@steady-9 x",
  ),
  fc.stringMatching(/^@steady-[0-9a-f]{1,32}$/),
  fc.stringMatching(/^@[a-z]{1,90}$/),
);

promise(
  "every init that listens is asked, wherever its name stands in the list, and nobody else",
  (core, effort) => {
    fc.assert(
      fc.property(fc.array(name, { maxLength: 120 }), (names) => {
        const { asked } = probe(core, CATCHING, ["--probe-signal", "USR2"], {
          list: listOf(...names),
          ...ANSWERED,
        });
        const words = names.flatMap((each) => each.split(" "));
        assert.deepEqual(
          asked.map((each) => each.name),
          words.filter((word) => word.startsWith("@steady-")),
        );
      }),
      { numRuns: Math.ceil(40 * effort) },
    );
  },
);

promise("one init that hears is enough; where none does, or there is no socket, it is not asked", (core) => {
  const unheard = [2, "not asked: no init hears here; start it with --notify\n"];
  const told = (scene: Partial<Scene>): unknown[] => {
    const { status, output } = probe(core, CATCHING, ["--probe-signal", "USR2"], { ...ANSWERED, ...scene });
    return [status, output];
  };
  assert.deepEqual(told({ list: "" }), unheard);
  assert.deepEqual(told({ list: listOf("@other") }), unheard);
  assert.deepEqual(told({ refusals: { [OWN]: -ECONNREFUSED } }), unheard);
  assert.deepEqual(told({ refusals: { [OWN]: -EAGAIN } }), unheard);
  assert.deepEqual(told({ refusals: { socket: -EMFILE, pass_credentials: -9 } }), unheard);
  assert.deepEqual(told({ refusals: { pass_credentials: -EPERM } }), unheard);
  const [status] = told({ list: listOf("@steady-gone", OWN), refusals: { "@steady-gone": -ECONNREFUSED } });
  assert.equal(status, 0);
  assert.equal(
    told({ list: listOf(OWN, "@steady-gone"), refusals: { "@steady-gone": -ECONNREFUSED } })[0],
    0,
  );
});

promise("who cannot be asked, or would end by it, is not asked: 2, with the reason", (core) => {
  for (const [container, args, reason] of [
    [{ ...PLAIN, processes: [INIT] }, ["USR2"], /^unhealthy: there is no main program/],
    [{ ...PLAIN, processes: [INIT, { ...MAIN, state: "Z" }] }, ["USR2"], /is zombie/],
    [{ ...PLAIN, processes: [INIT, { ...MAIN, state: "T" }] }, ["USR2"], /is stopped/],
    [PLAIN, ["USR2"], /^not asked: "server" \(pid 7\) does not catch SIGUSR2, which would end it/],
    [CATCHING, ["HUP"], /does not catch SIGHUP/],
  ] as const) {
    const { status, output, asked } = probe(core, container, ["--probe-signal", ...args], ANSWERED);
    assert.deepEqual([status, asked], [2, []]);
    assert.match(output, reason);
  }
  const unnamed = probe(core, CATCHING, []);
  assert.deepEqual([unnamed.status, unnamed.output, unnamed.asked], [2, "", []]);
  assert.match(unnamed.errors, /--probe need --probe-signal/);
});

promise(
  "SIGUSR1 is for Node the order to open its debugger, and what is Node cannot be told: nobody is asked by it",
  (core) => {
    for (const command of ["node", "/usr/local/bin/node\0--disable-sigusr1", "npm start", "/srv/server"]) {
      for (const [signal, status] of [
        ["USR1", 2],
        ["10", 2],
        ["USR2", 0],
      ] as const) {
        const main = { ...MAIN, name: "node", command, signals: [0n, USR1_AND_2, 0n] as const };
        const told = probe(core, { ...PLAIN, processes: [INIT, main] }, ["--probe-signal", signal], ANSWERED);
        assert.deepEqual([told.status, told.asked.length > 0], [status, status === 0], command);
        if (status === 2) assert.match(told.errors, /--probe-signal: SIGUSR1 opens the debugger/);
      }
    }
  },
);
