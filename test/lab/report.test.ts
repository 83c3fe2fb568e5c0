// The report that compares inits: that every cell of its page has its evidence, that nobody's text becomes more than text, that
// what is saved is read again as it was, and that it is made of what attack, conform and bench answer.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { byHand, again as inWords, LAB, word } from "../../lab/called.ts";
import { linesOf } from "../../lab/conform/matrix.ts";
import type { Overview } from "../../lab/index.ts";
import { markup } from "../../lab/output/markup.ts";
import { Scale } from "../../lab/overview/chart.ts";
import { overviewPage } from "../../lab/overview/page.ts";
import { doDiffer, summaryOf } from "../../lab/overview/summary.ts";
import { overviewText } from "../../lab/overview/terminal.ts";
import { overviewSchemaText, readOverview } from "../../lab/schema/overview.ts";
import { needsPidNamespace, needsProgram, needsRoot, STEADY, until } from "../lib/process.ts";
import { BIN } from "./engine.ts";
import { HOSTILE_OVERVIEW, MADE } from "./overviews.ts";

const folder = mkdtempSync(join(tmpdir(), "steady-report-"));
after(() => rmSync(folder, { recursive: true }));

const FIXTURE = fileURLToPath(new URL("./overview.json", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PLAIN = { width: 80, colour: false };

const lab = (args: readonly string[], env: NodeJS.ProcessEnv = process.env) =>
  spawnSync(process.execPath, [BIN, "report", ...args], { encoding: "utf8", env });

/** What a text is in the page. */
const escaped = (text: string): string => markup`${text}`.text;

/** The panel that a button with this name opens. */
function panelOf(page: string, name: string): string {
  const start = page.indexOf(`aria-label="${escaped(name)}`);
  assert.ok(start >= 0, `no cell is called ${name}`);
  const id = /popovertarget="([\w-]+)"[^>]*$/.exec(page.slice(0, start))?.[1];
  const panel = page.slice(page.indexOf(` id="${id}" popover`));
  return panel.slice(0, panel.indexOf("</div>"));
}

for (const [name, report] of [
  ["made", MADE],
  ["hostile", HOSTILE_OVERVIEW],
] as const) {
  const page = overviewPage(report);

  test(`${name}: behind each verdict of an attack are its evidence, its control, and how to repeat it`, () => {
    assert.equal(report.attack.results.length, report.inits.length * report.attack.attacks.length);
    for (const { attack, target, verdict, evidence, control } of report.attack.results) {
      const panel = panelOf(page, `${attack}, ${target}: ${verdict}`);
      assert.ok(panel.includes(`<dd>${escaped(evidence)}</dd>`), panel);
      assert.ok(control === "" || panel.includes(`<dd>${escaped(control)}</dd>`), panel);
      if (verdict !== "not applicable")
        for (const command of [
          inWords("attack", target, attack, undefined),
          byHand("attack", target, attack),
        ])
          assert.ok(panel.includes(`<code>${escaped(command)}</code>`), panel);
      const harm = report.attack.attacks.find(({ id }) => id === attack)?.harm ?? "";
      assert.equal(panel.includes(escaped(harm)), verdict === "fell");
    }
  });

  test(`${name}: behind each line of the behaviour is what was seen of each of its rows`, () => {
    const lines = linesOf(report.conform);
    assert.ok(lines.some(({ signals }) => signals.length > 1));
    const panels = [
      ...page.matchAll(/<div class="panel(?: screen)?" id="behaviour-(\d+)-(\d+)" popover[\s\S]*?<\/div>/g),
    ];
    assert.equal(panels.length, lines.length * report.inits.length);
    for (const [panel = "", row, column] of panels) {
      const line = lines[Number(row)];
      const init = report.inits[Number(column)]?.name;
      const rows = report.conform.rows.filter(({ id, probe, signal }) =>
        signal === undefined
          ? id === line?.row.id
          : probe === line?.row.probe && line.signals.includes(signal),
      );
      const own = report.conform.cells.filter(
        (cell) => cell.init === init && rows.some(({ id }) => id === cell.row),
      );
      assert.equal(own.length, Math.max(1, line?.signals.length ?? 0));
      for (const { evidence, control } of own)
        assert.ok(panel.includes(escaped(evidence)) && panel.includes(escaped(control)), panel);
    }
  });

  test(`${name}: behind each median are its runs and its spread, and each is drawn`, () => {
    for (const { figures } of report.bench.measurements) {
      for (const figure of figures) {
        for (const { target, standing, runs } of figure.results) {
          const who = standing === "limit" ? (figure.limit ?? target) : target;
          const panel = panelOf(page, `${figure.title}, ${who}: `);
          assert.match(panel, new RegExp(`<dt>Runs</dt><dd>([\\d.,]+, ){${runs.length - 1}}[\\d.,]+</dd>`));
          assert.match(panel, /<dt>Spread<\/dt><dd>[\d.,]+ to [\d.,]+ /);
        }
      }
    }
    const results = report.bench.measurements.flatMap(({ figures }) =>
      figures.flatMap((each) => each.results),
    );
    const table = page.slice(page.indexOf('<table class="figure"'));
    assert.equal(table.match(/class="spread"/g)?.length, results.length);
    assert.equal(table.match(/class="one"/g)?.length, results.flatMap(({ runs }) => runs).length);
    const best = results.filter(({ standing }) => standing === "best").length;
    assert.equal(table.match(/class="median best"/g)?.length, best);
  });
}

test("no text that others chose becomes a tag, an attribute or a character that cannot be seen", () => {
  const text = overviewPage(HOSTILE_OVERVIEW);
  assert.doesNotMatch(text, /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Noncharacter_Code_Point}]/u);
  assert.equal(text.match(/<\/style>/g)?.length, 1);
  assert.ok(text.includes("&lt;/script&gt;&lt;b&gt;forged"));
  const skeleton = (page: string): readonly string[] =>
    (page.slice(page.indexOf("<body>")).match(/<[^>]*>/g) ?? []).map((tag) => tag.replace(/"[^"]*"/g, '""'));
  const known = new Set(skeleton(overviewPage(MADE)));
  assert.deepEqual(
    skeleton(text).filter((tag) => !known.has(tag)),
    [],
  );
});

test("the page has no script, no style attribute, no address but of its own parts, and a policy that forbids the rest", () => {
  for (const report of [MADE, HOSTILE_OVERVIEW]) {
    const page = overviewPage(report);
    assert.match(page, /content="default-src &#39;none&#39;; style-src &#39;sha256-[\w+/=]+&#39;; base-uri/);
    for (const tag of page.match(/<[a-z][^>]*>/g) ?? []) {
      assert.doesNotMatch(
        tag.replace(/"[^"]*"/g, '""'),
        /^<(script|img|iframe|object|embed|base|link|form)\b|\s(style|src|on\w+)=/,
      );
      const [, address] = /\shref="([^"]*)"/.exec(tag) ?? [];
      if (address !== undefined) assert.ok(page.includes(` id="${address.slice(1)}"`), address);
    }
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length);
  }
});

