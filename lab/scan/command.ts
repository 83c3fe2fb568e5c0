// `steady-lab scan IMAGE`: the words of the command line for what the library's scan does.

import type { Command } from "commander";
import { visibleJson } from "../output/visible.ts";
import { documents, paper, save, write } from "../output.ts";
import { scanSarif } from "./sarif.ts";
import { type ScanOptions, scan } from "./scan.ts";
import { scanText } from "./terminal.ts";

interface Flags {
  readonly json?: boolean;
  readonly sarif?: string;
  readonly vex?: string;
  readonly key?: string[];
  readonly dockerfile?: string;
  readonly [setting: string]: unknown;
}

/** Adds the command; `end` is told the exit status. */
export function addScan(program: Command, end: (status: number) => void): void {
  program
    .command("scan")
    .description("find every init in an image, and what keeps it from doing its work")
    .argument(
      "[image]",
      "an archive (docker save, OCI layout, root), a folder (layout, root), or a Docker image",
    )
    .option("--docker", "ask the Docker engine; without an image: for all of its images")
    .option("--dockerfile <file>", "the Dockerfile: downloads and pinned digests; of a root ENTRYPOINT, too")
    .option("--data <file>", "what is known against versions of inits, in place of the lab's own list")
    .option("--known <file>", "digests and keys that are known, in place of the lab's own list")
    .option("--release <folder>", "a release of steady whose files are known, with --key")
    .option("--key <file>", "the public key of that release; repeatable", collect)
    .option("--fail-on <severity>", "the least severity that makes the status 1: error, warning, note, never")
    .option("--json", "print the report as JSON")
    .option("--sarif <file>", "write a SARIF 2.1.0 report")
    .option("--vex <file>", "write an OpenVEX document about the steady that is in it")
    .exitOverride()
    .addHelpText("after", "\nExit status: 0 nothing found, 1 findings, 2 could not be read, 64 wrong usage.")
    .action(async (image: string | undefined, flags: Flags) => {
      end(await run(image, flags));
    });
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

async function run(image: string | undefined, flags: Flags): Promise<number> {
  const { json, sarif, vex, key = [], ...settings } = flags;
  const { dockerfile } = flags;
  const { vex: statement, ...report } = await scan({
    ...settings,
    keys: key,
    ...(image === undefined ? {} : { image }),
  } as ScanOptions);
  if (sarif !== undefined)
    save(
      sarif,
      scanSarif(report, { documents: documents(), ...(dockerfile === undefined ? {} : { dockerfile }) }),
    );
  if (vex !== undefined) {
    if (statement === undefined)
      process.stderr.write(`steady-lab: there is no steady to speak of: ${vex} is not written\n`);
    else save(vex, `${JSON.stringify(statement, undefined, 2)}\n`);
  }
  const text = json
    ? `${visibleJson(JSON.stringify(report, undefined, 2))}\n`
    : scanText(report, paper(process.stdout));
  await write(process.stdout, text);
  return report.exitStatus;
}
