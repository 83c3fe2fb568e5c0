// Attacks on an init by way of what it says.

import type { Attack } from "./attack.ts";

const ABOUT = ["tini", "dumb-init", "catatonit", "steady"] as const;

export const LOG_ATTACKS: readonly Attack[] = [
  {
    id: "W3",
    title: "the reader of the log goes away",
    harm: "the program gets the init's SIGPIPE, or the init never rests again",
    kinds: ABOUT,
    control: "harmless",
    script: `
mkfifo log
OPTIONS=$TALKATIVE
export CATATONIT_DEBUG=1
# The reader goes, but where nothing is to hurt.
if [ -n "$CONTROL" ]; then cat <log >/dev/null & else sleep 1000 <log & fi
reader=$!
BEFORE='exec >log 2>&1'
record USR1 PIPE
[ -n "$CONTROL" ] || { kill $reader; wait $reader; } 2>/dev/null
kill -USR1 "$init"
await 5 'got USR1 || ended'
await 1 'got PIPE || ended'
ended && fell "the program is gone, and the container ended with $(cat status)"
got PIPE && fell "the program got a SIGPIPE that nobody sent"
got USR1 || fell "a signal did not arrive any more"
kill -TERM "$init"
ends_within 5 || fell "a stop did not arrive any more"
survived "the program had both signals, and no SIGPIPE"
`,
  },
  {
    id: "W4",
    title: "nobody reads the log, and its pipe is full",
    harm: "the init waits for the reader, and every signal with it",
    kinds: ABOUT,
    control: "harmless",
    script: `
mkfifo log
OPTIONS=$TALKATIVE
export CATATONIT_DEBUG=1
if [ -n "$CONTROL" ]; then cat <log >/dev/null & else sleep 1000 <log & fi
# Full but for less than a line.
[ -n "$CONTROL" ] && fill=: || fill='head -c 65500 /dev/zero'
BEFORE="exec >log 2>&1; $fill"
export SIGNALS=USR1
box sh -c "$recorder"
await 5 '[ -s ready ] || ended' || fell "the program is not even started while nobody reads"
i=0
while [ $i -lt 50 ]; do kill -USR1 "$init" 2>/dev/null; i=$((i + 1)); sleep 0.01; done
kill -TERM "$init" 2>/dev/null
ends_within 5 || fell "after 5 s the program had no SIGTERM"
got TERM || fell "the container ended with $(cat status), and the program had no SIGTERM"
survived "the program had its SIGTERM"
`,
  },
  {
    id: "O6",
    title: "a process whose name looks like a line of the log",
    harm: "whoever reads the log believes what the attacker wrote",
    kinds: ["steady"],
    control: "harmless",
    script: `
name=$(printf 'x\\n[FATAL')
[ -z "$CONTROL" ] || name=x
cp "$(command -v sleep)" "./$name"
OPTIONS='--drain 300ms -v'
# It is named since it does not end in time.
box sh -c 'trap "" TERM; "./$0" 1000 & sleep 0.2' "$name"
ends_within 10 || fell "it does not end"
grep -q 'did not end in time' err || { echo "nobody was named: $(cat err)"; exit 2; }
grep -q '^\\[FATAL)' err && fell "a line begins with what the attacker wrote"
survived "$(grep 'did not end in time' err | tail -n 1)"
`,
  },
];