test("machine, kernel, date and versions are in the page, and so is what is missing or speaks against it", () => {
  const absent = overviewPage({ ...MADE, absent: ["catatonit", "tini"] });
  const { machine } = MADE.bench;
  const said = [
    `<dd>${machine.kernel}</dd>`,
    `${machine.processors} × ${machine.processor}`,
    "2026-11-27 at ",
    "dumb-init v1.2.5",
    "tini version 0.19.0",
    ...MADE.inits.flatMap(({ sha256 }) => sha256 ?? []),
    "Not here, and left out: catatonit and tini.",
  ];
  for (const each of said) assert.ok(absent.includes(each), each);
  const load = (busy: number): Overview => ({
    ...MADE,
    bench: { ...MADE.bench, machine: { ...machine, load: busy } },
  });
  assert.match(overviewPage(load(3)), /busy with other work \(load 3\.0\)/);
  assert.doesNotMatch(overviewPage(load(0.2)), /busy/);
});

test("what could not be measured has a line and a cell that says why", () => {
  const [first, ...others] = MADE.bench.measurements;
  assert.ok(first !== undefined);
  const figures = first.figures.map((figure) => ({
    ...figure,
    results: figure.results.filter(({ target }) => target !== "tini"),
  }));
  const notMeasured = [{ target: "tini", why: "run 1: it did not start" }];
  const measurements = [{ ...first, figures, notMeasured }, ...others];
  const page = overviewPage({ ...MADE, bench: { ...MADE.bench, measurements } });
  const panel = panelOf(page, `${first.figures[0]?.title}, tini: not measured`);
  assert.match(panel, /run 1: it did not start/);
});

