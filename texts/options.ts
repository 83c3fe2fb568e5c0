// Every option of steady, once: the core's parser, `--help`, the manual page, the completions of shells and the tests are
// made from this table.

/** One option. `value` names its argument as the help shows it; an option without one is a flag. */
export interface OptionEntry {
  readonly name: string;
  readonly letter?: string;
  readonly long: string;
  readonly value?: string;
  /** What a value has to be, for whoever gave another. */
  readonly expected?: string;
  /** Whether `STEADY_<LONG>` in the environment sets it too. */
  readonly environment: boolean;
  /** Whether it exists under the name steady alone. */
  readonly steadys?: boolean;
  readonly help: string;
  /** What holds where nobody says anything, but for off; `-v` tells it. */
  readonly standard?: string;
  /** What the manual says besides, in whole sentences. */
  readonly manual?: string;
}

/** What is said to a value that is wrong. */
export const EXPECTED = {
  Signal: "expected a signal such as SIGTERM, TERM, 15 or RTMIN+3",
  Status: "expected a number from 0 to 255",
  Reap: "expected auto, kernel or wait",
  Name: "expected steady, tini, dumb-init or catatonit",
  Map: "expected FROM=TO,...: signals, TO also drop, FROM none of KILL, STOP and CHLD",
  Time: "expected a time up to a day: 500ms, 5s, 2m or 0",
  StopWithin: "expected more than 500ms, up to a day: 10s",
  Signals: "expected signals that can be taken: TERM,INT,QUIT",
  Trust: "expected any or outside",
  Rate: "expected a number of signals a second from 1/s to 9999/s",
  Sandbox: "expected on, off or strict",
  Guard: "expected a number, or one up to 100 with a percent sign",
  OnForkBomb: "expected log, stop, kill or end",
  Events: "expected text or json",
  Target: "expected stderr, fd:N or a path that begins with / and has fewer than 512 bytes",
  Probe: "expected a signal that PROGRAM can catch: USR2",
  Failures: "expected a number from 1 to 100",
  File: "expected a path that begins with / and has fewer than 512 bytes",
  User: "expected USER, USER:GROUP, USER:+GROUP,... or USER:GROUP:+GROUP,...; names or numbers",
  Caps: "expected names of capabilities(7) such as net_bind_service,kill",
  Path: "expected a path",
  Nproc: "expected a number from 1 to 999999",
  Zombies: "expected a number from 0 to 999999",
  Percent: "expected a number from 1 to 100",
};

