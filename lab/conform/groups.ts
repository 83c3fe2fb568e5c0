// Process groups and sessions of a program, and what a terminal is to it.

import { INITS } from "../arena/target.ts";
import type { Probe } from "./probe.ts";

/** A terminal of its own for a command, on which `type` types; what it shows is in the file "screen". */
export const TERMINAL = `
# A program that writes down which signals it had and on which terminal it is. Ctrl-Z does to it what it does by default.
watcher='for my $name (qw(INT QUIT TERM HUP WINCH CONT)) {
  $SIG{$name} = sub { open my $got, ">>", "got"; print $got "$name\\n" };
}
open my $ready, ">", "ready.part"; print $ready readlink("/proc/self/fd/0"), "\\n"; close $ready;
$0 = $ARGV[0];
rename "ready.part", "ready";
sleep 1000 while 1;'
echo "$watcher" >watcher
watchers=0
# on_terminal COMMAND
on_terminal() {
  rm -f keys ready got screen
  mkfifo keys
  env --default-signal=INT,QUIT SHELL=/bin/sh PS1='ready> ' ENV= script -qefc "$1" /dev/null <keys >screen 2>&1 &
  terminal=$!
  exec 8>keys
}
# The terminal goes away, as with a lost connection.
hang_up() { exec 8>&-; kill -KILL "$terminal"; await 5 '[ "$(state "$terminal")" != S ]'; } 2>/dev/null
# And whoever was on it, so that nobody writes down what the next one had.
finish() {
  hang_up
  for each in $init $(watchers) $program; do
    kill -KILL "$each" 2>/dev/null
    await 5 '[ ! -d "/proc/$each" ] || [ "$(state "$each")" = Z ]'
  done
  init= program=
}
type() { printf "$1" >&8; }
shows() { grep -q "$1" screen; }
# Finds the program, and the init above it.
await_watcher() {
  await 20 '[ -s ready ]' || broken "the program did not start: $(cat screen)"
  program=$(grep -lx "Name:.watch$$.$watchers" /proc/[0-9]*/status 2>/dev/null | cut -d / -f 3)
  [ -n "$program" ] || broken "the program is not to be found"
  init=$(above "$(field "$program" PPid)")
  [ -n "$INIT" ] || init=$program
  await 10 '[ "$(state "$init")" = S ] && [ "$(state "$program")" = S ]'
}
# As an engine does it: PID 1 leads a session, and the terminal is the session's.
as_pid1() {
  [ $RUNTIME != docker ] || not_applicable "the terminal of such a container is the engine's: not tried"
  watchers=$((watchers + 1))
  # Of an engine's container PID 1 does.
  lead='setsid --ctty'
  [ $RUNTIME = namespaces ] || lead=
  echo "exec $lead sh -c \\"\\$launch\\" sh perl watcher watch$$.$watchers" >run
  on_terminal 'tty >outer; exec $CONTAIN sh run'
  await_watcher
}
# In a shell that somebody sits in front of.
in_shell() {
  echo "sh -c \\"\\$launch\\" sh perl watcher watch$$.$((watchers + 1)) \${1:-}" >command
  watchers=$((watchers + 1))
  on_terminal 'exec sh -i'
  await 10 'shows "ready> "' || broken "the shell is not there: $(cat screen)"
  type "$(cat command)\\n"
  await_watcher
  shell=$(cat "/proc/$terminal/task/$terminal/children" | tr -d ' ')
}
got() { grep -qx "$1" got 2>/dev/null; }
count() { grep -cx "$1" got 2>/dev/null; }
# How often it came, once it had the time to come twice.
how_often() {
  await 10 "got $1"
  await 1 "[ \\"\\$(count $1)\\" -gt 1 ]"
  case $(count "$1") in 0 | "") value=never ;; 1) value=once ;; *) value="$(count "$1") times" ;; esac
  evidence="SIG$1 came $value"
}
prompts() { grep -o 'ready> ' screen | wc -l; }
`;

export const GROUP_PROBES: readonly Probe[] = [
  {
    id: "group",
    group: "groups",
    title: "the program's process group",
    kinds: INITS,
    script: `
# An engine has done so already.
[ $RUNTIME != namespaces ] || AROUND=setsid
measure() {
  start sh -c 'echo ready >ready; sleep 1000'
  await_ready
  program=$(children "$init")
  [ -n "$INIT" ] || program=$init
  value=other
  [ "$(stat "$program" 5)" != "$(stat "$init" 5)" ] || value="the init's"
  [ "$(stat "$program" 5)" != "$program" ] || value=own
  evidence="the program $program has the group $(stat "$program" 5), the init $init has $(stat "$init" 5)"
}
measured own
`,
  },
  {
    id: "session",
    group: "groups",
    title: "the program's session",
    kinds: INITS,
    script: `
# An engine has done so already.
[ $RUNTIME != namespaces ] || AROUND=setsid
measure() {
  start sh -c 'echo ready >ready; sleep 1000'
  await_ready
  program=$(children "$init")
  [ -n "$INIT" ] || program=$init
  value=other
  [ "$(stat "$program" 6)" != "$(stat "$init" 6)" ] || value="the init's"
  [ "$(stat "$program" 6)" != "$program" ] || value=own
  evidence="the program $program has the session $(stat "$program" 6), the init $init has $(stat "$init" 6)"
}
measured own
`,
  },
];

