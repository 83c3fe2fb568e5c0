// Names of files: the few that a container has here, and those of /proc that an init reads.

import { posix } from "node:path";
import { E } from "./errnos.ts";
import { type About, Directory, DiskFile, type File, FileType, PlacedFile, TextFile } from "./files.ts";
import type { Process, Program } from "./processes.ts";
import { SignalSet } from "./signals.ts";
import type { World } from "./world.ts";

/** What a path leads to. */
export type Node =
  /** `numbers`: its names, of which all are numbers. */
  | { readonly kind: "directory"; readonly numbers?: () => readonly number[] | null }
  /** One that stays what it is, and can be appended to. */
  | { readonly kind: "log"; readonly file: DiskFile }
  /** `made`: by a process, for nobody until it has set the mode. */
  | { readonly kind: "file"; readonly open: () => File; readonly made?: DiskFile }
  /** Executable; `start` is called in the process that has become it. */
  | { readonly kind: "program"; readonly start: (self: Process, args: readonly string[]) => Program | null }
  /** A text without "#!". */
  | { readonly kind: "script"; readonly text?: string }
  | { readonly kind: "denied" };

const PATH_MAX = 4096;
const NAME_MAX = 255;

/** The node, or a negative errno. */
export function lookUp(self: Process, path: string): Node | number {
  if (path === "") return -E.ENOENT;
  if (path.length >= PATH_MAX) return -E.ENAMETOOLONG;
  const { paths } = self.world;
  const known = paths.get(path);
  if (known !== undefined) return known;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.some((part) => part.length > NAME_MAX)) return -E.ENAMETOOLONG;
  let name = "";
  for (const part of parts) {
    const above = name === "" ? undefined : paths.get(name);
    if (above !== undefined && above.kind !== "directory") return -E.ENOTDIR;
    name += `/${part}`;
  }
  return (
    paths.get(name === "" ? "/" : name) ?? (self.world.hasProc ? inProc(self, name) : undefined) ?? -E.ENOENT
  );
}

/** openat(2) for reading: the file that was opened, or a negative errno. */
export function openPath(self: Process, path: string, asDirectory: boolean): File | number {
  const node = lookUp(self, path);
  if (typeof node === "number") return node;
  if (node.kind === "denied" || !mayRead(self, node)) return -E.EACCES;
  if (node.kind === "directory") return new Directory(node.numbers ?? (() => []));
  if (asDirectory) return -E.ENOTDIR;
  if (node.kind === "log") return node.file.copy();
  return node.kind === "file" ? node.open() : new DiskFile(node.kind === "script" ? node.text : "");
}

/** openat(2) for writing from the beginning. */
export function openToWrite(self: Process, path: string): File | number {
  const file = openToAppend(self, path, false);
  return file instanceof DiskFile ? new PlacedFile(file) : file;
}

/** openat(2) for appending, O_CREAT where `makes`. */
export function openToAppend(self: Process, path: string, makes: boolean): File | number {
  const node = lookUp(self, path);
  if (node === -E.ENOENT && makes) {
    const file = new DiskFile();
    file.owner = self.credentials.euid;
    file.inode = self.world.paths.size + 1;
    self.world.paths.set(path, { kind: "log", file });
    return file;
  }
  if (typeof node === "number") return node;
  if (node.kind === "directory") return -E.EISDIR;
  if (node.kind === "denied") return -E.EACCES;
  const made =
    node.kind === "log" ? node.file : node.kind === "file" ? (node.made ?? node.open()) : undefined;
  const file = made ?? new DiskFile();
  const { credentials } = self;
  return credentials.euid === file.owner || credentials.can("CAP_DAC_OVERRIDE") ? file : -E.EACCES;
}

const NOTHING: About = { type: FileType.Regular, names: 1, owner: 0, inode: 0, size: 0 };

/** statx(2) of a path. */
export function aboutPath(self: Process, path: string): About | number {
  const node = lookUp(self, path);
  if (typeof node === "number") return node;
  if (node.kind === "directory") return { ...NOTHING, type: FileType.Directory };
  return node.kind === "log" ? node.file : NOTHING;
}

function mayRead({ credentials }: Process, node: Node): boolean {
  if (node.kind !== "file" || node.made === undefined || node.made.isPublic) return true;
  if (node.made.owner === credentials.euid) return true;
  return credentials.can("CAP_DAC_OVERRIDE") || credentials.can("CAP_DAC_READ_SEARCH");
}

/** openat(2) with O_CREAT and O_EXCL, and what is written is kept: the file that was made, or a negative errno. */
export function createPath(self: Process, path: string): File | number {
  const node = lookUp(self, path);
  if (typeof node !== "number") return -E.EEXIST;
  const refusal = node === -E.ENOENT ? mayChange(self, path) : node;
  if (refusal !== 0) return refusal;
  const made = new DiskFile("", self.credentials.euid);
  made.isPublic = false;
  const open = (): File => new DiskFile(Buffer.concat(made.written).toString("latin1"), made.owner);
  self.world.paths.set(nameOf(path), { kind: "file", open, made });
  return made;
}

/** unlinkat(2) of a file. */
export function removePath(self: Process, path: string): number {
  const node = lookUp(self, path);
  if (typeof node === "number") return node;
  const refusal = mayChange(self, path) || notFolder(node);
  if (refusal === 0) self.world.paths.delete(nameOf(path));
  return refusal;
}

