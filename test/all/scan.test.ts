// A scan of what others make: Debian's inits in images of a Docker engine of the tests' own, by name, as docker save and as
// docker export write them; and of an image that unpacks to a gigabyte, in memory that does not grow with it.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { after, before, describe, test } from "node:test";
import { createGzip } from "node:zlib";
import { type ScanReport, scan } from "../../lab/index.ts";
import { BIN, canHaveEngine, Engine, makeRoot, needsEngine } from "../lab/engine.ts";
import { file, tar } from "../lab/images.ts";
import { STEADY } from "../lib/process.ts";

const folder = mkdtempSync(join(tmpdir(), "steady-scan-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const INITS = ["/usr/bin/tini", "/usr/bin/tini-static", "/usr/bin/dumb-init", "/usr/bin/catatonit"];

describe("in a Docker engine", () => {
  let engine: Engine;

  before(async () => {
    if (!canHaveEngine()) return;
    engine = new Engine();
    await engine.started();
    const root = await makeRoot(engine, "root");
    for (const path of [...INITS, "/var/lib/dpkg/info/tini.md5sums"]) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      cpSync(path, join(root, path));
    }
    symlinkSync("tini-static", join(root, "usr/bin/docker-init"));
    copyFileSync(STEADY, join(root, "bin/renamed"));
    engine.import("base", root);
    engine.build(
      "drop",
      "FROM base",
      "RUN rm /usr/bin/dumb-init && mv /usr/bin/catatonit /usr/bin/pid1",
      "STOPSIGNAL SIGTTIN",
      'ENTRYPOINT ["/usr/bin/docker-init", "--"]',
      'CMD ["sleep", "9"]',
    );
  });
  after(async () => {
    await engine?.stop();
  });

  const found = ({ images: [image] }: ScanReport): unknown =>
    image?.inits.map(({ path, links, identity, verdict, isEntry }) => [
      path,
      links.join(),
      identity.init,
      verdict,
      isEntry,
    ]);
  const EXPECTED = [
    ["/bin/renamed", "", "steady", "unknown", false],
    ["/usr/bin/pid1", "", "catatonit", "verified", false],
    ["/usr/bin/tini", "", "tini", "verified", false],
    ["/usr/bin/tini-static", "/usr/bin/docker-init", "tini", "verified", true],
  ];

  test("an image is scanned by its name, and all of an engine's are", (context) => {
    if (!needsEngine(context)) return;
    const ask = (...args: string[]): ScanReport =>
      JSON.parse(
        spawnSync(process.execPath, [BIN, "scan", "--json", ...args], { env: engine.env, encoding: "utf8" })
          .stdout,
      );
    const report = ask("drop");
    assert.deepEqual(found(report), EXPECTED);
    const rules = report.images[0]?.findings.map(({ rule }) => rule) ?? [];
    for (const rule of ["SI001", "SI003", "SI004", "SI007"]) assert.ok(rules.includes(rule), rules.join());
    assert.equal(report.images[0]?.inits.at(-1)?.identity.as, "docker-init");
    const all = ask("--docker");
    assert.deepEqual(all.images.map(({ name }) => name).sort(), ["base:latest", "drop:latest"]);
    const { status, stderr } = spawnSync(process.execPath, [BIN, "scan", "nosuch"], {
      env: engine.env,
      encoding: "utf8",
    });
    assert.match(stderr, /nosuch cannot be scanned: /);
    assert.equal(status, 2);
  });

  test("docker save is read as it is, with gzip and with zstd; docker export as a root", async (context) => {
    if (!needsEngine(context)) return;
    const saved = join(folder, "saved.tar");
    engine.docker(["save", "--output", saved, "drop"]);
    execFileSync("gzip", ["--keep", saved]);
    execFileSync("zstd", ["--quiet", "--keep", saved]);
    for (const path of [saved, `${saved}.gz`, `${saved}.zst`])
      assert.deepEqual(found(await scan({ image: path })), EXPECTED);
    const container = engine.docker(["create", "drop"]).trim();
    const exported = join(folder, "exported.tar");
    engine.docker(["export", "--output", exported, container]);
    engine.docker(["rm", container]);
    const dockerfile = join(folder, "Dockerfile");
    writeFileSync(dockerfile, 'FROM scratch\nENTRYPOINT ["/usr/bin/docker-init"]\n');
    assert.deepEqual(found(await scan({ image: exported, dockerfile })), EXPECTED);
  });
});

const GIGABYTE = 2 ** 30;

test("memory does not grow with an image: one that unpacks to a gigabyte needs little more than a small one", async () => {
  const peaks = await Promise.all(
    [1 << 20, GIGABYTE].map(async (bytes) => {
      const layout = await layoutWith(bytes);
      const { stdout } = spawnSync(process.execPath, [BIN, "scan", layout, "--json"], { encoding: "utf8" });
      const { memoryPeakBytes, images } = JSON.parse(stdout) as ScanReport;
      assert.deepEqual(
        images[0]?.inits.map(({ path }) => path),
        ["/steady"],
      );
      return memoryPeakBytes;
    }),
  );
  const [small = 0, large = 0] = peaks;
  assert.ok(large - small < GIGABYTE / 8, `${small} and ${large} bytes`);
});

/** A layout with a layer of one file of that size, made of zeros, and an init behind it. */
async function layoutWith(bytes: number): Promise<string> {
  const at = join(folder, `${bytes}`);
  mkdirSync(join(at, "blobs/sha256"), { recursive: true });
  const chunk = Buffer.alloc(1 << 20);
  async function* layer(): AsyncGenerator<Buffer> {
    yield tar([{ path: "zeros", size: bytes }]).subarray(0, 512);
    for (let left = bytes; left > 0; left -= chunk.length) yield chunk;
    yield tar([file("steady", readFileSync(STEADY))]);
  }
  const parts: Buffer[] = [];
  await pipeline(Readable.from(layer()), createGzip({ level: 1 }), async (compressed) => {
    for await (const part of compressed) {
      parts.push(part as Buffer);
    }
  });
  const put = (content: Buffer): object => {
    const digest = createHash("sha256").update(content).digest("hex");
    writeFileSync(join(at, "blobs/sha256", digest), content);
    return { digest: `sha256:${digest}`, size: content.length };
  };
  const layers = [put(Buffer.concat(parts))];
  const config = put(Buffer.from(JSON.stringify({ config: { Entrypoint: ["/steady", "x"] } })));
  const manifest = put(Buffer.from(JSON.stringify({ config, layers })));
  writeFileSync(join(at, "index.json"), JSON.stringify({ manifests: [manifest] }));
  writeFileSync(join(at, "oci-layout"), "{}");
  return at;
}
