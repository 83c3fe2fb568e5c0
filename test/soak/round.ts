// One round of the soak: a plan is played on a container, and what must hold is looked at from outside. The promises
// are those of simulator/laws.ts, in its words, as far as they can be seen from outside.

import { setImmediate as breath } from "node:timers/promises";
import { sleepsOf, statOf, until } from "../lib/process.ts";
import { isKernelAtLeast } from "../lib/scenarios.ts";
import { Container, type Reporter } from "./container.ts";
import { Ledger } from "./ledger.ts";
import { type Deed, type Ending, LITTER, type Plan, planOf, TERM, TYPED, tell } from "./plan.ts";

/** A promise that was broken. */
class Broken extends Error {}

/** By the names of the laws. */
const PROMISES = {
  outlives: "the init never ends while the program lives",
  endsWithProgram: "when the program has ended, the init ends",
  status: "the init ends with the program's status, 128+n where a signal ended it",
  everySignal: "every signal that is sent to the init arrives, with its value",
  nothingUnasked: "nothing is sent that nobody sent to the init, and values keep their order",
  nobodyElse: "nobody but the living program and its group is ever signalled",
  reapsAll: "no zombie that was handed over is left when the init waits for news",
  asleep: "idle means no calls",
  holdsNothing: "the init holds 0, 1 and 2 as they came and three descriptors of its own",
  givesBack: "at the end the foreground is with the init's group again",
  wellFormed: "a line of the log is whole, and nothing is complained of",
} as const;

