// Every probe there is, in the order of docs/conform.md.

import { GROUP_PROBES, TERMINAL_PROBES } from "./groups.ts";
import { LEFTOVER_PROBES, REAPING_PROBES } from "./leftovers.ts";
import type { Probe } from "./probe.ts";
import { RIGHTS_PROBES } from "./rights.ts";
import { SIGNAL_PROBES } from "./signals.ts";
import { START_PROBES } from "./start.ts";
import { STATUS_PROBES } from "./statuses.ts";

export const PROBES: readonly Probe[] = [
  ...SIGNAL_PROBES,
  ...STATUS_PROBES,
  ...START_PROBES,
  ...GROUP_PROBES,
  ...TERMINAL_PROBES,
  ...LEFTOVER_PROBES,
  ...REAPING_PROBES,
  ...RIGHTS_PROBES,
];
