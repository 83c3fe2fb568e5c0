// All that the core remembers: what survives a restart of the core, and what can be found out again.
// Nothing else keeps state: a module-level `let` would be lost by the simulated fork and by a restart.

import { PATH_MAX, PidfdInfo, PollFd, SIGNAL_INFO_SIZE, SignalInfo } from "./kernel.ts";
import { Facts } from "./texts.ts";

/** How far the life of the container has come. */
export const enum Phase {
  Start = 0,
  /** The program exists; the init has yet to arrange itself. */
  Spawned = 1,
  Running = 2,
}

/** Which process group the program is in. */
export const enum Grouping {
  /** One of its own. */
  Own,
  /** One of its own, in a session of its own: dumb-init. */
  Session,
  /** The init's: dumb-init --single-child. */
  Shared,
}

/** What `keep` writes and `recall` reads: 256 bytes outside the memory that a restart clears. */
@unmanaged
export class Survivors {
  /**
   * What native ends the process with on a trap; 0 restarts the core. Native reads this field, and only this, and
   * begins with Exit.CoreFailed.
   */
  trapStatus: i32;
  phase: i32;
  pid: i32;
  pidfd: i32;
  signalfd: i32;
  /** The read end of the pipe that tells why the program could not be started. */
  execPipe: i32;
  /** The wait status of the main program, or RUNNING. */
  status: i32;
  reaping: i32;
  /** Our own process group where stdin is our terminal, which gets it back; else 0. */
  foreground: i32;
  /** Whether the program has had the foreground. */
  lent: i32;
  /** The signal in hand, 0 for none, and how often the core has trapped over it. */
  handSignal: i32;
  handTraps: i32;
  handCode: i32;
  handPid: i32;
  handUid: i32;
  /** --status-file; 0 or less for none. */
  statusFd: i32;
  handValue: u64;
  /** A queued signal that the program's full queue refused, 0 for none. */
  heldSignal: i32;
  heldPid: i32;
  heldUid: i32;
  /** Restarts of the core in all, and within the second that began at `windowMs`. */
  traps: i32;
  heldValue: u64;
  windowMs: i64;
  windowTraps: i32;
  /** The parent that -p is about. */
  parent: i32;
  /** When the first stop signal came, on the kernel's clock; 0: none has, or nobody asks for it. */
  stopMs: i64;
  /** When the step of the drain ends. */
  endMs: i64;
  step: i32;
  /** The first stop signal while --pre-stop keeps it back, 0 for none. */
  delayedSignal: i32;
  delayedCode: i32;
  delayedPid: i32;
  delayedUid: i32;
  delayedValue: u64;
  /** Whether the sandbox is there, and whether CAP_KILL was left to the init. */
  confined: i32;
  mayKill: bool;
  /** The report has been begun; it goes into the file that is there. */
  isAccounted: bool;
  isInPlace: bool;
  /** All is stopped while the guard looks for a fork bomb, and is to go on; or all was killed, to end with Exit.Guard. */
  frozen: bool;
  guardEnds: bool;
  /** The time of a running program was over: where it then falls to a SIGKILL, that is what it fell to. */
  isOverdue: bool;
  /** From so many processes and threads on the guard does something; 0: it does not look. */
  guardFrom: i32;
  /** Where the events go; 0 before they can. */
  eventsFd: i32;
  /** The uid that a file of theirs has to belong to, and that the program was started with. */
  eventsOwner: i32;
  /** The notify socket, 0 for none; and the one of whoever started the init. */
  notifyFd: i32;
  outerFd: i32;
  /** What the program is waited for with (watch.ts), until when on the kernel's clock (0: nothing), and how it went on. */
  dueMs: i64;
  watchdogMs: i32;
  watch: i32;
  fall: i32;
  probe: i32;
  missed: i32;
  /** When the next thing about --probe-every is due, 0 for never, and when it was asked last. */
  probeMs: i64;
  askedMs: i64;
  /** When a life with --report began, on the kernel's clock. */
  beginMs: i64;
  /** What the report is written into, and /dev/termination-log; 0 or less for none. */
  reportFd: i32;
  terminationFd: i32;
}

