// Plays scripts on the kernel of this machine: each in a PID namespace of its own, many in one run of a shell, which is
// kept on one processor so that whoever looks at a stopped process finds its stop complete.

import { execFileSync, spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPlayer } from "../lib/puppet.ts";
import { encode, type Moment, readTrace, type Script, SLOTS, write } from "./script.ts";
import {
  CAPABILITIES,
  DESCRIPTORS_MAX,
  MANY_PROCESSES,
  type Machine,
  prefix,
  SETTINGS,
  type Setting,
  type SettingName,
  tail,
} from "./settings.ts";

/** The user of scripts is nobody else on the machine, since limits count for a user: a number of this very process. */
export const UID = 60_000_000 + process.pid;
/** Whose folder nobody in a script may look into. */
const STRANGER = 65534;
/** More than a batch takes on a machine that is busy with other things. */
const BATCH_MS_MAX = 120_000;

/** A folder with all that the scripts of one worker need. Two workers have two. */
export class Stand {
  readonly machine: Machine;
  readonly #folder: string;
  readonly #processor: string;
  #batches = 0;

  constructor(worker: number) {
    this.#folder = mkdtempSync(join(tmpdir(), "steady-fidelity-"));
    chmodSync(this.#folder, 0o755);
    const player = join(this.#folder, "player");
    copyFileSync(buildPlayer().elf, player);
    chmodSync(player, 0o755);
    this.machine = { player, tools: findTools(), places: join(this.#folder, "places"), uid: UID };
    this.#processor = processors()[worker % processors().length] ?? "0";
    execFileSync("sh", ["-c", makeStand(this.#folder)]);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Plays scripts of one setting, in order; answers a trace for each. */
  async play(name: SettingName, scripts: readonly Script[]): Promise<Moment[][]> {
    const setting = SETTINGS[name];
    const batch = join(this.#folder, `batch${++this.#batches}`);
    writeFileSync(`${batch}.sh`, driver(this.machine, setting, scripts));
    writeFileSync(`${batch}.out`, "");
    const shell = confined(this.machine, ["sh", `${batch}.sh`, this.#folder, `${batch}.out`]);
    const command = ["taskset", "-c", this.#processor, ...shell];
    const shown = await run(setting.terminal ? inTerminal(command) : command);
    const traces = readTraces(readFileSync(`${batch}.out`, "latin1"), scripts, shown);
    rmSync(`${batch}.sh`);
    rmSync(`${batch}.out`);
    return traces;
  }
}

const END = "end of script\n";

/** What a driver has written; `otherwise` is told where that is not everything, with the script that did not end. */
export function readTraces(written: string, scripts: readonly Script[], otherwise: string): Moment[][] {
  const traces = written.split(END);
  const last = traces.pop();
  const unplayed = scripts[traces.length];
  if (unplayed !== undefined)
    throw new Error(`${otherwise}; not played to its end: ${write(unplayed)}\n${last}`);
  return traces.map(readTrace);
}

/** Before a driver: the limits of every script, and of root's capabilities those that scripts are about. */
export function confined({ tools }: Machine, command: readonly string[]): string[] {
  const limits = [`--nofile=${DESCRIPTORS_MAX}`, `--nproc=${MANY_PROCESSES}`];
  const kept = Object.keys(CAPABILITIES).map((name) => `+${name}`);
  return [
    tools.prlimit,
    ...limits,
    tools.setpriv,
    `--bounding-set=${["-all", ...kept].join(",")}`,
    ...command,
  ];
}

/** A shell script that is given the folder and where to write. Its descriptors 3 to 9 are the player's FIFOs. */
export function driver(machine: Machine, setting: Setting, scripts: readonly Script[]): string {
  const fifos = Array.from({ length: SLOTS + 1 }, (_, index) => `${index + 3}<>"$1/fifo${index}"`);
  const namespace = [machine.tools.unshare, "--pid", "--fork", "--mount-proc", "--kill-child"];
  const command = [...namespace, ...prefix(setting, machine), machine.player].map(quote).join(" ");
  const stdin = setting.terminal ? "" : "<>/dev/null";
  const rest = tail(machine).map(quote).join(" ");
  return [
    // A script whose end orphans the shell's group would take the shell along; the player puts the default back.
    "trap '' HUP",
    `exec ${fifos.join(" ")} >>"$2" 2>&1 ${stdin}`,
    ...scripts.flatMap((script) => [
      ...(setting.terminal ? [`${quote(machine.player)} foreground`] : []),
      `${command} play ${quote(encode(script, machine))} ${rest}`,
      `printf ${quote(END.replace("\n", "\\n"))}`,
    ]),
  ].join("\n");
}

export function quote(word: string): string {
  return /^[\w./=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * The shell commands that make FIFOs and places in an empty folder. Places open and execute in their own ways; their files
 * are empty, one folder belongs to somebody whose things root without capabilities may not look at, and a place that is
 * not here is missing.
 */
export function makeStand(folder: string): string {
  const fifos = Array.from({ length: SLOTS + 1 }, (_, index) => `fifo${index}`).join(" ");
  return `mkdir -p ${folder} && cd ${folder} && mkfifo ${fifos} && mkdir -p places/folder places/denied &&
    : >places/text && : >places/data && chmod 755 . places places/folder places/text && chmod 644 places/data &&
    chmod 700 places/denied && chown ${STRANGER} places/denied`;
}

export function findTools(): Machine["tools"] {
  const find = (name: string): string =>
    execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
  const [setpriv, setsid, prlimit, unshare] = ["setpriv", "setsid", "prlimit", "unshare"].map(find);
  if (!setpriv || !setsid || !prlimit || !unshare)
    throw new Error("setpriv, setsid, prlimit and unshare are needed");
  return { setpriv, setsid, prlimit, unshare };
}

/** The processors that we may run on. */
function processors(): string[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => String(first + index));
  });
}

/** script(1) makes a terminal and runs the command as the leader of its session. */
export function inTerminal(command: readonly string[]): string[] {
  return ["script", "-qefc", `exec ${command.map(quote).join(" ")}`, "/dev/null"];
}

/** Runs to the end; answers what it said, for the case that it did not do what it should. */
function run([program = "", ...args]: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const child = spawn(program, args, {
      detached: true,
      // An open standard input: script(1) types the end of it into its terminal.
      stdio: "pipe",
      timeout: BATCH_MS_MAX,
      killSignal: "SIGKILL",
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("latin1").on("data", (text: string) => {
        said += text;
      });
    }
    child.on("error", reject);
    child.on("close", (status, signal) =>
      resolve(`it ended with ${status ?? signal} and said: ${said || "nothing"}`),
    );
  });
}
