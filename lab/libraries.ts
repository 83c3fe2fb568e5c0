// The libraries that shut a Node program down, as package.json names them, and how long they take at most. The rule: a
// limit that the code sets in plain sight counts, else the library's default; nothing is executed.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** What is known of a library: its default, and where the code would set another. */
interface Known {
  readonly name: string;
  /** Infinity where it waits as long as it takes. */
  readonly defaultMs: number;
  readonly option: string;
  readonly setting: RegExp;
  /** Whether it ends the program when the time is over; the others leave that to whoever called them. */
  readonly ends: boolean;
}

const option = (name: string) => new RegExp(`\\b${name}\\s*:\\s*([\\d_]+)\\b`);

const KNOWN: readonly Known[] = [
  { name: "@godaddy/terminus", defaultMs: 1_000, option: "timeout", setting: option("timeout"), ends: true },
  {
    name: "lightship",
    defaultMs: 30_000,
    option: "gracefulShutdownTimeout",
    setting: option("gracefulShutdownTimeout"),
    ends: true,
  },
  {
    name: "http-terminator",
    defaultMs: 5_000,
    option: "gracefulTerminationTimeout",
    setting: option("gracefulTerminationTimeout"),
    ends: false,
  },
  { name: "close-with-grace", defaultMs: 10_000, option: "delay", setting: option("delay"), ends: true },
  {
    name: "stoppable",
    defaultMs: Number.POSITIVE_INFINITY,
    option: "grace (its second argument)",
    setting: /\bstoppable\s*\([^,()]+,\s*([\d_]+)\s*\)/,
    ends: false,
  },
];

export interface Library {
  readonly name: string;
  readonly version: string;
  readonly timeoutMs: number;
  readonly option: string;
  readonly ends: boolean;
  /** Where the code sets it; absent where the default holds. */
  readonly setIn?: { readonly file: string; readonly line: number };
  readonly manifest: { readonly file: string; readonly line: number };
}

const SOURCE = /\.(js|mjs|cjs|ts|mts|cts|jsx|tsx)$/;
const FILES_MAX = 1_000;
const BYTES_MAX = 500_000;

/** The libraries of the package that a directory belongs to; paths are relative to the directory. */
export function librariesIn(directory: string): Library[] {
  const manifest = manifestOf(directory);
  if (manifest === undefined) return [];
  const text = readFileSync(manifest, "utf8");
  const dependencies = dependenciesOf(text);
  const used = KNOWN.filter(({ name }) => name in dependencies);
  if (used.length === 0) return [];
  const sources = sourcesIn(dirname(manifest));
  return used.map((known) => {
    const set = settingIn(sources, known);
    return {
      name: known.name,
      version: dependencies[known.name] ?? "",
      timeoutMs: set?.ms ?? known.defaultMs,
      option: known.option,
      ends: known.ends,
      manifest: { file: relative(directory, manifest), line: lineOf(text, text.indexOf(`"${known.name}"`)) },
      ...(set === undefined ? {} : { setIn: { file: relative(directory, set.path), line: set.line } }),
    };
  });
}

/** package.json of the directory or the nearest above it. */
function manifestOf(directory: string): string | undefined {
  const path = join(directory, "package.json");
  if (existsSync(path)) return path;
  return dirname(directory) === directory ? undefined : manifestOf(dirname(directory));
}

/** A package.json that cannot be read names nothing; the program itself will say so if it needs it. */
function dependenciesOf(text: string): Record<string, string> {
  try {
    return (JSON.parse(text) as { dependencies?: Record<string, string> }).dependencies ?? {};
  } catch {
    return {};
  }
}

function sourcesIn(folder: string): string[] {
  const found: string[] = [];
  const walk = (each: string) => {
    for (const entry of readdirSync(each, { withFileTypes: true })) {
      if (found.length >= FILES_MAX || entry.name === "node_modules" || entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) walk(join(each, entry.name));
      else if (entry.isFile() && SOURCE.test(entry.name)) found.push(join(each, entry.name));
    }
  };
  walk(folder);
  return found;
}

function settingIn(sources: readonly string[], known: Known) {
  for (const path of sources) {
    const text = readFileSync(path, "utf8").slice(0, BYTES_MAX);
    const found = text.includes(known.name) ? known.setting.exec(text) : null;
    if (found !== null)
      return { path, ms: Number(found[1]?.replaceAll("_", "")), line: lineOf(text, found.index) };
  }
  return undefined;
}

function lineOf(text: string, index: number): number {
  return text.slice(0, Math.max(0, index)).split("\n").length;
}
