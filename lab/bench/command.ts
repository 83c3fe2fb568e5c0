// `steady-lab bench INIT...`: the words of the command line for what the library's bench does.

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { addWatched, type WatchedFlags, watched } from "../arena/watched.ts";
import { visibleJson } from "../output/visible.ts";
import { paper, write } from "../output.ts";
import { readBenchReport } from "../schema/bench.ts";
import { UsageError } from "../settings.ts";
import type { BenchReport } from "./report.ts";
import { bench, measuresOf } from "./run.ts";
import { benchText } from "./terminal.ts";

interface Flags extends WatchedFlags {
  readonly only?: string;
  readonly list?: boolean;
  readonly runs?: number;
  readonly most?: number;
  readonly compare?: string;
  readonly json?: boolean;
}

/** Adds the command; `end` is told the exit status. */
export function addBench(program: Command, end: (status: number) => void): void {
  addWatched(program.command("bench"))
    .description("measure inits against one another: memory, start, signals, orphans")
    .argument("[init...]", "bare (no init), steady, or the name or path of an init")
    .option("--only <names>", "these measures alone: signal,zombies")
    .option("--list", "show every measure, and end")
    .option("--runs <n>", "how often each is measured (5)", Number)
    .option("--most <n>", "the most orphans, zombies or processes of one measure", Number)
    .option("--compare <file>", "hold it against an earlier run's JSON")
    .option("--json", "print everything as JSON, each sample too")
    .exitOverride()
    .addHelpText("after", "\nExit status: 0 measured, 2 something could not be measured, 64 wrong usage.")
    .action(async (inits: string[], flags: Flags) => {
      end(await run(inits, flags));
    });
}

async function run(inits: readonly string[], flags: Flags): Promise<number> {
  const only = flags.only?.split(",").filter((name) => name !== "");
  if (flags.list === true) {
    const lines = measuresOf(only).map(({ name, title }) => `${name.padEnd(10)}${title}\n`);
    await write(process.stdout, lines.join(""));
    return 0;
  }
  if (inits.length === 0) throw new UsageError("name an init: bench tini steady");
  const earlier = flags.compare === undefined ? undefined : earlierIn(flags.compare);
  const report = await watched(flags, ({ show, ...watching }) =>
    bench({
      inits,
      ...(only === undefined ? {} : { only }),
      ...(flags.runs === undefined ? {} : { runs: flags.runs }),
      ...(flags.most === undefined ? {} : { most: flags.most }),
      ...(earlier === undefined ? {} : { earlier }),
      ...watching,
      onProgress: show,
    }),
  );
  const text = flags.json
    ? `${visibleJson(JSON.stringify(report))}\n`
    : benchText(report, paper(process.stdout));
  await write(process.stdout, text);
  return report.exitStatus;
}

function earlierIn(path: string): BenchReport {
  try {
    return readBenchReport(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    throw new UsageError(`compare: ${path} is no report of bench --json: ${(error as Error).message}`);
  }
}
