// What the init can still be made to do when it has been taken over: a seccomp filter that leaves the calls which its
// configuration needs while the program lives, with the arguments that it needs them with. See decision 20.
//
// The filter is a program of classic BPF over struct seccomp_data (seccomp(2)). Everything that no rule lets through is
// refused with EPERM, which the init survives wherever it may come from.

import { mayEndRest } from "./ending.ts";
import { goesToFile, howToOpen, tell } from "./events.ts";
import { OnBomb } from "./guard.ts";
import { Errno, keep, number_of, Prctl, seccomp, set_dumpable } from "./kernel.ts";
import { addToLine, beginLine, endLine, Level, say } from "./log.ts";
import { ADDRESS_BYTES } from "./notify.ts";
import { Reaping } from "./reaping.ts";
import { Signal } from "./signals.ts";
import { scratch, state, survivors } from "./state.ts";
import { Personality } from "./status.ts";
import { watchesStops } from "./terminal.ts";
import { Call, Numbered, Text } from "./texts.ts";

/** `--sandbox` */
export const enum Sandbox {
  On,
  Off,
  /** With what makes /proc/1 readable for the program's user given up as well. */
  Strict,
}

/** BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K. */
const enum Code {
  Load = 0x20,
  Equal = 0x15,
  Return = 0x06,
}

const INSTRUCTION_SIZE = 8;
/** Of sendto: to the peer of a socket, or to whoever has chosen no name of its own. */
const LENGTH_OF_ADDRESS = 5;
/** Where struct seccomp_data has the number of the call, the architecture, and the low half of the first argument. */
const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const ARGUMENTS_AT = 16;
/** SECCOMP_RET_ALLOW, and SECCOMP_RET_ERRNO with EPERM. */
const ALLOW = 0x7fff0000;
const REFUSE = 0x00050000 | i32(Errno.EPERM);

const filter = scratch;

/** Confines the init for good. The program exists already and is free of it. */
export function confine(): void {
  if (state.sandbox === Sandbox.Off || survivors.confined !== 0) return;
  if (state.sandbox === Sandbox.Strict) set_dumpable(0);
  if (tells()) beginLine(Level.Trace, Text.Sandbox);
  state.filterLength = 0;
  rules();
  const answer = seccomp(filter, state.filterLength);
  if (answer === 0) {
    survivors.confined = 1;
    keep(changetype<usize>(survivors));
    if (tells()) endLine();
    tell(Text.EventSandboxed);
    return;
  }
  // A kernel without it, and emulators of another processor, are no mistake of anybody here.
  const hasNone = answer === -Errno.ENOSYS || answer === -Errno.EINVAL;
  say(hasNone ? Level.Info : Level.Warn, Text.SandboxRefused, -answer);
}

/** Other inits have no words for it. */
function tells(): bool {
  return state.level >= Level.Trace && state.personality === Personality.Steady;
}

/** Whoever enters by another architecture's door (int 0x80 on x86-64), or with x32's numbers, is refused like the rest. */
function rules(): void {
  load(ARCHITECTURE_AT);
  put(Code.Equal, number_of(Numbered.Architecture), 1, 0);
  refuse();
  load(NUMBER_AT);
  for (let call = i32(Call.read); call <= i32(Call.exit_group); call++) allow(call);
  open(Call.openat);
  when(2, number_of(Numbered.OpenFile));
  when(2, number_of(Numbered.OpenDirectory));
  if (goesToFile()) when(2, number_of(i32(Numbered.Open) + i32(howToOpen())));
  shut();
  open(Call.sendto);
  when(LENGTH_OF_ADDRESS, 0);
  if (survivors.notifyFd > 0) when(LENGTH_OF_ADDRESS, ADDRESS_BYTES);
  shut();
  if (survivors.notifyFd > 0) only(Call.recvmsg, 0, survivors.notifyFd);
  if (survivors.signalfd >= 0) only(Call.signalfd4, 0, survivors.signalfd);
  signals();
  if (survivors.reaping !== Reaping.Wait) only(Call.rt_sigaction, 0, Signal.SIGCHLD);
  terminal();
  if (!survivors.mayKill) asProgram();
  if (survivors.reportFd > 0) {
    only(Call.fsync, 0, survivors.reportFd);
    if (!survivors.isInPlace) allow(Call.renameat2);
  }
  refuse();
}

