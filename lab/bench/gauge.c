/* Measures inits: starts one as PID 1 of a PID namespace, with this same file
   as its program, and looks at both. In C, since a garbage collector or an
   interpreter would be part of every figure.

     gauge MEASURE PARENT FOLDER NUMBER -- [INIT OPTIONS --]

   PARENT is the pid of whoever started it, and its end is that of all this, or
   0 where somebody else sees to that; FOLDER is one to write in. With CONTAIN
   in the environment that command starts the containers: it gets what PID 1 is
   to be, and writes the pid to the file PIDFILE. Each figure is a line on
   stdout, a name and a number; the last line is "done". The rule: what is timed
   is timed by the two processes that it is about, on one clock, and nobody
   spins meanwhile. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define US 1000LL
#define MS (1000 * US)
#define SECOND (1000 * MS)
#define PATIENCE (60 * SECOND)  /* for what always comes */
#define LOST_AFTER (1 * SECOND) /* a signal that has not come by then */
#define LOST_MAX 3              /* of these, before the rest is not waited for */
#define EARLY_MAX (5 * MS)
#define AHEAD (3 * MS) /* what a container needs before its exec */
#define SLACK_NS                                                                                   \
  50000UL        /* what every process has by default; ours has none                               \
                  */
#define SPARE 64 /* processes besides those that are counted */
#define STORM_MAX 2000
#define SIGNALS 65
#define LIBRARIES_MAX 64
#define WAKE_UPS "voluntary_ctxt_switches:"

enum state {
  STARTED = 1,
  READY,
  DONE,
  FAILED
};

/* What director and program share: a file, since an init may close descriptors.
 */
struct shared {
  int64_t at_ns;    /* when the init is to be executed, or 0: at once */
  int64_t exec_ns;  /* the moment before the init's exec */
  int64_t begin_ns; /* the program's first moment */
  uint32_t state;   /* enum state; a futex */
  uint32_t order;   /* how often the director has said "now"; a futex */
  uint32_t waits;   /* PID 1 of an engine's container is there; a futex */
  uint32_t go;      /* and may become the init; a futex */
  int error;
  struct {
    int64_t at_ns;
    uint32_t count;
  } arrived[SIGNALS];
};

static struct shared *shared;
static char path[PATH_MAX], self[PATH_MAX];
static char **prefix; /* INIT OPTIONS -- */
static int prefix_length;
static int alive[2];     /* a pipe whose writing end closes with the director */
static char *contain;    /* what starts containers; none: this does, in namespaces */
static pid_t runner;     /* what is to be waited for: what started the container, or
                            its PID 1 */
static int watched = -1; /* a pidfd of PID 1 */

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

static void sleep_ns(int64_t ns) {
  struct timespec time = {ns / SECOND, ns % SECOND};
  nanosleep(&time, NULL);
}

static void sleep_until(int64_t at_ns) {
  struct timespec time = {at_ns / SECOND, at_ns % SECOND};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) {
  }
}

static _Noreturn void fail(const char *format, ...) {
  va_list list;
  va_start(list, format);
  vfprintf(stderr, format, list);
  va_end(list);
  fputc('\n', stderr);
  exit(1);
}

static void tell(const char *name, int64_t figure) {
  printf("%s %" PRId64 "\n", name, figure);
}

static uint32_t load(uint32_t *word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Waits until the word is another one, at most 20 ms. */
static void wait_word(uint32_t *word, uint32_t value) {
  struct timespec time = {0, 20 * MS};
  syscall(SYS_futex, word, FUTEX_WAIT, value, &time, NULL, 0);
}

static void set_word(uint32_t *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
  syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void share(void) {
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, sizeof *shared) < 0)
    fail("cannot write %s: %s", path, strerror(errno));
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (shared == MAP_FAILED)
    fail("cannot map %s: %s", path, strerror(errno));
  close(file);
}

/* The program. */

static void note(int signal) {
  shared->arrived[signal].at_ns = now();
  __atomic_add_fetch(&shared->arrived[signal].count, 1, __ATOMIC_RELEASE);
}

static void handle(void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigfillset(&action.sa_mask);
  const int signals[] = {SIGUSR1, SIGTERM, SIGWINCH};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
    sigaction(signals[i], &action, NULL);
}

