// The page that compares inits in Debian's chromium: every cell opens what is behind it by mouse and by keyboard, nobody is kept
// out (axe), nothing is loaded or refused, it fits a phone, and paper has everything on white.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import type { Overview } from "../../lab/index.ts";
import { overviewPage } from "../../lab/overview/page.ts";
import { HOSTILE_OVERVIEW, MADE } from "../lab/overviews.ts";
import { launch, listen, violations, WINDOWS } from "./browser.ts";

let browser: Browser;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "steady-lab-report-"));
  browser = await launch();
});

after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

for (const window of WINDOWS) {
  const { colorScheme, viewport } = window;
  test(`${colorScheme}, ${viewport.width} wide: axe finds nothing, with and without a panel of each kind`, async () => {
    const page = await open(MADE, window);
    assert.deepEqual(await violations(page), []);
    for (const kind of ["attack", "behaviour", "cost"]) {
      await page.locator(`button.cell[popovertarget^=${kind}]`).first().click();
      assert.equal(await page.locator(`.panel[id^=${kind}]:popover-open`).count(), 1);
      assert.deepEqual(await violations(page), []);
      await page.keyboard.press("Escape");
    }
    await page.context().close();
  });
}

test("axe does find what is wrong", async () => {
  const page = await open(MADE);
  await page.evaluate("document.querySelector('h1').style.color = '#ccc'");
  assert.match((await violations(page)).join("\n"), /^color-contrast: <bdi>/m);
  await page.context().close();
});

for (const [name, report] of [
  ["made", MADE],
  ["hostile", HOSTILE_OVERVIEW],
] as const) {
  test(`${name}: the page loads nothing, its policy refuses nothing, and no script of others runs`, async () => {
    const page = await browser.newPage();
    const seen = listen(page);
    await page.goto(file(report));
    for (const cell of await page.locator("button.cell").all()) await cell.press("Enter");
    assert.deepEqual(seen, ["file:"]);
    await page.close();
  });

  test(`${name}: a phone never scrolls sideways but in a matrix`, async () => {
    const page = await open(report, { viewport: { width: 320, height: 640 } });
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 320);
    await page.context().close();
  });
}

test("every cell opens its evidence by mouse, and Escape and Close both lead back to it", async () => {
  const page = await open(MADE);
  const cells = await page.locator("button.cell").all();
  assert.ok(cells.length > 100, `${cells.length}`);
  for (const [i, cell] of cells.entries()) {
    await cell.click();
    const opened = page.locator(".panel:popover-open");
    assert.equal(await opened.getAttribute("id"), await cell.getAttribute("popovertarget"));
    const [heading, label] = [await opened.locator("h3").innerText(), await cell.getAttribute("aria-label")];
    assert.equal(heading, label);
    assert.match(await opened.innerText(), /\n(Seen|Median)\n+\S/);
    if (i % 2 === 0) await page.keyboard.press("Escape");
    else await opened.getByRole("button", { name: "Close" }).click();
    assert.equal(await page.locator(".panel:popover-open").count(), 0);
    assert.equal(await page.evaluate("document.activeElement.getAttribute('aria-label')"), label);
  }
  await page.context().close();
});

test("the keyboard comes to every cell, opens it, is inside, closes it, and goes on from there", async () => {
  const page = await open(MADE);
  const expected = (await page.evaluate(
    "[...document.querySelectorAll('main button.cell')].map((e) => e.getAttribute('aria-label'))",
  )) as string[];
  await page.locator("#main").focus();
  const links = await page.locator("main .summary a").count();
  const walked: string[] = [];
  for (let link = 0; link < links; link++) {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.localName"), "a");
  }
  while (walked.length < expected.length) {
    await page.keyboard.press("Tab");
    const { label, style, outline } = await focused(page);
    if (!style.startsWith("cell ")) {
      assert.equal(style, "scroll", `${label} between the cells`);
      continue;
    }
    assert.equal(outline, "solid");
    walked.push(label);
    await page.keyboard.press(walked.length % 2 === 0 ? "Enter" : "Space");
    assert.match((await focused(page)).style, /^panel\b/);
    await page.keyboard.press("Tab");
    assert.equal((await focused(page)).style, "close");
    await page.keyboard.press("Enter");
    assert.deepEqual((await focused(page)).label, label);
  }
  assert.deepEqual(walked, expected);
  await page.context().close();
});

