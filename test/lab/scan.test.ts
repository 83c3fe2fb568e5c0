// `steady-lab scan`: inits are found by their content wherever they lie, each rule has an image that breaks it and one that
// does not, and whatever is no image ends in a sentence.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import schema from "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json" with { type: "json" };
import { Ajv2020 } from "ajv/dist/2020.js";
import AjvDraft04 from "ajv-draft-04";
import fc from "fast-check";
import type { Log } from "sarif";
import known from "../../lab/data/known-inits.json" with { type: "json" };
import weaknesses from "../../lab/data/weaknesses.json" with { type: "json" };
import {
  type ScanFinding,
  type ScannedImage,
  type ScanOptions,
  type ScanReport,
  scan,
} from "../../lab/index.ts";
import { downloadsIn, instructionsOf, wrongPins } from "../../lab/scan/pins.ts";
import { SCAN_RULES } from "../../lab/scan/rules.ts";
import { scanSarif } from "../../lab/scan/sarif.ts";
import { cleanPath, Tree } from "../../lab/scan/tree.ts";
import { compareVersions, weaknessData, weaknessesOf } from "../../lab/scan/weaknesses.ts";
import { scanSchemaText } from "../../lab/schema/scan.ts";
import { Known } from "../../lab/verify/known.ts";
import { STEADY } from "../lib/process.ts";
import {
  type Compression,
  file,
  folder,
  hardLink,
  type ImageSpec,
  layoutFiles,
  savedArchive,
  symlink,
  type TarEntry,
  tar,
  writeLayout,
} from "./images.ts";
import { openvexErrors } from "./openvex.ts";
import { makeRelease, Signer } from "./release.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BIN = join(ROOT, "lab/bin.ts");
const ELF = readFileSync(STEADY);
const ARCHITECTURE = process.arch === "x64" ? "amd64" : process.arch;
const work = mkdtempSync(join(tmpdir(), "steady-scan-"));
after(() => rmSync(work, { recursive: true, force: true }));
let made = 0;

function fresh(name = ""): string {
  return join(work, `${made++}${name}`);
}

function written(content: Buffer | string, name = ".tar"): string {
  const path = fresh(name);
  writeFileSync(path, content);
  return path;
}

/** The smallest ELF file for an architecture that has these sentences in it. */
function elf(sentences: string, machine = 62, interpreter?: string): Buffer {
  const head = Buffer.alloc(64 + 56);
  head.write("\x7fELF\x02\x01\x01", 0, "latin1");
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(machine, 18);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  const text = Buffer.from(`${interpreter ?? ""}\0${sentences}\0`, "latin1");
  head.writeUInt32LE(interpreter === undefined ? 1 : 3, 64);
  head.writeBigUInt64LE(120n, 72);
  head.writeBigUInt64LE(BigInt((interpreter ?? "").length + 1), 96);
  return Buffer.concat([head, text]);
}

const tiniOf = (version: string): string =>
  `tini version ${version}\0Spawned child process '%s' with pid '%i'`;
const TINI = elf(tiniOf("0.19.0"));
const OLD_TINI = elf(tiniOf("0.18.0"));
const DUMB_INIT = elf("[dumb-init] Running\0dumb-init v%.*s\x001.2.5\n");
const CATATONIT = elf("catatonit\0CATATONIT_LOG\x000.2.1\0tini version %s_%s");
const PROGRAM = elf("a server");

/** An image that has nothing to complain about, with changes. */
function image(changes: Partial<ImageSpec> = {}, ...entries: TarEntry[]): ImageSpec {
  return {
    entrypoint: ["/sbin/steady", "--"],
    cmd: ["/bin/server"],
    architecture: ARCHITECTURE,
    layers: [[file("sbin/steady", ELF), file("bin/server", PROGRAM), ...entries]],
    ...changes,
  };
}

/** In which the steady of these tests was released. */
const knownFile = written(
  JSON.stringify({
    ...known,
    releases: [ELF, TINI, CATATONIT, DUMB_INIT].map((content, i) => ({
      init: (["steady", "tini", "catatonit", "dumb-init"] as const)[i],
      version: ["1.0.0", "0.19.0", "0.2.1", "1.2.5"][i],
      names: ["init"],
      sha256: createHash("sha256").update(content).digest("hex"),
      kind: "program",
      publisher: "upstream",
      sources: ["this test"],
    })),
  }),
  ".json",
);

async function scanned(
  spec: ImageSpec,
  options: ScanOptions = {},
): Promise<ScannedImage & { report: ScanReport }> {
  const report = await scan({ image: written(savedArchive(spec)), known: knownFile, ...options });
  const [first] = report.images;
  assert.ok(first !== undefined && report.images.length === 1);
  return { ...first, report };
}

