// What must hold in every life. Each law is a promise in a sentence and a function that finds what breaks it.

import type { Call } from "./kernel.ts";
import type { Record } from "./life.ts";

export interface Law {
  readonly promise: string;
  /** Answers what broke the promise, or nothing. */
  readonly judge: (life: Record) => string | undefined;
}

const SIGCHLD = 17;
const initCalls = ({ calls, init }: Record): readonly Call[] => calls.filter(({ pid }) => pid === init.pid);
const isSend = ({ name }: Call): boolean => ["kill", "rt_sigqueueinfo", "pidfd_send_signal"].includes(name);
const sentSignal = ({ name, args }: Call): number => Number(name === "rt_sigqueueinfo" ? -1 : args[1]);

export const LAWS: readonly Law[] = [
  {
    promise: "nothing happens that ends or blocks a life before its time",
    judge: ({ broken }) => broken[0],
  },
  {
    promise: "the init never ends while the main program lives",
    judge: ({ status, programLivedAtEnd }) =>
      status !== null && programLivedAtEnd ? `it ended with ${status}` : undefined,
  },
  {
    promise: "the init ends with the status of the main program, or a documented one",
    judge: judgeStatus,
  },
  {
    promise: "every signal that was taken is sent on exactly once, or its refusal is answered",
    judge: judgeForwarding,
  },
  {
    promise: "nobody but the program and its group is signalled",
    judge: judgeTargets,
  },
  {
    promise: "the program starts with the mask, SIGCHLD, group and descriptors it should have",
    judge: judgeStart,
  },
  {
    promise: "the terminal is given back",
    judge: (life) =>
      life.circumstances.terminal === "ours" &&
      life.foregroundAtEnd !== life.init.group.in(life.init.namespace) &&
      life.faults === 0
        ? `the foreground is ${life.foregroundAtEnd}`
        : undefined,
  },
  {
    promise: "the terminal is not taken where it is somebody else's",
    judge: (life) =>
      life.circumstances.terminal === "theirs" && life.calls.some(({ name }) => name === "tcsetpgrp")
        ? "tcsetpgrp was called"
        : undefined,
  },
];

function judgeStatus({ status, program, circumstances, faults, traps }: Record): string | undefined {
  if (status === null) return undefined;
  if (program === null)
    return faults > 0 && [1, 120, 125].includes(status) ? undefined : `${status} without a program`;
  if (circumstances.program === "missing" && program.exitStatus === 127 << 8)
    return status === 127 ? undefined : `${status} for 127`;
  const signal = program.exitStatus & 127;
  const own = signal === 0 ? program.exitStatus >> 8 : 128 + signal;
  if (status === own) return undefined;
  return faults > 0 && traps === 0 && status === 1
    ? undefined
    : `it ended with ${status}, the program with ${own}`;
}

/** Between taking one signal and the next call that waits or takes there is one send that was not refused. */
function judgeForwarding(life: Record): string | undefined {
  if (life.faults > 0) return undefined;
  const calls = initCalls(life);
  for (const [index, call] of calls.entries()) {
    const taken = takenSignal(call);
    if (taken === undefined || taken.signo === SIGCHLD) continue;
    const rest = calls.slice(index + 1);
    // A ppoll of one descriptor is the log's, which looks for room.
    const until = rest.findIndex(
      ({ name, args }) =>
        name === "rt_sigtimedwait" || name === "wait4" || (name === "ppoll" && args[1] !== 1),
    );
    const sends = rest
      .slice(0, until < 0 ? undefined : until)
      .filter((send) => isSend(send) && sentSignal(send) !== 0);
    const done = sends.filter(({ answer }) => answer === 0).length;
    if (done > 1) return `signal taken by call ${index} was sent ${done} times`;
    if (sends.length === 0 && !isOwn(life, call)) return `signal taken by call ${index} was not sent`;
  }
  return undefined;
}

/** A read of 128 bytes is a signal; which one the calls that follow tell. */
function takenSignal(call: Call): { signo: number } | undefined {
  if (call.name === "read" && call.answer === 128) return { signo: call.taken?.signo ?? 0 };
  return undefined;
}

/** The SIGPIPE of its own log, and SIGTSTP to its own group. */
function isOwn({ init }: Record, call: Call): boolean {
  return call.taken?.pid === init.pid;
}

function judgeTargets(life: Record): string | undefined {
  const program = life.program?.pid ?? 0;
  const wrong = initCalls(life).find(
    ({ name, args }) =>
      (name === "kill" && ![program, -program, 0].includes(Number(args[0])) && Number(args[1]) !== 0) ||
      (name === "rt_sigqueueinfo" && ![program, life.init.pid].includes(Number(args[0]))),
  );
  return wrong === undefined ? undefined : `${wrong.name}(${wrong.args.join(", ")})`;
}

function judgeStart({ started, circumstances, program, faults }: Record): string | undefined {
  if (started === null || faults > 0) return undefined;
  if (started.mask !== circumstances.inheritedMask) return `mask ${started.mask}`;
  if (started.childAction !== (circumstances.childrenIgnored ? "ignore" : "default"))
    return `SIGCHLD ${started.childAction}`;
  if (started.group !== program?.pid) return `group ${started.group}`;
  return started.files.join() === "0,1,2,9" ? undefined : `descriptors ${started.files.join()}`;
}
