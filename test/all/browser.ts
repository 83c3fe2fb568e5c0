// Debian's chromium, as the tests of pages use it: it asks the network for nothing, and axe looks at what it shows.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const WINDOWS = [
  { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  { colorScheme: "dark", viewport: { width: 1280, height: 900 } },
  { colorScheme: "light", viewport: { width: 320, height: 640 } },
  { colorScheme: "dark", viewport: { width: 320, height: 640 } },
] as const;

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGS });
}

export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations, passes } = (await page.evaluate("axe.run()")) as AxeResults;
  assert.ok(passes.length > 20, "axe looked at nothing");
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

/** What a page says, asks for and is refused; it has to be listened to before it is opened. */
export function listen(page: Page): readonly string[] {
  const seen: string[] = [];
  page.on("console", (message) => seen.push(message.text()));
  page.on("dialog", (dialog) => seen.push(dialog.message()));
  page.on("pageerror", (error) => seen.push(error.message));
  page.on("request", (request) => seen.push(new URL(request.url()).protocol));
  return seen;
}
