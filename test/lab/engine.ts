// A Docker engine of the tests' own, and the folders that its images are made of. The rule: it touches nothing of the
// machine's, and needs no network.

import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, type StdioOptions, spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Report } from "../../lab/index.ts";
import { prepareBusybox } from "../kernels/packages.ts";
import { needsProgram, needsRoot, until } from "../lib/process.ts";
import { APPLICATIONS, only } from "./lib.ts";

export const BIN = fileURLToPath(new URL("../../lab/bin.ts", import.meta.url));
const PATIENCE_MS = 60_000;

type Checked = Report & { readonly status: number | null };

export function canHaveEngine(): boolean {
  return process.getuid?.() === 0 && spawnSync("dockerd", ["--version"]).error === undefined;
}

export function needsEngine(context: TestContext): boolean {
  return needsRoot(context) && needsProgram(context, "dockerd", "apt-get install docker.io");
}

/** No bridge, no rules, folders of its own. */
export class Engine {
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

  /** An image with nothing in it but what is in this folder. */
  import(name: string, root: string): void {
    this.docker(["import", "-", name], execFileSync("tar", ["-C", root, "-c", "."], { maxBuffer: 1 << 28 }));
  }

  build(name: string, ...dockerfile: string[]): void {
    this.docker(["build", "--quiet", "--tag", name, "-"], [...dockerfile, ""].join("\n"));
  }

  /** The command line, whose environment names the engine; `before` it, what starts it. */
  check(args: readonly string[], before: readonly string[] = []): Checked {
    const [program = "", ...rest] = [...before, process.execPath, BIN, "check", "--json", ...args];
    const done = spawnSync(program, rest, {
      cwd: APPLICATIONS,
      env: this.env,
      encoding: "utf8",
      timeout: 4 * PATIENCE_MS,
    });
    assert.ok(done.stdout !== "", done.stderr);
    return { ...(JSON.parse(done.stdout) as Report), status: done.status };
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

/** A folder to be the root of an image: busybox as a shell and what the applications call. */
export async function makeRoot(engine: Engine, name: string): Promise<string> {
  const root = join(engine.folder, name);
  for (const one of ["bin", "tmp", "proc", "dev", "sys", "etc", "run", "var"])
    mkdirSync(join(root, one), { recursive: true });
  symlinkSync("../run", join(root, "var/run"));
  copyFileSync(await prepareBusybox(), join(root, "bin/busybox"));
  for (const one of ["sh", "sleep", "cat", "kill", "id", "env", "true"])
    symlinkSync("busybox", join(root, "bin", one));
  return root;
}

export function ignoreBut(...rules: string[]): string[] {
  return ["--ignore", only(...rules).join(",")];
}
