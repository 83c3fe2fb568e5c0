// The simulated Linux where no script of the puppet reaches: worlds with several namespaces, terminals, limits and time.
// The numbers about pipes and terminals were seen on Linux 6.18.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ageOf } from "../simulator/ages.ts";
import { Cgroup, capabilities, credentialsOf } from "../simulator/credentials.ts";
import { TerminalFile } from "../simulator/files.ts";
import { BLOCKED, E, Linux, type Process } from "../simulator/linux.ts";
import { mountCgroups } from "../simulator/paths.ts";
import { Pipe } from "../simulator/pipes.ts";
import { Random } from "../simulator/random.ts";
import { SignalSet } from "../simulator/signals.ts";
import { hangUp, Terminal } from "../simulator/terminal.ts";

const SIGHUP = 1;
const SIGINT = 2;
const SIGUSR1 = 10;
const SIGTERM = 15;
const SIGCHLD = 17;
const SIGCONT = 18;
const SIGSTOP = 19;
const SIGTSTP = 20;
const WNOHANG = 1;
const WUNTRACED = 2;
const WCONTINUED = 8;

function fork(world: Linux, parent: Process, options = {}): Process {
  assert.ok(world.clone(parent, options) >= 0);
  return world.out.child as Process;
}

/** A world with a container: a runtime outside, and the first process of a namespace. */
function container(version = "6.18"): { world: Linux; runtime: Process; init: Process } {
  const world = new Linux(new Random(1), { age: ageOf(version) });
  const runtime = fork(world, world.host);
  return { world, runtime, init: fork(world, runtime, { pidMax: 400 }) };
}

function onTerminal(world: Linux, leader: Process): Terminal {
  const terminal = new Terminal();
  assert.equal(world.setsid(leader), leader.pid);
  leader.files.place(0, new TerminalFile(terminal));
  assert.equal(world.control(leader, 0), 0);
  return terminal;
}

test("an orphan goes to the nearest subreaper above, and else to the first process of its namespace", () => {
  const { world, init } = container();
  const above = fork(world, init);
  const father = fork(world, above);
  const first = fork(world, father);
  world.set_child_subreaper(above);
  world.exit(father, 0);
  assert.equal(first.parent, above);
  assert.equal(above.children.has(first), true);
  const second = fork(world, first);
  world.exit(above, 0);
  world.exit(first, 0);
  assert.equal(second.parent, init);
});

test("whoever is outside the namespace is 0 to those within, also as a sender, and may kill and stop its init", () => {
  const { world, runtime, init } = container();
  assert.equal(world.getppid(init), 0);
  assert.equal(world.getpgid(init), 0);
  world.rt_sigprocmask(init, new SignalSet(0xffffffff, 0xffffffff));
  assert.equal(world.kill(runtime, init.id.in(runtime.namespace), SIGTERM), 0);
  assert.equal(world.rt_sigtimedwait(init, SignalSet.of(SIGTERM), 0), SIGTERM);
  assert.equal(world.out.signals[0]?.pid, 0);
  const inside = fork(world, init);
  assert.equal(world.kill(inside, 1, SIGSTOP), 0);
  world.settle();
  assert.equal(init.state, "running");
  assert.equal(world.kill(runtime, init.id.in(runtime.namespace), SIGSTOP), 0);
  world.settle();
  assert.equal(init.state, "stopped");
});

test("nobody of a namespace lives longer than its first process, and nobody can be born into it then", () => {
  const { world, runtime, init } = container();
  const child = fork(world, init);
  const grandchild = fork(world, child);
  const guest = fork(world, runtime, { into: init.namespace });
  assert.equal(guest.pid, 4);
  assert.equal(world.getppid(guest), 0);
  world.exit(init, 3);
  assert.deepEqual([child.state, grandchild.state, guest.state], ["released", "released", "zombie"]);
  assert.equal(world.clone(runtime, { into: init.namespace }), -E.ENOMEM);
  assert.equal(world.wait4(runtime, init.id.in(runtime.namespace), 0), init.id.numbers[0]);
  assert.equal(world.out.status, 3 << 8);
});