test("the summary tells who falls by what, who is alone, and who is best, as the parts have it", () => {
  const summary = summaryOf(MADE);
  assert.deepEqual(Object.fromEntries(summary.falls.map(({ init, attacks }) => [init, attacks.join(" ")])), {
    steady: "T3",
    tini: "W1 W3 W12 W22",
    "dumb-init": "W1 W3 W12",
    catatonit: "W1 W3 W12",
    bare: "W12 O1",
  });
  assert.deepEqual(
    summary.falls.map(({ of }) => of),
    MADE.inits.map(({ name }) => MADE.attack.results.filter((each) => isJudged(each, name)).length),
  );
  assert.deepEqual(
    summary.falls.map(({ of }) => of),
    [8, 6, 5, 5, 4],
  );
  assert.deepEqual(summary.alone[0], { init: "steady", lines: ["left"] });
  assert.deepEqual(summary.untested, []);
  const steady = summary.standings.find(({ init }) => init === "steady");
  assert.ok(
    steady?.best.includes("idle: resident memory") && !steady.best.includes("idle: size of the file"),
  );
  assert.ok(summary.standings.every(({ init }) => init !== "bare"));
});

const isJudged = ({ target, verdict }: Overview["attack"]["results"][number], init: string): boolean =>
  target === init && ["fell", "survived"].includes(verdict);

test("the summary tells of each part under its own heading", () => {
  for (const page of [overviewPage(MADE), overviewPage(HOSTILE_OVERVIEW)]) {
    const summary = page.slice(page.indexOf('id="summary"'), page.indexOf('id="attacks"'));
    const order = ["<h3>Attacks: 8", "falls by 4 of 6: ", "<h3>Behaviour: 11", "The inits differ in 5 of 11"];
    const places = [...order, "alone in 1: ", "<h3>Costs: 11 ", "best in 7: "].map((it) =>
      summary.indexOf(it),
    );
    assert.ok(!places.includes(-1), `${places}`);
    assert.deepEqual(
      places.toSorted((one, other) => one - other),
      places,
    );
  }
});

test("what the summary names leads to its row or its figure, and says what it is", () => {
  const page = overviewPage(MADE);
  const summary = page.slice(page.indexOf('id="summary"'), page.indexOf('id="attacks"'));
  const links = [...summary.matchAll(/<a href="#([\w-]+)" title="([^"]+)"><bdi>([^<]+)<\/bdi><\/a>/g)];
  const { falls, alone, standings } = summaryOf(MADE);
  const named = [
    ...falls.flatMap(({ attacks }) => attacks),
    ...alone.flatMap(({ lines }) => lines),
    ...standings.flatMap(({ best, level }) => [...best, ...level]),
  ];
  assert.deepEqual(
    links.map(([, , , name]) => name),
    named.map(escaped),
  );
  for (const [, id, title = "", name = ""] of links) {
    const target = page.slice(page.indexOf(` id="${id}"`)).split("</th>")[0] ?? "";
    const figure = name.split(": ")[1] ?? name;
    assert.ok(target.includes(figure) && (name.includes(": ") || target.includes(title)), target);
  }
});

test("the commands of the page and of fuzz can be typed in a clone, also where a name has blanks", (context) => {
  assert.equal(LAB, "npm run lab --");
  assert.equal(
    inWords("attack", "my init", "W1", "Docker 20.10 at /x"),
    "npm run lab -- attack 'my init' --only W1 --runtime docker",
  );
  assert.equal(
    inWords("bench", "tini", "signal", "crun 1.8.1"),
    "npm run lab -- bench tini --only signal --runtime crun",
  );
  assert.equal(word("it's"), "'it'\\''s'");
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const init = join(folder, "an init");
  copyFileSync(STEADY, init);
  // The whole line, as it is shown: npm, the script in a file, and its run.
  const { stdout, stderr } = spawnSync(
    "sh",
    ["-c", byHand("attack", init, "O5").replaceAll("O5.sh", join(folder, "O5.sh"))],
    {
      cwd: ROOT,
      encoding: "utf8",
    },
  );
  assert.match(stdout, /^survived: /m, stderr);
});

test("a line in which one init does otherwise is told, and one that does not apply differs from nothing", () => {
  const [line] = linesOf(MADE.conform).filter(({ row }) => row.id === "exit");
  assert.ok(line !== undefined && !doDiffer(line, ["steady", "tini", "dumb-init", "catatonit"]));
  const changed = (change: object): Overview => ({
    ...MADE,
    conform: {
      ...MADE.conform,
      cells: MADE.conform.cells.map((cell) =>
        cell.row === "exit" && cell.init === "tini" ? { ...cell, ...change } : cell,
      ),
    },
  });
  const alone = (report: Overview) => summaryOf(report).alone.find(({ init }) => init === "tini")?.lines;
  assert.deepEqual(alone(changed({ value: "differs" })), ["exit"]);
  assert.match(overviewText(changed({ value: "differs" }), PLAIN), /tini alone in 1: exit/);
  assert.deepEqual(alone(changed({ state: "not applicable", value: "" })), []);
  assert.match(
    overviewPage(changed({ value: "differs" })),
    /<span class="id">exit<\/span>.*the inits differ/,
  );
});

