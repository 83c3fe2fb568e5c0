// Rules about starting and stopping: does it start, does it end when it is asked, how fast, with which status.

import type { EarlyStop, Stance } from "../probes.ts";
import { numberOf } from "../settings.ts";
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

/** More than this share of the grace period is too near to its end. */
const SPARE_SHARE = 0.6;
const WITH_INIT = "start it under an init (docker run --init, or an ENTRYPOINT that begins with one)";

export const STOP_RULES: readonly Rule[] = [
  {
    id: "SL001",
    title: "It starts and stays up",
    severity: "error",
    why: "A container whose main program ends is over; an orchestrator starts it again and again.",
    judge: startsUp,
  },
  {
    id: "SL002",
    title: "The stop signal ends it in time",
    severity: "error",
    why: "The engine waits for the whole grace period and then kills it: deploys are slow, and whatever the program was doing is lost.",
    judge: endsInTime,
  },
  {
    id: "SL003",
    title: "It stops with time to spare",
    severity: "warning",
    why: "On a busier machine the same stop takes longer, and then it ends with SIGKILL.",
    judge: sparesTime,
  },
  {
    id: "SL004",
    title: "A stop that was asked for ends with a status that says so",
    severity: "warning",
    why: "Orchestrators and alerts take any other status than 0 or 128 + the signal for a crash.",
    judge: tellsStatus,
  },
  {
    id: "SL005",
    title: "The other stop signals end it, too",
    severity: "warning",
    why: "Ctrl-C in docker run and docker compose up sends SIGINT; a program that ignores it is killed the hard way.",
    judge: otherSignals,
  },
  {
    id: "SL006",
    title: "SIGHUP does no harm",
    severity: "note",
    why: "SIGHUP comes when a terminal is closed, and is what people send who want a configuration to be read again.",
    judge: hangup,
  },
  {
    id: "SL007",
    title: "A second stop signal does not hold it up",
    severity: "warning",
    why: "Impatient people and stacked supervisors send the signal twice; the second one must not undo the first.",
    judge: secondSignal,
  },
  {
    id: "SL008",
    title: "A stop during start-up is heard",
    severity: "warning",
    why: "A deploy that is taken back at once, or an autoscaler, stops containers in their first second; the signal is sent once.",
    judge: startUp,
  },
];

function startsUp({ first, remains }: Results): Judgement {
  const runs = [first.run.id];
  const lines = logOf(first.run);
  if (first.asked)
    return passed(`It was ready after ${seconds(first.run.ready?.atMs ?? 0)}: ${first.run.ready?.how}.`, {
      runs,
    });
  const { end, init, ready } = first.run;
  if (end === undefined && ready !== undefined)
    return hindered(`${init.name} started no program of its own: it is no init.`, { runs, evidence: lines });
  if (end === undefined)
    return hindered("It was not ready within a minute: say with --ready how it can be told.", {
      runs,
      evidence: lines,
    });
  const what = `It ended by itself after ${seconds(end.atMs)} with status ${end.status}`;
  if (end.status === 0 && (remains?.left.length ?? 0) === 0)
    return hindered(`${what}, before anything could be tested: this looks like a command, not a service.`, {
      runs,
      evidence: lines,
    });
  const change = end.status === 0 ? "Keep the main program in the foreground." : startAdvice(end.status);
  return failed(`${what}, before it was ready.`, change, { runs, evidence: lines });
}

function startAdvice(status: number): string {
  if (status === 127) return "Check the name of the program: it was not found.";
  if (status === 126)
    return "Check its permissions and its first line: it was found and could not be executed.";
  return "Look at its last lines; it gets no terminal, an empty standard input, and PID 1.";
}

function logOf(run: Results["first"]["run"]): string[] {
  const lines = run.timeline.flatMap((event) =>
    event.kind === "log" ? [`${event.stream}: ${event.line}`] : [],
  );
  return lines.slice(-5);
}

