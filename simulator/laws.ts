// What must hold in every life. Each law is a name, a promise in a sentence, and an observer that is asked after every
// step, so that a story ends where a promise was broken. What a fault excuses is said where it is excused, and no wider.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import {
  capsOf,
  drainTime,
  EVENTS_FILE,
  endingStatus,
  GUARD_FROM,
  identityOf,
  isCatatonit as isCatatonitNamed,
  isTini as isTiniNamed,
  LOOKS,
  mapped,
  REPORT_FILE,
  STATUS_FILE,
  stopSignals,
  TERMINATION_FILE,
} from "./commandline.ts";
import type { Call, Ledger, Start, Taken } from "./ledger.ts";
import { isLook, isSend, SIGCHLD } from "./ledger.ts";
import { PROBE_FAILURES, PROBE_SIGNAL, PROBE_WITHIN_MS, watchedBy } from "./notices.ts";
import type { Process } from "./processes.ts";
import type { Circumstances } from "./script.ts";
import { allows } from "./seccomp.ts";
import type { SignalInfo } from "./signals.ts";

/** A number that nobody has. */
const OTHERS = 99_999;

/** What broke the promise. */
export type Breach = string | undefined;

/** What a law is told of. Each answers a breach, or nothing. */
export interface Observer {
  /** A call of a core has ended. */
  call?(call: Call): Breach;
  /** The init said a line, or tried to. */
  line?(line: Line): Breach;
  /** The init waits, without a limit of time, and there is no news. */
  idle?(): Breach;
  /** The program begins to run. */
  exec?(start: Start): Breach;
  /** A call would have waited for somebody who may never come. */
  blocked?(name: string): Breach;
  /** The core trapped although nobody made it. */
  trapped?(message: string): Breach;
  /** Nothing can happen any more, or nothing has for too long. */
  stuck?(why: string): Breach;
  /** The init was ended by a signal that nobody outside sent. */
  killed?(signo: number): Breach;
  /** The init has ended with a status; `null`: it was killed. */
  end?(status: number | null): Breach;
}

/** One line of the log. */
export interface Line {
  /** By the init; else by the child before its exec. */
  readonly byInit: boolean;
  readonly fd: number;
  /** Empty where it was not even tried, since a look said that there was no room. */
  readonly text: string;
  readonly written: boolean;
  /** A fault cut it or kept it back. */
  readonly faulted: boolean;
}

export interface Law {
  readonly name: string;
  readonly promise: string;
  readonly watch: (ledger: Ledger) => Observer;
}

const SIGKILL = 9;
const SI_USER = 0;
const SIGCONT = 18;
const SIGTSTP = 20;
const SI_QUEUE = -1;
const EPERM = 1;
const EPIPE = 32;
const ENOENT = 2;
const ENOMEM = 12;
const EACCES = 13;
const ENOTDIR = 20;
const ENAMETOOLONG = 36;
const EAGAIN = 11;
const REAL_TIME_FIRST = 32;

/** The init caused it itself: known by its pid and the code that only kill(2) writes. */
const isOwn = ({ info }: Taken, { init }: Ledger): boolean => info.code === 0 && info.pid === init.pid;
const isOthers = (taken: Taken, ledger: Ledger): boolean =>
  taken.info.signo !== SIGCHLD && !isOwn(taken, ledger);
const isForwarded = (taken: Taken, ledger: Ledger): boolean =>
  isOthers(taken, ledger) && taken.isBelieved && taken.becomes > 0;
/** Warnings are not wanted. */
const isQuiet = ({ circumstances }: Ledger): boolean => circumstances.verbose < 0;
/** A job of a shell outside, whose stops concern the init. */
const isJob = ({ job }: Ledger): boolean => job;
const isTini = ({ circumstances }: Ledger): boolean => isTiniNamed(circumstances);
const isDumbInit = ({ circumstances }: Ledger): boolean => circumstances.dumbInit !== "no";
const isCatatonit = ({ circumstances }: Ledger): boolean => isCatatonitNamed(circumstances);
/** The inits that know one status for whatever cannot be started. */
const isOther = (ledger: Ledger): boolean => isTini(ledger) || isDumbInit(ledger) || isCatatonit(ledger);
const hasSession = ({ circumstances }: Ledger): boolean => circumstances.dumbInit === "session";
const SIGSTOP = 19;
const SIGTERM = 15;
const ESRCH = 3;
/** The stops of a terminal's keys. */
const KEY_STOPS = [20, 21, 22];

// The life of the container

const outlives: Law = {
  name: "outlives",
  promise: "the init never ends while the program lives, but where it cannot be killed in its time",
  watch: (ledger) => ({
    end: (status) =>
      status !== null && ledger.programLives && ledger.now < ledger.givenUpAt
        ? `it ended with ${status}, and the program lives`
        : undefined,
    // A look from beside the init has no program, and is ended as any other command is.
    killed: (signo) => (LOOKS.includes(ledger.circumstances.ending) ? undefined : `signal ${signo} ended it`),
  }),
};

const neverTraps: Law = {
  name: "neverTraps",
  promise: "no assertion fails and no address is wrong, whatever the world answers",
  watch: () => ({ trapped: (message) => message }),
};

/** Stopped with its session, outside PID 1, as dumb-init. */
const isSuspended = ({ init, suspensions }: Ledger): boolean =>
  init.state === "stopped" && suspensions.length > 0;

/** Of a flood a round of signals is forwarded first; then the terminal and the pipe are asked. */
const endsWithProgram: Law = {
  name: "endsWithProgram",
  promise: "when the program has ended, the init ends within a bound of its own calls",
  watch: (ledger) => {
    let since = 0;
    let isRefused = false;
    const { circumstances } = ledger;
    // Whoever signals one by one what is left calls often.
    const { killOrphans, grace, stopWithin } = circumstances;
    const endsRest = drainTime(circumstances) > 0 || killOrphans || grace !== "none" || stopWithin !== "none";
    return {
      call: ({ byInit, name, polled, fault }) => {
        if (byInit && name === "wait4") isRefused = fault !== null;
        if (
          !byInit ||
          polled >= 0 ||
          !ledger.started ||
          ledger.programLives ||
          ledger.program?.state === "dead"
        )
          return undefined;
        if (!LOG_CALLS.has(name) && name !== "wait4") since++;
        return since > 600 + 20 * ledger.traps + (endsRest ? 20_000 : 0)
          ? `${since} calls since the program ended`
          : undefined;
      },
      // Whoever is not told of the end asks ten times a second; whoever stopped itself waits for the shell.
      stuck: (why) => (ledger.programLives || isRefused || isSuspended(ledger) ? undefined : why),
    };
  },
};
const LOG_CALLS = new Set([
  "pwritev2",
  "write",
  "sendto",
  "splice",
  "pipe2",
  "close",
  "statx",
  "statx_at",
  "clock_gettime",
]);

const startsOnce: Law = {
  name: "startsOnce",
  promise: "the program is started once, also where the core is started again",
  watch: () => {
    let clones = 0;
    return {
      call: ({ byInit, name, answer }) => {
        if (byInit && name === "execve") return "the init executes";
        if (name !== "clone" || Number(answer) < 0) return undefined;
        return ++clones > 1 ? "a second process is cloned" : undefined;
      },
    };
  },
};

const status: Law = {
  name: "status",
  promise:
    "the init ends with the program's status, 128+n where a signal ended it, or a documented one of its own",
  watch: (ledger) => {
    let unknown = false;
    let refusals = 0;
    return {
      call: ({ byInit, name, answer }) => {
        if (!byInit || name !== "pidfd_get_info") return undefined;
        refusals = Number(answer) < 0 ? refusals + 1 : 0;
        // The record was asked for a hundred times, and each time somebody refused.
        if (refusals >= 100) unknown = true;
        return undefined;
      },
      end: (ended) => {
        const { program, startFailure } = ledger;
        if (ended === null || program === null || !program.ended) return undefined;
        if (startFailure !== 0 && !startStatuses(ledger).has(startFailure))
          return `the child told ${startFailure}, expected ${[...startStatuses(ledger)].join(" or ")}`;
        const expected = expectedStatuses(ledger, program, unknown);
        return expected.includes(ended)
          ? undefined
          : `it ended with ${ended}, expected ${expected.join(" or ")}`;
      },
    };
  },
};

function expectedStatuses(ledger: Ledger, program: Process, unknown: boolean): number[] {
  const wait = program.exitStatus;
  const own = (wait & 0x7f) === 0 ? wait >> 8 : 128 + (wait & 0x7f);
  const remapped = ledger.circumstances.remap === own ? 0 : own;
  const isTold = ledger.startFailure !== 0;
  // Whose SIGABRT it was is not told where the core failed over one that came.
  if (ledger.abortedAt >= 0 && !isTold && !ledger.lastResort)
    return ledger.traps > 0 ? [UNWELL, remapped] : [UNWELL];
  // The last resort knows neither options nor the pipe.
  if (ledger.lastResort) return [own, remapped, ...(unknown ? [1] : [])];
  // Without the pipe a failed start looks like a program that ended so (docs/behaviour.md).
  const pipeFailed = ledger.failed("pipe2", "fcntl_dupfd", "read", "write");
  const statuses = isTold ? [ledger.startFailure, ...(pipeFailed ? [remapped] : [])] : [remapped];
  // Whoever cannot ask takes what was killed for dead when its time is over.
  const isGivenUp = ledger.now >= ledger.givenUpAt && ledger.failed("wait4");
  if (isGivenUp) statuses.push(128 + SIGKILL);
  if (ledger.isOverdue && !isOther(ledger) && !isTold && (own === 128 + SIGKILL || isGivenUp)) {
    // A core that failed over the kill, and then finds the program dead, knows that it was killed, and not for what.
    if (ledger.traps === 0) statuses.length = 0;
    statuses.push(OVERDUE);
  }
  // A core that failed once it had read the pipe knows what was done, and not what was told.
  if (ledger.abortedAt >= 0 && ledger.traps > 0) statuses.push(UNWELL);
  return unknown ? [...statuses, 1] : statuses;
}

/** The program was not well; it did not end in its time. */
const UNWELL = 122;
const OVERDUE = 124;

/** What may be told of a program that could not be started, by the errnos that were met on the way. */
function startStatuses(ledger: Ledger): Set<number> {
  const { program, search } = ledger.circumstances;
  const errnos = new Set(ledger.startErrnos);
  // These are refused without a call; a search that found nothing ends with ENOENT.
  if (program === "empty" || (search && !errnos.has(0))) errnos.add(ENOENT);
  if (program === "long") errnos.add(ENAMETOOLONG);
  if (ledger.keepsInVain) errnos.add(0);
  if (isDumbInit(ledger)) return new Set([...errnos].map((errno) => (errno === 0 ? 1 : 2)));
  if (isCatatonit(ledger)) return new Set(errnos.size === 0 ? [] : [1]);
  return new Set([...errnos].map((errno) => startStatus(errno, isTini(ledger))));
}

function startStatus(errno: number, tini: boolean): number {
  if (errno === ENOENT) return 127;
  if (errno === EACCES) return 126;
  if (tini) return 1;
  if (errno === ENOTDIR) return 127;
  return errno === 0 || errno === ENOMEM || errno === EAGAIN ? 125 : 126;
}

/** Each is needed. */
const INSTALLING = ["openat", "read", "write", "fchmod", "fsync", "close", "renameat2"];