const idsOf = ({ findings }: { readonly findings: readonly ScanFinding[] }): string[] =>
  findings.map(({ rule }) => rule);

test("an image with a released steady as its entry has no finding", async () => {
  const { findings, inits, chain, report } = await scanned(image());
  assert.deepEqual(findings, []);
  assert.deepEqual(chain, ["/sbin/steady (init)", "/bin/server (program)"]);
  assert.deepEqual(
    inits.map(({ path, verdict, isEntry }) => [path, verdict, isEntry]),
    [["/sbin/steady", "verified", true]],
  );
  assert.equal(report.exitStatus, 0);
});

for (const compression of ["none", "gzip", "zstd"] as const satisfies readonly Compression[]) {
  test(`a layout is read as a folder and as an archive: layers with ${compression}`, async () => {
    const at = writeLayout(fresh(), image(), compression);
    const archive = tar([...layoutFiles(image(), compression)].map(([path, content]) => file(path, content)));
    for (const path of [at, written(archive), written(gzipSync(archive), ".tar.gz")]) {
      const { images } = await scan({ image: path, known: knownFile });
      assert.deepEqual(
        images.map(({ inits, findings }) => [inits.map((each) => each.path), findings.length]),
        [[["/sbin/steady"], 0]],
      );
    }
  });
}

test("an index with images for several architectures gives all that are there", async () => {
  const [one, other] = [layoutFiles(image()), layoutFiles(image({ architecture: "riscv64" }))];
  const manifests = [one, other].map((files) => JSON.parse(String(files.get("index.json"))).manifests[0]);
  const absent = { digest: `sha256:${"0".repeat(64)}`, size: 1 };
  const files = new Map([...one, ...other]);
  files.set("index.json", Buffer.from(JSON.stringify({ manifests: [...manifests, absent] })));
  const archive = written(tar([...files].map(([path, content]) => file(path, content))));
  const { images } = await scan({ image: archive, known: knownFile });
  assert.deepEqual(images.map(({ architecture }) => architecture).sort(), ["riscv64", "x86-64"]);
});

test("a root is read as an archive and as a folder, with hard links, and its Dockerfile says what it starts", async () => {
  const at = fresh();
  mkdirSync(join(at, "sbin"), { recursive: true });
  writeFileSync(join(at, "sbin/steady"), ELF, { mode: 0o755 });
  linkSync(join(at, "sbin/steady"), join(at, "sbin/tini"));
  symlinkSync("steady", join(at, "sbin/docker-init"));
  symlinkSync("/", join(at, "loop"));
  const archive = spawnSync("tar", ["-C", at, "-c", "."], { maxBuffer: 1 << 26 }).stdout;
  const dockerfile = written('FROM scratch\nENTRYPOINT ["/sbin/tini"]\n', ".Dockerfile");
  for (const path of [at, written(archive)]) {
    const [found] = (await scan({ image: path, known: knownFile, dockerfile })).images;
    const all = [found?.inits[0]?.path, ...(found?.inits[0]?.links ?? [])].sort();
    assert.deepEqual(all, ["/sbin/docker-init", "/sbin/steady", "/sbin/tini"]);
    assert.deepEqual([found?.inits.length, found?.inits[0]?.isEntry], [1, true]);
  }
});

test("an init is found by its content: under another name, as a copy, behind links", async () => {
  const { inits } = await scanned(
    image(
      {},
      file("opt/app/launcher", TINI),
      file("copy", TINI),
      hardLink("usr/bin/pid1", "copy"),
      symlink("bin/reaper", "../opt/app/launcher"),
      file("usr/bin/dumb-init", "#!/bin/sh\n"),
      folder("etc"),
    ),
  );
  assert.deepEqual(
    inits.map(({ path, links, identity }) => [path, links, identity.init]),
    [
      ["/copy", ["/usr/bin/pid1"], "tini"],
      ["/opt/app/launcher", ["/bin/reaper"], "tini"],
      ["/sbin/steady", [], "steady"],
    ],
  );
});

test("what upper layers delete and cover is gone: whiteouts, opaque folders, other files", async () => {
  const layers = [
    [file("a/tini", TINI), file("b/x/tini", TINI), file("c/tini", TINI), file("d/tini", TINI)],
    [
      file("a/.wh.tini", ""),
      file("b/new", TINI),
      file("b/.wh..wh..opq", ""),
      file("c/tini", "nothing"),
      file(".wh.d", ""),
    ],
  ];
  const { inits } = await scanned(image({ layers, entrypoint: ["/b/new"], cmd: ["x"] }));
  assert.deepEqual(
    inits.map(({ path }) => path),
    ["/b/new"],
  );
});

