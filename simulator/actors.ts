// Who acts around an init, and what each can do: the runtime outside, whoever attacks from inside, the program, the
// readers of the log, the shell at the terminal, the parent. An actor plans from numbers; an action is done at its time.

import { EVENTS_FILE } from "./commandline.ts";
import { credentialsOf } from "./credentials.ts";
import type { Linux, Process } from "./linux.ts";
import { findName, HARMLESS, NOTICES, notify, probe } from "./notices.ts";
import type { Pipe, SocketFile } from "./pipes.ts";
import type { Program } from "./processes.ts";
import type { Random } from "./random.ts";
import type { Circumstances, Planned, Planner } from "./script.ts";
import { type SignalInfo, SignalSet } from "./signals.ts";
import { hangUp, type Terminal } from "./terminal.ts";

/** What actions act on. */
export interface Stage {
  readonly world: Linux;
  readonly init: Process;
  /** Outside of every namespace: the engine. */
  readonly runtime: Process;
  /** The init's parent: the engine's shim, or a shell. */
  readonly parent: Process;
  readonly terminal: Terminal | null;
  readonly pipe: Pipe | null;
  readonly socket: SocketFile | null;
  /** The program while it runs; null before its exec, where it is stopped, and after its end. */
  readonly program: Process | null;
  /** The same, whatever state it is in. */
  readonly child: Process | null;
  /** Somebody in the container who is not of the program's family. */
  readonly intruder: Process;
  /** The container is frozen for so long. */
  freeze(milliseconds: number): void;
  /** Done before each of the init's next calls, so many times. */
  flood(times: number, act: () => void): void;
  /** Told to the laws. */
  killsInit(): void;
}

export type Action = (stage: Stage, ...numbers: number[]) => void;

const SIGKILL = 9;
const SIGTERM = 15;
const SIGCONT = 18;
const SIGSTOP = 19;
const SIGTSTP = 20;
const SI_QUEUE = -1;
const ORPHANS_MAX = 3000;
const STRANGER = 4242;

const numberOf = ({ runtime, init }: Stage): number => init.id.in(runtime.namespace);

function info(signo: number, code: number, from: Process, value: number, pid = from.pid): SignalInfo {
  return { signo, code, pid, uid: from.credentials.uid, value: BigInt(value), status: 0 };
}