test("the text says the same, and nothing that a terminal obeys", () => {
  const text = overviewText(MADE, PLAIN);
  assert.match(text, /^ {2}tini falls by 4 of 6: W1, W3, W12, W22$/m);
  assert.match(text, /^ {2}steady alone in 1: left$/m);
  assert.match(text, /dumb-init is dumb-init v1\.2\.5/);
  assert.doesNotMatch(overviewText(HOSTILE_OVERVIEW, PLAIN), /[^\P{Cc}\n]/u);
});

test("a scale keeps the order, has room at both ends, and its ticks are round and few", () => {
  for (const values of [
    [0, 0],
    [3],
    [1, 2, 3],
    [0, 5_000],
    [24, 1_292],
    [0.98, 91_234],
    [1e-9, 1],
    [0.5, 0.5],
  ]) {
    const scale = new Scale(values);
    const places = values.map((value) => scale.at(value));
    assert.ok(
      places.every((place) => place >= 0.039 && place <= 0.961),
      `${values}: ${places}`,
    );
    assert.deepEqual(places.toSorted(), places);
    assert.ok(scale.ticks.length >= 1 && scale.ticks.length <= 4, `${scale.ticks}`);
    assert.ok(scale.ticks.every((tick) => scale.at(tick) <= 0.961));
    assert.equal(scale.isLog, (values[0] ?? 0) > 0 && Math.max(...values) / (values[0] ?? 1) >= 30);
  }
  assert.deepEqual(new Scale([24, 1_292]).ticks, [10, 100, 1_000, 10_000]);
  assert.deepEqual(new Scale([1, 2, 29]).ticks, [0, 10, 20, 30]);
});

test("what is saved is read again as it was, and follows its schema, which npm run lab:build writes", () => {
  const file = new URL("../../lab/schema/overview.schema.json", import.meta.url);
  const text = readFileSync(file, "utf8");
  assert.ok(text === overviewSchemaText(), "run it again");
  const validate = new Ajv2020().compile(JSON.parse(text));
  for (const [i, report] of [MADE, HOSTILE_OVERVIEW].entries()) {
    const [before, json, html] = ["before", "json", "html"].map((name) => join(folder, `${i}.${name}`)) as [
      string,
      string,
      string,
    ];
    writeFileSync(before, JSON.stringify(report));
    const { status, stderr, stdout } = lab(["--from", before, "--json", json, "--html", html]);
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(readFileSync(json, "utf8")), JSON.parse(JSON.stringify(report)));
    assert.ok(validate(JSON.parse(readFileSync(json, "utf8"))), JSON.stringify(validate.errors));
    assert.equal(readFileSync(html, "utf8"), overviewPage(readOverview(JSON.parse(JSON.stringify(report)))));
    assert.match(stdout, /^Attacks: /);
  }
  assert.ok(!validate({ ...MADE, absent: 1 }));
});

test("npm run report is the lab's report", () => {
  const { status, stdout, stderr } = spawnSync(
    "npm",
    ["run", "--silent", "report", "--", "--from", FIXTURE],
    {
      cwd: ROOT,
      encoding: "utf8",
    },
  );
  assert.equal(status, 0, stderr);
  assert.equal(stdout, overviewText(MADE, PLAIN));
});

test("wrong usage is told, with 64, before anything is run", () => {
  const other = join(folder, "other.json");
  writeFileSync(other, "{}");
  for (const [args, words] of [
    [["--from", other], /is no report of report --json/],
    [["--from", join(folder, "nothing")], /is no report of report --json: ENOENT/],
    [["--from", FIXTURE, "bare"], /leave out the rest/],
    [["--from", FIXTURE, "--quick"], /leave out the rest/],
    [["bare", "--attacks", "W99"], /there is no attack W99/],
    [["bare", "--rows", "pid1.65"], /there is no row pid1\.65/],
    [["bare", "--measures", "speed"], /there is no measure speed/],
    [["/nothing/init"], /cannot be executed/],
  ] as const) {
    const { status, stderr } = lab(args);
    assert.equal(status, 64, stderr);
    assert.match(stderr, words);
  }
});

