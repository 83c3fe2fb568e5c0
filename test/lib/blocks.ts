// Blocks of commands in documents do what the documents say. The rule:
//
//   - Every block that is fenced as ```sh is run. What is not to be run (Dockerfiles, docker, sudo) is fenced as
//     ```dockerfile, ```text or the like.
//   - A line that begins with "$ " is a command (a backslash at its end continues it on the next line). The lines
//     below it, up to the next command, are what it prints: standard output and standard error together.
//   - "..." as a line stands for any number of lines, within a line for any text. Blank lines and npm's banner
//     (lines that begin with "> ") count on neither side. Without any lines below a command, its output is free.
//   - A command ends with 0, unless the next command in the block mentions "$?", as in "$ echo $?".
//   - The commands of a block run in one sh.
//   - `npm test`, `npm run test:all` and `npm run check` are not run: this is one of their tests.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { freshEnvironment } from "./fresh.ts";

const BLOCK_MS_MAX = 300_000;
const MARK = "@@steady-readme@@";

interface Command {
  readonly command: string;
  readonly expected: string[];
}

interface Outcome {
  readonly output: string[];
  readonly status: number;
}

export function shellBlocks(markdown: string): string[] {
  return [...markdown.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
}

export function commandsOf(block: string): Command[] {
  const commands: { command: string; expected: string[] }[] = [];
  let continues = false;
  for (const line of block.split("\n")) {
    const last = commands.at(-1);
    if (continues && last !== undefined) last.command += `\n${line}`;
    else if (line.startsWith("$ ")) commands.push({ command: line.slice(2), expected: [] });
    else if (isCounted(line)) {
      assert.ok(last !== undefined, `a block begins with "$ ", not with: ${line}`);
      last.expected.push(line.trimEnd());
    }
    continues = line.endsWith("\\") && (continues || line.startsWith("$ "));
  }
  return commands;
}

function isCounted(line: string): boolean {
  return line.trim() !== "" && !line.startsWith("> ");
}

/** Runs a block of a document in a folder, and holds what it prints against what the document shows. */
export function checkBlock(
  document: string,
  folder: string,
  commands: readonly Command[],
  environment: NodeJS.ProcessEnv = freshEnvironment(),
): void {
  const outcomes = runAll(folder, commands, environment);
  commands.forEach(({ command, expected }, i) => {
    const outcome = outcomes[i];
    assert.ok(outcome !== undefined, `${document}: the shell ended before: ${command}`);
    const said = `${document}: ${command}\n${outcome.output.join("\n")}\n`;
    if (!commands[i + 1]?.command.includes("$?")) assert.equal(outcome.status, 0, said);
    if (expected.length > 0)
      assert.ok(matches(expected, outcome.output), `${said}is not\n${expected.join("\n")}`);
  });
}

/** Runs the commands in one shell, which says the status of each behind a mark, and leaves $? as it was. */
function runAll(folder: string, commands: readonly Command[], env: NodeJS.ProcessEnv): Outcome[] {
  const script = [
    `mark() { s=$?; printf '\\n%s%s\\n' '${MARK}' "$s"; return "$s"; }`,
    "exec 2>&1",
    ...commands.flatMap(({ command }) => [isOurselves(command) ? ":" : command, "mark"]),
  ].join("\n");
  const shell = spawnSync("sh", ["-c", script], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    timeout: BLOCK_MS_MAX,
  });
  const parts = shell.stdout.split(new RegExp(`^${MARK}(\\d+)$`, "m"));
  return commands.flatMap((_, i) => {
    const status = parts[2 * i + 1];
    if (status === undefined) return [];
    const output = (parts[2 * i] ?? "").split("\n").filter(isCounted);
    return [{ output: output.map((line) => line.trimEnd()), status: Number(status) }];
  });
}

function isOurselves(command: string): boolean {
  return /^npm (test\b|run (test|test:all|check)$)/.test(command);
}

export function matches(expected: readonly string[], output: readonly string[]): boolean {
  const parts = expected.map((line) => (line === "..." ? "(?:.*\\n)*" : `${pattern(line)}\\n`));
  return new RegExp(`^${parts.join("")}$`).test(output.map((line) => `${line}\n`).join(""));
}

function pattern(line: string): string {
  return line
    .split("...")
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
    .join(".*");
}
