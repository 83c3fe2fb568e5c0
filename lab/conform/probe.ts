// What a probe is: a shell script that starts an init, does something to it, and says what came of it. The rule: no value counts
// that is not what the script saw, and none where its control, the same without the init, did not come out as it must.

import { adapting } from "../arena/adapter.ts";
import { containing } from "../arena/contain.ts";
import { quoted } from "../arena/quoted.ts";
import type { RuntimeName } from "../arena/runtime.ts";
import { PRELUDE } from "../arena/script.ts";
import type { Kind, Target } from "../arena/target.ts";

export const GROUPS = [
  "signals",
  "statuses",
  "start",
  "groups",
  "terminal",
  "leftovers",
  "reaping",
  "rights",
] as const;
export type Group = (typeof GROUPS)[number];

/** What a reader calls the group. */
export const HEADINGS: Readonly<Record<Group, string>> = {
  signals: "Signals",
  statuses: "Exit status",
  start: "What the program starts with",
  groups: "Groups and sessions",
  terminal: "Terminal",
  leftovers: "What the program leaves behind",
  reaping: "Orphans, and rest",
  rights: "Rights",
};

export interface Probe {
  /** As docs/conform.md has it. */
  readonly id: string;
  readonly group: Group;
  /** What is asked; the value answers it. */
  readonly title: string;
  /** Whom it is about; everybody where nothing is said. */
  readonly kinds?: readonly Kind[];
  /** Of a probe that has a row for each signal: ID.1 to ID.64. */
  readonly eachSignal?: boolean;
  /**
   * In POSIX sh, after the prelude. It says "control: ..." once its control has held, and "cell: ROW VALUE EVIDENCE" with tabs
   * between for each row, or "not applicable: ...".
   */
  readonly script: string;
}

const SIGNAL_MAX = 64;

/** The options that make an init a subreaper, and that make it signal a group, or the program alone; none where it has none. */
const SUBREAPER: Partial<Readonly<Record<Kind, string>>> = { tini: "-s", steady: "-s" };
const GROUP: Partial<Readonly<Record<Kind, string>>> = { tini: "-g", catatonit: "-g", steady: "-g" };
const SINGLE: Partial<Readonly<Record<Kind, string>>> = { "dumb-init": "-c" };

/** What terminals are looked at with (TERMINAL in groups.ts), also by attacks. */
export const LOOKING = `
broken() { echo "$*" | tr '\\n\\t' '  '; echo; exit 2; }
# Of /proc/PID/status, and of /proc/PID/stat behind the name: field PID NAME, state PID, stat PID NUMBER.
field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" 2>/dev/null; }
state() { field "$1" State | cut -c 1; }
stat() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f $(($2 - 2)); }
`;

const WORDS = `${LOOKING}
not_applicable() { echo "not applicable: $*"; exit 0; }
# cell ROW VALUE EVIDENCE
cell() { printf 'cell: %s\\t%s\\t%s\\n' "$1" "$2" "$(printf %s "$3" | tr '\\n\\t' '  ')"; }
controlled() { echo "control: $*" | tr '\\n\\t' '  '; echo; }

# start PROGRAM ARGS: starts PROGRAM under the init, as PID 1 (PLACE=pid1) or as any other process (PLACE=inside). Out here the
# init has the number in $init.
PLACE=pid1
start() {
  forget
  if [ "$PLACE" = pid1 ]; then box "$@"; return; fi
  (
    env --default-signal=INT,QUIT setsid sh -c 'echo $$ >box; eval "$BEFORE"; eval "$launch"' sh "$@" >>out 2>>err
    echo $? >status
  ) &
  await 10 '[ -s box ] || ended'
  init=$(cat box)
}
export launch
init= program=
# What was started before is gone.
forget() {
  for each in $init $(watchers) $program; do kill -KILL "$each" 2>/dev/null; done
  [ -z "$init" ] || await 10 ended
  rm -f box status out err ready got
  init= program=
}
# await_ready: the program has written the file "ready", and the init is asleep.
await_ready() {
  await 20 '[ -s ready ] || ended'
  [ -s ready ] || broken "the program did not start: status $(cat status), $(cat err)"
  at_rest
}
# Starts a program that lives until it is killed.
rest() { start sh -c 'echo ready >ready; exec sleep 1000' && await_ready; }

# bare COMMAND: does it without the init.
bare() { with=$INIT; INIT=; "$@"; INIT=$with; }
# measured EXPECTED...: a row of which \`measure\` finds the $value, with the $evidence. Without the init that is EXPECTED, or
# the script does not measure what it is to measure.
measured() {
  bare measure
  isExpected=
  for expected; do [ "$value" != "$expected" ] || isExpected=1; done
  [ -n "$isExpected" ] || broken "without the init it is not $* but $value: $evidence"
  controlled "without the init: $value ($evidence)"
  measure
  cell "$PROBE" "$value" "$evidence"
}

# has MASK NUMBER: whether the signal is in a mask of /proc/PID/status, sixteen hexadecimal digits.
has() {
  if [ "$2" -gt 32 ]; then half=\${1%????????} bit=$(($2 - 33)); else half=\${1#????????} bit=$(($2 - 1)); fi
  [ $(((0x\${half:-0} >> bit) & 1)) = 1 ]
}
# signals MASK: their numbers.
signals() {
  numbers= n=1
  while [ $n -le 64 ]; do has "$1" $n && numbers="$numbers $n"; n=$((n + 1)); done
  echo \${numbers:-none}
}
`;

/** The whole of it, as anybody can run it; of a probe for each signal, for these alone. */
export function scriptOf(
  probe: Probe,
  target: Target,
  signals: readonly number[],
  runtime: RuntimeName,
): string {
  const of = (options: Partial<Readonly<Record<Kind, string>>>): string => quoted(options[target.kind] ?? "");
  const settings = [
    `# ${probe.id}: ${probe.title}`,
    `PROBE=${probe.id} KIND=${target.kind} INIT=${quoted(target.path ?? "")} OPTIONS=''`,
    `SUBREAPER=${of(SUBREAPER)} GROUP=${of(GROUP)} SINGLE=${of(SINGLE)}`,
    ...(probe.eachSignal === true ? [`SIGNALS=${quoted(signals.join(" "))}`] : []),
    "export INIT OPTIONS",
  ];
  return [
    ...settings,
    PRELUDE,
    containing(runtime, [target.path]),
    adapting(target),
    WORDS,
    probe.script.trim(),
    "",
  ].join("\n");
}

/** The ids of its rows. */
export function rowsOf({ id, eachSignal }: Probe): readonly string[] {
  if (eachSignal !== true) return [id];
  return Array.from({ length: SIGNAL_MAX }, (_, i) => `${id}.${i + 1}`);
}
