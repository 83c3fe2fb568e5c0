// Pipes for a program's output. Node's own are sockets, which nobody can open again: a server that logs to /dev/stderr, as
// in most images, would not start. The rule: who opens a pair closes its end for writing as soon as the program has it.

import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlaceError } from "./place.ts";

export interface Pipe {
  readonly input: Socket;
  /** The descriptor for the program. */
  readonly output: number;
  readonly handedOver: () => void;
}

export function openPipes(count: number): Pipe[] {
  const folder = mkdtempSync(join(tmpdir(), "steady-lab-"));
  try {
    const paths = Array.from({ length: count }, (_, i) => join(folder, String(i)));
    const made = spawnSync("mkfifo", paths, { encoding: "utf8" });
    if (made.status !== 0)
      throw new PlaceError(`no pipe could be made: ${made.error?.message ?? made.stderr}`);
    return paths.map(openPipe);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** For reading first, without waiting for a writer; then there is a reader for the other end. */
function openPipe(path: string): Pipe {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const output = openSync(path, constants.O_WRONLY);
  const input = new Socket({ fd, readable: true, writable: false });
  return { input, output, handedOver: () => closeSync(output) };
}
