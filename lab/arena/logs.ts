// Attacks on an init by way of what it says.

import type { Attack } from "./attack.ts";
import { INITS } from "./target.ts";

const ABOUT = ["tini", "dumb-init", "catatonit", "steady"] as const;

export const LOG_ATTACKS: readonly Attack[] = [
  {
    id: "W3",
    title: "the reader of the log goes away, where the init was asked to say what it does (-v)",
    harm: "the program gets the init's SIGPIPE",
    kinds: ABOUT,
    control: "harmless",
    script: `
mkfifo log
talkative
# The reader goes, but where nothing is to hurt.
if [ -n "$CONTROL" ]; then cat <log >/dev/null & else sleep 1000 <log & fi
reader=$!
BEFORE='exec >log 2>&1'
record USR1 PIPE
[ -n "$CONTROL" ] || { kill $reader; wait $reader; } 2>/dev/null
send USR1
await 5 'got USR1 || ended'
await 1 'got PIPE || ended'
ended && fell "the program is gone, and the container ended with $(cat status)"
got PIPE && fell "the program got a SIGPIPE that nobody sent"
got USR1 || fell "a signal did not arrive any more"
send TERM
ends_within 5 || fell "a stop did not arrive any more"
survived "the program had both signals, and no SIGPIPE"
`,
  },
  {
    id: "D7",
    title: "the reader of the log goes away (-v), and what the init does then, and when its program ends",
    harm: "the init uses a whole processor, and never ends",
    kinds: ABOUT,
    control: "harmless",
    script: `
mkfifo log
talkative
if [ -n "$CONTROL" ]; then cat <log >/dev/null & else sleep 1000 <log & fi
reader=$!
BEFORE='exec >log 2>&1'
# It does not mind a SIGPIPE.
box sh -c 'exec >/dev/null 2>&1; trap "" PIPE; trap "echo USR1 >>got" USR1; echo ready >ready
until [ -s over ]; do sleep 0.02; done; exit 7'
await 10 '[ -s ready ] || ended'
[ -s ready ] || could_not "the program did not start"
at_rest
[ -n "$CONTROL" ] || { kill $reader; wait $reader; } 2>/dev/null
send USR1
await 5 'got USR1 || ended'
# Its time on a processor, in hundredths of a second.
ticks() { sed 's/.*) //' "/proc/$init/stat" 2>/dev/null | awk '{ print $12 + $13 }'; }
before=$(ticks)
sleep 1
used=$(($(ticks) - before))
ended && fell "the container ended with $(cat status), and its program runs"
echo over >over
ends_within 5 || fell "the program has ended, and the container has not; in a second the init used $used hundredths of a processor"
[ $used -lt 30 ] || fell "in a second the init used $used hundredths of a processor"
[ "$(cat status)" = 7 ] || fell "the program ended with 7, the container with $(cat status)"
survived "the init used $used hundredths of a processor in a second, and ended with its program"
`,
  },
  {
    id: "W4",
    title: "nobody reads the log, and its pipe is full, where the init was asked to say what it does (-v)",
    harm: "the init waits for the reader, and every signal with it",
    kinds: ABOUT,
    control: "harmless",
    script: `
mkfifo log
talkative
if [ -n "$CONTROL" ]; then cat <log >/dev/null & else sleep 1000 <log & fi
# Full but for less than a line.
[ -n "$CONTROL" ] && fill=: || fill='head -c 65500 /dev/zero'
BEFORE="exec >log 2>&1; $fill"
export SIGNALS=USR1
box sh -c "$recorder"
await 5 '[ -s ready ] || ended' || fell "the program is not even started while nobody reads"
i=0
while [ $i -lt 50 ]; do kill -USR1 "$init" 2>/dev/null; i=$((i + 1)); sleep 0.01; done
sent "50 times SIGUSR1"
send TERM
ends_within 5 || fell "after 5 s the program had no SIGTERM"
got TERM || fell "the container ended with $(cat status), and the program had no SIGTERM"
survived "the program had its SIGTERM"
`,
  },
  {
    id: "O6",
    title: "a process whose name looks like a line of the log, and of --events json",
    harm: "whoever reads the log believes what the attacker wrote",
    kinds: ["steady"],
    control: "harmless",
    script: `
# straggler NAME OPTIONS: NAME is told, as the program and as what does not end in time; with \`-vv\` as an argument too.
straggler() {
  rm -f status err
  OPTIONS="--drain 300ms -vv \${2:-}"
  cp "$(command -v sleep)" "./$1"
  printf '#!/bin/sh\\ntrap "" TERM; "./$1" 1000 & sleep 0.2' >"./$1.sh"
  chmod 755 "./$1.sh"
  box "./$1.sh" "$1"
  ends_within 10 || fell "it does not end"
  grep -q "\${3:-did not end in time}" err || could_not "nobody was named: $(cat err)"
  sent "a process called $(printf %s "$1" | tr '\\n' '~'), where ~ is a new line, \${2:-with the log as text}"
}
name=$(printf 'x\\n[FATAL')
[ -z "$CONTROL" ] || name=x
straggler "$name"
grep -q '^\\[FATAL[^ ]' err && fell "a line begins with what the attacker wrote"
told=$(grep 'did not end in time' err | tail -n 1)
# As long as a name can be: 15 bytes.
name=$(printf 'x"}\\n{"event":1')
[ -z "$CONTROL" ] || name=y
straggler "$name" '--events json' '"event"'
grep -q '^{"event":1' err && fell "an event begins with what the attacker wrote"
survived "each stands in a line that is the init's: $told; $(grep '^{' err | tail -n 1)"
`,
  },
  {
    id: "O12",
    title: "a program that is not there, whose name looks like a line of the log",
    harm: "whoever reads the log believes what the attacker wrote",
    kinds: INITS,
    control: "harmless",
    script: `
name=$(printf '/nothing/here\\n[FATAL forged')
[ -z "$CONTROL" ] || name=/nothing/here
talkative
box "$name"
sent "the program $(printf %s "$name" | tr '\\n' '~'), where ~ is a new line"
ends_within 5 || fell "it hangs"
[ -s err ] || could_not "it said nothing, and ended with $(cat status)"
grep -q '^\\[FATAL forged' err && fell "a line of the log begins with what the attacker wrote"
survived "no line begins with it: $(tail -n 1 err)"
`,
  },
];
