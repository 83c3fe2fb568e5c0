// What one `steady --health` has in memory, looked at while its sentence waits for room in a full pipe.

import { readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { bestWay, startContainer } from "./container.ts";
import { type Memory, memory, pids, status } from "./process.ts";
import { ToolError } from "./run.ts";

const WAIT_MS_MAX = 60_000;
const POLL_MS = 20;
const PIPE_BYTES = 65_536;

/** In a PID namespace of its own, whose init is steady, beside so many processes that sleep. */
export async function memoryOfLook(steady: string, processes: number): Promise<Memory> {
  const script = `i=0; while [ $i -lt ${processes} ]; do sleep 1000 & i=$((i+1)); done
    (head -c ${PIPE_BYTES} /dev/zero; exec "$1" --health) | sleep 1000`;
  const { child, pid } = startContainer(bestWay(), [steady, "--", "sh", "-c", script, "sh", steady], {
    stdio: "ignore",
  });
  try {
    const init = await pid;
    const deadline = Date.now() + WAIT_MS_MAX;
    while (Date.now() < deadline) {
      const found = pids().find((each) => each !== init && isLooking(each, init));
      const figures = found === undefined ? undefined : memory(found);
      if (figures !== undefined) return figures;
      await sleep(POLL_MS);
    }
    throw new ToolError("it was never seen");
  } finally {
    child.kill("SIGKILL");
  }
}

/** Whether it is a look in the namespace of this init, and waits. */
function isLooking(pid: number, init: number): boolean {
  if (status(pid)?.get("State")?.startsWith("S") !== true) return false;
  try {
    const isOfInit = readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync(`/proc/${init}/ns/pid`);
    return isOfInit && readFileSync(`/proc/${pid}/cmdline`, "latin1").endsWith("steady\0--health\0");
  } catch {
    // It has ended.
    return false;
  }
}
