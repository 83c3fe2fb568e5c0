// The gauge, gauge.c: made by the machine's C compiler, and run. The rule: it ends with the lab, whatever becomes of that, and
// with it everything that it started.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Target } from "../arena/target.ts";
import { PlaceError } from "../place.ts";
import { contentOf } from "../processes.ts";
import type { Call, Raw } from "./measures.ts";

const SOURCE = fileURLToPath(new URL("./gauge.c", import.meta.url));
const FLAGS = ["-std=gnu11", "-O2", "-Wno-unused-result"];
const COMPILERS = ["cc", "gcc", "clang"];
const CALL_MS_MAX = 300_000;
const ERRORS_MAX = 500;

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

  /** A PlaceError where it cannot make namespaces. */
  async probe(signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.run({ measure: "start", number: 1, times: 1 }, { name: "bare", kind: "bare" }, signal);
    } catch (error) {
      if (!(error instanceof GaugeError)) throw error;
      throw new PlaceError(
        `bench needs PID namespaces (${error.message}): run it as root, outside of a container`,
      );
    }
  }

  /** What the call measures on the target; a GaugeError where it could not. */
  async run(call: Call, target: Target, signal: AbortSignal | undefined): Promise<Raw> {
    const child = this.#start(call, target);
    const end = (): void => kill(child);
    const limit = setTimeout(end, CALL_MS_MAX);
    signal?.addEventListener("abort", end);
    try {
      const output = collect(child);
      const isIdle = call.measure === "idle";
      const idle = isIdle ? await watch(child, target, call.number * 1_000, signal) : undefined;
      // It rests until it is ended.
      if (isIdle) end();
      const { told, errors } = await output;
      signal?.throwIfAborted();
      if (idle !== undefined) return idle;
      const raw = parse(told);
      if (raw.done === undefined)
        throw new GaugeError(errors.trim().slice(-ERRORS_MAX) || "it did not come to its end");
      return raw;
    } finally {
      clearTimeout(limit);
      signal?.removeEventListener("abort", end);
      end();
    }
  }

  #start(call: Call, target: Target): ChildProcess {
    const init = target.path === undefined ? [] : [target.path, "--"];
    const words = [call.measure, String(process.pid), this.#folder, String(call.number), "--", ...init];
    // As anybody else than root in a user namespace; unshare becomes the gauge.
    const user =
      process.getuid?.() === 0 ? [] : ["unshare", "--user", "--map-current-user", "--keep-caps", "--"];
    const [file = "", ...args] = [...user, this.#path, ...words];
    return spawn(file, args, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
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

async function collect(child: ChildProcess): Promise<{ told: string; errors: string }> {
  const told: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout?.on("data", (part: Buffer) => told.push(part));
  child.stderr?.on("data", (part: Buffer) => errors.push(part));
  const failed = await new Promise<Error | undefined>((ended) => {
    child.once("error", ended);
    child.once("close", () => ended(undefined));
  });
  if (failed !== undefined) throw new GaugeError(failed.message);
  return { told: Buffer.concat(told).toString("latin1"), errors: Buffer.concat(errors).toString() };
}

function parse(told: string): Raw {
  const raw: Record<string, number[]> = {};
  for (const line of told.split("\n")) {
    const [, name, number] = /^(\w+) (-?\d+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    raw[name] ??= [];
    raw[name].push(Number(number));
  }
  return raw;
}

/** The idle init, from its files in /proc; undefined where the gauge ended before it said which it is. */
async function watch(
  child: ChildProcess,
  target: Target,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<Raw | undefined> {
  const pid = await pidOf(child);
  if (pid === undefined) return undefined;
  const before = wakeUps(pid);
  const begun = performance.now();
  // Whoever breaks it off has ended the init, whose files are gone then.
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  const seconds = (performance.now() - begun) / 1_000;
  const after = wakeUps(pid);
  const memory = contentOf(`/proc/${pid}/smaps_rollup`);
  // Broken off, or an init whose files are not ours to look at.
  if (before === undefined || after === undefined || memory === undefined) return undefined;
  return {
    resident_kb: [numberAt(memory, "Rss")],
    private_kb: [numberAt(memory, "Anonymous")],
    wakeups_per_s: [(after - before) / seconds],
    file_bytes: [statSync(target.path ?? "").size],
    library_bytes: [libraryBytes(pid, target.path ?? "")],
  };
}

/** What the gauge says first. */
function pidOf(child: ChildProcess): Promise<number | undefined> {
  return new Promise((answer) => {
    let text = "";
    child.stdout?.on("data", (part: Buffer) => {
      text += part.toString("latin1");
      const [, pid] = /^pid (\d+)\n/.exec(text) ?? [];
      if (pid !== undefined) answer(Number(pid));
    });
    child.once("close", () => answer(undefined));
  });
}

function wakeUps(pid: number): number | undefined {
  const status = contentOf(`/proc/${pid}/status`);
  return status === undefined ? undefined : numberAt(status, "voluntary_ctxt_switches");
}

function numberAt(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)?.[1]);
}

/** Of every other file that it maps: the loader, the C library, an interpreter where the init is a script. */
function libraryBytes(pid: number, own: string): number {
  const lines = (contentOf(`/proc/${pid}/maps`) ?? "").split("\n");
  const paths = new Set(lines.flatMap((line) => /^\S+ +\S+ +\S+ +\S+ +\d+ +(\/.+)$/.exec(line)?.[1] ?? []));
  paths.delete(realpathSync(own));
  return [...paths].reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
}
