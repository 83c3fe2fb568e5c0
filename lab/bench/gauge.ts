// The gauge, gauge.c: made by the machine's C compiler, and run. The rule: it ends with the lab, whatever becomes of that, and
// with it everything that it started.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Output, Runtime } from "../arena/runtime.ts";
import type { Target } from "../arena/target.ts";
import { PlaceError } from "../place.ts";
import type { Call, Raw } from "./measures.ts";

const SOURCE = fileURLToPath(new URL("./gauge.c", import.meta.url));
const FLAGS = ["-std=gnu11", "-O2", "-Wno-unused-result"];
const COMPILERS = ["cc", "gcc", "clang"];
const CALL_MS_MAX = 300_000;
const ERRORS_MAX = 500;
/** An engine takes longer for each container. */
const ENGINE_TIMES = 4;
const PIDS_MAX = 40_000;

/** What one call could not do, in a sentence of the gauge's. */
export class GaugeError extends Error {}

export class Gauge {
  readonly linkage: "static" | "dynamic";
  readonly #folder = mkdtempSync(join(tmpdir(), "steady-bench-"));
  readonly #path = join(this.#folder, "gauge");

  /** A PlaceError where there is no compiler. */
  constructor() {
    try {
      this.linkage = compile(this.#path);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Why it cannot make namespaces; undefined where it can. */
  async lacks(signal: AbortSignal | undefined): Promise<string | undefined> {
    try {
      await this.#alone({ measure: "start", number: 1, times: 1 }, { name: "bare", kind: "bare" }, signal);
      return undefined;
    } catch (error) {
      if (!(error instanceof GaugeError)) throw error;
      return ` (${error.message})`;
    }
  }

  /** What the call measures on the target; a GaugeError where it could not. */
  async run(runtime: Runtime, call: Call, target: Target, signal: AbortSignal | undefined): Promise<Raw> {
    return runtime.engine === undefined
      ? this.#alone(call, target, signal)
      : this.#contained(runtime, call, target, signal);
  }

  /** In namespaces that the gauge makes itself. */
  async #alone(call: Call, target: Target, signal: AbortSignal | undefined): Promise<Raw> {
    const child = this.#start(call, target);
    const end = (): void => kill(child);
    const limit = setTimeout(end, CALL_MS_MAX);
    signal?.addEventListener("abort", end);
    try {
      const output = await collect(child);
      signal?.throwIfAborted();
      return parse(output);
    } finally {
      clearTimeout(limit);
      signal?.removeEventListener("abort", end);
      end();
    }
  }

  #start(call: Call, target: Target): ChildProcess {
    const words = this.#words(call, target, String(process.pid), this.#folder);
    // As anybody else than root in a user namespace; unshare becomes the gauge.
    const user =
      process.getuid?.() === 0 ? [] : ["unshare", "--user", "--map-current-user", "--keep-caps", "--"];
    const [file = "", ...args] = [...user, ...words];
    return spawn(file, args, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  }

  async #contained(
    runtime: Runtime,
    call: Call,
    target: Target,
    signal: AbortSignal | undefined,
  ): Promise<Raw> {
    const folder = mkdtempSync(join(this.#folder, "run-"));
    try {
      const output = await runtime.run({
        command: this.#words(call, target, "0", folder),
        folder,
        files: [this.#path, ...(target.path === undefined ? [] : [target.path])],
        // The gauge limits whoever makes many processes.
        env: { CONTAIN: `perl .engine/contain ${runtime.name}`, PIDS: String(PIDS_MAX) },
        msMax: CALL_MS_MAX * ENGINE_TIMES,
        signal,
      });
      return parse(output);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  #words({ measure, number }: Call, { path }: Target, parent: string, folder: string): string[] {
    const init = path === undefined ? [] : [path, "--"];
    return [this.#path, measure, parent, folder, String(number), "--", ...init];
  }
}

/** Answers how it was linked: glibc's static library is a package of its own in some distributions. */
function compile(path: string): "static" | "dynamic" {
  const asked = process.env.CC?.trim().split(/\s+/).filter(Boolean) ?? [];
  const found = COMPILERS.find((name) => spawnSync(name, ["--version"]).error === undefined);
  const [compiler = found, ...options] = asked;
  if (compiler === undefined)
    throw new PlaceError(
      "bench needs a C compiler for the program that measures: install gcc or clang with the C library's headers (Debian: apt-get install gcc libc6-dev), or set CC",
    );
  let errors = "";
  for (const [linkage, more] of [["static", ["-static"]] as const, ["dynamic", []] as const]) {
    const { status, stderr, error } = spawnSync(
      compiler,
      [...options, ...FLAGS, ...more, SOURCE, "-o", path],
      { encoding: "utf8" },
    );
    if (status === 0) return linkage;
    errors = error?.message ?? stderr.trim().slice(0, ERRORS_MAX);
  }
  throw new PlaceError(
    `bench cannot make the program that measures: ${compiler} says: ${errors}; on Debian apt-get install gcc libc6-dev helps`,
  );
}

function kill(child: ChildProcess): void {
  // Its namespaces end with it: each PID 1 has asked the kernel for that.
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
    process.kill(-child.pid, "SIGKILL");
}

async function collect(child: ChildProcess): Promise<Output> {
  const told: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout?.on("data", (part: Buffer) => told.push(part));
  child.stderr?.on("data", (part: Buffer) => errors.push(part));
  const failed = await new Promise<Error | undefined>((ended) => {
    child.once("error", ended);
    child.once("close", () => ended(undefined));
  });
  if (failed !== undefined) throw new GaugeError(failed.message);
  return { stdout: Buffer.concat(told).toString("latin1"), stderr: Buffer.concat(errors).toString() };
}

function parse({ stdout, stderr }: Output): Raw {
  const raw: Record<string, number[]> = {};
  for (const line of stdout.split("\n")) {
    const [, name, number] = /^(\w+) (-?[\d.]+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    raw[name] ??= [];
    raw[name].push(Number(number));
  }
  if (raw.done === undefined)
    throw new GaugeError(stderr.trim().slice(-ERRORS_MAX) || "it did not come to its end");
  return raw;
}