static _Noreturn void give_up(void) {
  shared->error = errno;
  set_word(&shared->state, FAILED);
  _exit(1);
}

/* A user of its own, who may have so many processes: no such limit holds for
 * root. */
static void become_limited(rlim_t processes) {
  struct rlimit limit = {processes + SPARE, processes + SPARE};
  if (setrlimit(RLIMIT_NPROC, &limit) < 0)
    give_up();
  if (geteuid() != 0)
    return;
  uid_t user = 0x60000000 + (uid_t)atoi(strrchr(path, '.') + 1);
  // Where a container has 65,536 of them.
  uid_t low = 20000 + user % 40000;
  if (setgroups(0, NULL) < 0 || (setuid(user) < 0 && setuid(low) < 0))
    give_up();
}

static _Noreturn void rest(void) {
  for (;;)
    pause();
}

static pid_t forked(void) {
  pid_t pid = fork();
  if (pid < 0)
    give_up();
  if (pid == 0)
    handle(SIG_DFL);
  return pid;
}

/* Where SIGCHLD is ignored the kernel has waited, and this waits for that. */
static void await_end(pid_t pid) {
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
  }
}

static void make_orphan(void) {
  pid_t parent = forked();
  // Here the child and its child do the same.
  if (parent == 0) {
    forked();
    _exit(0);
  }
  await_end(parent);
}

static void await_order(void) {
  uint32_t order = load(&shared->order);
  while (load(&shared->order) == 0)
    wait_word(&shared->order, order);
}

/* So many children of one process, all dead: it waits for none, and ends when
 * it is told. */
static pid_t hold_zombies(int number) {
  int ends[2];
  pid_t holder = forked();
  if (holder != 0)
    return holder;
  if (pipe(ends) < 0)
    give_up();
  for (int i = 0; i < number; i++)
    if (forked() == 0)
      _exit(0);
  close(ends[1]);
  char byte;
  // The end comes when the last of them has closed it; becoming a zombie is
  // what it does next.
  if (read(ends[0], &byte, 1) < 0)
    give_up();
  sleep_ns(5 * MS);
  set_word(&shared->state, READY);
  await_order();
  _exit(0);
}

/* So many processes that do nothing, whose parent has ended. */
static void make_crowd(int number) {
  pid_t parent = forked();
  if (parent == 0) {
    for (int i = 0; i < number; i++)
      if (forked() == 0) {
        // dumb-init signals the whole session, and a probe is to end nobody.
        signal(SIGUSR1, SIG_IGN);
        rest();
      }
    _exit(0);
  }
  await_end(parent);
}

static void end_by_order(int signal) {
  note(signal);
  _exit(0);
}

/* The kinds of programs. Without an init the kernel reaps, where orphans are to
 * be reaped. */

static void leave_to_kernel(void) {
  if (getpid() == 1)
    signal(SIGCHLD, SIG_IGN);
}

static void be_plain(int number) {
  (void)number;
  set_word(&shared->state, READY);
}

static void be_orphans(int number) {
  become_limited((rlim_t)number);
  leave_to_kernel();
  set_word(&shared->state, READY);
  await_order();
  for (int i = 0; i < number; i++)
    make_orphan();
  set_word(&shared->state, DONE);
}

static void be_storm(int number) {
  (void)number;
  become_limited(STORM_MAX);
  leave_to_kernel();
  set_word(&shared->state, READY);
  for (;;) {
    pid_t parent = fork();
    if (parent == 0) {
      fork();
      _exit(0);
    }
    // As many as the limit allows are there already.
    if (parent < 0)
      sleep_ns(100 * US);
    else
      await_end(parent);
  }
}

static void be_zombies(int number) {
  become_limited((rlim_t)number);
  await_end(hold_zombies(number));
  set_word(&shared->state, DONE);
}

static void be_crowd(int number) {
  become_limited((rlim_t)number);
  make_crowd(number);
  signal(SIGTERM, end_by_order);
  set_word(&shared->state, READY);
}

static const struct {
  const char *name;
  void (*be)(int);
} KINDS[] = {
    {"plain", be_plain},     {"orphans", be_orphans}, {"storm", be_storm},
    {"zombies", be_zombies}, {"crowd", be_crowd},
};