export const ACTIONS: Readonly<Record<string, Action>> = {
  "runtime.signal": (stage, signo = SIGTERM) => {
    stage.world.kill(stage.runtime, numberOf(stage), signo);
  },
  "runtime.queue": (stage, signo = 34, value = 0) => {
    stage.world.rt_sigqueueinfo(stage.runtime, numberOf(stage), info(signo, SI_QUEUE, stage.runtime, value));
  },
  /** A process enters the container (`docker exec`), leaves so many orphans, and ends. */
  "runtime.exec": ({ world, runtime, init }, orphans = 1) => {
    world.clone(runtime, { into: init.namespace, name: "exec", program: leaving(world, orphans) });
  },
  /** Somebody moves the file of events away, once it is open, and makes no other. */
  "disk.rotate": ({ world, child }) => {
    if (child !== null) world.paths.delete(EVENTS_FILE);
  },
  "runtime.killProgram": ({ world, runtime, child }) => {
    if (child !== null) world.kill(runtime, child.id.in(runtime.namespace), SIGKILL);
  },
  /** The engine's grace period is over. */
  "runtime.killInit": (stage) => {
    stage.killsInit();
    stage.world.kill(stage.runtime, numberOf(stage), SIGKILL);
  },
  /** It stops the container: a signal, time to obey, and the end. */
  "runtime.stop": (stage, signo = SIGTERM, graceMs = 10) => {
    ACTIONS["runtime.signal"]?.(stage, signo);
    stage.world.at(stage.world.now + graceMs, () => ACTIONS["runtime.killInit"]?.(stage));
  },
  /** Pause and unpause. */
  "runtime.freeze": (stage, milliseconds = 10) => {
    stage.freeze(milliseconds);
  },
  "inside.signal": ({ world, init, intruder }, signo = SIGTERM) => {
    world.kill(intruder, init.pid, signo);
  },
  "inside.queue": ({ world, init, intruder }, signo = 34, value = 0) => {
    world.rt_sigqueueinfo(intruder, init.pid, info(signo, SI_QUEUE, intruder, value));
  },
  /** To the init's thread rather than to the process. */
  "inside.thread": ({ world, init, intruder }, signo = SIGTERM) => {
    world.tgkill(intruder, init.pid, signo);
  },
  "inside.pidfd": ({ world, init, intruder }, signo = SIGTERM) => {
    const fd = world.pidfd_open(intruder, init.pid);
    if (fd < 0) return;
    world.pidfd_send_signal(intruder, fd, signo, null, false);
    world.close(intruder, fd);
  },
  /** A code that tells of a timer or an answered read, and a sender that it pretends to be. */
  "inside.forge": ({ world, init, intruder }, signo = SIGTERM, code = -2, pid = 1) => {
    world.rt_sigqueueinfo(intruder, init.pid, info(signo, code, intruder, 0, pid));
  },
  "inside.flood": (stage, signo = 1, times = 500) => {
    stage.flood(times, () => stage.world.kill(stage.intruder, stage.init.pid, signo));
  },
  "inside.floodQueue": (stage, signo = 40, times = 500) => {
    stage.flood(times, () => ACTIONS["inside.queue"]?.(stage, signo, times));
  },
  "program.signalInit": ({ world, init, program }, signo = SIGTERM) => {
    if (program !== null) world.kill(program, init.pid, signo);
  },
  "program.exit": ({ world, program }, status = 3) => {
    if (program !== null) world.exit(program, status);
  },
  "program.crash": ({ world, program }, signo = 11) => {
    if (program !== null) world.crash(program, signo);
  },
  "program.stop": ({ world, program }, signo = SIGTSTP) => {
    if (program !== null) world.kill(program, program.pid, signo);
  },
  "program.orphans": ({ world, program }, count = 1) => {
    if (program !== null) leaveOrphans(world, program, count);
  },
  /** Somebody who does not wait for its children ends, and all its zombies are handed over at one moment. */
  "program.zombies": ({ world, program }, count = 10) => {
    if (program !== null) handOverZombies(world, program, count);
  },
  /** A tree of processes, in which nobody waits for anybody, ends branch by branch. */
  "program.tree": ({ world, program }, depth = 3, breadth = 2) => {
    if (program === null || world.clone(program, { name: "between" }) < 0) return;
    const between = world.out.child as Process;
    growTree(world, between, depth, breadth);
    world.exit(between, 0);
    world.wait4(program, between.pid, 0);
  },
  "program.daemon": ({ world, program }) => {
    if (program !== null) daemonize(world, program);
  },
  "program.bomb": ({ world, program }) => {
    if (program !== null) forkUntilRefused(world, program);
  },
  /** A child of it becomes a fork bomb, which goes on where a fork is refused. */
  "program.detonate": ({ world, program }, shape = 0) => {
    const chosen = SHAPES[shape];
    if (program === null || chosen === undefined) return;
    const bomb = { world, shape: chosen, fuse: { left: BOMB_MAX } };
    world.clone(program, { name: "fuse", program: exploding(bomb) });
  },
  /** It executes something else, which handles no signal. */
  "program.exec": ({ world, program }) => {
    if (program !== null) world.execve(program, "/other", ["other"]);
  },
  "program.uid": ({ world, program }, uid = 1000) => {
    if (program !== null) world.setresuid(program, uid, uid, uid);
  },
  /** It leaves its group to a child, as shells with job control do, and gives that one the terminal. */
  "program.job": ({ world, program, terminal }) => {
    if (program !== null) startJob(world, program, terminal);
  },
  /** It cannot take this signal for now, so that its queue fills. */
  "program.block": ({ program }, signo = 34) => {
    if (program === null) return;
    const blocked = SignalSet.from(program.blocked.bits);
    blocked.add(signo);
    program.blocked = blocked;
  },
  "program.unblock": ({ world, child }) => {
    if (child === null || !child.lives || !child.executed) return;
    child.blocked = new SignalSet();
    world.wake(child);
  },
  "reader.read": ({ pipe, socket }) => {
    pipe?.drain();
    if (socket !== null) socket.room = 4096;
  },
  "reader.leave": ({ pipe, socket }) => {
    if (pipe !== null) pipe.readers = 0;
    if (socket !== null) socket.peerIsGone = true;
  },
  /** Somebody opens the pipe again, which nobody read any more. */
  "reader.come": ({ pipe }) => {
    if (pipe !== null && pipe.readers === 0) pipe.readers = 1;
  },
  "terminal.stall": ({ terminal }) => {
    if (terminal !== null) terminal.stalled = true;
  },
  "terminal.go": ({ terminal }) => {
    if (terminal !== null) terminal.stalled = false;
  },
  /** Ctrl-Z, Ctrl-C: the kernel signals the foreground group. */
  "terminal.key": ({ world, terminal, runtime }, signo = 2) => {
    for (const member of [...(terminal?.group?.group ?? [])])
      world.kill(runtime, member.id.in(runtime.namespace), signo);
  },
  "terminal.hangUp": ({ terminal }) => {
    if (terminal !== null) hangUp(terminal);
  },
  /** The shell brings the job to the front and continues it. */
  "shell.foreground": ({ world, parent, init, terminal, child }) => {
    if (terminal === null || !parent.lives || parent.terminal !== terminal) return;
    // Nobody is as fast as the start of a job, unless that stops before it has begun.
    const isStopped = init.state === "stopped" && init.stopSignal !== SIGSTOP;
    if (!isStopped && !child?.executed) return;
    terminal.group = init.group;
    world.kill(parent, -init.group.in(parent.namespace), SIGCONT);
  },
  "shell.background": ({ world, parent, init, terminal, child }) => {
    // A job is sent to the background where it has stopped, which nobody can do as fast as it starts.
    if (!child?.executed) return;
    if (terminal === null || !parent.lives || parent.terminal !== terminal || init.state !== "stopped")
      return;
    terminal.group = parent.group;
    world.kill(parent, -init.group.in(parent.namespace), SIGCONT);
  },
  "shell.stop": ({ world, runtime, init }) => {
    world.kill(runtime, init.id.in(runtime.namespace), SIGSTOP);
    world.at(world.now + 5, () => world.kill(runtime, init.id.in(runtime.namespace), SIGCONT));
  },
  /** Whoever is in the same network namespace finds the socket. */
  "runtime.notify": ({ world, runtime }, place = 0) => {
    notify(world, runtime, findName(world) ?? "", NOTICES[place] ?? "");
  },
  "runtime.probe": ({ world, runtime }) => {
    probe(world, runtime, findName(world) ?? "");
  },
  /** By docker exec: root within, which is believed. */
  "inside.probe": ({ world, intruder }) => {
    probe(world, intruder, findName(world) ?? "");
  },
  /** Somebody who is neither root nor of the program's user. */
  "inside.notify": ({ world, intruder }, place = 0) => {
    const { credentials } = intruder;
    intruder.credentials = credentialsOf(STRANGER, 0);
    notify(world, intruder, findName(world) ?? "", NOTICES[place] ?? "");
    intruder.credentials = credentials;
  },
  "inside.floodNotify": (stage, place = 0, times = 100) => {
    stage.flood(times, () => ACTIONS["inside.notify"]?.(stage, place));
  },
  "program.notify": ({ world, program }, place = 0) => {
    if (program !== null) notify(world, program, findName(world) ?? "", NOTICES[place] ?? "");
  },
  "parent.die": ({ world, parent }) => {
    world.exit(parent, 0);
  },
};

