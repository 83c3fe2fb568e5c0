// The page of a report in Debian's chromium: nothing is loaded or refused, nobody is kept out (axe), it can be walked by
// keyboard, fits a phone, and prints what is folded.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { htmlReport } from "../../lab/output/page.ts";
import type { Report } from "../../lab/report.ts";
import { FAILING, HOSTILE_REPORT, PASSING, UNTESTED } from "../lab/reports.ts";
import { launch, listen, violations, WINDOWS } from "./browser.ts";

const CHECKED = join(import.meta.dirname, "../lab/reports");

const REPORTS: readonly (readonly [string, Report])[] = [
  ["FAILING", FAILING],
  ["PASSING", PASSING],
  ["UNTESTED", UNTESTED],
  ["HOSTILE_REPORT", HOSTILE_REPORT],
  ...readdirSync(CHECKED).map(
    (name) => [name, JSON.parse(readFileSync(join(CHECKED, name), "utf8")) as Report] as const,
  ),
];
/** Reports that show everything the page has are looked at in each window, the others in the first. */
const IN_ALL_WINDOWS = [FAILING, UNTESTED];

let browser: Browser;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "steady-lab-page-"));
  browser = await launch();
});

after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

for (const [name, report] of REPORTS) {
  for (const window of IN_ALL_WINDOWS.includes(report) ? WINDOWS : WINDOWS.slice(0, 1)) {
    test(`${name}, ${window.colorScheme}, ${window.viewport.width} wide: axe finds nothing, unfolded`, async () => {
      const page = await open(report, window);
      await unfold(page);
      assert.deepEqual(await violations(page), []);
      await page.context().close();
    });
  }

  test(`${name}: the page loads nothing, its policy refuses nothing, and no script of others runs`, async () => {
    const page = await browser.newPage();
    const seen = listen(page);
    await page.goto(file(report));
    await unfold(page);
    assert.deepEqual(seen, ["file:"]);
    const allowed =
      "html head meta title style body a header p h1 code nav ul li main section h2 h3 h4 article span bdi dl dt dd div b svg rect line text circle path details summary table caption thead tbody tr th td footer";
    const tags = await page.evaluate(
      "[...new Set([...document.querySelectorAll('*')].map((e) => e.localName))]",
    );
    assert.deepEqual(
      (tags as string[]).filter((tag) => ![...allowed.split(" "), "title"].includes(tag)),
      [],
    );
    await page.close();
  });

  test(`${name}: a phone never scrolls sideways but in a table`, async () => {
    const page = await open(report, { viewport: { width: 320, height: 640 } });
    await unfold(page);
    const width = await page.evaluate("document.documentElement.scrollWidth");
    assert.equal(width, 320);
    await page.context().close();
  });
}

test("axe finds nothing in a folded page, and does find what is wrong", async () => {
  const page = await open(FAILING);
  assert.deepEqual(await violations(page), []);
  await page.evaluate("document.querySelector('h1').style.color = '#ccc'");
  await page.evaluate("document.querySelector('summary').remove()");
  assert.match((await violations(page)).join("\n"), /^color-contrast: <h1 /m);
  await page.context().close();
});

test("the keyboard comes to everything, in the order of the page, and the focus can be seen", async () => {
  const page = await open(FAILING);
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "a: To the findings");
  assert.ok(await page.evaluate("document.activeElement.getBoundingClientRect().left >= 0"));
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate("document.activeElement.id"), "main");

  const expected = (await page.evaluate(
    "[...document.querySelectorAll('main a, main summary')].map((e) => e.localName + ': ' + e.innerText)",
  )) as string[];
  const walked: string[] = [];
  for (const _ of expected) {
    await page.keyboard.press("Tab");
    walked.push(await focused(page));
    const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
    assert.equal(outline, "solid");
  }
  assert.deepEqual(walked, expected);
  await page.context().close();
});

test("the tables of a run open by keyboard, and a table is a stop where arrows scroll it", async () => {
  const page = await open(FAILING, { viewport: { width: 320, height: 640 } });
  await page.locator("summary").first().focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("details").first().getAttribute("open"), "");
  await page.keyboard.press("Tab");
  assert.match(await page.evaluate("document.activeElement.getAttribute('aria-label')"), /^Events: /);
  await page.keyboard.press("Tab");
  assert.match(await page.evaluate("document.activeElement.getAttribute('aria-label')"), /^Processes: /);
  await page.context().close();
});

test("a link of a finding leads to its run, and back", async () => {
  const page = await open(FAILING);
  await page.locator("#SL002 a", { hasText: "SIGTERM once it is ready" }).click();
  assert.match(page.url(), /#run-0$/);
  await page.locator("section.run a", { hasText: "SL002" }).click();
  assert.match(page.url(), /#SL002$/);
  await page.context().close();
});

test("paper shows what is folded on the screen", async () => {
  const page = await open(FAILING);
  const table = page.locator("table").first();
  assert.equal(await visibleHeight(page), 0);
  await page.emulateMedia({ media: "print" });
  // The page is laid out for paper a moment later.
  await table.waitFor({ state: "visible" });
  assert.ok((await visibleHeight(page)) > 100);
  await page.context().close();
});

test("an event stands in the time line where its time says", async () => {
  const page = await open(FAILING);
  const share = (await page.evaluate(`
    const line = document.querySelector(".timeline .guide.signal").getBoundingClientRect();
    const track = document.querySelector(".timeline .track").getBoundingClientRect();
    (line.left - track.left) / track.width`)) as number;
  const [run] = FAILING.runs;
  const sent = run?.timeline.find(({ kind }) => kind === "signal-sent")?.atMs ?? 0;
  assert.ok(Math.abs(share - sent / (run?.durationMs ?? 1)) < 0.005, `${share}`);
  await page.context().close();
});

async function open(report: Report, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(file(report));
  return page;
}

function file(report: Report): string {
  const path = join(folder, "page.html");
  writeFileSync(path, htmlReport(report, { documents: "https://example.org/steady/" }));
  return pathToFileURL(path).href;
}

async function unfold(page: Page): Promise<void> {
  await page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })");
}

async function focused(page: Page): Promise<string> {
  return await page.evaluate("document.activeElement.localName + ': ' + document.activeElement.innerText");
}

async function visibleHeight(page: Page): Promise<number> {
  return await page.evaluate(
    "document.querySelector('table').checkVisibility({ contentVisibilityAuto: true }) ? document.querySelector('table').getBoundingClientRect().height : 0",
  );
}
