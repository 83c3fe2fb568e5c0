// Attacks on what the init believes and what it keeps: signals from inside, and rights that it does not need.

import type { Attack } from "./attack.ts";
import { INITS } from "./target.ts";

/** rt_sigqueueinfo(2) with an si_code, a pid and a uid that the caller chooses, by perl, which Debian always has. */
export const FORGE = `
forge='my ($number, $pid, $signal, $code, $from, $value) = @ARGV;
my $info = pack("i!3 x!8 i!3 x[100]", $signal, 0, $code, $from, 0, $value || 0);
exit(syscall($number + 0, $pid + 0, $signal + 0, $info) == 0 ? 0 : 1);'
case $(uname -m) in x86_64) number=129 ;; aarch64 | riscv64) number=138 ;; *) number= ;; esac
`;

export const INSIDE = `
# As docker exec: inside the namespace.
inside() { nsenter --target "$init" --pid --mount --wd="$PWD" -- "$@"; }
[ "$init" ] && inside true 2>/dev/null || could_not "nsenter is not allowed here"
`;

/**
 * A program that takes the init's right to signal it away, by becoming another user. Not before the init is at rest: catatonit asks
 * by kill(2) whether its program is there, and ends where it may not ask any more (C5).
 */
export const BECOMES_NOBODY = `
chmod 777 .
# cap_drop: ALL, cap_add: SETUID, SETGID; and a program that has changed its user.
[ -n "$CONTROL" ] || RIGHTS='setpriv --bounding-set=-all,+setuid,+setgid --'
AROUND=\${RIGHTS:=}
NOBODY='setpriv --reuid=65534 --regid=65534 --clear-groups --'
echo 'until grep -q "^State:.S" /proc/1/status; do :; done; exec "$@"' >later
INSIDE="sh later $NOBODY"
`;

