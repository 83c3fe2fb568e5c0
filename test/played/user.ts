// Who the program becomes and what it may, played on the core itself: what is read from /etc/passwd and /etc/group, what
// the child does to itself, and in which order.

import assert from "node:assert/strict";
import { ERRORS } from "../../texts/linux.ts";
import { MESSAGES } from "../../texts/messages.ts";
import { EXPECTED } from "../../texts/options.ts";
import { Exited, type Kernel } from "../lib/host.ts";
import { type Life, play, type Seen } from "../lib/plain.ts";
import { into, type Played } from "./promises.ts";

export const USERS: Played[] = [];
const promise = into(USERS);

const [EPERM, ENOENT, EINTR, EIO, EAGAIN, EACCES, EINVAL, EFBIG] = [1, 2, 4, 5, 11, 13, 22, 27];
const PASSWD =
  "root:x:0:0:root:/root:/bin/sh\n\nx\napp:x:1000:100:App,,:/home/app:/bin/sh\nlast:*:7:8::/last:";
const GROUP = "root:x:0:\nstaff:x:50:other,app\nappx:x:51:apps,ap\nvideo:x:44:app\napp:x:100:app\nempty:x:9:";
const files = { "/etc/passwd": PASSWD, "/etc/group": GROUP };

interface Become {
  readonly ids: readonly number[];
  readonly groups: readonly number[];
  readonly environment: readonly string[];
  readonly seen: Seen;
}

/** A life with --user, and who the child became. */
function become(core: Parameters<Played["play"]>[0], value: string, life: Partial<Life> = {}): Become {
  const ids: number[] = [];
  const groups: number[] = [];
  let environment: readonly string[] = [];
  const childKernel: Kernel = {
    setgroups: (host, count = 0, at = 0) => {
      for (let i = 0; i < count; i++) groups.push(host.bytes(at + 4 * i, 4).readUInt32LE());
      return 0;
    },
    setgid: (_, gid = 0) => ids.push(gid >>> 0) - ids.length,
    setuid: (_, uid = 0) => ids.push(uid >>> 0) - ids.length,
    execve: (host) => {
      environment = host.environment();
      throw new Exited(0);
    },
    ...life.childKernel,
  };
  const args = life.args ?? ["steady", `--user=${value}`, "/x"];
  const seen = play(core, { files, ...life, args, childKernel });
  return { ids, groups, environment, seen };
}

const env = (home: string, name: string): string[] => [`HOME=${home}`, `USER=${name}`, `LOGNAME=${name}`];

promise("a user has the ids and the home of its line, and every group that lists it, each once", (core) => {
  for (const [value, ids, groups, environment] of [
    ["app", [100, 1000], [100, 50, 44], env("/home/app", "app")],
    ["1000", [100, 1000], [100, 50, 44], env("/home/app", "app")],
    ["last", [8, 7], [8], env("/last", "last")],
    ["app:staff", [50, 1000], [50], env("/home/app", "app")],
    ["app:9", [9, 1000], [9], env("/home/app", "app")],
    ["app:+empty,50,77", [100, 1000], [100, 50, 77, 9, 44], env("/home/app", "app")],
    ["app:staff:+video,50,video", [50, 1000], [50, 44], env("/home/app", "app")],
    ["5:6", [6, 5], [6], env("/", "5")],
    ["4294967294:4294967294", [4294967294, 4294967294], [4294967294], env("/", "4294967294")],
    ["root", [0, 0], [0], env("/root", "root")],
  ] as const) {
    const seen = become(core, value);
    assert.deepEqual(seen.ids, ids, value);
    assert.deepEqual([...seen.groups].sort(), [...groups].sort(), value);
    assert.equal(seen.groups.length, groups.length, value);
    assert.deepEqual(seen.environment, environment);
    assert.equal(seen.seen.status, 0);
  }
});