export const ACTION_NAMES: ReadonlySet<string> = new Set(Object.keys(ACTIONS));

/** A process that lives a few turns and ends. */
function passing(world: Linux, turns: number): Program {
  let left = turns;
  return (self) => {
    if (left-- <= 0) world.exit(self, 0);
    else world.sleep(self, left);
  };
}

function leaveOrphans(world: Linux, from: Process, count: number): void {
  if (world.clone(from, { name: "between" }) < 0) return;
  const between = world.out.child as Process;
  for (let i = 0; i < Math.min(count, ORPHANS_MAX); i++)
    world.clone(between, { name: "orphan", program: passing(world, i % 7) });
  world.exit(between, 0);
  world.wait4(from, between.pid, 0);
}

function leaving(world: Linux, orphans: number): Program {
  return (self) => {
    leaveOrphans(world, self, orphans);
    world.exit(self, 0);
  };
}

function handOverZombies(world: Linux, from: Process, count: number): void {
  if (world.clone(from, { name: "careless" }) < 0) return;
  const careless = world.out.child as Process;
  for (let i = 0; i < Math.min(count, ORPHANS_MAX); i++) {
    if (world.clone(careless, { name: "zombie" }) < 0) break;
    world.exit(world.out.child as Process, i);
  }
  world.exit(careless, 0);
  world.wait4(from, careless.pid, 0);
}

