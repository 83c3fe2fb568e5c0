// A container that is fuzzed: a real PID namespace with an init and a program that tells what reaches it, a reader of its log
// that can stall and leave, processes that enter, and a limit on all of them together. The rule: whatever was started ends with
// the lab, however that ends.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  constants,
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
import { setTimeout as sleep } from "node:timers/promises";
import { quoted } from "../arena/quoted.ts";
import type { Target } from "../arena/target.ts";
import { PlaceError } from "../place.ts";
import { childrenOf, innerPid, isDead, masksOf, pidsOf, sleepsOf, statOf, treeOf } from "../processes.ts";
import type { Contract } from "./contract.ts";
import type { Arrival } from "./ledger.ts";
import { type Circumstances, LITTER, TERM } from "./plan.ts";

/** For everything in the container, zombies included; a round asks for more. */
const PROCESSES_MAX = 300;
/** What is written in one piece to a pipe (pipe(7)). */
const PIPE_BUF = 4096;
const CGROUPS = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];
const WITHOUT_KILL = ["setpriv", "--bounding-set=-all,+setuid,+setgid", "--"];
const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
const WITH_THE_LAB = ["setpriv", "--pdeathsig", "KILL", "--"];
const IS_ROOT = process.getuid?.() === 0;
/** As root in a user namespace where it is nobody's root. */
export const NAMESPACE = ["unshare", ...(IS_ROOT ? [] : ["--user", "--map-root-user"]), "--pid", "--fork"];
const START_MS_MAX = 60_000;
const LOOK_MS = 5;
/** In a mask. A program may leave it pending for ever. */
const CHLD = 1n << 16n;

/** Who plays in the container. */
export interface Cast {
  readonly init: Target;
  readonly contract: Contract;
  /** Puts the program that tells what reaches it into the folder, and answers its command. */
  readonly player: (folder: string) => readonly string[];
  /** Ends every wait. */
  readonly signal?: AbortSignal | undefined;
}

/** A process that was started, and what it has said so far. */
class Run {
  readonly child: ChildProcess;
  readonly closed: Promise<void>;
  said = "";