const startFails: Law = {
  name: "startFails",
  promise: "where no program could be started, the status tells why: 0, 1, 120 or 125",
  watch: (ledger) => {
    const causes = new Set<number>();
    return {
      call: ({ byInit, name, answer }) => {
        if (!byInit || Number(answer) >= 0) return undefined;
        if (name === "clone") causes.add(isOther(ledger) ? 1 : 125);
        if (name === "write" && LOOKS.includes(ledger.circumstances.ending)) causes.add(1);
        if (name === "set_child_subreaper" && ledger.circumstances.subreaper) causes.add(1);
        if (name === "set_pdeathsig" && ledger.circumstances.parentDeath > 0) causes.add(1);
        return undefined;
      },
      end: (ended) => {
        if (ended === null || ledger.program !== null) return undefined;
        const { ending, reap, warnReaped, trust, subreaperOutside } = ledger.circumstances;
        if (trust === "outside" && subreaperOutside) causes.add(1);
        if (ending !== "none") causes.add(endingStatus(ledger.circumstances));
        if (LOOKS.includes(ending) && ledger.failed("openat")) causes.add(1);
        if (ending === "--attest" && ledger.failed("openat", "read")) causes.add(1);
        if (
          ending.startsWith("--install") &&
          (ledger.failed(...INSTALLING) || ledger.init.credentials.euid !== 0)
        )
          causes.add(1);
        if (reap === "kernel") causes.add(warnReaped ? 1 : 125);
        const identity = identityOf(ledger.circumstances);
        if (identity === null || (identity !== undefined && ledger.failed("openat", "read")))
          causes.add(isOther(ledger) ? 1 : 125);
        // Who is not root, or may not become another user, cannot write for one.
        const isUser = ledger.circumstances.uid === 0 && ledger.circumstances.capSetuid;
        const cannotWrite = identity !== undefined && (!isUser || ledger.failed("seteuid"));
        if (
          ledger.circumstances.telling !== "none" &&
          (cannotWrite || ledger.circumstances.toldTo === "theirs" || ledger.failed(...TO_TELL))
        )
          causes.add(isOther(ledger) ? 1 : 125);
        if (ledger.circumstances.notify !== "none" && ledger.failed(...TO_HEAR))
          causes.add(isOther(ledger) ? 1 : 125);
        const { report, statusFile, uid, user } = ledger.circumstances;
        for (const file of [report, statusFile]) {
          const cannot = file === "theirs" || uid !== 0 || user !== "none" || ledger.failed(...TO_TELL);
          if (file !== "none" && cannot) causes.add(isOther(ledger) ? 1 : 125);
        }
        if (ledger.traps > 0) causes.add(120);
        return causes.has(ended) ? undefined : `it ended with ${ended} before there was a program`;
      },
    };
  },
};

/** Without these there is nowhere for events to go. */
const TO_TELL = ["openat", "statx_at", "fcntl_dupfd"];

/** Without these there is no notify socket. */
const TO_HEAR = ["socket", "fcntl_dupfd", "pass_credentials", "getrandom", "bind"];

const asksFirst: Law = {
  name: "asksFirst",
  promise: "help, version, licence and wrong usage end before a program is started",
  watch: ({ circumstances: { ending, reap, warnReaped, trust, subreaperOutside } }) => {
    const isRefused = (reap === "kernel" && warnReaped) || (trust === "outside" && subreaperOutside);
    const ends = ending !== "none" || isRefused;
    return {
      call: ({ name }) => (ends && name === "clone" ? `it starts a program, asked for ${ending}` : undefined),
    };
  },
};

// Signals

const everySignal: Law = {
  name: "everySignal",
  promise: "every signal that is taken is sent on before the next is looked for",
  watch: (ledger) => {
    const left = (): Breach => {
      const { hand } = ledger;
      if (hand === null || !isForwarded(hand, ledger) || !hand.programLived) return undefined;
      // The core failed over it twice, and says so.
      if (hand.traps > 1 || hand === ledger.delayed) return undefined;
      if (hand.putBack || hand.attempts.length > 0 || !ledger.programLives) return undefined;
      // It was killed in vain, and is waited for no longer.
      if (ledger.now >= ledger.givenUpAt) return undefined;
      return `signal ${hand.info.signo}, taken by call ${hand.call}, was not sent on`;
    };
    return {
      call: (call) => (isLook(call) && call.number !== ledger.hand?.call ? left() : undefined),
      end: (status) => (status === null ? undefined : left()),
    };
  },
};

const once: Law = {
  name: "once",
  promise:
    "a signal arrives once for each time it was taken; again only where the core failed with it in hand",
  watch: (ledger) => ({
    call: (call) => {
      const { hand } = ledger;
      if (!isSend(call) || hand === null || hand.delivered <= 1 + hand.traps) return undefined;
      return `signal ${hand.info.signo}, taken by call ${hand.call}, was sent ${hand.delivered} times`;
    },
  }),
};

const asMapped: Law = {
  name: "asMapped",
  promise: "a signal arrives as what --map makes of it, and what is to be dropped goes nowhere",
  watch: (ledger) => ({
    call: (call) => {
      const { hand } = ledger;
      if (!isSend(call) || ledger.unasked.at(-1) !== call || hand === null) return undefined;
      return hand.becomes !== hand.info.signo
        ? `signal ${hand.info.signo} becomes ${call.sent?.signo}, should be ${hand.becomes}`
        : undefined;
    },
  }),
};

const limits: Law = {
  name: "limits",
  promise:
    "of each signal no more is sent on in a second than --limit says, and a second begins with the first",
  watch: (ledger) => ({
    call: (call) => {
      const { limit } = ledger.circumstances;
      const { hand } = ledger;
      if (limit === 0 || hand === null || hand.attempts[0] !== call || ledger.lastResort) return undefined;
      // The last resort counts none, and what it sent was within this second.
      if (ledger.traps > 4) return undefined;
      // Two such seconds can meet, and a restart begins a new one.
      const recent = ledger.sentWithin(hand.info.signo, 1000);
      return recent > limit * (2 + ledger.traps)
        ? `${recent} of signal ${hand.info.signo} in a second`
        : undefined;
    },
  }),
};

const REFUSALS_MAX = 10;

/** Between the moment that a clock is read and the call that follows from it. */
const slack = ({ circumstances, traps }: Ledger): number => 200 * (1 + circumstances.callMs) * (1 + traps);

const delays: Law = {
  name: "delays",
  promise: "--pre-stop: the first stop signal is sent on when its time has passed, neither before nor never",
  watch: (ledger) => {
    let first: Taken | null = null;
    return {
      call: (call) => {
        const { delayed, now, delayedUntil } = ledger;
        if (ledger.lastResort) return undefined;
        first ??= delayed;
        if (first?.attempts.at(-1) === call && first.attempts.length === 1 && now < delayedUntil)
          return `it was to wait until ${delayedUntil}`;
        const isLate = delayed !== null && isLook(call) && now > delayedUntil + slack(ledger);
        return isLate && ledger.programLives ? `it waits still, since ${delayedUntil}` : undefined;
      },
    };
  },
};

const killsInTime: Law = {
  name: "killsInTime",
  promise: "--grace, --stop-within: a program that has not stopped in time is killed, and never before",
  watch: (ledger) => {
    let killed = false;
    return {
      call: (call) => {
        const { killAt, now, endings } = ledger;
        if (call.hit === "program" || call.hit === "group of the program") killed ||= endings.at(-1) === call;
        if (
          ledger.lastResort ||
          ledger.circumstances.trust !== "any" ||
          ledger.failed("pidfd_send_signal", "kill", "openat", "read", "seteuid")
        )
          return undefined;
        const isLate = isLook(call) && now > killAt + slack(ledger) && ledger.programLives && !killed;
        return isLate ? `it lives still, since ${killAt}` : undefined;
      },
      idle: () =>
        Number.isFinite(ledger.killAt) &&
        !killed &&
        !ledger.lastResort &&
        // A stop over which the core failed twice was dropped, and its clock with it.
        ledger.traps < 2 &&
        ledger.programLives &&
        ledger.circumstances.trust === "any"
          ? `it waits for ever, and the program is to be killed at ${ledger.killAt}`
          : undefined,
    };
  },
};

/** Living processes below the init. */
function descendants(of: Process): Process[] {
  return [...of.children].filter(({ lives }) => lives).flatMap((child) => [child, ...descendants(child)]);
}

/** After SIGKILL. */
const KILL_WAIT_MS = 1000;

const drains: Law = {
  name: "drains",
  promise:
    "--drain: what the program leaves has SIGTERM and its time, then SIGKILL; and the init ends when nobody is left",
  watch: (ledger) => {
    const sent = (signo: number): Call[] => ledger.endings.filter((call) => call.sent?.signo === signo);
    return {
      call: (call) => {
        if (ledger.endings.at(-1) !== call || call.sent?.signo !== SIGKILL || !ledger.endKnown)
          return undefined;
        if (ledger.lastResort || ledger.killAt <= ledger.now) return undefined;
        return ledger.now < ledger.drainUntil ? `killed before ${ledger.drainUntil}` : undefined;
      },
      end: (status) => {
        const { circumstances, init, now, knownAt, lastResort, traps } = ledger;
        if (status === null || drainTime(circumstances) === 0 || lastResort || traps > 0 || knownAt < 0)
          return undefined;
        const limit = drainTime(circumstances) + KILL_WAIT_MS + slack(ledger);
        // Where each call takes long, thousands of the dead do too.
        if (circumstances.callMs === 0 && now > knownAt + limit && !ledger.failed("ppoll", "wait4"))
          return `it ended ${now - knownAt} ms after the program`;
        if (ledger.failed("wait4", "kill", "openat", "getdents64", "read", "pidfd_open", "pidfd_send_signal"))
          return undefined;
        const left = descendants(init).filter((process) => process.cgroup === init.cgroup);
        if (left.length === 0 || sent(SIGKILL).length > 0 || ledger.killAt <= now) return undefined;
        return `${left.length} are left, and were not killed`;
      },
    };
  },
};

const distrusts: Law = {
  name: "distrusts",
  promise: "--trust outside: nothing from inside is passed on, but a stop that ten before it may have hidden",
  watch: (ledger) => {
    const refused = new Map<number, number>();
    return {
      call: (call) => {
        const { hand, circumstances, lastResort } = ledger;
        if (circumstances.trust === "any" || hand === null || lastResort) return undefined;
        const { signo, isInside } = hand.info;
        if (call.taken !== null && !hand.isBelieved) refused.set(signo, (refused.get(signo) ?? 0) + 1);
        if (!isSend(call) || hand.attempts.at(-1) !== call || isInside !== true) return undefined;
        const count = refused.get(signo) ?? 0;
        // It may be tried in another way, or again where the core failed over it.
        if (hand.attempts.length > 1) return undefined;
        refused.set(signo, hand.traps);
        if (stopSignals(ledger.circumstances).includes(signo) && count > REFUSALS_MAX) return undefined;
        return `signal ${signo} comes from inside, and ${count - 1} were refused`;
      },
    };
  },
};

/** The seconds in which the init counts lie side by side: eleven in one of them are among twenty-one in any. */
const HIDDEN_MAX = 2 * REFUSALS_MAX;
const SECOND_MS = 1000;

const stopsComeThrough: Law = {
  name: "stopsComeThrough",
  promise: "--trust outside: of more than ten stops from inside within a second one is passed on",
  watch: (ledger) => {
    let refused: { readonly signo: number; readonly at: number }[] = [];
    let traps = 0;
    return {
      call: (call) => {
        const { hand, now, circumstances } = ledger;
        if (
          circumstances.trust === "any" ||
          hand === null ||
          !stopSignals(circumstances).includes(hand.info.signo)
        )
          return undefined;
        const { signo } = hand.info;
        // A core that is started again counts from 0.
        if (ledger.traps !== traps || ledger.lastResort) refused = [];
        traps = ledger.traps;
        if (call.taken !== null && !hand.isBelieved && hand.becomes > 0) {
          refused = [...refused, { signo, at: now }].filter(({ at }) => now - at < SECOND_MS);
          const count = refused.filter((one) => one.signo === signo).length;
          // The one in hand may yet be sent.
          return count > HIDDEN_MAX + 1 ? `${count} of signal ${signo} are refused` : undefined;
        }
        if (hand.attempts.at(-1) === call) refused = refused.filter((one) => one.signo !== signo);
        return undefined;
      },
    };
  },
};

const nothingUnasked: Law = {
  name: "nothingUnasked",
  promise: "nothing is sent that nobody sent to the init, least of all what it caused itself",
  watch: (ledger) => ({
    call: (call) => {
      if (!isSend(call) || call.hit === "own group") return undefined;
      const { hand } = ledger;
      if (ledger.unasked.length > 0) return `signal ${call.sent?.signo} comes from nobody`;
      if (hand?.attempts.at(-1) !== call || isOthers(hand, ledger)) return undefined;
      return `signal ${call.sent?.signo} is the init's own`;
    },
  }),
};

/** Each number once in a round of the 64, and a round of what came meanwhile. */
const LOOKS_MAX = 140;

