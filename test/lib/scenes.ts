// The lives in which every system call fails once: silent and verbose, on each kind of stream, with and without a
// terminal, as PID 1 and as subreaper, where the kernel reaps and where it does not, and where something is missing.

import { join } from "node:path";
import {
  fillQueue,
  forwardAndReap,
  interruptAndEnd,
  type Programs,
  type Scene,
  stopAndGoOn,
} from "./faults.ts";

const WITHOUT_KILL = ["setpriv", "--bounding-set=-all,+setuid,+setgid"];
const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
/** In a language that every Debian has: says that it is ready as sd_notify(3) does, and becomes another program. */
const READY =
  'use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0); connect($s, pack_sockaddr_un($ENV{NOTIFY_SOCKET} =~ s/^@/\\0/r)) and send($s, "READY=1", 0); exec @ARGV';
/** Whoever started the init wants to be told, too; the socket is the program's to keep. */
const TOLD =
  'use Socket; $^F = 9; socket(my $s, AF_UNIX, SOCK_DGRAM, 0); my $n = int rand 1e12; bind($s, pack_sockaddr_un("\\0told-$n")) or die; $ENV{NOTIFY_SOCKET} = "\\@told-$n"; exec @ARGV';
const script = (...lines: string[]) => ["sh", "-c", lines.join("; "), "sh"];

const BOTH = [
  { place: "pid1", mode: "kernel", options: ["--reap", "kernel"] },
  { place: "subreaper", mode: "kernel", options: [] },
  { place: "pid1", mode: "wait", options: ["--reap", "wait"] },
  { place: "subreaper", mode: "wait", options: ["--reap", "wait"] },
] as const;

type Variant = (typeof BOTH)[number];
type Told = Partial<Omit<Scene, "place" | "mode" | "name">>;

/** One scene for each variant, with what is told of it. */
function variants(
  name: string,
  told: Told & Pick<Scene, "program">,
  chosen: (variant: Variant) => boolean = () => true,
): Scene[] {
  return BOTH.filter(chosen).map(({ place, mode, options }) => ({
    play: forwardAndReap,
    status: 7,
    ...told,
    name: `${name}, ${place === "pid1" ? "as PID 1" : "as a subreaper"}, --reap ${mode}`,
    place,
    mode,
    options: [...options, ...(told.options ?? [])],
  }));
}

const pid1Waits = ({ place, mode }: Variant) => place === "pid1" && mode === "wait";
const pid1Kernel = ({ place, mode }: Variant) => place === "pid1" && mode === "kernel";
const subreaperWaits = ({ place, mode }: Variant) => place === "subreaper" && mode === "wait";
const subreaperKernel = ({ place, mode }: Variant) => place === "subreaper" && mode === "kernel";
const isPid1 = ({ place }: Variant) => place === "pid1";
const isSubreaper = ({ place }: Variant) => place === "subreaper";

