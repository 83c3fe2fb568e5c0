// How many processes this machine has room for, beside those that it runs. The rule: the bench takes no more than a half of
// it, and says what it leaves out.

import { readFileSync } from "node:fs";

/** A process of the gauge that does nothing: its tables in the kernel, its stack, the pages that it wrote to. */
const BYTES_EACH = 120_000;
const SHARE = 0.5;
/** With fewer numbers than this 30,000 more would be most of them. */
const PID_MAX_FOR_MANY = 100_000;
const MANY = 10_000;

/** Why there is no room for so many processes; undefined where there is. */
export function lacksRoom(processes: number): string | undefined {
  if (processes > MANY + 1 && pidMax() < PID_MAX_FOR_MANY)
    return `${told(processes)} processes need kernel.pid_max to be at least ${told(PID_MAX_FOR_MANY)}; it is ${told(pidMax())}`;
  const most = Math.floor(Math.min(...limits().map(({ most, used }) => (most - used) * SHARE)));
  if (processes > most)
    return `${told(processes)} processes are more than a half of what the limits here leave (${told(most)})`;
  const bytes = Math.floor(process.availableMemory() * SHARE);
  if (processes * BYTES_EACH > bytes)
    return `${told(processes)} processes may need ${told(Math.ceil((processes * BYTES_EACH) / 1e6))} MB, and a half of what is free is ${told(Math.floor(bytes / 1e6))} MB`;
  return undefined;
}

export function pidMax(): number {
  return numberIn("/proc/sys/kernel/pid_max") ?? 0;
}

const told = (number: number): string => number.toLocaleString("en");

interface Limit {
  readonly most: number;
  readonly used: number;
}

/** Of the machine, of the cgroups that this process is in, and of the user where that is not root. */
function limits(): Limit[] {
  const used = Number(/\d+\/(\d+)/.exec(textOf("/proc/loadavg") ?? "")?.[1] ?? 0);
  const machine = ["/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"].map(numberIn);
  const user =
    process.getuid?.() === 0
      ? undefined
      : Number(/^Max processes +(\d+)/m.exec(textOf("/proc/self/limits") ?? "")?.[1]);
  return [
    ...[...machine, user].flatMap((most) =>
      most === undefined || Number.isNaN(most) ? [] : [{ most, used }],
    ),
    ...cgroups(),
  ];
}

function cgroups(): Limit[] {
  return (textOf("/proc/self/cgroup") ?? "").split("\n").flatMap((line) => {
    const [, controllers = "", path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers !== "" && !controllers.split(",").includes("pids")) return [];
    const root = controllers === "" ? "/sys/fs/cgroup" : `/sys/fs/cgroup/${controllers}`;
    return parents(path).flatMap((each) => {
      const [most, used] = ["max", "current"].map((name) => numberIn(`${root}${each}/pids.${name}`));
      return most === undefined || used === undefined ? [] : [{ most, used }];
    });
  });
}

/** "/a/b" and "/a", since each of them may have a limit; the root has none. */
function parents(path: string): string[] {
  const parts = path.split("/").filter(Boolean);
  return parts.map((_, i) => `/${parts.slice(0, i + 1).join("/")}`);
}

/** undefined also where it says "max". */
function numberIn(path: string): number | undefined {
  const number = Number.parseInt(textOf(path) ?? "", 10);
  return Number.isNaN(number) ? undefined : number;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Another kernel, or a machine that hides it.
    return undefined;
  }
}
