// Under the name dumb-init: its command line, its session, its stops, its last signal and its words, played on the core.

import assert from "node:assert/strict";
import type { Core, Kernel } from "../lib/host.ts";
import { PROGRAM as CHILD, type Life, play } from "../lib/plain.ts";
import { DIES, type Event, PIDFD, PROGRAM, type Restarted, restart, type Survivors } from "../lib/scene.ts";
import { check, plainCase } from "./commandline.ts";
import { into, type Played, some } from "./promises.ts";
import { near } from "./spelling.ts";

export const DUMB_INITS: Played[] = [];
const promise = into(DUMB_INITS);

const [EPERM, ESRCH, EINVAL, ENOTTY] = [1, 3, 22, 25];
const [SIGHUP, SIGPIPE, SIGTERM, SIGCHLD, SIGCONT, SIGSTOP] = [1, 13, 15, 17, 18, 19];
const STOPS = [20, 21, 22];
const EVERY = Array.from({ length: 64 }, (_, index) => index + 1).filter(
  (signal) => ![9, 17, 19].includes(signal),
);

// The command line

const onLine = (core: Core, args: readonly string[], variables: readonly string[] = []): void =>
  check(core, { ...plainCase, args: ["dumb-init", ...args], variables });

promise("dumb-init's variables mean something with one value each, and only under its name", (core) => {
  const values = ["", "0", "1", "2", "00", "01", "10", "11", "0 ", "1 ", " 0", " 1", "x"];
  for (const name of ["DUMB_INIT_DEBUG", "DUMB_INIT_SETSID"]) {
    for (const value of values) {
      for (const args of [["/x"], ["-v", "/x"], ["-c", "/x"], ["-vc", "/x"]])
        onLine(core, args, [`${name}=${value}`]);
      for (const other of ["0", "1"]) onLine(core, ["/x"], [`${name}=${value}`, `${name}=${other}`]);
      for (const called of ["steady", "tini"])
        check(core, { ...plainCase, args: [called, "-v", "/x"], variables: [`${name}=${value}`] });
    }
    // The first variable of all, the last, and one whose name goes on.
    for (const variables of [[`${name}=1`], ["A=b", `${name}=0`], [`${name}S=0`, `${name}S=1`], [name]])
      onLine(core, ["-v", "/x"], variables);
  }
});

promise(
  "a long name of dumb-init may be cut where no other begins so, and may not be wrong",
  (core, effort) => {
    const names = ["help", "single-child", "rewrite", "verbose", "version"];
    const words = names.flatMap((name) => [
      ...Array.from({ length: name.length + 1 }, (_, length) => name.slice(0, length)),
      ...near(name),
    ]);
    for (const word of some(
      words.filter((word) => word !== ""),
      effort,
    ))
      for (const args of [
        [`--${word}`, "15:3", "/x"],
        [`--${word}=15:3`, "/x"],
        [`--${word}`],
        [`--${word}=`],
      ])
        onLine(core, args);
    for (const args of [["--=x"], ["--="], ["--=15:3", "/x"]]) onLine(core, args);
  },
);

promise("dumb-init's letters are its own, and steady's are none of them", (core) => {
  for (let code = 33; code < 127; code++) {
    const letter = String.fromCharCode(code);
    for (const args of [
      [`-${letter}`, "15:3", "/x"],
      [`-v${letter}`, "/x"],
      [`-${letter}15:3`, "/x"],
      [`-${letter}`],
    ])
      onLine(core, args);
  }
});

promise("--no-env keeps its variables from saying anything, and no other option does", (core) => {
  for (const [args, isHeard] of [
    [["--no-env"], false],
    [["--user=5:6"], true],
    [["--user=5:6", "--no-env"], false],
    [["--sandbox=off"], true],
    [[], true],
  ] as const) {
    const variables = ["DUMB_INIT_DEBUG=1", "DUMB_INIT_SETSID=0"];
    const { errors, childCalls } = play(core, { args: ["dumb-init", ...args, "/x"], variables });
    assert.equal(errors.includes("Running in debug mode"), isHeard, errors);
    assert.equal(
      childCalls.some(([name]) => name === "setsid"),
      !isHeard,
    );
  }
});

