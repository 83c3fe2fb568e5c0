// Servers of Debian, as PID 1: what is known of each was written down before it was asked. The rule: a server's own
// graceful signal is found by trying it, not by the server's name.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { CheckOptions, Report } from "../../lab/index.ts";
import { checkOf, findingOf, only } from "../lab/lib.ts";
import { needsProgram, needsRoot } from "../lib/process.ts";

/** What is known beforehand: rules by their verdict, and words that the advice of one must contain. */
interface Known {
  readonly failed?: readonly string[];
  readonly passed?: readonly string[];
  readonly advice?: readonly [rule: string, words: string];
}

function service(
  name: string,
  program: string,
  how: string,
  settings: (folder: string) => CheckOptions,
  known: Known,
): void {
  test(name, async (context) => {
    if (!needsRoot(context) || !needsProgram(context, program, `apt-get install ${how}`)) return;
    const options = settings(folderOf(context));
    const rules = [...(known.failed ?? []), ...(known.passed ?? [])];
    holds(await checkOf({ grace: "8s", ...options, ignore: only(...rules, "SL002") }), known);
  });
}

function holds(report: Report, { failed = [], passed = [], advice }: Known): void {
  const shown = report.findings.map(({ rule, verdict, what }) => `${rule} ${verdict}: ${what}`).join("\n");
  for (const rule of failed) assert.equal(findingOf(report, rule).verdict, "failed", shown);
  for (const rule of passed) assert.equal(findingOf(report, rule).verdict, "passed", shown);
  if (advice === undefined) return;
  const [rule, words] = advice;
  const { change, evidence } = findingOf(report, rule);
  assert.ok(change.includes(words), `${change}\n${evidence.join("\n")}`);
}

/** A folder that every user may read: servers give up being root. */
function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "steady-services-"));
  chmodSync(folder, 0o755);
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "index.html"), "hello\n");
  return folder;
}

function nginx(folder: string): string[] {
  const path = join(folder, "nginx.conf");
  const server = `server { listen 8080; root ${folder}; }`;
  writeFileSync(
    path,
    `daemon off; pid ${folder}/pid; error_log /dev/stderr; events {} http { access_log off; ${server} }\n`,
  );
  return ["nginx", "-c", path];
}

const STOPS = ["SL002", "SL004"];

service(
  "nginx drops slow clients on SIGTERM, and SIGQUIT is found to be its graceful signal",
  "nginx",
  "nginx-light",
  (folder) => ({ command: nginx(folder) }),
  { failed: ["SL014"], passed: STOPS, advice: ["SL014", "STOPSIGNAL SIGQUIT"] },
);

service(
  "nginx answers everybody where its stop signal is SIGQUIT",
  "nginx",
  "nginx-light",
  (folder) => ({ command: nginx(folder), stopSignal: "QUIT" }),
  { passed: [...STOPS, "SL014"] },
);

function apache(folder: string): string[] {
  const path = join(folder, "apache.conf");
  const modules = "/usr/lib/apache2/modules";
  mkdirSync(join(folder, "run"));
  const lines = [
    `ServerRoot ${folder}/run`,
    "ServerName localhost",
    "Listen 8080",
    `PidFile ${folder}/run/pid`,
    `DefaultRuntimeDir ${folder}/run`,
    `Mutex file:${folder}/run default`,
    "ErrorLog /dev/stderr",
    `LoadModule mpm_event_module ${modules}/mod_mpm_event.so`,
    `LoadModule authz_core_module ${modules}/mod_authz_core.so`,
    `DocumentRoot ${folder}`,
    "User www-data",
    "Group www-data",
  ];
  writeFileSync(path, `${lines.join("\n")}\n`);
  return ["apache2", "-f", path, "-DFOREGROUND"];
}

service(
  "apache2 drops slow clients on SIGTERM, and SIGWINCH is found to be its graceful signal, which ends it by surprise",
  "apache2",
  "apache2",
  (folder) => ({ command: apache(folder) }),
  { failed: ["SL014", "SL018"], passed: STOPS, advice: ["SL014", "STOPSIGNAL SIGWINCH"] },
);

service(
  "apache2 answers everybody where its stop signal is SIGWINCH",
  "apache2",
  "apache2",
  (folder) => ({ command: apache(folder), stopSignal: "WINCH" }),
  { passed: [...STOPS, "SL014"] },
);

function haproxy(folder: string, ...options: string[]): string[] {
  const path = join(folder, "haproxy.cfg");
  const answer = 'http-request return status 200 content-type text/plain string "ok"';
  const limits = "timeout client 30s\n timeout connect 5s\n timeout server 30s";
  writeFileSync(
    path,
    `global\n maxconn 100\ndefaults\n mode http\n ${limits}\nfrontend all\n bind :8080\n ${answer}\n`,
  );
  return ["haproxy", ...options, "-f", path];
}

service(
  "haproxy alone has no handler for SIGTERM, so as PID 1 it does not hear it",
  "haproxy",
  "haproxy",
  (folder) => ({ command: haproxy(folder), grace: "3s" }),
  { failed: ["SL002"] },
);

service(
  "haproxy answers everybody where its stop signal is SIGUSR1",
  "haproxy",
  "haproxy",
  (folder) => ({ command: haproxy(folder), stopSignal: "USR1" }),
  { passed: [...STOPS, "SL014"] },
);

function postgres(folder: string): CheckOptions {
  const [version = ""] = readdirSync("/usr/lib/postgresql");
  const bin = `/usr/lib/postgresql/${version}/bin`;
  const asPostgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];
  const home = join(folder, "pg");
  mkdirSync(home);
  execFileSync("chown", ["postgres", home]);
  const [setpriv = "", ...rest] = asPostgres;
  execFileSync(setpriv, [...rest, `${bin}/initdb`, "-D", `${home}/data`, "--no-sync"], { stdio: "ignore" });
  // Two of them on one folder would not do.
  const command = [...asPostgres, `${bin}/postgres`, "-D", `${home}/data`, "-k", home];
  return { command, parallel: 1 };
}

service(
  "postgresql waits for clients on SIGTERM, and SIGINT is found not to",
  "pg_lsclusters",
  "postgresql",
  postgres,
  { failed: ["SL016"], passed: ["SL002"], advice: ["SL016", "SIGINT"] },
);

service(
  "postgresql waits for no client where its stop signal is SIGINT",
  "pg_lsclusters",
  "postgresql",
  (folder) => ({ ...postgres(folder), stopSignal: "INT" }),
  { passed: ["SL002", "SL016"] },
);

service(
  "redis stops on SIGTERM and SIGINT, and as PID 1 reaps no orphan",
  "redis-server",
  "redis-server",
  (folder) => ({ command: ["redis-server", "--dir", folder, "--save", ""] }),
  { failed: ["SL013"], passed: [...STOPS, "SL005"] },
);

service(
  "cron has no handler for SIGTERM, so as PID 1 it does not hear it; under an init it does",
  "cron",
  "cron",
  () => ({ command: ["cron", "-f"], grace: "3s" }),
  { failed: ["SL002"], advice: ["SL002", "under steady it ended"] },
);
