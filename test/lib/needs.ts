// What a test needs beyond this folder and a kernel. Where it is missing the test is not run and is listed at the end
// with the line that would make it run; with STEADY_TEST_ALL (as in CI) it fails instead.

import { appendFileSync } from "node:fs";
import type { TestContext } from "node:test";

/** Answers whether the test can run; otherwise it is skipped and noted, or failed. `how` is the line that helps. */
export function needs(test: TestContext, present: boolean, what: string, how: string): boolean {
  if (present) return true;
  if (process.env.STEADY_TEST_ALL !== undefined) throw new Error(`${test.name}: needs ${what} (${how})`);
  const list = process.env.STEADY_NOT_RUN;
  if (list !== undefined) appendFileSync(list, `${JSON.stringify({ test: test.name, what, how })}\n`);
  test.skip(`needs ${what}`);
  return false;
}
