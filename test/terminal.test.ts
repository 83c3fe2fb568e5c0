// The terminal: a pseudo-terminal made by script(1), and a real shell in it. What is typed goes through the line
// discipline, so that Ctrl-C and Ctrl-Z are signals of the kernel to whoever has the foreground.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadCore } from "./lib/host.ts";
import { play } from "./lib/plain.ts";
import {
  asPid1,
  becomes,
  descendantNamed,
  inBothModes,
  needsPidNamespace,
  needsProgram,
  type ReapMode,
  type Run,
  STEADY,
  start,
  statOf,
  until,
} from "./lib/process.ts";

const CTRL_C = "\x03";
const CTRL_D = "\x04";
const CTRL_Z = "\x1a";
/** The shells that users sit in front of; each keeps jobs in its own way. */
const SHELLS = ["sh -i", "bash --norc --noprofile --noediting -i"];

/** A terminal with one command in it. What was seen once is not seen again. */
class Terminal {
  readonly run: Run;
  #from = 0;

  constructor(context: TestContext, command: string) {
    const env = { ...process.env, SHELL: "/bin/sh", PS1: "ready> ", TERM: "dumb", ENV: "" };
    this.run = start(context, ["script", "-qefc", command, "/dev/null"], { env });
  }

  type(text: string): void {
    this.run.write(text);
  }

  /** Waits for a text behind the last one that was seen; answers the match. */
  async see(text: string | RegExp): Promise<RegExpMatchArray> {
    const pattern = typeof text === "string" ? new RegExp(text.replace(/[[\]()+$^.*?|\\]/g, "\\$&")) : text;
    const found = await until(`${pattern} in the terminal`, () => {
      const match = this.run.stdout.slice(this.#from).match(pattern);
      if (match === null && this.run.end !== undefined) throw new Error("the terminal is closed");
      return match ?? undefined;
    }).catch((error: Error) => {
      throw new Error(`${error.message}; it shows:\n${this.run.stdout.slice(this.#from)}`);
    });
    this.#from += (found.index ?? 0) + found[0].length;
    return found;
  }

  /** The init below the shell. */
  async init(): Promise<number> {
    return descendantNamed(this.run.pid, "steady");
  }

  /** Closes the terminal, as a lost connection does. */
  hangUp(): void {
    this.run.child.kill("SIGKILL");
  }
}

/** A shell with job control in a terminal, ready to be typed at. */
async function shellIn(context: TestContext, shell: string): Promise<Terminal | undefined> {
  const program = shell.split(" ")[0] as string;
  if (!needsProgram(context, program, `apt-get install ${program}`)) return undefined;
  const terminal = new Terminal(context, `exec ${shell}`);
  await terminal.see("ready> ");
  return terminal;
}

/** One test for each shell and each way of reaping. */
function inEachShell(
  name: string,
  body: (terminal: Terminal, init: string, context: TestContext) => Promise<void>,
): void {
  for (const shell of SHELLS) {
    inBothModes(`${name}, in ${shell.split(" ")[0]}`, async (context, mode) => {
      const terminal = await shellIn(context, shell);
      if (terminal !== undefined) await body(terminal, `${STEADY} --reap ${mode}`, context);
    });
  }
}

/** The shell still has its terminal: it reads what is typed and does it. */
async function shellGoesOn(terminal: Terminal): Promise<void> {
  terminal.type("echo alive-$((40+2))\n");
  await terminal.see("alive-42");
  await terminal.see("ready> ");
}

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "steady-terminal-"));
  context.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** The program below an init of ours, whose only child it is. */
async function programOf(init: number, name: string): Promise<number> {
  return descendantNamed(init, name);
}

const FOREGROUND = "sh -c 'cat /proc/$$/stat; read x; echo got-$x'";

