// Under the name catatonit: its command line, its variables, sockets that were passed on, and a life without a program.

import assert from "node:assert/strict";
import type { Core, Host, Kernel } from "../lib/host.ts";
import { PROGRAM, play } from "../lib/plain.ts";
import { check, plainCase } from "./commandline.ts";
import { into, type Played, some } from "./promises.ts";
import { near } from "./spelling.ts";

export const CATATONITS: Played[] = [];
const promise = into(CATATONITS);

const [EPERM, EINTR] = [1, 4];
const [SIGINT, SIGTERM, SIGCHLD] = [2, 15, 17];
const NAMES = ["catatonit", "podman-init"];

/** An answer for whoever pauses. */
const STOPS: Kernel = { rt_sigtimedwait: () => SIGTERM };

function onLine(core: Core, args: readonly string[], variables: readonly string[] = []): void {
  for (const name of NAMES) check(core, { ...plainCase, args: [name, ...args], variables }, STOPS);
}

promise("catatonit's letters are its own, and steady's are none of them", (core) => {
  for (let code = 33; code < 127; code++) {
    const letter = String.fromCharCode(code);
    for (const args of [
      [`-${letter}`, "/x"],
      [`-g${letter}`, "--", "/x"],
      [`-${letter}g`],
      ["-P", `-${letter}`],
    ])
      onLine(core, args);
  }
});

promise("its one long name may be cut, and may not be wrong", (core, effort) => {
  const name = "version";
  const words = [
    ...Array.from({ length: name.length }, (_, length) => name.slice(0, length + 1)),
    ...near(name),
  ];
  for (const word of some(words.filter(Boolean), effort))
    for (const args of [[`--${word}`, "/x"], [`--${word}=1`, "/x"], [`--${word}`]]) onLine(core, args);
});

promise("however short it is cut, it is the version, since no option of dumb-init is known", (core) => {
  for (const word of ["v", "ve", "ver", "versi", "version", "h", "he", "r", "rewrite", "s", "single-child"])
    onLine(core, [`--${word}`, "/x"]);
});

promise("its variables mean something with any value, and only under its name", (core) => {
  for (const name of ["CATATONIT_DEBUG", "CATATONIT_LOG"]) {
    for (const value of ["", "0", "1", "x"]) {
      onLine(core, ["/x"], [`${name}=${value}`]);
      onLine(core, ["--no-env", "/x"], [`${name}=${value}`]);
      onLine(core, ["-g"], ["A=b", `${name}=${value}`]);
      for (const called of ["steady", "tini", "dumb-init"])
        check(core, { ...plainCase, args: [called, "-v", "/x"], variables: [`${name}=${value}`] });
    }
    for (const variables of [[name], [`${name}S=1`], [`X${name}=1`]]) onLine(core, ["/x"], variables);
  }
});

promise(
  "its reserved variable is refused before any option is looked at, whoever said that it is catatonit",
  (core) => {
    for (const value of ["", "1"]) {
      for (const word of ["-V", "--version", "-h", "-L", "-P", "-x", "--foo", "--no-env", "/x", "--"]) {
        const args = [word, "--", "/x"];
        const variables = [`CATATONIT_LOG=${value}`];
        onLine(core, [word], variables);
        onLine(core, args, ["STEADY_REAP=never", ...variables]);
        onLine(core, ["--as", "steady", ...args], variables);
        onLine(core, args, [...variables, "STEADY_AS=tini"]);
        for (const called of ["steady", "tini", "dumb-init", "catatonit"]) {
          check(core, { ...plainCase, args: [called, "--as=catatonit", ...args], variables }, STOPS);
          check(core, { ...plainCase, args: [called, ...args, "--as=catatonit"], variables }, STOPS);
          const asked = ["STEADY_AS=catatonit", ...variables];
          check(core, { ...plainCase, args: [called, ...args], variables: asked }, STOPS);
          check(core, { ...plainCase, args: [called, "--as", "tini", ...args], variables: asked }, STOPS);
        }
      }
    }
  },
);

promise("outside PID 1 it adopts orphans, or does not start", (core) => {
  for (const pid of [1, 7]) {
    for (const name of NAMES) {
      check(core, { ...plainCase, args: [name, "/x"], pid });
      const refused = play(core, { args: [name, "/x"], pid, kernel: { set_child_subreaper: () => -EPERM } });
      assert.equal(
        refused.calls.some(([call]) => call === "clone"),
        pid === 1,
      );
    }
  }
});

promise(
  "-P starts nothing, lets the kernel reap, and ends with 0 where it is told to, however often it is interrupted",
  (core) => {
    for (const [stop, answers] of [
      [SIGINT, [-EINTR, -EPERM, -EINTR]],
      [SIGTERM, []],
    ] as const) {
      const dead = [5, -EINTR, 6, 0];
      const waits = [...answers, stop];
      const asked: number[] = [];
      const kernel: Kernel = {
        wait4: () => dead.shift() ?? 0,
        rt_sigtimedwait: (_, mask = 0, _at = 0, ms = 0) => {
          asked.push(mask, ms);
          return waits.shift() ?? 0;
        },
      };
      const { status, calls, errors } = play(core, { args: ["catatonit", "-P", "/x"], kernel });
      assert.deepEqual([status, errors, dead, waits], [0, "", [], []]);
      assert.deepEqual(asked.slice(0, 2), [(1 << (SIGINT - 1)) | (1 << (SIGTERM - 1)), -1]);
      const names = calls.map(([name]) => name);
      assert.deepEqual(
        [names.includes("clone"), names.filter((name) => name === "ppoll").length],
        [false, answers.length === 0 ? 0 : 1],
      );
      assert.deepEqual(calls.filter(([name]) => name === "rt_sigaction").at(-1), [
        "rt_sigaction",
        SIGCHLD,
        1,
      ]);
    }
  },
);

promise(
  "LISTEN_PID becomes the program's where it was the init's, whole, under its name and steady's",
  (core) => {
    for (const pid of [1, 9, 10, 4_194_303]) {
      for (const [value, isOurs] of [
        [`${pid}`, true],
        [`${pid}0`, false],
        [`0${pid}`, false],
        [`${pid} `, false],
        ["", false],
      ] as const) {
        for (const name of ["steady", "tini", "dumb-init", ...NAMES]) {
          let environment: string[] = [];
          const childKernel: Kernel = {
            execve: (host: Host) => {
              environment = host.environment();
              return -EPERM;
            },
          };
          play(core, {
            args: [name, "/x"],
            pid,
            variables: ["A=b", `LISTEN_PID=${value}`, "C=d"],
            childKernel,
          });
          const passed = isOurs && !["tini", "dumb-init"].includes(name);
          const expected = passed
            ? ["A=b", "C=d", `LISTEN_PID=${PROGRAM}`]
            : ["A=b", `LISTEN_PID=${value}`, "C=d"];
          assert.deepEqual(environment, expected, `${name} ${pid} ${value}`);
        }
      }
    }
  },
);