promise("a rule of -r is what sscanf reads, from 1 to 31 and into 0 to 31", (core) => {
  for (const text of [
    ..."0 1 2 9 14 15 16 19 29 30 31 32 33 -1 +15 99999999999"
      .split(" ")
      .flatMap((from) => [`${from}:3`, `15:${from}`]),
    ..."15:-0 15:.3 15:,3 .3:3 ,15:3 15:3x 15:3:4 15:3. :3 15: 15 15:: a:3 15:a 15;3 1 5:3".split(" "),
    ..." |:| :3|15 :3|15: 3| 15:3|\t\n\v\f\r15:\t\n\v\f\r3|\b15:3|15:\x0e3|15:\b3|15:!3|+:3|-:3|15:+|15:-|15:--3|++15:3|0/:3|15:/3|15:;".split(
      "|",
    ),
  ])
    for (const args of [
      ["-r", text, "-v", "/x"],
      [`-r${text}`, "/x"],
      [`--rewrite=${text}`, "/x"],
    ])
      onLine(core, args);
});

// A life that goes on

function live(
  core: Core,
  args: readonly string[],
  events: readonly Event[],
  more: Partial<Scene> = {},
): Restarted {
  const { survivors = {}, kernel = {} } = more;
  return restart(core, {
    survivors: { mayKill: true, ...survivors },
    args: ["dumb-init", ...args, "/x"],
    events: [...events, DIES(0), { signal: SIGCHLD }],
    kernel,
  });
}
interface Scene {
  readonly survivors: Survivors;
  readonly kernel: Kernel;
}

/** Without a pidfd the end is learnt of by SIGCHLD alone. */
const WATCHING: Survivors = { pidfd: -1 };

/** The farewell, where pidfds take it. */
const LAST = ["pidfd_send_signal", PIDFD, SIGTERM, 0, 1] as const;
const SUSPENDED = ["kill", 1, SIGSTOP] as const;
const toGroup = (signal: number) => ["kill", -PROGRAM, signal] as const;
const toProgram = (signal: number) => ["kill", PROGRAM, signal] as const;

promise(
  "every signal goes to the session, a stop of the terminal as SIGSTOP, and then the init stops itself",
  (core) => {
    for (const signal of EVERY) {
      const isStop = STOPS.includes(signal);
      const { sent } = live(core, [], [{ signal }]);
      assert.deepEqual(
        sent,
        [toGroup(isStop ? SIGSTOP : signal), ...(isStop ? [SUSPENDED] : []), LAST],
        `${signal}`,
      );
    }
  },
);

promise("with -c every signal goes to the program as it is, and the end is told to nobody", (core) => {
  for (const args of [["-c"], ["--single-child"], ["-c", "-v"]]) {
    for (const signal of EVERY) {
      const { sent } = live(core, args, [{ signal }]);
      assert.deepEqual(
        sent,
        [toProgram(signal), ...(STOPS.includes(signal) ? [SUSPENDED] : [])],
        `${signal}`,
      );
    }
  }
});

promise("what -r says of a stop holds in the session, and the init stops itself all the same", (core) => {
  for (const signal of STOPS) {
    for (const [to, becomes] of [
      [0, []],
      [10, [toGroup(10)]],
      [signal, [toGroup(signal)]],
    ] as const) {
      for (const rule of [
        ["-r", `${signal}:${to}`],
        ["-r10:12", `-r${signal}:5`, `-r${signal}:${to}`],
      ]) {
        const { sent } = live(core, rule, [{ signal }]);
        assert.deepEqual(sent, [...becomes, SUSPENDED, LAST], rule.join(" "));
      }
      // The other two stay.
      const others = STOPS.filter((other) => other !== signal);
      const { sent } = live(
        core,
        ["-r", `${signal}:${to}`],
        others.map((other) => ({ signal: other })),
      );
      assert.deepEqual(sent, [...others.flatMap(() => [toGroup(SIGSTOP), SUSPENDED]), LAST]);
    }
  }
});