async function hasForeground(terminal: Terminal): Promise<void> {
  const stat = await terminal.see(/(\d+) \(sh\) \S \d+ (\d+) \d+ -?\d+ (-?\d+) /);
  assert.deepEqual([stat[2], stat[3]], [stat[1], stat[1]], "its own group, which has the foreground");
  terminal.type("typed\n");
  await terminal.see("got-typed");
}

inBothModes("as PID 1 the program gets the foreground and reads what is typed", async (context, mode) => {
  if (!needsPidNamespace(context)) return;
  const command = asPid1([STEADY, "--reap", mode, "--"]).join(" ");
  const terminal = new Terminal(context, `${command} ${FOREGROUND}`);
  await hasForeground(terminal);
  assert.equal((await terminal.run.ends()).status, 0);
});

inBothModes(
  "outside PID 1 the program gets the foreground and reads what is typed",
  async (context, mode) => {
    const terminal = new Terminal(context, `exec ${STEADY} --reap ${mode} ${FOREGROUND}`);
    await hasForeground(terminal);
    assert.equal((await terminal.run.ends()).status, 0);
  },
);

inEachShell("W9: an init in the background leaves the terminal to the shell", async (terminal, init) => {
  await staysInBackground(terminal, init);
});

inEachShell("W9: in the background it does so also as PID 1", async (terminal, init, context) => {
  if (!needsPidNamespace(context)) return;
  await staysInBackground(terminal, asPid1(init.split(" ")).join(" "));
});

async function staysInBackground(terminal: Terminal, init: string): Promise<void> {
  terminal.type(`${init} sleep 1000 &\n`);
  await terminal.see("ready> ");
  const sleeper = await programOf(await terminal.init(), "sleep");
  await shellGoesOn(terminal);
  const stat = statOf(sleeper);
  assert.notEqual(stat?.foreground, stat?.group);
  terminal.type("kill %1; wait; exit 7\n");
  assert.equal((await terminal.run.ends()).status, 7);
}

inEachShell("W9: the shell has the terminal back when the init ends", async (terminal, init) => {
  terminal.type(`${init} sh -c 'exit 9'; echo status-$?; read x; echo got-$x\n`);
  await terminal.see("status-9");
  terminal.type("typed\n");
  await terminal.see("got-typed");
  await shellGoesOn(terminal);
});

inBothModes("W9: a script without job control reads on after the init", async (context, mode) => {
  const init = `${STEADY} --reap ${mode}`;
  const terminal = new Terminal(context, `${init} true; ${init} sh -c 'kill -9 $$'; read x; echo got-$x`);
  terminal.type("typed\n");
  await terminal.see("got-typed");
  assert.equal((await terminal.run.ends()).status, 0);
});

inBothModes(
  "W9: the terminal comes back although the program left a process behind",
  async (context, mode) => {
    const left = "sh -c 'sleep 5 & exit 0'";
    const terminal = new Terminal(context, `${STEADY} --reap ${mode} ${left}; read x; echo got-$x`);
    terminal.type("typed\n");
    await terminal.see("got-typed");
  },
);

inEachShell(
  "W10: Ctrl-Z stops the program and the init, and fg goes on with both",
  async (terminal, init) => {
    terminal.type(`${init} sh -c 'read x; echo got-$x; exit 4'; echo status-$?\n`);
    const pid = await terminal.init();
    const program = await programOf(pid, "sh");
    await until("the program has the foreground", () => statOf(program)?.foreground === program);
    terminal.type(CTRL_Z);
    await terminal.see("Stopped");
    await becomes(pid, "T");
    await becomes(program, "T");
    await terminal.see("ready> ");
    await shellGoesOn(terminal);
    terminal.type("fg; echo status-$?\n");
    await until("the foreground is the program's again", () => statOf(program)?.foreground === program);
    terminal.type("typed\n");
    await terminal.see("got-typed");
    await terminal.see("status-4");
    await shellGoesOn(terminal);
  },
);

