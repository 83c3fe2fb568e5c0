// Every promise that is played on the core; those about command lines are many, and stand apart.

import { ATTESTATIONS } from "./attest.ts";
import { CATATONITS } from "./catatonit.ts";
import { COUNTERS } from "./counters.ts";
import { DUMB_INITS } from "./dumb-init.ts";
import { ENDINGS } from "./ending.ts";
import { EVENTS } from "./events.ts";
import { EXECS } from "./exec.ts";
import { FILES } from "./files.ts";
import { INSTALLATIONS } from "./install.ts";
import { LIMITS } from "./limit.ts";
import { LOGS } from "./logs.ts";
import { LOOPS } from "./loop.ts";
import { NOTIFICATIONS } from "./notify.ts";
import { NUMBERS } from "./numbers.ts";
import { POLICIES } from "./policy.ts";
import { PRIVILEGES } from "./privilege.ts";
import { PROBES } from "./probe.ts";
import type { Played } from "./promises.ts";
import { RESTARTS } from "./restart.ts";
import { SAID } from "./said.ts";
import { SANDBOXES } from "./sandbox.ts";
import { SENTENCES } from "./sentences.ts";
import { SPELLINGS } from "./spelling.ts";
import { STARTS } from "./start.ts";
import { STATUSES } from "./status.ts";
import { SWEEPS } from "./sweep.ts";
import { TERMINALS } from "./terminal.ts";
import { TOLD } from "./told.ts";
import { USERS } from "./user.ts";
import { VALUES } from "./values.ts";
import { WAITINGS } from "./waiting.ts";
import { WATCHES } from "./watch.ts";

export const PLAYED: readonly Played[] = [
  ...ATTESTATIONS,
  ...CATATONITS,
  ...DUMB_INITS,
  ...ENDINGS,
  ...COUNTERS,
  ...EVENTS,
  ...EXECS,
  ...FILES,
  ...INSTALLATIONS,
  ...LIMITS,
  ...LOGS,
  ...LOOPS,
  ...NOTIFICATIONS,
  ...NUMBERS,
  ...POLICIES,
  ...PRIVILEGES,
  ...PROBES,
  ...RESTARTS,
  ...SAID,
  ...SANDBOXES,
  ...SENTENCES,
  ...SPELLINGS,
  ...STARTS,
  ...SWEEPS,
  ...STATUSES,
  ...TERMINALS,
  ...TOLD,
  ...USERS,
  ...VALUES,
  ...WAITINGS,
  ...WATCHES,
];
