// `npm run scan-cost -- [--megabytes N]`: what it costs to scan an image of that size, plain, with gzip and with zstd. The
// image is a `docker save` archive of ten layers of files that cannot be compressed, with steady in the last one. Each scan is
// a process of its own; time and memory are those that its report tells. docs/scan.md has the figures.

import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildIfStale, ROOT } from "./build.ts";
import { reportErrors, run, ToolError } from "./run.ts";

const LAYERS = 10;
const FILE_BYTES = 1 << 20;
const MEGABYTE = 1_000_000;

function main(args: readonly string[]): void {
  const { values } = parseArgs({
    args: [...args],
    options: { megabytes: { type: "string", default: "1000" } },
  });
  const megabytes = Number(values.megabytes);
  if (!Number.isInteger(megabytes) || megabytes < 1)
    throw new ToolError(`--megabytes takes a whole number from 1 on, not ${values.megabytes}`);
  buildIfStale();
  const work = mkdtempSync(join(tmpdir(), "steady-scan-cost-"));
  try {
    const image = makeImage(work, megabytes);
    scan("plain", image);
    run("gzip", ["-1", "-k", image]);
    scan("gzip", `${image}.gz`);
    run("zstd", ["-q", "-1", image]);
    scan("zstd", `${image}.zst`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The path of an archive of about that many megabytes. */
function makeImage(work: string, megabytes: number): string {
  const image = join(work, "image");
  mkdirSync(image);
  const perLayer = Math.max(1, Math.round((megabytes * MEGABYTE) / FILE_BYTES / LAYERS));
  const layers = Array.from({ length: LAYERS }, (_, index) => {
    const root = join(work, "root");
    mkdirSync(join(root, "usr/bin"), { recursive: true });
    for (let i = 0; i < perLayer; i++)
      writeFileSync(join(root, `usr/bin/${index}-${i}`), randomBytes(FILE_BYTES));
    if (index === LAYERS - 1) copyFileSync(join(ROOT, "dist/steady"), join(root, "usr/bin/steady"));
    const folder = createHash("sha256").update(`${index}`).digest("hex");
    const name = `${folder}/layer.tar`;
    mkdirSync(join(image, folder));
    run("tar", ["-C", root, "-cf", join(image, name), "."]);
    rmSync(root, { recursive: true });
    return name;
  });
  const diffIds = layers.map(
    (name) =>
      `sha256:${createHash("sha256")
        .update(readFileSync(join(image, name)))
        .digest("hex")}`,
  );
  const config = {
    architecture: "amd64",
    os: "linux",
    config: { Entrypoint: ["/usr/bin/steady", "--", "/usr/bin/0-0"] },
    rootfs: { type: "layers", diff_ids: diffIds },
  };
  writeFileSync(join(image, "config.json"), JSON.stringify(config));
  const manifest = [{ Config: "config.json", RepoTags: ["cost:latest"], Layers: layers }];
  writeFileSync(join(image, "manifest.json"), JSON.stringify(manifest));
  const path = join(work, "image.tar");
  run("tar", ["-C", image, "-cf", path, "manifest.json", "config.json", ...layers]);
  rmSync(image, { recursive: true });
  return path;
}

function scan(name: string, path: string): void {
  const args = [join(ROOT, "lab/bin.ts"), "scan", path, "--fail-on", "never", "--json"];
  const report = JSON.parse(run(process.execPath, args).stdout) as {
    durationMs: number;
    memoryPeakBytes: number;
  };
  const cells = [
    name.padEnd(6),
    `${(statSync(path).size / MEGABYTE).toFixed(0)} MB`,
    `${(report.durationMs / 1000).toFixed(1)} s`,
    `${(report.memoryPeakBytes / MEGABYTE).toFixed(0)} MB of memory`,
  ];
  process.stdout.write(`${cells.join("  ")}\n`);
}

reportErrors();
main(process.argv.slice(2));