test("layers that docker save stores once are read wherever they belong", async () => {
  const entries = [file("sbin/steady", ELF), file("bin/server", PROGRAM)];
  const { inits } = await scanned(image({ layers: [entries, [file("sbin/.wh.steady", "")], entries] }));
  assert.deepEqual(
    inits.map(({ path }) => path),
    ["/sbin/steady"],
  );
});

interface Example {
  readonly rule: string;
  readonly name: string;
  readonly spec: ImageSpec;
  readonly what: RegExp;
  readonly severity?: ScanFinding["severity"];
  /** An image that is nearly the same, and does not break the rule. */
  readonly well: ImageSpec;
}

const withTini = (changes: Partial<ImageSpec> = {}, ...entries: TarEntry[]): ImageSpec =>
  image({ entrypoint: ["tini", "--"], ...changes }, file("usr/bin/tini", TINI), ...entries);
const CHISEL = "21078849baca8c8fc0b90040d3769bf6fa2ffc7b0eb6b9e42343ed96e1cd734e";
const TINI_URL = "https://github.com/krallin/tini/releases/download/v0.19.0/tini-amd64";
const PIN = "93dcc18adc78c65a028a84799ecf8ad40c936fdfc5f2a57b1acda5a8117fa82c";
const md5 = (content: Buffer): string => createHash("md5").update(content).digest("hex");
const dpkg = (content: Buffer): TarEntry =>
  file("var/lib/dpkg/info/tini.md5sums", `${md5(content)}  usr/bin/tini\n`, 0o644);
const apk = (content: Buffer): TarEntry =>
  file(
    "lib/apk/db/installed",
    `P:tini\nF:usr/bin\nR:tini\nZ:Q1${createHash("sha1").update(content).digest("base64")}\n`,
    0o644,
  );

