// Obtains what a guest is made of from Debian 12: its stock kernel, a static busybox, and the emulator. Only
// the emulator is installed; the rest is fetched by apt, which checks it, and unpacked into a cache.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { GuestError } from "./failure.ts";

interface Kernel {
  /** As `uname -r` tells it in the guest. */
  readonly release: string;
  readonly kernelPath: string;
}

export interface Guest extends Kernel {
  readonly busyboxPath: string;
}

export const CACHE_DIR = join(import.meta.dirname, "../../build/kernels");
export const EMULATOR = "qemu-system-x86_64";

const EMULATOR_PACKAGE = "qemu-system-x86";
const BUSYBOX_PACKAGE = "busybox-static";
// The cloud flavour is the stock kernel without drivers for real hardware: 27 MB instead of 70. No module is
// loaded: namespaces, cgroups, ptys, tmpfs, 8250 serial ports and the ACPI to power off are built in.
const KERNEL_PACKAGE = "linux-image-6.1.0-*-cloud-amd64";
const KERNEL_PACKAGE_PATTERN = /^linux-image-6\.1\.0-(\d+)-cloud-amd64$/;
const BUSYBOX = "busybox";
const KERNEL_FILE_PATTERN = /^vmlinuz-(6\.1\..+)$/;
// The lock of dpkg may be held by another build on the same machine.
const LOCK_SECONDS_MAX = 300;
const COMMAND_MS_MAX = 600_000;

/** Gives what can be booted, after fetching and installing what is missing. */
export async function prepareGuest(cacheDir = CACHE_DIR): Promise<Guest> {
  const cache = resolve(cacheDir);
  if (!hasEmulator()) await installEmulator();
  const busyboxPath = await prepareBusybox(cache);
  const kernel = (await findKernel(cache)) ?? (await fetchKernel(cache));
  return { ...kernel, busyboxPath };
}

/** Gives the path of a static busybox; the one of this machine may be linked with libraries. */
export async function prepareBusybox(cacheDir = CACHE_DIR): Promise<string> {
  const cache = resolve(cacheDir);
  await mkdir(cache, { recursive: true });
  if (!existsSync(join(cache, BUSYBOX))) await fetchBusybox(cache);
  return join(cache, BUSYBOX);
}

/** The Debian packages that `prepareGuest` would fetch or install; without any, it needs no network. */
export async function missing(cacheDir = CACHE_DIR): Promise<string[]> {
  const packages: string[] = [];
  if (!hasEmulator()) packages.push(EMULATOR_PACKAGE);
  if ((await findKernel(cacheDir)) === undefined) packages.push(KERNEL_PACKAGE);
  if (!existsSync(join(cacheDir, BUSYBOX))) packages.push(BUSYBOX_PACKAGE);
  return packages;
}

function hasEmulator(): boolean {
  const directories = (process.env.PATH ?? "").split(delimiter);
  return directories.some((directory) => existsSync(join(directory, EMULATOR)));
}

async function findKernel(cacheDir: string): Promise<Kernel | undefined> {
  const names = existsSync(cacheDir) ? await readdir(cacheDir) : [];
  for (const name of names) {
    const release = KERNEL_FILE_PATTERN.exec(name)?.[1];
    if (release !== undefined) return { release, kernelPath: join(cacheDir, name) };
  }
  return undefined;
}

async function installEmulator(): Promise<void> {
  const options = ["-y", "--no-install-recommends", "-o", `DPkg::Lock::Timeout=${LOCK_SECONDS_MAX}`];
  const install = () => run("install", "apt-get", ["install", ...options, EMULATOR_PACKAGE]);
  await withNewLists(install);
}

async function fetchKernel(cacheDir: string): Promise<Kernel> {
  await fetchPackage(cacheDir, newestKernelPackage, async (tree) => {
    const { kernelPath } = await theKernel(join(tree, "boot"));
    await rename(kernelPath, join(cacheDir, basename(kernelPath)));
  });
  return theKernel(cacheDir);
}

async function theKernel(directory: string): Promise<Kernel> {
  const kernel = await findKernel(directory);
  if (kernel === undefined)
    throw new GuestError("download", `no kernel of ${KERNEL_PACKAGE} in ${directory}`);
  return kernel;
}

async function fetchBusybox(cacheDir: string): Promise<void> {
  const name = async () => BUSYBOX_PACKAGE;
  await fetchPackage(cacheDir, name, (tree) => rename(join(tree, "bin/busybox"), join(cacheDir, BUSYBOX)));
}

/** Security updates take old kernels out of the archive, so the name is asked again with new lists. */
async function newestKernelPackage(): Promise<string> {
  const names = (await run("download", "apt-cache", ["pkgnames", "linux-image-6.1."])).split("\n");
  const abi = (name: string) => Number(KERNEL_PACKAGE_PATTERN.exec(name)?.[1] ?? 0);
  const newest = names.reduce((best, name) => (abi(name) > abi(best) ? name : best), "");
  if (newest === "") {
    throw new GuestError("download", `apt knows no ${KERNEL_PACKAGE}: add the sources of Debian 12`);
  }
  return newest;
}

/** Works in a directory of its own and moves one file out of it: two fetches at once do no harm. */
async function fetchPackage(
  cacheDir: string,
  name: () => Promise<string>,
  keep: (tree: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(cacheDir, "fetch-"));
  const download = async () => run("download", "apt-get", ["download", await name()], directory);
  try {
    await withNewLists(download);
    const archive = (await readdir(directory)).find((entry) => entry.endsWith(".deb")) ?? "";
    const tree = join(directory, "tree");
    await run("download", "dpkg-deb", ["-x", archive, tree], directory);
    await keep(tree);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Tries once more with new lists of packages. Where these cannot be had, the first failure tells more. */
async function withNewLists(attempt: () => Promise<string>): Promise<void> {
  await attempt().catch(async (error) => {
    await run("download", "apt-get", ["update"]).catch(() => Promise.reject(error));
    await attempt();
  });
}

async function run(
  code: "install" | "download",
  command: string,
  args: string[],
  cwd = "/",
): Promise<string> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  const options = { cwd, env, timeout: COMMAND_MS_MAX };
  try {
    return (await promisify(execFile)(command, args, options)).stdout;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() || String(error);
    throw new GuestError(code, `cannot run ${command} ${args.join(" ")}: ${said}`);
  }
}