test("a signal that ends a process for certain does so before any that comes later", () => {
  const { world, init } = container();
  const child = fork(world, init);
  world.kill(init, child.pid, SIGTERM);
  world.kill(init, child.pid, SIGHUP);
  world.settle();
  assert.equal(world.wait4(init, -1, WNOHANG), child.pid);
  assert.equal(world.out.status, SIGTERM);
});

test("signals are taken lowest number first, but for those of a fault, and a SIGPIPE of one's own before all", () => {
  const { world, init } = container();
  const child = fork(world, init);
  const all = new SignalSet(0xffffffff, 0xffffffff);
  world.rt_sigprocmask(child, all);
  const { reading, writing } = new Pipe();
  reading.release();
  child.files.place(1, writing);
  for (const signo of [SIGTERM, 64, SIGUSR1, 11, SIGHUP]) world.kill(init, child.pid, signo);
  assert.equal(world.write(child, 1, Buffer.from("x")), -E.EPIPE);
  const taken = [0, 0, 0, 0, 0, 0, 0].map(() => world.rt_sigtimedwait(child, all, 0));
  assert.deepEqual(taken, [13, 11, SIGHUP, SIGUSR1, SIGTERM, 64, -E.EAGAIN]);
});

test("a full queue refuses a real-time signal with a value, and lets every other lose what it carries", () => {
  const { world, init } = container();
  const child = fork(world, init);
  world.rt_sigprocmask(child, new SignalSet(0xffffffff, 0xffffffff));
  world.prlimit(child, { sigpending: 1 });
  const queue = (signo: number, value: bigint): number =>
    world.rt_sigqueueinfo(init, child.pid, { signo, code: -1, pid: 1, uid: 0, value, status: 0 });
  assert.deepEqual([queue(40, 1n), queue(40, 2n), queue(SIGUSR1, 3n)], [0, -E.EAGAIN, 0]);
  assert.equal(world.kill(init, child.pid, 41), 0);
  assert.equal(world.kill(init, child.pid, 41), 0);
  const took = (): [number, number] => {
    const signo = world.rt_sigtimedwait(child, new SignalSet(0xffffffff, 0xffffffff), 0);
    return [signo, signo > 0 ? (world.out.signals[0]?.code ?? 9) : 9];
  };
  assert.deepEqual(
    [took(), took(), took(), took()],
    [
      [SIGUSR1, 0],
      [40, -1],
      [41, 0],
      [-E.EAGAIN, 9],
    ],
  );
});

test("where children are ignored a pidfd tells the end at once, the hang-up and the status only at the release", () => {
  const { world, init } = container();
  world.rt_sigaction(init, SIGCHLD, "ignore");
  const child = fork(world, init, { pidfd: true });
  const fd = world.out.pidfd;
  world.exit(child, 7);
  const poll = (): number => {
    const entry = { fd, events: 1, revents: 0 };
    world.ppoll(init, [entry], 0);
    return entry.revents;
  };
  assert.equal(world.wait4(init, -1, WNOHANG), -E.ECHILD);
  assert.equal(poll(), 1);
  assert.equal(world.pidfd_get_info(init, fd, 8), 0);
  assert.equal(world.out.info.mask & 8, 0);
  world.settle();
  assert.equal(poll(), 17);
  assert.equal(world.pidfd_get_info(init, fd, 8), 0);
  assert.deepEqual([world.out.info.mask & 8, world.out.info.exitCode], [8, 7 << 8]);
  assert.equal(world.pidfd_send_signal(init, fd, 0, null, false), -E.ESRCH);
});

