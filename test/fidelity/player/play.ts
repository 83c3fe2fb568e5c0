// Process 1 of a script: reads it line by line, has each step performed by the process it names, and lets everything
// settle before it says what has become of whom. Nothing of a script is known here but slots and pids.

import {
  Action,
  close,
  close_range,
  Errno,
  getpid,
  inherited_mask,
  POLLIN,
  PollFd,
  ppoll,
  read,
  rt_sigaction,
  rt_sigprocmask,
  setpgid,
  write,
} from "../../../core/kernel.ts";
import { ANSWERS, act, isNewChild, SLOTS } from "./actor.ts";
import { Call } from "./calls.ts";
import { ENDING, GONE, STOPPED, sayProcess, stateOf, ZOMBIE } from "./observe.ts";
import {
  ANSWER_SIZE,
  answer,
  COMMAND_SIZE,
  Command,
  command,
  PATH_MAX,
  path,
  perform,
  STORED_AT,
  STORED_MAX,
} from "./step.ts";
import { byteOfArgument, flush, sayBytes, sayNumber, sayText } from "./text.ts";

const SIGHUP = 1;
/** More milliseconds without an answer than any process needs. */
const PATIENCE_MS = 20000;
/** Whoever starts the player has no descriptors above. */
const INHERITED_MAX = 1023;
/** Every state of a process that answers. */
const RUNNING = 82; /* R */
/** No process of a script has this pid: setpgid looks for it with the lock that every death and stop takes. */
const NOBODY = 30000;

/** What the player knows of a slot's process. */
@unmanaged
class Slot {
  pid: i32;
  /** Answers that it owes. */
  owes: i32;
  state: i32;
}
const slots = memory.data(84, 4);
const highestPid = memory.data(4, 4);
const poll = changetype<PollFd>(memory.data(8, 4));
/** Where the script is read. */
const offset = memory.data(4, 4);
const script = memory.data(4, 4);

if (offsetof<Slot>() !== 12) ERROR("a slot has 12 bytes");

function slotOf(index: i32): Slot {
  assert(index >= 0);
  assert(index <= SLOTS);
  return changetype<Slot>(slots + usize(index) * offsetof<Slot>());
}

/** Plays the script in argument `index`. */
export function play(index: i32): i32 {
  store<i32>(script, index);
  store<i32>(highestPid, getpid());
  rt_sigprocmask(inherited_mask());
  rt_sigaction(SIGHUP, Action.Default);
  closeInherited(ANSWERS + SLOTS + 1);
  discardOldCommands();
  while (byteOfScript() !== 0) {
    const slot = readStep();
    if (command.call === Call.clone) discard(command.slot);
    if (slot === 0) performHere();
    else order(slot);
    if (!settle()) return giveUp();
    sayAll();
  }
  return 0;
}

/** What a terminal or a test runner has left open; a profile may refuse the call that closes many. */
function closeInherited(first: i32): void {
  if (close_range(first, INHERITED_MAX) === 0) return;
  for (let fd = first; fd <= INHERITED_MAX; fd++) close(fd);
}

/** The FIFOs may be those of an earlier script, whose last processes were killed before they read. */
function discardOldCommands(): void {
  for (let slot = 0; slot <= SLOTS; slot++) discard(slot);
}

/** What was meant for a slot's process that did not live to read it, or for nobody: answers in slot 0. */
function discard(slot: i32): void {
  while (isReadable(ANSWERS + slot, 0)) read(ANSWERS + slot, changetype<usize>(answer), ANSWER_SIZE);
}

function isReadable(fd: i32, milliseconds: i32): bool {
  poll.fd = fd;
  poll.events = POLLIN;
  poll.revents = 0;
  return ppoll(changetype<usize>(poll), 1, milliseconds) === 1;
}

function performHere(): void {
  perform();
  if (isNewChild()) act(command.slot);
  answer.slot = 0;
  take();
}

function order(slot: i32): void {
  slotOf(slot).owes++;
  write(ANSWERS + slot, changetype<usize>(command), COMMAND_SIZE);
}

/** Says an answer and draws the conclusions from it. */
function take(): void {
  if (answer.slot !== 0) slotOf(answer.slot).owes--;
  if (answer.call === Call.ping) return;
  sayText("A ");
  sayNumber(answer.slot);
  sayText(" ");
  sayNumber(answer.call);
  sayText(" ");
  sayNumber(answer.value);
  sayText(" ");
  sayBytes(changetype<usize>(answer) + STORED_AT, STORED_MAX);
  sayText("\n");
  if (answer.call === Call.clone && answer.value > 0) begin(command.slot, i32(answer.value));
}

