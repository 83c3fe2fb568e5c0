// How a program in wasm calls the simulated Linux: every call is noted, may be made to fail, refused, or made to wait,
// or is answered as it was before where the program is played again. What the calls do is in imports.ts.

import { type Forks, type Import, ImportedCalls } from "./imports.ts";
import { BLOCKED, E, type Linux, type Process } from "./linux.ts";
import type { Written } from "./memory.ts";
import { allows } from "./seccomp.ts";
import { deliver, type SignalInfo } from "./signals.ts";

/** One call of a program, as the trace keeps it. */
export interface Call extends About {
  readonly process: Process;
  readonly name: string;
  readonly args: readonly (number | bigint)[];
  readonly answer: number | bigint;
  /** Of a call that took a signal. */
  readonly taken: SignalInfo | undefined;
  /** Its own filter refuses it. */
  readonly isConfined: boolean;
}

/** What of a call stands in memory. */
interface About {
  /** What it was to write, the path that it named. */
  readonly bytes: Uint8Array | null;
  /** Of a ppoll of one descriptor: that one; else -1. */
  readonly polled: number;
  /** The signal that it sends, with what it carries besides. */
  readonly sent: { readonly signo: number; readonly info: SignalInfo | null } | null;
}

const NOTHING: About = { bytes: null, polled: -1, sent: null };

/** What a life lends to the calls: arguments, a script, faults. */
export interface Stage {
  readonly world: Linux;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly license: string;
  /** The world moves on before each call. */
  before(process: Process, name: string): void;
  /** Answers an errno for a call that shall fail, or 0; may throw a Trap, or change the arguments. */
  fault(process: Process, name: string, args: (number | bigint)[]): number;
  after(call: Call): void;
  /** The core has failed, and is about to be started again, or the process ends. */
  trapped(process: Process, error: unknown): void;
  /** A call has to wait: for ever, or until its process' `deadline`. */
  waits(process: Process, name: string): void;
  /** Nothing can happen any more, and the process waits for ever. */
  starved(process: Process): never;
}

/** The program asked to end. */
export class Exit {
  readonly status: number;
  constructor(status: number) {
    this.status = status;
  }
}

/** The process was killed, or has become another program: nothing of this one runs any more. */
export class Gone {}
/** Thrown in place of a call: what a failed assertion is to native. */
export class Trap {}
/** A process that is played in turns has had its turn. */
export class Suspended {}

export const SURVIVORS_BYTES = 256;
/** The first value of `kept` in native/linux.c: the core failed before it said otherwise. */
const TRAP_STATUS = 120;

export function freshSurvivors(): Uint8Array {
  const kept = new Uint8Array(SURVIVORS_BYTES);
  kept[0] = TRAP_STATUS;
  return kept;
}

/** What a call answered, so that a process can be played again up to where it was. */
interface Answer {
  readonly answer: number | bigint;
  readonly writes: readonly Written[];
}

/** One run of a program in wasm: whose it is, and what native keeps for it outside of its memory. */
export interface Run {
  readonly stage: Stage;
  readonly process: Process;
  readonly inheritedMask: bigint;
  readonly arguments: string[];
  readonly environment: string[];
  kept: Uint8Array;
  /** Of a process that is played in turns: what its calls have answered so far. */
  readonly answers: Answer[] | null;
  /** It sleeps in the call that it has made last. */
  sleeping: boolean;
}

const WRITES = new Set(["write", "pwritev2"]);
const NAMES = new Set(["chdir", "execve", "openat", "renameat2", "unlinkat"]);

/** The imports of one wasm instance, which serves one run after the other. */
export class Kernel {
  readonly imports: Record<string, Import>;
  readonly #calls: ImportedCalls;
  /** Of a run in turns: the calls made by now, and whether this turn's call is done. */
  #made = 0;
  #done = false;
  #about: About = NOTHING;

