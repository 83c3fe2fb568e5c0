// The time line of one run: a row of signals, a row for each process, a row for each port, an axis. The rule: positions
// are shares of the run's duration in attributes of SVG, so that it fits every width without a script, a style
// attribute or a picture; everything it shows is also in the tables beside it, which is what a screen reader gets.

import type { Event, ProcessSpan, Run } from "../report.ts";
import { type Markup, markup } from "./markup.ts";
import { duration } from "./words.ts";

/** More would be a wall; the table has them all. */
const PROCESSES_MAX = 24;
const BAR_ROW = 26;
const LANE = 18;
/** Of a row of signals: shares of the width per character of a label on a phone, and between two labels. */
const CHARACTER_SHARE = 0.022;
const GAP_SHARE = 0.02;
/** What is shorter could not be seen. */
const BAR_SHARE_MIN = 0.004;
const TICKS_MAX = 5;
const TICK_STEPS = [1, 2, 5];

interface Label {
  readonly at: number;
  readonly text: string;
  readonly kind: "signal" | "grace" | "ready";
}

interface Placed extends Label {
  readonly lane: number;
  readonly anchor: "start" | "middle" | "end";
}

export function timeline(run: Run): Markup {
  const scale = new Scale(run.durationMs);
  const labels = placed(labelsOf(run.timeline, scale));
  const guides = labels.map(
    ({ at, kind }) =>
      markup`<line class="guide ${kind}" x1="${percent(at)}" x2="${percent(at)}" y1="0" y2="100%"/>`,
  );
  const shown = important(run.processes);
  const left = run.processes.length - shown.length;
  return markup`<div class="timeline" aria-hidden="true">
${row(markup``, signalRow(labels), heightOf(labels))}
${shown.map((process) => row(nameOf(process), [guides, bar(process, scale)], BAR_ROW))}
${ports(run.timeline, scale).map(({ port, svg }) => row(markup`<b>port ${port}</b>`, [guides, svg], BAR_ROW))}
${failures(run.timeline, scale).map((svg) => row(markup`<b>requests</b>`, [guides, svg], BAR_ROW))}
${row(markup``, axis(scale), BAR_ROW)}
${left > 0 ? markup`<p class="muted">${left} more processes are in the table.</p>` : undefined}
</div>`;
}

/** Where a time is on the line, from 0 to 1. */
class Scale {
  readonly #durationMs: number;

  constructor(durationMs: number) {
    this.#durationMs = Math.max(durationMs, 1);
  }

