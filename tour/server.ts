// The sample application of the tour: an HTTP server with a background worker, as people write them. It leaves orphans
// behind and never reaps them, since that is the init's work, and it ends gracefully when it is told to.

import { type ChildProcess, execFile, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the application reacts to, apart from being stopped. */
const HEARD = ["SIGHUP", "SIGUSR2", "SIGWINCH", "SIGCONT"] as const;

/** A command that goes on in the background when its shell has ended: an orphan, whose pid the shell says. */
const ORPHAN = "sleep 15 </dev/null >/dev/null 2>&1 & echo $!";

if (process.argv[2] === "worker") work();
else serve();

function serve(): void {
  const worker = fork(import.meta.filename, ["worker"]);
  const server = createServer((request, response) => answer(worker, request.url ?? "", response));
  server.listen(0, "127.0.0.1", () => {
    say(`listening on port ${(server.address() as AddressInfo).port}; the worker is process ${worker.pid}`);
  });
  for (const signal of HEARD) process.on(signal, () => say(`received ${signal}`));
  process.once("SIGTERM", () => {
    say("received SIGTERM: finishing what was asked, then the worker stops");
    server.close(() => worker.kill("SIGTERM"));
  });
  worker.on("exit", (code) => {
    say(`the worker ended with ${code}; goodbye`);
    process.exit(code === 0 ? 0 : 1);
  });
  // Nothing of the tour outlives it, however it ends.
  process.stdin.on("close", () => process.exit(1)).resume();
}

/** Lets a shell leave an orphan and the worker do a job; answers what came of both. */
function answer(worker: ChildProcess, url: string, response: ServerResponse): void {
  execFile("/bin/sh", ["-c", ORPHAN], (error, stdout) => {
    if (error !== null) {
      response.writeHead(500).end(String(error));
      return;
    }
    const hear = ({ job, result }: { job: string; result: string }) => {
      if (job !== url) return;
      worker.off("message", hear);
      response.end(JSON.stringify({ result, orphan: Number(stdout) }));
    };
    worker.on("message", hear);
    worker.send(url);
  });
}

function work(): void {
  let jobs = 0;
  process.on("message", (job: string) => {
    jobs++;
    process.send?.({ job, result: createHash("sha256").update(job).digest("hex") });
  });
  process.once("SIGTERM", () => {
    say(`the worker did ${jobs} jobs and puts its tools away`);
    process.exit(0);
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