function begin(slot: i32, pid: i32): void {
  slotOf(slot).pid = pid;
  slotOf(slot).owes = 0;
  slotOf(slot).state = RUNNING;
  store<i32>(highestPid, max(load<i32>(highestPid), pid));
}

/**
 * Returns when nothing that the step has begun is still going on: every process has answered after it, or is stopped,
 * dead or gone. A death may end or continue others, so that all are asked again until nobody has changed.
 */
function settle(): bool {
  if (!awaitAll()) return false;
  while (true) {
    pingAll();
    if (!awaitAll()) return false;
    barrier();
    awaitReleases();
    if (!noteStates()) return true;
  }
}

/** Whoever ends or stops tells his parent with this lock held, a moment after his state can be seen. */
function barrier(): void {
  assert(setpgid(NOBODY, 1) === -Errno.ESRCH);
}

/** Whom the kernel is about to take away is not there any more: also those whose slot has somebody else by now. */
function awaitReleases(): void {
  for (let pid = 1; pid <= load<i32>(highestPid); pid++) {
    while (stateOf(pid) === ENDING) ppoll(0, 0, 0);
  }
}

function noteStates(): bool {
  let changed = false;
  for (let i = 1; i <= SLOTS; i++) {
    const slot = slotOf(i);
    if (slot.pid === 0) continue;
    const state = stateOf(slot.pid);
    const noted = isAway(state) ? state : RUNNING;
    if (noted !== slot.state) changed = true;
    slot.state = noted;
  }
  return changed;
}

function pingAll(): void {
  command.call = Call.ping;
  for (let i = 1; i <= SLOTS; i++) {
    const slot = slotOf(i);
    if (slot.pid !== 0 && slot.owes === 0 && !isAway(slot.state)) order(i);
  }
}

/** Waits until everybody who owes an answer has given it or cannot. */
function awaitAll(): bool {
  for (let patience = 0; patience < PATIENCE_MS; ) {
    while (isReadable(ANSWERS, 0)) {
      read(ANSWERS, changetype<usize>(answer), ANSWER_SIZE);
      take();
    }
    if (allAnswered() && !isReadable(ANSWERS, 0)) return true;
    if (!isReadable(ANSWERS, 1)) patience++;
  }
  return false;
}

function allAnswered(): bool {
  for (let i = 1; i <= SLOTS; i++) {
    const slot = slotOf(i);
    if (slot.pid !== 0 && slot.owes > 0 && !isAway(stateOf(slot.pid))) return false;
  }
  return true;
}

/** Whoever is ENDING is not: it is about to be gone. */
function isAway(state: i32): bool {
  return state === GONE || state === STOPPED || state === ZOMBIE;
}

function giveUp(): i32 {
  sayText("! somebody neither answers nor ends\n");
  sayAll();
  return 1;
}

function sayAll(): void {
  for (let pid = 1; pid <= load<i32>(highestPid); pid++) sayProcess(pid);
  sayText(".\n");
  flush();
}

// A step is a line: the slot, the call, up to six numbers, and a path if there is one. "2 14 3 15"

/** Reads the next line into the command; answers the slot that shall perform it. */
function readStep(): i32 {
  memory.fill(changetype<usize>(command), 0, COMMAND_SIZE);
  const slot = i32(readNumber());
  command.call = i32(readNumber());
  command.slot = i32(readNumber());
  for (let i: usize = 0; byteOfScript() !== 10 && byteOfScript() !== 0; i++) {
    if (byteOfScript() === 47 /* slash */) readPath();
    else store<i64>(changetype<usize>(command) + offsetof<Command>("a") + i * 8, readNumber());
  }
  if (byteOfScript() === 10) skip();
  return slot;
}

function readNumber(): i64 {
  const negative = byteOfScript() === 45;
  if (negative) skip();
  let value: i64 = 0;
  while (byteOfScript() >= 48) {
    value = value * 10 + i64(byteOfScript() - 48);
    skip();
  }
  if (byteOfScript() === 32) skip();
  return negative ? -value : value;
}

function readPath(): void {
  for (let i = 0; byteOfScript() > 32; i++) {
    assert(i < PATH_MAX - 1);
    store<u8>(path + usize(i), u8(byteOfScript()));
    skip();
  }
  if (byteOfScript() === 32) skip();
}

function byteOfScript(): i32 {
  return byteOfArgument(load<i32>(script), load<i32>(offset));
}

function skip(): void {
  store<i32>(offset, load<i32>(offset) + 1);
}
