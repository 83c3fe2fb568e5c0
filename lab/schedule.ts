// Runs probes side by side, and keeps the books: runs, troubles, progress. The rule: a program that does not come up
// beside others is tried once more alone, and the report tells of the second try only.

import type { Stage } from "./probes.ts";
import type { Run } from "./report.ts";

export interface Progress {
  /** Runs that are over, and how many are known to be needed so far. */
  readonly done: number;
  readonly planned: number;
  /** The headlines of those that go on now. */
  readonly running: readonly string[];
}

/** What tells whether the program came up for a probe. */
export interface Came {
  readonly run: Run;
  readonly asked?: boolean;
  readonly byItself?: boolean;
  readonly adopted?: boolean;
}

/** A probe that is to be run. */
export interface Task {
  readonly id: string;
  readonly title: string;
  readonly run: (stage: Stage) => Promise<Came>;
  readonly came: (result: Came) => boolean;
}

/** What the probes brought home, by their ids. */
export type Found = ReadonlyMap<string, Came>;

export class Schedule {
  readonly runs: Run[] = [];
  readonly troubles = new Map<string, Error>();
  readonly #stage: () => Stage;
  readonly #tell: (progress: Progress) => void;
  readonly #running = new Set<string>();
  #planned = 0;
  #done = 0;

  /** `stage` is asked for each probe anew: what the first one learns is for the rest. */
  constructor(stage: () => Stage, tell: (progress: Progress) => void) {
    this.#stage = stage;
    this.#tell = tell;
  }

  /** The results in the order of the tasks, whichever was over first. */
  async all(tasks: readonly Task[], parallel: number): Promise<Found> {
    this.#planned += tasks.length;
    const found = new Map<string, Came>();
    const again: Task[] = [];
    const waiting = [...tasks];
    const work = async () => {
      for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
        const result = await this.#attempt(task);
        if (parallel > 1 && (result === undefined || !task.came(result))) again.push(task);
        else if (result !== undefined) found.set(task.id, result);
      }
    };
    await Promise.all(Array.from({ length: parallel }, work));
    for (const task of again) {
      this.forget(task.id);
      this.#planned++;
      const result = await this.#attempt(task);
      if (result !== undefined) found.set(task.id, result);
    }
    return new Map(
      tasks.flatMap(({ id }) => [...(found.has(id) ? [[id, found.get(id)] as [string, Came]] : [])]),
    );
  }

  /** One probe, whose failure is the caller's. */
  async one<T extends Came>(title: string, run: (stage: Stage) => Promise<T>): Promise<T> {
    this.#planned = Math.max(this.#planned, this.#done + 1);
    this.#running.add(title);
    this.#say();
    try {
      const stage = this.#stage();
      stage.goOn();
      const result = await run(stage);
      this.runs.push(result.run);
      return result;
    } finally {
      this.#running.delete(title);
      this.#done++;
      this.#say();
    }
  }

  /** Takes the last run of a probe out of the books. */
  forget(id: string): void {
    const index = this.runs.findLastIndex((run) => run.id === id);
    if (index >= 0) this.runs.splice(index, 1);
  }

  async #attempt(task: Task): Promise<Came | undefined> {
    try {
      const result = await this.one(task.title, task.run);
      this.troubles.delete(task.id);
      return result;
    } catch (error) {
      this.#stage().goOn();
      this.troubles.set(task.id, error as Error);
      return undefined;
    }
  }

  #say(): void {
    this.#tell({ done: this.#done, planned: this.#planned, running: [...this.#running] });
  }
}
