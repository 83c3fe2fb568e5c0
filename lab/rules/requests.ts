// Rules about clients: whose request was on its way gets an answer, and nobody who merely stays connected holds up a stop.

import {
  absent,
  failed,
  hindered,
  inTime,
  type Judgement,
  missing,
  notUp,
  passed,
  type Results,
  type Rule,
  seconds,
  tellEnd,
} from "./rule.ts";

export const REQUEST_RULES: readonly Rule[] = [
  {
    id: "SL014",
    title: "Requests in flight are answered",
    severity: "error",
    why: "Each of them is an error that a user sees, at every deploy.",
    judge: inFlight,
  },
  {
    id: "SL015",
    title: "The listening socket is closed first",
    severity: "warning",
    why: "While it is open, the kernel goes on accepting connections for a program that will never answer them.",
    judge: closedFirst,
  },
  {
    id: "SL016",
    title: "A silent client does not hold up the stop",
    severity: "warning",
    why: "Pools of connections, load balancers and browsers stay connected and say nothing; a stop that waits for them ends with SIGKILL.",
    judge: silentClient,
  },
];

function nothingListens(results: Results): Judgement | undefined {
  const not = notUp(results);
  if (not !== undefined) return not;
  return results.first.listeners.length === 0 ? absent("It listens on no TCP port.") : undefined;
}

function inFlight(results: Results): Judgement {
  const { load, graceMs, stopSignal } = results;
  const nothing = nothingListens(results);
  if (nothing !== undefined) return nothing;
  if (load === undefined) return missing(results, "load");
  const runs = [load.run.id];
  if (!load.asked || load.load === undefined)
    return load.run.ready === undefined
      ? hindered("It did not come up again to be asked.", { runs })
      : absent("Nothing that it listens on speaks HTTP, or the load was switched off.", { runs });
  const { load: sums } = load;
  if (sums.before === 0)
    return hindered(`${sums.url} answered no request before the signal.`, { runs, evidence: load.failures });
  const evidence = evidenceOf(load);
  const lost = sums.inFlightFailed;
  if (lost > 0)
    return failed(
      `${lost} of ${sums.inFlight} requests that were in flight at ${stopSignal} failed (${load.failures.join(", ")}).`,
      gracefulAdvice(results),
      { runs: [...runs, ...others(results)], evidence: [...evidence, ...alternatives(results)] },
    );
  if (load.slowAnswered === false)
    return failed(
      `A client on a slow line, which had begun its request before ${stopSignal}, got no answer.`,
      gracefulAdvice(results),
      {
        severity: "warning",
        runs: [...runs, ...others(results)],
        evidence: [...evidence, ...alternatives(results)],
      },
    );
  if (load.tookMs === undefined || load.late)
    return hindered(
      `It did not end within ${seconds(graceMs)}: what was in flight then is lost with it (SL002).`,
      { runs, evidence },
    );
  if (sums.inFlight === 0 && load.slowAnswered === undefined)
    return hindered("No request was in flight at the signal: name a slower one with --request.", {
      runs,
      evidence,
    });
  const slow = load.slowAnswered === true ? ["one of a client on a slow line"] : [];
  const quick = sums.inFlight > 0 ? [`${sums.inFlight} of quick clients`] : [];
  return passed(`Every request in flight was answered: ${[...quick, ...slow].join(", and ")}.`, {
    runs,
    evidence,
  });
}

function evidenceOf(load: NonNullable<Results["load"]>): string[] {
  const { load: sums, failures } = load;
  if (sums === undefined) return [];
  return [
    `before the signal ${sums.before} requests were answered on ${sums.connections} connections to ${sums.url}`,
    `in flight at the signal: ${sums.inFlight}, failed: ${sums.inFlightFailed}${failures.length > 0 ? ` (${failures.join(", ")})` : ""}`,
    ...(load.slowAnswered === undefined
      ? []
      : [`a slow client's request was ${load.slowAnswered ? "answered" : "not answered"}`]),
    `at the signal or after it: ${sums.after} sent on open connections, failed: ${sums.afterFailed}; ${sums.refused} connections refused`,
    `under this load ${tellEnd(load)}`,
  ];
}

