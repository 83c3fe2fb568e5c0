// One life of the program, as it is watched: a box whose processes, ports and log lines become a time line. The rule: a
// process is known by its pid and its start time, and it has ended when /proc says so, not when a signal was sent.

import { setTimeout as sleep } from "node:timers/promises";
import type { Box, Place, Started, Status } from "./place.ts";
import { isDead, type Listener, type Masks, type Stat } from "./processes.ts";
import type { End, Event, Load, ProcessRole, ProcessSpan, Run } from "./report.ts";
import { numberOf, type Signal } from "./settings.ts";

const POLL_MS = 10;
const LINES_MAX = 200;
const LINE_MAX = 500;
/** How long after a process was first seen its command line is read again at each look. */
const EXEC_MS_MAX = 300;
/** A program that starts processes without end must not fill the report. */
const PROCESSES_MAX = 500;
const EVENTS_MAX = 2_000;

/** A process that was seen, and what became of it. */
export interface Seen {
  readonly stat: Stat;
  readonly span: { -readonly [Key in keyof ProcessSpan]: ProcessSpan[Key] };
  /** The stat at the last look. */
  last: Stat;
  /** At the last look before the main program ended, was it there and no zombie? */
  aliveAtEnd: boolean;
}

export interface Plan {
  readonly id: string;
  readonly title: string;
  readonly command: readonly string[];
  readonly init: Started;
  readonly kept?: boolean;
}

export class Life {
  readonly plan: Plan;
  readonly timeline: Event[] = [];
  readonly lines: string[] = [];
  readonly seen = new Map<number, Seen>();
  listeners: readonly Listener[] = [];
  end?: End;
  ready?: { readonly atMs: number; readonly how: string };
  load?: Load;
  readonly #startedMs: number;
  #since = performance.now();
  #box: Box | undefined;
  #main: Seen | undefined;
  #over: Status | undefined;
  #watching: Promise<void> | undefined;
  #closed = false;
  #ticks = 0;
  #waiting: (() => void)[] = [];
  #closing: Promise<Run> | undefined;

  private constructor(plan: Plan, startedMs: number) {
    this.plan = plan;
    this.#startedMs = startedMs;
  }

