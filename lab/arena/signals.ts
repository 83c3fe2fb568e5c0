// Attacks on the way of a signal from the engine to the program.

import type { Attack } from "./attack.ts";

export const SIGNAL_ATTACKS: readonly Attack[] = [
  {
    id: "W1",
    title: "a stop that the init may not send",
    harm: "the container ends in disorder, or the program never hears of the stop",
    root: true,
    control: "harmless",
    script: `
chmod 777 .
# cap_drop: ALL, cap_add: SETUID, SETGID; and a program that has changed its user.
[ -n "$CONTROL" ] || AROUND='setpriv --bounding-set=-all,+setuid,+setgid --'
INSIDE='setpriv --reuid=65534 --regid=65534 --clear-groups --'
record USR1
kill -TERM "$init"
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
record $all
for s in $all; do
  kill -"$s" "$init"
  await 2 "got $s || ended" || missing="\${missing:-} $s"
  ended && fell "SIG$s ended the container with $(cat status)"
done
[ -z "\${missing:-}" ] || fell "these never arrived:$missing"
survived "all arrived: $all"
`,
  },
  {
    id: "O1",
    title: "a stop for a program without a handler",
    harm: "the engine waits out its grace and kills",
    control: "steady",
    script: `
box sleep 1000
at_rest
kill -TERM "$init"
ends_within 3 || fell "it runs on: the kernel gives PID 1 no signal that it has no handler for"
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
[ -n "$CONTROL" ] || { kill -STOP "$init"; await 5 'grep -q "^State:.T" /proc/$init/status'; }
for s in USR1 USR2; do kill -$s "$init"; done
[ -n "$CONTROL" ] || kill -CONT "$init"
await 5 'got USR1 && got USR2' || fell "of USR1 and USR2 arrived: $(seen)"
kill -TERM "$init"
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
record USR1
times=20000; [ -z "$CONTROL" ] || times=5
( i=0; while [ $i -lt $times ] && kill -USR1 "$init" 2>/dev/null; do i=$((i + 1)); done ) &
kill -TERM "$init"
ends_within 5 || fell "after 5 s the program had no SIGTERM"
got TERM || fell "the container ended with $(cat status), and the program had no SIGTERM"
survived "the program had its SIGTERM in the flood, and ended with $(cat status)"
`,
  },
  {
    id: "C1",
    title: "signals that the program starts with blocked, or no longer ignores",
    harm: "Ctrl-Z does nothing, nohup does not hold",
    control: "steady",
    script: `
BEFORE='trap "" HUP'
box sh -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status >masks; cp masks done'
await 5 '[ -s done ]' || fell "the program did not run: $(cat err)"
blocked=$(awk '/SigBlk/ { print $2 }' masks)
ignored=$(awk '/SigIgn/ { print $2 }' masks)
case $blocked in *[!0]*) fell "it starts with these blocked: $blocked" ;; esac
case $ignored in *1 | *3 | *5 | *7 | *9 | *b | *d | *f) ;; *) fell "SIGHUP was ignored, and is not: $ignored" ;; esac
survived "nothing is blocked, and SIGHUP still ignored"
`,
  },
];
