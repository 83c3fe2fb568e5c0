// A check in a Docker engine of the tests' own: images with nothing in them but busybox and the bundled applications,
// read and run as the engine would.

import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, type StdioOptions, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Report } from "../../lab/index.ts";
import { prepareBusybox } from "../kernels/packages.ts";
import { APPLICATIONS, findingOf, only, pathOf } from "../lab/lib.ts";
import { needsProgram, needsRoot, STEADY, start, until } from "../lib/process.ts";

const BIN = fileURLToPath(new URL("../../lab/bin.ts", import.meta.url));
const PATIENCE_MS = 60_000;

/** An engine that touches nothing of the machine's: no bridge, no rules, folders of its own. */
class Engine {
  readonly folder = mkdtempSync(join(tmpdir(), "steady-docker-"));
  readonly host = `unix://${this.folder}/socket`;
  readonly #daemon: ChildProcess;

  constructor(...options: string[]) {
    const own = ["data-root", "exec-root"].map((name) => `--${name}=${join(this.folder, name)}`);
    this.#daemon = spawn(
      "dockerd",
      [
        "--iptables=false",
        "--ip6tables=false",
        "--bridge=none",
        "--storage-driver=vfs",
        `--pidfile=${this.folder}/pid`,
      ].concat(own, `--host=${this.host}`, options),
      { stdio: "ignore" },
    );
  }

  async started(): Promise<void> {
    await until(
      "the engine to answer",
      () => spawnSync("docker", ["version"], { env: this.env }).status === 0,
    );
  }

  get env(): NodeJS.ProcessEnv {
    return { ...process.env, DOCKER_HOST: this.host, DOCKER_BUILDKIT: "0" };
  }

  docker(args: readonly string[], input?: Buffer | string): string {
    // What it says on stderr is that its old builder, which needs no other program, is old.
    const stdio: StdioOptions = ["pipe", "pipe", "ignore"];
    return execFileSync("docker", args, {
      env: this.env,
      encoding: "utf8",
      input,
      stdio,
      maxBuffer: 1 << 26,
    });
  }

  /** An image of the base with these lines of a Dockerfile. */
  build(name: string, ...lines: string[]): void {
    this.docker(["build", "--quiet", "--tag", name, "-"], ["FROM base", ...lines, ""].join("\n"));
  }

  containers(): string[] {
    return this.docker(["ps", "--all", "--quiet"]).split("\n").filter(Boolean);
  }

  async stop(): Promise<void> {
    const over = new Promise((resolve) => this.#daemon.once("exit", resolve));
    this.#daemon.kill("SIGTERM");
    await over;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A root with busybox as every program that the applications need. */
function makeBase(engine: Engine, busybox: string): void {
  const root = join(engine.folder, "root");
  for (const name of ["bin", "tmp", "proc", "dev", "sys", "etc"])
    mkdirSync(join(root, name), { recursive: true });
  copyFileSync(busybox, join(root, "bin/busybox"));
  for (const name of ["sh", "sleep", "cat", "kill", "id", "env", "true"])
    symlinkSync("busybox", join(root, "bin", name));
  cpSync(APPLICATIONS, join(root, "applications"), { recursive: true });
  const archive = execFileSync("tar", ["-C", root, "-c", "."], { maxBuffer: 1 << 28 });
  engine.docker(["import", "-", "base"], archive);
}

/** An image with the nginx of this machine, the libraries that it is linked with, and a page for it. */
function makeNginx(engine: Engine): void {
  const program = "nginx";
  const root = join(engine.folder, program);
  const path = pathOf(program);
  const libraries = execFileSync("ldd", [path], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
  for (const file of [path, ...libraries]) {
    mkdirSync(join(root, dirname(file)), { recursive: true });
    copyFileSync(file, join(root, file));
  }
  for (const name of ["bin", "etc", "www", "var/lib/nginx", "var/log/nginx"])
    mkdirSync(join(root, name), { recursive: true });
  symlinkSync(path, join(root, "bin", program));
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\nnogroup:x:65534:\nnobody:x:65534:\n");
  writeFileSync(join(root, "www/index.html"), "hello\n");
  const server = "server { listen 8080; root /www; }";
  writeFileSync(
    join(root, "nginx.conf"),
    `daemon off; pid /tmp/pid; error_log /dev/stderr; events {} http { access_log off; ${server} }\n`,
  );
  for (const name of ["tmp", "proc", "dev", "sys"]) mkdirSync(join(root, name), { recursive: true });
  const archive = execFileSync("tar", ["-C", root, "-c", "."], { maxBuffer: 1 << 28 });
  engine.docker(["import", "-", `with-${program}`], archive);
}

describe("in a Docker engine", () => {
  let engine: Engine;

  before(async () => {
    if (process.getuid?.() !== 0 || spawnSync("dockerd", ["--version"]).error !== undefined) return;
    const busybox = await prepareBusybox();
    engine = new Engine();
    await engine.started();
    makeBase(engine, busybox);
  });
  after(async () => {
    await engine?.stop();
  });

  function inEngine(name: string, body: (context: TestContext) => Promise<void> | void): void {
    test(name, async (context) => {
      if (!needsRoot(context) || !needsProgram(context, "dockerd", "apt-get install docker.io")) return;
      await body(context);
      assert.deepEqual(engine.containers(), [], "containers are left");
    });
  }

  /** The command line, whose environment names the engine; `before` it, what starts it. */
  function check(
    args: readonly string[],
    before: readonly string[] = [],
  ): Report & { readonly status: number | null } {
    const [program = "", ...rest] = [...before, process.execPath, BIN, "check", "--json", ...args];
    const done = spawnSync(program, rest, {
      cwd: APPLICATIONS,
      env: engine.env,
      encoding: "utf8",
      timeout: 4 * PATIENCE_MS,
    });
    assert.ok(done.stdout !== "", done.stderr);
    return { ...(JSON.parse(done.stdout) as Report), status: done.status };
  }

  const ignore = (...rules: string[]) => ["--ignore", only(...rules).join(",")];

  inEngine("an image that behaves passes", () => {
    engine.build("polite", 'CMD ["sh", "/applications/polite.sh"]');
    const report = check(["--image", "polite"]);
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
      "STOPSIGNAL SIGINT",
      "USER 1234",
      'ENTRYPOINT ["/bin/sh", "-c"]',
      `CMD ["${loop}"]`,
    );
    const report = check(["--image", "settled", ...ignore("SL002")]);
    assert.deepEqual(report.subject.command, ["/bin/sh", "-c", loop]);
    assert.deepEqual([report.subject.stopSignal, report.subject.image?.user], ["SIGINT", "1234"]);
    const [run] = report.runs;
    const said = run?.timeline.flatMap((event) => (event.kind === "log" ? [event.line] : []));
    assert.deepEqual([said, run?.end?.status, report.status], [["1234", "got INT"], 0, 0]);
  });

  inEngine("an image that ignores its stop signal fails, also where another command is given", () => {
    const report = check([
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
    engine.build("wrapped", "WORKDIR /applications", 'CMD ["sh", "wrapper.sh"]');
    const report = check(["--image", "wrapped", "--grace", "2s", ...ignore("SL002", "SL009", "SL010")]);
    assert.match(findingOf(report, "SL009").what, /"sh wrapper.sh" got SIGTERM and did not pass it on/);
    assert.equal(findingOf(report, "SL010").verdict, "failed");
  });

  inEngine("steady is put into the container, and helps a program that has no handler", () => {
    engine.build("deaf", 'CMD ["sleep", "1000"]');
    const bare = check(["--image", "deaf", "--grace", "2s", ...ignore("SL002", "SL013")]);
    assert.match(findingOf(bare, "SL002").change, /under steady it ended/);
    const helped = check(["--image", "deaf", "--init", "steady", ...ignore("SL002", "SL013")]);
    assert.deepEqual(
      ["SL002", "SL013"].map((rule) => findingOf(helped, rule).verdict),
      ["passed", "passed"],
    );
  });

  inEngine("a program that is not in the image does not start", () => {
    engine.build("missing", 'CMD ["/nothing"]');
    const report = check(["--image", "missing"]);
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
      const report = check(["--place", "docker", ...ignore("SL002"), "--", "sh", "polite.sh"]);
      assert.equal(findingOf(report, "SL002").verdict, "passed");
      assert.match(report.environment.notes.join(), /ran in debian:stable-slim in the Docker engine unix:/);
    },
  );

  inEngine("an engine whose processes cannot be seen from here is asked for them", () => {
    // In a PID namespace of its own the lab sees of the engine's containers what it would on another machine.
    const apart = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    const report = check(
      ["--image", "base", ...ignore("SL001", "SL002", "SL004"), "--", "sh", "/applications/polite.sh"],
      apart,
    );
    assert.deepEqual(
      ["SL001", "SL002", "SL004"].map((rule) => findingOf(report, rule).verdict),
      Array(3).fill("passed"),
    );
    const deaf = check(
      ["--image", "base", "--grace", "2s", ...ignore("SL002"), "--", "sleep", "1000"],
      apart,
    );
    assert.equal(findingOf(deaf, "SL002").verdict, "failed");
  });

  inEngine("nginx in an image: its STOPSIGNAL decides whether a slow client gets its answer", (context) => {
    if (!needsProgram(context, "nginx", "apt-get install nginx-light")) return;
    makeNginx(engine);
    const lines = ["FROM with-nginx", 'ENTRYPOINT ["nginx"]', 'CMD ["-c", "/nginx.conf"]', ""];
    engine.docker(["build", "--quiet", "--tag", "nginx-term", "-"], lines.join("\n"));
    engine.docker(["build", "--quiet", "--tag", "nginx-quit", "-"], "FROM nginx-term\nSTOPSIGNAL SIGQUIT\n");
    const rules = ignore("SL002", "SL014");
    const term = check(["--image", "nginx-term", ...rules]);
    assert.equal(findingOf(term, "SL014").verdict, "failed", findingOf(term, "SL014").what);
    assert.match(findingOf(term, "SL014").change, /STOPSIGNAL SIGQUIT in the Dockerfile/);
    const quit = check(["--image", "nginx-quit", ...rules]);
    assert.equal(quit.subject.stopSignal, "SIGQUIT");
    assert.deepEqual(
      ["SL002", "SL014"].map((rule) => findingOf(quit, rule).verdict),
      ["passed", "passed"],
    );
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
    if (!needsRoot(context) || !needsProgram(context, "dockerd", "apt-get install docker.io")) return;
    const path = join(engine.folder, "docker-init");
    copyFileSync(STEADY, path);
    const other = new Engine("--init", `--init-path=${path}`);
    context.after(() => other.stop());
    await other.started();
    assert.ok(existsSync(join(engine.folder, "root/bin/busybox")));
    other.docker(
      ["import", "-", "base"],
      execFileSync("tar", ["-C", join(engine.folder, "root"), "-c", "."], { maxBuffer: 1 << 28 }),
    );
    other.build("deaf", 'CMD ["sleep", "1000"]');
    const args = [BIN, "check", "--json", "--image", "deaf", ...ignore("SL002", "SL013")];
    const done = spawnSync(process.execPath, args, { env: other.env, encoding: "utf8" });
    const report = JSON.parse(done.stdout) as Report;
    assert.deepEqual(
      ["SL002", "SL013"].map((rule) => findingOf(report, rule).verdict),
      ["passed", "passed"],
      done.stderr,
    );
    const [run] = report.runs;
    assert.deepEqual(
      run?.processes.map(({ role }) => role),
      ["main", "init"],
    );
  });
});
