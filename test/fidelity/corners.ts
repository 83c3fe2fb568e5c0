// Scripts that are played first, always: every signal in every state that it can find, every order, what chance seldom
// brings about, and every difference that a comparison has found. Steps of those who are dead by then are left out.

const signal = (signo: number): string => String(1n << BigInt(signo - 1));
const EVERY = "-1";
const SIGSTOP = 19;
const SIGCONT = 18;

/** One of each sort: ends, dumps a core, does nothing, continues, stops, kills, real-time. */
const SORTS = [15, 11, 28, SIGCONT, 20, SIGSTOP, 9, 35] as const;

const script = (setting: string, ...steps: (string | readonly string[])[]): string =>
  `${setting}: ${steps.flat().join("; ")}`;
const when = (condition: boolean, ...steps: string[]): string[] => (condition ? steps : []);
const repeat = (count: number, step: string): string[] => Array<string>(count).fill(step);

/** The three ways to send one signal to one process; the pidfd is 10. */
const WAYS = [
  (pid: number, signo: number) => `0 kill 0 ${pid} ${signo}`,
  (pid: number, signo: number) => `0 rt_sigqueueinfo 0 ${pid} ${signo} 1 0 77`,
  (_pid: number, signo: number) => `0 pidfd_send_signal 0 10 ${signo} 0 0 0 0`,
] as const;

function signals(): string[] {
  const scripts: string[] = [];
  for (const signo of SORTS)
    for (const state of ["running", "stopped", "process 1"])
      for (const blocked of [false, true])
        for (const ignored of [false, true])
          scripts.push(signalScript(signo, state, blocked, ignored, scripts.length));
  return scripts;
}

function signalScript(
  signo: number,
  state: string,
  blocked: boolean,
  ignored: boolean,
  index: number,
): string {
  const [slot, pid] = state === "process 1" ? [0, 1] : [1, 2];
  const send = (WAYS[index % WAYS.length] ?? WAYS[0])(pid, signo);
  return script(
    "plain",
    pid === 1 ? "0 pidfd_open 0 1" : "0 clone 1 1",
    when(ignored, `${slot} rt_sigaction ${slot} ${signo} 1`),
    when(blocked, `${slot} rt_sigprocmask ${slot} ${signal(signo)}`),
    when(state === "stopped", `0 kill 0 2 ${SIGSTOP}`),
    [send, send, "0 wait4 0 -1 11", `0 kill 0 2 ${SIGCONT}`, `${slot} rt_sigtimedwait ${slot} ${EVERY} 0`],
    [`${slot} rt_sigaction ${slot} ${signo} 0`, `${slot} rt_sigprocmask ${slot} 0`, "0 wait4 0 -1 11"],
  );
}

const zombies = SORTS.map((signo, index) =>
  script(
    "leader",
    "0 clone 1 1",
    "1 exit 1 3",
    (WAYS[index % WAYS.length] ?? WAYS[0])(2, signo),
    "0 wait4 0 2 1",
  ),
);

/** Everything pending at once, taken one by one: by a signalfd, and by rt_sigtimedwait. */
const taking = [`0 read 0 10 128 0`, `0 rt_sigtimedwait 0 ${EVERY} 0`].map((take) =>
  script(
    "plain",
    [`0 rt_sigprocmask 0 ${EVERY}`, `0 signalfd4 0 -1 ${EVERY}`],
    [35, 34, 34, 15, 10, 11, 4].map((signo, value) => `0 rt_sigqueueinfo 0 1 ${signo} 1 0 ${value}`),
    // A signal of the thread: nobody reads the pipe any more.
    ["0 pipe2 0", "0 close 0 11", "0 write 0 12 1 0", "0 read 0 10 64 0"],
    repeat(9, take),
  ),
);

/** Two children with something to tell, in each order. */
function waiting(): string[] {
  const news = {
    zombie: (slot: number) => [`${slot} exit ${slot} 0`],
    stopped: (slot: number) => [`0 kill 0 ${slot + 1} ${SIGSTOP}`],
    continued: (slot: number) => [`0 kill 0 ${slot + 1} ${SIGSTOP}`, `0 kill 0 ${slot + 1} ${SIGCONT}`],
  };
  const kinds = Object.values(news);
  return kinds.flatMap((first) =>
    kinds.map((second) =>
      script("plain", "0 clone 1 0", "0 clone 2 0", second(2), first(1), repeat(4, "0 wait4 0 -1 11")),
    ),
  );
}