export const OPTIONS: readonly OptionEntry[] = [
  { name: "Help", letter: "h", long: "help", environment: false, help: "Show this help and exit." },
  { name: "Version", long: "version", environment: false, help: "Show the version and exit." },
  { name: "License", letter: "l", long: "license", environment: false, help: "Show the licence and exit." },
  {
    name: "Attest",
    long: "attest",
    environment: false,
    help: "Show version, commit, machine, the digest of this file and its features, and exit.",
    manual:
      "A file that was tampered with can say anything: this tells one from another; steady-lab verify checks it.",
  },
  {
    name: "Install",
    long: "install",
    value: "PATH",
    expected: EXPECTED.Path,
    environment: false,
    steadys: true,
    help: "Copy this file to PATH, or into the folder PATH as steady, mode 0755, and exit.",
    manual:
      "It needs no shell, so that an init container can hand steady on. Whoever looks at PATH finds what was there before or the whole copy; a link at PATH is replaced and not followed. Where it cannot be done, a line says why, PATH stays as it was, and the status is 1. Under the name steady alone.",
  },
  {
    name: "Subreaper",
    letter: "s",
    long: "subreaper",
    environment: true,
    help: "Adopt orphans also where not PID 1 (under the name steady: always).",
    manual:
      "Where it is neither PID 1 nor a subreaper, orphans go to another and zombies stay. Under the names of tini a warning says so. Without it an init that is asked to adopt and cannot ends with 1.",
  },
  {
    name: "ParentDeath",
    letter: "p",
    long: "parent-death",
    value: "SIGNAL",
    expected: EXPECTED.Signal,
    environment: true,
    help: "Forward SIGNAL when the parent of the init dies.",
    manual:
      "The parent may have died before it was asked about: that is seen, too. KILL cannot be forwarded, so that the program then asks for it as well.",
  },
  {
    name: "Verbose",
    letter: "v",
    long: "verbose",
    environment: true,
    help: "Say more. Repeat up to 3 times.",
    manual:
      "Once: start, end and reaping. Twice: every signal. Three times: what is looked at and not found.",
  },
  {
    name: "WarnReaped",
    letter: "w",
    long: "warn-reaped",
    environment: true,
    help: "Warn for every orphan that is reaped (chooses --reap wait).",
    manual: "A program that leaves orphans behind does not wait for its children.",
  },
  {
    name: "Group",
    letter: "g",
    long: "group",
    environment: true,
    help: "Send signals to the process group of the program.",
    manual:
      "The group exists before the first signal can be sent to it. A process that left it, as daemons and shells with job control do, gets nothing by this.",
  },
  {
    name: "RemapExit",
    letter: "e",
    long: "remap-exit",
    value: "STATUS",
    expected: EXPECTED.Status,
    environment: true,
    help: "End with 0 where the program ends with STATUS (0 to 255). Repeatable.",
    manual:
      "143, for a program that ends by the SIGTERM that it was asked to stop with. What could not be started is not remapped.",
  },
  {
    name: "Reap",
    long: "reap",
    value: "auto|kernel|wait",
    expected: EXPECTED.Reap,
    environment: true,
    standard: "auto",
    help: "Who collects orphans that died: the kernel (Linux 6.16), or wait4 in batches.",
    manual: "auto lets the kernel do it where it can and no option has to see each of them.",
  },
  {
    name: "As",
    long: "as",
    value: "NAME",
    expected: EXPECTED.Name,
    environment: true,
    help: "Behave as steady, tini, dumb-init or catatonit, whatever the file is called.",
    manual: "The name of the file decides otherwise, and every name that it can have can stand here.",
  },
  {
    name: "Map",
    long: "map",
    value: "FROM=TO,...",
    expected: EXPECTED.Map,
    environment: true,
    help: "Send signal TO for FROM, or nothing where TO is drop. Repeatable.",
    manual:
      "By name or number, real-time signals, too. KILL, STOP and CHLD cannot be mapped. One step: USR1=HUP,HUP=USR1 changes the two over.",
  },
  {
    name: "Trust",
    long: "trust",
    value: "any|outside",
    expected: EXPECTED.Trust,
    environment: true,
    standard: "any",
    help: "Whose signals are sent on. Against accidents; a program that is not root is stronger.",
    manual:
      "Stronger is --user, an init that is root and a program that is not: then the kernel refuses every signal from inside. This option is hygiene against accidents and no boundary. outside believes the kernel, the terminal and whoever is outside of the PID namespace, as far as the kernel itself wrote that, and needs an init that is PID 1. A stop signal that was refused more than ten times in a second is passed on once, since a flood of them hides one from outside. Whoever fills the queue of signals of the user of the init can send what looks as from outside.",
  },
  {
    name: "Limit",
    long: "limit",
    value: "N/s",
    expected: EXPECTED.Rate,
    environment: true,
    help: "Send on at most N of each signal in a second (1/s to 9999/s); the rest waits.",
    manual:
      "It waits in the kernel, which keeps one of each standard signal and a queue of each real-time one, without a system call of the init. Of the queues at most 1000 signals are left when a second is over; more are dropped, and counted in a warning. What --trust refuses and what --map drops does not count.",
  },
  {
    name: "User",
    long: "user",
    value: "USER[:GROUP]",
    expected: EXPECTED.User,
    environment: true,
    help: "Run PROGRAM as this user: names of /etc/passwd and /etc/group, or numbers.",
    manual:
      "Without GROUP it has its group of /etc/passwd and every group of /etc/group that lists it; with GROUP that one alone. USER:+GROUPS and USER:GROUP:+GROUPS, with commas between GROUPS, add these. A number that is not in /etc/passwd needs a GROUP. Sets HOME, USER and LOGNAME. The init stays who it is, so that nobody inside can signal it.",
  },
  {
    name: "NoNewPrivs",
    long: "no-new-privs",
    environment: true,
    help: "PROGRAM and what it starts gain nothing by set-user-ID files.",
  },
  {
    name: "DropCaps",
    long: "drop-caps",
    value: "all|LIST",
    expected: EXPECTED.Caps,
    environment: true,
    help: "PROGRAM and what it starts never have these capabilities.",
    manual: "A LIST has names with commas between them: net_raw,SYS_CHROOT,cap_mknod.",
  },
  {
    name: "KeepCaps",
    long: "keep-caps",
    value: "LIST",
    expected: EXPECTED.Caps,
    environment: true,
    help: "PROGRAM has these capabilities, with --user too, and never others.",
    manual: "Wins over --drop-caps. One that the init does not have itself is an error.",
  },
  {
    name: "LimitNproc",
    long: "limit-nproc",
    value: "NUMBER",
    expected: EXPECTED.Nproc,
    environment: true,
    help: "RLIMIT_NPROC of PROGRAM, soft and hard (1 to 999999).",
    manual:
      "The kernel counts every process of the uid on the whole host, in other containers too, and not those of root: a program can meet the limit by what others start. A pids limit of the container has no such catch.",
  },
  {
    name: "Sandbox",
    long: "sandbox",
    value: "on|off|strict",
    expected: EXPECTED.Sandbox,
    environment: true,
    standard: "on",
    help: "What the init itself can still call once PROGRAM runs: what it needs, or all.",
    manual:
      "A seccomp filter for the init alone; -vvv prints what it leaves. Any other call is refused with EPERM. With strict the init is not dumpable either: /proc/1/environ, /proc/1/fd and the like are then closed to all but a root that has CAP_SYS_PTRACE, so that writing to /proc/1/fd/1 fails, and debuggers cannot attach. With --user on the command line STEADY_SANDBOX is ignored, since whoever may set a variable must not weaken it.",
  },
  {
    name: "Events",
    long: "events",
    value: "text|json",
    expected: EXPECTED.Events,
    environment: true,
    help: "Tell all that the init does, in a line for each event.",
    manual:
      "What was received from whom, what became of it, who was reaped, how it ended: docs/events.md has every event and field. Nobody is waited for; what could not be written is counted, and told of.",
  },
  {
    name: "EventsTo",
    long: "events-to",
    value: "stderr|fd:N|PATH",
    expected: EXPECTED.Target,
    environment: true,
    help: "Where the events go: stderr, a descriptor, or a file that they are appended to.",
    manual:
      "Without --events they are text. A PATH begins with /. The file is made where it is missing (0640); it has to be a regular file with one name, never reached by a symbolic link as its last part, that belongs to the init or to the user of --user. With --user it has to be there, and is opened as that user, with its groups: in a folder that they may not enter there is none. When it was moved away the next event goes to a new one; with --user only to one that these groups or everybody may write to, else on into the old. That events cannot be written is said in the log, once. With --user on the command line STEADY_EVENTS_TO is ignored, since whoever may set a variable must not write as root.",
  },
  {
    name: "Report",
    long: "report",
    value: "PATH",
    expected: EXPECTED.File,
    environment: true,
    help: "Write to PATH at the end why it ended, as one JSON object.",
    manual:
      "Which signal from whom, the status, how long it ran, what was left over: docs/status.md has every field. Whoever looks at PATH finds what was there before or the whole object, but where PATH is a mount, as /dev/termination-log in Kubernetes, or --user is given: then it is written in place. Which files it may be is as with --events-to, and so is the variable.",
  },
  {
    name: "Guard",
    value: "PERCENT|N",
    expected: EXPECTED.Guard,
    long: "guard",
    environment: true,
    help: "Look for a fork bomb from so many processes and threads on.",
    manual:
      "90% is a part of the smallest limit in force: of the cgroups that can be seen, RLIMIT_NPROC and kernel.pid_max. Where no cgroup has a limit it has to be a number. One file is read, every two seconds at most, and ten times a second from half of that number on.",
  },
  {
    name: "OnForkBomb",
    value: "log|stop|kill|end",
    expected: EXPECTED.OnForkBomb,
    long: "on-fork-bomb",
    environment: true,
    help: "What becomes of it: it is told, all is stopped, it is killed, or the container ends.",
    manual:
      "kill stops everything in one sweep, lets PROGRAM go on at once, kills what began since there were fewer and belongs together, and lets the rest go on; docs/guard.md tells what that can and cannot do. stop leaves it stopped to be looked at. end kills everything, with status 123. All but log need an init that is PID 1.",
  },
  {
    name: "StatusFile",
    long: "status-file",
    value: "PATH",
    expected: EXPECTED.File,
    environment: true,
    help: "Keep counters in PATH, where --status reads them.",
    manual:
      "Written after what happened, at most once a second, 1056 bytes that are written over. Which files it may be is as with --events-to, and so is the variable.",
  },
  {
    name: "NoEnv",
    long: "no-env",
    environment: false,
    help: "Ignore STEADY_* and TINI_* in the environment.",
    manual:
      "Whoever may set a variable then cannot say how the init behaves. The variables of options never reach the program, with or without it: an init further in must not do again what this one was asked for.",
  },
  {
    name: "Drain",
    long: "drain",
    value: "TIME",
    expected: EXPECTED.Time,
    environment: true,
    help: "How long what the program leaves behind may take to end.",
    standard: "2s (as PID 1, else 0)",
    manual:
      "When the program has ended, every process that is left gets SIGTERM and SIGCONT; what is still there after TIME is named and killed. The init waits for its own descendants alone, and ends with the program's status. As PID 1 the signals go to all of the namespace, outside only to descendants. 2s as PID 1 under the name steady, else 0.",
  },
  {
    name: "Grace",
    long: "grace",
    value: "TIME",
    expected: EXPECTED.Time,
    environment: true,
    help: "Kill the program where it has not ended TIME after the first stop signal.",
    manual:
      "And all else with it; the status is 124, and the log says why. A second stop signal does not start the time anew.",
  },
  {
    name: "StopWithin",
    long: "stop-within",
    value: "TIME",
    expected: EXPECTED.StopWithin,
    environment: true,
    help: "What the engine allows for a stop (docker stop: 10s, Kubernetes: 30s).",
    manual:
      "Counted from the first stop signal. Program and drain together end half a second before it, so that the log is written before the engine's SIGKILL.",
  },
  {
    name: "PreStop",
    long: "pre-stop",
    value: "TIME",
    expected: EXPECTED.Time,
    environment: true,
    help: "Send the first stop signal on only after TIME, while load balancers turn away.",
    manual: "Other stop signals wait with it; every other signal does not.",
  },
  {
    name: "StopSignals",
    long: "stop-signals",
    value: "SIGNAL,...",
    expected: EXPECTED.Signals,
    environment: true,
    help: "Which signals are a stop.",
    standard: "TERM,INT,QUIT",
  },
  {
    name: "KillOrphans",
    long: "kill-orphans",
    environment: true,
    help: "Send signals also to the orphans that the init has adopted.",
    manual: "Needs /proc. With -g those of the program's group do not get them twice.",
  },
  {
    name: "Notify",
    long: "notify",
    environment: true,
    help: "Give PROGRAM a NOTIFY_SOCKET, and hear what it says there (sd_notify).",
    manual:
      "READY=1, STOPPING=1, STATUS=, WATCHDOG=1, WATCHDOG=trigger, WATCHDOG_USEC=, EXTEND_TIMEOUT_USEC= and BARRIER=1, from root and the user of PROGRAM, and passed on where the init has got a NOTIFY_SOCKET itself. MAINPID= is refused. The next options turn it on too. See docs/watchdog.md.",
  },
  {
    name: "Watchdog",
    long: "watchdog",
    value: "TIME",
    expected: EXPECTED.Time,
    environment: true,
    help: "End PROGRAM where it has not said WATCHDOG=1 for TIME.",
    manual:
      "It finds TIME in WATCHDOG_USEC. One that falls silent has a moment more (TIME, at most a second), then gets SIGABRT, then, where it has not ended after --grace or 5s, SIGKILL; the status is 122. Ends with the first stop signal or STOPPING=1. With --ready-within it begins with READY=1.",
  },
  {
    name: "ReadyWithin",
    long: "ready-within",
    value: "TIME",
    expected: EXPECTED.Time,
    environment: true,
    help: "The same where it has not said READY=1 within TIME.",
    manual: "EXTEND_TIMEOUT_USEC= asks for more.",
  },
  {
    name: "ProbeEvery",
    long: "probe-every",
    value: "TIME",
    expected: EXPECTED.Time,
    environment: true,
    help: "Send PROGRAM a signal every TIME, to be answered with WATCHDOG=1.",
    manual: "A signal that it does not catch is not sent, and counts as not answered.",
  },
  {
    name: "ProbeWithin",
    long: "probe-within",
    value: "TIME",
    expected: EXPECTED.Time,
    environment: true,
    help: "The same: within which time (1s).",
  },
  {
    name: "ProbeSignal",
    long: "probe-signal",
    value: "SIGNAL",
    expected: EXPECTED.Probe,
    environment: true,
    help: "The same: which signal.",
  },
  {
    name: "ProbeFailures",
    long: "probe-failures",
    value: "NUMBER",
    expected: EXPECTED.Failures,
    environment: true,
    help: "The same: after how many without an answer it is ended (3).",
  },
  {
    name: "Status",
    long: "status",
    environment: false,
    steadys: true,
    help: "Tell how the container is, and exit.",
    manual:
      "Run beside the program, as by docker exec: which init PID 1 is, the main program and what a stop signal does to it, processes, zombies and the parent that does not wait for them, pids, memory and processors in use, and limits that are not set. Takes half a second, in which started processes are counted.",
  },
  {
    name: "Json",
    long: "json",
    environment: false,
    steadys: true,
    help: "The same as one JSON object.",
  },
  {
    name: "OpenMetrics",
    long: "openmetrics",
    environment: false,
    steadys: true,
    help: "The same as metrics for Prometheus.",
  },
  {
    name: "Health",
    long: "health",
    environment: false,
    steadys: true,
    help: "Tell whether the container is healthy, and exit with 0 or 1.",
    manual:
      "It is where the main program is there, not stopped and no zombie, and what the next two allow is kept. For Docker's HEALTHCHECK and the exec probes of Kubernetes.",
  },
  {
    name: "MaxZombies",
    long: "max-zombies",
    value: "NUMBER",
    expected: EXPECTED.Zombies,
    environment: false,
    steadys: true,
    help: "The same, with at most so many zombies (100).",
  },
  {
    name: "MaxPids",
    long: "max-pids",
    value: "PERCENT",
    expected: EXPECTED.Percent,
    environment: false,
    steadys: true,
    help: "The same, with at most so much of the pids limit in use (90).",
  },
  {
    name: "Probe",
    long: "probe",
    environment: false,
    steadys: true,
    help: "Have PID 1 ask PROGRAM by a signal, and exit with 0 once it has said WATCHDOG=1.",
    manual:
      "Needs --notify there. Status 1: there was no answer within --within; 2: it could not be asked, and a sentence says why. A signal that PROGRAM does not catch is not sent, nor SIGUSR1, by which Node.js opens its debugger. For exec probes; run it as root or as the user of PROGRAM.",
  },
  {
    name: "Within",
    long: "within",
    value: "TIME",
    expected: EXPECTED.Time,
    environment: false,
    steadys: true,
    help: "The same: within which time (1s).",
  },
];