test("paper shows in full who fell and what could not be tested, of the rest one line each, on white, also where the screen is dark", async () => {
  const untested = MADE.attack.results.findIndex(({ verdict }) => verdict === "survived");
  const results = MADE.attack.results.map((each, i) =>
    i === untested ? { ...each, verdict: "could not test" as const } : each,
  );
  const page = await open({ ...MADE, attack: { ...MADE.attack, results } }, { colorScheme: "dark" });
  const panel = page.locator(".panel:not(.screen)").first();
  assert.equal(await panel.isVisible(), false);
  assert.equal(await page.locator(".paper:visible").count(), 0);
  await page.emulateMedia({ media: "print" });
  await panel.waitFor({ state: "visible" });
  const headings = await page.locator(".panel:visible h3").allTextContents();
  const verdicts = results.filter(({ verdict }) => verdict === "fell" || verdict === "could not test");
  assert.deepEqual(
    headings.map((text) => text.replace(/^.*: /, "")),
    verdicts.map(({ verdict }) => verdict),
  );
  assert.equal(await page.locator(".panel[id^=attack]:visible").count(), headings.length);
  const lines = page.locator(".brief:visible");
  assert.equal((await lines.count()) + headings.length, await page.locator("button.cell").count());
  const heights = await lines.evaluateAll((all) => all.map((each) => each.getBoundingClientRect().height));
  assert.ok(Math.max(...heights) < 20, `${Math.max(...heights)}`);
  assert.equal(await page.locator(".close:visible").count(), 0);
  assert.equal(await colourOf(page, "body", "backgroundColor"), "rgb(255, 255, 255)");
  assert.equal(await colourOf(page, "body", "color"), "rgb(28, 33, 39)");
  assert.equal(await colourOf(page, "circle.median.best", "fill"), "rgb(47, 98, 181)");
  await page.context().close();
});

test("where a matrix scrolls, its heads and the names of its rows stay, and a phone has room for the cells", async () => {
  for (const { viewport } of WINDOWS.slice(1, 3)) {
    const page = await open(MADE, { viewport });
    const box = page.locator(".scroll").nth(1);
    await box.evaluate((it) => {
      it.style.maxHeight = "200px";
      it.scrollTo(60, 160);
    });
    const [frame, head, name] = await Promise.all(
      [box, box.locator("thead th").first(), box.locator("tbody th[scope=row]").first()].map((it) =>
        it.boundingBox(),
      ),
    );
    assert.ok(frame && head && name);
    assert.ok(Math.abs(head.y - frame.y) < 1 && Math.abs(head.x - frame.x) < 1);
    assert.ok(Math.abs(name.x - frame.x) < 1);
    if (viewport.width === 320) assert.ok(name.width < frame.width / 2.5, `${name.width} of ${frame.width}`);
    await page.context().close();
  }
});

test("a link of the summary leads to its row, which is in sight below the head", async () => {
  const page = await open(MADE, { viewport: { width: 320, height: 640 } });
  for (const link of await page.locator(".summary a").all()) {
    await link.click();
    const [target, head] = (await page.evaluate(`(() => {
      const target = document.querySelector(":target");
      const head = target.closest(".scroll")?.querySelector("thead th");
      return [target.getBoundingClientRect(), head?.getBoundingClientRect()].map((it) => it && { top: it.top, bottom: it.bottom });
    })()`)) as { top: number; bottom: number }[];
    assert.ok(target !== undefined && target.top >= 0 && target.top < 640, JSON.stringify(target));
    if (head) assert.ok(target.top >= head.bottom - 1, JSON.stringify([target, head]));
  }
  await page.context().close();
});

test("a median stands where its value says, between the lines of its scale", async () => {
  const page = await open(MADE);
  const figure = MADE.bench.measurements[0]?.figures.find(({ name }) => name === "private");
  const [chart] = await page.locator("table.figure", { hasText: "private memory" }).all();
  assert.ok(figure !== undefined && chart !== undefined);
  const middles = (selector: string): Promise<number[]> =>
    chart
      .locator(selector)
      .evaluateAll((all) =>
        all.map((each) => each.getBoundingClientRect()).map(({ x, width }) => x + width / 2),
      );
  const grid = await middles("tbody tr:first-child .grid");
  const ticks = (await chart.locator(".time").allTextContents()).map(Number);
  const [from = 0, to = 0] = [grid[0], grid.at(-1)];
  for (const [i, at] of (await middles(".median")).entries()) {
    const value = ((at - from) / (to - from)) * (ticks.at(-1) ?? 0);
    const expected = figure.results[i]?.median ?? 0;
    assert.ok(Math.abs(value - expected) < (ticks.at(-1) ?? 0) / 100, `${value} and ${expected}`);
  }
  await page.context().close();
});

test("best, level and limit differ in their form, not in their colour alone", async () => {
  const page = await open(MADE, { forcedColors: "active" });
  const forms = await page.evaluate(`[...document.querySelectorAll("tbody .median")].map((each) =>
    each.localName + (getComputedStyle(each).fill === getComputedStyle(each).stroke ? " filled" : " hollow") + ": " +
    each.closest("tr").querySelector("button").className)`);
  for (const [form, style] of (forms as string[]).map((each) => each.split(": cell ")))
    assert.equal(form, { best: "circle filled", limit: "path hollow" }[style ?? ""] ?? "circle hollow");
  await page.context().close();
});

async function open(report: Overview, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(file(report));
  return page;
}

function file(report: Overview): string {
  const path = join(folder, "page.html");
  writeFileSync(path, overviewPage(report));
  return pathToFileURL(path).href;
}

async function focused(page: Page): Promise<{ label: string; style: string; outline: string }> {
  return await page.evaluate(`({
    label: document.activeElement.getAttribute("aria-label"),
    style: document.activeElement.className,
    outline: getComputedStyle(document.activeElement).outlineStyle,
  })`);
}

async function colourOf(page: Page, selector: string, property: string): Promise<string> {
  return await page.evaluate(`getComputedStyle(document.querySelector("${selector}")).${property}`);
}
