// Rules about the processes behind the main program: who hears signals, who is left behind, who is never waited for.

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

export const PROCESS_RULES: readonly Rule[] = [
  {
    id: "SL009",
    title: "Signals reach the program behind a wrapper",
    severity: "error",
    why: "A shell or a package manager in front of the program gets the stop signal in its place; what it does not pass on is lost.",
    judge: wrapper,
  },
  {
    id: "SL010",
    title: "Nothing outlives the main program",
    severity: "warning",
    why: "When the main program of a container ends, the kernel kills every process that is left, without a word and without time.",
    judge: outlives,
  },
  {
    id: "SL011",
    title: "It stays in the foreground",
    severity: "error",
    why: "A program that puts itself into the background ends as a main program: the container is over, and the daemon is killed with it.",
    judge: foreground,
  },
  {
    id: "SL012",
    title: "It waits for its own children",
    severity: "warning",
    why: "A zombie whose parent lives stays until that parent ends; no init can reap it, and each takes one of the container's pids.",
    judge: children,
  },
  {
    id: "SL013",
    title: "Orphans are reaped",
    severity: "warning",
    why: "Health checks, docker exec and daemons leave orphans to PID 1; where it does not reap them, zombies pile up until no process can be started.",
    judge: orphans,
  },
];

const EXEC =
  'Write exec before the program in the shell, or make it the main program itself: CMD ["node", "server.js"] in place of a shell, npm start or yarn.';

function wrapper(results: Results): Judgement {
  const { first, direct, remains, graceMs, stopSignal } = results;
  const not = notUp(results);
  if (not !== undefined) return not;
  const runs = [first.run.id];
  if (first.others.length === 0)
    return absent("There is one process only: nothing is in front of the program.", { runs });
  const front = first.run.processes[0]?.command ?? "the main program";
  if (!inTime(first, graceMs)) {
    if (direct === undefined) return missing(results, "direct");
    if (!inTime(direct, graceMs))
      return absent(`What is behind "${front}" does not end on ${stopSignal} either.`, {
        runs: [...runs, direct.run.id],
      });
    return failed(
      `"${front}" got ${stopSignal} and did not pass it on; ${direct.to[0]} never heard of it. Sent to what is behind directly, ${tellEnd(direct)}.`,
      EXEC,
      { runs: [...runs, direct.run.id], evidence: [`processes: ${first.others.join(", ")}`] },
    );
  }
  const [unheard] = remains?.unheard ?? [];
  if (remains !== undefined && unheard !== undefined)
    return failed(
      `"${front}" ended on ${stopSignal} and did not pass it on: ${unheard}, which handles it, worked on and would have been killed.`,
      EXEC,
      { runs: [...runs, remains.run.id], evidence: remains.unheard },
    );
  return passed(`"${front}" ended on ${stopSignal}, and with it ${first.others.length} other processes.`, {
    runs,
  });
}

function outlives(results: Results): Judgement {
  const { remains, stopSignal } = results;
  if (remains === undefined) return notUp(results) ?? missing(results, "remains");
  const runs = [remains.run.id];
  if (remains.byItself && remains.left.length === 0)
    return hindered("The program did not stay up, so it could not be asked.", { runs });
  if (remains.byItself) return absent("It ended by itself: SL011 tells what it left behind.", { runs });
  if (!remains.ended) return absent("The main program did not end, so nothing could outlive it.", { runs });
  if (remains.left.length === 0) return passed("When it had ended, nobody else was there.", { runs });
  return failed(
    `When the main program had ended on ${stopSignal} (with an init before it), ${atWork(remains.left)}.`,
    "Let the main program pass the signal on and wait for its children; or, where it cannot, send signals to its whole process group (steady -g, tini -g).",
    { runs, evidence: remains.left },
  );
}

function atWork(left: readonly string[]): string {
  const [one = ""] = left;
  return left.length === 1
    ? `${one} was still at work`
    : `${left.length} others were still at work: ${left.join(", ")}`;
}

function foreground(results: Results): Judgement {
  const { first, remains } = results;
  if (first.asked) return passed("The main program stayed.", { runs: [first.run.id] });
  if (remains === undefined) return missing(results, "remains");
  const runs = [first.run.id, remains.run.id];
  if (!remains.byItself || remains.left.length === 0) return absent("It left no daemon behind.", { runs });
  return failed(
    `The main program ended by itself with status ${remains.status} and left ${remains.left.join(", ")} in the background.`,
    "Use its option for the foreground (nginx -g 'daemon off;', apache2 -DFOREGROUND, cron -f, redis --daemonize no).",
    { runs, evidence: remains.left },
  );
}

function children(results: Results): Judgement {
  const not = notUp(results);
  if (not !== undefined) return not;
  const { first } = results;
  const runs = [first.run.id];
  const own = first.zombies.filter(({ adopted }) => !adopted);
  if (own.length === 0)
    return passed(`It had no zombie of its own after ${seconds(first.askedMs)}.`, { runs });
  const [one] = own;
  const evidence = own.map(({ name, pid, parent }) => `zombie ${name} (pid ${pid}), child of ${parent}`);
  return failed(
    `${own.length} of its children had ended and were not waited for, such as ${one?.name} (pid ${one?.pid}) of ${one?.parent}.`,
    "Let the parent wait for its children (waitpid, subprocess.wait, a SIGCHLD handler), or not start them itself. No init can do it in its place.",
    { runs, evidence },
  );
}

function orphans(results: Results): Judgement {
  const { adoption, first, bare } = results;
  const not = notUp(results);
  if (not !== undefined) return not;
  const piled = first.zombies.filter(({ adopted }) => adopted);
  if (adoption === undefined && piled.length === 0) return missing(results, "orphan");
  const runs = [first.run.id, ...(adoption === undefined ? [] : [adoption.run.id])];
  if (adoption !== undefined && !adoption.adopted && piled.length === 0)
    return hindered(`No orphan could be handed over to it: ${adoption.why}.`, { runs });
  if (adoption?.reaped === true && piled.length === 0)
    return passed("An orphan that was handed over to PID 1 was reaped when it had ended.", { runs });
  const change = bare
    ? "Start it under an init, which reaps orphans (docker run --init, or an ENTRYPOINT that begins with one)."
    : "Use an init that reaps orphans: this one does not.";
  const evidence = piled.map(
    ({ name, pid }) => `zombie ${name} (pid ${pid}), which was handed over to PID 1`,
  );
  return failed("An orphan that was handed over to PID 1 stayed a zombie when it had ended.", change, {
    runs,
    evidence,
  });
}
