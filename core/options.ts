// The command line and the environment: which init to be, and what is asked of it. Options end at the first operand,
// as in tini's musl builds: what stands behind PROGRAM is PROGRAM's (W16).

import { attest } from "./attest.ts";
import { isReserved, settleCatatonit } from "./catatonit.ts";
import { readRewrite, settleDumbInit } from "./dumb-init.ts";
import { readPath, readTarget } from "./events.ts";
import { AMBIGUOUS, abbreviated, nameEnd, sayAmbiguous } from "./getopt.ts";
import { OnBomb } from "./guard.ts";
import { install } from "./install.ts";
import { remove_variable, Source } from "./kernel.ts";
import { addToLine, beginLine, endLine, Level, print, say } from "./log.ts";
import { observe } from "./observe.ts";
import { readCapabilities } from "./privilege.ts";
import { ReapOption } from "./reaping.ts";
import { Sandbox } from "./sandbox.ts";
import { DROP, isMappable, only, RTMIN, SIGNAL_MAX, Signal, STOP_SIGNALS } from "./signals.ts";
import {
  Form,
  Grouping,
  mapped,
  remapped,
  reportPath,
  State,
  seen,
  state,
  statusPath,
  temporaryPath,
} from "./state.ts";
import { Exit, Personality } from "./status.ts";
import {
  catatonitOptionOfLetter,
  dumbInitOptionOfLetter,
  hasVariable,
  isSteadys,
  letterOfOption,
  Option,
  optionOfLetter,
  SIGNAL_NAME_COUNT,
  Text,
  takesValue,
} from "./texts.ts";
import { readUser } from "./user.ts";
import {
  basename,
  byteAt,
  DURATION_MAX,
  equals,
  equalsIgnoringCase,
  exists,
  firstVariable,
  isDigit,
  isOff,
  isWordEnd,
  NUMBER_MAX,
  numberAt,
  putTextAt,
  skip,
  skipOptional,
} from "./words.ts";

/** Go on: the other answers of this file are exit statuses. */
export const PROCEED = -1;

/** The times of options that follow each other lie side by side, in their order. */
const endTimes = changetype<usize>(state) + offsetof<State>("drainMs");
const watchTimes = changetype<usize>(state) + offsetof<State>("watchdogMs");
if (offsetof<State>("preStopMs") - offsetof<State>("drainMs") !== (i32(Option.PreStop) - Option.Drain) << 2)
  ERROR("the times of ending.ts lie in the order of their options");
if (
  offsetof<State>("probeWithinMs") - offsetof<State>("watchdogMs") !==
  (i32(Option.ProbeWithin) - Option.Watchdog) << 2
)
  ERROR("the times of watch.ts lie in the order of their options");

const STDOUT = 1;
const STDERR = 2;
const MINUS = 45;
const EQUALS = 61;
const RATE_MAX = 9999;
const TEMPORARY_BYTES = 8;
/** --stop-within needs what it keeps back for the last words. */
const STOP_WITHIN_MIN = 500;

/** What is done with an option where it is met. */
const enum Pass {
  /** --no-env is looked for, before a variable is read; and which init it is, since that decides what the words mean. */
  Look,
  Take,
  /** It is told of, once all of them hold. */
  Tell,
}

/** What has happened to an option so far. */
const enum Seen {
  /** A variable of its name was met. */
  Variable = 1,
  /** Somebody has said what it is to be. */
  Set = 2,
  /** The variable was told of; and the flag of the command line, however often it stands there. */
  Told = 4,
  Shown = 8,
  /** A variable that counts for nothing, since --user stands on the command line. */
  Ignored = 16,
}

