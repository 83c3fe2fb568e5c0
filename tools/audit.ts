// `npm run audit`: dist/core.wasm, function by function, beside the TypeScript that it came from and the C that it became,
// as pages in build/audit; and a count of what in it came from nowhere in core/, which must be nothing, or the status is 1.
//
// Where an instruction came from is told by the compiler's source map. The map belongs to a wasm that is compiled once
// more, so that is compared with the one that ships. The trust in it ends there: the pages are for reading.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { join } from "node:path";
import { buildIfStale, ROOT } from "./build.ts";
import { reportErrors, run, ToolError } from "./run.ts";

const PAGES = join(ROOT, "build/audit");

export interface Instruction {
  /** Where it begins in the file. */
  readonly offset: number;
  readonly text: string;
  /** Where in core/ it came from. */
  readonly origin?: Origin;
  /** The map names no line for it but for what it is a part of: an operand, a block, an end. */
  readonly isPart: boolean;
}

interface Origin {
  readonly file: string;
  readonly line: number;
}

export interface WasmFunction {
  /** As in "words/byteAt". */
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

export interface Audited {
  readonly functions: readonly WasmFunction[];
  /** What in the wasm came from nowhere in the sources, as sentences. */
  readonly fromNowhere: readonly string[];
}

/** Compiles the core in a folder, compares with a wasm, and tells where each instruction of that came from. */
export function audit(core: string, shipped: Buffer, out: string): Audited {
  mkdirSync(out, { recursive: true });
  const mapped = join(out, "mapped.wasm");
  asc(core, ["--target", "release", "--sourceMap", "--outFile", mapped]);
  if (!withoutMap(readFileSync(mapped)).equals(shipped)) {
    throw new ToolError(
      "the wasm is not what the sources give: build it anew (npm run build), or ask where it is from",
    );
  }
  const map = new SourceMap(JSON.parse(readFileSync(`${mapped}.map`, "utf8")));
  const functions = readFunctions(mapped).map((each) => withOrigins(each, map));
  const text = join(out, "core.wat");
  wabt("wasm2wat", [mapped, "-o", text]);
  return {
    functions,
    fromNowhere: [...strangers(functions, core), ...besides(readFileSync(text, "utf8"), core)],
  };
}

/** The custom section at the end names the map, and nothing else differs: 0, its length, a name's length and the name. */
function withoutMap(bytes: Buffer): Buffer {
  const at = bytes.lastIndexOf("sourceMappingURL");
  return at < 0 ? bytes : bytes.subarray(0, at - 3);
}

function asc(core: string, args: readonly string[]): void {
  run(process.execPath, [join(ROOT, "node_modules/assemblyscript/bin/asc.js"), ...args], { cwd: core });
}

function wabt(tool: string, args: readonly string[]): string {
  return run(process.execPath, [join(ROOT, "node_modules/wabt/bin", tool), ...args]).stdout;
}

/** From what wasm-objdump prints: " 0004c4: 28 02 0c  | i32.load 2 12". An instruction may take several lines of bytes. */
function readFunctions(wasm: string): WasmFunction[] {
  const functions: { name: string; instructions: Instruction[] }[] = [];
  for (const line of wabt("wasm-objdump", ["-d", wasm]).split("\n")) {
    const name = /^[0-9a-f]+ func\[\d+\] <(.*)>:$/.exec(line)?.[1];
    if (name !== undefined) functions.push({ name, instructions: [] });
    const [, offset = "", text = ""] = /^ ([0-9a-f]+): (?:[0-9a-f]{2} )+ *\| *(\S.*)$/.exec(line) ?? [];
    if (offset === "" || /^local\[/.test(text)) continue;
    functions.at(-1)?.instructions.push({ offset: Number.parseInt(offset, 16), text, isPart: false });
  }
  return functions;
}

/** The consumer of an operand stands behind it, so what has no line of its own is part of the next that has, or the last. */
function withOrigins({ name, instructions }: WasmFunction, map: SourceMap): WasmFunction {
  const own = instructions.map(({ offset }) => originAt(map, offset));
  const found = own.map(
    (origin, i) => origin ?? own.slice(i).find(Boolean) ?? own.slice(0, i).findLast(Boolean),
  );
  return {
    name,
    instructions: instructions.map((each, i) => {
      const origin = found[i];
      return { ...each, isPart: own[i] === undefined, ...(origin === undefined ? {} : { origin }) };
    }),
  };
}

function originAt(map: SourceMap, offset: number): Origin | undefined {
  const entry = map.findEntry(0, offset);
  if (!("originalSource" in entry) || !entry.originalSource) return undefined;
  return { file: entry.originalSource, line: entry.originalLine + 1 };
}

/** Functions that no file of the core declares, and instructions of no line, or of one that is not in the core. */
function strangers(functions: readonly WasmFunction[], core: string): string[] {
  const sources = new Map(readdirSync(core).map((file) => [file, read(join(core, file))] as const));
  return functions.flatMap(({ name, instructions }) => {
    const [file = "", declared = ""] = name.split("/");
    const isOurs = sourceOf(sources.get(`${file}.ts`) ?? "", declared) !== undefined;
    const lost = instructions.filter(({ origin }) => {
      const lines = origin === undefined ? undefined : sources.get(origin.file)?.split("\n").length;
      return lines === undefined || (origin?.line ?? 0) > lines;
    });
    const where = [...new Set(lost.map(({ origin }) => origin?.file ?? "no file at all"))];
    return [
      ...(isOurs ? [] : [`function ${name}: no file of the core declares it`]),
      ...(lost.length === 0
        ? []
        : [`function ${name}: ${lost.length} instructions from ${where.join(", ")}`]),
    ];
  });
}

/** What a module can have beside functions: the core has none of it, but its imports, its memory and constants. */
function besides(wat: string, core: string): string[] {
  const declared = new Set(
    [...read(join(core, "kernel.ts")).matchAll(/^export declare function (\w+)/gm)].map(([, name]) => name),
  );
  const imports = [...wat.matchAll(/^ *\(import "(\w+)" "(\w+)"/gm)];
  const others = wat.match(/^ *\((data|elem|table|start|tag)\b.*$|^ *\(global .*\(mut .*$/gm) ?? [];
  return [
    ...imports
      .filter(([, module, name]) => module !== "kernel" || !declared.has(name))
      .map(([, module, name]) => `import ${module}.${name}: kernel.ts does not declare it`),
    ...others.map((line) => `${line.trim().slice(0, 60)}: the core declares none`),
  ];
}

const read = (path: string): string => readFileSync(path, "utf8");

/** A function of a TypeScript file with the comment before it. */
function sourceOf(source: string, name: string): string | undefined {
  const comment = "(?:/\\*\\*(?:[^*]|\\*(?!/))*\\*/\\n)?";
  return new RegExp(`^${comment}(?:export )?function ${name}\\([^]*?^\\}`, "m").exec(source)?.[0];
}

/** The same function in wasm2c's C, whose names spell other characters as 0xNN. */
function translationOf(c: string, name: string): string {
  const mangled = `w2c_core_${name.replace("/", "0x2F")}`;
  return new RegExp(`^\\w+ ${mangled}\\(w2c_core\\* instance[^;{]*\\{[^]*?^\\}`, "m").exec(c)?.[0] ?? "";
}

/** One page for each file of the core. */
function writePages({ functions }: Audited): number {
  const c = read(join(ROOT, "build/core.c"));
  const byFile = Map.groupBy(functions, ({ name }) => name.split("/")[0] ?? "");
  for (const [file, those] of byFile) {
    const source = read(join(ROOT, "core", `${file}.ts`));
    const sections = those.map((each) => {
      const declared = each.name.split("/")[1] ?? "";
      return `## ${each.name}\n\n${fenced("ts", sourceOf(source, declared) ?? "")}${fenced("wat", listing(each))}${fenced("c", translationOf(c, each.name))}`;
    });
    writeFileSync(join(PAGES, `${file}.md`), `# core/${file}.ts\n\n${sections.join("\n")}`);
  }
  return byFile.size;
}

const fenced = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\`\n`;

/** Instructions under the lines that they came from; what was inlined is from other files. */
function listing({ name, instructions }: WasmFunction): string {
  let before = "";
  const lines = instructions.flatMap(({ offset, text, origin }) => {
    const place = origin === undefined ? "nowhere" : `${origin.file}:${origin.line}`;
    const heading = place === before ? [] : [`;; ${place}  ${textOf(origin)}`];
    before = place;
    return [...heading, `  ${offset.toString(16).padStart(6, "0")}  ${text}`];
  });
  return [`;; ${name}`, ...lines].join("\n");
}

function textOf(origin: Origin | undefined): string {
  if (origin === undefined) return "";
  return (
    read(join(ROOT, "core", origin.file))
      .split("\n")
      [origin.line - 1]?.trim() ?? ""
  );
}

/** The core before any optimisation, where locals keep their names. */
function writeUnoptimised(): void {
  const options = `main.ts --config none --runtime stub --use abort= --memoryBase 1024 --initialMemory 1 --maximumMemory 1
    --debug --runPasses remove-unused-module-elements --outFile`;
  const wasm = join(PAGES, "unoptimised.wasm");
  asc(join(ROOT, "core"), [...options.trim().split(/\s+/), wasm]);
  wabt("wasm2wat", [wasm, "-o", join(PAGES, "unoptimised.wat")]);
}

function main(): number {
  buildIfStale();
  rmSync(PAGES, { recursive: true, force: true });
  const shipped = readFileSync(join(ROOT, "dist/core.wasm"));
  const audited = audit(join(ROOT, "core"), shipped, PAGES);
  const pages = writePages(audited);
  writeUnoptimised();
  const all = audited.functions.flatMap(({ instructions }) => instructions);
  const parts = all.filter(({ isPart }) => isPart).length;
  const { fromNowhere, functions } = audited;
  process.stdout.write(`\
build/audit: ${pages} pages, core.wat (dist/core.wasm as text), unoptimised.wat (the same core with the names of locals)
${functions.length} functions, each of one name in core/
${all.length} instructions: ${all.length - parts} with a line of their own, ${parts} parts of one that has
from nowhere: ${fromNowhere.length === 0 ? "nothing" : `\n  ${fromNowhere.join("\n  ")}`}
`);
  return fromNowhere.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  reportErrors();
  process.exitCode = main();
}
