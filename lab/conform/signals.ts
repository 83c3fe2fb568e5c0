// Which signals come through an init, and as what.

import { INITS } from "../arena/target.ts";
import type { Probe } from "./probe.ts";

/** Sends each of $SIGNALS to the init and looks what is pending in a program that blocks them all. */
const EACH = `
# A program that blocks everything, also the two signals that libc keeps to itself: so what arrives stays pending. Its name is
# its argument, by which it is found out here.
holder='use Config;
my ($machine) = split /-/, $Config{archname};
my %number = (x86_64 => 14, i386 => 175, i486 => 175, i586 => 175, i686 => 175, arm => 175, powerpc64le => 174);
my $all = pack("L2", 0xffffffff, 0xffffffff);
syscall($number{$machine} // 135, 0, $all, 0, 8) == 0 or die "cannot block";
$0 = $ARGV[0];
open my $ready, ">", "ready.part"; print $ready "$$\\n"; close $ready;
rename "ready.part", "ready";
sleep 1000 while 1;'
boxes=0
hold() {
  boxes=$((boxes + 1))
  start perl -e "$holder" "hold$$.$boxes"
  await_ready
  program=$(grep -lx "Name:.hold$$.$boxes" /proc/[0-9]*/status 2>/dev/null | cut -d / -f 3)
  [ -n "$program" ] || broken "the program is not to be found"
}
pending() { field "$program" ShdPnd; }

# What becomes of the signal: arrives, nothing, "as N", "stops it", "ends it".
send() {
  before=$(pending)
  kill -"$1" "$init" 2>/dev/null
  still=0
  while :; do
    now=$(pending)
    # The kernel kills it, since its PID 1 is at its end.
    if [ -z "$now" ] || has "$now" 9; then await 10 ended; fi
    if ended; then value="ends it"; how_it_ended; return; fi
    # These two are pending for a moment at most.
    if [ "$1" != 9 ] && [ "$1" != 19 ] && has "$now" "$1"; then value=arrives evidence="it is pending in the program"; return; fi
    if [ "$(state "$program")" = T ] || [ "$(state "$init")" = T ]; then who_is_stopped; return; fi
    if [ "$now" != "$before" ] && ! has "$now" 19; then value="as $(others)" evidence="pending in the program: $(signals "$now")"; return; fi
    # Asleep with nothing in hand, ten times.
    if [ "$(state "$init")" = S ] && ! has "$(field "$init" ShdPnd)" "$1"; then still=$((still + 1)); fi
    if [ $still = 10 ]; then value=nothing evidence="the init sleeps, and nothing is pending in the program"; return; fi
    sleep 0.01
  done
}
# A moment later, so that both have had the time.
who_is_stopped() {
  await 1 '[ "$(state "$program") $(state "$init")" = "T T" ]'
  evidence="the state of the program is $(state "$program"), of the init $(state "$init")"
  case $(state "$program")$(state "$init") in
    TT) value="stops both"; [ "$program" != "$init" ] || value="stops it" ;;
    T*) value="as 19" ;;
    *) value="stops it" ;;
  esac
}
how_it_ended() {
  lives=gone
  [ ! -d "/proc/$program" ] || [ "$(state "$program")" = Z ] || lives="left behind"
  evidence="it ended with $(cat status), and the program is $lives"
}
others() { for n in $(signals "$now"); do has "$before" "$n" || printf '%s ' "$n"; done | sed 's/ $//'; }

silent=
for number in $SIGNALS; do
  [ -n "$init" ] || hold
  send $number
  cell "$PROBE.$number" "$value" "sent $number: $evidence"
  case $value in
    # From a SIGTERM on s6-svscan waits for its services, and for no signal.
    arrives) [ "$KIND $number" != "s6 15" ] || forget ;;
    nothing)
      # Sent to the program itself it does arrive: so it was the init that kept it.
      kill -$number "$program"
      has "$(pending)" $number || broken "$number does not arrive where it is sent to the program"
      silent="$silent $number" ;;
    *) forget ;;
  esac
done
controlled "sent to the program itself arrived:\${silent:- none was asked, as nothing was kept}"
`;

/** Whether orphans come to it. */
const NEEDS_SUBREAPER = `
OPTIONS=$SUBREAPER
start sh -c 'sh -c "sleep 1000 & echo \\$! >orphan"; echo ready >ready; exec sleep 1000'
await_ready
orphan=$(cat orphan)
[ -n "$(field "$orphan" PPid)" ] || broken "the orphan is not to be found"
[ "$(field "$orphan" PPid)" = "$init" ] || not_applicable "orphans do not come to it"
kill -KILL "$orphan"
forget
`;