  constructor(command: readonly string[], reports: boolean) {
    const [file = "", ...args] = [...WITH_THE_LAB, ...command];
    this.child = spawn(file, args, {
      stdio: ["pipe", "pipe", "pipe", ...(reports ? ["pipe" as const] : [])],
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding("latin1").on("data", (text: string) => {
        this.said += text;
      });
    this.child.stdin?.on("error", () => {});
    this.closed = new Promise((resolve) => {
      this.child.on("error", (error) => {
        this.said += error.message;
        resolve();
      });
      this.child.on("exit", () => resolve());
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.child.pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async end(): Promise<void> {
    if (!this.hasEnded) this.child.kill("SIGKILL");
    await this.closed;
  }
}

/** Takes every signal and says so. */
export class Bystander {
  readonly #run: Run;
  constructor(run: Run) {
    this.#run = run;
  }

  get said(): string {
    return this.#run.said;
  }

  get isQuiet(): boolean {
    return this.said === "ready\n";
  }
}

export class Container {
  readonly folder = mkdtempSync(join(tmpdir(), "steady-fuzz-"));
  readonly circumstances: Circumstances;
  readonly #cast: Cast;
  readonly #limit: Limit;
  readonly #player: readonly string[];
  readonly #runs: Run[] = [];
  readonly #visits = new Set<Promise<void>>();
  readonly #run: Run;
  #reader: number | undefined;
  #report = "";
  #parsed = 0;
  init = 0;
  program = 0;
  /** The init's own pid, as the program sees it. */
  initInside = 0;

  constructor(cast: Cast, circumstances: Circumstances) {
    this.#cast = cast;
    this.circumstances = circumstances;
    this.#limit = limitProcesses();
    chmodSync(this.folder, 0o755);
    this.#player = cast.player(this.folder);
    this.#run = this.#start(this.#command(), true);
    this.#run.child.stdio[3]?.on("data", (text: Buffer) => {
      this.#report += text.toString("latin1");
    });
  }

  #start(command: readonly string[], reports = false): Run {
    const run = new Run(command, reports);
    this.#runs.push(run);
    return run;
  }

  /** From outside to inside: what ends all of it, the status in a file, the stream, the limit, the namespace, the init. */
  #command(): string[] {
    const { place, stream } = this.circumstances;
    const inside = place === "pid1" ? this.#init() : ["sh", this.#script("inner", INNER), ...this.#init()];
    const namespace = [...NAMESPACE, "--mount-proc", "--kill-child", ...this.#session(), ...inside];
    const outer = ["sh", this.#script("outer", OUTER), join(this.folder, "status"), ...namespace];
    return [
      ...this.#limit.around,
      ...NAMESPACE,
      "--kill-child",
      "sh",
      "-c",
      LAST,
      "sh",
      ...this.#streamed(outer, stream),
    ];
  }

  #streamed(command: readonly string[], stream: Circumstances["stream"]): readonly string[] {
    if (stream === "pipe") return ["sh", "-c", '"$@" 2>&1 | exec cat', "sh", ...command];
    if (stream === "socket") return command;
    const fifo = 'mkfifo "$0"; cat "$0" & exec "$@" >"$0" 2>&1';
    if (stream === "fifo") return ["sh", "-c", fifo, join(this.folder, "fifo"), ...command];
    return ["script", "-qefc", `exec ${command.map(quoted).join(" ")}`, "/dev/null"];
  }

  /** As engines do it: PID 1 leads a session, and the terminal is that session's. To take it from another needs root. */
  #session(): string[] {
    return this.circumstances.stream === "terminal" && IS_ROOT ? ["setsid", "--ctty"] : [];
  }

  #init(): string[] {
    const { otherUser, status } = this.circumstances;
    const actor = [...this.#player, "signals", `until=${TERM}`, `exit=${status}`, `litter=${LITTER}`];
    // The program reports by a descriptor of its own: its log may stall.
    const program = ["sh", "-c", 'exec "$@" >&3 3>&-', "sh", ...actor];
    const init = initWords(this.#cast, this.circumstances);
    return otherUser && IS_ROOT && this.#cast.init.path !== undefined
      ? [...WITHOUT_KILL, ...init, ...AS_NOBODY, ...program]
      : [...init, ...program];
  }

  #script(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode: 0o755 });
    return path;
  }

  /** Waits until `probe` answers something; answers undefined after the deadline. Throws where the lab is broken off. */
  async until<T>(probe: () => T | undefined | false, msMax: number): Promise<T | undefined> {
    const deadline = performance.now() + msMax;
    while (true) {
      this.#cast.signal?.throwIfAborted();
      const answer = probe();
      if (answer !== undefined && answer !== false) return answer;
      if (performance.now() > deadline) return undefined;
      await sleep(LOOK_MS);
    }
  }

  /** Waits until the program takes signals. */
  async isReady(): Promise<void> {
    await this.until(
      () => this.#report.startsWith("ready\n") || this.#run.hasEnded || this.status !== undefined,
      START_MS_MAX,
    );
    if (!this.#report.startsWith("ready\n"))
      throw new PlaceError(
        `the program did not start under ${this.#cast.init.name}: ${this.log.trim() || "nothing was said"}`,
      );
    const below = treeOf(this.#run.pid);
    const first = below.findLast(({ pid }) => isFirstOfInner(pid))?.pid ?? 0;
    this.init = this.circumstances.place === "pid1" ? first : (childrenOf(first)[0] ?? 0);
    this.program = this.#cast.init.path === undefined ? this.init : playerBelow(this.init);
    this.initInside = innerPid(this.init);
    this.#reader = below.find(({ name }) => name === "cat")?.pid;
  }

  /** What was written to the log, and by whatever stands around the init. */
  get log(): string {
    return this.#run.said;
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

  /** Whether nobody has anything to do, from the init on: what has not come by now will not come. */
  get isSettled(): boolean {
    return treeOf(this.init)
      .filter(({ state }) => !isDead(state))
      .every(
        ({ pid, state }) => state === "S" && masksOf(pid).every(({ pending }) => (pending & ~CHLD) === 0n),
      );
  }

  get initSleeps(): boolean {
    return statOf(this.init)?.state === "S";
  }

  /** How often the init went to sleep: once for each wake-up. */
  get wakeUps(): number {
    return sleepsOf(this.init);
  }

  /** Of the whole, once it has ended. */
  get status(): number | undefined {
    const path = join(this.folder, "status");
    return existsSync(path) ? Number(readFileSync(path, "latin1")) : undefined;
  }

  /** Whether the group that had the terminal has it no more; one outside of the namespace cannot be told of inside. */
  get terminalIsLost(): boolean {
    return IS_ROOT && existsSync(join(this.folder, "lost"));
  }

  /** The zombies that the init has not reaped. */
  zombies(): number[] {
    return childrenOf(this.init).filter((pid) => statOf(pid)?.state === "Z");
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

  write(text: string): void {
    this.#run.child.stdin?.write(text);
  }

  /** The reader of the log stops, and there is no room for another line. */
  stall(): void {
    if (this.#reader !== undefined && isAlive(this.#reader)) {
      signalIfAlive(this.#reader, "SIGSTOP");
      if (isStopped(this.#reader)) fill(`/proc/${this.init}/fd/1`);
    } else if (this.circumstances.stream === "socket") this.#run.child.stdout?.pause();
  }

  resume(): void {
    if (this.#reader !== undefined) signalIfAlive(this.#reader, "SIGCONT");
    else if (this.circumstances.stream === "socket") this.#run.child.stdout?.resume();
  }

  /** The reader of the log leaves for ever. */
  leave(): void {
    if (this.#reader !== undefined) signalIfAlive(this.#reader, "SIGKILL");
    else if (this.circumstances.stream === "socket") this.#run.child.stdout?.destroy();
  }

  resize(): void {
    // Whoever has the terminal as its standard input may ask for its name.
    const terminal = readlinkSync(`/proc/${this.init}/fd/0`);
    spawnSync("stty", ["-F", terminal, "rows", `${20 + (Math.trunc(performance.now()) % 20)}`]);
  }

  /** Whoever holds the other end of the terminal is gone. */
  hangUp(): void {
    const holder = treeOf(this.#run.pid).find(({ name }) => name === "script");
    if (holder !== undefined) signalIfAlive(holder.pid, "SIGKILL");
  }

  /** Runs the player in the namespace, as `docker exec` does; `done` has its output once it has ended, also where it failed. */
  enter(words: readonly (string | number)[], done: (output: string, ran: boolean) => void = () => {}): void {
    this.#visit([...this.#limit.around, ...this.#entering()], words, done);
  }

  /** The same outside. */
  outside(
    words: readonly (string | number)[],
    done: (output: string, ran: boolean) => void = () => {},
  ): void {
    this.#visit([], words, done);
  }

  #entering(): string[] {
    const user = IS_ROOT ? [] : ["--user", "--preserve-credentials"];
    return ["nsenter", ...user, "--target", `${this.init}`, "--pid", "--"];
  }

  #visit(
    around: readonly string[],
    words: readonly (string | number)[],
    done: (output: string, ran: boolean) => void,
  ): void {
    const run = new Run([...around, ...this.#player, ...words.map(String)], false);
    this.#runs.push(run);
    const ended = new Promise<void>((resolve) => {
      run.child.on("error", () => resolve());
      run.child.on("close", (status) => {
        done(run.said, status === 0);
        resolve();
      });
    });
    this.#visits.add(ended);
    ended.finally(() => {
      this.#visits.delete(ended);
      this.#runs.splice(this.#runs.indexOf(run), 1);
    });
  }

  /** Waits until all who entered to do something have done it. */
  async allHaveLeft(): Promise<void> {
    const left = await this.until(() => this.#visits.size === 0, START_MS_MAX);
    if (left === undefined) throw new PlaceError(`${this.#visits.size} processes that entered do not end`);
  }

  /** A process that is none of the init's business: outside of the namespace, or inside with a parent outside. */
  async bystander(place: "inside" | "outside"): Promise<Bystander> {
    const run = this.#start([...(place === "inside" ? this.#entering() : []), ...this.#player, "signals"]);
    await this.until(() => run.said === "ready\n" || run.hasEnded, START_MS_MAX);
    if (run.said !== "ready\n") throw new PlaceError(`a process could not be started ${place}: ${run.said}`);
    return new Bystander(run);
  }

  async remove(): Promise<void> {
    await Promise.all(this.#runs.map((run) => run.end()));
    await this.#limit.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Once all others have ended it stays, so that a terminal may end before what is on it. */
const LAST = '"$@"; exec sleep 1000000';
/** It writes the status where it is found also if nobody waits for the shell any more, as after a hang-up. */
const OUTER = 'trap "" HUP; file=$1; shift; "$@"; echo $? >$file.new; mv $file.new $file\n';
/** PID 1 of a namespace in which the init is not. It tells whether it can read from its terminal again. */
const INNER = '"$@"; s=$?; if [ -t 0 ]; then read x || : >"$(dirname "$0")/lost"; fi; exit $s\n';

/** The init and its options, up to the program. */
function initWords({ init, contract }: Cast, { mode, place, group, verbosity }: Circumstances): string[] {
  if (init.path === undefined) return [];
  return [
    init.path,
    ...(init.kind === "steady" ? ["--reap", mode] : []),
    ...(place === "subreaper" && contract.subreaper ? [contract.subreaper] : []),
    ...(group && contract.group !== undefined ? [contract.group] : []),
    ...(contract.verbose === undefined ? [] : Array<string>(verbosity).fill(contract.verbose)),
    "--",
  ];
}

/** PID 1 of a namespace within ours. */
function isFirstOfInner(pid: number): boolean {
  const numbers = pidsOf(pid);
  return numbers.length > 1 && numbers.at(-1) === 1;
}

/** The one that was started first: what it leaves behind has its name too. */
function playerBelow(init: number): number {
  const below = treeOf(init).filter(({ pid, name }) => pid !== init && ["perl", "puppet"].includes(name));
  return below[0]?.pid ?? 0;
}

function arrivalIn(line: string): Arrival | undefined {
  const found = /^signal (\d+) (?:(user|queue)|code (-?\d+)) pid (\d+) uid \d+(?: value (-?\d+))?$/.exec(
    line,
  );
  if (found === null) return undefined;
  const [, signal, named, code, pid, value] = found;
  return { signal: Number(signal), how: named ?? code ?? "", pid: Number(pid), value: Number(value ?? 0) };
}

const STOP_MS_MAX = 1_000;

/**
 * Waits until it is, since one that is reading just now would make room again; so nothing else is done meanwhile. One that was
 * killed a moment ago never is.
 */
function isStopped(pid: number): boolean {
  const deadline = performance.now() + STOP_MS_MAX;
  while (isAlive(pid) && performance.now() < deadline) if (statOf(pid)?.state === "T") return true;
  return false;
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
  return pid > 0 && !isDead(statOf(pid)?.state ?? "X");
}

/** Answers whether there was somebody. */
export function signalIfAlive(pid: number, signal: NodeJS.Signals | number): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    return false;
  }
}

/** How processes are kept within a limit. */
interface Limit {
  readonly around: readonly string[];
  readonly remove: () => Promise<void>;
}

let groups = 0;

/** By a pids cgroup, of either version, or else, for anybody but root, as a user whose processes are counted (RLIMIT_NPROC). */
function limitProcesses(): Limit {
  for (const root of CGROUPS) {
    const path = join(root, `steady-fuzz-${process.pid}-${++groups}`);
    if (!makeGroup(path)) continue;
    return {
      around: ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', path],
      remove: () => removeGroup(path),
    };
  }
  if (IS_ROOT)
    throw new PlaceError(
      "fuzz floods processes, and a limit on them is not to be had: no cgroup can be made below /sys/fs/cgroup",
    );
  return { around: ["prlimit", `--nproc=${PROCESSES_MAX}`, "--"], remove: async () => {} };
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

const REMOVE_TRIES = 200;

/** Its last processes may be on their way out. */
async function removeGroup(path: string): Promise<void> {
  for (let tries = 0; tries < REMOVE_TRIES; tries++) {
    try {
      rmdirSync(path);
      return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error(`${path} does not become empty`);
}
