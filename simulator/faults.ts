// What may fail, and how: for every function of core/kernel.ts that asks the kernel, the errnos that its man page or the
// kernel's source allows for arguments like ours, and those by which a seccomp profile refuses it (EPERM, ENOSYS). An
// errno that states a fact (ESRCH: nobody there, ECHILD: no child) is no fault: the simulated Linux answers it where it
// is true, and no kernel answers it where it is not.

import { constants } from "node:os";

/** Linux's number for the name of an error. */
export function errnoOf(name: string): number {
  const number = (constants.errno as Readonly<Record<string, number>>)[name];
  if (number === undefined) throw new Error(`no error is called ${name}`);
  return number;
}

const words = (text: string): readonly string[] => text.split(" ").filter((word) => word !== "");

/**
 * By the name of the function in core/kernel.ts. An empty list: nothing that an init can do makes the call fail (getpid),
 * or a failure cannot be told from an answer (capget answers no capabilities then, getrlimit_nproc no limit).
 */
export const ERRNOS: Readonly<Record<string, readonly string[]>> = {
  // Processes
  getpid: [],
  getppid: [],
  getpgid: [],
  setpgid: words("EACCES EPERM"),
  getsid: [],
  // Of a child just made, which leads nothing.
  setsid: words("EPERM"),
  clone: words("EAGAIN ENOMEM EINVAL EMFILE ENFILE EPERM"),
  execve: words(
    "E2BIG EACCES EAGAIN EINVAL EIO EISDIR ELOOP EMFILE ENFILE ENOENT ENOEXEC ENOMEM ENOTDIR EPERM ETXTBSY",
  ),
  exit: [],
  wait4: words("EINTR EPERM"),
  pidfd_open: words("EMFILE ENFILE ENODEV ENOMEM ENOSYS EPERM"),
  // ENOTTY before Linux 6.13; ESRCH while a process is neither alive nor has left a record.
  pidfd_get_info: words("EINVAL ENOTTY EPERM ESRCH"),
  // Signals
  rt_sigprocmask: [],
  // A profile that refused this would end every program with a libc.
  rt_sigaction: [],
  signalfd4: words("EMFILE ENFILE ENODEV ENOMEM ENOSYS EPERM"),
  rt_sigtimedwait: words("EAGAIN EINTR"),
  // EACCES is an LSM's.
  kill: words("EACCES EPERM"),
  rt_sigqueueinfo: words("EAGAIN EPERM"),
  pidfd_send_signal: words("EAGAIN EINVAL ENOSYS EPERM"),
  // Waiting, memory and the clock. ppoll with more descriptors than RLIMIT_NOFILE is EINVAL.
  ppoll: words("EINTR EINVAL ENOMEM EPERM"),
  clock_gettime: [],
  // Files
  openat: words("EACCES EINTR ELOOP EMFILE ENFILE ENOENT ENOMEM ENOSPC ENOTDIR EPERM EROFS"),
  read: words("EAGAIN EINTR EIO"),
  write: words("EAGAIN EDQUOT EFBIG EINTR EIO ENOSPC EPIPE"),
  pwritev2: words("EAGAIN EINTR EINVAL EIO ENOSYS EOPNOTSUPP EPERM EPIPE"),
  sendto: words("EAGAIN ECONNREFUSED ECONNRESET EINTR EMSGSIZE ENOBUFS ENOMEM ENOTCONN EPERM EPIPE"),
  socket: words("EACCES EAFNOSUPPORT EMFILE ENFILE ENOBUFS ENOMEM EPERM"),
  bind: words("EACCES EADDRINUSE ENOMEM EPERM"),
  connect: words("EACCES EAGAIN ECONNREFUSED EINTR ENOENT EPERM EPROTOTYPE"),
  pass_credentials: words("ENOMEM EPERM"),
  recvmsg: words("EAGAIN EINTR ENOBUFS ENOMEM EPERM"),
  getrandom: words("EINTR ENOSYS EPERM"),
  splice: words("EAGAIN EINVAL ENOMEM EPERM EPIPE"),
  // The descriptor is gone all the same (close(2)).
  close: words("EINTR EIO"),
  close_range: words("ENOSYS EPERM"),
  fcntl_dupfd: words("EINVAL EMFILE"),
  pipe2: words("EMFILE ENFILE ENOMEM"),
  statx: words("EACCES ENOMEM ENOSYS EPERM"),
  statx_at: words("EACCES ELOOP ENOENT ENOMEM ENOSYS ENOTDIR EPERM"),
  getdents64: words("EINVAL ENOENT"),
  fchmod: words("EIO EPERM EROFS"),
  fsync: words("EDQUOT EINTR EIO ENOSPC"),
  renameat2: words("EBUSY EDQUOT EIO ENOMEM ENOSPC EPERM EROFS"),
  unlinkat: words("EBUSY EIO ENOMEM EPERM EROFS"),
  chdir: words("EACCES EIO ELOOP ENOMEM ENOTDIR"),
  tcgetpgrp: words("EIO ENOTTY ENXIO EPERM"),
  tcsetpgrp: words("EINTR EIO EINVAL ENOTTY EPERM"),
  control_terminal: words("EIO ENOTTY EPERM"),
  // Privilege and limits
  geteuid: [],
  seteuid: words("EAGAIN EINVAL ENOMEM EPERM"),
  setgroups: words("ENOMEM EPERM"),
  // It answers the gid before, whatever went wrong.
  setfsgid: [],
  setgid: words("EPERM"),
  setuid: words("EAGAIN ENOMEM EPERM"),
  capget: [],
  capset: words("EPERM"),
  // EINVAL states a fact: there is no such capability.
  prctl: words("EPERM"),
  set_child_subreaper: words("EINVAL EPERM"),
  get_child_subreaper: words("EINVAL EPERM"),
  set_pdeathsig: words("EINVAL EPERM"),
  get_dumpable: words("EINVAL EPERM"),
  set_dumpable: words("EINVAL EPERM"),
  getrlimit_nproc: [],
  setrlimit_nproc: words("EPERM"),
  seccomp: words("EACCES EINVAL ENOMEM ENOSYS EPERM"),
};
