// Values of options that are words and lists: what is refused and with which sentence, what holds where an option stands
// twice, and what is told of all that.

import assert from "node:assert/strict";
import { MESSAGES } from "../../texts/messages.ts";
import { EXPECTED } from "../../texts/options.ts";
import type { Core, Kernel } from "../lib/host.ts";
import { play, type Seen } from "../lib/plain.ts";
import { DIES, restart } from "../lib/scene.ts";
import { into, type Played } from "./promises.ts";

export const VALUES: Played[] = [];
const promise = into(VALUES);

const [SIGHUP, SIGINT, SIGTERM, SIGCHLD, SIGRTMAX] = [1, 2, 15, 17, 64];

/** The value of `--option` is refused with what would be right, whatever stands before it. */
function isRefused(core: Core, option: string, text: string, expected: string, before: string[] = []): void {
  const { status, errors } = play(core, { args: ["steady", ...before, `--${option}=${text}`, "/x"] });
  const told = MESSAGES.InvalidLongValue.replace("%t", option)
    .replace("%v", () => text)
    .replace("%t", expected);
  assert.deepEqual([status, errors], [1, `[FATAL steady (1)] ${told}\n`]);
}

promise("a limit of processes is a whole number from 1 to 999,999", (core) => {
  for (const text of ["1", "9", "010", "999999"]) {
    const { childCalls } = play(core, { args: ["steady", `--limit-nproc=${text}`, "/x"] });
    const limits = childCalls.filter(([name]) => name === "setrlimit_nproc");
    assert.deepEqual(limits, [["setrlimit_nproc", Number(text)]]);
  }
  const wrong = [
    "",
    "0",
    "-1",
    "1000000",
    "9999999",
    "99999999999",
    "5x",
    "x5",
    "5,6",
    "5=6",
    ",5",
    "5,",
    "5 ",
  ];
  for (const text of wrong) isRefused(core, "limit-nproc", text, EXPECTED.Nproc);
});

promise("what is no USER[:GROUP][:+GROUPS] is refused before any file is looked at", (core) => {
  const list = Array.from({ length: 63 }, (_, index) => index + 200);
  const long = "n".repeat(256);
  const wrong = [
    ..." : :5 + +5 +app app: app:, app,staff app,+5 app:staff,+5 app:staff,video app:staff:video app:staff: app::5 app::+5".split(
      " ",
    ),
    ..."app:+ app:+, app:+,5 app:+5, app:+5,,6 app:+5:6 app:+5: app:+5:+6 app:staff:+ app:staff:+5: app:5:6:+7".split(
      " ",
    ),
    ..."4294967295 99999999999999999999 app:4294967295 app:+4294967295 app:+5,4294967295".split(" "),
    ...[long, `app:${long}`, `app:+${long}`, `app:+5,${long}`, `app:+${list.join()}`],
  ];
  for (const text of wrong) isRefused(core, "user", text, EXPECTED.User);
  const status = (text: string): number => play(core, { args: ["steady", `--user=${text}`, "/x"] }).status;
  for (const text of ["app", "5:6", "4294967294", "a+b", "a:b+", "a:+b+c", `app:+${list.slice(1).join()}`])
    assert.notEqual(status(text), 1, text);
});

promise("what --keep-caps says is judged by itself, whatever --drop-caps said before", (core) => {
  for (const before of [[], ["--drop-caps=all"], ["--drop-caps=kill"], ["--keep-caps=kill"]])
    for (const text of ["", "none", "all", "kill,", "kill;chown"])
      isRefused(core, "keep-caps", text, EXPECTED.Caps, before);
});

promise(
  "--drop-caps=all drops each one that the kernel knows, and --keep-caps each of the others",
  (core) => {
    const LAST = 40;
    const [KEEP_CAPS, READ, DROP] = [8, 23, 24];
    const prctl: Kernel = { prctl: (_, request = 0, bit = 0) => (request === READ && bit > LAST ? -22 : 1) };
    for (const [option, left] of [
      ["--drop-caps=all", []],
      ["--keep-caps=chown", [0]],
      ["--keep-caps=checkpoint_restore,kill", [5, 40]],
    ] as const) {
      const { childCalls } = play(core, { args: ["steady", option, "/x"], childKernel: prctl });
      const dropped = childCalls.filter(([name, request]) => name === "prctl" && request === DROP);
      const expected = Array.from({ length: LAST + 1 }, (_, bit) => bit).filter(
        (bit) => !left.some((one) => one === bit),
      );
      assert.deepEqual(
        dropped.map(([, , bit]) => bit),
        expected,
      );
      const kept = childCalls.some(([name, request]) => name === "prctl" && request === KEEP_CAPS);
      assert.equal(kept, left.length > 0, "over a change of the user");
    }
  },
);

promise("a list of capabilities has commas alone, and who names none asks the kernel for nothing", (core) => {
  for (const option of ["keep-caps", "drop-caps"])
    for (const text of [
      "kill=chown",
      "kill=",
      "=kill",
      "kill;chown",
      "kill chown",
      ",kill",
      "kill,",
      "kill,,chown",
    ])
      isRefused(core, option, text, EXPECTED.Caps);
  const asked = (...args: string[]): unknown[] =>
    play(core, { args: ["steady", ...args, "/x"] })
      .childCalls.filter(([name]) => ["capget", "capset", "prctl"].includes(name))
      .map((call) => (call[0] === "prctl" ? call : call[0]));
  assert.deepEqual(asked(), []);
  assert.deepEqual(asked("--drop-caps=chown"), ["capget", ["prctl", 23, 0, 0], "capget", "capset"]);
});

