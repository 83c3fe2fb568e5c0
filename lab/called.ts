// The words that call the lab where it stands, to be typed as they are. The rule: a command that is shown is whole, and works in
// the folder of the clone, or wherever the package is installed.

import { existsSync } from "node:fs";
import { quoted } from "./arena/quoted.ts";
import { RUNTIMES } from "./arena/runtime.ts";

const isClone = existsSync(new URL("../tools/lab.ts", import.meta.url));

/** In a clone by its script of package.json, installed by its own name. */
export const LAB = isClone ? "npm run lab --" : "npx steady-lab";
/** With nothing on stdout but what the lab says: npm would print the script's name. */
const LAB_ALONE = isClone ? "npm run --silent lab --" : "npx steady-lab";

/** Does one part of a command again, in containers of the engine that it was in. */
export function again(command: string, init: string, part: string, engine: string | undefined): string {
  const runtime = RUNTIMES.find((name) => engine?.toLowerCase().startsWith(name));
  const where = runtime === undefined ? "" : ` --runtime ${runtime}`;
  return `${LAB} ${command} ${word(init)} --only ${word(part)}${where}`;
}

/** Keeps the script of one part, which tells what it does, and plays it as the lab does, where that was in namespaces. Needs root. */
export function byHand(command: string, init: string, part: string): string {
  const file = word(`${part}.sh`);
  return `${LAB_ALONE} ${command} ${word(init)} --script ${word(part)} >${file} && unshare --pid --fork --kill-child --mount-proc -- sh ${file}`;
}

/** A word of a command line, in quotes where a shell would read more into it. */
export function word(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : quoted(text);
}
