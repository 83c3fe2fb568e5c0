// The documents hold together: links lead somewhere, each difference from tini names a test that exists, and the numbers
// of lines and calls are those of the sources. README's commands: test/readme.test.ts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { filesUnder } from "../tools/build.ts";
import { codeLines } from "../tools/size.ts";
import { tables } from "../tools/trusted.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DOCUMENTS = ["", "docs", "docs/decisions", "docs/rules"].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name)),
);
/** The weaknesses of tini that this version answers; W13 holds for it too. */
const ANSWERED = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22].map(
  (n) => `W${n}`,
);

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

test("every link in the documents leads to a file, and to a heading where it names one", () => {
  assert.ok(DOCUMENTS.length >= 15, `found only ${DOCUMENTS.join(" ")}`);
  const broken = DOCUMENTS.flatMap((document) =>
    links(read(document))
      .filter((link) => !leads(document, link))
      .map((link) => `${document}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

test("the check of links tells right from wrong", () => {
  assert.deepEqual(links("a [b](c.md) `[d](e)` [f](https://g)\n```\n[h](i)\n```\n"), ["c.md"]);
  assert.ok(leads("docs/behaviour.md", "../README.md#limits"));
  assert.ok(!leads("docs/behaviour.md", "README.md"));
  assert.ok(!leads("README.md", "docs/behaviour.md#nothing"));
});

test("no document installs or imports another project's npm package, nor one that is not published yet", () => {
  const wrong =
    /\bnpm (i|install|add|exec)( -\S+)* steady\b(?!-)|\bnpm (i|install|add|exec)( -\S+)* steady-lab(@|\s|`|$)|\bnpx( -\S+)* steady\b|(from|import|require\() ?"steady"/m;
  const all = [...DOCUMENTS, "lab/README.md", "docs/steady.8"];
  assert.deepEqual(
    all.filter((document) => wrong.test(read(document))),
    [],
  );
  for (const line of [
    "npm i steady",
    "npm install -g steady-lab",
    "npx steady-lab check",
    'import x from "steady"',
  ])
    assert.match(line, wrong);
  assert.doesNotMatch('npm install ./steady-lab-1.0.0.tgz; import x from "steady-lab"', wrong);
});

test("each answered weakness of tini has a row in behaviour.md, whose test names it", () => {
  const rows = differences(read("docs/behaviour.md"));
  assert.ok(rows.length > ANSWERED.length);
  const ids = rows.map(({ id }) => id).filter((id) => id !== "");
  assert.deepEqual(ids, ANSWERED);
  const unnamed = rows.filter(
    ({ id, path }) => !existsSync(join(ROOT, path)) || (id !== "" && !names(read(path), id)),
  );
  assert.deepEqual(unnamed, []);
});

test("each init whose version is told in another way has a row about it in behaviour.md", () => {
  const text = read("docs/behaviour.md");
  for (const name of ["tini", "dumb-init", "catatonit"]) {
    const { stdout, stderr } = spawnSync(join(ROOT, "dist/steady"), ["--version"], {
      argv0: name,
      encoding: "utf8",
    });
    const version = (stdout + stderr).trim();
    assert.match(text, new RegExp(`^\\|.*\\| \`${version}\` \\|`, "m"));
  }
});

test("ARCHITECTURE.md counts the calls of kernel.ts and linux.c as they are", () => {
  const declared = read("core/kernel.ts").match(/^export declare function/gm)?.length ?? 0;
  const numbers = [...read("native/linux.c").matchAll(/__NR_(\w+)|\bNR\((\w+)/g)].map(
    ([, plain, wide]) => plain ?? wide,
  );
  const text = read("ARCHITECTURE.md").replace(/\s+/g, " ");
  const counts = /declares (\d+) functions: (\d+) ask the kernel for something, through (\d+) system calls/;
  const [, functions, asking, calls] = counts.exec(text) ?? [];
  assert.deepEqual([Number(functions), Number(asking) + 9], [declared, declared]);
  assert.equal(Number(calls), new Set(numbers).size);
});

test("README.md counts the lines to audit within a twentieth of what they are", () => {
  const [, section = ""] = read("README.md").split("## How much there is to audit");
  const rows = [...section.matchAll(/^\| ([\d,]+) \| (.*?): .* \|$/gm)];
  const told = rows.map(([, count = ""]) => Number(count.replace(",", "")));
  const counted = [
    linesOf("core", /^(?!texts|no-heap).*\.ts$/),
    linesOf("native", /\.[ch]$/),
    assemblyLines(),
    linesOf("native", /\.ld$/),
    linesOf("texts", /\.ts$/),
    linesOf("tools", /^(build|run|architectures)\.ts$/),
  ];
  assert.equal(told.length, counted.length);
  told.forEach((count, i) => {
    const actual = counted[i] ?? 0;
    assert.ok(
      Math.abs(count - actual) <= Math.max(5, actual / 20),
      `${rows[i]?.[2]}: ${actual}, not ${count}`,
    );
  });
});

test("docs/trusted-base.md says what npm run trusted prints, its figures within a twentieth", () => {
  const cells = (markdown: string): string[][] =>
    (markdown.match(/^\|.*\|$/gm) ?? []).map((row) => row.split("|").map((cell) => cell.trim()));
  const told = cells(read("docs/trusted-base.md").split("## What can be checked")[0] ?? "");
  const counted = cells(tables());
  assert.ok(counted.length > 15);
  const isClose = (one: string, other: string): boolean =>
    one === other ||
    (/^\d+$/.test(one) && Math.abs(Number(one) - Number(other)) <= Math.max(5, Number(one) / 20));
  const wrong = counted.filter((row, i) => !row.every((cell, j) => isClose(cell, told[i]?.[j] ?? "")));
  assert.deepEqual(wrong, [], "npm run trusted prints what belongs there");
  assert.equal(told.length, counted.length);
});

function linesOf(folder: string, name: RegExp): number {
  const sources = readdirSync(join(ROOT, folder)).filter((each) => name.test(each));
  return sources.reduce((sum, each) => sum + codeLines(read(join(folder, each))), 0);
}

/** Its comments begin with another character on each architecture. */
function assemblyLines(): number {
  const files = filesUnder("native").filter((path) => path.endsWith(".s"));
  const lines = files.flatMap((path) => read(path).split("\n"));
  return lines.filter((line) => /^[^#@/\n]/.test(line)).length;
}

/** The targets of links that are neither code nor on the web. */
function links(markdown: string): string[] {
  const prose = markdown.replace(/^```.*?^```/gms, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) =>
    /^https?:/.test(target) ? [] : [target],
  );
}

function leads(document: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? document : normalize(join(dirname(document), path));
  if (!existsSync(join(ROOT, target))) return false;
  return heading === undefined || headings(read(target)).includes(heading);
}

/** The headings of a document as GitHub makes links to them. */
function headings(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

/** The rows of the last table: the id of a weakness or nothing, and the path of the test. */
function differences(markdown: string): { id: string; path: string }[] {
  const section = markdown.slice(markdown.indexOf("## Differences from tini"));
  return [...section.matchAll(/^\| (W\d+)? *\|.*\]\(\.\.\/([^)]+)\) \|$/gm)].map(
    ([, id = "", path = ""]) => ({
      id,
      path,
    }),
  );
}

/** Whether the title of a test begins with the id: a heading of a scenario, or a string. */
function names(text: string, id: string): boolean {
  return new RegExp(`(^## |["\`])${id}: `, "m").test(text);
}
