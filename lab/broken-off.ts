// Ctrl-C, and whatever else ends the lab. The rule: what it had started is gone before it is.

const BREAKS_OFF = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export class BrokenOff extends Error {
  readonly signal: NodeJS.Signals;
  constructor(signal: NodeJS.Signals) {
    super(`broken off by ${signal}; nothing is left running`);
    this.signal = signal;
  }
}

/** What is done meanwhile is told by the signal when somebody breaks it off. */
export async function breakingOff<Result>(body: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController();
  const breakOff = (signal: NodeJS.Signals) => controller.abort(new BrokenOff(signal));
  for (const signal of BREAKS_OFF) process.on(signal, breakOff);
  try {
    return await body(controller.signal);
  } finally {
    for (const signal of BREAKS_OFF) process.off(signal, breakOff);
  }
}
