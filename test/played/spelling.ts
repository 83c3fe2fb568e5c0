// What is nearly right: every word, letter and number that the command line and the environment know, with one character
// changed, one missing and one too many. A slip of the pen is never taken for something else.

import { entries } from "../../texts/generate.ts";
import { OPTIONS } from "../../texts/options.ts";
import { variableOf } from "../lib/commandline.ts";
import { SIGNAL_NAMES } from "../lib/signals.ts";
import { check, plainCase } from "./commandline.ts";
import { into, type Played, some } from "./promises.ts";

export const SPELLINGS: Played[] = [];
const promise = into(SPELLINGS);

const NAMES = ["steady", "tini", "tini-static", "docker-init", "dumb-init", "catatonit", "podman-init"];
const REAP = ["auto", "kernel", "wait"];
const TINI = ["TINI_SUBREAPER", "TINI_KILL_PROCESS_GROUP", "TINI_VERBOSITY"];
const char = (code: number): string => String.fromCharCode(code);

/** The word, and all that one keystroke makes of it. */
export function near(word: string): string[] {
  const all = [
    word,
    `${word}x`,
    `${word}=`,
    `x${word}`,
    word.slice(0, -1),
    word.slice(1),
    word.toUpperCase(),
  ];
  for (const [at, letter] of [...word].entries()) {
    const code = letter.charCodeAt(0);
    for (const other of [code - 1, code + 1, 0x5b])
      all.push(word.slice(0, at) + char(other) + word.slice(at + 1));
  }
  return all.filter((text) => !text.includes("\0"));
}

/** What stands beside a digit in ASCII, what counts as blank and what does not, and signs. */
const BESIDE = [1, 7, 8, 9, 10, 11, 12, 13, 14, 31, 32, 33, 42, 43, 44, 45, 46, 47, 58, 59, 127, 160].map(
  char,
);

promise("a name of an init with one character more, less or other is none", (core, effort) => {
  for (const name of some(NAMES.flatMap(near), effort)) {
    for (const args of [
      [name, "-q"],
      [`/sbin/${name}`, "-v", "/x"],
      ["steady", "--as", name, "/x"],
      ["tini", `--as=${name}`, "-v", "/x"],
    ])
      check(core, { ...plainCase, args });
    check(core, { ...plainCase, args: ["x", "-v", "/x"], variables: [`STEADY_AS=${name}`] });
  }
  for (const name of NAMES) {
    check(core, { ...plainCase, args: ["x", `--as=${name}x`, "/x"] });
    check(core, { ...plainCase, args: ["x", `--as=${name.slice(0, -1)}`, "/x"] });
  }
});

promise("what a name says counts only where nobody has said which init to be", (core) => {
  for (const called of NAMES) {
    for (const said of NAMES) {
      check(core, { ...plainCase, args: [called, "--as", said, "-v", "/x"] });
      check(core, { ...plainCase, args: [called, "-v", "/x"], variables: [`STEADY_AS=${said}`] });
    }
  }
});

promise("no other text of the init's own is taken for a word, a name, an option or a signal", (core) => {
  for (const { text } of entries("")) {
    if (text.includes("\0") || text.length > 100) continue;
    for (const args of [
      ["--as", text],
      ["--reap", text],
      ["-p", text],
      ["-p", text.toUpperCase()],
      [`--${text}`],
    ])
      check(core, { ...plainCase, args: ["steady", ...args, "/x"] });
    check(core, { ...plainCase, args: [text, "-v", "/x"], variables: [`STEADY_${text}=1`, `${text}=1`] });
  }
});

promise("a way of reaping with one character more, less or other is refused", (core) => {
  for (const word of REAP.flatMap(near)) {
    check(core, { ...plainCase, args: ["steady", "--reap", word, "/x"] });
    check(core, { ...plainCase, args: ["steady", "/x"], variables: [`STEADY_REAP=${word}`] });
  }
});

