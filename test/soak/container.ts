// A container of the soak: a real PID namespace with the init that ships and a program that tells what reaches it, a
// reader of its log that can stall and leave, processes that enter, and a limit on all of them together.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  asPid1,
  descendantNamed,
  descendants,
  IS_ROOT,
  type Run,
  STEADY,
  startFamily,
  statOf,
  statusOf,
  until,
} from "../lib/process.ts";
import { buildPuppet } from "../lib/puppet.ts";
import type { Arrival } from "./ledger.ts";
import { type Circumstances, LITTER, TERM } from "./plan.ts";

/** For everything in the container, zombies included; a round asks for more. */
const PROCESSES_MAX = 300;
/** What is written in one piece to a pipe (pipe(7)). */
const PIPE_BUF = 4096;
const CGROUPS = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];
/** Whose processes are counted where there is no cgroup to be had. */
const USER = 61_234;
const WITHOUT_KILL = ["setpriv", "--bounding-set=-all,+setuid,+setgid"];
const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** The reports of processes that take every signal and say so. */
export class Reporter {
  readonly run: Run;
  constructor(run: Run) {
    this.run = run;
  }

  get isQuiet(): boolean {
    return this.run.stdout === "ready\n";
  }
}

export class Container {
  readonly folder = mkdtempSync(join(tmpdir(), "steady-soak-"));
  readonly circumstances: Circumstances;
  readonly #limit = limitProcesses();
  readonly #steady = join(this.folder, "steady");
  readonly #puppet = join(this.folder, "puppet");
  readonly #families: (() => void)[] = [];
  readonly #entered = new Set<Promise<void>>();
  readonly run: Run;
  #reader: number | undefined;
  #report = "";
  #parsed = 0;
  init = 0;
  program = 0;
  /** The init's own pid, as the program sees it. */
  initInside = 0;