promise("HOME, USER and LOGNAME take the place of all that have these names, and of no others", (core) => {
  const variables = [
    "HOME=/a",
    "A=1",
    "USER=b",
    "HOME=/c",
    "LOGNAME=",
    "USERS=2",
    "HOM=3",
    "STEADY_USER=root",
  ];
  const seen = become(core, "app", { variables });
  assert.deepEqual(seen.environment, ["A=1", "USERS=2", "HOM=3", ...env("/home/app", "app")]);
  const byVariable = become(core, "", { args: ["steady", "/x"], variables: ["STEADY_USER=last"] });
  assert.deepEqual([byVariable.ids, byVariable.environment], [[8, 7], env("/last", "last")]);
  const byNumber = become(core, "", { args: ["steady", "/x"], variables: ["A=1", "STEADY_USER=5:6"] });
  assert.deepEqual(
    [byNumber.ids, byNumber.environment],
    [
      [6, 5],
      ["A=1", ...env("/", "5")],
    ],
  );
  assert.deepEqual(become(core, "", { args: ["steady", "/x"], variables: ["HOME=/a"] }).environment, [
    "HOME=/a",
  ]);
});

promise(
  "where there is no such user or group the program is not started, and a sentence says which",
  (core) => {
    const many = Array.from({ length: 62 }, (_, index) => index + 200).join();
    const long = "y".repeat(255);
    for (const [value, message, file, told, others] of [
      ["ghost", MESSAGES.UserUnknown, "/etc/passwd", "ghost", {}],
      ["ap", MESSAGES.UserUnknown, "/etc/passwd", "ap", {}],
      ["appp:5", MESSAGES.UserUnknown, "/etc/passwd", "appp:5", {}],
      ["77", MESSAGES.UserNeedsGroup, "/etc/passwd", "77", {}],
      ["77:+5", MESSAGES.UserNeedsGroup, "/etc/passwd", "77:+5", {}],
      ["app:none", MESSAGES.GroupUnknown, "/etc/group", "none", {}],
      ["app:+1,none,video", MESSAGES.GroupUnknown, "/etc/group", "none,video", {}],
      [`app:+${many}`, MESSAGES.TooManyGroups, "", `app:+${many}`, {}],
      ["app", MESSAGES.UserMalformed, "/etc/passwd", "app", { "/etc/passwd": "app:x:1000:100:App\n" }],
      ["app", MESSAGES.UserMalformed, "/etc/passwd", "app", { "/etc/passwd": "app:x::100::/home:" }],
      ["app", MESSAGES.UserMalformed, "/etc/passwd", "app", { "/etc/passwd": "app:x:1000:-1::/home:" }],
      ["app", MESSAGES.UserMalformed, "/etc/passwd", "app", { "/etc/passwd": "app:x:4294967295:1::/home:" }],
      ["app", MESSAGES.UserMalformed, "/etc/passwd", "app", { "/etc/passwd": "app:x:1:1::/ho\0me:" }],
      ["app", MESSAGES.UserMalformed, "/etc/passwd", "app", { "/etc/passwd": `app:x:1:1::/${long}:` }],
      ["app", MESSAGES.UserMalformed, "/etc/passwd", "app", { "/etc/passwd": "app" }],
      ["1", MESSAGES.UserNeedsGroup, "/etc/passwd", "1", { "/etc/passwd": "app:x:10:1::/a:\n:x:1:1::/b:\n" }],
      ["app:staff", MESSAGES.UserMalformed, "/etc/group", "app:staff", { "/etc/group": "staff:x:many:\n" }],
      ["app:staff", MESSAGES.UserMalformed, "/etc/group", "app:staff", { "/etc/group": "staff" }],
      // Who is listed in a line is whom it is about.
      [
        "app",
        MESSAGES.UserMalformed,
        "/etc/group",
        "app",
        { "/etc/group": "x:x:many:\nlogs:x:many:a,app\n" },
      ],
      ["app", MESSAGES.UserMalformed, "/etc/group", "app", { "/etc/group": "logs:x::app\nvideo:x:44:app\n" }],
    ] as const) {
      for (const [name, status] of [
        ["steady", 125],
        ["tini", 1],
        ["dumb-init", 1],
      ] as const) {
        const seen = become(core, value, {
          args: [name, `--user=${value}`, "/x"],
          files: { ...files, ...others },
        });
        const text = message.replace("%t", file).replace("%v", told);
        const head = name === "dumb-init" ? "[dumb-init] " : `[FATAL ${name} (1)] `;
        assert.equal(seen.seen.errors, `${head}${text}\n`);
        assert.deepEqual([seen.seen.status, seen.ids], [status, []]);
        assert.deepEqual(
          seen.seen.calls.filter(([call]) => call === "clone"),
          [],
        );
      }
    }
  },
);

