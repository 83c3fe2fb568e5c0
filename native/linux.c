/* Performs what core/kernel.ts declares, with every address checked, and starts the core again
   after a trap. Nothing here decides anything. */
#include "arch.h"
#include "core.c"
#include <asm/ioctls.h>
#include <asm/socket.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/signalfd.h>
#include <linux/stat.h>
#include <linux/uio.h>

#define CLOSE_RANGE 436 /* __NR_close_range, newer than the oldest headers (Linux 5.10) */
#define OPEN_READ (O_RDONLY | O_CLOEXEC | O_NOCTTY | (sizeof(long) == 4 ? O_LARGEFILE : 0))
#define NOWAIT_WRITE 0x8         /* RWF_NOWAIT */
#define NOSIGNAL_WRITE 0x100     /* RWF_NOSIGNAL */
#define QUIET_SEND 0x4040        /* MSG_DONTWAIT | MSG_NOSIGNAL */
#define QUIET_RECEIVE 0x40000060 /* MSG_CMSG_CLOEXEC | MSG_DONTWAIT | MSG_TRUNC */
#define RELEASE_PAGES 4          /* MADV_DONTNEED */

#include "texts.h"

#define call(...) call_filled(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define call_filled(n, a, b, c, d, e, f, ...)                                                      \
  syscall6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* An import that is one system call and nothing else. */
#define PASS(name, parameters, ...)                                                                \
  u32 w2c_kernel_##name parameters {                                                               \
    return call(__VA_ARGS__);                                                                      \
  }
#define PASS0(name, ...) PASS(name, (struct w2c_kernel * k), __VA_ARGS__)
#define PASS1(name, ...) PASS(name, (struct w2c_kernel * k, u32 a), __VA_ARGS__)
#define PASS2(name, ...) PASS(name, (struct w2c_kernel * k, u32 a, u32 b), __VA_ARGS__)
#define PASS3(name, ...) PASS(name, (struct w2c_kernel * k, u32 a, u32 b, u32 c), __VA_ARGS__)
#define PASS4(name, ...)                                                                           \
  PASS(name, (struct w2c_kernel * k, u32 a, u32 b, u32 c, u32 d), __VA_ARGS__)

/* One that answers what the call has written to `to`. */
#define ASK(returned, name, parameters, type, answer, ...)                                         \
  returned w2c_kernel_##name parameters {                                                          \
    static type to;                                                                                \
    long failed = call(__VA_ARGS__);                                                               \
    return failed ? (returned)failed : (returned)(answer);                                         \
  }

uint8_t memory[MEMORY_SIZE] __attribute__((section(".bss.64k"), aligned(16)));
static w2c_core core;
static char **arguments, **variables;
static u32 argument_count, variable_count, variables_added;
static const char *handed_over_end;
static u64 mask_at_start;

/* What a restart of the core finds again. A trap ends with the first of it, or restarts where that
   is 0. */
static int32_t kept[64];

static const struct iovec failure = {"steady: the core failed\n", 24};

static void *restart[5];
static wasm_rt_trap_t last_trap;

static void clear(void *bytes, u32 length) {
  for (u32 i = 0; i < length; i++) {
    ((volatile uint8_t *)bytes)[i] = 0;
  }
}

/* Whole pages of memory go back to the kernel: what shares one with something else stays. */
static void forget(u32 from) {
  uintptr_t pages = ((uintptr_t)memory + from + 4095) & ~4095ul;
  call(__NR_madvise, pages, sizeof memory - from - 4096, RELEASE_PAGES);
}

static _Noreturn void quit(int status) {
  for (;;) {
    call(__NR_exit_group, status);
  }
}

