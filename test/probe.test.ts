// `steady --probe` on the real kernel: PID 1 asks its program for whoever may have it asked. Each test has a network namespace
// of its own, since every init in one is asked.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { folder } from "./lib/folder.ts";
import {
  asPid1,
  needsPidNamespace,
  needsRoot,
  PLAIN_PATH,
  type Run,
  STEADY,
  start,
  until,
} from "./lib/process.ts";

/** `say_ TEXT` as sd_notify(3) does it, `probe_ OPTIONS` prints the status of a probe behind what it says. */
const WORDS = `
use Socket; $| = 1;
sub say_ { my $name = $ENV{NOTIFY_SOCKET}; $name =~ s/^@/\\0/; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
  connect($s, pack_sockaddr_un($name)) or die "connect: $!"; send($s, $_[0], 0) // die "send: $!" }
sub probe_ { my $said = qx($ENV{STEADY} --probe @_ 2>&1); print $? >> 8, " $said" }
sub ask_ { my $pid = fork; if (!$pid) { probe_(@_); exit } }
sub all_ { 1 until wait == -1 && !$!{EINTR} }
`;

const PROGRAM_ENV = { ...PLAIN_PATH, STEADY };

function inNetwork(command: readonly string[]): string[] {
  const [unshare = "", ...rest] = asPid1(command);
  return [unshare, "--net", ...rest];
}

function begin(context: TestContext, options: readonly string[], text: string): Run {
  const file = join(folder(context), "program.pl");
  writeFileSync(file, WORDS + text, { mode: 0o755 });
  return start(context, inNetwork([STEADY, ...options, "perl", file]), { env: PROGRAM_ENV });
}

const ANSWERS = `$SIG{USR2} = sub { say_("WATCHDOG=1") };`;

test("a program that answers in time is well: status 0", async (context) => {
  if (!needsPidNamespace(context)) return;
  const run = begin(context, ["--notify"], `${ANSWERS} ask_("--probe-signal USR2 --within 20s"); all_();`);
  assert.equal((await run.ends()).status, 0);
  assert.equal(run.stdout, '0 healthy: "perl" (pid 2) has answered SIGUSR2\n');
});

test("two who have it asked at once both get the answer", async (context) => {
  if (!needsPidNamespace(context)) return;
  const run = begin(
    context,
    ["--notify"],
    `my $asked = 0; $SIG{USR2} = sub { say_("WATCHDOG=1") if ++$asked == 2 };
     ask_("--probe-signal USR2 --within 20s"); select undef, undef, undef, 0.01 until $asked == 1;
     ask_("--probe-signal USR2 --within 20s"); all_();`,
  );
  // A signal that is pending already is one with the next.
  assert.equal((await run.ends()).status, 0);
  assert.match(run.stdout, /^(?:0 healthy: .*\n){2}$/);
});

test("one that does not answer is late: status 1", async (context) => {
  if (!needsPidNamespace(context)) return;
  const run = begin(
    context,
    ["--notify"],
    `$SIG{USR2} = sub {}; ask_("--probe-signal USR2 --within 100ms"); all_();`,
  );
  assert.equal((await run.ends()).status, 0);
  assert.equal(run.stdout, '1 unhealthy: "perl" (pid 2) has not answered SIGUSR2 in time\n');
});

test("who is not asked is told apart: status 2, and why", async (context) => {
  if (!needsPidNamespace(context)) return;
  const none = begin(context, [], `${ANSWERS} ask_("--probe-signal USR2"); all_();`);
  assert.equal((await none.ends()).status, 0);
  assert.equal(none.stdout, "2 not asked: no init hears here; start it with --notify\n");
  const other = begin(
    context,
    ["--notify", "-vv"],
    `${ANSWERS} ask_("--probe-signal HUP"); all_(); ask_(""); all_();`,
  );
  assert.equal((await other.ends()).status, 0);
  const [uncaught, unnamed] = other.stdout.split("\n").filter((line) => /^\d /.test(line));
  assert.equal(uncaught, '2 not asked: "perl" (pid 2) does not catch SIGHUP, which would end it');
  assert.match(unnamed ?? "", /^2 \[FATAL steady \(\d+\)\] --probe-every and --probe need --probe-signal/);
  assert.doesNotMatch(other.stdout, /SIGHUP to/);
});

test("a program that is stopped or gone cannot be asked", async (context) => {
  if (!needsPidNamespace(context)) return;
  const stopped = begin(
    context,
    ["--notify"],
    `${ANSWERS} my $main = $$; my $pid = fork; if (!$pid) {
       kill STOP => $main; 1 until \`cat /proc/$main/stat\` =~ /\\) T/; probe_("--probe-signal USR2"); kill CONT => $main; exit }
     all_();`,
  );
  assert.equal((await stopped.ends()).status, 0);
  assert.match(stopped.stdout, /^2 unhealthy: the main program "perl" \(pid 2\) is stopped\n$/);
});

