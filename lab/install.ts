// `steady-lab install --arch ARCH --out PATH`: puts steady where an image is put together. The rule: at PATH is the whole
// program or what was there before, never a part.

import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { OutputError, write } from "./output.ts";
import { ARCHITECTURES, type Program, program } from "./programs.ts";
import { UsageError } from "./settings.ts";

export interface InstallOptions {
  /** As steady, Docker, Debian or Node calls it; by default the one that Node runs on. */
  readonly arch?: string;
  /** The file to be. Its folder is there already. */
  readonly out: string;
}

/** Leaves the program at `out`, mode 0755, in one step. A UsageError, PlaceError or OutputError says why not. */
export function install({ arch, out }: InstallOptions): Program {
  const from = program(arch);
  const path = resolve(out);
  if (isDirectory(path)) throw new UsageError(`--out ${out} is a directory: name the file, as ${out}/steady`);
  const beside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    writeDurably(beside, readFileSync(from.path));
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    const { code = "", message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? `there is no directory ${dirname(path)}: make it first` : message;
    throw new OutputError(`cannot write ${out}: ${why}`);
  }
  return { ...from, path };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Whatever the umask, everybody may run it; and it is on the disk before it has its name. */
function writeDurably(path: string, content: Buffer): void {
  const fd = openSync(path, "wx", 0o755);
  try {
    writeFileSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  chmodSync(path, 0o755);
}

interface Flags {
  readonly arch?: string;
  readonly out: string;
}

/** Adds the command; `end` is told the exit status. */
export function addInstall(command: Command, end: (status: number) => void): void {
  command
    .command("install")
    .description("put steady itself into a file, for this or another architecture")
    .option("--arch <arch>", `${ARCHITECTURES.join(", ")}, or as Docker, Debian or Node calls it (this one)`)
    .requiredOption("--out <file>", "the file to be, with mode 0755")
    .exitOverride()
    .addHelpText("after", "\nExit status: 0 written, 2 could not be written, 64 wrong usage.")
    .action(async (flags: Flags) => {
      const { architecture, sha256 } = install(flags);
      await write(process.stdout, `${sha256}  ${flags.out}\n`);
      process.stderr.write(`steady for ${architecture} is in ${flags.out}\n`);
      end(0);
    });
}