promise("each standard signal is rewritten to each, or dropped, and no other with it", (core, effort) => {
  const standard = EVERY.filter((signal) => signal < 32 && !STOPS.includes(signal));
  for (const from of some(standard, effort)) {
    for (const to of [0, 1, 19, 31, from]) {
      const others = standard.filter((signal) => signal !== from);
      const { sent } = live(
        core,
        ["-r", `${from}:${to}`],
        [from, ...others].map((signal) => ({ signal })),
      );
      const last = from === SIGTERM ? (to === 0 ? [] : [["pidfd_send_signal", PIDFD, to, 0, 1]]) : [LAST];
      assert.deepEqual(
        sent,
        [...(to === 0 ? [] : [toGroup(to)]), ...others.map(toGroup), ...last],
        `${from}:${to}`,
      );
    }
  }
});

promise("under steady's and tini's names no stop stops the init, and the end is told to nobody", (core) => {
  for (const name of ["steady", "tini"]) {
    for (const signal of [...STOPS, SIGTERM]) {
      const events: Event[] = [{ signal }, DIES(0), { signal: SIGCHLD }];
      const { sent } = restart(core, { survivors: {}, args: [name, "/x"], events });
      assert.deepEqual(sent, [toProgram(signal)]);
    }
  }
});

promise("-c that stands before --as says nothing to another init", (core) => {
  for (const name of ["steady", "tini"]) {
    const { childCalls, calls } = play(core, { args: ["dumb-init", "-c", "--as", name, "/x"] });
    assert.ok(childCalls.some(([call]) => call === "setpgid"));
    assert.ok(calls.some(([call]) => call === "setpgid"));
  }
});

promise(
  "the last signal goes by number where the pidfd does not know groups and the init reaps, and else not",
  (core) => {
    const refusing = (errno: number, reaping: number, own: readonly number[] = []): Restarted["sent"] => {
      const sent: [string, ...number[]][] = [];
      const kernel: Kernel = {
        pidfd_send_signal: (_, ...args) => {
          sent.push(["pidfd_send_signal", ...args]);
          return args[3] === 1 ? -errno : 0;
        },
        kill: (_, ...args) => {
          sent.push(["kill", ...args]);
          return 0;
        },
      };
      live(core, own.map(String), [], { survivors: { reaping }, kernel });
      return sent;
    };
    for (const errno of [EPERM, EINVAL, 38]) {
      assert.deepEqual(refusing(errno, 0), [LAST, toGroup(SIGTERM)]);
      assert.deepEqual(refusing(errno, 1), [LAST]);
    }
    // Nobody is left.
    for (const reaping of [0, 1]) {
      assert.deepEqual(refusing(ESRCH, reaping), [LAST]);
      assert.deepEqual(refusing(0, reaping), [LAST]);
    }
  },
);

promise("a signal that finds no session yet goes to the child, which is alone then", (core) => {
  for (const reaping of [0, 1]) {
    for (const answer of [0, -ESRCH, -EINVAL]) {
      const sent: [string, ...number[]][] = [];
      const by =
        (name: string, isGroup: (args: readonly number[]) => boolean) =>
        (_: unknown, ...args: number[]): number => {
          if (args[1] !== 0) sent.push([name, ...args]);
          return isGroup(args) ? answer : 0;
        };
      const kernel: Kernel = {
        kill: by("kill", ([to = 0]) => to < 0),
        pidfd_send_signal: by("pidfd_send_signal", (args) => args[3] === 1),
      };
      live(core, [], [{ signal: 10 }], { survivors: { reaping }, kernel });
      const [whole, one] =
        reaping === 0
          ? [toGroup(10), toProgram(10)]
          : ([
              ["pidfd_send_signal", PIDFD, 10, 0, 1],
              ["pidfd_send_signal", PIDFD, 10, 0, 0],
            ] as const);
      const expected = answer === -ESRCH ? [whole, one] : [whole];
      assert.deepEqual(
        sent.filter(([, , signal]) => signal === 10).slice(0, 2),
        expected,
        `${reaping} ${answer}`,
      );
    }
  }
  // steady's own group is there from the first moment.
  const { sent } = restart(core, {
    survivors: { mayKill: true },
    args: ["steady", "-g", "/x"],
    events: [{ signal: 10 }, DIES(0), { signal: SIGCHLD }],
    kernel: { kill: (_, _to = 0, signal = 0) => (signal === 0 ? 0 : -ESRCH) },
  });
  assert.deepEqual(sent, []);
});