const stops = [SIGCONT, 20].map((signo) =>
  script("leader", "0 clone 1 0", "1 setpgid 1 0 0", `1 rt_sigprocmask 1 ${signal(signo)}`, [
    `0 kill 0 2 ${signo}`,
    `0 kill 0 2 ${signo === SIGCONT ? 20 : SIGCONT}`,
    `0 kill 0 2 ${SIGCONT}`,
    "1 rt_sigprocmask 1 0",
    "0 wait4 0 -1 11",
  ]),
);

/** RLIMIT_NOFILE is 64, and the first ten are taken. */
const full = [
  "1 pidfd_open 1 1",
  "1 signalfd4 1 -1 1",
  "1 openat 1 0 /data",
  "1 pipe2 1",
  "1 clone 2 1",
  "1 fcntl_dupfd 1 0 10",
].map((step) =>
  script("plain", "0 clone 1 0", repeat(54, "1 fcntl_dupfd 1 0 10"), step, "1 close 1 63", "1 pipe2 1", step),
);

/** An ordinary user and process 1. */
const privilege = [
  script(
    "plain",
    "0 clone 1 1",
    "1 execve 1 /as-user",
    ["15", "18", "0"].map((signo) => `1 kill 1 1 ${signo}`),
    [
      "1 rt_sigqueueinfo 1 1 34 2 0 5",
      "1 kill 1 -1 15",
      "1 pidfd_open 1 1",
      "1 pidfd_send_signal 1 10 15 0 0 0 0",
      "1 seteuid 1 0",
      "0 kill 0 2 0",
      "0 setpgid 0 2 2",
      "0 kill 0 -2 15",
    ],
  ),
  script(
    "plain",
    "0 clone 1 1",
    "1 execve 1 /as-user",
    "0 seteuid 0 1234",
    "0 kill 0 2 15",
    "0 kill 0 2 18",
    ["0 seteuid 0 0", "0 kill 0 2 15"],
  ),
  script("leader", "0 clone 1 1", "0 clone 2 0", "1 execve 1 /as-user", "2 execve 2 /without-kill", [
    "2 capget 2",
    "2 kill 2 2 15",
    "2 kill 2 2 18",
    "2 kill 2 -1 10",
    "2 rt_sigqueueinfo 2 2 10 3 0 1",
    "0 kill 0 2 15",
  ]),
  script("plain", "0 openat 0 0 /denied", "0 openat 0 2 /denied", "0 chdir 0 /denied", "0 clone 1 0", [
    "1 execve 1 /denied",
    "1 execve 1 /as-user",
    "0 openat 0 2 /proc/2/fd",
    "1 openat 1 2 /proc/1/fd",
    "1 openat 1 2 /proc/self/fd",
  ]),
];

