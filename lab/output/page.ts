// The report as one page: findings, what passed, and a time line of each run with the same in tables. The rule: what is folded
// is in the page all the same, for paper and for a search.

import type { Finding, ProcessSpan, Report, Run } from "../report.ts";
import { dateOf, entry, htmlDocument } from "./document.ts";
import { type Markup, markup } from "./markup.ts";
import type { Sources } from "./sarif.ts";
import { STYLE } from "./style.ts";
import { timeline } from "./timeline.ts";
import {
  alike,
  commandLine,
  count,
  duration,
  eventText,
  headline,
  moment,
  outcome,
  place,
  rulePage,
  type Sorted,
  sentenceCase,
  sorted,
  subjectName,
  tried,
} from "./words.ts";

export function htmlReport(report: Report, { documents }: Pick<Sources, "documents">): string {
  const parts = sorted(report.findings);
  const { name, version } = report.tool;
  return htmlDocument({
    title: `${headline(report)} – ${subjectName(report)}`,
    generator: `${name} ${version}`,
    style: STYLE,
    skip: "To the findings",
    body: markup`${header(report)}
${contents(parts)}
<main id="main" tabindex="-1">
${findings(report, parts, documents)}
${passedSection(parts)}
${runsSection(report)}
${facts(report)}
</main>
<footer><p>Made by ${name} ${version} on ${dateOf(report.startedAt)}.</p></footer>`,
  });
}

function header(report: Report): Markup {
  return markup`<header>
<p class="tool">steady-lab check</p>
<h1>${headline(report)}</h1>
<p class="subject"><code>${subjectName(report)}</code></p>
<p>${place(report)} Its stop signal is ${report.subject.stopSignal}.</p>
${report.environment.notes.map((note) => markup`<p>${note}</p>`)}
<p class="muted">${tried(report)}</p>
</header>`;
}

function contents({ passed, absent }: Sorted): Markup {
  return markup`<nav aria-label="On this page"><ul>
<li><a href="#findings">Findings</a></li>
${passed.length + absent.length > 0 ? markup`<li><a href="#passed">What passed</a></li>` : undefined}
<li><a href="#runs">Time lines of the runs</a></li>
<li><a href="#how">How it was checked</a></li>
</ul></nav>`;
}

function findings(report: Report, { failed, hindered }: Sorted, documents: string): Markup {
  const all = [...failed.map((finding) => [finding] as const), ...alike(hindered)];
  return markup`<section aria-labelledby="findings">
<h2 id="findings">Findings</h2>
${all.length === 0 ? markup`<p>None: there is nothing to change.</p>` : all.map((each) => article(report, each, documents))}
</section>`;
}

/** One finding, or several that say the same. */
function article(report: Report, group: readonly [Finding, ...Finding[]], documents: string): Markup {
  const [{ rule, severity, verdict, what, why, change, evidence }] = group;
  const kind = verdict === "failed" ? severity : "could not test";
  const style = verdict === "failed" ? severity : "untested";
  const rules = group.map(
    (each) =>
      markup`<li><a href="${new URL(rulePage(each.rule), documents).href}">${each.rule}</a> ${each.title}</li>`,
  );
  return markup`<article class="finding ${style}" id="${rule}" aria-labelledby="${rule}-title">
<h3 id="${rule}-title"><span class="kind">${sentenceCase(kind)}</span> <bdi>${what}</bdi></h3>
<dl>
${entry("Why it matters", why)}${entry("What to change", change)}${seen(evidence)}${entry("Runs", runLinks(report, group))}${entry(rules.length === 1 ? "Rule" : "Rules", markup`<ul class="inline">${rules}</ul>`)}
</dl>
</article>
`;
}

function seen(evidence: readonly string[]): Markup | undefined {
  const lines = evidence.map((line) => markup`<li><bdi>${line}</bdi></li>`);
  return lines.length === 0 ? undefined : entry("What was seen", markup`<ul class="seen">${lines}</ul>`);
}

function runLinks({ runs }: Report, group: readonly Finding[]): Markup | undefined {
  const ids = group.flatMap((finding) => finding.runs);
  const links = runs.flatMap((run, i) =>
    ids.includes(run.id) ? [markup`<li><a href="#run-${i}">${run.title}</a></li>`] : [],
  );
  return links.length === 0 ? undefined : markup`<ul class="inline">${links}</ul>`;
}

function passedSection({ passed, absent }: Sorted): Markup | undefined {
  if (passed.length + absent.length === 0) return undefined;
  const items = passed.map(
    ({ rule, title }) =>
      markup`<li><span class="mark" aria-hidden="true">✓</span><span>${sentenceCase(title)} <span class="muted">${rule}</span></span></li>`,
  );
  const others = absent.map(
    ({ rule, title, what }) =>
      markup`<li><span aria-hidden="true">–</span><span>${sentenceCase(title)} <span class="muted">${rule}: ${what}</span></span></li>`,
  );
  return markup`<section aria-labelledby="passed">
<h2 id="passed">What passed</h2>
<ul class="rules">${items}</ul>
${others.length > 0 ? markup`<h3 class="absent">Not asked: ignored, or they do not apply here</h3><ul class="rules reasons">${others}</ul>` : undefined}
</section>`;
}