/** Reads everything into `state`. Answers PROCEED, or the status to end with at once. */
export function readOptions(): i32 {
  state.level = Level.Warn;
  state.eventsTo = -1;
  state.drainMs = -1;
  state.stopSignals = STOP_SIGNALS;
  takeFileName();
  state.pass = Pass.Look;
  readArguments();
  // --as wins over a variable, so that it is known by now; else it is known once they are read.
  const isAsked = state.because === Text.BecauseOption;
  if (isAsked && isReserved()) return Exit.Usage;
  state.pass = Pass.Take;
  takeFileName();
  let answer = state.ignoresVariables ? PROCEED : readSteadyVariables();
  if (answer === PROCEED && !isAsked && isReserved()) answer = Exit.Usage;
  if (answer === PROCEED) answer = readArguments();
  if (answer !== PROCEED) return answer;
  if (state.report !== 0) return observe();
  if (state.personality < Personality.DumbInit && !state.ignoresVariables) readTiniVariables();
  const conflict = conflictOfOptions();
  if (conflict !== 0) {
    say(Level.Fatal, conflict);
    return Exit.Usage;
  }
  // Whoever waits for a word of the program has to hear it.
  if (state.watchdogMs + state.readyMs + state.probeEveryMs > 0) state.notifies = true;
  // -c and -P may stand before --as.
  if (state.personality === Personality.Catatonit) settleCatatonit();
  else state.pauses = false;
  if (!state.pauses && !exists(Source.Argument, state.program)) return noProgram();
  if (state.personality === Personality.DumbInit) settleDumbInit();
  else state.grouping = Grouping.Own;
  return PROCEED;
}

/** What to say where options are not to be had together, or not here; 0 where they are. */
function conflictOfOptions(): i32 {
  if (state.warnReaped && state.reapOption === ReapOption.Kernel) return Text.WarnReapedNeedsWait;
  if (state.probeEveryMs > 0 && wrongProbeSignal() !== 0) return wrongProbeSignal();
  if (state.trustsOutside && state.pid !== 1) return Text.TrustNeedsPid1;
  const needsGuard = state.onForkBomb !== OnBomb.Log && (state.guard === 0 || state.pid !== 1);
  return needsGuard ? Text.OnForkBombNeeds : 0;
}

/**
 * What to say where there is no signal to ask PROGRAM by; 0 where there is. Node opens its debugger on SIGUSR1 to whoever is in
 * its network, and what is Node cannot be told from outside: it may be called npm, or be in a file of any name.
 */
export function wrongProbeSignal(): i32 {
  if (state.probeSignal === 0) return Text.ProbeNeedsSignal;
  return state.probeSignal === Signal.SIGUSR1 ? Text.ProbeDebugger : 0;
}

/** Whom the name of the file stands for, steady where it says nothing. */
function takeFileName(): void {
  state.personality = Personality.Steady;
  state.because = Text.BecauseDefault;
  setValue(Source.Argument, 0, basename(Source.Argument, 0));
  takeName(Text.BecauseName);
}

/** Takes the personality that goes with the name in hand, if any does; answers whether the name is known. */
function takeName(because: i32): bool {
  const name = oneWord(Text.NameSteady, Text.NamePodmanInit - Text.NameSteady);
  if (name < 0) return false;
  state.personality = personalityOf(Text.NameSteady + name);
  state.because = because;
  return true;
}

export function personalityOf(name: i32): Personality {
  if (name === Text.NameSteady) return Personality.Steady;
  if (name === Text.NameDumbInit) return Personality.DumbInit;
  return name === Text.NameCatatonit || name === Text.NamePodmanInit
    ? Personality.Catatonit
    : Personality.Tini;
}

/** STEADY_<OPTION>=value. Of two with one name the first counts, and the second is not read (getenv(3)). */
function readSteadyVariables(): i32 {
  for (let index = 0; exists(Source.Variable, index); index++) {
    const name = skip(Source.Variable, index, 0, Text.VariableSteady);
    if (name < 0) continue;
    const answer = readSteadyVariable(index, name);
    if (answer !== PROCEED) return answer;
  }
  return PROCEED;
}

