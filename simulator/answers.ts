// Every errno that the simulated Linux answers by itself, for each call: what arguments and state bring about, without
// an injected fault or a refusing profile. The comparison with a real kernel meets each of them, or says why it cannot.

import type { ErrnoName } from "./errnos.ts";

const words = (text: string): readonly ErrnoName[] =>
  text.split(" ").filter((word) => word !== "") as ErrnoName[];

export const ANSWERS: Readonly<Record<string, readonly ErrnoName[]>> = {
  getpid: [],
  getppid: [],
  getpgrp: [],
  setpgid: words("EINVAL EPERM ESRCH EACCES"),
  clone: words("EAGAIN EMFILE ENOMEM"),
  execve: words("ENOENT EACCES ENOEXEC ENOTDIR ENAMETOOLONG"),
  exit: [],
  wait4: words("EINVAL ESRCH ECHILD"),
  pidfd_open: words("ENOSYS EINVAL ESRCH EMFILE"),
  pidfd_get_info: words("EBADF ENOTTY ESRCH"),
  rt_sigprocmask: [],
  rt_sigaction: words("EINVAL"),
  signalfd4: words("EMFILE EBADF EINVAL"),
  rt_sigtimedwait: words("EAGAIN EINTR"),
  kill: words("EINVAL ESRCH EPERM"),
  rt_sigqueueinfo: words("EINVAL ESRCH EPERM EAGAIN"),
  pidfd_send_signal: words("EBADF EINVAL ESRCH EPERM EAGAIN"),
  ppoll: words("EINVAL EINTR"),
  openat: words("ENOENT EACCES ENOTDIR ENAMETOOLONG EMFILE"),
  read: words("EBADF EINVAL EAGAIN EIO EISDIR ESRCH"),
  write: words("EBADF EINVAL EAGAIN EPIPE EIO ENOSPC"),
  pwritev2: words("EBADF EINVAL EAGAIN EPIPE EOPNOTSUPP ENOSPC"),
  sendto: words("EBADF ENOTSOCK EAGAIN EPIPE"),
  splice: words("EBADF EINVAL EAGAIN EPIPE"),
  close: words("EBADF"),
  close_range: words("ENOSYS EINVAL"),
  fcntl_dupfd: words("EBADF EINVAL EMFILE"),
  pipe2: words("EMFILE"),
  statx: words("EBADF"),
  getdents64: words("EBADF ENOTDIR EINVAL ENOENT"),
  chdir: words("ENOENT ENOTDIR EACCES ENAMETOOLONG"),
  tcgetpgrp: words("EBADF ENOTTY EIO"),
  tcsetpgrp: words("EBADF ENOTTY EINVAL ESRCH EPERM"),
  geteuid: [],
  seteuid: words("EPERM"),
  capget: [],
  set_child_subreaper: [],
  get_child_subreaper: [],
  set_pdeathsig: words("EINVAL"),
  get_dumpable: [],
  set_dumpable: words("EINVAL"),
  getrlimit_nproc: [],
  clock_gettime: [],
  release: [],
};
