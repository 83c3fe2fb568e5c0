// docs/recipes.md in real engines: Docker with an image and with the daemon's own init, compose, podman, and the pod of
// Kubernetes as far as Docker can run it. Bundles of runc and crun: test/all/engines.test.ts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { parse } from "yaml";
import { inTerminal } from "../fidelity/native.ts";
import { canHaveEngine, Engine, makeRoot, needsEngine } from "../lab/engine.ts";
import { checkBlock, commandsOf } from "../lib/blocks.ts";
import { needsProgram, needsRoot, STEADY, start, until } from "../lib/process.ts";
import { RECIPES, recipe } from "../lib/recipes.ts";

/** What the recipes call the folder on the host. */
const LIBEXEC = "/usr/local/libexec/steady";
/** The image that the recipes begin with; here there is nothing in it but busybox. */
const BASE = "debian:stable-slim";
const SERVER = `#!/bin/sh
trap 'echo got USR1' USR1
trap 'echo stopped; exit 7' TERM
echo ready
while :; do sleep 0.1; done
`;
const LOOP = "while :; do sleep 0.1; done";

/** A folder as the reader has it: the program that was built, and what an image is made of. */
function makeFolder(folder: string): void {
  mkdirSync(join(folder, "dist"), { recursive: true });
  copyFileSync(STEADY, join(folder, "dist/steady"));
  copyFileSync(STEADY, join(folder, "steady"));
  writeFileSync(join(folder, "server"), SERVER, { mode: 0o755 });
  writeFileSync(join(folder, "Dockerfile"), recipe("dockerfile"));
}