/** An unknown STEADY_* is never an error: Kubernetes makes such names for a service called steady. */
function readSteadyVariable(index: i32, name: i32): i32 {
  const option = optionOfVariable(index, name);
  if (option < 0 || isRead(option)) return PROCEED;
  const value = skipVariable(index, name, Text.OptionHelp + option);
  // A composed file often leaves a variable empty rather than unset.
  if (byteAt(Source.Variable, index, value) === 0) return PROCEED;
  if (state.userIsArgument && isGuarded(option)) {
    note(option, Seen.Ignored);
    return PROCEED;
  }
  if (takesValue(option)) return takeValue(option, Source.Variable, index, value);
  setValue(Source.Variable, index, value);
  const times = isOff(Source.Variable, index, value)
    ? 0
    : max(numberAt(Source.Variable, index, value, false), 1);
  return takeFlag(option, times);
}

/** Whoever may set a variable must not weaken the init, nor write as root, nor give the program rights. */
function isGuarded(option: i32): bool {
  return (
    option === Option.Sandbox ||
    option === Option.EventsTo ||
    option === Option.Report ||
    option === Option.StatusFile ||
    option === Option.KeepCaps ||
    option === Option.KillOrphans ||
    option === Option.OnForkBomb
  );
}

/** Warns of each variable that counted for nothing. */
export function tellIgnored(): void {
  for (let option = 0; option < Option.Count; option++)
    if ((load<u8>(seen + usize(option)) & Seen.Ignored) !== 0)
      say(Level.Warn, Text.VariableIgnored, Text.OptionHelp + option);
}

/** Whether an earlier variable of that name was met in this pass. */
function isRead(option: i32): bool {
  return note(option, state.pass === Pass.Tell ? Seen.Told : Seen.Variable);
}

/** The option that `STEADY_<OPTION>=` with its name at `name` sets, or -1. */
function optionOfVariable(index: i32, name: i32): i32 {
  for (let option = 0; option < Option.Count; option++) {
    if (hasVariable(option) && skipVariable(index, name, Text.OptionHelp + option) >= 0) return option;
  }
  return -1;
}

/**
 * An init further in must not do again what this one was asked for. What names no option stays, since it is others':
 * STEADY_PORT and the like. Only ever called in the child.
 */
export function forgetVariables(): void {
  let index = 0;
  while (exists(Source.Variable, index)) {
    const name = skip(Source.Variable, index, 0, Text.VariableSteady);
    if (name >= 0 && optionOfVariable(index, name) >= 0) remove_variable(index);
    else index++;
  }
}

/** The offset behind `REMAP_EXIT=` for the option remap-exit, or -1. */
function skipVariable(index: i32, offset: i32, long: i32): i32 {
  let i = 0;
  while (true) {
    const char = byteAt(Source.Text, long, i);
    const other = byteAt(Source.Variable, index, offset + i);
    if (char === 0) return other === EQUALS ? offset + i + 1 : -1;
    if (other !== (char === MINUS ? 95 /* _ */ : char - 32)) return -1;
    i++;
  }
}

function readArguments(): i32 {
  let index = 1;
  for (; exists(Source.Argument, index); index++) {
    if (byteAt(Source.Argument, index, 0) !== MINUS || byteAt(Source.Argument, index, 1) === 0) break;
    if (byteAt(Source.Argument, index, 1) !== MINUS) {
      const answer = readCluster(index);
      if (answer !== PROCEED) return answer;
    } else if (byteAt(Source.Argument, index, 2) === 0) {
      index++;
      break;
    } else {
      const answer = readLong(index);
      if (answer !== PROCEED) return answer;
    }
    if (valueFollowed()) index++;
  }
  state.program = index;
  return PROCEED;
}

/** Whether the option in hand took the next argument as its value. */
function valueFollowed(): bool {
  const followed = state.valueSource === Source.Argument && state.valueIndex > 0 && state.valueOffset === 0;
  state.valueIndex = 0;
  return followed;
}

/** `-vgs`, `-e143`, `-e 143`. */
function readCluster(index: i32): i32 {
  let i = 1;
  while (true) {
    const letter = byteAt(Source.Argument, index, i);
    if (letter === 0) return PROCEED;
    const option = letterOption(letter);
    if (option < 0) return wrong(Text.InvalidOption, letter);
    if (!takesValue(option)) {
      const answer = takeFlag(option, 1);
      if (answer !== PROCEED) return answer;
      i++;
    } else if (byteAt(Source.Argument, index, i + 1) !== 0) {
      return takeValue(option, Source.Argument, index, i + 1);
    } else {
      if (!exists(Source.Argument, index + 1)) return wrong(Text.OptionNeedsArgument, letter);
      return takeValue(option, Source.Argument, index + 1, 0);
    }
  }
}