promise("a long option with one character more, less or other is unknown", (core, effort) => {
  const words = OPTIONS.flatMap(({ long, value }) =>
    near(long).map((word) => (value === undefined ? [`--${word}`] : [`--${word}`, "1"])),
  );
  for (const [index, word] of some(words, effort).entries()) {
    const name = index % 2 === 0 ? "steady" : "tini";
    check(core, { ...plainCase, args: [name, ...word, "/x"] });
  }
  for (const { long } of OPTIONS) {
    for (const text of [
      `--${long}`,
      `--${long}=`,
      `--${long}=1`,
      `--${long}=TERM`,
      `--${long}=tini`,
      `--${long}x`,
    ]) {
      for (const name of ["steady", "tini"]) {
        check(core, { ...plainCase, args: [name, text] });
        check(core, { ...plainCase, args: [name, "-g", text, "/x"] });
        check(core, { ...plainCase, args: [name, text, "-g", "/x"] });
      }
    }
  }
});

promise(
  "each letter is an option or is not, alone, in the middle and at the end of a cluster",
  (core, effort) => {
    const codes = Array.from({ length: 255 }, (_, index) => index + 1);
    for (const code of some(codes, effort)) {
      for (const cluster of [`-${char(code)}`, `-g${char(code)}`, `-${char(code)}g`]) {
        if (cluster === "--g") continue;
        check(core, { ...plainCase, args: ["steady", cluster, "TERM", "/x"] });
        check(core, { ...plainCase, args: ["tini", cluster] });
      }
    }
  },
);

promise("a variable with one character more, less or other in its name says nothing", (core, effort) => {
  const own = OPTIONS.map(variableOf);
  for (const name of some([...own, ...TINI].flatMap(near), effort)) {
    if (name.includes("=")) continue;
    const variables = [`${name}=1`];
    check(core, { ...plainCase, args: ["steady", "/x"], variables });
    check(core, { ...plainCase, args: ["tini", "/x"], variables, pid: 77 });
  }
});

promise("off is the empty text, 0 and false in any case, and nothing else", (core, effort) => {
  const values = [
    "",
    "0",
    "00",
    "0x",
    "1",
    "-0",
    "+0",
    " 0",
    "no",
    "off",
    ...near("false"),
    ...near("FALSE"),
    "False",
  ];
  for (const value of values) {
    for (const name of TINI)
      check(core, { ...plainCase, args: ["steady", "/x"], variables: [`${name}=${value}`] });
  }
  for (const value of some(values, effort)) {
    for (const name of [...TINI, ...OPTIONS.map(({ long }) => `STEADY_${long.toUpperCase()}`)]) {
      check(core, { ...plainCase, args: ["steady", "/x"], variables: [`${name}=${value}`] });
      check(core, { ...plainCase, args: ["tini", "/x"], variables: [`${name}=${value}`] });
    }
  }
});

promise("of two variables with one name the first counts, also where it is empty or off", (core) => {
  const pairs = [
    ["STEADY_GROUP", "0", "1"],
    ["STEADY_GROUP", "", "1"],
    ["STEADY_VERBOSE", "2", "x"],
    ["STEADY_REMAP_EXIT", "3", "4"],
    ["STEADY_REMAP_EXIT", "", "3"],
    ["STEADY_PARENT_DEATH", "HUP", "no signal"],
    ["STEADY_REAP", "wait", "no way"],
    ["TINI_SUBREAPER", "", "1"],
    ["TINI_VERBOSITY", "", "3"],
  ];
  for (const [name, first, second] of pairs) {
    const variables = [`${name}=${first}`, "A=B", `${name}=${second}`];
    for (const end of [3, 4]) {
      check(core, { ...plainCase, args: ["steady", "/x"], variables, end: end * 256 });
      check(core, { ...plainCase, args: ["tini", "/x"], variables: variables.toReversed(), end: end * 256 });
    }
  }
});