function endsInTime(results: Results): Judgement {
  const { first, graceMs, stopSignal } = results;
  const runs = [first.run.id];
  const not = notUp(results);
  if (not !== undefined) return not;
  if (inTime(first, graceMs)) return passed(`${stopSignal} ended it: ${tellEnd(first)}.`, { runs });
  if (first.late)
    return failed(
      `${stopSignal} ended it only after ${seconds(first.tookMs ?? 0)}; the grace period is ${seconds(graceMs)}.`,
      "Let it stop faster (give what it waits for a limit), or raise the grace period (docker stop --time, terminationGracePeriodSeconds).",
      { runs, evidence: evidenceOf(results) },
    );
  return failed(
    `${stopSignal} did not end it within ${seconds(graceMs)}: ${reasonOf(results)}.`,
    adviceOf(results),
    { runs: [...runs, ...diagnoses(results)], evidence: evidenceOf(results) },
  );
}

const REASONS: Readonly<Record<Stance, string>> = {
  catches: "it has a handler for the signal, which did not lead to an end",
  ignores: "it ignores the signal",
  blocks: "each of its threads blocks the signal, and none takes it",
  default: "it has no handler, and the kernel keeps a signal without a handler from PID 1",
  unknown: "how it treats the signal could not be read",
};

const MASKS: Readonly<Record<Stance, string>> = {
  catches: "a handler",
  ignores: "ignored",
  blocks: "blocked by every thread",
  default: "no handler",
  unknown: "nothing that could be read",
};

function reasonOf({ first, bare }: Results): string {
  if (first.stance === "default" && !bare)
    return "it has no handler for it, and something keeps it from its default";
  return REASONS[first.stance];
}

function adviceOf(results: Results): string {
  const { first, direct, underInit, graceMs, stopSignal } = results;
  if (direct !== undefined && inTime(direct, graceMs))
    return `Start "${direct.to[0]?.replace(/ \(pid \d+\)$/, "") ?? "the program"}" itself (exec in the shell, or the list form of CMD): it ended ${seconds(direct.tookMs ?? 0)} after ${stopSignal} was sent to it directly.`;
  if (underInit !== undefined && inTime(underInit, graceMs))
    return `Handle ${stopSignal} in the program, or ${WITH_INIT}: under ${underInit.run.init.name} ${tellEnd(underInit)}.`;
  if (first.stance === "ignores" || first.stance === "blocks")
    return `Do not let it ignore or block ${stopSignal}; no init can end a program that does.`;
  if (first.stance === "catches")
    return `Let the handler of ${stopSignal} end the program when its work is done.`;
  return `Handle ${stopSignal} in the program, or ${WITH_INIT}.`;
}

function diagnoses({ direct, underInit }: Results): string[] {
  return [direct, underInit].flatMap((each) => (each === undefined ? [] : [each.run.id]));
}

function evidenceOf({ first, direct, underInit }: Results): string[] {
  return [
    `before the signal its masks said: ${MASKS[first.stance]}`,
    ...first.left.map((name) => `still there when the grace period was over: ${name}`),
    ...(direct === undefined
      ? []
      : [`the signal sent straight to ${direct.to.slice(0, 3).join(", ") || "nobody"}: ${tellEnd(direct)}`]),
    ...(underInit === undefined ? [] : [`under ${underInit.run.init.name}: ${tellEnd(underInit)}`]),
  ];
}

function sparesTime(results: Results): Judgement {
  const { first, graceMs } = results;
  const runs = [first.run.id];
  if (!inTime(first, graceMs)) return absent("It did not stop in time at all.", { runs });
  const took = first.tookMs ?? 0;
  const share = `${seconds(took)} of ${seconds(graceMs)}`;
  if (took <= graceMs * SPARE_SHARE) return passed(`It took ${share}.`, { runs });
  return failed(
    `It took ${share}.`,
    "Give what it waits for a shorter limit, or the container a longer grace period.",
    { runs },
  );
}

function tellsStatus(results: Results): Judgement {
  const { first, graceMs, stopSignal } = results;
  const runs = [first.run.id];
  if (!inTime(first, graceMs))
    return absent("It did not stop in time, so the status is the engine's: 137.", { runs });
  const expected = [0, 128 + (numberOf(stopSignal) ?? 0)];
  if (expected.includes(first.status ?? -1)) return passed(`It ended with status ${first.status}.`, { runs });
  return failed(
    `After ${stopSignal} it ended with status ${first.status}.`,
    `End with 0 where the stop went well (process.exit(0), sys.exit(0)), or let ${stopSignal} end it (${expected[1]}).`,
    { runs, evidence: logOf(first.run) },
  );
}