function letterOption(letter: i32): i32 {
  if (state.personality === Personality.DumbInit) return dumbInitOptionOfLetter(letter);
  return state.personality === Personality.Catatonit
    ? catatonitOptionOfLetter(letter)
    : optionOfLetter(letter);
}

/** `--remap-exit=143`, `--remap-exit 143`. */
function readLong(index: i32): i32 {
  const end = nameEnd(index);
  const option = longOption(index, end);
  if (option === AMBIGUOUS && state.pass === Pass.Take) {
    sayAmbiguous(index, end);
    return Exit.Usage;
  }
  if (option < 0) return wrongLong(Text.UnknownLongOption, index, 0);
  const attached = byteAt(Source.Argument, index, end) === EQUALS;
  if (!takesValue(option))
    return attached ? wrongLong(Text.LongOptionTakesNone, index, option) : takeLongFlag(option);
  if (attached) return takeValue(option, Source.Argument, index, end + 1);
  if (!exists(Source.Argument, index + 1)) return wrongLong(Text.LongOptionNeedsArgument, index, option);
  return takeValue(option, Source.Argument, index + 1, 0);
}

/** The option whose name ends at `end`, below 0 for none. dumb-init's and catatonit's own may be cut short; steady's are written in full. */
function longOption(index: i32, end: i32): i32 {
  const option = state.personality >= Personality.DumbInit ? abbreviated(index, end) : -1;
  if (option !== -1) return option;
  for (let i = 0; i < Option.Count; i++) {
    if (skip(Source.Argument, index, 2, Text.OptionHelp + i) === end)
      return state.personality === Personality.Steady || !isSteadys(i) ? i : -1;
  }
  return -1;
}

/** tini knows --version only where it stands alone. */
function takeLongFlag(option: i32): i32 {
  const alone = !exists(Source.Argument, 2);
  if (option === Option.Version && state.personality === Personality.Tini && !alone)
    return wrong(Text.InvalidOption, MINUS);
  return takeFlag(option, 1);
}

/** `times` is 0 where a variable turns it off. */
function takeFlag(option: i32, times: i32): i32 {
  if (state.pass !== Pass.Take) return passOver(option, Text.SetByArgument);
  note(option, Seen.Set);
  if (times === 0) return PROCEED;
  switch (option) {
    case Option.Help:
      return usage(state.personality >= Personality.DumbInit ? STDERR : STDOUT, 0);
    case Option.Version:
      print(state.personality === Personality.DumbInit ? STDERR : STDOUT, Text.VersionSteady);
      return 0;
    case Option.License:
      print(STDOUT, Text.License);
      return 0;
    case Option.Attest:
      return attest();
    case Option.Status:
    case Option.Health:
    case Option.Probe:
      state.report = option;
      return PROCEED;
    case Option.Json:
    case Option.OpenMetrics:
      state.form = option - Option.Json + Form.Json;
      state.report = Option.Status;
      return PROCEED;
    case Option.Subreaper:
      state.subreaper = true;
      return PROCEED;
    case Option.Verbose:
      state.level += times;
      return PROCEED;
    case Option.WarnReaped:
      state.warnReaped = true;
      return PROCEED;
    case Option.NoEnv:
      return PROCEED;
    case Option.Notify:
      state.notifies = true;
      return PROCEED;
    case Option.KillOrphans:
      state.killsOrphans = true;
      return PROCEED;
    case Option.NoNewPrivs:
      state.noNewPrivs = true;
      return PROCEED;
    case Option.Pause:
      state.pauses = true;
      return PROCEED;
    case Option.SingleChild:
      state.grouping = Grouping.Shared;
      return PROCEED;
    default:
      assert(option === Option.Group);
      state.group = true;
      return PROCEED;
  }
}

