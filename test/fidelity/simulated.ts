// Plays scripts on the simulated Linux: the player's module makes one call at a time for the process whose turn it is,
// and after each step everybody does what there is to do. What the real kernel leaves open is drawn from a seed.

import { readFileSync } from "node:fs";
import type { Age, Refusals } from "../../simulator/ages.ts";
import { credentialsOf } from "../../simulator/credentials.ts";
import { DiskFile, NullFile, TerminalFile } from "../../simulator/files.ts";
import { Exit, Gone, Kernel, type Run, type Stage, Suspended } from "../../simulator/kernel.ts";
import { Linux, type Process } from "../../simulator/linux.ts";
import { Random } from "../../simulator/random.ts";
import { deliver } from "../../simulator/signals.ts";
import { Terminal } from "../../simulator/terminal.ts";
import { buildPlayer } from "../lib/puppet.ts";
import { type Moment, nameCall, numberOf, type Script, SLOTS, type Step } from "./script.ts";
import {
  CAPABILITIES,
  DESCRIPTORS_MAX,
  limited,
  MANY_PROCESSES,
  PENDING_MAX,
  PROCESSES_MAX,
  SETTINGS,
  type SettingName,
  VARIANT_NAMES,
} from "./settings.ts";

/** The kernel that is simulated, and as whom the user of a setting "user" appears. */
export interface Kind {
  readonly age: Age;
  readonly refusals: Refusals;
  readonly uid: number;
}

const ROOT_CAPABILITIES = Object.values(CAPABILITIES).reduce((set, bit) => set | (1 << bit), 0) >>> 0;
const WITHOUT_KILL = ROOT_CAPABILITIES & ~(1 << (CAPABILITIES.kill ?? 0));
const SIGHUP = 1;
const PID_MAX = 32_768;
const FIFO_FIRST = 3;
const STORED_AT = 16;
const STORED_MAX = 160;
const PATH_AT = 56;
const COMMAND_SIZE = 512;
/** What a core keeps for a restart; a player keeps nothing. */
const SURVIVORS_BYTES = 128;

/** The one instance of the player: a step keeps nothing, so it serves every process. */
class Player {
  readonly kernel: Kernel;
  readonly memory: Uint8Array;
  readonly #view: DataView;
  readonly #step: () => void;
  readonly #command: number;
  readonly #answer: number;

  constructor() {
    this.kernel = new Kernel(() => {});
    const module = new WebAssembly.Module(readFileSync(buildPlayer().wasm));
    const { exports } = new WebAssembly.Instance(module, {
      kernel: this.kernel.imports as WebAssembly.ModuleImports,
    });
    const { memory, step, commandAt, answerAt } = exports as {
      memory: WebAssembly.Memory;
      step: () => void;
      commandAt: () => number;
      answerAt: () => number;
    };
    this.memory = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#step = step;
    this.#command = commandAt();
    this.#answer = answerAt();
  }