const EXAMPLES: readonly Example[] = [
  {
    rule: "SI001",
    name: "an init of a build that nobody is known to have released",
    spec: image({}, file("usr/bin/tini", OLD_TINI)),
    what: /\/usr\/bin\/tini is tini 0.18.0 by what is in it, and nobody is known to have released it/,
    severity: "note",
    well: withTini(),
  },
  {
    rule: "SI002",
    name: "an init that dpkg installed otherwise",
    spec: withTini({}, dpkg(OLD_TINI)),
    what: /\/usr\/bin\/tini, which is tini 0.19.0 .* is not what was promised/,
    well: withTini({}, dpkg(TINI)),
  },
  {
    rule: "SI002",
    name: "an init that apk installed otherwise",
    spec: withTini({}, apk(OLD_TINI)),
    what: /is not what was promised/,
    well: withTini({}, apk(TINI)),
  },
  {
    rule: "SI003",
    name: "an old version",
    spec: image({}, file("usr/bin/tini", OLD_TINI)),
    what: /\/usr\/bin\/tini is tini 0.18.0; the last version is 0.19.0/,
    well: withTini(),
  },
  {
    rule: "SI004",
    name: "an entry with known weaknesses",
    spec: withTini(),
    what: /\/usr\/bin\/tini, tini 0.19.0, has 22 known weaknesses/,
    severity: "note",
    well: image(),
  },
  {
    rule: "SI005",
    name: "ENTRYPOINT in shell form",
    spec: image(
      { entrypoint: ["/bin/sh", "-c", "/sbin/steady -- /bin/server"], cmd: [] },
      file("bin/sh", PROGRAM),
    ),
    what: /The command is a shell's text: \/bin\/sh -c \/sbin\/steady -- \/bin\/server/,
    well: image(),
  },
  {
    rule: "SI005",
    name: "CMD in shell form",
    spec: image({ entrypoint: [], cmd: ["/bin/sh", "-c", "exec /bin/server"] }, file("bin/sh", PROGRAM)),
    what: /The command is a shell's text/,
    well: image({ cmd: ["/bin/sh", "-c", "exec /bin/server"] }, file("bin/sh", PROGRAM)),
  },
  {
    rule: "SI006",
    name: "no init at all",
    spec: image({ entrypoint: ["/bin/server"], cmd: [] }),
    what: /PID 1 is \/bin\/server, and no init/,
    severity: "warning",
    well: image({ entrypoint: ["/bin/supervisord"] }, file("bin/supervisord", PROGRAM)),
  },
  {
    rule: "SI006",
    name: "a script that starts its init late",
    spec: image({ entrypoint: ["/start.sh"] }, file("start.sh", '#!/bin/sh\nexec /sbin/steady -- "$@"\n')),
    what: /PID 1 is \/start.sh, which starts an init later on/,
    severity: "warning",
    well: image({}, file("start.sh", "#!/bin/sh\n")),
  },
  {
    rule: "SI007",
    name: "a stop signal that nobody can handle",
    spec: image({ stopSignal: "9" }),
    what: /STOPSIGNAL SIGKILL cannot be handled by anybody/,
    severity: "error",
    well: image({ stopSignal: "SIGQUIT" }),
  },
  {
    rule: "SI007",
    name: "a stop signal that tini keeps",
    spec: withTini({ stopSignal: "SIGABRT" }),
    what: /STOPSIGNAL SIGABRT is not forwarded by tini \(W11\)/,
    well: image({ stopSignal: "SIGABRT" }),
  },
  {
    rule: "SI007",
    name: "a stop signal that the program takes for something else",
    spec: image({ cmd: ["nginx"], stopSignal: "HUP" }, file("usr/sbin/nginx", PROGRAM)),
    what: /STOPSIGNAL SIGHUP does not stop nginx/,
    well: image({ cmd: ["nginx"], stopSignal: "QUIT" }, file("usr/sbin/nginx", PROGRAM)),
  },
  {
    rule: "SI007",
    name: "a stop signal at which haproxy only tells its state",
    spec: image({ cmd: ["haproxy"], stopSignal: "SIGQUIT" }, file("usr/sbin/haproxy", PROGRAM)),
    what: /STOPSIGNAL SIGQUIT does not stop haproxy/,
    well: image({ cmd: ["haproxy"], stopSignal: "SIGUSR1" }, file("usr/sbin/haproxy", PROGRAM)),
  },
  {
    rule: "SI007",
    name: "a stop signal that is none",
    spec: image({ stopSignal: "SIGSTOPPED" }),
    what: /STOPSIGNAL SIGSTOPPED is no signal/,
    well: image({ stopSignal: "SIGRTMIN+3" }),
  },
  {
    rule: "SI007",
    name: "a shell with a script as PID 1",
    spec: image(
      { entrypoint: ["/bin/sh", "/start"], cmd: [] },
      file("bin/sh", PROGRAM),
      file("start", "server\n"),
    ),
    what: /PID 1 is \/bin\/sh, which does not hear SIGTERM unless/,
    severity: "warning",
    well: image({ cmd: ["/bin/sh", "/start"] }, file("bin/sh", PROGRAM)),
  },
  {
    rule: "SI008",
    name: "tini before a program that changes the user",
    spec: withTini({ cmd: ["gosu", "nobody", "/bin/server"] }, file("usr/bin/gosu", PROGRAM)),
    what: /\/usr\/bin\/tini is tini 0.19.0, and gosu changes the user/,
    severity: "warning",
    well: image({ cmd: ["gosu", "nobody", "/bin/server"] }, file("usr/bin/gosu", PROGRAM)),
  },
  {
    rule: "SI008",
    name: "tini as another user than root, beside setuid programs",
    spec: withTini({ user: "1000" }, file("usr/bin/sudo", PROGRAM, 0o4755)),
    what: /setuid programs can: \/usr\/bin\/sudo/,
    severity: "note",
    well: withTini({ user: "1000" }, file("usr/bin/sudo", PROGRAM)),
  },
  {
    rule: "SI009",
    name: "an init for another processor",
    spec: withTini({}, file("sbin/tini", elf(tiniOf("0.19.0"), 183))),
    what: /\/sbin\/tini is tini 0.19.0 for arm64, and the image is for x86-64/,
    well: image({
      architecture: "arm64",
      entrypoint: ["/i"],
      layers: [[file("i", elf(tiniOf("0.19.0"), 183))]],
    }),
  },
  {
    rule: "SI009",
    name: "a package in the place of an init",
    spec: image(
      { entrypoint: ["/usr/local/bin/dumb-init"] },
      file("usr/local/bin/dumb-init", "!<arch>\ndebian-binary"),
    ),
    what: /\/usr\/local\/bin\/dumb-init has the name of an init, and is a Debian package/,
    well: image({ entrypoint: ["/usr/local/bin/dumb-init"] }, file("usr/local/bin/dumb-init", DUMB_INIT)),
  },
  {
    rule: "SI009",
    name: "a page in the place of an init",
    spec: image({}, file("tini", "<!DOCTYPE html><title>404")),
    what: /\/tini has the name of an init, and is a HTML page/,
    well: image({}, file("usr/share/doc/tini", "a text")),
  },
  {
    rule: "SI010",
    name: "two inits in a row",
    spec: withTini({ entrypoint: ["/sbin/steady", "-v", "-p", "TERM", "tini", "-s", "--"] }),
    what: /\/sbin\/steady starts tini: two inits in a row/,
    severity: "warning",
    well: withTini(),
  },
  {
    rule: "SI010",
    name: "an init before a script that has another",
    spec: image({ cmd: ["/start.sh"] }, file("start.sh", "#!/bin/sh\nexec tini -- server\n")),
    what: /\/sbin\/steady starts \/start.sh, which names tini: perhaps two inits/,
    severity: "note",
    well: image({ cmd: ["/start.sh"] }, file("start.sh", "#!/bin/sh\necho minting\n")),
  },
  {
    rule: "SI011",
    name: "a digest that belongs to another file",
    spec: image({ history: [`RUN curl -o /tini ${TINI_URL} && echo "${CHISEL}  /tini" | sha256sum -c -`] }),
    what: /The digest that is pinned for .*tini-amd64 is that of an archive of chisel/,
    severity: "error",
    well: image({ history: [`RUN curl -o /tini ${TINI_URL} && echo "${PIN}  /tini" | sha256sum -c -`] }),
  },
  {
    rule: "SI011",
    name: "a digest that is never checked",
    spec: image({ history: [`RUN TINI_SHA256=${PIN} && curl -o /tini ${TINI_URL} && chmod +x /tini`] }),
    what: /The digest that is pinned for .*tini-amd64 is never checked/,
    severity: "warning",
    well: image({ history: [`ADD --checksum=sha256:${PIN} ${TINI_URL} /tini`] }),
  },
  {
    rule: "SI011",
    name: "a list from where the file came from",
    spec: image({
      history: [
        `RUN curl -O ${TINI_URL} && curl -O ${TINI_URL}.sha256sum && sha256sum -c tini-amd64.sha256sum`,
      ],
    }),
    what: /is checked against a list that comes from the same place/,
    severity: "note",
    well: image({
      history: [`RUN curl -O ${TINI_URL} && curl -O ${TINI_URL}.asc && gpg --batch --verify tini-amd64.asc`],
    }),
  },
  {
    rule: "SI012",
    name: "an init whose loader is missing",
    spec: image({ entrypoint: ["/i"] }, file("i", elf(tiniOf("0.19.0"), 62, "/lib64/ld-linux-x86-64.so.2"))),
    what: /\/i, tini 0.19.0, needs \/lib64\/ld-linux-x86-64.so.2, which is not in the image/,
    severity: "error",
    well: image(
      { entrypoint: ["/i"] },
      file("i", elf(tiniOf("0.19.0"), 62, "/lib64/ld-linux-x86-64.so.2")),
      symlink("lib64", "usr/lib64"),
      file("usr/lib64/ld-linux-x86-64.so.2", PROGRAM),
    ),
  },
  {
    rule: "SI012",
    name: "an init that may not be executed",
    spec: image({ entrypoint: ["/i"] }, file("i", TINI, 0o644)),
    what: /\/i, tini 0.19.0, may not be executed by anybody/,
    severity: "error",
    well: image({ entrypoint: ["/i"] }, file("i", TINI)),
  },
  {
    rule: "SI012",
    name: "an init that is not there",
    spec: image({ entrypoint: ["/usr/bin/tini", "--"] }),
    what: /\/usr\/bin\/tini, which ENTRYPOINT and CMD start, is not in the image/,
    severity: "error",
    well: withTini({ entrypoint: ["/usr/bin/tini", "--"] }),
  },
];