promise("stop signals are a list of signals that can be taken, and no map", (core) => {
  for (const text of [
    "TERM=INT",
    "TERM=",
    "=",
    "TERM,",
    ",TERM",
    "TERM,,INT",
    "TERM,INT=",
    "KILL",
    "9",
    "x",
    "0",
  ])
    isRefused(core, "stop-signals", text, EXPECTED.Signals);
});

/** Whether --pre-stop keeps a signal back, as it does with those that are to stop the program. */
function stops(core: Core, options: readonly string[], signal: number): boolean {
  const { output } = restart(core, {
    survivors: {},
    args: ["steady", "-v", "--pre-stop=1ms", ...options, "/x"],
    events: [{ signal }, "nothing", DIES(0), { signal: SIGCHLD }],
  });
  return output.includes("is sent on in 1 ms");
}

promise("the stop signals are those that were named last, and no others", (core) => {
  for (const [options, expected] of [
    [[], [SIGINT, SIGTERM]],
    [["--stop-signals=HUP,RTMAX"], [SIGHUP, SIGRTMAX]],
    [["--stop-signals=HUP,RTMAX", "--stop-signals=TERM"], [SIGTERM]],
    [
      ["--stop-signals=TERM", "--stop-signals=RTMAX,hup,2"],
      [SIGHUP, SIGINT, SIGRTMAX],
    ],
  ] as const) {
    const found = [SIGHUP, SIGINT, SIGTERM, SIGRTMAX].filter((signal) => stops(core, options, signal));
    assert.deepEqual(found, expected, options.join(" "));
  }
});

promise("another option that stands before --stop-signals holds all the same", (core) => {
  const made = (...args: string[]): Seen["calls"] => play(core, { args: ["steady", ...args, "/x"] }).calls;
  const orphans = made("--kill-orphans");
  assert.notDeepEqual(orphans, made());
  assert.deepEqual(made("--kill-orphans", "--stop-signals=TERM"), orphans);
});

promise("under the name of another init the command line alone is not told of", (core) => {
  for (const name of ["tini", "catatonit"]) {
    for (const args of [["-g"], ["--subreaper"], ["--reap", "wait"], ["--map=HUP=INT"], ["--grace=1s"]]) {
      const { output, errors } = play(core, { args: ["steady", "-v", `--as=${name}`, ...args, "/x"] });
      assert.ok(!(output + errors).includes(MESSAGES.Options), output + errors);
    }
  }
});

promise(
  "a variable opens no sandbox where the command line names the user, and holds in all else",
  (core) => {
    const told = MESSAGES.VariableIgnored.replace("%u", "SANDBOX");
    for (const [args, variables, isConfined, isTold] of [
      [["--user=5:6"], ["STEADY_SANDBOX=off"], true, true],
      [["--user=5:6"], ["STEADY_DRAIN=0", "STEADY_GROUP=1", "STEADY_TRUST=any"], true, false],
      [["--user=5:6", "--sandbox=off"], [], false, false],
      [[], ["STEADY_SANDBOX=off"], false, false],
      [[], ["STEADY_SANDBOX=off", "STEADY_USER=5:6"], false, false],
    ] as const) {
      const { calls, errors } = play(core, { args: ["steady", ...args, "/x"], variables });
      assert.equal(
        calls.some(([name]) => name === "seccomp"),
        isConfined,
      );
      assert.equal(errors.includes(told), isTold, errors);
    }
  },
);

promise(
  "what options need of each other, or of being PID 1, is said, and nothing is started without it",
  (core) => {
    const refused = (args: readonly string[], sentence: string, pid = 1): void => {
      const { status, errors, calls } = play(core, { args: ["steady", ...args, "/x"], pid });
      assert.deepEqual([status, errors], [1, `[FATAL steady (${pid})] ${sentence}\n`], args.join(" "));
      assert.ok(!calls.some(([name]) => name === "clone"));
    };
    const started = (args: readonly string[], pid = 1): readonly string[] => {
      const { calls } = play(core, { args: ["steady", ...args, "/x"], pid });
      const names = calls.map(([name]) => name);
      assert.ok(names.includes("clone"), args.join(" "));
      return names;
    };
    refused(["--probe-every", "1s"], MESSAGES.ProbeNeedsSignal);
    refused(["--probe-every=1s", "--notify"], MESSAGES.ProbeNeedsSignal);
    started(["--probe-every", "0"]);
    started(["--probe-signal", "USR2"]);
    refused(["--trust", "outside"], MESSAGES.TrustNeedsPid1, 7);
    started(["--trust", "outside"]);
    started(["--trust", "any"], 7);
    for (const what of ["stop", "kill", "end"]) {
      refused(["--on-fork-bomb", what], MESSAGES.OnForkBombNeeds);
      refused(["--guard", "400", "--on-fork-bomb", what], MESSAGES.OnForkBombNeeds, 7);
      started(["--guard", "400", "--on-fork-bomb", what]);
    }
    started(["--on-fork-bomb", "log"], 7);
    refused(["-w", "--reap", "kernel"], MESSAGES.WarnReapedNeedsWait);
    refused(["--reap=kernel", "--warn-reaped"], MESSAGES.WarnReapedNeedsWait);
    started(["-w", "--reap", "auto"]);
    started(["-w", "--reap", "wait"]);
    // Whoever waits for a word has to hear it.
    for (const args of [
      ["--notify"],
      ["--watchdog", "1ms"],
      ["--ready-within", "1ms"],
      ["--probe-every", "1ms", "--probe-signal", "2"],
    ])
      assert.ok(started(args).includes("socket"), args.join(" "));
    for (const args of [
      [],
      ["--watchdog", "0"],
      ["--ready-within", "0"],
      ["--probe-within", "1s"],
      ["--probe-failures", "1"],
    ])
      assert.ok(!started(args).includes("socket"), args.join(" "));
  },
);
