// Attacks on how a container begins, lives and ends: what the init inherits, whom it reaps, what it leaves behind.

import type { Attack } from "./attack.ts";

/**
 * Its processes belong to a user whom nobody else has, so that the kernel counts them (RLIMIT_NPROC), in a container of their own:
 * nothing else runs short of processes.
 */
const BOMB = `
user=$((60000 + $(od -An -N2 -tu2 /dev/urandom) % 5000))
ours() { cat /proc/[0-9]*/status 2>/dev/null | grep -c "^Uid:.$user"; }
# bomb LIMIT HARMLESS: a program that ends with 7 at SIGTERM and, where nothing else is said, has started a bomb.
bomb() {
  chmod 777 .
  INSIDE="setpriv --reuid=$user --regid=$user --clear-groups -- prlimit --nproc=$1:$1 --"
  box perl -e '$SIG{TERM} = sub { exit 7 };
if (!$ARGV[0] && fork == 0) { $SIG{TERM} = "IGNORE"; while (1) { my $child = fork; select undef, undef, undef, 0.01 if !defined $child } }
open my $ready, ">", "ready"; print $ready "ready"; close $ready;
sleep 1 while 1' "$2"
  await 10 '[ -s ready ] || ended'
  [ -s ready ] || { echo "the program did not start: $(cat status err)"; exit 2; }
  [ -n "$2" ] || await 10 '[ "$(ours)" -gt 60 ]' || { echo "the bomb does not go off: $(ours) processes"; exit 2; }
}
`;

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
box sh -c '(trap "sleep 0.3; echo saved >saved; exit" TERM; echo ready >worker; while :; do sleep 0.02; done) & until [ -s worker ]; do :; done; exit 3'
ends_within 10 || fell "it does not end"
[ -s saved ] || fell "the worker had no SIGTERM, or no time to answer it"
survived "the worker had its SIGTERM and saved; the status is $(cat status)"
`,
  },
  {
    id: "W15",
    title: "a container at rest",
    harm: "its init is woken again and again, 86,400 times a day",
    control: "steady",
    script: `
box sh -c 'echo ready >ready; exec sleep 1000'
await 10 '[ -s ready ] || ended'
at_rest
sleep 1
sleeps() { awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$init/status"; }
before=$(sleeps)
sleep 4
after=$(sleeps)
[ -n "$before" ] && [ -n "$after" ] || { echo "it has ended: $(cat status err)"; exit 2; }
[ $((after - before)) -lt 3 ] || fell "it was woken $((after - before)) times in 4 s"
survived "it was woken $((after - before)) times in 4 s"
`,
  },
  {
    id: "W17",
    title: "TINI_KILL_PROCESS_GROUP=0 in the environment of an image",
    harm: "a variable that says no means yes, and others than the program are signalled",
    kinds: ["tini", "steady"],
    control: "harmless",
    script: `
[ -n "$CONTROL" ] || export TINI_KILL_PROCESS_GROUP=0
box sh -c 'trap : USR1 # but not its worker, in the same group
sh -c "trap \\"echo got >worker\\" USR1; echo ready >ready; while :; do sleep 0.02; done" &
trap "echo got >main" USR1; while :; do sleep 0.02; done'
await 10 '[ -s ready ] || ended'
[ -s ready ] || fell "the program did not start: $(cat status err)"
at_rest
kill -USR1 "$init"
await 5 '[ -s main ]' || fell "the signal did not arrive"
await 1 '[ -s worker ]' && fell "the signal reached the whole group"
survived "the signal reached the program alone"
`,
  },
  {
    id: "W19",
    title: "lines that are written before a program that is not there",
    harm: "they stand in the log twice",
    kinds: ["tini", "steady"],
    control: "harmless",
    script: `
OPTIONS="-s $TALKATIVE"
program=/nothing/here; [ -z "$CONTROL" ] || program=true
BEFORE='exec >log 2>&1'
box "$program"
ends_within 5 || fell "it hangs"
twice=$(sort log | uniq -d | head -n 1)
[ -z "$twice" ] || fell "twice in the log: $twice"
survived "$(wc -l <log) lines, each once"
`,
  },
  {
    id: "O7",
    title: "a stop while a fork bomb goes off, under a limit on processes",
    harm: "the container cannot be stopped any more",
    root: true,
    control: "harmless",
    script: `${BOMB}
bomb 100 "$CONTROL"
kill -TERM "$init"
ends_within 15 || fell "after 15 s the container runs on"
[ "$(cat status)" = 7 ] || fell "the container ended with $(cat status), and the program's 7 was not to be had"
survived "the program had its SIGTERM, and ended with 7"
`,
  },
  {
    id: "O8",
    title: "--guard and --on-fork-bomb kill: a fork bomb",
    harm: "it takes every process there is, and the program stands still",
    kinds: ["steady"],
    root: true,
    control: "harmless",
    script: `${BOMB}
OPTIONS='--guard 80 --on-fork-bomb kill'
bomb 300 "$CONTROL"
await 20 '[ "$(ours)" -le 3 ]' || fell "after 20 s there are $(ours) processes; it says: $(tail -n 1 err)"
kill -TERM "$init"
ends_within 10 || fell "after 10 s the container runs on"
[ "$(cat status)" = 7 ] || fell "the container ended with $(cat status), not with the program's 7"
survived "the bomb is gone, the program went on and ended with 7 at SIGTERM"
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
