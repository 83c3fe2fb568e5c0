// Scenarios: shell scripts in Markdown with the output that each must have, and playing one in a PID namespace of its
// own, where nothing that it starts outlives it. test/scenarios/README.md tells how one is written.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { Socket } from "node:net";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { ROOT } from "../../tools/build.ts";
import { asPid1 } from "./process.ts";
import { buildPuppet } from "./puppet.ts";

const FOLDER = join(ROOT, "test/scenarios");
const COMMANDS = join(FOLDER, "commands");
const PLAY_MS_MAX = 30_000;

const PLACES = ["pid1", "subreaper"] as const;
const MODES = ["kernel", "wait"] as const;

/** How one run of a scenario goes: where the init runs, and who reaps. */
export interface Variant {
  readonly place: (typeof PLACES)[number];
  readonly mode: (typeof MODES)[number];
}

export interface Scenario {
  readonly name: string;
  readonly script: string;
  readonly output: string;
  readonly variants: readonly Variant[];
  /** Real root: several users, other capabilities. */
  readonly root: boolean;
  /** Programs beyond busybox; a guest has none. */
  readonly tools: readonly string[];
  /** The oldest kernel, as in "6.9". */
  readonly kernel: string;
}

/** Every scenario, by the title of its file. */
export function readScenarios(): Map<string, Scenario[]> {
  const all = new Map<string, Scenario[]>();
  for (const file of readdirSync(FOLDER).sort()) {
    if (!file.endsWith(".md") || file === "README.md") continue;
    const text = readFileSync(join(FOLDER, file), "utf8");
    const title = /^# (.+)$/m.exec(text)?.[1];
    if (title === undefined) throw new Error(`${file} has no title`);
    all.set(title, parseScenarios(file, text));
  }
  return all;
}

/** A heading of the second level begins a scenario. */
function parseScenarios(file: string, text: string): Scenario[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((section) => parseScenario(file, section));
}

function parseScenario(file: string, section: string): Scenario {
  const name = section.slice(0, section.indexOf("\n"));
  const block = (language: string): string => {
    const found = [...section.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))];
    if (found.length !== 1) throw new Error(`${file}: "${name}" needs exactly one block of ${language}`);
    return found[0]?.[1] ?? "";
  };
  const told = new Map<string, string>();
  for (const [, key = "", value = ""] of section.matchAll(/^<!-- (\w+): (.+) -->$/gm)) told.set(key, value);
  const list = <T extends string>(key: string, every: readonly T[]): readonly T[] => {
    const value = told.get(key)?.split(", ");
    told.delete(key);
    return value === undefined ? every : every.filter((one) => value.includes(one));
  };
  const tools = told.get("tools")?.split(", ") ?? [];
  const kernel = told.get("kernel") ?? "0";
  const root = told.get("user") === "root";
  for (const key of ["tools", "kernel", "user"]) told.delete(key);
  const places = list("as", PLACES);
  const modes = list("modes", MODES);
  if (told.size > 0) throw new Error(`${file}: "${name}" has an unknown ${[...told.keys()].join()}`);
  const variants = places.flatMap((place) => modes.map((mode) => ({ place, mode })));
  return { name, script: block("sh"), output: block("output"), variants, root, tools, kernel };
}

export function variantName({ place, mode }: Variant): string {
  return `${place === "pid1" ? "as PID 1" : "as a subreaper"}, --reap ${mode}`;
}

/** What a variant adds to the environment of the script. */
export function variantEnvironment({ place, mode }: Variant): Record<string, string> {
  return { RUN_AS: place, STEADY_REAP: mode };
}

/** Whether the output is the expected one, where `<n>` is any number and `<any>` the rest of a line. */
export function matches(output: string, expected: string): boolean {
  const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const pattern = expected
    .split(/(<n>|<any>)/)
    .map((part) => (part === "<n>" ? "\\d+" : part === "<any>" ? "[^\\n]*" : literal(part)))
    .join("");
  return new RegExp(`^${pattern}$`).test(output);
}

/** Whether this kernel is at least as new as `wanted`. */
export function isKernelAtLeast(wanted: string, running = release()): boolean {
  const numbers = (text: string) => text.split(".", 2).map((part) => Number.parseInt(part, 10));
  const [wantedMajor = 0, wantedMinor = 0] = numbers(wanted);
  const [major = 0, minor = 0] = numbers(running);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** The programs that scripts call, by name: the init, the puppet, and the commands. */
export function programs(init = join(ROOT, "dist/steady")): Map<string, string> {
  const all = new Map([
    ["steady", init],
    ["puppet", buildPuppet()],
  ]);
  for (const name of readdirSync(COMMANDS)) all.set(name, join(COMMANDS, name));
  return all;
}

/** A folder where scripts are played, which other users can read, too. */
export class Stage {
  readonly #folder = mkdtempSync(join(tmpdir(), "steady-scenarios-"));
  readonly #bin = join(this.#folder, "bin");
  #played = 0;

  /** With an init of this machine, or one that an emulator (its path) runs. */
  constructor(init?: string, emulator?: string) {
    chmodSync(this.#folder, 0o755);
    mkdirSync(this.#bin);
    for (const [name, path] of programs(init)) put(path, join(this.#bin, name));
    if (emulator !== undefined) this.#emulate(emulator);
  }

  /** In place of the init, a script that runs the emulator under the init's name, which is the process's, too. */
  #emulate(emulator: string): void {
    const folder = join(this.#folder, "emulator");
    const init = join(this.#bin, "steady");
    mkdirSync(folder);
    put(init, join(folder, "init"));
    put(emulator, join(folder, "steady"));
    rmSync(init);
    const script = `#!/bin/sh\nexec ${join(folder, "steady")} -0 "$0" ${join(folder, "init")} "$@"\n`;
    writeFileSync(init, script, { mode: 0o755 });
  }

  /** Plays a script in a fresh folder; answers its output and how it ended. */
  async play(
    script: string,
    variant: Variant,
    msMax = PLAY_MS_MAX,
  ): Promise<{ output: string; ended: string }> {
    const cwd = join(this.#folder, `${++this.#played}`);
    mkdirSync(cwd);
    const path = `${this.#bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
    const env = { PATH: path, HOME: cwd, LC_ALL: "C", ...variantEnvironment(variant) };
    const { reading, writing } = openPipe(`${cwd}.output`);
    // The death of unshare is the death of the namespace, and an interrupted test run must not leave one behind.
    const command = ["--pdeathsig", "KILL", ...asPid1(["/bin/sh", "-c", `ulimit -c 0\n${script}`])];
    const child = spawn("setpriv", command, {
      cwd,
      env,
      stdio: ["ignore", writing, writing],
    });
    closeSync(writing);
    const timer = setTimeout(() => child.kill("SIGKILL"), msMax);
    const [output, ended] = await Promise.all([buffer(new Socket({ fd: reading })), endOf(child)]);
    clearTimeout(timer);
    rmSync(cwd, { recursive: true, force: true });
    return { output: output.toString(), ended };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function put(from: string, to: string): void {
  copyFileSync(from, to);
  chmodSync(to, 0o755);
}

/** A pipe as a container's output is one: what Node makes by itself is a socket, and that cannot be opened anew. */
function openPipe(path: string): { reading: number; writing: number } {
  execFileSync("mkfifo", ["-m", "666", path]);
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writing = openSync(path, constants.O_WRONLY);
  rmSync(path);
  return { reading, writing };
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status, signal) => resolve(signal ?? `status ${status}`));
  });
}
