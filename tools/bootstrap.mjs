// Makes a fresh clone ready and runs one of its tools: installs what package-lock.json names, once, then hands
// over to tools/TOOL.ts on the Node that is pinned there.
//
// The only source that is not TypeScript: it runs before anything is installed, on whatever Node (18 or newer)
// the reader has, and not all of those run TypeScript. For the same reason it depends on nothing.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 18;
const LOCK_WAIT_MS_MAX = 15 * 60 * 1000;
const LOCK_POLL_MS = 200;

/** Everything a person or a supervisor sends that Node can catch. Job control already reaches the whole group. */
const FORWARDED = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGTERM"];

const PACKAGES = path("package-lock.json");
const PINNED_NODE = path("node_modules/.bin/node");
const STAMP = path("node_modules/.lock-sha256");
const LOCK = path(".npm-ci.lock");

main().catch((error) => {
  say(error.message);
  process.exitCode = 1;
});

async function main() {
  requireMachine();
  const [name = "TOOL", ...args] = process.argv.slice(2);
  const tool = path(`tools/${name}.ts`);
  if (!existsSync(tool)) throw new Error(`there is no tools/${name}.ts: use a script of package.json`);
  if (!isStamped()) await install();
  process.exitCode = await run(PINNED_NODE, [tool, ...args], { stdio: "inherit" });
}

function requireMachine() {
  if (process.platform !== "linux") {
    throw new Error(`steady is for Linux, and this is ${process.platform}: use a Linux container`);
  }
  if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
    throw new Error(`Node ${process.versions.node} is too old: install Node ${NODE_MAJOR_MIN} or newer`);
  }
}

async function install() {
  await takeLock();
  try {
    if (isStamped()) return;
    if (!isInstalledByHand()) await npmCi();
    writeFileSync(STAMP, `${packagesHash()}\n`);
  } finally {
    releaseLock();
  }
}

async function npmCi() {
  say("installing what package-lock.json names (npm ci)");
  rmSync(STAMP, { force: true });
  // Under `npm run`, the npm in use and the Node it runs on; not the Node in node_modules, which npm ci deletes.
  const { npm_execpath: npm = "", npm_node_execpath: node = process.execPath } = process.env;
  const command = npm.endsWith("/npm-cli.js") ? [node, npm] : ["npm"];
  // All tools are devDependencies: NODE_ENV=production or an `omit` in somebody's .npmrc must not drop them. They run on
  // the pinned Node, so whether they suit the one that npm runs on is no matter (engine-strict), nor news.
  const wanted = ["--include=dev", "--include=optional", "--engine-strict=false"];
  const flags = ["ci", ...wanted, "--no-audit", "--no-fund", "--loglevel=error"];
  // Standard output belongs to the tool, and so does standard input.
  const options = { cwd: path(""), stdio: ["ignore", 2, 2] };
  const status = await run(command[0], [...command.slice(1), ...flags], options, addOwner);
  if (status !== 0) throw new Error(`npm ci failed (${status}): see its lines above, then try again`);
  if (!existsSync(PINNED_NODE)) {
    throw new Error(
      "npm ci left out the pinned Node, which has an install script: run `npm ci --ignore-scripts=false`",
    );
  }
}

function isStamped() {
  if (!existsSync(PINNED_NODE) || !existsSync(STAMP)) return false;
  return readFileSync(STAMP, "utf8").trim() === packagesHash();
}

function packagesHash() {
  return createHash("sha256").update(readFileSync(PACKAGES)).digest("hex");
}

/** Whether npm's own list of what it installed agrees with the lock: then `npm ci` was run without us, and will do. */
function isInstalledByHand() {
  const list = path("node_modules/.package-lock.json");
  if (!existsSync(PINNED_NODE) || !existsSync(list)) return false;
  const { "": _project, ...wanted } = JSON.parse(readFileSync(PACKAGES, "utf8")).packages;
  const present = JSON.parse(readFileSync(list, "utf8")).packages;
  // Most optional packages are for other machines.
  const complete = Object.keys(wanted).every((name) => wanted[name].optional || present[name]);
  const same = Object.keys(present).every((name) => present[name].integrity === wanted[name]?.integrity);
  return complete && same;
}