test("root and the user of the program have it asked, and nobody else", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const as = (user: number, within: string): string =>
    `if (!($pid = fork)) { $( = $) = "${user} ${user}"; $< = $> = ${user};
       probe_("--probe-signal USR2 --within ${within}"); exit } all_();`;
  const run = begin(context, ["--notify"], `my $pid; ${ANSWERS} ${as(0, "20s")} ${as(4321, "300ms")}`);
  assert.equal((await run.ends()).status, 0);
  assert.match(run.stdout, /^0 healthy.*\n1 unhealthy.*\n$/);
});

test("a signal that would end the program is not sent to it, whoever is thought to be the program from outside", async (context) => {
  if (!needsPidNamespace(context)) return;
  // An entrypoint starts a helper that catches the signal, and becomes the init: the helper is its oldest child.
  const helper = "perl -e '$SIG{USR2} = sub {}; open(F, q(>), q(up)); sleep 1 while 1' &";
  const program = `$STEADY --probe --probe-signal USR2 --within 300ms`;
  const script = `${helper} until [ -e up ]; do sleep 0.01; done; exec $STEADY --notify -- sh -c '${program}; exit 5'`;
  const command = inNetwork(["sh", "-c", script]);
  const run = start(context, command, { env: PROGRAM_ENV, cwd: folder(context) });
  assert.equal((await run.ends()).status, 5, run.all());
  assert.match(run.stdout, /^1 unhealthy|^unhealthy|has not answered SIGUSR2/m);
});

test("an answer that PID 1 has not sent is none", async (context) => {
  if (!needsPidNamespace(context)) return;
  // Somebody has bound a name like that of an init, is asked as well, and answers at once.
  const run = begin(
    context,
    ["--notify"],
    `$SIG{USR2} = sub {};
     socket(my $s, AF_UNIX, SOCK_DGRAM, 0); bind($s, pack_sockaddr_un("\\0steady-liar")) or die;
     ask_("--probe-signal USR2 --within 300ms");
     my ($from, $question); 1 until defined($from = recv($s, $question, 100, 0)); print "$question\\n"; send($s, "WATCHDOG=1", 0, $from); all_();`,
  );
  assert.equal((await run.ends()).status, 0);
  assert.match(run.stdout, /^STEADY_PROBE=12\n1 unhealthy: .*\n$/);
});

test("SIGUSR1 opens Node's debugger, whatever the program is called, and so nobody is asked by it", async (context) => {
  if (!needsPidNamespace(context)) return;
  const place = folder(context);
  const file = join(place, "app.mjs");
  writeFileSync(
    file,
    `import { spawnSync } from "node:child_process";
     process.title = "npm start";
     const { status, stderr } = spawnSync(process.env.STEADY, ["--probe", "--probe-signal", "USR1"], { encoding: "utf8" });
     process.stdout.write(\`\${status} \${stderr}\`);
     process.kill(process.pid, "SIGUSR1");
     setInterval(() => {}, 1000);`,
  );
  const other = join(place, "server");
  symlinkSync(process.execPath, other);
  const opens = start(context, inNetwork([STEADY, "--notify", other, file]), { env: PROGRAM_ENV });
  await until("the debugger, once it is sent", () => /debugger listening/i.test(opens.stderr));
  assert.match(
    opens.stdout,
    /^2 \[FATAL steady \(\d+\)\] --probe-signal: SIGUSR1 opens the debugger of Node\.js/,
  );
});

test("whoever waits for a probe may stop waiting: signals end it", async (context) => {
  if (!needsPidNamespace(context)) return;
  // It has been sent its question when the program catches the signal, and is given a minute.
  const run = begin(
    context,
    ["--notify"],
    `my $pid; $SIG{USR2} = sub { kill TERM => $pid };
     $pid = fork; if (!$pid) { exec $ENV{STEADY}, qw(--probe --probe-signal USR2 --within 1m) }
     waitpid $pid, 0; print "ended by ", $? & 127, "\n";`,
  );
  assert.equal((await run.ends()).status, 0, run.all());
  assert.match(run.stdout, /^ended by 15$/m);
});

test("PID 1 does not ask by SIGUSR1 either", () => {
  const { status, stderr } = spawnSync(STEADY, ["--probe-every", "1s", "--probe-signal", "USR1", "true"], {
    encoding: "utf8",
  });
  assert.equal(status, 1);
  assert.match(stderr, /--probe-signal: SIGUSR1 opens the debugger of Node\.js: take another, as SIGUSR2/);
});
