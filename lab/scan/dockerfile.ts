// ENTRYPOINT, CMD, USER, STOPSIGNAL and PATH of a Dockerfile's last stage, for an unpacked root that has no configuration.

import type { ImageConfig } from "./image.ts";
import { instructionsOf } from "./pins.ts";

export function configOfDockerfile(text: string): ImageConfig {
  let config: ImageConfig = { entrypoint: [], cmd: [], env: [], user: "", history: [] };
  for (const { text: instruction } of instructionsOf(text)) {
    const [, name = "", value = ""] = /^(\w+)\s+(.*)$/s.exec(instruction) ?? [];
    switch (name.toUpperCase()) {
      case "FROM":
        config = { entrypoint: [], cmd: [], env: [], user: "", history: [] };
        break;
      case "ENTRYPOINT":
        config = { ...config, entrypoint: commandOf(value), cmd: [] };
        break;
      case "CMD":
        config = { ...config, cmd: commandOf(value) };
        break;
      case "USER":
        config = { ...config, user: value.trim() };
        break;
      case "STOPSIGNAL":
        config = { ...config, stopSignal: value.trim() };
        break;
    }
  }
  return config;
}

/** A list in JSON, or a text for a shell. */
function commandOf(value: string): string[] {
  try {
    const list: unknown = JSON.parse(value);
    if (Array.isArray(list) && list.every((each) => typeof each === "string")) return list;
  } catch {
    // A text.
  }
  return ["/bin/sh", "-c", value.trim()];
}