test("SA_NOCLDWAIT takes zombies away and tells of them; another exit signal than SIGCHLD keeps the zombie", () => {
  const { world, init } = container();
  world.rt_sigprocmask(init, SignalSet.of(SIGCHLD, SIGUSR1));
  world.rt_sigaction(init, SIGCHLD, "default", { noChildWait: true });
  world.exit(fork(world, init), 0);
  const other = fork(world, init, { exitSignal: SIGUSR1 });
  world.exit(other, 0);
  world.settle();
  assert.deepEqual([init.shared.set.has(SIGCHLD), init.shared.set.has(SIGUSR1)], [true, true]);
  assert.deepEqual([...init.children], [other]);
});

test("a stop and a continue are told once each, with their signal", () => {
  const { world, init } = container();
  const child = fork(world, init);
  world.kill(init, child.pid, SIGSTOP);
  world.settle();
  const wait = (options: number): [number, number] => [
    world.wait4(init, -1, options | WNOHANG),
    world.out.status,
  ];
  assert.equal(wait(WCONTINUED)[0], 0);
  assert.deepEqual(wait(WUNTRACED), [child.pid, (SIGSTOP << 8) | 0x7f]);
  assert.equal(wait(WUNTRACED)[0], 0);
  world.kill(init, child.pid, SIGCONT);
  world.settle();
  assert.deepEqual(wait(WCONTINUED), [child.pid, 0xffff]);
  assert.equal(wait(WCONTINUED)[0], 0);
});

test("a stopped member of a group that becomes orphaned gets SIGHUP and SIGCONT, and no terminal stops it again", () => {
  const { world, init } = container();
  const shell = fork(world, init);
  world.setsid(shell);
  const leader = fork(world, shell);
  world.setpgid(leader, 0, 0);
  const member = fork(world, leader);
  world.rt_sigaction(member, SIGHUP, "handler");
  world.kill(init, member.pid, SIGTSTP);
  world.settle();
  assert.equal(member.state, "stopped");
  world.exit(leader, 0);
  world.settle();
  assert.equal(member.state, "running");
  assert.deepEqual(
    member.caught.map(({ signo, code }) => [signo, code]),
    [[SIGHUP, 0x80]],
  );
  world.kill(init, member.pid, SIGTSTP);
  world.settle();
  assert.equal(member.state, "running");
});

test("the background is stopped when it reads from the terminal or takes it, unless it blocks that or is orphaned", () => {
  const { world, init } = container();
  const shell = fork(world, init);
  const terminal = onTerminal(world, shell);
  const job = fork(world, shell);
  world.setpgid(job, 0, 0);
  assert.equal(world.read(job, 0, 0), BLOCKED);
  world.settle();
  assert.equal(job.state, "stopped");
  assert.equal(world.wait4(shell, -1, WUNTRACED), job.pid);
  assert.equal(world.out.status, (21 << 8) | 0x7f);
  world.kill(shell, job.pid, SIGCONT);
  world.settle();
  world.rt_sigprocmask(job, SignalSet.of(21, 22));
  assert.equal(world.read(job, 0, 0), -E.EIO);
  assert.equal(world.tcsetpgrp(job, 0, job.pid), 0);
  assert.equal(terminal.group, job.group);
  assert.deepEqual(
    [-1, 9999, init.pid].map((group) => world.tcsetpgrp(job, 0, group)),
    [-E.EINVAL, -E.ESRCH, -E.EPERM],
  );
  world.rt_sigaction(shell, 22, "default");
  assert.equal(world.tcsetpgrp(shell, 0, shell.pid), -E.ENOTTY, "the shell's group is orphaned");
});

test("the end of a session leader takes the terminal from its session and hangs the foreground up", () => {
  const { world, init } = container();
  const shell = fork(world, init);
  const terminal = onTerminal(world, shell);
  const job = fork(world, shell);
  world.setpgid(shell, job.pid, job.pid);
  world.tcsetpgrp(shell, 0, job.pid);
  world.exit(shell, 0);
  world.settle();
  assert.deepEqual([terminal.session, terminal.group, job.terminal], [null, null, null]);
  assert.equal(job.exitStatus, SIGHUP);
});