const promptly: Law = {
  name: "promptly",
  promise: "whatever waits for the init is taken within a bound of looks, flood or not",
  watch: (ledger) => {
    const waiting = new Map<number, number>();
    let refused = false;
    return {
      call: (call) => {
        // What the signalfd does not give away cannot be taken.
        if (call.byInit && call.name === "read" && call.fault !== null) refused = true;
        if (isLook(call) && refused) {
          refused = false;
          return undefined;
        }
        // The last resort takes what the kernel hands out first, and looks at the program after each.
        if (!isLook(call) || call.fault !== null || !ledger.programLives || ledger.lastResort)
          return undefined;
        const { lo, hi } = ledger.init.shared.set;
        if (lo === 0 && hi === 0) {
          waiting.clear();
          return undefined;
        }
        for (let signo = 1; signo <= 64; signo++) {
          if (
            !ledger.init.shared.set.has(signo) ||
            ledger.hand?.info.signo === signo ||
            isHeldBack(ledger, signo)
          ) {
            waiting.delete(signo);
            continue;
          }
          const looks = (waiting.get(signo) ?? 0) + 1;
          waiting.set(signo, looks);
          if (looks > LOOKS_MAX * (1 + ledger.traps)) return `signal ${signo} waits since ${looks} looks`;
        }
        return undefined;
      },
    };
  },
};

/** While a refused signal is held, nothing is taken that could overtake it; what has met --limit waits. */
function isHeldBack(ledger: Ledger, signo: number): boolean {
  const { held, delayed, lastResort, circumstances } = ledger;
  if (ledger.hasMetLimit(signo) && !lastResort) return true;
  if (delayed !== null && !lastResort && stopSignals(circumstances).includes(signo)) return true;
  return held !== null && !lastResort && (signo >= REAL_TIME_FIRST || signo === held.info.signo);
}

const withValue: Law = {
  name: "withValue",
  promise: "a queued signal arrives with its value and its sender, every other as a plain kill",
  watch: (ledger) => ({
    call: (call) => {
      if (!isSend(call) || ledger.lastResort) return undefined;
      const taken = [ledger.hand, ledger.held].find((one) => one?.attempts.at(-1) === call);
      if (taken === undefined || taken === null) return undefined;
      const { info } = taken;
      const sent = call.sent?.info ?? null;
      if (info.code !== SI_QUEUE)
        return sent === null ? undefined : `signal ${info.signo} got a value on the way`;
      // For a group before Linux 6.9, and where every queue stays full, it goes without.
      const cannot = ledger.circumstances.group && !ledger.groupTakesValues;
      if (sent === null)
        return taken.attempts.length > 1 || cannot ? undefined : `signal ${info.signo} lost its value`;
      const same = sent.value === info.value && sent.pid === info.pid && sent.uid === info.uid;
      return same
        ? undefined
        : `signal ${info.signo}: ${sent.value} from ${sent.pid}, was ${info.value} from ${info.pid}`;
    },
  }),
};

const valueTriedFirst: Law = {
  name: "valueTriedFirst",
  promise: "a value is given up only for a group that cannot have it, or after a hundred refusals",
  watch: (ledger) => ({
    call: (call) => {
      if (!isSend(call) || ledger.lastResort || call.sent?.info !== null) return undefined;
      const taken = [ledger.hand, ledger.held].find((one) => one?.attempts.at(-1) === call);
      if (taken === undefined || taken === null || taken.info.code !== SI_QUEUE) return undefined;
      const refused = taken.attempts.filter(({ answer }) => answer === -EAGAIN).length;
      if (ledger.circumstances.group && (refused === 0 || !ledger.groupTakesValues)) return undefined;
      // Linux refuses no standard signal for want of room, so there is nothing to wait for.
      if (refused > 0 && taken.info.signo < REAL_TIME_FIRST) return undefined;
      if (refused >= 100 || (ledger.held !== null && taken !== ledger.held)) return undefined;
      return `signal ${taken.info.signo} lost its value after ${refused} refusals`;
    },
  }),
};

const nobodyElse: Law = {
  name: "nobodyElse",
  promise: "nobody but the living program, its group, or the init's own job is ever signalled",
  watch: (ledger) => ({
    call: (call) => {
      if (!isSend(call) || !call.byInit) return undefined;
      // By number, before Linux 6.9, in the moment after the program was reaped.
      const last = ledger.farewells.at(-1) === call && call.name === "kill";
      if (call.hit === "everybody" || call.hit === "descendant") return sparesOthers(ledger, call);
      if (call.hit === "others" && !last) return `signal ${call.sent?.signo} hits a stranger`;
      if (call.hit === "own group" && !(call.sent?.signo === SIGTSTP && isJob(ledger)))
        return `signal ${call.sent?.signo} to its own group`;
      return undefined;
    },
  }),
};

/** All who are left, when the program has ended or its grace is over; orphans with the program, where that was asked for. */
function sparesOthers(ledger: Ledger, call: Call): Breach {
  const { init, endKnown, circumstances, killAt, now } = ledger;
  const signo = call.sent?.signo ?? 0;
  if (call.hit === "everybody" && init.pid !== 1) return "it signals everybody, and is not PID 1";
  if (ledger.orphanSends.at(-1) === call)
    return circumstances.killOrphans ? undefined : `signal ${signo} hits an orphan`;
  if (signo === SIGKILL && now >= killAt) return undefined;
  if (!endKnown && ledger.programLives) return `signal ${signo} to all, and the program lives`;
  if (drainTime(circumstances) === 0 && killAt > now)
    return `signal ${signo} to all, and nothing is to be drained`;
  return [SIGKILL, SIGTERM, SIGCONT].includes(signo) ? undefined : `signal ${signo} to all`;
}

const byPidfd: Law = {
  name: "byPidfd",
  promise: "where the kernel reaps, signals go through the pidfd, since the pid may be anybody's",
  watch: (ledger) => ({
    call: (call) =>
      isSend(call) &&
      ledger.reaping !== "wait" &&
      call.name !== "pidfd_send_signal" &&
      call.hit !== "own group" &&
      call.hit !== "everybody" &&
      ledger.suspensions.at(-1) !== call
        ? `${call.name} by number`
        : undefined,
  }),
};

const toWhom: Law = {
  name: "toWhom",
  promise:
    "signals go to the program, with -g to its process group, under dumb-init's name to its session, once it is made",
  watch: (ledger) => ({
    call: (call) => {
      const { hand, held, circumstances } = ledger;
      const one = [hand, held].find((taken) => taken?.attempts.at(-1) === call);
      if (!isSend(call) || one === undefined || ledger.lastResort || call.hit === "nobody") return undefined;
      const expected = circumstances.group ? "group of the program" : "program";
      // There was no session yet.
      if (hasSession(ledger) && call.hit === "program" && one?.attempts.at(-2)?.answer === -ESRCH)
        return undefined;
      return call.hit === expected ? undefined : `signal ${call.sent?.signo} to the ${call.hit}`;
    },
  }),
};

const inOrder: Law = {
  name: "inOrder",
  promise: "while a refused signal is kept, no real-time signal and none of its number overtakes it",
  watch: (ledger) => ({
    call: ({ taken }) => {
      const { held } = ledger;
      if (taken === null || held === null || held === ledger.hand || ledger.lastResort) return undefined;
      const overtakes = taken.signo >= REAL_TIME_FIRST || taken.signo === held.info.signo;
      return overtakes ? `signal ${taken.signo} is taken while ${held.info.signo} is kept` : undefined;
    },
  }),
};

const HOLD_MS_MIN = 10;
/** Between two tries, and what may come in between. */
const HOLD_MS_MAX = 2000;

const triesAgain: Law = {
  name: "triesAgain",
  promise: "a refused signal is sent again, each time later, from 10 to 640 ms, and a hundred times",
  watch: (ledger) => {
    let last: Taken | null = null;
    let at = 0;
    return {
      call: (call) => {
        const { held, now } = ledger;
        if (
          held !== null &&
          !ledger.lastResort &&
          held === last &&
          isLook(call) &&
          now - at > HOLD_MS_MAX &&
          call.taken !== null
        )
          return `signal ${held.info.signo} waits since ${now - at} ms`;
        if (held === null || held.attempts.at(-1) !== call) return undefined;
        const soon = held === last && now - at < HOLD_MS_MIN && ledger.traps === 0;
        [last, at] = [held, now];
        const refused = held.attempts.filter(({ answer }) => answer === -EAGAIN).length;
        if (refused > 101 + ledger.traps * 100) return `${refused} tries`;
        return soon ? `signal ${held.info.signo} is sent again at once` : undefined;
      },
      idle: () =>
        // Where the look at the program is refused, it counts as one that may not be signalled.
        ledger.held === null || ledger.lastResort || ledger.failed("kill")
          ? undefined
          : `signal ${ledger.held.info.signo} is forgotten`,
    };
  },
};

const asProgram: Law = {
  name: "asProgram",
  promise: "where a signal is refused, it is sent with the program's uid if CAP_SETUID allows that",
  watch: (ledger) => {
    const refused = (): Breach => {
      const { hand, circumstances } = ledger;
      if (hand === null || ledger.lastResort || hand.delivered > 0 || hand.traps > 0 || !ledger.programLives)
        return undefined;
      if (hand.attempts.at(-1)?.answer !== -EPERM || hand.attempts.at(-1)?.fault !== null) return undefined;
      if (!circumstances.capSetuid || circumstances.uid !== 0) return undefined;
      // Its uid may change between the look at it and the signal.
      if (ledger.uidAsked >= 0 && ledger.uidAsked !== ledger.program?.credentials.uid) return undefined;
      // What stands between the refusal and the second try.
      if (ledger.failed("openat", "read", "seteuid") || circumstances.profile !== "none") return undefined;
      return `signal ${hand.info.signo} was refused, and that was all`;
    };
    return { call: (call) => (isLook(call) && call.taken === null ? refused() : undefined) };
  },
};

const wholeGroup: Law = {
  name: "wholeGroup",
  promise:
    "with -g and without CAP_KILL a signal is sent with the program's uid at once, since 0 may mean some",
  watch: (ledger) => {
    const { group, capKill, capSetuid, uid } = ledger.circumstances;
    return {
      call: (call) => {
        const { hand, program, init } = ledger;
        if (!group || capKill || !capSetuid || uid !== 0 || program === null || !program.lives)
          return undefined;
        if (!isSend(call) || hand?.attempts.at(-1) !== call) return undefined;
        if (ledger.lastResort || ledger.failed("openat", "read", "seteuid")) return undefined;
        const { euid } = init.credentials;
        return euid === ledger.uidAsked ? undefined : `sent as ${euid}, the program is ${ledger.uidAsked}`;
      },
    };
  },
};

const ownAgain: Law = {
  name: "ownAgain",
  promise: "the init takes back its own uid, its dumpable flag and its parent-death signal before it waits",
  watch: (ledger) => {
    const { init, circumstances } = ledger;
    const uid = init.credentials.euid;
    const { dumpable } = init;
    const isStrict = ledger.circumstances.sandbox === "strict";
    return {
      idle: () => {
        if (circumstances.ending !== "none") return undefined;
        // Whoever refuses these keeps us from it; a trap in between leaves them to the next signal.
        if (ledger.failed("seteuid", "get_dumpable", "set_dumpable", "set_pdeathsig") || ledger.traps > 0)
          return undefined;
        if (init.credentials.euid !== uid) return `the effective uid is ${init.credentials.euid}`;
        if (init.dumpable !== (isStrict ? 0 : dumpable)) return `dumpable is ${init.dumpable}`;
        return init.parentDeathSignal === circumstances.parentDeath
          ? undefined
          : `the parent-death signal is ${init.parentDeathSignal}`;
      },
    };
  },
};

const refusedOnce: Law = {
  name: "refusedOnce",
  promise: "a refusal is said, and once for each signal",
  watch: (ledger) => {
    const said = new Map<string, number>();
    return {
      line: ({ text }) => {
        const about = /May not signal the program \((.*?)\)/.exec(text)?.[1];
        if (about === undefined) return undefined;
        const times = (said.get(about) ?? 0) + 1;
        said.set(about, times);
        return times > 1 + ledger.traps ? `${about}: said ${times} times` : undefined;
      },
    };
  },
};

