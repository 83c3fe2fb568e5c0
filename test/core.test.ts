// Promises that are played on the core itself, under a kernel of fixed answers.

import { test } from "node:test";
import { loadCore } from "./lib/host.ts";
import { FILES } from "./played/files.ts";
import { LOGS } from "./played/logs.ts";
import { LOOPS } from "./played/loop.ts";
import { RESTARTS } from "./played/restart.ts";
import { STARTS } from "./played/start.ts";

const CORE = loadCore();

for (const { sentence, play } of [...FILES, ...LOGS, ...LOOPS, ...RESTARTS, ...STARTS])
  test(sentence, () => play(CORE, 1));