__attribute__((used)) static _Noreturn void begin(long *stack) {
  u64 all = ~0ull;
  call(__NR_rt_sigprocmask, SIG_SETMASK, &all, &mask_at_start, 8);
  kept[0] = 120;
  argument_count = stack[0];
  arguments = (char **)(stack + 1);
  variables = arguments + argument_count + 1;
  while (variables[variable_count]) {
    variable_count++;
  }
  char **last = variables + variable_count - (variable_count ? 1 : 2);
  for (handed_over_end = last < arguments ? "" : *last; *handed_over_end;) {
    handed_over_end++;
  }
  if (__builtin_setjmp(restart) == 0) {
    wasm2c_core_instantiate(&core, 0);
    quit(w2c_core_main(&core));
  }
  clear(memory, sizeof memory);
  forget(0);
  wasm2c_core_instantiate(&core, 0);
  quit(w2c_core_resume(&core, last_trap));
}

__asm__(".include \"entry.s\"");

_Noreturn void wasm_rt_trap(wasm_rt_trap_t trap) {
  if (kept[0] != 0) {
    call(__NR_pwritev2, 2, &failure, 1, -1, -1, NOWAIT_WRITE);
    quit(kept[0]);
  }
  last_trap = trap;
  __builtin_longjmp(restart, 1);
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *m, uint64_t pages, uint64_t max, bool is64,
                             uint32_t page_size) {
  m->data = memory;
  m->size = sizeof memory;
}

void wasm_rt_free_memory(wasm_rt_memory_t *m) {
}

/* An address the core names, as a pointer: the whole range must lie inside its memory. */
static void *at(u32 address, u32 length) {
  if ((uint64_t)address + length > sizeof memory) {
    wasm_rt_trap(WASM_RT_TRAP_OOB);
  }
  return memory + address;
}

/* A place in a list, which must have it. */
static u32 within(u32 index, u32 count) {
  if (index >= count) {
    wasm_rt_trap(WASM_RT_TRAP_OOB);
  }
  return index;
}

/* The same for a text, which must end inside its memory. */
static char *text_at(u32 address) {
  for (u32 end = address; *(char *)at(end, 1); end++) {
  }
  return at(address, 1);
}

/* How long to wait; none: for ever. */
static struct __kernel_timespec *span(u32 milliseconds) {
  static struct __kernel_timespec time;
  time.tv_sec = milliseconds / 1000;
  time.tv_nsec = milliseconds % 1000 * 1000000;
  return (int)milliseconds < 0 ? 0 : &time;
}

/* What was handed over at the start */

u32 w2c_kernel_copy(struct w2c_kernel *k, u32 source, u32 index, u32 offset, u32 to, u32 max) {
  if (index >= (source ? variable_count : argument_count)) {
    return -1;
  }
  const char *from = (source ? variables : arguments)[index] + offset;
  uint8_t *bytes = at(to, max);
  u32 length = 0;
  while (length < max && from + length < handed_over_end && from[length]) {
    bytes[length] = from[length];
    length++;
  }
  return length;
}

/* Texts are codes (texts/pack.ts); each lies within two bytes. */
static u32 code_at(u32 place) {
  const uint8_t *two = text_codes + within(place, CODES) * CODE_BITS / 8;
  return (two[0] | two[1] << 8) >> place * CODE_BITS % 8 & ((1 << CODE_BITS) - 1);
}

u32 w2c_kernel_code_of(struct w2c_kernel *k, u32 text, u32 offset) {
  u32 place = text_starts[within(text / GROUP, sizeof text_starts / sizeof *text_starts)];
  for (u32 before = text % GROUP; before; place++) {
    before -= code_at(place) == 0;
  }
  return code_at(place + offset);
}

void w2c_kernel_replace_argument(struct w2c_kernel *k, u32 index, u32 address) {
  arguments[within(index, argument_count)] = text_at(address);
}

void w2c_kernel_remove_variable(struct w2c_kernel *k, u32 index) {
  for (u32 i = within(index, variable_count--); variables[i]; i++) {
    variables[i] = variables[i + 1];
  }
}

void w2c_kernel_add_variable(struct w2c_kernel *k, u32 address) {
  /* Behind the environment lies the auxiliary vector (getauxval(3)), which nobody here reads. */
  within(variables_added++, 8);
  variables[variable_count++] = text_at(address);
  variables[variable_count] = 0;
}