  constructor(circumstances: Circumstances) {
    this.circumstances = circumstances;
    chmodSync(this.folder, 0o777);
    copyFileSync(STEADY, this.#steady);
    copyFileSync(buildPuppet(), this.#puppet);
    this.run = this.#start(this.#command(), true);
    this.run.child.stdio[3]?.on("data", (text: Buffer) => {
      this.#report += text.toString("latin1");
    });
  }

  #start(command: readonly string[], reports = false): Run {
    const stdio = reports ? (["pipe", "pipe", "pipe", "pipe"] as const) : "pipe";
    const { run, endFamily } = startFamily(command, {
      stdio: typeof stdio === "string" ? stdio : [...stdio],
    });
    this.#families.push(endFamily);
    return run;
  }

  /** From outside to inside: the status in a file, the stream, the limit, the namespace, the terminal's test, the init. */
  #command(): string[] {
    const { place, stream } = this.circumstances;
    const inside = place === "pid1" ? this.#init() : ["sh", this.#script("inner", INNER), ...this.#init()];
    const namespace = [...this.#limit.around, ...asPid1([...this.#session(), ...inside])];
    const outer = ["sh", this.#script("outer", OUTER), join(this.folder, "status"), ...namespace];
    if (stream === "pipe") return ["sh", "-c", '"$@" 2>&1 | exec cat', "sh", ...outer];
    if (stream === "socket") return outer;
    const fifo = 'mkfifo "$0"; cat "$0" & exec "$@" >"$0" 2>&1';
    if (stream === "fifo") return ["sh", "-c", fifo, join(this.folder, "fifo"), ...outer];
    return ["script", "-qefc", `exec ${outer.map(quoted).join(" ")}`, "/dev/null"];
  }

  /** As engines do it: PID 1 leads a session, and the terminal is that session's. To take it from another needs root. */
  #session(): string[] {
    return this.circumstances.stream === "terminal" && this.#limit.isRoot ? ["setsid", "--ctty"] : [];
  }

  #init(): string[] {
    const { mode, group, verbosity, otherUser, status } = this.circumstances;
    const options = ["--reap", mode, ...(group ? ["-g"] : []), ...Array<string>(verbosity).fill("-v")];
    const actor = [this.#puppet, "signals", `until=${TERM}`, `exit=${status}`, `litter=${LITTER}`];
    // The program reports by a descriptor of its own: its log may stall.
    const program = ["sh", "-c", 'exec "$@" >&3 3>&-', "sh", ...actor];
    return otherUser && this.#limit.isRoot
      ? [...WITHOUT_KILL, this.#steady, ...options, "--", ...AS_NOBODY, ...program]
      : [this.#steady, ...options, "--", ...program];
  }

  #script(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode: 0o755 });
    return path;
  }

  /** Waits until the program takes signals. */
  async isReady(): Promise<void> {
    await until(
      () => `the program; it said:\n${this.run.all()}`,
      () => this.#report.startsWith("ready\n"),
    );
    this.init = await descendantNamed(this.run.pid, "steady");
    this.program = await descendantNamed(this.init, "puppet");
    this.initInside = Number(statusOf(this.init, "NSpid")?.split("\t").at(-1));
    const reader = descendants(this.run.pid).find((pid) => statOf(pid)?.name === "cat");
    this.#reader = reader;
  }

  /** What the program has told since the last time. */
  arrivals(): Arrival[] {
    const end = this.#report.lastIndexOf("\n") + 1;
    const lines = this.#report.slice(this.#parsed, end).split("\n");
    this.#parsed = Math.max(end, this.#parsed);
    return lines.map(arrivalIn).filter((arrival) => arrival !== undefined);
  }

  get initLives(): boolean {
    return isAlive(this.init);
  }

  get programLives(): boolean {
    return isAlive(this.program);
  }

  /** Of the whole, once it has ended. */
  get status(): number | undefined {
    const path = join(this.folder, "status");
    return existsSync(path) ? Number(readFileSync(path, "latin1")) : undefined;
  }

  /** Whether the group that had the terminal has it no more; one outside of the namespace cannot be told of inside. */
  get terminalIsLost(): boolean {
    return this.#limit.isRoot && existsSync(join(this.folder, "lost"));
  }

  /** The zombies that the init has not reaped. */
  zombies(): number[] {
    return descendants(this.init).filter((pid) => {
      const stat = statOf(pid);
      return stat?.parent === this.init && stat.state === "Z";
    });
  }

  /** What the init holds above the standard streams, in order. */
  descriptors(): string[] {
    const folder = `/proc/${this.init}/fd`;
    const fds = readdirSync(folder).map(Number);
    return fds
      .filter((fd) => fd > 2)
      .map((fd) => readlinkSync(join(folder, `${fd}`)).replace(/:\[\d+\]$/, ""))
      .sort();
  }

  /** The reader of the log stops, and there is no room for another line. */
  stall(): void {
    if (this.#reader !== undefined && isAlive(this.#reader)) {
      signalIfAlive(this.#reader, "SIGSTOP");
      fill(`/proc/${this.init}/fd/1`);
    } else if (this.circumstances.stream === "socket") this.run.child.stdout?.pause();
  }

  resume(): void {
    if (this.#reader !== undefined) signalIfAlive(this.#reader, "SIGCONT");
    else if (this.circumstances.stream === "socket") this.run.child.stdout?.resume();
  }

  /** The reader of the log leaves for ever. */
  leave(): void {
    if (this.#reader !== undefined) signalIfAlive(this.#reader, "SIGKILL");
    else if (this.circumstances.stream === "socket") this.run.child.stdout?.destroy();
  }

  resize(): void {
    // Whoever has the terminal as its standard input may ask for its name.
    const terminal = readlinkSync(`/proc/${this.init}/fd/0`);
    spawnSync("stty", ["-F", terminal, "rows", `${20 + (Math.trunc(performance.now()) % 20)}`]);
  }

  hangUp(): void {
    this.run.child.kill("SIGKILL");
  }

  /** Runs the puppet in the namespace, as `docker exec` does; answers its output once it has ended, also where it failed. */
  enter(words: readonly (string | number)[], done: (output: string, ran: boolean) => void = () => {}): void {
    this.#spawn(
      [...this.#limit.around, ...this.#limit.nsenter, "--target", `${this.init}`, "--pid", "--"],
      words,
      done,
    );
  }

  /** The same outside. */
  outside(
    words: readonly (string | number)[],
    done: (output: string, ran: boolean) => void = () => {},
  ): void {
    this.#spawn([], words, done);
  }

  #spawn(
    around: readonly string[],
    words: readonly (string | number)[],
    done: (output: string, ran: boolean) => void,
  ): void {
    const [file = "", ...args] = [...around, this.#puppet, ...words.map(String)];
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "ignore"] });
    let output = "";
    child.stdout.setEncoding("latin1").on("data", (text: string) => {
      output += text;
    });
    const ended = new Promise<void>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status) => {
        done(output, status === 0);
        resolve();
      });
    });
    this.#entered.add(ended);
    ended.finally(() => this.#entered.delete(ended)).catch(() => {});
  }

  /** Waits until all who entered to do something have done it. */
  async allHaveLeft(): Promise<void> {
    await Promise.all(this.#entered);
  }

  /** A process that is none of the init's business: outside of the namespace, or inside with a parent outside. */
  async bystander(place: "inside" | "outside"): Promise<Reporter> {
    const entering = [...this.#limit.nsenter, "--target", `${this.init}`, "--pid", "--"];
    const run = this.#start([...(place === "inside" ? entering : []), this.#puppet, "signals"]);
    await run.says("ready");
    return new Reporter(run);
  }

  remove(): void {
    for (const end of this.#families.reverse()) end();
    this.#limit.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** It writes the status where it is found also if nobody waits for the shell any more, as after a hang-up. */
const OUTER = 'trap "" HUP; file=$1; shift; "$@"; echo $? >$file.new; mv $file.new $file\n';
/** PID 1 of a namespace in which the init is not. It tells whether it can read from its terminal again. */
const INNER = '"$@"; s=$?; if [ -t 0 ]; then read x || : >"$(dirname "$0")/lost"; fi; exit $s\n';

function arrivalIn(line: string): Arrival | undefined {
  const found = /^signal (\d+) (?:(user|queue)|code (-?\d+)) pid (\d+) uid \d+(?: value (-?\d+))?$/.exec(
    line,
  );
  if (found === null) return undefined;
  const [, signal, named, code, pid, value] = found;
  return { signal: Number(signal), how: named ?? code ?? "", pid: Number(pid), value: Number(value ?? 0) };
}

/** Fills a pipe with empty lines, by a description of our own. */
function fill(path: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const block = Buffer.alloc(PIPE_BUF, "\n");
  try {
    for (let length = PIPE_BUF; length > 0; length = length >> 1)
      while (writes(fd, block.subarray(0, length)));
  } finally {
    closeSync(fd);
  }
}

function writes(fd: number, bytes: Uint8Array): boolean {
  try {
    return writeSync(fd, bytes) > 0;
  } catch (error) {
    if (["EAGAIN", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  return !"ZX".includes(statOf(pid)?.state ?? "X");
}

function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** How processes are kept within a limit. */
interface Limit {
  readonly around: readonly string[];
  readonly nsenter: readonly string[];
  /** Whether the container may change users. */
  readonly isRoot: boolean;
  readonly remove: () => void;
}

let groups = 0;

/** By a pids cgroup, of either version, or else as a user whose processes are counted (RLIMIT_NPROC). */
function limitProcesses(): Limit {
  for (const root of CGROUPS) {
    const path = join(root, `steady-soak-${process.pid}-${++groups}`);
    if (!makeGroup(path)) continue;
    const around = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', path];
    return { around, nsenter: ["nsenter"], isRoot: IS_ROOT, remove: () => removeGroup(path) };
  }
  const user = IS_ROOT ? ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"] : [];
  const around = [...user, "prlimit", `--nproc=${PROCESSES_MAX}`];
  const nsenter = [...user, "nsenter", "--user", "--preserve-credentials"];
  return { around, nsenter, isRoot: false, remove: () => {} };
}

function makeGroup(path: string): boolean {
  try {
    mkdirSync(path);
    if (existsSync(join(path, "pids.max"))) {
      writeFileSync(join(path, "pids.max"), `${PROCESSES_MAX}`);
      return true;
    }
    rmdirSync(path);
  } catch {
    // Not ours to make: another way of counting is.
  }
  return false;
}

/** Its last processes may be on their way out. */
function removeGroup(path: string): void {
  for (let tries = 0; tries < 100; tries++) {
    try {
      rmdirSync(path);
      return;
    } catch {
      execFileSync("sleep", ["0.05"]);
    }
  }
  throw new Error(`${path} does not become empty`);
}
