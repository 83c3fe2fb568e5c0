// How a planted bug is looked for: in lives from the first seed on, or in the one that is named.

import { changedCore } from "../../simulator/cores.ts";
import { Judge, readLife } from "../../simulator/judge.ts";
import type { Bug } from "./table.ts";

const LIVES_MAX = 3000;

/** The law that breaks first, or why there is none. */
export async function firstBroken({ changes, faults = 0, life }: Bug): Promise<string> {
  const judge = new Judge(await changedCore(changes));
  if (life !== undefined) return judge.play(readLife(life)).broken?.law ?? "none in the life that was named";
  for (let seed = 0; seed < LIVES_MAX; seed++) {
    const law = judge.judge(seed, faults)?.broken?.law;
    if (law !== undefined) return law;
  }
  return `none in ${LIVES_MAX} lives`;
}
