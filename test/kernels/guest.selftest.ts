// Proves the harness with scripts that need nothing but busybox: what it tells of a script is what the script
// did. One guest runs all the scripts that behave; three more run one that does not.

import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { GuestError, type GuestFile, missing, type Outcome, prepareGuest, runInGuest } from "./guest.ts";
import { readRecords } from "./records.ts";

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
const FILES = new Map<string, GuestFile>([
  ["/srv/bytes", { bytes: EVERY_BYTE, mode: 0o640 }],
  ["/bin/greet", { bytes: Buffer.from('#!/bin/sh\necho "hello $1"\n'), mode: 0o755 }],
]);

const SCRIPTS: Readonly<Record<string, string>> = {
  release: "uname -r",
  silence: "",
  seven: "echo out; echo err >&2; printf last; exit 7",
  killed: "echo before; kill -KILL $$; echo after",
  hangs: "echo before; setsid sleep 1000 & sleep 1000",
  "after a hang": "ps -o args | grep -c '[s]leep'",
  bytes: "cat /srv/bytes; printf '\\n\\r\\n\\n'",
  files: "stat -c '%a %U' /srv/bytes; greet world",
  "opens stderr anew": "echo one; echo two >/dev/stderr; echo three",
  "writes much": "head -c 1048576 /dev/zero | tr '\\0' x",
  surroundings:
    "/bin/grep -E 'SigBlk|SigIgn' /proc/self/status; env | grep -v SHLVL | sort; tty; cat /proc/$$/cgroup",
  "signals to a job": "sleep 1 & grep SigIgn /proc/$!/status; grep SigIgn /proc/self/status | cat",
  leaves:
    "mkdir -p /mnt /sys/fs/cgroup/left; echo 1 >/tmp/left; mount -t tmpfs tmp /mnt; setsid sleep 1000 &",
  "finds nothing": "ls /tmp /sys/fs/cgroup | grep left; grep /mnt /proc/mounts; ps | grep '[s]leep 1000'",
  "pid namespace": "unshare -p -f --mount-proc sh -c 'echo $$; echo /proc/[0-9]*; exit 5'; echo $?",
  "user namespace": "su -s /bin/sh nobody -c 'id -u; unshare -U -r id -u'",
  orphan: `unshare -p -f --mount-proc sh -c '
    (sleep 1 & echo $! >pid)
    grep PPid /proc/$(cat pid)/status'`,
  terminal: "exec 3<>/dev/ptmx; ls /dev/pts",
  "kills all": "kill -KILL -1; echo survived",
  "pids limit": `
    cd /sys/fs/cgroup; mkdir few; echo 4 >few/pids.max
    sh -c 'echo $$ >few/cgroup.procs; for i in 1 2 3 4 5; do sleep 100 & done; echo unreached'
    echo $?; cat few/pids.current few/pids.events
    echo 1 >few/cgroup.kill`,
  "memory limit": `
    cd /sys/fs/cgroup; mkdir small; echo 8M >small/memory.max
    sh -c 'echo $$ >small/cgroup.procs; tail -c 64m /dev/zero'
    echo $?; grep oom_kill small/memory.events`,
};