const blocks: Law = {
  name: "blocks",
  promise:
    "every signal is blocked from the first instruction on; but for the moment in which the init stops itself, and for a look from beside it",
  watch: (ledger) => {
    /** The core failed, perhaps in that moment, and has not looked for news again. */
    let restarted = 0;
    return {
      call: (call) => {
        if (!call.byInit) return undefined;
        if (isLook(call)) restarted = ledger.traps;
        const { blocked } = ledger.init;
        const open = ~(blocked.lo | UNBLOCKABLE) >>> 0;
        if ((open === 0 && blocked.hi === EVERY) || restarted < ledger.traps) return undefined;
        if (LOOKS.includes(ledger.circumstances.ending)) return undefined;
        const stops = call.name === "rt_sigprocmask" && open === 1 << (SIGTSTP - 1) && blocked.hi === EVERY;
        return stops ? undefined : `no more than ${blocked.bits.toString(2)} is blocked`;
      },
    };
  },
};
/** SIGKILL and SIGSTOP. */
const UNBLOCKABLE = 0x40100;
const EVERY = 0xffffffff;

// Reaping

const reapsAll: Law = {
  name: "reapsAll",
  promise: "no zombie that was handed over is left when the init waits for news",
  watch: (ledger) => ({
    idle: () => {
      const left = [...ledger.init.children].filter(({ state }) => state === "zombie").length;
      return left > 0 && !ledger.init.shared.set.has(SIGCHLD) ? `${left} zombies are left` : undefined;
    },
  }),
};

const BATCH = 64;
const LAST = 1024;

const inBatches: Law = {
  name: "inBatches",
  promise:
    "between two looks at the signals at most 64 are reaped, where nothing is drained at most 1,024 at the end",
  watch: (ledger) => {
    let [reaped, last, traps] = [0, 0, 0];
    return {
      call: (call) => {
        if (isLook(call) || traps < ledger.traps) reaped = 0;
        if (isLook(call) && drainTime(ledger.circumstances) > 0) last = 0;
        traps = ledger.traps;
        if (!call.byInit || call.name !== "wait4" || Number(call.answer) <= 0) return undefined;
        if (!ledger.programLives) last++;
        else if (++reaped > BATCH) return `${reaped} at once`;
        // Those that were there before the program are handed out before it.
        const most = LAST + BATCH + ledger.circumstances.inheritedZombies;
        return last > most ? `${last} at the end` : undefined;
      },
    };
  },
};

const whoReaps: Law = {
  name: "whoReaps",
  promise: "the kernel reaps where it can and nobody asked for more, else the init in batches",
  watch: (ledger) => ({
    idle: () => {
      const { circumstances, reaping } = ledger;
      const { profile, reap, warnReaped, verbose } = circumstances;
      if (ledger.lastResort || circumstances.ending !== "none") return undefined;
      if (
        ledger.failed(
          "clone",
          "pidfd_get_info",
          "pidfd_send_signal",
          "signalfd4",
          "fcntl_dupfd",
          "tcgetpgrp",
          "setpgid",
        )
      )
        return undefined;
      const can = ["6.16", "6.18"].includes(circumstances.kernel) && profile === "none";
      const sees = warnReaped || verbose >= 2;
      const kernel = can && reap !== "wait" && !(sees && reap === "auto");
      const expected = !kernel ? "wait" : isJob(ledger) ? "kernel, with stops" : "kernel";
      return reaping === expected ? undefined : `${reaping} instead of ${expected}`;
    },
  }),
};

const warnsOfEach: Law = {
  name: "warnsOfEach",
  promise: "with -w there is a warning for every orphan that is reaped, and for nothing else",
  watch: (ledger) => {
    let last = 0;
    let said = true;
    let programIsReaped = false;
    const left = (): Breach => {
      // A line that finds no room, or no pipe to go by, may have been this one.
      if (said || ledger.traps > 0 || ledger.logFaulted || ledger.lastResort) return undefined;
      return `nothing was said of ${last}`;
    };
    return {
      call: (call) => {
        if (!call.byInit || (call.name !== "wait4" && !isLook(call))) return undefined;
        const breach = left();
        const pid = call.name === "wait4" ? Number(call.answer) : 0;
        const ended = pid > 0 && !ledger.lastWait.stopped;
        const isOrphan = ended && (pid !== ledger.programPid || programIsReaped);
        // A program that was given up and dies all the same is reaped as an orphan is.
        const mayBe = ended && ledger.now >= ledger.givenUpAt;
        // Its number may be an orphan's from now on.
        if (ended && pid === ledger.programPid) programIsReaped = true;
        const isWanted = ledger.circumstances.warnReaped && ledger.circumstances.ending === "none";
        said = !isOrphan || !isWanted || isQuiet(ledger);
        if (isOrphan || mayBe) last = pid;
        return breach;
      },
      line: ({ text }) => {
        const pid = /Reaped zombie process with pid=(\d+)/.exec(text)?.[1];
        if (text === "" || Number(pid) === last) said = true;
        return pid === undefined || Number(pid) === last
          ? undefined
          : `a warning of ${pid}, which was not reaped`;
      },
    };
  },
};

// Calls

const asleep: Law = {
  name: "asleep",
  promise: "idle means no calls: two looks in a row find nothing only where one of them had no limit of time",
  watch: (ledger) => {
    let found = true;
    return {
      call: (call) => {
        if (!call.byInit) return undefined;
        const nothing = call.name === "ppoll" && isLook(call) && call.answer === 0 && call.fault === null;
        const twice = nothing && !found;
        found = !nothing;
        const isTimed =
          ledger.stoppedAt >= 0 || ledger.endings.length > 0 || ledger.circumstances.notify !== "none";
        return twice && !ledger.lastResort && ledger.held === null && !isTimed && !isBlind(ledger)
          ? "it looks again"
          : undefined;
      },
    };
  },
};

/** Without a signalfd, or where waiting keeps failing, the world is looked at ten times a second. */
function isBlind(ledger: Ledger): boolean {
  return (
    ledger.failed("signalfd4", "ppoll", "fcntl_dupfd", "read") ||
    ledger.circumstances.profile === "no signalfd"
  );
}

const START_CALLS = 1300;

const noBusyLoop: Law = {
  name: "noBusyLoop",
  promise:
    "calls are bounded by what happens: each signal, death, failure and hundredth of a second pays for some",
  watch: (ledger) => {
    let budget = START_CALLS;
    let [now, traps] = [0, 0];
    return {
      call: (call) => {
        if (!call.byInit) return undefined;
        budget += Math.min(ledger.now - now, 100) / 5 + (ledger.traps - traps) * START_CALLS - 1;
        [now, traps] = [ledger.now, ledger.traps];
        if (call.taken !== null || call.fault !== null) budget += 60;
        if (call.name === "wait4" && Number(call.answer) > 0) budget += 60;
        if (call.name === "recvmsg" && Number(call.answer) >= 0) budget += 40;
        // Each process that is found in /proc is looked at, with all above it.
        if (call.name === "pidfd_open" && ledger.settled) budget += 20;
        // And where they are named, by what /proc lists: 24 bytes or more for each.
        if (call.name === "getdents64") budget += Math.max(Number(call.answer), 0);
        return budget < 0 ? "it calls and calls" : undefined;
      },
      stuck: (why) => (why.includes("calls") ? why : undefined),
    };
  },
};

const STARTING = new Set(
  (
    "getpid getppid getpgid setpgid clone pidfd_open pidfd_get_info rt_sigaction signalfd4 pidfd_send_signal openat " +
    "read write pwritev2 sendto splice close close_range fcntl_dupfd pipe2 statx statx_at clock_gettime geteuid getdents64 chdir tcgetpgrp ppoll " +
    "get_child_subreaper set_child_subreaper set_pdeathsig capget capset prctl getrlimit_nproc control_terminal getsid " +
    "set_dumpable seccomp fchmod fsync renameat2 unlinkat socket bind connect pass_credentials getrandom recvmsg"
  ).split(" "),
);
/** To open files as the user of --user. */
const OPENING = new Set(["seteuid", "setgroups", "setfsgid", "get_dumpable"]);
const LIVING = new Set(
  (
    "ppoll read kill rt_sigqueueinfo pidfd_send_signal wait4 pidfd_get_info signalfd4 rt_sigtimedwait write pwritev2 " +
    "sendto splice pipe2 close statx statx_at openat geteuid seteuid get_dumpable set_dumpable set_pdeathsig getppid " +
    "tcgetpgrp tcsetpgrp rt_sigprocmask clock_gettime rt_sigaction pidfd_open getdents64 getpgid recvmsg fsync renameat2"
  ).split(" "),
);
const AGAIN = new Set(["getpid", "capget"]);
/** catatonit -P. */
const PAUSING = new Set(["wait4", "rt_sigtimedwait"]);

const LOOKING = new Set(["clock_gettime", "rt_sigprocmask"]);

const onlyTheList: Law = {
  name: "onlyTheList",
  promise: "nothing is called but what its part of the life needs: the start, the loop, a restart",
  watch: (ledger) => ({
    call: ({ byInit, name }) => {
      if (!byInit) return undefined;
      const { ending, guard, notify, user } = ledger.circumstances;
      if (user !== "none" && !ledger.settled && OPENING.has(name)) return undefined;
      // The guard looks once before the loop does, and so does whoever waits for the program to say something.
      if ((guard !== "none" || notify !== "none") && LIVING.has(name)) return undefined;
      // A look can be ended by a signal; --status looks twice, with time in between.
      const pauses =
        (/^-g?P/.test(ending) && PAUSING.has(name)) || (LOOKS.includes(ending) && LOOKING.has(name));
      const allowed = ledger.settled ? LIVING.has(name) || pauses : STARTING.has(name) || pauses;
      if (allowed || (ledger.traps > 0 && (AGAIN.has(name) || STARTING.has(name) || LIVING.has(name))))
        return undefined;
      return `${name} ${ledger.settled ? "in the loop" : "at the start"}`;
    },
  }),
};

const neverWaits: Law = {
  name: "neverWaits",
  promise: "no call waits for a reader, a writer or a child: only for news",
  watch: (ledger) => {
    /** A look has just said that there is room: a terminal that is stopped at this very moment can hold the line. */
    let hadRoom = false;
    return {
      call: ({ byInit, polled, answer }) => {
        if (byInit) hadRoom = polled >= 0 && Number(answer) > 0;
        return undefined;
      },
      blocked: (name) => (ledger.settled && !hadRoom ? `${name} waits` : undefined),
    };
  },
};

// The program's start

const startsUnmasked: Law = {
  name: "startsUnmasked",
  promise: "the program starts with the signal mask that the init was started with",
  watch: () => ({
    exec: ({ self, expected }) =>
      self.blocked.bits === expected.mask ? undefined : `mask ${self.blocked.bits}, was ${expected.mask}`,
  }),
};

const startsIgnoring: Law = {
  name: "startsIgnoring",
  promise: "the program ignores the signals that the init was started with ignored, and no others",
  watch: () => ({
    exec: ({ self, expected }) => {
      const ignored = [...self.actions]
        .filter(([, { handler }]) => handler === "ignore")
        .map(([signo]) => signo);
      const same = ignored.sort().join() === [...expected.ignored].sort().join();
      return same ? undefined : `ignores ${ignored.join()}, was ${expected.ignored.join()}`;
    },
  }),
};

const startsInGroup: Law = {
  name: "startsInGroup",
  promise:
    "the program leads a process group of its own; under dumb-init's name a session, and with -c it stays in the init's group",
  watch: (ledger) => ({
    exec: ({ self }) =>
      isWhereItBelongs(self, ledger) ? undefined : `it is in group ${self.group.in(self.namespace)}`,
  }),
};

function isWhereItBelongs(self: Process, ledger: Ledger): boolean {
  if (ledger.circumstances.dumbInit === "single") return self.group === ledger.init.group && !self.leader;
  return self.group === self.id && self.leader === hasSession(ledger);
}

const startsInFront: Law = {
  name: "startsInFront",
  promise:
    "the program has the foreground before its exec where the init's group had it, else whoever had it keeps it",
  watch: (ledger) => ({
    exec: ({ foreground, expected }) =>
      ledger.stoppedItself ||
      hasSession(ledger) ||
      ledger.failed("tcgetpgrp", "tcsetpgrp", "read") ||
      foreground === "nobody's" ||
      foreground === expected.foreground
        ? undefined
        : `the foreground is ${foreground}, expected ${expected.foreground}`,
  }),
};