promise("which variables were read before is remembered for all of them", (core) => {
  const names = ["SUBREAPER", "VERBOSE", "WARN_REAPED", "GROUP"].map((name) => `STEADY_${name}`);
  const others = ["STEADY_REAP=wait", "STEADY_AS=steady", "STEADY_PARENT_DEATH=HUP"];
  others.push(...names.map((name) => `${name}=1`));
  for (const name of names) {
    for (const other of others.filter((each) => !each.startsWith(name)))
      check(core, { ...plainCase, args: ["steady", "/x"], variables: [`${name}=0`, other, `${name}=3`] });
  }
});

promise(
  "a number is read as strtol(3) reads it, with blanks and a sign before and nothing behind",
  (core, effort) => {
    const bounds = [0, 1, 2, 3, 4, 5, 9, 10, 254, 255, 256, 999, 1000, 999_999, 1e6, 1e6 + 1].map(String);
    bounds.push(...[2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 7].map(String));
    const texts = BESIDE.flatMap((other) => [
      `${other}7`,
      `7${other}`,
      `7${other}1`,
      `${other}${other}7`,
      other,
    ]);
    const all = [...texts, ...bounds, ...bounds.map((bound) => `-${bound}`)];
    for (const text of all) check(core, { ...plainCase, args: ["steady", "-e", text, "/x"], end: 7 * 256 });
    for (const text of some(all, effort)) {
      for (const end of [0, 71])
        check(core, { ...plainCase, args: ["steady", "-e", text, "/x"], end: end * 256 });
      for (const name of ["TINI_VERBOSITY", "STEADY_VERBOSE", "STEADY_REMAP_EXIT", "STEADY_PARENT_DEATH"])
        check(core, { ...plainCase, args: ["steady", "/x"], variables: [`${name}=${text}`] });
      for (const name of ["RTMIN", "SIGRTMAX"]) {
        check(core, { ...plainCase, args: ["steady", "-p", `${name}${text}`, "/x"] });
        check(core, { ...plainCase, args: ["steady", "-p", `${name}-${text}`, "/x"] });
        check(core, { ...plainCase, args: ["steady", "-p", `${name}+${text}`, "/x"] });
      }
    }
  },
);

promise("a signal's name with one character more, less or other is none", (core, effort) => {
  const own = [...SIGNAL_NAMES.keys()].filter((name) => !name.startsWith("RT")).flatMap(near);
  for (const name of some(own, effort)) check(core, { ...plainCase, args: ["steady", "-p", name, "/x"] });
  for (const name of [...near("RTMIN"), ...near("SIGRTMAX"), ...near("SIGHUP")])
    check(core, { ...plainCase, args: ["tini", `-p${name}`, "/x"] });
});

promise(
  "an empty variable, a lone dash, a letter without its value and a number with more behind it",
  (core) => {
    const lines = [
      ["-"],
      ["-", "-v"],
      ["-e"],
      ["-p"],
      ["-ve"],
      ["-gp"],
      ["-v", "-e"],
      ["-e", ""],
      ["-p", ""],
      ["--", "-"],
    ];
    for (const line of lines) {
      for (const name of ["steady", "tini"]) check(core, { ...plainCase, args: [name, ...line] });
    }
    const named = ["STEADY_REAP", "STEADY_AS", "STEADY_PARENT_DEATH", "STEADY_REMAP_EXIT", "STEADY_GROUP"];
    const variables = named.map((name) => `${name}=`);
    for (const text of ["-1", "-2", "0", "1", "1x", "2x", "3:", "4", "x"])
      variables.push(`TINI_VERBOSITY=${text}`, `STEADY_VERBOSE=${text}`);
    for (const variable of variables) {
      check(core, { ...plainCase, args: ["steady", "/x"], variables: [variable] });
      check(core, { ...plainCase, args: ["steady", "-v", "/x"], variables: [variable] });
    }
  },
);
