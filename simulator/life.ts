// One life from one number: a container with an init, its program, orphans, an attacker, a log reader and a runtime
// outside, played to its end. `play` answers what happened; simulator/laws.ts judges it.

import { AGES, type Age } from "./ages.ts";
import { capabilities, credentialsOf } from "./credentials.ts";
import { ERRNOS, errnoOf } from "./faults.ts";
import { DiskFile, NullFile, TerminalFile } from "./files.ts";
import { type Call, type Stage, Trap } from "./kernel.ts";
import { Linux, type Process } from "./linux.ts";
import type { Machine } from "./machine.ts";
import { Pipe } from "./pipes.ts";
import { Random } from "./random.ts";
import { SignalSet } from "./signals.ts";
import { Terminal } from "./terminal.ts";

/** The conditions of a life. */
export interface Circumstances {
  readonly pid1: boolean;
  readonly age: Age;
  readonly options: readonly string[];
  readonly program: "obeys" | "ignores" | "crashes" | "ends" | "missing";
  readonly programUid: number;
  readonly capKill: boolean;
  readonly capSetuid: boolean;
  readonly childrenIgnored: boolean;
  readonly inheritedMask: bigint;
  readonly terminal: "none" | "ours" | "theirs";
  readonly log: "file" | "pipe" | "stalled" | "gone";
  readonly queueLimit: number;
  readonly zombies: number;
}

/** A fault: the call with this number in the life fails with an errno, or the core traps there. */
export interface Fault {
  readonly call: number;
  readonly errno: number | "trap";
}

/** Everything that a law may want to know of a life. */
export interface Record {
  readonly seed: number;
  readonly circumstances: Circumstances;
  readonly calls: readonly Call[];
  readonly story: readonly Moment[];
  readonly world: Linux;
  readonly init: Process;
  readonly program: Process | null;
  /** The status that the init ended with; null where it never did. */
  readonly status: number | null;
  /** What a law found while the life was played. */
  readonly broken: readonly string[];
  readonly lines: readonly string[];
  readonly started: Started | null;
  readonly traps: number;
  readonly faults: number;
  readonly programLivedAtEnd: boolean;
  readonly foregroundAtEnd: number;
}

/** What happened when: a call, or a sentence. */
export interface Moment {
  /** Virtual milliseconds. */
  readonly at: number;
  readonly what: string | Call;
}

/** How the program found itself right after exec. */
export interface Started {
  readonly mask: bigint;
  readonly childAction: string;
  readonly group: number;
  readonly files: readonly number[];
  readonly foreground: number;
}

const TIME_MAX_MS = 20_000;
const CALLS_MAX = 20_000;

/** Draws the circumstances of a life. */
function circumstances(random: Random): Circumstances {
  const options = ["-v", "-g", "-w", "--reap=wait"].filter(() => random.once(3));
  return {
    pid1: !random.once(3),
    age: random.pick(AGES),
    options: random.once(4) ? [...options, "-vv"] : options,
    program: random.pick(["obeys", "obeys", "ignores", "crashes", "ends", "missing"]),
    programUid: random.once(3) ? 1000 : 0,
    capKill: !random.once(3),
    capSetuid: !random.once(3),
    childrenIgnored: random.once(5),
    inheritedMask: random.once(4) ? 1n << BigInt(random.below(8)) : 0n,
    terminal: random.pick(["none", "none", "ours", "theirs"]),
    log: random.pick(["file", "pipe", "stalled", "gone"]),
    queueLimit: random.once(3) ? random.below(3) : 1000,
    zombies: random.once(4) ? random.below(200) : 0,
  };
}

/** Thrown to end a life that can no longer be judged otherwise. */
class Stop {}
export class Life {
  readonly #random: Random;
  readonly #world: Linux;
  readonly #circumstances: Circumstances;
  readonly #machine: Machine;
  readonly #init: Process;
  readonly #runtime: Process;
  readonly #terminal = new Terminal();
  readonly #stage: Stage;
  readonly #calls: Call[] = [];
  readonly #story: Moment[] = [];
  readonly #broken: string[] = [];
  readonly #log: Pipe;
  readonly #fault: Fault | undefined;
  readonly #faultRate: number;
  readonly seed: number;
  #program: Process | null = null;
  #started: Started | null = null;
  #faults = 0;
  #traps = 0;
  #turns = 0;

