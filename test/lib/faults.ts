// Lives of the real binary in which one system call fails or comes late, and what must hold in each of them. A life is a
// script of events: nothing in it waits for time, and one that does not go on is a hang.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ERRNOS } from "../../simulator/faults.ts";
import { MESSAGES } from "../../texts/messages.ts";
import { asPid1, descendants, type End, type Run, startFamily, statOf, statusOf, until } from "./process.ts";
import {
  atGate,
  DELAY_US,
  type Followed,
  functionOf,
  isAsleep,
  openGate,
  readTrace,
  type Trace,
  type TracedCall,
  waitsAtGate,
} from "./strace.ts";

/** One way to live, played once for each of its calls and errnos. */
export interface Scene {
  readonly name: string;
  readonly place: "pid1" | "subreaper";
  readonly mode: "kernel" | "wait";
  /** Of the init. */
  readonly options: readonly string[];
  readonly program: readonly string[];
  /** What the container is started by. */
  readonly around?: readonly string[];
  readonly stream?: "pipe" | "fifo" | "socket" | "terminal" | "job";
  /** Calls that always fail in it, as expressions of strace. */
  readonly conditions?: readonly string[];
  /** What happens to the container from the start of the program on. */
  readonly play?: (life: FaultLife) => Promise<void>;
  /** What it ends with where nothing fails. */
  readonly status: number;
  /** Where the core fails by itself, as test/planted/plant.ts reads it; "" for the binary that ships. */
  readonly plant?: string;
  /** The init says nothing of a signal that it could not send. */
  readonly isSilent?: boolean;
}

/** One call of a scene that is tampered with. */
export interface Injection {
  readonly whose: "init" | "child";
  readonly call: TracedCall;
  /** `error=EPERM` or `delay_enter=20000`. */
  readonly what: string;
}

/** The programs, copied to where every user may read them. */
export interface Programs {
  readonly steady: string;
  /** The one whose core fails where it is told to. */
  readonly planted: string;
  readonly puppet: string;
  readonly folder: string;
}

const SENT_MAX = 4;
/** What is on its way through the pipes is not lost; and if it is sent twice, no harm is done. */
const LOOKS = 20;
let lives = 0;

/** Whether the line is the init's. */
const isLog = (line: string): boolean =>
  /^\[(?:(?:FATAL|WARN |INFO |DEBUG|TRACE) \w+ \(\d+\)|dumb-init)\] /.test(line);

/** A sentence of the init with any values in it. */
function sentence(text: string): RegExp {
  const literal = (part: string) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return new RegExp(text.split(/%\w/).map(literal).join("[^\\n]*"));
}

/** What is said of a signal that did not arrive as it was sent: whoever sent it may send it again. */
const COMPLAINTS = [
  MESSAGES.ForwardRefused,
  MESSAGES.ForwardFailed,
  MESSAGES.ChildWasDead,
  MESSAGES.SignalValueLost,
].map(sentence);

/** The documented ends that are not the program's (docs/behaviour.md, Exit status), each with its sentences. */
const ENDS: Readonly<Record<number, readonly RegExp[]>> = {
  1: [
    MESSAGES.MainUnknown,
    MESSAGES.SubreaperFailed,
    MESSAGES.SubreaperUnavailable,
    MESSAGES.ParentDeathFailed,
    MESSAGES.ForkFailed,
    MESSAGES.ExecFailed,
    MESSAGES.DumbInitSetsidFailed,
    MESSAGES.InstallFailed,
  ].map(sentence),
  // dumb-init's, for whatever it cannot execute.
  2: [sentence(MESSAGES.DumbInitExecFailed)],
  125: [
    MESSAGES.ForkFailed,
    MESSAGES.KernelCannotReap,
    MESSAGES.SetpgidFailed,
    MESSAGES.ExecFailed,
    MESSAGES.UserUnreadable,
    MESSAGES.UserFailed,
    MESSAGES.CapsFailed,
    MESSAGES.NoNewPrivsFailed,
    MESSAGES.NprocFailed,
    MESSAGES.FileFailed,
    MESSAGES.FileNotOurs,
    MESSAGES.NotifyFailed,
  ].map(sentence),
  126: [sentence(MESSAGES.ExecFailed)],
  127: [sentence(MESSAGES.ExecFailed)],
};

