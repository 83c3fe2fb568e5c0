// The same wish in many spellings: options as letters, clustered, in long form, or as variables of the environment.

import type { Circumstances } from "./script.ts";

interface Spelled {
  readonly argv: readonly string[];
  readonly environment: readonly string[];
}

/** What PROGRAM is called with. */
export const PROGRAM_ARGUMENTS = ["one", "-v", "two words"] as const;

export function commandLine(circumstances: Circumstances): Spelled {
  const { name, ending, spelling, search } = circumstances;
  const program = [search ? "program" : "/usr/bin/program", ...PROGRAM_ARGUMENTS];
  const path = search ? "PATH=/none:/other::/usr/bin" : "PATH=/bin";
  const environment = ["HOME=/", path, "PATH=/wrong", "STEADY_PORT=tcp://10.0.0.1:80"];
  const file = `/sbin/${name}`;
  if (ending !== "none") return { argv: [file, ...(ENDINGS[ending] ?? [])], environment };
  if (spelling === "environment") return inEnvironment(circumstances, [file], environment, program);
  const options = spell(circumstances, spelling);
  return { argv: [file, ...options, ...(spelling === "long" ? [] : ["--"]), ...program], environment };
}

const ENDINGS: Readonly<Record<string, readonly string[]>> = {
  help: ["-h"],
  version: ["--version"],
  license: ["-l", "program"],
  unknown: ["-q", "program"],
  nothing: ["-v"],
};

function spell(circumstances: Circumstances, spelling: "short" | "long" | "joined"): string[] {
  const { group, verbose, warnReaped, subreaper, parentDeath, remap, reap } = circumstances;
  const long = spelling === "long";
  const flags = [
    ...(group ? [long ? "--group" : "g"] : []),
    ...new Array<string>(verbose).fill(long ? "--verbose" : "v"),
    ...(warnReaped ? [long ? "--warn-reaped" : "w"] : []),
    ...(subreaper ? [long ? "--subreaper" : "s"] : []),
  ];
  const letters =
    spelling === "joined" && flags.length > 0 ? [`-${flags.join("")}`] : flags.map((flag) => `-${flag}`);
  const value = (letter: string, name: string, text: string): string[] => {
    if (spelling === "joined") return [`-${letter}${text}`];
    return long ? [`--${name}=${text}`] : [`-${letter}`, text];
  };
  return [
    ...(long ? flags : letters),
    ...(parentDeath > 0 ? value("p", "parent-death", String(parentDeath)) : []),
    ...(remap >= 0 ? value("e", "remap-exit", String(remap)) : []),
    ...(reap === "auto" ? [] : long ? ["--reap", reap] : [`--reap=${reap}`]),
  ];
}

function inEnvironment(
  { group, verbose, warnReaped, subreaper, parentDeath, remap, reap }: Circumstances,
  argv: readonly string[],
  environment: readonly string[],
  program: readonly string[],
): Spelled {
  const variables = [
    group ? "STEADY_GROUP=1" : "STEADY_GROUP=0",
    `STEADY_VERBOSE=${verbose}`,
    ...(warnReaped ? ["STEADY_WARN_REAPED=yes"] : []),
    subreaper ? "TINI_SUBREAPER=1" : "STEADY_SUBREAPER=false",
    ...(parentDeath > 0 ? [`STEADY_PARENT_DEATH=${parentDeath}`] : []),
    ...(remap >= 0 ? [`STEADY_REMAP_EXIT=${remap}`] : []),
    ...(reap === "auto" ? [] : [`STEADY_REAP=${reap}`]),
  ];
  return { argv: [...argv, ...program], environment: [...environment, ...variables] };
}
