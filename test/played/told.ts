// What holds, as -v tells it and the first event: in the words of whoever said so.

import assert from "node:assert/strict";
import { MESSAGES } from "../../texts/messages.ts";
import { OPTIONS, type OptionEntry } from "../../texts/options.ts";
import { variableOf } from "../lib/commandline.ts";
import type { Core } from "../lib/host.ts";
import { play } from "../lib/plain.ts";
import { into, type Played } from "./promises.ts";

export const TOLD: Played[] = [];
const promise = into(TOLD);

/** A right value of each option that takes one and lets a program start. */
const VALUES: Readonly<Record<string, string>> = {
  ParentDeath: "HUP",
  RemapExit: "143",
  Reap: "wait",
  Drain: "3s",
  Grace: "5s",
  PreStop: "7ms",
  StopWithin: "20s",
  StopSignals: "HUP,INT",
  Sandbox: "off",
  Events: "text",
  EventsTo: "stderr",
  Report: "/report",
  StatusFile: "/status",
  Limit: "9/s",
  Trust: "outside",
  Map: "USR1=HUP",
  User: "5:6",
  DropCaps: "chown",
  KeepCaps: "kill",
  LimitNproc: "99",
  Watchdog: "30s",
  ReadyWithin: "9s",
  // More would need a signal.
  ProbeEvery: "0",
  ProbeWithin: "2s",
  ProbeSignal: "USR2",
  ProbeFailures: "4",
  Rewrite: "1:2",
  As: "steady",
  Guard: "400",
  OnForkBomb: "log",
};
const ENDING = [
  "Help",
  "Version",
  "License",
  "Attest",
  "Install",
  "Status",
  "Health",
  "Probe",
  "Json",
  "OpenMetrics",
];
const LOOKING = ["MaxZombies", "MaxPids", "Within"];
const STARTING = OPTIONS.filter(({ name }) => ![...ENDING, ...LOOKING].includes(name));

const argumentOf = ({ long, value, name }: OptionEntry): string[] =>
  value === undefined ? [`--${long}`] : [`--${long}`, VALUES[name] ?? assert.fail(`no value for --${long}`)];
/** What nobody said is told as it is by default. */
const standards = (said: readonly string[]): string =>
  OPTIONS.filter(({ name, standard }) => standard !== undefined && !said.includes(name))
    .map(({ long, standard }) => ` --${long} ${standard}`)
    .join("");

/** The line in which it is told, or nothing. */
function told(core: Core, args: readonly string[], variables: readonly string[] = []): string | undefined {
  const { output, errors } = play(core, { args: [...args, "/x"], variables });
  const at = `${MESSAGES.Options}`;
  return (output + errors)
    .split("\n")
    .find((line) => line.includes(at))
    ?.replace(/^.*?Options:/, "");
}

promise(
  "each option of the command line is told as it stands in full, and what is left out by default",
  (core) => {
    for (const option of STARTING.filter(({ name }) => name !== "Verbose")) {
      const words = argumentOf(option);
      const expected = ` --verbose ${words.join(" ")}; by default${standards(["Verbose", option.name])}`;
      assert.equal(told(core, ["steady", "-v", ...words]), expected);
    }
    assert.equal(told(core, ["steady", "-v"]), ` --verbose; by default${standards(["Verbose"])}`);
  },
);

promise(
  "each variable is told as it stands, but for one that is empty, or behind another of its name",
  (core) => {
    for (const option of STARTING) {
      const name = variableOf(option);
      const value = option.value === undefined ? "1" : VALUES[option.name];
      const expected = (said: string, ...by: string[]): string =>
        `${said} --verbose; by default${standards(["Verbose", ...by])}`;
      const first = `${name}=${value}`;
      const line = told(core, ["steady", "-v"], ["A=1", first, `${first}x`, "STEADY_PORT=1"]);
      if (option.environment) assert.equal(line, expected(` ${first}`, option.name));
      else assert.equal(line, expected(""));
      assert.equal(told(core, ["steady", "-v"], [`${name}=`]), expected(""));
    }
    const off = told(core, ["steady", "-v"], ["STEADY_GROUP=0", "STEADY_VERBOSE=2", "STEADY_DRAIN=1s"]);
    const expected = " STEADY_GROUP=0 STEADY_VERBOSE=2 STEADY_DRAIN=1s --verbose; by default";
    assert.equal(off, `${expected}${standards(["Verbose", "Drain"])}`);
  },
);

promise("what stands twice is told once where it is a flag, and twice where it has a value", (core) => {
  const line = told(core, ["steady", "-vv", "--group", "-g", "-e", "1", "--remap-exit=2", "-v"]);
  const said = " --verbose --group --remap-exit 1 --remap-exit 2";
  assert.equal(line, `${said}; by default${standards(["Verbose", "Group", "RemapExit"])}`);
});

promise("tini's own variables are told behind the others, in their order, and none with --no-env", (core) => {
  const variables = [
    "TINI_VERBOSITY=2",
    "TINI_KILL_PROCESS_GROUP=",
    "TINI_SUBREAPER=x",
    "STEADY_DRAIN=4s",
    "TINI_SUBREAPER=y",
  ];
  const first = " STEADY_DRAIN=4s TINI_SUBREAPER=x TINI_KILL_PROCESS_GROUP= TINI_VERBOSITY=2";
  assert.equal(
    told(core, ["steady", "-v"], variables),
    `${first} --verbose; by default${standards(["Verbose", "Drain"])}`,
  );
  assert.equal(
    told(core, ["steady", "-v", "--no-env"], variables),
    ` --verbose --no-env; by default${standards(["Verbose", "NoEnv"])}`,
  );
});

promise("under the names of others only variables are told", (core) => {
  for (const name of ["tini", "dumb-init", "catatonit"]) {
    for (const option of STARTING.filter(({ environment, name: each }) => environment && each !== "As")) {
      const variable = `${variableOf(option)}=${option.value === undefined ? "1" : VALUES[option.name]}`;
      const line = told(core, ["steady", "-vvv", `--as=${name}`], [variable]);
      assert.equal(line, ` ${variable}`, name);
    }
    assert.equal(told(core, ["steady", "-vvv", `--as=${name}`], ["TINI_SUBREAPER="]), undefined);
  }
});

promise("the first event tells the same", (core) => {
  const args = ["steady", "--events=text", "--grace", "5s", "/x"];
  const { errors } = play(core, { args, variables: ["STEADY_DRAIN=4s"] });
  const said = " STEADY_DRAIN=4s --events text --grace 5s";
  const expected = `steady.options="${said}; by default${standards(["Drain", "Events", "Grace"])}"\n`;
  assert.ok(errors.split("\n")[0]?.endsWith(expected.trimEnd()), errors);
});