export const RIGHTS_ATTACKS: readonly Attack[] = [
  {
    id: "W18",
    title: "what the init may while its program runs",
    harm: "who takes it over has all of it",
    kinds: INITS,
    control: "steady",
    script: `
record USR1
await 2 'grep -q "^Seccomp:.2" "/proc/$init/status"'
may=$(awk '/^CapEff/ { print $2 }' "/proc/$init/status")
gains=$(awk '/^NoNewPrivs/ { print $2 }' "/proc/$init/status")
filter=$(awk '/^Seccomp:/ { print $2 }' "/proc/$init/status")
[ "$may" = 0000000000000020 ] || [ "$may" = 0000000000000000 ] || fell "its capabilities are $may (no_new_privs $gains, seccomp $filter)"
[ "$gains" = 1 ] || fell "no_new_privs is not set"
[ "$filter" = 2 ] || fell "it has no seccomp filter of its own"
survived "CAP_KILL at most, no_new_privs and a seccomp filter"
`,
  },
  {
    id: "T1",
    title: "--trust outside: a queued stop from inside that claims to come from outside",
    harm: "who is inside stops the program in the engine's name",
    kinds: ["steady"],
    control: "harmless",
    script: `${FORGE}
OPTIONS='--trust outside'
record USR1
${INSIDE}
[ -n "$number" ] || could_not "the number of rt_sigqueueinfo is not known for $(uname -m)"
if [ -z "$CONTROL" ]; then
  inside perl -e "$forge" "$number" 1 15 -1 0 || could_not "it could not be sent"
  sent "SIGTERM from inside, by rt_sigqueueinfo, with the code SI_QUEUE and the sender 0"
  inside perl -e "$forge" "$number" 1 15 -6 0 && fell "the kernel let somebody write SI_TKILL"
fi
inside kill -USR1 1
sent "SIGUSR1 from inside"
await 1 'got TERM || got USR1' && fell "from inside arrived: $(seen)"
send USR1
await 5 'got USR1' || fell "a signal of the engine's did not arrive"
[ -z "$CONTROL" ] || survived "from inside nothing arrived, and the engine's signal did"
await 2 'grep -q claimed err'
survived "what was forged was refused: $(grep claimed err | tail -n 1)"
`,
  },
  {
    id: "T2",
    title: "--trust outside: a flood of SIGTERM from inside while the engine stops with SIGINT",
    harm: "the container cannot be stopped",
    kinds: ["steady"],
    control: "harmless",
    script: `
OPTIONS='--trust outside'
# SIGTERM, of which one in eleven is passed on, ends nobody here: what ends the program is the engine's SIGINT alone.
box sh -c 'exec >/dev/null 2>&1; trap "echo TERM >>got" TERM; trap "echo INT >>got; exit 7" INT; echo ready >ready
while :; do sleep 0.02; done'
await 10 '[ -s ready ] || ended'
[ -s ready ] || fell "the program did not start: $(cat status err 2>/dev/null)"
${INSIDE}
if [ -z "$CONTROL" ]; then
  ( inside sh -c 'n=0; until [ -e over ] || ! kill -TERM 1; do n=$((n + 1)); done; echo "$n times SIGTERM from inside" >>sent' 2>/dev/null ) &
  await 10 'got TERM || ended' || could_not "the flood does not arrive"
fi
ended && fell "the flood ended the container with $(cat status), before the engine's stop"
got INT && fell "the program had a SIGINT that nobody sent"
send INT
ends_within 5 || slow=1
>over
wait $!
[ -z "\${slow:-}" ] || fell "after 5 s the engine's SIGINT had not arrived; of the flood $(arrived TERM) had"
got INT && [ "$(cat status)" = 7 ] || fell "the container ended with $(cat status), and not by the engine's SIGINT"
survived "the engine's SIGINT arrived and ended it with 7; of the flood $(arrived TERM) arrived"
`,
  },
  {
    id: "T3",
    title: "--trust outside: a queued stop from inside while the queue of the init's user is full",
    harm: "who is inside stops the program in the engine's name",
    kinds: ["steady"],
    control: "harmless",
    script: `${FORGE}
OPTIONS='--trust outside'
# So that the queue is full soon; for the init and whoever it starts.
[ -n "$CONTROL" ] || AROUND='prlimit --sigpending=0:0 --'
record USR1
${INSIDE}
[ -n "$number" ] || could_not "the number of rt_sigqueueinfo is not known for $(uname -m)"
inside perl -e "$forge" "$number" 1 15 -1 0 || could_not "it could not be sent"
sent "SIGTERM from inside, by rt_sigqueueinfo, with the code SI_QUEUE and the sender 0"
await 1 'got TERM || ended' && fell "it arrived: the kernel has dropped who sent it, and that cannot be told from the engine"
survived "it was refused: $(tail -n 1 err)"
`,
  },
  {
    id: "T5",
    title: "--trust outside: the engine's SIGTERM while one from inside waits to be taken",
    harm: "the kernel keeps the first alone: the engine's stop is lost, and the engine waits out its grace",
    kinds: ["steady"],
    control: "harmless",
    script: `
OPTIONS='--trust outside'
record USR1
${INSIDE}
# A moment of microseconds, made longer from outside: more than one signal can wait while the init has no processor.
send STOP
await 5 'grep -q "^State:.T" "/proc/$init/status"'
[ -n "$CONTROL" ] || { inside kill -TERM 1; sent "SIGTERM from inside"; }
send TERM
send CONT
ends_within 3 || fell "the engine's SIGTERM was lost: $(tail -n 1 err)"
got TERM || fell "it ended with $(cat status), and the program had no SIGTERM"
survived "the program had the engine's SIGTERM, and ended with $(cat status)"
`,
  },
  {
    id: "T6",
    title: "a core that fails: at the start, at each of the first signals, and at the end",
    harm: "the container ends, or a signal or the status is lost with what the core knew",
    kinds: ["steady"],
    planted: true,
    control: "harmless",
    script: `
[ -n "$PLANTED" ] || not_applicable "it needs a build whose core can be made to fail (--planted FILE): the shipped one has no such place"
INIT=$PLANTED
# A failed assertion: one after the start, one when the second signal is taken, one when the program has ended.
[ -n "$CONTROL" ] || export STEADY_PLANT=a01230
record USR1 USR2
# Before any orphan that it has adopted.
program() { cut -d ' ' -f 1 "/proc/$init/task/$init/children"; }
first=$(program)
for s in USR1 USR2; do
  send $s
  await 5 "got $s || ended" || fell "SIG$s did not arrive: $(tail -n 1 err)"
done
ended && fell "the container ended with $(cat status): $(tail -n 1 err)"
[ "$(program)" = "$first" ] || fell "the program is another one"
send TERM
ends_within 5 || fell "it does not end"
[ "$(cat status)" = 7 ] || fell "the program ended with 7, the container with $(cat status)"
failed=$(grep -c 'core was started again' err)
[ -n "$CONTROL" ] || [ "$failed" -ge 3 ] || could_not "the core failed $failed times, and not three: is $PLANTED such a build?"
survived "the core failed $failed times; both signals arrived, and it ended with the program's 7"
`,
  },
  {
    id: "T4",
    title: "--watchdog: notifications that somebody else forges",
    harm: "they end a program that is well, or keep one alive that hangs",
    kinds: ["steady"],
    control: "harmless",
    script: `
# say NAME TEXT: one datagram, as sd_notify(3) sends it.
say='use Socket; my ($name, $text) = @ARGV; $name =~ s/^@/\\0/; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or exit 1;
exit(defined send($s, $text, 0, pack_sockaddr_un($name)) ? 0 : 1);'
# It says that it is well until there is a file "hang", and ignores SIGABRT.
well='use Socket; $SIG{ABRT} = "IGNORE"; open(my $f, ">", "name"); print $f $ENV{NOTIFY_SOCKET}; close $f;
my $name = $ENV{NOTIFY_SOCKET}; $name =~ s/^@/\\0/; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
while (1) { unless (-e "hang") { send($s, "WATCHDOG=1", 0, pack_sockaddr_un($name)); open(my $f, ">>", "signs"); print $f "1"; }
  select undef, undef, undef, 0.1; }'
OPTIONS='--watchdog 2s --grace 100ms'
box perl -e "$well"
await 10 '[ -s signs ] || ended'
[ -s signs ] || fell "the program did not start: $(cat status err)"
name=$(cat name)
# As docker exec -u: inside, and another user's.
forges() { nsenter --target "$init" --pid --net --mount -- setpriv --reuid 4321 --clear-groups -- perl -e "$say" "$name" "$1"; }
nsenter --target "$init" --pid --net --mount -- true 2>/dev/null || could_not "nsenter is not allowed here"
signs=$(wc -c <signs)
if [ -z "$CONTROL" ]; then
  forges WATCHDOG=trigger || could_not "it could not be sent"
  forges WATCHDOG_USEC=1
  forges "$(printf '%5000s' x)"
  sent "WATCHDOG=trigger, WATCHDOG_USEC=1 and 5,000 bytes from inside, as the user 4321; WATCHDOG=trigger as root, from outside"
  # And root, but outside of the PID namespace.
  nsenter --target "$init" --net -- perl -e "$say" "$name" WATCHDOG=trigger
fi
# Each sign after that has been read behind what was forged.
await 10 '[ "$(wc -c <signs)" -gt $((signs + 5)) ] || ended'
ended && fell "what was forged ended a program that is well, with $(cat status)"
: >hang
[ -n "$CONTROL" ] || { forges STOPPING=1; sent "STOPPING=1 and then WATCHDOG=1 ten times a second, as the user 4321"; }
looks=0
until ended || [ $looks -gt 60 ]; do
  [ -n "$CONTROL" ] || forges WATCHDOG=1
  sleep 0.1
  looks=$((looks + 1))
done
ends_within 5 || fell "a program that hangs is kept alive by what was forged"
[ "$(cat status)" = 122 ] || fell "it ended with $(cat status)"
[ -z "$CONTROL" ] || survived "the program that hangs was ended, with 122"
told=$(grep -m 1 'changes nothing' err)
survived "what was forged changed nothing, and the program that hangs was ended, with 122\${told:+: $told}"
`,
  },
];
