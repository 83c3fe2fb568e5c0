// What becomes of processes that outlive the program, and of orphans while it lives; and what an init does where there is
// nothing to do.

import { INITS } from "../arena/target.ts";
import type { Probe } from "./probe.ts";

/** A program that ends with 3 as soon as a worker of the kind that its first argument names is ready. */
const WORKERS = `
worker='answer() { echo TERM >>heard; sleep 0.3; echo saved >saved; exit; }
case $1 in ignoring) trap "" TERM ;; *) trap answer TERM ;; esac
echo $$ >worker-ready.part; mv worker-ready.part worker-ready
while :; do sleep 0.02; done'
echo "$worker" >worker
leave() {
  rm -f heard saved worker-ready
  start sh -c '$1 sh worker $0 & until [ -s worker-ready ]; do sleep 0.02; done; echo over >over; exit 3' "$1" "$2"
  ends_within 15 || broken "it does not end"
}
# By itself a worker saves at SIGTERM, and one that ignores it lives on.
control_workers() {
  rm -f heard saved worker-ready
  sh worker answering & await 5 '[ -s worker-ready ]'; kill -TERM $!
  await 5 '[ -s saved ]' || broken "a worker does not save"
  rm -f heard saved worker-ready
  sh worker ignoring & await 5 '[ -s worker-ready ]'; kill -TERM $!
  await 1 '! kill -0 $! 2>/dev/null' && broken "a worker does not ignore SIGTERM"
  kill -KILL $!
  controlled "a worker by itself saves at SIGTERM, and one that ignores it lives on"
}
control_workers
`;

function left(id: string, title: string, way: string): Probe {
  return {
    id,
    group: "leftovers",
    title,
    script: `${WORKERS}
leave answering "${way}"
[ "$(cat status)" = 3 ] || broken "it ended with $(cat status)"
value=killed
[ ! -s saved ] || value=saves
cell "$PROBE" "$value" "the container ended with $(cat status); SIGTERM heard: $([ -s heard ] && echo yes || echo no), saved: $([ -s saved ] && echo yes || echo no)"
`,
  };
}

function leftInside(id: string, title: string, way: string): Probe {
  return {
    id,
    group: "leftovers",
    title,
    script: `${WORKERS}
PLACE=inside
leave answering "${way}"
waited=no; [ ! -s saved ] || waited=yes
await 3 '[ -s heard ]'
value="left alone"
[ ! -s heard ] || value="SIGTERM"
[ $waited = no ] || value="waited for"
cell "$PROBE" "$value" "saved before the end of the init: $waited; SIGTERM heard: $([ -s heard ] && echo yes || echo no)"
`,
  };
}

const ORPHANS = `
# Thirty orphans that live until there is nobody else above them, and end at once.
orphans() {
  cat /proc/[0-9]*/stat 2>/dev/null |
    awk -v parent="$init" -v which="$1" '$4 == parent && $2 == "(sh)" && ($3 == "Z") == (which == "dead")' | wc -l
}
measure() {
  rm -f go
  start sh -c 'i=0; while [ $i -lt 30 ]; do sh -c "(until [ -s go ]; do sleep 0.05; done) & exit"; i=$((i + 1)); done; echo ready >ready; exec sleep 1000'
  await 30 '[ -s ready ]' || broken "the program did not come so far: $(cat err)"
  # The program itself is called sh, too, until it is sleep.
  await 20 'living=$(orphans living); [ "$living" = 0 ] || [ "$living" = 30 ]' || broken "$living orphans are the init's"
  [ "$living" = 30 ] || value="not its" evidence="no orphan is the init's"
  echo go >go
  await 20 '[ "$(orphans living)" = 0 ]' || broken "the orphans live on"
  [ -z "$value" ] || return
  await 3 '[ "$(orphans dead)" = 0 ]'
  dead=$(orphans dead)
  value=reaped evidence="of 30 orphans $dead are zombies"
  [ "$dead" = 0 ] || value="$dead zombies"
}
`;

export const LEFTOVER_PROBES: readonly Probe[] = [
  left("left", "a worker of the program's group, when the program of PID 1 has ended", ""),
  left("left-session", "a worker in a session of its own", "setsid"),
  {
    id: "left-ignoring",
    group: "leftovers",
    title: "a worker that ignores SIGTERM: is it waited for?",
    script: `${WORKERS}
PLACE=pid1
leave ignoring ""
# From the program's last act to the container's end.
took=$((($(date -r status +%s%N) - $(date -r over +%s%N)) / 1000000))
value="killed at once"
[ $took -lt 1000 ] || value="waited for"
cell "$PROBE" "$value" "the container ended $took ms after its program, with $(cat status)"
`,
  },
  leftInside("left-inside", "a worker of the group, where the init is not PID 1", ""),
  leftInside("left-inside-session", "a worker in a session of its own, where it is not PID 1", "setsid"),
  {
    id: "left-behind",
    group: "leftovers",
    title: "the init, not PID 1, is killed: what becomes of the program?",
    kinds: INITS,
    script: `
PLACE=inside
measure() {
  rest
  program=$(children "$init")
  [ -n "$INIT" ] || program=$init
  kill -KILL "$init"
  ends_within 5
  value="lives on"
  ! await 1 '[ ! -d "/proc/$program" ] || [ "$(state "$program")" = Z ]' || value=ends
  evidence="a second later it has the state $(state "$program")"
}
measured ends
`,
  },
];

export const REAPING_PROBES: readonly Probe[] = [
  {
    id: "orphans",
    group: "reaping",
    title: "thirty orphans of PID 1 that end",
    script: `${ORPHANS}
value=
bare measure
[ "$value" = "30 zombies" ] || broken "without an init there are no zombies: $evidence"
controlled "without an init: $evidence"
value=
measure
cell "$PROBE" "$value" "$evidence"
`,
  },
  ...orphansInside("orphans-inside", "the same where it is not PID 1", "", undefined),
  ...orphansInside("orphans-subreaper", "and as a subreaper (-s)", "$SUBREAPER", ["tini", "steady"]),
  {
    id: "idle",
    group: "reaping",
    title: "wake-ups of the init while nothing happens",
    kinds: INITS,
    script: `
switches() { cat /proc/"$1"/task/*/status 2>/dev/null | awk '/^voluntary_ctxt_switches/ { sum += $2 } END { print sum }'; }
count() { first=$(switches "$1"); sleep 4; count=$(($(switches "$1") - first)); }
sh -c 'while :; do sleep 1; done' &
count $!
[ $count -ge 2 ] || broken "one that wakes up each second was seen to do so $count times in 4 s"
controlled "a process that wakes up each second was seen to do so $count times in 4 s"
rest
# What the start left to be done is done.
await 2 '[ "$(switches "$init")" -lt 0 ]'
count "$init"
value=none
[ $count -lt 1 ] || value="$(((count + 2) / 4)) a second"
[ $count -lt 1 ] || [ $count -ge 2 ] || value="less than 1 a second"
cell "$PROBE" "$value" "$count in 4 s"
`,
  },
];

function orphansInside(id: string, title: string, options: string, kinds: Probe["kinds"]): Probe[] {
  const script = `${ORPHANS}
OPTIONS="${options}"
value=
bare measure
[ "$value" = "30 zombies" ] || broken "without an init there are no zombies: $evidence"
controlled "as PID 1, without an init: $evidence"
PLACE=inside
value=
measure
cell "$PROBE" "$value" "$evidence"
`;
  return [{ id, group: "reaping", title, script, ...(kinds === undefined ? {} : { kinds }) }];
}
