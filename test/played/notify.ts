// What datagrams of the notify socket say, against a model that says the same in other words: any bytes, in any order.

import assert from "node:assert/strict";
import fc from "fast-check";
import { NOTICES, readNotice } from "../../simulator/notices.ts";
import type { Core, Host } from "../lib/host.ts";
import { play } from "../lib/plain.ts";
import { into, type Played } from "./promises.ts";

export const NOTIFICATIONS: Played[] = [];
const promise = into(NOTIFICATIONS);

const [OUTER, OWN] = [12, 13];
const EAGAIN = 11;
const POLLIN = 1;
/** Where the loop polls for the notify socket, and how many it polls for. */
const [PLACE, PLACES] = [5, 6];
/** Behind the header of the control buffer. */
const [PID_AT, UID_AT] = [16, 20];

interface Sent {
  readonly text: string;
  readonly pid: number;
  readonly uid: number;
}

/** What of these is passed on to whoever started the init. */
function passedOn(core: Core, datagrams: readonly Sent[]): string[] {
  const waiting = [...datagrams];
  const passed: string[] = [];
  let sockets = 0;
  play(core, {
    args: ["steady", "--notify", "/x"],
    variables: ["NOTIFY_SOCKET=@outer"],
    kernel: (plain) => ({
      socket: () => [OUTER, OWN][sockets++] ?? -EAGAIN,
      recvmsg: (host, _fd, at = 0, max = 0, sender = 0) => {
        const next = waiting.shift();
        if (next === undefined) return -EAGAIN;
        host.bytes(at, Math.min(max, next.text.length)).write(next.text, "latin1");
        host.writeI32(sender + PID_AT, next.pid);
        host.writeI32(sender + UID_AT, next.uid);
        return next.text.length;
      },
      sendto: (host, fd = 0, at = 0, length = 0) => {
        if (fd === OUTER) passed.push(Buffer.from(host.bytes(at, length)).toString("latin1"));
        return length;
      },
      ppoll: (host: Host, at = 0, count = 0, ms = 0) => {
        if (count !== PLACES || waiting.length === 0) return plain.ppoll?.(host, at, count, ms);
        host.bytes(at + 8 * PLACE + 6, 2).writeInt16LE(POLLIN);
        return 1;
      },
    }),
  });
  assert.equal(waiting.length, 0, "each was received");
  return passed;
}

const WORDS = [
  "READY=1", "STOPPING=1", "STATUS=", "WATCHDOG=1", "WATCHDOG=trigger", "WATCHDOG_USEC=", "EXTEND_TIMEOUT_USEC=", "BARRIER=1",
  "MAINPID=", "STEADY_PROBE=", "64", "65", "FDSTORE=1", "X=", "=", "\n", "\n", "\0", "1", "0", "20000", "99999999999999999999", "-1", "s".repeat(4090),
]; // biome-ignore format: a table
const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const text = fc.oneof(
  fc.array(fc.constantFrom(...WORDS), { maxLength: 8 }).map((words) => words.join("")),
  fc.array(fc.oneof(fc.constantFrom(...WORDS), byte), { maxLength: 8 }).map((words) => words.join("")),
  fc.array(byte, { maxLength: 40 }).map((bytes) => bytes.join("")),
  fc.constantFrom(...NOTICES),
);
const sent = fc.record({
  text,
  pid: fc.constantFrom(7, 7, 7, 0),
  uid: fc.constantFrom(0, 0, 0, 4242),
});

promise(
  "any bytes that come over the notify socket mean what a plain model says, or nothing",
  (core, effort) => {
    fc.assert(
      fc.property(fc.array(sent, { minLength: 1, maxLength: 40 }), (datagrams) => {
        const expected = datagrams
          .filter(({ pid, uid }) => pid > 0 && uid === 0)
          .map((each) => readNotice(each.text)?.kept ?? "")
          .filter((kept) => kept !== "");
        assert.deepEqual(passedOn(core, datagrams), expected);
      }),
      { numRuns: 600 * effort },
    );
  },
);
