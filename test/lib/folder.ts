// A folder of a test's own, which goes with it.

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** Made below the temporary folder, and searched also by programs of other users; `mode` lets them write as well. */
export function folder(context: TestContext, mode = 0o755): string {
  const path = mkdtempSync(join(tmpdir(), "steady-test-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  chmodSync(path, mode);
  return path;
}
