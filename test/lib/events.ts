// Events as lines of JSON: each is held against docs/events.schema.json, which is what others read them by.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { ROOT } from "../../tools/build.ts";

export type Event = Readonly<Record<string, string | number | boolean>>;

const validate = new Ajv2020().compile(
  JSON.parse(readFileSync(join(ROOT, "docs/events.schema.json"), "utf8")),
);

/** Every line is an event of the schema. */
export function eventsIn(text: string): Event[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const event = JSON.parse(line) as Event;
      assert.ok(validate(event), `${line}\n${JSON.stringify(validate.errors)}`);
      return event;
    });
}

/** The events among the lines of a log. */
export function eventsAmong(text: string): Event[] {
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  return eventsIn(lines.join("\n"));
}
