// What an attack is: a shell script that sets up a container, attacks its init and says how that went. So whoever doubts a
// verdict repeats it by hand. The rule: a script judges by what arrived, never by what the init is called.

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
  /** Needs root outside: to take capabilities away, or to be another user. */
  readonly root?: boolean;
  /**
   * What is seen to hold, so that nobody falls by a mistake of ours: the same without what hurts (CONTROL is set), or, where
   * there is nothing to leave out, steady.
   */
  readonly control: "harmless" | "steady";
  /** In POSIX sh, after the prelude. Its last words are `survived`, `fell` or `not_applicable`, each with what was seen. */
  readonly script: string;
}

/** The options that make an init say what it does, by its kind. */
const TALKATIVE: Readonly<Record<Kind, string>> = {
  bare: "",
  tini: "-w -vvv",
  "dumb-init": "-v",
  catatonit: "",
  steady: "-vvv",
  other: "",
};

/** After what all scripts begin with. */
const WORDS = `
fell() { echo "fell: $*"; exit 0; }
survived() { echo "survived: $*"; exit 0; }
not_applicable() { echo "not applicable: $*"; exit 0; }
saw() { echo "saw: $*"; }

# A program that writes each of $SIGNALS to the file "got" and leaves an orphan, and ends with 7 at SIGTERM.
recorder='for s in $SIGNALS; do trap "echo $s >>got; sh -c \\"sleep 0.01 & exit\\"" $s; done
trap "echo TERM >>got; exit 7" TERM
echo ready >ready
while :; do sleep 0.02; done'
# record SIGNALS: starts it, and waits until both are at rest.
record() {
  export SIGNALS="$*"
  box sh -c "$recorder"
  await 10 '[ -s ready ] || ended'
  [ -s ready ] || fell "the program did not start: $(cat status err)"
  at_rest
}
got() { grep -qx "$1" got 2>/dev/null; }
seen() { sort -u got 2>/dev/null | tr '\\n' ' '; }
`;

/** The whole of it, as anybody can run it: \`sh script\`, as root where it says so. */
export function scriptOf(attack: Attack, target: Target, isControl: boolean, runtime: RuntimeName): string {
  const settings = [
    `# ${attack.id}: ${attack.title}${isControl ? " (control: without what hurts)" : ""}`,
    `KIND=${target.kind} INIT=${quoted(target.path ?? "")} OPTIONS='' TALKATIVE=${quoted(TALKATIVE[target.kind])}`,
    `CONTROL=${isControl ? "1" : ""}`,
    `export KIND INIT OPTIONS`,
  ];
  return [...settings, PRELUDE, containing(runtime, target.path), WORDS, attack.script.trim(), ""].join("\n");
}