  /** Performs the call; throws what the kernel throws where the process does not come back from it. */
  perform(run: Run, { call, child, args, path }: Step): void {
    this.memory.fill(0, this.#command, this.#command + COMMAND_SIZE);
    this.#view.setInt32(this.#command, numberOf(call), true);
    this.#view.setInt32(this.#command + 4, child, true);
    for (const [index, arg] of args.entries())
      this.#view.setBigInt64(this.#command + 8 + 8 * index, arg, true);
    if (path !== undefined) this.memory.set(Buffer.from(path, "latin1"), this.#command + PATH_AT);
    this.kernel.begin(run, this.memory.buffer as ArrayBuffer);
    this.#step();
  }

  /** What the call answered. */
  get value(): number {
    return Number(this.#view.getBigInt64(this.#answer + 8, true));
  }

  /** The answer in the words of the native player. */
  words(slot: number): string {
    const value = this.#view.getBigInt64(this.#answer + 8, true);
    const stored = this.memory.subarray(this.#answer + STORED_AT, this.#answer + STORED_AT + STORED_MAX);
    let length = STORED_MAX;
    while (length > 0 && stored[length - 1] === 0) length--;
    const hex = Buffer.from(stored.subarray(0, length)).toString("hex");
    return nameCall(`${slot} ${this.#view.getInt32(this.#answer + 4, true)} ${value} ${hex}`);
  }
}

let shared: Player | undefined;

/** A process of the script in the slot by which it is spoken to. */
export interface Actor {
  readonly slot: number;
  readonly process: Process;
  /** The first of the variants of a player that it can still become: those before are not among its arguments. */
  variantFirst: number;
  /** What it was asked to do and has not come back from: it sleeps in a call, or was stopped on the way back. */
  unfinished: { readonly step: Step; readonly run: Run; readonly words: string | null } | null;
}

/** Whether it would make a call that it is asked for. */
export const isAble = ({ process, unfinished }: Actor): boolean =>
  unfinished === null && process.state === "running";

export class Simulation {
  readonly world: Linux;
  readonly init: Process;
  /** By slot. */
  readonly actors: (Actor | undefined)[];
  readonly terminal: Terminal | null;
  readonly #player: Player;
  readonly #kind: Kind;
  readonly #answers: string[] = [];
  #highest = 1;

  constructor(setting: SettingName, kind: Kind, seed: number) {
    shared ??= new Player();
    this.#player = shared;
    this.#kind = kind;
    this.world = new Linux(new Random(seed), { age: kind.age, refusals: kind.refusals });
    this.terminal = SETTINGS[setting].terminal ? new Terminal() : null;
    this.init = this.#begin(setting);
    this.actors = [{ slot: 0, process: this.init, variantFirst: 0, unfinished: null }];
    this.#makePlaces();
  }

  /** What a shell, unshare(1), setsid(1), prlimit(1) and setpriv(1) do before the player. */
  #begin(setting: SettingName): Process {
    const { world, terminal } = this;
    const { leads, user } = SETTINGS[setting];
    world.clone(world.host, {});
    const shell = world.out.child as Process;
    shell.credentials = credentialsOf(0, ROOT_CAPABILITIES);
    world.setsid(shell);
    world.rt_sigaction(shell, SIGHUP, "ignore");
    shell.files.place(0, terminal === null ? new NullFile() : new TerminalFile(terminal));
    if (terminal !== null) world.control(shell, 0);
    world.clone(shell, {});
    const unshare = world.out.child as Process;
    world.clone(unshare, { pidMax: PID_MAX });
    const init = world.out.child as Process;
    world.rt_sigaction(init, SIGHUP, "default");
    world.prlimit(init, { nofile: DESCRIPTORS_MAX, nproc: MANY_PROCESSES });
    this.#openFirstFiles(init);
    if (leads) this.#lead(init);
    if (user) {
      world.prlimit(init, { nproc: PROCESSES_MAX, sigpending: PENDING_MAX });
      const uid = limited(this.#kind.uid);
      world.setresuid(init, uid, uid, uid);
    }
    world.paths.set("/player", { kind: "program", start: () => null });
    world.execve(init, "/player", []);
    return init;
  }

  #openFirstFiles(init: Process): void {
    const trace = new DiskFile();
    for (const fd of [1, 2]) init.files.place(fd, trace);
    for (let fd = FIFO_FIRST; fd <= FIFO_FIRST + SLOTS; fd++) init.files.place(fd, new NullFile());
  }

  /** setsid(1), with --ctty where there is a terminal, which is taken from whoever has it. */
  #lead(process: Process): void {
    const { world, terminal } = this;
    world.setsid(process);
    if (terminal === null) return;
    for (const member of terminal.session?.session ?? []) member.terminal = null;
    terminal.session = null;
    world.control(process, 0);
  }

  #makePlaces(): void {
    const { world } = this;
    const { uid } = this.#kind;
    const variants: Readonly<Record<string, (self: Process) => void>> = {
      "/with-terminal": (self) => this.#lead(self),
      "/in-session": (self) => void world.setsid(self),
      "/without-kill": (self) => {
        self.credentials = self.credentials.with({ bounding: self.credentials.bounding & WITHOUT_KILL });
      },
      "/as-user": (self) => void world.setresuid(self, uid, uid, uid),
      "/again": () => {},
    };
    for (const [path, arrange] of Object.entries(variants)) {
      world.paths.set(path, {
        kind: "program",
        start: (self) => {
          arrange(self);
          world.execve(self, "/player", []);
          return null;
        },
      });
    }
    world.paths.set("/folder", { kind: "directory" });
    world.paths.set("/denied", { kind: "denied" });
    world.paths.set("/text", { kind: "script" });
    world.paths.set("/data", { kind: "file", open: () => new DiskFile() });
  }

  /** A step, and everything that follows from it. */
  perform(step: Step): Moment {
    this.#answers.length = 0;
    const actor = this.actors[step.slot];
    if (actor === undefined || !isAble(actor)) throw new Error(`nobody in slot ${step.slot} can make a call`);
    this.#act(actor, step, this.#begun(actor));
    this.settle();
    return { answers: [...this.#answers], processes: this.#processes() };
  }

  #begun({ process }: Actor): Run {
    const of = {
      process,
      inheritedMask: 0n,
      arguments: [],
      environment: [],
      kept: new Uint8Array(SURVIVORS_BYTES),
    };
    return { ...of, stage: this.#stage(), answers: [], sleeping: false };
  }

  /** A call is made, or gone on with. */
  #act(actor: Actor, step: Step, run: Run): void {
    actor.unfinished = null;
    try {
      this.#player.perform(run, step);
    } catch (error) {
      this.#leave(actor, step, run, error);
      return;
    }
    if (step.call === "clone") this.#welcome(actor, step.child);
    // Others may run before the caller is back.
    while (this.world.random.once(2) && this.world.turn());
    this.#comeBack(actor, { step, run, words: this.#player.words(actor.slot) });
  }

  /** Signals come before the program learns what its call answered. */
  #comeBack(actor: Actor, back: { readonly step: Step; readonly run: Run; readonly words: string }): void {
    deliver(actor.process);
    if (actor.process.state === "running") this.#answers.push(back.words);
    actor.unfinished = actor.process.state === "stopped" ? back : null;
  }

  /** The process does not come back from the call, or not yet. */
  #leave(actor: Actor, step: Step, run: Run, error: unknown): void {
    const { process } = actor;
    if (error instanceof Exit) this.world.exit(process, error.status);
    else if (error instanceof Suspended) actor.unfinished = { step, run, words: null };
    else if (!(error instanceof Gone)) throw error;
    else if (process.lives) this.#begunAnew(actor, step);
  }

