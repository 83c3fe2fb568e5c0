// What a release has for those who install it: the npm package, as npm packs, installs and runs it, and the Debian
// packages, as lintian reads them and as dpkg and apt install them in a root of their own. The tests of a whole release
// call these with its folder.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { ARCHITECTURES } from "../../tools/architectures.ts";
import { ROOT } from "../../tools/build.ts";
import { DEBIAN_NAMES, writeDebianPackages } from "../../tools/release/debian.ts";
import { checkBlock, commandsOf, shellBlocks } from "./blocks.ts";
import { freshFolder } from "./build.ts";
import { freshEnvironment } from "./fresh.ts";
import { needsProgram, needsRoot } from "./process.ts";

interface Made {
  readonly folder: string;
  readonly version: string;
  readonly ready: (context: TestContext) => boolean;
}

const text = (command: string, args: readonly string[], cwd?: string): string =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

export function npmPackageTests({ folder, version, ready }: Made): void {
  const tarball = join(folder, `steady-lab-${version}.tgz`);

  test("npm: the package is what npm itself would pack, for every system, and runs nothing when it is installed", (context) => {
    if (!ready(context)) return;
    const work = freshFolder("npm-unpacked");
    text("tar", ["-xzf", tarball, "-C", work]);
    const root = join(work, "package");
    const listed = text("tar", ["-tvzf", tarball])
      .trimEnd()
      .split("\n")
      .filter((line) => !line.startsWith("d"));
    const [packed] = JSON.parse(text("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], root)) as [
      { files: { path: string }[] },
    ];
    const names = listed.map((line) => line.slice(line.indexOf("package/") + "package/".length));
    assert.deepEqual(names.sort(), packed.files.map(({ path }) => path).sort());
    const executable = listed
      .filter((line) => line.startsWith("-rwxr-xr-x"))
      .map((line) => line.split("package/")[1]);
    assert.deepEqual(
      executable.sort(),
      ["dist/bin.js", ...ARCHITECTURES.map(({ name }) => `dist/programs/${name}/steady`)].sort(),
    );
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>;
    assert.equal(manifest.version, version);
    for (const key of ["scripts", "os", "cpu", "private"]) assert.ok(!(key in manifest), key);
    assert.ok(
      names.every((name) => !/\.ts$/.test(name) || name.endsWith(".d.ts")),
      "it has TypeScript in it",
    );
    for (const { name } of ARCHITECTURES)
      assert.ok(
        readFileSync(join(root, "dist/programs", name, "steady")).equals(
          readFileSync(join(folder, `steady-${name}`)),
        ),
        `${name} is not the release's`,
      );
  });

  test("npm: in an empty project it is installed, gives programs, and checks with its own steady", (context) => {
    if (!ready(context)) return;
    const project = freshFolder("npm-project");
    writeFileSync(join(project, "package.json"), '{ "name": "empty", "private": true, "type": "module" }\n');
    const flags = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
    text("npm", ["install", ...flags, tarball], project);
    const lab = (...args: string[]) =>
      spawnSync(process.execPath, ["node_modules/.bin/steady-lab", ...args], {
        cwd: project,
        encoding: "utf8",
      });
    for (const { name } of ARCHITECTURES) {
      const { status, stderr } = lab("install", "--arch", name, "--out", `steady-${name}`);
      assert.equal(status, 0, stderr);
      assert.ok(
        readFileSync(join(project, `steady-${name}`)).equals(readFileSync(join(folder, `steady-${name}`))),
      );
    }
    writeFileSync(
      join(project, "use.mjs"),
      'import { ARCHITECTURES, install, program } from "steady-lab";\n' +
        "for (const each of ARCHITECTURES) console.log(program(each).sha256);\n" +
        'console.log(install({ arch: "arm64", out: "again" }).sha256);\n',
    );
    const digests = text(process.execPath, ["use.mjs"], project).trimEnd().split("\n");
    const sums = readFileSync(join(folder, "SHA256SUMS"), "utf8");
    for (const [index, { name }] of ARCHITECTURES.entries())
      assert.ok(sums.includes(`${digests[index]}  steady-${name}\n`), name);
    assert.equal(digests.at(-1), digests[ARCHITECTURES.findIndex(({ name }) => name === "arm64")]);
    const found = text(process.execPath, ["node_modules/.bin/steady-lab", "scan", "--help"], project);
    assert.match(found, /find every init in an image/);
    const program = join(project, "node_modules/steady-lab/dist/programs/arm64/steady");
    writeFileSync(program, Buffer.concat([readFileSync(program), Buffer.from("more")]));
    const spoiled = lab("install", "--arch", "arm64", "--out", "spoiled");
    assert.deepEqual([spoiled.status, existsSync(join(project, "spoiled"))], [2, false]);
    assert.match(spoiled.stderr, /is not the file that was published: install steady-lab again/);
  });
}

/** docs/install.md as somebody follows it who has the files, the public key and a Node that the lab runs on. */
export function installTests({ folder, ready }: Made, publicKey: string): void {
  test("docs/install.md: every command does what is printed below it, in the folder with the files", (context) => {
    if (!ready(context) || !needsProgram(context, "minisign", "apt-get install minisign")) return;
    const work = freshFolder("install-document");
    cpSync(folder, work, { recursive: true });
    cpSync(publicKey, join(work, "steady.pub"));
    const fresh = freshEnvironment();
    const environment = { ...fresh, PATH: `${dirname(process.execPath)}:${fresh.PATH}` };
    const blocks = shellBlocks(readFileSync(join(ROOT, "docs/install.md"), "utf8"));
    assert.ok(blocks.length >= 3);
    for (const block of blocks) checkBlock("docs/install.md", work, commandsOf(block), environment);
  });
}

export function debianPackageTests({ folder, version, ready }: Made): void {
  const packages = (ending: string): string[] =>
    ["steady", "steady-tini"].map((name) => `${name}_${version}_${ending}.deb`);

  test("Debian: lintian finds nothing in the packages of any architecture", (context) => {
    if (!ready(context) || !needsProgram(context, "lintian", "apt-get install lintian")) return;
    const all = Object.values(DEBIAN_NAMES).flatMap(packages);
    const found = spawnSync(
      "lintian",
      ["--tag-display-limit", "0", "--fail-on", "error,warning,info", ...all],
      {
        cwd: folder,
        encoding: "utf8",
      },
    );
    assert.deepEqual([found.status, found.stdout], [0, ""], found.stderr);
  });

  test("Debian: each package has the program of its architecture", (context) => {
    if (!ready(context)) return;
    for (const { name } of ARCHITECTURES) {
      const root = freshFolder("deb-unpacked");
      const [file = ""] = packages(DEBIAN_NAMES[name] ?? "");
      text("dpkg-deb", ["-x", join(folder, file), root]);
      assert.equal(text("dpkg-deb", ["-f", join(folder, file), "Architecture"]).trim(), DEBIAN_NAMES[name]);
      assert.ok(
        readFileSync(join(root, "usr/bin/steady")).equals(readFileSync(join(folder, `steady-${name}`))),
      );
    }
  });

  test("Debian: in a root of its own steady-tini takes tini's place, is upgraded, and leaves as it came", (context) => {
    if (!ready(context) || !needsRoot(context)) return;
    if (!needsProgram(context, "mmdebstrap", "apt-get install mmdebstrap")) return;
    const root = join(freshFolder("deb-root"), "root");
    context.after(() => rmSync(root, { recursive: true, force: true }));
    text("mmdebstrap", ["--mode=root", "--variant=apt", "--include=tini", "bookworm", root]);
    const inside = (script: string): string => text("chroot", [root, "sh", "-ec", script]).trim();
    const apt = (...args: string[]): string =>
      inside(`export DEBIAN_FRONTEND=noninteractive; apt-get -q -y ${args.join(" ")} 2>&1`);
    for (const file of packages("amd64")) cpSync(join(folder, file), join(root, file));
    const told = (command: string): string => inside(`${command} 2>/dev/null || :`);
    assert.match(told("tini --version"), /^tini version 0\.19\.0/);

    // Somebody depends on tini, and somebody has a link to it, as docker.io has.
    dependant(root);
    inside("dpkg -i /needs-tini.deb");
    symlinkSync("tini-static", join(root, "usr/bin/docker-init"));
    apt("install", ...packages("amd64").map((file) => `./${file}`));
    assert.match(told("tini --version"), new RegExp(`^tini version 0\\.19\\.0_steady-${version}$`));
    assert.match(told("docker-init --version"), new RegExp(`_steady-${version}$`));
    assert.equal(told("tini -s -- sh -c 'exit 7' || echo $?"), "7");
    assert.match(told(`dpkg-query -W -f '\${db:Status-Status}' tini`), /^(not-installed|config-files)?$/);
    inside("dpkg --audit; dpkg --verify steady steady-tini; apt-get check");
    assert.equal(inside("dpkg --verify steady steady-tini"), "");
    for (const file of ["man/man8/steady.8.gz", "man/man8/tini.8.gz", "bash-completion/completions/steady"])
      assert.ok(existsSync(join(root, "usr/share", file)), file);

    const next = `${version.replace(/\d+$/, (patch) => `${Number(patch) + 1}`)}`;
    for (const file of later(next)) cpSync(file, join(root, file.slice(file.lastIndexOf("/") + 1)));
    apt("install", `./steady_${next}_amd64.deb`, `./steady-tini_${next}_amd64.deb`);
    assert.equal(inside(`dpkg-query -W -f '\${Version}' steady-tini`), next);
    assert.equal(told("tini -s -- sh -c 'exit 7' || echo $?"), "7");

    apt("remove", "needs-tini", "steady-tini");
    assert.equal(told("command -v tini"), "");
    assert.match(told("steady --version"), new RegExp(`^steady version ${version}`));
    apt("purge", "steady");
    const left = readdirSync(join(root, "usr"), { recursive: true, encoding: "utf8" });
    assert.deepEqual(
      left.filter((path) => path.includes("steady")),
      [],
    );
  });

  /** The same programs as packages of a later version. */
  function later(next: string): string[] {
    const [out, work] = [freshFolder("deb-later"), freshFolder("deb-later-work")];
    const tree = freshFolder("deb-later-tree");
    for (const name of ["docs", "LICENSE", "CHANGELOG.md"])
      cpSync(join(ROOT, name), join(tree, name), { recursive: true });
    for (const { name } of ARCHITECTURES) {
      mkdirSync(join(tree, "dist", name), { recursive: true });
      cpSync(join(folder, `steady-${name}`), join(tree, "dist", name, "steady"));
    }
    const facts = { version: next, commit: "", epochSeconds: 1_767_323_040 };
    const names = writeDebianPackages(tree, facts, work, out);
    return names.filter((name) => name.endsWith("_amd64.deb")).map((name) => join(out, name));
  }

  function dependant(root: string): void {
    const work = join(freshFolder("deb-dependant"), "needs-tini");
    mkdirSync(join(work, "DEBIAN"), { recursive: true });
    writeFileSync(
      join(work, "DEBIAN/control"),
      "Package: needs-tini\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\n" +
        "Depends: tini (>= 0.18)\nDescription: a package that depends on tini\n",
    );
    text("dpkg-deb", ["--root-owner-group", "--build", work, join(root, "needs-tini.deb")]);
  }
}
