// The kernel, as the core sees it: the only imports of the module, and the one list of what steady can ask for.
// A system call has Linux's name and answers as Linux does: a negative errno on failure. Addresses are addresses in the
// core's memory; native checks them. No flag, request or structure that differs between architectures crosses here.

// What was handed over at the start. Not system calls.

/**
 * Copies up to `max` bytes of an argument or a variable, which lies outside the core's memory, from `offset` on, without its NUL.
 * Answers how many bytes were copied (fewer than `max`: the text ends there), or -1 where there is no such text.
 */
export declare function copy(source: i32, index: i32, offset: i32, at: usize, max: i32): i32;
/** The code at `offset` of a packed text (texts/pack.ts), 0 at its end. */
export declare function code_of(text: i32, offset: i32): i32;
/** Lets argument `index` of the next execve be the NUL-terminated text at `at`. */
export declare function replace_argument(index: i32, at: usize): void;
/** Takes variable `index` out of the environment of the next execve; those behind it move up. */
export declare function remove_variable(index: i32): void;
/** Puts the NUL-terminated text at `at` behind the environment of the next execve; at most eight times, in the child. */
export declare function add_variable(at: usize): void;
/** The signal mask that the init was started with; native blocks every signal in its first instructions. */
export declare function inherited_mask(): u64;
/** Writes the SURVIVORS_SIZE bytes at `at` to where a restart of the core cannot reach them. */
export declare function keep(at: usize): void;
/** Reads them back. */
export declare function recall(at: usize): void;

/** A number that differs between architectures, by its place in `Numbered`; of calls, by `Numbered.FirstCall` and `Call`. */
export declare function number_of(what: i32): i32;

// Processes

export declare function getpid(): i32;
export declare function getppid(): i32;
export declare function getpgid(pid: i32): i32;
export declare function setpgid(pid: i32, group: i32): i32;
export declare function getsid(): i32;
export declare function setsid(): i32;
/** clone(2) with SIGCHLD; with CLONE_PIDFD into the i32 at `pidfd` unless that is 0. Answers 0 in the child. */
export declare function clone(pidfd: usize): i32;
/** execve(2) of the path at `path`, with the arguments from `argument` on and the environment as it came. */
export declare function execve(path: usize, argument: i32): i32;
export declare function exit(status: i32): void;
/** wait4(2); at `result` stand the wait status and, 8 bytes on, a struct rusage in the machine's own words (getrusage(2)). */
export declare function wait4(pid: i32, result: usize, options: i32): i32;
export declare function pidfd_open(pid: i32): i32;
/** ioctl PIDFD_GET_INFO (linux/pidfd.h): `info` says in `mask` what is wanted, and afterwards what was given. */
export declare function pidfd_get_info(pidfd: i32, info: usize): i32;

// Signals

/** rt_sigprocmask(2), SIG_SETMASK. */
export declare function rt_sigprocmask(mask: u64): i32;
/** rt_sigaction(2) for one of the settings in `Action`; answers the setting before (any handler is Default). */
export declare function rt_sigaction(signal: i32, action: i32): i32;
/** signalfd4(2), non-blocking and close-on-exec; `fd` -1 makes one, another changes its set. */
export declare function signalfd4(fd: i32, mask: u64): i32;
/** rt_sigtimedwait(2); `milliseconds` -1 waits for ever. The answer is told in the layout of signalfd. */
export declare function rt_sigtimedwait(mask: u64, info: usize, milliseconds: i32): i32;
export declare function kill(pid: i32, signal: i32): i32;
/** rt_sigqueueinfo(2) with the number, SI_QUEUE, sender and value of the `SignalInfo` at `info`. */
export declare function rt_sigqueueinfo(pid: i32, info: usize): i32;
/** pidfd_send_signal(2), with the siginfo made of `info` unless that is 0, to the whole group where `group`. */
export declare function pidfd_send_signal(pidfd: i32, signal: i32, info: usize, group: bool): i32;

// Waiting, memory and the clock

