// Shell scripts that try an init in containers of their own: what all of them begin with, and how they are run. The rule: each
// runs where the runtime ends whatever it starts, also where the lab is broken off.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Runtime } from "./runtime.ts";

/** A script has limits of its own; this one is for a script that hangs, on a machine that is busy. */
const SCRIPT_MS_MAX = 300_000;
/** An engine takes longer for each container. */
const ENGINE_TIMES = 3;
const AT_ONCE = 2;

export const PRELUDE = `\
set -u
# The lab gives a folder and removes it; by hand there is one for the moment.
if [ -n "\${HERE:-}" ]; then cd "$HERE"; else cd "$(mktemp -d)" && trap leave EXIT; fi || exit 2
leave() {
  kill -KILL "\${init:-none}" 2>/dev/null && await 10 ended
  [ -z "\${group:-}" ] || await 10 'rmdir "$group" 2>/dev/null'
  tidy
  rm -rf "$PWD"
}
# What only some scripts have to give back.
tidy() { :; }

# await SECONDS CONDITION: looks fifty times a second.
await() {
  looks=$(($1 * 50 * SLOW))
  while [ $looks -gt 0 ]; do
    if eval "$2"; then return 0; fi
    sleep 0.02
    looks=$((looks - 1))
  done
  return 1
}

# box PROGRAM ARGS: starts PROGRAM under the init as PID 1 of a container. BEFORE is shell code that comes first, AROUND a command
# in front of the init, INSIDE one in front of the program. Out here PID 1 has the number in $init.
BEFORE= AROUND= INSIDE=
export BEFORE AROUND INSIDE
launch='[ -n "$INIT" ] && set -- "$INIT" $OPTIONS -- $INSIDE "$@" || set -- $INSIDE "$@"
exec $AROUND "$@"'
box() {
  rm -f pid
  (
    env --default-signal=INT,QUIT sh -c 'echo $$ >box; exec $CONTAIN "$@"' sh \\
      sh -c "$BEFORE
$launch" sh "$@" >>out 2>>err
    echo $? >status
  ) &
  await 10 '[ -s box ] && init=$(first) && [ -n "$init" ] || ended'
  # Where the program has ended already there is none.
  [ -n "\${init:-}" ] || init=none
}
children() { cat "/proc/$1/task/$1/children" 2>/dev/null | tr -d ' '; }
# The init above this process, which may be the init.
above() { echo "$1"; }
# Whoever stands between the init and its program.
watchers() { :; }

# Whether it has ended, and with what.
ended() { [ -s status ]; }
ends_within() { await "$1" ended; }
at_rest() { await 10 'grep -q "^State:.S" "/proc/$init/status" 2>/dev/null || ended'; }
`;

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
      results.set(
        job,
        await work(job).catch((error: unknown) => {
          // Nobody begins another one.
          left.length = 0;
          throw error;
        }),
      );
    }
  };
  await all(Array.from({ length: AT_ONCE }, worker));
  return jobs.map((job) => results.get(job) as Result);
}

/** Waits for every one of them, also where one has failed: what the others started has to be gone first. */
export async function all(works: readonly Promise<void>[]): Promise<void> {
  const ended = await Promise.allSettled(works);
  const failed = ended.find((each) => each.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Runs it to its end, and answers what it wrote. */
export async function runScript(
  runtime: Runtime,
  script: string,
  files: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "steady-lab-"));
  try {
    const { stdout, stderr } = await runtime.run({
      command: ["sh", "-c", script],
      folder,
      files,
      msMax: SCRIPT_MS_MAX * (runtime.engine === undefined ? 1 : ENGINE_TIMES),
      signal,
    });
    return stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