function growTree(world: Linux, from: Process, depth: number, breadth: number): void {
  for (let i = 0; i < breadth; i++) {
    if (world.clone(from, { name: "branch", program: passing(world, (3 * depth + 2 * i) % 7) }) < 0) return;
    if (depth > 1) growTree(world, world.out.child as Process, depth - 1, breadth);
  }
}

/** Fork twice, with a session in between: the daemon belongs to nobody and lives as long as the container. */
function daemonize(world: Linux, from: Process): void {
  if (world.clone(from, { name: "between" }) < 0) return;
  const between = world.out.child as Process;
  world.setsid(between);
  if (world.clone(between, { name: "daemon" }) >= 0)
    world.become(world.out.child as Process, (self) => world.sleep(self));
  world.exit(between, 0);
  world.wait4(from, between.pid, 0);
}

const BOMB_MAX = 400;

function forkUntilRefused(world: Linux, from: Process): void {
  for (let i = 0; i < BOMB_MAX; i++)
    if (world.clone(from, { name: "bomb", program: passing(world, i % 11) }) < 0) return;
}

interface Bomb {
  readonly world: Linux;
  readonly fuse: { left: number };
  readonly shape: Shape;
}

/** One moment of a process of the bomb, which goes on where it is refused. */
type Shape = (self: Process, bomb: Bomb) => void;

const exploding =
  (bomb: Bomb): Program =>
  (self) => {
    bomb.world.sleep(self, 1);
    if (bomb.fuse.left-- > 0) bomb.shape(self, bomb);
  };

function bear(self: Process, { world }: Bomb, name: string, program: Program, vfork = false): Process | null {
  return world.clone(self, { name, program, vfork }) < 0 ? null : (world.out.child as Process);
}

/** What another program goes on with, where the bomb has executed it. */
const [IMPORT, EXPORT] = ["/import", "/export"];

/** Executes one of two programs that go on as the bomb. */
function execute(self: Process, bomb: Bomb): void {
  for (const path of [IMPORT, EXPORT])
    bomb.world.paths.set(path, { kind: "program", start: () => exploding(bomb) });
  bomb.world.execve(self, bomb.fuse.left % 2 === 0 ? IMPORT : EXPORT, []);
}

const SHAPES: readonly Shape[] = [
  /** All fork: `:(){ :|:& };:`. */
  (self, bomb) => bear(self, bomb, "bomb", exploding(bomb)),
  /** Each has a session. */
  (self, bomb) => {
    const child = bear(self, bomb, "bomb", exploding(bomb));
    if (child !== null) bomb.world.setsid(child);
  },
  /** Each has another name. */
  (self, bomb) => bear(self, bomb, `b${bomb.fuse.left}`, exploding(bomb)),
  /** They fork twice, so that nobody has a parent. */
  (self, bomb) => {
    const child = bear(self, bomb, `b${bomb.fuse.left}`, exploding(bomb));
    if (child === null) return;
    bear(child, bomb, `b${bomb.fuse.left}`, exploding(bomb));
    bomb.world.exit(child, 0);
    bomb.world.wait4(self, child.pid, 0);
  },
  /** One has all children. */
  (self, bomb) => bear(self, bomb, "bomb", (leaf) => bomb.world.sleep(leaf)),
  /** A chain of execs: it forks, and both execute what goes on. */
  (self, bomb) => {
    bear(self, bomb, "bomb", (child) => execute(child, bomb));
    execute(self, bomb);
  },
  /** The same, and whoever has forked ends: nobody has a parent, and no name stays. */
  (self, bomb) => {
    for (let i = 0; i < 2; i++) bear(self, bomb, "bomb", (child) => execute(child, bomb));
    bomb.world.exit(self, 0);
  },
  /** vfork without an exec: each waits in the kernel for its child, which does the same. */
  (self, bomb) => bear(self, bomb, "bomb", exploding(bomb), true),
  /** vfork and exec, as posix_spawn(3) does. */
  (self, bomb) => bear(self, bomb, "bomb", (child) => execute(child, bomb), true),
  /** One process starts threads. */
  (self, { world }) => world.startThread(self),
  /** Every process starts threads, and now and then another process. */
  (self, bomb) => {
    if (bomb.fuse.left % 4 > 0) bomb.world.startThread(self);
    else bear(self, bomb, "bomb", exploding(bomb));
  },
];

