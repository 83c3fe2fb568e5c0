// Attacks by way of a terminal, where the init is a job of a shell, as outside of containers. The shell's prompts and the
// terminal's foreground are looked at, as conform does it.

import { TERMINAL } from "../conform/groups.ts";
import { LOOKING } from "../conform/probe.ts";
import type { Attack } from "./attack.ts";

const SHELL = `${LOOKING}${TERMINAL}
export launch
# The control: the program itself is the job.
[ -z "$CONTROL" ] || INIT=
`;

export const JOB_ATTACKS: readonly Attack[] = [
  {
    id: "O13",
    title: "the first SIGHUP from outside, where PID 1 has a terminal",
    harm: "an init that gives its terminal away takes it for the kernel's own, and drops it",
    control: "harmless",
    script: `${LOOKING}${TERMINAL}
export launch
# The control: the program itself is PID 1.
[ -z "$CONTROL" ] || INIT=
as_pid1
got HUP && could_not "a SIGHUP came before one was sent"
send HUP
await 5 'got HUP' || fell "it did not arrive: $(seen)"
finish
survived "it arrived"
`,
  },
  {
    id: "W9",
    title: "an init that is started with & in a shell",
    harm: "it takes the terminal away, and the shell ends or stops",
    control: "harmless",
    script: `${SHELL}
in_shell '&'
# What it does it does at its start.
await 1 '[ "$(stat "$shell" 8)" != "$(stat "$shell" 5)" ]'
front=$(stat "$shell" 8)
[ "$front" = "$(stat "$shell" 5)" ] || fell "the foreground is group $front, the shell's $(stat "$shell" 5)"
finish
survived "the shell has its terminal still"
`,
  },
  {
    id: "W10",
    title: "Ctrl-Z where the init is a job of a shell",
    harm: "the program stops, the shell does not come back, and nobody can go on",
    control: "harmless",
    script: `${SHELL}
in_shell
before=$(prompts)
type '\\032'
await 5 '[ "$(prompts)" -gt "$before" ]' || fell "the program's state is $(state "$program"), the init's $(state "$init"), and the shell waits"
finish
survived "the shell is back"
`,
  },
];
