#!/usr/bin/env node
// The door: looks at the version of Node before anything is loaded that an old one could not read.

const NEEDED = [22, 18];
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `steady-lab: Node ${process.versions.node} is too old: install Node ${NEEDED.join(".")} or newer`,
  );
  process.exitCode = 64;
} else {
  const { main } = await import("./main.ts");
  process.exitCode = await main(process.argv.slice(2));
}
