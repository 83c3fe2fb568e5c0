// One life: a container set up as a script says, with an init in it, played call by call to its end while actors act and
// laws watch. Nothing here knows how the core decides.

import { ACTIONS, type Stage as ActorStage } from "./actors.ts";
import { ageOf, PROFILES } from "./ages.ts";
import {
  asCalled,
  commandLine,
  EVENTS_FD,
  EVENTS_FILE,
  GROUP,
  identityOf,
  PASSWD,
  REPORT_FILE,
  STATUS_FILE,
  TERMINATION_FILE,
} from "./commandline.ts";
import { Cgroup, capabilities, credentialsOf } from "./credentials.ts";
import { ERRNOS, errnoOf } from "./faults.ts";
import { DiskFile, type File, NullFile, POLLOUT, TerminalFile } from "./files.ts";
import { type Call as KernelCall, type Stage, Trap } from "./kernel.ts";
import { type Breach, type Law, type Line, lawsIn, type Observer } from "./laws.ts";
import { type Call, type Hit, isLook, Ledger } from "./ledger.ts";
import { Linux, type Process } from "./linux.ts";
import type { Machine } from "./machine.ts";
import { answer, beginToSpeak, OUTER, PROBE_SIGNAL } from "./notices.ts";
import { mountCgroups } from "./paths.ts";
import { Pipe, SocketFile } from "./pipes.ts";
import type { Program } from "./processes.ts";
import { Random, randomAt } from "./random.ts";
import { type Circumstances, encodeEvent, type Fault, type Planned, type Script } from "./script.ts";
import { SignalSet } from "./signals.ts";
import { Terminal } from "./terminal.ts";

const CALLS_MAX = 100_000;
const TRAPS_MAX = 60;
/** One fault in so many lasts, for so many calls of the same name. */
const LASTING = 16;
const FAULTS_LASTING = 150;
const TRAPS_LASTING = 5;
const EVERY = new SignalSet(0xffffffff, 0xffffffff);
const SIGTERM = 15;
const SIGCHLD = 17;
const HANDLED = [1, 2, 10, 12, 18, 34, 35, 40, PROBE_SIGNAL, 64];
/** Who cannot do anything in a container that is frozen. */
const FROZEN = /^(?:inside|program)\.|^runtime\.exec$/;
const MAIN_PATH = "/usr/bin/program";

/** How a life went. */
export interface Outcome {
  readonly script: Script;
  /** The first law that broke, and all that broke at the same step. */
  readonly broken: Broken | null;
  readonly status: number | null;
  readonly calls: number;
  readonly events: number;
  /** What was made to fail, in order: as explicit faults they fail again. */
  readonly faults: readonly Fault[];
  /** What happened, where somebody asked for it. */
  readonly story: readonly string[];
  /** How often the core trapped although nobody made it. */
  readonly ownTraps: number;
  /** For each call, the ways in which it could have failed. */
  readonly ways: readonly (readonly string[])[];
}

export interface Broken {
  readonly law: string;
  readonly promise: string;
  readonly what: string;
  readonly others: readonly string[];
}

/** A law broke, or nothing more can be learnt. */
class Stop {}

interface Watched {
  readonly law: Law;
  readonly observer: Observer;
}

export class Life implements Stage {
  readonly world: Linux;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly license: string;
  readonly #script: Script;
  readonly #machine: Machine;
  readonly #init: Process;
  readonly #ledger: Ledger;
  /** The laws that look at each kind of step. */
  readonly #watched: Readonly<Record<keyof Observer, readonly Watched[]>>;
  readonly #actors: ActorStage;
  readonly #faults: ReadonlyMap<number, string>;
  readonly #made: Fault[] = [];
  readonly #story: string[] | null;
  readonly #ways: (readonly string[])[] = [];
  readonly #floods: { left: number; act: () => void }[] = [];
  readonly #postponed: Planned[] = [];
  readonly #mask: bigint;
  readonly #log: Pipe | null;
  #broken: Broken | null = null;
  #ownTraps = 0;
  #calls = 0;
  #events = 0;
  #fault: string | null = null;
  /** A call that fails again and again. */
  #lasting = { name: "", how: "", left: 0 };
  #hit: Hit | null = null;
  /** A line that goes by way of a pipe of the writer's own: the init's, and its child's. */
  readonly #lines: { init: Line | null; child: Line | null } = { init: null, child: null };
  readonly #spliced = { init: "", child: "" };
  /** The name of the call before. */
  readonly #before = { init: "", child: "" };

