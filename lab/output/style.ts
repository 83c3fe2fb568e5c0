// How the page looks. The rule: every text has a contrast of 4.5 and every mark one of 3 against what it stands on, in
// light and in dark; nothing moves, and nothing is told by colour alone.

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fff; --card: #f6f7f9; --ink: #1c2127; --muted: #565f6b; --line: #d5dae1;
  --error: #b3261e; --warning: #8a4b00; --note: #2357a5; --passed: #17693a;
  --main: #2f62b5; --descendant: #7d96bd; --init: #7a838f; --probe: #8a6fb0; --port: #2d8559; --link: #1d55a8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --card: #1d2126; --ink: #e4e7eb; --muted: #a2abb6; --line: #363d46;
    --error: #ff9187; --warning: #f3b765; --note: #8fbcff; --passed: #7ad3a0;
    --main: #7fabf2; --descendant: #5a7bb0; --init: #7f8995; --probe: #a78bd0; --port: #4fae7f; --link: #93bfff;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1, h2, h3, h4 { line-height: 1.25; margin: 0; font-weight: 650; letter-spacing: -.01em; }
h1 { font-size: 1.9rem; }
h2 { font-size: 1.3rem; margin: 3rem 0 1rem; }
h3 { font-size: 1.08rem; }
p { margin: .5rem 0; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible {
  outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px;
}
code, pre, .seen, .log {
  font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace;
  font-size: .875em;
}
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--paper); z-index: 1; }
.muted, .name .pid { color: var(--muted); }
header .tool { margin: 0 0 .25rem; color: var(--muted); }
header .subject { margin: .35rem 0 1rem; font-size: 1.05rem; }
header .headline { font-weight: 650; }
nav ul { list-style: none; margin: 1rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }

.finding { margin: 1rem 0; padding: 1.1rem 1.25rem; background: var(--card); border-radius: 10px; border-left: 5px solid var(--muted); }
.finding.error { border-left-color: var(--error); }
.finding.warning { border-left-color: var(--warning); }
.finding.note { border-left-color: var(--note); }
.finding h3 { margin-bottom: .8rem; }
.kind { display: inline-block; margin-right: .35rem; padding: .05rem .5rem; border-radius: 1rem; border: 1.5px solid currentColor; font-size: .8rem; vertical-align: .1em; }
.error .kind { color: var(--error); }
.warning .kind { color: var(--warning); }
.note .kind { color: var(--note); }
.untested .kind { color: var(--ink); }
.finding dl { margin: 0; display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1rem; }
dt { font-weight: 650; }
dd { margin: 0; }
.seen { list-style: none; margin: .15rem 0 0; padding: 0; }
.seen li + li { margin-top: .15rem; }
.inline { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .1rem .9rem; }
.rules { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .35rem 2rem; }
.rules.reasons { grid-template-columns: 1fr; }
.rules li { display: flex; gap: .6rem; }
.absent { margin: 1.6rem 0 .6rem; }
.rules .mark { color: var(--passed); font-weight: 700; }

.run { margin: 0; padding: 1.4rem 0 1.2rem; border-top: 1px solid var(--line); }
.run > p { margin: .15rem 0 .9rem; color: var(--muted); }
figure { margin: 0; }
.row { display: grid; grid-template-columns: 11rem minmax(0, 1fr); column-gap: .9rem; align-items: center; }
.name { display: flex; justify-content: flex-end; gap: .35em; font-size: .85rem; line-height: 1.2; white-space: nowrap; }
.name b { font-weight: 550; min-width: 0; overflow: hidden; text-overflow: ellipsis; }
.name .pid { color: var(--muted); }
header .tool { margin: 0 0 .25rem; color: var(--muted); }
header .subject { margin: .35rem 0 1rem; font-size: 1.05rem; }
header .headline { font-weight: 650; }
nav ul { list-style: none; margin: 1rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }

.finding { margin: 1rem 0; padding: 1.1rem 1.25rem; background: var(--card); border-radius: 10px; border-left: 5px solid var(--muted); }
.finding.error { border-left-color: var(--error); }
.finding.warning { border-left-color: var(--warning); }
.finding.note { border-left-color: var(--note); }
.finding h3 { margin-bottom: .8rem; }
.kind { display: inline-block; margin-right: .35rem; padding: .05rem .5rem; border-radius: 1rem; border: 1.5px solid currentColor; font-size: .8rem; vertical-align: .1em; }
.error .kind { color: var(--error); }
.warning .kind { color: var(--warning); }
.note .kind { color: var(--note); }
.untested .kind { color: var(--ink); }
.finding dl { margin: 0; display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1rem; }
dt { font-weight: 650; }
dd { margin: 0; }
.seen { list-style: none; margin: .15rem 0 0; padding: 0; }
.seen li + li { margin-top: .15rem; }
.inline { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .1rem .9rem; }
.rules { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .35rem 2rem; }
.rules.reasons { grid-template-columns: 1fr; }
.rules li { display: flex; gap: .6rem; }
.absent { margin: 1.6rem 0 .6rem; }
.rules .mark { color: var(--passed); font-weight: 700; }

.run { margin: 0; padding: 1.4rem 0 1.2rem; border-top: 1px solid var(--line); }
.run > p { margin: .15rem 0 .9rem; color: var(--muted); }
figure { margin: 0; }
.row { display: grid; grid-template-columns: 11rem minmax(0, 1fr); column-gap: .9rem; align-items: center; }
.name { text-align: right; font-size: .85rem; line-height: 1.2; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.name b { font-weight: 550; }
.name .pid { font-variant-numeric: tabular-nums; }
.track { display: block; overflow: visible; }
.bar.main { fill: var(--main); }
.bar.descendant { fill: var(--descendant); }
.bar.init { fill: var(--init); }
.bar.probe { fill: var(--probe); }
.bar.port { fill: var(--port); }
.bar.zombie { fill: var(--paper); stroke: var(--error); stroke-width: 1.5; stroke-dasharray: 4 3; }
.guide { stroke: var(--muted); stroke-width: 1; }
.guide.signal, .guide.grace { stroke: var(--error); stroke-width: 1.25; }
.guide.ready { stroke-dasharray: 2 3; }
.label { font-size: 12px; font-weight: 600; fill: var(--error); paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
.label.ready { fill: var(--muted); font-weight: 400; }
.tick { stroke: var(--muted); }
.time { font-size: 12px; fill: var(--muted); font-variant-numeric: tabular-nums; }
.request { fill: var(--port); }
.failure { stroke: var(--error); stroke-width: 2; fill: none; }
.legend { list-style: none; margin: .5rem 0 1rem; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .875rem; color: var(--muted); }
.legend li { display: flex; align-items: center; gap: .45rem; }

details { margin-top: .5rem; }
summary { cursor: pointer; width: fit-content; color: var(--link); font-size: .9rem; padding: .15rem 0; }
.scroll { overflow-x: auto; margin: .5rem 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
caption { text-align: left; font-weight: 650; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 650; }
table.processes { min-width: 38rem; }
th, .processes td { overflow-wrap: normal; }
.processes td.log { overflow-wrap: anywhere; }
th[scope=row], td.number { font-variant-numeric: tabular-nums; white-space: nowrap; font-weight: 400; overflow-wrap: normal; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.25rem; margin: 0; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--muted); font-size: .875rem; }

@media (max-width: 40rem) {
  body { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.5rem; }
  .finding { padding: 1rem; }
  .finding dl, .facts { grid-template-columns: 1fr; gap: .1rem; }
  .finding dd, .facts dd { margin-bottom: .5rem; }
  .row { grid-template-columns: minmax(0, 1fr); }
  .name { justify-content: flex-start; margin-top: .3rem; }
  .name:empty { display: none; }
  .row .track { margin-top: -3px; }
}
@media (forced-colors: active) {
  .bar, .request { fill: CanvasText; }
  .bar.zombie { fill: Canvas; stroke: CanvasText; }
  .label, .time { fill: CanvasText; }
}
@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .skip, nav { display: none; }
  .finding, .row, tr, li { break-inside: avoid; }
  h2, h3, .run > p { break-after: avoid; }
  .finding, .bar { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  details::details-content { content-visibility: visible; display: block; }
  summary { color: inherit; }
}
`;