static _Noreturn void program(const char *kind, int number) {
  shared->begin_ns = now();
  handle(note);
  set_word(&shared->state, STARTED);
  for (unsigned i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
    if (strcmp(KINDS[i].name, kind) == 0)
      KINDS[i].be(number);
  rest();
}

/* The container. */

static _Noreturn void execute_init(const char *kind, const char *number) {
  char *program[] = {self, "program", path, (char *)kind, (char *)number, NULL};
  char **arguments = calloc((size_t)prefix_length + 6, sizeof *arguments);
  if (arguments == NULL)
    _exit(1);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(null, 0);
  dup2(null, 1);
  memcpy(arguments, prefix, (size_t)prefix_length * sizeof *arguments);
  memcpy(arguments + prefix_length, program, sizeof program);
  if (shared->at_ns != 0)
    sleep_until(shared->at_ns);
  prctl(PR_SET_TIMERSLACK, SLACK_NS);
  __atomic_store_n(&shared->exec_ns, now(), __ATOMIC_RELEASE);
  execv(arguments[0], arguments);
  give_up();
}

static _Noreturn void become_init(const char *kind, const char *number) {
  struct pollfd gone = {alive[0], POLLIN, 0};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  close(alive[1]);
  // A director that has ended before would not be noticed.
  if (poll(&gone, 1, 0) != 0)
    _exit(1);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
      mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
    give_up();
  execute_init(kind, number);
}

/* In an engine's container, which takes its time: so both wait for one another.
 */
static _Noreturn void launch(const char *kind, const char *number) {
  set_word(&shared->waits, 1);
  while (load(&shared->go) == 0)
    wait_word(&shared->go, 0);
  execute_init(kind, number);
}

static _Noreturn void become_engine(const char *pid_file, const char *kind, const char *number) {
  char *words[] = {"sh",     "-c", "exec $CONTAIN \"$@\"", "sh",           self,
                   "launch", path, (char *)kind,           (char *)number, "--"};
  const size_t length = sizeof words / sizeof *words;
  char **arguments = calloc(length + (size_t)prefix_length + 1, sizeof *arguments);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(null, 0);
  dup2(null, 1);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, SLACK_NS);
  if (arguments == NULL || setenv("PIDFILE", pid_file, 1) < 0)
    _exit(1);
  memcpy(arguments, words, sizeof words);
  memcpy(arguments + length, prefix, (size_t)prefix_length * sizeof *arguments);
  execvp(arguments[0], arguments);
  _exit(127);
}

/* What the file says, as soon as it says it. */
static pid_t pid_in(const char *name) {
  for (int64_t deadline = now() + PATIENCE; now() < deadline; sleep_ns(1 * MS)) {
    int pid = 0;
    FILE *file = fopen(name, "re");
    if (file == NULL)
      continue;
    int found = fscanf(file, "%d", &pid);
    fclose(file);
    if (found == 1)
      return pid;
  }
  fail("the engine does not tell the pid of its container");
}

static pid_t start_contained(const char *kind, const char *number) {
  char pid_file[sizeof path + 8];
  snprintf(pid_file, sizeof pid_file, "%s.pid", path);
  unlink(pid_file);
  runner = fork();
  if (runner < 0)
    fail("cannot fork: %s", strerror(errno));
  if (runner == 0)
    become_engine(pid_file, kind, number);
  int64_t deadline = now() + PATIENCE;
  while (load(&shared->waits) == 0) {
    siginfo_t info = {0};
    waitid(P_PID, (id_t)runner, &info, WEXITED | WNOHANG | WNOWAIT);
    if (info.si_pid != 0 || now() > deadline)
      fail("the engine did not start the container");
    wait_word(&shared->waits, 0);
  }
  return pid_in(pid_file);
}

static pid_t start_alone(const char *kind, const char *number) {
  long pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, NULL);
  if (pid < 0)
    fail("cannot make a PID namespace: %s", strerror(errno));
  if (pid == 0)
    become_init(kind, number);
  return runner = (pid_t)pid;
}

