// Rules about signals that ask for no stop and arrive all the same, and about libraries whose limits are too long.

import {
  absent,
  failed,
  hindered,
  type Judgement,
  missing,
  notUp,
  passed,
  type Results,
  type Rule,
  seconds,
} from "./rule.ts";

export const SURPRISE_RULES: readonly Rule[] = [
  {
    id: "SL017",
    title: "SIGPIPE does not end it",
    severity: "note",
    why: "A client that hangs up, or a log reader that goes, sends SIGPIPE to whoever writes next.",
    judge: (results) =>
      survives(results, "SIGPIPE", "Ignore SIGPIPE, and handle the error of the write (EPIPE)."),
  },
  {
    id: "SL018",
    title: "SIGWINCH does not end it",
    severity: "warning",
    why: "docker run -t and docker attach send SIGWINCH whenever somebody resizes their window.",
    judge: (results) =>
      survives(
        results,
        "SIGWINCH",
        "Do not run it with a terminal (docker run -t), or take SIGWINCH from it.",
      ),
  },
  {
    id: "SL019",
    title: "SIGUSR1 does not end it",
    severity: "note",
    why: "Log rotation and habits of other programs send SIGUSR1; its default is to end the program.",
    judge: (results) => survives(results, "SIGUSR1", "Handle or ignore SIGUSR1."),
  },
  {
    id: "SL020",
    title: "SIGUSR1 opens no debugger",
    severity: "warning",
    why: "Whoever reaches the debugger's port in the container's network can run any code in the program.",
    judge: debuggerOpens,
  },
  {
    id: "SL021",
    title: "The shutdown library is done before the grace period is over",
    severity: "warning",
    why: "A limit that is not below the grace period never helps: the engine's SIGKILL comes first.",
    judge: libraryLimits,
  },
];

function survives(results: Results, signal: string, change: string): Judgement {
  const not = notUp(results);
  if (not !== undefined) return not;
  if (results.stopSignal === signal) return absent(`${signal} is its stop signal.`);
  const one = results.surprises.find((each) => each.signal === signal);
  if (one === undefined) return missing(results, `surprise-${signal}`);
  const runs = [one.run.id];
  if (!one.asked) return hindered("It did not come up again to be asked.", { runs });
  if (!one.ended) return passed(`${signal} did not end it.`, { runs });
  const how = one.stance === "catches" ? "its handler ended it" : "it ended";
  return failed(`On ${signal} ${how}, with status ${one.status}.`, change, { runs });
}

function debuggerOpens(results: Results): Judgement {
  const not = notUp(results);
  if (not !== undefined) return not;
  if (results.stopSignal === "SIGUSR1") return absent("SIGUSR1 is its stop signal.");
  const one = results.surprises.find(({ signal }) => signal === "SIGUSR1");
  if (one === undefined) return missing(results, "surprise-SIGUSR1");
  const runs = [one.run.id];
  if (!one.asked) return hindered("It did not come up again to be asked.", { runs });
  const said = one.said.filter((line) => /debugger listening|inspector/i.test(line));
  if (one.opened.length === 0 && said.length === 0) return passed("SIGUSR1 opened no port.", { runs });
  const ports = one.opened.map(({ address, port }) => `${address}:${port}`);
  return failed(
    `SIGUSR1 made it listen on ${ports.join(", ") || "a debugger's port"}.`,
    "In Node: start it with --disable-sigusr1, or handle SIGUSR1 in the program; never publish the container's ports 9229.",
    { runs, evidence: said },
  );
}

function libraryLimits({ libraries, graceMs, image }: Results): Judgement {
  if (image) return absent("The files of an image are not read.");
  if (libraries.length === 0) return absent("package.json names no shutdown library that the lab knows.");
  const evidence = libraries.map(
    ({ name, version, timeoutMs, option, setIn }) =>
      `${name} ${version}: ${option} ${Number.isFinite(timeoutMs) ? seconds(timeoutMs) : "without a limit"}${setIn === undefined ? " (its default)" : ` (${setIn.file}:${setIn.line})`}`,
  );
  const long = libraries.filter(({ timeoutMs }) => timeoutMs >= graceMs);
  const [one] = long;
  if (one === undefined)
    return passed(`${libraries.map(({ name, timeoutMs }) => `${name} ${gives(timeoutMs)}`).join("; ")}.`, {
      evidence,
    });
  return failed(
    `${one.name} ${gives(one.timeoutMs)}${one.setIn === undefined ? " by default" : ""}; the grace period is ${seconds(graceMs)}.`,
    `Set ${one.option} of ${one.name} well below the grace period, or raise the grace period.`,
    { evidence, location: one.setIn ?? one.manifest },
  );
}

function gives(ms: number): string {
  return Number.isFinite(ms) ? `gives up after ${seconds(ms)}` : "waits for clients as long as it takes";
}
