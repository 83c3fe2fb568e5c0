// Every sentence that the init can say, by name. `core/texts.ts` and the read-only segment are made from it.
//
// A `%` and a letter stand for a value that the core fills in (core/log.ts):
//   %d number   %e sentence for an errno   %g sentence for a signal   %p argument of the command line
//   %v value of an option   %t another of these texts   %n the name the init was called by   %x a digest in memory
//   %s a name in memory, which others chose
//   %a the same with its folders   %_ nothing: the first value is left out

import { catatonitMessages } from "./catatonit.ts";
import { dumbInitMessages } from "./dumb-init.ts";
import { eventMessages } from "./events.ts";
import { OPTIONS, type OptionEntry } from "./options.ts";
import { SHA256_CONSTANTS } from "./sha256.ts";
import { statusMessages } from "./status.ts";

export const VERSION = "1.0.0";

/** tini's release whose command line, messages and statuses steady reproduces. */
const TINI = "0.19.0";

const tiniUsage = `\
%n (tini version ${TINI}_steady-${VERSION})
Usage: %n [OPTIONS] PROGRAM -- [ARGS] | --version

Execute a program under the supervision of a valid init process (%n)

Command line options:

  --version: Show version and exit.
  -h: Show this help message and exit.
  -s: Register as a process subreaper (requires Linux >= 3.4).
  -p SIGNAL: Trigger SIGNAL when parent dies, e.g. "-p SIGKILL".
  -v: Generate more verbose output. Repeat up to 3 times.
  -w: Print a warning when processes are getting reaped.
  -g: Send signals to the child's process group.
  -e EXIT_CODE: Remap EXIT_CODE (from 0 to 255) to 0.
  -l: Show license and exit.

Environment variables:

  TINI_SUBREAPER: Register as a process subreaper (requires Linux >= 3.4).
  TINI_VERBOSITY: Set the verbosity level (default: 1).
  TINI_KILL_PROCESS_GROUP: Send signals to the child's process group.

`;

function optionHelp(option: OptionEntry): string {
  const letter = option.letter === undefined ? "    " : `-${option.letter}, `;
  const head = `  ${letter}--${option.long}${option.value === undefined ? "" : ` ${option.value}`}`;
  return `${head.padEnd(32)} ${option.help}\n`;
}

const steadyUsage = `\
%n (steady version ${VERSION})
Usage: %n [OPTIONS] [--] PROGRAM [ARGS...]

Run PROGRAM as the main program of a container: forward signals to it, reap what
dies, and end with its status. Options end at the first operand.

Options:

${OPTIONS.map(optionHelp).join("")}
A SIGNAL is a name or a number: SIGTERM, TERM, 15, RTMIN+3.

Environment: STEADY_<OPTION> sets that option (STEADY_REAP=wait; 0, false and empty
turn a flag off); the command line wins. TINI_SUBREAPER, TINI_VERBOSITY and
TINI_KILL_PROCESS_GROUP are understood too.

Exit status: PROGRAM's, or 128+n when signal n ended it; 1 wrong usage; 120 the core
failed; 122 PROGRAM was not well (--watchdog); 123 --on-fork-bomb end; 124 PROGRAM did
not end in time (--grace); 125 it could not be started, 126 not be executed, 127 not
be found.
`;

/** The commit whose build says so (docs/decisions/0014-attest.md); every other build is of none. */
function commit(): string {
  const { SOURCE_COMMIT = "" } = process.env;
  if (SOURCE_COMMIT === "") return "unknown";
  if (/^[0-9a-f]{40}$/.test(SOURCE_COMMIT)) return SOURCE_COMMIT;
  throw new Error(`SOURCE_COMMIT is no commit: ${JSON.stringify(SOURCE_COMMIT)} (40 hexadecimal digits)`);
}

/** What can be asked of it, by the options that have a say in what happens. */
const FEATURES = OPTIONS.filter(({ environment }) => environment).map(({ long }) => long);

const attestation = `\
name: steady
version: ${VERSION}
commit: ${commit()}
machine: %t
sha256: %x
features: ${FEATURES.join(" ")}
`;