const startsWithFiles: Law = {
  name: "startsWithFiles",
  promise: "the program gets the descriptors that the init was started with, and none of the init's own",
  watch: () => ({
    exec: ({ files, expected }) =>
      files.join() === expected.files.join()
        ? undefined
        : `${files.join()}, expected ${expected.files.join()}`,
  }),
};

const startsWithVariables: Law = {
  name: "startsWithVariables",
  promise:
    "the program gets the environment as it came, without the variables that set options, and as --user says",
  watch: (ledger) => ({
    exec: ({ environment, expected }) =>
      // Without /etc/passwd a uid has no name, and no home.
      (identityOf(ledger.circumstances) !== undefined && ledger.failed("openat")) ||
      environment.join() === expected.environment.join()
        ? undefined
        : `${environment.join()}, expected ${expected.environment.join()}`,
  }),
};

const startsAsUser: Law = {
  name: "startsAsUser",
  promise: "the program is the user of --user with its groups, and the init stays who it is",
  watch: (ledger) => {
    const { uid: ownUid, gid: ownGid } = ledger.init.credentials;
    return {
      exec: ({ self }) => {
        const identity = identityOf(ledger.circumstances);
        if (identity === null) return "it was started, and there is no such user";
        const { uid, gid, groups } = identity ?? { uid: ownUid, gid: ownGid, groups: [] };
        const { credentials } = self;
        const all = [credentials.uid, credentials.euid, credentials.suid, credentials.gid].join();
        if (all !== [uid, uid, uid, gid].join()) return `it is ${all}, expected ${uid} and ${gid}`;
        // A file that was not there lists nobody.
        if (ledger.failed("openat")) return undefined;
        return credentials.groups.join() === groups.join()
          ? undefined
          : `groups ${credentials.groups.join()}`;
      },
      idle: () => (ledger.init.credentials.gid === ownGid ? undefined : "the init has another group"),
    };
  },
};

const opensAsUser: Law = {
  name: "opensAsUser",
  promise:
    "with --user the files that the init is to write are opened as that user, with its group and its groups",
  watch: (ledger) => {
    const { init, circumstances } = ledger;
    const identity = identityOf(circumstances);
    // Whoever may not become the user starts no program.
    if (!identity || !init.credentials.can("CAP_SETGID")) return {};
    return {
      call: ({ byInit, name, text }) => {
        const isFile = text === EVENTS_FILE || text === REPORT_FILE || text === STATUS_FILE;
        if (!byInit || name !== "openat" || !isFile || ledger.program !== null) return undefined;
        // Who that is stands in files.
        if (ledger.failed("openat", "read", "setgroups", "setfsgid")) return undefined;
        const { euid, fsgid, groups } = init.credentials;
        const opens = `${euid}:${fsgid}:+${groups}`;
        return opens === `${identity.uid}:${identity.gid}:+${identity.groups}`
          ? undefined
          : `${text} as ${opens}`;
      },
    };
  },
};

const startsLimited: Law = {
  name: "startsLimited",
  promise:
    "the program has no capability that was dropped, every one that was kept, no_new_privs and RLIMIT_NPROC where asked",
  watch: (ledger) => {
    const { nproc } = ledger.init.limits;
    return {
      exec: ({ self: { credentials, limits } }) => {
        const { noNewPrivs, limitNproc } = ledger.circumstances;
        const [left, kept] = capsOf(ledger.circumstances);
        const { permitted, effective, inheritable, bounding } = credentials;
        if (((permitted | inheritable | bounding) & ~left) !== 0) return "it has what was dropped";
        if ((kept & ~(permitted & effective)) !== 0) return "it has not what was kept";
        if (credentials.noNewPrivs !== noNewPrivs) return `no_new_privs is ${credentials.noNewPrivs}`;
        return limits.nproc === (limitNproc || nproc) ? undefined : `RLIMIT_NPROC is ${limits.nproc}`;
      },
    };
  },
};

const keepsOnlyToSignal: Law = {
  name: "keepsOnlyToSignal",
  promise:
    "while it waits the init has CAP_KILL alone, or CAP_SETUID alone where it has not that, and no_new_privs",
  watch: (ledger) => {
    const { init, circumstances } = ledger;
    return {
      idle: () => {
        // Where it is refused the init says so and goes on.
        if (ledger.failed("capset", "prctl") || ledger.lastResort) return undefined;
        const { permitted, inheritable, noNewPrivs, uid } = init.credentials;
        const needed = uid !== 0 ? 0 : circumstances.capKill ? 1 << 5 : circumstances.capSetuid ? 1 << 7 : 0;
        if (permitted !== needed || (inheritable & ~needed) !== 0) return `its capabilities are ${permitted}`;
        return noNewPrivs ? undefined : "it has no no_new_privs";
      },
    };
  },
};

/** What somebody who has taken the init over would try. */
const ATTEMPTS: readonly (readonly [name: string, ...args: number[]])[] = [
  ["execve", 8, 1], ["clone", 0], ["openat", 8, 0], ["openat", 8, 3], ["renameat2", 8, 8],
  ["unlinkat", 8], ["fsync", 0], ["setuid", 0], ["setgid", 0], ["setfsgid", 0], ["setgroups", 0, 8], ["chdir", 8],
  ["fcntl_dupfd", 1, 3], ["setpgid", 0, 0], ["setsid"], ["capset", 0], ["prctl", 38, 1, 0], ["seccomp", 8, 1],
  ["setrlimit_nproc", 1], ["control_terminal", 0, 1], ["rt_sigaction", 15, 1], ["signalfd4", -1, 0],
  ["rt_sigqueueinfo", OTHERS, 8],
]; // biome-ignore format: a table
/** Where nothing but the program is to be signalled. */
const ATTEMPTS_TO_SIGNAL: typeof ATTEMPTS = [
  ["kill", OTHERS, 9],
  ["kill", -OTHERS, 9],
  ["pidfd_send_signal", OTHERS, 9, 0, 0],
  ["pidfd_open", OTHERS],
];

const isConfined: Law = {
  name: "isConfined",
  promise:
    "once the program runs, the kernel refuses the init whatever it does not need: programs, files to write, others to signal",
  watch: (ledger) => {
    const { init, circumstances } = ledger;
    const { sandbox, killOrphans, subreaperOutside, grace, stopWithin } = circumstances;
    const ends = drainTime(circumstances) > 0 || grace !== "none" || stopWithin !== "none";
    const attempts =
      killOrphans || (subreaperOutside && ends) ? ATTEMPTS : [...ATTEMPTS, ...ATTEMPTS_TO_SIGNAL];
    return {
      idle: () => {
        if (sandbox === "off" || ledger.failed("seccomp", "prctl") || ledger.lastResort) return undefined;
        // catatonit -P has no program to be apart from.
        if (circumstances.ending !== "none") return undefined;
        // A report of its own is put in its place.
        const places = [...ledger.endFiles.values()].some((path) => path === `${REPORT_FILE}.tmp`);
        const open = attempts.find(
          ([name, ...args]) =>
            !(places && name === "renameat2") && init.filters.every((filter) => allows(filter, name, args)),
        );
        return open === undefined ? undefined : `${open.join(" ")} is let through`;
      },
    };
  },
};

const AS_PROGRAM = new Set([
  "geteuid",
  "getppid",
  "seteuid",
  "get_dumpable",
  "set_dumpable",
  "set_pdeathsig",
]);

const keepsNothingBack: Law = {
  name: "keepsNothingBack",
  promise: "the filter lets through whatever the init asks for in its whole life",
  watch: (ledger) => ({
    call: ({ byInit, isConfined: isRefused, name, args }) => {
      if (!byInit || !isRefused) return undefined;
      // With CAP_KILL nobody can refuse a signal but a profile or a security module: no other uid is of any use then.
      const isRefusedAlready = ledger.failed("kill", "rt_sigqueueinfo", "pidfd_send_signal");
      return isRefusedAlready && AS_PROGRAM.has(name) ? undefined : `${name} ${args.join(" ")} is refused`;
    },
  }),
};

const startsAsAsked: Law = {
  name: "startsAsAsked",
  promise: "the program is the file that execvp(3) would find, with its arguments as they were",
  watch: (ledger) => ({
    exec: ({ path, args, expected }) => {
      // What an execve that fails without a reason makes of the search is not foreseen.
      if (ledger.failed("execve")) return undefined;
      if (path !== expected.path) return `${path}, expected ${expected.path}`;
      return args.join("\0") === expected.args.join("\0") ? undefined : `arguments ${args.join(" ")}`;
    },
  }),
};

const diesWithParent: Law = {
  name: "diesWithParent",
  promise: "-p KILL: the program asks for the same about the init",
  watch: (ledger) => ({
    exec: ({ self }) => {
      const asked = ledger.circumstances.parentDeath === SIGKILL && !ledger.failed("set_pdeathsig");
      return asked && self.parentDeathSignal !== SIGKILL
        ? `it asked for ${self.parentDeathSignal}`
        : undefined;
    },
  }),
};

// The init's own arrangements

const holdsNothing: Law = {
  name: "holdsNothing",
  promise:
    "the init holds 0, 1 and 2 as they came, three descriptors of its own, one for events, one for each file that is held (report, counters, /dev/termination-log) and two for notifications, and nothing that it inherited",
  watch: (ledger) => {
    return {
      idle: () => {
        const { changedStdio } = ledger;
        if (changedStdio >= 0) return `descriptor ${changedStdio} is another`;
        const own = ledger.init.files.numbers.filter((fd) => fd > 2);
        // A close that is interrupted has closed (close(2)); a listing that is refused shows nothing.
        if (ledger.faults.has("getdents64") || ledger.faults.has("openat") || ledger.lastResort)
          return undefined;
        const { telling, notify, outer } = ledger.circumstances;
        const hears = notify === "none" ? 0 : outer === "there" ? 2 : 1;
        const most = 3 + (telling === "none" ? 0 : 1) + hears + ledger.endFiles.size;
        return own.length > most ? `descriptors ${own.join()}` : undefined;
      },
    };
  },
};

const fromRoot: Law = {
  name: "fromRoot",
  promise: "the init's directory is / when it waits",
  watch: (ledger) => ({
    idle: () =>
      ledger.directory === "/" || ledger.failed("chdir") || ledger.lastResort
        ? undefined
        : `it is ${ledger.directory}`,
  }),
};

const adopts: Law = {
  name: "adopts",
  promise:
    "outside PID 1 the init is a subreaper: under the name steady always, under tini's with -s; it warns only where nobody adopts",
  watch: (ledger) => ({
    line: ({ text }) => {
      if (!text.includes("not running as PID 1")) return undefined;
      const { subreaperOutside, parentIsInit } = ledger.circumstances;
      if (!subreaperOutside || ledger.init.subreaper) return "it adopts, and warns that it does not";
      const isKnown = parentIsInit && !ledger.parentDied && !ledger.failed("openat", "read");
      return isKnown ? "its parent is an init, and it warns of that" : undefined;
    },
    exec: () => {
      const { subreaperOutside, subreaper } = ledger.circumstances;
      const must =
        subreaperOutside && (subreaper || !isTini(ledger)) && !ledger.failed("set_child_subreaper");
      return must && !ledger.init.subreaper ? "orphans go past it" : undefined;
    },
  }),
};

