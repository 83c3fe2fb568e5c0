// `steady-lab attack INIT...`: the words of the command line for what the library's attack does.

import { resolve } from "node:path";
import type { Command } from "commander";
import { visibleJson } from "../output/visible.ts";
import { paper, write } from "../output.ts";
import { UsageError } from "../settings.ts";
import { type Attack, scriptOf } from "./attack.ts";
import { attack, attacksOf } from "./run.ts";
import { targetOf } from "./target.ts";
import { arenaText } from "./terminal.ts";
import { addWatched, scriptRuntime, type WatchedFlags, watched } from "./watched.ts";

interface Flags extends WatchedFlags {
  readonly only?: string;
  readonly list?: boolean;
  readonly script?: string;
  readonly control?: boolean;
  readonly planted?: string;
  readonly json?: boolean;
}

/** Adds the command; `end` is told the exit status. */
export function addAttack(program: Command, end: (status: number) => void): void {
  addWatched(program.command("attack"))
    .description("attack inits, and tell which survive")
    .argument("[init...]", "bare (no init), steady, or the name or path of an init")
    .option("--only <ids>", "these attacks alone: W1,W3")
    .option("--list", "show every attack, and end")
    .option("--script <id>", "print the script that plays this attack on the init, to repeat it by hand")
    .option("--control", "with --script: the same without what hurts")
    .option("--planted <file>", "a build of steady whose core can be made to fail, for the attack T6")
    .option("--json", "print the report as JSON")
    .exitOverride()
    .addHelpText(
      "after",
      "\nExit status: 0 nobody fell, 1 somebody fell, 2 an attack could not be tested, 64 wrong usage.",
    )
    .action(async (inits: string[], flags: Flags) => {
      end(await run(inits, flags));
    });
}

async function run(inits: readonly string[], flags: Flags): Promise<number> {
  const only = flags.only?.split(",").filter((id) => id !== "");
  if (flags.list === true) {
    await write(
      process.stdout,
      attacksOf(only)
        .map(({ id, title }) => `${id.padEnd(5)}${title}\n`)
        .join(""),
    );
    return 0;
  }
  if (inits.length === 0) throw new UsageError("name an init: attack tini steady");
  if (flags.script !== undefined) return print(inits, flags.script, flags);
  const report = await watched(flags, ({ show, ...watching }) =>
    attack({
      inits,
      ...(only === undefined ? {} : { only }),
      ...(flags.planted === undefined ? {} : { planted: flags.planted }),
      ...watching,
      onProgress: (done, planned, now) => show({ done, planned, running: [now] }),
    }),
  );
  const text = flags.json
    ? `${visibleJson(JSON.stringify(report, undefined, 2))}\n`
    : arenaText(report, paper(process.stdout));
  await write(process.stdout, text);
  return report.exitStatus;
}

async function print(inits: readonly string[], id: string, flags: Flags): Promise<number> {
  const [init = "", ...others] = inits;
  if (others.length > 0) throw new UsageError("--script is for one init at a time");
  const [one] = attacksOf([id]);
  const script = (one: Attack): string =>
    scriptOf(one, targetOf(init), {
      isControl: flags.control === true,
      runtime: scriptRuntime(flags),
      planted: flags.planted === undefined ? undefined : resolve(flags.planted),
    });
  if (one !== undefined) await write(process.stdout, script(one));
  return 0;
}
