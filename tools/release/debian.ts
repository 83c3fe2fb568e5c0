// Debian packages, by dpkg-deb: `steady`, and `steady-tini`, which puts it in the place of Debian's own tini. The names are
// a package of their own because /usr/bin/tini is tini's. There is no docker-init: Debian's docker.io has that name, as a
// link to tini-static, which leads here where steady-tini is. No package runs anything when it is installed.

import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ARCHITECTURES } from "../architectures.ts";
import { run } from "../run.ts";
import { gzip, take } from "./archives.ts";
import type { Facts } from "./facts.ts";

/** As Debian calls them. */
export const DEBIAN_NAMES: Readonly<Record<string, string>> = {
  "x86-64": "amd64",
  arm64: "arm64",
  armv7: "armhf",
  i386: "i386",
  riscv64: "riscv64",
  ppc64le: "ppc64el",
};

/** The version of tini whose options and behaviour the name has; docker.io and others ask for tini by name. */
const TINI = "0.19.0";
/** Both names of Debian's tini; the second is its static build, as steady always is. */
const NAMES = ["tini", "tini-static"] as const;
const MANUAL = "usr/share/man/man8/steady.8";
/** Where Debian's shells and man(1) look. */
const MANUALS: Readonly<Record<string, string>> = {
  [MANUAL]: "docs/steady.8",
  "usr/share/bash-completion/completions/steady": "docs/completions/steady.bash",
  "usr/share/zsh/vendor-completions/_steady": "docs/completions/_steady",
  "usr/share/fish/vendor_completions.d/steady.fish": "docs/completions/steady.fish",
};
const TEXT = 0o644;
const COLUMNS = 80;

/** What a package is made of: its control fields, and its files by path below the root. */
interface Content {
  readonly package: "steady" | "steady-tini";
  readonly relations: Readonly<Record<string, string>>;
  readonly description: readonly [string, ...string[]];
  readonly fill: (root: string) => void;
}

/** NAME_VERSION_ARCHITECTURE.deb for each package and architecture; answers the names. */
export function writeDebianPackages(tree: string, facts: Facts, work: string, out: string): string[] {
  return ARCHITECTURES.flatMap(({ name }) => {
    const program = join(tree, "dist", name, "steady");
    return contents(tree, facts, program).map((content) => {
      const root = join(work, `${content.package}-${name}`);
      return pack(content, facts, DEBIAN_NAMES[name] ?? "", root, out);
    });
  });
}

function contents(tree: string, facts: Facts, program: string): readonly Content[] {
  return [
    {
      package: "steady",
      relations: {},
      description: [
        "init for containers that survives what is sent to it",
        "steady is PID 1 of a container: it starts one program, forwards signals to",
        "it, reaps what dies, and ends with its status. Its options are tini's, and",
        "called by the name of tini it behaves as tini does.",
      ],
      fill: (root) => {
        take(program, join(root, "usr/bin/steady"), 0o755);
        // It has no libc to link to, and is the smaller for it; what an update of libc6 mends is not in it.
        override(root, "steady", ["statically-linked-binary [usr/bin/steady]"]);
        for (const [to, from] of Object.entries(MANUALS)) take(join(tree, from), join(root, to), TEXT);
        gzip(join(root, MANUAL));
        documents(tree, facts, root, "steady");
      },
    },
    {
      package: "steady-tini",
      relations: {
        Depends: `steady (= ${facts.version})`,
        Provides: `tini (= ${TINI})`,
        Conflicts: "tini",
        Replaces: "tini",
      },
      description: [
        "steady in the place of tini",
        "The names tini and tini-static for steady, for whatever starts or depends",
        "on tini: scripts, images, and docker.io, whose docker-init is tini-static.",
      ],
      fill: (root) => {
        mkdirSync(join(root, "usr/bin"), { recursive: true });
        mkdirSync(join(root, dirname(MANUAL)), { recursive: true });
        for (const name of NAMES) {
          symlinkSync("steady", join(root, "usr/bin", name));
          symlinkSync("steady.8.gz", join(root, dirname(MANUAL), `${name}.8.gz`));
        }
        documents(tree, facts, root, "steady-tini");
      },
    },
  ];
}

