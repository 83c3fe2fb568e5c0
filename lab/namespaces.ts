// Runs programs in namespaces of their own by util-linux alone: as root with a PID, a mount and a network namespace, as
// anybody else in a user namespace besides. The rule: nothing outlives its box, whatever becomes of the lab.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { release } from "node:os";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { openPipes } from "./pipes.ts";
import { type Box, type Place, PlaceError, type Spec, type Status } from "./place.ts";
import {
  childrenOf,
  commandOf,
  innerPid,
  type Listener,
  listenersOf,
  type Masks,
  masksOf,
  type Stat,
  statOf,
  treeOf,
} from "./processes.ts";
import { numberOf } from "./settings.ts";

const START_MS_MAX = 30_000;
const CLOSE_MS_MAX = 10_000;
const POLL_MS = 2;

export interface Ways {
  /** Not root: a user namespace gives the right to make the others. */
  readonly user: boolean;
  readonly network: boolean;
}

/** Says when it is about to become the program, on a descriptor that the program does not get. */
const START = 'printf s >&3; exec 3>&-; exec "$@"';

/** Stays when the program has ended, and says how it did. In the foreground, since a shell's background ignores SIGINT. */
const KEEP = 'printf s >&3; "$@" 3>&-; printf "%s." "$?" >&3; exec 3>&-; while :; do sleep 3600; done';

/** What a user namespace gave is taken away again from the program. */
const DROP = ["setpriv", "--inh-caps=-all", "--ambient-caps=-all"];

/**
 * Ends unshare with the lab, and unshare's --kill-child ends the rest, also where the lab is killed. A lab that died
 * before the kernel was told would not be noticed: so the parent is looked at once more.
 */
const GUARD = '[ "$PPID" = "$0" ] || exit 1; exec "$@"';
const WITH_THE_LAB = ["setpriv", "--pdeathsig", "KILL", "sh", "-c", GUARD, String(process.pid)];

const PID_NAMESPACE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];

/** The best way that this machine allows; undefined where there are no namespaces to be had. */
export function namespaceWays(): Ways | undefined {
  for (const user of process.getuid?.() === 0 ? [false, true] : [true]) {
    const way = [true, false].map((network) => ({ user, network })).find(isAllowed);
    if (way !== undefined) return way;
  }
  return undefined;
}

function isAllowed(ways: Ways): boolean {
  const [file = "", ...args] = commandLine(ways, ["sh", "-c", "exit 7"]);
  return spawnSync(file, args, { stdio: "ignore", timeout: START_MS_MAX }).status === 7;
}

function commandLine({ user, network }: Ways, command: readonly string[]): string[] {
  const makeUser = user ? ["--user", "--map-current-user", "--keep-caps"] : [];
  const makeNetwork = network ? ["--net"] : [];
  const outer = [...makeUser, ...makeNetwork];
  const up = network ? ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"] : [];
  return [
    ...(outer.length > 0 ? ["unshare", ...outer, "--", ...up] : []),
    ...WITH_THE_LAB,
    ...PID_NAMESPACE,
    ...command,
  ];
}

export class Namespaces implements Place {
  readonly kind = "namespaces";
  readonly kernel = release();
  readonly namespaces: readonly string[];
  readonly ownPorts: boolean;
  readonly #ways: Ways;
  readonly #cwd: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(ways: Ways, cwd: string, env: NodeJS.ProcessEnv) {
    this.#ways = ways;
    this.#cwd = cwd;
    this.#env = env;
    this.ownPorts = ways.network;
    this.namespaces = ["pid", "mount", ...(ways.user ? ["user"] : []), ...(ways.network ? ["network"] : [])];
  }

  async open(spec: Spec): Promise<Box> {
    const [file = "", ...args] = commandLine(this.#ways, this.#inside(spec));
    // A session of its own: no terminal, and Ctrl-C on the lab's reaches the lab alone.
    const pipes = openPipes(2);
    const [stdout, stderr] = pipes.map(({ output }) => output);
    const child = spawn(file, args, {
      cwd: this.#cwd,
      env: this.#env,
      detached: true,
      stdio: ["ignore", stdout, stderr, "pipe"],
    });
    for (const { handedOver } of pipes) handedOver();
    const streams = pipes.map(({ input }) => input);
    const box = new NamespaceBox(child, streams, this.#ways, spec, this.#env);
    try {
      await box.started();
      return box;
    } catch (error) {
      await box.close();
      throw error;
    }
  }

  #inside({ command, init, kept }: Spec): string[] {
    const program = init.path === undefined ? command : [init.path, "--", ...command];
    const drop = this.#ways.user ? DROP : [];
    return ["sh", "-c", kept ? KEEP : START, "sh", ...drop, ...program];
  }
}