/** Becoming another user for good, and giving capabilities up, as a child does before it executes. */
const dropping = [
  script(
    "plain",
    "0 clone 1 1",
    [
      "1 setgroups 1 2 7 8",
      "1 setfsgid 1 8",
      "1 get_dumpable 1",
      "1 setgid 1 7",
      "1 setfsgid 1 -1",
      "1 setgid 1 -1",
      "1 setuid 1 -1",
      "1 setuid 1 1234",
      "1 setuid 1 1234",
    ],
    [
      "1 setuid 1 0",
      "1 setfsgid 1 8",
      "1 setfsgid 1 7",
      "1 setgid 1 0",
      "1 setgid 1 7",
      "1 setgroups 1 1 7",
      "1 capset 1 32",
      "1 capset 1 0",
    ],
    ["1 prctl 1 24 5 0", "1 kill 1 1 15", "0 kill 0 2 15"],
  ),
  script(
    "plain",
    "0 clone 1 1",
    ["1 prctl 1 23 5 0", "1 prctl 1 23 40 0", "1 prctl 1 23 41 0", "1 prctl 1 23 -1 0", "1 prctl 1 24 64 0"],
    ["1 prctl 1 24 5 0", "1 prctl 1 23 5 0", "1 capget 1", "1 capset 1 448", "1 capget 1", "1 capset 1 32"],
    ["1 execve 1 /again", "1 capget 1", "1 kill 1 1 0"],
  ),
  script(
    "plain",
    "0 clone 1 1",
    ["1 prctl 1 8 1 0", "1 prctl 1 8 2 0", "1 prctl 1 47 2 5", "1 prctl 1 47 9 5", "1 prctl 1 47 2 64"],
    ["1 setuid 1 1234", "1 capget 1", "1 capset 1 32", "1 capget 1", "1 prctl 1 47 2 5", "1 prctl 1 47 2 7"],
    ["1 execve 1 /again", "1 capget 1", "1 kill 1 1 0", "1 setuid 1 0"],
  ),
  script(
    "plain",
    "0 clone 1 1",
    ["1 prctl 1 38 1 0", "1 prctl 1 38 0 0", "1 prctl 1 38 1 1", "1 prctl 1 999 0 0", "1 capset 1 32"],
    [
      "1 setrlimit_nproc 1 400",
      "1 setrlimit_nproc 1 401",
      "1 getrlimit_nproc 1",
      "1 execve 1 /again",
      "1 capget 1",
    ],
  ),
  // A filter needs no_new_privs or CAP_SYS_ADMIN, is one more where there is one, and stays over an exec and in a child.
  script(
    "plain",
    "0 clone 1 1",
    ["1 seccomp 1 30 -1", "1 seccomp 1 21 7", "1 setuid 1 1234", "1 seccomp 1 30 23", "1 prctl 1 38 1 0"],
    [
      "1 seccomp 1 30 23",
      "1 prctl 1 23 5 0",
      "1 prctl 1 38 1 0",
      "1 seccomp 1 21 0",
      "1 kill 1 0 0",
      "1 kill 1 2 0",
    ],
    ["1 execve 1 /again", "1 prctl 1 23 5 0", "1 kill 1 0 0", "1 kill 1 2 0"],
  ),
];

/** RLIMIT_SIGPENDING is 3, RLIMIT_NPROC 5. */
const limits = [
  script(
    "user",
    `0 rt_sigprocmask 0 ${EVERY}`,
    "0 pidfd_open 0 1",
    [34, 34, 35, 35, 15, 12].flatMap((signo) => [
      `0 rt_sigqueueinfo 0 1 ${signo} 1 0 9`,
      `0 pidfd_send_signal 0 10 ${signo} 0 ${signo} 8 1`,
      `0 kill 0 1 ${signo}`,
    ]),
    repeat(9, `0 rt_sigtimedwait 0 ${EVERY} 0`),
  ),
  script(
    "user",
    [1, 2, 3, 4, 5].map((slot) => `0 clone ${slot} 1`),
    "1 exit 1 0",
    "0 clone 5 1",
    "0 wait4 0 -1 1",
    "0 clone 5 1",
  ),
];

