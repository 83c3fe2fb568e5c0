// What an init may, and what its program may, while the program runs.

import { INITS } from "../arena/target.ts";
import type { Probe } from "./probe.ts";

/** A field of /proc/PID/status of the init or of its program, in words. */
function right(id: string, title: string, whose: "init" | "program", name: string, words: string): Probe {
  const script = `
measure() {
  rest
  program=$init
  [ "$INIT" = "" ] || program=$(children "$init")
  # What the init gives up it gives up in its first moments: looked at until it is twice the same.
  last=
  until [ "$(cat "/proc/$init/status" | grep -v ctxt)" = "$last" ]; do
    last=$(grep -v ctxt "/proc/$init/status")
    sleep 0.1
  done
  seen=$(field "$${whose}" ${name})
  evidence="${name} of the ${whose}: $seen"
  words
}
words() {
  value=$seen
  ${words}
}
# Without the init it has what a program says of itself that is started without one.
contained() { sed -n "s/^$1:[[:space:]]*//p" own; }
$CONTAIN cat /proc/self/status >own
all=$(contained CapEff) filters=$(contained Seccomp_filters)
seen=$(contained ${name})
words
measured "$value"
`;
  return { id, group: "rights", title, ...(whose === "init" ? { kinds: INITS } : {}), script };
}

const CAPABILITIES = `case $seen in
    "$all") value=all ;;
    0000000000000000) value=none ;;
    0000000000000020) value=kill ;;
  esac`;
const YES_NO = "case $seen in 0) value=no ;; 1) value=yes ;; esac";
const FILTER = 'if [ "$seen" = "$filters" ]; then value=none; else value=filter; fi';

export const RIGHTS_PROBES: readonly Probe[] = [
  right("capabilities-init", "capabilities of the init, given all", "init", "CapEff", CAPABILITIES),
  right("capabilities", "capabilities of the program", "program", "CapEff", CAPABILITIES),
  right("no-new-privs-init", "no_new_privs of the init", "init", "NoNewPrivs", YES_NO),
  right("no-new-privs", "no_new_privs of the program", "program", "NoNewPrivs", YES_NO),
  right("seccomp-init", "a seccomp filter of the init's own", "init", "Seccomp_filters", FILTER),
  right("seccomp", "a seccomp filter of the program", "program", "Seccomp_filters", FILTER),
  ...["init", "program"].map(
    (whose): Probe => ({
      id: whose === "init" ? "dumpable-init" : "dumpable",
      group: "rights",
      title: `is the ${whose} dumpable, as another user than root?`,
      ...(whose === "init" ? { kinds: INITS } : {}),
      script: `
chmod 777 .
AROUND='setpriv --reuid=65534 --regid=65534 --clear-groups --'
measure() {
  rest
  program=$init
  [ "$INIT" = "" ] || program=$(children "$init")
  # What is not dumpable belongs to root.
  case $(stat_owner "/proc/$${whose}/environ") in 65534) value=yes ;; 0) value=no ;; *) value=other ;; esac
  evidence="/proc/PID/environ of the ${whose} belongs to $(stat_owner "/proc/$${whose}/environ")"
}
stat_owner() { command stat -c %u "$1"; }
measured yes
`,
    }),
  ),
];
