// A process of the script: performs one command after the other and answers each. Commands come through a FIFO of its
// own slot and all answers go into one; whoever starts the player has opened them, so that they outlive an exec.

import { read, write } from "../../../core/kernel.ts";
import { Call } from "./calls.ts";
import { ANSWER_SIZE, answer, COMMAND_SIZE, command, perform } from "./step.ts";

export const ANSWERS = 3;
/** The FIFO of slot n is ANSWERS + n. */
export const SLOTS = 6;

/** What an exec has put into the place of the actor of this slot, which owes the answer to the exec. */
export function actAgain(slot: i32): void {
  answer.call = Call.execve;
  say(slot);
  act(slot);
}

/** Never returns: an actor ends by a command or by a signal. */
export function act(slot: i32): void {
  let own = slot;
  while (true) {
    const length = read(ANSWERS + own, changetype<usize>(command), COMMAND_SIZE);
    assert(length === COMMAND_SIZE);
    perform();
    if (isNewChild()) own = command.slot;
    else say(own);
  }
}

/** Whether the command that was just performed made this very process. */
export function isNewChild(): bool {
  return command.call === Call.clone && answer.value === 0;
}

function say(slot: i32): void {
  answer.slot = slot;
  const length = write(ANSWERS, changetype<usize>(answer), ANSWER_SIZE);
  assert(length === ANSWER_SIZE);
}