class NamespaceBox implements Box {
  readonly hasInit = false;
  readonly ended: Promise<Status>;
  readonly #child: ChildProcess;
  readonly #ways: Ways;
  readonly #env: NodeJS.ProcessEnv;
  readonly #gone: Promise<Status>;
  readonly #news: Readable;
  readonly #streams: readonly Readable[];
  #first = 0;
  #firstStarted = "";
  #said = "";

  constructor(
    child: ChildProcess,
    streams: readonly Readable[],
    ways: Ways,
    spec: Spec,
    env: NodeJS.ProcessEnv,
  ) {
    this.#child = child;
    this.#env = env;
    this.#ways = ways;
    this.#gone = new Promise((resolve) => {
      child.on("error", () => resolve({ status: 127 }));
      child.on("exit", (code, signal) => resolve(statusOf(code, signal)));
    });
    this.#news = child.stdio[3] as Readable;
    // Not until the pipe ends: unshare holds it, too.
    const kept = new Promise<Status>((resolve) => {
      this.#news.setEncoding("latin1").on("data", (text: string) => {
        this.#said += text;
        const status = /^s(\d+)\.$/.exec(this.#said)?.[1];
        if (status !== undefined) resolve({ status: Number(status) });
      });
    });
    this.ended = spec.kept ? Promise.race([kept, this.#gone]) : this.#gone;
    this.#streams = streams;
    for (const [i, input] of streams.entries())
      createInterface({ input }).on("line", (line) => spec.log(i === 0 ? "stdout" : "stderr", line));
  }

  /** Waits until PID 1 is about to become the program. */
  async started(): Promise<void> {
    const deadline = Date.now() + START_MS_MAX;
    let over = false;
    // Not its exit, which may be heard of before the last that it said.
    this.#child.on("close", () => {
      over = true;
    });
    while (this.#said === "" && !over && Date.now() < deadline) await sleep(POLL_MS);
    if (this.#said === "") throw new PlaceError("the namespaces could not be made");
    [this.#first = 0] = this.#child.pid === undefined ? [] : childrenOf(this.#child.pid);
    this.#firstStarted = statOf(this.#first)?.started ?? "";
  }

  async processes(): Promise<readonly Stat[]> {
    return this.#isThere() ? treeOf(this.#first) : [];
  }

  innerPid(pid: number): number {
    return innerPid(pid);
  }

  commandOf(stat: Stat): string {
    return commandOf(stat);
  }

  masksOf(pid: number): readonly Masks[] {
    return masksOf(pid);
  }

  listeners(): readonly Listener[] {
    if (!this.#isThere()) return [];
    return listenersOf(this.#first, this.#ways.network ? undefined : treeOf(this.#first));
  }

  async signal(pid: number, signal: number): Promise<void> {
    process.kill(pid, signal);
  }

  inject(script: string): Promise<string> {
    const [file = "", ...args] = this.#enter(["--pid", "--mount"], ["sh", "-c", script]);
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, { env: this.#env, stdio: ["ignore", "pipe", "ignore"] });
      let text = "";
      child.stdout.setEncoding("utf8").on("data", (more: string) => {
        text += more;
      });
      child.on("error", reject);
      child.on("close", (status) =>
        status === 0 ? resolve(text) : reject(new Error(`nsenter ended with ${status}`)),
      );
    });
  }

  visit(script: string, args: readonly string[]): ChildProcess {
    const command = [process.execPath, script, ...args];
    const [file = "", ...rest] = this.#ways.network ? this.#enter(["--net"], command) : command;
    return spawn(file, rest, { stdio: ["pipe", "pipe", "inherit"] });
  }

  async close(): Promise<void> {
    const left = await this.processes();
    if (this.#isThere()) kill(this.#first);
    // Without its first process (it was not started yet, or has ended), unshare itself.
    else if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGKILL");
    await this.#gone;
    const deadline = Date.now() + CLOSE_MS_MAX;
    while (left.some(({ pid, started }) => statOf(pid)?.started === started)) {
      if (Date.now() > deadline) throw new Error("processes are left that SIGKILL does not end");
      await sleep(POLL_MS);
    }
    for (const stream of [this.#news, ...this.#streams]) stream.destroy();
  }

  #isThere(): boolean {
    return this.#first > 0 && statOf(this.#first)?.started === this.#firstStarted;
  }

  #enter(namespaces: readonly string[], command: readonly string[]): string[] {
    const user = this.#ways.user ? ["--user", "--preserve-credentials"] : [];
    return ["nsenter", "--target", String(this.#first), ...user, ...namespaces, "--", ...command];
  }
}

/** unshare ends as PID 1 did, by the same signal. */
function statusOf(code: number | null, signal: NodeJS.Signals | null): Status {
  if (signal === null) return { status: code ?? -1 };
  return { status: 128 + (numberOf(signal) ?? 0), signal };
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
