// What the rules are told, piece by piece: requests sorted by the moment of the signal, limits of shutdown libraries read
// from a package, and an archive and frames as an engine has them.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import { readFrames, tarOf } from "../../lab/engine.ts";
import { librariesIn } from "../../lab/libraries.ts";
import { loadOf } from "../../lab/load.ts";
import type { Visit } from "../../lab/visitor.ts";
import { needsPidNamespace } from "../lib/process.ts";
import { checkOf, findingOf, only } from "./lib.ts";

const SIGNAL_MS = 1_000;

function visit(sentMs: number, doneMs: number, other: Partial<Visit> = {}): Visit {
  return { kind: "visit", sentMs, doneMs, status: 200, connected: true, ...other };
}

const reset = { status: 0, error: "ECONNRESET" };

test("requests are sorted by the moment of the signal", () => {
  const { load, failures, slowAnswered } = loadOf(
    [
      visit(100, 200),
      visit(300, 999, reset),
      visit(900, 1_050),
      visit(950, 1_010, reset),
      visit(990, 1_010, reset),
      visit(1_100, 1_150),
      visit(1_100, 1_101, { status: 0, error: "ECONNREFUSED", connected: false }),
      visit(500, 1_400, { ...reset, slow: true }),
    ],
    SIGNAL_MS,
    "http://127.0.0.1/",
    8,
  );
  assert.deepEqual(load, {
    url: "http://127.0.0.1/",
    connections: 8,
    before: 1,
    inFlight: 2,
    inFlightFailed: 1,
    // One of them was sent 10 ms before the signal: it may have crossed the end of its connection.
    after: 2,
    afterFailed: 1,
    refused: 1,
  });
  assert.deepEqual([failures, slowAnswered], [["1 × ECONNRESET"], false]);
});

test("an answer of 500 is a failure only of a server that did not give it before", () => {
  const failed = (before: number) =>
    loadOf([visit(1, 2, { status: before }), visit(900, 1_100, { status: 503 })], SIGNAL_MS, "", 1).load
      .inFlightFailed;
  assert.deepEqual([failed(200), failed(503)], [1, 0]);
});

function packageIn(
  context: TestContext,
  dependencies: object,
  sources: Readonly<Record<string, string>>,
): string {
  const folder = mkdtempSync(join(tmpdir(), "steady-lab-"));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ dependencies }, undefined, 2));
  mkdirSync(join(folder, "node_modules"));
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, name), text);
  return folder;
}

test("limits of shutdown libraries: their defaults, or what the code sets in plain sight", (context) => {
  const dependencies = {
    "close-with-grace": "2.2.0",
    lightship: "9.0.0",
    stoppable: "1.1.0",
    express: "5.0.0",
  };
  const folder = packageIn(context, dependencies, {
    "main.mjs":
      'import closeWithGrace from "close-with-grace";\n\ncloseWithGrace({ delay: 1_500 }, close);\n',
    "other.mjs": "const timeouts = { gracefulShutdownTimeout: 1 };\n",
    "node_modules/x.js": 'require("lightship"); ({ gracefulShutdownTimeout: 2 });\n',
  });
  const found = librariesIn(folder).map(({ name, timeoutMs, setIn, manifest }) => [
    name,
    timeoutMs,
    setIn,
    manifest.line,
  ]);
  assert.deepEqual(found, [
    ["lightship", 30_000, undefined, 4],
    ["close-with-grace", 1_500, { file: "main.mjs", line: 3 }, 3],
    ["stoppable", Number.POSITIVE_INFINITY, undefined, 5],
  ]);
});

test("a library whose limit is not below the grace period is found, with its place", async (context) => {
  if (!needsPidNamespace(context)) return;
  const cwd = packageIn(context, { "close-with-grace": "2.2.0" }, {});
  const settings = { cwd, command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"] };
  const asked = async (grace: string) =>
    findingOf(await checkOf({ ...settings, grace, ignore: only("SL021") }), "SL021");
  const short = await asked("10s");
  assert.deepEqual([short.verdict, short.location], ["failed", { file: "package.json", line: 3 }]);
  assert.match(short.what, /close-with-grace gives up after 10.0 s by default; the grace period is 10.0 s/);
  assert.equal((await asked("11s")).verdict, "passed");
});

test("an archive of one file is one that tar reads", (context) => {
  const folder = packageIn(context, {}, {});
  writeFileSync(join(folder, "a.tar"), tarOf("init", Buffer.from("content".repeat(100))));
  const listed = execFileSync("tar", ["-tvf", join(folder, "a.tar")], { encoding: "utf8" });
  assert.match(listed, /^-rwxr-xr-x 0\/0 +700 .* init\n$/);
  assert.equal(
    execFileSync("tar", ["-xOf", join(folder, "a.tar")], { encoding: "utf8" }),
    "content".repeat(100),
  );
});

test("frames of an engine's log are put together wherever they were cut", async () => {
  const frame = (stream: number, text: string) => {
    const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([head, Buffer.from(text)]);
  };
  const bytes = Buffer.concat([frame(1, "one\n"), frame(2, "zwei\n"), frame(1, "")]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const stream = new PassThrough();
    const said: string[] = [];
    readFrames(stream as unknown as IncomingMessage, (name, text) => said.push(`${name} ${text}`));
    stream.write(bytes.subarray(0, cut));
    stream.end(bytes.subarray(cut));
    await new Promise((resolve) => stream.on("end", resolve));
    assert.deepEqual(said, ["stdout one\n", "stderr zwei\n", "stdout "], `cut at ${cut}`);
  }
});