function startJob(world: Linux, from: Process, terminal: Terminal | null): void {
  if (world.clone(from, { name: "job", program: passing(world, 40) }) < 0) return;
  const job = world.out.child as Process;
  world.setpgid(job, 0, 0);
  if (terminal !== null && from.terminal === terminal && terminal.group === from.group)
    terminal.group = job.group;
}

// What each plans.

const SIGNALS = [
  1, 2, 3, 4, 6, 10, 11, 12, 13, 14, 15, 15, 15, 17, 18, 20, 21, 23, 28, 31, 32, 34, 34, 35, 40, 64,
];
/** Every one that does not end or stop an init by force. */
const ANY = Array.from({ length: 64 }, (_, index) => index + 1).filter(
  (signo) => signo !== 9 && signo !== 19,
);
const TIME_MS = 120;
/** The start is over by then. */
const START_MS = 12;

const many = (random: Random, times: number, most: number): number =>
  random.once(times) ? 1 + random.below(most) : 0;
const list = (count: number, make: () => Planned): Planned[] => Array.from({ length: count }, make);
const plan = (random: Random, what: string, ...numbers: number[]): Planned => ({
  at: random.below(TIME_MS),
  what,
  numbers,
});

export const PLANNERS: Readonly<Record<string, Planner>> = {
  runtime: (random) => [
    ...list(many(random, 2, 5), () => plan(random, "runtime.signal", random.pick(SIGNALS))),
    ...list(many(random, 4, 4), () =>
      plan(random, "runtime.queue", random.pick(SIGNALS), random.below(1000)),
    ),
    ...list(many(random, 5, 2), () => plan(random, "runtime.exec", random.below(4))),
    ...list(many(random, 40, 1), () => plan(random, "runtime.killInit")),
    ...list(many(random, 30, 1), () => plan(random, "runtime.killProgram")),
    ...list(many(random, 6, 2), () => plan(random, "runtime.signal", random.pick(ANY))),
    ...list(many(random, 40, 1), () => plan(random, "runtime.stop", SIGTERM, random.pick([0, 3, 30]))),
    ...list(many(random, 6, 3), () => plan(random, "runtime.freeze", random.pick([1, 5, 50]))),
  ],
  inside: (random, { subreaperOutside }) => [
    ...list(many(random, 2, 5), () => plan(random, "inside.signal", random.pick(SIGNALS))),
    ...list(many(random, 3, 8), () => plan(random, "inside.queue", random.pick(SIGNALS), random.below(1000))),
    ...list(many(random, 4, 4), () =>
      plan(
        random,
        "inside.forge",
        random.pick(SIGNALS),
        random.pick([-1, -2, -3, -4, -5, -7]),
        random.pick([0, 1, 2, 7]),
      ),
    ),
    ...list(many(random, 25, 2), () => plan(random, "inside.flood", random.pick(SIGNALS), 200)),
    ...list(many(random, 40, 1), () => plan(random, "inside.floodQueue", random.pick([34, 40, 10]), 100)),
    ...list(many(random, 6, 3), () => plan(random, "inside.thread", random.pick(SIGNALS))),
    ...list(many(random, 8, 2), () => plan(random, "inside.pidfd", random.pick(ANY))),
    // Nobody inside can end or stop a PID 1 by force.
    ...(subreaperOutside
      ? []
      : list(many(random, 12, 2), () => plan(random, "inside.signal", random.pick([9, 19])))),
  ],
  program: planProgram,
  reader: (random, { log }) => {
    if (log === "file" || log === "closed" || log === "gone") return [];
    return [
      ...list(random.below(4), () => plan(random, "reader.read")),
      ...list(many(random, 6, 1), () => plan(random, "reader.leave")),
      ...(log === "fifo" ? list(many(random, 4, 2), () => plan(random, "reader.come")) : []),
    ];
  },
  terminal: (random, { input }) => {
    if (input !== "tty") return [];
    const stops = list(many(random, 2, 3), () => plan(random, "terminal.key", 20));
    // Whoever stops a job continues it.
    const after = stops.map(({ at }) => ({
      at: at + 1 + random.below(30),
      what: random.pick(["shell.foreground", "shell.foreground", "shell.background"]),
      numbers: [],
    }));
    return [
      ...stops,
      ...after,
      ...list(many(random, 4, 2), () => plan(random, "terminal.key", random.pick([2, 3]))),
      ...list(many(random, 12, 1), () => plan(random, "terminal.hangUp")),
      ...list(many(random, 8, 1), () => plan(random, "terminal.stall")),
      ...list(many(random, 3, 2), () => plan(random, "terminal.go")),
      ...list(many(random, 4, 2), () => plan(random, "shell.background")),
    ];
  },
  parent: (random, { parentDeath }) => {
    const dies = list(many(random, 4, 1), () => plan(random, "parent.die"));
    // Most can go wrong while the init is about to ask for it.
    return parentDeath > 0 && random.once(3)
      ? dies.map((event) => ({ ...event, at: event.at % START_MS }))
      : dies;
  },
  shell: (random) => list(many(random, 20, 1), () => plan(random, "shell.stop")),
  disk: (random, { telling }) =>
    telling === "none" ? [] : list(many(random, 4, 2), () => plan(random, "disk.rotate")),
  notifier: (random, { notify: how }) =>
    how === "none"
      ? []
      : [
          ...list(many(random, 2, 6), () => plan(random, "inside.notify", random.below(NOTICES.length))),
          ...list(many(random, 2, 6), () => plan(random, "program.notify", random.below(HARMLESS))),
          ...list(many(random, 3, 3), () => plan(random, "runtime.notify", random.below(NOTICES.length))),
          ...list(many(random, 10, 1), () => plan(random, "program.notify", random.below(NOTICES.length))),
          ...list(many(random, 4, 3), () => plan(random, "inside.probe")),
          ...list(many(random, 8, 2), () => plan(random, "runtime.probe")),
          ...list(many(random, 12, 1), () =>
            plan(random, "inside.floodNotify", random.below(NOTICES.length), 100),
          ),
        ],
  bomber: (random, { guard }) =>
    guard === "none" ? [] : [plan(random, "program.detonate", random.below(SHAPES.length))],
};