test("a file that cannot be written is told before anything is run, and what is there stays", () => {
  const begun = Date.now();
  const kept = join(folder, "kept.html");
  writeFileSync(kept, "kept");
  symlinkSync(join(folder, "led"), join(folder, "link"));
  for (const [option, path] of [
    ["--html", join(kept, "page.html")],
    ["--json", folder],
    ["--html", ""],
  ] as const) {
    const { status, stderr, stdout } = lab([
      "bare",
      "--html",
      kept,
      "--json",
      join(folder, "link"),
      option,
      path,
    ]);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /cannot write .*; name a file that can be written/);
    assert.equal(stdout, "");
  }
  assert.ok(Date.now() - begun < 30_000, "something was run");
  assert.equal(readFileSync(kept, "utf8"), "kept");
  assert.equal(readlinkSync(join(folder, "link")), join(folder, "led"));
  assert.ok(!readdirSync(folder).includes("led"));
});

test("where a file cannot be written in the end, the answer was printed", () => {
  const { status, stderr, stdout } = lab(["--from", FIXTURE, "--html", "/dev/full"]);
  assert.equal(status, 2);
  assert.match(stdout, /tini falls by 4 of 6/);
  assert.match(stderr, /cannot write \/dev\/full: ENOSPC/);
});

const canReport = (context: Parameters<typeof needsRoot>[0]): boolean =>
  needsRoot(context) &&
  needsPidNamespace(context) &&
  needsProgram(context, "cc", "apt-get install gcc libc6-dev");

test("a report is made of all three, for those of the default that are here", (context) => {
  if (!canReport(context)) return;
  const [json, html] = [join(folder, "made.json"), join(folder, "made", "page.html")];
  const few = ["--attacks", "O1", "--rows", "exit", "--measures", "idle"];
  const env = { ...process.env, PATH: pathWithout("tini", "dumb-init", "catatonit") };
  const { status, stderr, stdout } = lab(["--quick", ...few, "--json", json, "--html", html], env);
  assert.equal(status, 0, stderr);
  const report = readOverview(JSON.parse(readFileSync(json, "utf8")));
  assert.deepEqual(
    report.inits.map(({ name }) => name),
    ["steady", "bare"],
  );
  assert.deepEqual(report.absent, ["tini", "dumb-init", "catatonit"]);
  assert.equal(report.inits[0]?.version, "steady version 1.0.0");
  assert.deepEqual(
    report.attack.results.map(({ verdict }) => verdict),
    ["survived", "fell"],
  );
  assert.deepEqual(
    report.conform.cells.map(({ value }) => value),
    ["the same", "the same"],
  );
  assert.deepEqual([report.bench.runs, report.bench.measurements.map(({ name }) => name)], [2, ["idle"]]);
  assert.match(stdout, /bare falls by 1 of 1: O1/);
  assert.match(stdout, /Not here, and left out: tini, dumb-init and catatonit\./);
  assert.equal(readFileSync(html, "utf8"), overviewPage(report));
});

/** A folder that has what PATH has, but these. */
function pathWithout(...names: readonly string[]): string {
  const path = join(folder, "path");
  mkdirSync(path);
  for (const each of (process.env.PATH ?? "").split(":").filter((every) => isFolder(every)))
    for (const name of readdirSync(each).filter((own) => !names.includes(own)))
      link(join(each, name), join(path, name));
  return path;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function link(from: string, to: string): void {
  try {
    symlinkSync(from, to);
  } catch {
    // An earlier folder of PATH had one of that name.
  }
}

test("Ctrl-C leaves no process, and no file", async (context) => {
  if (!canReport(context)) return;
  const init = join(folder, "steady");
  copyFileSync(STEADY, init);
  const temporary = mkdtempSync(join(folder, "tmp-"));
  const child = spawn(process.execPath, [BIN, "report", init, "--measures", "signal"], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: "ignore",
  });
  const status = new Promise((ended) => child.once("exit", (code) => ended(code)));
  await until("an init that is measured", () => alive(init).length > 0);
  child.kill("SIGINT");
  assert.equal(await status, 130);
  await until("its end", () => alive(init).length === 0);
  assert.deepEqual(readdirSync(temporary), []);
});

/** The processes of this program. */
function alive(path: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/exe`) === path;
    } catch {
      return false;
    }
  });
}
