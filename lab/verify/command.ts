// `steady-lab verify FILE...`: the words of the command line for what the library's verify does.

import type { Command } from "commander";
import { visibleJson } from "../output/visible.ts";
import { paper, write } from "../output.ts";
import { verificationText } from "./terminal.ts";
import { type VerifyOptions, verify } from "./verify.ts";

interface Flags {
  readonly json?: boolean;
  readonly key?: string[];
  readonly [setting: string]: unknown;
}

/** Adds the command; `end` is told the exit status. */
export function addVerify(program: Command, end: (status: number) => void): void {
  program
    .command("verify")
    .description("tell which init a file is, and whether it is what its project released and signed")
    .argument("<file...>", "files, or the folder of a release")
    .option("--key <file>", "a public key: minisign's, PEM or OpenPGP's armour; repeatable", collect)
    .option("--trust-root <file>", "sigstore's trusted_root.json, for certificates and transparency logs")
    .option("--identity <name>", "who signed, where a certificate says who did")
    .option("--issuer <url>", "who vouches for that identity")
    .option("--digest <sha256>", "the digest that was pinned for the file")
    .option("--known <file>", "digests and keys that are known, in place of the lab's own list")
    .option("--rebuild", "build steady again from the commit that its provenance names, and compare")
    .option("--repository <folder>", "the git repository with that commit (.)")
    .option("--json", "print the report as JSON")
    .exitOverride()
    .addHelpText(
      "after",
      "\nExit status: 0 verified, 1 tampered with, 2 could not be read, 3 unknown, 64 wrong usage.",
    )
    .action(async (files: string[], flags: Flags) => {
      end(await run(files, flags));
    });
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

async function run(files: string[], { json, key = [], ...settings }: Flags): Promise<number> {
  const verification = await verify({ files, keys: key, ...settings } as VerifyOptions);
  const text = json
    ? `${visibleJson(JSON.stringify(verification, undefined, 2))}\n`
    : verificationText(verification, paper(process.stdout));
  await write(process.stdout, text);
  return verification.exitStatus;
}
