// Bad: waits for every client to leave by itself, those that say nothing included; and hears nothing while it starts.
import { createServer } from "node:http";

// As one that compiles its templates first.
for (const over = Date.now() + 1000; Date.now() < over; );

const server = createServer((_request, response) => response.end("done\n"));
server.listen(8080);
process.once("SIGTERM", () => server.close(() => process.exit(0)));
