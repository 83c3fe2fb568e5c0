// Attacks that need a moment of microseconds, which strace(1) makes longer: it delays system calls of the init, whose order and
// number it does not change.

import type { Attack } from "./attack.ts";
import { BECOMES_NOBODY, INSIDE } from "./rights.ts";

const ABOUT = ["tini", "dumb-init", "catatonit", "steady"] as const;

const STRACE = `
command -v strace >/dev/null || could_not "needs strace (Debian: apt-get install strace)"
# slowly CALLS TIME_US: delays each of these calls of the init, and of what it starts; they are written to the file "trace". The init
# stays PID 1: strace is a grandchild of it (-D). FOLLOW is empty where its children keep their pace.
FOLLOW=-f
slowly() { AROUND="strace -D $FOLLOW -qq -o trace -e trace=$1 -e inject=$1:delay_enter=$2 --"; }
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
  {
    id: "W6",
    title: "200 zombies that are handed over at one moment, and a signal behind them",
    harm: "the signal waits until the last of them is reaped, and a stop with it",
    kinds: ABOUT,
    control: "harmless",
    script: `${STRACE}
# It costs the init 20 ms to reap one, as under a tight limit on its processor.
FOLLOW=
slowly wait4,waitid 20000
orphan=lab$$
cp "$(command -v sleep)" "./$orphan"
export orphan SIGNALS=USR1
box sh -c 'sh -c "i=0; while [ \\$i -lt 200 ]; do ./$orphan 1000 & i=\\$((i + 1)); done"
'"$recorder"
await 20 '[ -s ready ] || ended'
[ -s ready ] || could_not "the program did not start: $(cat status err 2>/dev/null)"
# orphans STATE: how many of the init's children, dead or living.
orphans() {
  cat /proc/[0-9]*/stat 2>/dev/null |
    awk -v parent="$init" -v name="($orphan)" -v which="$1" '$4 == parent && $2 == name && ($3 == "Z") == (which == "dead")' | wc -l
}
await 10 '[ "$(orphans living)" = 200 ]' || could_not "of 200 orphans $(orphans living) are the init's"
if [ -z "$CONTROL" ]; then
  kill -KILL $(grep -lx "Name:.$orphan" /proc/[0-9]*/status 2>/dev/null | cut -d / -f 3)
  sent "SIGKILL to 200 orphans"
  await 10 '[ "$(orphans living)" = 0 ]' || could_not "the orphans live on"
fi
before=$(orphans dead)
send USR1
await 30 'got USR1 || ended'
left=$(orphans dead)
got USR1 || fell "the signal never arrived"
[ -z "$CONTROL" ] || survived "without zombies it arrived"
[ "$before" != 0 ] || survived "of 200 orphans that died none was left to reap"
[ "$before" -gt 100 ] || could_not "only $before zombies were left when the signal was sent"
[ "$left" -gt 0 ] || fell "of $before zombies none was left when the signal arrived: it waited for the last"
survived "the signal arrived when of $before zombies $left were left"
`,
  },
  {
    id: "W21",
    title: "-p with a parent that dies before the init has said that it wants to know",
    harm: "nobody tells the init, and its program outlives the one that it was to end with",
    kinds: ["tini", "steady"],
    control: "harmless",
    script: `${STRACE}
# Only its first prctl, by which it asks the kernel for the signal.
slowly prctl 1000000:when=1
OPTIONS='-p SIGTERM'
# PID 1 is a shell that ends when it is alone; the init's parent is another, which ends when there is a file "go".
launch='sh -c "\\$AROUND \\"\\$INIT\\" \\$OPTIONS -- \\"\\$@\\" & until [ -s go ]; do sleep 0.02; done" sh "$@" & wait $!
echo gone >gone
until set -- /proc/[0-9]*; [ $# -le 1 ]; do sleep 0.05; done'
box sh -c 'echo ready >ready; exec sleep 1000'
if [ -n "$CONTROL" ]; then
  await 20 '[ -s ready ] || ended'
  [ -s ready ] || fell "the program did not start: $(cat status err 2>/dev/null)"
else
  await 10 'grep -q PR_SET_PDEATHSIG trace 2>/dev/null || ended'
  grep -q PR_SET_PDEATHSIG trace 2>/dev/null || could_not "it does not ask for a signal at its parent's death: $(cat err)"
fi
echo go >go
await 5 '[ -s gone ]' || could_not "the parent lives on"
[ -n "$CONTROL" ] || ! grep -q 'PR_SET_PDEATHSIG.*) *=' trace || could_not "the moment was over before the parent was gone"
sent "the end of the init's parent"
ends_within 10 || fell "the program runs on, and nobody has told it"
survived "the program has ended with the init's parent"
`,
  },
  {
    id: "D4",
    title: "the program's pid is given to another process as soon as the init has reaped it (-c)",
    harm: "somebody is signalled whom nobody meant",
    kinds: ABOUT,
    control: "harmless",
    script: `${STRACE}
FOLLOW=
slowly kill 3000000
[ $KIND != dumb-init ] || OPTIONS=-c
# PID 1 is a shell; the init is a child of it, and so no other process of the container is the init's business.
launch='$AROUND "$INIT" $OPTIONS -- "$@" & wait $!; echo $? >over; exec sleep 1000'
box sh -c 'echo $$ >program; until [ -s end ]; do sleep 0.02; done'
await 20 '[ -s program ] || ended'
[ -s program ] || fell "the program did not start: $(cat status err 2>/dev/null)"
program=$(cat program)
${INSIDE}
echo end >end
await 5 '! inside kill -0 "$program" 2>/dev/null' || could_not "the program is not reaped"
# One that gets the number which the kernel gave last but one: clone3(2) with set_tid, which is the same on every processor.
if [ -z "$CONTROL" ]; then number=$program; else number=$((program + 1000)); fi
inside perl -e 'my $tid = pack("i", $ARGV[0]);
my $arguments = pack("Q10", 0, 0, 0, 0, 17, 0, 0, 0, unpack("J", pack("p", $tid)), 1);
my $pid = syscall(435, $arguments, length $arguments);
die "clone3: $!\n" if $pid < 0;
if ($pid == 0) { $SIG{TERM} = sub { open my $f, ">>", "hurt"; print $f "TERM\n"; close $f }; open my $f, ">", "other"; print $f "$$"; close $f; sleep 1 while 1 }' "$number" 2>other.err
await 2 '[ -s other ]' || could_not "no process could be given the pid $number: $(cat other.err)"
[ ! -s over ] || sent "(the init had ended before)"
sent "a process with the pid $number$([ -n "$CONTROL" ] || echo ", which was the program's")"
await 20 '[ -s over ]' || could_not "the init does not end"
await 1 '[ -s hurt ]' && fell "it had a SIGTERM of the init's: $(grep -c kill trace) kill(2), $(tail -n 1 trace)"
survived "it was left alone"
`,
  },
  {
    id: "C5",
    title: "a program that becomes another user at once, where the init may not signal that one",
    harm: "the init takes it for one that was not started, and ends the container",
    kinds: ABOUT,
    control: "harmless",
    script: `${STRACE}${BECOMES_NOBODY}
INSIDE=$NOBODY
FOLLOW=
slowly kill 1000000
AROUND="$AROUND $RIGHTS"
box sh -c 'echo ready >ready; exec sleep 1000'
await 20 '[ -s ready ] || ended'
at_rest
! ended || fell "the container ended with $(cat status err)"
[ -s ready ] || could_not "the program did not start"
survived "the program runs"
`,
  },
];