const tellsParentDeath: Law = {
  name: "tellsParentDeath",
  promise: "-p: the death of the init's parent is forwarded, once",
  watch: (ledger) => {
    const parentDeath = mapped(ledger.circumstances, ledger.circumstances.parentDeath);
    let fromKernel = 0;
    let sent = false;
    return {
      call: (call) => {
        if (parentDeath === 0 || !ledger.parentDied || !isSend(call)) return undefined;
        // One that was pending already is the same to the kernel. That the init may not, asProgram judges.
        if (call.sent?.signo === parentDeath && (call.answer === 0 || call.answer === -EPERM)) sent = true;
        if (call.answer !== 0) return undefined;
        const { hand } = ledger;
        const isParents = hand?.info.code === SI_USER && hand.info.pid === ledger.parentPid;
        if (hand?.attempts.at(-1) === call && hand.becomes === parentDeath && isParents) fromKernel++;
        const times = fromKernel + ledger.parentSends.filter(({ answer }) => answer === 0).length;
        // As PID 1 the parent has the number of everybody outside: 0.
        return ledger.parentPid !== 0 && times > 1 + ledger.traps
          ? `it was forwarded ${times} times`
          : undefined;
      },
      idle: () => {
        if (parentDeath === 0 || !ledger.parentDied || ledger.traps > 0 || !ledger.programLives)
          return undefined;
        // One from inside that was pending has hidden it.
        if (ledger.circumstances.trust !== "any") return undefined;
        if (ledger.failed("set_pdeathsig", "kill", "pidfd_send_signal", "seteuid")) return undefined;
        return !sent && ledger.parentDiedWatched ? "nothing was forwarded" : undefined;
      },
    };
  },
};

// The terminal

const leavesTerminal: Law = {
  name: "leavesTerminal",
  promise: "a foreground that is somebody else's is left to them",
  watch: (ledger) => ({
    call: ({ name }) =>
      name === "tcsetpgrp" && ledger.foregroundBefore === "another's" ? "it takes the foreground" : undefined,
  }),
};

const givesBack: Law = {
  name: "givesBack",
  promise: "at the end the foreground is with the init's group again, unless a living group has taken it",
  watch: (ledger) => {
    let lived = false;
    return {
      call: (call) => {
        if (call.byInit && call.name === "kill" && call.args[1] === 0) lived = call.answer === 0;
        return undefined;
      },
      end: (ended) => {
        if (ended === null || ledger.lastResort || ledger.failed("tcgetpgrp", "tcsetpgrp", "kill"))
          return undefined;
        // The group of an unshare(1) outside has no number in here.
        // A session takes its terminal along.
        if (
          isDumbInit(ledger) ||
          !ledger.lent ||
          ledger.circumstances.foreground === "outside" ||
          ledger.isHungUp
        )
          return undefined;
        const { foreground } = ledger;
        // Whoever has it may have died since the init looked.
        if (foreground === "nobody's" && lived) return undefined;
        return foreground === "the program's" || foreground === "nobody's"
          ? `it is ${foreground}`
          : undefined;
      },
    };
  },
};

const stopsToo: Law = {
  name: "stopsToo",
  promise: "outside PID 1 the init stops its own job when the program has stopped, and only then",
  watch: (ledger) => {
    let due = false;
    return {
      call: (call) => {
        if (!call.byInit) return undefined;
        const ours =
          call.name === "tcgetpgrp" && Number(call.answer) === ledger.init.group.in(ledger.init.namespace);
        // The shell brought the job to the front meanwhile: the program gets what it wants.
        if (ours && ledger.lastWait.wantsTerminal) due = false;
        if (call.hit === "own group" && isSend(call)) {
          const asked = due;
          due = false;
          return asked || ledger.traps > 0 ? undefined : "it stops itself, and the program has not";
        }
        const left = due && (isLook(call) || ledger.continues.at(-1) === call) && ledger.traps === 0;
        if (call.name === "wait4" && ledger.lastWait.stopped && Number(call.answer) === ledger.programPid)
          due = isJob(ledger);
        return left && due ? "the program has stopped, and it has not" : undefined;
      },
    };
  },
};

const continuesToo: Law = {
  name: "continuesToo",
  promise: "outside PID 1 no stop of the program that the init has seen is left when it waits for news",
  watch: (ledger) => ({
    idle: () => {
      const { program } = ledger;
      if (program === null || program.state !== "stopped" || !isJob(ledger)) return undefined;
      if (program.stopSignal !== 0 || ledger.failed("kill", "pidfd_send_signal") || ledger.lastResort)
        return undefined;
      return "the program is stopped, the init is not";
    },
  }),
};

const leavesStopped: Law = {
  name: "leavesStopped",
  promise: "as PID 1 the init never continues a program by itself",
  watch: (ledger) => ({
    call: () =>
      ledger.continues.length > 0 && !isJob(ledger) ? `signal ${SIGCONT} comes from nobody` : undefined,
  }),
};

const suspends: Law = {
  name: "suspends",
  promise:
    "under dumb-init's name the init stops itself after a stop of the terminal's keys, and never otherwise",
  watch: (ledger) => {
    let due = false;
    return {
      call: (call) => {
        if (!isDumbInit(ledger) || ledger.traps > 0 || !call.byInit) return undefined;
        const left = due && isLook(call) && call.taken === null;
        const { hand } = ledger;
        const isStop =
          hand !== null &&
          !ledger.endKnown &&
          hand.isBelieved &&
          KEY_STOPS.includes(hand.info.signo) &&
          isOthers(hand, ledger);
        if (call.taken !== null && hand?.call === call.number) due = isStop;
        if (ledger.suspensions.at(-1) !== call) return left ? "it was asked to stop, and goes on" : undefined;
        const asked = due;
        due = false;
        return asked && call.sent?.signo === SIGSTOP ? undefined : "it stops itself, and nobody asked";
      },
    };
  },
};

const endsSession: Law = {
  name: "endsSession",
  promise:
    "under dumb-init's name what is left of the session gets a SIGTERM at the end, as --map has it, once",
  watch: (ledger) => ({
    call: (call) => {
      if (ledger.farewells.at(-1) !== call) return undefined;
      const reached = ledger.farewells.filter(({ answer }) => answer === 0).length;
      return reached > 1 + ledger.traps ? `it gets ${reached}` : undefined;
    },
    end: (ended) => {
      const { program, farewells, lastResort, traps, circumstances } = ledger;
      if (ended === null || program === null || !hasSession(ledger) || lastResort || traps > 0)
        return undefined;
      // All was killed already where the program is given up.
      if (ledger.now >= ledger.givenUpAt) return undefined;
      return farewells.length > 0 || mapped(circumstances, 15) === 0 ? undefined : "nothing was sent";
    },
  }),
};

// The log

const wellFormed: Law = {
  name: "wellFormed",
  promise:
    "every line begins with its level, the name and the pid, in the form of the init that it stands for, ends with a newline, and has at most 1,024 bytes",
  watch: (ledger) => ({
    line: ({ text }) => {
      if (text === "") return undefined;
      if (isDumbInit(ledger))
        return /^\[dumb-init\] [^\0]*\n$/.test(text) && text.length <= 1024
          ? undefined
          : `"${text.trimEnd()}"`;
      if (isCatatonit(ledger) || ledger.circumstances.ending.includes("--as catatonit"))
        return /^(ERROR|WARN|INFO|DEBUG) \(catatonit:\d+\): [^\0]*\n$/.test(text) && text.length <= 1024
          ? undefined
          : `"${text.trimEnd()}"`;
      const prefix = /^\[(FATAL|WARN |INFO |DEBUG|TRACE) (steady|tini) \(\d+\)\] [^\0]*\n$/;
      if (!prefix.test(text) || text.length > 1024) return `"${text.trimEnd()}"`;
      return text.includes(isTini(ledger) ? " tini (" : " steady (") ? undefined : `"${text.trimEnd()}"`;
    },
  }),
};

const LEVELS = ["FATAL", "WARN ", "INFO ", "DEBUG", "TRACE"];
/** catatonit has no fifth. */
const CATATONIT_LEVELS = ["ERROR (", "WARN (", "INFO (", "DEBUG ("];
const levelOf = (text: string): number =>
  Math.max(
    LEVELS.indexOf(text.slice(1, 6)),
    CATATONIT_LEVELS.findIndex((level) => text.startsWith(level)),
  );

const asVerbose: Law = {
  name: "asVerbose",
  promise: "what is said depends on -v: warnings always, more with each",
  watch: (ledger) => ({
    line: ({ text }) => {
      const { verbose } = ledger.circumstances;
      if (isDumbInit(ledger)) return verbose === 0 && CHATTER.test(text) ? `"${text.trimEnd()}"` : undefined;
      return levelOf(text) > 1 + verbose ? `"${text.trimEnd()}"` : undefined;
    },
  }),
};

/** What dumb-init says with -v alone. */
const CHATTER =
  /^\[dumb-init\] (?:A child|Behaving|Child (?:exited|spawned)|Detached|Forwarded|Ignoring|Not|Received|setsid|Suspending|Translating|Unable to (?:at|de)tach)/;

const rightStream: Law = {
  name: "rightStream",
  promise:
    "fatal errors and warnings go to stderr, the rest to stdout, under the names of dumb-init and catatonit all to stderr; the count of lost lines where they were lost",
  watch: (ledger) => ({
    line: ({ fd, text }) =>
      text === "" ||
      text.includes("log lines could not") ||
      ((isDumbInit(ledger) || isCatatonit(ledger)) && fd === 2) ||
      (LEVELS.indexOf(text.slice(1, 6)) <= 1 ? 2 : 1) === fd
        ? undefined
        : `${fd}: "${text.trimEnd()}"`,
  }),
};

const countsLost: Law = {
  name: "countsLost",
  promise: "lines that found no room are counted, and the count is told as soon as there is room",
  watch: (ledger) => {
    const lost = new Map<number, number>();
    const unknown = new Set<number>();
    /** Nobody read there at the last try: whoever comes is told with the next line. */
    const unread = new Set<number>();
    let traps = 0;
    return {
      call: ({ byInit, name, args, answer }) => {
        if (byInit && answer === -EPIPE) unread.add(Number(args[name === "splice" ? 1 : 0]));
        return undefined;
      },
      line: ({ byInit, fd, text, written }) => {
        // A child counts for itself, and a core that is started again from 0.
        if (!byInit) return undefined;
        if (ledger.traps !== traps) {
          traps = ledger.traps;
          lost.clear();
        }
        const before = lost.get(fd) ?? 0;
        const told = /(\d+) log lines could not be written/.exec(text)?.[1];
        if (!written) lost.set(fd, before + 1);
        // Who came between the count, which found nobody, and the line behind it gets the count with the next one.
        else if (before === 0 || told !== undefined) unread.delete(fd);
        if (text === "") unknown.add(fd);
        // A pipe of its own that could not be had is a line lost of which no call tells.
        if (told === undefined || ledger.failed("pipe2")) return undefined;
        // A count that is lost itself counts no line twice.
        lost.set(fd, written ? 0 : before);
        // Where nothing was tried, one that was lost may have been the count itself.
        if (unknown.has(fd) && Number(told) < before) return undefined;
        return Number(told) === before ? undefined : `${told} are told, ${before} were lost`;
      },
      idle: () => {
        // Where neither pwritev2 nor splice is to be had, there is no way that would not wait.
        if (ledger.failed("splice") || isBlind(ledger)) return undefined;
        for (const [fd, count] of lost)
          if (count > 0 && !unread.has(fd) && ledger.hasRoom(fd) && !ledger.logFaulted && ledger.traps === 0)
            return `${count} lines of ${fd} were lost, and there is room to say so`;
        return undefined;
      },
    };
  },
};