test("a hang-up is told to the session leader, and to the foreground when the leader has ended", () => {
  const { world, init } = container();
  const shell = fork(world, init);
  const terminal = onTerminal(world, shell);
  const job = fork(world, shell);
  world.setpgid(shell, job.pid, job.pid);
  world.tcsetpgrp(shell, 0, job.pid);
  for (const process of [shell, job])
    for (const signo of [SIGHUP, SIGCONT]) world.rt_sigaction(process, signo, "handler");
  const caught = (process: Process): number[] => process.caught.map(({ signo }) => signo);
  hangUp(terminal);
  world.settle();
  assert.deepEqual([caught(shell), caught(job)], [[SIGHUP, SIGCONT], []]);
  assert.deepEqual([world.read(job, 0, 1), world.tcgetpgrp(job, 0)], [0, -E.EIO]);
  world.exit(shell, 0);
  world.settle();
  assert.deepEqual(caught(job), [SIGHUP, SIGCONT]);
});

test("who leaves uid 0 as effective uid keeps what is permitted only, loses -p and dumpable, and comes back", () => {
  const { world, init } = container();
  const all = capabilities("CAP_KILL", "CAP_SETUID");
  init.credentials = credentialsOf(0, all);
  world.set_pdeathsig(init, SIGTERM);
  assert.equal(world.setresuid(init, -1, 1000, -1), 0);
  assert.deepEqual([world.capget(init), init.parentDeathSignal, init.dumpable], [0, 0, 0]);
  assert.equal(world.setresuid(init, -1, 0, -1), 0);
  assert.equal(world.capget(init), all);
});

test("a signal is refused where no uid is the same, but SIGCONT within a session; a group counts whom it reached", () => {
  const { world, init } = container();
  const sender = fork(world, init);
  const [own, other] = [fork(world, init), fork(world, init)];
  for (const process of [own, other]) world.setpgid(init, process.pid, own.pid);
  for (const process of [own, sender]) process.credentials = credentialsOf(1000);
  other.credentials = credentialsOf(1001);
  assert.equal(world.kill(sender, other.pid, SIGINT), -E.EPERM);
  assert.equal(world.kill(sender, other.pid, SIGCONT), 0);
  assert.equal(world.kill(sender, -own.pid, 0), 0);
  own.credentials = credentialsOf(1001);
  assert.equal(world.kill(sender, -own.pid, 0), -E.EPERM);
  assert.equal(world.kill(sender, -1, 0), 0, "kill(-1) forgives EPERM");
  assert.equal(world.kill(sender, -399, 0), -E.ESRCH);
});

test("the limits of user, control group, numbers and descriptors each refuse a child in their own way", () => {
  const { world, init } = container();
  init.credentials = credentialsOf(1000);
  world.user(1000).processes = 1;
  world.prlimit(init, { nproc: 1 });
  assert.equal(world.clone(init), -E.EAGAIN);
  world.prlimit(init, { nproc: 9, nofile: 0 });
  assert.equal(world.clone(init, { pidfd: true }), -E.EMFILE);
  world.prlimit(init, { nofile: 9 });
  init.cgroup = new Cgroup("/a", null);
  init.cgroup.max = 1;
  const child = fork(world, init);
  assert.equal(world.clone(init), -E.EAGAIN);
  world.exit(child, 0);
  assert.equal(world.clone(init), -E.EAGAIN, "a zombie counts");
  world.wait4(init, -1, 0);
  assert.ok(world.clone(init) > 0);
  init.namespace.pidMax = 2;
  init.cgroup.max = 9;
  assert.equal(world.clone(init), -E.EAGAIN);
});