  constructor(machine: Machine, license: string, script: Script, laws: readonly Law[], tells = false) {
    const circumstances = asCalled(script.circumstances);
    this.#script = script;
    this.#machine = machine;
    this.license = license;
    this.#story = tells ? [] : null;
    this.world = new Linux(new Random(script.seed), {
      age: ageOf(circumstances.kernel),
      refusals: PROFILES[circumstances.profile] ?? {},
    });
    const line = commandLine(circumstances);
    this.argv = line.argv;
    this.environment = line.environment;
    this.#mask = circumstances.inheritedMask === 0 ? 0n : 1n << BigInt(circumstances.inheritedMask - 1);
    this.#faults = new Map(script.faults.map(({ call, how }) => [call, how]));
    const container = new Container(this.world, circumstances);
    this.world.exe = programFile(script.seed);
    this.#init = container.init;
    this.#log = container.pipe;
    this.#ledger = new Ledger(circumstances, container);
    this.#watched = byHook(
      lawsIn(circumstances, laws).map((law) => ({ law, observer: law.watch(this.#ledger) })),
    );
    this.#actors = this.#makeActors(container);
    this.#installPrograms();
    this.#schedule();
    this.world.observer = {
      died: (process) => {
        if (process === container.parent) this.#ledger.noteParentDeath();
      },
    };
  }

  play(): Outcome {
    let status: number | null = null;
    try {
      this.#init.blocked = EVERY.blockable;
      status = this.#machine.run(this, this.#init, this.#mask);
      this.#finish(status);
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
    }
    return {
      script: this.#script,
      broken: this.#broken,
      status,
      calls: this.#calls,
      events: this.#events,
      faults: this.#made,
      story: this.#story ?? [],
      ownTraps: this.#ownTraps,
      ways: this.#ways,
    };
  }

  #finish(status: number | null): void {
    const { init } = this.#ledger;
    this.#endLine("child");
    this.#endLine("init");
    this.tell(status === null ? "the init is gone" : `the init ends with ${status}`);
    const killed = status === null && !this.#ledger.killedFromOutside;
    if (killed) this.#judge("killed", (observer) => observer.killed?.(init.exitStatus & 0x7f));
    this.#judge("end", (observer) => observer.end?.(status));
  }

  tell(what: string): void {
    this.#story?.push(`${String(this.world.now).padStart(6)} ms  ${what}`);
  }

  /** Asks every law; the first that broke ends the life. */
  #judge(hook: keyof Observer, ask: (observer: Observer) => Breach): void {
    const watched = this.#watched[hook];
    for (const [index, { law, observer }] of watched.entries()) {
      const what = ask(observer);
      if (what === undefined) continue;
      const others = watched.slice(index + 1).filter((other) => ask(other.observer) !== undefined);
      const names = others.map((other) => other.law.name);
      this.#broken = { law: law.name, promise: law.promise, what, others: names };
      throw new Stop();
    }
  }

  // What acts

  #makeActors(container: Container): ActorStage {
    const ledger = this.#ledger;
    const child = (): Process | null => ledger.program;
    return {
      ...container,
      get program() {
        const process = child();
        return process?.executed && process.state === "running" ? process : null;
      },
      get child() {
        return child();
      },
      freeze: (milliseconds) => this.#freeze(milliseconds),
      flood: (times, act) => this.#floods.push({ left: times, act }),
      killsInit: () => ledger.noteKilled(),
    };
  }

