// The servers of Debian as images: what is known of each with the stop signal that its image tells, which the lab is to
// read. An image has the server of this machine, the libraries that it is linked with, and busybox as its shell.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { canHaveEngine, Engine, ignoreBut, makeRoot, needsEngine } from "../lab/engine.ts";
import { pathOf } from "../lab/lib.ts";
import {
  APACHE,
  APACHE_MODULES,
  CRON,
  folderOf,
  HAPROXY,
  holds,
  type Known,
  NGINX,
  needsServer,
  POSTGRES,
  REDIS,
  rulesOf,
  type Server,
} from "../lab/servers.ts";

/** A variant of an image: its STOPSIGNAL, where its Dockerfile has one, and what is known of it then. */
interface Variant {
  readonly stopSignal?: string;
  readonly grace?: string;
  readonly known: Known;
}

describe("servers in images", () => {
  let engine: Engine;

  before(async () => {
    if (!canHaveEngine()) return;
    engine = new Engine();
    await engine.started();
  });
  after(async () => {
    await engine?.stop();
  });

  /** `files` are what the server needs of this machine besides its libraries: files, and folders with all in them. */
  function image(name: string, server: Server, files: readonly string[], variants: readonly Variant[]): void {
    test(name, async (context) => {
      if (!needsEngine(context) || !needsServer(context, server)) return;
      const folder = folderOf(context);
      const command = server.command(folder);
      const base = await makeImage(command[0] ?? "", [folder, ...files]);
      for (const variant of variants) holdsIn(base, command, server.user, variant);
      assert.deepEqual(engine.containers(), [], "containers are left");
    });
  }

  /** With this program, its libraries and these files, each where it is on this machine; answers the name. */
  async function makeImage(program: string, files: readonly string[]): Promise<string> {
    const path = pathOf(program);
    const name = basename(path);
    const root = await makeRoot(engine, name);
    const libraries = execFileSync("ldd", [path], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
    // A thread's end loads this one, which no program is linked with.
    const gcc = libraries
      .filter((file) => basename(file).startsWith("libc.so"))
      .map((libc) => join(dirname(libc), "libgcc_s.so.1"));
    const all = [path, ...new Set([...libraries, ...gcc]), "/etc/passwd", "/etc/group", ...files].map(
      (file) => `.${file}`,
    );
    const input = execFileSync("tar", ["-C", "/", "--dereference", "-c", ...all], { maxBuffer: 1 << 28 });
    execFileSync("tar", ["-C", root, "-x"], { input });
    symlinkSync(path, join(root, "bin", name));
    engine.import(name, root);
    return name;
  }

  function holdsIn(base: string, command: readonly string[], user = "root", variant: Variant): void {
    const { stopSignal = "SIGTERM", grace = "8s", known } = variant;
    const name = `${base}-${stopSignal.toLowerCase()}`;
    const settings = [`USER ${user}`, `CMD ${JSON.stringify(command)}`];
    if (variant.stopSignal !== undefined) settings.push(`STOPSIGNAL ${stopSignal}`);
    engine.build(name, `FROM ${base}`, ...settings);
    const report = engine.check(["--image", name, "--grace", grace, ...ignoreBut(...rulesOf(known))]);
    assert.equal(report.subject.stopSignal, stopSignal);
    holds(report, known);
  }

  const STOPS = ["SL002", "SL004"];

  image(
    "nginx drops slow clients, but for STOPSIGNAL SIGQUIT",
    NGINX,
    ["/var/lib/nginx", "/var/log/nginx"],
    [
      {
        known: {
          failed: ["SL014"],
          passed: STOPS,
          advice: ["SL014", "STOPSIGNAL SIGQUIT in the Dockerfile"],
        },
      },
      { stopSignal: "SIGQUIT", known: { passed: [...STOPS, "SL014"] } },
    ],
  );

  image(
    "apache2 drops slow clients, but for STOPSIGNAL SIGWINCH",
    APACHE,
    APACHE_MODULES.map(([, file]) => file),
    [
      {
        known: {
          failed: ["SL014"],
          passed: STOPS,
          advice: ["SL014", "STOPSIGNAL SIGWINCH in the Dockerfile"],
        },
      },
      { stopSignal: "SIGWINCH", known: { passed: [...STOPS, "SL014"] } },
    ],
  );

  image(
    "haproxy does not hear SIGTERM, and answers everybody with STOPSIGNAL SIGUSR1",
    HAPROXY,
    [],
    [
      { grace: "3s", known: { failed: ["SL002"] } },
      { stopSignal: "SIGUSR1", known: { passed: [...STOPS, "SL014"] } },
    ],
  );

  image(
    "postgresql waits for clients, but for STOPSIGNAL SIGINT",
    POSTGRES,
    ["/usr/share/postgresql", "/usr/share/zoneinfo/UTC", ...globSync("/usr/lib/postgresql/*/lib/plpgsql.so")],
    [
      { grace: "3s", known: { failed: ["SL016"], passed: ["SL002"], advice: ["SL016", "SIGINT"] } },
      { stopSignal: "SIGINT", grace: "3s", known: { passed: ["SL002", "SL016"] } },
    ],
  );

  image(
    "redis stops on SIGTERM and SIGINT, and reaps no orphan",
    REDIS,
    [],
    [{ known: { failed: ["SL013"], passed: [...STOPS, "SL005"] } }],
  );

  image(
    "cron does not hear SIGTERM; under an init it does",
    CRON,
    ["/var/spool/cron"],
    [{ grace: "3s", known: { failed: ["SL002"], advice: ["SL002", "under steady it ended"] } }],
  );
});
