// docs/threat-model.md answers every item of the threat model, and what it and docs/alternatives.md name exists: tests,
// laws, commands, options, pages. What it says of --trust and --user is shown on this kernel, what is left open too.

import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ATTACKS } from "../lab/arena/all.ts";
import { ACTION_NAMES } from "../simulator/actors.ts";
import { LAWS } from "../simulator/laws.ts";
import { OPTIONS } from "../texts/options.ts";
import {
  asPid1,
  descendantNamed,
  needsPidNamespace,
  needsRoot,
  type Run,
  STEADY,
  start,
  until,
} from "./lib/process.ts";
import { buildPuppet } from "./lib/puppet.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const MODEL = read("docs/threat-model.md");
const ALTERNATIVES = read("docs/alternatives.md");
/** Every vector, impact, part and mitigation, in the document's words. */
const ITEMS = JSON.parse(read("test/threats.json")) as readonly { id: string; title: string }[];

// What the documents name

/** The rows of all tables, as cells; a row knows the head of its table. */
function rowsOf(markdown: string): { head: readonly string[]; cells: readonly string[] }[] {
  const rows: { head: readonly string[]; cells: readonly string[] }[] = [];
  let head: readonly string[] | undefined;
  for (const line of markdown.split("\n")) {
    const cells = line.startsWith("|") ? line.split("|").slice(1, -1) : undefined;
    const trimmed = cells?.map((cell) => cell.trim());
    if (trimmed === undefined) head = undefined;
    else if (head === undefined) head = trimmed;
    else if (!/^-+$/.test(trimmed[0] ?? "")) rows.push({ head, cells: trimmed });
  }
  return rows;
}

const ROWS = rowsOf(MODEL);
const idsOf = (letters: string): (readonly string[])[] =>
  ROWS.map(({ cells }) => cells).filter(([id = ""]) => new RegExp(`^[${letters}]\\d+[a-d]?$`).test(id));
/** The cells that say what holds a row, or what shows an attack. */
const HELD = ROWS.filter(({ head }) => /^(held|shown) by$/.test(head.at(-1) ?? ""));

test("each item of the threat model has one row in docs/threat-model.md, under its title", () => {
  assert.ok(ITEMS.length > 80);
  const rows = idsOf("AB").map(([id, title]) => `${id} ${title}`);
  assert.deepEqual(rows.sort(), ITEMS.map(({ id, title }) => `${id} ${title}`).sort());
});

test("every row says what holds it, or which gap it leaves, or whose business it is, and nothing else", () => {
  assert.ok(HELD.length > ITEMS.length);
  const empty = HELD.filter(
    ({ cells, head }) => cells.length !== head.length || cells.some((it) => it === ""),
  );
  assert.deepEqual(empty, []);
  const wrong = HELD.flatMap(({ cells }) =>
    wrongIn(cells.at(-1) ?? "").map((what) => `${cells[0]}: ${what}`),
  );
  assert.deepEqual(wrong, []);
});

test("a row that names what is not there is found", () => {
  for (const cell of ["", "words", "`outlives` words", "`outlive`", "`npm run nothing`", "[G99](#gaps)"])
    assert.equal(wrongIn(cell).length, 1, cell);
  for (const cell of [
    "[no such test](../test/hostile.test.ts)",
    "[an empty environment is](../test/hostile.test.ts)",
    "[the end](../test/lib/process.ts)",
    "[empty arguments stay arguments](../test/nothing.test.ts)",
    "[decision 2](decisions/0001-assemblyscript.md)",
    "[Empty](../test/scenarios/exec.md)",
  ])
    assert.equal(wrongIn(cell).length, 1, cell);
  const right =
    "`outlives`, `npm test`, [empty arguments stay arguments](../test/hostile.test.ts), [G1](#gaps)";
  assert.deepEqual(wrongIn(right), []);
  assert.deepEqual(
    wrongIn("[a full table of descriptors is enough (--reap …)](../test/hostile.test.ts)"),
    [],
  );
});

/** The cells that say which attack of the lab shows a row. */
const PLAYED = ROWS.filter(({ head }) => head.at(-1) === "shown by").map(({ head, cells }) => ({
  row: cells[0],
  cell: cells[head.indexOf("in the lab")] ?? "",
}));

test("every attack of the document names the attack of the lab that shows it, or says that there is none", () => {
  assert.ok(PLAYED.length > 30);
  assert.deepEqual(
    PLAYED.filter(({ cell }) => !isPlayed(cell)),
    [],
  );
  const named = new Set(PLAYED.flatMap(({ cell }) => cell.match(/\w+/g) ?? []));
  assert.ok(named.size > 15, `${named.size}`);
  for (const wrong of ["", "W99", "W1 W2", "-", "none", "–, W1"]) assert.equal(isPlayed(wrong), false, wrong);
});

