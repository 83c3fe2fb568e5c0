// Hands a report to whoever asked for it: terminal or JSON on stdout, files, annotations. The rule: the forms
// (lab/output/) are made of the report alone; only here is looked at the world (streams, variables, files).

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { styleText } from "node:util";
import { annotations, withoutCommands } from "./output/annotations.ts";
import { jsonReport } from "./output/json.ts";
import { junitReport } from "./output/junit.ts";
import { htmlReport } from "./output/page.ts";
import { type Sources, sarifReport } from "./output/sarif.ts";
import { terminalReport } from "./output/terminal.ts";
import type { Report } from "./report.ts";

export interface OutputOptions {
  /** JSON on stdout in place of the report for a person. */
  readonly json?: boolean;
  /** Files to be written. */
  readonly junit?: string;
  readonly sarif?: string;
  readonly html?: string;
}

/** A file that cannot be written; the message is a sentence that says which and what to do. */
export class OutputError extends Error {}

/** Of a pipe or a file, which have no columns. */
const COLUMNS = 80;

export async function writeReport(report: Report, options: OutputOptions): Promise<void> {
  const sources = sourcesOf(report);
  const inActions = process.env.GITHUB_ACTIONS === "true";
  const text = options.json ? jsonReport(report) : terminalReport(report, paper(process.stdout));
  await write(process.stdout, inActions && !options.json ? withoutCommands(text) : text);
  if (inActions) {
    await write(options.json ? process.stderr : process.stdout, annotations(report, sources.file));
  }
  if (options.junit !== undefined) save(options.junit, junitReport(report));
  if (options.sarif !== undefined) save(options.sarif, sarifReport(report, sources));
  if (options.html !== undefined) save(options.html, htmlReport(report, sources));
}

/** What a stream is like to write on. */
export function paper(stream: NodeJS.WriteStream): { width: number; colour: boolean } {
  // Node knows NO_COLOR, FORCE_COLOR, TERM and what is no terminal.
  const colour = styleText("red", "x", { stream }) !== "x";
  return { width: stream.columns || COLUMNS, colour };
}

function sourcesOf(report: Report): Sources {
  const file = programFile(report);
  return { documents: documents(), ...(file === undefined ? {} : { file }) };
}

/** The first word of the command that is a file of its directory: "server.js" of "node server.js". */
function programFile({ subject }: Report): string | undefined {
  const words = subject.kind === "image" ? ["Dockerfile"] : subject.command;
  return words.find((word) => isFileIn(subject.directory, word));
}

function isFileIn(directory: string, path: string): boolean {
  if (isAbsolute(path) || path.split("/").includes("..")) return false;
  try {
    return statSync(join(directory, path)).isFile();
  } catch {
    // Not there, or a word that cannot be a path at all.
    return false;
  }
}

/** Where docs/rules is read: the home page once there is one, until then this repository. */
export function documents(): string {
  const nearest = [".", ".."].map((up) => join(import.meta.dirname, up, "package.json")).find(existsSync);
  const { homepage } = JSON.parse(readFileSync(nearest ?? "", "utf8")) as { homepage?: string };
  return homepage ?? pathToFileURL(`${resolve(dirname(nearest ?? ""), "..")}/`).href;
}

/** Waits until it is taken: a process that exits loses what a pipe has not taken yet. `| head` has read enough. */
export function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((done, fail) => {
    const settle = (error?: Error | null): void =>
      error && (error as NodeJS.ErrnoException).code !== "EPIPE" ? fail(error) : done();
    stream.once("error", settle);
    stream.write(text, (error) => {
      stream.removeListener("error", settle);
      if (error) stream.once("error", settle);
      settle(error);
    });
  });
}

/** Writes a file, and the folders it is to be in. */
export function save(path: string, text: string): void {
  attempt(path, () => writeFileSync(path, text));
}

/** Whether `save` could write it, asked before the work is done. What is there stays as it is; of what is not, its folders. */
export function tryFile(path: string): void {
  attempt(path, () => {
    const found = statSync(path, { throwIfNoEntry: false });
    // Whoever reads from a pipe would take the end of a try for the end.
    if (found !== undefined && !found.isFile() && !found.isDirectory()) return;
    closeSync(openSync(path, "a"));
    // Not a link that led nowhere before.
    if (found === undefined) rmSync(realpathSync(path));
  });
}

function attempt(path: string, write: () => void): void {
  try {
    mkdirSync(dirname(resolve(path)), { recursive: true });
    write();
  } catch (error) {
    throw new OutputError(
      `cannot write ${path}: ${(error as Error).message}; name a file that can be written`,
    );
  }
}