describe("a guest", () => {
  const outcomes = new Map<string, Outcome>();
  before(async () => {
    const scripts = Object.entries(SCRIPTS).map(([name, text]) => ({ name, text }));
    for (const one of await runInGuest(FILES, scripts, { scriptSecondsMax: 5 })) outcomes.set(one.name, one);
  });
  const shows = (name: string, status: number, output: string) => {
    const { status: seenStatus, output: seenOutput } =
      outcomes.get(name) ?? assert.fail(`no outcome of ${name}`);
    assert.deepEqual([seenStatus, seenOutput], [status, output]);
  };

  it("runs a stock kernel 6.1", async () => {
    const { release } = await prepareGuest();
    assert.match(release, /^6\.1\./);
    shows("release", 0, `${release}\n`);
    assert.deepEqual(await missing(), []);
  });

  it("tells statuses, and stdout and stderr in the order of writing", () => {
    shows("silence", 0, "");
    shows("seven", 7, "out\nerr\nlast");
    shows("killed", 137, "before\n");
    shows("opens stderr anew", 0, "one\ntwo\nthree\n");
  });

  it("tells every byte, and a MiB of them", () => {
    const bytes = outcomes.get("bytes")?.bytes ?? [];
    assert.deepEqual(Buffer.from(bytes), Buffer.concat([EVERY_BYTE, Buffer.from("\n\r\n\n")]));
    shows("writes much", 0, "x".repeat(1 << 20));
  });

  it("kills a script that hangs, with all that it has started, and goes on", () => {
    shows("hangs", 137, "before\n");
    shows("after a hang", 1, "0\n");
    shows("kills all", 0, "survived\n");
  });

  it("keeps nothing of a script for the next one", () => {
    shows("leaves", 0, "");
    shows("finds nothing", 1, "");
  });

  it("has the files of the test, with their modes", () => {
    shows("files", 0, "640 root\nhello world\n");
  });

  it("starts a script with clean signals, environment and control group, and without a terminal", () => {
    const signals = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n";
    shows(
      "surroundings",
      0,
      `${signals}HOME=/root\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nPWD=/tmp\nnot a tty\n0::/\n`,
    );
  });

  it("has a shell that ignores SIGINT and SIGQUIT in background jobs, not in pipelines", () => {
    shows("signals to a job", 0, "SigIgn:\t0000000000000006\nSigIgn:\t0000000000000000\n");
  });

  it("has PID and user namespaces, orphans that go to the init, and terminals", () => {
    shows("pid namespace", 0, "1\n/proc/1\n5\n");
    shows("user namespace", 0, "65534\n0\n");
    shows("orphan", 0, "PPid:\t1\n");
    shows("terminal", 0, "0\nptmx\n");
  });

  it("has control groups of version 2 that limit processes and memory", () => {
    shows("pids limit", 0, "sh: can't fork: Resource temporarily unavailable\n2\n3\nmax 1\n");
    shows("memory limit", 0, "Killed\n137\noom_kill 1\n");
  });
});

describe("a guest that fails", () => {
  it("is killed when it is out of time, and the script is named", async () => {
    const scripts = [
      { name: "quick", text: "" },
      { name: "too slow", text: "sleep 1000" },
    ];
    const wanted = { name: "GuestError", code: "timeout", message: /running "too slow"/ };
    await assert.rejects(runInGuest(new Map(), scripts, { guestMsMax: 12_000 }), wanted);
  });

  it("is shown with its last words when the kernel panics", async () => {
    const scripts = [{ name: "panics", text: "echo c >/proc/sysrq-trigger" }];
    const wanted = { name: "GuestError", code: "crash", message: /running "panics".*Kernel panic/s };
    await assert.rejects(runInGuest(new Map(), scripts), wanted);
  });

  it("is refused a script that writes without end", async () => {
    const scripts = [{ name: "floods", text: "yes | head -c 3000000" }];
    await assert.rejects(
      runInGuest(new Map(), scripts),
      (error) => error instanceof GuestError && error.code === "output",
    );
  });
});

describe("the records of a guest", () => {
  const whole = Buffer.from("run 0000\nend 0000 7 7\noff\nrunrun 0001\nend 0001 137 0\noff\n", "latin1");

  it("are complete only at the last byte, wherever they are cut", () => {
    for (let length = 0; length < whole.length; length++) {
      assert.equal(readRecords(whole.subarray(0, length)).complete, false);
    }
    assert.equal(readRecords(whole).complete, true);
  });

  it("take output by its length, also where it looks like a record", () => {
    const ends = readRecords(whole).ends.map(({ index, status, bytes }) => [index, status, bytes.toString()]);
    assert.deepEqual(ends, [
      [0, 7, "off\nrun"],
      [1, 137, ""],
    ]);
  });
});
