// The command line: `steady-lab check [OPTIONS] -- PROGRAM ARGS`, and the door to the other commands. The rule: it adds
// nothing to what the library does but words, files and an exit status: 0 nothing found, 1 findings, 2 could not test,
// 64 wrong usage.

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Command, CommanderError } from "commander";
import { addAttack } from "./arena/command.ts";
import { addBench } from "./bench/command.ts";
import { BrokenOff, breakingOff } from "./broken-off.ts";
import { check } from "./check.ts";
import { addConform } from "./conform/command.ts";
import { addFuzz } from "./fuzz/command.ts";
import { addInstall } from "./install.ts";
import { OutputError, type OutputOptions, write, writeReport } from "./output.ts";
import { addReport } from "./overview/command.ts";
import { PlaceError } from "./place.ts";
import { Display } from "./progress.ts";
import { addScan } from "./scan/command.ts";
import { numberOf, UsageError } from "./settings.ts";
import { addVerify } from "./verify/command.ts";

const USAGE = 64;
const COULD_NOT_TEST = 2;
const CONFIGURATION = "steady-lab.json";

/** What the command line gives: texts, as they were written. */
interface Flags {
  readonly config?: string;
  readonly json?: boolean;
  readonly junit?: string;
  readonly sarif?: string;
  readonly html?: string;
  readonly progress: boolean;
  readonly [setting: string]: unknown;
}

export async function main(args: readonly string[]): Promise<number> {
  const program = commandLine();
  try {
    await program.parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    if (error instanceof UsageError) return complain(error, USAGE);
    if (error instanceof PlaceError || error instanceof OutputError) return complain(error, COULD_NOT_TEST);
    if (error instanceof BrokenOff) return complain(error, 128 + (numberOf(error.signal) ?? 0));
    throw error;
  }
}

let status = 0;

function commandLine(): Command {
  const program = new Command("steady-lab")
    .description("Tells whether a program behaves as the main program of a container, and what to change.")
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => {
        write(process.stdout, text);
      },
    })
    .exitOverride();
  program
    .command("check")
    .description("run a program many times, and tell how it takes signals")
    .usage("[options] [--] PROGRAM [ARGS...]")
    .argument("[program...]", "the program and its arguments; with --image: its command, in place of CMD")
    .option("--init <init>", "what is PID 1: bare (the program itself), steady, or the path of an init")
    .option("--image <image>", "a Docker image, checked in a Docker engine")
    .option("--grace <duration>", "how long the engine waits before it kills (10s)")
    .option("--ready <when>", "TCP:PORT, HTTP:URL, LOG:REGEX or AFTER:2s; by itself where it is not given")
    .option("--stop-signal <signal>", "the signal that asks for a stop (TERM, or the image's STOPSIGNAL)")
    .option("--signals <list>", "the other signals to try (TERM,INT,HUP)", list)
    .option("--request <url>", "what to ask for through a stop; none for no requests")
    .option("--network <network>", "own (a network for each run), host, or auto")
    .option("--place <place>", "namespaces of this machine, a docker engine, or auto")
    .option("--parallel <n>", "how many runs go side by side", Number)
    .option("--ignore <rules>", "rules that are not asked about, such as SL008,SL017", list)
    .option("--fail-on <severity>", "the least severity that makes the status 1: error, warning, note, never")
    .option("--cwd <directory>", "the directory of the program")
    .option("--config <file>", `settings from a file other than ./${CONFIGURATION}`)
    .option("--json", "print the report as JSON")
    .option("--junit <file>", "write a JUnit report")
    .option("--sarif <file>", "write a SARIF 2.1.0 report")
    .option("--html <file>", "write a page with a time line of each run")
    .option("--no-progress", "show no progress")
    .passThroughOptions()
    .exitOverride()
    .addHelpText("after", "\nExit status: 0 nothing found, 1 findings, 2 could not test, 64 wrong usage.")
    .action(async (command: string[], flags: Flags) => {
      status = await runCheck(command, flags);
    });
  const end = (ended: number): void => {
    status = ended;
  };
  addAttack(program, end);
  addBench(program, end);
  addConform(program, end);
  addFuzz(program, end);
  addReport(program, end);
  addVerify(program, end);
  addScan(program, end);
  addInstall(program, end);
  return program;
}

function list(text: string): string[] {
  return text.split(",").filter((each) => each !== "");
}

const OUTPUT = ["config", "json", "junit", "sarif", "html", "progress"];

async function runCheck(command: string[], flags: Flags): Promise<number> {
  const settings = Object.entries(flags).filter(([name]) => !OUTPUT.includes(name));
  const options = {
    ...configuration(flags.config),
    ...Object.fromEntries(settings),
    ...(command.length > 0 ? { command } : {}),
  };
  const display = new Display(flags.progress && process.stderr.isTTY === true);
  try {
    const onProgress = display.show.bind(display);
    const report = await breakingOff((signal) => check(options, { signal, onProgress }));
    display.clear();
    await writeReport(report, outputOf(flags));
    return report.exitStatus;
  } finally {
    display.clear();
  }
}

function configuration(path: string | undefined): object {
  const file = resolve(path ?? CONFIGURATION);
  if (path === undefined && !existsSync(file)) return {};
  try {
    const { $schema: _, ...settings } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    return settings;
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

function outputOf({ json, junit, sarif, html }: Flags): OutputOptions {
  return {
    json: json === true,
    ...(junit === undefined ? {} : { junit }),
    ...(sarif === undefined ? {} : { sarif }),
    ...(html === undefined ? {} : { html }),
  };
}

function complain(error: Error, exitStatus: number): number {
  process.stderr.write(`steady-lab: ${error.message}\n`);
  return exitStatus;
}
