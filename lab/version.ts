// The lab's own version, as its package.json has it.

import { readFileSync } from "node:fs";

export function versionOfLab(): string {
  // Beside the sources in the repository, one folder above the JavaScript as it is published.
  for (const path of ["./package.json", "../package.json"]) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as {
        name: string;
        version: string;
      };
      if (manifest.name === "steady-lab") return manifest.version;
    } catch {
      // Not there.
    }
  }
  return "unknown";
}