/** How far the end of the container has come. */
export const enum Step {
  None = 0,
  /** The program did not stop in time, and was killed with all else. */
  Overdue = 1,
  /** The program has ended, and what is left was asked to end. */
  Asked = 2,
  /** And was killed. */
  Killed = 3,
}

const STATE_SIZE: usize = 424;
const SURVIVORS_SIZE: usize = 256;
if (offsetof<Survivors>() > SURVIVORS_SIZE) ERROR("the survivors must fit into native's 256 bytes");
if (offsetof<Survivors>("trapStatus") !== 0) ERROR("native reads trapStatus at 0");

@unmanaged
export class State {
  pid: i32;
  personality: i32;
  /** Why it is this personality: a Text. */
  because: i32;
  level: i32;
  subreaper: bool;
  group: bool;
  warnReaped: bool;
  grouping: Grouping;
  reapOption: i32;
  /** -p, or 0. */
  parentSignal: i32;
  /** The terminal is ours to give to the program. */
  takesForeground: bool;
  /** The index of PROGRAM in the arguments. */
  program: i32;
  /** What options.ts does with an option that it meets. */
  pass: i32;
  /** --no-env */
  ignoresVariables: bool;
  /** --user stands on the command line: a variable does not weaken what protects the init. */
  userIsArgument: bool;
  /** Where the value of the option in hand stands. */
  valueSource: i32;
  valueIndex: i32;
  valueOffset: i32;
  /** Where the digits of it end. */
  unitOffset: i32;
  /** SIGCHLD was inherited as ignored, and the program gets it so. */
  childrenIgnored: bool;
  /** catatonit -P: there is no program. */
  pauses: bool;
  /** Children may be waiting to be reaped. */
  reapDue: bool;
  /** The job was continued, and the program is to be. */
  continueDue: bool;
  /** The parent died although -p could not tell. */
  parentGone: bool;
  /** --drain, -1 where nobody said; --grace, --stop-within and --pre-stop, 0 for none: in milliseconds. */
  drainMs: i32;
  graceMs: i32;
  stopWithinMs: i32;
  preStopMs: i32;
  /** --stop-signals */
  stopSignals: u64;
  killsOrphans: bool;
  /** wait4 has said that no child is left. */
  childless: bool;
  holdMs: i32;
  holdTries: i32;
  /** When the held signal is sent again, on the kernel's clock. */
  holdUntil: i64;
  /** The write end of the exec pipe. */
  execPipe: i32;
  /** The last wait4 was refused. */
  waitFails: bool;
  /** Failures in a row of waiting for news. */
  newsErrors: i32;
  /** The bytes in `line`, and the descriptor that a text too long for it goes to in parts; 0: it is cut. */
  lineLength: i32;
  overflow: i32;
  /** Signals whose refusal was already told. */
  refused: u64;
  /** What is taken from the kernel now, but for what has to wait until the others had their turn. */
  taken: u64;
  passed: u64;
  /** The signals of this round, and how many were taken. */
  round: u64;
  roundLength: i32;
  /** --trust outside. */
  trustsOutside: bool;
  /** Signals of which it was told that they come from inside. */
  distrusted: u64;
  /** --user, --no-new-privs, --limit-nproc. */
  changesUser: bool;
  noNewPrivs: bool;
  limitNproc: i32;
  /** --drop-caps and --keep-caps: a bit for each capability. */
  dropped: u64;
  kept: u64;
  /** When the second ends in which signals are counted, on the kernel's clock. */
  secondEnds: i64;
  /** --limit, 0 for none; the signals that have met it in this second, and of which it was told. */
  limit: i32;
  limited: u64;
  limitTold: u64;
  /** Which text is being unpacked, the offset of its next byte, where the packed bytes go on, and what comes before. */
  unpacked: i32;
  unpackedOffset: i32;
  packedOffset: i32;
  unpackedFirst: u64;
  /** --sandbox; the instructions of the filter that is made, and where a rule of it begins. */
  sandbox: i32;
  filterLength: i32;
  ruleAt: i32;
  /** --events, a Form, and --events-to: a descriptor, where there is no path; -1 where nobody said. Between the quotes of an event. */
  events: i32;
  eventsTo: i32;
  escapes: bool;
  /** The file that they go to, as statx tells it. */
  eventsInode: u64;
  eventsDevice: u64;
  /** The option that asks for something to be told instead, 0 for none; in which form --status answers. */
  report: i32;
  form: Form;
  /** --max-zombies and one more, --max-pids; 0 where nobody said. */
  zombiesAllowed: i32;
  percentAllowed: i32;
  /** Counters are to be written, and not before this time; that they cannot be was said. */
  countersDue: bool;
  countersFailed: bool;
  countersMs: i64;
  /** When the main program was started, as /proc tells it. */
  mainStart: i64;
  /** --notify, or whatever needs it; --watchdog, --ready-within and --probe-every with its parts, 0 where nobody said. */
  notifies: bool;
  watchdogMs: i32;
  readyMs: i32;
  probeEveryMs: i32;
  probeWithinMs: i32;
  probeSignal: i32;
  probeFailures: i32;
  /** Failures in a row of the socket, and datagrams that were refused. */
  noticeErrors: i32;
  noticesRefused: i32;
  /** How often somebody had the program asked. */
  asked: i32;
  /** --guard: a number, or less than 0 for a percentage; 0: nobody looks. --on-fork-bomb, an OnBomb. */
  guard: i32;
  onForkBomb: i32;
}

