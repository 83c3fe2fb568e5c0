// `steady-lab conform INIT...`: the words of the command line for what the library's conform does.

import type { Command } from "commander";
import type { RuntimeName } from "../arena/runtime.ts";
import { targetOf } from "../arena/target.ts";
import { addWatched, scriptRuntime, type WatchedFlags, watched } from "../arena/watched.ts";
import { visibleJson } from "../output/visible.ts";
import { paper, write } from "../output.ts";
import { UsageError } from "../settings.ts";
import { matrixText } from "./matrix.ts";
import { chosenOf, chosenScript, conform } from "./run.ts";

interface Flags extends WatchedFlags {
  readonly only?: string;
  readonly list?: boolean;
  readonly script?: string;
  readonly evidence?: boolean;
  readonly json?: boolean;
}

/** Adds the command; `end` is told the exit status. */
export function addConform(program: Command, end: (status: number) => void): void {
  addWatched(program.command("conform"))
    .description("probe how inits behave, and show it as a matrix")
    .argument("[init...]", "bare (no init), steady, or the name or path of an init")
    .option("--only <rows>", "these rows alone, or groups of them: pid1.15,exit,terminal")
    .option("--list", "show every row, and end")
    .option("--script <row>", "print the script that probes this row of the init, to do it by hand")
    .option("--evidence", "show what was seen behind each value")
    .option("--json", "print the report as JSON")
    .exitOverride()
    .addHelpText(
      "after",
      "\nExit status: 0 everything was probed, 2 something could not be tested, 64 wrong usage.",
    )
    .action(async (inits: string[], flags: Flags) => {
      end(await run(inits, flags));
    });
}

async function run(inits: readonly string[], flags: Flags): Promise<number> {
  const only = flags.only?.split(",").filter((id) => id !== "");
  if (flags.list === true) return list(only);
  if (inits.length === 0) throw new UsageError("name an init: conform tini steady");
  if (flags.script !== undefined) return print(inits, flags.script, scriptRuntime(flags));
  const report = await watched(flags, ({ show, ...watching }) =>
    conform({
      inits,
      ...(only === undefined ? {} : { only }),
      ...watching,
      onProgress: (done, planned, now) => show({ done, planned, running: [now] }),
    }),
  );
  const text = flags.json
    ? `${visibleJson(JSON.stringify(report, undefined, 2))}\n`
    : matrixText(report, paper(process.stdout), flags.evidence === true);
  await write(process.stdout, text);
  return report.exitStatus;
}

/** A probe of all signals is one line. */
async function list(only: readonly string[] | undefined): Promise<number> {
  const lines = chosenOf(only).map(({ probe }) => {
    const id = probe.eachSignal === true ? `${probe.id}.1-64` : probe.id;
    return `${probe.group.padEnd(11)}${id.padEnd(22)}${probe.title}\n`;
  });
  await write(process.stdout, lines.join(""));
  return 0;
}

async function print(inits: readonly string[], id: string, runtime: RuntimeName): Promise<number> {
  const [init = "", ...others] = inits;
  const [one, ...more] = chosenOf([id]);
  if (others.length > 0) throw new UsageError("--script is for one init at a time");
  if (one === undefined || more.length > 0) throw new UsageError("--script is for one row at a time");
  await write(process.stdout, chosenScript(one, targetOf(init), runtime));
  return 0;
}