/** Takes the value of an option, which is the rest of a string from `offset` on. */
function takeValue(option: i32, source: i32, index: i32, offset: i32): i32 {
  setValue(source, index, offset);
  if (state.pass !== Pass.Take) return passOver(option, Text.SetByArgumentTo);
  note(option, Seen.Set);
  if (option === Option.Rewrite && !readRewrite()) {
    print(STDERR, Text.DumbInitRewriteHelp);
    return Exit.Usage;
  }
  if (!readValue(option)) return invalid(option);
  return option === Option.Install ? install() : PROCEED;
}

/** Reads the value in hand; answers whether it is one of the option's. */
function readValue(option: i32): bool {
  if (option >= Option.Drain && option <= Option.PreStop) return readTime(option, Option.Drain, endTimes);
  if (option >= Option.Watchdog && option <= Option.ProbeWithin)
    return readTime(option, Option.Watchdog, watchTimes);
  switch (option) {
    case Option.Within:
      state.report = Option.Probe;
      return readTime(Option.ProbeWithin, Option.Watchdog, watchTimes);
    case Option.ParentDeath:
      state.parentSignal = oneSignal();
      return state.parentSignal > 0;
    case Option.ProbeSignal:
      state.probeSignal = oneSignal();
      return state.probeSignal > 0 && isMappable(state.probeSignal);
    case Option.RemapExit: {
      const status = oneNumber();
      if (status < 0 || status > 255) return false;
      const at = remapped + usize(status >> 3);
      store<u8>(at, load<u8>(at) | (u8(1) << u8(status & 7)));
      return true;
    }
    case Option.Reap:
      state.reapOption = oneWord(Text.WordAuto, ReapOption.Wait);
      return state.reapOption >= 0;
    case Option.Sandbox:
      state.sandbox = oneWord(Text.WordOn, Sandbox.Strict);
      return state.sandbox >= 0;
    case Option.Events:
      state.events = oneWord(Text.WordText, 1) + 1;
      return state.events > 0;
    case Option.OnForkBomb:
      state.onForkBomb = oneWord(Text.WordLog, OnBomb.End);
      return state.onForkBomb >= 0;
    case Option.Trust: {
      const word = oneWord(Text.WordAny, 1);
      state.trustsOutside = word > 0;
      return word >= 0;
    }
    case Option.StopSignals:
      return readStopSignals();
    case Option.EventsTo:
      return readTarget();
    case Option.Report: {
      readPath(temporaryPath);
      const length = readPath(reportPath);
      if (length > 0) putTextAt(Text.TemporaryName, temporaryPath + usize(length), TEMPORARY_BYTES);
      return length > 0;
    }
    case Option.StatusFile:
      return readPath(statusPath) > 0;
    case Option.Guard:
      state.guard = readGuard();
      return state.guard !== 0;
    case Option.Limit:
      state.limit = i32(readDigits(RATE_MAX + 1));
      return isBehind(Text.PerSecond) && isFrom1(state.limit, RATE_MAX);
    case Option.Map:
      return readMap();
    case Option.User:
      return readUser();
    case Option.DropCaps:
      state.dropped = readCapabilities(true);
      return state.dropped !== 0;
    case Option.KeepCaps:
      state.kept = readCapabilities(false);
      return state.kept !== 0;
    case Option.LimitNproc:
      state.limitNproc = oneNumber();
      return isFrom1(state.limitNproc, NUMBER_MAX - 1);
    case Option.ProbeFailures:
      state.probeFailures = oneNumber();
      return isFrom1(state.probeFailures, 100);
    case Option.MaxZombies:
      state.report = Option.Health;
      state.zombiesAllowed = someNumber(state.valueOffset) + 1;
      return isFrom1(state.zombiesAllowed, NUMBER_MAX);
    case Option.MaxPids:
      state.report = Option.Health;
      state.percentAllowed = oneNumber();
      return isFrom1(state.percentAllowed, 100);
    case Option.As:
      return takeName(state.valueSource === Source.Argument ? Text.BecauseOption : Text.BecauseVariable);
    default:
      return byteInHand(state.valueOffset) !== 0;
  }
}

