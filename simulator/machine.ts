// What native/linux.c is to the binary: begins the core, begins it again after a trap, and lets a child of the core run.
//
// A child is played in turns between those of everybody else, one call in each. Wasm cannot be left in the middle, so
// every turn plays the child from its first call on, with the answers that it was given, until it makes its next call.

import { Exit, freshSurvivors, Gone, Kernel, type Run, type Stage, Suspended, Trap } from "./kernel.ts";
import type { Process } from "./processes.ts";

/** What the core's doors are told: the trap that it is started again after, of which the first will do here. */
const TRAP = 1;
type Door = "main" | "child" | "resume";

/** An instance that is free, its kernel, and its memory as it was at first. */
interface Instance {
  readonly kernel: Kernel;
  readonly exports: Record<string, unknown>;
  readonly memory: Uint8Array;
}

export class Machine {
  readonly #module: WebAssembly.Module;
  readonly #tell: (branch: number) => void;
  readonly #left: (memory: Uint8Array) => void;
  readonly #free: Instance[] = [];
  #fresh: Uint8Array | null = null;

  /**
   * `tell` is told the branches that the module was made to tell of (simulator/coverage.ts), and `left` is given the
   * memory whenever the core has been left.
   */
  constructor(
    module: WebAssembly.Module,
    tell: (branch: number) => void = () => {},
    left: (memory: Uint8Array) => void = () => {},
  ) {
    this.#module = module;
    this.#tell = tell;
    this.#left = left;
  }

  /** Plays a process from its first call to its last. Answers the status to end with; null: it was killed, or executed. */
  run(stage: Stage, process: Process, inheritedMask: bigint): number | null {
    const run: Run = {
      stage, process, inheritedMask, arguments: [...stage.argv], environment: [...stage.environment], kept: freshSurvivors(), answers: null,
      sleeping: false,
    }; // biome-ignore format: a record
    stage.world.play(process);
    for (let door: Door = "main"; ; door = "resume") {
      const status = this.#enter(run, door, null);
      if (status !== "trap") return status === "suspended" ? null : status;
      const last = trapStatus(run);
      if (last !== 0) return last;
    }
  }

  #enter(run: Run, door: Door, memory: Uint8Array | null): number | null | "trap" | "suspended" {
    const instance = this.#free.pop() ?? this.#instantiate();
    instance.memory.set(memory ?? this.#fresh ?? instance.memory);
    instance.kernel.begin(run, instance.memory.buffer as ArrayBuffer);
    try {
      return (instance.exports[door] as (trap: number) => number | undefined)(TRAP) ?? 0;
    } catch (error) {
      if (error instanceof Exit) return error.status;
      if (error instanceof Gone) return null;
      if (error instanceof Suspended) return "suspended";
      if (!(error instanceof Trap) && !(error instanceof WebAssembly.RuntimeError)) throw error;
      run.stage.trapped(run.process, error);
      return "trap";
    } finally {
      this.#left(instance.memory);
      this.#free.push(instance);
    }
  }

  #instantiate(): Instance {
    const kernel = new Kernel((parent, child, memory) => this.#fork(parent, child, memory));
    const imports = {
      kernel: { ...kernel.imports, log_execution: this.#tell } as unknown as WebAssembly.ModuleImports,
    };
    const { exports } = new WebAssembly.Instance(this.#module, imports);
    const memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
    this.#fresh ??= memory.slice();
    return { kernel, exports, memory };
  }

  /** Gives a new process its program: the core's door for children. */
  #fork(parent: Run, child: Process, memory: Uint8Array): void {
    const { stage } = parent;
    const { kept } = parent;
    const first = [...parent.arguments];
    const variables = [...parent.environment];
    const run: Run = {
      ...parent,
      process: child,
      arguments: [...first],
      environment: [...variables],
      kept: kept.slice(),
      answers: [],
      sleeping: false,
    };
    stage.world.become(child, () => {
      run.arguments.splice(0, run.arguments.length, ...first);
      run.environment.splice(0, run.environment.length, ...variables);
      run.kept = kept.slice();
      const status = this.#enter(run, "child", memory);
      if (status === "trap") stage.world.exit(child, trapStatus(run));
      else if (typeof status === "number") stage.world.exit(child, status);
    });
  }
}

/** What native ends the process with after a trap; 0 starts the core again. */
function trapStatus({ kept }: Run): number {
  return new DataView(kept.buffer, kept.byteOffset).getInt32(0, true);
}
