// Jobs: process groups, sessions and the terminal that they share. After drivers/tty/tty_jobctrl.c, kernel/sys.c and
// the part of kernel/exit.c that is about orphaned process groups.

import { BLOCKED, E } from "./errnos.ts";
import type { Pid } from "./pids.ts";
import type { Process } from "./processes.ts";
import { fromCaller, SIGCONT, SIGHUP, SIGTTIN, SIGTTOU, sendFromKernel, sendToGroup } from "./signals.ts";

export class Terminal {
  session: Pid | null = null;
  /** The process group in the foreground. */
  group: Pid | null = null;
  hungUp = false;
  /** Stopped with Ctrl-S, or nobody reads the other end: what is written waits. */
  stalled = false;
  /** Bytes that were typed and not read yet. */
  typed: Uint8Array = new Uint8Array(0);
  /** What was written to it, in order. */
  readonly written: Uint8Array[] = [];
}

/** setpgid(2). */
export function setpgid(self: Process, pid: number, group: number): number {
  const { pids } = self.namespace;
  const number = pid === 0 ? self.pid : pid;
  const wanted = group === 0 ? number : group;
  if (wanted < 0) return -E.EINVAL;
  const target = pids.get(number)?.process ?? null;
  if (target === null) return -E.ESRCH;
  if (target.parent === self && target !== self) {
    if (target.session !== self.session) return -E.EPERM;
    if (target.executed) return -E.EACCES;
  } else if (target !== self) return -E.ESRCH;
  if (target.leader) return -E.EPERM;
  const into = wanted === number ? target.id : pids.get(wanted);
  const first = into === undefined ? undefined : firstOf(into.group);
  if (into === undefined || (into !== target.id && first?.session !== self.session)) return -E.EPERM;
  moveToGroup(target, into);
  return 0;
}

function moveToGroup(process: Process, group: Pid): void {
  const old = process.group;
  if (old === group) return;
  old.group.delete(process);
  process.group = group;
  group.group.add(process);
  old.freeIfUnused();
}

/** setsid(2). */
export function setsid(self: Process): number {
  if (self.leader || self.id.group.size > 0) return -E.EPERM;
  const old = self.session;
  self.leader = true;
  moveToGroup(self, self.id);
  old.session.delete(self);
  self.session = self.id;
  self.id.session.add(self);
  old.freeIfUnused();
  self.terminal = null;
  return self.pid;
}

/** ioctl TIOCSCTTY: the terminal of a whole session. */
export function control(self: Process, terminal: Terminal): number {
  if (self.leader && terminal.session === self.session) return 0;
  if (!self.leader || self.terminal !== null || terminal.session !== null) return -E.EPERM;
  terminal.session = self.session;
  terminal.group = self.group;
  self.terminal = terminal;
  return 0;
}

/** ioctl TIOCNOTTY: no_tty. A leader takes it from its whole session. */
export function uncontrol(self: Process, terminal: Terminal): number {
  if (self.terminal !== terminal) return -E.ENOTTY;
  if (self.leader) leaveTerminal(self, false);
  self.terminal = null;
  return 0;
}

/** ioctl TIOCGPGRP: 0 for a group outside the namespace. */
export function tcgetpgrp(self: Process, terminal: Terminal): number {
  if (terminal.hungUp) return -E.EIO;
  if (self.terminal !== terminal) return -E.ENOTTY;
  return terminal.group?.in(self.namespace) ?? 0;
}

/** ioctl TIOCSPGRP. */
export function tcsetpgrp(self: Process, terminal: Terminal, group: number): number {
  if (terminal.hungUp) return -E.ENOTTY;
  const refusal = mayChange(self, terminal, SIGTTOU);
  if (refusal !== 0) return refusal === -E.EIO ? -E.ENOTTY : refusal;
  if (group < 0) return -E.EINVAL;
  if (self.terminal !== terminal || terminal.session !== self.session) return -E.ENOTTY;
  const pid = self.namespace.pids.get(group);
  if (pid === undefined) return -E.ESRCH;
  const member = firstOf(pid.group) ?? pid.process;
  if (member?.session !== self.session) return -E.EPERM;
  terminal.group = pid;
  return 0;
}

/**
 * __tty_check_change: who is in the background is stopped by a signal to its group, unless it does not care for that
 * signal or nobody could continue it. Answers 0, -EIO, or BLOCKED: the signal was sent, and the call is made again.
 */
export function mayChange(self: Process, terminal: Terminal, signo: number): number {
  if (self.terminal !== terminal || terminal.group === null || self.group === terminal.group) return 0;
  if (self.blocked.has(signo) || self.action(signo).handler === "ignore")
    return signo === SIGTTIN ? -E.EIO : 0;
  if (isOrphaned(self.group, null)) return -E.EIO;
  sendToAll(self.group, signo);
  return BLOCKED;
}

function sendToAll(group: Pid, signo: number): void {
  for (const member of [...group.group]) sendFromKernel(member, signo);
}

/** disassociate_ctty: a session leader ends, which the kernel tells the foreground, or gives its terminal up, and tells it itself. */
export function leaveTerminal(leader: Process, ends: boolean): void {
  const { terminal } = leader;
  if (terminal === null) {
    if (ends && leader.lostForeground !== null) disconnect(leader.lostForeground);
    return;
  }
  if (terminal.group !== null) {
    const { group } = terminal;
    if (ends) sendToAll(group, SIGHUP);
    else for (const signo of [SIGHUP, SIGCONT]) sendToGroup(leader, group.group, fromCaller(leader, signo));
  }
  terminal.session = null;
  terminal.group = null;
  for (const member of leader.session.session) member.terminal = null;
}

function disconnect(group: Pid): void {
  sendToAll(group, SIGHUP);
  sendToAll(group, SIGCONT);
}

/** __tty_hangup: the other end is closed. Only the leader is told; at its end the group that had the foreground is. */
export function hangUp(terminal: Terminal): void {
  const { session, group } = terminal;
  terminal.hungUp = true;
  terminal.session = null;
  terminal.group = null;
  for (const member of session?.session ?? []) {
    member.terminal = null;
    if (!member.leader) continue;
    sendFromKernel(member, SIGHUP);
    sendFromKernel(member, SIGCONT);
    member.lostForeground = group;
  }
}

/** will_become_orphaned_pgrp: whether no member has a parent in another group of its session. */
export function isOrphaned(group: Pid, except: Process | null): boolean {
  for (const member of group.group) {
    if (member === except || member.ended || member.parent === member.world.host) continue;
    if (member.parent.group !== group && member.parent.session === member.session) return false;
  }
  return true;
}

/** kill_orphaned_pgrp: a group with a stopped member that nobody can continue any more is told to go on and go. */
export function tellOrphanedGroup(process: Process, father: Process | null): void {
  const { group } = process;
  const parent = father ?? process.parent;
  if (parent.group === group || parent.session !== process.session) return;
  if (!isOrphaned(group, father === null ? process : null)) return;
  if ([...group.group].some(({ state }) => state === "stopped")) disconnect(group);
}

const firstOf = (members: Iterable<Process>): Process | undefined => {
  for (const member of members) return member;
  return undefined;
};
