// Attacks on how a container begins, lives and ends: what the init inherits, whom it reaps, what it leaves behind.

import type { Attack } from "./attack.ts";
import { INITS } from "./target.ts";

/**
 * Its container may have so many processes and no more, the init among them: by a pids cgroup. Where there is none to be had, and
 * in any case a little further out, it is the number of one user's, whom nobody else has (RLIMIT_NPROC).
 */
const BOMB = `
user=$((60000 + $(od -An -N2 -tu2 /dev/urandom) % 5000))
ours() { cat /proc/[0-9]*/status 2>/dev/null | grep -c "^Uid:.$user"; }
# limit PROCESSES: of the container that is started next.
limit() {
  # An engine makes the group itself.
  export PIDS=$1
  nproc=$(($1 * 2)) by="a pids cgroup"
  [ $RUNTIME = namespaces ] || return 0
  for root in /sys/fs/cgroup/pids /sys/fs/cgroup; do
    group=$root/\${KEY:-$(basename "$PWD")}
    mkdir "$group" 2>/dev/null || continue
    if { echo $1 >"$group/pids.max"; } 2>/dev/null; then
      BEFORE="echo 0 >$group/cgroup.procs || exit 1"
      return
    fi
    rmdir "$group"
  done
  group= nproc=$1 by=RLIMIT_NPROC
}
# bomb LIMIT SHAPE: a program that ends with 7 at SIGTERM and has started a bomb, of forks, of orphans with sessions and names of their
# own, or a slow one; or none.
bomb() {
  chmod 777 .
  limit "$1"
  INSIDE="setpriv --reuid=$user --regid=$user --clear-groups -- prlimit --nproc=$nproc:$nproc --"
  box perl -e 'use POSIX; my $shape = $ARGV[0]; $SIG{TERM} = sub { exit 7 };
sub rest { select undef, undef, undef, $_[0] }
if ($shape ne "none" && fork == 0) { $SIG{TERM} = "IGNORE"; while (1) {
  rest(0.2) if $shape eq "slow";
  my $child = fork;
  rest(0.01) if !defined $child;
  next if $shape ne "orphans";
  if (!defined $child || $child > 0) { waitpid $child, 0 if $child; next }
  my $grandchild = fork;
  POSIX::_exit(0) if !defined $grandchild || $grandchild > 0;
  POSIX::setsid(); $0 = "b$$";
} }
open my $ready, ">", "ready"; print $ready "ready"; close $ready;
sleep 1 while 1' "$2"
  await 10 '[ -s ready ] || ended'
  [ -s ready ] || could_not "the program did not start: $(cat status err)"
  sent "a fork bomb ($2), under a limit of $1 processes by $by"
  [ "$2" = none ] || await 20 '[ "$(ours)" -gt 60 ] || grep -q "fork bomb are killed" err' || could_not "the bomb does not go off: $(ours) processes"
}
shape() { [ -n "$CONTROL" ] && echo none || echo "$1"; }
`;

/** A bomb is braked, and the program goes on. */
function braked(id: string, what: string, shape: string): Attack {
  return {
    id,
    title: `--guard and --on-fork-bomb kill: ${what}`,
    harm: "it takes every process there is, and the program stands still",
    kinds: ["steady"],
    control: "harmless",
    script: `${BOMB}
OPTIONS='--guard 80 --on-fork-bomb kill'
bomb 300 "$(shape ${shape})"
# It is gone where it does not come back: what is left of it may grow, and be braked again.
gone() { [ "$(ours)" -le 3 ] && sleep 1 && [ "$(ours)" -le 3 ]; }
looks=0
until gone || ended || [ $looks -ge 30 ]; do sleep 1; looks=$((looks + 1)); done
gone || ended || fell "after 30 s there are $(ours) processes; it says: $(tail -n 1 err)"
ended && fell "the container ended with $(cat status)"
send TERM
ends_within 10 || fell "after 10 s the container runs on"
[ "$(cat status)" = 7 ] || fell "the container ended with $(cat status), not with the program's 7"
survived "the bomb is gone, the program went on and ended with 7 at SIGTERM (limit by $by)"
`,
  };
}

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
survived "the program ended with 3, and the container with it"
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
[ -n "$before" ] && [ -n "$after" ] || could_not "it has ended: $(cat status err)"
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
send USR1
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
talkative
OPTIONS="-s $OPTIONS"
program=/nothing/here; [ -z "$CONTROL" ] || program=true
BEFORE='exec >log 2>&1'
box "$program"
ends_within 5 || fell "it hangs"
[ -s log ] || could_not "it said nothing: $(cat status err 2>/dev/null)"
twice=$(sort log | uniq -d | head -n 1)
[ -z "$twice" ] || fell "twice in the log: $twice"
survived "$(wc -l <log) lines, each once"
`,
  },
  {
    id: "O7",
    title: "a stop while a fork bomb goes off, under a limit on processes",
    harm: "the container cannot be stopped any more",
    control: "harmless",
    script: `${BOMB}
