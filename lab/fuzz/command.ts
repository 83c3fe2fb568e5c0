// `steady-lab fuzz INIT`: the words of the command line for what the library's fuzz does.

import type { Command } from "commander";
import { breakingOff } from "../broken-off.ts";
import { visibleJson } from "../output/visible.ts";
import { paper, write } from "../output.ts";
import { Display } from "../progress.ts";
import { UsageError } from "../settings.ts";
import { CONTRACTS, LAW_NAMES, LAWS } from "./contract.ts";
import { PARTS } from "./plan.ts";
import { fuzz } from "./run.ts";
import { fuzzText } from "./terminal.ts";

interface Flags {
  readonly minutes?: string;
  readonly rounds?: string;
  readonly seed?: string;
  readonly play?: string;
  readonly shrink?: string;
  readonly laws?: string;
  readonly without?: string;
  readonly list?: boolean;
  readonly json?: boolean;
  readonly progress: boolean;
}

const PERCENT = 100;

/** Adds the command; `end` is told the exit status. */
export function addFuzz(program: Command, end: (status: number) => void): void {
  program
    .command("fuzz")
    .description("play random events on an init, and tell of the first law that is broken")
    .argument("[init]", "bare (no init), steady, or the name or path of an init")
    .option("--minutes <m>", "for how long (1)")
    .option("--rounds <n>", "how many rounds, in place of the minutes")
    .option("--seed <s>", "of the first round (0)")
    .option("--play <line>", "play the events that were printed for a failure, in place of a seed")
    .option("--shrink <n>", "how many plays the search for the fewest events may take (120)")
    .option("--laws <names>", "count these laws, in place of those that the init promises")
    .option("--without <parts>", "leave out these events: stall,leave,verbose")
    .option("--list", "show the laws, who promises them, and the parts, and end")
    .option("--json", "print the report as JSON")
    .option("--no-progress", "show no progress")
    .exitOverride()
    .addHelpText(
      "after",
      "\nExit status: 0 no law was broken, 1 one was, 2 it could not be run, 64 wrong usage.",
    )
    .action(async (init: string | undefined, flags: Flags) => {
      end(await run(init, flags));
    });
}

async function run(init: string | undefined, flags: Flags): Promise<number> {
  if (flags.list === true) {
    await write(process.stdout, list());
    return 0;
  }
  if (init === undefined) throw new UsageError("name an init: fuzz tini");
  const display = new Display(flags.progress && process.stderr.isTTY === true);
  const report = await breakingOff(async (signal) => {
    try {
      return await fuzz({
        init,
        ...number("minutes", flags.minutes),
        ...number("rounds", flags.rounds),
        ...number("seed", flags.seed),
        ...number("shrink", flags.shrink),
        ...(flags.play === undefined ? {} : { play: flags.play }),
        ...(flags.laws === undefined ? {} : { laws: names(flags.laws) }),
        ...(flags.without === undefined ? {} : { without: names(flags.without) }),
        signal,
        onProgress: ({ share, now }) =>
          display.say(`${Math.min(PERCENT, Math.floor(share * PERCENT))} %; now: ${now}`),
      });
    } finally {
      display.clear();
    }
  });
  const text = flags.json
    ? `${visibleJson(JSON.stringify(report, undefined, 2))}\n`
    : fuzzText(report, paper(process.stdout));
  await write(process.stdout, text);
  return report.exitStatus;
}

const names = (text: string): string[] => text.split(",").filter((name) => name !== "");

function number<Name extends string>(name: Name, text: string | undefined): Partial<Record<Name, number>> {
  if (text === undefined) return {};
  const value = Number(text);
  if (
    text === "" ||
    !Number.isFinite(value) ||
    value < 0 ||
    (name !== "minutes" && !Number.isSafeInteger(value))
  )
    throw new UsageError(`--${name}: expected a number from 0, not ${JSON.stringify(text)}`);
  return { [name]: value } as Partial<Record<Name, number>>;
}

function list(): string {
  const kinds = Object.entries(CONTRACTS);
  const lines = LAW_NAMES.map((law) => {
    const who = kinds.filter(([, { laws }]) => laws.includes(law)).map(([kind]) => kind);
    return `${law.padEnd(17)}${LAWS[law]} (${who.length === kinds.length ? "all" : who.join(", ")})\n`;
  });
  return `${lines.join("")}\n--without: ${PARTS.join(", ")}\n`;
}
