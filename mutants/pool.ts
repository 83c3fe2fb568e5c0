// Hunts mutants on several processors. A mutant that does not come back is caught by that: its worker is ended, and
// another takes the place. Workers are processes, since one that is ended in the middle of a loop takes nobody along.

import { type ChildProcess, fork } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { cpuMicroseconds } from "../tools/process.ts";
import type { Catch, Patience, Work } from "./hunt.ts";
import type { Message, Order } from "./worker.ts";

const LOOK_MS = 100;
const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

export class Pool {
  readonly #arguments: readonly string[];
  readonly #queue: number[];
  readonly #workers = new Set<ChildProcess>();
  readonly #workOf: (index: number) => Work;
  readonly #answer: (index: number, answer: Catch | null) => void;

  /** `wasm` is the path of the module that the mutants are of. */
  constructor(
    wasm: string,
    patience: Patience,
    mutants: readonly number[],
    workOf: (index: number) => Work,
    answer: (index: number, answer: Catch | null) => void,
  ) {
    this.#arguments = [wasm, `${patience.ms}`, `${patience.effort}`];
    this.#queue = [...mutants];
    this.#workOf = workOf;
    this.#answer = answer;
  }

  /** Ends when every mutant has its answer. */
  async run(workers: number): Promise<void> {
    // A worker in an endless mutant does not notice that nobody waits for it any more.
    process.on("exit", () => this.#workers.forEach(kill));
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const)
      process.on(signal, () => process.exit(128 + constants.signals[signal]));
    await Promise.all(Array.from({ length: workers }, () => this.#keepOneBusy()));
  }

  async #keepOneBusy(): Promise<void> {
    let worker: ChildProcess | undefined;
    for (let index = this.#queue.shift(); index !== undefined; index = this.#queue.shift()) {
      worker ??= this.#start();
      const answer = await hunt(worker, { index, work: this.#workOf(index) });
      if (answer === "hangs") {
        kill(worker);
        this.#workers.delete(worker);
        worker = undefined;
        this.#answer(index, { by: "hang", who: "the core comes back", ms: 0 });
      } else this.#answer(index, answer);
    }
    worker?.disconnect();
  }

  #start(): ChildProcess {
    const worker = fork(WORKER, this.#arguments);
    this.#workers.add(worker);
    return worker;
  }
}

function kill(worker: ChildProcess): void {
  worker.kill("SIGKILL");
}

/** Gives a worker one mutant; it hangs where it is busy for longer than it said. */
function hunt(worker: ChildProcess, order: Order): Promise<Catch | null | "hangs"> {
  const { promise, resolve, reject } = Promise.withResolvers<Catch | null | "hangs">();
  const { pid = 0 } = worker;
  let until = Number.POSITIVE_INFINITY;
  const watch = setInterval(() => {
    if (processorMs(pid) > until) resolve("hangs");
  }, LOOK_MS);
  worker.on("message", (message: Message) => {
    if ("answer" in message) resolve(message.answer);
    else until = processorMs(pid) + message.busyMs;
  });
  worker.on("exit", (status, signal) =>
    reject(new Error(`a worker ended (${status ?? signal}) over mutant ${order.index}`)),
  );
  worker.send(order);
  return promise.finally(() => {
    clearInterval(watch);
    worker.removeAllListeners();
  });
}

/** By the processor's time and not by the clock: others may have the machine meanwhile. */
function processorMs(pid: number): number {
  return (cpuMicroseconds(pid) ?? 0) / 1000;
}
