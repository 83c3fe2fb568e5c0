// `npm run trusted`: everything that has a say in the bytes of dist/steady, counted: our own lines by language, the files
// of packages that the build reads, and the Debian packages of the compiler. docs/trusted-base.md is this output.

import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { filesUnder, ROOT } from "./build.ts";
import { reportErrors } from "./run.ts";
import { codeLines } from "./size.ts";

interface Package {
  readonly name: string;
  /** What the build reads of it. `npm run reproduce` copies these and nothing else. */
  readonly files: readonly string[];
  readonly does: string;
}

export const PACKAGES: readonly Package[] = [
  {
    name: "assemblyscript",
    files: ["package.json", "bin/asc.js", "dist/asc.js", "dist/assemblyscript.js"],
    does: "compiles the core",
  },
  { name: "binaryen", files: ["package.json", "index.js"], does: "optimises it and writes the wasm" },
  { name: "long", files: ["package.json", "index.js"], does: "64-bit numbers for assemblyscript" },
  { name: "wabt", files: ["package.json", "bin/wasm2c"], does: "translates the wasm to C" },
  { name: "node", files: ["bin/node"], does: "runs all of these" },
];

interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly does: string;
}

/** The bytes that are released are made by these, of Debian 12. */
export const DEBIAN: readonly DebianPackage[] = [
  { name: "gcc-12", version: "12.2.0-14+deb12u1", does: "compiles the C" },
  { name: "cpp-12", version: "12.2.0-14+deb12u1", does: "its preprocessor and compiler proper" },
  { name: "libgcc-12-dev", version: "12.2.0-14+deb12u1", does: "its headers; divisions of armv7" },
  { name: "binutils-x86-64-linux-gnu", version: "2.40-2", does: "assembles and links" },
  { name: "libc6-dev", version: "2.36-9+deb12u14", does: "headers alone; no libc is linked" },
  { name: "linux-libc-dev", version: "6.1", does: "headers: numbers and structs of system calls" },
];

interface Part {
  readonly language: string;
  readonly what: string;
  readonly files: readonly string[];
}

function parts(): Part[] {
  const native = filesUnder("native");
  const typeScript = (folder: string) => filesUnder(folder).filter((path) => path.endsWith(".ts"));
  return [
    {
      language: "AssemblyScript",
      what: "`core/`",
      files: typeScript("core").filter((path) => !/\/(no-heap|texts)\.ts$/.test(path)),
    },
    {
      language: "TypeScript",
      what: "`texts/`: every sentence, and what lays them out",
      files: typeScript("texts"),
    },
    {
      language: "TypeScript",
      what: "`tools/`: build, run, architectures",
      files: ["build", "run", "architectures"].map((name) => `tools/${name}.ts`),
    },
    { language: "C", what: "`native/*.c`, `*.h`", files: native.filter((path) => /\.[ch]$/.test(path)) },
    { language: "assembly", what: "`native/*/entry.s`", files: native.filter((path) => path.endsWith(".s")) },
    {
      language: "linker script",
      what: "`native/steady.ld`",
      files: native.filter((path) => path.endsWith(".ld")),
    },
  ];
}

/** Lines that are neither blank nor comment. Comments of assembly begin with another character on each architecture. */
function linesOf(path: string): number {
  const text = readFileSync(join(ROOT, path), "utf8");
  return path.endsWith(".s") ? (text.match(/^[^#@/\n]/gm)?.length ?? 0) : codeLines(text);
}

/** The tables of docs/trusted-base.md, as Markdown. */
export function tables(): string {
  const ours = parts().map(({ language, what, files }) => {
    const lines = files.map(linesOf).reduce((sum, each) => sum + each, 0);
    return [String(lines), language, what];
  });
  const packages = PACKAGES.map((each) => {
    const { version, license } = JSON.parse(readIn(each.name, "package.json")) as Record<string, string>;
    const kB = Math.round(sizeOf(each) / 1000);
    return [each.name, version ?? "", license ?? "", String(kB), filesOf(each), each.does];
  });
  const debian = DEBIAN.map(({ name, version, does }) => [name, version, does]);
  return [
    table(["lines", "language", "of steady"], ours),
    table(["package", "version", "licence", "kB", "files that are read", "what it does"], packages),
    table(["Debian package", "version", "what it does"], debian),
  ].join("\n");
}

const filesOf = ({ files }: Package): string => files.filter((file) => file !== "package.json").join(", ");
const readIn = (name: string, file: string): string =>
  readFileSync(join(ROOT, "node_modules", name, file), "utf8");
const sizeOf = ({ name, files }: Package): number =>
  files.reduce((sum, file) => sum + statSync(join(ROOT, "node_modules", name, file)).size, 0);

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return `${line(heads)}|${"---|".repeat(heads.length)}\n${rows.map(line).join("")}`;
}

/** What this machine has in place of what is named, by dpkg. */
function here(): string {
  const lines = DEBIAN.map(({ name, version }) => {
    const asked = spawnSync("dpkg-query", ["-W", "-f", `\${Version}`, name], { encoding: "utf8" });
    const found = asked.status === 0 ? asked.stdout : "not there";
    return `${found.startsWith(version) ? "as named" : "OTHER   "}  ${name} ${found}\n`;
  });
  return `On this machine:\n${lines.join("")}`;
}

if (import.meta.main) {
  reportErrors();
  process.stdout.write(`${tables()}\n${here()}`);
}
