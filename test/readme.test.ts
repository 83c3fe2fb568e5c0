// The commands of README.md do what README.md says, on a copy of the repository without node_modules. The rule:
//
//   - Every block that is fenced as ```sh is run. What is not to be run (Dockerfiles, docker, sudo) is fenced as
//     ```dockerfile, ```text or the like.
//   - A line that begins with "$ " is a command (a backslash at its end continues it on the next line). The lines
//     below it, up to the next command, are what it prints: standard output and standard error together.
//   - "..." as a line stands for any number of lines, within a line for any text. Blank lines and npm's banner
//     (lines that begin with "> ") count on neither side. Without any lines below a command, its output is free.
//   - A command ends with 0, unless the next command in the block mentions "$?", as in "$ echo $?".
//   - The commands of a block run in one sh, all blocks one after the other in the folder of the copy, which has no
//     node_modules and no dist when the first begins. So the first `npm start` also prints what it installs and
//     builds, on standard error: write "..." there.
//   - `npm test`, `npm run test:all` and `npm run check` are looked up in package.json and not run: this is one of
//     their tests.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { freshCopy, freshEnvironment, needsRegistry } from "./lib/fresh.ts";

const README = fileURLToPath(new URL("../README.md", import.meta.url));
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

test("README: every command does what is printed below it, in a fresh copy", (t) => {
  const blocks = shellBlocks(readFileSync(README, "utf8"));
  assert.ok(blocks.length > 0, "README.md has no block fenced as sh");
  if (!needsRegistry(t)) return;
  const folder = freshCopy();
  for (const block of blocks) checkBlock(folder, commandsOf(block));
});

test("README: the npm scripts it names exist", () => {
  const { scripts } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const readme = readFileSync(README, "utf8");
  for (const [, name] of readme.matchAll(/\bnpm run ([\w:-]+)/g)) assert.ok(name && name in scripts, name);
});

test("README: the rule for its blocks tells right from wrong", () => {
  assert.deepEqual(commandsOf("$ echo a\na\n$ b \\\n  c\n...\n"), [
    { command: "echo a", expected: ["a"] },
    { command: "b \\\n  c", expected: ["..."] },
  ]);
  assert.ok(matches(["a", "...", "z"], ["a", "m", "n", "z"]));
  assert.ok(matches(["pid ... is 1"], ["pid 17 is 1"]));
  assert.ok(matches(["...", "7"], ["7"]));
  assert.ok(!matches(["a"], ["a", "b"]));
  assert.ok(!matches(["a.b"], ["axb"]));
  assert.throws(() => commandsOf("echo a\n"), /begins with "\$ "/);
});

function shellBlocks(markdown: string): string[] {
  return [...markdown.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
}

function commandsOf(block: string): Command[] {
  const commands: { command: string; expected: string[] }[] = [];
  let continues = false;
  for (const line of block.split("\n")) {
    const last = commands.at(-1);
    if (continues && last !== undefined) last.command += `\n${line}`;
    else if (line.startsWith("$ ")) commands.push({ command: line.slice(2), expected: [] });
    else if (isCounted(line)) {
      assert.ok(last !== undefined, `a block of README.md begins with "$ ", not with: ${line}`);
      last.expected.push(line.trimEnd());
    }
    continues = line.endsWith("\\") && (continues || line.startsWith("$ "));
  }
  return commands;
}

function isCounted(line: string): boolean {
  return line.trim() !== "" && !line.startsWith("> ");
}

function checkBlock(folder: string, commands: readonly Command[]): void {
  const outcomes = runAll(folder, commands);
  commands.forEach(({ command, expected }, i) => {
    const outcome = outcomes[i];
    assert.ok(outcome !== undefined, `README.md: the shell ended before: ${command}`);
    const said = `README.md: ${command}\n${outcome.output.join("\n")}\n`;
    if (!commands[i + 1]?.command.includes("$?")) assert.equal(outcome.status, 0, said);
    if (expected.length > 0)
      assert.ok(matches(expected, outcome.output), `${said}is not\n${expected.join("\n")}`);
  });
}

/** Runs the commands in one shell, which says the status of each behind a mark, and leaves $? as it was. */
function runAll(folder: string, commands: readonly Command[]): Outcome[] {
  const script = [
    `mark() { s=$?; printf '\\n%s%s\\n' '${MARK}' "$s"; return "$s"; }`,
    "exec 2>&1",
    ...commands.flatMap(({ command }) => [isOurselves(command) ? ":" : command, "mark"]),
  ].join("\n");
  const shell = spawnSync("sh", ["-c", script], {
    cwd: folder,
    env: freshEnvironment(),
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

function matches(expected: readonly string[], output: readonly string[]): boolean {
  const parts = expected.map((line) => (line === "..." ? "(?:.*\\n)*" : `${pattern(line)}\\n`));
  return new RegExp(`^${parts.join("")}$`).test(output.map((line) => `${line}\n`).join(""));
}

function pattern(line: string): string {
  return line
    .split("...")
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
    .join(".*");
}