function isFrom1(number: i32, last: i32): bool {
  return number > 0 && number <= last;
}

function setValue(source: i32, index: i32, offset: i32): void {
  state.valueSource = source;
  state.valueIndex = index;
  state.valueOffset = offset;
}

// In the string that the value in hand is part of.

export function byteInHand(offset: i32): i32 {
  return byteAt(state.valueSource, state.valueIndex, offset);
}

/** Whether it is `text` from `offset` to its end. */
export function isInHand(offset: i32, text: i32): bool {
  return equals(state.valueSource, state.valueIndex, offset, text);
}

/** The offset behind `text` where it has that at `offset`, in any case of its letters; else `offset`. */
export function skipInHand(offset: i32, text: i32): i32 {
  return skipOptional(state.valueSource, state.valueIndex, offset, text);
}

/** Answers whether it had happened before. */
function note(option: i32, what: Seen): bool {
  const at = seen + usize(option);
  const before = load<u8>(at);
  store<u8>(at, before | u8(what));
  return (before & u8(what)) !== 0;
}

/** In a pass that only looks, or only tells. */
function passOver(option: i32, text: i32): i32 {
  const name = Text.OptionHelp + option;
  if (state.pass === Pass.Look) {
    if (option === Option.NoEnv) state.ignoresVariables = true;
    if (option === Option.User) state.userIsArgument = true;
    if (option === Option.As) takeName(Text.BecauseOption);
  } else if (state.valueSource === Source.Variable) {
    addToLine(Text.SetByVariable, name);
  } else if (takesValue(option) || !note(option, Seen.Shown)) {
    addToLine(text, name);
  }
  return PROCEED;
}

/**
 * Says in one line what holds, in the words of whoever said so: variables, the command line, nobody. Under other names only
 * where a variable has a say that no command line shows, since their words are those of the init that they stand for.
 */
export function tellOptions(): void {
  if (state.personality !== Personality.Steady && !hasVariableSpoken()) return;
  beginLine(Level.Info, Text.Options);
  putOptions();
  endLine();
}

/** The same within a line. */
export function putOptions(): void {
  const isSteady = state.personality === Personality.Steady;
  state.pass = Pass.Tell;
  for (let option = 0; option < Option.Count; option++) {
    const at = seen + usize(option);
    store<u8>(at, load<u8>(at) & ~u8(Seen.Told | Seen.Shown));
  }
  if (!state.ignoresVariables) {
    readSteadyVariables();
    if (isSteady) tellTiniVariables();
  }
  state.valueSource = Source.Argument;
  if (isSteady) {
    readArguments();
    tellStandards();
  }
}

function hasVariableSpoken(): bool {
  for (let option = 0; option < Option.Count; option++) {
    if ((load<u8>(seen + usize(option)) & Seen.Variable) !== 0) return true;
  }
  return false;
}

function tellTiniVariables(): void {
  for (let name = Text.VariableSubreaper; name <= Text.VariableVerbosity; name++) {
    const index = firstVariable(name);
    if (index < 0) continue;
    setValue(Source.Variable, index, skip(Source.Variable, index, 0, name));
    addToLine(Text.SetByTiniVariable, name);
  }
}

function tellStandards(): void {
  addToLine(Text.ByDefault, 0);
  for (let option = 0; option < Option.Count; option++) {
    const standard = Text.StandardHelp + option;
    if ((load<u8>(seen + usize(option)) & Seen.Set) === 0 && byteAt(Source.Text, standard, 0) !== 0)
      addToLine(Text.SetByNobody, Text.OptionHelp + option, standard);
  }
}

/** The number that a whole value is, less than 0 for none. */
function oneNumber(): i32 {
  return isOneWord() ? numberInHand(state.valueOffset) : -1;
}

/** The same from `offset` on where nothing is none: `-e ''` is 0 to tini, but what is steady's alone has no such past. */
export function someNumber(offset: i32): i32 {
  return byteInHand(offset) !== 0 && isOneWord() ? numberInHand(offset) : -1;
}

