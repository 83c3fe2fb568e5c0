// With which status an init ends.

import { INITS } from "../arena/target.ts";
import type { Probe } from "./probe.ts";

/** A program that cannot be started; `attempt` does it, and the value is the status. */
function failing(id: string, title: string, attempt: string): Probe {
  const script = `
# As it is on the command line: with nothing put between.
launch='exec "$INIT" "$@"'
start -- true
ends_within 10 && [ "$(cat status)" = 0 ] || broken "it does not even run true: $(cat status err)"
controlled "it ran true, and ended with 0"
${attempt}
ends_within 10 || { cell "$PROBE" hangs "after 10 s it still runs"; exit; }
value=$(cat status)
[ -s err ] || [ -s out ] || value="$value, silent"
cell "$PROBE" "$value" "it ended with $(cat status) and said: $(cat err out)"
`;
  return { id, group: "statuses", title, kinds: INITS, script };
}

export const STATUS_PROBES: readonly Probe[] = [
  {
    id: "exit",
    group: "statuses",
    title: "the program exits with 0 to 255: with what does the container end?",
    script: `
# Ends with every status in turn, as PID 1; an engine takes its time for each.
statuses=$(seq 0 255)
[ $RUNTIME = namespaces ] || statuses='0 1 2 3 7 64 78 99 100 125 126 127 128 129 130 137 143 192 254 255'
measure() {
  differing=
  for n in $statuses; do
    $CONTAIN sh -c "$launch" sh sh -c "exit $n" >/dev/null 2>&1
    got=$?
    [ $got = $n ] || differing="$differing $n:$got"
  done
  value="the same" evidence="$(echo $statuses | wc -w) statuses of a program, and those of the container"
  [ -z "$differing" ] || value=differs evidence="the program's, and the container's:$differing"
}
measured "the same"
`,
  },
  {
    id: "killed",
    group: "statuses",
    title: "signal n ends the program: with what does the container end?",
    script: `
ulimit -c 0
# All that end a process by default.
deadly=$(for n in $(seq 1 64); do case $n in 17 | 18 | 19 | 20 | 21 | 22 | 23 | 28) ;; *) echo $n ;; esac; done)
# Not a shell, which catches SIGINT; perl begins with SIGFPE ignored.
ends='$SIG{FPE} = "DEFAULT"; kill $ARGV[0], $$; exit 99'
# dies AROUND: lets a program end by each of them, and puts together what came of it.
dies() {
  right= wrong=
  for n in $deadly; do
    # In a shell of its own, so that this one does not tell of it.
    got=$(sh -c '"$@" >/dev/null 2>&1; echo $?' sh "$@" perl -e "$ends" $n 2>/dev/null)
    if [ "$got" = $((128 + n)) ]; then right="$right $n"; else wrong="$wrong $n:$got"; fi
  done
  value="128 + n" evidence="n:$right"
  [ -z "$wrong" ] || value=differs evidence="signal and status:$wrong"
  other=$(echo "$wrong" | sed 's/ [0-9]*:99//g')
  [ -n "$right$other" ] || value="no signal ends it"
}
dies
[ "$value" = "128 + n" ] || broken "without a namespace and an init it is not 128 + n: $evidence"
controlled "without an init, and not as PID 1: 128 + n for $evidence"
dies $CONTAIN sh -c "$launch" sh
cell "$PROBE" "$value" "$evidence"
`,
  },
  failing("missing", "a program whose path is not there", "start -- /nothing/here"),
  failing("unknown", "a program that is nowhere in PATH", "start -- nothing-of-this-name"),
  failing("below-a-file", "a program below what is no directory", "start -- /etc/passwd/program"),
  failing("no-permission", "a program that may not be executed", "echo 'exit 5' >text; start -- ./text"),
  failing("directory", "a program that is a directory", "start -- /usr"),
  failing(
    "interpreter",
    "a script whose interpreter is not there",
    "printf '#!/nothing/here\\n' >script; chmod 755 script; start -- ./script",
  ),
  failing(
    "text",
    "a text without #!, which shells run (it exits with 5)",
    "echo 'echo text; exit 5' >text; chmod 755 text; start -- ./text",
  ),
  failing(
    "not-a-binary",
    "an ELF file of which nothing but the first bytes is there",
    "printf '\\177ELF\\1\\1\\1' >binary; chmod 755 binary; start -- ./binary",
  ),
  failing("loop", "a program that is a link to itself", "ln -s loop loop; start -- ./loop"),
  failing("empty", "a program whose name is empty", "start -- ''"),
  failing("option", "an option that the init does not have", "start --no-such-option true"),
  failing("nothing", "no program at all", "start"),
];
