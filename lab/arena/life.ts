// Attacks on how a container begins, lives and ends: what the init inherits, whom it reaps, what it leaves behind.

import type { Attack } from "./attack.ts";

export const LIFE_ATTACKS: readonly Attack[] = [
  {
    id: "W2",
    title: "SIGCHLD that was inherited as ignored",
    harm: "the container hangs for ever when its program has ended",
    control: "harmless",
    script: `
[ -n "$CONTROL" ] || AROUND='env --ignore-signal=CHLD'
box sh -c 'exit 3'
ends_within 5 || fell "the program has ended, and the container has not"
[ "$(cat status)" = 3 ] || fell "the program ended with 3, the container with $(cat status)"
survived "it ended with 3"
`,
  },
  {
    id: "W5",
    title: "closed standard input",
    harm: "the container does not start",
    control: "harmless",
    script: `
[ -n "$CONTROL" ] || BEFORE='exec <&-'
box sh -c 'exit 3'
ends_within 5 || fell "it hangs"
[ "$(cat status)" = 3 ] || fell "it ended with $(cat status): $(tail -n 1 err)"
survived "the program ran"
`,
  },
  {
    id: "W12",
    title: "a worker that is left when the program has ended",
    harm: "it is killed without a word, in the middle of what it does",
    control: "steady",
    script: `
box sh -c '(trap "echo saved >saved; exit" TERM; echo ready >worker; while :; do sleep 0.02; done) & until [ -s worker ]; do :; done; exit 3'
ends_within 10 || fell "it does not end"
[ -s saved ] || fell "the worker had no SIGTERM, or no time to answer it"
survived "the worker had its SIGTERM and saved; the status is $(cat status)"
`,
  },
  {
    id: "O4",
    title: "orphans that end",
    harm: "zombies stay until there is no process to be had",
    control: "steady",
    script: `
# Orphans that live until the program waits for nobody any more, and end at once.
box sh -c 'i=0; while [ $i -lt 30 ]; do sh -c "(until [ -s go ]; do sleep 0.05; done) & exit"; i=$((i + 1)); done; echo ready >ready; exec sleep 1000'
await 30 '[ -s ready ] && ! grep -qx sh "/proc/$init/comm"' || fell "the program did not come so far: $(cat err)"
orphans() {
  cat /proc/[0-9]*/stat 2>/dev/null |
    awk -v parent="$init" -v which="$1" '$4 == parent && $2 == "(sh)" && ($3 == "Z") == (which == "dead")' | wc -l
}
[ "$(orphans living)" = 30 ] || { echo "the orphans are not the init's"; exit 2; }
echo go >go
await 20 '[ "$(orphans living)" = 0 ]' || { echo "the orphans live on"; exit 2; }
await 5 '[ "$(orphans dead)" = 0 ]' || fell "$(orphans dead) zombies are left"
survived "of 30 orphans none is a zombie"
`,
  },
  {
    id: "W16",
    title: "arguments of the program that look like options",
    harm: "the init takes them for its own, and the program does not run",
    kinds: ["tini", "dumb-init", "catatonit", "steady", "other"],
    control: "harmless",
    script: `
last=-h; [ -z "$CONTROL" ] || last=h
printf '#!/bin/sh\necho ran >ran\n' >program
chmod 755 program
launch='exec "$INIT" "$@"'
box ./program "$last"
ends_within 5 || fell "it hangs"
[ -s ran ] || fell "the program did not run, and the container ended with $(cat status)"
survived "the program ran"
`,
  },
  {
    id: "O5",
    title: "a program that is not there",
    harm: "nobody can tell a missing program from one that failed",
    kinds: ["tini", "dumb-init", "catatonit", "steady", "other"],
    control: "steady",
    script: `
box /nothing/here
ends_within 5 || fell "it hangs"
[ "$(cat status)" = 127 ] || fell "it ended with $(cat status), where shells and engines say 127"
[ -s err ] || fell "it said nothing"
survived "127, and: $(tail -n 1 err)"
`,
  },
  {
    id: "W22",
    title: "-e with the status of a program that is not there",
    harm: "a container that could not start counts as a success",
    kinds: ["tini", "steady"],
    control: "harmless",
    script: `
status=127; [ -z "$CONTROL" ] || status=126
OPTIONS="-e $status"
box /nothing/here
ends_within 5 || fell "it hangs"
[ "$(cat status)" = 127 ] || fell "it ended with $(cat status)"
survived "127"
`,
  },
];