function planProgram(random: Random, { program }: Circumstances): Planned[] {
  const own = (times: number, most: number, what: string, ...numbers: number[]): Planned[] =>
    list(many(random, times, most), () => plan(random, what, ...numbers));
  return [
    ...own(2, 3, "program.orphans", 1 + random.below(3)),
    ...own(6, 1, "program.zombies", random.pick([1, 5, 63, 64, 65, 130])),
    ...own(200, 1, "program.zombies", 1500),
    ...own(6, 1, "program.daemon"),
    ...own(40, 1, "program.bomb"),
    ...own(10, 1, "program.exec"),
    ...own(4, 1, "program.uid", random.pick([1000, 65534])),
    ...own(12, 1, "program.job"),
    ...own(5, 2, "program.stop", random.pick([19, 20, 21, 22])),
    ...own(4, 3, "program.block", random.pick([10, 34, 34, 40])),
    ...own(4, 1, "program.unblock"),
    ...own(8, 2, "program.signalInit", random.pick(SIGNALS)),
    ...(program === "ends" || random.once(6)
      ? [plan(random, "program.exit", random.pick([0, 3, 7, 127, 143]))]
      : []),
    ...own(15, 1, "program.crash", random.pick([6, 9, 11])),
    ...own(8, 1, "program.tree", 1 + random.below(4), 1 + random.below(3)),
  ];
}