  at(ms: number): number {
    return Math.min(1, Math.max(0, ms / this.#durationMs));
  }

  /** Round times, few enough to stand side by side on a phone. */
  ticks(): number[] {
    const power = 10 ** Math.floor(Math.log10(this.#durationMs / TICKS_MAX));
    const steps = [...TICK_STEPS, 10].map((step) => step * power);
    const step = steps.find((each) => this.#durationMs / each <= TICKS_MAX) ?? this.#durationMs;
    return Array.from({ length: Math.floor(this.#durationMs / step) + 1 }, (_, i) => i * step);
  }
}

function row(
  name: Markup,
  drawing: Markup | readonly (Markup | readonly Markup[])[],
  height: number,
): Markup {
  return markup`<div class="row"><div class="name">${name}</div><svg class="track" width="100%" height="${height}" focusable="false">${drawing}</svg></div>
`;
}

/** The main program, the init, whoever became a zombie or was left behind, then the longest lives. */
function important(processes: readonly ProcessSpan[]): readonly ProcessSpan[] {
  const length = ({ startMs, endMs }: ProcessSpan): number => (endMs ?? Number.POSITIVE_INFINITY) - startMs;
  const rank = (process: ProcessSpan): number =>
    ["main", "init"].includes(process.role) ? 0 : process.zombieMs !== undefined ? 1 : 2;
  const chosen = [...processes]
    .sort((a, b) => rank(a) - rank(b) || length(b) - length(a) || a.pid - b.pid)
    .slice(0, PROCESSES_MAX);
  return processes.filter((process) => chosen.includes(process));
}

function nameOf({ name, pid }: ProcessSpan): Markup {
  return markup`<b>${name}</b> <span class="pid">${pid}</span>`;
}

function bar(process: ProcessSpan, scale: Scale): Markup {
  const { startMs, endMs, zombieMs, role, name, pid } = process;
  const dies = zombieMs ?? endMs;
  const open = endMs === undefined ? " open" : "";
  const story = `${name} (pid ${pid}), from ${duration(startMs)} ${endMs === undefined ? "on" : `to ${duration(endMs)}`}`;
  const life = markup`<rect class="bar ${role}${dies === undefined ? open : ""}" ${span(scale.at(startMs), dies === undefined ? 1 : scale.at(dies))} y="6" height="14" rx="3"><title>${story}</title></rect>`;
  if (zombieMs === undefined) return life;
  const end = endMs === undefined ? 1 : scale.at(endMs);
  return markup`${life}<rect class="bar zombie${open}" ${span(scale.at(zombieMs), end)} y="6" height="14" rx="3"><title>${name} (pid ${pid}): a zombie from ${duration(zombieMs)} on</title></rect>`;
}

function span(from: number, to: number): Markup {
  const start = Math.min(from, 1 - BAR_SHARE_MIN);
  return markup`x="${percent(start)}" width="${percent(Math.max(BAR_SHARE_MIN, to - start))}"`;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`;
}

function labelsOf(events: readonly Event[], scale: Scale): Label[] {
  return events.flatMap((event): Label[] => {
    const at = scale.at(event.atMs);
    if (event.kind === "signal-sent") return [{ at, kind: "signal", text: event.signal }];
    if (event.kind === "grace-over") return [{ at, kind: "grace", text: "grace over" }];
    return event.kind === "ready" ? [{ at, kind: "ready", text: "ready" }] : [];
  });
}

/** Each label in the first lane where it does not run into the one before it. */
function placed(labels: readonly Label[]): Placed[] {
  const ends: number[] = [];
  return labels.map((label) => {
    const width = label.text.length * CHARACTER_SHARE;
    const anchor = label.at < 0.2 ? "start" : label.at > 0.8 ? "end" : "middle";
    const start = label.at - { start: 0, middle: width / 2, end: width }[anchor];
    const free = ends.findIndex((end) => end + GAP_SHARE <= start);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = start + width;
    return { ...label, anchor, lane };
  });
}

function heightOf(labels: readonly Placed[]): number {
  return (Math.max(-1, ...labels.map(({ lane }) => lane)) + 1) * LANE + 4;
}

/** A word over the line that marks its moment through all rows. */
function signalRow(labels: readonly Placed[]): Markup[] {
  return labels.map(({ at, kind, text, anchor, lane }) => {
    const y = lane * LANE;
    const pad = { start: 4, middle: 0, end: -4 }[anchor];
    const line = markup`<line class="guide ${kind}" x1="${percent(at)}" x2="${percent(at)}" y1="${anchor === "middle" ? y + LANE : y}" y2="100%"/>`;
    return markup`${line}<text class="label ${kind}" x="${percent(at)}" dx="${pad}" y="${y + 13}" text-anchor="${anchor}">${text}</text>`;
  });
}

function ports(events: readonly Event[], scale: Scale): { port: number; svg: Markup }[] {
  const changes = events.filter((event) => event.kind === "listening" || event.kind === "listening-ended");
  const numbers = [...new Set(changes.map(({ port }) => port))];
  return numbers.map((port) => {
    const own = changes.filter((change) => change.port === port);
    const starts = own.filter(({ kind }) => kind === "listening");
    const spans = starts.map(({ atMs }) => {
      const end = own.find((each) => each.kind === "listening-ended" && each.atMs >= atMs);
      return markup`<rect class="bar port" ${span(scale.at(atMs), end === undefined ? 1 : scale.at(end.atMs))} y="10" height="6" rx="3"><title>listening on port ${port}</title></rect>`;
    });
    return { port, svg: markup`${spans}` };
  });
}

/** A cross for each request that failed; nothing where none was sent. */
function failures(events: readonly Event[], scale: Scale): Markup[] {
  const told = events.filter((event) => event.kind === "requests" || event.kind === "request-failed");
  if (told.length === 0) return [];
  const marks = told.map((event) => {
    const x = percent(scale.at(event.atMs));
    if (event.kind === "requests")
      return markup`<svg x="${x}" y="13" overflow="visible"><circle class="request" r="4"/><title>${event.text}</title></svg>`;
    return markup`<svg x="${x}" y="13" overflow="visible"><path class="failure" d="M-4-4 4 4M-4 4 4-4"/><title>${event.text}</title></svg>`;
  });
  return [markup`${marks}`];
}

function axis(scale: Scale): Markup[] {
  return scale.ticks().map((ms) => {
    const at = scale.at(ms);
    const anchor = at < 0.05 ? "start" : at > 0.95 ? "end" : "middle";
    return markup`<line class="tick" x1="${percent(at)}" x2="${percent(at)}" y1="0" y2="5"/><text class="time" x="${percent(at)}" y="19" text-anchor="${anchor}">${duration(ms)}</text>`;
  });
}
