// A script of system calls: who makes which call, with which numbers. One text form for people, for the command line and
// for the player: "0 clone 1 1; 1 kill 3 15" is what slot 0 (process 1) and slot 1 (its child) do.

import { readFileSync } from "node:fs";
import { execution, type Machine, place, type SettingName } from "./settings.ts";

/** The numbers of the calls, as the player knows them. */
const NUMBERS: ReadonlyMap<string, number> = new Map(
  [
    ...readFileSync(new URL("player/calls.ts", import.meta.url), "utf8").matchAll(/^ {2}(\w+) = (\d+),$/gm),
  ].map(([, name = "", number]) => [name, Number(number)]),
);
export const numberOf = (call: string): number => NUMBERS.get(call) ?? -1;
export const CALLS: readonly string[] = [...NUMBERS.keys()].filter((name) => name !== "ping");
const NAMES: ReadonlyMap<number, string> = new Map([...NUMBERS].map(([name, number]) => [number, name]));

/** Slots besides that of process 1, which is 0: so many processes of a script can be alive at a time. */
export const SLOTS = 6;

export interface Step {
  readonly slot: number;
  readonly call: string;
  /** The slot of the child that a clone makes; that of the same process after an exec. */
  readonly child: number;
  readonly args: readonly bigint[];
  readonly path?: string;
}

export interface Script {
  readonly setting: SettingName;
  readonly steps: readonly Step[];
}

/** What the player reads: a line for each step, calls by their numbers, paths as they are on the machine. */
export function encode({ steps }: Script, machine: Machine): string {
  return steps
    .map((step) => onMachine(step, machine))
    .map((step) => `${words(step, String(NUMBERS.get(step.call))).join(" ")}\n`)
    .join("");
}

function onMachine(step: Step, machine: Machine): Step {
  if (step.path === undefined) return step;
  if (step.call === "execve") return { ...step, ...execution(machine, step.path) };
  return { ...step, path: place(machine, step.path) };
}

/** What a person reads, and the command line takes. */
export function write({ setting, steps }: Script): string {
  return `${setting}: ${steps.map((step) => words(step, step.call).join(" ")).join("; ")}`;
}

function words({ slot, child, args, path }: Step, call: string): string[] {
  return [slot, call, child, ...args, ...(path === undefined ? [] : [path])].map(String);
}

/** The other way round; throws with what is wrong. */
export function parse(text: string): Script {
  const [, setting = "", rest = ""] = /^([\w-]+): ?(.*)$/s.exec(text) ?? [];
  if (setting === "") throw new Error(`a script begins with its setting, as in "plain: 0 getpid 0": ${text}`);
  const steps = rest.split(";").filter((step) => step.trim() !== "");
  return { setting: setting as SettingName, steps: steps.map(parseStep) };
}

function parseStep(text: string): Step {
  const [slot = "", call = "", child = "", ...rest] = text.trim().split(/\s+/);
  if (!/^\d$/.test(slot) || !NUMBERS.has(call) || !/^\d$/.test(child))
    throw new Error(`not a step (SLOT CALL SLOT-OF-CHILD NUMBERS... PATH): ${text}`);
  const path = rest.at(-1)?.startsWith("/") ? rest.pop() : undefined;
  const step = { slot: Number(slot), call, child: Number(child), args: rest.map(BigInt) };
  return path === undefined ? step : { ...step, path };
}

/** What happened at one step: the answers that came, and what has become of every process. */
export interface Moment {
  /** "1 kill 0", with the bytes that were stored. */
  readonly answers: readonly string[];
  /** "2 T 1 0 0 -1 ..." */
  readonly processes: readonly string[];
}

/** A trace in the player's words. */
export function readTrace(text: string): Moment[] {
  const parts = text.split("\n.\n");
  const rest = parts.pop();
  if (rest !== "" && rest !== undefined)
    throw new Error(`the player's words end with ${JSON.stringify(rest)}`);
  return parts.map((part) => {
    const lines = part.split("\n");
    const about = (kind: string) =>
      lines.filter((line) => line.startsWith(kind)).map((line) => line.slice(2));
    if (lines.some((line) => line.startsWith("!"))) throw new Error(`the player gave up:\n${part}`);
    return { answers: about("A ").map(nameCall), processes: about("P ") };
  });
}

/** "1 14 0 " as "1 kill 0". */
export function nameCall(answer: string): string {
  const [slot, call, ...rest] = answer.trimEnd().split(" ");
  return [slot, NAMES.get(Number(call)) ?? call, ...rest].join(" ");
}
