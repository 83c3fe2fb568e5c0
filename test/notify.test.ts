// What the program says of itself, on the real kernel: who is believed, what a hostile datagram can do, and what becomes of a
// program that falls silent. The programs are in Perl, which every Debian has, and speak the protocol themselves.

import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Event, eventsAmong } from "./lib/events.ts";
import { folder } from "./lib/folder.ts";
import { needs } from "./lib/needs.ts";
import {
  asPid1,
  descendantNamed,
  inBothModes,
  needsPidNamespace,
  needsProgram,
  needsRoot,
  PLAIN_PATH,
  type Run,
  STEADY,
  start,
  statOf,
  until,
} from "./lib/process.ts";

/** `say TEXT` sends a datagram as sd_notify(3) does, `pause SECONDS`; what a script needs besides stands in it. */
const WORDS = `
use Socket; $| = 1;
sub connected { my $name = shift; $name =~ s/^@/\\0/; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
  connect($s, pack_sockaddr_un($name)) or die "connect: $!"; $s }
sub say_ { send(connected($ENV{NOTIFY_SOCKET}), $_[0], 0) // die "send: $!" }
sub pause_ { my $end = time + $_[0]; select undef, undef, undef, 0.05 while time < $end }
`;

function script(context: TestContext, text: string): string {
  const file = join(folder(context), "program.pl");
  writeFileSync(file, WORDS + text, { mode: 0o755 });
  return file;
}

function begin(context: TestContext, options: readonly string[], text: string): Run {
  const command = [STEADY, "--events", "json", ...options, "perl", script(context, text)];
  return start(context, asPid1(command), { env: PLAIN_PATH });
}

const events = ({ stderr }: Run): Event[] => eventsAmong(stderr);

const said = (run: Run): (Event[string] | undefined)[] =>
  events(run)
    .filter(({ event }) => event === "notified")
    .map((event) => event["steady.said"]);
const refused = (run: Run): (Event[string] | undefined)[] =>
  events(run)
    .filter(({ event }) => event === "notice_refused")
    .map((event) => event["steady.reason"]);

test("what the program says of itself is heard, and MAINPID= is refused", async (context) => {
  if (!needsPidNamespace(context)) return;
  const run = begin(
    context,
    ["--notify"],
    `print "$ENV{NOTIFY_SOCKET}\\n";
     say_("READY=1\\nSTATUS=\\"}\\n"); say_("MAINPID=7\\nX_OWN=1"); say_("BARRIER=1"); say_("STOPPING=1\\0");`,
  );
  assert.deepEqual(await run.ends(), { status: 0, signal: null });
  assert.match(run.stdout, /^@steady-[0-9a-f]{32}\n$/);
  assert.deepEqual(said(run), ["READY=1", "STATUS=", "MAINPID=", "BARRIER=1", "STOPPING=1"]);
  assert.equal(events(run).find((each) => each["steady.said"] === "STATUS=")?.["steady.status"], '"}');
  assert.deepEqual(refused(run), ["MAINPID="]);
});

test("a datagram that is none changes nothing and is counted", async (context) => {
  if (!needsPidNamespace(context)) return;
  const run = begin(
    context,
    ["--notify"],
    `say_("x" x 5000); say_("STATUS=" . "s" x 4090); say_("READY"); say_("=1"); say_(""); say_("READY=1\\0A=1");
     say_("WATCHDOG_USEC=soon\\nREADY=1"); say_("READY=2");`,
  );
  assert.equal((await run.ends()).status, 0);
  assert.deepEqual(refused(run), [
    "oversized",
    "oversized",
    "malformed",
    "malformed",
    "malformed",
    "malformed",
    "malformed",
  ]);
  assert.deepEqual(said(run), []);
  assert.equal(run.stderr.match(/changes nothing/g)?.length, 1, "the log says it once");
});

test("another user's datagram changes nothing, and that of the program's user counts", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const run = begin(context, ["--notify", "--user", "4321:4321"], `say_("READY=1");`);
  assert.equal((await run.ends()).status, 0);
  assert.deepEqual(said(run), ["READY=1"]);
  const other = begin(
    context,
    ["--notify"],
    `if (my $pid = fork) { waitpid $pid, 0; say_("STATUS=own") } else { $( = $) = 4321; $< = $> = 4321; say_("READY=1") }`,
  );
  assert.equal((await other.ends()).status, 0);
  assert.deepEqual([refused(other), said(other)], [["foreign"], ["STATUS="]]);
});

