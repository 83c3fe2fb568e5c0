// When a program is ready to be asked to stop: by what the user said, or else when it listens on a port, or has come to
// rest. The rule: what was waited for is told, so that a wrong guess can be seen.

import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Life } from "./life.ts";
import type { Ready } from "./settings.ts";

const READY_MS_MAX = 60_000;
/** Not more than this much of one processor is rest. */
const REST_SHARE_MAX = 0.25;
const TICK_MS = 10;
const REST_MS = 1_000;
const REST_LISTENING_MS = 250;
/** Something that never comes to rest is ready, too. */
const BUSY_MS_MAX = 10_000;
const ASK_MS = 100;

/** The visitor is TypeScript in the repository, and JavaScript as it is published. */
export const VISITOR = fileURLToPath(
  new URL(`./visitor${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url),
);

/** Ports that the program listened on when it was ready in an earlier life: then that is waited for. */
export async function waitReady(life: Life, ready: Ready, ports: readonly number[] = []): Promise<boolean> {
  const how = await (ready.kind === "auto" ? automatic(life, ports) : asSaid(life, ready));
  if (how === undefined || life.end !== undefined) return false;
  life.ready = { atMs: life.now, how };
  life.add({ atMs: life.now, kind: "ready", how });
  return true;
}

async function asSaid(life: Life, ready: Exclude<Ready, { kind: "auto" }>): Promise<string | undefined> {
  const over = (condition: () => boolean) =>
    life.until(() => life.end !== undefined || condition(), READY_MS_MAX);
  if (ready.kind === "after") {
    const since = life.now;
    return (await over(() => life.now - since >= ready.ms)) ? ready.text : undefined;
  }
  if (ready.kind === "tcp")
    return (await over(() => listens(life, ready.port))) ? `it listens on port ${ready.port}` : undefined;
  if (ready.kind === "log")
    return (await over(() => life.lines.some((line) => ready.pattern.test(line)))) ? ready.text : undefined;
  return (await answers(life, ready.url)) ? `${ready.url} answers` : undefined;
}

function listens(life: Life, port: number): boolean {
  return life.listeners.some((listener) => listener.port === port);
}

/** Asks until there is an answer that is no failure of the server's. */
async function answers(life: Life, url: string): Promise<boolean> {
  const deadline = life.now + READY_MS_MAX;
  while (life.now < deadline && life.end === undefined) {
    if (await answersOnce(life, url)) return true;
    await sleep(ASK_MS);
  }
  return false;
}

function answersOnce(life: Life, url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const visitor = life.box.visit(VISITOR, ["ask", url]);
    visitor.on("error", () => resolve(false));
    visitor.on("close", (status) => resolve(status === 0));
  });
}

/**
 * Rest is a while in which hardly anybody used a processor or waited for one: on a busy machine a program that is
 * starting may get none for a second.
 */
async function automatic(life: Life, ports: readonly number[]): Promise<string | undefined> {
  const began = life.now;
  let window = { since: life.now, ticks: life.cpuTicks, looks: 0, running: 0 };
  while (life.end === undefined) {
    const open = life.listeners.map(({ port }) => port);
    const over = life.now - began > BUSY_MS_MAX;
    if (ports.length > 0) {
      if (ports.every((port) => open.includes(port))) return listensOn(open);
      if (over) return undefined;
    }
    if (over) return "it runs, and does not come to rest";
    const wholeMs = life.now - window.since;
    if (ports.length === 0 && wholeMs >= (open.length > 0 ? REST_LISTENING_MS : REST_MS)) {
      const used = (life.cpuTicks - window.ticks) * TICK_MS;
      if (Math.max(used / wholeMs, window.running / window.looks) < REST_SHARE_MAX)
        return open.length > 0 ? listensOn(open) : "it has come to rest";
      window = { since: life.now, ticks: life.cpuTicks, looks: 0, running: 0 };
    }
    await life.tick();
    window.looks++;
    if (life.alive().some(({ last }) => last.state === "R" || last.state === "D")) window.running++;
  }
  return undefined;
}

function listensOn(ports: readonly number[]): string {
  return `it listens on port ${[...new Set(ports)].sort((a, b) => a - b).join(" and ")}`;
}