export const TERMINAL_PROBES: readonly Probe[] = [
  {
    id: "controlling",
    group: "terminal",
    title: "has the program a controlling terminal, as PID 1's program?",
    script: `${TERMINAL}
measure() {
  as_pid1
  value=yes evidence="tty_nr of the program is $(stat "$program" 7), of the init $(stat "$init" 7)"
  [ "$(stat "$program" 7)" != 0 ] || value=no
  finish
}
measured yes
`,
  },
  {
    id: "foreground",
    group: "terminal",
    title: "whose group has the terminal's foreground?",
    kinds: INITS,
    script: `${TERMINAL}
measure() {
  as_pid1
  value=nobody
  front=$(stat "$program" 8)
  [ "$front" != "$(stat "$init" 5)" ] || value="the init's"
  [ "$front" != "$(stat "$program" 5)" ] || value="the program's"
  evidence="the foreground is $front, the program's group $(stat "$program" 5), the init's $(stat "$init" 5)"
  finish
}
measured "the program's"
`,
  },
  {
    id: "ctrl-c",
    group: "terminal",
    title: "Ctrl-C: how often does SIGINT come?",
    script: `${TERMINAL}
measure() { as_pid1; type '\\003'; how_often INT; finish; }
measured once
`,
  },
  {
    id: "ctrl-z",
    group: "terminal",
    title: "Ctrl-Z: does the program stop, under PID 1?",
    script: `${TERMINAL}
# A job of a shell, without an init.
bare in_shell
type '\\032'
await 5 '[ "$(state "$program")" = T ]' || broken "a job of a shell does not stop"
controlled "without an init, as a job of a shell, the program stops"
finish
as_pid1
type '\\032'
value="runs on"
! await 3 '[ "$(state "$program")" = T ]' || value=stops
evidence="the program's state is $(state "$program")"
cell "$PROBE" "$value" "$evidence"
`,
  },
  {
    id: "winch",
    group: "terminal",
    title: "a window of another size: how often does SIGWINCH come?",
    script: `${TERMINAL}
measure() { as_pid1; stty -F "$(cat outer)" cols 91 || broken "no stty of $(cat outer)"; how_often WINCH; finish; }
measured once
`,
  },
  {
    id: "hangup",
    group: "terminal",
    title: "the terminal goes away: does the program hear of it?",
    script: `${TERMINAL}
measure() {
  as_pid1
  hang_up
  value=no
  ! await 10 'got HUP' || value=yes
  evidence="it had: $(sort -u got 2>/dev/null)"
  finish
}
measured yes
`,
  },
  {
    id: "first-hangup",
    group: "terminal",
    title: "the first SIGHUP from outside, with a terminal: does it arrive?",
    script: `${TERMINAL}
measure() {
  as_pid1
  ! got HUP || broken "a SIGHUP came before one was sent"
  kill -HUP "$init"
  value=no
  ! await 10 'got HUP' || value=yes
  evidence="it had: $(sort -u got 2>/dev/null)"
  finish
}
measured yes
`,
  },
  {
    id: "job-stop",
    group: "terminal",
    title: "Ctrl-Z in a shell, where it is not PID 1",
    script: `${TERMINAL}
measure() {
  in_shell
  before=$(prompts)
  type '\\032'
  value="shell hangs"
  ! await 5 '[ "$(prompts)" -gt "$before" ]' || value="shell is back"
  evidence="the program's state is $(state "$program"), the init's $(state "$init")"
  finish
}
measured "shell is back"
`,
  },
  {
    id: "job-go-on",
    group: "terminal",
    title: "and fg after it",
    script: `${TERMINAL}
measure() {
  in_shell
  before=$(prompts)
  type '\\032'
  if await 5 '[ "$(prompts)" -gt "$before" ]'; then
    type 'fg\\n'
    value="goes on"
    await 10 '[ "$(state "$program")" = S ]' || value="stays stopped"
    type '\\003'
    [ "$value" != "goes on" ] || await 10 'got INT' || value="without keys"
    evidence="after fg its state is $(state "$program"), and it had $(cat got 2>/dev/null)"
  else
    value="no job" evidence="the shell does not come back"
  fi
  finish
}
measured "goes on"
`,
  },
  {
    id: "background",
    group: "terminal",
    title: "started with & in a shell: who has the terminal?",
    script: `${TERMINAL}
measure() {
  in_shell '&'
  value="the program"
  front=$(stat "$shell" 8)
  [ "$front" != "$(stat "$shell" 5)" ] || value="the shell"
  evidence="the foreground is $front, the shell's group $(stat "$shell" 5), the program's $(stat "$program" 5)"
  finish
}
measured "the shell"
`,
  },
  {
    id: "given-back",
    group: "terminal",
    title: "ended in a script: has the script the terminal again?",
    script: `${TERMINAL}
measure() {
  rm -f over
  # Without job control, as in every script: nobody but the init gives it back.
  echo "sh -c \\"\\$launch\\" sh true; echo over >over; exec sleep 1000" >run
  on_terminal 'exec sh run'
  await 20 '[ -s over ]' || broken "it did not end: $(cat screen)"
  caller=$(cat "/proc/$terminal/task/$terminal/children" | tr -d ' ')
  value=no
  [ "$(stat "$caller" 8)" != "$(stat "$caller" 5)" ] || value=yes
  evidence="the foreground is $(stat "$caller" 8), the script's group $(stat "$caller" 5)"
  finish
}
measured yes
`,
  },
];
