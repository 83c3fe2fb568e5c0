// The fewest events that still break the law: halves of them are left out, then quarters, down to single ones; then each of
// those that are left is made smaller, and the circumstances plainer. A few lines, so no library is asked.

import type { Circumstances, Deed, Plan } from "./plan.ts";

/** The plainest of each. */
const PLAIN: readonly Partial<Circumstances>[] = [
  { place: "pid1" },
  { otherUser: false },
  { group: false },
  { verbosity: 0 },
  { stream: "pipe" },
  { mode: "wait" },
];
const REST: Deed = { do: "rest" };

/** Answers the smallest plan found of which `fails` said that it still fails; `fails` is asked until `isOver` says so. */
export async function shrink(
  plan: Plan,
  fails: (plan: Plan) => Promise<boolean>,
  isOver: () => boolean,
): Promise<Plan> {
  let best = plan;
  const tries = async (candidate: Plan): Promise<boolean> => {
    if (isOver() || JSON.stringify(candidate) === JSON.stringify(best)) return false;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  await leaveOut(() => best, tries);
  for (const plainer of PLAIN) await tries({ ...best, circumstances: { ...best.circumstances, ...plainer } });
  await tries({ ...best, ending: "term" });
  await makeSmaller(() => best, tries);
  return best;
}

/** The laws are looked at in a rest, so that the last one stays. */
function withDeeds(plan: Plan, deeds: readonly Deed[]): Plan {
  const last = deeds.at(-1);
  return { ...plan, deeds: last?.do === "rest" ? deeds : [...deeds, REST] };
}

async function leaveOut(best: () => Plan, tries: (plan: Plan) => Promise<boolean>): Promise<void> {
  for (
    let size = Math.ceil(best().deeds.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    // From the end: what comes after the failure has no part in it.
    for (let at = best().deeds.length - size; at > -size; at -= size) {
      const { deeds } = best();
      const from = Math.max(at, 0);
      await tries(withDeeds(best(), [...deeds.slice(0, from), ...deeds.slice(at + size)]));
    }
  }
}

async function makeSmaller(best: () => Plan, tries: (plan: Plan) => Promise<boolean>): Promise<void> {
  for (let at = 0; at < best().deeds.length; at++) {
    let goesOn = true;
    while (goesOn) {
      goesOn = false;
      for (const smaller of smallerThan(best().deeds[at] as Deed)) {
        goesOn = await tries({ ...best(), deeds: best().deeds.with(at, smaller) });
        if (goesOn) break;
      }
    }
  }
}

/** The halves of it. */
function smallerThan(deed: Deed): readonly Deed[] {
  if (deed.do === "kill" && deed.signals.length > 1) {
    const middle = Math.ceil(deed.signals.length / 2);
    return [deed.signals.slice(0, middle), deed.signals.slice(middle)].map((signals) => ({
      ...deed,
      signals,
    }));
  }
  if ((deed.do === "queue" || deed.do === "orphans" || deed.do === "zombies") && deed.count > 1)
    return [{ ...deed, count: Math.ceil(deed.count / 2) }];
  return [];
}
