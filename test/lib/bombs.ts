// Containers for fork bombs: each in a PID namespace and a pids cgroup of its own, so that no bomb reaches further.

import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ROOT } from "../../tools/build.ts";
import { findCompiler } from "../../tools/run.ts";
import { needs } from "./needs.ts";
import {
  asPid1,
  descendants,
  needsPidNamespace,
  needsRoot,
  type Run,
  startFamily,
  statOf,
  statusOf,
  until,
} from "./process.ts";

let made = 0;

/** Where cgroups of the pids controller can be made, v1 or v2; undefined where nowhere. */
const PIDS_ROOT = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].find((each) => {
  const folder = join(each, `steady-guard-probe-${process.pid}`);
  try {
    mkdirSync(folder);
    const has = existsSync(join(folder, "pids.max"));
    rmdirSync(folder);
    return has;
  } catch {
    return false;
  }
});

/** Whether a bomb can be held at all. */
export function canHoldBombs(context: TestContext): boolean {
  return (
    needsPidNamespace(context) &&
    needsRoot(context) &&
    needs(context, PIDS_ROOT !== undefined, "a pids cgroup", "run where /sys/fs/cgroup may be written to")
  );
}

/** A folder that goes with the test, with the program in it that explodes. */
export function bombsIn(context: TestContext): { folder: string; bombs: string } {
  const folder = mkdtempSync(join(tmpdir(), "steady-guard-"));
  chmodSync(folder, 0o755);
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const bombs = join(folder, "bombs");
  execFileSync(findCompiler(), ["-O1", "-w", "-o", bombs, join(ROOT, "test/lib/bombs.c"), "-lpthread"]);
  return { folder, bombs };
}

export class Held {
  readonly run: Run;
  readonly first: number;
  readonly #group: string;

  constructor(run: Run, first: number, group: string) {
    this.run = run;
    this.first = first;
    this.#group = group;
  }

  /** Processes and threads in the group. */
  get current(): number {
    if (this.run.end !== undefined) throw new Error(`it has ended; said:\n${this.run.all()}`);
    return Number(readFileSync(join(this.#group, "pids.current"), "latin1"));
  }

  /** Those of the container, from its main program on. */
  get members(): number[] {
    return descendants(this.first);
  }

  named(name: string): number | undefined {
    return this.members.find((pid) => statOf(pid)?.name === name);
  }
}

/** Starts a command as PID 1 where at most so many processes and threads may be. */
export async function hold(context: TestContext, max: number, command: readonly string[]): Promise<Held> {
  const group = join(PIDS_ROOT as string, `steady-guard-${process.pid}-${++made}`);
  mkdirSync(group);
  writeFileSync(join(group, "pids.max"), `${max}`);
  const enter = `echo $$ >${group}/cgroup.procs && exec "$@"`;
  const { run, endFamily } = startFamily(["sh", "-c", enter, "sh", ...asPid1(command)]);
  context.after(async () => {
    endFamily();
    await until("the group is empty", () => isRemoved(group));
  });
  const first = await until("the first process", () => {
    if (run.end !== undefined) throw new Error(`it has ended; said:\n${run.all()}`);
    return descendants(run.pid).find((pid) => statusOf(pid, "NSpid")?.split(/\s+/)[1] === "1");
  });
  return new Held(run, first, group);
}

function isRemoved(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

/** Whether a server answers within a second: with its pid, as it sees it itself. */
export function asked(bombs: string, path: string, what = "ping"): string | undefined {
  const { status, stdout } = spawnSync(bombs, ["ask", path, what], { encoding: "latin1" });
  return status === 0 ? stdout : undefined;
}