test("who is root outside of the PID namespace is foreign too", async (context) => {
  if (!needsRoot(context) || !needsPidNamespace(context)) return;
  const run = begin(context, ["--notify"], `print "$ENV{NOTIFY_SOCKET}\\n"; <STDIN>; say_("STATUS=after")`);
  await run.says(/@steady-/);
  const outside = script(context, `say_("READY=1")`);
  const name = run.stdout.trim();
  const stranger = start(context, ["perl", outside], { env: { ...PLAIN_PATH, NOTIFY_SOCKET: name } });
  assert.equal((await stranger.ends()).status, 0);
  run.write("\n");
  assert.equal((await run.ends()).status, 0);
  assert.deepEqual([refused(run), said(run)], [["foreign"], ["STATUS="]]);
});

test("of 253 descriptors that come along none stays in the init", async (context) => {
  const isX64 = process.arch === "x64";
  if (!needs(context, isX64, "x86-64", "the number of sendmsg is that of x86-64")) return;
  if (!needsPidNamespace(context)) return;
  const run = begin(
    context,
    ["--notify"],
    `my $s = connected($ENV{NOTIFY_SOCKET}); my $data = "READY=1";
     my $control = pack("QiI", 16 + 4 * 253, 1, 1) . pack("i253", (1) x 253);
     my $at = sub { unpack("Q", pack("P", $_[0])) };
     my $part = pack("QQ", $at->($data), length $data);
     my $message = pack("Q7", 0, 0, $at->($part), 1, $at->($control), length $control, 0);
     print syscall(46, fileno $s, $message, 0x40), "\\n"; <STDIN>;`,
  );
  await run.says(/7\n/);
  await until("the notice", () => said(run).includes("READY=1"));
  const init = statOf(await descendantNamed(run.pid, "perl"))?.parent ?? 0;
  const open = readdirSync(`/proc/${init}/fd`).map(Number);
  assert.ok(open.length <= 8, `descriptors ${open.join()}`);
  run.write("\n");
  assert.equal((await run.ends()).status, 0);
});

inBothModes(
  "a program that falls silent gets SIGABRT and the container ends with 122",
  async (context, mode) => {
    if (!needsPidNamespace(context)) return;
    const run = begin(
      context,
      ["--reap", mode, "--watchdog", "300ms"],
      `print "$ENV{WATCHDOG_USEC} $ENV{WATCHDOG_PID} $$\\n"; $SIG{ABRT} = sub { print "aborted\\n"; exit 3 };
     for (1..8) { say_("WATCHDOG=1"); select undef, undef, undef, 0.1 } print "silent\\n"; pause_(60);`,
    );
    assert.deepEqual(await run.ends(), { status: 122, signal: null });
    assert.match(run.stdout, /^300000 2 2\nsilent\naborted\n$/);
    assert.ok(said(run).length === 8);
    assert.equal(events(run).find(({ event }) => event === "unwell")?.["steady.reason"], "silent");
  },
);

test("one that does not end by SIGABRT is killed after --grace", async (context) => {
  if (!needsPidNamespace(context)) return;
  const run = begin(
    context,
    ["--watchdog", "100ms", "--grace", "300ms"],
    `$SIG{ABRT} = "IGNORE"; pause_(60);`,
  );
  assert.equal((await run.ends()).status, 122);
  assert.match(run.stderr, /"event":"abort_over"/);
});

test("a program that answers in time, or is told to stop, is left alone", async (context) => {
  if (!needsPidNamespace(context)) return;
  const run = begin(
    context,
    ["--watchdog", "200ms"],
    `$SIG{TERM} = sub { print "stopping\\n"; pause_(2); exit 5 };
     for (1..12) { say_("WATCHDOG=1"); select undef, undef, undef, 0.1 } print "ready\\n"; kill 15, 1; pause_(60);`,
  );
  assert.equal((await run.ends()).status, 5);
  assert.match(run.stdout, /stopping/);
});

