// A small wrong change of the core for each law, which breaks that law before any other: a law that nothing can break
// would promise nothing. Where chance seldom comes to it, a life is named that does.

import type { Change } from "../../simulator/cores.ts";

export interface Bug {
  /** The law that it breaks. */
  readonly law: string;
  readonly changes: readonly Change[];
  /** Every nth call fails; 0 or nothing for none. */
  readonly faults?: number;
  readonly life?: string;
}

const change = (file: string, from: string, to: string): Change => ({ file, from, to });
const bug = (
  law: string,
  file: string,
  from: string,
  to: string,
  how: Omit<Bug, "law" | "changes"> = {},
): Bug => ({
  law,
  changes: [change(file, from, to)],
  ...how,
});

export const BUGS: readonly Bug[] = [
  // The life of the container
  bug("neverTraps", "signals.ts", "assert(signal <= SIGNAL_MAX);\n  if (", "assert(signal <= 40);\n  if ("),
  bug(
    "outlives",
    "reap.ts",
    "if (answer === -Errno.ECHILD && survivors.reaping",
    "if (answer <= 0 && survivors.reaping",
    { life: '{"seed":1,"kernel":"6.1","reap":"wait","name":"tini","program":"ignores","calm":true}' },
  ),
  bug("startsOnce", "spawn.ts", "if (pid < 0 && pid !== -Errno.EAGAIN && pid !== -Errno.ENOMEM) pid", "pid"),
  bug(
    "asksFirst",
    "options.ts",
    "print(STDOUT, Text.License);\n      return 0;",
    "print(STDOUT, Text.License);\n      return PROCEED;",
  ),
  bug("startFails", "log.ts", "a, b);\n  return startStatus(state.personality);", "a, b);\n  return 2;"),
  bug("status", "status.ts", "128 + signal;", "signal;"),
  bug("endsWithProgram", "loop.ts", "if ((found(1) & POLLHUP) !== 0) readExit();", "", {
    life: '{"seed":1,"drain":"0","events":["20 program.exit 3"],"calm":true}',
  }),
  // Signals
  bug(
    "nobodyElse",
    "forward.ts",
    "kill(group ? -survivors.pid : survivors.pid, info.signo)",
    "kill(survivors.pid + 1, info.signo)",
    {
      life: '{"seed":1,"kernel":"6.1","reap":"wait","events":["30 program.job","35 runtime.signal 1"],"calm":true}',
    },
  ),
  bug(
    "limits",
    "policy.ts",
    "if (i32(count) < state.limit) return;",
    "if (i32(count) < 9 * state.limit) return;",
    {
      life: '{"seed":1,"limit":1,"events":["20 runtime.signal 10","40 runtime.signal 10","60 runtime.signal 10"],"calm":true}',
    },
  ),
  bug("distrusts", "signals.ts", "return isCodeOfKill(code) && sender === 0;", "return sender === 0;"),
  bug(
    "stopsComeThrough",
    "policy.ts",
    "if (load<u8>(count) < REFUSALS_MAX) {",
    "if (load<u8>(count) < 255) {",
    {
      life: '{"seed":1,"trust":"outside","program":"ignores","events":["20 inside.flood 15 200"]}',
    },
  ),
  bug(
    "delays",
    "ending.ts",
    "clock_gettime(Clock.Monotonic) < survivors.stopMs + state.preStopMs",
    "clock_gettime(Clock.Monotonic) < survivors.stopMs",
    {
      life: '{"seed":1,"preStop":"100ms","calm":true}',
    },
  ),
  bug("killsInTime", "ending.ts", "  forward();\n  signalRest(Signal.SIGKILL);", "", {
    life: '{"seed":1,"program":"ignores","grace":"200ms","calm":true}',
  }),
  bug("drains", "ending.ts", "signalRest(Signal.SIGTERM);", "signalRest(Signal.SIGKILL);", {
    life: '{"seed":1,"drain":"5s","events":["30 program.daemon","40 program.exit 3"],"calm":true}',
  }),
  bug("asMapped", "policy.ts", "  info.signo = to;", "  info.signo = to === 15 ? 14 : to;"),
  bug("nothingUnasked", "signals.ts", "if (code === 0 && sender === self) return Act.Drop;", ""),
  bug(
    "once",
    "forward.ts",
    "const answer = deliver();\n  if",
    "deliver();\n  const answer = deliver();\n  if",
  ),
  bug("toWhom", "forward.ts", "const answer = transmit(state.group);", "const answer = transmit(false);"),
  bug("byPidfd", "forward.ts", "if (survivors.reaping !== Reaping.Wait)", "if (survivors.pid === 0)"),
  bug(
    "withValue",
    "forward.ts",
    "info.code === SI_QUEUE ? changetype<usize>(info) : 0;",
    "changetype<usize>(info);",
  ),
  bug("valueTriedFirst", "forward.ts", "else if (isRealTime(survivors.handSignal)) hold();", ""),
  bug("inOrder", "forward.ts", "info.signo);\n  takeAll();", "info.signo);"),
  bug("triesAgain", "forward.ts", "wait(nextHoldMs(state.holdMs));", "wait(0);"),
  bug("everySignal", "loop.ts", "if (rewrite()) {", "if (info.signo !== 12 && rewrite()) {"),
  bug("promptly", "loop.ts", "if (++state.roundLength >= ROUND_MAX) giveWay(state.round);", "", {
    life: '{"seed":1,"events":["35 inside.flood 40 400","57 runtime.signal 64"],"calm":true}',
  }),
  bug(
    "asProgram",
    "forward.ts",
    "return answer === -Errno.EPERM ? transmitAsProgram()",
    "return answer === -Errno.EPERM && state.group ? transmitAsProgram()",
  ),
  bug("wholeGroup", "forward.ts", "state.group && !survivors.mayKill ? -Errno.EPERM : reach();", "reach();"),
  bug("ownAgain", "forward.ts", "const back = seteuid(own);", "const back = 0;"),
  bug("refusedOnce", "forward.ts", "state.refused |= only(info.signo);", ""),
  bug("blocks", "terminal.ts", "rt_sigprocmask(EVERY_SIGNAL);\n  rt_sigtimedwait", "rt_sigtimedwait"),
  // Reaping
  bug(
    "reapsAll",
    "reap.ts",
    "collect(pid, load<i32>(word));\n  }",
    "collect(pid, load<i32>(word));\n  }\n  state.reapDue = false;",
  ),
  bug("inBatches", "reap.ts", "const BATCH = 64;", "const BATCH = 100;"),
  bug("whoReaps", "reaping.ts", "if (seesEach && option === ReapOption.Auto) return Reaping.Wait;", ""),
  bug("warnsOfEach", "reap.ts", "else if (state.warnReaped) say(Level.Warn, Text.ReapedZombie, pid);", ""),
  // Calls
  bug("neverWaits", "log.ts", "if ((room.revents & POLLOUT) === 0) return -Errno.EAGAIN;", "", {
    life: '{"seed":3139,"kernel":"6.1","profile":"no pidfd calls","callMs":1,"name":"tini","spelling":"environment","verbose":2,"input":"tty","log":"tty","foreground":"outside","inheritedFiles":5,"program":"default","searchPath":"long","cgroup":"v1","dumbInit":"single","drain":"300ms","events":["12 reader.read","47 program.uid 1000","54 inside.signal 19","85 shell.stop","87 reader.read","91 terminal.stall","106 terminal.go"]}',
  }),
  {
    law: "onlyTheList",
    changes: [
      change("loop.ts", "  Errno,\n  keep,", "  Errno,\n  getpid,\n  keep,"),
      change("loop.ts", "plant(Place.Signal);", "getpid();"),
    ],
  },
  bug("asleep", "loop.ts", "const next = sooner(steps, holds ? state.holdMs : -1);", "const next = 100;", {
    life: '{"seed":1,"calm":true}',
  }),
  bug("noBusyLoop", "loop.ts", "stream.awaited = false;", ""),
  // The program's start
  bug("startsUnmasked", "exec.ts", "rt_sigprocmask(inherited_mask());", "rt_sigprocmask(0);"),
  bug(
    "startsIgnoring",
    "spawn.ts",
    "if (state.childrenIgnored) rt_sigaction(Signal.SIGCHLD, Action.Ignore);",
    "",
  ),
  bug("startsInGroup", "spawn.ts", "session ? setsid() : setpgid(0, 0)", "session ? setsid() : 0"),
  bug("startsInFront", "spawn.ts", "if (state.takesForeground) {", "if (state.pid < 0) {"),
  bug("startsWithVariables", "spawn.ts", "forgetVariables();\n", ""),
  bug("startsAsUser", "user.ts", "if (answer >= 0) answer = setgid(i32(lookup.gid));\n", ""),
  bug("opensAsUser", "forward.ts", "    setfsgid(i32(lookup.gid));\n", ""),
  bug(
    "startsLimited",
    "privilege.ts",
    "need(prctl(Prctl.BoundingDrop, i32(i), 0), Text.CapsFailed);",
    "return;",
  ),
  bug("keepsOnlyToSignal", "settle.ts", "survivors.mayKill ? kill :", ""),
  bug("isConfined", "sandbox.ts", "const REFUSE = 0x00050000 | i32(Errno.EPERM);", "const REFUSE = ALLOW;"),
  bug(
    "keepsNothingBack",
    "sandbox.ts",
    "if (mayEndRest() || state.onForkBomb !== OnBomb.Log) when(0, -1);",
    "",
  ),
  bug("startsWithFiles", "spawn.ts", "plant(Place.Child);", "close(3);"),
  bug(
    "startsAsAsked",
    "exec.ts",
    "const errno = -execve(path, state.program);",
    "const errno = -execve(path, state.program - 1);",
  ),
  bug("diesWithParent", "spawn.ts", "if (state.parentSignal === Signal.SIGKILL) dieWith(init);", ""),
  // The init's own arrangements
  bug("holdsNothing", "settle.ts", "closeInherited();\n  goToRoot();\n  if", "goToRoot();\n  if"),
  bug("fromRoot", "settle.ts", "chdir(word);", ""),
  bug("adopts", "prepare.ts", "const answer = set_child_subreaper();", "const answer = 0;"),
  bug("tellsParentDeath", "prepare.ts", "state.parentGone = getppid() !== survivors.parent;", "getppid();", {
    life: '{"seed":1,"subreaperOutside":true,"callMs":3,"parentDeath":15,"events":["10 parent.die"],"calm":true}',
  }),
  // The terminal
  bug(
    "leavesTerminal",
    "terminal.ts",
    "foreground === survivors.foreground && (foreground > 0",
    "(foreground > 0",
  ),
  bug("givesBack", "loop.ts", "  giveBack();\n", ""),
  bug(
    "stopsToo",
    "terminal.ts",
    "if (!wantsTerminal || tcgetpgrp(STDIN) !== survivors.foreground) stopOurselves();",
    "",
  ),
  bug("continuesToo", "terminal.ts", "state.continueDue = true;", ""),
  bug(
    "leavesStopped",
    "settle.ts",
    "state.continueDue = survivors.traps > 0 && watchesStops();",
    "state.continueDue = survivors.traps > 0;",
    { life: '{"seed":1,"sandbox":"off","events":["20 runtime.signal 10"],"calm":true,"faults":["24:trap"]}' },
  ),
  // The log
  bug("suspends", "terminal.ts", "kill(state.pid, Signal.SIGSTOP);", "", {
    life: '{"seed":1,"dumbInit":"session","events":["28 runtime.signal 20"],"calm":true}',
  }),
  bug("endsSession", "loop.ts", "if (survivors.step < Step.Asked) farewell();\n", ""),
  bug("hears", "notify.ts", "if (load<i32>(sender) <= 0) return false;", "", {
    life: '{"seed":1,"notify":"notify","outer":"there","events":["30 runtime.notify 0"],"calm":true}',
  }),
  bug("answersProbes", "notify.ts", "store<u64>(at, 0);", "", {
    life: '{"seed":1,"notify":"notify","speaks":"well","events":["30 inside.probe"],"calm":true}',
  }),
  bug("endsUnwell", "watch.ts", "if (ask(SIGABRT)) survivors.fall", "survivors.fall", {
    life: '{"seed":1,"notify":"watchdog","speaks":"silent","calm":true}',
  }),
  bug("sparesWell", "watch.ts", "resetTo(survivors.watchdogMs);", "", {
    life: '{"seed":1,"notify":"watchdog","calm":true}',
  }),
  bug("wellFormed", "log.ts", "putText(Text.PrefixEnd);", ""),
  bug("asVerbose", "log.ts", "if (level > state.level) return;", "if (level > state.level + 1) return;"),
  bug("rightStream", "log.ts", "return level <= Level.Warn ||", "return level <= Level.Info ||"),
  bug("countsLost", "log.ts", "stream.lost++;", "stream.lost += 2;"),
  bug("saysWhy", "spawn.ts", "say(Level.Fatal, Text.ExecFailed, state.program, errno);", ""),
  bug(
    "tellsRestart",
    "main.ts",
    "say(Level.Warn, Text.CoreRestarted, Text.TrapMemory + trap, survivors.traps);",
    "",
    {
      faults: 25,
    },
  ),
  bug("tellsAll", "log.ts", 'if (char === 34 /* " */ || char === 92 /* \\\\ */) putRaw(92);', ""),
  bug("saysUnwritten", "log.ts", "  events.failed = true;\n", "", { faults: 30 }),
  bug("counts", "counters.ts", "const PAUSE_MS: i64 = 1000;", "const PAUSE_MS: i64 = 10;"),
  bug("givesAccount", "epilogue.ts", "if (status !== 0 && survivors.term", "if (survivors.term", {
    life: '{"seed":1,"termination":"empty","events":["20 program.exit 0"],"calm":true}',
  }),
  // The guard
  {
    law: "brakes",
    changes: [
      change("guard.ts", "const isYoung = begun > guard.sinceTick;", "const isYoung = begun >= 0;"),
      change("guard.ts", "return begun * TICK_MS > guard.belowMs;", "return true;"),
    ],
    life: '{"seed":1,"program":"ignores","graceMs":90000,"guard":"kill","events":["30 program.daemon","2500 program.detonate 2"]}',
  },
  bug("letsGoOn", "guard.ts", "if (pass(Pass.Continue) < 0) kill(-1, Signal.SIGCONT);", "", {
    life: '{"seed":1,"program":"ignores","guard":"kill","events":["5 program.daemon","20 program.detonate 0"]}',
  }),
  bug("answers", "guard.ts", "    kill(pid, Signal.SIGKILL);\n", "", {
    life: '{"seed":1,"program":"ignores","guard":"kill","pidsLimit":40,"events":["30 program.detonate 0"]}',
  }),
];
