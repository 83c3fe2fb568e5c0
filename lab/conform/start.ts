// What a program starts with: signals, environment, directory, descriptors, as the init was given them.

import { INITS } from "../arena/target.ts";
import type { Probe } from "./probe.ts";

/** A mask of /proc/self/status in the program, given what is in `around`. */
function mask(id: string, title: string, name: string, around: string, given: string): Probe {
  const script = `
AROUND='${around}'
measure() {
  start cat /proc/self/status
  # Whether the container ends as well is another question.
  await 10 'grep -q "^SigCgt" out || ended'
  mask=$(sed -n 's/^${name}:.//p' out)
  [ -n "$mask" ] || broken "the program did not run: $(cat err)"
  numbers=$(signals "$mask")
  value=$numbers
  [ "$numbers" != "${given}" ] || value=kept
  [ "$numbers" != none ] || value=none
  evidence="given ${given}, the program starts with ${name} $mask: $numbers"
}
measured ${given === "none" ? "none" : "kept"}
`;
  return { id, group: "start", title, script };
}

const BLOCKED = "1 10 15 20 21 34 64";
const IGNORED = "1 2 13 15 20 21 22 34";
const commas = (numbers: string): string => numbers.replaceAll(" ", ",");

export const START_PROBES: readonly Probe[] = [
  mask("blocked", "signals it starts with blocked, given none", "SigBlk", "", "none"),
  mask(
    "blocked-given",
    `given ${BLOCKED} blocked`,
    "SigBlk",
    `env --block-signal=${commas(BLOCKED)}`,
    BLOCKED,
  ),
  mask("ignored", "signals it starts with ignored, given none", "SigIgn", "", "none"),
  mask(
    "ignored-given",
    `given ${IGNORED} ignored`,
    "SigIgn",
    `env --ignore-signal=${commas(IGNORED)}`,
    IGNORED,
  ),
  mask(
    "ignored-chld",
    "given SIGCHLD ignored, does it start so?",
    "SigIgn",
    "env --ignore-signal=CHLD",
    "17",
  ),
  {
    id: "chld",
    group: "start",
    title: "and does the container end with its program?",
    script: `
AROUND='env --ignore-signal=CHLD'
measure() {
  rm -f go
  # Not at once: catatonit ends with 1 where its child is gone before it has looked for it.
  start sh -c 'echo ready >ready; until [ -s go ]; do sleep 0.02; done; exit 3'
  await_ready
  echo go >go
  value=hangs
  ! ends_within 8 || value=$(cat status)
  evidence="the program exits with 3; after at most 8 s: $(cat status 2>/dev/null)"
}
measured 3
`,
  },
  mask("caught", "signals it starts with a handler for", "SigCgt", "", "none"),
  {
    id: "cwd",
    group: "start",
    title: "its working directory",
    script: `
measure() {
  start readlink /proc/self/cwd
  ends_within 10
  value=$(cat out) evidence="the init was started in $PWD, the program in $(cat out err)"
  [ "$value" != "$PWD" ] || value=kept
}
measured kept
`,
  },
  {
    id: "cwd-init",
    group: "start",
    title: "the init's own directory",
    kinds: INITS,
    script: `
rest
value=$(readlink "/proc/$init/cwd") evidence="started in $PWD, it is in $(readlink "/proc/$init/cwd")"
[ "$value" != "$PWD" ] || value=kept
start sleep 1000
AROUND='env -C /usr' bare start sleep 1000
await 5 '[ "$(readlink "/proc/$init/cwd")" = /usr ]' || broken "a directory is not told right"
controlled "a process in /usr is seen there"
cell "$PROBE" "$value" "$evidence"
`,
  },
  {
    id: "environment",
    group: "start",
    title: "variables that change (+ new, - gone, ~ another value)",
    script: `
export TINI_VERBOSITY=1 DUMB_INIT_DEBUG=0 DUMB_INIT_SETSID=1 CATATONIT_NOTHING=1 STEADY_VERBOSE=0 STEADY_NOTHING=1
export LISTEN_PID=999999 LISTEN_FDS=1 NOTIFY_SOCKET=/nothing HOME=/nowhere EMPTY=
# systemd has one of its own where there is none.
export LANG="\${LANG:-C.UTF-8}"
measure() {
  start env -0
  ends_within 10
  # All but the variable that says which init it is.
  tr '\\n\\0' ' \\n' <out | grep -v ^INIT= | sort >seen
  [ -s given ] || cp seen given
  sed 's/=.*//' given >names; sed 's/=.*//' seen >names-seen
  value=$(for name in $(sort -u names names-seen); do
    grep -qx "$name" names-seen || { printf -- '-%s ' "$name"; continue; }
    grep -qx "$name" names || { printf '+%s ' "$name"; continue; }
    [ "$(grep "^$name=" given)" = "$(grep "^$name=" seen)" ] || printf '~%s ' "$name"
  done | sed 's/ $//')
  value=\${value:-kept} evidence="of $(wc -l <given) variables: $value"
}
measured kept
`,
  },
  {
    id: "listen-pid",
    group: "start",
    title: "LISTEN_PID that says the init's pid, for sockets that were handed over",
    kinds: INITS,
    script: `
BEFORE='export LISTEN_PID=$$ LISTEN_FDS=1'
PLACE=inside
measure() {
  start sh -c 'echo "$LISTEN_PID $PPID $$"'
  ends_within 10
  read -r listens parent self <out
  value=other
  [ "$listens" != "$parent" ] || value=kept
  [ "$listens" != "$self" ] || value="the program's"
  evidence="LISTEN_PID, its parent, the program: $(cat out)"
}
measured "the program's"
`,
  },
  {
    id: "descriptors",
    group: "start",
    title: "descriptors of the program, given 0 1 2 7 9",
    script: `
BEFORE='exec 7</dev/null 9>/dev/null'
measure() {
  # The glob's own is closed when it is asked for.
  start sh -c 'for each in /proc/$$/fd/*; do [ ! -L "$each" ] || echo "\${each##*/}"; done'
  ends_within 10
  value=$(sort -n out | tr '\\n' ' ' | sed 's/ $//') evidence="open in the program: $(sort -n out | tr '\\n' ' ')"
  given=\${given:-$value}
  case "$given " in "0 1 2 7 9 "*) ;; *) broken "given are not 0 1 2 7 9 but $given" ;; esac
  # The lab may have been started with more of them.
  [ "$value" != "$given" ] || value=kept
}
given=
measured kept
`,
  },
  {
    id: "descriptors-init",
    group: "start",
    title: "does the init keep 7 and 9 while the program runs?",
    kinds: INITS,
    script: `
BEFORE='exec 7</dev/null 9>/dev/null'
measure() {
  rest
  value=closed evidence="open in the init: $(ls "/proc/$init/fd" | sort -n | tr '\\n' ' ')"
  for number in 7 9; do [ "$(readlink "/proc/$init/fd/$number")" != /dev/null ] || value=kept; done
}
measured kept
`,
  },
  {
    id: "no-stdin",
    group: "start",
    title: "with standard input closed, does the program run?",
    script: `
BEFORE='exec <&-'
measure() {
  start sh -c 'exit 3'
  value=hangs
  ! ends_within 10 || value=$(cat status)
  evidence="the program exits with 3, the container with $value: $(cat err)"
  [ "$value" != 3 ] || value=runs
}
measured runs
`,
  },
];
