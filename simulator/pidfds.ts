// Pidfds: descriptors that stand for a process, whatever becomes of its number. After kernel/pid.c, kernel/signal.c and
// fs/pidfs.c.

import { E } from "./errnos.ts";
import { PidFile } from "./files.ts";
import type { Process } from "./processes.ts";
import { fromCaller, pretends, type SignalInfo, sendFromUser, sendToGroup } from "./signals.ts";

/** struct pidfd_info, as far as a process can tell. */
export interface PidfdInfo {
  mask: number;
  pid: number;
  ppid: number;
  uid: number;
  euid: number;
  suid: number;
  exitCode: number;
  dumpMask: number;
}

export const NO_INFO: PidfdInfo = {
  mask: 0, pid: 0, ppid: 0, uid: 0, euid: 0, suid: 0, exitCode: 0, dumpMask: 0,
}; // biome-ignore format: a record
const PID_AND_CREDS = 3;
const CGROUP = 4;
const EXIT = 8;
const COREDUMP = 16;
/** PIDFD_COREDUMP_SKIP, _USER and _ROOT, by the dumpable flag. */
const DUMP_MASKS = [2, 4, 8] as const;

export function pidfdOpen(self: Process, number: number): number {
  const { age } = self.world;
  if (!age.pidfdOpen) return -E.ENOSYS;
  if (number <= 0) return -E.EINVAL;
  const pid = self.namespace.pids.get(number);
  if (pid === undefined) return -E.ESRCH;
  if (pid.process === null) return age.exitInfo ? -E.ESRCH : -E.EINVAL;
  return self.files.open(new PidFile(pid), true, self.limits.nofile);
}

/** The answer is in `world.out.info`. Of one that is gone there is only the exit status, and only for who asks for it. */
export function pidfdInfo(self: Process, fd: number, mask: number): number {
  const { age, out } = self.world;
  const file = self.files.get(fd);
  if (file === undefined) return -E.EBADF;
  if (!(file instanceof PidFile) || !age.pidfdInfo) return -E.ENOTTY;
  const { pid } = file;
  if (pid.in(self.namespace) === 0) return -E.ESRCH;
  const info = { ...NO_INFO, mask: CGROUP | (age.dumpInfo ? mask & COREDUMP : 0) };
  if (pid.process !== null) tellProcess(info, pid.process, self);
  else if (!age.exitInfo || (mask & EXIT) === 0) return -E.ESRCH;
  else Object.assign(info, { mask: info.mask | EXIT, exitCode: pid.exitStatus });
  out.info = info;
  return 0;
}

/** A zombie has no memory any more whose dumpable flag could be told. */
function tellProcess(info: PidfdInfo, process: Process, self: Process): void {
  const { uid, euid, suid } = process.credentials;
  const pid = process.id.in(self.namespace);
  Object.assign(info, { pid, ppid: process.parent.id.in(self.namespace), uid, euid, suid });
  if ((info.mask & COREDUMP) !== 0 && process.lives) info.dumpMask = DUMP_MASKS[process.dumpable] ?? 0;
  info.mask |= PID_AND_CREDS;
}

/** `info` null: as kill(2) does it. */
export function pidfdSendSignal(
  self: Process,
  fd: number,
  signo: number,
  info: SignalInfo | null,
  group: boolean,
): number {
  if (group && !self.world.age.groupFlag) return -E.EINVAL;
  const file = self.files.get(fd);
  if (!(file instanceof PidFile)) return -E.EBADF;
  const { pid } = file;
  if (pid.in(self.namespace) === 0) return -E.EINVAL;
  if (info !== null && info.signo !== signo) return -E.EINVAL;
  if (info !== null && pretends(info) && (pid.process !== self || group)) return -E.EPERM;
  const sent = info ?? fromCaller(self, signo);
  if (group) return sendToGroup(self, pid.group, sent);
  return pid.process === null ? -E.ESRCH : sendFromUser(self, pid.process, sent);
}