export const MESSAGES = {
  LevelFatal: "FATAL",
  LevelWarn: "WARN ",
  LevelInfo: "INFO ",
  LevelDebug: "DEBUG",
  LevelTrace: "TRACE",

  // Between the two stands a pid.
  Prefix: "[%t %t (",
  PrefixEnd: ")] ",

  NameSteady: "steady",
  NameTini: "tini",
  NameDumbInit: "dumb-init",
  NameCatatonit: "catatonit",
  NameTiniStatic: "tini-static",
  NameDockerInit: "docker-init",
  NamePodmanInit: "podman-init",

  VersionSteady: `steady version ${VERSION}\n`,
  VersionTini: `tini version ${TINI}_steady-${VERSION}\n`,
  UsageSteady: steadyUsage,
  UsageTini: tiniUsage,

  Attestation: attestation,
  MachineX86: "x86-64",
  MachineArm64: "arm64",
  MachineArmv7: "armv7",
  MachineI386: "i386",
  MachineRiscv64: "riscv64",
  MachinePpc64le: "ppc64le",
  MachineUnknown: "unknown",
  ExePath: "/proc/self/exe",
  Sha256Constants: SHA256_CONSTANTS,
  CannotReadItself: "Cannot read /proc/self/exe: %e",
  InstallName: ".steady-",
  InstallFailed: "--install %v: cannot %t: %e",
  InstallRead: "read /proc/self/exe",
  InstallCreate: "create a file there",
  InstallWrite: "write it",
  InstallMode: "set its mode",
  InstallSync: "have it on the disk",
  InstallRename: "put it in its place",
  InstallLeft: "--install: %s is left there: %e",

  VariableSubreaper: "TINI_SUBREAPER=",
  VariableGroup: "TINI_KILL_PROCESS_GROUP=",
  VariableVerbosity: "TINI_VERBOSITY=",
  VariableSteady: "STEADY_",
  VariablePath: "PATH=",
  WordFalse: "false",
  WordTrue: "true",
  WordAuto: "auto",
  WordKernel: "kernel",
  WordWait: "wait",
  WordSig: "SIG",
  WordRtMin: "RTMIN",
  WordRtMax: "RTMAX",
  WordDrop: "drop",
  WordAny: "any",
  WordOutside: "outside",
  Percent: "%",
  PerSecond: "/s",
  WordOn: "on",
  WordOff: "off",
  WordStrict: "strict",
  WordText: "text",
  WordJson: "json",
  WordStderr: "stderr",
  WordFd: "fd:",
  // Of --on-fork-bomb, in the order of OnBomb (core/guard.ts).
  WordLog: "log",
  WordStop: "stop",
  WordKill: "kill",
  WordEnd: "end",
  UnitMilliseconds: "ms",
  UnitSeconds: "s",
  UnitMinutes: "m",
  WordAll: "all",
  WordCap: "cap_",
  /** By number (capabilities(7)). */
  CapabilityNames:
    "chown,dac_override,dac_read_search,fowner,fsetid,kill,setgid,setuid,setpcap,linux_immutable,net_bind_service," +
    "net_broadcast,net_admin,net_raw,ipc_lock,ipc_owner,sys_module,sys_rawio,sys_chroot,sys_ptrace,sys_pacct," +
    "sys_admin,sys_boot,sys_nice,sys_resource,sys_time,sys_tty_config,mknod,lease,audit_write,audit_control,setfcap," +
    "mac_override,mac_admin,syslog,wake_alarm,block_suspend,audit_read,perfmon,bpf,checkpoint_restore",
  DefaultPath: "/bin:/usr/bin",
  Shell: "/bin/sh",

  VariableNotify: "NOTIFY_SOCKET=",
  SocketName: "@steady-",
  VariableWatchdog: "WATCHDOG_USEC=",
  VariableWatchdogPid: "WATCHDOG_PID=",
  // In the order of core/notify.ts.
  SaysReady: "READY=1",
  SaysStopping: "STOPPING=1",
  SaysAlive: "WATCHDOG=1",
  SaysTrigger: "WATCHDOG=trigger",
  SaysBarrier: "BARRIER=1",
  SaysStatus: "STATUS=",
  SaysWatchdog: "WATCHDOG_USEC=",
  SaysExtend: "EXTEND_TIMEOUT_USEC=",
  SaysMainPid: "MAINPID=",
  SaysProbe: "STEADY_PROBE=",
  // In the order of core/watch.ts.
  WordSilent: "silent",
  WordUnready: "not ready",
  WordAsked: "asked to end",
  WordUnanswered: "no answer",
  WordForeign: "foreign",
  WordOversized: "oversized",
  WordMalformed: "malformed",

  // Command line. The first two are what getopt of glibc prints, without prefix.
  InvalidOption: "%p: invalid option -- '%c'\n",
  OptionNeedsArgument: "%p: option requires an argument -- '%c'\n",
  UnknownLongOption: "%n: unknown option '%p' (%n --help lists what there is)\n",
  LongOptionNeedsArgument: "%n: option '%p' needs a value\n",
  LongOptionTakesNone: "%n: option '%p' takes no value\n",
  // The same as glibc's getopt_long(3) says it.
  GetoptUnrecognized: "%a: unrecognized option '%p'\n",
  GetoptRequires: "%a: option '--%_%t' requires an argument\n",
  GetoptTakesNone: "%a: option '--%_%t' doesn't allow an argument\n",
  GetoptAmbiguous: "%a: option '%p' is ambiguous; possibilities:",
  GetoptPossibility: " '--%t'",
  EndOfLine: "\n",
  InvalidValue: "Not a valid option for -%c: %v",
  InvalidLongValue: "Not a valid value for --%t: %v (%t)",
  InvalidVariable: "Not a valid value for STEADY_%u: %v (%t)",
  OnForkBombNeeds: "--on-fork-bomb needs --guard, and an init that is PID 1",
  GuardUnlimited:
    "--guard: without a pids limit a fork bomb can take the host along (--pids-limit 500), and only a number has a meaning (--guard 400)",
  GuardMet: "--guard: %d processes and threads, %d more in a second",
  GuardParent: "Most of what began lately are children of process %d (%s)",
  GuardCommand: "Most of what began lately is called %s",
  GuardZombies: "Most zombies are children of process %d (%s)",
  GuardSpares: "Nothing is killed: too little of it began lately",
  GuardKilled: "%d processes of a fork bomb are killed, all else goes on after %d ms",
  GuardStopped: "Every process is stopped (--on-fork-bomb stop)",
  GuardEnds: "Every process is killed (--on-fork-bomb end)",
  ProbeNeedsSignal:
    "--probe-every and --probe need --probe-signal: a signal that PROGRAM answers with WATCHDOG=1",
  ProbeDebugger: "--probe-signal: SIGUSR1 opens the debugger of Node.js: take another, as SIGUSR2",
  FileFailed: "--%t: cannot write there: %e",
  FileNotOurs:
    "--%t: this is no regular file with one name that belongs to the init or the user of the program",
  TerminationPath: "/dev/termination-log",
  TemporaryName: ".tmp",
  VariableIgnored: "STEADY_%u is ignored: --user is on the command line, and this belongs there too",
  UserUnknown: "--user %v: there is no such user in %t",
  UserNeedsGroup: "--user %v: this uid is not in %t, so that its group has to be named too (UID:GID)",
  GroupUnknown: "--user: there is no such group in %t: %v",
  UserMalformed: "--user %v: its line in %t is malformed; see passwd(5) and group(5)",
  UserUnreadable: "--user %v: cannot read %t: %e",
  TooManyGroups: "--user %v: it would have more than 64 groups",
  TrustNeedsPid1:
    "--trust outside needs an init that is PID 1: elsewhere the engine's own signals come with a pid, as those from inside",
  WarnReapedNeedsWait: "--warn-reaped cannot work with --reap kernel: the kernel tells nobody what it reaped",
  KernelCannotReap: "--reap kernel is not possible here: %t (use --reap auto)",
  NoExitRecords: "this kernel keeps no exit status for a pidfd (Linux 6.16 does)",
  NoPidfdSignals: "signals cannot be sent through a pidfd",

  // tini's messages, word for word.
  SubreaperUnavailable: "PR_SET_CHILD_SUBREAPER is unavailable on this platform. Are you using Linux >= 3.4?",
  SubreaperFailed: "Failed to register as child subreaper: %e",
  SubreaperRegistered: "Registered as child subreaper",
  NotPid1Tini:
    "Tini is not running as PID 1 and isn't registered as a child subreaper.\n" +
    "Zombie processes will not be re-parented to Tini, so zombie reaping won't work.\n" +
    "To fix the problem, use the -s option or set the environment variable TINI_SUBREAPER to register Tini as a child subreaper, or run Tini as PID 1.",
  NotPid1Steady:
    "steady is not running as PID 1 and could not become a child subreaper: orphans go elsewhere, and are not reaped here.",
  ParentDeathFailed: "Failed to set up parent death signal",
  ForkFailed: "fork failed: %e",
  Spawned: "Spawned child process '%p' with pid '%d'",
  ExecFailed: "exec %p failed: %e",
  SetpgidFailed: "setpgid failed: %e",
  UserFailed: "could not become the user of --user: %e (the init needs CAP_SETUID and CAP_SETGID)",
  CapsFailed: "could not set capabilities: %e (the init needs CAP_SETPCAP, and what is to be kept)",
  NoNewPrivsFailed: "could not set no_new_privs: %e",
  NprocFailed: "could not set RLIMIT_NPROC: %e",
  NoTerminal: "tcsetpgrp failed: no tty (ok to proceed)",
  NoTerminalDevice: "tcsetpgrp failed: no such device (ok to proceed)",
  TcsetpgrpFailed: "tcsetpgrp failed: %e",
  ReceivedSigchld: "Received SIGCHLD",
  PassingSignal: "Passing signal: '%g'",
  ChildWasDead: "Child was dead when forwarding signal",
  ForwardFailed: "Unexpected error when forwarding signal: '%e'",
  NoChildToWait: "No child to wait",
  NoChildToReap: "No child to reap",
  WaitFailed: "Error while waiting for pids: '%e'",
  ReapedChild: "Reaped child with pid: '%d'",
  ReapedKilled: "Reaped child with pid: '%d'",
  ReapedZombie: "Reaped zombie process with pid=%d",
  MainExited: "Main child exited normally (with status '%d')",
  MainSignaled: "Main child exited with signal (with signal '%g')",
  MainUnknown: "Main child exited for unknown reason",
  Exiting: "Exiting: child has exited",

  // What only steady says.
  Options: "Options:",
  SetByArgument: " --%t",
  SetByArgumentTo: " --%t %v",
  SetByVariable: " STEADY_%u=%v",
  SetByTiniVariable: " %t%v",
  ByDefault: "; by default",
  SetByNobody: " --%t %t",
  Personality: "Behaving as %t: %t",
  BecauseName: "by the name it was called by",
  BecauseOption: "--as asked for it",
  BecauseVariable: "STEADY_AS asked for it",
  BecauseDefault: "the name it was called by is not known",
  LimitCgroup: "fork failed: %e: the pids cgroup allows %d processes (raise --pids-limit)",
  LimitUser: "fork failed: %e: the user may have %d processes (RLIMIT_NPROC, ulimit -u)",
  LimitKernel: "fork failed: %e: no cgroup or user limit was met; see kernel.pid_max and kernel.threads-max",
  ForwardRefused:
    "May not signal the program (%g): %e; without CAP_KILL the init needs its uid or CAP_SETUID",
  EffectiveUserLost: "Could not take back the effective uid: %e",
  SignalHeld: "The program's queue is full: signal %d waits and is sent again",
  SignalValueLost: "Signal %d is sent without its value: the queue of its user stays full",
  SignalFromInside: "Signal '%g' from inside (pid %d) is not passed on (--trust outside)",
  SignalClaimed: "Signal '%g' (pid %d claimed) is not passed on (--trust outside)",
  StopMayHide: "So many from inside may hide one from outside: signal '%g' is passed on",
  LimitMet: "Signal '%g' came %d times in this second: the next ones wait (--limit)",
  LimitDropped: "%d real-time signals were dropped: more than 1000 were waiting (--limit)",
  SignalMapped: "Signal '%g' becomes '%g'",
  SignalDropped: "Signal '%g' goes nowhere (--map)",
  ReapingKernel: "Reaping: the kernel reaps, the main program is watched through its pidfd",
  ReapingWait: "Reaping: wait4 in batches",
  StopDelayed: "Signal '%g' is sent on in %d ms (--pre-stop)",
  GraceOver: "Process %d did not end within %d ms of its stop signal: it is killed, and all else",
  Draining: "What is left gets SIGTERM, and %d ms",
  Straggler: "Process %d (%s) did not end in time: it is killed",
  StragglerRefused: "Process %d (%s) did not end in time, and may not be signalled",
  StragglersMore: "%d more did not end in time",
  Unkillable: "What was killed is still there: it is left behind",
  NoProc: "Orphans are not found: /proc cannot be read (%e)",
  LostLines: "%d log lines could not be written",
  NotifyFailed: "--notify: no socket: %e",
  OuterFailed: "--notify: cannot pass on to the NOTIFY_SOCKET from outside: %e",
  NoticeRefused: "A %t notification from process %d changes nothing",
  Unwell: "The program is not well (%t): it gets SIGABRT",
  AbortOver: "The program did not end by SIGABRT: it is killed",
  ProbeMissed: "The program has not answered %d times in a row (--probe-every)",
  CoreRestarted: "The core was started again: %t (%d times so far); the program goes on",
  CoreSignalDropped: "Signal %d was dropped: the core failed twice over it",
  TrapMemory: "memory access out of bounds",
  TrapAssertion: "a failed assertion",
  TrapIndirect: "a bad indirect call",
  TrapDivision: "a division by zero",
  TrapOverflow: "an integer overflow",
  TrapConversion: "a bad conversion",
  PasswdPath: "/etc/passwd",
  GroupPath: "/etc/group",
  VariableHome: "HOME=",
  VariableUser: "USER=",
  VariableLogname: "LOGNAME=",
  KeepsPrivileges: "The init keeps what it does not need: %e",
  Sandbox: "Sandbox: what the init can still call:",
  SandboxCall: " %t",
  SandboxRefused: "No sandbox for the init: %e",
  PidMaxPath: "/proc/sys/kernel/pid_max",
  SelfPath: "/proc/self/fd",
  ProcPath: "/proc/",
  CommPath: "/comm",
  StatusPath: "/status",
  CgroupPath: "/proc/self/cgroup",
  CgroupRoot: "/sys/fs/cgroup",
  UidLine: "\nUid:\t",
  ParentLine: "\nPPid:\t",
  QueueLine: "\nSigQ:\t",
  UnknownError: "Unknown error %d",
  UnknownSignal: "Unknown signal %d",
  RealTimeSignal: "Real-time signal %d",

  // What an init has no words for is empty, and is not said.
  Nothing: "",
  SignalReceived: "",
  SignalOwn: "",
  SignalForwarded: "",

  VariableDumbInitDebug: "DUMB_INIT_DEBUG=",
  VariableDumbInitSetsid: "DUMB_INIT_SETSID=",
  ...dumbInitMessages(VERSION),
  ...catatonitMessages(VERSION),
  ...eventMessages(VERSION),
  ...statusMessages(),
} as const satisfies Record<string, string>;

/** tini's words for the texts of steady, where they are others. */
export const TINI_WORDS: Readonly<Record<string, keyof typeof MESSAGES>> = {
  UsageSteady: "UsageTini",
  VersionSteady: "VersionTini",
  NotPid1Steady: "NotPid1Tini",
};

/** What a file may be called, and which init it is then: as personalityOf in core/options.ts has it. */
export const NAMES: Readonly<Record<string, readonly string[]>> = {
  steady: [MESSAGES.NameSteady],
  tini: [MESSAGES.NameTini, MESSAGES.NameTiniStatic, MESSAGES.NameDockerInit],
  "dumb-init": [MESSAGES.NameDumbInit],
  catatonit: [MESSAGES.NameCatatonit, MESSAGES.NamePodmanInit],
};