static void copy_bytes(uint8_t *to, const uint8_t *from, u32 length) {
  for (u32 i = 0; i < length; i++) {
    to[i] = from[i];
  }
}

u64 w2c_kernel_inherited_mask(struct w2c_kernel *k) {
  return mask_at_start;
}

void w2c_kernel_keep(struct w2c_kernel *k, u32 from) {
  copy_bytes((uint8_t *)&kept, at(from, sizeof kept), sizeof kept);
}

void w2c_kernel_recall(struct w2c_kernel *k, u32 to) {
  copy_bytes(at(to, sizeof kept), (uint8_t *)&kept, sizeof kept);
}

/* Processes */

PASS0(getpid, __NR_getpid)
PASS0(getppid, __NR_getppid)
PASS1(getpgid, __NR_getpgid, a)
PASS2(setpgid, __NR_setpgid, a, (int)b)
PASS0(getsid, __NR_getsid)
PASS0(setsid, __NR_setsid)
PASS1(clone, __NR_clone, a ? SIGCHLD | CLONE_PIDFD : SIGCHLD, 0, at(a, 4))

PASS2(execve, __NR_execve, text_at(a), arguments + within(b, argument_count), variables)

void w2c_kernel_exit(struct w2c_kernel *k, u32 status) {
  quit(status);
}

PASS3(wait4, __NR_wait4, a, at(b, 152), c, memory + b + 8)
PASS1(pidfd_open, __NR_pidfd_open, a)
PASS2(pidfd_get_info, __NR_ioctl, a, _IOWR(0xFF, 11, uint8_t[80]), at(b, 80))
/* Signals */

/* As the siginfo_t that the kernel takes, or none for address 0. */
static siginfo_t *siginfo(u32 info) {
  static siginfo_t to;
  struct signalfd_siginfo *from = at(info, sizeof *from);
  clear(&to, sizeof to);
  to.si_signo = from->ssi_signo;
  to.si_code = from->ssi_code;
  to.si_pid = from->ssi_pid;
  to.si_uid = from->ssi_uid;
  to.si_ptr = (void *)(uintptr_t)from->ssi_ptr;
  return info ? &to : 0;
}

PASS(rt_sigprocmask, (struct w2c_kernel * k, u64 mask), __NR_rt_sigprocmask, SIG_SETMASK, &mask, 0,
     8)

/* What the kernel calls struct sigaction: handler, flags, and 16 bytes of restorer and mask. That
   of its headers is another on 32 bits. */
typedef long setting[2 + 16 / sizeof(long)];

ASK(u32, rt_sigaction, (struct w2c_kernel * k, u32 signal, u32 action), setting,
    to[0] == (long)SIG_IGN, __NR_rt_sigaction, signal,
    (&(setting){action == 1 ? (long)SIG_IGN : 0, action == 2 ? SA_NOCLDWAIT : 0}), &to, 8)
PASS(signalfd4, (struct w2c_kernel * k, u32 fd, u64 mask), __NR_signalfd4, fd, &mask, 8,
     O_CLOEXEC | O_NONBLOCK)

u32 w2c_kernel_rt_sigtimedwait(struct w2c_kernel *k, u64 mask, u32 info, u32 milliseconds) {
  struct signalfd_siginfo *to = at(info, sizeof *to);
  static siginfo_t from;
  void *time = span(milliseconds);
  long signal = call(NR(rt_sigtimedwait, rt_sigtimedwait_time64), &mask, &from, time, 8);
  if (signal > 0) {
    to->ssi_signo = from.si_signo;
    to->ssi_code = from.si_code;
    to->ssi_pid = from.si_pid;
    to->ssi_uid = from.si_uid;
    to->ssi_ptr = (uintptr_t)from.si_ptr;
  }
  return signal;
}

PASS2(kill, __NR_kill, a, b)
PASS2(rt_sigqueueinfo, __NR_rt_sigqueueinfo, a, siginfo(b)->si_signo, siginfo(b))
/* 4 is PIDFD_SIGNAL_PROCESS_GROUP. */
PASS4(pidfd_send_signal, __NR_pidfd_send_signal, a, b, siginfo(c), d ? 4 : 0)

