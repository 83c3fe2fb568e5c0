// `npm run size`: what dist/steady costs on this machine, next to the budgets; 1 where one is exceeded.
//
// Memory is that of PID 1 of a PID namespace with an empty environment, while its program sleeps. "Resident" counts all
// pages that are mapped, also those of the file that every container on the machine shares; "private" those that are its
// own: data, stack, and whatever it wrote to (Rss and Anonymous in /proc/PID/smaps_rollup). The kernel begins each stack
// at a random place in a page, so the stack takes one page to three: the most of several starts is what counts.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nativeSource } from "../texts/generate.ts";
import { architectureOf } from "./architectures.ts";
import { buildIfStale, isClang, ROOT } from "./build.ts";
import { bestWay, type ReapOption, reapOptions, startContainer } from "./container.ts";
import { children, type Memory, memory, status, wakeUps } from "./process.ts";
import { findCompiler, reportErrors, ToolError } from "./run.ts";

export const BUDGET = { fileBytes: 64 * 1024, residentKb: 48, privateKb: 24, linesOfC: 400 } as const;
/** What the budgets are times for other architectures, and for the file that clang makes. */
export const OTHERS = 1.5;
const CLANG = 1.25;
const SETTLE_MS_MAX = 60_000;
const POLL_MS = 50;
const STARTS = 24;

async function size(): Promise<number> {
  if (buildIfStale()) process.stderr.write("steady: built dist/steady\n");
  const steady = join(ROOT, "dist/steady");
  const within = [row("file", statSync(steady).size, "bytes", fileBytesMax())];
  for (const { name, bytes } of sections(readFileSync(steady))) row(`  ${name}`, bytes, "bytes");
  row("core.wasm", statSync(join(ROOT, "dist/core.wasm")).size, "bytes");
  within.push(row("hand-written C", linesOfC(), "lines", BUDGET.linesOfC));
  for (const reap of reapOptions(steady)) {
    within.push(await memoryWhileIdle(`--reap ${reap}`, [steady, "--reap", reap]));
    within.push(await memoryWithEverything(steady, reap));
  }
  return within.every(Boolean) ? 0 : 1;
}

/** With every option that asks for something, looks that come now and then included. */
async function memoryWithEverything(steady: string, reap: ReapOption): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "steady-size-"));
  // Each start has files of its own.
  const files = `d=$(mktemp -d ${folder}/XXXXXX)`;
  const options = "--report $d/report --events-to $d/events --status-file $d/status";
  const script = `${files}; exec "$@" ${options} -- /bin/sleep 1000`;
  try {
    const command = ["/bin/sh", "-c", script, "sh", steady, "--reap", reap, ...EVERYTHING];
    return await memoryWhileIdle(`--reap ${reap}, everything on`, command, []);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const EVERYTHING =
  "--events json --notify --watchdog 1m --probe-every 1m --probe-signal USR2 --guard 30000 --on-fork-bomb kill --grace 1m --stop-within 2m --pre-stop 1s --kill-orphans --map USR1=HUP --limit 100/s --trust outside".split(
    " ",
  );

/** The budget is for gcc on x86-64: clang cannot be told to treat the one translation unit as the whole program. */
export function fileBytesMax(compiler = findCompiler()): number {
  const factor = architectureOf(compiler).name === "x86-64" ? 1 : OTHERS;
  return (isClang(compiler) ? CLANG : 1) * factor * BUDGET.fileBytes;
}

/** Answers whether the most of several starts is within its budgets. */
async function memoryWhileIdle(
  what: string,
  init: readonly string[],
  program = ["--", "/bin/sleep", "1000"],
): Promise<boolean> {
  const lives = await Promise.all(Array.from({ length: STARTS }, () => whileIdle([...init, ...program])));
  const [resident, own] = [
    lives.map(({ residentKb }) => residentKb),
    lives.map(({ privateKb }) => privateKb),
  ];
  process.stdout.write(`as PID 1 while idle, ${what}, the most of ${STARTS} starts\n`);
  const within = [
    row("  resident", Math.max(...resident), "kB", BUDGET.residentKb, spread(resident)),
    row("  private", Math.max(...own), "kB", BUDGET.privateKb, spread(own)),
  ];
  return within.every(Boolean);
}

/** "(3 x 16, 9 x 20)": how often which figure was seen. */
function spread(figures: readonly number[]): string {
  const seen = [...Map.groupBy(figures, (kB) => kB)].sort(([a], [b]) => a - b);
  return ` (${seen.map(([kB, those]) => `${those.length} x ${kB}`).join(", ")})`;
}

/** Prints a figure; answers whether it is within its budget. */
function row(
  name: string,
  figure: number,
  unit: string,
  budget = Number.POSITIVE_INFINITY,
  more = "",
): boolean {
  const of = budget === Number.POSITIVE_INFINITY ? "" : `of ${String(budget).padStart(5)}`;
  const verdict = figure > budget ? "   <- over the budget" : "";
  const line = `${name.padEnd(22)}${String(figure).padStart(7)} ${unit.padEnd(6)} ${of}${more}${verdict}`;
  process.stdout.write(`${line.trimEnd()}\n`);
  return figure <= budget;
}

/** The sections that have bytes in the file or in memory. See elf(5). */
function sections(elf: Buffer): { name: string; bytes: number }[] {
  const table = Number(elf.readBigUInt64LE(0x28));
  const each = elf.readUInt16LE(0x3a);
  const headers = Array.from({ length: elf.readUInt16LE(0x3c) }, (_, i) => elf.subarray(table + i * each));
  const names = Number(headers[elf.readUInt16LE(0x3e)]?.readBigUInt64LE(0x18) ?? 0);
  return headers.slice(1).map((header) => {
    const start = names + header.readUInt32LE(0);
    return {
      name: elf.toString("latin1", start, elf.indexOf(0, start)),
      bytes: Number(header.readBigUInt64LE(0x20)),
    };
  });
}

/** Lines that are neither blank nor comment: the files in native/, and what the texts' generator adds to its data. */
function linesOfC(): number {
  const files = readdirSync(join(ROOT, "native")).filter((name) => /\.[ch]$/.test(name));
  const sources = files.map((name) => readFileSync(join(ROOT, "native", name), "utf8"));
  return [...sources, nativeSource([])].map(codeLines).reduce((sum, lines) => sum + lines, 0);
}

/** Without comments and blank lines. */
export function codeLines(source: string): number {
  const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
  return code.split("\n").filter((line) => line.trim() !== "").length;
}

/** Starts steady as PID 1 of a small container and waits until it sleeps for good. */
async function whileIdle(init: readonly string[]): Promise<Memory> {
  const way = bestWay();
  if (way === "none")
    throw new ToolError("PID namespaces are denied here: run this as root, or allow user namespaces");
  const command = ["env", "-i", ...init];
  const { child, pid } = startContainer(way, command, { stdio: "ignore" });
  try {
    return await settled(await pid);
  } finally {
    child.kill("SIGKILL");
  }
}

/** Its figures, once the program runs and nothing has woken the init for a while. */
async function settled(init: number): Promise<Memory> {
  const deadline = Date.now() + SETTLE_MS_MAX;
  let before = -1;
  while (Date.now() < deadline) {
    const [program] = children(init);
    const now = wakeUps(init);
    const figures = memory(init);
    const started = program !== undefined && status(program)?.get("Name") === "sleep";
    if (started && now === before && figures !== undefined) return figures;
    before = now;
    await sleep(POLL_MS);
  }
  throw new ToolError("the init did not come to rest");
}

if (import.meta.main) {
  reportErrors();
  process.exitCode = await size();
}
