// A figure of the bench as dots: each run, its median and its spread, one line for each init. The rule: positions are shares of
// the width in attributes of SVG, so that it fits every width without a script or a style attribute; colours are the style
// sheet's; everything that it shows is also in words beside it.

import type { Figure, Result } from "../bench/report.ts";
import { type Markup, markup } from "../output/markup.ts";

const HEIGHT = 28;
const MIDDLE = HEIGHT / 2;
/** A mark at the end of the scale is not cut. */
const MARGIN_SHARE = 0.04;
const TICKS_MAX = 3;
const STEPS = [1, 2, 2.5, 5, 10];
/** From so many times on the least would be nothing beside the most. */
const LOG_FROM = 30;

/** Where values are, from 0 to 1: by their size from zero on, or by their order of magnitude where they are far apart. */
export class Scale {
  readonly isLog: boolean;
  readonly ticks: readonly number[];
  readonly #from: number;
  readonly #to: number;

  constructor(values: readonly number[]) {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    this.isLog = least > 0 && most / least >= LOG_FROM;
    const step = this.isLog ? 1 : stepOf(most);
    this.#from = this.isLog ? Math.floor(Math.log10(least)) : 0;
    this.#to = this.isLog ? Math.ceil(Math.log10(most)) : Math.max(1, Math.ceil(most / step)) * step;
    const apart = this.isLog ? Math.ceil((this.#to - this.#from) / TICKS_MAX) : step;
    const count = Math.floor((this.#to - this.#from) / apart + 1e-9) + 1;
    this.ticks = Array.from({ length: count }, (_, i) => this.#from + i * apart).map((at) =>
      this.isLog ? 10 ** at : at,
    );
  }

  at(value: number): number {
    const share = ((this.isLog ? Math.log10(value) : value) - this.#from) / (this.#to - this.#from);
    return MARGIN_SHARE + share * (1 - 2 * MARGIN_SHARE);
  }
}

/** A round number, of which at most TICKS_MAX come to the most. */
function stepOf(most: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, Number.MIN_VALUE) / TICKS_MAX));
  const step = STEPS.map((each) => each * power).find((each) => most / each <= TICKS_MAX);
  return step !== undefined && step > 0 && Number.isFinite(step) ? step : 1;
}

export function scaleOf({ results }: Figure): Scale {
  return new Scale(results.flatMap(({ min, max }) => [min, max]));
}

/** The line of one init, with the limit through all lines. */
export function dots(result: Result, { results }: Figure, scale: Scale): Markup {
  const limit = results.find(({ standing }) => standing === "limit");
  const { median, min, max, runs, standing } = result;
  return drawing(
    scale.ticks.map((tick) => upright("grid", scale.at(tick), "100%")),
    limit === undefined ? undefined : upright("guide limit", scale.at(limit.median), "100%"),
    markup`<line class="spread" x1="${percent(scale.at(min))}" x2="${percent(scale.at(max))}" y1="${MIDDLE}" y2="${MIDDLE}"/>`,
    runs.map((run) => markup`<circle class="one" cx="${percent(scale.at(run))}" cy="${MIDDLE}" r="2.5"/>`),
    markup`<svg x="${percent(scale.at(median))}" y="${MIDDLE}" overflow="visible">${markOf(standing)}</svg>`,
  );
}

/** By its form: filled is the best, a diamond the limit. */
export function markOf(standing: Result["standing"]): Markup {
  if (standing === "limit") return markup`<path class="median limit" d="M0-7 7 0 0 7-7 0Z"/>`;
  return markup`<circle class="median ${standing}" r="6"/>`;
}

export function axis(scale: Scale): Markup {
  const told = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
  return drawing(
    scale.ticks.map((tick) => {
      const at = scale.at(tick);
      return markup`${upright("tick", at, "5")}<text class="time" x="${percent(at)}" y="19" text-anchor="middle">${told.format(tick)}</text>`;
    }),
  );
}

function drawing(...parts: readonly (Markup | readonly Markup[] | undefined)[]): Markup {
  return markup`<svg class="track" width="100%" height="${HEIGHT}" aria-hidden="true" focusable="false">${parts}</svg>`;
}

function upright(style: string, at: number, to: string): Markup {
  return markup`<line class="${style}" x1="${percent(at)}" x2="${percent(at)}" y1="0" y2="${to}"/>`;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`;
}