test("a number is used again only when neither process, group nor session has it", () => {
  const world = new Linux(new Random(1));
  const init = fork(world, world.host, { pidMax: 5 });
  const [leader, member] = [fork(world, init), fork(world, init)];
  for (const process of [leader, member]) world.setpgid(init, process.pid, leader.pid);
  world.exit(leader, 0);
  world.wait4(init, leader.pid, 0);
  assert.equal(fork(world, init).pid, 4);
  assert.equal(world.clone(init), -E.EAGAIN, "2 is still a group");
  assert.equal(world.setpgid(member, 0, 0), 0);
  assert.equal(fork(world, init).pid, 2);
});

for (const [size, writes, bytes] of [
  [1, 65_536, 65_536],
  [100, 640, 64_000],
  [1024, 64, 65_536],
  [1500, 32, 48_000],
  [3000, 16, 48_000],
  [4096, 16, 65_536],
  [5000, 11, 54_096],
] as const) {
  test(`a pipe takes ${writes} writes of ${size} bytes, ${bytes} in all, until somebody has read a page`, () => {
    const { world, init } = container();
    const { reading, writing } = new Pipe();
    for (const [fd, file] of [reading, writing].entries()) init.files.place(fd, file);
    writing.nonblock = true;
    const page = new Uint8Array(size);
    const taken: number[] = [];
    do taken.push(world.write(init, 1, page));
    while ((taken.at(-1) ?? 0) > 0);
    assert.equal(taken.pop(), -E.EAGAIN);
    assert.deepEqual([taken.length, taken.reduce((sum, one) => sum + one)], [writes, bytes]);
    assert.equal(world.read(init, 0, 100), 100);
    assert.equal(world.write(init, 1, page), -E.EAGAIN);
    assert.equal(world.read(init, 0, 9000), 9000);
    assert.equal(world.write(init, 1, page), size);
  });
}

test("lines that are spliced into a pipe take a slot each, of which the last can still grow", () => {
  const { world, init } = container();
  const [from, to] = [new Pipe(), new Pipe()];
  for (const [fd, file] of [from.reading, from.writing, to.reading, to.writing].entries())
    init.files.place(fd, file);
  to.writing.nonblock = true;
  const splice = (): number => {
    world.write(init, 1, Buffer.from("line\n"));
    return world.splice(init, 0, 3, 5);
  };
  for (let i = 0; i < 16; i++) assert.equal(splice(), 5);
  assert.equal(splice(), -E.EAGAIN);
  assert.equal(world.write(init, 3, Buffer.from("x")), 1);
});

test("a call that sleeps ends with the time it was given, counted from its first try", () => {
  const { world, init } = container();
  assert.equal(world.ppoll(init, [], 10), BLOCKED);
  assert.equal(world.step(init.deadline), true);
  assert.equal(world.now, 10);
  assert.equal(world.ppoll(init, [], 10), 0);
  assert.equal(world.step(Number.POSITIVE_INFINITY), false, "nothing will ever happen");
});

test("older kernels lack what came later", () => {
  const old = container("5.2");
  const child = fork(old.world, old.init, { pidfd: true });
  const fd = old.world.out.pidfd;
  assert.equal(old.world.pidfd_open(old.init, child.pid), -E.ENOSYS);
  assert.equal(old.world.close_range(old.init, 3, 9), -E.ENOSYS);
  assert.equal(old.world.pidfd_get_info(old.init, fd, 0), -E.ENOTTY);
  assert.equal(old.world.pidfd_send_signal(old.init, fd, 0, null, true), -E.EINVAL);
  const young = container("6.14");
  const fork2 = fork(young.world, young.init, { pidfd: true });
  young.world.exit(fork2, 0);
  young.world.wait4(young.init, -1, 0);
  assert.equal(young.world.pidfd_get_info(young.init, young.world.out.pidfd, 8), -E.ESRCH);
});

