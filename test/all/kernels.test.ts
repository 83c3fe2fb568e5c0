// Plays the scenarios, and what only an older kernel can show, on Debian 12's 6.1 in an emulated machine: in one boot,
// with busybox, the init, the puppet, and those programs of this machine that busybox has not in full.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import { type GuestFile, type Outcome, prepareGuest, runInGuest } from "../kernels/guest.ts";
import {
  isKernelAtLeast,
  matches,
  programs,
  readScenarios,
  type Scenario,
  type Variant,
  variantEnvironment,
  variantName,
} from "../lib/scenarios.ts";

const SCRIPT_SECONDS_MAX = 300;
const GUEST_MS_MAX = 900_000;

/** Scripts of this kernel alone. */
const OWN: readonly Scenario[] = [
  {
    name: "--reap kernel is refused with a sentence, and auto waits",
    script: `
      run --reap kernel true; echo $?
      STEADY_REAP=kernel run true; echo $?
      run --reap auto -v true | grep Reaping`,
    output: `\
[FATAL steady (<n>)] --reap kernel is not possible here: this kernel keeps no exit status for a pidfd (Linux 6.16 does) (use --reap auto)
125
[FATAL steady (<n>)] --reap kernel is not possible here: this kernel keeps no exit status for a pidfd (Linux 6.16 does) (use --reap auto)
125
[INFO  steady (<n>)] Reaping: wait4 in batches
`,
  },
  {
    name: "W14: a group gets a queued signal without its value",
    script: `
      run -g sh -c 'puppet signals >other & exec puppet signals >log' &
      run=$!
      init=$(init-of $run)
      await grep ready log
      await grep ready other
      puppet queue $init 34 42
      await grep 'signal 34' log
      await grep 'signal 34' other
      cat log other
      kill $init
      wait $run`,
    output: "ready\nsignal 34 user pid <n> uid 0\nready\nsignal 34 user pid <n> uid 0\n",
  },
  {
    name: "where the pids limit of the cgroup is met, the init names it and ends with 125",
    script: `
      cd /sys/fs/cgroup
      mkdir few few/fewer
      echo +pids >few/cgroup.subtree_control
      echo 1 >few/pids.max
      INIT=sh run -c 'echo $$ >/sys/fs/cgroup/few/cgroup.procs; exec steady true'; echo $?
      INIT=sh run -c 'echo $$ >/sys/fs/cgroup/few/fewer/cgroup.procs; exec steady true'; echo $?`,
    output: `\
[FATAL steady (<n>)] fork failed: Resource temporarily unavailable: the pids cgroup allows 1 processes (raise --pids-limit)
125
[FATAL steady (<n>)] fork failed: Resource temporarily unavailable: the pids cgroup allows 1 processes (raise --pids-limit)
125
`,
  },
  {
    name: "--status tells the limits of a group in cgroup v2, of the group above where it leaves less, and what is not set",
    // Elsewhere PID 1 is the shell that all scripts have.
    variants: inEachPlace().slice(0, 1),
    script: `
      cd /sys/fs/cgroup
      mkdir most most/own
      echo '+pids +memory' >most/cgroup.subtree_control
      echo 50 >most/pids.max
      echo 40 >most/own/pids.max
      echo 33554432 >most/memory.max
      INIT=sh run -c 'echo $$ >/sys/fs/cgroup/most/own/cgroup.procs; exec steady -- sh -c "
        steady --status --json; steady --health --max-pids 1; steady --health >/dev/null; echo $?"' |
        sed -E 's/.*"pids":."current":[0-9]*,([^}]*)}.*"max_bytes":([^,]*),"oom_kills":([0-9]*).*"not_set":(.*),"counters":null}$/\\1 \\2 \\3 \\4/; s/[0-9]+ of 40/some of 40/'`,
    output: `\
"max":40,"limit_hits":0 33554432 0 []
unhealthy: some of 40 pids are in use (--max-pids 1)
0
`,
  },
  {
    name: "the memory of an idle init keeps to its budget: 48 kB resident, 24 kB of its own",
    script: `
      run=$(command -v run)
      INIT=env RUN_AS=$RUN_AS "$run" -i "$(command -v steady)" "$(command -v puppet)" signals >log &
      init=$(init-of $!)
      await grep ready log
      await grep '^State:.S' /proc/$init/status
      for name in Rss Anonymous; do sed -n "s/^$name: *\\([0-9]*\\) kB/\\1/p" /proc/$init/smaps_rollup; done |
        { read -r resident; read -r own; [ "$resident" -le 48 ] && [ "$own" -le 24 ] || echo "$resident $own"; }
      kill $init`,
    output: "",
  },
].map((own) => ({ variants: inEachPlace(), root: true, tools: [], kernel: "0", ...own }));

function inEachPlace(): Variant[] {
  return (["pid1", "subreaper"] as const).map((place) => ({ place, mode: "wait" }));
}

interface Play {
  readonly name: string;
  readonly scenario: Scenario;
  readonly variant: Variant;
}

/** What the kernel of the guest can do. */
function chosenPlays(release: string): Play[] {
  return [...[...readScenarios().values()].flat(), ...OWN]
    .filter(({ kernel }) => isKernelAtLeast(kernel, release))
    .flatMap((scenario) =>
      scenario.variants
        .filter(({ mode }) => mode === "wait")
        .map((variant) => ({ name: `${scenario.name} (${variantName(variant)})`, scenario, variant })),
    );
}

function guestFiles(): Map<string, GuestFile> {
  const ours = [...programs()].map(([name, path]) => [`/bin/${name}`, path] as const);
  const tools = [...new Set(plays.flatMap(({ scenario }) => scenario.tools))];
  const files = [...ours, ...tools.flatMap(withLibraries).map((path) => [path, path] as const)];
  return new Map(files.map(([at, path]) => [at, { bytes: readFileSync(path), mode: 0o755 }]));
}

/** The paths of a program of this machine and of all that it is linked with. */
function withLibraries(program: string): string[] {
  const path = pathOf(program);
  return [path, ...(execFileSync("ldd", [path], { encoding: "utf8" }).match(/\/\S+/g) ?? [])];
}

function pathOf(program: string): string {
  return execFileSync("sh", ["-c", 'command -v "$1"', "sh", program], { encoding: "utf8" }).trim();
}

function guestScript({ scenario, variant }: Play): string {
  const variables = Object.entries(variantEnvironment(variant)).map(([name, value]) => `${name}=${value}`);
  // By their paths, since busybox's shell prefers what busybox has of the same name.
  const script = scenario.tools.reduce(
    (text, tool) => text.replace(new RegExp(`\\b${tool}\\b`, "g"), pathOf(tool)),
    scenario.script,
  );
  return `export ${variables.join(" ")}\n${script}\n`;
}

const { release } = await prepareGuest();
const plays = chosenPlays(release);

describe(`on Linux ${release}`, () => {
  const outcomes = new Map<string, Outcome>();
  before(async () => {
    const scripts = plays.map((play) => ({ name: play.name, text: guestScript(play) }));
    const limits = { scriptSecondsMax: SCRIPT_SECONDS_MAX, guestMsMax: GUEST_MS_MAX };
    for (const one of await runInGuest(guestFiles(), scripts, limits)) outcomes.set(one.name, one);
  });

  for (const { name, scenario } of plays) {
    test(name, () => {
      const { output, status } = outcomes.get(name) ?? assert.fail("it was not run");
      if (!matches(output, scenario.output)) assert.equal(output, scenario.output);
      assert.equal(status, 0);
    });
  }
});