promise("a file that cannot be read is told with its reason; one that is not there lists nobody", (core) => {
  const open =
    (path: string, errno: number) =>
    (plain: Kernel): Kernel => ({
      openat: (host, at = 0, how = 0) =>
        host.text(at) === path ? -errno : (plain.openat?.(host, at, how) ?? 0),
    });
  for (const [value, path, errno, isRefused] of [
    ["app", "/etc/passwd", ENOENT, true],
    ["app", "/etc/passwd", EACCES, true],
    ["5:6", "/etc/passwd", ENOENT, false],
    ["5:6", "/etc/passwd", EACCES, true],
    ["0:0", "/etc/passwd", ENOENT, false],
    ["app", "/etc/passwd", EPERM, true],
    ["app", "/etc/group", ENOENT, false],
    ["app", "/etc/group", EACCES, true],
    ["app:9", "/etc/group", EACCES, false],
    ["app:9:+8", "/etc/group", ENOENT, false],
    ["app:staff", "/etc/group", ENOENT, true],
    ["app:+9", "/etc/group", ENOENT, true],
  ] as const) {
    const { seen } = become(core, value, { kernel: open(path, errno) });
    const text = MESSAGES.UserUnreadable.replace("%v", value).replace("%t", path);
    const told = `[FATAL steady (1)] ${text.replace("%e", ERRORS[errno] ?? "")}\n`;
    assert.equal(seen.status, isRefused ? 125 : 0, `${value} ${path} ${errno}`);
    assert.equal(seen.errors.includes("[FATAL"), isRefused, seen.errors);
    if (isRefused) assert.equal(seen.errors, told);
  }
});

promise(
  "a read that is interrupted is made again, one that fails is told, and a file without an end is too large",
  (core) => {
    let reads = 0;
    const reading =
      (answer: (count: number) => number | undefined) =>
      (plain: Kernel): Kernel => ({
        read: (host, fd = 0, at = 0, max = 0) =>
          (max === 4096 ? answer(++reads) : undefined) ?? plain.read?.(host, fd, at, max),
      });
    const interrupted = become(core, "app", {
      kernel: reading((count) => (count % 2 === 1 ? -EINTR : undefined)),
    });
    assert.deepEqual([interrupted.seen.status, interrupted.ids], [0, [100, 1000]]);
    for (const [answer, errno] of [
      [-EIO, EIO],
      [-EPERM, EPERM],
      [-EINTR, EINTR],
      [4096, EFBIG],
    ] as const) {
      reads = 0;
      const { seen } = become(core, "app", { kernel: reading(() => answer) });
      const text = MESSAGES.UserUnreadable.replace("%v", "app").replace("%t", "/etc/passwd");
      assert.equal(seen.errors, `[FATAL steady (1)] ${text.replace("%e", ERRORS[errno] ?? "")}\n`);
      assert.equal(seen.status, 125);
      assert.equal(reads, answer === -EIO || answer === -EPERM ? 1 : 4096);
    }
    assert.equal(
      become(core, "app", { files: { ...files, "/etc/passwd": `${"#".repeat(9000)}\n${PASSWD}` } }).seen
        .status,
      0,
      "a line may be longer than a piece",
    );
  },
);

promise("of two --user the last counts, with nothing of the first", (core) => {
  for (const [first, last, groups] of [
    ["app:staff", "app", [100, 50, 44]],
    ["app:9:+50", "last", [8]],
    ["app:+9", "app:staff", [50]],
    ["5:6:+7,8", "app:9", [9]],
    ["5:6", "app:+9", [100, 9, 50, 44]],
  ] as const) {
    const args = ["steady", `--user=${first}`, "--user", last, "/x"];
    assert.deepEqual(become(core, "", { args }).groups, groups, last);
  }
});

/** Whoever is looked for stands in this file of users. */
const amongUsers = (core: Parameters<Played["play"]>[0], passwd: string, value = "app"): Become =>
  become(core, value, { files: { "/etc/passwd": passwd, "/etc/group": GROUP } });