/** What --guard knows (guard.ts). */
@unmanaged
export class Guard {
  /** How many there were when there were fewer than the threshold. */
  count: i32;
  /** When that was, when the next look is due, until when nothing more is said, when a brake was over: Clock.Boottime. */
  belowMs: i64;
  nextMs: i64;
  quietMs: i64;
  brakeMs: i64;
  /** Brakes in a row, with less than a window between them. */
  brakes: i32;
  /** What a look at each process is for: a Pass. */
  pass: i32;
  /** What began later, in ticks of /proc, is young. */
  sinceTick: i64;
  /** Counted in a pass: processes; those and their threads that are young; zombies. */
  seen: i32;
  young: i32;
  zombies: i32;
  killed: i32;
  mainSession: i32;
  /** What the young have in common: a parent, a command's hash, a session that is not the main program's; or 0. */
  parent: i32;
  command: i32;
  session: i32;
  /** Whoever goes on after a brake, and its session where that is not the main program's; or 0. */
  root: i32;
  rootSession: i32;
}

/** For people, --json, --openmetrics. */
export const enum Form {
  Text,
  Json,
  Metrics,
}

/** One stream of the log. */
@unmanaged
export class Stream {
  fd: i32;
  /** A FileType, another type, or 0 while not known. */
  type: i32;
  /** Which way of writing to a pipe this kernel has, found by trying: a Way. */
  way: i32;
  /** Lines that could not be written and were not yet told of. */
  lost: i32;
  /** The loop waits for room on it. */
  awaited: bool;
  /** The last that was written is the beginning of a line. */
  torn: bool;
  /** That nothing could be written was said. */
  failed: bool;
}

// The memory, in this order: what is used while the container lives stays within the first page.

