// What an attack is: a shell script that sets up a container, attacks its init and says how that went. So whoever doubts a
// verdict repeats it by hand. The rule: a script judges by what arrived, never by what the init is called.

import { adapting } from "./adapter.ts";
import { containing } from "./contain.ts";
import { quoted } from "./quoted.ts";
import type { RuntimeName } from "./runtime.ts";
import { PRELUDE } from "./script.ts";
import type { Kind, Target } from "./target.ts";

export interface Attack {
  /** As docs/attack.md has it: W for tini, D for dumb-init, C for catatonit, O for any other, T for what steady alone offers. */
  readonly id: string;
  readonly title: string;
  /** What goes wrong where it falls. */
  readonly harm: string;
  /** Whom it is about; everybody where nothing is said. */
  readonly kinds?: readonly Kind[];
  /** Needs a build of steady whose core can be made to fail. */
  readonly planted?: boolean;
  /**
   * What is seen to hold, so that nobody falls by a mistake of ours: the same without what hurts (CONTROL is set), or, where
   * there is nothing to leave out, steady.
   */
  readonly control: "harmless" | "steady";
  /** In POSIX sh, after the prelude. Its last words are `survived`, `fell` or `not_applicable`, each with what was seen. */
  readonly script: string;
}

/** The options that make an init say what it does, by its kind; catatonit has a variable for it. */
const TALKATIVE: Readonly<Record<Kind, string>> = {
  bare: "",
  tini: "-w -vvv",
  "dumb-init": "-v",
  catatonit: "",
  steady: "-vvv",
  runit: "",
  s6: "",
  systemd: "",
  other: "",
};

/** After what all scripts begin with. */
const WORDS = `
fell() { verdict "fell: $*"; }
survived() { verdict "survived: $*"; }
# In one line: an init may have said more.
verdict() { tell; printf '%s\\n' "$*$(with)" | awk '{ printf "%s%s", (NR > 1 ? "; " : ""), $0 } END { print "" }'; exit 0; }
not_applicable() { tell; echo "not applicable: $*"; exit 0; }
# could_not WORDS: nothing can be said.
could_not() { tell; echo "$*"; exit 2; }
GIVEN=
with() { [ -z "$INIT$GIVEN" ] || [ -z "$OPTIONS$GIVEN" ] || echo " (with $GIVEN\${GIVEN:+\${OPTIONS:+ }}$OPTIONS)"; }
# What a verdict comes from, so that it can be doubted: the last of what was sent, arrived and was said.
tell() {
  [ ! -s sent ] || tail -n 64 sent | sed 's/^/saw sent: /'
  [ ! -s got ] || sort got | uniq -c | sed 's/^ *\\([0-9]*\\) \\(.*\\)/saw got: \\2, \\1 times/; s/, 1 times$//'
  [ ! -s status ] || echo "saw status: $(cat status)"
  for each in out err log; do [ ! -f $each ] || tail -n 6 $each | cut -c 1-400 | sed "s/^/saw $each: /"; done
}
# send SIGNAL: from outside to the init.
send() { sent "SIG$1"; kill -"$1" "$init" 2>/dev/null; }
sent() { echo "$*" >>sent; }
# The init is asked to say what it does.
talkative() {
  OPTIONS=$TALKATIVE
  [ $KIND != catatonit ] || { export CATATONIT_DEBUG=1; GIVEN=CATATONIT_DEBUG=1; }
}

# A program that writes each of $SIGNALS to the file "got" and leaves an orphan, and ends with 7 at SIGTERM. The log is the init's
# alone: a shell says there when a signal to all of them has ended its sleep, and would die of a log that nobody reads.
recorder='exec >/dev/null 2>&1
for s in $SIGNALS; do trap "echo $s >>got; sh -c \\"sleep 0.01 & exit\\"" $s; done
trap "echo TERM >>got; exit 7" TERM
echo ready >ready
while :; do sleep 0.02; done'
# record SIGNALS: starts it, and waits until both are at rest.
record() {
  export SIGNALS="$*"
  box sh -c "$recorder"
  started
}
started() {
  await 10 '[ -s ready ] || ended'
  [ -s ready ] || fell "the program did not start: $(cat status err 2>/dev/null)"
  at_rest
}
arrived() { count=$(grep -cx "$1" got 2>/dev/null); echo "\${count:-0}"; }
got() { grep -qx "$1" got 2>/dev/null; }
seen() { sort -u got 2>/dev/null | tr '\\n' ' '; }
`;

/** How an attack is played. */
interface Staging {
  /** Without what hurts. */
  readonly isControl: boolean;
  readonly runtime: RuntimeName;
  /** A build of steady whose core can be made to fail. */
  readonly planted?: string | undefined;
}

/** The whole of it, as anybody can run it: \`sh script\`, as root where it says so. */
export function scriptOf(attack: Attack, target: Target, { isControl, runtime, planted }: Staging): string {
  const settings = [
    `# ${attack.id}: ${attack.title}${isControl ? " (control: without what hurts)" : ""}`,
    `KIND=${target.kind} INIT=${quoted(target.path ?? "")} OPTIONS='' TALKATIVE=${quoted(TALKATIVE[target.kind])}`,
    `CONTROL=${isControl ? "1" : ""} PLANTED=${quoted(planted ?? "")}`,
    `export KIND INIT OPTIONS`,
  ];
  return [
    ...settings,
    PRELUDE,
    containing(runtime, [target.path, planted]),
    adapting(target),
    WORDS,
    attack.script.trim(),
    "",
  ].join("\n");
}
