// What was sent to the init, what the program says that it got, and whether the one follows from the other.

/** One line of the program: "signal 40 queue pid 3 uid 0 value 7". */
export interface Arrival {
  readonly signal: number;
  /** "user", "queue", or the number of another si_code. */
  readonly how: string;
  readonly pid: number;
  readonly value: number;
}

const RTMIN = 32;
const CHLD = 17;
/** Each of which makes the kernel forget the others (signal(7)). */
const CONT = 18;
const STOPS = [20, 21, 22];
const SI_KERNEL = "128";

/** What can be held against whoever stands between sender and program. */
export interface Terms {
  readonly signals: readonly number[];
  readonly keepsValues: boolean;
  /** Nobody stands there: the program is PID 1 itself. */
  readonly isDirect: boolean;
}

export class Ledger {
  readonly arrivals: Arrival[] = [];
  /** Sent without a value, by signal: in all, and since the last rest. */
  readonly #plain = new Map<number, number>();
  readonly #queued: { readonly signal: number; readonly values: readonly number[] }[] = [];
  readonly #typed = new Map<number, number>();
  /** Sent to the program itself, by us. */
  readonly #direct = new Map<number, number>();
  readonly #terms: Terms;
  #epoch = new Set<number>();
  #epochBegin = 0;
  /** Somebody was stopped or continued since the last rest, at which pending signals are forgotten. */
  #forgets = false;

  constructor(terms: Terms) {
    this.#terms = terms;
  }

  plain(signal: number): void {
    add(this.#plain, signal);
    this.#epoch.add(signal);
  }

  queued(signal: number, first: number, count: number): void {
    this.#queued.push({ signal, values: Array.from({ length: count }, (_, i) => first + i) });
    if (count > 0) this.#epoch.add(signal);
  }

  typed(signal: number): void {
    add(this.#typed, signal);
  }

  direct(signal: number): void {
    add(this.#direct, signal);
  }

  forgets(): void {
    this.#forgets = true;
  }

  get sent(): number {
    const queued = this.#queued.reduce((sum, { values }) => sum + values.length, 0);
    return queued + [...this.#plain.values()].reduce((sum, count) => sum + count, 0);
  }

  /** What has yet to arrive: nothing, or a sentence. */
  missing(): string | undefined {
    for (const signal of this.#epoch) {
      if (!this.#terms.signals.includes(signal)) continue;
      const arrived = this.#arrived(signal);
      if (signal >= RTMIN && arrived < this.#sentOf(signal))
        return `signal ${signal}: ${arrived} of ${this.#sentOf(signal)} arrived`;
      const lost = signal >= RTMIN ? this.#lostValue(signal) : undefined;
      if (lost !== undefined) return `signal ${signal} with value ${lost} did not arrive as it was sent`;
      if (signal < RTMIN && signal !== CHLD && !this.#mayBeForgotten(signal) && !this.#hasCome(signal))
        return `signal ${signal} did not arrive`;
    }
    return undefined;
  }

  /** Before Linux 6.9 a group gets its signals without their values. */
  #lostValue(signal: number): number | undefined {
    if (!this.#terms.keepsValues) return undefined;
    const came = new Set(
      this.arrivals.filter((one) => one.signal === signal && one.how === "queue").map(({ value }) => value),
    );
    const sent = this.#queued.filter((one) => one.signal === signal).flatMap(({ values }) => values);
    return sent.find((value) => !came.has(value));
  }

  /** One that was typed, and is still pending, is the same signal to the kernel. */
  #hasCome(signal: number): boolean {
    return this.arrivals.slice(this.#epochBegin).some((one) => one.signal === signal);
  }

  #mayBeForgotten(signal: number): boolean {
    if (signal !== CONT && !STOPS.includes(signal)) return false;
    const against = signal === CONT ? STOPS : [CONT];
    return this.#forgets || against.some((other) => this.#epoch.has(other) || this.#typed.has(other));
  }

  #sentOf(signal: number): number {
    const queued = this.#queued.filter((one) => one.signal === signal);
    return (this.#plain.get(signal) ?? 0) + queued.reduce((sum, { values }) => sum + values.length, 0);
  }

  #arrived(signal: number): number {
    return this.arrivals.filter((one) => one.signal === signal && this.#isForwarded(one)).length;
  }

  /** Not from the terminal, and not from us, whom the program sees as process 0. */
  #isForwarded({ how, pid }: Arrival): boolean {
    return how === "queue" || (how === "user" && (pid !== 0 || this.#terms.isDirect));
  }

  /** From here on only what is sent from here on is missed. */
  rest(): void {
    this.#epoch = new Set();
    this.#epochBegin = this.arrivals.length;
    this.#forgets = false;
  }

  /** What arrived and was not sent, or not so often, or in another order. */
  wrong(init: number): string | undefined {
    for (const { signal, how, pid, value } of this.arrivals) {
      if (signal === CHLD) return "SIGCHLD was forwarded";
      if (how === "queue" && !this.#queued.some((one) => one.signal === signal && one.values.includes(value)))
        return `signal ${signal} arrived with value ${value}, which nobody sent`;
      if (how === "user" && pid === 0 && !this.#terms.isDirect && !this.#direct.has(signal))
        return `signal ${signal} came from nobody`;
      if (how === "user" && pid !== 0 && pid !== init) return `signal ${signal} came from process ${pid}`;
      if (how !== "user" && how !== "queue" && how !== SI_KERNEL)
        return `signal ${signal} came with code ${how}`;
    }
    return this.#tooMany() ?? this.#disorder();
  }

  #tooMany(): string | undefined {
    for (const signal of new Set(this.arrivals.map((one) => one.signal))) {
      // A program that was stopped is continued by the init too, which the program sees.
      if (signal === CONT && this.#direct.has(CONT)) continue;
      const [arrived, sent] = [this.#arrived(signal), this.#sentOf(signal)];
      if (arrived > sent) return `signal ${signal} arrived ${arrived} times, and was sent ${sent} times`;
    }
    return undefined;
  }

  /** Values of one sender arrive in the order in which they were sent, each once. */
  #disorder(): string | undefined {
    for (const { signal, values } of this.#queued) {
      const own = new Set(values);
      const came = this.arrivals
        .filter((one) => one.signal === signal && one.how === "queue" && own.has(one.value))
        .map(({ value }) => value);
      const at = came.findIndex((value, index) => index > 0 && value <= (came[index - 1] as number));
      if (at >= 0) return `signal ${signal}: value ${came[at]} arrived after ${came[at - 1]}`;
    }
    return undefined;
  }
}

function add(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