/* The sandbox */

extern const uint16_t file_header[]; /* the file's header, in which e_machine is the tenth */

u32 w2c_kernel_number_of(struct w2c_kernel *k, u32 what) {
  return numbers[within(what, sizeof numbers / sizeof *numbers)] | (what ? 0 : file_header[9]);
}

/* 1 is SECCOMP_SET_MODE_FILTER. */
PASS2(seccomp, __NR_seccomp, 1, 0, (&(struct sock_fprog){b, at(a, b * 8)}))

/* Waiting, memory and the clock */

extern char cold_begin[], texts_end[];

/* The last call goes on over what lies between code and texts, which is nothing. */
void w2c_kernel_release(struct w2c_kernel *k, u32 from) {
  forget(from);
  call(__NR_madvise, cold_begin, texts_end - cold_begin, RELEASE_PAGES);
}

PASS3(ppoll, NR(ppoll, ppoll_time64), at(a, b * sizeof(struct pollfd)), b, span(c), 0, 8)

u64 w2c_kernel_clock_gettime(struct w2c_kernel *k, u32 clock) {
  struct __kernel_timespec now = {0, 0};
  call(NR(clock_gettime, clock_gettime64), clock, &now);
  return now.tv_sec * 1000 + (u32)now.tv_nsec / 1000000;
}

/* Files */

PASS2(openat, __NR_openat, AT_FDCWD, text_at(a), numbers[1 + within(b, 7)], 0640)
PASS3(read, __NR_read, a, at(b, c), c)
PASS3(write, __NR_write, a, at(b, c), c)
PASS4(pwritev2, __NR_pwritev2, a, (&(struct iovec){at(b, c), c}), 1, d / 2 - 1L, d / 2 - 1L,
      d > 1 ? 0 : NOWAIT_WRITE | d * NOSIGNAL_WRITE)
PASS4(sendto, __NR_sendto, a, at(b, c & 0xffff), c & 0xffff, QUIET_SEND, d ? at(d, c >> 16) : 0,
      c >> 16)
/* A socket for datagrams on this machine: AF_UNIX, SOCK_DGRAM. */
PASS0(socket, __NR_socket, 1, 2 | O_CLOEXEC | O_NONBLOCK, 0)
PASS3(bind, __NR_bind, a, at(b, c), c)
PASS3(connect, __NR_connect, a, at(b, c), c)
PASS1(pass_credentials, __NR_setsockopt, a, SOL_SOCKET, SO_PASSCRED, (&(int){1}), sizeof(int))
/* A struct msghdr in words. Its control has room for a header and credentials, and for no
   descriptor, so that the kernel lets go of what came along; the credentials begin 16 bytes behind
   `d`. */
#define HEADER (sizeof(long) + 8)
PASS4(recvmsg, __NR_recvmsg, a,
      (&(long[]){(long)at(d, 40) + 32, 8, (long)&(struct iovec){at(b, c), c}, 1,
                 (long)at(d, 28) + 16 - HEADER, HEADER + 12, 0}),
      QUIET_RECEIVE)
PASS2(getrandom, __NR_getrandom, at(a, b), b)
PASS3(splice, __NR_splice, a, 0, b, 0, c, 2) /* SPLICE_F_NONBLOCK */
PASS1(close, __NR_close, a)
PASS2(close_range, CLOSE_RANGE, a, b)
PASS2(fcntl_dupfd, __NR_fcntl, a, F_DUPFD_CLOEXEC, b)
PASS1(pipe2, __NR_pipe2, at(a, 8), O_CLOEXEC | O_NONBLOCK)
ASK(u32, statx, (struct w2c_kernel * k, u32 fd), struct statx, to.stx_mode & 0xf000, __NR_statx, fd,
    "", AT_EMPTY_PATH, STATX_TYPE, &to)
