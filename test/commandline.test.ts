// What the command line and the environment come to: on the core itself against a plain model, and the exact words on the
// binary.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { MESSAGES } from "../texts/messages.ts";
import { EXPECTED, OPTIONS } from "../texts/options.ts";
import { ROOT } from "../tools/build.ts";
import { type Settings, Stop, variableOf } from "./lib/commandline.ts";
import { loadCore } from "./lib/host.ts";
import { PLAIN_PATH } from "./lib/process.ts";
import { COMMAND_LINES, check, expected, generated, plainCase } from "./played/commandline.ts";

const STEADY = join(ROOT, "dist/steady");
const CORE = loadCore();

for (const { sentence, play } of COMMAND_LINES) test(sentence, () => play(CORE, 1));

test("--events-to alone, to a descriptor, is what the model says", () => {
  check(CORE, { ...plainCase, args: ["steady", "--events-to", "fd:3", "/bin/true"] });
});

test("the generated lines reach both ends: some stop, some start, under both names", () => {
  const outcomes = fc.sample(generated, { numRuns: 3000, seed: 1 }).map(expected);
  const started = outcomes.filter((each): each is Settings => !(each instanceof Stop));
  for (const count of [
    started.length,
    outcomes.length - started.length,
    started.filter(({ personality }) => personality === "tini").length,
    started.filter(({ parentSignal }) => parentSignal > 0).length,
    started.filter(({ remapped }) => remapped.size > 0).length,
  ]) {
    assert.ok(count > 30, `only ${count} of 3000`);
  }
});

// The binary's very words: arguments, variables, status, stdout, stderr. PID stands for the number of the process.

type Exact = readonly [args: string[], variables: string[], status: number, output: string, errors: string];
const usage = (name: string): string => MESSAGES.UsageTini.replaceAll("%n", name);
const TINI_VERSION = "tini version 0.19.0_steady-1.0.0\n";
const NO_PROGRAM = usage("tini");
const NOT_PID_1 =
  "[WARN  tini (PID)] Tini is not running as PID 1 and isn't registered as a child subreaper.\n";