# Who needs one more process to end may be lucky, where one has just become free: hardly five times.
rounds=5; [ -z "$CONTROL" ] || rounds=1
for round in $(seq $rounds); do
  rm -f status ready
  [ -z "\${group:-}" ] || await 10 'rmdir "$group" 2>/dev/null'
  bomb 100 "$(shape forks)"
  send TERM
  ends_within 15 || fell "after 15 s the container runs on"
  [ "$(cat status)" = 7 ] || fell "the container ended with $(cat status), and the program's 7 was not to be had"
done
survived "the program had its SIGTERM, and ended with 7, $rounds times of $rounds (limit by $by)"
`,
  },
  braked("O8", "a fork bomb", "forks"),
  braked("O10", "a bomb of orphans, each with a session and a name of its own", "orphans"),
  braked("O11", "a slow bomb, which doubles five times a second", "slow"),
  {
    id: "O9",
    title: "SIGKILL to PID 1 from the host",
    harm: "a process of the container is left, or the engine is told another status than 137",
    control: "harmless",
    script: `
# The worker has left group and session, and ignores what can be ignored.
worker=lab$$
cp "$(command -v sleep)" "./$worker"
workers() { grep -lx "Name:.$worker" /proc/[0-9]*/status 2>/dev/null | wc -l; }
box sh -c 'trap "exit 7" TERM
setsid sh -c "trap "" TERM HUP INT QUIT; exec ./$0 1000" &
echo ready >ready
while :; do sleep 0.02; done' "$worker"
await 10 '[ -s ready ] && [ "$(workers)" = 1 ] || ended'
[ "$(workers)" = 1 ] || could_not "the program did not start: $(cat status err 2>/dev/null)"
expected=137 signal=KILL
[ -z "$CONTROL" ] || expected=7 signal=TERM
engine_kill $signal
ends_within 15 || fell "it does not end"
await 5 '[ "$(workers)" = 0 ]' || fell "a worker is left"
# unshare(1) has 1 for a child that was killed: it cannot kill itself in the same way.
[ $RUNTIME$expected != namespaces137 ] || ! grep -q '^unshare: ' err || expected=1
[ "$(cat status)" = $expected ] || fell "it ended with $(cat status), not with $expected"
survived "the container ended by SIG$signal, with $(cat status), and nothing of it is left"
`,
  },
  {
    id: "D6",
    title: "orphans where the init is not PID 1, and is asked to adopt (-s)",
    harm: "they go to another, which may not reap them, and are not stopped with the container",
    kinds: INITS,
    control: "harmless",
    script: `
orphan=lab$$
cp "$(command -v sleep)" "./$orphan"
# Of these tini alone has an option for it, and steady, which adopts without.
[ $KIND != tini ] || OPTIONS=-s
# The control: the init is PID 1.
[ -n "$CONTROL" ] || launch='"$INIT" $OPTIONS -- "$@" & wait; exit'
box sh -c '(./$0 1000 &); echo ready >ready; while :; do sleep 0.02; done' "$orphan"
await 10 '[ -s ready ] || ended'
[ -s ready ] || could_not "the program did not start: $(cat status err 2>/dev/null)"
[ -n "$CONTROL" ] || init=$(children "$init")
find() { grep -lx "Name:.$orphan" /proc/[0-9]*/status 2>/dev/null | head -n 1; }
await 10 '[ -n "$(find)" ]' || could_not "there is no orphan"
parent() { awk '/^PPid/ { print $2 }' "$(find)"; }
await 2 '[ "$(parent)" = "$init" ]' || fell "the orphan went to process $(parent) ($(cat "/proc/$(parent)/comm")), and not to the init, $init"
survived "the orphan is the init's"
`,
  },
  {
    id: "O14",
    title: "a limit of four open files, where three are open",
    harm: "the container does not start, or hears no signal",
    control: "harmless",
    script: `
