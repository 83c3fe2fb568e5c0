// Bad: leaves at once on SIGTERM, whatever it was answering; hears nothing while it starts; and SIGUSR1 opens its debugger.
import { createServer } from "node:http";

// As one that compiles its templates first.
for (const over = Date.now() + 1000; Date.now() < over; );

const server = createServer((_request, response) => setTimeout(() => response.end("done\n"), 100));
server.listen(8080);
process.once("SIGTERM", () => process.exit(0));
process.once("SIGQUIT", () => {
  server.close(() => process.exit(0));
  setTimeout(() => server.closeAllConnections(), 2000);
});
