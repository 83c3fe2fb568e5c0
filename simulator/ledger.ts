// What every law may want to know of a life so far: kept up to date by one reader of the calls, so that a law stays a
// few lines. It knows what the calls and their answers say, and nothing of how the core decides.

import {
  asUser,
  capsOf,
  commandLine,
  drainTime,
  EVENTS_FD,
  identityOf,
  isTini,
  mapped,
  milliseconds,
  PROGRAM_ARGUMENTS,
  REPORT_FILE,
  STATUS_FILE,
  stopSignals,
  TERMINATION_FILE,
  withoutOptions,
} from "./commandline.ts";
import { DatagramFile } from "./datagrams.ts";
import { E } from "./errnos.ts";
import { type File, FileType, PidFile, POLLERR, POLLHUP, POLLOUT } from "./files.ts";
import type { Linux, Process } from "./linux.ts";
import { PROBE_SIGNAL, readNotice, timeOf, watchedBy } from "./notices.ts";
import type { Circumstances } from "./script.ts";
import type { SignalInfo } from "./signals.ts";
import type { Terminal } from "./terminal.ts";

/** One system call of a running core, as it ended. */
export interface Call {
  /** From 0, all cores of the life together. */
  readonly number: number;
  /** By the init; else by the child before its exec. */
  readonly byInit: boolean;
  readonly name: string;
  readonly args: readonly (number | bigint)[];
  readonly answer: number | bigint;
  /** What was made to happen instead of what the kernel would have done: an errno, `short`. */
  readonly fault: string | null;
  /** The signal that it took. */
  readonly taken: SignalInfo | null;
  /** Of a ppoll of one descriptor: that one. */
  readonly polled: number;
  /** What it wanted to write. */
  readonly text: string | null;
  /** What a signal was sent with: its number alone where it carries nothing. */
  readonly sent: { readonly signo: number; readonly info: SignalInfo | null } | null;
  /** Whom it hits. */
  readonly hit: Hit | null;
  /** The init's own filter refused it. */
  readonly isConfined: boolean;
}

export type Hit =
  | "program"
  | "group of the program"
  | "itself"
  | "own group"
  | "everybody"
  | "descendant"
  | "others"
  | "gone"
  | "nobody";

/** A signal that was taken, and what became of it. */
export interface Taken {
  readonly info: SignalInfo;
  /** The number of the call. */
  readonly call: number;
  /** Nobody asked for less, or it has a sender outside whom the kernel has seen. */
  readonly isBelieved: boolean;
  /** What --map makes of it; 0 for nothing. */
  readonly becomes: number;
  readonly attempts: Call[];
  /** Attempts that were answered 0. */
  delivered: number;
  /** It went back to the init's own queue. */
  putBack: boolean;
  /** How often the core trapped while it was in hand. */
  traps: number;
  /** The program was there when it was taken. */
  readonly programLived: boolean;
}

export const SIGCHLD = 17;
const SIGCONT = 18;
const SIGKILL = 9;
const SIGABRT = 6;
const SIGSTOP = 19;
const SIGTERM = 15;
const SIGNAL_MAX = 64;
/** PIDFD_INFO_EXIT. */
const INFO_EXIT = 8;
const SI_QUEUE = -1;
const INFO_BYTES = 128;
const SI_USER = 0;
const SI_TKILL = -6;
const SI_KERNEL = 0x80;
const SIGURG = 23;
const SIGIO = 29;
const EINVAL = 22;
const PRIVILEGES = new Set(["setgroups", "setgid", "setuid", "capset", "prctl", "setrlimit_nproc"]);
const EAGAIN = 11;
const REAL_TIME_FIRST = 32;
const LOG = new Set([
  "pwritev2",
  "write",
  "sendto",
  "splice",
  "pipe2",
  "statx",
  "ppoll",
  "fcntl_dupfd",
  "close",
]);
/** A restart of the core within this is counted together with those before (ARCHITECTURE.md). */
const WINDOW_MS = 1000;
const TRAPS_MAX = 4;

/** Whether a call sends a signal, rather than asks whether it could. */
export function isSend({ sent }: Call): boolean {
  return sent !== null && sent.signo > 0 && sent.signo <= SIGNAL_MAX;
}

/** A call in which the loop looks for news: the ppoll of its four descriptors, or the wait where it has no signalfd. */
export function isLook({ byInit, name, args }: Call): boolean {
  if (!byInit) return false;
  return (
    (name === "ppoll" && Number(args[1]) > 1) || (name === "rt_sigtimedwait" && args[0] !== ONLY_SIGCONT)
  );
}