export function scenesFor({ puppet, folder }: Programs): Scene[] {
  const actor = [puppet, "signals", "exit=7", "litter=10", "stop=12"];
  const scenes = (name: string, told: Told, chosen?: (variant: Variant) => boolean) =>
    variants(name, { program: actor, ...told }, chosen);
  return [
    ...scenes("silent", {}),
    ...scenes("all its log on a pipe", { options: ["-vvv"] }, (v) => pid1Waits(v) || subreaperKernel(v)),
    ...scenes(
      "its log on a FIFO",
      { options: ["-v"], stream: "fifo" },
      (v) => pid1Kernel(v) || subreaperWaits(v),
    ),
    ...scenes("its log on a socket", { options: ["-v"], stream: "socket" }, pid1Waits),
    ...scenes(
      "its events in a file",
      { options: ["--events", "json", "--events-to", join(folder, "events")] },
      pid1Kernel,
    ),
    ...scenes(
      "its events in a file of another user",
      {
        around: script(
          `touch ${join(folder, "theirs")}`,
          `chown nobody ${join(folder, "theirs")}`,
          'exec "$@"',
        ),
        options: ["--user=nobody", "-p", "KILL", "--events", "json", "--events-to", join(folder, "theirs")],
      },
      pid1Waits,
    ),
    ...scenes(
      "a program that is ready",
      {
        around: ["perl", "-e", TOLD],
        options: ["--notify"],
        program: ["perl", "-e", READY, ...actor],
      },
      pid1Kernel,
    ),
    ...scenes(
      "clocks, limits and maps, and a strict sandbox",
      {
        options: [
          ...["--grace=60s", "--stop-within=60s", "--pre-stop=1ms", "--limit=1000/s"],
          ...["--map=RTMAX=RTMAX-1,WINCH=drop", "--sandbox=strict"],
        ],
      },
      (v) => pid1Waits(v) || subreaperKernel(v),
    ),
    ...scenes("a group", { options: ["-g"] }, isPid1),
    ...scenes(
      "a program of another user",
      { around: WITHOUT_KILL, options: ["-p", "HUP"], program: [...AS_NOBODY, ...actor] },
      isPid1,
    ),
    ...scenes(
      "a group of another user",
      { around: WITHOUT_KILL, options: ["-g"], program: [...AS_NOBODY, ...actor] },
      isSubreaper,
    ),
    ...scenes(
      "another user",
      {
        options: [
          "--user=nobody:+1,tty",
          "--no-new-privs",
          "--keep-caps=kill",
          "--limit-nproc=5000",
          "-p",
          "KILL",
        ],
      },
      (v) => pid1Waits(v) || subreaperKernel(v),
    ),
    ...scenes(
      "a terminal, as dumb-init",
      { options: ["--as", "dumb-init"], stream: "terminal", play: interruptAndEnd },
      pid1Kernel,
    ),
    ...scenes("as dumb-init", { options: ["--as", "dumb-init"] }, (v) => pid1Waits(v) || subreaperKernel(v)),
    ...scenes(
      "orphans too, and a drain",
      { options: ["-g", "--kill-orphans", "--drain=1s"] },
      (v) => pid1Kernel(v) || subreaperWaits(v),
    ),
    ...scenes("a terminal", { stream: "terminal", play: stopAndGoOn }, isSubreaper),
    ...scenes("a terminal", { stream: "terminal", options: ["-v"], play: interruptAndEnd }, isPid1),
    ...scenes("a job of a shell", { stream: "job", play: stopAndGoOn }, isSubreaper),
    ...scenes(
      "without close_range",
      { conditions: ["close_range:error=ENOSYS"], around: script('exec "$@" 7</dev/null 9</dev/null') },
      (v) => pid1Kernel(v) || subreaperWaits(v),
    ),
    ...scenes("without signalfd", { conditions: ["signalfd4:error=ENOSYS"] }, isPid1),
    ...scenes("no room for a pidfd", { around: ["prlimit", "--nofile=5"] }, subreaperWaits),
    ...scenes(
      "without standard input",
      { around: script('exec "$@" <&-') },
      (v) => pid1Waits(v) || subreaperKernel(v),
    ),
    ...scenes("the parent watched", { options: ["--as", "tini", "-s", "-p", "TERM"] }, isSubreaper),
    ...scenes("the parent's SIGKILL", { options: ["-p", "KILL"] }, subreaperKernel),
    ...scenes("no subreaper", { options: ["--as", "tini"] }, isSubreaper),
    ...scenes("SIGCHLD inherited as ignored", { around: ["env", "--ignore-signal=CHLD"] }, pid1Kernel),
    ...scenes("a full queue", { options: ["-v"], play: fillQueue }, isPid1),
    ...scenes(
      "a program that is missing",
      { program: ["missing"], status: 127, options: ["-v"] },
      pid1Kernel,
    ),
    ...scenes(
      "a path that is missing",
      { program: ["/missing"], status: 127, stream: "fifo" },
      subreaperWaits,
    ),
    ...scenes(
      "a program that is missing",
      { program: ["missing"], status: 127, stream: "terminal" },
      subreaperKernel,
    ),
    ...scenes(
      "a program that is missing",
      { program: ["missing"], status: 127, stream: "socket" },
      pid1Waits,
    ),
    ...scenes("a script without #!", { program: [join(folder, "script")], status: 3 }, pid1Waits),
    ...scenes(
      "no process to be had",
      { conditions: ["clone:error=EAGAIN"], around: ["setpriv", "--bounding-set=-all"], status: 125 },
      pid1Waits,
    ),
    ...scenes("help", { options: ["--help"], status: 0 }, pid1Kernel),
    ...scenes("a copy", { options: ["--install", join(folder, "copy")], status: 0 }, pid1Kernel),
    ...scenes(
      "a copy that fails",
      { conditions: ["fsync:error=EIO"], options: ["--install", join(folder, "copy")], status: 1 },
      pid1Waits,
    ),
    ...scenes("wrong usage", { options: ["-q"], status: 1 }, pid1Kernel),
    ...scenes("a core that fails once", { plant: "a01000" }, isPid1),
    ...scenes("a core that always fails", { plant: "a09000", isSilent: true }, isPid1),
  ];
}
