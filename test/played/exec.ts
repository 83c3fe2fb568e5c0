// How the child finds the program and becomes it, played on the core itself: after which errors the search goes on, what
// a failure comes to, and who runs a text file.

import assert from "node:assert/strict";
import { ERRORS } from "../../texts/linux.ts";
import { MESSAGES } from "../../texts/messages.ts";
import { Exited, type Kernel } from "../lib/host.ts";
import { PROGRAM, play, type Seen } from "../lib/plain.ts";
import { into, type Played, some } from "./promises.ts";

export const EXECS: Played[] = [];
const promise = into(EXECS);

const [ENOENT, ENOEXEC, EAGAIN, ENOMEM, EACCES, ENOTDIR] = [2, 8, 11, 12, 13, 20];
const [ENODEV, ETIMEDOUT, ESTALE] = [19, 110, 116];
/** What glibc's execvp passes over. */
const PASSED = [ENOENT, ENOTDIR, EACCES, ENODEV, ETIMEDOUT, ESTALE];
const ERRNOS = Array.from({ length: 133 }, (_, index) => index + 1).filter((errno) => errno !== ENOEXEC);

/** Those that are told apart and their neighbours, and some of the others. */
function errnos(effort: number): Set<number> {
  const special = [...PASSED, EAGAIN, ENOMEM].flatMap((errno) => [errno - 1, errno, errno + 1]);
  return new Set([...special.filter((errno) => ERRNOS.includes(errno)), ...some(ERRNOS, effort)]);
}

interface Tried {
  readonly seen: Seen;
  /** Each path that was executed, and with which arguments. */
  readonly tries: readonly (readonly string[])[];
}

/** Plays a start in which each execve fails as `errnoOf` says; undefined: it succeeds. */
function tried(
  core: Parameters<Played["play"]>[0],
  args: readonly string[],
  errnoOf: (path: string) => number | undefined,
  path = "/a:/b",
): Tried {
  const tries: string[][] = [];
  const childKernel: Kernel = {
    execve: (host, at = 0, argument = 0) => {
      const file = host.text(at);
      tries.push([file, ...host.argumentsFrom(argument)]);
      const errno = errnoOf(file);
      if (errno === undefined) throw new Exited(0);
      return -errno;
    },
  };
  return { seen: play(core, { args, variables: [`PATH=${path}`], childKernel }), tries };
}

function statusOf(errno: number, name: string): number {
  if (errno === ENOENT) return 127;
  if (errno === EACCES) return 126;
  if (name === "tini") return 1;
  if (errno === ENOTDIR) return 127;
  return errno === ENOMEM || errno === EAGAIN ? 125 : 126;
}

function checkFailure({ seen }: Tried, name: string, program: string, errno: number): void {
  const error = ERRORS[errno] || `Unknown error ${errno}`;
  const text = MESSAGES.ExecFailed.replace("%p", program).replace("%e", error);
  assert.deepEqual(
    [seen.childErrors, seen.status],
    [`[FATAL ${name} (${PROGRAM})] ${text}\n`, statusOf(errno, name)],
  );
}

promise("each error of an exec has its sentence and its status", (core, effort) => {
  for (const name of ["steady", "tini"]) {
    for (const errno of errnos(effort)) {
      const start = tried(core, [name, "/x"], () => errno);
      assert.deepEqual(start.tries, [["/x", "/x"]]);
      checkFailure(start, name, "/x", errno);
    }
  }
});

promise(
  "the search through PATH goes on after what glibc passes over, and ends with anything else",
  (core, effort) => {
    for (const errno of errnos(effort)) {
      const isPassed = PASSED.includes(errno);
      const first = tried(core, ["steady", "ls"], (path) => (path === "/a/ls" ? errno : ENOENT));
      assert.deepEqual(
        first.tries.map(([path]) => path),
        isPassed ? ["/a/ls", "/b/ls"] : ["/a/ls"],
        `${errno}`,
      );
      const denied = errno === EACCES ? EACCES : ENOENT;
      checkFailure(first, "steady", "ls", isPassed ? denied : errno);
      const second = tried(core, ["steady", "ls"], (path) => (path === "/b/ls" ? errno : ENOENT));
      assert.equal(second.tries.length, 2);
      checkFailure(second, "steady", "ls", isPassed ? denied : errno);
    }
  },
);

