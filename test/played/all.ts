// Every promise that is played on the core; those about command lines are many, and stand apart.

import { ATTESTATIONS } from "./attest.ts";
import { CATATONITS } from "./catatonit.ts";
import { DUMB_INITS } from "./dumb-init.ts";
import { EXECS } from "./exec.ts";
import { FILES } from "./files.ts";
import { LOGS } from "./logs.ts";
import { LOOPS } from "./loop.ts";
import { NUMBERS } from "./numbers.ts";
import { POLICIES } from "./policy.ts";
import { PRIVILEGES } from "./privilege.ts";
import type { Played } from "./promises.ts";
import { RESTARTS } from "./restart.ts";
import { SANDBOXES } from "./sandbox.ts";
import { SENTENCES } from "./sentences.ts";
import { SPELLINGS } from "./spelling.ts";
import { STARTS } from "./start.ts";
import { STATUSES } from "./status.ts";
import { TERMINALS } from "./terminal.ts";
import { USERS } from "./user.ts";
import { WAITINGS } from "./waiting.ts";

export const PLAYED: readonly Played[] = [
  ...ATTESTATIONS,
  ...CATATONITS,
  ...DUMB_INITS,
  ...EXECS,
  ...FILES,
  ...LOGS,
  ...LOOPS,
  ...NUMBERS,
  ...POLICIES,
  ...PRIVILEGES,
  ...RESTARTS,
  ...SANDBOXES,
  ...SENTENCES,
  ...SPELLINGS,
  ...STARTS,
  ...STATUSES,
  ...TERMINALS,
  ...USERS,
  ...WAITINGS,
];