/** Runs a program to its end, passing on the signals we get; answers its exit status as a shell would. */
function run(file, args, options, onStart = () => {}) {
  return new Promise((resolve, reject) => {
    let child;
    const forward = (signal) => isFromKeyboard(signal) || child.kill(signal);
    // Before the spawn: a signal that came between the two would end us and leave the child alone.
    for (const signal of FORWARDED) process.on(signal, forward);
    child = spawn(file, args, options);
    if (child.pid) onStart(child.pid);
    child.on("error", (error) => reject(cannotStart(file, error)));
    child.on("exit", (code, signal) => {
      for (const each of FORWARDED) process.off(each, forward);
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}

function cannotStart(file, error) {
  // The kernel says ENOENT for a program whose loader is missing, too: the pinned Node on musl.
  return new Error(`cannot start ${file} (${error.code}): install npm, and use a Linux with glibc`);
}

/** The terminal sends Ctrl-C to its whole foreground group, so the child has it already; twice would mean "now!". */
function isFromKeyboard(signal) {
  const self = processStat("self");
  return (signal === "SIGINT" || signal === "SIGQUIT") && self.group === self.terminalGroup;
}

/** Two tools started at once in a fresh clone must not run npm ci over each other: the second one waits. */
async function takeLock() {
  const mine = `${LOCK}.${process.pid}`;
  // Filled before it is renamed into place, so that nobody sees a lock without an owner.
  rmSync(mine, { recursive: true, force: true });
  mkdirSync(mine);
  writeFileSync(`${mine}/owners`, ownerLine(process.pid));
  try {
    for (let waitedMs = 0; waitedMs < LOCK_WAIT_MS_MAX; waitedMs += LOCK_POLL_MS) {
      if (attempt(() => renameSync(mine, LOCK), ["EEXIST", "ENOTEMPTY"]) || inheritLock()) return;
      if (waitedMs === 0) say("waiting for another npm ci in this folder to end");
      await sleep(LOCK_POLL_MS);
    }
    throw new Error(`another npm ci does not end: stop it, or remove ${LOCK}`);
  } finally {
    rmSync(mine, { recursive: true, force: true });
  }
}

/** Takes over the lock of owners who died. One heir at a time, who looks again once no other can inherit. */
function inheritLock() {
  if (!isAbandoned() || !attempt(() => mkdirSync(`${LOCK}/heir`), ["EEXIST", "ENOENT"])) return false;
  const abandoned = isAbandoned();
  if (abandoned) writeFileSync(`${LOCK}/owners`, ownerLine(process.pid));
  rmSync(`${LOCK}/heir`, { recursive: true, force: true });
  return abandoned;
}

function isAbandoned() {
  const owners = attempt(() => readFileSync(`${LOCK}/owners`, "utf8"), ["ENOENT"]);
  // No lock any more: not abandoned, but free.
  if (owners === false) return false;
  return owners.split("\n").every((line) => !line || line !== ownerLine(line.split(" ")[0]).trim());
}

/** npm outlives a killed bootstrap, so it is an owner, too. */
function addOwner(pid) {
  appendFileSync(`${LOCK}/owners`, ownerLine(pid));
}

/** In one step, since an emptied lock would look free while it is being removed. */
function releaseLock() {
  const mine = `${LOCK}.${process.pid}`;
  renameSync(LOCK, mine);
  rmSync(mine, { recursive: true, force: true });
}

/** The pid alone may belong to another process by now; with its start time it names one process. */
function ownerLine(pid) {
  const { state, started } = processStat(pid);
  return state && state !== "Z" ? `${pid} ${started}\n` : "";
}

/** What /proc/PID/stat tells; nothing of a process that is gone. See proc_pid_stat(5). */
function processStat(pid) {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8"), ["ENOENT", "ESRCH"]) || "";
  // The name of the program comes second, in parentheses, and may contain anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0], group: fields[2], terminalGroup: fields[5], started: fields[19] };
}

/** What an act answers, or true; false if it fails in a way that was expected. */
function attempt(act, expected) {
  try {
    return act() ?? true;
  } catch (error) {
    if (expected.includes(error.code)) return false;
    throw error;
  }
}

function path(name) {
  return fileURLToPath(new URL(`../${name}`, import.meta.url));
}

function say(sentence) {
  process.stderr.write(`steady: ${sentence}\n`);
}
