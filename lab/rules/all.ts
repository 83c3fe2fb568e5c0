// Every rule, in the order of the ids. The rule: an id is never given to another rule, and each has its page in
// docs/rules.

import type { Finding } from "../report.ts";
import { PROCESS_RULES } from "./processes.ts";
import { REQUEST_RULES } from "./requests.ts";
import type { Results, Rule } from "./rule.ts";
import { STOP_RULES } from "./stop.ts";
import { SURPRISE_RULES } from "./surprises.ts";

export const RULES: readonly Rule[] = [...STOP_RULES, ...PROCESS_RULES, ...REQUEST_RULES, ...SURPRISE_RULES];

/** One finding for each rule: those that are not asked about are told, too. */
export function judge(results: Results, ignore: readonly string[]): Finding[] {
  return RULES.map((rule) => findingOf(rule, results, ignore.includes(rule.id)));
}

function findingOf(rule: Rule, results: Results, ignored: boolean): Finding {
  const judgement = rule.judge(results);
  const { id, title } = rule;
  const { verdict, what, because, location, change = "", evidence = [], runs = [] } = judgement;
  const severity = judgement.severity ?? rule.severity;
  if (ignored)
    return {
      rule: id,
      title,
      severity,
      verdict: "could-not-test",
      because: "absent",
      what: "Not asked about: it is ignored in the settings.",
      why: "",
      change: "",
      evidence: [],
      runs,
    };
  return {
    rule: id,
    title,
    verdict,
    severity,
    what,
    why: verdict === "failed" ? rule.why : "",
    change,
    evidence,
    runs,
    ...(because === undefined ? {} : { because }),
    ...(location === undefined ? {} : { location }),
  };
}