  #begunAnew(actor: Actor, { path = "" }: Step): void {
    // The tool's own words are gone; those of the player, which are the last variant, are not.
    actor.variantFirst = Math.min(VARIANT_NAMES.indexOf(path) + 1, VARIANT_NAMES.length - 1);
    this.#answers.push(`${actor.slot} execve 0`);
  }

  #stage(): Stage {
    return {
      world: this.world,
      argv: [],
      environment: [],
      license: "",
      before: () => {},
      fault: () => 0,
      after: () => {},
      trapped: () => {},
      waits: () => {},
      starved: () => {
        throw new Error("a process waits for ever");
      },
    };
  }

  #welcome(parent: Actor, slot: number): void {
    const pid = this.#player.value;
    const process = pid > 0 ? this.world.find(this.init, pid) : undefined;
    if (process === undefined) return;
    this.actors[slot] = { slot, process, variantFirst: parent.variantFirst, unfinished: null };
    this.#highest = Math.max(this.#highest, pid);
  }

  /** Until nobody has anything to do. */
  settle(): void {
    const { world } = this;
    for (;;) {
      world.settle();
      const ready = this.actors.find((actor) => actor !== undefined && this.#canFinish(actor));
      if (ready === undefined) return;
      this.#goOn(ready);
      if (this.#canFinish(ready))
        throw new Error(`slot ${ready.slot} waits for what no script can bring about`);
    }
  }

  #goOn(actor: Actor): void {
    const { unfinished } = actor;
    if (unfinished === null) return;
    const { step, run, words } = unfinished;
    if (words === null) this.#act(actor, step, run);
    else this.#comeBack(actor, { step, run, words });
  }

  #canFinish({ process, unfinished }: Actor): boolean {
    if (unfinished === null || process.state !== "running") return false;
    deliver(process);
    return process.state === "running";
  }

  #processes(): string[] {
    const lines: string[] = [];
    for (let pid = 1; pid <= this.#highest; pid++) {
      const process = this.world.find(this.init, pid);
      if (process !== undefined) lines.push(`${pid} ${this.#describe(process)}`);
    }
    return lines;
  }

  /** As the player reads it from /proc. */
  #describe(process: Process): string {
    const { namespace } = this.init;
    const family = [process.parent.id, process.group, process.session]
      .map((id) => id.in(namespace))
      .join(" ");
    if (process.ended) return `Z ${family}`;
    const { terminal, credentials } = process;
    const foreground = terminal === null ? -1 : (terminal.group?.in(namespace) ?? 0);
    const { uid, euid, suid, effective } = credentials;
    const ignored = [...process.actions]
      .filter(([, { handler }]) => handler === "ignore")
      .reduce((set, [signo]) => set | (1n << BigInt(signo - 1)), 0n);
    const sets = [process.own.set.bits, process.shared.set.bits, process.blocked.bits, ignored];
    const state = process.state === "stopped" ? "T" : "R";
    const numbers = [BigInt(effective), ...sets].map((set) => set.toString(16)).join(" ");
    return `${state} ${family} ${foreground} ${uid},${euid},${suid},${euid} ${numbers}`;
  }
}

/** Plays a script that is known; what the kernel leaves open follows from the seed. */
export function playSimulated({ setting, steps }: Script, kind: Kind, seed: number): Moment[] {
  const simulation = new Simulation(setting, kind, seed);
  return steps.map((step) => simulation.perform(step));
}

/** The same, without the steps of those who are dead or stopped by then. */
export function playAble({ setting, steps }: Script, kind: Kind): { script: Script; simulated: Moment[] } {
  const simulation = new Simulation(setting, kind, 0);
  const kept: Step[] = [];
  const simulated: Moment[] = [];
  for (const step of steps) {
    const actor = simulation.actors[step.slot];
    if (actor === undefined || !isAble(actor)) continue;
    kept.push(step);
    simulated.push(simulation.perform(step));
  }
  return { script: { setting, steps: kept }, simulated };
}