for (const { rule, name, spec, what, severity, well } of EXAMPLES) {
  test(`${rule}: ${name}`, async () => {
    const bad = await scanned(spec);
    const found = bad.findings.filter((each) => each.rule === rule);
    assert.ok(
      found.some((each) => what.test(each.what)),
      JSON.stringify(bad.findings, undefined, 1),
    );
    if (severity !== undefined) assert.equal(found.find((each) => what.test(each.what))?.severity, severity);
    assert.ok(!idsOf(await scanned(well)).includes(rule), `${rule} is found where it is not`);
  });
}

test("every rule has an example", () => {
  const shown = new Set(EXAMPLES.map(({ rule }) => rule));
  assert.deepEqual(
    SCAN_RULES.map(({ id }) => id).filter((id) => !shown.has(id)),
    [],
  );
});

test("the entry is followed through helpers and shells", async () => {
  const { chain } = await scanned(
    withTini(
      { entrypoint: ["/bin/sh", "-c", "exec tini -g -- su-exec app env /bin/server --port 1"], cmd: [] },
      file("bin/sh", PROGRAM),
      file("sbin/su-exec", PROGRAM),
      file("usr/bin/env", PROGRAM),
    ),
  );
  assert.deepEqual(chain, [
    "/bin/sh (shell)",
    "/usr/bin/tini (init)",
    "/sbin/su-exec (helper)",
    "/usr/bin/env (helper)",
    "/bin/server (program)",
  ]);
});