/* `ahead`: how long from now it is to become the init; 0: at once. */
static pid_t start_in(int64_t ahead, const char *kind, int number) {
  char text[16];
  snprintf(text, sizeof text, "%d", number);
  memset(shared, 0, sizeof *shared);
  fflush(NULL);
  if (contain == NULL && ahead != 0)
    shared->at_ns = now() + ahead;
  pid_t init = contain == NULL ? start_alone(kind, text) : start_contained(kind, text);
  if (watched >= 0)
    close(watched);
  watched = (int)syscall(SYS_pidfd_open, init, 0);
  if (watched < 0)
    fail("cannot watch the init: %s", strerror(errno));
  if (contain != NULL && ahead != 0)
    shared->at_ns = now() + ahead;
  set_word(&shared->go, 1);
  return init;
}

static pid_t start(const char *kind, int number) {
  return start_in(0, kind, number);
}

/* Whether the init that was started last has ended. */
static int has_ended(void) {
  struct pollfd gone = {watched, POLLIN, 0};
  return poll(&gone, 1, 0) != 0;
}

/* Until the program has come so far; whether it has. */
static int reaches(enum state wanted) {
  int64_t deadline = now() + PATIENCE;
  for (;;) {
    uint32_t state = load(&shared->state);
    if (state == FAILED)
      fail("it could not be started: %s", strerror(shared->error));
    if (state >= (uint32_t)wanted)
      return 1;
    if (has_ended())
      return 0;
    if (now() > deadline)
      fail("the program does not come so far within %d s", (int)(PATIENCE / SECOND));
    wait_word(&shared->state, state);
  }
}

static void await(enum state wanted) {
  if (!reaches(wanted))
    fail("the container has ended before its time");
}

static void end(pid_t init) {
  kill(init, SIGKILL);
  await_end(runner);
}

static uint32_t count(int signal) {
  return load(&shared->arrived[signal].count);
}

/* Signals the init: how long it took to the program's handler, or -1 where it
 * never came. */
static int64_t latency(pid_t init, int signal, int64_t patience) {
  uint32_t before = count(signal);
  int64_t sent = now();
  if (kill(init, signal) < 0)
    fail("the init is gone: %s", strerror(errno));
  sleep_ns(100 * US);
  while (count(signal) == before) {
    if (now() - sent > patience)
      return -1;
    sleep_ns(50 * US);
  }
  return shared->arrived[signal].at_ns - sent;
}

/* Lost ones are told as such, and after some of them nobody waits for the
 * others. */
static void probe(pid_t init, int signal, int number) {
  for (int i = 0, lost = 0; i < number && lost < LOST_MAX; i++) {
    int64_t took = latency(init, signal, LOST_AFTER);
    lost += took < 0;
    tell("lost", took < 0);
    tell("latency_ns", took < 0 ? LOST_AFTER : took);
    // At no regular distance, so that no clock of theirs falls in step.
    sleep_ns(200 * US + random() % (400 * US));
  }
}

/* Of a clock for each process, finer than the ticks in /proc:
 * clock_getcpuclockid(3). */
static int64_t cpu_of(pid_t pid) {
  struct timespec time;
  if (clock_gettime((clockid_t)(~(unsigned)pid << 3 | 2), &time) < 0)
    fail("the init is gone: %s", strerror(errno));
  return time.tv_sec * SECOND + time.tv_nsec;
}

/* Until it has come to rest after its start. */
static void settle(pid_t init) {
  int64_t deadline = now() + 2 * SECOND;
  for (int64_t before = -1, cpu; (cpu = cpu_of(init)) != before && now() < deadline; before = cpu)
    sleep_ns(20 * MS);
}

static int children_of(pid_t pid) {
  char name[64];
  snprintf(name, sizeof name, "/proc/%d/task/%d/children", pid, pid);
  FILE *file = fopen(name, "re");
  if (file == NULL)
    fail("cannot read %s: %s", name, strerror(errno));
  int number = 0;
  for (int byte = getc(file); byte != EOF; byte = getc(file))
    number += byte == ' ';
  fclose(file);
  return number;
}

