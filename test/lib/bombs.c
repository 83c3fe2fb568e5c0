/* What --guard is tried with: fork bombs of several shapes, which go on when a fork is refused,
   servers that start one when they are told to, and jobs that wait. Never to be started outside of
   a pids limit. It is part of no init. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SELF "/proc/self/exe"
#define TAKEN_MAX 63

static void rest(long milliseconds) {
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  nanosleep(&time, 0);
}

static void *stay(void *nothing) {
  for (;;) {
    pause();
  }
  return nothing;
}

/* Fork twice with a session and a name of its own: what is left has no parent but the init. */
static void leave(void) {
  char name[16];
  if (fork() != 0) {
    _exit(0);
  }
  setsid();
  snprintf(name, sizeof name, "b%d", getpid());
  prctl(PR_SET_NAME, name);
}

static void start_thread(void) {
  pthread_t thread;
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 16384);
  pthread_create(&thread, &small, stay, 0);
}

static void explode(const char *shape) {
  if (strcmp(shape, "threads") == 0) {
    start_thread();
  } else if (strcmp(shape, "slow") == 0) {
    rest(200);
    fork();
  } else if (fork() != 0) {
    while (strcmp(shape, "zombies") != 0 && waitpid(-1, 0, WNOHANG) > 0) {
    }
  } else if (strcmp(shape, "zombies") == 0) {
    _exit(0);
  } else if (strcmp(shape, "leaves") == 0) {
    stay(0);
  } else if (strcmp(shape, "sessions") == 0) {
    setsid();
  } else if (strcmp(shape, "orphans") == 0) {
    leave();
  } else if (strcmp(shape, "execs") == 0) {
    execl(SELF, shape, "bomb", shape, (char *)0);
  }
}

static void address(struct sockaddr_un *to, const char *path) {
  memset(to, 0, sizeof *to);
  to->sun_family = AF_UNIX;
  snprintf(to->sun_path, sizeof to->sun_path, "%s", path);
}

static int ask(const char *path, const char *what) {
  struct sockaddr_un to;
  char answer[TAKEN_MAX];
  struct timeval patience = {1, 0};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  address(&to, path);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd, (void *)&to, sizeof to) != 0 || write(fd, what, strlen(what)) < 0) {
    return 1;
  }
  ssize_t length = read(fd, answer, sizeof answer);
  return length > 0 && write(1, answer, length) == length ? 0 : 1;
}

/* "bomb SHAPE" becomes one, "sh COMMAND" a shell, anything else is answered. */
static void answer(int client, int is_child) {
  char what[TAKEN_MAX + 1] = {0};
  if (read(client, what, TAKEN_MAX) <= 0) {
    return;
  }
  dprintf(client, "%d\n", getppid());
  if (strchr(what, ' ') == 0 || (!is_child && fork() != 0)) {
    return;
  }
  close(client);
  signal(SIGCHLD, SIG_DFL);
  if (strncmp(what, "bomb ", 5) == 0) {
    execl(SELF, "bomb", "bomb", what + 5, (char *)0);
  }
  execl("/bin/bash", "bash", "-c", what + 3, (char *)0);
}

static void serve(int fd, int forks) {
  for (;;) {
    int client = accept(fd, 0, 0);
    if (client < 0) {
      continue;
    }
    if (!forks) {
      answer(client, 0);
    } else if (fork() == 0) {
      answer(client, 1);
      _exit(0);
    }
    close(client);
  }
}

int main(int count, char **words) {
  const char *what = count > 1 ? words[1] : "";
  if (strcmp(what, "bomb") == 0) {
    for (;;) {
      explode(words[2]);
    }
  }
  if (strcmp(what, "ask") == 0) {
    return ask(words[2], words[3]);
  }
  if (strcmp(what, "wait") == 0) {
    while (access(words[2], F_OK) != 0) {
      rest(20);
    }
    return 0;
  }
  struct sockaddr_un at;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  address(&at, words[2]);
  signal(SIGCHLD, SIG_IGN);
  if (bind(fd, (void *)&at, sizeof at) != 0 || listen(fd, 1000) != 0) {
    return 1;
  }
  /* What ran before the bomb; and workers of a server that has them from the start. */
  for (int i = count > 3 ? atoi(words[3]) : 1; i > 0; i--) {
    if (fork() == 0) {
      if (count > 3) {
        serve(fd, 0);
      }
      prctl(PR_SET_NAME, "before");
      stay(0);
    }
  }
  serve(fd, strcmp(what, "forks") == 0);
}