test("every attack of the lab stands in a row of the document", () => {
  assert.deepEqual(notShown(PLAYED.map(({ cell }) => cell)), []);
  // One that is named nowhere is found, also where another's id begins with its own.
  const without = PLAYED.map(({ cell }) => cell.replaceAll(/\bW2\b/g, "W22"));
  assert.deepEqual(notShown(without), ["W2"]);
});

/** The attacks that none of the cells names. */
function notShown(cells: readonly string[]): readonly string[] {
  const shown = new Set(cells.flatMap((cell) => cell.split(", ")));
  return ATTACKS.map(({ id }) => id).filter((id) => !shown.has(id));
}

function isPlayed(cell: string): boolean {
  return cell === "–" || cell.split(", ").every((id) => ATTACKS.some((attack) => attack.id === id));
}

test("each gap, and each thing that is others' business, is named by a row that it concerns", () => {
  const named = new Set(HELD.flatMap(({ cells }) => cells.at(-1)?.match(/\b[GN]\d+\b/g) ?? []));
  const told = idsOf("GN").map(([id = ""]) => id);
  assert.deepEqual(told, [...new Set(told)]);
  assert.deepEqual(told.sort(), [...named].sort());
});

test("a gap that is closed is not told as one", () => {
  const options = OPTIONS.map(({ long }) => long);
  const has = (...names: string[]): boolean => names.some((name) => options.includes(name));
  const open: Record<string, boolean> = {
    G6: !has("watchdog"),
    G11: /^No release is out/m.test(read("SECURITY.md")),
  };
  const told = new Set(idsOf("G").map(([id]) => id));
  for (const [gap, isOpen] of Object.entries(open))
    assert.equal(told.has(gap), isOpen, `${gap}: docs/threat-model.md tells otherwise`);
});

/** Options of others: Docker's, its ADD's, podman's, those of npm's commands. */
const OPTIONS_OF_OTHERS = new Set(
  "pids-limit memory cpus init init-path checksum rebuild arch cap-drop ulimit".split(" "),
);

for (const [name, markdown] of Object.entries({ MODEL, ALTERNATIVES })) {
  const spans = [...markdown.matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => span);

  test(`options, commands and actors that are named exist: ${name}`, () => {
    const known = new Set(OPTIONS.map(({ long }) => long));
    const options = spans.flatMap((span) => [...span.matchAll(/(?<![\w-])--([a-z][a-z-]+)/g)]);
    const unknown = options.filter(([, it = ""]) => !known.has(it) && !OPTIONS_OF_OTHERS.has(it));
    assert.deepEqual(
      unknown.map(([it]) => it),
      [],
    );
    assert.deepEqual(
      spans.filter((span) => span.startsWith("npm ") && !isCommand(span)),
      [],
    );
    const actors = spans.filter((span) => /^(inside|runtime|program)\.\w+$/.test(span));
    assert.deepEqual(
      actors.filter((it) => !ACTION_NAMES.has(it)),
      [],
    );
  });
}

/** What is wrong with a cell of evidence. */
function wrongIn(cell: string): string[] {
  const wrong: string[] = [];
  let found = 0;
  const rest = cell.replaceAll(/\[([^\]]+)\]\(([^)\s]+)\)|`([^`]+)`/g, (it, text, target, code) => {
    found++;
    if (code === undefined ? !isEvidence(text, target) : !isLaw(code) && !isCommand(code)) wrong.push(it);
    return "";
  });
  if (found === 0 || /[^, ]/.test(rest)) wrong.push(rest);
  return wrong;
}

function isEvidence(text: string, target: string): boolean {
  if (target === "#gaps" || target === "#not-the-inits-business")
    return text.startsWith(target === "#gaps" ? "G" : "N") && idsOf("GN").some(([id]) => id === text);
  if (target.startsWith("../test/")) return titlesIn(target.slice(3)).has(text);
  const page = /^decisions\/(\d{4})-[\w-]+\.md$/.exec(target);
  return page !== null && text === `decision ${Number(page[1])}` && existsSync(join(ROOT, "docs", target));
}

function isLaw(name: string): boolean {
  return LAWS.some((law) => law.name === name) && read("docs/laws.md").includes(`\n| \`${name}\` | `);
}

function isCommand(text: string): boolean {
  const [, script = "", ...args] = /^npm (?:run )?([\w:-]+)(?: -- ([a-z-]+)(?: .*)?)?$/.exec(text) ?? [];
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  if (scripts[script] === undefined) return false;
  // The lab's own commands: each is added under its name.
  const parts = ["verify", "scan", "arena", "conform", "bench", "overview"].map(
    (part) => `lab/${part}/command.ts`,
  );
  const lab = ["lab/main.ts", ...parts].map(read).join("\n");
  return script !== "lab" || args[0] === undefined || lab.includes(`.command("${args[0]}")`);
}

const titles = new Map<string, Set<string>>();

