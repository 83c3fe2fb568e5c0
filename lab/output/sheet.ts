// A sheet of text for a terminal: paragraphs, headings and labelled lines that fit its width. The rule: what comes in was
// made visible before; the only escapes are those of `styled`.

import { styleText } from "node:util";
import wrapAnsi from "wrap-ansi";
import { visible } from "./visible.ts";

export interface Paper {
  /** Columns, as the terminal has them. */
  readonly width: number;
  readonly colour: boolean;
}

export type Style = Parameters<typeof styleText>[0];

/** Longer lines are hard to follow; narrower ones cannot hold a label and a word. */
const WIDTH_MAX = 96;
const WIDTH_MIN = 32;
const LABEL_WIDTH = 10;

export class Page {
  readonly #lines: string[] = [];
  readonly #width: number;
  readonly #colour: boolean;

  constructor({ width, colour }: Paper) {
    this.#width = Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, width));
    this.#colour = colour;
  }

  styled(style: Style, text: string): string {
    return this.#colour ? styleText(style, text, { validateStream: false }) : text;
  }

  blank(): void {
    this.#lines.push("");
  }

  paragraph(text: string, indent: string): void {
    this.#lines.push(...this.#hung(text, indent, indent));
  }

  /** As it is, however wide: a row of a table. */
  line(text: string): void {
    this.#lines.push(text);
  }

  heading(mark: string, text: string): void {
    this.#lines.push(...this.#hung(this.styled("bold", visible(text)), `${mark} `, "  "));
  }

  labelled(label: string, text: string): void {
    const first = `  ${this.styled("bold", label)}${" ".repeat(LABEL_WIDTH - 2 - label.length)}`;
    this.#lines.push(...this.#hung(text, first, " ".repeat(LABEL_WIDTH)));
  }

  text(): string {
    return `${this.#lines.map((line) => line.trimEnd()).join("\n")}\n`;
  }

  #hung(text: string, first: string, rest: string): string[] {
    const lines = wrapAnsi(bound(text), this.#width - rest.length, { hard: true }).split("\n");
    return lines.map((line, i) => `${i === 0 ? first : rest}${line.replaceAll("\u00a0", " ")}`);
  }
}

/** A number and its unit stay on one line. */
function bound(text: string): string {
  return text.replace(/(\d) (?=(ms|s|min)\b)/g, "$1\u00a0");
}
