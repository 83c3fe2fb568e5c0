// Servers of Debian that are checked, as commands and in images: how each is set up, and how what was known of it
// beforehand is held against the report. A server finds all that it needs in the folder that it is given.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Report } from "../../lab/index.ts";
import { needsProgram } from "../lib/process.ts";
import { findingOf } from "./lib.ts";

/** What is known beforehand: rules by their verdict, and words that the advice of one must contain. */
export interface Known {
  readonly failed?: readonly string[];
  readonly passed?: readonly string[];
  readonly advice?: readonly [rule: string, words: string];
}

/** The rules to ask about, to hold what is known against the answer. */
export function rulesOf({ failed = [], passed = [] }: Known): string[] {
  return [...failed, ...passed, "SL002"];
}

export function holds(report: Report, { failed = [], passed = [], advice }: Known): void {
  const shown = report.findings.map(({ rule, verdict, what }) => `${rule} ${verdict}: ${what}`).join("\n");
  for (const rule of failed) assert.equal(findingOf(report, rule).verdict, "failed", shown);
  for (const rule of passed) assert.equal(findingOf(report, rule).verdict, "passed", shown);
  if (advice === undefined) return;
  const [rule, words] = advice;
  const { change, evidence } = findingOf(report, rule);
  assert.ok(change.includes(words), `${change}\n${evidence.join("\n")}`);
}

export interface Server {
  /** Tells whether the package is there. */
  readonly program: string;
  readonly debian: string;
  /** Sets it up in a folder, and answers the command. */
  readonly command: (folder: string) => string[];
  /** The account that the command is to be started as, where it refuses to be root. */
  readonly user?: string;
}

export function needsServer(context: TestContext, { program, debian }: Server): boolean {
  return needsProgram(context, program, `apt-get install ${debian}`);
}

/** A folder that every user may read: servers give up being root. */
export function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "steady-services-"));
  chmodSync(folder, 0o755);
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "index.html"), "hello\n");
  return folder;
}

export const NGINX: Server = {
  program: "nginx",
  debian: "nginx-light",
  command: (folder) => {
    const path = join(folder, "nginx.conf");
    const server = `server { listen 8080; root ${folder}; }`;
    writeFileSync(
      path,
      `daemon off; pid ${folder}/pid; error_log /dev/stderr; events {} http { access_log off; ${server} }\n`,
    );
    return ["nginx", "-c", path];
  },
};

export const APACHE_MODULES = ["mpm_event", "authz_core"].map(
  (name) => [`${name}_module`, `/usr/lib/apache2/modules/mod_${name}.so`] as const,
);

export const APACHE: Server = {
  program: "apache2",
  debian: "apache2",
  command: (folder) => {
    const path = join(folder, "apache.conf");
    mkdirSync(join(folder, "run"));
    const lines = [
      `ServerRoot ${folder}/run`,
      "ServerName localhost",
      "Listen 8080",
      `PidFile ${folder}/run/pid`,
      `DefaultRuntimeDir ${folder}/run`,
      `Mutex file:${folder}/run default`,
      "ErrorLog /dev/stderr",
      ...APACHE_MODULES.map(([name, file]) => `LoadModule ${name} ${file}`),
      `DocumentRoot ${folder}`,
      "User www-data",
      "Group www-data",
    ];
    writeFileSync(path, `${lines.join("\n")}\n`);
    return ["apache2", "-f", path, "-DFOREGROUND"];
  },
};

export const HAPROXY: Server = {
  program: "haproxy",
  debian: "haproxy",
  command: (folder) => {
    const path = join(folder, "haproxy.cfg");
    const answer = 'http-request return status 200 content-type text/plain string "ok"';
    const limits = "timeout client 30s\n timeout connect 5s\n timeout server 30s";
    writeFileSync(
      path,
      `global\n maxconn 100\ndefaults\n mode http\n ${limits}\nfrontend all\n bind :8080\n ${answer}\n`,
    );
    return ["haproxy", "-f", path];
  },
};

export const POSTGRES: Server = {
  program: "pg_lsclusters",
  debian: "postgresql",
  user: "postgres",
  command: (folder) => {
    const [version = ""] = readdirSync("/usr/lib/postgresql");
    const bin = `/usr/lib/postgresql/${version}/bin`;
    const home = join(folder, "pg");
    mkdirSync(home);
    execFileSync("chown", ["postgres", home]);
    const [setpriv = "", ...rest] = as("postgres", [`${bin}/initdb`, "-D", `${home}/data`]);
    // Small, and the same wherever it runs.
    const options = ["--no-sync", "--no-locale", "--wal-segsize=1"];
    execFileSync(setpriv, [...rest, ...options], { stdio: "ignore", env: { ...process.env, TZ: "UTC" } });
    // What a stop writes does not wait for a busy disk, which would look like a stop that waits for clients.
    return [`${bin}/postgres`, "-D", `${home}/data`, "-k", home, "-c", "fsync=off"];
  },
};

/** The command, started by root as another account. */
export function as(user: string, command: readonly string[]): string[] {
  return ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups", ...command];
}

export const REDIS: Server = {
  program: "redis-server",
  debian: "redis-server",
  command: (folder) => ["redis-server", "--dir", folder, "--save", ""],
};

export const CRON: Server = { program: "cron", debian: "cron", command: () => ["cron", "-f"] };
