// Where a check takes place on this machine: as root and as anybody, in a network of its own and in the machine's; and
// the lab as it is published.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Report } from "../../lab/index.ts";
import { needs } from "../lib/needs.ts";
import { asPid1, IS_ROOT, needsPidNamespace, needsRoot, STEADY } from "../lib/process.ts";
import { checkOf, findingOf, only, pathOf } from "./lib.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "steady-lab-"));
  chmodSync(folder, 0o755);
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The lab as it is published, in a package folder of its own with what it depends on. */
function published(context: TestContext): string {
  const folder = folderOf(context);
  const modules = join(folder, "node_modules");
  mkdirSync(modules);
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const lab = join(modules, "steady-lab");
  execFileSync(process.execPath, [tsc, "-p", join(ROOT, "lab"), "--outDir", join(lab, "dist")]);
  const manifest = readFileSync(join(ROOT, "lab/package.json"), "utf8");
  writeFileSync(join(lab, "package.json"), manifest);
  const { dependencies } = JSON.parse(manifest) as { dependencies: Record<string, string> };
  for (const name of [...Object.keys(dependencies), "@types", "undici-types"]) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  return folder;
}

test("what is published runs as JavaScript, and is typed for who imports it", (context) => {
  const folder = published(context);
  const bin = join(folder, "node_modules/steady-lab/dist/bin.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, "check"], { encoding: "utf8" });
  assert.deepEqual([status, stdout], [64, ""], stderr);
  writeFileSync(
    join(folder, "use.mts"),
    'import { check, type Report } from "steady-lab";\n' +
      'const report: Report = await check({ command: ["true"], grace: "5s" }, { signal: AbortSignal.timeout(9) });\n' +
      "const severity: string | undefined = report.findings[0]?.severity;\n" +
      "// @ts-expect-error: a duration is a text with its unit\n" +
      "await check({ command: [severity ?? report.subject.stopSignal], grace: 5 });\n",
  );
  const options = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2024", "--types", "node"];
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const typed = spawnSync(process.execPath, [tsc, ...options, "--skipLibCheck", "use.mts"], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.equal(typed.stdout, "");
});

test("an ordinary user's check takes place in a user namespace, in which the program is still that user", (context) => {
  if (!needsPidNamespace(context) || !needsRoot(context)) return;
  const folder = published(context);
  const [, ...unshare] = asPid1(["true"]);
  const allowed = spawnSync(NOBODY[0] ?? "", [
    ...NOBODY.slice(1),
    "unshare",
    "--user",
    "--map-root-user",
    ...unshare,
  ]);
  if (
    !needs(context, allowed.status === 0, "user namespaces", "allow them (sysctl user.max_user_namespaces)")
  )
    return;
  // Node and the lab have to be where everybody may read them.
  const node = join(folder, "node");
  execFileSync("cp", [process.execPath, node]);
  for (const name of [
    "commander",
    "zod",
    "wrap-ansi",
    "ansi-styles",
    "string-width",
    "strip-ansi",
    "ansi-regex",
    "get-east-asian-width",
    "emoji-regex",
  ])
    execFileSync("sh", [
      "-c",
      'rm -f "$2/$1"; [ ! -d "$0/$1" ] || cp -rL "$0/$1" "$2"',
      join(ROOT, "node_modules"),
      name,
      join(folder, "node_modules"),
    ]);
  execFileSync("chmod", ["-R", "a+rX", folder]);
  const program = "id -u; trap 'exit 0' TERM; while :; do sleep 0.1; done";
  const args = ["check", "--json", "--ignore", only("SL002", "SL013").join(","), "--", "sh", "-c", program];
  const bin = join(folder, "node_modules/steady-lab/dist/bin.js");
  const done = spawnSync(NOBODY[0] ?? "", [...NOBODY.slice(1), node, bin, ...args], {
    cwd: "/",
    encoding: "utf8",
  });
  const report = JSON.parse(done.stdout) as Report;
  assert.ok(report.environment.namespaces.includes("user"), done.stderr);
  assert.deepEqual(
    ["SL002", "SL013"].map((rule) => findingOf(report, rule).verdict),
    ["passed", "passed"],
  );
  const said = report.runs[0]?.timeline.flatMap((event) => (event.kind === "log" ? [event.line] : []));
  assert.deepEqual(said, ["65534"]);
});

test("an init that starts nobody is told from one that does", async (context) => {
  if (!needsPidNamespace(context)) return;
  const settings = { command: ["sleep", "1000"], ignore: only("SL001", "SL002") };
  const no = await checkOf({ ...settings, init: pathOf("env") });
  assert.match(findingOf(no, "SL001").what, /env started no program of its own: it is no init/);
  assert.equal(no.exitStatus, 2);
  const yes = await checkOf({ ...settings, init: STEADY });
  assert.deepEqual(
    ["SL001", "SL002"].map((rule) => findingOf(yes, rule).verdict),
    ["passed", "passed"],
  );
  assert.equal(yes.environment.init.kind, "other");
});

test("a program that needs the machine's network gets it, and the report says so", async (context) => {
  if (!needsPidNamespace(context)) return;
  const database = createServer((socket) => socket.on("error", () => undefined).resume()).listen(
    0,
    "127.0.0.1",
  );
  context.after(() => database.close());
  await new Promise((resolve) => database.on("listening", resolve));
  const { port } = database.address() as { port: number };
  const program =
    `require("net").connect(${port}, "127.0.0.1").on("error", () => process.exit(3)).on("connect", () => ` +
    'process.once("SIGTERM", () => process.exit(0)))';
  const settings = { command: [process.execPath, "-e", program], ignore: only("SL001", "SL002") };
  const report = await checkOf(settings);
  assert.deepEqual(
    ["SL001", "SL002"].map((rule) => findingOf(report, rule).verdict),
    ["passed", "passed"],
  );
  assert.ok(!report.environment.namespaces.includes("network"));
  if (IS_ROOT || report.environment.notes.length > 0)
    assert.match(report.environment.notes.join(), /in the machine's/);
  const apart = await checkOf({ ...settings, network: "own" });
  assert.match(findingOf(apart, "SL001").what, /ended by itself .* with status 3/);
});
