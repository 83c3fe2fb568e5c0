// Debian packages beyond what a C compiler and util-linux bring: what `npm run test:all` and `npm run check -- --install`
// put on the machine, each with the reason for it. Nothing else in this repository installs anything outside its folder.

import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { ARCHITECTURES } from "../../tools/architectures.ts";
import { isThere, ToolError } from "../../tools/run.ts";

interface DebianPackage {
  readonly name: string;
  /** Whether the package is there is told by whether this can be run; of a path, by whether it exists. */
  readonly program: string;
  readonly why: string;
}

export const FOR_TESTS: readonly DebianPackage[] = [
  {
    name: "tini",
    program: "tini",
    why: "what steady stands in for: both are asked, and the answers compared",
  },
  {
    name: "dumb-init",
    program: "dumb-init",
    why: "what steady stands in for: both are asked, and the answers compared",
  },
  { name: "catatonit", program: "catatonit", why: "steady must know it as a parent that adopts orphans" },
  { name: "minisign", program: "minisign", why: "signs and verifies what the lab verifies and tests sign" },
  { name: "strace", program: "strace", why: "counts system calls, and stops the program at awkward moments" },
  { name: "gdb", program: "gdb", why: "takes the init over, and makes it call what it should not" },
  { name: "runc", program: "runc", why: "a real engine: containers as Docker starts them" },
  { name: "crun", program: "crun", why: "a real engine: containers as podman starts them" },
  { name: "podman", program: "podman", why: "a real engine, for what containers.conf says" },
  { name: "docker-compose", program: "docker-compose", why: "starts what a compose file says" },
  { name: "clang", program: "clang", why: "the other compiler" },
  { name: "procps", program: "kill", why: "its kill queues signals with values" },
  { name: "chromium", program: "chromium", why: "the page of a report, as a person and a keyboard meet it" },
  { name: "docker.io", program: "dockerd", why: "an engine of the tests' own, for images" },
  {
    name: "prometheus",
    program: "promtool",
    why: "checks the metrics of --status, and the rules for alerts",
  },
  {
    name: "prometheus-node-exporter",
    program: "prometheus-node-exporter",
    why: "reads the metrics as they are written for it",
  },
  {
    name: "python3-prometheus-client",
    program: "/usr/lib/python3/dist-packages/prometheus_client",
    why: "the strict parser of OpenMetrics",
  },
  { name: "skopeo", program: "skopeo", why: "reads the image of a release, as another than Docker" },
  { name: "lintian", program: "lintian", why: "judges the Debian packages of a release" },
  { name: "mmdebstrap", program: "mmdebstrap", why: "makes a Debian to install them in" },
  { name: "zsh", program: "zsh", why: "reads its completion" },
  { name: "fish", program: "fish", why: "completes with its completion" },
  { name: "man-db", program: "man", why: "renders the manual page" },
  { name: "nginx-light", program: "nginx", why: "a server to be checked: SIGQUIT is its graceful signal" },
  { name: "apache2", program: "apache2", why: "a server to be checked: SIGWINCH is its graceful signal" },
  { name: "haproxy", program: "haproxy", why: "a server to be checked: SIGUSR1 is its graceful signal" },
  { name: "postgresql", program: "pg_lsclusters", why: "a server to be checked: SIGTERM waits for clients" },
  { name: "redis-server", program: "redis-server", why: "a server to be checked, which behaves" },
  { name: "cron", program: "crontab", why: "a daemon to be checked, which does not hear SIGTERM" },
  { name: "qemu-system-x86", program: "qemu-system-x86_64", why: "boots older kernels" },
  { name: "qemu-user-static", program: "qemu-aarch64-static", why: "runs what is for other processors" },
  { name: "diffoscope-minimal", program: "diffoscope", why: "tells how two builds differ" },
  { name: "faketime", program: "faketime", why: "another time for the second of two builds" },
  { name: "disorderfs", program: "disorderfs", why: "another order of files for the second of two builds" },
  ...ARCHITECTURES.flatMap(({ name: architecture, packages, compiler: program }) =>
    packages.map((name) => ({ name, program, why: `compiles for ${architecture}` })),
  ),
];

export const FOR_CHECK: readonly DebianPackage[] = [
  { name: "clang-format", program: "clang-format", why: "how the C looks" },
  { name: "clang-tidy", program: "clang-tidy", why: "second opinion on the C" },
  { name: "cppcheck", program: "cppcheck", why: "third opinion on the C" },
];

/** Installs those that are missing: what is there is left alone. */
export function install(packages: readonly DebianPackage[]): void {
  const missing = packages.filter(
    ({ program }) => !(program.startsWith("/") ? existsSync(program) : isThere(program)),
  );
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name);
  for (const { name, why } of missing) process.stderr.write(`steady: installing ${name}: ${why}\n`);
  if (process.getuid?.() !== 0) {
    throw new ToolError(
      `Debian packages are missing, and only root installs them: apt-get install ${names.join(" ")}`,
    );
  }
  // The lists of a fresh image are empty, and those of an old one name versions that are gone.
  if (!aptInstall(names) && !(apt(["update"]) && aptInstall(names))) {
    throw new ToolError(`cannot install ${names.join(" ")}: see the lines of apt-get above`);
  }
}

/** What Debian asks whether a service may be started; see /usr/share/doc/init-system-helpers. */
const POLICY = "/usr/sbin/policy-rc.d";

/** Servers are installed to be checked, and are not started on the machine. */
function aptInstall(names: readonly string[]): boolean {
  const ours = !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return apt(["install", "-y", "--no-install-recommends", ...names]);
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}

/** Another apt-get may hold dpkg's lock for a while; its output is not ours. */
function apt(args: readonly string[]): boolean {
  const done = spawnSync("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=300", ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    stdio: ["ignore", 2, 2],
  });
  if (done.error !== undefined)
    throw new ToolError("there is no apt-get: this needs Debian or a relative of it");
  return done.status === 0;
}