function numberInHand(offset: i32): i32 {
  return numberAt(state.valueSource, state.valueIndex, offset, true);
}

/** The digits that the value begins with, as a number up to `most`; what follows them is at `unitOffset`. */
function readDigits(most: i64): i64 {
  let number: i64 = 0;
  let offset = state.valueOffset;
  for (let char = byteInHand(offset); isDigit(char); char = byteInHand(++offset))
    number = min<i64>(number * 10 + char - 48, most);
  state.unitOffset = offset;
  return number;
}

/** Whether the digits are followed by this unit, and nothing else. */
function isBehind(unit: i32): bool {
  return isInHand(state.unitOffset, unit);
}

/** `500ms`, `5s`, `2m` or `0`, up to a day, into the place of the option behind that of the `first`. */
function readTime(option: i32, first: i32, times: usize): bool {
  let ms = readDigits(DURATION_MAX + 1);
  if (isBehind(Text.UnitSeconds)) ms *= 1000;
  else if (isBehind(Text.UnitMinutes)) ms *= 60000;
  else if (!isBehind(Text.UnitMilliseconds) && (ms !== 0 || byteInHand(state.unitOffset) !== 0)) return false;
  store<i32>(times + (usize(option - first) << 2), i32(ms));
  if (option === Option.StopWithin && ms > 0 && ms <= STOP_WITHIN_MIN) return false;
  return state.unitOffset !== state.valueOffset && ms <= DURATION_MAX;
}

/** `400`, or `90%` as -90; 0 for what is neither. */
function readGuard(): i32 {
  const value = i32(readDigits(NUMBER_MAX));
  if (byteInHand(state.unitOffset) === 0) return value;
  return isBehind(Text.Percent) && value <= 100 ? -value : 0;
}

/** Which of the words from `first` on it is, of which the last has the number `last`; -1 for none of them. */
function oneWord(first: i32, last: i32): i32 {
  for (let i = 0; i <= last; i++) if (isInHand(state.valueOffset, first + i)) return i;
  return -1;
}

/** `TERM,INT`; answers whether it is right to its end. */
function readStopSignals(): bool {
  state.stopSignals = 0;
  let offset = state.valueOffset;
  while (true) {
    const signal = signalAt(offset);
    const end = wordEnd(offset);
    const next = byteInHand(end);
    if (signal < 0 || !isMappable(signal) || next === EQUALS) return false;
    state.stopSignals |= only(signal);
    if (next === 0) return true;
    offset = end + 1;
  }
}

/** `USR1=HUP,INT=TERM,HUP=drop`; answers whether it is right to its end. */
function readMap(): bool {
  let offset = state.valueOffset;
  while (true) {
    const from = signalAt(offset);
    let end = wordEnd(offset);
    if (from < 0 || !isMappable(from) || byteInHand(end) !== EQUALS) return false;
    const to = ++end;
    const dropped = equalsIgnoringCase(state.valueSource, state.valueIndex, to, Text.WordDrop);
    const signal = dropped ? i32(DROP) : signalAt(to);
    end = wordEnd(to);
    const next = byteInHand(end);
    if (signal < 0 || next === EQUALS) return false;
    store<u8>(mapped + usize(from), u8(signal === from ? 0 : signal));
    if (next === 0) return true;
    offset = end + 1;
  }
}

/** Where the word at `offset` ends: in a list of words, or with the string. */
export function wordEnd(offset: i32): i32 {
  while (!isWordEnd(byteInHand(offset))) offset++;
  return offset;
}

function isOneWord(): bool {
  return byteInHand(wordEnd(state.valueOffset)) === 0;
}

/** The signal that a whole value is; -1 for none. */
function oneSignal(): i32 {
  return isOneWord() ? signalAt(state.valueOffset) : -1;
}

