// Real engines: containers of runc and crun with nothing in them but busybox and steady, where tini was. What an engine
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
import { inTerminal } from "../fidelity/native.ts";
import { prepareBusybox } from "../kernels/packages.ts";
import { needsProgram, needsRoot, type Run, STEADY, start } from "../lib/process.ts";
import { recipe } from "../lib/recipes.ts";

const ENGINES = ["runc", "crun"] as const;
type EngineName = (typeof ENGINES)[number];
const NOBODY = 65534;

interface Container {
  readonly args: readonly string[];
  readonly user?: number;
  readonly pids?: number;
  readonly terminal?: boolean;
  /** Further parts of the specification, in place of what is there. */
  readonly parts?: Parts;
}

interface Parts {
  readonly process: object;
  readonly root: object;
  readonly linux: object;
}

/** crun refuses a host with both versions of cgroups, and sees one where the second is not mounted. */
function commandOf(engine: EngineName): readonly string[] {
  const without = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"';
  return engine === "crun" ? ["unshare", "--mount", "sh", "-c", without, "sh", engine] : [engine];
}

/** What differs from the specification that the engine itself makes. */
interface Specification {
  process: { terminal: boolean; args: readonly string[]; user: object; capabilities: object; env: string[] };
  root: { readonly: boolean };
  linux: { resources: object };
}

class Box {
  readonly run: Run;
  readonly #engine: readonly string[];
  readonly #id: string;