const saysWhy: Law = {
  name: "saysWhy",
  promise: "a status that is steady's own comes with a line on stderr that says why",
  watch: (ledger) => {
    let said = false;
    return {
      line: ({ text }) => {
        // Where there was no room it was not even tried.
        if (text === "" || /^(?:\[FATAL |ERROR )/.test(text) || isDumbInit(ledger)) said = true;
        return undefined;
      },
      end: (ended) => {
        const own =
          ledger.startFailure !== 0 || (ledger.program === null && ledger.circumstances.ending === "none");
        if (ended === null || ended === 120 || !own || said || ledger.childTraps > 0) return undefined;
        // A core that failed may have left a pipe of its own in the place of a stderr that was closed.
        const hadLog = ledger.traps === 0 || ledger.circumstances.log !== "closed";
        return ledger.logFaulted || !hadLog || !ledger.hasRoom(2)
          ? undefined
          : `it ended with ${ended} and said nothing`;
      },
    };
  },
};

const tellsRestart: Law = {
  name: "tellsRestart",
  promise: "a core that failed is started again, and says so with the reason and how often",
  watch: (ledger) => {
    let told = 0;
    let unknown = false;
    return {
      line: ({ text }) => {
        if (text === "") unknown = true;
        const times = /The core was started again: .* \((\d+) times so far\)/.exec(text)?.[1];
        if (times === undefined) return undefined;
        told = Number(times);
        return told === ledger.traps ? undefined : `${told} are told, it were ${ledger.traps}`;
      },
      end: (ended) => {
        const { lastResort, program, traps } = ledger;
        if (ended === null || program === null || lastResort || told === traps || isQuiet(ledger))
          return undefined;
        // A line that was not even tried may have been this one.
        return unknown || ledger.logFaulted ? undefined : `${ledger.traps} restarts, ${told} were told`;
      },
    };
  },
};

// The events

const JSON_EVENT =
  /^\{"time":"[^"\\]*","event":"\w+"(?:,"[\w.]+":(?:"(?:[ !#-[\]-~]|\\["\\]|\\u00[0-9a-f]{2})*"|-?\d+|true|false))*\}\n$/;
const TEXT_EVENT =
  /^time="[^"\\]*" event="\w+"(?: [\w.]+=(?:"(?:[ !#-[\]-~]|\\["\\]|\\u00[0-9a-f]{2})*"|-?\d+|true|false))*\n$/;

interface Event {
  readonly name: string;
  readonly field: (name: string) => string | undefined;
}

const fitsSchema = new Ajv2020().compile(
  JSON.parse(readFileSync(join(import.meta.dirname, "../docs/events.schema.json"), "utf8")),
);

/** One line of --events; nothing where it is none, or more than one. */
function readEvent(text: string, form: "json" | "text"): Event | undefined {
  if (!(form === "json" ? JSON_EVENT : TEXT_EVENT).test(text) || text.length > 1024) return undefined;
  if (form === "json" && !fitsSchema(JSON.parse(text))) return undefined;
  const name = /event"?[:=]"(\w+)"/.exec(text)?.[1] ?? "";
  return {
    name,
    field: (each) => new RegExp(`[ "]${each.replaceAll(".", "\\.")}"?[:=](-?\\d+)`).exec(text)?.[1],
  };
}

/** What may become of a signal. */
const FATES =
  /^(?:signal_(?:own|refused|dropped|forwarded|failed|held|value_lost|mapped)|stop_delayed|core_signal_dropped)$/;

const tellsAll: Law = {
  name: "tellsAll",
  promise:
    "with --events each signal that is taken is told with its number and its sender, and then what became of it, in lines that nobody can forge",
  watch: (ledger) => {
    const { telling } = ledger.circumstances;
    if (telling === "none" || ledger.circumstances.ending !== "none") return {};
    const taken: SignalInfo[] = [];
    let open = 0;
    const complete = (): Breach => {
      if (isExcused()) return undefined;
      if (taken.length > 0) return `signal ${taken[0]?.signo} was taken and not told`;
      return open > 0 && !ledger.endKnown
        ? `signal ${open} was received, and nothing became of it`
        : undefined;
    };
    const isExcused = (): boolean =>
      ledger.traps > 0 || ledger.lastResort || ledger.eventLost || ledger.failed("write", "statx");
    const read = ({ name, field }: Event): Breach => {
      if (FATES.test(name)) open = 0;
      if (name !== "signal_received") return undefined;
      const signo = Number(field("steady.signal.number"));
      // Whether the init's own SIGPIPE may be spoken of is another law's.
      const isOwn =
        Number(field("steady.signal.code")) === 0 && Number(field("steady.sender.pid")) === ledger.init.pid;
      if (signo === SIGPIPE && isOwn) return undefined;
      const next = taken.shift();
      // Where a parent died unseen its signal comes from the init itself.
      if (next === undefined)
        return signo === ledger.circumstances.parentDeath ? undefined : `signal ${signo} never came`;
      const told = [signo, field("steady.signal.code"), field("steady.sender.pid")].map(Number);
      const was = [next.signo, next.code, next.pid];
      if (String(told) !== String(was)) return `${told} is told of ${was}`;
      open = signo === SIGCHLD ? 0 : signo;
      return undefined;
    };
    return {
      call: (call) => {
        const { byInit, name, args, text, taken: info } = call;
        const fd = Number(args[0]);
        const isEvent =
          text !== null && name === "write" && fd > 2 && ledger.isFile(fd) && !ledger.endFiles.has(fd);
        if (byInit && isEvent) {
          const event = readEvent(text, telling);
          const breach = event === undefined ? `${JSON.stringify(text)} is no event` : read(event);
          if (breach !== undefined && !isExcused()) return breach;
        }
        if (isLook(call)) {
          const breach = complete();
          if (breach !== undefined) return breach;
        }
        if (!byInit || info === null || name === "kill" || args[0] === ONLY_SIGCONT) return undefined;
        if (name === "read" && Number(args[2]) > 128) return undefined;
        const isOwnPipe = info.signo === SIGPIPE && info.code === 0 && info.pid === ledger.init.pid;
        if (!isOwnPipe) taken.push(info);
        return undefined;
      },
      idle: complete,
    };
  },
};
const ONLY_SIGCONT = 1n << 17n;
const SIGPIPE = 13;

// What the program says of itself

/** What stands between the end of a time and what follows from it. */
const DOUBT_MS = 1000;

const hears: Law = {
  name: "hears",
  promise:
    "--notify: what the program or root says is passed on as it was, and what others say, or what says nothing, goes nowhere",
  watch: (ledger) => {
    let due: string | null = null;
    const left = (): Breach => {
      const what = due;
      due = null;
      // Nor where it has just ended.
      return what === null || ledger.traps > 0 || !ledger.programLives
        ? undefined
        : `${JSON.stringify(what)} was not passed on`;
    };
    const isOuter = (fd: number): boolean => ledger.isOuter(fd);
    return {
      call: (call) => {
        // Which uid the program has is read in /proc.
        const isUnknown = ledger.faults.has("openat") || ledger.faults.has("read");
        if (!call.byInit || ledger.lastResort || isUnknown) return undefined;
        if (call.name === "sendto" && isOuter(Number(call.args[0]))) {
          const expected = due;
          due = null;
          if (ledger.notice !== null && expected === null && ledger.traps > 0) return undefined;
          return call.text === expected || call.fault === "short"
            ? undefined
            : `${JSON.stringify(call.text)} is passed on, should be ${JSON.stringify(expected)}`;
        }
        if (call.name === "recvmsg") {
          const breach = left();
          const kept = ledger.notice?.kept ?? "";
          if (ledger.hasOuter && kept !== "") due = kept;
          return breach;
        }
        return isLook(call) ? left() : undefined;
      },
    };
  },
};

/** More than so many are not waited for at once. */
const ASKERS_MAX = 4;
/** What keeps the init from asking, or from being sure of it. */
const TO_ASK = ["recvmsg", "kill", "pidfd_send_signal", "seteuid", "openat", "read"];

const answersProbes: Law = {
  name: "answersProbes",
  promise:
    "STEADY_PROBE=: whoever is believed has the program asked, and gets its next WATCHDOG=1 once; nobody else is sent anything",
  watch: (ledger) => {
    let waiting = 0;
    let due = 0;
    let isAsking = false;
    return {
      call: (call) => {
        const { byInit, name, args, answer } = call;
        if (!byInit || ledger.traps > 0 || ledger.lastResort || ledger.failed(...TO_ASK)) return undefined;
        if (name === "sendto" && ledger.isOwn(Number(args[0])))
          return due-- > 0 ? undefined : "nobody waits for that";
        if (call.sent?.signo === PROBE_SIGNAL && ledger.watchSends.at(-1) === call && answer !== -EPERM) {
          if (isAsking && answer !== -ESRCH) waiting = Math.min(waiting + 1, ASKERS_MAX);
          isAsking = false;
        }
        if (name !== "recvmsg") return undefined;
        if (due > 0) return `${due} of those who had it asked were not answered`;
        const lines = ledger.notice?.lines ?? [];
        isAsking = lines.some((line) => line.startsWith("STEADY_PROBE=")) && ledger.canBeAnswered;
        if (lines.includes("WATCHDOG=1")) {
          due = waiting;
          waiting = 0;
        }
        return undefined;
      },
    };
  },
};

const REASONS = /^(?:exited|signaled|overdue|unwell|fork_bomb|unknown|not_started)$/;

const saysUnwritten: Law = {
  name: "saysUnwritten",
  promise: "that an event could not be written is said once in a life of the core, and why",
  watch: (ledger) => {
    let said = 0;
    let isDue = false;
    /** Nobody knows what a line is about that found no room before it was written. */
    let isUnknown = false;
    return {
      call: ({ byInit, name, args, answer }) => {
        const fd = Number(args[0]);
        const isEvent = name === "write" && fd > 2 && ledger.isFile(fd) && !ledger.endFiles.has(fd);
        const { verbose } = ledger.circumstances;
        // Below 0 there are no warnings.
        if (byInit && isEvent && Number(answer) < 0 && verbose >= 0 && ledger.traps === 0) isDue = true;
        return undefined;
      },
      line: ({ byInit, text }) => {
        if (!byInit) return undefined;
        if (text === "") isUnknown = true;
        if (!text.includes("--events-to: cannot write there: ")) return undefined;
        said++;
        return said > 1 + ledger.traps ? `said ${said} times` : undefined;
      },
      idle: () =>
        isDue && said === 0 && !isUnknown && ledger.traps === 0
          ? "an event was lost, and nothing said"
          : undefined,
    };
  },
};

const givesAccount: Law = {
  name: "givesAccount",
  promise:
    "--report has at the end one JSON object with the status, put in its place when it is whole; /dev/termination-log has a sentence where it was empty and the status is not 0",
  watch: (ledger) => {
    const { report, termination } = ledger.circumstances;
    const written = new Map<string, string>();
    let isPlaced = false;
    let isRefused = false;
    const isExcused = (): boolean =>
      isRefused ||
      ledger.traps > 0 ||
      ledger.lastResort ||
      ledger.failed("write", "statx_at", "openat", "fcntl_dupfd", "fsync", "renameat2");
    return {
      call: ({ byInit, name, args, text, answer }) => {
        if (!byInit) return undefined;
        const path = ledger.endFiles.get(Number(args[0]));
        if (name === "renameat2" && Number(answer) === 0) isPlaced = true;
        // The kernel may refuse: then there is a line.
        if ((name === "renameat2" || name === "fsync") && Number(answer) < 0) isRefused = true;
        if (name !== "write" || path === undefined) return undefined;
        if (isPlaced && path !== TERMINATION_FILE) return "it writes on into a report that is in its place";
        written.set(path, (written.get(path) ?? "") + (text ?? ""));
        return undefined;
      },
      end: (status) => {
        if (status === null || isExcused()) return undefined;
        const opened = [...ledger.endFiles.values()];
        const sentence = written.get(TERMINATION_FILE) ?? "";
        const isDue = opened.includes(TERMINATION_FILE) && termination === "empty" && status !== 0;
        if ((sentence !== "") !== isDue || sentence.includes("\n"))
          return `/dev/termination-log got ${JSON.stringify(sentence)}`;
        const path = opened.find((each) => each.startsWith(REPORT_FILE));
        if (report === "none" || path === undefined) return undefined;
        if ((path !== REPORT_FILE) !== isPlaced) return `${path} is not in its place`;
        return wrongInReport(written.get(path) ?? "", status);
      },
    };
  },
};

/** What keeps the init from hearing, or from signalling. */
const TO_WATCH = ["recvmsg", "ppoll", "read", "openat", "kill", "pidfd_send_signal", "seteuid", "signalfd4"];

const endsUnwell: Law = {
  name: "endsUnwell",
  promise:
    "--watchdog, --ready-within, --probe-every: a program that is silent for longer gets SIGABRT, in time",
  watch: (ledger) => ({
    call: (call) => {
      const { now, since, withinMs, circumstances, program } = ledger;
      if (ledger.expects === "nothing" || ledger.abortedAt >= 0 || !isLook(call) || !ledger.programLives)
        return undefined;
      if (ledger.traps > 0 || ledger.stoppedItself || ledger.failed(...TO_WATCH) || !program?.executed)
        return undefined;
      const { probeMs } = watchedBy(circumstances);
      const last = Math.max(since, ledger.signAt);
      // Where each call takes long, a batch of the dead does, with what is told of them.
      const batch = slack(ledger) + 2000 * circumstances.callMs;
      const late = withinMs + Math.min(withinMs, DOUBT_MS) + batch;
      if (withinMs > 0 && now > since + late) return `it is silent since ${since}, and was to be ended`;
      const probes = (PROBE_FAILURES + 1) * (probeMs + 2 * PROBE_WITHIN_MS + batch);
      const isProbed = probeMs > 0 && ledger.expects === "signs";
      return isProbed && now > last + probes ? `it has not answered since ${last}` : undefined;
    },
  }),
};

const sparesWell: Law = {
  name: "sparesWell",
  promise: "a program that says in time that it is well is not ended, nor one that nobody expects it of",
  watch: (ledger) => ({
    call: (call) => {
      if (ledger.watchSends.at(-1) !== call || call.sent?.signo === PROBE_SIGNAL) return undefined;
      const { now, expects, since, withinMs, asksForEnd, signAt, askedAt } = ledger;
      // A core that failed may have heard what it does not know any more.
      if (asksForEnd || ledger.traps > 0 || ledger.failed("recvmsg")) return undefined;
      if (expects === "nothing") return "nothing was expected of it";
      if (watchedBy(ledger.circumstances).probeMs > 0) {
        // What does not catch the signal, as after an exec, is not asked, and has not answered.
        const isAsked = ledger.program?.action(PROBE_SIGNAL).handler === "handler";
        return isAsked && askedAt >= 0 && signAt > askedAt ? `it has answered at ${signAt}` : undefined;
      }
      if (now < since + withinMs) return `it was well at ${since}`;
      const heard = ledger.ownSocket?.waiting.length ?? 0;
      const isUnheard =
        ledger.circumstances.callMs === 0 && heard > 0 && ledger.wellSince(now - withinMs / 2);
      return isUnheard ? "it has said that it is well, and nobody has heard" : undefined;
    },
  }),
};

const RECORD_BYTES = 1056;

const counts: Law = {
  name: "counts",
  promise:
    "--status-file is written over as a whole, at most once a second but for the end, which has every signal that was taken",
  watch: (ledger) => {
    if (ledger.circumstances.statusFile === "none") return {};
    const taken = Array<number>(65).fill(0);
    // Where the parent is gone before it can be asked, the init makes it itself.
    const made = ledger.circumstances.parentDeath;
    let soon: Breach;
    let last: { readonly at: number; readonly text: string } | null = null;
    return {
      call: (call) => {
        const { byInit, name, args, text, taken: info, fault } = call;
        if (!byInit) return undefined;
        const isDropped =
          name === "kill" || args[0] === ONLY_SIGCONT || (name === "read" && Number(args[2]) > 128);
        const isOwnPipe = info?.signo === SIGPIPE && info.code === 0 && info.pid === ledger.init.pid;
        if (info !== null && !isDropped && !isOwnPipe) taken[info.signo] = (taken[info.signo] ?? 0) + 1;
        if (isLook(call) && soon !== undefined) return soon;
        if (name !== "pwritev2" || args[3] !== 2 || text === null || fault !== null) return undefined;
        const before = last;
        last = { at: ledger.now, text };
        if (text.length !== RECORD_BYTES) return `a record of ${text.length} bytes`;
        if (text.slice(4, 8) !== text.slice(28, 32)) return "its two ends differ";
        const isEnd = !ledger.programLives || ledger.now >= ledger.givenUpAt;
        const isSoon = before !== null && ledger.now - before.at < 1000 && !isEnd;
        return isSoon && ledger.traps === 0
          ? `it was written ${ledger.now - before.at} ms before`
          : undefined;
      },
      end: (status) => {
        if (status === null || last === null || ledger.traps > 0 || ledger.failed("pwritev2"))
          return undefined;
        const bytes = Buffer.from(last.text, "latin1");
        const wrong = taken.findIndex(
          (count, signal) => signal > 0 && signal !== made && bytes.readUInt32LE(28 + 4 * signal) !== count,
        );
        return wrong > 0 ? `of signal ${wrong} it has another count than ${taken[wrong]}` : undefined;
      },
    };
  },
};

function wrongInReport(text: string, status: number): Breach {
  if (text.length > 4096 || !text.endsWith("\n")) return `a report of ${text.length} bytes`;
  try {
    const told = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (told.status !== status) return `it reports ${String(told.status)} of ${status}`;
    return REASONS.test(String(told.reason)) && told.sentence !== ""
      ? undefined
      : `it reports no reason: ${text}`;
  } catch {
    return `${JSON.stringify(text)} is no JSON`;
  }
}

/** In the order in which a breach of several is told. */
// The guard

const tickOf = (milliseconds: number): number => Math.floor(milliseconds / 10);
/** Whoever is in the container but the init and its program. */
const others = ({ init, program }: Ledger): Process[] =>
  [...init.namespace.pids.values()].flatMap(({ process }) =>
    process !== null && process !== init && process !== program && process.lives ? [process] : [],
  );

const BOOTTIME = 7;

/** The smallest limit counts: nothing is few where the user may have one process. */
const guardFrom = ({ circumstances }: Ledger): number =>
  Math.min(GUARD_FROM, circumstances.limitNproc || GUARD_FROM);

const brakes: Law = {
  name: "brakes",
  promise:
    "--on-fork-bomb kill: neither the main program is killed nor, where enough has begun since, who began before the growth",
  watch: (ledger) => {
    const from = guardFrom(ledger);
    let asks = false;
    let looked = 0;
    let below = 0;
    let times = 0;
    let isClear = false;
    let isBraking = false;
    return {
      call: (call) => {
        const { byInit, name, args, text } = call;
        if (!byInit) return undefined;
        if (isLook(call)) isBraking = false;
        // A look is of the time that was asked for before it.
        if (name === "clock_gettime" && args[0] === BOOTTIME) looked = Number(call.answer);
        if (asks && name === "read" && ledger.init.cgroup.current < from) below = looked;
        asks = name === "openat" && text?.endsWith("/pids.current") === true;
        if (name !== "kill") return undefined;
        if (args[0] === -1 && args[1] === SIGSTOP) {
          times++;
          isBraking = true;
          const young = others(ledger).filter(({ begun }) => tickOf(begun) > tickOf(below));
          isClear = below > 0 && times === 1 && ledger.traps === 0 && young.length * 8 >= from;
        }
        if (!isBraking || args[1] !== SIGKILL) return undefined;
        const target = ledger.init.namespace.pids.get(Number(args[0]))?.process;
        if (target === ledger.program) return "the main program is killed";
        return isClear && target != null && tickOf(target.begun) <= tickOf(below)
          ? `${target.name} is killed, which began at ${target.begun}: there were few at ${below}`
          : undefined;
      },
    };
  },
};

const letsGoOn: Law = {
  name: "letsGoOn",
  promise:
    "--on-fork-bomb kill: whoever was not stopped before a brake, the main program too, is not stopped after it",
  watch: (ledger) => {
    let stopped = new Set<Process>();
    let [isBraked, wentOn] = [false, false];
    const now = (): Process[] =>
      [...others(ledger), ...(ledger.program === null ? [] : [ledger.program])].filter(
        ({ state }) => state === "stopped",
      );
    return {
      call: (call) => {
        if (!call.byInit || ledger.circumstances.guard !== "kill") return undefined;
        if (call.name === "kill" && call.args[0] === -1 && call.args[1] === SIGSTOP) {
          isBraked = true;
          wentOn = false;
        }
        if (call.name === "kill" && call.args[0] === ledger.programPid && call.args[1] === SIGCONT)
          wentOn ||= call.answer === 0;
        if (!isLook(call)) return undefined;
        // What else has stopped the main program, meanwhile or after it went on, is its own affair.
        const isLeft = (process: Process): boolean =>
          !stopped.has(process) &&
          (process !== ledger.program || (!wentOn && !process.shared.set.has(SIGSTOP)));
        const left = isBraked ? now().filter(isLeft) : [];
        isBraked = false;
        stopped = new Set(now());
        if (left.length === 0 || ledger.failed("kill", "openat", "read", "getdents64")) return undefined;
        return `${left.length} stay stopped, as ${left[0]?.name}`;
      },
    };
  },
};

/** What is left after a brake is met at the next look, a tenth of a second later; and nine of the others come back. */
const BRAKED_MS = 1500;

const answers: Law = {
  name: "answers",
  promise:
    "--on-fork-bomb kill: a second and a half after a brake for which enough has begun since, the main program can start a process: of those that the init can reach fewer are left than --guard allows",
  watch: (ledger) => {
    const from = guardFrom(ledger);
    const weight = (processes: readonly Process[]): number =>
      processes.reduce((sum, { threads }) => sum + threads, 0);
    let isCounted = false;
    let looked = 0;
    let below = -1;
    let due = Number.POSITIVE_INFINITY;
    return {
      call: (call) => {
        const { guard, callMs, capKill } = ledger.circumstances;
        // Where each call takes its time one brake takes longer than that, and more than one may be needed.
        if (!call.byInit || guard !== "kill" || callMs > 0) return undefined;
        const { name, args, text } = call;
        if (name === "clock_gettime" && args[0] === BOOTTIME) looked = Number(call.answer);
        if (isCounted && name === "read" && ledger.init.cgroup.current < from) below = looked;
        isCounted = name === "openat" && text?.endsWith("/pids.current") === true;
        if (name === "kill" && args[0] === -1 && args[1] === SIGSTOP) {
          const young = others(ledger).filter(({ begun }) => tickOf(begun) > tickOf(below));
          if (below >= 0 && weight(young) * 8 >= from) due = Math.min(due, ledger.now + BRAKED_MS);
        }
        if (!isLook(call) || ledger.now < due) return undefined;
        due = Number.POSITIVE_INFINITY;
        // Who was killed is gone as soon as it has a turn.
        const { uid } = ledger.init.credentials;
        const left = weight(
          others(ledger).filter(
            ({ dying, credentials }) => dying === 0 && (capKill || credentials.uid === uid),
          ),
        );
        if (left < from || ledger.traps > 0 || ledger.failed("kill", "openat", "read", "getdents64"))
          return undefined;
        return `${left} are left, so many as are taken for a bomb`;
      },
    };
  },
};

/** What holds also while a guard may stop, kill and end whom it wants, besides what is about the guard. */
const WHILE_GUARDED: ReadonlySet<Law> = new Set([
  neverTraps, startsOnce, asksFirst, startFails, onlyTheList, neverWaits, startsUnmasked, startsIgnoring, startsInGroup,
  startsWithFiles, startsWithVariables, startsAsUser, opensAsUser, startsLimited, startsAsAsked, isConfined, keepsNothingBack, fromRoot, adopts,
  wellFormed, rightStream, countsLost, tellsRestart, brakes, letsGoOn, answers,
]); // biome-ignore format: a list by subject

/** Those that hold in a life. */
export const lawsIn = ({ guard }: Circumstances, laws: readonly Law[]): readonly Law[] =>
  guard === "none" ? laws : laws.filter((law) => WHILE_GUARDED.has(law));

export const LAWS: readonly Law[] = [
  neverTraps, outlives, startsOnce, asksFirst, startFails, status, endsWithProgram,
  nobodyElse, delays, killsInTime, drains, distrusts, stopsComeThrough, asMapped, limits, nothingUnasked, once, toWhom, byPidfd, withValue, valueTriedFirst, inOrder, triesAgain, everySignal,
  promptly, asProgram, wholeGroup, ownAgain, refusedOnce, blocks,
  reapsAll, inBatches, whoReaps, warnsOfEach,
  neverWaits, onlyTheList, asleep, noBusyLoop,
  startsUnmasked, startsIgnoring, startsInGroup, startsInFront, startsWithFiles, startsWithVariables, startsAsUser, opensAsUser, startsLimited, startsAsAsked, diesWithParent,
  holdsNothing, keepsOnlyToSignal, isConfined, keepsNothingBack, fromRoot, adopts, tellsParentDeath,
  leavesTerminal, givesBack, stopsToo, continuesToo, leavesStopped, suspends, endsSession,
  hears, answersProbes, endsUnwell, sparesWell,
  wellFormed, asVerbose, rightStream, countsLost, saysWhy, tellsRestart, tellsAll, saysUnwritten, givesAccount, counts,
  brakes, letsGoOn, answers,
]; // biome-ignore format: a list by subject