  /** `startedMs` is when, since the check began. */
  static async begin(place: Place, plan: Plan, startedMs: number): Promise<Life> {
    const life = new Life(plan, startedMs);
    const log = (stream: "stdout" | "stderr", line: string) => life.#log(stream, line);
    life.#box = await place.open({ command: plan.command, init: plan.init, kept: plan.kept === true, log });
    // The time line begins when the program does, not with the making of its namespaces.
    life.#since = performance.now();
    life.#box.ended.then((status) => {
      life.#over = status;
    });
    life.#watching = life.#watch();
    await life.tick();
    return life;
  }

  get now(): number {
    return Math.round((performance.now() - this.#since) * 10) / 10;
  }

  get box(): Box {
    if (this.#box === undefined) throw new Error("the life has not begun");
    return this.#box;
  }

  /** The program itself: PID 1, or the first child of what was put before it. undefined until it was seen. */
  get main(): Seen | undefined {
    return this.#main;
  }

  /** Everything that is alive but the init and the lab's own probes; the main program first. */
  alive(): Seen[] {
    return [...this.seen.values()].filter(
      ({ span, last }) =>
        span.endMs === undefined && !isDead(last.state) && span.role !== "init" && span.role !== "probe",
    );
  }

  zombies(): Seen[] {
    return [...this.seen.values()].filter(({ span, last }) => span.endMs === undefined && isDead(last.state));
  }

  /** Processor time of all that were seen, in clock ticks. */
  get cpuTicks(): number {
    return [...this.seen.values()].reduce((sum, { last }) => sum + last.ticks, 0);
  }

  add(event: Event): void {
    if (this.timeline.length < EVENTS_MAX) this.timeline.push(event);
  }

  note(text: string): void {
    this.add({ atMs: this.now, kind: "note", text });
  }

  /** To PID 1 where nobody is named, as an engine does. Answers when: milliseconds of this life. */
  async signal(signal: Signal, to: Seen | undefined = this.#first()): Promise<number> {
    const number = numberOf(signal);
    if (to === undefined || number === undefined) throw new Error(`nobody is there to get ${signal}`);
    const atMs = this.now;
    this.add({ atMs, kind: "signal-sent", signal, pid: to.span.pid, name: to.last.name });
    await this.box.signal(to.stat.pid, number).catch((error: NodeJS.ErrnoException) => {
      // It ended at this very moment: the watch will tell.
      if (error.code !== "ESRCH") throw error;
    });
    return atMs;
  }

  /** The next look at the processes is over. */
  tick(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Whether `condition` came to hold within `ms`. */
  async until(condition: () => boolean, ms: number): Promise<boolean> {
    const deadline = performance.now() + ms;
    while (!condition()) {
      if (performance.now() >= deadline || this.#closed) return false;
      await this.tick();
    }
    return true;
  }

  endsWithin(ms: number): Promise<boolean> {
    return this.until(() => this.end !== undefined, ms);
  }

  masksOf(seen: Seen): readonly Masks[] {
    return this.box.masksOf(seen.stat.pid);
  }

  /** Ends what is left, and answers the whole story. */
  close(): Promise<Run> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<Run> {
    this.#closed = true;
    await this.#watching;
    const durationMs = this.now;
    await this.box.close();
    this.timeline.sort((one, other) => one.atMs - other.atMs);
    const { plan, timeline, ready, end, load } = this;
    return {
      id: plan.id,
      title: plan.title,
      init: { kind: plan.init.kind, name: plan.init.name },
      startedMs: this.#startedMs,
      durationMs,
      timeline,
      processes: [...this.seen.values()].map(({ span }) => span).sort(mainFirst),
      ...(ready === undefined ? {} : { ready }),
      ...(end === undefined ? {} : { end }),
      ...(load === undefined ? {} : { load }),
    };
  }

  #first(): Seen | undefined {
    const first = [...this.seen.values()].find(({ span }) => span.pid === 1 || span.parent === 0);
    return this.plan.kept === true ? this.#main : first;
  }

  async #watch(): Promise<void> {
    while (!this.#closed) {
      await this.#look();
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const wake of waiting) wake();
      await sleep(POLL_MS);
    }
    for (const wake of this.#waiting) wake();
  }

  async #look(): Promise<void> {
    const over = this.#over;
    const stats = await this.box.processes();
    const now = this.now;
    for (const stat of stats) this.#meet(stat, now);
    this.#missing(new Map(stats.map((stat) => [stat.pid, stat.started])), now);
    // After the end of the main program everything ends at once: who was there before is what counts.
    if (this.end === undefined) this.#ending(over, now);
    if (this.#ticks++ % 2 === 0) this.#listen(now);
  }

  #meet(stat: Stat, atMs: number): void {
    const known = this.seen.get(stat.pid);
    if (known !== undefined && known.stat.started === stat.started) this.#again(known, stat, atMs);
    else if (this.seen.size < PROCESSES_MAX) this.#new(stat, atMs);
  }

  #new(stat: Stat, startMs: number): void {
    const pid = this.box.innerPid(stat.pid);
    const parent = this.#inner(stat.parent);
    const role = this.#roleOf(pid, parent, this.seen.get(stat.parent)?.span.role);
    const command = this.box.commandOf(stat);
    const seen: Seen = {
      stat,
      last: stat,
      aliveAtEnd: false,
      span: { pid, parent, name: stat.name, command, role, startMs },
    };
    this.seen.set(stat.pid, seen);
    if (role === "main") this.#main = seen;
    this.add({ atMs: startMs, kind: "process-started", pid, parent, name: stat.name });
    if (isDead(stat.state)) this.#zombie(seen, startMs);
  }

  #roleOf(pid: number, parent: number, above: ProcessRole | undefined): ProcessRole {
    if (above === "probe") return "probe";
    const before = this.plan.init.kind !== "bare" || this.plan.kept === true || this.box.hasInit;
    if (parent === 0) return before ? (pid === 1 ? "init" : "probe") : pid === 1 ? "main" : "probe";
    return before && parent === 1 && this.#main === undefined ? "main" : "descendant";
  }

  #again(seen: Seen, stat: Stat, atMs: number): void {
    const { span, last } = seen;
    seen.last = stat;
    if (last.name !== stat.name) {
      this.add({ atMs, kind: "process-renamed", pid: span.pid, name: stat.name, before: last.name });
      span.name = stat.name;
    }
    if (last.name !== stat.name || atMs - span.startMs < EXEC_MS_MAX) this.#command(seen, stat);
    if (last.parent !== stat.parent) {
      const [parent, before] = [this.#inner(stat.parent), this.#inner(last.parent)];
      this.add({ atMs, kind: "process-adopted", pid: span.pid, name: stat.name, parent, before });
    }
    if (isDead(stat.state) && !isDead(last.state)) this.#zombie(seen, atMs);
  }

  /** A process may be seen before its exec first, with its parent's command line; sh becomes sh without a new name. */
  #command(seen: Seen, stat: Stat): void {
    const command = this.box.commandOf(stat);
    if (!command.startsWith("[")) seen.span.command = command;
  }

  #zombie(seen: Seen, atMs: number): void {
    const { pid, name } = seen.span;
    const parent = this.#inner(seen.last.parent);
    // Outside it is the lab, or the engine, that has yet to wait: in here it is gone.
    if (parent === 0) this.#gone(seen, atMs);
    else {
      seen.span.zombieMs = atMs;
      this.add({ atMs, kind: "process-zombie", pid, name, parent });
    }
  }

  #missing(present: ReadonlyMap<number, string>, atMs: number): void {
    for (const [pid, seen] of this.seen) {
      if (seen.span.endMs !== undefined || present.get(pid) === seen.stat.started) continue;
      this.#gone(seen, atMs);
    }
  }

  #gone(seen: Seen, atMs: number): void {
    const { pid, name } = seen.span;
    seen.span.endMs = atMs;
    if (seen !== this.#main) this.add({ atMs, kind: "process-ended", pid, name });
  }

  #ending(over: Status | undefined, now: number): void {
    const main = this.#main;
    const gone = main !== undefined && (main.span.endMs !== undefined || isDead(main.last.state));
    if (over === undefined && !gone) {
      for (const seen of this.seen.values())
        seen.aliveAtEnd = seen.span.endMs === undefined && !isDead(seen.last.state);
      return;
    }
    // Its status follows in a moment; while it is a zombie of its parent, it has ended all the same.
    if (over === undefined && this.#over === undefined) return;
    const { status, signal } = this.#over ?? { status: -1 };
    const atMs = Math.min(now, main?.span.zombieMs ?? main?.span.endMs ?? now);
    this.end = { atMs, status, ...(signal === undefined ? {} : { signal }) };
    if (main !== undefined) main.span.endMs ??= atMs;
    const { pid, name } = main?.span ?? { pid: 1, name: this.plan.command[0] ?? "" };
    this.add({ ...this.end, kind: "process-ended", pid, name });
  }

  #listen(atMs: number): void {
    const now = this.box.listeners();
    const key = ({ address, port }: Listener) => `${address} ${port}`;
    const [before, after] = [new Set(this.listeners.map(key)), new Set(now.map(key))];
    for (const each of now) if (!before.has(key(each))) this.add({ atMs, kind: "listening", ...each });
    for (const each of this.listeners)
      if (!after.has(key(each))) this.add({ atMs, kind: "listening-ended", ...each });
    this.listeners = now;
  }

  #inner(outer: number): number {
    return this.seen.get(outer)?.span.pid ?? 0;
  }

  #log(stream: "stdout" | "stderr", line: string): void {
    if (this.lines.length >= LINES_MAX || this.#closed) return;
    const text = line.slice(0, LINE_MAX);
    this.lines.push(text);
    this.add({ atMs: this.now, kind: "log", stream, line: text });
  }
}

function mainFirst(one: ProcessSpan, other: ProcessSpan): number {
  const rank = ({ role }: ProcessSpan) => ["main", "init", "descendant", "probe"].indexOf(role);
  return rank(one) - rank(other) || one.startMs - other.startMs;
}
