// Every attack there is, by its id.

import type { Attack } from "./attack.ts";
import { JOB_ATTACKS } from "./jobs.ts";
import { LIFE_ATTACKS } from "./life.ts";
import { LOG_ATTACKS } from "./logs.ts";
import { MOMENT_ATTACKS } from "./moments.ts";
import { RIGHTS_ATTACKS } from "./rights.ts";
import { SIGNAL_ATTACKS } from "./signals.ts";

const ORDER = "WDCOT";
const numberOf = ({ id }: Attack): number => ORDER.indexOf(id.charAt(0)) * 1000 + Number(id.slice(1));

export const ATTACKS: readonly Attack[] = [
  ...SIGNAL_ATTACKS,
  ...LIFE_ATTACKS,
  ...LOG_ATTACKS,
  ...RIGHTS_ATTACKS,
  ...MOMENT_ATTACKS,
  ...JOB_ATTACKS,
].sort((one, other) => numberOf(one) - numberOf(other));