test("a Dockerfile tells the line, follows variables, and what is commented out checks nothing", () => {
  const text = [
    "FROM debian",
    "ARG TINI_VERSION=v0.19.0",
    `ENV TINI_SHA=${CHISEL}`,
    "RUN set -e; \\",
    `  curl -L https://github.com/krallin/tini/releases/download/${"$"}{TINI_VERSION}/tini-amd64 -o /tini; \\`,
    `  # echo "$TINI_SHA  /tini" | sha256sum -c -; \\`,
    '  echo "$TINI_SHA"; chmod +x /tini',
  ].join("\n");
  const [download] = downloadsIn(instructionsOf(text));
  assert.ok(download !== undefined);
  assert.deepEqual(
    [download.line, download.url, download.check, download.pins],
    [4, TINI_URL, undefined, [CHISEL]],
  );
  assert.deepEqual(wrongPins(download, new Known()), [{ pin: CHISEL, owner: "an archive of chisel" }]);
});

test("a release of steady is known with its key", async () => {
  const [signer, release] = [new Signer(), fresh()];
  mkdirSync(release);
  makeRelease(release, signer, { files: { "steady-x86-64": ELF } });
  const key = written(signer.minisignKey(), ".pub");
  const { inits } = await scanned(image(), {
    release,
    keys: [key],
    known: join(ROOT, "lab/data/known-inits.json"),
  });
  assert.equal(inits[0]?.verdict, "verified");
  await assert.rejects(scan({ image: STEADY, release }), /--release needs --key/);
});

test("--data replaces what is known of versions, and a report names its day", async () => {
  const data = {
    ...weaknesses,
    asOf: "2027-01-01",
    latest: { ...weaknesses.latest, tini: "0.20.0" },
    weaknesses: [
      { id: "X1", init: "tini", title: "x", versions: "<0.20.0", severity: "note", source: "a test" },
    ],
  };
  const { inits, report, findings } = await scanned(withTini(), {
    data: written(JSON.stringify(data), ".json"),
  });
  assert.deepEqual(
    [inits.find(({ isEntry }) => isEntry)?.weaknesses, report.weaknessesAsOf],
    [["X1"], "2027-01-01"],
  );
  assert.match(findings.find(({ rule }) => rule === "SI003")?.what ?? "", /last version is 0.20.0/);
  await assert.rejects(
    scan({ image: STEADY, data: written("{}", ".json") }),
    /is no list of weaknesses: asOf/,
  );
});

test("the table names the weaknesses of each init, of a row of them the first and the last", () => {
  const known = (id: string) => ({ ...weaknesses.weaknesses[0], id, versions: "all" });
  const data = { ...weaknesses, weaknesses: ["W1", "W9", "W10", "W11", "D1"].map(known) };
  const path = written(savedArchive(withTini()));
  const told = (...more: string[]) =>
    spawnSync(process.execPath, [BIN, "scan", path, ...more], { encoding: "utf8" }).stdout;
  assert.match(told(), /tini 0\.19\.0, [a-z]+, is started, weaknesses W1-W22$/m);
  const list = written(JSON.stringify(data), ".json");
  assert.match(told("--data", list), /tini 0\.19\.0, [a-z]+, is started, weaknesses W1, W9-W11, D1$/m);
});

test("versions are compared by their numbers, and each weakness names its source", () => {
  assert.ok(compareVersions("0.9.0", "0.19.0") < 0 && compareVersions("1.2", "1.2.0") === 0);
  assert.ok(compareVersions("0.19.0_steady-1.0.0", "0.19.0") === 0);
  const data = weaknessData();
  assert.equal(weaknessesOf(data, "tini", "0.19.0").length, 22);
  for (const { source } of data.weaknesses)
    assert.match(source, /(seen with|read in) (tini|dumb-init|catatonit) \d/);
});

test("OpenVEX is written for a steady without a C library, and for nothing else", async () => {
  const [vex, none] = [fresh(".json"), fresh(".json")];
  const with_ = written(savedArchive(image()));
  const without = written(savedArchive(withTini({ layers: [[file("usr/bin/tini", TINI)]] })));
  spawnSync(process.execPath, [BIN, "scan", with_, "--vex", vex]);
  const { stderr } = spawnSync(process.execPath, [BIN, "scan", without, "--vex", none], { encoding: "utf8" });
  const document = JSON.parse(readFileSync(vex, "utf8"));
  assert.equal(openvexErrors(document), undefined);
  const [first] = document.statements;
  assert.match(
    openvexErrors({ ...document, statements: [{ ...first, impact_statement: "both" }] }) ?? "",
    /oneOf/,
  );
  assert.match(openvexErrors({ ...document, statements: [] }) ?? "", /minItems/);
  assert.equal(document["@context"], "https://openvex.dev/ns/v0.2.0");
  assert.equal(document.statements.length, weaknesses.libcVulnerabilities.length);
  for (const { status, justification, products } of document.statements) {
    assert.deepEqual([status, justification], ["not_affected", "component_not_present"]);
    assert.match(products[0]["@id"], /^pkg:generic\/steady@1\.0\.0\?checksum=sha256:[0-9a-f]{64}$/);
  }
  assert.match(stderr, /there is no steady to speak of/);
  assert.throws(() => readFileSync(none));
});

