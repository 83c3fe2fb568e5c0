// What is said over a notify socket in a life, who says it, and what it means: a model of core/notify.ts in other words.

import type { Linux, Process } from "./linux.ts";
import type { Circumstances } from "./script.ts";

/** How an init binds its own. */
const OWN = "\0steady-";
/** Of whoever started it. */
export const OUTER = "@outer";
const NOTICE_MAX = 4096;
const DAY_MS = 86_400_000;
const SIGNAL_MAX = 64;

/** What somebody sends, good and hostile. */
export const NOTICES: readonly string[] = [
  "WATCHDOG=1",
  "READY=1\nSTATUS=up",
  "",
  "READY",
  "=1\nWATCHDOG=1",
  'STATUS="}\n{"event":"ended"\nX=\\',
  "WATCHDOG_USEC=90000",
  "MAINPID=7\nX_Y=1\n\nWATCHDOG=1\n",
  "BARRIER=1",
  `STATUS=${"s".repeat(5000)}`,
  `STATUS=${"s".repeat(4089)}`,
  "EXTEND_TIMEOUT_USEC=100000",
  "WATCHDOG_USEC=x\nWATCHDOG=1",
  "WATCHDOG_USEC=0",
  "WATCHDOG=1\0READY=1",
  "WATCHDOG=1\0",
  "WATCHDOG=2",
  "WATCHDOG_USEC=99999999999999999999",
  // What ends the program, or what is expected of it.
  "STOPPING=1",
  "WATCHDOG=trigger",
  "WATCHDOG_USEC=1",
  "STEADY_PROBE=50",
  "STEADY_PROBE=65\nWATCHDOG=1",
  "STEADY_PROBE=",
];
/** Those before are no harm to whoever sends them. */
export const HARMLESS = 18;

interface Notice {
  readonly lines: readonly string[];
  /** What is passed on. */
  readonly kept: string;
}

/** Null where a datagram is none. */
export function readNotice(text: string): Notice | null {
  const whole = text.replace(/\0$/, "");
  if (text.length > NOTICE_MAX || whole.includes("\0")) return null;
  const lines = whole.split("\n").filter((line) => line !== "");
  if (whole === "" || !lines.every((line) => /^[^=]+=/.test(line))) return null;
  const times = lines.filter((line) => /^(?:WATCHDOG|EXTEND_TIMEOUT)_USEC=/.test(line));
  if (!times.every((line) => /=\d+$/.test(line) && timeOf(line) > 0)) return null;
  const probes = lines.filter((line) => line.startsWith("STEADY_PROBE="));
  if (!probes.every((line) => /=\d+$/.test(line) && numberIn(line) > 0 && numberIn(line) <= SIGNAL_MAX))
    return null;
  const kept = lines.filter((line) => line !== "BARRIER=1" && !/^(?:MAINPID|STEADY_PROBE)=/.test(line));
  return { lines, kept: kept.map((line) => `${line}\n`).join("") };
}

const numberIn = (line: string): number => Number(line.slice(line.indexOf("=") + 1));

/** In milliseconds. */
export function timeOf(line: string): number {
  return Math.min(DAY_MS, Math.ceil(numberIn(line) / 1000));
}

/** As sd_notify(3) does it: a socket for each message. */
export function notify(world: Linux, from: Process, name: string, text: string): void {
  const fd = world.socket(from);
  if (fd < 0) return;
  if (world.connect(from, fd, addressOf(name)) === 0) world.sendto(from, fd, Buffer.from(text, "latin1"));
  world.close(from, fd);
}

/** As `steady --probe` does it: the socket has a name of its own, to which the answer goes, and stays. */
export function probe(world: Linux, from: Process, name: string): void {
  const fd = world.socket(from);
  if (fd < 0) return;
  world.pass_credentials(from, fd);
  world.sendto(from, fd, Buffer.from(`STEADY_PROBE=${PROBE_SIGNAL}`), addressOf(name));
}

const addressOf = (name: string): Uint8Array => Buffer.from(`\u0001\0${name.replace(/^@/, "\0")}`, "latin1");

/** The name that whoever looks finds (/proc/net/unix). */
export function findName(world: Linux): string | undefined {
  return [...world.sockets.keys()].find((name) => name.startsWith(OWN));
}

/** How the times are in a life, in milliseconds; 0 for none. */
export interface Watched {
  readonly watchdogMs: number;
  readonly readyMs: number;
  readonly probeMs: number;
}

const WATCHED: Readonly<Record<string, Watched>> = {
  watchdog: { watchdogMs: 60, readyMs: 0, probeMs: 0 },
  ready: { watchdogMs: 60, readyMs: 50, probeMs: 0 },
  probe: { watchdogMs: 0, readyMs: 0, probeMs: 50 },
};
const NOBODY: Watched = { watchdogMs: 0, readyMs: 0, probeMs: 0 };
export const PROBE_SIGNAL = 50;
export const PROBE_WITHIN_MS = 20;
export const PROBE_FAILURES = 2;

export const watchedBy = ({ notify: how }: Circumstances): Watched => WATCHED[how] ?? NOBODY;

/** The options for it. */
export function notifyOptions(circumstances: Circumstances): string[] {
  const { watchdogMs, readyMs, probeMs } = watchedBy(circumstances);
  if (circumstances.notify === "none") return [];
  return [
    ...(circumstances.notify === "notify" ? ["notify"] : []),
    ...(watchdogMs > 0 ? [`watchdog=${watchdogMs}ms`] : []),
    ...(readyMs > 0 ? [`ready-within=${readyMs}ms`] : []),
    ...(probeMs > 0
      ? [
          `probe-every=${probeMs}ms`,
          `probe-signal=${PROBE_SIGNAL}`,
          `probe-within=${PROBE_WITHIN_MS}ms`,
          `probe-failures=${PROBE_FAILURES}`,
        ]
      : []),
  ];
}

const SIGN_MS = 20;
const FADES_MS = 100;

/** How a program speaks from now on, by the name in its environment, until it is another or gone. */
export function beginToSpeak(world: Linux, self: Process, speaks: Circumstances["speaks"]): void {
  const name = socketOf(self);
  const { program } = self;
  if (name === undefined || speaks === "silent") return;
  const begin = world.now;
  let text = "READY=1";
  const say = (): void => {
    if (!self.lives || self.program !== program) return;
    if (speaks === "fades" && world.now > begin + FADES_MS) return;
    if (self.state === "running" && !self.isFrozen) {
      notify(world, self, name, text);
      text = "WATCHDOG=1";
    }
    world.at(world.now + SIGN_MS, say);
  };
  world.at(begin + 1, say);
}

/** It answers what it was asked by a signal. */
export function answer(world: Linux, self: Process, speaks: Circumstances["speaks"]): void {
  const name = socketOf(self);
  if (name !== undefined && speaks === "well") notify(world, self, name, "WATCHDOG=1");
}

function socketOf({ environment }: Process): string | undefined {
  return environment.find((each) => each.startsWith("NOTIFY_SOCKET="))?.slice("NOTIFY_SOCKET=".length);
}
