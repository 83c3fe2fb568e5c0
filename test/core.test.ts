// Promises that are played on the core itself, under a kernel of fixed answers.

import { test } from "node:test";
import { loadCore } from "./lib/host.ts";
import { PLAYED } from "./played/all.ts";

const CORE = loadCore();

for (const { sentence, play } of PLAYED) test(sentence, () => play(CORE, 1));