/* The number behind the name at the begin of a line of a file of /proc/PID. */
static int64_t number_of(pid_t pid, const char *kind, const char *line) {
  char name[64], text[256];
  snprintf(name, sizeof name, "/proc/%d/%s", pid, kind);
  FILE *file = fopen(name, "re");
  int64_t number = -1;
  while (file != NULL && number < 0 && fgets(text, sizeof text, file) != NULL)
    if (strncmp(text, line, strlen(line)) == 0)
      number = strtoll(text + strlen(line), NULL, 10);
  if (file == NULL || number < 0)
    fail("cannot read %s", name);
  fclose(file);
  return number;
}

/* In kB. */
static int64_t memory_of(pid_t pid, const char *line) {
  return number_of(pid, "smaps_rollup", line);
}

static int64_t size_of(const char *name) {
  struct stat status;
  return stat(name, &status) < 0 ? 0 : status.st_size;
}

/* Of every other file that it maps: the loader, the C library, an interpreter
   where the init is a script. */
static int64_t library_bytes(pid_t pid) {
  char name[64], line[PATH_MAX + 128], own[PATH_MAX];
  char known[LIBRARIES_MAX][PATH_MAX];
  int64_t sum = 0;
  int number = 0;
  snprintf(name, sizeof name, "/proc/%d/maps", pid);
  FILE *file = fopen(name, "re");
  if (file == NULL || realpath(prefix[0], own) == NULL)
    fail("cannot read %s", name);
  while (fgets(line, sizeof line, file) != NULL) {
    char *mapped = strchr(line, '/');
    int i = 0;
    if (mapped == NULL)
      continue;
    mapped[strcspn(mapped, "\n")] = '\0';
    while (i < number && strcmp(known[i], mapped) != 0)
      i++;
    if (i < number || strcmp(mapped, own) == 0 || number == LIBRARIES_MAX)
      continue;
    snprintf(known[number++], PATH_MAX, "%s", mapped);
    sum += size_of(mapped);
  }
  fclose(file);
  return sum;
}

/* The measures. */

/* For so many seconds. */
static void measure_idle(int number) {
  pid_t init = start("plain", number);
  await(READY);
  settle(init);
  int64_t before = number_of(init, "status", WAKE_UPS), begun = now();
  sleep_ns(number * SECOND);
  int64_t woken = number_of(init, "status", WAKE_UPS) - before;
  printf("wakeups_per_s %.3f\n", (double)woken * SECOND / (double)(now() - begun));
  tell("resident_kb", memory_of(init, "Rss:"));
  tell("private_kb", memory_of(init, "Anonymous:"));
  tell("file_bytes", size_of(prefix[0]));
  tell("library_bytes", library_bytes(init));
  end(init);
}

static void measure_start(int number) {
  for (int i = 0; i < number; i++) {
    pid_t init = start("plain", 0);
    await(STARTED);
    tell("start_ns", shared->begin_ns - shared->exec_ns);
    end(init);
  }
}

static void measure_signal(int number) {
  pid_t init = start("plain", 0);
  await(READY);
  settle(init);
  probe(init, SIGUSR1, number);
  end(init);
}

static void measure_orphans(int number) {
  pid_t init = start("orphans", number);
  await(READY);
  settle(init);
  int before = children_of(init);
  int64_t cpu = cpu_of(init), begun = now();
  set_word(&shared->order, 1);
  await(DONE);
  while (children_of(init) > before) {
    if (now() - begun > PATIENCE)
      fail("%d orphans were not reaped", children_of(init) - before);
    sleep_ns(1 * MS);
  }
  tell("elapsed_ns", now() - begun);
  tell("cpu_ns", cpu_of(init) - cpu);
  end(init);
}

static void measure_zombies(int number) {
  pid_t init = start("zombies", number);
  await(READY);
  settle(init);
  set_word(&shared->order, 1);
  await(DONE);
  // Behind a crowd more is allowed than what counts as lost elsewhere.
  int64_t took = latency(init, SIGUSR1, PATIENCE);
  tell("lost", took < 0);
  tell("latency_ns", took < 0 ? PATIENCE : took);
  end(init);
}

static void measure_crowd(int number) {
  pid_t init = start("crowd", number);
  await(READY);
  settle(init);
  tell("resident_kb", memory_of(init, "Rss:"));
  tell("private_kb", memory_of(init, "Anonymous:"));
  probe(init, SIGUSR1, 100);
  int64_t asked = now();
  kill(init, SIGTERM);
  while (!has_ended() && now() - asked < PATIENCE)
    sleep_ns(1 * MS);
  tell("end_ns", now() - asked);
  end(init);
}

