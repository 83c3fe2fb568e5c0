// One life from one number: a container with an init, its program, orphans, an attacker, a log reader and a runtime
// outside, played to its end. `play` answers what happened; simulator/laws.ts judges it.

import { ERRNOS, errnoOf } from "./faults.ts";
import { type Age, type Call, ERRNO, Exit, Kernel, type Stage } from "./kernel.ts";
import { Linux, Pipe, type Process, type Signal } from "./linux.ts";
import { Random } from "./random.ts";

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
const EVERY = (1n << 64n) - 1n;
const UNBLOCKABLE = (1n << 8n) | (1n << 18n);

const AGES: readonly Age[] = [
  { pidfd: false, exitRecords: false, groupFlag: false, closeRange: false, nowait: false, nosignal: false },
  { pidfd: true, exitRecords: false, groupFlag: false, closeRange: true, nowait: false, nosignal: false },
  { pidfd: true, exitRecords: false, groupFlag: true, closeRange: true, nowait: true, nosignal: false },
  { pidfd: true, exitRecords: true, groupFlag: true, closeRange: true, nowait: true, nosignal: true },
];

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
/** Thrown through the core in place of a call: what a failed assertion is to native. */
class Trap {}

export class Life {
  readonly #random: Random;
  readonly #world: Linux;
  readonly #circumstances: Circumstances;
  readonly #module: WebAssembly.Module;
  readonly #stage: Stage;
  readonly #calls: Call[] = [];
  readonly #story: Moment[] = [];
  readonly #broken: string[] = [];
  readonly #log: Pipe;
  readonly #fault: Fault | undefined;
  readonly #faultRate: number;
  readonly #spawned: (() => void)[] = [];
  readonly #plan: { at: number; what: string; act: () => void }[] = [];
  readonly seed: number;
  #program: Process | null = null;
  #started: Started | null = null;
  #faults = 0;
  #traps = 0;
  #turns = 0;

  constructor(module: WebAssembly.Module, license: string, seed: number, fault?: Fault, faultRate = 0) {
    this.seed = seed;
    this.#module = module;
    this.#fault = fault;
    this.#faultRate = faultRate;
    this.#random = new Random(seed);
    this.#circumstances = circumstances(this.#random);
    this.#world = new Linux(this.#random, this.#circumstances.pid1 ? 1 : 7, 24 + this.#random.below(40));
    this.#log = new Pipe(this.#circumstances.log === "pipe" ? 60_000 : 8192);
    this.#stage = this.#makeStage(license);
    this.#arrange();
    this.#planAll();
  }