promise("a line is read whole wherever a piece of the file ends, and whatever comes behind it", (core) => {
  const rest = `${"#".repeat(60)}\n`.repeat(80);
  const line = "app:x:1000:100:App,,:/home/app:/bin/sh\n";
  const isFound = (passwd: string): void => {
    const { ids, environment } = amongUsers(core, passwd);
    assert.deepEqual([ids, environment], [[100, 1000], env("/home/app", "app")]);
  };
  for (const before of ["", "a:x:1:1::/:\n", `${"#".repeat(60)}\n`]) isFound(before + line + rest);
  for (let at = 4096 - line.length; at <= 4096; at += 3) isFound(`${"#".repeat(at - 1)}\n${line}${rest}`);
});

promise("a read that gives less than was asked for changes nothing", (core) => {
  const others = Array.from({ length: 20 }, (_, index) => `u${index}:x:${index}:1::/:/bin/sh\n`).join("");
  for (const most of [1, 7, 100]) {
    const positions = new Map<number, number>();
    const kernel = (plain: Kernel): Kernel => ({
      read: (host, fd = 0, at = 0, max = 0) => {
        if (max !== 4096) return plain.read?.(host, fd, at, max);
        const content = fd === 100 ? others + PASSWD : GROUP;
        const from = positions.get(fd) ?? 0;
        positions.set(fd, Math.min(from + most, content.length));
        return Buffer.from(content.slice(from, from + most), "latin1").copy(host.bytes(at, max));
      },
    });
    const { ids, groups, environment } = become(core, "app", { kernel });
    assert.deepEqual([ids, groups, environment], [[100, 1000], [100, 50, 44], env("/home/app", "app")]);
  }
});

promise("both files are opened to be read, wherever a link leads, and each may have 4,096 pieces", (core) => {
  let reads = 0;
  const kernel = (plain: Kernel): Kernel => ({
    read: (host, fd = 0, at = 0, max = 0) =>
      max === 4096 && fd === 101 ? Number(++reads > 0) : plain.read?.(host, fd, at, max),
  });
  const long = `${"#".repeat(60)}\n`.repeat(300);
  const { seen } = become(core, "app", {
    files: { "/etc/passwd": long + PASSWD, "/etc/group": GROUP },
    kernel,
  });
  assert.equal(reads, 4096);
  assert.ok(seen.errors.includes(ERRORS[EFBIG] ?? ""), seen.errors);
  const opened = seen.calls.filter(([name]) => name === "openat").map(([, , how]) => how);
  // The first is /dev/termination-log.
  assert.deepEqual(opened, [5, 0, 0]);
});

promise("behind the end of a file nothing is read, though it may grow", (core) => {
  for (const [line, grown, message] of [
    ["app:x:1000:100", ":App:/home/app:/bin/sh\n", MESSAGES.UserMalformed],
    ["other:x:1:1::/:/bin/sh", "\napp:x:1000:100::/home/app:\n", MESSAGES.UserUnknown],
  ] as const) {
    const parts = [line, "", grown, ""];
    let reads = 0;
    const kernel = (plain: Kernel): Kernel => ({
      read: (host, fd = 0, at = 0, max = 0) =>
        max === 4096
          ? Buffer.from(parts[reads++] ?? "", "latin1").copy(host.bytes(at, max))
          : plain.read?.(host, fd, at, max),
    });
    const { seen } = become(core, "app", { kernel });
    assert.deepEqual([seen.status, reads], [125, 2]);
    assert.ok(seen.errors.includes(message.replace("%t", "/etc/passwd").replace("%v", "app")), seen.errors);
  }
});

promise("a line ends with its line feed, whatever stands behind its last field", (core) => {
  const { ids, environment } = amongUsers(
    core,
    "a:x:1:1::/:app:x:0:0::/root:\na:x:2:2::/:\napp:x:1000:100::/home/app:app:x:0:0\n",
  );
  assert.deepEqual([ids, environment], [[100, 1000], env("/home/app", "app")]);
});

