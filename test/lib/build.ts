// Builds of the core that only tests need: under build/, by the compiler and the options of the shipped one.

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, ROOT } from "../../tools/build.ts";
import { run } from "../../tools/run.ts";

const ASC = join(ROOT, "node_modules/assemblyscript/bin/asc.js");

/** The files that decide and do nothing else. */
const PURE = ["signals.ts", "status.ts", "reaping.ts"];

/** An empty folder under build/. */
export function freshFolder(name: string): string {
  const folder = join(ROOT, "build", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Runs asc in a folder of sources; a ToolError with its output where it fails. */
export function asc(cwd: string, args: readonly string[]): void {
  run(process.execPath, [ASC, ...args], { cwd });
}

/**
 * The pure files as a module of their own, so that their exports can be called: without an import, and without a load
 * or a store (--noUnsafe). Answers its path.
 */
export function buildProbe(): string {
  const wasm = join(freshFolder("probe"), "probe.wasm");
  const options = "--config none --runtime stub --use abort= --noUnsafe -Osize --outFile".split(" ");
  asc(join(ROOT, "core"), [...PURE, ...options, wasm]);
  return wasm;
}

/** A copy of core/ to change. */
export function copyCore(name: string): string {
  const folder = join(freshFolder(name), "core");
  cpSync(join(ROOT, "core"), folder, { recursive: true });
  return folder;
}

/** The init with test/planted/plant.ts in it, which fails where it is told to. Answers the path of its ELF. */
export function buildPlanted(compiler?: string): string {
  const name = ["planted", ...(compiler === undefined ? [] : [compiler])].join("-");
  const core = copyCore(name);
  const plant = readFileSync(join(ROOT, "test/planted/plant.ts"), "utf8");
  writeFileSync(join(core, "plant.ts"), plant.replaceAll("../../core/", "./"));
  const out = join(ROOT, "build", name);
  return build({ core, out, name: "steady", ...(compiler === undefined ? {} : { compiler }) });
}