PASS3(statx_at, __NR_statx, a, b ? text_at(b) : "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
      STATX_BASIC_STATS, at(c, 256))
PASS3(getdents64, __NR_getdents64, a, at(b, c), c)
PASS1(fchmod, __NR_fchmod, a, 0755)
PASS1(fsync, __NR_fsync, a)
PASS2(renameat2, __NR_renameat2, AT_FDCWD, text_at(a), AT_FDCWD, text_at(b), 0)
PASS1(unlinkat, __NR_unlinkat, AT_FDCWD, text_at(a), 0)
PASS1(chdir, __NR_chdir, text_at(a))
ASK(u32, tcgetpgrp, (struct w2c_kernel * k, u32 fd), int, to, __NR_ioctl, fd, TIOCGPGRP, &to)
PASS2(tcsetpgrp, __NR_ioctl, a, TIOCSPGRP, &b)
PASS2(control_terminal, __NR_ioctl, a, b ? TIOCSCTTY : TIOCNOTTY)
/* Privilege and limits */

PASS0(geteuid, NR(geteuid, geteuid32))
PASS1(seteuid, NR(setresuid, setresuid32), -1, a, -1)
PASS2(setgroups, NR(setgroups, setgroups32), a, at(b, (a & 0xffff) * 4))
PASS1(setfsgid, NR(setfsgid, setfsgid32), a)
PASS1(setgid, NR(setgid, setgid32), a)
PASS1(setuid, NR(setuid, setuid32), a)
static struct __user_cap_header_struct whose = {_LINUX_CAPABILITY_VERSION_3, 0};

u64 w2c_kernel_capget(struct w2c_kernel *k) {
  struct __user_cap_data_struct sets[2] = {{0, 0, 0}, {0, 0, 0}};
  call(__NR_capget, &whose, sets);
  return sets[0].effective | (u64)sets[1].effective << 32;
}

u32 w2c_kernel_capset(struct w2c_kernel *k, u64 all) {
  u32 low = all, high = all >> 32;
  struct __user_cap_data_struct sets[2] = {{low, low, low}, {high, high, high}};
  return call(__NR_capset, &whose, sets);
}

PASS3(prctl, __NR_prctl, a, b, c)
PASS0(set_child_subreaper, __NR_prctl, PR_SET_CHILD_SUBREAPER, 1)
ASK(u32, get_child_subreaper, (struct w2c_kernel * k), int, to, __NR_prctl, PR_GET_CHILD_SUBREAPER,
    &to)
PASS1(set_pdeathsig, __NR_prctl, PR_SET_PDEATHSIG, a)
PASS0(get_dumpable, __NR_prctl, PR_GET_DUMPABLE)
PASS1(set_dumpable, __NR_prctl, PR_SET_DUMPABLE, a)
ASK(u64, getrlimit_nproc, (struct w2c_kernel * k), struct rlimit64, to.rlim_cur, __NR_prlimit64, 0,
    RLIMIT_NPROC, 0, &to)
PASS1(setrlimit_nproc, __NR_prlimit64, 0, RLIMIT_NPROC, (&(struct rlimit64){a, a}), 0)

/* What the core reads and writes as it lies in its memory, and what this file takes for granted. */
#define LAYOUT(is) _Static_assert(is, #is)
#define FIELD(type, name, at, bytes)                                                               \
  LAYOUT(offsetof(struct type, name) == (at) && sizeof(struct type) == (bytes))
FIELD(signalfd_siginfo, ssi_code, 8, 128);
FIELD(signalfd_siginfo, ssi_uid, 16, 128);
FIELD(signalfd_siginfo, ssi_ptr, 48, 128);
FIELD(pollfd, revents, 6, 8);
FIELD(statx, stx_mode, 28, 256);
FIELD(sock_filter, k, 4, 8);
LAYOUT(sizeof(siginfo_t) == 128 && sizeof(setting) == 2 * sizeof(long) + 16);
LAYOUT(sizeof(struct __kernel_timespec) == 16 && sizeof(struct rlimit64) == 16);
LAYOUT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
