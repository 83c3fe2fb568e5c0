// A check in a Docker engine of the tests' own: images with nothing in them but busybox and the bundled applications,
// read and run as the engine would.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { BIN, canHaveEngine, Engine, ignoreBut as ignore, makeRoot, needsEngine } from "../lab/engine.ts";
import { APPLICATIONS, findingOf } from "../lab/lib.ts";
import { STEADY, start, until } from "../lib/process.ts";

describe("in a Docker engine", () => {
  let engine: Engine;

  before(async () => {
    if (!canHaveEngine()) return;
    engine = new Engine();
    await engine.started();
    const root = await makeRoot(engine, "root");
    cpSync(APPLICATIONS, join(root, "applications"), { recursive: true });
    engine.import("base", root);
  });
  after(async () => {
    await engine?.stop();
  });

  function inEngine(name: string, body: (context: TestContext) => Promise<void> | void): void {
    test(name, async (context) => {
      if (!needsEngine(context)) return;
      await body(context);
      assert.deepEqual(engine.containers(), [], "containers are left");
    });
  }

  inEngine("an image that behaves passes", () => {
    engine.build("polite", "FROM base", 'CMD ["sh", "/applications/polite.sh"]');
    const report = engine.check(["--image", "polite"]);
    const findings = report.findings.filter(
      ({ verdict, because }) => verdict === "failed" || because === "hindered",
    );
    assert.deepEqual(findings, []);
    assert.equal(report.status, 0);
  });

  inEngine("STOPSIGNAL, ENTRYPOINT, CMD and USER are the image's", () => {
    const loop = "trap 'echo got INT; exit 0' INT; id -u; while :; do sleep 0.1; done";
    engine.build(
      "settled",
      "FROM base",
      "STOPSIGNAL SIGINT",
      "USER 1234",
      'ENTRYPOINT ["/bin/sh", "-c"]',
      `CMD ["${loop}"]`,
    );
    const report = engine.check(["--image", "settled", ...ignore("SL002")]);
    assert.deepEqual(report.subject.command, ["/bin/sh", "-c", loop]);
    assert.deepEqual([report.subject.stopSignal, report.subject.image?.user], ["SIGINT", "1234"]);
    const [run] = report.runs;
    const said = run?.timeline.flatMap((event) => (event.kind === "log" ? [event.line] : []));
    assert.deepEqual([said, run?.end?.status, report.status], [["1234", "got INT"], 0, 0]);
  });

  inEngine("an image that ignores its stop signal fails, also where another command is given", () => {
    const report = engine.check([
      "--image",
      "base",
      "--grace",
      "2s",
      ...ignore("SL002"),
      "--",
      "sh",
      "/applications/ignoring.sh",
    ]);
    assert.equal(findingOf(report, "SL002").verdict, "failed");
    assert.match(findingOf(report, "SL002").what, /ignores/);
    assert.equal(report.status, 1);
  });

  inEngine("a shell in an image that passes nothing on is told, with what is behind it", () => {
    engine.build("wrapped", "FROM base", "WORKDIR /applications", 'CMD ["sh", "wrapper.sh"]');
    const report = engine.check([
      "--image",
      "wrapped",
      "--grace",
      "2s",
      ...ignore("SL002", "SL009", "SL010"),
    ]);
    assert.match(findingOf(report, "SL009").what, /"sh wrapper.sh" got SIGTERM and did not pass it on/);
    assert.equal(findingOf(report, "SL010").verdict, "failed");
  });

  inEngine("steady is put into the container, and helps a program that has no handler", () => {
    engine.build("deaf", "FROM base", 'CMD ["sleep", "1000"]');
    const bare = engine.check(["--image", "deaf", "--grace", "2s", ...ignore("SL002", "SL013")]);
    assert.match(findingOf(bare, "SL002").change, /under steady it ended/);
    const helped = engine.check(["--image", "deaf", "--init", "steady", ...ignore("SL002", "SL013")]);
    assert.deepEqual(
      ["SL002", "SL013"].map((rule) => findingOf(helped, rule).verdict),
      ["passed", "passed"],
    );
  });

  inEngine("a program that is not in the image does not start", () => {
    engine.build("missing", "FROM base", 'CMD ["/nothing"]');
    const report = engine.check(["--image", "missing"]);
    assert.equal(findingOf(report, "SL001").verdict, "failed");
    assert.match(findingOf(report, "SL001").evidence.join("\n"), /nothing.*no such file/);
  });

  inEngine("an image that is not to be had is a sentence and status 2", () => {
    const args = [BIN, "check", "--image", "localhost:1/nosuch"];
    const { status, stderr } = spawnSync(process.execPath, args, { env: engine.env, encoding: "utf8" });
    assert.match(stderr, /^steady-lab: the engine has no image localhost:1\/nosuch, and could not pull it: /);
    assert.equal(status, 2);
  });

  inEngine(
    "a program goes to the engine with its folder where namespaces are not wanted or not to be had",
    () => {
      engine.docker(["tag", "base", "debian:stable-slim"]);
      const report = engine.check(["--place", "docker", ...ignore("SL002"), "--", "sh", "polite.sh"]);
      assert.equal(findingOf(report, "SL002").verdict, "passed");
      assert.match(report.environment.notes.join(), /ran in debian:stable-slim in the Docker engine unix:/);
    },
  );

  inEngine("an engine whose processes cannot be seen from here is asked for them", () => {
    // In a PID namespace of its own the lab sees of the engine's containers what it would on another machine.
    const apart = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    const report = engine.check(
      ["--image", "base", ...ignore("SL001", "SL002", "SL004"), "--", "sh", "/applications/polite.sh"],
      apart,
    );
    assert.deepEqual(
      ["SL001", "SL002", "SL004"].map((rule) => findingOf(report, rule).verdict),
      Array(3).fill("passed"),
    );
    const deaf = engine.check(
      ["--image", "base", "--grace", "2s", ...ignore("SL002"), "--", "sleep", "1000"],
      apart,
    );
    assert.equal(findingOf(deaf, "SL002").verdict, "failed");
  });

  inEngine("a check that is broken off leaves no container", async (context) => {
    const args = [process.execPath, BIN, "check", "--image", "base", "--grace", "60s", "--", "sleep", "1000"];
    const run = start(context, args, { env: engine.env });
    await until("a container", () => engine.containers().length > 0);
    run.child.kill("SIGINT");
    const { status } = await run.ends();
    assert.deepEqual(
      [status, run.stderr],
      [130, "steady-lab: broken off by SIGINT; nothing is left running\n"],
    );
  });

  test("the engine's own init, where it puts one before every program, is taken for what it is", async (context) => {
    if (!needsEngine(context)) return;
    const path = join(engine.folder, "docker-init");
    copyFileSync(STEADY, path);
    const other = new Engine("--init", `--init-path=${path}`);
    context.after(() => other.stop());
    await other.started();
    other.import("base", join(engine.folder, "root"));
    other.build("deaf", "FROM base", 'CMD ["sleep", "1000"]');
    const report = other.check(["--image", "deaf", ...ignore("SL002", "SL013")]);
    assert.deepEqual(
      ["SL002", "SL013"].map((rule) => findingOf(report, rule).verdict),
      ["passed", "passed"],
    );
    const [run] = report.runs;
    assert.deepEqual(
      run?.processes.map(({ role }) => role),
      ["main", "init"],
    );
  });
});