/* Whether an early stop came to nothing: the program runs, and has not heard of
   it when it hears of what was sent after it. Of two that wait an init takes
   the lower number first. */
static int is_lost(pid_t init) {
  if (!reaches(READY))
    return 0;
  for (int i = 0; i < LOST_MAX && count(SIGTERM) == 0 && !has_ended(); i++)
    if (latency(init, SIGWINCH, LOST_AFTER) >= 0)
      break;
  return count(SIGTERM) == 0 && !has_ended();
}

/* Exec and stop are both told their time beforehand, so that neither waits for
 * the other. */
static void measure_early(int number) {
  for (int i = 0; i < number; i++) {
    pid_t init = start_in(AHEAD, "plain", 0);
    sleep_until(shared->at_ns + EARLY_MAX * i / number);
    int64_t sent = now();
    kill(init, SIGTERM);
    int lost = is_lost(init);
    // On a busy machine the exec may be late; a stop from before it is about no
    // init.
    if (sent > shared->exec_ns && shared->exec_ns != 0) {
      tell("delay_ns", sent - shared->exec_ns);
      tell("lost", lost);
    }
    end(init);
  }
}

/* A process that does nothing but signal the init. */
static pid_t flood(pid_t init) {
  pid_t parent = getpid(), flooder = fork();
  if (flooder != 0)
    return flooder;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (getppid() == parent && kill(init, SIGUSR1) == 0) {
  }
  _exit(0);
}

static void measure_flood(int number) {
  pid_t init = start("plain", 0);
  await(READY);
  settle(init);
  pid_t flooder = flood(init);
  if (flooder < 0)
    fail("cannot fork: %s", strerror(errno));
  sleep_ns(20 * MS);
  probe(init, SIGTERM, number);
  kill(flooder, SIGKILL);
  await_end(flooder);
  end(init);
}

static void measure_storm(int number) {
  pid_t init = start("storm", 0);
  await(READY);
  sleep_ns(20 * MS);
  probe(init, SIGTERM, number);
  end(init);
}

static const struct {
  const char *name;
  void (*measure)(int);
} MEASURES[] = {
    {"idle", measure_idle},       {"start", measure_start},     {"signal", measure_signal},
    {"orphans", measure_orphans}, {"zombies", measure_zombies}, {"crowd", measure_crowd},
    {"early", measure_early},     {"flood", measure_flood},     {"storm", measure_storm},
};

static void find_self(void) {
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length < 0)
    fail("cannot read /proc/self/exe: %s", strerror(errno));
}

/* Its end follows that of whoever started it, also where that came first. */
static void follow(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if ((parent != 0 && getppid() != parent) || pipe2(alive, O_CLOEXEC) < 0)
    exit(1);
}

int main(int count, char **words) {
  if (count == 5 && strcmp(words[1], "program") == 0) {
    snprintf(path, sizeof path, "%s", words[2]);
    share();
    program(words[3], atoi(words[4]));
  }
  contain = getenv("CONTAIN");
  if (count < 6 || strcmp(words[5], "--") != 0)
    fail("usage: gauge MEASURE PARENT FOLDER NUMBER -- [INIT OPTIONS --]");
  prefix = words + 6;
  prefix_length = count - 6;
  find_self();
  if (strcmp(words[1], "launch") == 0) {
    snprintf(path, sizeof path, "%s", words[2]);
    share();
    launch(words[3], words[4]);
  }
  follow(atoi(words[2]));
  // Its number is that of the user who floods, so that two of these at a time
  // do not share a limit; in a namespace of its own each of them is 1.
  int own = contain == NULL ? getpid() : (int)(now() / US % 10000000);
  snprintf(path, sizeof path, "%s/shared.%d", words[3], own);
  share();
  prctl(PR_SET_TIMERSLACK, 1);
  for (unsigned i = 0; i < sizeof MEASURES / sizeof *MEASURES; i++)
    if (strcmp(MEASURES[i].name, words[1]) == 0) {
      MEASURES[i].measure(atoi(words[4]));
      puts("done 1");
      unlink(path);
      return 0;
    }
  fail("there is no measure %s", words[1]);
}
