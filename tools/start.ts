// `npm start -- PROGRAM ARGS...`: builds what is stale and runs PROGRAM under dist/steady, where the user stands, with
// its standard streams and its exit status. Without a PROGRAM it plays the tour. Standard output is the program's.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { playTour } from "../tour/tour.ts";
import { buildIfStale, ROOT } from "./build.ts";
import { reportErrors, ToolError } from "./run.ts";

/** Everything a person or a supervisor sends that Node can catch, as in tools/bootstrap.mjs. */
const FORWARDED = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGTERM"] as const;

async function start(args: readonly string[]): Promise<number> {
  if (buildIfStale()) process.stderr.write("steady: built dist/steady\n");
  const steady = join(ROOT, "dist/steady");
  return args.length > 0 ? await runUnder(steady, args) : await playTour(steady);
}

/** Runs the program to its end, passing on the signals we get; answers its exit status as a shell would. */
function runUnder(steady: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const forward = (signal: NodeJS.Signals) => isFromKeyboard(signal) || child.kill(signal);
    // Before the spawn: a signal that came between the two would end us and leave the program alone.
    for (const signal of FORWARDED) process.on(signal, forward);
    const cwd = whereTheUserStands();
    const child = spawn(steady, args, { cwd, env: { ...process.env, PWD: cwd }, stdio: "inherit" });
    child.on("error", (error) => reject(new ToolError(`cannot start ${steady}: ${error.message}`)));
    child.on("exit", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/** npm changes to the folder of package.json, and says in INIT_CWD where it was called. */
function whereTheUserStands(): string {
  const { npm_lifecycle_event: script, INIT_CWD: folder } = process.env;
  return script !== undefined && folder !== undefined ? folder : process.cwd();
}

/** The terminal sends Ctrl-C to its whole foreground group, so the program has it already; twice would mean "now!". */
function isFromKeyboard(signal: NodeJS.Signals): boolean {
  if (signal !== "SIGINT" && signal !== "SIGQUIT") return false;
  const stat = readFileSync("/proc/self/stat", "utf8");
  // The name of the program comes second, in parentheses, and may contain anything. See proc_pid_stat(5).
  const [, , group, , , terminalGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return group === terminalGroup;
}

reportErrors();
process.exitCode = await start(process.argv.slice(2));