promise("a user without a home has the root folder, and one whose name is too long is malformed", (core) => {
  for (const value of ["app", "1000"])
    for (const line of ["app:x:1000:100:::/bin/sh\n", "app:x:1000:100:App::"])
      assert.deepEqual(amongUsers(core, line, value).environment, env("/", "app"));
  for (const line of [`${"n".repeat(256)}:x:1000:100::/home:`, `n:x:1000:100::/${"h".repeat(255)}:`]) {
    const { seen } = amongUsers(core, line, "1000");
    const told = MESSAGES.UserMalformed.replace("%t", "/etc/passwd").replace("%v", "1000");
    assert.equal(seen.errors, `[FATAL steady (1)] ${told}\n`);
  }
});

promise("each file that was opened is closed before the program is started", (core) => {
  for (const [value, opened] of [
    ["app", [100, 101]],
    ["app:staff", [100, 101]],
    ["5:6", [100]],
    ["ghost", [100]],
    ["app:none", [100, 101]],
  ] as const) {
    const { calls } = become(core, value).seen;
    const closed = calls.filter(([name, fd = 0]) => name === "close" && fd >= 100).map(([, fd]) => fd);
    assert.deepEqual(closed, opened, value);
  }
});

promise(
  "of two groups with one name the first counts, and a wrong line about another harms nobody",
  (core) => {
    const group = "staff:x:50:\nstaff:x:51:\nother:x:many:\nroot:x:0:\nstaff:x:many:\n";
    const files = { "/etc/passwd": PASSWD, "/etc/group": group };
    for (const [value, gid, groups] of [
      ["app:staff", 50, [50]],
      ["app:+staff", 100, [100, 50]],
      ["app:root:+staff", 0, [0, 50]],
      ["app", 100, [100]],
    ] as const) {
      const seen = become(core, value, { files });
      assert.deepEqual([seen.ids, [...seen.groups].sort()], [[gid, 1000], [...groups].sort()], value);
    }
  },
);

promise("each of 62 groups can be named, by up to 255 bytes", (core) => {
  const long = "n".repeat(255);
  const named = Array.from({ length: 62 }, (_, index) => `${index + 200}`)
    .with(30, long)
    .with(61, "last");
  const password = "p".repeat(300);
  const group = `${long}:${password}:230:\nlast:x:261:\nz:${password}:300:app\n`;
  const files = { "/etc/passwd": PASSWD, "/etc/group": group };
  const { groups } = become(core, `app:9:+${named.join()}`, { files });
  const sorted = groups.toSorted((one, other) => one - other);
  assert.deepEqual(sorted, [9, ...named.map((_, index) => index + 200)]);
  assert.deepEqual(become(core, `app:${long}`, { files }).groups, [230]);
  assert.deepEqual(become(core, "app", { files }).groups, [100, 300]);
});

promise(
  "what a change of the user takes away is not asked back, and what is kept is what was there",
  (core) => {
    for (const [option, made] of [
      ["--drop-caps=chown", 0],
      ["--keep-caps=kill", 1 << 5],
    ] as const) {
      let asked = 0;
      const childKernel: Kernel = { capget: () => (asked++ === 0 ? (1n << 41n) - 1n : 0n) };
      const { seen } = become(core, "", { args: ["steady", "--user=5:6", option, "/x"], childKernel });
      const sets = seen.childCalls.filter(([name]) => name === "capset");
      assert.equal(sets.length, 1, seen.childErrors);
      assert.equal(sets[0]?.[1], made, option);
    }
    const isLimited = (...args: string[]): boolean =>
      play(core, { args: ["steady", ...args, "/x"] }).childCalls.some(
        ([name, request]) => name === "prctl" && request === 38,
      );
    assert.deepEqual(
      [isLimited("--user=5:6"), isLimited("--no-new-privs"), isLimited()],
      [false, true, false],
    );
  },
);