inEachShell("W10: a second Ctrl-Z works like the first", async (terminal, init) => {
  terminal.type(`${init} sleep 1000\n`);
  const pid = await terminal.init();
  const program = await programOf(pid, "sleep");
  for (let i = 0; i < 2; i++) {
    await until("the program has the foreground", () => statOf(program)?.foreground === program);
    terminal.type(CTRL_Z);
    await terminal.see("Stopped");
    await terminal.see("ready> ");
    await becomes(pid, "T");
    await becomes(program, "T");
    terminal.type("fg; echo status-$?\n");
    await becomes(program, "S");
  }
  await until("the program has the foreground", () => statOf(program)?.foreground === program);
  terminal.type(CTRL_C);
  await terminal.see("status-130");
});

inEachShell("W10: bg goes on with both in the background", async (terminal, init) => {
  terminal.type(`${init} sleep 1000\n`);
  const pid = await terminal.init();
  const program = await programOf(pid, "sleep");
  await until("the program has the foreground", () => statOf(program)?.foreground === program);
  terminal.type(CTRL_Z);
  await terminal.see("Stopped");
  await becomes(pid, "T");
  await terminal.see("ready> ");
  terminal.type("bg\n");
  await becomes(pid, "S");
  await becomes(program, "S");
  await shellGoesOn(terminal);
  terminal.type("kill %1; wait; exit 7\n");
  assert.equal((await terminal.run.ends()).status, 7);
});

inEachShell("W10: a stopped job can be ended by the shell's kill", async (terminal, init) => {
  terminal.type(`${init} sh -c 'trap "echo saved; exit 5" TERM; while :; do read x; done'\n`);
  const pid = await terminal.init();
  const program = await programOf(pid, "sh");
  await until("the program has the foreground", () => statOf(program)?.foreground === program);
  terminal.type(CTRL_Z);
  await terminal.see("Stopped");
  await becomes(pid, "T");
  terminal.type("kill %1\n");
  // dash tells of a job that was killed, without waking it; bash continues it at once.
  terminal.type("kill -CONT %1\n");
  await terminal.see("saved\r\n");
  await until("the init has ended", () => (statOf(pid)?.state ?? "Z") === "Z");
  await shellGoesOn(terminal);
});

/**
 * A program that reads from the terminal as soon as a fifo says so, and not before. It forks nothing: a shell that is
 * stopped between vfork and exec of a child hangs, under whatever init.
 */
function lateReader(path: string): string {
  execFileSync("mkfifo", [join(path, "go")]);
  return `sh -c 'read go <${path}/go; read x; echo got-$x'`;
}

async function readsAfterForeground(terminal: Terminal, path: string): Promise<void> {
  terminal.type("fg\n");
  // The shell answers with the name of the job, and waits for it.
  await terminal.see(/fg\r\n[^\n]*got-[^\n]*\n/);
  const fifo = openSync(join(path, "go"), "r+");
  writeSync(fifo, "\n");
  terminal.type("typed\n");
  await terminal.see("got-typed").finally(() => closeSync(fifo));
  await shellGoesOn(terminal);
}

inEachShell("after bg and fg the program reads what is typed", async (terminal, init, context) => {
  const path = folder(context);
  terminal.type(`${init} ${lateReader(path)}\n`);
  const pid = await terminal.init();
  const program = await programOf(pid, "sh");
  await until("the program has the foreground", () => statOf(program)?.foreground === program);
  terminal.type(CTRL_Z);
  await terminal.see("Stopped");
  await becomes(pid, "T");
  terminal.type("bg\n");
  await becomes(pid, "S");
  await becomes(program, "S");
  await shellGoesOn(terminal);
  await readsAfterForeground(terminal, path);
});

inEachShell(
  "a program that was started in the background reads after fg",
  async (terminal, init, context) => {
    const path = folder(context);
    terminal.type(`${init} ${lateReader(path)} &\n`);
    await terminal.see("ready> ");
    await programOf(await terminal.init(), "sh");
    await shellGoesOn(terminal);
    await readsAfterForeground(terminal, path);
  },
);