/** renameat2(2) of a file, which takes the place of another. */
export function renamePath(self: Process, from: string, to: string): number {
  const [node, replaced] = [lookUp(self, from), lookUp(self, to)];
  if (typeof node === "number") return node;
  if (typeof replaced === "number" && replaced !== -E.ENOENT) return replaced;
  const refusal =
    mayChange(self, from) || mayChange(self, to) || (typeof replaced === "number" ? 0 : notFolder(replaced));
  if (refusal !== 0) return refusal;
  self.world.paths.delete(nameOf(from));
  self.world.paths.set(nameOf(to), node);
  return 0;
}

const notFolder = (node: Node): number =>
  node.kind === "directory" || node.kind === "denied" ? -E.EISDIR : 0;

/** Whether names may come and go in the folder that a path lies in: folders are root's, and others may not. */
function mayChange(self: Process, path: string): number {
  const folder = lookUp(self, nameOf(`${nameOf(path)}/..`));
  if (typeof folder === "number") return folder;
  if (folder.kind !== "directory") return -E.ENOTDIR;
  const { credentials } = self;
  return credentials.euid === 0 || credentials.can("CAP_DAC_OVERRIDE") ? 0 : -E.EACCES;
}

/** The name under which the world has a path. */
const nameOf = (path: string): string => posix.normalize(`/${path}`).replace(/(.)\/$/, "$1");

function inProc(self: Process, name: string): Node | undefined {
  if (name === "/proc") return { kind: "directory", numbers: () => self.namespace.numbers };
  if (name === "/proc/loadavg")
    return { kind: "file", open: () => new TextFile(() => `0.00 0.00 0.00 1/1 ${self.namespace.last}\n`) };
  const [, , who = "", what = ""] = name.split("/");
  if (!name.startsWith("/proc/") || name.split("/").length > 4) return undefined;
  const number = who === "self" ? self.pid : /^[1-9]\d*$/.test(who) ? Number(who) : 0;
  const process = self.namespace.pids.get(number)?.process ?? null;
  if (process === null) return undefined;
  if (what === "") return { kind: "directory" };
  if (what === "fd") return mayList(self, process) ? descriptorsOf(process) : { kind: "denied" };
  const text = TEXTS[what];
  if (text === undefined) return undefined;
  return {
    kind: "file",
    open: () => new TextFile(() => (process.state === "released" ? null : text(process))),
  };
}

const descriptorsOf = (process: Process): Node => ({
  kind: "directory",
  numbers: () => (process.state === "released" ? null : process.files.numbers),
});

/** proc_fd_permission: the folder is its user's, or root's where the process is not dumpable. */
function mayList(self: Process, process: Process): boolean {
  const { credentials } = self;
  const owner = process.lives && process.dumpable === 1 ? process.credentials.euid : 0;
  if (self === process || credentials.euid === owner) return true;
  return credentials.can("CAP_DAC_OVERRIDE") || credentials.can("CAP_DAC_READ_SEARCH");
}

/** The files of /proc/PID, as far as somebody reads them. */
const TEXTS: Readonly<{ [name: string]: (process: Process) => string }> = {
  comm: ({ name }) => `${name}\n`,
  exe: ({ world }) => world.exe,
  cgroup: ({ cgroup, world }) =>
    world.cgroups === 2 ? `0::${cgroup.path}\n` : `4:memory:${cgroup.path}\n3:pids:${cgroup.path}\n`,
  status: (
    {
    name, pid, parent, namespace, credentials: { uid, euid, suid }, limits, world, blocked, actions, shared,
  }, // biome-ignore format: a list
  ) =>
    `Name:\t${name}\nPid:\t${pid}\nPPid:\t${parent.id.in(namespace)}\nUid:\t${uid}\t${euid}\t${suid}\t${euid}\nSigQ:\t${world.user(uid).pending}/${limits.sigpending}\nShdPnd:\t${hex(shared.set)}\nSigBlk:\t${hex(blocked)}\nSigIgn:\t${handled(actions, "ignore")}\nSigCgt:\t${handled(actions, "handler")}\n`,
  stat: ({ pid, name, parent, group, session, namespace, state, begun, threads, isLent }) =>
    `${pid} (${name}) ${isLent ? "D" : (LETTERS[state] ?? "S")} ${parent.id.in(namespace)} ${group.in(namespace)} ${session.in(namespace)}${" 0".repeat(13)} ${threads} 0 ${Math.floor(begun / 10)} 0\n`,
  cmdline: ({ name, state }) => (state === "zombie" ? "" : `${name}\0`),
};

const LETTERS: Readonly<Record<string, string>> = { stopped: "T", zombie: "Z", dead: "X" };

const hex = (set: SignalSet): string => set.bits.toString(16).padStart(16, "0");

/** The signals for which there is a handler of this kind. */
function handled(actions: Process["actions"], kind: string): string {
  const signals = [...actions].filter(([, { handler }]) => handler === kind).map(([signo]) => signo);
  return hex(SignalSet.of(...signals));
}

/** The files of the pids controller for a process' group and those above it, of cgroup v2 or v1 (cgroups(7)). */
export function mountCgroups(world: World, process: Process, version: 1 | 2 = 2): void {
  world.cgroups = version;
  const root = version === 2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids";
  for (let group: Process["cgroup"] | null = process.cgroup; group !== null; group = group.parent) {
    const folder = `${root}${group.path === "/" ? "" : group.path}`;
    const at = group;
    const mount = (name: string, value: () => number): void => {
      const text = (): string => `${Number.isFinite(value()) ? value() : "max"}\n`;
      world.paths.set(`${folder}/${name}`, { kind: "file", open: () => new TextFile(text) });
    };
    mount("pids.max", () => at.max);
    mount("pids.current", () => at.current);
  }
}