/** What other signals were seen to do, where the stop signal lost requests. */
function gracefulAdvice(results: Results): string {
  const better = results.otherLoads.find((each) => isGraceful(each, results.graceMs));
  if (better !== undefined) return useSignal(results, better.signal, "lost none");
  return `On ${results.stopSignal}: stop listening, finish what has begun, then end (in Node: server.close, then closeAllConnections after a while).`;
}

function isGraceful(each: Results["otherLoads"][number], graceMs: number): boolean {
  const ended = each.tookMs !== undefined && !each.late && each.tookMs <= graceMs;
  const { load } = each;
  return ended && load !== undefined && load.inFlightFailed === 0 && each.slowAnswered !== false;
}

function useSignal({ image }: Results, signal: string, what: string): string {
  const where = image ? "in the Dockerfile" : "in the Dockerfile (or --stop-signal)";
  return `Let the engine send ${signal}, which ${what} when it was tried: STOPSIGNAL ${signal} ${where}.`;
}

function alternatives({ otherLoads, graceMs }: Results): string[] {
  return otherLoads.map((each) => {
    const lost =
      each.load === undefined ? "no answer" : `${each.load.inFlightFailed} of ${each.load.inFlight} failed`;
    return `${each.signal} in its place: ${lost}, ${tellEnd(each)}${isGraceful(each, graceMs) ? " (graceful)" : ""}`;
  });
}

function others({ otherLoads }: Results): string[] {
  return otherLoads.map(({ run }) => run.id);
}

function closedFirst(results: Results): Judgement {
  const nothing = nothingListens(results);
  if (nothing !== undefined) return nothing;
  const { load, first, graceMs } = results;
  // Under a load the program has something to finish, and the order can be seen.
  const seen = load?.asked === true ? load : first;
  const runs = [seen.run.id];
  if (seen.tookMs === undefined || seen.late || seen.tookMs > graceMs) {
    if (closedAtAll(seen)) return passed("It closed its listening socket after the signal.", { runs });
    return absent("It does not end in time, and goes on listening until then.", { runs });
  }
  if (seen.closedFirst === true) return passed("It closed its listening socket before it ended.", { runs });
  if (seen.tookMs < MOMENT_MS)
    return passed(`It ended ${seconds(seen.tookMs)} after the signal, and its socket with it.`, { runs });
  return failed(`It listened until its end, ${seconds(seen.tookMs)} after the signal.`, CLOSE, { runs });
}

const CLOSE = "Close the listening socket first thing on the stop signal, before anything that takes time.";
/** Shorter than this nobody can tell what was first, and nobody is harmed. */
const MOMENT_MS = 1_000;

function closedAtAll({
  run,
  listeners,
  askedMs,
}: {
  run: Results["first"]["run"];
  listeners: readonly unknown[];
  askedMs: number;
}): boolean {
  const ended = run.timeline.filter(({ kind, atMs }) => kind === "listening-ended" && atMs >= askedMs);
  return listeners.length > 0 && ended.length >= listeners.length;
}

function silentClient(results: Results): Judgement {
  const nothing = nothingListens(results);
  if (nothing !== undefined) return nothing;
  const { silent, first, graceMs, stopSignal } = results;
  if (!inTime(first, graceMs)) return absent("It does not end without a client either.");
  if (silent === undefined) return missing(results, "silent");
  const runs = [silent.run.id];
  if (silent.held === 0 || !silent.asked) return hindered("No connection could be held open.", { runs });
  if (inTime(silent, graceMs))
    return passed(`With a client that says nothing, ${tellEnd(silent)}.`, { runs });
  const better = results.otherSilents.find((each) => inTime(each, graceMs));
  const change =
    better === undefined
      ? "Close idle connections on the stop signal, and give the rest a limit (in Node: closeAllConnections after a while)."
      : `${useSignal(results, better.signal, "does not wait for clients")} Or let clients disconnect first.`;
  const evidence = results.otherSilents.map((each) => `${each.signal} in its place: ${tellEnd(each)}`);
  return failed(
    `With one client that was connected and said nothing, ${stopSignal} did not end it within ${seconds(graceMs)}; without one, ${tellEnd(first)}.`,
    change,
    { runs: [...runs, ...results.otherSilents.map(({ run }) => run.id)], evidence },
  );
}
