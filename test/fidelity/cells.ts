// What has been compared: a cell is something that the simulated kernel can do, and is met when a script made both
// kernels do it and they agreed. Answers of calls, signals by the state that they find, orders in which one of several
// comes first. Every cell that can exist is listed here, so that one which was never met is known.

import { ANSWERS } from "../../simulator/answers.ts";
import { E } from "../../simulator/errnos.ts";
import { PidFile, SignalFile } from "../../simulator/files.ts";
import type { Process } from "../../simulator/linux.ts";
import type { Moment, Step } from "./script.ts";
import type { Simulation } from "./simulated.ts";

export interface Table {
  readonly title: string;
  /** Every cell, met or not. */
  readonly cells: ReadonlySet<string>;
  /** Cells that no script can meet, and why. */
  readonly unreachable: ReadonlyMap<string, string>;
}

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(E).map(([name, number]) => [number, name]));
const DONE = "done";

/** Why scripts cannot bring it about. The calls themselves are compared; what is missing is the state. */
const UNREACHABLE_ANSWERS: Readonly<Record<string, string>> = {
  "clone ENOMEM": "the namespace's first process is dead, and nobody in it lives to clone",
  "pidfd_open ENOSYS": "only kernels before Linux 5.3",
  "close_range ENOSYS": "only kernels before Linux 5.9",
  "rt_sigtimedwait EINTR": "scripts do not sleep",
  "ppoll EINTR": "scripts do not sleep",
  "write ENOSPC": "no disk of a script is full",
  "pwritev2 ENOSPC": "no disk of a script is full",
  "write EIO": "nobody closes the other end of a script's terminal",
  "tcgetpgrp EIO": "nobody closes the other end of a script's terminal",
  "sendto EPIPE": "scripts have no streams",
};

/** exit does not answer. */
function answerCells(): string[] {
  const answering = Object.entries(ANSWERS).filter(([call]) => call !== "exit");
  return answering.flatMap(([call, errnos]) => [DONE, ...errnos].map((errno) => `${call} ${errno}`));
}

/** "1 kill -3" as "kill ESRCH". */
function cellOfAnswer(answer: string): string {
  const [, call = "", value = ""] = answer.split(" ");
  const isSet = call === "capget" || call === "getrlimit_nproc";
  return `${call} ${Number(value) < 0 && !isSet ? (NAMES.get(-Number(value)) ?? value) : DONE}`;
}

// Signals by what they find

const SORTS = ["ends", "dumps", "ignored", "stops", "CONT", "KILL", "STOP", "real-time"] as const;
const STATES = ["running", "stopped", "process 1"] as const;

function sortOf(signo: number): (typeof SORTS)[number] {
  if (signo === 9) return "KILL";
  if (signo === 18) return "CONT";
  if (signo === 19) return "STOP";
  if (signo >= 32) return "real-time";
  if ([20, 21, 22].includes(signo)) return "stops";
  if ([17, 23, 28].includes(signo)) return "ignored";
  return [3, 4, 5, 6, 7, 8, 11, 24, 25, 31].includes(signo) ? "dumps" : "ends";
}

function signalCells(): string[] {
  const cells = SORTS.map((sort) => `${sort} to a zombie`);
  for (const sort of SORTS)
    for (const state of STATES)
      for (const how of ["free", "blocked", "blocked and pending"])
        for (const action of ["default", "ignored"])
          if ((sort !== "KILL" && sort !== "STOP") || (how === "free" && action === "default"))
            cells.push(`${sort} to ${state}, ${how}, ${action}`);
  return cells;
}

const STOPPED_AND_CONTINUED = "a stop takes a pending continue away";
const UNREACHABLE_SIGNALS: ReadonlyMap<string, string> = new Map([
  ["CONT to stopped, blocked and pending, default", STOPPED_AND_CONTINUED],
  ["CONT to stopped, blocked and pending, ignored", STOPPED_AND_CONTINUED],
]);

