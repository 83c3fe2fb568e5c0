// The tour's output: plain lines in columns, in colour only where a person looks on (https://no-color.org).

const WIDTH_MAX = 110;
const SPEAKER_WIDTH = 8;

const colourful = process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb";

/** A heading with an empty line above it. */
export function heading(text: string): void {
  process.stdout.write(`\n${style(1, text)}\n`);
}

/** One line of the story, and who says it. */
export function line(speaker: string, text: string): void {
  const column = `  ${speaker.padEnd(SPEAKER_WIDTH)}`;
  const shown = text.length > WIDTH_MAX ? `${text.slice(0, WIDTH_MAX - 3)}...` : text;
  process.stdout.write(`${style(2, column)}${shown}\n`);
}

export interface Row {
  readonly name: string;
  readonly value: string;
  /** Whether this is what an init must do. */
  readonly good: boolean;
}

/** Names and values in two columns; what is not as it must be is marked. */
export function table(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(({ name }) => name.length));
  for (const { name, value, good } of rows) {
    process.stdout.write(
      `  ${name.padEnd(width)}   ${good ? value : style(31, `${value}   <- not as it must be`)}\n`,
    );
  }
}

function style(code: number, text: string): string {
  return colourful ? `\x1b[${code}m${text}\x1b[0m` : text;
}
