// `npm run lab -- check ...`: the lab's command line, from its sources; builds the init that it compares with.

import { buildIfStale } from "./build.ts";
import { reportErrors } from "./run.ts";

reportErrors();
if (buildIfStale()) process.stderr.write("steady: built dist/steady\n");
const { main } = await import("../lab/main.ts");
process.exitCode = await main(process.argv.slice(2));