inEachShell("Ctrl-Z stops a program that was started in the background, after fg", async (terminal, init) => {
  terminal.type(`${init} sleep 1000 &\n`);
  await terminal.see("ready> ");
  const pid = await terminal.init();
  const program = await programOf(pid, "sleep");
  terminal.type("fg\n");
  await terminal.see(/fg\r\n.*sleep 1000/);
  terminal.type(CTRL_Z);
  await terminal.see("Stopped");
  await becomes(pid, "T");
  await becomes(program, "T");
  await shellGoesOn(terminal);
});

inEachShell("a reader in the background stops as a job, and reads after fg", async (terminal, init) => {
  terminal.type(`${init} sh -c 'read x; echo got-$x' &\n`);
  await terminal.see("ready> ");
  await becomes(await terminal.init(), "T");
  await shellGoesOn(terminal);
  terminal.type("fg\n");
  terminal.type("typed\n");
  await terminal.see("got-typed");
  await shellGoesOn(terminal);
});

inEachShell("a pipeline whose first part is under the init works", async (terminal, init) => {
  terminal.type(`${init} cat | sed s/^/seen-/\n`);
  await programOf(await terminal.init(), "cat");
  terminal.type(`typed\n${CTRL_D}`);
  await terminal.see("seen-typed");
  await terminal.see("ready> ");
  await shellGoesOn(terminal);
});

inEachShell("a pipeline whose last part is under the init works", async (terminal, init) => {
  terminal.type(`cat | ${init} sed s/^/seen-/\n`);
  await programOf(await terminal.init(), "sed");
  terminal.type(`typed\n${CTRL_D}`);
  await terminal.see("seen-typed");
  await terminal.see("ready> ");
  await shellGoesOn(terminal);
});

const COUNTER =
  "sh -c 'n=0; trap \"n=\\$((n+1)); echo int\" INT; echo begun; until read x; do :; done; echo total-$n'";

inEachShell("Ctrl-C reaches the program once", async (terminal, init) => {
  terminal.type(`${init} ${COUNTER}; echo status-$?\n`);
  await terminal.see("\nbegun");
  terminal.type(CTRL_C);
  await terminal.see("int\r\n");
  terminal.type("\n");
  await terminal.see("total-1");
  await terminal.see("status-0");
});

inEachShell("Ctrl-C reaches a program in a pipeline once", async (terminal, init) => {
  terminal.type(`sh -c 'trap "" INT; cat' | ${init} ${COUNTER}\n`);
  await terminal.see("\nbegun");
  // The writer ignores the signal from when its shell has become one that waits for cat.
  await descendantNamed(terminal.run.pid, "cat");
  terminal.type(CTRL_C);
  await terminal.see("int\r\n");
  terminal.type(`\n${CTRL_D}`);
  await terminal.see("total-1");
});

inEachShell("a shell as the main program keeps job control", async (terminal, init) => {
  terminal.type(`PS1='inner> ' ${init} bash --norc --noprofile --noediting -i\n`);
  await terminal.see(/\ninner> /);
  terminal.type("sleep 1000\n");
  const sleeper = await descendantNamed(await terminal.init(), "sleep");
  await until("the job has the foreground", () => statOf(sleeper)?.foreground === sleeper);
  terminal.type(CTRL_Z);
  await terminal.see("Stopped");
  await terminal.see("inner> ");
  await becomes(sleeper, "T");
  terminal.type("fg\n");
  await becomes(sleeper, "S");
  await until("the job has the foreground", () => statOf(sleeper)?.foreground === sleeper);
  terminal.type(CTRL_C);
  await terminal.see("inner> ");
  terminal.type("exit 3\n");
  await terminal.see("ready> ");
  await shellGoesOn(terminal);
});