  constructor(forks: Forks) {
    this.#calls = new ImportedCalls(forks);
    this.imports = { ...this.#calls.handedOver };
    for (const [name, call] of Object.entries(this.#calls.asked))
      this.imports[name] = ((...args: (number | bigint)[]) => this.#perform(name, args, call)) as Import;
  }

  /** The calls are those of this run from now on, over this memory. */
  begin(run: Run, memory: ArrayBuffer): void {
    this.#calls.run = run;
    this.#calls.memory.use(memory);
    this.#made = 0;
    this.#done = false;
  }

  get #now(): Run {
    return this.#calls.run;
  }

  #perform(name: string, args: (number | bigint)[], call: Import): number | bigint {
    const { answers } = this.#now;
    if (answers === null) {
      const answer = this.#make(name, args, call);
      this.#returnToUser();
      return answer;
    }
    const { memory } = this.#calls;
    const known = answers[this.#made++];
    if (known !== undefined) {
      for (const { at, bytes } of known.writes) memory.put(at, bytes);
      return known.answer;
    }
    // What is played in turns has its signals delivered between them.
    if (this.#done) throw new Suspended();
    const writes: Written[] = [];
    memory.written = writes;
    const answer = this.#make(name, args, call);
    answers.push({ answer, writes });
    this.#done = true;
    return answer;
  }

  /** A call that is made now: the world moves, it may be made to fail, it is done, and signals are delivered. */
  #make(name: string, args: (number | bigint)[], call: Import): number | bigint {
    const { stage, process } = this.#now;
    stage.before(process, name);
    this.#returnToUser();
    this.#calls.taken = undefined;
    this.#about = this.#describe(name, args as number[]);
    const errno = stage.fault(process, name, args);
    const refusal = stage.world.refusals[name];
    const isConfined = !process.filters.every((filter) => allows(filter, name, args));
    const refused = refusal === undefined ? 0 : E[refusal];
    const failed = errno !== 0 ? errno : isConfined ? E.EPERM : refused;
    const answer = failed !== 0 ? this.#failed(name, failed, Number(args[0])) : this.#wait(name, args, call);
    stage.after({ process, name, args, answer, taken: this.#calls.taken, isConfined, ...this.#about });
    stage.world.stir();
    return answer;
  }

  /** What a call is about, as far as it stands in memory: told also where it is made to fail. */
  #describe(name: string, [first = 0, second = 0, third = 0]: readonly number[]): About {
    const { memory } = this.#calls;
    if (name === "kill") return { ...NOTHING, sent: { signo: second, info: null } };
    if (name === "rt_sigqueueinfo") return { ...NOTHING, sent: this.#sent(0, second) };
    if (name === "pidfd_send_signal") return { ...NOTHING, sent: this.#sent(second, third) };
    if (name === "ppoll" && second === 1) return { ...NOTHING, polled: memory.i32(first) };
    if (name === "sendto") return { ...NOTHING, bytes: memory.at(second, third & 0xffff) };
    if (WRITES.has(name)) return { ...NOTHING, bytes: memory.at(second, third) };
    if (NAMES.has(name)) return { ...NOTHING, bytes: Buffer.from(memory.text(first), "latin1") };
    return NOTHING;
  }

  #sent(signo: number, at: number): About["sent"] {
    const info = at === 0 ? null : this.#calls.signalAt(at);
    return { signo: signo === 0 && info !== null ? info.signo : signo, info };
  }

  /** What is pending happens now; who is stopped goes on when it is continued, who is frozen when it is thawed. */
  #returnToUser(): void {
    const { process } = this.#now;
    deliver(process);
    while (process.state === "stopped" || process.isFrozen) this.#pass();
    if (!process.lives) throw new Gone();
  }

  #wait(name: string, args: (number | bigint)[], call: Import): number | bigint {
    const { stage, process } = this.#now;
    if (!this.#now.sleeping) process.interrupted = null;
    while (true) {
      if (this.#now.sleeping && isInterrupted(process, name)) return this.#awake(-E.EINTR);
      const answer = call(...(args as never[])) as number | bigint;
      if (answer !== BLOCKED) return this.#awake(answer);
      if (!this.#now.sleeping) stage.waits(process, name);
      this.#now.sleeping = true;
      this.#pass();
      this.#returnToUser();
    }
  }

  #awake(answer: number | bigint): number | bigint {
    this.#now.sleeping = false;
    if (answer === -E.EINTR) this.#now.process.deadline = Number.NaN;
    return answer;
  }

  /** The world moves while the process sleeps. One that is played in turns gives its turn away. */
  #pass(): void {
    const { stage, process, answers } = this.#now;
    if (answers !== null) {
      stage.world.block(process);
      throw new Suspended();
    }
    const { deadline, state, isFrozen } = process;
    const until =
      state === "stopped" || isFrozen || Number.isNaN(deadline) ? Number.POSITIVE_INFINITY : deadline;
    if (!stage.world.step(until)) stage.starved(process);
  }

  /** capget answers a set and getrlimit a limit: there a failure looks like none. What fails to close is closed. */
  #failed(name: string, errno: number, fd: number): number | bigint {
    const { stage, process } = this.#now;
    this.#awake(-E.EINTR);
    if (name === "close") stage.world.close(process, fd);
    if (name === "capget" || name === "clock_gettime") return 0n;
    return name === "getrlimit_nproc" ? -1n : -errno;
  }
}

/** A stop interrupts rt_sigtimedwait even without a handler (signal(7)), and so does a freeze. */
function isInterrupted({ interrupted }: Process, name: string): boolean {
  return interrupted === "handler" || (interrupted === "stop" && name === "rt_sigtimedwait");
}
