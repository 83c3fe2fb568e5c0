// Servers of Debian, as PID 1: what is known of each was written down before it was asked. The rule: a server's own
// graceful signal is found by trying it, not by the server's name.

import { test } from "node:test";
import type { CheckOptions } from "../../lab/index.ts";
import { checkOf, only } from "../lab/lib.ts";
import {
  APACHE,
  as,
  CRON,
  folderOf,
  HAPROXY,
  holds,
  type Known,
  NGINX,
  needsServer,
  POSTGRES,
  REDIS,
  rulesOf,
  type Server,
} from "../lab/servers.ts";
import { needsRoot } from "../lib/process.ts";
import { twice } from "../lib/twice.ts";

function service(name: string, server: Server, settings: CheckOptions, known: Known): void {
  test(name, async (context) => {
    if (!needsRoot(context) || !needsServer(context, server)) return;
    const own = server.command(folderOf(context));
    const command = server.user === undefined ? own : as(server.user, own);
    const options = { grace: "8s", command, ...settings, ignore: only(...rulesOf(known)) } as const;
    await twice(async () => holds(await checkOf(options), known));
  });
}

const STOPS = ["SL002", "SL004"];
/** Two of them on one folder would not do. */
const ALONE = { parallel: 1 };

service(
  "nginx drops slow clients on SIGTERM, and SIGQUIT is found to be its graceful signal",
  NGINX,
  {},
  { failed: ["SL014"], passed: STOPS, advice: ["SL014", "STOPSIGNAL SIGQUIT"] },
);

service(
  "nginx answers everybody where its stop signal is SIGQUIT",
  NGINX,
  { stopSignal: "QUIT" },
  { passed: [...STOPS, "SL014"] },
);

service(
  "apache2 drops slow clients on SIGTERM, and SIGWINCH is found to be its graceful signal, which ends it by surprise",
  APACHE,
  {},
  { failed: ["SL014", "SL018"], passed: STOPS, advice: ["SL014", "STOPSIGNAL SIGWINCH"] },
);

service(
  "apache2 answers everybody where its stop signal is SIGWINCH",
  APACHE,
  { stopSignal: "WINCH" },
  { passed: [...STOPS, "SL014"] },
);

service(
  "haproxy alone has no handler for SIGTERM, so as PID 1 it does not hear it",
  HAPROXY,
  { grace: "3s" },
  { failed: ["SL002"] },
);

service(
  "haproxy answers everybody where its stop signal is SIGUSR1",
  HAPROXY,
  { stopSignal: "USR1" },
  { passed: [...STOPS, "SL014"] },
);

service("postgresql waits for clients on SIGTERM, and SIGINT is found not to", POSTGRES, ALONE, {
  failed: ["SL016"],
  passed: ["SL002"],
  advice: ["SL016", "SIGINT"],
});

service(
  "postgresql waits for no client where its stop signal is SIGINT",
  POSTGRES,
  { ...ALONE, stopSignal: "INT" },
  { passed: ["SL002", "SL016"] },
);

service(
  "redis stops on SIGTERM and SIGINT, and as PID 1 reaps no orphan",
  REDIS,
  {},
  { failed: ["SL013"], passed: [...STOPS, "SL005"] },
);

service(
  "cron has no handler for SIGTERM, so as PID 1 it does not hear it; under an init it does",
  CRON,
  { grace: "3s" },
  { failed: ["SL002"], advice: ["SL002", "under steady it ended"] },
);