const EXACT: readonly Exact[] = [
  [["tini", "--version"], [], 0, TINI_VERSION, ""],
  [["docker-init", "--version"], [], 0, TINI_VERSION, ""],
  [["/usr/bin/tini-static", "--version"], [], 0, TINI_VERSION, ""],
  [["steady", "--version"], [], 0, "steady version 1.0.0\n", ""],
  [["steady", "--as", "tini", "--version"], [], 1, "", `steady: invalid option -- '-'\n${usage("steady")}`],
  [["tini", "--version", "x"], [], 1, "", `tini: invalid option -- '-'\n${usage("tini")}`],
  [["tini", "-s", "--version"], [], 1, "", `tini: invalid option -- '-'\n${usage("tini")}`],
  [["tini", "-h"], [], 0, usage("tini"), ""],
  [["/opt/tini", "-h"], [], 0, usage("tini"), ""],
  [["tini", "-hz"], [], 0, usage("tini"), ""],
  [["tini", "-zh"], [], 1, "", `tini: invalid option -- 'z'\n${usage("tini")}`],
  [["/opt/tini", "-z"], [], 1, "", `/opt/tini: invalid option -- 'z'\n${usage("tini")}`],
  [["tini", "-p"], [], 1, "", `tini: option requires an argument -- 'p'\n${usage("tini")}`],
  [["tini", "-ve"], [], 1, "", `tini: option requires an argument -- 'e'\n${usage("tini")}`],
  [["tini"], [], 1, "", NO_PROGRAM],
  [["tini", "-s", "--"], [], 1, "", NO_PROGRAM],
  [["tini", "-p", "SIGNAL", "true"], [], 1, "", "[FATAL tini (PID)] Not a valid option for -p: SIGNAL\n"],
  [["tini", "-e", "7x", "true"], [], 1, "", "[FATAL tini (PID)] Not a valid option for -e: 7x\n"],
  [["tini", "-e", "0x1", "true"], [], 1, "", "[FATAL tini (PID)] Not a valid option for -e: 0x1\n"],
  [["tini", "-e", "-1", "true"], [], 1, "", "[FATAL tini (PID)] Not a valid option for -e: -1\n"],
  [
    ["tini", "-e256", "true"],
    ["TINI_VERBOSITY=0"],
    1,
    "",
    "[FATAL tini (PID)] Not a valid option for -e: 256\n",
  ],
  [["tini", "-s", "-e", "+7", "sh", "-c", "exit 7"], [], 0, "", ""],
  [["tini", "-s", "-e", " 7", "sh", "-c", "exit 7"], [], 0, "", ""],
  [["tini", "-s", "-e", "", "sh", "-c", "exit 7"], [], 7, "", ""],
  [["tini", "-se143", "sh", "-c", "kill $$"], [], 0, "", ""],
  // Options stop at the first operand (W16): none of these is the init's.
  [["tini", "-s", "sh", "-c", "exit 3"], [], 3, "", ""],
  [["tini", "-s", "echo", "-s", "-g", "hi"], [], 0, "-s -g hi\n", ""],
  [["tini", "-s", "printf", "%s\\n", "-l", "--", "-h"], [], 0, "-l\n--\n-h\n", ""],
  [
    ["tini", "-s", "--", "--", "true"],
    [],
    127,
    "",
    "[FATAL tini (PID)] exec -- failed: No such file or directory\n",
  ],
  [["tini", "-s", ""], [], 127, "", "[FATAL tini (PID)] exec  failed: No such file or directory\n"],
  [["tini", "-s", "/"], [], 126, "", "[FATAL tini (PID)] exec / failed: Permission denied\n"],
  [
    ["tini", "-s", "/etc/passwd/x"],
    [],
    1,
    "",
    "[FATAL tini (PID)] exec /etc/passwd/x failed: Not a directory\n",
  ],
  // Whatever the value, these are on under tini's name (W17).
  [["tini", "echo", "a"], ["TINI_SUBREAPER=0"], 0, "a\n", ""],
  [["tini", "echo", "a"], ["TINI_SUBREAPER="], 0, "a\n", ""],
  [["tini", "echo", "a"], ["TINI_VERBOSITY=0"], 0, "a\n", ""],
  [["tini", "-vvv", "echo", "a"], ["TINI_VERBOSITY="], 0, "a\n", ""],
  [["tini", "true"], [], 0, "", NOT_PID_1],
  [["tini", "true"], ["TINI_VERBOSITY=1x"], 0, "", NOT_PID_1],
  // Under its own name.
  [
    ["steady", "-p", "NO", "true"],
    [],
    1,
    "",
    `[FATAL steady (PID)] Not a valid value for --parent-death: NO (${EXPECTED.Signal})\n`,
  ],
  [
    ["steady", "--reap", "x", "true"],
    [],
    1,
    "",
    "[FATAL steady (PID)] Not a valid value for --reap: x (expected auto, kernel or wait)\n",
  ],
  [
    ["steady", "true"],
    ["STEADY_REAP=x"],
    1,
    "",
    "[FATAL steady (PID)] Not a valid value for STEADY_REAP: x (expected auto, kernel or wait)\n",
  ],
  [
    ["steady", "--bogus", "true"],
    [],
    1,
    "",
    "steady: unknown option '--bogus' (steady --help lists what there is)\n",
  ],
  [["steady", "--remap-exit"], [], 1, "", "steady: option '--remap-exit' needs a value\n"],
  [["steady", "--group=yes", "true"], [], 1, "", "steady: option '--group=yes' takes no value\n"],
  [
    ["steady", "-w", "--reap", "kernel", "true"],
    [],
    1,
    "",
    `[FATAL steady (PID)] ${MESSAGES.WarnReapedNeedsWait}\n`,
  ],
  [
    ["steady", "/etc/passwd/x"],
    [],
    127,
    "",
    "[FATAL steady (PID)] exec /etc/passwd/x failed: Not a directory\n",
  ],
  [["steady", "echo", "a"], ["STEADY_GROUP=1", "STEADY_PORT_80_TCP=x", "TINI_SUBREAPER=false"], 0, "a\n", ""],
];

test("the binary says, line by line, what tini says, and where it is steady, what steady says", () => {
  for (const [args, variables, status, output, errors] of EXACT) {
    const env = Object.fromEntries(variables.map((each) => each.split(/=(.*)/s).slice(0, 2)));
    const result = spawnSync(STEADY, args.slice(1), {
      argv0: args[0] ?? "",
      env: { ...PLAIN_PATH, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "latin1",
    });
    const said = result.stderr.replace(/\(\d+\)/g, "(PID)");
    const shown = errors === NOT_PID_1 ? said.slice(0, NOT_PID_1.length) : said;
    assert.deepEqual(
      [result.status, result.stdout, shown],
      [status, output, errors],
      JSON.stringify([args, variables]),
    );
  }
});

test("-l prints the licence, byte for byte", () => {
  const result = spawnSync(STEADY, ["-l"], { argv0: "tini", encoding: "utf8" });
  const license = spawnSync("cat", [join(ROOT, "LICENSE")], { encoding: "utf8" });
  assert.deepEqual([result.status, result.stdout], [0, license.stdout]);
});

test("Docker's parser accepts the version line, and finds no commit in it", () => {
  // moby, daemon/info_unix.go, parseInitVersion.
  const { stdout } = spawnSync(STEADY, ["--version"], { argv0: "docker-init", encoding: "utf8" });
  const parts = stdout.trim().split(" - ");
  assert.equal(parts.length, 1);
  assert.match(parts[0] ?? "", /^tini version \S+$/);
});

test("no option has the name of a variable that Kubernetes makes for a service called steady", () => {
  const made = /^STEADY_(?:SERVICE_(?:HOST|PORT)|PORT)(?:_|$)/;
  const names = OPTIONS.map(variableOf);
  assert.ok(made.test("STEADY_SERVICE_PORT_HTTP") && made.test("STEADY_PORT_80_TCP"));
  assert.deepEqual(
    names.filter((name) => made.test(name)),
    [],
  );
});