const jobs = [
  // A parent may not move a child that has executed; nobody may move the leader of a session, or into another session.
  script("leader", "0 clone 1 0", "0 clone 2 0", "0 setpgid 0 2 0", "1 execve 1 /again", "0 setpgid 0 2 3", [
    "2 execve 2 /in-session",
    "0 setpgid 0 3 0",
    "2 setpgid 2 0 0",
    "0 clone 3 0",
    "3 setpgid 3 0 3",
    "3 setpgid 3 0 1",
    "1 setpgid 1 0 3",
  ]),
  // The foreground goes round; whoever is in the background and reads or takes it is stopped, unless nobody could help.
  script(
    "front",
    "0 clone 1 0",
    "1 setpgid 1 0 0",
    "1 tcgetpgrp 1 0",
    "1 tcsetpgrp 1 0 2",
    "0 wait4 0 -1 11",
    [
      "0 tcsetpgrp 0 0 2",
      "0 kill 0 2 18",
      "1 tcgetpgrp 1 0",
      "1 tcsetpgrp 1 0 1",
      "1 read 1 0 16 0",
      "0 wait4 0 -1 11",
      "0 kill 0 2 15",
      "0 tcgetpgrp 0 0",
    ],
  ),
  script(
    "front",
    "0 clone 1 0",
    "1 setpgid 1 0 0",
    "1 rt_sigaction 1 21 1",
    "1 read 1 0 16 0",
    `1 rt_sigprocmask 1 ${signal(22)}`,
    [
      "1 tcsetpgrp 1 0 2",
      "0 tcsetpgrp 0 0 999",
      "0 rt_sigprocmask 0 -1",
      "0 tcsetpgrp 0 0 999",
      "0 tcsetpgrp 0 0 -1",
      "0 clone 2 0",
      "2 execve 2 /in-session",
      "0 tcsetpgrp 0 0 3",
      "2 tcgetpgrp 2 0",
      "2 tcsetpgrp 2 0 3",
    ],
  ),
  script("terminal", "0 clone 1 0", "1 tcgetpgrp 1 0", "1 setpgid 1 0 0", "0 tcsetpgrp 0 0 2", [
    "0 tcgetpgrp 0 0",
    "0 read 0 0 16 0",
    "0 tcsetpgrp 0 0 2",
    "1 exit 1 0",
    "0 tcgetpgrp 0 0",
  ]),
  // A leader gives its terminal up, which tells the foreground in the leader's own name; the next session takes it.
  script(
    "front",
    `0 rt_sigprocmask 0 ${signal(1)}`,
    "0 signalfd4 0 -1 1",
    "0 clone 1 0",
    "1 control_terminal 1 0 1",
    "0 control_terminal 0 0 0",
    ["0 read 0 10 128 0", "0 control_terminal 0 0 0", "1 setsid 1", "1 setsid 1", "1 getsid 1"],
    ["1 control_terminal 1 0 1", "1 control_terminal 1 0 1", "1 tcgetpgrp 1 0", "0 control_terminal 0 0 1"],
  ),
  // Who leads nothing gives up its own alone; another session does not get what somebody has.
  script("front", "0 setsid 0", "0 clone 1 0", "0 clone 2 0", "1 control_terminal 1 0 0", [
    "1 tcgetpgrp 1 0",
    "0 tcgetpgrp 0 0",
    "2 setsid 2",
    "2 control_terminal 2 0 1",
  ]),
  // A session leader that ends takes the terminal along; the foreground is told.
  script(
    "front",
    "0 clone 1 0",
    "1 execve 1 /with-terminal",
    "1 clone 2 0",
    "2 setpgid 2 0 0",
    "1 tcsetpgrp 1 0 3",
    ["1 exit 1 0", "0 wait4 0 -1 11", "0 tcgetpgrp 0 0"],
  ),
  // The same of the group that reaches out of the namespace.
  script("terminal", [
    "0 clone 1 0",
    "1 clone 2 0",
    "1 setpgid 1 0 0",
    "0 kill 0 3 19",
    "0 kill 0 2 9",
    "0 wait4 0 -1 11",
  ]),
  // A group with a stopped member that loses its last tie to the session is told to go on and go.
  script(
    "leader",
    "0 clone 1 0",
    "1 clone 2 0",
    "2 setpgid 2 0 0",
    "1 setpgid 1 0 0",
    "0 kill 0 3 19",
    "1 exit 1 0",
    "0 wait4 0 -1 11",
  ),
];

