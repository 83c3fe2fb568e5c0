// Attacks on the way of a signal from the engine to the program.

import type { Attack } from "./attack.ts";
import { BECOMES_NOBODY, FORGE, INSIDE } from "./rights.ts";

/** As the program has it from its exec: a shell would begin with masks of its own. */
const MASK = `
box cat /proc/self/status
await 10 'grep -q "^SigCgt" out || ended'
mask() { sed -n "s/^$1:.//p" out; }
[ -n "$(mask SigBlk)" ] || fell "the program did not run: $(cat status err 2>/dev/null)"
`;

/** Each of $all is sent by the engine, and is to arrive; `called` is what stands before its name or number. */
const eachArrives = (called: string): string => `record $all
for s in $all; do
  engine_kill "$s"
  await 2 "got $s || ended" || missing="\${missing:-} $s"
  ended && fell "${called}$s ended the container with $(cat status)"
done
[ -z "\${missing:-}" ] || fell "these never arrived:$missing"
survived "all arrived: $all"
`;

export const SIGNAL_ATTACKS: readonly Attack[] = [
  {
    id: "W1",
    title: "a stop that the init may not send",
    harm: "the container ends in disorder, or the program never hears of the stop",
    control: "harmless",
    script: `${BECOMES_NOBODY}
record USR1
send TERM
ends_within 5 || fell "the program never had its SIGTERM, and the container runs on"
got TERM || fell "the program never had its SIGTERM; the container ended with $(cat status): $(tail -n 1 err)"
survived "the program had its SIGTERM, and ended with $(cat status)"
`,
  },
  {
    id: "W11",
    title: "signals that an engine can send and an init may keep to itself",
    harm: "docker kill -s does nothing, or ends the container",
    control: "harmless",
    script: `
all='ILL TRAP ABRT BUS FPE SEGV SYS TTIN TTOU'
[ -z "$CONTROL" ] || all='HUP INT QUIT USR1 USR2 WINCH'
${eachArrives("SIG")}`,
  },
  {
    id: "D1",
    title: "real-time signals, from RTMIN to RTMAX",
    harm: "one that the init keeps to itself, or that it has no place for",
    control: "harmless",
    script: `
# 32 and 33 are libc's own.
all='34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64'
[ -z "$CONTROL" ] || all='1 2 3 10 12 28'
${eachArrives("signal ")}`,
  },
  {
    id: "D3",
    title: "a signal that the init may not send, and its log",
    harm: "the log says that it was passed on, or nothing: who reads it looks for the fault in the program",
    kinds: ["tini", "dumb-init", "catatonit", "steady"],
    control: "harmless",
    script: `${BECOMES_NOBODY}
talkative
record USR1
send USR1
await 2 'got USR1 || ended'
if [ -n "$CONTROL" ]; then
  got USR1 || fell "the signal did not arrive"
  survived "the signal arrived: $(tail -n 1 err)"
fi
got USR1 && survived "it arrived all the same"
told=$(grep -iE 'not permitted|denied|refused|EPERM' err | tail -n 1)
[ -n "$told" ] || fell "nothing tells that the signal did not arrive; the log's last line is: $(tail -n 1 err)"
survived "it did not arrive, and the log says so: $told"
`,
  },
  {
    id: "W13",
    title: "a signal from inside, and who sent it",
    harm: "nobody can tell who stopped the container",
    kinds: ["tini", "dumb-init", "catatonit", "steady"],
    control: "steady",
    script: `
talkative
[ $KIND != steady ] || OPTIONS='--events json'
record USR1
${INSIDE}
inside sh -c 'echo $$ >sender; kill -USR1 1'
sent "SIGUSR1 from process $(cat sender), inside"
await 5 'got USR1' || could_not "the signal did not arrive"
await 2 'grep -qw "$(cat sender)" err' || fell "the log does not name process $(cat sender), which sent it: $(tail -n 1 err)"
survived "it names process $(cat sender), which sent it: $(grep -w "$(cat sender)" err | tail -n 1)"
`,
  },
  {
    id: "W14",
    title: "a signal with a value, as sigqueue sends it",
    harm: "the value is lost on the way, and what it meant with it",
    control: "harmless",
    script: `${FORGE}
# Writes the value of each SIGUSR1.
listener='use POSIX;
sigaction(SIGUSR1, POSIX::SigAction->new(sub { open my $f, ">>", "got"; print $f "USR1 ", unpack("x24 i", $_[2]), "\\n" },
  POSIX::SigSet->new, SA_SIGINFO)) or die;
open my $f, ">", "ready"; print $f "ready"; close $f;
sleep 1000 while 1;'
box perl -e "$listener"
await 10 '[ -s ready ] || ended'
[ -s ready ] || could_not "the program did not start: $(cat status err 2>/dev/null)"
at_rest
if [ -n "$CONTROL" ]; then
  send USR1
  await 5 '[ -s got ]' || fell "the signal itself did not arrive"
  survived "the signal itself arrives"
fi
[ -n "$number" ] || could_not "the number of rt_sigqueueinfo is not known for $(uname -m)"
perl -e "$forge" "$number" "$init" 10 -1 0 4711 || could_not "it could not be sent"
sent "SIGUSR1 with the value 4711"
await 5 '[ -s got ]' || fell "the signal did not arrive"
got 'USR1 4711' || fell "4711 was sent, and what arrived is: $(seen)"
survived "4711 arrived"
`,
  },
  {
    id: "O1",
    title: "a stop for a program without a handler",
    harm: "the engine waits out its grace and kills",
    control: "steady",
    script: `
box sh -c 'echo ready >ready; exec sleep 1000'
await 10 '[ -s ready ] || ended'
[ -s ready ] || could_not "the program did not run: $(cat status err 2>/dev/null)"
at_rest
send TERM
why="the kernel gives PID 1 no signal that it has no handler for"
[ -z "$INIT" ] || why="to the init it is no stop"
ends_within 3 || fell "it runs on: $why"
survived "it ended with $(cat status)"
`,
  },
  {
    id: "O2",
    title: "SIGSTOP to PID 1 from the host, and signals meanwhile",
    harm: "what was sent while it was stopped is lost",
    control: "harmless",
    script: `
record USR1 USR2
[ -n "$CONTROL" ] || { send STOP; await 5 'grep -q "^State:.T" /proc/$init/status'; }
for s in USR1 USR2; do send $s; done
[ -n "$CONTROL" ] || send CONT
await 5 'got USR1 && got USR2' || fell "of USR1 and USR2 arrived: $(seen)"
send TERM
ends_within 5 || fell "it does not stop"
survived "both arrived, and it stopped with $(cat status)"
`,
  },
  {
    id: "O3",
    title: "a stop in a flood of signals from the host",
    harm: "the stop waits for the flood, or for ever",
    control: "harmless",
    script: `
# The recorder is a shell, which takes signals within its traps: a flood may keep it in there, whatever the init does.
box perl -e 'sub note { my ($file, $word) = @_; open my $to, ">>", $file; print $to "$word\\n"; close $to }
$SIG{USR1} = sub { note("got", "USR1") }; $SIG{TERM} = sub { note("got", "TERM"); exit 7 };
note("ready", "ready"); sleep 1000 while 1'
started
if [ -n "$CONTROL" ]; then
  engine_kill USR1 5
  await 10 'got USR1 || ended'
else
  # An engine takes its time for each.
  [ $RUNTIME = namespaces ] && floods=1 || floods=4
  for n in $(seq $floods); do engine_kill USR1 10000000 & done
  await 10 '[ "$(arrived USR1)" -ge 3 ] || ended'
fi
got USR1 && ! ended || fell "nothing of the flood arrived; ended: $(cat status 2>/dev/null)"
before=$(arrived USR1)
engine_kill TERM
ends_within 5 || slow=1
>over
await 10 '[ "$(grep -c USR1 sent)" = "\${floods:-1}" ]'
[ -z "\${slow:-}" ] || fell "after 5 s the program had no SIGTERM: of the flood $(arrived USR1) arrived"
got TERM || fell "the container ended with $(cat status), and the program had no SIGTERM"
survived "the program had its SIGTERM and ended with $(cat status); of the flood $before arrived before, $(arrived USR1) in all"
`,
  },
  {
    id: "O17",
    title: "a queued signal for which the program's queue has no room, and a stop behind it",
    harm: "the stop waits for what cannot be sent, or the init ends by it",
    control: "harmless",
    script: `${FORGE}
[ -n "$number" ] || could_not "the number of rt_sigqueueinfo is not known for $(uname -m)"
[ -n "$CONTROL" ] || INSIDE='prlimit --sigpending=0:0 --'
record 40
# Without an init it is the kernel that refuses.
perl -e "$forge" "$number" "$init" 40 -1 0 4711 && sent "signal 40 with a value" || sent "signal 40 with a value (refused)"
[ -z "$CONTROL" ] || await 5 'got 40' || fell "the signal itself did not arrive"
send TERM
ends_within 5 || fell "after 5 s the program had no SIGTERM"
got TERM || fell "the container ended with $(cat status), and the program had no SIGTERM"
survived "the program had its SIGTERM, and ended with $(cat status)"
`,
  },
  {
    id: "C1",
    title: "signals that the program starts with blocked, where none was",
    harm: "Ctrl-Z does nothing",
    control: "steady",
    script: `${MASK}
blocked=$(mask SigBlk)
case $blocked in *[!0]*) fell "it starts with these blocked: $blocked" ;; esac
survived "nothing is blocked: $blocked"
`,
  },
  {
    id: "D5",
    title: "SIGHUP that was inherited as ignored, as nohup does it",
    harm: "the program dies of what it was to survive",
    control: "steady",
    script: `
BEFORE='trap "" HUP'
${MASK}
ignored=$(mask SigIgn)
case $ignored in *[13579bdf]) ;; *) fell "SIGHUP was ignored, and is not: $ignored" ;; esac
survived "SIGHUP is still ignored: $ignored"
`,
  },
];
