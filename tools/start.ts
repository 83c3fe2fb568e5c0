// `npm start -- PROGRAM ARGS...`: builds what is stale and runs PROGRAM under dist/steady, where the user stands, with
// its standard streams and its exit status. Without a PROGRAM it plays the tour. Standard output is the program's.

import { join } from "node:path";
import { playTour } from "../tour/tour.ts";
import { buildIfStale, ROOT } from "./build.ts";
import { reportErrors, runInFront } from "./run.ts";

async function start(args: readonly string[]): Promise<number> {
  if (buildIfStale()) process.stderr.write("steady: built dist/steady\n");
  const steady = join(ROOT, "dist/steady");
  return args.length > 0 ? await runUnder(steady, args) : await playTour(steady);
}

/** The environment says where the user stands, too. */
function runUnder(steady: string, args: readonly string[]): Promise<number> {
  const cwd = whereTheUserStands();
  return runInFront(steady, args, { cwd, env: { ...process.env, PWD: cwd } });
}

/** npm changes to the folder of package.json, and says in INIT_CWD where it was called. */
function whereTheUserStands(): string {
  const { npm_lifecycle_event: script, INIT_CWD: folder } = process.env;
  return script !== undefined && folder !== undefined ? folder : process.cwd();
}

reportErrors();
process.exitCode = await start(process.argv.slice(2));