  #makeStage(license: string): Stage {
    const { age, capKill, capSetuid, options } = this.#circumstances;
    return {
      world: this.#world,
      age,
      argv: ["steady", ...options, "--", "/program"],
      environment: [],
      license,
      capKill,
      capSetuid,
      before: (process, name) => this.#before(process, name),
      fault: (process, name) => this.#mayFail(process, name),
      after: (call) => this.#after(call),
      idle: () => this.#idle(),
      starved: () => this.#end("the init waits for ever"),
      blocked: (name) => this.#broken.push(`${name} would have blocked the loop`),
      spawn: (child, memory) => this.#spawn(child, memory.slice()),
      exec: (process, path) => this.#exec(process, path),
    };
  }

  /** Descriptors, terminal and zombies that the init finds. */
  #arrange(): void {
    const { init } = this.#world;
    const { log, terminal, zombies, childrenIgnored } = this.#circumstances;
    if (log === "gone") this.#log.readers = 0;
    init.files.set(0, terminal === "none" ? { kind: "null" } : { kind: "tty" });
    for (const fd of [1, 2])
      init.files.set(fd, log === "file" ? { kind: "file" } : { kind: "write", pipe: this.#log });
    init.files.set(9, { kind: "file" });
    if (terminal !== "none") this.#world.foreground = terminal === "ours" ? init.group : 999;
    for (let i = 0; i < Math.min(zombies, 12); i++) {
      const zombie = this.#world.fork(init, "zombie");
      if (zombie !== null) this.#world.exit(zombie, 0);
    }
    init.pending.clear();
    init.childAction = childrenIgnored ? "ignore" : "default";
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
    this.#at(400, "the runtime stops the container (TERM)", () => this.#sendToInit(15, false, false, 0n));
    this.#at(800, "the runtime kills the program", () => {
      const program = this.#program;
      if (program?.lives) this.#world.signal(program, { signo: 9, code: 0, pid: 0, uid: 0, value: 0n });
    });
  }

  #at(at: number, what: string, act: () => void): void {
    this.#plan.push({ at, what, act });
  }

  #sendToInit(signo: number, queued: boolean, inside: boolean, value: bigint): void {
    const pid = inside ? (this.#program?.pid ?? 0) : 0;
    this.#world.signal(this.#world.init, { signo, code: queued ? -1 : 0, pid, uid: 0, value });
  }

  /** Plays the life to its end. */
  play(): Record {
    let status: number | null = null;
    try {
      status = this.#run(this.#world.init, "main", null);
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
      program: this.#program,
      status,
      broken: this.#broken,
      lines: this.#log.chunks.map(String),
      started: this.#started,
      traps: this.#traps,
      faults: this.#faults,
      programLivedAtEnd: this.#program?.lives ?? false,
      foregroundAtEnd: this.#world.foreground,
    };
  }

  /** Native's part: an instance, a door of the core, and the core again after a trap. */
  #run(process: Process, door: "main" | "child", memory: Uint8Array | null, kept?: Uint8Array): number {
    const inherited = door === "main" ? this.#circumstances.inheritedMask : this.#circumstances.inheritedMask;
    if (door === "main") process.mask = EVERY & ~UNBLOCKABLE;
    const kernel = new Kernel(this.#stage, process, inherited, kept);
    for (let name: "main" | "child" | "resume" = door; ; name = "resume") {
      const { exports } = new WebAssembly.Instance(this.#module, {
        kernel: kernel.imports() as WebAssembly.ModuleImports,
      });
      kernel.memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
      if (memory !== null && name === "child") kernel.memory.set(memory);
      try {
        return (exports[name] as (trap: number) => number)(1) ?? 0;
      } catch (error) {
        if (error instanceof Exit) return error.status;
        if (!(error instanceof Trap) && !(error instanceof WebAssembly.RuntimeError)) throw error;
        if (error instanceof WebAssembly.RuntimeError) this.#tell(`the core traps: ${error.message}`);
        if (error instanceof WebAssembly.RuntimeError && this.#fault === undefined)
          this.#broken.push(`the core trapped: ${error.stack}`);
        const trapStatus = new DataView(kernel.kept.buffer, kernel.kept.byteOffset).getInt32(0, true);
        if (trapStatus !== 0) return trapStatus;
        if (++this.#traps > 50) this.#end("the core is restarted for ever");
      }
    }
  }

  /** Before the init waits for news it has looked at every zombie that it was told of. */
  #idle(): void {
    const { init } = this.#world;
    const left = [...init.children].some(
      (child) => child.state === "zombie" && !this.#world.releasing.has(child),
    );
    if (left && !init.pending.has(17) && this.#faults === 0)
      this.#broken.push("it waits, and a zombie is left");
  }

  #spawn(child: Process, memory: Uint8Array): void {
    this.#program = child;
    child.queueLimit = this.#circumstances.queueLimit;
    this.#spawned.push(() => {
      if (!child.lives) return;
      this.#world.deliver(child);
      if (child.lives) this.#becomeProgram(child, memory);
    });
  }

  #becomeProgram(child: Process, memory: Uint8Array): void {
    const status = this.#run(child, "child", memory);
    if (status >= 0) this.#world.exit(child, status << 8);
  }

  #exec(process: Process, path: string): number {
    if (this.#circumstances.program === "missing" || path !== "/program") return ERRNO.ENOENT;
    for (const [fd] of process.files) if (fd > 2 && fd !== 9) process.files.delete(fd);
    this.#started = {
      mask: process.mask,
      childAction: process.childAction,
      group: process.group,
      files: [...process.files.keys()],
      foreground: this.#world.foreground,
    };
    process.executed = true;
    process.uid = this.#circumstances.programUid;
    process.euid = process.uid;
    if (this.#circumstances.program === "ignores") process.dispositions.set(15, "ignore");
    if (this.#circumstances.program !== "ends")
      for (const signo of [1, 2, 10, 12, 34, 35, 64]) process.dispositions.set(signo, "handler");
    if (this.#circumstances.program === "obeys") process.dispositions.set(15, "handler");
    process.behaviour = (self) => this.#behave(self);
    return 0;
  }

  /** The program: orphans now and then, an end of its own, and an orderly end after TERM. */
  #behave(self: Process): void {
    const random = this.#random;
    const { program } = this.#circumstances;
    if (self.caught.some(({ signo }: Signal) => signo === 15)) this.#world.exit(self, 7 << 8);
    else if (random.once(40)) this.#leaveOrphan(self);
    else if (program === "crashes" && random.once(200)) this.#world.exit(self, 11);
    else if (program === "ends" && random.once(200)) this.#world.exit(self, 3 << 8);
    if (random.once(300) && self.lives)
      this.#world.signal(self, { signo: 20, code: 0, pid: self.pid, uid: 0, value: 0n });
  }

  #leaveOrphan(self: Process): void {
    const between = this.#world.fork(self, "between");
    if (between === null) return;
    between.executed = true;
    const orphan = this.#world.fork(between, "orphan");
    if (orphan !== null) {
      orphan.executed = true;
      orphan.behaviour = (process) => {
        if (this.#random.once(6)) this.#world.exit(process, 0);
      };
    }
    this.#world.exit(between, 0);
    this.#world.wait(self, false);
  }

  /** Before each call of the init the world moves a little, and what the plan has for now is done. */
  #before(process: Process, name: string): void {
    if (process !== this.#world.init) return;
    if (++this.#turns > CALLS_MAX * 4 || this.#world.now > TIME_MAX_MS) this.#end("the init never ends");
    if (this.#spawned.length > 0 && this.#random.once(2)) this.#spawned.shift()?.();
    for (const due of this.#plan.filter(({ at }) => at <= this.#world.now)) {
      this.#plan.splice(this.#plan.indexOf(due), 1);
      this.#tell(due.what);
      due.act();
    }
    if (this.#circumstances.log === "stalled" && this.#random.once(50)) this.#log.chunks.length = 0;
    if (name === "time") return;
    if (this.#random.once(20)) this.#world.now++;
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
    const errnos = this.#faultRate === 0 || process !== this.#world.init ? undefined : ERRNOS[name];
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
