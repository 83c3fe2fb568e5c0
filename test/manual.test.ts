// What is installed beside the program: the manual page as man(1) shows it, and the completions as the shells take them.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { MESSAGES, NAMES } from "../texts/messages.ts";
import { OPTIONS } from "../texts/options.ts";
import { ROOT } from "../tools/build.ts";
import { MANUALS } from "../tools/manual.ts";
import { variableOf } from "./lib/commandline.ts";
import { needsProgram, STEADY } from "./lib/process.ts";

const COMPLETIONS = join(ROOT, "docs/completions");
const EVERY_NAME = Object.values(NAMES).flat();
const LONG = OPTIONS.map(({ long }) => `--${long}`);

test("the files in docs are those that npm run manual writes", () => {
  for (const [path, text] of Object.entries(MANUALS))
    assert.equal(readFileSync(join(ROOT, path), "utf8"), text(), `${path}: npm run manual`);
});

test("man renders the page without a warning, with every option, its letter and its variable", (context) => {
  if (!needsProgram(context, "man", "apt-get install man-db")) return;
  const env = { ...process.env, LC_ALL: "C.UTF-8", MANWIDTH: "100", MAN_KEEP_FORMATTING: "" };
  const args = ["--warnings", "--encoding=UTF-8", "--local-file", join(ROOT, "docs/steady.8")];
  const { stdout, stderr, status } = spawnSync("man", args, { env, encoding: "utf8" });
  assert.deepEqual([status, stderr], [0, ""]);
  for (const name of EVERY_NAME) assert.match(stdout, new RegExp(`^ +.*\\b${name}\\b`, "m"));
  for (const [init, names] of Object.entries(NAMES).slice(1)) {
    const [last, ...others] = names.toReversed();
    const called = others.length > 0 ? `${others.reverse().join(", ")} or ${last}` : last;
    assert.match(stdout, new RegExp(`^ +${called}\\s+${init}$`, "m"));
  }
  for (const { long, letter, value = "", environment, help } of OPTIONS) {
    const forms = [...(letter === undefined ? [] : [`-${letter}`]), `--${long}`];
    const head = forms.map((form) => (value === "" ? form : `${form} ${value}`)).join(", ");
    const variable = environment ? ` (STEADY_${long.toUpperCase().replaceAll("-", "_")})` : "";
    // What is short has its help on the same line.
    assert.ok(
      ["\n", " "].some((end) => stdout.includes(`       ${head}${variable}${end}`)),
      head,
    );
    assert.ok(stdout.replace(/\s+/g, " ").includes(help.replace(/\s+/g, " ")), help);
  }
});

test("the names are those that the core knows, each of the init that it becomes by it", () => {
  const texts = Object.entries(MESSAGES).filter(([key]) => /^Name[A-Z]/.test(key));
  assert.deepEqual([...EVERY_NAME].sort(), texts.map(([, name]) => name).sort());
  for (const [init, names] of Object.entries(NAMES))
    for (const name of names) {
      const env = { ...process.env, CATATONIT_DEBUG: "1" };
      const args = init === "catatonit" ? ["true"] : ["-v", "true"];
      const { stdout, stderr } = spawnSync(STEADY, args, { argv0: `/sbin/${name}`, env, encoding: "utf8" });
      assert.ok(
        (stdout + stderr).includes(`Behaving as ${init}: by the name`),
        `${name}: ${stdout}${stderr}`,
      );
    }
});

test("docs/install.md says of each name which init it is", () => {
  const text = readFileSync(join(ROOT, "docs/install.md"), "utf8");
  for (const [init, names] of Object.entries(NAMES))
    assert.ok(text.includes(`| ${names.map((name) => `\`${name}\``).join(", ")} | ${init} |`), init);
});

/** What bash would offer for the last word. */
function inBash(...words: string[]): string[] {
  const script = `source "$0/steady.bash"; COMP_WORDS=(steady "$@"); COMP_CWORD=$#; _steady; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const offered = execFileSync("bash", ["--norc", "-c", script, COMPLETIONS, ...words], { encoding: "utf8" });
  return offered.split("\n").filter(Boolean);
}

test("bash completes options, their values, and then the program", (context) => {
  if (!needsProgram(context, "bash", "apt-get install bash")) return;
  assert.deepEqual(inBash("--").sort(), [...LONG].sort());
  assert.deepEqual(inBash("-g", "--reap", ""), ["auto", "kernel", "wait"]);
  assert.deepEqual(inBash("--as", ""), EVERY_NAME);
  assert.deepEqual(inBash("-p", "TER"), ["TERM"]);
  assert.ok(inBash("-e", "143", "--", "tru").includes("true"));
  assert.deepEqual(inBash("sh", "--re"), []);
  assert.deepEqual(inBash("--install", `${COMPLETIONS}/steady.b`), [`${COMPLETIONS}/steady.bash`]);
});

test("fish completes options, their values, and then what the program takes", (context) => {
  if (!needsProgram(context, "fish", "npm run test:all, which installs it")) return;
  const offered = (line: string): string[] => {
    const script = `source ${COMPLETIONS}/steady.fish; complete --do-complete ${JSON.stringify(line)}`;
    const lines = execFileSync("fish", ["--no-config", "--command", script], { encoding: "utf8" }).split(
      "\n",
    );
    return lines.map((each) => each.split("\t")[0] ?? "").filter(Boolean);
  };
  assert.deepEqual(
    LONG.filter((each) => !offered(`steady ${each}`).includes(each)),
    [],
  );
  assert.deepEqual(offered("steady --reap "), ["auto", "kernel", "wait"]);
  assert.deepEqual(offered("steady --as ").sort(), [...EVERY_NAME].sort());
  assert.deepEqual(offered("steady -p TER"), ["TERM"]);
});

test("zsh takes its completion: every option is an argument that it understands", (context) => {
  if (!needsProgram(context, "zsh", "npm run test:all, which installs it")) return;
  // Outside of a line that is being edited there is nothing to complete: what _arguments is given is looked at.
  const script = `_arguments() { print -rl -- "$@" }; source ${COMPLETIONS}/_steady`;
  const given = execFileSync("zsh", ["-f", "-c", script], { encoding: "utf8" }).split("\n");
  for (const { long, letter, value } of OPTIONS)
    for (const form of [`--${long}`, ...(letter === undefined ? [] : [`-${letter}`])]) {
      const spec = given.filter((each) => each.replace(/^(\*|\([^)]*\))/, "").startsWith(`${form}[`));
      assert.equal(spec.length, 1, form);
      assert.equal(/\]:.*:/.test(spec[0] ?? ""), value !== undefined, form);
      if (long === "as") assert.ok(spec[0]?.endsWith(`(${EVERY_NAME.join(" ")})`), spec[0]);
    }
});

test("behaviour.md has every option by its long name, and every variable", () => {
  const text = readFileSync(new URL("../docs/behaviour.md", import.meta.url), "utf8");
  const names = OPTIONS.flatMap((option) => [
    `--${option.long}`,
    ...(option.environment ? [variableOf(option)] : []),
  ]);
  assert.deepEqual(
    names.filter((name) => !new RegExp(`${name}(?![-\\w])`).test(text)),
    [],
  );
});
