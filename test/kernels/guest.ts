// Runs shell scripts on Debian 12's stock kernel, 6.1, in an emulated machine: `runInGuest` boots one guest,
// runs every script in it in order, and tells for each what it wrote, to the byte, and how it ended.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GuestFile, packArchive } from "./cpio.ts";
import { GuestError } from "./failure.ts";
import { CACHE_DIR, EMULATOR, type Guest, prepareGuest } from "./packages.ts";
import { readRecords } from "./records.ts";

export type { GuestFile } from "./cpio.ts";
export { GuestError } from "./failure.ts";
export { missing, prepareGuest } from "./packages.ts";

export interface Script {
  readonly name: string;
  /** For busybox's /bin/sh. */
  readonly text: string;
}

export interface Outcome {
  readonly name: string;
  /** What it wrote to stdout and stderr, in order, as UTF-8. */
  readonly output: string;
  /** The same before decoding, for what is not UTF-8. */
  readonly bytes: Uint8Array;
  /** As the shell tells it: 137 is SIGKILL, also that of the script's time limit. */
  readonly status: number;
}

export interface Options {
  readonly cacheDir?: string;
  /** For each script. */
  readonly scriptSecondsMax?: number;
  /** For the guest, from power-on to power-off. */
  readonly guestMsMax?: number;
  /** The kernel allows about 7 processes for each MiB. */
  readonly memoryMiB?: number;
  readonly processors?: number;
}

const SCRIPTS_MAX = 9999;
const OUTPUT_BYTES_MAX = 1 << 20;
const CONSOLE_CHARS_MAX = 4000;
const INITRAMFS = "initramfs";
const CONSOLE = "console";
const RESULTS = "results";
const DEFAULTS = {
  cacheDir: CACHE_DIR,
  scriptSecondsMax: 60,
  guestMsMax: 180_000,
  memoryMiB: 512,
  processors: 1,
};

export async function runInGuest(
  files: ReadonlyMap<string, GuestFile>,
  scripts: readonly Script[],
  options: Options = {},
): Promise<Outcome[]> {
  if (scripts.length === 0) return [];
  if (scripts.length > SCRIPTS_MAX) throw new RangeError(`more than ${SCRIPTS_MAX} scripts`);
  const settings = { ...DEFAULTS, ...options };
  const guest = await prepareGuest(settings.cacheDir);
  const directory = await mkdtemp(join(tmpdir(), "guest-"));
  try {
    const archive = await packGuest(guest, files, scripts, settings.scriptSecondsMax);
    await writeFile(join(directory, INITRAMFS), archive);
    const ending = await boot(guest, directory, settings);
    return await readOutcomes(directory, scripts, ending);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function packGuest(
  guest: Guest,
  files: ReadonlyMap<string, GuestFile>,
  scripts: readonly Script[],
  scriptSecondsMax: number,
): Promise<Buffer> {
  const text = (content: string): GuestFile => ({ bytes: Buffer.from(content), mode: 0o644 });
  const all = new Map(files);
  all.set("/init", { bytes: await readFile(join(import.meta.dirname, "init.sh")), mode: 0o755 });
  all.set("/bin/busybox", { bytes: await readFile(guest.busyboxPath), mode: 0o755 });
  // One byte more than is allowed, to tell what is too long from what just fits.
  all.set("/harness/limits", text(`${scriptSecondsMax} ${OUTPUT_BYTES_MAX + 1}\n`));
  for (const [index, script] of scripts.entries()) {
    all.set(`/harness/scripts/${String(index).padStart(4, "0")}`, text(script.text));
  }
  return packArchive(all);
}

interface Ending {
  readonly timedOut: boolean;
  readonly said: string;
}

/** Resolves once the machine is off, whatever turned it off. */
async function boot(guest: Guest, directory: string, settings: typeof DEFAULTS): Promise<Ending> {
  // Without --pdeathsig an interrupted test run would leave its machine running.
  const command = ["--pdeathsig", "KILL", EMULATOR, ...machineArguments(guest, settings)];
  const child = spawn("setpriv", command, { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
  let timedOut = false;
  let said = "";
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, settings.guestMsMax);
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
  child.on("error", (error) => (said += error.message));
  await new Promise<void>((resolve) => child.on("close", () => resolve()));
  clearTimeout(timer);
  return { timedOut, said };
}

/** The files without a directory are in the directory of this guest, where the emulator runs. */
function machineArguments(guest: Guest, settings: typeof DEFAULTS): string[] {
  const machine = "-nodefaults -no-user-config -machine q35 -display none -nic none";
  // Hardware acceleration is often refused inside containers, and a kernel shall be as slow here as there.
  const engine = `-accel tcg -smp ${settings.processors} -m ${settings.memoryMiB}`;
  const ports = `-serial file:${CONSOLE} -serial file:${RESULTS}`;
  // panic=-1 reboots at once, and -no-reboot makes that the end of the emulator. At loglevel=0 the kernel
  // would keep silent even about a panic; from 1 on it shows all of it.
  // An emulated timer is late on a busy machine, and the kernel would take it for a broken one (no_timer_check).
  const line = "console=ttyS0 loglevel=1 panic=-1 no_timer_check rdinit=/init";
  const kernel = ["-no-reboot", "-kernel", guest.kernelPath, "-initrd", INITRAMFS, "-append", line];
  return [...`${machine} ${engine} ${ports}`.split(" "), ...kernel];
}

async function readOutcomes(
  directory: string,
  scripts: readonly Script[],
  ending: Ending,
): Promise<Outcome[]> {
  const records = readRecords(await readIfPresent(join(directory, RESULTS)));
  if (!records.complete) {
    const console = (await readIfPresent(join(directory, CONSOLE))).toString();
    throw describeFailure(scripts[records.running ?? -1]?.name, ending, console);
  }
  return records.ends.map(({ index, status, bytes }) => {
    const name = scripts[index]?.name ?? `script ${index}`;
    if (bytes.length > OUTPUT_BYTES_MAX) {
      throw new GuestError("output", `${name} wrote more than ${OUTPUT_BYTES_MAX} bytes`);
    }
    return { name, output: bytes.toString(), bytes, status };
  });
}

function describeFailure(running: string | undefined, ending: Ending, console: string): GuestError {
  const where =
    running === undefined ? "while no script was running" : `while running ${JSON.stringify(running)}`;
  const what = ending.timedOut ? "the guest was killed, out of time," : "the guest went off";
  const said = `${ending.said}${console}`.slice(-CONSOLE_CHARS_MAX).trim();
  const code = ending.timedOut ? "timeout" : "crash";
  return new GuestError(code, `${what} ${where}; it said: ${said || "nothing"}`);
}

async function readIfPresent(path: string): Promise<Buffer> {
  return readFile(path).catch(() => Buffer.alloc(0));
}