/** Datagrams: who may send to whom, from whom they come, and how long a queue may be. */
const sockets = [
  script(
    "plain",
    "0 clone 1 0",
    ["0 socket 0", "0 pass_credentials 0 10", "0 bind 0 10 0", "0 bind 0 10 1"],
    [
      "1 socket 1",
      "1 bind 1 10 0",
      "1 bind 1 10 8",
      "1 sendto 1 10 5 0",
      "1 connect 1 10 1",
      "1 connect 1 10 9",
      "1 connect 1 10 8",
      "1 connect 1 10 0",
      "1 sendto 1 10 100 7",
      "1 sendto 1 10 0 7",
      "1 execve 1 /as-user",
      "0 ppoll 0 1 0 21474836490",
      "0 recvmsg 0 10 96",
      "0 recvmsg 0 10 96",
      "0 recvmsg 0 10 96",
    ],
  ),
  // The uid is the real one, also of who is gone.
  script(
    "plain",
    [
      "0 clone 1 0",
      "0 socket 0",
      "0 pass_credentials 0 10",
      "0 bind 0 10 0",
      "1 setuid 1 1234",
      "1 socket 1",
    ],
    ["1 connect 1 10 0", "1 sendto 1 10 4097 1", "1 exit 1 0", "0 wait4 0 -1 1", "0 recvmsg 0 10 10"],
  ),
  // One that is connected hears nobody else.
  script(
    "plain",
    ["0 socket 0", "0 bind 0 10 0", "0 socket 0", "0 bind 0 11 1", "0 socket 0", "0 connect 0 10 1"],
    ["0 connect 0 12 0", "0 sendto 0 10 3 1", "0 recvmsg 0 11 96", "0 close 0 11", "0 sendto 0 10 3 1"],
    ["0 sendto 0 10 3 1", "0 connect 0 12 0", "0 sendto 0 12 2 9", "0 recvmsg 0 10 96"],
  ),
  script(
    "plain",
    ["0 socket 0", "0 bind 0 10 0", "0 socket 0", "0 connect 0 11 0", "0 socket 0", "0 bind 0 12 1"],
    ["0 connect 0 10 1", "0 sendto 0 11 3 1", "0 recvmsg 0 10 9"],
  ),
  script(
    "plain",
    "0 socket 0",
    "0 bind 0 10 0",
    "0 socket 0",
    "0 connect 0 11 0",
    repeat(12, "0 sendto 0 11 1 1"),
    ["0 ppoll 0 1 0 21474836491", "0 recvmsg 0 10 9", "0 sendto 0 11 1 2"],
  ),
  // Who wants to know the sender of what was sent before is told of nobody.
  script(
    "plain",
    ["0 socket 0", "0 bind 0 10 0", "0 socket 0", "0 connect 0 11 0", "0 sendto 0 11 3 1"],
    ["0 sendto 0 11 3 2", "0 recvmsg 0 10 9", "0 pass_credentials 0 10", "0 recvmsg 0 10 9"],
    ["0 pass_credentials 0 11", "0 sendto 0 11 3 3", "0 bind 0 11 2", "0 recvmsg 0 10 9", "0 getrandom 0 16"],
  ),
  // Who passes credentials has a name that an answer goes to; who has chosen a long one has not, where 8 bytes are kept.
  script(
    "plain",
    ["0 socket 0", "0 bind 0 10 0", "0 socket 0", "0 pass_credentials 0 11", "0 sendto 0 11 3 1 1"],
    [
      "0 recvmsg 0 10 9 5",
      "0 recvmsg 0 11 9",
      "0 sendto 0 11 3 1 2",
      "0 sendto 0 11 3 1 10",
      "0 sendto 0 11 3 1 9",
    ],
    ["0 socket 0", "0 sendto 0 12 3 1 1", "0 recvmsg 0 10 9 5", "0 bind 0 12 1", "0 sendto 0 12 3 1 1"],
    [
      "0 recvmsg 0 10 9 5",
      "0 connect 0 12 0",
      "0 sendto 0 12 3 1 2",
      "0 connect 0 10 1",
      "0 sendto 0 11 3 1 1",
    ],
  ),
  script(
    "plain",
    "0 clone 1 0",
    [63, 0].flatMap((fd) => [
      `1 bind 1 ${fd} 0`,
      `1 connect 1 ${fd} 0`,
      `1 pass_credentials 1 ${fd}`,
      `1 recvmsg 1 ${fd} 9`,
      `1 sendto 1 ${fd} 1 1`,
    ]),
    repeat(55, "1 socket 1"),
  ),
];

