// What an image starts: the words of ENTRYPOINT and CMD followed through inits, shells and helpers to the program. The
// rule: nothing is run; what only a run can tell (what a script does) is left open, and its words are named.

import type { Identity } from "../verify/verification.ts";
import type { ImageConfig } from "./image.ts";
import type { FileNode, Node, Tree } from "./tree.ts";

export interface Step {
  /** As it was written. */
  readonly word: string;
  /** Where it lies, at the end of links; undefined where the image has it not. */
  readonly path?: string;
  readonly file?: FileNode;
  readonly role: "init" | "manager" | "shell" | "helper" | "program";
  readonly identity?: Identity;
}

export interface Entry {
  /** ENTRYPOINT and CMD as the engine puts them together. */
  readonly words: readonly string[];
  readonly shellForm: boolean;
  /** The programs that start one another, PID 1 first. */
  readonly steps: readonly Step[];
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SHELLS = ["sh", "bash", "dash", "ash", "zsh", "busybox"];
/** Programs that reap and stop others themselves, or are an init of their own. */
const MANAGERS = [
  "s6-svscan",
  "s6-overlay-suexec",
  "supervisord",
  "runit",
  "runsvdir",
  "systemd",
  "my_init",
  "pid1",
  "dinit",
  "openrc-init",
  "monit",
  "circusd",
  "pause",
  "init",
];
/** Programs that become the one that they start; how many words before it are theirs, beyond options. */
const HELPERS: Readonly<Record<string, number>> = {
  gosu: 1,
  "su-exec": 1,
  setpriv: 0,
  exec: 0,
  env: 0,
  nice: 0,
  chroot: 1,
  "s6-setuidgid": 1,
  stdbuf: 0,
  nohup: 0,
};
/** Names that are an init's by convention. */
export const INIT_NAMES = ["tini", "tini-static", "dumb-init", "catatonit", "docker-init", "steady"];
/** Options of inits that take the next word. */
const WITH_VALUE = ["-p", "-e", "-r", "--parent-death", "--remap-exit", "--reap", "--as", "--rewrite"];
const STEPS_MAX = 8;

export function entryOf(config: ImageConfig, tree: Tree): Entry {
  const { entrypoint, cmd } = config;
  const words = [...entrypoint, ...cmd];
  const shellForm = isShellForm(entrypoint) || (entrypoint.length === 0 && isShellForm(cmd));
  const folders = (config.env.find((each) => each.startsWith("PATH="))?.slice(5) ?? PATH).split(":");
  return { words, shellForm, steps: stepsOf(words, tree, folders) };
}

/** What `ENTRYPOINT command` becomes: a shell with one text. */
function isShellForm([shell = "", option, ...rest]: readonly string[]): boolean {
  return SHELLS.includes(baseOf(shell)) && option === "-c" && rest.length >= 1;
}

function stepsOf(words: readonly string[], tree: Tree, folders: readonly string[]): Step[] {
  const steps: Step[] = [];
  for (let rest = words; rest.length > 0 && steps.length < STEPS_MAX; ) {
    const [word = "", ...others] = rest;
    const step = stepOf(word, tree, folders);
    steps.push(step);
    if (step.role === "init") rest = afterOptions(others);
    else if (step.role === "helper") rest = afterOptions(others).slice(HELPERS[baseOf(word)] ?? 0);
    else if (step.role === "shell" && others[0] === "-c") rest = firstCommand(others[1] ?? "");
    else break;
  }
  return steps;
}

function stepOf(word: string, tree: Tree, folders: readonly string[]): Step {
  const found = findProgram(word, tree, folders);
  const file = found?.node.kind === "file" ? found.node : undefined;
  const identity = file?.facts.init?.identity;
  return {
    word,
    ...(found === undefined ? {} : { path: found.path }),
    ...(file === undefined ? {} : { file }),
    ...(identity === undefined ? {} : { identity }),
    role: identity === undefined ? roleOf(baseOf(word), found?.path) : "init",
  };
}

/** By name where the content tells nothing; what is called like an init and is missing was meant to be one. */
function roleOf(name: string, path: string | undefined): Step["role"] {
  if (path === undefined && INIT_NAMES.includes(name)) return "init";
  const names = [name, baseOf(path ?? name)];
  const is = (list: readonly string[]): boolean => names.some((each) => list.includes(each));
  if (is(SHELLS)) return "shell";
  if (Object.keys(HELPERS).includes(name)) return "helper";
  return is(MANAGERS) ? "manager" : "program";
}

/** As execvp(3) looks for it. */
function findProgram(
  word: string,
  tree: Tree,
  folders: readonly string[],
): { readonly path: string; readonly node: Node } | undefined {
  if (word.includes("/")) return tree.find(word);
  const found = folders.map((folder) => tree.find(`${folder}/${word}`));
  return found.find((each) => each?.node.kind === "file");
}

/** The words after an init's own: options with their values, and --. */
function afterOptions(words: readonly string[]): readonly string[] {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    if (word === "--") return words.slice(i + 1);
    if (!word.startsWith("-")) return words.slice(i);
    if (WITH_VALUE.includes(word)) i++;
  }
  return [];
}

/** The words of the first simple command of a shell's text, without exec; none where it is more than words. */
function firstCommand(text: string): readonly string[] {
  const [first = ""] = text.split(/[;&|\n]/);
  const words = first.trim().split(/\s+/);
  const plain = words[0] === "exec" ? words.slice(1) : words;
  return plain.every((word) => /^[\w@%+=:,./-]*$/.test(word)) ? plain.filter((word) => word !== "") : [];
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
