// Which branches of the core lives have taken: binaryen's log-execution pass puts a call with a number at each, and the
// source map tells where in core/*.ts that is.

import { readFileSync } from "node:fs";
import { tellingCore } from "./cores.ts";

/** One place in the sources that a life may come to. */
export interface Branch {
  readonly id: number;
  readonly file: string;
  readonly line: number;
  /** The function it is in, and the text of the line. */
  readonly within: string;
  readonly text: string;
}

/** The import that the pass adds. */
const TELL = "log_execution";

export interface Telling {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly branches: readonly Branch[];
}

export async function tellingBranches(): Promise<Telling> {
  const { wasm, map } = await tellingCore();
  const { sources, segments } = readMap(map);
  const bodies = functionBodies(wasm);
  const branches = findCalls(wasm).flatMap(({ id, after }) => {
    const body = bodies.find(({ start, end }) => start <= after && after < end);
    // The compiler's own functions (fields of a struct) stand nowhere in the sources.
    const segment = segments.find(({ offset }) => offset >= after && offset < (body?.end ?? 0));
    if (segment === undefined) return [];
    return [describe(id, sources[segment.source] ?? "", segment.line + 1)];
  });
  return { wasm, branches };
}

function describe(id: number, file: string, line: number): Branch {
  const lines = sourceLines(file);
  const above = lines.slice(0, line).reverse();
  const within = above.map((text) => /^(?:export )?function (\w+)/.exec(text)?.[1]).find(Boolean);
  return { id, file, line, within: within ?? "", text: (lines[line - 1] ?? "").trim() };
}

const read = new Map<string, string[]>();

function sourceLines(file: string): string[] {
  let lines = read.get(file);
  if (lines === undefined) {
    const isOurs = !file.startsWith("~");
    lines = isOurs ? readFileSync(new URL(`../core/${file}`, import.meta.url), "utf8").split("\n") : [];
    read.set(file, lines);
  }
  return lines;
}

/** `i32.const id; call` of the import: where each ends in the module's bytes. Ids count from 0 without a gap. */
function findCalls(wasm: Uint8Array<ArrayBuffer>): { id: number; after: number }[] {
  const bytes = Buffer.from(wasm);
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(wasm));
  const functions = imports.filter(({ kind }) => kind === "function");
  const call = [0x10, ...unsigned(functions.findIndex(({ name }) => name === TELL))];
  const calls: { id: number; after: number }[] = [];
  for (let id = 0; ; id++) {
    const pattern = Buffer.from([0x41, ...signed(id), ...call]);
    const at = bytes.indexOf(pattern);
    if (at < 0) return calls;
    if (bytes.indexOf(pattern, at + 1) >= 0) throw new Error(`branch ${id} stands twice in the module`);
    calls.push({ id, after: at + pattern.length });
  }
}

const CODE_SECTION = 10;

/** Where each function of the module begins and ends in its bytes. */
function functionBodies(wasm: Uint8Array): { start: number; end: number }[] {
  const bodies: { start: number; end: number }[] = [];
  let at = 8;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = wasm[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < wasm.length) {
    const section = wasm[at++];
    const end = number() + at;
    for (let left = section === CODE_SECTION ? number() : 0; left > 0; left--) {
      const length = number();
      bodies.push({ start: at, end: at + length });
      at += length;
    }
    at = end;
  }
  return bodies;
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  return value < 64 ? [value] : [(value & 127) | 128, ...signed(value >>> 7)];
}

interface Segment {
  readonly offset: number;
  readonly source: number;
  /** From 0. */
  readonly line: number;
}

/** The mappings of a source map (ECMA-426): one line for a wasm module, every number relative to the one before. */
function readMap(text: string): { sources: string[]; segments: Segment[] } {
  const { sources, mappings } = JSON.parse(text) as { sources: string[]; mappings: string };
  let [offset, source, line] = [0, 0, 0];
  const segments: Segment[] = [];
  for (const group of mappings.split(",")) {
    const [offsetStep = 0, sourceStep, lineStep = 0] = numbers(group);
    offset += offsetStep;
    if (sourceStep === undefined) continue;
    source += sourceStep;
    line += lineStep;
    segments.push({ offset, source, line });
  }
  return { sources, segments };
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Base 64 VLQ. */
function numbers(group: string): number[] {
  const found: number[] = [];
  let [value, shift] = [0, 0];
  for (const char of group) {
    const digit = DIGITS.indexOf(char);
    value |= (digit & 31) << shift;
    shift += 5;
    if ((digit & 32) !== 0) continue;
    found.push((value & 1) === 0 ? value >> 1 : -(value >> 1));
    [value, shift] = [0, 0];
  }
  return found;
}