for (const signal of ["TSTP", "STOP", "TTIN"]) {
  inBothModes(
    `a program that stops itself by ${signal} where no shell watches goes on`,
    async (context, mode) => {
      const program = `sh -c 'kill -${signal} $$; echo went-on; exit 6'`;
      const terminal = new Terminal(context, `exec ${STEADY} --reap ${mode} ${program}`);
      await terminal.see("went-on");
      assert.equal((await terminal.run.ends()).status, 6);
    },
  );
}

inBothModes("a new size of the terminal is told to the program", async (context, mode) => {
  const program = `sh -c 'trap "echo resized; exit 6" WINCH; stty rows 41 cols 83; while :; do sleep 0.01; done'`;
  const terminal = new Terminal(context, `exec ${STEADY} --reap ${mode} ${program}`);
  await terminal.see("resized");
  assert.equal((await terminal.run.ends()).status, 6);
});

/** Closes the terminal under a program and waits for the status of the init in a file. */
async function statusAfterHangUp(context: TestContext, mode: ReapMode, program: string): Promise<string> {
  const path = folder(context);
  const status = join(path, "status");
  const line = `${STEADY} -vvv --reap ${mode} sh -c '${program}'; echo $? >${status}.new; mv ${status}.new ${status}`;
  const terminal = new Terminal(context, `trap "" HUP; cd ${path}; ${line}`);
  await terminal.see("begun");
  terminal.hangUp();
  await until("the status of the init", () => existsSync(status));
  return `${readFileSync(status, "utf8")}${readFileSync(join(path, "seen"), "utf8")}`;
}

inBothModes(
  "W5: a terminal that is closed tells the program, and the init goes on",
  async (context, mode) => {
    const file = "while [ -e /proc/$$/fd/0 ] && ! [ -s seen ]; do sleep 0.01; done; exit 8";
    // An ignored signal cannot be trapped by a shell, so the hang-up is seen by reading: end of file, or EIO.
    const program = `echo begun; while read x; do :; done; echo hung-up >seen; ${file}`;
    assert.equal(await statusAfterHangUp(context, mode, program), "8\nhung-up\n");
  },
);

inBothModes("a hang-up of the terminal reaches the program as SIGHUP", async (context, mode) => {
  const path = folder(context);
  const program = `sh -c 'trap "echo hup >seen; exit 3" HUP; echo begun; while :; do sleep 0.01; done'`;
  const terminal = new Terminal(context, `cd ${path}; exec ${STEADY} --reap ${mode} ${program}`);
  await terminal.see("begun");
  const init = await terminal.init();
  terminal.hangUp();
  await until("the program saw it", () => existsSync(join(path, "seen")));
  await until("the init has ended", () => (statOf(init)?.state ?? "Z") === "Z");
});

test("an init that starts on a closed terminal starts the program", async (context) => {
  const path = folder(context);
  const terminal = new Terminal(
    context,
    `trap "" HUP; cd ${path}; echo begun; while read x; do :; done; ${STEADY} -vvv sh -c 'exit 9'; echo $? >new; mv new status`,
  );
  await terminal.see("begun");
  terminal.hangUp();
  await until("its status", () => existsSync(join(path, "status")));
  assert.equal(readFileSync(join(path, "status"), "utf8"), "9\n");
});

test("a terminal that the kernel does not give to the program is a warning, and the program runs", () => {
  const EPERM = 1;
  const seen = play(loadCore(), {
    args: ["steady", "/x"],
    terminal: true,
    end: 7 * 256,
    childKernel: {
      tcsetpgrp: () => -EPERM,
      ppoll: (host, at = 0) => {
        host.bytes(at + 6, 2).writeInt16LE(4);
        return 1;
      },
    },
  });
  assert.equal(seen.childErrors, "[WARN  steady (42)] tcsetpgrp failed: Operation not permitted\n");
  assert.deepEqual([seen.executed.length, seen.status], [1, 7]);
});