const files = [
  script(
    "plain",
    "0 pipe2 0",
    "0 write 0 11 100 1",
    repeat(5, "0 write 0 11 16384 2"),
    "0 pwritev2 0 11 10 3 0",
    [
      "0 pwritev2 0 11 10 3 1",
      "0 pipe2 0",
      "0 write 0 13 5000 4",
      "0 splice 0 12 11 4096",
      "0 read 0 10 16384 0",
      "0 splice 0 12 11 16384",
      "0 read 0 10 100 0",
      "0 ppoll 0 2 0 4294967306 17179869195",
      "0 close 0 10",
      "0 ppoll 0 2 0 4294967306 17179869195",
      "0 rt_sigprocmask 0 4096",
      "0 write 0 11 1 0",
      "0 pwritev2 0 11 1 0 0",
      "0 pwritev2 0 11 1 0 1",
      "0 pwritev2 0 11 1 0 2",
      "0 write 0 13 1 0",
      "0 splice 0 12 11 1",
      "0 sendto 0 11 1 0",
    ],
  ),
  script(
    "plain",
    "0 clone 1 0",
    "0 openat 0 0 /proc/2/status",
    "0 openat 0 0 /proc/2/comm",
    "1 exit 1 0",
    "0 wait4 0 2 1",
    ["0 read 0 10 128 0", "0 read 0 11 128 0"],
  ),
  script(
    "plain",
    "0 openat 0 2 /proc/self/fd",
    "0 getdents64 0 10 16",
    "0 getdents64 0 10 100",
    "0 getdents64 0 10 4096",
    [
      "0 getdents64 0 10 4096",
      "0 getdents64 0 0 100",
      "0 getdents64 0 63 100",
      "0 read 0 10 100 0",
      "0 openat 0 2 /data",
      "0 close_range 0 12 11",
      "0 close_range 0 10 63",
      "0 fcntl_dupfd 0 0 -1",
      "0 fcntl_dupfd 0 0 64",
    ],
  ),
  // Nothing is to come, and nobody reads: the reader who left counts first.
  script(
    "plain",
    [
      "0 pipe2 0",
      "0 pipe2 0",
      "0 rt_sigprocmask 0 4096",
      "0 close 0 11",
      "0 splice 0 10 13 100",
      "0 close 0 12",
    ],
    ["0 splice 0 10 13 100", "0 rt_sigtimedwait 0 4096 0"],
  ),
  // A folder of descriptors that was told to its end, and one whose process is gone.
  script(
    "plain",
    ["0 openat 0 2 /proc/self/fd", "0 getdents64 0 10 4096", "0 clone 1 1", "0 getdents64 0 10 20"],
    [
      "0 openat 0 2 /proc/2/fd",
      "1 exit 1 0",
      "0 getdents64 0 12 4096",
      "0 wait4 0 2 1",
      "0 getdents64 0 12 4096",
    ],
  ),
  // A write of nothing asks for no flag, and what cannot be written at all is no question of flags.
  script("plain", "0 pipe2 0", "0 pwritev2 0 0 0 75 0", "0 pwritev2 0 0 0 75 1", "0 signalfd4 0 -1 0", [
    "0 pwritev2 0 12 1 1 0",
    "0 pwritev2 0 12 0 1 0",
    "0 write 0 12 1 1",
  ]),
  // Once spliced, a pipe takes RWF_NOWAIT no more, whatever came of it.
  script(
    "plain",
    "0 pipe2 0",
    "0 splice 0 11 10 4096",
    "0 pwritev2 0 11 100 1 0",
    "0 pipe2 0",
    "0 pwritev2 0 13 100 1 0",
    ["0 splice 0 12 11 4096", "0 pwritev2 0 13 100 1 0", "0 read 0 10 4096 0"],
  ),
  script("plain", "0 chdir 0 /proc/self/fd", "0 chdir 0 /proc/self/status", "0 chdir 0 /missing"),
];

const NAME_TOO_LONG = `/${"x".repeat(256)}`;
const edges = [
  script(
    "plain",
    ["0 openat 0 0", "0 chdir 0", "0 statx_at 0 -100"].map((call) => `${call} ${NAME_TOO_LONG}`),
    ["0 clone 1 0", `1 execve 1 ${NAME_TOO_LONG}`, "0 ppoll 0 65 0", "0 pipe2 0", "0 close 0 10"],
    ["0 pwritev2 0 11 1 0 1", "0 rt_sigprocmask 0 -1", "0 pwritev2 0 11 1 0 0", "0 rt_sigtimedwait 0 -1 0"],
  ),
];