promise("only a colon ends a field, and only a comma or a colon a member's name", (core) => {
  const name = "a9;b";
  const passwd = `${name}:x9;:1000:1009:G9,;:/h9,;9:/bin/9;\n`;
  const group = `g9;:p9,;:29:x,${name},y\nh:x:31:x;${name}\ni:x:32:${name};x\nj::33:${name}\nk:x:34:${name}9\n`;
  const files = { "/etc/passwd": passwd, "/etc/group": group };
  const { ids, groups, environment } = become(core, name, { files });
  assert.deepEqual(
    [ids, groups],
    [
      [1009, 1000],
      [1009, 29, 33],
    ],
  );
  assert.deepEqual(environment, env("/h9,;9", name));
  assert.deepEqual(become(core, `${name}:+g9;`, { files }).groups, [1009, 29, 33]);
  assert.deepEqual(become(core, `${name}:g9;`, { files }).groups, [29]);
});

promise("a value of digits is a number, whatever names there are", (core) => {
  const passwd = "0:x:5:5::/a:\n7:x:6:6::/b:\nroot:x:0:0:root:/root:\napp:x:7:8::/home/app:\n";
  const files = { "/etc/passwd": passwd, "/etc/group": "0:x:20:\n7:x:30:\n" };
  for (const [value, ids] of [
    ["0", [0, 0]],
    ["7", [8, 7]],
    ["app:7", [7, 7]],
    ["app:0", [0, 7]],
    ["00", [0, 0]],
  ] as const)
    assert.deepEqual(become(core, value, { files }).ids, ids, value);
  assert.deepEqual(amongUsers(core, "0:x:5:5::/a:\n", "0:0").ids, [0, 0]);
});

promise("a name that is too long is not that of its beginning", (core) => {
  const [name, longer] = ["n".repeat(255), "n".repeat(256)];
  const own = `${name}:x:1000:100::/home/app:\n`;
  const longest = `${longer}:x:1:1::/:\n`;
  assert.deepEqual(amongUsers(core, longest + own, name).ids, [100, 1000]);
  const unknown = amongUsers(core, longest, name).seen.errors;
  assert.ok(unknown.includes("there is no such user"), unknown);
  const files = { "/etc/passwd": own, "/etc/group": `${longer}:x:3:\nm:x:4:${longer}\n` };
  assert.deepEqual(become(core, name, { files }).groups, [100]);
  const without = become(core, `${name}:${name}`, { files }).seen.errors;
  assert.ok(without.includes("there is no such group"), without);
});

promise("what does not have digits alone is a name, whatever it begins with", (core) => {
  for (const name of ["7up", "12x", "1/2", "7 ", "-7", "7-", "0x7"]) {
    const passwd = `a:x:7:7::/a:\nb:x:12:12::/b:\n${name}:x:1000:100::/home/app:\n`;
    const { ids, environment } = amongUsers(core, passwd, name);
    assert.deepEqual([ids, environment], [[100, 1000], env("/home/app", name)]);
    const group = `a:x:7:\nb:x:12:\n${name}:x:50:\n`;
    const files = { "/etc/passwd": PASSWD, "/etc/group": group };
    const { groups } = become(core, `app:${name}:+${name},9`, { files });
    assert.deepEqual(groups.toSorted(), [50, 9]);
  }
});

promise("what is too long for a field is passed over, and spoils nothing beside it", (core) => {
  for (const length of [254, 255, 256, 257, 300, 600]) {
    const long = "z".repeat(length);
    for (const passwd of [
      `app:x:1000:100:${long}:/home/app:`,
      `app:${long}:1000:100::/home/app:`,
      `${long}:x:1:1::/:\napp:x:1000:100::/home/app:${long}\n`,
    ]) {
      const { ids, groups, environment } = amongUsers(core, passwd);
      assert.deepEqual([ids, environment], [[100, 1000], env("/home/app", "app")]);
      assert.deepEqual(groups, [100, 50, 44]);
    }
    const group = `long:x:3:${long},app\n${long}:x:4:app\nshort:x:5:app,${long}\n`;
    const { groups } = become(core, "app", { files: { "/etc/passwd": PASSWD, "/etc/group": group } });
    assert.deepEqual(groups, [100, 3, 4, 5]);
  }
});