/**
 * madvise(2), MADV_DONTNEED, of code and texts that are seldom needed, which the page cache keeps, and of the whole pages of
 * memory from `from` on, which are 0 afterwards.
 */
export declare function release(from: usize): void;
export declare function ppoll(fds: usize, count: i32, milliseconds: i32): i32;
/** clock_gettime(2), in milliseconds. */
export declare function clock_gettime(clock: i32): i64;

// Files

/**
 * openat(2) of the path at `path` in one of the ways in `Open`, always close-on-exec and never as a terminal. What it makes may
 * be read by the group and written by the owner (0640).
 */
export declare function openat(path: usize, how: i32): i32;
export declare function read(fd: i32, at: usize, max: i32): i32;
export declare function write(fd: i32, at: usize, length: i32): i32;
/** pwritev2(2) in one of the ways in `WriteWay`. */
export declare function pwritev2(fd: i32, at: usize, length: i32, way: i32): i32;
/**
 * sendto(2) with MSG_DONTWAIT and MSG_NOSIGNAL: to the sockaddr_un at `to`, whose length is in the upper half of `lengths`, or to
 * the peer where that is 0. The lower half is the length of what is sent.
 */
export declare function sendto(fd: i32, at: usize, lengths: i32, to: usize): i32;
/** socket(2), AF_UNIX and SOCK_DGRAM, non-blocking and close-on-exec. */
export declare function socket(): i32;
/** bind(2) to the sockaddr_un of `length` bytes at `address` (unix(7)). */
export declare function bind(fd: i32, address: usize, length: i32): i32;
/** connect(2) to such an address. */
export declare function connect(fd: i32, address: usize, length: i32): i32;
/** setsockopt(2), SO_PASSCRED: every datagram comes with who has sent it. */
export declare function pass_credentials(fd: i32): i32;
/**
 * recvmsg(2) with MSG_DONTWAIT and MSG_TRUNC: answers how long the datagram was, also where it was cut. Of 40 bytes at `sender`
 * 12 from the 16th on are its pid, uid and gid, and the last 8 the beginning of its address; they stay as they were where
 * nothing came with it. There is no room for descriptors.
 */
export declare function recvmsg(fd: i32, at: usize, max: i32, sender: usize): i32;
/** getrandom(2): waits until the kernel has randomness. */
export declare function getrandom(at: usize, length: i32): i32;
/** splice(2) with SPLICE_F_NONBLOCK: moves bytes from one pipe to another, whatever the flags of the other are. */
export declare function splice(from: i32, to: i32, length: i32): i32;
export declare function close(fd: i32): i32;
/** close_range(2), both ends included. */
export declare function close_range(first: i32, last: i32): i32;
/** fcntl(2), F_DUPFD_CLOEXEC: the lowest free descriptor from `lowest` on. */
export declare function fcntl_dupfd(fd: i32, lowest: i32): i32;
/** pipe2(2), close-on-exec and non-blocking; two i32 at `fds`. */
export declare function pipe2(fds: usize): i32;
/** statx(2) of an open descriptor: its type, one of `FileType`. */
export declare function statx(fd: i32): i32;
/** The same in full, STATX_BASIC_STATS into 256 bytes at `about`: of a path, never through a link, or of `fd` where `path` is 0. */
export declare function statx_at(fd: i32, path: usize, about: usize): i32;
export declare function getdents64(fd: i32, at: usize, max: i32): i32;
/** fchmod(2), to 0755: a program for everybody. */
export declare function fchmod(fd: i32): i32;
export declare function fsync(fd: i32): i32;
/** renameat2(2) without flags: takes the place of what is at `to`, at once. */
export declare function renameat2(from: usize, to: usize): i32;
/** unlinkat(2) of a file. */
export declare function unlinkat(path: usize): i32;
export declare function chdir(path: usize): i32;
/** ioctl TIOCGPGRP. */
export declare function tcgetpgrp(fd: i32): i32;
/** ioctl TIOCSPGRP. */
export declare function tcsetpgrp(fd: i32, group: i32): i32;
/**
 * ioctl TIOCSCTTY where `take`: makes it the controlling terminal of our session, unless it is another's. Else TIOCNOTTY:
 * gives the controlling terminal up, for the whole session where we lead it. See ioctl_tty(2).
 */
