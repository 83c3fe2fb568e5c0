// attack, conform and bench in containers of real engines: that verdicts, values and measures come from there as they do from
// namespaces, and that nothing of them is left, also where somebody breaks them off.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { RUNTIMES } from "../../lab/arena/runtime.ts";
import type { ArenaReport, BenchReport, ConformReport } from "../../lab/index.ts";
import { BIN, canHaveEngine, Engine, needsEngine } from "../lab/engine.ts";
import { needsPidNamespace, needsProgram, needsRoot, processesOf, STEADY, until } from "../lib/process.ts";

/** Quick ones, of which each has somebody who falls, or is about some alone; D4 needs to choose a pid in the container. */
const ATTACKS = "W12,W16,W21,D4";
const ROWS = "missing,blocked-given,group,ctrl-c";
const INITS = [STEADY, "tini", "bare"];
/** As where the kernel or a seccomp profile refuses: unshare(2) answers EPERM. */
const WITHOUT_NAMESPACES = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all", "--"];

describe("in real engines", () => {
  const folder = mkdtempSync(join(tmpdir(), "steady-runtimes-"));
  const temporary = join(folder, "tmp");
  let engine: Engine;
  let verdicts: readonly string[];
  let cells: readonly string[];

  const env = (): NodeJS.ProcessEnv => ({ ...engine.env, TMPDIR: temporary });
  const lab = (args: readonly string[], front: readonly string[] = [], more: NodeJS.ProcessEnv = {}) => {
    const [file = "", ...rest] = [...front, process.execPath, BIN, ...args];
    return spawnSync(file, rest, { env: { ...env(), ...more }, encoding: "utf8" });
  };
  const attacked = (...args: string[]): ArenaReport =>
    json(lab(["attack", ...INITS, "--only", ATTACKS, "--json", ...args]));
  const conformed = (...args: string[]): ConformReport =>
    json(lab(["conform", STEADY, "tini", "--only", ROWS, "--json", ...args]));

  before(async () => {
    mkdirSync(temporary);
    if (!canHaveEngine()) return;
    engine = new Engine();
    await engine.started();
    verdicts = attacked().results.map(verdictOf);
    cells = conformed().cells.map(cellOf);
  });
  after(async () => {
    await engine?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Nothing but what was there before. */
  function nothingIsLeft(): void {
    assert.deepEqual(engine.containers(), []);
    assert.equal(engine.docker(["images", "--all", "--quiet"]), "");
    assert.deepEqual(readdirSync(temporary), []);
    assert.deepEqual(cgroups(), []);
    assert.doesNotMatch(readFileSync("/proc/self/mountinfo", "utf8"), new RegExp(temporary));
  }

  for (const runtime of RUNTIMES.slice(1)) {
    const inRuntime = (name: string, body: (context: TestContext) => Promise<void> | void): void => {
      test(`${name}, in ${runtime}`, async (context) => {
        if (!needsRoot(context) || !needsPidNamespace(context) || !needsEngine(context)) return;
        for (const program of ["tini", runtime === "docker" ? "perl" : runtime])
          if (!needsProgram(context, program, `apt-get install ${program}`)) return;
        await body(context);
        nothingIsLeft();
      });
    };

    inRuntime("whoever falls in namespaces falls, and nobody else does", () => {
      const report = attacked("--runtime", runtime);
      assert.match(report.engine ?? "", new RegExp(`^${runtime} \\d`, "i"));
      assert.deepEqual(report.results.map(verdictOf), verdicts, JSON.stringify(report.results));
    });

    inRuntime("rows of the matrix are what they are in namespaces", () => {
      const report = conformed("--runtime", runtime);
      // Its terminal is the engine's own.
      const expected = cells.map((cell) =>
        runtime === "docker" ? cell.replace(/^(ctrl-c .*): .*$/, "$1: not applicable ") : cell,
      );
      assert.deepEqual(report.cells.map(cellOf), expected, JSON.stringify(report.cells));
    });

    inRuntime("an init is measured", () => {
      const only = runtime === "docker" ? "idle" : "signal";
      const report: BenchReport = json(
        lab(["bench", STEADY, "--only", only, "--runs", "1", "--json", "--runtime", runtime]),
      );
      const [measured] = report.measurements;
      const medians = Object.fromEntries(
        measured?.figures.map(({ name, results }) => [name, results.at(-1)?.median]) ?? [],
      );
      assert.deepEqual(measured?.notMeasured, []);
      if (only === "signal") assert.equal(medians.lost, 0);
      else assert.deepEqual([medians.libraries, medians.wakeups], [0, 0]);
      assert.ok(Number(medians[only === "signal" ? "p50" : "resident"]) > 0);
    });

    for (const args of [
      ["attack", "--only", "O1,O2,W12"],
      // Of runc and crun nothing but the command is another.
      ...(runtime === "docker" ? [["bench", "--only", "signal"]] : []),
    ])
      inRuntime(`Ctrl-C leaves nothing of ${args[0]}`, async () => {
        const init = join(folder, `steady-${runtime}-${args[0]}`);
        copyFileSync(STEADY, init);
        const child = spawn(
          process.execPath,
          [BIN, args[0] ?? "", init, ...args.slice(1), "--runtime", runtime],
          { env: env(), stdio: "ignore" },
        );
        const status = new Promise((ended) => child.once("exit", ended));
        await until("an init in a container", () => processesOf(init).length > 0);
        child.kill("SIGINT");
        assert.equal(await status, 130);
        assert.deepEqual(processesOf(init), []);
      });
  }

  test("where there are no namespaces all of them go to a Docker engine, and say so", (context) => {
    if (!needsRoot(context) || !needsEngine(context)) return;
    for (const args of [
      ["attack", STEADY, "--only", "O5"],
      ["conform", STEADY, "--only", "missing"],
      ["bench", STEADY, "--only", "signal", "--runs", "1"],
      ["report", STEADY, "--quick", "--attacks", "O5", "--rows", "missing", "--measures", "signal"],
    ]) {
      const { status, stdout, stderr } = lab(args, WITHOUT_NAMESPACES);
      assert.equal(
        stderr.split(" at unix:")[0],
        `steady-lab: there are no namespaces to be had here: ${args[0]} goes to Docker ${version()}`,
      );
      assert.match(stdout.replaceAll("\n", " "), /, in Docker \d/);
      assert.equal(status, 0);
    }
    const { status, stdout, stderr } = lab(["attack", STEADY], WITHOUT_NAMESPACES, {
      DOCKER_HOST: `unix://${folder}/nothing`,
    });
    assert.match(
      stderr,
      /^steady-lab: attack needs PID namespaces.*, or start a Docker engine: no Docker engine answers/,
    );
    assert.deepEqual([status, stdout], [2, ""]);
    nothingIsLeft();
  });

  const version = (): string => engine.docker(["version", "--format", "{{.Server.Version}}"]).trim();

  test("the script that is printed plays the attack by hand in the engine", (context) => {
    if (!needsRoot(context) || !needsPidNamespace(context) || !needsEngine(context)) return;
    const script = join(folder, "script");
    // crun refuses a machine with both versions of cgroups, and by hand nobody hides one from it.
    for (const runtime of ["docker", "runc"]) {
      if (runtime !== "docker" && !needsProgram(context, runtime, `apt-get install ${runtime}`)) return;
      writeFileSync(script, lab(["attack", STEADY, "--script", "W12", "--runtime", runtime]).stdout);
      const image = { ENGINE_SOCKET: engine.host.slice("unix://".length), IMAGE: "empty" };
      if (runtime === "docker") engine.import("empty", temporary);
      const played = spawnSync("sh", [script], { env: { ...env(), ...image }, encoding: "utf8" });
      assert.match(
        played.stdout,
        /^survived: the worker had its SIGTERM and saved; the status is 3$/m,
        played.stderr,
      );
    }
    engine.docker(["rmi", "empty"]);
  });
});

function json<Report>({ stdout, stderr }: { stdout: string; stderr: string }): Report {
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as Report;
}

function verdictOf({ attack, target, verdict }: ArenaReport["results"][number]): string {
  return `${attack} ${target}: ${verdict}`;
}

function cellOf({ row, init, state, value }: ConformReport["cells"][number]): string {
  return `${row} ${init}: ${state} ${value}`;
}

/** Of either version, of labs that have ended: another that runs on the same machine has its own. */
function cgroups(): string[] {
  const folders = [
    "/sys/fs/cgroup",
    ...readdirSync("/sys/fs/cgroup").map((name) => `/sys/fs/cgroup/${name}`),
  ];
  return folders.flatMap((each) => {
    try {
      return readdirSync(each).filter((name) => {
        const [, pid] = /^steady-lab-(\d+)-/.exec(name) ?? [];
        return name.startsWith("steady-lab-") && !(pid !== undefined && existsSync(`/proc/${pid}`));
      });
    } catch {
      return [];
    }
  });
}