export const survivors = changetype<Survivors>(memory.data(256, 8));
export const state = changetype<State>(memory.data(424, 8));
export const output = changetype<Stream>(memory.data(24, 8));
export const errors = changetype<Stream>(memory.data(24, 8));
export const events = changetype<Stream>(memory.data(24, 8));
/** The signal in hand, as signalfd tells it. */
export const info = changetype<SignalInfo>(memory.data(128, 8));
export const pidfdInfo = changetype<PidfdInfo>(memory.data(80, 8));
/** Small answers of the kernel: two descriptors; a wait status, with what the process has used behind it (struct rusage). */
export const word = memory.data(152, 8);
export const usage = word + 8;
/** The two ends of the pipe that a log line may take. */
export const ends = memory.data(8, 8);
/** One byte of a text that others hold. */
export const byte = memory.data(1, 1);
/** Six struct pollfd: what the loop waits for. */
export const fds = memory.data(48, 8);
/** One more, for the log. */
export const room = changetype<PollFd>(memory.data(8, 8));
/** What has happened to each option so far (options.ts). */
export const seen = memory.data(64, 1);
/** One bit for each exit status that --remap-exit turns into 0. */
export const remapped = memory.data(32, 8);
/** What --map makes of each signal, by its number: 0 the same, DROP (policy.ts) nothing, else another. */
export const mapped = memory.data(65, 1);
/** How many of each stop signal were not believed in this second, and of each signal how many were sent on: u16. */
export const refusals = memory.data(65, 1);
export const sent = memory.data(130, 2);
/** What is counted for --status-file, as the file has it (counters.ts). */
export const counters = memory.data(32 + 1024, 8);

// What has to last as well, of options.

/** --guard: the file that tells how many there are. */
export const guard = changetype<Guard>(memory.data(256, 8));
export const GUARD_PATH_MAX = 1024;
export const guardPath = memory.data(GUARD_PATH_MAX, 8);
/** The addresses of those who had the program asked and wait for its answer, 0 for nobody. */
export const ASKERS_MAX = 4;
export const askers = memory.data(8 * ASKERS_MAX, 8);
/** The paths of --events-to, --status-file and --report, and where that is written until it is whole. */
export const FILE_PATH_MAX = 512;
export const eventsPath = memory.data(FILE_PATH_MAX, 8);
export const statusPath = memory.data(FILE_PATH_MAX, 8);
export const reportPath = memory.data(FILE_PATH_MAX, 8);
export const temporaryPath = memory.data(FILE_PATH_MAX + 8, 8);
export const account = changetype<Account>(memory.data(48, 8));
/** Names that others chose, each with its NUL. */
export const WORD_BYTES = 64;
export const senderName = memory.data(WORD_BYTES, 8);
/** A name and its pid, of each. */
export const LEFT_MAX = 16;
export const LEFT_BYTES = WORD_BYTES + 4;
export const leftList = memory.data(LEFT_MAX * LEFT_BYTES, 8);

// What is forgotten from here on while nothing is to be done (`release`).

/** At most PIPE_BUF, so that lines of several writers do not mix (pipe(7)). */
export const LINE_MAX = 1024;
export const line = memory.data(LINE_MAX, 8);
/** --status and --health: what was found out, -1 where it is not known. */
export const facts = changetype<Facts>(memory.data(448, 8));
export const names = memory.data(5 * WORD_BYTES, 8);
/** Parents that leave zombies: a pid, and how many. */
export const PARENTS_MAX = 16;
export const parents = memory.data(8 * PARENTS_MAX, 8);
/** For whoever needs room for a moment, and calls nobody who might: a path, a file of /proc, a listing. */
const SCRATCH_MAX = 4608;
export const scratch = memory.data(SCRATCH_MAX, 8);
/** Behind what processes.ts reads into: a listing that is gone through while it reads. */
const LISTING_AT: usize = 3200;
export const LISTING_BYTES = 1400;
export const listing = scratch + LISTING_AT;

