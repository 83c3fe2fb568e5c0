// One line on a terminal's standard error that tells how far a check is. The rule: it never moves the cursor off that
// line, hides nothing, and listens to no signal, so that whatever comes the terminal is as it was.

import type { Progress } from "./schedule.ts";

const CLEAR = "\r\u001b[K";

export class Display {
  readonly #shown: boolean;
  #open = false;

  constructor(shown: boolean) {
    this.#shown = shown;
  }

  show({ done, planned, running }: Progress): void {
    this.say(`${done} of ${planned} runs; now: ${running.join(", ")}`);
  }

  say(text: string): void {
    if (!this.#shown) return;
    const width = (process.stderr.columns || 80) - 1;
    process.stderr.write(`${CLEAR}${text.slice(0, width)}`);
    this.#open = true;
  }

  clear(): void {
    if (this.#open) process.stderr.write(CLEAR);
    this.#open = false;
  }
}
