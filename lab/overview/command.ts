// `steady-lab report [INIT...]`: the words of the command line for what the library's report does.

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { addWatched, type WatchedFlags, watched } from "../arena/watched.ts";
import { visibleJson } from "../output/visible.ts";
import { paper, save, tryFile, write } from "../output.ts";
import { readOverview } from "../schema/overview.ts";
import { UsageError } from "../settings.ts";
import { overviewMarkdown } from "./markdown.ts";
import { overviewPage } from "./page.ts";
import type { Overview } from "./report.ts";
import { report } from "./run.ts";
import { overviewText } from "./terminal.ts";

interface Flags extends WatchedFlags {
  readonly html?: string;
  readonly json?: string;
  readonly markdown?: string;
  readonly from?: string;
  readonly quick?: boolean;
  readonly attacks?: string;
  readonly rows?: string;
  readonly measures?: string;
}

/** Adds the command; `end` is told the exit status. */
export function addReport(program: Command, end: (status: number) => void): void {
  addWatched(program.command("report"))
    .description("attack, probe and measure inits, and compare them in one page")
    .argument(
      "[init...]",
      "bare (no init), steady, or the name or path of an init (steady tini dumb-init catatonit bare, as far as they are here)",
    )
    .option("--html <file>", "write a page: matrices, charts, and the evidence behind each cell")
    .option("--json <file>", "write everything as JSON")
    .option("--markdown <file>", "write what it comes to, and the figures, as Markdown")
    .option("--from <file>", "tell of a report that --json has written, and run nothing")
    .option("--quick", "fewer repetitions, and crowds of at most 1,000")
    .option("--attacks <ids>", "these attacks alone: W1,O3")
    .option("--rows <rows>", "these rows of conform alone, or groups of them: pid1.15,exit,terminal")
    .option("--measures <names>", "these measures of the bench alone: signal,zombies")
    .exitOverride()
    .addHelpText(
      "after",
      "\nExit status: 0 compared, whoever falls; 2 something could not be tested or measured; 64 wrong usage.",
    )
    .action(async (inits: string[], flags: Flags) => {
      end(await run(inits, flags));
    });
}

async function run(inits: readonly string[], flags: Flags): Promise<number> {
  const { html, json, markdown, from } = flags;
  if (from !== undefined && (inits.length > 0 || isAsked(flags)))
    throw new UsageError(
      "from: a report that was saved cannot be asked for anything else; leave out the rest",
    );
  // Told now, and not after the minutes of a run.
  for (const file of [json, html, markdown]) if (file !== undefined) tryFile(file);
  const overview = from === undefined ? await made(inits, flags) : saved(from);
  // A file that cannot be written after all, as on a disk that is full by now, costs nobody the answer.
  await write(process.stdout, overviewText(overview, paper(process.stdout)));
  if (json !== undefined) save(json, `${visibleJson(JSON.stringify(overview))}\n`);
  if (html !== undefined) save(html, overviewPage(overview));
  if (markdown !== undefined) save(markdown, overviewMarkdown(overview));
  return overview.exitStatus;
}

function isAsked({ quick, attacks, rows, measures, runtime }: Flags): boolean {
  return [quick, attacks, rows, measures, runtime].some((each) => each !== undefined);
}

function saved(path: string): Overview {
  try {
    return readOverview(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    throw new UsageError(`from: ${path} is no report of report --json: ${(error as Error).message}`);
  }
}

function made(inits: readonly string[], flags: Flags): Promise<Overview> {
  const { quick, attacks, rows, measures } = flags;
  return watched(flags, ({ show, ...watching }) =>
    report({
      inits,
      quick: quick === true,
      ...(attacks === undefined ? {} : { attacks: list(attacks) }),
      ...(rows === undefined ? {} : { rows: list(rows) }),
      ...(measures === undefined ? {} : { measures: list(measures) }),
      ...watching,
      onProgress: show,
    }),
  );
}

function list(text: string): string[] {
  return text.split(",").filter((each) => each !== "");
}