[ -n "$CONTROL" ] || BEFORE='ulimit -S -n 4'
export SIGNALS=USR1
# One that is left is for the loader of a dynamic init. The program may have more again.
box sh -c "ulimit -S -n 256
$recorder"
await 10 '[ -s ready ] || ended'
[ -s ready ] || fell "the program did not start: $(cat status err 2>/dev/null)"
at_rest
send USR1
await 5 'got USR1 || ended'
got USR1 || fell "a signal did not arrive"
send TERM
ends_within 5 || fell "it does not stop"
[ "$(cat status)" = 7 ] || fell "the program ended with 7, the container with $(cat status)"
survived "the program started, had both signals and ended with 7"
`,
  },
  {
    id: "O15",
    title: "no process left for the program (RLIMIT_NPROC)",
    harm: "nobody can tell which limit it was, or that it was one",
    kinds: ["tini", "dumb-init", "catatonit", "steady"],
    control: "harmless",
    script: `
chmod 777 .
user=$((60000 + $(od -An -N2 -tu2 /dev/urandom) % 5000)) limit=1
[ -z "$CONTROL" ] || limit=50
AROUND="setpriv --reuid=$user --regid=$user --clear-groups -- prlimit --nproc=$limit:$limit --"
box sh -c 'exit 3'
ends_within 10 || fell "it hangs"
if [ -n "$CONTROL" ]; then
  [ "$(cat status)" = 3 ] || fell "it ended with $(cat status err)"
  survived "the program ran"
fi
[ "$(cat status)" != 3 ] || could_not "the limit did not hold"
told=$(grep -i limit err | tail -n 1)
[ -n "$told" ] || fell "it ended with $(cat status), and of the limit it says nothing: $(tail -n 1 err)"
survived "it ended with $(cat status) and says: $told"
`,
  },
  {
    id: "O16",
    title: "a program that does not stop",
    harm: "the engine waits out its grace and kills, and nobody is told",
    kinds: ["tini", "dumb-init", "catatonit", "steady"],
    control: "harmless",
    script: `
# Of these steady alone has an option for it.
[ $KIND != steady ] || OPTIONS='--grace 1s'
ignores='trap "" TERM;'; [ -z "$CONTROL" ] || ignores=
box sh -c "$ignores echo ready >ready; while :; do sleep 0.02; done"
await 10 '[ -s ready ] || ended'
[ -s ready ] || fell "the program did not start: $(cat status err 2>/dev/null)"
at_rest
send TERM
ends_within 5 || fell "after 5 s it runs on"
survived "it ended with $(cat status)$(tail -n 1 err | sed 's/^/, and says: /')"
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
[ "$(orphans living)" = 30 ] || could_not "the orphans are not the init's"
echo go >go
await 20 '[ "$(orphans living)" = 0 ]' || could_not "the orphans live on"
await 5 '[ "$(orphans dead)" = 0 ]' || fell "$(orphans dead) zombies are left"
survived "of 30 orphans none is a zombie"
`,
  },
  {
    id: "W16",
    title: "arguments of the program that look like options",
    harm: "the init takes them for its own, and the program does not run",
    kinds: INITS,
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
    id: "W20",
    title: "-- before the program, as engines have it",
    harm: "the init takes it for the program, and no container starts",
    kinds: INITS,
    control: "harmless",
    script: `
# By a path: what is looked for along PATH depends on the init's own.
printf '#!/bin/sh\\necho ran >ran; exit 3\\n' >program
chmod 755 program
[ -z "$CONTROL" ] || launch='exec "$INIT" "$@"'
box ./program
ends_within 5 || fell "it hangs"
[ -s ran ] || fell "the program did not run, and the container ended with $(cat status): $(tail -n 1 err)"
[ "$(cat status)" = 3 ] || fell "the program ended with 3, the container with $(cat status)"
survived "the program ran"
`,
  },
  {
    id: "O5",
    title: "a program that is not there",
    harm: "nobody can tell a missing program from one that failed",
    kinds: INITS,
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
