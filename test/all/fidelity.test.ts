// The simulated ages of Linux are those of real kernels: the same scripts on Debian 12's 6.1 in an emulated machine, and
// behind seccomp profiles that refuse, against the simulated kernel of that age and with those refusals.

import assert from "node:assert/strict";
import { release } from "node:os";
import { test } from "node:test";
import { ageOf, PROFILES } from "../../simulator/ages.ts";
import { makeScripts } from "../fidelity/campaign.ts";
import { Tally } from "../fidelity/cells.ts";
import { compare, type Difference, inBatches, judge, type Played } from "../fidelity/compare.ts";
import { Container, playInGuest } from "../fidelity/elsewhere.ts";
import { UID } from "../fidelity/native.ts";
import type { Kind } from "../fidelity/simulated.ts";
import { tellDifference } from "../fidelity/told.ts";
import { prepareGuest } from "../kernels/guest.ts";
import { needsProgram, needsRoot } from "../lib/process.ts";

const IN_GUEST = 200;
const IN_CONTAINER = 200;
const SEED = 6;

function refuse(differences: readonly Difference[], kernel: string): void {
  assert.deepEqual(
    differences.map((difference) => tellDifference(difference, kernel)),
    [],
  );
}

test(`${IN_GUEST} scripts do the same on Linux 6.1 and on the simulated one of that age`, async () => {
  const guest = await prepareGuest();
  const kind: Kind = { age: ageOf(guest.release), refusals: {}, uid: UID };
  const batches = inBatches(makeScripts(IN_GUEST, SEED, kind));
  const natives = await playInGuest(
    batches.map(([name, played]) => [name, played.map(({ script }) => script)]),
  );
  const tally = new Tally();
  const differences = batches.flatMap(([, played], batch) =>
    played.flatMap((one, i) => judge(one, natives[batch]?.[i] ?? [], kind, tally)),
  );
  refuse(differences, guest.release);
  assert.ok(tally.count("pidfd_get_info ENOTTY") > 0, "6.1 has no PIDFD_GET_INFO");
});

/** In a container there is no terminal, and where setresuid(2) is refused nobody can become another user. */
function fits({ script }: Played, refused: boolean): boolean {
  const asUser = script.setting === "user" || script.steps.some(({ path }) => path === "/as-user");
  return script.setting !== "terminal" && script.setting !== "front" && !(refused && asUser);
}

for (const [name, refusals] of Object.entries(PROFILES)) {
  test(`scripts do the same behind the seccomp profile "${name}"`, async (context) => {
    if (!needsRoot(context) || !needsProgram(context, "runc", "apt-get install runc")) return;
    const kind: Kind = { age: ageOf(release()), refusals, uid: UID };
    const scripts = makeScripts(IN_CONTAINER, SEED, kind).filter((one) => fits(one, "seteuid" in refusals));
    const container = new Container(refusals);
    context.after(() => container.remove());
    const tally = new Tally();
    refuse(await compare([container], scripts, kind, tally), `${release()}, ${name}`);
    for (const [call, errno] of Object.entries(refusals))
      assert.ok(tally.count(`${call} ${errno}`) > 0, call);
  });
}
