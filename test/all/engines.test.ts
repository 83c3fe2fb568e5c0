// A real engine: a container of runc with nothing in it but busybox and steady, where tini was. What an engine
// takes away (capabilities, root, a writable file system, processes) the init must do without.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
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
import { type TestContext, test } from "node:test";
import { prepareBusybox } from "../kernels/packages.ts";
import { needsProgram, needsRoot, type Run, STEADY, start } from "../lib/process.ts";

const ENGINE = "runc";
const NOBODY = 65534;

interface Container {
  readonly args: readonly string[];
  readonly user?: number;
  readonly pids?: number;
}

/** What differs from the specification that the engine itself makes. */
interface Specification {
  process: { terminal: boolean; args: readonly string[]; user: object; capabilities: object };
  root: { readonly: boolean };
  linux: { resources: object };
}

class Box {
  readonly run: Run;
  readonly #engine: readonly string[];
  readonly #id: string;

  constructor(context: TestContext, container: Container) {
    const folder = mkdtempSync(join(tmpdir(), "steady-engine-"));
    this.#id = `steady-${process.pid}-${Math.floor(performance.now())}`;
    this.#engine = [ENGINE, "--root", join(folder, "state")];
    context.after(() => {
      this.#call("delete", "--force", this.#id);
      rmSync(folder, { recursive: true, force: true });
    });
    makeRoot(join(folder, "rootfs"));
    specify(folder, container);
    this.run = start(context, [...this.#engine, "run", "--bundle", folder, this.#id]);
  }

  /** As the engine's `kill` and Docker's `stop` send it: from outside of the PID namespace. */
  kill(signal: string): void {
    this.#call("kill", this.#id, signal);
  }

  exec(...command: string[]): string {
    return this.#call("exec", this.#id, ...command);
  }

  #call(...args: string[]): string {
    const [engine = "", ...rest] = this.#engine;
    return execFileSync(engine, [...rest, ...args], { encoding: "utf8" });
  }
}

const busybox = await prepareBusybox();

function makeRoot(root: string): void {
  for (const name of ["bin", "dev", "proc", "sys"]) mkdirSync(join(root, name), { recursive: true });
  copyFileSync(busybox, join(root, "bin/busybox"));
  for (const applet of ["sh", "sleep", "cat", "grep", "ps"])
    symlinkSync("busybox", join(root, "bin", applet));
  copyFileSync(STEADY, join(root, "bin/tini"));
}

function specify(folder: string, { args, user = 0, pids = 64 }: Container): void {
  execFileSync(ENGINE, ["spec"], { cwd: folder });
  const path = join(folder, "config.json");
  const text = readFileSync(path, "utf8");
  const specification = JSON.parse(text) as Specification;
  specification.process.terminal = false;
  specification.process.args = args;
  specification.process.user = { uid: user, gid: user };
  specification.process.capabilities = {};
  specification.root.readonly = true;
  specification.linux.resources = { pids: { limit: pids } };
  writeFileSync(path, JSON.stringify(specification));
}

function inEngine(name: string, body: (context: TestContext) => Promise<void>): void {
  test(name, async (context) => {
    if (!needsRoot(context)) return;
    if (needsProgram(context, ENGINE, `apt-get install ${ENGINE}`)) await body(context);
  });
}

const SAVES = 'trap "echo saved; exit 7" TERM; echo ready; while :; do sleep 0.05; done';

inEngine("a stop from outside reaches the program, which saves, without any capability", async (context) => {
  const box = new Box(context, { args: ["/bin/tini", "--", "/bin/sh", "-c", SAVES] });
  await box.run.says("ready");
  box.kill("TERM");
  assert.deepEqual(await box.run.ends(), { status: 7, signal: null });
  assert.match(box.run.stdout, /saved\n$/);
});

inEngine("the init runs as an ordinary user on a read-only root", async (context) => {
  const box = new Box(context, {
    args: ["/bin/tini", "-g", "--", "/bin/sh", "-c", SAVES],
    user: NOBODY,
  });
  await box.run.says("ready");
  box.kill("TERM");
  assert.deepEqual(await box.run.ends(), { status: 7, signal: null });
});

inEngine("a missing program is told, and ends with 127", async (context) => {
  const box = new Box(context, { args: ["/bin/tini", "/nothing"], user: NOBODY });
  assert.deepEqual(await box.run.ends(), { status: 127, signal: null });
  assert.match(box.run.stderr, /exec \/nothing failed: No such file or directory\n$/);
});

inEngine("what an exec into the container leaves behind is reaped", async (context) => {
  const box = new Box(context, { args: ["/bin/tini", "--", "/bin/sh", "-c", SAVES] });
  await box.run.says("ready");
  for (let i = 0; i < 5; i++) box.exec("/bin/sh", "-c", "(sleep 0.01 &) & exit 0");
  const orphans = 'while ps -o comm,stat | grep -q "sleep.*Z"; do sleep 0.05; done; echo none';
  assert.equal(box.exec("/bin/sh", "-c", orphans), "none\n");
  box.kill("TERM");
  assert.deepEqual(await box.run.ends(), { status: 7, signal: null });
});

inEngine("a pids limit that leaves no room for the program is named", async (context) => {
  const box = new Box(context, { args: ["/bin/tini", "--", "/bin/sh"], pids: 1 });
  const { status } = await box.run.ends();
  assert.equal(status, 1);
  assert.match(box.run.stderr, /fork failed: Resource temporarily unavailable: /);
});
