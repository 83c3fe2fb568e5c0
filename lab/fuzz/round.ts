// One round: a plan is played on a container, and what must hold is looked at from outside. The laws are those of
// simulator/laws.ts, in its words, as far as they can be seen from there (contract.ts says which hold for whom).

import { release } from "node:os";
import { setImmediate as breath } from "node:timers/promises";
import { type Bystander, type Cast, Container, signalIfAlive } from "./container.ts";
import { LAWS, type Law } from "./contract.ts";
import { Ledger } from "./ledger.ts";
import { type Deed, type Ending, LITTER, type Plan, TERM, TYPED, tell } from "./plan.ts";

/** A law that was broken. */
export class Broken extends Error {
  readonly law: Law;
  readonly seen: string;
  constructor(law: Law, seen: string) {
    super(`${law}: ${LAWS[law]}: ${seen}`);
    this.law = law;
    this.seen = seen;
  }
}

const IDLE_MS = 60;
const IDLE_TRIES = 40;
/** Where both sleep so long and nothing is pending, what has not come does not come. */
const SETTLED_MS = 700;
/** In the order of their names, which some kernels give pidfds without the rest. */
const OWN = ["anon_inode:[pidfd] anon_inode:[signalfd] pipe", "anon_inode:[signalfd] pidfd pipe"];
/** What steady may complain of in a round. */
const EXPECTED = [/log lines could not be written$/, /^\[(INFO |DEBUG|TRACE) /];

/** Counts over all rounds. */
export interface Figures {
  rounds: number;
  deeds: number;
  sent: number;
  arrived: number;
}

export const noFigures = (): Figures => ({ rounds: 0, deeds: 0, sent: 0, arrived: 0 });

export class Round {
  readonly plan: Plan;
  readonly story: string[] = [];
  readonly ledger: Ledger;
  readonly #laws: readonly Law[];
  readonly #container: Container;
  readonly #patienceMs: number;
  #bystanders: Bystander[] = [];
  #readerLeft = false;

  /** `patienceMs`: how long is waited for what must come. */
  constructor(plan: Plan, cast: Cast, patienceMs: number) {
    this.plan = plan;
    const { signals, keepsValues, laws } = cast.contract;
    this.#laws = laws;
    this.#patienceMs = patienceMs;
    this.ledger = new Ledger({
      signals,
      // Before Linux 6.9 a group gets its signals without their values.
      keepsValues: keepsValues && (!plan.circumstances.group || isKernelAtLeast(6, 9)),
      isDirect: cast.init.path === undefined,
    });
    this.#container = new Container(cast, plan.circumstances);
  }

  /** Plays the round; throws Broken, with the story in `story`, where a law was. */
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
      await this.#container.remove();
    }
  }

  async #perform(deed: Deed): Promise<void> {
    this.story.push(tell(deed));
    this.#isThere();
    this.#do(deed);
    if (deed.do === "rest") await this.#rest();
    // Reports are read, and children told of, in between.
    await breath();
  }

  /** Nobody has asked it to end yet. Whatever came of its end is of no interest, so this holds of every contract. */
  #isThere(): void {
    const { initLives, status } = this.#container;
    if (!initLives)
      throw new Broken("outlives", `it has ended${status === undefined ? "" : ` with ${status}`}`);
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
    if (!signalIfAlive(this.#container.init, signal)) this.#isThere();
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
    if (!signalIfAlive(this.#container[whom], what === "stop" ? "SIGSTOP" : "SIGCONT")) this.#isThere();
    this.ledger.forgets();
    if (what === "continue" && whom === "program") this.ledger.direct(18);
    // The init takes a SIGCONT as any signal that is sent to it.
    if (what === "continue" && whom === "init") this.ledger.plain(18);
  }

  #type(text: string): void {
    this.#container.write(text);
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
    this.#isThere();
    return this.ledger.missing();
  }

  /** No wake-up between two moments, with a process that lives its life elsewhere in between. */
  async #isIdle(): Promise<void> {
    if (!this.#laws.includes("asleep")) return;
    const container = this.#container;
    for (let tries = 0; tries < IDLE_TRIES; tries++) {
      const before = container.wakeUps;
      container.outside(["sleep", IDLE_MS]);
      await container.allHaveLeft();
      if (container.initSleeps && container.wakeUps === before) return;
    }
    this.#isThere();
    this.#holds("asleep", false, `it is woken again and again (${container.wakeUps} times so far)`);
  }

  #lookAround(): void {
    const container = this.#container;
    this.ledger.arrivals.push(...container.arrivals());
    const wrong = this.ledger.wrong(container.initInside);
    this.#holds("nothingUnasked", wrong === undefined, wrong ?? "");
    if (this.#laws.includes("holdsNothing")) {
      const held = container.descriptors().join(" ");
      this.#holds("holdsNothing", OWN.includes(held), held);
    }
    for (const { said, isQuiet } of this.#bystanders) this.#holds("nobodyElse", isQuiet, said);
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
    const text = this.#container.log;
    const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
    // Empty ones are what a stalled pipe was filled with.
    return lines.filter((line) => line !== "");
  }

  async #finish(ending: Ending): Promise<void> {
    const container = this.#container;
    this.story.push(`the end: ${ending}`);
    if (ending === "hang-up") container.hangUp();
    if (ending === "kill") signalIfAlive(container.program, "SIGKILL");
    else signalIfAlive(container.init, TERM);
    // The shell around it reads a line, to see whether it can.
    if (ending !== "hang-up") container.write("\n");
    if (ending === "term")
      await this.#becomes("everySignal", () =>
        container.programLives ? "SIGTERM did not arrive" : undefined,
      );
    await this.#becomes("endsWithProgram", () => (container.status === undefined ? "it goes on" : undefined));
    const expected = ending === "kill" ? 128 + 9 : this.plan.circumstances.status;
    this.#holds("status", container.status === expected, `${container.status}, not ${expected}`);
    if (ending !== "hang-up") this.#holds("givesBack", !container.terminalIsLost, "a read from it failed");
  }

  #holds(law: Law, condition: boolean, seen: string): void {
    if (!condition && this.#laws.includes(law)) throw new Broken(law, seen);
  }

  /** Waits until nothing is wrong any more; where everybody sleeps and has nothing to do, not for ever. */
  async #becomes(law: Law, wrong: () => string | undefined): Promise<void> {
    let last = "";
    let settledSince: number | undefined;
    const ended = await this.#container.until(() => {
      const now = wrong();
      if (now === undefined) return "held";
      last = now;
      const isSettled = law !== "endsWithProgram" && this.#container.isSettled;
      settledSince = isSettled ? (settledSince ?? performance.now()) : undefined;
      return settledSince !== undefined && performance.now() - settledSince > SETTLED_MS && "settled";
    }, this.#patienceMs);
    this.#holds(law, ended === "held", last);
  }
}

function isKernelAtLeast(major: number, minor: number): boolean {
  const [ourMajor = 0, ourMinor = 0] = release()
    .split(".")
    .map((part) => Number.parseInt(part, 10));
  return ourMajor > major || (ourMajor === major && ourMinor >= minor);
}
