// What fuzz came to, for a person. The rule: a line that plays again stands alone, whole, so that it can be copied.

import { quoted } from "../arena/quoted.ts";
import { LAB, word } from "../called.ts";
import { Page, type Paper } from "../output/sheet.ts";
import { visible } from "../output/visible.ts";
import { tell } from "./plan.ts";
import type { FuzzFailure, FuzzReport } from "./report.ts";

export function fuzzText(report: FuzzReport, paper: Paper): string {
  const page = new Page(paper);
  if (report.failure !== undefined) tellFailure(page, report, report.failure);
  const { rounds, deeds, sent, arrived } = report.figures;
  page.paragraph(
    `${visible(report.init.name)} on Linux ${visible(report.kernel)}: ${rounds} rounds in ${report.seconds} s, ${deeds} deeds, ${sent} signals sent to the init, ${arrived} taken by the program; ${report.failure === undefined ? "no law was broken" : "a law was broken"}. Counted: ${report.laws.join(", ")}.`,
    "",
  );
  return page.text();
}

function tellFailure(page: Page, { init }: FuzzReport, failure: FuzzFailure): void {
  const { law, promise, seen, seed, again, of, plan, deeds, line } = failure;
  page.heading(page.styled(["bold", "red"], "BROKEN"), `${law}: ${promise}`);
  page.labelled("Seen", visible(seen));
  page.labelled(
    "Again",
    `${again} of ${of} times${again === 0 ? ": the same events did not break it again" : ""}`,
  );
  if (seed !== undefined) page.labelled("Seed", `${seed}`);
  page.labelled("Events", `${plan.deeds.length}, of ${deeds}`);
  page.line(`  ${JSON.stringify(plan.circumstances)}`);
  for (const deed of plan.deeds) page.line(`  ${tell(deed)}`);
  page.line(`  the end: ${plan.ending}`);
  page.blank();
  page.line(`${LAB} fuzz ${word(visible(init.name))} --play ${quoted(line)}`);
  page.blank();
}