export declare function control_terminal(fd: i32, take: bool): i32;

// Privilege and limits

export declare function geteuid(): i32;
/** setresuid(2) of the effective uid alone. */
export declare function seteuid(uid: i32): i32;
/** setgroups(2): `count` gids of 32 bits at `groups`. */
export declare function setgroups(count: i32, groups: usize): i32;
/** setfsgid(2): the gid that counts for files alone. Answers the one before, whatever became of it. */
export declare function setfsgid(gid: i32): i32;
export declare function setgid(gid: i32): i32;
export declare function setuid(uid: i32): i32;
/** capget(2): the effective capabilities, 0 where the call is refused. */
export declare function capget(): u64;
/** capset(2): the effective, permitted and inheritable capabilities at once. */
export declare function capset(capabilities: u64): i32;
/** prctl(2) with one of the requests in `Prctl`. */
export declare function prctl(request: i32, first: i32, second: i32): i32;
/** prctl(2), PR_SET_CHILD_SUBREAPER. */
export declare function set_child_subreaper(): i32;
/** prctl(2), PR_GET_CHILD_SUBREAPER. */
export declare function get_child_subreaper(): i32;
/** prctl(2), PR_SET_PDEATHSIG. */
export declare function set_pdeathsig(signal: i32): i32;
/** prctl(2), PR_GET_DUMPABLE. */
export declare function get_dumpable(): i32;
/** prctl(2), PR_SET_DUMPABLE. */
export declare function set_dumpable(dumpable: i32): i32;
/** getrlimit(2), RLIMIT_NPROC, soft; -1 for no limit. */
export declare function getrlimit_nproc(): i64;
/** setrlimit(2), RLIMIT_NPROC, soft and hard. */
export declare function setrlimit_nproc(limit: i32): i32;
/** seccomp(2), SECCOMP_SET_MODE_FILTER, with the `count` struct sock_filter at `at`. */
export declare function seccomp(at: usize, count: i32): i32;

/** Whose text `copy` copies. */
export const enum Source {
  Argument = 0,
  Variable = 1,
  Text = 2,
}

/** What becomes of SIGCHLD: told to us, or the kernel reaps with (NoZombies) or without (Ignore) telling. */
export const enum Action {
  Default = 0,
  Ignore = 1,
  NoZombies = 2,
}

export const enum Clock {
  Realtime = 0,
  Monotonic = 1,
  /** That by which /proc tells when a process began. */
  Boottime = 7,
}

/** At the current position with RWF_NOWAIT, the same with RWF_NOSIGNAL (Linux 6.18); or at the beginning of the file. */
export const enum WriteWay {
  NoWait = 0,
  Quiet = 1,
  FromBeginning = 2,
}

/** How a file is opened: to be read, but for the last four. */
export const enum Open {
  Read = 0,
  /** Never through a link, and without waiting for whoever would write into a FIFO. */
  File = 1,
  /** Nor anything but a directory. */
  Directory = 2,
  /** To be written: made, for its owner and group until fchmod, where nothing is. */
  New = 3,
  /** To be written at its end, never through a link, without waiting, and made where there is none. */
  Append = 4,
  /** The same of a file that is there. */
  AppendOnly = 5,
  /** To be written from its beginning, never through a link, without waiting, where there is one. */
  Write = 6,
}

/** What `prctl` is asked for: the same numbers on every architecture (linux/prctl.h). */
export const enum Prctl {
  SetParentDeath = 1,
  GetDumpable = 3,
  SetDumpable = 4,
  SetKeepCaps = 8,
  BoundingRead = 23,
  BoundingDrop = 24,
  SetNoNewPrivs = 38,
  Ambient = 47,
}