promise("a program that one part of PATH denies is run from another that has it", (core) => {
  const { tries, seen } = tried(
    core,
    ["steady", "ls", "-l"],
    (path) => (path === "/a/ls" ? EACCES : undefined),
    "/a::/b",
  );
  assert.deepEqual(tries, [
    ["/a/ls", "ls", "-l"],
    ["ls", "ls", "-l"],
  ]);
  assert.equal(seen.childErrors, "");
});

promise(
  "each part of PATH is tried, of up to 4,095 bytes; without PATH it is that of the C library",
  (core) => {
    const [long, longer] = [4095, 4096].map((length) => `/${"z".repeat(length - 1)}`);
    for (const [variables, folders] of [
      [[], ["/bin/", "/usr/bin/"]],
      [
        ["PATHS=/a", "APATH=/b"],
        ["/bin/", "/usr/bin/"],
      ],
      [["PATH="], [""]],
      [["PATH=:"], ["", ""]],
      [["A=b", "PATH=/a", "PATH=/b"], ["/a/"]],
      [["PATH=/a:b:/:c/"], ["/a/", "b/", "//", "c//"]],
      [[`PATH=${long}:/a`], [`${long}/`, "/a/"]],
      [[`PATH=${longer}:/a:${longer}`], ["/a/"]],
      [["PATH=/abc:/a::b"], ["/abc/", "/a/", "", "b/"]],
    ] as const) {
      for (const name of ["ls", "n".repeat(255)]) {
        const { executed } = play(core, { args: ["steady", name], variables, execErrno: ENOENT });
        assert.deepEqual(
          executed.map(({ path }) => path),
          folders.map((folder) => folder + name),
        );
      }
    }
  },
);

promise("an empty name is no program, and is looked for nowhere", (core) => {
  const start = tried(core, ["steady", ""], () => EACCES);
  assert.deepEqual(start.tries, []);
  checkFailure(start, "steady", "", ENOENT);
});

promise("a name that ends with its only slash is a path", (core) => {
  assert.deepEqual(tried(core, ["steady", "x/"], () => EACCES).tries, [["x/", "x/"]]);
});

promise("a text file without #! is run by /bin/sh, with what followed the program", (core) => {
  const script = (path: string): number | undefined => (path === "/bin/sh" ? undefined : ENOEXEC);
  for (const [args, path] of [
    [["steady", "/x", "a", "b c"], "/x"],
    [["steady", "-v", "--", "/x"], "/x"],
    [["steady", "run", "-x"], "/a/run"],
  ] as const) {
    const { tries, seen } = tried(core, args, script);
    const at = args.findIndex((arg) => arg === "/x" || arg === "run");
    assert.deepEqual(tries, [
      [path, ...args.slice(at)],
      ["/bin/sh", "/bin/sh", path, ...args.slice(at + 1)],
    ]);
    assert.equal(seen.childErrors, "");
  }
});

promise("where there is no shell for a text file, that is the error", (core) => {
  for (const errno of [EACCES, ENOMEM, ENOENT]) {
    const start = tried(core, ["steady", "/x"], (path) => (path === "/bin/sh" ? errno : ENOEXEC));
    assert.equal(start.tries.length, 2);
    assert.equal(start.seen.status, statusOf(errno, "steady"));
  }
});

promise("whoever clone answers 0 is the child, and executes the program", (core) => {
  let path = "";
  const kernel: Kernel = {
    clone: () => 0,
    execve: (host, at = 0) => {
      path = host.text(at);
      throw new Exited(9);
    },
  };
  const seen = play(core, { args: ["steady", "/x"], kernel });
  assert.deepEqual([path, seen.status], ["/x", 9]);
  assert.equal(seen.calls.filter(([name]) => name === "clone").length, 1);
  assert.equal(
    seen.calls.some(([name]) => name === "signalfd4"),
    false,
  );
});
