// Shell scripts that try an init in containers of their own: what all of them begin with, and how they are run. The rule: each
// runs in a PID namespace, so that whatever it starts is gone with it, also where the lab is killed.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlaceError } from "../place.ts";

/** A script has limits of its own; this one is for a script that hangs, on a machine that is busy. */
const SCRIPT_MS_MAX = 300_000;
const AT_ONCE = 2;
const NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];
/** Where the lab is killed its namespaces go with it. */
const WITH_THE_LAB = ["setpriv", "--pdeathsig", "KILL", "--"];

export const PRELUDE = `\
set -u
# The lab gives a folder and removes it; by hand there is one for the moment.
if [ -n "\${HERE:-}" ]; then cd "$HERE"; else cd "$(mktemp -d)" && trap 'rm -rf "$PWD"' EXIT; fi || exit 2

# await SECONDS CONDITION: looks fifty times a second.
await() {
  looks=$(($1 * 50))
  while [ $looks -gt 0 ]; do
    if eval "$2"; then return 0; fi
    sleep 0.02
    looks=$((looks - 1))
  done
  return 1
}

# box PROGRAM ARGS: starts PROGRAM under the init as PID 1. BEFORE is shell code that comes first, AROUND a command in front of
# the init, INSIDE one in front of the program. Out here PID 1 has the number in $init.
BEFORE= AROUND= INSIDE=
export BEFORE AROUND INSIDE
launch='[ -n "$INIT" ] && set -- "$INIT" $OPTIONS -- $INSIDE "$@" || set -- $INSIDE "$@"
exec $AROUND "$@"'
box() {
  (
    env --default-signal=INT,QUIT sh -c 'echo $$ >box; exec unshare --pid --fork --kill-child --mount-proc -- "$@"' sh \\
      sh -c "$BEFORE
$launch" sh "$@" >>out 2>>err
    echo $? >status
  ) &
  await 10 '[ -s box ] && init=$(children "$(cat box)") && [ -n "$init" ] || ended'
  # Where the program has ended already there is none.
  [ -n "\${init:-}" ] || init=none
}
children() { cat "/proc/$1/task/$1/children" 2>/dev/null | tr -d ' '; }

# Whether it has ended, and with what.
ended() { [ -s status ]; }
ends_within() { await "$1" ended; }
at_rest() { await 10 'grep -q "^State:.S" "/proc/$init/status" 2>/dev/null || ended'; }
`;

/** As a word of a shell script. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Throws where there are no namespaces to be had. */
export function demandNamespaces(command: string): void {
  const [file = "", ...args] = [...NAMESPACE, "true"];
  if (spawnSync(file, args, { stdio: "ignore" }).status !== 0)
    throw new PlaceError(`${command} needs PID namespaces: run it as root, outside of a container`);
}

export interface Watching {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, planned: number, now: string) => void;
}

/** Does the work for each, two side by side, and answers in the order that they were given in. */
export async function inTurn<Job, Result>(
  jobs: readonly Job[],
  { signal, onProgress }: Watching,
  nameOf: (job: Job) => string,
  work: (job: Job) => Promise<Result>,
): Promise<readonly Result[]> {
  const results = new Map<Job, Result>();
  const left = [...jobs];
  const worker = async (): Promise<void> => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) {
      signal?.throwIfAborted();
      onProgress?.(results.size, jobs.length, nameOf(job));
      results.set(job, await work(job));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return jobs.map((job) => results.get(job) as Result);
}

/** Runs it to its end, and answers what it wrote. */
export async function runScript(script: string, signal: AbortSignal | undefined): Promise<string> {
  const [file = "", ...args] = [...WITH_THE_LAB, ...NAMESPACE, "sh", "-c", script];
  const folder = mkdtempSync(join(tmpdir(), "steady-lab-"));
  const env = { ...process.env, HERE: folder };
  const child = spawn(file, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const output = collect(child);
  const end = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  const limit = setTimeout(end, SCRIPT_MS_MAX);
  signal?.addEventListener("abort", end);
  try {
    await new Promise((ended) => child.once("close", ended));
    signal?.throwIfAborted();
    return await output;
  } finally {
    clearTimeout(limit);
    signal?.removeEventListener("abort", end);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function collect(child: ChildProcess): Promise<string> {
  const parts: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (part: Buffer) => parts.push(part));
  await new Promise((ended) => child.once("close", ended));
  return Buffer.concat(parts).toString("latin1");
}
