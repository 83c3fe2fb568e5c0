// Attacks that need a moment of microseconds, which strace(1) makes longer: it delays system calls of the init, whose order and
// number it does not change.

import type { Attack } from "./attack.ts";

const ABOUT = ["tini", "dumb-init", "catatonit", "steady"] as const;

const STRACE = `
command -v strace >/dev/null || { echo "needs strace (Debian: apt-get install strace)"; exit 2; }
# slowly CALLS TIME_US: delays each of these calls of the init, and of what it starts; they are written to the file "trace". The init
# stays PID 1: strace is a grandchild of it (-D).
slowly() { AROUND="strace -D -f -qq -o trace -e trace=$1 -e inject=$1:delay_enter=$2 --"; }
calls() { grep -c "$1" trace 2>/dev/null; }
`;

export const MOMENT_ATTACKS: readonly Attack[] = [
  {
    id: "W7",
    title: "a stop in the first milliseconds",
    harm: "the kernel throws it away, and the engine waits out its grace",
    kinds: ABOUT,
    control: "harmless",
    script: `${STRACE}
# Each call takes 30 ms: what an init does before it blocks signals can be told from what it does after it.
slowly all 30000
box sh -c 'echo ready >ready; exec sleep 1000'
if [ -n "$CONTROL" ]; then
  await 60 '[ -s ready ] || ended'
  at_rest
else
  # It has made one call of its own after its exec: only what comes before the first instruction is nobody's to keep.
  await 20 '[ "$(calls "")" -ge 3 ] || ended'
fi
made=$(calls "")
kill -TERM "$init"
ends_within 60 || fell "the stop came when $made calls were made, and the program runs as if there had been none"
survived "the stop came when $made calls were made, and the container ended with $(cat status)"
`,
  },
  {
    id: "W8",
    title: "a stop between fork and the program's own group",
    harm: "it finds nobody, and is lost",
    kinds: ABOUT,
    control: "harmless",
    script: `${STRACE}
slowly setpgid,setsid 2000000
case $KIND in tini | catatonit | steady) OPTIONS=-g ;; esac
box sh -c 'echo ready >ready; exec sleep 1000'
if [ -n "$CONTROL" ]; then
  await 20 '[ -s ready ] || ended'
  at_rest
else
  # The program's process is there and has yet to make its group.
  await 20 'grep -lx "PPid:.$init" /proc/[0-9]*/status >/dev/null 2>&1 && [ ! -s ready ] || ended'
fi
kill -TERM "$init"
ends_within 15 || fell "the program runs as if there had been no stop"
survived "the container ended with $(cat status)"
`,
  },
];
