// Attacks that need a moment of microseconds, which strace(1) makes longer: it delays system calls of the init, whose order and
// number it does not change.

import type { Attack } from "./attack.ts";

const ABOUT = ["tini", "dumb-init", "catatonit", "steady"] as const;

const STRACE = `
command -v strace >/dev/null || could_not "needs strace (Debian: apt-get install strace)"
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
  [ -s ready ] || fell "the program did not start: $(cat status err 2>/dev/null)"
  at_rest
else
  # It has made one call of its own after its exec: only what comes before the first instruction is nobody's to keep.
  await 20 '[ "$(calls "")" -ge 3 ] || ended'
fi
made=$(calls "")
send TERM
# Where it was lost the program starts as if nothing had been.
await 60 '[ -s ready ] || ended'
ends_within 3 || fell "the stop came when $made calls were made, and the program runs as if there had been none"
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
# The program's process is there, and has yet to make its group and to become the program. strace is a child of the init too.
forked() {
  name=$(cat "/proc/$init/comm" 2>/dev/null)
  case $name in "" | sh | strace | unshare | setpriv) return 1 ;; esac
  for each in $(grep -lx "PPid:.$init" /proc/[0-9]*/status 2>/dev/null); do
    [ "$(cat "\${each%status}comm" 2>/dev/null)" != "$name" ] || return 0
  done
  return 1
}
case $KIND in tini | catatonit | steady) OPTIONS=-g ;; esac
box sh -c 'echo ready >ready; exec sleep 1000'
if [ -n "$CONTROL" ]; then
  await 20 '[ -s ready ] || ended'
  [ -s ready ] || fell "the program did not start: $(cat status err 2>/dev/null)"
  at_rest
else
  await 20 'forked || ended'
  [ ! -s ready ] || could_not "the moment was over before it was seen"
fi
send TERM
await 20 '[ -s ready ] || ended'
# The init itself may be slowed down twice.
ends_within 10 || fell "the program runs as if there had been no stop"
survived "the container ended with $(cat status)"
`,
  },
];