function runsSection(report: Report): Markup {
  const { runs, findings } = report;
  return markup`<section aria-labelledby="runs">
<h2 id="runs">Time lines of the runs</h2>
${runs.length === 0 ? markup`<p>The program was not run.</p>` : LEGEND}
${runs.map((run, i) => runSection(run, i, findings))}
</section>`;
}

const swatch = (style: string): Markup =>
  markup`<svg width="22" height="14" aria-hidden="true" focusable="false"><rect class="bar ${style}" x="1" y="1" width="20" height="12" rx="3"/></svg>`;

const sign = (drawing: Markup): Markup =>
  markup`<svg width="14" height="14" aria-hidden="true" focusable="false">${drawing}</svg>`;

const LEGEND = markup`<ul class="legend" aria-hidden="true">
<li>${swatch("main")} the program</li>
<li>${swatch("descendant")} its processes</li>
<li>${swatch("init")} init</li>
<li>${swatch("probe")} put in by the lab</li>
<li>${swatch("zombie")} zombie</li>
<li>${swatch("port")} listening</li>
<li>${sign(markup`<circle class="request" cx="7" cy="7" r="4"/>`)} requests answered</li>
<li>${sign(markup`<path class="failure" d="M3 3 11 11M3 11 11 3"/>`)} request failed</li>
</ul>`;

function runSection(run: Run, i: number, findings: readonly Finding[]): Markup {
  const about = findings.filter((each) => each.verdict === "failed" && each.runs.includes(run.id));
  const links = about.map(({ rule }) => markup` <a href="#${rule}">${rule}</a>`);
  return markup`<section class="run" aria-labelledby="run-${i}">
<h3 id="run-${i}">${run.title}</h3>
<p>${outcome(run)} ${run.init.kind === "bare" ? "" : `PID 1 was ${run.init.name}. `}${links.length > 0 ? markup`Findings:${links}` : undefined}</p>
${timeline(run)}
<details><summary>Tables of this run: ${count(run.timeline.length, "event")}, ${run.processes.length} ${run.processes.length === 1 ? "process" : "processes"}</summary>
${eventTable(run)}
${processTable(run)}
</details>
</section>
`;
}

function eventTable(run: Run): Markup {
  const rows = run.timeline.map(
    (event) =>
      markup`<tr><th scope="row">${moment(event.atMs)}</th><td${event.kind === "log" ? markup` class="log"` : undefined}>${event.kind === "log" ? `${event.stream}: ` : ""}<bdi>${eventText(event)}</bdi></td></tr>
`,
  );
  return scrolling(
    "events",
    run,
    markup`<thead><tr><th scope="col">Time</th><th scope="col">What happened</th></tr></thead><tbody>${rows}</tbody>`,
  );
}

function processTable(run: Run): Markup {
  return scrolling(
    "processes",
    run,
    markup`<thead><tr><th scope="col">Pid</th><th scope="col">Name</th><th scope="col">Parent</th><th scope="col">From</th><th scope="col">To</th><th scope="col">Command line</th></tr></thead>
<tbody>${run.processes.map(processRow)}</tbody>`,
  );
}

function processRow({ pid, name, parent, startMs, endMs, zombieMs, command }: ProcessSpan): Markup {
  const end = endMs === undefined ? "still there" : moment(endMs);
  const zombie = zombieMs === undefined ? "" : `, a zombie from ${moment(zombieMs)} on`;
  return markup`<tr><th scope="row">${pid}</th><td>${name}</td><td class="number">${parent}</td><td class="number">${moment(startMs)}</td><td>${end}${zombie}</td><td class="log"><bdi>${command}</bdi></td></tr>
`;
}

/** A table that is wider than a phone scrolls, and a keyboard can do that too. */
function scrolling(kind: "events" | "processes", { title }: Run, rows: Markup): Markup {
  const caption = `${sentenceCase(kind)}: ${title}`;
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table class="${kind}"><caption>${caption}</caption>${rows}</table></div>`;
}

function facts({ subject, environment, settings }: Report): Markup {
  return markup`<section aria-labelledby="how">
<h2 id="how">How it was checked</h2>
<dl class="facts">
${entry("Image", subject.image && `${subject.image.name} ${subject.image.id}`)}
${entry("Command", markup`<code>${commandLine(subject.command)}</code>`)}
${entry("Directory", subject.directory)}
${entry("Stop signal", subject.stopSignal)}
${entry("Signals tried", settings.signals.join(", "))}
${entry("Grace period", duration(settings.graceMs))}
${entry("Ready when", settings.ready)}
${entry("PID 1", environment.init.name)}
${entry("Engine", environment.engine)}
${entry("Kernel", environment.kernel)}
${entry("Platform", environment.platform)}
${entry("Node", environment.node)}
</dl>
</section>`;
}