/** Files that are made, named anew and taken away again: whatever a script makes it removes. */
const NEW = 3;
const r = "r".charCodeAt(0);
const changes = [
  script(
    "plain",
    [
      `0 openat 0 ${NEW} /new`,
      `0 openat 0 ${NEW} /new`,
      "0 write 0 10 100 7",
      "0 read 0 10 16 0",
      "0 statx 0 10",
    ],
    ["0 fsync 0 10", "0 fchmod 0 10", "0 openat 0 0 /new", "0 read 0 11 16 0", "0 write 0 11 1 0"],
    [
      `0 renameat2 0 ${r} /new`,
      "0 openat 0 0 /new",
      "0 openat 0 0 /ner",
      "0 read 0 12 128 0",
      "0 fsync 0 12",
    ],
    [`0 openat 0 ${NEW} /nes`, `0 renameat2 0 ${r} /nes`, "0 openat 0 0 /ner", "0 read 0 14 16 0"],
    ["0 close 0 13", "0 unlinkat 0 /nes", "0 unlinkat 0 /ner", "0 unlinkat 0 /ner", "0 write 0 10 5 0"],
  ),
  script(
    "plain",
    [
      `0 openat 0 ${NEW} /foldes`,
      `0 renameat2 0 ${r} /foldes`,
      "0 unlinkat 0 /foldes",
      `0 renameat2 0 ${r} /foldes`,
    ],
    ["/missing/file", "/data/below", "/folder", "/data", NAME_TOO_LONG].map(
      (path) => `0 openat 0 ${NEW} ${path}`,
    ),
    ["/missing/file", "/data/below", "/folder", NAME_TOO_LONG].map((path) => `0 unlinkat 0 ${path}`),
    ["/missing/file", "/data/below", NAME_TOO_LONG].map((path) => `0 renameat2 0 ${r} ${path}`),
    [
      "0 fsync 0 10",
      "0 fchmod 0 10",
      "0 fsync 0 50",
      "0 fchmod 0 50",
      "0 pipe2 0",
      "0 fsync 0 11",
      "0 fsync 0 0",
    ],
    [`0 openat 0 ${NEW} /folder/new`, `0 renameat2 0 ${r} /folder/new`, "0 unlinkat 0 /folder/ner"],
  ),
  // Somebody else may read what is root's and change nothing of it.
  script(
    "plain",
    ["0 clone 1 0", "1 execve 1 /as-user", `1 openat 1 ${NEW} /new`, `1 openat 1 ${NEW} /data`],
    ["1 unlinkat 1 /data", "1 unlinkat 1 /folder", "1 unlinkat 1 /new", `1 renameat2 1 ${r} /data`],
    ["1 openat 1 0 /data", "1 fchmod 1 10", "1 fsync 1 10"],
  ),
];

/** Every question that has no arguments, and targets that are not there or not of the kind. */
const questions = [
  script(
    "plain",
    [
      "getpid",
      "getppid",
      "getpgid",
      "getsid",
      "geteuid",
      "capget",
      "getrlimit_nproc",
      "clock_gettime",
      "release",
    ].map((call) => `0 ${call} 0`),
    ["0 get_child_subreaper 0", "0 set_child_subreaper 0", "0 get_child_subreaper 0"],
    [
      "0 get_dumpable 0",
      "0 set_dumpable 0 2",
      "0 set_dumpable 0 0",
      "0 get_dumpable 0",
      "0 set_pdeathsig 0 65",
    ],
  ),
  script(
    "plain",
    [
      "0 setpgid 0 0 -1",
      "0 setpgid 0 999 0",
      "0 wait4 0 -1 4097",
      "0 wait4 0 -2147483648 1",
      "0 pidfd_open 0 0",
    ],
    ["0 signalfd4 0 63 1", "0 signalfd4 0 0 1", "0 kill 0 1 65", "0 rt_sigqueueinfo 0 1 65 1 0 0"],
    ["0 rt_sigqueueinfo 0 999 10 1 0 0", "0 pidfd_send_signal 0 63 10 0 0 0 0", "0 pidfd_open 0 1"],
    [
      "0 pidfd_send_signal 0 10 10 0 12 0 1",
      "0 tcgetpgrp 0 63",
      "0 tcsetpgrp 0 63 1",
      "0 control_terminal 0 63 0",
      "0 control_terminal 0 0 1",
      "0 fcntl_dupfd 0 63 0",
    ],
    [
      "0 openat 0 0 /missing",
      "0 read 0 63 1 0",
      "0 write 0 63 1 0",
      "0 pwritev2 0 63 1 0 0",
      "0 sendto 0 63 1 0",
    ],
    ["0 pipe2 0", "0 splice 0 11 12 1", "0 splice 0 63 12 1", "0 close 0 63", "0 statx 0 0", "0 statx 0 63"],
    ["0 statx_at 0 0", "0 statx_at 0 63", "0 statx_at 0 -100 /data", "0 statx_at 0 -100 /folder"],
    ["0 statx_at 0 -100 /missing", "0 statx_at 0 -100 /data/below"],
    [
      "0 openat 0 5 /missing",
      "0 openat 0 4 /folder",
      "0 openat 0 4 /data",
      "0 openat 0 5 /data",
      "0 clock_gettime 0 1",
    ],
    ["0 statx 0 11", "0 pidfd_get_info 0 63 8", "0 pidfd_get_info 0 0 8"],
  ),
];