// The log

const said = ({ errors }: Restarted): string[] =>
  errors.split("\n").filter((line) => line !== "" && !/started again|Behaving/.test(line));

promise(
  "each signal is told as it comes, as it is rewritten, and when it was sent, with -v alone",
  (core) => {
    for (const [args, signal, lines] of [
      [["-v"], 10, ["Received signal 10.", "Forwarded signal 10 to children."]],
      [
        ["-v", "-r10:12"],
        10,
        ["Received signal 10.", "Translating signal 10 to 12.", "Forwarded signal 12 to children."],
      ],
      [
        ["-v", "-r10:0"],
        10,
        [
          "Received signal 10.",
          "Translating signal 10 to 0.",
          "Not forwarding signal 0 to children (ignored).",
        ],
      ],
      [
        ["-v"],
        20,
        [
          "Received signal 20.",
          "Translating signal 20 to 19.",
          "Forwarded signal 19 to children.",
          "Suspending self due to TTY signal.",
        ],
      ],
      [["-vc"], 64, ["Received signal 64.", "Forwarded signal 64 to children."]],
    ] as const) {
      const seen = live(core, args, [{ signal }], { survivors: WATCHING });
      const end = [
        "Received signal 17.",
        `A child with PID ${PROGRAM} exited with exit status 0.`,
        ...(args[0] === "-vc" ? [] : ["Forwarded signal 15 to children."]),
        "Child exited with status 0. Goodbye.",
      ];
      assert.deepEqual(
        said(seen),
        [...lines, ...end].map((line) => `[dumb-init] ${line}`),
        args.join(" "),
      );
      assert.deepEqual(
        said(
          live(
            core,
            args.filter((arg) => !arg.startsWith("-v")),
            [{ signal }],
          ),
        ),
        [],
      );
      assert.equal(seen.output, "");
    }
  },
);

promise("how each child ended is told, and the status of the program", (core) => {
  for (const [wait, how, status] of [
    [0x300, "exited with exit status 3", 3],
    [0xff00, "exited with exit status 255", 255],
    [9, "was terminated by signal 9", 137],
    [0x8b, "was terminated by signal 11", 139],
  ] as const) {
    const events: Event[] = [
      { dies: 99, status: wait },
      { dies: PROGRAM, status: wait },
      { signal: SIGCHLD },
    ];
    const seen = restart(core, {
      survivors: WATCHING,
      args: ["dumb-init", "-v", "/x"],
      events,
    });
    for (const pid of [99, PROGRAM])
      assert.ok(said(seen).includes(`[dumb-init] A child with PID ${pid} ${how}.`), seen.errors);
    assert.ok(said(seen).includes(`[dumb-init] Child exited with status ${status}. Goodbye.`), seen.errors);
    assert.equal(seen.status, status);
  }
});

promise("a failed signal is not told as sent", (core) => {
  const seen = live(core, ["-vc"], [{ signal: 10 }], { kernel: { kill: () => -EINVAL } });
  assert.ok(!said(seen).some((line) => line.includes("Forwarded")), seen.errors);
});

