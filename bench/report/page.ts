/** The page of a run: one file that needs nothing else. */

import { chartGroups } from "./charts.ts";
import { chartSvg } from "./chart.ts";
import { escaped } from "./escaped.ts";
import { headOf, notesOf } from "./notes.ts";
import { isText, tablesOf, verdictTable } from "./tables.ts";
import type { Table } from "./tables.ts";
import type { Results } from "../results.ts";

export function asPage(results: Results): string {
  const groups = chartGroups(results).map(
    ({ title, charts }) =>
      `<h2>${escaped(title)}</h2>\n<div class="charts">${charts.map(chartSvg).join("\n")}</div>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>quorate: benchmark</title>
<style>${STYLE}</style>
</head>
<body>
<h1>quorate: benchmark</h1>
${headOf(results)
  .map((line) => `<p class="head">${escaped(line)}</p>`)
  .join("\n")}
${notesOf(results)
  .map(
    (note) =>
      `<p class="note${/NOT quiet|NOT WARM|VOID/.test(note) ? " bad" : ""}">${escaped(note)}</p>`,
  )
  .join("\n")}
${tableHtml(verdictTable(results))}
${groups.join("\n")}
<h2>All figures</h2>
${tablesOf(results).map(tableHtml).join("\n")}
</body>
</html>
`;
}

function tableHtml({ title, columns, rows }: Table): string {
  if (rows.length === 0) return "";
  const kinds = columns.map((_, at) => (isText(rows, at) ? ' class="text"' : ""));
  const cells = (row: readonly string[], tag: "td" | "th"): string =>
    row.map((cell, at) => `<${tag}${kinds[at]}>${marked(cell)}</${tag}>`).join("");
  return `<h3>${escaped(title)}</h3>
<div class="wide"><table><thead><tr>${cells(columns, "th")}</tr></thead>
<tbody>${rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n")}</tbody></table></div>`;
}

function marked(cell: string): string {
  if (cell === "pass" || cell === "FAIL") return `<b class="${cell}">${cell}</b>`;
  return escaped(cell);
}

const STYLE = `
:root { font: 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); color-scheme: light dark;
  --paper: #fff; --ink: #1c2430; --dim: #5b6675; --soft: #f6f8fa; --line: #dde2e9; --grid: #e6eaef; --note: #9aa4b2; --red: #d11f2f; --green: #17803d; --bad: #fdecec; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14181e; --ink: #e4e9f0; --dim: #a0abb9; --soft: #1e242d; --line: #343d49; --grid: #2a323d; --note: #6a7583; --red: #f0616c; --green: #43b96b; --bad: #411a1e; } }
body { margin: 0 auto; padding: 14px 20px 40px; max-width: 1500px; }
h1 { font-size: 20px; margin: 0 0 6px; } h2 { font-size: 16px; margin: 26px 0 8px; } h3 { font-size: 14px; margin: 18px 0 4px; }
.head { margin: 0; color: var(--dim); }
.note { margin: 8px 0; padding: 7px 12px; border-left: 5px solid var(--note); background: var(--soft); border-radius: 6px; }
.note.bad { background: var(--bad); border-color: var(--red); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 12px; }
svg { width: 100%; border: 1px solid var(--line); border-radius: 6px; }
svg text { font: 11px system-ui, sans-serif; fill: var(--dim); font-variant-numeric: tabular-nums; }
svg text.title { font-size: 13px; font-weight: 600; fill: var(--ink); } svg text.name { font-size: 12px; fill: var(--ink); }
svg .grid { stroke: var(--grid); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 10px; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th { color: var(--dim); font-weight: 600; } .text { text-align: left; }
.pass { color: var(--green); } .FAIL { color: var(--red); }
`;