/** What the init takes when a shell has continued it: that is for both, and the program gets its own. */
const ONLY_SIGCONT = 1n << 17n;

/** What the end is told in; the second until it is whole. */
const END_FILES: readonly string[] = [REPORT_FILE, `${REPORT_FILE}.tmp`, STATUS_FILE, TERMINATION_FILE];

/** What the world has that laws look at. */
interface World {
  readonly world: Linux;
  readonly init: Process;
  readonly parent: Process;
  readonly terminal: Terminal | null;
}

/** The program at its first instruction. */
export interface Start {
  readonly self: Process;
  readonly path: string;
  readonly args: readonly string[];
  readonly files: readonly number[];
  readonly environment: readonly string[];
  readonly foreground: string;
  /** As they were when the init was started, or should be. */
  readonly expected: {
    readonly mask: bigint;
    readonly ignored: readonly number[];
    readonly files: readonly number[];
    readonly args: readonly string[];
    readonly environment: readonly string[];
    readonly path: string;
    readonly foreground: string;
  };
}

export class Ledger {
  readonly circumstances: Circumstances;
  readonly init: Process;
  readonly #world: World;
  readonly #foregroundAtStart: string;
  readonly #files: readonly number[];
  readonly #stdio: readonly (File | undefined)[];
  program: Process | null = null;
  /** Each signal that was sent on, by the number it came with. */
  readonly #sent: { readonly signo: number; readonly at: number }[] = [];
  /** Calls of the init. */
  calls = 0;
  /** The program has begun to run. */
  started = false;
  /** The init has looked for news, so its start is over. */
  settled = false;
  reaping: "wait" | "kernel" | "kernel, with stops" = "wait";
  /** The signal that was taken last. */
  hand: Taken | null = null;
  /** A signal with a value that the program's queue refused. */
  held: Taken | null = null;
  /** The one that was held, until the next look: it may be tried once more in another way. */
  #ending: Taken | null = null;
  /** One over which the core failed when it was held already: it was taken in hand again, and is still kept. */
  #again: Taken | null = null;
  /** Sends that no taken signal asked for. */
  readonly unasked: Call[] = [];
  /** Sends in the name of a parent that died, and to a job that the shell continued. */
  readonly parentSends: Call[] = [];
  readonly continues: Call[] = [];
  /** The last signal to what is left of dumb-init's session, by pidfd and perhaps by number. */
  readonly #opened = new WeakSet<Process>();
  readonly farewells: Call[] = [];
  /** The SIGSTOPs that it sends to itself under dumb-init's name. */
  readonly suspensions: Call[] = [];
  /** What the end asked for: to everybody who is left, or to each of the init's descendants. */
  readonly endings: Call[] = [];
  /** Sends to orphans that it adopted, and to who was none any more when it was sent. */
  readonly orphanSends: Call[] = [];
  /** Signals because the program is not well, and questions to it. */
  readonly watchSends: Call[] = [];
  /** The datagram that the last recvmsg answered: null where it changes nothing. */
  notice: { readonly lines: readonly string[]; readonly kept: string } | null = null;
  /** Whether the last datagram came from where an answer can go to. */
  canBeAnswered = false;
  /** What is expected of the program, with which time, and since when; and when it was asked last. */
  expects: "nothing" | "ready" | "signs" = "nothing";
  withinMs = 0;
  since = 0;
  #watchdogMs = 0;
  askedAt = -1;
  /** When a sign was read last, and whether the program has asked for its end. */
  signAt = -1;
  asksForEnd = false;
  /** When it was aborted; -1 for never. */
  abortedAt = -1;
  /** When the first stop signal was taken; -1 for never. */
  stoppedAt = -1;
  /** Whether the program was to be killed because its time was over. */
  isOverdue = false;
  /** The first stop signal, which --pre-stop keeps back; null before and after. */
  delayed: Taken | null = null;
  /** When the init has learnt that the program has ended; -1 for not yet. */
  knownAt = -1;
  /** The status that the child told for why there is no program; 0 for none. */
  startFailure = 0;
  /** Those of --report and of /dev/termination-log that the init has open to be written. */
  readonly endFiles = new Map<number, string>();
  /** The errnos with which the child could not become the program; 0: it never got as far. */
  readonly startErrnos = new Set<number>();
  /** Restarts of the core: in all, and of the child's. */
  traps = 0;
  childTraps = 0;
  /** As the core counts: what it asks the clock first of all decides how it goes on. */
  #window = 0;
  #restarting = false;
  /** Since the signal in hand was taken. */
  #asksForEnd = false;
  #windowTraps = 0;
  /** Only the last resort runs, for now: a failure more than a second later starts the whole core again. */
  lastResort = false;
  /** Faults so far, by the name of the call. */
  readonly faults = new Map<string, number>();
  parentDied = false;
  /** It died after the init had looked at it first. */
  parentDiedWatched = false;
  #askedParent = false;
  readonly parentPid: number;
  killedFromOutside = false;
  /** It is a job of a shell outside: stops concern it. */
  job = false;
  /** The program has had the foreground. */
  lent = false;
  foregroundBefore = "";
  /** It has stopped its own job, and who continued that may have moved the foreground. */
  stoppedItself = false;
  /** The program's pid, also when it is gone. */
  programPid = 0;
  /** The program's uid when the init asked for it last: it may change at any moment. */
  uidAsked = -1;
  /** What the last wait4 answered. */
  lastWait = { stopped: false, wantsTerminal: false };
  directory = "";
  /** A line of the log was cut or kept back by a fault. */
  logFaulted = false;
  /** The same of an event. */
  eventLost = false;