  #schedule(): void {
    for (const event of this.#script.events) this.world.at(event.at, () => this.#act(event));
    const { graceMs, callMs } = this.#script.circumstances;
    const last = (at: number, what: string, ...numbers: number[]): void =>
      this.world.at(at, () => this.#act({ at, what, numbers }));
    // Whatever was planned, a container is stopped in the end, and nobody leaves a job stopped for ever.
    for (const at of [300, 600]) {
      last(at, "reader.read");
      last(at, "terminal.go");
      last(at, "shell.foreground");
      last(at, "program.unblock");
    }
    last(400, "runtime.signal", SIGTERM);
    for (const at of [graceMs, graceMs + 100]) {
      last(at, "shell.foreground");
      last(at, "runtime.killProgram");
    }
    this.world.at(graceMs + 20_000 * (1 + callMs), () =>
      this.#stuck("nothing has happened for long, and the init has not ended"),
    );
  }

  #freeze(milliseconds: number): void {
    const { cgroup } = this.#init;
    if (cgroup.isFrozen || !this.#init.lives) return;
    this.world.freeze(cgroup);
    this.world.at(this.world.now + milliseconds, () => {
      this.tell("thawed");
      this.world.thaw(cgroup);
      for (const event of this.#postponed.splice(0)) this.#act(event);
    });
  }

  #act(event: Planned): void {
    // Nobody inside does anything meanwhile, and nobody is let in.
    if (this.#init.cgroup.isFrozen && FROZEN.test(event.what)) {
      this.#postponed.push(event);
      return;
    }
    this.#events++;
    this.tell(encodeEvent(event).replace(/^\d+ /, ""));
    ACTIONS[event.what]?.(this.#actors, ...event.numbers);
  }

  #stuck(why: string): never {
    this.tell(why);
    this.#judge("stuck", (observer) => observer.stuck?.(why));
    throw new Stop();
  }

  // The program

  #installPrograms(): void {
    const { paths } = this.world;
    const { program } = this.#script.circumstances;
    for (const folder of ["/usr", "/usr/bin", "/bin", "/none", "/denied"])
      paths.set(folder, { kind: "directory" });
    paths.set("/etc", { kind: "directory" });
    paths.set("/etc/passwd", { kind: "file", open: () => new DiskFile(PASSWD) });
    paths.set("/etc/group", { kind: "file", open: () => new DiskFile(`${GROUP}\n`) });
    const { telling, toldTo } = this.#ledger.circumstances;
    if (telling !== "none" && (toldTo === "there" || toldTo === "theirs"))
      paths.set(EVENTS_FILE, { kind: "log", file: this.#eventsFile() });
    this.#installEndFiles();
    paths.set("/other", { kind: "program", start: () => (self) => this.world.sleep(self) });
    paths.set("/denied/program", { kind: "denied" });
    if (program === "denied") paths.set(MAIN_PATH, { kind: "denied" });
    else if (program === "script") paths.set(MAIN_PATH, { kind: "script" });
    else if (program !== "missing")
      paths.set(MAIN_PATH, { kind: "program", start: (self, args) => this.#start(self, args) });
    if (program === "script")
      paths.set("/bin/sh", { kind: "program", start: (self, args) => this.#start(self, args) });
  }

  #installEndFiles(): void {
    const { paths } = this.world;
    const { report, statusFile, termination } = this.#ledger.circumstances;
    if (statusFile !== "none" && statusFile !== "new") {
      const status = this.#fileOf(statusFile === "theirs");
      if (statusFile === "version") status.put(0, Buffer.from("sdy\u0002"));
      if (statusFile === "odd") status.put(0, Buffer.from("nothing of the kind"));
      if (statusFile === "cut") status.put(0, Buffer.from("sdy\u0001 and no more"));
      paths.set(STATUS_FILE, { kind: "log", file: status });
    }
    paths.set("/dev", { kind: "directory" });
    if (report === "there" || report === "theirs")
      paths.set(REPORT_FILE, { kind: "log", file: this.#fileOf(report === "theirs") });
    if (termination === "none") return;
    const file = new DiskFile();
    if (termination === "full") file.put(0, Buffer.from("The program's own word"));
    paths.set(TERMINATION_FILE, { kind: "log", file });
  }

  #eventsFile(): DiskFile {
    const file = this.#fileOf(this.#ledger.circumstances.toldTo === "theirs");
    file.inode = 1;
    return file;
  }

  /** With --user it is the user's; else the init's. */
  #fileOf(isTheirs: boolean): DiskFile {
    const { circumstances } = this.#ledger;
    const file = new DiskFile();
    file.owner = isTheirs ? SOMEBODY : (identityOf(circumstances)?.uid ?? circumstances.uid);
    return file;
  }

  #start(self: Process, args: readonly string[]): Program {
    const { circumstances } = this.#script;
    this.#ledger.noteExec(self);
    const path = circumstances.program === "script" ? "/bin/sh" : MAIN_PATH;
    const start = this.#ledger.startOf(self, path, args, this.#mask);
    this.#judge("exec", (observer) => observer.exec?.(start));
    this.tell(`${circumstances.program} program begins as ${self.pid}`);
    this.world.prlimit(self, { sigpending: circumstances.sigpending });
    if (circumstances.program === "ignores") this.world.rt_sigaction(self, SIGTERM, "ignore");
    if (circumstances.program !== "default")
      for (const signo of HANDLED) this.world.rt_sigaction(self, signo, "handler");
    const obeys = ["obeys", "script"].includes(circumstances.program);
    if (obeys) this.world.rt_sigaction(self, SIGTERM, "handler");
    this.world.at(this.world.now, () => beginToSpeak(this.world, self, circumstances.speaks));
    return (process) => {
      const caught = process.caught.splice(0).map(({ signo }) => signo);
      if (caught.includes(PROBE_SIGNAL)) answer(this.world, process, circumstances.speaks);
      if (caught.includes(SIGTERM)) this.world.exit(process, 7);
      else this.world.sleep(process);
    };
  }

  // The kernel's side of each call

  before(process: Process, _name: string): void {
    if (process !== this.#init) return;
    for (const flood of this.#floods) if (flood.left-- > 0) flood.act();
    const { callMs } = this.#script.circumstances;
    if (callMs > 0) this.world.tick(callMs);
    if (this.#script.circumstances.log === "pipe") this.#log?.drain();
    if (this.#script.calm) return;
    for (let dice = randomAt(this.#script.seed, this.#calls); (dice & 1) !== 0; dice >>>= 1)
      if (!this.world.turn()) return;
  }

  /** Answers an errno, or 0; throws where the core is to trap; changes a length where the call is to be done in part. */
  fault(process: Process, name: string, args: (number | bigint)[]): number {
    this.#hit = this.#ledger.hitOf(process, name, args);
    if (name === "exit") return 0;
    const ways = faultsOf(name, args);
    this.#ways[this.#calls] = ways;
    this.#fault = this.#chooseFault(name, ways);
    if (this.#fault === null) return 0;
    const fault = { call: this.#calls, how: this.#fault };
    if (this.#fault === "short") {
      this.#made.push(fault);
      // sendto has another length in the upper half.
      const lengths = Number(args[2]);
      args[2] = (lengths & ~0xffff) | Math.max(1, (lengths & 0xffff) >> 1);
      return 0;
    }
    if (this.#fault !== "trap") {
      this.#made.push(fault);
      return errnoOf(this.#fault);
    }
    this.#calls++;
    this.#made.push(fault);
    throw new Trap();
  }

  #chooseFault(name: string, ways: readonly string[]): string | null {
    const planned = this.#faults.get(this.#calls);
    // In a life that was shrunk another call may have this number by now.
    if (planned !== undefined) return ways.includes(planned) ? planned : null;
    const { faultRate, seed } = this.#script;
    if (faultRate === 0) return null;
    // More would be another life than one in which the core fails now and then.
    const traps = TRAPS_MAX - this.#ledger.traps - this.#ledger.childTraps;
    const may = (how: string): boolean => ways.includes(how) && (how !== "trap" || traps > 0);
    if (this.#lasting.left > 0 && this.#lasting.name === name && may(this.#lasting.how)) {
      this.#lasting.left--;
      return this.#lasting.how;
    }
    if (randomAt(seed ^ 0x5bd1e995, this.#calls) % faultRate !== 0) return null;
    const dice = randomAt(seed + 7, this.#calls);
    const how = ways[dice % ways.length] ?? null;
    if (how !== null && !may(how)) return null;
    // What fails may go on to do so, as without memory, until the init gives up.
    if (how !== null && (dice >>> 16) % LASTING === 0)
      this.#lasting = {
        name,
        how,
        left: how === "trap" ? TRAPS_LASTING : FAULTS_LASTING,
      };
    return how;
  }

  trapped(process: Process, error: unknown): void {
    const byInit = process === this.#init;
    this.#lines[byInit ? "init" : "child"] = null;
    this.#ledger.readTrap(byInit);
    if (error instanceof Trap) {
      this.tell(`${byInit ? "the core" : "the child"} is made to trap`);
    } else {
      this.#ownTraps++;
      const message = String(error instanceof Error ? error.stack : error);
      this.#judge("trapped", (observer) => observer.trapped?.(message));
    }
    if (this.#ledger.traps > TRAPS_MAX) this.#stuck("the core is started again for ever, it calls and calls");
  }

  after(call: KernelCall): void {
    const byInit = call.process === this.#init;
    const whole = {
      number: this.#calls++,
      byInit,
      name: call.name,
      args: call.args,
      answer: call.answer,
      fault: this.#fault,
      taken: call.taken ?? null,
      text: call.bytes === null ? null : Buffer.from(call.bytes).toString("latin1"),
      sent: call.sent,
      hit: this.#hit,
      polled: call.polled,
      isConfined: call.isConfined,
    };
    if (this.#story !== null) this.tell(told(whole));
    const line = this.#lineOf(whole);
    this.#endLineBefore(whole, line);
    this.#ledger.read(whole);
    this.#judge("call", (observer) => observer.call?.(whole));
    if (line !== null) this.#lines[byInit ? "init" : "child"] = line;
    if (this.#calls > CALLS_MAX) this.#stuck("it calls and calls");
  }

  /** A line is tried in one way after the other, until the next line or a call that is none of the log's. */
  #endLineBefore(call: Call, line: Line | null): void {
    const writer = call.byInit ? "init" : "child";
    const last = this.#lines[writer];
    if (last === null) return;
    // A look that finds no room is all that is tried of a line.
    const goesOn = line !== null && line.text === last.text && line.text !== "" && line.fd === last.fd;
    if (line === null ? !LOG_CALLS.has(call.name) || isLook(call) : !goesOn) this.#endLine(writer);
  }

  #endLine(writer: "init" | "child"): void {
    const line = this.#lines[writer];
    this.#lines[writer] = null;
    if (line !== null) this.#judge("line", (observer) => observer.line?.(line));
  }

  #lineOf(call: Call): Line | null {
    const { byInit, name, answer, fault } = call;
    const about = { byInit, faulted: fault !== null };
    // It may be ready for nothing but to say that nobody reads.
    const file = this.#init.files.get(call.polled);
    const isFull = file === undefined || (file.poll(this.#init) & POLLOUT) === 0;
    if ((call.polled === 1 || call.polled === 2) && (Number(answer) <= 0 || isFull))
      return { ...about, fd: call.polled, text: "", written: false };
    if (byInit && name === "pipe2" && Number(answer) < 0 && this.#ledger.program !== null)
      this.#ledger.logFaulted = true;
    const fd = Number(name === "splice" ? call.args[1] : call.args[0]);
    const writer = byInit ? "init" : "child";
    // Where the init was started without streams, its own pipe may have their numbers.
    const isOwn = name === "write" && (fd > 2 || this.#before[writer] === "pipe2");
    this.#before[writer] = name;
    if (call.text !== null && isOwn) this.#spliced[writer] = call.text;
    const text = name === "splice" ? this.#spliced[writer] : call.text;
    if (isOwn || text === null || (fd !== 1 && fd !== 2) || !/^(?:\[|[A-Z]+ \(catatonit:)/.test(text))
      return null;
    return { ...about, fd, text, written: Number(answer) === text.length };
  }

  waits(process: Process, name: string): void {
    if (process !== this.#init) return;
    if (name !== "ppoll" && name !== "rt_sigtimedwait") {
      this.#judge("blocked", (observer) => observer.blocked?.(name));
      return;
    }
    this.#endLine("init");
    if (process.deadline === Number.POSITIVE_INFINITY) this.#judge("idle", (observer) => observer.idle?.());
  }

  starved(_process: Process): never {
    return this.#stuck("nobody can do anything any more, and the init waits");
  }
}

const HOOKS = ["call", "line", "idle", "exec", "blocked", "trapped", "stuck", "killed", "end"] as const;

function byHook(watched: readonly Watched[]): Record<keyof Observer, readonly Watched[]> {
  const lists = HOOKS.map(
    (hook) => [hook, watched.filter(({ observer }) => observer[hook] !== undefined)] as const,
  );
  return Object.fromEntries(lists) as unknown as Record<keyof Observer, readonly Watched[]>;
}

const LOG_CALLS = new Set(["pwritev2", "write", "sendto", "splice", "pipe2", "close", "statx", "ppoll"]);

/** How this call may fail: an errno, in part, or with a trap of the core in its place. */
function faultsOf(name: string, args: readonly (number | bigint)[]): readonly string[] {
  // A signalfd that exists takes any set.
  if (name === "signalfd4" && args[0] !== -1) return TRAP;
  // A pipe takes at most 4,096 bytes whole or not at all (pipe(7)); a disk or a terminal may take a part.
  return name === "write" && Number(args[0]) <= 2 ? IN_PARTS : (WAYS.get(name) ?? TRAP);
}

const TRAP: readonly string[] = ["trap"];
const WAYS = new Map(Object.entries(ERRNOS).map(([name, errnos]) => [name, [...errnos, "trap"]]));
const IN_PARTS: readonly string[] = ["short", ...(WAYS.get("write") ?? [])];

function told({ byInit, name, args, answer, fault, text, taken }: Call): string {
  const about = taken !== null ? ` (signal ${taken.signo}, code ${taken.code}, from ${taken.pid})` : "";
  const said = text?.startsWith("[") ? ` ${JSON.stringify(text)}` : "";
  const why = fault === null ? "" : ` <- ${fault}`;
  return `${byInit ? "init" : "  child"}: ${name}(${args.join(", ")}) = ${answer}${why}${about}${said}`;
}

/** Neither the init nor the program. */
const SOMEBODY = 4242;

/** What a process calls itself (PR_SET_NAME) that wants to write an event of its own. */
const FORGER = '"}\n{"event":"\\';

/** A group whose files have names that are longer than the core's paths. */
const DEEP = "/a.slice".repeat(150);

/** e_machine (elf(5)) of what steady is built for, and of none. */
const MACHINES = [3, 21, 40, 62, 183, 243, 0];

/** A file as /proc/self/exe, of one of the machines and of another length for each seed. */
function programFile(seed: number): string {
  const file = Buffer.alloc(150 + (seed % 64), "steady ");
  file.writeUInt16LE(MACHINES[seed % MACHINES.length] ?? 0, 18);
  return file.toString("latin1");
}

/** The processes and files of a container at the moment before its init's first instruction. */
class Container {
  readonly world: Linux;
  readonly runtime: Process;
  readonly parent: Process;
  readonly init: Process;
  readonly intruder: Process;
  readonly terminal: Terminal | null;
  readonly pipe: Pipe | null;
  readonly socket: SocketFile | null;

  constructor(world: Linux, circumstances: Circumstances) {
    this.world = world;
    world.hasProc = !circumstances.noProc;
    const { log, subreaperOutside, input, parentIsInit } = circumstances;
    this.terminal = input === "tty" || log === "tty" ? new Terminal() : null;
    this.pipe = ["pipe", "full", "fifo", "gone"].includes(log)
      ? new Pipe(log === "full" ? 2 : 16, log === "fifo")
      : null;
    this.socket = log === "socket" ? new SocketFile(2000) : null;
    this.runtime = this.#clone(world.host, { name: "runtime" });
    if (circumstances.outer === "there") {
      const fd = world.socket(this.runtime);
      world.bind(this.runtime, fd, Buffer.from(`\u0001\0${OUTER.replace("@", "\0")}`, "latin1"));
    }
    const above = subreaperOutside
      ? this.#clone(world.host, { name: "outer", pidMax: Math.max(circumstances.pidMax, 20) })
      : world.host;
    if (subreaperOutside) world.rt_sigaction(above, SIGCHLD, "ignore");
    this.parent = this.#clone(above, {
      name: parentIsInit ? "tini" : subreaperOutside ? "sh" : "shim",
    });
    world.rt_sigaction(this.parent, SIGCHLD, "default");
    if (this.terminal !== null) this.#giveTerminal(this.parent, this.terminal, circumstances);
    this.init = this.#clone(this.parent, {
      name: circumstances.name,
      ...(subreaperOutside ? {} : { pidMax: circumstances.pidMax }),
    });
    // Shells do not care for the keys of the terminal.
    for (const signo of [2, 3, 20, 21, 22]) world.rt_sigaction(this.parent, signo, "ignore");
    this.intruder = this.#clone(this.runtime, { name: FORGER, into: this.init.namespace });
    if (this.terminal !== null) this.#settleTerminal(circumstances);
    this.#makeFiles(circumstances);
    this.#limit(circumstances);
    this.#inherit(circumstances);
  }

  #clone(from: Process, options: Parameters<Linux["clone"]>[1]): Process {
    if (this.world.clone(from, options) < 0) throw new Error("the container cannot be set up");
    return this.world.out.child as Process;
  }

  /** A shell has a session with the terminal; an engine's shim only where the init has none of its own. */
  #giveTerminal(parent: Process, terminal: Terminal, { subreaperOutside, foreground }: Circumstances): void {
    if (!subreaperOutside && foreground !== "outside") return;
    this.#control(parent, terminal);
  }

  #control(leader: Process, terminal: Terminal): void {
    this.world.setsid(leader);
    terminal.session = leader.session;
    terminal.group = leader.group;
    leader.terminal = terminal;
  }

  #settleTerminal({ subreaperOutside, foreground }: Circumstances): void {
    const { init, terminal, world } = this;
    if (terminal === null) return;
    if (subreaperOutside) {
      world.setpgid(init, 0, 0);
      if (foreground === "ours") terminal.group = init.group;
    } else if (foreground === "ours") {
      this.#control(init, terminal);
    }
  }

  #makeFiles({ input, log, inheritedFiles, telling, toldTo }: Circumstances): void {
    const { files } = this.init;
    const terminal = this.terminal === null ? null : new TerminalFile(this.terminal);
    if (input !== "closed") files.place(0, input === "tty" && terminal !== null ? terminal : new NullFile());
    const output = this.#output(log, terminal);
    if (output !== null) for (const fd of [1, 2]) files.place(fd, output);
    for (let i = 0; i < inheritedFiles; i++) files.place(3 + 2 * i, new NullFile());
    if (telling !== "none" && toldTo === "fd") files.place(EVENTS_FD, new DiskFile());
    if (log === "gone" && this.pipe !== null) this.pipe.readers = 0;
  }

  #output(log: Circumstances["log"], terminal: File | null): File | null {
    if (log === "closed") return null;
    if (log === "tty") return terminal;
    return this.pipe?.writing ?? this.socket ?? new DiskFile();
  }

  #limit({ uid, capKill, capSetuid, pidsLimit, cgroup }: Circumstances): void {
    const { init, world } = this;
    const names = [
      ...(capKill ? (["CAP_KILL"] as const) : []),
      // What engines leave to root.
      "CAP_SETGID" as const,
      "CAP_SETPCAP" as const,
      "CAP_DAC_OVERRIDE" as const,
      ...(capSetuid ? (["CAP_SETUID"] as const) : []),
    ];
    init.credentials = credentialsOf(uid, capabilities(...names));
    init.cgroup.add(-1);
    init.cgroup = new Cgroup(cgroup === "deep" ? DEEP : "/container", world.host.cgroup);
    init.cgroup.max = pidsLimit;
    init.cgroup.add(1);
    mountCgroups(world, init, cgroup === "v1" ? 1 : 2);
  }

  #inherit({ ignored, childrenIgnored, inheritedZombies, inheritedMask }: Circumstances): void {
    const { init, world } = this;
    for (let i = 0; i < inheritedZombies; i++) {
      if (world.clone(init, { name: "before" }) < 0) break;
      world.exit(world.out.child as Process, i);
    }
    init.flushOne(SIGCHLD);
    if (ignored > 0) world.rt_sigaction(init, ignored, "ignore");
    if (childrenIgnored) world.rt_sigaction(init, SIGCHLD, "ignore");
    if (inheritedMask > 0) init.blocked = SignalSet.of(inheritedMask);
  }
}