/** The word is `SIGTERM`, `TERM`, `15`, `RTMIN+3`, `SIGRTMAX-2`, in any case; -1 where it is none of 1 to 64. */
function signalAt(offset: i32): i32 {
  if (isDigit(byteInHand(offset))) return signalInRange(numberInHand(offset));
  const name = skipInHand(offset, Text.WordSig);
  for (let i = 0; i < SIGNAL_NAME_COUNT; i++) {
    if (equalsIgnoringCase(state.valueSource, state.valueIndex, name, Text.SignalName1 + i)) return i + 1;
  }
  const low = skipInHand(name, Text.WordRtMin);
  if (low > name) return realTimeSignal(RTMIN, low);
  const high = skipInHand(name, Text.WordRtMax);
  if (high > name) return realTimeSignal(SIGNAL_MAX, high);
  return -1;
}

/** What follows RTMIN or RTMAX: nothing, or a sign and a number. */
function realTimeSignal(base: i32, offset: i32): i32 {
  const sign = byteInHand(offset);
  if (isWordEnd(sign)) return base;
  if (sign !== 43 /* + */ && sign !== MINUS) return -1;
  // What is no number lies too far below.
  const signal = base + numberInHand(offset);
  return signal >= RTMIN ? signalInRange(signal) : -1;
}

function signalInRange(signal: i32): i32 {
  return signal >= 1 && signal <= SIGNAL_MAX ? signal : -1;
}

/** tini's own variables. */
function readTiniVariables(): void {
  const verbosity = firstVariable(Text.VariableVerbosity);
  if (verbosity >= 0) {
    const level = numberAt(
      Source.Variable,
      verbosity,
      skip(Source.Variable, verbosity, 0, Text.VariableVerbosity),
      false,
    );
    state.level = level < 0 ? Level.Trace : level;
  }
  if (isTiniFlagOn(Text.VariableSubreaper)) state.subreaper = true;
  if (isTiniFlagOn(Text.VariableGroup)) state.group = true;
}

/** Under tini's names any value means on, also 0 and the empty one (W17). */
function isTiniFlagOn(name: i32): bool {
  const index = firstVariable(name);
  if (index < 0) return false;
  if (state.personality === Personality.Tini) return true;
  return !isOff(Source.Variable, index, skip(Source.Variable, index, 0, name));
}

function usage(fd: i32, status: i32): i32 {
  print(fd, Text.UsageSteady);
  return status;
}

function noProgram(): i32 {
  if (state.personality === Personality.Catatonit) say(Level.Fatal, Text.CatatonitNoProgram);
  if (state.personality !== Personality.DumbInit) return usageAfter();
  print(STDERR, Text.DumbInitUsage);
  return Exit.Usage;
}

/** What follows a complaint: catatonit has one line for it. */
function usageAfter(): i32 {
  if (state.personality !== Personality.Catatonit) return usage(STDERR, Exit.Usage);
  print(STDERR, Text.CatatonitUsage);
  return Exit.Usage;
}

/** getopt's sentence, and the usage as tini; dumb-init has none there. */
function wrong(text: i32, letter: i32): i32 {
  if (state.pass === Pass.Look) return Exit.Usage;
  print(STDERR, text, 0, letter);
  return state.personality === Personality.DumbInit ? Exit.Usage : usageAfter();
}

function wrongLong(text: i32, index: i32, option: i32): i32 {
  if (state.pass === Pass.Look) return Exit.Usage;
  if (state.personality === Personality.Tini && text === Text.UnknownLongOption)
    return wrong(Text.InvalidOption, MINUS);
  print(STDERR, text, index, Text.OptionHelp + option);
  return state.personality === Personality.Catatonit ? usageAfter() : Exit.Usage;
}

/** Says what is wrong with the value in hand, and what would be right. */
function invalid(option: i32): i32 {
  const letter = letterOfOption(option);
  const name = Text.OptionHelp + option;
  const expected = Text.ExpectedHelp + option;
  if (state.valueSource === Source.Variable) say(Level.Fatal, Text.InvalidVariable, name, expected);
  else if (letter !== 0 && state.personality === Personality.Tini)
    say(Level.Fatal, Text.InvalidValue, letter);
  else say(Level.Fatal, Text.InvalidLongValue, name, expected);
  return Exit.Usage;
}