const SENDS = ["kill", "pidfd_send_signal", "rt_sigqueueinfo"];
const TERMINAL_CALLS = /^ioctl\(0, TIOC/;

export class FaultLife {
  readonly scene: Scene;
  readonly run: Run;
  readonly log: string;
  readonly #programs: Programs;
  readonly #followed: Followed;
  readonly #injections: readonly string[];
  readonly #endFamily: () => void;
  readonly #binary: string;
  /** The function that fails in it and would not by itself. */
  readonly #fails: string | undefined;
  init = 0;

  constructor(programs: Programs, scene: Scene, injection: Injection | undefined, followed: Followed) {
    this.scene = scene;
    this.#fails = injection?.what.startsWith("error") ? functionOf(injection.call) : undefined;
    this.#binary = scene.plant === undefined ? programs.steady : programs.planted;
    this.log = join(programs.folder, `trace-${++lives}`);
    this.#programs = programs;
    this.#followed = followed;
    this.#injections = [
      ...(scene.conditions ?? []),
      ...(injection === undefined ? [] : [expressionIn(scene, injection)]),
    ];
    const init = atGate(programs.puppet, followed, [this.#binary, ...scene.options, "--", ...scene.program]);
    const plant = scene.plant === undefined ? [] : ["env", `STEADY_PLANT=${scene.plant}`];
    const inside = [...(scene.around ?? []), ...plant, ...init];
    const placed = scene.place === "pid1" ? asPid1(inside) : inside;
    // Not in the project's folder: a shell that is given a program as its script may make files.
    const { run, endFamily } = startFamily(withStream(scene.stream ?? "pipe", placed, this.log), {
      cwd: programs.folder,
    });
    this.run = run;
    this.#endFamily = endFamily;
  }

  /** Plays the scene to its end; answers the trace. */
  async play(): Promise<{ trace: Trace; end: End }> {
    let ended: Awaited<ReturnType<typeof openGate>> | undefined;
    try {
      this.init = await waitsAtGate(this.run);
      ended = await openGate(this.init, this.#followed, this.log, this.#injections);
      await (this.scene.play ?? endByTerm)(this);
      await this.until("the end", () => false);
      // The shell at the terminal reads a line.
      this.run.write("\n");
      const end = await this.run.ends();
      await ended.ended;
      return { trace: readTrace(this.log, this.init, this.#binary), end };
    } finally {
      this.#endFamily();
      ended?.endFamily();
    }
  }

  get hasEnded(): boolean {
    return "ZX".includes(statOf(this.init)?.state ?? "X");
  }

  lines(): string[] {
    // What is typed is echoed.
    return this.run
      .all()
      .split(/\r?\n/)
      .map((line) => line.replace(/^\^C/, ""));
  }

  /** The program's lines that begin so. */
  said(text: string): number {
    return this.lines().filter((line) => !isLog(line) && line.startsWith(text)).length;
  }

  complaints(): number {
    return this.lines().filter((line) => isLog(line) && COMPLAINTS.some((one) => one.test(line))).length;
  }

  /** Waits until the program says something; answers false where the container has ended without. */
  async says(text: string, times = 1): Promise<boolean> {
    await this.until(`"${text}"`, () => this.said(text) >= times);
    return this.said(text) >= times;
  }

  /** Sends a signal, and again where the init said that it did not arrive. */
  async arrives(signal: number, send: () => void): Promise<void> {
    const said = this.said(`signal ${signal} `);
    for (let tries = 0; tries < SENT_MAX && this.said(`signal ${signal} `) === said; tries++) {
      await isAsleep(this.init);
      const complaints = this.complaints();
      let looks = 0;
      if (!this.hasEnded) send();
      await this.until(
        `signal ${signal}`,
        () =>
          this.said(`signal ${signal} `) > said ||
          this.complaints() > complaints ||
          (this.#isLost(signal) && ++looks > LOOKS),
      );
      if (this.hasEnded) return;
    }
    if (this.said(`signal ${signal} `) === said)
      throw new Error(`signal ${signal} did not arrive; it said:\n${this.run.all()}`);
  }

  /** The last resort says nothing where it may not send: nobody has the signal any more, and it waits. */
  #isLost(signal: number): boolean {
    if (!this.scene.isSilent || !SENDS.includes(this.#fails ?? "")) return false;
    const pending = BigInt(`0x${statusOf(this.init, "ShdPnd") ?? "0"}`);
    return statOf(this.init)?.state === "S" && ((pending >> BigInt(signal - 1)) & 1n) === 0n;
  }

  /** Waits for something that the container does, or for its end. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const shown = () => `${what}; it said:\n${this.run.all()}`;
    await until(shown, () => condition() || this.hasEnded);
  }

  kill(signal: number): Promise<void> {
    return this.arrives(signal, () => process.kill(this.init, signal));
  }

  /** What is typed reaches the program's group, or through the init. */
  interrupt(): Promise<void> {
    return this.arrives(2, () => this.run.write("\x03"));
  }

  queue(signal: number, value: number): Promise<void> {
    return this.arrives(signal, () => this.puppet("queue", this.init, signal, value));
  }

  puppet(...words: (string | number)[]): void {
    execFileSync(this.#programs.puppet, words.map(String));
  }

  /**
   * The program that was stopped goes on. Where the init did not see the terminal, or may not continue the program, it
   * stays stopped until somebody continues it.
   */
  async goesOn(): Promise<void> {
    const goesOn = () => this.said("went on") > 0;
    await this.until('"went on"', () => goesOn() || (this.#mayStayStopped() && this.#isStopped()));
    if (!goesOn()) await this.kill(18);
    await this.says("went on");
  }

  #mayStayStopped(): boolean {
    return this.complaints() > 0 || this.#fails === "tcgetpgrp";
  }

  #isStopped(): boolean {
    const [program = 0] = this.children();
    return statOf(program)?.state === "T" && statOf(this.init)?.state === "S";
  }

  /** Every orphan that has died is reaped: the init has no child but the program. */
  async isReaped(): Promise<void> {
    await this.until("one child", () => this.children().length <= 1);
  }

  children(): number[] {
    return descendants(this.init).filter((pid) => statOf(pid)?.parent === this.init);
  }

  /** Whether the signalfd of the init has no use for a signal now. */
  leavesOut(signal: number): boolean {
    const mask = signalfdMask(this.init);
    return mask !== undefined && ((mask >> BigInt(signal - 1)) & 1n) === 0n;
  }

  /** Sets RLIMIT_SIGPENDING of the program. */
  limitQueue(length: number): void {
    const [program] = this.children();
    if (program !== undefined) execFileSync("prlimit", ["--pid", `${program}`, `--sigpending=${length}:`]);
  }
}

/** What the signalfd of a process takes; undefined where it has none, or is gone. */
function signalfdMask(pid: number): bigint | undefined {
  const folder = `/proc/${pid}/fdinfo`;
  try {
    const about = readdirSync(folder).map((fd) => readFileSync(join(folder, fd), "latin1"));
    const masks = about.map((text) => /^sigmask:\t([0-9a-f]+)$/m.exec(text)?.[1]);
    const mask = masks.find((one) => one !== undefined);
    return mask === undefined ? undefined : BigInt(`0x${mask}`);
  } catch {
    return undefined;
  }
}

/** Whether the shell has its terminal again: without, a read by the leader of a session fails (setpgid(2)). */
const TERMINAL =
  'trap : INT; "$@"; s=$?; if read x; then echo terminal back; else echo terminal lost; fi; exit $s';
/** A shell that does what one at a terminal does: it goes on when its job has stopped, and brings it back. */
const JOB = 'set -m; "$@"; s=$?; if [ $s = 148 ]; then echo stopped; fg; s=$?; fi; exit $s';

function withStream(stream: Scene["stream"], command: readonly string[], path: string): string[] {
  const piped = 'set -o pipefail; "$@" 2>&1 | cat';
  const named = 'mkfifo $0; (cat $0 &); exec "$@" >$0 2>&1';
  if (stream === "pipe") return ["bash", "-c", piped, "bash", ...command];
  if (stream === "fifo") return ["sh", "-c", named, `${path}.fifo`, ...command];
  // exec, since script starts the user's shell, and one that stayed would be ended by what is typed.
  if (stream === "terminal")
    return ["script", "-qefc", `exec sh -c '${TERMINAL}' sh ${command.join(" ")}`, "/dev/null"];
  if (stream === "job")
    return ["script", "-qefc", `exec bash -c '${JOB}' bash ${command.join(" ")}`, "/dev/null"];
  return [...command];
}

async function endByTerm(life: FaultLife): Promise<void> {
  if (await life.says("ready")) await life.kill(15);
}

/** A plain signal, at which the program leaves an orphan; one with a value; the end. */
export async function forwardAndReap(life: FaultLife): Promise<void> {
  if (!(await life.says("ready"))) return;
  await life.kill(10);
  await life.isReaped();
  await life.queue(34, 4711);
  await life.kill(15);
}

/** The program stops itself, and the init sees that it goes on. */
export async function stopAndGoOn(life: FaultLife): Promise<void> {
  if (!(await life.says("ready"))) return;
  await life.interrupt();
  await life.kill(12);
  await life.goesOn();
  await life.kill(10);
  await life.isReaped();
  await life.kill(15);
}

/** What is typed, and the end. */
export async function interruptAndEnd(life: FaultLife): Promise<void> {
  if (!(await life.says("ready"))) return;
  await life.interrupt();
  await life.kill(10);
  await life.isReaped();
  await life.kill(15);
}

/** The queue of the program is full, a signal waits, a second one goes back; then there is room. */
export async function fillQueue(life: FaultLife): Promise<void> {
  if (!(await life.says("ready"))) return;
  const held = sentence(MESSAGES.SignalHeld);
  const waits = () =>
    life.leavesOut(34) || life.lines().some((line) => held.test(line)) || life.complaints() > 0;
  await isAsleep(life.init);
  life.limitQueue(0);
  life.puppet("queue", life.init, 34, 4711);
  await life.until("a signal that waits", waits);
  if (life.hasEnded) return;
  await isAsleep(life.init);
  life.puppet("queue", life.init, 10, 12);
  await isAsleep(life.init);
  life.limitQueue(1000);
  for (const signal of [34, 10]) {
    const arrived = () => life.said(`signal ${signal} `) > 0;
    await life.until(`signal ${signal}`, () => arrived() || life.complaints() > 0);
    if (!arrived()) await life.queue(signal, 4711);
  }
  await life.isReaped();
  await life.kill(15);
}

/**
 * What is done to the calls of a scene: each fails with each errno, and comes late. `done` keeps what other
 * scenes have done already: a call with the same neighbours on both sides, by the same process and in the same way of reaping, is the same call.
 */
export function injectionsInto(scene: Scene, { init, child }: Trace, done: Set<string>): Injection[] {
  const all: Injection[] = [];
  for (const [whose, calls] of [["init", init] as const, ["child", child] as const]) {
    const names = calls.map(functionOf);
    for (const [index, call] of calls.entries()) {
      const name = names[index] as string;
      const situation = [scene.mode, whose, names[index - 1], name, names[index + 1]].join(" ");
      for (const what of waysToTamper(scene, call)) {
        if (done.has(`${situation} ${what}`)) continue;
        done.add(`${situation} ${what}`);
        all.push({ whose, call, what });
      }
    }
  }
  return all;
}

/** What fails always in a scene is not made to fail otherwise in it. */
function waysToTamper({ conditions = [] }: Scene, call: TracedCall): string[] {
  const name = functionOf(call);
  const failsAlways = conditions.some((one) => one.startsWith(`${call.name}:`));
  const errors = failsAlways ? [] : (ERRNOS[name] ?? []).map((errno) => `error=${errno}`);
  // exit_group has no other side.
  const sides = name === "exit" ? ["delay_enter"] : ["delay_enter", "delay_exit"];
  return [...errors, sides.map((side) => `${side}=${DELAY_US}`).join(":")];
}

/** As strace takes it, which knows one expression for a call: a condition of the scene goes with the delay. */
function expressionIn({ conditions = [] }: Scene, { call, what }: Injection): string {
  const condition = conditions.find((one) => one.startsWith(`${call.name}:`))?.split(":")[1];
  const both = condition !== undefined && what.startsWith("delay") ? `${condition}:${what}` : what;
  return `${call.name}:${both}:when=${call.ordinal}`;
}

/** What was wrong with a life, or nothing. */
export function judge(
  life: FaultLife,
  injection: Injection | undefined,
  trace: Trace,
  end: End,
): string | undefined {
  const said = life.run.all();
  const delayed = injection === undefined || injection.what.startsWith("delay");
  if (end.status === null) return `it was ended by ${end.signal}`;
  if (delayed && end.status !== life.scene.status) return `status ${end.status}, not ${life.scene.status}`;
  if (delayed && life.complaints() > 0) return "it complains, and nothing failed";
  if (life.said("ready") > 0 && life.said("signal 15 ") === 0) return "it ended before the program";
  // As PID 1 the group that had it is outside of the namespace, and has no number here.
  const returns = life.scene.place === "subreaper";
  // What was met, since a number counts all calls of one name, and may be another function's where the order varies.
  const met = [...trace.init, ...trace.child].filter(({ tampered }) => tampered).map(({ text }) => text);
  if (returns && life.said("terminal lost") > 0 && !met.some((text) => TERMINAL_CALLS.test(text)))
    return "the terminal was not given back";
  if (end.status === life.scene.status) return undefined;
  // A program that is no program goes to the shell, which cannot read it.
  if (injection?.what === "error=ENOEXEC" && end.status === 2) return undefined;
  const sentences = ENDS[end.status];
  if (sentences === undefined) return `status ${end.status} is not documented`;
  // Where the line itself is what failed, it was at least tried.
  const all = [said, ...met].join("\n");
  return sentences.some((one) => one.test(all)) ? undefined : `status ${end.status} without its sentence`;
}
