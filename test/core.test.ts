// Promises that are played on the core itself, under a kernel of fixed answers.

import { test } from "node:test";
import { loadCore } from "./lib/host.ts";
import { EXECS } from "./played/exec.ts";
import { FILES } from "./played/files.ts";
import { LOGS } from "./played/logs.ts";
import { LOOPS } from "./played/loop.ts";
import { RESTARTS } from "./played/restart.ts";
import { SENTENCES } from "./played/sentences.ts";
import { STARTS } from "./played/start.ts";

const CORE = loadCore();

for (const { sentence, play } of [
  ...EXECS,
  ...FILES,
  ...LOGS,
  ...LOOPS,
  ...RESTARTS,
  ...SENTENCES,
  ...STARTS,
])
  test(sentence, () => play(CORE, 1));