  constructor(circumstances: Circumstances, world: World) {
    this.circumstances = circumstances;
    this.init = world.init;
    this.#world = world;
    // What --events-to names is the init's.
    this.#files = world.init.files.numbers.filter((fd) => fd !== EVENTS_FD);
    this.#stdio = [0, 1, 2].map((fd) => world.init.files.get(fd));
    this.#foregroundAtStart =
      this.foreground === "the init's" && circumstances.input === "tty" && circumstances.dumbInit === "no"
        ? "the program's"
        : this.foreground;
    this.parentPid = world.parent.id.in(world.init.namespace);
  }

  /** Whether one of these calls was made to fail, or the sandbox refuses it. */
  failed(...names: string[]): boolean {
    const { refusals, hasProc } = this.#world.world;
    return names.some(
      (name) => this.faults.has(name) || refusals[name] !== undefined || (name === "openat" && !hasProc),
    );
  }

  get programLives(): boolean {
    return this.program?.lives ?? false;
  }

  get endKnown(): boolean {
    return this.knownAt >= 0;
  }

  get now(): number {
    return this.#world.world.now;
  }

  noteKilled(): void {
    this.killedFromOutside = true;
  }

  noteParentDeath(): void {
    if (this.parentDied) return;
    this.parentDied = true;
    // As PID 1 it sees no parent, and only the kernel can tell.
    const { parentDeath } = this.circumstances;
    this.parentDiedWatched =
      this.parentPid === 0 ? this.init.parentDeathSignal === parentDeath : this.#askedParent;
    if (this.circumstances.parentDeath === SIGKILL) this.killedFromOutside = true;
  }

  noteExec(_self: Process): void {
    this.started = true;
  }

  /** Whom a call that signals is going to hit. */
  hitOf(self: Process, name: string, args: readonly (number | bigint)[]): Hit | null {
    if (name === "tcsetpgrp") this.foregroundBefore = this.foreground;
    if (self !== this.init) return null;
    const number = Number(args[0]);
    const { pids } = self.namespace;
    if (name === "pidfd_send_signal") {
      const file = self.files.get(number);
      if (!(file instanceof PidFile)) return "nobody";
      if (args[3] !== 0) return this.#hitOfGroup(file.pid);
      return file.pid.process === null && file.pid !== this.program?.id
        ? "gone"
        : this.#hitOfProcess(file.pid.process);
    }
    if (name === "pidfd_open") this.#noteOpened(pids.get(number)?.process ?? null);
    if (name !== "kill" && name !== "rt_sigqueueinfo") return null;
    if (number === 0) return "own group";
    if (number === -1) return "everybody";
    if (number < 0) return this.#hitOfGroup(pids.get(-number));
    return this.#hitOfProcess(pids.get(number)?.process ?? null);
  }