test("--sarif follows the schema of SARIF 2.1.0; a result has its rule and a place", async () => {
  const { report } = await scanned(withTini({ entrypoint: ["/bin/server"] }));
  const text = scanSarif(report, { documents: "https://example.org/steady/", dockerfile: "Dockerfile" });
  const validate = new AjvDraft04.default({
    strict: false,
    unicodeRegExp: false,
    formats: { uri: URL.canParse, "uri-reference": true, "date-time": true },
  }).compile(schema);
  assert.ok(validate(JSON.parse(text)), JSON.stringify(validate.errors));
  const [run] = (JSON.parse(text) as Log).runs;
  assert.equal(run?.tool.driver.rules?.length, SCAN_RULES.length);
  for (const { ruleId, ruleIndex = -1, locations } of run?.results ?? []) {
    assert.equal(run?.tool.driver.rules?.[ruleIndex]?.id, ruleId);
    assert.equal(locations?.[0]?.physicalLocation?.artifactLocation?.uri, "Dockerfile");
  }
  assert.ok((run?.results?.length ?? 0) > 0);
});

test("--json follows its schema, which is the one that npm run lab:build writes", () => {
  const text = readFileSync(join(ROOT, "lab/schema/scan.schema.json"), "utf8");
  assert.ok(text === scanSchemaText(), "run it again");
  const validate = new Ajv2020().compile(JSON.parse(text));
  const archive = written(savedArchive(withTini()));
  const { stdout, status } = spawnSync(process.execPath, [BIN, "scan", archive, "--json"], {
    encoding: "utf8",
  });
  assert.ok(validate(JSON.parse(stdout)), JSON.stringify(validate.errors));
  assert.ok(!validate({ ...JSON.parse(stdout), images: [{}] }));
  assert.equal(status, 1);
});

/** What is no image, and what is said of it. */
const HOSTILE: readonly (readonly [string, () => string, RegExp])[] = [
  [
    "a tar archive that is cut short",
    () => written(savedArchive(image()).subarray(0, 9000)),
    /a tar archive is damaged/,
  ],
  ["an empty file", () => written(""), /there is nothing in|damaged/],
  ["a program", () => STEADY, /a tar archive is damaged|there is nothing in/],
  [
    "a gzip stream that is cut short",
    () => written(gzipSync(savedArchive(image())).subarray(0, 2000)),
    /cannot be unpacked/,
  ],
  [
    "a layer whose entries lead out of the image",
    () => written(savedArchive(image({ layers: [[file("../../etc/passwd", "x")]] }))),
    /an entry of a layer leads out of the image: \.\.\/\.\.\/etc\/passwd/,
  ],
  [
    "a hard link that leads out of the image",
    () => written(savedArchive(image({ layers: [[hardLink("x", "../../etc/passwd")]] }))),
    /leads out of the image/,
  ],
  [
    "a file that claims exabytes",
    () => written(tar([{ path: "x", content: "x", size: 2 ** 53 }])),
    /a tar archive is damaged/,
  ],
  [
    "a layer that is none",
    () => written(savedArchive(image()).fill(7, 512, 9000)),
    /a tar archive is damaged|cannot be unpacked/,
  ],
  ["a manifest that is no JSON", () => written(tar([file("manifest.json", "{")])), /JSON|position|property/],
  [
    "a manifest of brackets",
    () => written(tar([file("manifest.json", "[".repeat(100_000))])),
    /nested deeper/,
  ],
  [
    "a manifest that names what is not there",
    () => written(tar([file("manifest.json", '[{"Config":"x.json","Layers":[]}]')])),
    /the archive has no x.json/,
  ],
  [
    "an index that leads to itself",
    () => {
      const files = layoutFiles(image());
      const own = createHash("sha256").update("x").digest("hex");
      files.set("index.json", Buffer.from(JSON.stringify({ manifests: [{ digest: `sha256:${own}` }] })));
      files.set(
        `blobs/sha256/${own}`,
        Buffer.from(JSON.stringify({ manifests: [{ digest: `sha256:${own}` }] })),
      );
      const at = fresh();
      for (const [path, content] of files) {
        mkdirSync(dirname(join(at, path)), { recursive: true });
        writeFileSync(join(at, path), content);
      }
      return at;
    },
    /indexes lead to indexes without an end/,
  ],
  [
    "a blob that has another content than its name says",
    () => {
      const at = writeLayout(fresh(), image(), "none");
      const other = layoutFiles(image({}, file("more", "x")), "none");
      const own = [...layoutFiles(image(), "none")].filter(([path]) => path.startsWith("blobs/"));
      const [path] = own[0] ?? [""];
      const [, content] = [...other].find(([each]) => each.startsWith("blobs/")) ?? ["", Buffer.alloc(0)];
      writeFileSync(join(at, path), content);
      return at;
    },
    /has another content than its name says/,
  ],
  [
    "a folder that is a layout without an index",
    () => {
      const at = fresh();
      mkdirSync(at);
      writeFileSync(join(at, "oci-layout"), "{}");
      return at;
    },
    /the layout has no index.json/,
  ],
];

