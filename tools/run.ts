// Running other programs, and finding the C compiler: failures become sentences.

import { type SpawnSyncOptions, spawnSync } from "node:child_process";

/** A failure that the user can do something about: its message is printed without a stack. */
export class ToolError extends Error {}

/** Prints a ToolError as a sentence and ends with 1; anything else is a bug and keeps its stack. */
export function reportErrors(): void {
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${error instanceof ToolError ? error.message : error.stack}\n`);
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