test("a parent-death signal comes at the end of the thread that made the child, and does not survive a fork", () => {
  const { world, runtime, init } = container();
  world.rt_sigprocmask(init, SignalSet.of(SIGTERM));
  world.set_pdeathsig(init, SIGTERM);
  assert.equal(fork(world, init).parentDeathSignal, 0);
  world.exitThread(runtime, [init]);
  assert.equal(init.shared.set.has(SIGTERM), true);
  assert.equal(init.parent, runtime);
});

test("in a control group that is frozen nobody does anything but die", () => {
  const { world, runtime, init } = container();
  init.cgroup = new Cgroup("/a", world.host.cgroup);
  let turns = 0;
  const program = () => {
    turns++;
  };
  const one = fork(world, init, { program });
  const other = fork(world, init, { program: (self: Process) => world.sleep(self) });
  for (let i = 0; i < 5; i++) world.turn();
  const before = turns;
  assert.ok(before > 0);
  world.freeze(init.cgroup);
  world.rt_sigaction(other, SIGTERM, "handler");
  world.kill(runtime, other.id.in(runtime.namespace), SIGTERM);
  world.settle();
  assert.deepEqual([turns, other.caught.length], [before, 0]);
  world.kill(runtime, one.id.in(runtime.namespace), 9);
  world.settle();
  assert.deepEqual([one.state, turns], ["zombie", before]);
  world.thaw(init.cgroup);
  world.settle();
  assert.equal(other.caught.length, 1);
});

test("a freeze interrupts rt_sigtimedwait, and takes nothing from the time that ppoll has left", () => {
  const { world, init } = container();
  init.cgroup = new Cgroup("/a", world.host.cgroup);
  assert.equal(world.ppoll(init, [], 50), BLOCKED);
  world.tick(20);
  world.freeze(init.cgroup);
  assert.equal(init.interrupted, "stop");
  world.tick(100);
  world.thaw(init.cgroup);
  assert.equal(world.ppoll(init, [], 50), BLOCKED);
  world.tick(29);
  assert.equal(world.ppoll(init, [], 50), BLOCKED);
  world.tick(1);
  assert.equal(world.ppoll(init, [], 50), 0);
});

test("what waits for a thread is taken before what waits for its process, and says that it came by tgkill", () => {
  const { world, init } = container();
  const other = fork(world, init);
  world.rt_sigprocmask(init, SignalSet.of(SIGUSR1, SIGTERM));
  world.kill(other, init.pid, SIGUSR1);
  world.tgkill(other, init.pid, SIGTERM);
  const all = SignalSet.of(SIGUSR1, SIGTERM);
  assert.equal(world.rt_sigtimedwait(init, all, 0), SIGTERM);
  assert.deepEqual([world.out.signals[0]?.code, world.out.signals[0]?.pid], [-6, other.pid]);
  assert.equal(world.rt_sigtimedwait(init, all, 0), SIGUSR1);
  assert.equal(world.tgkill(other, 77, SIGTERM), -E.ESRCH);
});

test("the limit of a control group can be read in both versions", () => {
  const { world, init } = container();
  init.cgroup = new Cgroup("/a/b", new Cgroup("/a", null));
  init.cgroup.max = 5;
  const text = (path: string): string => {
    const fd = world.openat(init, path);
    assert.ok(fd >= 0, path);
    assert.ok(world.read(init, fd, 100) > 0);
    return String(world.out.bytes);
  };
  mountCgroups(world, init, 1);
  assert.equal(text("/proc/self/cgroup"), "4:memory:/a/b\n3:pids:/a/b\n");
  assert.equal(text("/sys/fs/cgroup/pids/a/b/pids.max"), "5\n");
  mountCgroups(world, init, 2);
  assert.equal(text("/proc/self/cgroup"), "0::/a/b\n");
  assert.equal(text("/sys/fs/cgroup/a/pids.max"), "max\n");
  assert.equal(text("/sys/fs/cgroup/a/b/pids.current"), "0\n");
});