/** PR_CAP_AMBIENT_RAISE, the first word behind `Prctl.Ambient`. */
export const AMBIENT_RAISE = 2;

/** S_IFMT of inode(7). */
export const enum FileType {
  Pipe = 0x1000,
  Regular = 0x8000,
  Socket = 0xc000,
}

export const enum Errno {
  EPERM = 1,
  ENOENT = 2,
  ESRCH = 3,
  EINTR = 4,
  ENXIO = 6,
  ENOEXEC = 8,
  ECHILD = 10,
  EAGAIN = 11,
  ENOMEM = 12,
  EACCES = 13,
  EEXIST = 17,
  EINVAL = 22,
  EFBIG = 27,
  ENODEV = 19,
  ENOTDIR = 20,
  ENOTTY = 25,
  ENAMETOOLONG = 36,
  ENOSYS = 38,
  ENOTSOCK = 88,
  EOPNOTSUPP = 95,
  ETIMEDOUT = 110,
  ESTALE = 116,
}

export const WNOHANG = 1;
export const WUNTRACED = 2;

export const POLLIN: i16 = 1;
export const POLLOUT: i16 = 4;
export const POLLHUP: i16 = 16;

/** The longest path that the kernel takes, with its NUL (linux/limits.h). */
export const PATH_MAX = 4096;

/** Capabilities by number, capabilities(7). */
export const enum Capability {
  CAP_KILL = 5,
  CAP_SETUID = 7,
  CAP_SYS_ADMIN = 21,
  CAP_SYS_RESOURCE = 24,
}

/** struct signalfd_siginfo of signalfd(2), as far as an init looks at it. */
@unmanaged
export class SignalInfo {
  signo: i32;
  errno: i32;
  code: i32;
  pid: i32;
  uid: i32;
  fd: i32;
  tid: i32;
  band: i32;
  overrun: i32;
  trapno: i32;
  status: i32;
  int: i32;
  /** The value of sigqueue(3), as wide as a pointer. */
  value: u64;
}

export const SIGNAL_INFO_SIZE = 128;

/** si_code of a plain kill(2), of sigqueue(3), of tgkill(2) and of the kernel itself (sigaction(2)). */
export const SI_USER = 0;
export const SI_QUEUE = -1;
export const SI_TKILL = -6;
export const SI_KERNEL = 0x80;

/** struct pollfd of poll(2). */
@unmanaged
export class PollFd {
  fd: i32;
  events: i16;
  revents: i16;
}

/** struct pidfd_info of linux/pidfd.h. `exitCode` is a wait status, and only where `mask` came back with EXIT. */
@unmanaged
export class PidfdInfo {
  mask: u64;
  cgroup: u64;
  pid: i32;
  tgid: i32;
  ppid: i32;
  ruid: i32;
  rgid: i32;
  euid: i32;
  egid: i32;
  suid: i32;
  sgid: i32;
  fsuid: i32;
  fsgid: i32;
  exitCode: i32;
  coredumpMask: i32;
  coredumpSignal: i32;
  supportedMask: u64;
}

export const PIDFD_INFO_EXIT: u64 = 8;
/** Bits 4 and 5: PIDFD_INFO_COREDUMP and PIDFD_INFO_SUPPORTED_MASK. Answered from Linux 6.16 on. */
export const PIDFD_INFO_NEW: u64 = 48;

if (offsetof<SignalInfo>("value") !== 48) ERROR("signalfd_siginfo keeps ssi_ptr at 48");
if (offsetof<SignalInfo>("status") !== 40) ERROR("signalfd_siginfo keeps ssi_status at 40");
if (offsetof<PollFd>() !== 8) ERROR("struct pollfd has 8 bytes");
if (offsetof<PidfdInfo>("exitCode") !== 60) ERROR("struct pidfd_info keeps exit_code at 60");
if (offsetof<PidfdInfo>() !== 80) ERROR("struct pidfd_info has 80 bytes");
