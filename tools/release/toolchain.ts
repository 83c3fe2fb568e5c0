// Which Debian packages had a say in the bytes: asked of the compilers and of dpkg, not of a list. The release names them
// with their versions, so that whoever builds again knows whether it is the same toolchain.

import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { ARCHITECTURES, compilersFor } from "../architectures.ts";
import { findCompiler, run, ToolError } from "../run.ts";
import { DEBIAN } from "../trusted.ts";

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** The architecture of dpkg, or "all". */
  readonly architecture: string;
  /** For which of our architectures. */
  readonly for: readonly string[];
}

/** The packages of every compiler, sorted by name; none where there is no dpkg. */
export function toolchain(): readonly DebianPackage[] {
  const found = new Map<string, Set<string>>();
  for (const { architecture, compiler } of compilersFor(ARCHITECTURES, findCompiler())) {
    for (const name of packagesOf(filesOf(compiler))) {
      found.set(name, (found.get(name) ?? new Set()).add(architecture.name));
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, names]) => described(name, [...names]));
}

/** The compiler, what it calls, the library that it may link, and headers of the kernel and of libc. */
function filesOf(compiler: string): string[] {
  const answer = (...args: string[]): string => run(compiler, args).stdout.trim();
  const programs = ["cc1", "as", "ld"].map((name) => answer(`-print-prog-name=${name}`));
  const headers = run(compiler, ["-x", "c", "-E", "-M", "-"], {
    input: "#include <asm/unistd.h>\n#include <features.h>\n#include <stddef.h>\n",
    stdio: ["pipe", "pipe", "pipe"],
  }).stdout.match(/\S+\.h\b/g);
  const all = [
    which(compiler),
    ...programs.map(which),
    answer("-print-libgcc-file-name"),
    ...(headers ?? []),
  ];
  return all.map((path) => realpathSync(path));
}

/** A program's path; as it is where it has one already. */
function which(program: string): string {
  return run("sh", ["-c", 'command -v "$1"', "sh", program]).stdout.trim();
}

function packagesOf(files: readonly string[]): string[] {
  const asked = spawnSync("dpkg-query", ["-S", ...new Set(files)], { encoding: "utf8" });
  if (asked.error !== undefined) return [];
  const lines = asked.stdout.split("\n").filter((line) => !line.startsWith("diversion "));
  return [...new Set(lines.map((line) => line.split(": ")[0] ?? "").filter(Boolean))];
}

function described(name: string, architectures: readonly string[]): DebianPackage {
  const format = `\${Package} \${Version} \${Architecture}`;
  const [plain = "", version = "", architecture = ""] = run("dpkg-query", [
    "-W",
    "-f",
    format,
    name,
  ]).stdout.split(" ");
  return { name: plain, version, architecture, for: architectures };
}

/** A package URL: https://github.com/package-url/purl-spec */
export function purlOf({ name, version, architecture }: DebianPackage): string {
  return `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`;
}

/** What is released is made by what docs/trusted-base.md names: anything else is a ToolError. */
export function requireToolchain(packages: readonly DebianPackage[]): void {
  const other = DEBIAN.filter(({ name, version }) => {
    const here = packages.find((each) => each.name === name);
    return here !== undefined && !here.version.startsWith(version);
  }).map(
    ({ name, version }) =>
      `  ${name}: ${packages.find((each) => each.name === name)?.version}, not ${version}`,
  );
  const missing = packages.some(({ name }) => name === "gcc-12")
    ? []
    : ["  gcc-12 of Debian 12 is not what compiles here"];
  if (other.length + missing.length === 0) return;
  throw new ToolError(
    `the toolchain is not the one of docs/trusted-base.md; use Debian 12, or try with --dry-run:\n${[...missing, ...other].join("\n")}`,
  );
}
