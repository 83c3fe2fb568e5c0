// Bad: waits for every client to leave by itself, those that say nothing included.
import { createServer } from "node:http";

const server = createServer((_request, response) => response.end("done\n"));
server.listen(8080);
process.once("SIGTERM", () => server.close(() => process.exit(0)));