/** To the program and its group; to all else only where something is to be ended with it. */
function signals(): void {
  const sweeps = state.killsOrphans || state.onForkBomb === OnBomb.Kill || (state.pid !== 1 && mayEndRest());
  if (sweeps) {
    allow(Call.kill);
    allow(Call.pidfd_send_signal);
    allow(Call.pidfd_open);
    allow(Call.getpgid);
  } else {
    open(Call.kill);
    // Whether there is anybody: the signal 0.
    when(1, 0);
    if (survivors.reaping === Reaping.Wait) {
      when(0, survivors.pid);
      when(0, -survivors.pid);
    }
    if (mayEndRest() || state.onForkBomb !== OnBomb.Log) when(0, -1);
    if (watchesStops()) when(0, 0);
    if (state.personality === Personality.DumbInit) when(0, state.pid);
    shut();
    only(Call.pidfd_send_signal, 0, survivors.pidfd);
  }
  if (survivors.reaping === Reaping.Wait) only(Call.rt_sigqueueinfo, 0, survivors.pid);
}

function terminal(): void {
  open(Call.ioctl);
  when(1, number_of(Numbered.PidfdGetInfo));
  if (survivors.foreground !== 0) {
    when(1, number_of(Numbered.GetForeground));
    when(1, number_of(Numbered.SetForeground));
  }
  shut();
}

/** W1: the program's uid, which may be any by then, as effective uid and nothing more; and what that takes away. */
function asProgram(): void {
  allow(Call.geteuid);
  allow(Call.getppid);
  open(Call.setresuid);
  unless(0, -1);
  unless(2, -1);
  put(Code.Return, ALLOW, 0, 0);
  shut();
  open(Call.prctl);
  when(0, Prctl.SetParentDeath);
  when(0, Prctl.GetDumpable);
  when(0, Prctl.SetDumpable);
  shut();
}

// Instructions

function put(code: Code, value: i32, ifTrue: u8, ifFalse: u8): void {
  const at = filter + usize(state.filterLength * INSTRUCTION_SIZE);
  store<u16>(at, u16(code));
  store<u8>(at + 2, ifTrue);
  store<u8>(at + 3, ifFalse);
  store<i32>(at + 4, value);
  state.filterLength++;
}

function load(offset: i32): void {
  put(Code.Load, offset, 0, 0);
}

function refuse(): void {
  put(Code.Return, REFUSE, 0, 0);
}

/** Every call of this number. */
function allow(call: i32): void {
  begin(call, 1);
  put(Code.Return, ALLOW, 0, 0);
}

/** A rule for the arguments of a call, up to `shut`. */
function open(call: i32): void {
  begin(call, 0);
  state.ruleAt = state.filterLength;
}

function begin(call: i32, ifFalse: u8): void {
  if (tells()) addToLine(Text.SandboxCall, Text.CallName0 + call);
  put(Code.Equal, number_of(i32(Numbered.FirstCall) + call), 0, ifFalse);
}

/** Lets it through where the argument has this value: the kernel looks at no more than the low half of any of these. */
function when(argument: i32, value: i32): void {
  load(ARGUMENTS_AT + (argument << 3));
  put(Code.Equal, value, 0, 1);
  put(Code.Return, ALLOW, 0, 0);
}

/** Refuses it where the argument has another. */
function unless(argument: i32, value: i32): void {
  load(ARGUMENTS_AT + (argument << 3));
  put(Code.Equal, value, 1, 0);
  refuse();
}

/** Any other call skips the rule; whatever the rule has not let through is refused. */
function shut(): void {
  refuse();
  const length = state.filterLength - state.ruleAt;
  store<u8>(filter + usize(state.ruleAt * INSTRUCTION_SIZE) - INSTRUCTION_SIZE + 3, u8(length));
}

function only(call: i32, argument: i32, value: i32): void {
  open(call);
  when(argument, value);
  shut();
}