test("one that is not ready in time is ended, and EXTEND_TIMEOUT_USEC= is more time", async (context) => {
  if (!needsPidNamespace(context)) return;
  const late = begin(context, ["--ready-within", "200ms"], `say_("STATUS=slow"); pause_(60);`);
  assert.equal((await late.ends()).status, 122);
  const extended = begin(
    context,
    ["--ready-within", "200ms"],
    `say_("EXTEND_TIMEOUT_USEC=20000000"); pause_(2); say_("READY=1"); select undef, undef, undef, 0.5;`,
  );
  assert.equal((await extended.ends()).status, 0);
});

const PROBING = ["--probe-every", "100ms", "--probe-within", "100ms", "--probe-failures", "2"];

test("a program is asked by a signal, and ended when it does not answer", async (context) => {
  if (!needsPidNamespace(context)) return;
  const run = begin(
    context,
    [...PROBING, "--probe-signal", "USR2"],
    `my $asked = 0; $SIG{USR2} = sub { say_("WATCHDOG=1") if ++$asked <= 5 }; pause_(60);`,
  );
  assert.equal((await run.ends()).status, 122);
  assert.equal(said(run).length, 5);
  assert.equal(events(run).find(({ event }) => event === "unwell")?.["steady.reason"], "no answer");
});

test("a signal that the program does not catch is not sent, and is no answer", async (context) => {
  if (!needsPidNamespace(context)) return;
  const run = begin(context, [...PROBING, "--probe-signal", "USR2"], "pause_(60);");
  assert.equal((await run.ends()).status, 122);
  assert.doesNotMatch(run.stderr, /SIGUSR2/);
});

test("WATCHDOG_USEC= starts no watchdog that nobody asked for", async (context) => {
  if (!needsPidNamespace(context)) return;
  const run = begin(
    context,
    ["--ready-within", "60s"],
    `say_("WATCHDOG_USEC=10000\\nREADY=1"); pause_(2); exit 3;`,
  );
  assert.equal((await run.ends()).status, 3, run.stderr);
});

test("WATCHDOG=trigger ends the program, and the status is not remapped", async (context) => {
  if (!needsPidNamespace(context)) return;
  const run = begin(context, ["--notify", "-e", "122"], `say_("WATCHDOG=trigger"); pause_(60);`);
  assert.equal((await run.ends()).status, 122);
});

test("an init that was given a NOTIFY_SOCKET passes on what it believes, but for MAINPID=", async (context) => {
  if (!needsPidNamespace(context)) return;
  const text = `say_("READY=1\\nMAINPID=1\\nSTATUS=up"); say_("BARRIER=1"); say_("nothing");`;
  const inner = [STEADY, "--notify", "perl", script(context, text)];
  const run = start(context, asPid1([STEADY, "--events", "json", "--notify", ...inner]), { env: PLAIN_PATH });
  assert.equal((await run.ends()).status, 0);
  assert.deepEqual(said(run), ["READY=1", "STATUS="]);
  assert.deepEqual(refused(run), []);
});

test("systemd-notify is understood, and does not wait", async (context) => {
  if (!needsProgram(context, "systemd-notify", "apt-get install systemd") || !needsPidNamespace(context))
    return;
  const run = begin(
    context,
    ["--notify"],
    `my $begin = time; system("systemd-notify", "--ready", "--status=up and running") == 0 or die;
     print time - $begin < 4 ? "at once\\n" : "late\\n";`,
  );
  assert.equal((await run.ends()).status, 0);
  assert.equal(run.stdout, "at once\n");
  assert.deepEqual(said(run).slice(0, 2), ["READY=1", "STATUS="]);
});

test("a Node application that calls systemd-notify lives until it hangs", async (context) => {
  if (!needsProgram(context, "systemd-notify", "apt-get install systemd") || !needsPidNamespace(context))
    return;
  const file = join(folder(context), "app.mjs");
  writeFileSync(
    file,
    `import { spawnSync } from "node:child_process";
     const say = (text) => spawnSync("systemd-notify", ["--no-block", text]);
     say("READY=1");
     let left = 6;
     setInterval(() => { say("WATCHDOG=1"); if (--left === 0) for (;;); }, Number(process.env.WATCHDOG_USEC) / 4000);`,
  );
  const options = ["--ready-within", "30s", "--watchdog", "2s"];
  const command = [STEADY, "--events", "json", ...options, process.execPath, file];
  const run = start(context, asPid1(command), { env: PLAIN_PATH });
  assert.equal((await run.ends()).status, 122);
  assert.deepEqual(said(run), ["READY=1", ...Array<string>(6).fill("WATCHDOG=1")]);
});
