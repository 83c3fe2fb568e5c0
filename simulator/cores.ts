// Cores to play besides the one that ships: changed by a few words of its source, or telling which branches it takes.
// Each is compiled in this process and kept in build/cores under the digest of all that it was made from.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CORE = join(ROOT, "core");
const CACHE = join(ROOT, "build/cores");

/** As core/asconfig.json, but not optimised: a quarter of the time, and what the core does is the same. */
const OPTIONS = [
  "main.ts",
  "--config",
  "none",
  "--runtime",
  "stub",
  "--use",
  "abort=",
  "--memoryBase",
  "1024",
];
const MORE_OPTIONS = ["--initialMemory", "1", "--maximumMemory", "1", "--debug", "--outFile", "core.wasm"];

/** A change of the core's source: `from`, which stands once in the file, becomes `to`. */
export interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** The bytes of the core that ships. */
export function shippedCore(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(join(ROOT, "dist/core.wasm")));
}

/** A core with some changes of its source. */
export async function changedCore(changes: readonly Change[]): Promise<Uint8Array<ArrayBuffer>> {
  const sources = readSources();
  for (const { file, from, to } of changes) {
    const source = sources.get(file) ?? "";
    if (source.split(from).length !== 2) throw new Error(`core/${file}: expected once: ${from}`);
    sources.set(
      file,
      source.replace(from, () => to),
    );
  }
  const { wasm } = await compile(sources, []);
  return wasm;
}

/** The core with a call at each of its branches, and the source map of that. */
export function tellingCore(): Promise<Compiled> {
  return compile(readSources(), ["--sourceMap", "--runPasses", "log-execution"]);
}

export interface Compiled {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly map: string;
}

function readSources(): Map<string, string> {
  const names = readdirSync(CORE).filter((name) => name.endsWith(".ts"));
  return new Map(names.sort().map((name) => [name, readFileSync(join(CORE, name), "utf8")]));
}

async function compile(sources: ReadonlyMap<string, string>, options: readonly string[]): Promise<Compiled> {
  const all = [...OPTIONS, ...options, ...MORE_OPTIONS];
  const digest = createHash("sha256").update(JSON.stringify([...sources, all, compilerVersion()]));
  const file = join(CACHE, digest.digest("hex").slice(0, 32));
  const [wasm, map] = [`${file}.wasm`, `${file}.map`];
  if (!existsSync(wasm)) {
    mkdirSync(CACHE, { recursive: true });
    const made = await runCompiler(sources, all);
    put(map, made.get("core.wasm.map") ?? "");
    put(wasm, made.get("core.wasm") ?? "");
  }
  return { wasm: new Uint8Array(readFileSync(wasm)), map: readFileSync(map, "utf8") };
}

/** By a name that tsc does not follow: the compiler's own types declare a console that is not Node's. */
const COMPILER: string = "assemblyscript/asc";

interface Compiler {
  main(
    options: string[],
    files: {
      readFile(name: string): string | null;
      writeFile(name: string, content: string | Uint8Array): void;
      listFiles(): string[];
    },
  ): Promise<{ error: Error | null; stderr: unknown }>;
}

function compilerVersion(): string {
  return readFileSync(join(ROOT, "node_modules/assemblyscript/package.json"), "utf8");
}

async function runCompiler(
  sources: ReadonlyMap<string, string>,
  options: readonly string[],
): Promise<Map<string, string | Uint8Array>> {
  const made = new Map<string, string | Uint8Array>();
  const { main } = (await import(COMPILER)) as Compiler;
  const { error, stderr } = await main([...options], {
    readFile: (name) => sources.get(name) ?? null,
    writeFile: (name, content) => {
      made.set(name, content);
    },
    listFiles: () => [],
  });
  if (error !== null) throw new Error(`asc: ${error.message}\n${stderr}`);
  return made;
}

/** Several processes may make the same core at once. */
function put(path: string, content: string | Uint8Array): void {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, content);
  renameSync(fresh, path);
}