for (const [name, make, sentence] of HOSTILE) {
  test(`${name} ends in a sentence`, async () => {
    await assert.rejects(scan({ image: make() }), (error: Error) => {
      assert.equal(error.constructor.name, "PlaceError", error.stack);
      assert.match(error.message, /cannot be scanned: /);
      assert.match(error.message, sentence);
      return true;
    });
  });
}

test("links in a circle end, and lead nowhere", async () => {
  const { inits, findings } = await scanned(
    image(
      { entrypoint: ["/a/x"] },
      symlink("a", "b"),
      symlink("b", "a"),
      symlink("self", "self/self"),
      symlink("up", "../../.."),
    ),
  );
  assert.equal(inits.length, 1);
  assert.ok(
    findings.some(({ what }) => /\/a\/x, which ENTRYPOINT and CMD start, is not in the image/.test(what)),
  );
});

test("whatever bytes are given as an archive, and whatever one byte of an image is, the scan ends", async () => {
  const archive = savedArchive(
    image({ layers: [[file("sbin/tini", TINI), symlink("x", "sbin"), file("x/y", "")]] }),
  );
  const path = fresh(".tar");
  const ends = async (bytes: Buffer): Promise<void> => {
    writeFileSync(path, bytes);
    await scan({ image: path, known: knownFile }).catch((error: Error) => {
      assert.equal(error.constructor.name, "PlaceError", error.stack);
    });
  };
  await fc.assert(
    fc.asyncProperty(
      fc.nat(archive.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.nat(archive.length),
      async (at, mask, end) => {
        const bytes = Buffer.from(archive);
        bytes[at] = (bytes[at] ?? 0) ^ mask;
        await ends(bytes);
        await ends(bytes.subarray(0, end));
      },
    ),
    { numRuns: 200 },
  );
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 4096 }), (bytes) => ends(Buffer.from(bytes))),
    { numRuns: 100 },
  );
});

test("a tree of any changes can be walked, and every path that is found is inside", () => {
  const part = fc.constantFrom("a", "b", "c", "..", ".", "");
  const path = fc.array(part, { maxLength: 5 }).map((parts) => parts.join("/"));
  const safe = path.map((each) => each.replaceAll("..", "a"));
  const change = fc.oneof(
    fc.record({ path: safe, node: fc.record({ kind: fc.constant("link" as const), target: path }) }),
    fc.record({ path: safe, folder: fc.constant(true as const) }),
    fc.record({ path: safe, hardLink: safe }),
    fc.record({ path: safe, deleted: fc.constant(true as const) }),
    fc.record({ path: safe, opaque: fc.constant(true as const) }),
  );
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 12 }), { maxLength: 4 }), path, (layers, asked) => {
      const tree = new Tree();
      for (const layer of layers) tree.apply(layer);
      for (const { path: own } of tree.walk()) assert.ok(own.startsWith("/"));
      assert.ok((tree.find(asked)?.path ?? "/").split("/").every((each) => each !== ".."));
    }),
  );
  assert.throws(() => cleanPath("a/../b"), /leads out of the image/);
  assert.throws(() => cleanPath("a".repeat(5000)), /has a path of 5000 bytes/);
});

test("wrong usage is a sentence and status 64, an image that cannot be read is 2", () => {
  const asked: readonly (readonly [string[], number, RegExp])[] = [
    [[], 64, /nothing to scan: name an image, an archive or a folder, or write --docker/],
    [[STEADY, "--fail-on", "all"], 64, /failOn: Invalid option/],
    [[STEADY], 2, /cannot be scanned/],
  ];
  for (const [args, expected, words] of asked) {
    const { status, stderr } = spawnSync(process.execPath, [BIN, "scan", ...args], { encoding: "utf8" });
    assert.match(stderr, words);
    assert.equal(status, expected);
  }
});

test("docs/scan.md has a section for each rule, with its title and severity", () => {
  const text = readFileSync(join(ROOT, "docs/scan.md"), "utf8");
  for (const { id, title, severity } of SCAN_RULES)
    assert.ok(
      text.includes(`### ${id}\n\nSeverity: ${severity}. Holds where ${title}.\n`),
      `${id}: ${title}`,
    );
});
