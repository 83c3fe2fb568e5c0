// Plays scripts on other kernels than this machine's: in a guest with an older one, and in a container whose seccomp
// profile refuses calls.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Refusals } from "../../simulator/ages.ts";
import { E } from "../../simulator/errnos.ts";
import { type GuestFile, runInGuest } from "../kernels/guest.ts";
import { buildPlayer } from "../lib/puppet.ts";
import { confined, driver, findTools, inTerminal, makeStand, quote, readTraces, UID } from "./native.ts";
import type { Moment, Script } from "./script.ts";
import { type Machine, SETTINGS, type SettingName } from "./settings.ts";

/** Scripts of one setting that one run plays. */
export type Batch = readonly [SettingName, readonly Script[]];

const GUEST_FOLDER = "/tmp/stand";
/** For one batch, on an emulated processor. */
const BATCH_SECONDS_MAX = 300;
const GUEST_MS_MAX = 900_000;

/** Boots one guest that plays all batches; answers the traces of each. */
export async function playInGuest(batches: readonly Batch[]): Promise<Moment[][][]> {
  const machine: Machine = {
    player: "/bin/player",
    tools: findTools(),
    places: `${GUEST_FOLDER}/places`,
    uid: UID,
  };
  const files = guestFiles(machine);
  const scripts = batches.map(([name, scripts], index) => {
    files.set(`/drivers/${index}`, text(driver(machine, SETTINGS[name], scripts)));
    return { name: `batch ${index} (${name})`, text: guestScript(machine, name, index) };
  });
  const limits = { scriptSecondsMax: BATCH_SECONDS_MAX, guestMsMax: GUEST_MS_MAX };
  const outcomes = await runInGuest(files, scripts, limits);
  return batches.map(([, played], index) =>
    readTraces(outcomes[index]?.output ?? "", played, "in the guest"),
  );
}

const text = (content: string): GuestFile => ({ bytes: Buffer.from(content), mode: 0o644 });

/** util-linux of this machine, with its libraries: busybox can do less. */
function guestFiles({ player, tools }: Machine): Map<string, GuestFile> {
  const files = new Map<string, GuestFile>();
  const add = (path: string, from = path): void => {
    files.set(path, { bytes: readFileSync(from), mode: 0o755 });
  };
  add(player, buildPlayer().elf);
  for (const tool of [...Object.values(tools), which("script")]) {
    add(tool);
    for (const [library] of execFileSync("ldd", [tool], { encoding: "utf8" }).matchAll(/\/\S+(?= \(0x)/g))
      add(library);
  }
  return files;
}

const which = (name: string): string =>
  execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();

function guestScript(machine: Machine, name: SettingName, index: number): string {
  const out = `${GUEST_FOLDER}/out`;
  const shell = confined(machine, ["sh", `/drivers/${index}`, GUEST_FOLDER, out]);
  const command = SETTINGS[name].terminal ? inTerminal(shell) : [machine.tools.setsid, "--wait", ...shell];
  return [
    makeStand(GUEST_FOLDER),
    `${command.map(quote).join(" ")} </dev/console >/dev/null 2>&1; cat ${out}`,
  ].join("\n");
}

const ENGINE = "runc";

/** A container in which the profile refuses, and everything else is as on this machine. */
export class Container {
  readonly #folder = mkdtempSync(join(tmpdir(), "steady-refused-"));
  readonly #refusals: Refusals;
  readonly #machine: Machine;
  #runs = 0;

  constructor(refusals: Refusals) {
    this.#refusals = refusals;
    chmodSync(this.#folder, 0o755);
    const root = join(this.#folder, "rootfs");
    for (const name of ["bin", "lib", "lib64", "usr", "dev", "proc", "sys", "tmp", "stand"])
      mkdirSync(join(root, name), { recursive: true });
    copyFileSync(buildPlayer().elf, join(root, "stand/player"));
    chmodSync(join(root, "stand/player"), 0o755);
    this.#machine = { player: "/stand/player", tools: findTools(), places: "/stand/places", uid: UID };
    execFileSync("sh", ["-c", makeStand(join(root, "stand"))]);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async play(name: SettingName, scripts: readonly Script[]): Promise<Moment[][]> {
    const stand = join(this.#folder, "rootfs/stand");
    writeFileSync(join(stand, "driver"), driver(this.#machine, SETTINGS[name], scripts));
    writeFileSync(join(stand, "out"), "");
    const command = confined(this.#machine, ["sh", "/stand/driver", "/stand", "/stand/out"]);
    this.#specify(["taskset", "-c", "0", this.#machine.tools.setsid, "--wait", ...command]);
    const id = `steady-refused-${process.pid}-${++this.#runs}`;
    const run = ["--root", join(this.#folder, "state"), "run", "--bundle", this.#folder, id];
    const said = execFileSync(ENGINE, run, { encoding: "utf8" });
    return readTraces(readFileSync(join(stand, "out"), "latin1"), scripts, `${ENGINE} said: ${said}`);
  }

  /** runc's own specification, with this machine's programs, the capabilities of a script, and the profile. */
  #specify(args: readonly string[]): void {
    const path = join(this.#folder, "config.json");
    rmSync(path, { force: true });
    execFileSync(ENGINE, ["spec"], { cwd: this.#folder });
    const made = JSON.parse(readFileSync(path, "utf8")) as Specification;
    const names = ["KILL", "SETGID", "SETUID", "SETPCAP", "SYS_ADMIN"].map((name) => `CAP_${name}`);
    const capabilities = { bounding: names, effective: names, permitted: names };
    const shared = ["/bin", "/lib", "/lib64", "/usr"].map((folder) => ({
      destination: folder,
      type: "bind",
      source: folder,
      options: ["rbind", "ro"],
    }));
    const specification = {
      ...made,
      process: { ...made.process, terminal: false, args, capabilities, noNewPrivileges: false },
      root: { path: "rootfs", readonly: false },
      mounts: [...made.mounts, ...shared],
      linux: { namespaces: made.linux.namespaces, seccomp: profile(this.#refusals) },
    };
    writeFileSync(path, JSON.stringify(specification));
  }
}

interface Specification {
  readonly process: object;
  readonly mounts: readonly object[];
  readonly linux: { readonly namespaces: readonly object[] };
}

/** What a call of core/kernel.ts is to seccomp, where it is not a system call of its own. */
const SYSTEM_CALLS: Readonly<Record<string, { names: string[]; args?: object[] }>> = {
  pidfd_get_info: { names: ["ioctl"], args: [{ index: 1, value: 0xc050ff0b, op: "SCMP_CMP_EQ" }] },
  set_child_subreaper: { names: ["prctl"], args: [{ index: 0, value: 36, op: "SCMP_CMP_EQ" }] },
  get_child_subreaper: { names: ["prctl"], args: [{ index: 0, value: 37, op: "SCMP_CMP_EQ" }] },
  seteuid: { names: ["setresuid"] },
};

function profile(refusals: Refusals): object {
  const syscalls = Object.entries(refusals).map(([call, errno]) => ({
    ...(SYSTEM_CALLS[call] ?? { names: [call] }),
    action: "SCMP_ACT_ERRNO",
    errnoRet: E[errno],
  }));
  return { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"], syscalls };
}