const execs = script(
  "plain",
  "0 clone 1 0",
  ["/text", "/data", "/folder", "/missing", "/data/below", "/again"].map((path) => `1 execve 1 ${path}`),
);

const pidfds = [
  // Whether a process would dump its core, asked of one that lives, is dead, is gone.
  script(
    "plain",
    "0 clone 1 1",
    "0 pidfd_get_info 0 10 16",
    "1 set_dumpable 1 0",
    "0 pidfd_get_info 0 10 24",
    [
      "0 kill 0 2 9",
      "0 pidfd_get_info 0 10 16",
      "0 pidfd_get_info 0 10 24",
      "0 ppoll 0 1 0 4294967306",
      "0 wait4 0 -1 1",
      "0 ppoll 0 1 0 10",
      "0 pidfd_get_info 0 10 24",
      "0 pidfd_get_info 0 10 16",
      "0 pidfd_send_signal 0 10 0 0 0 0 0",
      "0 pidfd_open 0 2",
    ],
  ),
  // The kernel reaps: the status is there for whoever holds the pidfd.
  ...[1, 2].map((action) =>
    script(
      "plain",
      `0 rt_sigprocmask 0 ${signal(17)}`,
      `0 rt_sigaction 0 17 ${action}`,
      "0 clone 1 1",
      "0 clone 2 1",
      [
        "1 exit 1 7",
        "0 kill 0 3 15",
        "0 ppoll 0 2 0 10 11",
        "0 pidfd_get_info 0 10 8",
        "0 pidfd_get_info 0 11 8",
        "0 wait4 0 -1 1",
        `0 rt_sigtimedwait 0 ${EVERY} 0`,
        `0 rt_sigtimedwait 0 ${EVERY} 0`,
      ],
    ),
  ),
  // Zombies of before stay, and orphans go where they should.
  script(
    "plain",
    "0 clone 1 0",
    "0 clone 2 0",
    "2 clone 3 0",
    "3 clone 4 0",
    "2 set_child_subreaper 2",
    "4 set_pdeathsig 4 12",
    ["1 exit 1 0", "0 rt_sigaction 0 17 1", "3 exit 3 0", "2 exit 2 0", "0 wait4 0 -1 1"],
  ),
];

/** Two families die at one moment: whose child comes to process 1 first is open. */
export const AT_ONCE = script(
  "plain",
  ["0 clone 1 0", "0 clone 2 0", "1 clone 3 0", "2 clone 4 0"],
  ["0 kill 0 -1 9", ...repeat(5, "0 wait4 0 -1 1")],
);

export const CORNERS: readonly string[] = [
  ...signals(),
  ...zombies,
  ...taking,
  ...waiting(),
  ...stops,
  ...full,
  ...privilege,
  ...dropping,
  ...limits,
  ...jobs,
  ...sockets,
  ...files,
  ...questions,
  ...edges,
  ...changes,
  execs,
  ...pidfds,
  AT_ONCE,
];