  #hitOfProcess(process: Process | null): Hit {
    if (process === null) return "nobody";
    if (process === this.init) return "itself";
    if (process === this.program) return "program";
    for (let above = process.parent; above !== above.parent; above = above.parent)
      if (above === this.init) return "descendant";
    return this.#opened.has(process) ? "descendant" : "others";
  }

  /** Who was the init's when it was looked at may be another's child a moment later, when its parent has been killed. */
  #noteOpened(process: Process | null): void {
    if (process !== null && this.#hitOfProcess(process) === "descendant") this.#opened.add(process);
  }

  #hitOfGroup(group: Process["group"] | undefined): Hit {
    if (group === undefined || group.group.size === 0) return "nobody";
    return group === this.program?.id ? "group of the program" : "others";
  }

  /** Whether a line for this descriptor would find room. */
  hasRoom(fd: number): boolean {
    // Room that nobody will read from again is none.
    return ((this.init.files.get(fd)?.poll(this.init) ?? 0) & (POLLOUT | POLLERR | POLLHUP)) === POLLOUT;
  }

  /** Whether this descriptor of the init's leads to a file of a disk. */
  isFile(fd: number): boolean {
    return this.init.files.get(fd)?.type === FileType.Regular;
  }

  /** The first of 0, 1 and 2 that is not what it was; -1 for none. */
  get changedStdio(): number {
    // A core that failed with a file open leaves it where a closed descriptor was.
    const mayDiffer = (file: File | undefined): boolean => file === undefined && this.traps > 0;
    return this.#stdio.findIndex((file, fd) => this.init.files.get(fd) !== file && !mayDiffer(file));
  }

  /** Whose the foreground is. */
  get foreground(): string {
    const group = this.#world.terminal?.group ?? null;
    if (group === null || group.group.size === 0) return "nobody's";
    if (group === this.init.group) return "the init's";
    return group === this.program?.id ? "the program's" : "another's";
  }

  /** Whether a value can go to a whole group: Linux 6.9. */
  get groupTakesValues(): boolean {
    const { age } = this.#world.world;
    return age.groupFlag && !this.failed("pidfd_send_signal", "clone", "fcntl_dupfd");
  }

  get isHungUp(): boolean {
    const { terminal } = this.#world;
    return terminal === null || terminal.hungUp || this.init.terminal !== terminal;
  }

  get #environment(): readonly string[] {
    const environment = this.#withNotify(
      this.#withSockets(withoutOptions(commandLine(this.circumstances).environment)),
    );
    const identity = identityOf(this.circumstances);
    return identity ? asUser(environment, identity) : environment;
  }

  /** What was for the init is for the program, but under the names of tini and dumb-init. */
  #withSockets(environment: readonly string[]): readonly string[] {
    const { circumstances, init, programPid } = this;
    if (isTini(circumstances) || circumstances.dumbInit !== "no") return environment;
    const others = environment.filter((each) => each !== `LISTEN_PID=${init.pid}`);
    return others.length === environment.length ? environment : [...others, `LISTEN_PID=${programPid}`];
  }

  /** The notify socket, and the watchdog that the program is to answer. */
  #withNotify(environment: readonly string[]): readonly string[] {
    if (this.circumstances.notify === "none") return environment;
    const { watchdogMs } = watchedBy(this.circumstances);
    const watched = [`WATCHDOG_USEC=${watchdogMs}000`, `WATCHDOG_PID=${this.programPid}`];
    return [
      ...environment.filter((each) => !each.startsWith("NOTIFY_SOCKET=")),
      `NOTIFY_SOCKET=${this.ownSocket?.boundTo}`,
      ...(watchdogMs > 0 ? watched : []),
    ];
  }

  /** Of the init's sockets the one that has a name. */
  get ownSocket(): DatagramFile | undefined {
    const { files } = this.init;
    const sockets = files.numbers.map((fd) => files.get(fd)).filter((file) => file instanceof DatagramFile);
    return sockets.find(({ boundTo }) => boundTo.startsWith("@steady-"));
  }

  isOwn(fd: number): boolean {
    return this.init.files.get(fd) === this.ownSocket;
  }

  /** Whether this descriptor of the init's leads to whoever started it. */
  isOuter(fd: number): boolean {
    const file = this.init.files.get(fd);
    return file instanceof DatagramFile && file !== this.ownSocket;
  }

  get hasOuter(): boolean {
    return this.init.files.numbers.some((fd) => this.isOuter(fd));
  }

  /** Whether a sign of the program that was sent by then waits to be read. */
  wellSince(at: number): boolean {
    const waiting = this.ownSocket?.waiting ?? [];
    return waiting.some(
      ({ bytes, from, sentAt }) =>
        from?.id === this.program?.id && sentAt <= at && Buffer.from(bytes).toString() === "WATCHDOG=1",
    );
  }

  /** What is to be kept the init has to have itself. */
  get keepsInVain(): boolean {
    return (capsOf(this.circumstances)[1] & ~this.init.credentials.effective) !== 0;
  }

  startOf(self: Process, path: string, args: readonly string[], mask: bigint): Start {
    const { ignored, childrenIgnored, program, search } = this.circumstances;
    const file = search && program !== "script" ? "program" : "/usr/bin/program";
    const first = program === "script" ? ["/bin/sh", file] : [file];
    return {
      self,
      path,
      args,
      files: self.files.numbers,
      environment: self.environment,
      foreground: this.foreground,
      expected: {
        mask,
        ignored: [...(ignored > 0 ? [ignored] : []), ...(childrenIgnored ? [SIGCHLD] : [])],
        files: this.#files,
        args: [...first, ...PROGRAM_ARGUMENTS],
        environment: this.#environment,
        path: program === "script" ? "/bin/sh" : "/usr/bin/program",
        foreground: this.#foregroundAtStart,
      },
    };
  }

  /** How many signals that came with this number were sent on in the last milliseconds. */
  sentWithin(signo: number, milliseconds: number): number {
    return this.#sent.filter((each) => each.signo === signo && each.at > this.now - milliseconds).length;
  }

  /** Whether --limit may keep a signal waiting now. */
  hasMetLimit(signo: number): boolean {
    const { limit, callMs } = this.circumstances;
    return limit > 0 && this.sentWithin(signo, 1000 + 100 * (1 + callMs)) >= limit;
  }

  /** Reads a call before the laws do. */
  read(call: Call): void {
    if (this.foreground === "the program's") this.lent = true;
    if (call.fault !== null && LOG.has(call.name)) this.logFaulted = true;
    if (call.fault !== null && (LOG.has(call.name) || call.name === "statx_at")) this.eventLost = true;
    if (call.fault !== null) this.faults.set(call.name, (this.faults.get(call.name) ?? 0) + 1);
    if (!call.byInit) {
      this.#readChild(call);
      return;
    }
    this.calls++;
    this.#readOwn(call);
    if (call.name === "recvmsg") this.#readNotice(call);
    if (isLook(call)) {
      this.settled = true;
      this.#ending = null;
      if (this.delayed?.becomes === 0 && this.now >= this.delayedUntil) this.delayed = null;
    }
    if (call.name === "rt_sigaction" && this.program !== null && Number(call.answer) >= 0)
      this.reaping = ({ 1: "kernel", 2: "kernel, with stops" } as const)[Number(call.args[1])] ?? "wait";
    if (isSend(call)) this.#readSend(call);
    // Whoever reads many at once throws them away.
    const isDropped = call.name === "read" && Number(call.args[2]) > INFO_BYTES;
    if (call.taken !== null && call.args[0] !== ONLY_SIGCONT && !isDropped) this.#take(call, call.taken);
  }

  /** Which of the files of the end is open where. */
  #readEndFile({ name, args, answer, text }: Call): void {
    const [first, second] = args.map(Number);
    const made = Number(answer);
    if (name === "openat" && made >= 0 && (second ?? 0) >= 3 && text !== null && END_FILES.includes(text))
      this.endFiles.set(made, text);
    const moved = this.endFiles.get(first ?? -1);
    if (name === "fcntl_dupfd" && made >= 0 && moved !== undefined) this.endFiles.set(made, moved);
    // Also where it is told to have failed (close(2)).
    if (name === "close") this.endFiles.delete(first ?? -1);
  }

  #readOwn(call: Call): void {
    const { name, answer, text, taken } = call;
    const { out } = this.#world.world;
    this.#readEndFile(call);
    if (name === "clone" && Number(answer) > 0) {
      this.program = out.child;
      this.programPid = Number(answer);
      this.#beginWatch();
    }
    if (name === "read" && taken === null) this.uidAsked = this.program?.credentials.uid ?? -1;
    if (name === "tcgetpgrp" && this.program === null) this.job = Number(answer) >= 0 && this.init.pid !== 1;
    if (name === "pidfd_get_info" || name === "wait4") this.#asksForEnd = true;
    if (name === "clock_gettime" && this.#restarting) this.#restart(Number(answer));
    if (name === "getppid") this.#askedParent = true;
    if (name === "chdir" && answer === 0) this.directory = text ?? "";
    if (name === "pidfd_get_info" && answer === 0 && (out.info.mask & INFO_EXIT) !== 0 && this.started)
      this.#knowEnd();
    if (name !== "wait4") return;
    const stopped = Number(answer) > 0 && (out.status & 0xff) === 0x7f;
    if (Number(answer) > 0 && Number(answer) === this.programPid && !stopped) this.#knowEnd();
    this.lastWait = { stopped, wantsTerminal: stopped && [21, 22].includes(out.status >> 8) };
  }

  // What the program says

  #beginWatch(): void {
    const { watchdogMs, readyMs } = watchedBy(this.circumstances);
    this.#watchdogMs = watchdogMs;
    if (readyMs > 0) this.#expect("ready", readyMs);
    else this.#expectSigns();
  }

  #expectSigns(): void {
    const isProbed = watchedBy(this.circumstances).probeMs > 0;
    if (this.#watchdogMs > 0 || isProbed) this.#expect("signs", this.#watchdogMs);
    else this.expects = "nothing";
  }

  #expect(what: "ready" | "signs", ms: number): void {
    this.expects = what;
    this.withinMs = ms;
    this.since = this.now;
  }

  /** Who is to be stopped, or says so, is left alone. */
  stopWatch(): void {
    if (this.abortedAt < 0) this.expects = "nothing";
  }

  #readNotice(call: Call): void {
    this.notice = null;
    const { bytes, address, sender } = this.#world.world.out;
    this.canBeAnswered = address.length > 0;
    if (Number(call.answer) < 0 || sender === null || !this.#isBelieved(sender)) return;
    this.notice = readNotice(Buffer.from(bytes).toString("latin1"));
    for (const line of this.notice?.lines ?? []) this.#obey(line);
  }

  #isBelieved({ pid, uid }: { pid: number; uid: number }): boolean {
    if (pid === 0) return false;
    if (uid === 0) return true;
    // Where nobody tells, it is the one that it was started as.
    const start = identityOf(this.circumstances)?.uid ?? this.circumstances.uid;
    if (!this.#world.world.hasProc || this.program?.state === "dead") return uid === start;
    return uid === this.program?.credentials.uid || (this.failed("openat", "read") && uid === start);
  }

  #obey(line: string): void {
    if (line === "READY=1" && this.expects === "ready") this.#expectSigns();
    if (line === "STOPPING=1") this.stopWatch();
    if (line === "WATCHDOG=trigger") this.asksForEnd = true;
    if (line.startsWith("WATCHDOG_USEC=") && this.#watchdogMs > 0) this.#watchdogMs = timeOf(line);
    if (line === "WATCHDOG=1" || line.startsWith("WATCHDOG_USEC=")) {
      if (line === "WATCHDOG=1") this.signAt = this.now;
      if (this.expects === "signs" && this.withinMs > 0) this.#expect("signs", this.#watchdogMs);
    }
    if (line.startsWith("EXTEND_TIMEOUT_USEC=") && this.expects === "ready")
      this.withinMs = Math.max(this.withinMs, this.now - this.since + timeOf(line));
  }

  /** A signal that nobody has sent: one that is in hand is sent first, and again where it was refused. */
  #isOfWatch(call: Call, ours: Taken | null): boolean {
    const signo = call.sent?.signo ?? 0;
    const isAsked = this.circumstances.notify !== "none" && !this.lastResort;
    if (!isAsked || (signo !== SIGABRT && signo !== SIGKILL && signo !== PROBE_SIGNAL)) return false;
    if (signo === SIGKILL && this.abortedAt < 0) return false;
    const last = ours?.attempts.at(-1);
    // The second try, as the program's user, has what the first had, unless it is to the group.
    if (last?.answer === -E.EPERM && last.sent?.signo === signo)
      return Number(call.args[0]) > 0 && (last.sent.info === null) !== (call.sent?.info === null);
    return (
      ours === null ||
      !ours.isBelieved ||
      ours.delivered > 0 ||
      (ours === this.delayed && this.now < this.delayedUntil) ||
      (ours.attempts.length > 0 && this.abortedAt >= 0)
    );
  }

  #noteWatchSend(call: Call): void {
    const signo = call.sent?.signo ?? 0;
    this.watchSends.push(call);
    if (signo === PROBE_SIGNAL) this.askedAt = this.now;
    // One that is gone has ended by itself.
    const isThere = call.answer !== -E.ESRCH;
    if (signo === SIGABRT && this.abortedAt < 0 && isThere) this.abortedAt = this.now;
  }

  #knowEnd(): void {
    if (this.knownAt < 0) this.knownAt = this.now;
  }

  #restart(now: number): void {
    this.#restarting = false;
    if (now - this.#window > WINDOW_MS) {
      this.#window = now;
      this.#windowTraps = 1;
    }
    this.lastResort = this.#windowTraps >= TRAPS_MAX;
  }

  /** Why there is no program: what failed, and the four bytes into the pipe. */
  #readChild(call: Call): void {
    if (call.name === "write" && call.text?.length === 4 && call.answer === 4 && Number(call.args[0]) > 2)
      this.startFailure = call.text.charCodeAt(0);
    const answer = Number(call.answer);
    if ((call.name === "setpgid" || call.name === "setsid") && answer < 0) this.startErrnos.add(0);
    const isKnown = !(call.name === "prctl" && answer === -EINVAL);
    if (PRIVILEGES.has(call.name) && answer < 0 && isKnown) this.startErrnos.add(0);
    if (call.name === "execve" && answer < 0) this.startErrnos.add(-answer);
  }

  #take(call: Call, info: SignalInfo): void {
    this.#asksForEnd = false;
    this.uidAsked = -1;
    this.hand = {
      info,
      call: call.number,
      isBelieved: this.circumstances.trust === "any" || isFromOutside(info),
      becomes: mapped(this.circumstances, info.signo),
      attempts: [],
      delivered: 0,
      putBack: false,
      traps: 0,
      programLived: this.programLives,
    };
    this.#noteStop(this.hand);
    const isOwn = info.code === SI_USER && info.pid === this.init.pid;
    if (this.hand.isBelieved && !isOwn && stopSignals(this.circumstances).includes(info.signo))
      this.stopWatch();
  }

  /** The first stop starts the clock, where anything asks for one. */
  #noteStop(hand: Taken): void {
    const { grace, stopWithin, preStop } = this.circumstances;
    const { info, isBelieved } = hand;
    const own = info.code === SI_USER && info.pid === this.init.pid;
    if ([grace, stopWithin, preStop].every((time) => time === "none") || this.stoppedAt >= 0) return;
    if (!isBelieved || own || this.lastResort || !stopSignals(this.circumstances).includes(info.signo))
      return;
    this.stoppedAt = this.now;
    if (preStop !== "none" && !this.endKnown) this.delayed = hand;
  }

  /** When what --pre-stop keeps back is due. */
  get delayedUntil(): number {
    return this.stoppedAt + milliseconds(this.circumstances.preStop);
  }

  /** The last resort knows no options. */
  #sentAs({ info, becomes }: Taken): number {
    return this.lastResort ? info.signo : becomes;
  }

  /** When the program is to be killed; infinite for never. */
  get killAt(): number {
    const { grace, stopWithin } = this.circumstances;
    if (this.stoppedAt < 0) return Number.POSITIVE_INFINITY;
    const within = stopWithin === "none" ? Number.POSITIVE_INFINITY : milliseconds(stopWithin) - 500;
    return (
      this.stoppedAt + Math.min(grace === "none" ? Number.POSITIVE_INFINITY : milliseconds(grace), within)
    );
  }

  /** When a program that could not be killed is waited for no longer. */
  get givenUpAt(): number {
    const { stopWithin } = this.circumstances;
    if (stopWithin === "none" || this.stoppedAt < 0) return this.killAt + 1000;
    return Math.min(this.killAt + 1000, this.stoppedAt + milliseconds(stopWithin) - 100);
  }

  /** How long the drain may take, which began when the program's end was known. */
  get drainUntil(): number {
    const { stopWithin } = this.circumstances;
    const until = this.knownAt + drainTime(this.circumstances);
    if (stopWithin === "none" || this.stoppedAt < 0) return until;
    return Math.min(until, this.stoppedAt + milliseconds(stopWithin) - 500);
  }

  #isOfEnd(call: Call, ours: Taken | null): boolean {
    const signo = call.sent?.signo ?? 0;
    if (call.hit === "everybody") return true;
    // A sweep of all descendants comes to the program too, by itself.
    const sweeps = this.circumstances.subreaperOutside && !isToGroup(call);
    if (sweeps && signo === SIGKILL && this.now >= this.killAt && this.circumstances.dumbInit === "session")
      return true;
    // What --map makes a KILL has gone already where another follows.
    const isHands = ours !== null && ours !== this.delayed && ours.delivered <= ours.traps;
    if (signo !== SIGKILL || isHands || this.now < this.killAt) return this.endKnown && isSweep(call);
    return true;
  }

  /** Whose attempt it is: the signal in hand's, the held one's, the dead parent's, the continued job's, or nobody's. */
  #readSend(call: Call): void {
    const signo = call.sent?.signo ?? 0;
    const ours = this.hand !== null && this.#sentAs(this.hand) === signo ? this.hand : null;
    if (call.hit === "own group") this.stoppedItself = true;
    if (call.hit === "own group") return;
    if (!this.#isFarewell(call, ours) && this.#isOfEnd(call, ours)) {
      this.endings.push(call);
      if (signo === SIGKILL && !this.endKnown && this.now >= this.killAt) this.isOverdue = true;
      return;
    }
    if (isSweep(call)) {
      this.orphanSends.push(call);
      return;
    }
    if (!this.#isFarewell(call, ours) && this.#isOfWatch(call, ours)) {
      this.#noteWatchSend(call);
      return;
    }
    if (call.hit === "itself" && signo === SIGSTOP && this.circumstances.dumbInit !== "no") {
      this.suspensions.push(call);
      this.stoppedItself = true;
    } else if (this.#isFarewell(call, ours)) {
      this.farewells.push(call);
    } else if (call.hit === "itself") {
      if (ours === null) this.unasked.push(call);
      else if (call.answer === 0) ours.putBack = true;
    } else if (isContinue(call) && !this.circumstances.group) {
      this.continues.push(call);
    } else if (ours !== null && ours !== this.held && ours.delivered <= ours.traps) {
      this.#attempt(ours, call);
    } else if (this.delayed?.becomes === signo) {
      this.#attempt(this.delayed, call);
    } else if (this.held?.becomes === signo) {
      this.#attempt(this.held, call);
    } else if (this.#ending?.becomes === signo) {
      this.#attempt(this.#ending, call);
    } else if (this.#again?.becomes === signo) {
      this.#attempt(this.#again, call);
      this.#again = null;
    } else if (this.parentDied && signo === mapped(this.circumstances, this.circumstances.parentDeath)) {
      this.parentSends.push(call);
    } else if (isContinue(call)) {
      this.continues.push(call);
    } else if (ours !== null) {
      this.#attempt(ours, call);
    } else {
      this.unasked.push(call);
    }
  }

  #isFarewell(call: Call, ours: Taken | null): boolean {
    if (this.circumstances.dumbInit !== "session" || this.programLives || this.lastResort) return false;
    if (
      !isToGroup(call) ||
      call.hit === "everybody" ||
      call.sent?.signo !== mapped(this.circumstances, SIGTERM)
    )
      return false;
    if (this.endKnown || ours === null || ours === this.delayed) return true;
    // One of a flood that is passed on goes at once.
    if (!ours.isBelieved) return this.#asksForEnd;
    // What was refused with its value is sent once more, without; not to who is gone.
    const last = ours.attempts.at(-1);
    return (
      last !== undefined &&
      (last.answer === 0 || last.answer === -E.ESRCH || (last.sent?.info ?? null) === null)
    );
  }

  #attempt(taken: Taken, call: Call): void {
    if (taken.attempts.length === 0) this.#sent.push({ signo: taken.info.signo, at: this.now });
    taken.attempts.push(call);
    // One of many that were refused is passed on as a stop.
    if (!taken.isBelieved && stopSignals(this.circumstances).includes(taken.info.signo)) this.stopWatch();
    if (taken === this.delayed) {
      this.delayed = null;
      this.#ending = taken;
    }
    if (call.answer === 0) taken.delivered++;
    if (taken === this.held && call.answer !== -EAGAIN) {
      this.#ending = taken;
      if (taken.traps > 0) this.#again = taken;
      this.held = null;
    }
    const waits =
      call.answer === -EAGAIN && taken.info.code === SI_QUEUE && taken.info.signo >= REAL_TIME_FIRST;
    if (waits && this.held === null) this.held = taken;
  }

  /** The core trapped, before `name` was called. */
  readTrap(byInit: boolean): void {
    if (!byInit) {
      this.childTraps++;
      return;
    }
    this.traps++;
    if (this.hand !== null) this.hand.traps++;
    this.#windowTraps++;
    this.#restarting = true;
  }
}

/** To somebody whom the init found in /proc. */
const isSweep = ({ hit }: Call): boolean => hit === "descendant" || hit === "gone";

/** By kill(2), tgkill(2) or the kernel, but for what a process can make the kernel send (F_SETOWN). */
function isFromOutside({ signo, code, pid }: SignalInfo): boolean {
  if (code === SI_KERNEL) return signo !== SIGURG && signo !== SIGIO;
  return (code === SI_USER || code === SI_TKILL) && pid === 0;
}

/** Whether a send may be the continuation of a stopped job. */
function isContinue(call: Call): boolean {
  return (
    call.sent?.signo === SIGCONT &&
    isToGroup(call) &&
    (call.hit === "group of the program" || call.hit === "nobody")
  );
}

function isToGroup({ name, args }: Call): boolean {
  return name === "kill" ? Number(args[0]) < 0 : args[3] !== 0;
}