/** Of a step that sends one signal to one process: what it finds there. */
function cellsOfSignal(simulation: Simulation, { slot, call, args }: Step): string[] {
  const self = simulation.actors[slot]?.process;
  const target = self === undefined ? undefined : targetOf(simulation, self, call, args.map(Number));
  const signo = Number(args[1]);
  if (target === undefined || signo < 1 || signo > 64) return [];
  const sort = sortOf(signo);
  if (target.ended) return [`${sort} to a zombie`];
  const state = target === simulation.init ? "process 1" : target.state === "stopped" ? "stopped" : "running";
  const pending = target.own.set.has(signo) || target.shared.set.has(signo);
  const how = !target.blocked.has(signo) ? "free" : pending ? "blocked and pending" : "blocked";
  return [
    `${sort} to ${state}, ${how}, ${target.action(signo).handler === "ignore" ? "ignored" : "default"}`,
  ];
}

function targetOf(
  { world }: Simulation,
  self: Process,
  call: string,
  args: readonly number[],
): Process | undefined {
  const [target = 0, , group = 0] = args;
  if ((call === "kill" || call === "rt_sigqueueinfo") && target > 0) return world.find(self, target);
  const file = call === "pidfd_send_signal" && group === 0 ? self.files.get(target) : undefined;
  return file instanceof PidFile ? (file.pid.process ?? undefined) : undefined;
}

// Orders

const TAKEN = ["fault", "standard", "real-time"] as const;
const TOLD = ["zombie", "stopped", "continued"] as const;
const ONE_BY_ONE = "a real-time signal before another of its number";
const OWN = "one of the thread before one of the process";
const CONTINUE_AWAY = "a stop takes a pending continue away";
const STOP_AWAY = "a continue takes a pending stop away";

function orderCells(): string[] {
  const taken = TAKEN.flatMap((first, i) =>
    TAKEN.slice(i).map((then) => `a ${first} signal before a ${then} one`),
  );
  const told = TOLD.flatMap((first) =>
    TOLD.map((then) => `wait4 tells of a ${first} child before a ${then} one`),
  );
  return [...taken, ONE_BY_ONE, OWN, ...told, CONTINUE_AWAY, STOP_AWAY];
}

const takenSort = (signo: number): (typeof TAKEN)[number] =>
  signo >= 32 ? "real-time" : [4, 5, 7, 8, 11, 31].includes(signo) ? "fault" : "standard";

/** What waits for a process, by number. */
function waiting({ set }: Process["shared"]): number[] {
  return Array.from({ length: 64 }, (_, index) => index + 1).filter((signo) => set.has(signo));
}

/** The cells that a step meets in the state before it, if it answers as `moment` says. */
export function cellsOf(simulation: Simulation, step: Step, moment: Moment): Cells {
  const answers = moment.answers.map(cellOfAnswer);
  const orders = [...ordersOfTaking(simulation, step, moment), ...ordersOfWaiting(simulation, step, moment)];
  return {
    answers,
    signals: cellsOfSignal(simulation, step),
    orders: [...orders, ...ordersOfStops(simulation, step)],
  };
}

export interface Cells {
  readonly answers: readonly string[];
  readonly signals: readonly string[];
  readonly orders: readonly string[];
}

/** Which signal a read of a signalfd or an rt_sigtimedwait took, and which ones it could have taken. */
function ordersOfTaking(simulation: Simulation, step: Step, { answers }: Moment): string[] {
  const self = simulation.actors[step.slot]?.process;
  const [, name, value = "0", stored = ""] = (answers[0] ?? "").split(" ");
  const asked =
    self === undefined || name !== step.call || Number(value) <= 0 ? undefined : askedFor(self, step);
  if (self === undefined || asked === undefined) return [];
  const signo = Number.parseInt(stored.slice(0, 2), 16);
  const isOwn = self.own.set.has(signo);
  const others = waiting(isOwn ? self.own : self.shared).filter((other) => other !== signo && asked(other));
  const cells = others.map((other) => `a ${takenSort(signo)} signal before a ${takenSort(other)} one`);
  const { queue } = isOwn ? self.own : self.shared;
  if (queue.filter(({ info }) => info.signo === signo).length > 1) cells.push(ONE_BY_ONE);
  if (isOwn && waiting(self.shared).some(asked)) cells.push(OWN);
  return cells;
}