/** A program that tells of each signal what sigaction(2) tells: code, pid, uid, and a value where there is one. */
const WITNESS = `
witness='use POSIX; use Config;
my $all = POSIX::SigSet->new(34, 10);
for my $number (34, 10) {
  POSIX::sigaction($number, POSIX::SigAction->new(sub {
    my ($name, $info, $raw) = @_;
    my $value = unpack $Config{ptrsize} == 8 ? "x24 i" : "x20 i", $raw;
    open my $got, ">>", "got"; print $got "$info->{signo} $info->{code} $info->{pid} $info->{uid} $value\\n";
  }, $all, SA_SIGINFO)) or die;
}
open my $ready, ">", "ready"; print $ready "$$\\n"; close $ready;
sleep 1000 while 1;'
# queue PID SIGNAL VALUE: sigqueue(3), by a sender whose uid is 7 in what it says.
queue='use Config;
my ($machine) = split /-/, $Config{archname};
my %number = (x86_64 => 129, i386 => 178, i486 => 178, i586 => 178, i686 => 178, arm => 178, powerpc64le => 177);
my $pad = $Config{ptrsize} == 8 ? "x4" : "";
my ($pid, $signal, $value) = map { $_ + 0 } @ARGV;
my $info = pack("i3 $pad i3 x4 x[104]", $signal, 0, -1, $$, 7, $value);
exit(syscall($number{$machine} // 138, $pid, $signal, $info) == 0 ? 0 : 1);'
queue() { perl -e "$queue" "$@" || broken "it could not be sent"; }
PLACE=inside
`;

export const SIGNAL_PROBES: readonly Probe[] = [
  { id: "pid1", group: "signals", title: "to PID 1, from outside", eachSignal: true, script: EACH },
  {
    id: "inside",
    group: "signals",
    title: "where it is not PID 1",
    eachSignal: true,
    script: `PLACE=inside\n${EACH}`,
  },
  {
    id: "subreaper",
    group: "signals",
    title: "where it is a subreaper (-s, or by itself)",
    eachSignal: true,
    script: `PLACE=inside\n${NEEDS_SUBREAPER}${EACH}`,
  },
  {
    id: "queued",
    group: "signals",
    title: "of five equal real-time signals, how many arrive?",
    script: `${WITNESS}
measure() {
  start perl -e "$witness"
  await_ready
  for n in 1 2 3 4 5; do queue "$init" 34 $n; done
  await 5 '[ "$(grep -c "^34" got 2>/dev/null)" = 5 ]'
  value=$(grep -c '^34' got) evidence="number, code, pid, uid, value of each: $(cat got)"
}
measured 5
`,
  },
  {
    id: "value",
    group: "signals",
    title: "the value of a queued signal, and who sent it",
    script: `${WITNESS}
measure() {
  start perl -e "$witness"
  await_ready
  queue "$init" 34 4711
  await 5 '[ -s got ]' || broken "nothing arrived: $(cat err)"
  case $(cat got) in
    "34 -1 "*" 7 4711") value=kept ;;
    "34 0 $init "*) value=lost ;;
    *) value=changed ;;
  esac
  evidence="sent 34 with the value 4711 and the uid 7; number, code, pid, uid, value that came: $(cat got)"
}
measured kept
`,
  },
  {
    id: "handler",
    group: "signals",
    title: "SIGTERM to PID 1, and the program has no handler",
    script: `
# Out of a namespace the program has its default action, without the init too.
PLACE=inside; bare rest; kill -TERM "$init"; ends_within 5 || broken "sleep does not end by SIGTERM"
controlled "sleep without an init and not as PID 1 ended with $(cat status)"
PLACE=pid1; rest
kill -TERM "$init"
if ends_within 5; then value=$(cat status) evidence="it ended with $value"; else value="runs on" evidence="5 s later sleep still runs"; fi
cell "$PROBE" "$value" "$evidence"
`,
  },
  ...reach("reach", "by default", "", INITS),
  ...reach("reach-group", "with -g", "$GROUP", ["tini", "catatonit", "steady"]),
  ...reach("reach-single", "with -c", "$SINGLE", ["dumb-init"]),
];

/** Who hears of a signal to the init: the program, others of its group, and one that is in a session of its own. */
function reach(id: string, how: string, options: string, kinds: Probe["kinds"]): Probe[] {
  const script = `
OPTIONS="${options}"
family='hear() { trap "echo $1 >>got" USR1; echo $1 >>started; while :; do sleep 0.02; done; }
[ $# = 0 ] || hear "$1"
sh "$0" group & setsid sh "$0" session &
trap "echo program >>got" USR1
until [ "$(wc -l <started 2>/dev/null)" = 2 ]; do sleep 0.02; done
echo ready >ready
while :; do sleep 0.02; done'
echo "$family" >family
begin() { rm -f started; start sh family; await_ready; }
heard() { grep -qx "$1" got 2>/dev/null; }
# Each of them hears what is sent to it: the group at once, and the third by itself.
PLACE=inside
bare begin
kill -USR1 "-$init"
await 5 'heard program && heard group' || broken "a group without an init does not hear: $(cat got)"
heard session && broken "a session of its own is in the group"
controlled "a signal to the group, without the init: $(sort -u got)"
kill -KILL "-$init"
PLACE=pid1
begin
kill -USR1 "$init"
await 5 'heard program' || broken "not even the program heard: $(cat err)"
await 3 'heard group && heard session'
value=program
if heard session; then value=all; elif heard group; then value=group; fi
cell "$PROBE" "$value" "sent 10 to PID 1; it was heard by: $(sort -u got)"
`;
  return [{ id, group: "signals", title: `who hears of a signal, ${how}?`, kinds: kinds ?? INITS, script }];
}