promise("a name and a home may have 255 bytes, and a longer name is no user's", (core) => {
  for (const length of [253, 254, 255]) {
    const [name, home] = ["n".repeat(length), `/${"h".repeat(length - 1)}`];
    const passwd = `${"m".repeat(300)}:x:1:1::/${"m".repeat(300)}:\n${name}:x:1000:100::${home}:\n`;
    const { ids, environment } = amongUsers(core, passwd, name);
    assert.deepEqual([ids, environment], [[100, 1000], env(home, name)]);
  }
  const long = "n".repeat(256);
  const { seen } = amongUsers(core, `${long}:x:1000:100::/:\n`, long);
  assert.deepEqual([seen.status, seen.errors.includes(EXPECTED.User)], [1, true], seen.errors);
});

promise("a semicolon divides nothing, and a number has digits alone, up to 255 of them", (core) => {
  const { environment } = amongUsers(core, "app:x:1000:100:A;B;,;:/home/a;b:");
  assert.deepEqual(environment, env("/home/a;b", "app"));
  const padded = amongUsers(core, `app:x:${"7".padStart(255, "0")}:${"8".padStart(254, "0")}::/:`);
  assert.deepEqual(padded.ids, [8, 7]);
  for (const number of ["1000;5", "10/1", "1 ", " 1", "+1", "1x", "0".repeat(256), ""]) {
    for (const passwd of [`app:x:${number}:100::/home/app:`, `app:x:1000:${number}::/home/app:`]) {
      const { seen } = amongUsers(core, passwd);
      const told = MESSAGES.UserMalformed.replace("%t", "/etc/passwd").replace("%v", "app");
      assert.deepEqual([seen.status, seen.errors], [125, `[FATAL steady (1)] ${told}\n`], number);
    }
  }
});

promise("what could not be opened is not closed", (core) => {
  for (const errno of [EPERM, ENOENT, EACCES]) {
    const kernel: Kernel = { openat: () => -errno };
    for (const value of ["app", "5:6", "app:staff"]) {
      const { calls } = become(core, value, { kernel }).seen;
      assert.deepEqual(
        calls.filter(([name, fd = 0]) => name === "close" && fd < 0),
        [],
      );
    }
  }
});

promise("a program is given 64 groups, and one more is too many", (core) => {
  const numbers = Array.from({ length: 62 }, (_, index) => index + 200);
  const sixtyFour = become(core, `app:+${numbers.slice(1).join()}`);
  assert.deepEqual(sixtyFour.groups, [100, ...numbers.slice(1), 50, 44]);
  const value = `app:+${numbers.join()}`;
  const { seen } = become(core, value);
  assert.ok(seen.errors.includes(MESSAGES.TooManyGroups.replace("%v", value)), seen.errors);
});

const CHANGES = [
  "setrlimit_nproc",
  "setgroups",
  "setgid",
  "setuid",
  "capset",
  "prctl",
  "set_pdeathsig",
  "execve",
];
const changes = (seen: Seen): string[] =>
  seen.childCalls
    .filter(([name, request]) => CHANGES.includes(name) && request !== 23)
    .map((call) => call.join(" "));

promise(
  "the child gives up first what needs rights, and asks last for what the others would undo",
  (core) => {
    const prctl: Kernel = {
      prctl: (_, request = 0, bit = 0) => (request === 23 ? (bit > 40 ? -EINVAL : Number(bit < 7)) : 0),
    };
    const args = [
      "steady",
      "--limit-nproc=9",
      "--user=app:9",
      "--keep-caps=kill,cap_chown",
      "--no-new-privs",
      "-p9",
      "/x",
    ];
    const seen = play(core, { args, files, childKernel: prctl });
    assert.deepEqual(
      changes(seen).map((call) => call.replace(/^(setgroups \d+|execve) .*/, "$1")),
      [
        "setrlimit_nproc 9",
        ...[1, 2, 3, 4, 6].map((bit) => `prctl 24 ${bit} 0`),
        "prctl 8 1 0",
        "setgroups 1",
        "setgid 9",
        "setuid 1000",
        `capset ${(1 << 5) | 1}`,
        "prctl 47 2 0",
        "prctl 47 2 5",
        "prctl 38 1 0",
        "set_pdeathsig 9",
        "execve",
      ],
    );
    assert.deepEqual(changes(play(core, { args: ["steady", "/x"] })).length, 1, "nobody asked");
  },
);