/** Which signals the call looks for; undefined where it looks for none. */
function askedFor(self: Process, { call, args }: Step): ((signo: number) => boolean) | undefined {
  const [first = 0n] = args;
  if (call === "rt_sigtimedwait")
    return (signo) => ((BigInt.asUintN(64, first) >> BigInt(signo - 1)) & 1n) === 1n;
  const file = call === "read" ? self.files.get(Number(first)) : undefined;
  return file instanceof SignalFile ? (signo) => !file.blocked.has(signo) : undefined;
}

/** Which child a wait4 told of, and which others had something to tell. */
function ordersOfWaiting(
  { init, world, actors }: Simulation,
  { slot, call, args }: Step,
  { answers }: Moment,
): string[] {
  const self = actors[slot]?.process;
  const [, name, value = "0"] = (answers[0] ?? "").split(" ");
  if (self === undefined || call !== "wait4" || name !== call || Number(value) <= 0) return [];
  const told = world.find(init, Number(value));
  const options = Number(args[1]);
  const first = told === undefined ? undefined : newsOf(told, options);
  const others = [...self.children].filter(
    (child) => child !== told && isAskedFor(self, child, Number(args[0])),
  );
  return others
    .map((child) => newsOf(child, options))
    .filter((then) => then !== undefined && first !== undefined)
    .map((then) => `wait4 tells of a ${first} child before a ${then} one`);
}

const isAskedFor = (self: Process, child: Process, pid: number): boolean =>
  pid === -1 || (pid === 0 && child.group === self.group);

function newsOf(child: Process, options: number): (typeof TOLD)[number] | undefined {
  if (child.state === "zombie") return "zombie";
  if (child.state === "stopped" && child.stopSignal !== 0 && (options & 2) !== 0) return "stopped";
  return child.continued && (options & 8) !== 0 ? "continued" : undefined;
}

function ordersOfStops({ init, world }: Simulation, { call, args }: Step): string[] {
  const target = call === "kill" && Number(args[0]) > 0 ? world.find(init, Number(args[0])) : undefined;
  if (target === undefined) return [];
  const pending = [...waiting(target.own), ...waiting(target.shared)];
  const stops = [19, 20, 21, 22];
  if (Number(args[1]) === 18 && pending.some((signo) => stops.includes(signo))) return [STOP_AWAY];
  return stops.includes(Number(args[1])) && pending.includes(18) ? [CONTINUE_AWAY] : [];
}

export const TABLES: Readonly<Record<keyof Cells, Table>> = {
  answers: {
    title: "Answers of calls",
    cells: new Set(answerCells()),
    unreachable: new Map(Object.entries(UNREACHABLE_ANSWERS)),
  },
  signals: {
    title: "Signals, by what they find",
    cells: new Set(signalCells()),
    unreachable: UNREACHABLE_SIGNALS,
  },
  orders: { title: "Orders", cells: new Set(orderCells()), unreachable: new Map() },
};

/** Counts how often each cell was met. */
export class Tally {
  readonly #counts = new Map<string, number>();
  /** Scripts that agreed in another order than the first one drawn. */
  drawn = 0;
  /** Met, and not in the tables: then a table is wrong. */
  readonly unknown = new Set<string>();

  add(cells: Cells): void {
    for (const table of Object.keys(TABLES) as (keyof Cells)[])
      for (const cell of cells[table]) this.#meet(table, cell);
  }

  /** A whole script whose native order was not the first that the simulated kernel drew. */
  addDrawn(): void {
    this.drawn++;
  }

  #meet(table: keyof Cells, cell: string): void {
    if (!TABLES[table].cells.has(cell)) this.unknown.add(cell);
    this.#counts.set(cell, (this.#counts.get(cell) ?? 0) + 1);
  }

  count(cell: string): number {
    return this.#counts.get(cell) ?? 0;
  }

  /** Cells that can be met and were not, and cells that were met although a table says that they cannot be. */
  get missing(): string[] {
    return Object.values(TABLES).flatMap(({ cells, unreachable }) =>
      [...cells].filter((cell) => this.count(cell) === 0 && !unreachable.has(cell)),
    );
  }

  get surprising(): string[] {
    const met = Object.values(TABLES).flatMap(({ unreachable }) => [...unreachable.keys()]);
    return [...met.filter((cell) => this.count(cell) > 0), ...this.unknown];
  }
}
