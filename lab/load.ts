// Sorts the requests of a load by the moment of the signal. The rule: only a request that was on its way before the
// signal must be answered; one that finds the door closed was refused, which is as it should be; and one that went out
// at the very moment of the signal may have crossed the end of its connection, which HTTP cannot prevent.

import type { Load } from "./report.ts";
import type { Visit } from "./visitor.ts";

/** A request that was sent less than this before the signal may not have been read yet by a server that closes. */
const CROSSING_MS = 25;

export interface Sorted {
  readonly load: Load;
  /** What went wrong with those in flight, with counts. */
  readonly failures: readonly string[];
  /** Whether the client on a slow line got its answer; undefined where it had not begun. */
  readonly slowAnswered?: boolean;
}

export function loadOf(visits: readonly Visit[], signalMs: number, url: string, connections: number): Sorted {
  const quick = visits.filter(({ slow }) => slow === undefined);
  const before = quick.filter(({ doneMs }) => doneMs <= signalMs);
  const isRead = ({ sentMs }: Visit) => sentMs <= signalMs - CROSSING_MS;
  const open = quick.filter(({ doneMs, connected }) => doneMs > signalMs && connected);
  const inFlight = open.filter(isRead);
  const after = open.filter((visit) => !isRead(visit));
  const slow = visits.find((visit) => visit.slow === true && visit.connected && visit.sentMs <= signalMs);
  // A server that answers 500 before the signal does not fail by it.
  const usual = before.every(({ status }) => status < 500) ? 500 : 1_000;
  const fails = ({ status }: Visit) => status === 0 || status >= usual;
  const failed = inFlight.filter(fails);
  const load: Load = {
    url,
    connections,
    before: before.filter((visit) => !fails(visit)).length,
    inFlight: inFlight.length,
    inFlightFailed: failed.length,
    after: after.length,
    afterFailed: after.filter(fails).length,
    refused: quick.filter(({ sentMs, connected }) => sentMs > signalMs && !connected).length,
  };
  const reasons = Map.groupBy(failed, ({ error, status }) => error ?? `status ${status}`);
  const failures = [...reasons].map(([reason, { length }]) => `${length} × ${reason}`);
  return { load, failures, ...(slow === undefined ? {} : { slowAnswered: !fails(slow) }) };
}
