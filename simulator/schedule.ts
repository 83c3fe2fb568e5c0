// Who does something next, and when: the order of everything that follows from no system call. Nothing happens by
// itself: `turn` lets one process, chosen at random, do one thing, or the kernel finish one thing; `tick` lets virtual
// time pass.

import { type Process, release } from "./processes.ts";
import type { Random } from "./random.ts";
import { deliver } from "./signals.ts";

export class Schedule {
  readonly random: Random;
  /** Virtual milliseconds. */
  now = 0;
  /** Ended processes that nobody is to wait for, and that the kernel is about to take away. */
  readonly releasing: Process[] = [];
  /** Those that have something to do. */
  readonly #ready: Process[] = [];
  readonly #timers: { readonly at: number; readonly act: () => void }[] = [];
  /** Whoever sleeps in a call, which is made again when anything has changed. */
  readonly #blocked = new Set<Process>();
  /** The processes that somebody else plays than `turn`. */
  readonly #played = new Set<Process>();

  constructor(random: Random) {
    this.random = random;
  }

  /** One thing that there is to do: a process runs, or a death is completed. False where there is none. */
  turn(): boolean {
    const choices = this.#ready.length + this.releasing.length;
    if (choices === 0) return false;
    const choice = this.random.below(choices);
    if (choice < this.#ready.length) this.run(this.#ready[choice] as Process);
    else this.finish(this.releasing[choice - this.#ready.length] as Process);
    return true;
  }

  /** The kernel takes away a process that ended and that nobody is to wait for. */
  finish(process: Process): void {
    this.releasing.splice(this.releasing.indexOf(process), 1);
    release(process);
    this.stir();
  }

  /** Lets a process have its turn: what is pending for it, then its program. */
  run(process: Process): void {
    if (process.isLent) {
      this.rest(process);
      return;
    }
    if (deliver(process)) process.asleep = false;
    if (process.state === "running" && process.program !== null && !process.asleep) {
      process.blockedInCall = false;
      process.program(process);
      if (!process.isLent) deliver(process);
    }
    const rests = process.program === null || process.asleep || process.blockedInCall || process.isLent;
    if (process.state !== "running" || rests) this.rest(process);
    if (!process.blockedInCall) this.stir();
  }

  /** The program of a process sleeps in a call: it has its next turn when anything has changed. */
  block(process: Process): void {
    process.blockedInCall = true;
    this.#blocked.add(process);
    if (Number.isFinite(process.deadline)) this.at(process.deadline, () => {});
  }

  /** Something has changed. */
  stir(): void {
    if (this.#blocked.size === 0) return;
    const blocked = [...this.#blocked];
    this.#blocked.clear();
    for (const process of blocked) {
      process.blockedInCall = false;
      if (process.state === "running") this.wake(process);
    }
  }

  /** A turn, or the next moment at which something is to happen, up to `until`. False: nothing ever will. */
  step(until: number): boolean {
    if (this.turn()) {
      if (this.random.once(8)) this.tick(1);
      return true;
    }
    const next = Math.min(this.#timers[0]?.at ?? Number.POSITIVE_INFINITY, until);
    if (next === Number.POSITIVE_INFINITY) return false;
    this.tick(Math.max(0, next - this.now));
    return true;
  }

  /** Turns until there is nothing to do. */
  settle(): void {
    while (this.turn());
  }

  /** Lets time pass. */
  tick(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (let due = this.#timers[0]; due !== undefined && due.at <= end; due = this.#timers[0]) {
      this.#timers.shift();
      this.now = Math.max(this.now, due.at);
      due.act();
      this.stir();
    }
    this.now = end;
  }

  /** Does something at a moment. */
  at(moment: number, act: () => void): void {
    const index = this.#timers.findIndex(({ at }) => at > moment);
    this.#timers.splice(index < 0 ? this.#timers.length : index, 0, { at: moment, act });
  }

  /** The program of a process sleeps until news, or at most so long. */
  sleep(self: Process, milliseconds = Number.POSITIVE_INFINITY): void {
    self.asleep = true;
    if (milliseconds !== Number.POSITIVE_INFINITY) this.at(this.now + milliseconds, () => this.#rouse(self));
  }

  /** There is something to do for a process. */
  wake(process: Process): void {
    if (process.place >= 0 || process.isFrozen || process.isLent || this.#played.has(process)) return;
    process.place = this.#ready.length;
    this.#ready.push(process);
  }

  /** A child has something to tell. */
  wakeParent(parent: Process): void {
    this.#rouse(parent);
  }

  #rouse(process: Process): void {
    if (!process.lives) return;
    process.asleep = false;
    if (process.program !== null) this.wake(process);
  }

  /** A process has nothing to do until `wake`. */
  protected rest(process: Process): void {
    if (process.place < 0) return;
    const last = this.#ready.pop() as Process;
    if (last !== process) {
      this.#ready[process.place] = last;
      last.place = process.place;
    }
    process.place = -1;
  }

  /** Somebody else than `turn` plays this process from now on. */
  play(process: Process): void {
    this.forget(process);
    this.#played.add(process);
  }

  /** A process has no more turns. */
  forget(process: Process): void {
    this.rest(process);
    this.#blocked.delete(process);
  }

  /** Gives a process another program, or none. */
  become(process: Process, program: Process["program"]): void {
    process.program = program;
    if (program !== null) this.#rouse(process);
  }
}
