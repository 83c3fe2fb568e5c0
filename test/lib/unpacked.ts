// Inits that are Debian packages which no machine is to have installed: runit-init and systemd would be its own init. The rule:
// they are downloaded and unpacked into a folder, and never installed.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext } from "node:test";
import { needs } from "./needs.ts";

interface Unpacked {
  readonly packages: readonly string[];
  /** Its init, in the folder. */
  readonly path: string;
}

/** By the name that the lab has for them. */
const INITS = {
  s6: { packages: ["s6", "libs6-2.11", "libskarnet2.13", "libexecline2.9"], path: "usr/bin/s6-svscan" },
  "runit-init": { packages: ["runit"], path: "lib/runit/runit-init" },
} as const satisfies Record<string, Unpacked>;

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** The path of the init; undefined where its packages are not to be had, and the test is not run. */
export function needsUnpacked(context: TestContext, name: keyof typeof INITS): string | undefined {
  const { packages, path } = INITS[name];
  const folder = mkdtempSync(join(tmpdir(), "steady-unpacked-"));
  folders.push(folder);
  const downloaded = spawnSync("apt-get", ["download", ...packages], { cwd: folder, stdio: "ignore" });
  if (downloaded.status === 0)
    for (const archive of readdirSync(folder).filter((file) => file.endsWith(".deb")))
      spawnSync("dpkg-deb", ["-x", archive, "."], { cwd: folder, stdio: "ignore" });
  const init = join(folder, path);
  const isThere = existsSync(init);
  needs(context, isThere, `the package ${name}`, `apt-get update; apt-get download ${packages.join(" ")}`);
  return isThere ? init : undefined;
}

/** systemd's path: it is on most machines of Debian, and the tests start it in namespaces alone. */
export function needsSystemd(context: TestContext): string | undefined {
  const path = "/lib/systemd/systemd";
  return needs(context, existsSync(path), "systemd", "a machine that has it installed, started or not")
    ? path
    : undefined;
}
