// Running other programs, and finding the C compiler: failures become sentences.

import { type SpawnOptions, type SpawnSyncOptions, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";

/** Everything a person or a supervisor sends that Node can catch, as in tools/bootstrap.mjs. */
const FORWARDED = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGTERM"] as const;

/** A failure that the user can do something about: its message is printed without a stack. */
export class ToolError extends Error {}

/** Prints a ToolError, or what parseArgs has against a word, as a sentence and ends with 1; anything else is a bug and keeps its stack. */
export function reportErrors(): void {
  process.on("uncaughtException", (error: NodeJS.ErrnoException) => {
    const isUsers = error instanceof ToolError || error.code?.startsWith("ERR_PARSE_ARGS_");
    process.stderr.write(`${isUsers === true ? error.message : error.stack}\n`);
    process.exit(1);
  });
}

/** Runs a program to its end; a ToolError with its output where it fails. */
export function run(
  program: string,
  args: readonly string[],
  options: SpawnSyncOptions = {},
): { stdout: string } {
  const result = spawnSync(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 28,
    ...options,
    encoding: "utf8",
  });
  if (result.error !== undefined) throw new ToolError(`cannot run ${program}: ${result.error.message}`);
  if (result.status !== 0) {
    const end = result.signal === null ? `status ${result.status}` : result.signal;
    throw new ToolError(`${program} failed (${end}):\n${result.stdout}${result.stderr}`);
  }
  return { stdout: result.stdout };
}

/** Runs a program in our place: with our streams and the signals we get. Answers its status as a shell would. */
export function runInFront(file: string, args: readonly string[], options: SpawnOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const forward = (signal: NodeJS.Signals) => isFromKeyboard(signal) || child.kill(signal);
    // Before the spawn: a signal that came between the two would end us and leave the program alone.
    for (const signal of FORWARDED) process.on(signal, forward);
    const child = spawn(file, args, { ...options, stdio: "inherit" });
    child.on("error", (error) => reject(new ToolError(`cannot run ${file}: ${error.message}`)));
    child.on("exit", (code, signal) => {
      for (const each of FORWARDED) process.off(each, forward);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** The terminal sends Ctrl-C to its whole foreground group, so the program has it already; twice would mean "now!". */
function isFromKeyboard(signal: NodeJS.Signals): boolean {
  if (signal !== "SIGINT" && signal !== "SIGQUIT") return false;
  const stat = readFileSync("/proc/self/stat", "utf8");
  // The name of the program comes second, in parentheses, and may contain anything. See proc_pid_stat(5).
  const [, , group, , , terminalGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return group === terminalGroup;
}

/** Whether a program can be run at all. */
export function isThere(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
}

/** $CC, else cc, gcc or clang. */
export function findCompiler(): string {
  const asked = process.env.CC;
  if (asked !== undefined && asked !== "") {
    if (isThere(asked)) return asked;
    throw new ToolError(`CC names ${asked}, which cannot be run: set CC to a C compiler, or unset it`);
  }
  const found = ["cc", "gcc", "clang"].find(isThere);
  if (found !== undefined) return found;
  throw new ToolError(
    "no C compiler found: install one (on Debian: apt-get install gcc libc6-dev), or set CC",
  );
}