function otherSignals(results: Results): Judgement {
  const { signals, graceMs } = results;
  const asked = signals.filter(({ signal }) => signal !== "SIGHUP");
  const not = notUp(results);
  if (not !== undefined) return not;
  if (asked.length === 0) return absent("No other stop signal was asked for (--signals).");
  const runs = asked.map(({ run }) => run.id);
  const evidence = asked.map((each) => `${each.signal}: ${each.asked ? tellEnd(each) : "not tested"}`);
  const deaf = asked.filter((each) => each.asked && !inTime(each, graceMs)).map(({ signal }) => signal);
  if (deaf.length > 0)
    return failed(
      `${deaf.join(" and ")} did not end it within ${seconds(graceMs)}.`,
      `Handle ${deaf.join(" and ")} as the stop signal, or ${WITH_INIT}.`,
      { runs, evidence },
    );
  if (asked.some((each) => !each.asked))
    return hindered("It did not come up again to be asked.", { runs, evidence });
  return passed(`${evidence.join("; ")}.`, { runs });
}

function hangup(results: Results): Judgement {
  const not = notUp(results);
  if (not !== undefined) return not;
  const hung = results.signals.find(({ signal }) => signal === "SIGHUP");
  if (hung === undefined) return absent("SIGHUP was not asked for (--signals).");
  const runs = [hung.run.id];
  if (!hung.asked) return hindered("It did not come up again to be asked.", { runs });
  if (hung.tookMs === undefined) return passed("SIGHUP did not end it.", { runs });
  if (hung.stance === "catches") return passed(`It handles SIGHUP: ${tellEnd(hung)}.`, { runs });
  return failed(
    `SIGHUP, for which it has no handler, ended it with status ${hung.status}.`,
    "Handle SIGHUP: stop as on the stop signal, or read the configuration again.",
    { runs },
  );
}

function secondSignal(results: Results): Judgement {
  const { first, twice, graceMs } = results;
  const not = notUp(results);
  if (not !== undefined) return not;
  if (!inTime(first, graceMs)) return absent("The first signal does not end it.");
  if (twice === undefined) return missing(results, "stop-twice");
  const runs = [first.run.id, twice.run.id];
  if (!twice.asked) return hindered("It did not come up again to be asked.", { runs });
  if (!twice.second)
    return absent(`It had ended before a second signal could be sent (${seconds(twice.tookMs ?? 0)}).`, {
      runs,
    });
  const evidence = [`one signal: ${tellEnd(first)}`, `two signals: ${tellEnd(twice)}`];
  if (inTime(twice, graceMs))
    return passed(`With a second signal ${tellEnd(twice)}; with one, ${tellEnd(first)}.`, { runs });
  return failed(
    "With a second signal while it was stopping, it did not end in time.",
    "Make the handler safe to run twice: remember that a stop has begun.",
    { runs, evidence },
  );
}

function startUp(results: Results): Judgement {
  const { first, early, graceMs, stopSignal, bare } = results;
  const not = notUp(results);
  if (not !== undefined) return not;
  if (!inTime(first, graceMs))
    return absent(`${stopSignal} does not end it when it is up, either.`, { runs: [first.run.id] });
  if (early.length === 0) return missing(results, "start-up");
  const during = early.filter(isStartingUp);
  const runs = early.map(({ run }) => run.id);
  if (during.length === 0) return absent("It was up before a signal could be sent.", { runs });
  const evidence = during.map(
    (each) => `${stopSignal} ${seconds(each.atMs)} after the start: ${tellEnd(each)}`,
  );
  const lost = during.filter(({ tookMs }) => tookMs === undefined || tookMs > graceMs);
  if (lost.length === 0)
    return passed(`${stopSignal} ended it at each of ${during.length} moments of its start-up.`, {
      runs,
      evidence,
    });
  const change = bare
    ? `Only an init can help: the kernel drops a signal that PID 1 does not handle yet; ${WITH_INIT}.`
    : "Set the handler of the stop signal up first, and let it end the start-up, too.";
  return failed(
    `${stopSignal} was lost at ${lost.length} of ${during.length} moments of its start-up: it went on as if nothing had been said.`,
    change,
    { runs, evidence },
  );
}

/** On a busy machine the signal may come when it is up already: that says nothing of its start-up. */
function isStartingUp({ run, atMs }: EarlyStop): boolean {
  return !run.timeline.some((event) => event.kind === "listening" && event.atMs <= atMs);
}