const IDLE_MS = 60;
const IDLE_TRIES = 40;
/** In the order of their names, which some kernels give pidfds without the rest. */
const OWN = ["anon_inode:[pidfd] anon_inode:[signalfd] pipe", "anon_inode:[signalfd] pidfd pipe"];
/** What the init may complain of in a round. */
const EXPECTED = [/log lines could not be written$/, /^\[(INFO |DEBUG|TRACE) /];

/** Counts over all rounds. */
export interface Figures {
  rounds: number;
  deeds: number;
  sent: number;
  arrived: number;
}

export class Round {
  readonly seed: number;
  readonly plan: Plan;
  readonly story: string[] = [];
  readonly ledger: Ledger;
  readonly #container: Container;
  #bystanders: Reporter[] = [];
  #readerLeft = false;

  constructor(seed: number) {
    this.seed = seed;
    this.plan = planOf(seed);
    this.ledger = new Ledger(!this.plan.circumstances.group || isKernelAtLeast("6.9"));
    this.#container = new Container(this.plan.circumstances);
  }

  /** Plays the round; throws Broken, with the story in `story`, where a promise was. */
  async play(figures: Figures): Promise<void> {
    try {
      await this.#container.isReady();
      this.#bystanders = [
        await this.#container.bystander("outside"),
        await this.#container.bystander("inside"),
      ];
      for (const deed of this.plan.deeds) await this.#perform(deed);
      await this.#finish(this.plan.ending);
    } finally {
      figures.rounds++;
      figures.deeds += this.plan.deeds.length;
      figures.sent += this.ledger.sent;
      figures.arrived += this.ledger.arrivals.length;
      this.#container.remove();
    }
  }

  async #perform(deed: Deed): Promise<void> {
    this.story.push(tell(deed));
    this.#holds("outlives", this.#container.initLives || !this.#container.programLives, "it has ended");
    this.#do(deed);
    if (deed.do === "rest") await this.#rest();
    // Reports are read, and children told of, in between.
    await breath();
  }

  #do(deed: Deed): void {
    const container = this.#container;
    switch (deed.do) {
      case "kill":
        for (const signal of deed.signals) this.#kill(signal);
        break;
      case "queue":
        this.#queue(deed);
        break;
      case "orphans":
      case "zombies":
        container.enter([deed.do, deed.count]);
        break;
      case "daemon":
        container.enter(["daemon"]);
        break;
      case "litter":
        this.#kill(LITTER);
        break;
      case "stop":
      case "continue":
        this.#stopOrContinue(deed.do, deed.whom);
        break;
      case "type":
        this.#type(deed.text);
        break;
      case "resize":
        container.resize();
        break;
      case "stall":
      case "resume":
        container[deed.do]();
        break;
      case "leave":
        this.#readerLeft = true;
        container.leave();
        break;
      case "rest":
        break;
    }
  }

  #kill(signal: number): void {
    process.kill(this.#container.init, signal);
    this.ledger.plain(signal);
  }

  /** A sender is told where the kernel has no room for more; it says how many it sent before. */
  #queue({ from, signal, first, count }: Extract<Deed, { do: "queue" }>): void {
    const container = this.#container;
    const target = from === "inside" ? container.initInside : container.init;
    container[from === "inside" ? "enter" : "outside"](
      ["queue", target, signal, first, count],
      (output, ran) => {
        const sent = ran ? count : Number(/^sent (\d+)$/m.exec(output)?.[1] ?? 0);
        this.ledger.queued(signal, first, sent);
      },
    );
  }

  #stopOrContinue(what: "stop" | "continue", whom: "program" | "init"): void {
    process.kill(this.#container[whom], what === "stop" ? "SIGSTOP" : "SIGCONT");
    this.ledger.forgets();
    if (what === "continue" && whom === "program") this.ledger.direct(18);
    // The init takes a SIGCONT as any signal that is sent to it.
    if (what === "continue" && whom === "init") this.ledger.plain(18);
  }

  #type(text: string): void {
    this.#container.run.write(text);
    const signal = TYPED[text];
    if (signal !== undefined) this.ledger.typed(signal);
  }

  /** Everybody goes on and finishes; then everything must be as it should be where nothing happens. */
  async #rest(): Promise<void> {
    const container = this.#container;
    for (const whom of ["init", "program"] as const) this.#stopOrContinue("continue", whom);
    await container.allHaveLeft();
    await this.#becomes("everySignal", () => this.#missing());
    await this.#becomes("reapsAll", () => {
      const { length } = container.zombies();
      return length === 0 ? undefined : `${length} zombies are left`;
    });
    await this.#isIdle();
    this.#lookAround();
    this.ledger.rest();
  }

  #missing(): string | undefined {
    this.ledger.arrivals.push(...this.#container.arrivals());
    this.#holds("outlives", this.#container.initLives || !this.#container.programLives, "it has ended");
    return this.ledger.missing();
  }

  /** No wake-up between two moments, with a process that lives its life elsewhere in between. */
  async #isIdle(): Promise<void> {
    for (let tries = 0; tries < IDLE_TRIES; tries++) {
      const before = sleepsOf(this.#container.init);
      this.#container.outside(["sleep", IDLE_MS]);
      await this.#container.allHaveLeft();
      const asleep = statOf(this.#container.init)?.state === "S";
      if (asleep && sleepsOf(this.#container.init) === before) return;
    }
    this.#holds(
      "asleep",
      false,
      `it is woken again and again (${sleepsOf(this.#container.init)} times so far)`,
    );
  }

  #lookAround(): void {
    const container = this.#container;
    this.ledger.arrivals.push(...container.arrivals());
    const wrong = this.ledger.wrong(container.initInside);
    this.#holds("nothingUnasked", wrong === undefined, wrong ?? "");
    const held = container.descriptors().join(" ");
    this.#holds("holdsNothing", OWN.includes(held), held);
    for (const { run, isQuiet } of this.#bystanders) this.#holds("nobodyElse", isQuiet, run.stdout);
    for (const line of this.#lines())
      this.#holds(
        "wellFormed",
        EXPECTED.some((one) => one.test(line)),
        JSON.stringify(line),
      );
  }

  /** The lines of the log that are finished; a reader who has left may have taken half of one with him. */
  #lines(): string[] {
    if (this.#readerLeft || this.plan.circumstances.stream === "terminal") return [];
    const text = this.#container.run.all();
    const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
    // Empty ones are what a stalled pipe was filled with.
    return lines.filter((line) => line !== "");
  }

  async #finish(ending: Ending): Promise<void> {
    const container = this.#container;
    this.story.push(`the end: ${ending}`);
    if (ending === "hang-up") container.hangUp();
    if (ending === "kill") process.kill(container.program, "SIGKILL");
    else process.kill(container.init, TERM);
    // The shell around it reads a line, to see whether it can.
    if (ending !== "hang-up") container.run.write("\n");
    await this.#becomes("endsWithProgram", () => (container.status === undefined ? "it goes on" : undefined));
    const expected = ending === "kill" ? 128 + 9 : this.plan.circumstances.status;
    this.#holds("status", container.status === expected, `${container.status}, not ${expected}`);
    if (ending !== "hang-up") this.#holds("givesBack", !container.terminalIsLost, "a read from it failed");
  }

  #holds(promise: keyof typeof PROMISES, condition: boolean, what: string): void {
    if (!condition) throw new Broken(`${promise}: ${PROMISES[promise]}: ${what}`);
  }

  async #becomes(promise: keyof typeof PROMISES, wrong: () => string | undefined): Promise<void> {
    let last = "";
    await until(promise, () => {
      const now = wrong();
      last = now ?? last;
      return now === undefined;
    }).catch((error) => {
      if (error instanceof Broken) throw error;
      throw new Broken(`${promise}: ${PROMISES[promise]}: ${last}`);
    });
  }
}
