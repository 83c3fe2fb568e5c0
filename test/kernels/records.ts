// Reads what init.sh writes to the second serial port: a line "run 0003" before a script, after it a line
// "end 0003 STATUS LENGTH" and LENGTH bytes of output, and "off" at last. A guest may be cut off at any byte.

interface End {
  readonly index: number;
  readonly status: number;
  readonly bytes: Buffer;
}

interface Records {
  readonly ends: readonly End[];
  /** The script that has begun and not ended. */
  readonly running: number | undefined;
  readonly complete: boolean;
}

const LINE = /^(run|end|off)(?: (\d+))?(?: (\d+) (\d+))?$/;

export function readRecords(data: Buffer): Records {
  const ends: End[] = [];
  let running: number | undefined;
  let at = 0;
  while (true) {
    const newline = data.indexOf("\n", at);
    const line = LINE.exec(data.toString("latin1", at, Math.max(at, newline)));
    if (line === null) return { ends, running, complete: false };
    const [, verb, index, status, length] = line;
    if (verb === "off") return { ends, running, complete: true };
    at = newline + 1;
    running = Number(index);
    if (verb === "run") continue;
    if (at + Number(length) > data.length) return { ends, running, complete: false };
    ends.push({ index: running, status: Number(status), bytes: data.subarray(at, at + Number(length)) });
    at += Number(length);
    running = undefined;
  }
}
