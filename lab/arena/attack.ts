// What an attack is: a shell script that sets up a container, attacks its init and says how that went. So whoever doubts a
// verdict repeats it by hand. The rule: a script judges by what arrived, never by what the init is called.

export const KINDS = ["bare", "tini", "dumb-init", "catatonit", "steady", "other"] as const;
export type Kind = (typeof KINDS)[number];

/** An init that is attacked. */
export interface Target {
  readonly name: string;
  readonly kind: Kind;
  /** Nothing where the program itself is PID 1. */
  readonly path?: string;
}

export interface Attack {
  /** As docs/attack.md has it: W for tini, D for dumb-init, C for catatonit, O for any other, T for what --trust claims. */
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

const PRELUDE = `\
set -u
# The lab gives a folder and removes it; by hand there is one for the moment.
if [ -n "\${HERE:-}" ]; then cd "$HERE"; else cd "$(mktemp -d)" && trap 'rm -rf "$PWD"' EXIT; fi || exit 2

fell() { echo "fell: $*"; exit 0; }
survived() { echo "survived: $*"; exit 0; }
not_applicable() { echo "not applicable: $*"; exit 0; }
saw() { echo "saw: $*"; }

# await SECONDS CONDITION: looks fifty times a second.
await() {
  looks=$(($1 * 50))
  while [ $looks -gt 0 ]; do
    if eval "$2"; then return 0; fi
    sleep 0.02
    looks=$((looks - 1))
  done
  return 1
}

# box PROGRAM ARGS: starts PROGRAM under the init as PID 1. BEFORE is shell code that comes first, AROUND a command in front of
# the init, INSIDE one in front of the program. Out here PID 1 has the number in $init.
BEFORE= AROUND= INSIDE=
export BEFORE AROUND INSIDE
launch='[ -n "$INIT" ] && set -- "$INIT" $OPTIONS -- $INSIDE "$@" || set -- $INSIDE "$@"
exec $AROUND "$@"'
box() {
  (
    env --default-signal=INT,QUIT sh -c 'echo $$ >box; exec unshare --pid --fork --kill-child --mount-proc -- "$@"' sh \\
      sh -c "$BEFORE
$launch" sh "$@" >>out 2>>err
    echo $? >status
  ) &
  await 10 '[ -s box ] && init=$(children "$(cat box)") && [ -n "$init" ] || ended'
  # Where the program has ended already there is none.
  [ -n "\${init:-}" ] || init=none
}
children() { cat "/proc/$1/task/$1/children" 2>/dev/null | tr -d ' '; }

# Whether it has ended, and with what.
ended() { [ -s status ]; }
ends_within() { await "$1" ended; }

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
at_rest() { await 10 'grep -q "^State:.S" "/proc/$init/status" 2>/dev/null || ended'; }
`;

/** The whole of it, as anybody can run it: \`sh script\`, as root where it says so. */
export function scriptOf(attack: Attack, target: Target, isControl: boolean): string {
  const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const settings = [
    `# ${attack.id}: ${attack.title}${isControl ? " (control: without what hurts)" : ""}`,
    `KIND=${target.kind} INIT=${quote(target.path ?? "")} OPTIONS='' TALKATIVE=${quote(TALKATIVE[target.kind])}`,
    `CONTROL=${isControl ? "1" : ""}`,
    `export KIND INIT OPTIONS`,
  ];
  return [...settings, PRELUDE, attack.script.trim(), ""].join("\n");
}
