// Good, but for what no program can do as PID 1: answers what has begun, then ends; idle clients have two seconds.
import { createServer } from "node:http";

// As one that compiles its templates first.
for (const over = Date.now() + 1000; Date.now() < over; );

const server = createServer((_request, response) => setTimeout(() => response.end("done\n"), 100));
server.listen(8080, () => console.log("listening"));

for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, stop);
for (const signal of ["SIGUSR1", "SIGHUP"]) process.on(signal, () => console.log(`${signal}: nothing to do`));

function stop() {
  server.close(() => process.exit(0));
  setTimeout(() => server.closeAllConnections(), 2000);
}