/** dpkg-deb takes no time later than SOURCE_DATE_EPOCH, which all are, and no owner but root. */
function pack(content: Content, facts: Facts, architecture: string, root: string, out: string): string {
  content.fill(root);
  const fields = {
    Package: content.package,
    Version: facts.version,
    Architecture: architecture,
    Maintainer: maintainer(facts),
    "Installed-Size": installedKiB(root),
    ...content.relations,
    Section: "admin",
    Priority: "optional",
    ...(facts.repository === undefined ? {} : { Homepage: `https://github.com/${facts.repository}` }),
    Description: content.description.join("\n "),
  };
  const control = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
  text(join(root, "DEBIAN/control"), control.join(""));
  text(join(root, "DEBIAN/md5sums"), md5sums(root));
  run("chmod", ["-R", "u=rwX,go=rX", root]);
  const name = `${content.package}_${facts.version}_${architecture}.deb`;
  // One thread: xz cuts what it compresses by their number.
  const options = ["--root-owner-group", "-Zxz", "-z9", "--threads-max=1", "--build", root, join(out, name)];
  run("dpkg-deb", options, {
    env: { ...process.env, LC_ALL: "C", SOURCE_DATE_EPOCH: `${facts.epochSeconds}` },
  });
  return name;
}

/** As deb-substvars(5) counts: files by the KiB, and one for whatever else is there. */
function installedKiB(root: string): string {
  const entries = readdirSync(root, { withFileTypes: true, recursive: true });
  const sizes = entries.map((entry) =>
    entry.isFile() ? Math.ceil(statSync(join(entry.parentPath, entry.name)).size / 1024) : 1,
  );
  return `${sizes.reduce((sum, size) => sum + size, 0)}`;
}

/** dpkg asks for somebody to write to: GitHub's address for whoever owns the repository. */
function maintainer({ repository = "steady/steady" }: Facts): string {
  return `The steady authors <${repository.split("/")[0]}@users.noreply.github.com>`;
}

/** The sums that `dpkg --verify` compares. */
function md5sums(root: string): string {
  const files = run("find", ["usr", "-type", "f"], { cwd: root }).stdout.split("\n").filter(Boolean).sort();
  return run("md5sum", files, { cwd: root }).stdout;
}

function documents(tree: string, facts: Facts, root: string, name: string): void {
  const folder = join(root, "usr/share/doc", name);
  text(join(folder, "copyright"), copyright(readFileSync(join(tree, "LICENSE"), "utf8")));
  text(join(folder, "changelog"), changelog(tree, facts, name));
  gzip(join(folder, "changelog"));
}

/** https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/ */
function copyright(license: string): string {
  const [, owner = ""] = /^Copyright \(c\) (.*)$/m.exec(license) ?? [];
  const body = license.slice(license.indexOf("Permission is hereby")).trimEnd();
  const lines = body.split("\n").map((line) => (line === "" ? " ." : ` ${line}`));
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: steady

Files: *
Copyright: ${owner}
License: Expat

License: Expat
${lines.join("\n")}
`;
}

/** What CHANGELOG.md says of this version, in the form that deb-changelog(5) has. */
function changelog(tree: string, facts: Facts, name: string): string {
  const sections = readFileSync(join(tree, "CHANGELOG.md"), "utf8").split(/^## /m);
  const section = sections.find((each) => each.startsWith(`${facts.version} `)) ?? "";
  const items = section.split(/^- /m).slice(1).map(folded);
  const when = new Date(facts.epochSeconds * 1000).toUTCString().replace("GMT", "+0000");
  return `${name} (${facts.version}) unstable; urgency=medium

${items.join("\n")}

 -- ${maintainer(facts)}  ${when}
`;
}

/** One item, in lines of at most COLUMNS. */
function folded(item: string): string {
  const lines = ["  *"];
  for (const word of item.trim().split(/\s+/)) {
    const last = lines.pop() ?? "";
    if (last.length + 1 + word.length <= COLUMNS) lines.push(`${last} ${word}`);
    else lines.push(last, `    ${word}`);
  }
  return lines.join("\n");
}

function override(root: string, name: string, tags: readonly string[]): void {
  text(join(root, "usr/share/lintian/overrides", name), tags.map((tag) => `${name}: ${tag}\n`).join(""));
}

function text(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content, { mode: TEXT });
}
