// How the page of a report looks, beside what all pages of the lab have (../output/style.ts). The rule: that of the other sheet;
// a verdict is a word and a sign, a standing is a word and a form, and a colour comes on top.

import { STYLE } from "../output/style.ts";

export const OVERVIEW_STYLE = `${STYLE}
main > section > p, .run > p { max-width: 46rem; }
.summary { margin: .5rem 0 1.4rem; }
body { max-width: 72rem; }
.scroll { position: relative; max-height: 88vh; overflow: auto; scroll-padding: 2.5rem 0 0 15rem; }
.matrix { width: auto; min-width: 100%; border-collapse: separate; border-spacing: 0; }
.matrix th, .matrix td { padding: .2rem .9rem .2rem 0; vertical-align: middle; overflow-wrap: normal; }
.matrix th[scope=row] { white-space: normal; min-width: 13rem; max-width: 24rem; }
.matrix thead th { position: sticky; top: 0; z-index: 1; padding: .4rem .9rem .4rem 0; background: var(--paper); }
.matrix th:first-child { position: sticky; left: 0; background: var(--paper); }
.matrix thead th:first-child { z-index: 2; }
.matrix th[scope=rowgroup] { position: static; }
.matrix th[scope=rowgroup] span, .matrix caption span { position: sticky; left: 0; }
.matrix tr > :nth-child(2) { padding-left: .6rem; }
.matrix tr:has(:target) > *, .figure:target caption { background: var(--card); }
.matrix :target { outline: 2px solid var(--link); outline-offset: -2px; }
.matrix tbody th[scope=rowgroup] { padding-top: 1.1rem; }
.matrix th .id { font-weight: 650; }
.differs { font-weight: 650; }
.cell {
  font: inherit; color: inherit; background: none; border: 1.5px solid transparent; border-radius: 6px; margin: 0 0 0 -.45rem;
  padding: .15rem .45rem; min-height: 1.75rem; text-align: left; white-space: nowrap; cursor: pointer;
  text-decoration: underline dotted var(--muted); text-underline-offset: .25em;
}
.cell:hover { background: var(--card); text-decoration-style: solid; }
.cell:focus-visible, .close:focus-visible, .panel:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.cell.fell { border-color: var(--error); color: var(--error); font-weight: 700; text-decoration-color: currentColor; }
.cell.untested { border: 1.5px dashed var(--warning); color: var(--warning); font-weight: 700; }
.cell.probed { white-space: normal; overflow-wrap: anywhere; }
.cell.absent { color: var(--muted); }
.cell.best { font-weight: 700; }
.panel {
  position: fixed; inset: 0; margin: auto; width: min(44rem, calc(100vw - 2rem)); height: fit-content; max-height: calc(100vh - 4rem); overflow: auto;
  padding: 1.25rem 1.4rem; background: var(--card); color: var(--ink); border: 1px solid var(--muted); border-radius: 10px;
}
.panel::backdrop { background: rgb(0 0 0 / .4); }
.panel h3 { font-size: 1.08rem; margin-bottom: .8rem; }
.close { font: inherit; margin-top: 1rem; padding: .25rem 1rem; color: var(--ink); background: var(--paper); border: 1.5px solid var(--muted); border-radius: 6px; cursor: pointer; }
.paper { display: none; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.25rem 2.5rem; margin: 1rem 0; }
.figure { table-layout: fixed; align-self: start; }
.figure caption { padding-bottom: .1rem; }
.figure th, .figure td { border: 0; padding: 0 .6rem 0 0; vertical-align: middle; }
.figure .who { width: 26%; }
.figure .value { width: 27%; }
.figure th { overflow-wrap: anywhere; line-height: 1.2; }
.figure th[scope=row] { white-space: normal; overflow-wrap: anywhere; }
.figure td.value { padding: 0 0 0 .8rem; }
.figure .unit { font-weight: 400; color: var(--muted); }
.figure .cell { white-space: normal; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.grid { stroke: var(--line); stroke-width: 1; }
.guide.limit { stroke: var(--ink); stroke-dasharray: 3 3; }
.spread { stroke: var(--main); stroke-width: 3; stroke-linecap: round; opacity: .55; }
.one { fill: var(--main); }
.median { fill: var(--paper); stroke: var(--main); stroke-width: 2; }
.median.best { fill: var(--main); }
.median.limit { fill: var(--paper); stroke: var(--ink); }
@media (max-width: 40rem) {
  .figure .who { width: 30%; }
  .figure .value { width: 34%; }
  .scroll { scroll-padding-left: 7rem; }
  .matrix th[scope=row] { min-width: 3rem; max-width: 6.5rem; }
  .matrix .cell.probed { min-width: 6rem; }
  .matrix th .about { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
}
@media (forced-colors: active) {
  .spread, .median, .guide.limit { stroke: CanvasText; }
  .one, .median.best { fill: CanvasText; }
  .median { fill: Canvas; }
}
@media print {
  .scroll { overflow: visible; max-height: none; }
  .matrix th:first-child, .matrix thead th, .matrix th[scope=rowgroup] span { position: static; }
  .matrix tr:has(:target) > *, .figure:target caption { background: none; }
  .matrix :target { outline: none; }
  .matrix th[scope=row] { min-width: 0; }
  .matrix th, .matrix td { padding-right: .4rem; }
  .cell { text-decoration: none; min-height: 0; margin-left: 0; }
  .cell.absent { white-space: normal; }
  .paper { display: block; margin-top: 1.5rem; }
  .paper + .paper { margin-top: 0; }
  .paper.brief { margin: 0; font-size: 8pt; line-height: 1.4; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; max-width: none; }
  .panel.screen { display: none; }
  .panel:not(.screen) { display: block; position: static; width: auto; max-height: none; overflow: visible; padding: .5rem 0; background: none; border: 0; border-bottom: 1px solid var(--line); border-radius: 0; break-inside: avoid; font-size: 8.5pt; }
  .panel h3 { font-size: 9.5pt; margin-bottom: .3rem; }
  .close { display: none; }
  .charts { grid-template-columns: 1fr 1fr; }
  .figure { break-inside: avoid; }
  :root {
    --paper: #fff; --card: #f6f7f9; --ink: #1c2127; --muted: #565f6b; --line: #d5dae1; --error: #b3261e; --warning: #8a4b00;
    --main: #2f62b5; --link: #1d55a8;
  }
}
`;