/** What --user asks for, and where the reading of the files is (user.ts). */
@unmanaged
export class Lookup {
  /** The value, and where its parts stand in it; 0 where there is no such part. */
  source: i32;
  index: i32;
  user: i32;
  group: i32;
  extra: i32;
  groupCount: i32;
  uid: i64;
  gid: i64;
  /** A bit for each part whose group is known. */
  found: u64;
  fd: i32;
  /** What stopped the reading, 0 for nothing. */
  errno: i32;
  /** Between these lies what was read and not yet looked at. */
  at: i32;
  end: i32;
  pieces: i32;
  /** What the last field ended with. */
  delimiter: i32;
}

/** Behind everything that a life without --user touches. A field of /etc/passwd or /etc/group with its NUL. */
export const FIELD_MAX = 256;
export const GROUPS_MAX = 64;
export const lookup = changetype<Lookup>(memory.data(80, 8));
export const field = memory.data(FIELD_MAX, 8);
export const userName = memory.data(FIELD_MAX, 8);
export const home = memory.data(FIELD_MAX, 8);
export const groups = memory.data(4 * GROUPS_MAX, 8);
/** The variables that are made of them, with their names before them. */
export const made = memory.data(3 * FIELD_MAX + 32, 8);
/** Where --install copies to, with the name that may come behind it; and a part of the file on its way (install.ts). */
export const target = memory.data(PATH_MAX + 16, 8);
export const PIECE_BYTES = 4096;
export const piece = memory.data(PIECE_BYTES, 8);
/** What statx tells of a file. */
export const about = memory.data(256, 8);
/** LISTEN_PID with its value. */
export const listenPid = memory.data(24, 8);
/** The name of the notify socket and the variables of the watchdog, as the program gets them. */
export const socketName = memory.data(112, 8);
export const watchdogVariables = memory.data(64, 8);
/** A datagram (PIPE_BUF, as systemd has it) with the newline that it may lack, and what it says (notify.ts). */
export const NOTICE_MAX = 4096;
export const notice = memory.data(NOTICE_MAX + 8, 8);

@unmanaged
export class Notice {
  /** A bit for each assignment. */
  what: i32;
  watchdogMs: i32;
  extendMs: i32;
  /** Of STATUS= the length, and where it ends among the bytes that may be passed on; and how many those are. */
  statusLength: i32;
  statusEnd: i32;
  kept: i32;
  probeSignal: i32;
}

export const said = changetype<Notice>(memory.data(32, 8));

/** What --report is to tell, as far as it is found out before the end (epilogue.ts). */
@unmanaged
export class Account {
  /** Why it ended: a sentence with its values. */
  why: i32;
  whyFirst: i32;
  whySecond: i32;
  /** What the child told of why there is no program: a status, an errno and a sentence; 0 for nothing. */
  startFailure: i32;
  /** The signal that is told of, 0 for none; who sent it, or says so. */
  signal: i32;
  senderPid: i32;
  senderUid: i32;
  senderClaims: bool;
  /** Orphans that ended when all was killed; who was named as left. */
  killed: i32;
  left: i32;
  /** Bytes that `flush` has written, and what it failed with. */
  flushed: i32;
  failed: i32;
}

// --guard has what --install needs, which never lives as long: three tables.
const TABLE_ENTRIES = 64;
/** A key, how often, and the last process that had it. */
export const ENTRY_BYTES = 12;
export const TABLE_BYTES = ENTRY_BYTES * TABLE_ENTRIES;

if (offsetof<Guard>() > 256) ERROR("Guard has outgrown its memory");
if (3 * TABLE_BYTES > PIECE_BYTES) ERROR("the tables have outgrown their memory");
if (offsetof<Facts>() > 448) ERROR("Facts has outgrown its memory");
if (offsetof<Account>() > 48) ERROR("Account has outgrown its memory");
if (offsetof<State>() > STATE_SIZE) ERROR("State has outgrown its memory");
if (offsetof<Lookup>() > 80) ERROR("Lookup has outgrown its memory");
if (SIGNAL_INFO_SIZE !== 128) ERROR("signalfd_siginfo has 128 bytes");