  constructor(machine: Machine, license: string, seed: number, fault?: Fault, faultRate = 0) {
    this.seed = seed;
    this.#machine = machine;
    this.#fault = fault;
    this.#faultRate = faultRate;
    this.#random = new Random(seed);
    this.#circumstances = circumstances(this.#random);
    const { age, pid1, log } = this.#circumstances;
    this.#world = new Linux(this.#random, { age });
    this.#log = new Pipe(log === "stalled" ? 2 : 16);
    this.#stage = this.#makeStage(license);
    const child = (parent: Process, pidMax?: number): Process => {
      this.#world.clone(parent, pidMax === undefined ? {} : { pidMax });
      return this.#world.out.child as Process;
    };
    this.#runtime = child(this.#world.host);
    const first = child(this.#runtime, 24 + this.#random.below(40));
    this.#world.setsid(first);
    first.namespace.goOnAfter(pid1 ? 1 : 6);
    this.#init = pid1 ? first : child(first);
    this.#arrange();
    this.#planAll();
  }

  #makeStage(license: string): Stage {
    return {
      world: this.#world,
      argv: ["steady", ...this.#circumstances.options, "--", "/program"],
      environment: [],
      license,
      before: (process, name) => this.#before(process, name),
      fault: (process, name) => this.#mayFail(process, name),
      after: (call) => this.#after(call),
      waits: (process, name) => this.#waits(process, name),
      starved: () => this.#end("the init waits for ever"),
    };
  }

  /** Descriptors, terminal and zombies that the init finds. */
  #arrange(): void {
    const init = this.#init;
    const { log, terminal, zombies, childrenIgnored, capKill, capSetuid } = this.#circumstances;
    const stdin = terminal === "none" ? new NullFile() : new TerminalFile(this.#terminal);
    const output = log === "file" ? new DiskFile() : this.#log.writing;
    for (const [fd, file] of [stdin, output, output].entries()) init.files.place(fd, file);
    init.files.place(9, new DiskFile());
    if (log === "gone") this.#log.readers = 0;
    if (terminal !== "none") this.#control(terminal);
    for (let i = 0; i < Math.min(zombies, 12); i++)
      if (this.#world.clone(init) > 0) this.#world.exit(this.#world.out.child as Process, 0);
    if (childrenIgnored) this.#world.rt_sigaction(init, 17, "ignore");
    init.blocked = SignalSet.from((1n << 64n) - 1n).blockable;
    init.executed = true;
    const bounding = (0xffffffff & ~capabilities("CAP_KILL", "CAP_SETUID")) >>> 0;
    const kill = capKill ? capabilities("CAP_KILL") : 0;
    init.credentials = credentialsOf(
      0,
      (bounding | kill | (capSetuid ? capabilities("CAP_SETUID") : 0)) >>> 0,
    );
    this.#world.paths.set("/program", { kind: "program", start: (self) => this.#start(self) });
    if (this.#circumstances.program === "missing") this.#world.paths.delete("/program");
  }

  #control(whose: "ours" | "theirs"): void {
    const leader = this.#init.namespace.init as Process;
    leader.terminal = this.#terminal;
    this.#init.terminal = this.#terminal;
    this.#terminal.session = leader.session;
    if (this.#init !== leader) this.#world.setpgid(this.#init, 0, 0);
    this.#terminal.group = whose === "ours" ? this.#init.group : this.#runtime.id;
  }

  /** What the runtime outside and an attacker inside will do, and when. It always ends with a kill of everything. */
  #planAll(): void {
    const random = this.#random;
    for (let i = random.below(12); i > 0; i--) {
      const signo = random.pick([1, 2, 3, 6, 10, 11, 12, 15, 15, 17, 18, 20, 28, 34, 35, 64]);
      const queued = random.once(3);
      const inside = random.once(2);
      const value = BigInt(random.below(1000));
      this.#at(
        random.below(300),
        `${inside ? "inside" : "outside"} sends ${signo}${queued ? ` value ${value}` : ""}`,
        () => this.#sendToInit(signo, queued, inside, value),
      );
    }
    for (let moment = 50; moment < 1000; moment += 50)
      this.#world.at(moment, () => {
        if (this.#init.state === "stopped")
          this.#world.kill(this.#runtime, this.#init.id.numbers[0] ?? 0, 18);
      });
    this.#at(400, "the runtime stops the container (TERM)", () => this.#sendToInit(15, false, false, 0n));
    this.#at(800, "the runtime kills the program", () => {
      if (this.#program?.lives) this.#world.kill(this.#runtime, this.#program.id.numbers[0] ?? 0, 9);
    });
  }

  #at(at: number, what: string, act: () => void): void {
    this.#world.at(at, () => {
      this.#tell(what);
      act();
    });
  }

  #sendToInit(signo: number, queued: boolean, inside: boolean, value: bigint): void {
    const from = inside && this.#program?.lives ? this.#program : this.#runtime;
    const pid = this.#init.id.in(from.namespace);
    const info = { signo, code: -1, pid: from.pid, uid: 0, value, status: 0 };
    if (queued) this.#world.rt_sigqueueinfo(from, pid, info);
    else this.#world.kill(from, pid, signo);
  }

  /** Plays the life to its end. */
  play(): Record {
    let status: number | null = null;
    try {
      status = this.#machine.run(this.#stage, this.#init, this.#circumstances.inheritedMask, () => {
        if (++this.#traps > 50) this.#end("the core is restarted for ever");
      });
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
    }
    return this.#record(status);
  }

  #record(status: number | null): Record {
    return {
      seed: this.seed,
      circumstances: this.#circumstances,
      calls: this.#calls,
      story: this.#story,
      world: this.#world,
      init: this.#init,
      program: this.#program,
      status,
      broken: this.#broken,
      lines: this.#log.drain().map(String),
      started: this.#started,
      traps: this.#traps,
      faults: this.#faults,
      programLivedAtEnd: this.#program?.lives ?? false,
      foregroundAtEnd: this.#terminal.group?.in(this.#init.namespace) ?? 0,
    };
  }

  /** Before the init waits for news it has looked at every zombie that it was told of. */
  #waits(process: Process, name: string): void {
    if (process !== this.#init) return;
    if (name === "write") this.#broken.push("write would have blocked the loop");
    if (name !== "ppoll" || Number.isFinite(process.deadline) || this.#faults > 0) return;
    const left = [...process.children].some((child) => child.state === "zombie");
    if (left && !process.shared.set.has(17)) this.#broken.push("it waits, and a zombie is left");
  }

  #start(process: Process): (self: Process) => void {
    const { program, programUid, queueLimit } = this.#circumstances;
    this.#started = {
      mask: process.blocked.bits,
      childAction: process.action(17).handler,
      group: process.group.in(process.namespace),
      files: process.files.numbers,
      foreground: this.#terminal.group?.in(process.namespace) ?? 0,
    };
    this.#world.prlimit(process, { sigpending: queueLimit });
    this.#world.setresuid(process, programUid, programUid, programUid);
    if (program === "ignores") this.#world.rt_sigaction(process, 15, "ignore");
    if (program !== "ends")
      for (const signo of [1, 2, 10, 12, 34, 35, 64]) this.#world.rt_sigaction(process, signo, "handler");
    if (program === "obeys") this.#world.rt_sigaction(process, 15, "handler");
    return (self) => this.#behave(self);
  }

  /** The program: orphans now and then, an end of its own, and an orderly end after TERM. */
  #behave(self: Process): void {
    const random = this.#random;
    const { program } = this.#circumstances;
    if (self.caught.some(({ signo }) => signo === 15)) this.#world.exit(self, 7);
    else if (random.once(40)) this.#leaveOrphan(self);
    else if (program === "crashes" && random.once(200)) this.#world.crash(self, 11);
    else if (program === "ends" && random.once(200)) this.#world.exit(self, 3);
    if (random.once(300) && self.lives) this.#world.kill(self, self.pid, 20);
  }

  #leaveOrphan(self: Process): void {
    const world = this.#world;
    if (world.clone(self) < 0) return;
    const between = world.out.child as Process;
    world.clone(between, { program: (process) => this.#random.once(6) && world.exit(process, 0) });
    world.exit(between, 0);
    world.wait4(self, between.pid, 1);
  }

  /** Before each call of the init the world moves a little. */
  #before(process: Process, _name: string): void {
    if (process !== this.#init) {
      if (this.#program === null && process.parent === this.#init) this.#program = process;
      return;
    }
    if (++this.#turns > CALLS_MAX * 4 || this.#world.now > TIME_MAX_MS) this.#end("the init never ends");
    if (this.#circumstances.log === "stalled" && this.#random.once(50)) this.#log.drain();
    if (this.#random.once(20)) this.#world.tick(1);
    while (this.#random.once(2)) this.#world.turn();
  }

  #mayFail(process: Process, name: string): number {
    if (name === "exit") return 0;
    const number = this.#calls.length;
    if (this.#fault?.call === number && this.#faults === 0) {
      this.#faults++;
      this.#tell(`${name} ${this.#fault.errno === "trap" ? "traps" : `fails with ${this.#fault.errno}`}`);
      if (this.#fault.errno === "trap") throw new Trap();
      return this.#fault.errno;
    }
    const errnos = this.#faultRate === 0 || process !== this.#init ? undefined : ERRNOS[name];
    if (errnos === undefined || errnos.length === 0 || !this.#random.once(this.#faultRate)) return 0;
    this.#faults++;
    return errnoOf(this.#random.pick(errnos));
  }

  #after(call: Call): void {
    this.#calls.push(call);
    this.#story.push({ at: this.#world.now, what: call });
    if (this.#calls.length > CALLS_MAX) this.#end("the init calls without end");
  }

  #tell(what: string): void {
    this.#story.push({ at: this.#world.now, what });
  }

  #end(why: string): never {
    this.#broken.push(why);
    throw new Stop();
  }
}