/** The titles of a file's tests, of a scenario's headings; whatever a title is made of is "…". */
function titlesIn(path: string): Set<string> {
  const known = titles.get(path);
  if (known !== undefined) return known;
  const text = existsSync(join(ROOT, path)) && statSync(join(ROOT, path)).isFile() ? read(path) : "";
  const pattern = path.endsWith(".md")
    ? /^## (.+)$/gm
    : /\b(?:test|promise|describe|inBothModes|everywhere)\(\s*(?:"((?:[^"\\]|\\.)+)"|`((?:[^`\\]|\\.)+)`)\s*,/g;
  const found = [...text.matchAll(pattern)].map(([, plain, made]) =>
    (plain ?? made ?? "").replaceAll(/\$\{[^}]*\}/g, "…").replaceAll(/\\(.)/g, "$1"),
  );
  titles.set(path, new Set(found));
  return new Set(found);
}

// What the document says of --trust and --user, on this kernel

const SIGTERM = 15;
const SIGHUP = 1;
/** A real-time signal; bit 39 of a mask. */
const REAL_TIME = 40;

/** A shell that ends with 7 where it gets SIGTERM, after its script. */
function stoppable(script: string): string[] {
  return ["sh", "-c", `trap 'exit 7' TERM; ${script}; echo done; while :; do sleep 0.02; done`];
}

/** The init is PID 1 and believes those outside; nothing is drained, so that a shell's sleep is not waited for. */
function distrusting(context: TestContext, script: string, around: readonly string[] = []): Run {
  const init = [...around, STEADY, "--trust", "outside", "--drain", "0", ...stoppable(script)];
  return start(context, asPid1(init));
}

test("--trust outside: what is sent from inside goes nowhere, by kill or with a claimed sender, and the engine's stop arrives", async (context) => {
  if (!needsPidNamespace(context)) return;
  const puppet = buildPuppet();
  const run = distrusting(context, `${puppet} kill 1 ${SIGTERM}; ${puppet} queue 1 ${SIGHUP} 5`);
  await run.says("'Terminated' from inside (pid ");
  await run.says(/'Hangup' \(pid \d+ claimed\) is not passed on/);
  await run.says("done");
  process.kill(await descendantNamed(run.pid, "steady"), "SIGTERM");
  assert.deepEqual(await run.ends(), { status: 7, signal: null }, run.all());
});

test("--trust outside: of a flood of stops from inside one is passed on, since it may hide the engine's", async (context) => {
  if (!needsPidNamespace(context)) return;
  const run = distrusting(context, "while kill -TERM 1; do :; done");
  assert.deepEqual(await run.ends(), { status: 7, signal: null }, run.all());
  assert.match(run.stderr, /So many from inside may hide one from outside: signal 'Terminated' is passed on/);
});

test("--trust outside: once the queue of the init's user is full, a queued stop from inside is believed: not closed", async (context) => {
  if (!needsPidNamespace(context)) return;
  const puppet = buildPuppet();
  const script = [
    `env --block-signal=${REAL_TIME} sleep 1000 & blocker=$!`,
    `until grep -q '^SigBlk:.*8000000000$' /proc/$blocker/status; do sleep 0.01; done`,
    // The limit is 3; what finds no room is pending all the same, and not counted.
    `for i in 1 2 3 4 5; do ${puppet} kill $blocker ${REAL_TIME}; done`,
    `${puppet} queue 1 ${SIGTERM} 5`,
  ].join("\n");
  const run = distrusting(context, script, ["prlimit", "--sigpending=3"]);
  assert.deepEqual(await run.ends(), { status: 7, signal: null }, run.all());
  assert.doesNotMatch(run.stderr, /is not passed on|may hide one/);
});

/** What a program that looks says of the init's memory. */
const LOOKS = "(exec 3<>/proc/1/mem) 2>/dev/null && echo opens || echo refused";

test("whoever is the init's user and may as much can open its memory; with --user or fewer capabilities nobody can", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  for (const [options, answer] of [
    [[], "opens"],
    [["--drop-caps", "all"], "refused"],
    [["--user", "4321:7"], "refused"],
    [["--user", "4321:7", "--no-new-privs"], "refused"],
  ] as const) {
    // Before that it has more than the one capability which it keeps.
    const settled = "until grep -q '^NoNewPrivs:.*1' /proc/1/status; do sleep 0.01; done";
    const run = start(context, asPid1([STEADY, ...options, "sh", "-c", `${settled}; ${LOOKS}`]));
    assert.deepEqual(await run.ends(), { status: 0, signal: null }, run.all());
    assert.equal(run.stdout, `${answer}\n`, options.join(" "));
  }
});

test("--user: of all signals only SIGCONT reaches the init from inside", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const puppet = buildPuppet();
  const each = `for n in $(seq 1 64); do ${puppet} kill 1 $n >/dev/null && echo $n; done`;
  const run = start(context, asPid1([STEADY, "--user", "4321:7", "sh", "-c", `${each}; exit 3`]));
  assert.deepEqual(await run.ends(), { status: 3, signal: null }, run.all());
  await until("all was said", () => run.stdout === "18\n");
});