promise(
  "without --keep-caps nothing is kept over the change of the user, and with it nothing that is not there",
  (core) => {
    const capget: Kernel = { capget: () => 0b1111n };
    const dropped = play(core, { args: ["steady", "--drop-caps=chown,fowner", "/x"], childKernel: capget });
    assert.ok(changes(dropped).includes("capset 6"), changes(dropped).join());
    assert.ok(!changes(dropped).some((call) => /^prctl (8|47)/.test(call)));
    const all = play(core, {
      args: ["steady", "--drop-caps=all", "--keep-caps=dac_override", "/x"],
      childKernel: capget,
    });
    assert.ok(changes(all).includes("capset 2"), changes(all).join());
    const vain = play(core, { args: ["steady", "--keep-caps=kill", "/x"], childKernel: capget });
    assert.equal(vain.childStatus, 125);
    assert.ok(vain.childErrors.includes(MESSAGES.CapsFailed.replace("%e", ERRORS[EPERM] ?? "")));
  },
);

promise("each capability is known by its name", (core) => {
  for (const [number, name] of MESSAGES.CapabilityNames.split(",").entries()) {
    for (const word of [name, `CAP_${name.toUpperCase()}`]) {
      const seen = play(core, { args: ["steady", `--keep-caps=${word}`, "/x"] });
      assert.ok(changes(seen).includes(`prctl 47 2 ${number}`), word);
    }
  }
});

promise("whichever change is refused, the program is not started, and the reason is said", (core) => {
  const args = ["--limit-nproc=9", "--user=app:9", "--keep-caps=kill", "--no-new-privs", "/x"];
  for (const [call, request, message] of [
    ["setrlimit_nproc", 0, MESSAGES.NprocFailed],
    ["prctl", 23, MESSAGES.CapsFailed],
    ["prctl", 24, MESSAGES.CapsFailed],
    ["prctl", 8, MESSAGES.CapsFailed],
    ["setgroups", 0, MESSAGES.UserFailed],
    ["setgid", 0, MESSAGES.UserFailed],
    ["setuid", 0, MESSAGES.UserFailed],
    ["capset", 0, MESSAGES.CapsFailed],
    ["prctl", 47, MESSAGES.CapsFailed],
    ["prctl", 38, MESSAGES.NoNewPrivsFailed],
  ] as const) {
    for (const [name, status] of [
      ["steady", 125],
      ["tini", 1],
    ] as const) {
      for (const errno of [EPERM, EAGAIN]) {
        const childKernel: Kernel = {
          prctl: (_, asked = 0) => (call === "prctl" && asked === request ? -errno : Number(asked === 23)),
          ...(call === "prctl" ? {} : { [call]: () => -errno }),
        };
        const seen = play(core, { args: [name, ...args], files, childKernel, end: status * 256 });
        const text = message.replace("%e", ERRORS[errno] ?? "");
        assert.equal(seen.childErrors, `[FATAL ${name} (42)] ${text}\n`, `${call} ${request}`);
        assert.deepEqual([seen.childStatus, seen.executed], [status, []]);
      }
    }
  }
});

promise(
  "the init keeps CAP_KILL alone, else CAP_SETUID alone; where it may not give up the rest it says so and goes on",
  (core) => {
    const [KILL, SETUID] = [1n << 5n, 1n << 7n];
    for (const [had, kept] of [
      [(1n << 41n) - 1n, KILL],
      [KILL, KILL],
      [SETUID | 1n, SETUID],
      [3n, 0n],
      [0n, 0n],
    ] as const) {
      const { calls, status } = play(core, { args: ["steady", "/x"], kernel: { capget: () => had } });
      const made = calls.filter(([name]) => name === "capset" || name === "prctl");
      assert.deepEqual(made, [
        ["capset", Number(kept)],
        ["prctl", 38, 1, 0],
      ]);
      assert.equal(status, 0);
    }
    for (const call of ["capset", "prctl"]) {
      const seen = play(core, { args: ["steady", "/x"], kernel: { [call]: () => -EPERM } });
      const text = MESSAGES.KeepsPrivileges.replace("%e", ERRORS[EPERM] ?? "");
      assert.ok(seen.errors.startsWith(`[WARN  steady (1)] ${text}\n`), seen.errors);
      assert.equal(seen.status, 0);
    }
  },
);