describe("the recipes in a Docker engine", () => {
  const folder = mkdtempSync(join(tmpdir(), "steady-recipes-"));
  const libexec = join(folder, "libexec");
  let engine: Engine;

  const here = (block: string): string => block.replaceAll(LIBEXEC, libexec);
  const run = (block: string): void =>
    checkBlock(RECIPES, folder, commandsOf(here(block)), { ...engine.env, NO_COLOR: "1" });

  before(async () => {
    if (!canHaveEngine()) return;
    makeFolder(folder);
    checkBlock(RECIPES, folder, commandsOf(here(recipe("docker-init"))));
    writeFileSync(join(folder, "daemon.json"), here(recipe("daemon.json")));
    engine = new Engine(`--config-file=${join(folder, "daemon.json")}`);
    await engine.started();
    const root = await makeRoot(engine, "root");
    mkdirSync(join(root, "usr/local/bin"), { recursive: true });
    mkdirSync(join(root, "sbin"));
    for (const one of ["grep", "tty"]) symlinkSync("busybox", join(root, "bin", one));
    engine.import(BASE, root);
    engine.docker(["build", "--quiet", "--tag", "web", folder]);
  });
  after(async () => {
    await engine?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function inEngine(name: string, body: (context: TestContext) => Promise<void> | void): void {
    test(name, async (context) => {
      if (!needsEngine(context)) return;
      context.after(() => {
        for (const id of engine.containers()) engine.docker(["rm", "--force", id]);
      });
      await body(context);
      assert.deepEqual(engine.containers(), [], "containers are left");
    });
  }

  const inspect = (name: string, ...what: string[]): string =>
    engine.docker(["inspect", "--format", what.map((each) => `{{${each}}}`).join(" "), name]).trim();
  const logs = (name: string): string => {
    const { stdout, stderr } = spawnSync("docker", ["logs", name], { env: engine.env, encoding: "utf8" });
    return stdout + stderr;
  };
  const said = (name: string, text: string): Promise<unknown> => until(text, () => logs(name).includes(text));

  inEngine(
    "an image built from a folder is started, signalled and stopped without a right to anything",
    () => {
      run(recipe("docker-run"));
    },
  );

  inEngine("docker run --init starts steady, which the daemon takes for its own init", () => {
    run(recipe("docker-run-init"));
  });

  /** Where the init comes from: the image, or the daemon. */
  const WAYS = [
    { name: "in the image", flags: ["--init=false"], init: ["/sbin/steady", "--"] },
    { name: "with --init", flags: ["--init"], init: [] },
  ] as const;

  for (const { name: way, flags, init } of WAYS) {
    const begin = (options: readonly string[], ...command: string[]): string[] => [
      ...["run", ...flags, ...options, "--entrypoint", [...init, ...command][0] ?? "", "web"],
      ...[...init, ...command].slice(1),
    ];

    inEngine(`${way}: a stop, a signal by its name, and what an exec leaves behind`, async () => {
      engine.docker(begin(["--detach", "--name", "one"], "server"));
      await said("one", "ready");
      engine.docker(["kill", "--signal", "SIGUSR1", "one"]);
      await said("one", "got USR1");
      engine.docker(["exec", "one", "sh", "-c", "(sleep 0.01 &) & exit 0"]);
      const none =
        'while grep -l "^State:.*Z" /proc/[0-9]*/status >/dev/null 2>&1; do sleep 0.05; done; echo none';
      assert.equal(engine.docker(["exec", "one", "sh", "-c", none]), "none\n");
      engine.docker(["stop", "-t", "60", "one"]);
      assert.equal(inspect("one", ".State.ExitCode"), "7");
      assert.match(logs("one"), /stopped\n$/);
      engine.docker(["rm", "one"]);
    });

    inEngine(`${way}: restart policies see the program's status`, async () => {
      engine.docker(
        begin(["--detach", "--name", "fails", "--restart", "on-failure:2"], "sh", "-c", "exit 3"),
      );
      await until("two restarts", () => inspect("fails", ".RestartCount", ".State.Status") === "2 exited");
      assert.equal(inspect("fails", ".State.ExitCode"), "3");
      engine.docker(begin(["--detach", "--name", "ends", "--restart", "on-failure:2"], "sh", "-c", "exit 0"));
      await until("its end", () => inspect("ends", ".State.Status") === "exited");
      assert.equal(inspect("ends", ".RestartCount", ".State.ExitCode"), "0 0");
      engine.docker(begin(["--detach", "--name", "stopped", "--restart", "always"], "server"));
      await said("stopped", "ready");
      engine.docker(["stop", "-t", "60", "stopped"]);
      assert.equal(inspect("stopped", ".RestartCount", ".State.Status", ".State.ExitCode"), "0 exited 7");
      engine.docker(["rm", "fails", "ends", "stopped"]);
    });

    inEngine(`${way}: a flood of processes meets the limit, and the container still stops`, async () => {
      const flood = "(while sleep 1000 & do :; done) 2>/dev/null; echo full; exec sleep 1000";
      engine.docker(begin(["--detach", "--name", "full", "--pids-limit", "20"], "sh", "-c", flood));
      await said("full", "full\n");
      engine.docker(["stop", "-t", "60", "full"]);
      assert.equal(inspect("full", ".State.ExitCode"), "143");
      engine.docker(["rm", "full"]);
    });

    inEngine(`${way}: nobody's user, without capabilities, on a read-only root`, async () => {
      const options = [
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        "--read-only",
        "--user",
        "65534",
      ];
      const check = `id -u; grep CapEff /proc/1/status; (: >/x); trap 'exit 7' TERM; echo ready; ${LOOP}`;
      engine.docker(begin(["--detach", "--name", "bare", ...options], "sh", "-c", check));
      await said("bare", "ready");
      assert.match(logs("bare"), /^65534\nCapEff:\t0+\n/);
      assert.match(logs("bare"), /Read-only file system/);
      engine.docker(["stop", "-t", "60", "bare"]);
      assert.equal(inspect("bare", ".State.ExitCode"), "7");
      engine.docker(["rm", "bare"]);
    });

    inEngine(`${way}: at a terminal ^C is the program's`, async (context) => {
      const program = `tty; trap 'echo got INT; exit 9' INT; echo ready; ${LOOP}`;
      const command = ["docker", ...begin(["--rm", "--interactive", "--tty"], "sh", "-c", program)];
      const attached = start(context, inTerminal(command), { env: engine.env });
      await attached.says("ready");
      attached.write("\x03");
      assert.deepEqual(await attached.ends(), { status: 9, signal: null });
      assert.match(attached.stdout, /\/dev\/pts\/0\r\n.*got INT/s);
    });
  }

  inEngine("compose starts it with the daemon's init, and stops it in time", async (context) => {
    if (!needsProgram(context, "docker-compose", "apt-get install docker-compose")) return;
    writeFileSync(join(folder, "compose.yaml"), recipe("compose.yaml"));
    // The daemon of the tests has no network to offer.
    writeFileSync(join(folder, "apart.yaml"), "services: {web: {network_mode: none}}\n");
    const compose = (...args: string[]): string => {
      const command = ["--file", "compose.yaml", "--file", "apart.yaml", "--project-name", "recipe", ...args];
      const { status, stdout, stderr } = spawnSync("docker-compose", command, {
        cwd: folder,
        env: engine.env,
        encoding: "utf8",
      });
      assert.equal(status, 0, stderr);
      return stdout.trim();
    };
    compose("up", "--detach");
    const id = compose("ps", "--quiet");
    await said(id, "ready");
    assert.equal(engine.docker(["exec", id, "cat", "/proc/1/comm"]), "docker-init\n");
    compose("stop");
    assert.equal(inspect(id, ".State.ExitCode"), "7");
    compose("rm", "--force");
  });

  /** As far as Docker knows what a container of a pod is. */
  interface Container {
    readonly name: string;
    readonly image: string;
    readonly command: readonly string[];
    readonly args?: readonly string[];
    readonly securityContext: {
      readonly allowPrivilegeEscalation: boolean;
      readonly readOnlyRootFilesystem: boolean;
      readonly capabilities: { readonly drop: readonly string[] };
    };
    readonly volumeMounts: readonly { readonly mountPath: string; readonly readOnly?: boolean }[];
  }
  interface Pod {
    readonly spec: {
      readonly terminationGracePeriodSeconds: number;
      readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number };
      readonly initContainers: readonly Container[];
      readonly containers: readonly Container[];
    };
  }

  inEngine("the pod's init container hands steady on to a container that does not have it", async () => {
    const { spec } = parse(recipe("pod.yaml")) as Pod;
    const volume = join(folder, "volume");
    mkdirSync(volume);
    // As the kubelet makes an emptyDir.
    chmodSync(volume, 0o777);
    writeFileSync(join(folder, "Dockerfile.steady"), "FROM scratch\nCOPY steady /steady\n");
    const [first, main] = [spec.initContainers[0] as Container, spec.containers[0] as Container];
    engine.docker([
      "build",
      "--quiet",
      "--tag",
      first.image,
      "--file",
      join(folder, "Dockerfile.steady"),
      folder,
    ]);
    const begin = (
      { image, command, args = [], securityContext, volumeMounts }: Container,
      ...options: string[]
    ) => {
      const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = securityContext;
      const { runAsUser, runAsGroup } = spec.securityContext;
      return engine.docker([
        ...["run", "--init=false", ...options, "--user", `${runAsUser}:${runAsGroup}`],
        ...(readOnlyRootFilesystem ? ["--read-only"] : []),
        ...(allowPrivilegeEscalation ? [] : ["--security-opt", "no-new-privileges"]),
        ...capabilities.drop.flatMap((each) => ["--cap-drop", each]),
        ...volumeMounts.flatMap(({ mountPath, readOnly }) => [
          "--volume",
          `${volume}:${mountPath}${readOnly === true ? ":ro" : ""}`,
        ]),
        ...["--entrypoint", command[0] ?? "", image, ...command.slice(1), ...args],
      ]);
    };
    // An init container runs again where the pod is started anew on its node.
    for (let i = 0; i < 2; i++) assert.equal(begin(first, "--rm"), "");
    assert.deepEqual(readFileSync(join(volume, "steady")), readFileSync(STEADY));
    begin(main, "--detach", "--name", "pod");
    await said("pod", "ready");
    assert.equal(engine.docker(["exec", "pod", "cat", "/proc/1/comm"]), "steady\n");
    engine.docker(["stop", "-t", String(spec.terminationGracePeriodSeconds), "pod"]);
    assert.equal(inspect("pod", ".State.ExitCode"), "7");
    engine.docker(["rm", "pod"]);
  });
});

/** crun, which podman prefers, refuses a host with both versions of cgroups. */
test("podman run --init starts what containers.conf names", async (context) => {
  if (!needsRoot(context) || !needsProgram(context, "podman", "apt-get install podman")) return;
  if (!needsProgram(context, "runc", "apt-get install runc")) return;
  const folder = mkdtempSync(join(tmpdir(), "steady-podman-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const libexec = join(folder, "libexec");
  mkdirSync(libexec);
  const installed = spawnSync(STEADY, ["--install", libexec], { encoding: "utf8" });
  assert.deepEqual([installed.status, installed.stderr], [0, ""]);
  // Below the recipe's own section: what this machine, and no recipe, needs.
  const machine = `default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
log_driver = "none"
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
`;
  writeFileSync(
    join(folder, "containers.conf"),
    recipe("containers.conf").replaceAll(LIBEXEC, libexec) + machine,
  );
  const storage = `[storage]
driver = "vfs"
graphroot = "${folder}/root"
runroot = "${folder}/run"
`;
  writeFileSync(join(folder, "storage.conf"), storage);
  const env = {
    ...process.env,
    CONTAINERS_CONF: join(folder, "containers.conf"),
    CONTAINERS_STORAGE_CONF: join(folder, "storage.conf"),
  };
  const root = await makeRoot({ folder } as Engine, "image");
  const archive = spawnSync("tar", ["-C", root, "-c", "."], { maxBuffer: 1 << 28 }).stdout;
  const imported = spawnSync("podman", ["import", "-", `docker.io/library/${BASE}`], { env, input: archive });
  assert.equal(imported.status, 0, String(imported.stderr));
  checkBlock(RECIPES, folder, commandsOf(recipe("podman-run")), env);
});