promise(
  "what the init caused itself is told as the hand-over of the terminal, and of its own SIGPIPE nothing",
  (core) => {
    const seen = live(
      core,
      ["-v"],
      [
        { signal: SIGHUP, own: true },
        { signal: SIGPIPE, own: true },
        { signal: SIGCONT, own: true },
      ],
    );
    assert.deepEqual(seen.sent, [LAST]);
    const lines = said(seen).slice(0, 4);
    const told = [SIGHUP, SIGCONT].flatMap((signal) => [
      `[dumb-init] Received signal ${signal}.`,
      `[dumb-init] Ignoring tty hand-off signal ${signal}.`,
    ]);
    assert.deepEqual(lines, told);
    // Of somebody else's all of it.
    assert.ok(said(live(core, ["-v"], [{ signal: SIGPIPE }])).includes("[dumb-init] Received signal 13."));
  },
);

// The start

const start = (core: Core, args: readonly string[], life: Partial<Life> = {}) =>
  play(core, { args: ["dumb-init", ...args, "/x"], ...life });

promise("the hand-over of the terminal is told as it went", (core) => {
  for (const [answer, session, text] of [
    [-ENOTTY, 1, "Unable to detach from controlling tty (errno=25 Inappropriate ioctl for device)."],
    [-EPERM, 1, "Unable to detach from controlling tty (errno=1 Operation not permitted)."],
    [0, 1, "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive."],
    [0, 2, "Detached from controlling tty, but was not session leader."],
  ] as const) {
    const kernel: Kernel = { control_terminal: () => answer, getsid: () => session };
    const lines = start(core, ["-v"], { kernel })
      .errors.split("\n")
      .filter((line) => /etach/.test(line));
    assert.deepEqual(lines, [`[dumb-init] ${text}`]);
    assert.ok(!/etach/.test(start(core, [], { kernel }).errors));
  }
  for (const [answer, text] of [
    [0, ""],
    [-EPERM, "[dumb-init] Unable to attach to controlling tty (errno=1 Operation not permitted).\n"],
  ] as const) {
    const { childErrors } = start(core, ["-v"], { childKernel: { control_terminal: () => answer } });
    assert.equal(childErrors, `${text}[dumb-init] setsid complete.\n`);
    assert.equal(start(core, [], { childKernel: { control_terminal: () => answer } }).childErrors, "");
  }
});

promise("without a session there is no program, and the status is 1", (core) => {
  const seen = start(core, [], { childKernel: { setsid: () => -EPERM }, end: 0x100 });
  assert.equal(
    seen.childErrors,
    "[dumb-init] Unable to setsid (errno=1 Operation not permitted). Exiting.\n",
  );
  assert.deepEqual([seen.childStatus, seen.status, seen.executed], [1, 1, []]);
  assert.deepEqual(start(core, ["-c"], { childKernel: { setsid: () => -EPERM } }).executed.length, 1);
});

promise("whatever an exec failed with, the status is 2", (core) => {
  for (const execErrno of [2, 13, 8, 7, 20, 12, 40]) {
    const seen = start(core, [], { execErrno, end: 0x200 });
    assert.deepEqual([seen.childStatus, seen.status], [2, 2], `${execErrno}`);
    assert.match(seen.childErrors, /^\[dumb-init\] \/x: .*\n$/);
  }
  assert.equal(CHILD, PROGRAM);
});

promise("where there is no process to be had, the status is 1", (core) => {
  for (const errno of [11, 12]) assert.equal(start(core, [], { kernel: { clone: () => -errno } }).status, 1);
});

promise(
  "the kernel reaps under dumb-init's name too, and is asked about the process, not about a session to come",
  (core) => {
    for (const args of [[], ["-c"]]) {
      const { calls } = start(core, args, {
        kernel: {
          pidfd_send_signal: (_, _fd, signal = 0, _at, group = 0) =>
            group !== 0 ? -ESRCH : signal > 64 ? -EINVAL : 0,
        },
      });
      assert.ok(
        calls.some(([name, signal, action]) => name === "rt_sigaction" && signal === SIGCHLD && action === 1),
      );
    }
  },
);