  constructor(context: TestContext, engine: EngineName, container: Container) {
    const folder = mkdtempSync(join(tmpdir(), "steady-engine-"));
    this.#id = `steady-${process.pid}-${Math.floor(performance.now())}`;
    this.#engine = [...commandOf(engine), "--root", join(folder, "state")];
    context.after(() => {
      this.#call("delete", "--force", this.#id);
      rmSync(folder, { recursive: true, force: true });
    });
    makeRoot(join(folder, "rootfs"));
    specify(folder, engine, container);
    const command = [...this.#engine, "run", "--bundle", folder, this.#id];
    this.run = start(context, container.terminal === true ? inTerminal(command) : command);
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

const SERVER = `#!/bin/sh
trap 'echo got USR1' USR1
trap 'echo stopped; exit 7' TERM
echo ready
while :; do sleep 0.05; done
`;
const busybox = await prepareBusybox();

function makeRoot(root: string): void {
  for (const name of ["bin", "dev", "proc", "sys"]) mkdirSync(join(root, name), { recursive: true });
  copyFileSync(busybox, join(root, "bin/busybox"));
  for (const applet of ["sh", "sleep", "cat", "grep", "ps"])
    symlinkSync("busybox", join(root, "bin", applet));
  copyFileSync(STEADY, join(root, "bin/tini"));
  mkdirSync(join(root, "sbin"));
  copyFileSync(STEADY, join(root, "sbin/steady"));
  writeFileSync(join(root, "bin/server"), SERVER, { mode: 0o755 });
}

function specify(
  folder: string,
  engine: EngineName,
  { args, user = 0, pids = 64, terminal = false, parts }: Container,
): void {
  execFileSync(engine, ["spec"], { cwd: folder });
  const path = join(folder, "config.json");
  const text = readFileSync(path, "utf8");
  const specification = JSON.parse(text) as Specification;
  specification.process.terminal = terminal;
  specification.process.args = args;
  specification.process.user = { uid: user, gid: user };
  specification.process.capabilities = {};
  specification.root.readonly = true;
  specification.linux.resources = { pids: { limit: pids } };
  if (parts !== undefined) {
    Object.assign(specification.process, parts.process);
    Object.assign(specification.root, parts.root);
    Object.assign(specification.linux, parts.linux);
  }
  writeFileSync(path, JSON.stringify(specification));
}

/** In each engine, of which both have to be there. */
function inEngine(name: string, body: (context: TestContext, engine: EngineName) => Promise<void>): void {
  for (const engine of ENGINES)
    test(`${name}, in ${engine}`, async (context) => {
      if (!needsRoot(context)) return;
      if (needsProgram(context, engine, `apt-get install ${engine}`)) await body(context, engine);
    });
}

const SAVES = 'trap "echo saved; exit 7" TERM; echo ready; while :; do sleep 0.05; done';

inEngine(
  "a stop from outside reaches the program, which saves, without any capability",
  async (context, engine) => {
    const box = new Box(context, engine, { args: ["/bin/tini", "--", "/bin/sh", "-c", SAVES] });
    await box.run.says("ready");
    box.kill("TERM");
    assert.deepEqual(await box.run.ends(), { status: 7, signal: null });
    assert.match(box.run.stdout, /saved\n$/);
  },
);

inEngine("the init runs as an ordinary user on a read-only root", async (context, engine) => {
  const box = new Box(context, engine, {
    args: ["/bin/tini", "-g", "--", "/bin/sh", "-c", SAVES],
    user: NOBODY,
  });
  await box.run.says("ready");
  box.kill("TERM");
  assert.deepEqual(await box.run.ends(), { status: 7, signal: null });
});

inEngine("a missing program is told, and ends with 127", async (context, engine) => {
  const box = new Box(context, engine, { args: ["/bin/tini", "/nothing"], user: NOBODY });
  assert.deepEqual(await box.run.ends(), { status: 127, signal: null });
  assert.match(box.run.stderr, /exec \/nothing failed: No such file or directory\n$/);
});

inEngine("what an exec into the container leaves behind is reaped", async (context, engine) => {
  const box = new Box(context, engine, { args: ["/bin/tini", "--", "/bin/sh", "-c", SAVES] });
  await box.run.says("ready");
  for (let i = 0; i < 5; i++) box.exec("/bin/sh", "-c", "(sleep 0.01 &) & exit 0");
  const orphans = 'while ps -o comm,stat | grep -q "sleep.*Z"; do sleep 0.05; done; echo none';
  assert.equal(box.exec("/bin/sh", "-c", orphans), "none\n");
  box.kill("TERM");
  assert.deepEqual(await box.run.ends(), { status: 7, signal: null });
});

inEngine("a pids limit that leaves no room for the program is named", async (context, engine) => {
  const box = new Box(context, engine, { args: ["/bin/tini", "--", "/bin/sh"], pids: 1 });
  const { status } = await box.run.ends();
  assert.equal(status, 1);
  assert.match(box.run.stderr, /fork failed: Resource temporarily unavailable: /);
});

inEngine("a bundle as the recipe has it gets signals by their names, and a stop", async (context, engine) => {
  const parts = JSON.parse(recipe("config.json")) as Parts;
  const box = new Box(context, engine, { args: [], parts });
  await box.run.says("ready");
  assert.match(
    box.exec("/bin/cat", "/proc/1/status"),
    /^Name:\tsteady$[\s\S]*^Uid:\t65534\t[\s\S]*^CapEff:\t0+$/m,
  );
  box.kill("USR1");
  await box.run.says("got USR1");
  box.kill("TERM");
  assert.deepEqual(await box.run.ends(), { status: 7, signal: null });
});

inEngine("a flood of processes meets the limit, and the container still stops", async (context, engine) => {
  const flood = "(while sleep 1000 & do :; done) 2>/dev/null; echo full; exec sleep 1000";
  const box = new Box(context, engine, { args: ["/bin/tini", "--", "/bin/sh", "-c", flood], pids: 20 });
  await box.run.says("full");
  box.kill("TERM");
  assert.deepEqual(await box.run.ends(), { status: 143, signal: null });
});

inEngine("at a terminal ^C is the program's", async (context, engine) => {
  const program = "trap 'echo got INT; exit 9' INT; echo ready; while :; do sleep 0.05; done";
  const box = new Box(context, engine, {
    args: ["/bin/tini", "--", "/bin/sh", "-c", program],
    terminal: true,
  });
  await box.run.says("ready");
  box.run.write("\x03");
  assert.deepEqual(await box.run.ends(), { status: 9, signal: null });
  assert.match(box.run.stdout, /got INT/);
});
